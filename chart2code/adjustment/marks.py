"""Points and strokes: places, sizes and widths of markers and lines."""

from __future__ import annotations

import ast

import numpy as np

from chart2code import readout
from chart2code.adjustment.frames import Frame, tick_scale, value_fit
from chart2code.adjustment.reading import Reading
from chart2code.drawing import Series
from chart2code.program import number, string_literal

THICKEST = 6  # points, of lines
LOWER = {"^": 0.12, "v": -0.12}  # the middle of triangles with an edge, in their heights
AREAS = {"o": 0.785, "s": 1.0, "D": 1.0, "^": 0.5, "v": 0.5}  # of markers, in squares of their size


def write_stroke(reading: Reading, s: Series, own: np.ndarray, seen: readout.Stroke | None) -> None:
    """Gives a line the dashes, the markers and the thickness that it has in the target."""
    if seen is None or s.marks is None:
        return
    program, node = reading.drawing.program, s.call.node
    changes = []
    drawn = readout.find_stroke(own, s.marks[:, 0], s.marks[:, 1])
    if seen.gaps < 0.03:
        changes.append(program.set_keyword(node, "linestyle", None))
    elif seen.style != "-" and drawn is not None and seen.style != drawn.style:
        changes.append(program.set_keyword(node, "linestyle", string_literal(seen.style)))
    if not seen.markers:
        changes.append(program.set_keyword(node, "marker", None))
    elif seen.marker is not None and drawn is not None and seen.marker != drawn.marker:
        changes.append(program.set_keyword(node, "marker", string_literal(seen.marker)))
    if drawn is not None and not 0.86 < seen.thickness / drawn.thickness < 1.17:
        own_width = number(s.call.keyword("linewidth")) or 1.5
        if s.call.keyword("linewidth") is None and program.statement_calls("use"):  # a style sheet's: at 100 dpi
            own_width = drawn.thickness / reading.drawing.scale * 0.72
        width = own_width * seen.thickness / drawn.thickness
        width = round(width * 2) / 2 or 0.5
        if width <= THICKEST:
            changes.append(program.set_keyword(node, "linewidth", None if width == 1.5 else f"{width:g}"))
    reading.changes += changes


def marker_size(area: float | np.ndarray, scale: float) -> float | np.ndarray:
    """The `s` of round markers of an area in pixels: the square of their diameters in points. `scale`: pixels per
    pixel of the figure at 100 dpi."""
    return area / scale**2 * 0.72**2 * 4 / np.pi


def read_points(
    reading: Reading, series: list[Series], covers: list[np.ndarray], own: list[np.ndarray], frame: Frame, scale: bool
) -> None:
    program = reading.drawing.program
    fits = []
    for axis in (0, 1):
        marks = [s.marks for s in series if s.marks is not None]
        values = [
            v
            for s in series
            if s.marks is not None
            for v in (program.literals(s.call.x) or [] if axis == 0 else s.values)
        ]
        fits.append(value_fit(np.concatenate(marks) if marks else None, values, axis))
    if None in fits:
        return
    spans = [fits[0].span(frame.own[2] - frame.own[0]), fits[1].span(frame.own[3] - frame.own[1])]
    scales = [(1.0, 0.0), (1.0, 0.0)]
    if scale:
        scales = [
            tick_scale(reading, fits[0], frame.turned, 0, False),
            tick_scale(reading, fits[1], frame, 0, False),
        ]

    def write_places(s: Series, places: np.ndarray) -> None:
        own_places = frame.to_own_x(places[:, 0]), frame.to_own_y(places[:, 1])
        for axis, name in enumerate((s.call.x, s.column)):
            factor, shift = scales[axis]
            reading.write({name: fits[axis](own_places[axis]) * factor + shift}, spans[axis] * factor)

    for s, cover, own_cover in zip(series, covers, own):
        own_points = readout.find_points(own_cover)
        points = readout.find_points(cover, own_points.area if own_points else None)
        column = program.column(s.column)
        if points is None or column is None or len(points.places) > 400:
            continue
        bubbles = readout.find_bubbles(cover)
        if bubbles is not None:
            places, areas = bubbles
            write_places(s, places)
            sizes = marker_size(areas, reading.drawing.scale)
            text = f"[{', '.join(f'{max(5, round(size / 5) * 5)}' for size in sizes)}]"
            reading.changes += [
                program.set_keyword(s.call.node, "s", text),
                program.set_keyword(s.call.node, "marker", None),
            ]
            continue
        node = s.call.keyword("marker")
        own_marker = node.value if isinstance(node, ast.Constant) else "o"
        marker = points.marker if points.marker and own_marker in AREAS else own_marker
        # Of what is measured from a marker's place: the middle of a triangle is nearer to its base.
        offset = np.array([0, LOWER.get(marker, 0) * (2 * points.area) ** 0.5])
        if own_points and marker == own_marker and s.marks is not None:
            apart = own_points.places[:, None] - s.marks
            nearest = np.abs(apart).sum(axis=2).argmin(axis=1)
            measured = np.median(apart[np.arange(len(nearest)), nearest], axis=0)
            offset = np.where(np.abs(measured) < 3, measured, offset)
        write_places(s, points.places - offset)
        if marker != own_marker:
            text = None if marker == "o" else string_literal(marker)
            reading.changes.append(program.set_keyword(s.call.node, "marker", text))
        ratio = points.area / own_points.area if own_points else 1.0
        if marker != own_marker or not 0.92 < ratio < 1.09:
            size = (number(s.call.keyword("s")) or 36.0) * ratio * AREAS.get(own_marker, 1) / AREAS.get(marker, 1)
            reading.changes.append(program.set_keyword(s.call.node, "s", str(max(1, round(size / 5) * 5))))

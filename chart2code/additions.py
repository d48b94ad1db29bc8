"""What a chart has beside the series of a program: error bars, bands around lines, lines across the axes.

What a program lacks of these is measured in the target and added to it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from chart2code import morphology, readout
from chart2code.across import Across, find_lines_across
from chart2code.adjustment.colors import DARK, GREY, SAME_COLOR
from chart2code.adjustment.frames import Frame, axes_fit
from chart2code.adjustment.scene import Scene
from chart2code.drawing import Drawing, color_literal
from chart2code.program import Change, Program
from chart2code.scales import Scale, value_literals

LONG_ERRORS = 6  # pixels: half the length of error bars on a line, whose markers are as long
BAND = (0.08, 0.6)  # opacity of bands
SAME_LINE = 3  # pixels between two lines across the axes that are one
BESIDE = 4.0  # pixels, between the edge of an area and the middle of the line that is its border


def completed(drawing: Drawing, target: np.ndarray) -> list[str]:
    """The program with all that it lacks, and, if that is several things, with each of them alone."""
    if not drawing.series or drawing.box is None or any(s.kind == "pie" for s in drawing.series):
        return []
    scene = Scene.of(drawing, target)
    frame = Frame(scene.box, drawing.box, False)
    palette = [color for color, _ in readout.find_colors(target, scene.box, greys=True)]
    if any(s.kind == "barh" for s in drawing.series):
        lines = _lines_across(drawing, target, scene, frame, palette)
        return [drawing.program.changed(lines)] if lines else []
    found = [
        _lines_across(drawing, target, scene, frame, palette),
        _error_bars(drawing, target, scene, frame),
        _bands(drawing, target, scene, frame, palette) or _between(drawing, target, scene, palette),
    ]
    found = [changes for changes in found if changes]
    options = [sum(found, []), *found] if len(found) > 1 else found
    return [drawing.program.changed(changes) for changes in options]


def _error_bars(drawing: Drawing, target: np.ndarray, scene: Scene, frame: Frame) -> list[Change]:
    """Error bars on bars or lines."""
    program, changes, written = drawing.program, [], {}
    if any(s.call.method == "errorbar" or s.call.keyword("yerr") for s in drawing.series):
        return []
    ticks = readout.find_ticks(target, scene.box, "bottom")
    for s, cover in zip(drawing.series, scene.covers):
        fit, column = axes_fit(drawing, drawing.series, s.axes, frame), program.column(s.column)
        if fit is None or column is None:
            continue
        cap, color, lengths = 0.0, None, None
        if s.kind == "bar":
            found = readout.find_bars(cover, ticks)
            whiskers = readout.find_whiskers(target, found) if len(found) == len(s.values) else None
            if whiskers is not None:
                lengths, cap, color = whiskers.lengths, whiskers.cap, whiskers.color
        elif s.kind == "plot" and s.marks is not None:
            lengths, cap = _errors_of_line(cover, frame.from_own_x(s.marks[:, 0])) or (None, 0.0)
        if lengths is None:
            continue
        name = _fresh(program, "errors", written)
        span = fit.span(frame.own[3] - frame.own[1])
        texts = value_literals(lengths * abs(fit.slope) * frame.ratio_y, span)
        written[name] = texts
        changes += program.add_columns(column[0], {name: texts})
        keywords = [f"yerr={name}"]
        if cap:
            keywords.append(f"capsize={max(1, round(cap / drawing.scale * 0.72))}")
        if color is not None and color.max() > 30:
            keywords.append(f"ecolor={color_literal(color)}")
        if s.kind == "plot":
            end = program.span(s.call.node.func)[1]
            changes.append(((end - len("plot"), end), "errorbar"))
        end = max(program.span(node)[1] for node in [*s.call.node.args, *s.call.node.keywords])
        changes.append(((end, end), f", {', '.join(keywords)}"))
    return changes


def _errors_of_line(cover: np.ndarray, knots: np.ndarray) -> tuple[np.ndarray, float] | None:
    """Half the lengths of the error bars at the points of a line, and half the width of their caps (0: no caps), in
    pixels; None if there are none."""
    traced = readout.trace_line(cover, knots)
    if traced is None or len(knots) < 3:
        return None
    lengths = readout.find_errors(cover, knots, traced)
    middles = (knots[1:] + knots[:-1]) / 2
    between = readout.find_errors(cover, middles, np.interp(middles, knots, traced))
    if np.median(lengths) <= max(LONG_ERRORS, 2 * np.median(between)):
        return None
    return lengths, readout.caps_of_errors(cover, knots, traced, lengths)


def _bands(
    drawing: Drawing, target: np.ndarray, scene: Scene, frame: Frame, palette: list[np.ndarray]
) -> list[Change]:
    """Bands around lines."""
    program, changes, written = drawing.program, [], {}
    if any(call.method == "fill_between" for call in program.calls):
        return []
    for s, ink, cover in zip(drawing.series, scene.colors, scene.covers):
        if s.kind != "plot" or s.marks is None or not s.call.x:
            continue
        fit, column = axes_fit(drawing, drawing.series, s.axes, frame), program.column(s.column)
        if fit is None or column is None:
            continue
        shares = [(share, wash) for wash in palette if (share := readout.wash_of(wash, ink, scene.paper))]
        shares = [(share, wash) for share, wash in shares if BAND[0] < share < BAND[1]]
        knots = frame.from_own_x(s.marks[:, 0])
        around = ((share, _edges(readout.difference(target, wash) < 10, cover, knots)) for share, wash in shares)
        share, edges = next((pair for pair in around if pair[1] is not None), (0.0, None))
        if edges is None:
            continue
        low, high = (fit(frame.to_own_y(edge)) for edge in edges)
        span = fit.span(frame.own[3] - frame.own[1])
        names = []
        for name, values in (("low", low), ("high", high)):
            names.append(_fresh(program, name, written))
            written[names[-1]] = value_literals(values, span)
        changes += program.add_columns(column[0], {name: written[name] for name in names})
        end = program.span(program.statement_of(s.call.node))[1]
        style = f"color={color_literal(ink)}, alpha={round(20 * share) / 20:g}, linewidth=0"
        changes.append(((end, end), f"\n{s.call.axes}.fill_between({s.call.x}, {', '.join(names)}, {style})"))
    return changes


def _between(drawing: Drawing, target: np.ndarray, scene: Scene, palette: list[np.ndarray]) -> list[Change]:
    """The area between two lines."""
    program = drawing.program
    lines = [
        (s, readout.find_path(cover)) for s, cover in zip(drawing.series, scene.covers) if s.call.method == "plot"
    ]
    if any(call.method == "fill_between" for call in program.calls):
        return []
    for color in palette:
        area = readout.area_of(target, color, scene.box)
        columns = np.flatnonzero(area.any(axis=0))
        if not len(columns):
            continue
        upper, lower = _outline(area, columns)
        for (one, high), (other, low) in itertools.permutations(lines, 2):
            same = one.call.x and one.call.x == other.call.x and one.axes == other.axes
            away = np.abs([upper + 0.5 - high[columns], lower - 0.5 - low[columns]])
            if not same or not np.nan_to_num(away, nan=BESIDE + 1).mean(axis=1).max() < BESIDE:
                continue
            end = program.span(program.statement_of(other.call.node))[1]
            arguments = f"{one.call.x}, {other.column}, {one.column}, color={color_literal(color)}"
            return [((end, end), f"\n{one.call.axes}.fill_between({arguments})")]
    return []


def _edges(wash: np.ndarray, cover: np.ndarray, knots: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Heights at `knots` of the lower and the upper edge of a band around a line; None if it isn't one."""
    mask = morphology.opening(wash, (2, 2))
    path = readout.find_path(cover)
    columns = np.flatnonzero(mask.any(axis=0) & ~np.isnan(path))
    columns = columns[(columns >= knots[0]) & (columns <= knots[-1])]
    if len(columns) < 0.6 * (knots[-1] - knots[0]):
        return None
    upper, lower = _outline(mask, columns)
    around = (upper < path[columns]) & (lower > path[columns])
    if around.sum() < 0.7 * len(around):  # an area below the line
        return None
    return np.interp(knots, columns, lower), np.interp(knots, columns, upper)


def _outline(mask: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Heights of the upper and the lower edge of what is True, in columns that have some of it."""
    upper, beyond = (part[:, columns].argmax(axis=0).astype(float) for part in (mask, mask[::-1]))
    return upper - 0.5, len(mask) - beyond - 0.5


def _lines_across(
    drawing: Drawing, target: np.ndarray, scene: Scene, frame: Frame, palette: list[np.ndarray]
) -> list[Change]:
    """Lines from one side of the axes to the other, in colours of their own."""
    program = drawing.program
    if program.statement_calls("axhline") or program.statement_calls("axvline"):
        return []
    lying = any(s.kind == "barh" for s in drawing.series)  # beside these there are names
    scales = [
        None if lying and side == "left" else _scale(drawing, target, scene, frame, side)
        for side in ("left", "bottom")
    ]
    known, drawn = list(find_lines_across(target, scene.box)), find_lines_across(drawing.pixels, drawing.box)
    lines = [line for line in known if not _has(drawn, line.upright, line.place)]
    for color in sorted(palette, key=lambda color: -np.abs(color - scene.paper).max()):  # soft edges last
        own = min(np.abs(color - s).max() for s in scene.colors)
        if own < 2 * SAME_COLOR or np.ptp(color) < GREY and color.max() > DARK:
            continue
        cover = readout.coverage_inside(target, color, scene.paper, scene.box)
        for upright, part in ((False, cover), (True, cover.T)):
            start, end = scene.box[upright], scene.box[upright + 2]
            found = readout.find_across(part, start, end, words=True)
            if found is None or scales[upright] is None or _has(known, upright, found[0]):
                continue
            place, style = found
            known.append(Across.of_usual_width(upright, place, color, style, drawing.scale))
            lines.append(known[-1])
    axes, label = drawing.series[0].call.axes, ', label="Limit"' if program.statement_calls("legend") else ""
    statements = [
        line.call(axes, scale, drawing.scale, label) for line in lines if (scale := scales[line.upright]) is not None
    ]
    return [program.add_statement(statement, ("legend", "tight_layout")) for statement in statements]


def _has(lines: Sequence[Across], upright: bool, place: float) -> bool:
    """Whether one of some lines across the axes is at a place."""
    return any(line.upright == upright and abs(line.place - place) < SAME_LINE for line in lines)


def _scale(drawing: Drawing, target: np.ndarray, scene: Scene, frame: Frame, side: str) -> Scale | None:
    """The scale of a side of the target's axes."""
    scale = Scale.of(target, scene.box, side)
    if scale is not None or side != "left":
        return scale
    fit = axes_fit(drawing, drawing.series, 0, frame)
    if fit is None:
        return None
    start = fit.start + fit.slope * (frame.own[1] - frame.box[1] * frame.ratio_y)
    return Scale(start, fit.slope * frame.ratio_y)


def _fresh(program: Program, name: str, taken: dict) -> str:
    """A name that nothing in a program has yet."""
    names = itertools.chain([name], (f"{name}{k}" for k in itertools.count(2)))
    return next(n for n in names if n not in program.code and n not in taken)

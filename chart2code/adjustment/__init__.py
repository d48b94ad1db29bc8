"""What a program has to say so that it draws a given picture: `read` rewrites its data and colours.

The program is right in kind and wrong in numbers. Its own picture shows how its literals become pixels, and the target
shows, mark by mark, what the pixels should be (readout): so all values are set at once, and what is measured badly
is measured again after the next rendering, with less left to change. What can't be measured is tried
(alternatives.py).
"""

from __future__ import annotations

import ast

import numpy as np

from chart2code import readout
from chart2code.adjustment.colors import bar_color, write_colors, write_opacities
from chart2code.adjustment.frames import Frame, axes_fit, is_logarithmic, tick_scale, value_fit, write_tick_places
from chart2code.adjustment.marks import read_points, write_stroke
from chart2code.adjustment.reading import Reading
from chart2code.adjustment.scene import Scene
from chart2code.adjustment.values import bar_values, count_rows, find_knots, read_sampled, spread_columns, write_values
from chart2code.adjustment.wedges import read_pie
from chart2code.drawing import Drawing, Series, color_literal
from chart2code.tick_labels import read_scale


def read(drawing: Drawing, target: np.ndarray, colors: bool = True, scale: bool = True, order: int = 0) -> str | None:
    """
    The program with the data, and if wanted the colours, of the target (the canvas of the chart); None if it has
    nothing that can be read. `scale`: fit the values' scale to the ticks of the target. `order`: which permutation of
    the colours that were found the series get; 0 is the most likely one.
    """
    reading = Reading(drawing, target)
    series = drawing.series
    if not series or drawing.box is None:
        return None
    if series[0].kind == "pie":
        read_pie(reading, series[0], colors)
    else:
        _read_axes(reading, series, colors, scale, order)
    code = reading.code()
    return None if code == drawing.code else code


def _read_axes(reading: Reading, series: list[Series], colors: bool, scale: bool, order: int) -> None:
    drawing, target, program = reading.drawing, reading.target, reading.drawing.program
    scene = Scene.of(drawing, target, order)
    if scene is None or scene.shared:
        return
    box, covers, own = scene.box, scene.covers, scene.own
    if colors:
        write_colors(reading, series, scene.colors)
    if is_logarithmic(program):  # what follows is for straight scales
        return
    if scene.washed:
        write_opacities(reading, series, scene.colors, readout.find_colors(target, box), scene.paper)
    colored = [i for i, s in enumerate(series) if isinstance(s.call.keyword("color"), ast.List)]
    horizontal = any(s.kind == "barh" for s in series)
    frame = Frame(box, drawing.box, False)
    if horizontal:
        frame = frame.turned
        covers, own = ([np.ascontiguousarray(cover.T) for cover in part] for part in (covers, own))
    side = "left" if horizontal else "bottom"
    ticks = readout.find_ticks(target, scene.box, side)
    bars = [i for i, s in enumerate(series) if s.kind in ("bar", "barh")]
    rest = [i for i, s in enumerate(series) if s.kind in ("plot", "stackplot")]
    points = [i for i, s in enumerate(series) if s.kind == "scatter"]

    found = {i: readout.find_bars(covers[i], ticks) for i in bars}
    count = count_rows(program, series, found, ticks)
    if count is None:
        return
    values: dict[int, np.ndarray | None] = {}
    errors: dict[int, np.ndarray] = {}
    if colored and colors and len(found.get(colored[0], ())) == count:
        picture = target.swapaxes(0, 1) if horizontal else target
        texts = [color_literal(bar_color(picture, bar)) for bar in found[colored[0]]]
        if horizontal and not program.statement_calls("invert_yaxis"):
            texts.reverse()
        reading.changes.append((program.span(series[colored[0]].call.keyword("color")), f"[{', '.join(texts)}]"))
    if bars:
        fit = axes_fit(drawing, series, series[bars[0]].axes, frame)
        own_ticks = readout.find_ticks(drawing.pixels, drawing.box, side)
        own_bars = {i: readout.find_bars(own[i], own_ticks) for i in bars}
        values |= bar_values(series, found, own_bars, frame, count, ticks, fit)
    own_ticks = readout.find_ticks(drawing.pixels, drawing.box, "bottom")
    areas = [i for i in rest if series[i].kind == "stackplot"]
    stacked, own_stacked = (np.max([part[k] for k in areas], axis=0) if areas else None for part in (covers, own))
    for i in bars:
        fit = axes_fit(drawing, series, series[i].axes, frame)
        if fit is not None and not horizontal and len(found[i]) == count and series[i].call.keyword("yerr"):
            whiskers = readout.find_whiskers(target, found[i])
            if whiskers is not None:
                errors[i] = whiskers.lengths * abs(fit.slope) * frame.ratio_y
    knots_of = {
        i: find_knots(s, program.literals(s.call.x), covers[i] if s.kind == "plot" else stacked, frame, count, ticks)
        for i in rest
        for s in (series[i],)
    }
    sampled = read_sampled(reading, series, rest, covers, knots_of, frame, scale)
    if sampled is not None:
        count, knots_of = len(sampled), dict.fromkeys(rest, sampled)
    for i in rest:
        s, knots = series[i], knots_of[i]
        x = program.literals(s.call.x)
        if knots is None:
            continue
        if s.kind == "plot":
            traced = readout.trace_line(covers[i], knots)
            fit = value_fit(s.marks, s.values, 1)
            if traced is None or fit is None:
                continue
            values[i] = fit(frame.to_own_y(traced))
            if s.call.method == "errorbar":
                errors[i] = readout.find_errors(covers[i], knots, traced) * abs(fit.slope) * frame.ratio_y
            write_stroke(reading, s, own[i], readout.find_stroke(covers[i], np.asarray(knots), traced))
            if s.call.x and s.call.x.startswith("@"):  # a line with ends of its own
                fit = value_fit(s.marks, program.literals(s.call.x) or [], 0)
                if fit is not None:
                    factor, shift = tick_scale(reading, fit, frame.turned, 0, False) if scale else (1.0, 0.0)
                    places = fit(frame.to_own_x(np.asarray(knots))) * factor + shift
                    reading.write({s.call.x: places}, fit.span(drawing.box[2] - drawing.box[0]) * factor)
        elif i == areas[0]:
            own_knots = own_ticks if len(own_ticks) == len(s.values) else spread_columns(own_stacked, x)
            if own_knots is None:
                continue
            thick, thick_own = (
                readout.trace_stack([part[k] for k in areas], places)
                for part, places in ((covers, knots), (own, own_knots))
            )
            if thick is not None and thick_own is not None and thick_own.sum() > 0:
                read = read_scale(target, frame.box, "left") if scale else None
                total = sum(sum(series[k].values) for k in areas)
                per_pixel = abs(read[1]) if read else frame.ratio_y * total / thick_own.sum()
                values |= dict(zip(areas, thick * per_pixel))
    if scale and rest and sampled is None and len(ticks) == count and not horizontal:
        write_tick_places(reading, series[rest[0]].call.x, ticks, frame.box)
    write_values(reading, series, values, errors, frame, count, scale)
    if points:
        read_points(
            reading, [series[i] for i in points], [covers[i] for i in points], [own[i] for i in points], frame, scale
        )

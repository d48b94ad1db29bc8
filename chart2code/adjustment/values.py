"""Data of bars, lines and areas, from their pixels to the literals of a program."""

from __future__ import annotations

import ast

import numpy as np

from chart2code import readout
from chart2code.adjustment.frames import Frame, axes_fit, scale_limits, tick_scale, value_fit
from chart2code.adjustment.reading import Reading
from chart2code.drawing import Series
from chart2code.program import Program, brief, number
from chart2code.scales import Scale, value_literals
from chart2code.tick_labels import read_scale

KNOWN = 0.6  # pixels that lines may be away from polylines whose places are known
NOT_ZERO = 0.03  # of the length of an axis
PLACE_ERROR = 0.15, 0.02  # of the distance between two points, and of that between the first and the last


def read_sampled(
    reading: Reading,
    series: list[Series],
    rest: list[int],
    covers: list[np.ndarray],
    knots_of: dict[int, np.ndarray | None],
    frame: Frame,
    scale: bool,
) -> np.ndarray | None:
    """
    The columns at which the lines, or areas, of a chart that has nothing else have their points, if they do not follow
    the points that the program has; writes what places these are. They need a table of their own, with numbers for x.
    """
    program, target = reading.drawing.program, reading.target
    names = {series[i].call.x for i in rest}
    if len(rest) < len(series) or len(names) != 1 or any(s.call.method == "errorbar" for s in series):
        return None
    (name,) = names
    columns = {name, *(s.column for s in series)}
    tables = [table for table in program.tables if columns & {*table.names}]
    own = program.literals(name)
    if own is None or name.startswith("@") or any({*table.names} - columns for table in tables):
        return None
    paths = [readout.find_path(covers[i]) if series[i].kind == "plot" else readout.upper_edge(covers[i]) for i in rest]
    known = knots_of[rest[0]]
    if known is not None and len(known) > 1 and readout.misfit(paths, known) < KNOWN:
        return None
    read = read_scale(target, frame.box, "bottom") if scale else None
    lines = [covers[i] for i in rest if series[i].kind == "plot"]
    knots = readout.find_knots(paths, lines, read[1] if read else None)
    if knots is None or known is not None and readout.misfit(paths, known) < 1.3 * readout.misfit(paths, knots):
        return None
    ticks = readout.find_ticks(target, frame.box, "bottom")
    if read is not None:
        places = read[0] + read[1] * knots
    else:
        fit = value_fit(series[rest[0]].marks, own, 0)
        if fit is None:
            return None
        places = fit(frame.to_own_x(knots))
    reading.columns[name] = place_literals(places)
    if len(ticks) != len(knots):
        for call in program.statement_calls("set_xticks"):
            if [program.text(argument) for argument in call.args] == [name]:
                reading.changes.append(program.drop_statement(call))
    return knots


def place_literals(places: np.ndarray) -> list[str]:
    """Places along x as programs write them: with few digits, and where they are even, from one end to the other."""
    steps = np.diff(places)
    error = min(share * float(length) for share, length in zip(PLACE_ERROR, (np.mean(steps), np.ptp(places))))
    if np.ptp(steps) < 2 * error:
        places = np.linspace(*(float(brief(place, error)) for place in (places[0], places[-1])), len(places))
    return [brief(place, 0.3 * error) for place in places]


def count_rows(
    program: Program, series: list[Series], found: dict[int, list[readout.Bar]], ticks: np.ndarray
) -> int | None:
    """How many rows the table of the chart has in the target, or None if this can't be seen and isn't needed."""
    table_rows = len(series[0].values)
    counts = [len(bars) for bars in found.values()]
    if found:
        most = max(counts)
        if most == 0:
            return None
        return (
            len(ticks) if len(ticks) >= 2 and (len(ticks) == most or counts.count(most) == 1 < len(counts)) else most
        )
    x = series[0].call.x
    at_ticks = program.strings(x) is not None or any(
        node.args and isinstance(node.args[0], ast.Name) and node.args[0].id == x
        for node in program.statement_calls("set_xticks")
    )
    return len(ticks) if at_ticks and len(ticks) >= 2 else table_rows


def bar_values(
    series: list[Series],
    found: dict[int, list[readout.Bar]],
    own: dict[int, list[readout.Bar]],
    frame: Frame,
    count: int,
    ticks: np.ndarray,
    fit: Scale | None,
) -> dict[int, np.ndarray | None]:
    """Values of bars: their lengths, times value per pixel as in the drawing (`fit`, else by its bars)."""
    known = [
        (sum(map(abs, series[i].values)), sum(bar.end - bar.start for bar in own[i]))
        for i in found
        if len(own[i]) == len(series[i].values)
    ]
    total, length = (sum(column) for column in zip(*known)) if known else (0, 0)
    if fit is None and not (length and total):
        return {}
    per_pixel = (abs(fit.slope) if fit else total / length) * frame.ratio_y
    stacked = any(series[i].call.keyword("bottom") or series[i].call.keyword("left") for i in found)
    ends = [e for bars in found.values() for bar in bars for e in (bar.start, bar.end)]
    support = [sum(abs(e - other) < 3 for other in ends) for e in ends]
    # Where bars upon each other have one length, they begin and end at one place each.
    bases = [end for end, number in zip(ends, support) if number == max(support)] or [frame.box[3]]
    base = min(bases, key=lambda end: abs(float(fit(frame.to_own_y(np.array(end))))) if fit else 0)
    lowest = 0.0
    if fit is not None and np.prod(np.sign(fit(np.array([frame.own[1], frame.own[3]])))) > 0:
        at_base = float(fit(frame.to_own_y(np.array(base))))  # where bars begin beyond the axes
        lowest = at_base if abs(at_base) > NOT_ZERO * fit.span(frame.own[3] - frame.own[1]) else 0.0
    values: dict[int, np.ndarray | None] = {}
    for i, bars in found.items():
        if not bars:
            continue
        lengths = np.zeros(count)
        if len(bars) == count:
            slots = range(count)
        elif len(ticks) == count:
            middle = np.array([bar.center for bar in bars])
            shift = np.median([min(m - ticks, key=abs) for m in middle])
            slots = [int(np.abs(ticks + shift - m).argmin()) for m in middle]
        else:
            continue
        for slot, bar in zip(slots, bars):
            up = abs(bar.end - base) <= abs(bar.start - base)
            positive = stacked or (up != frame.horizontal)
            lengths[slot] = (bar.end - bar.start + _hidden(series[i], own[i], fit)) * (1 if positive else -1)
        values[i] = lowest + lengths * per_pixel
    return values


def _hidden(s: Series, own: list[readout.Bar], fit: Scale | None) -> float:
    """Pixels of a bar's length that can't be measured (below a spine, at the next colour), as in the drawing."""
    if fit is None or len(own) != len(s.values):
        return 0.0
    true, measured = np.sort(np.abs(s.values) / abs(fit.slope)), np.sort([bar.end - bar.start for bar in own])
    return float(np.clip(np.median(true - measured), -1, 3))


def spread_columns(cover: np.ndarray, x: list[float] | None) -> np.ndarray | None:
    """Columns of places along x in an area that goes from the first to the last of them."""
    columns = np.flatnonzero((cover > readout.FULL).any(axis=0))
    if not x or len(x) < 2 or min(np.diff(x)) <= 0 or len(columns) < len(x):
        return None
    return columns[0] + (np.array(x) - x[0]) / (x[-1] - x[0]) * (columns[-1] - columns[0])


def find_knots(
    s: Series,
    x: list[float] | None,
    cover: np.ndarray,
    frame: Frame,
    count: int,
    ticks: np.ndarray,
) -> np.ndarray | None:
    """Columns of the target at which a line or an area has its points."""
    if s.call.x and s.call.x.startswith("@"):
        columns = np.flatnonzero((cover > 0.3).any(axis=0))
        return np.linspace(columns[0] + 0.5, columns[-1] - 0.5, len(s.values)) if len(columns) > 10 else None
    if len(ticks) == count:
        return ticks
    if s.kind == "stackplot":
        return spread_columns(cover, x)
    if s.marks is not None and len(s.values) == count:
        return frame.from_own_x(s.marks[:, 0])
    return None


def write_values(
    reading: Reading,
    series: list[Series],
    values: dict[int, np.ndarray | None],
    errors: dict[int, np.ndarray],
    frame: Frame,
    count: int,
    scale: bool,
) -> None:
    """Writes columns that were read, with those of their errors, all of a table together; values that are written at
    bars are known better."""
    drawing, program = reading.drawing, reading.drawing.program
    values = {i: v for i, v in values.items() if v is not None and np.isfinite(v).all()}
    if not values:
        return
    written = program.written_at_bars()
    known = {i for i, v in values.items() if series[i].column in written and len(v) == len(series[i].values)}
    for axes in sorted({series[i].axes for i in values}):
        group = [i for i in values if series[i].axes == axes]
        fit = axes_fit(drawing, series, axes, frame)
        bars = any(series[i].kind != "plot" for i in group)
        factor, shift = 1.0, 0.0
        if scale and fit is not None:
            factor, shift = tick_scale(reading, fit, frame, axes, anchored=bars)
        length = frame.own[3] - frame.own[1]
        span = (fit.span(length) if fit else max(np.abs(values[i]).max() for i in group)) * factor
        for i in group:
            if i not in known:
                reading.columns[series[i].column] = value_literals(values[i] * factor + shift, span)
            error = series[i].call.keyword("yerr")
            if i in errors and isinstance(error, ast.Name) and program.literals(error.id) is not None:
                reading.columns[error.id] = value_literals(errors[i] * abs(factor), span)
        if (factor, shift) != (1, 0) and axes == 0:
            scale_limits(reading, frame, factor, shift)
    for table in program.tables:
        rows = reading.complete(table)
        for node in program.statement_calls_of_name("range"):
            if len(node.args) == 1 and number(node.args[0]) == len(table.rows) != rows:
                reading.changes.append((program.span(node.args[0]), str(rows)))
    if frame.horizontal and not program.statement_calls("invert_yaxis"):
        for i in values.keys() - known:
            reading.columns[series[i].column].reverse()

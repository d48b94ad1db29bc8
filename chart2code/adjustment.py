"""What a program has to say so that it draws a given picture: `read` rewrites its data and colours.

The program is right in kind and wrong in numbers. Its own picture shows how its literals become pixels, and the target
shows, mark by mark, what the pixels should be (readout): so all values are set at once, and what is measured badly
is measured again after the next rendering, with less left to change. What can't be measured is tried
(alternatives.py).
"""

from __future__ import annotations

import ast
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from chart2code import readout
from chart2code.drawing import CYCLE, Drawing, Series, color_literal, literal_color, rgb
from chart2code.program import Change, Program, brief, literal, number, string_literal
from chart2code.scales import Scale, value_literals
from chart2code.tick_labels import read_scale
from chart2code.vocabulary import TIME_DIMENSIONS
from eval_metric.similarity import CANVAS

NICE_STEPS = (1.0, 2.0, 2.5, 5.0)  # of matplotlib's ticks
WASH = 0.6  # opacity that areas below lines don't have
SAME_COLOR = 14  # of 255
LARGE, MOSTLY = 1000, 0.8  # pixels of a colour, and which share of them are areas: that of no line
SHARED = 600  # price of a colour that another series has: more than any distance
DARK = 90  # of 255: grids and frames are lighter
GREY = 30  # of 255: less chroma than this, and it may be grid or text
THICKEST = 6  # points, of lines
FILLED = ("bar", "barh", "stackplot")
KNOWN = 0.6  # pixels that lines may be away from polylines whose places are known
NOT_ZERO = 0.03  # of the length of an axis
PLACE_ERROR = 0.15, 0.02  # of the distance between two points, and of that between the first and the last
LOWER = {"^": 0.12, "v": -0.12}  # the middle of triangles with an edge, in their heights
INKY = 120  # of 255: text and its mixtures with colours
WHOLE = 0.35  # per cent: measured shares are that exact
AREAS = {"o": 0.785, "s": 1.0, "D": 1.0, "^": 0.5, "v": 0.5}  # of markers, in squares of their size


@dataclass
class Reading:
    """What is read off a target for one drawing, collected as changes of its program."""

    drawing: Drawing
    target: np.ndarray
    columns: dict[str, list[str]] = field(default_factory=dict)
    changes: list[Change | None] = field(default_factory=list)  # None: nothing changes

    def code(self) -> str:
        program = self.drawing.program
        return program.changed([*program.write_columns(self.columns), *filter(None, self.changes)])


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
        _read_pie(reading, series[0], colors)
    else:
        _read_axes(reading, series, colors, scale, order)
    code = reading.code()
    return None if code == drawing.code else code


@dataclass
class Scene:
    """The axes of the target, and where the colours of a drawing's series are: there (`covers`) and in it (`own`)."""

    box: readout.Box
    paper: tuple[int, ...]
    washed: bool  # whether areas have paler colours than the lines above them
    colors: list[np.ndarray]
    covers: list[np.ndarray]
    own: list[np.ndarray]

    shared: bool = False  # whether lines have a colour in common: by that these can't be told apart

    @classmethod
    def of(cls, drawing: Drawing, target: np.ndarray, order: int = 0) -> Scene | None:
        """`order`: which permutation of the colours the series get; None if there isn't such a one."""
        series = drawing.series
        box = readout.find_box(target, drawing.box) or drawing.box
        paper = readout.paper_of(target, box)
        washed = any(call.method == "fill_between" for call in drawing.program.calls)
        seen = match_colors(series, target, box, paper if washed else None)
        if order:
            if len(series) > 3 or order >= math.factorial(len(series)):
                return None
            seen = [seen[k] for k in list(itertools.permutations(range(len(series))))[order]]
        covers = readout.coverages(target, seen, paper, box)
        own_paper = readout.paper_of(drawing.pixels, drawing.box)
        own = readout.coverages(drawing.pixels, [s.color for s in series], own_paper, drawing.box)
        colored = next((i for i, s in enumerate(series) if isinstance(s.call.keyword("color"), ast.List)), None)
        if colored is not None:
            palette = [color for color, _ in readout.find_colors(target, box, greys=True)]
            inks = [rgb(e.value) for e in series[colored].call.keyword("color").elts if isinstance(e, ast.Constant)]
            inks = [ink for ink in inks if ink is not None]
            covers[colored] = _any_color(target, palette, paper, box)
            own[colored] = _any_color(drawing.pixels, inks, own_paper, drawing.box)
        covers = _filled(series, covers, target, seen, paper, box)
        own = _filled(series, own, drawing.pixels, [s.color for s in series], own_paper, drawing.box)
        if washed:  # an area below a line is a thin cover of the line's colour
            covers, own = ([np.where(cover < WASH, 0, cover) for cover in part] for part in (covers, own))
        for k, dots in enumerate(series):
            if dots.kind == "scatter" and seen[k].max() < INKY:
                parts = [readout.without_letters(cover[k]) for cover in (covers, own)]
                if all(part is not None for part in parts):
                    covers[k], own[k] = parts
        for (i, dots), (j, line) in itertools.product(enumerate(series), repeat=2):
            if (dots.kind, line.kind) == ("scatter", "plot") and np.abs(seen[i] - seen[j]).max() < SAME_COLOR:
                (covers[i], covers[j]), (own[i], own[j]) = map(readout.dots_and_lines, (covers[i], own[i]))
        lines = [color for s, color in zip(series, seen) if s.kind == "plot"]
        shared = any(np.abs(one - other).max() < SAME_COLOR for one, other in itertools.combinations(lines, 2))
        return cls(box, paper, washed, seen, covers, own, shared)


def _read_axes(reading: Reading, series: list[Series], colors: bool, scale: bool, order: int) -> None:
    drawing, target, program = reading.drawing, reading.target, reading.drawing.program
    scene = Scene.of(drawing, target, order)
    if scene is None or scene.shared:
        return
    box, covers, own = scene.box, scene.covers, scene.own
    if colors:
        _write_colors(reading, series, scene.colors)
    if is_logarithmic(program):  # what follows is for straight scales
        return
    if scene.washed:
        _write_opacities(reading, series, scene.colors, readout.find_colors(target, box), scene.paper)
    colored = [i for i, s in enumerate(series) if isinstance(s.call.keyword("color"), ast.List)]
    horizontal = any(s.kind == "barh" for s in series)
    if horizontal:
        box, own_box = (
            (box[1], box[0], box[3], box[2]),
            (drawing.box[1], drawing.box[0], drawing.box[3], drawing.box[2]),
        )
        covers, own = [np.ascontiguousarray(c.T) for c in covers], [np.ascontiguousarray(c.T) for c in own]
    else:
        own_box = drawing.box
    frame = Frame(box, own_box, horizontal)
    side = "left" if horizontal else "bottom"
    ticks = readout.find_ticks(target, scene.box, side)
    bars = [i for i, s in enumerate(series) if s.kind in ("bar", "barh")]
    rest = [i for i, s in enumerate(series) if s.kind in ("plot", "stackplot")]
    points = [i for i, s in enumerate(series) if s.kind == "scatter"]

    found = {i: readout.find_bars(covers[i], ticks) for i in bars}
    count = _count(program, series, found, ticks)
    if count is None:
        return
    values: dict[int, np.ndarray | None] = {}
    errors: dict[int, np.ndarray] = {}
    if colored and colors and len(found.get(colored[0], ())) == count:
        picture = target.swapaxes(0, 1) if horizontal else target
        texts = [color_literal(_bar_color(picture, bar)) for bar in found[colored[0]]]
        if horizontal and not program.statement_calls("invert_yaxis"):
            texts.reverse()
        reading.changes.append((program.span(series[colored[0]].call.keyword("color")), f"[{', '.join(texts)}]"))
    if bars:
        fit = axes_fit(drawing, series, series[bars[0]].axes, frame)
        own_ticks = readout.find_ticks(drawing.pixels, drawing.box, side)
        own_bars = {i: readout.find_bars(own[i], own_ticks) for i in bars}
        values |= _bar_values(series, found, own_bars, frame, count, ticks, fit)
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
        i: _knots(s, program.literals(s.call.x), covers[i] if s.kind == "plot" else stacked, frame, count, ticks)
        for i in rest
        for s in (series[i],)
    }
    sampled = _sampled(reading, series, rest, covers, knots_of, frame, scale)
    if sampled is not None:
        count, knots_of = len(sampled), dict.fromkeys(rest, sampled)
    for i in rest:
        s, knots = series[i], knots_of[i]
        x = program.literals(s.call.x)
        if knots is None:
            continue
        if s.kind == "plot":
            traced = readout.trace_line(covers[i], knots)
            fit = _value_fit(s.marks, s.values, 1)
            if traced is None or fit is None:
                continue
            values[i] = fit(frame.to_own_y(traced))
            if s.call.method == "errorbar":
                errors[i] = readout.find_errors(covers[i], knots, traced) * abs(fit.slope) * frame.ratio_y
            _write_stroke(reading, s, own[i], readout.find_stroke(covers[i], np.asarray(knots), traced))
            if s.call.x and s.call.x.startswith("@"):  # a line with ends of its own
                fit = _value_fit(s.marks, program.literals(s.call.x) or [], 0)
                if fit is not None:
                    factor, shift = _tick_scale(reading, fit, frame.turned, 0, False) if scale else (1.0, 0.0)
                    places = fit(frame.to_own_x(np.asarray(knots))) * factor + shift
                    _write(reading, {s.call.x: places}, fit.span(drawing.box[2] - drawing.box[0]) * factor)
        elif i == areas[0]:
            own_knots = own_ticks if len(own_ticks) == len(s.values) else _spread(own_stacked, x)
            if own_knots is None:
                continue
            thick, thick_own = (
                readout.trace_stack([part[k] for k in areas], places)
                for part, places in ((covers, knots), (own, own_knots))
            )
            if thick is not None and thick_own is not None and thick_own.sum() > 0:
                read = read_scale(target, box, "left") if scale else None
                total = sum(sum(series[k].values) for k in areas)
                per_pixel = abs(read[1]) if read else frame.ratio_y * total / thick_own.sum()
                values |= dict(zip(areas, thick * per_pixel))
    if scale and rest and sampled is None and len(ticks) == count and not horizontal:
        _write_places(reading, series[rest[0]].call.x, ticks, box)
    _write_values(reading, series, values, errors, frame, count, scale)
    if points:
        _read_points(
            reading, [series[i] for i in points], [covers[i] for i in points], [own[i] for i in points], frame, scale
        )


def _filled(
    series: list[Series],
    covers: list[np.ndarray],
    pixels: np.ndarray,
    colors: list[np.ndarray],
    paper: Sequence[float],
    box: readout.Box,
) -> list[np.ndarray]:
    """The coverages without a legend, but with what of bars and areas shows through it."""
    hidden = [
        readout.below_legend(pixels, color, paper) if s.kind in FILLED else False for s, color in zip(series, colors)
    ]
    return [np.where(mask, 1, cover) for mask, cover in zip(hidden, readout.without_legend(covers, pixels, box))]


def _sampled(
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
        fit = _value_fit(series[rest[0]].marks, own, 0)
        if fit is None:
            return None
        places = fit(frame.to_own_x(knots))
    reading.columns[name] = place_literals(places)
    if len(ticks) != len(knots):
        for call in program.statement_calls("set_xticks"):
            if [program.text(argument) for argument in call.args] == [name]:
                reading.changes.append(program.drop_statement(call))
    return knots


def logarithmic(drawing: Drawing, target: np.ndarray) -> str | None:
    """
    The program with logarithmic axes where those of the target are, and what its marks are worth there; None if they
    aren't. The drawing's axes are straight, and its marks where those of the target are.
    """
    program, series = drawing.program, [s for s in drawing.series if s.axes == 0]
    box = readout.find_box(target, drawing.box) if drawing.box else None
    if box is None or not series or is_logarithmic(program) or any(s.marks is None for s in series):
        return None
    frame, columns, changes = Frame(box, drawing.box, False), {}, []
    axes = series[0].call.axes
    lying = any(s.kind == "barh" for s in series)
    columns_of = {"x": [s.column if lying else s.call.x for s in series]}
    columns_of["y"] = [s.call.x if lying else s.column for s in series]
    for (axis, names), side in zip(columns_of.items(), ("bottom", "left")):
        scale = Scale.of(target, box, side)
        if scale is None or not scale.logarithmic:
            continue
        for name, s in zip(names, series):
            if program.literals(name) is None or len(program.literals(name)) != len(s.marks):
                return None
            places = frame.from_own_x(s.marks[:, 0]) if axis == "x" else frame.from_own_y(s.marks[:, 1])
            columns[name] = scale.literals(places, CANVAS)
        texts = [f'plt.{axis}scale("log")'] if axes == "plt" else scale.kind(axes, axis)
        changes += map(program.add_statement, texts)
        for method in (f"set_{axis}lim", f"set_{axis}ticks"):
            changes += [change for call in program.statement_calls(method) if (change := program.drop_statement(call))]
    return program.changed([*program.write_columns(columns), *changes]) if changes else None


def is_logarithmic(program: Program, axes: str = "xy") -> bool:
    return any(program.statement_calls(prefix + axis + "scale") for prefix in ("set_", "") for axis in axes)


def place_literals(places: np.ndarray) -> list[str]:
    """Places along x as programs write them: with few digits, and where they are even, from one end to the other."""
    steps = np.diff(places)
    error = min(share * float(length) for share, length in zip(PLACE_ERROR, (np.mean(steps), np.ptp(places))))
    if np.ptp(steps) < 2 * error:
        places = np.linspace(*(float(brief(place, error)) for place in (places[0], places[-1])), len(places))
    return [brief(place, 0.3 * error) for place in places]


def _write_stroke(reading: Reading, s: Series, own: np.ndarray, seen: readout.Stroke | None) -> None:
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


def _any_color(
    pixels: np.ndarray, colors: Sequence[np.ndarray], paper: Sequence[float], box: readout.Box
) -> np.ndarray:
    covers = [readout.coverage_inside(pixels, color, paper, box, 2) for color in colors]
    return np.max(covers, axis=0) if covers else np.zeros(pixels.shape[:2], np.float32)


def _bar_color(pixels: np.ndarray, bar: readout.Bar) -> np.ndarray:
    rows = slice(int(bar.start) + 1, max(int(bar.start) + 2, int(bar.end) - 1))
    columns = slice(int(bar.center - bar.width / 4), int(bar.center + bar.width / 4) + 1)
    return np.median(pixels[rows, columns].reshape(-1, 3), axis=0)


@dataclass
class Frame:
    """The axes of the target and of the drawing: what is where in the one is where in the other."""

    box: readout.Box
    own: readout.Box
    horizontal: bool

    @property
    def turned(self) -> Frame:
        """With x and y exchanged."""
        box, own = (tuple(sides[k] for k in (1, 0, 3, 2)) for sides in (self.box, self.own))
        return Frame(box, own, not self.horizontal)

    @property
    def ratio_y(self) -> float:
        return (self.own[3] - self.own[1]) / (self.box[3] - self.box[1])

    def to_own_x(self, x: np.ndarray) -> np.ndarray:
        return self.own[0] + (x - self.box[0]) * (self.own[2] - self.own[0]) / (self.box[2] - self.box[0])

    def to_own_y(self, y: np.ndarray) -> np.ndarray:
        return self.own[1] + (y - self.box[1]) * self.ratio_y

    def from_own_y(self, y: np.ndarray) -> np.ndarray:
        return self.box[1] + (y - self.own[1]) / self.ratio_y

    def from_own_x(self, x: np.ndarray) -> np.ndarray:
        return self.box[0] + (x - self.own[0]) * (self.box[2] - self.box[0]) / (self.own[2] - self.own[0])


def _value_fit(marks: np.ndarray | None, values: Sequence[float], axis: int) -> Scale | None:
    """How pixels become values, by marks of known values."""
    if marks is None or len(marks) != len(values) or len(values) < 2:
        return None
    if np.ptp(values) == 0 or np.ptp(marks[:, axis]) < 2:  # nothing to go by: some scale that the next rendering mends
        slope = (abs(values[0]) or 1.0) / CANVAS * (1 if axis == 0 else -1)
        return Scale(values[0] - slope * marks[0, axis], slope)
    slope, start = np.polyfit(marks[:, axis], values, 1)
    error = np.abs(start + slope * marks[:, axis] - values).max()
    return Scale(start, slope) if error < 0.02 * np.ptp(values) else None


def match_colors(
    series: list[Series], target: np.ndarray, box: readout.Box, paper: tuple[int, ...] | None = None
) -> list[np.ndarray]:
    """
    The colours of the target that are those of the series, its own where there is none. `paper`: where areas have
    paler colours than their series, on this paper; those are not of a series.
    """
    greys = any(np.ptp(s.color) < 40 for s in series)
    palette = list(readout.find_colors(target, box, greys)[:12])
    said = {color_literal(s.color) for s in series}
    if not greys or len(said) < len(series):  # rather not what may be grid or text; a colour said twice is a guess
        strong = [np.ptp(color) >= GREY for color, _ in palette]
        if greys and sum(strong) < len(series):
            near = [any(np.abs(color - s.color).max() < GREY for s in series) for color, _ in palette]
            palette = [entry for entry, *kept in zip(palette, strong, near) if any(kept)] or palette
        elif sum(strong) >= len(series):
            palette = [entry for entry, kept in zip(palette, strong) if kept]
    if len(palette) < len(said):  # one may be black
        dark = [entry for entry in readout.find_colors(target, box, True) if entry[0].max() < DARK]
        palette += [(c, n) for c, n in dark if all(np.abs(c - other).max() > SAME_COLOR for other, _ in palette)]
    if paper is not None:
        inks = [color for color, _ in palette]
        washes = [any(readout.wash_of(color, ink, paper) for ink in inks) for color in inks]
        palette = [entry for entry, washed in zip(palette, washes) if not washed] or palette
    if not palette:
        return [s.color for s in series]
    # Each colour once, and again at a price: two series may share one.
    options = [*palette, *palette]
    areas = 2 * [n > LARGE and readout.area_of(target, color, box).sum() > MOSTLY * n for color, n in palette]
    cost = np.empty((len(series), len(options)))
    for i, s in enumerate(series):
        for j, (other, amount) in enumerate(options):
            cost[i, j] = _distance(s.color, other) - 12 * math.log10(amount) + (SHARED if j >= len(palette) else 0)
            cost[i, j] += SHARED if areas[j] and s.kind == "plot" else 0
    rows, columns = linear_sum_assignment(cost)
    partner = {int(r): options[c][0] for r, c in zip(rows, columns)}
    return [partner.get(i, s.color) for i, s in enumerate(series)]


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    """Of two colours, 0 to 255 and more: hue counts more than lightness."""
    difference = np.asarray(one, float) - np.asarray(other, float)
    return float(np.linalg.norm(difference - difference.mean()) * 1.2 + abs(difference.mean()) * 0.8)


def _write_colors(reading: Reading, series: list[Series], seen: list[np.ndarray]) -> None:
    program = reading.drawing.program
    lists: dict[int, list[str]] = {}
    for s, color in zip(series, seen):
        if np.abs(s.color - color).max() < SAME_COLOR:
            continue
        alpha = number(s.call.keyword("alpha")) or 1.0
        if (255 + (color - 255) / alpha).min() < -SAME_COLOR and s.kind != "stackplot":  # too strong to be transparent
            reading.changes.append(program.set_keyword(s.call.node, "alpha", None))
            alpha = 1.0
        text = color_literal(np.clip(255 + (color - 255) / alpha, 0, 255))
        if s.kind == "stackplot":
            lists.setdefault(id(s.call), [color_literal(np.clip(255 + (c - 255) / alpha, 0, 255)) for c in seen])
            change = program.set_keyword(s.call.node, "colors", f"[{', '.join(lists[id(s.call)])}]")
        elif isinstance(s.call.keyword("color"), ast.List):
            continue
        else:
            change = program.set_keyword(s.call.node, "color", text)
        reading.changes.append(change)
        for call in program.calls:  # an area below its line
            if call.method == "fill_between" and call.values == (s.column,):
                reading.changes.append(program.set_keyword(call.node, "color", text))


def _write_opacities(
    reading: Reading, series: list[Series], seen: list[np.ndarray], palette: list[tuple], paper: Sequence[float]
) -> None:
    """Writes how opaque the areas below lines are, by the colours of the lines that were seen."""
    program = reading.drawing.program
    for call in program.calls:
        inks = [ink for s, ink in zip(series, seen) if call.values == (s.column,)]
        if call.method == "fill_between" and inks:
            shares = [share for color, _ in palette if (share := readout.wash_of(color, inks[0], paper))]
            if shares and abs(shares[0] - (number(call.keyword("alpha")) or 1.0)) > 0.04:
                alpha = f"{round(20 * shares[0]) / 20:g}"
                reading.changes.append(program.set_keyword(call.node, "alpha", alpha))


def _count(
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


def _bar_values(
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


def _spread(cover: np.ndarray, x: list[float] | None) -> np.ndarray | None:
    """Columns of places along x in an area that goes from the first to the last of them."""
    columns = np.flatnonzero((cover > readout.FULL).any(axis=0))
    if not x or len(x) < 2 or min(np.diff(x)) <= 0 or len(columns) < len(x):
        return None
    return columns[0] + (np.array(x) - x[0]) / (x[-1] - x[0]) * (columns[-1] - columns[0])


def _knots(
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
        return _spread(cover, x)
    if s.marks is not None and len(s.values) == count:
        return frame.from_own_x(s.marks[:, 0])
    return None


def _write_values(
    reading: Reading,
    series: list[Series],
    values: dict[int, np.ndarray | None],
    errors: dict[int, np.ndarray],
    frame: Frame,
    count: int,
    scale: bool,
) -> None:
    """Writes columns that were read, with those of their errors, all of a table together."""
    drawing, program = reading.drawing, reading.drawing.program
    values = {i: v for i, v in values.items() if v is not None and np.isfinite(v).all()}
    if not values:
        return
    for axes in sorted({series[i].axes for i in values}):
        group = [i for i in values if series[i].axes == axes]
        fit = axes_fit(drawing, series, axes, frame)
        bars = any(series[i].kind != "plot" for i in group)
        factor, shift = 1.0, 0.0
        if scale and fit is not None:
            factor, shift = _tick_scale(reading, fit, frame, axes, anchored=bars)
        length = frame.own[3] - frame.own[1]
        span = (fit.span(length) if fit else max(np.abs(values[i]).max() for i in group)) * factor
        for i in group:
            v = values[i] * factor + shift
            texts = value_literals(v, span)
            reading.columns[series[i].column] = texts
            error = series[i].call.keyword("yerr")
            if i in errors and isinstance(error, ast.Name) and program.literals(error.id) is not None:
                reading.columns[error.id] = value_literals(errors[i] * abs(factor), span)
        if (factor, shift) != (1, 0) and axes == 0:
            _scale_limits(reading, frame, factor, shift)
    # Rows that are new or gone: every column of the table must have them.
    for table in program.tables:
        written = [name for name in table.names if name in reading.columns]
        if not written or len(reading.columns[written[0]]) == len(table.rows):
            continue
        size = len(reading.columns[written[0]])
        for k, name in enumerate(table.names):
            if name not in reading.columns:
                reading.columns[name] = _extended([program.text(row[k]) for row in table.rows], size)
        for node in program.statement_calls_of_name("range"):
            if len(node.args) == 1 and number(node.args[0]) == len(table.rows):
                reading.changes.append((program.span(node.args[0]), str(size)))
    if frame.horizontal and not program.statement_calls("invert_yaxis"):
        for i in values:
            reading.columns[series[i].column].reverse()


def _write_places(reading: Reading, column: str | None, ticks: np.ndarray, box: readout.Box) -> None:
    """Writes the numbers at the ticks into the column of numbers that they are the places of."""
    read = read_scale(reading.target, box, "bottom")
    if read is None or reading.drawing.program.literals(column) is None or column.startswith("@"):
        return
    places = read[0] + read[1] * ticks
    step = np.diff(places).mean()
    reading.columns[column] = [brief(place, 0.03 * abs(step)) for place in places]


def axes_fit(drawing: Drawing, series: list[Series], axes: int, frame: Frame) -> Scale | None:
    """How pixels along the value axis become values, by all marks of the axes; None if it isn't linear."""
    if is_logarithmic(drawing.program, "x" if frame.horizontal else "y"):
        return None
    places, values = [], []
    stacked = False
    for s in series:
        if s.axes == axes and s.kind in ("bar", "barh", "plot", "scatter") and s.marks is not None:
            if s.call.keyword("bottom") or s.call.keyword("left"):
                stacked = True
                continue
            places += [mark[0 if frame.horizontal else 1] for mark in s.marks]
            values += s.values
    if len(values) < 2 and not stacked:
        return None
    marks = np.array(places)[:, None]
    return _value_fit(np.concatenate([marks, marks], axis=1), values, 1)


def _tick_scale(reading: Reading, fit: Scale, frame: Frame, axes: int, anchored: bool) -> tuple[float, float]:
    """
    Factor and shift for values so that the ticks of the target stand at the numbers that are written there, or, where
    these can't be read, at round numbers. anchored: zero stays zero.
    """
    side = "bottom" if frame.horizontal else "right" if axes else "left"
    box = (frame.box[1], frame.box[0], frame.box[3], frame.box[2]) if frame.horizontal else frame.box
    ticks = readout.find_ticks(reading.target, box, side)
    if len(ticks) < 3:
        return 1.0, 0.0
    read = read_scale(reading.target, box, side)
    if read is not None and read[1] * fit.slope > 0:
        factor = read[1] / (fit.slope * frame.ratio_y)
        first = read[0] + read[1] * ticks[0]
        return factor, 0.0 if anchored else first - factor * float(fit(frame.to_own_y(ticks[0])))
    gaps = np.diff(ticks)
    gap = np.median(gaps)
    if np.abs(gaps - gap).max() > 0.06 * gap + 1.2:
        return 1.0, 0.0
    gap = (ticks[-1] - ticks[0]) / round((ticks[-1] - ticks[0]) / gap)
    step = fit.span(gap) * frame.ratio_y
    if not step > 0:
        return 1.0, 0.0
    power = 10.0 ** math.floor(math.log10(step))
    ends = fit(frame.to_own_y(np.array([frame.box[3], frame.box[1]])))
    steps = sorted(
        (float(f"{n * power * m:.6g}") for n in NICE_STEPS for m in (0.1, 1, 10)),
        key=lambda n: abs(math.log(n / step)),
    )
    # Matplotlib must come to this step itself; if it comes to none of them, somebody has set the ticks.
    nice = next((n for n in steps[:4] if _chosen_step(ends * n / step) == n), None)
    if nice is None:
        return 1.0, 0.0
    factor = nice / step
    if anchored:
        return factor, 0.0
    first = float(fit(frame.to_own_y(ticks[-1]))) * factor
    return factor, round(first / nice) * nice - first


def _chosen_step(limits: np.ndarray) -> float:
    """The step between the ticks that matplotlib chooses for an axis with these limits."""
    from matplotlib.ticker import MaxNLocator

    ticks = MaxNLocator(9, steps=[1, 2, 2.5, 5, 10]).tick_values(*sorted(limits))
    return float(f"{ticks[1] - ticks[0]:.6g}")


def _scale_limits(reading: Reading, frame: Frame, factor: float, shift: float) -> None:
    """Writes limits that the program sets to the value axis: those of the target, or scaled as the values are."""
    axis, side = ("x", "bottom") if frame.horizontal else ("y", "left")
    box = (frame.box[1], frame.box[0], frame.box[3], frame.box[2]) if frame.horizontal else frame.box
    read = read_scale(reading.target, box, side)
    for call in reading.drawing.program.statement_calls(f"set_{axis}lim"):
        limits = [number(node) for node in call.args]
        if len(limits) != 2 or None in limits:
            continue
        ends = [value * factor + shift for value in limits]
        if read is not None:
            ends = sorted((read[0] + read[1] * frame.box[k] for k in (1, 3)), reverse=limits[0] > limits[1])
        error = 0.004 * abs(ends[1] - ends[0])
        for node, value in zip(call.args, ends):
            reading.changes.append((reading.drawing.program.span(node), brief(value, error)))


def _write(reading: Reading, columns: dict[str, np.ndarray], span: float) -> None:
    for name, values in columns.items():
        reading.columns[name] = value_literals(values, span)


def marker_size(area: float | np.ndarray, scale: float) -> float | np.ndarray:
    """The `s` of round markers of an area in pixels: the square of their diameters in points. `scale`: pixels per
    pixel of the figure at 100 dpi."""
    return area / scale**2 * 0.72**2 * 4 / np.pi


def _extended(texts: list[str], count: int) -> list[str]:
    """The literals of a column with more or fewer rows: series of numbers and of months go on, other names are new."""
    if count <= len(texts):
        return texts[:count]
    values = [number(ast.parse(text, mode="eval").body) for text in texts]
    if None not in values:
        step = values[-1] - values[-2] if len(values) > 1 else 1
        decimals = max(len(text.partition(".")[2]) for text in texts)
        return texts + [literal(values[-1] + step * k, decimals) for k in range(1, count - len(texts) + 1)]
    names = [ast.literal_eval(text) for text in texts]
    for items in TIME_DIMENSIONS.values():
        if count <= len(items) and all(name in items for name in names):
            start = max(0, min(items.index(names[0]), len(items) - count))
            return [string_literal(name) for name in items[start : start + count]] + texts[len(items) :]
    fresh = (f"Item {k}" for k in range(len(texts) + 1, 1000) if f"Item {k}" not in names)
    return texts + [string_literal(next(fresh)) for _ in range(count - len(texts))]


def _read_points(
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
        fits.append(_value_fit(np.concatenate(marks) if marks else None, values, axis))
    if None in fits:
        return
    spans = [fits[0].span(frame.own[2] - frame.own[0]), fits[1].span(frame.own[3] - frame.own[1])]
    scales = [(1.0, 0.0), (1.0, 0.0)]
    if scale:
        scales = [
            _tick_scale(reading, fits[0], frame.turned, 0, False),
            _tick_scale(reading, fits[1], frame, 0, False),
        ]

    def write_places(s: Series, places: np.ndarray) -> None:
        own_places = frame.to_own_x(places[:, 0]), frame.to_own_y(places[:, 1])
        for axis, name in enumerate((s.call.x, s.column)):
            factor, shift = scales[axis]
            _write(reading, {name: fits[axis](own_places[axis]) * factor + shift}, spans[axis] * factor)

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


# Pies


def _read_pie(reading: Reading, s: Series, colors: bool) -> None:
    program = reading.drawing.program
    pie = readout.find_pie(reading.target)
    if pie is None or not 2 <= len(pie.wedges) <= 24:
        return
    clockwise = (
        isinstance(s.call.keyword("counterclock"), ast.Constant) and s.call.keyword("counterclock").value is False
    )
    start = number(s.call.keyword("startangle")) or 0.0
    wedges = list(pie.wedges)
    ends = [(w.start + w.length if clockwise else w.start) % 360 for w in wedges]
    distances = [abs((end - start + 180) % 360 - 180) for end in ends]
    first = int(np.argmin(distances))
    wedges = [wedges[(first + (-k if clockwise else k)) % len(wedges)] for k in range(len(wedges))]
    usual = min((abs((end - a + 180) % 360 - 180), a) for end in ends for a in (0.0, 90.0, 180.0, 270.0))
    if distances[first] > min(4, usual[0] + 1.5):
        # Another start: one of the usual ones, if there is a border.
        angle = usual[1] if usual[0] < 4 else round(ends[first], 0)
        change = program.set_keyword(s.call.node, "startangle", f"{angle:g}" if angle else None)
        reading.changes.append(change)
        distances = [abs((end - angle + 180) % 360 - 180) for end in ends]
        first = int(np.argmin(distances))
        wedges = [list(pie.wedges)[(first + (-k if clockwise else k)) % len(wedges)] for k in range(len(wedges))]
    shares = np.array([w.length for w in wedges])
    reading.columns[s.column] = percent_literals(shares / shares.sum() * 100)
    table = program.column(s.column)[0]
    if len(wedges) != len(table.rows):
        for k, name in enumerate(table.names):
            if name != s.column:
                reading.columns[name] = _extended([program.text(row[k]) for row in table.rows], len(wedges))
    out = [w.explode for w in wedges]
    amount = max(out)
    if amount > 0.04:
        text = f"{round(amount, 1) or 0.05:g}"
        change = program.set_keyword(
            s.call.node, "explode", f"[{', '.join(text if o > amount / 2 else '0' for o in out)}]"
        )
    else:
        change = program.set_keyword(s.call.node, "explode", None)
    reading.changes.append(change)
    if colors:
        own = literal_color(s.call, 0) is not None
        texts = [color_literal(w.color) for w in wedges]
        cycle = [np.abs(rgb("#" + CYCLE[k % 10]) - w.color).max() < SAME_COLOR for k, w in enumerate(wedges)]
        if all(cycle):
            change = program.set_keyword(s.call.node, "colors", None)
        elif own or not all(cycle):
            change = program.set_keyword(s.call.node, "colors", f"[{', '.join(texts)}]")
        reading.changes.append(change)


def percent_literals(shares: np.ndarray) -> list[str]:
    """Shares of 100 in whole numbers, if they are that as far as one can measure, else with a decimal."""
    whole = np.floor(shares)
    for k in np.argsort(whole - shares)[: int(round(100 - whole.sum()))]:
        whole[k] += 1
    if np.abs(whole - shares).max() > WHOLE:
        return value_literals(shares, 100)
    return [str(int(v)) for v in whole]

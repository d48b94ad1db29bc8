"""The coordinates of marks in a program: columns of their places and values, limits of the axes, and ticks.

Marks at the same places have one table in common, with a column of values each.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.ticker import MaxNLocator

from chart2code import readout
from chart2code.adjustment.values import place_literals
from chart2code.bars import BASE
from chart2code.covers import AT_FRAME
from chart2code.layers import Layer, Layers
from chart2code.program import brief, string_literal, table_of
from chart2code.scales import Scale
from chart2code.tick_labels import read_scale, uneven_numbers

AT_ENDS = 8  # pixels that lines may end away from the first and the last place
MOST_BEYOND = 16  # pixels that lines without markers may go on beyond these
AT_PLACES, AT_MARKS = 1.0, 2.0  # pixels that a line may be away from one with its points where others are, or marks
SAME_PLACE = 2.5  # pixels
INK = 24  # of 255: what differs from the paper
HIDDEN, DIRECTION = 0.7, 24  # of the way to a point that others hide, inked; columns that say where a line goes on
LEAST_SEEN = 0.5  # of the way between the first and the last place, that a line is seen of which others hide the ends
SEEN = 0.6  # of the markers of a line, that others don't hide
ROUND_STEP, OFF_STEP = 0.03, 0.1  # of the distance of ticks: how exact that is, and they
AT_TICK = 2.0  # pixels from a tick, where an axis ends at it
TICK_ROOM = {"x": 30.0, "y": 20.0}  # points along an axis, that matplotlib reckons with for a tick


@dataclass
class _Table:
    """Columns of a program that have their places, in pixels, in common."""

    pixels: np.ndarray
    name: str
    literals: list[str]
    columns: dict[str, list[str]] = field(default_factory=dict)


def _common_places(lines: Sequence[Layer]) -> list[np.ndarray]:
    """The columns of the markers or error bars of several lines together, as some hide others; none if each has its
    own."""
    paths = [readout.find_path(line.cover) for line in lines]
    marks = [readout.markers_on_line(path, line.cover) for path, line in zip(paths, lines)]
    whiskers = [readout.whisker_places(line.cover) if line.errors else np.empty(0) for line in lines]
    marks = [max(places, key=len) for places in zip(marks, whiskers)]
    paths = [path for path, places in zip(paths, marks) if len(places)]
    marks = [places for places in marks if len(places)]
    if len(marks) < 2:
        return []
    ends = readout.with_ends(np.sort(np.concatenate(marks)), np.fmax.reduce(paths))
    groups = np.split(ends, np.flatnonzero(np.diff(ends) > SAME_PLACE) + 1)
    common, counts = (np.array([measure(group) for group in groups]) for measure in (np.median, len))
    near = np.abs(common[:, None] - common) < 2 * SAME_PLACE
    kept = counts >= np.where(near, counts, 0).max(axis=1)  # what is left of hidden ones is beside the others
    common, groups = common[kept], list(itertools.compress(groups, kept))
    seen = min(map(len, marks)) >= SEEN * len(common)
    return [common] if seen and max(map(np.ptp, groups)) < 2 * SAME_PLACE else []


def _widest_places(lines: Sequence[Layer], unit: float) -> list[np.ndarray]:
    """Where the line that is seen furthest has its points, if others are seen less far; `unit` as of `find_knots`."""
    paths = [(line.cover, readout.find_path(line.cover)) for line in lines]
    seen = [(cover, path, np.flatnonzero(~np.isnan(path))) for cover, path in paths if not np.isnan(path).all()]
    if len(seen) < 2:
        return []
    cover, path, columns = max(seen, key=lambda entry: np.ptp(entry[2]))
    if max(max(other[0] - columns[0], columns[-1] - other[-1]) for _, _, other in seen) < AT_ENDS:
        return []
    knots = readout.find_knots([path], [cover], unit)
    return [] if knots is None else [knots]


class Coordinates:
    """
    The columns of a program, which grow with its calls, and its axes.

    Args:
        layers: of the chart.
        x: the scale of the places; None for that of the layers.
        places: where lines may have their points, in pixels.
    """

    def __init__(self, layers: Layers, x: Scale | None = None, places: Sequence[np.ndarray] = ()):
        self.sheet, self.box, self.ticks = layers.sheet, layers.box, layers.ticks
        self.x, self.scales, self.sides = layers.x if x is None else x, layers.scales, layers.sides
        self.places = [*places, *_common_places(layers.lines)]
        self.ink = readout.difference(self.sheet.bare, layers.paper) > INK
        self.widest = [] if self.places else _widest_places(layers.lines, self.x.slope)
        self.tables: list[_Table] = []

    def column(
        self, pixels: np.ndarray, heights: np.ndarray, name: str, axes: str = "ax", literals: list[str] | None = None
    ) -> tuple[str, str]:
        """The names of the columns of places and of values for points of the picture; `literals`: of the places, if
        they don't stand at names."""
        table = self._table(pixels, literals)
        name = self._fresh(name)
        table.columns[name] = self.y_literals(heights, axes)
        return table.name, name

    def add(self, places: str, name: str, literals: list[str]) -> str:
        """The name of one more column beside that of the `places`."""
        table, name = next(table for table in self.tables if table.name == places), self._fresh(name)
        table.columns[name] = literals
        return name

    def y_literals(self, heights: np.ndarray, axes: str = "ax") -> list[str]:
        """What rows of the picture are worth."""
        return self.scales[axes].literals(heights, self.box[3] - self.box[1])

    def _table(self, pixels: np.ndarray, literals: list[str] | None = None) -> _Table:
        for table in self.tables:
            if len(table.pixels) == len(pixels) and np.abs(table.pixels - pixels).max() < SAME_PLACE:
                return table
        if self.x.names == len(pixels) and np.abs(self.ticks - pixels).max() < SAME_PLACE:
            literals = [string_literal(name) for name in self.sheet.words.names(len(pixels))]
            table = _Table(pixels, self._fresh("categories"), literals)
        else:
            table = _Table(pixels, self._fresh("x"), literals or self._x_literals(pixels))
        self.tables.append(table)
        return table

    def _x_literals(self, pixels: np.ndarray) -> list[str]:
        if len(pixels) > 1 and np.diff(pixels).min() > 0 and not self.x.logarithmic:
            return place_literals(self.x(pixels))
        return self.x.literals(pixels, self.box[2] - self.box[0])

    def _fresh(self, name: str) -> str:
        taken = {known for table in self.tables for known in (table.name, *table.columns)}
        return next(text for k in range(1, 1000) if (text := name if k == 1 else f"{name}{k}") not in taken)

    def knots(self, paths: list[np.ndarray], covers: list[np.ndarray]) -> np.ndarray | None:
        """Where lines or the edges of areas have their points: those of other layers, or of their own."""
        names = [self.ticks] if self.x.names else []
        seen = np.flatnonzero(np.any([~np.isnan(path) for path in paths], axis=0))
        own = readout.markers_on_line(paths[0], covers[0]) if covers else np.empty(0)
        known = [(places, AT_MARKS) for places in self.places]
        known += [(places, AT_PLACES) for places in (*(t.pixels for t in self.tables), *self.widest, *names)]
        for places, allowed in known:
            mostly = len(seen) and np.ptp(seen) > LEAST_SEEN * (places[-1] - places[0])
            within = len(seen) and all(
                (end > -AT_ENDS or len(paths) == 1 and mostly and self._is_hidden(paths[0], place))
                and (end < MOST_BEYOND or len(own))  # beside markers there may be names
                for place, end in ((places[0], places[0] - seen[0]), (places[-1], seen[-1] - places[-1]))
            )
            marked = all(np.abs(places - place).min() < SAME_PLACE for place in own)
            if len(places) > 2 and within and marked and readout.misfit(paths, places) < allowed:
                return places
        knots = readout.find_knots(paths, covers, self.x.slope)
        if knots is None or len(knots) < 2 or np.ptp(np.diff(knots)) > 1e-6:
            return knots
        ends = [  # what reaches the frame is hidden by it there
            side if abs(end - side) < AT_FRAME else end
            for end, side in ((knots[0], self.box[0]), (knots[-1], self.box[2]))
        ]
        return np.linspace(*ends, len(knots))

    def _is_hidden(self, path: np.ndarray, place: float) -> bool:
        """Whether a line goes straight on, to a column beyond its end, where others are."""
        seen = np.flatnonzero(~np.isnan(path))
        near = seen[:DIRECTION] if place < seen[0] else seen[-DIRECTION:]
        beyond = np.arange(round(place), seen[0]) if place < seen[0] else np.arange(seen[-1] + 1, round(place) + 1)
        rows = np.polyval(np.polyfit(near, path[near], 1), beyond).round().astype(int)
        around = np.clip([rows - 1, rows, rows + 1], 0, len(self.ink) - 1)
        return len(beyond) > 0 and bool(self.ink[around, beyond].any(axis=0).mean() > HIDDEN)

    def definitions(self) -> list[str]:
        """The statements that define the columns."""
        return [table_of({table.name: table.literals, **table.columns}) for table in self.tables]

    def axes(self, twin: bool, grounded: bool) -> list[str]:
        """Statements for the limits of the axes, of the second one if there is a `twin`, and for names at numbers;
        `grounded`: whether there are marks that stand on zero."""
        statements = []
        if self.x.names and any(table.name.startswith("x") for table in self.tables):
            names = ", ".join(map(string_literal, self.sheet.words.names(self.x.names)))
            statements += [f"names = [{names}]", f"ax.set_xticks(range({self.x.names}), names)"]
        statements += self._uneven_ticks()
        sides = [("ax", "x", self.x, self.box[0], self.box[2])]
        sides += [(axes, "y", self.scales[axes], self.box[3], self.box[1]) for axes in ("ax", "ax2")[: 1 + twin]]
        for axes, name, scale, first, last in sides:
            first, last = (self._at_tick(axes, name, end) for end in (first, last))
            at_zero = not scale.logarithmic and name == "y" and abs(first - scale.ground(first)) < BASE
            first = scale.ground(first) if at_zero and grounded else first
            statements += [*scale.kind(axes, name), scale.limits(axes, name, first, last)]
            statements += self._ticks(axes, name, scale, first, last)
        return statements

    def _find_ticks(self, axes: str, name: str) -> np.ndarray:
        """The ticks of an axis; none if there are no numbers at them."""
        found = self.sheet.target, self.box, "bottom" if name == "x" else self.sides[axes]
        return np.empty(0) if read_scale(*found) is None else readout.find_ticks(*found)

    def _at_tick(self, axes: str, name: str, end: float) -> float:
        """The end of an axis in pixels, at a tick if it is next to that."""
        ticks = self._find_ticks(axes, name)
        near = ticks[np.abs(ticks - end) < AT_TICK]
        return float(near[0]) if len(near) else end

    def _ticks(self, axes: str, name: str, scale: Scale, first: float, last: float) -> list[str]:
        """The statement for ticks where matplotlib would have others, on an axis whose ends are at these pixels."""
        ticks = self._find_ticks(axes, name)
        if len(ticks) < 3:
            return []
        values = np.sort(scale(ticks))
        usual = float(np.median(np.diff(values)))
        step = float(brief(usual, ROUND_STEP * usual))
        start = float(brief(float(values[0]), ROUND_STEP * usual))
        labels = start + step * np.arange(len(values))
        if np.abs(values - labels).max() > OFF_STEP * step:
            return []
        ends = sorted(float(scale(end)) for end in (first, last))
        room = abs(last - first) / self.sheet.scale * 0.72 / TICK_ROOM[name]
        own = MaxNLocator(min(max(int(room), 1), 9), steps=[1, 2, 2.5, 5, 10]).tick_values(*ends)
        slack = abs(scale.slope) * AT_FRAME / 2
        own = own[(own > ends[0] - slack) & (own < ends[1] + slack)]
        if len(own) == len(labels) and np.abs(own - labels).max() < OFF_STEP * step:
            return []
        if start == int(start) and step == int(step):
            by = f", {int(step)}" if step > 1 else ""
            return [f"{axes}.set_{name}ticks(range({int(start)}, {int(labels[-1]) + 1}{by}))"]
        return [f"{axes}.set_{name}ticks([{', '.join(brief(float(label), 1e-6 * step) for label in labels)}])"]

    def _uneven_ticks(self) -> list[str]:
        """The statement for numbers at uneven distances, as matplotlib doesn't choose them."""
        if self.x.logarithmic or self.x.names:
            return []
        values = uneven_numbers(self.sheet.target, self.box, "bottom")
        return [f"ax.set_xticks([{', '.join(f'{value:g}' for value in values)}])"] if values else []

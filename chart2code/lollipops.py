"""Programs of lollipops and dumbbells: points in rows or columns, with a line to each, or between those of a row.

All is measured in the picture at once, as if places were its rows: of upright ones it is turned. What stands beside
the points is mostly their values (bar_labels.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from chart2code import bar_labels, morphology, readout
from chart2code.across import find_lines_across
from chart2code.bubbles import SIZE_ERROR, point_size
from chart2code.captions import Page
from chart2code.detail import finest_of
from chart2code.drawing import color_literal
from chart2code.program import brief, string_literal, table_of
from chart2code.scales import Scale
from chart2code.tick_labels import runs_of

if TYPE_CHECKING:
    from chart2code.sketches import Sheet

FEWEST, MOST = 3, 60  # rows
MOST_COLORS = 5
CORE, LEAST_SIDE = 0.6, 3  # of the greatest distance from a point's rim; pixels, of points
SAME_SIZE, ROUND = 0.25, 1.6  # of a radius, that others may differ by; times as long as high is a core, at most
SAME_ROW, UNEVEN = 2.5, 3.0  # pixels: of points in a row, and of distances of rows
INK, SAME = 20, 30  # of 255, away from the paper: lines; and between colours that are alike
BEYOND = 2.5  # pixels from a point, where its line is seen
AT_BASE, ON_BASE = 3.0, 0.8  # pixels that lines may begin beside their base; of them, that begin there
AT_FRAME, OUTSIDE = 4, 8  # pixels from a frame; and beyond the first and the last row
BASE = 2.5  # pixels that a base may be off
FULL = 0.7  # of the rows, with a point of each colour that is not hidden
DRAWN = 0.9  # of the distance between points, with a line
MIXED = 0.15  # of a colour, how far that of a thin line may be from a mixture of it with the paper


@dataclass
class Points:
    """Points of one colour: the rows of their middles, and where along these they are, in pixels, from above."""

    color: np.ndarray
    rows: np.ndarray
    places: np.ndarray
    radius: float


@dataclass
class Sticks:
    """Lines from points to a `base`, or, without one, from the first to the last point of a row: their colour in each
    row, (rows, 3), and how thick they are, in pixels."""

    base: float | None
    colors: np.ndarray
    thickness: float


def lollipops(sheet: Sheet) -> list[str]:
    """A program of points with lines to them, or of several at each name; none if a chart has no such points."""
    for upright in (False, True):
        written = _Writer.of(sheet, upright)
        if written is not None:
            return [written.program()]
    return []


class _Writer:
    """Writes the program of points in rows of a picture that may be turned (`upright`)."""

    def __init__(self, sheet: Sheet, upright: bool, axes: tuple[Scale, Scale | None], found: list[Points]):
        self.sheet, self.upright, self.found = sheet, upright, found
        self.values, self.scale = axes  # of the points, and of the rows, None for names
        self.picture, self.box = _turned(sheet, upright)
        self.rows = _joined(np.concatenate([points.rows for points in found]))[::-1]  # from below, or from the left
        self.rows = self.rows[::-1] if upright else self.rows
        self.radius = max(points.radius for points in found)
        self.inks = [points.color for points in found]
        self.single = sum(len(points.rows) for points in found) == len(self.rows)  # of one series
        self.ends = self._find_ends()
        self.sticks = self._find_sticks()

    @classmethod
    def of(cls, sheet: Sheet, upright: bool) -> _Writer | None:
        sides = ("left", "bottom") if upright else ("bottom", "left")
        values, scale = (Scale.of(sheet.target, sheet.box, side) for side in sides)
        if values is None or not 1 <= len(sheet.series) <= MOST_COLORS:
            return None
        found = _find_points(sheet, upright)
        if not found:
            return None
        writer = cls(sheet, upright, (values, scale), found)
        return writer if writer._is_right() else None

    def _is_right(self) -> bool:
        """Whether rows are even if they have names, and full, and have lines, or one name each."""
        steps, counts = np.abs(np.diff(self.rows)), [len(points.rows) for points in self.found]
        full = min(counts) > FULL * len(self.rows)
        if not FEWEST <= len(self.rows) <= MOST or not (self.single or full):
            return False
        if self.scale is None and np.ptp(steps) > UNEVEN:
            return False
        if self.sticks is not None:
            return True
        ticks = readout.find_ticks(self.sheet.target, self.sheet.box, "bottom" if self.upright else "left")
        named = len(ticks) == len(self.rows) and np.abs(np.sort(self.rows) - ticks).max() < SAME_ROW
        return self.scale is None and named and not self.upright

    def _at(self, row: float) -> np.ndarray:
        """Where along a row points are, in ascending order."""
        return np.sort([p for points in self.found for p in points.places[np.abs(points.rows - row) < SAME_ROW]])

    def _find_ends(self) -> np.ndarray:
        """Where what is inked around the points of each row begins and ends, (rows, 2)."""
        ink = readout.difference(self.picture, self.sheet.paper) > INK
        ends = []
        for row in self.rows:
            first = self._at(row)[0]
            line = np.median(ink[round(row) - 1 : round(row) + 2], axis=0) > 0.5
            line[: round(self.box[0]) + 1] = line[round(self.box[2]) :] = False
            own = (run for run in runs_of(line, 1) if run[0] <= first < run[1])
            ends.append(next(own, (first - self.radius, first + self.radius + 1)))
        return np.array(ends, float) - (0, 1)

    def _find_sticks(self) -> Sticks | None:
        """The lines of the points; None if most rows have none."""
        left, _, right, _ = self.box
        ends, spans = self.ends, np.array([self._at(row)[[0, -1]] for row in self.rows])
        if (np.abs(ends - (left, right)) < AT_FRAME).all(axis=1).any():  # lines of a grid
            return None
        beyond = np.abs(ends - spans) - self.radius
        if not self.single:
            between = ends[:, 1] > spans[:, 1] - self.radius - BEYOND
            if np.mean(between) < DRAWN or np.median(beyond) > BEYOND:
                return None
            return self._measured(None, spans + (self.radius + BEYOND) * np.array([1, -1]))
        long = beyond.max(axis=1) > BEYOND
        if long.sum() < FEWEST or np.median(beyond.min(axis=1)) > BEYOND:  # none, or at both sides
            return None
        far = ends[np.arange(len(ends)), beyond.argmax(axis=1)]
        base = float(np.median(far[long]))
        base = next((side for side in (left, right) if abs(base - side) < AT_FRAME), base)
        near = np.abs(np.where(long, far, spans[:, 0]) - base) < np.where(long, AT_BASE, self.radius + AT_BASE)
        if np.mean(near) < ON_BASE:
            return None
        way = np.sign(base - spans[:, 0])
        inner = spans[:, 0] + way * (self.radius + BEYOND), base - way * BEYOND
        return self._measured(base, np.where(way[:, None] > 0, np.column_stack(inner), np.column_stack(inner[::-1])))

    def _measured(self, base: float | None, spans: np.ndarray) -> Sticks | None:
        """Colour and thickness of lines that lie between places (rows, 2), in the finest picture there is."""
        fine, paper = finest_of(self.sheet.target), np.array(self.sheet.paper, np.float32)
        picture = fine.pixels.swapaxes(0, 1) if self.upright else fine.pixels
        colors, amounts = [], []
        for row, (first, last) in zip(self.rows, spans):
            at = np.array([row, first, last])
            at = np.rint(fine.enlarged(at)).astype(int)
            reach = round(self.radius * fine.zoom)
            strip = picture[max(0, at[0] - reach) : at[0] + reach + 1, at[1] : at[2] + 1].astype(np.float32) - paper
            if strip.shape[1] < 2:  # hidden by the points
                colors.append(None)
                continue
            profile = np.median(strip, axis=1)
            color = profile[np.abs(profile).max(axis=1).argmax()]
            colors.append(paper + color)
            amounts.append(np.abs(profile).sum() / max(1.0, np.abs(color).sum()) / fine.zoom)
        known = [color for color in colors if color is not None]
        if not known:
            return None
        usual = np.median(known, axis=0)
        return Sticks(base, np.array([usual if c is None else c for c in colors]), float(np.median(amounts)))

    def program(self) -> str:
        """The program; points of one series may have colours of their own."""
        single, found = self.single, [_merged(self.found)] if self.single else self.found
        places = [np.array([self._place(points, k) for k in range(len(self.rows))]) for points in found]
        length = self.box[2] - self.box[0]
        columns = [f"y{k + 1}" for k in range(len(found))] if len(found) > 1 else ["values"]
        if self.scale is None:
            names, texts = "categories", [string_literal(name) for name in self.sheet.words.names(len(self.rows))]
        else:
            names, texts = "x", self.scale.literals(self.rows, self.box[3] - self.box[1])
        literals = [self.values.literals(own, length) for own in places]
        labels = [self._labels(own, texts) for own, texts in zip(places, literals)]
        literals = [label[0] if label else texts for label, texts in zip(labels, literals)]
        inks = [points.color for points in found]
        if single:
            own = [self.found[k].color for k in self._owners()]
            table = {names: texts, columns[0]: literals[0]}
            if len(self.found) > 1:
                table["colors"] = [color_literal(color) for color in own]
                inks[0] = None
        else:
            table = {names: texts, **dict(zip(columns, literals))}
        statements = [table_of(table), *self._draw_sticks(names, columns, found, single)]
        legend = self.sheet.legend is not None and not single
        for k, (points, column, ink) in enumerate(zip(found, columns, inks)):
            at = f"{names}, {column}" if self.upright else f"{column}, {names}"
            size = float(point_size(points.radius, self.sheet.scale))
            style = "color=colors" if ink is None else f"color={color_literal(ink)}"
            style += f", label={string_literal(self.sheet.label(ink, k))}" if legend else ""
            statements.append(f"ax.scatter({at}, s={brief(size, SIZE_ERROR * size)}, {style}, zorder=3)")
        statements += [self._write(names, column, *label[1:]) for column, label in zip(columns, labels) if label]
        return self.sheet.program(*statements, *self._axes(), legend=legend)

    def _place(self, points: Points, index: int) -> float:
        """Where along a row, given by its index, the point of a colour is, which may be hidden."""
        away = np.abs(points.rows - self.rows[index])
        if away.min() < SAME_ROW:
            return float(points.places[away.argmin()])
        seen, ends = self._at(self.rows[index]), self.ends[index] + (self.radius, -self.radius)
        return float(max(ends, key=lambda end: np.abs(seen - end).min()))

    def _owners(self) -> list[int]:
        """The colour of the point in each row, by its index."""
        away = [[np.abs(points.rows - row).min() for points in self.found] for row in self.rows]
        return [int(np.argmin(own)) for own in away]

    def _draw_sticks(self, names: str, columns: list[str], found: list[Points], single: bool) -> list[str]:
        """The statement that draws the lines."""
        if self.sticks is None:
            return []
        colors = self.sticks.colors
        own = np.array([self.found[k].color for k in self._owners()]) if single else None
        if own is not None and self._is_paler(colors, own):
            style = "color=colors" if len(self.found) > 1 else f"color={color_literal(own[0])}"
        else:
            style = f"color={color_literal(np.median(colors, axis=0))}"
        width = max(1, round(2 * self.sticks.thickness / self.sheet.scale * 0.72)) / 2
        style += f", linewidth={width:g}" if width != 1.5 else ""
        if self.sticks.base is None:
            ends = [columns[0], columns[-1]]
            if len(columns) > 2:
                both = ", ".join(columns)
                ends = [f"[{name}(row) for row in zip({both})]" for name in ("min", "max")]
        else:
            ends = [self.values.literal(self.sticks.base, BASE), columns[0]]
        method, across = ("vlines", "hlines") if self.upright else ("hlines", "vlines")
        color = self._base_color()
        base = [] if color is None else [f"ax.{across}({ends[0]}, {names}[0], {names}[-1], color={color})"]
        return [f"ax.{method}({names}, {', '.join(ends)}, {style})", *base]

    def _base_color(self) -> str | None:
        """The colour of a line from the first to the last row, where the lines of all begin, as `stem` draws it; None
        if there is none."""
        base = self.sticks.base
        if base is None or min(abs(base - self.box[0]), abs(base - self.box[2])) < AT_FRAME:
            return None
        first, last = np.sort(self.rows)[[0, -1]].round().astype(int)
        away = readout.difference(self.picture, self.sheet.paper)
        columns = slice(max(0, round(base) - 2), round(base) + 3)
        part = away[first : last + 1, columns].max(axis=1)
        outside = [away[max(0, row - 1) : row + 2, columns].max() for row in (first - OUTSIDE, last + OUTSIDE)]
        if np.mean(part > INK) < DRAWN or max(outside) > INK:
            return None
        strongest = columns.start + away[first : last + 1, columns].argmax(axis=1)
        return color_literal(np.median(self.picture[np.arange(first, last + 1), strongest], axis=0))

    def _is_paler(self, colors: np.ndarray, own: np.ndarray) -> bool:
        """Whether lines have the colours of their points, which of thin ones are mixtures with the paper."""
        paper = np.array(self.sheet.paper, float)
        ways, seen = own - paper, colors - paper
        shares = (seen * ways).sum(axis=1) / np.maximum(1.0, (ways**2).sum(axis=1))
        errors = np.abs(seen - shares[:, None] * ways).max(axis=1)
        return bool(np.median(shares) > 1 - 2 * MIXED and np.median(errors) < SAME)

    def _labels(self, places: np.ndarray, literals: list[str]) -> tuple[list[str], str, list[str]] | None:
        """What stands beside points, if it is their values: these, as they are written, the text that a program writes
        for a `value`, and the keywords of that; None if it isn't."""
        page, unit = Page.of(self.sheet.target, self.sheet.scale, self.sheet.sharpness), self.sheet.scale * 100 / 72
        half, values = float(np.abs(np.diff(self.rows)).min()) / 2, [float(text) for text in literals]
        bars = [
            readout.Bar(row, 2 * self.radius, place - self.radius, place + self.radius + 1)
            for row, place in zip(self.rows, places)
        ]
        for lower in (False, True):  # at the right or above; at the left or below
            end = self.ends[:, int(lower == self.upright)]
            if np.median(np.abs(end - places)) > self.radius + BEYOND:  # there are the lines
                continue
            found = bar_labels.labels_at(
                page, self.sheet.target, bars, not self.upright, [lower] * len(bars), "edge", half, self.inks
            )
            seen = [label for label in found if label is not None]
            exact = bar_labels.exact_values(found, values)
            if exact is None or len(seen) < bar_labels.READ * len(values):
                continue
            texts, pattern = exact
            pad = float(np.median([label.pad for label in seen])) + self.radius / unit
            if self.upright:
                anchors = "center", "top" if lower else "bottom"
                pad -= bar_labels.DESCENT * float(np.median([label.line.points for label in seen])) * (not lower)
                offset = f"(0, {round(-pad if lower else pad)})"
            else:
                anchors = "right" if lower else "left", "center"
                offset = f"({round(-pad if lower else pad)}, 0)"
            keywords = [f"xytext={offset}", 'textcoords="offset points"', 'ha="{}", va="{}"'.format(*anchors)]
            text = "f" + string_literal(pattern.replace("{", "{value")) if pattern else "value"
            return texts, text, [*keywords, *bar_labels.style_of(seen)]
        return None

    def _write(self, names: str, column: str, text: str, keywords: list[str]) -> str:
        """The loop that writes values beside points."""
        place = "(name, value)" if self.upright else "(value, name)"
        call = f"ax.annotate({', '.join([text, place, *keywords])})"
        return f"for name, value in zip({names}, {column}):\n    {call}"

    def _axes(self) -> list[str]:
        """The statements for limits of the axes, and lines across them."""
        (left, top, right, bottom), rows = self.sheet.box, self.scale
        if rows is None:
            slope, start = np.polyfit(self.rows, np.arange(len(self.rows)), 1)
            rows = Scale(float(start), float(slope))
        x, y = (rows, self.values) if self.upright else (self.values, rows)
        lines = [
            line.call("ax", x if line.upright else y, self.sheet.scale)
            for line in find_lines_across(self.sheet.target, self.sheet.box)
            if line.upright != self.upright or np.abs(self.rows - line.place).min() > SAME_ROW
        ]
        ends = {"x": [left, right], "y": [bottom, top]}
        own = ends["y" if self.upright else "x"]
        if not self.values.logarithmic and abs(own[0] - self.values.ground(0)) < BASE:
            own[0] = self.values.ground(0)
        limits = [scale.limits("ax", name, *ends[name]) for name, scale in (("x", x), ("y", y))]
        return [*lines, *x.kind("ax", "x"), *y.kind("ax", "y"), *limits]


def _turned(sheet: Sheet, upright: bool) -> tuple[np.ndarray, tuple[float, ...]]:
    """Picture and box of a chart; of `upright` lines such that they lie."""
    if not upright:
        return sheet.bare, sheet.box
    return sheet.bare.swapaxes(0, 1), tuple(sheet.box[k] for k in (1, 0, 3, 2))


def _find_points(sheet: Sheet, upright: bool) -> list[Points]:
    """The points of each colour, not more than one in a row; none if they are no such."""
    found = []
    for (color, solid), cover in zip(sheet.series, sheet.own_covers):
        points = None if solid else _points_in(color, cover.T if upright else cover)
        if points is not None:
            found.append(points)
    if not found:
        return []
    radius = max(points.radius for points in found)
    found = [points for points in found if points.radius > (1 - SAME_SIZE) * radius]
    if any(len(points.rows) > 1 and np.diff(points.rows).min() < SAME_ROW for points in found):
        return []
    if sheet.legend is not None:
        return sorted(found, key=lambda points: sheet.legend.place_of(points.color))
    return sorted(found, key=lambda points: np.median(points.places), reverse=upright)


def _points_in(color: np.ndarray, cover: np.ndarray) -> Points | None:
    """The points of a colour, which may have lines, and letters; None if it has none of one size."""
    mask = cover > 0.5
    if not morphology.erosion(mask, (LEAST_SIDE, LEAST_SIDE)).any():
        return None
    depth = ndimage.distance_transform_edt(mask)
    cores, count = ndimage.label(depth > CORE * depth.max())
    if count > MOST:
        return None
    sides = np.array([[side.stop - side.start for side in part] for part in ndimage.find_objects(cores)])
    if (sides.max(axis=1) > ROUND * sides.min(axis=1) + 1).any():  # bars, or lines
        return None
    middles = np.array(ndimage.center_of_mass(depth, cores, np.arange(1, count + 1)))
    reach, radii = int(2 * depth.max()) + 1, []
    for row, place in np.rint(middles).astype(int):  # across the lines
        strip = cover[max(0, row - reach) : row + reach + 1, max(0, place - 1) : place + 2]
        radii.append(strip.sum(axis=0).max() / 2)
    radius = float(np.median(radii))
    if np.mean(np.abs(np.array(radii) - radius) > SAME_SIZE * radius + 0.5) > 0.2:
        return None
    order = middles[:, 0].argsort()
    return Points(color, middles[order, 0], middles[order, 1], radius)


def _joined(rows: np.ndarray) -> np.ndarray:
    """Rows from above to below, those of points of several colours as one."""
    rows = np.sort(rows)
    return np.array([np.mean(part) for part in np.split(rows, np.flatnonzero(np.diff(rows) > SAME_ROW) + 1)])


def _merged(found: Sequence[Points]) -> Points:
    """Points of several colours as one series."""
    rows, places = (np.concatenate([getattr(points, name) for points in found]) for name in ("rows", "places"))
    order = rows.argsort()
    return Points(found[0].color, rows[order], places[order], float(np.median([points.radius for points in found])))

"""Programs of charts whose marks are of several kinds, one upon the other: areas, bars, lines and points.

Each colour is a layer, of the kind that its own picture says. What its marks are worth is read at the ticks and
written at once; what adjustment.py measures against a drawing needs marks of few kinds.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from chart2code import readout
from chart2code.adjustment import THICKEST, marker_size, place_literals
from chart2code.drawing import color_literal
from chart2code.program import brief, string_literal
from chart2code.scales import Scale, significant

if TYPE_CHECKING:
    from chart2code.sketches import Sheet

WIDTH_ERROR = 0.03  # of the width of bars
BASE = 3.0  # pixels that bars and areas may end away from where they stand
FILLED, OWN = 0.85, 0.8  # of the rectangle of a bar; and of a colour, in bars
WIDE = 0.3  # of the columns of the axes, of an area
MOST_MARKS = 200
MOSTLY = 0.7  # of an edge
JOINED = 0.9  # of the columns between the ends of an area
GRID = 7  # pixels: lines of a grid, through an area
AT_FRAME, AT_ENDS = 5, 8  # pixels
NEAR_LINE = 5  # pixels from a line to a marker upon it
DARKER = 0.65  # of a colour, where a black line is that is hardly a pixel thick
INKY = 120  # of 255: text and its mixtures with colours
SPLINTER = 0.05  # of its largest part
STACKED = 3.0  # pixels between areas that lie upon each other
LEVEL = 0.8  # pixels: of what areas stand on
FLAT = 2.0  # pixels that an edge may be away from a straight one
AT_PLACES = 1.0  # pixels that a line may be away from one with its points where others are
SAME_PLACE = 2.5  # pixels
EVEN = 2.0  # pixels that even distances of bars differ by
SMALL, ON_PATH = 10, 0.8  # pixels; of the ink of a line in dashes
COMPACT = 2.5  # times the smaller side of a marker
DASHED, DOTTED, NEAR_PATH = 0.55, 0.35, 3  # of the columns of a line; pixels
LONG, HOLE = 0.5, 12  # of the width of the axes, what hangs together of a line; pixels within a marker
LINE, MARKERS = 0.12, 0.5  # thickness of lines without markers, at most; and of markers alone
MIXED = 8  # of 255: how far a colour may be from a mixture
ON_RIM, TOUCHING = 0.8, 3.5  # of a colour, at the edges of bars; pixels between bars of a histogram
BESIDE, COLORED, LEAST_LABELS = 90, 40, 20  # pixels beside the axes; of 255; pixels of labels in a colour
WASH, THIN_WASH = (0.05, 0.7), (0.05, 0.45)  # opacity of areas in the colour of another mark; and of thin ones


@dataclass
class Layer:
    """A colour and where it is, (H, W), also within `hollow` markers; for areas the heights of their upper and lower
    edges, (W,), nan where these can't be seen."""

    color: np.ndarray
    cover: np.ndarray
    hollow: bool = False
    edges: tuple[np.ndarray, np.ndarray] | None = None
    bars: list[readout.Bar] = field(default_factory=list)
    axes: str = "ax"
    columns: tuple[str, str] | None = None  # of its places and values in the program
    named: bool = True  # in a legend


@dataclass
class _Table:
    """Columns of a program that have their places, in pixels, in common."""

    pixels: np.ndarray
    name: str
    literals: list[str]
    columns: dict[str, list[str]] = field(default_factory=dict)


def layered(sheet: Sheet, series: list[tuple[np.ndarray, bool]], covers: list[np.ndarray]) -> list[str]:
    """
    A program of the layers of a chart; none if the numbers at the axes can't be read.

    Args:
        series: colours, and which of them fill areas.
        covers: where these are, (H, W) each.
    """
    layers = Layers(sheet, series, covers)
    if layers.x is None or layers.y is None or not (layers.areas or layers.bars or layers.lines or layers.points):
        return []
    return [layers.program()]


class Layers:
    """The layers of a chart by their kinds; arguments as of `layered`."""

    def __init__(self, sheet: Sheet, series: list[tuple[np.ndarray, bool]], covers: list[np.ndarray]):
        self.sheet, self.target, self.box = sheet, sheet.target, sheet.box
        self.x, self.y = (Scale.or_names(self.target, self.box, side) for side in ("bottom", "left"))
        self.ticks = readout.find_ticks(self.target, self.box, "bottom")
        self.paper = sheet.paper
        self.inked = np.any([cover > 0.3 for cover in covers], axis=0)
        self.areas, self.bars, self.lines, self.points = ([] for _ in range(4))
        self.tables: list[_Table] = []
        self.places: list[np.ndarray] = []  # where lines may have their points
        for (color, solid), cover in zip(series, covers):
            if not solid and (lines := self._lines_in(color, cover)):
                self.lines += lines
                continue
            layer, spotted, dotted = Layer(color, cover), sheet.spotted(cover), sheet.dotted(cover)
            if solid and (bars := self._find_bars(cover)):
                layer.bars = bars
                self.bars.append(layer)
            elif solid or not spotted and self._is_wash(color, series):
                self.areas.append(layer)
            elif color.max() < INKY and spotted and not dotted:
                continue  # words
            elif (spotted or dotted or sheet.thickness(cover) > MARKERS or _scattered(cover)) and not _is_line(cover):
                self.points.append(layer)
            else:
                self.lines.append(layer)
        if self.bars and self.x and self.x.bare:  # names that are numbers, as 10, 100, 1000
            self.x = Scale.of_names(self.target, self.box)
        outlines = self._outlines()
        self.rims = [line for line in self.lines if _within(line.cover, outlines) > ON_RIM]
        self.lines = [line for line in self.lines if not any(line is rim for rim in self.rims)]
        for layer in self.areas:
            layer.edges = self._find_edges(layer.cover)
        self.areas = [layer for layer in self.areas if layer.edges]
        self.points = [layer for layer in self.points if not self._is_text(layer.color)]
        self.scales = {"ax": self.y}
        right = Scale.of(self.target, self.box, "right")
        if right is not None:
            self.scales["ax2"] = right
            for layer in self._at_the_right():
                layer.axes = "ax2"

    def _lines_in(self, color: np.ndarray, cover: np.ndarray) -> list[Layer]:
        """The lines of a colour that has one with hollow markers, or one that hangs together and besides that another
        one in dots or dashes, or words; none if it has something else."""
        inside, (left, top, right, bottom) = np.zeros(cover.shape, bool), (round(side) for side in self.box)
        inside[top + AT_FRAME : bottom - AT_FRAME, left + AT_FRAME : right - AT_FRAME] = True
        regions, _ = ndimage.label(inside & (cover > 0.4), np.ones((3, 3)))
        widths = [columns.stop - columns.start for _, columns in ndimage.find_objects(regions)]
        if max(widths, default=0) < LONG * (right - left):
            return []
        if _is_line(cover):
            line = Layer(color, *_without_holes(cover))
            return [line] if line.hollow else []
        own = regions == 1 + int(np.argmax(widths))
        first, rest = (np.where(part, cover, 0) for part in (ndimage.binary_dilation(own), inside & ~own))
        if not _is_line(first):
            return []
        lines = [Layer(color, *_without_holes(first))]
        if _is_line(rest, DOTTED):
            return [*lines, Layer(color, rest, named=False)]
        return lines if color.max() < INKY and not self.sheet.dotted(rest) else []

    def _at_the_right(self) -> list[Layer]:
        """The lines of the scale at the right side: in the colour of its labels, or those upon bars and areas."""
        left, top, right, bottom = (round(v) for v in self.box)
        beside = self.target[top:bottom, right + 4 : right + BESIDE].reshape(-1, 3).astype(float)
        labels = beside[np.ptp(beside, axis=1) > COLORED]
        near = [line for line in self.lines if np.mean(np.abs(labels - line.color).max(axis=1) < COLORED) > MOSTLY / 2]
        if len(labels) > LEAST_LABELS and near:
            return near
        return self.lines if self.bars or self.areas else self.lines[1:]

    def _is_text(self, color: np.ndarray) -> bool:
        """Whether a colour is that of words upon an area: of the area's, and black."""
        mixed = any(readout.wash_of(color, area.color, (0, 0, 0)) for area in self.areas)
        return bool(color.max() < INKY and mixed)

    def _is_wash(self, color: np.ndarray, series: list[tuple[np.ndarray, bool]]) -> bool:
        """Whether a colour is that of another series, as transparent as bands are, which may be thin."""
        shares = [readout.wash_of(color, other, self.paper) for other, _ in series]
        return any(share and THIN_WASH[0] < share < THIN_WASH[1] for share in shares)

    def program(self, *first: str, without: Sequence[str] = ()) -> str:
        """The program; `first`: statements before those of the layers; `without`: as of `Sheet.program`."""
        layers = [*self.areas, *self.bars, *self.lines, *self.points]
        covers = readout.coverages(self.target, [layer.color for layer in layers], self.paper, self.box)
        legend = any(a is not b for a, b in zip(covers, readout.without_legend(covers, self.target, self.box)))
        named = [layer for layer in layers if layer.named]
        self.labels = {id(layer): self.sheet.words.label(k) for k, layer in enumerate(named)} if legend else {}
        # Where bars stand, lines and areas may have their points, and where lines have theirs, areas.
        bars, lines = self._draw_bars(), self._draw_lines()
        statements = [*self._draw_areas(), *bars, *lines, *self._draw_points()]
        tables = [
            f"{', '.join([table.name, *table.columns])} = zip(*[{', '.join(rows)}])"
            for table in self.tables
            for rows in [[f"({', '.join(row)})" for row in zip(table.literals, *table.columns.values())]]
        ]
        twin = ["ax2 = ax.twinx()"] if any(layer.axes == "ax2" for layer in layers) else []
        return self.sheet.program(
            *first, *tables, *twin, *statements, *self._axes(bool(twin)), legend=legend, without=without
        )

    def _axes(self, twin: bool) -> list[str]:
        """Statements for the limits of the axes, and for names at numbers."""
        statements = []
        if self.x.names and any(table.name.startswith("x") for table in self.tables):
            names = ", ".join(map(string_literal, self.sheet.words.names(self.x.names)))
            statements += [f"names = [{names}]", f"ax.set_xticks(range({self.x.names}), names)"]
        sides = [("ax", "x", self.x, self.box[0], self.box[2])]
        sides += [(axes, "y", self.scales[axes], self.box[3], self.box[1]) for axes in ("ax", "ax2")[: 1 + twin]]
        for axes, name, scale, first, last in sides:
            statements += [*scale.kind(axes, name), scale.limits(axes, name, first, last)]
        return statements

    # Columns

    def _column(self, pixels: np.ndarray, heights: np.ndarray, name: str, axes: str = "ax") -> tuple[str, str]:
        """The names of the columns of places and of values for points of the picture."""
        table = self._table(pixels)
        name = self._fresh(name)
        table.columns[name] = self.y_literals(heights, axes)
        return table.name, name

    def y_literals(self, heights: np.ndarray, axes: str = "ax") -> list[str]:
        return self.scales[axes].literals(heights, self.box[3] - self.box[1])

    def _table(self, pixels: np.ndarray) -> _Table:
        for table in self.tables:
            if len(table.pixels) == len(pixels) and np.abs(table.pixels - pixels).max() < SAME_PLACE:
                return table
        if self.x.names == len(pixels) and np.abs(self.ticks - pixels).max() < SAME_PLACE:
            literals = [string_literal(name) for name in self.sheet.words.names(len(pixels))]
            table = _Table(pixels, self._fresh("categories"), literals)
        else:
            even = len(pixels) > 1 and np.diff(pixels).min() > 0
            if even and not self.x.logarithmic:
                texts = place_literals(self.x(pixels))
            else:
                texts = self.x.literals(pixels, self.box[2] - self.box[0])
            table = _Table(pixels, self._fresh("x"), texts)
        self.tables.append(table)
        return table

    def _fresh(self, name: str) -> str:
        taken = {known for table in self.tables for known in (table.name, *table.columns)}
        return next(text for k in range(1, 1000) if (text := name if k == 1 else f"{name}{k}") not in taken)

    def _style(self, layer: Layer, color: str | None = None) -> str:
        label = f", label={string_literal(self.labels[id(layer)])}" if id(layer) in self.labels else ""
        return f"color={color or color_literal(layer.color)}{label}"

    def _knots(self, paths: list[np.ndarray], covers: list[np.ndarray]) -> np.ndarray | None:
        """Where lines or the edges of areas have their points: those of other layers, or of their own."""
        names = [self.ticks] if self.x.names else []
        seen = np.flatnonzero(np.any([~np.isnan(path) for path in paths], axis=0))
        own = readout.marker_places(paths[0], covers[0]) if covers else np.empty(0)
        for places in (*self.places, *(table.pixels for table in self.tables), *names):
            within = len(seen) and places[0] > seen[0] - AT_ENDS and places[-1] < seen[-1] + AT_ENDS
            marked = all(np.abs(places - place).min() < SAME_PLACE for place in own)
            if len(places) > 2 and within and marked and readout.misfit(paths, places) < AT_PLACES:
                return places
        knots = readout.find_knots(paths, covers, self.x.slope)
        if knots is None or len(knots) < 2 or np.ptp(np.diff(knots)) > 1e-6:
            return knots
        ends = [  # what reaches the frame is hidden by it there
            side if abs(end - side) < AT_FRAME else end
            for end, side in ((knots[0], self.box[0]), (knots[-1], self.box[2]))
        ]
        return np.linspace(*ends, len(knots))

    # Bars

    def _find_bars(self, cover: np.ndarray) -> list[readout.Bar]:
        """Bars that stand on one line, or hang from zero; none if a colour has other areas."""
        # Of the many ticks of a logarithmic axis some are where bars touch.
        at_labels = not self.x or not self.x.logarithmic or self.x.bare
        found = readout.find_bars(cover, self.ticks if at_labels else ())
        if not 2 <= len(found) <= MOST_MARKS:
            return []
        starts, ends = np.array([(bar.start, bar.end) for bar in found]).T
        standing = np.abs(ends - np.median(ends)) < BASE
        if self.y is not None:
            at_zero = np.minimum(np.abs(starts - self.ground), np.abs(ends - self.ground)) < BASE
            standing = max(standing, at_zero, key=np.mean)
        if np.mean(standing) < OWN or np.ptp([bar.width for bar in found]) > 4:
            return []
        mask, own = cover > 0.5, 0
        for bar in found:
            left = round(bar.center - bar.width / 2)
            part = np.s_[int(bar.start) : int(bar.end), left : left + round(bar.width)]
            if bar.end - bar.start > 4 and self.inked[part].mean() < FILLED:
                return []
            own += mask[part].sum()
        return found if own > OWN * mask.sum() else []

    def _outlines(self) -> np.ndarray:
        """(H, W) bool: where the edges of bars would be."""
        inside = np.zeros(self.target.shape[:2], bool)
        around = inside.copy()
        for bar in (bar for layer in self.bars for bar in layer.bars):
            left, right = round(bar.center - bar.width / 2), round(bar.center + bar.width / 2)
            around[max(0, round(bar.start) - 3) : round(bar.end) + 3, max(0, left - 3) : right + 3] = True
            inside[round(bar.start) + 1 : round(bar.end) - 1, left + 1 : right - 1] = True
        return around & ~inside

    def _draw_bars(self) -> list[str]:
        statements = self._draw_colored_bars()
        for layer in [] if statements else self.bars:
            tops = np.array([self._top(bar, layer.cover) for bar in layer.bars])
            x, y, width, gapped = self._stand(layer.bars, tops)
            edge = self._edge_color(layer) or ('"white"' if gapped else None)
            edge = f", edgecolor={edge}" if edge else ""
            statements.append(f"ax.bar({x}, {y}, {width}{self._style(layer)}{edge})")
        return statements

    def _draw_colored_bars(self) -> list[str]:
        """Bars of several colours that stand one beside the other at even places, without a legend, as one statement;
        none if they don't."""
        found = [(bar, layer) for layer in self.bars for bar in layer.bars]
        bars, layers = zip(*sorted(found, key=lambda entry: entry[0].center)) if found else ((), ())
        at_names = self.x.names in (0, len(bars))
        if len(self.bars) < 2 or self.labels or not at_names or np.ptp(np.diff([b.center for b in bars])) > EVEN:
            return []
        tops = np.array([self._top(bar, layer.cover) for bar, layer in zip(bars, layers)])
        x, y, width, _ = self._stand(list(bars), tops)
        colors = ", ".join(color_literal(layer.color) for layer in layers)
        return [f"ax.bar({x}, {y}, {width}color=[{colors}])"]

    def _stand(self, bars: list[readout.Bar], tops: np.ndarray) -> tuple[str, str, str, bool]:
        """The columns of places and heights of bars, the keywords for their width, and whether a fine gap is between
        them."""
        centers, width = np.array([bar.center for bar in bars]), float(np.median([bar.width for bar in bars]))
        gap = float(np.median(np.diff(centers))) - width
        touching = 0 <= gap < TOUCHING
        width += gap if touching else 0
        if self.x.logarithmic:  # bars of one width in the picture
            x, y = self._column(centers - width / 2, tops, "height")
            ends = self.x(centers + width / 2) - self.x(centers - width / 2)
            name, table = self._fresh("width"), next(table for table in self.tables if table.name == x)
            table.columns[name] = [significant(float(end), WIDTH_ERROR) for end in ends]
            return x, y, f'{name}, align="edge", ', touching and gap > 0.5
        x, y = self._column(centers, tops, "height")
        width *= abs(self.x.slope)
        wide = "" if abs(width - 0.8) < 0.03 else f"width={brief(width, WIDTH_ERROR * width)}, "
        return x, y, wide, touching and gap > 0.5

    def _edge_color(self, layer: Layer) -> str | None:
        """The colour of a line around bars; None if there is none."""
        dark = []
        for bar in layer.bars:
            middle, top = slice(round(bar.center) - 2, round(bar.center) + 3), round(self._top(bar, layer.cover))
            dark.append(self.target[max(0, top - 1) : top + 2, middle].max(axis=2).min(axis=0).mean())
        if np.mean(np.array(dark) < DARKER * layer.color.max()) > OWN and layer.color.max() > INKY:
            return '"black"'
        return color_literal(self.rims[0].color) if self.rims else None

    def _top(self, bar: readout.Bar, cover: np.ndarray) -> float:
        """The free end of a bar, which other marks may cross: the upper one, or, if it hangs, the lower one."""
        inner = slice(round(bar.center - bar.width / 2) + 1, round(bar.center + bar.width / 2))
        own = cover[:, inner] > readout.FULL
        if self.y is not None and abs(bar.start - self.ground) < min(BASE, abs(bar.end - self.ground)):
            ends = len(own) - own[::-1].argmax(axis=0)[own.any(axis=0)]
            return float(np.percentile(ends, 75)) - 0.5 if len(ends) else bar.end
        tops = own.argmax(axis=0)[own.any(axis=0)]
        return float(np.percentile(tops, 25)) - 0.5 if len(tops) else bar.start

    # Areas

    def _find_edges(self, cover: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """As of `Layer`; None if this is no area."""
        mask = ndimage.binary_opening(cover > readout.FULL, np.ones((2, 2)))
        regions, count = ndimage.label(mask)
        sizes = ndimage.sum_labels(mask, regions, np.arange(1, count + 1))
        mask = np.isin(regions, 1 + np.flatnonzero(sizes > SPLINTER * sizes.max(initial=0)))  # no handles of a legend
        columns = np.flatnonzero(mask.any(axis=0))
        above = [layer.cover > 0.3 for layer in (*self.bars, *self.lines, *self.points)]
        above = np.any(above, axis=0) if above else np.zeros_like(mask)
        if not len(columns) or np.ptp(columns) < WIDE * (self.box[2] - self.box[0]):
            return None
        if ndimage.binary_closing(mask.any(axis=0), np.ones(GRID))[columns[0] : columns[-1] + 1].mean() < JOINED:
            return None  # bars upon others
        upper, lower = (np.full(mask.shape[1], np.nan) for _ in range(2))
        upper[columns] = mask[:, columns].argmax(axis=0)
        lower[columns] = len(mask) - 1 - mask[::-1, columns].argmax(axis=0)
        for edge, beyond in ((upper, -1), (lower, 1)):
            rows = edge[columns].astype(int)
            hidden = above[(rows + 2 * beyond).clip(0, len(mask) - 1), columns]
            hidden &= hidden.mean() < MOSTLY  # else by a line along it
            share = cover[(rows + beyond).clip(0, len(mask) - 1), columns]  # of the pixel that it covers in part
            edge[columns] = np.where(hidden, np.nan, rows + beyond * (0.5 + share))
        return upper, lower

    def _draw_areas(self) -> list[str]:
        stack = self._draw_stack()
        if stack:
            return stack
        statements = []
        for layer in self.areas:
            base, line = self._base(layer.edges[1]), self._line_at(layer.edges[0])
            if base == self.ground and line is not None:
                statements.append(f"ax.fill_between({', '.join(line.columns)}, {self._area_style(layer)})")
                continue
            edges = layer.edges[:1] if base is not None else layer.edges
            knots = self._knots(list(edges), [])
            if knots is None:
                continue
            columns = [
                self._column(knots, readout.fit_path(edge, knots), name) for edge, name in zip(edges, ("high", "low"))
            ]
            arguments = [columns[0][0], *(name for _, name in reversed(columns))]
            if base not in (None, self.ground):
                arguments.append(self.y.literal(base, LEVEL))
            statements.append(f"ax.fill_between({', '.join(arguments)}, {self._area_style(layer)})")
        return statements

    def _line_at(self, edge: np.ndarray) -> Layer | None:
        """The line that goes along an edge of an area."""
        for line in self.lines:
            apart = np.abs(readout.find_path(line.cover) - edge)
            if (
                line.columns
                and line.axes == "ax"
                and np.isfinite(apart).any()
                and np.nanpercentile(apart, 90) < STACKED
            ):
                return line
        return None

    def _draw_stack(self) -> list[str]:
        """Areas that stand upon each other, as one statement; none if they don't."""
        layers = sorted(self.areas, key=lambda layer: -np.nanmedian(layer.edges[0]))  # from below to above
        if len(layers) < 2 or self.y.logarithmic or self._base(layers[0].edges[1]) != self.ground:
            return []
        for below, layer in itertools.pairwise(layers):
            apart = np.abs(below.edges[0] - layer.edges[1])
            if not np.isfinite(apart).any() or np.nanpercentile(apart, 80) > STACKED:
                return []
        edges = [layers[0].edges[0]]
        for layer in layers[1:]:  # where one has no height, nothing of it is seen
            absent = ~ndimage.binary_closing((layer.cover > readout.FULL).any(axis=0), np.ones(GRID))
            edges.append(np.where(absent, edges[-1], layer.edges[0]))
        knots = self._knots(edges, [])
        if knots is None:
            return []
        heights = [np.full(len(knots), self.ground), *(readout.fit_path(edge, knots) for edge in edges)]
        columns = [
            self._column(knots, self.ground + above - below, "y") for below, above in itertools.pairwise(heights)
        ]
        labels = [self.labels[id(layer)] for layer in layers if id(layer) in self.labels]
        labels = f", labels=[{', '.join(map(string_literal, labels))}]" if labels else ""
        colors = ", ".join(color_literal(layer.color) for layer in layers)
        names = ", ".join([columns[0][0], *(name for _, name in columns)])
        return [f"ax.stackplot({names}{labels}, colors=[{colors}])"]

    def _area_style(self, layer: Layer) -> str:
        """As `_style`; the colour of another mark, transparent, if that looks the same."""
        paper, best = np.array(self.paper, float), (MIXED, None, 0.0)
        for other in (*self.bars, *self.lines, *self.points):
            share = readout.wash_of(layer.color, other.color, self.paper)
            if share and WASH[0] < share < WASH[1]:
                error = np.abs(paper + share * (other.color - paper) - layer.color).max()
                best = min(best, (error, other.color, share), key=lambda found: found[0])
        _, color, share = best
        if color is None:
            return self._style(layer)
        ink = f"{color_literal(color)}, alpha={round(20 * share) / 20:g}"
        return self._style(layer, ink if self._is_edged(layer) else f"{ink}, linewidth=0")

    def _is_edged(self, layer: Layer) -> bool:
        """Whether an area has an edge, which where it is transparent is darker than the area."""
        upper, paper = layer.edges[0], np.array(self.paper, float)
        columns = np.flatnonzero(np.isfinite(upper))
        near = [self.target[(upper[columns] + k).round().astype(int), columns] for k in (-1.5, -0.5, 0.5)]
        strength = np.abs(np.array(near, float) - paper).max(axis=2).max(axis=0)
        return bool(np.median(strength) > 1.2 * np.abs(layer.color - paper).max())

    @property
    def ground(self) -> float:
        """The pixel on which bars and areas stand."""
        return self.y.ground(self.box[3])

    def _base(self, lower: np.ndarray) -> float | None:
        """The pixel on which an area stands; None if its lower edge is no straight line."""
        seen = lower[np.isfinite(lower)]
        if not len(seen):
            return self.ground
        level = float(np.median(seen))
        if np.mean(np.abs(seen - level) < FLAT) < 0.9:
            return None
        return self.ground if abs(level - self.ground) < BASE else level

    # Lines and points

    def _draw_lines(self) -> list[str]:
        statements = []
        for layer in self.lines:
            steps = readout.find_steps(layer.cover)
            if steps is not None:
                knots, heights, where = steps
                x, y = layer.columns = self._column(knots, heights, "y", layer.axes)
                statements.append(f'{layer.axes}.step({x}, {y}, where="{where}", {self._style(layer)})')
                continue
            path = readout.find_path(layer.cover)
            knots = self._knots([path], [layer.cover])
            heights = None if knots is None else readout.trace_line(layer.cover, knots)
            if heights is None:
                continue
            x, y = layer.columns = self._column(knots, heights, "y", layer.axes)
            style = self._style(layer) + self._stroke(layer, knots, heights)
            statements.append(f"{layer.axes}.plot({x}, {y}, {style})")
        return statements

    def _stroke(self, layer: Layer, knots: np.ndarray, heights: np.ndarray) -> str:
        """Keywords for markers, dashes and thickness of a line."""
        stroke = readout.find_stroke(layer.cover, knots, heights)
        if stroke is None:
            return ', marker="o"' if self.sheet.thickness(layer.cover) > LINE else ""
        keywords = f", marker={string_literal(stroke.marker or 'o')}" if stroke.markers else ""
        keywords += ', markerfacecolor="none"' if stroke.markers and layer.hollow else ""
        if stroke.style != "-":
            keywords += f", linestyle={string_literal(stroke.style)}"
        width = round(2 * stroke.thickness / self.sheet.scale * 0.72) / 2
        return keywords + (f", linewidth={width:g}" if 0 < width <= THICKEST and width != 1.5 else "")

    def _draw_points(self) -> list[str]:
        statements = []
        for layer in self.points:
            points = readout.find_points(layer.cover)
            if points is None or not 1 <= len(points.places) <= MOST_MARKS:
                continue
            x, y = self._column(*points.places.T, "y")
            size = marker_size(points.area, self.sheet.scale)
            style = self._style(layer) + (", zorder=3" if self._above_lines(points) else "")
            statements.append(f"ax.scatter({x}, {y}, s={max(1, round(size / 5) * 5)}, {style})")
        return statements

    def _above_lines(self, points: readout.Points) -> bool:
        """Whether markers hide lines, and not the other way round."""
        columns, rows = points.places.round().astype(int).T
        for line in self.lines:
            path = readout.find_path(line.cover)
            seen = np.flatnonzero(~np.isnan(path))
            if not len(seen):
                continue
            upon = columns[np.abs(np.interp(columns, seen, path[seen]) - rows) < NEAR_LINE]
            if len(upon):
                return bool(np.mean(np.isnan(path[upon])) >= 0.5)
        return bool(self.lines)


def _within(cover: np.ndarray, mask: np.ndarray) -> float:
    """The share of a colour that lies where a mask is True."""
    ink = cover > 0.4
    return float((ink & mask).sum() / max(1, ink.sum()))


def _is_line(cover: np.ndarray, least: float = DASHED) -> bool:
    """Whether a colour is hardly anywhere but along one path, and there in as many columns, as a share, as `least`."""
    ink, path = cover > 0.4, readout.find_path(cover)
    seen = np.flatnonzero(~np.isnan(path))
    if len(seen) < WIDE * 100 or ink.any(axis=0)[seen[0] : seen[-1] + 1].mean() < least:
        return False
    rows, columns = np.nonzero(ink)
    heights = np.interp(np.arange(len(path)), seen, path[seen])
    slopes = np.abs(np.gradient(ndimage.uniform_filter1d(heights, 3)))
    return bool(np.mean(np.abs(heights[columns] - rows) / np.hypot(1, slopes[columns]) < NEAR_PATH) > ON_PATH)


def _without_holes(cover: np.ndarray) -> tuple[np.ndarray, bool]:
    """The coverage by a line with what is within its markers, and whether there are such that are hollow."""
    regions, _ = ndimage.label(cover < 0.4)
    places = ndimage.find_objects(regions)
    small = [k for k, place in enumerate(places, 1) if all(1 < side.stop - side.start <= HOLE for side in place)]
    return (np.where(np.isin(regions, small), 1, cover), True) if len(small) >= 3 else (cover, False)


def _scattered(cover: np.ndarray) -> bool:
    """Whether a colour is there in small parts that don't follow one another from left to right, as dashes do."""
    ink = cover > 0.4
    regions, count = ndimage.label(ink)
    sides = np.array([[side.stop - side.start for side in part] for part in ndimage.find_objects(regions)])
    if count < 5 or np.percentile(sides.max(axis=1), 80) > SMALL:
        return False
    if np.mean(sides.max(axis=1) <= COMPACT * sides.min(axis=1)) < MOSTLY:
        return False
    path = readout.find_path(cover)
    rows, columns = np.nonzero(ink)
    return bool(np.mean(np.abs(np.nan_to_num(path[columns], nan=-SMALL) - rows) < SMALL / 2) < ON_PATH)

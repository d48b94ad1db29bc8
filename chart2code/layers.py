"""Programs of charts whose marks are of several kinds, one upon the other: areas, bars, lines and points.

Each colour is a layer, of the kind that its own picture says. What its marks are worth is read at the ticks and
written at once; what adjustment.py measures against a drawing needs marks of few kinds. Crowds of points: clouds.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator
from scipy import ndimage

from chart2code import bars as bar_charts
from chart2code import morphology, readout
from chart2code.across import Across, find_lines_across
from chart2code.adjustment import AREAS, INKY, LOWER, THICKEST, marker_size, place_literals
from chart2code.clouds import Cloud, find_cloud
from chart2code.detail import detail_of
from chart2code.drawing import color_literal
from chart2code.program import brief, string_literal
from chart2code.scales import Scale, significant
from chart2code.spines import has_labels
from chart2code.tick_labels import read_scale, uneven_numbers
from chart2code.tracks import find_tracks
from chart2code.transparency import Tint, covers_of, find_tints, find_washes

if TYPE_CHECKING:
    from chart2code.sketches import Sheet

WIDTH_ERROR = 0.03  # of the width of bars
BASE = 3.0  # pixels that bars and areas may end away from where they stand
EVEN = 0.2  # of the distance between bars
CUT = 4  # pixels: what bars differ by in width, at most
FILLED, OWN, WHOLE = 0.85, 0.8, 0.95  # of the rectangle of a bar; and of a colour, in bars, and in all of them
WIDE, AREA = 0.3, 0.12  # of the columns of the axes, of a line, and of an area
MOST_MARKS = 200
MOST_CLOUDS = 4  # colours: more are those of a map
MOSTLY = 0.7  # of an edge
JOINED = 0.9  # of the columns between the ends of an area
GRID = 7  # pixels: lines of a grid, through an area
AT_FRAME, AT_ENDS = 5, 8  # pixels
NEAR_LINE = 5  # pixels from a line to a marker upon it
PALER = 0.25  # of the way to white: edges between bars
DARKER = 0.65  # of a colour, where a black line is that is hardly a pixel thick
BAND, THICK = 4, 0.3  # pixels that a band is wide; and of its pixels, where it is
OVERLAYS = 3  # times the opacity of a band: with its edge, below another one
SPLINTER = 0.05  # of its largest part
STACKED = 3.0  # pixels between areas that lie upon each other
LEVEL = 0.8  # pixels: of what areas stand on
FLAT = 2.0  # pixels that an edge may be away from a straight one
AT_PLACES = 1.0  # pixels that a line may be away from one with its points where others are
SAME_PLACE = 2.5  # pixels
UNEVEN = 2.0  # pixels that even distances of bars differ by
LEFT, LEAST_SHARE = 0.2, 0.3  # of a colour, without lines across the axes; of a pixel
SMALL, ON_PATH = 10, 0.8  # pixels; of the ink of a line in dashes
LETTERS = 18, 40  # pixels: the height of letters, at most, and the width of those that touch each other
LEAST_LETTER = 4  # pixels, the height of letters: dashes and what is left of edges have less
BETWEEN_LETTERS = 6  # pixels, where there may be a narrow one
THIN = 2  # pixels from the path of a line to its edges
USUAL_MARKER, RIM = 6, 1  # points: the diameter of matplotlib's markers on lines, and what their edge adds to it
ROUND_STEP, OFF_STEP = 0.03, 0.1  # of the distance of ticks: how exact that is, and they
AT_TICK = 2.0  # pixels from a tick, where an axis ends at it
TICK_ROOM = {"x": 30.0, "y": 20.0}  # points along an axis, that matplotlib reckons with for a tick
COMPACT = 2.5  # times the smaller side of a marker
DASHED, DOTTED, NEAR_PATH = 0.55, 0.35, 3  # of the columns of a line; pixels
LONG, HOLE = 0.5, 12  # of the width of the axes, what hangs together of a line; pixels within a marker
OWN_RIM, HOLLOW, HOLES = 0.3, 0.85, 2  # of what is around a hole; of hollow markers, inked; pixels between holes
STRONGEST, GREY_LINE = 95, 0.75  # per cent of the pixels of thin marks are paler; of black, the ink of grey lines
CROSSED = 5  # pixels, the width of a line across a hollow marker
LINE, MARKERS = 0.12, 0.5  # thickness of lines without markers, at most; and of markers alone
SAME, NEAR_COLOR = 6, 24  # of 255: of one colour, and of thin lines
GREY, AROUND = 24, 3  # of 255: the chroma of a grid, with that of the measuring; pixels from an area to a line in it
MIXED = 8  # of 255: how far a colour may be from a mixture
ON_RIM, RIM_SHARE = 0.8, 0.015  # of a colour, at the edges of bars; and of what is around these
EDGES = (0.5, 0.8, 1.0, 1.5, 2.0)  # points, the usual widths of those of markers
TILE = 0.001  # of the width of bars that touch
TOUCHING = 3.5  # pixels between bars of a histogram
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
    below: list[Layer] = field(default_factory=list)  # bars that its bars stand on
    floating: bool = False  # whether its bars have feet of their own
    measured: bool = False  # whether the ends of its bars are known
    tint: Tint | None = None  # of what is transparent, and seen through others of its kind
    axes: str = "ax"
    columns: tuple[str, str] | None = None  # of its places and values in the program
    named: bool = True  # in a legend
    cloud: Cloud | None = None


@dataclass
class _Table:
    """Columns of a program that have their places, in pixels, in common."""

    pixels: np.ndarray
    name: str
    literals: list[str]
    columns: dict[str, list[str]] = field(default_factory=dict)


def layered(layers: Layers) -> list[str]:
    """A program of the layers of a chart; none if it has none, or the numbers at the axes can't be read."""
    if layers.x is None or layers.y is None or not (layers.areas or layers.bars or layers.lines or layers.points):
        return []
    return [layers.program()]


class Layers:
    """
    The layers of a chart by their kinds.

    Args:
        series: colours, and which of them fill areas.
        covers: where these are, (H, W) each.
    """

    def __init__(self, sheet: Sheet, series: list[tuple[np.ndarray, bool]], covers: list[np.ndarray]):
        self.sheet, self.target, self.box, self.paper = sheet, sheet.bare, sheet.box, sheet.paper
        self.across = list(find_lines_across(sheet.target, self.box))
        own = [self._without_across(color, cover) for (color, _), cover in zip(series, covers)]
        left = [(one.sum() > LEFT * cover.sum()) for one, cover in zip(own, covers)]
        series = list(itertools.compress(series, left))
        self.covers = covers = list(itertools.compress(own, left))
        self.x, self.y = (Scale.or_names(sheet.target, self.box, side) for side in ("bottom", "left"))
        self.right = right = Scale.of(sheet.target, self.box, "right")
        if self.y is None:
            self.y, right = right or self._unlabelled(), None
        self.ticks = readout.find_ticks(sheet.target, self.box, "bottom")
        self.inked = np.any([cover > 0.3 for cover in covers], axis=0)
        self.areas, self.bars, self.lines, self.points = ([] for _ in range(4))
        self.tracked = False  # whether a colour is that of several lines
        self.tables: list[_Table] = []
        self.places: list[np.ndarray] = []  # where lines may have their points
        taken = self._find_transparent(series) or self._find_stack(series, covers)
        taken = taken or self._find_floating(series, covers)
        if not self.bars:
            bands, covers = self._find_bands(series, covers)
            taken |= bands
        self._sort([entry for k, entry in enumerate(zip(series, covers)) if k not in taken], series)
        if self.bars and self.x and self.x.bare:  # names that are numbers, as 10, 100, 1000
            self.x = Scale.of_names(self.sheet.target, self.box)
        self._set_edges_apart(series)
        self._measure_areas()
        for line in self.lines:
            if line.color.max() < INKY:  # grey ones are mixtures with black
                ink = self._strengthened(line.color, line.cover)
                line.color = ink if ink.min() > 255 * (1 - GREY_LINE) else line.color
        self.points = [layer for layer in self.points if not self._is_text(layer)]
        if self.y is None and self.sure:
            self.y = self._axis_of_bars()
        self.scales = {"ax": self.y}
        if right is not None:
            self.scales["ax2"] = right
            for layer in self._at_the_right():
                layer.axes = "ax2"

    def _sort(
        self, entries: list[tuple[tuple[np.ndarray, bool], np.ndarray]], series: list[tuple[np.ndarray, bool]]
    ) -> None:
        """Puts each of the series that are left, with where it is, to the layers of its kind."""
        for (color, solid), cover in entries:
            if not solid and (lines := self._lines_in(color, cover)):
                self.lines += lines
                continue
            if (marks := self._cloud_in(color, cover)) or not solid and (marks := self._marks_in(color, cover)):
                self.points.append(marks)
                continue
            cover = cover if solid else _without_words(cover, self.inked, WIDE * (self.box[2] - self.box[0]))
            layer, spotted, dotted = Layer(color, cover), self.sheet.spotted(cover), self.sheet.dotted(cover)
            thick = self.sheet.thickness(cover) > MARKERS
            if solid and (bars := self._find_bars(cover)):
                layer.bars = bars
                self.bars.append(layer)
            elif solid or not spotted and self._is_wash(color, series):
                self.areas.append(layer)
            elif color.max() < INKY and spotted and not dotted and not self._is_dashed(cover):
                continue  # words
            elif (spotted or dotted or thick or _scattered(cover)) and not _is_line(cover):
                self.points.append(layer)
            elif found := self.sheet.upright(color, cover):
                column, style = found
                self.across.append(Across.of_usual_width(True, column, layer.color, style, self.sheet.scale))
            else:
                self.lines.append(layer)

    def _without_across(self, color: np.ndarray, cover: np.ndarray) -> np.ndarray:
        """A coverage by a colour without the lines across the axes that have it, or that have nearly all of it."""
        own = np.zeros_like(cover)
        for line in self.across:
            rows, other = (cover.T, own.T) if line.upright else (cover, own)
            half = line.thickness / 2 + 1.5
            first, last = round(line.place - half), round(line.place + half)
            crossed = (rows[first - 2] > LEAST_SHARE) | (rows[last + 2] > LEAST_SHARE)
            part = np.where(crossed, 0, rows[first : last + 1])
            same = readout.coverage(line.color[None, None], color, self.paper)[0, 0] > LEAST_SHARE
            if same or part.sum() > (1 - LEFT) * cover.sum():
                other[first : last + 1] = np.maximum(other[first : last + 1], part)
        return cover - own

    def _set_edges_apart(self, series: list[tuple[np.ndarray, bool]]) -> None:
        """Takes the edges of bars from the lines, and what is seen where bars meet."""
        outlines = self._outlines()
        self.rims = [line for line in self.lines if self._is_rim(line, outlines)]
        rims = {id(line) for line in self.rims}
        self.lines, self.points = (
            [layer for layer in layers if id(layer) not in rims and not self._is_blend(layer, series)]
            for layers in (self.lines, self.points)
        )

    def _measure_areas(self) -> None:
        """Finds the edges of areas, and those that are too thin to be seen everywhere."""
        for layer in self.areas:
            layer.edges = self._find_edges(layer.cover)
        self.thin_areas = [layer for layer in self.areas if not layer.edges]
        self.areas = [layer for layer in self.areas if layer.edges]
        for layer in self.thin_areas:
            layer.edges = self._find_edges(layer.cover, joined=False)
        self.thin_areas = [layer for layer in self.thin_areas if layer.edges]

    @property
    def sure(self) -> bool:
        """Whether there are bars that nothing else looks like: upon each other, or seen through each other."""
        return any(layer.measured for layer in self.bars)

    def _lines_in(self, color: np.ndarray, cover: np.ndarray) -> list[Layer]:
        """The lines of a colour that has several, or one with hollow markers, or one that hangs together and besides
        that another one in dots or dashes, or words; none if it has something else."""
        tracks = [] if self.sheet.dotted(cover) else find_tracks(_without_holes(cover)[0], self.box)
        if len(tracks) > 1:
            self.tracked = True
            return [Layer(color, track, _has_holes(cover, track)) for track in tracks]
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

    def _marks_in(self, color: np.ndarray, cover: np.ndarray) -> Layer | None:
        """The markers of a colour that hardly has more than hollow ones, or, if it is dark, words besides; None if it
        has something else."""
        filled = _without_gaps(cover, self.inked)
        if filled is not None:
            return Layer(self._strengthened(color, cover), filled, hollow=True)
        if color.max() >= INKY or self.sheet.dotted(cover) or _is_line(cover):
            return None
        dots = readout.without_letters(cover)
        return None if dots is None or _is_line(np.where(dots > 0, 0, cover), DOTTED) else Layer(color, dots)

    def _cloud_in(self, color: np.ndarray, cover: np.ndarray) -> Layer | None:
        """The markers of a colour that has so many that they lie upon each other; None if it has something else."""
        if len(self.covers) > MOST_CLOUDS or _is_line(cover, DOTTED):
            return None
        ink = self._strengthened(color, cover)
        own = readout.coverage_inside(self.target, ink, self.paper, self.box)
        share = np.where(ndimage.binary_dilation(cover > 0, iterations=2), own, 0)
        cloud = find_cloud(share, self.inked & (cover == 0))
        return None if cloud is None else Layer(ink, cover, cloud=cloud)

    def _strengthened(self, color: np.ndarray, cover: np.ndarray) -> np.ndarray:
        """The colour of thin marks in the finest picture there is, as many of their pixels are mixtures with the
        paper."""
        fine, paper = detail_of(self.sheet.target), np.array(self.paper, float)
        rows, columns = np.nonzero(cover > 0.4)
        picture = self.sheet.target if fine is None else fine.pixels
        if fine is not None:
            rows, columns = (np.rint(fine.enlarged(places)).astype(int) for places in (rows, columns))
        direction = color - paper
        shares = (picture[rows, columns] - paper) @ direction / max(1.0, direction @ direction)
        return (paper + np.percentile(shares, STRONGEST) * direction).clip(0, 255)

    def _is_dashed(self, cover: np.ndarray) -> bool:
        """Whether a colour is that of a line in dashes, across much of the axes."""
        columns = np.flatnonzero((cover > 0.4).any(axis=0))
        return np.ptp(columns) > LONG * (self.box[2] - self.box[0]) and _is_line(cover, DOTTED)

    def _unlabelled(self) -> Scale | None:
        """The scale of a y axis without any labels, whose values are shares of its height; None if it has some."""
        if any(has_labels(self.sheet.target, self.box, side) for side in ("left", "right")):
            return None
        slope = 1 / (self.box[1] - self.box[3])
        return Scale(-slope * self.box[3], slope)

    def _at_the_right(self) -> list[Layer]:
        """The lines of the scale at the right side: in the colour of its labels, or those upon bars and areas."""
        left, top, right, bottom = (round(v) for v in self.box)
        beside = self.target[top:bottom, right + 4 : right + BESIDE].reshape(-1, 3).astype(float)
        labels = beside[np.ptp(beside, axis=1) > COLORED]
        if len(labels) > LEAST_LABELS:
            away = [np.abs(labels - line.color).max(axis=1) for line in self.lines]
            near = [line for line, far in zip(self.lines, away) if np.mean(far < COLORED) > MOSTLY / 2]
            if near:
                return near
        return self.lines if self.bars or self.areas else self.lines[1:]

    def _axis_of_bars(self) -> Scale:
        """An axis whose numbers can't be read: 0 where the bars stand, and 1 from one tick to the next."""
        bars = [bar for layer in self.bars if not layer.below for bar in layer.bars]
        base, ticks = bars[0].end, readout.find_ticks(self.sheet.target, self.box, "left")
        step = np.median(np.diff(ticks)) if len(ticks) > 1 else base - min(bar.start for bar in bars)
        return Scale(float(base / step), float(-1 / step))

    def _is_rim(self, line: Layer, outlines: np.ndarray) -> bool:
        """Whether a colour is that of the edges of bars, which where these are transparent has several shades."""
        exact = np.minimum(line.cover, readout.difference(self.target, line.color) < NEAR_COLOR)
        enough = (exact > 0.4).sum() > RIM_SHARE * outlines.sum()
        return enough and max(_within(line.cover, outlines), _within(exact, outlines)) > ON_RIM

    def _is_blend(self, layer: Layer, series: list[tuple[np.ndarray, bool]]) -> bool:
        """Whether a colour is there where bars meet, or a line crosses them, and between theirs, or theirs and that of
        dark edges."""
        colors = [color for color, solid in series if solid]
        others = [*colors, *([np.zeros(3)] if self.sure else []), *(line.color for line in self.across)]
        if not self.bars or len(others) < 2:
            return False
        mixed = any(readout.wash_of(layer.color, one, other) for one in colors for other in others if one is not other)
        exact = np.minimum(layer.cover, readout.difference(self.target, layer.color) < NEAR_COLOR)
        return mixed and _within(layer.cover if self.sure else exact, self._inside(2)) > JOINED

    def _inside(self, around: int) -> np.ndarray:
        """(H, W) bool: where bars are, or so many pixels beside them."""
        mask = np.zeros(self.target.shape[:2], bool)
        for bar in (bar for layer in self.bars for bar in layer.bars if bar.start < bar.end):
            left, right = round(bar.center - bar.width / 2), round(bar.center + bar.width / 2)
            mask[
                max(0, round(bar.start) - around) : round(bar.end) + around + 1,
                max(0, left - around) : right + around + 1,
            ] = True
        return mask

    def _is_text(self, layer: Layer) -> bool:
        """Whether a colour is that of words upon an area or a bar, of its colour and black, or of others."""
        mixed = any(readout.wash_of(layer.color, other.color, (0, 0, 0)) for other in (*self.areas, *self.bars))
        if layer.color.max() < INKY and mixed:
            return True
        alike = layer.hollow or layer.cloud or self.sheet.dotted(layer.cover)
        return not alike and _are_letters(ndimage.find_objects(ndimage.label(layer.cover > 0.4)[0]))

    def _is_wash(self, color: np.ndarray, series: list[tuple[np.ndarray, bool]]) -> bool:
        """Whether a colour is that of another series, as transparent as bands are, which may be thin."""
        shares = [readout.wash_of(color, other, self.paper) for other, _ in series]
        return any(share and THIN_WASH[0] < share < THIN_WASH[1] for share in shares)

    def program(self, *first: str, without: Sequence[str] = ()) -> str:
        """The program; `first`: statements before those of the layers; `without`: as of `Sheet.program`."""
        stack = self._stacked([*self.areas, *self.thin_areas]) or self._stacked(self.areas)
        layers = [*(stack or self.areas), *self.bars, *self.lines, *self.points]
        legend = self.sheet.legend is not None
        if not legend:
            covers = readout.coverages(self.target, [layer.color for layer in layers], self.paper, self.box)
            legend = any(a is not b for a, b in zip(covers, readout.without_legend(covers, self.target, self.box)))
        named = [layer for layer in layers if layer.named]
        self.labels = {id(layer): self.sheet.words.label(k) for k, layer in enumerate(named)} if legend else {}
        # Where bars stand, lines and areas may have their points, and where lines have theirs, areas.
        bars, lines = self._draw_bars(), self._draw_lines()
        areas = self._draw_stack(stack) if stack else self._draw_areas()
        statements = [*areas, *bars, *lines, *self._draw_points(), *self._draw_across()]
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
        statements += self._uneven_ticks()
        sides = [("ax", "x", self.x, self.box[0], self.box[2])]
        sides += [(axes, "y", self.scales[axes], self.box[3], self.box[1]) for axes in ("ax", "ax2")[: 1 + twin]]
        for axes, name, scale, first, last in sides:
            first, last = (self._at_tick(axes, name, end) for end in (first, last))
            at_zero = not scale.logarithmic and name == "y" and abs(first - scale.ground(first)) < BASE
            first = scale.ground(first) if at_zero and (self.bars or self.areas) else first
            statements += [*scale.kind(axes, name), scale.limits(axes, name, first, last)]
            statements += self._ticks(axes, name, scale, first, last)
        return statements

    def _find_ticks(self, axes: str, name: str) -> np.ndarray:
        """The ticks of an axis; none if there are no numbers at them."""
        side = {"x": "bottom", "y": "left" if self.scales[axes] is not self.right else "right"}[name]
        found = self.sheet.target, self.box, side
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

    # Columns

    def _column(
        self, pixels: np.ndarray, heights: np.ndarray, name: str, axes: str = "ax", literals: list[str] | None = None
    ) -> tuple[str, str]:
        """The names of the columns of places and of values for points of the picture; `literals`: of the places, if
        they don't stand at names."""
        table = self._table(pixels, literals)
        name = self._fresh(name)
        table.columns[name] = self.y_literals(heights, axes)
        return table.name, name

    def y_literals(self, heights: np.ndarray, axes: str = "ax") -> list[str]:
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

    def _style(self, layer: Layer, color: str | None = None) -> str:
        label = f", label={string_literal(self.labels[id(layer)])}" if id(layer) in self.labels else ""
        if color is None and layer.tint:
            color = f"{color_literal(layer.tint.ink)}, alpha={round(20 * layer.tint.opacity) / 20:g}"
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
        """The bars of a colour, as of `_standing`, also those of a histogram that lines cut apart."""
        # Of the many ticks of a logarithmic axis some are where bars touch.
        at_labels = not self.x or not self.x.logarithmic or self.x.bare
        parts = readout.find_bars(cover, self.ticks if at_labels else ())
        found, share = self._standing(parts, cover)
        if share < WHOLE:
            joined, more = self._standing(bar_charts.bars_in_contact(cover, parts), cover)
            found = joined if more > share else found
        return found

    def _standing(self, found: list[readout.Bar], cover: np.ndarray) -> tuple[list[readout.Bar], float]:
        """Of bars those that stand on one line, or hang from zero, and which share of their colour they are; none if
        it has other areas."""
        if not 2 <= len(found) <= MOST_MARKS:
            return [], 0.0
        starts, ends = np.array([(bar.start, bar.end) for bar in found]).T
        standing = np.abs(ends - np.median(ends)) < BASE
        if self.y is not None:
            at_zero = np.minimum(np.abs(starts - self.ground), np.abs(ends - self.ground)) < BASE
            standing = max(standing, at_zero, key=np.mean)
        widths = np.array([bar.width for bar in found])
        alike = np.abs(widths - np.median(widths)) <= CUT  # else they are cut off
        if min(np.mean(standing), np.mean(alike)) < OWN:
            return [], 0.0
        steps = np.subtract([bar.center for bar in found], found[int(standing.argmax())].center)
        steps /= np.diff([bar.center for bar in found]).min()
        even = np.abs(steps - steps.round()) < EVEN
        found = [bar for k, bar in enumerate(found) if alike[k] and (standing[k] or even[k])]  # no handle of a legend
        mask, own = cover > 0.5, 0
        for bar in found:
            left = round(bar.center - bar.width / 2)
            part = np.s_[int(bar.start) : int(bar.end), left : left + round(bar.width)]
            if bar.end - bar.start > 4 and np.median(self.inked[part][1:-1].mean(axis=0)) < FILLED:
                return [], 0.0
            own += mask[part].sum()
        share = float(own / max(1, mask.sum()))
        return (found, share) if share > OWN else ([], 0.0)

    def _find_transparent(self, series: list[tuple[np.ndarray, bool]]) -> set[int]:
        """Takes the bars and areas that are seen through each other; which series these and their mixtures are."""
        solid = [k for k, (_, is_solid) in enumerate(series) if is_solid]
        tints = find_tints([series[k][0] for k in solid], self.target, self.paper, self.box)
        if not tints:
            return set()
        masks = covers_of([tint for _, tint in tints], self.target, self.paper, self.box)
        layers = [
            Layer(series[solid[k]][0], mask.astype(np.float32), tint=tint, measured=True)
            for (k, tint), mask in zip(tints, masks)
        ]
        found = [bar_charts.find_histogram(mask) for mask in masks]
        histograms = [histogram for histogram in found if histogram is not None]
        common = iter(bar_charts.with_common_places(histograms) if histograms else [])
        for layer, histogram in zip(layers, found):
            if histogram is None:
                self.areas.append(layer)
                continue
            histogram = next(common)
            layer.bars = [
                readout.Bar(middle, histogram.width, top, histogram.base)
                for middle, top in zip(histogram.middles, histogram.tops)
            ]
            self.bars.append(layer)
        return self._explained(series, masks)

    def _find_bands(
        self, series: list[tuple[np.ndarray, bool]], covers: list[np.ndarray]
    ) -> tuple[set[int], list[np.ndarray]]:
        """Takes bands in the colours of several lines; which series are of their colours, and where the series are
        without them."""
        thin = [k for k, (color, solid) in enumerate(series) if not solid and np.ptp(color) > COLORED]
        if len(thin) < 2:
            return set(), covers
        palette = [color for color, _ in readout.find_colors(self.target, self.box)]
        washes = find_washes([series[k][0] for k in thin], palette, self.target, self.paper, self.box)
        masks = covers_of([tint for _, tint in washes], self.target, self.paper, self.box)
        found = [  # no soft edges of lines
            (tint, mask)
            for (_, tint), mask in zip(washes, masks)
            if morphology.opening(mask, (BAND, BAND)).sum() > THICK * mask.sum()
        ]
        if not found:
            return set(), covers
        tints, masks = zip(*found)
        paper = np.array(self.paper, float)
        self.areas = [Layer(tint.over(paper), mask.astype(np.float32), tint=tint) for tint, mask in zip(tints, masks)]
        least = 1 - (1 - max(tint.opacity for tint in tints)) ** OVERLAYS  # where bands and their edges overlap
        covers = [np.where(cover < least, 0, cover) if k in thin else cover for k, cover in enumerate(covers)]
        return self._explained(series, masks, tints), covers

    def _explained(
        self, series: list[tuple[np.ndarray, bool]], masks: Sequence[np.ndarray], tints: Sequence[Tint] = ()
    ) -> set[int]:
        """The series that fill areas and are of colours of these masks, or of a grid seen through these tints."""
        every, explained = np.any(masks, axis=0), set()
        around = ndimage.binary_dilation(every, iterations=AROUND)
        for k, (color, solid) in enumerate(series):
            own = readout.difference(self.target, color) < SAME
            below = [(color - tint.opacity * tint.ink) / (1 - tint.opacity) for tint in tints]
            grid = any(np.ptp(grey) < GREY and INKY < grey.min() for grey in below)
            if (own & (every if solid else around)).sum() > MOSTLY * own.sum() and (solid or grid):
                explained.add(k)
        return explained

    def _find_stack(self, series: list[tuple[np.ndarray, bool]], covers: list[np.ndarray]) -> set[int]:
        """Takes bars that stand upon each other; which series these are."""
        solid = [k for k, (_, is_solid) in enumerate(series) if is_solid]
        if len(solid) < 2:
            return set()
        stack = bar_charts.find_stack([covers[k] > readout.FULL for k in solid], self.ticks)
        if stack is None:
            return set()
        feet = np.full(len(stack.middles), stack.base)
        for k, heights in zip(stack.order, stack.heights):
            color, cover = series[solid[k]][0], covers[solid[k]]
            bars = [
                readout.Bar(middle, stack.width, foot - height, foot)
                for middle, height, foot in zip(stack.middles, heights, feet)
            ]
            self.bars.append(Layer(color, cover, bars=bars, below=list(self.bars), measured=True))
            feet = feet - heights
        return set(solid)

    def _find_floating(self, series: list[tuple[np.ndarray, bool]], covers: list[np.ndarray]) -> set[int]:
        """Takes bars that stand at heights of their own; which series these are."""
        if self.y is None or self.y.logarithmic or not any(solid for _, solid in series):
            return set()
        masks = [cover > readout.FULL for cover in covers]
        found = bar_charts.find_floating(masks, self.ground, self.ticks)
        taken = sorted({k for k, _ in found})
        for k in taken:
            bars = [bar for owner, bar in found if owner == k]
            self.bars.append(Layer(series[k][0], covers[k], bars=bars, floating=True))
        return set(taken)

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
        statements = [] if any(layer.below or layer.tint for layer in self.bars) else self._draw_colored_bars()
        for layer in [] if statements else self.bars:
            tops = np.array([self._level(bar, layer) for bar in layer.bars])
            x, y, width, gapped = self._stand(layer.bars, tops)
            layer.columns = x, y
            feet = bar_charts.keyword_for_feet("bottom", [other.columns[1] for other in layer.below])
            feet += self._feet(layer.bars, x) if layer.floating else ""
            edge = self._edge_color(layer) or (self._seam_color(layer) if gapped else None)
            edge = f", edgecolor={edge}" if edge else ""
            statements.append(f"ax.bar({x}, {y}, {width}{feet}{self._style(layer)}{edge})")
        return statements

    def _draw_colored_bars(self) -> list[str]:
        """Bars of several colours that stand one beside the other at even places, without a legend, as one statement;
        none if they don't."""
        found = [(bar, layer) for layer in self.bars for bar in layer.bars]
        bars, layers = zip(*sorted(found, key=lambda entry: entry[0].center)) if found else ((), ())
        at_names = self.x.names in (0, len(bars))
        apart = np.ptp(np.diff([b.center for b in bars])) if bars else 0.0
        if len(self.bars) < 2 or self.labels or not at_names or apart > UNEVEN:
            return []
        tops = np.array([self._level(bar, layer) for bar, layer in zip(bars, layers)])
        x, y, width, _ = self._stand(list(bars), tops)
        feet = self._feet(list(bars), x) if any(layer.floating for layer in layers) else ""
        colors = ", ".join(color_literal(layer.color) for layer in layers)
        return [f"ax.bar({x}, {y}, {width}{feet}color=[{colors}])"]

    def _feet(self, bars: list[readout.Bar], x: str) -> str:
        """The keyword for where bars stand that have their places in the column `x`."""
        table, name = next(table for table in self.tables if table.name == x), self._fresh("bottom")
        table.columns[name] = self.y_literals(np.array([self._foot(bar) for bar in bars]))
        return f"bottom={name}, "

    def _foot(self, bar: readout.Bar) -> float:
        """The pixel that a bar stands on."""
        foot = bar.end - 0.5
        return self.ground if abs(foot - self.ground) < BASE else foot

    def _stand(self, bars: list[readout.Bar], tops: np.ndarray) -> tuple[str, str, str, bool]:
        """The columns of places and heights of bars, the keywords for their width, and whether a fine gap is between
        them."""
        centers, width = np.array([bar.center for bar in bars]), float(np.median([bar.width for bar in bars]))
        steps = np.diff(centers)
        gap = float(np.median(steps)) - width
        touching = 0 <= gap < TOUCHING
        if touching:  # with half of the gaps at both sides
            width = float(np.mean(steps / np.round(steps / np.median(steps))))
        if self.x.logarithmic:  # bars of one width in the picture
            x, y = self._column(centers - width / 2, tops, "height")
            ends = self.x(centers + width / 2) - self.x(centers - width / 2)
            name, table = self._fresh("width"), next(table for table in self.tables if table.name == x)
            table.columns[name] = [significant(float(end), WIDTH_ERROR) for end in ends]
            return x, y, f'{name}, align="edge", ', touching and gap > 0.5
        width *= abs(self.x.slope)
        literals = self._tiles(centers, width) if touching else self._beside_names(centers, width)
        x, y = self._column(centers, tops, "height", literals=literals)
        text = brief(width, (TILE if touching else WIDTH_ERROR) * width)
        return x, y, "" if abs(width - 0.8) < 0.03 else f"width={text}, ", touching and gap > 0.5

    def _beside_names(self, middles: np.ndarray, width: float) -> list[str] | None:
        """Places for bars of several series that stand side by side, all as far from the names; None if there is one
        series, or numbers."""
        places = self.x(middles)
        slots = np.round(places)
        if len(self.bars) < 2 or not self.x.names or np.ptp(places - slots) > EVEN:
            return None
        shift = float(brief(float(np.median(places - slots)), max(WIDTH_ERROR * width, abs(self.x.slope))))
        return [f"{slot + shift:.12g}" for slot in slots]

    def _tiles(self, middles: np.ndarray, width: float) -> list[str]:
        """Places for bars of one width that leave neither gaps nor lie upon each other."""
        width, places = float(brief(width, TILE * width)), self.x(middles)
        slots = np.round((places - places[0]) / width)
        first = float(brief(float(np.mean(places - width * slots)), TILE * width * 10))
        return [brief(first + width * slot, 1e-4 * width) for slot in slots]

    def _edge_color(self, layer: Layer) -> str | None:
        """The colour of a line around bars; None if there is none."""
        dark, level = [], min(other.color.max() for other in self.bars)
        for bar in (bar for bar in layer.bars if bar.end - bar.start > BASE):
            middle, top = slice(round(bar.center) - 2, round(bar.center) + 3), round(self._top(bar, layer))
            dark.append(self.target[max(0, top - 1) : top + 2, middle].max(axis=2).min(axis=0).mean())
        if dark and np.mean(np.array(dark) < DARKER * level) > OWN and layer.color.max() > INKY:
            return '"black"'
        if layer.tint and self.rims and self.rims[0].color.max() < INKY:  # transparent as well
            return '"black"'
        if self.rims:
            return color_literal(self.rims[0].color)
        return '"white"' if self._has_pale_edges(layer) else None

    def _seam_color(self, layer: Layer) -> str:
        """The colour of the lines between bars that touch."""
        fine, seams = detail_of(self.sheet.target), []
        picture = self.target if fine is None else fine.pixels
        for one, other in itertools.pairwise(layer.bars):
            top, foot = max(one.start, other.start) + BASE, one.end - BASE
            if other.center - one.center - one.width > TOUCHING or foot - top < BASE:
                continue
            place = np.array([(one.center + other.center) / 2, (top + foot) / 2, foot - top, TOUCHING])
            place = place if fine is None else np.array([*fine.enlarged(place[:2]), *place[2:] * fine.zoom])
            x, y, high, wide = place.round().astype(int)
            strip = picture[y - high // 2 : y + high // 2 + 1, x - wide // 2 : x + wide // 2 + 1].astype(np.float32)
            furthest = readout.difference(strip, layer.color).argmax(axis=1)
            seams.append(np.median(strip[np.arange(len(strip)), furthest], axis=0))
        seam = np.median(seams, axis=0) if seams else np.full(3, 255.0)
        return color_literal(seam) if seam.mean() < layer.color.mean() else '"white"'

    def _has_pale_edges(self, layer: Layer) -> bool:
        """Whether there are white lines between bars and those that stand on them."""
        pale = []
        for other in (other for other in self.bars if other.below and other.below[-1] is layer):
            level = max(layer.color.min(), other.color.min()) * (1 - PALER) + 255 * PALER
            for bar in (bar for bar in other.bars if bar.end - bar.start > BASE):
                middle, foot = slice(round(bar.center) - 2, round(bar.center) + 3), round(bar.end)
                pale.append(self.target[foot - 2 : foot + 3, middle].min(axis=2).max(axis=0).mean() > level)
        return bool(pale) and np.mean(pale) > OWN

    def _level(self, bar: readout.Bar, layer: Layer) -> float:
        """The pixel that is worth as much as a bar is long."""
        if layer.below:
            return bar.start - bar.end + self.ground
        return self._top(bar, layer) + (self.ground - self._foot(bar) if layer.floating else 0)

    def _top(self, bar: readout.Bar, layer: Layer) -> float:
        """The free end of a bar, which other marks may cross: the upper one, or, if it hangs, the lower one."""
        if layer.floating:
            return bar.start - 0.5
        if layer.measured:
            return bar.start if bar.start < bar.end else self.ground
        inner = slice(round(bar.center - bar.width / 2) + 1, round(bar.center + bar.width / 2))
        own = layer.cover[:, inner] > readout.FULL
        if self.y is not None and abs(bar.start - self.ground) < min(BASE, abs(bar.end - self.ground)):
            ends = len(own) - own[::-1].argmax(axis=0)[own.any(axis=0)]
            return float(np.percentile(ends, 75)) - 0.5 if len(ends) else bar.end
        tops = own.argmax(axis=0)[own.any(axis=0)]
        return float(np.percentile(tops, 25)) - 0.5 if len(tops) else bar.start

    # Areas

    def _find_edges(self, cover: np.ndarray, joined: bool = True) -> tuple[np.ndarray, np.ndarray] | None:
        """As of `Layer`; None if this is no area, `joined` from one end to the other."""
        mask = morphology.opening(cover > readout.FULL, (2, 2))
        mask = morphology.closing(mask, (GRID, 1))  # over lines
        regions, count = ndimage.label(mask)
        sizes = ndimage.sum_labels(mask, regions, np.arange(1, count + 1))
        at_frame = np.array([part[0].stop > self.box[3] - AT_FRAME for part in ndimage.find_objects(regions)], bool)
        kept = (sizes > SPLINTER * sizes.max(initial=0)) | at_frame  # no handles of a legend
        mask = np.isin(regions, 1 + np.flatnonzero(kept))
        columns = np.flatnonzero(mask.any(axis=0))
        above = [layer.cover > 0.3 for layer in (*self.bars, *self.lines, *self.points)]
        above = np.any(above, axis=0) if above else np.zeros_like(mask)
        if not len(columns) or np.ptp(columns) < AREA * (self.box[2] - self.box[0]):
            return None
        inked = morphology.closing(mask.any(axis=0), (GRID,))[columns[0] : columns[-1] + 1]
        if joined and inked.mean() < JOINED:
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

    def _draw_stack(self, layers: list[Layer]) -> list[str]:
        """Areas that stand upon each other, from below to above, as one statement."""
        inked = np.any([(layer.cover > readout.FULL).any(axis=0) for layer in layers], axis=0)
        edges = [np.where(inked, self.ground, np.nan)]
        for layer in layers:  # where one has no height, nothing of it is seen
            absent = ~morphology.closing((layer.cover > readout.FULL).any(axis=0), (GRID,))
            edges.append(np.where(absent, edges[-1], layer.edges[0]))
        edges = edges[1:]
        knots = self._knots(edges, [])
        if knots is None:
            return []
        zero = self.ground
        heights = [np.full(len(knots), zero), *(readout.fit_path(edge, knots) for edge in edges)]
        columns = [
            self._column(knots, np.minimum(zero, zero + above - below), "y")
            for below, above in itertools.pairwise(heights)
        ]
        labels = [self.labels[id(layer)] for layer in layers if id(layer) in self.labels]
        labels = f", labels=[{', '.join(map(string_literal, labels))}]" if labels else ""
        colors = ", ".join(color_literal(layer.color) for layer in layers)
        names = ", ".join([columns[0][0], *(name for _, name in columns)])
        return [f"ax.stackplot({names}{labels}, colors=[{colors}])"]

    def _stacked(self, areas: list[Layer]) -> list[Layer]:
        """Areas from below to above, if each stands on the one before, or on the base where that isn't seen; else
        none."""
        layers = sorted(areas, key=lambda layer: -np.nanmedian(layer.edges[0]))
        if len(layers) < 2 or self.y.logarithmic or self._base(layers[0].edges[1]) != self.ground:
            return []
        for below, layer in itertools.pairwise(layers):
            apart = np.abs(below.edges[0] - layer.edges[1])
            if not np.isfinite(apart).any() or np.nanpercentile(apart, 80) > STACKED:
                return []
        return layers

    def _area_style(self, layer: Layer) -> str:
        """As `_style`; the colour of another mark, transparent, if that looks the same."""
        if layer.tint:
            near = [line.color for line in self.lines if np.abs(line.color - layer.tint.ink).max() < NEAR_COLOR]
            color = color_literal(near[0] if near else layer.tint.ink)
            ink = f"{color}, alpha={round(20 * layer.tint.opacity) / 20:g}"
            return self._style(layer, ink if self._is_edged(layer) else f"{ink}, linewidth=0")
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
                thickness = float(np.median(layer.cover.sum(axis=0)[layer.cover.any(axis=0)]))
                style = self._style(layer) + self._width(thickness)
                statements.append(f'{layer.axes}.step({x}, {y}, where="{where}", {style})')
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

    def _draw_across(self) -> list[str]:
        statements = []
        for line in self.across:
            scale = self.x if line.upright else self.y
            place = scale.literal(line.place, 0.6)
            statements.append(f"ax.{line.method}({place}, {line.keywords(self.sheet.scale)})")
        return statements

    def _stroke(self, layer: Layer, knots: np.ndarray, heights: np.ndarray) -> str:
        """Keywords for markers, dashes and thickness of a line."""
        stroke = readout.find_stroke(layer.cover, knots, heights)
        if stroke is None:
            return ', marker="o"' if self.sheet.thickness(layer.cover) > LINE else ""
        keywords = ""
        if stroke.markers:
            keywords = f", marker={string_literal(stroke.marker or 'o')}"
            keywords += ', markerfacecolor="none"' if layer.hollow else ""
            diameter = stroke.patch[:, readout.MARKER_RADIUS].sum() / self.sheet.scale * 0.72  # points
            size = round(float(diameter) - RIM)
            known = stroke.marker in ("o", "s", None)
            keywords += f", markersize={size}" if known and abs(size - USUAL_MARKER) > 1 and size > 0 else ""
        if stroke.style != "-":
            keywords += f", linestyle={string_literal(stroke.style)}"
        return keywords + self._width(stroke.thickness)

    def _width(self, thickness: float) -> str:
        """The keyword for the width of a line that is so many pixels thick, if that is not the usual one."""
        width = round(2 * thickness / self.sheet.scale * 0.72) / 2
        return f", linewidth={width:g}" if 0 < width <= THICKEST and width != 1.5 else ""

    def _draw_points(self) -> list[str]:
        statements = []
        for layer in self.points:
            if layer.cloud:
                x, y = self._column(*layer.cloud.places.T, "y")
                size = brief(marker_size(layer.cloud.area, self.sheet.scale), 0.2)
                style = self._style(layer) + (f", alpha={layer.cloud.opacity:g}" if layer.cloud.opacity < 1 else "")
                statements.append(f"ax.scatter({x}, {y}, s={size}, linewidths=0, {style})")
                continue
            points = readout.find_points(layer.cover, _smallest(layer.cover) if layer.hollow else None)
            if points is None or not 1 <= len(points.places) <= MOST_MARKS:
                continue
            marker = points.marker or "o"
            lower = LOWER.get(marker, 0) * (2 * points.area) ** 0.5
            x, y = self._column(points.places[:, 0], points.places[:, 1] - lower, "y")
            style = f"{self._point_size(layer, points.area, marker)}, {self._style(layer)}"
            style = style.replace("color=", 'facecolors="none", edgecolors=') if layer.hollow else style
            style += f', marker="{marker}"' if marker != "o" else ""
            style += ", zorder=3" if self._above_lines(points) else ""
            statements.append(f"ax.scatter({x}, {y}, {style})")
        return statements

    def _point_size(self, layer: Layer, area: float, marker: str) -> str:
        """The keywords for the size of markers of an area in pixels, and the width of their edges if they are
        hollow."""
        if not layer.hollow:
            size = marker_size(area, self.sheet.scale) * AREAS["o"] / AREAS[marker]
            return f"s={max(1, round(size / 5) * 5)}"
        own = readout.coverage_inside(self.target, layer.color, self.paper, self.box)
        edge = np.minimum(own, layer.cover).sum() / layer.cover.sum()
        side = float(np.sqrt(area / AREAS[marker])) / self.sheet.scale * 0.72  # points
        width = min(EDGES, key=lambda usual: abs(usual - side * (1 - max(0.0, 1 - edge) ** 0.5) / 2))
        return f"s={max(1, round((side - width) ** 2))}, linewidths={width:g}"

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


def _without_words(cover: np.ndarray, inked: np.ndarray, long: float) -> np.ndarray:
    """A colour with a line that is `long` columns wide at least, without the letters that it has beside that; `inked`:
    where any colour is, as another line may cut pieces off."""
    ink = cover > 0.4
    widest = max((part[1].stop - part[1].start for part in ndimage.find_objects(ndimage.label(ink)[0])), default=0)
    if widest < long:
        return cover
    regions, count = ndimage.label(inked | ink, np.ones((3, 3)))
    sides = np.array([[side.stop - side.start for side in part] for part in ndimage.find_objects(regions)])
    index = np.arange(1, count + 1)
    filled = ndimage.sum_labels(ink, regions, index) / sides.prod(axis=1)
    path, (rows, columns) = readout.find_path(cover), np.nonzero(ink)
    along = np.bincount(regions[rows, columns], np.abs(path[columns] - rows) <= THIN, count + 1)[1:]
    thin = along > OWN * ndimage.sum_labels(ink, regions, index)  # a piece of the line itself
    letters = (sides <= LETTERS).all(axis=1) & (filled > 0) & ~thin
    if not letters.any() or np.median(filled[letters]) > readout.SOLID_DOT:  # markers
        return cover
    return np.where(np.isin(regions, index[letters]), 0, cover)


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


def _has_holes(cover: np.ndarray, track: np.ndarray) -> bool:
    """Whether there are holes of a coverage within a line."""
    return ndimage.label((track > cover) & (cover < 0.4))[1] >= 3


def _without_gaps(cover: np.ndarray, inked: np.ndarray) -> np.ndarray | None:
    """The coverage by hollow markers with what is within them, and where lines cross them; None if a colour is not
    there in such. `inked`: where any colour is."""
    ink = cover > 0.4
    regions, _ = ndimage.label(~(ink | inked))
    filled, sizes = ink.copy(), []
    for number, (rows, columns) in enumerate(ndimage.find_objects(regions), 1):
        size = max(rows.stop - rows.start, columns.stop - columns.start)
        if size > readout.LARGEST:
            continue
        around = slice(max(0, rows.start - 1), rows.stop + 1), slice(max(0, columns.start - 1), columns.stop + 1)
        hole = regions[around] == number
        rim = ndimage.binary_dilation(hole) & ~hole
        if ink[around][rim].mean() > OWN_RIM:
            filled[around] |= hole
            sizes += [size] if size > 2 else []  # else of what a line cuts off, or two markers have in common
    if len(sizes) < 3 or np.mean(np.abs(sizes - np.median(sizes)) <= HOLES) < MOSTLY:
        return None
    filled |= morphology.closing(filled, (CROSSED, CROSSED)) & inked
    parts, count = ndimage.label(filled)
    index = np.arange(1, count + 1)
    areas, own = (ndimage.sum_labels(mask, parts, index) for mask in (filled, ink))
    places = ndimage.find_objects(parts)
    sides = [max(side.stop - side.start for side in part) for part in places]
    rings = (own < HOLLOW * areas) & (np.array(sides) <= 2 * readout.LARGEST)  # what is larger is a line around gaps
    if own[rings].sum() < OWN * own.sum() or _are_letters(list(itertools.compress(places, rings))):
        return None
    return np.where(np.isin(parts, index[rings]), np.where(ink, cover, 1), 0).astype(np.float32)


def _are_letters(places: Sequence[tuple[slice, slice]]) -> bool:
    """Whether most of some parts stand one beside the other on a line, as letters do."""
    high = [(rows, columns) for rows, columns in places if rows.stop - rows.start >= LEAST_LETTER]
    if len(high) < 3:
        return False
    feet, starts, ends = np.array([(rows.stop, columns.start, columns.stop) for rows, columns in high]).T
    level = np.abs(feet[:, None] - feet) <= 1
    apart = starts - ends[:, None]
    return bool(np.mean((level & (apart >= 0) & (apart <= BETWEEN_LETTERS)).any(axis=1)) > MOSTLY / 2)


def _smallest(cover: np.ndarray) -> float:
    """The area of the smallest part of a colour."""
    parts, count = ndimage.label(cover > 0.4)
    return float(ndimage.sum_labels(cover, parts, np.arange(1, count + 1)).min())


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

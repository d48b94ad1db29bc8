"""The layers of a chart whose marks are of several kinds, one upon the other: areas, bars, lines and points.

Each colour is a layer, of the kind that its own picture says (covers.py); some are several lines (tracks.py), bars
that stand upon each other (bars.py), or are seen through others (transparency.py). Their program: layer_programs.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from chart2code import bars as bar_charts
from chart2code import morphology, readout
from chart2code.across import Across, find_lines_across
from chart2code.adjustment.colors import INKY
from chart2code.clouds import Cloud, find_cloud
from chart2code.covers import (
    AT_FRAME,
    DOTTED,
    LONG,
    are_letters,
    edges_of_area,
    has_errors,
    has_holes,
    is_dashed,
    is_line,
    is_ragged,
    is_scattered,
    within,
    without_gaps,
    without_holes,
    without_words,
)
from chart2code.detail import detail_of
from chart2code.error_bars import ErrorBars, find_error_bars
from chart2code.scales import Scale
from chart2code.tracks import find_tracks
from chart2code.transparency import Tint, covers_of, find_tints, find_washes

if TYPE_CHECKING:
    from chart2code.sketches import Sheet

MOST_CLOUDS = 6  # colours: more are those of a map
LEFT, LEAST_SHARE = 0.2, 0.3  # of a colour, without lines across the axes; of a pixel
MARKERS = 0.5  # thickness of markers alone
STRONGEST, GREY_LINE = 95, 0.75  # per cent of the pixels of thin marks are paler; of black, the ink of grey lines
BAND, THIN_BAND = 4, 2  # pixels that bands are wide beside their lines; and beside strong lines
THICK = 0.2  # of a band's pixels, where it is as wide
CORE, CORE_SHARE = 0.8, 0.1  # of a pixel, that the ink of a strong line covers; and of the band's pixels, such
WITH_EDGE = 0.75  # of the opacity of a band
OVERLAYS = 3  # times the opacity of a band: with its edge, below another one
THIN_WASH = (0.05, 0.45)  # opacity of thin areas in the colour of another mark
SAME, NEAR_COLOR = 6, 24  # of 255: of one colour, and of thin lines
EXPLAINED = 0.7  # of a colour, in layers that are known
GREY, AROUND = 24, 3  # of 255: the chroma of a grid, with that of the measuring; pixels from an area to a line in it
ON_RIM, RIM_SHARE = 0.8, 0.015  # of a colour, at the edges of bars; and of what is around these
BLENDED = 0.9  # of a colour, where bars are
ALONG, HIDDEN_BELOW = 8, 4.0  # columns along which two lines part, and rows that they are apart there at most
BESIDE, COLORED, LEAST_LABELS = 90, 40, 20  # pixels beside the axes; of 255; pixels of labels in a colour
LABELS = 0.35  # of these pixels, in the colour of a line


@dataclass(eq=False)  # each is equal to itself only
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
    named: bool = True  # in a legend
    cloud: Cloud | None = None
    errors: bool = False  # whether it has error bars
    crosses: ErrorBars | None = None  # of points
    strokes: np.ndarray | None = None  # the colour of these, if it is another one


class Layers:
    """
    The layers of a chart by their kinds.

    Args:
        series: colours, and which of them fill areas.
        covers: where these are, (H, W) each.

    Attributes:
        areas, thin_areas, bars, lines, points: the layers; of thin areas not all is seen.
        across: the lines across the axes.
        rims: the colours of the edges of bars.
        tracked: whether a colour is that of several lines.
        x, y: the scales of places and values; None if they can't be read.
        scales, sides: those of values, and where their numbers stand, by the axes: "ax", and "ax2" at the right side.
        ticks: those of the lower side, in pixels.
    """

    def __init__(self, sheet: Sheet, series: list[tuple[np.ndarray, bool]], covers: list[np.ndarray]):
        self.sheet, self.target, self.box, self.paper = sheet, sheet.bare, sheet.box, sheet.paper
        self.across = list(find_lines_across(sheet.target, self.box))
        own = [self._without_across(color, cover) for (color, _), cover in zip(series, covers)]
        left = [(one.sum() > LEFT * cover.sum()) for one, cover in zip(own, covers)]
        series = list(itertools.compress(series, left))
        self._covers = covers = list(itertools.compress(own, left))
        self.x, self.y = (Scale.or_names(sheet.target, self.box, side) for side in ("bottom", "left"))
        right, self.sides = Scale.of(sheet.target, self.box, "right"), {"ax": "left", "ax2": "right"}
        if self.y is None and right is not None:
            self.y, right, self.sides["ax"] = right, None, "right"
        self.x, self.y = (
            Scale.of_shares(sheet.target, self.box, side) if scale is None else scale
            for scale, side in ((self.x, "bottom"), (self.y, "left"))
        )
        self.ticks = readout.find_ticks(sheet.target, self.box, "bottom")
        self._inked = np.any([cover > 0.3 for cover in covers], axis=0)
        self.areas, self.bars, self.lines, self.points = ([] for _ in range(4))
        self.tracked = False
        taken = self._find_transparent(series) or self._find_stack(series, covers)
        taken = taken or self._find_floating(series, covers)
        if not self.bars:
            bands, covers = self._find_bands(series, covers)
            taken |= bands
        taken |= self._find_error_bars(series, covers, taken)
        self._sort([entry for k, entry in enumerate(zip(series, covers)) if k not in taken], series)
        if sheet.legend is not None:  # in the order in which they are drawn
            for layers in (self.lines, self.points):
                layers.sort(key=lambda layer: sheet.legend.place_of(layer.color))
            self._continue_below_others()
        if self.bars and self.x and self.x.bare:  # names that are numbers, as 10, 100, 1000
            self.x = Scale.of_names(self.sheet.target, self.box)
        self._set_edges_apart(series)
        self._measure_areas()
        for line in self.lines:
            if line.color.max() < INKY or np.ptp(line.color) < GREY:  # grey ones are mixtures with black
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
        width = self.box[2] - self.box[0]
        for (color, solid), cover in entries:
            if not solid and has_errors(filled := without_holes(cover)[0]):
                self.lines.append(Layer(color, filled, has_holes(cover, filled), errors=True))
                continue
            own = cover if solid else without_words(cover, self._inked, width)
            worded = are_letters(ndimage.find_objects(ndimage.label(cover - own > 0.4)[0]))  # and not in dashes
            if not solid and (lines := self._lines_in(color, own if worded else cover)):
                self.lines += lines
                continue
            if (marks := self._cloud_in(color, cover)) or not solid and (marks := self._marks_in(color, cover)):
                self.points.append(marks)
                continue
            cover = own
            layer, spotted, dotted = Layer(color, cover), self.sheet.spotted(cover), self.sheet.dotted(cover)
            thick = self.sheet.thickness(cover) > MARKERS
            if solid and (bars := self._find_bars(cover)):
                layer.bars = bars
                self.bars.append(layer)
            elif solid or not spotted and self._is_wash(color, series):
                self.areas.append(layer)
            elif color.max() < INKY and spotted and not dotted and not is_dashed(cover, width):
                continue  # words
            elif (spotted or dotted or thick or is_scattered(cover)) and not (
                is_line(cover) or is_ragged(cover, width)
            ):
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

    def _continue_below_others(self) -> None:
        """Gives lines, in the order in which they are drawn, what those upon them hide at their ends: the same ink."""
        above: list[np.ndarray] = []  # covers
        for line in reversed(self.lines):
            for way in (1, -1):  # from the left end, and from the right one
                path = readout.find_path(line.cover)[::way]
                seen = np.flatnonzero(~np.isnan(path))
                if len(seen) < ALONG:
                    continue
                end, best = seen[0], (HIDDEN_BELOW, None)
                near = slice(end, end + ALONG)
                for cover in above:
                    other = readout.find_path(cover)[::way]
                    first = np.flatnonzero(~np.isnan(other))[:1]
                    apart = np.abs(other[near] - path[near])
                    if len(first) and first[0] < end - ALONG and not np.isnan(apart).all():
                        best = min(best, (float(np.nanmean(apart)), cover), key=lambda found: found[0])
                if best[1] is not None:
                    line.cover = line.cover.copy()
                    line.cover[:, ::way][:, :end] = np.maximum(line.cover, best[1])[:, ::way][:, :end]
            above.append(line.cover)

    def _set_edges_apart(self, series: list[tuple[np.ndarray, bool]]) -> None:
        """Takes the edges of bars from the lines, and what is seen where bars meet."""
        outlines = bar_charts.outlines_of(self._every_bar, self.target.shape[:2]) | self._around_whiskers()
        self.rims = [line for line in self.lines if self._is_rim(line, outlines)]
        self.lines, self.points = (
            [layer for layer in layers if layer not in self.rims and not self._is_blend(layer, series)]
            for layers in (self.lines, self.points)
        )

    def _around_whiskers(self) -> np.ndarray:
        """Where the error bars of bars are, (H, W) bool: they mostly have the colour of the edges."""
        found, around = [], np.zeros(self.target.shape[:2], bool)
        for layer in self.bars:
            whiskers = readout.find_whiskers(self.target, layer.bars)
            found += zip(layer.bars, whiskers.lengths, itertools.repeat(whiskers.cap)) if whiskers else []
        for bar, length, cap in found:
            rows, columns = (
                (round(at - half - 2), round(at + half + 3)) for at, half in ((bar.start, length), (bar.center, cap))
            )
            around[max(0, rows[0]) : rows[1], max(0, columns[0]) : columns[1]] = True
        return around

    def _measure_areas(self) -> None:
        """Finds the edges of areas, and those that are too thin to be seen everywhere."""
        above = [layer.cover > 0.3 for layer in (*self.bars, *self.lines, *self.points)]
        marked = np.any(above, axis=0) if above else np.zeros(self.target.shape[:2], bool)
        for layer in self.areas:
            layer.edges = edges_of_area(layer.cover, marked, self.box)
        self.thin_areas = [layer for layer in self.areas if not layer.edges]
        self.areas = [layer for layer in self.areas if layer.edges]
        for layer in self.thin_areas:
            layer.edges = edges_of_area(layer.cover, marked, self.box, joined=False)
        self.thin_areas = [layer for layer in self.thin_areas if layer.edges]

    @property
    def ground(self) -> float:
        """The pixel on which bars and areas stand."""
        return self.y.ground(self.box[3])

    @property
    def _every_bar(self) -> list[readout.Bar]:
        return [bar for layer in self.bars for bar in layer.bars]

    @property
    def sure(self) -> bool:
        """Whether there are bars that nothing else looks like: upon each other, or seen through each other."""
        return any(layer.measured for layer in self.bars)

    def _lines_in(self, color: np.ndarray, cover: np.ndarray) -> list[Layer]:
        """The lines of a colour that has several, or one with hollow markers, or one that hangs together and besides
        that another one in dots or dashes, or words; none if it has something else."""
        filled, hollow = without_holes(cover)
        tracks = [] if self.sheet.dotted(cover) else find_tracks(filled, self.box)
        if len(tracks) > 1:
            self.tracked = True
            return [Layer(color, track, has_holes(cover, track)) for track in tracks]
        if hollow and is_line(readout.dots_and_lines(filled)[1], DOTTED):
            return [Layer(color, filled, hollow)]
        inside, (left, top, right, bottom) = np.zeros(cover.shape, bool), (round(side) for side in self.box)
        inside[top + AT_FRAME : bottom - AT_FRAME, left + AT_FRAME : right - AT_FRAME] = True
        regions, _ = ndimage.label(inside & (cover > 0.4), np.ones((3, 3)))
        widths = [columns.stop - columns.start for _, columns in ndimage.find_objects(regions)]
        if max(widths, default=0) < LONG * (right - left):
            return []
        if is_line(cover):
            return []
        own = regions == 1 + int(np.argmax(widths))
        first, rest = (np.where(part, cover, 0) for part in (ndimage.binary_dilation(own), inside & ~own))
        if not is_line(first):
            return []
        lines = [Layer(color, *without_holes(first))]
        if is_line(rest, DOTTED):
            return [*lines, Layer(color, rest, named=False)]
        return lines if color.max() < INKY and not self.sheet.dotted(rest) else []

    def _marks_in(self, color: np.ndarray, cover: np.ndarray) -> Layer | None:
        """The markers of a colour that hardly has more than hollow ones, or, if it is dark, words besides; None if it
        has something else."""
        filled = without_gaps(cover, self._inked)
        if filled is not None:
            return Layer(self._strengthened(color, cover), filled, hollow=True)
        if color.max() >= INKY or self.sheet.dotted(cover) or is_line(cover):
            return None
        dots = readout.without_letters(cover)
        return None if dots is None or is_line(np.where(dots > 0, 0, cover), DOTTED) else Layer(color, dots)

    def _cloud_in(self, color: np.ndarray, cover: np.ndarray) -> Layer | None:
        """The markers of a colour that has so many that they lie upon each other; None if it has something else."""
        if len(self._covers) > MOST_CLOUDS or is_line(cover, DOTTED) or is_ragged(cover, self.box[2] - self.box[0]):
            return None
        ink = self._strengthened(color, cover)
        own = readout.coverage_inside(self.target, ink, self.paper, self.box)
        share = np.where(ndimage.binary_dilation(cover > 0, iterations=2), own, 0)
        cloud = find_cloud(share, self._inked & (cover == 0))
        return None if cloud is None else Layer(ink, cover, cloud=cloud)

    def _strengthened(self, color: np.ndarray, cover: np.ndarray) -> np.ndarray:
        """The colour of thin marks in the finest picture there is, as many of their pixels are mixtures with the
        paper."""
        fine, paper = detail_of(self.sheet.target), np.array(self.paper, float)
        rows, columns = np.nonzero(cover > 0.4)
        if not len(rows):
            return color
        picture = self.sheet.target if fine is None else fine.pixels
        if fine is not None:
            rows, columns = (np.rint(fine.enlarged(places)).astype(int) for places in (rows, columns))
        direction = color - paper
        shares = (picture[rows, columns] - paper) @ direction / max(1.0, direction @ direction)
        return (paper + np.percentile(shares, STRONGEST) * direction).clip(0, 255)

    def _at_the_right(self) -> list[Layer]:
        """The lines of the scale at the right side: in the colour of its labels, or those upon bars and areas."""
        left, top, right, bottom = (round(v) for v in self.box)
        beside = self.target[top:bottom, right + 4 : right + BESIDE].reshape(-1, 3).astype(float)
        labels = beside[np.ptp(beside, axis=1) > COLORED]
        if len(labels) > LEAST_LABELS:
            away = [np.abs(labels - line.color).max(axis=1) for line in self.lines]
            near = [line for line, far in zip(self.lines, away) if np.mean(far < COLORED) > LABELS]
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
        return enough and max(within(line.cover, outlines), within(exact, outlines)) > ON_RIM

    def _is_blend(self, layer: Layer, series: list[tuple[np.ndarray, bool]]) -> bool:
        """Whether a colour is there where bars meet, or a line crosses them, and between theirs, or theirs and that of
        dark edges."""
        colors = [color for color, solid in series if solid]
        others = [*colors, *([np.zeros(3)] if self.sure else []), *(line.color for line in self.across)]
        if not self.bars or len(others) < 2:
            return False
        mixed = any(readout.wash_of(layer.color, one, other) for one in colors for other in others if one is not other)
        exact = np.minimum(layer.cover, readout.difference(self.target, layer.color) < NEAR_COLOR)
        inside = bar_charts.mask_of(self._every_bar, self.target.shape[:2], 2)
        return mixed and within(layer.cover if self.sure else exact, inside) > BLENDED

    def _is_text(self, layer: Layer) -> bool:
        """Whether a colour is that of words upon an area or a bar, of its colour and black, or of others."""
        mixed = any(readout.wash_of(layer.color, other.color, (0, 0, 0)) for other in (*self.areas, *self.bars))
        if layer.color.max() < INKY and mixed:
            return True
        alike = layer.hollow or layer.cloud or self.sheet.dotted(layer.cover)
        return not alike and are_letters(ndimage.find_objects(ndimage.label(layer.cover > 0.4)[0]))

    def _is_wash(self, color: np.ndarray, series: list[tuple[np.ndarray, bool]]) -> bool:
        """Whether a colour is that of another series, as transparent as bands are, which may be thin."""
        shares = [readout.wash_of(color, other, self.paper) for other, _ in series]
        return any(share and THIN_WASH[0] < share < THIN_WASH[1] for share in shares)

    def _find_bars(self, cover: np.ndarray) -> list[readout.Bar]:
        """The bars of a colour that stand on one line."""
        # Of the many ticks of a logarithmic axis some are where bars touch.
        at_labels = not self.x or not self.x.logarithmic or self.x.bare
        ground = None if self.y is None else self.ground
        return bar_charts.find_standing(cover, self._inked, ground, self.ticks if at_labels else ())

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
        if not thin:
            return set(), covers
        washes = find_washes([series[k][0] for k in thin], self.target, self.paper, self.box)
        filled, paper = [color for color, solid in series if solid], np.array(self.paper, float)
        if len(thin) < 2:  # an area that is a series may also be below its line
            washes = [
                (k, tint)
                for k, tint in washes
                if not any(np.abs(tint.over(paper) - color).max() < NEAR_COLOR for color in filled)
            ]
        masks = covers_of([tint for _, tint in washes], self.target, self.paper, self.box)
        found = []
        for (k, tint), mask in zip(washes, masks):
            core = covers[thin[k]] > CORE
            strong = core.sum() > CORE_SHARE * mask.sum()
            if not _is_thick(mask, BAND, THICK) and not (strong and _is_thick(mask, THIN_BAND, THICK)):
                continue  # the soft edges of a line
            whole, _ = ndimage.label(mask | (covers[thin[k]] > WITH_EDGE * tint.opacity), np.ones((3, 3)))
            found.append((tint, np.isin(whole, np.unique(whole[core & (whole > 0)]))))  # around the line
        if not found:
            return set(), covers
        tints, masks = zip(*found)
        self.areas = [
            Layer(tint.over(paper), mask.astype(np.float32), tint=tint, named=False)
            for tint, mask in zip(tints, masks)
        ]
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
            if (own & (every if solid else around)).sum() > EXPLAINED * own.sum() and (solid or grid):
                explained.add(k)
        return explained

    def _find_error_bars(
        self, series: list[tuple[np.ndarray, bool]], covers: list[np.ndarray], taken: set[int]
    ) -> set[int]:
        """Takes points with error bars; which series these are, of those that are not yet `taken`."""
        thin, found = [k for k, (_, solid) in enumerate(series) if not solid and k not in taken], set()
        for k in thin:
            if k in found or has_errors(without_holes(covers[k])[0]):  # a line
                continue
            others = [other for other in thin if other != k and other not in found]
            crossed = find_error_bars(covers[k], [covers[other] for other in others])
            if crossed is not None:
                crosses, which = crossed
                other = k if which is None else others[which]
                ink = None if other == k else self._strengthened(series[other][0], covers[other])
                color = self._strengthened(series[k][0], covers[k])
                self.points.append(Layer(color, crosses.dots, crosses=crosses, strokes=ink))
                found |= {k, other}
        return found

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


def _is_thick(mask: np.ndarray, side: int, share: float) -> bool:
    """Whether a share of a mask is as thick as a square."""
    return bool(morphology.opening(mask, (side, side)).sum() > share * mask.sum())

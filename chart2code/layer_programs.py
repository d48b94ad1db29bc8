"""The programs that draw the layers of a chart (layers.py): areas, bars, lines and points, one upon the other.

What their marks are worth is read at the ticks and written at once (coordinates.py); what adjustment measures
against a drawing needs marks of few kinds.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from chart2code import morphology, readout
from chart2code.adjustment.colors import INKY
from chart2code.adjustment.marks import AREAS, LOWER, THICKEST, marker_size
from chart2code.bars import BASE, EVEN, keyword_for_feet
from chart2code.coordinates import Coordinates
from chart2code.covers import GRID, smallest_part
from chart2code.detail import detail_of
from chart2code.drawing import color_literal
from chart2code.error_bars import ErrorBars
from chart2code.layers import NEAR_COLOR, Layer, Layers
from chart2code.program import brief, string_literal
from chart2code.scales import significant, value_literals

WIDTH_ERROR = 0.03  # of the width of bars
UNEVEN = 2.0  # pixels that even distances of bars differ by
TILE = 0.001  # of the width of bars that touch
TOUCHING = 3.5  # pixels between bars of a histogram
DARKER = 0.65  # of a colour, where a black line is that is hardly a pixel thick
PALER = 0.25  # of the way to white: edges between bars
EDGED = 0.8  # of the bars of a colour, with a line around them
STACKED = 3.0  # pixels between areas that lie upon each other
LEVEL = 0.8  # pixels: of what areas stand on
FLAT = 2.0  # pixels that an edge may be away from a straight one
MIXED = 8  # of 255: how far a colour may be from a mixture
WASH = (0.05, 0.7)  # opacity of areas in the colour of another mark
LINE = 0.12  # thickness of lines without markers, at most
USUAL_MARKER, RIM = 6, 1  # points: the diameter of matplotlib's markers on lines, and what their edge adds to it
MOST_POINTS = 200
EDGES = (0.5, 0.8, 1.0, 1.5, 2.0)  # points, the usual widths of those of markers
SEEN_THROUGH = 0.3  # of a line, in the middle of its markers
SAME_LENGTH, MOSTLY_ALIKE = 1.2, 0.8  # pixels that error bars of one length seem to differ by; and of how many they do
SOFT = 3  # pixels: the square in which a line has soft edges
NEAR_LINE = 5  # pixels from a line to a marker upon it


def layered(layers: Layers) -> list[str]:
    """A program of the layers of a chart; none if it has none, or the numbers at the axes can't be read."""
    if layers.x is None or layers.y is None or not (layers.areas or layers.bars or layers.lines or layers.points):
        return []
    return [LayerWriter(layers, Coordinates(layers)).program()]


class LayerWriter:
    """
    Writes the program of the layers of a chart.

    Args:
        layers: whose axes have scales.
        coordinates: of the program.
    """

    def __init__(self, layers: Layers, coordinates: Coordinates):
        self.layers, self.coordinates = layers, coordinates
        self.sheet, self.target, self.box, self.paper = layers.sheet, layers.target, layers.box, layers.paper
        self.x, self.y, self.ground = coordinates.x, layers.y, layers.ground
        self.stack = self._stacked([*layers.areas, *layers.thin_areas]) or self._stacked(layers.areas)
        self.drawn = [*(self.stack or layers.areas), *layers.bars, *layers.lines, *layers.points]
        self.has_legend = self._find_legend()
        named = [layer for layer in self.drawn if layer.named] if self.has_legend else []
        self.labels = {layer: self.sheet.label(layer.color, k) for k, layer in enumerate(named)}
        self.columns: dict[Layer, tuple[str, str]] = {}  # of the places and values of a layer

    def program(self, *first: str, without: Sequence[str] = ()) -> str:
        """The program; `first`: statements before those of the layers; `without`: as of `Sheet.program`."""
        # Where bars stand, lines and areas may have their points, and where lines have theirs, areas.
        bars, lines = self._draw_bars(), self._draw_lines()
        areas = self._draw_stack(self.stack) if self.stack else self._draw_areas()
        statements = [*areas, *bars, *lines, *self._draw_points(), *self._draw_across()]
        twin = any(layer.axes == "ax2" for layer in self.drawn)
        return self.sheet.program(
            *first,
            *self.coordinates.definitions(),
            *(["ax2 = ax.twinx()"] if twin else []),
            *statements,
            *self.coordinates.axes(twin, grounded=bool(self.layers.bars or self.layers.areas)),
            legend=self.has_legend,
            without=without,
        )

    def _find_legend(self) -> bool:
        """Whether there is a legend in the axes."""
        if self.sheet.legend is not None:
            return True
        covers = readout.coverages(self.target, [layer.color for layer in self.drawn], self.paper, self.box)
        return any(a is not b for a, b in zip(covers, readout.without_legend(covers, self.target, self.box)))

    def _style(self, layer: Layer, color: str | None = None) -> str:
        label = f", label={string_literal(self.labels[layer])}" if layer in self.labels else ""
        if color is None and layer.tint:
            color = f"{color_literal(layer.tint.ink)}, alpha={round(20 * layer.tint.opacity) / 20:g}"
        return f"color={color or color_literal(layer.color)}{label}"

    def _draw_bars(self) -> list[str]:
        statements = [] if any(layer.below or layer.tint for layer in self.layers.bars) else self._draw_colored_bars()
        for layer in [] if statements else self.layers.bars:
            tops = np.array([self._level(bar, layer) for bar in layer.bars])
            x, y, width, gapped = self._stand(layer.bars, tops)
            self.columns[layer] = x, y
            feet = keyword_for_feet("bottom", [self.columns[other][1] for other in layer.below])
            feet += self._feet(layer.bars, x) if layer.floating else ""
            edge = self._edge_color(layer) or (self._seam_color(layer) if gapped else None)
            edge = f", edgecolor={edge}" if edge else ""
            statements.append(f"ax.bar({x}, {y}, {width}{feet}{self._style(layer)}{edge})")
        return statements

    def _draw_colored_bars(self) -> list[str]:
        """Bars of several colours that stand one beside the other at even places, without a legend, as one statement;
        none if they don't."""
        found = [(bar, layer) for layer in self.layers.bars for bar in layer.bars]
        bars, layers = zip(*sorted(found, key=lambda entry: entry[0].center)) if found else ((), ())
        at_names = self.x.names in (0, len(bars))
        apart = np.ptp(np.diff([b.center for b in bars])) if bars else 0.0
        if len(self.layers.bars) < 2 or self.labels or not at_names or apart > UNEVEN:
            return []
        tops = np.array([self._level(bar, layer) for bar, layer in zip(bars, layers)])
        x, y, width, _ = self._stand(list(bars), tops)
        feet = self._feet(list(bars), x) if any(layer.floating for layer in layers) else ""
        colors = ", ".join(color_literal(layer.color) for layer in layers)
        return [f"ax.bar({x}, {y}, {width}{feet}color=[{colors}])"]

    def _feet(self, bars: list[readout.Bar], x: str) -> str:
        """The keyword for where bars stand that have their places in the column `x`."""
        literals = self.coordinates.y_literals(np.array([self._foot(bar) for bar in bars]))
        return f"bottom={self.coordinates.add(x, 'bottom', literals)}, "

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
            x, y = self.coordinates.column(centers - width / 2, tops, "height")
            ends = self.x(centers + width / 2) - self.x(centers - width / 2)
            widths = self.coordinates.add(x, "width", [significant(float(end), WIDTH_ERROR) for end in ends])
            return x, y, f'{widths}, align="edge", ', touching and gap > 0.5
        width *= abs(self.x.slope)
        literals = self._tiles(centers, width) if touching else self._beside_names(centers, width)
        x, y = self.coordinates.column(centers, tops, "height", literals=literals)
        text = brief(width, (TILE if touching else WIDTH_ERROR) * width)
        return x, y, "" if abs(width - 0.8) < 0.03 else f"width={text}, ", touching and gap > 0.5

    def _beside_names(self, middles: np.ndarray, width: float) -> list[str] | None:
        """Places for bars of several series that stand side by side, all as far from the names; None if there is one
        series, or numbers."""
        places = self.x(middles)
        slots = np.round(places)
        if len(self.layers.bars) < 2 or not self.x.names or np.ptp(places - slots) > EVEN:
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
        dark, level = [], min(other.color.max() for other in self.layers.bars)
        for bar in (bar for bar in layer.bars if bar.end - bar.start > BASE):
            middle, top = slice(round(bar.center) - 2, round(bar.center) + 3), round(self._top(bar, layer))
            dark.append(self.target[max(0, top - 1) : top + 2, middle].max(axis=2).min(axis=0).mean())
        if dark and np.mean(np.array(dark) < DARKER * level) > EDGED and layer.color.max() > INKY:
            return '"black"'
        if layer.tint and self.layers.rims and self.layers.rims[0].color.max() < INKY:  # transparent as well
            return '"black"'
        if self.layers.rims:
            return color_literal(self.layers.rims[0].color)
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
        for other in (other for other in self.layers.bars if other.below and other.below[-1] is layer):
            level = max(layer.color.min(), other.color.min()) * (1 - PALER) + 255 * PALER
            for bar in (bar for bar in other.bars if bar.end - bar.start > BASE):
                middle, foot = slice(round(bar.center) - 2, round(bar.center) + 3), round(bar.end)
                pale.append(self.target[foot - 2 : foot + 3, middle].min(axis=2).max(axis=0).mean() > level)
        return bool(pale) and np.mean(pale) > EDGED

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
        if abs(bar.start - self.ground) < min(BASE, abs(bar.end - self.ground)):
            ends = len(own) - own[::-1].argmax(axis=0)[own.any(axis=0)]
            return float(np.percentile(ends, 75)) - 0.5 if len(ends) else bar.end
        tops = own.argmax(axis=0)[own.any(axis=0)]
        return float(np.percentile(tops, 25)) - 0.5 if len(tops) else bar.start

    def _draw_areas(self) -> list[str]:
        statements = []
        for layer in self.layers.areas:
            base, line = self._base(layer.edges[1]), self._line_at(layer.edges[0])
            if base == self.ground and line is not None:
                statements.append(f"ax.fill_between({', '.join(self.columns[line])}, {self._area_style(layer)})")
                continue
            edges = layer.edges[:1] if base is not None else layer.edges
            knots = self.coordinates.knots(list(edges), [])
            if knots is None:
                continue
            columns = [
                self.coordinates.column(knots, readout.fit_path(edge, knots), name)
                for edge, name in zip(edges, ("high", "low"))
            ]
            arguments = [columns[0][0], *(name for _, name in reversed(columns))]
            if base not in (None, self.ground):
                arguments.append(self.y.literal(base, LEVEL))
            statements.append(f"ax.fill_between({', '.join(arguments)}, {self._area_style(layer)})")
        return statements

    def _line_at(self, edge: np.ndarray) -> Layer | None:
        """The line that goes along an edge of an area."""
        for line in self.layers.lines:
            apart = np.abs(readout.find_path(line.cover) - edge)
            if (
                line in self.columns
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
        knots = self.coordinates.knots(edges, [])
        if knots is None:
            return []
        zero = self.ground
        heights = [np.full(len(knots), zero), *(readout.fit_path(edge, knots) for edge in edges)]
        columns = [
            self.coordinates.column(knots, np.minimum(zero, zero + above - below), "y")
            for below, above in itertools.pairwise(heights)
        ]
        labels = [self.labels[layer] for layer in layers if layer in self.labels]
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
            near = [line.color for line in self.layers.lines if np.abs(line.color - layer.tint.ink).max() < NEAR_COLOR]
            color = color_literal(near[0] if near else layer.tint.ink)
            ink = f"{color}, alpha={round(20 * layer.tint.opacity) / 20:g}"
            return self._style(layer, ink if self._is_edged(layer) else f"{ink}, linewidth=0")
        paper, best = np.array(self.paper, float), (MIXED, None, 0.0)
        for other in (*self.layers.bars, *self.layers.lines, *self.layers.points):
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

    def _base(self, lower: np.ndarray) -> float | None:
        """The pixel on which an area stands; None if its lower edge is no straight line."""
        seen = lower[np.isfinite(lower)]
        if not len(seen):
            return self.ground
        level = float(np.median(seen))
        if np.mean(np.abs(seen - level) < FLAT) < 0.9:
            return None
        return self.ground if abs(level - self.ground) < BASE else level

    def _draw_lines(self) -> list[str]:
        statements = []
        for layer in self.layers.lines:
            steps = readout.find_steps(layer.cover)
            if steps is not None:
                knots, heights, where = steps
                x, y = self.columns[layer] = self.coordinates.column(knots, heights, "y", layer.axes)
                thickness = float(np.median(layer.cover.sum(axis=0)[layer.cover.any(axis=0)]))
                style = self._style(layer) + self._width(thickness)
                statements.append(f'{layer.axes}.step({x}, {y}, where="{where}", {style})')
                continue
            path = readout.find_path(layer.cover)
            knots = self.coordinates.knots([path], [layer.cover])
            heights = None if knots is None else readout.trace_line(layer.cover, knots)
            if heights is None:
                continue
            x, y = self.columns[layer] = self.coordinates.column(knots, heights, "y", layer.axes)
            style = self._style(layer) + self._stroke(layer, knots, heights)
            errors = self._errors(layer, knots, heights)
            statements.append(f"{layer.axes}.{'errorbar' if errors else 'plot'}({x}, {y}, {errors}{style})")
        return statements

    def _errors(self, layer: Layer, knots: np.ndarray, heights: np.ndarray) -> str:
        """The keywords for the error bars of a line; none if it has none."""
        scale = self.layers.scales[layer.axes]
        if not layer.errors or scale.logarithmic:
            return ""
        lengths = readout.find_errors(layer.cover, knots, heights)
        texts = value_literals(lengths * abs(scale.slope), scale.span(self.box[3] - self.box[1]))
        name = self.coordinates.add(self.columns[layer][0], "errors", texts)
        cap = readout.caps_of_errors(layer.cover, knots, heights, lengths)
        return f"yerr={name}, " + (f"capsize={max(1, round(cap / self.sheet.scale * 0.72))}, " if cap else "")

    def _draw_across(self) -> list[str]:
        return [line.call("ax", self.x if line.upright else self.y, self.sheet.scale) for line in self.layers.across]

    def _stroke(self, layer: Layer, knots: np.ndarray, heights: np.ndarray) -> str:
        """Keywords for markers, dashes and thickness of a line."""
        stroke = readout.find_stroke(layer.cover, knots, heights, self._marks_besides(layer))
        if stroke is None:
            return ', marker="o"' if self.sheet.thickness(layer.cover) > LINE else ""
        keywords = ""
        if stroke.markers:
            keywords = f", marker={string_literal(stroke.marker or 'o')}"
            keywords += f", markerfacecolor={self._filling(layer, knots, heights)}" if layer.hollow else ""
            diameter = stroke.patch[:, readout.MARKER_RADIUS].sum() / self.sheet.scale * 0.72  # points
            size = round(float(diameter) - RIM)
            known = stroke.marker in ("o", "s", None)
            if known and (edge := readout.paper_edge(layer.cover, knots, heights)):
                inner, outer = (radius / self.sheet.scale * 0.72 for radius in edge)  # points
                size, width = round(inner + outer), max(1, round(2 * (outer - inner))) / 2
                paper = color_literal(np.array(self.paper))
                keywords += f", markeredgecolor={paper}" + (f", markeredgewidth={width:g}" if width != 1 else "")
            keywords += f", markersize={size}" if known and abs(size - USUAL_MARKER) > 1 and size > 0 else ""
        if stroke.style != "-":
            keywords += f", linestyle={string_literal(stroke.style)}"
        return keywords + self._width(stroke.thickness)

    def _filling(self, layer: Layer, knots: np.ndarray, heights: np.ndarray) -> str:
        """The colour within the hollow markers of a line; that of nothing, if it is seen through them."""
        places = np.array([heights, knots]).round().astype(int).clip(0, len(self.target) - 1)
        within, paper = np.median(self.target[*places], axis=0), np.array(self.paper, float)
        share = readout.coverage(within[None, None], layer.color, self.paper)[0, 0]
        if share > SEEN_THROUGH:
            return '"none"'
        return color_literal(paper if share > 0 or np.abs(within - paper).max() < NEAR_COLOR else within)

    def _marks_besides(self, layer: Layer) -> np.ndarray:
        """(H, W) bool: where lines and points of other colours are, and lines across the axes."""
        found = np.zeros(layer.cover.shape, bool)
        for other in (*self.layers.lines, *self.layers.points):
            found |= (other.cover > 0.3) & (other.color is not layer.color)
        for line in self.layers.across:
            rows, half = found.T if line.upright else found, line.thickness / 2
            rows[round(line.place - half) : round(line.place + half) + 1] = True
        return morphology.dilation(found, (SOFT, SOFT))

    def _width(self, thickness: float) -> str:
        """The keyword for the width of a line that is so many pixels thick, if that is not the usual one."""
        width = round(2 * thickness / self.sheet.scale * 0.72) / 2
        return f", linewidth={width:g}" if 0 < width <= THICKEST and width != 1.5 else ""

    def _draw_points(self) -> list[str]:
        statements = []
        for layer in self.layers.points:
            if layer.cloud:
                x, y = self.coordinates.column(*layer.cloud.places.T, "y")
                size = brief(marker_size(layer.cloud.area, self.sheet.scale), 0.2)
                style = self._style(layer) + (f", alpha={layer.cloud.opacity:g}" if layer.cloud.opacity < 1 else "")
                statements.append(f"ax.scatter({x}, {y}, s={size}, linewidths=0, {style})")
                continue
            if layer.crosses:
                statements.append(self._with_error_bars(layer, layer.crosses))
                continue
            points = readout.find_points(layer.cover, smallest_part(layer.cover) if layer.hollow else None)
            if points is None or not 1 <= len(points.places) <= MOST_POINTS:
                continue
            marker = points.marker or "o"
            lower = LOWER.get(marker, 0) * (2 * points.area) ** 0.5
            x, y = self.coordinates.column(points.places[:, 0], points.places[:, 1] - lower, "y")
            style = f"{self._point_size(layer, points.area, marker)}, {self._style(layer)}"
            style = style.replace("color=", 'facecolors="none", edgecolors=') if layer.hollow else style
            style += f', marker="{marker}"' if marker != "o" else ""
            style += ", zorder=3" if self._above_lines(points) else ""
            statements.append(f"ax.scatter({x}, {y}, {style})")
        return statements

    def _with_error_bars(self, layer: Layer, crosses: ErrorBars) -> str:
        """The statement for points with error bars."""
        pixel = 0.72 / self.sheet.scale  # points
        points = readout.find_points(layer.cover)
        x, y = self.coordinates.column(*crosses.places.T, "y")
        arguments = [x, y]
        for name, scale, lengths in zip(("xerr", "yerr"), (self.x, self.layers.scales["ax"]), crosses.lengths):
            if lengths is None or scale.logarithmic:
                continue
            span = scale.span(self.box[2] - self.box[0] if name == "xerr" else self.box[3] - self.box[1])
            usual = float(np.median(lengths))
            alike = np.mean(np.abs(lengths - usual) < SAME_LENGTH) > MOSTLY_ALIKE
            texts = value_literals((np.array([usual]) if alike else lengths) * abs(scale.slope), span)
            arguments.append(f"{name}={texts[0] if alike else self.coordinates.add(x, name, texts)}")
        size = 2 * np.sqrt(points.area / np.pi) * pixel - RIM
        marker = points.marker or "o"
        arguments += [f'fmt="{marker}"', f"markersize={brief(max(1.0, float(size)), 0.5)}", self._style(layer)]
        if layer.strokes is not None:
            arguments.append(f"ecolor={color_literal(layer.strokes)}")
        width = round(2 * crosses.thickness * pixel) / 2
        arguments += [f"elinewidth={max(0.5, width):g}"] if width != 1.5 else []
        arguments += [f"capsize={max(1, round(crosses.cap * pixel))}"] if crosses.cap else []
        return f"ax.errorbar({', '.join(arguments)})"

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
        for line in self.layers.lines:
            path = readout.find_path(line.cover)
            seen = np.flatnonzero(~np.isnan(path))
            if not len(seen):
                continue
            upon = columns[np.abs(np.interp(columns, seen, path[seen]) - rows) < NEAR_LINE]
            if len(upon):
                return bool(np.mean(np.isnan(path[upon])) >= 0.5)
        return bool(self.layers.lines)

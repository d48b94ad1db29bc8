"""Pies and donuts as they are seen: wedges, edges and layout, and what is written in and around them.

What a pie would look like without words is known from its circle and its colours: where the picture differs from that
there are words. Their size gives the resolution, their places say whether they are labels, percentages or a title. In
what order the wedges were drawn is seen in a legend, by the rectangles of their colours.
"""

from __future__ import annotations

import ast
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from scipy import ndimage
from scipy.sparse.csgraph import connected_components

from chart2code import readout
from chart2code.detail import Detail, detail_of
from chart2code.drawing import CYCLE, rgb
from chart2code.layout import USUAL, is_usual, shares_of, subplots_adjust
from chart2code.tick_labels import runs_of
from chart2code.words import BOLD, DPI, REGULAR, Line, read_line
from eval_metric.similarity import CANVAS

if TYPE_CHECKING:
    from chart2code.sketches import Sheet

SEEN, SAME = 60, 20  # of 255: a difference that is seen, and one that is none
AXES, EQUAL_AXES = 1.25, 1.1  # radii, from the middle of a pie to the sides of its axes, also if these are equal
PLACED = 1.5  # pixels that a pie may be away from where a layout has it
RIM = 1.8  # pixels of the canvas around edges: no words
BESIDE = 5  # degrees beside a wedge that its edges may reach
SWATCH, FILLED = (1.6, 6.0), 0.75  # times its height, the width of a legend's rectangle; and of it, in its colour
ALIKE = 3.0  # pixels, in places and sizes of the rectangles of a legend
LOWEST, HIGHEST, HEIGHTS = 0.7, 1.05, (0.95, 0.78, 0.74)  # ems, of the highest letter of a line
WORD_GAP, DOT_GAP = 0.95, 0.2  # of the height of a letter: gaps that are bridged in a line, and in a letter
LEAST_LINE, MOST_LINE, MOST_LETTERS = 3.5, 60, 800  # pixels of the canvas, the height of a line; of all
MOST_ERROR = 0.45  # of a line's ink: what leaves more unexplained has not been read
POINTS = (6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 26, 28, 30, 32, 36, 40, 44, 48, 54, 60)
RESOLUTIONS = (100, 120, 150, 200, 300, 72, 80, 90, 110, 130, 160, 180, 250)  # dpi
INCHES = 2.4, 16  # of the longer side of a figure
ODD_FIGURE, ODD_POINTS = 0.03, 0.02  # as errors of a size: of a figure and of text that are not the usual ones
RARER = 0.002  # the same, for each resolution that is more frequent
SIZE_NOISE = 0.03  # of a size: hinting moves letters
SAMPLES, SAMPLE = 4, 4.5  # lines that the resolution is told by; times their height, their width
LABEL_DISTANCE = 1.1  # radii
LABEL_REACH = 0.2  # radii, from where a label should be
TITLE_POINTS, TEXT_POINTS = 12, 10
EDGE_REACH = 8  # pixels to both sides of a border
STARTS = (0, 90, 140, 45, 180, 270)  # degrees where pies usually start
START_ERROR = 1.5  # degrees
LEAST_HOLE = 0.07  # radii
LEAST_EXPLOSION, LEAST_GAP = 0.03, 0.03  # radii
BULGE = 0.85  # of a wedge's half: where its rim is compared with the middle's
NUMBER = re.compile(r"(?<![\w.])(\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)(%?)")


@dataclass(frozen=True)
class Text:
    """A line of text: its ink in a rectangle, in pixels of the canvas; what it says, in which size and colour."""

    left: float
    top: float
    right: float
    bottom: float
    ink: np.ndarray
    color: np.ndarray
    height: float  # of the highest letter
    text: str = ""
    points: float = TEXT_POINTS
    bold: bool = False

    @property
    def middle(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


@dataclass(frozen=True)
class Swatch:
    """A rectangle of a legend, in pixels of the canvas, and which wedge has its colour."""

    left: float
    top: float
    right: float
    bottom: float
    wedge: int

    @property
    def y(self) -> float:
        return (self.top + self.bottom) / 2


class PieChart:
    """A pie with what is around it, as it is seen."""

    def __init__(self, sheet: Sheet, pie: readout.Pie):
        self.sheet, self.pie, self.target = sheet, pie, sheet.target
        self.page = np.array(readout.page_of(sheet.target), float)
        self.fine = detail_of(sheet.target) or Detail(sheet.target, 1.0)
        self.size = sheet.size
        if sheet.size == (CANVAS, CANVAS):  # it may be letterboxed: rather as the answer's figure
            self.size = tuple(round(DPI * side) for side in ast.literal_eval(sheet.figsize or "(6.4, 4.8)"))
        self.unit = CANVAS / max(self.size)  # pixels of the canvas per pixel of the picture
        self._part()
        self._widen()

    # What is seen

    @cached_property
    def edge(self) -> tuple[np.ndarray, float] | None:
        """Colour, and width in pixels of the canvas, of the edges of the wedges; None if there are none."""
        wedges, profiles = self.pie.wedges, []
        u = np.arange(-EDGE_REACH, EDGE_REACH + 0.25, 0.5)
        for k, wedge in enumerate(wedges):
            if max(wedge.explode, wedges[k - 1].explode) > LEAST_EXPLOSION:
                continue
            angle = math.radians(wedge.start)
            along, across = np.array([math.cos(angle), -math.sin(angle)]), np.array([math.sin(angle), math.cos(angle)])
            far = self.pie.radius * np.linspace(max(0.4, self.pie.hole + 0.05), 0.95, 40)
            places = np.array(self.pie.center) + far[:, None, None] * along + u[:, None] * across
            profiles.append((wedges[k - 1].color, wedge.color, np.median(self._colors(places), axis=0)))
        found = []
        for before, after, profile in profiles:
            sides = np.where(u[:, None] > 0, before, after)  # across: clockwise
            light = (profile - np.maximum(before, after)).sum(axis=1).max()
            dark = (np.minimum(before, after) - profile).sum(axis=1).max()
            if max(light, dark) < SAME:
                continue
            lightest = self.page if self.page.sum() > 3 * 128 else np.full(3, 255.0)
            darkest = self.page if self.page.sum() < 3 * 128 else np.zeros(3)
            color = lightest if light > dark else darkest
            away = color - sides
            shares = ((profile - sides) * away).sum(axis=1) / np.maximum(1, (away**2).sum(axis=1))
            found.append((color, float(shares.clip(0, 1).sum() / 2)))
        if 2 * len(found) < len(profiles) or not found:
            return None
        width = median(width for _, width in found)
        lighter = sum(color.sum() > 3 * 128 for color, _ in found)
        return (max if 2 * lighter >= len(found) else min)((c for c, _ in found), key=np.sum), width

    def _part(self) -> None:
        """Where there are wide gaps between all wedges, these are moved out."""
        halves = [math.sin(math.radians(min(wedge.length, 180) / 2)) for wedge in self.pie.wedges]
        gap = self.edge[1] / self.pie.radius if self.edge and (self.edge[0] == self.page).all() else 0
        out = gap / (2 * float(np.mean(halves)))
        if gap < LEAST_GAP or not self._bulging(out):
            return
        # The middle of a gap is not on the line from the middle of the pie at which its wedges would meet.
        turns = [math.degrees(out * (before - own) / 2) for own, before in zip(halves, [halves[-1], *halves])]
        wedges = [
            replace(wedge, explode=out, start=wedge.start + turn, length=wedge.length + after - turn)
            for wedge, turn, after in zip(self.pie.wedges, turns, [*turns[1:], turns[0]])
        ]
        hole = self.pie.hole if self.pie.hole > 3 * out else 0.0
        self.pie = replace(self.pie, wedges=wedges, radius=self.pie.radius / (1 + out), hole=hole)
        self.edge = None

    def _widen(self) -> None:
        """Half of an edge lies beyond the circle: where it has the page's colour, the pie seems smaller than it is."""
        if self.edge is None:
            return
        color, width = self.edge
        half = width / 2 if np.abs(color - self.page).max() < SAME else -width / 2
        radius, hole = self.pie.radius + half, self.pie.hole * self.pie.radius - half
        self.pie = replace(
            self.pie, radius=radius, hole=max(0.0, hole / radius) if self.pie.hole > LEAST_HOLE else 0.0
        )

    def _bulging(self, out: float) -> bool:
        """Whether the rim of the largest wedge is further out in its middle than near its ends, as it is if the wedge
        is moved out."""
        wedge = max(self.pie.wedges, key=lambda wedge: wedge.length)
        turns = np.radians(BULGE * wedge.length / 2 * np.array([-1, 0, 1]))
        angles = math.radians(wedge.start + wedge.length / 2) + turns
        far = self.pie.radius * np.arange(0.8, 1.1, 0.002)
        directions = np.stack([np.cos(angles), -np.sin(angles)], axis=-1)
        colors = self._colors(np.array(self.pie.center) + directions[:, None] * far[:, None])
        ends = [far[np.flatnonzero(along)].max(initial=0) for along in np.abs(colors - wedge.color).max(axis=2) < SEEN]
        expected = out * self.pie.radius * (1 - math.cos(min(turns[2], math.pi / 2)))
        return ends[1] - max(ends[0], ends[2]) > expected / 2

    def _colors(self, places: np.ndarray) -> np.ndarray:
        """The colours of the picture at places (..., 2) of the canvas."""
        x, y = np.moveaxis(self.fine.enlarged(places), -1, 0)
        most = len(self.fine.pixels) - 1
        return self.fine.pixels[np.round(y).clip(0, most).astype(int), np.round(x).clip(0, most).astype(int)]

    @cached_property
    def swatches(self) -> list[Swatch]:
        """The rectangles of the legend, in its order; none if there is no legend."""
        found = []
        for k, wedge in enumerate(self.pie.wedges):
            regions, _ = ndimage.label(readout.difference(self.fine.pixels, wedge.color) < SAME)
            for number, part in enumerate(ndimage.find_objects(regions)):
                height, width = (side.stop - side.start for side in part)
                if height < 4 or not SWATCH[0] < width / height < SWATCH[1]:
                    continue
                if (regions[part] == number + 1).mean() > FILLED:
                    places = self.fine.reduced([part[1].start, part[0].start, part[1].stop - 1, part[0].stop - 1])
                    found.append(Swatch(*map(float, places), k))
        if len(found) < 2:
            return []
        usual = median(swatch.bottom - swatch.top for swatch in found)
        found = [swatch for swatch in found if abs(swatch.bottom - swatch.top - usual) < ALIKE]
        columns = columns_of(found)
        found.sort(key=lambda swatch: (sum(swatch.left >= end for _, end in columns), swatch.y))
        first: dict[int, Swatch] = {}
        for swatch in found:
            first.setdefault(swatch.wedge, swatch)
        return list(first.values()) if len(first) > 0.6 * len(self.pie.wedges) else []

    @cached_property
    def order(self) -> tuple[list[int], bool]:
        """The wedges as they were drawn, and whether clockwise."""
        count = len(self.pie.wedges)
        forward = list(range(count))
        colors = [rgb("#" + CYCLE[k % 10]) for k in range(count)]
        keyed = [swatch.wedge for swatch in self.swatches]
        if not keyed:
            colored = [np.abs(wedge.color[None] - colors).max(axis=1).argmin() for wedge in self.pie.wedges]
            if all(np.abs(w.color - colors[k]).max() < SAME for w, k in zip(self.pie.wedges, colored)):
                keyed = sorted(forward, key=lambda k: colored[k])
        if keyed:
            steps = Counter((b - a) % count for a, b in zip(keyed, keyed[1:]))
            clockwise = count > 2 and steps[count - 1] > steps[1]
            first = keyed[0]
            if count == 2:
                usual = [min(abs((self._start(first, way) - a + 180) % 360 - 180) for a in STARTS) for way in (0, 1)]
                clockwise = usual[1] < usual[0]
        else:
            clockwise, first = self._usual_start()
        turned = [(first + (-k if clockwise else k)) % count for k in forward]
        return turned, bool(clockwise)

    def _start(self, first: int, clockwise: bool) -> float:
        wedge = self.pie.wedges[first]
        return (wedge.start + wedge.length * clockwise) % 360

    def _usual_start(self) -> tuple[bool, int]:
        """Whether clockwise, and the first wedge, as they are likely: from a usual angle, sorted if possible."""
        count, options = len(self.pie.wedges), []
        for clockwise in (False, True):
            for first in range(count):
                angle = self._start(first, clockwise)
                apart = [abs((angle - usual + 180) % 360 - 180) for usual in STARTS]
                rank = min((k for k, a in enumerate(apart) if a < START_ERROR), default=len(STARTS))
                if rank == len(STARTS) and abs((angle + 5) % 10 - 5) > START_ERROR / 2:
                    rank += 1
                lengths = [self.pie.wedges[(first + (-k if clockwise else k)) % count].length for k in range(count)]
                steps = np.diff(lengths)
                in_order = count > 3 and (steps.max() < START_ERROR or steps.min() > -START_ERROR)
                options.append(((not (in_order and rank < 3), rank, clockwise), clockwise, first))
        return min(options)[1:]

    # Words

    @cached_property
    def lines(self) -> list[Text]:
        """The lines of text of the picture, not read yet."""
        zoom, pixels = self.fine.zoom, self.fine.pixels
        expected, free = self._expected()
        away = readout.difference(pixels, expected) * free
        letters, _ = ndimage.label(away > SEEN, np.ones((3, 3)))
        parts = ndimage.find_objects(letters)
        if len(parts) > MOST_LETTERS:  # a picture of another kind
            return []
        groups = self._joined(np.array([[p[1].start, p[0].start, p[1].stop, p[0].stop] for p in parts]).reshape(-1, 4))
        line_of = np.concatenate([[0], groups + 1])
        grey, found = np.abs(pixels.mean(axis=2) - expected.mean(axis=2)), []
        for number in range(groups.max(initial=-1) + 1):
            own = [part for part, group in zip(parts, groups) if group == number]
            top, left = (min(part[axis].start for part in own) for axis in (0, 1))
            bottom, right = (max(part[axis].stop for part in own) for axis in (0, 1))
            height = max(part[0].stop - part[0].start for part in own)
            if not LEAST_LINE < height / zoom < MOST_LINE or right - left < LEAST_LINE * zoom:
                continue
            wide = np.s_[max(0, top - 2) : bottom + 2, max(0, left - 2) : right + 2]
            inside = line_of[letters[wide]] == number + 1
            ink = grey[wide] * ndimage.binary_dilation(inside, iterations=2)
            color = np.median(pixels[wide][inside & (ink >= 0.8 * ink[inside].max())], axis=0)
            places = self.fine.reduced([left, top, right - 1, bottom - 1])
            found.append(Text(*map(float, places), (ink / max(ink.max(), 1)).clip(0, 1), color, height / zoom))
        return found

    def _joined(self, boxes: np.ndarray) -> np.ndarray:
        """Which of the letters in boxes (N, 4) are in one line: the number of the line of each."""
        left, top, right, bottom = (boxes[:, None, k] for k in range(4))
        height = np.maximum(bottom - top, float(np.median(bottom - top)) if len(boxes) else 0)
        height = np.maximum(height, height.T)
        across, along = (
            np.maximum(start, start.T) - np.minimum(end, end.T) for start, end in ((left, right), (top, bottom))
        )
        center = self.fine.enlarged(self.pie.center)
        far = np.hypot((left + right) / 2 - center[0], (top + bottom) / 2 - center[1])
        outside = far > self.pie.radius * self.fine.zoom
        letters = np.maximum(bottom - top, right - left) < MOST_LINE * self.fine.zoom
        near = (along < 0) & (across < WORD_GAP * height) | (across < 0) & (along < DOT_GAP * height)
        return connected_components(near & (outside == outside.T) & letters & letters.T)[1]

    def _expected(self) -> tuple[np.ndarray, np.ndarray]:
        """What the pie would look like without words, and where words may be: not at edges."""
        zoom, side = self.fine.zoom, len(self.fine.pixels)
        center, radius = self.fine.enlarged(self.pie.center), zoom * self.pie.radius
        rim = zoom * (RIM + (self.edge[1] / 2 if self.edge else 0))
        hole = radius * self.pie.hole if self.pie.hole > LEAST_HOLE else -rim
        shadow = readout.SHADOW * radius if self.pie.shadow else 0
        expected = np.broadcast_to(self.page, (side, side, 3)).astype(np.int16)
        free = np.ones((side, side), bool)
        reach = radius * (1 + max(wedge.explode for wedge in self.pie.wedges)) + rim + shadow
        window = tuple(slice(max(0, int(at - reach)), int(at + reach) + 2) for at in center[::-1])
        painted, unmarked = expected[window], free[window]
        rows, columns = np.ogrid[:side, :side]
        rows, columns = rows[window[0]], columns[:, window[1]]

        @cache
        def polar(right: float, up: float) -> tuple[np.ndarray, ...]:
            x = (columns - center[0] - right).astype(np.float32)
            y = (center[1] - rows - up).astype(np.float32)
            return x, y, np.hypot(x, y), np.degrees(np.arctan2(y, x))

        for wedge in self.pie.wedges:
            middle = math.radians(wedge.start + wedge.length / 2)
            out = radius * wedge.explode if wedge.explode > LEAST_EXPLOSION else 0.0
            x, y, far, angle = polar(out * math.cos(middle), out * math.sin(middle))
            turned = (angle - wedge.start + BESIDE) % 360
            inside = (np.abs(turned - BESIDE - wedge.length / 2) < wedge.length / 2) & (far < radius) & (far >= hole)
            painted[inside] = wedge.color
            edges = (far > radius - rim) & (far < radius + rim + shadow) | (np.abs(far - hole) < rim)
            edges &= turned < wedge.length + 2 * BESIDE
            for border in np.radians([wedge.start, wedge.start + wedge.length]):
                along, across = (
                    x * math.cos(border) + y * math.sin(border),
                    x * math.sin(border) - y * math.cos(border),
                )
                edges |= (np.abs(across) < rim) & (along > 0) & (far < radius + rim) & (far > hole - rim)
            unmarked &= ~edges
        self._exclude(free)
        return expected, free

    def _exclude(self, free: np.ndarray) -> None:
        """Takes the legend's rectangles and what is beyond the picture away from where words may be."""
        for swatch in self.swatches:
            left, top, right, bottom = (
                int(v) for v in self.fine.enlarged([swatch.left, swatch.top, swatch.right, swatch.bottom])
            )
            room = math.ceil(2 * self.fine.zoom)
            free[max(0, top - room) : bottom + room + 1, max(0, left - room) : right + room + 1] = False
        if self.page.min() < 255:  # around the picture the canvas is white
            for axis in (0, 1):
                ink = np.flatnonzero((self.fine.pixels.min(axis=2) < 255).any(axis=1 - axis))
                np.moveaxis(free, axis, 0)[: ink[0] + 3] = False
                np.moveaxis(free, axis, 0)[ink[-1] - 2 :] = False

    @cached_property
    def dpi(self) -> float:
        """The resolution of the picture, by the sizes of its text."""
        width, height = self.size
        usual = sorted(self.lines, key=lambda line: abs(line.right - line.left - SAMPLE * line.height))[:SAMPLES]
        sizes = [size for line in usual if (size := self._size(line)) is not None]
        if not sizes:
            return float(DPI)

        def unlikeliness(dpi: float) -> float:
            error = np.mean([min(SIZE_NOISE, *(abs(s * DPI / dpi / usual - 1) for usual in POINTS)) for s in sizes])
            points = median(sizes) * DPI / dpi
            odd_text = abs(points / TEXT_POINTS - 1) > 2 * SIZE_NOISE
            odd_figure = not is_usual((width / dpi, height / dpi))
            return error + ODD_POINTS * odd_text + ODD_FIGURE * odd_figure + RARER * RESOLUTIONS.index(dpi)

        possible = [dpi for dpi in RESOLUTIONS if INCHES[0] <= max(width, height) / dpi <= INCHES[1]]
        return float(min(possible, key=unlikeliness, default=DPI))

    def _size(self, line: Text) -> float | None:
        """The size of a line in pixels of the picture, as points at `DPI`: by what it says, and how wide that is."""
        scale = self.fine.zoom * self.unit
        em = line.height * self.fine.zoom * 72 / DPI / scale
        found = read_line(
            line.ink,
            (REGULAR, BOLD),
            sorted({max(POINTS[0], round(2 * em / share) / 2) for share in HEIGHTS}),
            round(scale, 4),
        )
        if found.error > MOST_ERROR:
            return None
        font = FontProperties(family="DejaVu Sans", weight="bold" if found.bold else "normal")
        wide = TextPath((0, 0), found.text, size=DPI, prop=font).get_extents().width
        return (line.right - line.left) / self.unit / wide * 72

    def _read(self, text: Text) -> Line:
        scale, sharpness = self.fine.zoom * self.unit, self.dpi / DPI
        high = text.height / self.unit * 72 / self.dpi
        sizes = [points for points in POINTS if LOWEST < high / points < HIGHEST]
        found = read_line(text.ink, (REGULAR, BOLD), [size * sharpness for size in sizes], round(scale, 4))
        return replace(found, points=found.points / sharpness)

    @cached_property
    def texts(self) -> list[Text]:
        """The lines, from above to below, as they were read; without a word what can't be."""
        texts = []
        for line in sorted(self.lines, key=lambda line: line.top):
            found = self._read(line)
            if found.error < MOST_ERROR:
                line = replace(line, text=found.text, points=found.points, bold=found.bold)
            texts.append(line)
        return texts

    @cached_property
    def em(self) -> float:
        """The size of usual text, in pixels of the canvas."""
        return TEXT_POINTS / 72 * self.dpi * self.unit

    def _polar(self, place: tuple[float, float]) -> tuple[float, float]:
        """Distance, in radii, and direction, in degrees, of a place from the middle of the pie."""
        x, y = place[0] - self.pie.center[0], self.pie.center[1] - place[1]
        return math.hypot(x, y) / self.pie.radius, math.degrees(math.atan2(y, x))

    def _within(self, distance: float, direction: float) -> int | None:
        """The wedge that has a place."""
        for k, wedge in enumerate(self.pie.wedges):
            hole = self.pie.hole if self.pie.hole > LEAST_HOLE else 0
            if (direction - wedge.start) % 360 < wedge.length and hole < distance < 1 + wedge.explode:
                return k
        return None

    @cached_property
    def keys(self) -> tuple[list[Text | None], Text | None]:
        """The texts of the legend's entries, and its title."""
        entries = []
        for swatch in self.swatches:
            beside = [
                text
                for text in self.texts
                if abs(text.middle[1] - swatch.y) < self.em / 2 and 0 < text.left - swatch.right < 2 * self.em
            ]
            entries.append(min(beside, key=lambda text: text.left, default=None))
        title = None
        if self.swatches:
            left, right = self.swatches[0].left, max((e.right for e in entries if e), default=self.swatches[0].right)
            above = [
                text
                for text in self.texts
                if self.em < self.swatches[0].y - text.middle[1] < 2.2 * self.em and left < text.middle[0] < right
            ]
            title = max(above, key=lambda text: text.top, default=None)
        return entries, title

    @cached_property
    def roles(self) -> dict[str, dict[int, list[Text]]]:
        """The other lines, by what they are: a title, (part of) the label of a wedge or what is written in it, or what
        is in the hole."""
        entries, heading = self.keys
        roles: dict[str, dict[int, list[Text]]] = {"title": {}, "label": {}, "inside": {}, "middle": {}}
        for text in self.texts:
            if any(text is other for other in (*entries, heading)):
                continue
            distance, direction = self._polar(text.middle)
            wedge = self._within(distance, direction)
            if wedge is not None:
                roles["inside"].setdefault(wedge, []).append(text)
            elif distance < self.pie.hole:
                roles["middle"].setdefault(0, []).append(text)
            elif text.middle[1] < self.axes[0][1]:
                roles["title"].setdefault(0, []).append(text)
            else:
                apart = [self._from_label(text, k, LABEL_DISTANCE) for k in range(len(self.pie.wedges))]
                if min(apart) < LABEL_REACH * self.pie.radius + self.em:
                    roles["label"].setdefault(int(np.argmin(apart)), []).append(text)
        if not roles["label"] and not any("{" in form_of(lines) for lines in roles["inside"].values()):
            roles["label"], roles["inside"] = roles["inside"], {}  # labels in the wedges
        return roles

    def _distance(self, wedge: int, lines: Sequence[Text]) -> float:
        """How far out the middle of a text is in a wedge, in radii."""
        middle = median(line.middle[0] for line in lines), (lines[0].top + lines[-1].bottom) / 2
        far, direction = self._polar(middle)
        part = self.pie.wedges[wedge]
        return far * math.cos(math.radians(direction - part.start - part.length / 2)) - part.explode

    def _from_label(self, text: Text, wedge: int, distance: float) -> float:
        """How far a text is from where the label of a wedge would be."""
        x, y = self._anchor(wedge, distance)
        return math.hypot((text.left if x > self.pie.center[0] else text.right) - x, text.middle[1] - y)

    def _anchor(self, wedge: int, distance: float) -> tuple[float, float]:
        part = self.pie.wedges[wedge]
        angle, far = math.radians(part.start + part.length / 2), (distance + part.explode) * self.pie.radius
        return self.pie.center[0] + far * math.cos(angle), self.pie.center[1] - far * math.sin(angle)

    @cached_property
    def axes(self) -> tuple[readout.Box, list[str]]:
        """Where the axes are, in pixels of the canvas, and the statements that put them there."""
        sides = [side * self.unit for side in self.size]
        (x, y), radius = self.pie.center, self.pie.radius
        starts = [(CANVAS - side) / 2 - 0.5 for side in sides]
        left, right = (starts[0] + USUAL[name] * sides[0] for name in ("left", "right"))
        bottom, top = (starts[1] + (1 - USUAL[name]) * sides[1] for name in ("bottom", "top"))
        own = np.array([(left + right) / 2, (top + bottom) / 2])
        square = x - AXES * radius, y - AXES * radius, x + AXES * radius, y + AXES * radius
        for reach, box, statements in (
            (AXES, square, []),
            (EQUAL_AXES, (left, top, right, bottom), ['ax.axis("equal")']),
        ):
            usual = *own, min(right - left, bottom - top) / 2 / reach
            if np.abs(np.subtract(usual, (x, y, radius))).max() < PLACED:
                return box, statements
        if is_usual([side / self.dpi for side in self.size]):
            return square, ["fig.tight_layout()"]
        return square, [subplots_adjust(shares_of(square, sides))]


def columns_of(swatches: Sequence[Swatch]) -> list[tuple[int, int]]:
    """Where the columns of a legend start: from and to, in pixels."""
    return runs_of(np.isin(np.arange(CANVAS), [math.floor(swatch.left) for swatch in swatches]), ALIKE)


def form_of(lines: Sequence[Text]) -> str:
    """What is written in a wedge, as an f-string of its `share` of all `sizes`; empty if that can't be read."""

    def name(found: re.Match) -> str:
        decimals = len(found[1].partition(".")[2])
        return f"{{share:.{decimals}f}}%" if found[2] else f"{{share * sum(sizes) / 100:.{decimals}f}}"

    text = "\n".join(line.text for line in lines)
    return "" if re.search("[{}]", text) else NUMBER.sub(name, text)

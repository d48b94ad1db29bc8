"""Programs of scatter charts whose points differ in size or colour: bubbles, and points coloured by a colour map.

A colour is no series there. Marks are found by their outlines (circles.py), those of groups with black edges by their
colours; what stands beside them, names and legends, and lines across the axes are written as well.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import mode
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import CSS4_COLORS, TABLEAU_COLORS
from scipy import ndimage

from chart2code import heatmaps, morphology, readout
from chart2code.across import find_lines_across
from chart2code.adjustment.marks import AREAS
from chart2code.captions import Page
from chart2code.circles import disc_of, find_circles, with_hidden
from chart2code.covers import is_line, without_spines
from chart2code.detail import detail_of
from chart2code.drawing import color_literal, rgb
from chart2code.program import brief, string_literal, table_of
from chart2code.scales import Scale, value_literals
from chart2code.tick_labels import read_number
from chart2code.words import Line

if TYPE_CHECKING:
    from chart2code.sketches import Sheet

NEARBY = 50  # of 255: of a mark upon others, away from its colour in the legend
INK, GREY, SAME = 20, 26, 14  # of 255: ink, from the paper; chroma of greys; between colours that are alike
FEWEST, MOST = 4, 500  # marks
EXPLAINED, RIM = 0.75, 1.5  # of the ink in colours, within marks; pixels around these
LEAST_ROW = 2  # circles, of letters side by side
COLORED = 80  # of 255: chroma that letters do not have
LETTER = 5.0  # pixels: radius of circles that may be parts of letters, and of dashes
CORNER, ANGULAR = 0.6, 0.06  # of a radius, how far corners may reach beyond; of what is there, inked
VARIED = 1.25  # times as large are the radii of larger bubbles
MOST_GROUPS, IN_GROUPS = 5, 0.85  # colours that are series; of the marks that have these
FEW = 10  # colours that are no map's
EDGE = 1.0  # point, the width of the edges that marks have in their own colour
SIZE_ERROR = 0.04  # of the size of a mark
PLACE = 0.8  # pixels that lines may be off
MARGIN, AT_MARGIN = 0.05, 3.0  # of the range of values: matplotlib's; pixels that it may be off
# Edges
SEEN_EDGE = 0.7  # pixels
AT_RIM = 7  # pixels, the square around one of an edge in which there is the mark
WIDE, OF_MARKERS, OF_WORDS = 4, 0.5, 0.05  # pixels, wider than edges; thickness of colours of markers, and of words
SMALLEST, LONG = 0.75, 0.4  # of the height of marks; of the columns, in lines and not in words
DARK = 120  # of 255: black edges and letters, in mixtures
LEAST_EDGE, EDGE_DARK = 0.3, 0.18  # points; of the lightness of a mark, how much darker its edge is
SAME_RADIUS = 1.0  # pixels: of the marks in a legend
EDGES = (0.5, 0.8, 1.0, 1.5, 2.0)  # points, their usual widths
EDGE_INK = 128  # of 255: half of a black edge on paper
SOFT = 0.9  # pixels: by which marks within edges look smaller than they are
POINTED = 1.62  # widths of an edge, by which it makes half of a triangle larger: at its corners it reaches further
# Opacity
OPACITIES = (0.5, 0.6, 0.7, 0.8, 0.4, 0.9, 0.3, 0.75, 0.45, 0.55, 0.65, 0.35, 0.85)  # the usual ones first
LEAST_LENS, MOST_LENSES = 6, 12  # pixels in which two marks overlap; and such places
LARGEST, RING = 8, 0.06  # marks whose outlines are looked at; how much stronger their colours are there
MANY, OFTEN = 5, 0.1  # colours that have names only with the right opacity; of the marks that have one of these
NAMED = np.array([rgb(color) for color in (*TABLEAU_COLORS.values(), *CSS4_COLORS.values())])
SAME_NAMES = 1.0  # of 255: opacities that explain colours as well
# Words
INKED, TEXT = 0.35, 100  # coverage by texts; of 255: between their colour and that of marks that they are read upon
SPACE, LINE, BEYOND = 5, (4, 16), 60  # pixels between letters; heights of lines; how far they go on beyond the axes
AT_EDGE, SMALL = 3.0, 8.0  # pixels from the outline of a mark; radius of marks that no text is in
UPON = 8  # pixels from the middle of a mark to the upper side of a text upon it
FAR, AT_NAME, NAMED_MARKS = 45, 2.0, 0.4  # pixels from a mark to its name, and that this may differ; of the marks
SURE = 3  # names of which the size is known
CAPITAL = 0.73  # ems, the height of a capital letter
READ, TEXT_HEIGHT = 120, 14  # pixels, the length of texts; and of the figure, the height of a line
# Legends
KEY_GAP, IN_ROW, IN_COLUMN = 30, 4.0, 2.0  # pixels between a mark and its text; and that these may be out of line
TITLE_GAP = 24  # pixels above the first mark
# Lines across the axes
ACROSS, APART = 0.35, 4  # of the length of an axis; pixels, to where there is none
STRONGEST_GREY = 145  # of 255, from the paper: what is stronger is a black line
STYLES = ((0.93, ""), (0.58, ', linestyle="--"'), (0.0, ', linestyle=":"'))  # by what is inked of their length


@dataclass
class Marks:
    """Circles (N, 3) as (x, y, radius) in pixels, the lower ones first, and their colours (N, 3) on the paper."""

    circles: np.ndarray
    colors: np.ndarray

    def __getitem__(self, chosen: np.ndarray) -> Marks:
        return Marks(self.circles[chosen], self.colors[chosen])

    def __len__(self) -> int:
        return len(self.circles)

    @classmethod
    def joined(cls, parts: Sequence[Marks]) -> Marks:
        circles, colors = ([getattr(part, name) for part in parts] for name in ("circles", "colors"))
        return cls(np.concatenate(circles), np.concatenate(colors))


def bubble_chart(sheet: Sheet) -> list[str]:
    """A program of points that differ in size, or in many colours; none if a chart has no such points."""
    sides = [(sheet.target, sheet.box, side) for side in ("bottom", "left")]
    axes = [Scale.of(*side) or Scale.of_shares(*side) for side in sides]
    if None in axes:
        return []
    bar = heatmaps.find_color_bar(sheet.target, sheet.box)
    outlined = outlined_points(sheet, axes) if bar is None else []
    if outlined:
        return outlined
    marks = find_marks(sheet.target, sheet.box, sheet.paper)
    if marks is None:
        return []
    groups = grouped(marks.colors)
    main = [group for group in groups if len(group) >= FEWEST]
    many = len(main) > MOST_GROUPS or sum(map(len, main)) < IN_GROUPS * len(marks)
    # Points of two series may have two sizes, and be no bubbles.
    varied = any(is_varied(marks.circles[group, 2]) for group in ([slice(None)] if many else main))
    if not varied and not bar and not (many and len(groups) > FEW and heatmaps.map_of(marks.colors, sheet.paper)[0]):
        return []
    writer = Writer(sheet, axes, marks, bar.opacity if bar else opacity_of(sheet.target, marks, sheet.paper))
    if bar:
        writer.mapped(bar)
    elif not many:
        writer.grouped([np.median(marks.colors[group], axis=0) for group in main])
    elif not writer.named():
        writer.colored()
    return [writer.program()]


def outlined_points(sheet: Sheet, axes: list[Scale]) -> list[str]:
    """A program of points of a few colours with edges of another one; none if a chart has no such points."""
    inside = readout.inside_of(sheet.target, sheet.box, 3)
    across = [line.color for line in find_lines_across(sheet.target, sheet.box)]
    colors, edges = [], []
    for (color, solid), cover in zip(sheet.series, sheet.own_covers):
        if sheet.thickness(cover) <= OF_MARKERS and _is_edge(color, sheet.series, inside):
            edges.append(color)
        elif solid:
            return []
        elif not any(_is_same(color, line) or readout.wash_of(color, line, sheet.paper) for line in across):
            colors.append(color)
    # Where transparent marks overlap, their colour is stronger.
    colors = [color for color in colors if not any(readout.wash_of(other, color, sheet.paper) for other in colors)]
    if sum(sheet.paper) < 3 * 128 or not 1 <= len(colors) <= MOST_GROUPS:
        return []
    dark = readout.difference(sheet.target, sheet.paper) > EDGE_INK
    parts, _ = ndimage.label(dark)
    places = ndimage.find_objects(parts)
    covers = readout.coverages(sheet.target, colors, sheet.paper, sheet.box)
    covers = [_without_thin(cover) if _is_black(color) else cover for color, cover in zip(colors, covers)]
    found = [_outlined(color, cover, parts, places) for color, cover in zip(colors, covers)]
    lost = [cover for group, cover in zip(found, covers) if group is None]
    if any(sheet.thickness(cover) > OF_WORDS or is_line(cover) and sheet.extent(cover) > LONG for cover in lost):
        return []
    colors, groups = [color for color, group in zip(colors, found) if group], [group for group in found if group]
    if not groups or not edges and max(group.edge for group in groups) < SEEN_EDGE:
        return []
    opacity = named_opacity(colors, sheet.paper, (1.0, *OPACITIES))
    writer = Writer(sheet, axes, Marks.joined([group.marks for group in groups]), opacity)
    width = float(np.median([group.edge for group in groups])) / sheet.scale * 0.72
    width = min(EDGES, key=lambda usual: abs(usual - width))
    own = [edge for edge in edges if not any(_is_black(edge, color) for color in colors)]
    edge = color_literal(own[0]) if own else '"black"'
    writer.grouped(colors, [group.style(sheet.scale, width, edge) for group in groups])
    return [writer.program()]


@dataclass
class Outlined:
    """Marks with edges: `sides` of the squares that they fill, with and without their edges, in pixels."""

    marks: Marks
    marker: str
    sides: tuple[float, float]

    @property
    def edge(self) -> float:
        """The width of the edges; half of the pixels within them are a mixture."""
        return max(0.0, (self.sides[0] - self.sides[1]) / (2 * self._outset) - SOFT / 2)

    @property
    def _outset(self) -> float:
        """How much larger half of the sides gets by an edge around it, in widths of that."""
        return POINTED if self.marker in "^v" else 1.0

    def style(self, scale: float, width: float, edge: str) -> tuple[str, list[str]]:
        """The size of these marks with edges of a width in points and a colour, and the other keywords of their
        call."""
        size = (self.sides[0] / scale * 0.72 - self._outset * width) ** 2
        options = [] if self.marker == "o" else [f'marker="{self.marker}"']
        return brief(size, SIZE_ERROR * size), [*options, f"edgecolor={edge}", f"linewidths={width:g}"]


def _is_edge(color: np.ndarray, series: list[tuple[np.ndarray, bool]], pixels: np.ndarray) -> bool:
    """Whether a colour is black, or at the rim of another one that is lighter."""
    lighter = [other for other, _ in series if other.sum() > color.sum() + GREY]
    rims = (readout.beside(color, other, pixels, reach=AT_RIM) for other in lighter)
    return any(_is_black(color, other) for other in [color, *lighter]) or any(rims)


def _is_black(color: np.ndarray, below: np.ndarray | None = None) -> bool:
    """Whether a colour is black, or a mixture of that with the one `below` it."""
    if below is not None and readout.wash_of(color, below, (0, 0, 0)):
        return True
    return bool(color.max() < DARK and np.ptp(color) < 2 * GREY)


def _is_same(color: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.abs(color - other).max() < SAME)


def _without_thin(cover: np.ndarray) -> np.ndarray:
    """Where a colour is as wide as markers are: not at the edges of others."""
    return np.where(morphology.dilation(morphology.opening(cover > readout.FULL, (WIDE, WIDE)), (3, 3)), cover, 0)


def _outlined(color: np.ndarray, cover: np.ndarray, parts: np.ndarray, places: list) -> Outlined | None:
    """Marks of a colour with edges; None if they are something else. `parts`: what hangs together, numbered."""
    points = readout.find_points(cover)
    if points is None or not FEWEST <= len(points.places) <= MOST:
        return None
    numbers = parts[tuple(np.rint(points.places[:, ::-1]).astype(int).T)]
    rows = [places[number - 1][0] if number else slice(0, 0) for number in numbers]
    heights = np.array([part.stop - part.start for part in rows])
    alone = np.array([number > 0 and (numbers == number).sum() == 1 for number in numbers])
    if not alone.any():
        return None
    marks = heights > SMALLEST * np.percentile(heights[alone], 75)  # no letters
    points, numbers, alone = replace(points, places=points.places[marks]), numbers[marks], alone[marks]
    boxes = [places[number - 1] if one else None for number, one in zip(numbers, alone)]
    sizes = np.array([max(side.stop - side.start for side in box) if box else 0 for box in boxes])
    alone &= np.abs(sizes - np.median(sizes[alone])) <= 1 if alone.any() else False
    if alone.sum() < 3:
        return None
    centers = np.array(
        [[(side.start + side.stop - 1) / 2 for side in box[::-1]] for box, one in zip(boxes, alone) if one]
    )
    apart = np.median(centers - points.places[alone], axis=0)
    middles = points.places + apart
    middles[alone] = centers
    radius = int(np.median(sizes[alone]) / 2) + 1
    patches = []
    for number in numbers[alone][: readout.SAMPLES]:
        mask = (parts == number).astype(np.float32)
        patches.append(readout.patch_of(mask, ndimage.center_of_mass(mask), radius))
    patch = np.mean(patches, axis=0)
    marker = readout.shape_of(patch)
    if marker is None or np.median(sizes[alone]) > readout.LARGEST:
        return None
    sides = tuple(float(np.sqrt(area / AREAS[marker])) for area in (patch.sum(), points.area))
    radii = np.full(len(middles), sides[0] / 2)
    return Outlined(Marks(np.column_stack([middles, radii]), np.tile(color, (len(middles), 1))), marker, sides)


def find_marks(target: np.ndarray, box: readout.Box, paper: Sequence[float]) -> Marks | None:
    """The round marks of a chart; None if there are not enough of them, or much else that has a colour."""
    picture, origin = readout.inside_of(target, box, 1), (max(0, round(box[0]) + 1), max(0, round(box[1]) + 1))
    inked = (readout.difference(target, paper) > INK).astype(np.float32)
    ink = readout.inside_of(without_spines(inked, box), box, 1) > 0
    circles = find_circles(picture, ink | _letters_in(ink))
    if len(circles) < FEWEST:
        return None
    circles = circles[[not _is_letter(picture, circle, circles, np.array(paper, float)) for circle in circles]]
    circles = circles[~_in_row(picture, circles)]
    if FEWEST <= len(circles) <= MOST and not is_varied(circles[:, 2]):
        circles = with_hidden(circles, ink)
    if not FEWEST <= len(circles) <= MOST:
        return None
    number, rest = np.zeros(ink.shape, int), ink & (np.ptp(picture, axis=2) > GREY)
    total = rest.sum()
    for circle in circles:
        part, within = disc_of(ink.shape, circle)
        number[part] += within
        part, within = disc_of(ink.shape, circle, RIM)
        rest[part] &= ~within
    if rest.sum() > (1 - EXPLAINED) * total:
        return None
    if _is_angular(ink, circles, number):
        return None
    colors = np.array([_color_of(picture, circle, number) for circle in circles])
    circles[:, :2] += origin
    return Marks(circles, colors)


def is_varied(radii: np.ndarray) -> bool:
    """Whether marks are of several sizes."""
    low, high = np.percentile(radii, (10, 90))
    return bool(high > VARIED * low and high - low > 1)


def grouped(colors: np.ndarray) -> list[np.ndarray]:
    """The indices of marks of each colour."""
    left, groups = np.arange(len(colors)), []
    while len(left):
        alike = np.abs(colors[left] - colors[left[0]]).max(axis=1) < SAME
        groups.append(left[alike])
        left = left[~alike]
    return groups


def _letters_in(ink: np.ndarray) -> np.ndarray:
    """Where there is no ink, in so small parts as letters are."""
    parts, _ = ndimage.label(~ink)
    small = np.zeros_like(ink)
    for number, place in enumerate(ndimage.find_objects(parts), 1):
        if max(side.stop - side.start for side in place) <= LINE[1]:
            small[place] |= parts[place] == number
    return small


def _is_angular(ink: np.ndarray, circles: np.ndarray, number: np.ndarray) -> bool:
    """Whether most marks have corners: ink beyond their circles where there is no other mark."""
    shares = []
    for circle in circles:
        outer, within = disc_of(ink.shape, circle, CORNER * circle[2])
        inner = np.zeros(ink.shape, bool)
        part, own = disc_of(ink.shape, circle, RIM)
        inner[part] = own
        around = within & ~inner[outer]
        if number[outer].max() <= 1 and around.any():
            shares.append(ink[outer][around].mean())
    # Beside most marks of a crowd there is ink, too, but not beside all.
    return bool(shares) and float(np.percentile(shares, 25)) > ANGULAR


def _is_letter(picture: np.ndarray, circle: np.ndarray, circles: np.ndarray, paper: np.ndarray) -> bool:
    """Whether a small circle is grey, as letters and dashes are, or a darker or paler part of a larger one."""
    if circle[2] >= LETTER:
        return False
    color = _middle_color(picture, circle)
    if np.ptp(color) < GREY:
        return True
    around = (np.hypot(*(circles[:, :2] - circle[:2]).T) < circles[:, 2]) & (circles[:, 2] > 2 * circle[2])
    for other in circles[around]:
        for ink in (np.zeros(3), paper):
            below = _middle_color(picture, other) - ink
            share = float((color - ink) @ below / max(1.0, below @ below))
            if share < 1.05 and np.abs(color - ink - share * below).max() < SAME:
                return True
    return False


def _in_row(picture: np.ndarray, circles: np.ndarray) -> np.ndarray:
    """Which circles (N, 3) are as small as letters, have hardly a colour, and stand side by side as these do, among
    bubbles; (N,) bool."""
    small = circles[:, 2] < LETTER
    if (~small).sum() < FEWEST:
        return np.zeros(len(circles), bool)
    small &= [np.ptp(_middle_color(picture, circle)) < COLORED for circle in circles]
    x, y = circles[:, 0], circles[:, 1]
    beside = small & (np.abs(y[:, None] - y) < IN_COLUMN) & (np.abs(x[:, None] - x) < KEY_GAP)
    return small & (beside.sum(axis=1) > LEAST_ROW)


def _middle_color(picture: np.ndarray, circle: np.ndarray) -> np.ndarray:
    part, within = disc_of(picture.shape, circle, -1)
    return np.median(picture[part][within].astype(float), axis=0)


def _color_of(picture: np.ndarray, circle: np.ndarray, number: np.ndarray) -> np.ndarray:
    """The colour of a mark where no other one is; `number`: of marks that lie upon each pixel."""
    part, within = disc_of(picture.shape, circle, -1.5 if circle[2] > 3 else -1)
    alone = within & (number[part] <= 1)
    return np.median(picture[part][alone if alone.any() else within], axis=0)


@dataclass
class Names:
    """The literals of the names of marks, and the call that writes the `name` of one at its `place`, which may need
    its `size`."""

    texts: list[str]
    call: str
    sized: bool

    def statement(self, suffixes: list[str]) -> str:
        """The loop over tables whose columns have these suffixes."""
        columns, own = ["names", "x", "y", *["sizes"] * self.sized], "name, *place" + ", size" * self.sized
        if suffixes == [""]:
            return f"for {own} in zip({', '.join(columns)}):\n    {self.call}"
        tables = ", ".join(f"zip({', '.join(column + suffix for column in columns)})" for suffix in suffixes)
        return f"for {own} in [*{tables.replace(', zip', ', *zip')}]:\n    {self.call}"


class Writer:
    """Writes the program of marks."""

    def __init__(self, sheet: Sheet, axes: list[Scale], marks: Marks, opacity: float):
        self.sheet, self.axes, self.opacity = sheet, axes, opacity
        self.page = Page.of(sheet.target, sheet.scale, sheet.sharpness)
        self.words = find_words(sheet.target, sheet.box, sheet.paper, marks)
        self.key = find_key(marks, self.words)
        self.key_marks = marks[self.key.marks] if self.key else None
        self.marks = marks if self.key is None else marks[~self._in_key(marks)]
        self.varied = is_varied(self.marks.circles[:, 2])
        self.of_sizes = self.key is not None and len(grouped(self.key_marks.colors)) == 1
        self.statements: list[str] = []

    @cached_property
    def bare_page(self) -> Page:
        """The page as if there were no marks on it, but for black texts that begin beside them and end upon them."""
        groups = [group for group in grouped(self.marks.colors) if len(group) > 1]  # others may be letters
        palest = min((float(np.median(self.marks.colors[group].max(axis=1))) for group in groups), default=0.0)
        paper = self.sheet.paper
        if palest < DARK or sum(paper) < 3 * DARK:
            return self.page
        return Page.of(self.sheet.target, self.sheet.scale, self.sheet.sharpness, palest)

    @cached_property
    def edge(self) -> float:
        """The width of black edges in points, which are as transparent as their marks."""
        return edge_of(self.sheet.target, self.marks, self.sheet.paper) / self.opacity / self.sheet.scale * 0.72

    @cached_property
    def names(self) -> Names | None:
        """The names that stand beside marks, or upon them; None if there are none."""
        return self._find_names()

    def mapped(self, bar: heatmaps.ColorBar) -> None:
        """Points whose colours a colour bar explains."""
        shares = self._shares(bar.name)
        shares = 1 - shares if bar.reverse else shares
        values = value_literals(bar.low + shares * (bar.high - bar.low), 2.5 * (bar.high - bar.low))
        options = [heatmaps.cmap(bar.name, bar.reverse)]
        if shares.min() > 0.01 or shares.max() < 0.99:
            error = heatmaps.NORM_ERROR * (bar.high - bar.low)
            options += [f"vmin={brief(bar.low, error)}", f"vmax={brief(bar.high, error)}"]
        self._scatter(slice(None), "", {"values": values}, ["c=values", *options])
        self._annotate([""])
        self.statements += bar.statements(self.sheet, "scatter")

    def colored(self) -> None:
        """Points of as many colours as there are: of a map, or each its own."""
        groups = grouped(self.marks.colors)
        name, opacity = heatmaps.map_of(self.marks.colors, self.sheet.paper) if len(groups) > FEW else (None, 1.0)
        if name is not None:
            self.opacity = opacity
            values = value_literals(self._shares(name), 5.0)
            self._scatter(slice(None), "", {"values": values}, ["c=values", heatmaps.cmap(name)])
            self._annotate([""])
            return
        colors = [""] * len(self.marks)
        for group in groups:
            for k in group:
                colors[k] = self._ink(np.median(self.marks.colors[group], axis=0))
        self._scatter(slice(None), "", {"colors": colors}, ["color=colors"])
        self._annotate([""])

    def named(self) -> bool:
        """Writes points of the colours in the legend, without what is none of these, as letters upon points aren't;
        False if there is no such legend, or most are of other colours."""
        if self.key is None or self.of_sizes:
            return False
        found = [self._owner(circle, color) for circle, color in zip(self.marks.circles, self.marks.colors)]
        owners, opacities = (np.array(column, float) for column in zip(*found))
        known = owners >= 0
        if known.mean() < IN_GROUPS:
            return False
        self.marks = Marks(self.marks.circles[known], self.key_marks.colors[owners[known].astype(int)])
        if np.isfinite(opacities).any():
            self.opacity = round(20 * float(np.nanmedian(opacities))) / 20
        self.grouped(list(self.key_marks.colors))
        return True

    def _owner(self, circle: np.ndarray, color: np.ndarray) -> tuple[int, float]:
        """Which mark of the legend has the colour of a mark, or -1, and its opacity, where another one is seen through
        it, else nan."""
        colors, paper = self.key_marks.colors, np.asarray(self.sheet.paper, float)
        errors = np.abs(colors - color).max(axis=1)
        if errors.min() < SAME:
            return int(errors.argmin()), np.nan
        best = (float(SAME), -1, np.nan)
        around = np.hypot(*(self.marks.circles[:, :2] - circle[:2]).T) < self.marks.circles[:, 2]
        for below in self.marks.colors[around & (self.marks.circles[:, 2] > circle[2])]:
            darker = paper - below
            for k, own in enumerate(colors):
                share = float((own - color) @ darker / max(1.0, darker @ darker))
                error = float(np.abs(own - color - share * darker).max())
                if 0.1 < share < 0.9:
                    best = min(best, (error, k, 1 - share))
        near, next_ = np.partition(errors, 1)[:2]
        if best[1] < 0 and near < min(NEARBY, next_ / 2):  # several are seen through it
            return int(errors.argmin()), np.nan
        return best[1:]

    def grouped(self, groups: list[np.ndarray], styles: Sequence[tuple[str, list[str]]] = ()) -> None:
        """Points of a few colours (N, 3), each a series; `styles`: sizes and other keywords of each."""
        colors, order = np.array(groups), range(len(groups))
        labelled = self.key is not None and not self.of_sizes
        if labelled:  # in the order of the legend
            order = np.abs(colors[:, None] - self.key_marks.colors).max(axis=2).argmin(axis=1).argsort()
        nearest = np.abs(self.marks.colors[:, None] - colors).max(axis=2).argmin(axis=1)
        suffixes = [str(k + 1) for k in range(len(colors))] if len(colors) > 1 else [""]
        for k, index in enumerate(order):
            color, (size, style) = colors[index], styles[index] if styles else (None, [])
            options = [f"color={self._ink(color)}", *style]
            if labelled:
                entry = np.abs(self.key_marks.colors - color).max(axis=1).argmin()
                label = self._text(entry) or self.sheet.words.label(k)
                options.append(f"label={string_literal(label)}")
            self._scatter(nearest == index, suffixes[k], {}, options, size)
        self._annotate(suffixes)
        if labelled:
            self._legend([])
        elif self.key is not None:
            self._sizes()

    def program(self) -> str:
        for line in find_lines_across(self.sheet.target, self.sheet.box):
            self.statements.append(line.call("ax", self.axes[not line.upright], self.sheet.scale))
        return self.sheet.program(*self.statements, *self._limits(0, "x"), *self._limits(1, "y"))

    def _in_key(self, marks: Marks) -> np.ndarray:
        """Which marks are in the legend, (N,) bool: those that stand for a series, and parts of letters."""
        (x, y, _), radius = self.key_marks.circles.T, self.key_marks.circles[:, 2].max()
        across, along = marks.circles[:, 0], marks.circles[:, 1]
        rows = (along > y.min() - radius) & (along < y.max() + radius)
        return rows & (across > x.min() - radius) & (across < self.key.left + KEY_GAP)

    def _shares(self, name: str) -> np.ndarray:
        """Where on a map the colours of the marks are."""
        return heatmaps.places_on(heatmaps.opaque(self.marks.colors, self.opacity, self.sheet.paper), name)

    def _ink(self, color: np.ndarray) -> str:
        """The literal of a colour without the paper."""
        return color_literal(heatmaps.opaque(color, self.opacity, self.sheet.paper))

    def _scatter(
        self,
        chosen: slice | np.ndarray,
        suffix: str,
        columns: dict[str, list[str]],
        options: list[str],
        size: str | None = None,
    ) -> None:
        """Adds the call that draws some of the marks, and its table; `columns`: of this besides places, sizes and
        names; `size`: of all these marks, if it is known."""
        marks = self.marks[chosen]
        x, y = (axis.literals(marks.circles[:, k], self._length(k)) for k, axis in enumerate(self.axes))
        sizes = point_size(marks.circles[:, 2], self.sheet.scale)
        table = {f"x{suffix}": x, f"y{suffix}": y}
        if self.varied and size is None:
            table[f"sizes{suffix}"] = [brief(float(size), SIZE_ERROR * float(size)) for size in sizes]
            size = f"sizes{suffix}"
        elif size is None:
            size = brief(float(np.median(sizes)), SIZE_ERROR * float(np.median(sizes)))
        table |= columns
        if self.names is not None:
            table[f"names{suffix}"] = list(np.array(self.names.texts, object)[chosen])
        if self.edge > LEAST_EDGE and not any("edgecolor" in option for option in options):
            width = min(EDGES, key=lambda usual: abs(usual - self.edge))
            options = [*options, 'edgecolor="black"', f"linewidths={width:g}"]
        if self.opacity < 1:
            options = [*options, f"alpha={self.opacity:g}"]
        self.statements.append(table_of(table))
        result = "scatter = " if "c=values" in options or self.of_sizes else ""
        self.statements.append(f"{result}ax.scatter(x{suffix}, y{suffix}, s={size}, {', '.join(options)})")

    def _annotate(self, suffixes: list[str]) -> None:
        """Adds the statement that writes the names of the tables whose columns have these suffixes."""
        if self.names is not None:
            self.statements.append(self.names.statement(suffixes))

    def _find_names(self) -> Names | None:
        marks, words, keywords = self.marks, self.words, []
        found, page = names_of(marks, words), self.bare_page
        if found is None:
            words = find_words(self.sheet.target, self.sheet.box, self.sheet.paper, marks, light=True)
            found, page = names_of(marks, words), self.page
            keywords.append('color="white"' if sum(self.sheet.paper) > 3 * 128 else 'color="black"')
        if found is None:
            return None
        indices, apart, anchor, side = found
        names, points, side = [], [], side if self.varied else 0
        height = float(np.median(words[:, 3] - words[:, 1])) + 1
        for k, index in enumerate(indices):
            place = _ends(marks, side)[k] + apart + (0, CAPITAL * height / 2)
            reach = (words[index, 2] - words[index, 0] + 1) * max(anchor, 1 - anchor) + 2
            size = mode(points) if len(points) >= SURE else None  # all have the same
            pages = (self.page, page)[: 2 if anchor else 1] if index >= 0 else ()
            reads = (self._read(place, anchor, height, reach, size, own) for own in pages)
            read = min(filter(None, reads), key=lambda line: line.error, default=None)
            names.append(string_literal("" if index < 0 else read.text if read else f"Item {k + 1}"))
            points += [read.points] if read else []
        size = mode(points) if points else max(6, round(height / CAPITAL / self.sheet.scale * 0.72))
        unit = 0.72 / self.sheet.scale  # points per pixel
        rise = -apart[1] * unit - CAPITAL * size
        offset = [round(apart[0] * unit), round(rise)]
        keywords += [f"fontsize={size}"] if size != 10 else []
        if anchor == 0.5:
            keywords.append('ha="center"')
        if side:
            radius = f"{'-' if side > 0 else ''}size ** 0.5 / 2 {'-' if offset[1] < 0 else '+'} {abs(offset[1])}"
            call = f'ax.annotate(name, place, xytext=({offset[0]}, {radius}), textcoords="offset points"'
            return Names(names, f"{', '.join([call, *keywords])})", sized=True)
        if anchor == 0.5 and abs(rise + CAPITAL * size / 2) < 2:
            keywords.append('va="center"')
            call = "ax.text(*place, name"
        else:
            call = f'ax.annotate(name, place, xytext=({offset[0]}, {offset[1]}), textcoords="offset points"'
        return Names(names, f"{', '.join([call, *keywords])})", sized=False)

    def _read(
        self,
        place: Sequence[float],
        anchor: float,
        height: float,
        reach: float = READ,
        points: float | None = None,
        page: Page | None = None,
    ) -> Line | None:
        return (page or self.page).read(
            tuple(place), anchor, height, reach=(reach if anchor else 2, reach), points=points
        )

    def _text(self, entry: int) -> str:
        """The text of an entry of the legend."""
        height = TEXT_HEIGHT * self.sheet.scale
        read = self._read((self.key.left, self.key_marks.circles[entry, 1]), 0.0, height)
        return read.text if read else ""

    def _sizes(self) -> None:
        """Adds the legend of sizes, if its numbers can be read."""
        numbers = [read_number(self._text(k)) for k in range(len(self.key_marks))]
        if None in numbers or min(numbers) <= 0:
            return
        sizes = point_size(self.key_marks.circles[:, 2], self.sheet.scale)
        factor = brief(float(np.median(sizes / numbers)), SIZE_ERROR * float(np.median(sizes / numbers)))
        values = ", ".join(f"{number:g}" for number in numbers)
        style = f"color={self._ink(self.marks.colors[0])}" + (f", alpha={self.opacity:g}" if self.opacity < 1 else "")
        scaling = f"func=lambda size: size / {factor}, {style}"
        self.statements.append(f'handles, labels = scatter.legend_elements("sizes", num=[{values}], {scaling})')
        gap = float(np.diff(self.key_marks.circles[:, 1]).mean()) / self.sheet.scale * 0.72  # points
        self._legend(["handles", "labels"], [f"labelspacing={max(0.2, round(gap / 10 - 1, 1)):g}"])

    def _legend(self, arguments: list[str], options: Sequence[str] = ()) -> None:
        """Adds the legend, where it stands, with its title."""
        first, last = self.key_marks.circles[0], self.key_marks.circles[-1]
        thirds = [
            3 * (place - self.sheet.box[k]) / self._length(k)
            for k, place in enumerate((self.key.left, (first[1] + last[1]) / 2))
        ]
        across, along = (int(np.clip(third, 0, 2)) for third in thirds)
        arguments = [*arguments, f'loc="{("upper", "center", "lower")[along]} {("left", "center", "right")[across]}"']
        above = self.words[(self.words[:, 3] < first[1]) & (self.words[:, 3] > first[1] - first[2] - TITLE_GAP)]
        above = above[(above[:, 0] < self.key.left + READ / 2) & (above[:, 2] > first[0] - READ / 2)]
        if len(above):
            left, top, right, bottom = above[-1]
            read = self._read(((left + right) / 2, (top + bottom) / 2), 0.5, TEXT_HEIGHT * self.sheet.scale)
            arguments.append(f"title={string_literal(read.text if read else 'Legend')}")
        radii = self.key_marks.circles[:, 2]
        alike = self.varied and not self.of_sizes and bool(np.ptp(radii) < SAME_RADIUS)
        self.statements.append(f"{'legend = ' * alike}ax.legend({', '.join([*arguments, *options])})")
        if alike:
            size = float(point_size(np.median(radii), self.sheet.scale))
            size = brief(size, SIZE_ERROR * size)
            self.statements.append(f"for handle in legend.legend_handles:\n    handle.set_sizes([{size}])")

    def _length(self, axis: int) -> float:
        return self.sheet.box[axis + 2] - self.sheet.box[axis]

    def _limits(self, k: int, name: str) -> list[str]:
        """Statements for the scale and the limits of an axis, as far as they are not matplotlib's own."""
        axis, places = self.axes[k], self.marks.circles[:, k]
        first, last = (self.sheet.box[side] for side in ((0, 2) if k == 0 else (3, 1)))
        statements = axis.kind("ax", name)
        margin, length = MARGIN / (1 + 2 * MARGIN) * abs(last - first), abs(last - first)
        ends = np.sort(np.abs(places - first))[[0, -1]]
        if np.abs(ends - (margin, length - margin)).max() > AT_MARGIN:
            return [*statements, axis.limits("ax", name, first, last)]
        return [*statements, *([f"ax.invert_{name}axis()"] if axis(first) > axis(last) else [])]


def point_size(radius: np.ndarray, scale: float) -> np.ndarray:
    """The `s` of circles of a radius: the square of their diameters in points, without their edges."""
    diameter = 2 * radius / scale * 0.72
    return np.maximum(diameter - EDGE, 1.0) ** 2


def opacity_of(target: np.ndarray, marks: Marks, paper: Sequence[float]) -> float:
    """The opacity of marks: by what is seen of a lower one through an upper one, or, where none overlap, that which
    makes their colours ones that have names."""
    shares, paper = [], np.asarray(paper, float)
    for (i, one), (j, other) in itertools.combinations(enumerate(marks.circles), 2):
        if math.dist(one[:2], other[:2]) > one[2] + other[2] - 4 or len(shares) >= MOST_LENSES:
            continue
        lens = _lens(target.shape, marks.circles, i, j)
        if lens.sum() < LEAST_LENS:
            continue
        mixed = np.median(target[lens], axis=0)
        found = []
        for lower, upper in ((i, j), (j, i)):
            through = marks.colors[lower] - paper
            share = float((mixed - marks.colors[upper]) @ through / max(1.0, through @ through))
            found.append((np.abs(mixed - marks.colors[upper] - share * through).max(), share))
        if min(found)[0] < SAME:
            shares.append(1 - min(found)[1])
    if shares:
        return float(np.clip(round(20 * np.median(shares)) / 20, 0.1, 1.0))
    groups = [group for group in grouped(marks.colors) if len(group) >= OFTEN * len(marks)]
    colors = [np.median(marks.colors[group], axis=0) for group in groups or grouped(marks.colors)]
    if _has_rings(target, marks, paper):
        return named_opacity(colors, paper, OPACITIES)
    return named_opacity(colors, paper, (1.0, *OPACITIES)) if len(colors) >= MANY else 1.0


def named_opacity(colors: list[np.ndarray], paper: Sequence[float], opacities: Sequence[float]) -> float:
    """The opacity with which colours on paper are nearest to ones that have names."""
    errors = {
        opacity: np.abs(heatmaps.opaque(np.array(colors), opacity, paper)[:, None] - NAMED)
        .max(axis=2)
        .min(axis=1)
        .mean()
        for opacity in opacities
    }
    return next(opacity for opacity in opacities if errors[opacity] < min(errors.values()) + SAME_NAMES)


def edge_of(target: np.ndarray, marks: Marks, paper: Sequence[float]) -> float:
    """The width, in pixels, of the black edges of marks on light paper; 0 if they have none."""
    if sum(paper) < 3 * 128:
        return 0.0
    zoom, rims = _rims(target, marks, np.arange(-3.0, 3.5, 0.5))
    widths = []
    for k, rim in rims:
        darkness = (1 - rim.max(axis=2) / max(1.0, marks.colors[k].max())).clip(0)  # not at one radius all around
        width = 0.5 * float(np.median(darkness.sum(axis=0))) / zoom
        widths.append(width if np.median(darkness.max(axis=0)) > EDGE_DARK else 0.0)
    return float(np.median(widths))


def _rims(target: np.ndarray, marks: Marks, away: np.ndarray) -> tuple[float, list[tuple[int, np.ndarray]]]:
    """
    The largest marks in the finest picture there is.

    Args:
        away: distances from their outlines, in pixels of that picture.

    Returns:
        Its zoom, and for each mark its index and the colours (len(away), angles, 3) at these distances.
    """
    fine = detail_of(target)
    picture, zoom = (target, 1.0) if fine is None else (fine.pixels, fine.zoom)
    rims = []
    for k in np.argsort(-marks.circles[:, 2])[:LARGEST]:
        x, y, radius = marks.circles[k]
        x, y = fine.enlarged((x, y)) if fine else (x, y)
        rims.append((int(k), picture[_around(picture.shape, x, y, zoom * radius + away)]))
    return zoom, rims


def _around(shape: tuple[int, ...], x: float, y: float, reach: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of a picture, each (len(reach), angles), on circles around a place."""
    angles = np.arange(0, 2 * np.pi, 0.2)
    rows, columns = (
        np.rint(place + reach[:, None] * turn).astype(int).clip(0, shape[0] - 1)
        for place, turn in ((y, np.sin(angles)), (x, np.cos(angles)))
    )
    return rows, columns


def _has_rings(target: np.ndarray, marks: Marks, paper: np.ndarray) -> bool:
    """Whether large marks are darker at their outlines: there transparent edges lie upon transparent areas."""
    excess = []
    for k, rim in _rims(target, marks, -np.arange(0, 3, 0.5))[1]:
        direction = marks.colors[k] - paper
        shares = (rim - paper) @ direction / max(1.0, direction @ direction)
        excess.append(np.median(shares, axis=1).max() - 1)
    return float(np.median(excess)) > RING


def find_words(
    target: np.ndarray, box: readout.Box, paper: Sequence[float], marks: Marks, light: bool = False
) -> np.ndarray:
    """Left, top, right and bottom sides (N, 4) of the lines of text in a box and upon its right side; `light`: of
    those upon marks that are as light, or as dark, as the paper."""
    left, top, right, bottom = (round(side) for side in box)
    area = np.s_[top + 2 : bottom - 1, left + 2 : right + BEYOND]
    text = np.array([0.0] * 3 if (sum(paper) > 3 * 128) != light else [255.0] * 3)
    inked = np.zeros(target.shape[:2], bool)
    if not light:
        inked[area] = readout.coverage(target[area], text, paper) > INKED
    for circle, color in zip(marks.circles, marks.colors):
        part, within = disc_of(inked.shape, circle, -1)
        inked[part] &= ~within
        if np.abs(color - text).max() > TEXT:
            inked[part] |= within & (readout.coverage(target[part], text, color) > INKED)
    joined = morphology.closing(inked, (1, SPACE))
    found = []
    for rows, columns in ndimage.find_objects(ndimage.label(joined, np.ones((3, 3)))[0]):
        if LINE[0] <= rows.stop - rows.start <= LINE[1] and columns.stop - columns.start >= LINE[0]:
            if columns.start < right and columns.stop - columns.start < (right - left) / 2:
                found.append((columns.start, rows.start, columns.stop - 1, rows.stop - 1))
    x, y, radius = marks.circles.T[..., None]
    left, top, right, bottom = sides = np.array(found, float).reshape(-1, 4).T
    around = (
        np.abs([left - x + radius, right - x - radius, top - y + radius, bottom - y - radius]).max(axis=0) < AT_EDGE
    )
    if not light:
        within = np.hypot((left + right) / 2 - x, (top + bottom) / 2 - y) < radius
        around |= within & (radius < SMALL) & (right - left < 2 * radius)
    return sides.T[~around.any(axis=0)]  # no edges of marks


@dataclass
class Key:
    """A legend: its marks by their indices, from above to below, and where the texts beside them begin."""

    marks: np.ndarray
    left: float


def find_key(marks: Marks, words: np.ndarray) -> Key | None:
    """The legend of marks: some in a column, each of another colour or size, and each with a text at its right."""
    entries = []
    for k, (x, y, radius) in enumerate(marks.circles):
        beside = (words[:, 0] - x > radius) & (words[:, 0] - x < radius + KEY_GAP)
        beside &= np.abs((words[:, 1] + words[:, 3]) / 2 - y) < IN_ROW
        entries += [(k, x, word[0]) for word in words[beside][:1]]
    for _, x, start in entries:
        own = [k for k, *place in entries if np.abs(np.subtract(place, (x, start))).max() < IN_COLUMN]
        own = np.array(sorted(own, key=lambda k: marks.circles[k, 1]))
        colors, radii = len(grouped(marks.colors[own])), marks.circles[own, 2]
        of_sizes = colors == 1 and len(own) > 2 and (np.diff(radii) > 0).all()
        if len(own) > 1 and (colors == len(own) or of_sizes):
            return Key(own, start)
    return None


def names_of(marks: Marks, words: np.ndarray) -> tuple[np.ndarray, np.ndarray, float, int] | None:
    """
    The texts that stand beside marks, all at the same distance: for each mark the index of its text, or -1, and that
    distance, of the text's upper left corner (anchor 0) or the middle of its upper side (0.5), from the middle of the
    mark (side 0), or its lower (1) or upper (-1) end; None if there are none.
    """
    found = []
    for anchor, side in ((0.0, 0), (0.5, 0), (0.5, 1), (0.5, -1)):
        places = np.column_stack([words[:, 0] + anchor * (words[:, 2] - words[:, 0]), words[:, 1]])
        apart = places[None] - _ends(marks, side)[:, None]
        for distance in apart[np.abs(apart).max(axis=2) < FAR]:
            alike = np.abs(apart - distance).max(axis=2) < AT_NAME
            named = alike.any(axis=1)
            indices = np.where(named, alike.argmax(axis=1), -1)
            middle = anchor == 0.5 and abs(distance[0]) < AT_NAME  # of names of one length each anchor is right
            upon = middle and not side and abs(distance[1]) < UPON  # by no accident
            if (not side or middle) and named.sum() >= (FEWEST if upon else max(FEWEST, NAMED_MARKS * len(marks))):
                found.append((named.sum() + 2 * middle, indices, np.median(apart[alike], axis=0), anchor, side))
    return max(found, key=lambda entry: entry[0])[1:] if found else None


def _ends(marks: Marks, side: int) -> np.ndarray:
    """The middles (N, 2) of marks (side 0), or their lower (1) or upper (-1) ends."""
    return marks.circles[:, :2] + side * marks.circles[:, 2:] * (0, 1)


def _lens(shape: tuple[int, ...], circles: np.ndarray, i: int, j: int) -> np.ndarray:
    """(H, W) bool: what lies in two circles and in no other one."""
    number = np.zeros(shape[:2], int)
    for k, circle in enumerate(circles):
        part, within = disc_of(shape, circle, -1.5 if k in (i, j) else 1)
        number[part] += within * (1 if k in (i, j) else -2)
    return number == 2

"""Programs made from a chart's picture alone: one for each kind of chart that its marks could be.

Where the model's answer is of the wrong kind, or no program at all, nothing that adjusts its numbers helps. Which
kinds come into question is seen in the picture: bars side by side or upon each other, areas, lines, points, wedges.
The numbers are placeholders that `adjustment.read` replaces by what it measures; the words are those of the model's
answer, as far as it has some.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from scipy import ndimage

from chart2code import morphology, readout
from chart2code.adjustment.values import place_literals
from chart2code.bars import keyword_for_feet
from chart2code.bubbles import bubble_chart
from chart2code.captions import Page
from chart2code.covers import has_errors, is_line, reaches_far, without_spines, without_ticks
from chart2code.detail import Detail, detail_of
from chart2code.distributions import distributions
from chart2code.drawing import color_literal
from chart2code.events import event_plot
from chart2code.heatmaps import heat_map
from chart2code.horizontal_bars import horizontal_bars
from chart2code.layer_programs import layered
from chart2code.layers import Layers
from chart2code.layout import USUAL, figure_size, shares_of, subplots_adjust
from chart2code.legends import Legend, find_legend
from chart2code.lollipops import lollipops
from chart2code.outlined_bars import outlined_bars
from chart2code.picture_cache import remembered
from chart2code.pie_programs import pie_chart
from chart2code.polar import polar_chart
from chart2code.program import FIGSIZE, PLOTTING, figsize_of, settings, shifted, string_literal, table_of, tick_points
from chart2code.scales import Scale
from chart2code.spines import frame_statements, hidden_spines, inward_ticks
from chart2code.stripes import Stripe, find_stripes, without_stripes
from chart2code.tick_labels import label_scale, read_scale
from chart2code.words import DPI
from eval_metric.similarity import CANVAS

MARGINS = (0.125, 0.12, 0.9, 0.89)  # left, top, right, bottom of matplotlib's axes, as shares of the figure
KEPT = (
    "set_title", "set_xlabel", "set_ylabel", "grid", "set_axisbelow", "set_facecolor", "set_visible",
)  # fmt: skip
NO_PROPERTIES = ("fontdict", "loc", "pad", "labelpad", "y", "b", "visible", "which", "axis")  # arguments of these
MOST_COLORS = 8
MAPPED = 5  # colours that coloured points have at least, where they lie as close as lines
SAME_PLACE = 1.5  # pixels
LEAST = 0.008  # of the pixels of the most frequent colour: less is no series,
SAME_PAGE = 0.02  # of a scale
OTHER_SCALE = 1.2  # times the scale of a picture in 100 dpi
SAME_INK, NEAR = 12, 24  # of 255: of a series, in the axes and in the legend; and of a thin line
FINER, ALIKE = 1.3, 36  # times the canvas, a picture that shows more of thin lines; of 255: their colours in both
RIMS = 2  # times as many pixels as the colour at the rims of a line has the line itself
COLORED, UNKNOWN = 60, 0.15  # of 255, away from the paper and from greys; of such pixels, in no known colour
THIN = 70  # but so many may be a line, or some points
SOLID = 0.5  # of the pixels of bars and areas that are not at an edge
GREY, DARK = 26, 90  # of 255: chroma of greys, and how light lines of that kind are at most
BLOCK, BLOCK_SIZES = 0.92, 1.3  # of the rectangles of a colour, filled; times the smallest one
DOTS, MARKERS = 0.12, 0.5  # thickness from which there are markers on a line, and nothing but markers
DASHED = 0.5  # of the columns of the axes, inked: spots may be dashes of a line, too
LETTERS = 0.7  # of their rectangles, filled
SPOTS = 0.75  # of the parts of a colour, and of the sides of these, that are alike
OVERLAP, OVERLAP_REACH = 0.9, 9  # of a colour, near the paler one that it is several times; pixels, the square around
PATH, NAMED_PATH = 0.5, 0.3  # of the width of the axes: the least one of grey lines, and of those in a legend
PALE = 190  # of 255: what is lighter, and thin, is a grid
MOST_ROWS = 40
SEAM = 2  # rows: a line that is the end of bars, with its soft edges
STRAIGHT = 1.5  # pixels that a trend may be away from a straight line
RIM = 2.5  # pixels between bars of a histogram, and between an area and the line that it is below
EVEN = 3.0  # pixels that distances of bars may differ by
AT_TICKS = 1.0  # pixels that lines with points at the ticks may be away from them


@dataclass
class Words:
    """What a program writes into its chart."""

    categories: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)  # of title, names of the axes, grid, layout
    figsize: tuple[float, float] | None = None
    style: str | None = None

    def of_shape(self, size: tuple[int, int]) -> bool:
        """Whether the figure is as wide and as high as a picture, at some resolution."""
        if self.figsize is None:
            return False
        width, height = self.figsize
        return abs(width / height * size[1] / size[0] - 1) < 0.02

    @classmethod
    def of(cls, code: str) -> Words:
        words, tree = cls(), _parsed(code)
        indices = [node.slice for node in ast.walk(tree) if isinstance(node, ast.Subscript)]  # as of `ax.spines`
        for statement in tree.body:
            call = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in KEPT:
                if ast.unparse(call.func).startswith(("ax.", "fig.")) and _is_valid(call):
                    words.statements.append(ast.get_source_segment(code, statement))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                method = node.func.attr
                if method in ("subplots", "figure"):
                    words.figsize = figsize_of(node)
                if method == "use" and node.args and isinstance(node.args[0], ast.Constant):
                    words.style = node.args[0].value
                if method in PLOTTING:
                    words.labels += [
                        k.value.value for k in node.keywords if k.arg == "label" and isinstance(k.value, ast.Constant)
                    ]
            elif isinstance(node, ast.List) and node.elts and not words.categories and node not in indices:
                firsts = [row.elts[0] if isinstance(row, ast.Tuple) and row.elts else row for row in node.elts]
                texts = [first.value for first in firsts if isinstance(first, ast.Constant)]
                if len(texts) == len(firsts) and all(isinstance(text, str) for text in texts):
                    words.categories = list(dict.fromkeys(texts))
        return words

    def names(self, count: int) -> list[str]:
        extra = (f"Item {k}" for k in range(1, 1000) if f"Item {k}" not in self.categories)
        return [*self.categories, *(next(extra) for _ in range(count))][:count]

    def label(self, index: int) -> str:
        return self.labels[index] if index < len(self.labels) else f"Series {index + 1}"


@remembered
def _sides(cover: np.ndarray) -> tuple[tuple[int, int], ...]:
    """Height and width of each part of a colour that hangs together."""
    places = ndimage.find_objects(ndimage.label(cover > 0.4)[0])
    return tuple((rows.stop - rows.start, columns.stop - columns.start) for rows, columns in places)


def _in_blocks(cover: np.ndarray) -> bool:
    """Whether a colour is there in rectangles of several sizes: parts of bars, and no markers."""
    regions, _ = ndimage.label(cover > 0.4)
    parts = ndimage.find_objects(regions)
    filled = [np.mean(regions[part] > 0) for part in parts]
    sizes = [regions[part].size for part in parts]
    return bool(len(parts) and np.mean(filled) > BLOCK and max(sizes) > BLOCK_SIZES * min(sizes))


def _colors_in(picture: np.ndarray, box: readout.Box, fine: Detail | None) -> list[tuple[np.ndarray, int]]:
    """The colours of marks in the axes of a picture, and how many pixels each has; of lines that are thinner than its
    pixels, as in the `fine` picture that it was made of, where mixtures of these with the paper are no colours."""
    seen, paper = list(readout.find_colors(picture, box, greys=True)), readout.paper_of(picture, box)
    colors = [color for color, _ in seen]
    if fine is None or fine.zoom < FINER:
        return seen
    inside = readout.inside_of(picture, box, 3).astype(np.int16)
    colored = (readout.difference(inside, paper) > COLORED) & (np.ptp(inside, axis=2) > COLORED)
    unknown = colored.copy()
    for color in colors:
        unknown[colored] &= readout.coverage(inside[colored][None], color, paper)[0] == 0
    thin = unknown & ~morphology.opening(unknown, (3, 3))  # transparent marks have more colours, but thick ones
    washes = any(
        readout.wash_of(one, other, paper) and np.ptp(one) > GREY and not readout.area_of(picture, one, box).any()
        for one, other in itertools.permutations(colors, 2)
    )
    if thin.sum() <= UNKNOWN * colored.sum() and not washes:
        return seen
    finer = readout.find_colors(fine.pixels, tuple(fine.enlarged(box)))
    inks = [
        (color, round(count / fine.zoom**2))
        for color, count in finer
        if not any(more > RIMS * count and readout.wash_of(color, other, paper) for other, more in finer)
    ]

    def place_in(others: list[tuple[np.ndarray, int]], color: np.ndarray) -> int | None:
        away = [np.abs(color - other).max() for other, _ in others]
        return int(np.argmin(away)) if away and min(away) < ALIKE else None

    added = [(color, count) for color, count in inks if place_in(seen, color) is None]
    places = [place_in(inks, color) for color, _ in seen]
    mixed = [
        place is None and any(readout.wash_of(color, ink, paper) for ink, _ in inks)
        for place, (color, _) in zip(places, seen)
    ]
    if not added and not any(mixed):
        return seen
    kept = [
        (color if place is None else inks[place][0], count)
        for place, (color, count), mixture in zip(places, seen, mixed)
        if not mixture
    ]
    return sorted(kept + added, key=lambda entry: -entry[1])


def _inks(
    picture: np.ndarray, box: readout.Box, fine: Detail | None, named: Sequence[np.ndarray] | None = None
) -> list[tuple[np.ndarray, int]]:
    """The colours of marks in the axes of a picture (`fine` as of `_colors_in`), and how many pixels each has; of
    those that are `named` in a legend there may be few (None: of any)."""
    seen = _colors_in(picture, box, fine)
    inside, paper = readout.inside_of(picture, box, 3), readout.paper_of(picture, box)

    def is_path(color: np.ndarray, least: float) -> bool:
        cover = readout.coverage_inside(picture, color, paper, box)
        return color.max() < PALE and reaches_far(cover, least * (box[2] - box[0])) and not _gridded(cover, box)

    known = set()  # those of a legend that are seen, if only paler ones of thin lines
    for color, _ in seen if named else ():
        away = [np.abs(color - other).max() for other in named]
        if min(away) < NEAR:
            known.add(int(np.argmin(away)))
    for color in (color for k, color in enumerate(named or ()) if k not in known):
        if np.ptp(color) > GREY or is_path(color, NAMED_PATH):
            seen.append((color, int((readout.difference(picture, color) < SAME_INK).sum())))
    most = max((count for _, count in seen), default=0)
    least = min(LEAST * most, THIN)

    def is_filled(color: np.ndarray, count: int) -> bool:
        return readout.area_of(picture, color, box).sum() > SOLID * count

    def is_named(color: np.ndarray) -> bool:
        return named is None or any(np.abs(color - other).max() < SAME_INK for other in named)

    # Grids and text are grey, but not as dark as a line, and no areas, markers or paths.
    return [
        (color, count)
        for color, count in seen
        if (count >= least or is_named(color))
        and (
            np.ptp(color) > GREY
            or color.max() < DARK
            or count == most
            or is_filled(color, count)
            or readout.has_markers(inside, color)
            or is_path(color, NAMED_PATH if named and is_named(color) else PATH)
        )
    ]


def _gridded(cover: np.ndarray, box: readout.Box) -> bool:
    """Whether a colour is that of lines across the axes: most of it is in rows and columns that are full of it."""
    ink = cover > 0.4
    left, top, right, bottom = box
    rows, columns = ink.sum(axis=1) > 0.4 * (right - left), ink.sum(axis=0) > 0.4 * (bottom - top)
    return bool((ink & (rows[:, None] | columns)).sum() > 0.6 * ink.sum())


@remembered
def _legend_in(target: np.ndarray, box: readout.Box, scale: float, sharpness: float) -> Legend | None:
    """The legend in the axes, if it names several series; `scale` and `sharpness` as of `Sheet`."""
    colors = [color for color, _ in _inks(target, box, detail_of(target))]
    if len(colors) < 2:
        return None
    return find_legend(target, box, colors, Page.of(target, scale, sharpness), inside=True)


def _brief(sides: tuple[float, float]) -> tuple[float, float]:
    """Width and height, as programs write them."""
    return float(f"{sides[0]:.3g}"), float(f"{sides[1]:.3g}")


def _is_valid(call: ast.Call) -> bool:
    """Whether a call can stand in another program: all is said in it, nothing twice, and texts and grids have the
    properties that it names."""
    from matplotlib.lines import Line2D
    from matplotlib.text import Text

    names = [keyword.arg for keyword in call.keywords]
    try:
        values = [ast.literal_eval(part) for part in (*call.args, *(keyword.value for keyword in call.keywords))]
        properties = dict(zip(names, values[len(call.args) :]))
        artist = Line2D([], []) if call.func.attr == "grid" else Text()
        artist.set(**{name: value for name, value in properties.items() if name not in NO_PROPERTIES})
    except (AttributeError, TypeError, ValueError):
        return False
    return len(set(names)) == len(names)


def _parsed(code: str) -> ast.Module:
    """The syntax tree of a program, or of those of its lines that are statements."""
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError):
        return ast.parse("\n".join(line if _is_statement(line) else "" for line in code.splitlines()))


def _is_statement(line: str) -> bool:
    try:
        return bool(ast.parse(line).body)
    except (SyntaxError, ValueError):
        return False


def sketches(target: np.ndarray, size: tuple[int, int], answer: str) -> list[str]:
    """
    Programs of the kinds that a chart may be of, the likely ones first; the numbers of all are placeholders.

    Args:
        target: the chart on the common canvas.
        size: width and height of the chart's own picture, in pixels.
        answer: the program whose words are taken.
    """
    return list(dict.fromkeys(Sheet.of(target, size, answer).guessed()))


def blank(target: np.ndarray, size: tuple[int, int], answer: str) -> str:
    """Axes where those of a chart are, with nothing in them; arguments as of `sketches`."""
    return Sheet.of(target, size, answer).program()


@dataclass
class Sheet:
    """A chart, and what its programs have in common; `figsize`: in inches; `scale`: pixels of the canvas per pixel of
    the figure at 100 dpi; `size`: width and height of the chart's own picture, in pixels."""

    target: np.ndarray
    box: readout.Box | None
    words: Words
    figsize: tuple[float, float] | None
    scale: float
    size: tuple[int, int]
    sharpness: float = 1.0  # of its picture, in 100 dpi

    @classmethod
    def of(cls, target: np.ndarray, size: tuple[int, int], answer: str) -> Sheet:
        words, side = Words.of(answer), max(size)
        width, height = (CANVAS * length / side for length in size)
        left, top = (CANVAS - width) / 2, (CANVAS - height) / 2
        guess = tuple(o + share * s for o, s, share in zip((left, top) * 2, (width, height) * 2, MARGINS))
        # A picture of the canvas' size may be letterboxed: of its figure only the answer tells.
        figsize, box = words.figsize, readout.find_box(target, guess)
        if readout.find_image(target) and hidden_spines(target, box):  # as no style sheet has it
            words = replace(words, style=None)
        if size != (CANVAS, CANVAS) and not words.of_shape(size):
            known = figure_size(target, box, size, tick_points(settings(words.style)))
            figsize = _brief(known or (size[0] / DPI, size[1] / DPI))
        inches = max(figsize or FIGSIZE)
        sharpness = 1.0 if size == (CANVAS, CANVAS) else round(side / DPI / inches, 2)
        return cls(target, box, words, figsize, CANVAS / DPI / inches, size, sharpness)

    def at(self, dpi: int) -> Sheet:
        """The same, if the chart's picture has that resolution."""
        figsize, scale = _brief((self.size[0] / dpi, self.size[1] / dpi)), CANVAS * dpi / DPI / max(self.size)
        return replace(self, figsize=figsize, scale=scale, sharpness=dpi / DPI)

    def on_page_of(self, other: Sheet) -> bool:
        """Whether what is measured for another one, of the same chart, holds for this one."""
        return self.words.style == other.words.style and abs(self.scale / other.scale - 1) < SAME_PAGE

    @cached_property
    def sides(self) -> tuple[float, float]:
        """Width and height of the figure on the canvas."""
        width, height = self.figsize or FIGSIZE
        return 100 * self.scale * width, 100 * self.scale * height

    @property
    def layout(self) -> list[str]:
        """The statement that puts the axes where they are, if matplotlib has them elsewhere."""
        if self.box is None:
            return []
        shares = shares_of(self.box, self.sides)
        away = [abs(share - USUAL[name]) * self.sides[name in ("bottom", "top")] for name, share in shares.items()]
        within = 0 <= shares["left"] < shares["right"] <= 1 and 0 <= shares["bottom"] < shares["top"] <= 1
        return [subplots_adjust(shares)] if within and max(away) > SAME_PLACE else []

    @property
    def frame(self) -> tuple[str, ...]:
        """The statements for what is drawn around the axes, if that is no complete frame."""
        if self.box is None or readout.is_pie(self.target):
            return ()
        return frame_statements(self.target, self.box, self.scale)

    @property
    def ticks(self) -> list[str]:
        """The statement for ticks that point into the axes, if no style sheet draws them so."""
        ticks = inward_ticks(self.target, self.box) if self.box and not self.words.style else None
        return [f"ax.{ticks}"] if ticks else []

    @cached_property
    def paper(self) -> tuple[int, ...]:
        return readout.paper_of(self.target, self.box)

    @cached_property
    def legend(self) -> Legend | None:
        """The legend in the axes."""
        if self.box is None:
            return None
        scale, sharpness, seen = self.scale, self.sharpness, label_scale(self.target, self.box)
        if seen and not 1 / OTHER_SCALE < seen / scale < OTHER_SCALE:  # of another resolution
            scale, sharpness = seen, max(self.size) * seen / CANVAS
        return _legend_in(self.target, self.box, scale, sharpness)

    def label(self, color: np.ndarray, index: int) -> str:
        """What the legend calls the series of a colour, or the answer calls that of a number."""
        return (self.legend and self.legend.text_of(color)) or self.words.label(index)

    @cached_property
    def bare(self) -> np.ndarray:
        """The chart without the legend in its axes, and without stripes across them."""
        below = self.target if self.legend is None else self.legend.below
        return without_stripes(below, self.box, [stripe for stripe, _ in self.stripes]) if self.stripes else below

    @cached_property
    def stripes(self) -> list[tuple[Stripe, Scale]]:
        """The stripes across the axes, and the scales of these."""
        if self.box is None or readout.is_pie(self.target):
            return []
        found = find_stripes(self.target, self.box)
        scales = [Scale.or_names(self.target, self.box, "bottom" if one.upright else "left") for one in found]
        return [(stripe, scale) for stripe, scale in zip(found, scales) if scale is not None]

    @cached_property
    def series(self) -> list[tuple[np.ndarray, bool]]:
        """The colours of the chart's series, and which of them fill areas."""
        named = [] if self.legend is None else self.legend.colors
        seen = _inks(self.bare, self.box, detail_of(self.target), named)

        def through_legend(color: np.ndarray, count: int) -> bool:
            seen_through = [readout.through_legend(other, self.paper) for other, more in seen if more > count]
            return any(np.abs(color - other).max() < readout.SHADE for other in seen_through)

        colors = [color for color, count in seen if not through_legend(color, count)][:MOST_COLORS]
        covers = readout.coverages(self.bare, colors, self.paper, self.box)
        colored = [cover > 0.5 for color, cover in zip(colors, covers) if np.ptp(color) > GREY]
        beside = ndimage.binary_dilation(np.any(colored, axis=0), iterations=2) if colored else False
        series = []
        for color, cover in zip(colors, covers):
            mask = cover > readout.FULL
            inner = morphology.opening(mask, (7, 5)).sum()
            blocks = not self.spotted(cover) or _in_blocks(cover)
            solid = inner > SOLID * max(1, mask.sum()) and inner > 300 and blocks
            solid = solid and not self.dotted(morphology.opening(mask, (5, 5)))  # a line with markers
            across = readout.find_across(cover, self.box[0], self.box[2]) is not None
            thin = np.abs(color - (self.paper if sum(self.paper) < 3 * DARK else 255)).max() > 255 - PALE
            if np.ptp(color) <= GREY and not self.dotted(cover):
                apart = np.where(beside, 0, cover)  # what is grey beside a colour is its edge
                upright = color.max() < DARK and self.upright(color, cover) is not None
                known = self.legend is not None and self.legend.place_of(color) < len(self.legend.entries)
                thin &= (known or self.extent(apart) > 0.4) and not _gridded(apart, self.box) or upright
            if solid or thin and not across:
                series.append((color, bool(solid), cover))
        filled = np.any([cover > readout.FULL for _, solid, cover in series if solid], axis=0)
        series = [entry for entry in series if entry[1] or not self._is_seam(entry[0], filled)]
        unfilled = [(color, cover) for color, solid, cover in series if not solid]
        return [(c, solid) for c, solid, cover in series if solid or not self._is_overlap(c, cover, unfilled)]

    def _is_seam(self, color: np.ndarray, filled: np.ndarray) -> bool:
        """Whether a colour is in one row only, beside what is `filled`, (H, W): there a line is the end of bars."""
        mask = readout.difference(self.bare, color) < SAME_INK
        rows = np.flatnonzero(readout.inside_of(mask, self.box, 3).any(axis=1))
        if not filled.any() or not len(rows) or np.ptp(rows) > SEAM:
            return False
        beside = morphology.dilation(filled, (2 * SEAM + 1, 1))
        return bool((mask & beside).sum() > SOLID * mask.sum())

    def _is_overlap(self, color: np.ndarray, own: np.ndarray, series: list[tuple[np.ndarray, np.ndarray]]) -> bool:
        """Whether a colour, and where it is, (H, W), is there where transparent markers of another of the series lie
        upon each other."""
        inside = readout.inside_of(self.bare, self.box, 3)
        overlaps = any(
            readout.wash_of(other, color, self.paper)
            and readout.beside(color, other, inside, OVERLAP, OVERLAP_REACH)
            and self.spotted(np.maximum(own, cover), SPOTS)
            for other, cover in series
            if other is not color
        )
        return overlaps and not is_line(own) and not has_errors(own)

    def measured(self) -> list[str]:
        """Programs of kinds whose numbers are measured at once."""
        if found := pie_chart(self) or polar_chart(self):
            return found
        if self.box is None:
            return []
        if found := heat_map(self) or outlined_bars(self) or lollipops(self):
            return found
        if found := horizontal_bars(self, self.series, self.own_covers):
            return found
        if not any(solid for _, solid in self.series) and self.bubbles:
            # A map has more colours than a series of lines, and edges look like these.
            if "cmap=" in self.bubbles[0] or "edgecolor=" in self.bubbles[0] or not self.has_lines():
                return self.bubbles
        if self.layers.sure or self.layers.tracked:
            return layered(self.layers)
        if self.bubbles and not self.has_lines():
            return self.bubbles
        found = self.bubbles or distributions(self) or event_plot(self)
        return [*(layered(self.layers) if self.bubbles or not found else []), *found]

    @cached_property
    def own_covers(self) -> list[np.ndarray]:
        """Where the series are, (H, W) each."""
        return self.covers(self.series)

    @cached_property
    def layers(self) -> Layers:
        return Layers(self, self.series, self.own_covers)

    @cached_property
    def bubbles(self) -> list[str]:
        marked = any(solid for _, solid in self.series) or any(map(self.spotted, self.own_covers))
        return bubble_chart(self) if marked or len(self.series) >= MAPPED or not self.has_lines() else []

    def has_lines(self) -> bool:
        """Whether there is a series that is no points."""
        thin = [cover for (_, solid), cover in zip(self.series, self.own_covers) if not solid]
        return any(not self.spotted(cover) and self.extent(cover) > DASHED for cover in thin)

    def guessed(self) -> list[str]:
        """Programs of the kinds that the chart may be of, the likely ones first, with placeholders for numbers."""
        if self.box is None or readout.is_pie(self.target):
            return pie_chart(self) or self.pie()
        series = [entry for entry in self.series if not (entry[1] and self.around(entry[0], self.series))]
        solid, thin = (
            [(color, cover) for (color, is_solid), cover in zip(series, self.covers(series)) if is_solid == wanted]
            for wanted in (True, False)
        )
        found = self.shaded(solid, thin)
        if solid:
            found += self.bars(solid, thin) + (self.bars(solid, []) if thin else [])
            if not (found and self.in_rows(solid)):
                found += self.areas(solid)
                found += self.lines(thin) if len(thin) > 1 else []  # with an area between them
        if thin and not found and all(self.spotted(cover) for _, cover in thin):
            found += self.points(thin)
            if min(self.extent(cover) for _, cover in thin) > DASHED:
                found += self.lines(thin)
        if thin and not found:
            thick = [self.thickness(cover) for _, cover in thin]
            if max(thick) > DOTS:
                found += self.trend(thin)
            if min(thick) < MARKERS:
                found += self.lines(thin)
            else:
                found += self.points(thin)
        return found

    def covers(self, series: list[tuple[np.ndarray, bool]]) -> list[np.ndarray]:
        """Where the colours of series (colour, whether it fills areas) are, (H, W) each, without a legend."""
        covers = readout.coverages(self.bare, [color for color, _ in series], self.paper, self.box)
        for k, (color, is_solid) in enumerate(series):
            if np.ptp(color) <= GREY and (color.max() <= DARK or not is_solid):  # as spines and their edges are
                without = without_ticks if inward_ticks(self.target, self.box) else without_spines
                covers[k] = without(covers[k], self.box)
        if self.legend is not None:
            return covers
        hidden = [readout.below_legend(self.target, color, self.paper) & is_solid for color, is_solid in series]
        covers = readout.without_legend(covers, self.target, self.box)
        return [np.where(mask, 1, cover) for mask, cover in zip(hidden, covers)]

    def around(self, color: np.ndarray, series: list) -> bool:
        """Whether an area is the band around a line: the line's colour, paler, and not down to the axis."""
        lines = [ink for ink, solid in series if not solid and readout.wash_of(color, ink, self.paper)]
        rows = np.flatnonzero((readout.difference(self.target, color) < 8).any(axis=1))
        return bool(lines) and len(rows) > 0 and rows[-1] < self.box[3] - 4

    def thickness(self, cover: np.ndarray) -> float:
        """The share of a colour that is thick in all directions: of markers nearly all, of lines nothing."""
        mask = cover > 0.4
        return morphology.opening(mask, (4, 4)).sum() / max(1, mask.sum())

    def spotted(self, cover: np.ndarray, least: float = 0.9) -> bool:
        """Whether a colour is there in spots that are about as wide as high, and in hardly anything else."""
        sides = _sides(cover)
        spots = [max(pair) <= readout.LARGEST and 3 <= max(pair) <= 2.5 * min(pair) for pair in sides]
        return sum(spots) >= 3 and np.mean(spots) > least

    def dotted(self, cover: np.ndarray) -> bool:
        """Whether a colour is there in spots of one size, as letters are not; lines may cross some."""
        sides = _sides(cover)
        alike = np.abs(np.subtract(sides, np.median(sides))) < 2 if sides else np.zeros(1)
        filled = (cover > 0.4).sum() / max(1, sum(height * width for height, width in sides))
        return self.spotted(cover, SPOTS) and np.mean(alike) > SPOTS and filled > LETTERS

    def extent(self, cover: np.ndarray) -> float:
        """The share of the axes' columns that have something of a colour."""
        return (cover > 0.5).any(axis=0).sum() / (self.box[2] - self.box[0])

    def in_rows(self, solid: list[tuple[np.ndarray, np.ndarray]]) -> bool:
        """Whether areas of some colours lie in several rows of one height, as horizontal bars do."""
        rows = np.flatnonzero(np.any([cover > readout.FULL for _, cover in solid], axis=0).any(axis=1))
        runs = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
        return len(runs) > 1 and bool(np.ptp([len(run) for run in runs]) < EVEN)

    def upright(self, color: np.ndarray, cover: np.ndarray) -> tuple[float, str] | None:
        """Column and style of a line from the lower side of the axes to the upper one, of this colour; None if there
        is none."""
        near = (cover > 0) & (readout.difference(self.bare, color) < NEAR)
        ways = (near.astype(np.float32), cover)
        found = (readout.find_across(way.T, self.box[1], self.box[3], words=True) for way in ways)
        return next((line for line in found if line is not None), None)

    def program(self, *lines: str, legend: bool = False, without: Sequence[str] = ()) -> str:
        """`without`: what no statement of the answer may have in it that is kept."""
        without = [*without, *((".spines", ".grid(", ".set_facecolor(") if self.frame else ())]
        kept = [text for text in self.words.statements if not any(part in text for part in without)]
        # A colour bar takes its place from the axes.
        layout = [] if any("colorbar" in line for line in lines) else self.layout
        ends = [
            *(stripe.call(scale) for stripe, scale in self.stripes),
            *(["ax.legend()"] if legend else []),
            *kept,
            *(text for text in self.frame if text not in lines),
            *self.ticks,
            *layout,
        ]
        imports = ["import matplotlib.pyplot as plt"]
        if any("LinearSegmentedColormap" in line for line in lines):
            imports.append("from matplotlib.colors import LinearSegmentedColormap")
        return "\n".join([*imports, "", *self.opening(), *lines, *ends]) + "\n"

    def opening(self, axes: str = "ax", *arguments: str) -> list[str]:
        """The statements that make the figure and its axes."""
        style = [f"plt.style.use({string_literal(self.words.style)})"] if self.words.style and not self.frame else []
        figsize, page = self.figsize or FIGSIZE, readout.page_of(self.target)
        arguments += (f"figsize=({figsize[0]:g}, {figsize[1]:g})",) if figsize != FIGSIZE else ()
        arguments += (f"facecolor={color_literal(np.array(page), 1)}",) if min(page) < 255 and self.frame else ()
        return [*style, f"fig, {axes} = plt.subplots({', '.join(arguments)})"]

    def table(self, first: str, firsts: list[str], columns: list[str]) -> str:
        """Rows of placeholders: rising numbers, so that every column says which pixels are which values."""
        rising = [str(k + 1) for k in range(len(firsts))]
        return table_of({first: firsts, **dict.fromkeys(columns, rising)})

    def style(self, color: np.ndarray, index: int, count: int) -> str:
        label = f", label={string_literal(self.words.label(index))}" if count > 1 else ""
        return f"color={color_literal(color)}{label}"

    def bars(self, solid: list, thin: list) -> list[str]:
        programs = []
        for horizontal in (False, True):
            ticks = readout.find_ticks(self.target, self.box, "left" if horizontal else "bottom")
            found = [readout.find_bars(cover.T if horizontal else cover, ticks) for _, cover in solid]
            rows = max(map(len, found))
            ends = np.concatenate([[bar.end, bar.start] for bars in found for bar in bars]) if rows else np.empty(0)
            count = max(rows, len(solid))
            if not 2 <= count <= MOST_ROWS or max(np.sum(np.abs(ends - end) < 3) for end in ends) < count:
                continue  # no base that bars stand on
            width = np.median([bar.width for bars in found for bar in bars])
            centers = [np.array([bar.center for bar in bars]) for bars in found]
            # Bars upon each other stand at the same places, though some may be missing.
            nearest = [
                np.abs(a[:, None] - b).min(axis=1)
                for a in centers
                for b in centers
                if a is not b and len(a) and len(b)
            ]
            apart = len(nearest) > 0 and all(np.median(distances) > 0.4 * width for distances in nearest)
            every = sorted((bar.center, k) for k, bars in enumerate(found) for bar in bars)
            even = len(every) > 2 and np.ptp(np.diff([center for center, _ in every])) < EVEN
            if apart and even and len(every) in (len(ticks), len(solid)):
                programs.append(self.colored([solid[k][0] for _, k in every], horizontal))
                continue
            # As programs name them: from left to right, from below to above, or from the base outwards.
            order = [
                np.median([(bar.center if apart else -bar.start) * (-1 if horizontal else 1) for bar in bars] or [0])
                for bars in found
            ]
            solid = [solid[k] for k in np.argsort(order, kind="stable")]
            names = [string_literal(name) for name in self.words.names(rows)]
            columns = [f"y{k + 1}" for k in range(len(solid))] if len(solid) > 1 or thin else ["values"]
            method, extent, base = ("barh", "height", "left") if horizontal else ("bar", "width", "bottom")
            count = len(solid) + len(thin)
            over = [f"y{len(solid) + k + 1}" for k in range(len(thin))] if not horizontal else []
            gaps = [gap for middles in centers for gap in np.diff(middles)]
            share = round(20 * width / np.median(gaps)) / 20 if gaps else 0.8  # of the place between two bars
            wide = "" if abs(share - 0.8) < 0.04 else f"{extent}={share:g}, "
            x = "categories"
            scale = read_scale(self.target, self.box, "left" if horizontal else "bottom")
            middles = max(centers, key=len)
            if scale is not None and not apart and rows > 1 and len(ticks) != rows:  # at numbers, not at names
                x, gap = "x", np.median(gaps)
                touching = gap - width < RIM
                names = place_literals(np.sort(scale[0] + scale[1] * middles))
                wide = f"{extent}={abs(scale[1]) * (gap if touching else width):.3g}, "
                wide += 'edgecolor="white", ' if touching and gap - width > 0.5 else ""
            lines = [self.table(x, names, columns + over)]
            if apart:
                each = share if share * len(solid) < 1.05 else round(0.8 / len(solid), 2)
                places = [round((k - (len(solid) - 1) / 2) * each, 3) for k in range(len(solid))]
                lines.append(f"x = range({rows})")
                for k, ((color, _), column, place) in enumerate(zip(solid, columns, places)):
                    style = self.style(color, k, count)
                    lines.append(f"ax.{method}({shifted(place)}, {column}, {extent}={each:g}, {style})")
                lines.append(f"ax.set_{'y' if horizontal else 'x'}ticks(x, categories)")
            else:
                for k, ((color, _), column) in enumerate(zip(solid, columns)):
                    below = keyword_for_feet(base, columns[:k])
                    lines.append(f"ax.{method}({x}, {column}, {wide}{below}{self.style(color, k, count)})")
            if over and len(readout.find_ticks(self.target, self.box, "right")) > 2:
                programs.append(
                    self.program(
                        *lines, "ax2 = ax.twinx()", *self.strokes("ax2", "categories", over, thin, len(solid))
                    )
                )
            elif over:
                x = "x" if apart else x
                programs.append(self.program(*lines, *self.strokes("ax", x, over, thin, len(solid)), legend=True))
            else:
                programs.append(self.program(*lines, legend=count > 1))
        return programs

    def colored(self, colors: list[np.ndarray], horizontal: bool) -> str:
        """Bars of one series, each of its own colour: from left to right, or from above to below."""
        names = [string_literal(name) for name in self.words.names(len(colors))]
        colors = ", ".join(map(color_literal, colors[:: -1 if horizontal else 1]))
        call = f"ax.bar{'h' if horizontal else ''}(categories, values, color=[{colors}])"
        return self.program(self.table("categories", names, ["values"]), call)

    def strokes(self, axes: str, x: str, columns: list[str], thin: list, first: int = 0) -> list[str]:
        return [
            f"{axes}.plot({x}, {column}, {self.style(color, first + k, first + len(thin))})"
            for k, ((color, _), column) in enumerate(zip(thin, columns))
        ]

    def margins(self, series: list) -> list[str]:
        """What lets lines and areas reach the frame at both sides, where they do."""
        if not series:
            return []
        inked = np.flatnonzero(np.any([(cover > 0.5).any(axis=0) for _, cover in series], axis=0))
        near = 0.02 * (self.box[2] - self.box[0]) + 1
        reach = len(inked) and inked[0] - self.box[0] < near and self.box[2] - inked[-1] < near
        return ["ax.margins(x=0)"] if reach else []

    def places(self, paths: list[np.ndarray], covers: list[np.ndarray]) -> tuple[str, list[str]] | None:
        """Name and literals of the places where lines or areas have their points: names at the ticks, or numbers."""
        ticks = readout.find_ticks(self.target, self.box, "bottom")
        scale = read_scale(self.target, self.box, "bottom")
        if scale is None and 2 <= len(ticks) <= MOST_ROWS and readout.misfit(paths, ticks) < AT_TICKS:
            return "categories", [string_literal(name) for name in self.words.names(len(ticks))]
        knots = readout.find_knots(paths, covers, scale[1] if scale else None)
        if knots is None:
            return None
        return "x", place_literals(scale[0] + scale[1] * knots if scale else np.arange(len(knots)))

    def lines(self, thin: list) -> list[str]:
        columns = [f"y{k + 1}" for k in range(len(thin))] if len(thin) > 1 else ["y"]
        covers = [cover for _, cover in thin]
        found = self.places([readout.find_path(cover) for cover in covers], covers)
        if found is None:
            return []
        strokes = self.strokes("ax", found[0], columns, thin)
        return [self.program(self.table(*found, columns), *strokes, *self.margins(thin), legend=len(thin) > 1)]

    def areas(self, solid: list) -> list[str]:
        columns = [f"y{k + 1}" for k in range(len(solid))]
        # From below to above.
        heights = [np.average(np.arange(len(cover)), weights=cover.sum(axis=1) + 1e-9) for _, cover in solid]
        solid = [solid[k] for k in np.argsort(heights)[::-1]]
        spans = [np.ptp(np.flatnonzero((cover > readout.FULL).any(axis=0))) for _, cover in solid]
        full = [(cover > readout.FULL).any(axis=0).sum() for _, cover in solid]
        if max(spans) < 0.6 * (self.box[2] - self.box[0]) or max(full) < 0.9 * max(spans):
            return []
        labels = ", ".join(string_literal(self.words.label(k)) for k in range(len(solid)))
        colors = ", ".join(color_literal(color) for color, _ in solid)
        call = f"ax.stackplot({{}}, {', '.join(columns)}, labels=[{labels}], colors=[{colors}])"
        found = self.places([readout.upper_edge(cover) for _, cover in solid], [])
        if found is None:
            return []
        return [self.program(self.table(*found, columns), call.format(found[0]), *self.margins(solid), legend=True)]

    def shaded(self, solid: list, thin: list) -> list[str]:
        """A line with the area below it, in its own colour, paler, or in another one."""
        if len(solid) != 1 or len(thin) != 1:
            return []
        (wash, area), (color, cover) = solid[0], thin[0]
        path, edge = readout.find_path(cover), readout.upper_edge(area)
        share = readout.wash_of(wash, color, self.paper)
        below = np.nanmedian(np.abs(path - edge)) < RIM if np.isfinite(path - edge).any() else False
        found = self.places([path], [cover]) if share or below else None
        if found is None:
            return []
        ink = color_literal(color)
        fill = f"color={ink}, alpha={round(20 * share) / 20:g}" if share else f"color={color_literal(wash)}"
        return [
            self.program(
                self.table(*found, ["y"]),
                f"ax.plot({found[0]}, y, color={ink})",
                f"ax.fill_between({found[0]}, y, {fill})",
                *self.margins(solid),
            )
        ]

    def points(self, thin: list) -> list[str]:
        lines, counts = [], [readout.find_points(cover) for _, cover in thin]
        counts = [0 if points is None else len(points.places) for points in counts]
        if not all(3 <= count <= 400 for count in counts):
            return []
        for k, ((color, _), count) in enumerate(zip(thin, counts)):
            x, y = (f"x{k + 1}", f"y{k + 1}") if len(thin) > 1 else ("x", "y")
            lines.append(self.table(x, [str(n + 1) for n in range(count)], [y]))
            lines.append(f"ax.scatter({x}, {y}, {self.style(color, k, len(thin))})")
        return [self.program(*lines, legend=len(thin) > 1)]

    def trend(self, thin: list) -> list[str]:
        """Points with a straight line through them."""
        if len(thin) == 1:  # both of one colour
            dots, line = ((thin[0][0], cover) for cover in readout.dots_and_lines(thin[0][1]))
        elif len(thin) == 2:
            line, dots = sorted(thin, key=lambda entry: -self.extent(entry[1]))
        else:
            return []
        points = readout.find_points(dots[1])
        path = readout.find_path(line[1])
        columns = np.flatnonzero(~np.isnan(path))
        if len(columns) < 2 or readout.misfit([path], columns[[0, -1]].astype(float)) > STRAIGHT:
            return []
        if points is None or not 3 <= len(points.places) <= 400:
            return []
        count = len(points.places)
        return [
            self.program(
                self.table("x", [str(n + 1) for n in range(count)], ["y"]),
                f"ax.scatter(x, y, color={color_literal(dots[0])})",
                f"ax.plot([1, {count}], [1, {count}], color={color_literal(line[0])})",
            )
        ]

    def pie(self) -> list[str]:
        pie = readout.find_pie(self.target)
        if pie is None or not 2 <= len(pie.wedges) <= 24:
            return []
        names = [string_literal(name) for name in self.words.names(len(pie.wedges))]
        colors = ", ".join(color_literal(wedge.color) for wedge in pie.wedges)
        call = f"ax.pie(sizes, labels=labels, colors=[{colors}])"
        return [self.program(self.table("labels", names, ["sizes"]), call)]

"""The words of a chart, read off its picture and written into a program: title, names of axes, legend, categories.

Where a text stands is known from the program's own drawing, whose layout is that of the chart by then, and from the
ticks; what it says, words.py reads. A text that can't be read stays as it is.
"""

from __future__ import annotations

import ast
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image
from scipy import ndimage

from chart2code import readout
from chart2code.detail import detail_of
from chart2code.drawing import Drawing, color_literal, rgb
from chart2code.picture_cache import remembered
from chart2code.program import Change, Program, string_literal
from chart2code.spines import is_bare
from chart2code.tick_labels import POINTS, number_format, runs_of
from chart2code.vocabulary import TIME_DIMENSIONS
from chart2code.words import DPI, FAMILIES, ITALIC, TRIED, Line, ink_of, read_line
from eval_metric.similarity import CANVAS

SIZES = (8, 9, 10, 11, 12, 13, 14, 14.4, 15, 16, 18, 20, 22, 24)  # points
INK = 0.3  # of the contrast of a line of text
CONTRAST = 50  # of 255, between a text and its paper
MOST_ERROR = 0.45  # of a line's ink: what leaves more unexplained has not been read
UNLIKE, WORD, IN_VAIN = 0.18, 4, 2  # of it: the font may be another; letters that tell; lines that are read in both
CLEARER = 0.03  # of it, that a font explains more than one that is likelier
CERTAIN = 0.3  # of it: the size and the weight of the font are right
RIM = 2  # pixels
SLENDER, FULL = 8, 0.9  # heights of a line to its width; of a row of text that is long, the share of ink
SHORT = 400  # pixels of lines that are tried: in those of a few characters the rows are not filled as usual
HANDLE, EVEN = 14, 4.0  # points, that handles of a legend have at least in one grey; of 255, what is one
NAMES, MOST_NAMES = 0.5, 6  # the scale at which names at the left are read first; and how many
NEAREST, TALLEST = 25, 16  # pixels: of the strip beside the axes where these end, and of the highest line
HANDLE_PARTS = (2.8, 0.8), (0.6, 0.2)  # heights of a text, before it: where its handle is, and where nothing
CHANGED, FAINT = 0.6, 3.0  # of the ink of a handle, that differs from another one at least; of 255, what is none
ASIDE = 0.1  # widths of the axes, that the name of one is away from the middle at most
ROOM = 1.7  # heights of a line, where one is higher than it should be
LEADING = 1.17  # ems, between two lines of a text
SPACE, ALONE = 0.66, 1.5  # ems, between two texts; less lies between two words. And where nothing stands beside
TICK_ROOM = 7.5  # pixels of the figure between an axis and the labels of its ticks
LONGEST = 120  # pixels, of the name of a category that is written at an angle
TITLE_RISE = 10  # points, from the axes to the middle of a title
GREYS = (0.0, 255.0, 51.0, 102.0)  # of 255: the usual colours of text,
OTHER_GREYS, MEASURED = (85.0, 128.0, 153.0), 16.0  # others; and how far what is measured is from that of a text
SOFT, MIXED = 0.35, 30.0  # of its colour, that thin letters have at least; and of 255, how far they may be from that
LEAST_LINE = 5  # pixels, the height of a line of text
TICK = 4.0  # points from the axes, where ticks end
ANGLES, LIKELY = range(0, 91, 5), 2  # degrees, by which labels are turned; and angles that are tried
ANCHORS = ("center",), ("right", "center")  # what is at ticks, of labels that are upright or lie, and of others
UPRIGHT = (0, 90)  # degrees, of names at the left
OTHER = {"x": "y", "y": "x"}
NUMBERS, COLORED = (7, 30), 60  # pixels beside the axes, where numbers are; of 255, the chroma of colours
INITIALS = 2  # letters of names that may stand there twice
KNOWN, FEWEST = 0.6, 5  # of the names at ticks, that are those of months or days; and how many these are at least
TICKS, FLAT = 4, 1.4  # pixels below the axes; and heights of a line, that labels take which are not turned
SANS = "sans-serif"
Places = dict[str, tuple[float, float, int] | None]  # x, y and turn of "title", "xlabel" and "ylabel"
FAMILY = 'plt.rcParams["font.family"]'
FIRST, LEGIBLE = 3, 0.45  # names by which the turn is told; and the share of their ink unexplained, if it is right
BEFORE = ("legend", "tight_layout", "subplots_adjust")  # calls that come last
LABEL_ROOM = 26  # pixels, in which the first line of these labels starts


def reworded(drawing: Drawing, target: np.ndarray, size: tuple[int, int] = (CANVAS, CANVAS)) -> str | None:
    """
    The program with the words of the target (the canvas of the chart); None if it has them already. `size`: width and
    height of the chart's own picture; what is as large as the canvas says nothing about its resolution.
    """
    page = Page.for_drawing(drawing, target, size)
    box = readout.find_box(target, drawing.box) if drawing.box is not None else None
    places, none = ({}, {}) if box is None else _places(target, page, box)
    changes = [*_twins(drawing, target, page), *_new_or_gone(drawing, page, places, none)]
    changes += _texts(drawing, target, page, places if len(drawing.boxes) == 1 else {})
    changes += _categories(drawing, target, page)
    changes += _units(drawing, target)
    changes += _family(drawing.program, page)
    code = drawing.program.changed(changes)
    return None if code == drawing.code else code


def _family(program: Program, page: Page) -> list[Change]:
    """The statement for the font that most of the target's words have, if the program has another."""
    family = Counter(page.families).most_common(1)[0][0] if page.families else SANS
    assigned = [node for node in program.tree.body if isinstance(node, ast.Assign)]
    own = [node.value for node in assigned if program.text(node.targets[0]) == FAMILY]
    if family == SANS or own and program.text(own[0]) == string_literal(family):
        return []
    if own:
        return [(program.span(own[0]), string_literal(family))]
    calls = program.statement_calls("subplots") + program.statement_calls("figure")
    start = program.span(program.statement_of(calls[0]))[0] if calls else None
    return [] if start is None else [((start, start), f"{FAMILY} = {string_literal(family)}\n")]


class Page:
    """
    The picture, grey, and turned so that what is written at an angle reads from left to right. All places and lengths
    that methods take and give are pixels of the canvas.

    grey: (zoom * CANVAS, zoom * CANVAS); picture: the same in colours, if these are to be told; scale: pixels of the
    canvas per pixel of a figure at `DPI`; sharpness: the resolution at which it was drawn, in `DPI`.
    """

    def __init__(
        self, grey: np.ndarray, zoom: float, scale: float, sharpness: float, picture: np.ndarray | None = None
    ):
        self.zoom, self.scale, self.sharpness, self._turned = zoom, scale, sharpness, {0: grey}
        self.picture = picture
        self.in_vain = 0  # lines that are read badly
        self.families: list[str] = []  # of the fonts of lines that were read, where these are sure

    @classmethod
    def of(cls, target: np.ndarray, scale: float, sharpness: float = 1.0, palest: float = 0.0) -> Page:
        """`palest`: of 255, where only what is black is text, and what is no darker than that is paper."""
        fine = detail_of(target)
        picture, zoom = (target, 1) if fine is None else (fine.pixels, fine.zoom)
        if palest:
            grey = np.minimum(picture.max(axis=2) * np.float32(255 / palest), 255)
        else:
            grey = picture.mean(axis=2, dtype=np.float32)
            grey[readout.letterbox(picture)] = np.mean(readout.page_of(target))  # around a dark page it is white
        return cls(grey, zoom, scale, sharpness, picture)

    @classmethod
    def for_drawing(cls, drawing: Drawing, target: np.ndarray, size: tuple[int, int]) -> Page:
        """The target as a page whose figure is that of a drawing; `size`: as of `reworded`."""
        sharpness = 1.0 if size == (CANVAS, CANVAS) else round(max(size) * drawing.scale / CANVAS, 2)
        return cls.of(target, drawing.scale, sharpness)

    def turned(self, angle: int) -> np.ndarray:
        if angle not in self._turned:
            grey = self._turned[0]
            picture = Image.fromarray(grey).rotate(
                -angle, Image.Resampling.BICUBIC, expand=True, fillcolor=float(grey[0, 0])
            )
            self._turned[angle] = np.asarray(picture)
        return self._turned[angle]

    def place(self, x: float, y: float, angle: int) -> tuple[float, float]:
        """Where a place of the canvas is in the turned picture, in its pixels."""
        turn, middle, center = math.radians(angle), (CANVAS - 1) / 2, (len(self.turned(angle)) - 1) / 2
        x, y = self.zoom * (x - middle), self.zoom * (y - middle)
        return center + x * math.cos(turn) - y * math.sin(turn), center + x * math.sin(turn) + y * math.cos(turn)

    def read(
        self,
        place: tuple[float, float],
        anchor: float,
        height: float,
        angle: int = 0,
        bold: bool = False,
        reach: tuple[float, float] = (CANVAS, CANVAS),
        space: float = SPACE,
        points: float | None = None,
    ) -> Line | None:
        """
        The text at a place (x, y), which is its left end, middle or right end (`anchor` 0, 0.5, 1) along the line and
        the middle across; `height` of a line, and how far the text may `reach` to both sides, in pixels; `space` to
        other texts; `points`: its size, if that is known.
        """
        x, y = self.place(*place, angle)
        reach = tuple(self.zoom * part for part in reach)
        cut = _cut_out(self.turned(angle), x, y, anchor, self.zoom * height, reach, space)
        if cut is None:
            return None
        ink, rows, columns = cut
        read, middle = self._read(ink, bold, points=points), (rows.start + rows.stop - 1) / 2
        if read is None:
            return None
        color = self._color(read, rows, columns, angle)
        return replace(read, middle=place[1] + (middle - y) / self.zoom, color=color)

    def read_between(
        self,
        top: float,
        bottom: float,
        x: float,
        reach: float,
        bold: bool = False,
        space: float = SPACE,
        italic: bool = False,
    ) -> Line | None:
        """The text around `x`, in rows that have no other, and which may be `bold` or `italic`; `reach` and `space` as
        of `read`."""
        rows = slice(max(0, round(self.zoom * top)), round(self.zoom * bottom))
        first = max(0, round(self.zoom * (x - reach)))
        strip = self.turned(0)[rows, first : round(self.zoom * (x + reach))]
        if min(strip.shape) < 3:
            return None
        ink = np.abs(strip - np.median(strip))
        dark = ink > INK * ink.max()
        columns = _run(dark.any(axis=0), self.zoom * x - first, space * len(strip))
        if columns is None or ink.max() < CONTRAST:
            return None
        inked = np.flatnonzero(dark[:, columns].any(axis=1))
        rows = slice(rows.start + inked[0], rows.start + inked[-1] + 1)
        ink = np.pad(ink, RIM)[inked[0] : inked[-1] + 1 + 2 * RIM, columns.start : columns.stop + 2 * RIM]
        read = self._read((ink / ink.max()).clip(0, 1), bold, italic)
        columns = slice(first + columns.start, first + columns.stop)
        return None if read is None else replace(read, color=self._color(read, rows, columns, 0))

    def _color(self, read: Line, rows: slice, columns: slice, angle: int) -> tuple[float, ...] | None:
        """The colour of a text that was read in these rows and columns of the turned picture: by how much the picture
        differs there from its paper, and how much of it the letters cover."""
        if self.picture is None or angle not in (0, 90):
            return None
        picture = self.picture if angle == 0 else np.rot90(self.picture, -1)
        high, wide = (slice(max(0, part.start - RIM), part.stop + RIM) for part in (rows, columns))
        part = picture[high, wide].reshape(-1, 3).astype(float)
        paper = np.median(part, axis=0)
        covered = ink_of(read.text, read.font, read.points * self.sharpness)
        covered *= (self.zoom * self.scale / self.sharpness) ** 2
        return tuple(paper + (part - paper).sum(axis=0) / covered) if covered else None

    def _read(self, line: np.ndarray, bold: bool, italic: bool = False, points: float | None = None) -> Line | None:
        """What is written in the ink of a line."""
        # Small letters are 0.55 ems high, capitals and a g together 0.97; blur adds a row at each end.
        if _is_rule(line):
            return None
        scale = self.zoom * self.scale
        fitting = [size for size in SIZES if 0.5 < (len(line) - 2 * RIM) / (size * DPI / 72 * scale) < 1.25]
        fitting = [points] if points in fitting else fitting
        sizes = [size * self.sharpness for size in fitting]  # their own pixels give glyphs their shape
        families, tried = list(FAMILIES), max(TRIED, SHORT // line.shape[1])
        found = Line("", 1.0)
        if self.families:  # all are of one family
            families = list(dict.fromkeys([*(name for name, _ in Counter(self.families).most_common()), SANS]))
        elif self.in_vain >= IN_VAIN:
            families = families[:1]
        tried_fonts = [FAMILIES[name][: 1 + bold] for name in families]
        for fonts in tried_fonts[:1] + [(ITALIC,)] * italic + tried_fonts[1:]:
            if found.error > UNLIKE:
                read = read_line(line, fonts, sizes, round(scale / self.sharpness, 4), tried)
                found = read if read.error < found.error - CLEARER * bool(found.text) else found
        if found.error <= CERTAIN and len(found.text) >= WORD:
            self.families.append(found.family)
        self.in_vain += found.error > UNLIKE
        if not found.text or found.error > MOST_ERROR:
            return None
        return replace(found, points=fitting[sizes.index(found.points)])

    def with_line_above(self, read: Line, x: float) -> str:
        """The text of a title, of which the last line was read around `x`."""
        em = read.points / 72 * DPI * self.scale
        above = self.read((x, read.middle - LEADING * em), 0.5, em / 2, bold=read.bold, space=ALONE)
        alike = above is not None and (above.points, above.bold) == (read.points, read.bold)
        return f"{above.text}\n{read.text}" if alike and above.error <= CERTAIN else read.text

    def first_line(self, x: float, top: float, reach: float) -> float | None:
        """The middle of the first line of text below a place."""
        grey, (x, first) = self.turned(0), self.place(x, top, 0)
        reach, first = self.zoom * reach, int(first)
        strip = grey[first : first + int(self.zoom * LABEL_ROOM), max(0, math.ceil(x - reach)) : int(x + reach) + 1]
        if strip.size < 30:
            return None
        ink = np.abs(strip - np.median(strip))
        regions, count = ndimage.label((ink > max(CONTRAST, INK * ink.max())).any(axis=1))
        if not count:
            return None
        rows = np.flatnonzero(regions == 1)
        if len(rows) < 3 * self.zoom and count > 1:  # the dot of an i
            rows = np.flatnonzero((regions == 1) | (regions == 2))
        return int(top) + (rows[0] + rows[-1]) / 2 / self.zoom


@remembered
def name_scale(target: np.ndarray, box: readout.Box) -> float | None:
    """Pixels of the canvas per pixel of the figure, if the names at the left of the axes have `POINTS` points; None if
    no two of one size are read."""
    page, (left, top, _, bottom) = Page.of(target, NAMES), box
    strip = page.turned(0)[round(page.zoom * top) : round(page.zoom * bottom), : max(0, round(page.zoom * (left - 3)))]
    if strip.size == 0:
        return None
    beside = strip[:, -round(page.zoom * NEAREST) :]
    runs = runs_of((np.abs(beside - np.median(beside)) > CONTRAST).any(axis=1), 1)
    runs = [run for run in runs if LEAST_LINE <= run[1] - run[0] <= TALLEST * page.zoom][:MOST_NAMES]
    reads = []
    for first, last in runs:
        y, height = top + (first + last - 1) / 2 / page.zoom, (last - first) / page.zoom
        read = page.read((left - 3, y), 1.0, height, reach=(CANVAS, 0), space=ALONE)
        if read is not None and read.error <= CERTAIN and len(read.text) >= WORD:
            reads.append(read.points)
    alike = reads and max(reads) < 1.2 * min(reads)
    return float(np.median(reads)) * NAMES / POINTS if alike and len(reads) > 1 else None


def text_color(part: np.ndarray, others: Sequence[np.ndarray] = ()) -> np.ndarray:
    """The colour of the text in a part (h, w, 3) of a picture: a usual one, or one of `others`, if its soft edges can
    be of that, else what differs most from the paper."""
    part = part.reshape(-1, 3).astype(float)
    paper = np.median(part, axis=0)
    ink = part[np.abs(part - paper).max(axis=1).argmax()] - paper
    best, least = ink + paper, MIXED
    for color in (*(np.full(3, grey) for grey in GREYS), *others):
        way = color - paper
        share = float(ink @ way / max(way @ way, 1.0))
        error = np.abs(ink - share * way).max()
        if SOFT < share < 1.1 and error < least:
            best, least = color, error
    return best


def usual_color(line: Line, others: Sequence[np.ndarray] = ()) -> np.ndarray:
    """The colour that was measured of a line of text: the usual one, or the one of `others`, that is near it, if one
    is; black if none was measured."""
    color = np.clip(line.color or (0, 0, 0), 0, 255)
    known = [*(np.full(3, grey) for grey in (*GREYS, *OTHER_GREYS)), *others]
    best = min(known, key=lambda other: np.abs(other - color).max())
    return best if np.abs(best - color).max() < MEASURED else color


def _is_rule(ink: np.ndarray) -> bool:
    """Whether what was cut out is a line or a frame: thinner than any letter is high, or through all of a long row."""
    inner = ink[RIM:-RIM, RIM:-RIM]
    height, width = inner.shape
    return height > SLENDER * width or width > SLENDER * height and bool(((inner > 0.5).mean(axis=1) > FULL).any())


def _cut_out(
    grey: np.ndarray,
    x: float,
    y: float,
    anchor: float,
    height: float,
    reach: tuple[float, float],
    space: float,
    room: float = 1.0,
) -> tuple[np.ndarray, slice, slice] | None:
    """The ink (h, w), 0 to 1, of the line of text at a place, with a rim, and its rows and columns without that, or
    None."""
    top, bottom = max(0, int(y - room * height)), min(len(grey), int(y + room * height) + 1)
    left, right = max(0, math.ceil(x - reach[0])), min(grey.shape[1], int(x + reach[1]) + 1)
    strip = grey[top:bottom, left:right]
    if min(strip.shape) < 6:
        return None
    ink = np.abs(strip - np.median(strip))
    if ink.max() < CONTRAST:
        return None
    dark = ink > INK * ink.max()
    # The line itself: rows around the middle, as far as they are marked near the place.
    for width in (4, 1.5):  # further off, something may be written upward
        near = slice(max(0, int(x - left - width * height)), int(x - left + width * height) + 1)
        rows = _run(dark[:, near].any(axis=1), y - top, 1)
        if rows is None:
            return None
        if rows.start > 0 or rows.stop < len(strip):
            break
    if room == 1 and (rows.start == 0 < top or rows.stop == len(strip) and bottom < len(grey)):  # cut off
        return _cut_out(grey, x, y, anchor, height, reach, space, ROOM)
    columns = _run(dark[rows].any(axis=0), x - left, space * height, anchor)
    if columns is None or columns.stop - columns.start < 3:
        return None
    rows = _run(dark[:, columns].any(axis=1), y - top, 1) or rows  # also of letters that are further off
    ink = ink / ink[rows, columns].max()
    wide, high = (slice(max(0, part.start - RIM), part.stop + RIM) for part in (columns, rows))
    places = slice(top + rows.start, top + rows.stop), slice(left + columns.start, left + columns.stop)
    return ink[high, wide].clip(0, 1), *places


def _run(marked: np.ndarray, place: float, gap: float, anchor: float = 0.5) -> slice | None:
    """Of the stretches of True, which gaps up to `gap` do not part, the one whose `anchor` is next to a place. Where
    that is an end, rather one that is not cut off there: others are handles of a legend."""
    runs = runs_of(marked, gap)
    if anchor in (0, 1):
        cut = 0 if anchor == 0 else len(marked)
        runs = [run for run in runs if run[int(anchor)] != cut] or runs
    return slice(*min(runs, key=lambda run: abs(run[0] + anchor * (run[1] - run[0]) - place))) if runs else None


def _texts(drawing: Drawing, target: np.ndarray, page: Page, places: Places) -> list[Change]:
    """Changes of the texts that the drawing has and the program says, where the target has them: at one of the
    `places`, or else where the drawing has them."""
    program, changes = drawing.program, []
    lines: dict[tuple, list[str]] = {}  # of each text, which has one place
    for role, line, bounds, vertical, *_ in (drawing.result.facts or {}).get("texts", []):
        lines.setdefault((role, *bounds, vertical), []).append(line)
    texts = [(role, "\n".join(text), bounds, vertical) for (role, *bounds, vertical), text in lines.items()]
    literals = _literals(program, texts)
    for role, text, bounds, vertical in texts:
        if not literals.get(text):
            continue
        node = literals[text].pop(0)
        left, top, right, bottom = (*drawing.place(*bounds[:2]), *drawing.place(*bounds[2:]))
        anchor, height = 0.5, right - left if vertical else bottom - top
        if role == "legend":
            anchor = 0.0
        elif role == "annotation" and drawing.box is not None:  # of a wedge: it begins at the pie
            anchor = 0.0 if left + right > drawing.box[0] + drawing.box[2] else 1.0
        if "\n" in text and (role != "title" or vertical):
            continue
        if role == "legend" and not _same_handle(drawing, target, left, (top + bottom) / 2, bottom - top):
            continue
        height /= text.count("\n") + 1
        place = left + anchor * (right - left), (top + bottom) / 2 if vertical else bottom - height / 2  # of the last
        height *= 0.8
        near = 0.6 * height  # further off are the handles of a legend, or the pie
        space = ALONE if role in ("title", "label") else SPACE
        reach = near if anchor == 0 else CANVAS, near if anchor == 1 else CANVAS
        if role == "label":
            seen = places.get("ylabel" if vertical else "xlabel")
            place = place if seen is None else seen[:2]
        read = page.read(place, anchor, height, 90 if vertical else 0, role == "title", reach, space)
        # Of these words most have been read before, where they are, and in their font.
        if read is None or role in ("legend", "annotation") and read.error > CERTAIN:
            continue
        found = page.with_line_above(read, place[0]) if role == "title" else read.text
        if found != text:
            changes.append((program.span(node), string_literal(found)))
        if role in ("title", "label") and read.error <= CERTAIN:
            changes += _fonts(program, node, read)
    return changes


def _same_handle(drawing: Drawing, target: np.ndarray, left: float, y: float, height: float) -> bool:
    """Whether what the drawing has before a text of its legend, on that page, the target has there as well."""
    rows = slice(max(0, round(y - height / 2)), round(y + height / 2) + 1)
    handle, blank = (slice(*(max(0, round(left - part * height)) for part in parts)) for parts in HANDLE_PARTS)
    if not target[:, handle].size:
        return True
    marks = []
    for pixels in (drawing.pixels, target):
        paper = np.median(pixels[rows, blank].reshape(-1, 3), axis=0) if pixels[rows, blank].size else 0
        marks.append(pixels[rows, handle].mean(axis=0) - paper)
    return bool(np.abs(np.subtract(*marks)).mean() <= CHANGED * np.abs(marks[0]).mean() + FAINT)


def _new_or_gone(drawing: Drawing, page: Page, places: Places, none: dict[str, bool]) -> list[Change]:
    """New statements for the title and the names of the axes that the program has none for, and none of those that the
    target does not have; `places` and `none` as `_places` gives them."""
    program = drawing.program
    if any(call.method == "pie" for call in program.calls):
        return _titles_of_pies(drawing, page)
    axes = next((call.axes for call in program.calls), "plt")
    if axes == "plt":
        return []
    height, changes = 12 / 72 * DPI * page.scale, []
    for name, place in places.items():
        own = [
            call for call in program.statement_calls(f"set_{name}") if program.text(call.func).startswith(f"{axes}.")
        ]
        if own and none[name]:
            changes += [change for call in own if (change := program.drop_statement(call))]
        if own or not place:
            continue
        read = page.read(place[:2], 0.5, height, place[2], name == "title", space=ALONE)
        if read is not None and read.error <= CERTAIN and len(read.text) > 2:
            usual = 12 if name == "title" else 10
            size = f", fontsize={read.points}" if read.points != usual else ""
            size += ', fontweight="bold"' if read.bold else ""
            size += f", color={color_literal(color)}" if (color := usual_color(read)).max() > 0 else ""
            size = "" if program.statement_calls("use") else size  # the style sheet's
            found = page.with_line_above(read, place[0]) if name == "title" else read.text
            changes.append(program.add_statement(f"{axes}.set_{name}({string_literal(found)}{size})", BEFORE))
    return changes


def _places(target: np.ndarray, page: Page, box: readout.Box) -> tuple[Places, dict[str, bool]]:
    """Where title, xlabel and ylabel stand (x, y, turn), None where that is not seen; and whether there is none."""
    grey, zoom = page.turned(0), page.zoom
    left, top, right, bottom = (zoom * np.array(box)).round().astype(int)
    ink = np.abs(grey - np.median(grey[:, :3])) > CONTRAST
    rows, columns = ink[:, left:right].any(axis=1), ink[top:bottom].any(axis=0)
    off = max(4, round(TICK / 72 * DPI * page.scale * zoom))
    above, below, beside = (
        [run for run in runs_of(part, gap) if run[1] - run[0] >= LEAST_LINE]
        for part, gap in ((rows[: top - 2], 1), (rows[bottom + off :], 1), (columns[: max(0, left - off)], 3))
    )
    below = [(a + bottom + off, b + bottom + off) for a, b in below]
    above, below = ([run for run in lines if not has_handles(page, run)] for lines in (above, below))
    middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    own = np.flatnonzero(ink[slice(*below[-1])].any(axis=0)) if below else np.zeros(1)
    central = abs((own[0] + own[-1]) / 2 - zoom * middle[0]) < ASIDE * (right - left)
    labels = [int(not is_bare(target, box, side)) for side in ("bottom", "left")]  # lines of these
    places = {  # of the line of text that is next to the axes, or, at a side with ticks, next to their labels
        "title": above and (middle[0], np.mean(above[-1]) / zoom - 0.5, 0),
        "xlabel": central and len(below) == labels[0] + 1 and (middle[0], np.mean(below[-1]) / zoom - 0.5, 0),
        "ylabel": len(beside) == labels[1] + 1 and (np.mean(beside[0]) / zoom - 0.5, middle[1], 90),
    }
    none = {"title": not above, "xlabel": len(below) == labels[0], "ylabel": len(beside) == labels[1]}
    return {name: place or None for name, place in places.items()}, none


def has_handles(page: Page, rows: tuple[int, int]) -> bool:
    """Whether some rows of a page, in its own pixels, are of a legend: have stretches of one grey that are longer than
    those of letters."""
    grey = page.turned(0)[slice(*rows)]
    even = (np.abs(np.diff(grey, axis=1)) < EVEN) & (np.abs(grey - np.median(grey))[:, 1:] > CONTRAST / 4)
    length = round(HANDLE / 72 * DPI * page.scale * page.zoom)
    return bool(ndimage.minimum_filter1d(even, length, axis=1, mode="constant").any())


def _twins(drawing: Drawing, target: np.ndarray, page: Page) -> list[Change]:
    """Of axes with two scales: the name of the one at the right, and the colours of names and numbers at both."""
    program, changes = drawing.program, []
    twins = program.statement_calls("twinx")
    made = [s.targets[0] for s in program.tree.body if isinstance(s, ast.Assign) and s.value in twins]
    box = readout.find_box(target, drawing.box) if drawing.box is not None else None
    if len(made) != 1 or box is None:
        return []
    left, top, right, bottom = (round(side) for side in box)
    sides = {  # the numbers beside the ticks
        program.text(twins[0].func.value): slice(max(0, left - NUMBERS[1]), max(0, left - NUMBERS[0])),
        program.text(made[0]): slice(right + NUMBERS[0], right + NUMBERS[1]),
    }
    colors = {axes: _series_color(drawing, target[top:bottom, columns]) for axes, columns in sides.items()}
    colored = {program.text(call.func.value) for call in program.statement_calls("tick_params")}
    names = {program.text(call.func.value): call for call in program.statement_calls("set_ylabel")}
    for axes, color in colors.items():
        if color and axes not in colored:
            changes.append(program.add_statement(f'{axes}.tick_params(axis="y", labelcolor={color})', BEFORE))
            changes += [program.set_keyword(names[axes], "color", color)] if axes in names else []
    second = list(sides)[1]
    if second in names:
        return changes
    first, zoom = right + TICKS, page.zoom
    grey = page.turned(0)[round(zoom * top) : round(zoom * bottom), round(zoom * first) :]
    inked = (np.abs(grey - np.median(grey)) > CONTRAST).any(axis=0)
    runs = [run for run in runs_of(inked, 3) if run[1] - run[0] >= LEAST_LINE]
    if len(runs) == 2:  # numbers, and the name
        place = first + np.mean(runs[1]) / zoom - 0.5, (top + bottom) / 2
        read = page.read(place, 0.5, 12 / 72 * DPI * page.scale, 90, space=ALONE)
        if read is not None and read.error <= CERTAIN and len(read.text) > 2:
            options = [f"fontsize={read.points}"] if read.points != 10 else []
            options += [f"color={colors[second]}"] if colors[second] else []
            text = ", ".join([string_literal(read.text), *options])
            changes.append(program.add_statement(f"{second}.set_ylabel({text})", BEFORE))
    return changes


def _series_color(drawing: Drawing, part: np.ndarray) -> str | None:
    """The literal of the colour of a series that the text in a part of a picture has; None if it has none of these."""
    color = text_color(part, [s.color for s in drawing.series])
    for s in drawing.series:
        node = s.call.keyword("color")
        if np.ptp(color) > COLORED and np.abs(s.color - color).max() < 1 and node is not None:
            return drawing.program.text(node)
    return None


def _titles_of_pies(drawing: Drawing, page: Page) -> list[Change]:
    """New statements for the titles of pies that the program has none for."""
    program, height, changes = drawing.program, 12 / 72 * DPI * page.scale, []
    every = list(dict.fromkeys(call.axes for call in program.calls))
    titled = [program.text(call.func) for call in program.statement_calls("set_title")]
    if "plt" in every or len(every) != len(drawing.boxes):
        return []
    labels = {node.value for node in ast.walk(program.tree) if isinstance(node, ast.Constant)}
    for axes, (left, top, right, _) in zip(every, drawing.boxes):
        if f"{axes}.set_title" in titled:
            continue
        place = (left + right) / 2, top - TITLE_RISE / 72 * DPI * page.scale
        read = page.read(place, 0.5, height, reach=((right - left) / 2,) * 2, space=ALONE)
        if read is not None and read.error <= CERTAIN and len(read.text) > 2 and read.text not in labels:
            text = f"{axes}.set_title({string_literal(read.text)})"
            changes.append(program.add_statement(text, BEFORE))
    return changes


def _fonts(program: Program, node: ast.Constant, read: Line) -> list[Change]:
    """Changes of size, weight and colour in the call that writes this title or name of an axis, to those that were
    read."""
    if program.statement_calls("use"):  # the style sheet's
        return []
    for method, size in (("title", 12), ("xlabel", 10), ("ylabel", 10)):
        for call in program.statement_calls(f"set_{method}") + program.statement_calls(method):
            if node not in call.args:
                continue
            own = {k.arg: k.value.value for k in call.keywords if isinstance(k.value, ast.Constant)}
            changes = []
            if own.get("fontsize", size) != read.points:
                changes.append(
                    program.set_keyword(call, "fontsize", None if read.points == size else f"{read.points}")
                )
            if read.bold != (own.get("fontweight") == "bold"):
                changes.append(program.set_keyword(call, "fontweight", '"bold"' if read.bold else None))
            color, written = usual_color(read), rgb(own.get("color", "black"))
            told = read.color is not None and written is not None and not program.statement_calls("twinx")
            if told and np.abs(color - written).max() > MEASURED:
                changes.append(program.set_keyword(call, "color", color_literal(color) if color.max() > 0 else None))
            return [change for change in changes if change]
    return []


def _literals(program: Program, texts: list) -> dict[str, list[ast.Constant]]:
    """
    The string literals of a program by their text, but those at ticks. Those that have the same text only if as many
    `texts` of one role are drawn: then these are in the same order.
    """
    at_ticks = {id(node) for _, nodes, _ in _names_at_ticks(program) for node in nodes}
    found: dict[str, list[ast.Constant]] = {}
    for node in ast.walk(program.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in at_ticks:
            found.setdefault(node.value.strip(), []).append(node)
    roles: dict[str, list[str]] = {}
    for role, text, *_ in texts:
        roles.setdefault(text, []).append(role)

    def told_apart(text: str, nodes: list) -> bool:
        return len(nodes) == 1 or (len(nodes) == len(roles.get(text, ())) and len({*roles[text]}) == 1)

    plain = {text: nodes for text, nodes in found.items() if text.count("$") < 2}  # no formulas
    return {text: sorted(nodes, key=program.span) for text, nodes in plain.items() if told_apart(text, nodes)}


def _names_at_ticks(program: Program) -> list[tuple[str, list[ast.Constant], str]]:
    """The columns that stand at the ticks of the categories' axis, their literals in their order, and its side."""
    sides: dict[str, str] = {}
    for call in program.calls:
        if call.x and call.method in ("bar", "barh", "plot", "errorbar", "stackplot"):
            sides.setdefault(call.x, "left" if call.method == "barh" else "bottom")
        if call.method == "scatter":
            sides |= {column: side for column, side in zip((call.x, *call.values), ("bottom", "left")) if column}
    for method, side in (("set_xticks", "bottom"), ("set_yticks", "left")):
        for call in program.statement_calls(method):
            if len(call.args) == 2 and isinstance(call.args[1], ast.Name):
                sides[call.args[1].id] = side
    found = []
    for name, side in sides.items():
        if program.strings(name) is not None:
            table, place = program.column(name)
            found.append((name, [row[place] for row in table.rows], side))
    return found


def _categories(drawing: Drawing, target: np.ndarray, page: Page) -> list[Change]:
    """Changes of the names at the ticks, where the target has as many ticks."""
    program, changes = drawing.program, []
    box = readout.find_box(target, drawing.box) if drawing.box is not None else None
    if box is None:
        return []
    for name, nodes, side in _names_at_ticks(program):
        ticks = readout.find_ticks(target, box, side)
        if len(ticks) != len(nodes):
            continue
        upward = not program.statement_calls("invert_yaxis") and not program.statement_calls("imshow")
        if side == "left" and upward:
            ticks = ticks[::-1]
        gap, turn = np.abs(np.diff(ticks)).min(), _turn(program, "x" if side == "bottom" else "y")
        reads = [_name_at(page, side, tick, box, gap, turn) for tick in ticks]
        texts = _known([read.text if read else None for read in reads])
        # What is drawn at names can't be drawn at one of them twice.
        at_names = any(name in (call.x, *call.values) for call in program.calls)
        initials = all(text is not None and len(text) <= INITIALS for text in texts)
        if side == "bottom" and at_names and initials and len(set(texts)) < len(texts):
            changes += _numbered(program, name, texts)
            continue
        changes += [
            (program.span(node), string_literal(text))
            for node, text in zip(nodes, texts)
            if text not in (None, node.value) and (texts.count(text) == 1 or not at_names)
        ]
    return changes


def _units(drawing: Drawing, target: np.ndarray) -> list[Change]:
    """The formats of numbers at the ticks that the target has and the program has not."""
    program, changes = drawing.program, []
    box = readout.find_box(target, drawing.box) if len(drawing.boxes) == 1 else None
    axes = next((call.axes for call in program.calls), "plt")
    if box is None or axes == "plt":
        return []
    named = [side for _, _, side in _names_at_ticks(program)]
    formatted = [program.text(call.func) for call in program.statement_calls("set_major_formatter")]
    for name, side in (("x", "bottom"), ("y", "left")):
        own = f"{axes}.{name}axis.set_major_formatter"
        if side in named or own in formatted or program.statement_calls(f"set_{name}ticks"):
            continue
        if text := number_format(target, box, side):
            changes.append(program.add_statement(f"{own}({text})", BEFORE))
    return changes


def _known(texts: list[str | None]) -> list[str | None]:
    """Names at ticks, or, if most of them are those of months or days in their order, all of these."""
    for names in (*TIME_DIMENSIONS.values(), *("".join(name[0] for name in n) for n in TIME_DIMENSIONS.values())):
        for first in range(len(names) - len(texts) + 1):
            part = list(names[first : first + len(texts)])
            if sum(a == b for a, b in zip(part, texts)) > KNOWN * len(texts) and len(texts) >= FEWEST:
                return part
    return texts


def _numbered(program: Program, name: str, texts: Sequence[str]) -> list[Change]:
    """Changes that put what is drawn at the names of a column at 0, 1, ... instead, and these texts there."""
    nodes = [node for node in ast.walk(program.tree) if isinstance(node, ast.Name)]
    fresh = next(x for x in ("x", "places", name) if x not in {node.id for node in nodes} or x == name)
    axes, count = program.calls[0].axes, len(texts)
    labels = ", ".join(map(string_literal, texts))
    return [
        *program.write_columns({name: list(map(str, range(count)))}),
        *((program.span(node), fresh) for node in nodes if node.id == name),
        program.add_statement(f"{axes}.set_xticks(range({count}), [{labels}])", BEFORE),
    ]


def turned(drawing: Drawing, target: np.ndarray, size: tuple[int, int] = (CANVAS, CANVAS)) -> str | None:
    """The program with the names at its ticks turned as those of the target; None if they are so, or can't be read.
    `size`: as of `reworded`."""
    program = drawing.program
    box = readout.find_box(target, drawing.box) if drawing.box is not None else None
    if box is None or "plt" in {call.axes for call in program.calls}:
        return None
    page, changes = Page.for_drawing(drawing, target, size), []
    for side in ("bottom", "left"):
        names = next((nodes for _, nodes, own in _names_at_ticks(program) if own == side), [])
        ticks = readout.find_ticks(target, box, side)
        if 2 <= len(ticks) == len(names):
            changes += _turned_at(program, target, page, side, ticks, box)
    return program.changed(changes) if changes else None


def sized(drawing: Drawing, target: np.ndarray, size: tuple[int, int] = (CANVAS, CANVAS)) -> str | None:
    """The program with labels at its ticks that are as large as those of the target; None if they are so, or of more
    than one size, or can't be read. `size`: as of `reworded`."""
    program = drawing.program
    box = readout.find_box(target, drawing.box) if len(drawing.boxes) == 1 else None
    axes = next((call.axes for call in program.calls), "plt")
    said = any("labelsize" in program.text(call) for call in program.statement_calls("tick_params"))
    if box is None or axes == "plt" or said or program.statement_calls("use"):
        return None
    page, height, points = Page.for_drawing(drawing, target, size), 10 / 72 * DPI * drawing.scale, []
    for side, axis in (("bottom", "x"), ("left", "y")):
        ticks = readout.find_ticks(target, box, side)
        if len(ticks) < 2:
            continue
        gap, turn = float(np.diff(ticks).min()), _turn(program, axis)
        lines = [_name_at(page, side, tick, box, max(gap, height), turn) for tick in _some(ticks)]
        points += [line.points for line in lines if line is not None and line.error <= CERTAIN]
    if len(points) < FIRST or len(set(points)) > 1 or points[0] == POINTS:
        return None
    return program.changed([program.add_statement(f"{axes}.tick_params(labelsize={points[0]:g})", BEFORE)])


def _some(ticks: np.ndarray) -> np.ndarray:
    """As many ticks as are read to learn how their labels are written."""
    return ticks[np.unique(np.linspace(0, len(ticks) - 1, FIRST).round().astype(int))]


def _turned_at(
    program: Program, target: np.ndarray, page: Page, side: str, ticks: np.ndarray, box: readout.Box
) -> list[Change]:
    """Changes of how the names at the ticks of a side are turned."""
    axis = "x" if side == "bottom" else "y"
    own, height, gap = _turn(program, axis), 10 / 72 * DPI * page.scale, float(np.diff(ticks).min())
    tried = _some(ticks)
    flat = _depth(target, box, side) < FLAT * height
    if not own[0] and flat == (side == "bottom"):
        return []

    def error(turn: tuple[int, str]) -> float:
        found = [_name_at(page, side, tick, box, gap, turn) for tick in tried]
        return float(np.mean([1.0 if line is None else line.error for line in found]))

    if error(own) < LEGIBLE:
        return []
    angles = UPRIGHT if side == "left" else [0] if flat else _angles(target, page, box)
    errors = {own: LEGIBLE}
    for angle in angles:
        turns = [(angle, anchor) for anchor in ANCHORS[0 < angle < 90 and side == "bottom"]]
        errors |= {turn: error(turn) for turn in turns if turn != own}
        if min(errors.values()) <= CERTAIN:
            break
    best = min(errors, key=errors.get)
    if best == own:
        return []
    axes = program.calls[0].axes
    changes = [program.drop_statement(call) for call in _turning(program, axis)]
    angle, anchor = best
    if angle and anchor == "center":
        changes.append(program.add_statement(f'{axes}.tick_params(axis="{axis}", rotation={angle})', BEFORE))
    elif angle:
        text = f'plt.setp({axes}.get_{axis}ticklabels(), rotation={angle}, ha="{anchor}")'
        changes.append(program.add_statement(text, BEFORE))
    return [change for change in changes if change]


def _depth(pixels: np.ndarray, box: readout.Box, side: str) -> int:
    """Rows of the labels below the axes, or columns of those at their left."""
    left, top, right, bottom = (int(round(v)) for v in box)
    if side == "left":  # as if below
        pixels, left, right, bottom = pixels[:, ::-1].swapaxes(0, 1), top, bottom, pixels.shape[1] - 1 - left
    return np.ptp(_rows_below(pixels, left, right, bottom))


def _rows_below(pixels: np.ndarray, left: int, right: int, bottom: int) -> tuple[int, int]:
    """From which row to which labels reach that are below the axes, (0, 0) if there are none."""
    ink = readout.difference(pixels[bottom + TICKS :, left:right], readout.page_of(pixels)) > CONTRAST
    rows = np.flatnonzero(ink.any(axis=1) & ~ink.all(axis=1)) + bottom + TICKS
    lines = np.split(rows, np.flatnonzero(np.diff(rows) > 3) + 1)
    first = next((line for line in lines if len(line) >= LEAST_LINE), None)  # not the ends of ticks
    return (0, 0) if first is None else (int(first[0]), int(first[-1]) + 1)


def _angles(target: np.ndarray, page: Page, box: readout.Box) -> list[int]:
    """The likeliest angles of the labels below the axes: those at which their lines are narrowest, compared to what
    they lie in."""
    left, _, right, bottom = (int(round(v)) for v in box)
    rows = [round(page.zoom * row) for row in _rows_below(target, left, right, bottom)]
    grey = page.turned(0)[slice(*rows), round(page.zoom * left) : round(page.zoom * right)]
    if not grey.size:
        return []
    pictures, widths = [Image.fromarray(part) for part in (np.abs(grey - np.median(grey)), np.ones_like(grey))], {}
    for angle in ANGLES:
        turned = (picture.rotate(-angle, Image.Resampling.BILINEAR, expand=True) for picture in pictures)
        own, most = (np.asarray(picture).sum(axis=1, dtype=float) for picture in turned)
        widths[angle] = own.sum() ** 2 / max(1.0, (own**2).sum()) / (most.sum() ** 2 / (most**2).sum())
    return sorted(widths, key=widths.get)[:LIKELY]


def _turn(program: Program, axis: str) -> tuple[int, str]:
    """The angle of the names at the ticks of an axis, and what of them is at the ticks: their "center" or "right"
    end."""
    for call in _turning(program, axis):
        said = {k.arg: k.value.value for k in call.keywords if isinstance(k.value, ast.Constant)}
        if isinstance(said.get("rotation"), int):
            return said["rotation"], said.get("ha", "center")
    return 0, "center"


def _turning(program: Program, axis: str) -> list[ast.Call]:
    """The calls that turn the names at the ticks of an axis."""
    calls = program.statement_calls("tick_params") + program.statement_calls("setp")
    others = f'axis="{OTHER[axis]}"', f"get_{OTHER[axis]}ticklabels"
    return [
        call
        for call in calls
        if any(k.arg == "rotation" for k in call.keywords) and not any(part in program.text(call) for part in others)
    ]


def _name_at(page: Page, side: str, tick: float, box: readout.Box, gap: float, turn: tuple[int, str]) -> Line | None:
    """The name at a tick of a side of the axes, if it is turned as `_turn` says; `gap`: to the next tick."""
    height, room = 10 / 72 * DPI * page.scale, TICK_ROOM * page.scale
    if side == "bottom":
        return _read_turned(page, tick, box[3] + room, height, gap, turn)
    if turn[0]:  # upward
        return page.read((box[0] - room - height / 2, tick), 0.5, height, turn[0], reach=(gap / 2, gap / 2))
    return page.read((box[0] - room, tick), 1.0, min(height, gap / 2), reach=(CANVAS, 2))


def _read_turned(page: Page, tick: float, top: float, height: float, gap: float, turn: tuple[int, str]) -> Line | None:
    """The name at a tick, whose labels begin at `top`, if it is turned as `_turn` says; `gap`: to the next tick."""
    angle, anchor = turn
    if angle == 0:
        middle = page.first_line(tick, top, gap / 2)
        return None if middle is None else page.read((tick, middle), 0.5, height, reach=(gap / 2, gap / 2))
    if angle == 90:
        return page.read((tick, top), 1.0, min(height, gap / 2), 90, reach=(CANVAS, 2))
    if anchor == "right":  # its upper right corner touches the tick's upright line and the labels' upper one
        sine, cosine = math.sin(math.radians(angle)), math.cos(math.radians(angle))
        place = tick - height / 2 * sine, top + height / 2 * cosine
        return page.read(place, 1.0, height, angle, reach=(CANVAS, height / 3))
    return _read_slanted(page, tick, top, height, angle)


def _read_slanted(page: Page, x: float, top: float, height: float, angle: int) -> Line | None:
    """
    The text at an angle whose upright bounding box hangs in the middle of its upper side from a place, as
    matplotlib has it at ticks. How long it is says how far below the place its middle lies, and the other way round.
    """
    grey, sine, cosine = page.turned(angle), math.sin(math.radians(angle)), math.cos(math.radians(angle))
    dark = np.abs(grey - np.median(grey)) > CONTRAST
    best, found = 0.0, None
    high = page.zoom * height
    for drop in np.arange(height, LONGEST / 2, 1.0):  # from the top to the middle of the text
        length = (2 * drop - height * cosine) / sine
        long, (u, v) = page.zoom * length, page.place(x, top + drop, angle)
        rows = slice(max(0, int(v - high / 3)), int(v + high / 3) + 1)
        ends = [int(u + side * long / 2) for side in (-1, 1)]
        inside = dark[rows, max(0, ends[0] + 1) : ends[1]].any(axis=0)
        beyond = [dark[rows, max(0, int(a)) : int(a + high / 2)].any() for a in (ends[0] - high / 2 - 2, ends[1] + 2)]
        value = inside.sum() - (~inside).sum() - long * sum(beyond) / 2
        if value > best:
            best, found = value, (drop, length)
    if found is None:
        return None
    drop, length = found
    reach = length / 2 + height / 3
    return page.read((x, top + drop), 0.5, height, angle, reach=(reach, reach))

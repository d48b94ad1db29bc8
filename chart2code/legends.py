"""The legend of a chart, found by what every legend is: a handle of each series, and at its right a text.

`written` gives a program the legend of its target: the labels of its series, their order, place, columns, title and
frame. Whatever labels the program had before are gone.
"""

from __future__ import annotations

import ast
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from chart2code import morphology, readout
from chart2code.captions import Page
from chart2code.drawing import Drawing, literal_color, rgb
from chart2code.program import Program, string_literal
from chart2code.tick_labels import runs_of
from chart2code.words import Line
from eval_metric.similarity import CANVAS

NAMED = ("plot", "step", "errorbar", "scatter", "bar", "barh", "stackplot", "fill_between")
TEXT_POINTS = 10.0  # matplotlib's own
PAD, GAP, ROW = 0.4, 0.5, 0.97  # ems, within a legend, around it, and of the height of its rows
HANDLE = 2.0  # ems, its width
FRAME = 10  # of 255: the difference of a legend's frame from the page
SEEN_THROUGH, THICKEST = 60, 3  # of 255: what is seen through it differs less from its paper; pixels, of its frame
RIM, RANGE = 5, 20  # pixels, of its frame; and of 255, that a colour may be beyond those of screens
PLACE_ERROR = 5.0  # pixels of the canvas
WIDTHS, TALLEST, LINE = (3.0, 36.0), 17.0, 14.0  # points, of handles; and the least width of those of lines
BETWEEN, BLANK, NEXT = 4.5, 4.2, 26.0  # points: in a dashed handle, at least to its text, and at most
CUT_DASH = 0.15  # of a pixel, what is seen at least of the last dash of a handle, where that is cut off
LEFT_OUT = 2  # ems from one entry to the next, if there is another one between them
AROUND = 4.0  # points above and below the middle of a line of text
HALF_HANDLE, MARKED = 6, 1.6  # pixels: half the height of a handle, and more than a line that has a marker
LETTER, MOSTLY = 5.0, 0.8  # points, the width of one; and of its ink, in no colour
COLORFUL = 60  # of 255, the chroma of colours
EDGE = 2.5  # points, the greatest width of the edge of a handle
INK, PALE = 45, 150  # of 255, between text and paper; and the darkest of pale greys
PITCH = (6.5, 40.0)  # points, from line to line
FILLED = 3  # pixels: the square that markers fill, and strokes don't
IN_ROW, IN_COLUMN = 1.6, 2.6  # pixels
SAME_COLOR = 12  # of 255
MOST_ENTRIES = 16
READ = 0.6  # of the entries
CERTAIN = 0.3  # of the ink of a title, unexplained
TICK_LABELS = 22  # points below the axes, where these may be


@dataclass(frozen=True)
class Entry:
    """A handle, in pixels of the canvas, the number of its colour, and where its text begins."""

    left: float
    right: float
    y: float
    color: int
    text: float


@dataclass(frozen=True)
class Key:
    """A call that may have an entry, and its colour; `index`: of those that a call has several entries for."""

    call: ast.Call
    axes: str
    index: int
    color: np.ndarray


def written(drawing: Drawing, target: np.ndarray, size: tuple[int, int] = (CANVAS, CANVAS)) -> list[str]:
    """
    The program with the legend of the target: with its series in the legend's order, and in their own; none if no
    legend is seen, or if the program has it. `size`: as of `captions.reworded`.
    """
    program, keys = drawing.program, _keys(drawing)
    if not keys or drawing.box is None or len({tuple(np.round(box)) for box in drawing.boxes}) != 1:
        return []
    box = readout.find_box(target, drawing.box) or drawing.box
    legend = find_legend(target, box, [key.color for key in keys], Page.for_drawing(drawing, target, size))
    if legend is None:
        return []
    labels, order = _labels(legend, keys, target)
    changes = []
    for call in dict.fromkeys(key.call for key in keys):
        own = [label for key, label in zip(keys, labels) if key.call is call]
        if call.func.attr == "stackplot":
            known = ", ".join(string_literal(label or "") for label in own)
            changes.append(program.set_keyword(call, "labels", f"[{known}]" if any(own) else None))
        else:
            changes.append(program.set_keyword(call, "label", string_literal(own[0]) if own[0] else None))
    owners = list(dict.fromkeys(key.axes for key in order))
    framed = bool(program.settings["legend.frameon"])
    if len(owners) == 1:
        text = f"{owners[0]}.legend({', '.join(legend.options(framed))})"
    else:  # one legend for the series of two axes
        options = [*legend.options(framed, anchored=True), f"bbox_transform={program.calls[0].axes}.transAxes"]
        text = f"fig.legend({', '.join(options)})"
    former = program.statement_calls("legend")
    if former:
        changes.append((program.span(former[0]), text))
        changes += [program.drop_statement(call) for call in former[1:]]
    else:
        changes.append(program.add_statement(text, ("tight_layout", "subplots_adjust")))
    code = program.changed(filter(None, changes))
    codes = [_reordered(code, order, program), code]
    return [code for code in dict.fromkeys(codes) if code and code != drawing.code]


def _labels(legend: Legend, keys: Sequence[Key], target: np.ndarray) -> tuple[list[str | None], list[Key]]:
    """The label of each of the keys, None where it has no entry, and those that have one, in the legend's order."""
    labels: list[str | None] = [None] * len(keys)
    found = {}
    for color in dict.fromkeys(entry.color for entry in legend.entries):
        free = [k for k in range(len(keys)) if k not in found.values()]
        alike = [k for k in free if np.abs(keys[k].color - keys[color].color).max() < SAME_COLOR]
        entries = [k for k, entry in enumerate(legend.entries) if entry.color == color]
        cost = np.zeros((len(entries), len(alike)))
        if len(alike) > 1:  # of one colour: by how they are drawn
            strokes = [_stroke_of(target, legend.entries[e], keys[color].color) for e in entries]
            said = [_said_stroke(keys[k].call) for k in alike]
            cost = np.array([[np.not_equal(seen, own).sum() for own in said] for seen in strokes], float)
        cost += 1e-3 * np.abs(np.subtract.outer(range(len(entries)), range(len(alike))))
        found |= {entries[i]: alike[j] for i, j in zip(*linear_sum_assignment(cost))}
    for e, k in sorted(found.items()):
        line = legend.lines[e]
        labels[k] = line.text if line else f"Series {k + 1}"
    return labels, [keys[k] for _, k in sorted(found.items())]


def _stroke_of(target: np.ndarray, entry: Entry, color: np.ndarray) -> tuple[str, bool]:
    """The dashes of a handle, and whether it has a marker in its middle."""
    left, right, y = (round(place) for place in (entry.left, entry.right, entry.y))
    rows = slice(max(0, y - HALF_HANDLE), y + HALF_HANDLE + 1)
    part = target[rows, left : right + 1]
    amount = readout.coverage(part, color, np.median(part.reshape(-1, 3), axis=0)).sum(axis=0)
    drawn, half = amount[amount > 0.3], len(amount) // 2
    if not len(drawn):
        return "", False
    thickness, everywhere = float(np.percentile(drawn, 30)), np.ones(len(amount) + 2, bool)
    marked = bool(amount[half - 1 : half + 2].max(initial=0) > thickness + MARKED)
    if len(drawn) > (1 - readout.LEAST_GAPS) * len(amount):
        return "-", marked
    return readout.dashes_of(np.pad(amount, 1), everywhere, everywhere, thickness), marked


def _said_stroke(call: ast.Call) -> tuple[str, bool]:
    """As `_stroke_of`, by the keywords of a call."""
    said = {k.arg: k.value.value for k in call.keywords if isinstance(k.value, ast.Constant)}
    dots = call.func.attr == "scatter"
    return said.get("linestyle", "" if dots else "-"), dots or "marker" in said


def without_labels(code: str) -> str:
    """A program without the names of its series, if it has no legend that shows them."""
    program = Program(code)
    if any(program.statement_calls(method) for method in ("legend", "legend_elements", "get_legend_handles_labels")):
        return code
    calls = [call.node for call in program.calls if call.method in NAMED]
    calls += program.statement_calls("axhline") + program.statement_calls("axvline")
    changes = [program.set_keyword(call, name, None) for call in calls for name in ("label", "labels")]
    return program.changed(filter(None, changes))


def _keys(drawing: Drawing) -> list[Key]:
    """What may be in the legend of a drawing."""
    program = drawing.program
    series = {(id(s.call.node), s.index): s.color for s in drawing.series}
    keys = []
    if any(call.args for call in program.statement_calls("legend")):  # whose handles are of another kind
        return []
    for call in program.calls:
        if call.method not in NAMED:
            return []
        for index in range(len(call.values) if call.method == "stackplot" else 1):
            color = series.get((id(call.node), index), literal_color(call, index))
            if color is not None and not isinstance(call.keyword("color"), ast.List):
                if call.method != "fill_between" or call.keyword("label") is not None:
                    keys.append(Key(call.node, call.axes, index, color))
    for method in ("axhline", "axvline"):
        for call in program.statement_calls(method):
            colors = [k.value.value for k in call.keywords if k.arg == "color" and isinstance(k.value, ast.Constant)]
            if colors and rgb(colors[0]) is not None and isinstance(call.func.value, ast.Name):
                keys.append(Key(call, call.func.value.id, 0, rgb(colors[0])))
    return keys


def _reordered(code: str, keys: Sequence[Key], former: Program) -> str | None:
    """The program `code` with the statements that draw some series in the order of these; the places and number of the
    calls are those of the `former` program. None if they are so already, or draw things of several kinds."""
    if len({(key.axes, key.call.func.attr) for key in keys}) != 1 or len({id(key.call) for key in keys}) < len(keys):
        return None
    places = [[id(call.node) for call in former.calls].index(id(key.call)) for key in keys
              if any(call.node is key.call for call in former.calls)]  # fmt: skip
    if len(places) < len(keys) or places == sorted(places):
        return None
    program = Program(code)
    statements = [program.statement_of(program.calls[place].node) for place in places]
    if None in statements or len(set(map(id, statements))) < len(statements):
        return None
    texts = [code[slice(*program.span(statement))] for statement in statements]
    spans = sorted(program.span(statement) for statement in statements)
    changes = list(zip(spans, texts))
    data = dict.fromkeys(table.statement for table in program.tables if table.statement)
    between = [statement for statement in data if spans[0] < program.span(statement) < spans[-1]]
    if between:  # the data of one that is drawn earlier now
        lines = [code[slice(*program.span(statement))] for statement in between]
        changes[0] = spans[0], "\n".join([*lines, changes[0][1]])
        changes += [program.drop_line(statement) for statement in between]
    return program.changed(changes)


def find_legend(
    target: np.ndarray, box: readout.Box, colors: Sequence[np.ndarray], page: Page, inside: bool = False
) -> Legend | None:
    """
    The legend that names some of these colours (of 255); None if there is none.

    Args:
        target: the chart on the common canvas.
        box: its axes.
        page: what reads its texts.
        inside: whether it is looked for in the axes only.
    """
    unit = page.scale * 100 / 72  # pixels per point
    entries = _entries(target, box, colors, unit, inside)
    # Where a line is black, its handle is beside words and numbers that look like entries.
    lines = [
        entry
        for entry in entries
        if entry.right - entry.left > LINE * unit and box[0] < entry.left and box[1] < entry.y < box[3]
    ]
    ways = [entries, lines] if len(lines) < len(entries) else [entries]
    return next(filter(None, (_legend_of(way, target, box, colors, page, unit) for way in ways)), None)


def _legend_of(
    entries: list[Entry],
    target: np.ndarray,
    box: readout.Box,
    colors: Sequence[np.ndarray],
    page: Page,
    unit: float,
) -> Legend | None:
    """The legend that most of some possible entries make; other arguments as of `find_legend`, `unit`: pixels per
    point."""
    most = Counter(map(_rounded, colors))
    most = {k: most[_rounded(color)] for k, color in enumerate(colors)}
    best: list[Entry] = []
    for first in entries:
        best = max(best, _grid(entries, first, unit, most), key=_rank)
    if not best or len(best) > MOST_ENTRIES:
        return None
    alone = len({e.color for e in best}) == 1 < len({_rounded(color) for color in colors})
    if alone and len(best) > 1:
        return None
    legend = Legend(target, box, best, page, [colors[e.color] for e in best])
    if sum(line is not None for line in legend.lines) < READ * len(best):
        return None
    if len(best) == 1 and not (legend.at_corner and legend.lines[0].error < CERTAIN):  # a name beside a point
        return None
    return None if alone and legend.goes_on else legend


def _rank(entries: list[Entry]) -> tuple[float, ...]:
    """Of two that could be the legend the greater one rather is: with more entries, in less space."""
    if not entries:
        return 0, 0.0
    wide, high = (np.ptp([getattr(entry, side) for entry in entries]) for side in ("text", "y"))
    return len(entries), -float(wide + high)


def _entries(
    target: np.ndarray, box: readout.Box, colors: Sequence[np.ndarray], unit: float, inside: bool
) -> list[Entry]:
    """What could be an entry of a legend: a small part of one colour, a text at its right, nothing at its left."""
    grey, plain = target.mean(axis=2, dtype=np.float32), np.ptp(target, axis=2) < COLORFUL
    distinct = {_rounded(color): k for k, color in reversed([*enumerate(colors)])}
    inks = [colors[k] for k in distinct.values()]
    ways = [readout.coverages(target, inks, readout.paper_of(target, box), box)]
    if not inside:
        ways.append(readout.coverages(target, inks, readout.page_of(target), (0, 0, CANVAS - 1, CANVAS - 1)))
        for cover in ways[1]:
            readout.inside_of(cover, box, 0)[:] = 0
    found, covers = [], [np.max(own, axis=0) for own in zip(*ways)]
    whole, _ = ndimage.label(np.max(covers, axis=0, initial=0) > 0.4, np.ones((3, 3)))
    handles = ndimage.find_objects(whole)
    for k, cover in zip(distinct.values(), covers):
        mask = cover > 0.4
        if np.ptp(colors[k]) < COLORFUL and np.mean(colors[k]) > PALE:  # the edges of letters are of it, too
            mask = morphology.opening(mask & (grey > np.mean(colors[k]) - INK), (3, 3))
        filled = morphology.opening(mask, (FILLED, FILLED))
        for rows, columns in _parts(mask, unit):
            y = (rows.start + rows.stop - 1) / 2
            solid = bool(filled[rows, columns].any())
            handle = handles[whole[rows, columns].max() - 1]
            if _is_small(handle, unit):  # also in other colours, as of error bars
                columns = slice(min(columns.start, handle[1].start), max(columns.stop, handle[1].stop))
            columns = _with_edges(grey, rows, _with_cut_dash(cover, rows, columns, unit), unit)
            text = _text_beside(grey, plain, columns, y, unit)
            if text is not None:
                found.append((solid, Entry(columns.start, columns.stop - 1, y, k, text)))
    found.sort(key=lambda pair: not pair[0])  # of a handle in two colours that of the marker, and not of its strokes
    return _without_texts([entry for _, entry in found])


def _parts(mask: np.ndarray, unit: float) -> list[tuple[slice, slice]]:
    """The parts of a colour, dashes as one, that are as large as handles; also those next to a larger one, as the
    handle in a legend that lies upon an area."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return []
    top, left, reach = rows[0], columns[0], max(2, round(BETWEEN * unit))
    mask = np.pad(mask[top : rows[-1] + 1, left : columns[-1] + 1], ((0, 0), (reach, reach)))
    joined = morphology.closing(mask, (1, reach))

    regions, _ = ndimage.label(joined, np.ones((3, 3)))
    parts = ndimage.find_objects(regions)
    small = [_is_small(part, unit) for part in parts]
    large = np.array([False, *(part[1].stop - part[1].start >= WIDTHS[1] * unit for part in parts)])
    apart, _ = ndimage.label(mask & large[regions], np.ones((3, 3)))
    found = [
        *itertools.compress(parts, small),
        *(part for part in ndimage.find_objects(apart) if _is_small(part, unit)),
    ]
    shift = top, left - reach
    return [tuple(slice(s.start + d, s.stop + d) for s, d in zip(part, shift)) for part in found]


def _is_small(part: tuple[slice, slice], unit: float) -> bool:
    """Whether something is as large as a handle."""
    height, width = (side.stop - side.start for side in part)
    return WIDTHS[0] * unit < width < WIDTHS[1] * unit and height <= TALLEST * unit


def _with_cut_dash(cover: np.ndarray, rows: slice, columns: slice, unit: float) -> slice:
    """The columns of a handle in dashes with those of its last one, which may be no more than a soft edge."""
    beside = cover[rows, columns.stop : columns.stop + round(BETWEEN * unit)].max(axis=0, initial=0) > CUT_DASH
    seen = np.flatnonzero(beside)
    ends = len(seen) and not beside[-1]  # else it is seen through the legend
    return slice(columns.start, columns.stop + (int(seen[-1]) + 1 if ends else 0))


def _with_edges(grey: np.ndarray, rows: slice, columns: slice, unit: float) -> slice:
    """The columns of a handle with its edges, which have another colour."""
    reach = round(EDGE * unit)
    right = grey[rows, columns.stop : columns.stop + reach + 1]
    left = grey[rows, max(0, columns.start - reach - 1) : columns.start][:, ::-1]

    def width(beside: np.ndarray) -> int:  # 0 where what is beside it does not end
        if beside.shape[1] <= reach:
            return 0
        blank = ~(np.abs(beside - np.median(beside[:, -1])) > INK).any(axis=0)
        return int(blank.argmax())

    return slice(columns.start - width(left), columns.stop + width(right))


def _without_texts(entries: list[Entry]) -> list[Entry]:
    """Without those that are the text of another one, which may have the colour of a series."""
    kept: list[Entry] = []
    for entry in sorted(entries, key=lambda entry: entry.left):
        at_text = (
            abs(other.y - entry.y) < IN_ROW + 1 and entry.left > other.text - IN_ROW > entry.left - AROUND
            for other in kept
        )
        if not any(at_text):
            kept.append(entry)
    return kept


def _text_beside(grey: np.ndarray, plain: np.ndarray, columns: slice, y: float, unit: float) -> float | None:
    """Where a text begins at the right of a handle; None if none does, or if something is at its left. `plain`: (H, W)
    bool, where the picture has no colours."""
    rows = slice(max(0, round(y - AROUND * unit)), round(y + AROUND * unit) + 1)
    beside = slice(columns.stop + 1, columns.stop + 1 + round(NEXT * unit))
    right = grey[rows, beside]
    left = grey[rows, max(0, columns.start - 1 - round(2 * unit)) : max(0, columns.start - 1)]
    if right.size == 0:
        return None
    paper = np.median(right[:, : max(2, int(BLANK * unit))])
    ink = np.abs(right - paper) > INK
    inked = ink.any(axis=0)
    first = int(inked.argmax())
    letter = np.s_[:, first : first + max(2, round(LETTER * unit))]
    if not inked[first] or np.mean(plain[rows, beside][letter][ink[letter]]) < MOSTLY:
        return None
    if first + 1 < BLANK * unit or (np.abs(left - paper) > INK).any():
        return None
    return float(columns.stop + 1 + first)


def _rounded(color: np.ndarray) -> tuple[float, ...]:
    return tuple(np.round(color))


def _is_multiple(gap: float, pitch: float) -> bool:
    """Whether from one entry of a legend to another it is one line or two; all in pixels."""
    return abs(gap / pitch - round(gap / pitch)) * pitch < 2 * IN_ROW and gap < 2.5 * pitch


def _grid(entries: list[Entry], first: Entry, unit: float, most: dict[int, int]) -> list[Entry]:
    """The entries of the legend whose upper left one is `first`, column by column; each colour as often as there are
    series of it (`most`)."""

    def fits(found: list[Entry]) -> bool:
        return all(count <= most[color] for color, count in Counter(entry.color for entry in found).items())

    def column_of(start: Entry) -> list[Entry]:
        below = [e for e in entries if abs(e.text - start.text) <= IN_COLUMN and e.y >= start.y - IN_ROW]
        steps = np.diff(np.unique([entry.y for entry in below]))
        least = sorted(step for step in steps if step > PITCH[0] * unit)[:1]  # where some entries are missing
        taken = [start]
        for entry in sorted(below, key=lambda e: e.y):
            gap = entry.y - taken[-1].y
            if fits([*taken, entry]) and PITCH[0] * unit < gap < PITCH[1] * unit:
                pitches = [taken[1].y - taken[0].y if len(taken) > 1 else gap, *least]
                if any(_is_multiple(gap, pitch) for pitch in pitches):
                    taken.append(entry)
        return taken

    found = column_of(first)
    rows = [entry.y for entry in found]
    heads = [e for e in entries if abs(e.y - first.y) <= IN_ROW and e.text > first.text + IN_COLUMN]
    for head in sorted(heads, key=lambda e: e.text):
        column = column_of(head)
        fitting = len(column) <= len(rows) and all(abs(e.y - y) <= 2 * IN_ROW for e, y in zip(column, rows))
        if fitting and fits([*found, *column]):
            found += column
    return found


class Legend:
    """A legend, its places in pixels of the canvas; `colors` of its entries, other arguments as of `find_legend`."""

    def __init__(
        self, target: np.ndarray, axes: readout.Box, entries: list[Entry], page: Page, colors: list[np.ndarray]
    ):
        self.target, self.axes, self.entries, self.page, self.colors = target, axes, entries, page, colors

    def place_of(self, color: np.ndarray) -> int:
        """Which entry is the only one of a colour; the number of all, if none is."""
        found = [k for k, own in enumerate(self.colors) if np.abs(own - color).max() < SAME_COLOR]
        return found[0] if len(found) == 1 else len(self.entries)

    def text_of(self, color: np.ndarray) -> str | None:
        """What is written at the only entry of a colour, if that can be read."""
        place = self.place_of(color)
        line = self.lines[place] if place < len(self.entries) else None
        return line.text if line else None

    @cached_property
    def columns(self) -> list[float]:
        """Where the texts of each column begin."""
        starts = {round(entry.text) for entry in self.entries}
        return [float(a) for a, _ in runs_of(np.isin(np.arange(CANVAS), list(starts)), IN_COLUMN)]

    @cached_property
    def lines(self) -> list[Line | None]:
        """The texts of the entries, None where one can't be read."""
        lines, height = [], TEXT_POINTS * 100 / 72 * self.page.scale
        for entry in self.entries:
            beyond = [other.left for other in self.entries if other.left > entry.text]
            reach = 0.5 * height, min([*beyond, self._side(entry, height)]) - entry.text - 2
            lines.append(self.page.read((entry.text, entry.y), 0.0, height, reach=reach))
        return lines

    def _side(self, entry: Entry, height: float) -> float:
        """Where its frame is at the right of an entry, or what it lies upon begins, as far as that is seen; `height`
        of a line of text."""
        ends = [other.y for other in self.entries]
        rows = slice(max(0, round(min(ends) - 0.7 * height)), round(max(ends) + 0.7 * height) + 1)
        first = round(entry.right) + 2
        strip = self.target[rows, first:]
        paper = np.median(strip[:, : max(1, round(entry.text) - 2 - first)], axis=(0, 1))
        away = np.percentile(readout.difference(strip, paper), 10, axis=0)
        lines = [run[0] for run in runs_of(away > INK / 2, 0) if run[1] - run[0] <= THICKEST]
        return first + float(min([*lines, *np.flatnonzero(away > SEEN_THROUGH)[:1]], default=CANVAS))

    @cached_property
    def points(self) -> float:
        sizes = Counter(line.points for line in self.lines if line)
        return sizes.most_common(1)[0][0] if sizes else TEXT_POINTS

    @cached_property
    def em(self) -> float:
        return self.points * 100 / 72 * self.page.scale

    @cached_property
    def title(self) -> Line | None:
        first = self.entries[0]
        left, right = self._sides
        pitch, half = self.pitch, (right - left) / 2
        rows = slice(round(first.y - pitch - self.em / 3), round(first.y - pitch + self.em / 3) + 1)
        if rows.start < (self.axes[1] if first.y > self.axes[1] else 0):
            return None
        if 0 < first.y - self.axes[3] < pitch + TICK_LABELS * 100 / 72 * self.page.scale:  # these stand there
            return None
        handle = self.target[rows, round(first.left) : round(first.right) + 1].mean(axis=2)
        if handle.size and np.ptp(handle) > INK and left + self.em < first.text:
            blank = self.target[rows, round(first.right) + 2 : round(first.text) - 1].mean(axis=2)
            if blank.size == 0 or np.ptp(blank) <= INK:  # an entry of another colour
                return None
        read = self.page.read(((left + right) / 2, first.y - pitch), 0.5, self.em, reach=(half, half))
        if read is None or read.middle > first.y - pitch / 2:  # of the first entry
            return None
        return read if read.error <= CERTAIN and len(read.text) > 1 else None

    def _left(self, entry: Entry) -> float:
        """The left end of the place that an entry's handle has, where it may be a marker in the middle."""
        return min(entry.left, (entry.left + entry.right - HANDLE * self.em) / 2)

    @cached_property
    def _sides(self) -> tuple[float, float]:
        """Where its handles begin, and where its texts end."""
        ends = [self._end(entry, line) for entry, line in zip(self.entries, self.lines)]
        return min(self._left(entry) for entry in self.entries), max(ends)

    @cached_property
    def box(self) -> readout.Box:
        (left, right), pad, high = self._sides, PAD * self.em, (ROW / 2 + PAD) * self.em
        rows = [entry.y for entry in self.entries]
        above = self.pitch if self.title else 0.0
        return left - pad, min(rows) - above - high, right + pad, max(rows) + high

    @cached_property
    def pitch(self) -> float:
        rows = np.unique(np.round([entry.y for entry in self.entries]))
        gaps = np.diff(rows)[np.diff(rows) > 2 * IN_ROW]
        return float(gaps.min()) if len(gaps) else 1.5 * self.em

    def _end(self, entry: Entry, line: Line | None) -> float:
        """The right end of a text: of the run of ink in its row."""
        if line is None:
            return entry.text + 4 * self.em
        rows = slice(max(0, round(entry.y - self.em / 3)), round(entry.y + self.em / 3) + 1)
        reach = 1.2 * self.em * (len(line.text) + 1)
        reach = min(reach, self._side(entry, self.em) - int(entry.text))
        strip = self.target[rows, int(entry.text) : int(entry.text + reach)].mean(axis=2)
        ink = (np.abs(strip - np.median(strip)) > INK).any(axis=0)
        runs = runs_of(ink, 0.6 * self.em)
        return entry.text + (runs[0][1] if runs else reach)

    @cached_property
    def framed(self) -> bool:
        """Whether it has a frame, by its left side."""
        left, top, _, bottom = self.box
        rows = slice(max(0, round(top + 0.4 * self.em)), max(0, round(bottom - 0.4 * self.em)))
        strip = self.target[rows, max(0, round(left) - 3) : round(left) + 4].astype(np.float32)
        if strip.size == 0:
            return True
        away = np.abs(strip - np.median(strip, axis=(0, 1))).max(axis=2)
        return float(np.median(away.max(axis=1))) > FRAME

    @cached_property
    def goes_on(self) -> bool:
        """Whether above or below its only entry stands another text, of an entry that isn't told from its series."""
        entry, reach = self.entries[0], (self.em / 2, 4 * self.em)
        rows = (entry.y + way * self.pitch for way in (-1, 1))
        found = (self.page.read((entry.text, y), 0.0, self.em, reach=reach) for y in rows if y > self.axes[1])
        return any(line is not None and len(line.text) > 1 for line in found)

    @cached_property
    def at_corner(self) -> bool:
        return not any("bbox" in option for option in legend_place(self.box, self.axes, self.axes, GAP * self.em))

    @cached_property
    def below(self) -> np.ndarray:
        """The picture without the legend: with what is seen through it, as if it stood on the paper of the axes, and
        around its words and handles with what is next to them."""
        box, ends = ([round(side) for side in box] for box in (self.box, self.axes))

        def grown(pixels: int) -> tuple[slice, slice]:  # within the frame of the axes
            left, top = (max(end + 2, side - pixels) for end, side in zip(ends[:2], box[:2]))
            right, bottom = (min(end - 1, side + 1 + pixels) for end, side in zip(ends[2:], box[2:]))
            return slice(top, bottom), slice(left, right)

        outer, inner, wide = grown(RIM), grown(-RIM), grown(RIM + 1)
        paper = np.array(readout.paper_of(self.target, self.axes), np.float32)
        seen = paper + (self.target[outer] - paper) / readout.THROUGH_LEGEND
        known, hidden = np.zeros((2, *self.target.shape[:2]), bool)
        known[inner] = True
        for entry in self.entries:  # which may be as pale as what is seen through the legend
            column = (other.y for other in self.entries if abs(other.text - entry.text) <= IN_COLUMN)
            following = min((y for y in column if y > entry.y), default=entry.y)
            last = following if following - entry.y > LEFT_OUT * self.em else entry.y  # there is one that isn't known
            rows = slice(max(0, round(entry.y - self.em / 2)), round(last + self.em / 2) + 1)
            known[rows, max(0, round(self._left(entry)) - 1) : round(entry.text)] = False
        possible = ((seen > -RANGE) & (seen < 255 + RANGE)).all(axis=2)  # no words, nor what is next to them
        hidden[outer] = ~known[outer] | ~morphology.erosion(possible, (3, 3))
        picture = self.target.copy()
        picture[outer] = seen.clip(0, 255).round()
        nearest = ndimage.distance_transform_edt(hidden[wide], return_distances=False, return_indices=True)
        picture[wide] = picture[wide][tuple(nearest)]
        return picture

    def options(self, framed: bool = True, anchored: bool = False) -> list[str]:
        """Its keywords; `framed`: whether it has a frame without being told; `anchored`: with a place in the axes in
        each case."""
        options = legend_place(self.box, self.axes, self.axes, GAP * self.em, anchored)
        options += [f"ncol={len(self.columns)}"] * (len(self.columns) > 1)
        options += [f"fontsize={self.points:g}"] * (self.points != TEXT_POINTS)
        options += [f"title={string_literal(self.title.text)}"] if self.title else []
        return options + ([] if self.framed == framed else [f"frameon={self.framed}"])


def legend_place(
    box: readout.Box, axes: readout.Box, inner: readout.Box, gap: float, anchored: bool = False
) -> list[str]:
    """
    The keywords that put a legend where it is: in a corner of the axes, or beside what they show.

    Args:
        box: its own, all in pixels.
        inner: what the axes show.
        gap: between it and what it is put beside.
        anchored: whether a corner of the axes is named as a place, too.
    """
    left, top, right, bottom = axes
    wide, high = right - left, bottom - top
    sides = {"left": (box[0] - gap - left) / wide, "center": ((box[0] + box[2]) / 2 - left) / wide,
             "right": (box[2] + gap - left) / wide}  # fmt: skip
    heights = {"upper": 1 - (box[1] - gap - top) / high, "center": 1 - ((box[1] + box[3]) / 2 - top) / high,
               "lower": 1 - (box[3] + gap - top) / high}  # fmt: skip
    own = {"left": 0.0, "center": 0.5, "right": 1.0, "lower": 0.0, "upper": 1.0}
    across = {h: abs(sides[h] - own[h]) * wide for h in sides}
    along = {v: abs(heights[v] - own[v]) * high for v in heights}
    v, h = min(along, key=along.get), min(across, key=across.get)
    if max(along[v], across[h]) < PLACE_ERROR:
        return [_loc(v, h), *([f"bbox_to_anchor=({own[h]:g}, {own[v]:g})"] if anchored else [])]
    middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    at = own  # the corners that it is beside
    if not (inner[0] < middle[0] < inner[2] and inner[1] < middle[1] < inner[3]):
        if box[0] > inner[2] or box[2] < inner[0]:
            h = "left" if box[0] > inner[2] else "right"
            v = next((v for v in ("center", "upper", "lower") if along[v] < PLACE_ERROR), "center")
            at = own | {"left": 1.0, "right": 0.0}
        else:
            h = next((h for h in ("center", "left", "right") if across[h] < PLACE_ERROR), "center")
            v = "lower" if box[1] < (inner[1] + inner[3]) / 2 else "upper"
    x, y = (f"{u:g}" if abs(u - place) * side < PLACE_ERROR else f"{round(place, 2):g}"
            for u, place, side in ((at[h], sides[h], wide), (at[v], heights[v], high)))  # fmt: skip
    return [_loc(v, h), f"bbox_to_anchor=({x}, {y})"]


def _loc(v: str, h: str) -> str:
    return f'loc="{f"{v} {h}" if v != h else "center"}"'

"""The legend of a chart, found by what every legend is: a handle of each series, and at its right a text.

`written` gives a program the legend of its target: the labels of its series, their order, place, columns, title and
frame. Whatever labels the program had before are gone.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from chart2code import readout
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
PLACE_ERROR = 5.0  # pixels of the canvas
WIDTHS, TALLEST = (3.0, 36.0), 17.0  # points, of handles
BETWEEN, BLANK, NEXT = 4.5, 4.2, 26.0  # points: in a dashed handle, at least to its text, and at most
AROUND = 4.0  # points above and below the middle of a line of text
HALF_HANDLE, MARKED = 6, 1.6  # pixels: half the height of a handle, and more than a line that has a marker
LETTER, MOSTLY = 5.0, 0.8  # points, the width of one; and of its ink, in no colour
COLORFUL = 60  # of 255, the chroma of colours
INK = 45  # of 255, between text and paper
PITCH = (6.5, 40.0)  # points, from line to line
IN_ROW, IN_COLUMN = 1.6, 2.6  # pixels
SAME_COLOR = 12  # of 255
MOST_ENTRIES = 16
READ = 0.6  # of the entries
CERTAIN = 0.3  # of the ink of a title, unexplained


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
    if len(owners) == 1:
        text = f"{owners[0]}.legend({', '.join(legend.options())})"
    else:  # one legend for the series of two axes
        options = [*legend.options(anchored=True), f"bbox_transform={program.calls[0].axes}.transAxes"]
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
    return program.changed(zip(spans, texts))


def find_legend(target: np.ndarray, box: readout.Box, colors: Sequence[np.ndarray], page: Page) -> Legend | None:
    """
    The legend that names some of these colours (of 255); None if there is none.

    Args:
        target: the chart on the common canvas.
        box: its axes.
        page: what reads its texts.
    """
    unit = page.scale * 100 / 72  # pixels per point
    entries, most = _entries(target, box, colors, unit), Counter(map(_rounded, colors))
    most = {k: most[_rounded(color)] for k, color in enumerate(colors)}
    best: list[Entry] = []
    for first in entries:
        best = max(best, _grid(entries, first, unit, most), key=_rank)
    named, every = {e.color for e in best}, {tuple(np.round(color)) for color in colors}
    if not best or len(best) > MOST_ENTRIES or len(named) < min(2, len(every)):
        return None
    legend = Legend(target, box, best, page)
    if sum(line is not None for line in legend.lines) < READ * len(best):
        return None
    if len(best) == 1 and not (legend.at_corner and legend.lines[0].error < CERTAIN):  # a name beside a point
        return None
    return legend


def _rank(entries: list[Entry]) -> tuple[float, ...]:
    """Of two that could be the legend the greater one rather is: with more entries, in less space."""
    if not entries:
        return 0, 0.0
    wide, high = (np.ptp([getattr(entry, side) for entry in entries]) for side in ("text", "y"))
    return len(entries), -float(wide + high)


def _entries(target: np.ndarray, box: readout.Box, colors: Sequence[np.ndarray], unit: float) -> list[Entry]:
    """What could be an entry of a legend: a small part of one colour, a text at its right, nothing at its left."""
    papers = {readout.paper_of(target, box), readout.page_of(target)}
    grey, whole = target.mean(axis=2, dtype=np.float32), (0, 0, CANVAS - 1, CANVAS - 1)
    plain = np.ptp(target, axis=2) < COLORFUL
    distinct = {_rounded(color): k for k, color in reversed([*enumerate(colors)])}
    ways = [readout.coverages(target, [colors[k] for k in distinct.values()], paper, whole) for paper in papers]
    found = []
    for k, covers in zip(distinct.values(), zip(*ways)):
        mask = np.max(covers, axis=0) > 0.4
        joined = ndimage.binary_closing(mask, np.ones((1, max(2, round(BETWEEN * unit)))))
        for rows, columns in ndimage.find_objects(ndimage.label(joined, np.ones((3, 3)))[0]):
            width, height = columns.stop - columns.start, rows.stop - rows.start
            if not WIDTHS[0] * unit < width < WIDTHS[1] * unit or height > TALLEST * unit:
                continue
            y = (rows.start + rows.stop - 1) / 2
            text = _text_beside(grey, plain, columns, y, unit)
            if text is not None:
                found.append(Entry(columns.start, columns.stop - 1, y, k, text))
    return [
        entry
        for entry in found
        if not any(  # its text
            abs(entry.left - other.text) <= IN_COLUMN and abs(entry.y - other.y) <= 2 * IN_ROW for other in found
        )
    ]


def _text_beside(grey: np.ndarray, plain: np.ndarray, columns: slice, y: float, unit: float) -> float | None:
    """Where a text begins at the right of a handle; None if none does, or if something is at its left. `plain`: (H, W)
    bool, where the picture has no colours."""
    rows = slice(max(0, round(y - AROUND * unit)), round(y + AROUND * unit) + 1)
    beside = slice(columns.stop + 1, columns.stop + 1 + round(NEXT * unit))
    right = grey[rows, beside]
    left = grey[rows, max(0, columns.start - 1 - round(2 * unit)) : max(0, columns.start - 1)]
    if right.size == 0:
        return None
    paper = np.median(right)
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


def _grid(entries: list[Entry], first: Entry, unit: float, most: dict[int, int]) -> list[Entry]:
    """The entries of the legend whose upper left one is `first`, column by column; each colour as often as there are
    series of it (`most`)."""

    def fits(found: list[Entry]) -> bool:
        return all(count <= most[color] for color, count in Counter(entry.color for entry in found).items())

    def column_of(start: Entry) -> list[Entry]:
        below = [e for e in entries if abs(e.text - start.text) <= IN_COLUMN and e.y >= start.y - IN_ROW]
        taken = [start]
        for entry in sorted(below, key=lambda e: e.y):
            gap = entry.y - taken[-1].y
            if fits([*taken, entry]) and PITCH[0] * unit < gap < PITCH[1] * unit:
                pitch = taken[1].y - taken[0].y if len(taken) > 1 else gap
                if abs(gap / pitch - round(gap / pitch)) * pitch < 2 * IN_ROW and gap < 2.5 * pitch:
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
    """A legend, its places in pixels of the canvas; arguments as of `find_legend`."""

    def __init__(self, target: np.ndarray, axes: readout.Box, entries: list[Entry], page: Page):
        self.target, self.axes, self.entries, self.page = target, axes, entries, page

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
            reach = 0.5 * height, min(beyond, default=CANVAS) - entry.text - 2
            lines.append(self.page.read((entry.text, entry.y), 0.0, height, reach=reach))
        return lines

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
        handle = self.target[rows, round(first.left) : round(first.right) + 1].mean(axis=2)
        if handle.size and np.ptp(handle) > INK and left + self.em < first.text:
            blank = self.target[rows, round(first.right) + 2 : round(first.text) - 1].mean(axis=2)
            if blank.size == 0 or np.ptp(blank) <= INK:  # an entry of another colour
                return None
        read = self.page.read(((left + right) / 2, first.y - pitch), 0.5, self.em, reach=(half, half))
        return read if read is not None and read.error <= CERTAIN and len(read.text) > 1 else None

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
    def at_corner(self) -> bool:
        return not any("bbox" in option for option in legend_place(self.box, self.axes, self.axes, GAP * self.em))

    def options(self, anchored: bool = False) -> list[str]:
        """Its keywords; `anchored`: with a place in the axes in each case."""
        options = legend_place(self.box, self.axes, self.axes, GAP * self.em, anchored)
        options += [f"ncol={len(self.columns)}"] * (len(self.columns) > 1)
        options += [f"fontsize={self.points:g}"] * (self.points != TEXT_POINTS)
        options += [f"title={string_literal(self.title.text)}"] if self.title else []
        return options + ([] if self.framed else ["frameon=False"])


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

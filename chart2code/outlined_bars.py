"""Programs of bars in white and greys that have black edges, as journals print them, also hatched, with error bars.

A white bar has no colour that could be looked for, and the greys of others are those of text and grids. But all are
rectangles of one colour, whichever that is, within dark lines, that stand on one line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from chart2code import morphology, readout
from chart2code.captions import Page
from chart2code.detail import finest_of
from chart2code.drawing import color_literal
from chart2code.picture_cache import remembered
from chart2code.program import brief, shifted, string_literal, table_of
from chart2code.scales import Scale, value_literals
from chart2code.tick_labels import runs_of
from chart2code.words import DPI

if TYPE_CHECKING:
    from chart2code.sketches import Sheet

MOST_COLORS, LEAST_SHARE = 12, 0.001  # of the axes; of their pixels, in one of these
SAME, GREY = 6, 26  # of 255: a colour, and the chroma of greys
DARK, DARKER = 110, 25  # of 255: edges are darker than that, and by that than what is within them
LEAST_SIDES = 3, 5  # pixels: height and width of a bar
FILLED, CLOSED = 0.7, 0.8  # of a rectangle, in its colour, beside error bars; and of its sides, with an edge
EDGE, SOFT = 4.0, 3  # pixels: the widest edges, and what is mixed with them
AT_BASE, AT_TICK = 2.0, 3.0  # pixels
ALIKE = 0.12  # of the width of bars
LEAST_ERROR, WITH_ERRORS = 2.0, 0.6  # pixels; of the bars
LEAST_CAP = 2.5  # pixels, half its width: less is the error bar itself
USUAL_EDGE = 0.6  # points that edges may be wider or narrower than matplotlib's
HANDLE = 16.0, 45.0  # pixels: the height and the width of those of a legend, at most
LABEL, TEXT_HEIGHT = 0.8, 14.0  # ems from a handle to its label; pixels
TOUCHING = 1.5  # pixels between bars of a histogram, or of a group
WIDTH_ERROR = 0.02  # of the width of bars
LEVEL = 1.0  # pixels that brackets may be away from where they are drawn
BLACK, LEAST_HEIGHT, HALF_INK = 64, 6, 0.6  # of 255: edges of hatched bars; pixels; of what is below a hatch
HATCHED, FEWEST_DOTS = (0.03, 0.6), 3  # of a hatched rectangle, inked; dots in it
HATCH_STEP, GOES_ON = 2.0, 0.5  # pixels along a line of a hatch; and of its ink, what goes on there at both sides
HATCH_LINES = 6  # rows of dots of matplotlib's hatches with one letter, in an inch; and lines, half as many
USUAL, SAME_WIDTH = 0.8, 0.03  # of the distance between bars


@dataclass(frozen=True, eq=False)  # each is equal to itself only
class Rectangle:
    """What is filled with a colour within dark edges `edge` pixels wide; the sides are in the middle of these. `hatch`
    is a letter of matplotlib's for how it is hatched, `pitch` the pixels from one line of that to the next."""

    left: float
    top: float
    right: float
    bottom: float
    edge: float
    color: np.ndarray
    hatch: str = ""
    pitch: float = 0.0

    def is_like(self, other: Rectangle) -> bool:
        """Whether both are of one series."""
        return bool(np.abs(self.color - other.color).max() <= SAME) and self.hatch == other.hatch

    @property
    def center(self) -> float:
        return (self.left + self.right) / 2

    @property
    def width(self) -> float:
        return self.right - self.left


def outlined_bars(sheet: Sheet) -> list[str]:
    """A program of bars with dark edges, of which some are white or grey; none if these are no such bars."""
    rectangles = find_rectangles(sheet.target, sheet.box)
    bars = _standing(rectangles, sheet.box)
    scale = Scale.of(sheet.target, sheet.box, "left") if bars else None
    if scale is None or scale.logarithmic:
        return []
    ticks = readout.find_ticks(sheet.target, sheet.box, "bottom")
    errors, cap = find_errors(sheet.target, bars)
    writer = _Writer(sheet, scale, bars, errors, cap)
    handles = [one for one in rectangles if one not in bars]
    lines = writer.grouped(ticks, handles) if _in_groups(bars, ticks) else writer.single(ticks)
    limits = scale.limits("ax", "y", sheet.box[3], sheet.box[1])
    return [sheet.program(*lines, limits, legend=writer.has_legend)] if lines else []


class _Writer:
    """Writes bars, from left to right; `errors`: half the lengths of their error bars, in pixels, if they have some,
    and half the width of the `cap` of these."""

    def __init__(self, sheet: Sheet, scale: Scale, bars: list[Rectangle], errors: np.ndarray | None, cap: float):
        self.sheet, self.scale, self.bars, self.errors = sheet, scale, bars, errors
        self.width = float(np.median([bar.width for bar in bars]))
        self.has_legend = False
        low = float(np.median([bar.bottom for bar in bars])) - scale.ground(sheet.box[3])
        self.low = low if abs(low) < AT_BASE else 0.0  # pixels: bars that stand on zero say where it is
        edge = float(np.median([bar.edge for bar in bars])) / sheet.scale * 0.72  # points
        self.style = 'edgecolor="black"' + (f", linewidth={edge:.1f}" if abs(edge - 1) > USUAL_EDGE else "")
        self.style += f", capsize={max(1, round(cap / sheet.scale * 0.72))}" if cap else ""

    def single(self, ticks: np.ndarray) -> list[str]:
        """Bars of one series, at names, or at numbers."""
        centers = np.array([bar.center for bar in self.bars])
        step = float(np.median(np.diff(centers)))
        if len(ticks) == len(centers) and np.abs(ticks - centers).max() < AT_TICK:
            first, firsts = "categories", [string_literal(name) for name in self.sheet.words.names(len(centers))]
            share = self.width / step
            wide = "" if abs(share - USUAL) < SAME_WIDTH else f"width={round(20 * share) / 20:g}, "
        else:
            places = Scale.of(self.sheet.target, self.sheet.box, "bottom")
            if places is None or places.logarithmic:
                return []
            width = (step if step - self.width < TOUCHING else self.width) * abs(places.slope)
            first, firsts = "x", [places.literal(center, 0.3) for center in centers]
            wide = f"width={brief(width, WIDTH_ERROR * width)}, "
        table, names = self._columns(range(len(self.bars)))
        colors = [color_literal(bar.color) for bar in self.bars]
        color = colors[0] if len({*colors}) == 1 else f"[{', '.join(colors)}]"
        color += self._hatch(self.bars)
        return [
            table_of({first: firsts, **dict(zip(names, table))}),
            f"ax.bar({first}, {', '.join([*names[:1], *(f'yerr={name}' for name in names[1:])])}, "
            f"{wide}color={color}, {self.style})",
            *(self._brackets(centers) if first == "categories" else []),
        ]

    def _brackets(self, centers: np.ndarray) -> list[str]:
        """The lines from above one bar to above another one, with what is written there, as of significance."""
        statements, page = [], Page.of(self.sheet.target, self.sheet.scale, self.sheet.sharpness)
        for first, last, level, foot in find_brackets(self.sheet.target, self.sheet.box, self.bars):
            low, high = (self.scale.literal(place - self.low, LEVEL) for place in (foot, level))
            places = f"[{first}, {first}, {last}, {last}]"
            statements.append(f'ax.plot({places}, [{low}, {high}, {high}, {low}], color="black", linewidth=1)')
            above = (centers[first] + centers[last]) / 2, level - LABEL * 10 / 72 * DPI * self.sheet.scale / 2
            read = page.read(above, 0.5, TEXT_HEIGHT / 2 * self.sheet.scale)
            if read is not None:
                text = string_literal(read.text)
                statements.append(f'ax.text({(first + last) / 2:g}, {high}, {text}, ha="center", va="bottom")')
        return statements

    def grouped(self, ticks: np.ndarray, handles: list[Rectangle]) -> list[str]:
        """Bars of several series, side by side at each tick; none if each series has not its own colour."""
        count, step = len(self.bars) // len(ticks), float(np.median(np.diff(ticks)))
        series = [self.bars[k::count] for k in range(count)]
        if not all(bar.is_like(own[0]) for own in series for bar in own):
            return []
        labels = [self._label(own[0], handles) for own in series]
        self.has_legend = all(label is not None for label in labels)
        offsets = [float(np.mean([bar.center for bar in own] - ticks)) for own in series]
        apart = float(np.mean(np.diff(offsets)))
        width = apart if abs(apart - self.width) < TOUCHING else self.width
        table, columns, calls = [], [], []
        for k, (own, offset) in enumerate(zip(series, offsets)):
            literals, names = self._columns(range(k, len(self.bars), count))
            names = [f"{name[0] if name == 'values' else name}{k + 1}".replace("v", "y") for name in names]
            table, columns = table + literals, columns + names
            label = f", label={string_literal(labels[k])}" if self.has_legend else ""
            arguments = ", ".join([*names[:1], *(f"yerr={name}" for name in names[1:])])
            color = color_literal(own[0].color)
            color += self._hatch(own)
            calls.append(
                f"ax.bar({shifted(round(offset / step, 2))}, {arguments}, width={width / step:.2g}, color={color}, "
                f"{self.style}{label})"
            )
        firsts = [string_literal(name) for name in self.sheet.words.names(len(ticks))]
        return [
            table_of({"categories": firsts, **dict(zip(columns, table))}),
            f"x = range({len(ticks)})",
            *calls,
            "ax.set_xticks(x, categories)",
        ]

    def _hatch(self, bars: Sequence[Rectangle]) -> str:
        """The keyword for how bars are hatched; none if they aren't, or not all alike."""
        if len({bar.hatch for bar in bars}) > 1 or not bars[0].hatch:
            return ""
        hatch, pitch = bars[0].hatch, float(np.median([bar.pitch for bar in bars]))
        lines = DPI * self.sheet.scale / pitch / (HATCH_LINES if hatch == "." else HATCH_LINES / 2)
        return f", hatch={string_literal(hatch * max(1, round(lines)))}"

    def _columns(self, which: Sequence[int]) -> tuple[list[list[str]], list[str]]:
        """Values, and lengths of error bars, as literals, and what these columns are called."""
        span = self.scale.span(self.sheet.box[3] - self.sheet.box[1])
        tops = np.array([self.bars[k].top for k in which])
        columns = [value_literals(self.scale(tops - self.low), span)]
        if self.errors is None:
            return columns, ["values"]
        lengths = self.errors[list(which)] * abs(self.scale.slope)
        return [*columns, value_literals(lengths, span)], ["values", "errors"]

    def _label(self, bar: Rectangle, handles: list[Rectangle]) -> str | None:
        """What stands in the legend beside what looks like a bar."""
        page = Page.of(self.sheet.target, self.sheet.scale, self.sheet.sharpness)
        for one in sorted(handles, key=lambda one: one.hatch != bar.hatch):  # which small ones don't show well
            small = one.bottom - one.top < HANDLE[0] and one.width < HANDLE[1]
            if small and np.abs(one.color - bar.color).max() <= SAME:
                place = one.right + LABEL * 10 / 72 * DPI * self.sheet.scale, (one.top + one.bottom) / 2
                read = page.read(place, 0.0, TEXT_HEIGHT * self.sheet.scale, reach=(2, self.sheet.box[2] - place[0]))
                return read.text if read else ""
        return None


@remembered
def find_rectangles(pixels: np.ndarray, box: readout.Box) -> tuple[Rectangle, ...]:
    """The rectangles of one colour within dark edges, inside of a box, from left to right; none without such in white
    or grey."""
    fine = finest_of(pixels)
    zoom, picture, sides = fine.zoom, fine.pixels, fine.enlarged(box)
    left, top = (int(round(side)) for side in sides[:2])
    picture = readout.inside_of(picture, tuple(sides), 0)
    light = picture.max(axis=2)
    if (light < DARK).mean() < LEAST_SHARE:
        return ()
    codes = picture[::2, ::2].astype(np.int32) @ np.array([1 << 16, 1 << 8, 1])
    values, counts = np.unique(codes, return_counts=True)
    colors: list[np.ndarray] = []
    for k in counts.argsort()[::-1][: 2 * MOST_COLORS]:
        color = np.array([values[k] >> 16, values[k] >> 8 & 255, values[k] & 255], float)
        near = any(np.abs(color - other).max() <= SAME for other in colors)
        if not near and counts[k] > LEAST_SHARE * codes.size and color.max() > 2 * DARKER:
            colors.append(color)
    found: list[Rectangle] = []
    for color in sorted(colors[:MOST_COLORS], key=lambda color: np.ptp(color) >= GREY):  # greys first
        if np.ptp(color) >= GREY and not found:
            return ()
        mask = readout.difference(picture, color) <= SAME
        regions, _ = ndimage.label(mask)
        level = min(DARK, color.max() - DARKER)
        for number, part in enumerate(ndimage.find_objects(regions), 1):
            high, wide = (side.stop - side.start for side in part)
            if high < LEAST_SIDES[0] * zoom or wide < LEAST_SIDES[1] * zoom:
                continue
            if (regions[part] == number).mean() < FILLED:
                continue
            edge = _edge(light < level, part, round(EDGE * zoom))
            if edge is None:
                continue
            (y0, y1), (x0, x1) = ((side.start - (edge + 1) / 2, side.stop + (edge - 1) / 2) for side in part)
            corners = np.array([left + x0, top + y0, left + x1, top + y1])
            corners = fine.reduced(corners)
            hatch, pitch = _hatch_of(picture[part].max(axis=2) < HALF_INK * color.max(), zoom) or ("", 0.0)
            found.append(Rectangle(*map(float, corners), edge / zoom, color, hatch, pitch / zoom))
    for sides, edge, color, (hatch, pitch) in _hatched(picture, zoom):
        corners = fine.reduced(np.array(sides) + (left, top) * 2)
        one = Rectangle(*map(float, corners), edge / zoom, color, hatch, pitch / zoom)
        if not any(abs(one.center - other.center) < AT_TICK and other.bottom > one.top for other in found):
            found.append(one)
    return tuple(sorted(found, key=lambda one: one.left))


def _hatched(
    picture: np.ndarray, zoom: float
) -> Iterator[tuple[tuple[float, ...], float, np.ndarray, tuple[str, float]]]:
    """The rectangles within black edges that are hatched: their sides, the width of the edges, the colour below the
    hatch, and that, as of `_hatch_of`; `zoom`: pixels of the picture to one of the canvas."""
    black = picture.max(axis=2) < BLACK
    regions, _ = ndimage.label(morphology.opening(black, (round(LEAST_HEIGHT * zoom), 1)))
    lines = [part for part in ndimage.find_objects(regions) if part[1].stop - part[1].start <= EDGE * zoom]
    lines.sort(key=lambda part: part[1].start)
    for k, (rows, columns) in enumerate(lines):
        for other_rows, other_columns in lines[k + 1 :]:
            if abs(other_rows.stop - rows.stop) > AT_BASE * zoom:
                continue
            start, stop = columns.stop, other_columns.start
            high = max(rows.start, other_rows.start)
            if stop - start < LEAST_SIDES[1] * zoom:
                continue
            upper = black[max(0, high - 2) : rows.stop, start:stop].mean(axis=1) > CLOSED
            if not upper[: -round(LEAST_HEIGHT * zoom)].any():
                break  # a gap between bars
            row = max(0, high - 2) + int(upper.argmax())
            edge = int((~upper[int(upper.argmax()) :]).argmax())
            inside = np.s_[row + edge : rows.stop - edge, start:stop]
            colors, counts = np.unique(picture[inside][~black[inside]], axis=0, return_counts=True)
            if not len(colors):
                break
            face = colors[counts.argmax()].astype(float)
            hatch = _hatch_of(picture[inside].max(axis=2) < HALF_INK * face.max(), zoom)
            if hatch is not None:
                sides = start - (edge + 1) / 2, row + (edge - 1) / 2, stop + (edge - 1) / 2, rows.stop - (edge + 1) / 2
                yield sides, float(edge), face, hatch
            break


def _hatch_of(ink: np.ndarray, zoom: float) -> tuple[str, float] | None:
    """The hatch in a rectangle, by where its ink is: a letter of matplotlib's, and the pixels from one line, or dot,
    to the next; None if there is none."""
    margin = 1  # soft edges
    ink = ink[margin:-margin, margin:-margin]
    if min(ink.shape, default=0) < 2 * HATCH_STEP * zoom or not HATCHED[0] < ink.mean() < HATCHED[1]:
        return None
    step = round(HATCH_STEP * zoom)
    inner = ink[step:-step, step:-step]

    def along(down: int, right: int) -> float:  # how much of the ink goes on in a direction, at both sides
        both = [
            ink[step + way * down : len(ink) - step + way * down, step + way * right :][:, : inner.shape[1]]
            for way in (-1, 1)
        ]
        return float((inner & both[0] & both[1]).sum() / max(1, inner.sum()))

    up, down = along(-step, step) > GOES_ON, along(step, step) > GOES_ON
    if not (up or down):
        count = ndimage.label(ink)[1]
        return (".", float(np.sqrt(ink.size / count))) if count > FEWEST_DOTS else None
    starts = (ink[:, 1:] & ~ink[:, :-1]).sum(axis=1)
    kind = "x" if up and down else "/" if up else "\\"
    return kind, (1 + (kind == "x")) * ink.shape[1] / max(1.0, float(starts.mean()))


def _edge(dark: np.ndarray, part: tuple[slice, slice], widest: int) -> float | None:
    """How wide the dark edges are that are above, at the left and at the right of a part of a picture; None if there
    are none."""
    rows, columns = part
    widths = []
    for lines in (
        dark[max(0, rows.start - widest) : rows.start, columns][::-1],
        dark[rows, max(0, columns.start - widest) : columns.start].T[::-1],
        dark[rows, columns.stop : columns.stop + widest].T,
    ):
        drawn = lines.mean(axis=1) > CLOSED
        if not drawn[:SOFT].any():
            return None
        first = int(drawn.argmax())
        rest = ~drawn[first:]
        widths.append(first + (int(rest.argmax()) if rest.any() else len(rest)))
    return float(min(widths))


def _standing(rectangles: Sequence[Rectangle], box: readout.Box) -> list[Rectangle]:
    """Those that are bars: as wide as each other, on one line; none if there are not two, or all have colours."""
    low = [one for one in rectangles if one.top > box[1] + AT_BASE]
    if len(low) < 2:
        return []
    feet = np.array([one.bottom for one in low])
    base = max(feet, key=lambda foot: (np.abs(feet - foot) < AT_BASE).sum())
    bars = [one for one in low if abs(one.bottom - base) < AT_BASE]
    width = np.median([bar.width for bar in bars])
    bars = [bar for bar in bars if abs(bar.width - width) < ALIKE * width + 1]
    grey = [np.ptp(bar.color) < GREY for bar in bars]
    return bars if len(bars) > 1 and any(grey) else []


def _in_groups(bars: list[Rectangle], ticks: np.ndarray) -> bool:
    """Whether several bars stand at each tick, nearer to it than to another one."""
    if len(ticks) < 2 or len(bars) % len(ticks) or len(bars) == len(ticks):
        return False
    nearest = np.abs(np.subtract.outer([bar.center for bar in bars], ticks)).argmin(axis=1)
    return bool((nearest == np.repeat(np.arange(len(ticks)), len(bars) // len(ticks))).all())


def find_brackets(pixels: np.ndarray, box: readout.Box, bars: list[Rectangle]) -> list[tuple[int, int, float, float]]:
    """The dark lines above bars that go from the middle of one to that of another and bend down there: the numbers of
    these bars, and the rows of the line and of its ends, from above to below."""
    fine = finest_of(pixels)
    zoom, picture, sides = fine.zoom, fine.pixels, fine.enlarged(box)
    dark = picture.max(axis=2) < DARK
    left, top, right, _ = (int(round(side)) for side in sides)
    places = np.array([(bar.center, bar.top) for bar in bars])
    centers, tops = fine.enlarged(places).T
    found: list[tuple[int, int, float, float]] = []
    for row in range(top + round(EDGE * zoom), round(float(tops.max()))):
        line = dark[row, left:right]
        for start, end in runs_of(line, 0) if line.sum() > np.diff(centers).min() / 2 else []:
            ends = left + start, left + end - 1
            first, last = (int(np.abs(centers - end).argmin()) for end in ends)
            near = max(abs(centers[first] - ends[0]), abs(centers[last] - ends[1])) < AT_TICK * zoom
            depths = [int((~dark[row:, column]).argmax()) for column in (ends[0] + 1, ends[1] - 1)]
            bends = min(depths) > EDGE * zoom and row + max(depths) < min(tops[first], tops[last])
            if first < last and near and bends:
                level, foot = (float(fine.reduced(at)) for at in (row, row + max(depths) - 1))
                if not any(abs(level - other) < EDGE for _, _, other, _ in found):
                    found.append((first, last, level, foot))
    return found


def find_errors(pixels: np.ndarray, bars: list[Rectangle]) -> tuple[np.ndarray | None, float]:
    """Half the lengths of the error bars of bars, by what stands upon these, and half the width of their caps (0:
    none), in pixels; None if there are no error bars."""
    fine = finest_of(pixels)
    zoom, picture = fine.zoom, fine.pixels
    dark = picture.max(axis=2) < DARK
    lengths, caps = [], []
    for bar in bars:
        place = np.array([bar.center, bar.top])
        column, row = fine.enlarged(place).round().astype(int)
        above = dark[: row + 1, column - 1 : column + 2].any(axis=1)[::-1]
        length = int((~above).argmax()) if not above.all() else 0
        # To the middle of the cap, which is about as thick as the edge.
        lengths.append(length - (1 + bar.edge * zoom) / 2 if length > LEAST_ERROR * zoom + 1 else 0.0)
        if lengths[-1]:
            caps.append(readout.cap_at(dark, row - length + 1, column) / zoom)
    if np.mean(np.array(lengths) > 0) < WITH_ERRORS:
        return None, 0.0
    cap = float(np.median(caps))
    return np.array(lengths) / zoom, cap if cap > LEAST_CAP else 0.0

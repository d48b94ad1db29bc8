"""Axes without a complete frame: where they are, by what is drawn of them.

Charts in newspapers have a line below, or grid lines in one direction, and often no frame at all. What there is says
where the axes end: lines across them go from one side to the other, labels stand a few points beside them, and where
nothing is drawn, matplotlib leaves a margin around the marks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from chart2code import morphology
from chart2code.picture_cache import remembered

Box = tuple[float, float, float, float]
Run = tuple[float, float]
SEEN, INK, TEXT = 5, 30, 60  # of 255, away from the page: lines, marks and words
RIM = 0.08  # of how dark a mark is: its edge may be darker by that where a picture was made smaller
NEUTRAL = 30  # of 255: of lines and text, that are greys upon the page
BLACK = 0.2  # of how far it is from the page: the chroma of a spine that bars stand on
FREE = 0.15  # of a line: nothing is beside it
BESIDE = 3  # pixels from a line, where it is no more
LONG, FILLED = 0.35, 0.4  # of a side of the picture, a line; and of its length, drawn
THROUGH, COVERED = 0.15, 0.9  # the same, of a pale line that is seen through gaps between marks; of the rest, marks
BROKEN, WHOLE = 2, 0.8  # pixels that a line may be broken for; of its length, if it isn't
UNIFORM = 0.25, 0.35  # of how dark a line is, what differs less is so alike; and of a dark line, that is alike
LINES = 8  # pixels from one line of a label to the next, at most
SAME, TOGETHER = 3, 0.7  # pixels; of the lines
SPINE, ABOVE = 1.5, 1.5  # times as dark as the grid; and as a line that is below it
LARGE, SOLID = 100, 7  # pixels: no letter is as long, or as thick in all directions
HANDLE = 12, 10, 32  # pixels: the height, at most, and the widths of handles of a legend
HANDLE_FILLED = 0.8  # of their rectangle
MARGIN = 0.05  # of the axes' data, around them
EVEN = 0.03  # of the marks: how far a margin may be from that
ON_BASE = 0.4  # of the marks that end at one side, on one line
THICK, LONGEST_WORD = 5, 40  # pixels: no stroke of a letter is as thick, and no letters that touch are as long
LETTERS_APART, WIDE_WORD = 5, 1.3  # pixels between the letters of a word, at most; times its height
TALLEST, WIDER = 22, 4  # pixels: the height of words, at most; and the width of letters, at least
DIGITS = 7.3  # points, the height of digits at the ticks, usually
PAD = 3.5  # points, between labels and the axes where there are no ticks
TITLE_PAD = 6.0  # points, between a title and the axes
LEAST_LABELS, REGULAR = 3, 4  # in a row; pixels that distances of labels may differ by
APART, OVER, WIDEST = 0.8, 24, 60  # of their height, between two labels; pixels beside the axes, of these
TICK = 6  # pixels: the longest, beside a spine
LEAST_SIDE = 40  # pixels, of axes


@dataclass(frozen=True)
class Line:
    """A straight line along the axes: its row, where it starts and ends, and how dark it is (away from the page)."""

    place: float
    start: int
    end: int
    strength: float

    @property
    def row(self) -> int:
        """The row of pixels that the line is in."""
        return round(self.place)


@dataclass(frozen=True)
class OpenAxes:
    """Where axes are, as matplotlib has it, or None if neither lines nor rows of labels tell; and the grey lines of
    the picture, along its rows and along its columns."""

    box: Box | None
    across: tuple[Line, ...]
    upright: tuple[Line, ...]

    @property
    def one_way(self) -> bool:
        """Whether there are lines in one direction only, so that what looks like a frame is none."""
        return bool(self.across) != bool(self.upright)


@remembered
def open_axes(pixels: np.ndarray, page: tuple[int, ...]) -> OpenAxes:
    """The axes of a picture whose page has this colour."""
    evidence = _Evidence(pixels, page)
    return OpenAxes(evidence.box(), tuple(evidence.across), tuple(evidence.upright))


@dataclass(frozen=True)
class Labels:
    """A line of words: its upper row, and how many pixels a point has, if these are of the usual size."""

    top: int
    point: float


class _Evidence:
    """What is drawn of axes, and beside them."""

    def __init__(self, pixels: np.ndarray, page: tuple[int, ...]):
        away = pixels.astype(np.int16) - np.array(page, np.int16)
        low, high = (function.reduce([away[..., k] for k in range(3)]) for function in (np.minimum, np.maximum))
        picture = _picture(pixels)
        self.away = np.where(picture, np.maximum(high, -low), 0)
        chroma = high - low
        self.neutral = chroma < NEUTRAL
        black = (chroma < BLACK * self.away) & (self.away > TEXT)
        sides = [int(mask.sum()) for mask in (picture.any(axis=0), picture.any(axis=1))]
        colored = (self.away > INK) & ~self.neutral
        self.across = _lines(self.away, self.neutral, black, colored, LONG * sides[0])
        self.upright = _lines(self.away.T, self.neutral.T, black.T, colored.T, LONG * sides[1])
        self.marks = self._find_marks()
        self.words = (self.away > TEXT) & ~self.marks & ~self._on_lines()

    def box(self) -> Box | None:
        columns, spine = np.flatnonzero(self.marks.any(axis=0)), self._spine()
        if not len(columns) or not self._single():
            return None
        left, right = _ends(self.across) if self.across else self._sides(int(columns[0]), int(columns[-1]))
        # A tick at the end of a line across is no part of it.
        left = next((line.place for line in self.upright if 0 < line.place - left <= TICK), left)
        columns = round(left), round(right)
        rows = np.flatnonzero(self.marks[:, columns[0] : columns[1] + 1].any(axis=1))
        if spine is not None:  # below it there may be a legend
            rows = rows[rows < spine]
        if not len(rows):
            return None
        sides = (
            _ends(self.upright)
            if self.upright
            else self._upper_and_lower(int(rows[0]), int(rows[-1]), *columns, spine)
        )
        if sides is None:
            return None
        top, bottom = sides[0], sides[1] if spine is None else spine
        if right - left < LEAST_SIDE or bottom - top < LEAST_SIDE:
            return None
        height, width = self.away.shape
        return float(max(left, 0)), float(max(top, 0)), float(min(right, width - 1)), float(min(bottom, height - 1))

    def _single(self) -> bool:
        """Whether lines are those of one pair of axes, as they start or end together, and each beside all others."""
        for lines in filter(None, (self.across, self.upright)):
            start, end = _ends(lines)
            together = [abs(line.start - start) < SAME or abs(line.end - end) < SAME for line in lines]
            beside = min(line.end for line in lines) > max(line.start for line in lines)
            if np.mean(together) < TOGETHER or not beside:
                return False
        return True

    def _spine(self) -> float | None:
        """The row of the line below the axes; None if the lowest one is a line of the grid, or marks are below it, as
        below that of zero."""
        if not self.across:
            return None
        lowest, others = self.across[-1], [line.strength for line in self.across[:-1]]
        below = self.marks[min(lowest.row + BESIDE + 1, len(self.marks) - 1)]
        crossed = below[lowest.start : lowest.end].sum() > SAME
        return None if crossed or others and lowest.strength < SPINE * np.median(others) else lowest.place

    def _on_lines(self) -> np.ndarray:
        """(H, W) bool: where lines are, and no marks across them."""
        on = np.zeros(self.away.shape, bool)
        for part, away, lines in ((on, self.away, self.across), (on.T, self.away.T, self.upright)):
            for line in lines:
                stretch = np.s_[line.row - 1 : line.row + 2, max(0, line.start - 1) : line.end + 2]
                part[stretch] = away[stretch] < ABOVE * line.strength
        return on

    def _find_marks(self) -> np.ndarray:
        """(H, W) bool: what has a colour, is large, or thick in all directions."""
        ink = (self.away > INK) & ~self._on_lines()
        solid = morphology.opening(ink, (SOLID, SOLID))
        grey = ink & self.neutral
        regions, _ = ndimage.label(grey, np.ones((3, 3)))
        large = [0] + [max(side.stop - side.start for side in part) > LARGE for part in ndimage.find_objects(regions)]
        return self._without_words(self._without_handles(ink & ~self.neutral | solid | np.array(large, bool)[regions]))

    def _without_words(self, marks: np.ndarray) -> np.ndarray:
        """Marks without coloured words at the left or the right of all that is long or thick: the names of lines."""
        regions, count = ndimage.label(marks, np.ones((3, 3)))
        parts = ndimage.find_objects(regions)
        thick = np.bincount(regions[morphology.opening(marks, (THICK, THICK))], minlength=count + 1)[1:] > 0
        sure = thick | (np.array([max(side.stop - side.start for side in part) for part in parts]) > LONGEST_WORD)
        if not sure.any():
            return marks
        starts, ends = np.array([(columns.start, columns.stop) for _, columns in parts]).T
        for beside in (ends <= starts[sure].min(), starts >= ends[sure].max()):
            letters = np.isin(regions, 1 + np.flatnonzero(beside))
            words, _ = ndimage.label(morphology.closing(letters, (1, LETTERS_APART)), np.ones((3, 3)))
            sides = [[side.stop - side.start for side in part] for part in ndimage.find_objects(words)]
            if any(height <= min(TALLEST, width / WIDE_WORD) for height, width in sides):
                marks = marks & ~letters
        return marks

    def _without_handles(self, marks: np.ndarray) -> np.ndarray:
        """Marks without those of a legend: small rectangles beside words, where there are large marks."""
        regions, _ = ndimage.label(marks)
        parts = ndimage.find_objects(regions)
        sides = np.array([[side.stop - side.start for side in part] for part in parts]).reshape(-1, 2)
        if sides.max(initial=0) < LARGE:
            return marks
        marks = marks.copy()
        bars = [part[1].start for part, side in zip(parts, sides) if side.max() >= LARGE]
        for k, ((rows, columns), (height, width)) in enumerate(zip(parts, sides), 1):
            small = height <= HANDLE[0] and HANDLE[1] <= width <= HANDLE[2]
            if small and np.mean(np.abs(np.subtract(bars, columns.start)) <= SAME) < ON_BASE:  # no bar from the left
                beside = self.away[rows, columns.stop + SAME : columns.stop + width] > TEXT
                filled = (regions[rows, columns] == k).mean() > HANDLE_FILLED
                if filled and beside.any() and not marks[rows, columns.stop + SAME : columns.stop + width].any():
                    marks[rows, columns] = False
        return marks

    def _sides(self, first: int, last: int) -> Run:
        """The left and the right side of axes with marks from column `first` to `last`, where nothing goes across."""
        spot = _spot(self.marks, first)
        left, right = _around(self.marks.T, first + spot, last - spot)
        spines = [line.place for line in self.upright if line.place < first + SAME]
        return (spines[0] if spines else left), right

    def _upper_and_lower(self, first: int, last: int, left: int, right: int, spine: float | None) -> Run | None:
        """The upper and the lower side of axes with marks from row `first` to `last`; None if nothing tells them."""
        own = [line.row for line in self.across if min(abs(line.start - left), abs(line.end - right)) < SAME]
        labels = self._words_below(max([last, *own]), left, right)  # a legend's frame is none of the axes'
        bottom = spine
        if spine is None and self.across and _bases(self.marks[:, left : right + 1], first, last)[1]:
            bottom = last - 0.5  # its pixels are covered in part
        elif spine is None and labels is not None:
            bottom = labels.top - round(PAD * labels.point)
            bottom = next((line.place for line in self.across if abs(line.place - bottom) < SAME), bottom)
        if bottom is None:
            beside = self.words[first : last + 1, max(0, left - WIDEST) : left]
            named = any(_regular(beside.T, apart) for apart in (BROKEN, LINES))
            return _around(self.marks, first, last) if named else None
        marks = self.marks[: round(bottom) + 1, left : right + 1]
        highest = self.across[0].place if self.across else bottom
        top, even = _margin_above(marks, first, last, bottom)
        if highest < (top if even else first) + SAME:
            return highest, bottom
        together = _bases(marks, first, last)[0]  # what makes up a whole may leave no margin
        title = self._title_above(first, left, right, labels.point) if labels and (together or not even) else None
        if title is None or even and abs(title - top) < abs(title - first):
            return top, bottom
        return min(title, first), bottom

    def _words_below(self, row: int, left: int, right: int) -> Labels | None:
        """The first line of words below a row, from one column to another; where there are no lines, words in regular
        distances."""
        words = self.words[row + 2 :]
        rows = np.flatnonzero(words[:, left : right + 1].any(axis=1))
        for line in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1) if len(rows) else ():
            part = words[line[0] : line[-1] + 1, max(0, left - OVER) : right + OVER]
            columns = part.any(axis=0)
            letters = morphology.opening(columns, (WIDER,))  # wider than ticks
            if letters.sum() > columns.sum() / 2:
                if len(line) > TALLEST or not (self.across or self.upright) and not _regular(part, APART * len(line)):
                    return None
                return Labels(row + 2 + int(line[0]), len(line) / DIGITS)
        return None

    def _title_above(self, row: int, left: int, right: int, point: float) -> int | None:
        """Where axes end by the line on which a title above them stands, that is `point` pixels per point."""
        words = self.words[: max(0, row), left : right + 1]
        rows = np.flatnonzero(words.any(axis=1))
        if not len(rows):
            return None
        line = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)[-1]
        regions, _ = ndimage.label(words[line[0] : line[-1] + 1], np.ones((3, 3)))
        feet = [part[0].stop for part in ndimage.find_objects(regions)]
        return round(line[0] + np.median(feet) - 1 + TITLE_PAD * point)


def _picture(pixels: np.ndarray) -> np.ndarray:
    """(H, W) bool: the picture within its letterbox, without the pixels that have some of both."""
    ink = np.minimum.reduce([pixels[..., k] for k in range(3)]) < 255
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    inside = np.zeros(ink.shape, bool)
    if len(rows):
        inside[rows[0] + 1 : rows[-1], columns[0] + 1 : columns[-1]] = True
    return inside


def _regular(words: np.ndarray, apart: float) -> bool:
    """Whether words are labels in regular distances along the columns, all on one line; more than `apart` columns are
    between two labels."""
    places = np.flatnonzero(words.any(axis=0))
    if len(places) < LEAST_LABELS:
        return False
    labels = np.split(places, np.flatnonzero(np.diff(places) > apart) + 1)
    gaps = np.diff([(label[0] + label[-1]) / 2 for label in labels])
    feet = [np.flatnonzero(words[:, label[0] : label[-1] + 1].any(axis=1))[-1] for label in labels]
    return len(labels) >= LEAST_LABELS and np.ptp(gaps) < REGULAR and np.ptp(feet) < SAME


def _around(marks: np.ndarray, first: int, last: int) -> Run:
    """Where axes start and end that have marks from row `first` to `last`: at these where bars stand on a base there,
    else with a margin."""
    starts, ends = _bases(marks, first, last)
    margin = MARGIN * (last - first)
    return first if starts else round(first - margin), last if ends else round(last + margin)


def _spot(marks: np.ndarray, column: int) -> int:
    """Half the width of the markers that start in a column; 0 if something else does."""
    regions, _ = ndimage.label(morphology.opening(marks, (THICK, THICK)))
    parts = [part for part in ndimage.find_objects(regions) if abs(part[1].start - column) < SAME]
    sides = [[side.stop - side.start for side in part] for part in parts]
    spots = [width for height, width in sides if abs(height - width) < SAME and width <= TALLEST]
    return round(np.median(spots) / 2) if spots and len(spots) == len(sides) else 0


def _bases(marks: np.ndarray, first: int, last: int) -> tuple[bool, bool]:
    """Whether many marks start at row `first`, and whether many end at row `last`."""
    regions, count = ndimage.label(morphology.opening(marks, (SOLID, SOLID)))
    rows = [part[0] for part in ndimage.find_objects(regions)]
    starts, ends = [row.start - first < SAME for row in rows], [last - row.stop < SAME for row in rows]
    return count > 1 and np.mean(starts) > ON_BASE, count > 1 and np.mean(ends) > ON_BASE


def _margin_above(marks: np.ndarray, first: int, last: int, bottom: float) -> tuple[int, bool]:
    """Where axes end that have a margin above their marks, and whether that below them is one, too."""
    extent, gap = last - first, bottom - last
    even = abs(gap - MARGIN * extent) < EVEN * extent
    if gap < SAME and (_bases(marks, first, last)[1] or not even):
        return round(first - MARGIN * (bottom - first)), True
    return round(first - (gap if even else MARGIN * extent)), even


def _lines(away: np.ndarray, neutral: np.ndarray, black: np.ndarray, colored: np.ndarray, least: float) -> list[Line]:
    """Grey lines along rows of at least this length, from above to below; marks may hide parts of them, and stand on
    those that are `black`. None that end at `colored` marks, as those between two points do."""
    thin, free, least_step = neutral.copy(), neutral.copy(), np.maximum(SEEN, (RIM * away).astype(away.dtype))
    for shift in (BESIDE, -BESIDE):
        darker = away > np.roll(away, shift, axis=0) + least_step
        thin &= darker | black & ~np.roll(neutral, shift, axis=0)
        free &= darker
    found: list[Line] = []
    counts = thin.sum(axis=1)
    for row in BESIDE + np.flatnonzero(counts[BESIDE:-BESIDE] > FILLED * least):
        near = found and row - found[-1].place <= BESIDE
        if near or counts[row] < counts[max(0, row - BESIDE) : row + BESIDE + 1].max():
            continue
        drawn = thin[row]
        columns = np.flatnonzero(drawn | (away[row] > SEEN))
        whole, runs = (np.split(columns, np.flatnonzero(np.diff(columns) > gap + 1) + 1) for gap in (0, BROKEN))
        longest = max(map(len, runs))
        if max(map(len, whole)) > WHOLE * longest:  # a label may stand beside it
            runs = whole
        for run in runs:
            own = run[drawn[run]]
            if len(own) < 2 or free[row, own].mean() < FREE:  # the edge of a mark
                continue
            if all(colored[row, max(0, end - SAME) : end + SAME + 1].any() for end in own[[0, -1]]):
                continue
            if len(run) > WHOLE * longest and len(own) > THROUGH * np.ptp(own) >= THROUGH * least:
                strengths = np.median(away[row - 1 : row + 2, own], axis=1)  # a line between two rows is in both
                strength = strengths.max()
                if len(own) <= FILLED * np.ptp(own):
                    beside = away[[row - BESIDE, row + BESIDE]][:, np.setdiff1d(run, own)]
                    if strength > TEXT or np.mean(beside > 2 * strength) < COVERED:
                        continue
                even = np.mean(np.abs(away[row, own] - np.median(away[row, own])) < UNIFORM[0] * strength)
                if strength > TEXT and even < UNIFORM[1]:  # a line of small text
                    continue
                place = row - 1 + np.average(np.arange(3), weights=strengths)
                found.append(Line(float(place), int(own[0]), int(own[-1]), float(strength)))
    return found


def _ends(lines: list[Line]) -> Run:
    """Where lines start and end: most of them, or the longest."""
    starts, ends = (np.array([getattr(line, name) for line in lines]) for name in ("start", "end"))
    start = max(sorted(starts), key=lambda place: (np.abs(starts - place) < SAME).sum())
    end = max(sorted(ends, reverse=True), key=lambda place: (np.abs(ends - place) < SAME).sum())
    return int(start), int(end)

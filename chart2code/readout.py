"""Measuring a chart's picture: where its axes, bars, lines, points and wedges are, and which colours it has.

Everything is looked for where a program of the same kind would draw it, in its colours; nothing here knows programs.
Pictures are (H, W, 3) uint8 on the common canvas of `eval_metric.similarity`; places are pixels from the upper left
corner, as (left, top, right, bottom) for boxes.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mode

import numpy as np
from scipy import ndimage

from chart2code import morphology
from chart2code.circles import fit_circle
from chart2code.detail import detail_of
from chart2code.open_axes import open_axes
from chart2code.picture_cache import remembered, remembered_by_value

Box = tuple[float, float, float, float]
SPINE_SEARCH = 80  # pixels around the expected place
DARK = 150  # of 255: spines and ticks are darker, grid lines are not
STROKE, MOSTLY = 4, 0.7  # pixels, more than strokes of letters are thick; of markers, of one size
TEXT, HANDLE = 19, 2.8  # pixels, the height of a line of text, at most; of that, from a legend's handle to its text
HEAVY = 0.9  # of the ink of the largest tick
LONGEST_TICK, ALIKE_TICKS = 11, 0.7  # pixels, in a small figure; of the ticks, as long as usual
STRAIGHT = 0.92  # of the pixels around a tick, the same in each row
TICK = 8  # pixels that a tick may prolong a spine by
AREA, SAME_AREA = 400, 12  # pixels of one colour, no edges; of 255, between two areas of one colour
LEAST_GAPS, DOT, SOFT_DOT = 0.06, 2.3, 1.6  # of a line; times its thickness, the longest dot; pixels of a thin one
DOTTED = 0.05  # of the pixels of a colour, with the same on all sides
SOFT, HALO = 0.7, 0.45  # of the pixels of a soft edge, near what it is the edge of; of its contrast
OPEN = 0.3  # of the axes, where the page is seen: they have no colour of their own
BEYOND = 10  # pixels that a grid goes on beyond its outer lines
PALE_PART = 0.8  # of a stretch of a spine
PALE, FAINT = 205, 235  # spines that are thinner than a pixel of the canvas, or grey
ALIKE = 6  # of 255: how much better a mixture with another colour explains a pixel
MIX_ERROR = 40  # of 255: how far a pixel may be from the mixtures of a colour and the paper
MOST_TOGETHER = 6  # markers upon each other
LARGEST = 40  # pixels, of a marker
MARKER_RADIUS = 7  # pixels, of one on a line
SAMPLES = 9  # of markers that stand alone
SMALLEST = 16  # pixels, of a marker whose shape can be told
UNLIKE = 0.35  # of its area: a marker that differs more from a shape has another
ROUND = 0.75  # of bubbles, that none hides
SIZES = 2.0  # how many times larger large bubbles are than small ones
BLUR = 0.5  # pixels: of edges, and by taking the mean of markers between pixels
FULL = 0.75  # coverage from which a pixel belongs to a filled area
SOLID_DOT = 0.68  # of its rectangle: more than of letters
UPON = 0.6  # of what is above and below letters, in a mark: they stand upon it
THROUGH_LEGEND = 0.2  # of a colour: matplotlib draws legends with an opacity of 0.8
SHADE = 7  # of 255: of one colour through a legend
GRID_LINE, PALEST_LINE = 0.7, 0.7  # share of a column that is inked by the grid, and less than which it covers there
LONGEST_GAP = 40  # columns that a line may be hidden in
JUMP, GAP = 0.5, 0.3  # price, in columns of a path, of a row that it jumps and of a column in which it isn't seen
STEEP = 1.5  # rows per column, from which columns say nothing about dashes
LEAST_WHISKER = 7  # pixels
WHISKER = 130  # of 255: error bars are darker
MOST = 0.6  # of the bars of a chart that has error bars
ACROSS = 0.9  # of a colour's ink that is in one row, if it is that of a line across the axes
STYLES = {"-": 0.92, "--": 0.5, ":": 0.25}  # the least share of its length that a line covers
FAR = 3.0  # pixels from a polyline
CLOSE = 0.3  # pixels that a path may be away from a polyline with few corners
DIP = 0.6  # how much better the right number of corners fits than one more or less
ROUGHLY, ROUND_ERROR = 1.6, 0.02  # times the best misfit; of a round distance
INSETS = (0.5, 2.5, 4.5)  # pixels that ink goes on beyond the first and last corner: caps, markers
ON_LINE = 4.0  # pixels that markers may be off their line, and that are between two at least
EVEN, MOSTLY_EVEN = 2.0, 0.6  # pixels that even distances differ by; of these, those between neighbours
MARKED = 1.0  # pixels that a path may be away from a polyline with corners at its markers
MOST_KNOTS = 240
UPRIGHT, LEAST_JUMP = 4, 2.0  # columns, at most, from one step to the next; rows, at least, mostly
LEVEL, SHORTEST_STEP = 0.3, 3  # rows, columns: of a line in steps
CLOSED, ON_CIRCLE = (
    (0.9, 0.7, 0.6),
    2.0,
)  # of all directions: with wedges, that end so near to the circle, of one colour
ALONE = 0.2  # of a pie's area, in colours beside it
ON_RIM = 0.8  # pixels from a circle: a wedge that is moved out has another one
MOST_OUT = 0.4  # radii that a wedge is moved out
PALEST_WEDGE = 9  # of 255, from the page
RING, FURTHER_IN = 0.93, 0.78  # of a pie's radius: where it has its colours
SHADOW, SHADED = 0.04, 0.6  # radii that a shadow reaches beyond a pie; and of the pixels there, in shadow
HIDDEN_END, LAST = 1.5, 8  # pixels that an edge ends before a corner; and columns that say where it would go on
MOST_FITTED = 40  # corners that are fitted together


# Channels, taken by pairs: numpy is slow along a last axis of three


def _palest(values: np.ndarray) -> np.ndarray:
    """The largest of the channels of (..., 3)."""
    return np.maximum(np.maximum(values[..., 0], values[..., 1]), values[..., 2])


def _darkest(values: np.ndarray) -> np.ndarray:
    return np.minimum(np.minimum(values[..., 0], values[..., 1]), values[..., 2])


def _chroma(pixels: np.ndarray) -> np.ndarray:
    return _palest(pixels) - _darkest(pixels)


def difference(pixels: np.ndarray, color: Sequence[float] | np.ndarray) -> np.ndarray:
    """The largest difference from a colour, or from another picture, in a channel."""
    color = np.round(color).astype(np.int16)
    apart = [np.abs(pixels[..., k].astype(np.int16) - color[..., k]) for k in range(3)]
    return np.maximum(np.maximum(apart[0], apart[1]), apart[2])


# Axes


@remembered
def find_box(pixels: np.ndarray, guess: Box) -> Box | None:
    """
    The rectangle of the axes, by the spines at its bottom and its left, or by its colour if the page has another, or
    by the ends of grid lines, or by what else there is of axes (open_axes.py); None if there is none of these.
    """
    fine, pixels = detail_of(pixels), _on_light(pixels)
    box = _framed(pixels, guess, DARK)
    if box is None and fine is not None:
        box = _framed(_on_light(fine.pixels), tuple(fine.enlarged(guess)), DARK, round(fine.zoom * SPINE_SEARCH))
        box = box and tuple(map(float, fine.reduced(box)))
    box = box or _panel(pixels)
    if box is not None:
        return box
    axes = open_axes(pixels, page_of(pixels))
    if axes.box is not None and axes.one_way:
        return axes.box
    frame, grid = _framed(pixels, guess, PALE) or _framed(pixels, guess, FAINT), _gridded(pixels)
    # What looks like a pale frame may be the outer lines of a grid, which go on beyond it, at several sides; at one
    # side, labels may be next to it.
    if frame is None or grid and (np.abs(np.subtract(frame, grid)) > BEYOND).sum() > 1:
        frame = grid
    return frame or axes.box


def has_pale_frame(pixels: np.ndarray, guess: Box) -> bool:
    """Whether the left side of the axes is a line, but no dark one."""
    box, fine = find_box(pixels, guess) or guess, detail_of(pixels)
    if fine is not None:  # where a dark one may be thinner than a pixel
        pixels, box = fine.pixels, fine.enlarged(box)
    left, top, _, bottom = (int(round(v)) for v in box)
    side = _palest(pixels[top:bottom, max(0, left - 2) : left + 3]).min(axis=1, initial=255)
    return bool(side.size) and DARK < np.median(side) < FAINT


def _on_light(pixels: np.ndarray) -> np.ndarray:
    """A picture whose page is light: its negative, if it is dark, but with a white letterbox."""
    if sum(page_of(pixels)) >= 3 * 128:
        return pixels
    return np.where(_letterbox(pixels)[..., None], 255, 255 - pixels).astype(np.uint8)


def _letterbox(pixels: np.ndarray) -> np.ndarray:
    """(H, W) bool: what lies outside of the picture on the canvas."""
    ink = _darkest(pixels) < 255
    return ~(ink.any(axis=1)[:, None] & ink.any(axis=0))


def _panel(pixels: np.ndarray) -> Box | None:
    """The rectangle that has a colour of its own, another than the page."""
    page, (rows, columns) = page_of(pixels), pixels.shape[:2]
    codes = pixels.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1])
    values, counts = np.unique(codes[::2, ::2], return_counts=True)
    for k in counts.argsort()[::-1][:3]:
        color = np.array([values[k] >> 16, values[k] >> 8 & 255, values[k] & 255])
        differs = np.abs(color - page).max() >= 5 and color.min() < 255
        if color.min() < 200 or not differs or counts[k] < 0.05 * rows * columns / 4:
            continue
        mask = codes == values[k]
        across, along = mask.sum(axis=1), mask.sum(axis=0)
        y, x = np.flatnonzero(across > 0.3 * across.max()), np.flatnonzero(along > 0.3 * along.max())
        # Marks that reach the frame hide the panel, but don't let the page through.
        through = difference(pixels, page) < 3
        top, bottom = _grown(through[:, x[0] : x[-1] + 1].mean(axis=1) > 0.1, y[0], y[-1])
        left, right = _grown(through[top : bottom + 1].mean(axis=0) > 0.1, x[0], x[-1])
        if through[top : bottom + 1, left : right + 1].mean() > OPEN:  # a band
            continue
        return float(left), float(top), float(right), float(bottom)
    return None


def _gridded(pixels: np.ndarray) -> Box | None:
    """The rectangle that grid lines in both directions span."""
    page = np.array(page_of(pixels), np.int16)
    away, grey = difference(pixels, page), _chroma(pixels - page) < 24
    line = (away > 5) & (away < 90) & grey & (_darkest(pixels) < 255)  # neither text nor the letterbox
    sides, places = [], []
    for mask, marks in ((line, ~grey), (line.T, ~grey.T)):
        mask = mask | np.roll(mask, 1, axis=0)  # of a line between two rows each is paler
        counts = mask.sum(axis=1)
        beside = np.minimum(np.roll(counts, 4), np.roll(counts, -4))
        found = []
        for row in np.flatnonzero((counts > 0.15 * len(mask)) & (beside < 0.6 * counts)):
            stretch = np.flatnonzero(_joined(mask[row] | marks[row]))
            if len(stretch) > 0.35 * len(mask) and mask[row, stretch].sum() > 0.15 * len(mask):
                found.append((row, stretch[0], stretch[-1]))
        if not found:
            return None
        rows, starts, ends = zip(*found)
        places.append(rows)
        sides.append((mode(starts), mode(ends)))  # some go on as labels, and some are hidden
    (left, right), (top, bottom) = sides
    # Marks may hide one end of all lines, but then not the last line across.
    left, right, top, bottom = (
        edge(side, edge(across))
        for edge, side, across in (
            (min, left, places[1]),
            (max, right, places[1]),
            (min, top, places[0]),
            (max, bottom, places[0]),
        )
    )
    return (float(left), float(top), float(right), float(bottom)) if right - left > 40 and bottom - top > 40 else None


def _joined(row: np.ndarray) -> np.ndarray:
    """The longest stretch of a row that has gaps of at most 2 pixels."""
    places = np.flatnonzero(row)
    stretch = max(np.split(places, np.flatnonzero(np.diff(places) > 3) + 1), key=np.ptp)
    joined = np.zeros_like(row)
    joined[stretch[0] : stretch[-1] + 1] = True
    return joined


def _grown(through: np.ndarray, first: int, last: int) -> tuple[int, int]:
    """The stretch from `first` to `last`, as far as it goes on until something is true."""
    before, after = np.flatnonzero(through[:first]), np.flatnonzero(through[last + 1 :])
    return int(before[-1]) + 1 if len(before) else 0, last + int(after[0]) if len(after) else len(through) - 1


def _framed(pixels: np.ndarray, guess: Box, level: int, search: int = SPINE_SEARCH) -> Box | None:
    dark = (_palest(pixels) < level) & (_chroma(pixels) < 48)
    bottom = _spine(dark, guess[0], guess[2], guess[3], search, last=True)
    left = _spine(dark.T, guess[1], guess[3], guess[0], search, last=False)
    if left is None:
        return None
    y0, end, x0 = left
    if bottom is None:  # bars may hide it
        top = _spine(dark, guess[0], guess[2], guess[1], search, last=False)
        bottom = top and (*top[:2], end)
    if bottom is None:
        return None
    start, x1, y1 = bottom
    for place in (x1, guess[2]):  # a tick there goes on where the other spine ends, or that is paler beside an image
        right = _spine(dark.T, guess[1], guess[3], place, search, last=True)
        if right is None:
            continue
        row = _palest(pixels[round(y1), round(x1) : round(right[2])])
        if abs(right[2] - x1) < TICK or right[2] > x1 and (row < PALE).mean() > PALE_PART:
            x1 = right[2]
    if abs(start - x0) > TICK or abs(end - y1) > TICK or x1 - x0 < 40 or y1 - y0 < 40:
        return None
    return x0, y0, x1, y1


def _spine(
    dark: np.ndarray, start: float, end: float, guess: float, search: int, last: bool
) -> tuple[float, ...] | None:
    """(first, last, place) of the longest dark row near `guess`; of several, the last or the first."""
    low, high = (int(np.clip(guess + d, 0, len(dark))) for d in (-search, search))
    window = dark[low:high]
    if not window.any():
        return None
    counts = window.sum(axis=1)
    longest = counts.max()
    if longest < 0.5 * (end - start):
        return None
    rows = np.flatnonzero(counts >= 0.9 * longest)
    row = rows[-1] if last else rows[0]
    near = rows[np.abs(rows - row) <= 1]
    columns = np.flatnonzero(window[near].any(axis=0))
    runs = np.split(columns, np.flatnonzero(np.diff(columns) > 3) + 1)
    run = max(runs, key=len)
    if len(run) < 0.5 * (end - start):
        return None
    return float(run[0]), float(run[-1]), float(low + np.average(near, weights=counts[near]))


def find_ticks(pixels: np.ndarray, box: Box, side: str) -> np.ndarray:
    """
    Places of the ticks (of their labels, if there are none) along a side ("bottom", "left" or "right") of the axes, in
    ascending order.
    """
    return weighed_ticks(pixels, box, side)[0]


@remembered
def weighed_ticks(pixels: np.ndarray, box: Box, side: str) -> tuple[np.ndarray, np.ndarray]:
    """As `find_ticks`, and how much ink each has; labels the same."""
    found, fine = _ticks(pixels, box, side), detail_of(pixels)
    finer = None if fine is None else _ticks(fine.pixels, tuple(fine.enlarged(box)), side, fine.zoom)
    if finer is not None and (found is None or len(finer[0]) > len(found[0])):
        found = fine.reduced(finer[0]), finer[1]
    if found is None:
        places = _label_places(pixels, box, side)
        found = places, np.ones(len(places))
    return found


def _ticks(pixels: np.ndarray, box: Box, side: str, zoom: float = 1) -> tuple[np.ndarray, np.ndarray] | None:
    """Places and ink of the short lines along a side of the axes, on a picture of `zoom` times the canvas; None if
    there are not two."""
    grey = 255 - _palest(_on_light(pixels)).astype(np.float32)
    left, top, right, bottom = (int(round(v)) for v in box)
    near, far = round(zoom), round(3 + 2 * zoom)  # pixels that ticks have at least, and that must be beside the axes
    if bottom + far + 1 > len(grey) or left < far + 1 or right + far + 1 > grey.shape[1]:
        return None
    if side == "bottom":
        offset = max(0, left - 2)
        rows = grey[bottom + 1 :, offset : right + 3]
    else:
        offset = max(0, top - 2)
        rows = (
            grey[offset : bottom + 3, :left][:, ::-1].T if side == "left" else grey[offset : bottom + 3, right + 1 :].T
        )
    strip = rows[near : near + 2].mean(axis=0)
    if not strip.size or np.isnan(strip).any():
        return None
    regions, count = ndimage.label(strip > 50)
    index = np.arange(1, count + 1)
    widths = ndimage.sum_labels(np.ones_like(strip), regions, index)
    places = offset + np.array(ndimage.center_of_mass(strip, regions, index)).reshape(-1)
    places, weights = places[widths <= 4], ndimage.sum_labels(strip, regions, index)[widths <= 4]
    if len(places) < 2:
        return None
    at = np.round(places - offset).astype(int)
    inked = rows[near:, at] > 50
    lengths = near + np.where(inked.all(axis=0), len(inked), inked.argmin(axis=0))
    # Letters begin further off, and they, and lines to them, are of all lengths and shapes; ticks are straight and of
    # one length, which is more in a small figure.
    usual = np.median(lengths)
    around = [rows[near : int(end), max(0, x - 3) : x + 4] > 50 for x, end in zip(at, lengths)]
    straight = np.mean([len(part) == 0 or np.mean(part == part[0]) > STRAIGHT for part in around])
    alike = min(np.mean(np.abs(lengths - usual) <= 1), straight) > ALIKE_TICKS
    # Small ticks are shorter than large ones, and hardly thinner.
    longest = int(np.median(lengths[weights >= HEAVY * weights.max()]))
    weights = ndimage.sum_labels(rows[near : max(near + 2, longest)].mean(axis=0), regions, index)[widths <= 4]
    return (places, weights) if alike and near < usual <= LONGEST_TICK * zoom else None


def _label_places(pixels: np.ndarray, box: Box, side: str) -> np.ndarray:
    """Middles of the labels along a side of the axes, where there are no ticks."""
    left, top, right, bottom = (int(round(v)) for v in box)
    if side == "bottom":
        strip, offset = pixels[bottom + 3 : bottom + 28, max(0, left - 12) : right + 13], max(0, left - 12)
    else:
        columns = slice(max(0, left - 26), left - 2) if side == "left" else slice(right + 3, right + 27)
        strip, offset = pixels[max(0, top - 6) : bottom + 7, columns].swapaxes(0, 1), max(0, top - 6)
    if strip.shape[0] < 8 or strip.shape[1] < 8:
        return np.empty(0)
    grey = strip.mean(axis=2)
    ink = np.abs(grey - np.median(grey)) > 60
    first, last = (left, right) if side == "bottom" else (top, bottom)
    beside = ink[:, first - offset : last - offset + 1]  # beyond its ends there may be a label of the other axis
    lines = np.flatnonzero(beside.any(axis=1))  # those next to the axis; further out is its name
    if not len(lines):
        return np.empty(0)
    groups = np.split(lines, np.flatnonzero(np.diff(lines) > 4) + 1)
    groups = [group for group in groups if np.ptp(group) >= 4] or groups  # no corners of a frame
    group = groups[-1] if side == "left" else groups[0]
    columns = np.flatnonzero(ink[group].any(axis=0))
    gap = max(6, 0.7 * np.ptp(group)) if side == "bottom" else 2  # between words
    runs = np.split(columns, np.flatnonzero(np.diff(columns) > gap) + 1)
    runs = [offset + run for run in runs if len(run) > 2]
    if side == "bottom":  # no label of the other axes
        runs = [run for run in runs if run[-1] >= left - 2 and run[0] <= right + 2]
    return np.array([(run[0] + run[-1]) / 2 for run in runs])


# Colours


def coverage(pixels: np.ndarray, color: Sequence[float], paper: Sequence[float] = (255, 255, 255)) -> np.ndarray:
    """(H, W) float32: how much of each pixel a colour covers, on paper; 0 where it is another colour."""
    cover, paper = np.zeros(pixels.shape[:2], np.float32), np.asarray(paper, np.float32)
    direction = np.asarray(color, np.float32) - paper
    length = float(direction @ direction)
    if length < 1:
        return cover
    rows, columns = np.nonzero(difference(pixels, paper))  # elsewhere nothing is covered
    away = pixels[rows, columns] - paper
    share = away @ direction / length
    error = _palest(np.abs(away - np.clip(share, 0, 1)[..., None] * direction))
    allowed = min(MIX_ERROR, 0.22 * np.abs(direction).max())  # pale colours are not far from grey
    cover[rows, columns] = np.where(error < allowed * np.clip(share + 0.3, 0, 1), np.clip(share, 0, 1), 0)
    return cover


def coverages(pixels: np.ndarray, colors: Sequence[np.ndarray], paper: Sequence[float], box: Box) -> list[np.ndarray]:
    """The coverage by each of several colours inside of a box; a pixel of one colour isn't half of another."""
    covers = [coverage_inside(pixels, color, paper, box).copy() for color in colors]
    for k, color in enumerate(colors):
        exact = _has(pixels, color)
        for other, cover in zip(colors, covers):
            if np.abs(other - color).max() > 24:
                cover[exact] = 0
        covers[k][exact & (covers[k] > 0)] = 1
    if len(colors) > 1:
        _set_apart(covers, pixels, np.array(colors, np.float32), np.array(paper, np.float32))
    return covers


def _set_apart(covers: list[np.ndarray], pixels: np.ndarray, colors: np.ndarray, paper: np.ndarray) -> None:
    """Takes the soft edges of each colour (N, 3) from the coverages by others that look alike when they are pale."""
    found = np.array(covers) > 0
    rows, columns = np.nonzero(found.sum(axis=0) > 1)
    away, directions = pixels[rows, columns] - paper, colors - paper
    shares = away @ directions.T / np.maximum(1, (directions**2).sum(axis=1))
    errors = _palest(np.abs(away[:, None] - shares.clip(0, 1)[..., None] * directions))
    errors[~found[:, rows, columns].T] = np.inf
    for cover, worse in zip(covers, (errors > errors.min(axis=1, keepdims=True) + ALIKE).T):
        cover[rows[worse], columns[worse]] = 0


@remembered
def _has(pixels: np.ndarray, color: np.ndarray) -> np.ndarray:
    return difference(pixels, color) < 12


@remembered
def paper_of(pixels: np.ndarray, box: Box) -> tuple[int, ...]:
    """The colour of the axes' background: one of the most frequent, pale, or dark up to the frame; else white."""
    inside = inside_of(pixels, box, 3).reshape(-1, 3).astype(np.int32)
    top = inside_of(pixels, box, 5)[:3].reshape(-1, 3).astype(np.int16)  # where bars don't reach
    if not len(inside) or not len(top):
        return 255, 255, 255
    codes, counts = np.unique((inside[:, 0] << 16) | (inside[:, 1] << 8) | inside[:, 2], return_counts=True)
    above = np.median(top, axis=0)
    for k in counts.argsort()[::-1][:4]:
        code, share = int(codes[k]), counts[k] / len(inside)
        color = code >> 16, code >> 8 & 255, code & 255
        up_to_frame = np.abs(above - color).max() < 3
        above_marks = (np.abs(top - color).max(axis=1) < 3).mean() > 0.05
        if share > 0.1 and (up_to_frame or above_marks and share > 0.2 and min(color) >= 200):
            return color
    return 255, 255, 255


@remembered
def page_of(pixels: np.ndarray) -> tuple[int, ...]:
    """The colour of the page around the axes: the most frequent one at the left and the right side of the picture."""
    ink = _darkest(pixels) < 255
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))  # without the letterbox
    if not len(rows):
        return 255, 255, 255
    sides = pixels[rows[0] : rows[-1] + 1, [columns[0], columns[0] + 1, columns[-1] - 1, columns[-1]]].reshape(-1, 3)
    colors, counts = np.unique(sides, axis=0, return_counts=True)
    color = tuple(int(v) for v in colors[counts.argmax()])
    return color if counts.max() > 0.75 * len(sides) else (255, 255, 255)


@remembered
def find_colors(
    pixels: np.ndarray, box: Box, greys: bool = False, minimum: int = 25
) -> tuple[tuple[np.ndarray, int], ...]:
    """
    The colours of the marks inside of a box and how many pixels each has, the most frequent first; without paper, and
    without greys (of grid, frame and text) unless they are asked for.
    """
    paper = np.array(paper_of(pixels, box), np.float32)
    inside = inside_of(pixels, box, 3).astype(np.int16)
    flat = np.zeros(inside.shape[:2], bool)  # no soft edge: as above and below, left and right
    if min(flat.shape) > 2:
        across = _palest(np.abs(inside[:, 2:] - inside[:, :-2]))[1:-1]
        along = _palest(np.abs(inside[2:] - inside[:-2]))[:, 1:-1]
        flat[1:-1, 1:-1] = np.maximum(across, along) <= 6
    shape, inside, flat = flat.shape, inside.reshape(-1, 3), flat.ravel()
    red, green, blue = (inside[:, k].astype(np.int32) >> 3 for k in range(3))
    codes = red << 10 | green << 5 | blue
    values, index, counts = np.unique(codes, return_inverse=True, return_counts=True)
    found: list[list] = []
    left_out: list[np.ndarray] = []
    order, ends = index.ravel().argsort(kind="stable"), counts.cumsum()
    for k in counts.argsort()[::-1][:150]:
        if counts[k] < 4:
            break
        members = order[ends[k] - counts[k] : ends[k]]
        color = np.median(inside[members], axis=0).astype(np.float32)
        if np.abs(color - paper).max() < 24 or color.min() > 235:
            continue
        if not greys and np.ptp(color) < 26 and flat[members].sum() < 150:
            left_out.append(color)
            continue
        reach = 30 if flat[members].sum() < AREA else SAME_AREA
        for entry in found:
            if np.abs(entry[0] - color).max() < reach:
                entry[1] += counts[k]
                entry[2] += flat[members].sum()
                break
        else:
            found.append([color, counts[k], flat[members].sum()])
    kept = []
    for color, count, area in found:
        if count < minimum:
            continue
        # A mixture of another colour with the paper is the soft edge of that one, unless it has an area of its own.
        strong = [
            other for other, n, flats in found if n >= minimum and (flats > 8 or n > count) and other is not color
        ]
        if area >= 0.3 * count:
            kept.append((color, int(count)))
            continue
        picture = inside.reshape(*shape, 3)
        edges = [other for other in strong if _mixed(color, other, paper)]
        if any(np.abs(color - paper).max() < HALO * np.abs(other - paper).max() for other in edges):
            continue
        if area < DOTTED * count:  # of dots, there may be less of the colour itself
            others = [other for other, n, _ in found if n >= minimum and other is not color]
            edges = [other for other in others if _mixed(color, other, paper)]
        if any(beside(color, other, picture, SOFT, 9) or not _apart(color, other, picture) for other in edges):
            continue
        pairs = itertools.product(strong, strong + left_out)
        if any(_mixed(color, one, other) and beside(color, one, picture) for one, other in pairs):
            continue
        # Of a thin line, and more so of dashes, the edge may be more than the middle; but it is next to it.
        cores = [other for other, n, _ in found if minimum <= n <= count < 4 * n and _mixed(color, other, paper)]
        if any(beside(color, core, picture) for core in cores):
            continue
        kept.append((color, int(count)))
    return tuple(sorted(kept, key=lambda entry: -entry[1]))


def beside(color: np.ndarray, core: np.ndarray, pixels: np.ndarray, share: float = 0.9, reach: int = 3) -> bool:
    """Whether a `share` of the pixels of a colour have one of another in the square around them."""
    own, other = (difference(pixels, c) < 30 for c in (color, core))
    return bool((own & ndimage.maximum_filter(other, reach)).sum() > share * own.sum())


def _apart(color: np.ndarray, other: np.ndarray, pixels: np.ndarray) -> bool:
    """Whether two colours are in the same columns, but not near each other: they are two lines."""
    own, core = (difference(pixels, c) < 30 for c in (color, other))
    alone = (own & ~ndimage.maximum_filter(core, 9)).any(axis=0)
    both = ndimage.maximum_filter(core.any(axis=0), 15)  # also between dashes
    return bool((alone & both).sum() > 0.5 * own.any(axis=0).sum())


@remembered
def area_of(pixels: np.ndarray, color: np.ndarray, box: Box) -> np.ndarray:
    """(H, W) bool: where a colour fills areas inside of a box, more than lines and markers do."""
    area = np.zeros(pixels.shape[:2], bool)
    left, top, right, bottom = (int(round(v)) for v in box)
    inside = np.s_[top + 3 : bottom - 2, left + 3 : right - 2]
    area[inside] = morphology.opening(_has(pixels, color)[inside], (9, 9))
    return area


def wash_of(color: np.ndarray, ink: np.ndarray, paper: Sequence[float]) -> float | None:
    """The opacity with which an ink has a colour on paper; None if it is not this ink, transparent."""
    paper = np.asarray(paper, np.float32)
    if np.abs(ink - color).max() <= 8 or not _mixed(color, ink, paper):
        return None
    return float((color - paper) @ (ink - paper) / max(1.0, (ink - paper) @ (ink - paper)))


def _mixed(color: np.ndarray, one: np.ndarray, other: np.ndarray) -> bool:
    direction = one - other
    share = float((color - other) @ direction / max(1.0, direction @ direction))
    return 0.05 < share < 0.93 and np.abs(color - other - share * direction).max() < 22


def inside_of(pixels: np.ndarray, box: Box, margin: int) -> np.ndarray:
    """The part of a picture that lies in a box and is `margin` pixels away from its sides."""
    left, top, right, bottom = (int(round(v)) for v in box)
    return pixels[
        max(0, top + margin) : max(0, bottom - margin + 1), max(0, left + margin) : max(0, right - margin + 1)
    ]


@remembered
def coverage_inside(
    pixels: np.ndarray, color: Sequence[float], paper: Sequence[float], box: Box, margin: int = 1
) -> np.ndarray:
    """The coverage inside of a box, 0 outside."""
    left, top, right, bottom = (int(round(v)) for v in box)
    part = np.s_[max(0, top + margin) : bottom - margin + 1, max(0, left + margin) : right - margin + 1]
    cover = np.zeros(pixels.shape[:2], np.float32)
    cover[part] = coverage(pixels[part], color, paper)
    if np.ptp(color) > 30:  # a soft grey edge of the frame isn't a pale colour
        for inside, colors in ((cover[part], pixels[part]), (cover[part].T, pixels[part].swapaxes(0, 1))):
            for row in (0, 1, -2, -1) if len(inside) > 4 else ():
                inked = inside[row] > 0
                if inked.mean() > 0.6 and np.median(_chroma(colors[row][inked])) < 24:
                    inside[row] = 0
    return cover


@remembered
def _text_lines(pixels: np.ndarray, box: Box) -> tuple[tuple[int, int, int, int], ...]:
    """Left, top, right and bottom of what may be lines of dark text in the axes."""
    left, top, right, bottom = (int(round(v)) for v in box)
    area = np.s_[max(0, top + 4) : bottom - 3, max(0, left + 4) : right - 3]
    text = np.zeros(pixels.shape[:2], bool)
    text[area] = (difference(pixels[area], paper_of(pixels, box)) > 255 - DARK) & (_chroma(pixels[area]) < 40)
    joined = morphology.closing(text, (1, 6))  # words, but not with a dark handle
    lines = []
    for rows, columns in ndimage.find_objects(ndimage.label(joined, structure=np.ones((3, 3)))[0]):
        height, width = rows.stop - rows.start, columns.stop - columns.start
        dot = width < 1.5 * height and text[rows, columns].mean() > SOLID_DOT
        if 5 <= height <= TEXT and width >= 4 and not dot:
            lines.append((columns.start, rows.start, columns.stop, rows.stop))
    return tuple(lines)


def without_legend(covers: list[np.ndarray], pixels: np.ndarray, box: Box) -> list[np.ndarray]:
    """
    The coverages of several series without a legend that lies inside of the axes: lines of text in a column or a row,
    with something of each series at the left of them.
    """
    if len(covers) < 2:
        return covers
    found = _text_lines(pixels, box)
    if len(found) < len(covers):
        return covers
    areas, lines = morphology.opening(np.max(covers, axis=0) > FULL, (3, 7)), []
    for start, top, end, bottom in found:
        around = areas[[max(0, top - 3), min(len(areas) - 1, bottom + 2)], start:end]
        if around.mean() < UPON:
            lines.append((start, (top + bottom) / 2, end))
    tallest = max(bottom - top for _, top, _, bottom in found)
    reach = max(38, round(HANDLE * tallest))  # of handles, at the left of the texts
    for x, y, _ in lines:
        column = [line for line in lines if abs(line[0] - x) <= 2 and abs(line[1] - y) <= 24 * len(covers)]
        row = [line for line in lines if abs(line[1] - y) <= 2.5]
        for texts, inside in ((column, column), (row, row)):
            if not len(covers) <= len(texts) <= len(covers) + 2:
                continue
            rows = slice(int(min(t[1] for t in texts)) - 9, int(max(t[1] for t in texts)) + 10)
            columns = slice(max(0, int(min(t[0] for t in texts)) - reach), int(max(t[2] for t in texts)) + 4)
            handles = [
                (slice(int(t[1]) - 6, int(t[1]) + 7), slice(max(0, int(t[0]) - reach), int(t[0]))) for t in inside
            ]
            if all(any((cover[handle] > 0.5).sum() >= 4 for handle in handles) for cover in covers):
                result = [cover.copy() for cover in covers]
                for cover in result:
                    cover[rows, columns] = 0
                return result
    return covers


@remembered
def below_legend(pixels: np.ndarray, color: np.ndarray, paper: Sequence[float]) -> np.ndarray:
    """Where a filled area shows through a legend."""
    seen = through_legend(color, paper)
    if np.abs(seen - paper).max() < SHADE:  # too pale to be told from the paper
        return np.zeros(pixels.shape[:2], bool)
    return morphology.opening(difference(pixels, seen) < SHADE, (3, 3))


def through_legend(color: np.ndarray, paper: Sequence[float]) -> np.ndarray:
    """The colour that another has below a legend."""
    paper = np.asarray(paper, np.float32)
    return paper + THROUGH_LEGEND * (color - paper)


# Marks


@dataclass(frozen=True)
class Bar:
    """A vertical bar: middle and width along x, and the ends of its colour along y (start above end)."""

    center: float
    width: float
    start: float
    end: float


def find_bars(cover: np.ndarray, ticks: Sequence[float] = ()) -> list[Bar]:
    """
    Bars of one colour, from left to right, by the columns in which there is that colour. What a line at one of the
    `ticks` takes apart, as of a grid, is one bar.
    """
    mask = cover > FULL
    opened = morphology.opening(mask, (3, 1))  # without grid lines of this colour, which join the bars
    mask = opened if opened.any() else mask
    columns = np.flatnonzero(mask.any(axis=0))
    if not len(columns):
        return []
    bars = []
    runs = np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1)
    for run in _steps(mask, runs[0]) if len(runs) == 1 else runs:
        if len(run) < 3:
            continue
        inner = run[len(run) // 5 : len(run) - len(run) // 5] if len(run) >= 5 else run
        part = mask[:, inner]
        start = float(np.median(part.argmax(axis=0)))
        end = float(np.median(len(part) - part[::-1].argmax(axis=0)))
        bars.append(Bar(float(run[0] + run[-1]) / 2, len(run), start, end))
    for k in range(len(bars) - 1, 0, -1):
        one, other = bars[k - 1], bars[k]
        left, right = one.center + one.width / 2, other.center - other.width / 2
        alike = abs(one.start - other.start) < 3 and abs(one.end - other.end) < 3
        if alike and right - left < 4 and any(abs((left + right) / 2 - tick) < 2 for tick in ticks):
            ends = one.center - one.width / 2, other.center + other.width / 2
            bars[k - 1 : k + 1] = [Bar(sum(ends) / 2, ends[1] - ends[0], one.start, one.end)]
    if not bars:
        return []
    usual = np.median([bar.width for bar in bars])
    return [bar for bar in bars if 0.6 * usual <= bar.width]


def _steps(mask: np.ndarray, run: np.ndarray) -> list[np.ndarray]:
    """The columns of bars that touch one another, as in a histogram, by the steps of their upper edge."""
    edges = np.flatnonzero(np.abs(np.diff(mask[:, run].argmax(axis=0))) > 1) + 1
    widths = np.diff([0, *edges, len(run)])
    if len(widths) < 4 or widths.min() < 3:
        return [run]
    count = next((n for n in range(len(widths), 81) if np.abs(widths / len(run) * n % 1 - 0.5).min() > 0.25), 0)
    return np.array_split(run, count) if count else [run]


def _hats(columns: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """(len(columns), len(knots)): weights of linear interpolation between the knots."""
    return np.stack([np.interp(columns, knots, unit) for unit in np.eye(len(knots))], axis=1)


def _fit_knots(columns: np.ndarray, values: np.ndarray, weights: np.ndarray, knots: np.ndarray) -> np.ndarray | None:
    """Heights of a polyline with corners at `knots` that goes through most of the observations."""
    if len(columns) < len(knots):
        return None
    hats = _hats(columns, knots)
    smooth = np.diff(np.eye(len(knots)), 2, axis=0) * 1e-2 if len(knots) > 2 else np.zeros((0, len(knots)))
    current = weights
    solution = None
    for scale in (1e9, 60, 30, 15, 8, 4, 2, 1.5, 1.5):
        if solution is not None:
            current = weights / (1 + ((values - hats @ solution) / scale) ** 2)
        left = np.concatenate([hats * current[:, None] ** 0.5, smooth, np.eye(len(knots)) * 1e-4])
        right = np.concatenate(
            [values * current**0.5, np.zeros(len(smooth)), np.full(len(knots), np.median(values) * 1e-4)]
        )
        solution = np.linalg.lstsq(left, right, rcond=None)[0]
    return solution


def runs_of_ink(cover: np.ndarray, first: int = 0, end: int | None = None) -> tuple[np.ndarray, ...]:
    """
    The runs of ink in the columns from `first` to before `end`: their columns, first rows, rows after the last,
    middles and weights. A line crossed by others, or a legend's handle, makes several of a column.
    """
    mask = cover > 0.3
    mask[:, : max(0, first)] = False
    if end is not None:
        mask[:, max(0, end) :] = False
    rows = np.flatnonzero(mask.any(axis=1))
    top, bottom = (rows[0], rows[-1] + 1) if len(rows) else (0, 1)
    mask, cover = mask[top:bottom].T, cover[top:bottom].T.astype(np.float64)
    full = mask.mean(axis=1) > GRID_LINE
    for column in np.flatnonzero(full & ~np.roll(full, 4) & ~np.roll(full, -4)):  # of a grid, in a shade of it
        level = np.median(cover[column])
        if level < PALEST_LINE:
            cover[column] = (cover[column] - level).clip(0) / (1 - level)
            mask[column] = cover[column] > 0.3
    edges = np.diff(mask.astype(np.int8), axis=1, prepend=0, append=0)
    (columns, starts), (_, ends) = np.nonzero(edges == 1), np.nonzero(edges == -1)
    zero = np.zeros((len(cover), 1))
    total = np.concatenate([zero, np.cumsum(cover, axis=1)], axis=1)
    moment = np.concatenate([zero, np.cumsum(cover * np.arange(top, bottom), axis=1)], axis=1)
    weights = total[columns, ends] - total[columns, starts]
    middles = (moment[columns, ends] - moment[columns, starts]) / weights
    return columns, starts + top, ends + top, middles, weights


@remembered_by_value
def find_path(cover: np.ndarray) -> np.ndarray:
    """
    The height of a line of one colour in each column, nan where it has none: of the runs of ink those that lead on to
    one another, in the longest way (so a handle in a legend is left out).
    """
    columns, starts, ends, middles, weights = runs_of_ink(cover)
    path = np.full(cover.shape[1], np.nan)
    if not len(columns):
        return path
    firsts = np.searchsorted(columns, columns - LONGEST_GAP)
    lasts = np.searchsorted(columns, columns)
    gains = np.minimum(weights, 1) ** 2  # less for a grid, which may look like the soft edge of a dark colour
    score, before = gains.copy(), np.full(len(columns), -1)
    for k, (a, b) in enumerate(zip(firsts, lasts)):
        if a == b:
            continue
        apart = np.maximum(0, np.maximum(starts[a:b] - ends[k], starts[k] - ends[a:b]))
        missing = columns[k] - columns[a:b] - 1
        ways = score[a:b] - np.maximum(0, apart - missing) * JUMP - missing * GAP
        best = int(ways.argmax())
        if ways[best] > 0:
            score[k], before[k] = gains[k] + ways[best], a + best
    chosen = [int(score.argmax())]
    while before[chosen[-1]] >= 0:
        chosen.append(before[chosen[-1]])
    strong = np.flatnonzero(gains[chosen] > 0.5 * np.median(gains[chosen]))
    chosen = chosen[strong[0] : strong[-1] + 1]
    path[columns[chosen]] = middles[chosen]
    return path


def find_steps(cover: np.ndarray) -> tuple[np.ndarray, np.ndarray, str] | None:
    """
    Columns (n,) and heights (n,) of the points of a line in steps, and where in matplotlib's words: "post" if a height
    holds until the next point, "pre" if it holds since the last; None if it isn't such a line.
    """
    path = find_path(cover)
    columns = np.flatnonzero(~np.isnan(path))
    if len(columns) < MOST_KNOTS / 4:
        return None
    heights = path[columns]
    flat = np.split(np.arange(len(columns)), np.flatnonzero(np.abs(np.diff(heights)) > LEVEL) + 1)
    flat = [part for part in flat if len(part) >= SHORTEST_STEP]
    if len(flat) < 3 or max(np.ptp(heights[part]) for part in flat) > 1:
        return None
    upright = np.mean([b[0] - a[-1] <= UPRIGHT for a, b in itertools.pairwise(flat)]) > 0.9
    if sum(map(len, flat)) < (0.7 if upright else 0.9) * len(columns):
        return None
    levels = np.array([np.median(heights[part]) for part in flat])
    if np.median(np.abs(np.diff(levels))) < LEAST_JUMP:  # a line that hardly rises, in pixels
        return None
    jumps = [(columns[a[-1]] + columns[b[0]]) / 2 for a, b in itertools.pairwise(flat)]
    left, right = float(columns[0]), float(columns[-1])
    ends = []  # of the line, if they are upright
    for column, level in ((columns[0], levels[0]), (columns[-1], levels[-1])):
        rows = np.flatnonzero(cover[:, max(0, column - 1) : column + 2].max(axis=1) > 0.5)
        far = rows[np.abs(rows - level).argmax()] if len(rows) else level
        ends.append(far if abs(far - level) > 4 else None)
    if ends[0] is not None and ends[1] is None:
        return np.array([left, *jumps, right]), np.array([ends[0], *levels]), "pre"
    return np.array([left, *jumps, right]), np.array([*levels, levels[-1] if ends[1] is None else ends[1]]), "post"


def upper_edge(cover: np.ndarray) -> np.ndarray:
    """The height of the upper edge of an area in each column, nan where it has none."""
    mask = cover > FULL
    return np.where(mask.any(axis=0), mask.argmax(axis=0), np.nan)


def misfit(paths: Sequence[np.ndarray], knots: np.ndarray) -> float:
    """Mean distance, in pixels and at most `FAR`, of paths from the polylines through their own points at `knots`."""
    distances = []
    for path in paths:
        columns, heights = _seen(path)
        if len(columns) < 2:
            return FAR
        corners = np.interp(knots, columns, heights)
        slopes = np.diff(corners) / np.maximum(np.diff(knots), 1e-6)
        slope = slopes[np.clip(np.searchsorted(knots, columns) - 1, 0, len(slopes) - 1)]
        distance = np.abs(heights - np.interp(columns, knots, corners)) / np.hypot(1, slope)
        distance[(columns < knots[0] - max(INSETS) - 2) | (columns > knots[-1] + max(INSETS) + 2)] = FAR
        distances.append(np.minimum(distance, FAR).mean())
    return float(np.mean(distances))


def find_knots(
    paths: Sequence[np.ndarray], covers: Sequence[np.ndarray] = (), unit: float | None = None
) -> np.ndarray | None:
    """
    Columns at which lines (their paths) that share their places have their points: where error bars or markers stand;
    or at even distances if there is a number of points that fits much better than one more or one less; or at round
    distances, if a pixel is a `unit`; or as few as will do for curves that are smooth, or too fine.
    """
    columns = np.flatnonzero(np.any([~np.isnan(path) for path in paths], axis=0))
    if len(columns) < 10:
        return None
    for path, cover in zip(paths, covers):
        places = _without_gaps(_whisker_places(cover))
        if len(places) > 2 and misfit([path], places) < 2 * CLOSE:
            return places
    for path, cover in zip(paths, covers):
        places = marker_places(path, cover)
        if len(places) > 2 and misfit(paths, places) < MARKED:
            return places
    counts = range(2, max(4, min(MOST_KNOTS, len(columns) // 2)))
    ways = []  # (misfit, knots) for each number of points
    for count in counts:
        insets = INSETS if count < MOST_FITTED else INSETS[:1]
        tried = [np.linspace(columns[0] + inset, columns[-1] - inset, count) for inset in insets]
        ways.append(min(((misfit(paths, knots), knots) for knots in tried), key=lambda way: way[0]))
    far = np.array([distance for distance, _ in ways])
    enough = max(CLOSE, 1.2 * far.min())  # edges of areas are known to the pixel only
    if far[0] <= enough:
        return ways[0][1]
    for k in range(1, len(ways) - 1):
        if far[k] < 3 * CLOSE and far[k] < DIP * min(far[k - 1], far[k + 1]):
            ends = itertools.product(np.arange(0.5, max(INSETS) + 1, 0.5), repeat=2)
            tried = (np.linspace(columns[0] + a, columns[-1] - b, counts[k]) for a, b in ends)
            return min(tried, key=lambda knots: misfit(paths, knots))
    if unit is not None:
        for distance, knots in ways:
            if distance <= max(CLOSE, ROUGHLY * far.min()) and _is_round(abs(unit) * (knots[1] - knots[0])):
                return knots
    return ways[int(np.argmax(far <= enough))][1]


def marker_places(path: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """Columns of the markers of a line, with those that others hide at its ends or between even ones; none if there
    are hardly any, or if they are not on the line."""
    points = find_points(dots_and_lines(cover)[0])
    if points is None or len(points.places) < 3:
        return np.empty(0)
    x, y = points.places.T
    columns, heights = _seen(path)
    if np.abs(np.interp(x, columns, heights) - y).max() >= ON_LINE or np.diff(x).min() <= ON_LINE:
        return np.empty(0)
    ends = columns[0] + INSETS[-1], columns[-1] - INSETS[-1]
    x = np.array([*ends[:1] * bool(x[0] - ends[0] > ON_LINE), *x, *ends[1:] * bool(ends[1] - x[-1] > ON_LINE)])
    return _without_gaps(x)


def _without_gaps(places: np.ndarray) -> np.ndarray:
    """Places at even distances, more exactly, with those that are missing; any others as they are."""
    if len(places) < 3:
        return places
    gaps = np.diff(places)
    usual = float(np.median(gaps))
    counts = np.maximum(np.rint(gaps / usual), 1).astype(int)
    if np.mean(counts == 1) < MOSTLY_EVEN or np.abs(gaps - counts * gaps.sum() / counts.sum()).max() > EVEN:
        return places
    numbers = np.concatenate([[0], counts.cumsum()])
    return np.polyval(np.polyfit(numbers, places, 1), np.arange(numbers[-1] + 1))


def _is_round(step: float) -> bool:
    """Whether a distance is a multiple of 1, 2 or 5 and a power of ten, as far as one can measure."""
    mantissa = step / 10 ** np.floor(np.log10(step))
    return min(abs(mantissa / nice - 1) for nice in (1, 2, 5, 10)) < ROUND_ERROR


def _whisker_places(cover: np.ndarray) -> np.ndarray:
    """Columns of the vertical strokes through a line: of its error bars, if it has some."""
    heights = (cover > 0.4).sum(axis=0)
    beside = np.maximum(np.roll(heights, 4), np.roll(heights, -4))
    regions, count = ndimage.label((heights >= LEAST_WHISKER) & (heights > 2.5 * beside) & (beside > 0))
    return np.array([float(np.mean(np.flatnonzero(regions == k + 1))) for k in range(count)])


def _seen(path: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The columns in which a path is seen, and its heights there."""
    columns = np.flatnonzero(~np.isnan(path))
    return columns, path[columns]


def trace_line(cover: np.ndarray, knots: Sequence[float]) -> np.ndarray | None:
    """
    Heights at `knots` (ascending columns) of a line of one colour, whatever its dashes and markers; None if there
    is hardly anything of this colour.
    """
    knots = np.asarray(knots, float)
    columns, starts, ends, middle, weight = runs_of_ink(cover, int(knots[0]) - 1, int(knots[-1]) + 2)
    if len(columns) < 8:
        return None
    if len(knots) > MOST_FITTED:
        path = find_path(cover)
        seen = ~np.isnan(path)
        return np.interp(knots, np.flatnonzero(seen), path[seen]) if seen.sum() > 8 else None
    return _fit_knots(columns.astype(float), middle, np.minimum(weight, 3.0), knots)


def fit_path(path: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Heights at `knots` (ascending columns) of the polyline that is next to a path (W,), nan where it isn't seen."""
    columns, heights = _seen(path)
    fitted = None
    if len(knots) <= MOST_FITTED:
        fitted = _fit_knots(columns.astype(float), heights, np.ones(len(columns)), np.asarray(knots, float))
    if fitted is None:
        return np.interp(knots, columns, heights)
    for beyond, near in (
        (knots < columns[0] - HIDDEN_END, slice(LAST)),
        (knots > columns[-1] + HIDDEN_END, slice(-LAST, None)),
    ):
        if beyond.any():  # the pointed end of an area
            fitted[beyond] = np.polyval(np.polyfit(columns[near], heights[near], 1), np.asarray(knots)[beyond])
    return fitted


@dataclass(frozen=True)
class Stroke:
    """How a line is drawn: its thickness in pixels; the share of it that is gaps, NaN where it is steep, and in
    matplotlib's words its style; whether it has markers, how these look (a square of coverages), and how matplotlib
    names them, if that is seen."""

    thickness: float
    gaps: float
    style: str
    markers: bool
    patch: np.ndarray
    marker: str | None


def find_stroke(cover: np.ndarray, knots: np.ndarray, heights: np.ndarray) -> Stroke | None:
    """The stroke of a line through these points; None where too little of it can be seen."""
    columns = np.arange(int(np.ceil(knots[0])), int(knots[-1]) + 1)
    distance = np.abs(columns[:, None] - knots[None, :]).min(axis=1)
    dense = np.median(np.diff(knots)) < 16  # there is nothing between markers
    slope = np.abs(np.diff(heights) / np.maximum(np.diff(knots), 0.5))  # steps go up in one column
    slope = slope[np.clip(np.searchsorted(knots, columns) - 1, 0, len(knots) - 2)]
    middle = np.interp(columns, knots, heights)
    rows = np.arange(len(cover))[:, None]
    near = np.abs(rows - middle) <= 7 + 3 * slope
    amount = (cover[:, columns] * near).sum(axis=0)
    between = (distance > 7) | dense
    drawn = amount[between & (amount > 0.5)] / np.hypot(1, slope[between & (amount > 0.5)])
    if len(drawn) < 10:
        return None
    at_knots = [amount[np.abs(columns - knot) <= 1].max(initial=0) for knot in knots]
    thickness = float(np.median(drawn))
    flat = [a / np.hypot(1, max(slope[np.abs(columns - k).argmin()], 0)) for a, k in zip(at_knots, knots)]
    markers = not dense and float(np.median(flat)) > thickness + 1.6
    patch = np.median([patch_of(cover, (y, x), MARKER_RADIUS) for x, y in zip(knots, heights)], axis=0)
    marker = shape_of(dots_and_lines(patch, 3)[0]) if markers else None
    gentle = (between | (not markers)) & (slope < STEEP)
    gaps = float((amount[gentle] < 0.3).mean()) if gentle.sum() >= 10 else np.nan
    style = dashes_of(amount, gentle, np.hypot(1, slope), thickness) if gaps > LEAST_GAPS else "-"
    return Stroke(thickness, gaps, style, markers, patch, marker)


def dashes_of(amount: np.ndarray, gentle: np.ndarray, stretch: np.ndarray, thickness: float) -> str:
    """The style of a line with gaps, by how long its dashes are; `stretch`: how much longer a line is than its columns
    are wide."""
    edges = np.diff((amount >= 0.3).astype(np.int8))
    starts, ends = np.flatnonzero(edges == 1) + 1, np.flatnonzero(edges == -1) + 1
    ends = ends[ends > starts[0]] if len(starts) else ends
    runs = [(a, b) for a, b in zip(starts, ends) if gentle[a:b].all()]
    lengths = np.array([stretch[a:b].sum() for a, b in runs]) / max(SOFT_DOT, thickness)
    if not len(lengths):
        return "--"
    short = lengths < DOT
    if short.mean() > 0.8:
        return ":"
    return "-." if 0.25 < short.mean() < 0.75 and np.median(lengths[~short]) > 2 * DOT else "--"


def find_errors(cover: np.ndarray, knots: Sequence[float], heights: np.ndarray) -> np.ndarray:
    """Half the lengths, in pixels, of the vertical bars of one colour through the points of a line."""
    lengths = []
    for knot, height in zip(knots, heights):
        column = cover[:, max(0, round(knot) - 1) : round(knot) + 2].max(axis=1, initial=0) > 0.4
        joined = morphology.closing(column, (5,))  # over the rim of a marker
        lengths.append(max(0.0, (_run_at(joined, round(height)).sum() - 1) / 2))
    return np.array(lengths)


@dataclass(frozen=True)
class Whiskers:
    """Error bars: half their lengths, and half the width of their caps (0: none), in pixels, and their colour."""

    lengths: np.ndarray
    cap: float
    color: np.ndarray


def find_whiskers(pixels: np.ndarray, bars: Sequence[Bar]) -> Whiskers | None:
    """The dark vertical lines through the ends of vertical bars; None if most have none."""
    dark = (_palest(pixels) < WHISKER) & (_chroma(pixels) < 48)
    lengths, caps, inks = [], [], []
    for bar in bars:
        middle, top = round(bar.center), round(bar.start)
        part = dark[:, max(0, middle - 1) : middle + 2].any(axis=1)
        rows = np.flatnonzero(_run_at(morphology.closing(part, (3,)), top))
        thin = len(rows) > 0 and dark[rows].sum(axis=1).min() < 0.5 * bar.width
        above, below = (top - rows[0], rows[-1] - top) if thin else (0, 0)
        lengths.append(max(above, 0.0) if below > 1 else 0.0)
        if lengths[-1] > 2:
            row = dark[max(0, rows[0] - 1) : rows[0] + 2].any(axis=0)
            caps.append(_run_at(row, middle).sum() / 2)
            inks.append(pixels[rows[0] + 2 : top, middle])
    if len(caps) < MOST * len(bars) or not caps:
        return None
    ink = np.concatenate(inks)
    cap = float(np.median(caps))
    return Whiskers(np.array(lengths), cap if cap > 2.5 else 0.0, ink[ink.sum(axis=1).argmin()].astype(float))


def _run_at(mask: np.ndarray, place: int) -> np.ndarray:
    """Of a mask the stretch of True at a place, or none."""
    regions, _ = ndimage.label(mask)
    region = regions[int(np.clip(place, 0, len(mask) - 1))]
    return (regions == region) & (region > 0)


def trace_stack(covers: Sequence[np.ndarray], knots: Sequence[float]) -> np.ndarray | None:
    """
    Heights (N, len(knots)), in pixels, of N areas that lie upon each other, the lowest first, by their upper edges: a
    legend may hide what is below these. None if there is hardly anything of their colours.
    """
    knots = np.asarray(knots, float)
    columns = np.arange(int(np.ceil(knots[0])) + 1, int(knots[-1]))
    masks = [cover[:, columns] > FULL for cover in covers]
    inked = np.any(masks, axis=0)
    filled = inked.any(axis=0)
    if filled.sum() < 8:
        return None
    base = top = np.full(len(columns), np.median(len(inked) - inked[::-1].argmax(axis=0)[filled]))
    edges = [np.zeros(len(knots))]
    for mask in masks:
        seen = mask.any(axis=0)
        top = np.where(seen, mask.argmax(axis=0), top)
        edge = _fit_knots(columns.astype(float), base - top, np.where(seen, 1.0, 0.05), knots)
        if edge is None:
            return None
        edges.append(edge)
    return np.maximum(np.diff(edges, axis=0), 0)


def find_across(cover: np.ndarray, start: float, end: float, words: bool = False) -> tuple[float, str] | None:
    """The row of a colour that is a straight line from `start` to `end`, and its style; None if it isn't. `words`:
    whether there may be some in that colour."""
    amounts = cover.sum(axis=1)
    row = int(amounts.argmax())
    near = slice(max(0, row - 3), row + 4)
    ink = cover[near].max(axis=0) > 0.4
    columns = np.flatnonzero(ink)
    if not len(columns) or columns[0] > start + 8 or columns[-1] < end - 8:
        return None
    length = end - start - 2
    beside = np.delete(cover, np.r_[near], axis=0)[:, int(start) + 1 : int(end)]
    beside = _without_letters(beside > 0.4) if words else beside > 0.4
    if beside.sum() > (1 - ACROSS) * ink.sum() + 60:  # more than its handle in the legend
        return None
    share = ink.sum() / length
    style = next((name for name, least in STYLES.items() if share >= least), None)
    if style is None:
        return None
    return float(np.average(np.arange(near.start, near.stop), weights=cover[near].sum(axis=1))), style


def _without_letters(mask: np.ndarray) -> np.ndarray:
    """A mask without its parts that are as small as letters and words."""
    regions, _ = ndimage.label(mask, np.ones((3, 3)))
    places = ndimage.find_objects(regions)
    large = [k for k, place in enumerate(places, 1) if max(side.stop - side.start for side in place) > TEXT]
    return np.isin(regions, large)


@dataclass(frozen=True)
class Points:
    """Places (N, 2) of the markers of one colour, the area of one in pixels, and its shape, where one stands alone."""

    places: np.ndarray
    area: float
    marker: str | None


def find_points(cover: np.ndarray, area: float | None = None) -> Points | None:
    """
    Markers of one colour, from left to right. Where some lie upon each other they are taken apart with the help of one
    that stands alone. `area`: of one marker, where none stands alone.
    """
    regions, count = ndimage.label(cover > 0.4)
    if not count:
        return None
    index = np.arange(1, count + 1)
    areas = ndimage.sum_labels(cover, regions, index)
    boxes = ndimage.find_objects(regions)
    heights, widths = (np.array([box[axis].stop - box[axis].start for box in boxes]) for axis in (0, 1))
    sides = np.maximum(heights, widths)
    stripes = (np.minimum(heights, widths) <= 3) & (sides > 4 * np.minimum(heights, widths))  # of a frame or a grid
    whole = (areas >= max(5.0, 0.25 * np.percentile(areas, 80))) & ~stripes
    if not whole.any():
        return None
    usual = float(np.median(areas[whole]))
    alike = (np.abs(areas[whole] - usual) < 0.1 * usual).mean() > 0.6
    if area is not None and usual > 1.4 * area and not alike:  # most lie upon each other
        usual = area
    alone = [k for k in np.flatnonzero(whole & (sides <= LARGEST)) if abs(areas[k] - usual) < 0.15 * usual]
    centers = ndimage.center_of_mass(cover, regions, index)
    template = marker = None
    if alone:
        alone = sorted(alone, key=lambda k: abs(areas[k] - usual))[:SAMPLES]
        radius = int(np.ceil(sides[alone[0]] / 2)) + 1
        template = patch_of(np.where(regions == alone[0] + 1, cover, 0), centers[alone[0]], radius)
        soft = np.where(ndimage.binary_dilation(np.isin(regions, np.array(alone) + 1)), cover, 0)  # with its edges
        marker = shape_of(np.mean([patch_of(soft, centers[k], radius) for k in alone], axis=0))
    places = []
    for k in np.flatnonzero(whole):
        number = max(1, round(areas[k] / usual))
        number = number if number <= MOST_TOGETHER else 1  # rather a marker of another size
        box, size = boxes[k], sides[k]
        width = usual**0.5 * 1.13
        single = number == 1 and (areas[k] < 1.25 * usual and size < 1.45 * width or areas[k] > 2 * usual)
        if template is None or single:
            places.append(centers[k])
        else:
            places += _take_apart(np.where(regions[box] == k + 1, cover[box], 0), box, template, usual)
    places = np.array(places)[:, ::-1]
    return Points(places[places[:, 0].argsort()], usual, marker)


def find_bubbles(cover: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Places (N, 2), from left to right, and areas (N,) of round markers of several sizes; None if they aren't."""
    mask = ndimage.binary_fill_holes(morphology.opening(cover > 0.4, (2, 2)))
    regions, count = ndimage.label(mask)
    places, areas, rounds = [], [], []
    for k, box in enumerate(ndimage.find_objects(regions)):
        height, width = (side.stop - side.start for side in box)
        area = float((regions[box] == k + 1).sum())
        rounds.append(abs(area / (np.pi / 4 * height * width) - 1) < 0.15 and 0.8 < height / width < 1.25)
        places.append(((box[1].start + box[1].stop - 1) / 2, (box[0].start + box[0].stop - 1) / 2))
        areas.append(area)
    if count < 4 or np.mean(rounds) < ROUND or np.percentile(areas, 90) < SIZES * np.percentile(areas, 10):
        return None
    order = np.argsort([x for x, _ in places])
    return np.array(places)[order], np.array(areas)[order]


def shape_of(patch: np.ndarray) -> str | None:
    """The marker, as matplotlib names it, whose shape is most like a patch of coverages; None if none is."""
    if patch.sum() < SMALLEST:
        return None
    radius, fine = len(patch) // 2, 5
    steps = (np.arange(len(patch) * fine) + 0.5) / fine - radius - 0.5
    x, y = np.meshgrid(steps, steps) / np.sqrt(patch.sum())  # in the side of a square of this area
    height = 2**0.5  # of a triangle that is as wide as high
    shapes = {
        "o": np.hypot(x, y) < np.pi**-0.5,
        "s": np.maximum(abs(x), abs(y)) < 0.5,
        "D": abs(x) + abs(y) < 0.5**0.5,
        "^": (y < height / 3) & (2 * abs(x) < y + height * 2 / 3),
        "v": (y > -height / 3) & (2 * abs(x) < height * 2 / 3 - y),
    }
    errors = {}
    for name, inside in shapes.items():
        cover = inside.reshape(len(patch), fine, len(patch), fine).mean(axis=(1, 3))
        errors[name] = np.abs(ndimage.gaussian_filter(cover, BLUR) - patch).sum()
    best = min(errors, key=errors.get)
    return best if errors[best] < UNLIKE * patch.sum() else None


def dots_and_lines(cover: np.ndarray, thickness: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """The coverage by one colour, taken apart: by what is thick in all directions, and by the rest."""
    mask = cover > 0.4
    thick = morphology.opening(mask, (thickness, thickness))
    thick = ndimage.binary_dilation(thick, iterations=2) & mask
    return np.where(thick, cover, 0), np.where(thick, 0, cover)


def without_letters(cover: np.ndarray) -> np.ndarray | None:
    """The coverage by solid markers of one size without the words that are of their colour; None if it has no three
    such, that are larger than strokes of letters are thick."""
    dots, _ = dots_and_lines(cover, STROKE)
    sides = [max(side.stop - side.start for side in part) for part in ndimage.find_objects(ndimage.label(dots > 0)[0])]
    if len(sides) < 3 or np.median(sides) < 1.5 * STROKE or np.mean(np.abs(sides - np.median(sides)) < 2) < MOSTLY:
        return None
    return dots


def patch_of(cover: np.ndarray, center: tuple[float, float], radius: int) -> np.ndarray:
    """The square around a center between pixels."""
    reach = radius + 1
    square = np.zeros((2 * reach + 1, 2 * reach + 1), cover.dtype)
    y, x = (round(c) - reach for c in center)
    part = cover[max(0, y) : max(0, y + len(square)), max(0, x) : max(0, x + len(square))]
    if part.size:
        square[max(0, -y) :, max(0, -x) :][: part.shape[0], : part.shape[1]] = part
    return ndimage.shift(square, [round(c) - c for c in center], order=1)[1:-1, 1:-1]


def _take_apart(cover: np.ndarray, box: tuple[slice, slice], template: np.ndarray, area: float) -> list[tuple]:
    """Places of markers in a part of several: again and again where the template fits best in what is unexplained."""
    radius = len(template) // 2
    top, left = box[0].start - radius, box[1].start - radius
    part = np.pad(cover, radius)
    places, left_over = [], part.copy()
    inside = (template > 0.4).astype(np.float32)
    for _ in range(12):
        if left_over.sum() < 0.3 * area:
            break
        new = ndimage.correlate(left_over, inside, mode="constant")
        outside = ndimage.correlate(1 - part, inside, mode="constant")
        score = new - 2 * outside
        y, x = np.unravel_index(score.argmax(), score.shape)
        if score[y, x] < 0.25 * area:
            break
        places.append((float(y + top), float(x + left)))
        y0, x0 = y - radius, x - radius
        for i in range(max(0, y0), min(len(part), y0 + len(template))):
            for j in range(max(0, x0), min(part.shape[1], x0 + len(template))):
                if inside[i - y0, j - x0]:
                    left_over[i, j] = 0
    y, x = ndimage.center_of_mass(cover)
    return places or [(y + box[0].start, x + box[1].start)]


@dataclass(frozen=True)
class Wedge:
    """A wedge: degrees from the x axis, counter-clockwise, of its start and its length; how far out; its colour."""

    start: float
    length: float
    explode: float
    color: np.ndarray


@dataclass(frozen=True)
class Pie:
    """Wedges in counter-clockwise order; the share of the radius that a hole takes; whether it casts a shadow."""

    center: tuple[float, float]
    radius: float
    hole: float
    wedges: list[Wedge]
    shadow: bool = False


@remembered
def find_pie(pixels: np.ndarray) -> Pie | None:
    """The pie of a picture, by its circle."""
    page = page_of(pixels)
    away = pixels.astype(np.int16) - np.array(page, np.int16)
    ink = _palest(np.abs(away)) > PALEST_WEDGE
    ink &= ~_letterbox(pixels)
    ink = ndimage.binary_opening(ink, iterations=2)  # without text and lines
    regions, count = ndimage.label(ink)
    if not count:
        return None
    areas = ndimage.sum_labels(ink, regions, np.arange(1, count + 1))
    big = np.isin(regions, 1 + np.flatnonzero(areas > max(150.0, 0.01 * areas.sum())))
    rows, columns = np.flatnonzero(big.any(axis=1)), np.flatnonzero(big.any(axis=0))
    if not len(rows):
        return None
    center = np.array([(columns[0] + columns[-1]) / 2, (rows[0] + rows[-1]) / 2])
    radius = (columns[-1] - columns[0] + rows[-1] - rows[0]) / 4
    directions = np.arange(0, 360, 0.5)
    angles = np.radians(directions)
    direction = np.stack([np.cos(angles), -np.sin(angles)], axis=1)
    reach = np.arange(0, 1.5 * radius, 0.5)

    def along(center: np.ndarray, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the pixels at these distances, (angles, distances)."""
        x, y = (middle + np.outer(way, distances) for middle, way in zip(center, direction.T))
        return tuple(np.rint(v).astype(int).clip(0, side - 1) for v, side in zip((y, x), pixels.shape))

    for _ in range(2):
        hit = big[along(center, reach)]
        seen = hit.any(axis=1)
        if not seen.any():
            return None
        rim = reach[hit.shape[1] - 1 - hit[:, ::-1].argmax(axis=1)]
        rims = center + direction * rim[:, None]
        center, radius = _circle(rims[seen])
    lit, shaded = (directions + 40) % 360 < 170, np.abs(directions - 225) < 30  # a shadow lies to the left and below
    far = np.linalg.norm(rims - center, axis=1)
    x, y = np.moveaxis(center + direction[:, None] * (far[:, None] * [1, 0.85] - [1.5, 0])[..., None], -1, 0).round()
    y, x = (places.clip(0, len(pixels) - 1).astype(int).T for places in (y, x))
    outer, inner = pixels[y, x].astype(np.float32)
    cast = (_palest(np.abs(outer - page)) > 40) & (_palest(np.abs(outer - inner)) > 40)
    shadow = bool(cast[shaded].mean() > SHADED and cast[lit].mean() < 1 - SHADED)
    reaches = SHADOW * np.cos(np.radians(directions - 225)).clip(0) * shadow
    if shadow:
        center, radius = _circle((rims - direction * reaches[:, None] * radius)[seen])
    hit = big[along(center, reach)]
    rim = reach[hit.shape[1] - 1 - hit[:, ::-1].argmax(axis=1)] - reaches * radius
    if not 20 < radius < 400:
        return None

    def runs(middle: float) -> tuple[list[tuple[int, int]], list[np.ndarray]]:
        """Start and end of the runs of one colour in a ring, and their colours."""
        samples = pixels[along(center, radius * (middle + np.array([-0.03, -0.01, 0.01, 0.03])))].astype(np.float32)
        return _without_legend(_segments(colors := np.median(samples, axis=1), page), colors, page)

    segments, shades = runs(RING)
    if not segments:
        return None
    twice = any(np.abs(a - b).max() < 14 for a, b in itertools.combinations(shades, 2))
    if twice and len((further := runs(FURTHER_IN))[0]) in range(2, len(segments)):  # a legend covers some of the rim
        segments, shades = further
    wedges, outs = [], []
    for a, b in segments:
        inner = _inner(a, b)
        out = float(np.percentile(rim[inner], 40)) / radius - 1
        outs.append(out if 0 < out < MOST_OUT else 0.0)  # beside which there may be a legend
    # Two wedges meet in the middle of the gap, unless one is moved out: then the other shows the border.
    borders = []
    for k, (a, _) in enumerate(segments):
        before = segments[k - 1][1] - (720 if k == 0 else 0)
        moved, moved_before = outs[k] > 0.04, outs[k - 1] > 0.04
        borders.append((a + before) / 2 if moved == moved_before else a if moved_before else before)
    for k, border in enumerate(borders):
        end = borders[(k + 1) % len(borders)] + (720 if k == len(borders) - 1 else 0)
        # A border is half a sample before the one that it is seen at, and a run begins a sample late.
        wedges.append(Wedge(border * 0.5 - 0.5, (end - border) * 0.5, outs[k], shades[k]))
    within = hit[:, reach < RING * radius][:, ::-1]  # from the rim inward: something may stand in the hole
    holes = np.where(within.all(axis=1), 0, RING - within.argmin(axis=1) * 0.5 / radius)
    return Pie(tuple(center), radius, float(np.median(holes)), wedges, shadow)


@remembered
def is_pie(pixels: np.ndarray) -> bool:
    """Whether a chart is a pie and nothing else: wedges in all directions, each of one colour, in a circle."""
    pie, page = find_pie(pixels), page_of(pixels)
    if pie is None or len(pie.wedges) < 2:
        return False
    closed, ends, even = [], [], []
    for wedge in pie.wedges:
        middle, angles = wedge.start + wedge.length / 2, wedge.start + np.arange(1, wedge.length, 2)
        moved = wedge.explode * pie.radius
        x, y = (
            center + moved * turn(np.radians(middle)) + far[:, None] * turn(np.radians(angles))
            for far in [pie.radius * np.array([RING, 0.75 * RING + 0.25 * pie.hole, 1]) + [0, 0, ON_CIRCLE]]
            for center, turn in zip(pie.center, (np.cos, lambda angle: -np.sin(angle)))
        )
        last = pixels.shape[0] - 1
        seen = pixels[np.round(y).clip(0, last).astype(int), np.round(x).clip(0, last).astype(int)]
        closed.append(difference(seen[0], page) > PALEST_WEDGE)
        lit = (angles + 40) % 360 < 170 if pie.shadow else np.full(len(angles), True)
        ends.append((difference(seen[2], page) <= PALEST_WEDGE)[lit])
        even.append(difference(seen[1], seen[0]) < 20)
    y, x = np.ogrid[: pixels.shape[0], : pixels.shape[1]]
    beside = np.hypot(x - pie.center[0], y - pie.center[1]) > 1.3 * pie.radius
    beside = ndimage.binary_opening(beside & (difference(pixels, page) > 20) & ~_letterbox(pixels), iterations=4)
    alone = beside.sum() < ALONE * np.pi * pie.radius**2
    shares = (
        float(np.concatenate(part).mean()) if np.concatenate(part).size else 1.0 for part in (closed, ends, even)
    )
    return bool(alone and all(share > least for share, least in zip(shares, CLOSED)))


def _inner(start: int, end: int) -> np.ndarray:
    """The middle half of a run in a ring of 720."""
    quarter = (end - start) // 4
    return np.arange(start + quarter, max(start + quarter + 1, end - quarter)) % 720


def _without_legend(
    segments: list[tuple[int, int]], colors: np.ndarray, page: Sequence[int]
) -> tuple[list[tuple[int, int]], list[np.ndarray]]:
    """Runs of a ring of colours with their colours, those that are seen through a legend as parts of others."""
    found = [(*run, np.median(colors[_inner(*run)], axis=0)) for run in segments]
    merged: list[tuple[int, int, np.ndarray]] = []

    def seen_through(shade: np.ndarray, neighbour: np.ndarray) -> bool:
        behind = np.add(page, THROUGH_LEGEND * (neighbour - page))
        return np.abs(neighbour - page).max() > 60 and np.abs(behind - shade).max() < 4

    for k, (start, end, shade) in enumerate(found):
        beyond = merged and k and seen_through(found[k - 1][2], shade) and np.abs(merged[-1][2] - shade).max() < 14
        if len(found) > 2 and merged and (beyond or seen_through(shade, merged[-1][2])):
            merged[-1] = (merged[-1][0], end, merged[-1][2])
        elif len(found) > 2 and k + 1 < len(found) and seen_through(shade, found[k + 1][2]):
            found[k + 1] = (start, *found[k + 1][1:])
        else:
            merged.append((start, end, shade))
    return [(start, end) for start, end, _ in merged], [shade for *_, shade in merged]


def _circle(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Center and radius of the circle that most of the points lie on: the best of many through three of them."""
    draw = np.random.default_rng(0)
    best, most, on_best = (points.mean(axis=0), float(np.ptp(points) / 2)), -len(points), None
    for chosen in draw.integers(0, len(points), (150, 3)):
        a, b, c = points[chosen]
        system = np.array([b - a, c - a]) * 2
        if abs(np.linalg.det(system)) < 200:
            continue
        center = np.linalg.solve(system, [b @ b - a @ a, c @ c - a @ a])
        radius = float(np.linalg.norm(a - center))
        away = np.linalg.norm(points - center, axis=1) - radius
        on = np.abs(away) < ON_RIM
        value = on.sum() - (away < -2 * ON_RIM).sum()  # what is moved out is outside of it
        if value > most and on.sum() >= 3:
            most, best, on_best = value, (center, radius), on
    if on_best is not None:
        *center, radius = fit_circle(points[on_best])
        best = np.array(center), radius
    return best


def _segments(colors: np.ndarray, page: Sequence[int]) -> list[tuple[int, int]]:
    """Runs of one colour, not the page's, in a ring of colours (N, 3): (start, end), end beyond N where one goes past
    the end."""
    count = len(colors)
    steps = np.abs(colors - np.roll(colors, 3, axis=0)).max(axis=1)
    paper = np.abs(colors - page).max(axis=1) < PALEST_WEDGE
    flat = (steps < 20) & ~paper
    if flat.all():
        return [(0, count)]
    first = int(np.flatnonzero(~flat)[0])
    rolled = np.roll(flat, -first)
    edges = np.diff(rolled.astype(np.int8), prepend=0, append=0)
    runs = [(a + first, b + first) for a, b in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1))]
    runs = [(a - 2, b) for a, b in runs if b - a >= 6]  # a step is seen for three samples
    merged: list[tuple[int, int]] = []
    for a, b in runs:
        if merged and _same_wedge(colors, paper, merged[-1], (a, b)):
            merged[-1] = merged[-1][0], b
        else:
            merged.append((a, b))
    if len(merged) > 1 and _same_wedge(colors, paper, merged[-1], (merged[0][0] + count, merged[0][1] + count)):
        merged[0] = merged.pop()[0] - count, merged[0][1]
    return merged


def _same_wedge(colors: np.ndarray, paper: np.ndarray, one: tuple[int, int], next_one: tuple[int, int]) -> bool:
    """Whether two runs of a ring of colours are parts of one wedge: of one colour, and text is between them."""
    (start, end), (first, last) = one, next_one
    before, after = (
        np.median(colors[np.arange(a + 2, b) % len(colors)], axis=0) for a, b in ((start, end), (first, last))
    )
    gap = paper[np.arange(end, max(first, end + 1)) % len(colors)]
    return bool(np.abs(after - before).max() < 14 and first - end < 50 and not gap.any())

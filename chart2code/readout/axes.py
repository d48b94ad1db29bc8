"""Where a chart's axes are, by their frame, their colour or their grid, and the ticks along their sides."""

from __future__ import annotations

import math
from statistics import mode

import numpy as np
from scipy import ndimage

from chart2code import morphology
from chart2code.detail import detail_of
from chart2code.open_axes import LINES, open_axes
from chart2code.picture_cache import remembered
from chart2code.readout.cells import find_image
from chart2code.readout.colors import Box, chroma, darkest, difference, letterbox, page_of, palest

SPINE_SEARCH = 80  # pixels around the expected place
AT_FRAME = 3.0  # pixels from an image to its frame
GREY = 48  # of 255: spines have no more chroma
DARK = 150  # of 255: spines and ticks are darker, grid lines are not
LONGEST_TICK, ALIKE_TICKS = 11, 0.7  # pixels, in a small figure; of the ticks, as long as usual
STRAIGHT = 0.92  # of the pixels around a tick, the same in each row
TICK = LONGEST_TICK  # pixels that a tick may prolong a spine by
OPEN = 0.3  # of the axes, where the page is seen: they have no colour of their own
OUTSIDE, GOES_ON = 3, 0.05  # pixels from a panel; of its side, where its colour is there, too: it is none
APART = 5  # pixels: wider than lines of a grid in the colour of the page
MAIN = 0.7  # of a colour, in the axes; also legends have it
BEYOND = 10  # pixels that a grid goes on beyond its outer lines
PALE_PART = 0.8  # of a stretch of a spine
PALE, FAINT = 205, 235  # spines that are thinner than a pixel of the canvas, or grey


@remembered
def find_box(pixels: np.ndarray, guess: Box) -> Box | None:
    """
    The rectangle of the axes, by the spines at its bottom and its left, or by its colour if the page has another, or
    by the ends of grid lines, or by what else there is of axes (open_axes.py); None if there is none of these.
    """
    fine, image, pixels = detail_of(pixels), find_image(pixels), _on_light(pixels)
    box = _framed(pixels, guess, DARK, hidden=fine is None)
    if box is None and fine is not None:
        box = _framed(_on_light(fine.pixels), tuple(fine.enlarged(guess)), DARK, round(fine.zoom * SPINE_SEARCH))
        box = tuple(map(float, fine.reduced(box))) if box else _framed(pixels, guess, DARK)
    if image is not None and (box is None or np.abs(np.subtract(image, box)).max() > AT_FRAME):
        return image  # what looks like a frame are its cells
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
    if find_image(pixels) is not None:
        return False
    box, fine = find_box(pixels, guess) or guess, detail_of(pixels)
    if fine is not None:  # where a dark one may be thinner than a pixel
        pixels, box = fine.pixels, fine.enlarged(box)
    left, top, _, bottom = (int(round(v)) for v in box)
    side = palest(pixels[top:bottom, max(0, left - 2) : left + 3]).min(axis=1, initial=255)
    return bool(side.size) and DARK < np.median(side) < FAINT


def _on_light(pixels: np.ndarray) -> np.ndarray:
    """A picture whose page is light: its negative, if it is dark, but with a white letterbox."""
    if sum(page_of(pixels)) >= 3 * 128:
        return pixels
    return np.where(letterbox(pixels)[..., None], 255, 255 - pixels).astype(np.uint8)


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
        shares = through[:, x[0] : x[-1] + 1].mean(axis=1)
        part = _largest_part(across, shares > OPEN)
        if across[part].sum() < MAIN * across.sum():  # bars
            continue
        y = y[part[y]]
        top, bottom = _grown(shares > 0.1, y[0], y[-1])
        left, right = _grown(through[top : bottom + 1].mean(axis=0) > 0.1, x[0], x[-1])
        inside = through[top : bottom + 1, left : right + 1]
        if max(inside.mean(), *map(np.mean, _edges(inside))) > OPEN:  # a band, or bars
            continue
        above, beside = mask[max(0, top - OUTSIDE), left : right + 1], mask[top : bottom + 1, max(0, left - OUTSIDE)]
        if max(above.mean(), beside.mean()) > GOES_ON:  # an area below a line
            continue
        return float(left), float(top), float(right), float(bottom)
    return None


def _largest_part(counts: np.ndarray, through: np.ndarray) -> np.ndarray:
    """Of rows that have so many pixels of a colour those that hang together and have the most; the page shows
    `through` the others, and through lines of a grid."""
    regions, count = ndimage.label(~morphology.opening(through, (APART,)))
    sums = ndimage.sum_labels(counts, regions, np.arange(1, count + 1))
    return regions == 1 + int(np.argmax(sums))


def _edges(mask: np.ndarray) -> list[np.ndarray]:
    """What is just within the four sides of a mask, beside lines of a grid there."""
    return [mask[APART], mask[-1 - APART], mask[:, APART], mask[:, -1 - APART]]


def _gridded(pixels: np.ndarray) -> Box | None:
    """The rectangle that grid lines in both directions span."""
    page = np.array(page_of(pixels), np.int16)
    away, grey = difference(pixels, page), chroma(pixels - page) < 24
    dark = away >= 90
    line = (away > 5) & ~dark & grey & (darkest(pixels) < 255)  # neither text nor the letterbox
    sides, places = [], []
    for mask, marks, spines in ((line, ~grey, dark), (line.T, ~grey.T, dark.T)):
        mask = mask & ~(np.roll(spines, 1, axis=0) | np.roll(spines, -1, axis=0))  # not their soft edges
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


def _framed(pixels: np.ndarray, guess: Box, level: int, search: int = SPINE_SEARCH, hidden: bool = True) -> Box | None:
    """The rectangle with spines this dark at its bottom, which bars may have `hidden`, and its left."""
    colored = chroma(pixels) >= GREY
    dark = (palest(pixels) < level) & ~colored
    rows, columns = (dark, colored), (dark.T, colored.T)
    bottom = _spine(*rows, guess[0], guess[2], guess[3], search, last=True)
    left = _spine(*columns, guess[1], guess[3], guess[0], search, last=False)
    if left is None:
        return None
    y0, end, x0 = left
    if bottom is None and hidden:
        top = _spine(*rows, guess[0], guess[2], guess[1], search, last=False)
        bottom = top and (*top[:2], end)
    if bottom is None:
        return None
    start, x1, y1 = bottom
    for place in (x1, guess[2]):  # a tick there goes on where the other spine ends, or that is paler beside an image
        right = _spine(*columns, guess[1], guess[3], place, search, last=True)
        if right is None:
            continue
        row = palest(pixels[round(y1), round(x1) : round(right[2])])
        if abs(right[2] - x1) < TICK or right[2] > x1 and (row < PALE).mean() > PALE_PART:
            x1 = right[2]
    if abs(start - x0) > TICK or abs(end - y1) > TICK or x1 - x0 < 40 or y1 - y0 < 40:
        return None
    return x0, y0, x1, y1


def _spine(
    dark: np.ndarray, colored: np.ndarray, start: float, end: float, guess: float, search: int, last: bool
) -> tuple[float, ...] | None:
    """(first, last, place) of the longest dark row near `guess`; of several, the last or the first. Marks on it are
    `colored`."""
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
    drawn = window[near].any(axis=0)
    columns = np.flatnonzero(drawn | colored[low + near].any(axis=0))
    runs = np.split(columns, np.flatnonzero(np.diff(columns) > 3) + 1)
    run = max((part[drawn[part]] for part in runs), key=len)
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
    if finer is not None and (found is None or len(finer[0]) >= len(found[0])):  # and more exact
        found = fine.reduced(finer[0]), finer[1]
    if found is None:
        places = _label_places(pixels, box, side)
        found = places, np.ones(len(places))
    return found


def _ticks(pixels: np.ndarray, box: Box, side: str, zoom: float = 1) -> tuple[np.ndarray, np.ndarray] | None:
    """Places and ink of the short lines along a side of the axes, on a picture of `zoom` times the canvas; None if
    there are not two."""
    grey = 255 - palest(_on_light(pixels)).astype(np.float32)
    # Outwards, where a spine is two pixels thick.
    left, top = (math.ceil(v - 0.5) for v in box[:2])
    right, bottom = (math.floor(v + 0.5) for v in box[2:])
    near, far = round(zoom), round(3 + 2 * zoom)  # pixels that ticks have at least, and that must be beside the axes
    room = {"bottom": len(grey) - bottom, "left": left, "right": grey.shape[1] - right}
    if room[side] < far + 1:
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
    # Small ticks are shorter than large ones, and hardly thinner; those that touch each other are thick.
    longest = int(min(np.sort(lengths)[-2], LONGEST_TICK * zoom))
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
    found = []
    for apart in (4,) if side == "bottom" else (4, 2):  # the name of an axis may be as near to labels as two digits
        groups = np.split(lines, np.flatnonzero(np.diff(lines) > apart) + 1)
        groups = [group for group in groups if np.ptp(group) >= 4] or groups  # no corners of a frame
        group = groups[-1] if side == "left" else groups[0]
        columns = np.flatnonzero(ink[group].any(axis=0))
        # Between words, or lines: a label may have several, then those of one are nearer to each other than labels.
        for gap in (max(6, 0.7 * np.ptp(group)),) if side == "bottom" else (2, LINES):
            runs = np.split(columns, np.flatnonzero(np.diff(columns) > gap) + 1)
            found.append([offset + run for run in runs if len(run) > 2])
    if side == "bottom":  # no label of the other axes
        found = [[run for run in found[0] if run[-1] >= left - 2 and run[0] <= right + 2]]
    places = [np.array([(run[0] + run[-1]) / 2 for run in runs]) for runs in found]
    return min(places, key=lambda own: np.ptp(np.diff(own)) if len(own) > 2 else np.inf)

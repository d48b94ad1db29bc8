"""What the coverage by one colour, (H, W), says of its marks: whether they are a line, also in dashes, hollow markers,
words or an area."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from chart2code import morphology, readout

WIDE, AREA = 0.3, 0.12  # of the columns of the axes, of a line, and of an area
DASHED, DOTTED, NEAR_PATH = 0.55, 0.35, 3  # of the columns of a line; pixels
STEEP, LEAST_DOT = 2.0, (3, 8)  # slope of a path through scattered points; pixels of one, and how many these are
LONG = 0.5  # of the width of the axes, what hangs together of a line
SMALL, ON_PATH = 10, 0.8  # pixels; of the ink of a line in dashes
COMPACT = 2.5  # times the smaller side of a marker
THIN = 2  # pixels from the path of a line to its edges
OWN, MOSTLY = 0.8, 0.7  # of the ink of a piece of a line, or of hollow markers; of an edge, or of parts
HOLE = 12  # pixels within a marker
OWN_RIM, HOLLOW, HOLES = 0.3, 0.85, 2  # of what is around a hole; of hollow markers, inked; pixels between holes
CROSSED = 5  # pixels, the width of a line across a hollow marker
LEAST_ERRORS, ERROR_CAP = 3, 5  # error bars of a line; pixels, half their width, and half the height of markers
LONGER, STROKE = 5, 4  # rows in which they are no wider than so many pixels: of the tips of markers, there are less
CAP_HEIGHT, BESIDE_ERROR = 3, 3  # pixels; and beside them where the line is, which they end so far above and below
LEAST_WHISKERS_APART = 6  # pixels, of most of them
LETTERS = 18, 40  # pixels: the height of letters, at most, and the width of those that touch each other
LEAST_LETTER = 4  # pixels, the height of letters: dashes and what is left of edges have less
BETWEEN_LETTERS = 6  # pixels, where there may be a narrow one
JOINED = 0.9  # of the columns between the ends of an area
FINE, RAGGED = 3, 0.1  # pixels: what strokes are narrower than; of the ink of a noisy line, in such
GRID = 7  # pixels: lines of a grid, through an area
SPLINTER = 0.05  # of its largest part
AT_FRAME = 5  # pixels from it
TICK = 12  # pixels from the frame: ticks that point inward
SPINE, WHOLE = 4, 0.6  # pixels, its soft edge in the axes; of a row or a column, with ink: it is the spine's


def within(cover: np.ndarray, mask: np.ndarray) -> float:
    """The share of a colour that lies where a mask is True."""
    ink = cover > 0.4
    return float((ink & mask).sum() / max(1, ink.sum()))


def without_spines(cover: np.ndarray, box: readout.Box) -> np.ndarray:
    """A coverage without what is left of the spines inside of the axes."""
    cover, (left, top, right, bottom) = cover.copy(), (round(side) for side in box)
    for picture, first, last, length in ((cover, top, bottom, right - left), (cover.T, left, right, bottom - top)):
        for row in (*range(first, first + SPINE), *range(last - SPINE + 1, last + 1)):
            if (picture[row] > 0.3).sum() > WHOLE * length:
                picture[row] = 0
    return cover


def without_ticks(cover: np.ndarray, box: readout.Box) -> np.ndarray:
    """A coverage without what is left of the frame inside of it, and without ticks there."""
    cover, (left, top, right, bottom) = without_spines(cover, box), (round(side) for side in box)
    regions, _ = ndimage.label(cover > 0.3, np.ones((3, 3)))
    for k, (rows, columns) in enumerate(ndimage.find_objects(regions), 1):
        away = columns.start - left, right - columns.stop, rows.start - top, bottom - rows.stop
        reach = columns.stop - left, right - columns.start, rows.stop - top, bottom - rows.start
        if any(near < 2 * SPINE and far < TICK for near, far in zip(away, reach)):
            cover[rows, columns][regions[rows, columns] == k] = 0
    return cover


def without_words(cover: np.ndarray, inked: np.ndarray, width: float) -> np.ndarray:
    """A colour with a line across much of axes that are `width` columns wide, without the letters that it has beside
    that; `inked`: where any colour is, as another line, or points upon the line, may cut it into pieces."""
    ink = cover > 0.4
    regions, count = ndimage.label(inked | ink, np.ones((3, 3)))
    parts = ndimage.find_objects(regions)
    sides = np.array([[side.stop - side.start for side in part] for part in parts]).reshape(-1, 2)
    index = np.arange(1, count + 1)
    own = ndimage.sum_labels(ink, regions, index)
    path, (rows, columns) = readout.find_path(cover), np.nonzero(ink)
    along = np.bincount(regions[rows, columns], np.abs(path[columns] - rows) <= THIN, count + 1)[1:]
    thin = (own > 0) & (along > OWN * own)  # the line itself, or a piece of it
    if sides[thin, 1].max(initial=0) < WIDE * width:
        return cover
    filled = own / sides.prod(axis=1)
    letters = (sides <= LETTERS).all(axis=1) & (filled > 0) & ~thin
    if not letters.any() or np.median(filled[letters]) > readout.SOLID_DOT:  # markers
        return cover
    return np.where(np.isin(regions, index[letters]), 0, cover)


def is_line(cover: np.ndarray, least: float = DASHED) -> bool:
    """Whether a colour is hardly anywhere but along one path, and there in as many columns, as a share, as `least`."""
    ink, path = cover > 0.4, readout.find_path(cover)
    seen = np.flatnonzero(~np.isnan(path))
    if len(seen) < WIDE * 100 or ink.any(axis=0)[seen[0] : seen[-1] + 1].mean() < least:
        return False
    rows, columns = np.nonzero(ink)
    heights = np.interp(np.arange(len(path)), seen, path[seen])
    slopes = np.abs(np.gradient(ndimage.uniform_filter1d(heights, 3)))
    if slopes[seen[0] : seen[-1] + 1].mean() > STEEP and _in_dots(ink):
        return False  # from one point to another everything is near
    return bool(np.mean(np.abs(heights[columns] - rows) / np.hypot(1, slopes[columns]) < NEAR_PATH) > ON_PATH)


def has_errors(cover: np.ndarray) -> bool:
    """Whether a colour is that of a line with error bars, in dashes or not, with markers or not."""
    ink, path, line = cover > 0.4, readout.find_path(cover), cover.copy()
    places = readout.whisker_places(cover).round().astype(int)
    heights = np.interp(np.arange(len(path)), np.flatnonzero(~np.isnan(path)), path[~np.isnan(path)])
    whiskers = [column for column in places if _is_whisker(ink, column, heights)]
    if len(whiskers) < max(LEAST_ERRORS, len(places) / 2):  # markers
        return False
    if np.mean(np.diff(whiskers) < LEAST_WHISKERS_APART) > 1 - JOINED:  # the strokes of a noisy line
        return False
    half = min(ERROR_CAP, round(np.diff(whiskers).min() / 4))
    for column in places:  # between them, with their caps and markers, there is only the line
        line[:, max(0, column - half) : column + half + 1] = 0
    return is_line(line, DOTTED)


def _is_whisker(ink: np.ndarray, column: int, heights: np.ndarray) -> bool:
    """Whether a stroke through a line, with these heights, is an error bar: on both sides of the line, and longer than
    a marker is wide, or with caps."""
    rows = np.flatnonzero(readout.run_at(ink[:, column], round(heights[column])))
    if not len(rows):
        return False
    ends = [heights[(column + way * BESIDE_ERROR) % len(heights)] for way in (-1, 1)]
    if min(rows[-1] - max(ends), min(ends) - rows[0]) < BESIDE_ERROR:  # a step, or the tip of a noisy line
        return False
    reach = 2 * ERROR_CAP
    near = np.pad(ink[rows], ((0, 0), (reach, reach)))[:, column : column + 2 * reach + 1]
    left, right = ((~side).argmax(axis=1) for side in (near[:, reach::-1], near[:, reach:]))
    wide = np.where(near[:, reach::-1].all(axis=1) | near[:, reach:].all(axis=1), 2 * reach, left + right - 1)
    narrow = wide <= STROKE
    ends = [narrow[k] < narrow[j] for k, j in ((0, CAP_HEIGHT), (-1, -1 - CAP_HEIGHT)) if len(rows) > 2 * CAP_HEIGHT]
    return bool(narrow.sum() >= LONGER or any(ends))


def _in_dots(ink: np.ndarray) -> bool:
    """Whether most parts of a mask are as wide as high."""
    places = ndimage.find_objects(ndimage.label(ink)[0])
    sides = np.array([[side.stop - side.start for side in part] for part in places])
    dots = (sides.min(axis=1) >= LEAST_DOT[0]) & (np.ptp(sides, axis=1) <= 1)
    return len(sides) >= LEAST_DOT[1] and dots.mean() > 0.5


def is_dashed(cover: np.ndarray, width: float) -> bool:
    """Whether a colour is that of a line in dashes, across much of axes that are `width` columns wide."""
    columns = np.flatnonzero((cover > 0.4).any(axis=0))
    return np.ptp(columns) > LONG * width and is_line(cover, DOTTED)


def reaches_far(cover: np.ndarray, width: float) -> bool:
    """Whether a colour has a path, in dashes or not, that is wider than `width` columns."""
    path = readout.find_path(cover)
    seen = np.flatnonzero(~np.isnan(path))
    return len(seen) > 0 and np.ptp(seen) > width and len(seen) > DOTTED * np.ptp(seen)


def is_ragged(cover: np.ndarray, width: float) -> bool:
    """Whether a colour hangs together across much of axes that are `width` columns wide, with fine strokes at its
    edges: a noisy line, and no crowd of markers."""
    ink = cover > 0.4
    places = ndimage.find_objects(ndimage.label(ink, np.ones((3, 3)))[0])
    widest = max((columns.stop - columns.start for _, columns in places), default=0)
    fine = ink & ~morphology.opening(ink, (1, FINE))
    return bool(widest > WIDE * width and fine.sum() > RAGGED * ink.sum())


def without_holes(cover: np.ndarray) -> tuple[np.ndarray, bool]:
    """The coverage by a line with what is within its markers, and whether there are such that are hollow."""
    regions, _ = ndimage.label(cover < 0.4)
    places = ndimage.find_objects(regions)
    small = [k for k, place in enumerate(places, 1) if all(1 < side.stop - side.start <= HOLE for side in place)]
    return (np.where(np.isin(regions, small), 1, cover), True) if len(small) >= 3 else (cover, False)


def has_holes(cover: np.ndarray, track: np.ndarray) -> bool:
    """Whether there are holes of a coverage within a line."""
    return ndimage.label((track > cover) & (cover < 0.4))[1] >= 3


def without_gaps(cover: np.ndarray, inked: np.ndarray) -> np.ndarray | None:
    """The coverage by hollow markers with what is within them, and where lines cross them; None if a colour is not
    there in such. `inked`: where any colour is."""
    ink = cover > 0.4
    regions, _ = ndimage.label(~(ink | inked))
    filled, sizes = ink.copy(), []
    for number, (rows, columns) in enumerate(ndimage.find_objects(regions), 1):
        size = max(rows.stop - rows.start, columns.stop - columns.start)
        if size > readout.LARGEST:
            continue
        around = slice(max(0, rows.start - 1), rows.stop + 1), slice(max(0, columns.start - 1), columns.stop + 1)
        hole = regions[around] == number
        rim = ndimage.binary_dilation(hole) & ~hole
        if ink[around][rim].mean() > OWN_RIM:
            filled[around] |= hole
            sizes += [size] if size > 2 else []  # else of what a line cuts off, or two markers have in common
    if len(sizes) < 3 or np.mean(np.abs(sizes - np.median(sizes)) <= HOLES) < MOSTLY:
        return None
    filled |= morphology.closing(filled, (CROSSED, CROSSED)) & inked
    parts, count = ndimage.label(filled)
    index = np.arange(1, count + 1)
    areas, own = (ndimage.sum_labels(mask, parts, index) for mask in (filled, ink))
    places = ndimage.find_objects(parts)
    sides = [max(side.stop - side.start for side in part) for part in places]
    rings = (own < HOLLOW * areas) & (np.array(sides) <= 2 * readout.LARGEST)  # what is larger is a line around gaps
    if own[rings].sum() < OWN * own.sum() or are_letters(list(itertools.compress(places, rings))):
        return None
    return np.where(np.isin(parts, index[rings]), np.where(ink, cover, 1), 0).astype(np.float32)


def are_letters(places: Sequence[tuple[slice, slice]]) -> bool:
    """Whether most of some parts stand one beside the other on a line, as letters do."""
    high = [(rows, columns) for rows, columns in places if rows.stop - rows.start >= LEAST_LETTER]
    if len(high) < 3:
        return False
    feet, starts, ends = np.array([(rows.stop, columns.start, columns.stop) for rows, columns in high]).T
    level = np.abs(feet[:, None] - feet) <= 1
    apart = starts - ends[:, None]
    return bool(np.mean((level & (apart >= 0) & (apart <= BETWEEN_LETTERS)).any(axis=1)) > MOSTLY / 2)


def is_scattered(cover: np.ndarray) -> bool:
    """Whether a colour is there in small parts that don't follow one another from left to right, as dashes do."""
    ink = cover > 0.4
    regions, count = ndimage.label(ink)
    sides = np.array([[side.stop - side.start for side in part] for part in ndimage.find_objects(regions)])
    if count < 5 or np.percentile(sides.max(axis=1), 80) > SMALL:
        return False
    if np.mean(sides.max(axis=1) <= COMPACT * sides.min(axis=1)) < MOSTLY:
        return False
    path = readout.find_path(cover)
    rows, columns = np.nonzero(ink)
    return bool(np.mean(np.abs(np.nan_to_num(path[columns], nan=-SMALL) - rows) < SMALL / 2) < ON_PATH)


def smallest_part(cover: np.ndarray) -> float:
    """The area of the smallest part of a colour."""
    parts, count = ndimage.label(cover > 0.4)
    return float(ndimage.sum_labels(cover, parts, np.arange(1, count + 1)).min())


def edges_of_area(
    cover: np.ndarray, marked: np.ndarray, box: readout.Box, joined: bool = True
) -> tuple[np.ndarray, np.ndarray] | None:
    """The heights of the upper and the lower edge of an area, (W,), nan where these can't be seen; None if this is no
    area, `joined` from one end to the other. `marked`: where bars, lines and points may hide it, (H, W) bool."""
    mask = morphology.opening(cover > readout.FULL, (2, 2))
    mask = morphology.closing(mask, (GRID, 1))  # over lines
    regions, count = ndimage.label(mask)
    sizes = ndimage.sum_labels(mask, regions, np.arange(1, count + 1))
    at_frame = np.array([part[0].stop > box[3] - AT_FRAME for part in ndimage.find_objects(regions)], bool)
    kept = (sizes > SPLINTER * sizes.max(initial=0)) | at_frame  # no handles of a legend
    mask = np.isin(regions, 1 + np.flatnonzero(kept))
    columns = np.flatnonzero(mask.any(axis=0))
    if not len(columns) or np.ptp(columns) < AREA * (box[2] - box[0]):
        return None
    inked = morphology.closing(mask.any(axis=0), (GRID,))[columns[0] : columns[-1] + 1]
    if joined and inked.mean() < JOINED:
        return None  # bars upon others
    upper, lower = (np.full(mask.shape[1], np.nan) for _ in range(2))
    upper[columns] = mask[:, columns].argmax(axis=0)
    lower[columns] = len(mask) - 1 - mask[::-1, columns].argmax(axis=0)
    for edge, beyond in ((upper, -1), (lower, 1)):
        rows = edge[columns].astype(int)
        hidden = marked[(rows + 2 * beyond).clip(0, len(mask) - 1), columns]
        hidden &= hidden.mean() < MOSTLY  # else by a line along it
        share = cover[(rows + beyond).clip(0, len(mask) - 1), columns]  # of the pixel that it covers in part
        edge[columns] = np.where(hidden, np.nan, rows + beyond * (0.5 + share))
    return upper, lower

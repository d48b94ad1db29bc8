"""The cells of an image, as heat maps have, and where one without a frame is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from chart2code import morphology
from chart2code.detail import detail_of
from chart2code.picture_cache import remembered
from chart2code.readout.colors import Box, difference, inside_of, page_of

MOST_CELLS, MOST_SIDE = 900, 45
WIDE = 14  # pixels, of a cell
EXPLAINED, NEARLY = 0.55, 0.85  # of the steps between pixels, at the borders of cells; and of the best number of cells
STEP = 12  # of 255: more between two pixels counts no more: lines upon the image are not cells
ALONG = 7  # pixels, that a step goes on along a border at least: those at letters are shorter
LEAST_STEP = 1.0  # of 255, of the largest mean of them: less are soft edges of what is next to the image
EVEN = 14  # of 255: colours within a cell
WITHIN, UNIFORM = 70, 0.65  # per cent of a cell, and of the cells
EDGE, EDGE_PIXELS = (0.25, 0.15), 4  # of a cell, what is at its edge at most and at least; and in pixels
FEWEST_COLORS, COLORS_OF_CELLS = 3, 0.67  # times the root of the number of cells
SEEN = 4  # of 255, away from the page: also the palest colours of maps
SOLID, APART = 9, 8  # pixels: what is thicker is no word; wider than lines between cells, narrower than to colour bars
LEAST, FULL = 40, 0.6  # pixels, the sides of an image; of it, in other colours than the page
MAIN = 0.6  # of all that is solid: beside an image there is its colour bar, beside a bar there are others
RIM, CLEAR = 4, 40  # pixels to both sides of an edge; of 255, away from the page


@dataclass
class Grid:
    """An image's cells: their colours (rows, columns, 3), and their size in pixels."""

    colors: np.ndarray
    height: float
    width: float


@remembered
def find_cells(pixels: np.ndarray, box: Box) -> Grid | None:
    """The cells of an image that fills a box; None if there is no such image."""
    inside = inside_of(pixels, box, 0).astype(np.int16)
    counts = []
    for picture in (inside, inside.swapaxes(0, 1)):  # rows, then columns
        if len(picture) < 40:
            return None
        steps = np.abs(np.diff(picture, axis=0)).max(axis=2).clip(0, STEP)
        steps = ndimage.minimum_filter1d(steps, ALONG, axis=1).mean(axis=1)
        steps[:3] = steps[-3:] = 0  # the frame
        # Of what is drawn upon it, each has some.
        steps = np.maximum(steps - ndimage.percentile_filter(steps, 30, 9), 0)
        count = _period(steps, len(picture))
        if count is None:
            return None
        counts.append(count)
    rows, columns = counts
    if rows * columns > MOST_CELLS:
        return None
    height, width = (side / count for side, count in zip(inside.shape, counts))
    colors, spreads = np.empty((rows, columns, 3)), np.empty((rows, columns))
    for i in range(rows):
        for j in range(columns):
            cell = inside[_within(i, height), _within(j, width)].reshape(-1, 3)
            colors[i, j] = np.median(cell, axis=0)
            spreads[i, j] = np.percentile(np.abs(cell - colors[i, j]).max(axis=1), WITHIN)
    shades, counts = np.unique((colors.reshape(-1, 3) // 12).astype(int), axis=0, return_counts=True)
    paper = (colors // 12 == shades[counts.argmax()]).all(axis=2)  # if it is one, with marks in some cells
    fewest = max(FEWEST_COLORS, COLORS_OF_CELLS * (rows * columns) ** 0.5)  # areas have few, and large, ones
    if len(shades) < fewest or min((spreads < EVEN).mean(), (spreads[~paper] < EVEN).mean()) < UNIFORM:
        return None
    return Grid(colors, height, width)


def _within(index: int, size: float) -> slice:
    """The pixels of a cell without its edges: most of it, as there may be words in the middle."""
    edge = min(EDGE[0], max(EDGE[1], EDGE_PIXELS / size))
    first = int((index + edge) * size)
    return slice(first, max(int((index + 1 - edge) * size), first + 1))


def _period(steps: np.ndarray, length: int) -> int | None:
    """Into how many equal parts the places with steps divide a length; None if they don't."""
    amounts = steps**2  # words in the cells have small steps, but many
    total = amounts.sum()
    if steps.max() < LEAST_STEP:
        return None
    scores = []
    for count in range(2, min(MOST_SIDE, length // 6) + 1):
        borders = np.arange(1, count) * length / count
        reach = 2 if length > WIDE * count else 1  # there may be lines between cells
        near = np.unique(np.concatenate([np.floor(borders - 0.5 + k).astype(int) for k in range(-reach, reach + 1)]))
        near = near[(near >= 0) & (near < len(steps))]
        share = len(near) / len(steps)
        scores.append((amounts[near].sum() / total - share) / (1 - share))
    if max(scores) < EXPLAINED:
        return None
    return 2 + next(k for k, score in enumerate(scores) if score >= NEARLY * max(scores))


@remembered
def find_image(pixels: np.ndarray) -> Box | None:
    """The rectangle of the largest thing on the page, if that is an image of cells; its sides are where spines are."""
    away = difference(pixels, page_of(pixels))
    solid = morphology.opening(away > SEEN, (SOLID, SOLID))
    columns = _longest(solid.any(axis=0))
    rows = _longest(solid[:, columns].any(axis=1))
    part = solid[rows, columns]
    if min(part.shape) < LEAST or part.mean() < FULL or part.sum() < MAIN * solid.sum():
        return None
    box = columns.start - 0.5, rows.start - 0.5, columns.stop - 0.5, rows.stop - 0.5
    fine = detail_of(pixels)
    if fine is not None:
        away, box = difference(fine.pixels, page_of(fine.pixels)), tuple(fine.enlarged(box))
    left, top, right, bottom = box
    across, along = (away[round(top) + RIM : round(bottom) - RIM], away[:, round(left) + RIM : round(right) - RIM].T)
    sides = edges_of(across, left, right), edges_of(along, top, bottom)
    box = tuple(side for pair in zip(*sides) for side in pair)
    box = box if fine is None else tuple(map(float, fine.reduced(box)))
    return box if find_cells(pixels, box) is not None else None


def _longest(mask: np.ndarray) -> slice:
    """The longest stretch of True, with gaps up to APART pixels; all of it, if there is none."""
    places = np.flatnonzero(mask)
    if not len(places):
        return slice(0, 0)
    run = max(np.split(places, np.flatnonzero(np.diff(places) > APART + 1) + 1), key=np.ptp)
    return slice(int(run[0]), int(run[-1]) + 1)


def edges_of(lines: np.ndarray, first: float, last: float) -> tuple[float, float]:
    """Where lines (N, length) begin and end, roughly from `first` to `last`, in parts of a pixel."""
    found = []
    for part, start in ((lines, first), (lines[:, ::-1], lines.shape[1] - 1 - last)):
        begin = max(0, round(start + 0.5) - RIM)
        strip = part[:, begin : begin + 2 * RIM].astype(np.float32)
        level = strip[:, -1]
        shares = (strip[level > CLEAR] / level[level > CLEAR, None]).clip(0, 1).sum(axis=1)
        found.append(begin + 2 * RIM - 0.5 - float(np.median(shares)) if len(shares) else start)
    return found[0], lines.shape[1] - 1 - found[1]

"""Points with error bars and no line: markers of one size with strokes through their middles, along x, y or both, in
their own colour or in another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chart2code import morphology, readout
from chart2code.covers import is_line

CAP = 0.8  # pixels that caps reach beyond error bars
THICK = 3  # pixels: markers are thicker than the strokes through them
FEWEST = 3  # markers
BEYOND, LEAST_LONG = 2.0, 0.25  # pixels that error bars reach beyond markers, and of how many they do
CROSSED = 0.3  # of the error bars, those that may go on through another marker
STROKE = 2  # pixels from the middle of an error bar to where its ink ends; thinner ones are so wide
EXPLAINED = 0.85  # of the ink, in markers and error bars


@dataclass(frozen=True)
class ErrorBars:
    """
    Markers with error bars.

    Attributes:
        dots: (H, W) coverage by the markers alone.
        places: (N, 2) of these, from left to right.
        lengths: half of those of the error bars along x, and along y, (N,) each, in pixels; None if there are none.
        cap: half the width of what is at their ends, in pixels; 0 for nothing.
        thickness: of the strokes, in pixels.
    """

    dots: np.ndarray
    places: np.ndarray
    lengths: tuple[np.ndarray | None, np.ndarray | None]
    cap: float
    thickness: float


def find_error_bars(cover: np.ndarray, others: Sequence[np.ndarray] = ()) -> tuple[ErrorBars, int | None] | None:
    """The markers with error bars of a colour, if these are all that it has; `cover`: where it is, (H, W). And which
    of the `others`, where other colours are, has the error bars; None: they have the same colour."""
    dots = np.where(morphology.opening(cover > 0.4, (THICK, THICK)), cover, 0)
    points = readout.find_points(dots)
    if points is None or len(points.places) < FEWEST:
        return None
    for k, strokes in enumerate((cover, *others)):
        found = _crossed(cover, dots, points, strokes)
        if found is not None:
            return found, k - 1 if k else None
    return None


def _crossed(cover: np.ndarray, dots: np.ndarray, points: readout.Points, own: np.ndarray) -> ErrorBars | None:
    """The markers at `points`, which are all of `dots`, with error bars of which the colour is where `own` is."""
    every = np.maximum(cover, own)
    radius = float(np.sqrt(points.area / np.pi))
    lengths, caps, widths = [], [], []
    inside = _crosses(cover.shape, points.places, np.full((len(points.places), 2), radius))
    for axis in range(2):
        picture = every if axis else every.T
        along, across = points.places[:, 1 - axis], points.places[:, axis]
        halves = readout.halves_of_errors(picture, along, across)
        # One may be hidden in part, or go on in that of another marker.
        length = np.where(halves.min(axis=1) > radius + BEYOND, halves.min(axis=1), halves.max(axis=1))
        middles = np.rint(across + (radius + length) / 2).astype(int).clip(0, len(picture) - 1)
        width = np.array([_width(picture[row], column) for row, column in zip(middles, along.round().astype(int))])
        long = (halves.min(axis=1) > radius + BEYOND) & (width < max(radius, STROKE))
        near = (np.abs(along[:, None] - along) <= STROKE) & (np.abs(across[:, None] - across) < length[:, None])
        crossed = near.sum(axis=1) > 1
        if long.sum() < max(FEWEST, LEAST_LONG * len(long)) or crossed.mean() > CROSSED:
            lengths.append(None)
            continue
        lengths.append(length)
        widths += width[long].tolist()
        ink = picture > 0.4
        ends = [(a, b + way * c) for a, b, c in zip(along[long], across[long], length[long]) for way in (-1, 1)]
        cap = float(np.median([readout.cap_at(ink, round(row), round(column)) for column, row in ends]))
        caps.append(cap if cap > widths[-1] / 2 + CAP else 0.0)
        reach = np.zeros((len(length), 2))
        reach[:, axis] = length
        inside |= _crosses(cover.shape, points.places, reach)
        for way in (-1, 1) if caps[-1] else ():
            ends = points.places + way * reach
            inside |= _crosses(cover.shape, ends, np.where(np.arange(2) == axis, 0, np.full(reach.shape, caps[-1])))
    ink = own > 0.4
    if not caps or (ink & inside).sum() < EXPLAINED * ink.sum() or is_line(every):
        return None
    soft = np.where(morphology.dilation(dots > 0, (THICK, THICK)), cover, 0)  # with their edges
    return ErrorBars(soft, points.places, tuple(lengths), max(caps), float(np.median(widths)))


def _width(row: np.ndarray, column: int) -> float:
    """How much of a row (W,) is inked around a column, without a gap."""
    return float(row[readout.run_at(row > 0.1, column)].sum())


def _crosses(shape: tuple[int, ...], places: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """(H, W) bool: rectangles around places (N, 2) that reach so far (N, 2), and a little farther."""
    mask = np.zeros(shape, bool)
    starts, ends = (np.rint(places + way * (reach + STROKE)).astype(int).clip(0) for way in (-1, 1))
    for (left, top), (right, bottom) in zip(starts, ends):
        mask[top : bottom + 1, left : right + 1] = True
    return mask

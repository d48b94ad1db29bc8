"""Clouds of markers of one size that lie upon each other: places that ink the same pixels as often."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from chart2code import morphology, readout

FAINT, OPAQUE = 0.2, 0.85  # coverage by a transparent marker at least; opacity of what isn't transparent
LEAST = 3  # pixels, the side of a marker
ALONE, AMONG = 4, 0.2  # markers that stand alone, at least, and of all that hangs together
CROWDED, MANY = 2, 100  # times as many as stand alone are markers in a crowd; and how many these are, as they are seen
CLUMPS, THICK = 0.15, 0.7  # of the ink, in clumps of more markers than can be taken apart; of that, thick as markers
DEEPEST = 4  # markers upon each other that can be told
NEW, BLANK = 0.15, 1.0  # of a marker that a further one explains, at least; what an inked pixel too much costs
MOST = 1500  # markers
EXPLAINED = 0.3  # of the ink, by markers: of words there is less


@dataclass(frozen=True)
class Cloud:
    """Places (N, 2) of round markers, from left to right, the area of one in pixels, and their opacity."""

    places: np.ndarray
    area: float
    opacity: float


def find_cloud(share: np.ndarray, hidden: np.ndarray) -> Cloud | None:
    """
    The markers of a cloud; None if a colour has no markers of one size that stand alone, too many, or no crowd.

    Args:
        share: coverage (H, W) by the strongest mixture of the colour with itself.
        hidden: (H, W) bool, where marks of other colours are.
    """
    parts, count = ndimage.label(share > FAINT)
    sides = np.array([[side.stop - side.start for side in part] for part in ndimage.find_objects(parts)])
    if count < ALONE:
        return None
    marks = sides.min(axis=1) >= LEAST  # no soft edges, and no dashes
    small = marks & (sides.max(axis=1) <= readout.LARGEST) & (np.ptp(sides, axis=1) <= 1)
    if not small.any():
        return None
    usual = np.median(sides[small].max(axis=1))
    alone = 1 + np.flatnonzero(small & (np.abs(sides.max(axis=1) - usual) <= 1))
    if len(alone) < max(ALONE, AMONG * marks.sum()):
        return None
    opacity = float(np.median(ndimage.maximum(share, parts, alone)))
    opacity = 1.0 if opacity > OPAQUE else round(20 * opacity) / 20
    area = float(np.median(ndimage.sum_labels(share, parts, alone))) / opacity
    if share.sum() < opacity * area * max(CROWDED * len(alone), MANY) and not _has_clumps(
        share, parts, opacity * area
    ):
        return None
    depth = share if opacity == 1 else np.log(1 - np.minimum(share, 0.99)) / np.log(1 - opacity)
    places = _cover(np.minimum(depth, DEEPEST).astype(np.float32), hidden, area)
    if not EXPLAINED * share.sum() < opacity * area * len(places) < opacity * area * MOST:
        return None
    return Cloud(places[places[:, 0].argsort()], area, opacity)


def _has_clumps(share: np.ndarray, parts: np.ndarray, ink: float) -> bool:
    """Whether much of the ink is in parts that hang together of more markers than can be told by what one looks like;
    `ink`: that of one marker."""
    sums = ndimage.sum_labels(share, parts, np.arange(parts.max() + 1))
    clumps = np.isin(parts, np.flatnonzero(sums > (readout.MOST_TOGETHER + 0.5) * ink))
    side = max(2, round(np.sqrt(ink) / 2))
    thick = morphology.opening(clumps, (side, side))
    return bool(share[clumps].sum() > CLUMPS * share.sum() and thick.sum() > THICK * clumps.sum())


def _cover(depth: np.ndarray, hidden: np.ndarray, area: float) -> np.ndarray:
    """Places (N, 2) of discs of an area that lie upon each other as often as `depth` says, (H, W)."""
    radius = float(np.sqrt(area / np.pi))
    reach = int(np.ceil(radius))
    away = np.arange(-reach, reach + 1)
    disc = np.clip(radius + 0.5 - np.hypot(away[:, None], away), 0, 1).astype(np.float32)

    def gains(part: tuple[slice, slice]) -> np.ndarray:
        left = depth[part]
        return np.where(hidden[part], 0, np.where(left > 0.5, np.minimum(left, 1), -BLANK * (1 - left.clip(0, 0.5))))

    score = ndimage.correlate(gains(np.s_[:, :]).astype(np.float32), disc, mode="constant")
    places, least, wide = [], NEW * float(disc.sum()), 2 * reach
    while len(places) < MOST:
        y, x = np.unravel_index(score.argmax(), score.shape)
        if score[y, x] < least:
            break
        places.append((x, y))
        depth[y - reach : y + reach + 1, x - reach : x + reach + 1] -= disc
        inner = np.s_[y - wide : y + wide + 1, x - wide : x + wide + 1]
        outer = np.s_[y - wide - reach : y + wide + reach + 1, x - wide - reach : x + wide + reach + 1]
        new = ndimage.correlate(gains(outer).astype(np.float32), disc, mode="constant")
        score[inner] = new[reach:-reach, reach:-reach]
    return np.array(places, float).reshape(-1, 2)

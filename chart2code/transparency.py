"""Colours that are seen through each other: which colours of a chart are mixtures of others, and where each is.

An ink of opacity a over a colour c is seen as c + a (ink - c). So where two transparent areas lie upon each other
there is a third colour, from which follow their opacity, which of them is above, and their inks.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chart2code import readout

MIXED = 6.0  # of 255: how far a mixture may be from what its parts would give
OPACITY, WASH = (0.1, 0.95), (0.08, 0.45)  # of areas; and of those in the colours of lines
MOST_WASHES = 4
STEP, PEAK, LEAST_WASH = 0.01, 0.2, 100  # of opacities; of the pixels with any, those of one; and pixels, at least
SAME_OPACITY = 0.05
OUTSIDE = 6.0  # of 255: how far an ink may be from what a screen can show
NEXT_ROWS = 6  # pixels between colours that are next to each other, with an edge between them
SELDOM = 0.2  # of the columns of a mixture, where its parts are next to each other


@dataclass(frozen=True)
class Tint:
    """What gives a colour to an area: an ink, (3,) of 255, and its opacity."""

    ink: np.ndarray
    opacity: float

    def over(self, color: np.ndarray) -> np.ndarray:
        return color + self.opacity * (self.ink - color)


def find_tints(
    colors: Sequence[np.ndarray], pixels: np.ndarray, paper: Sequence[float], box: readout.Box
) -> list[tuple[int, Tint]]:
    """
    The colours of transparent areas that lie upon each other, the lowest first, as (index, tint); empty if there are
    none. The other colours are mixtures of these, or have no part in it.
    """
    paper = np.asarray(paper, float)
    touching = _touching(colors, pixels, box)
    ways = [
        way
        for way in _mixtures(colors, paper)
        if touching[way.lower, way.upper] < SELDOM * touching[way.mixed].max()
        and touching[way.mixed, [way.lower, way.upper]].sum() > SELDOM * touching[way.mixed].max()
    ]
    if not ways:
        return []
    # All have one opacity: that which explains most colours.
    alike = [[other for other in ways if abs(other.opacity - way.opacity) < SAME_OPACITY] for way in ways]
    ways = max(alike, key=lambda group: len({way.mixed for way in group}))
    opacity = float(np.median([way.opacity for way in ways]))
    best = {way.mixed: way for way in sorted(ways, key=lambda way: -way.error)}
    parts = {k: {k} for way in best.values() for k in (way.lower, way.upper) if k not in best}
    for _ in best:  # mixtures of mixtures
        parts |= {k: parts[w.lower] | parts[w.upper] for k, w in best.items() if {w.lower, w.upper} <= set(parts)}
    bases = [k for k in parts if k not in best]
    above = {pair for w in best.values() for pair in itertools.product(parts.get(w.lower, ()), parts.get(w.upper, ()))}
    bases.sort(key=lambda k: sum((k, other) in above for other in bases), reverse=True)
    return [(k, Tint((paper + (colors[k] - paper) / opacity).clip(0, 255), opacity)) for k in bases]


@dataclass(frozen=True)
class _Mixture:
    """Of the colours of a chart that which two others make, and the opacity of the upper one, if this is so."""

    mixed: int
    lower: int
    upper: int
    opacity: float
    error: float  # of 255


def _mixtures(colors: Sequence[np.ndarray], paper: np.ndarray) -> list[_Mixture]:
    found = []
    for lower, upper, mixed in itertools.permutations(range(len(colors)), 3):
        below, shift = colors[lower] - paper, colors[mixed] - colors[upper]
        through = float(shift @ below / max(1.0, below @ below))
        error, opacity = float(np.abs(shift - through * below).max()), 1 - through
        if error > MIXED or not OPACITY[0] < opacity < OPACITY[1]:
            continue
        inks = paper + (np.array([colors[lower], colors[upper]]) - paper) / opacity
        if inks.min() > -OUTSIDE and inks.max() < 255 + OUTSIDE:
            found.append(_Mixture(mixed, lower, upper, opacity, error))
    return found


def _touching(colors: Sequence[np.ndarray], pixels: np.ndarray, box: readout.Box) -> np.ndarray:
    """(N, N): how many times two colours are one above the other in a column, with hardly anything between them."""
    inside = readout.inside_of(pixels, box, 2)
    labels = np.zeros(inside.shape[:2], np.int8)
    for k, color in enumerate(colors):
        labels[readout.difference(inside, color) < MIXED] = k + 1
    columns, rows = np.nonzero(labels.T)
    seen = labels.T[columns, rows] - 1
    near = (np.diff(columns) == 0) & (np.diff(rows) < NEXT_ROWS) & (np.diff(seen) != 0)
    counts = np.zeros((len(colors),) * 2, int)
    np.add.at(counts, (seen[:-1][near], seen[1:][near]), 1)
    return counts + counts.T


def find_washes(
    inks: Sequence[np.ndarray], pixels: np.ndarray, paper: Sequence[float], box: readout.Box
) -> list[tuple[int, Tint]]:
    """As `find_tints`, for areas in the colours of lines: of which of the `inks` there are such, also thin ones."""
    paper = np.asarray(paper, float)

    def seen(window: tuple[float, float]) -> dict[int, tuple[float, np.ndarray]]:  # opacity and colour of each ink
        washes = ((k, _wash_in(pixels, ink, paper, box, window)) for k, ink in enumerate(inks))
        return {k: w for k, w in washes if w and not any(np.abs(w[1] - other).max() < MIXED for other in inks)}

    found = seen(WASH)
    if not found:
        return []
    usual = float(np.median([opacity for opacity, _ in found.values()]))
    if any(abs(opacity - usual) >= SAME_OPACITY for opacity, _ in found.values()):  # that of another one's area
        found = seen((usual - SAME_OPACITY, usual + SAME_OPACITY))
    tints = {k: Tint((paper + (color - paper) / usual).clip(0, 255), usual) for k, (_, color) in found.items()}
    inside = readout.inside_of(pixels, box, 1)

    def count_above(k: int, other: int) -> int:
        return int((readout.difference(inside, tints[k].over(tints[other].over(paper))) < MIXED).sum())

    pairs = list(itertools.combinations(tints, 2))
    above = dict.fromkeys(tints, 0)  # how many of the others each is above
    for one, other in pairs:
        above[one if count_above(one, other) > count_above(other, one) else other] += 1
    return sorted(tints.items(), key=lambda entry: above[entry[0]])[:MOST_WASHES]


def _wash_in(
    pixels: np.ndarray, ink: np.ndarray, paper: np.ndarray, box: readout.Box, window: tuple[float, float]
) -> tuple[float, np.ndarray] | None:
    """The opacity in a window that an ink has in more pixels than soft edges have of any, and its colour; None if
    there is none."""
    away, direction = readout.inside_of(pixels, box, 1).reshape(-1, 3) - paper, ink - paper
    shares = away @ direction / max(1.0, float(direction @ direction))
    chosen = (shares > window[0]) & (shares < window[1])
    away, shares = away[chosen], shares[chosen]
    own = np.abs(away - shares[:, None] * direction).max(axis=1) < MIXED
    away, shares = away[own], shares[own]
    counts, edges = np.histogram(shares, round((window[1] - window[0]) / STEP), window)
    near = np.convolve(counts, np.ones(3), "same")
    best = int(near.argmax())
    if near[best] < max(LEAST_WASH, PEAK * len(shares)):
        return None
    color = paper + np.median(away[np.abs(shares - edges[best : best + 2].mean()) < 1.5 * STEP], axis=0)
    opacity = readout.wash_of(color, ink, paper)
    if opacity is None or np.abs(paper + opacity * (ink - paper) - color).max() > MIXED:
        return None
    return opacity, color


def covers_of(tints: Sequence[Tint], pixels: np.ndarray, paper: Sequence[float], box: readout.Box) -> list[np.ndarray]:
    """Where each of some areas is, (H, W) bool, the lowest first, also where it is seen through others."""
    masks = [np.zeros(pixels.shape[:2], bool) for _ in tints]
    inside = readout.inside_of(pixels, box, 1)
    left, top = (max(0, round(side) + 1) for side in box[:2])
    part = np.s_[top : top + inside.shape[0], left : left + inside.shape[1]]
    for chosen in itertools.product((False, True), repeat=len(tints)):
        if not any(chosen):
            continue
        color = np.asarray(paper, float)
        for tint in itertools.compress(tints, chosen):
            color = tint.over(color)
        seen = readout.difference(inside, color) < MIXED
        for mask in itertools.compress(masks, chosen):
            mask[part] |= seen
    return masks

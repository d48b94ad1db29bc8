"""Bars: those of a colour that stand on one line, of histograms, where they touch, upon others, and floating ones.

Masks are (H, W) bool, in which bars grow upwards from a common base; what is horizontal is turned first (`upright`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from chart2code import morphology, readout

BASE = 3.0  # pixels that bars and areas may end away from where they stand
EVEN = 0.2  # of the distance between bars
CUT = 4  # pixels: what bars differ by in width, at most
FILLED, IN_BARS, WHOLE = 0.85, 0.8, 0.95  # of the rectangle of a bar; and of a colour, in bars, and in all of them
AT_BASE = 4.0  # pixels that the feet of bars may be away from their base
STEP = 1.5  # pixels: of the upper edge of a histogram, from one bar to the next
EDGE = 4  # columns: of the edges between bars that touch
MOST_BINS, ON_LATTICE = 120, 0.7  # bars; of the borders of bars, near even ones
# How near: widths of bars, and pixels; and pixels of the narrowest bars for which this says something.
LATTICES = ((0.12, 1.5, 4.0), (0.2, 2.2, 6.0))
LEAST_STEPS = 4
STANDING = 0.8  # of the columns of bars, down to the base
INNER = 0.3  # of its width: half of what of a bar is looked at
CLOSED = 0.5  # of the places of a histogram, with a bar, level, and of another height than the next one
SAME_PLACES = 0.4  # of the width of a bar, to the last one
SOFT = 2.5  # pixels between columns of one border
ALIKE = 3.0, 0.15  # by which widths of bars may differ: pixels, and of the usual one
OWN = 0.4  # of the columns of a bar: what text leaves of a colour
WRITTEN = 0.5  # of the rows of a part of a bar, the same
TEXT = 20  # rows, at most
BETWEEN = 5.0  # pixels between parts of a bar
UNIFORM, BESIDE = 0.6, 0.15  # of the pixels of bars, of one colour in each part; and of their colours, beside them
FEWEST, MOST = 2, 200  # bars
FEWEST_FLOATING, ONE_COLOR = 3, 0.75  # bars; of the pixels of one


@dataclass
class Histogram:
    """Bars of one series that touch: where they stand, how wide they are and the rows of their tops, all in pixels;
    `flat`: the share of them that are level, as the parts of an area are not."""

    middles: np.ndarray
    width: float
    tops: np.ndarray
    base: float
    flat: float = 1.0


@dataclass
class Stack:
    """Bars upon each other, in pixels: where they stand and how wide they are; `heights` (N, bars) of N series in the
    `order` from the base outwards."""

    middles: np.ndarray
    width: float
    heights: np.ndarray
    order: list[int]
    base: float


def upright(mask: np.ndarray) -> np.ndarray:
    """A mask of bars that grow to the right, turned so that they grow upwards; rows count from the right then."""
    return np.ascontiguousarray(mask.T[::-1])


def find_histogram(mask: np.ndarray) -> Histogram | None:
    """The bars of one series that stand side by side without gaps; None if these are none."""
    tops, base = _profile(mask)
    borders = _borders(tops)
    if len(borders) < LEAST_STEPS:
        return None
    lattice = _lattice(borders)
    if lattice is None:
        return None
    middles, width = (lattice[:-1] + lattice[1:]) / 2, float(lattice[1] - lattice[0])
    heights, slopes = [], []
    for middle in middles:
        inner = tops[int(np.ceil(middle - INNER * width)) : int(middle + INNER * width) + 1]
        inner = inner[np.isfinite(inner)]
        heights.append(float(np.median(inner)) if len(inner) else base)
        slopes.append(np.ptp(inner) if len(inner) else 0.0)
    return Histogram(middles, width, np.array(heights), base, float(np.mean(np.array(slopes) < STEP)))


def find_standing(
    cover: np.ndarray, inked: np.ndarray, ground: float | None, ticks: Sequence[float] = ()
) -> list[readout.Bar]:
    """
    The bars of a colour that stand on one line, or hang from zero, also those of a histogram that lines cut apart;
    none if it has other areas.

    Args:
        cover: by the colour.
        inked: where any colour is, (H, W) bool.
        ground: the row of zero; None if that is not known.
        ticks: as of `readout.find_bars`.
    """
    parts = readout.find_bars(cover, ticks)
    found, share = _standing(parts, cover, inked, ground)
    if share < WHOLE:
        joined, more = _standing(_in_contact(cover, parts), cover, inked, ground)
        found = joined if more > share else found
    return found


def _standing(
    found: list[readout.Bar], cover: np.ndarray, inked: np.ndarray, ground: float | None
) -> tuple[list[readout.Bar], float]:
    """Of bars those that stand on one line, or hang from zero, and which share of their colour they are; none if it
    has other areas."""
    if not FEWEST <= len(found) <= MOST:
        return [], 0.0
    starts, ends = np.array([(bar.start, bar.end) for bar in found]).T
    standing = np.abs(ends - np.median(ends)) < BASE
    if ground is not None:
        at_zero = np.minimum(np.abs(starts - ground), np.abs(ends - ground)) < BASE
        standing = max(standing, at_zero, key=np.mean)
    widths = np.array([bar.width for bar in found])
    alike = np.abs(widths - np.median(widths)) <= CUT  # else they are cut off
    if min(np.mean(standing), np.mean(alike)) < IN_BARS:
        return [], 0.0
    steps = np.subtract([bar.center for bar in found], found[int(standing.argmax())].center)
    steps /= np.diff([bar.center for bar in found]).min()
    even = np.abs(steps - steps.round()) < EVEN
    found = [bar for k, bar in enumerate(found) if alike[k] and (standing[k] or even[k])]  # no handle of a legend
    mask, own = cover > 0.5, 0
    for bar in found:
        left = round(bar.center - bar.width / 2)
        part = np.s_[int(bar.start) : int(bar.end), left : left + round(bar.width)]
        if bar.end - bar.start > 4 and np.median(inked[part][1:-1].mean(axis=0)) < FILLED:
            return [], 0.0
        own += mask[part].sum()
    share = float(own / max(1, mask.sum()))
    return (found, share) if share > IN_BARS else ([], 0.0)


def _in_contact(cover: np.ndarray, parts: Sequence[readout.Bar]) -> list[readout.Bar]:
    """The bars of a histogram in a coverage that other marks may hide parts of; none if it isn't one. `parts`: what
    `readout.find_bars` finds there, whose width is that of the bars without their edges."""
    gap, own = 0.0, None
    if len(parts) > 2:
        own = float(np.median([part.width for part in parts]))
        gap = float(np.median(np.diff([part.center for part in parts]))) - own
    histogram = find_histogram(cover > readout.FULL) if gap < BETWEEN else None
    if histogram is None:
        return []
    standing = histogram.tops < histogram.base - STEP / 2
    changes = np.abs(np.diff(histogram.tops)) > STEP
    if min(standing.mean(), changes.mean(), histogram.flat) < CLOSED:
        return []
    width = own if own is not None and 0 < histogram.width - own < BETWEEN else histogram.width
    places = zip(histogram.middles[standing], histogram.tops[standing])
    return [readout.Bar(float(middle), width, float(top), histogram.base) for middle, top in places]


def with_common_places(histograms: list[Histogram]) -> list[Histogram]:
    """The same histograms, with bars at the same places if they are nearly so."""
    first, *others = histograms
    count = max(len(histogram.middles) for histogram in histograms)
    for other in others:
        shift = (other.middles[0] - first.middles[0]) / first.width
        if abs(shift - round(shift)) + count * abs(other.width / first.width - 1) > SAME_PLACES:
            return histograms
    places = np.concatenate([np.round((h.middles - first.middles[0]) / first.width) for h in histograms])
    width, start = np.polyfit(places, np.concatenate([h.middles for h in histograms]), 1)
    slots = np.arange(places.min(), places.max() + 1)
    common = []
    for histogram in histograms:
        tops = np.full(len(slots), histogram.base)
        first_slot = int(round((histogram.middles[0] - start) / width) - slots[0])
        tops[first_slot : first_slot + len(histogram.tops)] = histogram.tops
        common.append(Histogram(start + width * slots, float(width), tops, histogram.base))
    return common


def _profile(mask: np.ndarray) -> tuple[np.ndarray, float]:
    """The upper edge of what stands on the base in each column (nan where nothing does), and the base."""
    solid = morphology.opening(mask, (1, 3))
    columns = np.flatnonzero(solid.any(axis=0))
    if not len(columns):
        return np.full(mask.shape[1], np.nan), 0.0
    base = int(np.bincount(len(mask) - solid[::-1].argmax(axis=0)[columns]).argmax())
    # What isn't joined to the base, but for lines through it, is the handle of a legend.
    regions, _ = ndimage.label(morphology.dilation(solid, (EDGE + 1, EDGE + 1)))
    standing = np.unique(regions[max(0, base - EDGE) : base][solid[max(0, base - EDGE) : base]])
    solid &= np.isin(regions, standing)
    columns = np.flatnonzero(solid.any(axis=0))
    feet = len(mask) - solid[::-1].argmax(axis=0)[columns]
    if not len(columns) or np.mean(np.abs(feet - base) <= EDGE) < STANDING:
        return np.full(mask.shape[1], np.nan), 0.0
    # Columns of soft borders and of edges, of other bars too, are as those beside them.
    places = np.arange(columns[0], columns[-1] + 1)
    away = np.abs(places[:, None] - columns)
    tops = solid[:, columns].argmax(axis=0)[away.argmin(axis=1)] - 0.5
    tops[away.min(axis=1) > EDGE] = base
    profile = np.full(mask.shape[1], np.nan)
    profile[places] = ndimage.median_filter(tops, EDGE + 1, mode="nearest")
    return profile, base - 0.5


def _borders(tops: np.ndarray) -> np.ndarray:
    """Columns between which the upper edge makes a step, with both of its ends."""
    seen = np.flatnonzero(np.isfinite(tops))
    if len(seen) < LEAST_STEPS:
        return np.empty(0)
    steps = np.diff(tops[seen])
    at = np.flatnonzero(np.abs(steps) > STEP)
    borders = seen[at] + 0.5
    borders = np.array([seen[0] - 0.5, *borders, seen[-1] + 0.5])
    # Of a soft border two or three columns are steps.
    groups = np.split(borders, np.flatnonzero(np.diff(borders) > SOFT) + 1)
    return np.array([group.mean() for group in groups])


def _lattice(borders: np.ndarray) -> np.ndarray | None:
    """The even distances of which there are the fewest, with a border near each of `borders`; None if none are."""
    length = borders[-1] - borders[0]
    for near, off_at_most, narrowest in LATTICES:
        for count in range(LEAST_STEPS - 1, min(MOST_BINS, int(length / narrowest)) + 1):
            start, width = _even(borders, count)
            places = np.round((borders - start) / width)
            off = np.abs(borders - start - width * places)
            if np.percentile(off, 100 * ON_LATTICE) < min(off_at_most, near * width):
                return start + width * np.arange(places[0], places[-1] + 1)
    return None


def _even(borders: np.ndarray, count: int) -> tuple[float, float]:
    """The first border and the width of `count` bars of one width with borders near these."""
    start, width = borders[0], (borders[-1] - borders[0]) / count
    for _ in range(2):
        width, start = np.polyfit(np.round((borders - start) / width), borders, 1)
    return start, width


def find_stack(masks: Sequence[np.ndarray], ticks: Sequence[float] = ()) -> Stack | None:
    """
    Bars of several colours upon each other, by the masks of these; None if they are none. `ticks`: as of
    `readout.find_bars`.
    """
    masks = np.asarray(masks)
    bars = readout.find_bars(masks.any(axis=0).astype(np.float32), ticks)
    widths = [bar.width for bar in bars]
    if not FEWEST <= len(bars) <= MOST or np.ptp(widths) > max(ALIKE[0], ALIKE[1] * np.median(widths)):
        return None
    found = [_parts(masks, bar) for bar in bars]
    if not all(found) or max(map(len, found)) < 2 or _outside(masks, bars) > BESIDE:
        return None
    feet = np.array([parts[0][2] for parts in found])
    base = float(np.median(feet))
    order = _order([[k for k, *_ in parts] for parts in found], len(masks))
    if order is None or np.abs(feet - base).max() > AT_BASE:
        return None
    heights = np.zeros((len(masks), len(bars)))
    for slot, parts in enumerate(found):
        foot = base
        for k, top, _ in parts:
            heights[order.index(k), slot], foot = foot - top, top
    return Stack(np.array([bar.center for bar in bars]), float(np.median(widths)), heights, order, base)


def find_floating(
    masks: Sequence[np.ndarray], base: float, ticks: Sequence[float] = ()
) -> list[tuple[int, readout.Bar]]:
    """
    Bars at even places, each of one colour, of which some stand on nothing, as in a waterfall: with the numbers of
    their colours, from left to right; none if these are none.

    Args:
        masks: of the colours.
        base: the row that the others stand on.
        ticks: as of `readout.find_bars`.
    """
    masks = np.array([morphology.opening(mask, (3, 3)) for mask in masks])
    bars = readout.find_bars(masks.any(axis=0).astype(np.float32), ticks)
    widths, middles = (np.array([getattr(bar, name) for bar in bars]) for name in ("width", "center"))
    free = [min(abs(bar.start - base), abs(bar.end - base)) > AT_BASE for bar in bars]
    if len(bars) < FEWEST_FLOATING or not any(free) or np.ptp(widths) > max(ALIKE[0], ALIKE[1] * np.median(widths)):
        return []
    steps = (middles - middles[0]) / np.diff(middles).min()
    if np.abs(steps - steps.round()).max() > SAME_PLACES / 2 or _outside(masks, bars) > BESIDE:
        return []
    found = []
    for bar in bars:
        left, right = round(bar.center - INNER * bar.width), round(bar.center + INNER * bar.width) + 1
        shares = masks[:, round(bar.start) : max(round(bar.start) + 1, round(bar.end)), left:right].mean(axis=(1, 2))
        if shares.max() < ONE_COLOR:
            return []
        found.append((int(shares.argmax()), bar))
    return found


def _outside(masks: np.ndarray, bars: list[readout.Bar]) -> float:
    """The share of colours that is beside the columns of bars."""
    inside = np.zeros(masks.shape[2], bool)
    for bar in bars:
        inside[round(bar.center - bar.width / 2) : round(bar.center + bar.width / 2) + 1] = True
    return float(masks[:, :, ~inside].sum() / max(1, masks.sum()))


def _parts(masks: np.ndarray, bar: readout.Bar) -> list[tuple[int, float, float]] | None:
    """The parts of one bar from its foot on, as (series, top, foot); None if it isn't made of such."""
    left, right = bar.center - INNER * bar.width, bar.center + INNER * bar.width
    shares = masks[:, :, round(left) : max(round(right), round(left) + 1)].mean(axis=2)
    owner = np.where(shares.max(axis=0) > OWN, shares.argmax(axis=0), -1)
    owner[(owner != np.roll(owner, 1)) & (owner != np.roll(owner, -1))] = -1  # what is between two colours
    owner[: _cut(owner >= 0)] = -1
    parts = []
    for k in range(len(masks)):
        rows = np.flatnonzero(owner == k)
        if not len(rows):
            continue
        within = owner[rows[0] : rows[-1] + 1]
        if len(rows) < WRITTEN * len(within) or np.isin(within, [k, -1]).mean() < 1:
            return None
        parts.append((k, rows[0] - 0.5, rows[-1] + 0.5))
    parts.sort(key=lambda part: -part[2])
    if not parts:
        return None
    for n in range(1, len(parts)):
        (k, top, foot), (other, tip, end) = parts[n - 1 : n + 1]
        if not -1 < top - end < BETWEEN:
            return None
        parts[n - 1 : n + 1] = (k, (top + end) / 2, foot), (other, tip, (top + end) / 2)
    inside = [masks[k, round(top + 0.5) : round(foot + 0.5), round(left) : round(right)] for k, top, foot in parts]
    return parts if np.mean(np.concatenate([part.ravel() for part in inside])) > UNIFORM else None


def _cut(inked: np.ndarray) -> int:
    """The row from which on there are no gaps longer than text: above it are handles of a legend."""
    rows = np.flatnonzero(inked)
    far = np.flatnonzero(np.diff(rows) > TEXT)
    return int(rows[far[-1] + 1]) if len(far) else 0


def _order(sequences: list[list[int]], count: int) -> list[int] | None:
    """The one order that all sequences of some of `count` things agree with, each thing being in one of them; None if
    there is none."""
    before = np.zeros((count, count), int)
    for sequence in sequences:
        for place, k in enumerate(sequence):
            before[k, sequence[place + 1 :]] += 1
    order = sorted(range(count), key=lambda k: -np.count_nonzero(before[k] > before[:, k]))
    agree = sum(before[a, b] for i, a in enumerate(order) for b in order[i + 1 :])
    return order if agree == before.sum() and len(set().union(*sequences)) == count else None


def mask_of(bars: Sequence[readout.Bar], shape: tuple[int, int], around: int) -> np.ndarray:
    """Where bars are, or so many pixels beside them, bool of a shape (H, W)."""
    mask = np.zeros(shape, bool)
    for bar in (bar for bar in bars if bar.start < bar.end):
        left, right = round(bar.center - bar.width / 2), round(bar.center + bar.width / 2)
        mask[
            max(0, round(bar.start) - around) : round(bar.end) + around + 1,
            max(0, left - around) : right + around + 1,
        ] = True
    return mask


def outlines_of(bars: Sequence[readout.Bar], shape: tuple[int, int]) -> np.ndarray:
    """Where the edges of bars would be, bool of a shape (H, W)."""
    inside = np.zeros(shape, bool)
    around = inside.copy()
    for bar in bars:
        left, right = round(bar.center - bar.width / 2), round(bar.center + bar.width / 2)
        around[max(0, round(bar.start) - 3) : round(bar.end) + 3, max(0, left - 3) : right + 3] = True
        inside[round(bar.start) + 1 : round(bar.end) - 1, left + 1 : right - 1] = True
    return around & ~inside


def keyword_for_feet(keyword: str, columns: Sequence[str]) -> str:
    """The argument of a call for bars that stand on others, whose columns of values these are."""
    if not columns:
        return ""
    names = "abcdefghijkl"[: len(columns)]
    total = f"[{' + '.join(names)} for {', '.join(names)} in zip({', '.join(columns)})]"
    return f"{keyword}={columns[0] if len(columns) == 1 else total}, "

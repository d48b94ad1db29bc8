"""Pies: their circle, and the wedges around it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from chart2code.circles import fit_circle
from chart2code.picture_cache import remembered
from chart2code.readout.colors import difference, letterbox, page_of, palest
from chart2code.readout.legend_area import THROUGH_LEGEND

CLOSED = 0.9, 0.7, 0.6  # of all directions: with a wedge, with one that ends at the circle, with one of one colour
ON_CIRCLE = 2.0  # pixels beyond the circle, where a wedge has ended
ALONE = 0.2  # of a pie's area, in colours beside it
ON_RIM = 0.8  # pixels from a circle: a wedge that is moved out has another one
MOST_OUT = 0.4  # radii that a wedge is moved out
PALEST_WEDGE = 9  # of 255, from the page
RING, FURTHER_IN = 0.93, 0.78  # of a pie's radius: where it has its colours
SHADOW, SHADED = 0.04, 0.6  # radii that a shadow reaches beyond a pie; and of the pixels there, in shadow


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
    ink = palest(np.abs(away)) > PALEST_WEDGE
    ink &= ~letterbox(pixels)
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
    cast = (palest(np.abs(outer - page)) > 40) & (palest(np.abs(outer - inner)) > 40)
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
    beside = ndimage.binary_opening(beside & (difference(pixels, page) > 20) & ~letterbox(pixels), iterations=4)
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

"""Circles in a picture: discs of any size, also where they overlap, are transparent, or have edges.

A circle is seen by its outline: each pixel where colours change points at the centre, at the distance of the radius
(the Hough transform of circles, with the direction of the slope). That works from some 2 pixels on.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

OUTLINE = 24.0  # of 255, per pixel: the slope of colours at an outline
BLUR = 0.7  # pixels
ALIGNED = 0.9  # cosine between an outline's normal and the direction to the centre
RADII = (*range(2, 20), *range(20, 70, 2))  # pixels
VOTES = (0.3, 0.2), 20  # of an outline, that points at its centre; and of those from so many pixels on
SUPPORT, FILLED = 0.5, 0.9  # of an outline, seen; and of what is within it, inked
MOST_IN_VAIN = 200  # circles that are none, one after another
NEAR = 1.5  # pixels between an outline and its circle
CONCENTRIC = 4.0  # pixels between the radii of the outlines that an edge has
VISIBLE, BLANK = 0.25, 2  # of a disc that others hide; price of paper within it
MOST_TOGETHER = 6  # hidden discs in one place


@dataclass
class Outlines:
    """Where colours change in an (H, W, 3) picture: pixels (N, 2) as (x, y), and across which direction (N, 2)."""

    places: np.ndarray
    normals: np.ndarray

    @classmethod
    def of(cls, picture: np.ndarray) -> Outlines:
        slopes = np.stack([ndimage.gaussian_filter1d(picture, BLUR, axis=a, order=1, mode="nearest") for a in (1, 0)])
        channel = (slopes**2).sum(axis=0).argmax(axis=2)
        slopes = np.take_along_axis(slopes, channel[None, ..., None], axis=3)[..., 0]
        strength = np.hypot(*slopes)
        y, x = np.nonzero(strength > OUTLINE)
        normals = slopes[:, y, x] / strength[y, x]
        beside = [  # only the ridge: what is no less steep a pixel further on
            strength[np.clip(np.rint(y + s * normals[1]).astype(int), 0, len(strength) - 1),
                     np.clip(np.rint(x + s * normals[0]).astype(int), 0, strength.shape[1] - 1)]
            for s in (1, -1)
        ]  # fmt: skip
        ridge = (strength[y, x] >= beside[0]) & (strength[y, x] > beside[1])
        return cls(np.stack([x, y], axis=1)[ridge].astype(np.float32), normals.T[ridge])

    def votes(self, shape: tuple[int, int], radius: float) -> np.ndarray:
        """How much of the outline of a circle of a radius is seen around each pixel, about 0 to 1."""
        counts = np.zeros(shape[0] * shape[1])
        for sign in (1, -1):
            x, y = np.rint(self.places + sign * radius * self.normals).astype(int).T
            inside = (x >= 0) & (x < shape[1]) & (y >= 0) & (y < shape[0])
            counts += np.bincount(y[inside] * shape[1] + x[inside], minlength=len(counts))
        return ndimage.uniform_filter(counts.reshape(shape), 3, mode="constant") * 9 / (2 * np.pi * radius)

    def near(self, circle: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
        """Which pixels lie on a circle (x, y, radius), as outlines do, and in which direction each, in radians."""
        apart = self.places - circle[:2]
        distance = np.hypot(*apart.T)
        (on,) = np.nonzero(np.abs(distance - circle[2]) < NEAR)
        along = np.abs((apart[on] * self.normals[on]).sum(axis=1)) > ALIGNED * distance[on]
        on = on[along]
        return on, np.arctan2(apart[on, 1], apart[on, 0])


def find_circles(picture: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """Centres and radii (N, 3) of the inked circles of an (H, W, 3) picture; those that lie upon others last."""
    outlines, shape = Outlines.of(picture.astype(np.float32)), ink.shape
    free = np.ones(len(outlines.places), bool)
    found, shares, candidates = [], [], []
    largest = ndimage.distance_transform_edt(np.pad(ink, 1)).max() + CONCENTRIC
    for radius in itertools.takewhile(lambda radius: radius < largest, RADII):
        votes = outlines.votes(shape, radius)
        filled = ndimage.uniform_filter(ink.astype(np.float32), 2 * int(0.6 * radius) + 1) > FILLED - 0.1
        peaks = (votes > VOTES[0][radius >= VOTES[1]]) & filled & (votes == ndimage.maximum_filter(votes, 3))
        candidates += [(votes[y, x] * radius**0.25, x, y, radius) for y, x in zip(*np.nonzero(peaks))]
    in_vain = 0
    for _, *circle in sorted(candidates, reverse=True):
        if in_vain > MOST_IN_VAIN:
            break
        if _same_circle(circle, found):
            continue
        in_vain += 1
        for _ in range(2):
            on, _ = outlines.near(circle)
            circle = _fitted(outlines.places[on], circle)
        on, directions = outlines.near(circle)
        on, directions = on[free[on]], directions[free[on]]
        parts = max(8, int(np.pi * circle[2]))
        seen = len(np.unique((directions / (2 * np.pi) * parts).astype(int))) / parts
        if seen > SUPPORT and _filled(ink, circle) and not _same_circle(circle, found):
            found.append(circle)
            shares.append(seen)
            free[on], in_vain = False, 0
    return np.array(found).reshape(-1, 3)[np.argsort(shares, kind="stable")]


def fit_circle(places: np.ndarray) -> tuple[float, float, float]:
    """The circle (x, y, radius) that is next to places (N, 2), by least squares."""
    system = np.column_stack([2 * places, np.ones(len(places))])
    x, y, rest = np.linalg.lstsq(system, (places**2).sum(axis=1), rcond=None)[0]
    return float(x), float(y), math.sqrt(max(1.0, rest + x * x + y * y))


def _fitted(places: np.ndarray, circle: Sequence[float]) -> Sequence[float]:
    """The circle (x, y, radius) through pixels that lie near one."""
    if len(places) < 6:
        return circle
    fitted = fit_circle(places)
    return fitted if np.abs(np.subtract(fitted, circle)).max() < CONCENTRIC else circle


def _same_circle(circle: Sequence[float], others: list[Sequence[float]]) -> bool:
    """Whether a circle is another one, or the other side of its edge."""
    apart = np.abs(np.subtract(others, circle)) if others else np.empty((0, 3))
    return bool(((apart[:, :2].max(axis=1, initial=0) < NEAR + 1) & (apart[:, 2] < CONCENTRIC)).any())


def _filled(ink: np.ndarray, circle: Sequence[float]) -> bool:
    """Whether nearly all that is within a circle is inked, as far as it lies in the picture."""
    part, within = disc_of(ink.shape, circle, -1)
    return within.any() and ink[part][within].mean() >= FILLED


def disc_of(
    shape: tuple[int, ...], circle: Sequence[float], wider: float = 0
) -> tuple[tuple[slice, slice], np.ndarray]:
    """The part of a picture that a circle is in, and which pixels of that lie within; `wider`: by how many pixels."""
    x, y, radius = circle
    radius = max(1.0, radius + wider)
    rows = slice(max(0, math.ceil(y - radius)), min(shape[0], int(y + radius) + 1))
    columns = slice(max(0, math.ceil(x - radius)), min(shape[1], int(x + radius) + 1))
    grid = np.ogrid[rows, columns]
    return (rows, columns), np.hypot(grid[0] - y, grid[1] - x) <= radius


def with_hidden(circles: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """Circles of one size, and before them others of that size that explain what is inked beside them."""
    radius = float(np.median(circles[:, 2]))
    circles = np.column_stack([circles[:, :2], np.full(len(circles), radius)])
    left_over, around = ink.copy(), np.arange(-math.ceil(radius), math.ceil(radius) + 1)
    disc = np.hypot(around[:, None], around) <= radius
    for circle in circles:
        part, within = disc_of(ink.shape, circle, 1)
        left_over[part] &= ~within
    hidden = []
    for rows, columns in ndimage.find_objects(ndimage.label(left_over, np.ones((3, 3)))[0]):
        part = tuple(slice(max(0, side.start - len(disc)), side.stop + len(disc)) for side in (rows, columns))
        own = left_over[part]
        blank = ndimage.correlate((~ink[part]).astype(np.float32), disc.astype(np.float32), mode="nearest")
        for _ in range(MOST_TOGETHER):
            new = ndimage.correlate(own.astype(np.float32), disc.astype(np.float32), mode="constant")
            score = new - BLANK * blank
            y, x = np.unravel_index(score.argmax(), score.shape)
            if score[y, x] < VISIBLE * disc.sum():
                break
            hidden.append((x + part[1].start, y + part[0].start, radius))
            inside, within = disc_of(own.shape, (x, y, radius), 1)
            own[inside] &= ~within
    return np.concatenate([np.array(hidden).reshape(-1, 3), circles])

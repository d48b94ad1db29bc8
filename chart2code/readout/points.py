"""Markers of one colour: their places, size and shape, also where some lie upon each other, and bubbles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from chart2code import morphology

STROKE, MOSTLY = 4, 0.7  # pixels, more than strokes of letters are thick; of markers, of one size
MOST_TOGETHER = 6  # markers upon each other
LARGEST = 40  # pixels, of a marker
SAMPLES = 9  # of markers that stand alone
SMALLEST = 16  # pixels, of a marker whose shape can be told
UNLIKE = 0.35  # of its area: a marker that differs more from a shape has another
ROUND = 0.75  # of bubbles, that none hides
SIZES = 2.0  # how many times larger large bubbles are than small ones
BLUR = 0.5  # pixels: of edges, and by taking the mean of markers between pixels


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

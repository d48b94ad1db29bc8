"""Programs of box plots, and of violins: distributions, drawn from the numbers that describe them.

`Axes.bxp` and `Axes.violin` are what matplotlib draws these with, after it has computed the numbers; the samples
themselves can't be seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from chart2code import readout
from chart2code.adjustment import brief, value_literals
from chart2code.drawing import CYCLE, color_literal, rgb
from chart2code.layers import Axis, Layers
from chart2code.program import string_literal
from chart2code.tick_labels import runs_of

if TYPE_CHECKING:
    from chart2code.sketches import Sheet

DARK, GREY = 170, 60  # of 255: how light and how coloured the outlines of boxes are at most
LEAST_WIDTH = 7  # pixels, of a box
EDGE, SIDE, CAP = (
    0.7,
    0.6,
    0.36,
)  # of the width, and of the height, of a box: inked rows and columns are edges; and caps
ALIKE = 4  # pixels that widths of boxes may differ by
FLIER = 3, 11  # pixels, the size of outliers
CENTERED = 3.0  # pixels
LINE = 1.0  # points, of medians
LEAST_INK = 25  # pixels
SAME_COLOR = 40  # of 255
SEEN = 30  # of 255: a median line
USUAL_WIDTHS = 0.15, 0.5  # of boxes, times their range and at most


@dataclass
class Box:
    """A box: its middle and its width, along x, and heights, all in pixels, the upper whisker first; the colour that
    fills it, and that of its median."""

    center: float
    width: float
    levels: tuple[float, float, float, float, float]
    fill: np.ndarray
    median: np.ndarray
    fliers: list[float]


def box_plot(sheet: Sheet) -> list[str]:
    """A program of the boxes of a chart, and of the lines and points with them; none if there are no boxes."""
    boxes = find_boxes(sheet.target, sheet.box, sheet.scale)
    if len(boxes) < 2:
        return []
    colors = [color for box in boxes for color in (box.fill, box.median)]
    series, covers = [], []
    for (color, solid), cover in zip(sheet.series, sheet.covers(sheet.series)):
        cover = cover.copy()
        for box in boxes:  # the median's own line is no series
            row, left = round(box.levels[2]), round(box.center - box.width / 2)
            cover[row - 2 : row + 3, left : left + round(box.width) + 1] = 0
        fill = any(np.abs(color - own).max() < SAME_COLOR for own in colors)
        if not solid and np.ptp(color) > GREY and not (fill and (cover > 0.5).sum() < LEAST_INK):
            series.append((color, solid))
            covers.append(cover)
    layers = Layers(sheet, series, covers)
    if layers.x is None or layers.y is None:
        return []
    centers = np.array([box.center for box in boxes])
    names = []
    if layers.x.names:  # they stand at 1, 2, ...
        if layers.x.names == len(boxes):
            texts = ", ".join(string_literal(name) for name in sheet.words.names(len(boxes)))
            names = [f"names = [{texts}]", f"ax.set_xticks(range(1, {len(boxes) + 1}), names)"]
        layers.x = Axis(layers.x.start + 1, layers.x.slope)
    places = layers.x(centers)
    span = abs(layers.y.slope) * (sheet.box[3] - sheet.box[1])
    rows = []
    for box in boxes:
        texts = value_literals(layers.y(np.array([*box.levels[::-1], *box.fliers])), span)
        described = [f"{name}={text}" for name, text in zip(("whislo", "q1", "med", "q3", "whishi"), texts)]
        rows.append(f"    dict({', '.join(described)}, fliers=[{', '.join(texts[5:])}]),")
    keywords = []
    if np.abs(places - np.arange(1, len(boxes) + 1)).max() > 0.15:
        keywords.append(f"positions=[{', '.join(brief(float(place), 0.05) for place in places)}]")
    width = float(np.median([box.width for box in boxes])) * abs(layers.x.slope)
    usual = np.clip(USUAL_WIDTHS[0] * np.ptp(places), *USUAL_WIDTHS)
    if abs(width - usual) > 0.12 * usual:
        keywords.append(f"widths={brief(width, 0.04 * width)}")
    fills = [color_literal(box.fill) for box in boxes]
    filled = any(np.abs(box.fill - sheet.paper).max() > SEEN for box in boxes)
    after = []
    if filled:
        keywords.append("patch_artist=True")
        if len(set(fills)) == 1:
            keywords.append(f"boxprops=dict(facecolor={fills[0]})")
        else:
            after = [f'for patch, color in zip(drawn["boxes"], [{", ".join(fills)}]):\n    patch.set_facecolor(color)']
    usual = rgb("#" + CYCLE[1])
    medians = [box.median for box in boxes if readout.coverage(box.median[None, None], usual, box.fill)[0, 0] < 0.2]
    if len(medians) > len(boxes) / 2:
        keywords.append(f"medianprops=dict(color={color_literal(np.median(medians, axis=0))})")
    call = f"ax.bxp({', '.join(['boxes', *keywords])})"
    statements = ["\n".join(["boxes = [", *rows, "]"]), f"drawn = {call}" if after else call, *after, *names]
    sheet.words.statements = [text for text in sheet.words.statements if "grid" not in text]
    return [layers.program(*statements)]


def find_boxes(pixels: np.ndarray, box: readout.Box, scale: float) -> list[Box]:
    """The boxes of a chart, from left to right; none if what is dark is no boxes of one width."""
    left, top, right, bottom = (round(v) for v in box)
    inside = pixels[top + 3 : bottom - 2, left + 3 : right - 2].astype(np.float32)
    if min(inside.shape[:2]) < 40:
        return []
    dark = (inside.max(axis=2) < DARK) & (np.ptp(inside, axis=2) < GREY)
    joined = ndimage.binary_closing(np.pad(dark, 2), np.ones((3, 3)))[2:-2, 2:-2]  # lines may cross the boxes
    regions, _ = ndimage.label(joined, np.ones((3, 3)))
    found, rest = [], []
    for k, place in enumerate(ndimage.find_objects(regions)):
        height, width = (side.stop - side.start for side in place)
        part = (regions[place] == k + 1) & dark[place]
        one = None
        if max(height, width) > FLIER[1] and LEAST_WIDTH <= width < 0.5 * inside.shape[1]:
            one = _box(inside[place], part, LINE / 72 * 100 * scale)
        if one is not None:
            one.center += place[1].start
            one.levels = tuple(level + place[0].start for level in one.levels)
            found.append(one)
        elif FLIER[0] <= min(height, width) and max(height, width) <= FLIER[1]:
            rest.append(((place[1].start + place[1].stop - 1) / 2, (place[0].start + place[0].stop - 1) / 2))
    if not found or np.ptp([one.width for one in found]) > ALIKE:
        return []
    for one in found:
        one.fliers = sorted(top + 3 + y for x, y in rest if abs(x - one.center) < CENTERED)
        one.center += left + 3
        one.levels = tuple(level + top + 3 for level in one.levels)
    return sorted(found, key=lambda one: one.center)


def _box(pixels: np.ndarray, dark: np.ndarray, thickness: float) -> Box | None:
    """The box whose outline with its whiskers is what is dark in a picture, which ends where that does."""
    height, width = dark.shape
    edges = runs_of(dark.mean(axis=1) > EDGE, 1)
    if len(edges) < 2:
        return None
    upper, lower = ((edges[k][0] + edges[k][1] - 1) / 2 for k in (0, -1))
    wide = runs_of(dark.mean(axis=1) > CAP, 1)  # a cap, beyond which there may be an outlier
    ends = ((run[0] + run[1] - 1) / 2 for run in (wide[0], wide[-1]))
    inner = slice(round(upper) + 2, round(lower) - 1)
    if lower - upper < 5 or min(dark[inner, :3].any(axis=1).mean(), dark[inner, -3:].any(axis=1).mean()) < SIDE:
        return None
    beyond = [*range(0, round(upper) - 1), *range(round(lower) + 2, height)]
    middle = dark[beyond, width // 2 - 2 : width // 2 + 3]
    if len(beyond) > 4 and middle.any(axis=1).mean() < SIDE:  # of the whiskers
        return None
    part = pixels[inner, 3:-3]
    fill = np.median(part.reshape(-1, 3), axis=0)
    differs = np.abs(part - fill).max(axis=2)
    row = int((differs > SEEN).mean(axis=1).argmax())
    if (differs[row] > SEEN).mean() < SIDE:
        return None
    near = slice(max(0, row - 1), row + 2)
    weights = differs[near].mean(axis=1)
    median = float(np.average(np.arange(len(part))[near], weights=weights)) + inner.start
    # A line that is thinner than a pixel is seen mixed with what is around it.
    color = (fill + np.median(part[near] - fill, axis=1).sum(axis=0) / thickness).clip(0, 255)
    highest, lowest = ends if wide[0][0] < upper - 2 or wide[-1][1] > lower + 3 else (0.5, height - 1.5)
    return Box((width - 1) / 2, width - 1, (highest, upper, median, lower, lowest), fill, color, [])

"""Programs of box plots, and of violins: distributions, drawn from the numbers that describe them.

`Axes.bxp` and `Axes.violin` are what matplotlib draws these with, after it has computed the numbers; the samples
themselves can't be seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from chart2code import morphology, readout
from chart2code.coordinates import Coordinates
from chart2code.drawing import CYCLE, color_literal, rgb
from chart2code.layer_programs import LayerWriter
from chart2code.layers import Layers
from chart2code.program import brief, string_literal
from chart2code.scales import Scale
from chart2code.tick_labels import runs_of

if TYPE_CHECKING:
    from chart2code.sketches import Sheet

DARK, GREY = 170, 60  # of 255: how light and how coloured the outlines of boxes are at most
DARKER, TINGED = 120, 90  # of 255: or so
LEAST_WIDTH = 7  # pixels, of a box
EDGE, CAP = 0.7, 0.36  # of the width of a box: inked rows are its edges, and caps of its whiskers
SIDE = 0.6  # of the height of a box, inked
ALIKE = 4  # pixels that widths of boxes may differ by
FLIER = 3, 11  # pixels, the size of outliers
CENTERED = 3.0  # pixels
LINE = 1.0  # points, of medians
LEAST_INK = 25  # pixels
SAME_COLOR, BLACK = 40, 90  # of 255
SEEN = 30  # of 255: a median line
USUAL_WIDTHS = 0.15, 0.5  # of boxes and violins, times their range and at most
TALL, SYMMETRIC, CURVED = 20, 1.5, 0.12  # pixels; pixels; of its mean, the spread of its widths: of a violin
CROSSED = 9  # pixels: what is upon a violin
MARKER = 15  # pixels that a marker may hide of such a line
BODY = 0.3  # the opacity of violins
ACROSS, THICKEST = 0.2, 6  # of its width, at each side of its middle, a line at the median; pixels, at most
RIM = 3  # pixels from the edge of a box or a violin, and from the line in its middle, that belong to these
SAMPLES = 20  # of the width of a violin


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


@dataclass
class Violin:
    """A violin: its middle along x, its ends, the upper one first, and its widths from the upper to the lower end, all
    in pixels; its colour; that of the line between the lines at its ends, and of its edge, if it has these; row and
    colour of the line of its median, if it has one."""

    center: float
    top: float
    bottom: float
    widths: np.ndarray
    color: np.ndarray
    line: np.ndarray | None
    edge: np.ndarray | None
    median: tuple[float, np.ndarray] | None


def distributions(sheet: Sheet) -> list[str]:
    """A program of the boxes and violins of a chart, and of the lines and points with them; none if there are none."""
    boxes, violins = find_boxes(sheet.target, sheet.box, sheet.scale), find_violins(sheet)
    boxes, violins = ([] if len(found) < 2 else found for found in (boxes, violins))
    centers = np.array([one.center for one in boxes or violins])
    if not len(centers):
        return []
    layers = Layers(sheet, *_beside(sheet, boxes, violins))
    if layers.x is None or layers.y is None:
        return []
    x, names = layers.x, []
    if x.names:  # they stand at 1, 2, ...
        if x.names == len(centers):
            texts = ", ".join(string_literal(name) for name in sheet.words.names(len(centers)))
            names = [f"names = [{texts}]", f"ax.set_xticks(range(1, {len(centers) + 1}), names)"]
        x = Scale(x.start + 1, x.slope)
    coordinates, paper = Coordinates(layers, x, [centers]), np.array(sheet.paper, float)
    statements = [
        *_draw_violins(coordinates, violins, paper),
        *_draw_boxes(coordinates, boxes, paper, over=bool(violins)),
    ]
    return [LayerWriter(layers, coordinates).program(*statements, *names, without=("grid",))]


def _beside(
    sheet: Sheet, boxes: list[Box], violins: list[Violin]
) -> tuple[list[tuple[np.ndarray, bool]], list[np.ndarray]]:
    """The series of a chart, and where they are, that are neither boxes nor violins."""
    own = [color for box in boxes for color in (box.fill, box.median)] + [violin.color for violin in violins]
    paper = np.array(sheet.paper, float)
    inks = [violin.line for violin in violins if violin.line is not None]
    rims = _rims(sheet.target.shape[:2], boxes, violins)
    known, series, covers = list(sheet.series), [], []
    if violins and not any(color.max() < BLACK for color, _ in known):  # may have been taken for their edges
        known.append((np.zeros(3), False))
    for (color, solid), cover in zip(known, sheet.covers(known)):
        cover = np.where(rims, 0, cover)
        for box in boxes:  # the median's own line is no series
            row, left = round(box.levels[2]), round(box.center - box.width / 2)
            if np.abs(color - box.median).max() < SAME_COLOR or readout.wash_of(color, box.median, box.fill):
                cover[row - 2 : row + 3, left : left + round(box.width) + 1] = 0
        for violin in violins:
            if violin.median is not None:
                row, reach = round(violin.median[0]), round(violin.widths.max() / 2)
                cover[row - 3 : row + 4, round(violin.center) - reach : round(violin.center) + reach + 1] = 0
        same = any(np.abs(color - other).max() < SAME_COLOR for other in own)
        edges = any(readout.wash_of(color, np.zeros(3), box.fill) for box in boxes)  # half in a pixel
        of_boxes = bool(boxes) and np.ptp(color) <= GREY or edges
        of_violins = any(readout.wash_of(color, ink, paper) or np.abs(color - ink).max() < SAME_COLOR for ink in inks)
        left_over = (cover > 0.5).sum() >= LEAST_INK
        if not solid and not of_boxes and not of_violins and left_over and not (same and violins):
            series.append((color, solid))
            covers.append(cover)
    return series, covers


def _rims(shape: tuple[int, int], boxes: list[Box], violins: list[Violin]) -> np.ndarray:
    """Where the edges of boxes and violins are drawn, and the lines in the middle of these, (H, W) bool."""
    mask = np.zeros(shape, bool)
    for box in boxes:
        left, right = box.center - box.width / 2, box.center + box.width / 2
        sides = [(box.levels[1], left, box.levels[1], right), (box.levels[3], left, box.levels[3], right)]
        sides += [(box.levels[1], side, box.levels[3], side) for side in (left, right)]
        for top, start, bottom, end in sides:
            mask[round(top) - RIM + 1 : round(bottom) + RIM, round(start) - RIM + 1 : round(end) + RIM] = True
    for violin in violins:
        rows, columns = np.arange(math.ceil(violin.top), math.floor(violin.bottom) + 1), np.arange(shape[1])
        reach = np.interp(rows, np.linspace(violin.top, violin.bottom, SAMPLES), violin.widths / 2)
        away = np.abs(columns - violin.center)
        if violin.edge is not None:
            mask[rows] |= np.abs(away - reach[:, None]) < RIM
        if violin.line is not None:
            mask[rows] |= away < RIM
    return mask


def _places(coordinates: Coordinates, marks: list[Box] | list[Violin], widths: list[float]) -> list[str]:
    """The keywords that say where boxes or violins stand, and how wide they are, where this is not the usual."""
    places, keywords = coordinates.x(np.array([mark.center for mark in marks])), []
    if np.abs(places - np.arange(1, len(marks) + 1)).max() > 0.15:
        keywords.append(f"positions=[{', '.join(brief(float(place), 0.05) for place in places)}]")
    width = float(np.median(widths)) * abs(coordinates.x.slope)
    usual = np.clip(USUAL_WIDTHS[0] * np.ptp(places), *USUAL_WIDTHS) if isinstance(marks[0], Box) else USUAL_WIDTHS[1]
    if abs(width - usual) > 0.12 * usual:
        keywords.append(f"widths={brief(width, 0.04 * width)}")
    return keywords


def _draw_boxes(coordinates: Coordinates, boxes: list[Box], paper: np.ndarray, over: bool) -> list[str]:
    """`over`: whether they stand over violins, which shine through."""
    if not boxes:
        return []
    rows = []
    for box in boxes:
        texts = coordinates.y_literals(np.array([*box.levels[::-1], *box.fliers]))
        described = [f"{name}={text}" for name, text in zip(("whislo", "q1", "med", "q3", "whishi"), texts)]
        rows.append(f"    dict({', '.join(described)}, fliers=[{', '.join(texts[5:])}]),")
    keywords, after = _places(coordinates, boxes, [box.width for box in boxes]), []
    fills = [color_literal(box.fill) for box in boxes]
    if any(np.abs(box.fill - paper).max() > SEEN for box in boxes) and not over:
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
    return ["\n".join(["boxes = [", *rows, "]"]), f"drawn = {call}" if after else call, *after]


def _draw_violins(coordinates: Coordinates, violins: list[Violin], paper: np.ndarray) -> list[str]:
    if not violins:
        return []
    rows = []
    medians = [violin.median for violin in violins if violin.median is not None]
    medians = medians if len(medians) == len(violins) else []
    for violin in violins:
        texts = coordinates.y_literals(np.array([violin.bottom, violin.top, *([violin.median[0]] if medians else [])]))
        widths = ", ".join(f"{width / violin.widths.max():.2f}" for width in violin.widths[::-1])
        rows.append(f"    ({', '.join(texts)}, [{widths}]),")
    keywords = _places(coordinates, violins, [violin.widths.max() for violin in violins])
    keywords += [] if any(violin.line is not None for violin in violins) else ["showextrema=False"]
    keywords += ["showmedians=True"] if medians else []
    names = "low, high, median, widths" if medians else "low, high, widths"
    described = [
        "violins = [",
        "    dict(",
        f"        coords=[low + (high - low) * k / {SAMPLES - 1} for k in range({SAMPLES})],",
        "        vals=widths, min=low, max=high, mean=0, median=" + ("median," if medians else "0,"),
        "    )",
        f"    for {names} in shapes",
        "]",
    ]
    usual = paper + BODY * (rgb("#" + CYCLE[0]) - paper)
    call, after = f"ax.violin({', '.join(['violins', *keywords])})", []
    colors = [violin.color for violin in violins]
    edges = [violin.edge for violin in violins if violin.edge is not None]
    edged = len(edges) > len(violins) / 2
    if edged or np.abs(np.median(colors, axis=0) - usual).max() > SEEN or np.ptp(colors, axis=0).max() > SEEN:
        opacity = _opacity(np.array(colors), paper)

        def literal_of(color: np.ndarray) -> str:
            return color_literal((paper + (color - paper) / opacity).clip(0, 255))

        texts = ", ".join(map(literal_of, colors))
        styles = [f"edgecolor={literal_of(np.median(edges, axis=0))}"] if edged else []
        styles += [f"alpha={opacity}"] if opacity != BODY else []
        change = f"body.set({', '.join(['facecolor=color', *styles])})" if styles else "body.set_facecolor(color)"
        after = [f'for body, color in zip(drawn["bodies"], [{texts}]):\n    {change}']
    if medians:
        color = np.median([color for _, color in medians], axis=0)
        if np.abs(color - rgb("#" + CYCLE[0])).max() > SEEN:
            after.append(f'drawn["cmedians"].set_color({color_literal(color)})')
    call = f"drawn = {call}" if after else call
    return ["\n".join(["shapes = [", *rows, "]"]), "\n".join(described), call, *after]


def _opacity(colors: np.ndarray, paper: np.ndarray) -> float:
    """The opacity at which violins of some ink have these colours (N, 3): the usual one if there is such an ink."""
    room = np.where(colors < paper, paper, 255 - paper)
    least = float((np.abs(colors - paper) / np.maximum(room, 1)).max())
    return BODY if least <= BODY + SEEN / 255 else min(1.0, math.ceil(10 * least) / 10)


def _median(
    sheet: Sheet, color: np.ndarray, center: float, width: float, rows: range
) -> tuple[float, np.ndarray] | None:
    """The row and the colour of the line across the middle half of a violin; None if there is none."""
    reach = max(2, round(ACROSS * width))
    inside = sheet.target[rows.start : rows.stop, round(center) - reach : round(center) + reach + 1].astype(float)
    differs = np.abs(inside - color).max(axis=2).min(axis=1)  # in all columns
    runs = [run for run in runs_of(differs > SEEN, 0) if run[0] > 2 and run[1] < len(rows) - 2]
    if len(runs) != 1 or runs[0][1] - runs[0][0] > THICKEST:
        return None
    line = np.arange(*runs[0])
    clearest = line[differs[line].argmax()]
    row = rows.start + float(np.average(line, weights=differs[line]))
    return row, np.median(inside[clearest], axis=0)


def find_violins(sheet: Sheet) -> list[Violin]:
    """The violins of a chart, from left to right."""
    found = []
    for (color, solid), cover in zip(sheet.series, sheet.covers(sheet.series)):
        if not solid:
            continue
        mask = morphology.closing(np.pad(cover > readout.FULL, CROSSED), (1, CROSSED))
        mask = morphology.opening(mask[CROSSED:-CROSSED, CROSSED:-CROSSED], (2, 2))
        regions, _ = ndimage.label(mask)
        for k, place in enumerate(ndimage.find_objects(regions)):
            found.append(_violin(sheet, color, regions[place] == k + 1, place[0].start, place[1].start))
    return sorted(filter(None, found), key=lambda violin: violin.center)


def _violin(sheet: Sheet, color: np.ndarray, part: np.ndarray, top: int, left: int) -> Violin | None:
    """The violin that an area (h, w) of a colour, at (`left`, `top`), is; None if it isn't one."""
    height, width = part.shape
    starts, ends = part.argmax(axis=1), width - part[:, ::-1].argmax(axis=1)
    middles, widths = (starts + ends - 1) / 2, ends - starts
    center = float(np.median(middles))
    symmetric = np.mean(np.abs(middles - center) < SYMMETRIC) > 0.8
    if height < TALL or width < LEAST_WIDTH or not symmetric or np.std(widths) < CURVED * np.mean(widths):
        return None
    paper = np.array(sheet.paper, float)
    column = sheet.target[:, left + round(center) - 1 : left + round(center) + 2]
    line, runs = None, []
    for ink in (paper + (color - paper) / BODY, rgb("#" + CYCLE[0])):  # its own, or the usual one
        share = readout.coverage(column, ink, paper).max(axis=1)
        share[top : top + height] = readout.coverage(column[top : top + height], ink, color).max(axis=1)
        if line is None and np.median(share[top : top + height]) > 0.6:
            line, runs = ink, runs_of(share > 0.5, MARKER)  # at its ends, nothing may be left of it but the line
    first, last = next((run for run in runs if run[0] <= top + height // 2 < run[1]), (top, top + height))
    first, last = max(first, round(sheet.box[1]) + 2), min(last, round(sheet.box[3]) - 1)
    rows = np.linspace(first, last - 1, SAMPLES)
    smooth = np.interp(rows, np.arange(top, top + height), widths, left=2.0, right=2.0)
    smooth = ndimage.uniform_filter1d(smooth, 3, mode="nearest")
    widest = float(smooth.max())
    wide = np.flatnonzero(widths > 2 * ACROSS * widest) + top
    median = _median(sheet, color, left + center, widest, range(max(first, wide[0]), min(last, wide[-1] + 1)))
    edge = _edge(sheet, color, part, top, left)
    return Violin(left + center, first - 0.5, last - 0.5, smooth, color, line, edge, median)


def _edge(sheet: Sheet, color: np.ndarray, part: np.ndarray, top: int, left: int) -> np.ndarray | None:
    """The colour of the line around the area of a violin, arguments as of `_violin`; None if there is none."""
    height, width = part.shape
    rows = np.arange(height // 5, 4 * height // 5)
    ends = np.stack([part.argmax(axis=1), width - 1 - part[:, ::-1].argmax(axis=1)], axis=1)[rows]
    places = np.clip(left + ends[..., None] + np.arange(-3, 4), 0, sheet.target.shape[1] - 1)
    around = sheet.target[(top + rows)[:, None, None], places].reshape(-1, 7, 3).astype(float)
    beside = (color + np.array(sheet.paper, float)) / 2
    darkest = around[np.arange(len(around)), around.sum(axis=2).argmin(axis=1)]
    found = np.median(darkest, axis=0)
    if (np.minimum(color, sheet.paper) - found).max() < SEEN:
        return None
    return (beside + (found - beside) / min(1.0, LINE / 72 * 100 * sheet.scale)).clip(0, 255)


def find_boxes(pixels: np.ndarray, box: readout.Box, scale: float) -> list[Box]:
    """The boxes of a chart, from left to right; none if what is dark is no boxes of one width."""
    left, top, right, bottom = (round(v) for v in box)
    inside = pixels[top + 3 : bottom - 2, left + 3 : right - 2].astype(np.float32)
    if min(inside.shape[:2]) < 40:
        return []
    palest, chroma = inside.max(axis=2), np.ptp(inside, axis=2)
    dark = (palest < DARK) & (chroma < GREY) | (palest < DARKER) & (chroma < TINGED)  # edges of strong fills
    joined = morphology.closing(np.pad(dark, 2), (3, 3))[2:-2, 2:-2]  # lines may cross the boxes
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
    widths = np.array([one.width for one in found])
    if not len(widths):
        return []
    usual = widths[np.argmax([(np.abs(widths - width) <= ALIKE).sum() for width in widths])]
    found = [one for one in found if abs(one.width - usual) <= ALIKE]
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

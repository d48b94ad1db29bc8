"""What is drawn around axes: which spines, ticks or none, labels at which side, a grid; and statements that say so.

Of axes with a complete frame nothing is said here: those are drawn so by matplotlib, or by a style sheet.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from chart2code import readout
from chart2code.detail import detail_of
from chart2code.drawing import color_literal
from chart2code.open_axes import Line, open_axes
from chart2code.picture_cache import remembered
from chart2code.program import string_literal
from chart2code.tick_labels import read_decades

SEEN, INK = 8, 60  # of 255, away from the page: a line, and text
NEAR, FREE = 3, 6  # pixels from a side of the axes: a line there, and where nothing else may be
LEAST, DRAWN = 20, 0.6  # pixels of a side that nothing hides; of these, with a line
DARKER = 1.3  # times as far from the page as the grid
TICKS = 2, 3  # pixels from the axes: where ticks are, and no labels
LABEL_OFF, WIDEST_TICK, LONGEST_TICK = 3, 3, 12  # pixels from the middle of a label to its tick, and of ticks
MOST_TICKS = 0.5  # of the labels, at ticks that point into the axes
LABELS, LEAST_LABEL = 26, 12  # pixels beside and below the axes, where labels are; and of their ink
LEAST_GAPS = {"bottom": 1, "left": 1, "right": 2}  # between labels: at the right may be names of lines
CLOSEST, UNEVEN = 10, 0.3  # pixels between two labels; of their distance, that others may differ by
SPREAD = 0.5  # of a side, that its labels are along: names of axes, and legends beside them, are along less
CENTRED = 4.0  # pixels from the middle of a side to that of its name
MANY = 8  # ticks: of a logarithmic axis, of which some are near to each other
GRIDDED = 0.3  # of the ticks, with a line of the grid
WHOLE, PALE = 0.85, 100  # of the length of the axes: a line of the grid; of 255, of one that marks may hide
BESIDE = 4  # pixels from a grid line, where it is no more
DASHED = 0.85  # of a grid line without dashes
DARK, GREY = 150, 48  # of 255: frames of images are darker, and have less colour
FRAME, INNER = 2, 5  # pixels to both sides of a frame, in its own resolution; and to cells that tell it
MOSTLY = 0.7  # of the frame of an image
WIDE = 1.4  # times as wide as matplotlib's grid lines
GRID_WIDTH = 0.8  # points: matplotlib's


@remembered
def frame_statements(pixels: np.ndarray, box: readout.Box, scale: float) -> tuple[str, ...]:
    """
    What makes matplotlib draw the spines, ticks and labels of these axes, and their grid, and the colour of the page
    inside of them; nothing of axes with a complete frame, or in another colour than the page.

    Args:
        scale: pixels of the canvas per pixel of the figure at 100 dpi.
    """
    page, hidden = readout.page_of(pixels), hidden_spines(pixels, box)
    if not hidden:
        return ()
    found = [f"ax.{hiding(hidden)}"]
    if min(page) < 255:
        found.append(f"ax.set_facecolor({color_literal(np.array(page), 1)})")
    labels = {side: has_labels(pixels, box, side) for side in ("left", "right", "bottom")}
    at_right = labels["right"] and not labels["left"]
    found += ["ax.yaxis.tick_right()"] if at_right else []
    sides = {"x": "bottom", "y": "right" if at_right else "left"}
    found += [f"ax.set_{axis}ticks([])" for axis, side in sides.items() if not labels[side]]
    bare = [axis for axis, side in sides.items() if labels[side] and not _has_ticks(pixels, box, side)]
    if bare:
        axis = f'axis="{bare[0]}", ' if len(bare) == 1 else ""
        found.append(f"ax.tick_params({axis}length=0)")
    return (*found, *([] if readout.find_image(pixels) else _grid(pixels, box, hidden, scale)))


@remembered
def inward_ticks(pixels: np.ndarray, box: readout.Box) -> str | None:
    """The call, of axes, for ticks that point into them, and whether there are such at the upper and the right side;
    None where they don't."""
    fine = detail_of(pixels)
    zoom, picture = (1.0, pixels) if fine is None else (fine.zoom, fine.pixels)
    dark = readout.difference(picture, readout.paper_of(pixels, box)) > INK
    sides = {}
    for side in ("bottom", "left", "top", "right"):
        along, ends = ("bottom", box[::2]) if side in ("bottom", "top") else ("left", box[1::2])
        places = readout.find_ticks(pixels, box, along)
        places = places[(places > ends[0] + FREE) & (places < ends[1] - FREE)]
        frame = np.array(_sides(box)[side])
        if fine is not None:
            places, frame = fine.enlarged(places), fine.enlarged(frame)
        lines, out = (dark if along == "bottom" else dark.T), 1 if side in ("bottom", "right") else -1
        own = [_is_tick(lines, round(float(frame)), -out, place, zoom) for place in places]
        outside = [_is_tick(lines, round(float(frame)), out, place, zoom) for place in places]
        sides[side] = len(own) > 1 and np.mean(own) > MOST_TICKS, len(own) > 1 and np.mean(outside) > MOST_TICKS
    (bottom, below), (left, beside) = sides["bottom"], sides["left"]
    if not bottom or not left:
        return None
    also = [f"{name}=True" for name in ("top", "right") if sides[name][0]]
    direction = "inout" if below and beside else "in"
    return ", ".join([f'tick_params(which="both", direction="{direction}"', *also]) + ")"


def _is_tick(dark: np.ndarray, frame: int, way: int, place: float, zoom: float) -> bool:
    """Whether a short line stands on a row, `way` (1, -1) beside it, at a place: it may be the middle of its label."""
    reach, free = round(LABEL_OFF * zoom), round(BESIDE * zoom)
    columns = slice(max(0, round(place) - reach - free), round(place) + reach + free + 1)
    near, far = (frame + way * (round(rows * zoom) + 1) for rows in (TICKS[0], LONGEST_TICK))
    if not 0 <= min(near, far) <= max(near, far) < len(dark):
        return False
    line, beyond = dark[near, columns], dark[far, columns]  # a grid goes on there
    return bool(line[free : len(line) - free].any() and line.sum() <= WIDEST_TICK * zoom and not beyond.any())


def _sides(box: readout.Box) -> dict[str, float]:
    return dict(zip(("left", "top", "right", "bottom"), box))


@remembered
def _away(pixels: np.ndarray) -> np.ndarray:
    """(H, W): how far each pixel is from the page, of 255."""
    return readout.difference(pixels, readout.page_of(pixels))


def hiding(sides: Collection[str]) -> str:
    """The call, of axes, that hides these spines."""
    names = ":" if len(sides) == 4 else f"[{', '.join(map(string_literal, sides))}]"
    return f"spines[{names}].set_visible(False)"


@remembered
def hidden_spines(pixels: np.ndarray, box: readout.Box) -> tuple[str, ...]:
    """The sides of axes where no spine is drawn; none where they have another colour than the page. Around an image
    there are all or none."""
    if readout.find_image(pixels) is not None:
        return () if is_framed(pixels, box) else tuple(_sides(box))
    if np.abs(np.subtract(readout.paper_of(pixels, box), readout.page_of(pixels))).max() >= SEEN:
        return ()
    drawn = {name: _drawn(pixels, box, name) for name in _sides(box)}
    grid = [line.strength for lines in _grid_lines(pixels, box, _sides(box)).values() for line in lines]
    if grid and not all(strength > SEEN for strength in drawn.values()):  # what is drawn may be lines of the grid
        palest = max(SEEN, DARKER * float(np.median(grid)))
    else:
        palest = SEEN
    return tuple(name for name, strength in drawn.items() if strength <= palest)


def is_framed(pixels: np.ndarray, box: readout.Box) -> bool:
    """Whether dark lines are drawn around an image in a box; if it is as dark itself, they may be."""
    fine = detail_of(pixels)
    picture, box = (pixels, box) if fine is None else (fine.pixels, tuple(fine.enlarged(box)))
    dark = (picture.max(axis=2) < DARK) & (np.ptp(picture, axis=2) < GREY)
    left, top, right, bottom = (int(round(v)) for v in box)
    lines = []
    for mask, (first, last), places in (
        (dark, (left, right), ((top, 1), (bottom, -1))),
        (dark.T, (top, bottom), ((left, 1), (right, -1))),
    ):
        for place, inward in places:
            strip = mask[max(0, place - FRAME) : place + FRAME + 1, first + INNER : last - INNER]
            inside = mask[place + inward * INNER, first + INNER : last - INNER]
            lines.append(strip.any(axis=0)[~inside])
    seen = np.concatenate(lines)
    return not len(seen) or seen.mean() > MOSTLY


def _drawn(pixels: np.ndarray, box: readout.Box, side: str) -> float:
    """How far from the page the line at a side of axes is, of 255: 0 if none is drawn, inf where marks hide it."""
    picture, place, (start, end) = _away(pixels), _sides(box)[side], (box[0], box[2])
    if side in ("left", "right"):
        picture, (start, end) = picture.T, (box[1], box[3])
    row, columns = round(place), slice(round(start) + FREE, round(end) - FREE)
    near, far = (picture[np.clip([row - k, row + k], 0, len(picture) - 1), columns] for k in (FREE, FREE + NEAR))
    free = (np.minimum(near, far) <= SEEN).all(axis=0)  # a line of the grid is not at both distances
    if free.sum() < LEAST:
        return np.inf
    strip = picture[max(0, row - NEAR) : row + NEAR + 1, columns].max(axis=0)
    return float(np.percentile(strip[free], 100 * (1 - DRAWN)))


def _grid_lines(pixels: np.ndarray, box: readout.Box, spines: Collection[str]) -> dict[str, list[Line]]:
    """The lines across axes, as grids of their y and x axis have, without those at the sides where spines are; of few
    lines nothing can be told."""
    axes, sides, found = open_axes(pixels, readout.page_of(pixels)), _sides(box), {}
    for axis, lines, ends, names in (
        ("y", axes.across, ("left", "right"), ("top", "bottom")),
        ("x", axes.upright, ("top", "bottom"), ("left", "right")),
    ):
        start, end = (sides[name] for name in ends)
        ticks = [readout.find_ticks(pixels, box, side) for side in (("left", "right") if axis == "y" else ("bottom",))]
        ticks = max(ticks, key=len)
        own = []
        for line in lines:
            whole = line.end - line.start > WHOLE * (end - start)
            hidden = line.strength < PALE and (abs(line.start - start) < FREE or abs(line.end - end) < FREE)
            at_tick = not len(ticks) or np.abs(ticks - line.place).min() <= NEAR
            spine = any(abs(line.place - sides[name]) <= FREE for name in names if name in spines)
            own += [line] if (whole or hidden) and at_tick and not spine else []
        if len(own) > max(1, GRIDDED * min(len(ticks), MANY)):
            found[axis] = own
    return found


def _beside(away: np.ndarray, box: readout.Box, side: str, near: int, far: int) -> np.ndarray:
    """Pixels at some distance from one side of axes."""
    left, top, right, bottom = (round(v) for v in box)
    if side == "bottom":
        return away[bottom + near : bottom + far, max(0, left - FREE) : right + FREE]
    columns = (
        slice(max(0, left - far + 1), max(0, left - near + 1)) if side == "left" else slice(right + near, right + far)
    )
    return away[max(0, top - FREE) : bottom + FREE, columns]


def has_labels(pixels: np.ndarray, box: readout.Box, side: str) -> bool:
    """Whether there are labels at the ticks of a side, in several places along it."""
    ink = _beside(_away(pixels), box, side, TICKS[1], LABELS) > INK
    if ink.sum() < LEAST_LABEL:
        return False
    places = readout.find_ticks(pixels, box, side)
    gaps, length = np.diff(places), box[2] - box[0] if side == "bottom" else box[3] - box[1]
    if len(gaps) < LEAST_GAPS[side] or side == "right" and np.ptp(places) < SPREAD * length:
        return False
    if not _has_ticks(pixels, box, side) and _is_name(ink.any(axis=0 if side == "bottom" else 1), length):
        return False
    even = gaps.min() > CLOSEST and np.ptp(gaps) < UNEVEN * gaps.max()  # not the letters of a name
    logarithmic = len(gaps) >= MANY and gaps.max() > 2 * CLOSEST
    return bool(even or logarithmic or read_decades(pixels, box, side))


def _is_name(inked: np.ndarray, length: float) -> bool:
    """Whether what is inked along a side, (N,) bool, is one text in the middle of it: the name of the axis."""
    places = np.flatnonzero(inked)
    joined = len(places) and np.diff(places).max(initial=0) <= CLOSEST and np.ptp(places) < SPREAD * length
    return bool(joined and abs(places[0] + places[-1] - len(inked) + 1) / 2 < CENTRED)


def is_bare(pixels: np.ndarray, box: readout.Box, side: str) -> bool:
    """Whether there are neither ticks nor labels at a side of axes: at most their name."""
    return not has_labels(pixels, box, side) and not _has_ticks(pixels, box, side)


def _has_ticks(pixels: np.ndarray, box: readout.Box, side: str) -> bool:
    fine = detail_of(pixels)
    zoom = 1.0 if fine is None else fine.zoom
    picture, box = (pixels, box) if fine is None else (fine.pixels, tuple(fine.enlarged(box)))
    part = _beside(_away(picture), box, side, round(TICKS[0] * zoom), round(TICKS[1] * zoom))
    return bool((part > INK).any())


def _grid(pixels: np.ndarray, box: readout.Box, hidden: Collection[str], scale: float) -> list[str]:
    """The grid of axes, in its own colour."""
    axes = _grid_lines(pixels, box, _sides(box).keys() - hidden)
    measured = [_measure(pixels, line, turned=name == "x") for name, lines in axes.items() for line in lines]
    measured = [found for found in measured if found is not None]
    if not measured:
        return []
    inks, widths, shares = zip(*measured)
    axis = f'axis="{next(iter(axes))}", ' if len(axes) == 1 else ""
    width = round(10 * float(np.median(widths)) / scale * 0.72) / 10  # points
    style = ', linestyle="--"' if np.median(shares) < DASHED else ""
    style += f", linewidth={width:g}" if width > WIDE * GRID_WIDTH else ""
    ink = color_literal(np.median(inks, axis=0), 1)
    return [f"ax.grid({axis}color={ink}{style})", "ax.set_axisbelow(True)"]


def _measure(pixels: np.ndarray, line: Line, turned: bool) -> tuple[np.ndarray, float, float] | None:
    """The colour of a line, along a row or a column (`turned`), its width in pixels and the share of it that is drawn,
    where nothing is beside it; None if that is hardly anywhere."""
    fine, page = detail_of(pixels), np.array(readout.page_of(pixels), float)
    zoom, picture = (1.0, pixels) if fine is None else (fine.zoom, fine.pixels)
    places = np.array((line.place, line.start, line.end))
    place, start, end = (round(v) for v in (places if fine is None else fine.enlarged(places)))
    rows = slice(max(0, place - round(BESIDE * zoom)), place + round(BESIDE * zoom) + 1)
    strip = (picture.swapaxes(0, 1) if turned else picture)[rows, start : end + 1].astype(float) - page
    away = np.abs(strip).max(axis=2)
    free = (away[0] <= SEEN) & (away[-1] <= SEEN)
    if free.sum() < LEAST:
        return None
    darkest = away[:, free].max(axis=0)
    drawn = darkest > np.percentile(darkest, 90) / 2
    profile = np.median(strip[:, free][:, drawn], axis=1)
    amounts = np.abs(profile).sum(axis=1)
    return page + profile[amounts.argmax()], amounts.sum() / amounts.max() / zoom, float(drawn.mean())

"""Straight lines from one side of the axes to the other, as of a mean or a limit: what is drawn by `axhline` and
`axvline`. They are found by their place alone, so also those of one colour, or in the grey of words."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from chart2code import readout
from chart2code.detail import detail_of
from chart2code.drawing import color_literal
from chart2code.picture_cache import remembered
from chart2code.program import string_literal
from chart2code.scales import Scale

INK = 30  # of 255, away from the paper
AT_SIDE = 5  # pixels from the frame, where there is only that
BESIDE = 4  # pixels from the middle of a line, where it is no more
MORE = 2  # times the ink of a line: something short ends at it
SHARE, WHOLE = 0.33, 0.9  # of its length, a line in dots; and of one that others may hide
GAP, AT_ENDS = 16, 12  # pixels without ink: within a line that nothing hides, and at its ends
LEAST_INK = 0.5  # of its colour, near its ends
STRAIGHT = 0.5  # pixels that the parts of a line may be apart
SAME = 30  # of 255: colours of lines of a grid, and of the pixels of a line
AT_TICK = 2.0  # pixels from a tick, where a grid is
MOST = 3  # lines of one colour: more are a grid
GREY, PALE = 36, 180  # of 255: chroma of greys, and how light a grid is at least
THICKNESS, USUAL = (0.35, 3.0), 1.5  # pixels; and points, of matplotlib's lines
OFF = 0.6  # pixels that one may be off in a program
STRONGEST = 90  # per cent of the pixels of a line are paler


@dataclass(frozen=True)
class Across:
    """A line, its row or, if it is `upright`, its column; its style in matplotlib's words and thickness in pixels."""

    upright: bool
    place: float
    color: np.ndarray
    style: str
    thickness: float

    @classmethod
    def of_usual_width(cls, upright: bool, place: float, color: np.ndarray, style: str, scale: float) -> Across:
        """One as thick as matplotlib draws them; `scale` as of `call`."""
        return cls(upright, place, color, style, USUAL / 0.72 * scale)

    @property
    def method(self) -> str:
        return "axvline" if self.upright else "axhline"

    def call(self, axes: str, values: Scale, scale: float, label: str = "") -> str:
        """The statement that draws it; `values`: of the axis that it crosses; `scale`: pixels per pixel of the figure
        at 100 dpi; `label`: one more keyword, after a comma."""
        width = max(1, round(2 * self.thickness / scale * 0.72)) / 2
        style = f", linestyle={string_literal(self.style)}" if self.style != "-" else ""
        style += f", linewidth={width:g}" if width != USUAL else ""
        place = values.literal(self.place, OFF)
        return f"{axes}.{self.method}({place}, color={color_literal(self.color)}{style}{label})"


@remembered
def find_lines_across(pixels: np.ndarray, box: readout.Box) -> tuple[Across, ...]:
    """The lines across the axes in a box, without those of a grid."""
    paper, fine = readout.paper_of(pixels, box), detail_of(pixels)
    found: list[Across] = []
    for upright, side in ((False, "left"), (True, "bottom")):
        turned, sides = (pixels.swapaxes(0, 1), (1, 0, 3, 2)) if upright else (pixels, (0, 1, 2, 3))
        around = tuple(box[k] for k in sides)
        detail = None if fine is None else fine.pixels.swapaxes(0, 1) if upright else fine.pixels
        rows = _rows(turned, around, paper)
        if fine is None:
            lines = [_measured(turned, around, row, 1.0, paper, upright) for row in rows]
        else:
            enlarged = tuple(fine.enlarged(around))
            lines = [_measured(detail, enlarged, fine.enlarged(row), fine.zoom, paper, upright) for row in rows]
            lines = [
                line and replace(line, place=float(fine.reduced(line.place)), thickness=line.thickness / fine.zoom)
                for line in lines
            ]
        ticks = readout.find_ticks(pixels, box, side)
        unclear = [row for row, line in zip(rows, lines) if line is None]
        lines = [line for line in lines if line and not _is_pale(line.color)]
        lines = [line for line in lines if THICKNESS[0] < line.thickness < THICKNESS[1]]
        found += _without_grid(lines, unclear, ticks)
    return tuple(found)


def _is_pale(color: np.ndarray) -> bool:
    return bool(np.ptp(color) < GREY and color.min() > PALE)


def _rows(pixels: np.ndarray, box: readout.Box, paper: tuple[int, ...]) -> list[int]:
    """The rows of lines that are seen from the left side to the right one."""
    left, top, right, bottom = (round(side) for side in box)
    inside = pixels[top + AT_SIDE : bottom - AT_SIDE + 1, left + 2 : right - 1]
    if min(inside.shape[:2]) < 2 * AT_ENDS:
        return []
    ink = readout.difference(inside, paper) > INK
    steps = readout.difference(inside[BESIDE:], inside[:-BESIDE]) > INK
    thin = np.zeros_like(ink)  # another colour than above and below
    thin[BESIDE:-BESIDE] = steps[:-BESIDE] & steps[BESIDE:] & ink[BESIDE:-BESIDE]
    shares = thin.mean(axis=1)
    around = np.pad(shares, 2)
    rows = []
    for row in np.flatnonzero(shares > SHARE / 3):
        if shares[row] < around[row : row + 5].max() or rows and row - rows[-1] < BESIDE:
            continue
        near = slice(max(0, row - 2), row + 3)
        own, seen = thin[near].any(axis=0), ink[near].any(axis=0)
        columns = np.flatnonzero(own)
        hidden = seen & ~own
        if own.sum() < SHARE * max(1, (~hidden).sum()) or seen[[*range(AT_ENDS)]].sum() == 0:
            continue
        gaps = np.diff(np.flatnonzero(seen))
        if columns[0] > AT_ENDS or columns[-1] < len(own) - 1 - AT_ENDS or gaps.max() > GAP:
            continue
        rows.append(row)
    return [row + top + AT_SIDE for row in rows]


def _measured(
    pixels: np.ndarray, box: readout.Box, row: float, zoom: float, paper: tuple[int, ...], upright: bool
) -> Across | None:
    """The line next to a row; None if it isn't straight, or not of one colour."""
    left, right, beside = round(box[0] + 2 * zoom), round(box[2] - 2 * zoom), round(BESIDE * zoom)
    first = round(row) - beside
    strip = pixels[max(0, first) : first + 2 * beside + 1, left:right].astype(np.float32)
    for ground in (np.asarray(paper, np.float32), np.median(strip[[0, -1]].mean(axis=0), axis=0)):  # or upon bars
        away = strip - ground
        strength = np.abs(away).max(axis=2)
        free = (strength[[0, -1]] < INK).all(axis=0)  # nothing crosses it
        if (strength[:, free] > INK).any(axis=0).sum() > 2 * AT_ENDS:
            break
    else:
        return None
    strength, away = strength[:, free], away[:, free]
    inks = strength.sum(axis=0)
    alone = inks < MORE * np.median(inks[strength.max(axis=0) > INK])
    strength, away = strength[:, alone], away[:, alone]
    best = strength.argmax(axis=0)
    peaks, colors = strength.max(axis=0), away[best, np.arange(len(best))]
    inked = peaks > INK
    color = np.median(colors[inked], axis=0)
    shares = (colors @ color) / max(1.0, color @ color)
    strongest = np.percentile(shares[inked], STRONGEST)
    color, shares = strongest * color, shares / strongest
    length = float(np.abs(color).max())
    if np.percentile(np.abs(colors - shares[:, None] * color).max(axis=1), 90) > SAME:
        return None
    reach = round(GAP * zoom)
    if max(shares[:reach]) < LEAST_INK or max(shares[-reach:]) < LEAST_INK:  # of a grid, below a line in the axes
        return None
    cover = (strength / length).clip(0, 1)
    if not all(part.any() for part in np.array_split(cover, 3, axis=1)):
        return None
    middles = [np.average(np.arange(len(part)), weights=part.sum(axis=1)) for part in np.array_split(cover, 3, axis=1)]
    if np.ptp(middles) > STRAIGHT * zoom:
        return None
    amount = cover.sum(axis=0)
    thickness = float(np.percentile(amount, 90))
    gaps = amount < thickness / 2
    every = np.ones(len(amount), bool)
    style = "-" if gaps.mean() < 1 - WHOLE else readout.dashes_of(amount / thickness, every, every, thickness)
    place = first + float(np.average(np.arange(len(cover)), weights=cover.sum(axis=1)))
    return Across(upright, place, ground + color, style, thickness)


def _without_grid(lines: list[Across], unclear: list[int], ticks: np.ndarray) -> list[Across]:
    """Lines without those that have others of their colour beside them, or of one that is not seen (`unclear`: their
    rows), all at ticks, or many."""
    kept = []

    def at_tick(row: float) -> bool:
        return len(ticks) > 0 and np.abs(ticks - row).min() < AT_TICK

    for line in lines:
        alike = [other for other in lines if np.abs(other.color - line.color).max() < SAME]
        of_grid = [at_tick(other.place) for other in alike]
        alone = len(alike) == 1 and not (at_tick(line.place) and any(map(at_tick, unclear)))
        if len(alike) <= MOST and (alone or len(ticks) and not all(of_grid)):
            kept.append(line)
    return kept

"""Pale stripes from one side of the axes to the other, as of a time or a range: what `axvspan` and `axhspan` draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chart2code import readout
from chart2code.drawing import color_literal
from chart2code.picture_cache import remembered
from chart2code.scales import Scale

SAME = 6  # of 255: of one colour
LEAST, PALE = 8, 110  # of 255, away from the paper: a stripe is that far, and no further, as bars may be
SEEN = 0.5  # of its length, that no marks hide
AT_ENDS = 4  # pixels beside the frame, where it is seen
THIN = 3  # pixels: the lines of a grid, within a stripe
WIDEST, WITHIN = 0.7, 0.9  # of the axes, all stripes of a colour; and of that colour, within these
MOST = 6  # stripes: more are bars behind others
OFF = 0.4  # pixels that an edge may be off in a program
CLEAR = 100  # of 255, away from a stripe: marks in which it is not seen


@dataclass(frozen=True)
class Stripe:
    """A stripe from `start` to `end`, in columns or, if it is not `upright`, in rows; its colour."""

    upright: bool
    start: float
    end: float
    color: np.ndarray

    def call(self, values: Scale) -> str:
        """The statement that draws it; `values`: of the axis that it crosses."""
        ends = sorted((self.start, self.end), reverse=not self.upright)
        places = ", ".join(values.literal(place, OFF) for place in ends)
        method = "axvspan" if self.upright else "axhspan"
        return f"ax.{method}({places}, color={color_literal(self.color)}, linewidth=0, zorder=0)"


@remembered
def find_stripes(pixels: np.ndarray, box: readout.Box) -> tuple[Stripe, ...]:
    """The stripes across the axes in a box, on paper or upon each other."""
    if readout.find_image(pixels) is not None:
        return ()
    paper = np.array(readout.paper_of(pixels, box), float)
    upright = _upright(pixels, box, paper)
    lying = _upright(pixels.swapaxes(0, 1), tuple(box[k] for k in (1, 0, 3, 2)), paper)
    found = [Stripe(k == 0, *stripe) for k, part in enumerate((upright, lying)) for stripe in part]
    return tuple(found) if len(found) <= MOST else ()


def _upright(pixels: np.ndarray, box: readout.Box, paper: np.ndarray) -> list[tuple[float, float, np.ndarray]]:
    """Start, end and colour of stripes from the upper to the lower side."""
    inside = readout.inside_of(pixels, box, 2).astype(float)
    if min(inside.shape[:2]) < 4 * AT_ENDS:
        return []
    colors = np.median(inside, axis=0)
    away = np.abs(colors - paper).max(axis=1)
    seen = readout.difference(inside, colors) <= SAME
    ends = seen[:AT_ENDS].any(axis=0) & seen[-AT_ENDS:].any(axis=0)
    whole = ends & (seen.mean(axis=0) > SEEN) & (away >= LEAST) & (away <= PALE)
    columns, found = np.flatnonzero(whole), []
    steps = np.abs(np.diff(colors[columns], axis=0)).max(axis=1, initial=0) > SAME
    runs = np.split(columns, np.flatnonzero((np.diff(columns) > 1) | steps) + 1)
    parts: list[np.ndarray] = []  # of stripes, each that lines of a grid are across
    for run in (run for run in runs if len(run) > THIN):
        alike = parts and np.abs(colors[run[0]] - colors[parts[-1][-1]]).max() <= SAME
        if alike and run[0] - parts[-1][-1] <= THIN + 1:
            parts[-1] = np.concatenate([parts[-1], run])
        else:
            parts.append(run)
    offset = max(0, round(box[0]) + 2)
    for run in parts:
        color = np.median(colors[run], axis=0)
        alike = np.concatenate([other for other in parts if np.abs(colors[other[0]] - color).max() <= SAME])
        own = readout.difference(inside, color) <= SAME
        if len(alike) <= WIDEST * len(colors) and own[:, alike].sum() > WITHIN * own.sum():  # no bar of several
            start, end = (_edge(colors, column, way, color) for column, way in ((run[0], -1), (run[-1], 1)))
            found.append((offset + start, offset + end, color))
    return found


def _edge(colors: np.ndarray, column: int, way: int, color: np.ndarray) -> float:
    """Where a stripe ends beside its outermost column, by how much of the next one (of `colors`, N x 3) it covers."""
    beside, beyond = (colors[np.clip(column + way * k, 0, len(colors) - 1)] for k in (1, 2))
    contrast = color - beyond
    share = float((beside - beyond) @ contrast / max(1.0, contrast @ contrast))
    return column + way * (0.5 + float(np.clip(share, 0, 1)))


def without_stripes(pixels: np.ndarray, box: readout.Box, stripes: Sequence[Stripe]) -> np.ndarray:
    """The picture as if there were none: marks keep their colours, and their soft edges are upon paper."""
    if not stripes:
        return pixels
    bare, paper = pixels.astype(np.float32), np.array(readout.paper_of(pixels, box), np.float32)
    left, top, right, bottom = (round(side) for side in box)
    for stripe in stripes:
        first, last = round(stripe.start) - 1, round(stripe.end) + 2
        part = bare[top:bottom, first:last] if stripe.upright else bare[first:last, left:right]
        share = 1 - np.abs(part - stripe.color).max(axis=2) / CLEAR
        part += share.clip(0, 1)[..., None] * (paper - stripe.color)
    return np.rint(bare.clip(0, 255)).astype(np.uint8)

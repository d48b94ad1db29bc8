"""How large figures are, and where axes are in them, as `subplots_adjust` says it: shares of width and height."""

import math
from collections.abc import Sequence

import numpy as np

from chart2code import readout
from chart2code.captions import name_scale
from chart2code.tick_labels import POINTS, label_scale
from chart2code.words import DPI
from eval_metric.similarity import CANVAS

USUAL = {"left": 0.125, "right": 0.9, "bottom": 0.11, "top": 0.88}  # matplotlib's
DPIS = (100, 110, 120, 150, 200, 300)
RARER_DPIS = (72, 80, 90, 130, 140, 160, 180, 250)  # where a figure has a size as people give it
USUAL_INCHES = 6.4, 4.8  # of a figure: matplotlib's
SAME_SIZE, ROUND_SIZE = 0.08, 0.1  # of a factor's logarithm: the same size; and that of a usual resolution
BAR_PAD, BAR_FRACTION = 0.05, 0.15  # of the width of axes, before a colour bar and for it: matplotlib's
SPACE = 0.2  # between axes, of their width and height: matplotlib's


def shares_of(box: readout.Box, sides: Sequence[float]) -> dict[str, float]:
    """Of axes with a `box` on the canvas, in a figure whose `sides` (width, height) there are as long as that."""
    left, top = ((CANVAS - side) / 2 - 0.5 for side in sides)
    return {
        "left": (box[0] - left) / sides[0], "right": (box[2] - left) / sides[0],
        "bottom": 1 - (box[3] - top) / sides[1], "top": 1 - (box[1] - top) / sides[1],
    }  # fmt: skip


def subplots_adjust(shares: dict[str, float], figure: str = "fig") -> str:
    """The statement that puts axes there."""
    return f"{figure}.subplots_adjust({', '.join(f'{name}={share:.3f}' for name, share in shares.items())})"


def usual_size(size: tuple[int, int], inches: float) -> tuple[float, float]:
    """Width and height, in inches, of the figure of a picture of this size in pixels, of which the longer side seems
    to have so many: those that it has in a usual resolution, if one is near."""

    def error(dpi: float) -> float:
        return abs(math.log(max(size) / dpi / inches))

    near = [dpi for dpi in DPIS if error(dpi) < ROUND_SIZE]
    usual = [
        dpi for dpi in (*near, *RARER_DPIS) if error(dpi) < ROUND_SIZE and is_usual([side / dpi for side in size])
    ]
    dpi = min(usual or near or [max(size) / inches], key=error)
    return size[0] / dpi, size[1] / dpi


def is_usual(inches: Sequence[float]) -> bool:
    """Whether a figure has a size that people give it: halves of inches, or matplotlib's own."""
    halves = all(abs(2 * side - round(2 * side)) < 0.02 for side in inches)
    return halves or np.abs(np.subtract(inches, USUAL_INCHES)).max() < 0.02


def inches_of(target: np.ndarray, box: readout.Box, points: float) -> float | None:
    """The longer side of the figure of a chart, as the labels at its ticks tell, if they have so many points: numbers,
    or names at the left; None if none can be read."""
    seen = label_scale(target, box) or name_scale(target, box)
    return None if seen is None else CANVAS / DPI / (seen * POINTS / points)


def figure_size(
    target: np.ndarray, box: readout.Box | None, size: tuple[int, int], points: float
) -> tuple[float, float] | None:
    """Width and height, in inches, of the figure of a chart whose own picture has this size in pixels, by `inches_of`;
    in 100 dpi, where that fits; None if that is not known."""
    inches = None if box is None else inches_of(target, box, points)
    if inches is None:
        return None
    same = abs(math.log(max(size) / DPI / inches)) < SAME_SIZE
    return usual_size(size, max(size) / DPI if same else inches)

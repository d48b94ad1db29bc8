"""Where axes are in a figure, as `subplots_adjust` says it: shares of its width and height."""

from collections.abc import Sequence

from chart2code import readout
from eval_metric.similarity import CANVAS

USUAL = {"left": 0.125, "right": 0.9, "bottom": 0.11, "top": 0.88}  # matplotlib's
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

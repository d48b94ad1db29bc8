"""Programs of horizontal bars upon each other, measured in the picture at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chart2code import readout
from chart2code.bars import find_stack, keyword_for_feet, upright
from chart2code.program import string_literal
from chart2code.scales import Scale, value_literals
from chart2code.tick_labels import read_scale

if TYPE_CHECKING:
    from chart2code.sketches import Sheet

WHOLE = 100.0  # what the longest bar is worth where no axis says it: parts are mostly percentages
USUAL, SAME_HEIGHT = 0.8, 0.03  # of the distance between bars


def horizontal_stack(sheet: Sheet, series: list[tuple[np.ndarray, bool]], covers: list[np.ndarray]) -> list[str]:
    """
    A program of horizontal bars that consist of parts; none if these are no such bars.

    Args:
        series: colours, and which of them fill areas.
        covers: where these are, (H, W) each.
    """
    solid = [(color, cover) for (color, is_solid), cover in zip(series, covers) if is_solid]
    if len(solid) < 2:
        return []
    target, box = sheet.target, sheet.box
    ticks = readout.find_ticks(target, box, "left")
    stack = find_stack([upright(cover > readout.FULL) for _, cover in solid], ticks)
    if stack is None:
        return []
    base = target.shape[1] - 1 - stack.base
    scale = Scale(*(read_scale(target, box, "bottom") or _by_lengths(base, stack.heights)))
    values = stack.heights[:, ::-1] * scale.slope  # programs name bars from below to above
    values[0] = scale(base + stack.heights[0, ::-1])
    names = [string_literal(name) for name in sheet.words.names(len(stack.middles))]
    columns = [f"y{k + 1}" for k in range(len(solid))]
    literals = [value_literals(column, scale.span(box[2] - box[0])) for column in values]
    rows = ", ".join(f"({', '.join(row)})" for row in zip(names, *literals))
    step = float(np.median(np.diff(stack.middles)))
    height = (
        "" if abs(stack.width / step - USUAL) < SAME_HEIGHT else f"height={round(20 * stack.width / step) / 20:g}, "
    )
    lines = [f"{', '.join(['categories', *columns])} = zip(*[{rows}])"]
    for k, column in enumerate(columns):
        style = sheet.style(solid[stack.order[k]][0], k, len(columns))
        feet = keyword_for_feet("left", columns[:k])
        lines.append(f"ax.barh(categories, {column}, {height}{feet}{style})")
    if not len(readout.find_ticks(target, box, "bottom")):
        lines.append("ax.set_xticks([])")
    slope, start = np.polyfit(stack.middles[::-1], np.arange(len(stack.middles)), 1)
    lines += [scale.limits("ax", "x", box[0], box[2]), Scale(start, slope).limits("ax", "y", box[3], box[1])]
    return [sheet.program(*lines, legend=True)]


def _by_lengths(base: float, heights: np.ndarray) -> tuple[float, float]:
    """(start, slope) of value = start + slope * column, if the longest bar is a whole."""
    slope = WHOLE / float(heights.sum(axis=0).max())
    return -slope * base, slope

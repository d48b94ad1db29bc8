"""Programs of horizontal bars, measured in the picture at once: upon each other, in groups, or of one series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from chart2code import readout
from chart2code.bars import ALIKE, FEWEST_FLOATING, IN_BARS, find_stack, keyword_for_feet, upright
from chart2code.drawing import color_literal
from chart2code.program import shifted, string_literal, table_of
from chart2code.scales import Scale, value_literals
from chart2code.tick_labels import read_scale

if TYPE_CHECKING:
    from chart2code.sketches import Sheet

Series = list[tuple[np.ndarray, np.ndarray]]  # colours, and where they are, (H, W)
WHOLE = 100.0  # what the longest bar is worth where no axis says it: parts are mostly percentages
USUAL, SAME_HEIGHT = 0.8, 0.03  # of the distance between bars
AT_BASE = 3.0  # pixels that bars may begin beside their base
OFF_PLACE = 0.06  # of the distance between groups, by which a bar may stand elsewhere than the others of its series
FINE = 0.02  # of it: what is less cannot be seen
BROKEN = 0.05  # of the length of bars, where lines cross them
TOUCHING = 2.5  # pixels between bars of a group


@dataclass
class Rows:
    """Horizontal bars that begin at one column, `base`, in pixels: the middles of their groups, from below to above,
    how high they are; of S series where they stand beside the middles, in distances between these, (S,), and their
    lengths, (S, groups), negative to the left; and the series whose colour each bar of one series has, (groups,)."""

    middles: np.ndarray
    height: float
    base: float
    offsets: np.ndarray
    lengths: np.ndarray
    colors: np.ndarray | None = None

    @property
    def step(self) -> float:
        """The distance between groups."""
        return float(abs(np.median(np.diff(self.middles))))


def horizontal_bars(sheet: Sheet, series: list[tuple[np.ndarray, bool]], covers: list[np.ndarray]) -> list[str]:
    """
    A program of horizontal bars that consist of parts, or stand side by side; none if these are no such bars.

    Args:
        series: colours, and which of them fill areas.
        covers: where these are, (H, W) each.
    """
    solid = [(color, cover) for (color, is_solid), cover in zip(series, covers) if is_solid]
    if not solid:
        return []
    ticks = readout.find_ticks(sheet.target, sheet.box, "left")
    stacked = _stacked(sheet, solid, ticks) if len(solid) > 1 else []
    return stacked or _side_by_side(sheet, solid, ticks)


def _stacked(sheet: Sheet, solid: Series, ticks: np.ndarray) -> list[str]:
    """The program of bars that consist of parts."""
    stack = find_stack([upright(cover > readout.FULL) for _, cover in solid], ticks)
    if stack is None:
        return []
    base = sheet.target.shape[1] - 1 - stack.base
    scale = _scale(sheet, base, stack.heights.sum(axis=0))
    values = stack.heights[:, ::-1] * scale.slope  # programs name bars from below to above
    values[0] = scale(base + stack.heights[0, ::-1])
    middles, columns = stack.middles[::-1], [f"y{k + 1}" for k in range(len(solid))]
    height = _height(stack.width, middles)
    lines = [_table(sheet, columns, values, scale)]
    for k, column in enumerate(columns):
        style = sheet.style(solid[stack.order[k]][0], k, len(columns))
        feet = keyword_for_feet("left", columns[:k])
        lines.append(f"ax.barh(categories, {column}, {height}{feet}{style})")
    return [sheet.program(*lines, *_axes(sheet, scale, middles), legend=True)]


def _side_by_side(sheet: Sheet, solid: Series, ticks: np.ndarray) -> list[str]:
    """The program of bars that all begin at one column."""
    rows = find_rows([cover for _, cover in solid], ticks)
    if rows is None:
        return []
    scale = _scale(sheet, rows.base, np.abs(rows.lengths))
    values = scale(rows.base + rows.lengths) - scale(rows.base)
    if rows.colors is not None:
        colors = [color_literal(solid[k][0]) for k in rows.colors]
        color = colors[0] if len(set(colors)) == 1 else f"[{', '.join(colors)}]"
        height = _height(rows.height, rows.middles)
        lines = [_table(sheet, ["values"], values, scale), f"ax.barh(categories, values, {height}color={color})"]
        return [sheet.program(*lines, *_axes(sheet, scale, rows.middles))]
    columns = [f"y{k + 1}" for k in range(len(solid))]
    apart = np.diff(np.sort(rows.offsets))
    touching = len(apart) and abs(apart.mean() * rows.step - rows.height) < TOUCHING
    height = f"{apart.mean() if touching else rows.height / rows.step:.2g}"
    lines = [_table(sheet, columns, values, scale), f"x = range({len(rows.middles)})"]
    for k, (column, offset) in enumerate(zip(columns, rows.offsets)):
        x = shifted(float(f"{offset:.2g}") if abs(offset) > FINE else 0)
        lines.append(f"ax.barh({x}, {column}, height={height}, {sheet.style(solid[k][0], k, len(columns))})")
    lines.append("ax.set_yticks(x, categories)")
    return [sheet.program(*lines, *_axes(sheet, scale, rows.middles), legend=True)]


def find_rows(covers: list[np.ndarray], ticks: np.ndarray) -> Rows | None:
    """
    Horizontal bars that all begin at one column, by the coverages (H, W) of their colours; None if these are none.
    Bars at even distances are one series of several colours, unless each colour has one at each of the `ticks`.
    """
    found = [readout.find_bars(cover.T, ticks) for cover in covers]
    bars = [bar for own in found for bar in own]
    if len(bars) < FEWEST_FLOATING or not all(found):
        return None
    widths, starts, ends = np.array([(bar.width, bar.start - 0.5, bar.end - 0.5) for bar in bars]).T
    bases = np.concatenate([starts, ends])
    base = max(bases, key=lambda x: (np.minimum(np.abs(starts - x), np.abs(ends - x)) < AT_BASE).sum())
    height = float(np.median(widths))
    if np.minimum(np.abs(starts - base), np.abs(ends - base)).max() >= AT_BASE:
        return None
    if np.abs(widths - height).max() > max(ALIKE[0], ALIKE[1] * height):
        return None
    if not all(_is_all(cover.T > readout.FULL, own) for cover, own in zip(covers, found)):
        return None
    near = bases[np.abs(bases - base) < AT_BASE]
    base = float(np.median(near))
    lengths = np.where(np.abs(starts - base) < np.abs(ends - base), ends, starts) - base
    centers = np.array([bar.center for bar in bars])
    owners = np.repeat(np.arange(len(found)), [len(own) for own in found])
    groups = _groups(centers, lengths, owners)
    one = _one_series(centers, lengths, owners, height)
    if groups is not None and (one is None or len(groups[0]) == len(ticks)):
        return Rows(groups[0], height, base, *groups[1:])
    return one and Rows(one[0], height, base, np.zeros(1), *one[1:])


def _is_all(mask: np.ndarray, bars: list[readout.Bar]) -> bool:
    """Whether a colour (W, H) is in these bars, and goes from one end of each to the other."""
    inside, gaps, total = 0, 0, 0
    for bar in bars:
        half = bar.width / 2
        part = mask[round(bar.start) : round(bar.end), max(0, round(bar.center - half)) : round(bar.center + half) + 1]
        inside, total = inside + part.sum(), total + len(part)
        gaps += np.count_nonzero(~part.any(axis=1))
    return bool(inside > IN_BARS * mask.sum() and gaps < BROKEN * total)


def _groups(
    centers: np.ndarray, lengths: np.ndarray, owners: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Middles, offsets and lengths, as of `Rows`, of bars with these colours (`owners`) that stand in groups, one of
    each colour in each; None if they don't."""
    counts = np.bincount(owners)
    if len(counts) < 2 or counts.min() < 2 or np.ptp(counts):
        return None
    places = centers.reshape(len(counts), -1)[:, ::-1]
    middles, steps = places.mean(axis=0), np.diff(places)
    step = -np.median(steps)
    offsets = (middles - places) / step
    off = np.ptp(offsets, axis=1).max()
    if off > OFF_PLACE or np.ptp(offsets.mean(axis=1)) >= 1 or np.abs(steps + step).max() > OFF_PLACE * step:
        return None
    return middles, offsets.mean(axis=1), lengths.reshape(places.shape)[:, ::-1]


def _one_series(
    centers: np.ndarray, lengths: np.ndarray, owners: np.ndarray, height: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Middles, lengths and colours, as of `Rows`, of bars at even distances, of which some may have no length; None
    if they aren't."""
    order = np.argsort(-centers)
    steps = -np.diff(centers[order])
    if steps.min() < height:
        return None
    step = float(np.median(steps))
    slots = np.append(0, np.cumsum(np.round(steps / step))).astype(int)
    middles = np.polyval(np.polyfit(slots, centers[order], 1), np.arange(slots[-1] + 1))
    if np.abs(middles[slots] - centers[order]).max() > OFF_PLACE * step:
        return None
    every, colors = np.zeros((1, len(middles))), np.full(len(middles), owners[order[0]])
    every[0, slots], colors[slots] = lengths[order], owners[order]
    return middles, every, colors


def _scale(sheet: Sheet, base: float, lengths: np.ndarray) -> Scale:
    """That of the lower side; where no numbers are there, the longest bar is a whole."""
    if read := read_scale(sheet.target, sheet.box, "bottom"):
        return Scale(*read)
    slope = WHOLE / float(lengths.max())
    return Scale(-slope * base, slope)


def _table(sheet: Sheet, columns: list[str], values: np.ndarray, scale: Scale) -> str:
    """The statement that names the values of series, (S, bars), from below to above."""
    names = [string_literal(name) for name in sheet.words.names(values.shape[1])]
    literals = [value_literals(column, scale.span(sheet.box[2] - sheet.box[0])) for column in values]
    return table_of({"categories": names, **dict(zip(columns, literals))})


def _height(height: float, middles: np.ndarray) -> str:
    """The keyword for how high bars are, if that is not the usual share of the distance of their middles."""
    share = height / abs(float(np.median(np.diff(middles))))
    return "" if abs(share - USUAL) < SAME_HEIGHT else f"height={round(20 * share) / 20:g}, "


def _axes(sheet: Sheet, scale: Scale, middles: np.ndarray) -> list[str]:
    """The statements for ticks and limits of the axes; `middles`: of bars or groups, from below to above."""
    (left, top, right, bottom), places = sheet.box, np.arange(len(middles))
    slope, start = np.polyfit(middles, places, 1)
    ticked = len(readout.find_ticks(sheet.target, sheet.box, "bottom")) > 0 or "ax.set_xticks([])" in sheet.frame
    limits = [scale.limits("ax", "x", left, right), Scale(start, slope).limits("ax", "y", bottom, top)]
    return [*([] if ticked else ["ax.set_xticks([])"]), *limits]

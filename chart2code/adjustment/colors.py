"""Which colour of the target belongs to which series, and what the program has to say for it."""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from chart2code import readout
from chart2code.adjustment.reading import Reading
from chart2code.drawing import Series, color_literal
from chart2code.program import number

SAME_COLOR = 14  # of 255
LARGE, MOSTLY = 1000, 0.8  # pixels of a colour, and which share of them are areas: that of no line
SHARED = 600  # price of a colour that another series has: more than any distance
DARK = 90  # of 255: grids and frames are lighter
GREY = 30  # of 255: less chroma than this, and it may be grid or text
INKY = 120  # of 255: text and its mixtures with colours


def any_color(
    pixels: np.ndarray, colors: Sequence[np.ndarray], paper: Sequence[float], box: readout.Box
) -> np.ndarray:
    covers = [readout.coverage_inside(pixels, color, paper, box, 2) for color in colors]
    return np.max(covers, axis=0) if covers else np.zeros(pixels.shape[:2], np.float32)


def bar_color(pixels: np.ndarray, bar: readout.Bar) -> np.ndarray:
    rows = slice(int(bar.start) + 1, max(int(bar.start) + 2, int(bar.end) - 1))
    columns = slice(int(bar.center - bar.width / 4), int(bar.center + bar.width / 4) + 1)
    return np.median(pixels[rows, columns].reshape(-1, 3), axis=0)


def match_colors(
    series: list[Series], target: np.ndarray, box: readout.Box, paper: tuple[int, ...] | None = None
) -> list[np.ndarray]:
    """
    The colours of the target that are those of the series, its own where there is none. `paper`: where areas have
    paler colours than their series, on this paper; those are not of a series.
    """
    greys = any(np.ptp(s.color) < 40 for s in series)
    palette = list(readout.find_colors(target, box, greys)[:12])
    said = {color_literal(s.color) for s in series}
    if not greys or len(said) < len(series):  # rather not what may be grid or text; a colour said twice is a guess
        strong = [np.ptp(color) >= GREY for color, _ in palette]
        if greys and sum(strong) < len(series):
            near = [any(np.abs(color - s.color).max() < GREY for s in series) for color, _ in palette]
            palette = [entry for entry, *kept in zip(palette, strong, near) if any(kept)] or palette
        elif sum(strong) >= len(series):
            palette = [entry for entry, kept in zip(palette, strong) if kept]
    if len(palette) < len(said):  # one may be black
        dark = [entry for entry in readout.find_colors(target, box, True) if entry[0].max() < DARK]
        palette += [(c, n) for c, n in dark if all(np.abs(c - other).max() > SAME_COLOR for other, _ in palette)]
    if paper is not None:
        inks = [color for color, _ in palette]
        washes = [any(readout.wash_of(color, ink, paper) for ink in inks) for color in inks]
        palette = [entry for entry, washed in zip(palette, washes) if not washed] or palette
    if not palette:
        return [s.color for s in series]
    # Each colour once, and again at a price: two series may share one.
    options = [*palette, *palette]
    areas = 2 * [n > LARGE and readout.area_of(target, color, box).sum() > MOSTLY * n for color, n in palette]
    cost = np.empty((len(series), len(options)))
    for i, s in enumerate(series):
        for j, (other, amount) in enumerate(options):
            cost[i, j] = _distance(s.color, other) - 12 * math.log10(amount) + (SHARED if j >= len(palette) else 0)
            cost[i, j] += SHARED if areas[j] and s.kind == "plot" else 0
    rows, columns = linear_sum_assignment(cost)
    partner = {int(r): options[c][0] for r, c in zip(rows, columns)}
    return [partner.get(i, s.color) for i, s in enumerate(series)]


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    """Of two colours, 0 to 255 and more: hue counts more than lightness."""
    difference = np.asarray(one, float) - np.asarray(other, float)
    return float(np.linalg.norm(difference - difference.mean()) * 1.2 + abs(difference.mean()) * 0.8)


def write_colors(reading: Reading, series: list[Series], seen: list[np.ndarray]) -> None:
    program = reading.drawing.program
    lists: dict[int, list[str]] = {}
    for s, color in zip(series, seen):
        if np.abs(s.color - color).max() < SAME_COLOR:
            continue
        alpha = number(s.call.keyword("alpha")) or 1.0
        if (255 + (color - 255) / alpha).min() < -SAME_COLOR and s.kind != "stackplot":  # too strong to be transparent
            reading.changes.append(program.set_keyword(s.call.node, "alpha", None))
            alpha = 1.0
        text = color_literal(np.clip(255 + (color - 255) / alpha, 0, 255))
        if s.kind == "stackplot":
            lists.setdefault(id(s.call), [color_literal(np.clip(255 + (c - 255) / alpha, 0, 255)) for c in seen])
            change = program.set_keyword(s.call.node, "colors", f"[{', '.join(lists[id(s.call)])}]")
        elif isinstance(s.call.keyword("color"), ast.List):
            continue
        else:
            change = program.set_keyword(s.call.node, "color", text)
        reading.changes.append(change)
        for call in program.calls:  # an area below its line
            if call.method == "fill_between" and call.values == (s.column,):
                reading.changes.append(program.set_keyword(call.node, "color", text))


def write_opacities(
    reading: Reading, series: list[Series], seen: list[np.ndarray], palette: list[tuple], paper: Sequence[float]
) -> None:
    """Writes how opaque the areas below lines are, by the colours of the lines that were seen."""
    program = reading.drawing.program
    for call in program.calls:
        inks = [ink for s, ink in zip(series, seen) if call.values == (s.column,)]
        if call.method == "fill_between" and inks:
            shares = [share for color, _ in palette if (share := readout.wash_of(color, inks[0], paper))]
            if shares and abs(shares[0] - (number(call.keyword("alpha")) or 1.0)) > 0.04:
                alpha = f"{round(20 * shares[0]) / 20:g}"
                reading.changes.append(program.set_keyword(call.node, "alpha", alpha))

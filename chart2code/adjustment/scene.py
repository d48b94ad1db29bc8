"""The series of a drawing and the colours of the target, matched: what all measuring of axes begins with."""

from __future__ import annotations

import ast
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chart2code import readout
from chart2code.adjustment.colors import INKY, SAME_COLOR, any_color, match_colors
from chart2code.drawing import Drawing, Series, rgb

WASH = 0.6  # opacity that areas below lines don't have
FILLED = ("bar", "barh", "stackplot")


@dataclass
class Scene:
    """The axes of the target, and where the colours of a drawing's series are: there (`covers`) and in it (`own`)."""

    box: readout.Box
    paper: tuple[int, ...]
    washed: bool  # whether areas have paler colours than the lines above them
    colors: list[np.ndarray]
    covers: list[np.ndarray]
    own: list[np.ndarray]

    shared: bool = False  # whether lines have a colour in common: by that these can't be told apart

    @classmethod
    def of(cls, drawing: Drawing, target: np.ndarray, order: int = 0) -> Scene | None:
        """`order`: which permutation of the colours the series get; None if there isn't such a one."""
        series = drawing.series
        box = readout.find_box(target, drawing.box) or drawing.box
        paper = readout.paper_of(target, box)
        washed = any(call.method == "fill_between" for call in drawing.program.calls)
        seen = match_colors(series, target, box, paper if washed else None)
        if order:
            if len(series) > 3 or order >= math.factorial(len(series)):
                return None
            seen = [seen[k] for k in list(itertools.permutations(range(len(series))))[order]]
        covers = readout.coverages(target, seen, paper, box)
        own_paper = readout.paper_of(drawing.pixels, drawing.box)
        own = readout.coverages(drawing.pixels, [s.color for s in series], own_paper, drawing.box)
        colored = next((i for i, s in enumerate(series) if isinstance(s.call.keyword("color"), ast.List)), None)
        if colored is not None:
            palette = [color for color, _ in readout.find_colors(target, box, greys=True)]
            inks = [rgb(e.value) for e in series[colored].call.keyword("color").elts if isinstance(e, ast.Constant)]
            inks = [ink for ink in inks if ink is not None]
            covers[colored] = any_color(target, palette, paper, box)
            own[colored] = any_color(drawing.pixels, inks, own_paper, drawing.box)
        covers = _filled(series, covers, target, seen, paper, box)
        own = _filled(series, own, drawing.pixels, [s.color for s in series], own_paper, drawing.box)
        if washed:  # an area below a line is a thin cover of the line's colour
            covers, own = ([np.where(cover < WASH, 0, cover) for cover in part] for part in (covers, own))
        for k, dots in enumerate(series):
            if dots.kind == "scatter" and seen[k].max() < INKY:
                parts = [readout.without_letters(cover[k]) for cover in (covers, own)]
                if all(part is not None for part in parts):
                    covers[k], own[k] = parts
        for (i, dots), (j, line) in itertools.product(enumerate(series), repeat=2):
            if (dots.kind, line.kind) == ("scatter", "plot") and np.abs(seen[i] - seen[j]).max() < SAME_COLOR:
                (covers[i], covers[j]), (own[i], own[j]) = map(readout.dots_and_lines, (covers[i], own[i]))
        lines = [color for s, color in zip(series, seen) if s.kind == "plot"]
        shared = any(np.abs(one - other).max() < SAME_COLOR for one, other in itertools.combinations(lines, 2))
        return cls(box, paper, washed, seen, covers, own, shared)


def _filled(
    series: list[Series],
    covers: list[np.ndarray],
    pixels: np.ndarray,
    colors: list[np.ndarray],
    paper: Sequence[float],
    box: readout.Box,
) -> list[np.ndarray]:
    """The coverages without a legend, but with what of bars and areas shows through it."""
    hidden = [
        readout.below_legend(pixels, color, paper) if s.kind in FILLED else False for s, color in zip(series, colors)
    ]
    return [np.where(mask, 1, cover) for mask, cover in zip(hidden, readout.without_legend(covers, pixels, box))]

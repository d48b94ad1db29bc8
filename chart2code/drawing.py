"""A program with what it draws: its series, their marks and colours, on the common canvas."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from matplotlib.colors import CSS4_COLORS, TABLEAU_COLORS, is_color_like, to_rgb

from chart2code import readout
from chart2code.detail import canvas_of
from chart2code.program import PlotCall, Program, number, string_literal
from eval_metric.executor import ExecutionResult
from eval_metric.similarity import CANVAS

SAME, SAME_INK = (1.0, 5.0), 0.05  # of 255: differences of colours that nobody sees; of what a pale one has of ink
MEASURED = 5.0  # pixels of the canvas, between where axes are and where they are seen


class Drawing:
    """A program with what it draws, on the common canvas."""

    def __init__(self, code: str, result: ExecutionResult):
        self.code, self.result = code, result
        height, width = result.image.shape[:2]
        side = max(height, width)
        self.scale = CANVAS / side
        self._offset = (side - width) / 2 * self.scale, (side - height) / 2 * self.scale
        self.pixels = canvas_of(result.image)

    @cached_property
    def program(self) -> Program:
        return Program(self.code)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Figure pixels to canvas pixels (the middle of the first pixel is 0)."""
        return x * self.scale + self._offset[0] - 0.5, y * self.scale + self._offset[1] - 0.5

    @property
    def sides(self) -> tuple[float, float]:
        """Width and height of the figure on the canvas."""
        height, width = self.result.image.shape[:2]
        return width * self.scale, height * self.scale

    @cached_property
    def boxes(self) -> list[readout.Box]:
        axes = (self.result.facts or {}).get("axes", [])
        return [(*self.place(box[0] + 0.5, box[1] + 0.5), *self.place(box[2] - 0.5, box[3] - 0.5)) for _, box in axes]

    @cached_property
    def box(self) -> readout.Box | None:
        """Of the first axes, by its spines if it has any: as a chart's are measured."""
        if not self.boxes:
            return None
        found = readout.find_box(self.pixels, self.boxes[0])
        near = found is not None and np.abs(np.subtract(found, self.boxes[0])).max() < MEASURED
        return found if near else self.boxes[0]

    @cached_property
    def series(self) -> list[Series]:
        return _link(self)


@dataclass
class Series:
    """A column of values with the call that draws it, the places of its marks (N, 2) or None, and its colour."""

    call: PlotCall
    column: str
    axes: int
    index: int  # among the columns of its call
    values: list[float]
    color: np.ndarray
    marks: np.ndarray | None = None

    @property
    def kind(self) -> str:
        return {"errorbar": "plot"}.get(self.call.method, self.call.method)


CYCLE = ("1f77b4", "ff7f0e", "2ca02c", "d62728", "9467bd", "8c564b", "e377c2", "7f7f7f", "bcbd22", "17becf")


def rgb(color: str) -> np.ndarray | None:
    return np.array(to_rgb(color)) * 255 if is_color_like(color) else None


def _link(drawing: Drawing) -> list[Series]:
    """The columns of values of a program, with the marks that the executor has traced (in matplotlib's order)."""
    program, found = drawing.program, []
    names = list(dict.fromkeys(call.axes for call in program.calls))
    cycles: dict[tuple[str, str], int] = {}
    for call in program.calls:
        if call.method == "fill_between" or call.method in ("scatter", "errorbar") and _is_measured(call):
            continue
        for index, column in enumerate(call.values):
            values = program.literals(column)
            if values is None:
                continue
            color = literal_color(call, index)
            if color is None:
                cycle = call.axes, "line" if call.method in ("plot", "errorbar", "stackplot") else "patch"
                color = rgb("#" + CYCLE[cycles.get(cycle, 0) % 10])
                cycles[cycle] = cycles.get(cycle, 0) + 1
            alpha = number(call.keyword("alpha"))
            if alpha is not None:
                color = 255 + (color - 255) * alpha
            found.append(Series(call, column, names.index(call.axes), index, values, color))
    marks = [drawing.place(*mark[:2]) for mark in (drawing.result.labels or {}).get("marks") or []]
    order = {"bar": 0, "barh": 0, "plot": 1, "scatter": 2, "pie": 3}
    drawn = sorted((s for s in found if s.kind in order), key=lambda s: (s.axes, order[s.kind]))
    if sum(len(s.values) for s in drawn) == len(marks):
        start = 0
        for series in drawn:
            series.marks = np.array(marks[start : start + len(series.values)])
            start += len(series.values)
    return found


def _is_measured(call: PlotCall) -> bool:
    """Whether points are of many colours, or sizes, or have edges or error bars: such are written with all that is
    seen of them."""
    columns = call.keyword("c"), call.keyword("s"), call.keyword("color")
    edged = call.keyword("linewidths") or call.keyword("fmt")
    return edged is not None or any(isinstance(node, ast.Name) for node in columns)


def literal_color(call: PlotCall, index: int) -> np.ndarray | None:
    """The colour that a call gives to its column, if it says so by a literal."""
    node = call.keyword("color") or call.keyword("c") or call.keyword("colors")
    if isinstance(node, ast.List) and node.elts:
        node = node.elts[index % len(node.elts)]
    return rgb(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def color_literal(color: np.ndarray, error: float | None = None) -> str:
    """A colour as programs write it: a name if one is within `error` (of 255) of it, else hex; by default within what
    is not seen, which is less of pale colours."""
    if error is None:
        error = float(np.clip(SAME_INK * (255 - np.min(color)), *SAME))
    names = [*TABLEAU_COLORS.items(), *CSS4_COLORS.items()]
    distances = [np.abs(np.array(to_rgb(code)) * 255 - color).max() for _, code in names]
    best = int(np.argmin(distances))
    if distances[best] <= error:
        return string_literal(names[best][0])
    return string_literal("#" + "".join(f"{int(np.clip(round(v), 0, 255)):02x}" for v in color))

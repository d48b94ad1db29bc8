"""The axes of a drawing and those of the target: places of the one in the other, scales and limits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chart2code import readout
from chart2code.adjustment.reading import Reading
from chart2code.drawing import Drawing, Series
from chart2code.program import Program, brief, number
from chart2code.scales import Scale
from chart2code.tick_labels import read_scale
from eval_metric.similarity import CANVAS

NICE_STEPS = (1.0, 2.0, 2.5, 5.0)  # of matplotlib's ticks


def logarithmic(drawing: Drawing, target: np.ndarray) -> str | None:
    """
    The program with logarithmic axes where those of the target are, and what its marks are worth there; None if they
    aren't. The drawing's axes are straight, and its marks where those of the target are.
    """
    program, series = drawing.program, [s for s in drawing.series if s.axes == 0]
    box = readout.find_box(target, drawing.box) if drawing.box else None
    if box is None or not series or is_logarithmic(program) or any(s.marks is None for s in series):
        return None
    frame, columns, changes = Frame(box, drawing.box, False), {}, []
    axes = series[0].call.axes
    lying = any(s.kind == "barh" for s in series)
    columns_of = {"x": [s.column if lying else s.call.x for s in series]}
    columns_of["y"] = [s.call.x if lying else s.column for s in series]
    for (axis, names), side in zip(columns_of.items(), ("bottom", "left")):
        scale = Scale.of(target, box, side)
        if scale is None or not scale.logarithmic:
            continue
        for name, s in zip(names, series):
            if program.literals(name) is None or len(program.literals(name)) != len(s.marks):
                return None
            places = frame.from_own_x(s.marks[:, 0]) if axis == "x" else frame.from_own_y(s.marks[:, 1])
            columns[name] = scale.literals(places, CANVAS)
        texts = [f'plt.{axis}scale("log")'] if axes == "plt" else scale.kind(axes, axis)
        changes += map(program.add_statement, texts)
        for method in (f"set_{axis}lim", f"set_{axis}ticks"):
            changes += [change for call in program.statement_calls(method) if (change := program.drop_statement(call))]
    return program.changed([*program.write_columns(columns), *changes]) if changes else None


def is_logarithmic(program: Program, axes: str = "xy") -> bool:
    return any(program.statement_calls(prefix + axis + "scale") for prefix in ("set_", "") for axis in axes)


@dataclass
class Frame:
    """The axes of the target and of the drawing: what is where in the one is where in the other."""

    box: readout.Box
    own: readout.Box
    horizontal: bool

    @property
    def turned(self) -> Frame:
        """With x and y exchanged."""
        box, own = ((top, left, bottom, right) for left, top, right, bottom in (self.box, self.own))
        return Frame(box, own, not self.horizontal)

    @property
    def upright(self) -> Frame:
        """As it is in the picture."""
        return self.turned if self.horizontal else self

    @property
    def ratio_y(self) -> float:
        return (self.own[3] - self.own[1]) / (self.box[3] - self.box[1])

    def to_own_x(self, x: np.ndarray) -> np.ndarray:
        return self.own[0] + (x - self.box[0]) * (self.own[2] - self.own[0]) / (self.box[2] - self.box[0])

    def to_own_y(self, y: np.ndarray) -> np.ndarray:
        return self.own[1] + (y - self.box[1]) * self.ratio_y

    def from_own_y(self, y: np.ndarray) -> np.ndarray:
        return self.box[1] + (y - self.own[1]) / self.ratio_y

    def from_own_x(self, x: np.ndarray) -> np.ndarray:
        return self.box[0] + (x - self.own[0]) * (self.box[2] - self.box[0]) / (self.own[2] - self.own[0])


def value_fit(marks: np.ndarray | None, values: Sequence[float], axis: int) -> Scale | None:
    """How pixels become values, by marks of known values."""
    if marks is None or len(marks) != len(values) or len(values) < 2:
        return None
    if np.ptp(values) == 0 or np.ptp(marks[:, axis]) < 2:  # nothing to go by: some scale that the next rendering mends
        slope = (abs(values[0]) or 1.0) / CANVAS * (1 if axis == 0 else -1)
        return Scale(values[0] - slope * marks[0, axis], slope)
    slope, start = np.polyfit(marks[:, axis], values, 1)
    error = np.abs(start + slope * marks[:, axis] - values).max()
    return Scale(start, slope) if error < 0.02 * np.ptp(values) else None


def write_tick_places(reading: Reading, column: str | None, ticks: np.ndarray, box: readout.Box) -> None:
    """Writes the numbers at the ticks into the column of numbers that they are the places of."""
    read = read_scale(reading.target, box, "bottom")
    if read is None or reading.drawing.program.literals(column) is None or column.startswith("@"):
        return
    places = read[0] + read[1] * ticks
    step = np.diff(places).mean()
    reading.columns[column] = [brief(place, 0.03 * abs(step)) for place in places]


def axes_fit(drawing: Drawing, series: list[Series], axes: int, frame: Frame) -> Scale | None:
    """How pixels along the value axis become values, by all marks of the axes; None if it isn't linear."""
    if is_logarithmic(drawing.program, "x" if frame.horizontal else "y"):
        return None
    places, values = [], []
    stacked = False
    for s in series:
        if s.axes == axes and s.kind in ("bar", "barh", "plot", "scatter") and s.marks is not None:
            if s.call.keyword("bottom") or s.call.keyword("left"):
                stacked = True
                continue
            places += [mark[0 if frame.horizontal else 1] for mark in s.marks]
            values += s.values
    if len(values) < 2 and not stacked:
        return None
    marks = np.array(places)[:, None]
    return value_fit(np.concatenate([marks, marks], axis=1), values, 1)


def tick_scale(reading: Reading, fit: Scale, frame: Frame, axes: int, anchored: bool) -> tuple[float, float]:
    """
    Factor and shift for values so that the ticks of the target stand at the numbers that are written there, or, where
    these can't be read, at round numbers. anchored: zero stays zero.
    """
    side = "bottom" if frame.horizontal else "right" if axes else "left"
    box = frame.upright.box
    ticks = readout.find_ticks(reading.target, box, side)
    if len(ticks) < 3:
        return 1.0, 0.0
    read = read_scale(reading.target, box, side)
    if read is not None and read[1] * fit.slope > 0:
        factor = read[1] / (fit.slope * frame.ratio_y)
        first = read[0] + read[1] * ticks[0]
        return factor, 0.0 if anchored else first - factor * float(fit(frame.to_own_y(ticks[0])))
    gaps = np.diff(ticks)
    gap = np.median(gaps)
    if np.abs(gaps - gap).max() > 0.06 * gap + 1.2:
        return 1.0, 0.0
    gap = (ticks[-1] - ticks[0]) / round((ticks[-1] - ticks[0]) / gap)
    step = fit.span(gap) * frame.ratio_y
    if not step > 0:
        return 1.0, 0.0
    power = 10.0 ** math.floor(math.log10(step))
    ends = fit(frame.to_own_y(np.array([frame.box[3], frame.box[1]])))
    steps = sorted(
        (float(f"{n * power * m:.6g}") for n in NICE_STEPS for m in (0.1, 1, 10)),
        key=lambda n: abs(math.log(n / step)),
    )
    # Matplotlib must come to this step itself; if it comes to none of them, somebody has set the ticks.
    nice = next((n for n in steps[:4] if _chosen_step(ends * n / step) == n), None)
    if nice is None:
        return 1.0, 0.0
    factor = nice / step
    if anchored:
        return factor, 0.0
    first = float(fit(frame.to_own_y(ticks[-1]))) * factor
    return factor, round(first / nice) * nice - first


def _chosen_step(limits: np.ndarray) -> float:
    """The step between the ticks that matplotlib chooses for an axis with these limits."""
    from matplotlib.ticker import MaxNLocator

    ticks = MaxNLocator(9, steps=[1, 2, 2.5, 5, 10]).tick_values(*sorted(limits))
    return float(f"{ticks[1] - ticks[0]:.6g}")


def scale_limits(reading: Reading, frame: Frame, factor: float, shift: float) -> None:
    """Writes limits that the program sets to the value axis: those of the target, or scaled as the values are."""
    axis, side = ("x", "bottom") if frame.horizontal else ("y", "left")
    read = read_scale(reading.target, frame.upright.box, side)
    for call in reading.drawing.program.statement_calls(f"set_{axis}lim"):
        limits = [number(node) for node in call.args]
        if len(limits) != 2 or None in limits:
            continue
        ends = [value * factor + shift for value in limits]
        if read is not None:
            ends = sorted((read[0] + read[1] * frame.box[k] for k in (1, 3)), reverse=limits[0] > limits[1])
        error = 0.004 * abs(ends[1] - ends[0])
        for node, value in zip(call.args, ends):
            reading.changes.append((reading.drawing.program.span(node), brief(value, error)))

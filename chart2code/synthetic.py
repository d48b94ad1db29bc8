"""Synthetic charts: a deterministic generator of matplotlib programs, and the data set that is rendered from them.

Five families in the proportions of Tab. II (its ratios add up to 98.3 %, so they are normalised here). A program is a
function of ``(seed, split, family)`` alone. What a program says can be read from its picture: no argument that changes
nothing, no default restated, one order of statements and one spelling of each, scatter points sorted by x, series in
legend or stacking order, and values rounded to about 1 % of their axis. So each token of a program is a question about
the picture, which matters to a small model that is trained from nothing.

Train, validation and test share no seed, no title phrase and no data row: phrases and rows belong to one split by
their SHA-256 (70/15/15), and the generator draws again until a phrase or a row is of its own split.

    python -m chart2code.synthetic --output data/synthetic --train 19000 --validation 600 --test 1500 --num_workers 2

These charts are plain: one font, one style, some 500 words. `--wide` gives a share of them other clothes (wide.py).
"""

import argparse
import hashlib
import json
import os
import random
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

from chart2code.dataset import LABELS, SPLIT_SHARES, SPLITS, on_canvas, png, write_shard
from chart2code.vocabulary import ADJECTIVES, COMMON_DIMENSIONS, DOMAINS, NUMERIC_DIMENSIONS, PAIRS, TIME_DIMENSIONS
from eval_metric.labels import WIDTHS

CHART_TYPES = ("bar", "line", "scatter", "pie", "complex")
RATIOS = {"bar": 31.3, "line": 26.8, "scatter": 17.9, "pie": 13.4, "complex": 8.9}  # Tab. II, per cent
VARIANTS = {
    "bar": {"basic": 0.34, "horizontal": 0.22, "grouped": 0.22, "stacked": 0.22},
    "line": {"single": 0.5, "multi": 0.5},
    "scatter": {"single": 0.6, "multi": 0.4},
    "pie": {"pie": 0.55, "donut": 0.25, "exploded": 0.2},
    "complex": {
        "bar_line": 0.22,
        "dual_axis": 0.18,
        "stacked_area": 0.2,
        "area": 0.14,
        "error_bars": 0.13,
        "scatter_line": 0.13,
    },
}
FIRST_SEED = {"train": 0, "validation": 1_000_000_000, "test": 2_000_000_000}
SHARD_SIZE = 1000

FIGSIZES = ((6, 6), (6, 4), (7, 5), (5, 6))
DEFAULT_FIGSIZE = (6.4, 4.8)
DEFAULT_CYCLE = tuple(f"tab:{name}" for name in "blue orange green red purple brown pink gray olive cyan".split())
# Colours that can be told apart: CIELAB distances of 8.5 and more.
NAMED_COLORS = (
    "steelblue", "skyblue", "navy", "teal", "seagreen", "lightgreen", "gold", "crimson", "salmon", "orchid", "indigo",
    "slategray", "black", "royalblue", "turquoise", "plum", "khaki", "darkgreen", "hotpink", "orange", "limegreen",
    "firebrick", "silver", "mediumpurple", "chocolate", "maroon", "tan",
)  # fmt: skip
PALE_COLORS = ("skyblue", "lightgreen", "khaki", "silver", "plum", "tan", "gold")  # too faint for thin lines
DARK_COLORS = ("navy", "indigo", "black", "darkgreen", "maroon")  # text on them can't be read
HEX_PALETTES = (
    ("#4c72b0", "#dd8452", "#55a868", "#c44e52", "#8172b3"),
    ("#66c2a5", "#fc8d62", "#8da0cb", "#e78ac3", "#a6d854"),
    ("#264653", "#2a9d8f", "#e9c46a", "#f4a261", "#e76f51"),
    ("#3498db", "#e74c3c", "#2ecc71", "#9b59b6", "#f1c40f"),
)
MARKERS = ("o", "s", "^", "D", "v")
SERIES_NAMES = ("y1", "y2", "y3", "y4")


@dataclass(frozen=True)
class ChartProgram:
    """A matplotlib program (source text that draws one figure) and what it draws."""

    code: str
    chart_type: str
    variant: str


def split_of(text: str) -> str:
    """The split that a title phrase or a data row (as it is written in the program) belongs to."""
    position = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
    if position < SPLIT_SHARES["train"]:
        return "train"
    return "validation" if position < SPLIT_SHARES["train"] + SPLIT_SHARES["validation"] else "test"


class Draw:
    """Random choices made of ``random.Random(str).random()``, the one sequence that Python promises to keep."""

    def __init__(self, seed: str, split: str):
        self._random = random.Random(seed).random
        self.split = split

    def chance(self, probability: float) -> bool:
        return self._random() < probability

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * self._random()

    def integer(self, low: int, high: int) -> int:
        """An integer from low to high, both included."""
        return low + int(self._random() * (high - low + 1))

    def choice(self, items: Sequence[Any]) -> Any:
        return items[self.integer(0, len(items) - 1)]

    def weighted(self, weights: dict[Any, float]) -> Any:
        position = self._random() * sum(weights.values())
        *first, last = weights
        for item in first:
            position -= weights[item]
            if position < 0:
                return item
        return last

    def sample(self, items: Sequence[Any], count: int) -> list[Any]:
        pool = list(items)
        return [pool.pop(self.integer(0, len(pool) - 1)) for _ in range(count)]

    def run(self, items: Sequence[Any], count: int) -> list[Any]:
        """Neighbouring items, in their order."""
        start = self.integer(0, len(items) - count)
        return list(items[start : start + count])


def _string(text: str) -> str:
    return f'"{text}"'


def _list(items: Iterable[str]) -> str:
    return f"[{', '.join(items)}]"


def _strings(texts: Iterable[str]) -> str:
    return _list(map(_string, texts))


def _call(function: str, *arguments: str | None, **keywords: str | None) -> str:
    """Source of a call; arguments that are None are left out."""
    parts = [a for a in arguments if a is not None]
    parts += [f"{name}={value}" for name, value in keywords.items() if value is not None]
    return f"{function}({', '.join(parts)})"


def _number(mantissa: int, exponent: int) -> str:
    """mantissa * 10 ** exponent, with -exponent decimals if that is positive."""
    if exponent >= 0:
        return str(mantissa * 10**exponent)
    sign, digits = "-" if mantissa < 0 else "", f"{abs(mantissa):0{1 - exponent}d}"
    return f"{sign}{digits[:exponent]}.{digits[exponent:]}"


def _table(names: Iterable[str], *columns: Sequence[str]) -> str:
    """
    The statement that names the columns of a table. Its rows are what stands together in the picture, a category and
    its values or a point's x and y: a model reads them at one place, and columns can't differ in length.
    """
    rows = (f"({', '.join(row)})" for row in zip(*columns, strict=True))
    return f"{', '.join(names)} = zip(*{_list(rows)})"


def _own_row(draw: Draw, make_mantissas: Any, exponent: int) -> tuple[list[int], list[str]]:
    """Draws data rows until one is of the split: its mantissas, and its literals."""
    while True:
        mantissas = make_mantissas()
        row = [_number(m, exponent) for m in mantissas]
        if split_of(_list(row)) == draw.split:
            return mantissas, row


def _levels(draw: Draw, count: int, top: int, low: int) -> list[int]:
    """Mantissas of bars: free, rising, falling, or sorted; from low to top."""
    values = [draw.integer(low, top) for _ in range(count)]
    order = draw.weighted({"free": 0.7, "falling": 0.2, "rising": 0.1})
    return values if order == "free" else sorted(values, reverse=order == "falling")


def _walk(draw: Draw, count: int, top: int, low: int = 1) -> list[int]:
    """Mantissas of a line: a random walk with a trend, which turns round at low and top."""
    span = top - low
    value, trend = draw.uniform(low, top), draw.uniform(-0.15, 0.15) * span
    noise = draw.uniform(0.08, 0.4) * span
    values = []
    for _ in range(count):
        values.append(round(value))
        step = trend + draw.uniform(-noise, noise)
        if not low <= value + step <= top:
            step, trend = -step, -trend
        value = min(max(value + step, low), top)
    return values


@dataclass
class _Chart:
    """What all families share: words, size, colours, and the statements after the drawing itself."""

    draw: Draw
    figsize: tuple[float, float] = DEFAULT_FIGSIZE
    data: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    title: str | None = None
    labels: list[str] = field(default_factory=list)
    ticks: list[str] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)
    legend: list[str] = field(default_factory=list)
    frame: list[str] = field(default_factory=list)
    tight: bool = False
    axis: str = ""
    axis_row: list[str] = field(default_factory=list)
    tick_names: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        draw = self.draw
        if draw.chance(0.5):
            self.figsize = draw.choice(FIGSIZES)
        domain = DOMAINS[draw.choice(tuple(DOMAINS))]
        self.topic = draw.choice(domain["topics"])
        self.measures = draw.sample(tuple(domain["measures"].items()), 2)
        own = domain["dimensions"]
        self.dimensions = {**own, **COMMON_DIMENSIONS}
        name = draw.choice(tuple(own)) if draw.chance(0.6) else draw.choice(tuple(COMMON_DIMENSIONS))
        self.dimension, self.names = name, self.dimensions[name]
        self.label_size = draw.weighted({None: 0.85, "12": 0.15})
        # The exponent of the values: 0-1, 0-10, 0-100, 0-1000, thousands, ten thousands.
        self.exponent = draw.weighted({-2: 0.12, -1: 0.17, 0: 0.42, 1: 0.14, 2: 0.1, 3: 0.05})
        if self.measures[0][1] == "%":
            self.exponent = min(self.exponent, 0)

    @property
    def width(self) -> float:
        """Width of the axes in pixels at 100 dpi (without tight_layout)."""
        return self.figsize[0] * 77.5

    def limit_digits(self, series: int) -> None:
        """Three series of long numbers would make a long program."""
        if series > 2:
            self.exponent = min(self.exponent, 1)

    # Words

    def category_axis(self, low: int, high: int, time: float) -> list[str]:
        """Between low and high categories, of a time dimension with the given probability, else of the chart's own."""
        draw = self.draw
        if draw.chance(time):
            self.dimension = draw.choice(tuple(TIME_DIMENSIONS))
            items = TIME_DIMENSIONS[self.dimension]
            return draw.run(items, draw.integer(min(low, len(items)), min(high, len(items))))
        return draw.sample(self.names, draw.integer(min(low, len(self.names)), min(high, len(self.names))))

    def other_names(self, count: int) -> list[str]:
        """Series names of a dimension that isn't on the axis."""
        draw = self.draw
        while True:
            name = draw.choice(tuple(self.dimensions))
            if name != self.dimension and len(self.dimensions[name]) >= count:
                return draw.sample(self.dimensions[name], count)

    def measure_label(self, index: int = 0) -> str:
        name, unit = self.measures[index]
        return f"{name} ({unit})" if unit and self.draw.chance(0.7) else name

    def set_title(self, *kinds: str, probability: float = 0.92) -> None:
        """A title phrase of the split, composed by one of the kinds of phrases, at a size at which it fits."""
        draw = self.draw
        measure, other, dimension = self.measures[0][0], self.measures[1][0], self.dimension
        if not draw.chance(probability):
            return
        while True:
            adjective = draw.choice(ADJECTIVES)
            topic = self.topic
            phrase = {
                "by": f"{topic} {measure} by {dimension}",
                "plain": f"{adjective} {topic} {measure}",
                "full": f"{adjective} {topic} {measure} by {dimension}",
                "in": f"{topic} {measure} in {draw.choice(COMMON_DIMENSIONS['Country'])}",
                "year": f"{topic} {measure} in {draw.integer(2000, 2024)}",
                "versus": f"{topic} {measure} vs {other}",
                "adjective_versus": f"{adjective} {topic} {measure} vs {other}",
                "and": f"{topic} {measure} and {other} in {draw.choice(COMMON_DIMENSIONS['City'])}",
                "share": f"{topic} {measure} Share by {dimension}",
                "split": f"{adjective} {topic} Shares",
                "share_in": f"Share of {topic} {measure} in {draw.choice(COMMON_DIMENSIONS['Country'])}",
                "share_year": f"{dimension} Share of {topic} {measure} in {draw.integer(2000, 2024)}",
            }[draw.choice(kinds)]
            if split_of(phrase) == draw.split:
                break
        size = draw.weighted({None: 0.5, "14": 0.25, "16": 0.25})
        bold = draw.chance(0.15)
        room = self.figsize[0] * 95
        while size and len(phrase) * int(size) * (0.95 if bold else 0.85) > room:
            size = "14" if size == "16" else None
        self.title = _call(
            "ax.set_title", _string(phrase), fontsize=size, fontweight='"bold"' if bold else None,
            loc='"left"' if draw.chance(0.08) and len(phrase) < 36 else None,
        )  # fmt: skip

    def set_labels(self, x: str | None, y: str | None, probability: float = 0.88) -> None:
        for axis, text in (("x", x), ("y", y)):
            if text and self.draw.chance(probability):
                self.labels.append(_call(f"ax.set_{axis}label", _string(text), fontsize=self.label_size))

    # Colours

    def colors(self, count: int, default: float, thin: bool = False, text: bool = False) -> list[str] | None:
        """
        Colour literals for count marks, or None (with the probability `default`) for matplotlib's own cycle. None of
        them equals the colour that its mark would have had anyway. `thin`: for lines; `text`: text stands on them.
        """
        draw = self.draw
        if draw.chance(default):
            return None
        excluded = (PALE_COLORS if thin else ()) + (DARK_COLORS if text else ())
        named = [c for c in NAMED_COLORS if c not in excluded]
        while True:
            kind = draw.weighted({"named": 0.55, "tab": 0.2, "hex": 0.25})
            if kind == "named":
                colors = draw.sample(named, count)
            elif kind == "tab":
                colors = draw.sample(DEFAULT_CYCLE, count)
            else:
                palette = draw.choice(HEX_PALETTES)
                if count > len(palette) or (text and "#264653" in palette):
                    continue
                colors = list(palette[:count]) if count > 1 else [draw.choice(palette)]
            if all(color != own for color, own in zip(colors, DEFAULT_CYCLE)):
                return [_string(c) for c in colors]

    # The frame

    def rotate_if_crowded(self, names: Sequence[str], room: float | None = None) -> None:
        """Turns category labels that would touch each other, and a few that would not."""
        needed = max(len(n) for n in names) * 7.6 + 9
        if needed > (room or self.width) / len(names) or self.draw.chance(0.06):
            self.ticks.append(f'ax.tick_params(axis="x", rotation={self.draw.choice((45, 45, 90))})')
            self.tight = True

    def format_values(self, axis: str, rows: Sequence[Sequence[int]], probability: float = 0.3) -> None:
        """Per cent, dollars or thousands separators on the ticks of the value axis, where the measure has them."""
        unit = self.measures[0][1]
        # Below a range of 25 the ticks may have fractions, which these formats would round.
        if self.exponent >= 2:
            text = "${x:,.0f}" if unit.startswith("$") else "{x:,.0f}"
        elif self.exponent == 0 and unit[:1] in ("%", "$") and max(map(max, rows)) - min(map(min, rows)) >= 25:
            text = "{x:.0f}%" if unit == "%" else "${x:.0f}"
        else:
            return
        if self.draw.chance(probability):
            self.ticks.append(f"ax.{axis}axis.set_major_formatter({_string(text)})")

    def limit_values(self, axis: str, top: int, factor: float) -> None:
        """From 0 to a round number that is at least factor * top (a mantissa)."""
        step = next(s for s in (1, 2, 5, 10, 20, 50, 100) if s * 6 >= top * factor)
        limit = -int(-top * factor // step) * step
        self.limits.append(f"ax.set_{axis}lim(0, {_number(limit, self.exponent)})")

    def set_legend(self, count: int, top: int | None = None, outside: float = 0.15) -> None:
        """
        A legend where matplotlib finds room, beside the axes, or above the marks: the value axis then ends higher
        (top: the highest mantissa). A fixed place is one that matplotlib would not have chosen, so that it shows.
        """
        draw = self.draw
        place = draw.weighted({"best": 0.7, "outside": outside, "above": 0.15 if top else 0.0})
        ncol, location, anchor = None, None, None
        if place == "outside":
            location, anchor, self.tight = '"upper left"', "(1, 1)", True
        elif place == "above":
            self.limit_values("y", top, 1.3)
            location = draw.choice(('"upper left"', '"upper center"'))
            ncol = str(count) if location == '"upper center"' else None
        self.legend.append(
            _call(
                "ax.legend",
                loc=location,
                bbox_to_anchor=anchor,
                ncol=ncol,
                fontsize=draw.weighted({None: 0.85, "8": 0.15}),
                frameon="False" if draw.chance(0.18) else None,
            )  # fmt: skip
        )

    def set_frame(self, axis: str | None = None, below: bool = False) -> None:
        """Grid, spines and background. axis: the value axis, where a grid of one direction makes sense."""
        draw = self.draw
        if draw.chance(0.45):
            one = _string(axis) if axis and draw.chance(0.7) else None
            style = draw.weighted({(None, None): 0.5, ('"--"', None): 0.2, ('"--"', "0.5"): 0.15, (None, "0.3"): 0.15})
            self.frame.append(_call("ax.grid", axis=one, linestyle=style[0], alpha=style[1]))
            if below and draw.chance(0.5):
                self.frame.append("ax.set_axisbelow(True)")
        if draw.chance(0.15):
            self.frame.append('ax.spines[["top", "right"]].set_visible(False)')
        if draw.chance(0.05):
            self.frame.append(f"ax.set_facecolor({_string(draw.choice(('#eaeaf2', 'lightyellow', 'lavender')))})")

    def _cut(self) -> bool:
        """Whether matplotlib's default margins would cut axis labels."""
        labels, ticks = "".join(self.labels), "".join(self.ticks)
        characters = {-2: 4, -1: 3, 0: 3, 1: 4, 2: 5, 3: 6}[self.exponent]
        characters += ("yaxis" in ticks) + ("-" in "".join(self.data)) + bool(self.label_size)
        left = "set_ylabel" in labels and 32 + 8.8 * characters > self.figsize[0] * 12.5
        return left or ("set_xlabel" in labels and self.figsize[1] == 4 and bool(self.label_size))

    def code(self) -> str:
        size = None if self.figsize == DEFAULT_FIGSIZE else f"({self.figsize[0]}, {self.figsize[1]})"
        lines = ["import matplotlib.pyplot as plt", "", _call("fig, ax = plt.subplots", figsize=size)]
        lines += self.data + self.marks + ([self.title] if self.title else []) + self.labels
        lines += self.ticks + self.limits + self.legend + self.frame
        if self.tight or self._cut() or self.draw.chance(0.12):
            lines.append("fig.tight_layout()")
        return "\n".join(lines) + "\n"


# Bars


def _bar_basic(chart: _Chart, horizontal: bool = False) -> None:
    draw = chart.draw
    names = chart.category_axis(3, 8, time=0.0 if horizontal else 0.3)
    negative = draw.chance(0.08)
    top = draw.integer(20, 99)
    low = -top // 2 if negative else max(1, top // 12)
    values, row = _own_row(draw, lambda: _levels(draw, len(names), top, low), chart.exponent)
    negative = min(values) < 0
    chart.data = [_table(("categories", "values"), map(_string, names), row)]
    many = draw.chance(0.15)
    colors = chart.colors(len(names) if many else 1, default=0.15)
    color = None if colors is None else _list(colors) if many else colors[0]
    edge = draw.weighted({None: 0.75, '"black"': 0.25}) if color != '"black"' else None
    hatch = draw.weighted({None: 0.95, '"//"': 0.05}) if edge else None
    thickness = draw.weighted({None: 0.55, "0.5": 0.25, "0.6": 0.2})
    numbered = not negative and draw.chance(0.18)
    function, axis = ("ax.barh", "x") if horizontal else ("ax.bar", "y")
    call = _call(
        function, "categories", "values", **{"height" if horizontal else "width": thickness}, color=color,
        edgecolor=edge, hatch=hatch,
    )  # fmt: skip
    chart.marks = [f"bars = {call}", "ax.bar_label(bars)"] if numbered else [call]
    if negative:
        zero = "axvline" if horizontal else "axhline"
        chart.marks.append(f'ax.{zero}(0, color="black", linewidth=1)')
    chart.set_title("by", "plain", "full", "in", "year")
    if horizontal:
        chart.set_labels(chart.measure_label(), chart.dimension)
        chart.tight = True
        if draw.chance(0.2):
            chart.ticks.append("ax.invert_yaxis()")
    else:
        chart.set_labels(chart.dimension, chart.measure_label())
        chart.rotate_if_crowded(names)
    chart.format_values(axis, [[0], values])
    if not negative and draw.chance(0.12):
        chart.limit_values(axis, max(values), 1.15)
    chart.set_frame(axis, below=True)


def _bar_horizontal(chart: _Chart) -> None:
    _bar_basic(chart, horizontal=True)


def _bar_grouped(chart: _Chart) -> None:
    draw = chart.draw
    series = draw.weighted({2: 0.65, 3: 0.35})
    names = chart.category_axis(3, 6 if series == 2 else 4, time=0.3)
    legends = chart.other_names(series)
    chart.limit_digits(series)
    top = draw.integer(20, 99)
    rows = [
        _own_row(draw, lambda: _levels(draw, len(names), top, max(1, top // 10)), chart.exponent)
        for _ in range(series)
    ]
    columns = ("categories", *SERIES_NAMES[:series])
    chart.data = [_table(columns, map(_string, names), *(row for _, row in rows))]
    chart.data.append(f"x = range({len(names)})")
    width = draw.choice(("0.4", "0.35", "0.3")) if series == 2 else draw.choice(("0.25", "0.2"))
    half = {"0.4": "0.2", "0.35": "0.175", "0.3": "0.15"}.get(width, width)
    places = [f"[i - {half} for i in x]", f"[i + {half} for i in x]"]
    if series == 3:
        places.insert(1, "x")
    colors = chart.colors(series, default=0.35) or [None] * series
    edge = draw.weighted({None: 0.85, '"black"': 0.15}) if '"black"' not in colors else None
    for place, name, color, label in zip(places, SERIES_NAMES, colors, legends):
        chart.marks.append(
            _call("ax.bar", place, name, width=width, color=color, edgecolor=edge, label=_string(label))
        )
    chart.set_title("by", "plain", "full", "in", "year")
    chart.set_labels(chart.dimension, chart.measure_label())
    chart.ticks.append("ax.set_xticks(x, categories)")
    chart.set_legend(series, max(max(values) for values, _ in rows))
    chart.rotate_if_crowded(names, chart.width - (100 if "bbox" in chart.legend[0] else 0))
    chart.format_values("y", [[0], *(values for values, _ in rows)])
    chart.set_frame("y", below=True)


def _bar_stacked(chart: _Chart) -> None:
    draw = chart.draw
    series = draw.weighted({2: 0.6, 3: 0.4})
    names = chart.category_axis(3, 6 if series == 2 else 5, time=0.3)
    legends = chart.other_names(series)
    chart.limit_digits(series)
    top = draw.integer(20, 99 // series)
    rows = [
        _own_row(draw, lambda: _levels(draw, len(names), top, max(2, top // 6)), chart.exponent) for _ in range(series)
    ]
    columns = ("categories", *SERIES_NAMES[:series])
    chart.data = [_table(columns, map(_string, names), *(row for _, row in rows))]
    bottoms = [None, "y1", "[a + b for a, b in zip(y1, y2)]"]
    colors = chart.colors(series, default=0.35) or [None] * series
    edge = draw.weighted({None: 0.85, '"black"': 0.15}) if '"black"' not in colors else None
    width = draw.weighted({None: 0.6, "0.5": 0.2, "0.6": 0.2})
    for name, bottom, color, label in zip(SERIES_NAMES, bottoms, colors, legends):
        chart.marks.append(
            _call(
                "ax.bar",
                "categories",
                name,
                width=width,
                bottom=bottom,
                color=color,
                edgecolor=edge,
                label=_string(label),
            )  # fmt: skip
        )
    chart.set_title("by", "plain", "full", "in", "year")
    chart.set_labels(chart.dimension, chart.measure_label())
    chart.set_legend(series, max(map(sum, zip(*(values for values, _ in rows)))))
    chart.rotate_if_crowded(names, chart.width - (100 if "bbox" in chart.legend[0] else 0))
    chart.format_values("y", [[0], *(values for values, _ in rows)])
    chart.set_frame("y", below=True)


# Lines


def _ordered_axis(chart: _Chart, low: int, high: int) -> int:
    """
    An ordered horizontal axis: numbers (each gets a tick) or neighbouring names. Sets chart.axis to its variable's
    name, chart.axis_row to its literals and chart.tick_names to what stands on it, and returns its length.
    """
    draw = chart.draw
    count = draw.integer(low, high)
    if draw.chance(0.5):
        chart.dimension = draw.weighted({n: 0.5 if n == "Year" else 0.5 / 6 for n in NUMERIC_DIMENSIONS})
        first, last, steps = NUMERIC_DIMENSIONS[chart.dimension]
        step = draw.choice([s for s in steps if s * (count - 1) <= last - first])
        chart.axis = "years" if chart.dimension == "Year" else "x"
        start = first + step * draw.integer(0, (last - first) // step - count + 1)
        chart.ticks.append(f"ax.set_xticks({chart.axis})")
        chart.axis_row = chart.tick_names = [str(start + step * i) for i in range(count)]
    else:
        kind = draw.weighted({"Month": 0.6, "Day": 0.25, "Quarter": 0.15})
        chart.dimension = kind
        items = TIME_DIMENSIONS[kind]
        count = min(count, len(items))
        chart.axis = {"Month": "months", "Day": "days", "Quarter": "quarters"}[kind]
        chart.tick_names = draw.run(items, count)
        chart.axis_row = list(map(_string, chart.tick_names))
    return count


def _line_style(draw: Draw) -> tuple[str | None, str | None, str | None]:
    """Marker, line style and line width of a line."""
    marker = draw.weighted({None: 0.35, '"o"': 0.3, '"s"': 0.13, '"^"': 0.1, '"D"': 0.07, '"v"': 0.05})
    style = draw.weighted({None: 0.7, '"--"': 0.16, '":"': 0.07, '"-."': 0.07})
    return marker, style, draw.weighted({None: 0.7, "3": 0.3})


def _line_rows(chart: _Chart, series: int, count: int) -> list[tuple[list[int], list[str]]]:
    """Rows of lines: all from one range, which starts near zero, far above, or (rarely) below zero."""
    draw = chart.draw
    top = draw.integer(25, 99)
    kind = draw.weighted({"zero": 0.6, "high": 0.32, "negative": 0.08})
    low = {"zero": 1, "high": top - min(top - 2, draw.integer(18, 45)), "negative": -top // 3}[kind]
    return [_own_row(draw, lambda: _walk(draw, count, top, low), chart.exponent) for _ in range(series)]


def _line_single(chart: _Chart) -> None:
    draw = chart.draw
    count = _ordered_axis(chart, 5, 10)
    ((values, row),) = _line_rows(chart, 1, count)
    chart.data = [_table((chart.axis, "values"), chart.axis_row, row)]
    colors = chart.colors(1, default=0.25, thin=True) or [None]
    marker, style, width = _line_style(draw)
    chart.marks = [
        _call("ax.plot", chart.axis, "values", color=colors[0], marker=marker, linestyle=style, linewidth=width)
    ]
    _finish_line(chart, [values])


def _line_multi(chart: _Chart) -> None:
    draw = chart.draw
    series = draw.weighted({2: 0.55, 3: 0.35, 4: 0.1})
    count = _ordered_axis(chart, 5, {2: 8, 3: 6, 4: 5}[series])
    chart.limit_digits(series)
    rows = _line_rows(chart, series, count)
    chart.data = [_table((chart.axis, *SERIES_NAMES[:series]), chart.axis_row, *(row for _, row in rows))]
    colors = chart.colors(series, default=0.4, thin=True) or [None] * series
    marker, style, width = _line_style(draw)
    one_marker, one_style = draw.chance(0.6), draw.chance(0.7)
    markers = [marker] * series if one_marker else [_string(m) for m in draw.sample(MARKERS, series)]
    styles = [style] * series if one_style else draw.sample((None, '"--"', '":"', '"-."'), series)
    for name, color, mark, line, label in zip(SERIES_NAMES, colors, markers, styles, chart.other_names(series)):
        chart.marks.append(
            _call(
                "ax.plot",
                chart.axis,
                name,
                color=color,
                marker=mark,
                linestyle=line,
                linewidth=width,
                label=_string(label),
            )  # fmt: skip
        )
    _finish_line(chart, [values for values, _ in rows], legend=True)


def _finish_line(chart: _Chart, rows: list[list[int]], legend: bool = False) -> None:
    draw, highest = chart.draw, max(map(max, rows))
    positive = min(map(min, rows)) >= 0
    chart.set_title("by", "plain", "full", "in", "plain")
    chart.set_labels(chart.dimension, chart.measure_label())
    if legend:
        chart.set_legend(len(rows), highest if positive else None)
    chart.rotate_if_crowded(chart.tick_names, chart.width - (100 if "bbox" in "".join(chart.legend) else 0))
    chart.format_values("y", rows)
    if positive and not chart.limits and draw.chance(0.15):
        chart.limit_values("y", highest, 1.1)
    chart.set_frame("y")


# Scatter


def _points(draw: Draw, count: int, top_x: int, top_y: int, taken: list[tuple[float, float]]) -> list[tuple[int, int]]:
    """
    Mantissas of points, sorted by x, none of which hides another or shares its x with one of its own series: a
    correlation, a cluster or noise. `taken`: the points of earlier series, in shares of the ranges.
    """
    kind = draw.weighted({"rising": 0.35, "falling": 0.25, "cluster": 0.2, "noise": 0.2})
    center = draw.uniform(0.2, 0.8), draw.uniform(0.2, 0.8)
    spread = draw.uniform(0.05, 0.25)
    found: dict[int, int] = {}
    places = list(taken)
    while len(found) < count:
        x, y = draw.uniform(0.03, 1), draw.uniform(0.03, 1)
        if kind == "cluster":
            x, y = (c + draw.uniform(-0.22, 0.22) for c in center)
        elif kind != "noise":
            y = (x if kind == "rising" else 1 - x) + draw.uniform(-spread, spread)
        point = round(x * top_x), round(y * top_y)
        place = point[0] / top_x, point[1] / top_y
        if not (0.02 <= place[0] <= 1 and 0.02 <= place[1] <= 1) or point[0] in found:
            continue
        if any(abs(place[0] - px) < 0.035 and abs(place[1] - py) < 0.045 for px, py in places):
            continue
        found[point[0]] = point[1]
        places.append(place)
    return sorted(found.items())


def _own_points(
    chart: _Chart, count: int, top_x: int, top_y: int, exponent_x: int, taken: list[tuple[float, float]]
) -> tuple[list[tuple[int, int]], list[str], list[str]]:
    """Points whose row of x and whose row of y are both of the split, and the literals of these rows."""
    while True:
        points = _points(chart.draw, count, top_x, top_y, taken)
        row_x = [_number(x, exponent_x) for x, _ in points]
        row_y = [_number(y, chart.exponent) for _, y in points]
        if split_of(_list(row_x)) == chart.draw.split == split_of(_list(row_y)):
            return points, row_x, row_y


def _scatter_ranges(chart: _Chart) -> tuple[int, int, int]:
    """Highest mantissas of x and y, and the exponent of x."""
    draw = chart.draw
    exponent_x = draw.weighted({-2: 0.1, -1: 0.25, 0: 0.5, 1: 0.15})
    if chart.measures[1][1] == "%":
        exponent_x = min(exponent_x, 0)
    return draw.integer(40, 99), draw.integer(30, 99), exponent_x


def _scatter_single(chart: _Chart) -> None:
    draw = chart.draw
    top_x, top_y, exponent_x = _scatter_ranges(chart)
    points, row_x, row_y = _own_points(chart, draw.integer(8, 14), top_x, top_y, exponent_x, [])
    chart.data = [_table(("x", "y"), row_x, row_y)]
    color = (chart.colors(1, default=0.25) or [None])[0]
    size, marker, alpha, edge = _scatter_style(draw, color)
    chart.marks = [_call("ax.scatter", "x", "y", s=size, color=color, marker=marker, alpha=alpha, edgecolor=edge)]
    _finish_scatter(chart)


def _scatter_multi(chart: _Chart) -> None:
    draw = chart.draw
    series = draw.weighted({2: 0.7, 3: 0.3})
    top_x, top_y, exponent_x = _scatter_ranges(chart)
    colors = chart.colors(series, default=0.4) or [None] * series
    size, marker, alpha, edge = _scatter_style(draw, '"black"' if '"black"' in colors else None)
    markers = [marker] * series if draw.chance(0.6) else [None, *map(_string, draw.sample(MARKERS[1:], series - 1))]
    legends = draw.sample(chart.names, series)
    taken: list[tuple[float, float]] = []
    for index in range(series):
        count = draw.integer(5, 8 if series == 2 else 6)
        points, row_x, row_y = _own_points(chart, count, top_x, top_y, exponent_x, taken)
        taken += [(x / top_x, y / top_y) for x, y in points]
        chart.data.append(_table((f"x{index + 1}", f"y{index + 1}"), row_x, row_y))
        chart.marks.append(
            _call(
                "ax.scatter",
                f"x{index + 1}",
                f"y{index + 1}",
                s=size,
                color=colors[index],
                marker=markers[index],
                alpha=alpha,
                edgecolor=edge,
                label=_string(legends[index]),
            )  # fmt: skip
        )
    _finish_scatter(chart, series)


def _scatter_style(draw: Draw, color: str | None) -> tuple[str | None, str | None, str | None, str | None]:
    """Size, marker, opacity and edge colour of points."""
    size = draw.weighted({None: 0.5, "60": 0.25, "100": 0.25})
    marker = draw.weighted({None: 0.6, '"s"': 0.12, '"^"': 0.12, '"D"': 0.08, '"v"': 0.08})
    alpha = draw.weighted({None: 0.85, "0.6": 0.15}) if size else None
    edge = draw.weighted({None: 0.75, '"black"': 0.25}) if color != '"black"' and not alpha else None
    return size, marker, alpha, edge


def _finish_scatter(chart: _Chart, series: int = 1) -> None:
    chart.set_title("plain", "versus", "adjective_versus", "and")
    chart.set_labels(chart.measure_label(1), chart.measure_label(0), probability=0.93)
    if series > 1:
        chart.set_legend(series, outside=0.3)
    if chart.exponent >= 2:
        chart.format_values("y", [], 0.2)
    chart.set_frame()


# Pies


def _shares(draw: Draw, count: int) -> list[int]:
    """Integers that add up to 100, none below 5."""
    while True:
        weights = [draw.uniform(1, 5) for _ in range(count)]
        shares = [round(100 * w / sum(weights)) for w in weights]
        shares[-1] += 100 - sum(shares)
        if min(shares) >= 5:
            return sorted(shares, reverse=True) if draw.chance(0.25) else shares


def _pie(chart: _Chart, donut: bool = False, exploded: bool = False) -> None:
    draw = chart.draw
    names = draw.sample(chart.names, draw.integer(3, min(6, len(chart.names))))
    _, row = _own_row(draw, lambda: _shares(draw, len(names)), 0)
    keyed = draw.chance(0.2)
    colors = chart.colors(len(names), default=0.45, text=True)
    explode = None
    if exploded:
        out, amount = draw.integer(0, len(names) - 1), draw.choice(("0.1", "0.2"))
        explode = [amount if i == out else "0" for i in range(len(names))]
    percent = draw.weighted({None: 0.12, '"%1.1f%%"': 0.44, '"%1.0f%%"': 0.44})
    ring = draw.choice(("0.3", "0.4", "0.5")) if donut else None
    white = draw.chance(0.3)
    props = ([f'"width": {ring}'] if donut else []) + (['"edgecolor": "white"'] if white else [])
    start = draw.weighted({None: 0.4, "90": 0.6})
    clockwise = draw.chance(0.15)
    if clockwise and not keyed and split_of(_list(row[::-1])) == draw.split:
        # Without a legend no picture shows the direction: the same wedges, counterclockwise.
        names, row, clockwise = names[::-1], row[::-1], False
        colors = (colors or [_string(color) for color in DEFAULT_CYCLE[: len(names)]])[::-1]
        explode = explode and explode[::-1]
    chart.data = [_table(("labels", "sizes"), map(_string, names), row)]
    chart.marks = [
        _call(
            "ax.pie", "sizes", explode=None if explode is None else _list(explode),
            labels=None if keyed else "labels", colors=None if colors is None else _list(colors), autopct=percent,
            pctdistance={"0.3": "0.85", "0.4": "0.8", "0.5": "0.75"}[ring] if donut and percent else None,
            startangle=start, counterclock="False" if clockwise else None,
            wedgeprops=f"{{{', '.join(props)}}}" if props else None,
        )  # fmt: skip
    ]  # fmt: skip
    chart.set_title("share", "split", "share_in", "share_year", probability=0.95)
    if keyed:
        chart.legend = ['ax.legend(labels, loc="center left", bbox_to_anchor=(1, 0.5))']
        chart.tight = True


def _pie_donut(chart: _Chart) -> None:
    _pie(chart, donut=True)


def _pie_exploded(chart: _Chart) -> None:
    _pie(chart, exploded=True)


# Complex


def _complex_bar_line(chart: _Chart) -> None:
    draw = chart.draw
    names = chart.category_axis(4, 7, time=0.6)
    top = draw.integer(30, 99)
    bars, bar_row = _own_row(draw, lambda: _levels(draw, len(names), top, top // 8), chart.exponent)
    line, line_row = _own_row(draw, lambda: _walk(draw, len(names), top, top // 6), chart.exponent)
    chart.data = [_table(("categories", "y1", "y2"), map(_string, names), bar_row, line_row)]
    bar_color = chart.colors(1, default=0.0)[0]
    line_color = _other_color(chart, bar_color)
    labels = draw.choice(PAIRS)
    chart.marks = [
        _call("ax.bar", "categories", "y1", color=bar_color, label=_string(labels[0])),
        _call(
            "ax.plot", "categories", "y2", color=line_color, marker=draw.choice((None, '"o"', '"s"')),
            linewidth=draw.choice((None, "3")), label=_string(labels[1]),
        ),
    ]  # fmt: skip
    chart.set_title("by", "plain", "full", "in")
    chart.set_labels(chart.dimension, chart.measure_label())
    chart.set_legend(2, max(bars + line))
    chart.rotate_if_crowded(names, chart.width - (100 if "bbox" in chart.legend[0] else 0))
    chart.set_frame("y", below=True)


def _other_color(chart: _Chart, color: str) -> str:
    """A colour for a line that crosses bars of the given colour: dark on light, or the other way round."""
    strong = ("crimson", "navy", "black", "darkgreen", "tab:red", "firebrick", "indigo", "chocolate")
    bright = ("orange", "gold", "crimson", "tab:red", "hotpink", "turquoise")
    dark = color.strip('"') in (*DARK_COLORS, *strong, "teal", "slategray", "#264653", "tab:brown", "royalblue")
    options = [_string(c) for c in (bright if dark else strong) if _string(c) != color]
    return chart.draw.choice(options)


def _complex_dual_axis(chart: _Chart) -> None:
    draw = chart.draw
    count = _ordered_axis(chart, 4, 7)
    top, top2 = draw.integer(30, 99), draw.integer(30, 99)
    highest = 0 if chart.measures[1][1] == "%" else 1
    exponent2 = draw.choice([e for e in (-2, -1, 0, 1) if e != chart.exponent and e <= highest])
    _, row1 = _own_row(draw, lambda: _levels(draw, count, top, top // 8), chart.exponent)
    _, row2 = _own_row(draw, lambda: _walk(draw, count, top2, top2 // 5), exponent2)
    lines = draw.chance(0.4)
    if chart.axis in ("x", "years") and not lines:
        # Bars at numbers would have a width that hangs on the step: names instead.
        chart.ticks.clear()
        chart.axis_row = list(map(_string, chart.tick_names))
    chart.data = [_table((chart.axis, "y1", "y2"), chart.axis_row, row1, row2)]
    first = chart.colors(1, default=0.0, thin=True)[0]
    second = _other_color(chart, first)
    marker = draw.choice((None, '"o"', '"s"'))
    chart.marks = [
        _call("ax.plot" if lines else "ax.bar", chart.axis, "y1", color=first, marker=marker if lines else None),
        "ax2 = ax.twinx()",
        _call("ax2.plot", chart.axis, "y2", color=second, marker=marker),
    ]
    chart.set_title("versus", "adjective_versus", "and", "plain")
    colored = draw.chance(0.6) and second not in ('"gold"', '"turquoise"')
    names = [chart.measure_label(0), chart.measure_label(1)]
    if draw.chance(0.85):
        chart.labels.append(_call("ax.set_xlabel", _string(chart.dimension)))
    for axis, name, color in zip(("ax", "ax2"), names, (first, second)):
        chart.labels.append(_call(f"{axis}.set_ylabel", _string(name), color=color if colored else None))
    chart.rotate_if_crowded(chart.tick_names, chart.width - 40)
    chart.tight = True


def _complex_stacked_area(chart: _Chart) -> None:
    draw = chart.draw
    series = draw.weighted({2: 0.5, 3: 0.5})
    count = _ordered_axis(chart, 5, 7 if series == 2 else 6)
    chart.limit_digits(series)
    top = draw.integer(20, 99 // series)
    rows = [_own_row(draw, lambda: _walk(draw, count, top, top // 4), chart.exponent) for _ in range(series)]
    chart.data = [_table((chart.axis, *SERIES_NAMES[:series]), chart.axis_row, *(row for _, row in rows))]
    colors = chart.colors(series, default=0.4)
    chart.marks = [
        _call(
            "ax.stackplot", chart.axis, *SERIES_NAMES[:series], labels=_strings(chart.other_names(series)),
            colors=None if colors is None else _list(colors), alpha=draw.weighted({None: 0.75, "0.7": 0.25}),
        )  # fmt: skip
    ]  # fmt: skip
    chart.set_title("by", "plain", "full", "in")
    chart.set_labels(chart.dimension, chart.measure_label())
    chart.set_legend(series, max(map(sum, zip(*(values for values, _ in rows)))))
    chart.rotate_if_crowded(chart.tick_names, chart.width - (100 if "bbox" in chart.legend[0] else 0))
    chart.set_frame("y")


def _complex_area(chart: _Chart) -> None:
    draw = chart.draw
    count = _ordered_axis(chart, 6, 10)
    top = draw.integer(25, 99)
    values, row = _own_row(draw, lambda: _walk(draw, count, top, 2), chart.exponent)
    chart.data = [_table((chart.axis, "values"), chart.axis_row, row)]
    color = chart.colors(1, default=0.0, thin=True)[0]
    chart.marks = [
        _call("ax.plot", chart.axis, "values", color=color, marker=draw.choice((None, '"o"'))),
        _call("ax.fill_between", chart.axis, "values", color=color, alpha=draw.choice(("0.2", "0.4"))),
    ]
    _finish_line(chart, [values])


def _complex_error_bars(chart: _Chart) -> None:
    draw = chart.draw
    bars = draw.chance(0.5)
    names = chart.category_axis(3, 7, time=0.0 if bars else 1.0)
    top = draw.integer(35, 90)
    values, row = _own_row(draw, lambda: _walk(draw, len(names), top, top // 3), chart.exponent)
    _, errors = _own_row(draw, lambda: [draw.integer(max(2, top // 20), top // 6) for _ in names], chart.exponent)
    chart.data = [_table(("categories", "values", "errors"), map(_string, names), row, errors)]
    color = (chart.colors(1, default=0.25, text=True, thin=not bars) or [None])[0]
    cap = draw.choice(("4", "8"))
    if bars:
        call = _call("ax.bar", "categories", "values", yerr="errors", color=color, capsize=cap)
    else:
        marker = draw.choice(('"o"', '"s"', '"^"'))
        style = draw.weighted({None: 0.5, '"none"': 0.25, '"--"': 0.25})
        call = _call(
            "ax.errorbar", "categories", "values", yerr="errors", color=color, marker=marker, linestyle=style,
            capsize=cap,
        )  # fmt: skip
    chart.marks = [call]
    chart.set_title("by", "plain", "full", "in")
    chart.set_labels(chart.dimension, chart.measure_label())
    chart.rotate_if_crowded(names)
    chart.set_frame("y", below=bars)


def _complex_scatter_line(chart: _Chart) -> None:
    draw = chart.draw
    top_x, top_y, exponent_x = _scatter_ranges(chart)
    points, row_x, row_y = _own_points(chart, draw.integer(8, 12), top_x, top_y, exponent_x, [])
    # Least squares over the points, from the first to the last x, in whole mantissas.
    mean_x, mean_y = (sum(axis) / len(points) for axis in zip(*points))
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
    ends = [points[0][0], points[-1][0]]
    fit = [round(mean_y + slope * (x - mean_x)) for x in ends]
    chart.data = [_table(("x", "y"), row_x, row_y)]
    color = (chart.colors(1, default=0.25) or [None])[0]
    line_color = _other_color(chart, color or "")
    size = draw.weighted({None: 0.6, "60": 0.4})
    labelled = draw.chance(0.5)
    chart.marks = [
        _call("ax.scatter", "x", "y", s=size, color=color, label='"Data"' if labelled else None),
        _call(
            "ax.plot", _list(_number(x, exponent_x) for x in ends), _list(_number(y, chart.exponent) for y in fit),
            color=line_color, linestyle=draw.choice((None, '"--"')), label='"Trend"' if labelled else None,
        ),
    ]  # fmt: skip
    _finish_scatter(chart, 2 if labelled else 1)


_BUILDERS = {
    ("bar", "basic"): _bar_basic,
    ("bar", "horizontal"): _bar_horizontal,
    ("bar", "grouped"): _bar_grouped,
    ("bar", "stacked"): _bar_stacked,
    ("line", "single"): _line_single,
    ("line", "multi"): _line_multi,
    ("scatter", "single"): _scatter_single,
    ("scatter", "multi"): _scatter_multi,
    ("pie", "pie"): _pie,
    ("pie", "donut"): _pie_donut,
    ("pie", "exploded"): _pie_exploded,
    ("complex", "bar_line"): _complex_bar_line,
    ("complex", "dual_axis"): _complex_dual_axis,
    ("complex", "stacked_area"): _complex_stacked_area,
    ("complex", "area"): _complex_area,
    ("complex", "error_bars"): _complex_error_bars,
    ("complex", "scatter_line"): _complex_scatter_line,
}


def generate_program(seed: int, split: str, family: str | None = None) -> ChartProgram:
    """
    The program of a seed, the same on every machine.

    Args:
        seed: any integer; the data set uses `FIRST_SEED[split]` and what follows.
        split: "train", "validation" or "test": whose titles and data rows may be used.
        family: one of `CHART_TYPES`; None lets the seed choose, so that consecutive seeds keep the ratios of Tab. II.

    Raises:
        ValueError: unknown split or family.
    """
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}: one of {', '.join(SPLITS)}")
    if family is not None and family not in CHART_TYPES:
        raise ValueError(f"unknown chart type {family!r}: one of {', '.join(CHART_TYPES)}")
    if family is None:
        # Multiples of the golden ratio spread evenly, so any run of seeds has the ratios nearly exactly.
        position = seed * 618_033_989 % 10**9 / 10**9 * sum(RATIOS.values())
        bounds = accumulate(RATIOS.values())
        family = next(name for name, bound in zip(CHART_TYPES, bounds) if position < bound)
    draw = Draw(f"{split}/{seed}/{family}", split)
    variant = draw.weighted(VARIANTS[family])
    chart = _Chart(draw)
    _BUILDERS[family, variant](chart)
    return ChartProgram(chart.code(), family, variant)


# The data set


def make_program(seed: int, split: str, wide: float = 0.0, family: str | None = None) -> ChartProgram:
    """The program of a seed, which is widened (see chart2code/wide.py) for the given share of the seeds."""
    program = generate_program(seed, split, family)
    if wide and Draw(f"is wide/{split}/{seed}", split).chance(wide):
        from chart2code.wide import widen

        return widen(program, seed, split)
    return program


def _fingerprint(wide: float = 0.0) -> str:
    """Changes when the generator's programs do."""
    digest = hashlib.sha256()
    for family in CHART_TYPES:
        for seed in range(40):
            digest.update(generate_program(seed, "train", family).code.encode())
    for seed in range(100 if wide else 0):
        digest.update(make_program(seed, "train", 1.0).code.encode())
    return digest.hexdigest()[:16]


def _settings(counts: dict[str, int], shard_size: int, wide: float) -> dict[str, Any]:
    import matplotlib

    return {
        "charts": counts,
        "shard_size": shard_size,
        **({"wide": wide} if wide else {}),
        "generator": _fingerprint(wide),
        "matplotlib": matplotlib.__version__,
        "chart_types": list(CHART_TYPES),
        "variants": {family: list(variants) for family, variants in VARIANTS.items()},
        "labels": WIDTHS,
    }


def _prepare(folder: Path, counts: dict[str, int], shard_size: int, wide: float) -> None:
    """Writes dataset_info.json, or holds it against what is asked for now."""
    settings, path = _settings(counts, shard_size, wide), folder / "dataset_info.json"
    if path.exists():
        old = json.loads(path.read_text())
        for key in ("wide", "generator", "matplotlib", "shard_size", "labels"):
            if old.get(key) != settings.get(key):
                raise ValueError(
                    f"{folder} was written with {key} {old.get(key, 0)}, now it is {settings.get(key, 0)}: "
                    "delete the folder or choose another --output"
                )
        for split, count in counts.items():
            before = old["charts"][split]
            # A folder may grow by whole shards.
            if count != before and (count < before or before % shard_size):
                raise ValueError(
                    f"{folder} was written with --{split} {before}, now it is {count}: delete the folder or choose "
                    f"another --output (only a number of whole shards of {shard_size} can grow)"
                )
    folder.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(settings, indent=2) + "\n")
    os.replace(temporary, path)


def write_dataset(
    folder: str | Path,
    counts: dict[str, int],
    num_workers: int = 2,
    shard_size: int = SHARD_SIZE,
    wide: float = 0.0,
) -> int:
    """
    Renders the data set into folder/{train,validation,test}/shard-*.parquet, the small splits first. Shards that are
    there are kept, so that a stopped run continues; shard k holds the charts of the same seeds in every run.

    Args:
        counts: number of charts of each split.
        num_workers: programs that are rendered at the same time.
        wide: share of the charts that are widened.

    Returns:
        The number of programs that could not be rendered (and are missing in their shard).

    Raises:
        ValueError: the folder was written with other settings.
    """
    import datasets
    from tqdm import tqdm

    from eval_metric.executor import Executor

    folder = Path(folder)
    _prepare(folder, counts, shard_size, wide)
    datasets.disable_progress_bars()
    shards = []
    for split in sorted(SPLITS, key=lambda s: counts[s]):
        for start in range(0, counts[split], shard_size):
            path = folder / split / f"shard-{start // shard_size:05d}.parquet"
            shards.append((path, split, range(start, min(start + shard_size, counts[split]))))
    missing = [shard for shard in shards if not shard[0].exists()]
    done, failures = sum(len(r) for p, _, r in shards if p.exists()), 0

    def programs() -> Iterable[ChartProgram]:
        for _, split, indices in missing:
            for index in indices:
                yield make_program(FIRST_SEED[split] + index, split, wide)

    # One stream of programs over all shards: the workers have work while a shard is being written.
    with (
        Executor(num_workers=num_workers, labels=True) as executor,
        tqdm(total=sum(counts.values()), initial=done) as progress,
    ):
        results = executor.run_many(program.code for program in programs())
        for path, split, indices in missing:
            progress.set_description(f"{split} {path.stem}")
            rows = []
            for index in indices:
                seed = FIRST_SEED[split] + index
                program, result = make_program(seed, split, wide), next(results)
                progress.update()
                if not result.ok:
                    failures += 1
                    progress.write(f"seed {seed} ({program.chart_type} {program.variant}): {result.error}")
                    continue
                height, width = result.image.shape[:2]
                labels = {name: on_canvas(result.labels[name], width, height) for name in LABELS}
                rows.append({
                    "image": png(result.image), "code": program.code, "chart_type": program.chart_type,
                    "variant": program.variant, "num_elements": result.facts["num_elements"], "seed": seed, **labels,
                })  # fmt: skip
            write_shard(path, rows)
    return failures


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m chart2code.synthetic", description="Write the synthetic charts.")
    parser.add_argument("--output", default="data/synthetic", help="folder of the data set (default: %(default)s)")
    for split, count in (("train", 19000), ("validation", 600), ("test", 1500)):
        parser.add_argument(f"--{split}", type=int, default=count, help="number of charts (default: %(default)s)")
    parser.add_argument("--num_workers", type=int, default=os.cpu_count() or 1, help="rendering processes")
    parser.add_argument("--shard_size", type=int, default=SHARD_SIZE, help="charts per file (default: %(default)s)")
    parser.add_argument(
        "--wide",
        type=float,
        default=0.0,
        help="share of the charts that are widened: other styles, fonts, words, ranges",
    )
    options = parser.parse_args(arguments)
    counts = {split: getattr(options, split) for split in SPLITS}
    if min(counts.values()) < 0 or options.num_workers < 1 or options.shard_size < 1:
        parser.error("numbers of charts can't be negative, --num_workers and --shard_size are at least 1")
    if not 0 <= options.wide <= 1:
        parser.error("--wide is a share, from 0 to 1")
    try:
        failures = write_dataset(options.output, counts, options.num_workers, options.shard_size, options.wide)
    except (ValueError, OSError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped: the same command continues", file=sys.stderr)
        return 130
    print(f"{options.output}: {sum(counts.values()) - failures} charts, {failures} programs failed to render")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

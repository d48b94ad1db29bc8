"""What is written at the bars of a chart, at their ends or in their middle: mostly their values, exact there.

`labelled` adds the calls of `bar_label` that write the same, and takes the values from the labels.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chart2code import readout
from chart2code.adjustment.scene import Scene
from chart2code.captions import BEFORE, CONTRAST, Page, usual_color
from chart2code.drawing import Drawing, Series, color_literal
from chart2code.program import Change, Program, literal, number, string_literal
from chart2code.tick_labels import runs_of
from chart2code.words import Line
from eval_metric.similarity import CANVAS

NUMBER = re.compile(r"(?P<before>[^\d+\-−–.]*)(?P<sign>[+\-−–]?)(?P<digits>\d[\d,]*(\.\d+)?|\.\d+)(?P<after>\D*)")
POINT = re.compile(r"(?<=\d) (?=\d)")  # which is as wide as a space, and has hardly more ink
IN_VAIN = 3  # bars, of the first ones: if not a third of them have labels, none has
POINTS = 10.0  # of a label, matplotlib's own
OUT = 22.0  # points from the end of a bar to the far side of its label, at most
WIDEST = 30.0  # points, half of it, within a bar
LINE = (3.5, 17.0)  # points, the height of one
DESCENT = 0.24  # ems, that text keeps below digits
SAME_SCALE = 0.05  # of a factor: measured values are that exact
READ, ALIKE = 0.6, 0.75  # of the bars, with labels; and of the labels, that say the values
ERROR = 0.03  # of the greatest value: how far a label may be from what was measured
WORD_ERROR = 0.35  # of its ink unexplained, of a label that is no number
STROKES = "Il|-–.,:'"  # what lines, and no letters, look like
BAND = 1.6  # points beside the end of a bar that its edge may take


@dataclass(frozen=True)
class Label:
    """A label; `pad`: points between the end of its bar and its digits; `color`: of its ink."""

    line: Line
    pad: float
    color: np.ndarray

    @property
    def number(self) -> re.Match | None:
        return NUMBER.fullmatch(POINT.sub(".", self.line.text))

    @property
    def value(self) -> float:
        sign = -1 if self.number["sign"] in set("-−–") else 1
        return sign * float(self.number["digits"].replace(",", ""))


def labelled(drawing: Drawing, target: np.ndarray, size: tuple[int, int] = (CANVAS, CANVAS)) -> str | None:
    """The program with the labels of the target's bars; None if they have none, or if it has some already. `size`: as
    of `captions.reworded`."""
    program = drawing.program
    series = [s for s in drawing.series if s.kind in ("bar", "barh")]
    if not series or drawing.box is None or program.statement_calls("bar_label"):
        return None
    if len({s.kind for s in series}) > 1 or len({s.axes for s in series}) > 1:
        return None
    scene, page = Scene.of(drawing, target), Page.for_drawing(drawing, target, size)
    side = "left" if series[0].kind == "barh" else "bottom"
    ticks = readout.find_ticks(target, scene.box, side)
    covers = [cover for s, cover in zip(drawing.series, scene.covers) if any(s is own for own in series)]
    found = [readout.find_bars(cover.T if side == "left" else cover, ticks) for cover in covers]
    if side == "left" and not program.statement_calls("invert_yaxis"):
        found = [bars[::-1] for bars in found]
    centers = sorted(bar.center for bars in found for bar in bars)
    if len(centers) < 2:
        return None
    whole = max(bar.width for bars in found for bar in bars)
    apart = [b - a for a, b in zip(centers, centers[1:]) if b - a > whole / 2]
    half = min([*apart, 4 * whole]) / 2
    labels = [
        {
            place: labels_at(page, target, bars, side == "left", np.less(s.values, 0), place, half)
            for place in ("edge", "center")
        }
        if len(bars) == len(s.values)
        else {}
        for s, bars in zip(series, found)
    ]
    factor = _factor(series, labels)
    columns: dict[str, list[str]] = {}
    options = [
        next((k for place in own if (k := _keywords(s, own[place], place, factor, columns)) is not None), None)
        for s, own in zip(series, labels)
    ]
    if all(keywords is None for keywords in options):
        return None
    changes = _calls(program, series, options)
    if factor != 1:
        columns |= {s.column: [f"{factor * v:.4g}" for v in s.values] for s in series if s.column not in columns}
        for call in program.statement_calls("set_xlim" if side == "left" else "set_ylim"):
            changes += [
                (program.span(node), f"{factor * v:.4g}") for node in call.args if (v := number(node)) is not None
            ]
    code = program.changed(program.write_columns(columns) + changes)
    return code if code != program.code else None


def labels_at(
    page: Page,
    target: np.ndarray,
    bars: Sequence[readout.Bar],
    horizontal: bool,
    negative: Sequence[bool],
    place: str,
    half: float,
    inks: Sequence[np.ndarray] = (),
) -> list[Label | None]:
    """
    What is written at bars; none if the first ones have nothing.

    Args:
        bars: in pixels; of the transposed picture, if they are `horizontal`.
        negative: whether each has its free end at the left, or below.
        place: "edge", for beside that end, or "center".
        half: pixels that a label may reach to both sides of the middle of its bar, across that.
        inks: colours (3,) that labels may have, besides greys.
    """
    labels: list[Label | None] = []
    for bar, at_lower in zip(bars, negative):
        labels.append(_label(page, target, bar, horizontal, at_lower, place, half, inks))
        if len(labels) >= IN_VAIN and sum(map(bool, labels)) < len(labels) / 3:
            return []
    return labels


def _factor(series: Sequence[Series], labels: Sequence[dict[str, list[Label | None]]]) -> float:
    """How many times the measured values those at the bars are: 1, but where nothing at the axis said these."""
    ratios = [
        abs(label.value / value)
        for s, own in zip(series, labels)
        for place in own.values()
        for label, value in zip(place, s.values)
        if label is not None and label.number is not None and value
    ]
    factor = float(np.median(ratios)) if ratios else 1.0
    return factor if factor > 0 and abs(factor - 1) > SAME_SCALE else 1.0


def _label(
    page: Page,
    target: np.ndarray,
    bar: readout.Bar,
    horizontal: bool,
    negative: bool,
    place: str,
    half: float,
    inks: Sequence[np.ndarray],
) -> Label | None:
    """What is written at a bar; arguments as of `labels_at`."""
    unit = page.scale * 100 / 72
    height = POINTS * unit
    if place == "center":
        middle = (bar.start + bar.end) / 2
        at, pad = (middle, bar.center) if horizontal else (bar.center, middle), 0.0
        wide = min((bar.end - bar.start) / 2, WIDEST * unit) if horizontal else half
        line = page.read(at, 0.5, height, reach=(wide, wide))
    elif horizontal:
        at, pad = _beside(page, bar, negative, unit)
        if at is None:
            return None
        anchor = 1.0 if negative else 0.0
        reach = (2.0, CANVAS) if anchor == 0 else (CANVAS, 2.0)
        line = page.read(at, anchor, min(height, half), reach=reach)
    else:
        found = _above(page, target, bar, negative, half, unit)
        if found is None:
            return None
        top, bottom, pad = found
        at = bar.center, (top + bottom) / 2 - 0.5
        line = page.read_between(top, bottom, bar.center, half)
    if line is None or not line.text.strip(STROKES):
        return None
    return Label(line, pad, usual_color(line, inks))


def _ink(page: Page, rows: tuple[float, float], columns: tuple[float, float]) -> np.ndarray | None:
    """(h, w) bool: where a part of the page, given in pixels of the canvas, is not its background."""
    grey, zoom = page.turned(0), page.zoom
    spans = [slice(max(0, round(zoom * a)), max(0, round(zoom * b))) for a, b in (rows, columns)]
    strip = grey[spans[0], spans[1]]
    return np.abs(strip - np.median(strip)) > CONTRAST if min(strip.shape) > 3 else None


def _above(
    page: Page, target: np.ndarray, bar: readout.Bar, below: bool, half: float, unit: float
) -> tuple[float, float, float] | None:
    """From where to where the text above the end of a bar (or below it) reaches, beyond its error bar, and how many
    points are between both."""
    end = bar.end - 1 if below else bar.start
    whiskers = None if below else readout.find_whiskers(target, [bar])
    if whiskers is not None:
        end -= whiskers.lengths[0]
    far, near = OUT * unit, BAND * unit
    rows = (end + near, end + far) if below else (end - far, end - near)
    ink = _ink(page, rows, (bar.center - half, bar.center + half))
    if ink is None:
        return None
    first = max(0, round(page.zoom * rows[0]))
    runs = [(a, b) for a, b in runs_of(ink.any(axis=1), 0) if LINE[0] * unit < (b - a) / page.zoom < LINE[1] * unit]
    if not runs:
        return None
    top, bottom = ((first + place) / page.zoom for place in (runs[0] if below else runs[-1]))
    gap = (top - end if below else end - bottom) / unit
    return top, bottom, gap


def _beside(page: Page, bar: readout.Bar, left: bool, unit: float) -> tuple[tuple[float, float] | None, float]:
    """Where the text at the right of a bar begins (or ends at its left), and how many points from it."""
    end, far, near = (bar.start if left else bar.end - 1), OUT * unit, BAND * unit
    columns = (end - far, end - near) if left else (end + near, end + far)
    reach = min(bar.width / 2, POINTS / 2 * unit)
    ink = _ink(page, (bar.center - reach, bar.center + reach), columns)
    if ink is None:
        return None, 0.0
    inked = np.flatnonzero(ink.any(axis=0) & ~ink.all(axis=0))  # not the bar's own soft end
    if not len(inked):
        return None, 0.0
    place = (max(0, round(page.zoom * columns[0])) + (inked[-1] if left else inked[0])) / page.zoom
    return (place, bar.center), abs(place - end) / unit


def _keywords(
    s: Series, labels: Sequence[Label | None], place: str, factor: float, columns: dict[str, list[str]]
) -> list[str] | None:
    """The keywords of `bar_label` for these labels of a series, whose exact values go into `columns`; None if they are
    no labels. `factor`: how many times the measured values these are."""
    seen = [label for label in labels if label is not None]
    if len(seen) < max(2, READ * len(labels)):
        return None
    exact = exact_values(labels, s.values, factor)
    if exact is not None:
        columns[s.column], pattern = exact
        keywords = [f"fmt={string_literal(pattern)}"] if pattern else []
    elif place == "edge" and np.median([label.line.error for label in seen]) < WORD_ERROR:
        texts = ", ".join(string_literal(label.line.text if label else "") for label in labels)
        keywords = [f"labels=[{texts}]"]
    else:
        return None
    if place == "center":
        keywords.append('label_type="center"')
    else:
        points = Counter(label.line.points for label in seen).most_common(1)[0][0]
        pad = np.median([label.pad for label in seen]) - (DESCENT * points if s.kind == "bar" else 0)
        keywords += [f"padding={round(pad)}"] * (round(pad) > 0)
    return keywords + style_of(seen)


def exact_values(
    labels: Sequence[Label | None], values: Sequence[float], factor: float = 1.0
) -> tuple[list[str], str | None] | None:
    """Values as labels write them, and their format, None if it is the usual one; None if labels don't write values.
    `factor`: as of `_keywords`."""
    right = [
        label is not None
        and label.number is not None
        and abs(abs(label.value) - factor * abs(value))
        <= max(ERROR * factor * np.abs(values).max(), 0.5 * 10.0 ** -_decimals(label))
        for label, value in zip(labels, values)
    ]
    exact = [label for label, ok in zip(labels, right) if ok]
    if not exact or len(exact) < ALIKE * sum(label is not None for label in labels):
        return None
    most = max(map(_decimals, exact))
    texts = [
        ("-" if value < 0 else "") + label.number["digits"].replace(",", "") if ok else literal(factor * value, most)
        for label, value, ok in zip(labels, values, right)
    ]
    return [re.sub(r"^(-?)0+(?=\d)", r"\1", text) for text in texts], _format(exact)


def _decimals(label: Label) -> int:
    return len(label.number["digits"].partition(".")[2])


def _format(labels: Sequence[Label]) -> str | None:
    """The format of numbers, if it is not that of `bar_label`."""
    numbers = [label.number for label in labels]
    before, after = (Counter(n[name] for n in numbers).most_common(1)[0][0] for name in ("before", "after"))
    decimals = [_decimals(label) for label in labels]
    plus = "+" if any(n["sign"] == "+" for n in numbers) else ""
    comma = "," if any("," in n["digits"] for n in numbers) else ""
    shortest = all(f"{float(n['digits'].replace(',', '')):g}" == n["digits"] for n in numbers)
    if shortest and not plus and not comma and not before and not after:
        return None
    usual = Counter(decimals).most_common(1)[0][0]
    kind = "g" if shortest and len(set(decimals)) > 1 and not comma else f".{usual}f"
    before, after = (text.replace("{", "").replace("}", "") for text in (before, after))
    return f"{before}{{:{plus}{comma}{kind}}}{after}"


def style_of(labels: Sequence[Label]) -> list[str]:
    """The keywords for size and colour of labels."""
    points = Counter(label.line.points for label in labels).most_common(1)[0][0]
    color = np.median([label.color for label in labels], axis=0)
    keywords = [f"fontsize={points:g}"] if points != POINTS else []
    if color.min() == 255:
        keywords.append('color="white"')
    elif color.max() > 0:
        keywords.append(f"color={color_literal(color)}")
    return keywords


def _calls(program: Program, series: Sequence[Series], options: Sequence[list[str] | None]) -> list[Change]:
    """The changes that add the calls of `bar_label`: one in a loop, if all series have the same."""
    axes = series[0].call.axes
    same = len({tuple(keywords or ()) for keywords in options}) == 1 and len(options) > 1
    if same and options[0] is not None and not any(s.call.keyword("yerr") for s in series):
        text = f"for bars in {axes}.containers:\n    {axes}.bar_label({', '.join(['bars', *options[0]])})"
        return [program.add_statement(text, BEFORE)]
    names = {node.id for node in ast.walk(program.tree) if isinstance(node, ast.Name)}
    changes: list[Change] = []
    for k, (s, keywords) in enumerate(zip(series, options)):
        statement = program.statement_of(s.call.node)
        if keywords is None or statement is None or getattr(statement, "value", None) is not s.call.node:
            continue
        start, end = program.span(statement)
        if isinstance(statement, ast.Expr):
            name = next(n for i in range(k, 99) if (n := f"bars{i + 1 if len(series) > 1 else ''}") not in names)
            names.add(name)
            changes.append(((start, start), f"{name} = "))
        else:
            name = program.text(statement.targets[0])
        changes.append(((end, end), f"\n{axes}.bar_label({', '.join([name, *keywords])})"))
    return changes

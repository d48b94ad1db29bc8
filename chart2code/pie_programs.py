"""Programs of pies and donuts: what pies.py sees, as one would write it."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from chart2code import readout
from chart2code.adjustment.wedges import percent_literals
from chart2code.drawing import CYCLE, color_literal, rgb
from chart2code.layout import USUAL_INCHES
from chart2code.legends import FRAME, GAP, PAD, ROW, legend_place
from chart2code.pies import (
    LABEL_DISTANCE,
    LEAST_EXPLOSION,
    LEAST_HOLE,
    NUMBER,
    SAME,
    START_ERROR,
    STARTS,
    TEXT_POINTS,
    TITLE_POINTS,
    PieChart,
    Text,
    columns_of,
    form_of,
)
from chart2code.program import brief, literal, string_literal, table_of
from eval_metric.similarity import CANVAS

if TYPE_CHECKING:
    from chart2code.sketches import Sheet

MOST_WEDGES = 24
PERCENT_DISTANCE, DISTANCE_ERROR = 0.6, 0.04  # radii
FEWEST = 0.4  # of the wedges: so many have labels, if there are any
TITLE_PAD, PAD_ERROR = 6, 3  # points
CENTERED = 4.0  # pixels
LEAST_EDGE, USUAL_EDGE = 0.35, (0.8, 1.25)  # points: thinner ones are none; and what needs no number
EDGE_ERROR = 0.15  # points
WIDTH_ERROR = 0.01  # radii, of rings
DESCENDING, DESCENT = "gjpqy,;()Q", 0.21  # characters that go below the line; and how far, in ems
BESIDE_PIE = 0.9  # radii from the middle, that a legend beside a pie is further away
DARKEST, WHITEST = 70, 215  # of 255: of text that is black, and white
SIZE_ERROR = 1.0  # of 100, between what is written and what is measured


def pie_chart(sheet: Sheet) -> list[str]:
    """A program of the pie that a chart is; none if it is anything else."""
    pie = readout.find_pie(sheet.target)
    if pie is None or not 2 <= len(pie.wedges) <= MOST_WEDGES or not readout.is_pie(sheet.target):
        return []
    return [PieProgram(sheet, pie).program()]


class PieProgram(PieChart):
    """A pie with what is around it, as a program."""

    def program(self) -> str:
        labels, sizes = self._labels(), self._sizes()
        names = self._names()
        table = table_of({"labels": map(string_literal, names), "sizes": sizes})
        if not labels and not self.swatches:
            table = f"sizes = [{', '.join(sizes)}]"
        statements = [table, *self._call(labels), *self._middle(), *self._legend()]
        statements += [*self._title(), *self.axes[1]]
        inches = tuple(float(f"{side / self.dpi:.3g}") for side in self.size)
        options = [] if inches == USUAL_INCHES else [f"figsize=({inches[0]:g}, {inches[1]:g})"]
        options += [] if self.page.min() > 250 else [f"facecolor={color_literal(self.page)}"]
        figure = f"fig, ax = plt.subplots({', '.join(options)})"
        return "\n".join(["import matplotlib.pyplot as plt", "", figure, *statements]) + "\n"

    def _names(self) -> list[str]:
        """What the wedges are called, in their order."""
        entries, _ = self.keys
        keyed = {s.wedge: entry.text for s, entry in zip(self.swatches, entries) if entry and entry.text}
        labelled = {k: "\n".join(t.text for t in lines) for k, lines in self.roles["label"].items()}
        found = keyed or labelled
        fallback = self.sheet.words.names(len(self.order[0]))
        return [found.get(k) or ("" if labelled and not keyed else fallback[n]) for n, k in enumerate(self.order[0])]

    def _labels(self) -> bool:
        """Whether there are labels at the wedges."""
        return len(self.roles["label"]) > FEWEST * len(self.pie.wedges)

    def _sizes(self) -> list[str]:
        """Literals of the wedges' sizes: as they are written in the picture, if they are, else in per cent."""
        wedges = [self.pie.wedges[k] for k in self.order[0]]
        shares = np.array([wedge.length for wedge in wedges])
        shares = shares / shares.sum() * 100
        entries, _ = self.keys
        keyed = {swatch.wedge: [entry] for swatch, entry in zip(self.swatches, entries) if entry}
        for texts in (keyed, self.roles["label"], self.roles["inside"]):
            written = [_number(texts.get(k, [])) for k in self.order[0]]
            if None in written:
                continue
            values = np.array([float(text) for text in written])
            if np.abs(values / values.sum() * 100 - shares).max() < SIZE_ERROR:
                decimals = max(len(f"{value:.12g}".partition(".")[2]) for value in values)
                return [literal(value, decimals) for value in values]
        return percent_literals(shares)

    def _call(self, labels: bool) -> list[str]:
        wedges = [self.pie.wedges[k] for k in self.order[0]]
        options, colors = ["labels=labels"] * labels, ", ".join(color_literal(wedge.color) for wedge in wedges)
        usual = [np.abs(rgb("#" + CYCLE[k % 10]) - wedge.color).max() < SAME / 2 for k, wedge in enumerate(wedges)]
        options += [] if all(usual) else [f"colors=[{colors}]"]
        if max(wedge.explode for wedge in wedges) > LEAST_EXPLOSION:
            moved = (brief(w.explode, 0.02) if w.explode > LEAST_EXPLOSION else "0" for w in wedges)
            options.append(f"explode=[{', '.join(moved)}]")
        angle, clockwise = self._start(self.order[0][0], self.order[1]), self.order[1]
        apart = {usual: abs((angle - usual + 180) % 360 - 180) for usual in STARTS}
        usual = min(apart, key=apart.get)
        angle = usual if apart[usual] < START_ERROR else round(angle)
        options += [f"startangle={angle}"] * bool(angle) + ["counterclock=False"] * clockwise
        options += self._label_options() if labels else []
        options += self._share_options()
        options += ["shadow=True"] * self.pie.shadow
        props = []
        if self.pie.hole > LEAST_HOLE:
            props.append(f'"width": {brief(1 - self.pie.hole, WIDTH_ERROR)}')
        if self.edge and (width := self.edge[1] / self.unit * 72 / self.dpi) > LEAST_EDGE:
            props.append(f'"edgecolor": {color_literal(self.edge[0])}')
            if not USUAL_EDGE[0] < width < USUAL_EDGE[1]:
                props.append(f'"linewidth": {brief(width, EDGE_ERROR)}')
        options += [f"wedgeprops={{{', '.join(props)}}}"] * bool(props)
        return self._styled(f"ax.pie(sizes, {', '.join(options)})", labels)

    def _label_options(self) -> list[str]:
        distances = [self._distance(k, lines) for k, lines in self.roles["label"].items()]
        if max(distances) < 1:
            return [f"labeldistance={brief(median(distances), 0.02)}"]
        distances = []
        for k, lines in self.roles["label"].items():
            wedge = self.pie.wedges[k]
            across = math.cos(math.radians(wedge.start + wedge.length / 2))
            if abs(across) > 0.5:
                ends = [line.left if across > 0 else line.right for line in lines]
                end = min(ends) if across > 0 else max(ends)
                distances.append((end - self.pie.center[0]) / self.pie.radius / across - wedge.explode)
        distance = median(distances or [LABEL_DISTANCE])
        usual = abs(distance - LABEL_DISTANCE) < DISTANCE_ERROR
        return [] if usual else [f"labeldistance={brief(distance, 0.02)}"]

    def _share_options(self) -> list[str]:
        """How the shares are written in the wedges."""
        inside = self.roles["inside"]
        forms = Counter(form_of(lines) for lines in inside.values() if all(line.text for line in lines))
        form = forms.most_common(1)[0][0] if forms else ""
        if "{" not in form or len(inside) < FEWEST * len(self.pie.wedges):
            return []
        sizes = dict(zip(self.order[0], map(float, self._sizes())))
        if "sum(" in form and any(float(_number(lines) or -1) != sizes[k] for k, lines in inside.items()):
            return []
        shares = {k: wedge.length / 3.6 for k, wedge in enumerate(self.pie.wedges)}
        without = max((share for k, share in shares.items() if k not in inside), default=0)
        least = min(shares[k] for k in inside)
        plain = re.fullmatch(r"\{share:\.(\d)f\}%", form)
        option = f'autopct="%1.{plain[1]}f%%"' if plain else f"autopct=lambda share: f{string_literal(form)}"
        if 0 < without < least:
            limit = brief((without + least) / 2, (least - without) / 2.5)
            option = f'autopct=lambda share: f{string_literal(form)} if share > {limit} else ""'
        distance = median(self._distance(k, lines) for k, lines in inside.items())
        usual = abs(distance - PERCENT_DISTANCE) < DISTANCE_ERROR
        return [option] if usual else [option, f"pctdistance={round(20 * distance) / 20:g}"]

    def _styled(self, call: str, labels: bool) -> list[str]:
        """The call with the colour, size and weight of its texts."""
        outer = _style([line for lines in self.roles["label"].values() for line in lines]) if labels else {}
        if labels and max(self._distance(k, lines) for k, lines in self.roles["label"].items()) < 1:
            outer["ha"] = '"center"'
        inner = _style([line for lines in self.roles["inside"].values() for line in lines])
        if "autopct" not in call:
            inner = {}
        common = inner if not labels else outer if "autopct" not in call or inner == outer else {}
        if common or not (inner or outer):
            props = ", ".join(f'"{name}": {value}' for name, value in common.items())
            return [call[:-1] + f", textprops={{{props}}})" if props else call]
        statements = [("" if "autopct" not in call else "_, texts, shares = " if outer else "_, _, shares = ") + call]
        for name, style in (("texts", outer), ("shares", inner)):
            if style:
                statements.append(f"plt.setp({name}, {', '.join(f'{k}={v}' for k, v in style.items())})")
        return statements

    def _middle(self) -> list[str]:
        """What is written in the hole."""
        lines = [line for line in self.roles["middle"].get(0, []) if line.text]
        if not lines or self.pie.hole < LEAST_HOLE:
            return []
        together = len({line.points for line in lines}) == len({line.bold for line in lines}) == 1
        groups = [lines] if together else [[line] for line in lines]
        statements = []
        for group in groups:
            em = group[-1].points / TEXT_POINTS * self.em
            below = 0 if set(DESCENDING) & set(group[-1].text) else DESCENT * em  # there is room for them anyway
            middle = (group[0].top + group[-1].bottom + below) / 2
            y = (self.pie.center[1] - middle) / self.pie.radius
            style = "".join(f", {name}={value}" for name, value in _style(group).items())
            text = string_literal("\n".join(line.text for line in group))
            at = brief(y, 0.01) if abs(y) > 0.05 else "0"
            statements.append(f'ax.text(0, {at}, {text}, ha="center", va="center"{style})')
        return statements

    def _legend(self) -> list[str]:
        if not self.swatches:
            return []
        entries, heading = self.keys
        points = Counter(entry.points for entry in entries if entry and entry.text).most_common(1)
        points = points[0][0] if points else TEXT_POINTS
        em = points / 72 * self.dpi * self.unit
        columns = columns_of(self.swatches)
        options = ["labels"]
        if heading and heading.text:
            options.append(f"title={string_literal(heading.text)}")
        left = min(s.left for s in self.swatches) - PAD * em
        right = max([s.right for s in self.swatches] + [e.right for e in entries if e]) + PAD * em
        first = heading.middle[1] if heading else min(s.y for s in self.swatches)
        top = first - (ROW / 2 + PAD) * em
        bottom = max(s.y for s in self.swatches) + (ROW / 2 + PAD) * em
        (x, y), reach = self.pie.center, BESIDE_PIE * self.pie.radius
        options += legend_place((left, top, right, bottom), self.axes[0], (x - reach, y, x + reach, y), GAP * em)
        options += [f"ncol={len(columns)}"] * (len(columns) > 1)
        options += [f"fontsize={points:g}"] * (points != TEXT_POINTS)
        options += [] if self._framed(left, top, bottom) else ["frameon=False"]
        style = _style([e for e in entries if e])
        options += [f"labelcolor={style['color']}"] if "color" in style else []
        return [f"ax.legend({', '.join(options)})"]

    def _framed(self, left: float, top: float, bottom: float) -> bool:
        """Whether a legend has a frame, by its left side."""
        y, x = np.arange(top + 3, bottom - 3), left + np.arange(-3, 3.5, 0.5)
        places = np.stack(np.broadcast_arrays(x[None], y[:, None]), axis=-1)
        away = np.abs(self._colors(places) - self.page).max(axis=2)
        return len(y) > 0 and float(np.median(away.max(axis=1))) > FRAME

    def _title(self) -> list[str]:
        lines = [line for line in self.roles["title"].get(0, []) if line.text]
        if not lines:
            return []
        left, top, right, _ = self.axes[0]
        x, style = median(line.middle[0] for line in lines), _style(lines, TITLE_POINTS)
        text = string_literal("\n".join(line.text for line in lines))
        points = lines[-1].points
        descent = 0.24 * points if re.search("[gjpqy,()]", lines[-1].text) else 0
        pad = (top - lines[-1].bottom) / self.unit * 72 / self.dpi + descent
        options = [f"{name}={value}" for name, value in style.items()]
        if abs(x - (left + right) / 2) > CENTERED:
            middle = (CANVAS - 1) / 2
            if abs(x - middle) < CENTERED:
                return [f"fig.suptitle({', '.join([text, *options])})"]
            if abs(lines[0].left - left) < CENTERED:
                options.append('loc="left"')
        if abs(pad - TITLE_PAD) > PAD_ERROR and pad > 0:
            options.append(f"pad={round(pad)}")
        return [f"ax.set_title({', '.join([text, *options])})"]


def _number(lines: Sequence[Text]) -> str | None:
    """The literal of the last number in a text; None if there is none, or one that is rounded to whole per cents."""
    found = NUMBER.findall(" ".join(line.text for line in lines))
    if not found or found[-1][1] and "." not in found[-1][0]:
        return None
    return found[-1][0].replace(",", "")


def _style(lines: Sequence[Text], usual: float = TEXT_POINTS) -> dict[str, str]:
    """Keywords of texts: what is not as usual."""
    lines = [line for line in lines if line.text]
    if not lines:
        return {}
    style = {}
    points = Counter(line.points for line in lines).most_common(1)[0][0]
    color = np.median([line.color for line in lines], axis=0)
    if color.max() > DARKEST:
        style["color"] = '"white"' if color.min() > WHITEST else color_literal(color)
    if points != usual:
        style["fontsize"] = f"{points:g}"
    if 2 * sum(line.bold for line in lines) > len(lines):
        style["fontweight"] = '"bold"'
    return style

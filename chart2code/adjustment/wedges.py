"""Shares of pies."""

from __future__ import annotations

import ast

import numpy as np

from chart2code import readout
from chart2code.adjustment.colors import SAME_COLOR
from chart2code.adjustment.reading import Reading
from chart2code.drawing import CYCLE, Series, color_literal, literal_color, rgb
from chart2code.program import number
from chart2code.scales import value_literals

WHOLE = 0.35  # per cent: measured shares are that exact


def read_pie(reading: Reading, s: Series, colors: bool) -> None:
    program = reading.drawing.program
    pie = readout.find_pie(reading.target)
    if pie is None or not 2 <= len(pie.wedges) <= 24:
        return
    clockwise = (
        isinstance(s.call.keyword("counterclock"), ast.Constant) and s.call.keyword("counterclock").value is False
    )
    start = number(s.call.keyword("startangle")) or 0.0
    wedges = list(pie.wedges)
    ends = [(w.start + w.length if clockwise else w.start) % 360 for w in wedges]
    distances = [abs((end - start + 180) % 360 - 180) for end in ends]
    first = int(np.argmin(distances))
    wedges = [wedges[(first + (-k if clockwise else k)) % len(wedges)] for k in range(len(wedges))]
    usual = min((abs((end - a + 180) % 360 - 180), a) for end in ends for a in (0.0, 90.0, 180.0, 270.0))
    if distances[first] > min(4, usual[0] + 1.5):
        # Another start: one of the usual ones, if there is a border.
        angle = usual[1] if usual[0] < 4 else round(ends[first], 0)
        change = program.set_keyword(s.call.node, "startangle", f"{angle:g}" if angle else None)
        reading.changes.append(change)
        distances = [abs((end - angle + 180) % 360 - 180) for end in ends]
        first = int(np.argmin(distances))
        wedges = [list(pie.wedges)[(first + (-k if clockwise else k)) % len(wedges)] for k in range(len(wedges))]
    shares = np.array([w.length for w in wedges])
    reading.columns[s.column] = percent_literals(shares / shares.sum() * 100)
    reading.complete(program.column(s.column)[0])
    out = [w.explode for w in wedges]
    amount = max(out)
    if amount > 0.04:
        text = f"{round(amount, 1) or 0.05:g}"
        change = program.set_keyword(
            s.call.node, "explode", f"[{', '.join(text if o > amount / 2 else '0' for o in out)}]"
        )
    else:
        change = program.set_keyword(s.call.node, "explode", None)
    reading.changes.append(change)
    if colors:
        own = literal_color(s.call, 0) is not None
        texts = [color_literal(w.color) for w in wedges]
        cycle = [np.abs(rgb("#" + CYCLE[k % 10]) - w.color).max() < SAME_COLOR for k, w in enumerate(wedges)]
        if all(cycle):
            change = program.set_keyword(s.call.node, "colors", None)
        elif own or not all(cycle):
            change = program.set_keyword(s.call.node, "colors", f"[{', '.join(texts)}]")
        reading.changes.append(change)


def percent_literals(shares: np.ndarray) -> list[str]:
    """Shares of 100 in whole numbers, if they are that as far as one can measure, else with a decimal."""
    whole = np.floor(shares)
    for k in np.argsort(whole - shares)[: int(round(100 - whole.sum()))]:
        whole[k] += 1
    if np.abs(whole - shares).max() > WHOLE:
        return value_literals(shares, 100)
    return [str(int(v)) for v in whole]

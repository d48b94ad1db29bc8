"""Programs of event plots: rows of upright strokes, each where something happened."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from chart2code.drawing import color_literal
from chart2code.program import brief, string_literal
from chart2code.scales import Scale
from chart2code.tick_labels import runs_of

if TYPE_CHECKING:
    from chart2code.sketches import Sheet

FEWEST, MOST = 5, 200  # strokes in a row
TALL, THICK = 8, 5  # pixels, the least height and the largest thickness of a stroke
UPRIGHT, ALIKE = 0.7, 0.85  # of a stroke's height, and of all ink, in strokes
UNIT = 0.06  # of the distance of rows: lengths and places that need no word


@dataclass
class Row:
    """Strokes of one colour: their columns, and the heights of their ends, in pixels."""

    color: np.ndarray
    places: np.ndarray
    top: float
    bottom: float

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2


def event_plot(sheet: Sheet) -> list[str]:
    """A program of the rows of strokes that a chart is; none if it is anything else."""
    rows = find_rows(sheet)
    x = Scale.of(sheet.target, sheet.box, "bottom")
    if not rows or x is None:
        return []
    y = Scale.of(sheet.target, sheet.box, "left")
    if y is None:  # names, or nothing: rows at 0, 1, ...
        gap = np.mean(np.diff([row.middle for row in rows])) if len(rows) > 1 else rows[0].top - rows[0].bottom
        y = Scale(-rows[0].middle / gap, 1 / gap)
    texts = [", ".join(x.literals(row.places, sheet.box[2] - sheet.box[0])) for row in rows]
    places = y(np.array([row.middle for row in rows]))
    length = float(np.mean([row.bottom - row.top for row in rows])) * abs(y.slope)
    keywords = [f"colors=[{', '.join(color_literal(row.color) for row in rows)}]"]
    if np.abs(places - np.arange(len(rows))).max() > UNIT:
        keywords.append(f"lineoffsets=[{', '.join(brief(float(place), UNIT) for place in places)}]")
    if abs(length - 1) > UNIT:
        keywords.append(f"linelengths={brief(length, 0.5 * UNIT)}")
    statements = ["\n".join(["events = [", *(f"    [{text}]," for text in texts), "]"])]
    statements.append(f"ax.eventplot(events, {', '.join(keywords)})")
    if Scale.of(sheet.target, sheet.box, "left") is None:
        names = ", ".join(string_literal(name) for name in sheet.words.names(len(rows)))
        statements += [f"names = [{names}]", f"ax.set_yticks(range({len(rows)}), names)"]
    return [sheet.program(*statements, *x.kind("ax", "x"))]


def find_rows(sheet: Sheet) -> list[Row]:
    """The rows of strokes of a chart, from below to above; none if it has anything else."""
    covers = sheet.covers(sheet.series)
    if not covers or any(solid for _, solid in sheet.series):
        return []
    ink = np.max(covers, axis=0) > 0.4  # in the soft edge of a stroke another colour may be seen
    edges = np.abs(np.diff(ink.astype(np.int8), axis=0, prepend=0)).sum(axis=1)
    borders = [(a + b - 1) // 2 for a, b in runs_of(edges >= FEWEST, 1)]  # strokes of two rows may touch
    rows, explained = [], 0
    for top, bottom in itertools.pairwise(borders):
        part = ink[top:bottom]
        if bottom - top < TALL or not part[len(part) // 2].any():
            continue
        amounts = [cover[top:bottom].sum() for cover in covers]
        row = _row(sheet.series[int(np.argmax(amounts))][0], part, top, bottom)
        if row is None:
            return []
        rows.append(row)
        explained += part.sum()
    return rows[::-1] if explained > ALIKE * ink.sum() else []


def _row(color: np.ndarray, ink: np.ndarray, top: int, bottom: int) -> Row | None:
    """The row of strokes in what is inked from row `top` to `bottom`; None if there is something else."""
    columns = ink.mean(axis=0) > UPRIGHT
    if (ink & columns).sum() < ALIKE * ink.sum():
        return None
    edges = np.diff(columns.astype(np.int8), prepend=0, append=0)
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    usual = max(1.0, float(np.median(stops - starts)))
    places = []
    for start, stop in zip(starts, stops):  # several that touch
        count = max(1, round((stop - start) / usual))
        places += [start + (stop - start) * (k + 0.5) / count - 0.5 for k in range(count)]
    if usual > THICK or not FEWEST <= len(places) <= MOST:
        return None
    return Row(color, np.array(places), top - 0.5, bottom - 0.5)

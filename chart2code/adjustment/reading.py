"""What is read off a target for one drawing, until it is a program."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

import numpy as np

from chart2code.drawing import Drawing
from chart2code.program import Change, Table, literal, number, string_literal
from chart2code.scales import value_literals
from chart2code.vocabulary import TIME_DIMENSIONS


@dataclass
class Reading:
    """What is read off a target for one drawing, collected as changes of its program."""

    drawing: Drawing
    target: np.ndarray
    columns: dict[str, list[str]] = field(default_factory=dict)
    changes: list[Change | None] = field(default_factory=list)  # None: nothing changes

    def code(self) -> str:
        program = self.drawing.program
        return program.changed([*program.write_columns(self.columns), *filter(None, self.changes)])

    def write(self, columns: dict[str, np.ndarray], span: float) -> None:
        """Sets columns of data, with as many digits as an axis of the length `span` shows."""
        for name, values in columns.items():
            self.columns[name] = value_literals(values, span)

    def complete(self, table: Table) -> int:
        """Makes the other columns of a table as long as those that were read; gives how many rows it has then."""
        rows = next((len(self.columns[name]) for name in table.names if name in self.columns), len(table.rows))
        if rows != len(table.rows):
            for k, name in enumerate(table.names):
                if name not in self.columns:
                    self.columns[name] = _extended([self.drawing.program.text(row[k]) for row in table.rows], rows)
        return rows


def _extended(texts: list[str], count: int) -> list[str]:
    """The literals of a column with more or fewer rows: series of numbers and of months go on, other names are new."""
    if count <= len(texts):
        return texts[:count]
    values = [number(ast.parse(text, mode="eval").body) for text in texts]
    if None not in values:
        step = values[-1] - values[-2] if len(values) > 1 else 1
        decimals = max(len(text.partition(".")[2]) for text in texts)
        return texts + [literal(values[-1] + step * k, decimals) for k in range(1, count - len(texts) + 1)]
    names = [ast.literal_eval(text) for text in texts]
    for items in TIME_DIMENSIONS.values():
        if count <= len(items) and all(name in items for name in names):
            start = max(0, min(items.index(names[0]), len(items) - count))
            return [string_literal(name) for name in items[start : start + count]] + texts[len(items) :]
    fresh = (f"Item {k}" for k in range(len(texts) + 1, 1000) if f"Item {k}" not in names)
    return texts + [string_literal(next(fresh)) for _ in range(count - len(texts))]

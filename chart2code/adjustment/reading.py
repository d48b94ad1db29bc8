"""What is read off a target for one drawing, until it is a program."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from chart2code.drawing import Drawing
from chart2code.program import Change
from chart2code.scales import value_literals


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

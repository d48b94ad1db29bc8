"""Bars beside each other, of which each series was measured for itself, written as one would write them: one table of
names and values, and the bars so far beside the places of the names."""

from __future__ import annotations

import ast
from collections.abc import Sequence

import numpy as np

from chart2code.captions import BEFORE
from chart2code.program import Change, PlotCall, Program, number, shifted, table_of

EVEN = 0.05  # of the distance between groups, by which a bar may stand elsewhere than the others of its series
BESIDE = 0.05  # of it: what is less far beside others stands upon them
WIDTHS, TICKS = {"bar": "width", "barh": "height"}, {"bar": "set_xticks", "barh": "set_yticks"}
NAMES = "categories"


def grouped(program: Program) -> list[str]:
    """
    The program with all series of bars in one table, first evenly spread, then as they stand; no program where bars
    stand upon each other, have one table already, or where their columns are used for more.
    """
    calls = [call for call in program.calls if call.method in WIDTHS]
    placed = [_places(program, call) for call in calls]
    if len(calls) < 2 or None in placed or len({(call.axes, call.method) for call in calls}) > 1:
        return []
    ticks = program.statement_calls(TICKS[calls[0].method])
    errors = [call.keyword("yerr") or call.keyword("xerr") for call in calls]
    used = [argument for call in calls for argument in call.node.args[:2]] + errors
    used += [argument for call in ticks for argument in call.args[1:2] if isinstance(argument, ast.Name)]
    columns = {node.id for node in used if isinstance(node, ast.Name)}
    tables = [table for table in program.tables if columns.intersection(table.names)]
    words = [node for node in ast.walk(program.tree) if isinstance(node, ast.Name)]
    if any(isinstance(node.ctx, ast.Load) and node.id in columns and node not in used for node in words):
        return []
    firsts, offsets, widths = zip(*placed)
    count, steps = len(tables[0].rows) if tables else 0, np.diff(np.sort(offsets))
    own = all(table.statement and columns.issuperset(table.names) and len(table.rows) == count for table in tables)
    if len(tables) < 2 or not own or len(ticks) > 1 or len({*firsts}) > 1 or min(steps) < BESIDE:
        return []

    named = next((name for name in sorted(columns) if program.strings(name)), None)
    new = {named: NAMES} if named else {}
    new |= {call.values[0]: f"y{k + 1}" for k, call in enumerate(calls)}
    new |= {node.id: f"errors{k + 1}" for k, node in enumerate(errors) if isinstance(node, ast.Name)}
    if any(node.id in {"x", *new.values()} - columns for node in words) or len(new) < len(calls) + bool(named):
        return []
    table = table_of({own: _texts(program, name) for name, own in new.items()})
    first, last = firsts[0], firsts[0] + count
    places = f"x = range({f'{first}, ' if first else ''}{last})"
    start, end = program.span(tables[0].statement)
    shared: list[Change] = [((start, end), f"{table}\n{places}")]
    shared += [program.drop_line(table.statement) for table in tables[1:]]
    ticked = f"{calls[0].axes}.{TICKS[calls[0].method]}(x, {NAMES})"
    if ticks and named:
        shared.append((program.span(ticks[0]), ticked))
    elif named:
        shared.append(program.add_statement(ticked, BEFORE))

    def written(offsets: Sequence[float], widths: Sequence[float]) -> str:
        changes = [*shared]
        for call, error, offset, width in zip(calls, errors, offsets, widths):
            texts = {call.node.args[0]: shifted(offset), call.node.args[1]: new[call.values[0]]}
            texts |= {error: new[error.id]} if isinstance(error, ast.Name) else {}
            changes += [(program.span(node), text) for node, text in texts.items()]
            changes.append(program.set_keyword(call.node, WIDTHS[call.method], f"{width:.3g}"))
        return program.changed(changes)

    step, width = (round(float(np.mean(of)), 2) for of in (steps, widths))
    even = (np.argsort(np.argsort(offsets)) - (len(calls) - 1) / 2) * step
    return [written(even, [min(width, step)] * len(calls)), written(np.round(offsets, 2), widths)]


def _texts(program: Program, name: str) -> list[str]:
    """The literals of a column, as they are written."""
    table, place = program.column(name)
    return [program.text(row[place]) for row in table.rows]


def _places(program: Program, call: PlotCall) -> tuple[int, float, float] | None:
    """
    The first place of the groups that bars are in, how far beside the places they stand, and how wide they are. None
    for what does not stand in every group, on the axis.
    """
    own = program.literals(call.x)
    if own is None and program.strings(call.x) is not None:
        own = [float(k) for k in range(len(program.column(call.x)[0].rows))]
    if own is None or len(call.values) != 1 or len(call.node.args) != 2:
        return None
    if {"bottom", "left", "align"}.intersection(k.arg for k in call.node.keywords):
        return None
    slots = np.floor(np.array(own) + 0.5)
    offsets, width = own - slots, number(call.keyword(WIDTHS[call.method]))
    if (np.diff(slots) != 1).any() or np.ptp(offsets) > EVEN:
        return None
    return int(slots[0]), float(offsets.mean()), 0.8 if width is None else width

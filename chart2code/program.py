"""A plotting program as something to edit: `Program` finds its data, its plotting calls and their arguments.

Found by `ast`, changed in the text, so that all that isn't changed keeps its layout. Data are looked for where
programs of this repository's model have them, in tables (``x, y = zip(*[(1, 2), (3, 4)])``), and in plain lists
(``values = [1, 2]``).
"""

from __future__ import annotations

import ast
import bisect
import io
import itertools
import math
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from operator import itemgetter
from typing import Any

# method -> positions of its positional arguments that hold values, in the order (x, y); None: it has no such argument
PLOTTING = {
    "bar": (0, 1),
    "barh": (0, 1),
    "plot": (0, 1),
    "step": (0, 1),
    "errorbar": (0, 1),
    "scatter": (0, 1),
    "pie": (None, 0),
    "stackplot": (0, 1),
    "fill_between": (0, 1),
    "imshow": (None, 0),
    "pcolormesh": (None, 0),
    "bxp": (None, 0),
    "violin": (None, 0),
    "eventplot": (None, 0),
}
FIGSIZE = (6.4, 4.8)  # matplotlib's own
Change = tuple[tuple[int, int], str]  # (start, end) in the text, and what stands there instead


@dataclass(frozen=True)
class Table:
    """Columns of literals that belong together: the rows of ``zip(*[...])``, or one plain list."""

    names: tuple[str, ...]
    rows: tuple[tuple[ast.expr, ...], ...]
    node: ast.List
    zipped: bool
    statement: ast.stmt | None = None  # None: within a call


@dataclass(frozen=True)
class PlotCall:
    """``axes.method(...)``: the name of its axes, its names of the columns of x and of the values (None: no such)."""

    node: ast.Call
    axes: str
    method: str
    x: str | None
    values: tuple[str, ...]

    def keyword(self, name: str) -> ast.expr | None:
        return next((keyword.value for keyword in self.node.keywords if keyword.arg == name), None)


@cache
def settings(sheet: str | None) -> dict[str, Any]:
    """matplotlib's settings under a style sheet, its own without one that it knows."""
    from matplotlib import rcParamsDefault, style  # not at the top: training alters programs without it

    return rcParamsDefault | style.library.get(sheet, {})


def tick_points(sheet: dict[str, Any]) -> float:
    """The size of the labels at the ticks under some settings, in points."""
    from matplotlib.font_manager import font_scalings

    size = sheet["xtick.labelsize"]
    return sheet["font.size"] * font_scalings[size] if isinstance(size, str) else float(size)


class Program:
    """A program and what is found in it.

    Raises:
        SyntaxError, ValueError: `code` is no program.
    """

    def __init__(self, code: str):
        self.code = code
        self.tree = ast.parse(code)
        self._lines = [0]
        for line in code.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))
        self._ascii = code.isascii()

    @cached_property
    def settings(self) -> dict[str, Any]:
        """matplotlib's settings under the style sheet that the program uses."""
        sheets = [call.args[0] for call in self.statement_calls("use") if call.args]
        name = sheets[0].value if sheets and isinstance(sheets[0], ast.Constant) else None
        return settings(name)

    # Text

    def _place(self, line: int, column: int) -> int:
        start = self._lines[line - 1]
        if self._ascii:
            return start + column
        text = self.code[start : self._lines[line]].encode()  # ast counts bytes
        return start + len(text[:column].decode(errors="ignore"))

    def span(self, node: ast.expr | ast.stmt | ast.keyword) -> tuple[int, int]:
        return self._place(node.lineno, node.col_offset), self._place(node.end_lineno, node.end_col_offset)

    def text(self, node: ast.expr) -> str:
        start, end = self.span(node)
        return self.code[start:end]

    def changed(self, changes: Iterable[Change]) -> str:
        """The code with these changes; where two overlap, the first holds."""
        code, taken = self.code, []  # in their order in the code, so that their ends are in order, too
        for (start, end), text in changes:
            after = bisect.bisect_right(taken, start, key=itemgetter(1))  # the first one that ends behind the start
            if after == len(taken) or taken[after][0] >= end:
                bisect.insort(taken, (start, end, text))
        for start, end, text in reversed(taken):
            code = code[:start] + text + code[end:]
        return code

    # Data

    @cached_property
    def tables(self) -> list[Table]:
        found = []
        for statement in self.tree.body:
            if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
                continue
            target, value = statement.targets[0], statement.value
            if isinstance(target, ast.Tuple) and all(isinstance(name, ast.Name) for name in target.elts):
                rows = _zipped_rows(value, len(target.elts))
                if rows:
                    names = tuple(name.id for name in target.elts)
                    found.append(Table(names, rows, value.args[0].value, True, statement))
            elif isinstance(target, ast.Name) and _is_list(value):
                rows = tuple((element,) for element in value.elts)
                found.append(Table((target.id,), rows, value, False, statement))
        for call in self.calls:
            for node in call.node.args:
                if _is_list(node):  # ax.plot([1, 2], [3, 4])
                    found.append(Table((self._inline(node),), tuple((element,) for element in node.elts), node, False))
        return found

    def _inline(self, node: ast.expr) -> str:
        """The name that a list of literals within a call goes by here."""
        return f"@{self.span(node)[0]}"

    def column(self, name: str | None) -> tuple[Table, int] | None:
        for table in self.tables:
            if name in table.names:
                return table, table.names.index(name)
        return None

    def literals(self, name: str | None) -> list[float] | None:
        """The numbers of a column, or None if it isn't one of numbers."""
        column = self.column(name)
        if column is None:
            return None
        values = [number(row[column[1]]) for row in column[0].rows]
        return None if None in values else values

    def strings(self, name: str | None) -> list[str] | None:
        column = self.column(name)
        if column is None:
            return None
        values = [row[column[1]].value for row in column[0].rows if isinstance(row[column[1]], ast.Constant)]
        return values if len(values) == len(column[0].rows) and all(isinstance(v, str) for v in values) else None

    def write_columns(self, columns: dict[str, Sequence[str]]) -> list[Change]:
        """
        Changes that give columns these literals. Columns that get more or fewer rows than they have must be all the
        columns of their table.
        """
        changes = []
        for table in self.tables:
            wanted = {i: columns[name] for i, name in enumerate(table.names) if name in columns}
            if not wanted:
                continue
            count = len(next(iter(wanted.values())))
            if count == len(table.rows):
                for i, texts in wanted.items():
                    changes += [(self.span(row[i]), text) for row, text in zip(table.rows, texts)]
            elif len(wanted) == len(table.names):
                changes.append(self._rewritten(table, [wanted[i] for i in range(len(table.names))]))
        return changes

    def add_columns(self, table: Table, columns: dict[str, Sequence[str]]) -> list[Change]:
        """Changes that give a table more columns, or, if it is a plain list, lists beside it."""
        if table.statement is None:
            return []
        if not table.zipped:
            end = self.span(table.statement)[1]
            return [((end, end), "".join(f"\n{name} = [{', '.join(texts)}]" for name, texts in columns.items()))]
        rows = [table.statement.targets[0].elts, *table.rows]
        texts = [tuple(columns), *zip(*columns.values())]
        return [((self.span(row[-1])[1],) * 2, f", {', '.join(text)}") for row, text in zip(rows, texts)]

    def _rewritten(self, table: Table, columns: Sequence[Sequence[str]]) -> Change:
        """The list of a table with other rows; brackets and separators stay as they are written."""
        elements = table.node.elts
        start, end = self.span(table.node)
        head, tail = self.code[start : self.span(elements[0])[0]], self.code[self.span(elements[-1])[1] : end]
        between = ", "
        if len(elements) > 1:
            between = self.code[self.span(elements[0])[1] : self.span(elements[1])[0]]
        rows = [f"({', '.join(row)})" if table.zipped else row[0] for row in zip(*columns)]
        return (start, end), head + between.join(rows) + tail

    def with_series(self, call: PlotCall, name: str, keywords: dict[str, str | None]) -> str | None:
        """
        The program with a copy of a call and of its values, as `name` and with these keywords, or None. Points get
        places of their own, if their table holds nothing else.
        """
        if len(call.values) != 1:
            return None
        column = self.column(call.values[0])
        statement = self.statement_of(call.node)
        if column is None or column[0].statement is None or statement is None:
            return None
        table, place = column
        renamed = {call.values[0]: name}
        if call.method == "scatter":
            if not table.zipped or set(table.names) != {call.x, *call.values}:
                return None
            names = {node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name)}
            renamed[call.x] = next(x for n in itertools.count(2) if (x := f"x{n}") not in names)
            start, end = self.span(table.statement)
            value = self.span(table.statement.value)[0]
            names = ", ".join(renamed[column] for column in table.names)
            changes = [((end, end), f"\n{names} = {self.code[value:end]}")]
        elif table.zipped:
            target = table.statement.targets[0].elts[place]
            changes = [((self.span(target)[1],) * 2, f", {name}")]
            changes += [((self.span(row[place])[1],) * 2, f", {self.text(row[place])}") for row in table.rows]
        else:
            end = self.span(table.statement)[1]
            changes = [((end, end), f"\n{name} = {self.text(table.node)}")]
        arguments = [a for a in call.node.args if isinstance(a, ast.Name) and a.id in renamed]
        own = [(self.span(argument), renamed[argument.id]) for argument in arguments]
        own += [change for key, text in keywords.items() if (change := self.set_keyword(call.node, key, text))]
        start, end = self.span(statement)
        copy = self.code[start:end]
        for (a, b), text in sorted(own, reverse=True):
            copy = copy[: a - start] + text + copy[b - start :]
        return self.changed([*changes, ((end, end), "\n" + copy)])

    def without_series(self, call: PlotCall) -> str | None:
        """The program without a call and its values, or None, as where these are used elsewhere too."""
        if len(call.values) != 1:
            return None
        name, statement = call.values[0], self.statement_of(call.node)
        column = self.column(name)
        uses = [n.id for n in ast.walk(self.tree) if isinstance(n, ast.Name)]
        if column is None or column[0].statement is None or statement is None or uses.count(name) != 2:
            return None
        table, place = column
        changes = [self.drop_line(statement)]
        if table.zipped and {*table.names} == {call.x, name} and uses.count(call.x) == 2:
            changes.append(self.drop_line(table.statement))
        elif table.zipped:
            if place == 0:
                return None
            elements = [table.statement.targets[0].elts, *table.rows]
            changes += [((self.span(e[place - 1])[1], self.span(e[place])[1]), "") for e in elements]
        else:
            changes.append(self.drop_line(table.statement))
        return self.changed(changes)

    @cached_property
    def figure_size(self) -> tuple[float, float]:
        """Width and height of the figure, in inches."""
        for call in self.statement_calls("subplots") + self.statement_calls("figure"):
            if sides := figsize_of(call):
                return sides
        return FIGSIZE

    # Calls

    @cached_property
    def _nodes(self) -> list[ast.Call]:
        """All calls."""
        return [node for node in ast.walk(self.tree) if isinstance(node, ast.Call)]

    @cached_property
    def calls(self) -> list[PlotCall]:
        """The plotting calls, in the order of the text."""
        found = []
        for node in self._nodes:
            if not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr not in PLOTTING or not isinstance(node.func.value, ast.Name):
                continue
            x, y = PLOTTING[node.func.attr]
            if node.func.attr == "plot" and len(node.args) == 1:
                x, y = None, 0
            names = [
                argument.id
                if isinstance(argument, ast.Name)
                else self._inline(argument)
                if _is_list(argument)
                else None
                for argument in node.args
            ]
            last = len(names) if node.func.attr == "stackplot" else y + 1
            values = tuple(name for name in names[y:last] if name is not None)
            place = names[x] if x is not None and len(names) > x else None
            found.append(PlotCall(node, node.func.value.id, node.func.attr, place, values))
        return sorted(found, key=lambda call: self.span(call.node))

    def statement_calls(self, method: str) -> list[ast.Call]:
        """Calls of a method of any object, as ``ax.legend(...)``."""
        found = [n for n in self._nodes if isinstance(n.func, ast.Attribute) and n.func.attr == method]
        return sorted(found, key=self.span)

    def written_at_bars(self) -> set[str]:
        """The columns whose values are written at the bars."""
        calls = [call for call in self.statement_calls("bar_label") if all(k.arg != "labels" for k in call.keywords)]
        names, found = {self.text(call.args[0]) for call in calls if call.args}, set()
        for call in self.calls if calls else ():
            statement = self.statement_of(call.node)
            own = {self.text(target) for target in getattr(statement, "targets", ())}
            if call.method in ("bar", "barh") and (own & names or f"in {call.axes}.containers" in self.code):
                found.update(call.values)
        return found

    def statement_calls_of_name(self, name: str) -> list[ast.Call]:
        """Calls of a function by its name, as ``range(3)``."""
        return [node for node in self._nodes if isinstance(node.func, ast.Name) and node.func.id == name]

    def set_keyword(self, call: ast.Call, name: str, text: str | None) -> Change | None:
        """The change that gives a keyword of a call this value, or takes it away (None); None if nothing changes."""
        for keyword in call.keywords:
            if keyword.arg == name:
                if text is not None:
                    return self.span(keyword.value), text
                start, end = self.span(keyword)
                before = self.code[:start].rstrip()
                if before.endswith(","):
                    return (len(before) - 1, end), ""
                after = self.code[end:]
                rest = after.lstrip()
                if rest.startswith(","):
                    end += len(after) - len(rest[1:].lstrip())
                return (start, end), ""
        if text is None:
            return None
        arguments = [*call.args, *call.keywords]
        if not arguments:
            end = self.span(call)[1] - 1
            return (end, end), f"{name}={text}"
        end = max(self.span(argument)[1] for argument in arguments)
        return (end, end), f", {name}={text}"

    def add_statement(self, text: str, before: Sequence[str] = ("tight_layout",)) -> Change:
        """The change that adds a statement at the end, but before calls of the methods `before`, show and savefig."""
        drawn = max((self.span(call.node)[1] for call in self.calls), default=0)
        for statement in self.tree.body:
            if self.span(statement)[0] < drawn:
                continue
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
                function = statement.value.func
                if isinstance(function, ast.Attribute) and function.attr in (*before, "show", "savefig"):
                    start = self.span(statement)[0]
                    return (start, start), f"{text}\n"
        end = len(self.code)
        return (end, end), ("" if self.code.endswith("\n") else "\n") + f"{text}\n"

    def statement_of(self, call: ast.Call) -> ast.stmt | None:
        """The statement of the module that a call is in."""
        return next((s for s in self.tree.body if any(node is call for node in ast.walk(s))), None)

    def drop_statement(self, call: ast.Call) -> Change | None:
        """The change that takes away the statement which is this call, with its line."""
        for statement in self.tree.body:
            if isinstance(statement, ast.Expr) and statement.value is call:
                return self.drop_line(statement)
        return None

    def drop_line(self, statement: ast.stmt) -> Change:
        """The change that takes away a statement with its line."""
        start, end = self.span(statement)
        return (start, end + (self.code[end : end + 1] == "\n")), ""


def _is_literal(node: ast.expr) -> bool:
    return number(node) is not None or isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_list(node: ast.expr) -> bool:
    return isinstance(node, ast.List) and bool(node.elts) and all(map(_is_literal, node.elts))


def _zipped_rows(node: ast.expr, width: int) -> tuple[tuple[ast.expr, ...], ...] | None:
    """The rows of ``zip(*[(...), ...])``, if all are literals and as many as `width` in each."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "zip"):
        return None
    if node.keywords or len(node.args) != 1 or not isinstance(node.args[0], ast.Starred):
        return None
    rows = node.args[0].value
    if not isinstance(rows, ast.List) or not rows.elts:
        return None
    if not all(isinstance(row, ast.Tuple) and len(row.elts) == width for row in rows.elts):
        return None
    if not all(_is_literal(element) for row in rows.elts for element in row.elts):
        return None
    return tuple(tuple(row.elts) for row in rows.elts)


def number(node: ast.expr | None) -> float | None:
    """The value of a number literal, with or without a minus; None for anything else."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = number(node.operand)
        return None if value is None else -value
    if isinstance(node, ast.Constant) and type(node.value) in (int, float) and math.isfinite(node.value):
        return float(node.value)
    return None


def figsize_of(call: ast.Call) -> tuple[float, float] | None:
    """The width and the height, in inches, that a call names."""
    for keyword in call.keywords:
        sides = [number(side) for side in getattr(keyword.value, "elts", ())]
        if keyword.arg == "figsize" and len(sides) == 2 and all(side and side > 0 for side in sides):
            return sides[0], sides[1]
    return None


def decimals_for(error: float) -> int:
    """How many decimals (negative: zeros before the point) keep the error of rounding below `error`."""
    return math.ceil(-math.log10(2 * error)) if error > 0 else 6


def literal(value: float, decimals: int) -> str:
    """The literal of a rounded number, 1200 or 0.50 or -3: always `decimals` decimals, if that is positive."""
    value = round(value, decimals) + 0.0  # no -0
    return f"{value:.{decimals}f}" if decimals > 0 else str(int(value))


def brief(value: float, error: float) -> str:
    """The literal with the fewest digits that is not further than `error` from a value."""
    decimals = next(d for d in range(-12, 13) if abs(round(value, d) - value) <= error or d == 12)
    return literal(value, decimals)


def shifted(offset: float) -> str:
    """The places `x` of groups, or so far beside them."""
    return f"[i {'-' if offset < 0 else '+'} {abs(offset):g} for i in x]" if offset else "x"


def table_of(columns: Mapping[str, Iterable[str]]) -> str:
    """The statement that defines columns, given by their names and literals, as rows of a table."""
    rows = ", ".join(f"({', '.join(row)})" for row in zip(*columns.values()))
    return f"{', '.join(columns)} = zip(*[{rows}])"


def string_literal(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def called(node: ast.AST) -> str | None:
    """The name of the function or method, if the node is a call."""
    function = node.func if isinstance(node, ast.Call) else None
    return getattr(function, "attr", None) or getattr(function, "id", None)


def double_quotes(text: str) -> str:
    """Plain strings in double quotes, in which charts' programs have them; `ast.unparse` writes single ones."""
    tokens = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        string = token.string
        if token.type == tokenize.STRING and string[0] == "'" == string[-1] and string[:3] != "'''":
            if '"' not in string and "\\" not in string:
                tokens.append((token.start, f'"{string[1:-1]}"'))
    lines = text.splitlines(keepends=True)
    for (row, column), string in tokens:  # of the same length
        line = lines[row - 1]
        lines[row - 1] = line[:column] + string + line[column + len(string) :]
    return "".join(lines)

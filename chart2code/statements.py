"""A program of synthetic.py as statements to alter, and the room that its texts need: for wide.py.

Statements and keyword arguments that are added come to their places in the order of synthetic.py. Sizes are known
about, from the lengths of the texts and the settings of matplotlib; nothing is drawn.
"""

from __future__ import annotations

import ast
import math
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib.colors import is_color_like, to_rgb
from matplotlib.font_manager import font_scalings

from chart2code.program import called, double_quotes, settings
from chart2code.synthetic import ChartProgram, Draw

MARKS = ("bar", "barh", "plot", "scatter", "pie", "stackplot", "errorbar", "fill_between")
STATEMENTS = (
    "import", "use", "rcParams", "subplots", "zip range", " ".join((*MARKS, "bar_label", "twinx")), "axhline axvline",
    "annotate text", "set_title", "set_xlabel set_ylabel", "set_xticks", "tick_params invert_yaxis",
    "set_major_formatter", "set_xlim set_ylim", "legend", "grid", "set_axisbelow", "set_visible", "set_facecolor",
    "tight_layout",
)  # fmt: skip
ORDER = {name: place for place, names in enumerate(STATEMENTS) for name in names.split()}
KEYWORDS = (
    "loc bbox_to_anchor ncol fontsize frameon title figsize facecolor axis s width height bottom yerr explode labels "
    "colors color marker markersize linestyle linewidth alpha edgecolor hatch capsize label"
).split()
SANS = 0.58  # width of a usual character of matplotlib's own font, in ems
EM = 100 / 72  # pixels of a point
LEAST_EM = 7.0  # pixels of the model's canvas

Slot = tuple[list[ast.expr], int]  # where an expression stands


def distance(a: Any, b: Any) -> float:
    """How well a colour is seen on another: their distance, or 0 where both are dark."""
    colors = to_rgb(a), to_rgb(b)
    dark = all(0.3 * red + 0.6 * green + 0.1 * blue < 0.3 for red, green, blue in colors)
    return 0.0 if dark else math.dist(*colors)


class _Verbatim(ast.NodeTransformer):
    """Numbers with a point as they are written, with their zeros: as names, which `ast.unparse` writes as they are."""

    def __init__(self, code: str):
        self.code = code

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return ast.Name(ast.get_source_segment(self.code, node)) if type(node.value) is float else node


class Statements:
    """A program of synthetic.py, and what is known of its picture without drawing it."""

    def __init__(self, program: ChartProgram, draw: Draw):
        self.draw = draw
        self.family, self.variant = program.chart_type, program.variant
        self.body = _Verbatim(program.code).visit(ast.parse(program.code)).body
        self.sheet: str | None = None
        self.font: dict[str, Any] = {}
        self.width = SANS  # of a character
        self.resized = False  # whether the figure shall have another size
        # Columns of the tables: {name: where its literals stand}.
        self.columns: dict[str, list[Slot]] = {}
        for statement in self.body:
            if called(getattr(statement, "value", None)) == "zip":
                rows = statement.value.args[0].value.elts
                for place, target in enumerate(statement.targets[0].elts):
                    self.columns[target.id] = [(row.elts, place) for row in rows]
        self.categories = [column for column in self.columns.values() if text_at(column[0]) is not None]

    # What stands in the program

    @property
    def rc(self) -> Mapping[str, Any]:
        """The settings of matplotlib under which the chart is drawn."""
        return ChainMap(self.font, settings(self.sheet))

    def points(self, key: str) -> float:
        """A font size of the settings, in points."""
        size = self.rc[key]
        return self.rc["font.size"] * font_scalings[size] if isinstance(size, str) else float(size)

    def calls(self, *methods: str) -> list[ast.Call]:
        """The calls of the methods, but those in tables of data."""
        statements = [s for s in self.body if called(getattr(s, "value", None)) != "zip"]
        return [node for statement in statements for node in ast.walk(statement) if called(node) in methods]

    def keywords(self, name: str, *methods: str) -> list[ast.expr]:
        """The values of a keyword argument in the calls of the methods."""
        return [k.value for call in self.calls(*methods) for k in call.keywords if k.arg == name]

    def put(self, call: ast.Call, name: str, source: str | None) -> None:
        """Gives a call a keyword argument, at its place among the others; None takes it away."""
        others = [k for k in call.keywords if k.arg != name]
        if source is not None:
            own = KEYWORDS.index(name)
            later = (i for i, k in enumerate(others) if k.arg in KEYWORDS and KEYWORDS.index(k.arg) > own)
            others.insert(next(later, len(others)), ast.keyword(name, ast.parse(source, mode="eval").body))
        call.keywords = others

    def add(self, source: str) -> None:
        """Adds a statement at its place among the others."""
        (new,) = ast.parse(source).body
        place = next((i for i, s in enumerate(self.body) if _order(s) > _order(new)), len(self.body))
        self.body.insert(place, new)

    def drop(self, method: str) -> None:
        """Takes away the statements that are calls of a method."""
        self.body = [s for s in self.body if called(getattr(s, "value", None)) != method]

    def colors(self, *names: str) -> set[str]:
        """Colours that the program says, as the given arguments, of marks and lines."""
        values = [value for name in names for value in self.keywords(name, *MARKS, "axhline", "axvline")]
        nodes = [node for value in values for node in ast.walk(value) if isinstance(node, ast.Constant)]
        return {node.value for node in nodes if is_color_like(node.value)}

    def numbers(self, column: list[Slot]) -> list[float]:
        """The numbers of a column; of names, their places."""
        if column in self.categories:
            return list(map(float, range(len(column))))
        return [float(ast.unparse(elements[place])) for elements, place in column]

    def value_columns(self) -> dict[str, list[list[Slot]]]:
        """The columns of data by the axis along which they are drawn: x, y, or y2 at the right."""
        found: dict[str, list[list[Slot]]] = {}
        points = self.family == "scatter" or self.variant == "scatter_line"
        for place, (name, column) in enumerate(self.columns.items()):
            if self.family != "pie" and column not in self.categories and (points or place):
                axis = name[0] if points else "x" if self.variant == "horizontal" else "y"
                found.setdefault("y2" if self.variant == "dual_axis" and name == "y2" else axis, []).append(column)
        return found

    # What stands in the picture

    def entries(self) -> list[str]:
        """What stands in the legend."""
        if self.family == "pie":
            return [text_at(slot) for slot in self.categories[0]]
        series = self.keywords("label", *MARKS) or [e for v in self.keywords("labels", "stackplot") for e in v.elts]
        return [node.value for node in series]

    def legend_size(self, call: ast.Call) -> tuple[float, float]:
        """About the pixels of a legend in one column."""
        said = {k.arg: k.value for k in call.keywords}
        size = (said["fontsize"].value if "fontsize" in said else self.points("legend.fontsize")) * EM
        texts = [*self.entries(), *([said["title"].value] if "title" in said else [])]
        return (max(map(len, texts)) * self.width + 4) * size, (1.3 * len(texts) + 0.8) * size

    def scene(self) -> tuple[tuple[float, float], tuple[float, float], list[list[float]]] | None:
        """The ends of the axes' scales, about, and places of ink as shares of them; None where that is not known."""
        if self.family == "pie" or self.variant in ("horizontal", "dual_axis"):
            return None
        points: list[tuple[float, float]] = []
        first = next(iter(self.columns))
        bars, base = bool(self.calls("bar")), [0.0] * len(self.columns[first])
        for call in self.calls("bar", "plot", "scatter", "errorbar", "stackplot", "fill_between"):
            kind, (x, *ys) = called(call), call.args
            if isinstance(x, ast.List):
                rows = [[float(ast.unparse(e)) for e in argument.elts] for argument in (x, *ys)]
            else:
                names = [getattr(argument, "id", first) for argument in call.args]
                rows = [self.numbers(self.columns[name]) for name in names if name in self.columns]
            xs = list(range(len(base))) if bars else rows[0]
            for values in rows[-len(ys) :]:
                stacked = kind == "stackplot" or any(k.arg == "bottom" for k in call.keywords)
                tops = [a + b for a, b in zip(base, values)] if stacked else values
                if kind in ("bar", "stackplot"):
                    base = tops
                if kind == "bar":
                    corners = [(x + side, top) for x, top in zip(xs, tops) for side in (-0.4, 0, 0.4)]
                    points += [(x, top * k / 8) for x, top in corners for k in range(9)]
                    continue
                line = list(zip(xs, tops))
                if kind != "scatter":
                    steps = [(i / 8, p, q) for p, q in zip(line, line[1:]) for i in range(9)]
                    line = [(p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1])) for t, p, q in steps]
                points += line
                if kind in ("stackplot", "fill_between"):
                    points += [(x, y * k / 8) for x, y in line for k in range(8)]
        (left, right), (low, high) = ((min(column), max(column)) for column in zip(*points))
        below = 0.0 if low == 0 and (bars or self.variant == "stacked_area") else 0.05  # they stand on the axis
        x_ends = left - 0.05 * (right - left), right + 0.05 * (right - left)
        y_ends = low - below * (high - low), high + 0.05 * (high - low)
        for call in self.calls("set_ylim"):
            y_ends = 0.0, float(ast.unparse(call.args[1]))
        for call in self.calls("axhline"):
            points += [(left + (right - left) * k / 20, float(ast.unparse(call.args[0]))) for k in range(21)]
        shares = [[(v - a) / (b - a) for v, (a, b) in zip(point, (x_ends, y_ends))] for point in points]
        return x_ends, y_ends, shares

    def shows(self, color: str) -> bool:
        """Whether a colour can be seen on the axes."""
        faces = [call.args[0].value for call in self.calls("set_facecolor")] or [self.rc["axes.facecolor"]]
        return distance(color, faces[0]) > 0.3

    def has_spines(self) -> bool:
        """Whether the frame of the axes can be seen."""
        rc = self.rc
        edge = rc["axes.edgecolor"]
        return rc["axes.linewidth"] > 0 and all(distance(edge, rc[f"{p}.facecolor"]) > 0.1 for p in ("axes", "figure"))

    @property
    def figsize(self) -> tuple[float, float]:
        """Width and height of the figure, in inches."""
        said = self.keywords("figsize", "subplots")
        return tuple(float(ast.unparse(side)) for side in said[0].elts) if said else tuple(self.rc["figure.figsize"])

    def room(self) -> Callable[[float, float], bool]:
        """Whether the texts have room in a figure of a width and a height, in inches, and can be read on the model's
        canvas."""
        tick, label = (self.points(f"{key}.labelsize") * EM for key in ("xtick", "axes"))
        beside = self._beside()
        longest = max(map(len, self.tick_names()), default=0) * self.width * tick
        widths, heights = [300 + 5 * tick + beside], [longest / 0.35, 130 + 9 * tick]
        if self.family == "pie":
            widths.append(2 * longest + 220 + beside)
        elif self.variant == "horizontal":
            widths.append(longest + 250)
            heights = [(1.6 * len(self.categories[0]) + 9) * tick]
        for call in self.calls("set_title", "set_xlabel", "set_ylabel"):
            said = {k.arg: k.value for k in call.keywords}
            size = said["fontsize"].value * EM if "fontsize" in said else label
            if called(call) == "set_title" and "fontsize" not in said:
                size = self.points("axes.titlesize") * EM
            length = len(call.args[0].value) * self.width * size * (1.12 if "fontweight" in said else 1)
            (heights if called(call) == "set_ylabel" else widths).append(length + 6 * tick)
        least, tall, most = max(widths) / 100, max(heights) / 100, tick * 5.12 / LEAST_EM
        sides = 2 * beside / 100 if self.family == "pie" else 0.0  # which stays in the middle
        return lambda width, height: least <= width <= most and tall <= height <= min(most, (width - sides) / 0.75)

    def _beside(self) -> float:
        """Pixels that a legend beside the axes takes from their width."""
        anchors = [ast.unparse(value) for value in self.keywords("bbox_to_anchor", "legend")]
        return sum(self.legend_size(c)[0] for c in self.calls("legend")) if anchors and anchors[0][:2] == "(1" else 0.0

    def tick_names(self) -> list[str]:
        """What stands below the axes, or beside the wedges."""
        if self.calls("set_xticks") and not self.categories:
            return [ast.unparse(elements[place]) for elements, place in next(iter(self.columns.values()))]
        if not self.categories or (self.family == "pie" and self.calls("legend")):
            return []
        return [text_at(slot) for slot in self.categories[0]]

    def fit(self) -> None:
        """A figure in which all texts have room; labels that would touch each other are turned."""
        draw, (figure,) = self.draw, self.calls("subplots")
        own, pie = tuple(self.rc["figure.figsize"]), self.family == "pie"
        if self.figsize == own:
            self.put(figure, "figsize", None)
        for _ in range(2):
            fits = self.room()
            if not self.resized and fits(*self.figsize):
                break
            sizes = [(w / 2, h / 2) for w in range(8, 25) for h in range(6, 17) if w <= (1.5 if pie else 2.2) * h]
            sizes = [size for size in sizes if size != own and fits(*size)]
            if sizes:
                width, height = min(draw.choice(sizes), draw.choice(sizes), key=math.prod)
                self.put(figure, "figsize", f"({width:g}, {height:g})")
                self.resized = False
                break
            for call in self.calls("set_title"):
                self.put(call, "fontsize", None)
        names, tick = self.tick_names(), self.points("xtick.labelsize") * EM
        if names and self.family != "pie" and self.variant != "horizontal" and not self.calls("tick_params"):
            beside = self._beside() + 10 * tick * (self.variant == "dual_axis")
            room = (100 * self.figsize[0] - 7 * tick - beside) / len(names)
            if (max(map(len, names)) * self.width + 1) * tick > room:
                self.add(f'ax.tick_params(axis="x", rotation={draw.choice((45, 45, 90))})')

    def code(self) -> str:
        """The program, without what would change nothing under its settings."""
        sizes = dict.fromkeys(("set_xlabel", "set_ylabel"), "axes.labelsize")
        sizes |= {"set_title": "axes.titlesize", "legend": "legend.fontsize"}
        for call in self.calls(*sizes):
            own = self.points(sizes[called(call)])
            if any(k.arg == "fontsize" and abs(k.value.value - own) < 0.7 for k in call.keywords):  # hardly to be seen
                self.put(call, "fontsize", None)
        if self.rc["axes.axisbelow"] is True or not (self.calls("grid") or self.rc["axes.grid"]):
            self.drop("set_axisbelow")
        if not self.calls("tight_layout"):
            self.add("fig.tight_layout()")
        first, *lines = [ast.unparse(ast.fix_missing_locations(statement)) for statement in self.body]
        return double_quotes("\n".join([first, "", *lines]) + "\n")


def text_at(slot: Slot) -> str | None:
    """The string that stands at a place."""
    value = getattr(slot[0][slot[1]], "value", None)
    return value if isinstance(value, str) else None


def _order(statement: ast.stmt) -> int:
    if isinstance(statement, ast.Import):
        return 0
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Subscript):
        return ORDER["rcParams"]
    return ORDER[called(statement.value)]


def write(column: Sequence[Slot], literals: Sequence[str]) -> None:
    """Puts numbers, as they are to be written, in the places of a column."""
    for (elements, place), text in zip(column, literals):
        elements[place] = ast.Name(text)


def is_free(points: list[list[float]], left: float, below: float, width: float, height: float) -> bool:
    """Whether none of the points lies in a box."""
    return not any(left <= x <= left + width and below <= y <= below + height for x, y in points)

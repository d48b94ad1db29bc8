"""The same chart in other clothes: style sheet, fonts, sizes, words, ranges of values, legend, grid, frame, notes.

The charts of synthetic.py have one font, the default style, four sizes and some 500 words. `widen` rewrites the syntax
tree of one of its programs. Each aspect is altered with a probability of its own program (few of them, some, or most),
so that each is seen alone and with others. The rules of synthetic.py hold: what a program says can be read from its
picture, no argument that changes nothing, one spelling of each thing and one order of statements; new titles and data
rows belong to the split. Nothing is said of the resolution: the picture is scaled to the model's canvas anyway.
"""

from __future__ import annotations

import ast
import datetime
import math
from dataclasses import replace
from decimal import Decimal
from itertools import count

from matplotlib.colors import to_rgb

from chart2code import open_words
from chart2code.program import called, decimals_for, literal, settings
from chart2code.statements import EM, MARKS, Slot, Statements, distance, is_free, write
from chart2code.synthetic import ChartProgram, Draw, split_of
from chart2code.vocabulary import TIME_DIMENSIONS

# Sheets that change the look. Those of seaborn ask for Arial first, which may be on a machine or not.
SHEETS = {
    "ggplot": 4, "seaborn-v0_8": 2, "seaborn-v0_8-whitegrid": 4, "seaborn-v0_8-darkgrid": 3, "bmh": 2,
    "fivethirtyeight": 3, "dark_background": 3, "grayscale": 1, "Solarize_Light2": 2, "seaborn-v0_8-dark": 1,
    "seaborn-v0_8-white": 1, "seaborn-v0_8-ticks": 1, "seaborn-v0_8-talk": 1,
}  # fmt: skip
# Sheets that bring other colours only: they show where marks have no colours of their own.
PALETTES = {f"seaborn-v0_8-{name}": 1 for name in "deep muted pastel bright colorblind dark-palette".split()}
PALETTES |= {"tableau-colorblind10": 2}
# Fonts that matplotlib ships, and the width of a usual character in ems.
FONTS = {"serif": 0.6, "monospace": 0.61, "STIXGeneral": 0.48}
FACES = (
    "whitesmoke", "ivory", "aliceblue", "honeydew", "linen", "lavender", "lightyellow", "#f5f5f5", "#eaeaf2",
)  # fmt: skip
PLACES = {  # of a legend: from the left, from below; in the order in which matplotlib looks for room
    "upper right": (1, 1), "upper left": (0, 1), "lower left": (0, 0), "lower right": (1, 0), "center right": (1, 0.5),
    "center left": (0, 0.5), "lower center": (0.5, 0), "upper center": (0.5, 1), "center": (0.5, 0.5),
}  # fmt: skip


def widen(program: ChartProgram, seed: int, split: str) -> ChartProgram:
    """
    The program with some of its aspects altered, the same on every machine for a seed and a split.

    Args:
        program: one of `generate_program`.
        seed: any integer.
        split: whose titles and data rows may be used; that of the program.
    """
    chart = _Wide(program, Draw(f"wide/{split}/{seed}", split))
    clothes = (
        chart.retell, chart.date, chart.rescale, chart.restyle, chart.reface, chart.resize_font, chart.resize,
        chart.remark, chart.regrid, chart.repaint, chart.refer,
    )  # fmt: skip
    share = chart.draw.choice((0.12, 0.3, 0.6))
    for aspects in (clothes, (chart.rekey, chart.note)):
        for aspect in aspects:
            if chart.draw.chance(share):
                aspect()
        chart.fit()
    return replace(program, code=chart.code())


class _Wide(Statements):
    """The aspects that may be altered, a method each."""

    # Words

    def retell(self) -> None:
        """Other words for the title, the labels of the axes, the categories, the series."""
        draw = self.draw
        for call in self.calls("set_title", "set_xlabel", "set_ylabel"):
            make = open_words.title if called(call) == "set_title" else open_words.label
            if draw.chance(0.8):
                length = len(call.args[0].value)
                call.args[0] = ast.Constant(make(draw, round(length * draw.uniform(0.5, 1.1))))
        groups = [[elements[place] for elements, place in column] for column in self.categories]
        series = self.keywords("label", *MARKS)
        groups.append(series or [label for value in self.keywords("labels", "stackplot") for label in value.elts])
        times = {name for names in TIME_DIMENSIONS.values() for name in names}
        for nodes in groups:
            if nodes and not times & {node.value for node in nodes} and draw.chance(0.8):
                for node, name in zip(nodes, open_words.names(draw, [len(node.value) for node in nodes])):
                    node.value = name

    def date(self) -> None:
        """Dates as text in the place of ordered names, or of a few categories."""
        draw, number = self.draw, len(next(iter(self.columns.values())))
        if not self.categories or self.variant == "horizontal" or self.family not in ("bar", "line", "complex"):
            return
        kinds = ("2021-03", "Mar 2021", "03/21", "14.05.", "14 May", "05-14", "Q2 2021", "FY21", "2021-05-14")
        kind, months = draw.choice(kinds), TIME_DIMENSIONS["Month"]
        step, year, first = draw.choice((1, 1, 2, 7)), draw.integer(1995, 2030), draw.integer(0, 11)
        day = datetime.date(year, first + 1, draw.integer(1, 28))
        texts = []
        for i in range(number):
            month, years = (first + i) % 12, year + (first + i) // 12
            date = day + datetime.timedelta(step * i)
            texts.append({
                "2021-03": f"{years}-{month + 1:02d}", "Mar 2021": f"{months[month]} {years}",
                "03/21": f"{month + 1:02d}/{years % 100:02d}", "14.05.": f"{date.day:02d}.{date.month:02d}.",
                "14 May": f"{date.day} {months[date.month - 1]}", "05-14": f"{date.month:02d}-{date.day:02d}",
                "Q2 2021": f"Q{(first + i) % 4 + 1} {year + (first % 4 + i) // 4}",
                "FY21": f"FY{(year + i) % 100:02d}",
                "2021-05-14": date.isoformat(),
            }[kind])  # fmt: skip
        for (elements, place), text in zip(self.categories[0], texts):
            elements[place] = ast.Constant(text)
        name = next(iter(self.columns))
        self.columns = {"dates" if key == name else key: column for key, column in self.columns.items()}
        for node in (node for statement in self.body for node in ast.walk(statement)):
            if isinstance(node, ast.Name) and node.id == name:
                node.id = "dates"
        for call in self.calls("set_xlabel"):
            call.args[0] = ast.Constant("Date")

    # Values

    def rescale(self) -> None:
        """Other ranges of values, at times below zero."""
        for axis, columns in self.value_columns().items():
            if self.draw.chance(0.8):
                self._rescale_axis(axis, columns)

    def _rescale_axis(self, axis: str, columns: list[list[Slot]]) -> None:
        draw = self.draw
        limits = [(call.args, 1) for call in self.calls(f"set_{axis}lim")]
        ends = [a.elts for call in self.calls("plot") for a in call.args if isinstance(a, ast.List)]
        fit = [(ends["xy".index(axis)], i) for i in range(2)] if ends else []
        rows = [[Decimal(ast.unparse(elements[place])) for elements, place in column] for column in columns]
        top = max(abs(value) for row in rows for value in row)
        many, written = sum(map(len, rows)) > 12, bool(self.calls("bar_label"))
        exponent = draw.integer(-2 if many or axis == "x" else -3, 3 if many or written else 4 if axis == "x" else 6)
        if written or draw.chance(0.4):  # the same digits
            factor = Decimal(10) ** (exponent - top.adjusted())
            digits = [-(value * factor).normalize().as_tuple().exponent for row in rows for value in row]
            decimals = max(1 - exponent, *digits)
        else:
            factor = Decimal(f"{draw.uniform(1, 9.9) * 10.0**exponent / float(top):.2g}")
            decimals = 1 - math.floor(math.log10(float(top * factor) / 6))
        step, offset = 10.0**-decimals, 0.0
        low = float(min(map(min, rows)) * factor)
        signed = self.variant in ("basic", "horizontal", "grouped", "single", "multi")
        if signed and low >= 0 and not limits and not written and draw.chance(0.2):
            offset = round(draw.uniform(low, float(top * factor)) / step / 10) * step * 10
            if self.family == "bar" and offset > low:
                self.add(f'ax.{"axvline" if axis == "x" else "axhline"}(0, color="black", linewidth=1)')
        for column, row in zip(columns, rows):
            write(column, self._own_row([float(value * factor) - offset for value in row], decimals, axis))
        write(fit, [literal(float(Decimal(ast.unparse(e[i])) * factor) - offset, decimals) for e, i in fit])
        for elements, place in limits:
            limit = Decimal(ast.unparse(elements[place])) * factor
            places = max(0, 1 - limit.adjusted())
            write([(elements, place)], [literal(float(f"{limit:.2g}"), places)])
        self._fit_formatter(axis, float(top * factor))

    def _own_row(self, values: list[float], decimals: int, axis: str) -> list[str]:
        """Literals of values, altered in the last digit until the row is of the split."""
        for attempt in count():
            moved = list(values)
            for _ in range(self.draw.integer(1, 3) if attempt else 0):
                place, most = self.draw.integer(0, len(values) - 1), 1 + attempt // 40
                moved[place] = values[place] + self.draw.integer(-most, most) * 10.0**-decimals
            row = [literal(value, decimals) for value in moved]
            seen = list(map(float, row))
            in_order = axis != "x" or self.variant == "horizontal" or all(a < b for a, b in zip(seen, seen[1:]))
            there = all(seen if self.family == "bar" else (b or not a for a, b in zip(values, seen)))
            if in_order and there and split_of(f"[{', '.join(row)}]") == self.draw.split:
                return row

    def _fit_formatter(self, axis: str, top: float) -> None:
        """Takes away a format of the ticks that no longer fits the values, and gives large ones separators."""
        for call in self.calls("set_major_formatter"):
            thousands = "," in call.args[0].value
            if call.func.value.attr == f"{axis}axis" and not (1000 <= top if thousands else 60 <= top < 1000):
                self.drop("set_major_formatter")
        if top >= 10_000 and axis != "y2" and not self.calls("set_major_formatter") and self.draw.chance(0.4):
            self.add(f'ax.{axis}axis.set_major_formatter("{{x:,.0f}}")')

    # Style sheets, fonts, sizes

    def restyle(self) -> None:
        """A style sheet under which all of the chart can be seen; what it brings is not asked for again."""
        own = self.colors("color", "edgecolor", "colors")
        sheets = {name: weight for name, weight in (SHEETS | PALETTES).items() if self._suits(name, own)}
        if not sheets:
            return
        self.sheet = self.draw.weighted(sheets)
        self.add(f'plt.style.use("{self.sheet}")')
        rc = self.rc
        if rc["axes.grid"]:
            self.drop("grid")
        if not self.has_spines():
            self.drop("set_visible")
        if rc["axes.facecolor"] != "white":
            self.drop("set_facecolor")
        for call in self.calls("legend"):
            if not rc["legend.frameon"]:
                self._take_frame(call, None)

    def _suits(self, name: str, own: set[str]) -> bool:
        """Whether the colours that the program says show under a style sheet, and differ from its own."""
        rc = settings(name)
        face, page = (to_rgb(rc[key]) for key in ("axes.facecolor", "figure.facecolor"))
        cycle, usual = ([to_rgb(color["color"]) for color in s["axes.prop_cycle"]] for s in (rc, settings(None)))
        if any(to_rgb(color) in cycle[:5] for color in own):
            return False
        cycled = any(not {"color", "colors"} & {k.arg for k in call.keywords} for call in self.calls(*MARKS))
        only_colors = name in PALETTES or self.family == "pie" and min(page) == 1
        if only_colors and (not cycled or cycle == usual):
            return False
        words = {node.value for node in self.keywords("color", "set_ylabel")}
        if any(distance(color, page) < 0.5 for color in words):
            return False
        if self.family == "pie":
            wedges = self.colors("colors") or cycle[: len(self.categories[0])]
            face, text = page, rc["text.color"]
            if self.keywords("autopct", "pie") and any(distance(text, color) < 0.45 for color in wedges):
                return False
        return all(distance(color, face) > 0.3 for color in own)

    def reface(self) -> None:
        """Another family of fonts, of those that matplotlib ships."""
        family = self.draw.weighted({"serif": 0.4, "STIXGeneral": 0.35, "monospace": 0.25})
        self.font["font.family"], self.width = family, FONTS[family]
        self.add(f'plt.rcParams["font.family"] = "{family}"')

    def resize_font(self) -> None:
        """Another base size of the fonts, where the style sheet does not say their sizes itself."""
        if isinstance(self.rc["xtick.labelsize"], str):
            size = self.draw.choice([size for size in (8, 9, 11, 12, 13, 14) if size != self.rc["font.size"]])
            self.font["font.size"] = size
            self.add(f'plt.rcParams["font.size"] = {size}')

    def resize(self) -> None:
        """Another size of the figure; see `fit`."""
        self.resized = True

    # Marks, grid, frame

    def remark(self) -> None:
        """Opacity, edges, thickness and size of the marks."""
        draw, calls = self.draw, self.calls("bar", "barh", "plot", "scatter")
        kind = called(calls[0]) if calls else None
        calls = [call for call in calls if called(call) == kind]
        said = {k.arg for call in calls for k in call.keywords}
        new: dict[str, str] = {}
        if kind == "plot":
            widths = [w for w in ("1", "2", "2.5", "4") if float(w) != self.rc["lines.linewidth"]]
            new["linewidth"] = draw.choice(widths)
            if "marker" in said and draw.chance(0.6):
                new["markersize"] = draw.choice(("4", "8", "10"))
        elif kind == "scatter":
            new["s"] = draw.choice(("20", "50", "80", "120"))
        edges = [c for c in ("black", "gray", "white") if c not in self.colors("color") and self.shows(c)]
        if kind in ("bar", "barh", "scatter") and "edgecolor" not in said and edges and draw.chance(0.6):
            new["edgecolor"] = f'"{draw.choice(edges)}"'
            if draw.chance(0.3):
                new["linewidth"] = "2"
        elif kind and draw.chance(0.5):
            new["alpha"] = draw.choice(("0.6", "0.7", "0.8"))
        for call in calls:
            for name in [n for n in new if n != "markersize" or any(k.arg == "marker" for k in call.keywords)]:
                self.put(call, name, new[name])

    def regrid(self) -> None:
        """Another grid, or none."""
        draw = self.draw
        if self.family == "pie":
            return
        had = bool(self.calls("grid"))
        self.drop("grid")
        if self.rc["axes.grid"]:
            self.add("ax.grid(False)")
        elif not had or draw.chance(0.8):
            self.add("ax.grid()")
            (call,) = self.calls("grid")
            self.put(call, "axis", draw.weighted({None: 0.5, '"y"': 0.35, '"x"': 0.15}))
            self.put(call, "linestyle", draw.weighted({None: 0.4, '"--"': 0.3, '":"': 0.2, '"-."': 0.1}))
            look = draw.weighted({"plain": 0.3, "alpha": 0.4, "color": 0.3})
            if look == "alpha":
                self.put(call, "alpha", draw.choice(("0.3", "0.5", "0.7")))
            elif look == "color":
                colors = [color for color in ("gray", "silver") if self.shows(color)]
                self.put(call, "color", f'"{draw.choice(colors)}"')

    def repaint(self) -> None:
        """Spines that are hidden, colours of the axes and the page."""
        draw, pie, rc = self.draw, self.family == "pie", self.rc
        if draw.chance(0.5) and not pie and self.variant != "dual_axis" and self.has_spines():
            self.drop("set_visible")
            sides = ('["top", "right"]', '["top", "right", "left"]', '["left", "right"]', '"right"', '"top"', ":")
            self.add(f"ax.spines[{draw.choice(sides)}].set_visible(False)")
            return
        own = self.colors("color", "edgecolor", "colors")
        faces = [face for face in FACES if all(distance(color, face) > 0.3 for color in own)]
        if faces and rc["axes.facecolor"] == rc["figure.facecolor"] == "white":
            face, where = draw.choice(faces), draw.weighted({"axes": 0.4, "page": 0.3, "both": 0.3})
            if where != "axes" or pie:
                (call,) = self.calls("subplots")
                self.put(call, "facecolor", f'"{face}"')
            if where != "page" and not pie:
                self.drop("set_facecolor")
                self.add(f'ax.set_facecolor("{face}")')

    # Lines of reference, legend, notes

    def refer(self) -> None:
        """A line across the axes at a value."""
        draw, axis = self.draw, "x" if self.variant == "horizontal" else "y"
        columns = self.value_columns().get(axis)
        if not columns or self.variant in ("dual_axis", "stacked_area") or self.calls("axhline", "axvline"):
            return
        values = [value for column in columns for value in self.numbers(column)]
        low, high = (0.0 if self.family == "bar" else min(values)), max(values)
        if high <= low:
            return
        colors = [c for c in ("gray", "black", "red", "tab:green") if self.shows(c) and c not in self.colors("color")]
        value = literal(low + (high - low) * draw.uniform(0.3, 0.95), decimals_for((high - low) / 60))
        line = draw.choice(('linestyle="--"', 'linestyle="--"', 'linestyle=":"', "linewidth=1"))
        self.add(f'ax.{"axvline" if axis == "x" else "axhline"}({value}, color="{draw.choice(colors)}", {line})')

    def rekey(self) -> None:
        """Place, title and frame of the legend."""
        draw, calls = self.draw, self.calls("legend")
        if not calls:
            return
        (call,) = calls
        said = {k.arg for k in call.keywords}
        if "bbox_to_anchor" in said or "loc" not in said:
            if draw.chance(0.35):
                title = open_words.word(draw, draw.integer(3, 9))
                self.put(call, "title", f'"{title if draw.chance(0.2) else title.capitalize()}"')
            if self.family == "scatter" or self.family != "pie" and draw.chance(0.8):
                self._place_legend(call)
        if self.rc["legend.frameon"] and draw.chance(0.3):
            self._take_frame(call, "False")

    def _take_frame(self, call: ast.Call, source: str | None) -> None:
        """A legend without a frame; beside the axes, if it could stand on bars or areas, or look like points."""
        self.put(call, "frameon", source)
        said = {k.arg for k in call.keywords}
        hides = self.calls("scatter") or self.calls("bar", "stackplot") and "loc" not in said
        if hides and "bbox_to_anchor" not in said:
            self.put(call, "loc", '"upper left"')
            self.put(call, "bbox_to_anchor", "(1, 1)")

    def _place_legend(self, call: ast.Call) -> None:
        """Where it hides nothing and matplotlib would not have put it, or beside or below the axes."""
        draw, width, height = self.draw, *self.legend_size(call)
        axes = [0.75 * side * 100 for side in self.figsize]
        scene, places = self.scene(), []
        if scene:
            wide, tall = (1.25 * size / side for size, side in zip((width, height), axes))
            corners = {name: (left * (1 - wide), below * (1 - tall)) for name, (left, below) in PLACES.items()}
            places = [name for name, corner in corners.items() if is_free(scene[2], *corner, wide, tall)][1:]
        if places and draw.chance(0.8):
            place, anchor = draw.choice(places), None
        elif draw.chance(0.35) and width * 2 < axes[0] and not self.calls("tick_params"):
            deep = 2 * self.points("xtick.labelsize")
            deep += 2 * self.points("axes.labelsize") * bool(self.calls("set_xlabel"))
            place, anchor = "upper center", f"(0.5, -{math.ceil(deep * EM / axes[1] * 20) / 20:g})"
            self.put(call, "ncol", str(len(self.entries())))
        else:
            place, anchor = draw.choice((("upper left", "(1, 1)"), ("center left", "(1, 0.5)")))
        self.put(call, "loc", f'"{place}"')
        self.put(call, "bbox_to_anchor", anchor)

    def note(self) -> None:
        """A remark in an empty part of the axes, at times with an arrow to a point of the data."""
        draw, scene = self.draw, self.scene()
        if scene is None or self.calls("legend", "bar_label"):
            return
        *ends, points = scene
        known = draw.chance(0.3)
        text = draw.choice(("Peak", "max", "Outlier")) if known else open_words.phrase(draw, draw.integer(3, 14))
        size = self.points("font.size") * EM
        wide, tall = len(text) * self.width * size / (self.figsize[0] * 75), 1.6 * size / (self.figsize[1] * 75)
        corners = [(0.04 + 0.08 * i, 0.05 + 0.07 * j) for i in range(12) for j in range(13)]
        corners = [(left, below) for left, below in corners if left + wide < 0.96]
        corners = [c for c in corners if is_free(points, c[0] - 0.03, c[1] - 0.05, wide + 0.06, tall + 0.1)]
        if not corners:
            return
        corner = draw.choice(corners)
        places = [decimals_for((high - low) / 200) for low, high in ends]
        x, y = (literal(low + s * (high - low), p) for s, p, (low, high) in zip(corner, places, ends))
        columns = list(self.columns.values())
        points = list(zip(self.numbers(columns[0]), self.numbers(columns[1])))
        spots = [[(v - low) / (high - low) for v, (low, high) in zip(point, ends)] for point in points]
        middle = corner[0] + wide / 2, corner[1] + tall / 2
        far, point = min((math.dist(spot, middle), point) for spot, point in zip(spots, points))
        if far > 0.12 + wide / 2 and draw.chance(0.7) and self.shows("black"):
            target = ", ".join(map(literal, point, places))
            self.add(f'ax.annotate("{text}", xy=({target}), xytext=({x}, {y}), arrowprops={{"arrowstyle": "->"}})')
        else:
            self.add(f'ax.text({x}, {y}, "{text}")')

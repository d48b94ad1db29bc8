"""Other ways to write a program that draws a given picture: what can't be measured, and so is tried.

Each function gives variants of a program, of which the search takes those that fit.
"""

from __future__ import annotations

import ast
import itertools
import math
from collections.abc import Sequence

import numpy as np
from matplotlib.colors import to_hex

from chart2code import readout
from chart2code.adjustment.colors import GREY, SAME_COLOR, match_colors
from chart2code.adjustment.frames import Frame, axes_fit, is_logarithmic
from chart2code.clues import WIDTH, Clues
from chart2code.drawing import Drawing, color_literal, rgb
from chart2code.layout import (
    BAR_FRACTION,
    BAR_PAD,
    DPIS,
    SAME_SIZE,
    figure_size,
    inches_of,
    shares_of,
    subplots_adjust,
    usual_size,
)
from chart2code.pies import AXES
from chart2code.program import Change, Program, brief, literal, number, settings, string_literal, tick_points
from chart2code.scales import value_literals
from chart2code.spines import hidden_spines, hiding
from chart2code.tick_labels import read_scale
from chart2code.words import DPI
from eval_metric.similarity import CANVAS

GRIDS = (
    "", "axis=\"y\"", "axis=\"x\"", "linestyle=\"--\"", "alpha=0.3", "linestyle=\"--\", alpha=0.5",
    "axis=\"y\", linestyle=\"--\"", "axis=\"y\", alpha=0.3", "axis=\"y\", linestyle=\"--\", alpha=0.5",
)  # fmt: skip
LEGENDS = (
    "", 'loc="upper left", bbox_to_anchor=(1, 1)', 'loc="upper left"', 'loc="upper right"', 'loc="lower left"',
    'loc="lower right"', 'loc="upper center"',
)  # fmt: skip
STYLES = ("ggplot", "seaborn-v0_8", "seaborn-v0_8-darkgrid", "bmh", "fivethirtyeight", "dark_background")
PALE_FRAMED = "seaborn-v0_8-whitegrid"  # the one in usual colours
SAME_PAPER = 2  # of 255
MIN_WIDTH, MAX_WIDTH = 2.4, 10.5  # inches, of figures as people make them
FORMATS = ('"{x:,.0f}"', '"${x:,.0f}"', '"{x:.0f}%"', '"${x:.0f}"')
STROKES = {"errorbar": "plot", "step": "plot", "barh": "bar", "fill_between": "stackplot"}  # drawn alike
MARKERS = ('"o"', '"s"', '"^"', '"D"', '"v"')
USUALLY_HIDDEN = ("top", "right"), ("top", "right", "left"), ("left", "top", "right", "bottom")
SIDES = ("above", "below", "left", "right", "inside")
LEAST_LINE, DASHED = 0.2, 0.85  # of a grid line, if there is one, and if it has no dashes
LEAST_AMISS = 12  # pixels: less is no reason to try anything
MOST_RIGHT = 1.15  # of the width of a figure, where the place of a colour bar, which is mostly blank, may end
SEEN = 40  # of 255: a difference that is seen


def aligned(drawing: Drawing, target: np.ndarray, least: float = 1.5) -> list[str]:
    """The program with its axes where those of the target are, by numbers, or its pie, by other layouts; none if they
    are `least` pixels from there at most."""
    program, box = drawing.program, drawing.box
    if any(call.method == "pie" for call in program.calls):
        return _pies_aligned(drawing, target, least)
    wanted = readout.find_box(target, box) if box else None
    if wanted is None or max(abs(a - b) for a, b in zip(wanted, box)) < least:
        return []
    bars = program.statement_calls("colorbar")
    if len({tuple(b) for b in drawing.boxes[: len(drawing.boxes) - len(bars)]}) != 1 or len(bars) > 1:
        return []
    sides = shares_of(wanted, drawing.sides)
    if bars:  # takes a part of the place
        said = {keyword.arg: number(keyword.value) for keyword in bars[0].keywords}
        share = 1 - (said.get("pad") or BAR_PAD) - (said.get("fraction") or BAR_FRACTION)
        sides["right"] = sides["left"] + (sides["right"] - sides["left"]) / share
    if not (
        0 <= sides["left"] < sides["right"] <= (MOST_RIGHT if bars else 1) and 0 <= sides["bottom"] < sides["top"] <= 1
    ):
        return []
    for method in ("tight_layout", "subplots_adjust"):
        for node in program.statement_calls(method):
            return [program.changed([(program.span(node), subplots_adjust(sides, program.text(node.func.value)))])]
    return [program.changed([program.add_statement(subplots_adjust(sides, _figure(program)))])]


def _pies_aligned(drawing: Drawing, target: np.ndarray, least: float) -> list[str]:
    program, pies = drawing.program, [readout.find_pie(pixels) for pixels in (target, drawing.pixels)]
    if None in pies:
        return []
    wanted, own = ((*pie.center, pie.radius) for pie in pies)
    if np.abs(np.subtract(wanted, own)).max() < least:
        return []
    axes = program.calls[0].axes
    options = [
        program.drop_statement(calls[0]) if (calls := program.statement_calls(name)) else program.add_statement(text)
        for name, text in (("axis", f'{axes}.axis("equal")'), ("tight_layout", f"{_figure(program)}.tight_layout()"))
    ]
    options = [option for option in options if option]
    codes = [program.changed(changes) for changes in ([options[-1]], [options[0]], options)]
    left, top, right, bottom = drawing.boxes[0]
    reach = wanted[2] / own[2] * (right - left) / 2 if abs(right - left - bottom + top) < least else AXES * wanted[2]
    square = wanted[0] - reach, wanted[1] - reach, wanted[0] + reach, wanted[1] + reach
    if len(program.statement_calls("subplots")) == 1 and axes != "plt" and len(drawing.boxes) == 1:
        former = [c for name in ("axis", "tight_layout", "subplots_adjust") for c in program.statement_calls(name)]
        placing = program.add_statement(subplots_adjust(shares_of(square, drawing.sides)))
        codes.append(program.changed([placing, *filter(None, map(program.drop_statement, former))]))
    return codes


def _figure(program: Program) -> str:
    return "plt" if program.calls and program.calls[0].axes == "plt" else "fig"


def distinct(drawing: Drawing) -> str | None:
    """The program without categories of the same name, which matplotlib would draw upon each other."""
    program, columns = drawing.program, {}
    for call in program.calls:
        names = program.strings(call.x)
        if names and len(set(names)) < len(names):
            columns[call.x] = [
                string_literal(name if name not in names[:k] else f"{name} {names[:k].count(name) + 1}")
                for k, name in enumerate(names)
            ]
    return program.changed(program.write_columns(columns)) if columns else None


def alternatives(drawing: Drawing, target: np.ndarray) -> list[list[list[Change]]]:
    """
    Groups of alternatives, of each of which one at most is right, those first that matter most: an alternative is a
    list of changes of the program. Of things that are only seen where nothing is amiss there are none.
    """
    program, amiss, alike = drawing.program, _amiss(drawing, target), Clues(drawing, target)
    groups: list[list[list[Change]]] = []

    def add(*options: Change | list[Change | None] | None, at: Sequence[str] = ("inside",)) -> None:
        changes = [[option] if isinstance(option, tuple) else list(filter(None, option or ())) for option in options]
        if any(changes) and sum(amiss[side] for side in at) >= LEAST_AMISS:
            groups.append([option for option in changes if option])

    axes = next((call.axes for call in program.calls), None)
    if axes is None:
        return []
    object_, figure = (axes, "fig") if axes != "plt" else ("plt", "plt")

    def statement(method: str, *options: str, owner: str = object_, at: Sequence[str] = ("inside",)) -> None:
        """One call of a method without a result, with one of these arguments, or none."""
        calls = program.statement_calls(method)
        if len(calls) > 1:
            return
        if not calls:
            add(*(program.add_statement(f"{owner}.{method}({option})") for option in options), at=at)
            return
        start, end = program.span(calls[0].func)[1], program.span(calls[0])[1]
        own = program.code[start + 1 : end - 1]
        others = (((start + 1, end - 1), option) for option in options if option != own)
        add(program.drop_statement(calls[0]), *others, at=at)

    def keyword(calls: Sequence[ast.Call], name: str, *values: str | None, at: Sequence[str] = ("inside",)) -> None:
        """A keyword of some calls, which all get the same value, or none (None)."""
        owns = [next((program.text(k.value) for k in call.keywords if k.arg == name), None) for call in calls]
        add(
            *([program.set_keyword(c, name, v) for c in calls] for v in values if any(own != v for own in owns)), at=at
        )

    by_method: dict[str, list[ast.Call]] = {}
    for call in program.calls:
        if call.keyword("fmt") is not None:  # says how it is drawn
            continue
        by_method.setdefault(STROKES.get(call.method, call.method), []).append(call.node)
    lines, points, bars, pies, areas = (by_method.get(m, []) for m in ("plot", "scatter", "bar", "pie", "stackplot"))
    if not pies:
        add(*_limits(drawing, target))
        add(*(program.drop_statement(c) for m in ("set_ylim", "set_xlim") for c in program.statement_calls(m)))
    for call in program.statement_calls("set_ylabel"):  # of two axes: in the colours of their series
        if any(k.arg == "color" for k in call.keywords):
            inks = [program.text(node) for c in program.calls if (node := c.keyword("color")) is not None]
            keyword([call], "color", *dict.fromkeys(inks), None, at=("left", "right"))
    markers, dashes = alike.strokes(lines)
    if not markers:
        keyword(lines, "marker", None, *MARKERS)
    if not dashes:
        keyword(lines, "linestyle", None, '"--"', '":"', '"-."')
    if not alike.outlines:
        keyword(points, "edgecolor", None, '"black"')
        keyword(bars, "edgecolor", None, '"black"')
    keyword([call for call in bars if any(k.arg == "edgecolor" for k in call.keywords)], "hatch", None, '"//"')
    keyword(areas, "alpha", None, "0.2", "0.4", "0.7")
    keyword(pies, "counterclock", None, "False")
    keyword(pies, "startangle", None, "90")
    ring, distances = readout.find_pie(target) if pies else None, [None]
    if ring is not None:
        width = round(20 * (1 - ring.hole)) / 20
        edge = '"edgecolor": "white"'
        if width < 0.95:
            keyword(pies, "wedgeprops", f'{{"width": {width:g}}}', f'{{"width": {width:g}, {edge}}}')
            distances = [None, f"{1 - width / 2:g}", "0.75", "0.8", "0.85"]
        else:
            keyword(pies, "wedgeprops", None, f"{{{edge}}}")
    for pie in pies:
        options = itertools.product((None, '"%1.1f%%"', '"%1.0f%%"'), distances)
        shares = [(("autopct", form), ("pctdistance", distance if form else None)) for form, distance in options]
        add(*([program.set_keyword(pie, name, text) for name, text in pair] for pair in dict.fromkeys(shares)))
        keyword([pie], "shadow", None, "True")
    if pies:
        statement("axis", '"equal"')
    add(*_opacities(drawing))
    if not pies:
        if any(call.keyword("label") or call.keyword("labels") for call in program.calls) and not alike.words:
            statement("legend", *_legends(alike.new_words, len(drawing.series)), at=SIDES)
        add(*_bar_widths(program, alike.bar_width))
        if (lines or areas) and not alike.ends:
            statement("margins", "x=0")
        if not alike.grid:
            statement("grid", *_grids(alike.grid_shares, alike.fine_grid))
        if program.statement_calls("grid"):
            statement("set_axisbelow", "True")
        if not alike.frame:
            add(*_spines(drawing, target, axes), at=SIDES)
        ticks = (program.drop_statement(call) for call in program.statement_calls("set_xticks") if len(call.args) == 1)
        add(*ticks, at=("below",))
    for call in program.statement_calls("set_major_formatter"):
        if call.args:
            own = program.text(call.args[0])
            others = ((program.span(call.args[0]), t) for t in FORMATS if t != own)
            add(program.drop_statement(call), *others, at=("left", "below", "right"))
    if not alike.layout:
        statement("tight_layout", "", owner=figure, at=SIDES)
    for call in lines if len(lines) > 1 else ():  # each for itself
        markers, dashes = alike.strokes([call])
        if not markers:
            keyword([call], "marker", None, *MARKERS)
        if not dashes:
            keyword([call], "linestyle", None, '"--"', '":"', '"-."')
    if not pies:
        keyword(program.statement_calls("legend"), "frameon", None, "False", at=SIDES)
        keyword(program.statement_calls("legend"), "fontsize", None, "8", at=SIDES)
    if not alike.title:
        keyword(program.statement_calls("set_title"), "loc", None, '"left"', at=("above",))
    return groups


def _amiss(drawing: Drawing, target: np.ndarray) -> dict[str, int]:
    """How many pixels of the drawing are other than in the target, at each side of the axes and inside."""
    wrong = readout.difference(drawing.pixels, target) > SEEN
    if drawing.box is None:
        return dict.fromkeys(SIDES, int(wrong.sum()))
    left, top, right, bottom = (int(round(v)) for v in drawing.box)
    parts = {"above": wrong[: top - 2], "below": wrong[bottom + 3 :]}
    middle = wrong[max(0, top - 2) : bottom + 3]
    parts |= {
        "left": middle[:, : left - 2],
        "right": middle[:, right + 3 :],
        "inside": middle[:, left - 2 : right + 3],
    }
    return {side: int(part.sum()) for side, part in parts.items()}


def series_changed(drawing: Drawing, target: np.ndarray) -> list[str]:
    """
    The program with lines or points for the colours of the target that it has none for, and without those that it has
    no colour for.
    """
    program = drawing.program
    box = readout.find_box(target, drawing.box) or drawing.box if drawing.box else None
    series = [s for s in drawing.series if s.kind in ("plot", "scatter") and s.axes == 0]
    if box is None or not series:
        return []
    palette = readout.find_colors(target, box)[:8]
    seen = match_colors(drawing.series, target, box)
    amounts = [n for color, n in palette if any(np.abs(color - s).max() < SAME_COLOR for s in seen)]
    least = 0.3 * max(amounts, default=200)
    new = [color for color, n in palette if n > least and np.ptp(color) >= GREY]
    new = [color for color in new if all(np.abs(color - s).max() > 2 * SAME_COLOR for s in seen)]
    code, last = program.code, series[-1].call
    for k, color in enumerate(new):
        names = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
        name = next(name for n in itertools.count(2) if (name := f"y{n}") not in names)
        keywords = {"color": color_literal(color)}
        if last.keyword("label") is not None:
            keywords["label"] = string_literal(f"Series {len(series) + k + 1}")
        current = Program(code)
        call = next(c for c in reversed(current.calls) if c.method == last.method and c.axes == last.axes)
        code = current.with_series(call, name, keywords) or code
    options = [code] if code != program.code else []
    taken: list[np.ndarray] = []
    for s, color in zip(drawing.series, seen):
        same = any(np.abs(color - other).max() < SAME_COLOR for other in taken)
        absent = all(np.abs(color - other).max() > 2 * SAME_COLOR for other, _ in palette)
        if (same or absent) and len(series) > 1 and s in series:
            options.append(program.without_series(s.call))
        taken.append(color)
    return [option for option in options if option]


def shaped(drawing: Drawing, target: np.ndarray, size: tuple[int, int]) -> list[str]:
    """
    The program with the figure of a picture of this size (width, height), or with those that it may have at usual dpi.
    What is as large as the common canvas may be letterboxed, and says nothing.
    """
    program = drawing.program
    height, width = drawing.result.image.shape[:2]
    if (width, height) == size or size == (CANVAS, CANVAS):
        return []
    calls = program.statement_calls("subplots") + program.statement_calls("figure")
    if len(calls) != 1:
        return []
    box = readout.find_box(target, drawing.box) if drawing.box else None
    known = figure_size(target, box, size, _tick_points(program))
    usual = abs(math.log(width / height * size[1] / size[0])) < 0.02 or MIN_WIDTH <= size[0] / DPI <= MAX_WIDTH
    figures = [known] if known else [(size[0] / dpi, size[1] / dpi) for dpi in (DPIS[:1] if usual else DPIS)]
    texts = dict.fromkeys(f"({w:.3g}, {h:.3g})" for w, h in figures if MIN_WIDTH <= w <= 16 and 1.6 <= h <= 16)
    return [program.changed([program.set_keyword(calls[0], "figsize", text)]) for text in texts]


def resized(drawing: Drawing, target: np.ndarray, size: tuple[int, int]) -> str | None:
    """The program with a figure in which the labels at the ticks are as large as in the target; None if they are."""
    program = drawing.program
    calls = program.statement_calls("subplots") + program.statement_calls("figure")
    box = readout.find_box(target, drawing.box) if drawing.box and not readout.is_pie(target) else None
    if box is None or len(calls) != 1:
        return None
    inches = inches_of(target, box, _tick_points(program))
    if inches is None or abs(math.log(inches * drawing.scale * DPI / CANVAS)) < SAME_SIZE:
        return None
    if size == (CANVAS, CANVAS):
        height, width = (inches * side * drawing.scale / CANVAS for side in drawing.result.image.shape[:2])
    else:
        width, height = usual_size(size, inches)
    return program.changed([program.set_keyword(calls[0], "figsize", f"({width:.3g}, {height:.3g})")])


def _tick_points(program: Program) -> float:
    """The size of the labels at the ticks, in points."""
    sizes = [
        number(k.value) for c in program.statement_calls("tick_params") for k in c.keywords if k.arg == "labelsize"
    ]
    return float(sizes[0]) if sizes and sizes[0] else tick_points(program.settings)


def paper_colors(pixels: np.ndarray, box: readout.Box) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The colours of the axes and of the page around them; an image hides that of the axes."""
    box, page = readout.find_box(pixels, box) or box, readout.page_of(pixels)
    return page if readout.find_cells(pixels, box) else readout.paper_of(pixels, box), page


def papers(drawing: Drawing, target: np.ndarray) -> list[str]:
    """
    The program with colours of page and axes as the target has them, where they are not those of the drawing, and in
    the style sheets that have these colours.
    """
    program, box = drawing.program, drawing.box
    axes = next((call.axes for call in program.calls), None)
    calls = program.statement_calls("subplots") + program.statement_calls("figure")
    if box is None or axes is None:
        return []
    (inside, page), own = paper_colors(target, box), paper_colors(drawing.pixels, box)
    differ = [np.abs(np.subtract(*pair)).max() > SAME_PAPER for pair in zip((inside, page), own)]
    former = [program.drop_statement(call) for m in ("set_facecolor", "use") for call in program.statement_calls(m)]
    former = [change for change in former if change]
    options = []
    if any(differ):
        changes = list(former)
        if min(inside) < 255 and axes != "plt":  # without a style sheet they are white
            changes.append(program.add_statement(f"{axes}.set_facecolor({color_literal(np.array(inside), 1)})"))
        if differ[1] and calls:
            changes.append(program.set_keyword(calls[0], "facecolor", color_literal(np.array(page), 1)))
        options.append([change for change in changes if change])
    if calls:  # with the grids of the style sheets: to ask for one again would take it away
        start = program.span(program.statement_of(calls[0]))[0]
        grids = [change for call in program.statement_calls("grid") if (change := program.drop_statement(call))]
        sheets = _styles(inside, page)
        if not sheets and readout.has_pale_frame(target, box) > readout.has_pale_frame(drawing.pixels, box):
            sheets = [PALE_FRAMED]
        texts = [call for m in ("title", "xlabel", "ylabel") for call in program.statement_calls(f"set_{m}")]
        sizes = [program.set_keyword(call, name, None) for call in texts for name in ("fontsize", "fontweight")]
        restyled = [*former, *grids, *filter(None, sizes)]
        options += [[*restyled, ((start, start), f'plt.style.use("{sheet}")\n')] for sheet in sheets]
    return [program.changed(changes) for changes in options]


def _styles(inside: tuple[int, ...], page: tuple[int, ...]) -> list[str]:
    """The style sheets with these colours of axes and page, if these are not those that nearly all charts have."""
    if min(inside + page) == 255:
        return []

    def differs(name: str) -> bool:
        sheet = settings(name)
        own = [rgb(to_hex(sheet[f"{part}.facecolor"])) for part in ("axes", "figure")]
        return np.abs(np.subtract(own, (inside, page))).max() > SAME_PAPER

    return [name for name in STYLES if not differs(name)]


def _spines(drawing: Drawing, target: np.ndarray, axes: str) -> list[list[Change | None]]:
    """The spines of the target's axes; if all are drawn, those that the program hides, or fewer than it has: they may
    be paler than the frame."""
    program, box = drawing.program, drawing.box and readout.find_box(target, drawing.box)
    calls = [call for call in program.statement_calls("set_visible") if "spines" in program.text(call.func)]
    former = [program.drop_statement(call) for call in calls]
    hidden = hidden_spines(target, box) if box else ()
    if axes == "plt" or former and not hidden:
        return [former]
    texts = [hiding(hidden)] if hidden else [hiding(sides) for sides in USUALLY_HIDDEN]
    return [[*former, program.add_statement(f"{axes}.{text}")] for text in texts]


def _grids(shares: list[float] | None, fine: bool = False) -> Sequence[str]:
    """Arguments of `grid` that draw these shares of the lines at the ticks of the left and the lower side; `fine`:
    also at the small ticks between them."""
    if shares is None:
        return GRIDS
    left, below = (share > LEAST_LINE for share in shares)
    if not left and not below:
        return ()
    axis = "" if left and below else 'axis="y"' if left else 'axis="x"'
    dashes = 'linestyle="--"' if max(shares) < DASHED else ""
    which = 'which="both"' if fine else ""
    opacities = ("", "alpha=0.3", "alpha=0.5", "alpha=0.7")
    return [", ".join(filter(None, (axis, which, dashes, alpha))) for alpha in opacities]


def _legends(places: list[tuple[str, str]] | None, count: int) -> Sequence[str]:
    """Arguments of `legend` that put it at one of these places, or where matplotlib does; `count`: of its entries."""
    if places is None:
        return LEGENDS
    where = [f'loc="{" ".join(dict.fromkeys(place))}"' for place in places[:2] if place[1] != "outside"]
    where += [f"{place}, ncol={count}" for place in where if "center" in place and count > 1]  # side by side
    return ["", *where, *(LEGENDS[1:2] if ("", "outside") in places[:2] else ())]


def _limits(drawing: Drawing, target: np.ndarray) -> list[list[Change]]:
    """The limits of the target's axes, by its ticks, where they are not those of the drawing; and the same with the
    values of bars moved along."""
    program = drawing.program
    names = list(dict.fromkeys(call.axes for call in program.calls))
    boxes = [drawing.box and readout.find_box(target, drawing.box), drawing.box]
    if None in boxes or not names or names[0] == "plt":
        return []
    found: list[list[list[Change]]] = []  # for each axis
    named = all(program.literals(call.x) is None for call in program.calls)
    categories = "y" if any(call.method == "barh" for call in program.calls) else "x"
    sides = [(names[0], "y", "left", 3, 1), (names[0], "x", "bottom", 0, 2)]
    sides += [(name, "y", "right", 3, 1) for name in names[1:2]]
    along = "x" if categories == "y" else "y"  # the axis of the values
    for axes, axis, side, low, high in sides:
        limits = []
        for pixels, box in zip((target, drawing.pixels), boxes):
            if axis == categories and named:
                ticks = readout.find_ticks(pixels, box, side)
                upwards = axis == "y" and not program.statement_calls("invert_yaxis")
                read = _category_scale(ticks[::-1] if upwards else ticks)
            else:
                read = read_scale(pixels, box, side)
            if read is None and pixels is drawing.pixels and axis == along:  # labels in another format
                frame = Frame(box, box, horizontal=along == "x")
                fit = axes_fit(drawing, drawing.series, names.index(axes), frame)
                read = fit and (fit.start, fit.slope)
            limits.append(None if read is None else (read[0] + read[1] * box[low], read[0] + read[1] * box[high]))
        if None in limits or np.abs(np.subtract(*limits)).max() < 0.01 * abs(limits[0][1] - limits[0][0]):
            continue
        error = 0.004 * abs(limits[0][1] - limits[0][0])
        text = ", ".join(brief(limit, error) for limit in limits[0])
        calls = [c for c in program.statement_calls(f"set_{axis}lim") if program.text(c.func).startswith(f"{axes}.")]
        former = [change for call in calls if (change := program.drop_statement(call))]
        change = [*former, program.add_statement(f"{axes}.set_{axis}lim({text})")]
        options = [change]
        bars = [s for s in drawing.series if s.kind in ("bar", "barh") and s.axes == names.index(axes)]
        if axis == along and bars and not any(s.call.keyword("bottom") or s.call.keyword("left") for s in bars):
            # The same picture, if the bars begin beyond the axes: they have no base that could be measured.
            new, old = limits
            length, ratio = abs(new[1] - new[0]), (new[1] - new[0]) / (old[1] - old[0])
            moved = {s.column: value_literals(new[0] + ratio * (np.array(s.values) - old[0]), length) for s in bars}
            options.append([*change, *program.write_columns(moved)])
        found.append(options)
    together = [sum((options[k] for options in found), []) for k in (0, -1)] if len(found) > 1 else []
    return [*itertools.chain(*found), *together]


def rescaled(drawing: Drawing, target: np.ndarray) -> list[str]:
    """The program with limits as the target's axes have them."""
    if any(call.method == "pie" for call in drawing.program.calls):
        return []
    return [drawing.program.changed(changes) for changes in _limits(drawing, target)]


def _category_scale(ticks: np.ndarray) -> tuple[float, float] | None:
    """(start, slope) of place = start + slope * pixel, for categories at 0, 1, 2, ..."""
    if len(ticks) < 2 or np.ptp(np.diff(ticks)) > 4:
        return None
    slope = (len(ticks) - 1) / (ticks[-1] - ticks[0])
    return -slope * ticks[0], slope


def _opacities(drawing: Drawing) -> list[list[Change]]:
    """Points of another opacity in colours that look the same on white."""
    program, options = drawing.program, []
    points = [s for s in drawing.series if s.kind == "scatter"]
    for alpha in (None, "0.6", "0.8"):
        changes = []
        for s in points:
            color = 255 + (s.color - 255) / float(alpha or 1)
            if s.call.keyword("alpha") is None and alpha is None or color.min() < -12:
                break
            changes.append(program.set_keyword(s.call.node, "alpha", alpha))
            changes.append(program.set_keyword(s.call.node, "color", color_literal(np.clip(color, 0, 255))))
        else:
            options.append([change for change in changes if change])
    return options


def _bar_widths(program: Program, ratio: float | None) -> list[list[Change]]:
    """Other widths of bars, `ratio` times the own one if that is known; what stands beside it moves with it."""
    calls = [call for call in program.calls if call.method in ("bar", "barh")]
    options = []
    if not calls:
        return []
    name = "width" if calls[0].method == "bar" else "height"
    own = number(calls[0].keyword(name)) or 0.8
    shifted = [
        (node, number(node) / own)
        for call in calls
        for node in ast.walk(call.node.args[0])
        if isinstance(node, ast.Constant) and number(node)
    ]
    widths = [0.8, 0.6, 0.5, 0.4, 0.35, 0.3, 0.25, 0.2]
    if ratio is not None:
        widths = [round(20 * own * ratio) / 20, round(own * ratio, 3)] if abs(ratio - 1) > WIDTH else []
    for width in widths:
        if abs(width - own) < 1e-9 or (width < 0.45 and not shifted) or (width > 0.45 and shifted):
            continue
        changes = [program.set_keyword(c.node, name, None if width == 0.8 else f"{width:g}") for c in calls]
        changes += [(program.span(node), f"{width * share:g}") for node, share in shifted]
        options.append([change for change in changes if change])
    return options


def rounded(drawing: Drawing) -> str | None:
    """The program with one digit less in the column that has most digits; None if none has three, or where axes are
    logarithmic: there each value has digits of its own. Values that are written at bars stay as they are."""
    program = drawing.program
    if is_logarithmic(program):
        return None
    longest, chosen, written = 2, None, program.written_at_bars()
    for table in program.tables:
        for name in table.names:
            values = program.literals(name)
            used = any(name in call.values or name == call.x for call in program.calls)
            if values is None or name in written or not used:
                continue
            digits = max(len(f"{abs(v):.12g}".replace(".", "").strip("0")) for v in values)
            if digits > longest:
                longest, chosen = digits, name
    if chosen is None:
        return None
    values = program.literals(chosen)
    decimals = -min(_last_place(v) for v in values if v) - 1
    values = [round(v, decimals) for v in values]
    while decimals > 0 and all(round(v, decimals - 1) == v for v in values):
        decimals -= 1
    return program.changed(program.write_columns({chosen: [literal(v, decimals) for v in values]}))


def without_limits(drawing: Drawing) -> list[str]:
    """The program without limits of its axes, then with those of one direction only."""
    program = drawing.program
    across, along = (
        [program.drop_statement(call) for call in program.statement_calls(method)]
        for method in ("set_xlim", "set_ylim")
    )
    options = ([*across, *along], across, along)
    return list(dict.fromkeys(program.changed(filter(None, changes)) for changes in options if any(changes)))


def _last_place(value: float) -> int:
    """The power of ten of the last digit that isn't zero: -2 for 1.25, 3 for 5000."""
    mantissa, exponent = f"{abs(value):.11e}".split("e")
    digits = mantissa.replace(".", "").rstrip("0")
    return int(exponent) - len(digits) + 1

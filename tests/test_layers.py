"""Charts of several kinds of marks, drawn by plain matplotlib: the programs must have the numbers that were drawn."""

import ast

import numpy as np
import pytest
from conftest import copied
from matplotlib.colors import to_rgb

from chart2code import readout
from chart2code.across import find_lines_across
from chart2code.detail import canvas_of
from chart2code.program import PLOTTING, Program
from chart2code.readout.lines import runs_of_ink
from chart2code.sketches import Sheet
from chart2code.tick_labels import major_ticks
from chart2code.verification import verify
from eval_metric.similarity import chart_iou, to_canvas

PLT = "import matplotlib.pyplot as plt\n\n"
ANSWER = PLT + "fig, ax = plt.subplots()\nx, y = zip(*[(1, 5), (2, 6), (3, 5), (4, 7)])\nax.plot(x, y)\n"
# name -> (chart, plotting methods, what columns of the program must hold, and how near)
MIXTURES = {
    "bars and points": (
        'plt.bar(["a", "b", "c", "d"], [30, 50, 20, 44], color="lightsteelblue")\n'
        'plt.scatter(["a", "b", "c", "d"], [40, 25, 35, 20], color="crimson", zorder=3)\n',
        ["bar", "scatter"],
        [([30, 50, 20, 44], 0.4), ([40, 25, 35, 20], 0.4)],
    ),
    "bars before an area": (
        'plt.fill_between([1, 2, 3, 4, 5, 6], [40, 55, 35, 50, 45, 52], color="moccasin")\n'
        'plt.bar([1, 2, 3, 4, 5, 6], [20, 12, 25, 8, 18, 22], width=0.6, color="seagreen")\n',
        ["fill_between", "bar"],
        [([40, 55, 35, 50, 45, 52], 0.5), ([20, 12, 25, 8, 18, 22], 0.4)],
    ),
    "points in a band of their own colour": (
        'plt.fill_between([0, 10], [10, 30], [20, 40], color="tab:blue", alpha=0.2)\n'
        'plt.scatter([1, 2, 3, 5, 6, 8, 9], [14, 22, 19, 30, 26, 29, 35], s=20, color="tab:blue")\n',
        ["fill_between", "scatter"],
        [([20, 40], 0.5), ([10, 30], 0.5), ([14, 22, 19, 30, 26, 29, 35], 0.4)],
    ),
    "bars, a line and points with a legend": (
        'x = [2015, 2016, 2017, 2018, 2019]\nplt.bar(x, [30, 50, 40, 44, 38], color="lightgray", label="Plan")\n'
        'plt.plot(x, [25, 42, 33, 40, 30], color="navy", label="Need")\n'
        'plt.scatter(x, [33, 47, 37, 47, 35], color="crimson", label="Done", zorder=3)\n'
        'plt.legend(loc="lower left")\n',
        ["bar", "plot", "scatter"],
        [([30, 50, 40, 44, 38], 0.4), ([25, 42, 33, 40, 30], 0.4), ([33, 47, 37, 47, 35], 0.4)],
    ),
    "area below its line": (
        'y = [7, 12, 20, 27, 33, 30, 22]\nplt.plot(range(7), y, color="seagreen")\n'
        'plt.fill_between(range(7), y, color="seagreen", alpha=0.4)\n',
        ["fill_between", "plot"],
        [([7, 12, 20, 27, 33, 30, 22], 0.4)],
    ),
    "areas upon each other, at years": (
        "plt.stackplot(range(2010, 2018), [10, 14, 12, 18, 20, 19, 24, 26], [5, 9, 8, 6, 12, 14, 13, 15],"
        ' colors=["steelblue", "orange"])\n',
        ["stackplot"],
        [([10, 14, 12, 18, 20, 19, 24, 26], 0.5), ([5, 9, 8, 6, 12, 14, 13, 15], 0.6)],
    ),
}


def methods_of(code: str) -> list[str]:
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    return [call.func.attr for call in calls if getattr(call.func, "attr", None) in PLOTTING]


@pytest.mark.parametrize("name", MIXTURES)
def test_mixtures_are_read_with_their_values(executor, name):
    chart, methods, columns = MIXTURES[name]
    code, _ = copied(executor, PLT + chart, ANSWER)
    assert methods_of(code) == methods
    program = Program(code)
    found = [program.literals(name) for table in program.tables for name in table.names]
    for values, error in columns:
        assert any(f and len(f) == len(values) and np.abs(np.subtract(f, values)).max() < error for f in found), values


@pytest.mark.parametrize("name", MIXTURES)
def test_mixtures_are_redrawn(executor, name):
    chart, methods, _ = MIXTURES[name]
    found = verify(executor, [ANSWER], executor.run(PLT + chart).image, refine=True, time_budget=60, max_renderings=40)
    assert methods_of(found.code) == methods
    assert found.iou > 0.9


@pytest.mark.parametrize("method", ["scatter", "plot"])
def test_series_are_drawn_and_named_as_in_the_legend(executor, method):
    series = {"Rome": "steelblue", "Oslo": "indigo", "Lima": "limegreen"}
    calls = [  # the one with most ink is the last one
        f"plt.{method}(range(9), {[3 * k + (j - 4) ** 2 / 9 for j in range(9)]}, linewidth={k + 2}, "
        f'color="{color}", label="{name}")\n'
        for k, (name, color) in enumerate(series.items())
    ]
    code, _ = copied(executor, PLT + "".join(calls) + 'plt.xlim(-1, 12)\nplt.legend(loc="center right")\n', ANSWER)
    labels, colors = ([call.keyword(k).value for call in Program(code).calls] for k in ("label", "color"))
    assert labels == list(series)
    assert np.allclose([to_rgb(color) for color in colors], [to_rgb(color) for color in series.values()], atol=0.1)


def test_area_and_line_have_their_values_in_common(executor):
    code, _ = copied(executor, PLT + MIXTURES["area below its line"][0], ANSWER)
    assert len(Program(code).tables) == 1 and len(Program(code).tables[0].names) == 2


def test_bars_upon_others_are_no_areas(executor):
    chart = 'n = ["a", "b", "c", "d"]\nplt.bar(n, [3, 5, 2, 4])\nplt.bar(n, [2, 1, 3, 2], bottom=[3, 5, 2, 4])\n'
    image = executor.run(PLT + chart).image
    assert all(
        "fill_between" not in code for code in Sheet.of(to_canvas(image), image.shape[1::-1], ANSWER).measured()
    )


def test_edges_with_error_bars_are_no_line(executor):
    chart = 'plt.figure(figsize=(4, 3.6), dpi=200)\nstyle = dict(capsize=6, color="silver", edgecolor="black")\n'
    chart += 'plt.bar(list("abcd"), [9, 4, 3, 6], yerr=[1.5, 1, 1.2, 1.4], **style)\n'
    chart += 'plt.plot([0, 0, 2, 2], [11.2, 11.6, 11.6, 11.2], color="black", lw=1)\n'
    code, _ = copied(executor, PLT + chart)
    assert ".plot(" not in code and 'edgecolor="black"' in code


@pytest.mark.parametrize(("edge", "expected"), [("", ""), (', edgecolor="black"', 'edgecolor="black"')])
def test_edges_of_bars_are_no_line(executor, edge, expected):
    chart = f'plt.bar([1, 2, 3, 4], [3, 5, 2, 4], width=1, color="orange"{edge})\n'
    chart += 'plt.scatter([1, 2, 3, 4], [6, 7, 6, 8], color="b")\n'
    code, _ = copied(executor, PLT + chart, ANSWER)
    assert "plot" not in methods_of(code) and expected in code


@pytest.mark.parametrize(("linewidth", "expected"), [("", False), (", linewidth=0", True)])
def test_edges_of_transparent_areas(executor, linewidth, expected):
    chart = (
        f'plt.fill_between([0, 10], [10, 30], [20, 40], color="tab:red", alpha=0.25{linewidth})\n'
        'plt.plot([0, 10], [15, 35], color="tab:red")\n'
    )
    code, _ = copied(executor, PLT + chart, ANSWER)
    assert "alpha=0.25" in code and ("linewidth=0" in code) == expected


@pytest.mark.parametrize("above", [True, False])
def test_markers_above_or_below_a_line(executor, above):
    order = ", zorder=3" if above else ""
    chart = (
        'plt.plot([0, 1, 2, 3, 4], [10, 30, 20, 40, 30], color="orange", linewidth=3)\n'
        f'plt.scatter([0, 1, 2, 3, 4, 2.5], [10, 30, 20, 40, 30, 12], color="navy"{order})\n'
    )
    code, _ = copied(executor, PLT + chart, ANSWER)
    assert ("zorder=3" in code) == above


def test_points_at_round_distances():
    """A soft curve, known to the pixel only: twelve points do as well as thirteen, but 2010, 2011, ... do."""
    knots = np.linspace(60.0, 400.0, 13)
    heights = 300 - 80 * np.sin(np.arange(13) / 4) - np.arange(13) * 5
    path = np.full(512, np.nan)
    path[60:401] = np.round(np.interp(np.arange(60, 401), knots, heights))
    found = readout.find_knots([path], [], 12 / 340)
    assert len(found) == 13


def test_polylines_are_fitted_to_what_is_seen_of_them():
    knots = np.array([50.0, 120, 200, 300])
    path = np.full(512, np.nan)
    path[50:301] = np.interp(np.arange(50, 301), knots, [100, 40, 160, 80])
    path[110:150] = np.nan  # hidden
    assert np.abs(readout.fit_path(path, knots) - [100, 40, 160, 80]).max() < 1


TWO_SCALES = """fig, ax = plt.subplots()
ax.plot([1, 2, 3, 4, 5], [9, 8, 10, 12, 11], "o-", color="red")
other = ax.twinx()
other.plot([1, 2, 3, 4, 5], [500, 650, 420, 400, 760], "s--", color="blue")
other.tick_params(axis="y", labelcolor="blue")
"""


def test_two_scales_and_strokes(executor):
    code, _ = copied(executor, PLT + TWO_SCALES)
    program = Program(code)
    assert np.allclose(program.literals("y"), [9, 8, 10, 12, 11], atol=0.05)
    assert np.allclose(program.literals("y2"), [500, 650, 420, 400, 760], atol=2)
    assert 'ax.plot(x, y, color="red", marker="o")' in code
    assert 'ax2.plot(x, y2, color="blue", marker="s", linestyle="--")' in code


def test_places_between_ticks_with_names(executor):
    chart = (
        "plt.plot(range(30), [5 + (k * 7 % 5) for k in range(30)])\nplt.xticks([3, 13, 23], ['May', 'June', 'July'])\n"
    )
    code, image = copied(executor, PLT + chart)
    assert "ax.set_xticks(range(3), names)" in code
    assert chart_iou(executor.run(code).image, image) > 0.6  # but for the names


def test_two_lines_of_one_color(executor):
    chart = (
        'plt.plot([1, 2, 3, 4, 5, 6], [4, 9, 7, 12, 10, 14], "ro-", mfc="none")\n'
        'plt.plot([1, 2, 3, 4, 5, 6], [2, 3, 4, 5, 6, 7], "r:")\nplt.text(2, 13, "words")\n'
    )
    code, _ = copied(executor, PLT + chart)
    assert methods_of(code) == ["plot", "plot"] and code.count('markerfacecolor="none"') == 1
    program = Program(code)
    found = [program.literals(name) for table in program.tables for name in table.names]
    for values in ([4, 9, 7, 12, 10, 14], [2, 3, 4, 5, 6, 7]):
        assert any(len(f) == 6 and np.abs(np.subtract(f, values)).max() < 0.25 for f in found)


STACK = (
    "import numpy as np\n" + PLT + 'plt.style.use("seaborn-v0_8-darkgrid")\nfig, ax = plt.subplots(figsize=(7, 4.2))\n'
    "x = np.arange(25)\nbelow, above = 20 + 5 * np.cos(x / 4), np.clip(22 * np.sin((x - 6) * np.pi / 12), 0, None)\n"
    'ax.stackplot(x, below, above, labels=["Wind", "Solar"], colors=["#4c9f70", "#f2c14e"])\nax.set_xlim(0, 24)\n'
    "ax.set_xticks(range(0, 25, 6))\n"
)


def test_areas_below_a_legend(executor):
    chart = STACK + 'ax.legend(loc="lower center", ncols=2, frameon=True)\n'
    code, image = copied(executor, chart)
    program = Program(code)
    assert [call.method for call in program.calls] == ["stackplot"]
    assert all(color in code for color in ("#4c9f70", "#f2c14e"))
    assert "ax.set_xlim(0, 24)" in code and "ax.set_xticks(range(0, 25, 6))" in code
    verified = verify(executor, [code], to_canvas(image), refine=True, time_budget=30.0, max_renderings=60)
    assert 'labels=["Wind", "Solar"]' in verified.code and "frameon=True" in verified.code
    assert verified.iou > 0.97


def test_usual_ticks_are_not_written(executor):
    code, _ = copied(executor, PLT + "plt.plot([0, 3, 5, 10], [1, 4, 2, 3])\n")
    assert "ticks(" not in code
    code, _ = copied(executor, PLT + "plt.plot([0, 3, 5, 10], [1, 4, 2, 3])\nplt.yticks([1, 2.5, 4])\n")
    assert "ax.set_yticks([1, 2.5, 4])" in code


def test_band_of_a_part_of_a_line(executor):
    chart = (
        PLT + "plt.plot(range(10), [1, 2, 4, 3, 5, 4, 6, 5, 7, 8])\nx = [9, 10, 11, 12]\n"
        'plt.plot(x, [8, 9, 9.5, 9], color="tab:orange", linestyle="--")\n'
        'plt.fill_between(x, [8, 8, 7.5, 6], [8, 10, 11.5, 12], color="tab:orange", alpha=0.2, linewidth=0)\n'
    )
    code, image = copied(executor, chart)
    assert sorted(methods_of(code)) == ["fill_between", "plot", "plot"]
    assert chart_iou(to_canvas(executor.run(code).image), to_canvas(image)) > 0.9


def test_grid_below_bands_is_no_series(executor):
    chart = (
        PLT + 'plt.style.use("seaborn-v0_8-whitegrid")\nfig, ax = plt.subplots()\nx = list(range(9))\n'
        'for color, y in (("#4878d0", [9, 8, 9, 7, 7, 6, 6, 5, 4]), ("#ee854a", [6, 5, 5, 4, 5, 4, 3, 3, 3])):\n'
        "    ax.plot(x, y, color=color)\n"
        "    ax.fill_between(x, [v - 1 for v in y], [v + 1 for v in y], color=color, alpha=0.2)\n"
    )
    code, _ = copied(executor, chart)
    assert sorted(methods_of(code)) == ["fill_between", "fill_between", "plot", "plot"]


def test_a_black_line_with_square_markers_is_no_area(executor):
    x, y = [0, 1, 3, 4, 6, 7, 9, 10], [5, 6, 9, 10, 15, 14, 12, 18]
    chart = f'plt.plot({x}, {y}, "ks-", markersize=8)\nplt.plot({x}, [20] * 8, color="tab:orange")\n'
    code, _ = copied(executor, PLT + chart)
    program = Program(code)
    assert "fill_between" not in code
    assert any(np.allclose(program.literals(name), y, atol=0.2) for table in program.tables for name in table.names)


def test_hidden_markers_are_points_of_their_line(executor):
    chart = (
        'plt.plot(range(9), range(2, 20, 2), "o-", color="tab:blue")\n'
        'plt.plot([3, 8], [8, 3], "s-", color="tab:red", markersize=12)\n'
    )
    code, _ = copied(executor, PLT + chart)
    program = Program(code)
    columns = [program.literals(name) for table in program.tables for name in table.names]
    assert any(len(column) == 9 and np.allclose(column, range(9), atol=0.1) for column in columns)


def test_bars_hang_from_zero(executor):
    chart = 'plt.bar(["a", "b", "c", "d", "e"], [4, -3, 6, -1, 2], color="teal")\n'
    code, _ = copied(executor, PLT + chart)
    program = Program(code)
    columns = [program.literals(name) for table in program.tables for name in table.names]
    assert any(column is not None and np.allclose(column, [4, -3, 6, -1, 2], atol=0.1) for column in columns)


@pytest.mark.parametrize("style", ["-", "--", ":", "-."])
def test_style_of_lines(executor, style):
    chart = f"import numpy as np\nx = np.linspace(0, 10, 60)\nplt.plot(x, np.sin(x), {style!r})\n"
    code, _ = copied(executor, PLT + chart)
    assert (f'linestyle="{style}"' in code) == (style != "-")


@pytest.mark.parametrize("seed", range(4))
def test_any_picture_has_copies_that_are_programs(seed):
    draw = np.random.default_rng(seed)
    picture = draw.integers(0, 256, (300, 400, 3), dtype=np.uint8)
    if seed:
        picture[50:250, 60:340] = (255, 30 * seed, 90)
        picture[60:240:20, 60:340] = picture[50:250, 60:340:35] = 0
    for code in Sheet.of(to_canvas(picture), (400, 300), "").measured():
        compile(code, "copy", "exec")


def test_hollow_markers_that_a_line_crosses_on_logarithmic_axes(executor):
    places = [[0.03, 0.3], [0.2, 1.1], [2, 5], [15, 30], [120, 95], [400, 300], [2000, 1100]]
    chart = (
        "x = [0.01, 10000]\n"
        "plt.loglog(x, [3.4 * v ** 0.75 for v in x], color='orange', ls='--')\n"
        f"x, y = zip(*{places})\nplt.scatter(x, y, s=60, marker='D', fc='none', ec='darkgreen')\n"
    )
    code, _ = copied(executor, PLT + chart, ANSWER)
    assert methods_of(code) == ["plot", "scatter"] and 'facecolors="none"' in code and 'marker="D"' in code
    found = Program(code).literals("x2")
    assert np.abs(np.log10(found) - np.log10(np.array(places)[:, 0])).max() < 0.03


def test_names_at_dark_points_are_no_points(executor):
    places = [(14, 71), (19, 78), (22, 84), (26, 80), (34, 91), (47, 62)]
    chart = (
        f"places = {places}\nx, y = zip(*places)\nplt.scatter(x, y, color='black')\n"
        "for place in places:\n    plt.annotate('Model', place, xytext=(6, 4), textcoords='offset points')\n"
    )
    code, _ = copied(executor, PLT + chart, ANSWER)
    assert methods_of(code) == ["scatter"]
    assert np.allclose(Program(code).literals("y"), [y for _, y in places], atol=0.3)


def test_black_points_beside_colored_ones_are_no_frame(executor):
    chart = (
        'plt.scatter([0.6, 3.2, 4.3, 4.8, 6.4], [11, 41, 24, 36, 52], color="khaki")\n'
        'plt.scatter([0.3, 3.0, 4.4, 5.0, 5.6], [10, 22, 34, 40, 58], color="black", marker="v")\n'
        'plt.xlim(left=0)\nplt.gca().spines[["top", "right"]].set_visible(False)\n'
    )
    code, _ = copied(executor, PLT + chart, ANSWER)
    assert methods_of(code) == ["scatter", "scatter"] and 'color="black"' in code


@pytest.mark.parametrize("opacity", [1, 0.5])
def test_points_of_a_crowd(executor, opacity):
    chart = (
        "import numpy as np\nx, y = np.random.default_rng(0).normal(size=(2, 1200))\n"
        f"plt.scatter(x, x + y, s=8, alpha={opacity})\n"
    )
    code, image = copied(executor, PLT + chart, ANSWER)
    assert methods_of(code) == ["scatter"] and ("alpha" in code) == (opacity < 1)
    assert chart_iou(executor.run(code).image, image) > 0.9


def test_two_thresholds_are_no_grid(executor):
    chart = (
        "plt.scatter([-3, -1.5, 0.2, 1.7, 3], [4, 2, 1, 3, 5])\nplt.axvline(-1, color='k', ls='--')\n"
        "plt.axvline(1, color='k', ls='--')\nplt.gca().spines[['top', 'right']].set_visible(False)\n"
    )
    code, _ = copied(executor, PLT + chart, ANSWER)
    assert "grid" not in code and 'spines[["top", "right"]]' in code


def test_small_ticks_are_shorter(executor):
    chart = "fig, ax = plt.subplots(figsize=(4, 3), dpi=180)\nax.loglog([1, 10, 100, 1000], [1, 50, 7, 3000])\n"
    image = executor.run(PLT + chart).image
    pixels = canvas_of(image)
    box = Sheet.of(pixels, image.shape[1::-1], "").box
    assert len(major_ticks(pixels, box, "left")) == 4


def test_a_line_across_bars_is_no_hollow_marker(executor):
    chart = (
        "fig, ax = plt.subplots(figsize=(8, 6))\nnames = list('abcde')\n"
        "ax.bar(names, [151, 136, 166, 116, 153], color='lightblue')\nother = ax.twinx()\n"
        "other.plot(names, [7.1, 10.9, 5.4, 13.1, 7.6], color='darkred', marker='o')\n"
    )
    image = executor.run("import matplotlib.pyplot as plt\n\n" + chart).image
    (code,) = Sheet.of(canvas_of(image), image.shape[1::-1], "import matplotlib.pyplot as plt\n").measured()
    assert ".plot(" in code and ".scatter(" not in code


def test_soft_edges_of_lines_in_similar_colors(executor):
    chart = "fig, ax = plt.subplots(figsize=(7, 6))\n" + "".join(
        f"ax.plot([0, 1, 2, 3, 4], {values}, color='{color}', lw=2.5)\n"
        for values, color in (([6, 7, 9, 8, 9], "#bc3c29"), ([1, 3, 2, 4, 6], "#e18727"))
    )
    code, _ = copied(executor, PLT + chart, ANSWER)
    assert methods_of(code) == ["plot", "plot"]


def test_lines_across_in_both_directions(executor):
    chart = (
        "plt.scatter([1, 2, 4, 5, 7, 8], [14, 22, 19, 30, 26, 29], color='navy')\n"
        "plt.axhline(23.3, color='{0}', ls='{1}', lw=1)\nplt.axvline(4.5, color='{0}', ls='{1}', lw=1)\n"
    )
    for color, style in (("red", ":"), ("gray", "--")):
        code, _ = copied(executor, PLT + chart.format(color, style), ANSWER, fine=True)
        assert methods_of(code) == ["scatter"]
        for call in ("axhline(23.3", "axvline(4.5"):
            assert f'ax.{call}, color="{color}", linestyle="{style}", linewidth=1)' in code


def test_grids_are_no_lines_across(executor):
    grids = "plt.grid()\n", "plt.grid(color='k', ls=':')\n", "plt.grid(axis='y', color='lightgray', ls='--')\n"
    for grid in grids:
        image = executor.run(PLT + "plt.plot([1, 2, 3, 4, 5], [3, 6, 4, 8, 5])\n" + grid).image
        pixels = canvas_of(image)
        assert not find_lines_across(pixels, Sheet.of(pixels, image.shape[1::-1], "").box)


def test_words_in_a_color_are_no_points(executor):
    chart = (
        "plt.scatter([1, 2, 4, 5, 7, 8], [14, 22, 19, 30, 26, 29], color='navy')\n"
        "plt.text(1, 27, 'good offense,\\ngood defense', color='green', style='italic')\n"
    )
    code, _ = copied(executor, PLT + chart, ANSWER)
    assert code.count(".scatter(") == 1


def test_dashes_upon_bands_are_no_words(executor):
    chart = (
        "fig, ax = plt.subplots(figsize=(9, 5))\nx = range(13)\ny = [1690 + 1.6 * k**2 for k in x]\n"
        "for width, alpha in ((12, 0.2), (6, 0.3)):\n"
        "    low, high = ([v + sign * (20 + width * k) for k, v in enumerate(y)] for sign in (-1, 1))\n"
        "    ax.fill_between(x, low, high, color='#d95f02', alpha=alpha)\n"
        "ax.plot(x, y, color='#d95f02', ls='--')\nax.set_xlim(-30, 12)\nax.set_ylim(1100, 2100)\n"
    )
    code, _ = copied(executor, PLT + chart, ANSWER)
    assert ".scatter(" in code or ".plot(" in code


def test_a_line_at_which_short_bars_end(executor):
    """Beside which there is then hardly anything in the colour of the paper."""
    chart = 'plt.barh(list("abcd"), [-37, -12, -0.8, 59], color="tomato")\nplt.axvline(0, color="black", lw=0.8)\n'
    image = executor.run(PLT + "plt.figure(figsize=(8, 6))\n" + chart).image
    pixels = canvas_of(image)
    (line,) = find_lines_across(pixels, Sheet.of(pixels, image.shape[1::-1], "").box)
    assert line.upright and line.thickness < 1.2


def test_a_mixture_that_covers_no_pixel_by_half(executor):
    """Between a dark line across the axes and the bars beside it."""
    chart = (
        'plt.style.use("seaborn-v0_8-whitegrid")\nfig, ax = plt.subplots(figsize=(7, 5))\n'
        "v = [-7.4, -4.6, -2.9, 1.3, 3.1, 4.2, 6.8, 9.7]\n"
        'ax.barh(list("abcdefgh"), v, color=["#d1495b" if c < 0 else "#00798c" for c in v])\n'
        'ax.axvline(0, color="#333333", lw=1)\nax.set_xlim(-12, 12)\nax.grid(axis="y", visible=False)\n'
        "fig.tight_layout()\n"
    )
    image = executor.run(PLT + chart).image
    Sheet.of(canvas_of(image), image.shape[1::-1], "").measured()


GREYS = (  # each of these colours, mixed with white, gives the next one
    'x = [1, 2, 4, 7, 11, 15]\nplt.errorbar(x, [12, 18, 24, 27, 33, 36], yerr=[2, 2, 3, 3, 4, 4], fmt="o-",'
    ' color="black", capsize=3, label="A")\n'
    'plt.errorbar(x, [10, 13, 16, 20, 22, 27], yerr=[2, 2, 2, 2, 3, 3], fmt="s--",'
    ' color="0.4", capsize=3, label="B")\n'
    'plt.errorbar(x, [5, 6, 7, 9, 10, 12], yerr=[1, 1, 2, 2, 2, 2], fmt="^:", color="0.6", capsize=3, label="C")\n'
    "plt.legend()\n"
)


def test_lines_in_greys_have_their_error_bars_and_markers(executor):
    code, _ = copied(executor, PLT + GREYS, ANSWER)
    program = Program(code)
    assert methods_of(code) == ["errorbar"] * 3
    said = [[call.keyword(name) for name in ("marker", "linestyle", "label")] for call in program.calls]
    assert [[node and node.value for node in nodes] for nodes in said] == [
        ["o", None, "A"],
        ["s", "--", "B"],
        ["^", ":", "C"],
    ]
    columns = [[12, 18, 24, 27, 33, 36], [10, 13, 16, 20, 22, 27], [5, 6, 7, 9, 10, 12]]
    columns += [[2, 2, 3, 3, 4, 4], [2, 2, 2, 2, 3, 3], [1, 1, 2, 2, 2, 2]]
    found = [program.literals(name) for table in program.tables for name in table.names]
    for values in columns:
        assert any(len(f) == len(values) and np.abs(np.subtract(f, values)).max() < 0.6 for f in found), values


def test_lines_have_their_points_where_markers_of_others_hide_theirs(executor):
    y, y2 = [1, 3, 5, 2, 4, 5, 8], [1, 2, 3, 4, 4, 6, 7]  # the first and the fifth are below the other ones
    chart = f'x = [0, 1, 2, 5, 9, 14, 20]\nplt.plot(x, {y}, "o-")\nplt.plot(x, {y2}, "s--")\n'
    code, _ = copied(executor, PLT + chart, ANSWER)
    (table,) = Program(code).tables
    found = [Program(code).literals(name) for name in table.names]
    assert np.abs(np.subtract(found, [[0, 1, 2, 5, 9, 14, 20], y, y2])).max() < 0.3


CURVES = (  # thin ones, that begin upon each other, with grey dashes and words in two lines
    "import numpy as np\nt = np.arange(61)\nplt.figure(figsize=(8, 6))\n"
    "for d, n, cap in ((3.1, 128, 1.9e5), (2.7, 110, 2.2e5), (3.4, 131, 1.5e5), (2.6, 104, 1e4), (4.2, 124, 1.8e4)):\n"
    "    plt.plot(t, cap / (1 + (cap / n - 1) * 2 ** (-t / d)))\n"
    "for d in (2, 4, 8):\n    m = 100 * 2 ** (t / d) < 3e5\n"
    "    plt.plot(t[m], (100 * 2 ** (t / d))[m], color='grey', ls='--', lw=0.8)\n"
    "    plt.text(t[m][-1], 3e5, f' doubles every\\n {d} days', fontsize=7, color='grey')\n"
    "plt.yscale('log')\nplt.ylim(80, 6e5)\n"
)


def test_curves_begin_where_others_hide_them_and_have_no_grey_dashes(executor):
    code, _ = copied(executor, PLT + CURVES, ANSWER)
    program = Program(code)
    colored = [call for call in program.calls if np.ptp(to_rgb(call.keyword("color").value)) > 0.05]
    assert len(colored) == 5 and ".scatter(" not in code
    assert not any(call.keyword("linestyle") or call.keyword("marker") for call in colored)
    assert len(program.calls) - len(colored) <= 3  # those in grey
    (table,) = (table for table in program.tables if colored[0].x in table.names)
    x, columns = program.literals(colored[0].x), [program.literals(*call.values) for call in colored]
    assert all(call.x in table.names and set(call.values) <= set(table.names) for call in colored)
    assert x[0] < 1
    for d, n, cap in ((3.1, 128, 1.9e5), (2.7, 110, 2.2e5), (3.4, 131, 1.5e5), (2.6, 104, 1e4), (4.2, 124, 1.8e4)):
        true = np.log10(cap / (1 + (cap / n - 1) * 2 ** (-np.array(x) / d)))
        assert min(np.abs(np.log10(column) - true).max() for column in columns) < 0.1


RANKS = {"Rovers": [3, 3, 2, 1, 1], "City": [1, 1, 1, 2, 3], "Albion": [2, 2, 3, 4, 4], "Forest": [4, 4, 4, 3, 2]}
BUMPS = (
    f"fig, ax = plt.subplots(figsize=(8, 4.5), dpi=110)\nranks = {RANKS}\n"
    "for (name, y), color in zip(ranks.items(), ['crimson', 'navy', 'goldenrod', 'teal']):\n"
    "    ax.plot(range(1, 6), y, 'o-', ms=11, lw=3, color=color, mec='white', mew=2)\n"
    "    ax.annotate(name, (5, y[-1]), xytext=(12, 0), textcoords='offset points', va='center', color=color)\n"
    "ax.invert_yaxis()\nax.set_yticks(range(1, 5))\nax.set_xticks(range(1, 6))\n"
    "ax.spines[:].set_visible(False)\nax.tick_params(length=0)\n"
)


def test_ranks_without_a_frame_with_edged_markers_and_names_beside(executor):
    code, _ = copied(executor, PLT + BUMPS, ANSWER, fine=True)
    assert methods_of(code) == ["plot"] * 4
    assert code.count('marker="o", markeredgecolor="white", markeredgewidth=2, markersize=1') == 4
    columns = [Program(code).literals(name) for table in Program(code).tables for name in table.names]
    for ranks in RANKS.values():
        assert any(np.shape(column) == (5,) and np.abs(np.subtract(column, ranks)).max() < 0.1 for column in columns)


def test_tips_of_a_dense_line_below_a_thick_one(executor):
    chart = (
        "import numpy as np\nplt.figure(figsize=(9, 5))\nx = np.arange(1880, 2020)\n"
        "y = np.random.default_rng(5).normal(0, 1, len(x)) + 0.0003 * (x - 1900) ** 2\n"
        "plt.plot(x, y, lw=0.9, color='steelblue')\n"
        "plt.plot(x[5:-5], np.convolve(y, np.ones(11) / 11, mode='valid'), lw=2.5, color='tab:red')\n"
    )
    image = executor.run(PLT + chart).image
    layers = Sheet.of(canvas_of(image), image.shape[1::-1], ANSWER).layers
    line = max(layers.lines, key=lambda layer: layer.color[2])
    x = np.arange(1880, 2020)
    y = np.random.default_rng(5).normal(0, 1, len(x)) + 0.0003 * (x - 1900) ** 2
    heights = readout.trace_line(line.cover, (x - layers.x.start) / layers.x.slope)
    assert np.abs(layers.y(heights) - y).mean() < 0.15


GROWTH = (
    "import numpy as np\nt = np.arange(0, 25, 2)\nplt.figure(figsize=(4.2, 3.2), dpi=250)\n"
    "series = ((1.9, 0.55, 8, 'o'), (1.6, 0.42, 11, 's'), (1.2, 0.33, 14, '^'), (0.6, 0.25, 18, 'D'))\n"
    "for k, (most, rate, middle, marker) in enumerate(series):\n"
    "    plt.errorbar(t, most / (1 + np.exp(-rate * (t - middle))), yerr=0.04 + 0.02 * (t + k) % 0.06,\n"
    "                 fmt='-' + marker, ms=4, lw=1, capsize=2, mfc='white', label=f'{k} °C')\n"
    "plt.legend(frameon=False)\n"
)


def test_error_bars_with_white_markers(executor):
    code, _ = copied(executor, PLT + GROWTH, ANSWER, fine=True)
    program = Program(code)
    assert methods_of(code) == ["errorbar"] * 4
    assert [call.keyword("marker").value for call in program.calls][1:] == ["s", "^", "D"]
    assert code.count('markerfacecolor="white"') == 4
    (table,) = program.tables
    x, *columns = (program.literals(name) for name in table.names)
    assert np.abs(np.subtract(x, np.arange(0, 25, 2))).max() < 0.2
    for most, rate, middle in ((1.9, 0.55, 8), (1.6, 0.42, 11), (1.2, 0.33, 14), (0.6, 0.25, 18)):
        true = most / (1 + np.exp(-rate * (np.arange(0, 25, 2) - middle)))
        assert min(np.abs(column - true).max() for column in columns) < 0.05


def test_white_markers_on_lines_that_cross(executor):
    series = [[20, 40, 19, 34, 36, 22, 23, 21], [15, 16, 34, 23, 18, 28, 28, 30], [10, 15, 22, 22, 29, 24, 28, 17]]
    chart = "plt.figure(figsize=(7, 4), dpi=130)\n" + "".join(
        f"plt.plot(range(8), {values}, '-o', mfc='{color}', mew=1.5)\n"
        for values, color in zip(series, ("white", "white", "none"))
    )
    code, _ = copied(executor, PLT + chart, ANSWER)
    assert methods_of(code) == ["plot"] * 3 and code.count('marker="o"') == 3
    assert (code.count('markerfacecolor="white"'), code.count('markerfacecolor="none"')) == (2, 1)
    columns = [Program(code).literals(name) for table in Program(code).tables for name in table.names]
    for values in series:
        assert any(np.shape(column) == (8,) and np.abs(np.subtract(column, values)).max() < 0.6 for column in columns)


RATES = (  # curves that begin upright, in dots as well, and a thin grey line
    "import numpy as np\nx = np.linspace(0, 1, 200)\nplt.figure(figsize=(5, 5), dpi=200)\n"
    "for name, power, style in (('Forest', 0.07, '-'), ('Boosting', 0.13, '--'), ('Naive', 0.37, ':')):\n"
    "    plt.plot(x, x**power, ls=style, lw=2, label=name)\n"
    "plt.plot([0, 1], [0, 1], color='grey', lw=1)\nplt.axis([0, 1, 0, 1.02])\nplt.legend(fontsize=8)\n"
)


def test_steep_dots_are_no_error_bars_and_a_grey_line_is_no_grid(executor):
    image = executor.run(PLT + RATES).image
    sheet = Sheet.of(canvas_of(image), image.shape[1::-1], ANSWER)
    assert [line.text for line in sheet.legend.lines] == ["Forest", "Boosting", "Naive"]
    (code,) = sheet.measured()
    assert methods_of(code) == ["plot"] * 4
    styles = [call.keyword("linestyle") for call in Program(code).calls]
    assert [style and style.value for style in styles] == [None, "--", ":", None]


def test_steps_and_noise_are_no_error_bars(executor):
    chart = (
        "import numpy as np\nrng = np.random.default_rng(3)\n"
        "x, y = np.sort(rng.uniform(size=60)) ** 3, np.arange(61) / 60\n"
        "plt.plot(np.repeat(x, 2), np.repeat(y, 2)[1:-1])\n"
        "plt.plot(np.linspace(0, 1, 500), 0.3 * np.sin(np.linspace(0, 7, 500)) - 0.5 + rng.normal(0, 0.03, 500))\n"
    )
    code, _ = copied(executor, PLT + chart, ANSWER)
    assert "errorbar" not in code


def test_a_line_in_a_legend_that_lies_upon_others_which_begin_below_it(executor):
    chart = (
        "import numpy as np\nt = np.arange(60)\nplt.style.use('seaborn-v0_8-darkgrid')\nplt.figure(figsize=(9, 6))\n"
        "for rate, days in ((0.28, 22), (0.29, 19), (0.25, 25), (0.3, 9)):\n"
        "    plt.plot(t, 100 * np.exp(rate * days * (1 - np.exp(-t / days))), label=f'{rate}')\n"
        "plt.plot(t[:31], 100 * 2 ** (t[:31] / 3), 'k--', lw=1, label='doubles')\n"
        "plt.yscale('log')\nplt.legend(loc='lower right')\n"
    )
    code, _ = copied(executor, PLT + chart, ANSWER, fine=True)
    assert methods_of(code) == ["plot"] * 5
    tables = [[Program(code).literals(name) for name in table.names] for table in Program(code).tables]
    assert all(table[0][0] < 2 for table in tables)
    (doubling,) = (table for table in tables if table[0][-1] < 31)
    assert np.abs(np.log(np.divide(doubling[1], 100 * 2 ** (np.array(doubling[0]) / 3)))).max() < 0.15


def test_a_noisy_line_is_no_crowd_and_inks_its_band(executor):
    chart = (
        "import numpy as np\nrng, t = np.random.default_rng(10), np.arange(2000)\nplt.figure(figsize=(10, 4))\n"
        "plt.plot(t, 20 * np.sin(t / 200) + rng.normal(0, 5, 2000), lw=0.7)\n"
    )
    code, _ = copied(executor, PLT + chart, ANSWER)
    assert methods_of(code) == ["plot"]
    _, y = (Program(code).literals(name) for name in Program(code).tables[0].names)
    assert len(y) > 150 and np.abs(np.diff(y)).mean() > 10  # from one edge to the other


@pytest.mark.parametrize("first, end", [(0, None), (7, 30)])
def test_runs_of_ink(first, end):
    generator = np.random.default_rng(0)
    cover = generator.random((24, 40)) * (generator.random((24, 40)) < 0.5)
    cover[[0, -1]] = 0.9  # runs that end in the last row, and others that start in the first one of the next column
    expected = []
    for column in range(first, end or 40):
        row = 0
        while row < 24:
            start = row
            while row < 24 and cover[row, column] > 0.3:
                row += 1
            ink = cover[start:row, column]
            if len(ink):
                expected.append((column, start, row, (ink * np.arange(start, row)).sum() / ink.sum(), ink.sum()))
            row += not len(ink)
    np.testing.assert_allclose(np.transpose(runs_of_ink(cover, first, end)), expected)


def test_colours_of_thin_lines_are_those_of_the_finest_picture(executor):
    """On the canvas, no pixel has more of a noisy line than of its mixture with the paper."""
    code = 'import numpy as np\nplt.style.use("ggplot")\ndraw = np.random.default_rng(11)\n'
    code += "fig, ax = plt.subplots(figsize=(11, 5.5), dpi=110)\n"
    code += "for k, scale in enumerate((13, 10, 16, 7)):\n"
    code += "    y = 100 * np.exp(draw.normal(0.0006, scale / 1000, 380).cumsum())\n"
    code += '    ax.plot(y, **(dict(color="black", lw=2, ls="--") if k == 3 else dict(lw=1.3)))\n'
    image = executor.run(PLT + code).image
    found = [color for color, _ in Sheet.of(canvas_of(image), image.shape[1::-1], "").series]
    wanted = [np.multiply(255, to_rgb(color)) for color in ("#e24a33", "#348abd", "#988ed5", "black")]
    nearest = [min(np.abs(color - own).max() for own in found) for color in wanted]
    assert len(found) == 4 and max(nearest) < 16


def test_names_in_the_colours_of_lines_are_no_line(executor):
    code = "import numpy as np\nfig, ax = plt.subplots(figsize=(6, 6), dpi=130)\nx = np.arange(1100, 3001, 2.0)\n"
    code += 'for k, color in enumerate(["#440154", "#375b8d", "#1fa188", "#9bd93c"]):\n'
    code += (
        "    y = 1.1 * k + 0.8 * 400 / ((x - 1585) ** 2 + 400) + np.random.default_rng(k).normal(0, 0.008, x.size)\n"
    )
    code += "    ax.plot(x, y, lw=1, color=color)\n"
    code += '    ax.text(1880, 1.1 * k + 0.14, f"{15 + k} min plasma", color=color)\n'
    image = executor.run(PLT + code).image
    lines = Sheet.of(canvas_of(image), image.shape[1::-1], "").layers.lines
    assert len(lines) == 4
    for layer in lines:
        rows = np.flatnonzero((layer.cover[:, 240:300] > 0.4).any(axis=1))
        assert np.ptp(rows) < 9  # pixels: where the name is, there is only the line


def test_narrow_bands_and_pale_lines_in_them_are_found(executor):
    chart = (
        "import numpy as np\n\nx, colors = np.arange(13), ['#4c1d4b', '#a11b5c', '#e94a4a', '#f69c73']\n"
        "for k, color in enumerate(colors):\n"
        "    y = (1.8 - 0.2 * k) / (1 + np.exp(-(x - 3 - k)))\n    plt.plot(x, y, color=color, linewidth=1.5)\n"
        "    plt.fill_between(x, y * 0.96, y * 1.04, color=color, alpha=0.2)\n"
    )
    code, _ = copied(executor, PLT + chart, ANSWER, fine=True)
    assert sorted(methods_of(code)) == ["fill_between"] * 4 + ["plot"] * 4
    program = Program(code)
    ends = [program.literals(call.values[0])[-1] for call in program.calls if call.method == "plot"]
    assert np.allclose(sorted(ends), [1.2, 1.4, 1.6, 1.8], atol=0.03)


def test_a_thin_band_around_one_line_is_found(executor):
    chart = (
        'plt.plot([0, 10], [1, 9], color="darkorange")\n'
        'plt.fill_between([0, 10], [0.7, 8.6], [1.3, 9.4], color="darkorange", alpha=0.2)\n'
    )
    code, _ = copied(executor, PLT + chart, ANSWER)
    assert methods_of(code) == ["fill_between", "plot"]


def test_the_handle_of_a_band_is_nothing_seen_through_the_legend(executor):
    code = (
        "plt.figure(dpi=140)\n"
        'plt.errorbar([6, 36, 67, 93, 117], [600, 2600, 4900, 6300, 8300], 220, [0.4, 2, 4, 5, 7], ".", color="navy", '
        'ecolor="cornflowerblue", elinewidth=1, label="Galaxies")\n'
        'plt.plot([0, 125], [30, 8750], color="darkorange", label="Linear fit")\n'
        'plt.fill_between([0, 125], [-100, 8500], [160, 9000], color="darkorange", alpha=0.2, '
        'label="confidence band")\n'
        'plt.ylim(0, 9500)\nplt.xlim(0, 130)\nplt.legend(loc="upper left")\n'
    )
    image = executor.run(PLT + code).image
    sheet = Sheet.of(canvas_of(image), image.shape[1::-1], ANSWER)
    left, top, _, _ = sheet.box
    corner = sheet.bare[round(top) + 5 : round(top) + 55, round(left) + 5 : round(left) + 35].astype(int)
    assert sheet.legend is not None and np.ptp(corner, axis=2).max() < 30  # nothing coloured is left of it

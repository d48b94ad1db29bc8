"""Programs made from the picture alone: charts drawn by plain matplotlib, answers of another kind or none at all."""

import ast

import numpy as np
import pytest

from chart2code.detail import canvas_of
from chart2code.layout import usual_size
from chart2code.program import PLOTTING
from chart2code.sketches import Sheet, Words, sketches
from chart2code.verification import verify
from eval_metric.similarity import to_canvas

PLT = "import matplotlib.pyplot as plt\n\n"
BROKEN = PLT + 'fig, ax = plt.subplots()\nax.set_title("Sales")\nnames, sales = zip(*[("a, 1), ("b", 2)])\n'
LINE = PLT + "fig, ax = plt.subplots()\nx, y = zip(*[(1, 5), (2, 6), (3, 5), (4, 7)])\nax.plot(x, y)\n"
STACKED = PLT + (
    'fig, ax = plt.subplots()\nnames, y1, y2 = zip(*[("a", 3, 2), ("b", 2, 4), ("c", 1, 5)])\n'
    'ax.bar(names, y1, label="lunch")\nax.bar(names, y2, bottom=y1, label="dinner")\nax.legend()\n'
)
# name -> (chart, answer, the plotting methods of a right program)
CHARTS = {
    "grouped bars": (
        "plt.bar([-0.2, 0.8, 1.8], [3, 5, 2], width=0.4, label='lunch')\n"
        "plt.bar([0.2, 1.2, 2.2], [4, 3, 6], width=0.4, label='dinner')\n"
        "plt.xticks([0, 1, 2], ['a', 'b', 'c'])\nplt.legend()\n",
        STACKED,
        ["bar", "bar"],
    ),
    "bars of several colors": (
        "plt.bar(['a', 'b', 'c', 'd'], [5, 9, 3, 6], color=['teal', 'orange', 'purple', 'olive'])\n",
        PLT
        + 'fig, ax = plt.subplots()\nnames, y = zip(*[("a", 1), ("b", 2), ("c", 3), ("d", 4)])\nax.bar(names, y)\n',
        ["bar"],
    ),
    "bars in the colors of gains and losses": (
        "plt.bar(list('abcdef'), [5, -3, 8, -6, 2, 4],"
        " color=['green', 'red', 'green', 'red', 'green', 'green'])\nplt.axhline(0, color='black', linewidth=1)\n",
        STACKED,
        ["bar"],
    ),
    "horizontal bars side by side": (
        "plt.barh([-0.2, 0.8, 1.8], [3, 5, 2], height=0.4, color='navy')\n"
        "plt.barh([0.2, 1.2, 2.2], [4, 3, 6], height=0.4, color='skyblue')\n"
        "plt.yticks([0, 1, 2], ['a', 'b', 'c'])\n",
        LINE,
        ["barh", "barh"],
    ),
    "grey bars upon others": (
        "plt.bar(list('abc'), [3, 2, 4], color='dimgray')\n"
        "plt.bar(list('abc'), [2, 5, 3], bottom=[3, 2, 4], color='orange')\n"
        "plt.bar(list('abc'), [1, 2, 2], bottom=[5, 7, 7], color='gold')\n",
        LINE,
        ["bar", "bar", "bar"],
    ),
    "area below a line of another color": (
        "plt.fill_between([1, 2, 3, 4, 5], [3, 6, 4, 7, 5], color='skyblue')\n"
        "plt.plot([1, 2, 3, 4, 5], [3, 6, 4, 7, 5], color='darkred')\nplt.ylim(0, 8)\n",
        BROKEN.replace("Sales", ""),
        ["plot", "fill_between"],
    ),
    "horizontal bars": (
        "plt.barh(['a', 'b', 'c', 'd'], [5, 9, 3, 6], color='teal')\n",
        BROKEN.replace("Sales", ""),
        ["barh"],
    ),
    "bars and a line on a second axis": (
        "fig, ax = plt.subplots()\nax.bar(['a', 'b', 'c', 'd', 'e'], [40, 70, 90, 60, 20], color='skyblue')\n"
        "ax.twinx().plot(['a', 'b', 'c', 'd', 'e'], [12.5, 15, 14, 19, 16], color='firebrick')\n",
        LINE,
        ["bar", "plot"],
    ),
    "points and their trend": (
        "plt.scatter([1, 2, 3, 4.5, 6, 7], [9, 7.5, 8, 5, 4.5, 2.5], color='green')\n"
        "plt.plot([1, 7], [9, 3], color='green')\n",
        LINE,
        ["scatter", "plot"],
    ),
    "areas": (
        "plt.stackplot([1, 2, 3, 4, 5], [3, 4, 2, 5, 4], [2, 2, 3, 3, 1], colors=['gold', 'teal'])\n",
        BROKEN.replace("Sales", ""),
        ["stackplot"],
    ),
    "steps": (
        "plt.step([0, 1, 2, 3.5, 5], [1, 3, 2, 5, 4], where='post', color='green')\n"
        "plt.step([0, 1, 2, 3.5, 5], [7, 8, 9, 6, 7], where='post', color='purple')\n",
        LINE,
        ["step", "step"],
    ),
    "lines with an area between them": (
        "plt.fill_between([1, 2, 3, 4, 5], [2, 3, 5, 4, 3], [6, 7, 8, 7, 5], color='moccasin')\n"
        "plt.plot([1, 2, 3, 4, 5], [2, 3, 5, 4, 3], color='blue')\n"
        "plt.plot([1, 2, 3, 4, 5], [6, 7, 8, 7, 5], color='red')\n",
        BROKEN.replace("Sales", ""),
        ["plot", "plot", "fill_between"],
    ),
    "dashes on a dark page": (
        "plt.style.use('dark_background')\nplt.plot([1, 2, 3, 4, 5], [9, 5, 8, 4, 6], 'o--', color='cyan')\n",
        BROKEN.replace("Sales", ""),
        ["plot"],
    ),
    "pie": ("plt.pie([40, 25, 20, 15], labels=['a', 'b', 'c', 'd'])\n", LINE, ["pie"]),
}


@pytest.mark.parametrize("name", CHARTS)
def test_answer_of_another_kind_is_replaced(executor, name):
    chart, answer, methods = CHARTS[name]
    image = executor.run(PLT + chart).image
    found = verify(executor, [answer], image, refine=True, time_budget=60, max_renderings=70)
    calls = [node for node in ast.walk(ast.parse(found.code)) if isinstance(node, ast.Call)]
    used = [call.func.attr for call in calls if isinstance(call.func, ast.Attribute)]
    assert sorted(method for method in used if method in PLOTTING) == sorted(methods)
    assert found.iou >= 0.85


def test_size_of_a_figure_in_a_picture_of_the_canvas_size(executor):
    """It may be letterboxed: the answer tells the figure, which is matplotlib's own where it says nothing."""
    for figsize, scale in (("", 512 / 640), ("figsize=(4, 6)", 512 / 600)):
        answer = PLT + f"fig, ax = plt.subplots({figsize})\nax.plot([1, 2], [3, 4])\n"
        sheet = Sheet.of(to_canvas(executor.run(answer).image), (512, 512), answer)
        assert sheet.scale == pytest.approx(scale)


@pytest.mark.parametrize(
    ("dpi", "style"), [(100, "default"), (150, "default"), (200, "default"), (150, "fivethirtyeight")]
)
def test_labels_at_ticks_tell_the_size_of_a_figure(executor, dpi, style):
    style = f'plt.style.use("{style}")\n' if style != "default" else ""
    code = f"{PLT}{style}plt.figure(figsize=(6, 4), dpi={dpi})\nplt.plot([150, 320, 480], [25, 78, 34])\n"
    chart = executor.run(code).image
    sheet = Sheet.of(canvas_of(chart), chart.shape[1::-1], PLT + style)
    assert sheet.figsize == (6, 4) and sheet.sharpness == dpi / 100 and sheet.scale == pytest.approx(512 / 600)
    assert sheet.at(72).figsize == pytest.approx((600 * dpi / 7200, 400 * dpi / 7200), rel=0.01)


def test_words_are_those_of_the_answer():
    words = Words.of(BROKEN)
    assert words.statements == ['ax.set_title("Sales")']
    words = Words.of(STACKED.replace("plt.subplots()", "plt.subplots(figsize=(5, 3))"))
    assert (words.names(4), words.label(1), words.label(2)) == (["a", "b", "c", "Item 1"], "dinner", "Series 3")
    assert words.figsize == (5, 3)
    assert Words.of("fig, ax = plt.subplots(figsize=(width, 3))").figsize is None
    assert Words.of("not a program") == Words()
    assert Words.of('ax.set_ylabel("y", color="red", color="blue")').statements == []  # a tree, but no program
    assert Words.of('ax.set_xlabel("x", linestyle=":")\nax.set_title(TITLE)').statements == []
    kept = [
        'ax.set_title("T", loc="left", pad=9)',
        'ax.grid(True, axis="y", ls=":")',
        'ax.spines["top"].set_visible(False)',
    ]
    assert Words.of("\n".join(kept)).statements == kept


@pytest.mark.parametrize("seed", range(3))
def test_any_picture_has_sketches_that_are_programs(seed):
    draw = np.random.default_rng(seed)
    picture = draw.integers(0, 256, (300, 400, 3), dtype=np.uint8)
    picture[50:250, 60:340] = (255, 30 * seed, 90)
    for code in sketches(to_canvas(picture), (400, 300), ""):
        compile(code, "sketch", "exec")


def test_of_resolutions_that_are_near_the_one_of_a_usual_figure_is_right():
    assert usual_size((910, 780), 7.4) == (7, 6)  # 130 dpi, and not 120
    assert usual_size((840, 600), 7.2) == (7, 5)  # 120 dpi
    assert usual_size((911, 777), 7.4) == pytest.approx((7.59, 6.475), abs=0.01)

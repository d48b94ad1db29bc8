"""Bars with black edges in white and greys, also with error bars, and words in a font like Times."""

import numpy as np
import pytest

from chart2code.captions import reworded
from chart2code.detail import canvas_of
from chart2code.drawing import Drawing
from chart2code.outlined_bars import find_brackets, find_rectangles, outlined_bars
from chart2code.sketches import Sheet
from chart2code.verification import verify
from eval_metric.executor import Executor

PLT = "import matplotlib.pyplot as plt\nimport numpy as np\n\n"
ANSWER = "import matplotlib.pyplot as plt\n\nfig, ax = plt.subplots()\nax.plot([1, 2], [3, 4])\n"
GREYS = 'color=["white", "0.8", "0.5", "0.25"], edgecolor="black"'
BARE = 'ax.spines[["top", "right"]].set_visible(False)\n'


def sheet_of(executor: Executor, chart: str) -> Sheet:
    image = executor.run(PLT + chart).image
    return Sheet.of(canvas_of(image), image.shape[1::-1], ANSWER)


def columns_of(code: str, *names: str) -> list[np.ndarray]:
    """Columns of the program's first table."""
    variables: dict = {}
    exec(next(line for line in code.splitlines() if " = zip(" in line), variables)
    return [np.array(variables[name]) for name in names]


@pytest.mark.parametrize("dpi", [100, 130, 220])
def test_bars_in_white_and_greys_with_errors(executor, dpi):
    chart = (
        f"fig, ax = plt.subplots(figsize=(4, 3), dpi={dpi})\n"
        f"ax.bar(list('abcd'), [1, 0.83, 0.46, 0.21], yerr=[0.06, 0.08, 0.07, 0.04], capsize=3, {GREYS})\n{BARE}"
    )
    (code,) = outlined_bars(sheet_of(executor, chart))
    values, errors = columns_of(code, "values", "errors")
    assert np.abs(values - [1, 0.83, 0.46, 0.21]).max() < 0.012
    assert np.abs(errors - [0.06, 0.08, 0.07, 0.04]).max() < 0.012
    assert 'color=["white", ' in code and 'edgecolor="black"' in code and "capsize=" in code
    assert BARE.strip() in code


def test_groups_have_the_names_of_the_legend(executor):
    chart = (
        "x = np.arange(3)\nfig, ax = plt.subplots()\n"
        "ax.bar(x - 0.2, [23, 31, 28], 0.4, color='white', edgecolor='black', label='Placebo')\n"
        "ax.bar(x + 0.2, [29, 42, 37], 0.4, color='0.6', edgecolor='black', label='Treated')\n"
        "ax.set_xticks(x, ['one', 'two', 'three'])\nax.set_ylim(0, 60)\nax.legend()\n"
    )
    (code,) = outlined_bars(sheet_of(executor, chart))
    y1, y2 = columns_of(code, "y1", "y2")
    assert np.abs(y1 - [23, 31, 28]).max() < 0.4 and np.abs(y2 - [29, 42, 37]).max() < 0.4
    assert 'label="Placebo"' in code and 'label="Treated"' in code and "ax.legend()" in code
    assert "ax.bar([i - 0.2 for i in x], y1, width=0.4" in code


def test_a_histogram_with_nothing_but_edges(executor):
    chart = (
        "counts, edges = np.histogram(np.random.default_rng(4).normal(50, 10, 400), 12)\n"
        "plt.bar(edges[:-1], counts, np.diff(edges), align='edge', color='white', edgecolor='black')\n"
    )
    (code,) = outlined_bars(sheet_of(executor, chart))
    counts, edges = np.histogram(np.random.default_rng(4).normal(50, 10, 400), 12)
    x, values = columns_of(code, "x", "values")
    assert np.abs(values - counts).max() < 1 and np.abs(x - (edges[:-1] + edges[1:]) / 2).max() < 0.5


@pytest.mark.parametrize(
    "chart",
    [
        "plt.bar(list('abc'), [3, 2, 5], color='tab:blue', edgecolor='black')",  # of the colours others know
        "plt.boxplot([[1, 2, 4], [2, 3, 5], [1, 3, 4]])",
        "plt.plot([0, 0, 1, 1, 2, 2], [0, 3, 3, 1, 1, 0], color='black')",
        "plt.scatter([1, 2, 3], [1, 2, 3], facecolors='none', edgecolors='black', marker='s', s=200)",
        "plt.bar(list('abc'), [3, 2, 5], color='0.6')",
    ],
)
def test_other_charts_have_none(executor, chart):
    assert outlined_bars(sheet_of(executor, f"{chart}\nplt.grid()\n")) == []


def test_rectangles_are_where_edges_are(executor):
    sheet = sheet_of(
        executor, "plt.bar([1, 2], [3, 2], color='white', edgecolor='black', linewidth=2)\nplt.ylim(0, 4)"
    )
    left, top, right, bottom = sheet.box
    first, second = find_rectangles(sheet.target, sheet.box)
    height = bottom - top
    assert first.top == pytest.approx(bottom - 0.75 * height, abs=1)
    assert second.top == pytest.approx(bottom - 0.5 * height, abs=1)
    assert first.width / (second.center - first.center) == pytest.approx(0.8, abs=0.01)


def test_brackets_between_bars(executor):
    chart = (
        f"fig, ax = plt.subplots(figsize=(4, 3), dpi=150)\nax.bar(list('abcd'), [1, 0.8, 0.5, 0.2], {GREYS})\n{BARE}"
        "ax.plot([0, 0, 3, 3], [1.15, 1.2, 1.2, 1.15], color='black', linewidth=0.8)\nax.set_ylim(0, 1.4)\n"
        "ax.plot([1, 1, 2, 2], [0.9, 0.95, 0.95, 0.9], color='black', linewidth=0.8)\n"
    )
    sheet = sheet_of(executor, chart)
    left, top, right, bottom = sheet.box
    bars = find_rectangles(sheet.target, sheet.box)
    (first, last, level, foot), (second, third, *_) = find_brackets(sheet.target, sheet.box, bars)
    assert (first, last, second, third) == (0, 3, 1, 2)
    assert level == pytest.approx(bottom - 1.2 / 1.4 * (bottom - top), abs=1.5)
    assert foot == pytest.approx(bottom - 1.15 / 1.4 * (bottom - top), abs=1.5)
    assert "ax.plot([0, 0, 3, 3], [1.1" in outlined_bars(sheet)[0]


def test_words_in_a_font_like_times(executor):
    chart = (
        'plt.rcParams["font.family"] = "STIXGeneral"\nfig, ax = plt.subplots(figsize=(4, 3), dpi=150)\n'
        f"ax.bar(['Control', 'Low', 'Medium', 'High'], [82, 61, 40, 33], yerr=[5, 6, 4, 3], capsize=4, {GREYS})\n"
        "ax.set_ylabel('Relative activity')\nax.set_xlabel('Concentration')\n"
    )
    image = executor.run(PLT + chart).image
    found = verify(executor, [ANSWER], image, refine=True, time_budget=60, max_renderings=30)
    assert found.iou > 0.88
    assert 'plt.rcParams["font.family"] = "STIXGeneral"' in found.code
    assert '"Control"' in found.code and '"Medium"' in found.code and "Relative activity" in found.code
    drawing = Drawing(found.code, executor.run(found.code))
    assert "serif" not in (reworded(drawing, canvas_of(image), image.shape[1::-1]) or "")


def test_hatched_bars_have_their_hatches(executor):
    chart = (
        "import matplotlib.pyplot as plt\n\nfig, ax = plt.subplots(figsize=(7, 4))\nw = 0.2\n"
        'looks = [("white", ""), ("0.8", "///"), ("0.6", "xx"), ("0.9", ".."), ("white", "\\\\\\\\")]\n'
        "values = [[9, 5, 7], [4, 8, 6], [3, 6, 2], [5, 2, 8], [2, 7, 4]]\n"
        "for k, (color, hatch) in enumerate(looks):\n"
        '    ax.bar([i * 1.2 + k * w for i in range(3)], values[k], w, color=color, hatch=hatch, edgecolor="black")\n'
        'ax.set_xticks([0.4, 1.6, 2.8], ["a", "b", "c"])\nax.set_ylim(0, 10)\n'
    )
    image = executor.run(chart).image
    sheet = Sheet.of(canvas_of(image), image.shape[1::-1], "")
    found = find_rectangles(sheet.target, sheet.box)
    assert [bar.hatch for bar in found] == ["", "/", "x", ".", "\\"] * 3
    (code,) = outlined_bars(sheet)
    assert all(f'hatch="{hatch}"' in code for hatch in ("///", "xx", ".."))

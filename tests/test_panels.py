"""Charts of several panels: where these are, cut out, and their programs made one."""

import ast

import numpy as np
import pytest

from chart2code.detail import canvas_of
from chart2code.panels import cut_out, find_panels, merged
from chart2code.scales import Scale
from chart2code.sketches import Sheet
from chart2code.verification import verify
from eval_metric.similarity import CANVAS

PLT = "import matplotlib.pyplot as plt\nimport numpy as np\n\n"
ANSWER = "import matplotlib.pyplot as plt\n\nfig, ax = plt.subplots()\nax.plot([1, 2], [3, 4])\n"
LINE_AND_BARS = (
    "fig, (a, b) = plt.subplots(1, 2, figsize=(11, 5))\n"
    'a.plot(range(2010, 2020), [3, 8, 6, 9, 12, 10, 15, 13, 18, 16], color="tab:blue")\na.set_title("Sales")\n'
    'b.bar(["North", "South", "East"], [30, 50, 20], color="seagreen")\nb.set_ylabel("Revenue")\n'
)
GRID = (
    "fig, axes = plt.subplots(2, 2, figsize=(10, 8))\nfor k, ax in enumerate(axes.flat):\n"
    "    ax.plot(range(6), np.arange(6) * k + 1)\n    ax.set_title(f'Part {k}')\n"
)
SHARED = (
    "fig, axes = plt.subplots(1, 3, figsize=(13, 4), sharey=True)\n"
    "for ax, values in zip(axes, ([5, 9, 4, 7], [12, 6, 8, 10], [3, 14, 6, 9])):\n"
    "    ax.bar(['Q1', 'Q2', 'Q3', 'Q4'], values)\n"
)
COLUMN = (
    "fig, axes = plt.subplots(3, 1, figsize=(8, 9), sharex=True)\n"
    "for k, (ax, color) in enumerate(zip(axes, ['tab:red', 'tab:green', 'tab:purple'])):\n"
    "    ax.plot(range(20), np.random.default_rng(k).normal(0, 1, 20).cumsum(), color=color)\n"
)
BARE = "plt.gca().spines[['top', 'right']].set_visible(False)\n"
OPEN = (
    "plt.rcParams.update({'axes.spines.top': False, 'axes.spines.right': False})\n"
    "fig, (a, b) = plt.subplots(1, 2, figsize=(10, 4), layout='constrained')\n"
    "a.plot([1, 2, 3, 4], [12, 30, 25, 41], marker='o')\n"
    "b.bar(['A', 'B', 'C'], [22, 29, 36], yerr=[2, 3, 2], capsize=4, color='steelblue')\n"
)
MULTIPLES = (
    "fig, axes = plt.subplots(2, 2, figsize=(9, 6), sharex=True, sharey=True, layout='constrained')\n"
    "for k, ax in enumerate(axes.flat):\n"
    "    ax.plot(range(20), 90 * np.sin(np.arange(20) / (k + 2)) ** 2, color='teal')\n"
    "    ax.set_title(['Oslo', 'Bergen', 'Hamar', 'Molde'][k])\n"
    "fig.supxlabel('Week of the year')\nfig.supylabel('Hires per day')\n"
)
TICKS_AT_ENDS = (
    "fig, (a, b) = plt.subplots(1, 2, figsize=(11, 5))\n"
    'a.plot(range(8), [3, 8, 6, 9, 12, 10, 15, 13])\na.set_ylim(0, 20)\nb.bar(["x", "y"], [1, 2])\n'
)
PIES = (
    "fig, axes = plt.subplots(1, 2, figsize=(9, 4))\nfig.suptitle('Shares of both')\n"
    "for ax, sizes in zip(axes, ([40, 30, 20, 10], [25, 15, 60])):\n"
    "    ax.pie(sizes, labels=list('wxyz')[:len(sizes)], autopct='%1.0f%%')\n"
)


@pytest.mark.parametrize(
    ("chart", "shape"),
    [
        (LINE_AND_BARS, (1, 2)),
        (TICKS_AT_ENDS, (1, 2)),
        (GRID, (2, 2)),
        (SHARED, (1, 3)),
        (COLUMN, (3, 1)),
        (OPEN, (1, 2)),
    ],
)
@pytest.mark.parametrize("dpi", [100, 150])
def test_panels_are_where_matplotlib_has_them(executor, chart, shape, dpi):
    result = executor.run(f"{PLT}plt.rcParams['figure.dpi'] = {dpi}\n{chart}")
    panels = find_panels(canvas_of(result.image))
    assert np.array(panels.boxes).shape == (*shape, 4) and not panels.pies and panels.title is None
    height, width = result.image.shape[:2]
    scale, side = CANVAS / max(height, width), max(height, width)
    expected = [box for _, box in result.facts["axes"]]
    for found, box in zip(np.array(panels.boxes).reshape(-1, 4), expected, strict=True):
        own = [(v + (side - (width, height)[k % 2]) / 2) * scale - 0.5 for k, v in enumerate(box)]
        assert np.abs(found - own).max() < 1.5


@pytest.mark.parametrize(
    "chart",
    [
        "plt.bar(list('abcd'), [3, 5, 2, 4], edgecolor='black')",
        "plt.barh(list('ab'), [5, 5], color='black')",
        "plt.plot([1, 3, 2], label='one')\nplt.legend(edgecolor='black', loc='lower right')",
        "plt.pie([1, 2, 3])",
        "ax = plt.gca()\nax.plot([1, 2, 5])\nax.inset_axes([0.1, 0.6, 0.3, 0.3]).plot([1, 2])",
        "plt.imshow(np.random.default_rng(0).uniform(0, 1, (5, 5)))\nplt.colorbar()",
        "plt.boxplot([[1, 2, 3, 4, 9], [2, 3, 4, 5, 6]], widths=0.6)",
        "ax = plt.gca()\nax.plot([1, 2, 5])\nax.twinx().plot([5, 3, 4])",
        f"plt.bar(list('abc'), [5, 5, 5], color='white', edgecolor='black')\n{BARE}",
        f"plt.step(range(4), [4, 1, 3, 3], color='black')\n{BARE}",
    ],
)
def test_a_chart_of_one_panel_has_none(executor, chart):
    assert find_panels(canvas_of(executor.run(PLT + chart).image)) is None


def test_parts_have_the_labels_of_shared_axes(executor):
    image = executor.run(PLT + SHARED).image
    panels = find_panels(canvas_of(image))
    first, second, _ = cut_out(image, panels)
    assert panels.shared == {"y"}
    # The strips at the left of both axes show the same numbers.
    edges = [np.flatnonzero((part.max(axis=2) < 100).mean(axis=0) > 0.6)[0] for part in (first, second)]
    strips = [part[:, edge - 30 : edge - 8] for part, edge in zip((first, second), edges)]
    assert strips[0].min() < 100 and np.abs(strips[0].astype(int) - strips[1]).mean() < 2


def test_parts_have_the_labels_of_both_axes_where_both_are_shared(executor):
    image = executor.run(PLT + MULTIPLES).image
    panels = find_panels(canvas_of(image))
    parts = cut_out(image, panels)
    assert panels.shared == {"x", "y"} and set(panels.names) == {"x", "y"}
    scales = []
    for part in parts:
        sheet = Sheet.of(canvas_of(part), part.shape[1::-1], "")
        scales.append([Scale.of(sheet.target, sheet.box, side) for side in ("bottom", "left")])
    ends = [[float(scale(at)) for scale, at in zip(pair, (250, 250))] for pair in scales]
    assert np.ptp(ends, axis=0) == pytest.approx([0, 0], abs=6)  # parts are not of one size


@pytest.mark.parametrize("names", ["a.set_ylabel('One')\nb.set_ylabel('Two')\n", ""])
def test_names_of_single_panels_are_not_those_of_all(executor, names):
    chart = "fig, (a, b) = plt.subplots(2, 1, figsize=(6, 6))\na.plot([1, 2])\nb.plot([2, 1])\n" + names
    assert find_panels(canvas_of(executor.run(PLT + chart).image)).names == {}


@pytest.mark.parametrize(
    ("chart", "expected"),
    [
        (MULTIPLES, ['fig.supxlabel("Week of the year")', 'fig.supylabel("Hires per day")', '"Molde"']),
        (LINE_AND_BARS, ["fig, (ax1, ax2) = plt.subplots(1, 2, figsize=(11, 5))", "ax1.plot(", "ax2.bar(", '"North"']),
        (SHARED, ["plt.subplots(1, 3, figsize=(13, 4), sharey=True)", "ax3.bar("]),
        (COLUMN, ["plt.subplots(3, 1, figsize=(8, 9), sharex=True)", "ax3.plot("]),
        (OPEN, ["ax1.plot(", "yerr=", 'ax2.spines[["top", "right"]].set_visible(False)']),
        (PIES, ['fig.suptitle("Shares of both")', "ax2.pie(", 'autopct="%1.0f%%"']),
    ],
)
def test_panels_are_redrawn(executor, chart, expected):
    image = executor.run(PLT + chart).image
    found = verify(executor, [ANSWER], image, refine=True, time_budget=90, max_renderings=120)
    assert found.iou > 0.9, found.code
    for text in expected:
        assert text in found.code


def test_an_answer_that_fails_is_no_hindrance(executor):
    image = executor.run(PLT + LINE_AND_BARS).image
    found = verify(executor, ["not a program"], image, refine=True, time_budget=90, max_renderings=80)
    assert found.iou > 0.9


def test_names_of_panels_are_kept_apart(executor):
    image = executor.run(PLT + LINE_AND_BARS).image
    target = canvas_of(image)
    one = (
        "import matplotlib.pyplot as plt\n\nfig, ax = plt.subplots(figsize=(5, 4))\nx, y = zip(*[(1, 2), (2, 3)])\n"
        'data = [[1, 2], [3, 4]]\nfor i, row in enumerate(data):\n    ax.text(i, 1, f"{row[0]:.2f}")\n'
        "ax.plot(x, y)\nax2 = ax.twinx()\nax2.plot(x, y)\nfig.tight_layout()\n"
    )
    code = merged([one, one], 100.0, find_panels(target), target, image.shape[1::-1])
    result = executor.run(code)
    assert result.ok and len(result.facts["axes"]) == 4
    names = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    assert {"ax1", "ax2", "x", "x_2", "y_2", "data_2", "ax2_2"} <= names and "tight_layout" not in code
    assert result.facts["axes"][0][1] == pytest.approx(executor.run(PLT + LINE_AND_BARS).facts["axes"][0][1], abs=2)

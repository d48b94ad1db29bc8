"""Bars that share their columns, and bands and areas upon each other: the numbers must be those that were drawn."""

import ast

import numpy as np
import pytest
from conftest import copied

from chart2code import bars, readout, transparency
from chart2code.program import Program
from eval_metric.similarity import chart_iou, to_canvas

PLT = "import matplotlib.pyplot as plt\nimport numpy as np\n\nrng = np.random.default_rng(3)\n"
TWO = "a, b = rng.normal(27, 5, 400), rng.normal(38, 8, 400)\n"
STACKED = (
    'n = ["a", "b", "c", "d"]\nparts = [[42, 48, 39, 55], [30, 34, 41, 46], [12, 0, 18, 17], [9, 8, 7, 11]]\n'
    'foot = np.zeros(4)\nfor part, color in zip(parts, ["teal", "orange", "khaki", "dimgray"]):\n'
    "    drawn = plt.{call}\n    foot += part\n"
)


def columns_of(code: str, method: str) -> list[list[float]]:
    """The values of the calls of a plotting method, in their order."""
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    calls = sorted((c for c in calls if getattr(c.func, "attr", None) == method), key=lambda call: call.lineno)
    return [Program(code).literals(call.args[1].id) for call in calls]


@pytest.mark.parametrize("opacity", [0.5, 0.6])
@pytest.mark.parametrize("more", ["", ', edgecolor="black"'])
def test_histograms_upon_each_other(executor, opacity, more):
    style = f"bins=np.arange(5, 70, 2.5), alpha={opacity}{more}"
    chart = TWO + f'plt.hist(a, {style}, color="purple", label="a")\nplt.hist(b, {style}, color="green", label="b")\n'
    code, image = copied(
        executor, PLT + chart + "plt.axvline(a.mean(), color='purple', linestyle='--')\nplt.legend()\n"
    )
    found = columns_of(code, "bar")
    draw = np.random.default_rng(3)
    for column, drawn in zip(found, (draw.normal(27, 5, 400), draw.normal(38, 8, 400)), strict=True):
        counts, _ = np.histogram(drawn, np.arange(5, 70, 2.5))
        assert abs(sum(column) - counts.sum()) < 12
        assert abs(max(column) - counts.max()) < 1
    assert f'color="purple", alpha={opacity}' in code and f'color="green", alpha={opacity}' in code
    assert code.index("purple") < code.index("green") and "axvline(" in code and 'linestyle="--"' in code
    assert ('edgecolor="black"' in code) == bool(more)
    assert chart_iou(executor.run(code).image, image) > 0.8


@pytest.mark.parametrize("line", ['color="navy", linestyle="--", label="Mean"', 'color="crimson"'])
def test_a_line_upon_a_histogram(executor, line):
    chart = (
        TWO + f"plt.hist(a, bins=np.arange(5, 60, 2.5), color='teal', edgecolor='white')\nplt.axvline(26.2, {line})\n"
    )
    code, image = copied(executor, PLT + chart + ("plt.legend()\n" if "label" in line else ""))
    counts, _ = np.histogram(np.random.default_rng(3).normal(27, 5, 400), np.arange(5, 60, 2.5))
    (found,) = columns_of(code, "bar")
    assert np.abs(np.subtract([value for value in found if value > 3.5], counts[counts > 3])).max() < 1.5
    assert "axvline(26" in code and 'edgecolor="white"' in code
    assert chart_iou(executor.run(code).image, image) > 0.85


def test_edges_of_the_bars_of_a_histogram(executor):
    chart = TWO + "plt.hist(a, bins=20, color='lightgray', edgecolor='dimgray')\n"
    chart += "x = np.linspace(12, 42, 200)\nplt.plot(x, 50 * np.exp(-((x - 27) ** 2) / 50), 'r-', lw=2)\n"
    code, image = copied(executor, PLT + chart)
    assert 15 < len(columns_of(code, "bar")[0]) < 22 and 'edgecolor="white"' not in code
    assert chart_iou(executor.run(code).image, image) > 0.85


def test_bars_side_by_side(executor):
    values = [[12.4, 14.1, 13.6, 18.8], [13.7, 15.2, 16.1, 20.5], [15.5, 17.9, 18.3, 24.1]]
    chart = "fig, ax = plt.subplots(figsize=(9.6, 6))\n"
    for k, (column, color) in enumerate(zip(values, ["#c6dbef", "#6baed6", "#08519c"])):
        chart += f"ax.bar(np.arange(4) + {0.26 * (k - 1)}, {column}, 0.26, color='{color}')\n"
    chart += "ax.set_xticks(range(4), list('abcd'))\nax.set_ylim(0, 28)\n"
    code, image = copied(executor, PLT + chart)
    assert np.abs(np.subtract(sorted(columns_of(code, "bar")), values)).max() < 0.3
    places = [value for table in Program(code).tables for value in Program(code).literals(table.names[0]) or ()]
    assert np.abs(np.abs(np.subtract(places, np.round(places))) - 0.26).max() < 0.02
    assert chart_iou(executor.run(code).image, image) > 0.85


def test_bars_of_a_waterfall(executor):
    heights, feet = [500, 220, 140, 60, 30, 550], [0, 500, 580, 520, 520, 0]
    colors = ["gray", "seagreen", "firebrick", "firebrick", "seagreen", "gray"]
    chart = f"plt.bar(list('abcdef'), {heights}, 0.6, bottom={feet}, color={colors})\n"
    chart += "plt.plot([0.3, 0.7], [500, 500], color='gray', lw=0.8)\n"
    code, image = copied(executor, PLT + chart)
    program = Program(code)
    (call,) = (call for call in program.calls if call.method == "bar")
    assert np.abs(np.subtract(program.literals(call.values[0]), heights)).max() < 5
    assert np.abs(np.subtract(program.literals(call.keyword("bottom").id), feet)).max() < 5
    assert 'color=["gray", "seagreen", "firebrick", "firebrick", "seagreen", "gray"]' in code
    assert chart_iou(executor.run(code).image, image) > 0.85


def test_three_histograms_with_bins_of_their_own(executor):
    chart = TWO + "c = rng.normal(50, 6, 400)\nfor v in (a, b, c):\n    plt.hist(v, bins=20, alpha=0.5)\n"
    code, image = copied(executor, PLT + chart)
    assert len(columns_of(code, "bar")) == 3
    assert code.index("tab:blue") < code.index("tab:orange") < code.index("tab:green")
    assert chart_iou(executor.run(code).image, image) > 0.8


@pytest.mark.parametrize(
    ("call", "method"),
    [
        ("bar(n, part, bottom=foot, color=color)", "bar"),
        ('bar(n, part, bottom=foot, color=color, edgecolor="white")', "bar"),
        ("barh(n, part, left=foot, color=color)", "barh"),
    ],
)
def test_bars_of_several_parts(executor, call, method):
    code, image = copied(executor, PLT + STACKED.format(call=call))
    expected = [[42, 48, 39, 55], [30, 34, 41, 46], [12, 0, 18, 17], [9, 8, 7, 11]]
    assert np.abs(np.subtract(columns_of(code, method), expected)).max() < 0.8
    assert ('edgecolor="white"' in code) == ("white" in call)
    assert chart_iou(executor.run(code).image, image) > 0.9


def test_parts_that_add_up_to_the_whole(executor):
    chart = (
        'n = ["a", "b", "c"]\nplt.barh(n, [20, 35, 50], color="teal")\n'
        'plt.barh(n, [80, 65, 50], left=[20, 35, 50], color="gold")\nplt.xticks([])\nplt.xlim(0, 100)\n'
    )
    code, _ = copied(executor, PLT + chart)
    assert np.abs(np.subtract(columns_of(code, "barh"), [[20, 35, 50], [80, 65, 50]])).max() < 0.8
    assert "ax.set_xticks([])" in code


def test_horizontal_bars_in_groups(executor):
    values = [[24, 33, 41, 28], [31, 40, 22, 35]]
    chart = 'plt.style.use("ggplot")\ny = np.arange(4)\n' + "".join(
        f'plt.barh(y + {0.19 * (2 * k - 1)}, {column}, 0.38, label="{k}")\n' for k, column in enumerate(values)
    )
    chart += (
        'plt.yticks(y, list("abcd"))\nplt.xlim(0, 50)\nplt.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1))\n'
    )
    code, image = copied(executor, PLT + chart, 'import matplotlib.pyplot as plt\nplt.style.use("ggplot")\n')
    assert np.abs(np.subtract(sorted(columns_of(code, "barh")), values)).max() < 0.4
    assert "[i - 0.19 for i in x]" in code and "[i + 0.19 for i in x]" in code and "height=0.38" in code
    assert chart_iou(executor.run(code).image, image) > 0.85


def test_horizontal_bars_of_several_colors_are_one_series(executor):
    values = [-4.2, -2.6, -1.1, 2.4, 3.7, 6.3]
    chart = f"v = {values}\nplt.barh(list('abcdef'), v, color=['firebrick' if c < 0 else 'teal' for c in v])\n"
    code, image = copied(executor, PLT + chart + "plt.xlim(-6, 8)\n")
    assert np.abs(np.subtract(columns_of(code, "barh"), [values])).max() < 0.1
    assert 'color=["firebrick", "firebrick", "firebrick", "teal", "teal", "teal"]' in code and ".legend" not in code
    assert chart_iou(executor.run(code).image, image) > 0.9


def test_horizontal_bars_to_both_sides(executor):
    chart = 'plt.barh(list("abc"), [-5, -3, -4], color="navy")\nplt.barh(list("abc"), [2, 4, 5], color="orange")\n'
    code, image = copied(executor, PLT + chart)
    assert np.abs(np.subtract(sorted(columns_of(code, "barh")), [[-5, -3, -4], [2, 4, 5]])).max() < 0.1
    assert "[i" not in code
    assert chart_iou(executor.run(code).image, image) > 0.9


def test_shades_upon_each_other_are_not_transparent(executor):
    shades = [np.array(shade, float) for shade in ((189, 215, 231), (107, 174, 214), (33, 113, 181))]
    calls = "".join(
        f'plt.bar(list("abcd"), 3, bottom={3 * k}, color="#{"".join(f"{int(v):02x}" for v in shade)}")\n'
        for k, shade in enumerate(shades)
    )
    pixels = to_canvas(executor.run(PLT + calls).image)
    assert transparency.find_tints(shades, pixels, (255, 255, 255), (64, 110, 461, 405)) == []
    code, _ = copied(executor, PLT + calls)
    assert len(columns_of(code, "bar")) == 3 and "alpha" not in code


def test_bands_that_cross(executor):
    chart = (
        "x = np.arange(13)\nfor y, s in ((x, 1.5), (12 - x, 1)):\n    plt.plot(x, y)\n"
        "    plt.fill_between(x, y - s, y + s, alpha=0.3)\n"
    )
    code, image = copied(executor, PLT + chart)
    assert code.count("alpha=0.3") == 2
    assert chart_iou(executor.run(code).image, image) > 0.9


def test_areas_with_one_that_is_hardly_seen(executor):
    chart = (
        "x = [2000, 2005, 2010, 2015, 2020]\n"
        "plt.stackplot(x, [1.3, 0, 0, 0, 0.8], [2, 3, 4, 3, 2], [4, 2, 3, 5, 6], colors=['navy', 'gold', 'tomato'])\n"
    )
    code, image = copied(executor, PLT + chart)
    program = Program(code)
    assert np.allclose(program.literals("y"), [1.3, 0, 0, 0, 0.8], atol=0.1)
    assert np.allclose(program.literals("y2"), [2, 3, 4, 3, 2], atol=0.1)
    assert chart_iou(executor.run(code).image, image) > 0.9


def test_inks_and_opacity_follow_from_mixtures():
    paper, opacity = np.array([255.0, 255, 255]), 0.4
    below, above = (transparency.Tint(np.array(ink, float), opacity) for ink in ((31, 119, 180), (255, 127, 14)))
    seen = [above.over(paper), below.over(paper), above.over(below.over(paper))]
    picture = np.full((100, 100, 3), 255, np.uint8)
    picture[40:90, 10:60], picture[20:90, 40:90], picture[40:90, 40:60] = (seen[k].round() for k in (1, 0, 2))
    found = transparency.find_tints(seen, picture, tuple(paper), (0, 0, 99, 99))
    assert [k for k, _ in found] == [1, 0]
    for (_, tint), true in zip(found, (below, above)):
        assert abs(tint.opacity - opacity) < 0.02 and np.abs(tint.ink - true.ink).max() < 6
    lower, upper = transparency.covers_of([tint for _, tint in found], picture, tuple(paper), (0, 0, 99, 99))
    assert lower.sum() == 50 * 50 and upper.sum() == 70 * 50


def test_bars_of_a_histogram_by_their_steps():
    mask = np.zeros((120, 200), bool)
    heights = [4, 9, 30, 30, 71, 60, 22, 3]
    for k, height in enumerate(heights):
        mask[110 - height : 110, 20 + 16 * k : 36 + 16 * k] = True
    mask[10:16, 150:170] = True  # the handle of a legend
    mask[:, 52] = False  # an edge
    found = bars.find_histogram(mask)
    assert np.abs(found.base - found.tops - heights).max() < 1
    assert abs(found.width - 16) < 0.2 and abs(found.middles[0] - 27.5) < 1


def test_outlines_of_histograms_are_steps(executor):
    chart = TWO + 'bins = np.arange(0, 70, 2)\nplt.hist(a, bins=bins, histtype="step")\n'
    code, _ = copied(executor, PLT + chart + 'plt.hist(b, bins=bins, histtype="step")\n')
    counts, _ = np.histogram(np.random.default_rng(3).normal(27, 5, 400), np.arange(0, 70, 2))
    first, second = columns_of(code, "step")
    assert abs(max(first) - counts.max()) < 1 and abs(sum(first) - counts.sum()) < 30 and len(second) > 10


def test_paper_is_no_pale_area_below_a_legend():
    paper, wash = (238, 242, 247), np.array([218.0, 217, 232])
    picture = np.full((60, 60, 3), paper, np.uint8)
    assert not readout.below_legend(picture, wash, paper).any()
    picture = picture.copy()
    picture[10:40, 10:40] = readout.through_legend(np.array([31.0, 119, 180]), paper).round()
    assert readout.below_legend(picture, np.array([31.0, 119, 180]), paper).sum() == 900

"""Heat maps drawn by plain matplotlib: cells, numbers, names, colour bars, and what is drawn upon them."""

import numpy as np
import pytest

from chart2code import readout
from chart2code.detail import canvas_of
from chart2code.drawing import Drawing
from chart2code.sketches import Sheet
from chart2code.verification import verify
from eval_metric.executor import Executor
from eval_metric.similarity import to_canvas

PLT = "import matplotlib.pyplot as plt\nimport numpy as np\n\n"
ANSWER = "import matplotlib.pyplot as plt\n\nfig, ax = plt.subplots()\nax.plot([1, 2], [3, 4])\nax.grid()\n"
NUMBERS = "np.random.default_rng(4).uniform(0, 1, (5, 7))"


def copied(executor: Executor, chart: str) -> tuple[str, dict]:
    """The program that was read off a chart, and the variables that it has."""
    image = executor.run(PLT + chart).image
    (code,) = Sheet.of(canvas_of(image), image.shape[1::-1], ANSWER).measured()
    variables: dict = {}
    head = code[code.index("data = [") : code.index("image = ")]
    exec(head, variables)
    return code, variables


def drawn_numbers() -> np.ndarray:
    return np.random.default_rng(4).uniform(0, 1, (5, 7))


@pytest.mark.parametrize("cmap", ["viridis", "magma", "Blues", "coolwarm", "RdYlGn", "Greys"])
def test_cells_and_their_values(executor, cmap):
    code, variables = copied(executor, f'plt.imshow({NUMBERS}, cmap="{cmap}", vmin=0, vmax=1)\n')
    numbers = drawn_numbers()
    assert f'cmap="{cmap}"' in code and "colorbar" not in code and "grid" not in code
    assert np.abs(np.array(variables["data"]) - numbers).max() < 0.02


def test_values_are_those_of_the_colour_bar(executor):
    code, variables = copied(executor, f'plt.imshow(100 + 300 * {NUMBERS}, cmap="plasma")\nplt.colorbar()\n')
    assert "fig.colorbar(image)" in code
    assert np.abs(np.array(variables["data"]) - (100 + 300 * drawn_numbers())).max() < 6


def test_a_colour_bar_that_runs_downward(executor):
    code, variables = copied(executor, f'plt.imshow({NUMBERS}, cmap="viridis_r")\nplt.colorbar()\n')
    assert 'cmap="viridis_r"' in code
    assert np.abs(np.array(variables["data"]) - drawn_numbers()).max() < 0.03


def test_rows_from_below_and_axes_with_numbers_of_their_own(executor):
    chart = f'plt.imshow({NUMBERS}, extent=(0, 70, -5, 5), aspect="auto", origin="lower")\n'
    code, variables = copied(executor, chart)
    assert "extent=(0, 70, -5, 5)" in code and 'origin="lower"' in code
    numbers = drawn_numbers()
    shares = (numbers - numbers.min()) / np.ptp(numbers)
    assert np.abs(np.array(variables["data"]) - shares).max() < 0.02


@pytest.mark.parametrize("color", ['"black"', '"white" if v > 50 else "black"'])
def test_numbers_in_the_cells_are_read(executor, color):
    numbers = np.random.default_rng(1).integers(0, 100, (4, 5))
    chart = (
        f"m = {numbers.tolist()}\nplt.imshow(m, cmap='Blues')\nfor i, row in enumerate(m):\n"
        f"    for j, v in enumerate(row):\n        plt.text(j, i, v, ha='center', va='center', color={color})\n"
    )
    code, variables = copied(executor, chart)
    assert "ax.text(j, i, value" in code and ("white" in code) == ("white" in color)
    assert (np.array(variables["data"]) == numbers).mean() > 0.9  # dark on dark is not read, but near by its colour
    assert np.abs(np.array(variables["data"]) - numbers).max() <= 3


@pytest.mark.parametrize(
    ("text", "literal", "notes"),
    [
        ('f"{s:.2f}\\n({v})"', '"{value:.2f}\\n{notes[i][j]}"', "({})"),
        ('f"{v}\\n{s:.1%}"', '"{notes[i][j]}\\n{value:.1%}"', "{}"),
    ],
)
def test_numbers_with_a_second_line_are_told_by_the_colour_bar(executor, text, literal, notes):
    counts = np.random.default_rng(2).integers(0, 20, (4, 4)) + np.diag([90, 120, 85, 140])
    chart = (
        f"m = np.array({counts.tolist()})\nshares = m / m.sum(axis=1, keepdims=True)\n"
        "image = plt.imshow(shares, cmap='Blues', vmin=0, vmax=1)\nplt.colorbar(image, fraction=0.046, pad=0.04)\n"
        "for i, row in enumerate(m):\n    for j, v in enumerate(row):\n        s = shares[i, j]\n"
        f"        color = 'white' if s > 0.5 else 'black'\n"
        f"        plt.text(j, i, {text}, ha='center', va='center', fontsize=9, color=color)\n"
    )
    code, variables = copied(executor, chart)
    shares = counts / counts.sum(axis=1, keepdims=True)
    assert np.abs(np.array(variables["data"]) - shares).max() < 0.006
    assert literal in code and "vmin=0, vmax=1" in code and "fraction=0.046, pad=0.04" in code
    exec(code[code.index("notes = [") : code.index("for i, row")], variables)
    read = np.array(variables["notes"]) == np.vectorize(notes.format)(counts)
    assert read.mean() > 0.9


def test_an_image_of_four_cells_with_large_words(executor):
    pixels = canvas_of(
        executor.run(
            PLT + "plt.figure(figsize=(4, 4))\nplt.imshow([[0.9, 0.1], [0, 1]], cmap='Blues')\n"
            "for k, word in enumerate(('(87%)', '(13%)', '(0%)', '(100%)')):\n"
            "    plt.text(k % 2, k // 2, word, ha='center', va='center', fontsize=20)\n"
        ).image
    )
    found = readout.find_cells(pixels, readout.find_box(pixels, (60, 60, 460, 460)))
    assert found is not None and found.colors.shape == (2, 2, 3)


def test_white_lines_between_cells_and_names(executor):
    chart = (
        f"m = {NUMBERS}\nplt.pcolormesh(m, cmap='YlGnBu', edgecolors='white', linewidths=2)\n"
        "plt.xticks(np.arange(7) + 0.5, list('ABCDEFG'))\nplt.yticks(np.arange(5) + 0.5, list('vwxyz'))\n"
        "plt.gca().invert_yaxis()\n"
    )
    code, variables = copied(executor, chart)
    assert 'pcolormesh(data, cmap="YlGnBu", edgecolors="white", linewidths=2' in code
    assert "ax.invert_yaxis()" in code and "ax.set_xticks([k + 0.5 for k in range(7)], columns)" in code


def test_pale_cells_have_no_white_lines_between_them(executor):
    numbers = "80 * np.eye(4) + np.random.default_rng(3).integers(0, 9, (4, 4))"
    names = 'plt.xticks(range(4), list("abcd"))\nplt.yticks(range(4), list("abcd"))\n'
    code, _ = copied(executor, f'plt.imshow({numbers}, cmap="Blues")\n{names}')
    assert "ax.imshow(data" in code and "edgecolors" not in code


@pytest.mark.parametrize(
    ("mark", "expected"),
    [
        ('plt.plot(range(7), [0, 4, 1, 3, 2, 4, 1], color="white", linewidth=2)', 'ax.plot(x, y, color="white")'),
        ('plt.scatter([0.5, 2, 3.5, 5], [3, 1, 2.5, 0.5], color="red")', "ax.scatter(x, y, s=35, color=\"red\")"),
    ],
)  # fmt: skip
def test_what_is_drawn_upon_an_image(executor, mark, expected):
    chart = f'plt.imshow({NUMBERS}, cmap="viridis")\n{mark}\n'
    code, _ = copied(executor, chart)
    assert expected.split("s=")[0] in code and expected.rsplit("color=")[1] in code


def test_it_is_redrawn_with_its_names(executor):
    chart = (
        f"fig, ax = plt.subplots(figsize=(8, 5))\nimage = ax.imshow({NUMBERS}, cmap='RdYlBu', aspect='auto')\n"
        "ax.set_xticks(range(7), 'Mon Tue Wed Thu Fri Sat Sun'.split())\n"
        "ax.set_yticks(range(5), ['North', 'South', 'East', 'West', 'Centre'])\n"
        "ax.set_title('Load by Region')\nfig.colorbar(image)\n"
    )
    image = executor.run(PLT + chart).image
    found = verify(executor, [ANSWER], image, refine=True, time_budget=60, max_renderings=40)
    assert found.iou > 0.95
    assert '"North", "South", "East", "West"' in found.code  # from above
    assert '"Tue", "Wed", "Thu"' in found.code and "Load by Region" in found.code


@pytest.mark.parametrize(
    "chart",
    [
        "plt.bar(list('abcd'), [3, 5, 2, 4])\nplt.grid()",
        "plt.style.use('bmh')\nx = np.linspace(0, 5, 40)\nplt.plot(x, np.exp(-x))\n"
        "plt.fill_between(x, np.exp(-x) * 0.8, np.exp(-x) * 1.2, alpha=0.3)",
        "plt.scatter(*np.random.default_rng(0).uniform(0, 1, (2, 60)))",
        "plt.contourf(*np.meshgrid(range(9), range(9)), np.random.default_rng(0).uniform(0, 1, (9, 9)))",
        "plt.stackplot(range(9), *np.random.default_rng(0).uniform(2, 5, (3, 9)))",
    ],
)
def test_other_charts_are_no_images(executor, chart):
    image = executor.run(PLT + chart).image
    sheet = Sheet.of(to_canvas(image), image.shape[1::-1], ANSWER)
    assert readout.find_cells(sheet.target, sheet.box) is None


SEABORN = "import seaborn as sns\n\n"


@pytest.mark.parametrize("lines", [0, 0.5, 2])
def test_cells_without_a_frame(executor, lines):
    numbers = np.random.default_rng(2).integers(0, 500, (6, 5))
    chart = f"sns.heatmap({numbers.tolist()}, annot=True, fmt='d', cmap='Blues', linewidths={lines})\n"
    code, variables = copied(executor, SEABORN + chart)
    assert "ax.spines[:].set_visible(False)" in code and "bar.outline.set_visible(False)" in code
    assert (np.array(variables["data"]) == numbers).mean() > 0.9
    assert f'edgecolors="white", linewidths={lines:g})' in code if lines else "edgecolors" not in code


def test_numbers_of_significant_digits_and_in_two_colours(executor):
    numbers = np.linspace(-0.98, 1, 16).reshape(4, 4).round(3)
    chart = f"sns.heatmap({numbers.tolist()}, annot=True, cmap='coolwarm', vmin=-1, vmax=1)\n"
    code, variables = copied(executor, SEABORN + chart)
    assert 'f"{value:.2g}"' in code and '"white" if abs(value) >' in code and "#2" in code
    shown = [[float(f"{value:.2g}") for value in row] for row in numbers]
    assert (np.array(variables["data"]) == shown).mean() > 0.9


def test_low_cells_full_of_numbers(executor):
    numbers = np.random.default_rng(5).integers(100, 500, (12, 9))
    chart = f"plt.figure(figsize=(9, 6))\nsns.heatmap({numbers.tolist()}, annot=True, fmt='d', linewidths=0.5)\n"
    image = executor.run(PLT + SEABORN + chart).image
    sheet = Sheet.of(canvas_of(image), image.shape[1::-1], ANSWER)
    assert readout.find_cells(sheet.target, sheet.box).colors.shape == (12, 9, 3)


def test_place_and_shape_of_a_colour_bar(executor):
    # Its palest colour is nearly that of the page.
    chart = f"plt.imshow(10 * {NUMBERS}, cmap='RdBu_r', aspect='auto')\nplt.colorbar({{}})\n"
    code, _ = copied(executor, chart.format("shrink=0.7, pad=0.1, aspect=12"))
    assert "pad=0.1, shrink=0.7, aspect=12)" in code and "ax.plot" not in code
    assert "fig.colorbar(image)" in copied(executor, chart.format(""))[0]


def test_axes_are_where_an_image_without_a_frame_is(executor):
    chart = f"plt.imshow({NUMBERS}, cmap='magma', aspect='auto')\nplt.gca().spines[:].set_visible(False)"
    result = executor.run(PLT + chart)
    found = readout.find_image(to_canvas(result.image))
    assert np.abs(np.subtract(found, Drawing(PLT + chart, result).box)).max() < 1


@pytest.mark.parametrize("name", ["rocket", "mako_r"])
def test_maps_of_seaborn(executor, name):
    code, variables = copied(executor, f"{SEABORN}sns.heatmap({NUMBERS}, cmap='{name}')\n")
    assert f'from_list("{name}", ["#' in code and executor.run(code).ok
    assert np.abs(np.array(variables["data"]) - drawn_numbers()).max() < 0.03


def test_names_that_are_written_upward(executor):
    names = "xticklabels=['left', 'mid', 'right'], yticklabels=['setosa', 'versicolor', 'virginica']"
    numbers = "[[50, 3, 2], [4, 45, 6], [1, 7, 49]]"
    image = executor.run(f"{PLT}{SEABORN}sns.heatmap({numbers}, cmap='Greens', annot=True, {names})\n").image
    found = verify(executor, [ANSWER], image, refine=True, time_budget=60, max_renderings=25)
    assert found.iou > 0.95
    assert '"setosa", "versicolor", "virginica"' in found.code
    assert 'ax.tick_params(axis="y", rotation=90)' in found.code


def test_a_stack_below_a_legend_is_no_image(executor):
    """Its parts, and the legend's, are as rows and columns of cells."""
    code = "import matplotlib.pyplot as plt\n\nfig, ax = plt.subplots()\nbottom = [0, 0, 0, 0]\n"
    parts = {"Rent": [920, 920, 950, 950], "Food": [410, 435, 390, 460], "Transport": [150, 120, 180, 140]}
    for name, values in parts.items():
        code += f"ax.bar(range(4), {values}, width=0.5, bottom=bottom, label={name!r})\n"
        code += f"bottom = [a + b for a, b in zip(bottom, {values})]\n"
    drawing = Drawing(code, executor.run(code + "ax.set_xlim(-0.5, 3.5)\nax.legend(loc='lower left')\n"))
    assert readout.find_box(drawing.pixels, drawing.boxes[0]) == pytest.approx(drawing.boxes[0], abs=2)

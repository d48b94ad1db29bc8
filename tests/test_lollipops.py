"""Lollipops and dumbbells drawn by plain matplotlib: points, the lines to them, and what stands beside them."""

import numpy as np
import pytest
from conftest import copied

from chart2code.lollipops import lollipops
from chart2code.open_axes import open_axes
from chart2code.sketches import Sheet, Words
from chart2code.verification import verify
from eval_metric.similarity import to_canvas

PLT = "import matplotlib.pyplot as plt\n\nfig, ax = plt.subplots()\n"
ANSWER = "import matplotlib.pyplot as plt\n\nfig, ax = plt.subplots()\nax.plot([1, 2], [3, 4])\n"
NAMES = ["Ash", "Birch", "Cedar", "Dogwood", "Elm"]
FIRST, SECOND = [12.4, 18.1, 9.3, 22.5, 15.0], [20.2, 21.7, 16.9, 30.8, 24.1]
DATA = f"names, first, second = {NAMES}, {FIRST}, {SECOND}\n"
DUMBBELLS = (
    'ax.hlines(names, first, second, color="lightgray", lw=4)\n'
    'ax.scatter(first, names, s=80, color="rebeccapurple", zorder=3)\n'
    'ax.scatter(second, names, s=80, color="seagreen", zorder=3)\n'
)
VALUES = "for k, v in enumerate({}):\n    ax.text(v {} 0.7, k, f'{{v:.1f}}', ha='{}', va='center', color='{}')\n"


def columns(code: str, first: str) -> dict[str, tuple]:
    """The table of a program that begins with a column, by its columns."""
    line = next(line for line in code.splitlines() if line.startswith(f"{first}, "))
    variables: dict = {}
    exec(line, variables)
    return {name: variables[name] for name in line.split(" = ")[0].split(", ")}


@pytest.mark.parametrize("options", ["", 'ax.spines[["left", "top", "right"]].set_visible(False)\n'])
def test_dumbbells_are_read_with_their_lines(executor, options):
    code, _ = copied(executor, f"{PLT}{DATA}{DUMBBELLS}{options}", ANSWER)
    table = columns(code, "categories")
    np.testing.assert_allclose(table["y1"], FIRST, atol=0.1)
    np.testing.assert_allclose(table["y2"], SECOND, atol=0.1)
    assert 'ax.hlines(categories, y1, y2, color="lightgray", linewidth=4)' in code


def test_values_beside_points_are_written_as_they_are(executor):
    texts = VALUES.format("first", "-", "right", "rebeccapurple") + VALUES.format("second", "+", "left", "seagreen")
    code, _ = copied(executor, f"{PLT}{DATA}{DUMBBELLS}{texts}ax.set_xlim(5, 35)\n", ANSWER)
    table = columns(code, "categories")
    assert (list(table["y1"]), list(table["y2"])) == (FIRST, SECOND)
    assert 'ha="right", va="center", color="rebeccapurple")' in code and 'ha="left"' in code


def test_of_coinciding_points_one_is_hidden(executor):
    data = DATA.replace("24.1", "15.0")
    code, _ = copied(executor, f"{PLT}{data}{DUMBBELLS}", ANSWER)
    table = columns(code, "categories")
    assert table["y1"][-1] == pytest.approx(15, abs=0.3) and table["y2"][-1] == pytest.approx(15, abs=0.3)


@pytest.mark.parametrize("method", ["hlines", "vlines"])
@pytest.mark.parametrize("line", ["teal", "skyblue"])
def test_lollipops_lie_or_stand(executor, method, line):
    lying = method == "hlines"
    x, y, axis = ("second", "names", "x") if lying else ("names", "second", "y")
    drawn = f"ax.{method}(names, 0, second, color={line!r}, lw=2.5)\nax.plot({x}, {y}, 'o', color='teal', ms=10)\n"
    code, _ = copied(executor, f"{PLT}{DATA}{drawn}ax.set_{axis}lim(0, 35)\n", ANSWER)
    np.testing.assert_allclose(columns(code, "categories")["values"], SECOND, atol=0.15)
    assert f"ax.{method}(categories, 0, values, color=" in code


def test_stems_stand_at_numbers_upon_a_line(executor):
    code, _ = copied(executor, f"{PLT}ax.stem(range(2, 11), [3, 5, 2, 6, 4, 7, 3, 5, 6])\n", ANSWER)
    table = columns(code, "x")
    np.testing.assert_allclose(table["x"], range(2, 11), atol=0.05)
    np.testing.assert_allclose(table["values"], [3, 5, 2, 6, 4, 7, 3, 5, 6], atol=0.05)
    assert "ax.hlines(0, x[0], x[-1], color=" in code


def test_points_of_two_colours_are_one_series(executor):
    colors = "colors = ['crimson' if v < 16 else 'seagreen' for v in first]\n"
    drawn = "ax.hlines(names, 16, first, color=colors)\nax.scatter(first, names, color=colors, s=70)\n"
    code, _ = copied(executor, PLT + DATA + colors + drawn, ANSWER)
    assert len(set(columns(code, "categories")["colors"])) == 2
    assert "ax.hlines(categories, 16, values, color=colors)" in code


def test_names_of_rows_are_read(executor):
    image = executor.run(f"{PLT}{DATA}{DUMBBELLS}").image
    found = verify(executor, [ANSWER], image, refine=True, time_budget=60, max_renderings=20)
    assert found.iou > 0.9
    assert list(columns(found.code, "categories")["categories"]) == NAMES


@pytest.mark.parametrize(
    "chart",
    [
        "ax.bar(range(5), [3, 5, 2, 6, 4])",
        "ax.errorbar(range(6), [3, 5, 2, 6, 4, 7], yerr=0.5, fmt='o')",
        "ax.plot(range(6), [3, 5, 2, 6, 4, 7], marker='o')",
        "ax.scatter([1, 4, 2, 7, 3], [3, 5, 2, 6, 4]); ax.grid()",
        "ax.boxplot([[1, 2, 3, 4, 9], [2, 3, 4, 5, 12], [1, 3, 5, 7, 15]])",
    ],
)
def test_other_charts_are_none(executor, chart):
    image = executor.run(f"{PLT}{chart}\n").image
    assert lollipops(Sheet.of(to_canvas(image), image.shape[1::-1], ANSWER)) == []


def test_a_line_between_points_is_none_of_the_axes(executor):
    hidden = 'ax.spines[["left", "top", "right"]].set_visible(False)\nax.tick_params(axis="y", length=0)\n'
    wide = DATA.replace("30.8", "60.0")
    target = to_canvas(executor.run(f"{PLT}{wide}{DUMBBELLS}{hidden}").image)
    assert len(open_axes(target, (255, 255, 255)).across) == 1  # the lower spine


def test_sides_of_axes_are_no_names():
    assert Words.of(f'{PLT}ax.spines[["top", "right"]].set_visible(False)\n').categories == []

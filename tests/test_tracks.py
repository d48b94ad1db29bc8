"""Several lines of one colour are told apart, and drawn as they are; what is one line stays one."""

import numpy as np
import pytest
from conftest import copied

from chart2code.captions import reworded
from chart2code.detail import canvas_of
from chart2code.drawing import Drawing
from chart2code.legends import written
from chart2code.program import Program
from chart2code.sketches import Sheet
from chart2code.tracks import find_tracks

PLT = "import matplotlib.pyplot as plt\nimport numpy as np\nx = np.arange(11)\n"
WAVES = "plt.plot(x, 5 + 3 * np.sin(x / 2), 'k-')\nplt.plot(x, 3 + 0.4 * x, 'k--')\n"


def tracks_of(executor, chart: str) -> list[np.ndarray]:
    """Of the colour that a chart has most of."""
    image = executor.run(PLT + chart).image
    sheet = Sheet.of(canvas_of(image), image.shape[1::-1], "")
    return find_tracks(sheet.covers(sheet.series)[0], sheet.box)


@pytest.mark.parametrize(
    "chart",
    [
        WAVES,
        "plt.plot(x, x, 'k-o')\nplt.plot(x, 9 - x / 2, 'k:s')\n",
        "plt.plot(x, x, 'k-^')\nplt.plot(x, 2 + x * x / 12, 'k-.')\nplt.legend(['one', 'two'])\n",
        "plt.plot(x, x % 3, 'r')\nplt.plot(x, 5 + x % 4, 'r')\n",
    ],
)
def test_lines_of_one_color_are_told_apart(executor, chart):
    tracks = tracks_of(executor, chart)
    assert len(tracks) == 2
    spans = [np.ptp(np.flatnonzero((track > 0.4).any(axis=0))) for track in tracks]
    assert min(spans) > 0.95 * max(spans)


@pytest.mark.parametrize(
    "chart",
    [
        "plt.errorbar(x, x**0.5, yerr=0.3, fmt='o-', color='k', capsize=5)\n",
        "plt.step(x, x * 7 % 5, 'k--')\nplt.text(1, 4.5, 'a longer text inside of the axes')\n",
        "plt.plot(np.random.default_rng(2).normal(0, 1, 400), 'k', lw=0.8)\n",
        "plt.plot(np.random.default_rng(5).normal(0, 1, 30), 'k--')\n",
        "plt.scatter(*np.random.default_rng(6).normal(0, 1, (2, 150)), color='k', s=12)\n",
        "plt.plot(x, np.sin(x), 'k:')\nplt.grid(color='k', ls=':')\n",
    ],
)
def test_one_line_stays_one(executor, chart):
    assert len(tracks_of(executor, chart)) == 1


def test_values_and_dashes_of_lines_of_one_color(executor):
    code, _ = copied(executor, PLT + WAVES)
    program, x = Program(code), np.arange(11)
    columns = [(program.literals(call.x), program.literals(call.values[0])) for call in program.calls]
    assert len(columns) == 2 and code.count('linestyle="--"') == 1
    for heights in (5 + 3 * np.sin(x / 2), 3 + 0.4 * x):
        assert any(np.abs(np.interp(x, *column) - heights).max() < 0.25 for column in columns)


DRAWN = """import matplotlib.pyplot as plt

fig, ax = plt.subplots()
x, y, y2 = zip(*[(0, 1, 9), (4, 4, 5), (8, 9, 2)])
ax.plot(x, {first})
ax.plot(x, {second})
"""


def test_legend_of_lines_of_one_color(executor):
    """Labels belong to lines by their dashes, in whatever order a program draws them."""
    chart = DRAWN.format(first='y, "k:", label="dotted"', second='y2, "k-", label="whole"') + "ax.legend()\n"
    own = DRAWN.format(first='y2, color="black"', second='y, color="black", linestyle=":"')
    image, result = executor.run(chart).image, executor.run(own)
    code = written(Drawing(own, result), canvas_of(image), image.shape[1::-1])[-1]
    assert 'ax.plot(x, y2, color="black", label="whole")' in code
    assert 'linestyle=":", label="dotted"' in code


def test_words_with_serifs(executor):
    words = 'ax.set_xlabel("Duration (days)")\nax.set_ylabel("Weight in tons")\n'
    chart = DRAWN.format(first="y", second="y2") + words
    image = executor.run(chart.replace("\n\n", '\n\nplt.rcParams["font.family"] = "serif"\n', 1)).image
    own = DRAWN.format(first="y", second="y2") + 'ax.set_xlabel("Time")\nax.set_ylabel("Mass")\n'
    code = reworded(Drawing(own, executor.run(own)), canvas_of(image), image.shape[1::-1])
    assert 'plt.rcParams["font.family"] = "serif"' in code
    assert "Duration (days)" in code
    assert "serif" not in (reworded(Drawing(own, executor.run(own)), canvas_of(executor.run(chart).image)) or "")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("plt.tick_params(direction='in', top=True, right=True)\n", 'direction="in", top=True, right=True)'),
        ("plt.tick_params(direction='in')\n", 'direction="in")'),
        ("plt.grid()\n", None),
    ],
)
def test_ticks_that_point_inward(executor, said, expected):
    code, _ = copied(executor, PLT + "plt.plot(x, x)\n" + said)
    assert expected in code if expected else "direction" not in code


def test_ticks_at_uneven_numbers(executor):
    code, _ = copied(executor, PLT + "plt.plot(x + 1, x)\nplt.xticks([1, 4, 8, 10])\n")
    assert "ax.set_xticks([1, 4, 8, 10])" in code


def test_dashes_of_lines_with_far_points(executor):
    code, _ = copied(executor, PLT + "plt.plot([0, 1, 2, 3, 4, 5], [1, 4, 3, 6, 5, 8], 'k-.')\n")
    assert 'linestyle="-."' in code


def test_nothing_is_seen_in_no_ink():
    cover = np.zeros((512, 512), np.float32)
    assert len(find_tracks(cover, (60, 60, 450, 450))) == 1

"""Points with error bars and no line, drawn by matplotlib: where they are, and how long their error bars."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from conftest import copied
from PIL import Image

from chart2code.detail import canvas_of
from chart2code.error_bars import find_error_bars
from chart2code.program import Program
from chart2code.sketches import Sheet

ANSWER = "import matplotlib.pyplot as plt\n\nfig, ax = plt.subplots()\n"
X, Y = np.array([1.0, 2, 3, 4, 5, 6, 7, 8]), np.array([3.0, 6, 4, 8, 7, 11, 9, 12])


def sheet_of(draw) -> Sheet:
    figure, axes = plt.subplots()
    draw(axes)
    stream = io.BytesIO()
    figure.savefig(stream)
    plt.close(figure)
    return Sheet.of(canvas_of(Image.open(stream).convert("RGB")), (640, 480), ANSWER)


@pytest.mark.parametrize("ecolor", [None, "darkorange"])
def test_error_bars_of_points(ecolor):
    style = {"fmt": "o", "color": "navy", "ecolor": ecolor, "capsize": 4}
    sheet = sheet_of(lambda axes: axes.errorbar(X, Y, xerr=0.3, yerr=X / 5 + 0.4, **style))
    covers = sheet.own_covers
    found, _ = find_error_bars(covers[0], covers[1:]) or find_error_bars(covers[-1], covers[:-1])
    places = sheet.layers.x(found.places[:, 0]), sheet.layers.y(found.places[:, 1])
    assert np.allclose(places, (X, Y), atol=0.1)
    scales = abs(sheet.layers.x.slope), abs(sheet.layers.y.slope)
    assert np.allclose(found.lengths[0] * scales[0], 0.3, atol=0.05)
    assert np.allclose(found.lengths[1] * scales[1], X / 5 + 0.4, atol=0.1)
    assert found.cap == pytest.approx(4 * sheet.scale / 0.72, abs=1.5)


def test_points_alone_and_lines_have_no_error_bars():
    crowd = np.random.default_rng(0).normal(0, 1, (2, 60))
    for draw in (
        lambda axes: axes.scatter(*crowd),
        lambda axes: axes.plot(X, Y, "o-"),
        lambda axes: axes.plot(X, Y, "s:"),
    ):
        assert find_error_bars(sheet_of(draw).own_covers[0]) is None


def test_a_line_under_points_with_error_bars_and_words_is_a_line(executor):
    code, _ = copied(
        executor,
        "import matplotlib.pyplot as plt\n\nfig, ax = plt.subplots()\nx = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n"
        'ax.plot(x, [1, 2, 4, 7, 11, 15, 18, 20, 21, 21.5], color="black", label="Theory")\n'
        'ax.errorbar(x, [1.2, 2, 4.1, 6.8, 11, 15.2, 18, 20.1, 21, 21.4], yerr=1.5, fmt="o", color="crimson", '
        'capsize=3, label="Measured")\nax.text(7, 5, "mean = 12.1")\nax.legend()\n'
        'ax.tick_params(direction="in", top=True, right=True)\n',
        ANSWER,
    )
    program = Program(code)
    assert [call.method for call in program.calls] == ["plot", "errorbar"]
    heights = program.literals(program.calls[1].values[0])
    assert np.allclose(heights, [1.2, 2, 4.1, 6.8, 11, 15.2, 18, 20.1, 21, 21.4], atol=0.2)


def test_the_legend_names_points_with_error_bars_of_another_colour():
    def draw(axes):
        axes.plot(X, X + 3, color="darkgreen", label="Fit")
        axes.errorbar(X, Y, xerr=0.3, yerr=0.8, fmt=".", color="navy", ecolor="cornflowerblue", label="Galaxies")
        axes.legend()

    sheet = sheet_of(draw)
    assert [line.text for line in sheet.legend.lines] == ["Fit", "Galaxies"]
    assert np.ptp(sheet.legend.colors[1] - np.array([0, 0, 128])) < 30

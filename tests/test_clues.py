"""What is measured in a chart and in a drawing of it alike, against what was drawn."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from chart2code import alternatives, tick_labels
from chart2code.clues import Clues
from chart2code.drawing import Drawing
from chart2code.picture_cache import KEPT, remembered, remembered_by_value
from eval_metric.executor import Executor
from eval_metric.similarity import to_canvas

BARS = """import matplotlib.pyplot as plt

fig, ax = plt.subplots()
names, values = zip(*[("Ada", 3), ("Ben", 8), ("Cem", 5)])
ax.bar(names, values, color="tab:blue", label="Weight")
ax.set_title("Weights")
"""
LINE = """import matplotlib.pyplot as plt

fig, ax = plt.subplots()
x, y = zip(*[(1, 3), (2, 5), (3, 4), (4, 9), (5, 7)])
ax.plot(x, y, color="tab:red", label="Weight")
ax.set_title("Weights")
"""


@pytest.fixture(scope="module")
def executor():
    with Executor(num_workers=1, timeout=20, labels=True) as executor:
        yield executor


def clues(executor, code, chart):
    drawing = Drawing(code, executor.run(code))
    return drawing, Clues(drawing, to_canvas(executor.run(chart).image))


@pytest.mark.parametrize(
    "code, statement, clue",
    [
        (BARS, 'ax.grid(axis="y")', "grid"),
        (LINE, "ax.grid(alpha=0.3)", "grid"),
        (BARS, 'ax.spines[["top", "right"]].set_visible(False)', "frame"),
        (BARS, "ax.legend()", "words"),
        (BARS, 'ax.set_title("Weights", loc="left")', "title"),
        (LINE, "ax.margins(x=0)", "ends"),
        (LINE, "fig.subplots_adjust(left=0.2)", "layout"),
    ],
)
def test_a_clue_tells_what_differs_and_only_that(executor, code, statement, clue):
    assert getattr(clues(executor, code, code)[1], clue)
    for program, chart in ((code, code + statement), (code + statement, code)):
        assert not getattr(clues(executor, program, chart)[1], clue)


def test_dashes_of_a_grid_and_its_absence_are_told(executor):
    for line, options in (
        ("ax.grid()", ["", "alpha=0.3", "alpha=0.5", "alpha=0.7"]),
        ('ax.grid(axis="y", linestyle="--")', [f'axis="y", linestyle="--"{a}' for a in ("", ", alpha=0.3")]),
        ("", []),
    ):
        shares = clues(executor, LINE, LINE + line)[1].grid_shares
        assert list(alternatives._grids(shares))[: len(options)] == options
        assert bool(alternatives._grids(shares)) == bool(options)


def test_markers_and_dashes_of_lines(executor):
    def found(code, chart):
        drawing, seen = clues(executor, code, chart)
        return seen.strokes([call.node for call in drawing.program.calls])

    marked, dashed = (LINE.replace("label=", f"{text}, label=") for text in ('marker="s"', 'linestyle="--"'))
    assert found(LINE, LINE) == (True, True) and found(marked, marked)[0]
    assert (
        found(LINE, marked) == (False, True)
        and found(marked, LINE.replace("label=", 'marker="v", label='))[0] is False
    )
    assert found(LINE, dashed)[1] is False


def test_the_width_of_bars(executor):
    wide = BARS.replace("label=", "width=0.5, label=")
    assert clues(executor, BARS, wide)[1].bar_width == pytest.approx(0.5 / 0.8, abs=0.02)


def test_words_are_found_where_a_legend_stands(executor):
    for place in ("upper left", "lower right"):
        _, seen = clues(executor, BARS.replace("8)", "3)"), BARS.replace("8)", "3)") + f'ax.legend(loc="{place}")')
        assert " ".join(seen.new_words[0]) == place


@pytest.mark.parametrize("style", [None, "fivethirtyeight"])
def test_the_size_of_a_figure_by_its_labels(executor, style):
    head = "import matplotlib.pyplot as plt\n" + (f'plt.style.use("{style}")\n' if style else "")
    code = head + LINE.partition("\n")[2]
    figure = {"figsize": (5, 4), "dpi": 200}
    chart = executor.run(
        code.replace("subplots()", f"subplots(figsize={figure['figsize']}, dpi={figure['dpi']})")
    ).image
    drawing = Drawing(
        code.replace("subplots()", "subplots(figsize=(10, 8))"),
        executor.run(code.replace("()", "(figsize=(10, 8))", 1)),
    )
    resized = alternatives.resized(drawing, to_canvas(chart), chart.shape[1::-1])
    assert resized is not None and "figsize=(5, 4)" in resized
    same = Drawing(resized, executor.run(resized))
    assert alternatives.resized(same, to_canvas(chart), chart.shape[1::-1]) is None


def test_scale_of_labels():
    for dpi in (80, 100, 125):
        figure, axes = plt.subplots(figsize=(5, 5), dpi=dpi)
        axes.plot([0, 10], [0, 250])
        figure.canvas.draw()
        pixels = to_canvas(np.asarray(figure.canvas.buffer_rgba())[..., :3].copy())
        box = [v * 512 / (5 * dpi) for v in axes.get_window_extent().extents]
        scale = tick_labels.label_scale(pixels, (box[0], 512 - box[3], box[2], 512 - box[1]))
        assert scale == pytest.approx(512 / 500, rel=0.06)
        plt.close(figure)


def test_measures_are_remembered_by_picture_and_arguments():
    asked = []

    @remembered
    def measure(pixels, colors, *, margin=0):
        asked.append(margin)
        return pixels + margin

    one, other = np.zeros((2, 2)), np.zeros((2, 2))
    first = measure(one, [np.ones(3)], margin=1)
    assert measure(one, [np.ones(3)], margin=1) is first and len(asked) == 1
    measure(other, [np.ones(3)], margin=1), measure(one, [np.zeros(3)], margin=1), measure(one, [np.ones(3)], margin=2)
    assert len(asked) == 4
    with pytest.raises(ValueError, match="read-only"):
        first[0, 0] = 1
    for k in range(KEPT):
        measure(np.full((2, 2), k), [])
    measure(one, [np.ones(3)], margin=1)
    assert len(asked) == KEPT + 5


def test_measures_are_remembered_by_value():
    asked = []

    @remembered_by_value()
    def largest(pixels):
        asked.append(pixels)
        return pixels.max()

    picture = np.zeros((4, 4))
    assert largest(picture) == largest(picture.copy()) == 0 and len(asked) == 1
    picture[1, 1] = 5  # may be written to
    assert largest(picture) == 5

"""What refinement measures beside the numbers of a program: compared with what plain matplotlib was told to draw."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from chart2code import readout
from chart2code.additions import completed
from chart2code.detail import canvas_of
from chart2code.drawing import Drawing
from chart2code.program import Program, number
from chart2code.verification import verify
from eval_metric.executor import Executor
from eval_metric.similarity import to_canvas

PLT = "import matplotlib.pyplot as plt\n\nfig, ax = plt.subplots()\n"
LINE = PLT + "x, y = zip(*[(1, 20), (2, 26), (3, 25), (4, 37), (5, 31)])\nax.plot(x, y, color='teal')\n"
BARS = PLT + "names, y = zip(*[('a', 20), ('b', 36), ('c', 15)])\nax.bar(names, y, color='orange')\n"


@pytest.fixture(scope="module")
def executor():
    with Executor(2, timeout=60, labels=True) as executor:
        yield executor


def cover_of(draw, color: str) -> tuple[np.ndarray, np.ndarray, plt.Axes]:
    """How much of each pixel a colour covers in what `draw(axes)` draws, and how data become canvas pixels."""
    figure, axes = plt.subplots(dpi=100)
    draw(axes)
    figure.canvas.draw()
    pixels = to_canvas(np.asarray(figure.canvas.buffer_rgba())[..., :3])
    to_pixels = axes.transData.transform
    plt.close(figure)
    scale = 512 / 640
    box = readout.find_box(pixels, (64, 110, 460, 405))
    cover = readout.coverage_inside(pixels, np.array(plt.matplotlib.colors.to_rgb(color)) * 255, (255, 255, 255), box)

    def columns(x) -> np.ndarray:
        return to_pixels(np.column_stack([x, np.zeros(len(x))]))[:, 0] * scale - 0.5

    return cover, columns, axes


@pytest.mark.parametrize("count", [4, 9, 23, 60])
@pytest.mark.parametrize("marker", [None, "o"])
def test_number_of_points_of_a_line(count, marker):
    if marker and count > 30:
        pytest.skip("markers upon each other")
    y = np.random.default_rng(count).normal(0, 1, count).cumsum()
    x = np.arange(count) * 2.0 + 5
    cover, columns, _ = cover_of(lambda axes: axes.plot(x, y, color="teal", marker=marker), "teal")
    found = readout.find_knots([readout.find_path(cover)], [cover])
    assert len(found) == count
    assert np.abs(found - columns(x)).max() < 1.5


def test_smooth_curves_need_few_points():
    x = np.linspace(0, 10, 200)
    cover, columns, _ = cover_of(lambda axes: axes.plot(x, np.sin(x), color="teal"), "teal")
    path = readout.find_path(cover)
    found = readout.find_knots([path])
    assert 12 < len(found) < 60 and readout.misfit([path], found) < 0.4
    assert abs(found[0] - columns([0])[0]) < 2 and abs(found[-1] - columns([10])[0]) < 2


def test_path_leaves_out_legend_and_grid():
    def draw(axes):
        axes.plot([0, 1, 2, 3], [9, 8, 8.5, 1], color="purple", label="name")
        axes.grid()
        axes.legend(loc="lower left")

    cover, columns, _ = cover_of(draw, "purple")
    path = readout.find_path(cover)
    seen = np.flatnonzero(~np.isnan(path))
    assert abs(seen[0] - columns([0])[0]) < 3 and abs(seen[-1] - columns([3])[0]) < 3
    assert np.abs(np.diff(path[seen])).max() < 12  # it never jumps to the handle


def test_bubbles_have_sizes_of_their_own():
    sizes = np.array([40, 400, 120, 250, 80])

    def draw(axes):
        axes.scatter([1, 2, 3, 4, 5], [3, 1, 4, 2, 5], s=sizes, color="teal")
        axes.margins(0.2)

    cover, columns, _ = cover_of(draw, "teal")
    places, areas = readout.find_bubbles(cover)
    assert np.abs(places[:, 0] - columns([1, 2, 3, 4, 5])).max() < 1
    assert areas / areas.sum() == pytest.approx(sizes / sizes.sum(), rel=0.25)
    plain, _, _ = cover_of(lambda axes: axes.scatter([1, 2, 3, 4, 5], [3, 1, 4, 2, 5], color="teal"), "teal")
    assert readout.find_bubbles(plain) is None


@pytest.mark.parametrize(
    "style, marks",
    [
        ("dark_background", "ax.plot([1, 2], [3, 4])"),
        ("seaborn-v0_8-whitegrid", "ax.bar([1, 2, 3], [4, 5, 6], width=1)"),
    ],
)
def test_frames_that_are_light_or_hidden(style, marks):
    with plt.style.context(style):
        figure, ax = plt.subplots(figsize=(6.4, 4.8), dpi=100)
        exec(marks, {"ax": ax})
        figure.canvas.draw()
        pixels = to_canvas(np.asarray(figure.canvas.buffer_rgba())[..., :3])
        low, high = ax.transAxes.transform([(0, 0), (1, 1)]) * 512 / 640
        plt.close(figure)
    border = (512 - 480 * 512 / 640) / 2
    wanted = low[0], 512 - border - high[1], high[0], 512 - border - low[1]
    assert readout.find_box(pixels, wanted) == pytest.approx(wanted, abs=1.5)


@pytest.mark.parametrize("capsize", [0, 4, 8])
@pytest.mark.parametrize(
    "code, call", [(LINE, "ax.errorbar(x, y, color='teal'"), (BARS, "ax.bar(names, y, color='orange'")]
)
def test_error_bars_are_added(executor, code, call, capsize):
    errors = [3, 5, 2.5, 4, 6] if code is LINE else [3, 5, 2.5]
    chart = code.replace(call.replace("errorbar", "plot"), f"{call}, yerr={errors}, capsize={capsize}")
    target = to_canvas(executor.run(chart).image)
    (found,) = completed(Drawing(code, executor.run(code)), target)
    program = Program(found)
    assert executor.run(found).ok
    (added,) = [k.value.value for c in program.calls for k in c.node.keywords if k.arg == "capsize"] or [0]
    assert abs(added - capsize) <= 1
    assert [c.method for c in program.calls] == [call[3 : call.index("(")]]
    ratios = np.array(program.literals("errors")) / errors  # the axes are others, until the values are read again
    assert 0.5 < ratios.mean() < 1.2 and ratios == pytest.approx(ratios.mean(), rel=0.2)


def test_bands_are_added(executor):
    band = "ax.fill_between(x, [v - 4 for v in y], [v + 4 for v in y], color='teal', alpha=0.25, linewidth=0)\n"
    limits = "ax.set_ylim(10, 45)\n"
    target = to_canvas(executor.run(LINE + band + limits).image)
    (found,) = completed(Drawing(LINE + limits, executor.run(LINE + limits)), target)
    program = Program(found)
    y = program.literals("y")
    assert program.literals("low") == pytest.approx([v - 4 for v in y], abs=0.6)
    assert program.literals("high") == pytest.approx([v + 4 for v in y], abs=0.6)
    assert executor.run(found).ok
    # An area down to the axis is no band.
    area = "ax.fill_between(x, y, color='teal', alpha=0.25)\n"
    target = to_canvas(executor.run(LINE + area + limits).image)
    assert completed(Drawing(LINE + limits, executor.run(LINE + limits)), target) == []


@pytest.mark.parametrize("style, written", [("'-'", None), ("'--'", "--"), ("':'", ":")])
def test_lines_across_are_added(executor, style, written):
    target = to_canvas(executor.run(LINE + f"ax.axhline(28, color='red', linestyle={style})\n").image)
    (found,) = completed(Drawing(LINE, executor.run(LINE)), target)
    (call,) = Program(found).statement_calls("axhline")
    assert number(call.args[0]) == pytest.approx(28, abs=0.2)
    assert (f'linestyle="{written}"' in found) == (written is not None)
    target = to_canvas(executor.run(LINE + "ax.grid()\n").image)
    assert completed(Drawing(LINE, executor.run(LINE)), target) == []


CHARTS = {
    "histogram": "ax.hist([k % 7 * (k % 5) + k % 3 for k in range(300)], bins=9, color='teal', edgecolor='white')\n",
    "many points": "import math\nax.plot([k / 10 for k in range(100)], [math.sin(k / 10) for k in range(100)])\n",
    "exploded pie": "ax.pie([15, 30, 45, 10], explode=(0, .1, 0, 0), autopct='%1.1f%%', startangle=90)\n"
    "ax.axis('equal')\n",
    "area": "x = list(range(24))\ny = [5 + (k * 7) % 11 for k in x]\nax.plot(x, y, color='teal')\n"
    "ax.fill_between(x, y, color='teal', alpha=0.4)\nax.margins(x=0)\n",
}


@pytest.mark.parametrize("name", CHARTS)
def test_charts_that_no_answer_is_like(executor, name):
    chart = executor.run(PLT + CHARTS[name]).image
    found = verify(executor, [LINE], chart, refine=True, time_budget=300, max_renderings=60)
    assert found.iou > 0.85, found.code


def test_bars_below_a_legend_are_measured(executor):
    values = [[30, 28, 24, 15], [12, 14, 16, 37]]
    draw = f"ax.bar(names, {values[0]}, label='coal')\nax.bar(names, {values[1]}, bottom={values[0]}, label='gas')\n"
    chart = executor.run(PLT + "names = list('abcd')\n" + draw + "ax.legend(loc='upper right')\n").image
    code = PLT + (
        "names, y1, y2 = zip(*[('a', 9, 4), ('b', 7, 4), ('c', 3, 4), ('d', 5, 4)])\n"
        "ax.bar(names, y1, label='coal')\nax.bar(names, y2, bottom=y1, label='gas')\nax.legend(loc='upper right')\n"
    )
    found = Program(verify(executor, [code], chart, refine=True, time_budget=300, max_renderings=20).code)
    low, high = (found.literals(call.values[0]) for call in found.calls)
    assert low == pytest.approx(values[0], abs=0.8)
    assert high == pytest.approx(values[1], abs=1)


def test_error_bars_of_bars_with_edges(executor):
    code = (
        PLT
        + "names, y = zip(*[('a', 20), ('b', 36), ('c', 15)])\nax.bar(names, y{}, color='silver', edgecolor='k', lw=4)"
    )
    code += "\nax.set_ylim(0, 45)\n"
    target = to_canvas(executor.run(code.format(", yerr=[3, 5, 4], capsize=6")).image)
    (found,) = completed(Drawing(code.format(""), executor.run(code.format(""))), target)
    assert np.allclose(Program(found).literals("errors"), [3, 5, 4], atol=0.12)


def test_a_line_across_horizontal_bars(executor):
    rows = PLT + "names, y = zip(*[('a', 20), ('b', -36), ('c', 15)])\nax.barh(names, y, color='orange')\n"
    target = canvas_of(executor.run(rows + "ax.axvline(0, color='black', lw=1.5)\n").image)
    (found,) = completed(Drawing(rows, executor.run(rows)), target)
    assert 'ax.axvline(0, color="black")' in found

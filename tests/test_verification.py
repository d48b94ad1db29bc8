"""Verified decoding: what is read off pictures that plain matplotlib has drawn, and what the search makes of it."""

import ast
import math
import random
import re
import signal
import time

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

import predict
from chart2code import alternatives, captions, panels, readout, tick_labels
from chart2code.detail import canvas_of
from chart2code.drawing import Drawing
from chart2code.program import Program, literal
from chart2code.sketches import Sheet
from chart2code.verification import LAST_COST, verify
from eval_metric.executor import Executor
from eval_metric.similarity import chart_iou, to_canvas

PLT = "import matplotlib.pyplot as plt\n\n"
# What a model answers for what the chart was drawn with: right in kind, wrong in numbers and colours.
CHARTS = {
    "bar": (
        "plt.bar(['a', 'b', 'c', 'd'], [12, 30, 22.5, 41], color='tab:red')\nplt.title('Sales')\n",
        'fig, ax = plt.subplots()\nnames, sales = zip(*[("a", 30), ("b", 20), ("c", 10), ("d", 60)])\n'
        'ax.bar(names, sales)\nax.set_title("Sales")\n',
    ),
    "barh": (
        "plt.barh(['north', 'south', 'east'], [3.5, 1.25, 2.75], color='teal')\n",
        'fig, ax = plt.subplots()\nax.barh(["north", "south", "east"], [2, 2, 3], color="orange")\n',
    ),
    "line": (
        "plt.plot([1, 2, 3, 4, 5], [3, 7, 4, 8, 6], color='purple', marker='o')\nplt.grid()\n",
        "fig, ax = plt.subplots()\nx, y = zip(*[(1, 5), (2, 6), (3, 5), (4, 7), (5, 6)])\nax.plot(x, y)\n",
    ),
    "scatter": (
        "plt.scatter([1, 2, 4, 5.5, 7], [2, 6, 3, 8, 5], color='green')\n",
        'fig, ax = plt.subplots()\nx, y = zip(*[(1, 3), (2, 4), (3, 5), (5, 7)])\nax.scatter(x, y, color="navy")\n',
    ),
    "pie": (
        "plt.pie([40, 25, 20, 15], labels=['a', 'b', 'c', 'd'])\n",
        'fig, ax = plt.subplots()\nlabels, sizes = zip(*[("a", 25), ("b", 25), ("c", 25), ("d", 25)])\n'
        "ax.pie(sizes, labels=labels, startangle=90)\n",
    ),
}


@pytest.fixture(scope="module")
def executor():
    with Executor(2, timeout=60, labels=True) as executor:
        yield executor


def picture(executor, code: str) -> np.ndarray:
    result = executor.run(PLT + code)
    assert result.ok, result.error
    return result.image


def first_values(code: str) -> list[float]:
    program = Program(code)
    return program.literals(program.calls[0].values[0])


def numbers(code: str) -> list[str]:
    return re.findall(r"(?<![\w#\"'])-?\d+\.?\d*", code)


@pytest.mark.parametrize("kind", CHARTS)
def test_refined_program_redraws_the_chart(executor, kind):
    truth, answer = CHARTS[kind]
    chart = picture(executor, truth)
    found = verify(executor, [PLT + answer], chart, refine=True, time_budget=300, max_renderings=20)
    assert found.iou >= 0.95 > 0.7 > found.iou_before
    assert found.renderings <= 20
    assert found.iou == chart_iou(executor.run(found.code).image, chart)  # the program does what is told of it
    assert all(len(number.strip("-0.").replace(".", "")) <= 3 for number in numbers(found.code)), found.code
    assert len(found.code.splitlines()) <= len((PLT + answer).splitlines()) + 3
    if kind == "bar":
        assert first_values(found.code) == pytest.approx([12, 30, 22.5, 41], abs=0.3)
        assert "lim(" not in found.code  # matplotlib chooses the same
        assert '"tab:red"' in found.code


@pytest.mark.parametrize("kind", CHARTS)
def test_right_program_stays(executor, kind):
    code = PLT + CHARTS[kind][1]
    chart = executor.run(code).image
    found = verify(executor, [code], chart, refine=True, time_budget=300, max_renderings=8)
    assert found.iou_before == 1.0 and found.iou >= 1.0 - LAST_COST
    assert len(found.code) <= len(code) + 10


def test_words_of_large_figures_are_read(executor):
    """On the canvas their letters are five pixels high; in the chart's own pixels they are told apart."""
    words = '"Quarterly survey of yields"', '"Harvest (tons)"', '"Valley"', '"Mill creek"'
    code = "fig, ax = plt.subplots(figsize=(12, 6))\nax.bar([{2}, {3}], [3, 5])\n"
    code += "ax.set_title({0})\nax.set_ylabel({1})\n"
    chart = picture(executor, code.format(*words))
    answer = PLT + code.format('"Sales"', '"Total"', '"a"', '"b"')
    drawing = Drawing(answer, executor.run(answer))
    read = captions.reworded(drawing, canvas_of(chart), chart.shape[1::-1])
    assert read == PLT + code.format(*words)
    assert captions.reworded(drawing, to_canvas(chart), chart.shape[1::-1]) != read


def test_bars_that_begin_beyond_the_axes_get_their_values(executor):
    """The picture alone does not need them: other values with other limits have the same bars."""
    code = 'fig, ax = plt.subplots()\nax.barh(["a", "b", "c"], {})\nax.set_xlim({})\n'
    chart = picture(executor, code.format("[0.957, 0.949, 0.944]", "0.93, 0.96"))
    answer = PLT + code.format("[0.30, 0.20, 0.10]", "0, 0.4")
    found = verify(executor, [answer], chart, refine=True, time_budget=300, max_renderings=30)
    program = Program(found.code)
    values = program.literals(program.calls[0].values[0])
    assert values == pytest.approx([0.957, 0.949, 0.944], abs=1e-3), found.code


def test_a_grey_that_is_said_twice_is_not_looked_for_in_the_grid(executor):
    code = """fig, ax = plt.subplots(figsize=(7, 5))
x1, y1 = zip(*[(3.2, 0.9), (3.4, 0.7), (4.0, 1.5), (4.3, 1.8), (4.8, 1.0)])
x2, y2 = zip(*[(0.9, 1.5), (1.1, 0.9), (1.5, 2.1), (3.0, 2.0), (3.6, 2.7)])
ax.scatter(x1, y1, s=100, color="tan", alpha=0.6, label="Mexico")
ax.scatter(x2, y2, s=100, color="turquoise", alpha=0.6, label="Canada")
ax.legend(frameon=False)
ax.grid()
"""
    answer = """fig, ax = plt.subplots(figsize=(7, 5))
x1, y1 = zip(*[(0.9, 1.5), (1.1, 0.9), (1.5, 2.1), (3.0, 2.0), (4.0, 1.5), (4.5, 1.8)])
x2, y2 = zip(*[(1.0, 0.9), (1.1, 0.9), (1.6, 2.1), (3.2, 0.9), (4.4, 1.8), (4.9, 1.0)])
ax.scatter(x1, y1, s=60, color="silver", label="Placebo")
ax.scatter(x2, y2, s=60, color="silver", label="Canada")
ax.legend()
ax.grid()
"""
    found = verify(executor, [PLT + answer], picture(executor, code), refine=True, time_budget=300, max_renderings=45)
    assert found.iou > 0.95, found.code


def test_never_worse_on_any_picture(executor):
    """Noise, nothing, one colour, a chart of another kind: whatever is read there, the answer doesn't get worse."""
    noise = np.random.default_rng(0).integers(0, 255, (90, 160, 3), dtype=np.uint8)
    blank, black = np.full((50, 50, 3), 255, np.uint8), np.zeros((400, 30, 3), np.uint8)
    heat = picture(executor, "plt.imshow([[1, 2], [3, 4]])\n")
    for kind, chart in (
        ("bar", noise),
        ("line", noise),
        ("pie", blank),
        ("bar", black),
        ("line", heat),
        ("pie", heat),
    ):
        found = verify(executor, [PLT + CHARTS[kind][1]], chart, True, time_budget=300, max_renderings=4)
        assert found.iou >= found.iou_before
        assert found.result.ok and found.iou == chart_iou(found.result.image, chart)


def test_best_candidate_is_kept(executor):
    truth, answer = CHARTS["bar"]
    chart = picture(executor, truth)
    found = verify(executor, [PLT + answer, "no program", PLT + truth, PLT + CHARTS["pie"][1]], chart)
    assert found.code == PLT + truth and found.iou == 1.0 and found.renderings == 4
    assert found.iou_before == chart_iou(executor.run(PLT + answer).image, chart)


def test_the_picture_that_is_given_stays_writable(executor):
    truth, answer = CHARTS["bar"]
    chart = np.array(to_canvas(picture(executor, truth)))
    verify(executor, [PLT + answer], chart, refine=True, max_renderings=3)
    assert chart.flags.writeable


def test_more_candidates_where_none_can_be_executed(executor):
    truth, answer = CHARTS["bar"]
    chart = picture(executor, truth)
    found = verify(executor, ["plt.bar("], chart, more=lambda: [PLT + answer])
    assert found.code == PLT + answer and found.iou_before == 0 < found.iou
    found = verify(executor, ["plt.bar("], chart, more=lambda: ["x"])
    assert found.code == "plt.bar(" and not found.result.ok and "SyntaxError" in found.result.error and found.iou == 0
    # Where the picture itself gives a program, there is no time for more answers.
    found = verify(executor, ["plt.bar("], chart, refine=True, max_renderings=6, more=lambda: pytest.fail("asked"))
    assert found.result.ok and found.iou > 0
    with pytest.raises(ValueError, match="no program"):
        verify(executor, [], chart)


def test_time_budget(executor):
    truth, answer = CHARTS["line"]
    chart = picture(executor, truth)
    found = verify(executor, [PLT + answer], chart, refine=True, time_budget=1.0)
    assert found.seconds < 2.0  # what is under way at the end, on a busy machine
    found = verify(executor, [PLT + answer], chart, refine=True, time_budget=1e-6)
    assert found.renderings == 1 and found.code == PLT + answer


def test_nothing_is_measured_when_the_time_is_over(executor, monkeypatch):
    truth, answer = CHARTS["line"]
    monkeypatch.setattr(panels, "find_panels", lambda target: time.sleep(1.1))
    for name in ("distinct", "shaped", "aligned", "without_limits"):
        monkeypatch.setattr(alternatives, name, lambda *_: pytest.fail("measured"))
    monkeypatch.setattr(Sheet, "of", lambda *_: pytest.fail("measured"))
    found = verify(executor, [PLT + answer], picture(executor, truth), refine=True, time_budget=1.0)
    assert found.renderings == 1 and found.code == PLT + answer


def test_stopped_search_has_the_best_so_far(executor):
    truth, answer = CHARTS["bar"]
    chart, asked = picture(executor, truth), []

    def should_stop() -> bool:
        asked.append(1)
        return len(asked) > 3

    found = verify(executor, [PLT + answer], chart, refine=True, time_budget=300, should_stop=should_stop)
    assert found.renderings <= 4
    assert found.iou > found.iou_before and found.iou == chart_iou(executor.run(found.code).image, chart)


def test_interrupted_while_refining(model_folder, tmp_path, capsys, monkeypatch):
    """Ctrl-C: the chart that is being refined is put out, the next one isn't begun."""
    from chart2code import verification

    def interrupted(*arguments, **keywords):
        signal.raise_signal(signal.SIGINT)
        return verify(*arguments, **keywords)

    monkeypatch.setattr(verification, "verify", interrupted)
    for name in "ab":
        Image.new("RGB", (120, 90), "white").save(tmp_path / f"{name}.png")
    former = signal.getsignal(signal.SIGINT)
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        status = predict.main([str(tmp_path), "--refine", "--json", "--model", str(model_folder), "--timeout", "60"])
    finally:
        signal.signal(signal.SIGINT, former)
    out, err = capsys.readouterr()
    assert status == 130 and len(out.splitlines()) == 1 and '"renderings": 1,' in out
    assert "Traceback" not in err


# Reading a picture: against what matplotlib says of its own figure


def drawn(figure) -> tuple[np.ndarray, float]:
    """The picture on the common canvas, and canvas pixels per figure pixel."""
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()
    plt.close(figure)
    return canvas_of(pixels), 512 / max(pixels.shape[:2])


def on_canvas(figure, axes, points, scale: float) -> np.ndarray:
    """(N, 2) places of data points on the canvas."""
    width, height = figure.bbox.size
    x, y = axes.transData.transform(points).T
    return np.column_stack([x * scale + (512 - width * scale) / 2, (height - y) * scale + (512 - height * scale) / 2])


@pytest.mark.parametrize("size", [(6.4, 4.8), (5, 6), (9, 4), (8, 5), (12, 6)])
def test_axes_and_ticks_are_found(size):
    figure, axes = plt.subplots(figsize=size)
    axes.bar(range(5), [3, 8, 1, 4, 6], color="tab:green")
    pixels, scale = drawn(figure)
    low, high = on_canvas(figure, axes, [(axes.get_xlim()[0], axes.get_ylim()[0])], scale)[0], None
    high = on_canvas(figure, axes, [(axes.get_xlim()[1], axes.get_ylim()[1])], scale)[0]
    guess = low[0] + 12, high[1] - 9, high[0] + 15, low[1] + 8
    assert readout.find_box(pixels, guess) == pytest.approx((low[0], high[1], high[0], low[1]), abs=1.5)
    box = readout.find_box(pixels, guess)
    expected = on_canvas(figure, axes, [(k, 0) for k in range(5)], scale)[:, 0]
    assert readout.find_ticks(pixels, box, "bottom") == pytest.approx(expected, abs=1.5)
    expected = on_canvas(figure, axes, [(0, y) for y in range(9)], scale)[::-1, 1]
    assert readout.find_ticks(pixels, box, "left") == pytest.approx(expected, abs=1.5)
    assert readout.find_box(np.full_like(pixels, 255), guess) is None


def test_bars_are_found():
    figure, axes = plt.subplots()
    axes.bar(range(4), [3, 8, 1, 4], width=0.6, color="#4c72b0")
    pixels, scale = drawn(figure)
    bars = readout.find_bars(readout.coverage(pixels, (0x4C, 0x72, 0xB0)))
    tops = on_canvas(figure, axes, [(0, 3), (1, 8), (2, 1), (3, 4)], scale)
    assert [bar.center for bar in bars] == pytest.approx(tops[:, 0], abs=1)
    assert [bar.start for bar in bars] == pytest.approx(tops[:, 1], abs=1.5)
    width = np.diff(on_canvas(figure, axes, [(0, 0), (0.6, 0)], scale)[:, 0])[0]
    assert [bar.width for bar in bars] == pytest.approx([width] * 4, abs=2)


def test_lines_are_traced_through_dashes_and_crossings():
    x, y = np.arange(8), np.array([3, 5, 2, 8, 6, 7, 1, 4])
    figure, axes = plt.subplots()
    axes.plot(x, y, color="crimson", linestyle="--", marker="s")
    axes.plot(x, y[::-1], color="royalblue", linewidth=3)
    axes.grid()
    pixels, scale = drawn(figure)
    expected = on_canvas(figure, axes, np.column_stack([x, y]), scale)
    traced = readout.trace_line(readout.coverage(pixels, (220, 20, 60)), expected[:, 0])
    assert traced == pytest.approx(expected[:, 1], abs=4)  # a hundredth of the axis
    assert readout.trace_line(np.zeros((512, 512)), expected[:, 0]) is None


def test_areas_are_measured_below_a_legend():
    heights = np.array([[3, 4, 3, 5], [2, 1, 4, 2]])
    figure, axes = plt.subplots()
    axes.stackplot(range(4), *heights, colors=["tab:blue", "tab:orange"], labels=["a", "b"])
    axes.legend(loc="lower center")
    knots = np.column_stack([range(4), np.zeros(4)])
    pixels, scale = drawn(figure)
    places = on_canvas(figure, axes, knots, scale)
    unit = places[0, 1] - on_canvas(figure, axes, [(0, 1)], scale)[0, 1]
    covers = [readout.coverage(pixels, color) for color in ((31, 119, 180), (255, 127, 14))]
    assert readout.trace_stack(covers, places[:, 0]) / unit == pytest.approx(heights, abs=0.12)
    assert readout.trace_stack([np.zeros((512, 512))], places[:, 0]) is None


def test_a_colour_may_be_another_one_made_transparent():
    ink, paper = np.array([0, 100, 200]), (255, 255, 255)
    assert readout.wash_of(0.3 * ink + 0.7 * 255, ink, paper) == pytest.approx(0.3, abs=0.01)
    assert readout.wash_of(ink, ink, paper) is None
    assert readout.wash_of(np.array([250, 150, 150]), ink, paper) is None


def test_grid_lines_over_bars_are_no_colour_of_their_own():
    figure, axes = plt.subplots()
    axes.bar(range(4), [3, 5, 4, 6], color="#3498db")
    axes.plot(range(4), [2, 3, 1, 2], color="black", linewidth=3)
    axes.grid(axis="y")
    pixels = drawn(figure)[0]
    colors = [color for color, _ in readout.find_colors(pixels, (64, 62, 461, 432))]
    assert [np.abs(color - (52, 152, 219)).max() < 8 for color in colors].count(True) == 1
    assert all(np.abs(color - (111, 163, 198)).max() > 8 for color in colors)


def test_points_that_touch_are_taken_apart():
    points = np.array([(1, 1), (2, 4), (3, 2), (3.1, 2.1), (5, 5), (6, 3)])
    figure, axes = plt.subplots()
    axes.scatter(*points.T, color="darkorange", s=80)
    pixels, scale = drawn(figure)
    found = readout.find_points(readout.coverage(pixels, (255, 140, 0)))
    assert found.places.shape == points.shape
    assert found.places == pytest.approx(on_canvas(figure, axes, points, scale), abs=2.5)


@pytest.mark.parametrize("marker", "osD^v")
@pytest.mark.parametrize("size, edge", [(36, None), (80, None), (120, "black")])
def test_shapes_of_markers_are_told(marker, size, edge):
    figure, axes = plt.subplots()
    axes.scatter(
        [1, 2.03, 3.31, 4.77, 6], [1, 4, 2.2, 5, 3.1], color="tab:blue", s=size, marker=marker, edgecolor=edge
    )
    found = readout.find_points(readout.coverage(drawn(figure)[0], (31, 119, 180)))
    assert found.marker == marker and len(found.places) == 5


def test_wedges_are_found():
    figure, axes = plt.subplots()
    axes.pie([50, 30, 20], explode=[0, 0.1, 0], startangle=30, wedgeprops={"width": 0.6})
    pie = readout.find_pie(drawn(figure)[0])
    wedges = sorted(pie.wedges, key=lambda wedge: -wedge.length)
    assert [wedge.length for wedge in wedges] == pytest.approx([180, 108, 72], abs=3)
    assert wedges[0].start == pytest.approx(30, abs=3)
    assert [wedge.explode > 0.04 for wedge in wedges] == [False, True, False]
    assert pie.hole == pytest.approx(0.4, abs=0.05)
    assert readout.find_pie(np.full((512, 512, 3), 255, np.uint8)) is None


@pytest.mark.parametrize(
    "values, settings",
    [
        ([-3, 8.5], {}),
        ([2000, 11500], {"axes.formatter.use_locale": False, "format": "{x:,.0f}"}),
        ([0.012, 0.074], {"font.family": "serif"}),
        ([20, 93], {"font.size": 12, "format": "${x:.0f}"}),
        ([35, 61], {"style": "fivethirtyeight"}),
        ([35, 61], {"style": "seaborn-v0_8-whitegrid", "format": "{x:.0f}%"}),
        ([1200, 9100], {"figure.figsize": (10, 6)}),
        ([0.1, 0.7], {"format": lambda x, _: f"{x:.1f}".replace(".", ",")}),
    ],
)
def test_numbers_at_ticks_are_read(values, settings):
    settings = dict(settings)
    style, form = settings.pop("style", "default"), settings.pop("format", None)
    with plt.style.context([style, settings]):
        figure, axes = plt.subplots()
        axes.plot(range(len(values)), values)
        axes.set_ylabel("name 123")
        if form is not None:
            axes.yaxis.set_major_formatter(form)
        pixels, scale = drawn(figure)
    places = on_canvas(figure, axes, [(0, values[0]), (0, values[1])], scale)[:, 1]
    left, right = on_canvas(figure, axes, [(axes.get_xlim()[0], 0), (axes.get_xlim()[1], 0)], scale)[:, 0]
    bottom, top = on_canvas(figure, axes, [(0, v) for v in axes.get_ylim()], scale)[:, 1]
    box = left, top, right, bottom
    start, slope = tick_labels.read_scale(pixels, box, "left")
    assert start + slope * places == pytest.approx(values, abs=0.012 * np.ptp(values))


@pytest.mark.parametrize("low, high, width", [(3e-4, 0.8, 5), (12, 98000, 7), (1, 3e9, 7.5), (1, 900, 11)])
def test_powers_of_ten_at_ticks_are_read(low, high, width):
    figure, axes = plt.subplots(figsize=(width, 5))
    axes.plot([10, 10**4.5], [low, high])
    axes.set(xscale="log", yscale="log", title="10")
    pixels, scale = drawn(figure)
    box = (*on_canvas(figure, axes, [[axes.get_xlim()[0], axes.get_ylim()[1]]], scale)[0],
           *on_canvas(figure, axes, [[axes.get_xlim()[1], axes.get_ylim()[0]]], scale)[0])  # fmt: skip
    places = on_canvas(figure, axes, [(10, low), (10**4.5, high)], scale)
    for side, pixel, values in (("bottom", places[:, 0], [1, 4.5]), ("left", places[:, 1], np.log10([low, high]))):
        start, slope = tick_labels.read_decades(pixels, box, side)
        assert start + slope * pixel == pytest.approx(values, abs=0.01 * np.ptp(values))
    figure, axes = plt.subplots()
    axes.bar(["10", "100", "1000"], [10, 100, 1000])
    pixels, scale = drawn(figure)
    assert not any(tick_labels.read_decades(pixels, (64, 110, 461, 405), side) for side in ("bottom", "left"))


def test_logarithmic_axes_are_those_of_the_chart(executor):
    y = [14, 260, 900, 47000, 350000]
    chart = picture(executor, f"plt.plot([1, 2, 3, 4, 5], {y}, color='teal')\nplt.yscale('log')\n")
    found = verify(executor, [PLT + CHARTS["line"][1]], chart, refine=True, time_budget=300, max_renderings=30)
    assert 'ax.set_yscale("log")' in found.code and found.iou > 0.95
    assert np.log10(first_values(found.code)) == pytest.approx(np.log10(y), abs=0.03)


def test_limits_that_the_chart_has_and_the_answer_has_not(executor):
    chart = picture(executor, CHARTS["line"][0] + "plt.ylim(0, 25)\n")
    found = verify(executor, [PLT + CHARTS["line"][1]], chart, refine=True, time_budget=300, max_renderings=20)
    assert "ax.set_ylim(0, 25)" in found.code and found.iou > 0.95


def test_edges_of_thin_dashes_are_no_color_of_their_own():
    figure, axes = plt.subplots()
    axes.plot([1, 10], [0.6, 0.006], color="tab:blue")
    axes.plot([1, 10], [0.75, 0.4], color="tab:orange", linestyle="--")
    axes.plot([1, 10], [0.3, 0.7], color="#ffc99a", linestyle="--")  # a pale one that is there
    pixels, _ = drawn(figure)
    found = [color for color, _ in readout.find_colors(pixels, (64, 110, 461, 405)) if color.min() < 190]
    wanted = [plt.matplotlib.colors.to_rgb(color) for color in ("tab:blue", "#ffc99a", "tab:orange")]
    assert len(found) == 3
    assert all(min(np.abs(np.multiply(color, 255) - seen).max() for seen in found) < 25 for color in wanted)


def test_shape_and_style_are_those_of_the_chart(executor, monkeypatch):
    monkeypatch.setattr(alternatives, "rounded", lambda drawing: None)  # values as they are measured
    chart = picture(executor, "plt.style.use('ggplot')\nplt.figure(figsize=(7, 4))\n" + CHARTS["bar"][0])
    found = verify(executor, [PLT + CHARTS["bar"][1]], chart, refine=True, time_budget=300, max_renderings=20)
    assert 'plt.style.use("ggplot")\nfig, ax = plt.subplots(figsize=(7, 4))' in found.code and found.iou > 0.95
    assert first_values(found.code) == pytest.approx([12, 30, 22.5, 41], abs=0.3)


def test_line_that_the_program_lacks(executor):
    chart = picture(executor, CHARTS["line"][0] + "plt.plot([1, 2, 3, 4, 5], [5, 2, 8, 3, 3], color='teal')\n")
    found = verify(executor, [PLT + CHARTS["line"][1]], chart, refine=True, time_budget=300, max_renderings=20)
    values = [Program(found.code).literals(call.values[0]) for call in Program(found.code).calls]
    assert sorted(values) == [pytest.approx(y, abs=0.15) for y in ([3, 7, 4, 8, 6], [5, 2, 8, 3, 3])]


# Programs

CODE = """import matplotlib.pyplot as plt

fig, ax = plt.subplots()
städte, größe = zip(*[("Köln", 1.5), ("Ås", -2)])
ax.bar(städte, größe, color="red", label="größe")
ax.plot([1, 2], [3, 4])
ax.legend()
plt.show()
"""


def test_of_changes_that_overlap_the_first_holds():
    code, generator = "x = 1\ny = 22\nz = 333\n", random.Random(0)
    for _ in range(300):
        starts = [generator.randrange(len(code)) for _ in range(8)]
        changes = [((start, min(len(code), start + generator.choice([0, 0, 1, 3]))), f"<{start}>") for start in starts]
        taken = []
        for (start, end), text in changes:
            if all(end <= other[0] or start >= other[1] for other in taken):
                taken.append((start, end, text))
        expected = code
        for start, end, text in sorted(taken, reverse=True):
            expected = expected[:start] + text + expected[end:]
        assert Program(code).changed(changes) == expected


def test_program_is_edited_in_place():
    program = Program(CODE)
    assert [call.method for call in program.calls] == ["bar", "plot"]
    bar, plot = program.calls
    assert program.literals("größe") == [1.5, -2] and program.strings(bar.x) == ["Köln", "Ås"]
    assert program.literals(plot.values[0]) == [3, 4] and program.literals("städte") is None
    changed = program.changed(
        [
            *program.write_columns({"größe": ["7", "8.5"]}),
            program.set_keyword(bar.node, "color", '"blue"'),
            program.set_keyword(bar.node, "label", None),
            program.set_keyword(plot.node, "linewidth", "3"),
            program.drop_statement(program.statement_calls("legend")[0]),
            program.add_statement("ax.grid()"),
        ]
    )
    assert changed == CODE.replace("1.5", "7").replace("-2", "8.5").replace("red", "blue").replace(
        ', label="größe"', ""
    ).replace("[3, 4])", "[3, 4], linewidth=3)").replace("ax.legend()", "ax.grid()")
    longer = program.changed(program.write_columns({"städte": ['"x"'] * 3, "größe": ["1", "2", "3"]}))
    assert '[("x", 1), ("x", 2), ("x", 3)]' in longer
    with pytest.raises(SyntaxError):
        Program("plt.bar(")


def test_series_are_added_and_dropped():
    program = Program(CODE.replace("ax.plot([1, 2], [3, 4])", 'ax.plot(städte, größe, color="red", label="a")'))
    more = program.with_series(program.calls[1], "y2", {"color": '"blue"', "label": '"b"'})
    assert 'städte, größe, y2 = zip(*[("Köln", 1.5, 1.5), ("Ås", -2, -2)])' in more
    assert 'ax.plot(städte, größe, color="red", label="a")\nax.plot(städte, y2, color="blue", label="b")\n' in more
    program = Program(more)
    assert "y2" not in program.without_series(program.calls[2])
    assert program.without_series(program.calls[1]) is None  # the bars have the same values
    points = "x, y = zip(*[(1, 2), (3, 4)])\nax.scatter(x, y)\n"
    program = Program(points)
    more = program.with_series(program.calls[0], "y2", {"s": "9"})
    assert "x2, y2 = zip(*[(1, 2), (3, 4)])\nax.scatter(x, y)\nax.scatter(x2, y2, s=9)\n" in more
    program = Program(more)
    assert program.without_series(program.calls[1]) == points
    program = Program("y = [1, 2]\nax.plot(y)\n")
    more = program.with_series(program.calls[0], "y2", {})
    assert more == "y = [1, 2]\ny2 = [1, 2]\nax.plot(y)\nax.plot(y2)\n"
    program = Program(more)
    assert program.without_series(program.calls[1]) == "y = [1, 2]\nax.plot(y)\n"


@pytest.mark.parametrize("value, decimals, text", [(1234.5, -2, "1200"), (-0.001, 2, "0.00"), (0.1 + 0.2, 1, "0.3")])
def test_literals_are_readable(value, decimals, text):
    assert literal(value, decimals) == text


def test_values_at_bars_keep_their_digits(executor):
    code = PLT + "y = [12.345, 20.25]\nbars = plt.bar(['a', 'b'], y)\nplt.bar_label(bars)\n"
    assert alternatives.rounded(Drawing(code, executor.run(code))) is None


def test_rounded_takes_digits_away(executor):
    code = PLT + "y = [1.2345, 20.25]\nplt.bar(['a', 'b'], y)\n"
    drawing = Drawing(code, executor.run(code))
    digits = []
    while (code := alternatives.rounded(drawing)) is not None:
        drawing = Drawing(code, drawing.result)
        digits.append(Program(code).literals("y"))
    assert digits == [[pytest.approx(1.2345, abs=1e-3), 20.25], [1.23, 20.25], [1.2, 20.2], [1, 20]]
    assert all(math.isfinite(v) for values in digits for v in values)
    ast.parse(drawing.code)


@pytest.mark.parametrize("size", [(3, 2.5), (4, 3), (5, 4), (6.4, 4.8)])
def test_ticks_of_small_pictures(executor, size):
    """These are enlarged, and their ticks longer."""
    code = f"import matplotlib.pyplot as plt\nplt.figure(figsize={size})\nplt.bar(range(4), [3, 5, 2, 4])\n"
    code += "plt.xticks(range(4), ['one', 'two', 'six', 'ten'])\n"
    pixels = canvas_of(executor.run(code).image)
    box = readout.find_box(pixels, (64.0, 110.0, 461.0, 406.0))
    ticks, weights = readout.weighed_ticks(pixels, box, "bottom")
    assert len(ticks) == 4 and weights.min() > 1  # not those of labels, which all weigh 1
    assert np.ptp(np.diff(ticks)) < 2


def test_frames_beside_pale_and_dark_images(executor):
    """A frame of less than a pixel is a mixture with what is beside it."""
    code = (
        "import matplotlib.pyplot as plt\nfig, ax = plt.subplots(figsize=(7, 6))\n"
        "rows = [[1, 0, 0, -1, -1], [0, 1, -1, 0, 1], [0, -1, 1, 0, 0], [-1, 0, 0, 1, 0], [-1, 1, 0, 0, 1]]\n"
        "fig.colorbar(ax.imshow(rows, cmap='coolwarm'))\n"
    )
    result = executor.run(code)
    pixels, drawing = canvas_of(result.image), Drawing(code, result)
    found = readout.find_box(pixels, (64.0, 90.0, 400.0, 420.0))
    assert found == pytest.approx(drawing.boxes[0], abs=2)


def test_alternatives_of_empty_axes(executor):
    empty, bars = (
        Drawing(code, executor.run(code))
        for code in (
            f"import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\n{rest}"
            for rest in ("", "ax.bar('ab', [1, 2])")
        )
    )
    assert isinstance(alternatives.alternatives(empty, bars.pixels), list)


def test_a_tick_at_the_corner_does_not_prolong_thin_axes(executor):
    chart = "import matplotlib.pyplot as plt\n\nfig, ax = plt.subplots(figsize=(10, 6.5))\nax.axis((0, 8, 0, 8))\n"
    pixels = canvas_of(executor.run(chart).image)
    assert readout.find_box(pixels, (64, 129, 461, 386)) == pytest.approx((63.5, 129.5, 460.5, 385.9), abs=0.6)

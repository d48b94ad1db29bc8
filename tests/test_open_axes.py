"""Charts without a complete frame: their axes and what is drawn around these, against what matplotlib has drawn."""

import numpy as np
import pytest

from chart2code import readout
from chart2code.alternatives import alternatives
from chart2code.detail import canvas_of
from chart2code.drawing import Drawing
from chart2code.open_axes import open_axes
from chart2code.program import Program
from chart2code.sketches import Sheet
from chart2code.spines import hidden_spines
from eval_metric.similarity import chart_iou, to_canvas

START = "import matplotlib.pyplot as plt\n\nfig, ax = plt.subplots(figsize=(7, 4.5))\n"
LINES = (
    'ax.plot(range(2010, 2021), [5, 6, 8, 7, 9, 11, 12, 11, 14, 15, 17], color="tab:blue", linewidth=2.5)\n'
    'ax.plot(range(2010, 2021), [3, 4, 4, 5, 5, 6, 5, 7, 8, 8, 9], color="tab:red", linewidth=2.5)\n'
    "ax.set_xticks([2010, 2012, 2014, 2016, 2018, 2020])\n"
)
BARS = 'ax.bar(["North", "South", "East", "West"], [34, 28, 41, 19], color="steelblue")\n'
ROWS = 'ax.barh(["Reading", "Sport", "Music", "Travel"], [23, 41, 18, 36], color="coral")\n'
BOTTOM_ONLY = 'ax.spines[["left", "top", "right"]].set_visible(False)'
NONE = "ax.spines[:].set_visible(False)"
GRID = 'ax.grid(axis="y", color="#cccccc")\nax.set_axisbelow(True)\n'
CHARTS = {  # chart, and what must be said of its frame
    "axis at the right": (
        f'{LINES}{BOTTOM_ONLY}\nax.yaxis.tick_right()\nax.tick_params(axis="y", length=0)\n{GRID}ax.set_ylim(0, 20)\n',
        [BOTTOM_ONLY, "ax.yaxis.tick_right()", 'ax.tick_params(axis="y", length=0)', 'ax.grid(axis="y", color='],
    ),
    "horizontal grid": (
        f"{BARS}{NONE}\nax.tick_params(length=0)\n{GRID}",
        [NONE, "length=0)", 'ax.grid(axis="y", color='],
    ),
    "white grid": (
        f'{BARS}{BOTTOM_ONLY}\nfig.set_facecolor("#f7f3e9")\nax.set_facecolor("#f7f3e9")\n'
        'ax.grid(axis="y", color="white", linewidth=1.5)\nax.set_axisbelow(True)\n',
        [BOTTOM_ONLY, 'ax.set_facecolor("#f7f3e9")', 'ax.grid(axis="y", color="white"'],
    ),
    "left spine only": (
        f'{ROWS}ax.spines[["top", "right", "bottom"]].set_visible(False)\nax.set_xticks([])\n',
        ['ax.spines[["top", "right", "bottom"]].set_visible(False)', "ax.set_xticks([])"],
    ),
    "labels beside bars": (
        f"{ROWS}{NONE}\nax.set_xticks([])\nax.tick_params(length=0)\n",
        [NONE, "ax.set_xticks([])", 'ax.tick_params(axis="y", length=0)'],
    ),
    "labels only": (f"{LINES}{NONE}\nax.tick_params(length=0)\n", [NONE, "ax.tick_params(length=0)"]),
    "bottom spine only": (f"{LINES}{BOTTOM_ONLY}\nax.set_yticks([])\n", [BOTTOM_ONLY, "ax.set_yticks([])"]),
}


def drawn(executor, chart: str) -> tuple[np.ndarray, Drawing]:
    result = executor.run(START + chart)
    return to_canvas(result.image), Drawing(START + chart, result)


@pytest.mark.parametrize("name", CHARTS)
def test_axes_and_their_frame(executor, name):
    chart, statements = CHARTS[name]
    pixels, drawing = drawn(executor, chart)
    sheet = Sheet.of(pixels, drawing.result.image.shape[1::-1], "")
    assert sheet.box == pytest.approx(drawing.boxes[0], abs=4)
    for statement in statements:
        assert statement in "\n".join(sheet.frame)


def test_complete_frames_are_left_as_they_are(executor):
    pixels, drawing = drawn(executor, BARS + "ax.grid()\n")
    sheet = Sheet.of(pixels, drawing.result.image.shape[1::-1], "")
    assert sheet.box == pytest.approx(drawing.boxes[0], abs=1.5)
    assert sheet.frame == ()


@pytest.mark.parametrize(
    "chart",
    [
        'ax.pie([3, 4, 5], labels=["a", "b", "c"])\n',
        "ax.remove()\n",
        "ax.remove()\nfor k in (1, 2):\n    fig.add_subplot(1, 2, k).plot([1, 3, 2])\n",
    ],
)
def test_other_pictures_have_no_open_axes(executor, chart):
    pixels, _ = drawn(executor, chart)
    assert open_axes(pixels, (255, 255, 255)).box is None


@pytest.mark.parametrize("seed", range(3))
def test_any_picture_can_be_measured(seed):
    draw = np.random.default_rng(seed)
    pixels = draw.integers(0, 256, (512, 512, 3), dtype=np.uint8)
    if seed:
        pixels[:] = 255
        for place in draw.integers(0, 512, 20):
            pixels[place, :400] = pixels[100:, place] = 40 * seed
        pixels[505:] = 90
    open_axes(pixels, (255, 255, 255))


def test_values_of_an_axis_at_the_right(executor):
    pixels, drawing = drawn(executor, CHARTS["axis at the right"][0])
    (code,) = Sheet.of(pixels, drawing.result.image.shape[1::-1], "").measured()
    program = Program(code)
    assert np.allclose(program.literals("y"), [5, 6, 8, 7, 9, 11, 12, 11, 14, 15, 17], atol=0.15)
    assert "twinx" not in code


def test_axis_without_labels(executor):
    pixels, drawing = drawn(executor, CHARTS["bottom spine only"][0])
    (code,) = Sheet.of(pixels, drawing.result.image.shape[1::-1], "").measured()
    values = np.array(Program(code).literals("y"))
    truth = np.array([5, 6, 8, 7, 9, 11, 12, 11, 14, 15, 17])
    assert np.corrcoef(values, truth)[0, 1] > 0.999
    assert chart_iou(executor.run(code).image, pixels) > 0.85


def test_shares_in_horizontal_bars(executor):
    chart = (
        'names, first, second, third = ["A", "B", "C"], [51, 6, 14], [19, 24, 41], [30, 70, 45]\n'
        'ax.barh(names, first, color="mediumseagreen")\nax.barh(names, second, left=first, color="plum")\n'
        'ax.barh(names, third, left=[70, 30, 55], color="sandybrown")\nax.set_xlim(0, 100)\n'
        'for k in range(3):\n    ax.text(first[k] / 2, k, f"{first[k]}", ha="center", va="center")\n'
        '    ax.text(first[k] + second[k] / 2, k, f"{second[k]}", ha="center", va="center")\n'
        '    ax.text(100 - third[k] / 2, k, f"{third[k]}", ha="center", va="center")\n' + BOTTOM_ONLY
    )
    pixels, drawing = drawn(executor, chart)
    sheet = Sheet.of(pixels, drawing.result.image.shape[1::-1], "")
    ticks = readout.find_ticks(pixels, sheet.box, "left")
    series = [entry for entry in sheet.series if entry[1]]
    lengths = {
        tuple(color.round()): [bar.end - bar.start for bar in readout.find_bars(cover.T, ticks)]
        for (color, _), cover in zip(series, sheet.covers(series))  # words upon them are no legend
    }
    per_pixel = 100 / (drawing.boxes[0][2] - drawing.boxes[0][0])
    assert np.allclose(np.array(lengths[60, 179, 113]) * per_pixel, [14, 6, 51], atol=1)
    assert np.allclose(np.array(lengths[221, 160, 221]) * per_pixel, [41, 24, 19], atol=1)
    codes = sheet.guessed()
    assert codes and all("barh" in code for code in codes)


def test_grey_bars_and_legends_are_no_axes(executor):
    """Axes of a colour are known by it; bars and legends have that as well."""
    for chart in (
        'ax.barh(list("abcdef"), [3, 4, 5, 6, 8, 9], color=["#c8c8c8"] * 4 + ["crimson", "#c8c8c8"])\n'
        'ax.xaxis.set_visible(False)\nax.spines[["top", "right", "bottom"]].set_visible(False)\n',
        'ax.set_facecolor("#e5e5e5")\nax.grid(color="white")\nax.set_axisbelow(True)\nax.spines[:].set_visible(False)\n'
        'ax.barh([0, 1, 2], [6, 7, 8], 0.7, label="A")\nax.set_xlim(0, 10)\nfig.subplots_adjust(bottom=0.3)\n'
        'ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), facecolor="#e5e5e5")\n',
    ):
        pixels, drawing = drawn(executor, chart)
        box = readout.find_box(pixels, drawing.box)
        far = np.abs(np.subtract(box, drawing.box))
        assert max(far[0], far[1], far[3]) < 3  # the right side shows nothing of bars' axes


def test_names_of_two_lines_beside_bars(executor):
    chart = (
        'names = ["Cost", "Ease of\\nuse", "Support", "Speed and\\nstability"]\n'
        'ax.barh(names, [10, 5, 20, 15], color="navy")\nax.barh(names, [90, 95, 80, 85], left=[10, 5, 20, 15])\n'
        f'ax.set_xlim(0, 100)\nax.xaxis.set_visible(False)\n{NONE}\nax.tick_params(axis="y", length=0)\n'
    )
    pixels, drawing = drawn(executor, chart)
    box = Sheet.of(pixels, drawing.result.image.shape[1::-1], "").box
    assert np.abs(np.subtract(box, drawing.box)).max() < 3
    assert len(readout.find_ticks(pixels, box, "left")) == 4


def test_spines_of_the_target_are_tried(executor):
    pixels, _ = drawn(executor, CHARTS["bottom spine only"][0])
    _, drawing = drawn(executor, f'{LINES}ax.spines["top"].set_visible(False)\n')
    codes = [drawing.program.changed(change) for group in alternatives(drawing, pixels) for change in group]
    spines = [[line for line in code.splitlines() if "spines" in line] for code in codes]
    assert [BOTTOM_ONLY] in spines
    box = readout.find_box(pixels, drawing.box)
    assert hidden_spines(pixels, box) == ("left", "top", "right")


@pytest.mark.parametrize("bottom", [0, 6])
def test_an_area_is_no_panel(executor, bottom):
    heights = [9, 10, 10, 11, 12, 11, 13, 14, 13, 14, 14]
    chart = f'y = {heights}\nax.plot(y, color="darkred")\n'
    chart += f'ax.fill_between(range(11), y, {bottom}, color="darkred", alpha=0.1)\n'
    chart += f"ax.set_xlim(0, 10)\nax.set_ylim({bottom}, 14.2)\n{BOTTOM_ONLY}\n{GRID}"
    target, drawing = drawn(executor, chart)
    box = readout.find_box(target, drawing.box)
    assert np.abs(np.subtract(box, drawing.box))[[0, 2, 3]].max() < 6
    assert readout.paper_of(target, box) == (255, 255, 255)


def test_a_spine_and_a_line_of_zero_are_no_grid(executor):
    """Where they are thinner than the pixels of the canvas, so that their edges are pale."""
    code = START + 'ax.barh(["Reading", "Sport", "Music", "Travel"], [-23, 41, 18, -36], color="coral")\n'
    code += 'ax.axvline(0, color="black", linewidth=0.8)\nax.spines[["left", "top", "right"]].set_visible(False)\n'
    drawing = Drawing(code, executor.run(code + "fig.set_dpi(120)\nax.set_xlabel('Change (%)')\n"))
    true = drawing.boxes[0]
    assert readout.find_box(to_canvas(drawing.result.image), true) == pytest.approx(true, abs=2)


def test_small_text_is_no_line(executor):
    """Names that are long, and so small on the canvas that their letters are as high as thick lines."""
    code = START.replace("(7, 4.5)", "(11, 4.4)")
    code += 'names = ["I have the tools I need", "I would recommend us to a friend", "Workload is reasonable"]\n'
    code += (
        f'ax.barh(names, [40, 35, 62], color="seagreen")\nax.barh(names, [60, 65, 38], left=[40, 35, 62])\n{NONE}\n'
    )
    code += "ax.set_xlim(0, 100)\nax.xaxis.set_visible(False)\nfig.subplots_adjust(left=0.3)\n"
    pixels, drawing = drawn(executor, code)
    assert not open_axes(pixels, (255, 255, 255)).across
    assert np.abs(np.subtract(readout.find_box(pixels, drawing.box), drawing.box))[[0, 2]].max() < 3


def test_bars_on_both_sides_of_a_line_of_zero(executor):
    """The line is none that axes stand on, though no bar crosses it; and where it ends is the tick of the zero."""
    code = START + 'ax.bar(range(6), [47, 30, 12, -9, -24, -28], color=["green"] * 3 + ["crimson"] * 3)\n'
    code += 'ax.axhline(0, color="#333333", linewidth=1)\nax.spines[["top", "right", "bottom"]].set_visible(False)\n'
    pixels, drawing = drawn(executor, code)
    assert readout.find_box(pixels, drawing.box) == pytest.approx(drawing.box, abs=2)
    sheet = Sheet.of(pixels, drawing.result.image.shape[1::-1], "")
    assert [solid for _, solid in sheet.series] == [True, True]  # and no line where they meet


def test_markers_on_a_pale_frame(executor):
    """The first points of lines are on the frame, as pandas draws them."""
    code = 'import matplotlib.pyplot as plt\n\nplt.style.use("seaborn-v0_8-whitegrid")\n'
    code += 'fig, ax = plt.subplots(figsize=(7.77, 4.25), dpi=130)\nax.grid(axis="x", visible=False)\n'
    code += "fig.subplots_adjust(left=0.07, right=0.97, bottom=0.12, top=0.93)\n"
    lines = {(1.78, 1.8, 1.73): "#1b9e77", (1.72, 1.8, 1.67): "#d95f02", (1.7, 1.7, 1.6): "#7570b3"}
    for values, color in lines.items():
        code += f'ax.plot({values}, color="{color}", marker="o", ms=4)\n'
    code += "ax.set_xlim(0, 2)\nax.set_ylim(1.4, 2.0)\n"
    result = executor.run(code)
    drawing = Drawing(code, result)
    assert Sheet.of(canvas_of(result.image), result.image.shape[1::-1], "").box == pytest.approx(drawing.box, abs=2)


@pytest.mark.parametrize("whole", [100, 90])
def test_grid_lines_between_bars_and_a_legend_below(executor, whole):
    """Stacks that hide most of the grid, up to the end of the axes; no handle below is part of a bar."""
    shares = [[44, 40, 37, 35, 28, 24, 28, 26], [30, 31, 30, 25, 34, 36, 22, 30]]
    shares.append([whole - sum(pair) for pair in zip(*shares)])
    chart = "bottom = [0] * 8\n"
    for values, color in zip(shares, ("#4d4d4d", "#1f78b4", "#bbbbbb")):
        chart += f'ax.bar(range(8), {values}, bottom=bottom, color="{color}", label="{color}")\n'
        chart += f"bottom = [a + b for a, b in zip(bottom, {values})]\n"
    chart += f'ax.set_ylim(0, 100)\nax.set_title("All of it", loc="left")\n{NONE}\n{GRID}'
    chart += 'ax.tick_params(length=0)\nfig.set_facecolor("#f0f0f0")\nax.set_facecolor("#f0f0f0")\n'
    chart += 'fig.subplots_adjust(bottom=0.2)\nax.legend(ncol=3, loc="upper center", bbox_to_anchor=(0.5, -0.08))\n'
    pixels, drawing = drawn(executor, chart)
    box = readout.find_box(pixels, drawing.box)
    assert box == pytest.approx(drawing.box, abs=3)
    assert readout.paper_of(pixels, box) == (240, 240, 240)


def test_a_line_of_the_grid_beside_a_hidden_spine(executor):
    for top in np.linspace(14.25, 14.45, 5):  # some pixels above the line at 14
        chart = f'{LINES}ax.spines[["top", "right"]].set_visible(False)\nax.set_ylim(0, {top})\nax.grid()\n'
        pixels, drawing = drawn(executor, f"{chart}ax.set_yticks(range(0, 15, 2))\n")
        assert hidden_spines(pixels, drawing.box) == ("top", "right")

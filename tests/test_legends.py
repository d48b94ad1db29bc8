"""Legends that matplotlib has drawn: programs with other labels, in another order or without a legend get them."""

import numpy as np
import pytest

from chart2code.detail import canvas_of
from chart2code.drawing import Drawing
from chart2code.legends import without_labels, written
from chart2code.program import Program
from chart2code.sketches import Sheet
from eval_metric.similarity import chart_iou, to_canvas

START = "import matplotlib.pyplot as plt\n\n{figure}\n"
AXES = "fig, ax = plt.subplots()"
LINES = (
    'ax.plot([0, 1, 2, 3], [1, 3, 2, 5], color="tab:blue"{})\n'
    'ax.plot([0, 1, 2, 3], [4, 2, 3, 1], color="crimson", linestyle="--"{})\n'
    'ax.plot([0, 1, 2, 3], [6, 7, 5, 6], color="black", marker="s"{})\n'
)
BARS = (
    'ax.bar([0, 1, 2], [3, 5, 4], width=0.4, color="teal"{})\n'
    'ax.bar([0.4, 1.4, 2.4], [2, 6, 3], width=0.4, color="orange"{})\nax.set_ylim(0, 9)\n'
)
POINTS = (
    'ax.scatter([1, 2, 3, 4], [2, 5, 3, 6], color="purple"{})\n'
    'ax.scatter([1, 2, 3, 4], [8, 7, 9, 8], color="olive", marker="^"{})\nax.set_xlim(0, 7)\n'
)
EDGED = (
    'ax.scatter([1, 2, 3, 4], [2, 5, 3, 6], s=80, color="orange", marker="s", edgecolor="black"{})\n'
    'ax.scatter([1, 2, 3, 4], [8, 7, 9, 8], s=80, color="olive", marker="D", edgecolor="black"{})\n'
)
STACK = 'ax.stackplot([0, 1, 2, 3], [1, 2, 2, 3], [2, 2, 3, 4], colors=["navy", "gold"]{})\nax.set_ylim(0, 12)\n'
AREAS = "fig, ax = plt.subplots(figsize=(8, 4.5))\nfig.subplots_adjust(right=0.75)"
LEGENDS = {
    "lines": (AXES, LINES, ["Rome", "Mean of all", "Limit"], 'loc="center right"'),
    "bars above the axes": (
        AXES, BARS, ["Men", "Women"], 'loc="lower center", bbox_to_anchor=(0.5, 1), ncol=2, frameon=False',
    ),
    "bars below the axes, with a grey one": (
        AXES, BARS.replace("teal", "#d9d9d9"), ["Neutral", "Agree"],
        'loc="upper center", bbox_to_anchor=(0.5, -0.05), ncol=2',
    ),
    "points with edges": (AREAS, EDGED, ["Willow", "Pine"], 'loc="upper left", bbox_to_anchor=(1, 1)'),
    "points, with a title": (AXES, POINTS, ["Wild type", "Mutant"], 'loc="lower right", title="Strain"'),
    "small, beside the axes": (
        AREAS, LINES, ["Trend", "Forecast", "Data 2"], 'loc="upper left", bbox_to_anchor=(1, 1), fontsize=8',
    ),
}  # fmt: skip


def labels_of(code: str) -> list[str]:
    program = Program(code)
    return [call.keyword("label").value for call in program.calls if call.keyword("label")]


@pytest.mark.parametrize("name", LEGENDS)
def test_legend_of_a_chart(executor, name):
    figure, body, labels, options = LEGENDS[name]
    bare = START.format(figure=figure) + body.format(*[""] * len(labels))
    named = START.format(figure=figure) + body.format(*(f', label="{label}"' for label in labels))
    chart = executor.run(named + f"ax.legend({options})\n").image
    target = to_canvas(chart)
    code, *_ = written(Drawing(bare, executor.run(bare)), target, chart.shape[1::-1])
    assert labels_of(code) == labels
    assert chart_iou(to_canvas(executor.run(code).image), target) > 0.97
    for wanted in options.split(", "):
        if wanted.split("=")[0] in ("ncol", "frameon", "title", "fontsize"):
            assert wanted in code
    assert ("title=" in code) == ("title=" in options)  # not the labels of ticks above it


def test_series_get_the_order_of_the_legend(executor):
    first, second, third = LINES.splitlines(keepends=True)
    named = (line.format(f', label="{name}"') for line, name in ((third, "C"), (first, "A"), (second, "B")))
    target = to_canvas(executor.run(START.format(figure=AXES) + "".join(named) + "ax.legend()\n").image)
    bare = START.format(figure=AXES) + LINES.format(', label="x"', ', label="y"', "")
    code = written(Drawing(bare, executor.run(bare)), target)[0]
    assert labels_of(code) == ["C", "A", "B"]


def test_series_get_the_order_of_the_legend_with_their_data(executor):
    data = [f"x{k}, y{k} = zip(*[({k}, 3), ({k + 1}, {2 * k})])\n" for k in (1, 2)]
    calls = ['ax.scatter(x1, y1, color="teal"{})\n', 'ax.scatter(x2, y2, color="crimson"{})\n']
    start = START.format(figure=AXES)
    named = "".join([start, *data, calls[1].format(', label="A"'), calls[0].format(', label="B"'), "ax.legend()\n"])
    target = to_canvas(executor.run(named).image)
    bare = "".join([start, data[0], calls[0].format(""), data[1], calls[1].format("")])
    code = written(Drawing(bare, executor.run(bare)), target)[0]
    assert labels_of(code) == ["A", "B"]
    assert chart_iou(to_canvas(executor.run(code).image), target) > 0.98


def test_areas_are_named_in_a_list(executor):
    code = START.format(figure=AXES) + STACK
    target = to_canvas(executor.run(code.format(', labels=["Coal", "Wind"]') + 'ax.legend(loc="upper left")\n').image)
    answer = code.format(', labels=["Series 1", "Series 2"]')
    (found,) = written(Drawing(answer, executor.run(answer)), target)
    assert 'labels=["Coal", "Wind"]' in found and 'ax.legend(loc="upper left")' in found


PICTURES = {
    "on paper": (AXES, LINES + "ax.set_ylim(0, 12)\n", "upper center"),
    "on an area": (AXES, STACK.replace("12", "7"), "lower right"),
    "with a band": (
        AXES, 'ax.plot([0, 1, 2, 3], [5, 3, 4, 6], color="tab:blue"{})\n'
        'ax.fill_between([0, 1, 2, 3], [3, 1, 2, 3], [6, 5, 5, 8], color="tab:blue", alpha=0.2{})\n', "upper left",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PICTURES)
def test_picture_without_its_legend(executor, name):
    figure, body, place = PICTURES[name]
    labels = ["Coal", "Wind", "Sun"][: body.count("{}") + ("stackplot" in body)]
    names = [f', label="{label}"' for label in labels]
    if "stackplot" in body:
        names = [f", labels={labels}"]
    code = START.format(figure=figure) + body.format(*names)
    bare, chart = (to_canvas(executor.run(text).image) for text in (code, f'{code}ax.legend(loc="{place}")\n'))
    sheet = Sheet.of(chart, (640, 480), "")
    assert [line.text for line in sheet.legend.lines] == labels
    left, top, right, bottom = (round(side) for side in sheet.legend.box)
    area = np.s_[top - 3 : bottom + 4, left - 3 : right + 4]
    assert (np.abs(sheet.bare[area].astype(int) - bare[area]).max(axis=2) > 24).mean() < 0.05
    assert (np.abs(chart[area].astype(int) - bare[area]).max(axis=2) > 24).mean() > 0.1


def test_two_axes_have_one_legend(executor):
    code = (
        START.format(figure=AXES) + 'ax2 = ax.twinx()\nax.plot([0, 1, 2], [1, 2, 3], color="red", label="Sales")\n'
        'ax2.plot([0, 1, 2], [30, 20, 15], color="green", label="Price")\n'
    )
    target = to_canvas(
        executor.run(
            code + 'fig.legend(loc="upper center", bbox_to_anchor=(0.5, 1), bbox_transform=ax.transAxes)\n'
        ).image
    )
    (found,) = written(Drawing(code, executor.run(code)), target)
    assert 'fig.legend(loc="upper center", bbox_to_anchor=(0.5, 1), bbox_transform=ax.transAxes)' in found


@pytest.mark.parametrize("color", ["black", "crimson"])
def test_a_legend_of_one_line(executor, color):
    code = START.format(figure=AXES) + 'ax.bar([0, 1, 2], [3, 5, 4], color="teal")\n'
    line = f'ax.axvline(1.2, color="{color}", linestyle="--"{{}})\n'
    target = to_canvas(executor.run(code + line.format(', label="Mean of all"') + "ax.legend()\n").image)
    bare = code + line.format("")
    found = written(Drawing(bare, executor.run(bare)), target)
    assert 'label="Mean of all"' in found[0] and 'ax.legend(loc="upper right")' in found[0]


def test_charts_without_a_legend(executor):
    body = POINTS.format("", "") + 'ax.text(2.3, 5, "a text at a point")\n'
    code = START.format(figure=AXES) + body
    assert written(Drawing(code, executor.run(code)), to_canvas(executor.run(code).image)) == []


def test_names_without_a_legend_are_no_use():
    code = START.format(figure=AXES) + LINES.format(', label="Rome"', "", ', label="Oslo"')
    assert without_labels(code) == START.format(figure=AXES) + LINES.format("", "", "")
    assert without_labels(code + "ax.legend()\n") == code + "ax.legend()\n"


def test_the_first_entry_is_no_title(executor):
    names = ["Italy", "Spain", "Germany", "South Korea", "Sweden"]
    chart = START.format(figure="fig, ax = plt.subplots(figsize=(8, 6), dpi=120)") + "".join(
        f'ax.plot([0, {k}], [1, {9 - k}], label="{name}")\n' for k, name in enumerate(names, 4)
    )
    image = executor.run(chart + 'ax.legend(loc="lower right")\nax.set_xlim(-1, 9)\nax.set_ylim(-3, 8)\n').image
    legend = Sheet.of(canvas_of(image), image.shape[1::-1], "").legend
    assert [line.text for line in legend.lines] == names and legend.title is None

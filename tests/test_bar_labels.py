"""What is written at bars: programs whose values are measured get the exact ones, and the calls that write them."""

import ast

import pytest

from chart2code.bar_labels import labelled
from chart2code.detail import canvas_of
from chart2code.drawing import Drawing
from chart2code.program import Program
from eval_metric.similarity import chart_iou, to_canvas

START = "import matplotlib.pyplot as plt\n\nfig, ax = plt.subplots()\n"
ONE = "names, y = zip(*[{}])\nbars = ax.bar(names, y{})\nax.set_ylim(0, 70)\n"
ROWS, MEASURED = [("a", 42), ("b", 58), ("c", 17), ("d", 33.5)], [("a", 42.1), ("b", 57.8), ("c", 17.2), ("d", 33.4)]
LABELS = {
    "values": ("bars", ""),
    "some points away": ("bars, padding=4, fontsize=8", ""),
    "money": ('bars, fmt="${:.2f}"', ""),
    "per cent": ('bars, fmt="{:.1f}%", padding=3', ""),
    "within": ('bars, fmt="{:.1f}", label_type="center", color="white"', ', color="navy"'),
}


def rows(values: list) -> str:
    return ", ".join(map(str, values)).replace("'", '"')


@pytest.mark.parametrize("name", LABELS)
def test_labels_of_bars(executor, name):
    arguments, style = LABELS[name]
    target = to_canvas(executor.run(START + ONE.format(rows(ROWS), style) + f"ax.bar_label({arguments})\n").image)
    answer = START + ONE.format(rows(MEASURED), style)
    code = labelled(Drawing(answer, executor.run(answer)), target)
    (call,) = Program(code).statement_calls("bar_label")
    wanted, found = (ast.parse(text).body[0].value for text in (f"ax.bar_label({arguments})", ast.unparse(call)))
    assert [k.arg for k in found.keywords] == [k.arg for k in wanted.keywords]
    for keyword, other in zip(wanted.keywords, found.keywords):
        near = 1 if keyword.arg == "padding" else 0  # points
        assert (
            keyword.value.value == pytest.approx(other.value.value, abs=near)
            if near
            else (keyword.value.value == other.value.value)
        )
    assert Program(code).literals("y") == [42, 58, 17, 33.5]


def test_labels_of_horizontal_bars_by_their_side(executor):
    code = START + "names, y = zip(*[{}])\nax.barh(names, y)\nax.set_xlim(0, 80)\n"
    written = "for name, value in zip(names, y):\n    ax.text(value + 1, name, value, va='center', fontsize=9)\n"
    target = to_canvas(executor.run(code.format(rows(ROWS)) + written).image)
    answer = code.format(rows(MEASURED))
    found = labelled(Drawing(answer, executor.run(answer)), target)
    assert Program(found).literals("y") == [42, 58, 17, 33.5]
    assert "bars = ax.barh(" in found and "fontsize=9" in found
    assert chart_iou(to_canvas(executor.run(found).image), target) > 0.98


def test_labels_beside_soft_ends_of_bars(executor):
    """In a picture that is larger than the canvas, where these are as near as labels may be."""
    start = "import matplotlib.pyplot as plt\n\nfig, ax = plt.subplots(figsize=(10, 4.5))\n"
    code = start + "names, y = zip(*[{}])\nbars = ax.barh(names, y, height=0.65)\nax.set_xlim(0, 80)\n"
    chart = executor.run(
        code.format(rows(ROWS)) + "ax.bar_label(bars, fmt='{:.1f}%', padding=4)\nfig.set_dpi(173)\n"
    ).image
    answer = code.format(rows(MEASURED))
    found = labelled(Drawing(answer, executor.run(answer)), canvas_of(chart), chart.shape[1::-1])
    assert Program(found).literals("y") == [42, 58, 17, 33.5] and 'fmt="{:.1f}%"' in found


def test_all_series_in_one_loop(executor):
    code = START + (
        'x, y1, y2 = zip(*[{}])\nax.bar([i - 0.2 for i in x], y1, width=0.4, color="teal")\n'
        'ax.bar([i + 0.2 for i in x], y2, width=0.4, color="orange")\nax.set_ylim(0, 9)\n'
    )
    loop = "for bars in ax.containers:\n    ax.bar_label(bars, padding=2)\n"
    target = to_canvas(executor.run(code.format("(0, 3, 5), (1, 6, 4), (2, 8, 7)") + loop).image)
    answer = code.format("(0, 3.02, 4.98), (1, 6, 4.01), (2, 8, 7.03)")
    assert (
        labelled(Drawing(answer, executor.run(answer)), target)
        == code.format("(0, 3, 5), (1, 6, 4), (2, 8, 7)") + loop
    )


def test_words_above_error_bars(executor):
    code = (
        START + "names, y, e = zip(*[('a', 3, 0.4), ('b', 5, 0.3), ('c', 4, 0.5)])\nbars = ax.bar(names, y, yerr=e)\n"
    )
    code += "ax.set_ylim(0, 8)\n"
    target = to_canvas(executor.run(code + 'ax.bar_label(bars, labels=["low", "high", "mid"], padding=2)\n').image)
    found = labelled(Drawing(code, executor.run(code)), target)
    assert 'labels=["low", "high", "mid"]' in found


def test_values_of_an_axis_without_numbers(executor):
    code = START + "names, y = zip(*[{}])\nbars = ax.bar(names, y)\nax.set_ylim(0, {})\nax.set_yticks([])\n"
    target = to_canvas(executor.run(code.format(rows(ROWS), 70) + "ax.bar_label(bars)\n").image)
    answer = code.format('("a", 4.21), ("b", 5.79), ("c", 1.7), ("d", 3.36)', 7)
    found = labelled(Drawing(answer, executor.run(answer)), target)
    assert Program(found).literals("y") == [42, 58, 17, 33.5]
    assert abs(Program(found).statement_calls("set_ylim")[0].args[1].value - 70) < 1


def test_bars_without_labels(executor):
    code = START + ONE.format(rows(ROWS), "")
    assert labelled(Drawing(code, executor.run(code)), to_canvas(executor.run(code).image)) is None

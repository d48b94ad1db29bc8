"""Texts in the axes of charts that matplotlib has drawn: programs that lack them get them, where they are."""

import pytest

from chart2code.detail import canvas_of
from chart2code.drawing import Drawing
from chart2code.notes import added
from eval_metric.similarity import chart_iou, to_canvas

START = "import matplotlib.pyplot as plt\n\nfig, ax = plt.subplots()\n"
BODY = 'x, y = zip(*[(0, 1), (1, 3), (2, 2), (3, 6)])\nax.plot(x, y, color="tab:blue"{})\n'
NOTES = {
    "share of the axes": ('ax.text(0.95, 0.1, "R² = 0.953", transform=ax.transAxes, ha="right")\n', "R² = 0.953"),
    "place of the data": ('ax.text(0.2, 5, "Start of trial", fontsize=12, color="crimson")\n', "Start of trial"),
    "two lines": ('ax.text(0.2, 4.5, "n = 12\\nmean = 3.1")\n', "n = 12\\nmean = 3.1"),
    "italic": ('ax.text(0.2, 5, "good offense", color="crimson", style="italic")\n', "good offense"),
    "bold, at the end of the line": (
        'ax.text(3.2, 6, "Milk, per litre", color="tab:blue", fontweight="bold")\nfig.subplots_adjust(right=0.7)\n',
        "Milk, per litre",
    ),
    "from the end of the axes on, near the line": (
        'ax.spines["right"].set_visible(False)\nax.set_xlim(0, 3.05)\nfig.subplots_adjust(right=0.7)\n'
        'ax.text(3.05, 6, "Milk 85", color="tab:blue", fontweight="bold", va="center")\n',
        "Milk 85",
    ),
    "above the title": (
        'ax.set_title("per 1,000 people", color="gray")\nfig.subplots_adjust(top=0.8)\n'
        'fig.text(0.03, 0.92, "Births now and then", fontsize=16, fontweight="bold")\n',
        "Births now and then",
    ),
    "a source below": ('fig.text(0.03, 0.01, "Own data of 2023", fontsize=8, color="dimgray")\n', "Own data of 2023"),
}  # fmt: skip


@pytest.mark.parametrize("name", NOTES)
def test_notes_of_a_chart(executor, name):
    statement, text = NOTES[name]
    bare = START + BODY.format("") + "".join(f"{line}\n" for line in statement.splitlines() if ".text(" not in line)
    target = to_canvas(executor.run(START + BODY.format("") + statement).image)
    code = added(Drawing(bare, executor.run(bare)), target)
    assert f'"{text}"' in code
    for style in (
        "fontsize=12",
        'style="italic"',
        'color="crimson"',
        'color="tab:blue", fontweight',
        'fontweight="bold"',
        "fontsize=8",
        'color="dimgray"',
    ):
        if style in statement:
            assert style.replace(", fontweight", "") in code
    assert chart_iou(to_canvas(executor.run(code).image), target) > 0.985


def test_legends_and_what_is_drawn_are_no_notes(executor):
    code = START + BODY.format(', label="Rain"') + 'ax.plot([0, 3], [4, 1], color="red", label="Sun")\n'
    target = to_canvas(executor.run(code + "ax.legend()\n").image)
    assert added(Drawing(code, executor.run(code)), target) is None
    noted = code + 'ax.text(1, 4, "A note")\n'
    target = to_canvas(executor.run(noted).image)
    assert added(Drawing(noted, executor.run(noted)), target) is None


def test_names_of_many_points(executor):
    code = START + "x, y = zip(*[(k, k * 7 % 16) for k in range(16)])\nax.scatter(x, y)\n"
    names = (
        "names = 'Alto Brisa Corvo Delta Estro Fjord Gala Hexa Ibis Juno Kilo Lima Mira Nova Opal Pico'\n"
        "for k, name in zip(x, names.split()):\n"
        "    ax.annotate(name, (k, y[k]), xytext=(6, 4), textcoords='offset points', fontsize=9)\n"
    )
    image = executor.run(code + names).image
    assert added(Drawing(code, executor.run(code)), canvas_of(image), image.shape[1::-1]).count("ax.text(") > 12

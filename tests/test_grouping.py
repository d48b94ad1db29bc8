"""Bars of groups that were measured series by series, in one table: the same picture, in code that one would write."""

import pytest

from chart2code.grouping import grouped
from chart2code.program import Program
from eval_metric.executor import Executor
from eval_metric.similarity import chart_iou, to_canvas

HEAD = "import matplotlib.pyplot as plt\n\nfig, ax = plt.subplots()\n"
NAMED = """x, height = zip(*[(-0.26, 7.12), (0.74, 6.19), (1.74, 4.88)])
categories, height2 = zip(*[("Wheat", 7.6), ("Barley", 6.5), ("Oats", 4.4)])
x2, height3 = zip(*[(0.26, 6.9), (1.26, 5.8), (2.27, 4.6)])
ax.bar(x, height, width=0.25, label="2021")
ax.bar(categories, height2, width=0.25, label="2022")
ax.bar(x2, height3, width=0.26, label="2023")
names = ["Wheat", "Barley", "Oats"]
ax.set_xticks(range(3), names)
ax.legend()
"""
ERRORS = """x, height, errors = zip(*[(0.2, 3.3, 0.28), (1.2, 3.5, 0.26)])
x2, height2, errors2 = zip(*[(-0.2, 2.26, 0.28), (0.8, 2.83, 0.26)])
ax.barh(x2, height2, height=0.38, label="Lunch", xerr=errors2, color="#5975a4")
ax.barh(x, height, height=0.38, label="Dinner", xerr=errors, color="#cc8963")
names = ["Thu", "Fri"]
ax.set_yticks(range(2), names)
"""
YEARS = """x, height = zip(*[(2020.8, 7), (2021.8, 6), (2022.8, 4)])
x2, height2 = zip(*[(2021.1, 5), (2022.1, 8), (2023.1, 2)])
ax.bar(x, height, width=0.3)
ax.bar(x2, height2, width=0.3)
"""


@pytest.fixture(scope="module")
def executor():
    with Executor() as executor:
        yield executor


@pytest.mark.parametrize(
    "program, expected",
    [
        (
            NAMED,
            [
                'categories, y1, y2, y3 = zip(*[("Wheat", 7.12, 7.6, 6.9), '
                '("Barley", 6.19, 6.5, 5.8), ("Oats", 4.88, 4.4, 4.6)])',
                "x = range(3)",
                'ax.bar([i - 0.26 for i in x], y1, width=0.25, label="2021")',
                'ax.bar(x, y2, width=0.25, label="2022")',
                'ax.bar([i + 0.26 for i in x], y3, width=0.25, label="2023")',
                "ax.set_xticks(x, categories)",
                "ax.legend()",
            ],
        ),
        (
            ERRORS,
            [
                "categories, y1, y2, errors1, errors2 = "
                'zip(*[("Thu", 2.26, 3.3, 0.28, 0.28), ("Fri", 2.83, 3.5, 0.26, 0.26)])',
                "x = range(2)",
                'ax.barh([i - 0.2 for i in x], y1, height=0.38, label="Lunch", xerr=errors1, color="#5975a4")',
                'ax.barh([i + 0.2 for i in x], y2, height=0.38, label="Dinner", xerr=errors2, color="#cc8963")',
                "ax.set_yticks(x, categories)",
            ],
        ),
    ],
    ids=["named", "horizontal, with errors"],
)  # fmt: skip
def test_bars_of_groups_in_one_table(executor, program, expected):
    code = grouped(Program(HEAD + program))[0]
    assert code == HEAD + "\n".join(expected) + "\n"
    assert chart_iou(*(to_canvas(executor.run(c).image) for c in (code, HEAD + program))) > 0.95


def test_bars_that_are_not_spread_evenly_about_their_places(executor):
    even, own = grouped(Program(HEAD + YEARS))
    before, after = (to_canvas(executor.run(code).image) for code in (HEAD + YEARS, own))
    assert "x = range(2021, 2024)\nax.bar([i - 0.2 for i in x], y1" in own and (before == after).all()
    assert "ax.bar([i - 0.15 for i in x], y1" in even


@pytest.mark.parametrize(
    "more",
    [
        "ax.plot(x, height)\n",  # their columns are used for more
        "y1 = 3\n",  # there is a name that the table would have
        "ax.bar(x, height, bottom=1)\n",
        'ax.bar(["a", "b"], [1, 2])\n',
    ],
)
def test_other_bars_stay(more):
    assert grouped(Program(HEAD + YEARS + more)) == []


def test_bars_upon_each_other_and_in_one_table_stay(executor):
    upon = "x, height = zip(*[(0, 1), (1, 2)])\nx2, height2 = zip(*[(0, 2), (1, 1)])\n"
    assert grouped(Program(HEAD + upon + "ax.bar(x, height)\nax.bar(x2, height2)\n")) == []
    assert grouped(Program(grouped(Program(HEAD + NAMED))[0])) == []

"""Stripes across the axes, against what matplotlib has drawn."""

import pytest

from chart2code.detail import canvas_of
from chart2code.sketches import Sheet
from chart2code.stripes import find_stripes
from chart2code.verification import verify
from eval_metric.executor import Executor

PLT = "import matplotlib.pyplot as plt\n\nfig, ax = plt.subplots(figsize=(8, 4.5))\n"
LINES = (
    'ax.plot(range(2004, 2012), [11, 9, 8, 8, 11, 18, 20, 21], color="#8c2d04", marker="o", label="Spain")\n'
    'ax.plot(range(2004, 2012), [9, 9, 9, 8, 7, 9, 9, 9], color="#2c5aa0", marker="s", label="France")\n'
)


def sheet_of(executor: Executor, chart: str) -> Sheet:
    image = executor.run(PLT + chart).image
    return Sheet.of(canvas_of(image), image.shape[1::-1], "")


@pytest.mark.parametrize(
    ("stripe", "expected"),
    [
        ('axvspan(2008, 2009.5, color="0.85", zorder=0)', ("ax.axvspan", [2008, 2009.5])),
        ('axhspan(15, 17, color="gold", alpha=0.3, linewidth=0)', ("ax.axhspan", [15, 17])),
    ],
)
def test_stripes_behind_lines(executor, stripe, expected):
    sheet = sheet_of(executor, f'{LINES}ax.{stripe}\nax.grid()\nax.text(2008.7, 20, "Crisis", ha="center")\n')
    ((found, scale),) = sheet.stripes
    method, places = found.call(scale).split("(")
    assert method == expected[0]
    assert [float(place) for place in places.split(", ")[:2]] == pytest.approx(expected[1], abs=0.06)
    assert len(sheet.series) == 2
    (code,) = sheet.measured()
    assert code.count("ax.plot(") == 2 and code.count("span(") == 1


@pytest.mark.parametrize(
    "chart",
    [
        LINES,
        'ax.bar(range(6), [3, 4, 5, 6, 5, 4], color="lightblue")\n',
        'ax.barh(range(4), [3, 4, 5, 6], color="lightgrey")\nax.set_xlim(0, 6)\n',
        'ax.fill_between(range(4), [3, 4, 5, 6], color="lightgrey")\nax.margins(0)\n',
        "ax.imshow([[1, 2], [3, 4]])\n",
    ],
)
def test_other_charts_have_none(executor, chart):
    sheet = sheet_of(executor, chart)
    assert not find_stripes(sheet.target, sheet.box)


def test_a_chart_with_stripes_is_redrawn(executor):
    chart = f'{LINES}ax.axvspan(2008, 2009.5, color="0.85", zorder=0)\nax.legend()\nax.set_title("Rates")\n'
    image = executor.run(PLT + chart).image
    assert verify(executor, [PLT], image, refine=True, time_budget=60, max_renderings=15).iou > 0.9

"""Logarithmic axes, in pictures by plain matplotlib: their scales, and programs with the values that were drawn."""

import numpy as np
import pytest

from chart2code.clues import Clues
from chart2code.detail import canvas_of
from chart2code.drawing import Drawing
from chart2code.program import Program
from chart2code.scales import Scale, significant
from chart2code.sketches import Sheet
from chart2code.verification import verify
from eval_metric.similarity import chart_iou

PLT = "import matplotlib.pyplot as plt\nimport numpy as np\n\n"
# How an axis from 0.5 to 20000, or else as it says, is labelled.
LABELS = {
    "powers of ten": "",
    "plain numbers": 'ax.yaxis.set_major_formatter("{x:g}")\n',
    "commas": 'ax.yaxis.set_major_formatter("{x:,.0f}")\nax.set_ylim(20, 2e6)\n',
    "units": 'ax.set_yticks([1, 30, 1000, 3e4, 1e6], ["1", "30", "1k", "30k", "1M"])\nax.set_ylim(0.4, 2e6)\n',
    "powers of two": "ax.set_yticks([1, 2, 4, 8, 16], [1, 2, 4, 8, 16])\nax.minorticks_off()\nax.set_ylim(0.9, 20)\n",
    "two plain numbers": 'ax.yaxis.set_major_formatter("{x:g}")\nax.set_ylim(60, 2500)\n',
    "one power of ten": "ax.set_ylim(0.25, 3)\n",
    "below one": 'ax.yaxis.set_major_formatter("{x:g}")\nax.set_ylim(0.002, 30)\n',
}
LOG_Y = 'fig, ax = plt.subplots()\nax.plot([1, 2, 3], [40, 2, 9000])\nax.set_yscale("log")\nax.set_ylim(0.5, 20000)\n'


def sheet_of(executor, code: str) -> Sheet:
    image = executor.run(PLT + code).image
    return Sheet.of(canvas_of(image), image.shape[1::-1], "")


def copy_of(executor, code: str) -> str:
    image = executor.run(PLT + code).image
    (copy,) = Sheet.of(canvas_of(image), image.shape[1::-1], "").measured()
    return copy


def numbers_of(code: str) -> list[np.ndarray]:
    program = Program(code)
    columns = [program.literals(name) for table in program.tables for name in table.names]
    return [np.array(column) for column in columns if column is not None]


def is_near(found: np.ndarray, values: np.ndarray, share: float) -> bool:
    return len(found) == len(values) and bool(np.abs(found / values - 1).max() < share)


@pytest.mark.parametrize("labels", LABELS)
def test_logarithmic_scales_are_read(executor, labels):
    code = LOG_Y + LABELS[labels]
    low, high = ast_limits(code)
    sheet = sheet_of(executor, code)
    scale = Scale.of(sheet.target, sheet.box, "left")
    assert scale.logarithmic
    assert scale(sheet.box[3]) == pytest.approx(low, rel=0.04)
    assert scale(sheet.box[1]) == pytest.approx(high, rel=0.04)


def ast_limits(code: str) -> tuple[float, float]:
    call = Program(PLT + code).statement_calls("set_ylim")[-1]
    return tuple(argument.value for argument in call.args)


@pytest.mark.parametrize("numbers", ["[1, 2, 3, 4, 5]", "[2010, 2015, 2020]", "[0, 1, 10]"])
def test_other_numbers_are_no_logarithms(executor, numbers):
    sheet = sheet_of(executor, f"plt.plot([0, 1], [0, 1])\nplt.yticks(np.linspace(0, 1, len({numbers})), {numbers})\n")
    scale = Scale.of(sheet.target, sheet.box, "left")
    assert scale is None or not scale.logarithmic


def test_names_stand_at_whole_numbers(executor):
    sheet = sheet_of(executor, 'plt.bar(["one", "two", "three"], [3, 5, 4])\n')
    scale = Scale.or_names(sheet.target, sheet.box, "bottom")
    assert scale.names == 3 and Scale.of(sheet.target, sheet.box, "bottom") is None


@pytest.mark.parametrize(
    ("value", "error", "text"), [(1234.5, 0.01, "1230"), (0.0123, 0.1, "0.012"), (3.21e-9, 0.05, "3.2e-09")]
)
def test_significant_digits(value, error, text):
    assert significant(value, error) == text


def test_lines_in_log_space(executor):
    n = [100, 200, 500, 1000, 2000, 5000, 10000, 50000]
    slow, fast = [3e-7 * k**1.5 for k in n], [4e-5 * k**0.5 for k in n]
    code = f'plt.loglog({n}, {slow}, "o-")\nplt.loglog({n}, {fast}, "s-")\n'
    copy = copy_of(executor, code)
    assert 'ax.set_xscale("log")' in copy and 'ax.set_yscale("log")' in copy
    found = numbers_of(copy)
    for values in (n, slow, fast):
        assert any(is_near(column, np.array(values), 0.05) for column in found)


def test_bars_stand_on_the_lower_limit(executor):
    counts = [120000, 4300, 95, 810]
    copy = copy_of(executor, f'plt.bar(["a", "b", "c", "d"], {counts})\nplt.yscale("log")\nplt.ylim(10, 1e6)\n')
    assert any(is_near(column, np.array(counts), 0.04) for column in numbers_of(copy))
    assert 'ax.set_yscale("log")' in copy and "bottom=" not in copy


def test_bands_and_points(executor):
    code = """x = np.linspace(0, 10, 11)
plt.fill_between(x, 3 * 1.8**x, 30 * 1.8**x, color="tab:blue", alpha=0.3)
plt.scatter([1, 4, 6, 9], [12, 90, 500, 1500], color="black")
plt.yscale("log")
"""
    copy = copy_of(executor, code)
    found = numbers_of(copy)
    assert any(is_near(column, np.array([12, 90, 500, 1500]), 0.05) for column in found)
    ends = [column[[0, -1]] for column in found if len(column) > 1]
    for factor in (3, 30):  # straight lines in log space
        assert any(is_near(end, np.array([factor, factor * 1.8**10]), 0.12) for end in ends)


def test_bars_between_logarithmic_places(executor):
    code = """edges = np.logspace(1, 4, 10)
plt.bar(edges[:-1], [3, 8, 15, 30, 44, 31, 17, 9, 4], np.diff(edges), align="edge", edgecolor="black")
plt.xscale("log")
"""
    copy = copy_of(executor, code)
    edges = np.logspace(1, 4, 10)
    found = numbers_of(copy)
    assert 'align="edge"' in copy
    assert any(is_near(column, edges[:-1], 0.06) for column in found)
    assert any(is_near(column, np.diff(edges), 0.1) for column in found)


def test_lying_bars_and_a_line_across(executor):
    chart = PLT + 'plt.barh(["a", "b", "c"], [40, 3000, 700], color="teal")\nplt.xscale("log")\n'
    found = verify(executor, [PLT], executor.run(chart).image, refine=True, time_budget=60, max_renderings=30)
    assert any(is_near(column, np.array([40, 3000, 700]), 0.05) for column in numbers_of(found.code))
    chart = PLT + "plt.semilogy(range(7), [900, 400, 80, 30, 9, 4, 1.5])\nplt.axhline(20, color='red')\n"
    found = verify(executor, [PLT], executor.run(chart).image, refine=True, time_budget=60, max_renderings=30)
    (line,) = Program(found.code).statement_calls("axhline")
    assert line.args[0].value == pytest.approx(20, rel=0.04)
    assert found.iou > 0.9


@pytest.mark.parametrize(("which", "fine"), [("", False), ('which="both"', True)])
def test_grids_at_small_ticks(executor, which, fine):
    chart = f"plt.loglog([1, 1000], [2, 5000])\nplt.grid({which})\n"
    target = canvas_of(executor.run(PLT + chart).image)
    drawing = Drawing(PLT + "plt.plot([1, 2], [3, 4])\n", executor.run(PLT + "plt.plot([1, 2], [3, 4])\n"))
    assert Clues(drawing, target).fine_grid == fine


def test_programs_redraw_logarithmic_axes(executor):
    chart = PLT + LOG_Y + LABELS["units"]
    image = executor.run(chart).image
    assert chart_iou(executor.run(copy_of(executor, LOG_Y + LABELS["units"])).image, image) > 0.9

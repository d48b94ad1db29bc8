"""Clusters of points, also on axes without ticks, in pictures by plain matplotlib."""

import re

import pytest
from conftest import copied

from chart2code.captions import reworded
from chart2code.detail import canvas_of
from chart2code.drawing import Drawing
from chart2code.scales import Scale
from chart2code.sketches import Sheet
from eval_metric.similarity import chart_iou

START = "import matplotlib.pyplot as plt\nimport numpy as np\n\ndraw = np.random.default_rng(3)\n"
CLUSTERS = """fig, ax = plt.subplots()
for x, y in [(-4, 3), (4, 4), (0, -4)]:
    ax.scatter(draw.normal(x, {spread}, {count}), draw.normal(y, {spread}, {count}), s={size}, alpha={opacity})
"""
BARE = 'ax.set_xticks([])\nax.set_yticks([])\nax.set_xlabel("Map 1")\nax.set_ylabel("Map 2")\n'


def clusters(spread: float = 1, count: int = 60, size: int = 12, opacity: float = 1) -> str:
    return START + CLUSTERS.format(spread=spread, count=count, size=size, opacity=opacity)


@pytest.mark.parametrize("style", ["", 'plt.style.use("dark_background")\n'])
def test_axes_without_ticks(executor, style):
    code, image = copied(executor, START + style + clusters()[len(START) :] + BARE, style)
    assert "ax.set_xticks([])\n" in code and "ax.set_yticks([])\n" in code
    assert code.count("ax.scatter(") == 3
    assert chart_iou(executor.run(code).image, image) > 0.85


def test_a_legend_at_the_right_has_no_labels_of_ticks(executor):
    chart = (
        clusters().replace("s=12", "s=12, label=x") + BARE + "ax.legend(bbox_to_anchor=(1, 1))\nplt.tight_layout()\n"
    )
    image = executor.run(chart).image
    sheet = Sheet.of(canvas_of(image), image.shape[1::-1], "")
    assert Scale.of_shares(sheet.target, sheet.box, "left").tickless


@pytest.mark.parametrize("names", ['["one", "two", "three"]', '["10 km", "20 km", "30 km"]'])
def test_labels_without_ticks_are_no_names_of_axes(executor, names):
    chart = f"{clusters()}ax.set_yticks([-4, 0, 4], {names})\nax.tick_params(length=0)\n"
    image = executor.run(chart).image
    sheet = Sheet.of(canvas_of(image), image.shape[1::-1], "")
    assert Scale.of_shares(sheet.target, sheet.box, "left") is None


def test_names_of_axes_without_ticks(executor):
    code = clusters() + BARE
    bare = "".join(line for line in code.splitlines(keepends=True) if "label" not in line)
    target = canvas_of(executor.run(code).image)
    changed = reworded(Drawing(bare, executor.run(bare)), target, (640, 480))
    assert 'ax.set_xlabel("Map 1")' in changed and 'ax.set_ylabel("Map 2")' in changed


def test_transparent_points_upon_each_other_are_no_other_series(executor):
    image = executor.run(clusters(opacity=0.7, count=120)).image
    assert len(Sheet.of(canvas_of(image), image.shape[1::-1], "").series) == 3


def test_points_in_clumps(executor):
    code, image = copied(executor, clusters(spread=0.6, count=50, size=40))
    places = [len(re.findall(r"\(-?[\d.]+, -?[\d.]+\)", line)) for line in code.splitlines() if "zip" in line]
    assert len(places) == 3 and min(places) > 30  # some are hidden
    assert chart_iou(executor.run(code).image, image) > 0.85


def test_words_are_no_cloud(executor):
    chart = START + (
        'plt.scatter([1, 2, 3, 4, 5], [3, 5, 2, 4, 4], color="navy")\n'
        'plt.text(1, 4.5, "good attack,\\ngood defence", color="green", style="italic", fontsize=9)\n'
    )
    image = executor.run(chart).image
    layers = Sheet.of(canvas_of(image), image.shape[1::-1], "").layers
    assert not any(layer.cloud for layer in layers.points)

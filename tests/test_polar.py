"""Roses and radars: what is read off them, against what matplotlib drew."""

import ast
import re

import numpy as np
import pytest
from PIL import Image

from chart2code.detail import canvas_of
from chart2code.polar import find_discs, polar_chart
from chart2code.sketches import Sheet
from eval_metric.similarity import chart_iou

START = "import matplotlib.pyplot as plt\nimport numpy as np\n\n"


def drawn(executor, code: str) -> np.ndarray:
    result = executor.run(START + code)
    assert result.ok, result.error
    return result.image


def programs(picture: np.ndarray) -> list[str]:
    return polar_chart(Sheet.of(canvas_of(picture), picture.shape[1::-1], ""))


def values(code: str, name: str) -> list[float]:
    return ast.literal_eval(re.search(rf"^{name} = (.*)$", code, re.M)[1])


@pytest.mark.parametrize("dpi", [100, 150])
def test_rose(executor, dpi):
    heights = [3.0, 7.5, 2.0, 5.5, 9.0, 4.0, 6.0, 1.5, 8.0, 2.5]
    code = f"""fig, ax = plt.subplots(figsize=(6, 5), dpi={dpi}, subplot_kw={{"projection": "polar"}})
angles = np.linspace(0, 2 * np.pi, 10, endpoint=False)
ax.bar(angles, {heights}, width=2 * np.pi / 10, color="seagreen", edgecolor="white")
ax.set_title("Wind directions")
"""
    picture = drawn(executor, code)
    (found,) = programs(picture)
    assert np.allclose(values(found, "values"), heights, atol=0.12)
    assert 'edgecolor="white"' in found and '"Wind directions"' in found
    assert chart_iou(canvas_of(executor.run(found).image), canvas_of(picture)) > 0.95


def test_radars_of_two_panels(executor):
    one, two = [4.0, 7.0, 5.5, 8.0, 6.0], [1.0, 3.0, 2.5, 5.0, 2.0]
    code = f"""fig, axes = plt.subplots(1, 2, figsize=(9, 4.5), subplot_kw={{"projection": "polar"}})
angles = np.linspace(0, 2 * np.pi, 5, endpoint=False)
for ax, values in zip(axes, ({one}, {two})):
    ax.plot([*angles, 0], [*values, values[0]], color="crimson")
    ax.fill(angles, values, color="crimson", alpha=0.2)
    ax.set_xticks(angles, ["Power", "Range", "Price", "Space", "Noise"])
fig.suptitle("Two cars")
"""
    picture = drawn(executor, code)
    (found,) = programs(picture)
    assert np.allclose(values(found, "values1"), one, atol=0.15)
    assert np.allclose(values(found, "values2"), two, atol=0.1)
    for word in ("Range", "Price", "Noise", "Two cars"):  # the others touch the circle
        assert f'"{word}"' in found
    assert chart_iou(canvas_of(executor.run(found).image), canvas_of(picture)) > 0.9


@pytest.mark.parametrize("count", [5, 8])
@pytest.mark.parametrize("way", [1, -1])
def test_radar_that_begins_above(executor, count, way):
    numbers, names = (
        [40.0, 75.0, 55.0, 90.0, 65.0, 80.0, 30.0, 50.0][:count],
        "Sap Rye Ore Dew Fog Ice Elm Oak".split(),
    )
    code = f"""fig, ax = plt.subplots(figsize=(6, 6), subplot_kw={{"projection": "polar"}})
angles = np.linspace(0, 2 * np.pi, {count}, endpoint=False)
ax.set_theta_offset(np.pi / 2)
ax.set_theta_direction({way})
ax.plot([*angles, 0], [*{numbers}, 40], color="crimson")
ax.set_xticks(angles, {names[:count]})
ax.set_ylim(0, 100)
ax.set_title("Weather", pad=35)
"""
    picture = drawn(executor, code)
    (found,) = programs(picture)
    assert np.allclose(values(found, "values"), numbers, atol=1.5)
    assert "set_theta_offset(np.pi / 2)" in found and ("set_theta_direction(-1)" in found) == (way < 0)
    assert '["Sap", ' in found and re.search(r'"Weather", pad=3[3-7]', found)
    assert chart_iou(canvas_of(executor.run(found).image), canvas_of(picture)) > 0.93


def test_polygons_that_overlap_are_no_rose(executor):
    one, two = [7, 5, 8, 6, 4, 9], [5, 8, 6, 7, 7, 3]
    code = f"""fig, ax = plt.subplots(figsize=(6.52, 6.14), subplot_kw={{"projection": "polar"}})
fig.subplots_adjust(left=0.037, right=0.805, bottom=0.06, top=0.875)
ax.set_theta_offset(np.pi / 2)
ax.set_theta_direction(-1)
angles = np.linspace(0, 2 * np.pi, 6, endpoint=False)
ax.set_xticks(angles)
for values, color in (({one}, "#c1121f"), ({two}, "#2a9d8f")):
    ax.plot([*angles, 0], [*values, values[0]], color=color, linewidth=2)
    ax.fill(angles, values, color=color, alpha=0.2)
ax.set_ylim(0, 10)
"""
    (found,) = programs(drawn(executor, code))
    assert "ax.fill(" in found and "ax.bar(" not in found


def test_circle_to_a_fraction_of_a_pixel():
    y, x = np.mgrid[:512, :512]
    ring = np.clip(1 - np.abs(np.hypot(x - 230.3, y - 250.7) - 151.4), 0, 1)
    (disc,) = find_discs(np.repeat((255 * (1 - ring)).astype(np.uint8)[..., None], 3, axis=2))
    assert np.allclose((disc.x, disc.y, disc.radius), (230.3, 250.7, 151.4), atol=0.15)


@pytest.mark.parametrize(
    "code",
    [
        'fig, ax = plt.subplots()\nax.pie([3, 4, 5], labels=["a", "b", "c"], wedgeprops={"edgecolor": "black"})',
        "fig, ax = plt.subplots()\nax.plot(np.cos(np.arange(7)), np.sin(np.arange(7)))",
        "fig, ax = plt.subplots()\nax.bar([1, 2, 3], [4, 5, 6])",
    ],
)
def test_nothing_in_other_charts(executor, code):
    assert programs(drawn(executor, code)) == []


def test_no_circle_in_noise():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (512, 512, 3), np.uint8))
    assert find_discs(np.asarray(noise)) == []

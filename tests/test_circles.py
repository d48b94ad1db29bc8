"""Circles drawn by plain matplotlib: where they are and how large, also where they overlap."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from chart2code.circles import find_circles, with_hidden
from chart2code.readout import difference


def drawn(places: np.ndarray, sizes: np.ndarray | float, **options) -> tuple[np.ndarray, np.ndarray]:
    """The picture (H, W, 3) of marks at places in pixels from the upper left corner, and where it is inked."""
    figure = plt.figure(figsize=(4, 3), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-0.5, 399.5), ylim=(299.5, -0.5))
    axes.axis("off")
    axes.scatter(*places.T, s=sizes, **options)
    figure.canvas.draw()
    picture = np.array(figure.canvas.buffer_rgba())[..., :3]
    plt.close(figure)
    return picture, difference(picture, (255, 255, 255)) > 20


def matched(found: np.ndarray, places: np.ndarray) -> float:
    """How many of some places have a circle within 1.5 pixels, 0 to 1."""
    apart = np.hypot(*(found[:, None, :2] - places).T)
    return float((apart.min(axis=1) < 1.5).mean())


@pytest.mark.parametrize("options", [{}, {"alpha": 0.5}, {"edgecolor": "black"}, {"edgecolor": "white", "alpha": 0.7}])
def test_bubbles_of_several_sizes(options):
    draw = np.random.default_rng(3)
    places = np.column_stack([draw.uniform(20, 380, 16), draw.uniform(20, 280, 16)])
    sizes = draw.uniform(60, 900, 16)
    found = find_circles(*drawn(places, sizes, color="tab:blue", **options))
    assert matched(found, places) > 0.9 and len(found) <= len(places) + 1
    nearest = np.hypot(*(found[:, None, :2] - places).T).argmin(axis=1)
    assert np.median(np.abs(found[nearest, 2] - np.sqrt(sizes) / 0.72 / 2)) < 1.5


def test_transparent_ones_that_overlap_are_told_apart():
    places = np.array([[100, 100], [118, 104], [109, 126], [250, 200], [256, 200]], float)
    sizes = np.array([900, 900, 900, 1200, 300], float)
    found = find_circles(*drawn(places, sizes, color="tab:orange", alpha=0.5))
    assert len(found) == 5 and matched(found, places) == 1


def test_small_ones_upon_each_other():
    draw = np.random.default_rng(5)
    places = draw.normal((200, 150), (50, 40), (150, 2))
    picture, ink = drawn(places, 24, c=draw.uniform(0, 1, 150), cmap="viridis")
    found = find_circles(picture, ink)
    every = with_hidden(found, ink)
    assert len(found) < len(every) < 1.1 * len(places)
    assert matched(every, places) > 0.9


@pytest.mark.parametrize("marker", ["+", "x", "_", "|"])
def test_other_marks_have_no_circles(marker):
    places = np.random.default_rng(1).uniform(20, 280, (20, 2))
    assert len(find_circles(*drawn(places, 80, color="black", marker=marker))) < 4  # where two lie upon each other


def test_a_blank_picture():
    blank = np.full((60, 80, 3), 255, np.uint8)
    assert find_circles(blank, np.zeros((60, 80), bool)).shape == (0, 3)


def test_a_large_circle_upon_small_ones_is_found():
    figure = plt.figure(figsize=(2, 2))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    axes.set(xlim=(0, 200), ylim=(0, 200))
    places, sizes = ([100, 85, 130, 75], [100, 90, 112, 140]), [1444, 300, 90, 120]
    axes.scatter(*places, s=sizes, c="#00d5e9", edgecolors="black", linewidths=0.6, alpha=0.75)
    figure.canvas.draw()
    picture = np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()
    plt.close(figure)
    found = find_circles(picture, difference(picture, (255,) * 3) > 20)
    assert np.abs(found - (100, 100, 26.4)).max(axis=1).min() < 1.5

"""Dense labels against what the figure was told to draw and the pixels that it drew."""

import math

import matplotlib
import numpy as np
import pytest

from eval_metric.labels import trace_labels

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402


@pytest.fixture
def axes():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


def labels_of(axes):
    axes.figure.canvas.draw()
    return trace_labels(axes.figure)


def place(axes, x, y):
    left, up = axes.transData.transform((x, y))
    return [left, axes.figure.bbox.height - up]


def test_ends_of_bars_with_their_leading_digits(axes):
    axes.bar([0, 1, 2], [450, 980, -20])
    marks = labels_of(axes)["marks"]
    assert [mark[2:4] for mark in marks] == [[None, 0.45], [None, 0.98], [None, -0.02]]
    for mark, x, y in zip(marks, (0, 1, 2), (450, 980, -20)):
        assert mark[:2] == pytest.approx(place(axes, x, y))


def test_horizontal_bars_points_and_lines(axes):
    axes.barh([0, 1], [3, 0])
    axes.scatter([2], [0.5])
    axes.plot([1, 2], [0, 1])
    axes.axhline(0.3)  # no data of its own
    marks = labels_of(axes)["marks"]
    found = [[None if value is None else round(value, 3) for value in mark[2:4]] for mark in marks]
    assert found == [[0.3, None], [0.0, None], [None, 0.0], [None, 0.1], [0.2, 0.05]]


def test_wedges_are_marked_inside_and_worth_their_share(axes):
    axes.pie([1, 3], colors=["red", "blue"])
    marks = labels_of(axes)["marks"]
    assert [mark[2] for mark in marks] == pytest.approx([0.25, 0.75], abs=1e-6)
    pixels = np.asarray(axes.figure.canvas.buffer_rgba())
    colors = [tuple(pixels[round(mark[1]), round(mark[0]), :3]) for mark in marks]
    assert colors == [(255, 0, 0), (0, 0, 255)]


def test_stacked_areas_are_marked_along_their_upper_edges_and_worth_their_own_height(axes):
    axes.stackplot([1, 2], [30, 40], [20, 10], colors=["red", "blue"])
    axes.fill_between([1, 2], [90, 80])  # stands on nothing, and nothing on it
    marks = labels_of(axes)["marks"]
    assert [mark[3] for mark in marks] == pytest.approx([0.3, 0.4, 0.2, 0.1])
    for mark, x, y, color in zip(marks, (1, 2, 1, 2), (30, 40, 50, 50), [[1, 0, 0]] * 2 + [[0, 0, 1]] * 2):
        assert mark[:2] == pytest.approx(place(axes, x, y)) and mark[4:] == color


def test_corners_have_the_values_of_the_axes(axes):
    axes.scatter([1, 5], [-20, 80])
    axes.set(xlim=(0, 8), ylim=(100, -25))  # upside down
    (left, top, *first), (right, bottom, *last) = labels_of(axes)["corners"]
    assert first + last == pytest.approx([0, -0.25, 0.8, 1])
    assert [left, top, right, bottom] == pytest.approx([*place(axes, 0, -25), *place(axes, 8, 100)])


def test_corners_of_axes_that_cannot_be_read(axes):
    axes.bar(["a", "b"], [1, 2])
    assert [corner[2] for corner in labels_of(axes)["corners"]] == [None, None]
    axes.twinx().plot([300, 400])  # the bars' own axis counts
    axes.set_ylim(0, 5)
    assert labels_of(axes)["corners"][0][3] == 0.5
    axes.set_yscale("log")
    assert labels_of(axes)["corners"][0][3] is None
    axes.clear()
    axes.pie([1, 2])
    assert labels_of(axes)["corners"] == []
    axes.figure.add_axes((0.8, 0.8, 0.1, 0.1))
    assert labels_of(axes)["corners"] == []


def test_caps_of_error_bars_and_hidden_marks_do_not_count(axes):
    axes.errorbar([0, 1], [2, 3], yerr=[0.1, 0.2], capsize=4)
    axes.plot([0, 1], [9, 9], visible=False)
    assert len(labels_of(axes)["marks"]) == 2


@pytest.mark.parametrize("rotation", (0, 45, 90))
def test_characters_stand_where_their_ink_is(axes, rotation):
    axes.set_axis_off()
    text = axes.text(
        0.5, 0.5, "000", rotation=rotation, fontsize=30, transform=axes.transAxes, ha="center", va="center"
    )
    characters = labels_of(axes)["characters"]
    assert [chr(int(code)) for *_, code in characters] == ["0"] * 3
    (x0, y0, _), _, (x1, y1, _) = characters
    turned = math.degrees(math.atan2(y0 - y1, x1 - x0))
    assert turned == pytest.approx(rotation, abs=1)
    ink = np.asarray(axes.figure.canvas.buffer_rgba())[..., 0] < 128
    rows, columns = np.nonzero(ink)
    middle = [(x0 + x1) / 2, (y0 + y1) / 2]
    assert middle == pytest.approx([columns.mean(), rows.mean()], abs=6)
    for x, y in ((x0, y0), (x1, y1)):  # the middle of a zero is empty, its rim is not
        near = ink[round(y) - 14 : round(y) + 15, round(x) - 14 : round(x) + 15]
        assert near.sum() > 0.2 * ink.sum()
    assert text.get_rotation() == rotation


def test_narrow_characters_take_less_room(axes):
    axes.set_axis_off()
    axes.text(0.5, 0.5, "lWWl", fontsize=30, transform=axes.transAxes, ha="center", va="center")
    characters = labels_of(axes)["characters"]
    ink = (np.asarray(axes.figure.canvas.buffer_rgba())[..., 0] < 128).any(axis=0)
    columns = np.nonzero(ink)[0]
    letters = np.split(columns, np.nonzero(np.diff(columns) > 1)[0] + 1)  # W and W may touch
    assert characters[0][0] == pytest.approx(letters[0].mean(), abs=2)
    assert characters[-1][0] == pytest.approx(letters[-1].mean(), abs=2)
    middle = characters[2][0] - characters[1][0]
    assert middle > 1.5 * (characters[1][0] - characters[0][0])


def test_only_characters_that_are_drawn(axes):
    axes.plot([0, 10], [0, 10])
    axes.set_title("Title")
    axes.set(xticks=[0, 3, 4, 9], yticks=[])
    axes.set_xlim(2, 5)  # after the ticks, which widen the view
    axes.text(3, 5, "unseen", visible=False)
    text = sorted(chr(int(code)) for *_, code in labels_of(axes)["characters"])
    assert text == sorted("Title34")


def test_colors_are_those_in_the_picture(axes):
    axes.set_facecolor("0.8")
    axes.bar([0, 1], [3, 3], color=["red", "none"], edgecolor="blue", linewidth=8)
    axes.scatter([3, 4], [1, 2], s=300, c=[0, 1], cmap="viridis", alpha=0.5)
    axes.plot([3, 4], [2.5, 3], color="#00ff80", marker="o", markersize=12)
    marks = labels_of(axes)["marks"]
    pixels = np.asarray(axes.figure.canvas.buffer_rgba())[..., :3] / 255
    # Of the first bar the middle, which is filled; of the second, which is not, its upper edge.
    places = [place(axes, 0, 1.5), *(mark[:2] for mark in marks[1:])]
    for (left, top), mark in zip(places, marks):
        assert mark[4:] == pytest.approx(pixels[round(top), round(left)], abs=0.01)
    assert len(marks) == 6

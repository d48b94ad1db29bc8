"""Ticks, their numbers, and the colours of lines, in pictures by plain matplotlib."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from chart2code import readout, tick_labels, words
from chart2code.detail import canvas_of
from chart2code.open_axes import open_axes
from chart2code.scales import Scale
from chart2code.sketches import Sheet
from chart2code.tick_labels import _cut, label_scale, major_ticks, read_decades, read_scale
from chart2code.words import glyphs_of

PLT = "import matplotlib.pyplot as plt\nimport numpy as np\n\n"


def sheet_of(executor, code: str) -> Sheet:
    image = executor.run(PLT + code).image
    return Sheet.of(canvas_of(image), image.shape[1::-1], "")


def test_ticks_of_a_small_figure_are_long(executor):
    sheet = sheet_of(executor, "plt.figure(figsize=(4, 3), dpi=150)\nplt.bar([1, 2, 3], [7, 15, 2])\n")
    start, slope = read_scale(sheet.target, sheet.box, "left")
    assert start + slope * sheet.box[3] == pytest.approx(0, abs=0.15)


def test_words_are_higher_than_digits(executor):
    sheet = sheet_of(
        executor, 'plt.barh(["Rust", "Go", "Typing", "Python", "JavaScript"], [1, 2, 3, 4, 5])\nplt.xticks([])\n'
    )
    assert label_scale(sheet.target, sheet.box) == pytest.approx(512 / 640, rel=0.06)


def test_digits_of_a_small_figure_are_far_apart(executor):
    code = 'plt.rcParams.update({"font.family": "serif", "font.size": 9})\nplt.figure(figsize=(3.4, 2.8), dpi=300)\n'
    sheet = sheet_of(executor, code + "plt.bar([1, 2, 3], [1.1, 0.3, 1.4])\nplt.tight_layout()\n")
    texts = [label.text for label in tick_labels._labels(sheet.target, sheet.box, "left")[0]]
    assert len(texts) > 3 and all("." in text.strip(".") for text in texts)


def test_large_labels_are_read_at_half_of_their_resolution(monkeypatch):
    """Names that are turned look like one large letter: in its resolution glyphs would take seconds."""
    figure = plt.figure()
    figure.text(0.1, 0.5, "0.25", fontsize=30)
    figure.canvas.draw()
    ink = 1 - np.asarray(figure.canvas.buffer_rgba())[..., 0].astype(np.float32) / 255
    plt.close(figure)
    rows, columns = (np.flatnonzero((ink > 0.3).any(axis=axis)) for axis in (1, 0))
    ink, scales = ink[rows[0] - 2 : rows[-1] + 3, columns[0] - 2 : columns[-1] + 3], []
    monkeypatch.setattr(words, "glyphs_of", lambda *args: scales.append(args[2]) or glyphs_of(*args))
    text, error, style = tick_labels._read(tick_labels.ink_of(ink), len(ink), np.ptp(rows) + 1, None)
    assert text == "0.25" and error < tick_labels.MOST_ERROR
    assert style.scale == pytest.approx(3, rel=0.1)
    assert max(scales) < 2


def test_letters_are_no_ticks(executor):
    code = """fig, ax = plt.subplots(figsize=(10.8, 4.8))
ax.plot(range(31), np.arange(31) % 7 * 1000 + 3000)
ax.set_facecolor("#eef2f7")
ax.grid(color="white")
ax.spines[:].set_visible(False)
ax.set_xticks(range(3, 31, 7), ["04 Mar", "11 Mar", "18 Mar", "25 Mar"])
ax.tick_params(length=0, labelsize=9)
"""
    sheet = sheet_of(executor, code)
    assert len(readout.find_ticks(sheet.target, sheet.box, "bottom")) == 4


def test_thousands_have_commas(executor):
    code = """fig, ax = plt.subplots(figsize=(10.8, 4.8))
ax.plot([0, 1, 2], [500, 9800, 4000])
ax.set_ylim(0, 11000)
ax.yaxis.set_major_formatter("{x:,.0f}")
"""
    sheet = sheet_of(executor, code)
    start, slope = read_scale(sheet.target, sheet.box, "left")
    assert start + slope * sheet.box[1] == pytest.approx(11000, rel=0.02)


def test_lines_of_one_hue_are_two_colors(executor):
    code = """plt.plot([1, 2, 3, 4], [1, 3, 4, 6], color="#2e82bd", linewidth=2)
plt.plot([1, 2, 3, 4], [4, 6, 8, 9], color="#6ca9d2", linewidth=2)
"""
    sheet = sheet_of(executor, code)
    found = [color for color, _ in readout.find_colors(sheet.target, sheet.box)]
    assert len(found) == 2


def test_dots_are_one_color(executor):
    sheet = sheet_of(executor, "x = np.linspace(0, 9, 50)\nplt.plot(x, np.sin(x), ':', color='tab:green')\n")
    assert len(readout.find_colors(sheet.target, sheet.box)) == 1


def test_stacks_with_missing_bars_are_stacks(executor):
    code = """n = ["a", "b", "c", "d"]
plt.bar(n, [5, 3, 4, 6], color="tomato")
plt.bar(n, [2, 0, 0, 3], bottom=[5, 3, 4, 6], color="steelblue")
plt.bar(n, [0, 6, 4, 0], bottom=[7, 3, 4, 9], color="gray")
"""
    codes = sheet_of(executor, code).guessed()
    assert any(code.count("bottom=") == 2 for code in codes)


@pytest.mark.parametrize(
    ("formatter", "top", "expected"),
    [
        ('"{x:.0f}%"', 50, '"{x:.0f}%"'),
        ('"${x:,.0f}"', 45000, '"${x:,.0f}"'),
        ('"{x:.1f}x"', 1.0, '"{x:.1f}x"'),
        ('"{x:,.0f}"', 11000, '"{x:,.0f}"'),
        ('lambda x, _: f"${x / 1000:.0f}k"', 500000, 'lambda x, _: f"${x / 1000:.0f}k"'),
        ('lambda x, _: f"{x / 1000:.0f}k €"', 500000, 'lambda x, _: f"{x / 1000:.0f}k €"'),
        ('"{x:.0f} €"', 1600, '"{x:.0f} €"'),
        ('"{x:g}"', 30, None),
    ],
)
def test_numbers_with_units(executor, formatter, top, expected):
    code = f"fig, ax = plt.subplots()\nax.plot([0, 1], [0, {top}])\nax.set_ylim(0, {top})\n"
    sheet = sheet_of(executor, f"{code}ax.yaxis.set_major_formatter({formatter})\n")
    scale = Scale.of(sheet.target, sheet.box, "left")
    assert scale.format == expected
    assert scale(sheet.box[1]) == pytest.approx(top, rel=0.02)


@pytest.mark.parametrize("fonts", ["dejavusans", "cm", "stix"])
def test_negative_powers_of_ten_in_the_fonts_of_formulas(executor, fonts):
    sheet = sheet_of(
        executor,
        f'plt.rcParams["mathtext.fontset"] = "{fonts}"\nfig, ax = plt.subplots(figsize=(4, 3.2), dpi=200)\n'
        "ax.loglog([8, 40, 512], [0.1, 1e-6, 1e-10])\nax.set_xlim(6, 630)\nax.set_ylim(3e-11, 0.4)\n"
        "ax.set_xlabel('Steps')\nfig.tight_layout()\n",
    )
    left, top, right, bottom = sheet.box
    for side, ends, limits in (("bottom", (left, right), (6, 630)), ("left", (bottom, top), (3e-11, 0.4))):
        start, slope = read_decades(sheet.target, sheet.box, side)
        assert np.abs(start + slope * np.array(ends) - np.log10(limits)).max() < 0.1


def test_small_ticks_that_touch_each_other_are_no_large_ones(executor):
    sheet = sheet_of(
        executor,
        "fig, ax = plt.subplots(figsize=(4.5, 3.5), dpi=160)\nh = 2.0 ** -np.arange(1, 9)\n"
        "for p in (1, 2, 3):\n    ax.loglog(h, 0.8 * h**p)\n",
    )
    assert len(major_ticks(sheet.target, sheet.box, "left")) == 7


def test_a_colour_bar_beside_the_axes_is_no_label(executor):
    sheet = sheet_of(executor, "plt.scatter([1, 2, 3], [4, 6, 5], c=[1, 2, 3])\nplt.colorbar()\n")
    assert _cut(sheet.target, sheet.box, 200.0, np.array([150.0, 200.0, 250.0]), "right") is None


def test_numbers_next_to_the_name_of_their_axis(executor):
    """Without ticks, they are as near to each other as the digits of one number."""
    code = 'plt.style.use("seaborn-v0_8-whitegrid")\nplt.rcParams["font.family"] = "serif"\n'
    code += "plt.figure(figsize=(9.39, 4.62), dpi=150)\nplt.plot([3, 26, 18, 12])\n"
    code += "plt.subplots_adjust(left=0.056, right=0.798, bottom=0.068, top=0.924)\n"
    code += 'plt.ylabel("Unemployment rate (% of labour force)", labelpad=2)\nplt.ylim(0, 29)\n'
    sheet = sheet_of(executor, code)
    start, slope = read_scale(sheet.target, sheet.box, "left")
    assert start + slope * np.array(sheet.box)[[3, 1]] == pytest.approx([0, 29], abs=0.2)


def test_ticks_of_a_large_figure_have_equal_weights(executor):
    """On the canvas they are of one pixel or of two halves, and around the picture there are half pixels."""
    code = "plt.figure(figsize=(10, 6.5), dpi=120)\nplt.plot([0, 1], [54.5, 84.4])\nplt.ylim(53, 85.9)\nplt.grid()\n"
    sheet = sheet_of(executor, code)
    ticks = major_ticks(sheet.target, sheet.box, "left")
    lines = [line.place for line in open_axes(sheet.target, (255, 255, 255)).across[1:-1]]
    assert len(ticks) == 7 and np.abs(np.subtract(ticks, lines)).max() < 0.3

"""Reading text: lines that matplotlib has drawn, and the words of whole charts written into programs with others."""

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from chart2code import readout
from chart2code.captions import SIZES, Page, _is_rule, name_scale, reworded, sized, turned
from chart2code.detail import canvas_of
from chart2code.drawing import Drawing
from chart2code.layout import figure_size
from chart2code.words import BOLD, DPI, ITALIC, REGULAR, _face, _told_apart, glyphs_of, read_line
from eval_metric.executor import Executor
from eval_metric.similarity import CANVAS, to_canvas

START = "import matplotlib.pyplot as plt\n\nfig, ax = plt.subplots()\n"


@pytest.mark.parametrize("scale", [0.8, 1.0])
@pytest.mark.parametrize(
    "text, size, weight",
    [
        ("Quarterly Sales (k€)", 10, "normal"),
        ("Total Team Yield: 37 % of 2,480", 12, "normal"),
        ("Vancouver & Tokyo by Weekday", 16, "bold"),
        ("Temperature [°C]", 14, "normal"),
        ("Efficient office workflows", 12, "normal"),  # with ligatures
        ("(b) Biomass at harvest", 13, "bold"),
        ("Final exam scores (n = 320)", 14.4, "normal"),
        ("Relative Variability", 24, "normal"),  # whose letters stand nearer
        ("Größe der Böden (m²)", 10, "normal"),
        ("Población, São Paulo", 12, "normal"),
        ("Qualité à Genève", 14, "bold"),
        ("1 January", 24, "normal"),  # before whose ink the pen begins
        ("Bill length", 10, "normal"),
        ("ΔgltA + pGLT (λ = 0.3)", 10, "normal"),
        ("Strongly disagree", 16.5, "normal"),  # a size between two
        ("Revenue by region", 21, "normal"),
    ],
)
def test_lines_that_matplotlib_draws(text, size, weight, scale):
    figure = plt.figure()
    figure.text(0.1, 0.503, text, fontsize=size, fontweight=weight)
    figure.canvas.draw()
    picture = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., 0])
    plt.close(figure)
    picture = picture.resize((round(640 * scale), round(480 * scale)), Image.Resampling.BICUBIC)
    ink = 1 - np.asarray(picture, np.float32) / 255
    rows, columns = (np.flatnonzero((ink > 0.3).any(axis=axis)) for axis in (1, 0))
    ink = ink[rows[0] - 2 : rows[-1] + 3, columns[0] - 2 : columns[-1] + 3]
    line = read_line(ink, (REGULAR, BOLD), SIZES, scale)
    assert (line.text, line.points) == (text, min(SIZES, key=lambda points: abs(points - size)))
    assert (line.font == BOLD) == (weight == "bold")
    assert line.error < 0.3


@pytest.mark.parametrize("font", [REGULAR, "STIXGeneral.ttf", "cmr10.ttf"])
def test_glyphs_stand_on_one_base_line(font):
    from matplotlib.ft2font import FT2Font, LoadFlags

    characters = "H~g1;O,e"
    pictures, _ = _face(font, 20.0, characters)
    face = FT2Font(str(Path(matplotlib.get_data_path(), "fonts/ttf", font)))
    face.set_size(20.0, DPI)
    face.set_text("   ".join(characters), 0.0, flags=LoadFlags.DEFAULT)  # laid out together by matplotlib
    face.draw_glyphs_to_bitmap(antialiased=True)
    together = np.asarray(face.get_image())
    inked = np.flatnonzero(together.any(axis=0))
    parts = np.split(inked, np.flatnonzero(np.diff(inked) > 4) + 1)
    rows = [np.flatnonzero(together[:, part].any(axis=1))[[0, -1]] for part in parts]
    own = [np.flatnonzero(picture.any(axis=1))[[0, -1]] for picture in pictures]
    np.testing.assert_array_equal(np.array(rows) - rows[0][1], np.array(own) - own[0][1])


def test_large_letters_that_begin_before_the_pen():
    assert np.isfinite(glyphs_of(ITALIC, 72.0, 0.5, 0.0).images).all()


@pytest.mark.parametrize(
    "text, expected",
    [
        ("BilI Iength", "Bill length"),
        ("APl for AIl", "API for All"),
        ("KöIn und BevöIkerung", "Köln und Bevölkerung"),
        ("lndex, Part II", "Index, Part II"),
        ("lion, II, l", "lion, II, l"),
        ("l feel fairly paid", "I feel fairly paid"),
    ],
)
def test_letters_that_look_alike(text, expected):
    assert _told_apart(text) == expected


def test_what_is_no_text_is_not_explained():
    noise = np.random.default_rng(0).random((14, 120), dtype=np.float32)
    assert read_line(noise, (REGULAR,), (10, 12), 0.8).error > 0.5
    assert read_line(np.zeros((14, 50), np.float32), (REGULAR,), (10,), 0.8).text == ""


CHARTS = {
    "bars": (
        'names, sales = zip(*[("Lisbon", 12), ("Geneva", 30), ("Tokyo", 22)])\nax.bar(names, sales)\n'
        'ax.set_title("Hotel nights by city")\nax.set_xlabel("City")\nax.set_ylabel("Nights (thousands)")\n',
        ["Lisbon", "Geneva", "Tokyo", "Hotel nights by city", "City", "Nights (thousands)"],
    ),
    "horizontal bars": (
        'names, sales = zip(*[("Apricot", 12), ("Mango", 30), ("Quince", 22)])\nax.barh(names, sales)\n'
        'ax.set_xlabel("Harvest [t]")\nfig.tight_layout()\n',
        ["Apricot", "Mango", "Quince", "Harvest [t]"],
    ),
    "upright names": (
        'names, sales = zip(*[("Apricot", 12), ("Mango", 30), ("Quince", 22)])\nax.bar(names, sales)\n'
        'ax.tick_params(axis="x", rotation=90)\nfig.tight_layout()\n',
        ["Apricot", "Mango", "Quince"],
    ),
    "slanted names": (
        'names, sales = zip(*[("Apricot", 12), ("Mangosteen", 30), ("Fig", 22)])\nax.bar(names, sales)\n'
        'ax.tick_params(axis="x", rotation=45)\nfig.tight_layout()\n',
        ["Apricot", "Mangosteen", "Fig"],
    ),
    "lines": (
        "x, y1, y2 = zip(*[(1, 3, 4), (2, 5, 2), (3, 4, 6)])\n"
        'ax.plot(x, y1, label="Winter wheat")\nax.plot(x, y2, label="Rye")\n'
        'ax.set_title("Yields since 1990", fontsize=16, fontweight="bold")\nax.legend()\n',
        ["Winter wheat", "Rye", "Yields since 1990"],
    ),
    "pie": (
        'labels, sizes = zip(*[("Housing", 45), ("Food", 35), ("Travel", 20)])\n'
        "ax.pie(sizes, labels=labels, startangle=90)\n",
        ["Housing", "Food", "Travel"],
    ),
}


CHARTS |= {
    "names beside an upright one": (  # and at both axes of an image, from above
        'names = ["cat", "dog", "bird"]\nax.imshow([[1, 2, 3], [4, 5, 6], [7, 8, 9]])\n'
        'ax.set_yticks(range(3), names)\nax.set_ylabel("True")\n',
        ["cat", "dog", "bird"],
    ),
}


@pytest.fixture(scope="module")
def executor():
    with Executor(1, timeout=60, labels=True) as executor:
        yield executor


def test_words_of_a_legend_that_stands_elsewhere(executor):
    """As much narrower as the words are: the handles are as near to where they were as the words."""
    lines = "ax.plot([0, 9], [0, 1], label={})\nax.plot([0, 9], [0, 2], label={})\nax.legend(loc='upper right')\n"
    chart = executor.run(START + lines.format('"train"', '"test"')).image
    code = START + lines.format('"Cairo"', '"Paris"')
    assert reworded(Drawing(code, executor.run(code)), to_canvas(chart)) == START + lines.format('"train"', '"test"')


def test_words_of_a_legend_are_not_read_where_it_is_not(executor):
    bars = "".join(
        f"ax.bar(range(3), [1, 2, {k}], bottom={3 * k}, label={name!r})\n"
        for k, name in enumerate(["Agree", "Neutral"])
    )
    code = START + bars + "ax.legend(loc='lower left', bbox_to_anchor=({}, 1), ncol=2)\n"
    target = to_canvas(executor.run(code.format(0)).image)
    assert reworded(Drawing(code.format(0.04), executor.run(code.format(0.04))), target) is None


@pytest.mark.parametrize("dpi", [72, 150])
def test_names_tell_the_size_of_a_figure_without_numbers(dpi):
    figure, axes = plt.subplots(figsize=(9, 4), dpi=dpi, layout="tight")
    axes.barh(["Other reasons", "Staff were unfriendly", "Waiting time too long"], [2, 3, 5])
    axes.set_xticks([])
    figure.canvas.draw()
    picture = np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()
    plt.close(figure)
    target = canvas_of(picture)
    box = readout.find_box(target, (150, 150, 490, 360))
    assert name_scale(target, box) == pytest.approx(CANVAS / 900, rel=0.06)
    assert figure_size(target, box, picture.shape[1::-1], 10) == pytest.approx((9, 4), rel=0.05)


def test_title_that_is_higher_than_it_should_be(executor):
    bars = START + "ax.bar(['Lisbon', 'Geneva'], [1, 2])\nax.set_title({}, fontsize=16)\n"
    chart = executor.run(bars.format('"Visitors per year", y=1.04')).image
    code = bars.format('"Items"')
    assert reworded(Drawing(code, executor.run(code)), to_canvas(chart)) == bars.format('"Visitors per year"')


@pytest.mark.parametrize("name", CHARTS)
def test_words_of_a_chart(executor, name):
    body, words = CHARTS[name]
    code = other = START + body
    for word in words:
        other = other.replace(f'"{word}"', f'"{word[::-1].title()}"')
    result = executor.run(other)
    assert result.ok and other != code, result.error
    assert reworded(Drawing(other, result), to_canvas(executor.run(code).image)) == code


@pytest.mark.parametrize("own", ["", 'ax.set_title("Fuel use")\n', 'ax.set_title("Fuel use\\nby day")\n'])
@pytest.mark.parametrize("title", ['"Leads and spend\\n(area: leads)"', '"Spend"', '"Spend", fontweight="bold"'])
def test_titles_of_one_and_two_lines(executor, title, own):
    program = f"{START}ax.plot([1, 2, 3], [2, 1, 4])\n"
    picture = executor.run(f"{program}ax.set_title({title})\n").image
    found = reworded(Drawing(program + own, executor.run(program + own)), canvas_of(picture), (640, 480))
    assert f"ax.set_title({title})" in found


def test_size_and_weight_are_those_of_the_chart(executor):
    lines = "ax.plot([1, 2, 3], [2, 1, 4])\nax.set_title({})\nax.set_xlabel({})\nfig.tight_layout()\n"
    chart = START + lines.format('"Mean depth", fontsize=16, fontweight="bold"', '"Distance (km)", fontsize=12')
    answer = START + lines.format('"Mean dept"', '"Distance (km)", fontsize=10, fontweight="bold"')
    (target,), (drawing,) = (list(executor.run_many([code])) for code in (chart, answer))
    code = reworded(Drawing(answer, drawing), to_canvas(target.image))
    assert 'set_title("Mean depth", fontsize=16, fontweight="bold")' in code
    assert 'set_xlabel("Distance (km)", fontsize=12)' in code


@pytest.mark.parametrize("dpi", [160, 320])  # the letters of the second are larger than they need be
def test_words_of_a_chart_of_another_resolution(executor, dpi):
    names = "ax.set_title('Ragardter Lindipo brenma')\nax.set_ylabel('Jovuso turn (k€)')\n"
    code = START + "ax.plot([1, 2, 3], [2, 1, 4])\n" + names
    chart = executor.run(code + f"fig.set_dpi({dpi})\n").image
    other = code.replace("Ragardter", "Names").replace("Jovuso", "Cost")
    found = reworded(Drawing(other, executor.run(other)), canvas_of(chart), chart.shape[1::-1])
    assert "Ragardter Lindipo brenma" in found and "Jovuso turn (k€)" in found


@pytest.mark.parametrize("style", ["", "plt.style.use('dark_background')\n"])
def test_texts_that_a_program_does_not_have(executor, style):
    head, _, rest = START.partition("\n")
    start = f"{head}\n{style}{rest}"
    texts = ['ax.set_title("Mean depth", fontsize=14)', 'ax.set_xlabel("Distance (km)")', 'ax.set_ylabel("Depth (m)")']
    program = start + "ax.plot([1, 2, 3], [2, 1, 4])\n"
    chart = to_canvas(executor.run(program + "\n".join(texts) + "\n").image)
    found = reworded(Drawing(program, executor.run(program)), chart)
    assert all(text.partition(", fontsize")[0] in found for text in texts) and ("fontsize=14" in found) == (not style)
    bare = to_canvas(executor.run(program).image)
    assert reworded(Drawing(program, executor.run(program)), bare) is None
    named = program + "\n".join(texts) + "\n"
    assert reworded(Drawing(named, executor.run(named)), bare) == program


def test_titles_that_pies_do_not_have(executor):
    pies = START.replace("fig, ax = plt.subplots()", "fig, (ax1, ax2) = plt.subplots(1, 2)")
    pies += "ax1.pie([1, 2, 3])\nax2.pie([3, 2])\n"
    chart = executor.run(pies + 'ax1.set_title("Before")\nax2.set_title("After")\n').image
    found = reworded(Drawing(pies, executor.run(pies)), to_canvas(chart))
    assert found == pies + 'ax1.set_title("Before")\nax2.set_title("After")\n'
    bare = executor.run(pies).image
    assert reworded(Drawing(pies, executor.run(pies)), to_canvas(bare)) is None


def test_names_that_are_read_alike_stay(executor):
    """Two categories of one name would be drawn upon each other."""
    bars = "names, sales = zip(*[({}, 12), ({}, 30), ({}, 22)])\nax.bar(names, sales)\n"
    chart = "ax.bar(range(3), [12, 30, 22])\nax.set_xticks(range(3), ['Mango', 'Mango', 'Fig'])\n"
    code = START + bars.format('"Item 1"', '"Item 2"', '"Item 3"')
    found = reworded(Drawing(code, executor.run(code)), to_canvas(executor.run(START + chart).image))
    assert found == START + bars.format('"Item 1"', '"Item 2"', '"Fig"')


def test_right_words_stay(executor):
    for body, _ in CHARTS.values():
        result = executor.run(START + body)
        assert reworded(Drawing(START + body, result), to_canvas(result.image)) is None


@pytest.mark.parametrize("color", ["black", "#555555", "gray", "#999999", "tab:blue"])
def test_colors_of_words(executor, color):
    """Thin letters have their colour nowhere: it is seen by how dark they are in all."""
    body = "names, sales = zip(*[('Lisbon', 12), ('Geneva', 30)])\nax.bar(names, sales)\n"
    label = 'ax.set_ylabel("Number of births"{})\n'
    own = f', color="{color}"' if color != "black" else ""
    image = to_canvas(executor.run(START + body + label.format(own)).image)
    for answer in (body, body + label.format(', color="crimson"')):
        found = reworded(Drawing(START + answer, executor.run(START + answer)), image)
        assert found.endswith(label.format(own))


@pytest.mark.parametrize(
    "turn",
    [
        'plt.setp(ax.get_xticklabels(), rotation=45, ha="right")',
        'plt.setp(ax.get_xticklabels(), rotation=30, ha="right")',
        'ax.tick_params(axis="x", rotation=90)',
        'ax.tick_params(axis="x", rotation=45)',
        'plt.setp(ax.get_xticklabels(), rotation=35, ha="right")',
        'ax.tick_params(axis="x", rotation=60)',
    ],
)
@pytest.mark.parametrize("style", ["", 'plt.style.use("dark_background")\n'])  # whose picture lies on a white canvas
def test_turn_of_the_names_at_ticks(executor, turn, style):
    names = ["Geneva", "Milan", "Berlin", "Toledo"]
    code = START.replace("fig,", style + "fig,") + "names, y = zip(*[{}])\nax.bar(names, y)\n"
    layout = "fig.subplots_adjust(bottom=0.25)\n"
    chart = code.format(", ".join(f'("{name}", {k + 2})' for k, name in enumerate(names))) + turn + "\n" + layout
    target = to_canvas(executor.run(chart).image)
    answer = code.format('("a", 2), ("b", 3), ("c", 4), ("d", 5)') + layout
    found = turned(Drawing(answer, executor.run(answer)), target)
    assert found == answer.replace(layout, turn + "\n" + layout)
    assert reworded(Drawing(found, executor.run(found)), target) == chart
    assert turned(Drawing(chart, executor.run(chart)), target) is None
    flat = chart.replace(turn + "\n", "")
    assert turned(Drawing(chart, executor.run(chart)), to_canvas(executor.run(flat).image)) == flat


@pytest.mark.parametrize("size", [8, 10, 12])
def test_size_of_labels_at_ticks(executor, size):
    code = START + 'names, y = zip(*[("Lisbon", 12), ("Geneva", 30), ("Tokyo", 22)])\nax.bar(names, y)\n'
    chart = code + f"ax.tick_params(labelsize={size})\n"
    image = executor.run(chart.replace("subplots()", "subplots(dpi=150)")).image
    found = sized(Drawing(code, executor.run(code)), canvas_of(image), image.shape[1::-1])
    assert found == (chart if size != 10 else None)


def test_names_that_stand_there_twice(executor):
    months = list("JFMAMJJASOND")
    rows = ", ".join(f"({k}, {(k * 7) % 5 + 1})" for k in range(12))
    labels = ", ".join(f'"{month}"' for month in months)
    chart = START + f"x, y = zip(*[{rows}])\nax.plot(x, y)\nax.set_xticks(range(12), [{labels}])\n"
    rows = ", ".join(f'("Item {k}", {(k * 7) % 5 + 1})' for k in range(12))
    answer = START + f"names, y = zip(*[{rows}])\nax.plot(names, y)\n"
    assert reworded(Drawing(answer, executor.run(answer)), to_canvas(executor.run(chart).image)) == chart


def test_two_scales_in_the_colours_of_their_lines(executor):
    code = START + 'ax2 = ax.twinx()\nax.plot([0, 1, 2], [1, 3, 2], color="red")\n'
    code += 'ax2.plot([0, 1, 2], [30, 10, 40], color="tab:blue")\n'
    named = 'ax.set_ylabel("Cases"{})\n{}ax2.set_ylabel("Deaths"{})\n{}'
    ticks = 'ax{}.tick_params(axis="y", labelcolor={})\n'
    colors = ', color="red"', ticks.format("", '"red"'), ', color="tab:blue"', ticks.format("2", '"tab:blue"')
    target = to_canvas(executor.run(code + named.format(*colors)).image)
    answer = code + 'ax.set_ylabel("Cases")\n'
    found = reworded(Drawing(answer, executor.run(answer)), target)
    assert sorted(found.splitlines()) == sorted((code + named.format(*colors)).splitlines())
    plain = code + named.format("", "", "", "")
    assert reworded(Drawing(answer, executor.run(answer)), to_canvas(executor.run(plain).image)) == plain


def test_long_ticks_are_no_line_of_text(executor):
    """What is below them are the labels, and no name of the axis."""
    code = START.replace("()", "(figsize=(3.6, 3.2))") + "ax.bar(['Lisbon', 'Geneva', 'Oslo'], [1, 2, 3])\n"
    chart = executor.run(code.replace("3.2)", "3.2), dpi=200"))
    assert chart.ok and "xlabel" not in (
        reworded(Drawing(code, executor.run(code)), canvas_of(chart.image), chart.image.shape[1::-1]) or ""
    )


def test_the_name_of_an_axis_is_no_legend_nor_labels_of_ticks(executor):
    bars = START + "ax.bar(['Ada', 'Ben', 'Cleo'], [3, 5, 4]{})\n{}"
    below = "ax.legend(loc='upper center', bbox_to_anchor=(0.5, -0.08))\n"
    for chart in (
        bars.format(", label='Visitors'", below),
        bars.format("", "ax.set_xticks(range(3), ['Jan\\n2023', 'Feb', 'Mar'])\n"),
    ):
        code = bars.format("", "")
        found = reworded(Drawing(code, executor.run(code)), to_canvas(executor.run(chart).image))
        assert "xlabel" not in (found or ""), chart


def test_a_name_is_read_where_it_stands(executor):
    """Not where the drawing has it, whose labels at ticks are smaller."""
    lines = START + "fig.subplots_adjust(left=0.2)\nax.plot([1, 2, 3], [2000, 1000, 4000])\nax.set_ylabel({})\n"
    chart = executor.run(lines.format("'Orders'") + "ax.tick_params(labelsize=16)\n").image
    code = lines.format("'i––'")
    assert 'ax.set_ylabel("Orders")' in reworded(Drawing(code, executor.run(code)), to_canvas(chart))


@pytest.mark.parametrize("text", ['"{x:.0f}%"', '"${x:.0f}"', '"{x:,.0f}"'])
def test_units_of_numbers_at_ticks(executor, text):
    bars = START + f"ax.barh(['Ada', 'Ben'], [{9_000 if ',' in text else 90}, 45])\n"
    chart = executor.run(bars + f"ax.xaxis.set_major_formatter({text})\n").image
    assert f"ax.xaxis.set_major_formatter({text})" in reworded(Drawing(bars, executor.run(bars)), to_canvas(chart))


def test_a_frame_is_no_line_of_text():
    page = np.full((CANVAS, CANVAS), 255, np.float32)
    page[40:42, 60:460] = page[40:90, 60:62] = page[40:90, 458:460] = 0  # the upper part of a frame
    assert Page(page, 1.0, 0.8, 1.0).read((260, 50), 0.5, 24) is None
    assert _is_rule(np.pad(np.ones((50, 3)), 2)) and not _is_rule(np.pad(np.ones((14, 2)), 2))  # an axis; the letter l

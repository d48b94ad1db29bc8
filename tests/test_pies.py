"""Pies drawn by plain matplotlib: what is read of them, and what is no pie."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from chart2code import readout
from chart2code.detail import canvas_of
from chart2code.sketches import Sheet
from chart2code.verification import verify

PLT = "import matplotlib.pyplot as plt\n\n"
ANSWER = f"{PLT}fig, ax = plt.subplots()\nax.plot([1, 2], [3, 4])\n"
COLORS = "colors=['crimson', 'teal', 'gold', 'slateblue']"
LABELS = "labels=['Ada', 'Ben', 'Cleo', 'Dora']"


def read(image: np.ndarray) -> str:
    (code,) = Sheet.of(canvas_of(image), image.shape[1::-1], ANSWER).measured()
    return code


def picture(tmp_path, **options) -> np.ndarray:
    """The current figure, as a file that is as large as what is drawn in it."""
    plt.savefig(tmp_path / "chart.png", **options)
    plt.close()
    return np.asarray(Image.open(tmp_path / "chart.png").convert("RGB"))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (f"{LABELS}, autopct='%1.1f%%'", ['("Ada", 40)', "labels=labels", 'autopct="%1.1f%%"']),
        (f"{LABELS}, startangle=90, counterclock=False", ["startangle=90"]),
        (f"{LABELS}, startangle=120", ["startangle=120"]),
        ("autopct='%.0f%%', pctdistance=0.8, wedgeprops=dict(width=0.4)", ["pctdistance=0.8", '"width": 0.4']),
        ("autopct=lambda p: f'{p:.0f}%' if p > 12 else ''", ['f"{share:.0f}%" if share >']),
        ("autopct=lambda p: f'{p * 2:.0f}'", ["sizes = [80, 60, 40, 20]", 'f"{share * sum(sizes) / 100:.0f}"']),
        ("autopct=lambda p: f'{p:.1f}%\\n({p * 3:.0f})'", ['{share:.1f}%\\n({share * sum(sizes) / 100:.0f})"']),
        (
            "autopct='%.0f%%', textprops=dict(color='w', fontsize=14, weight='bold')",
            ['"color": "white"', '"fontsize": 14', '"fontweight": "bold"'],
        ),
        ("wedgeprops=dict(edgecolor='w', linewidth=3)", ['"edgecolor": "white", "linewidth": 3']),
        ("wedgeprops=dict(edgecolor='k')", ['"edgecolor": "black"}']),
        (f"{LABELS}, explode=[0, 0.2, 0, 0]", ["explode=[0, 0.2, 0, 0]"]),
        (f"{LABELS}, explode=[0.05] * 4, autopct='%.1f%%'", ["explode=[0.05, 0.05, 0.05, 0.05]"]),
        (f"{LABELS}, explode=[0, 0, 0.1, 0], shadow=True", ["shadow=True", "explode=[0, 0, 0.1, 0]"]),
        (f"{LABELS}, labeldistance=0.5, textprops=dict(ha='center')", ["labeldistance=0.5", '"ha": "center"']),
        ("labels=['Ada\\n40 t', 'Ben\\n30 t', 'Cleo\\n20 t', 'Dora\\n10 t']", ['("Ada\\n40 t", 40)']),
    ],
)  # fmt: skip
def test_pies_are_read(executor, options, expected):
    code = read(executor.run(f"{PLT}plt.pie([40, 30, 20, 10], {COLORS}, {options})\n").image)
    assert [text for text in expected if text not in code] == []


def test_a_large_number_in_a_thin_ring(executor):
    text = "plt.text(0, 0.1, '72%', ha='center', va='center', fontsize=36, weight='bold')"
    code = read(
        executor.run(f"{PLT}plt.figure(figsize=(5, 5))\nplt.pie([7, 3], wedgeprops=dict(width=.28))\n{text}").image
    )
    assert 0.27 <= float(code.split('"width": ')[1].split("}")[0]) <= 0.29
    assert '"72%", ha="center", va="center", fontsize=36, fontweight="bold")' in code
    assert 0.07 <= float(code.split("ax.text(0, ")[1].split(",")[0]) <= 0.13


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("loc='center left', bbox_to_anchor=(1, 0.5)", 'loc="center left", bbox_to_anchor=(1, 0.5))'),
        ("loc='upper right', title='Who'", 'title="Who", loc="upper right")'),
        ("loc='center left', bbox_to_anchor=(1, 0.5), frameon=False", "frameon=False)"),
        (
            "loc='upper center', bbox_to_anchor=(0.5, 0), ncol=4",
            'loc="upper center", bbox_to_anchor=(0.5, 0), ncol=4)',
        ),
    ],
)
def test_legends_say_in_what_order_wedges_are(executor, place, expected):
    names = "['Ada', 'Ben', 'Cleo', 'Dora']"
    chart = f"plt.pie([10, 20, 30, 40], {COLORS}, startangle=45, counterclock=False)\nplt.legend({names}, {place})\n"
    code = read(executor.run(PLT + chart).image)
    assert '[("Ada", 10), ("Ben", 20), ("Cleo", 30), ("Dora", 40)]' in code
    assert "startangle=45, counterclock=False" in code
    assert expected in code


def test_a_page_that_is_cut_off_and_dark_is_redrawn(executor, tmp_path):
    figure, axes = plt.subplots(figsize=(6, 5), facecolor="#22223b")
    style = {"color": "w", "fontsize": 11}
    axes.pie([50, 30, 20], labels=["Iron", "Zinc", "Tin"], wedgeprops={"width": 0.4}, textprops=style)
    axes.text(0, 0, "1,200\ntonnes", ha="center", va="center", color="w", fontsize=16)
    axes.set_title("Metals", color="w")
    chart = picture(tmp_path, dpi=120, bbox_inches="tight")
    found = verify(executor, [ANSWER], chart, refine=True, time_budget=60, max_renderings=12)
    assert found.iou > 0.95
    for text in ('("Iron", 50)', '"1,200\\ntonnes", ha="center"', '"Metals", color="white"', 'facecolor="#22223b"'):
        assert text in found.code


def test_the_resolution_is_told_by_the_text(tmp_path):
    plt.subplots(figsize=(5, 4))
    plt.pie([50, 30, 20], labels=["Copper", "Nickel", "Silver"], autopct="%1.1f%%")
    plt.title("Metals in use")
    code = read(picture(tmp_path, dpi=150, bbox_inches="tight"))
    assert "fontsize" not in code and 'set_title("Metals in use")' in code


@pytest.mark.parametrize(
    "chart",
    [
        "plt.imshow([[1, 5, 2], [7, 3, 8], [4, 6, 9]])",
        "plt.subplot(polar=True)\nplt.fill([0, 1, 2, 3, 4, 5], [9, 7, 8, 6, 9, 8], alpha=0.4)",
        "plt.scatter([1, 2, 3], [3, 1, 2], s=9000, c=['r', 'g', 'b'])",
        "plt.gca().add_patch(plt.Circle((0.5, 0.5), 0.4))",
        "plt.subplot(1, 2, 1)\nplt.pie([1, 2, 3])\nplt.subplot(1, 2, 2)\nplt.bar([1, 2, 3], [4, 5, 6])",
    ],
)
def test_other_charts_are_no_pies(executor, chart):
    assert not readout.is_pie(canvas_of(executor.run(PLT + chart).image))


def test_a_wedge_of_nearly_half_a_pie_is_seen_to_be_moved_out(executor):
    image = executor.run(f"{PLT}plt.pie([30, 45, 25], explode=[0, 0.05, 0])\n").image
    explode = [wedge.explode for wedge in readout.find_pie(canvas_of(image)).wedges]
    assert np.allclose(explode, [0, 0.05, 0], atol=0.015)


def test_a_legend_that_hides_some_of_a_wedge_does_not_part_it(executor):
    chart = f"plt.figure(figsize=(5, 5))\nplt.pie([20, 45, 35], {COLORS})\n"
    chart += "plt.legend(['Ada', 'Ben', 'Cleo'], loc='lower left')\n"
    pie = readout.find_pie(canvas_of(executor.run(PLT + chart + "plt.tight_layout()\n").image))
    assert np.allclose([wedge.length for wedge in pie.wedges], [72, 162, 126], atol=2)


def test_borders_are_where_they_are(executor):
    image = executor.run(f"{PLT}plt.pie([25, 35, 40], startangle=30)\n").image
    starts = [wedge.start for wedge in readout.find_pie(canvas_of(image)).wedges]
    assert np.allclose(starts, [30, 120, 246], atol=0.6)

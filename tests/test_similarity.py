"""Similarity of pictures and of code: the IoU against a naive loop, what must pass and what must fail, the code."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from eval_metric.code_similarity import ast_similarity, extract_code
from eval_metric.executor import Executor
from eval_metric.similarity import CANVAS, chart_iou, chart_iou_strict, to_canvas

THRESHOLD = 0.85


def blank(color=255) -> np.ndarray:
    return np.full((CANVAS, CANVAS, 3), color, dtype=np.uint8)


# ------------------------------------------------------------------------------------------------------ definition


def naive_iou(first: np.ndarray, second: np.ndarray) -> float:
    """The definition of the module header on white paper, pixel by pixel."""

    def ink(image):
        pixels = {}
        for y, x in zip(*np.nonzero((image < 255 - 24).any(axis=2))):
            color = image[y, x].astype(int)
            edge = False
            for dy, dx in ((-2, 0), (2, 0), (0, -2), (0, 2)):
                if 0 <= y + dy < CANVAS and 0 <= x + dx < CANVAS:
                    edge |= np.abs(image[y + dy, x + dx].astype(int) - color).max() > 48
            weight = 0.1 + 0.9 * min((color.max() - color.min()) / 64, 1)
            pixels[y, x] = edge, weight * (1 if edge else 0.03)
        return pixels

    def opponents(color):
        red, green, blue = (int(level) for level in color)
        return green, red // 2 - green // 2, green // 2 - blue // 2

    def is_matched(color, edge, other, other_ink, y, x):
        rows = range(max(y - 2, 0), min(y + 3, CANVAS))
        window = [(v, u) for v in rows for u in range(max(x - 2, 0), min(x + 3, CANVAS))]
        if not any(place in other_ink and other_ink[place][0] == edge for place in window):
            return False
        for level, margin, levels in zip(opponents(color), (24, 12, 12), zip(*(opponents(other[p]) for p in window))):
            if not min(levels) - margin <= level <= max(levels) + margin:
                return False
        return True

    def matched(one, one_ink, other, other_ink):
        return sum(
            weight * is_matched(one[y, x], edge, other, other_ink, y, x) for (y, x), (edge, weight) in one_ink.items()
        )

    first_ink, second_ink = ink(first), ink(second)
    if not first_ink or not second_ink:
        return float(not first_ink and not second_ink)
    total = sum(p[1] for p in first_ink.values()) + sum(p[1] for p in second_ink.values())
    common = (matched(first, first_ink, second, second_ink) + matched(second, second_ink, first, first_ink)) / 2
    return common / (total - common)


@pytest.mark.parametrize("seed", range(8))
def test_iou_is_its_definition(seed):
    generator = np.random.default_rng(seed)
    pictures = []
    for _ in range(2):
        image = blank()
        y, x = generator.choice([0, 200, CANVAS - 30], 2)  # in corners and at borders, too
        patch = image[y : y + 30, x : x + 30]
        if seed % 2:
            patch[:] = generator.integers(0, 256, (30, 30, 3))
        for _ in range(6):  # overlapping rectangles in few colours, so that much matches
            top, left, height, width = generator.integers(0, 15, 4)
            patch[top : top + height + 1, left : left + width + 1] = generator.choice([0, 40, 60, 200, 230, 255], 3)
        pictures.append(image)
    first, second = pictures
    moved = np.roll(first, (1, 2), axis=(0, 1))
    for other in (second, moved):
        expected = naive_iou(first, other)
        assert chart_iou(first, other) == pytest.approx(expected, abs=1e-6)
        assert chart_iou(other, first) == pytest.approx(expected, abs=1e-6)


def test_strict_iou_by_hand():
    first, second = blank(), blank()
    first[100:110, 100:110] = (255, 0, 0)
    second[105:115, 100:110] = (0, 0, 255)
    assert chart_iou_strict(first, second) == pytest.approx(50 / 150)
    assert chart_iou(first, second) == 0


def test_blank_pages():
    ink = blank()
    ink[10:20, 10:20] = 0
    for measure in (chart_iou, chart_iou_strict):
        assert measure(blank(), blank()) == 1
        assert measure(ink, blank()) == measure(blank(), ink) == 0


def test_to_canvas():
    tall = Image.new("RGB", (100, 200), "red")
    canvas = to_canvas(tall)
    assert canvas.shape == (512, 512, 3) and canvas.dtype == np.uint8
    assert (canvas[:, :128] == 255).all() and (canvas[:, 384:] == 255).all()
    assert (canvas[:, 128:384] == (255, 0, 0)).all()
    assert np.array_equal(to_canvas(np.asarray(tall)), canvas)

    half = Image.new("RGBA", (512, 512), (0, 0, 0, 128))
    assert abs(int(to_canvas(half)[0, 0, 0]) - 127) <= 1
    assert (to_canvas(Image.new("RGBA", (30, 30), (0, 0, 0, 0))) == 255).all()
    assert (to_canvas(Image.new("L", (30, 30), 7)) == 7).all()
    assert (to_canvas(np.full((30, 30), 7, dtype=np.uint8)) == 7).all()
    palette = Image.new("P", (30, 30), 0)
    palette.putpalette([9, 8, 7])
    assert (to_canvas(palette) == (9, 8, 7)).all()
    with pytest.raises(ValueError, match="uint8"):
        to_canvas(np.zeros((4, 4, 3)))


# ------------------------------------------------------------------------------------------------------ on charts

START = "import matplotlib.pyplot as plt\nimport numpy as np\nfig, ax = plt.subplots()\n"
LABELS = "ax.set_title('Sales by region')\nax.set_xlabel('Quarter')\nax.set_ylabel('Amount')\n"


def bar(values=(3, 7, 5, 9, 4), color="tab:blue", kind="bar"):
    return f"{START}ax.{kind}(list('abcde'), {list(values)}, color={color!r})\n{LABELS}"


def line(values=(3, 7, 5, 9, 4), color="tab:blue", more="", labels=LABELS):
    return f"{START}ax.plot(range(5), {list(values)}, color={color!r})\n{more}{labels}"


def scatter(seed=0, color="tab:green"):
    return (
        f"{START}r = np.random.default_rng({seed})\nax.scatter(r.random(30), r.random(30), color={color!r})\n{LABELS}"
    )


def pie(values=(3, 7, 5, 9)):
    return f"{START}ax.pie({list(values)}, labels=list('abcd'), autopct='%.0f%%')\nax.set_title('Share')\n"


SECOND = "ax.plot(range(5), [2, 3, 4, 4, 6], color='tab:orange')\n"
GRID = "ax.grid(True)\n"
GREY = "plt.style.use('ggplot')\n"
OFF_20_PERCENT = (3.6, 5.6, 6, 9, 3.2)
PAIRS = {  # name: (program, other program, lowest, highest IoU)
    "same": (bar(), bar(), 1, 1),
    "same, other words": (
        bar(),
        bar().replace("fig, ax = plt.subplots()", "fig = plt.figure()\nax = fig.gca()"),
        1,
        1,
    ),
    "same, other size": (line(), line().replace("subplots()", "subplots(dpi=150)"), 0.9, 1),
    "line, values off 1 %": (line(), line((3.03, 6.93, 5.05, 9, 3.96)), THRESHOLD, 1),
    "line, other title": (line(), line(labels=LABELS.replace("Sales", "Costs")), THRESHOLD, 1),
    "bar, other colour": (bar(), bar(color="tab:orange"), 0, 0.2),
    "bar, similar colour": (bar(), bar(color="#2080b0"), THRESHOLD, 1),
    "bar, other values": (bar(), bar((9, 4, 3, 5, 7)), 0, 0.7),
    "bar, values off 20 %": (bar(), bar(OFF_20_PERCENT), 0, THRESHOLD),
    "bar, horizontal": (bar(), bar(kind="barh"), 0, 0.5),
    "bar, line instead": (bar(), line(), 0, 0.2),
    "bar, axes only": (bar(), START + LABELS, 0, 0.2),
    "bar, blank": (bar(), "import matplotlib.pyplot as plt\nplt.figure()", 0, 0),
    "line, other values": (line(), line((9, 4, 5, 3, 7)), 0, 0.5),
    "line, other values, grid": (line(more=GRID), line((9, 4, 5, 3, 7), more=GRID), 0, 0.5),
    "line, values off 20 %": (line(), line(OFF_20_PERCENT), 0, 0.6),
    "line, other colour": (line(), line(color="tab:red"), 0, 0.5),
    "black line, other values": (line(color="k", more=GRID), line((9, 4, 5, 3, 7), color="k", more=GRID), 0, 0.8),
    "lines, one missing": (line(more=SECOND), line(), 0, 0.7),
    "lines, swapped colours": (
        line(more=SECOND),
        line(color="tab:orange", more=SECOND.replace("tab:orange", "tab:blue")),
        0,
        0.5,
    ),
    "bars with a line, line wrong": (
        bar() + "ax.plot(range(5), [5, 4, 6, 7, 2], color='tab:red')\n",
        bar() + "ax.plot(range(5), [2, 7, 4, 5, 6], color='tab:red')\n",
        0,
        THRESHOLD,
    ),
    "scatter, other points": (scatter(), scatter(1), 0, 0.5),
    "scatter, other colour": (scatter(), scatter(color="tab:red"), 0, 0.5),
    "pie, other wedges": (pie(), pie((9, 3, 7, 5)), 0, 0.6),
    "grey paper, other values": (GREY + line(), GREY + line((9, 4, 5, 3, 7)), 0, 0.5),
    "other paper": (bar() + "fig.set_facecolor('lightyellow')\n", bar(), 0, THRESHOLD),
    "dark paper, other values": (
        "import matplotlib.pyplot as plt\nplt.style.use('dark_background')\n" + line(),
        "import matplotlib.pyplot as plt\nplt.style.use('dark_background')\n" + line((9, 4, 5, 3, 7)),
        0,
        0.5,
    ),
}
PAIRS["grey paper, other values"] = tuple(
    START.split("fig")[0] + part if isinstance(part, str) else part for part in PAIRS["grey paper, other values"]
)


@pytest.fixture(scope="module")
def pictures():
    programs = list(dict.fromkeys(program for pair in PAIRS.values() for program in pair[:2]))
    with Executor(timeout=60) as executor:
        results = list(executor.run_many(programs))
    assert all(result.ok for result in results), [result.error for result in results if not result.ok]
    return {program: to_canvas(result.image) for program, result in zip(programs, results)}


@pytest.mark.parametrize("name", PAIRS)
def test_what_passes_and_what_fails(pictures, name):
    first, second, lowest, highest = PAIRS[name]
    iou = chart_iou(pictures[first], pictures[second])
    assert lowest <= iou <= highest
    assert highest != THRESHOLD or iou < THRESHOLD
    assert chart_iou(pictures[second], pictures[first]) == pytest.approx(iou)


@pytest.mark.parametrize("program", [line(), scatter(), bar(), pie()])
def test_shift_of_a_picture(pictures, program):
    def shifted(pixels):
        return np.concatenate([np.full((pixels, CANVAS, 3), 255, np.uint8), picture])[:CANVAS]

    picture = pictures[program]
    assert chart_iou(shifted(1), picture) > 0.99
    far = [chart_iou(shifted(pixels), picture) for pixels in (2, 4, 8, 16, 32)]
    assert far == sorted(far, reverse=True)
    assert far[-1] < 0.7


@pytest.mark.parametrize("make", [bar, line, pie])
def test_iou_falls_as_the_values_go_wrong(make):
    base = np.array([3, 7, 5, 9, 4][: 4 if make is pie else 5])
    signs = np.array([1, -1, 1, 0, -1][: len(base)])
    programs = [make(np.round(base * (1 + signs * wrong), 3).tolist()) for wrong in (0, 0.02, 0.05, 0.1, 0.2, 0.5)]
    with Executor(timeout=60) as executor:
        images = [result.image for result in executor.run_many(programs)]
    ious = [chart_iou(image, images[0]) for image in images]
    assert ious[0] == 1 and ious == sorted(ious, reverse=True)
    assert ious[-2] < THRESHOLD and ious[-1] < 0.7


def test_compressed_picture_of_the_same_chart(pictures, tmp_path):
    Image.fromarray(pictures[bar()]).save(tmp_path / "chart.jpg", quality=85)
    assert chart_iou(Image.open(tmp_path / "chart.jpg"), pictures[bar()]) > THRESHOLD


def test_hand_drawn_picture_is_no_special_case():
    image = Image.new("RGB", (300, 200), "white")
    ImageDraw.Draw(image).ellipse((50, 50, 150, 150), fill="purple")
    assert chart_iou(image, image) == chart_iou_strict(image, image) == 1


# ------------------------------------------------------------------------------------------------------ code

CODE = """import matplotlib.pyplot as plt

labels = ["north", "south", "east"]
values = [12, 30.5, 7]
fig, ax = plt.subplots(figsize=(6, 4))
ax.bar(labels, values, color="tab:blue", width=0.6)
ax.set_title("Sales")
ax.set_ylabel("Amount")
plt.show()
"""


def test_ast_similarity_ignores_spelling():
    assert ast_similarity(CODE, CODE) == 1
    respelled = (
        CODE.replace("labels", "names").replace("values", "v").replace("ax.", "axes.").replace("fig, ax", "f, axes")
    )
    respelled = (
        respelled.replace('"', "'").replace("12", "12.0").replace("(6, 4)", "[6, 4]").replace("\n\n", "\n# x\n")
    )
    assert ast_similarity(respelled, CODE) == 1
    alias = CODE.replace("import matplotlib.pyplot as plt", "from matplotlib import pyplot as p").replace("plt.", "p.")
    assert ast_similarity(alias, CODE) > 0.9
    order = CODE.replace('color="tab:blue", width=0.6', 'width=0.6, color="tab:blue"')
    lines = order.splitlines()
    lines[6], lines[7] = lines[7], lines[6]
    assert ast_similarity("\n".join(lines), CODE) == 1


def test_ast_similarity_falls_with_every_change():
    changes = [("12", "13"), ('"tab:blue"', '"tab:red"'), ("ax.bar", "ax.barh"), (", width=0.6", ""), ("30.5, 7", "1")]
    changes += [('ax.set_title("Sales")\n', ""), ("fig, ax = plt.subplots(figsize=(6, 4))", "fig = ax = None")]
    changed = CODE
    for old, new in changes:
        assert old in CODE
        once, changed = CODE.replace(old, new), changed.replace(old, new)
        assert 0.7 < ast_similarity(once, CODE) < 1
        assert ast_similarity(CODE, once) == pytest.approx(ast_similarity(once, CODE))
        assert ast_similarity(changed, CODE) < (ast_similarity(once, CODE) if once != changed else 1)
    assert 0 < ast_similarity(changed, CODE) < 0.7
    other = "import csv\nwith open('x') as f:\n    for row in csv.reader(f):\n        print(row)\n"
    assert ast_similarity(other, CODE) < 0.2


@pytest.mark.parametrize(
    "code",
    [
        "",
        "x = (",
        None,
        7,
        "x\0",
        "(" * 30_000,
        "-" * 60_000 + "1",
        "a" + ".b" * 30_000,
        "1" + "+1" * 30_000,
        "#" * 10**6,
    ],
)
def test_ast_similarity_of_what_is_no_program(code):
    assert ast_similarity(code, CODE) <= 0.1
    assert ast_similarity(CODE, code) <= 0.1


def test_extract_code():
    assert extract_code(CODE) == CODE
    assert extract_code(f"Sure!\n```python\n{CODE}```\nThis draws a bar chart.") == CODE
    assert extract_code(f"```\npip install x\n```\nthen\n```py\n{CODE}```") == CODE
    assert extract_code(f"```python\n{CODE}") == CODE  # cut off before the fence ends
    assert extract_code(f"Here is the code:\n\n{CODE}\nThis code draws a bar chart.\n").strip() == CODE.strip()
    assert extract_code("no program at all") == "no program at all"
    cut = CODE[: CODE.index("30.5")]
    assert extract_code(cut).strip() == cut.strip()  # a cut-off program is not made to run
    assert extract_code(None) == ""

"""Scatter charts drawn by plain matplotlib whose points differ in size or colour, or have edges."""

import numpy as np
import pytest

from chart2code.bubbles import bubble_chart
from chart2code.detail import canvas_of
from chart2code.sketches import Sheet
from chart2code.verification import verify
from eval_metric.executor import Executor
from eval_metric.similarity import to_canvas

PLT = "import matplotlib.pyplot as plt\nimport numpy as np\n\ndraw = np.random.default_rng(7)\n"
ANSWER = "import matplotlib.pyplot as plt\n\nfig, ax = plt.subplots()\nax.plot([1, 2], [3, 4])\n"
SMALL = "x, y, v = draw.uniform(0, 50, 60), draw.uniform(2, 9, 60), draw.uniform(10, 90, 60)\n"
LARGE = "x, y, s = draw.uniform(0, 50, 12), draw.uniform(2, 9, 12), draw.uniform(60, 900, 12)\n"


def programs(executor: Executor, chart: str) -> list[str]:
    image = executor.run(PLT + chart).image
    sheet = Sheet.of(to_canvas(image), image.shape[1::-1], ANSWER)
    return [] if sheet.box is None else bubble_chart(sheet)


def columns(code: str) -> dict[str, np.ndarray]:
    """The numbers of a program's tables."""
    found: dict = {}
    exec("\n".join(line for line in code.splitlines() if " = zip(*[" in line), found)
    return {name: np.array(values) for name, values in found.items() if name != "__builtins__"}


def drawn(chart: str) -> dict[str, np.ndarray]:
    found: dict = {"np": np, "draw": np.random.default_rng(7)}
    exec(chart, found)
    return found


def compared(found: dict, wanted: dict, x: str = "x", y: str = "y") -> tuple[np.ndarray, np.ndarray]:
    """For each point that was drawn, which was found, and how far it is, in the span of the axes."""
    spans = [np.ptp(wanted[name]) for name in ("x", "y")]
    apart = np.hypot(
        *((found[name][:, None] - wanted[key]) / span for name, key, span in zip((x, y), ("x", "y"), spans))
    )
    return apart.argmin(axis=0), apart.min(axis=0)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ('cmap="viridis", s=30', 'cmap="viridis")'),
        ('cmap="coolwarm", s=60, alpha=0.7', 'cmap="coolwarm", alpha=0.7)'),
        ('cmap="plasma_r", s=40, edgecolor="white"', 'cmap="plasma_r")'),
        ('cmap="viridis", s=30, vmin=0, vmax=200', 'cmap="viridis", vmin=0, vmax=200)'),
    ],
)
def test_colours_are_values_of_the_colour_bar(executor, options, expected):
    chart = f'plt.scatter(x, y, c=v, {options})\nplt.colorbar(label="Speed")\n'
    (code,) = programs(executor, SMALL + chart)
    found, wanted = columns(code), drawn(SMALL)
    nearest, distance = compared(found, wanted)
    assert np.mean(distance < 0.01) > 0.95 and len(found["x"]) <= 62
    assert np.median(np.abs(found["values"][nearest] - wanted["v"])) < 2
    assert expected in code and 'fig.colorbar(scatter, label="Speed")' in code


def test_small_points_in_a_crowd_are_no_letters(executor):
    crowd = (
        "x, y = draw.normal(0, 1, (2, 250))\nv, sizes = draw.uniform(0, 9, 250), 12 + draw.exponential(15, 250)\n"
        "plt.scatter(x, y, c=v, s=sizes, cmap='plasma', alpha=0.7, linewidths=0)\nplt.colorbar(shrink=0.8)\n"
    )
    (code,) = programs(executor, f"draw = np.random.default_rng(7)\n{crowd}")
    assert 'cmap="plasma", alpha=0.7)' in code and "shrink=0.8" in code
    assert len(columns(code)["x"]) > 150


def test_a_crowd_of_points_has_no_corners(executor):
    crowd = "x, v = draw.gamma(9, 11, 400) + 20, draw.uniform(0, 95, 400)\ny = 4 * x - v + draw.normal(0, 45, 400)\n"
    chart = 'plt.scatter(x, y, c=v, cmap="viridis_r", s=22, alpha=0.8)\nplt.colorbar(label="Age")\n'
    (code,) = programs(executor, crowd + chart)
    _, distance = compared(columns(code), drawn(crowd))
    assert np.mean(distance < 0.01) > 0.8  # of others there is hardly anything to be seen
    assert 'cmap="viridis_r"' in code and "alpha=0.8" in code


def test_colours_of_a_map_without_a_colour_bar(executor):
    (code,) = programs(executor, SMALL + "plt.scatter(x, y, c=v, s=draw.uniform(60, 500, 60), alpha=0.5)\n")
    shares = columns(code)["values"]
    assert 'cmap="viridis", alpha=0.5)' in code and "colorbar" not in code
    assert shares.min() < 0.05 and shares.max() > 0.95


@pytest.mark.parametrize(
    ("chart", "expected"),
    [
        ('plt.yscale("log")\nplt.ylim(1, 100)\n', ['ax.set_yscale("log")', "ax.set_ylim(1, 100)"]),
        ("plt.gca().invert_xaxis()\n", ["ax.invert_xaxis()"]),
        ("plt.xlim(-20, 80)\n", ["ax.set_xlim(-20, 80)"]),
        ('plt.axhline(6, color="gray", linestyle="--")\n', ['ax.axhline(6, color="tab:gray", linestyle="--")']),
        ("plt.grid()\n", []),
    ],
)
def test_bubbles_with_their_axes(executor, chart, expected):
    (code,) = programs(executor, f"{LARGE}plt.scatter(x, y, s=s, color='tab:red', alpha=0.6)\n{chart}")
    found, wanted = columns(code), drawn(LARGE)
    nearest, distance = compared(found, wanted)
    assert len(found["x"]) == 12 and distance.max() < 0.02
    assert np.abs(np.sqrt(found["sizes"][nearest] / wanted["s"]) - 1).max() < 0.15
    assert 'color="tab:red", alpha=0.6)' in code
    assert all(text in code for text in expected)
    assert sum(f"ax.{name}" in code for name in ("axh", "axv", "set_", "invert")) == len({t[:8] for t in expected})


def test_bubbles_of_their_own_colours_with_their_names(executor):
    chart = """x, y, names = [5, 20, 33, 41, 47], [3, 8, 5, 7, 4], ["Oslo", "Lima", "Cairo", "Delhi", "Quito"]
plt.scatter(x, y, s=[300, 80, 500, 150, 60], c=["tab:red", "gold", "teal", "orchid", "navy"])
for place in zip(names, x, y):
    plt.annotate(place[0], place[1:], xytext=(16, 8), textcoords="offset points")
plt.axis((0, 60, 2, 10))
"""
    (code,) = programs(executor, chart)
    assert all(f'"{name}"' in code for name in ("Oslo", "Lima", "Cairo", "Delhi", "Quito", "teal", "gold"))
    assert "xytext=(16, 8)" in code or "xytext=(17, 8)" in code
    assert len(columns(code)["x"]) == 5


@pytest.mark.parametrize("color", ["black", "white"])
def test_names_upon_bubbles(executor, color):
    chart = f"""x, y, names = [5, 20, 33, 41, 52], [3, 8, 5, 7, 4], ["Oslo", "Lima", "Cairo", "Delhi", "Quito"]
plt.scatter(x, y, s=[1400, 900, 2900, 1500, 2600], color="slateblue", alpha=0.7)
for place in zip(names, x, y):
    plt.annotate(place[0], place[1:], ha="center", va="center", color="{color}")
plt.axis((0, 60, 2, 10))
"""
    (code,) = programs(executor, chart)
    assert sum(f'"{name}"' in code for name in ("Oslo", "Lima", "Cairo", "Delhi", "Quito")) > 3
    assert "ax.text(*place, name" in code and 'ha="center", va="center"' in code
    assert ('color="white"' in code) == (color == "white")
    assert len(columns(code)["x"]) == 5


def test_a_few_names_that_begin_beside_bubbles(executor):
    chart = """plt.figure(figsize=(10, 6.5), dpi=120)
x, y = [5, 12, 20, 28, 33, 41, 47, 52, 55, 60, 66], [3, 8, 5, 7, 4, 6, 9, 3, 5, 8, 4]
plt.scatter(x, y, s=[250, 800, 150, 650, 100, 900, 300, 500, 120, 700, 400], color="#4c78a8", alpha=0.65)
for k, name in zip([0, 2, 6, 10], ["Nigeria", "United States", "Norway", "South Africa"]):
    plt.annotate(name, (x[k], y[k]), ha="center", va="center", fontsize=8.5)
"""
    image = executor.run(PLT + chart).image
    (code,) = bubble_chart(Sheet.of(canvas_of(image), image.shape[1::-1], ANSWER))
    assert sum(f'"{name}"' in code for name in ("Nigeria", "United States", "Norway", "South Africa")) > 2
    assert 'ha="center", va="center"' in code


def test_groups_of_bubbles_with_their_legend(executor):
    chart = """for color, label in (("steelblue", "Coast"), ("firebrick", "Inland")):
    options = dict(color=color, alpha=0.6, label=label)
    plt.scatter(draw.uniform(0, 50, 9), draw.uniform(2, 7, 9), s=draw.uniform(60, 500, 9), **options)
plt.ylim(1, 10)
plt.legend(title="Region", loc="upper left")
"""
    (code,) = programs(executor, chart)
    assert 'color="steelblue", label="Coast"' in code and 'color="firebrick", label="Inland"' in code
    assert 'ax.legend(loc="upper left", title="Region")' in code
    assert len(columns(code)["x1"]) == len(columns(code)["x2"]) == 9


def test_groups_of_the_legend_with_their_names(executor):
    chart = """fig, ax = plt.subplots(figsize=(8, 5))
groups = {"#4c72b0": [("Kenya", 5, 30, 200), ("Ghana", 12, 72, 90), ("Niger", 3, 52, 150)],
          "#c44e52": [("India", 20, 55, 900), ("Japan", 40, 80, 160), ("Nepal", 21, 56, 70)]}
for (color, rows), label in zip(groups.items(), ("Africa", "Asia")):
    names, x, y, s = zip(*rows)
    plt.scatter(x, y, s=s, c=color, alpha=0.6, edgecolor="k", lw=0.6, label=label)
    for name, *place, size in rows:
        plt.annotate(name, place, xytext=(0, 4 + size**0.5 / 2), textcoords="offset points", ha="center", fontsize=11)
plt.axis((0, 60, 0, 100))
for handle in plt.legend(loc="lower right").legend_handles:
    handle.set_sizes([60])
"""
    image = executor.run(PLT + chart).image
    (code,) = bubble_chart(Sheet.of(canvas_of(image), image.shape[1::-1], ANSWER))
    found: dict = {}
    exec("\n".join(line for line in code.splitlines() if " = zip(*[" in line), found)
    np.testing.assert_allclose(sorted(found["x1"]), [3, 5, 12], atol=0.3)
    np.testing.assert_allclose(sorted(found["x2"]), [20, 21, 40], atol=0.3)
    assert {"Kenya", "Ghana", "Niger"} == set(found["names1"])
    assert 'label="Africa", edgecolor="black", linewidths=0.5, alpha=0.6)' in code
    assert 'ax.legend(loc="lower right")' in code and "for name, *place in [*zip(names1, x1, y1), " in code


def test_a_legend_of_sizes(executor):
    chart = f"""{LARGE}style = dict(color="darkgreen", alpha=0.5)
points = plt.scatter(x, y, s=s, **style)
handles, labels = points.legend_elements("sizes", num=[50, 100, 150], func=lambda s: s / 5, **style)
plt.xlim(-30, 55)
plt.legend(handles, labels, loc="upper left", labelspacing=1.5)
"""
    (code,) = programs(executor, chart)
    assert 'scatter.legend_elements("sizes", num=[50, 100, 150], func=lambda size: size / 5' in code
    assert abs(float(code.split("labelspacing=")[1].split(")")[0]) - 1.5) < 0.15
    assert len(columns(code)["x"]) == 12


@pytest.mark.parametrize("width", [0.5, 1.5])
def test_groups_with_black_edges(executor, width):
    chart = f"""for marker, color in zip("os^", ("tab:red", "gold", "purple")):
    options = dict(marker=marker, color=color, edgecolors="k", linewidths={width}, label=f"Kind {{marker}}")
    plt.scatter(draw.uniform(0, 50, 15), draw.uniform(2, 9, 15), s=50, **options)
plt.ylim(1, 12)
plt.legend(loc="upper right")
"""
    (code,) = programs(executor, chart)
    assert code.count(f'edgecolor="black", linewidths={width:g}') == 3
    assert 'marker="s"' in code and 'marker="^"' in code and 'ax.legend(loc="upper right")' in code
    sizes = [float(part.split(",")[0]) for part in code.split(" s=")[1:]]
    assert np.abs(np.array(sizes) / 50 - 1).max() < 0.25
    assert sum(len(values) for name, values in columns(code).items() if name.startswith("x")) == 45


def test_edges_in_a_colour_of_their_own(executor):
    chart = 'plt.scatter(x, y, s=60, color="gold", edgecolors="navy", linewidths=1.5)\n'
    image = executor.run(PLT + SMALL + chart).image
    (code,) = Sheet.of(to_canvas(image), image.shape[1::-1], ANSWER).measured()
    assert 'color="gold", edgecolor="navy", linewidths=1.5)' in code
    assert abs(len(columns(code)["x"]) - 60) < 3


def test_points_with_edges_among_lines_and_words(executor):
    chart = """x, y = [5, 20, 33, 41, 47, 12], [3, 8, 5, 7, 4, 6]
plt.scatter(x, y, s=60, color="orange", edgecolor="black", marker="^")
for place in zip(["Oslo", "Lima", "Cairo", "Delhi", "Quito", "Perth"], x, y):
    plt.annotate(place[0], place[1:], xytext=(7, 5), textcoords="offset points", fontsize=9)
plt.axvline(26, color="red", linestyle="--", linewidth=1)
plt.axhline(5.6, color="red", linestyle="--", linewidth=1)
plt.text(0.98, 0.02, "far and flat", transform=plt.gca().transAxes, color="green", style="italic", ha="right")
plt.axis((0, 60, 9, 2))
"""
    (code,) = programs(executor, chart)
    np.testing.assert_allclose(columns(code)["x"], [5, 12, 20, 33, 41, 47], atol=0.3)
    assert 'marker="^", edgecolor="black", linewidths=1)' in code and code.count("ax.scatter") == 1
    assert all(f'"{name}"' in code for name in ("Oslo", "Lima", "Cairo", "Delhi", "Quito", "Perth"))
    assert "ax.axhline(5.6, color=" in code and "ax.axvline(26, color=" in code and "ax.set_ylim(9, 2)" in code


def test_a_dark_group_is_no_edge_of_others(executor):
    places = {"#264653": [(10, 600), (17, 340), (27, 270), (29, 290), (34, 170), (52, 30)]}
    places["#2a9d8f"] = [(25, 310), (37, 200), (42, 180), (48, 80), (55, 30)]
    chart = "".join(
        f'x, y = zip(*{points})\nplt.scatter(x, y, s=100, color="{color}", edgecolor="black")\n'
        for color, points in places.items()
    )
    (code,) = programs(executor, chart)
    assert code.count('edgecolor="black"') == 2
    found = columns(code)
    for name, points in zip("12", places.values()):
        read = np.column_stack([found["x" + name], found["y" + name]])
        assert np.abs(read[np.argsort(read[:, 0])] - points).max() < 2


def test_they_are_redrawn_beside_their_colour_bar(executor):
    chart = f"""plt.style.use("dark_background")
{SMALL}plt.scatter(x, 10**y, c=v, s=25, cmap="RdYlBu")
plt.yscale("log")
plt.colorbar(label="Heat")
plt.tight_layout()
"""
    found = verify(executor, [ANSWER], executor.run(PLT + chart).image, refine=True, time_budget=60, max_renderings=30)
    assert found.iou > 0.9
    assert 'cmap="RdYlBu"' in found.code and "subplots_adjust" in found.code or "tight_layout" in found.code


@pytest.mark.parametrize(
    "chart",
    [
        "plt.scatter(draw.uniform(0, 9, 40), draw.uniform(0, 9, 40))",
        "plt.scatter(draw.uniform(0, 9, 40), draw.uniform(0, 9, 40), marker='s', s=90)",
        "plt.plot(range(12), draw.uniform(0, 9, 12), 'o-')",
        "plt.bar(range(5), [3, 5, 2, 6, 4])",
        "plt.hist(draw.normal(0, 1, 500), 20)",
        "plt.imshow(draw.uniform(0, 1, (8, 9)))\nplt.colorbar()",
        "plt.plot(range(9), range(9))\nplt.text(2, 6, 'oooo o oo ooo 0000 8888', fontsize=14)",
        "plt.scatter(range(6), range(6), s=900)\nplt.text(1, 1, 'oooo', color='white', ha='center', va='center')",
        "plt.boxplot([draw.normal(k, 1, 60) for k in range(4)])",
        "for k in (16, 36):\n    plt.scatter(draw.uniform(0, 9, 9), draw.uniform(0, 9, 9), s=k)",
    ],
)
def test_other_charts_are_none(executor, chart):
    assert programs(executor, chart) == []


@pytest.mark.parametrize(
    ("edge", "expected"),
    [
        ('"black", linewidths=1', True),
        ('"black", linewidths=0.6, alpha=0.6', True),
        ('"none"', False),
        ('"white", alpha=0.6', False),
    ],
)
def test_edges_of_bubbles(executor, edge, expected):
    chart = f'plt.scatter(x, y, s=s, color="tab:orange", edgecolor={edge})\n'
    (code,) = programs(executor, LARGE + chart)
    assert ('edgecolor="black"' in code) == expected


def test_names_below_bubbles_of_several_sizes(executor):
    names = '["Oslo", "Lima", "Cairo", "Perth", "Delhi"]'
    chart = (
        f"n, x, y = {names}, [12, 35, 60, 22, 75], [30, 55, 20, 70, 62]\ns = [300, 900, 500, 1200, 1800]\n"
        'plt.scatter(x, y, s=s, c=["tab:red", "gold", "teal", "tab:pink", "tab:blue"])\n'
        "for name, a, b, size in zip(n, x, y, s):\n"
        '    plt.annotate(name, (a, b), xytext=(0, -(size**0.5) / 2 - 4), textcoords="offset points", ha="center", '
        'va="top", fontsize=9)\n'
        'plt.text(88, 42, "break-even", color="crimson", ha="right", fontsize=9)\nplt.axis((0, 90, 0, 100))\n'
    )
    (code,) = programs(executor, chart)
    found: dict = {}
    exec("\n".join(line for line in code.splitlines() if " = zip(*[" in line), found)
    assert sorted(found["names"]) == ["Cairo", "Delhi", "Lima", "Oslo", "Perth"]  # no letters of the text
    assert "size ** 0.5 / 2" in code

"""The elements of a chart: what is traced, what has no ink, the four F1s against naive ones, and forged facts."""

import copy
import itertools
import json
import random

import numpy as np
import pytest

from eval_metric import elements
from eval_metric.elements import ciede2000, color_f1, confirm, is_valid, layout_f1, text_f1, type_f1
from eval_metric.executor import Executor

HEAD = "import matplotlib.pyplot as plt\nimport numpy as np\n"
BAR = HEAD + "fig, ax = plt.subplots()\nax.bar(['a', 'b', 'c'], [1, 3, 2])\nax.set_title('Title')\n"


@pytest.fixture(scope="module")
def executor():
    with Executor(timeout=60) as executor:
        yield executor


def seen(executor, code: str) -> dict:
    result = executor.run(code if code.startswith("import") else HEAD + code)
    assert result.ok, result.error
    assert result.facts is not None
    return confirm(result.facts, result.image)


# ------------------------------------------------------------------------------------------------------ scores


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [  # from the table of Sharma, Wu and Dalal (2005)
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 3.1571, -77.2803), (50.0, 0.0, -82.7485), 2.8615),
        ((50.0, 2.8361, -74.0200), (50.0, 0.0, -82.7485), 3.4412),
        ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0000),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((50.0, 2.5, 0.0), (61.0, -5.0, 29.0), 22.8977),
        ((50.0, 2.5, 0.0), (56.0, -27.0, -3.0), 31.9030),
        ((50.0, 2.5, 0.0), (58.0, 24.0, 15.0), 19.4535),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_ciede2000(first, second, distance):
    assert ciede2000(first, second) == pytest.approx(distance, abs=1e-4)
    assert ciede2000(second, first) == pytest.approx(distance, abs=1e-4)


def test_lab_of_known_colors():
    assert elements._lab("#ffffff") == pytest.approx([100, 0, 0], abs=0.02)
    assert elements._lab("#000000") == pytest.approx([0, 0, 0], abs=0.02)
    assert elements._lab("#ff0000") == pytest.approx([53.24, 80.09, 67.20], abs=0.05)
    assert elements._lab("#0000ff") == pytest.approx([32.30, 79.19, -107.86], abs=0.05)


def chart(texts=(), types=(), layout=(), colors=()) -> dict:
    return {"texts": list(texts), "types": list(types), "layout": list(layout), "colors": list(colors)}


def naive_color_f1(one: list, other: list) -> float:
    """By all permutations, as ChartMimic does it."""
    total = 0.0
    for kind in {kind for kind, _ in one + other}:
        first, second = ([color for group, color in side if group == kind] for side in (one, other))
        shorter, longer = sorted((first, second), key=len)
        similarity = {
            (a, b): max(0.0, 1 - float(ciede2000(elements._lab(a), elements._lab(b))) / 100)
            for a in shorter
            for b in longer
        }
        orders = itertools.permutations(longer, len(shorter))
        total += max(sum(similarity[pair] for pair in zip(shorter, order)) for order in orders)
    precision, recall = total / len(one), total / len(other)
    return 2 * precision * recall / (precision + recall) if total else 0.0


@pytest.mark.parametrize("seed", range(10))
def test_color_f1_is_that_of_the_best_permutation(seed):
    generator = random.Random(seed)

    def colors():
        number = generator.randint(1, 6)
        return [(generator.choice(["bar", "plot"]), f"#{generator.randrange(2**24):06x}") for _ in range(number)]

    one, other = colors(), colors()
    assert color_f1(chart(colors=one), chart(colors=other)) == pytest.approx(naive_color_f1(one, other))


def test_color_maps_are_compared_by_name():
    maps = chart(colors=[("imshow", "viridis"), ("bar", "#ff0000")])
    assert color_f1(maps, maps) == 1
    assert color_f1(chart(colors=[("imshow", "plasma"), ("bar", "#ff0000")]), maps) == pytest.approx(0.5)
    assert color_f1(chart(colors=[("imshow", "#440154")]), chart(colors=[("imshow", "viridis")])) == 0


def test_many_colors_take_no_time():
    colors = [("bar", f"#{index * 99991 % 2**24:06x}") for index in range(100)]
    others = [("bar", f"#{index * 77773 % 2**24:06x}") for index in range(100)]
    assert 0.5 < color_f1(chart(colors=colors), chart(colors=others)) < 1


def test_multisets_by_hand():
    one, other = chart(texts=["a", "a", "b"]), chart(texts=["a", "b", "b", "c"])
    assert text_f1(one, other) == pytest.approx(2 * (2 / 3) * (2 / 4) / (2 / 3 + 2 / 4))
    one, other = chart(types=["bar", "plot"]), chart(types=["bar", "bar"])
    assert type_f1(one, other) == pytest.approx(0.5)
    cell, next_cell = (1, 2, 0, 0, 0, 0), (1, 2, 0, 0, 1, 1)
    assert layout_f1(chart(layout=[cell]), chart(layout=[cell, next_cell])) == pytest.approx(2 / 3)
    box, half, far = (0.0, 0.0, 0.4, 1.0), (0.0, 0.0, 0.2, 1.0), (0.5, 0.0, 1.0, 1.0)
    assert layout_f1(chart(layout=[half, far]), chart(layout=[far, box])) == pytest.approx((1 + 0.5) / 2)
    assert layout_f1(chart(layout=[cell]), chart(layout=[box])) == 0


@pytest.mark.parametrize("f1", [text_f1, type_f1, layout_f1, color_f1])
def test_nothing_on_both_sides_is_right_and_on_one_side_wrong(f1):
    full = chart(["a"], ["bar"], [(1, 1, 0, 0, 0, 0)], [("bar", "#ff0000")])
    assert f1(chart(), chart()) == 1
    assert f1(chart(), full) == f1(full, chart()) == 0
    assert f1(full, full) == 1


# ------------------------------------------------------------------------------------------------------ tracing


@pytest.mark.parametrize(
    ("code", "types", "colors"),
    [  # C0 and C1 are #1f77b4 and #ff7f0e
        ("plt.bar([1, 2], [1, 2], color=['r', 'b'])", "bar", "bar:#ff0000 bar:#0000ff"),
        ("plt.barh([1, 2], [1, 2])", "barh", "bar:C0"),
        ("plt.plot([1, 2], [1, 2], [1, 2], [2, 1])", "plot", "plot:C0 plot:C1"),
        ("plt.plot([1, 2]); plt.plot([2, 1])", "plot plot", "plot:C0 plot:C1"),
        ("plt.scatter([1, 2], [1, 2], s=80)", "scatter", "scatter:C0"),
        ("plt.scatter([1, 2], [1, 2], c=[1, 2], cmap='plasma'); plt.colorbar()", "scatter", "scatter:plasma"),
        ("plt.scatter([1, 2], [1, 2], fc='none', ec='r')", "scatter", "scatter:#ff0000"),
        # The points of the star are all edge.
        ("plt.scatter([1], [1], marker='*', s=260, c='yellow', ec='k')", "scatter", "scatter:#ffff00"),
        ("plt.quiver([1, 2], [1, 2], [3, 0], cmap='plasma')", "quiver", "quiver:plasma"),
        ("plt.pie([1, 2], labels=['a', 'b'])", "pie", "pie:C0 pie:C1"),
        ("plt.hist([1, 2, 2, 3], bins=3, range=(-5, 5))", "hist", "hist:C0"),
        ("plt.boxplot([[1, 2, 3]], patch_artist=True)", "boxplot", "boxplot:C0"),
        ("plt.boxplot([[1, 2, 3]])", "boxplot", ""),
        ("plt.violinplot([[1, 2, 3]])", "violinplot", "violinplot:C0"),
        ("plt.errorbar([1, 2], [1, 2], yerr=0.3)", "errorbar", "plot:C0 vlines:C0"),
        ("plt.stackplot([1, 2], [1, 2], [2, 1])", "fill_between fill_between", "fill_between:C0 fill_between:C1"),
        (  # markers on all of its vertices
            "x = np.arange(30); plt.plot(x, x, 'rs-'); plt.fill_between(x, x)",
            "fill_between plot",
            "fill_between:C0 plot:#ff0000",
        ),
        ("plt.imshow(np.eye(3), cmap='gray')", "imshow", "imshow:gray"),
        ("plt.pcolormesh(np.eye(3))", "pcolormesh", "pcolormesh:viridis"),
        ("plt.contourf(np.eye(5))", "contourf", "contourf:viridis"),
        ("plt.hlines([1, 2], 0, [1, 2], colors=['r', 'b'])", "hlines", "hlines:#ff0000 hlines:#0000ff"),
        ("plt.plot([1, 2], [0, 1]); plt.axvline(1.5, color='k')", "axvline plot", "plot:C0 axvline:#000000"),
        ("plt.eventplot([1, 2, 3])", "eventplot", "eventplot:C0"),
        ("plt.subplot(projection='polar').plot([0, 1], [1, 2])", "plot_polar", "plot_polar:C0"),
        ("plt.subplot(projection='3d').plot([0, 1], [1, 2], [0, 1])", "plot_3d", "plot_3d:C0"),
        (
            "plt.pie([2]); plt.gca().add_patch(plt.Circle((0, 0), 0.5, fc='w'))",
            "ellipse pie",
            "ellipse:#ffffff pie:C0",
        ),
        ("try:\n    plt.bar([1, 2], [1, 2, 3])\nexcept ValueError:\n    plt.plot([1, 2])", "plot", "plot:C0"),
    ],
)
def test_types_and_colors(executor, code, types, colors):
    found = seen(executor, code)
    assert sorted(found["types"]) == types.split()
    named = [name.replace("C0", "#1f77b4").replace("C1", "#ff7f0e").split(":") for name in colors.split()]
    assert sorted(found["colors"]) == sorted(map(tuple, named))


def test_a_surface_has_the_color_of_a_face_that_is_seen(executor):
    found = seen(
        executor,
        "x, y = np.mgrid[-5:5:0.25, -5:5:0.25]\n"
        "plt.subplot(projection='3d').plot_surface(x, y, np.sin(np.hypot(x, y)), rcount=40, ccount=40)",
    )
    assert found["types"] == [kind for kind, _ in found["colors"]] == ["plot_surface"]


def test_texts_have_roles_and_no_tick_labels(executor):
    code = (
        "fig, ax = plt.subplots()\nax.plot([1, 2], label='entry')\nax.set_title('two\\nlines')\n"
        "ax.set(xlabel='across', ylabel='up')\nax.legend(title='key')\nax.text(0.5, 1.2, 'note')\n"
        "fig.suptitle('above')\nax.table([['cell']], loc='top')\nax.set_xticks([0, 1], ['tick', 'tock'])"
    )
    result = executor.run(HEAD + code)
    roles = {(role, text) for role, text, *_ in result.facts["texts"]}
    assert roles == {
        ("title", "two"), ("title", "lines"), ("label", "across"), ("label", "up"), ("legend", "entry"),
        ("legend", "key"), ("annotation", "note"), ("title", "above"), ("annotation", "cell"),
    }  # fmt: skip


def test_layout(executor):
    grid = seen(
        executor, "fig, axes = plt.subplots(2, 2)\nfig.delaxes(axes[1, 1])\nfor ax in fig.axes: ax.plot([1, 2])"
    )
    assert grid["layout"] == [(2, 2, 0, 0, 0, 0), (2, 2, 0, 0, 1, 1), (2, 2, 1, 1, 0, 0)]
    spanning = seen(executor, "ax = plt.subplot2grid((2, 3), (0, 1), colspan=2)\nax.plot([1, 2])")
    assert spanning["layout"] == [(2, 3, 0, 0, 1, 2)]
    free = seen(executor, "plt.figure().add_axes([0.25, 0.5, 0.5, 0.25]).plot([1, 2])")
    assert free["layout"] == [pytest.approx((0.25, 0.25, 0.75, 0.5), abs=0.01)]
    assert layout_f1(free, free) == 1


@pytest.mark.parametrize(
    "addition",
    [
        "ax.text(40, 2, 'extra')",  # off the canvas
        "ax.text(-0.8, 2.8, 'extra', color='white')",
        "ax.text(-0.8, 2.8, 'extra', color='#fdfdfd')",
        "ax.text(-0.8, 2.8, 'extra', alpha=0)",
        "ax.text(-0.8, 2.8, 'extra', fontsize=0.1)",
        "ax.text(-0.8, 2.8, 'extra', visible=False)",
        "ax.text(1, 1, 'extra', zorder=0, ha='center')",  # behind a bar
        "ax.plot([-0.8, -0.6], [2, 2.8], color='white')",
        "ax.plot([0, 1, 2], [1, 2, 1], alpha=0)",
        "ax.plot([0, 1, 2], [1, 2, 1], color='red', lw=0)",
        "ax.plot([0.8, 1.2], [1, 1], color='red', zorder=0)",  # behind a bar
        "ax.plot([50, 60], [1, 2], color='red')",  # off the canvas
        "ax.scatter([-0.7], [2.5], s=0, color='red')",
        "ax.scatter([-0.7], [2.5], color='white')",
        "ax.bar([1], [0], color='red')",
        "ax.bar([1], [1], color='red', zorder=0)",
        "ax.axvspan(-0.8, -0.6, 0.5, 0.9, color='white')",
        "ax.plot([0, 1], [1, 2], color='red')[0].remove()",
        "ax.plot([0, 1], [1, 2], color='red')[0].set_visible(False)",
        "plt.figure().add_subplot().plot([1, 2], color='red'); plt.figure(fig)",  # in another figure
        "fig.add_axes([0.2, 0.9, 0.1, 0.05]).axis('off')",
    ],
)
def test_what_has_no_ink_does_not_count(executor, addition):
    code = BAR + "ax.set_xlim(-1, 3)\nax.set_ylim(0, 3.2)\n"
    assert seen(executor, code + addition) == seen(executor, code)


def test_light_and_small_things_count(executor):
    code = BAR + (
        "ax.set_xlim(-1, 3)\n"
        "ax.text(-0.8, 2.8, 'light', color='#cccccc')\n"
        "ax.text(1, 1, 'on a bar', color='white', ha='center')\n"
        "ax.text(2.6, 2.5, 'upright', rotation=90, fontsize=6)\n"
        "ax.plot([0, 1], [2.5, 2.6], color='gold', lw=0.5)\n"
        "ax.scatter([0.5], [2.2], s=2, color='red')\n"
        "ax.fill_between([0, 1], [2.7, 2.8], 3, alpha=0.1, color='green')\n"
    )
    found = seen(executor, code)
    assert {"light", "on a bar", "upright"} <= set(found["texts"])
    assert sorted(found["types"]) == ["bar", "fill_between", "plot", "scatter"]
    assert {("plot", "#ffd700"), ("scatter", "#ff0000"), ("fill_between", "#008000")} <= set(found["colors"])


def test_counts(executor):
    facts = executor.run(BAR + "ax.plot([0, 1, 2], [1, 2, 1], 'o-', label='x')\nax.legend()\n").facts
    assert {name: facts[name] for name in ("num_marks", "num_legend_entries", "num_texts")} == {
        "num_marks": 3 + 3,
        "num_legend_entries": 1,
        "num_texts": 1,
    }
    assert facts["num_elements"] == 6 + facts["num_tick_labels"] + 1 + 1 and facts["num_tick_labels"] > 5


def test_the_facts_of_a_crowded_figure_keep_within_the_limits(executor):
    code = (
        "fig, axes = plt.subplots(9, 9, figsize=(30, 30))\n"
        "for index, ax in enumerate(axes.flat):\n"
        "    ax.axis('off')\n"
        "    for row in range(4):\n"
        "        ax.text(0, row / 4, chr(0x1d54f) * 200 + str(index))\n"
        "        ax.plot([0, 1], [row, row + 0.01 * index], color=(index / 81, row / 4, 0.5))\n"
    )
    result = executor.run(HEAD + code)
    assert result.ok and result.facts is not None
    assert len(json.dumps(result.facts)) <= elements.MAX_FACTS
    assert confirm(result.facts, result.image)["types"]


# ------------------------------------------------------------------------------------------------------ forgery


def test_claims_that_are_forged_need_ink(executor):
    """The program replaces the tracing, which it shares a process with: what it says is still compared with pixels."""
    facts = copy.deepcopy(executor.run(BAR).facts)
    facts["texts"].append(["title", "never drawn", [400, 100, 500, 120], 0, "#000000", 1.0])
    facts["calls"].append(["pie", [[[["#ff0000", 1.0]], 5, [300, 200, 310, 210]]]])
    facts["colors"].append(["bar", "#ff0000", [[[["#ff0000", 1.0]], 5, [300, 200, 310, 210]]]])
    forged = executor.run(BAR + f"import sys\nsys.modules['elements'].trace = lambda figure: {facts!r}\n")
    assert forged.facts == facts
    assert confirm(forged.facts, forged.image) == seen(executor, BAR)


@pytest.mark.parametrize("facts", ["7", "{'num_elements': -1}", "{}", "'x'", "[[]]", "{'texts': float('nan')}"])
def test_malformed_facts_are_none(executor, facts):
    result = executor.run(BAR + f"import sys\nsys.modules['elements'].trace = lambda figure: {facts}\n")
    assert result.ok and result.facts is None
    assert confirm(result.facts, result.image) is None


def test_every_change_of_type_or_length_is_malformed(executor):
    facts = executor.run(BAR).facts
    assert is_valid(facts)

    def places(node, path=()):
        yield path
        for key in node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
            yield from places(node[key], (*path, key))

    for path in list(places(facts))[1:]:
        for wrong in (
            None,
            -1.5,
            float("nan"),
            float("inf"),
            10**30,
            "",
            "x" * 1000,
            {},
            [[]],
            [0] * 1000,
            True,
            b"x",
        ):
            forged = copy.deepcopy(facts)
            node = forged
            for key in path[:-1]:
                node = node[key]
            if node[path[-1]] == wrong:
                continue
            node[path[-1]] = wrong
            cell = path[0] == "axes" and path[2:] == (0,) and wrong is None  # axes outside a grid
            assert is_valid(forged) == cell, (path, wrong)
    assert not is_valid({**facts, "more": 1})


def test_confirm_takes_any_valid_facts_and_any_picture():
    counts = dict.fromkeys(elements.COUNTS, 0)
    edge = 2**20
    facts = counts | {
        "texts": [["title", "x", [-edge, -edge, edge, edge], 1, "#000000", 0]],
        "axes": [[None, [-edge, -edge, -5, -5]], [[0] * 6, [-9, -9, edge, edge]]],
        "calls": [["bar", []], ["plot", [[[], 12, [edge, -edge]]]], ["pie", [[[["#ffffff", 0]], 1, [0, 0]]]]],
        "colors": [["bar", "#zzz", [[[["#ffffff", 1]], 12, [-3, -3, 2, 2]]]]],
    }
    assert is_valid(facts)
    for shape in ((1, 1, 3), (5, 300, 3), (300, 5, 3)):
        picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        assert set(confirm(facts, picture)) == {"texts", "types", "layout", "colors"}

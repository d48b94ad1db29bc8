"""Box plots and violins drawn by plain matplotlib, compared with what matplotlib computes for their samples."""

import numpy as np
import pytest
from matplotlib.cbook import boxplot_stats

from chart2code.distributions import find_boxes, find_violins
from chart2code.sketches import Sheet
from chart2code.verification import verify
from eval_metric.executor import Executor
from eval_metric.similarity import chart_iou, to_canvas

PLT = "import matplotlib.pyplot as plt\nimport numpy as np\n\n"
ANSWER = "import matplotlib.pyplot as plt\n\nfig, ax = plt.subplots()\nax.plot([1, 2], [3, 4])\n"
SAMPLES = "[np.random.default_rng(k).normal(30 + 5 * k, 4, 80) for k in range(4)]"


def samples() -> list[np.ndarray]:
    return [np.random.default_rng(k).normal(30 + 5 * k, 4, 80) for k in range(4)]


def copied(executor: Executor, chart: str) -> str:
    image = executor.run(PLT + chart).image
    (code,) = Sheet.of(to_canvas(image), image.shape[1::-1], ANSWER).measured()
    return code


def variables_of(code: str) -> dict:
    import matplotlib

    matplotlib.use("Agg")
    variables: dict = {}
    exec(code, variables)
    import matplotlib.pyplot as plt

    plt.close("all")
    return variables


@pytest.mark.parametrize("options", ["", ", patch_artist=True, boxprops=dict(facecolor='lightblue')", ", widths=0.7"])
def test_numbers_of_boxes(executor, options):
    code = copied(executor, f"plt.boxplot({SAMPLES}{options})\n")
    boxes, expected = variables_of(code)["boxes"], boxplot_stats(samples())
    for box, truth in zip(boxes, expected, strict=True):
        for name in ("whislo", "q1", "med", "q3", "whishi"):
            assert abs(box[name] - truth[name]) < 0.35, name
        apart = np.abs(np.subtract.outer(box["fliers"], truth["fliers"]))  # two that touch are read as one
        assert apart.size == 0 or max(*apart.min(axis=0), *apart.min(axis=1)) < 0.5
        assert (len(box["fliers"]) == 0) == (len(truth["fliers"]) == 0)
    assert ("lightblue" in code) == ("lightblue" in options) and ("widths=0.7" in code) == ("widths" in options)


def test_boxes_of_several_colors_with_names(executor):
    chart = (
        f"drawn = plt.boxplot({SAMPLES}, patch_artist=True, tick_labels=['low', 'mid', 'high', 'top'])\n"
        "for patch, color in zip(drawn['boxes'], ['gold', 'salmon', 'skyblue', 'lightgreen']):\n"
        "    patch.set_facecolor(color)\nplt.title('Yield')\n"
    )
    image = executor.run(PLT + chart).image
    found = verify(executor, [ANSWER], image, refine=True, time_budget=60, max_renderings=40)
    assert found.iou > 0.9
    assert '["gold", "salmon", "skyblue", "lightgreen"]' in found.code
    assert '["low", "mid", "high", "top"]' in found.code and "Yield" in found.code


def test_a_line_through_boxes(executor):
    code = copied(executor, f"d = {SAMPLES}\nplt.boxplot(d)\nplt.plot(range(1, 5), [v.mean() for v in d], 'r-')\n")
    variables = variables_of(code)
    assert np.allclose(variables["y"], [v.mean() for v in samples()], atol=0.4)


def test_colours_of_medians(executor):
    code = copied(executor, f"plt.boxplot({SAMPLES}, medianprops=dict(color='red', linewidth=1.5))\n")
    assert 'medianprops=dict(color="red")' in code
    assert "medianprops" not in copied(executor, f"plt.boxplot({SAMPLES})\n")


@pytest.mark.parametrize("options", ["", ", showextrema=False"])
def test_shapes_of_violins(executor, options):
    code = copied(executor, f"plt.violinplot({SAMPLES}{options})\n")
    variables = variables_of(code)
    for violin, sample in zip(variables["violins"], samples(), strict=True):
        error = 2.5 if options else 0.6  # a tail of a pixel's width can't be seen, but the line at its end can
        assert max(abs(violin["min"] - sample.min()), abs(violin["max"] - sample.max())) < error
        # The Gaussian kernel density with Scott's factor, written out.
        width = sample.std(ddof=1) * len(sample) ** -0.2
        places = np.array(violin["coords"])
        density = np.exp(-(((places[:, None] - sample) / width) ** 2) / 2).sum(axis=1)
        assert np.abs(np.array(violin["vals"]) - density / density.max()).max() < 0.1
    assert ("showextrema=False" in code) == ("showextrema" in options)


def test_boxes_upon_violins(executor):
    chart = f"d = {SAMPLES}\nplt.violinplot(d, showextrema=False)\nplt.boxplot(d, widths=0.15)\n"
    found = verify(executor, [ANSWER], executor.run(PLT + chart).image, refine=True, time_budget=60, max_renderings=40)
    assert found.iou > 0.85
    assert "ax.violin(" in found.code and "ax.bxp(" in found.code


@pytest.mark.parametrize(
    "chart",
    [
        "plt.bar(list('abcd'), [3, 5, 2, 4], edgecolor='black')",
        "plt.bar(list('abcd'), [3, 5, 2, 4], yerr=0.4, capsize=5)",
        "plt.hist(np.random.default_rng(0).normal(0, 1, 300), bins=12, edgecolor='black')",
        "plt.scatter([1, 2, 3], [4, 5, 4], s=400, facecolors='none', edgecolors='black')",
        "plt.stackplot(range(9), *np.random.default_rng(0).uniform(2, 5, (3, 9)))",
    ],
)
def test_other_marks_are_neither(executor, chart):
    image = executor.run(PLT + chart).image
    sheet = Sheet.of(to_canvas(image), image.shape[1::-1], ANSWER)
    assert len(find_boxes(sheet.target, sheet.box, sheet.scale)) < 2
    assert len(find_violins(sheet)) < 2


def test_violins_of_strong_colors_have_their_medians(executor):
    chart = (
        f"parts = plt.violinplot({SAMPLES}, showextrema=False, showmedians=True)\n"
        "for body, color in zip(parts['bodies'], ['tab:green', 'tab:olive', 'tab:brown', 'tab:red']):\n"
        "    body.set(facecolor=color, alpha=0.7)\nparts['cmedians'].set_color('black')\n"
    )
    code = copied(executor, chart)
    medians = [violin["median"] for violin in variables_of(code)["violins"]]
    assert medians == pytest.approx([np.median(sample) for sample in samples()], abs=0.3)
    assert "showmedians=True" in code and 'set_color("black")' in code
    assert chart_iou(executor.run(code).image, executor.run(PLT + chart).image) > 0.9


@pytest.mark.parametrize("color", ["teal", "#6a4c93"])
def test_violins_of_another_color_than_their_lines(executor, color):
    chart = (
        f"parts = plt.violinplot({SAMPLES}, showmedians=True)\nfor body in parts['bodies']:\n"
        f"    body.set(facecolor='{color}', edgecolor='black', alpha=0.6)\nplt.ylabel('Speed')\n"
    )
    image = executor.run(PLT + chart).image
    (code,) = Sheet.of(to_canvas(image), image.shape[1::-1], ANSWER).measured()
    assert "edgecolor=" in code and "showextrema" not in code and "showmedians=True" in code
    for violin, sample in zip(variables_of(code)["violins"], samples(), strict=True):
        assert max(abs(violin["min"] - sample.min()), abs(violin["max"] - sample.max())) < 0.5
        assert abs(violin["median"] - np.median(sample)) < 0.5
    assert chart_iou(executor.run(code).image, image) > 0.9


def test_edges_of_strong_fills_are_no_series(executor):
    chart = (
        "plt.figure(figsize=(9, 5))\n"
        f"drawn = plt.boxplot({SAMPLES}, patch_artist=True, medianprops=dict(color='black'))\n"
        "for patch, color in zip(drawn['boxes'], ['#fdb462', '#fb8072', '#80b1d3', '#8dd3c7']):\n"
        "    patch.set_facecolor(color)\n"
    )
    code = copied(executor, chart)
    assert len(variables_of(code)["boxes"]) == 4 and "ax.plot(" not in code and "ax.scatter(" not in code

"""The metric: loading by `evaluate` from anywhere, every kind of reference, and means against values by hand."""

import itertools
import json
import math
import os
import subprocess
import sys
import weakref
from pathlib import Path

import evaluate
import numpy as np
import pytest
from PIL import Image

from eval_metric.code_similarity import ast_similarity
from eval_metric.elements import color_f1, confirm, layout_f1, text_f1, type_f1
from eval_metric.eval_metric import SCORES, compare, score
from eval_metric.executor import Executor
from eval_metric.similarity import chart_iou, chart_iou_strict

ROOT = Path(__file__).parents[1]
F1S = {"text_f1": text_f1, "type_f1": type_f1, "layout_f1": layout_f1, "color_f1": color_f1}
BAR = "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.bar(['a', 'b', 'c'], [1, 3, 2])\n"
BARH = BAR.replace("ax.bar", "ax.barh")
LINE = BAR.replace("ax.bar", "ax.plot")


@pytest.fixture(scope="module")
def executor():
    with Executor(timeout=60) as executor:
        yield executor


@pytest.fixture(scope="module")
def pictures(executor):
    return {code: executor.run(code).image for code in (BAR, BARH, LINE)}


@pytest.fixture(scope="module")
def metric(tmp_path_factory):
    return evaluate.load(str(ROOT / "eval_metric"), cache_dir=str(tmp_path_factory.mktemp("cache")))


def test_means_by_hand(executor, pictures):
    predictions = [BAR, BARH, LINE, "1 / 0", LINE]
    references = [
        BAR,
        BAR,
        Image.fromarray(pictures[LINE]),
        BAR,
        {"code": BAR, "image": Image.fromarray(pictures[LINE])},
    ]
    types = ["bar", "bar", "line", "bar", "line"]
    report = score(predictions, references, types, executor=executor, return_samples=True)

    iou, strict = (measure(pictures[BARH], pictures[BAR]) for measure in (chart_iou, chart_iou_strict))
    horizontal, other = ast_similarity(BARH, BAR), ast_similarity(LINE, BAR)
    assert 0 < iou < 0.85 and 0 < horizontal < 1
    assert {key: report[key] for key in ("n", "execution_rate", "success_rate", "threshold")} == {
        "n": 5, "execution_rate": 0.8, "success_rate": 0.6, "threshold": 0.85,
    }  # fmt: skip
    assert report["iou"] == pytest.approx((1 + iou + 1 + 0 + 1) / 5)
    assert report["iou_strict"] == pytest.approx((1 + strict + 1 + 0 + 1) / 5)
    assert report["ast_similarity"] == pytest.approx((1 + horizontal + 0 + other) / 4)  # the third has no code
    assert list(report["by_type"]) == ["bar", "line"]
    bars, lines = report["by_type"]["bar"], report["by_type"]["line"]
    assert bars["n"] == 3 and lines["n"] == 2
    assert bars["execution_rate"] == pytest.approx(2 / 3) and lines["execution_rate"] == 1
    assert bars["success_rate"] == pytest.approx(1 / 3) and lines["success_rate"] == 1
    assert bars["iou"] == pytest.approx((1 + iou) / 3) and lines["iou"] == 1
    assert lines["ast_similarity"] == pytest.approx(other)
    assert {"similarity", "elements", "matplotlib"} <= report["versions"].keys()
    assert report["level"] == executor.level
    assert [sample["status"] for sample in report["samples"]] == ["ok", "ok", "ok", "error", "ok"]
    assert report["samples"][3]["error"] == "ZeroDivisionError: division by zero"
    assert [sample["success"] for sample in report["samples"]] == [True, False, True, False, True]
    assert report["samples"][2]["ast_similarity"] is None

    results = {code: executor.run(code) for code in (BAR, BARH, LINE)}
    elements = {code: confirm(result.facts, result.image) for code, result in results.items()}
    for name, f1 in F1S.items():
        horizontal, other = (f1(elements[code], elements[BAR]) for code in (BARH, LINE))
        assert report[name] == pytest.approx((1 + horizontal + 0 + other) / 4)
        assert report["samples"][2][name] is None and report["samples"][3][name] == 0
    assert report["by_type"]["line"]["type_f1"] == 0 and report["by_type"]["line"]["layout_f1"] == 1


def test_threshold(executor, pictures):
    iou = chart_iou(pictures[BARH], pictures[BAR])
    assert score([BARH], [BAR], threshold=iou, executor=executor)["success_rate"] == 1
    assert score([BARH], [BAR], threshold=iou + 0.001, executor=executor)["success_rate"] == 0


def test_every_kind_of_reference(executor, pictures, tmp_path):
    path = tmp_path / "chart.png"
    Image.fromarray(pictures[BAR]).save(path)
    picture = Image.open(path)
    kinds = [BAR, str(path), path, picture, pictures[BAR], path.read_bytes(), {"image": path}, {"code": BAR}]
    kinds += [{"code": BAR, "image": None}, {"code": None, "image": picture}, {"bytes": path.read_bytes()}]
    kinds += [{"code": BAR, "image": {"bytes": path.read_bytes(), "path": None}}, {"path": str(path), "bytes": None}]
    kinds += [picture.convert("RGBA")]
    kinds += [{"code": BAR, "image": picture}, {"code": "1 / 0", "image": picture}]
    report = score([BAR] * len(kinds), kinds, executor=executor, return_samples=True)
    assert [sample["iou"] for sample in report["samples"]] == [1] * len(kinds)
    # Elements are compared where there is code that runs, syntax trees where there is code.
    codes = [kind.get("code") if isinstance(kind, dict) else kind for kind in kinds]
    runs = [isinstance(code, str) and code == BAR for code in codes]
    assert [sample["color_f1"] for sample in report["samples"]] == [1 if run else None for run in runs]
    trees = [sample["ast_similarity"] for sample in report["samples"]]
    assert trees == [1 if run else None for run in runs[:-1]] + [0]
    no_code = score([BAR], [picture], executor=executor)
    assert no_code["text_f1"] is no_code["ast_similarity"] is no_code["confidence"]["text_f1"] is None


def test_no_bad_prediction_raises(executor):
    bad = [
        "",
        "x = (",
        None,
        5,
        "\0",
        "\ud800",
        "#" * 10**6,
        "import os\nos._exit(1)",
        "(" * 50_000,
        "```python\n",
        b"x",
        ["import os"],
        {},
        float("nan"),
        "x = 1\n" * 2_000_000,  # more than 10 MB
        "```" * 100_000,
        "-" * 60_000 + "1",
    ]
    report = score([*bad, BAR], [BAR] * (len(bad) + 1), executor=executor)
    assert report["execution_rate"] == report["success_rate"] == report["iou"] == pytest.approx(1 / (len(bad) + 1))
    assert report["ast_similarity"] == pytest.approx(1 / (len(bad) + 1))


def test_confidence_is_that_of_the_mean(executor, pictures):
    """Against the normal approximation, and the closed form where all values are equal."""
    predictions = [BAR] * 30 + ["1 / 0"] * 30
    report = score(predictions, [Image.fromarray(pictures[BAR])] * 60, ["a", "b"] * 30, executor=executor)
    deviation = 1.96 * math.sqrt(0.5 * 0.5 / 60)
    for name in ("execution_rate", "success_rate", "iou"):
        assert report["confidence"][name] == pytest.approx([0.5 - deviation, 0.5 + deviation], abs=0.03)
    wider = report["by_type"]["a"]["confidence"]["iou"]
    assert wider[0] < report["confidence"]["iou"][0] and wider[1] > report["confidence"]["iou"][1]
    assert score(["1 / 0"] * 3, [BAR] * 3, executor=executor)["confidence"]["iou"] == [0, 0]


def samples_of(values, successes=None) -> list[dict]:
    successes = [value >= 0.85 for value in values] if successes is None else successes
    return [
        dict.fromkeys(SCORES.values()) | {"executed": True, "success": success, "iou": value}
        for value, success in zip(values, successes)
    ]


def test_compare_by_hand():
    """McNemar's exact test: 10 charts only b gets right, 2 only a: 2 P(X <= 2), X binomial(12, 1/2)."""
    a = samples_of([0.5] * 20, [False] * 10 + [True] * 2 + [True] * 8)
    b = samples_of([0.5] * 20, [True] * 10 + [False] * 2 + [True] * 8)
    found = compare(a, b)["scores"]
    assert found["success_rate"]["p_value"] == pytest.approx(2 * (1 + 12 + 66) / 2**12)
    assert found["success_rate"]["test"] == "exact McNemar"
    assert found["success_rate"]["a"] == 0.5 and found["success_rate"]["difference"] == pytest.approx(0.4)
    low, high = found["success_rate"]["confidence"]
    assert 0 < low < 0.4 < high < 0.8
    assert found["execution_rate"]["p_value"] == found["iou"]["p_value"] == 1
    assert found["iou"]["confidence"] == [0, 0] and found["text_f1"] is None
    json.dumps(found)
    with pytest.raises(ValueError, match="20 and 19 samples"):
        compare(a, b[1:])
    with pytest.raises(ValueError, match="0 and 0 samples"):
        compare([], [])


def test_permutation_test_against_all_permutations():
    generator = np.random.default_rng(1)
    one, other = generator.random(11), generator.random(11) + 0.2
    difference = other - one
    sums = [abs(np.dot(signs, difference)) for signs in itertools.product((-1, 1), repeat=11)]
    exact = np.mean(np.array(sums) >= abs(difference.sum()) - 1e-12)
    assert 0.02 < exact < 0.9
    found = compare(samples_of(one), samples_of(other))["scores"]["iou"]
    assert found["p_value"] == pytest.approx(exact, abs=0.02) and found["n"] == 11
    mirrored = compare(samples_of(other), samples_of(one))["scores"]["iou"]
    assert mirrored["difference"] == pytest.approx(-found["difference"])
    assert mirrored["p_value"] == pytest.approx(exact, abs=0.02)


def test_compare_leaves_out_charts_without_the_score():
    a, b = samples_of([0.1, 0.2, 0.3]), samples_of([0.2, 0.3, 0.4])
    a[0]["text_f1"], a[1]["text_f1"], b[1]["text_f1"] = 0.9, 0.5, 1.0
    found = compare(a, b)["scores"]["text_f1"]
    assert found["n"] == 1 and found["a"] == 0.5 and found["b"] == 1


class Alive:
    """Counts things that are not yet collected."""

    def __init__(self):
        self.now = self.most = 0

    def add(self, thing) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        weakref.finalize(thing, self.drop)

    def drop(self) -> None:
        self.now -= 1


def test_references_are_read_one_by_one_and_not_kept(executor):
    alive = Alive()

    class Charts:
        def __len__(self):
            return 300

        def __getitem__(self, index):
            if index >= len(self):
                raise IndexError
            picture = Image.new("RGB", (8, 8), (index % 256, 0, 0))
            alive.add(picture)
            return picture

    report = score(["1 / 0"] * 300, Charts(), executor=executor)
    assert report["n"] == 300 and report["execution_rate"] == 0
    assert 0 < alive.most < 150


def test_code_in_a_chat_answer(executor):
    answer = f"Certainly! Here is the code:\n```python\n{BAR}```\nIt draws three bars."
    report = score([answer], [BAR], executor=executor)
    assert report["iou"] == report["ast_similarity"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([BAR], [BAR, BAR]), "1 predictions but 2 references"),
        (([BAR], [BAR], ["bar", "bar"]), "1 predictions but 2 chart_types"),
        (([], []), "no predictions"),
        (([BAR, BAR], [BAR, "1 / 0"]), r"references\[1\]: the reference program fails \(ZeroDivisionError"),
        (([BAR], ["missing.png"]), r"references\[0\] is no readable image: .*missing.png"),
        (([BAR], [__file__]), r"references\[0\] is no readable image"),
        (([BAR], [None]), r"references\[0\] has neither code nor an image"),
        (([BAR], [{"code": None, "image": None}]), r"references\[0\] has neither code nor an image"),
        (([BAR], [12]), r"references\[0\] is a int"),
    ],
)
def test_bad_arguments(executor, arguments, message):
    with pytest.raises(ValueError, match=message):
        score(*arguments, executor=executor)


def test_evaluate_module(metric, pictures):
    report = metric.compute(
        predictions=[BAR, BARH],
        references=[BAR, Image.fromarray(pictures[BAR])],  # of different kinds
        chart_types=["bar", "bar"],
        threshold=0.99,
        num_workers=1,
    )
    assert report["success_rate"] == 0.5 and report["by_type"]["bar"]["n"] == 2 and report["threshold"] == 0.99


def test_evaluate_in_batches(metric, pictures):
    image = Image.fromarray(pictures[BAR])
    for references in ([BAR, BAR], [image, image], [{"code": BAR, "image": image}] * 2):
        metric.add_batch(predictions=[BAR, "1 / 0"], references=references)
        metric.add(prediction=BAR, reference=references[0])
        report = metric.compute(num_workers=1)
        assert report["n"] == 3 and report["success_rate"] == pytest.approx(2 / 3)


def test_bad_predictions_in_batches(metric, pictures):
    bad = [None, 5, ["x"], "\ud800", "", "x = 1\n" * 2_000_000, b"x"]
    metric.add_batch(predictions=bad, references=[BAR] * len(bad))
    metric.add(prediction=None, reference=BAR)
    metric.add_batch(predictions=(BAR,), references=[BAR])
    report = metric.compute(num_workers=1)
    assert report["n"] == len(bad) + 2 and report["success_rate"] == pytest.approx(1 / (len(bad) + 2))


def test_batches_are_not_read_at_once(metric, pictures, monkeypatch):
    """`evaluate` itself would decode all pictures before the first is compared."""
    image = Image.fromarray(pictures[BAR])
    metric.add_batch(predictions=["1 / 0"] * 200, references=[image] * 200)
    alive = Alive()
    kind = type(metric.features[1]["references"])
    decode = kind.decode_example

    def counting(self, *args, **kwargs):
        picture = decode(self, *args, **kwargs)
        alive.add(picture)
        return picture

    monkeypatch.setattr(kind, "decode_example", counting)
    assert metric.compute(num_workers=1)["n"] == 200
    assert 0 < alive.most < 150


def test_interruption_leaves_no_lock(metric, monkeypatch):
    module = sys.modules[type(metric).__module__]

    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "score", interrupted)
    metric.add_batch(predictions=[BAR], references=[BAR])
    with pytest.raises(KeyboardInterrupt):
        metric.compute()
    monkeypatch.undo()
    metric.add_batch(predictions=[BAR], references=[BAR])
    assert str(metric.cache_file_name).endswith("default_experiment-1-0.arrow")  # the first name is free
    assert metric.compute(num_workers=1)["n"] == 1


@pytest.mark.slow
def test_several_processes(tmp_path):
    """Each process adds its own predictions; the first computes the scores of all."""
    code = (
        "import evaluate, json, sys, time\n"
        "rank = int(sys.argv[1])\n"
        f"metric = evaluate.load({str(ROOT / 'eval_metric')!r}, num_process=2, process_id=rank, experiment_id='two')\n"
        f"metric.add_batch(predictions=[{BAR!r}, None][rank:], references=[{BAR!r}] * (2 - rank))\n"
        "print(json.dumps(metric.compute(num_workers=1)))\n"
    )
    environment = {**os.environ, "HF_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-c", code]
    processes = [
        subprocess.Popen([*command, str(rank)], env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
        for rank in range(2)
    ]
    first, second = (json.loads(process.communicate(timeout=250)[0].splitlines()[-1]) for process in processes)
    assert [process.returncode for process in processes] == [0, 0]
    assert second is None and first["n"] == 3 and first["success_rate"] == pytest.approx(1 / 3)


def test_failure_leaves_no_lock(metric):
    metric.add_batch(predictions=[BAR], references=["1 / 0"])
    with pytest.raises(ValueError, match="reference program fails"):
        metric.compute(num_workers=1)
    metric.add_batch(predictions=[BAR], references=[BAR])
    assert metric.filelock.is_locked and str(metric.cache_file_name).endswith(
        "default_experiment-1-0.arrow"
    )  # the first name is free
    assert metric.compute(num_workers=1)["success_rate"] == 1


def test_combine(metric):
    report = evaluate.combine([metric]).compute(predictions=[BAR], references=[BAR], num_workers=1)
    assert report["success_rate"] == 1
    both = evaluate.combine({"one": metric, "other": evaluate.load(str(ROOT / "eval_metric"))})
    both.add_batch(predictions=[BAR, "1 / 0"], references=[BAR, BAR])
    report = both.compute(num_workers=1)
    assert report["one_success_rate"] == report["other_success_rate"] == 0.5


def test_load_from_a_foreign_directory_without_the_repository(tmp_path):
    """Only what evaluate's loader copies may be needed: nothing of the repository is importable here."""
    code = (
        "import evaluate, sys\n"
        f"metric = evaluate.load({str(ROOT / 'eval_metric')!r})\n"
        f"report = metric.compute(predictions=[{BAR!r}], references=[{BAR!r}], num_workers=1)\n"
        "assert report['success_rate'] == 1, report\n"
        f"assert not any(str(getattr(m, '__file__', None)).startswith({str(ROOT / 'eval_metric')!r}) "
        "for m in list(sys.modules.values()))\n"
    )
    environment = {**os.environ, "HF_HOME": str(tmp_path / "home")}
    environment.pop("PYTHONPATH", None)
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)


def test_runs_beside_torch_threads(executor, pictures):
    """The caller is never forked, so threads that hold locks in it do no harm."""
    torch = pytest.importorskip("torch")
    torch.randn(400, 400) @ torch.randn(400, 400)
    with Executor(num_workers=2, timeout=60) as fresh:
        results = list(fresh.run_many([BAR, LINE, BARH]))
    assert all(np.array_equal(r.image, pictures[c]) for r, c in zip(results, (BAR, LINE, BARH)))

"""The metric: loading by `evaluate` from anywhere, every kind of reference, and means against values by hand."""

import os
import subprocess
import sys
from pathlib import Path

import evaluate
import numpy as np
import pytest
from PIL import Image

from eval_metric.code_similarity import ast_similarity
from eval_metric.eval_metric import score
from eval_metric.executor import Executor
from eval_metric.similarity import chart_iou, chart_iou_strict

ROOT = Path(__file__).parents[1]
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
def metric():
    return evaluate.load(str(ROOT / "eval_metric"))


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
    assert report["versions"]["similarity"] == "1.0" and "matplotlib" in report["versions"]
    assert [sample["status"] for sample in report["samples"]] == ["ok", "ok", "ok", "error", "ok"]
    assert report["samples"][3]["error"] == "ZeroDivisionError: division by zero"
    assert [sample["success"] for sample in report["samples"]] == [True, False, True, False, True]
    assert report["samples"][2]["ast_similarity"] is None


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
    report = score([BAR] * len(kinds), kinds, executor=executor, return_samples=True)
    assert [sample["iou"] for sample in report["samples"]] == [1] * len(kinds)


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
    ]
    report = score([*bad, BAR], [BAR] * (len(bad) + 1), executor=executor)
    assert report["execution_rate"] == report["success_rate"] == report["iou"] == pytest.approx(1 / (len(bad) + 1))
    assert report["ast_similarity"] == pytest.approx(1 / (len(bad) + 1))


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


def test_failure_leaves_no_lock(metric):
    metric.add_batch(predictions=[BAR], references=["1 / 0"])
    with pytest.raises(ValueError, match="reference program fails"):
        metric.compute(num_workers=1)
    metric.add_batch(predictions=[BAR], references=[BAR])
    assert metric.filelock.is_locked and str(metric.cache_file_name).endswith("-1-0.arrow")  # the first name is free
    assert metric.compute(num_workers=1)["success_rate"] == 1


def test_combine(metric):
    report = evaluate.combine([metric]).compute(predictions=[BAR], references=[BAR], num_workers=1)
    assert report["success_rate"] == 1


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

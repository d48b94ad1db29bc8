"""The evaluation command on a few rendered charts, with a tiny model that has learned one program by heart."""

import json

import numpy as np
import pytest

from chart2code import evaluate as evaluation
from chart2code.dataset import read_split
from chart2code.generation import ChartError, load_model
from chart2code.synthetic import CHART_TYPES, write_dataset

KEYS = {"n", "execution_rate", "success_rate", "iou", "iou_strict", "ast_similarity"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    assert write_dataset(folder, {"train": 0, "validation": 3, "test": 6}, num_workers=1) == 0
    return folder


def test_table_and_json(folder, model_folder, tmp_path, capsys, program):
    arguments = ["--model", model_folder, "--data", folder, "--limit", 6, "--batch_size", 4, "--num_workers", 1]
    arguments += ["--timeout", 60, "--output", tmp_path / "report.json", "--json"]
    assert evaluation.main([str(argument) for argument in arguments]) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    report = json.loads(lines[-1])
    assert report.keys() >= KEYS | {"seconds_per_chart", "by_type", "versions", "complexity_rank_correlation"}
    assert report["n"] == 6 and report["execution_rate"] == 1.0 and report["seconds_per_chart"] > 0
    assert {"torch", "transformers", "matplotlib", "similarity"} <= report["versions"].keys()
    assert "6/6" in captured.err  # progress

    # The means by type and over all are those of the samples.
    stored = json.loads((tmp_path / "report.json").read_text())
    samples = stored.pop("samples")
    assert stored == report
    charts = read_split(folder, "test")
    assert [sample["seed"] for sample in samples] == charts["seed"]
    assert [sample["reference"] for sample in samples] == charts["code"]
    assert all(sample["code"] == program for sample in samples)
    assert list(report["by_type"]) == [name for name in CHART_TYPES if name in charts["chart_type"]]
    for name, scores in [(None, report), *report["by_type"].items()]:
        rows = [sample for sample in samples if name in (None, sample["chart_type"])]
        assert KEYS <= scores.keys() and scores["n"] == len(rows)
        for key in ("iou", "iou_strict", "ast_similarity"):
            assert scores[key] == pytest.approx(np.mean([sample[key] for sample in rows]))
        assert scores["success_rate"] == pytest.approx(np.mean([sample["iou"] >= 0.85 for sample in rows]))
        heading = next(line for line in lines if line.startswith(name or "all"))
        assert heading.split()[1] == str(len(rows)) and f"{scores['iou']:.3f}" in heading


def test_refined_and_reported(folder, model_folder, tmp_path, capsys):
    page = tmp_path / "failures.html"
    arguments = ["--model", str(model_folder), "--data", str(folder), "--limit", "2", "--split", "test", "--json"]
    assert (
        evaluation.main([*arguments, "--refine", "--time_budget", "2", "--timeout", "60", "--report", str(page)]) == 0
    )
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    verified = report["verified"]
    assert verified["refine"] and verified["n"] == 2 and verified["iou"] >= report["iou"]
    assert verified["renderings_per_chart"] >= 1 and verified["seconds_per_chart"] > 0
    failures = sum(report["failures"].values())
    assert failures == round(2 * (1 - verified["success_rate"]))
    assert page.read_text().count("<h3>") == failures and page.stat().st_size < 100_000


def test_complexity_is_the_models(folder, model_folder):
    """c(x) by batches is what a forward pass over all charts gives."""
    import torch

    model, processor = load_model(model_folder)
    charts = read_split(folder, "test")
    _, complexity, _ = evaluation.generate_all(model, processor, charts, batch_size=4, max_new_tokens=1)
    with torch.inference_mode():
        expected = model(**processor(images=list(charts["image"]), code=list(charts["code"]))).complexity
    assert complexity == pytest.approx(expected.tolist(), rel=1e-4)


def test_rank_correlation():
    assert evaluation.rank_correlation([1.0, 5.0, 7.0], [10, 20, 300]) == pytest.approx(1.0)
    assert evaluation.rank_correlation([1.0, 5.0, 7.0], [3, 2, 1]) == pytest.approx(-1.0)
    assert evaluation.rank_correlation([1.0, 1.0, 1.0], [1, 2, 3]) is None


def test_missing_split_is_rendered(tmp_path, monkeypatch):
    import chart2code.synthetic

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(chart2code.synthetic, "SHARD_SIZE", 2)
    monkeypatch.setattr(chart2code.synthetic.write_dataset, "__defaults__", (1, 2, 0.0))
    charts = evaluation.load_charts("synthetic", "test", limit=3)
    assert len(charts) == 3 and set(charts.column_names) >= {"image", "code", "chart_type", "num_elements"}
    assert len(read_split("data/synthetic", "test")) == 4  # whole shards, so that the folder can grow


@pytest.mark.parametrize("arguments", [["--data", "nowhere"], ["--split", "train"], ["--model", "nowhere"]])
def test_mistakes_have_one_line(arguments, folder, model_folder, capsys):
    defaults = {"--data": str(folder), "--split": "test", "--model": str(model_folder)} | {arguments[0]: arguments[1]}
    assert evaluation.main([word for pair in defaults.items() for word in pair]) == 2
    error = capsys.readouterr().err.strip()
    assert len(error.splitlines()) == 1 and error.startswith("evaluate: ")


def test_limit_above_the_split_is_told(folder, capsys):
    assert len(evaluation.load_charts(str(folder), "validation", 10)) == 3
    assert "3 validation charts" in capsys.readouterr().err
    with pytest.raises(ChartError):
        evaluation.load_charts(str(folder), "train", None)

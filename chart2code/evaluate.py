"""
Evaluates a model on charts that it has not seen: generates greedily, executes, compares.

    python -m chart2code.evaluate --model . --data synthetic --split test --limit 500 [--json] [--output report.json]
    python -m chart2code.evaluate ... --refine [--candidates 4] [--time_budget 5] [--report failures.html]

Prints a table by chart type; with `--json`, one JSON object as the last line. The scores are those of `eval_metric`: a
program that fails counts 0 in every mean. `seconds_per_chart` is generation alone (preprocessing and
decoding, batched), without loading, execution and comparison. `complexity_rank_correlation` is Spearman's rank
correlation of the model's c(x) (Eq. 3) with the true number of elements. With `--refine` or `--candidates` the greedy
programs are scored as ever, and beside them, under `verified`, what verification.py makes of them within the budget.
`--report` writes the charts that were not redrawn to one HTML file, with pictures, sorted by cause.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chart2code.dataset import LABELS, SPLITS, read_split
from chart2code.generation import SAMPLES, ChartError, generate_candidates, load_model
from eval_metric.similarity import SUCCESS_IOU

if TYPE_CHECKING:
    from datasets import Dataset
    from PIL import Image
    from transformers import PreTrainedModel, ProcessorMixin

    from chart2code.verification import Verified

ROOT = Path(__file__).resolve().parents[1]
DATA = {"synthetic": "data/synthetic"}
SCORES = {  # key of the metric -> heading of the table
    "execution_rate": "executed",
    "success_rate": f"IoU >= {SUCCESS_IOU}",
    "iou": "IoU",
    "iou_strict": "strict IoU",
    "ast_similarity": "AST",
    "text_f1": "text F1",
    "type_f1": "type F1",
    "layout_f1": "layout F1",
    "color_f1": "color F1",
}

WIDTHS = (19, 19, 8, 12, 8, 11, 11, 11, 11)  # of the columns


def load_charts(data: str, split: str, limit: int | None) -> Dataset:
    """
    The first `limit` charts of a split. `data`: a folder as in dataset.py, or "synthetic" for data/synthetic, of which
    a missing split is rendered first (in whole shards, as many as are needed).
    """
    from chart2code.synthetic import SHARD_SIZE, write_dataset

    folder = Path(DATA.get(data, data))
    try:
        if data in DATA and not folder.exists():
            count = -(-(limit or SHARD_SIZE) // SHARD_SIZE) * SHARD_SIZE
            print(f"there is no {folder} yet: rendering {count} {split} charts", file=sys.stderr)
            write_dataset(folder, {name: count if name == split else 0 for name in SPLITS})
    except ValueError as error:
        raise ChartError(str(error)) from None
    charts = read_split(folder, split)
    if limit is not None and limit > len(charts):
        print(f"note: {folder} has {len(charts)} {split} charts, fewer than --limit {limit}", file=sys.stderr)
    return charts.select(range(min(limit or len(charts), len(charts))))


def generate_all(
    model: PreTrainedModel,
    processor: ProcessorMixin,
    charts: Dataset,
    batch_size: int,
    max_new_tokens: int,
    candidates: int = 1,
) -> tuple[list[list[str]], list[float], float]:
    """Programs of all charts (the greedy one first), their c(x), and the seconds that the programs took."""
    import torch
    from tqdm import tqdm

    codes, complexity, seconds = [], [], 0.0
    with tqdm(total=len(charts), desc="generating", unit="chart") as progress:
        for start in range(0, len(charts), batch_size):
            images = charts[start : start + batch_size]["image"]
            began = time.perf_counter()
            codes += generate_candidates(model, processor, images, candidates, max_new_tokens, batch_size)
            seconds += time.perf_counter() - began
            with torch.inference_mode():
                pixel_values = processor(images=images, return_tensors="pt")["pixel_values"].to(model.device)
                complexity += model.get_image_features(pixel_values).complexity.float().tolist()
            progress.update(len(images))
    return codes, complexity, seconds


def verify_all(
    codes: list[list[str]],
    charts: Dataset,
    refine: bool,
    time_budget: float,
    num_workers: int,
    timeout: float,
    sample: Callable[[Image.Image], list[str]],
) -> list[Verified]:
    """The candidates of all charts, verified one chart after the other. `sample` gives others for those that fail."""
    from tqdm import tqdm

    from chart2code.verification import verify
    from eval_metric.executor import Executor

    found = []
    with Executor(num_workers, timeout, labels=refine) as executor:
        executor.start()  # started before the clock
        for candidates, image in tqdm(zip(codes, charts["image"]), "verifying", len(codes), unit="chart"):
            more = partial(sample, image) if refine else None
            found.append(verify(executor, candidates, image, refine, time_budget, more=more))
    return found


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's rank correlation, or None where it isn't defined (constant values, fewer than three)."""
    from scipy.stats import spearmanr

    if len(first) < 3 or len(set(first)) == 1 or len(set(second)) == 1:
        return None
    return float(spearmanr(first, second).statistic)


def evaluate(
    model: PreTrainedModel,
    processor: ProcessorMixin,
    charts: Dataset,
    batch_size: int = 16,
    max_new_tokens: int = 512,
    num_workers: int = 2,
    timeout: float = 30.0,
    candidates: int = 1,
    refine: bool = False,
    time_budget: float = 5.0,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """
    Scores `model` on `charts` (columns as in `chart2code.dataset`), greedily, and with more candidates or refinement
    also what verification makes of the answers, at most `time_budget` seconds a chart.

    Returns:
        The report (the keys of the JSON object), and for each chart its metadata, code and scores.
    """
    import torch
    import transformers

    from chart2code.synthetic import CHART_TYPES
    from eval_metric.eval_metric import score

    answers, complexity, seconds = generate_all(model, processor, charts, batch_size, max_new_tokens, candidates)
    codes = [answer[0] for answer in answers]

    def scored(codes: list[str]) -> dict[str, Any]:
        return score(
            codes,
            charts.select_columns(["image", "code"]),
            chart_types=charts["chart_type"],
            num_workers=num_workers,
            timeout=timeout,
            progress=True,
            return_samples=True,
        )

    report = scored(codes)
    samples = []
    columns = [name for name in charts.column_names if name not in ("image", *LABELS)]
    for row, code, value, scores in zip(charts.select_columns(columns), codes, complexity, report.pop("samples")):
        row["reference"] = row.pop("code")
        samples.append({**row, "code": code, "complexity": value, **scores})
    if refine or candidates > 1:

        def sample(image: Image.Image) -> list[str]:
            return generate_candidates(model, processor, [image], 1 + SAMPLES, max_new_tokens, batch_size)[0][1:]

        found = verify_all(answers, charts, refine, time_budget, num_workers, timeout, sample)
        verified = scored([answer.code for answer in found])
        for sample, answer, scores in zip(samples, found, verified.pop("samples")):
            told = {"code": answer.code, "renderings": answer.renderings, "seconds": answer.seconds}
            sample["verified"] = {**told, **scores}
        verified |= {"candidates": candidates, "refine": refine, "time_budget": time_budget}
        verified["renderings_per_chart"] = sum(answer.renderings for answer in found) / len(found)
        verified["seconds_per_chart"] = sum(answer.seconds for answer in found) / len(found)
        report["verified"] = verified
    for part in (report, report.get("verified", report)):
        by_type = part["by_type"]
        part["by_type"] = {name: by_type[name] for name in CHART_TYPES if name in by_type}
    report["timeout"] = timeout
    report["seconds_per_chart"] = seconds / len(codes)
    known = [(value, count) for value, count in zip(complexity, charts["num_elements"]) if count >= 0]
    report["complexity_rank_correlation"] = rank_correlation(*zip(*known)) if known else None
    report["versions"] |= {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "python": platform.python_version(),
    }
    return report, samples


def print_report(report: dict[str, Any]) -> None:
    print_table(report)
    correlation = report["complexity_rank_correlation"]
    print(f"generation: {report['seconds_per_chart']:.3f} s a chart")
    print(
        "rank correlation of c(x) with the number of elements:", "-" if correlation is None else f"{correlation:.3f}"
    )
    verified = report.get("verified")
    if verified is not None:
        how = f"{verified['candidates']} candidates" + (", refined" if verified["refine"] else "")
        print(f"\nverified ({how}, {verified['time_budget']:g} s a chart at most):")
        print_table(verified)
        print(f"{verified['renderings_per_chart']:.0f} renderings, {verified['seconds_per_chart']:.2f} s a chart")


def print_table(report: dict[str, Any]) -> None:
    print(f"{'':10}{'n':>6}" + "".join(f"{name:>{width}}" for name, width in zip(SCORES.values(), WIDTHS)))
    for name, scores in [("all", report), *report["by_type"].items()]:
        cells = ["-" if scores[key] is None else f"{scores[key]:.3f}" for key in SCORES]
        for index, key in enumerate(SCORES):
            if key.endswith("_rate"):
                low, high = scores["confidence"][key]
                cells[index] = f"{100 * scores[key]:.1f} % [{100 * low:.0f}, {100 * high:.0f}]"
        print(f"{name:10}{scores['n']:>6}" + "".join(f"{cell:>{width}}" for cell, width in zip(cells, WIDTHS)))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m chart2code.evaluate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default=str(ROOT), help="model folder or Hub repository (default: this repository)")
    parser.add_argument("--data", default="synthetic", help="'synthetic' (data/synthetic), or a folder of that kind")
    parser.add_argument("--split", default="test", choices=SPLITS)
    parser.add_argument("--limit", type=int, help="the first so many charts of the split (default: all)")
    parser.add_argument("--batch_size", type=int, default=16, help="charts generated together (default: %(default)s)")
    parser.add_argument("--max_new_tokens", type=int, default=512, help="longest program (default: %(default)s)")
    parser.add_argument("--num_workers", type=int, default=2, help="programs executed together (default: 2)")
    # Longer than the metric's default: no program needs it, but a busy machine must not count as a failing program.
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds per program (default: %(default)s)")
    parser.add_argument("--candidates", type=int, default=1, help="programs per chart, the best fitting is kept")
    parser.add_argument("--refine", action="store_true", help="adjust the programs by executing them")
    parser.add_argument(
        "--time_budget", "--time-budget", type=float, default=5.0, help="seconds of that for a chart (default: 5)"
    )
    parser.add_argument("--output", type=Path, help="JSON file for the report with the result of every chart")
    parser.add_argument("--report", type=Path, help="HTML file for the failures, sorted by cause, with pictures")
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object in the last line")
    arguments = parser.parse_args(argv)
    for name in ("limit", "batch_size", "max_new_tokens", "num_workers", "timeout", "candidates"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            parser.error(f"--{name} must be at least 1, got {value}")
    for name in ("output", "report"):
        path = getattr(arguments, name)
        if path is not None and not path.parent.is_dir():
            parser.error(f"--{name} {path}: there is no folder {path.parent}")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    try:
        charts = load_charts(arguments.data, arguments.split, arguments.limit)
        model, processor = load_model(arguments.model)
        report, samples = evaluate(
            model,
            processor,
            charts,
            batch_size=arguments.batch_size,
            max_new_tokens=arguments.max_new_tokens,
            num_workers=arguments.num_workers,
            timeout=arguments.timeout,
            candidates=arguments.candidates,
            refine=arguments.refine,
            time_budget=arguments.time_budget,
        )
    except ChartError as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 2
    report |= {"model": arguments.model, "data": arguments.data, "split": arguments.split}
    print_report(report)
    if arguments.output is not None:
        arguments.output.write_text(json.dumps({**report, "samples": samples}, indent=1) + "\n", encoding="utf-8")
    if arguments.report is not None:
        from chart2code.report import write_report

        report["failures"] = write_report(arguments.report, samples, charts)
        print("failures:", ", ".join(f"{cause} {count}" for cause, count in report["failures"].items()))
    if arguments.json:
        print(json.dumps(report))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)

"""How long the metric takes for pairs of a program and a reference picture, and how much memory.

    python benchmarks/metric_speed.py                     # 1,000 pairs: a minute or two, on an idle machine
    python benchmarks/metric_speed.py --pairs 50 --json

The charts are of all families of the validation split; half of the predictions are the chart's own program, half that
of another chart. References are PNG files in memory. `seconds` is `score` with one worker per core, the start of the
workers and the bootstrap included. The parts are CPU time per pair in the scorer's process, measured on a few pairs
one by one; execution is the wall-clock time of a program in a worker. `peak_mib` is the largest resident size of the
scorer's process, `growth_mib` what of it came with `score`.
"""

import argparse
import io
import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from chart2code.synthetic import FIRST_SEED, generate_program  # noqa: E402
from eval_metric.code_similarity import ast_similarity, extract_code  # noqa: E402
from eval_metric.elements import confirm, is_valid  # noqa: E402
from eval_metric.eval_metric import open_image, score, usable_cores  # noqa: E402
from eval_metric.executor import ExecutionResult, Executor  # noqa: E402
from eval_metric.similarity import chart_iou, chart_iou_strict, to_canvas  # noqa: E402

CHARTS = 200  # different ones; more pairs repeat them
SAMPLE = 20  # pairs that the parts are measured on


def make_pairs(count: int) -> tuple[list[str], list[bytes], list[ExecutionResult]]:
    """Programs, pictures to redraw as PNG, and what became of the first programs."""
    number = min(count, CHARTS)
    codes = [generate_program(FIRST_SEED["validation"] + index, "validation").code for index in range(number)]
    pictures, results = [], []
    with Executor(usable_cores(), timeout=60) as executor:
        for result in tqdm(executor.run_many(codes), total=number, desc="rendering", unit="chart"):
            if not result.ok:
                raise SystemExit(f"a program of the benchmark failed: {result.error}")
            file = io.BytesIO()
            Image.fromarray(result.image).save(file, "png")
            pictures.append(file.getvalue())
            results += [result] if len(results) < SAMPLE else []
    predictions = [codes[(index + index % 2) % number] for index in range(count)]
    return predictions, [pictures[index % number] for index in range(count)], results


def milliseconds(work: Callable, *columns: Sequence) -> float:
    """CPU time of one call, the mean over all rows."""
    start = time.process_time()
    rows = list(zip(*columns))
    for row in rows:
        work(*row)
    return 1000 * (time.process_time() - start) / len(rows)


def measure_parts(predictions: list[str], pictures: list[bytes], results: list[ExecutionResult]) -> dict[str, float]:
    images = [result.image for result in results]
    canvases = [to_canvas(image) for image in images]
    others = canvases[1:] + canvases[:1]
    facts = [result.facts for result in results]
    codes = predictions[: len(results)]
    return {
        "execution": 1000 * sum(result.seconds for result in results) / len(results),
        "open_reference": milliseconds(open_image, pictures[: len(results)]),
        "to_canvas": milliseconds(to_canvas, images),
        "iou": milliseconds(chart_iou, canvases, others),
        "iou_strict": milliseconds(chart_iou_strict, canvases, others),
        "elements": milliseconds(is_valid, facts) + milliseconds(confirm, facts, images),
        "extract_code": milliseconds(extract_code, codes),
        "ast_similarity": milliseconds(ast_similarity, codes, codes[1:] + codes[:1]),
    }


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=1000, help="(default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    arguments = parser.parse_args()
    if arguments.pairs < 2:
        parser.error("--pairs must be at least 2")
    predictions, pictures, results = make_pairs(arguments.pairs)
    parts = measure_parts(predictions, pictures, results)
    before, start = peak_mib(), time.perf_counter()
    report = score(predictions, pictures, timeout=60, progress=True)
    seconds, peak = time.perf_counter() - start, peak_mib()

    each = 1000 * seconds / arguments.pairs
    print(f"{arguments.pairs} pairs on {usable_cores()} cores: {seconds:.1f} s, {each:.1f} ms each")
    print(f"memory of the scorer: {peak:.0f} MiB at most, {peak - before:.0f} MiB of it in the scoring")
    print("milliseconds a pair: " + ", ".join(f"{name} {value:.1f}" for name, value in parts.items()))
    figures = {"pairs": arguments.pairs, "cores": usable_cores(), "seconds": seconds, "parts_ms": parts}
    figures |= {"peak_mib": peak, "growth_mib": peak - before}
    figures |= {name: report[name] for name in ("execution_rate", "success_rate", "level", "versions")}
    if arguments.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()

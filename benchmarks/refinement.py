"""What refinement makes of the model's answers, and what a rendering costs.

    python benchmarks/refinement.py                            # some 15 minutes, on an idle machine
    python benchmarks/refinement.py --limit 20 --json

Charts are the first ones of the validation split (never of the test split), one after another, as `predict.py
--refine` takes them: greedy answer; the best of `--candidates` programs; that one refined within `--time_budget`
seconds.

A rendering is timed in three ways, each on one core, on variants of the charts' own programs: several variants in one
forked process (the way of refinement), a fork for each (the executor's usual way, for programs that must not touch one
another), and bare matplotlib in this process (nothing confined, nothing traced, no pixels sent).
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from chart2code.evaluate import load_charts  # noqa: E402
from chart2code.generation import generate_candidates, load_model  # noqa: E402
from chart2code.verification import verify  # noqa: E402
from eval_metric.executor import Executor  # noqa: E402
from eval_metric.similarity import SUCCESS_IOU, chart_iou, to_canvas  # noqa: E402

WAYS = ("greedy", "candidates", "refined")
VARIANTS = 8  # of each program, to time renderings


def measure(model, processor, charts, candidates: int, time_budget: float) -> dict[str, dict]:
    """{family: {n, way: {success, iou}, renderings, seconds}}"""
    from tqdm import tqdm

    scores = defaultdict(lambda: defaultdict(list))
    with Executor(2, timeout=30, labels=True) as executor:
        executor.start()
        for chart in tqdm(charts, unit="chart"):
            image = chart["image"]
            answers = generate_candidates(model, processor, [image], candidates)[0]
            greedy = verify(executor, answers[:1], image)
            best = verify(executor, answers, image, time_budget=60) if len(answers) > 1 else greedy
            refined = verify(executor, answers, image, refine=True, time_budget=time_budget)
            for family in (chart["chart_type"], "all"):
                for way, found in zip(WAYS, (greedy, best, refined)):
                    scores[family][way].append(found.iou)
                scores[family]["renderings"].append(refined.renderings)
                scores[family]["seconds"].append(refined.seconds)
    return {family: summary(values) for family, values in sorted(scores.items())}


def report(families: dict[str, dict]) -> None:
    """Prints what `measure` gives as a table."""
    print(f"success (IoU >= {SUCCESS_IOU}) and mean IoU: greedy answer, best of the candidates, refined")
    print(f"{'':10}{'n':>5}" + "".join(f"{way:>18}" for way in WAYS) + f"{'renderings':>12}{'seconds':>9}")
    for family, scores in families.items():
        cells = "".join(f"{100 * scores[way]['success']:>9.0f} %  {scores[way]['iou']:.3f}" for way in WAYS)
        print(f"{family:10}{scores['n']:>5}{cells}{scores['renderings']:>12.0f}{scores['seconds']:>9.1f}")


def summary(values: dict[str, list[float]]) -> dict:
    ways = {way: {"success": share_of_good(values[way]), "iou": statistics.mean(values[way])} for way in WAYS}
    told = {name: statistics.mean(values[name]) for name in ("renderings", "seconds")}
    return {"n": len(values["greedy"]), **ways, **told}


def share_of_good(ious: list[float]) -> float:
    return sum(iou >= SUCCESS_IOU for iou in ious) / len(ious)


def time_renderings(programs: list[str]) -> dict[str, float]:
    """Milliseconds a rendering: as variants, with a fork for each, in this process; and of comparing two pictures."""
    codes = [f"{code}\n# {k}\n" for code in programs for k in range(VARIANTS)]
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})  # workers inherit it
    try:
        with Executor(1, timeout=60, labels=True) as executor:
            images = [to_canvas(result.image) for result in executor.run_many(codes[:VARIANTS]) if result.ok]
            seconds = {
                "variants": clock(lambda: list(executor.run_many(codes, family=codes))),
                "fork": clock(lambda: list(executor.run_many(codes))),
                "in_process": clock(lambda: draw(codes)),
            }
        times = {name: 1000 * value / len(codes) for name, value in seconds.items()}
        times["comparison"] = 1000 * clock(lambda: [chart_iou(image, images[0]) for image in images]) / len(images)
    finally:
        os.sched_setaffinity(0, cores)
    return times


def draw(codes: list[str]) -> None:
    import matplotlib.pyplot as plt

    for code in codes:
        exec(compile(code, "chart.py", "exec"), {"__name__": "__main__"})
        plt.gcf().canvas.draw()
        plt.close("all")
        plt.rcdefaults()


def clock(action) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=str(REPOSITORY))
    parser.add_argument("--data", default="synthetic", help="as for chart2code.evaluate")
    parser.add_argument("--limit", type=int, default=100, help="charts (default: %(default)s)")
    parser.add_argument("--candidates", type=int, default=4, help="programs a chart (default: %(default)s)")
    parser.add_argument("--time_budget", type=float, default=5.0, help="seconds a chart (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object in the last line")
    arguments = parser.parse_args()
    os.environ["MPLBACKEND"] = "Agg"
    charts = load_charts(arguments.data, "validation", arguments.limit)
    model, processor = load_model(arguments.model)
    families = measure(model, processor, charts, arguments.candidates, arguments.time_budget)
    report(families)
    times = time_renderings(charts["code"][:10])
    print(f"one rendering: {times['variants']:.0f} ms with variants in one process,", end=" ")
    print(f"{times['fork']:.0f} ms with a fork for each, {times['in_process']:.0f} ms bare in one process;", end=" ")
    print(f"comparison with the chart: {times['comparison']:.0f} ms")
    if arguments.json:
        settings = {"limit": len(charts), "candidates": arguments.candidates, "time_budget": arguments.time_budget}
        print(json.dumps({**settings, "families": families, "rendering_ms": times}))


if __name__ == "__main__":
    main()

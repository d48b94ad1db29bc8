"""What the model's own answers fail by: parts of its programs in the true ones, and true parts in its programs.

    python experiments/causes.py --chart_type bar --limit 100        # two minutes

On validation charts, greedy. Lines of a program belong to one of five parts: figure, data, the calls that draw them,
texts (title, names of the axes), and the rest. `as predicted` is the true program with that part of the answer, `as it
is` the answer with that part of the true program; shares of IoU >= 0.85 and mean IoU.
"""

import argparse
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from chart2code.dataset import read_split  # noqa: E402
from chart2code.generation import generate_code, load_model  # noqa: E402
from chart2code.synthetic import CHART_TYPES  # noqa: E402
from eval_metric.executor import Executor  # noqa: E402
from eval_metric.similarity import SUCCESS_IOU, chart_iou  # noqa: E402

PARTS = {  # in the order of programs; what is none of these is the rest
    "figure": re.compile(r"subplots\("),
    "data": re.compile(r"= (zip|range|\[)"),
    "calls": re.compile(r"\.(bar|barh|plot|scatter|pie|stackplot|fill_between|errorbar|twinx)\("),
    "texts": re.compile(r"set_(title|xlabel|ylabel)\("),
}


def parts_of(code: str) -> dict[str, list[str]]:
    """The lines of a program, by part, without imports and empty ones."""
    parts: dict[str, list[str]] = {name: [] for name in (*PARTS, "rest")}
    for line in code.splitlines():
        if line.strip() and not line.startswith("import "):
            parts[next((name for name, form in PARTS.items() if form.search(line)), "rest")].append(line)
    return parts


def program(parts: dict[str, list[str]]) -> str:
    return "\n".join(["import matplotlib.pyplot as plt", *(line for lines in parts.values() for line in lines)]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=str(ROOT))
    parser.add_argument("--data", default=str(ROOT / "data" / "synthetic"))
    parser.add_argument("--chart_type", choices=CHART_TYPES, default="bar")
    parser.add_argument("--limit", type=int, default=100, help="charts (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object in the last line")
    arguments = parser.parse_args()

    rows = read_split(arguments.data, "validation")
    chosen = [k for k, kind in enumerate(rows["chart_type"]) if kind == arguments.chart_type][: arguments.limit]
    images = [rows[k]["image"] for k in chosen]
    model, processor = load_model(arguments.model)
    answers = generate_code(model, processor, images, max_new_tokens=300, batch_size=16)

    programs: list[tuple[str, str, int]] = []  # (which, code, chart)
    for place, (k, answer) in enumerate(zip(chosen, answers)):
        true, predicted = parts_of(rows[k]["code"]), parts_of(answer)
        programs.append(("the answer", program(predicted), place))
        for name in true:
            programs.append((f"{name} as predicted", program(true | {name: predicted[name]}), place))
            programs.append((f"{name} as it is", program(predicted | {name: true[name]}), place))
    scores: dict[str, list[float]] = {}
    with Executor(num_workers=2) as executor:
        for (which, _, place), result in zip(programs, executor.run_many(code for _, code, _ in programs)):
            scores.setdefault(which, []).append(chart_iou(result.image, images[place]) if result.ok else 0.0)
    figures = {
        which: {"success": sum(iou >= SUCCESS_IOU for iou in ious) / len(ious), "iou": sum(ious) / len(ious)}
        for which, ious in scores.items()
    }
    print(f"{arguments.chart_type}, {len(chosen)} charts: IoU >= {SUCCESS_IOU}, mean IoU")
    for which, figure in figures.items():
        print(f"{which:22s} {100 * figure['success']:5.1f} %  {figure['iou']:.3f}")
    if arguments.json:
        print(json.dumps({"chart_type": arguments.chart_type, "n": len(chosen), **figures}))


if __name__ == "__main__":
    main()

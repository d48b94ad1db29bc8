"""What L_semantic does where imitation misleads: programs of the data that do not draw their pictures.

    python experiments/semantic_loss.py --output assets/semantic_loss.png

In three of four training programs that have it, `fig.tight_layout()` is missing, as if programs from the web had been
cleaned of it; the pictures stay. A model learns from them for a while (`--start` steps of `train.py --config
configs/tiny_semantic.yaml` without L_semantic), then goes on with L_semantic and without it, several seeds each,
everything else equal. Printed and drawn are the success rate (IoU >= 0.85), the execution rate and the mean IoU of
greedy programs of the same validation charts, which are whole, every `eval_generate_steps` steps. Runs that are
finished are not run again; one that was interrupted continues.
"""

import argparse
import json
import sys
from pathlib import Path

import matplotlib
import numpy as np
from datasets import Image

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from chart2code.dataset import read_split, select_charts, write_shard  # noqa: E402
from chart2code.generation import ChartError  # noqa: E402
from experiments.runs import train_once  # noqa: E402

FAMILY, LINE, WHOLE = "bar", "fig.tight_layout()\n", 4
SCORES = {"eval_success_rate": "success rate", "eval_execution_rate": "execution rate", "eval_iou": "mean IoU"}


def write_data(source: str, folder: Path) -> None:
    """Charts of `FAMILY` of the data set `source`; of the training programs, one in `WHOLE` keeps `LINE`."""
    for split in ("train", "validation"):
        path = folder / split / "shard-00000.parquet"
        if path.is_file():
            continue
        charts = select_charts(read_split(source, split), families=[FAMILY])
        rows = [{**row, "image": row["image"]["bytes"]} for row in charts.cast_column("image", Image(decode=False))]
        for row in rows if split == "train" else ():
            if row["seed"] % WHOLE:
                row["code"] = row["code"].replace(LINE, "")
        write_shard(path, rows)


def curve(config: Path, output: Path, arguments: list[str]) -> dict[int, dict[str, float]]:
    """{step: log line of the evaluation by generation} of one run, which is run if it has not been."""
    history = train_once(config, output, arguments)["history"]
    return {line["step"]: line for line in history if "eval_success_rate" in line}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=ROOT / "configs/tiny_semantic.yaml")
    parser.add_argument("--data", default="data/synthetic", help="data set that the charts are taken from")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs/semantic_loss", help="folder of the runs")
    parser.add_argument("--start", type=int, default=60, help="steps without L_semantic before both arms")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--output", type=Path, help="PNG file for the curves")
    parser.add_argument("--json", action="store_true", help="print the results as one JSON object in the last line")
    arguments, passed = parser.parse_known_args()  # the rest is for train.py, e.g. --max_steps 20

    data, start = arguments.runs / "data", arguments.runs / "start"
    try:
        write_data(arguments.data, data)
    except ChartError as error:
        sys.exit(f"semantic_loss.py: {error}")
    passed = ["--data", str(data), *passed]
    begin = ["--semantic_weight", "0", "--per_device_train_batch_size", "16"]
    begin += ["--max_steps", str(arguments.start), "--eval_generate_steps", str(arguments.start)]
    zero = curve(arguments.config, start, [*passed, *begin])[arguments.start]

    results = {}
    for seed in range(1, arguments.seeds + 1):
        for name, values in (("without", ["--semantic_weight", "0"]), ("with", [])):
            output = arguments.runs / f"{name}_{seed}"
            run = [*passed, "--model", str(start), "--seed", str(seed), *values]
            results.setdefault(name, []).append({0: zero, **curve(arguments.config, output, run)})
    steps = sorted(set.intersection(*(set(run) for runs in results.values() for run in runs)))
    table = {  # (seeds, steps)
        name: {key: np.array([[run[step][key] for step in steps] for run in runs]) for key in SCORES}
        for name, runs in results.items()
    }
    print(f"{'step':>6}" + "".join(f"{label + ' ' + name:>26}" for label in SCORES.values() for name in table))
    for index, step in enumerate(steps):
        cells = [table[name][key][:, index] for key in SCORES for name in table]
        print(f"{step:>6}" + "".join(f"{c.mean():>17.3f} +- {c.std():.3f}" for c in cells))
    if arguments.output is not None:
        fig, axes = plt.subplots(1, len(SCORES), figsize=(11, 3.5))
        for ax, (key, label) in zip(axes, SCORES.items()):
            for name, color in (("without", "tab:gray"), ("with", "tab:blue")):
                values = table[name][key]
                ax.plot(steps, values.mean(axis=0), color=color, label=f"{name} L_semantic")
                ax.fill_between(steps, values.min(axis=0), values.max(axis=0), color=color, alpha=0.2, linewidth=0)
            ax.set(xlabel="steps", ylim=(0, 1.03), title=label)
            ax.grid(alpha=0.3)
        axes[0].legend()
        fig.suptitle(f"Validation charts, greedy programs; mean and range of {arguments.seeds} seeds")
        fig.tight_layout()
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        fig.savefig(arguments.output, dpi=100)
    if arguments.json:
        last = {name: {key: float(v[:, -1].mean()) for key, v in table[name].items()} for name in table}
        print(json.dumps({"steps": steps[-1], "seeds": arguments.seeds, **last}))


if __name__ == "__main__":
    main()

"""The three arms, `standard`, `lora` and `mola`, from the same base on the same charts, several seeds.

    OMP_NUM_THREADS=1 python experiments/arms.py --max_steps 100 --warmup_steps 20 --eval_steps 20

The base is the model of this repository without its experts. Each arm trains on from it by its own YAML file
(configs/tiny_standard.yaml, tiny_lora.yaml, tiny_mola.yaml: rank, learning rate and what moves; steps, batch and
charts are the same), and answers the first `--limit` validation charts, greedy. Printed, as mean and standard
deviation over the seeds: validation loss, success (IoU >= 0.85) of all charts and of each type, executed programs,
trainable parameters, peak memory of the process, seconds a step (without evaluations), and the seconds to the
validation loss that the last run reaches at its end. What is not known here goes to train.py. Runs that are finished
are not run again.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from chart2code.synthetic import CHART_TYPES  # noqa: E402
from experiments.runs import spread, train_once  # noqa: E402
from modeling_c2c_mola import C2CMolaForConditionalGeneration  # noqa: E402
from processing_c2c_mola import C2CMolaProcessor  # noqa: E402

ARMS = ("standard", "lora", "mola")


def write_base(model: str, folder: Path) -> None:
    """Saves a model without its experts."""
    if not (folder / "config.json").is_file():
        C2CMolaForConditionalGeneration.from_pretrained(model, num_experts=0).save_pretrained(folder)
        C2CMolaProcessor.from_pretrained(model).save_pretrained(folder)


def evaluate(model: Path, data: str, limit: int) -> dict:
    command = [sys.executable, "-m", "chart2code.evaluate", "--model", str(model), "--data", data, "--json"]
    command += ["--split", "validation", "--limit", str(limit), "--max_new_tokens", "300"]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def final_loss(run: dict) -> float:
    return [line["eval_loss"] for line in run["history"] if "eval_loss" in line][-1]


def seconds_to(loss: float, run: dict) -> float:
    """The training time after which the validation loss is not above `loss` (steps of evaluation apart)."""
    losses = {line["step"]: line["eval_loss"] for line in run["history"] if "eval_loss" in line}
    return min(step for step, value in losses.items() if value <= loss) * seconds_per_step(run)


def seconds_per_step(run: dict) -> float:
    end = run["history"][-1]
    return (end["train_runtime"] - sum(line.get("eval_runtime", 0) for line in run["history"])) / end["step"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=str(ROOT))
    parser.add_argument("--data", default=str(ROOT / "data" / "synthetic"))
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "arms", help="folder of the runs")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--limit", type=int, default=200, help="validation charts (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the results as one JSON object in the last line")
    arguments, passed = parser.parse_known_args()  # the rest is for train.py

    base = arguments.runs / "base"
    write_base(arguments.model, base)
    runs: dict[str, list[dict]] = {arm: [] for arm in ARMS}
    for seed in range(1, arguments.seeds + 1):
        for arm in ARMS:
            output = arguments.runs / f"{arm}_{seed}"
            own = ["--model", str(base), "--data", arguments.data, "--seed", str(seed), "--eval_generate_steps", "0"]
            run = train_once(ROOT / "configs" / f"tiny_{arm}.yaml", output, [*own, *passed])
            scores = output / "scores.json"
            if not scores.is_file():
                scores.write_text(json.dumps(evaluate(output, arguments.data, arguments.limit)))
            runs[arm].append(run | {"scores": json.loads(scores.read_text())})

    reached = max(map(final_loss, sum(runs.values(), [])))
    rows = {
        "validation loss": final_loss,
        "success": lambda run: run["scores"]["success_rate"],
        **{f"success, {k}": lambda run, k=k: run["scores"]["by_type"][k]["success_rate"] for k in CHART_TYPES},
        "executed": lambda run: run["scores"]["execution_rate"],
        "trainable parameters": lambda run: run["trainable"],
        "peak memory, MB": lambda run: run["peak_mb"],
        "seconds a step": seconds_per_step,
        f"seconds to a loss of {reached:.3f}": lambda run: seconds_to(reached, run),
    }
    table = {name: {arm: list(map(value, runs[arm])) for arm in ARMS} for name, value in rows.items()}
    print(f"{'':28}" + "".join(f"{arm:>22}" for arm in ARMS))
    for name, values in table.items():
        form = ",.0f" if name.startswith(("trainable", "peak", "seconds to")) else ".3f"
        print(f"{name:28}" + "".join(f"{spread(values[arm], form):>22}" for arm in ARMS))
    if arguments.json:
        print(json.dumps({"limit": arguments.limit, "seeds": arguments.seeds, **table}))


if __name__ == "__main__":
    main()

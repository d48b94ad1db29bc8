"""Draws the loss curves of training runs, one after the other.

python experiments/plot_training.py runs/tiny_base_bars runs/tiny_base runs/tiny_mola --output assets/training.png

Of train.py, or of train_while_drawing.py.
"""

import argparse
import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402


def log_history(run: Path) -> list[dict[str, float]]:
    """The log lines of a run, from its newest checkpoint or its log."""
    log = run / "log.jsonl"
    if log.is_file():
        return [json.loads(line) for line in log.read_text().splitlines()]
    states = sorted(run.glob("checkpoint-*/trainer_state.json"), key=lambda path: int(path.parent.name.split("-")[1]))
    if not states:
        sys.exit(f"plot_training.py: no checkpoint in {run}; is it the output_dir of a training run?")
    return json.loads(states[-1].read_text())["log_history"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, help="output folders of the runs, in order")
    parser.add_argument("--output", type=Path, default=Path("assets/training.png"))
    arguments = parser.parse_args()

    fig, ax = plt.subplots(figsize=(8, 3.5))
    offset = 0
    for run in arguments.runs:
        history = log_history(run)
        train = [(offset + line["step"], line["loss_syntax"]) for line in history if "loss_syntax" in line]
        validation = [(offset + line["step"], line["eval_loss"]) for line in history if "eval_loss" in line]
        (drawn,) = ax.plot(*zip(*train), label=run.name)
        if validation:
            ax.plot(*zip(*validation), "o", color=drawn.get_color())
        offset = train[-1][0]
        print(f"{run.name}: {len(train)} log lines, last training loss {train[-1][1]:.3f}", end="")
        print(f", last validation loss {validation[-1][1]:.3f}" if validation else "")
    ax.set(xlabel="steps", ylabel="cross-entropy, nats per token")
    ax.set_ylim(0, min(3, ax.get_ylim()[1]))  # a fresh model starts at far more
    ax.set_title("Training (lines), validation (dots)")
    ax.legend()
    ax.grid(alpha=0.3)
    fig.tight_layout()
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(arguments.output, dpi=100)


if __name__ == "__main__":
    main()

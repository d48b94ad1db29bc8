"""What the routing of a trained model means: which experts each chart type uses, c(x), experts switched off.

    python experiments/routing.py --model . --data synthetic --split test --limit 300 --output assets/routing.png

Prints, and draws side by side:

- the mean gate of each expert on the charts of each type (Fig. 4 of the paper);
- c(x) of Eq. 3 against the number of elements, with Spearman's rank correlation;
- by how much the loss of each type's programs (cross-entropy, nats per token) grows when one expert of the decoder is
  switched off: its gate is 0, the others' stay. In the connector, whose gates are per visual token, all stay on.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import matplotlib
import numpy as np
import torch
import torch.nn.functional as F
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402

from chart2code.callbacks import routing_matrix  # noqa: E402
from chart2code.collator import ChartCollator  # noqa: E402
from chart2code.evaluate import load_charts, rank_correlation  # noqa: E402
from chart2code.generation import ChartError, load_model  # noqa: E402


@torch.inference_mode()
def measure(model, processor, charts, batch_size: int) -> dict[str, torch.Tensor]:
    """Of N charts: `types (N,)`, `elements (N,)`, `complexity (N,)`, `gates (N, E)`, and `losses (N, E + 1)`: the last
    with all experts, the others each without one."""
    collate = ChartCollator(processor, model.config.chart_types)
    found: dict[str, list[torch.Tensor]] = {}
    for start in tqdm(range(0, len(charts), batch_size), unit="batch"):
        batch = collate([charts[i] for i in range(start, min(start + batch_size, len(charts)))])
        features = model.get_image_features(batch["pixel_values"])
        text = {name: batch[name] for name in ("input_ids", "attention_mask")}
        text["visual_key_values"] = model.model.get_visual_key_values(features.visual_tokens)
        targets = batch["labels"][:, 1:]
        losses = []
        for expert in (*range(model.config.num_experts), None):
            gates = features.chart_gates.clone()
            if expert is not None:
                gates[:, expert] = 0
            logits = model(**text, chart_gates=gates).logits[:, :-1].float()
            losses.append(F.cross_entropy(logits.transpose(1, 2), targets, reduction="none").sum(1))
        tokens = (targets != -100).sum(1, keepdim=True)
        row = {
            "types": batch["chart_type"], "elements": batch["num_elements"], "complexity": features.complexity,
            "gates": features.chart_gates, "losses": torch.stack(losses, dim=1) / tokens,
        }  # fmt: skip
        for name, value in row.items():
            found.setdefault(name, []).append(value)
    return {name: torch.cat(values) for name, values in found.items()}


def draw_matrix(axes, matrix: np.ndarray, names: list[str], title: str) -> None:
    axes.imshow(matrix, cmap="Blues", aspect="auto", vmin=0)
    axes.set(xlabel="expert", title=title, xticks=range(matrix.shape[1]), yticks=range(len(names)))
    axes.set_yticklabels(names)
    for (row, column), value in np.ndenumerate(matrix):
        color = "white" if value > 0.6 * np.nanmax(matrix) else "black"
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=7, color=color)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=str(ROOT))
    parser.add_argument("--data", default="synthetic", help="'synthetic', or a folder of that kind")
    parser.add_argument("--split", default="test")
    parser.add_argument("--limit", type=int, default=300, help="charts")
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--output", type=Path, default=Path("assets/routing.png"))
    options = parser.parse_args()
    try:
        charts = load_charts(options.data, options.split, options.limit)
        model, processor = load_model(options.model)
    except ChartError as error:
        sys.exit(f"routing.py: {error}")
    if not model.config.num_experts:
        sys.exit(f"routing.py: {options.model} has no experts")
    found = measure(model, processor, charts, options.batch_size)

    names = list(model.config.chart_types)
    gates = routing_matrix(found["gates"], found["types"], len(names)).numpy()
    growth = found["losses"][:, :-1] - found["losses"][:, -1:]
    growth = routing_matrix(growth, found["types"], len(names)).numpy()
    correlation = rank_correlation(found["complexity"].tolist(), found["elements"].tolist())

    fig, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 3.6), layout="constrained")
    draw_matrix(left, gates, names, "mean gate")
    for index, name in enumerate(names):
        chosen = found["types"] == index
        middle.plot(found["elements"][chosen], found["complexity"][chosen], ".", markersize=4, label=name)
    middle.set(xlabel="number of elements", ylabel="c(x)", title=f"complexity, rank correlation {correlation:.2f}")
    middle.legend(fontsize=7)
    draw_matrix(right, growth, names, "loss without the expert, minus with it")
    fig.savefig(options.output, dpi=90)

    print("mean gate and, in brackets, growth of the loss without the expert (nats per token)")
    print(f"{'':10}" + "".join(f"{expert:>14}" for expert in range(gates.shape[1])))
    for name, row, lost in zip(names, gates, growth):
        print(f"{name:10}" + "".join(f"{g:7.2f} ({d:+.2f})" for g, d in zip(row, lost)))
    print(f"loss with all experts: {found['losses'][:, -1].mean():.3f}")
    print(f"rank correlation of c(x) with the number of elements: {correlation:.3f}")


if __name__ == "__main__":
    main()

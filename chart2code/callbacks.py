"""What training shows of itself: evaluation by generating programs and rendering them, and how charts are routed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from transformers import TrainerCallback
from transformers.integrations import TensorBoardCallback

from chart2code.generation import generate_code

if TYPE_CHECKING:
    import numpy as np
    from accelerate import Accelerator
    from datasets import Dataset

    from chart2code.trainer import C2CTrainer


class GenerationCallback(TrainerCallback):
    """
    Every `eval_generate_steps` steps and at the end, writes programs for fixed validation charts (greedy), renders
    them, and logs `eval_execution_rate`, `eval_success_rate` (IoU >= 0.85) and `eval_iou`.

    Every process does its share, and all do the same number of batches: under ZeRO-3 a process alone has no weights to
    generate with, and none waits longer than the others.
    """

    def __init__(self, trainer: C2CTrainer, dataset: Dataset, batch_size: int = 16):
        from eval_metric.executor import Executor

        args = trainer.args
        self.trainer, self.batch_size = trainer, batch_size
        count = min(args.eval_generate_samples, len(dataset))
        # Evenly spaced over the split, so that it is the same mixture of families.
        self.dataset = dataset.select([i * len(dataset) // count for i in range(count)])
        self.executor = Executor(num_workers=1)

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step % args.eval_generate_steps == 0 or state.global_step == state.max_steps:
            self.trainer.log(self.evaluate())

    def on_train_end(self, args, state, control, **kwargs):
        self.executor.close()

    def evaluate(self) -> dict[str, float]:
        """Mean scores of the fixed validation charts over all processes."""
        from eval_metric.eval_metric import score

        args, accelerator = self.trainer.args, self.trainer.accelerator
        rows = range(args.process_index, len(self.dataset), args.world_size)
        padding = math.ceil(len(self.dataset) / args.world_size) - len(rows)
        charts = [self.dataset[i] for i in [*rows, *range(padding)]]
        model = accelerator.unwrap_model(self.trainer.model_wrapped)
        codes = generate_code(
            model, self.trainer.processing_class, [chart["image"] for chart in charts],
            max_new_tokens=args.eval_max_new_tokens, batch_size=self.batch_size,
        )  # fmt: skip
        names = ("execution_rate", "success_rate", "iou")
        result = dict.fromkeys(names, 0.0)
        if len(rows):
            images = [chart["image"] for chart in charts[: len(rows)]]
            result = score(codes[: len(rows)], images, executor=self.executor)
        sums = torch.tensor([result[name] * len(rows) for name in names] + [len(rows)], device=args.device)
        *sums, count = accelerator.reduce(sums, "sum").tolist()
        return {f"eval_{name}": value / count for name, value in zip(names, sums)}


class RoutingTelemetry:
    """
    How the charts of an evaluation were routed: `eval_router_entropy`, the mean entropy of a chart's gates as a share
    of the largest possible (0: one expert each, 1: all alike), `eval_router_flip_rate`, the share of charts whose
    experts are others than at the evaluation before (not in the first one of a process), and the matrix of chart types
    and experts (Fig. 4 of the paper) as a picture in TensorBoard.
    """

    def __init__(self):
        self.previous: torch.Tensor | None = None  # experts of each chart, (N, E) bool
        self.gates: list[torch.Tensor] = []
        self.types: list[torch.Tensor] = []

    def add(self, accelerator: Accelerator, chart_gates: torch.Tensor, chart_type: torch.Tensor | None) -> None:
        """Takes a batch of every process: chart_gates `(B, E)`, chart_type `(B,)`."""
        if chart_type is None:
            chart_type = chart_gates.new_full(chart_gates.shape[:1], -1, dtype=torch.long)
        gates, types = accelerator.gather_for_metrics((chart_gates.detach().float(), chart_type))
        self.gates.append(gates.cpu())
        self.types.append(types.cpu())

    def finish(self, trainer: C2CTrainer) -> dict[str, float]:
        """The numbers to log, nothing if no chart was routed; draws the picture."""
        if not self.gates:
            return {}
        gates, types = torch.cat(self.gates), torch.cat(self.types)
        self.gates, self.types = [], []
        entropy = -(gates * gates.clamp(min=1e-9).log()).sum(-1).mean() / math.log(max(gates.shape[1], 2))
        numbers = {"eval_router_entropy": entropy.item()}
        chosen = gates > 0
        if self.previous is not None and self.previous.shape == chosen.shape:
            numbers["eval_router_flip_rate"] = (chosen != self.previous).any(-1).float().mean().item()
        self.previous = chosen
        for callback in trainer.callback_handler.callbacks:
            if isinstance(callback, TensorBoardCallback) and callback.tb_writer is not None:
                names = trainer.accelerator.unwrap_model(trainer.model).config.chart_types
                picture = draw_routing(routing_matrix(gates, types, len(names)), names)
                callback.tb_writer.add_image(
                    "router/types_and_experts", picture, trainer.state.global_step, dataformats="HWC"
                )
        return numbers


def routing_matrix(gates: torch.Tensor, types: torch.Tensor, num_types: int) -> torch.Tensor:
    """gates `(N, E)`, types `(N,)`, -1 = unknown -> mean gates of each type's charts `(T, E)`; NaN if it has none."""
    return torch.stack([gates[types == index].mean(0) for index in range(num_types)])


def draw_routing(matrix: torch.Tensor, names: list[str]) -> np.ndarray:
    """`(T, E)` -> picture `(height, width, 3)` uint8 with a row a type and a column an expert."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows, columns = matrix.shape
    figure = Figure(figsize=(1.5 + 0.7 * columns, 1 + 0.5 * rows), dpi=100, layout="constrained")
    canvas, axes = FigureCanvasAgg(figure), figure.add_subplot()
    axes.imshow(matrix, vmin=0, vmax=1, cmap="Blues", aspect="auto")
    axes.set_yticks(range(rows), names)
    axes.set_xticks(range(columns), range(columns))
    axes.set_xlabel("expert")
    for row, column in np.ndindex(rows, columns):
        value = matrix[row, column].item()
        color = "white" if value > 0.5 else "black"
        axes.text(column, row, "" if math.isnan(value) else f"{value:.2f}", ha="center", va="center", color=color)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()

"""What training shows of itself: evaluation by generating programs and rendering them, and how charts are routed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from transformers import TrainerCallback
from transformers.integrations import TensorBoardCallback

from chart2code.generation import generate_code
from chart2code.rewards import Comparison, render_and_compare
from eval_metric.similarity import SUCCESS_IOU, to_canvas

if TYPE_CHECKING:
    from accelerate import Accelerator
    from datasets import Dataset

    from chart2code.trainer import C2CTrainer


class GenerationCallback(TrainerCallback):
    """
    Every `eval_generate_steps` steps and at the end, writes programs for fixed validation charts (greedy), renders
    them, and logs `eval_execution_rate`, `eval_success_rate` (IoU >= 0.85) and `eval_iou`, and to TensorBoard the
    first `num_pictures` charts beside what was drawn.

    Every process does its share, and all do the same number of batches: under ZeRO-3 a process alone has no weights to
    generate with, and none waits longer than the others.
    """

    def __init__(self, trainer: C2CTrainer, dataset: Dataset, batch_size: int = 16, num_pictures: int = 4):
        self.trainer, self.batch_size, self.num_pictures = trainer, batch_size, num_pictures
        count = min(trainer.args.eval_generate_samples, len(dataset))
        # Evenly spaced over the split, so that it is the same mixture of families.
        self.dataset = dataset.select([i * len(dataset) // count for i in range(count)])

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step % args.eval_generate_steps == 0 or state.global_step == state.max_steps:
            should_log = control.should_log
            self.trainer.log(self.evaluate())
            control.should_log = should_log  # the line of the training step itself is still to be written

    def evaluate(self) -> dict[str, float]:
        """Mean scores of the fixed validation charts over all processes."""
        args, accelerator = self.trainer.args, self.trainer.accelerator
        rows = range(args.process_index, len(self.dataset), args.world_size)
        padding = math.ceil(len(self.dataset) / args.world_size) - len(rows)
        images = [self.dataset[i]["image"] for i in [*rows, *range(padding)]]
        model = accelerator.unwrap_model(self.trainer.model_wrapped)
        with accelerator.autocast():
            codes = generate_code(
                model, self.trainer.processing_class, images,
                max_new_tokens=args.eval_max_new_tokens, batch_size=self.batch_size,
            )  # fmt: skip
        images = images[: len(rows)]
        compared = render_and_compare(codes[: len(rows)], images, self.trainer.executor)
        self._show(images, compared)
        scores = [(c.executed, c.iou >= SUCCESS_IOU, c.iou, 1.0) for c in compared]
        sums = torch.tensor(scores, device=args.device).view(-1, 4).sum(dim=0)
        *sums, count = accelerator.reduce(sums, "sum").tolist()
        return {f"eval_{name}": s / count for name, s in zip(("execution_rate", "success_rate", "iou"), sums)}

    def _show(self, images: list, compared: list[Comparison]) -> None:
        for index, (image, comparison) in enumerate(zip(images[: self.num_pictures], compared)):
            log_picture(self.trainer, f"charts/{index}", side_by_side(image, comparison))


def log_picture(trainer: C2CTrainer, name: str, picture: np.ndarray) -> None:
    """Writes a picture `(height, width, 3)` uint8 to TensorBoard, if the run reports to it."""
    for callback in trainer.callback_handler.callbacks:
        if isinstance(callback, TensorBoardCallback) and callback.tb_writer is not None:
            callback.tb_writer.add_image(name, picture, trainer.state.global_step, dataformats="HWC")


def side_by_side(image, comparison: Comparison) -> np.ndarray:
    """The chart on the left, what the program drew (grey: nothing) on the right: (512, 1024, 3) uint8."""
    chart = to_canvas(image)
    drawn = np.full_like(chart, 128) if comparison.image is None else to_canvas(comparison.image)
    return np.concatenate([chart, drawn], axis=1)


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
        names = trainer.accelerator.unwrap_model(trainer.model).config.chart_types
        log_picture(trainer, "router/types_and_experts", draw_routing(routing_matrix(gates, types, len(names)), names))
        return numbers


def routing_matrix(gates: torch.Tensor, types: torch.Tensor, num_types: int) -> torch.Tensor:
    """gates `(N, E)`, types `(N,)`, -1 = unknown -> mean gates of each type's charts `(T, E)`; NaN if it has none."""
    return torch.stack([gates[types == index].mean(0) for index in range(num_types)])


def draw_routing(matrix: torch.Tensor, names: list[str]) -> np.ndarray:
    """`(T, E)` -> picture `(height, width, 3)` uint8 with a row a type and a column an expert."""
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

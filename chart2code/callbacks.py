"""Callbacks of training: evaluation by generating programs and rendering them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from transformers import TrainerCallback
from transformers.integrations import TensorBoardCallback

from chart2code.generation import generate_code
from chart2code.rewards import SUCCESS_IOU, Comparison, render_and_compare
from eval_metric.similarity import to_canvas

if TYPE_CHECKING:
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
            self.trainer.log(self.evaluate())

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
        for callback in self.trainer.callback_handler.callbacks:
            if isinstance(callback, TensorBoardCallback) and callback.tb_writer is not None:
                for index, (image, comparison) in enumerate(zip(images[: self.num_pictures], compared)):
                    callback.tb_writer.add_image(
                        f"charts/{index}",
                        side_by_side(image, comparison),
                        self.trainer.state.global_step,
                        dataformats="HWC",
                    )


def side_by_side(image, comparison: Comparison) -> np.ndarray:
    """The chart on the left, what the program drew (grey: nothing) on the right: (512, 1024, 3) uint8."""
    chart = to_canvas(image)
    drawn = np.full_like(chart, 128) if comparison.image is None else to_canvas(comparison.image)
    return np.concatenate([chart, drawn], axis=1)

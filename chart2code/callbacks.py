"""Callbacks of training: evaluation by generating programs and rendering them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from transformers import TrainerCallback

from chart2code.generation import generate_code

if TYPE_CHECKING:
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

"""Rewards of generated programs: what their pictures are worth beside the charts that they should draw.

`render_and_compare` is the one place where training executes programs: L_semantic, the evaluation by generation and
the reward functions of train_rewards.py call it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eval_metric.code_similarity import extract_code
from eval_metric.similarity import SUCCESS_IOU, chart_iou

if TYPE_CHECKING:
    from PIL import Image

    from eval_metric.executor import Executor


@dataclass(frozen=True)
class Comparison:
    """What one program drew: `executed`, `iou` with the target (0 if not executed), the picture (H, W, 3) uint8."""

    executed: bool
    iou: float
    image: np.ndarray | None = None
    error: str = ""


def render_and_compare(
    codes: Sequence[str], targets: Sequence[Image.Image | np.ndarray], executor: Executor
) -> list[Comparison]:
    """
    Executes programs and compares their pictures with `targets`, one each; programs that are equal run once.

    A program never raises here: one that fails has IoU 0.
    """
    unique = list(dict.fromkeys(codes))
    results = dict(zip(unique, executor.run_many(unique)))
    return [
        Comparison(True, chart_iou(results[code].image, target), results[code].image)
        if results[code].ok
        else Comparison(False, 0.0, error=results[code].error or results[code].status)
        for code, target in zip(codes, targets, strict=True)
    ]


class ChartRewards:
    """
    Reward functions for TRL's trainers: the methods `iou`, `execution` and `length`. Data sets have the columns
    `image` (the target picture) and `length` (tokens of the reference program).

    Execution is a reward of its own because the programs of a weak model, which hardly ever hit anything, would all be
    worth the same by their IoU.
    """

    def __init__(self, executor: Executor):
        self.executor = executor
        self._last: tuple[list, list[Comparison]] = ([], [])  # each reward is asked for the same batch in turn

    def _compare(self, completions: Sequence[Any], targets: Sequence[Any]) -> list[Comparison]:
        codes = [completion_code(completion) for completion in completions]
        key = [(code, id(target)) for code, target in zip(codes, targets, strict=True)]
        if key != self._last[0]:
            self._last = (key, render_and_compare(codes, targets, self.executor))
        return self._last[1]

    def iou(self, completions: Sequence[Any], image: Sequence[Any], log_metric=None, **columns) -> list[float]:
        """IoU of the rendered program with the chart, in [0, 1]; 0 for a program that fails."""
        compared = self._compare(completions, image)
        if log_metric is not None:
            log_metric("success_rate", float(np.mean([c.iou >= SUCCESS_IOU for c in compared])))
        return [c.iou for c in compared]

    def execution(self, completions: Sequence[Any], image: Sequence[Any], **columns) -> list[float]:
        """1 for a program that executes and draws a figure, else 0."""
        return [float(c.executed) for c in self._compare(completions, image)]

    def length(
        self, completions: Sequence[Any], completion_ids: Sequence[list[int]], length: Sequence[int], **columns
    ) -> list[float]:
        """0 up to the reference program's length in tokens, then falling linearly, to -1 at twice that."""
        return [-min(1.0, max(0.0, len(ids) / tokens - 1)) for ids, tokens in zip(completion_ids, length, strict=True)]


def completion_code(completion: Any) -> str:
    """The program in a completion of TRL: a text, or a conversation's messages."""
    if not isinstance(completion, str):
        content = completion[-1]["content"]
        completion = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
    return extract_code(completion)

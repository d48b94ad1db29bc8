"""Training data: a split of a chart data set with program lengths, and batches of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from chart2code.dataset import read_split, select_charts
from chart2code.generation import ChartError
from eval_metric.labels import WIDTHS
from eval_metric.similarity import to_canvas

if TYPE_CHECKING:
    from collections.abc import Callable

    from datasets import Dataset
    from transformers import ProcessorMixin


def load_split(
    folder: str,
    split: str,
    processor: ProcessorMixin,
    families: list[str] | None = None,
    variants: list[str] | None = None,
    max_samples: int | None = None,
    max_code_tokens: int | None = None,
) -> Dataset:
    """
    A split of the data set in `folder`, filtered, with the column `length` (tokens of the program, cached on disk).
    Programs of more than `max_code_tokens` tokens are left out.

    Raises [`ChartError`] if there is no such data, or nothing is left of it.
    """
    dataset = read_split(folder, split)
    tokenizer = processor.tokenizer
    lengths = dataset.select_columns(["code"]).map(  # without the images, which the cache would copy
        lambda batch: {"length": [len(ids) for ids in tokenizer(batch["code"])["input_ids"]]},
        batched=True,
        remove_columns=["code"],
        desc=f"Program lengths ({split})",
    )
    dataset = dataset.add_column("length", list(lengths["length"]))
    try:
        if max_code_tokens is not None:
            fitting = [i for i, length in enumerate(dataset["length"]) if length <= max_code_tokens]
            if not fitting:
                raise ChartError(f"no program has at most {max_code_tokens} tokens (max_code_tokens)")
            dataset = dataset.select(fitting)
        return select_charts(dataset, families, variants, max_samples)
    except ChartError as error:
        raise ChartError(f"{split} split of {folder}: {error}") from None


class ChartCollator:
    """
    Makes a batch of data set rows: the processor's tensors (`pixel_values (B, 3, 512, 512)`, `input_ids (B, L)`,
    `attention_mask (B, L)`, `labels (B, L)`), `chart_type (B,)` as index (-1 if unknown), `num_elements (B,)` and,
    where the data set has them, `marks (B, K, 7)`, `corners (B, 2, 4)` and `characters (B, N, 3)` for the model's
    reader of cells, padded with NaN; a mark at infinity stands for marks that are not known. With `num_targets`,
    `targets (n, 512, 512, 3)` uint8 as well: the pictures, on the metric's canvas, that the programs of the first n
    charts should draw (L_semantic).

    A row with `augmented_image` (augmentation.py) is seen through that; its `image` stays what the code draws.
    """

    def __init__(self, processor: ProcessorMixin, chart_types: tuple[str, ...], num_targets: int = 0):
        self.processor, self.num_targets = processor, num_targets
        self.type_index = {name: index for index, name in enumerate(chart_types)}

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        images = [row.get("augmented_image", row["image"]) for row in rows]
        codes = [row["code"] for row in rows]
        batch = dict(self.processor(images=images, code=codes, return_tensors="pt"))
        batch["chart_type"] = torch.tensor([self.type_index.get(row["chart_type"], -1) for row in rows])
        batch["num_elements"] = torch.tensor([float(row["num_elements"]) for row in rows])
        if self.num_targets:
            targets = [to_canvas(row["image"]) for row in rows[: self.num_targets]]
            batch["targets"] = torch.from_numpy(np.stack(targets))
        for name, width in WIDTHS.items():
            if name in rows[0]:
                # numpy turns None into NaN.
                unknown = {"marks": [[float("inf")] * width], "corners": [[None] * width] * 2}.get(name, [])
                values = [unknown if row[name] is None else row[name] for row in rows]
                values = [value or unknown for value in values] if name == "corners" else values
                values = [torch.from_numpy(np.array(value, np.float32).reshape(len(value), width)) for value in values]
                batch[name] = torch.nn.utils.rnn.pad_sequence(values, batch_first=True, padding_value=float("nan"))
        return batch


class EpochSampler(torch.utils.data.Sampler[int]):
    """
    A permutation of the rows that depends on seed and epoch alone, so that a resumed run sees the order that it would
    have seen. With `lengths`, rows of a global batch have similar lengths; the order of the batches stays random.

    Transformers' `LengthGroupedSampler` draws from the global generator, whose state at the start of an epoch no
    checkpoint holds, and goes from long to short programs over and over.

    Args:
        num_rows: size of the data set.
        group_size: rows of one optimizer step over all processes.
        epoch: function that returns the current epoch.
        lengths: number of tokens per row, or None for a plain permutation.
        with_epoch: yield `epoch * num_rows + row`, the keys of `AugmentedDataset`, instead of `row`.
    """

    def __init__(
        self,
        num_rows: int,
        group_size: int,
        seed: int,
        epoch: Callable[[], int],
        lengths: list[int] | None = None,
        with_epoch: bool = False,
    ):
        self.with_epoch = with_epoch
        self.num_rows, self.group_size, self.seed, self.epoch = num_rows, group_size, seed, epoch
        self.lengths = None if lengths is None else torch.tensor(lengths)

    def __len__(self) -> int:
        return self.num_rows

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch())
        order = torch.randperm(self.num_rows, generator=generator)
        if self.lengths is not None:
            groups = []
            for pool in order.split(self.group_size * 50):  # sorted in pools, so that batches differ between epochs
                groups += pool[self.lengths[pool].argsort(stable=True)].split(self.group_size)
            last = [groups.pop()] if len(groups[-1]) < self.group_size else []  # incomplete: stays the last
            shuffled = torch.randperm(len(groups), generator=generator).tolist()
            order = torch.cat([groups[i] for i in shuffled] + last)
        return iter((order + self.epoch() * self.num_rows if self.with_epoch else order).tolist())

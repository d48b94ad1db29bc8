"""Checkpoints that can be relied on: which is whole, whether a run may go on from it, and what to do when none can be
written.

A checkpoint is whole if the Trainer's state, which is written last, is readable, and every file is as long and has the
CRC-32 that `checksums.json` notes. Old checkpoints are removed only after a new one is whole.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chart2code.generation import ChartError

if TYPE_CHECKING:
    import torch

STATE_FILE = "trainer_state.json"  # the Trainer writes it last
CHECKSUMS_FILE = "checksums.json"
RUN_FILE = "run.json"  # the arguments of the run

# Arguments that decide what the steps so far have been: with others, the run would not go on but become another one.
IDENTITY = (
    "method", "model_config", "num_experts", "num_experts_per_tok", "expert_rank", "expert_alpha", "routing_strategy",
    "expert_prior", "freeze", "unfreeze", "optimizer", "data", "families", "variants", "max_train_samples",
    "per_device_train_batch_size", "gradient_accumulation_steps", "train_sampling_strategy", "seed", "data_seed",
    "world_size", "train_charts",
)  # fmt: skip
# Arguments that have no part in the weights.
HARMLESS = (
    "resume_from_checkpoint", "processor", "model", "max_eval_samples", "report_to", "run_name", "disable_tqdm",
    "project", "output_dir", "render_workers", "use_cpu", "local_rank", "deepspeed", "log", "eval", "save",
    "load_best", "hub", "push", "dataloader", "metric", "greater", "do_", "per_device_eval", "trackio", "ddp",
    "accelerator_config", "command", "validation_charts", "text_backbone", "vision_backbone", "conv_backbone",
)  # fmt: skip


def write_checksums(folder: str | Path) -> None:
    """Notes size and CRC-32 of every file in a checkpoint; the state of an earlier checkpoint of that name goes."""
    folder = Path(folder)
    (folder / STATE_FILE).unlink(missing_ok=True)
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and file.name != CHECKSUMS_FILE]
    sums = {str(file.relative_to(folder)): [file.stat().st_size, _crc32(file)] for file in files}
    (folder / CHECKSUMS_FILE).write_text(json.dumps(sums, indent=1))


def add_state_checksum(folder: str | Path) -> None:
    """Notes those of the state, too, when it has been written."""
    file, state = Path(folder, CHECKSUMS_FILE), Path(folder, STATE_FILE)
    sums = json.loads(file.read_text()) | {STATE_FILE: [state.stat().st_size, _crc32(state)]}
    new = file.with_suffix(".tmp")
    new.write_text(json.dumps(sums, indent=1))
    new.replace(file)


def damage(folder: str | Path) -> str | None:
    """What is wrong with a checkpoint, in a few words; None if it is whole."""
    folder = Path(folder)
    try:
        if not isinstance(json.loads((folder / STATE_FILE).read_text()), dict):
            return f"{STATE_FILE} is damaged"
    except FileNotFoundError:
        return "it was not written to its end"
    except (OSError, ValueError):
        return f"{STATE_FILE} is damaged"
    try:
        sums = json.loads((folder / CHECKSUMS_FILE).read_text())
        # Sizes first: they cost nothing.
        for check in (lambda file: file.stat().st_size, _crc32):
            index = 0 if check is not _crc32 else 1
            for name, expected in sums.items():
                if check(folder / name) != expected[index]:
                    return f"{name} is damaged"
    except FileNotFoundError as error:
        # Without checksums it is a checkpoint of a plain Trainer, which is taken as it is.
        missing = Path(error.filename)
        return None if missing.name == CHECKSUMS_FILE else f"{missing.relative_to(folder)} is missing"
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return f"{CHECKSUMS_FILE} is damaged"
    return None


def _crc32(file: Path) -> int:
    value = 0
    with file.open("rb") as stream:
        while block := stream.read(2**20):
            value = zlib.crc32(block, value)
    return value


def is_halved(name: str, tensor: torch.Tensor, exact: Iterable[str]) -> bool:
    """Whether bfloat16 does for a tensor of a model: for float32 matrices, but those of the modules named `exact`."""
    import torch

    return tensor.dim() >= 2 and tensor.dtype == torch.float32 and not any(f".{part}." in name for part in exact)


def halve_weights(folder: str | Path, exact: Iterable[str] = ()) -> None:
    """Holds the matrices of a saved model in bfloat16 (see `is_halved`). Its config.json goes on saying float32, so
    that it is loaded and computes in that."""
    import torch
    from safetensors.torch import load_file, save_file

    for file in Path(folder).glob("model*.safetensors"):
        tensors = load_file(file)
        for name, tensor in tensors.items():
            if is_halved(name, tensor, exact):
                tensors[name] = tensor.to(torch.bfloat16)
        temporary = file.with_suffix(".tmp")
        save_file(tensors, temporary, metadata={"format": "pt"})
        temporary.replace(file)


def last_complete_checkpoint(output_dir: str | Path, report: Callable[[str], None] | None = None) -> Path | None:
    """The newest whole checkpoint in `output_dir`, or None; `report` is told of the ones that are passed over."""
    folders = [f for f in Path(output_dir).glob("checkpoint-*") if f.name.split("-")[-1].isdigit()]
    for folder in sorted(folders, key=lambda f: int(f.name.split("-")[-1]), reverse=True):
        reason = damage(folder)
        if reason is None:
            return folder
        if report is not None:
            report(f"passing over {folder}: {reason}")
    return None


def check_same_run(checkpoint: str | Path, run: dict[str, Any]) -> list[str]:
    """
    Compares the arguments of a run with those of the run that wrote `checkpoint`.

    Returns what differs and changes the course of training from here on, as "learning_rate: 0.001 -> 0.0001".
    Raises [`ChartError`] if the steps so far would have been others.
    """
    try:
        old = json.loads(Path(checkpoint, RUN_FILE).read_text())
    except FileNotFoundError:
        return []
    new = json.loads(json.dumps(run))  # tuples are lists in the file
    differences = {
        name: f"{name}: {old[name]} -> {new[name]}" for name in old if name in new and old[name] != new[name]
    }
    wrong = [differences[name] for name in IDENTITY if name in differences]
    if wrong:
        raise ChartError(
            f"{checkpoint} belongs to another run ({'; '.join(wrong)}): set it back, or start a new run from its "
            f"weights with --model {checkpoint}"
        )
    return [text for name, text in differences.items() if not name.startswith(HARMLESS)]

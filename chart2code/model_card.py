"""The model card of a training run, written from what the run was and what it logged."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from eval_metric.similarity import SIMILARITY_VERSION, SUCCESS_IOU

# What the log calls it -> heading, definition.
METRICS = {
    "eval_success_rate": ("success rate", f"share of programs whose picture has IoU >= {SUCCESS_IOU} with the chart"),
    "eval_execution_rate": ("execution rate", "share of programs that execute and draw a figure"),
    "eval_iou": ("IoU", "mean IoU of the rendered picture with the chart, 0 for a program that fails"),
    "eval_loss": ("validation loss", "cross-entropy of the code tokens, nats per token, teacher forcing"),
}
PACKAGES = ("torch", "transformers", "accelerate", "peft", "datasets", "matplotlib", "numpy")


def model_card(
    run: dict[str, Any], log_history: list[dict[str, float]], parameters: int, trainable: int, level: str | None
) -> str:
    """
    Args:
        run: arguments of the run.
        log_history: as of the Trainer's state.
        parameters, trainable: numbers of parameters.
        level: confinement that programs were executed with, if any were.
    """
    backbones = [run[f"{part}_backbone"] for part in ("text", "vision", "conv") if run.get(f"{part}_backbone")]
    metadata: dict[str, Any] = {
        "library_name": "transformers",
        "pipeline_tag": "image-text-to-text",
        "tags": ["chart-to-code", "matplotlib", "c2c-mola"],
    }
    if backbones and not any(Path(name).exists() for name in backbones):
        metadata["base_model"] = backbones
    name = run.get("hub_model_id") or Path(run["output_dir"]).resolve().name
    last: dict[str, tuple[float, int]] = {}
    for line in log_history:
        last |= {key: (line[key], line["step"]) for key in METRICS if key in line}

    lines = ["---", yaml.safe_dump(metadata, sort_keys=False).strip(), "---", "", f"# {name.split('/')[-1]}", ""]
    start = run.get("model") if not backbones else ", ".join(backbones)
    lines += [
        "From the picture of a chart to the matplotlib code that draws it: a C2C-MoLA model (arXiv 2511.23321).",
        "",
        f"Method `{run['method']}`, {parameters:,} parameters, of which {trainable:,} were trained, starting from "
        f"{f'`{start}`' if start else 'random weights'}.",
        "",
        "## Data",
        "",
        f"`{run['data']}`: {run['train_charts']:,} training charts"
        + (f", families {', '.join(run['families'])}" if run.get("families") else "")
        + (f", variants {', '.join(run['variants'])}" if run.get("variants") else "")
        + f"; {run['validation_charts']:,} validation charts for the loss.",
        "",
        "## Results on validation charts",
        "",
    ]
    if last:
        lines += ["| metric | value | step | definition |", "|---|---|---|---|"]
        lines += [
            f"| {METRICS[k][0]} | {last[k][0]:.4f} | {last[k][1]} | {METRICS[k][1]} |" for k in METRICS if k in last
        ]
        lines += [""]
        if "eval_iou" in last:
            lines += [
                f"Greedy programs of at most {run['eval_max_new_tokens']} tokens for {run['eval_generate_samples']} "
                f"charts. IoU: colour-aware and tolerant by 2 pixels, eval_metric/similarity.py version "
                f"{SIMILARITY_VERSION}, matplotlib {version('matplotlib')}"
                + (f", confinement level {level}." if level else "."),
                "",
            ]
    else:
        lines += ["Not evaluated in this run.", ""]
    kept = ("learning_rate", "max_steps", "num_train_epochs", "per_device_train_batch_size", "seed", "world_size")
    kept += ("gradient_accumulation_steps", "bf16", "optimizer", "lambda2", "lambda3", "semantic_weight")
    lines += ["## Training", ""]
    lines += ["| argument | value |", "|---|---|", *(f"| {k} | {run[k]} |" for k in kept if k in run), ""]
    lines += [
        "The command, on " + str(run["world_size"]) + " process(es); `run.json` has the value of every argument:",
        "",
        "```bash",
        run["command"],
        "```",
        "",
        "Versions: Python " + platform.python_version() + "".join(f", {p} {version(p)}" for p in PACKAGES) + ".",
        "",
        "## Use",
        "",
        "```python",
        "from PIL import Image",
        "from transformers import AutoModelForImageTextToText, AutoProcessor",
        "",
        f'model = AutoModelForImageTextToText.from_pretrained("{name}", trust_remote_code=True)',
        f'processor = AutoProcessor.from_pretrained("{name}", trust_remote_code=True)',
        'inputs = processor(images=Image.open("chart.png"), return_tensors="pt")',
        "print(processor.batch_decode(model.generate(**inputs), skip_special_tokens=True)[0])",
        "```",
        "",
    ]
    return "\n".join(lines)

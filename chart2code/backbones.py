"""A model from pretrained parts: decoder, vision transformer and convolutional backbone, joined into one folder.

Training starts from such a folder as from any other, so it is composed once, by one process, and then loaded like
every model: under ZeRO-3, for one, where no process ever holds all of the weights.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

from chart2code.generation import ChartError, one_line

SOURCES_FILE = "backbones.json"  # what the folder was composed of; written last


def compose(
    folder: str | Path, text: str, vision: str, conv: str, chart_prompt: str, config: dict[str, Any] | None = None
) -> Path:
    """
    Writes the model (bf16, without experts) and its processor to `folder`, unless it holds the same already.

    Args:
        text, vision, conv: repositories or folders, as of `from_backbones`.
        chart_prompt: what the decoder reads before the code.
        config: fields of [`C2CMolaConfig`].

    Raises [`ChartError`] if a part cannot be loaded, or does not fit.
    """
    folder = Path(folder)
    sources = {"text": text, "vision": vision, "conv": conv, "chart_prompt": chart_prompt, "config": config or {}}
    try:
        if json.loads((folder / SOURCES_FILE).read_text()) == sources:
            return folder
    except (OSError, ValueError):
        pass

    import torch
    from transformers import AutoTokenizer, SiglipImageProcessorPil

    from configuration_c2c_mola import C2CMolaConfig
    from modeling_c2c_mola import C2CMolaForConditionalGeneration
    from processing_c2c_mola import C2CMolaProcessor

    for name, source in (("text", text), ("vision", vision), ("conv", conv)):
        if not Path(source).is_dir() and (source.count("/") != 1 or source.startswith((".", "/", "~"))):
            raise ChartError(f"{name}_backbone: no folder {source}")
    unknown = sorted(set(config or {}) - {field.name for field in dataclasses.fields(C2CMolaConfig)})
    if unknown:
        raise ChartError(f"backbone_config: C2CMolaConfig has no field {', '.join(unknown)}")
    try:
        tokenizer = AutoTokenizer.from_pretrained(text)
        model = C2CMolaForConditionalGeneration.from_backbones(
            text=text, vision=vision, conv=conv, dtype=torch.bfloat16, num_experts=0, **(config or {})
        )
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise ChartError(f"cannot build a model from {text}, {vision} and {conv}: {one_line(error)}") from error
    if tokenizer.pad_token is None:
        raise ChartError(f"text_backbone: the tokenizer of {text} has no padding token")
    size = {"height": model.config.image_size, "width": model.config.image_size}
    processor = C2CMolaProcessor(SiglipImageProcessorPil(size=size), tokenizer, chart_prompt=chart_prompt)
    # Programs end with the tokenizer's end token; the decoder may have more of them.
    ends = model.generation_config.eos_token_id
    ends = ends if isinstance(ends, list) else [] if ends is None else [ends]
    model.generation_config.eos_token_id = list(dict.fromkeys([tokenizer.eos_token_id, *ends]))
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.max_new_tokens = 1024

    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    (folder / SOURCES_FILE).write_text(json.dumps(sources, indent=1))
    return folder

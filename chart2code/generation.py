"""From chart files to code: opening a chart, loading a model, generation.

The one place that turns images into code; `predict.py`, the evaluation and the training callback call it.
The model's own classes are imported from this repository, so a model folder or Hub repository contributes
configuration, tokenizer and weights, and none of its Python files is executed.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from eval_metric.code_similarity import extract_code

if TYPE_CHECKING:
    from transformers import PreTrainedModel, ProcessorMixin

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif")
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")  # an explicit list: Pillow would hand EPS files to Ghostscript
MAX_PIXELS = 50_000_000
MIN_SIDE = 16
SAMPLES = 4  # where the greedy program can't be executed, and a chart shall be refined


class ChartError(Exception):
    """A user's mistake (file, folder, model): one line that says what is wrong. Scripts print it and exit non-zero."""


def one_line(error: BaseException) -> str:
    """The first line of an exception's message, or its name if it has none."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def open_chart(path: str | Path | bytes) -> Image.Image:
    """
    Opens a chart file (PNG, JPEG, WebP, BMP, GIF: its first frame), given by its path or as its content, as RGB over
    white, upright according to its EXIF.

    Raises [`ChartError`] for a file that is missing, empty, unreadable, truncated, below 16 pixels a side
    or above 50 million pixels.
    """
    content = path if isinstance(path, bytes) else None
    if content is None:
        path = Path(path)
        if path.is_dir():
            raise ChartError("is a folder, not an image")
        if not path.exists():
            raise ChartError("no such file")
        if not path.is_file():
            raise ChartError("not a regular file")
    try:
        if (path.stat().st_size if content is None else len(content)) == 0:
            raise ChartError("the file is empty")
        with Image.open(path if content is None else io.BytesIO(content), formats=FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:  # before anything is decoded
                raise ChartError(
                    f"too large: {width} x {height} pixels, at most {MAX_PIXELS // 10**6} million are read"
                )
            if min(width, height) < MIN_SIDE:
                raise ChartError(f"too small: {width} x {height} pixels, a chart has at least {MIN_SIDE} a side")
            image.load()
            return _rgb_over_white(ImageOps.exif_transpose(image))
    except ChartError:
        raise
    except Image.UnidentifiedImageError:
        raise ChartError("not a PNG, JPEG, WebP, BMP or GIF image") from None
    except PermissionError:
        raise ChartError("no permission to read the file") from None
    except Image.DecompressionBombError:
        raise ChartError(f"too large: at most {MAX_PIXELS // 10**6} million pixels are read") from None
    except Exception as error:  # a damaged file can fail anywhere in the decoders, with any exception
        raise ChartError(f"damaged or truncated image: {one_line(error)}") from None


def _rgb_over_white(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit greys: Pillow's own conversion to RGB would clip them at 255
        image = Image.fromarray((np.asarray(image).astype(np.float64) / 257).clip(0, 255).round().astype(np.uint8))
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")


def load_model(path: str | Path) -> tuple[PreTrainedModel, ProcessorMixin]:
    """
    Loads model and processor from a folder or a Hub repository, in evaluation mode, on the GPU if there is one.

    On a CPU in float32 whatever the weights are stored in (bf16 decoding is slow on most of them).
    Raises [`ChartError`] if there is no model that can be loaded.
    """
    path = str(path)
    folder = Path(path)
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise ChartError(f"no model in {path}: it has no config.json")
    if not folder.is_dir() and (folder.exists() or path.count("/") != 1 or path.startswith((".", "/", "~"))):
        raise ChartError(f"no model folder {path}")

    import torch
    from transformers import AutoConfig
    from transformers.utils import logging

    from modeling_c2c_mola import C2CMolaForConditionalGeneration
    from processing_c2c_mola import C2CMolaProcessor

    device = "cuda" if torch.cuda.is_available() else "cpu"
    bar = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        config = AutoConfig.from_pretrained(path)
        if config.model_type != C2CMolaForConditionalGeneration.config_class.model_type:
            raise ValueError(f"it is a {config.model_type} model")
        model, loading = C2CMolaForConditionalGeneration.from_pretrained(
            path, config=config, dtype="auto" if device == "cuda" else torch.float32, output_loading_info=True
        )
        if loading["missing_keys"]:  # they would be random
            missing = sorted(loading["missing_keys"])
            raise ValueError(f"its weights lack {len(missing)} parameters of the model, e.g. {missing[0]}")
        processor = C2CMolaProcessor.from_pretrained(path)
    except Exception as error:  # damaged weights, a foreign config, no network: many libraries, many exceptions
        raise ChartError(f"cannot load a model from {path}: {one_line(error)}") from error
    finally:
        if bar:
            logging.enable_progress_bar()
    return model.to(device).eval(), processor


def generate_candidates(
    model: PreTrainedModel,
    processor: ProcessorMixin,
    images: list[Image.Image],
    candidates: int = 1,
    max_new_tokens: int = 512,
    batch_size: int = 16,
    temperature: float = 0.7,
) -> list[list[str]]:
    """
    `candidates` programs for each of `images` (RGB, any size), in their order: the greedy one, then samples of this
    temperature, all from one encoding of the chart. `batch_size` sequences are generated together.
    Fences and prose around the code, which large decoders like to write, are taken off.

    The model is left in the mode (training or evaluation) that it was in.
    """
    import torch

    training = model.training
    model.eval()
    answers: list[list[str]] = []
    step = max(1, batch_size // max(1, candidates - 1))
    try:
        with torch.inference_mode():
            for start in range(0, len(images), step):
                inputs = processor(images=images[start : start + step], return_tensors="pt").to(model.device)
                features = model.get_image_features(inputs.pop("pixel_values"))
                inputs["visual_key_values"] = model.model.get_visual_key_values(features.visual_tokens)
                for name in ("chart_gates", "chart_experts"):
                    if features.get(name) is not None:
                        inputs[name] = features[name]
                ways = [{"do_sample": False}]
                if candidates > 1:
                    sampling = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 0.95}
                    ways.append({**sampling, "num_return_sequences": candidates - 1})
                batch: list[list[str]] = [[] for _ in images[start : start + step]]
                for way in ways:
                    tokens = model.generate(**inputs, max_new_tokens=max_new_tokens, num_beams=1, **way)
                    tokens = tokens[:, inputs["input_ids"].shape[1] :]  # the prompt is not part of the answer
                    codes = list(map(extract_code, processor.batch_decode(tokens, skip_special_tokens=True)))
                    each = len(codes) // len(batch)
                    for k, answer in enumerate(batch):
                        answer += codes[k * each : (k + 1) * each]
                answers += batch
    finally:
        model.train(training)
    return answers


def generate_code(
    model: PreTrainedModel,
    processor: ProcessorMixin,
    images: list[Image.Image],
    max_new_tokens: int = 512,
    batch_size: int = 16,
) -> list[str]:
    """Greedy programs for `images`, see [`generate_candidates`]."""
    return [codes[0] for codes in generate_candidates(model, processor, images, 1, max_new_tokens, batch_size)]

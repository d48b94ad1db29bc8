"""Processor of C2C-MoLA: letterboxes charts, prompts the decoder, encodes code for training."""

import torch
from PIL import Image, ImageOps
from transformers import BatchFeature
from transformers.image_utils import load_image
from transformers.processing_utils import ProcessorMixin


class C2CMolaProcessor(ProcessorMixin):
    r"""
    An image processor and a tokenizer in one.

    Args:
        image_processor (`SiglipImageProcessor`): rescales and normalises; its `size` is the model's `image_size`.
        tokenizer (`PreTrainedTokenizerFast`): tokenizer of the decoder; needs `pad_token` and `eos_token`.
        chart_prompt (`str`): what the decoder reads before the code; a tokenizer of an instruction-tuned decoder has
            its own way of putting a question here.
        chat_template (`str`, *optional*): Jinja template for conversations.
    """

    def __init__(self, image_processor=None, tokenizer=None, chart_prompt: str = "", chat_template=None, **kwargs):
        self.chart_prompt = chart_prompt
        super().__init__(image_processor, tokenizer, chat_template=chat_template)

    def letterbox(self, image: Image.Image) -> Image.Image:
        """The chart, whole and undistorted, in the middle of a white square of the model's input size; RGB."""
        size = self.image_processor.size
        if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return ImageOps.pad(
            image.convert("RGB"), (size["width"], size["height"]), method=Image.Resampling.BICUBIC, color="white"
        )

    def __call__(
        self,
        images=None,
        text: str | list[str] | None = None,
        code: str | list[str] | None = None,
        return_tensors: str = "pt",
        padding_side: str | None = None,
        **kwargs,
    ) -> BatchFeature:
        """
        Args:
            images (PIL image, path, URL or a list of these, *optional*): one chart per sequence.
            text (`str` or `list[str]`, *optional*): prompts; `chart_prompt` where there is none, or an empty one.
            code (`str` or `list[str]`, *optional*): programs; appended to the prompts for training.
            padding_side (`str`, *optional*): default `"left"` for prompts, `"right"` with `code`.

        Returns:
            `BatchFeature` with `pixel_values` `(B, 3, H, W)` float32, `input_ids` and `attention_mask` `(B, L)`, and,
            with `code`, `labels` `(B, L)`: -100 on prompt and padding. Prompts are padded on the left, code on the
            right.
        """
        if images is None and text is None and code is None:
            raise ValueError("give the processor images, text or code")
        data = {}
        if images is not None:
            images = images if isinstance(images, (list, tuple)) else [images]
            images = [image[0] if isinstance(image, (list, tuple)) else image for image in images]
            # Only addresses: load_image forgets transparency.
            images = [load_image(image) if str(image).startswith("http") else image for image in images]
            images = [image if isinstance(image, Image.Image) else Image.open(image) for image in images]
            images = [self.letterbox(image) for image in images]
            data["pixel_values"] = self.image_processor(images, do_resize=False, return_tensors="pt")["pixel_values"]
        code = [code] if isinstance(code, str) else code
        if text is None:
            text = [self.chart_prompt] * len(images if images is not None else code)
        text = [prompt or self.chart_prompt for prompt in ([text] if isinstance(text, str) else text)]
        for name, other in (("images", images), ("code", code)):
            if other is not None and len(other) != len(text):
                raise ValueError(f"{len(other)} {name} for {len(text)} prompts: give one each")

        prompts = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        if code is None:
            sequences, labels = prompts, None
        else:
            programs = self.tokenizer(list(code), add_special_tokens=False)["input_ids"]
            programs = [program + [self.tokenizer.eos_token_id] for program in programs]
            sequences = [prompt + program for prompt, program in zip(prompts, programs)]
            labels = [[-100] * len(prompt) + program for prompt, program in zip(prompts, programs)]
        side = padding_side or ("left" if code is None else "right")
        data["input_ids"] = pad(sequences, self.tokenizer.pad_token_id, side)
        data["attention_mask"] = pad([[1] * len(sequence) for sequence in sequences], 0, side)
        if labels is not None:
            data["labels"] = pad(labels, -100, side)
        return BatchFeature(data, tensor_type=None if return_tensors == "pt" else return_tensors)

    @property
    def model_input_names(self) -> list[str]:
        return ["pixel_values", "input_ids", "attention_mask"]


def pad(sequences: list[list[int]], value: int, side: str) -> torch.Tensor:
    """Lists of integers -> `(B, L)` int64, L the longest."""
    length = max(len(sequence) for sequence in sequences)
    rows = []
    for sequence in sequences:
        padding = [value] * (length - len(sequence))
        rows.append(padding + list(sequence) if side == "left" else list(sequence) + padding)
    return torch.tensor(rows, dtype=torch.long)


C2CMolaProcessor.register_for_auto_class()

__all__ = ["C2CMolaProcessor"]

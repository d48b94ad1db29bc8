"""The processor: letterboxing, prompts, labels."""

import numpy as np
import pytest
import torch
from PIL import Image

from processing_c2c_mola import C2CMolaProcessor


@pytest.fixture(scope="module")
def processor() -> C2CMolaProcessor:
    return C2CMolaProcessor.from_pretrained("configs/tiny_processor")


def test_letterbox_keeps_the_chart_whole_and_undistorted(processor):
    image = Image.new("RGB", (800, 400), "red")
    boxed = np.asarray(processor.letterbox(image))
    assert boxed.shape == (512, 512, 3)
    assert (boxed[128:384] == [255, 0, 0]).all() and (boxed[:127] == 255).all() and (boxed[385:] == 255).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "1", "CMYK", "I;16"])
def test_every_mode_becomes_rgb_over_white(processor, mode):
    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0)) if mode == "RGBA" else Image.new(mode, (64, 64))
    pixels = processor(images=image)["pixel_values"]
    assert pixels.shape == (1, 3, 512, 512)
    if mode in ("RGBA", "LA"):  # transparent black is white paper
        assert pixels.min() == 1.0


def test_pixel_values_are_normalised_to_plus_minus_one(processor):
    pixels = processor(images=Image.fromarray(np.tile(np.uint8([[[0, 128, 255]]]), (512, 512, 1))))["pixel_values"]
    np.testing.assert_allclose(pixels[0, :, 0, 0].numpy(), [-1, 128 / 127.5 - 1, 1], atol=1e-5)


def test_labels_cover_the_code_and_its_end_only(processor):
    codes = ["ax.bar(x, [1, 23])\n", "fig, ax = plt.subplots()\nax.pie([45, 55])\nax.set_title('Größe 25 °C')\n"]
    batch = processor(images=[Image.new("RGB", (64, 64))] * 2, code=codes)
    assert batch["input_ids"].shape == batch["labels"].shape == batch["attention_mask"].shape
    for row, code in enumerate(codes):
        labels = batch["labels"][row]
        target = labels[labels != -100]
        assert target[-1] == processor.tokenizer.eos_token_id
        assert processor.tokenizer.decode(target[:-1]) == code
        assert labels[0] == -100 and batch["input_ids"][row, 0] == processor.tokenizer.bos_token_id
        assert (labels != -100).sum() == batch["attention_mask"][row].sum() - 1


def test_numbers_are_read_digit_by_digit(processor):
    tokens = processor.tokenizer.tokenize("[1234, 5.67]")
    assert [token for token in tokens if any(c.isdigit() for c in token)] == list("1234567")


def test_an_empty_prompt_is_the_default_one(processor):
    """transformers' image-text-to-text pipeline passes on `text=""`; a decoder cannot start from nothing."""
    assert torch.equal(processor(text="")["input_ids"], processor(text=processor.chart_prompt)["input_ids"])


def test_prompts_of_unequal_length_are_padded_on_the_left(processor):
    batch = processor(text=["<|startofcode|>", "<|startofcode|>import"])
    assert batch["attention_mask"][0, 0] == 0 and batch["attention_mask"][0, -1] == 1


def test_chat_template_opens_the_answer(processor):
    conversation = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Write the code."}]}]
    assert processor.apply_chat_template(conversation, tokenize=False) == processor.chart_prompt


def test_unequal_numbers_say_both(processor):
    with pytest.raises(ValueError, match="2 code for 1 prompts|1 images for 2 prompts|2 prompts"):
        processor(images=[Image.new("RGB", (8, 8))], text=["a", "b"])

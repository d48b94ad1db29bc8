"""Shared by the tests: a tiny model that has learned one program by heart, saved as a folder; child processes; an
executor."""

import contextlib
from pathlib import Path

import pytest

PROGRAM = """import matplotlib.pyplot as plt

fig, ax = plt.subplots()
ax.bar(["a", "b", "c"], [3, 5, 2], color="tab:red")
ax.set_title("Three bars")
"""


def copied(executor, chart: str, answer: str = "", fine: bool = False):
    """The program that is made of the picture of a chart (its code) alone, and the picture; `answer`: a program whose
    words it may have; `fine`: of the picture in its own resolution, not of the canvas alone."""
    from chart2code.detail import canvas_of
    from chart2code.sketches import Sheet
    from eval_metric.similarity import to_canvas

    image = executor.run(chart).image
    (code,) = Sheet.of((canvas_of if fine else to_canvas)(image), image.shape[1::-1], answer).measured()
    return code, image


def children(pid: int) -> set[int]:
    """All descendants of a process."""
    found = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended meanwhile
            for child in map(int, (task / "children").read_text().split()):
                found |= {child} | children(child)
    return found


def tiny_config(vocab_size: int = 48, pad_token_id: int = 0, eos_token_id: int = 1, **overrides):
    """A configuration of some thousand parameters: 64 x 64 pixels, 16 visual tokens, two decoder layers."""
    from configuration_c2c_mola import C2CMolaConfig

    values = {
        "text_config": {
            "model_type": "qwen2",
            "vocab_size": vocab_size,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 256,
            "tie_word_embeddings": True,
            "pad_token_id": pad_token_id,
            "eos_token_id": eos_token_id,
            "bos_token_id": None,
        },
        "vision_config": {
            "model_type": "siglip_vision_model",
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": 64,
            "patch_size": 16,
        },
        "conv_config": {
            "model_type": "resnet",
            "embedding_size": 8,
            "hidden_sizes": [8, 16],
            "depths": [1, 1],
            "layer_type": "basic",
            "out_features": ["stage2"],
        },
        "image_size": 64,
        "visual_grid": 4,
        "cross_attention_every": 1,
        "cross_attention_gate": 1.0,
        "expert_rank": 2,
    }
    return C2CMolaConfig(**(values | overrides))


def make_tiny_model(program: str | list[str], steps: int | None = None):
    """A random model of 64 x 64 pixels, trained until it answers every chart with `program`, or, of several programs,
    `steps` steps; and its processor."""
    import torch
    from PIL import Image
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, SiglipImageProcessor

    from modeling_c2c_mola import C2CMolaForConditionalGeneration
    from processing_c2c_mola import C2CMolaProcessor

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    special = ["<pad>", "<eos>", "<chart>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    programs = [program] if isinstance(program, str) else program
    bpe.train_from_iterator(
        programs * 3, trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet)
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, pad_token="<pad>", eos_token="<eos>", additional_special_tokens=["<chart>"]
    )
    image_processor = SiglipImageProcessor(size={"height": 64, "width": 64})
    processor = C2CMolaProcessor(image_processor, tokenizer, chart_prompt="<chart>")
    config = tiny_config(
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    torch.manual_seed(0)
    model = C2CMolaForConditionalGeneration(config)
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    batch = processor(images=[Image.new("RGB", (64, 64), "white")] * len(programs), code=programs)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for step in range(500 if steps is None else steps):
        if steps is not None:  # down to nothing: with 1e-2 to the end, how sure it is hangs on the last step
            optimizer.param_groups[0]["lr"] = 1e-2 * (1 - step / steps)
        loss = model(**batch).loss
        if steps is None and loss < 0.02:
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert steps is not None or loss < 0.02, "the tiny model has not learned its program"
    return model.eval(), processor


@pytest.fixture(scope="session")
def program() -> str:
    return PROGRAM


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    model, processor = make_tiny_model(PROGRAM)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def executor():
    """Two workers that also trace where marks and texts are; modules that need other ones have their own."""
    from eval_metric.executor import Executor

    with Executor(2, timeout=60, labels=True) as executor:
        yield executor

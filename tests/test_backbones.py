"""Models from pretrained parts: folders as the Hub has them, of transformers' own classes with random weights."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from transformers import (
    AutoConfig,
    ConvNextV2Config,
    ConvNextV2ForImageClassification,
    Qwen2Config,
    Qwen2ForCausalLM,
    ResNetConfig,
    ResNetForImageClassification,
    SiglipConfig,
    SiglipModel,
)

from chart2code.backbones import compose
from chart2code.generation import ChartError
from modeling_c2c_mola import C2CMolaForConditionalGeneration

ROOT = Path(__file__).parents[1]


def save_tokenizer(folder: Path) -> None:
    """A byte-level BPE with the special tokens of Qwen2.5-Coder, in its format."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import Qwen2TokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(
        ["plt.bar()\n"], trainers.BpeTrainer(vocab_size=300, special_tokens=special, initial_alphabet=alphabet)
    )
    tokenizer = Qwen2TokenizerFast(
        tokenizer_object=bpe, eos_token="<|endoftext|>", pad_token="<|endoftext|>", unk_token="<|endoftext|>"
    )
    tokenizer.save_pretrained(folder)


def save_parts(folder: Path, text: dict, vision: dict, conv: Path | None = None) -> dict[str, str]:
    torch.manual_seed(0)
    decoder = Qwen2ForCausalLM(Qwen2Config(**text)).to(torch.bfloat16)
    decoder.save_pretrained(folder / "text")
    save_tokenizer(folder / "text")
    siglip = SiglipConfig(
        vision_config=vision,
        text_config={"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
                     "vocab_size": 64, "projection_size": vision["hidden_size"]},
    )  # fmt: skip
    SiglipModel(siglip).save_pretrained(folder / "vision")  # with its text tower and pooling head
    return {name: str(folder / name) for name in ("text", "vision", "conv")}


SMALL_TEXT = {
    "vocab_size": 320, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2, "tie_word_embeddings": True, "max_position_embeddings": 512,
}  # fmt: skip
SMALL_VISION = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 64,
    "patch_size": 16,
}  # fmt: skip


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    names = save_parts(folder, SMALL_TEXT, SMALL_VISION)
    config = ConvNextV2Config(hidden_sizes=[16, 32, 48, 64], depths=[1, 1, 1, 1], num_labels=10, image_size=64)
    ConvNextV2ForImageClassification(config).save_pretrained(folder / "conv")
    resnet = ResNetConfig(embedding_size=16, hidden_sizes=[16, 32, 48, 64], depths=[1, 1, 1, 1], num_labels=10)
    ResNetForImageClassification(resnet).save_pretrained(folder / "resnet")
    return names | {"resnet": str(folder / "resnet")}


CONFIG = {"image_size": 64, "visual_grid": 4, "cross_attention_every": 2}


@pytest.mark.parametrize("conv", ["conv", "resnet"])
def test_weights_of_the_parts_arrive_bit_by_bit(parts, tmp_path, conv):
    folder = compose(tmp_path / "start", parts["text"], parts["vision"], parts[conv], "# chart\n", CONFIG)
    model = C2CMolaForConditionalGeneration.from_pretrained(folder, dtype=torch.bfloat16)
    state = model.state_dict()
    decoder = Qwen2ForCausalLM.from_pretrained(parts["text"], dtype=torch.bfloat16).state_dict()
    for name, value in decoder.items():
        assert torch.equal(state[name.replace("model.", "model.language_model.", 1)], value), name
    for part, tower in ((parts["vision"], "vision_tower"), (parts[conv], "conv_tower")):
        classes = {
            "vision": SiglipModel,
            "conv": ConvNextV2ForImageClassification,
            "resnet": ResNetForImageClassification,
        }
        source = classes[Path(part).name].from_pretrained(part, dtype=torch.bfloat16).state_dict()
        found = 0
        for name, value in state.items():
            if name.startswith(f"model.{tower}.") and "hidden_states_norms" not in name:
                tail = name.removeprefix(f"model.{tower}.").removeprefix("vision_model.")
                match = [
                    source[key]
                    for key in source
                    if key.startswith(("vision_model", "convnextv2", "resnet")) and key.endswith(f".{tail}")
                ]
                assert len(match) == 1 and torch.equal(match[0], value), name
                found += 1
        assert found > 10
    assert model.config.tie_word_embeddings and model.lm_head.weight is model.model.language_model.embed_tokens.weight
    assert model.generation_config.eos_token_id == [0]


def test_a_pretrained_decoder_starts_undisturbed(parts, tmp_path):
    folder = compose(tmp_path / "start", parts["text"], parts["vision"], parts["conv"], "# chart\n", CONFIG)
    model = C2CMolaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    decoder = Qwen2ForCausalLM.from_pretrained(parts["text"], dtype=torch.float32).eval()
    tokens = torch.randint(0, 300, (2, 9))
    with torch.no_grad():
        logits = model(input_ids=tokens, pixel_values=torch.randn(2, 3, 64, 64)).logits
        torch.testing.assert_close(logits, decoder(tokens).logits, rtol=1e-4, atol=1e-4)


def test_a_folder_is_composed_once(parts, tmp_path):
    arguments = (parts["text"], parts["vision"], parts["conv"], "# chart\n")
    folder = compose(tmp_path / "start", *arguments, CONFIG)
    stamp = (folder / "model.safetensors").stat().st_mtime_ns
    compose(tmp_path / "start", *arguments, CONFIG)
    assert (folder / "model.safetensors").stat().st_mtime_ns == stamp
    compose(tmp_path / "start", *arguments, {**CONFIG, "visual_grid": 2})
    assert json.loads((folder / "config.json").read_text())["visual_grid"] == 2


def test_parts_that_do_not_fit_are_one_line(parts, tmp_path):
    good = {name: parts[name] for name in ("text", "vision", "conv")}
    for wrong, message in (
        ({"text": "./nowhere"}, "no folder ./nowhere"),
        ({"text": parts["vision"]}, "cannot build"),
        ({"conv": parts["text"]}, "cannot build"),
        ({"config": {"no_such_field": 1}}, "no_such_field"),
    ):
        values = {**good, "chart_prompt": "", "config": CONFIG, **wrong}
        with pytest.raises(ChartError, match=message) as error:
            compose(tmp_path / "start", **values)
        assert "\n" not in str(error.value)
    assert not (tmp_path / "start").exists()


def run_config(parts: dict[str, str], data: Path, output: Path, **values) -> dict:
    return {
        "text_backbone": parts["text"], "vision_backbone": parts["vision"], "conv_backbone": parts["conv"],
        "backbone_config": CONFIG, "data": str(data), "output_dir": str(output), "method": "mola", "bf16": True,
        "frozen_dtype": "bfloat16", "unfreeze": ["connector", "_projection", "visual_norm", "cross_attn"],
        "max_steps": 2, "per_device_train_batch_size": 1, "logging_steps": 1, "save_strategy": "no",
        "report_to": "none", "dataloader_num_workers": 0, "disable_tqdm": True, "activation_checkpointing": True,
        "activation_checkpointing_kwargs": {"every_n_layers": 4}, **values,
    }  # fmt: skip


def train(config: dict, folder: Path) -> subprocess.CompletedProcess:
    (folder / "run.yaml").write_text(yaml.safe_dump(config))
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "HF_HOME": str(folder / "hf"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, str(ROOT / "train.py"), "--config", str(folder / "run.yaml")]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=280)


def test_train_starts_from_backbones(parts, tmp_path):
    from chart2code.synthetic import write_dataset

    write_dataset(tmp_path / "data", {"train": 4, "validation": 2, "test": 0}, num_workers=1)
    output = tmp_path / "run"
    run = train(run_config(parts, tmp_path / "data", output, eval_generate_steps=2, eval_generate_samples=1,
                           eval_max_new_tokens=4), tmp_path)  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    start = C2CMolaForConditionalGeneration.from_pretrained(output / "_start", dtype=torch.bfloat16).state_dict()
    end = C2CMolaForConditionalGeneration.from_pretrained(output, dtype=torch.bfloat16)
    assert end.config.num_experts == 8
    changed = {name for name, value in start.items() if not torch.equal(end.state_dict()[name], value)}
    moving = ("connector", "_projection", "visual_norm", "cross_attn", "complexity")
    assert changed and all(any(part in name for part in moving) for name in changed), changed


@pytest.mark.parametrize("name", ["qwen_0.5b", "qwen_1.5b", "qwen_7b"])
def test_configs_of_real_backbones_are_valid(name, tmp_path):
    from chart2code.arguments import parse_arguments

    model, data, training = parse_arguments(
        ["--config", str(ROOT / f"configs/{name}.yaml"), "--report_to", "none", "--bf16", "false"]
    )
    assert model.method == "mola" and model.text_backbone.startswith("Qwen/Qwen2.5-Coder-")
    assert training.activation_checkpointing_kwargs["every_n_layers"] == 4
    comments = (ROOT / f"configs/{name}.yaml").read_text().splitlines()
    assert all("#" in line for line in comments if line.strip() and not line.startswith("---")), (
        "a field without comment"
    )


QWEN = {  # the published configurations of Qwen2.5-Coder
    "0.5b": {"hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24, "num_attention_heads": 14,
             "num_key_value_heads": 2, "vocab_size": 151936, "tie_word_embeddings": True},
    "7b": {"hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28,
           "num_key_value_heads": 4, "vocab_size": 152064, "tie_word_embeddings": False},
}  # fmt: skip
CONVNEXT_TINY = {"depths": [3, 3, 9, 3], "hidden_sizes": [96, 192, 384, 768]}
SIGLIP_BASE = {
    "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
    "image_size": 512, "patch_size": 16,
}  # fmt: skip


def test_7b_without_its_memory():
    """Shapes and number of parameters of the whole model, on tensors without contents."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    from configuration_c2c_mola import C2CMolaConfig

    config = C2CMolaConfig(
        text_config=Qwen2Config(**QWEN["7b"]),
        vision_config={"model_type": "siglip_vision_model", **SIGLIP_BASE},
        conv_config=AutoConfig.for_model("convnextv2", **CONVNEXT_TINY, out_features=["stage3"]),
    )
    with torch.device("meta"):
        model = C2CMolaForConditionalGeneration(config).to(torch.bfloat16)
    decoder = sum(p.numel() for n, p in model.named_parameters() if "lora_" not in n and "cross_attn" not in n
                  and ("language_model" in n or "lm_head" in n))  # fmt: skip
    assert decoder == 7_615_616_512  # of Qwen2.5-Coder-7B
    with FakeTensorMode(allow_non_fake_inputs=True):
        model.to_empty(device="cpu")
        outputs = model(
            input_ids=torch.zeros(2, 8, dtype=torch.long), pixel_values=torch.zeros(2, 3, 512, 512),
            labels=torch.zeros(2, 8, dtype=torch.long),
        )  # fmt: skip
        assert outputs.logits.shape == (2, 8, 152064) and outputs.router_probs.shape == (2, 1024, 8)
        outputs.loss.backward()


@pytest.mark.slow
def test_a_step_at_the_size_of_qwen_0_5b(tmp_path):
    from chart2code.synthetic import write_dataset

    write_dataset(tmp_path / "data", {"train": 4, "validation": 2, "test": 0}, num_workers=1)
    parts = save_parts(tmp_path, QWEN["0.5b"], SIGLIP_BASE)
    config = AutoConfig.for_model("convnextv2", **CONVNEXT_TINY)
    ConvNextV2ForImageClassification(config).save_pretrained(tmp_path / "conv")
    output = tmp_path / "run"
    values = {"backbone_config": {}, "max_steps": 1, "save_strategy": "steps", "save_steps": 1}
    run = train(run_config(parts, tmp_path / "data", output, **values), tmp_path)
    assert run.returncode == 0, run.stderr[-3000:]
    state = json.loads((output / "checkpoint-1" / "trainer_state.json").read_text())
    line = next(line for line in state["log_history"] if "loss" in line)
    assert line["loss_syntax"] > 0 and line["grad_norm"] > 0

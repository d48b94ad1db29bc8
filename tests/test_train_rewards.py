"""train_rewards.py: TRL's GRPO and DPO on a model that answers with a right or a wrong program, as it comes."""

import copy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from conftest import PROGRAM, make_tiny_model
from datasets import Dataset, Features, Image, Value
from PIL import Image as Picture

import train_rewards
from chart2code.generation import ChartError
from chart2code.rewards import render_and_compare
from eval_metric.executor import Executor

ROOT = Path(__file__).parents[1]
WRONG = PROGRAM.replace("[3, 5, 2]", "[1, 1, 6]").replace("tab:red", "tab:blue")


@pytest.fixture(scope="module")
def executor():
    with Executor(timeout=30.0) as executor:
        yield executor


@pytest.fixture(scope="module")
def undecided():
    model, processor = make_tiny_model([PROGRAM, WRONG], steps=500)
    processor.chat_template = "{{ '<chart>' }}"
    return model, processor


@pytest.fixture
def charts(executor):
    image = Picture.fromarray(executor.run(PROGRAM).image)
    rows = {"image": [image] * 4, "length": [60] * 4}
    return Dataset.from_dict(rows, Features({"image": Image(), "length": Value("int64")}))


def preference(model, processor) -> float:
    """log p(right) - log p(wrong)."""
    batch = processor(images=[Picture.new("RGB", (64, 64), "white")] * 2, code=[PROGRAM, WRONG])
    with torch.no_grad():
        log_probs = model.eval()(**batch).logits[:, :-1].log_softmax(-1)
    labels = batch["labels"][:, 1:]
    picked = log_probs.gather(-1, labels.clamp(min=0)[..., None])[..., 0] * (labels >= 0)
    return (picked.sum(1)[0] - picked.sum(1)[1]).item()


VALUES = {
    "report_to": "none", "use_cpu": True, "save_strategy": "no", "logging_steps": 1, "bf16": False,
    "activation_checkpointing": False, "disable_tqdm": True, "lr_scheduler_type": "constant", "seed": 0,
}  # fmt: skip


@pytest.mark.slow
def test_grpo_makes_the_right_program_likelier(undecided, charts, executor, tmp_path):
    from trl import GRPOConfig

    model, processor = copy.deepcopy(undecided[0]), undecided[1]
    model.model.conv_tower.requires_grad_(False)  # its batch statistics would be those of one chart
    config = GRPOConfig(
        output_dir=str(tmp_path), max_steps=8, per_device_train_batch_size=8, num_generations=8, learning_rate=1e-3,
        max_completion_length=80, reward_weights=[1.0, 0.2, 0.1], beta=0.0, **VALUES,
    )  # fmt: skip
    before = preference(model, processor)
    trainer = train_rewards.make_trainer(train_rewards.RewardArguments(), config, model, processor, charts, executor)
    trainer.train()
    assert preference(model, processor) > before + 0.5
    lines = [line for line in trainer.state.log_history if "reward" in line]
    assert {"rewards/iou/mean", "rewards/execution/mean", "rewards/length/mean"} <= set(lines[0])
    assert not hasattr(model.config, "image_token_id")


@pytest.mark.slow
def test_dpo_prefers_the_better_picture(undecided, charts, executor, tmp_path):
    from trl import DPOConfig

    model, processor = copy.deepcopy(undecided[0]), undecided[1]
    model.model.conv_tower.requires_grad_(False)
    args = train_rewards.RewardArguments(algorithm="dpo", candidates=8, min_gap=0.05, max_program_tokens=80)
    torch.manual_seed(0)
    pairs = train_rewards.preference_pairs(model, processor, charts, executor, args)
    ends = processor.tokenizer.eos_token
    for row in pairs:
        chosen, rejected = (row[name].removesuffix(ends) for name in ("chosen", "rejected"))
        assert row["chosen"].endswith(ends)
        best, worst = render_and_compare([chosen, rejected], [row["image"]] * 2, executor)
        assert best.iou >= worst.iou + 0.05

    config = DPOConfig(
        output_dir=str(tmp_path), max_steps=6, per_device_train_batch_size=4, learning_rate=1e-3, beta=0.1,
        max_length=None, **VALUES,
    )  # fmt: skip
    before = preference(model, processor)
    trainer = train_rewards.make_trainer(args, config, model, processor, charts, executor)
    trainer.train()
    assert preference(model, processor) > before + 0.5
    with pytest.raises(ChartError, match="lower min_gap"):
        args.min_gap = 1.1
        train_rewards.preference_pairs(model, processor, charts, executor, args)


def test_completions_are_padded_where_trl_wants_it(undecided):
    processor = undecided[1]
    left, right = (
        processor(text=["plt", "plt.bar()"], padding_side=side)["attention_mask"] for side in ("left", "right")
    )
    assert left[0, 0] == 0 and left[0, -1] == 1 and right[0, 0] == 1 and right[0, -1] == 0


@pytest.mark.parametrize("algorithm", ["grpo", "dpo"])
def test_configs_are_valid(algorithm, tmp_path):
    from trl import DPOConfig, GRPOConfig

    from chart2code.arguments import DataArguments, ModelArguments, parse

    arguments = ["--config", str(ROOT / f"configs/tiny_{algorithm}.yaml"), "--report_to", "none", "--use_cpu"]
    assert train_rewards.is_dpo(arguments) == (algorithm == "dpo")
    config = {"grpo": GRPOConfig, "dpo": DPOConfig}[algorithm]
    groups = (train_rewards.RewardArguments, ModelArguments, DataArguments, config)
    args, _, _, config = parse(groups, [*arguments, "--output_dir", str(tmp_path)], "train_rewards.py")
    assert args.algorithm == algorithm and config.max_steps == 200


@pytest.mark.parametrize("text, message", [
    ("algorithm: ppo\nmodel: m\n", "grpo or dpo"),
    ("algorithm: dpo\nmodel: m\nnum_generations: 4\n", "num_generations"),
    ("algorithm: grpo\nmodel: m\nmin_gapp: 1\n", "min_gapp"),
    ("algorithm: grpo\nmodel: nowhere\n", "nowhere"),
    ("algorithm: grpo\nmodel_config: c\nprocessor: p\n", "trained"),
    ("algorithm: grpo\nmodel: m\naugment_code: 0.5\n", "augment_code"),
])  # fmt: skip
def test_bad_arguments_are_one_line(tmp_path, text, message):
    (tmp_path / "run.yaml").write_text(text + f"output_dir: {tmp_path}\nreport_to: none\nbf16: false\n")
    with pytest.raises(ChartError, match=message) as error:
        train_rewards.main(["--config", str(tmp_path / "run.yaml")])
    assert "\n" not in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["grpo", "dpo"])
def test_whole_run_on_the_default_model(tmp_path, algorithm):
    from chart2code.synthetic import write_dataset

    write_dataset(tmp_path / "data", {"train": 6, "validation": 2, "test": 0}, num_workers=1)
    values = yaml.safe_load((ROOT / f"configs/tiny_{algorithm}.yaml").read_text())
    values |= {
        "model": str(ROOT), "data": str(tmp_path / "data"), "output_dir": str(tmp_path / "run"), "max_steps": 2,
        "per_device_train_batch_size": 4, "validation_charts": 2, "report_to": "none", "min_gap": 0.01,
        "logging_steps": 1, "use_cpu": True,
    }  # fmt: skip
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(values))
    command = [sys.executable, str(ROOT / "train_rewards.py"), "--config", str(tmp_path / "run.yaml")]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=280)
    assert run.returncode == 0, run.stderr[-3000:]
    assert "validation success_rate" in run.stderr
    assert {"model.safetensors", "modeling_c2c_mola.py", "processor_config.json"} <= {
        file.name for file in (tmp_path / "run").iterdir()
    }

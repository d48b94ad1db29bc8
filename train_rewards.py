"""Trains a model on what its programs draw, with TRL: GRPO on rewards, or DPO on pairs ranked by rendered IoU.

    accelerate launch --config_file accelerate_configs/cpu.yaml train_rewards.py --config configs/tiny_grpo.yaml
    accelerate launch --config_file accelerate_configs/cpu.yaml train_rewards.py --config configs/tiny_dpo.yaml
    python train_rewards.py --algorithm grpo --help      # every argument, those of TRL's GRPOConfig included

`grpo`: TRL's GRPOTrainer with the rewards of chart2code/rewards.py: IoU of the rendered program with the chart,
execution, and length (`reward_weights` in this order). `dpo`: programs are drawn from the model for each training
chart and rendered; the best and the worst of a chart, where their IoU differs by `min_gap`, are a pair, on which TRL's
DPOTrainer trains with the model itself as the reference (the visual half of dual preference, arXiv 2504.02906).

Both start from a model that train.py has trained, and `method`, `freeze` and `unfreeze` say, as there, what moves.
TRL's trainers compute their own loss from the model's hidden states: the losses of train.py have no part in it. The
success rate on validation charts (greedy, rendered) is printed before and after.
"""

from __future__ import annotations

import copy
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chart2code.generation import ChartError

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedModel, ProcessorMixin

    from eval_metric.executor import Executor


@dataclass
class RewardArguments:
    """What is rewarded, and how."""

    algorithm: str = field(default="grpo", metadata={"help": "grpo or dpo."})
    candidates: int = field(default=8, metadata={"help": "dpo: programs drawn of each training chart."})
    min_gap: float = field(default=0.1, metadata={"help": "dpo: difference of IoU that makes two of them a pair."})
    max_program_tokens: int = field(default=400, metadata={"help": "dpo and validation: longest program in tokens."})
    validation_charts: int = field(default=64, metadata={"help": "Validation charts of the success rate; 0 = none."})
    render_workers: int = field(default=2, metadata={"help": "Programs executed at a time."})

    def __post_init__(self):
        if self.algorithm not in ("grpo", "dpo"):
            raise ChartError(f"algorithm {self.algorithm!r} is not known; choose grpo or dpo")
        if self.candidates < 2:
            raise ChartError(f"candidates must be at least 2, but is {self.candidates}")


def draw_programs(
    model: PreTrainedModel, processor: ProcessorMixin, images: list, candidates: int, max_new_tokens: int
) -> list[list[str]]:
    """`candidates` programs of each image, drawn from the model at temperature 1."""
    import torch

    model.eval()
    with torch.inference_mode():
        inputs = processor(images=images).to(model.device)
        tokens = model.generate(
            **inputs, do_sample=True, temperature=1.0, top_k=0, top_p=1.0, num_return_sequences=candidates,
            max_new_tokens=max_new_tokens,
        )  # fmt: skip
    texts = processor.batch_decode(tokens[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return [texts[start : start + candidates] for start in range(0, len(texts), candidates)]


def preference_pairs(
    model: PreTrainedModel, processor: ProcessorMixin, charts: Dataset, executor: Executor, args: RewardArguments
) -> Dataset:
    """Rows of TRL's preference format: image, prompt, chosen, rejected. Raises [`ChartError`] if there are none."""
    from datasets import Dataset
    from tqdm import tqdm

    from chart2code.rewards import render_and_compare
    from eval_metric.code_similarity import extract_code

    rows, pairs, end = [], [], processor.tokenizer.eos_token
    with tqdm(total=len(charts), desc="ranking programs", unit="chart") as progress:
        for start in range(0, len(charts), 4):
            images = charts[start : start + 4]["image"]
            drawn = draw_programs(model, processor, images, args.candidates, args.max_program_tokens)
            codes = [extract_code(code) for of_chart in drawn for code in of_chart]
            targets = [image for image in images for _ in range(args.candidates)]
            compared = render_and_compare(codes, targets, executor)
            for index in range(len(images)):
                of_chart = range(index * args.candidates, (index + 1) * args.candidates)
                best, worst = (pick(of_chart, key=lambda i: compared[i].iou) for pick in (max, min))
                if compared[best].iou - compared[worst].iou >= args.min_gap:
                    rows.append(start + index)
                    pairs.append({"chosen": codes[best] + end, "rejected": codes[worst] + end})
            progress.update(len(images))
    if not rows:
        raise ChartError(
            f"no two of {args.candidates} programs of a chart differ by {args.min_gap} in IoU: lower min_gap, or "
            f"start from a model that draws something"
        )
    prompt = {"prompt": [processor.chart_prompt] * len(rows)}
    columns = Dataset.from_dict(prompt | {k: [pair[k] for pair in pairs] for k in ("chosen", "rejected")})
    dataset = charts.select(rows).select_columns(["image"]).flatten_indices()
    for name in columns.column_names:
        dataset = dataset.add_column(name, columns[name][:])
    return dataset


def validate(
    model: PreTrainedModel, processor: ProcessorMixin, charts: Dataset, executor: Executor, max_new_tokens: int
) -> dict[str, float]:
    """Mean scores of greedy programs of `charts`."""
    from chart2code.generation import generate_code
    from chart2code.rewards import render_and_compare
    from eval_metric.similarity import SUCCESS_IOU

    images = charts[:]["image"]
    compared = render_and_compare(generate_code(model, processor, images, max_new_tokens), images, executor)
    return {
        "success_rate": sum(c.iou >= SUCCESS_IOU for c in compared) / len(compared),
        "execution_rate": sum(c.executed for c in compared) / len(compared),
        "iou": sum(c.iou for c in compared) / len(compared),
    }


def make_trainer(
    args: RewardArguments, config: Any, model: PreTrainedModel, processor: ProcessorMixin, charts: Dataset, executor
):
    """TRL's trainer of `args.algorithm`."""
    from chart2code.rewards import ChartRewards

    if args.algorithm == "dpo":
        from trl import DPOTrainer

        pairs = preference_pairs(model, processor, charts, executor, args)
        log(f"{len(pairs)} pairs of programs")
        reference = copy.deepcopy(model).eval().requires_grad_(False)
        return DPOTrainer(
            model=model, ref_model=reference, args=config, train_dataset=pairs, processing_class=processor
        )

    from trl import GRPOTrainer

    if processor.chat_template is None:
        raise ChartError("GRPO asks in conversations, but the processor has no chat_template")
    rewards = ChartRewards(executor)
    charts = charts.select_columns(["image", "length"])
    charts = charts.add_column("prompt", [[{"role": "user", "content": ""}]] * len(charts))
    # TRL keeps models with vision from writing their placeholder of a picture. This one has none; a program has no
    # padding either.
    model.config.image_token_id = processor.tokenizer.pad_token_id
    try:
        return GRPOTrainer(
            model=model,
            reward_funcs=[rewards.iou, rewards.execution, rewards.length],
            args=config,
            train_dataset=charts,
            processing_class=processor,
        )
    finally:
        del model.config.image_token_id


def is_dpo(arguments: list[str]) -> bool:
    """Whether the command line, or else its config file, says `algorithm: dpo`."""
    import argparse
    from pathlib import Path

    import yaml

    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--algorithm")
    known = parser.parse_known_args(arguments)[0]
    try:
        values = yaml.safe_load(known.config.read_text()) if known.config else {}
    except (OSError, yaml.YAMLError):  # told by the parser of all arguments
        values = {}
    return (known.algorithm or (values if isinstance(values, dict) else {}).get("algorithm")) == "dpo"


def log(message: str) -> None:
    from train import log

    log(message, script="train_rewards.py")


def main(arguments: list[str] | None = None) -> None:
    import torch
    from transformers import set_seed
    from trl import DPOConfig, GRPOConfig

    from chart2code.arguments import DataArguments, ModelArguments, parse
    from chart2code.collator import load_split
    from eval_metric.executor import Executor
    from train import checkpoint_to_resume, load_model, load_processor

    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if not torch.accelerator.is_available():
        arguments += ["--use_cpu"]
    # Which of TRL's configurations the arguments belong to, they say themselves.
    config_class = DPOConfig if is_dpo(arguments) else GRPOConfig
    groups = (RewardArguments, ModelArguments, DataArguments, config_class)
    args, model_args, data_args, config = parse(groups, arguments, "train_rewards.py")
    if model_args.model is None or model_args.method == "lora":
        raise ChartError("rewards need a trained `model`, and method standard or mola")
    if data_args.augment_images or data_args.augment_code:
        raise ChartError("augment_images and augment_code are of train.py: rewards compare with the picture as it is")

    set_seed(config.seed)
    checkpoint = checkpoint_to_resume(config)
    processor = load_processor(model_args)
    train, validation = (
        load_split(
            data_args.data, split, processor, data_args.families, data_args.variants, limit, data_args.max_code_tokens
        )
        for split, limit in (("train", data_args.max_train_samples), ("validation", None))
    )
    validation = validation.shuffle(seed=0).select(range(min(args.validation_charts, len(validation))))
    model = load_model(model_args)

    with Executor(num_workers=args.render_workers, timeout=30.0) as executor:
        before = validate(model, processor, validation, executor, args.max_program_tokens) if len(validation) else {}
        trainer = make_trainer(args, config, model, processor, train, executor)
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        model = trainer.accelerator.unwrap_model(trainer.model)
        after = validate(model, processor, validation, executor, args.max_program_tokens) if len(validation) else {}
    for name, value in before.items():
        log(f"validation {name}: {value:.3f} before, {after[name]:.3f} after ({len(validation)} charts)")
    trainer.save_model()
    processor.save_pretrained(config.output_dir)
    log(f"saved the model in {config.output_dir}")


if __name__ == "__main__":
    from train import run_script

    run_script(main, "train_rewards.py")

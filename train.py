"""Trains C2C-MoLA. Every value of the YAML file can be given on the command line as well, which then wins.

    # a run of a minute that shows that everything works
    accelerate launch --config_file accelerate_configs/cpu.yaml train.py --config configs/tiny_smoke.yaml

    # a small model from nothing: the base on bars, then on all families, then the experts on top of it
    # (the model of this repository has a GPU's minutes before the last: experiments/train_while_drawing.py)
    python -m chart2code.synthetic --output data/synthetic
    accelerate launch --config_file accelerate_configs/cpu.yaml train.py --config configs/tiny_base_bars.yaml
    accelerate launch --config_file accelerate_configs/cpu.yaml train.py --config configs/tiny_base.yaml
    accelerate launch --config_file accelerate_configs/cpu.yaml train.py --config configs/tiny_mola.yaml

    # Qwen2.5-Coder with SigLIP2 and ConvNeXtV2: from the Hub or from folders; 0.5B, 1.5B on one GPU, 7B on eight
    accelerate launch --config_file accelerate_configs/single_gpu.yaml train.py --config configs/qwen_0.5b.yaml
    accelerate launch --config_file accelerate_configs/zero3.yaml train.py --config configs/qwen_7b.yaml

    # continue after an interruption, from the last whole checkpoint in the output folder
    accelerate launch --config_file accelerate_configs/cpu.yaml train.py --config configs/tiny_base.yaml \
        --resume_from_checkpoint true

    # several processes: GPUs with DDP or ZeRO, two CPU processes with DDP or ZeRO-3
    accelerate launch --config_file accelerate_configs/ddp.yaml train.py --config configs/tiny_mola.yaml
    accelerate launch --config_file accelerate_configs/zero3.yaml train.py --config configs/tiny_mola.yaml
    torchrun --nproc_per_node 2 train.py --config configs/tiny_mola.yaml
    accelerate launch --config_file accelerate_configs/zero3_cpu.yaml train.py --config configs/tiny_mola.yaml

    tensorboard --logdir runs          # curves of all runs
    python train.py --help             # every argument

`method` chooses the arm: `standard` (every weight, no experts), `lora` (PEFT) or `mola` (mixture-of-LoRA experts and
their router). The output folder ends up as a complete model repository: weights, configuration, processor, code and a
model card of the run; --push_to_hub sends it to the Hub. train_rewards.py goes on from there with GRPO or DPO.

What goes wrong is told in one line: a damaged checkpoint is passed over, one that cannot be written leaves the earlier
ones, a run with other data or batches does not continue from it, and a step without a finite gradient changes nothing.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from chart2code.generation import ChartError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedModel, ProcessorMixin

    from chart2code.arguments import C2CTrainingArguments, DataArguments, ModelArguments

# q, k, v of the decoder's self-attention (Sec. III-C). By regular expression: a plain list of names would also hit the
# vision transformer and the cross-attention.
LORA_TARGETS = r".*language_model\.layers\.\d+\.self_attn\.[qkv]_proj"
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # malloc.h
EXPERT_PARAMETERS = ("lora_", ".router.", ".complexity.")


def log(message: str, script: str = "train.py") -> None:
    if int(os.environ.get("RANK", 0)) == 0:
        print(f"{script}: {message}", file=sys.stderr, flush=True)


def load_processor(args: ModelArguments) -> ProcessorMixin:
    from processing_c2c_mola import C2CMolaProcessor

    folder = args.processor or args.model
    if not Path(folder).is_dir():
        raise ChartError(f"no processor folder {folder}")
    try:
        # The tokenizer's loader asks before it reads the configuration's class, which is this repository's own.
        return C2CMolaProcessor.from_pretrained(folder, trust_remote_code=True)
    except (OSError, ValueError) as error:
        raise ChartError(f"cannot load a processor from {folder}: {one_line(error)}") from error


def load_config(args: ModelArguments):
    """The model's configuration, with the arm's experts; from `model`, or from the file or folder `model_config`."""
    import yaml

    from configuration_c2c_mola import C2CMolaConfig

    source = Path(args.model or args.model_config)
    path = source / "config.json" if source.is_dir() else source
    if not path.is_file():
        raise ChartError(f"no such model {'folder' if args.model else 'config'}: {path}")
    try:
        # Not one parser for both: to YAML, JSON's 1e-06 is a string.
        values = (json.loads if path.suffix == ".json" else yaml.safe_load)(path.read_text())
    except (yaml.YAMLError, ValueError) as error:
        raise ChartError(f"{path} is neither JSON nor YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict) or values.get("model_type", C2CMolaConfig.model_type) != C2CMolaConfig.model_type:
        raise ChartError(f"{path} is not the configuration of a {C2CMolaConfig.model_type} model")
    if args.method == "mola":
        names = ("num_experts", "num_experts_per_tok", "expert_rank", "expert_alpha", "expert_dropout")
        values |= {name: getattr(args, name) for name in names}
        values |= {"expert_prior": args.expert_prior or ("domain" if args.num_experts == 8 else "none")}
        for name in ("routing_strategy", "selection_bias_rate"):
            if getattr(args, name) is not None:
                values[name] = getattr(args, name)
        if args.expert_capacity is not None:
            values["expert_capacity"] = args.expert_capacity or None
    else:
        values["num_experts"] = 0
    try:
        return C2CMolaConfig(**values)
    except (ValueError, TypeError, KeyError) as error:
        raise ChartError(f"{path}: {one_line(error)}") from error


def load_model(args: ModelArguments) -> PreTrainedModel:
    """The model of the arm `args.method`, with `requires_grad` set on what moves. Raises [`ChartError`]."""
    import torch
    from transformers.utils import logging

    from chart2code.checkpoints import is_halved
    from modeling_c2c_mola import C2CMolaForConditionalGeneration

    config = load_config(args)
    if args.model is None:
        model = C2CMolaForConditionalGeneration(config)
        model.generation_config.max_new_tokens = 512  # transformers would stop after 20
    else:
        verbosity = logging.get_verbosity()
        logging.set_verbosity_error()  # its report lists every expert of a base model as missing
        try:
            model, info = C2CMolaForConditionalGeneration.from_pretrained(
                args.model,
                config=config,
                dtype=torch.float32,
                output_loading_info=True,
            )
        except (OSError, ValueError, KeyError) as error:
            raise ChartError(f"cannot load the model from {args.model}: {one_line(error)}") from error
        finally:
            logging.set_verbosity(verbosity)
        missing = [k for k in sorted(info["missing_keys"]) if not any(part in k for part in EXPERT_PARAMETERS)]
        if missing:
            raise ChartError(f"{args.model} lacks weights of {len(missing)} parameters, e.g. {missing[0]}")
        if info["missing_keys"]:
            log(f"experts and router are new on top of {args.model}")
        if info["unexpected_keys"]:
            log(f"method {args.method} does without {len(info['unexpected_keys'])} weights of {args.model}")

    if args.method == "lora":
        from peft import LoraConfig, get_peft_model

        lora = LoraConfig(
            r=args.expert_rank,
            lora_alpha=args.expert_alpha,
            lora_dropout=args.expert_dropout,
            target_modules=LORA_TARGETS,
        )
        model = get_peft_model(model, lora)
    elif args.freeze != "none":
        names = [name for name, _ in model.named_parameters()]
        for option, patterns in (("freeze", [args.freeze]), ("unfreeze", args.unfreeze or [])):
            for pattern in patterns:
                if pattern != "backbone" and not any(re.search(pattern, name) for name in names):
                    raise ChartError(f"{option}: no parameter's name matches {pattern!r}")
        for name, parameter in model.named_parameters():
            if args.freeze == "backbone":
                frozen = not any(part in name for part in EXPERT_PARAMETERS)
            else:
                frozen = re.search(args.freeze, name) is not None
            parameter.requires_grad_(not frozen or any(re.search(pattern, name) for pattern in args.unfreeze or []))
    if args.frozen_dtype is not None:
        strict = model.get_base_model() if args.method == "lora" else model
        for name, parameter in model.named_parameters():
            if not parameter.requires_grad and is_halved(name, parameter, strict._keep_in_fp32_modules_strict):
                parameter.data = parameter.data.to(getattr(torch, args.frozen_dtype))
    return model


def checkpoint_to_resume(args: C2CTrainingArguments) -> Path | None:
    """The checkpoint folder that `resume_from_checkpoint` (a path, or true for the last complete one) means."""
    from chart2code.checkpoints import damage, last_complete_checkpoint

    wanted = args.resume_from_checkpoint
    if wanted is None or wanted.lower() in ("false", "no", "none"):
        if last_complete_checkpoint(args.output_dir) is not None:
            log(f"{args.output_dir} has checkpoints of an earlier run; --resume_from_checkpoint true continues it")
        return None
    if wanted.lower() in ("true", "yes"):
        checkpoint = last_complete_checkpoint(args.output_dir, report=log)
        log(f"continuing from {checkpoint}" if checkpoint else f"no checkpoint in {args.output_dir}: starting anew")
        return checkpoint
    if reason := damage(wanted):
        raise ChartError(f"{wanted} is not a complete checkpoint: {reason}")
    return Path(wanted)


def compose_backbones(args: ModelArguments, folder: Path) -> Path:
    from chart2code.backbones import compose

    return compose(
        folder,
        text=args.text_backbone,
        vision=args.vision_backbone,
        conv=args.conv_backbone,
        chart_prompt=args.chart_prompt,
        config=args.backbone_config,
    )


def run_arguments(model_args: ModelArguments, data_args: DataArguments, args: C2CTrainingArguments) -> dict:
    """All arguments of the run, as JSON has them, without tokens of accounts."""
    values = {**vars(model_args), **vars(data_args), **args.to_dict(), "world_size": args.world_size}
    return {name: value for name, value in values.items() if not name.endswith("_token")}


def save(trainer, method: str, dtype: str | None) -> None:
    """Saves the trained model with its processor in the output folder; `lora` merged, with the adapter beside it."""
    from chart2code.checkpoints import halve_weights

    output = Path(trainer.args.output_dir)
    if method == "lora":
        trainer.save_model(str(output / "adapter"))
        if trainer.is_deepspeed_enabled and trainer.accelerator.state.deepspeed_plugin.zero_stage == 3:
            log(f"under ZeRO-3 only the adapter is saved, in {output / 'adapter'}")
            return
        trainer.model = trainer.model.merge_and_unload()
        if trainer.args.should_save:
            trainer.model.save_pretrained(output)
            trainer.processing_class.save_pretrained(output)
    else:
        trainer.save_model()
    trainer.save_state()  # what was logged, to the end
    if trainer.args.should_save:
        if dtype is not None:
            halve_weights(output, trainer.accelerator.unwrap_model(trainer.model)._keep_in_fp32_modules_strict)
        trainer.create_model_card()
    trainer.accelerator.wait_for_everyone()
    log(f"saved the model in {output}")
    if trainer.args.push_to_hub:
        trainer.push_to_hub()
        log(f"pushed it to {trainer.hub_model_id}")


def keep_freed_memory() -> None:
    """Has glibc keep the memory of freed tensors. It gives large blocks back to the system at once otherwise, and the
    page faults of taking them again are about a sixth of a training step on a CPU."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):  # not in musl
            libc.mallopt(M_MMAP_MAX, 0)
            libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def main(arguments: list[str] | None = None) -> None:
    from chart2code.arguments import parse_arguments

    model_args, data_args, args = parse_arguments(arguments)
    if args.use_cpu:
        keep_freed_memory()

    from transformers import set_seed

    from chart2code.augmentation import AugmentedDataset
    from chart2code.callbacks import GenerationCallback
    from chart2code.checkpoints import STATE_FILE, check_same_run
    from chart2code.collator import ChartCollator, load_split
    from chart2code.trainer import C2CTrainer

    set_seed(args.seed)  # new experts are drawn from it
    checkpoint = checkpoint_to_resume(args)
    if model_args.frozen_dtype is not None and not args.bf16:
        raise ChartError("frozen_dtype bfloat16 needs bf16: true, which computes in it")
    if model_args.text_backbone is not None:
        with args.main_process_first(desc="composing the model"):
            model_args.model = str(compose_backbones(model_args, Path(args.output_dir, "_start")))
    processor = load_processor(model_args)
    with args.main_process_first(desc="loading the data"):
        train, validation = (
            load_split(
                data_args.data,
                split,
                processor,
                data_args.families,
                data_args.variants,
                limit,
                data_args.max_code_tokens,
            )
            for split, limit in (("train", data_args.max_train_samples), ("validation", None))
        )
    if data_args.augment_images or data_args.augment_code:
        train = AugmentedDataset(train, args.seed, data_args.augment_images, data_args.augment_code)
    evaluation = validation.shuffle(seed=0).select(
        range(min(data_args.max_eval_samples or len(validation), len(validation)))
    )
    run = run_arguments(model_args, data_args, args)
    run |= {"train_charts": len(train), "validation_charts": len(evaluation)}
    run["command"] = shlex.join(
        ["accelerate", "launch", "train.py", *(sys.argv[1:] if arguments is None else arguments)]
    )
    if checkpoint is not None and (changed := check_same_run(checkpoint, run)):
        log(f"other than in the steps so far: {'; '.join(changed)}")
    model = load_model(model_args)
    if len(processor.tokenizer) > model.config.text_config.vocab_size:
        raise ChartError(
            f"the tokenizer has {len(processor.tokenizer)} tokens, but the model's vocabulary only "
            f"{model.config.text_config.vocab_size}: they do not belong together"
        )
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    log(f"{len(train):,} training charts, {trainable:,} trainable of {sum(p.numel() for p in model.parameters()):,}")

    # One folder of curves a run, which a resumed run continues.
    os.environ.setdefault("TENSORBOARD_LOGGING_DIR", str(Path("runs", Path(args.output_dir).name)))
    targets = args.semantic_charts if args.semantic_weight else 0
    try:
        trainer = C2CTrainer(
            model=model,
            args=args,
            data_collator=ChartCollator(processor, model.config.chart_types, num_targets=targets),
            train_dataset=train,
            eval_dataset=evaluation,
            processing_class=processor,
            run=run,
        )
    except OSError as error:  # push_to_hub creates its repository at once
        if not args.push_to_hub:
            raise
        raise ChartError(f"push_to_hub: {one_line(error)}; `hf auth login` stores a token that may write") from error
    if args.eval_generate_steps or args.semantic_weight:
        try:
            log(f"programs are executed at confinement level {trainer.executor.level!r}")
        except RuntimeError as error:  # now, and not after hours
            raise ChartError(one_line(error)) from error
    if args.eval_generate_steps:
        trainer.add_callback(GenerationCallback(trainer, evaluation))

    reached = 0 if checkpoint is None else json.loads((checkpoint / STATE_FILE).read_text())["global_step"]
    if 0 < args.max_steps <= reached:  # it was interrupted while it saved its result
        if trainer.is_deepspeed_enabled:
            raise ChartError(f"{checkpoint} is already at step {reached} of {args.max_steps} (max_steps)")
        log(f"{checkpoint} is already at step {reached} of {args.max_steps}: saving its model")
        trainer._load_from_checkpoint(str(checkpoint))
    else:
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    save(trainer, model_args.method, model_args.save_dtype)
    trainer.end()
    if args.world_size > 1:
        # All is saved and the process group is gone, but now and then one of gloo's threads aborts the process while
        # the interpreter shuts down, and torchrun would call the run failed.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def run_script(main: Callable[[], None], script: str) -> None:
    """Runs `main`; a user's mistake is one line and exit code 2."""
    try:
        main()
    except ChartError as error:
        log(str(error), script)
        sys.exit(2)
    except KeyboardInterrupt:
        log("interrupted; --resume_from_checkpoint true continues from the last checkpoint", script)
        sys.exit(130)


if __name__ == "__main__":
    run_script(main, "train.py")

"""Arguments of train.py: what is trained (model), on what (data), how (training).

Three dataclasses, parsed by TRL's `TrlParser`: `--config file.yaml` gives the values, and each of them can be given on
the command line as well, which then wins. The defaults of the training arguments are the paper's (Tab. V, Eq. 15-18).
A key that no dataclass knows, a value of the wrong type or a missing file is one line and exit code 2.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, field, fields
from typing import Any, NoReturn

import torch
import yaml
from transformers import TrainingArguments
from trl import TrlParser

from chart2code.generation import ChartError, one_line

METHODS = ("standard", "lora", "mola")


@dataclass
class ModelArguments:
    """What is trained: where the weights come from, and which of them move."""

    model: str | None = field(
        default=None, metadata={"help": "Folder of a saved model (weights, config, processor) to start from."}
    )
    model_config: str | None = field(
        default=None,
        metadata={"help": "Instead of `model`: JSON or YAML file, or folder with config.json, of a fresh model."},
    )
    processor: str | None = field(
        default=None, metadata={"help": "Folder of the processor; defaults to `model`. Needed with `model_config`."}
    )
    text_backbone: str | None = field(
        default=None,
        metadata={
            "help": "Instead of `model`: decoder (a Qwen2 model, e.g. Qwen/Qwen2.5-Coder-0.5B), folder or repo."
        },
    )
    vision_backbone: str | None = field(
        default=None,
        metadata={"help": "With `text_backbone`: vision transformer, e.g. google/siglip2-base-patch16-512."},
    )
    conv_backbone: str | None = field(
        default=None,
        metadata={"help": "With `text_backbone`: convolutional backbone, e.g. facebook/convnextv2-tiny-22k-384."},
    )
    backbone_config: dict | str | None = field(
        default=None, metadata={"help": "With `text_backbone`: fields of C2CMolaConfig, e.g. {visual_grid: 32}."}
    )
    chart_prompt: str = field(
        default="# matplotlib code of the chart\n",
        metadata={"help": "With `text_backbone`: what the decoder reads before the code."},
    )
    frozen_dtype: str | None = field(
        default=None,
        metadata={"help": "bfloat16: matrices that do not move are held in it, which halves their memory."},
    )
    save_dtype: str | None = field(
        default=None,
        metadata={"help": "bfloat16: the saved model's matrices are held in it (half the file), checkpoints are not."},
    )
    method: str = field(
        default="standard",
        metadata={
            "help": "standard: every weight, no experts. lora: PEFT's LoRA on q, k, v of the decoder. "
            "mola: mixture-of-LoRA experts and their router."
        },
    )
    freeze: str | None = field(
        default=None,
        metadata={
            "help": "What stays as it is. backbone (default of mola): all but experts, router and complexity heads. "
            "none (the default of standard). Anything else: a regular expression of parameter names."
        },
    )
    unfreeze: list[str] | None = field(
        default=None,
        metadata={"help": "Regular expressions of parameter names that move although `freeze` names them (phase 2)."},
    )
    num_experts: int = field(default=8, metadata={"help": "Experts of `mola` (Tab. V)."})
    num_experts_per_tok: int = field(default=2, metadata={"help": "Experts that a token or chart uses (Tab. V)."})
    expert_rank: int = field(default=8, metadata={"help": "Rank of each expert, and of `lora` (Tab. V)."})
    expert_alpha: float = field(default=16.0, metadata={"help": "Scale alpha of experts and of `lora` (Tab. V)."})
    expert_dropout: float = field(default=0.1, metadata={"help": "Dropout of the experts' and of LoRA's input."})
    routing_strategy: str | None = field(
        default=None, metadata={"help": "top_k or probabilistic (Tab. VIII); the model's own value if not given."}
    )
    expert_prior: str | None = field(
        default=None, metadata={"help": "domain (Tab. II) or none; domain if there are 8 experts and it is not given."}
    )
    selection_bias_rate: float | None = field(
        default=None,
        metadata={"help": "Step of the selection bias that balances load without a loss; model's own if not given."},
    )
    expert_capacity: int | None = field(
        default=None,
        metadata={"help": "Visual tokens that an expert takes of a chart; 0 = all; model's own value if not given."},
    )

    def __post_init__(self):
        if isinstance(self.unfreeze, str):
            self.unfreeze = [self.unfreeze]
        if self.method not in METHODS:
            raise ChartError(f"method {self.method!r} is not known; choose one of {', '.join(METHODS)}")
        if self.method == "lora" and (self.freeze is not None or self.unfreeze):
            raise ChartError("freeze and unfreeze do not go with method lora, which moves its low-rank factors alone")
        if self.method == "standard" and self.freeze == "backbone":
            raise ChartError("freeze backbone leaves nothing to train with method standard, which has no experts")
        if self.freeze is None:
            self.freeze = "backbone" if self.method == "mola" else "none"
        for pattern in (self.freeze, *(self.unfreeze or ())):
            try:
                re.compile(pattern)
            except re.error as error:
                raise ChartError(f"{pattern!r} is not a regular expression: {error}") from None
        if isinstance(self.backbone_config, str):
            try:
                self.backbone_config = json.loads(self.backbone_config)
            except ValueError as error:
                raise ChartError(f"backbone_config is not valid JSON: {error}") from None
        if (self.model is not None) + (self.model_config is not None) + (self.text_backbone is not None) != 1:
            raise ChartError(
                "give either `model` (a saved model's folder), `model_config` (a fresh model) or `text_backbone` (a "
                "model from pretrained parts)"
            )
        if self.text_backbone is not None and None in (self.vision_backbone, self.conv_backbone):
            raise ChartError("`text_backbone` needs `vision_backbone` and `conv_backbone`")
        for name in ("frozen_dtype", "save_dtype"):
            if getattr(self, name) not in (None, "bfloat16"):
                raise ChartError(f"{name} {getattr(self, name)!r} is not known; choose bfloat16, or leave it out")
        if self.model_config is not None and self.processor is None:
            raise ChartError("`model_config` needs `processor`, the folder of a saved processor")
        if self.model_config is not None and self.method == "lora":
            raise ChartError("method lora needs a trained `model`: a low-rank update of random weights learns little")
        if self.method == "mola" and not 1 <= self.num_experts_per_tok <= self.num_experts:
            raise ChartError(
                f"num_experts_per_tok={self.num_experts_per_tok} must lie between 1 and num_experts={self.num_experts}"
            )


@dataclass
class DataArguments:
    """On what: a folder with train and validation splits, and what to take of it."""

    data: str = field(
        default="data/synthetic",
        metadata={"help": "Folder that `python -m chart2code.synthetic` or `chart2code.chart2code160k` has written."},
    )
    families: list[str] | None = field(
        default=None, metadata={"help": "Chart types to take (of both splits), e.g. `[bar]`; all if not given."}
    )
    variants: list[str] | None = field(
        default=None, metadata={"help": "Variants to take (of both splits), e.g. `[stacked]`; all if not given."}
    )
    max_train_samples: int | None = field(default=None, metadata={"help": "Take only so many training charts."})
    max_eval_samples: int | None = field(
        default=256, metadata={"help": "Take only so many validation charts for the validation loss."}
    )
    max_code_tokens: int | None = field(
        default=None, metadata={"help": "Leave out charts whose program has more tokens; all are taken if not given."}
    )
    augment_images: float = field(
        default=0.0,
        metadata={
            "help": "Share of training pictures that are altered: turned, moved, other colours, blur, noise, JPEG."
        },
    )
    augment_code: float = field(
        default=0.0, metadata={"help": "Share of training programs that are written in other words; same picture."}
    )

    def __post_init__(self):
        for name in ("families", "variants"):
            if isinstance(getattr(self, name), str):  # `families: bar` in a YAML
                setattr(self, name, [getattr(self, name)])
        for name in ("max_train_samples", "max_eval_samples", "max_code_tokens"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ChartError(f"{name} must be at least 1, not {value}")
        for name in ("augment_images", "augment_code"):
            if not 0 <= getattr(self, name) <= 1:
                raise ChartError(f"{name} is a share from 0 to 1, not {getattr(self, name)}")


@dataclass
class C2CTrainingArguments(TrainingArguments):
    """
    How: `transformers.TrainingArguments` with the paper's defaults, the weights of the losses, the optimizer and the
    evaluation by generation.
    """

    learning_rate: float = field(default=1e-4, metadata={"help": "Peak learning rate of AdamW (Eq. 17)."})
    lr_scheduler_type: str = field(default="cosine_with_min_lr", metadata={"help": "Learning rate schedule (Eq. 17)."})
    lr_scheduler_kwargs: dict | str | None = field(
        default=None,
        metadata={"help": "Arguments of the schedule; if not given, it ends at a hundredth of the peak (Eq. 17)."},
    )
    weight_decay: float = field(
        default=0.01, metadata={"help": "Weight decay of matrices; none on experts, norms and biases."}
    )
    dataloader_num_workers: int = field(default=1, metadata={"help": "Processes that decode and letterbox charts."})
    train_sampling_strategy: str = field(
        default="group_by_length",
        metadata={"help": "group_by_length (little padding), random or sequential."},
    )
    remove_unused_columns: bool = field(default=False, metadata={"help": "Must stay false: the collator picks."})
    label_names: list[str] | None = field(default_factory=lambda: ["labels"], metadata={"help": "Must stay `labels`."})
    logging_steps: float = field(default=10, metadata={"help": "Steps between two log lines; they hold the mean."})

    optimizer: str = field(
        default="adamw",
        metadata={"help": "adamw, or muon (hidden matrices by Muon, the rest by AdamW; for training from nothing)."},
    )
    muon_learning_rate: float = field(default=3e-3, metadata={"help": "Peak learning rate of Muon's matrices."})
    muon_momentum: float = field(default=0.95, metadata={"help": "Momentum of Muon."})

    lambda1: float = field(default=0.5, metadata={"help": "Factor inside L_util (Eq. 16, Tab. V)."})
    lambda2: float = field(default=0.7, metadata={"help": "Weight of L_router, KL to uniform (Eq. 15)."})
    lambda3: float = field(default=0.3, metadata={"help": "Weight of L_util (Eq. 15)."})
    lambda_load: float = field(default=0.0, metadata={"help": "Weight of L_load (Eq. 11); not part of Eq. 15."})
    z_loss_weight: float = field(default=0.0, metadata={"help": "Weight of the router's z-loss (ST-MoE: 1e-3)."})
    expert_l2: float = field(default=0.0, metadata={"help": "Weight lambda of |A|^2 + |B|^2 (Eq. 13)."})
    complexity_loss_weight: float = field(
        default=0.1, metadata={"help": "Weight of the heads of c(x): chart type and element count (Eq. 3)."}
    )
    mark_loss_weight: float = field(
        default=0.0, metadata={"help": "Weight of the marks of the reader of cells (of a model with `mark_bins`)."}
    )
    character_loss_weight: float = field(default=0.0, metadata={"help": "Weight of its characters."})
    semantic_weight: float = field(
        default=0.0,
        metadata={"help": "Weight of L_semantic: programs drawn from the model and rendered (Sec. III-D); 0 = off."},
    )
    semantic_every: int = field(default=4, metadata={"help": "Steps between two with L_semantic."})
    semantic_charts: int = field(default=4, metadata={"help": "Charts of a process's batch that it is taken of."})
    semantic_samples: int = field(default=4, metadata={"help": "Programs drawn of each, at least 2."})
    semantic_threshold: float = field(default=0.85, metadata={"help": "tau: IoU below which a program is penalised."})
    utilization_window: int = field(default=1000, metadata={"help": "Steps over which u_i is measured (Eq. 16)."})

    eval_generate_steps: int = field(
        default=0, metadata={"help": "Steps between two evaluations by generation and rendering; 0 = never."}
    )
    eval_generate_samples: int = field(default=64, metadata={"help": "Validation charts of such an evaluation."})
    eval_max_new_tokens: int = field(
        default=400, metadata={"help": "Longest generated program in tokens, also of L_semantic."}
    )
    render_workers: int = field(default=1, metadata={"help": "Programs that each process executes at a time."})

    def __post_init__(self):
        if self.optimizer not in ("adamw", "muon"):
            raise ChartError(f"optimizer {self.optimizer!r} is not known; choose adamw or muon")
        least = {"utilization_window": 1, "semantic_every": 1, "semantic_charts": 1, "semantic_samples": 2}
        least |= {"render_workers": 1, "semantic_weight": 0}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise ChartError(f"{name} must be at least {value}, but is {getattr(self, name)}")
        if self.lr_scheduler_type == "cosine_with_min_lr" and self.lr_scheduler_kwargs is None:
            self.lr_scheduler_kwargs = {"min_lr_rate": 0.01}  # 1e-4 -> 1e-6 (Eq. 17); the same ratio for Muon
        if not torch.accelerator.is_available():
            self.use_cpu = True  # so that one YAML serves a laptop and a GPU
        super().__post_init__()


class ArgumentParser(TrlParser):
    """`TrlParser` whose mistakes are one line, and which reads a YAML's values as strictly as the command line's."""

    def __init__(self, groups: tuple[type, ...], script: str):
        super().__init__(groups, allow_abbrev=False, prog=script)

    def error(self, message: str) -> NoReturn:
        raise ChartError(message)

    def set_defaults_with_config(self, **config) -> list[str]:
        names = {f.name for group in self.dataclass_types for f in fields(group) if f.init}
        unknown = sorted(set(config) - names)
        if unknown:
            raise ChartError(f"unknown key{'s' if len(unknown) > 1 else ''} in the YAML file: {', '.join(unknown)}")
        # argparse checks and converts defaults only if they are strings. `1e-6` without a point is one to YAML, too.
        strict = {k: str(v) if isinstance(v, int | float) else v for k, v in config.items()}
        for value in (v for v in strict.values() if isinstance(v, dict)):
            for key, item in value.items():
                if isinstance(item, str):
                    value[key] = _number(item)
        return super().set_defaults_with_config(**strict)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def parse_arguments(arguments: list[str] | None = None) -> tuple[ModelArguments, DataArguments, C2CTrainingArguments]:
    """[`parse`] with the arguments of train.py."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    return parse((ModelArguments, DataArguments, C2CTrainingArguments), arguments, "train.py")


def parse(groups: tuple[type, ...], arguments: list[str], script: str) -> tuple[Any, ...]:
    """
    Parses a command line with its `--config` file into the dataclasses `groups`.

    Raises [`ChartError`] with one line that names the mistake.
    """
    try:
        return ArgumentParser(groups, script).parse_args_and_config(arguments)
    except FileNotFoundError as error:
        raise ChartError(f"no such config file: {error.filename}") from None
    except yaml.YAMLError as error:
        raise ChartError(f"the config file is not valid YAML: {' '.join(str(error).split())}") from None
    except IndexError:
        raise ChartError("--config needs the path of a YAML file") from None
    except (ValueError, TypeError, OSError) as error:
        message = one_line(error).replace("Some specified arguments are not used by the HfArgumentParser", "unknown")
        raise ChartError(message) from None

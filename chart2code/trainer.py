"""The trainer of all three arms: `transformers.Trainer` with the paper's losses, optimizer, data order and resume.

    L = L_syntax + lambda2 * L_router + lambda3 * L_util                    (Eq. 15, 16)
        + lambda_load * L_load + expert_l2 * (|A|^2 + |B|^2)                (Eq. 11, 13)
        + z_loss_weight * (z-loss of the router)                            (ST-MoE)
        + complexity_loss_weight * (type and element count heads of c(x))   (Eq. 3)
        + mark_loss_weight * (marks) + character_loss_weight * (characters) (reader of cells, where the model has one)
        + semantic_weight * L_semantic                                      (every `semantic_every` steps: semantic.py)

What differs from the paper: L_semantic is off by default, since a step with it costs as much as many without: it draws
and renders programs, and it pays where programs of the data do not draw their pictures (experiments/semantic_loss.py),
not where they do. The routing losses are of the mean routing distribution over all charts and visual tokens of the
step so far, on all processes: in the n-th micro-batch of an accumulated step, of micro-batches 1 to n, with the
gradient of the n-th. Without accumulation that is the gradient of the global batch. With it, that one would take a
second forward pass of each micro-batch, since the losses are not linear in the mean. Taken per sample, as printed,
they punish every confident decision. u_i of Eq. 16 is the share of routed tokens that expert i took, over a window of
1,000 optimizer steps; it is a count, so the current batch's mean probabilities stand in for its gradient, undivided by
the window's length.
A model without experts has none of these terms, and the same loop trains it.

A gradient that is not finite (NaN in a batch, an overflow) moves nothing: its step is passed over and told.
"""

from __future__ import annotations

import json
import math
import shutil
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import Trainer

from chart2code.arguments import C2CTrainingArguments
from chart2code.augmentation import AugmentedDataset
from chart2code.callbacks import RoutingTelemetry
from chart2code.checkpoints import (
    RUN_FILE,
    add_state_checksum,
    damage,
    last_complete_checkpoint,
    write_checksums,
)
from chart2code.collator import EpochSampler
from chart2code.generation import ChartError, one_line
from chart2code.model_card import model_card
from chart2code.optimizer import MuonAdamW, parameter_groups
from chart2code.semantic import SemanticLoss, SemanticOutput
from eval_metric.executor import Executor
from routing_c2c_mola import (
    expert_l2_loss,
    load_balancing_loss,
    router_kl_loss,
    router_z_loss,
    utilization_loss,
)

WINDOW_FILE = "utilization_window.json"
RENDER_SECONDS = 30.0  # longer than any program needs: on a busy machine none must fail for that
MAX_SKIPPED = 10  # steps in a row without a finite gradient, after which training stops


class C2CTrainer(Trainer):
    """
    Trains `C2CMolaForConditionalGeneration`, with experts or without, or a PEFT model around it.

    Takes the arguments of [`~transformers.Trainer`]; `args` is a [`C2CTrainingArguments`]. Data sets have a column
    `length` if `train_sampling_strategy` is `group_by_length`; L_semantic needs a collator with `num_targets`.

    `run` are the values that a checkpoint notes as those of its run (see `checkpoints.check_same_run`).
    """

    args: C2CTrainingArguments

    def __init__(self, *args, run: dict[str, Any] | None = None, **kwargs):
        super().__init__(*args, **kwargs)
        self.run = run or {}
        self.trainable = sum(getattr(p, "ds_numel", p.numel()) for p in self.model.parameters() if p.requires_grad)
        self.executor = Executor(num_workers=self.args.render_workers, timeout=RENDER_SECONDS)
        self.semantic_loss = SemanticLoss(
            self.processing_class,
            self.executor,
            num_samples=self.args.semantic_samples,
            threshold=self.args.semantic_threshold,
            max_new_tokens=self.args.eval_max_new_tokens,
        )
        # Share of routed tokens per expert, one entry an optimizer step; the oldest leaves (Eq. 16).
        self.usage_window: deque[list[float]] = deque(maxlen=self.args.utilization_window)
        # Of the step's micro-batches so far, on all processes: sum of p' and assignments per expert, tokens, dropped.
        self._step_totals: torch.Tensor | None = None
        self.routing_telemetry = RoutingTelemetry()
        self._logged: dict[str, torch.Tensor] = {}  # sums since the last log line
        self._logged_steps = 0
        self._logged_semantic: list[SemanticOutput] = []
        self._microbatch = 0  # within its optimizer step
        self._skipped = 0  # steps in a row whose gradient was not finite
        self._statistics: list[tuple[torch.Tensor, torch.Tensor]] = []  # of batch normalisation, before the step
        self._waited, self._clock = 0.0, time.perf_counter()  # seconds, time: since the last log line

    # ---- losses ----

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """The sum of the losses while training; L_syntax alone in evaluation, where it is compared across arms."""
        targets = inputs.pop("targets", None)
        loss, outputs = super().compute_loss(model, inputs, return_outputs=True, num_items_in_batch=num_items_in_batch)
        if model.training:
            # L_syntax is a sum over the tokens of the whole step, divided by their number. The other terms are means
            # of this micro-batch, and the Trainer divides nothing if it has passed that number.
            scaled = num_items_in_batch is not None and self.model_accepts_loss_kwargs
            share = 1 / self.current_gradient_accumulation_steps
            syntax, terms = loss, self.auxiliary_losses(outputs)
            for weight, term in terms.values():
                if weight:
                    loss = loss + weight * term * (share if scaled else 1)
            self._log_sum("loss_syntax", syntax if scaled else syntax * share)
            for name, (_, term) in terms.items():
                self._log_sum(f"loss_{name}", term * share)
            if self._is_semantic_step():  # once an optimizer step, in full
                semantic = self._semantic(model, inputs, targets)
                loss = loss + self.args.semantic_weight * semantic.loss * (1 if scaled else 1 / share)
            self._end_of_microbatch()
        elif outputs.get("chart_gates") is not None:
            self.routing_telemetry.add(self.accelerator, outputs["chart_gates"], inputs.get("chart_type"))
        return (loss, outputs) if return_outputs else loss

    def auxiliary_losses(self, outputs: Any) -> dict[str, tuple[float, torch.Tensor]]:
        """Weight and value (0-dim, with gradient) of each term besides L_syntax; those of the router only with one."""
        args = self.args
        terms: dict[str, tuple[float, torch.Tensor]] = {}
        if outputs.get("complexity_loss") is not None:
            terms["complexity"] = (args.complexity_loss_weight, outputs["complexity_loss"])
        if outputs.get("mark_loss") is not None:
            terms["marks"] = (args.mark_loss_weight, outputs["mark_loss"])
            terms["characters"] = (args.character_loss_weight, outputs["character_loss"])
        if outputs.get("router_probs") is not None:
            p_mean, usage = self._routing_means(outputs)
            terms["router"] = (args.lambda2, router_kl_loss(p_mean))
            terms["utilization"] = (args.lambda3, utilization_loss(self._windowed(usage, p_mean), args.lambda1))
            terms["load"] = (args.lambda_load, load_balancing_loss(p_mean))
            if args.z_loss_weight:
                terms["router_z"] = (args.z_loss_weight, router_z_loss(outputs["router_logits"]))
            if args.expert_l2:
                terms["expert_l2"] = (args.expert_l2, expert_l2_loss(self.model))
        return terms

    def _routing_means(self, outputs: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """
        Mean routing probability (with gradient) and share of routed tokens, each `(E,)`, over the charts and visual
        tokens of all processes and of this step's micro-batches so far.
        """
        probs = outputs["router_probs"].float().flatten(0, -2)  # (B * M, E)
        used = (outputs["token_gates"].detach().flatten(0, -2) > 0).float()
        tokens = torch.full((1,), float(probs.shape[0]), device=probs.device)
        dropped = outputs.get("dropped_fraction")
        dropped = tokens * (0.0 if dropped is None else dropped.detach().float())
        totals = torch.cat([probs.detach().sum(0), used.sum(0), tokens, dropped])
        totals = self.accelerator.reduce(totals, "sum") if self.accelerator.num_processes > 1 else totals
        tokens = totals[-2]  # of this micro-batch
        self._step_totals = totals if self._step_totals is None else self._step_totals + totals
        p_mean, usage, _ = self._shares(self._step_totals)

        # The value is the global mean, the gradient this process's part of it, times the number of processes, because
        # DDP and ZeRO average gradients: together exactly the gradient of the global mean, without a collective in
        # the backward pass. Each micro-batch's term is a share of the step's, so its own part is not divided again.
        gradient = probs.sum(0) / tokens * self.accelerator.num_processes
        return p_mean + (gradient - gradient.detach()), usage

    @staticmethod
    def _shares(totals: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Of `_step_totals` `(2 * E + 2,)`: mean p' and share of assignments, each `(E,)`; share of dropped."""
        probs, counts = totals[:-2].chunk(2)
        return probs / totals[-2], counts / counts.sum().clamp(min=1), totals[-1] / totals[-2]

    def _windowed(self, usage: torch.Tensor, p_mean: torch.Tensor) -> torch.Tensor:
        """u of Eq. 16 `(E,)`: mean usage over the window, this batch included, with the gradient of `p_mean`."""
        past = list(self.usage_window)[-(self.usage_window.maxlen - 1) :] if self.usage_window.maxlen > 1 else []
        mean = torch.cat([usage.new_tensor(past).view(-1, usage.numel()), usage[None]]).mean(0)
        return mean + (p_mean - p_mean.detach())

    def _is_semantic_step(self) -> bool:
        args = self.args
        return bool(args.semantic_weight) and self.state.global_step % args.semantic_every == 0 == self._microbatch

    def _semantic(self, model: nn.Module, inputs: dict[str, torch.Tensor], targets: torch.Tensor) -> SemanticOutput:
        bare = self.accelerator.unwrap_model(model)
        bare = bare.get_base_model() if hasattr(bare, "get_base_model") else bare  # PEFT's
        args = self.args
        # A function of the step: a resumed run draws the same programs, and no other random number changes.
        seed = (args.seed * 1_000_003 + self.state.global_step) * args.world_size + args.process_index
        with self.accelerator.autocast():
            output = self.semantic_loss(bare, inputs["pixel_values"][: len(targets)], targets, seed)
        self._logged_semantic.append(output._replace(loss=output.loss.detach()))
        return output

    def _end_of_microbatch(self) -> None:
        self._microbatch += 1
        if self.accelerator.sync_gradients:  # the last of the step
            self._microbatch = 0
            if self._step_totals is not None:
                _, usage, dropped = self._shares(self._step_totals)
                self._step_totals = None
                self.usage_window.append(usage.tolist())
                self._log_sum("router_usage", usage)
                self._log_sum("router_dropped", dropped)
                router = self.accelerator.unwrap_model(self.model).model.router
                if router.bias_rate:
                    router.update_selection_bias(usage)
            self._logged_steps += 1

    # ---- steps ----

    def get_batch_samples(self, epoch_iterator, num_batches, device):
        """As in the Trainer; measures how long it waits for the data."""
        start = time.perf_counter()
        samples = super().get_batch_samples(epoch_iterator, num_batches, device)
        self._waited += time.perf_counter() - start
        return samples

    def training_step(self, model, inputs, num_items_in_batch=None) -> torch.Tensor:
        if self._microbatch == 0:
            buffers = (b for module in model.modules() if isinstance(module, nn.BatchNorm2d) for b in module.buffers())
            self._statistics = [(buffer, buffer.clone()) for buffer in buffers]
        return super().training_step(model, inputs, num_items_in_batch)

    def _get_grad_norm(self, model, grad_norm=None):
        """As in the Trainer; a gradient that is not finite is taken away, so that the step changes nothing."""
        norm = super()._get_grad_norm(model, grad_norm)
        if norm is None or math.isfinite(norm) or self.accelerator.scaler is not None:  # fp16's scaler skips by itself
            self._skipped = 0
            return norm
        step = self.state.global_step + 1
        if self.is_deepspeed_enabled:  # which has made its step already
            raise ChartError(
                f"step {step}: the gradient is not finite; continue from the last checkpoint with a lower "
                f"learning_rate"
            )
        model.zero_grad(set_to_none=True)  # parameters without a gradient, which optimizers leave alone
        with torch.no_grad():
            for buffer, value in self._statistics:
                buffer.copy_(value)
        self._skipped += 1
        if self._skipped >= MAX_SKIPPED:
            raise ChartError(
                f"step {step}: no finite gradient in {MAX_SKIPPED} steps; continue from the last checkpoint with a "
                f"lower learning_rate, or look for broken charts in the data"
            )
        if self.is_world_process_zero():
            print(f"train.py: step {step}: the gradient is not finite, the step is passed over", file=sys.stderr)
        return norm

    # ---- logs ----

    def _log_sum(self, name: str, value: torch.Tensor) -> None:
        value = value.detach().float().nan_to_num(0.0, 0.0, 0.0)  # of a step that is passed over
        self._logged[name] = self._logged[name] + value if name in self._logged else value

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """
        Adds, to the lines of training steps, each loss and the router's telemetry, means since the last line, and
        `data_wait_share`, the share of the time since then that this process waited for batches.
        """
        if "loss" in logs:
            now = time.perf_counter()
            logs["data_wait_share"] = self._waited / max(now - self._clock, 1e-9)
            self._waited, self._clock = 0.0, now
        if "loss" in logs and self._logged_semantic:
            means = torch.tensor(self._logged_semantic, device=self.args.device).mean(dim=0)
            means = self.accelerator.reduce(means, "mean").tolist()
            logs |= dict(zip(("loss_semantic", "semantic_iou", "semantic_success", "semantic_executed"), means))
            self._logged_semantic = []
        if "loss" in logs and self._logged:
            means = {k: self.accelerator.reduce(v / self._logged_steps, "mean") for k, v in self._logged.items()}
            usage = means.pop("router_usage", None)
            logs |= {name: value.item() for name, value in means.items()}
            if usage is not None:
                entropy = -(usage * usage.clamp(min=1e-9).log()).sum()
                logs["router_load_entropy"] = (entropy / torch.tensor(float(usage.numel())).log()).item()  # 1 = even
                logs["router_max_load"] = usage.max().item()
                logs |= {f"router_load_{expert}": share for expert, share in enumerate(usage.tolist())}
            self._logged, self._logged_steps = {}, 0
        super().log(logs, start_time)

    def evaluate(self, *args, **kwargs) -> dict[str, float]:
        """As the Trainer's; and how the charts are routed, of a model with experts."""
        metrics = super().evaluate(*args, **kwargs)
        routing = self.routing_telemetry.finish(self)
        if routing:
            self.log(routing)
        return metrics | routing

    # ---- optimizer and data order ----

    def create_optimizer(self, model=None) -> torch.optim.Optimizer:
        """AdamW, or Muon with AdamW; weight decay on matrices only, none on experts."""
        if self.optimizer is None:
            args = self.args
            muon = args.optimizer == "muon"
            groups = parameter_groups(model or self.model, args.weight_decay, muon)
            adam = {"lr": args.learning_rate, "betas": (args.adam_beta1, args.adam_beta2), "eps": args.adam_epsilon}
            if muon and self.is_deepspeed_enabled:
                raise ChartError("optimizer muon needs whole matrices and cannot run under ZeRO; use adamw")
            if muon:
                muon_values = {"muon_lr": args.muon_learning_rate, "momentum": args.muon_momentum}
                self.optimizer = MuonAdamW(groups, **muon_values, **adam)
            else:
                for group in groups:
                    del group["muon"]
                self.optimizer = torch.optim.AdamW(groups, fused=not self.is_deepspeed_enabled, **adam)
        return self.optimizer

    def _get_train_sampler(self, train_dataset=None) -> torch.utils.data.Sampler | None:
        dataset = self.train_dataset if train_dataset is None else train_dataset
        args = self.args
        if args.train_sampling_strategy not in ("group_by_length", "random"):
            return super()._get_train_sampler(train_dataset)
        return EpochSampler(
            len(dataset),
            group_size=args.train_batch_size * args.world_size * args.gradient_accumulation_steps,
            seed=args.seed if args.data_seed is None else args.data_seed,
            epoch=lambda: int(self.state.epoch or 0),  # at an epoch's start and in a resumed epoch
            lengths=list(dataset["length"]) if args.train_sampling_strategy == "group_by_length" else None,
            with_epoch=isinstance(dataset, AugmentedDataset),
        )

    # ---- checkpoints ----

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Saves the model and, in a checkpoint, the utilisation window and the run's arguments beside it."""
        super().save_model(output_dir, _internal_call)
        if _internal_call and self.args.should_save and output_dir is not None:
            Path(output_dir, WINDOW_FILE).write_text(json.dumps(list(self.usage_window)))
            Path(output_dir, RUN_FILE).write_text(json.dumps(self.run, indent=1))

    def create_model_card(self, **kwargs) -> None:
        """Writes README.md and run.json of the output folder; the Trainer's own card does not know what was done."""
        if not self.is_world_process_zero():
            return
        rendered = any("eval_iou" in line for line in self.state.log_history)
        sizes = [getattr(p, "ds_numel", p.numel()) for p in self.model.parameters()]
        level = self.executor.level if rendered else None
        self.executor.close()
        card = model_card(self.run, self.state.log_history, sum(sizes), self.trainable, level)
        Path(self.args.output_dir, "README.md").write_text(card, encoding="utf-8")
        Path(self.args.output_dir, RUN_FILE).write_text(json.dumps(self.run, indent=1))

    def _save_rng_state(self, output_dir: str) -> None:
        super()._save_rng_state(output_dir)
        # The main process may only write the files that make the checkpoint complete after all have written theirs.
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            write_checksums(output_dir)

    def _save_checkpoint(self, model, trial) -> None:
        """As in the Trainer; if it cannot be written, what there is of the checkpoint goes and the others stay."""
        folder = Path(self.args.output_dir, f"checkpoint-{self.state.global_step}")
        try:
            super()._save_checkpoint(model, trial)
            if self.args.should_save and not self.args.save_only_model:
                add_state_checksum(folder)
        except (OSError, RuntimeError, SafetensorError) as error:
            if damage(folder) is None:  # it was something else
                raise
            if self.args.should_save:
                shutil.rmtree(folder, ignore_errors=True)
            last = last_complete_checkpoint(self.args.output_dir)
            advice = f"--resume_from_checkpoint true continues from {last.name}" if last else "there is none before it"
            raise ChartError(f"could not write {folder} ({one_line(error)}): make room there; {advice}") from error

    def train(self, resume_from_checkpoint: str | None = None, **kwargs):
        """
        Trains, from the checkpoint folder `resume_from_checkpoint` if given.

        Raises [`ChartError`] if the data cannot be read or no checkpoint be written.
        """
        if resume_from_checkpoint is not None:
            window = Path(resume_from_checkpoint, WINDOW_FILE)
            if window.is_file():
                self.usage_window.extend(json.loads(window.read_text()))
        self._clock = time.perf_counter()
        try:
            return super().train(resume_from_checkpoint=resume_from_checkpoint, **kwargs)
        except (RuntimeError, OSError) as error:
            if "DataLoader worker" not in str(error):
                raise
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            raise ChartError(
                f"reading the data failed ({lines[-1]}); --resume_from_checkpoint true continues from the last "
                f"checkpoint. A process that was killed lacked memory: lower dataloader_num_workers"
            ) from error
        finally:
            self.executor.close()

"""Complexity metric, router, mixture-of-LoRA layer and routing losses of C2C-MoLA.

One primitive does all the mixing: a `Linear` plus E low-rank experts weighted by gates,

    y = W x + (alpha / r) * B (g * (A x)),        A (E*r, d_in), B (d_out, E*r), g repeated over each expert's r rows

in the connector with gates per visual token (B, M, E), in the decoder with gates per chart (B, E). Two flat parameters
a projection, no loop over experts and no module that runs for some inputs only: nothing for ZeRO-3 to hang on, no
unused parameter under DDP. Arithmetic of the router is float32 throughout.

The same sum is computed in three ways, whichever is cheapest:
- stacked: all E experts at once, unchosen ones multiplied by 0. Decoding of many charts, and gates per token.
- gathered: each chart's k chosen experts are copied next to each other, k r (d_in + d_out) numbers a chart. Long
  inputs, in training too, and decoding of few charts, for which the copy is kept from step to step.
- folded: one chart's mixture is added to W, until `unfold_experts`. Decoding then costs what the bare model costs.

With fixed gates a mixture is an ordinary LoRA of rank k * r. [`MixtureOfLoraModel`] writes experts and mixtures as
standard PEFT adapters, reads such adapters as experts, and adds experts to a trained model.

Equations of arXiv 2511.23321: 3 (complexity), 8 and 10 (routing), 11, 15, 16 (losses), 12-13 (LoRA).
Differences from the paper, and why:
- Eq. 8 as printed multiplies every expert by the same exp(c/T), which cancels: it is the identity. The default adds
  a_e * c(x) with a learned capability a_e per expert (zero at the start); `complexity_form="printed"` keeps the
  printed form for the record.
- Eq. 11 and the KL of Eq. 15 are taken of the mean routing distribution of the batch. Per sample, as printed, they
  punish every confident decision.
- The gates are the k largest of p', renormalised to sum to 1, so that the router learns through their values.
"""

import json
import math
import re
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import initialization as init

# Tab. II: chart type (index into config.chart_types) that each of the eight experts is responsible for.
EXPERT_DOMAINS = (0, 0, 0, 1, 1, 2, 3, 4)
# Logit head start of an expert on its own domain: odds of e^2, about 7 to 1, and learned from there.
DOMAIN_PRIOR = 2.0
# The same of an added expert on chart types that it is not meant for: e^-20 is nothing to a float32 softmax.
CLOSED = -20.0


class Float32Linear(nn.Linear):
    """Computes in float32 whatever the type of its parameters: DeepSpeed turns all of them to bfloat16."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return F.linear(inputs.float(), self.weight.float(), None if self.bias is None else self.bias.float())


class ComplexityOutput(NamedTuple):  # a tuple: DeepSpeed hooks the tensors of no other container
    """c(x) of Eq. 3 and what it is made of.

    complexity `(B,)`; type_logits `(B, T)`; num_elements_log `(B,)`, the predicted log(1 + N_elem); type_probs `(B,
    T)`, one-hot where the chart type was given. All float32.
    """

    complexity: torch.Tensor
    type_logits: torch.Tensor
    num_elements_log: torch.Tensor
    type_probs: torch.Tensor


class ComplexityMetric(nn.Module):
    """Eq. 3, c(x) = alpha * N_elem(x) + beta * psi_type(x), on the mean visual token.

    N_elem is log(1 + element count): a count of 10 more means much on a small chart, little on a large one. alpha and
    beta are kept positive by softplus. Metadata that is given replaces the prediction.
    """

    def __init__(self, hidden_size: int, num_types: int):
        super().__init__()
        self.type_head = Float32Linear(hidden_size, num_types)
        self.count_head = Float32Linear(hidden_size, 1)
        self.type_difficulty = nn.Parameter(torch.zeros(num_types))  # psi of each type
        self.raw_alpha = nn.Parameter(torch.zeros(1))  # not 0-dim: ZeRO-3 cannot partition that
        self.raw_beta = nn.Parameter(torch.zeros(1))

    def forward(
        self,
        visual_tokens: torch.Tensor,
        chart_type: torch.Tensor | None = None,
        num_elements: torch.Tensor | None = None,
    ) -> ComplexityOutput:
        """visual_tokens `(B, M, d)`; chart_type `(B,)` int64, -1 = unknown; num_elements `(B,)`, < 0 = unknown."""
        with torch.autocast(visual_tokens.device.type, enabled=False):
            pooled = visual_tokens.float().mean(dim=1)  # (B, d)
            type_logits = self.type_head(pooled)
            num_elements_log = self.count_head(pooled).squeeze(-1)
            type_probs, count = type_logits.softmax(dim=-1), num_elements_log
            if chart_type is not None:
                given = F.one_hot(chart_type.clamp(min=0), type_logits.shape[-1]).float()
                type_probs = torch.where((chart_type >= 0)[:, None], given, type_probs)
            if num_elements is not None:
                count = torch.where(num_elements >= 0, num_elements.float().clamp(min=0).log1p(), count)
            psi = type_probs @ self.type_difficulty.float()
            complexity = F.softplus(self.raw_alpha.float()) * count + F.softplus(self.raw_beta.float()) * psi
        return ComplexityOutput(complexity, type_logits, num_elements_log, type_probs)

    def loss(self, output: ComplexityOutput, chart_type: torch.Tensor | None, num_elements: torch.Tensor | None):
        """Cross-entropy of the type + smooth L1 of log(1 + N), over the charts that carry the metadata; scalar."""
        loss = output.complexity.sum() * 0.0  # every parameter is in the graph, on every rank, whatever is known
        # Sums over all charts: to ask which are known would make a GPU wait.
        if chart_type is not None:
            known = (chart_type >= 0).sum().clamp(min=1)
            loss = loss + F.cross_entropy(output.type_logits, chart_type, ignore_index=-1, reduction="sum") / known
        if num_elements is not None:
            known = num_elements >= 0
            count = torch.where(known, num_elements.float(), 0).log1p()
            missed = F.smooth_l1_loss(output.num_elements_log, count, reduction="none")
            loss = loss + torch.where(known, missed, 0).sum() / known.sum().clamp(min=1)
        return loss


class RouterOutput(NamedTuple):
    """logits `(B, M, E)` before noise; probs `(B, M, E)`, p' of Eq. 8; token_gates `(B, M, E)`; chart_gates `(B, E)`;
    dropped_fraction, scalar: share of token-expert assignments refused by capacity. All float32. chart_experts `(B,
    k)` int64: which of the chart_gates are not 0; `None` where all of them are in use."""

    logits: torch.Tensor
    probs: torch.Tensor
    token_gates: torch.Tensor
    chart_gates: torch.Tensor
    dropped_fraction: torch.Tensor
    chart_experts: torch.Tensor | None


class Router(nn.Module):
    """Scores every visual token for every expert, adjusts the scores by complexity, and picks the top k (Eq. 8-10)."""

    def __init__(self, hidden_size: int, config):
        super().__init__()
        self.top_k = config.num_experts_per_tok
        self.temperature = config.router_temperature
        self.noise = config.router_noise
        self.capacity = config.expert_capacity
        self.probabilistic = config.routing_strategy == "probabilistic"
        self.complexity_form = config.complexity_form
        self.domain_prior = config.expert_prior == "domain"
        num_types = len(config.chart_types)
        self.gate = Float32Linear(hidden_size, config.num_experts, bias=False)  # W_g
        self.type_bias = nn.Parameter(torch.zeros(num_types, config.num_experts))
        self.capability = nn.Parameter(torch.zeros(config.num_experts))  # a_e
        self.bias_rate = config.selection_bias_rate
        if self.bias_rate:  # only then: a model without it has no such key
            self.register_buffer("selection_bias", torch.zeros(config.num_experts))

    def init_weights(self, std: float):
        # Not zero: with equal scores the same experts would win every tie.
        init.normal_(self.gate.weight, std=std)
        init.zeros_(self.capability)
        init.zeros_(self.type_bias)
        if self.bias_rate:
            init.zeros_(self.selection_bias)
        if self.domain_prior:
            domains = torch.tensor(EXPERT_DOMAINS, device=self.type_bias.device)
            types = torch.arange(self.type_bias.shape[0], device=self.type_bias.device)
            init.copy_(self.type_bias, DOMAIN_PRIOR * (types[:, None] == domains).to(self.type_bias.dtype))

    def forward(self, visual_tokens: torch.Tensor, complexity: ComplexityOutput) -> RouterOutput:
        """visual_tokens `(B, M, d)` -> [`RouterOutput`]."""
        with torch.autocast(visual_tokens.device.type, enabled=False):
            logits = self.gate(visual_tokens)  # (B, M, E)
            logits = logits + (complexity.type_probs @ self.type_bias.float())[:, None]
            scores = logits
            if self.training and self.noise > 0:
                scores = scores + self.noise * torch.randn_like(scores)  # Eq. 10
            c = complexity.complexity[:, None, None]  # (B, 1, 1)
            # Eq. 8. A term that is the same for every expert, the printed form, is cancelled by the softmax.
            scores = scores + (c if self.complexity_form == "printed" else c * self.capability.float())
            probs = (scores / self.temperature).softmax(dim=-1)

            token_gates, _ = self._gates(probs)
            dropped = probs.new_zeros(())
            if self.training and self.capacity is not None:
                token_gates, dropped = self._apply_capacity(token_gates)
            chart_gates, chart_experts = self._gates(probs.mean(dim=1))
        return RouterOutput(logits, probs, token_gates, chart_gates, dropped, chart_experts)

    def _gates(self, probs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """(..., E) probabilities -> (..., E) gates, k of them non-zero, summing to 1; and which, (..., k)."""
        if self.probabilistic and not self.training:
            return probs, None
        ranking = probs
        if self.probabilistic:  # Gumbel top-k: k draws from p' without replacement
            ranking = probs.log() - torch.empty_like(probs).exponential_().log()
        if self.bias_rate:
            ranking = ranking + self.selection_bias
        chosen = ranking.topk(self.top_k, dim=-1).indices
        gates = torch.zeros_like(probs).scatter(-1, chosen, probs.gather(-1, chosen))
        return gates / gates.sum(dim=-1, keepdim=True), chosen

    def _apply_capacity(self, gates: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Each expert keeps the `capacity` tokens of a chart with the largest gates."""
        assigned = gates > 0  # (B, M, E)
        capacity = min(self.capacity, gates.shape[1])
        kept = gates.topk(capacity, dim=1).indices  # (B, capacity, E)
        mask = torch.zeros_like(assigned).scatter(1, kept, True) & assigned
        return gates * mask, 1 - mask.sum() / assigned.sum()

    @torch.no_grad()
    def update_selection_bias(self, load: torch.Tensor):
        """Auxiliary-loss-free balancing (DeepSeek-V3, arXiv 2408.15664), after each step: the bias of an expert with
        less than the mean load rises by `bias_rate`, that of one with more falls. It decides who is chosen, not the
        gates. load `(E,)`: share of assignments of the global batch."""
        # A new tensor: float32 also where DeepSpeed has turned the old one to bfloat16, which loses such small steps.
        self.selection_bias = self.selection_bias.float() + self.bias_rate * (load.mean() - load).sign()

    @torch.no_grad()
    def add_expert(self, chart_type: int | None = None):
        """Adds an expert that is chosen for charts of `chart_type` as often as the best one there; never, if None."""
        gate, type_bias, capability = (p.detach() for p in (self.gate.weight, self.type_bias, self.capability))
        twin = 0 if chart_type is None else type_bias[chart_type].argmax()
        column = torch.full_like(type_bias[:, :1], CLOSED)
        row, power = torch.zeros_like(gate[:1]), torch.zeros_like(capability[:1])
        if chart_type is not None:
            column[chart_type] = type_bias[chart_type, twin]
            row[0], power[0] = gate[twin], capability[twin]
        self.gate.weight = _grown(self.gate.weight, row, 0)
        self.gate.out_features += 1
        self.type_bias, self.capability = _grown(self.type_bias, column, 1), _grown(self.capability, power, 0)
        if self.bias_rate:
            self.selection_bias = torch.cat([self.selection_bias, self.selection_bias[twin, None]])


def _grown(parameter: nn.Parameter, new: torch.Tensor, dim: int) -> nn.Parameter:
    return nn.Parameter(torch.cat([parameter.detach(), new], dim), requires_grad=parameter.requires_grad)


class MixtureOfLoraLinear(nn.Linear):
    """A linear layer with E low-rank experts (Eq. 9, 12). Keys `weight` and `bias` are those of the plain layer.

    Args:
        num_experts, rank (`int`), alpha, dropout (`float`): E (0: a plain layer), r, alpha (the update is scaled by
            alpha / r), dropout on the experts' input.
        shared_by (`int`): gates are of E * shared_by experts, and so many neighbours share one low-rank expert here.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool,
        num_experts: int,
        rank: int,
        alpha: float,
        dropout: float,
        shared_by: int = 1,
    ):
        super().__init__(in_features, out_features, bias=bias)
        self.num_experts = num_experts
        self.rank = rank
        self.scaling = alpha / rank
        self.dropout = dropout
        self.shared_by = shared_by
        self.lora_A = nn.Parameter(torch.empty(num_experts * rank, in_features)) if num_experts else None
        self.lora_B = nn.Parameter(torch.empty(out_features, num_experts * rank)) if num_experts else None
        self.register_buffer("folded_weight", None, persistent=False)
        self._kept: tuple | None = None

    def init_experts(self):
        if self.num_experts:
            init.uniform_(self.lora_A, -0.01, 0.01)  # Sec. III-C
            init.zeros_(self.lora_B)

    def forward(
        self, hidden_states: torch.Tensor, gates: torch.Tensor | None = None, experts: torch.Tensor | None = None
    ) -> torch.Tensor:
        """hidden_states `(B, L, d_in)`; gates `(B, E)` per chart, `(B, L, E)` per token, or `None`: no experts; with
        experts `(B, k)` int64, a chart's gates outside of them are 0, and only those experts are computed."""
        if self.folded_weight is not None:
            return F.linear(hidden_states, self.folded_weight, self.bias)
        output = F.linear(hidden_states, self.weight, self.bias)
        if gates is None or not self.num_experts:
            return output
        hidden_states = F.dropout(hidden_states, self.dropout, self.training)
        # addmm and baddbmm add the experts' part while they compute it: no pass over the output of its own.
        if experts is None:
            gates = self._shared(gates[:, None] if gates.dim() == 2 else gates).to(output.dtype)  # (B, 1 or L, E)
            inner = F.linear(hidden_states, self.lora_A).unflatten(-1, (-1, self.rank)) * gates[..., None]
            inner = inner.flatten(0, 1).flatten(1)  # (B * L, E * r)
            return torch.addmm(output.flatten(0, 1), inner, self.lora_B.t(), alpha=self.scaling).view_as(output)
        batch, k = experts.shape
        gates = gates.gather(1, experts).to(output.dtype)[:, None, :, None]  # (B, 1, k, 1)
        lora_A, lora_B = self._gathered(experts)
        inner = torch.bmm(hidden_states, lora_A.transpose(1, 2)).unflatten(-1, (k, -1)) * gates  # (B, L, k, r)
        return torch.baddbmm(output, inner.flatten(2), lora_B, alpha=self.scaling)

    def _gathered(self, experts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The factors of each chart's experts next to each other, `(B, k r, d_in)` and `(B, k r, d_out)`. Without
        gradients those of few charts are kept until others come: decoding asks for the same again and again."""
        key = None
        if not torch.is_grad_enabled() and experts.numel() <= self.num_experts and not torch.compiler.is_compiling():
            factors = self.lora_A, self.lora_B
            if not any(factor.is_inference() for factor in factors):  # which do not tell whether they were changed
                key = experts, *factors, *(factor._version for factor in factors)
        if key and self._kept and all(a is b for a, b in zip(key[:3], self._kept)) and key[3:] == self._kept[3:5]:
            return self._kept[5:]
        batch, k = experts.shape
        index = experts.flatten() // self.shared_by
        lora_A = self.lora_A.view(self.num_experts, -1).index_select(0, index).view(batch, k * self.rank, -1)
        lora_B = self.lora_B.unflatten(1, (-1, self.rank)).index_select(1, index).view(-1, batch, k * self.rank)
        lora_B = lora_B.permute(1, 2, 0)
        if key:
            lora_B = lora_B.contiguous()
            self._kept = *key, lora_A, lora_B
        return lora_A, lora_B

    def _shared(self, gates: torch.Tensor) -> torch.Tensor:
        """Gates of the model's experts -> gates of this layer's, which several of them may share."""
        return gates if self.shared_by == 1 else gates.unflatten(-1, (-1, self.shared_by)).sum(-1)

    @torch.no_grad()
    def mixture(self, gates: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The ordinary LoRA that fixed gates `(E,)` make: A `(n * r, d_in)`, B `(d_out, n * r)` with the gates in it,
        of the n experts whose gates are not 0."""
        gates = self._shared(gates)
        index = gates.nonzero().flatten()
        lora_A = self.lora_A.unflatten(0, (-1, self.rank))[index].flatten(0, 1)
        lora_B = self.lora_B.unflatten(1, (-1, self.rank))[:, index] * gates[index, None].to(self.lora_B)
        return lora_A, lora_B.flatten(1)

    @torch.no_grad()
    def fold(self, gates: torch.Tensor):
        """Computes with W + (alpha / r) B diag(g) A from now on, gates `(E,)`. The sum is rounded to W's type once."""
        dtype = torch.promote_types(self.weight.dtype, torch.float32)
        lora_A, lora_B = (factor.to(dtype) for factor in self.mixture(gates.to(dtype)))
        folded = torch.addmm(self.weight.to(dtype), lora_B, lora_A, alpha=self.scaling)
        self.folded_weight = folded.to(self.weight.dtype)

    @torch.no_grad()
    def set_expert(self, index: int, lora_A: torch.Tensor | None, lora_B: torch.Tensor | None, scaling: float = 1.0):
        """Makes expert `index` the LoRA `scaling * B A` of rank up to r; without one, it changes nothing from now on.
        lora_A `(<= r, d_in)`, lora_B `(d_out, <= r)`."""
        start = index * self.rank
        self.lora_B[:, start : start + self.rank] = 0
        if lora_A is not None:
            self.lora_A[start : start + lora_A.shape[0]] = lora_A.to(self.lora_A)
            self.lora_B[:, start : start + lora_A.shape[0]] = (lora_B * (scaling / self.scaling)).to(self.lora_B)

    @torch.no_grad()
    def add_expert(self):
        """Appends an expert that changes nothing yet."""
        new_A = torch.empty_like(self.lora_A[: self.rank]).uniform_(-0.01, 0.01)
        self.lora_A = _grown(self.lora_A, new_A, 0)
        self.lora_B = _grown(self.lora_B, torch.zeros_like(self.lora_B[:, : self.rank]), 1)
        self.num_experts += 1


class MixtureOfLoraModel:
    """What a model can do with its experts; a mixin for a `PreTrainedModel` with `model.router` and, of layers whose
    gates are per chart, `model.language_model`.

    Adapters are those of PEFT: a folder with `adapter_config.json` and `adapter_model.safetensors`.
    """

    def expert_layers(self) -> dict[str, MixtureOfLoraLinear]:
        """Name and layer of every projection that carries experts."""
        layers = {n: m for n, m in self.named_modules() if isinstance(m, MixtureOfLoraLinear) and m.num_experts}
        if not layers:
            raise ValueError("this model has no experts (num_experts=0)")
        return layers

    def fold_experts(self, chart_gates: torch.Tensor):
        """Adds one chart's mixture to the decoder's weights: all inputs are computed with it until `unfold_experts`,
        at the cost of the model without experts. Takes a second copy of these weights; what is saved is not folded.

        chart_gates `(E,)` or `(1, E)`: as in `get_image_features(...).chart_gates`. Gates per visual token stay.
        """
        if chart_gates.shape not in ((self.config.num_experts,), (1, self.config.num_experts)):
            raise ValueError(
                f"chart_gates are {tuple(chart_gates.shape)}, but one chart's are ({self.config.num_experts},): fold "
                "one chart at a time, batches of several decode unfolded"
            )
        for layer in self.model.language_model.modules():
            if isinstance(layer, MixtureOfLoraLinear) and layer.num_experts:
                layer.fold(chart_gates.flatten())

    def unfold_experts(self):
        """Undoes `fold_experts`, to the bit."""
        for layer in self.expert_layers().values():
            layer.folded_weight = None

    def export_expert(self, index: int, folder: str | Path):
        """Writes expert `index` as a PEFT adapter: `export_mixture` with gate 1 for it."""
        self._check_expert(index)
        self.export_mixture(F.one_hot(torch.tensor(index), self.config.num_experts).float(), folder)

    def export_mixture(self, gates: torch.Tensor, folder: str | Path):
        """Writes the mixture with fixed gates as a PEFT adapter of rank n * r, n the number of gates that are not 0.

        `PeftModel.from_pretrained` loads it onto the model without experts (`num_experts=0`), which then computes what
        this model does if it is called with these `chart_gates` (in the connector they are every visual token's).

        gates `(E,)`.
        """
        if gates.shape != (self.config.num_experts,) or not gates.any():
            raise ValueError(f"gates are {tuple(gates.shape)}, but must be ({self.config.num_experts},) and not all 0")
        weights, ranks, alphas = {}, {}, {}
        for name, layer in self.expert_layers().items():
            lora_A, lora_B = layer.mixture(gates.to(layer.lora_A.device))
            weights[f"base_model.model.{name}.lora_A.weight"] = lora_A.contiguous().cpu()
            weights[f"base_model.model.{name}.lora_B.weight"] = lora_B.contiguous().cpu()
            ranks[name], alphas[name] = lora_A.shape[0], layer.scaling * lora_A.shape[0]
        rank, alpha = max(ranks.values()), max(alphas.values())
        config = {
            "peft_type": "LORA",
            "base_model_name_or_path": self.config._name_or_path or None,
            "r": rank,
            "lora_alpha": alpha,
            "lora_dropout": 0.0,
            "bias": "none",
            "target_modules": list(ranks),
            "rank_pattern": {name: value for name, value in ranks.items() if value != rank},
            "alpha_pattern": {name: value for name, value in alphas.items() if value != alpha},
            "inference_mode": True,
        }
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")
        save_file(weights, folder / "adapter_model.safetensors", metadata={"format": "pt"})

    def import_expert(self, index: int, folder: str | Path):
        """Makes expert `index` what the PEFT LoRA adapter in `folder` is; in projections that the adapter leaves alone
        it changes nothing. Raises `ValueError` for an adapter that no expert can be."""
        self._check_expert(index)
        for layer, *update in self._read_adapter(folder):
            layer.set_expert(index, *update)

    def add_expert(self, folder: str | Path | None = None, chart_type: int | None = None) -> int:
        """Adds an expert, from a PEFT adapter if `folder` is given, and returns its index. The other experts stay bit
        for bit, and the answers to charts of all types but `chart_type` (index into `config.chart_types`) to rounding;
        with None it is chosen for no chart at all, only by `chart_gates`. To be called before an optimizer is made."""
        update = None if folder is None else self._read_adapter(folder)  # what is refused has changed nothing
        if self.config.layer_experts is not None:
            raise ValueError("a model with layer_experts cannot be added to: experts share low-rank pairs there")
        index = self.config.num_experts
        for layer in self.expert_layers().values():
            layer.add_expert()
        self.model.router.add_expert(chart_type)
        self.config.num_experts, self.config.expert_prior = index + 1, "none"  # Tab. II's prior is for eight
        for layer, *values in update or ():
            layer.set_expert(index, *values)
        return index

    def _read_adapter(self, folder: str | Path) -> list[tuple]:
        """Arguments of `set_expert` after the index, for each layer; the layer comes first."""
        config = json.loads(Path(folder, "adapter_config.json").read_text())
        weights = load_file(Path(folder, "adapter_model.safetensors"))
        special = [name for name in ("use_dora", "modules_to_save", "trainable_token_indices") if config.get(name)]
        if config.get("peft_type") != "LORA" or config.get("bias", "none") != "none" or special:
            raise ValueError(f"{folder} is no plain LoRA adapter: {', '.join(special) or config.get('peft_type')}")
        updates, alphas = [], config.get("alpha_pattern") or {}
        for name, layer in self.expert_layers().items():
            keys = [f"base_model.model.{name}.{factor}.weight" for factor in ("lora_A", "lora_B")]
            lora_A, lora_B = (weights.pop(key, None) for key in keys)
            scaling = 1.0
            if lora_A is not None:
                rank = lora_A.shape[0]
                if rank > layer.rank:
                    raise ValueError(f"{folder} has rank {rank} in {name}, but an expert has {layer.rank}")
                if layer.shared_by > 1:
                    raise ValueError(f"{layer.shared_by} experts share one in {name}: an adapter would change all")
                alpha = next((a for key, a in alphas.items() if re.match(rf"(.*\.)?({key})$", name)), None)
                alpha = config["lora_alpha"] if alpha is None else alpha
                scaling = alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
            updates.append((layer, lora_A, lora_B, scaling))
        if weights:
            raise ValueError(f"{folder} changes {len(weights)} tensors that no expert does, e.g. {min(weights)}")
        return updates

    def _check_expert(self, index: int):
        if not 0 <= index < self.config.num_experts:
            raise ValueError(f"there is no expert {index}: the model has {self.config.num_experts}")


def load_balancing_loss(p_mean: torch.Tensor) -> torch.Tensor:
    """Eq. 11, sum_i (p_i - 1/N)^2, of the mean routing distribution p_mean `(E,)`; scalar."""
    return ((p_mean - 1 / p_mean.shape[-1]) ** 2).sum()


def router_kl_loss(p_mean: torch.Tensor) -> torch.Tensor:
    """L_router of Eq. 15: KL(p_mean || uniform), p_mean `(E,)`; scalar, nats."""
    return (p_mean * p_mean.clamp(min=1e-9).log()).sum() + math.log(p_mean.shape[-1])


def router_z_loss(logits: torch.Tensor) -> torch.Tensor:
    """ST-MoE's z-loss, mean(logsumexp(logits)^2), logits `(B, M, E)`: keeps the router's scores small; scalar."""
    return logits.logsumexp(dim=-1).square().mean()


def utilization_loss(usage: torch.Tensor, lambda1: float = 0.5) -> torch.Tensor:
    """Eq. 16, lambda1 * sum_i |u_i - 1/n|^2, of the usage rates `(E,)` over the window; scalar."""
    return lambda1 * ((usage - 1 / usage.shape[-1]) ** 2).sum()


def expert_l2_loss(model: nn.Module) -> torch.Tensor:
    """Eq. 13's |A|_F^2 + |B|_F^2, summed over all mixture-of-LoRA layers of `model`; scalar."""
    layers = [m for m in model.modules() if isinstance(m, MixtureOfLoraLinear) and m.num_experts]
    return sum(layer.lora_A.float().square().sum() + layer.lora_B.float().square().sum() for layer in layers)

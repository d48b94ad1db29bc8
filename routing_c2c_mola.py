"""Complexity metric, router, mixture-of-LoRA layer and routing losses of C2C-MoLA.

One primitive does all the mixing: a `Linear` plus E low-rank experts weighted by gates,

    y = W x + (alpha / r) * B (g * (A x)),        A (E*r, d_in), B (d_out, E*r), g repeated over each expert's r rows

in the connector with gates per visual token (B, M, E), in the decoder with gates per chart (B, E). Two flat parameters
a projection, no loop over experts and no module that runs for some inputs only: nothing for ZeRO-3 to hang on, no
unused parameter under DDP. Arithmetic of the router is float32 throughout.

Equations of arXiv 2511.23321: 3 (complexity), 8 and 10 (routing), 11, 15, 16 (losses), 12-13 (LoRA).
Differences from the paper, and why:
- Eq. 8 as printed multiplies every expert by the same exp(c/T), which cancels: it is the identity. The default adds
  a_e * c(x) with a learned capability a_e per expert (zero at the start); `complexity_form="printed"` keeps the
  printed form for the record.
- Eq. 11 and the KL of Eq. 15 are taken of the mean routing distribution of the batch. Per sample, as printed, they
  punish every confident decision.
- The gates are the k largest of p', renormalised to sum to 1, so that the router learns through their values.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn
from transformers import initialization as init

# Tab. II: chart type (index into config.chart_types) that each of the eight experts is responsible for.
EXPERT_DOMAINS = (0, 0, 0, 1, 1, 2, 3, 4)
# Logit head start of an expert on its own domain: odds of e^2, about 7 to 1, and learned from there.
DOMAIN_PRIOR = 2.0


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
        self.type_head = nn.Linear(hidden_size, num_types)
        self.count_head = nn.Linear(hidden_size, 1)
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
            psi = type_probs @ self.type_difficulty
            complexity = F.softplus(self.raw_alpha) * count + F.softplus(self.raw_beta) * psi
        return ComplexityOutput(complexity, type_logits, num_elements_log, type_probs)

    def loss(self, output: ComplexityOutput, chart_type: torch.Tensor | None, num_elements: torch.Tensor | None):
        """Cross-entropy of the type + smooth L1 of log(1 + N), over the charts that carry the metadata; scalar."""
        loss = output.complexity.sum() * 0.0  # every parameter is in the graph, on every rank, whatever is known
        if chart_type is not None and (chart_type >= 0).any():
            loss = loss + F.cross_entropy(output.type_logits, chart_type, ignore_index=-1)
        if num_elements is not None and (num_elements >= 0).any():
            known = num_elements >= 0
            loss = loss + F.smooth_l1_loss(output.num_elements_log[known], num_elements[known].float().log1p())
        return loss


class RouterOutput(NamedTuple):
    """logits `(B, M, E)` before noise; probs `(B, M, E)`, p' of Eq. 8; token_gates `(B, M, E)`; chart_gates `(B, E)`;
    dropped_fraction, scalar: share of token-expert assignments refused by capacity. All float32."""

    logits: torch.Tensor
    probs: torch.Tensor
    token_gates: torch.Tensor
    chart_gates: torch.Tensor
    dropped_fraction: torch.Tensor


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
        self.gate = nn.Linear(hidden_size, config.num_experts, bias=False)  # W_g
        self.type_bias = nn.Parameter(torch.zeros(num_types, config.num_experts))
        self.capability = nn.Parameter(torch.zeros(config.num_experts))  # a_e

    def init_weights(self, std: float):
        # Not zero: with equal scores the same experts would win every tie.
        init.normal_(self.gate.weight, std=std)
        init.zeros_(self.capability)
        init.zeros_(self.type_bias)
        if self.domain_prior:
            domains = torch.tensor(EXPERT_DOMAINS, device=self.type_bias.device)
            types = torch.arange(self.type_bias.shape[0], device=self.type_bias.device)
            init.copy_(self.type_bias, DOMAIN_PRIOR * (types[:, None] == domains).to(self.type_bias.dtype))

    def forward(self, visual_tokens: torch.Tensor, complexity: ComplexityOutput) -> RouterOutput:
        """visual_tokens `(B, M, d)` -> [`RouterOutput`]."""
        with torch.autocast(visual_tokens.device.type, enabled=False):
            logits = self.gate(visual_tokens.float())  # (B, M, E)
            logits = logits + (complexity.type_probs @ self.type_bias)[:, None]
            scores = logits
            if self.training and self.noise > 0:
                scores = scores + self.noise * torch.randn_like(scores)  # Eq. 10
            c = complexity.complexity[:, None, None]  # (B, 1, 1)
            # Eq. 8. A term that is the same for every expert, the printed form, is cancelled by the softmax.
            scores = scores + (c if self.complexity_form == "printed" else c * self.capability)
            probs = (scores / self.temperature).softmax(dim=-1)

            token_gates = self._gates(probs)
            dropped = probs.new_zeros(())
            if self.training and self.capacity is not None:
                token_gates, dropped = self._apply_capacity(token_gates)
            chart_gates = self._gates(probs.mean(dim=1))
        return RouterOutput(logits, probs, token_gates, chart_gates, dropped)

    def _gates(self, probs: torch.Tensor) -> torch.Tensor:
        """(..., E) probabilities -> (..., E) gates: k of them non-zero, summing to 1."""
        if self.probabilistic and not self.training:
            return probs
        ranking = probs
        if self.probabilistic:  # Gumbel top-k: k draws from p' without replacement
            ranking = probs.log() - torch.empty_like(probs).exponential_().log()
        chosen = ranking.topk(self.top_k, dim=-1).indices
        gates = torch.zeros_like(probs).scatter(-1, chosen, probs.gather(-1, chosen))
        return gates / gates.sum(dim=-1, keepdim=True)

    def _apply_capacity(self, gates: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Each expert keeps the `capacity` tokens of a chart with the largest gates."""
        assigned = gates > 0  # (B, M, E)
        capacity = min(self.capacity, gates.shape[1])
        kept = gates.topk(capacity, dim=1).indices  # (B, capacity, E)
        mask = torch.zeros_like(assigned).scatter(1, kept, True) & assigned
        return gates * mask, 1 - mask.sum() / assigned.sum()


class MixtureOfLoraLinear(nn.Linear):
    """A linear layer with E low-rank experts (Eq. 9, 12). Keys `weight` and `bias` are those of the plain layer.

    Args:
        num_experts, rank (`int`), alpha, dropout (`float`): E (0: a plain layer), r, alpha (the update is scaled by
            alpha / r), dropout on the experts' input.
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
    ):
        super().__init__(in_features, out_features, bias=bias)
        self.num_experts = num_experts
        self.rank = rank
        self.scaling = alpha / rank
        self.dropout = dropout
        self.lora_A = nn.Parameter(torch.empty(num_experts * rank, in_features)) if num_experts else None
        self.lora_B = nn.Parameter(torch.empty(out_features, num_experts * rank)) if num_experts else None

    def init_experts(self):
        if self.num_experts:
            init.uniform_(self.lora_A, -0.01, 0.01)  # Sec. III-C
            init.zeros_(self.lora_B)

    def forward(self, hidden_states: torch.Tensor, gates: torch.Tensor | None = None) -> torch.Tensor:
        """hidden_states `(B, L, d_in)`; gates `(B, E)` per chart, `(B, L, E)` per token, or `None`: no experts."""
        output = F.linear(hidden_states, self.weight, self.bias)
        if gates is None or not self.num_experts:
            return output
        if gates.dim() == 2:
            gates = gates[:, None]  # (B, 1, E)
        inner = F.linear(F.dropout(hidden_states, self.dropout, self.training), self.lora_A)  # (B, L, E*r)
        gates = (gates * self.scaling).to(inner.dtype).repeat_interleave(self.rank, dim=-1)
        return output + F.linear(inner * gates, self.lora_B)


def load_balancing_loss(p_mean: torch.Tensor) -> torch.Tensor:
    """Eq. 11, sum_i (p_i - 1/N)^2, of the mean routing distribution p_mean `(E,)`; scalar."""
    return ((p_mean - 1 / p_mean.shape[-1]) ** 2).sum()


def router_kl_loss(p_mean: torch.Tensor) -> torch.Tensor:
    """L_router of Eq. 15: KL(p_mean || uniform), p_mean `(E,)`; scalar, nats."""
    return (p_mean * p_mean.clamp(min=1e-9).log()).sum() + math.log(p_mean.shape[-1])


def utilization_loss(usage: torch.Tensor, lambda1: float = 0.5) -> torch.Tensor:
    """Eq. 16, lambda1 * sum_i |u_i - 1/n|^2, of the usage rates `(E,)` over the window; scalar."""
    return lambda1 * ((usage - 1 / usage.shape[-1]) ** 2).sum()


def expert_l2_loss(model: nn.Module) -> torch.Tensor:
    """Eq. 13's |A|_F^2 + |B|_F^2, summed over all mixture-of-LoRA layers of `model`; scalar."""
    layers = [m for m in model.modules() if isinstance(m, MixtureOfLoraLinear) and m.num_experts]
    return sum(layer.lora_A.float().square().sum() + layer.lora_B.float().square().sum() for layer in layers)

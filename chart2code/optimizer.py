"""Optimizers: AdamW with the paper's values, and Muon with AdamW for training from nothing.

The paper trains with AdamW (Sec. III-D: betas 0.9 and 0.999, epsilon 1e-8, weight decay 0.01). That stays the default.
A small model trained from nothing gets past the plateau, in which its decoder only is a language model, much faster
with Muon (K. Jordan et al., 2024): the momentum of each hidden matrix is orthogonalised. The step is scaled to AdamW's
RMS ("Muon is Scalable for LLM Training", arXiv 2502.16982), so that both parts share one schedule and weight decay.

`torch.optim.Muon` steps one matrix after the other, some 30 operations each: for the 109 of the default model a GPU
waits for 3,000 launches, longer than it computes. `StackedMuon` gives the same weights, and takes matrices of one
shape together.
"""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import nn

# Matrices that Muon is not meant for: tables, output heads, low-rank factors, and the router with its tiny shapes.
NOT_MUON = ("embed", "_head", "lora_", "router", "complexity")


def is_matrix(parameter: nn.Parameter) -> bool:
    """Whether the parameter has at least two dimensions, also where ZeRO-3 has taken its data away."""
    return len(getattr(parameter, "ds_shape", parameter.shape)) >= 2


def parameter_groups(model: nn.Module, weight_decay: float, muon: bool = False) -> list[dict]:
    """
    Trainable parameters in groups with `weight_decay` set: none on low-rank factors (an expert that no token visits
    must not decay to nothing), on norms, biases and other vectors. With `muon`, the first group (`"muon": True`)
    holds the hidden matrices.
    """
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            orthogonal = muon and len(parameter.shape) == 2 and not any(word in name for word in NOT_MUON)
            decay = is_matrix(parameter) and "lora_" not in name
            groups.setdefault((orthogonal, decay), []).append(parameter)
    return [
        {"params": parameters, "weight_decay": weight_decay if decay else 0.0, "muon": orthogonal}
        for (orthogonal, decay), parameters in sorted(groups.items(), key=lambda item: item[0], reverse=True)
    ]


class StackedMuon(torch.optim.Muon):
    """`torch.optim.Muon` with `adjust_lr_fn="match_rms_adamw"`, all matrices of one shape in one operation."""

    @torch.no_grad()
    def step(self) -> None:
        """Performs one step."""
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            if not parameters:
                continue
            gradients = [parameter.grad for parameter in parameters]
            for parameter in parameters:
                if "momentum_buffer" not in self.state[parameter]:
                    self.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter.grad)
            momenta = [self.state[parameter]["momentum_buffer"] for parameter in parameters]
            torch._foreach_lerp_(momenta, gradients, 1 - group["momentum"])
            updates = torch._foreach_lerp(gradients, momenta, group["momentum"])  # Nesterov's
            torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
            of_shape: dict[torch.Size, list[int]] = defaultdict(list)
            for index, parameter in enumerate(parameters):
                of_shape[parameter.shape].append(index)
            for shape, indices in of_shape.items():
                update = newton_schulz(torch.stack([updates[i] for i in indices]), group)
                torch._foreach_add_(
                    [parameters[i] for i in indices],
                    list(update.to(parameters[indices[0]].dtype).unbind()),
                    alpha=-group["lr"] * 0.2 * max(shape) ** 0.5,
                )


def newton_schulz(matrices: torch.Tensor, group: dict) -> torch.Tensor:
    """Nearly orthogonal matrices with the singular vectors of `matrices` `(n, rows, columns)`, in bfloat16."""
    a, b, c = group["ns_coefficients"]
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.bfloat16()
    x = x.mT if tall else x
    x = x / torch.linalg.matrix_norm(x, keepdim=True).clamp(min=group["eps"])
    for _ in range(group["ns_steps"]):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


class MuonAdamW(torch.optim.Optimizer):
    """
    One optimizer of two: [`StackedMuon`] steps the groups with `"muon": True`, `torch.optim.AdamW` the others.

    To schedulers, accelerate and checkpoints it is an ordinary optimizer: one `state` and one list of `param_groups`,
    each with its own `lr`.

    Args:
        groups: as from [`parameter_groups`].
        lr: learning rate of the AdamW groups.
        muon_lr: learning rate of the Muon groups, in units of AdamW's RMS.
    """

    def __init__(
        self,
        groups: list[dict],
        lr: float = 1e-3,
        muon_lr: float = 3e-3,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ):
        matrices = [group for group in groups if group["muon"]]
        others = [group for group in groups if not group["muon"]]
        if not matrices or not others:
            raise ValueError("optimizer muon needs hidden matrices and other parameters; use adamw for this model")
        self._parts = {
            True: StackedMuon(matrices, lr=muon_lr, momentum=momentum, adjust_lr_fn="match_rms_adamw"),
            False: torch.optim.AdamW(others, lr=lr, betas=betas, eps=eps, fused=True),
        }
        # Each part has completed its groups by its own defaults.
        super().__init__([group for part in self._parts.values() for group in part.param_groups], {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        """Performs one step of both parts."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for muon, part in self._parts.items():
            # Shared anew each time: loading a state replaces both containers.
            part.state = self.state
            part.param_groups = [group for group in self.param_groups if group["muon"] == muon]
            part.step()
        return loss

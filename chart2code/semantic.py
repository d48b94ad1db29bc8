"""L_semantic (Sec. III-D): a penalty on programs whose rendered picture misses the chart, E[max(0, tau - IoU)].

Rendering has no gradient, so this is the score-function estimate (REINFORCE) with a leave-one-out baseline: of each of
n charts, K programs y_k are drawn from the model itself and rendered, and

    dL/dtheta ~ 1/n sum_charts 1/K sum_k (l_k - mean of the other l_j) * d log p(y_k | chart) / dtheta,
    l_k = max(0, tau - IoU_k), tau for a program that fails.

The estimate is unbiased for any K >= 2 if what is drawn from is the distribution whose log p is differentiated. So
both are the model in evaluation mode, at temperature 1 and without top-k: no dropout, no router noise, no capacity.
For the same reason a chart's programs are rendered before the optimizer moves, and not beside the next steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from chart2code.rewards import render_and_compare
from eval_metric.code_similarity import extract_code
from eval_metric.similarity import SUCCESS_IOU

if TYPE_CHECKING:
    from transformers import PreTrainedModel, ProcessorMixin

    from eval_metric.executor import Executor


class SemanticOutput(NamedTuple):
    """loss: scalar, mean penalty with the gradient of the estimate; iou, success (share of programs whose IoU reaches
    0.85), executed: means over all programs."""

    loss: torch.Tensor
    iou: float
    success: float
    executed: float


def score_function_loss(log_probs: torch.Tensor, penalties: torch.Tensor) -> torch.Tensor:
    """
    A scalar whose value is the mean penalty and whose gradient is the leave-one-out score-function estimate.

    log_probs `(n, K)`: log p of each program, with gradient; penalties `(n, K)`, K >= 2.
    """
    others = (penalties.sum(dim=1, keepdim=True) - penalties) / (penalties.shape[1] - 1)
    surrogate = ((penalties - others) * log_probs).mean()
    return penalties.mean() + surrogate - surrogate.detach()


def completion_log_probs(
    model: PreTrainedModel,
    tokens: torch.Tensor,
    mask: torch.Tensor,
    visual_key_values: torch.Tensor,
    chart_gates: torch.Tensor | None,
) -> torch.Tensor:
    """
    log p of completions, `(n, K)` float32.

    tokens `(n * K, L)`: prompt and completion, K in a row per chart; mask `(n * K, L)` bool: the completion's tokens,
    its end token included; visual_key_values `(n, ...)`, chart_gates `(n, E)`: of the charts, K programs share them.
    """
    num_samples = len(tokens) // len(visual_key_values)
    outputs = model(
        input_ids=tokens,
        attention_mask=torch.ones_like(tokens),  # padding is behind the end, where nothing looks at it
        visual_key_values=visual_key_values,
        chart_gates=None if chart_gates is None else chart_gates.repeat_interleave(num_samples, dim=0),
        use_cache=False,
    )
    logits = outputs.logits[:, :-1].float()
    picked = logits.gather(-1, tokens[:, 1:, None]).squeeze(-1) - logits.logsumexp(dim=-1)
    return (picked * mask[:, 1:]).sum(dim=1).view(-1, num_samples)


class SemanticLoss:
    """
    Draws `num_samples` programs of each chart, renders them in `executor`, and returns the loss.

    Every process calls it in the same steps with as many charts: under ZeRO a process alone has no weights.
    """

    def __init__(
        self,
        processor: ProcessorMixin,
        executor: Executor,
        num_samples: int = 4,
        threshold: float = SUCCESS_IOU,
        max_new_tokens: int = 400,
    ):
        self.processor, self.executor = processor, executor
        self.num_samples, self.threshold, self.max_new_tokens = num_samples, threshold, max_new_tokens

    def __call__(
        self, model: PreTrainedModel, pixel_values: torch.Tensor, targets: torch.Tensor, seed: int
    ) -> SemanticOutput:
        """
        Args:
            model: the bare model; it is left in the mode that it was in.
            pixel_values `(n, 3, H, W)`; targets `(n, 512, 512, 3)` uint8: pictures that the programs should draw.
            seed: of the draws, which leave the global random state as it is.
        """
        training = model.training
        model.eval()
        try:
            features = model.get_image_features(pixel_values)  # once, for drawing programs and for their gradient
            key_values, gates = model.model.get_visual_key_values(features.visual_tokens), features.chart_gates
            prompts = self.processor(text=[self.processor.chart_prompt] * len(targets)).to(pixel_values.device)
            devices = [] if pixel_values.device.type == "cpu" else [pixel_values.device]
            with torch.random.fork_rng(devices):
                torch.manual_seed(seed)
                tokens = model.generate(
                    **prompts,
                    visual_key_values=key_values,
                    chart_gates=gates,
                    do_sample=True,
                    temperature=1.0,
                    top_k=0,
                    top_p=1.0,
                    num_beams=1,
                    num_return_sequences=self.num_samples,
                    max_new_tokens=self.max_new_tokens,
                )
            completions = tokens[:, prompts["input_ids"].shape[1] :]
            codes = self.processor.batch_decode(completions, skip_special_tokens=True)
            pictures = [picture for picture in targets.cpu().numpy() for _ in range(self.num_samples)]
            compared = render_and_compare([extract_code(code) for code in codes], pictures, self.executor)

            ends = torch.tensor(model.generation_config.eos_token_id, device=tokens.device)
            ended = torch.isin(completions, ends)
            mask = torch.zeros_like(tokens, dtype=torch.bool)
            mask[:, -completions.shape[1] :] = ended.cumsum(dim=1) - ended.int() == 0  # up to the first end token
            log_probs = completion_log_probs(model, tokens, mask, key_values, gates)
        finally:
            model.train(training)
        ious = torch.tensor([c.iou for c in compared], device=log_probs.device)
        penalties = (self.threshold - ious).clamp(min=0).view_as(log_probs)
        executed = sum(c.executed for c in compared) / len(compared)
        success = (ious >= SUCCESS_IOU).float().mean().item()
        return SemanticOutput(score_function_loss(log_probs, penalties), ious.mean().item(), success, executed)

"""The router, the mixture-of-LoRA layer and the routing losses against naive references."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from conftest import tiny_config
from torch import nn

from routing_c2c_mola import (
    EXPERT_DOMAINS,
    ComplexityMetric,
    MixtureOfLoraLinear,
    Router,
    load_balancing_loss,
    router_kl_loss,
    utilization_loss,
)


def make_router(**overrides) -> Router:
    torch.manual_seed(0)
    router = Router(32, tiny_config(**({"expert_capacity": None, "expert_prior": "none"} | overrides)))
    router.init_weights(std=0.5)
    nn.init.normal_(router.capability)
    return router.eval()


def make_complexity(batch: int = 3, seed: int = 0):
    torch.manual_seed(seed)
    return ComplexityMetric(32, 5)(torch.randn(batch, 16, 32))


@pytest.mark.parametrize("per_token", [False, True])
def test_mixture_equals_a_loop_over_experts_in_float64(per_token):
    torch.manual_seed(0)
    experts, rank, alpha = 8, 4, 16.0
    layer = MixtureOfLoraLinear(24, 40, True, experts, rank, alpha, dropout=0.0).double()
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    x = torch.randn(3, 7, 24, dtype=torch.float64)
    gates = (
        torch.rand(3, 7, experts, dtype=torch.float64) if per_token else torch.rand(3, experts, dtype=torch.float64)
    )

    expected = x @ layer.weight.T + layer.bias
    for i in range(experts):
        a, b = layer.lora_A[i * rank : (i + 1) * rank], layer.lora_B[:, i * rank : (i + 1) * rank]
        gate = gates[..., i, None] if per_token else gates[:, None, i, None]
        expected = expected + alpha / rank * gate * (x @ a.T @ b.T)
    torch.testing.assert_close(layer(x, gates), expected, rtol=1e-10, atol=1e-10)


def test_fresh_experts_change_nothing_and_follow_the_papers_init():
    torch.manual_seed(0)
    layer = MixtureOfLoraLinear(24, 40, False, 8, 8, 16.0, dropout=0.0)
    layer.init_experts()
    x = torch.randn(2, 5, 24)
    assert torch.equal(layer(x, torch.rand(2, 8)), F.linear(x, layer.weight))
    assert layer.lora_A.abs().max() <= 0.01 and layer.lora_A.std().item() == pytest.approx(
        0.01 / math.sqrt(3), rel=0.05
    )


def test_top_k_gates_are_the_largest_probabilities_renormalised():
    router, complexity = make_router(), make_complexity()
    output = router(torch.randn(3, 16, 32), complexity)
    expected = np.zeros((3, 16, 8))
    for b, m in np.ndindex(3, 16):
        p = output.probs[b, m].detach().double().numpy()
        best = np.argsort(-p)[:2]
        expected[b, m, best] = p[best] / p[best].sum()
    np.testing.assert_allclose(output.token_gates.detach().numpy(), expected, atol=1e-6)
    mean = output.probs.mean(dim=1)  # one decision per chart, of the mean over its visual tokens
    for b in range(3):
        assert set(output.chart_gates[b].nonzero().flatten().tolist()) == set(mean[b].topk(2).indices.tolist())
    torch.testing.assert_close(output.chart_gates.sum(dim=-1), torch.ones(3))


def test_equation_8_as_printed_is_the_identity_and_the_working_form_is_not():
    tokens = torch.randn(3, 16, 32)
    simple, difficult = make_complexity(), make_complexity()
    difficult = difficult._replace(complexity=difficult.complexity + 5.0)
    printed = make_router(complexity_form="printed")
    plain = (printed(tokens, simple).logits / printed.temperature).softmax(dim=-1)
    torch.testing.assert_close(printed(tokens, simple).probs, plain)
    torch.testing.assert_close(printed(tokens, difficult).probs, plain, atol=1e-6, rtol=1e-5)
    working = make_router(complexity_form="per_expert")
    assert (working(tokens, difficult).probs - working(tokens, simple).probs).abs().max() > 0.1


def test_temperature_sharpens():
    tokens, complexity = torch.randn(3, 16, 32), make_complexity()
    sharp, soft = (make_router(router_temperature=t)(tokens, complexity).probs.max(dim=-1).values for t in (0.3, 3.0))
    assert (sharp > soft).all()


def test_noise_is_for_training_only():
    router, tokens, complexity = make_router(router_noise=1.0), torch.randn(3, 16, 32), make_complexity()
    assert torch.equal(router(tokens, complexity).probs, router(tokens, complexity).probs)
    router.train()
    assert not torch.equal(router(tokens, complexity).probs, router(tokens, complexity).probs)


def test_capacity_keeps_the_largest_gates_and_only_while_training():
    router, tokens, complexity = (
        make_router(expert_capacity=3, router_noise=0.0),
        torch.randn(3, 16, 32),
        make_complexity(),
    )
    full = router(tokens, complexity)
    assert full.dropped_fraction == 0
    limited = router.train()(tokens, complexity)
    dropped = 0
    for b, e in np.ndindex(3, 8):
        wanted, got = full.token_gates[b, :, e], limited.token_gates[b, :, e]
        kept = set(got.nonzero().flatten().tolist())
        assert len(kept) <= 3
        assert kept == set(wanted.topk(min(3, int((wanted > 0).sum()))).indices.tolist())
        dropped += int((wanted > 0).sum()) - len(kept)
    assert limited.dropped_fraction.item() == pytest.approx(dropped / (3 * 16 * 2))
    assert torch.equal(limited.chart_gates, full.chart_gates)  # capacity is for visual tokens


def test_probabilistic_routing_draws_by_probability_and_weighs_all_at_inference():
    router, complexity = make_router(routing_strategy="probabilistic", num_experts_per_tok=1), make_complexity(1)
    tokens = torch.randn(1, 1, 32).expand(1, 20000, 32)
    inference = router(tokens, complexity)
    torch.testing.assert_close(inference.token_gates, inference.probs)
    router.noise = 0.0
    frequency = (router.train()(tokens, complexity).token_gates > 0).float().mean(dim=1)
    torch.testing.assert_close(frequency, inference.probs[:, 0], atol=0.015, rtol=0)


def test_domain_prior_sends_each_chart_type_to_its_experts():
    torch.manual_seed(0)
    router, metric = Router(32, tiny_config()), ComplexityMetric(32, 5)
    router.init_weights(std=0.02)
    tokens = torch.randn(5, 16, 32)
    gates = router.eval()(tokens, metric(tokens, chart_type=torch.arange(5))).chart_gates
    for chart_type in range(5):
        assert EXPERT_DOMAINS[gates[chart_type].argmax()] == chart_type


def test_router_and_capability_learn_through_the_gates():
    router, complexity = make_router(), make_complexity()
    output = router(torch.randn(3, 16, 32), complexity)
    (output.chart_gates * torch.randn(3, 8)).sum().backward()
    assert router.gate.weight.grad.abs().sum() > 0 and router.capability.grad.abs().sum() > 0


def test_router_is_float32_under_autocast():
    router, tokens = make_router(), torch.randn(3, 16, 32)
    reference = router(tokens, make_complexity())
    with torch.autocast("cpu", torch.bfloat16):
        output = router(tokens, make_complexity())
    assert output.probs.dtype == torch.float32 and torch.equal(output.probs, reference.probs)


def test_complexity_is_equation_3_and_metadata_replaces_the_prediction():
    torch.manual_seed(0)
    metric, tokens = ComplexityMetric(32, 5), torch.randn(2, 16, 32)
    nn.init.normal_(metric.type_difficulty)
    chart_type, num_elements = torch.tensor([2, -1]), torch.tensor([40.0, -1.0])
    output = metric(tokens, chart_type, num_elements)
    alpha, beta = (math.log1p(math.exp(v.item())) for v in (metric.raw_alpha, metric.raw_beta))
    psi = metric.type_difficulty.detach().numpy()
    assert output.complexity[0].item() == pytest.approx(alpha * math.log(41) + beta * psi[2], rel=1e-5)
    pooled = tokens[1].mean(dim=0)
    p = metric.type_head(pooled).softmax(dim=-1).detach().numpy()
    expected = alpha * metric.count_head(pooled).item() + beta * float(p @ psi)
    assert output.complexity[1].item() == pytest.approx(expected, rel=1e-4)
    loss = metric.loss(output, chart_type, num_elements)
    difference = abs(output.num_elements_log[0].item() - math.log(41))
    count_loss = 0.5 * difference**2 if difference < 1 else difference - 0.5
    type_loss = -output.type_logits[0].log_softmax(dim=-1)[2].item()
    assert loss.item() == pytest.approx(type_loss + count_loss, rel=1e-4)


def test_losses_are_the_printed_equations():
    p = np.array([0.4, 0.3, 0.2, 0.1])
    tensor = torch.tensor(p)
    assert load_balancing_loss(tensor).item() == pytest.approx(sum((p - 0.25) ** 2))  # Eq. 11
    assert router_kl_loss(tensor).item() == pytest.approx(sum(p * np.log(p / 0.25)))  # Eq. 15
    assert utilization_loss(tensor, 0.5).item() == pytest.approx(0.5 * sum(abs(p - 0.25) ** 2))  # Eq. 16
    uniform = torch.full((4,), 0.25)
    assert router_kl_loss(uniform).item() == pytest.approx(0, abs=1e-6) and load_balancing_loss(uniform) == 0

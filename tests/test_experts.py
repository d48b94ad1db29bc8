"""The paths of the mixture-of-LoRA layer against a loop over experts; folding; experts as PEFT adapters; growing."""

import json

import pytest
import torch
from conftest import tiny_config
from peft import LoraConfig, PeftModel, get_peft_model
from test_modeling import PROMPT, make_batch, make_charts, make_model
from test_routing import make_complexity
from torch import nn

import modeling_c2c_mola
from modeling_c2c_mola import C2CMolaForConditionalGeneration
from routing_c2c_mola import MixtureOfLoraLinear, Router


def make_layer(shared_by: int = 1, dtype: torch.dtype = torch.float64) -> MixtureOfLoraLinear:
    torch.manual_seed(0)
    layer = MixtureOfLoraLinear(24, 40, True, 8 // shared_by, 4, 16.0, dropout=0.0, shared_by=shared_by)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    return layer.to(dtype)


def make_gates(batch: int, k: int = 2, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    """Gates `(B, 8)`, k of them non-zero, and which `(B, k)`."""
    experts = torch.stack([torch.randperm(8)[:k] for _ in range(batch)])
    return torch.zeros(batch, 8, dtype=dtype).scatter(1, experts, torch.rand(batch, k, dtype=dtype) + 0.1), experts


def loop(layer: MixtureOfLoraLinear, x: torch.Tensor, gates: torch.Tensor) -> torch.Tensor:
    """y = W x + b + (alpha / r) sum_e g_e B_e A_e x, expert after expert; gates `(B, E)`."""
    y, rank = x @ layer.weight.T + layer.bias, layer.rank
    for e in range(8):
        rows = slice(e // layer.shared_by * rank, (e // layer.shared_by + 1) * rank)
        y = y + 16.0 / rank * gates[:, None, e, None] * (x @ layer.lora_A[rows].T @ layer.lora_B[:, rows].T)
    return y


@pytest.mark.parametrize("shared_by", [1, 4])
def test_all_paths_and_their_gradients_equal_a_loop_over_experts(shared_by):
    layer, x = make_layer(shared_by), torch.randn(3, 7, 24, dtype=torch.float64, requires_grad=True)
    gates, experts = make_gates(3)
    gates.requires_grad_()
    downstream = torch.randn(3, 7, 40, dtype=torch.float64)
    wanted = [x, gates, layer.lora_A, layer.lora_B]
    expected = loop(layer, x, gates)
    expected_gradients = torch.autograd.grad((expected * downstream).sum(), wanted)
    chosen = torch.zeros_like(gates).scatter(1, experts, 1.0)  # the others' gates are 0 by choice, not learned
    for paths, mask in (({}, 1), ({"experts": experts}, chosen)):
        output = layer(x, gates, **paths)
        torch.testing.assert_close(output, expected, rtol=1e-12, atol=1e-12)
        gradients = torch.autograd.grad((output * downstream).sum(), wanted)
        for index, (gradient, reference) in enumerate(zip(gradients, expected_gradients)):
            torch.testing.assert_close(gradient, reference * mask if index == 1 else reference, rtol=1e-10, atol=1e-10)
    for chart in range(3):
        layer.fold(gates[chart].detach())
        torch.testing.assert_close(layer(x[chart : chart + 1]), expected[chart : chart + 1], rtol=1e-12, atol=1e-12)
        assert "folded_weight" not in layer.state_dict()
        layer.folded_weight = None


def test_both_paths_in_bfloat16_and_under_autocast():
    layer, x = make_layer(dtype=torch.bfloat16), torch.randn(3, 7, 24).bfloat16()
    gates, experts = make_gates(3, dtype=torch.float32)  # the router's gates are float32
    expected = loop(make_layer(), x.double(), gates.double())
    for output in (layer(x, gates), layer(x, gates, experts)):
        assert output.dtype == torch.bfloat16
        assert ((output.double() - expected).norm() / expected.norm()).item() < 0.01
    plain = make_layer(dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        for output in (plain(x.float(), gates), plain(x.float(), gates, experts)):
            assert ((output.double() - expected).norm() / expected.norm()).item() < 0.01


def test_long_inputs_take_the_gathered_path_with_the_same_answer(monkeypatch):
    model, batch = make_model(), make_batch()
    stacked, calls = model(**batch), []
    forward = MixtureOfLoraLinear.forward
    monkeypatch.setattr(modeling_c2c_mola, "GATHER_LENGTH", 12)
    monkeypatch.setattr(
        MixtureOfLoraLinear,
        "forward",
        lambda self, x, gates=None, experts=None: calls.append(experts) or forward(self, x, gates, experts),
    )
    gathered = model(**batch)
    assert sum(experts is not None for experts in calls) == 2 * 7
    torch.testing.assert_close(gathered.logits, stacked.logits, atol=1e-5, rtol=1e-4)
    gates, experts = gathered.chart_gates, gathered.chart_experts
    assert torch.equal(gates, torch.zeros_like(gates).scatter(1, experts, gates.gather(1, experts)))

    # With all experts in use at inference there is nothing to gather.
    calls.clear()
    model = make_model(routing_strategy="probabilistic")
    assert model(**batch).chart_experts is None and all(experts is None for experts in calls)


@torch.no_grad()
def test_factors_that_are_kept_follow_charts_and_weights():
    layer, x = make_layer(), torch.randn(2, 1, 24, dtype=torch.float64)
    (gates, experts), (other_gates, other_experts) = make_gates(2), make_gates(2)
    for _ in range(2):
        torch.testing.assert_close(layer(x, gates, experts), loop(layer, x, gates), rtol=1e-12, atol=1e-12)
    kept = layer._gathered(experts)[0]
    assert layer._gathered(experts)[0] is kept and layer._gathered(experts.clone())[0] is not kept
    torch.testing.assert_close(layer(x, other_gates, other_experts), loop(layer, x, other_gates))
    for change in (
        lambda: layer.lora_B.mul_(2),
        lambda: layer.set_expert(int(other_experts[0, 0]), None, None),
        lambda: setattr(layer, "lora_A", nn.Parameter(layer.lora_A * 3)),
    ):
        change()
        torch.testing.assert_close(layer(x, other_gates, other_experts), loop(layer, x, other_gates))


def test_folded_decoding_gives_the_same_answer_and_unfolding_the_same_bits():
    model, charts = make_model(), make_charts()
    inputs = {"input_ids": PROMPT[:1], "pixel_values": charts[:1]}
    before = model(**inputs).logits
    generated = model.generate(**inputs, max_new_tokens=12)
    model.fold_experts(model.get_image_features(charts[:1]).chart_gates)
    torch.testing.assert_close(model(**inputs).logits, before, atol=1e-4, rtol=1e-4)
    assert torch.equal(model.generate(**inputs, max_new_tokens=12), generated)
    model.unfold_experts()
    assert torch.equal(model(**inputs).logits, before)
    with pytest.raises(ValueError, match=r"\(4, 8\).*\(8,\)"):
        model.fold_experts(model.get_image_features(charts).chart_gates)


def test_layers_with_experts_and_ranks_of_their_own():
    model = make_model(layer_experts=[2, 0], layer_ranks=[3, 5], trained_experts=True)
    first, second = model.model.language_model.layers
    assert first.mlp.up_proj.lora_A.shape == (2 * 3, 32) and second.mlp.up_proj.lora_A is None
    assert model.model.connector.linear_1.lora_A.shape == (8 * 2, 32)
    # Two low-rank experts for eight: gates 0 to 3 add up, and so do 4 to 7.
    layer, x = first.mlp.up_proj, torch.randn(2, 5, 32)
    gates, experts = make_gates(2, k=3, dtype=torch.float32)
    expected = x @ layer.weight.T
    for e in range(8):
        rows = slice(e // 4 * 3, e // 4 * 3 + 3)
        expected = expected + 16 / 3 * gates[:, None, e, None] * (x @ layer.lora_A[rows].T @ layer.lora_B[:, rows].T)
    torch.testing.assert_close(layer(x, gates), expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(layer(x, gates, experts), expected, rtol=1e-4, atol=1e-4)
    for wrong in ({"layer_experts": [3, 8]}, {"layer_ranks": [4]}):
        with pytest.raises(ValueError, match="layer_"):
            tiny_config(**wrong)


def without_experts(model: C2CMolaForConditionalGeneration, folder) -> C2CMolaForConditionalGeneration:
    model.save_pretrained(folder)
    return C2CMolaForConditionalGeneration.from_pretrained(folder, num_experts=0).eval()


@pytest.mark.parametrize("overrides", [{}, {"layer_experts": [2, 0], "layer_ranks": [3, 5]}])
def test_stock_peft_loads_experts_and_mixtures_with_the_same_logits(tmp_path, overrides):
    model, batch = make_model(**overrides), make_batch()
    gates = torch.tensor([0.0, 0.5, 0, 0, 0.2, 0, 0.3, 0])
    model.export_expert(3, tmp_path / "expert")
    model.export_mixture(gates, tmp_path / "mixture")
    for name, wanted in (("expert", torch.eye(8)[3]), ("mixture", gates)):
        base = without_experts(model, tmp_path / "model")
        plain = base(**batch).logits
        adapted = PeftModel.from_pretrained(base, tmp_path / name).eval()
        expected = model(**batch, chart_gates=wanted.expand(4, 8)).logits
        assert (expected - plain).abs().max() > 0.1
        torch.testing.assert_close(adapted(**batch).logits, expected, atol=1e-4, rtol=1e-4)
        inputs = {"input_ids": PROMPT, "pixel_values": make_charts(), "max_new_tokens": 8}
        generated = model.generate(**inputs, chart_gates=wanted.expand(4, 8))
        assert torch.equal(adapted.generate(**inputs), generated)
        merged = adapted.merge_and_unload()
        torch.testing.assert_close(merged(**batch).logits, expected, atol=1e-4, rtol=1e-4)
    with pytest.raises(ValueError, match="no expert 8"):
        model.export_expert(8, tmp_path / "none")


def make_adapter(
    model, folder, rank: int = 2, targets: str = r".*language_model.*(self_attn\.q_proj|mlp\.down_proj)", **settings
):
    """A LoRA adapter made with PEFT on the model without experts, and the logits that it gives."""
    adapted = get_peft_model(
        without_experts(model, folder / "base"), LoraConfig(r=rank, lora_alpha=6, target_modules=targets, **settings)
    )
    torch.manual_seed(3)
    for name, parameter in adapted.named_parameters():
        if "lora_" in name:
            nn.init.normal_(parameter, std=0.5)
    adapted.save_pretrained(folder / "adapter")
    return folder / "adapter", adapted.eval()(**make_batch()).logits


@pytest.mark.parametrize(
    "settings", [{}, {"rank": 1}, {"use_rslora": True}, {"alpha_pattern": {r"layers.1.mlp.down_proj": 3}}]
)
def test_an_adapter_trained_with_peft_becomes_an_expert(tmp_path, settings):
    model, batch = make_model(), make_batch()
    adapter, expected = make_adapter(model, tmp_path, **settings)
    others = model(**batch, chart_gates=torch.eye(8)[[0, 1, 2, 3]]).logits
    model.import_expert(5, adapter)
    torch.testing.assert_close(
        model(**batch, chart_gates=torch.eye(8)[[5] * 4]).logits, expected, atol=1e-4, rtol=1e-4
    )
    assert torch.equal(model(**batch, chart_gates=torch.eye(8)[[0, 1, 2, 3]]).logits, others)


def test_adapters_that_no_expert_can_be_are_refused_and_change_nothing(tmp_path):
    model = make_model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for settings, message in (
        ({"rank": 4}, "rank 4 .* an expert has 2"),
        ({"targets": r".*cross_attn\.q_proj"}, "no expert does"),
        ({"use_dora": True}, "use_dora"),
    ):
        adapter, _ = make_adapter(model, tmp_path, **settings)
        with pytest.raises(ValueError, match=message):
            model.import_expert(0, adapter)
        with pytest.raises(ValueError, match=message):
            model.add_expert(adapter)
    assert before.keys() == model.state_dict().keys() and model.config.num_experts == 8
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("strategy", ["top_k", "probabilistic"])
def test_growing_disturbs_no_other_expert_and_no_other_chart_type(tmp_path, strategy):
    model, batch = make_model(routing_strategy=strategy, selection_bias_rate=1e-3), make_batch()
    batch["chart_type"] = torch.tensor([0, 1, 2, 4])
    model.model.router.type_bias.data.normal_()
    model.model.router.type_bias.data[3, 6] = 6.0  # the expert for pies
    adapter, expected = make_adapter(model, tmp_path)
    before, logits = {n: p.clone() for n, p in model.named_parameters()}, model(**batch).logits
    assert model.add_expert(adapter, chart_type=3) == 8
    for name, parameter in model.named_parameters():
        old = before[name]
        assert torch.equal(parameter[tuple(map(slice, old.shape))], old), name
    grown = model(**batch)
    torch.testing.assert_close(grown.logits, logits, atol=1e-5, rtol=1e-4)

    pies = model(**batch | {"chart_type": torch.full((4,), 3)})
    torch.testing.assert_close(pies.chart_gates[:, 8], pies.chart_gates[:, 6])  # as often as that one
    assert pies.chart_gates[:, 8].min() > 0.25
    alone = model(**batch, chart_gates=torch.eye(9)[[8] * 4]).logits
    torch.testing.assert_close(alone, expected, atol=1e-4, rtol=1e-4)
    assert model.add_expert() == 9  # for no chart yet

    model.save_pretrained(tmp_path / "grown")
    again = C2CMolaForConditionalGeneration.from_pretrained(tmp_path / "grown").eval()
    assert again.config.num_experts == 10 and torch.equal(again(**batch).logits, model(**batch).logits)
    assert json.loads((tmp_path / "grown" / "config.json").read_text())["expert_prior"] == "none"
    again.train()(**batch | {"chart_gates": torch.eye(10)[[9] * 4]}).loss.backward()  # the new one can be trained
    rows = again.model.language_model.layers[0].mlp.up_proj.lora_B.grad.abs().sum(0).view(10, 2).sum(1)
    assert rows[9] > 0 and (rows[:9] == 0).all()
    with pytest.raises(ValueError, match="layer_experts"):
        make_model(layer_experts=[4, 4]).add_expert()


def test_given_gates_replace_the_routers_decision():
    model, batch = make_model(), make_batch()
    routed = model(**batch)
    uniform = model(**batch, chart_gates=torch.full((4, 8), 1 / 8))
    assert torch.equal(uniform.router_logits, routed.router_logits)
    assert (uniform.token_gates == 1 / 8).all() and not torch.equal(uniform.logits, routed.logits)
    with pytest.raises(ValueError, match=r"\(4, 7\).*\(4, 8\)"):
        model(**batch, chart_gates=torch.full((4, 7), 1 / 7))


def test_selection_bias_balances_the_load_and_leaves_the_gates_alone():
    torch.manual_seed(0)
    settings = {"expert_prior": "none", "expert_capacity": None, "router_noise": 0.0}
    router = Router(32, tiny_config(selection_bias_rate=0.005, **settings))
    plain = Router(32, tiny_config(**settings))
    assert "selection_bias" not in plain.state_dict()  # no new key where the option is off
    router.init_weights(std=0.5)
    router.gate.weight.data *= 0.2  # soft probabilities, and two of eight that take most tokens
    router.type_bias.data[:, :2] = 1.0
    plain.load_state_dict(router.state_dict(), strict=False)
    tokens = torch.randn(8, 64, 32)
    complexity = make_complexity(8)
    assert torch.equal(router(tokens, complexity).token_gates, plain(tokens, complexity).token_gates)

    def load():
        counts = (router(tokens, complexity).token_gates > 0).float().sum((0, 1))
        return counts / counts.sum()

    before = load()
    previous, loads = router.selection_bias.clone(), before
    router.update_selection_bias(loads)
    step = router.selection_bias - previous
    torch.testing.assert_close(step, 0.005 * (loads.mean() - loads).sign())
    for _ in range(100):
        router.update_selection_bias(load())
    assert (load() - 1 / 8).abs().max() < 0.25 * (before - 1 / 8).abs().max()
    output = router(tokens, complexity)  # the gates are the probabilities of the chosen, without the bias
    chosen = output.token_gates > 0
    gates = output.probs * chosen
    torch.testing.assert_close(output.token_gates, gates / gates.sum(-1, keepdim=True))
    assert torch.equal(output.probs, plain(tokens, complexity).probs)

"""What a model of transformers is expected to do: after its common model tests, and with every way of generating."""

import json

import pytest
import torch
from conftest import tiny_config
from safetensors.torch import load_file
from test_modeling import PROMPT, make_batch, make_charts, make_model
from transformers.conversion_mapping import get_model_conversion_mapping

from configuration_c2c_mola import C2CMolaConfig
from modeling_c2c_mola import C2CMolaForConditionalGeneration, sincos, sincos_position_embedding

INPUTS = {"input_ids": PROMPT, "attention_mask": torch.ones_like(PROMPT), "pixel_values": make_charts()}
GREEDY = {"max_new_tokens": 16, "do_sample": False}


def four_layers(**overrides) -> C2CMolaForConditionalGeneration:
    text_config = tiny_config().text_config.to_dict() | {"num_hidden_layers": 4, "layer_types": None}
    return make_model(text_config=text_config, **overrides)


# ---- configuration, saving, loading ----


def test_configuration_round_trip(tmp_path):
    config = tiny_config(
        layer_experts=[4, 8], layer_ranks=[2, 3], selection_bias_rate=1e-3, cross_attention_form="printed",
        routing_strategy="probabilistic", expert_capacity=None, expert_targets=["q_proj"],
    )  # fmt: skip
    config.save_pretrained(tmp_path)
    again = C2CMolaConfig.from_pretrained(tmp_path)
    assert again.to_dict() == config.to_dict() and again.text_config.hidden_size == 32
    assert C2CMolaConfig(**json.loads(config.to_json_string())).to_diff_dict() == again.to_diff_dict()


def test_tied_weights_are_one_and_saved_once(tmp_path):
    model = make_model()
    assert model.lm_head.weight is model.model.language_model.embed_tokens.weight
    model.save_pretrained(tmp_path)
    assert "lm_head.weight" not in load_file(tmp_path / "model.safetensors")
    loaded = C2CMolaForConditionalGeneration.from_pretrained(tmp_path)
    assert loaded.lm_head.weight is loaded.model.language_model.embed_tokens.weight


def test_what_deepspeed_gives_to_be_saved_gets_the_same_names(tmp_path):
    """Copies of all weights, of a model of which transformers believes that its vision streams' names were changed."""
    model = make_model()
    model.save_pretrained(tmp_path / "plain")
    model._weight_conversions = get_model_conversion_mapping(model)
    assert model._weight_conversions
    model.save_pretrained(tmp_path / "copies", state_dict={k: v.clone() for k, v in model.state_dict().items()})
    plain, copies = (load_file(tmp_path / folder / "model.safetensors") for folder in ("plain", "copies"))
    assert plain.keys() == copies.keys() and all(torch.equal(plain[name], copies[name]) for name in plain)


def test_embeddings_can_be_resized():
    model, batch = make_model(), make_batch()
    before = model(**batch).logits
    model.resize_token_embeddings(60)
    assert model.config.text_config.vocab_size == 60 and model.lm_head.weight.shape[0] == 60
    assert model.lm_head.weight is model.model.language_model.embed_tokens.weight
    after = model(**batch)
    torch.testing.assert_close(after.logits[..., :48], before)
    assert after.logits.shape[-1] == 60 and after.loss.isfinite()


def test_meta_initialisation_and_every_way_of_loading_agree(tmp_path):
    with torch.device("meta"):
        assert all(p.is_meta for p in C2CMolaForConditionalGeneration(tiny_config()).parameters())
    model, batch = make_model(), make_batch()
    model.save_pretrained(tmp_path / "model", max_shard_size="50KB")
    expected, generated = model(**batch).logits, model.generate(**INPUTS, **GREEDY)
    layers = {f"model.language_model.layers.{index}": place for index, place in ((0, "cpu"), (1, "disk"))}
    others = [f"model.{n}" for n, _ in model.model.named_children() if n != "language_model"]
    others += [f"model.language_model.{name}" for name in ("embed_tokens", "norm", "rotary_emb")]
    places = dict.fromkeys(others, "cpu") | layers | {"lm_head": "cpu"}
    for settings in (
        {"device_map": "cpu"},
        {"device_map": "auto"},
        {"device_map": places, "offload_folder": str(tmp_path / "offload")},
        {"low_cpu_mem_usage": True},
    ):
        loaded = C2CMolaForConditionalGeneration.from_pretrained(tmp_path / "model", **settings).eval()
        assert torch.equal(loaded(**batch).logits, expected), settings
        assert torch.equal(loaded.generate(**INPUTS, **GREEDY), generated), settings


def test_bfloat16_is_close_to_float32(tmp_path):
    model, batch = make_model(), make_batch()
    model.save_pretrained(tmp_path)
    half = C2CMolaForConditionalGeneration.from_pretrained(tmp_path, dtype="bfloat16").eval()
    assert half.model.router.gate.weight.dtype == torch.float32
    logits, expected = half(**batch).logits, model(**batch).logits
    assert logits.dtype == torch.bfloat16
    assert ((logits.float() - expected).norm() / expected.norm()).item() < 0.05
    assert half.generate(**INPUTS, **GREEDY).shape[1] > 3
    # All of it, as DeepSpeed does: the router computes in float32 all the same.
    everything = half.bfloat16()(**batch)
    assert everything.router_probs.dtype == torch.float32 and everything.loss.isfinite()


# ---- forward and backward ----


def test_left_padding_equals_right_padding():
    model, charts = make_model(), make_charts(2)
    torch.manual_seed(0)
    tokens = torch.randint(2, 48, (2, 6))
    right = {"input_ids": torch.cat([tokens, torch.zeros(2, 3, dtype=torch.long)], 1)}
    left = {"input_ids": torch.cat([torch.zeros(2, 3, dtype=torch.long), tokens], 1)}
    for padded in (right, left):
        padded["attention_mask"] = (padded["input_ids"] != 0).long()
        padded["position_ids"] = (padded["attention_mask"].cumsum(-1) - 1).clamp(min=0)
    alone = model(input_ids=tokens, pixel_values=charts).logits
    torch.testing.assert_close(model(**right, pixel_values=charts).logits[:, :6], alone, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(model(**left, pixel_values=charts).logits[:, 3:], alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_checkpointing_every_fourth_layer_repeats_dropout_and_never_the_router(use_reentrant, monkeypatch):
    monkeypatch.setattr("modeling_c2c_mola.GATHER_LENGTH", 8)  # the path of long inputs
    gradients, calls = [], []
    for checkpointing in (False, True):
        model = four_layers(expert_dropout=0.3, router_noise=0.5).train()
        if checkpointing:
            model.activation_checkpointing_enable({"use_reentrant": use_reentrant}, every_n_layers=4)
            model.enable_input_require_grads()
            for module in (model.model.router, model.model.connector, *model.model.language_model.layers):
                attention = getattr(module, "self_attn", module)
                attention.register_forward_hook(lambda module, *_: calls.append(type(module).__name__))
        torch.manual_seed(5)
        model(**make_batch()).loss.backward()
        gradients.append({name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, atol=1e-6, rtol=1e-4, msg=name)
    assert calls.count("Router") == calls.count("C2CMolaConnector") == 1
    assert calls.count("C2CMolaAttention") == 4 + 1  # one of four layers is computed again


@pytest.mark.parametrize("length", [12, 40])  # stacked and gathered
def test_decoder_layers_compile_without_a_graph_break(length):
    model = make_model(expert_dropout=0.0, router_noise=0.0, expert_capacity=None).train()
    torch.manual_seed(2)
    input_ids = torch.randint(2, 48, (4, length))
    batch = {"input_ids": input_ids, "labels": input_ids, "pixel_values": make_charts()}
    expected = model(**batch).loss
    wanted = [p for n, p in model.named_parameters() if "lora_" in n or ".router." in n]
    gradients = torch.autograd.grad(expected, wanted, allow_unused=True)
    for layer in model.model.language_model.layers:
        layer.compile(fullgraph=True, backend="aot_eager")
    loss = model(**batch).loss
    torch.testing.assert_close(loss, expected)
    for ours, reference in zip(torch.autograd.grad(loss, wanted, allow_unused=True), gradients):
        torch.testing.assert_close(ours, reference, atol=1e-6, rtol=1e-4)
    uncompiled = make_model(expert_dropout=0.0, expert_capacity=None)
    uncompiled.load_state_dict(model.state_dict())  # the statistics of batch normalisation have moved
    assert torch.equal(model.eval().generate(**INPUTS, **GREEDY), uncompiled.generate(**INPUTS, **GREEDY))


# ---- generation ----


def test_prompt_lookup_and_assisted_decoding_give_the_greedy_answer():
    model = make_model()
    for row in range(2):
        inputs = {name: value[row : row + 1] for name, value in INPUTS.items()}
        expected = model.generate(**inputs, **GREEDY)
        assert torch.equal(model.generate(**inputs, **GREEDY, prompt_lookup_num_tokens=3), expected)
        assert torch.equal(model.generate(**inputs, **GREEDY, assistant_model=model), expected)


def test_sampling_is_reproducible_and_its_sequences_keep_their_chart():
    model = make_model()
    settings = {"max_new_tokens": 8, "do_sample": True, "temperature": 1.5, "num_return_sequences": 3}
    torch.manual_seed(0)
    first = model.generate(**INPUTS, **settings)
    torch.manual_seed(0)
    assert torch.equal(model.generate(**INPUTS, **settings), first) and first.shape[0] == 12
    assert torch.equal(first[:, :3], PROMPT.repeat_interleave(3, 0))
    # At a temperature near zero each of a chart's sequences is the chart's greedy one.
    cold = model.generate(**INPUTS, **settings | {"temperature": 1e-4})
    expected = model.generate(**INPUTS, max_new_tokens=8, do_sample=False)
    assert torch.equal(cold, expected.repeat_interleave(3, 0))


def test_unequal_prompts_in_a_batch_generate_what_they_do_alone():
    model, charts = make_model(), make_charts(3)
    prompts = [[2, 3, 4, 5, 6, 7], [8, 9], [10, 11, 12, 13]]
    padded = torch.tensor([[0] * (6 - len(p)) + p for p in prompts])
    settings = {"max_new_tokens": 10, "num_beams": 2, "do_sample": False}
    batch = model.generate(input_ids=padded, attention_mask=(padded != 0).long(), pixel_values=charts, **settings)
    for row, prompt in enumerate(prompts):
        alone = model.generate(input_ids=torch.tensor([prompt]), pixel_values=charts[row : row + 1], **settings)
        new = alone[0, len(prompt) :]
        assert torch.equal(batch[row, 6 : 6 + len(new)], new)


# ---- printed form of Eq. 5 ----


def test_equation_5_as_printed_reads_the_same_mean_everywhere():
    model, batch = make_model_printed(), make_batch()
    cross = model.model.language_model.layers[0].cross_attn
    torch.manual_seed(0)
    tokens = torch.randn(2, 16, 32)
    key, value = cross.key_value(tokens)
    positions = torch.arange(7)[None]
    # To the letter: one score for each pair of a text and a visual position.
    scores = torch.empty(7, 16)
    text = sincos(positions[0], 32, 10000.0)
    visual = sincos_position_embedding(4, 32, tokens.device, tokens.dtype)
    for n in range(7):
        for m in range(16):
            scores[n, m] = cross.score(torch.cat([text[n], visual[m]])).squeeze()
    attention = cross.attention(positions, key)
    torch.testing.assert_close(attention, scores.softmax(-1).expand(2, 7, 16))
    torch.testing.assert_close(attention, attention[:, :1].expand(2, 7, 16))  # the text position has cancelled
    hidden = torch.randn(2, 7, 32)
    output = cross(hidden, key, value, positions)
    torch.testing.assert_close(output, output[:, :1].expand_as(output))  # whatever the code token is
    torch.testing.assert_close(
        output, cross(torch.zeros_like(hidden), key, value, positions + 100), atol=1e-5, rtol=1e-4
    )

    content = make_model().model.language_model.layers[0].cross_attn
    output = content(hidden, *content.key_value(tokens), positions)
    assert (output - output[:, :1]).abs().max() > 0.1  # the default looks where its content says
    # It trains and generates like the other.
    model(**batch).loss.backward()
    assert cross.score.weight.grad[:, 32:].abs().sum() > 0
    assert cross.score.weight.grad[:, :32].abs().max() < 1e-6  # the half that reads the text position never learns
    cached = model.generate(**INPUTS, **GREEDY)
    assert torch.equal(cached, model.generate(**INPUTS, **GREEDY, use_cache=False))


def make_model_printed() -> C2CMolaForConditionalGeneration:
    torch.manual_seed(0)
    model = C2CMolaForConditionalGeneration(tiny_config(cross_attention_form="printed")).eval()
    model.generation_config.pad_token_id, model.generation_config.eos_token_id = 0, 1
    for layer in model.model.language_model.layers:
        torch.nn.init.normal_(layer.cross_attn.score.weight, std=0.5)
    return model

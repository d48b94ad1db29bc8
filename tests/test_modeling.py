"""The model against Qwen2 itself, its own slow paths, and a round trip through the Hub format."""

import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from conftest import tiny_config
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import AutoModel, AutoModelForImageTextToText, Qwen2ForCausalLM

from modeling_c2c_mola import C2CMolaForConditionalGeneration
from routing_c2c_mola import MixtureOfLoraLinear

PROMPT = torch.tensor([[2, 3, 4], [2, 5, 6], [2, 7, 8], [2, 9, 10]])


def make_model(seed: int = 0, trained_experts: bool = True, **overrides) -> C2CMolaForConditionalGeneration:
    """A random model; with `trained_experts`, its experts say something (B is not 0)."""
    torch.manual_seed(seed)
    model = C2CMolaForConditionalGeneration(tiny_config(**overrides))
    model.generation_config.pad_token_id, model.generation_config.eos_token_id = 0, 1
    if trained_experts:
        for name, parameter in model.named_parameters():
            if "lora_" in name or "type_bias" in name or "gate.weight" in name:
                nn.init.normal_(parameter, std=0.5)
    # A random decoder hardly looks at the chart; these tests want it to matter.
    for name, parameter in model.named_parameters():
        if "cross_attn.o_proj" in name or "cross_attn.v_proj" in name:
            nn.init.normal_(parameter, std=0.5)
    return model.eval()


def make_charts(batch: int = 4) -> torch.Tensor:
    torch.manual_seed(1)
    return torch.rand(batch, 3, 64, 64) * 2 - 1


def make_batch(batch: int = 4) -> dict[str, torch.Tensor]:
    torch.manual_seed(2)
    input_ids = torch.randint(2, 48, (batch, 12))
    return {
        "input_ids": input_ids,
        "attention_mask": torch.ones_like(input_ids),
        "labels": input_ids.clone(),
        "pixel_values": make_charts(batch),
    }


def test_without_a_chart_it_is_qwen2():
    model = make_model(num_experts=0)
    qwen2 = Qwen2ForCausalLM(model.config.text_config).eval()
    weights = {k: v for k, v in model.model.language_model.state_dict().items() if "cross_attn" not in k}
    qwen2.model.load_state_dict(weights)
    qwen2.lm_head.load_state_dict(model.lm_head.state_dict())
    batch = make_batch()
    text = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"]}
    torch.testing.assert_close(model(**text).logits, qwen2(**text).logits, atol=1e-6, rtol=1e-5)


def test_loss_is_the_mean_cross_entropy_of_the_next_token():
    model, batch = make_model(), make_batch()
    batch["labels"][:, :4] = -100
    output = model(**batch)
    logprobs = output.logits.double().log_softmax(dim=-1)
    terms = [-logprobs[b, t - 1, batch["labels"][b, t]] for b in range(4) for t in range(4, 12)]
    torch.testing.assert_close(output.loss.double(), torch.stack(terms).mean(), rtol=1e-5, atol=1e-6)
    summed = model(**batch, num_items_in_batch=64).loss
    torch.testing.assert_close(summed, output.loss * len(terms) / 64)


def test_experts_on_top_of_a_base_change_nothing(tmp_path):
    base = make_model(num_experts=0)
    base.save_pretrained(tmp_path)
    model, info = C2CMolaForConditionalGeneration.from_pretrained(tmp_path, num_experts=8, output_loading_info=True)
    assert info["missing_keys"] and all("lora_" in k or ".router." in k for k in info["missing_keys"])
    layers = [module for module in model.modules() if isinstance(module, MixtureOfLoraLinear)]
    assert len(layers) == 2 * 7 + 2
    for layer in layers:
        assert (layer.lora_B == 0).all() and 0 < layer.lora_A.abs().max() <= 0.01
    assert torch.isfinite(model.model.router.gate.weight).all() and model.model.router.gate.weight.std() > 0
    batch = make_batch()
    assert torch.equal(base(**batch).logits, model.eval()(**batch).logits)


@pytest.mark.parametrize("num_experts", [0, 8])
def test_every_parameter_is_in_the_graph(num_experts):
    """DDP waits for the gradient of every parameter, whatever the batch has."""
    model = make_model(num_experts=num_experts, trained_experts=False).train()
    output = model(**make_batch())
    (output.loss + output.complexity_loss).backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


def test_a_gradient_reaches_experts_router_and_complexity():
    fresh = make_model(trained_experts=False)
    fresh(**make_batch()).loss.backward()
    for name, parameter in fresh.named_parameters():
        if "lora_B" in name:
            assert parameter.grad.abs().sum() > 0, name
    model = make_model()
    nn.init.normal_(model.model.router.capability)
    model(**make_batch()).loss.backward()
    for name, parameter in model.named_parameters():
        if "lora_" in name or ".router." in name or "raw_alpha" in name or "count_head" in name:
            assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("settings", [{}, {"num_beams": 3}, {"num_beams": 2, "num_return_sequences": 2}])
def test_cached_and_uncached_generation_agree(settings):
    model = make_model()
    inputs = {"input_ids": PROMPT, "attention_mask": torch.ones_like(PROMPT), "pixel_values": make_charts()}
    cached = model.generate(**inputs, max_new_tokens=20, do_sample=False, **settings)
    uncached = model.generate(**inputs, max_new_tokens=20, do_sample=False, use_cache=False, **settings)
    assert torch.equal(cached, uncached)
    assert len({tuple(row.tolist()) for row in cached[:, 3:]}) > 1  # the charts matter


def test_a_batch_generates_what_its_members_do():
    model, charts = make_model(), make_charts()
    batch = model.generate(
        input_ids=PROMPT, attention_mask=torch.ones_like(PROMPT), pixel_values=charts, max_new_tokens=20
    )
    for i in range(4):
        single = model.generate(input_ids=PROMPT[i : i + 1], pixel_values=charts[i : i + 1], max_new_tokens=20)
        assert torch.equal(single[0], batch[i, : single.shape[1]])


def test_generation_equals_a_loop_over_full_forwards():
    model, charts = make_model(), make_charts(1)
    expected = PROMPT[:1]
    for _ in range(15):
        token = model(input_ids=expected, pixel_values=charts).logits[:, -1].argmax(dim=-1, keepdim=True)
        expected = torch.cat([expected, token], dim=1)
        if token.item() == 1:
            break
    generated = model.generate(input_ids=PROMPT[:1], pixel_values=charts, max_new_tokens=15)
    assert torch.equal(generated, expected)


def test_vision_and_routing_run_once_per_chart():
    model = make_model()
    calls = []
    for module in (model.model.conv_tower, model.model.vision_tower, model.model.router, model.model.connector):
        module.register_forward_hook(lambda module, inputs, output: calls.append(inputs[0].shape[0]))
    model.generate(
        input_ids=PROMPT[:2], pixel_values=make_charts(2), max_new_tokens=8, num_beams=3, num_return_sequences=3
    )
    assert calls == [2, 2, 2, 2]


@pytest.mark.parametrize("form", ["content", "printed"])
def test_programs_of_a_chart_share_its_keys_and_values(form):
    """As if they were repeated for each of its programs, and as if each were read alone."""
    model, charts = make_model(cross_attention_form=form), make_charts(2)
    features = model.get_image_features(charts)
    key_values = model.model.get_visual_key_values(features.visual_tokens)
    texts = torch.randint(3, 40, (6, 9))
    gates = features.chart_gates.repeat_interleave(3, dim=0)
    shared = model(input_ids=texts, visual_key_values=key_values, chart_gates=gates).logits
    repeated = key_values.repeat_interleave(3, dim=0)
    torch.testing.assert_close(
        shared, model(input_ids=texts, visual_key_values=repeated, chart_gates=gates).logits, atol=1e-5, rtol=1e-4
    )
    for row, text in enumerate(texts):
        alone = model(input_ids=text[None], pixel_values=charts[row // 3][None]).logits[0]
        torch.testing.assert_close(shared[row], alone, atol=1e-5, rtol=1e-4)

    seen = []
    model.model.language_model.layers[-1].cross_attn.register_forward_hook(
        lambda m, inputs, out: seen.append(len(out))
    )
    model.generate(
        input_ids=PROMPT[:2], pixel_values=charts, max_new_tokens=4, min_new_tokens=4, do_sample=True,
        num_return_sequences=3,
    )  # fmt: skip
    assert seen == [2] * 4


def test_left_padded_prompts_generate_the_same():
    model, charts = make_model(), make_charts(2)
    alone = model.generate(input_ids=PROMPT[:1], pixel_values=charts[:1], max_new_tokens=12)
    padded = torch.tensor([[0, 0, *PROMPT[0].tolist()], [3, 4, 5, 6, 7]])
    mask = torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]])
    both = model.generate(input_ids=padded, attention_mask=mask, pixel_values=charts, max_new_tokens=12)
    assert torch.equal(both[0, 5 : 2 + alone.shape[1]], alone[0, 3:])


def test_given_metadata_replaces_the_prediction():
    model, batch = make_model(), make_batch()
    nn.init.normal_(model.model.router.capability)
    unknown = model(**batch, chart_type=torch.full((4,), -1), num_elements=torch.full((4,), -1.0))
    assert torch.equal(unknown.logits, model(**batch).logits) and unknown.complexity_loss == 0
    known = model(**batch, chart_type=torch.tensor([0, 1, 2, 3]), num_elements=torch.tensor([5.0, 10, 20, 40]))
    assert not torch.equal(known.complexity, unknown.complexity) and known.complexity_loss > 0


def test_sdpa_equals_eager():
    model, batch = make_model(), make_batch()
    sdpa = model(**batch)
    model.set_attn_implementation("eager")
    eager = model(**batch, output_attentions=True, output_hidden_states=True)
    torch.testing.assert_close(eager.logits, sdpa.logits, atol=1e-5, rtol=1e-4)
    assert len(eager.hidden_states) == 3 and len(eager.attentions) == 2
    assert eager.attentions[0].shape == (4, 4, 12, 12)


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_gradient_checkpointing_gives_the_same_gradients(use_reentrant):
    gradients = []
    for checkpointing in (False, True):
        model = make_model(expert_dropout=0.0, router_noise=0.0)
        if checkpointing:
            model.activation_checkpointing_enable({"use_reentrant": use_reentrant})
            model.enable_input_require_grads()
        model.train()(**make_batch()).loss.backward()
        gradients.append({name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, atol=1e-6, rtol=1e-4, msg=name)


def test_frozen_convolutional_stream_keeps_its_statistics():
    model = make_model()
    model.model.conv_tower.requires_grad_(False)
    before = {name: buffer.clone() for name, buffer in model.model.conv_tower.named_buffers()}
    model.train()(**make_batch())
    assert all(torch.equal(buffer, before[name]) for name, buffer in model.model.conv_tower.named_buffers())


def test_router_stays_float32_in_a_bfloat16_model(tmp_path):
    make_model().save_pretrained(tmp_path)
    model = C2CMolaForConditionalGeneration.from_pretrained(tmp_path, dtype=torch.bfloat16)
    assert model.lm_head.weight.dtype == torch.bfloat16 and model.model.router.gate.weight.dtype == torch.float32
    assert model(**{k: v.bfloat16() if v.is_floating_point() else v for k, v in make_batch().items()}).loss.isfinite()


def test_both_auto_classes_give_the_generating_model(tmp_path):
    model = make_model()
    model.save_pretrained(tmp_path)
    batch = make_batch()
    for auto_class in (AutoModel, AutoModelForImageTextToText):
        loaded = auto_class.from_pretrained(tmp_path)
        assert isinstance(loaded, C2CMolaForConditionalGeneration)
        assert torch.equal(loaded.eval()(**batch).logits, model(**batch).logits)


def test_remote_code_round_trip_is_bit_equal(tmp_path):
    """Loaded as a stranger does, from another folder with trust_remote_code, saved to a third, loaded from there."""
    model, batch = make_model(), make_batch()
    model.save_pretrained(tmp_path / "first")
    torch.save({"batch": batch, "logits": model(**batch).logits}, tmp_path / "expected.pt")
    script = """
import sys, torch
from transformers import AutoModel, AutoModelForImageTextToText
expected = torch.load("expected.pt")
model = AutoModelForImageTextToText.from_pretrained("first", trust_remote_code=True).eval()
assert type(model).__module__.startswith("transformers_modules"), type(model)
assert torch.equal(model(**expected["batch"]).logits, expected["logits"])
model.save_pretrained("third")
again = AutoModel.from_pretrained("third", trust_remote_code=True).eval()
assert torch.equal(again(**expected["batch"]).logits, expected["logits"])
batch = {name: expected["batch"][name][:1] for name in ("input_ids", "pixel_values")}
assert again.generate(**batch, max_new_tokens=3).shape[1] > batch["input_ids"].shape[1]
"""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"HF_HOME": str(tmp_path / "hf")}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    config = json.loads((tmp_path / "third" / "config.json").read_text())
    assert set(config["auto_map"]) == {"AutoConfig", "AutoModel", "AutoModelForImageTextToText"}
    for file in ("configuration_c2c_mola.py", "routing_c2c_mola.py", "modeling_c2c_mola.py"):
        assert (tmp_path / "third" / file).is_file()


def test_from_backbones_takes_over_every_pretrained_weight(tmp_path):
    from transformers import ConvNextV2Config, ConvNextV2Model, SiglipVisionConfig, SiglipVisionModel

    torch.manual_seed(0)
    text_config = tiny_config().text_config
    decoder = Qwen2ForCausalLM(text_config).eval()
    vision = SiglipVisionModel(SiglipVisionConfig(**(tiny_config().vision_config.to_dict() | {"image_size": 48})))
    conv = ConvNextV2Model(ConvNextV2Config(hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1]))
    for name, part in (("text", decoder), ("vision", vision), ("conv", conv)):
        part.save_pretrained(tmp_path / name)
    folders = {name: str(tmp_path / name) for name in ("text", "vision", "conv")}
    settings = {"image_size": 64, "visual_grid": 4, "expert_rank": 2, "cross_attention_every": 2}
    model = C2CMolaForConditionalGeneration.from_backbones(**folders, **settings).eval()
    batch = make_batch()
    with_chart, without = model(**batch), decoder(input_ids=batch["input_ids"])
    torch.testing.assert_close(with_chart.logits, without.logits)  # the gate of the cross-attention starts at 0
    for ours, theirs in ((model.model.vision_tower, vision), (model.model.conv_tower, conv)):
        theirs, ours = theirs.state_dict(), ours.state_dict()
        shared = [name for name in theirs if name in ours]
        assert len(shared) > 10 and all(torch.equal(theirs[name], ours[name]) for name in shared)


def test_wrong_image_size_says_both_sizes():
    with pytest.raises(ValueError, match=r"\(32, 32\) pixels, the model reads 64 x 64"):
        make_model()(input_ids=PROMPT[:1], pixel_values=torch.zeros(1, 3, 32, 32))


@pytest.mark.parametrize("wrong", [{"num_experts_per_tok": 9}, {"num_experts": 4}])
def test_impossible_expert_numbers_are_refused(wrong):
    with pytest.raises(ValueError, match="num_experts"):
        tiny_config(**wrong)


def axis_loss(reader, tokens, corners, grid):
    """By loops: the loss of the axes, and the fitted lines (slope, start) by chart and axis."""
    scale = np.linspace(-1.1, 1.1, 111)
    there, said, missed, known, inside, lines = 0.0, 0.0, 0.0, 0, 0, []
    middles = [(cell % grid + 0.5, cell // grid + 0.5) for cell in range(grid * grid)]
    for chart, ((left, top, *first), (right, bottom, *last)) in enumerate(corners.tolist()):
        logits = reader.axis_head(tokens[chart]).view(grid * grid, 2, -1).double().detach()
        lines.append([])
        for axis in range(2):
            weights = (logits[:, axis, 0].sigmoid() + 1e-4).sqrt().tolist()
            values = (logits[:, axis, 1:].softmax(-1) @ torch.tensor(scale)).tolist()
            slope, start = np.polyfit([middle[axis] for middle in middles], values, 1, w=weights)
            lines[-1].append((slope, start))
            for cell, (column, row) in enumerate(middles):
                place = column / grid, row / grid
                share = ((place[0] - left) / (right - left), (place[1] - top) / (bottom - top))
                value = first[axis] + share[axis] * (last[axis] - first[axis])
                if value != value:
                    continue
                valid = all(0 < s < 1 for s in share) and abs(value) <= 1.1
                chance = logits[cell, axis, 0].sigmoid()
                there, known = there - (chance if valid else 1 - chance).log(), known + 1
                if valid:
                    near = torch.tensor(-0.5 * ((scale - value) / 0.02) ** 2).softmax(0)
                    said, inside = said - (near * logits[cell, axis, 1:].log_softmax(-1)).sum(), inside + 1
                    missed += min(abs(start + slope * middles[cell][axis] - value) / abs(last[axis] - first[axis]), 1)
    return there / known + (said + 24 * missed) / inside, lines


def test_order_of_marks_agrees_with_a_loop():
    order = make_model(num_experts=0, mark_bins=20).model.cell_reader.mark_order
    torch.manual_seed(1)
    score = torch.rand(2, 20).sort(descending=True).values
    place = 512 * torch.rand(2, 20, 2)
    place[:, 10:14, 0] = place[:, 3:4, 0] + torch.tensor([0.0, 3, -4, 2])  # in one column
    place[:, 5] = place[:, 2] + 3  # the same mark
    color = torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.1, 0.9]])[torch.randint(2, (2, 20))]
    color = color + 0.04 * torch.rand(2, 20, 3)
    there, left, following = order.order(score, place, color)
    for chart in range(2):
        marks = []
        for i in range(20):
            apart = [math.dist(place[chart, i].tolist(), place[chart, j].tolist()) for j in range(i)]
            if score[chart, i] > 0.6 and all(d >= 7 or score[chart, j] <= 0.6 for j, d in enumerate(apart)):
                marks.append(i)
        assert there[chart].nonzero().flatten().tolist() == marks and 5 not in marks

        x, y = place[chart].double().T.tolist()
        # The circle through the marks with the smallest sum of squares of x^2 + y^2 - (2 a x + 2 b y + c).
        points = place[chart, marks].double()
        rows = torch.cat([2 * points, torch.ones(len(marks), 1, dtype=torch.float64)], dim=1)
        middle = torch.linalg.lstsq(rows, points.square().sum(dim=1, keepdim=True)).solution.flatten().tolist()
        turn = [math.atan2(middle[1] - b, a - middle[0]) / math.tau % 1 for a, b in zip(x, y)]
        quarter = [(t - 0.25) % 1 for t in turn]

        # The likeliest of those which are at one place.
        leads = [
            {j for j in marks if not any(abs(values[j] - values[i]) <= 6 for i in marks if i < j)} for values in (x, y)
        ]
        for i in marks:
            others = [j for j in marks if j != i]
            kin = [j for j in others if abs(color[chart, i] - color[chart, j]).max() <= 0.15]
            columns, rows = (lead - {i} for lead in leads)
            column = [j for j in others if abs(x[i] - x[j]) <= 6]
            wanted = [(x, kin, 0), (y, kin, 0), (x, columns, 6), (y, rows, 6), (y, column, 0)]
            wanted += [(turn, others, 0), (quarter, others, 0)]
            for number, (values, among, slack) in enumerate(wanted):
                for back, sign in enumerate((1, -1)):
                    later = [j for j in among if sign * (values[j] - values[i]) > slack]
                    assert left[chart, i, 2 * number + back] == len(later), (number, back)
                    next_one = min(later, key=lambda j: sign * values[j], default=20)
                    assert following[chart, i, 2 * number + back] == next_one


def test_marks_are_told_their_order():
    model = make_model(num_experts=0, mark_bins=20)
    reader, grid = model.model.cell_reader, model.config.visual_grid
    module, width = reader.mark_order, model.config.text_config.hidden_size
    assert not module.ranks.any() and not module.following.any()  # a model that was trained without stays what it is
    tokens, presence = torch.randn(1, grid * grid, width), torch.zeros(1, grid * grid)
    presence[0, [2, 5, 7]] = torch.tensor([0.9, 0.8, 0.3])  # the last is none
    place = torch.rand(1, grid * grid, 2)
    place[0, 2], place[0, 5] = torch.tensor([0.1, 0.5]), torch.tensor([0.7, 0.2])
    color = torch.zeros(1, grid * grid, 3)
    torch.nn.init.normal_(module.ranks)
    torch.nn.init.normal_(module.following)
    told = module(tokens, presence, place, color) - tokens
    assert told[0].any(dim=-1).nonzero().flatten().tolist() == [2, 5]
    # To the right, and down, of the same colour, ...: the first sees the second in half of the orders.
    _, left, following = module.order(*(part[:, [2, 5]] for part in (presence, 512 * place, color)))
    for index, (cell, other) in enumerate(((2, 5), (5, 2))):
        expected = torch.zeros(width)
        for number in range(module.ORDERS):
            expected += module.ranks[:, number * module.RANKS + left[0, index, number]]
            if following[0, index, number] < 2:
                expected += (
                    module.following[:, number * width : (number + 1) * width] @ tokens[0, other] / module.ORDERS
                )
        torch.testing.assert_close(told[0, cell], expected, rtol=1e-4, atol=1e-4)
    assert left[0, :, :2].tolist() == [[1, 0], [0, 1]]


def test_reader_of_cells_agrees_with_a_loop():
    model = make_model(num_experts=0, mark_bins=20)
    reader, grid, nan = model.model.cell_reader, model.config.visual_grid, float("nan")
    torch.manual_seed(3)
    tokens = torch.randn(2, grid * grid, model.config.text_config.hidden_size)
    characters = [[0.5, 0.1, 48.0], [0.99, 0.99, 960.0], [1.2, 0.5, 49.0], [nan, nan, nan]]  # a digit, a Greek letter
    characters = torch.tensor([characters, [[nan] * 3] * 4])  # the second chart's are unknown
    pixels = torch.rand(2, 3, 2 * grid * reader.PLACES, 2 * grid * reader.PLACES) * 2 - 1
    green, blue = [0.1, 0.9, 0.2], [0.0, 0.2, 1.0]
    # The first mark stands on the second; the third has another value than its place, and nothing is there.
    stack = [[0.3, 0.3, nan, 0.45, *green], [0.3, 0.6, nan, 0.3, *blue], [0.31, 0.3, 0.1, -0.2, *green]]
    marks = torch.tensor([stack, [[0.9, 0.2, nan, 0.95, nan, nan, nan], [nan] * 7, [nan] * 7]])
    # Left and top, x and y there; right and bottom, x and y there. The second chart's x axis has categories.
    corners = torch.tensor(
        [[[0.1, 0.2, -0.3, 0.9], [0.9, 0.8, 0.5, 0.0]], [[0.2, 0.1, nan, 0.5], [0.8, 0.9, nan, -1.5]]]
    )
    torch.nn.init.normal_(reader.readings.weight)
    read, mark_loss, character_loss = reader(tokens, pixels, marks, corners, characters)

    def cell_of(left, top):
        return int(top * grid) * grid + int(left * grid)

    wanted = {}
    for (left, top, _), label in zip(characters[0, :2].tolist(), (48 - 32, reader.CLASSES - 1)):
        row, column = int(top * grid % 1 * reader.rows), int(left * grid % 1 * reader.columns)
        wanted[cell_of(left, top), row * reader.columns + column] = label
    logits = reader.character_head(tokens[0]).view(grid * grid, -1, reader.CLASSES).double().log_softmax(-1)
    total = weights = 0.0
    for cell in range(grid * grid):
        for place in range(reader.rows * reader.columns):
            label = wanted.get((cell, place), 0)
            weight = 1.0 if label else 0.03
            total, weights = total - weight * logits[cell, place, label], weights + weight
    torch.testing.assert_close(character_loss.double(), total / weights, rtol=1e-5, atol=1e-6)

    total = weights = values = count = places = colors = 0.0
    for chart in range(2):
        found = [0] * grid * grid
        for left, top, x, y, *color in marks[chart].tolist():
            if left != left:
                continue
            cell = cell_of(left, top)
            found[cell] += 1
            if color[0] == color[0]:
                where = reader.color_head(tokens[chart, cell]).double().softmax(-1).tolist()
                row, column = cell // grid * 2 * reader.PLACES, cell % grid * 2 * reader.PLACES
                likely = 0.0
                for place, share in enumerate(where):
                    down, across = row + place // reader.PLACES * 2, column + place % reader.PLACES * 2
                    block = pixels[chart, :, down : down + 2, across : across + 2].double().mean((1, 2)) / 2 + 0.5
                    likely += share * math.exp(-sum(abs(a - b) for a, b in zip(block.tolist(), color)) / 3 / 0.05)
                colors -= math.log(likely) / 3
            heads = reader.place_head(tokens[chart, cell]).view(2, -1).double().log_softmax(-1)
            for head, share in zip(heads, (left, top)):
                step = share * grid % 1 * 16 - 0.5
                near = torch.tensor([-0.5 * ((k - step) / 0.5) ** 2 for k in range(16)]).double().softmax(0)
                places -= (near * head).sum() / 8  # four marks, two directions
            heads = reader.value_head(tokens[chart, cell]).view(2, -1).double().log_softmax(-1)
            for head, value in zip(heads, (x, y)):
                if value == value:
                    near = torch.tensor([-0.5 * (b - abs(value) * 20) ** 2 for b in range(20)]).double().softmax(0)
                    values, count = values - (near * head).sum(), count + 1
        for cell, number in enumerate(found):
            weight = 1.0 if number else 0.1
            log_probs = reader.count_head(tokens[chart, cell]).double().log_softmax(-1)
            total, weights = total - weight * log_probs[min(number, 2)], weights + weight
    axes, lines = axis_loss(reader, tokens, corners, grid)
    bases, stands_on = 0.0, {cell_of(0.3, 0.3): 1 + cell_of(0.3, 0.6), cell_of(0.3, 0.6): 0}
    for cell, target in stands_on.items():
        logits = reader.base_key(tokens[0]) @ reader.base_query(tokens[0, cell]) / reader.BASE_DIM**0.5
        bases -= torch.cat([torch.tensor([reader.NO_BASE]), logits]).double().log_softmax(-1)[target] / 2
    expected = total / weights + values / count + places + colors + bases + axes
    torch.testing.assert_close(mark_loss.double(), expected, rtol=1e-4, atol=1e-5)
    mark_loss.backward(retain_graph=True)
    gradients = [parameter.grad for parameter in reader.parameters() if parameter.grad is not None]
    assert gradients and all(gradient.isfinite().all() for gradient in gradients)  # whatever is unknown
    assert reader(tokens, pixels, None, None, None)[1:] == (0, 0)

    heads = [reader.character_head(tokens[1, 7]).view(-1, reader.CLASSES), reader.count_head(tokens[1, 7])]
    heads += list(reader.value_head(tokens[1, 7]).view(2, -1))
    told = [head.double().softmax(-1).flatten() for head in heads]
    stands_on = reader.base_key(tokens[1]) @ reader.base_query(tokens[1, 7]) / reader.BASE_DIM**0.5
    stands_on = torch.cat([torch.tensor([reader.NO_BASE]), stands_on]).double().softmax(-1).tolist()[1:]
    places = reader.place_head(tokens[1]).view(-1, 2, 16).double().softmax(-1).tolist()
    steps = [(step + 0.5) / 16 for step in range(16)]
    for axis in (0, 1):
        slope, start = lines[1][axis]
        tops = [sum(p * (start + slope * ((c % grid, c // grid)[axis] + s)) for p, s in zip(places[c][axis], steps))
                for c in range(grid * grid)]  # fmt: skip
        base = sum(share * top for share, top in zip(stands_on, tops))
        bins = [0.0] * 20  # of cell 7, in column 3 of row 1
        for step, share in zip(steps, places[7][axis]):
            position = abs(start + slope * ((3, 1)[axis] + step) - base) * 20
            for point in (int(position), int(position) + 1):
                if point < 20:
                    bins[point] += share * (1 - abs(position - point))
        told.append(torch.tensor(bins).double())
    size = 2 * reader.PLACES
    cell = pixels[1, :, size : 2 * size, 3 * size : 4 * size].double() / 2 + 0.5
    blocks = cell.unflatten(2, (-1, 2)).unflatten(1, (-1, 2)).mean((2, 4)).flatten(1)  # (3, PLACES ** 2)
    for channel in (blocks * reader.color_head(tokens[1, 7]).double().softmax(-1)).sum(1).tolist():
        told.append(torch.tensor([max(0.0, 1 - abs(channel * 23 - step)) for step in range(24)]).double())
    told = torch.cat(told)
    expected = tokens[1, 7] + reader.readings.weight.double() @ told
    torch.testing.assert_close(read[1, 7].double(), expected, rtol=1e-4, atol=1e-4)


def test_losses_of_the_reader_have_shapes_that_depend_on_no_label():
    """Rows without a label change nothing, what is unknown gives no NaN, and no shape needs the values of labels."""
    model = make_model(num_experts=0, mark_bins=20)
    reader, grid = model.model.cell_reader, model.config.visual_grid
    torch.manual_seed(0)
    tokens = torch.randn(3, grid * grid, model.config.text_config.hidden_size)
    pixels = torch.rand(3, 3, 2 * grid * reader.PLACES, 2 * grid * reader.PLACES) * 2 - 1
    marks, corners, characters = torch.rand(3, 4, 7), torch.rand(3, 2, 4).sort(dim=1)[0], torch.rand(3, 5, 3)
    marks[1], characters[1], corners[1] = float("nan"), float("nan"), float("nan")
    marks[2, 0, :2] = float("inf")
    marks[0, 1, 2], marks[0, 2, 5], corners[2, 0, 2] = float("nan"), float("inf"), float("inf")

    def losses(*labels):
        reader.zero_grad()
        _, mark_loss, character_loss = reader(tokens, pixels, *labels)
        (mark_loss + character_loss).backward()
        gradients = {name: parameter.grad for name, parameter in reader.named_parameters()}
        return mark_loss, character_loss, {name: grad.clone() for name, grad in gradients.items() if grad is not None}

    few = losses(marks, corners, characters)
    more_marks, more_characters = (
        torch.cat([rows, torch.full_like(rows, float("nan"))], dim=1) for rows in (marks, characters)
    )
    torch.testing.assert_close(losses(more_marks, corners, more_characters), few)
    unknown = losses(*(torch.full_like(rows, float("nan")) for rows in (marks, corners, characters)))
    for _, _, gradients in (few, unknown):
        assert gradients and all(gradient.isfinite().all() for gradient in gradients.values())
    with FakeTensorMode(allow_non_fake_inputs=True) as fake:  # tensors without values
        labels = [fake.from_tensor(rows) for rows in (marks, corners, characters)]
        _, mark_loss, character_loss = reader(fake.from_tensor(tokens), pixels, *labels)
        (mark_loss + character_loss).backward()

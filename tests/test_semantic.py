"""L_semantic: the estimate against exact gradients, and what it does to a small model."""

import itertools

import pytest
import torch
from conftest import PROGRAM, make_tiny_model
from PIL import Image

from chart2code.rewards import ChartRewards, completion_code, render_and_compare
from chart2code.semantic import SemanticLoss, completion_log_probs, score_function_loss
from eval_metric.executor import Executor

WRONG = PROGRAM.replace("[3, 5, 2]", "[1, 1, 6]").replace("tab:red", "tab:blue")


@pytest.fixture(scope="module")
def executor():
    with Executor(timeout=30.0) as executor:
        yield executor


@pytest.fixture(scope="module")
def chart(executor):
    return executor.run(PROGRAM).image


def test_expected_gradient_is_that_of_the_expected_penalty():
    """Exactly: the estimate, averaged over all pairs of draws with their probabilities."""
    torch.manual_seed(0)
    logits = torch.randn(4, dtype=torch.float64, requires_grad=True)
    penalties = torch.rand(4, dtype=torch.float64)
    (exact,) = torch.autograd.grad((logits.softmax(0) * penalties).sum(), logits)

    for num_samples in (2, 3):
        total = torch.zeros_like(logits)
        for draws in itertools.product(range(4), repeat=num_samples):
            log_probs = logits.log_softmax(0)[list(draws)][None]
            loss = score_function_loss(log_probs, penalties[list(draws)][None])
            assert loss.item() == pytest.approx(penalties[list(draws)].mean().item())
            total += log_probs.sum().exp().item() * torch.autograd.grad(loss, logits)[0]
        torch.testing.assert_close(total, exact)


def test_log_probs_are_those_of_whole_sequences_one_by_one():
    model, processor = make_tiny_model(PROGRAM, steps=0)
    images = [Image.new("RGB", (64, 64), color) for color in ("white", "red")]
    codes = ["plt.bar()", "x = 1\n", "fig", "plt.bar([1, 2])"]
    batch = processor(images=[image for image in images for _ in range(2)], code=codes)
    pixel_values = processor(images=images)["pixel_values"]
    features = model.get_image_features(pixel_values)
    key_values = model.model.get_visual_key_values(features.visual_tokens)
    mask = batch["labels"] != -100
    log_probs = completion_log_probs(model, batch["input_ids"], mask, key_values, features.chart_gates)
    weights = torch.tensor([[0.3, -1.0], [2.0, 0.5]])
    (log_probs * weights).sum().backward()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}

    model.zero_grad()
    for index, code in enumerate(codes):
        alone = processor(images=[images[index // 2]], code=[code])
        logits = model(**alone).logits[0, :-1].log_softmax(-1)
        labels = alone["labels"][0, 1:]
        log_prob = sum(logits[i, label] for i, label in enumerate(labels.tolist()) if label != -100)
        assert log_probs.flatten()[index].item() == pytest.approx(log_prob.item(), rel=1e-5)
        (log_prob * weights.flatten()[index]).backward()
    for name, parameter in model.named_parameters():
        if name in gradients:
            torch.testing.assert_close(gradients[name], parameter.grad, rtol=1e-3, atol=1e-5)


def test_it_makes_a_model_draw_the_chart_more_often(executor, chart):
    """A model that answers with one of two programs, each half of the time: the right one becomes the usual one."""
    model, processor = make_tiny_model([PROGRAM, WRONG], steps=500)
    loss = SemanticLoss(processor, executor, num_samples=8, max_new_tokens=80)
    pixel_values = processor(images=[Image.new("RGB", (64, 64), "white")])["pixel_values"]
    targets = torch.from_numpy(chart.copy())[None]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)

    state, outputs = torch.get_rng_state(), []
    for step in range(40):
        output = loss(model, pixel_values, targets, seed=step)
        outputs.append(output)
        optimizer.zero_grad()
        output.loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    assert torch.equal(torch.get_rng_state(), state)
    before, after = (sum(output.iou for output in part) / 5 for part in (outputs[:5], outputs[-5:]))
    assert after > before + 0.2, (before, after)
    again = loss(model, pixel_values, targets, seed=7)
    assert again.iou == loss(model, pixel_values, targets, seed=7).iou  # a function of the seed


def test_programs_are_compared_with_their_own_charts(executor, chart):
    other = executor.run(WRONG).image
    compared = render_and_compare([PROGRAM, WRONG, "1 / 0", PROGRAM], [chart, chart, chart, other], executor)
    assert [c.executed for c in compared] == [True, True, False, True]
    assert compared[0].iou == 1.0 and compared[1].iou < 0.85 and compared[2].iou == 0.0
    assert compared[3].iou == compared[1].iou and "ZeroDivisionError" in compared[2].error


def test_rewards_have_the_signature_of_trl(executor, chart):
    rewards, logged = ChartRewards(executor), {}
    image = Image.fromarray(chart)
    completions = [[{"role": "assistant", "content": f"Here:\n```python\n{PROGRAM}```"}], "plt.bar(", WRONG]
    columns = {
        "prompts": ["p"] * 3, "completions": completions, "completion_ids": [[0] * 10, [0] * 15, [0] * 40],
        "image": [image] * 3, "length": [10] * 3, "trainer_state": None,
        "log_metric": lambda name, value: logged.update({name: value}),
    }  # fmt: skip
    ious = rewards.iou(**columns)
    assert ious[0] == 1.0 and ious[1] == 0.0 and 0 < ious[2] < 0.85
    assert rewards.execution(**columns) == [1.0, 0.0, 1.0]
    assert rewards.length(**columns) == [0.0, -0.5, -1.0]
    assert logged == {"success_rate": pytest.approx(1 / 3)}
    assert completion_code([{"role": "assistant", "content": [{"type": "text", "text": "x = 1"}]}]) == "x = 1"

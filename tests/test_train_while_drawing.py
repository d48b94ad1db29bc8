"""experiments/train_while_drawing.py: what is kept of the charts, how a model grows, what a bad gradient does."""

import importlib.util
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from chart2code.collator import ChartCollator
from chart2code.dataset import on_canvas, png
from chart2code.synthetic import CHART_TYPES, FIRST_SEED, generate_program
from configuration_c2c_mola import C2CMolaConfig
from eval_metric.executor import Executor
from modeling_c2c_mola import C2CMolaForConditionalGeneration
from processing_c2c_mola import C2CMolaProcessor

ROOT = Path(__file__).resolve().parents[1]
DRAW = """
import runpy, sys
import numpy as np
from tokenizers import Tokenizer
script = runpy.run_path(sys.argv[1])
from chart2code.quick_drawing import hasten
from eval_metric import worker
worker.preload()
hasten()
tokenizer = Tokenizer.from_file("configs/tiny_processor/tokenizer.json")
capture = worker.Capture(with_labels=True, with_evidence=False)
np.savez(sys.argv[2], **script["make_chunk"](list(map(int, sys.argv[3:])), "validation", capture, tokenizer))
"""


@pytest.fixture(scope="module")
def script():
    path = ROOT / "experiments" / "train_while_drawing.py"
    spec = importlib.util.spec_from_file_location("train_while_drawing", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def chunk_of(script, charts, lengths):
    """A chunk of random pictures."""
    generator = np.random.default_rng(0)
    runs = [script.encode(generator.integers(0, 2, (512, 512, 3), np.uint8) * 255) for _ in range(charts)]
    chunk = {"counts": np.array([len(part) for part in runs]), "runs": np.concatenate(runs)}
    chunk |= {"ids": np.zeros((charts, script.MAX_TOKENS), np.int16), "length": np.array(lengths)}
    for name, count in script.MAX_ROWS.items():
        chunk[name] = np.full((charts, count, script.WIDTHS[name]), np.nan, np.float32)
    chunk |= {"chart_type": np.zeros(charts, np.int64), "num_elements": np.zeros(charts)}
    return {name: torch.from_numpy(value) for name, value in chunk.items()}


def test_pictures_come_back_from_their_runs(script):
    generator = np.random.default_rng(0)
    pictures = [
        np.full((512, 512, 3), 255, np.uint8),
        generator.integers(0, 256, (512, 512, 3), np.uint8),
        np.repeat(generator.integers(0, 256, (512, 2, 3), np.uint8), 256, axis=1),
    ]
    runs = [script.encode(picture) for picture in pictures]
    assert len(runs[0]) == -(-(512 * 512) // 255)
    decoded = script.decode(torch.from_numpy(np.concatenate(runs)), 3)
    assert (decoded.permute(0, 2, 3, 1).numpy() == np.stack(pictures)).all()


def test_the_pool_gives_what_the_collator_gives(script, tmp_path):
    """Charts drawn in a process of their own, confined, and read through the processor, against those of the pool."""
    seeds = [FIRST_SEED["validation"] + index for index in range(6)]
    rows = []
    with Executor(labels=True) as executor:
        for seed in seeds:
            program = generate_program(seed, "validation")
            result = executor.run(program.code)
            height, width = result.image.shape[:2]
            labels = {name: on_canvas(rows, width, height) for name, rows in result.labels.items() if name != "kind"}
            row = {"image": Image.open(io.BytesIO(png(result.image))), "code": program.code, **labels}
            rows.append(row | {"chart_type": program.chart_type, "num_elements": result.facts["num_elements"]})
    processor = C2CMolaProcessor.from_pretrained(ROOT / "configs" / "tiny_processor")
    expected = ChartCollator(processor, CHART_TYPES)(rows)

    # As its workers do: in a process of its own, since executing programs here would change pyplot for good.
    command = [sys.executable, "-c", DRAW, str(script.__file__), str(tmp_path / "chunk.npz"), *map(str, seeds)]
    subprocess.run(command, check=True, cwd=ROOT)
    chunk = np.load(tmp_path / "chunk.npz")
    pool = script.Pool(6, torch.device("cpu"), 30_000)
    assert pool.add({name: torch.from_numpy(chunk[name]) for name in chunk}) and pool.charts == 6
    order = np.array([3, 0, 5, 1, 2, 4])
    batch = pool.batch(order)
    for name in ("pixel_values", "chart_type", "num_elements", "input_ids", "labels", *script.LABELS):
        wanted, got = expected[name][order], batch[name]
        if name == "input_ids":
            wanted = wanted * expected["attention_mask"][order]  # the pool pads with 0
        if wanted.dim() in (2, 3):
            got = got[:, : wanted.shape[1]]
        torch.testing.assert_close(got.to(wanted.dtype), wanted, equal_nan=True, rtol=0, atol=1e-6)
    shifted = pool.batch(order, (3, -5))
    place = (100, 200)
    assert (shifted["pixel_values"][..., place[0] + 3, place[1] - 5] == batch["pixel_values"][..., *place]).all()
    for name in script.LABELS:
        moved = (shifted[name] - batch[name])[..., :2] * 512
        assert moved.isfinite().any()
        torch.testing.assert_close(moved.nan_to_num(-5)[..., 0], torch.full(moved.shape[:-1], -5.0), atol=1e-3, rtol=0)
        torch.testing.assert_close(moved.nan_to_num(3)[..., 1], torch.full(moved.shape[:-1], 3.0), atol=1e-3, rtol=0)


def test_charts_that_were_seen_least_come_first(script):
    lengths = [10, 50, 20, 40, 30, 60]
    pool = script.Pool(8, torch.device("cpu"), 512 * 512)
    assert pool.add(chunk_of(script, 6, lengths)) and not pool.add(chunk_of(script, 6, lengths))
    pool.seen[:6] = [2, 1, 0, 0, 3, 0]
    batches = pool.order(2, np.random.default_rng(0))
    assert sorted(sorted(batch.tolist()) for batch in batches) == [[0, 2], [1, 5], [3, 4]]  # of similar length
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(script, "ROUND", 2)
        batches = pool.order(2, np.random.default_rng(0))
    assert sorted(np.concatenate(batches)) == [1, 2, 3, 5]


def config(**changes):
    values = json.loads((ROOT / "configs" / "tiny_model.json").read_text())
    for name, value in changes.items():
        values[name] = values[name] | value if isinstance(value, dict) else value
    return C2CMolaConfig(**values)


def test_new_layers_of_a_grown_model_pass_on_what_they_get(script):
    torch.manual_seed(0)
    small = C2CMolaForConditionalGeneration(config()).eval()
    large = config(
        conv_config={"depths": [1, 2, 2]}, vision_config={"num_hidden_layers": 5}, text_config={"num_hidden_layers": 6}
    )
    large = C2CMolaForConditionalGeneration(large).eval()
    fresh = script.grow(large, small.state_dict())
    new = r"stages\.[12]\.layers\.1\.|vision_tower\.encoder\.layers\.[34]\.|language_model\.layers\.[45]\."
    assert fresh and all(re.search(new, name) for name in fresh)
    inputs = {"pixel_values": torch.rand(1, 3, 512, 512) * 2 - 1, "input_ids": torch.randint(3, 1500, (1, 12))}
    with torch.no_grad():
        torch.testing.assert_close(large(**inputs).logits, small(**inputs).logits, rtol=1e-4, atol=1e-4)


def test_a_finer_grid_sees_what_the_coarser_one_saw(script):
    """Where the picture is the same in each square of cells, so is what the projections make of it."""
    torch.manual_seed(0)
    small = C2CMolaForConditionalGeneration(config())
    fine = config(visual_grid=32, spatial_merge_size=1, vision_config={"patch_size": 1})
    large = C2CMolaForConditionalGeneration(fine)
    fresh = script.grow(large, small.state_dict())
    assert {name.split(".")[-2] for name in fresh} == {"character_head", "readings"}
    old, new = small.model, large.model
    with torch.no_grad():
        coarse = torch.randn(1, 128, 16, 16).repeat_interleave(2, 2).repeat_interleave(2, 3)
        merged = nn.functional.pixel_unshuffle(coarse, 2)
        before = old.conv_projection(merged.flatten(2).transpose(1, 2))
        after = new.conv_projection(coarse.flatten(2).transpose(1, 2))
        after = after.unflatten(1, (32, 32))[:, ::2, ::2].flatten(1, 2)
        torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5)
        patch = old.vision_tower.embeddings.patch_embedding(coarse)
        torch.testing.assert_close(
            new.vision_tower.embeddings.patch_embedding(coarse)[..., ::2, ::2], patch, rtol=1e-4, atol=1e-4
        )
        positions = new.vision_tower.embeddings.position_embedding.weight.view(16, 2, 16, 2, -1).mean((1, 3))
        coarse = old.vision_tower.embeddings.position_embedding.weight.view(16, 16, -1)
        torch.testing.assert_close(positions[1:-1, 1:-1], _smooth(coarse)[1:-1, 1:-1], rtol=1e-4, atol=1e-5)


def _smooth(grid):
    """Means of four points a quarter of a cell around each point of a grid, by bilinear interpolation."""
    rows = 0.125 * (grid.roll(1, 0) + grid.roll(-1, 0)) + 0.75 * grid
    return 0.125 * (rows.roll(1, 1) + rows.roll(-1, 1)) + 0.75 * rows


def test_gradients_are_cut_as_torch_cuts_them_and_nan_moves_nothing(script):
    torch.manual_seed(0)
    for scale in (0.01, 100.0):
        parameters, others = ([nn.Parameter(torch.zeros(5, 3)), nn.Parameter(torch.zeros(7))] for _ in range(2))
        for parameter, other in zip(parameters, others):
            parameter.grad = torch.randn_like(parameter) * scale
            other.grad = parameter.grad.clone()
        norm = script.clip(parameters, 1.0)
        torch.testing.assert_close(norm, nn.utils.clip_grad_norm_(others, 1.0))
        for parameter, other in zip(parameters, others):
            torch.testing.assert_close(parameter.grad, other.grad)
    parameters[0].grad[0, 0] = float("nan")
    script.clip(parameters, 1.0)
    assert all((parameter.grad == 0).all() for parameter in parameters)


def test_schedule(script):
    assert [script.schedule(share, 0.3) for share in (0, 0.3, 1)] == [1, 1, 0]
    assert script.schedule(0.65, 0.3) == pytest.approx(0.5)

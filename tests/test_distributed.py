"""Two processes whose charts go to different experts: nothing hangs, and the losses are those of one process."""

import pytest
import torch
from safetensors.torch import load_file
from test_train import MODEL, TWO_PROCESSES, accelerate_launch, command, history, launch, make_processor, workspace

from chart2code.dataset import read_split
from configuration_c2c_mola import C2CMolaConfig
from modeling_c2c_mola import C2CMolaForConditionalGeneration

assert workspace  # the fixture
CPU = ("zero3_cpu.yaml", "--zero_stage")
LAUNCHERS = {"ddp": TWO_PROCESSES, "zero2": accelerate_launch(*CPU, "2"), "zero3": accelerate_launch(*CPU, "3")}
OURS = {"bar": (0, 1), "pie": (4, 5)}  # the experts of each type; rank 0 sees bars alone, rank 1 pies
LOSSES = ("loss", "loss_syntax", "loss_router", "loss_utilization", "loss_complexity", "router_max_load")


@pytest.fixture(scope="module")
def disjoint(workspace):
    """`workspace` with `routed`, a model that sends bars and pies to experts of their own, and `pairs`, its data."""
    config = C2CMolaConfig(**MODEL | {"num_experts": 8, "expert_prior": "none", "router_noise": 0.0})
    torch.manual_seed(0)
    model = C2CMolaForConditionalGeneration(config)
    for chart_type, experts in OURS.items():
        model.model.router.type_bias.data[config.chart_types.index(chart_type), list(experts)] = 20.0
    model.save_pretrained(workspace / "routed")
    make_processor().save_pretrained(workspace / "routed")
    for split in ("train", "validation"):
        rows = read_split(workspace / "data", split)
        rows = rows.select(range(len(rows) // 4 * 4))
        types = [("bar", "pie")[index // 2 % 2] for index in range(len(rows))]  # of two, two go to each process
        rows = rows.remove_columns("chart_type").add_column("chart_type", types)
        file = workspace / "pairs" / split / "shard-00000.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        rows.to_parquet(str(file))
    return workspace


def run(folder, output, launcher=None, **values) -> list[list[float]]:
    settings = {
        "method": "mola", "model": str(folder / "routed"), "data": str(folder / "pairs"), "expert_prior": "none",
        "expert_dropout": 0.0, "train_sampling_strategy": "sequential", "save_strategy": "steps", "save_steps": 2,
        "max_steps": 4, "eval_strategy": "steps", "eval_steps": 2, "gradient_accumulation_steps": 2,
        "lr_scheduler_type": "constant",
    }  # fmt: skip
    arguments = command(folder, output, launcher, **settings | values)
    launch(arguments, output.parent)
    return [[line[name] for name in LOSSES] for line in history(output)]


@pytest.fixture(scope="module")
def one_process(disjoint):
    """Losses of one process that gets both halves of each batch, and the folder of its model."""
    return run(disjoint, disjoint / "one", per_device_train_batch_size=4), disjoint / "one"


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_disjoint_experts_on_two_processes_train_as_on_one(disjoint, one_process, tmp_path, launcher):
    expected, folder = one_process
    lines = run(disjoint, tmp_path / "two", LAUNCHERS[launcher])
    assert len(lines) == len(expected) == 4 and lines[0] != lines[1]
    for line, reference in zip(lines, expected):
        assert line == pytest.approx(reference, rel=2e-3)

    # What was saved is whole: it loads in one process, and the experts that one of the two chose have moved.
    weights = load_file(tmp_path / "two" / "model.safetensors")
    assert weights.keys() == load_file(folder / "model.safetensors").keys()
    for name in (name for name in weights if "lora_B" in name):
        moved = weights[name].unflatten(1, (8, -1)).abs().amax((0, 2)) > 0
        assert moved.nonzero().flatten().tolist() == sorted(sum(OURS.values(), ())), name
    model = C2CMolaForConditionalGeneration.from_pretrained(tmp_path / "two")
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items() if name in weights)

    # Interrupted after two steps and continued, it gets where it would have got.
    run(disjoint, tmp_path / "again", LAUNCHERS[launcher], max_steps=2)
    resumed = run(disjoint, tmp_path / "again", LAUNCHERS[launcher], resume_from_checkpoint="true")
    assert len(resumed) == 4
    for line, reference in zip(resumed, lines):
        assert line == pytest.approx(reference, rel=1e-5)


@pytest.mark.slow
def test_zero3_in_bfloat16_keeps_the_routers_arithmetic(disjoint, tmp_path):
    lines = run(disjoint, tmp_path / "run", LAUNCHERS["zero3"], bf16=True, selection_bias_rate=1e-3, max_steps=2)
    assert all(value == value for line in lines for value in line)
    weights = load_file(tmp_path / "run" / "model.safetensors")
    bias = weights["model.router.selection_bias"]
    assert bias[:2].max() < 0 < bias[2:4].min()  # the chosen sink, the others rise

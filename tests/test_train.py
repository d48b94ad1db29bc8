"""train.py and chart2code's training modules, with a model of a few thousand parameters on sixteen rendered charts."""

import contextlib
import copy
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch
import yaml
from safetensors.torch import load_file

from chart2code.arguments import C2CTrainingArguments, parse_arguments
from chart2code.augmentation import AugmentedDataset
from chart2code.callbacks import routing_matrix
from chart2code.checkpoints import check_same_run, last_complete_checkpoint
from chart2code.collator import ChartCollator, EpochSampler, load_split
from chart2code.dataset import LABELS
from chart2code.generation import ChartError
from chart2code.optimizer import MuonAdamW, StackedMuon, parameter_groups
from chart2code.synthetic import write_dataset
from chart2code.trainer import C2CTrainer
from configuration_c2c_mola import C2CMolaConfig
from modeling_c2c_mola import C2CMolaForConditionalGeneration
from processing_c2c_mola import C2CMolaProcessor

ROOT = Path(__file__).parents[1]
SIZE = 64

# Channels in multiples of 16: in torch 2.13, oneDNN's backward of a 1x1 convolution from 8 channels in channels_last
# crashes.
MODEL = {
    "num_experts": 0,
    "expert_capacity": None,
    "image_size": SIZE,
    "visual_grid": 4,
    "vision_input": "conv",
    "cross_attention_every": 1,
    "cross_attention_gate": 1.0,
    "conv_config": {
        "model_type": "resnet", "embedding_size": 16, "hidden_sizes": [16, 32], "depths": [1, 1],
        "layer_type": "basic", "out_features": ["stage2"],
    },
    "vision_config": {
        "model_type": "siglip_vision_model", "num_channels": 32, "image_size": 8, "patch_size": 2, "hidden_size": 32,
        "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "vision_use_head": False,
    },
    "text_config": {
        "model_type": "qwen2", "vocab_size": 384, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 1024,
        "tie_word_embeddings": True, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2,
    },
}  # fmt: skip

# Everything that a run needs; a test overrides what it is about. logging_steps 1: the losses of single steps.
RUN = {
    "learning_rate": 0.01,
    "per_device_train_batch_size": 2,
    "per_device_eval_batch_size": 2,
    "max_steps": 6,
    "logging_steps": 1,
    "save_strategy": "no",
    "report_to": "none",
    "dataloader_num_workers": 0,
    "disable_tqdm": True,
    "use_cpu": True,
}


def make_processor() -> C2CMolaProcessor:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, SiglipImageProcessorPil

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        ["import matplotlib.pyplot as plt\nplt.figure(figsize=(6, 4))\nplt.bar()\nplt.show()\n"] * 4,
        trainers.BpeTrainer(vocab_size=384, special_tokens=["<s>", "</s>", "<pad>"], initial_alphabet=alphabet),
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )
    image_processor = SiglipImageProcessorPil(size={"height": SIZE, "width": SIZE})
    return C2CMolaProcessor(image_processor, tokenizer, chart_prompt="<s>")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """Folder with `data`, `processor`, `model.json` and `base`, a saved model without experts."""
    folder = tmp_path_factory.mktemp("train")
    write_dataset(folder / "data", {"train": 16, "validation": 6, "test": 0}, num_workers=2)
    make_processor().save_pretrained(folder / "processor")
    (folder / "model.json").write_text(json.dumps(MODEL))
    torch.manual_seed(0)
    model = C2CMolaForConditionalGeneration(C2CMolaConfig(**MODEL))
    model.save_pretrained(folder / "base")
    make_processor().save_pretrained(folder / "base")
    return folder


def command(workspace: Path, output: Path, launcher: list[str] | None = None, **values) -> list[str]:
    """A command line of train.py; `values` go into a YAML file, as a user would write them."""
    config = {**RUN, "data": str(workspace / "data"), "output_dir": str(output), **values}
    if "model_config" not in config:
        config.setdefault("model", str(workspace / "base"))
    file = output.parent / f"{output.name}.yaml"
    file.write_text(yaml.safe_dump(config))
    return [*(launcher or [sys.executable]), str(ROOT / "train.py"), "--config", str(file)]


def accelerate_launch(config: str, *arguments: str) -> list[str]:
    launch = [sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch"]
    return [*launch, "--config_file", str(ROOT / "accelerate_configs" / config), *arguments]


TWO_PROCESSES = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "HF_HOME": str(folder / "hf"), "TOKENIZERS_PARALLELISM": "false"}


def launch(arguments: list[str], folder: Path, expect: int = 0) -> subprocess.CompletedProcess:
    run = subprocess.run(
        arguments, cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=240, check=False
    )
    assert run.returncode == expect, run.stdout[-2000:] + run.stderr[-4000:]
    return run


def history(output: Path) -> list[dict]:
    """Log lines of the training steps in the newest checkpoint."""
    state = json.loads((last_complete_checkpoint(output) / "trainer_state.json").read_text())
    return [line for line in state["log_history"] if "loss" in line]


def make_trainer(workspace: Path, output: Path, num_experts: int = 8, **values) -> C2CTrainer:
    processor = C2CMolaProcessor.from_pretrained(workspace / "processor")
    torch.manual_seed(0)
    model = C2CMolaForConditionalGeneration(C2CMolaConfig(**{**MODEL, "num_experts": num_experts}))
    return C2CTrainer(
        model=model,
        args=C2CTrainingArguments(output_dir=str(output), **{**RUN, **values}),
        data_collator=ChartCollator(processor, model.config.chart_types),
        train_dataset=load_split(str(workspace / "data"), "train", processor),
        eval_dataset=load_split(str(workspace / "data"), "validation", processor),
        processing_class=processor,
    )


# ---- whole runs ----


def test_accelerate_launch_trains_evaluates_and_saves_a_repository(workspace, tmp_path):
    output = tmp_path / "run"
    values = {
        "model_config": str(workspace / "model.json"), "processor": str(workspace / "processor"), "bf16": True,
        "optimizer": "muon", "muon_learning_rate": 0.02, "report_to": "tensorboard", "eval_strategy": "steps",
        "eval_steps": 20, "eval_generate_steps": 20, "eval_generate_samples": 3, "eval_max_new_tokens": 8,
        "gradient_accumulation_steps": 2, "save_strategy": "steps", "save_steps": 20, "dataloader_num_workers": 1,
    }  # fmt: skip
    arguments = command(workspace, output, accelerate_launch("cpu.yaml"), **values)
    launch([*arguments, "--max_steps", "20"], tmp_path)

    losses = [line["loss_syntax"] for line in history(output)]
    assert losses[-1] < 0.8 * losses[0], losses
    assert not any("router" in name for name in history(output)[-1])  # without experts there is nothing to route
    state = json.loads((last_complete_checkpoint(output) / "trainer_state.json").read_text())
    logged = {name for line in state["log_history"] for name in line}
    assert {"eval_loss", "eval_execution_rate", "eval_success_rate", "eval_iou", "loss_complexity"} <= logged
    assert list((tmp_path / "runs" / "run").glob("events.*"))

    names = {path.name for path in output.iterdir()}
    assert {"model.safetensors", "config.json", "modeling_c2c_mola.py", "tokenizer.json"} <= names
    model = C2CMolaForConditionalGeneration.from_pretrained(output)
    C2CMolaProcessor.from_pretrained(output)
    assert model.config.num_experts == 0


def test_mola_trains_experts_and_router_and_leaves_the_backbone(workspace, tmp_path):
    output = tmp_path / "run"
    values = {"method": "mola", "save_strategy": "steps", "save_steps": 6, "unfreeze": r"visual_norm"}
    run = launch(command(workspace, output, **values), tmp_path)
    assert "experts and router are new" in run.stderr

    before, after = load_file(workspace / "base" / "model.safetensors"), load_file(output / "model.safetensors")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed and all("complexity" in name or "visual_norm" in name for name in changed), changed
    experts = [name for name in after if "lora_B" in name]
    assert experts and all(after[name].any() for name in experts)  # they start at zero
    assert {"router_load_entropy", "router_max_load", "router_dropped", "loss_router"} <= set(history(output)[-1])
    assert C2CMolaForConditionalGeneration.from_pretrained(output).config.num_experts == 8


def test_saved_matrices_in_bfloat16_are_loaded_in_float32(workspace, tmp_path):
    output = tmp_path / "run"
    values = {"method": "mola", "save_dtype": "bfloat16", "save_strategy": "steps", "save_steps": 6}
    launch(command(workspace, output, **values), tmp_path)
    exact = load_file(last_complete_checkpoint(output) / "model.safetensors")
    saved = load_file(output / "model.safetensors")
    assert saved.keys() == exact.keys()
    model = C2CMolaForConditionalGeneration.from_pretrained(output)
    for name, value in exact.items():
        half = value.dim() >= 2 and ".router." not in name and ".complexity." not in name
        assert saved[name].dtype == (torch.bfloat16 if half else value.dtype), name
        rounded = value.bfloat16().float() if half else value
        torch.testing.assert_close(model.state_dict()[name], rounded, rtol=0, atol=0)  # of the same dtype, too


def test_what_freeze_names_stays_as_it_is(workspace, tmp_path):
    output = tmp_path / "run"
    launch(command(workspace, output, freeze=r"conv_tower\.embedder"), tmp_path)
    before, after = load_file(workspace / "base" / "model.safetensors"), load_file(output / "model.safetensors")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert not any("conv_tower.embedder" in name for name in changed)  # its batch statistics neither
    assert any("conv_tower.encoder" in name and "running_mean" in name for name in changed)


def test_lora_is_saved_merged_with_the_adapter_beside_it(workspace, tmp_path):
    from peft import PeftModel

    output = tmp_path / "run"
    launch(command(workspace, output, method="lora", bf16=False), tmp_path)
    base = C2CMolaForConditionalGeneration.from_pretrained(workspace / "base").eval()
    merged = C2CMolaForConditionalGeneration.from_pretrained(output).eval()
    changed = [n for n, p in merged.named_parameters() if not torch.equal(p, base.get_parameter(n))]
    assert changed and all(
        name.startswith("model.language_model.layers.") and name.split(".")[-2] in ("q_proj", "k_proj", "v_proj")
        and ".self_attn." in name for name in changed
    )  # fmt: skip

    inputs = make_processor()(images=[np_image()], code=["plt.bar()"], return_tensors="pt")
    adapted = PeftModel.from_pretrained(base, output / "adapter").eval()
    with torch.no_grad():
        torch.testing.assert_close(adapted(**inputs).logits, merged(**inputs).logits, rtol=1e-4, atol=1e-5)


def np_image():
    from PIL import Image

    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8))


def kill(process: subprocess.Popen) -> int:
    """Kills a process with all that it has started (workers have sessions of their own), and gives its exit status."""
    family = [process, *psutil.Process(process.pid).children(recursive=True)] if process.poll() is None else []
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):  # its parent's death may have ended it
            member.kill()
    psutil.wait_procs(family[1:])
    return process.wait()


def kill_when_saved(arguments: list[str], folder: Path, checkpoint: Path) -> None:
    """Starts a run and kills it with all its processes as soon as `checkpoint` is there."""
    process = subprocess.Popen(
        arguments, cwd=folder, env=environment(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 120
        while not (checkpoint / "trainer_state.json").is_file():
            assert process.poll() is None, "the run ended before it could be killed"
            assert time.monotonic() < deadline, "no checkpoint was written"
            time.sleep(0.02)
    finally:
        kill(process)


def test_two_processes_killed_and_resumed_end_as_one_that_was_not(workspace, tmp_path):
    """Exactly: data order and augmentation (in the second epoch, too), dropout, router noise, optimizer, schedule and
    usage window."""
    values = {
        "method": "mola", "expert_dropout": 0.1, "gradient_accumulation_steps": 2, "max_steps": 7,
        "utilization_window": 3, "save_strategy": "steps", "save_steps": 1, "expert_capacity": 4,
        "semantic_weight": 0.01, "semantic_every": 3, "semantic_charts": 1, "semantic_samples": 2,
        "eval_max_new_tokens": 8, "augment_images": 0.5, "augment_code": 0.5, "dataloader_num_workers": 1,
    }  # fmt: skip
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    launch(command(workspace, whole, TWO_PROCESSES, **values), tmp_path)

    arguments = command(workspace, killed, TWO_PROCESSES, **values)
    kill_when_saved(arguments, tmp_path, killed / "checkpoint-3")
    resumed_from = int(last_complete_checkpoint(killed).name.split("-")[1])
    assert 3 <= resumed_from < 7
    run = launch([*arguments, "--resume_from_checkpoint", "true"], tmp_path)
    assert f"continuing from {killed}/checkpoint-{resumed_from}" in run.stderr

    keys = ("loss", "loss_syntax", "loss_router", "loss_utilization", "grad_norm", "router_max_load")
    expected = [[line[key] for key in keys] for line in history(whole)]
    assert [[line[key] for key in keys] for line in history(killed)] == expected
    before, after = load_file(whole / "model.safetensors"), load_file(killed / "model.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_resumes_in_one_process_with_muon_and_workers(workspace, tmp_path):
    values = {
        "optimizer": "muon", "bf16": True, "max_steps": 12, "save_strategy": "steps", "save_steps": 5,
        "dataloader_num_workers": 1, "eval_strategy": "steps", "eval_steps": 4,
    }  # fmt: skip
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    launch(command(workspace, whole, **values), tmp_path)
    arguments = command(workspace, resumed, **values)
    kill_when_saved(arguments, tmp_path, resumed / "checkpoint-10")  # in the second epoch of eight steps
    (resumed / "checkpoint-11").mkdir(exist_ok=True)  # as a run that died while saving leaves it
    launch([*arguments, "--resume_from_checkpoint", "true"], tmp_path)
    assert [line["loss"] for line in history(whole)] == [line["loss"] for line in history(resumed)]
    before, after = load_file(whole / "model.safetensors"), load_file(resumed / "model.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before)


# ---- faults ----


@pytest.fixture
def checkpoints(workspace, tmp_path):
    """A run of four steps with a checkpoint after the second and the fourth."""
    trainer = make_trainer(workspace, tmp_path / "run", max_steps=4, save_strategy="steps", save_steps=2)
    trainer.train()
    return tmp_path / "run"


@pytest.mark.parametrize("file", ["model.safetensors", "optimizer.pt", "rng_state.pth", "trainer_state.json",
                                  "checksums.json"])  # fmt: skip
@pytest.mark.parametrize("how", ["cut", "overwritten", "removed"])
def test_a_damaged_checkpoint_is_passed_over(checkpoints, tmp_path, file, how):
    if (file, how) == ("checksums.json", "removed"):  # it is then one of a plain Trainer
        return
    broken = checkpoints / "checkpoint-4" / file
    content = broken.read_bytes()
    if how == "removed":
        broken.unlink()
    else:
        middle = len(content) // 2
        broken.write_bytes(content[:middle] + (b"" if how == "cut" else b"!" + content[middle + 1 :]))
    told = []
    assert last_complete_checkpoint(checkpoints, report=told.append) == checkpoints / "checkpoint-2"
    assert len(told) == 1 and "checkpoint-4" in told[0] and "\n" not in told[0]


def test_a_full_disk_stops_in_one_line_and_leaves_the_last_checkpoint(workspace, tmp_path):
    """A limit on the size of files stands for the disk: the second checkpoint's optimizer does not fit."""
    output = tmp_path / "run"
    values = {"save_strategy": "steps", "save_steps": 2, "max_steps": 4, "save_total_limit": 1}
    arguments = command(workspace, output, **values)
    launch([*arguments, "--max_steps", "2"], tmp_path)
    size = max(file.stat().st_size for file in (output / "checkpoint-2").iterdir())
    limited = f"""import resource, runpy, sys
sys.path.insert(0, {str(ROOT)!r})
resource.setrlimit(resource.RLIMIT_FSIZE, ({size - 1}, {size - 1}))
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")"""
    resume = ["--resume_from_checkpoint", "true"]
    run = launch([sys.executable, "-c", limited, *arguments[1:], *resume], tmp_path, expect=2)
    last = run.stderr.strip().splitlines()[-1]
    assert "could not write" in last and "continues from checkpoint-2" in last and "Traceback" not in run.stderr
    assert last_complete_checkpoint(output) == output / "checkpoint-2"
    assert not (output / "checkpoint-4").exists()
    launch([*arguments, *resume], tmp_path)
    assert last_complete_checkpoint(output) == output / "checkpoint-4"


def test_another_run_does_not_continue_from_a_checkpoint(tmp_path):
    run = {
        "method": "mola",
        "seed": 1,
        "learning_rate": 1e-3,
        "eval_steps": 5,
        "families": ("bar",),
        "output_dir": "a",
    }
    (tmp_path / "run.json").write_text(json.dumps(run))
    assert check_same_run(tmp_path, run) == []
    changed = check_same_run(tmp_path, {**run, "learning_rate": 1e-4, "eval_steps": 9, "output_dir": "b"})
    assert changed == ["learning_rate: 0.001 -> 0.0001"]
    with pytest.raises(ChartError, match="seed: 1 -> 2.*--model"):
        check_same_run(tmp_path, {**run, "seed": 2})


def test_a_resumed_run_with_another_batch_size_is_refused(workspace, tmp_path):
    output = tmp_path / "run"
    values = {"save_strategy": "steps", "save_steps": 2, "max_steps": 2}
    launch(command(workspace, output, **values), tmp_path)
    values |= {"max_steps": 4, "per_device_train_batch_size": 4, "resume_from_checkpoint": "true"}
    run = launch(command(workspace, output, **values), tmp_path, expect=2)
    assert "per_device_train_batch_size: 2 -> 4" in run.stderr.strip().splitlines()[-1]


class Poison(torch.utils.data.Dataset):
    """Rows of a data set, of which some make the collator's batch not finite."""

    def __init__(self, rows, poisoned):
        self.rows, self.poisoned = rows, poisoned

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return {**self.rows[index], "poisoned": index in self.poisoned}


def poisoned_trainer(workspace, output, poisoned, **values):
    trainer = make_trainer(workspace, output, train_sampling_strategy="sequential", **values)
    rows, collate = [trainer.train_dataset[i] for i in range(len(trainer.train_dataset))], trainer.data_collator

    def collator(batch):
        tensors = collate(batch)
        if any(row["poisoned"] for row in batch):
            tensors["pixel_values"][0, 0, 0, 0] = float("nan")
        return tensors

    trainer.train_dataset, trainer.data_collator = Poison(rows, poisoned), collator
    return trainer


def test_nan_in_a_batch_changes_nothing_but_that_step(workspace, tmp_path, capsys):
    trainer = poisoned_trainer(workspace, tmp_path / "run", {2}, max_steps=3, lr_scheduler_type="constant")
    trainer.train()
    state = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    assert all(value.isfinite().all() for value in state.values())
    assert "step 2: the gradient is not finite" in capsys.readouterr().err
    losses = [line["loss_syntax"] for line in trainer.state.log_history if "loss_syntax" in line]
    assert len(losses) == 3 and all(np.isfinite(losses))


def test_nothing_but_nan_stops_in_one_line(workspace, tmp_path):
    trainer = poisoned_trainer(workspace, tmp_path / "run", set(range(16)), max_steps=12)
    with pytest.raises(ChartError, match="no finite gradient in 10 steps.*learning_rate") as error:
        trainer.train()
    assert "\n" not in str(error.value)
    assert all(value.isfinite().all() for value in trainer.model.state_dict().values())


def test_a_loader_process_that_dies_is_one_line(workspace, tmp_path):
    import signal

    trainer = make_trainer(workspace, tmp_path / "run", max_steps=4, dataloader_num_workers=1)
    collate = trainer.data_collator

    def dies(rows):
        if torch.utils.data.get_worker_info() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        return collate(rows)

    trainer.data_collator = dies
    with pytest.raises(ChartError, match="reading the data failed.*[Kk]illed.*dataloader_num_workers") as error:
        trainer.train()
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_a_run_killed_at_random_ends_as_one_that_was_not(workspace, tmp_path):
    values = {
        "method": "mola", "expert_dropout": 0.1, "max_steps": 30, "save_strategy": "steps", "save_steps": 2,
        "save_total_limit": 2, "dataloader_num_workers": 1, "semantic_weight": 0.01, "semantic_every": 3,
        "semantic_charts": 1, "semantic_samples": 2, "eval_max_new_tokens": 8,
    }  # fmt: skip
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    started = time.monotonic()
    launch(command(workspace, whole, **values), tmp_path)
    seconds, random = time.monotonic() - started, np.random.default_rng(0)
    arguments = [*command(workspace, killed, **values), "--resume_from_checkpoint", "true"]
    for _ in range(20):
        process = subprocess.Popen(arguments, cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)  # fmt: skip
        time.sleep(random.uniform(0.5 * seconds, 0.8 * seconds))
        if kill(process) == 0:
            break
    else:
        launch(arguments, tmp_path)
    assert [line["loss"] for line in history(whole)] == [line["loss"] for line in history(killed)]
    before, after = load_file(whole / "model.safetensors"), load_file(killed / "model.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before)


# ---- what a run leaves behind ----


def test_pictures_card_and_push(workspace, tmp_path, monkeypatch):
    """Renderings in the log, a card of the run, and what the Hub's client is asked for."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    import train

    calls = []

    class Client:
        def create_repo(self, name, **kwargs):
            calls.append(("create_repo", name))
            return SimpleNamespace(repo_id=name)

        def upload_folder(self, **kwargs):
            names = {str(p.relative_to(kwargs["folder_path"])) for p in Path(kwargs["folder_path"]).rglob("*")}
            calls.append(("upload_folder", kwargs["repo_id"], names, kwargs["ignore_patterns"]))

    monkeypatch.setattr("transformers.trainer.hf_api", Client)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TENSORBOARD_LOGGING_DIR", raising=False)
    values = {
        "method": "mola", "max_steps": 2, "report_to": "tensorboard", "eval_generate_steps": 2,
        "eval_generate_samples": 2, "eval_max_new_tokens": 8, "eval_strategy": "steps", "eval_steps": 2,
        "push_to_hub": True, "hub_model_id": "someone/charts", "hub_strategy": "end", "hub_token": "hf_secret",
        "semantic_weight": 0.01, "semantic_every": 1, "semantic_charts": 2, "semantic_samples": 2,
    }  # fmt: skip
    output = tmp_path / "run"
    train.main(command(workspace, output, **values)[2:])

    assert calls[0] == ("create_repo", "someone/charts")
    name, repository, files, _ = calls[-1]
    assert (name, repository) == ("upload_folder", "someone/charts")
    assert {"model.safetensors", "README.md", "run.json", "modeling_c2c_mola.py", "tokenizer.json"} <= files
    card = (output / "README.md").read_text()
    metadata = yaml.safe_load(card.split("---\n")[1])
    assert metadata["library_name"] == "transformers" and metadata["pipeline_tag"] == "image-text-to-text"
    for part in ("16 training charts", "| success rate | 0.0000 | 2 | share", "IoU >= 0.85", "similarity.py version",
                 "matplotlib 3", "accelerate launch train.py --config", "someone/charts"):  # fmt: skip
        assert part in card, part
    assert "hf_secret" not in (output / "run.json").read_text() + card

    events = EventAccumulator(str(tmp_path / "runs" / "run"), size_guidance={"images": 0}).Reload()
    assert {"charts/0", "charts/1"} <= set(events.Tags()["images"])
    scalars = set(events.Tags()["scalars"])
    semantic = {"loss_semantic", "semantic_iou", "semantic_success", "semantic_executed"}
    assert {f"train/{name}" for name in (*semantic, "data_wait_share")} <= scalars
    assert [event.step for event in events.Scalars("train/loss")] == [1, 2]  # an evaluation hides no step's line


def test_without_weight_there_is_no_semantic_loss(workspace, tmp_path):
    lines = []
    for values in ({}, {"semantic_weight": 0.0, "semantic_every": 1, "semantic_samples": 3}):
        trainer = make_trainer(workspace, tmp_path / "run", max_steps=2, **values)
        assert "targets" not in trainer.data_collator([trainer.train_dataset[0]])
        trainer.train()
        lines.append([line["loss"] for line in trainer.state.log_history if "loss" in line])
        assert not any("semantic" in name for line in trainer.state.log_history for name in line)
    assert lines[0] == lines[1]


@pytest.mark.slow
def test_zero3_on_two_processes_killed_and_resumed(workspace, tmp_path):
    values = {
        "method": "mola", "save_strategy": "steps", "save_steps": 2, "max_steps": 8, "eval_generate_steps": 4,
        "eval_generate_samples": 3, "eval_max_new_tokens": 4, "semantic_weight": 0.01, "semantic_every": 3,
        "semantic_charts": 1, "semantic_samples": 2,
    }  # fmt: skip
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    launch(command(workspace, whole, accelerate_launch("zero3_cpu.yaml"), **values), tmp_path)
    model = C2CMolaForConditionalGeneration.from_pretrained(whole)
    assert all(parameter.numel() and parameter.isfinite().all() for parameter in model.parameters())

    arguments = command(workspace, killed, accelerate_launch("zero3_cpu.yaml"), **values)
    kill_when_saved(arguments, tmp_path, killed / "checkpoint-4")
    launch([*arguments, "--resume_from_checkpoint", "true"], tmp_path)
    assert [line["loss"] for line in history(whole)] == [line["loss"] for line in history(killed)]
    before, after = load_file(whole / "model.safetensors"), load_file(killed / "model.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before)


# ---- losses ----


def test_losses_are_the_printed_equations(workspace, tmp_path):
    trainer = make_trainer(
        workspace, tmp_path / "run", lambda1=0.5, lambda2=0.7, lambda3=0.3, lambda_load=0.2, expert_l2=1e-3,
        complexity_loss_weight=0.1, utilization_window=3,
    )  # fmt: skip
    inputs = trainer.data_collator([trainer.train_dataset[i] for i in range(3)])
    generator = torch.Generator().manual_seed(1)
    probs = (torch.randn(3, 16, 8, generator=generator) + 0.3 * torch.arange(8)).softmax(-1)
    gates = torch.zeros_like(probs).scatter(-1, probs.topk(2).indices, 0.5)
    past = [[0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], [0.2] * 4 + [0.05] * 4, [0.125] * 8]
    trainer.usage_window.extend(past)

    model = trainer.model.train()
    forward = model.forward
    model.forward = lambda **kwargs: SpliceRouting(forward(**kwargs), probs, gates)
    trainer.current_gradient_accumulation_steps = 1
    tokens = (inputs["labels"] != -100).sum()
    loss, outputs = trainer.compute_loss(model, inputs, return_outputs=True, num_items_in_batch=tokens)

    p = probs.numpy().astype(np.float64).mean((0, 1))
    counts = (gates.numpy() > 0).sum((0, 1))
    u = (np.array(past[1:]).sum(0) + counts / counts.sum()) / 3  # the oldest entry has left the window
    log_probs = outputs["logits"].detach().double().log_softmax(-1).numpy()[:, :-1]
    labels = inputs["labels"].numpy()[:, 1:]
    picked = np.take_along_axis(log_probs, np.where(labels < 0, 0, labels)[..., None], -1)[..., 0]
    syntax = -picked[labels >= 0].mean()
    type_logits = outputs["type_logits"].detach().double().log_softmax(-1).numpy()
    count_error = np.abs(outputs["num_elements_log"].detach().numpy() - np.log1p(inputs["num_elements"].numpy()))
    huber = np.where(count_error < 1, 0.5 * count_error**2, count_error - 0.5).mean()
    heads = -type_logits[np.arange(3), inputs["chart_type"].numpy()].mean() + huber
    squares = sum((v.detach().double() ** 2).sum().item() for k, v in model.named_parameters() if "lora_" in k)
    expected = {
        "syntax": (1, syntax),
        "router": (0.7, (p * np.log(p / (1 / 8))).sum()),  # KL(p || uniform)
        "utilization": (0.3, 0.5 * (np.abs(u - 1 / 8) ** 2).sum()),  # Eq. 16
        "load": (0.2, ((p - 1 / 8) ** 2).sum()),  # Eq. 11
        "expert_l2": (1e-3, squares),  # Eq. 13
        "complexity": (0.1, heads),
    }
    for name, (_, value) in expected.items():
        assert trainer._logged[f"loss_{name}"].item() == pytest.approx(value, rel=1e-4), name
    assert loss.item() == pytest.approx(sum(weight * value for weight, value in expected.values()), rel=1e-4)


class SpliceRouting(dict):
    """A model output whose routing is replaced by a given one."""

    def __init__(self, outputs, probs, gates):
        super().__init__({**outputs, "router_probs": probs, "token_gates": gates, "dropped_fraction": None})


@pytest.mark.parametrize("weight", ["lambda2", "lambda3", "lambda_load"])
def test_each_auxiliary_loss_gives_the_router_a_gradient(workspace, tmp_path, weight):
    weights = {"lambda2": 0.0, "lambda3": 0.0, "lambda_load": 0.0, "complexity_loss_weight": 0.0, weight: 1.0}
    trainer = make_trainer(workspace, tmp_path / "run", **weights)
    trainer.current_gradient_accumulation_steps = 1
    inputs = trainer.data_collator([trainer.train_dataset[i] for i in range(3)])
    model = trainer.model.train()
    outputs = model(**inputs)
    sum(w * term for w, term in trainer.auxiliary_losses(outputs).values()).backward()
    gradient = model.model.router.gate.weight.grad
    assert gradient.abs().max() > 1e-6

    # It points away from the experts that are used too much: a step along it makes the routing more even.
    def unevenness():
        with torch.no_grad():
            p = model.eval()(**inputs).router_probs.mean((0, 1))
        return ((p - 1 / 8) ** 2).sum().item()

    before = unevenness()
    with torch.no_grad():
        model.model.router.gate.weight -= 0.1 * gradient / gradient.norm()
    assert unevenness() < before


def test_loss_is_the_weighted_sum_of_its_terms_under_accumulation(workspace, tmp_path):
    weights = {"lambda2": 0.7, "lambda3": 0.3, "lambda_load": 0.5, "complexity_loss_weight": 0.1}
    lines = {}
    for steps in (1, 2, 3):
        trainer = make_trainer(
            workspace, tmp_path / f"run{steps}", gradient_accumulation_steps=steps,
            per_device_train_batch_size=6 // steps, max_steps=1, learning_rate=0.0, **weights,
        )  # fmt: skip
        trainer.train()
        line = lines[steps] = next(line for line in trainer.state.log_history if "loss" in line)
        names = {"lambda2": "router", "lambda3": "utilization", "lambda_load": "load"}
        terms = sum(w * line[f"loss_{names.get(key, 'complexity')}"] for key, w in weights.items())
        assert line["loss"] == pytest.approx(line["loss_syntax"] + terms, rel=1e-5)
        assert len(trainer.usage_window) == 1
    # The same six charts: a mean over all of their tokens, however they are cut (batch statistics differ a little).
    assert lines[1]["loss_syntax"] == pytest.approx(lines[3]["loss_syntax"], rel=0.03)


def test_routing_losses_are_of_all_micro_batches_so_far(workspace, tmp_path):
    """In the last micro-batch of a step their values are those of the whole batch; u_i counts all of its tokens."""
    weights = {"lambda2": 0.7, "lambda3": 0.3, "lambda_load": 0.5, "z_loss_weight": 0.1, "utilization_window": 1}
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(3, 2, 16, 8, generator=generator) + torch.arange(3)[:, None, None, None] * torch.arange(8) / 4
    probs = logits.softmax(-1).requires_grad_()
    gates = torch.zeros_like(logits).scatter(-1, logits.topk(2).indices, 0.5)

    def terms_of(trainer, part):
        outputs = {"router_probs": part(probs), "token_gates": part(gates), "router_logits": part(logits)}
        return trainer.auxiliary_losses(outputs)

    whole = make_trainer(workspace, tmp_path / "whole", **weights)
    expected = terms_of(whole, lambda tensor: tensor.flatten(0, 1))
    trainer = make_trainer(workspace, tmp_path / "run", **weights)
    trainer.accelerator.gradient_state._set_sync_gradients(False)
    for index in range(3):
        terms = terms_of(trainer, lambda tensor: tensor[index])  # noqa: B023
        trainer._end_of_microbatch()
    for name in ("router", "utilization", "load"):
        assert terms[name][1].item() == pytest.approx(expected[name][1].item(), rel=1e-4), name
    p = probs.detach().double().mean((0, 1, 2)).numpy()
    assert terms["router"][1].item() == pytest.approx((p * np.log(p * 8)).sum(), rel=1e-4)
    z = logits[2].double().logsumexp(-1).square().mean().item()
    assert terms["router_z"][1].item() == pytest.approx(z, rel=1e-5)
    # Its gradient is the third micro-batch's share of the whole batch's, times 3: the trainer takes a third of each.
    (ours,) = torch.autograd.grad(terms["load"][1], probs)
    (reference,) = torch.autograd.grad(expected["load"][1], probs)
    torch.testing.assert_close(ours[2], 3 * reference[2])
    assert not ours[:2].any()
    trainer.accelerator.gradient_state._set_sync_gradients(True)
    trainer._end_of_microbatch()
    counts = (gates > 0).sum((0, 1, 2)).double()
    assert trainer.usage_window[-1] == pytest.approx((counts / counts.sum()).tolist())


def test_routing_is_shown_at_every_evaluation(workspace, tmp_path, monkeypatch):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "curves"))
    trainer = make_trainer(
        workspace, tmp_path / "run", report_to="tensorboard", eval_strategy="steps", eval_steps=1, max_steps=3,
        z_loss_weight=1e-3,
    )  # fmt: skip
    trainer.train()
    history = trainer.state.log_history
    assert sum(history[0][f"router_load_{expert}"] for expert in range(8)) == pytest.approx(1)
    assert history[0]["loss_router_z"] > 0
    lines = [line for line in history if "eval_router_entropy" in line]
    assert len(lines) == 3 and all(0 <= line["eval_router_entropy"] <= 1 for line in lines)
    assert ["eval_router_flip_rate" in line for line in lines] == [False, True, True]
    assert trainer.evaluate()["eval_router_flip_rate"] == 0.0  # nothing has moved since the last step
    trainer.model.model.router.type_bias.data = -trainer.model.model.router.type_bias.data
    assert trainer.evaluate()["eval_router_flip_rate"] > 0.5

    curves = EventAccumulator(str(tmp_path / "curves"))
    curves.Reload()
    pictures = curves.Images("router/types_and_experts")
    assert [event.step for event in pictures][:3] == [1, 2, 3] and pictures[0].width > pictures[0].height > 100

    gates = torch.tensor([[0.5, 0.5, 0], [1.0, 0, 0], [0, 0.25, 0.75], [0, 1.0, 0]])
    matrix = routing_matrix(gates, torch.tensor([0, 0, 2, -1]), 3)
    torch.testing.assert_close(matrix[[0, 2]], torch.tensor([[0.75, 0.25, 0], [0, 0.25, 0.75]]))
    assert matrix[1].isnan().all()


def test_selection_bias_follows_the_load_of_each_step(workspace, tmp_path):
    trainer = make_trainer(workspace, tmp_path / "run", max_steps=3)
    router = trainer.model.model.router
    router.bias_rate = 0.01
    router.register_buffer("selection_bias", torch.zeros(8))
    trainer.train()
    steps = [0.01 * (1 / 8 - torch.tensor(usage)).sign() for usage in trainer.usage_window]
    torch.testing.assert_close(router.selection_bias, sum(steps))


def test_utilization_window_survives_resume(workspace, tmp_path):
    values = {"utilization_window": 4, "save_strategy": "steps", "save_steps": 5, "max_steps": 5}
    trainer = make_trainer(workspace, tmp_path / "run", **values)
    trainer.train()
    window = list(trainer.usage_window)
    assert len(window) == 4
    assert all(sum(usage) == pytest.approx(1) for usage in window)

    resumed = make_trainer(workspace, tmp_path / "run", **{**values, "max_steps": 6})
    resumed.train(resume_from_checkpoint=str(last_complete_checkpoint(tmp_path / "run")))
    assert list(resumed.usage_window)[:3] == window[1:]


@pytest.mark.parametrize("kwargs", [{"every_n_layers": 1}, {"every_n_layers": 2}, {"use_reentrant": True}])
def test_activation_checkpointing_changes_no_gradient(workspace, tmp_path, kwargs):
    lines = []
    for values in ({}, {"activation_checkpointing": True, "activation_checkpointing_kwargs": kwargs}):
        trainer = make_trainer(workspace, tmp_path / "run", max_steps=3, **values)
        trainer.model.model.vision_tower.requires_grad_(False)
        layers = trainer.model.model.language_model.layers
        trainer.train()
        lines.append([{k: v for k, v in line.items() if k.startswith(("loss", "grad_norm"))}
                      for line in trainer.state.log_history if "loss" in line])  # fmt: skip
        if values:
            assert any(layer.gradient_checkpointing for layer in layers)
            embeddings = trainer.model.model.vision_tower.embeddings
            assert not embeddings(torch.zeros(1, 32, 8, 8)).requires_grad  # it would keep all its activations
    assert lines[0] == lines[1] and len(lines[0]) == 3


# ---- optimizer and data order ----


def test_muon_takes_hidden_matrices_only():
    model = C2CMolaForConditionalGeneration(C2CMolaConfig(**{**MODEL, "num_experts": 8}))
    groups = parameter_groups(model, 0.01, muon=True)
    names = {parameter: name for name, parameter in model.named_parameters()}
    muon = {names[p] for group in groups if group["muon"] for p in group["params"]}
    assert "model.language_model.layers.0.self_attn.q_proj.weight" in muon
    assert "model.vision_tower.encoder.layers.0.mlp.fc1.weight" in muon
    assert not [n for n in muon if any(w in n for w in ("embed", "lora_", "router", "complexity", "norm", "bias"))]
    undecayed = {names[p] for group in groups if not group["weight_decay"] for p in group["params"]}
    assert all(n in undecayed for n in names.values() if "lora_" in n or "norm" in n or n.endswith(".bias"))
    assert sum(len(group["params"]) for group in groups) == len(names)


def test_stacked_matrices_are_stepped_as_torch_steps_each():
    shapes = [(16, 16), (16, 16), (24, 16), (8, 16), (24, 16)]
    torch.manual_seed(0)
    start = [torch.randn(shape) for shape in shapes]
    results = []
    for optimizer_class in (StackedMuon, torch.optim.Muon):
        torch.manual_seed(1)
        parameters = [torch.nn.Parameter(value.clone()) for value in start] + [torch.nn.Parameter(torch.ones(4, 4))]
        optimizer = optimizer_class(parameters, lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
        for _ in range(3):
            for parameter in parameters[:-1]:  # the last takes no part
                parameter.grad = torch.randn_like(parameter)
            optimizer.step()
        results.append(parameters)
    for ours, theirs, before in zip(*results, start):
        torch.testing.assert_close(ours, theirs, atol=2e-3, rtol=0)  # a step rounds to bfloat16
        assert (ours - before).abs().max() > 0.02
    assert torch.equal(results[0][-1], torch.ones(4, 4))


def test_optimizer_of_two_parts_round_trips_its_state():
    def setup():
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.LayerNorm(8), torch.nn.Linear(8, 3))
        optimizer = MuonAdamW(parameter_groups(model, 0.01, muon=True), lr=0.01, muon_lr=0.02)
        return model, optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))

    def steps(model, optimizer, schedule, count, first):
        for index in range(first, first + count):
            optimizer.zero_grad()
            model(torch.full((5, 4), 0.1 * (index + 1))).square().sum().backward()
            optimizer.step()
            schedule.step()

    model, optimizer, schedule = setup()
    start = [p.detach().clone() for p in model.parameters()]
    steps(model, optimizer, schedule, 3, 0)
    assert all(not torch.equal(a, b) for a, b in zip(start, model.parameters()))
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.02 / 4, 0.01 / 4])
    saved = [p.detach().clone() for p in model.parameters()]
    json.dumps(optimizer.state_dict()["param_groups"])  # plain values, which `torch.load(weights_only=True)` reads
    states = copy.deepcopy((optimizer.state_dict(), schedule.state_dict()))  # steps change the tensors in place
    steps(model, optimizer, schedule, 3, 3)

    other, other_optimizer, other_schedule = setup()
    with torch.no_grad():
        for parameter, value in zip(other.parameters(), saved):
            parameter.copy_(value)
    other_optimizer.load_state_dict(states[0])
    other_schedule.load_state_dict(states[1])
    steps(other, other_optimizer, other_schedule, 3, 3)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters()))


def test_order_depends_on_seed_and_epoch_alone_and_groups_lengths():
    lengths = np.random.default_rng(0).integers(10, 400, 1003).tolist()
    state = SimpleNamespace(epoch=0)
    sampler = EpochSampler(1003, 16, seed=3, epoch=lambda: state.epoch, lengths=lengths)
    first = list(sampler)
    torch.manual_seed(5)
    assert list(sampler) == first
    assert sorted(first) == list(range(1003))
    state.epoch = 1
    assert list(sampler) != first

    def padding(order):
        return sum(16 * max(batch) - sum(batch) for batch in np.array(lengths)[order][: 62 * 16].reshape(-1, 16))

    plain = EpochSampler(1003, 16, seed=3, epoch=lambda: 0)
    assert padding(first) < 0.1 * padding(list(plain))
    means = np.array(lengths)[first][: 62 * 16].reshape(-1, 16).mean(1)
    assert abs(np.corrcoef(means, np.arange(62))[0, 1]) < 0.4  # not from long to short


def test_filters_of_the_data(workspace):
    processor = make_processor()
    data = str(workspace / "data")
    split = load_split(data, "train", processor)
    bars = load_split(data, "train", processor, families=["bar"])
    assert 0 < len(bars) < len(split) and set(bars["chart_type"]) == {"bar"}
    assert len(load_split(data, "train", processor, max_samples=3)) == 3
    longest = max(split["length"])
    short = load_split(data, "train", processor, max_code_tokens=longest - 1)
    assert 0 < len(short) < len(split) and max(short["length"]) < longest
    with pytest.raises(ChartError, match="max_code_tokens"):
        load_split(data, "train", processor, max_code_tokens=1)
    row = split[0]
    assert row["length"] == len(processor.tokenizer(row["code"])["input_ids"])
    with pytest.raises(ChartError, match="no chart_type radar"):
        load_split(data, "train", processor, families=["radar"])
    rows = [split[0] | {"chart_type": "line"}, split[1] | {"chart_type": "x"}]
    batch = ChartCollator(processor, ("bar", "line"))(rows)
    assert batch["chart_type"].tolist() == [1, -1]
    assert batch["num_elements"].tolist() == [float(split[i]["num_elements"]) for i in range(2)]


def test_unknown_marks_teach_nothing(workspace):
    """Marks that are not known (null) neither count as none, nor do they disturb those of other charts."""
    processor = make_processor()
    rows = list(load_split(str(workspace / "data"), "train", processor).select(range(2)))
    model = C2CMolaForConditionalGeneration(C2CMolaConfig(**MODEL, mark_bins=10)).eval()
    collate = ChartCollator(processor, model.config.chart_types)
    unknown = collate([rows[0], rows[1] | dict.fromkeys(LABELS)])
    assert unknown["marks"][1, 0].isinf().all() and not unknown["marks"][0].isinf().any()
    with torch.no_grad():
        alone = model(**collate(rows[:1]))
        assert model(**unknown).mark_loss == pytest.approx(alone.mark_loss.item(), rel=1e-4)
        assert model(**unknown).character_loss == pytest.approx(alone.character_loss.item(), rel=1e-4)
        nothing = model(**collate([row | {"marks": None, "corners": None} for row in rows])).mark_loss
    assert nothing == 0


def test_augmentation_is_the_same_in_any_worker_and_only_in_training(workspace, tmp_path):
    def batches(workers: int, epoch: int, **shares):
        trainer = make_trainer(workspace, tmp_path / "run", num_experts=0, dataloader_num_workers=workers)
        trainer.train_dataset = AugmentedDataset(trainer.train_dataset, seed=0, **shares)
        trainer.state.epoch = epoch
        return list(trainer.get_train_dataloader()), list(trainer.get_eval_dataloader())

    plain, evaluation = batches(0, 0)
    altered, same_evaluation = batches(0, 0, images=1.0, code=1.0)
    in_workers, _ = batches(2, 0, images=1.0, code=1.0)
    next_epoch, _ = batches(0, 1, images=1.0, code=1.0)
    for first, second in zip(altered, in_workers, strict=True):
        assert first.keys() == second.keys() and all(
            torch.equal(first[k].nan_to_num(), second[k].nan_to_num()) for k in first
        )
    for first, second in zip(evaluation, same_evaluation, strict=True):
        assert torch.equal(first["pixel_values"], second["pixel_values"])
    pictures = [torch.cat([batch["pixel_values"] for batch in b]) for b in (plain, altered, next_epoch)]
    assert (pictures[0] != pictures[1]).flatten(1).any(1).float().mean() > 0.7
    assert sorted(pictures[0].flatten(1).sum(1).tolist()) != sorted(pictures[2].flatten(1).sum(1).tolist())
    assert [b["num_elements"].tolist() for b in plain] == [
        b["num_elements"].tolist() for b in altered
    ]  # the same rows
    assert any(not torch.equal(a["labels"], b["labels"]) for a, b in zip(plain, altered))


# ---- command line ----


def test_arguments_from_yaml_and_command_line(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text("model: m\nmethod: mola\nlearning_rate: 1e-3\nfamilies: bar\nmax_steps: 9\noutput_dir: o\n"
                    "report_to: none\nlr_scheduler_kwargs: {min_lr: 1e-6}\nuse_cpu: true\n")  # fmt: skip
    model, data, training = parse_arguments(["--config", str(file), "--max_steps", "5", "--num_experts_per_tok", "3"])
    assert (model.method, model.num_experts_per_tok, data.families) == ("mola", 3, ["bar"])
    assert (training.learning_rate, training.max_steps, training.lr_scheduler_kwargs) == (1e-3, 5, {"min_lr": 1e-6})
    assert (training.lambda1, training.lambda2, training.lambda3) == (0.5, 0.7, 0.3)
    assert (training.adam_beta1, training.adam_beta2, training.adam_epsilon) == (0.9, 0.999, 1e-8)
    assert training.weight_decay == 0.01


@pytest.mark.parametrize("file", sorted((ROOT / "configs").glob("tiny_*.yaml")), ids=lambda file: file.stem)
def test_configs_are_valid(file, tmp_path):
    if "algorithm" not in yaml.safe_load(file.read_text()):  # else one of train_rewards.py
        parse_arguments(["--config", str(file), "--report_to", "none", "--output_dir", str(tmp_path)])


@pytest.mark.parametrize("text, arguments, message", [
    ("model: m\nlearning_rte: 1\n", [], "learning_rte"),
    ("model: m\nmethod: full\n", [], "full.*standard, lora, mola"),
    ("model: m\nmax_steps: many\n", [], "max_steps"),
    ("model: m\nmax_steps: 1.5\n", [], "max_steps"),
    ("model: m\n  x: [\n", [], "YAML"),
    ("- model\n", [], "mapping"),
    ("output_dir: o\n", [], "model_config"),
    ("model: m\n", ["--lambda4", "1"], "lambda4"),
    ("model: m\nmethod: mola\nnum_experts_per_tok: 9\n", [], "num_experts_per_tok"),
    ("model: m\nfreeze: backbone\n", [], "no experts"),
    ("model: m\nmethod: lora\nfreeze: conv_tower\n", [], "lora"),
    ("model: m\nfreeze: '('\n", [], "regular expression"),
    ("model: m\noptimizer: sgd\n", [], "adamw or muon"),
    ("model: m\naugment_images: 1.5\n", [], "augment_images.*0 to 1"),
    ("model: m\nmax_train_samples: 0\n", [], "max_train_samples.*at least 1"),
])  # fmt: skip
def test_bad_arguments_are_one_line(tmp_path, text, arguments, message):
    file = tmp_path / "run.yaml"
    file.write_text(text)
    with pytest.raises(ChartError, match=message) as error:
        parse_arguments(["--config", str(file), "--use_cpu", *arguments])
    assert "\n" not in str(error.value)


def test_bad_input_is_one_line_and_a_non_zero_exit(workspace, tmp_path, capsys, monkeypatch):
    import train

    monkeypatch.chdir(tmp_path)

    def fails(**values) -> str:
        arguments = command(workspace, tmp_path / "run", **values)[2:]
        with pytest.raises(ChartError) as error:
            train.main(arguments)
        assert "\n" not in str(error.value)
        return str(error.value)

    assert "chart2code.synthetic" in fails(data="nowhere")
    assert "nowhere" in fails(model="nowhere")
    assert "nowhere.json" in fails(model_config="nowhere.json", processor=str(workspace / "processor"))
    assert "expert_prior" in fails(method="mola", num_experts=4, expert_prior="domain")
    assert "unfreeze" in fails(method="mola", unfreeze=["no_such_layer"])
    assert "freeze: no" in fails(freeze="no_such_layer")
    assert "not a complete checkpoint" in fails(resume_from_checkpoint=str(tmp_path))

    run = launch([sys.executable, str(ROOT / "train.py"), "--config", "nowhere.yaml"], tmp_path, expect=2)
    assert run.stderr.strip().splitlines()[-1] == "train.py: no such config file: nowhere.yaml"
    assert "Traceback" not in run.stderr

"""Memory and time of a training step of the three arms, and the plan for 7B on eight GPUs of 40 GB.

    python benchmarks/training_memory.py [--layers 24] [--tokens 256] [--json]

Each arm (`standard`: every weight; `lora`: PEFT on q, k, v; `mola`: experts, router, connector and cross-attention; of
the last two the frozen matrices are held in bf16) takes two steps of one chart of 512 x 512 at the size of
Qwen2.5-Coder-0.5B, SigLIP base and ConvNeXtV2 tiny, random weights, in a process of its own, as train.py would:
autocast to bf16 with moving weights and states in fp32, AdamW. Options: `fp32` (no autocast, nothing in bf16), `bf16`,
`bf16_checkpoint_4th` (every 4th layer computed anew in the backward pass, as in the paper), `bf16_checkpoint_all`.
`peak_mb` is the largest resident memory (or GPU memory, where there is a GPU) during the steps, less what the process
had before the model was built, after a step of a small one; `seconds_per_step` is the second step.

`predicted_mb` is the plan's number for the same: the same code runs on tensors without contents, and every allocation
is counted. The plan for 7B divides what ZeRO-3 divides: parameters in bf16, gradients in bf16, and, of what moves, a
copy of the weights and AdamW's two states in fp32, among the GPUs; activations and the layers that are gathered at a
time are each GPU's own. CPU offload moves the optimizer's part to main memory.
"""

import argparse
import contextlib
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
import weakref
from pathlib import Path

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

ARMS = ("standard", "lora", "mola")
OPTIONS = ("fp32", "bf16", "bf16_checkpoint_4th", "bf16_checkpoint_all")
MOVING = ["connector", "_projection", "visual_norm", "cross_attn"]  # with the experts: phase 1
GATHERED = 1e9  # parameters that DeepSpeed keeps gathered at a time (stage3_max_live_parameters)
QWEN = {
    "0.5b": {"hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24, "num_attention_heads": 14,
             "num_key_value_heads": 2, "vocab_size": 151936, "tie_word_embeddings": True},
    "7b": {"hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28,
           "num_key_value_heads": 4, "vocab_size": 152064, "tie_word_embeddings": False},
}  # fmt: skip
SIGLIP_BASE = {"model_type": "siglip_vision_model", "hidden_size": 768, "intermediate_size": 3072,
               "num_hidden_layers": 12, "num_attention_heads": 12, "image_size": 512, "patch_size": 16}  # fmt: skip
CONVNEXT_TINY = {"model_type": "convnextv2", "hidden_sizes": [96, 192, 384, 768], "depths": [3, 3, 9, 3],
                 "out_features": ["stage3"]}  # fmt: skip


def shape(size: str, layers: int | None = None) -> dict:
    """Configuration of a model of that size."""
    text = {"model_type": "qwen2", **QWEN[size]}
    if layers is not None:
        text["num_hidden_layers"] = layers
    return {
        "text_config": text,
        "vision_config": SIGLIP_BASE,
        "conv_config": CONVNEXT_TINY,
    }


def build(arm: str, config: dict, option: str = "bf16") -> torch.nn.Module:
    """The model of an arm as train.py builds it, with random weights."""
    from chart2code.arguments import ModelArguments
    from train import load_model

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "model.json")
        file.write_text(json.dumps(config))
        values = {"method": "mola", "unfreeze": MOVING} if arm == "mola" else {"method": "standard"}
        args = ModelArguments(model_config=str(file), processor="-", **values)
        if arm == "lora":  # of random weights, which train.py refuses: here only its memory counts
            args.method = "lora"
        if arm != "standard" and option != "fp32":
            args.frozen_dtype = "bfloat16"
        return load_model(args)


def without_adapter(model: torch.nn.Module) -> torch.nn.Module:
    """The model itself, where PEFT has wrapped it."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


class Training:
    """Steps of training on one chart."""

    def __init__(self, model: torch.nn.Module, option: str, tokens: int, device: str):
        from chart2code.optimizer import parameter_groups

        self.model, self.bf16, self.device = model.train(), option != "fp32", device
        if "checkpoint" in option:
            without_adapter(model).activation_checkpointing_enable(every_n_layers=1 if option.endswith("all") else 4)
            if hasattr(model, "enable_input_require_grads"):
                model.enable_input_require_grads()
        groups = [{k: v for k, v in group.items() if k != "muon"} for group in parameter_groups(model, 0.01)]
        self.optimizer = torch.optim.AdamW(groups, lr=1e-4, fused=True)
        self.batch = {
            "input_ids": torch.full((1, tokens), 5, device=device),
            "labels": torch.full((1, tokens), 5, device=device),
            "pixel_values": torch.zeros(1, 3, 512, 512, device=device),
        }

    def step(self) -> None:
        self.backward()
        self.update()

    def backward(self) -> None:
        context = torch.autocast(self.device, torch.bfloat16) if self.bf16 else contextlib.nullcontext()
        with context:
            loss = self.model(**self.batch, use_cache=False).loss
        loss.backward()

    def update(self) -> None:
        torch.nn.utils.clip_grad_norm_([p for p in self.model.parameters() if p.requires_grad], 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()


def measure(arm: str, option: str, config: dict, tokens: int) -> dict[str, float]:
    """Peak memory in MB and seconds of a step; in a process of its own."""
    from train import keep_freed_memory  # noqa: F401  not called: what is freed is to be given back here

    device = "cuda" if torch.cuda.is_available() else "cpu"
    small = json.loads((ROOT / "configs/tiny_model.json").read_text())
    Training(build(arm, small, option).to(device), option, tokens, device).step()  # loads what has to be loaded
    gc.collect()
    before = 0 if device == "cuda" else status("VmRSS")
    training = Training(build(arm, config, option).to(device), option, tokens, device)
    gc.collect()
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    else:
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    for _ in range(2):
        start = time.perf_counter()
        training.step()
        if device == "cuda":
            torch.cuda.synchronize()
        seconds = time.perf_counter() - start
    peak = torch.cuda.max_memory_allocated() / 2**20 if device == "cuda" else status("VmHWM") - before
    return {"peak_mb": peak, "seconds_per_step": seconds}


def status(name: str) -> float:
    """A value of this process's status in MB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name + ":"))
    return int(line.split()[1]) / 1024


class Allocations(TorchDispatchMode):
    """
    Counts the bytes of all storages that operations create, as long as they live.

    Not what would be untouched zeros: the main memory has no pages for them (on a GPU they count). And where a mode is
    on, autograd adds gradients into new storages and copies them, which it otherwise does not: no peak of these.
    """

    ZEROS = (torch.ops.aten.embedding_dense_backward.default, torch.ops.aten.nll_loss_backward.default)
    IN_PLACE = (torch.ops.aten.add.Tensor, torch.ops.aten.clone.default)

    def __init__(self, model: torch.nn.Module, lazy_zeros: bool):
        super().__init__()
        self.lazy_zeros = lazy_zeros
        self.live = self.peak = self.gradients = self.parameters = self.activations = 0
        self.seen = weakref.WeakSet()
        for tensor in (*model.parameters(), *model.buffers()):
            self.add(tensor)
        self.parameters, self.activations = self.live, 0
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.register_post_accumulate_grad_hook(self._gradient)

    def _gradient(self, parameter: torch.Tensor) -> None:
        self.gradients += parameter.grad.nbytes

    def add(self, tensor: torch.Tensor, peak: bool = True) -> None:
        storage = tensor.untyped_storage()
        if storage not in self.seen:
            self.seen.add(storage)
            self.live += storage.nbytes()
            weakref.finalize(storage, self._remove, storage.nbytes())
            if not peak:
                return
            self.peak = max(self.peak, self.live)
            self.activations = max(self.activations, self.live - self.parameters - self.gradients)

    def _remove(self, size: int) -> None:
        self.live -= size

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if not (self.lazy_zeros and function in self.ZEROS):
            peak = torch.is_grad_enabled() or function not in self.IN_PLACE
            tree_map_only(torch.Tensor, lambda tensor: self.add(tensor, peak), result)
        return result


def predict(arm: str, option: str, config: dict, tokens: int, zero3: bool = False) -> dict[str, float]:
    """
    What a training run allocates at most, in MB: `total`, over two steps, and in it the `activations` of forward and
    backward pass (with what they need for a moment), `parameters` and `optimizer` states.

    With `zero3`, as DeepSpeed has it on GPUs: all matrices in bf16.
    """
    from torch._subclasses.fake_tensor import FakeTensorMode

    with torch.device("meta"):
        model = build(arm, config, option)
    if zero3:
        for name, parameter in model.named_parameters():
            if parameter.dim() >= 2 and not any(part in name for part in (".router.", ".complexity.")):
                parameter.data = parameter.data.to(torch.bfloat16)
    with FakeTensorMode(allow_non_fake_inputs=True):
        model.to_empty(device="cpu")
        without_adapter(model).tie_weights()  # which that parts
        training = Training(model, option, tokens, "cpu")
        with Allocations(model, lazy_zeros=not zero3) as allocations:
            training.backward()
            activations = allocations.activations
            training.update()
            optimizer = allocations.live - allocations.parameters
            training.step()
    sizes = {"total": allocations.peak, "parameters": allocations.parameters}
    sizes |= {"optimizer": optimizer, "activations": activations}
    return {name: size / 2**20 for name, size in sizes.items()}


def plan(arm: str, config: dict, tokens: int, charts: int, gpus: int) -> dict[str, float]:
    """GB of each GPU under ZeRO-3 with every 4th layer checkpointed, by part."""
    with torch.device("meta"):
        parameters = list(build(arm, config).parameters())
    total = sum(p.numel() for p in parameters)
    moving = sum(p.numel() for p in parameters if p.requires_grad)
    gb = 1 / 2**30
    parts = {
        "parameters": 2 * total / gpus * gb,
        "gathered": 2 * min(GATHERED, total) * gb,
        "gradients": 2 * moving / gpus * gb,
        "optimizer": 12 * moving / gpus * gb,
        "activations": charts * predict(arm, "bf16_checkpoint_4th", config, tokens, True)["activations"] / 1024,
    }
    return parts | {"total": sum(parts.values()), "trainable": moving, "all": total}


def child(arguments: list[str]) -> dict:
    """A function of this module in a process of its own."""
    environment = {**os.environ, "TRANSFORMERS_VERBOSITY": "error", "MALLOC_TRIM_THRESHOLD_": "0"}
    run = subprocess.run(
        [sys.executable, __file__, "--child", *arguments], capture_output=True, text=True, env=environment
    )
    if run.returncode:
        sys.exit(f"training_memory.py: {' '.join(arguments)} failed: {run.stderr.strip().splitlines()[-1]}")
    return json.loads(run.stdout.strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=24, help="decoder layers; 24 is the whole model (default: 24)")
    parser.add_argument("--tokens", type=int, default=256, help="length of the program (default: 256)")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=ARMS)
    parser.add_argument("--options", nargs="+", choices=OPTIONS, default=OPTIONS)
    parser.add_argument("--json", action="store_true", help="print the results as one JSON object in the last line")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        function, arm, option = arguments.child
        config = shape("7b" if function == "plan" else "0.5b", None if function == "plan" else arguments.layers)
        result = (
            plan(arm, config, arguments.tokens, charts=2, gpus=8)
            if function == "plan"
            else {"measure": measure, "predict": predict}[function](arm, option, config, arguments.tokens)
        )
        print(json.dumps(result))
        return

    passed = ["--layers", str(arguments.layers), "--tokens", str(arguments.tokens)]
    results: dict[str, dict] = {arm: {} for arm in arguments.arms}
    runs = [(arm, option) for arm in arguments.arms for option in arguments.options]
    for arm, option in tqdm(runs, desc="measuring", file=sys.stderr):
        result = child(["measure", arm, option, *passed])
        prediction = child(["predict", arm, option, *passed])
        results[arm][option] = {**result, "predicted_mb": prediction["total"], "predicted": prediction}
    depth = "the whole model" if arguments.layers == 24 else f"{arguments.layers} of 24 decoder layers"
    print(f"Qwen2.5-Coder-0.5B + SigLIP base + ConvNeXtV2 tiny, {depth}, 1 chart, {arguments.tokens} tokens")
    print(f"{'arm':10}{'option':20}{'peak MB':>10}{'predicted':>11}{'error':>8}{'s / step':>10}")
    for arm, options in results.items():
        for option, r in options.items():
            error = r["predicted_mb"] / r["peak_mb"] - 1
            print(f"{arm:10}{option:20}{r['peak_mb']:>10.0f}{r['predicted_mb']:>11.0f}{error:>8.1%}"
                  f"{r['seconds_per_step']:>10.2f}")  # fmt: skip
    ratios = {o: results["mola"][o]["peak_mb"] / results["standard"][o]["peak_mb"]
              for o in arguments.options if {"mola", "standard"} <= set(results)}  # fmt: skip
    for option, ratio in ratios.items():
        print(f"mola / standard, {option}: {ratio:.2f}")

    plans = {arm: child(["plan", arm, "-", "--tokens", "1024"]) for arm in tqdm(arguments.arms, file=sys.stderr)}
    print(
        "\nPlan: Qwen2.5-Coder-7B on 8 GPUs of 40 GB, ZeRO-3, every 4th layer checkpointed, 2 charts of 1,024 tokens"
    )
    print("each; GB of each GPU")
    names = ("parameters", "gathered", "gradients", "optimizer", "activations", "total")
    print(f"{'arm':10}" + "".join(f"{name:>13}" for name in names) + f"{'with offload':>14}")
    for arm, p in plans.items():
        print(f"{arm:10}" + "".join(f"{p[name]:>13.2f}" for name in names) + f"{p['total'] - p['optimizer']:>14.2f}")
    if arguments.json:
        flat = {arm: {o: r["peak_mb"] for o, r in options.items()} for arm, options in results.items()}
        seconds = {arm: {o: r["seconds_per_step"] for o, r in options.items()} for arm, options in results.items()}
        predicted = {arm: {o: r["predicted_mb"] for o, r in options.items()} for arm, options in results.items()}
        print(json.dumps({
            "peak_mb": flat, "predicted_mb": predicted, "seconds_per_step": seconds,
            "mola_vs_standard": ratios.get("bf16"), "mola_vs_standard_by_option": ratios,
            "layers": arguments.layers, "tokens": arguments.tokens, "plan_7b": plans,
        }))  # fmt: skip


if __name__ == "__main__":
    main()

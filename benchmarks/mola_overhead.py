"""What the mixture-of-LoRA layers cost: training step, prefill and decoding against the model without them and others.

    python benchmarks/mola_overhead.py                      # both sizes: some minutes on an idle machine
    python benchmarks/mola_overhead.py --sizes 0.5B --json

The decoders have the layer shapes of Qwen2.5-Coder-0.5B and -1.5B with random weights, `--layers` layers, and a
vocabulary cut in the same proportion, so that every part has the share that it has in the whole model. All contenders
share the frozen weights:

- base: transformers' Qwen2, no adapter
- mola: this repository's layers, 8 experts of rank 8, each chart sent to two; `folded`: after `fold_experts`
- lora_r8, lora_r64: PEFT's LoRA on the same projections, with the rank of one expert, and with as many parameters
- xlora: PEFT's X-LoRA over 8 adapters of rank 8, top 2 (it has no cache to decode with)
- loop: the same mixture as a loop over experts, dropout and both products in each pass, as LoRAMoE and HydraLoRA do

A training step is forward and backward without the optimizer, dropout 0.1. Contenders take turns in each round, and
a ratio is the median over the rounds of the ratio within a round: what slows the machine down slows both sides down.
Times are medians, milliseconds. Memory of the training step: on a GPU the peak, on a CPU what the forward pass keeps
for the backward pass (MiB). `speedup_vs_loop` compares what each adds to the base's training step.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from peft import LoraConfig, XLoraConfig, get_peft_model
from tqdm import tqdm
from transformers import DynamicCache, Qwen2Config, Qwen2ForCausalLM

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from configuration_c2c_mola import C2CMolaConfig  # noqa: E402
from modeling_c2c_mola import C2CMolaForConditionalGeneration  # noqa: E402
from routing_c2c_mola import MixtureOfLoraLinear  # noqa: E402

VOCABULARY = 151936
SIZES = {  # hidden, intermediate, layers, heads, key-value heads
    "0.5B": (896, 4864, 24, 14, 2),
    "1.5B": (1536, 8960, 28, 12, 2),
}
SLOW, SLOW_ROUNDS = ("loop", "xlora"), 3  # far from the others: few rounds tell
DECODED = 4  # tokens of one decoding step
EXPERTS, TOP_K, RANK, ALPHA, DROPOUT = 8, 2, 8, 16.0, 0.1
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


class LoopLinear(MixtureOfLoraLinear):
    """The same layer as a loop over experts."""

    def forward(self, hidden_states, gates=None, experts=None):
        output = F.linear(hidden_states, self.weight, self.bias)
        for expert in range(self.num_experts):
            rows = slice(expert * self.rank, (expert + 1) * self.rank)
            inner = F.linear(F.dropout(hidden_states, self.dropout, self.training), self.lora_A[rows])
            update = F.linear(inner, self.lora_B[:, rows]) * self.scaling
            output = output + gates[:, expert, None, None].to(update.dtype) * update
        return output


class Contenders:
    """The decoders of one size. All of them share the frozen weights of `base`."""

    def __init__(self, size: str, layers: int, device: torch.device, dtype: torch.dtype):
        hidden, intermediate, all_layers, heads, key_value_heads = SIZES[size]
        self.device, self.dtype = device, dtype
        self.config = Qwen2Config(
            vocab_size=VOCABULARY * layers // all_layers, hidden_size=hidden, intermediate_size=intermediate,
            num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=key_value_heads,
            tie_word_embeddings=True, use_cache=False,
        )  # fmt: skip
        torch.manual_seed(0)
        self.base = Qwen2ForCausalLM(self.config).to(device, dtype).requires_grad_(False)
        self.models = {"base": self.base, "mola": self.mola(), "folded": self.mola(), "loop": self.mola(LoopLinear)}
        for rank in (RANK, RANK * EXPERTS):
            self.models[f"lora_r{rank}"] = get_peft_model(self.copy(), self.lora_config(rank))
        try:
            self.models["xlora"] = self.xlora()
        except Exception as error:  # it breaks with many versions of transformers
            print(f"X-LoRA does not run here: {error}", file=sys.stderr)
        for model in self.models.values():
            for name, parameter in model.named_parameters():
                if "lora_" in name and not parameter.is_meta:
                    torch.nn.init.normal_(parameter, std=0.01)

    def copy(self) -> Qwen2ForCausalLM:
        with torch.device("meta"):
            model = Qwen2ForCausalLM(self.config)
        model.load_state_dict(self.base.state_dict(), assign=True)
        model.tie_weights()
        model.model.rotary_emb = self.base.model.rotary_emb
        return model.requires_grad_(False)

    def mola(self, layer_class: type = MixtureOfLoraLinear) -> C2CMolaForConditionalGeneration:
        """The whole model; its vision half, which nothing here runs, stays without storage."""
        small = {"image_size": 32, "num_channels": 3, "hidden_size": 32, "num_hidden_layers": 1}
        config = C2CMolaConfig(
            text_config=self.config, cross_attention_every=1000, expert_dropout=DROPOUT,
            vision_config={"model_type": "siglip_vision_model", **small, "num_attention_heads": 2},
            conv_config={"model_type": "resnet", "hidden_sizes": [8], "depths": [1], "out_features": ["stage1"]},
        )  # fmt: skip
        with torch.device("meta"):
            model = C2CMolaForConditionalGeneration(config).requires_grad_(False)
        decoder = model.model.language_model
        decoder.load_state_dict(self.base.model.state_dict(), strict=False, assign=True)
        model.lm_head = self.base.lm_head
        decoder.rotary_emb = self.base.model.rotary_emb
        for layer in decoder.modules():
            if isinstance(layer, MixtureOfLoraLinear):
                for name in ("lora_A", "lora_B"):
                    empty = torch.empty_like(getattr(layer, name), device=self.device, dtype=self.dtype)
                    setattr(layer, name, torch.nn.Parameter(empty))
                layer.__class__ = layer_class
        return model

    def lora_config(self, rank: int) -> LoraConfig:
        return LoraConfig(r=rank, lora_alpha=ALPHA, lora_dropout=DROPOUT, target_modules=TARGETS)

    def xlora(self) -> torch.nn.Module:
        with tempfile.TemporaryDirectory() as folder:
            get_peft_model(self.copy(), self.lora_config(RANK)).save_pretrained(folder)
            config = XLoraConfig(
                task_type="CAUSAL_LM", hidden_size=self.config.hidden_size, top_k_lora=TOP_K,
                adapters={str(index): folder for index in range(EXPERTS)}, use_trainable_adapters=True,
            )  # fmt: skip
            return get_peft_model(self.copy(), config).to(self.device, self.dtype)


class Steps:
    """What is timed: for each of the three uses, a function of a contender's name that prepares its step."""

    def __init__(self, contenders: Contenders, batch: int, length: int):
        self.models, self.config, device = contenders.models, contenders.config, contenders.device
        self.input_ids = torch.randint(0, self.config.vocab_size, (batch, length), device=device)
        experts = torch.stack([torch.randperm(EXPERTS)[:TOP_K] for _ in range(batch)]).to(device)
        gates = torch.zeros(batch, EXPERTS, device=device).scatter(1, experts, 1 / TOP_K)
        self.routing = {"chart_gates": gates, "chart_experts": experts}
        self.models["folded"].fold_experts(gates[0])

    def inputs(self, name: str, charts: int) -> dict[str, torch.Tensor]:
        routed = name in ("mola", "folded", "loop")
        return {key: value[:charts] for key, value in self.routing.items()} if routed else {}

    def train(self, name: str) -> Callable[[], None]:
        model, inputs = self.models[name], self.inputs(name, len(self.input_ids))
        # X-LoRA wants token ids. For the others, the frozen embeddings stand at the start of the graph: without
        # adapters there would be nothing to differentiate.
        if name == "xlora":
            inputs["input_ids"] = self.input_ids
        else:
            inputs["inputs_embeds"] = self.models["base"].model.embed_tokens(self.input_ids).requires_grad_()

        def step():
            model.train()
            model(**inputs, use_cache=False).logits.logsumexp(-1).mean().backward()
            model.zero_grad()
            if "inputs_embeds" in inputs:
                inputs["inputs_embeds"].grad = None

        return step

    def prefill(self, name: str) -> Callable[[], None]:
        model, inputs = self.models[name].eval(), self.inputs(name, 1)

        @torch.no_grad()
        def step():
            model(input_ids=self.input_ids[:1], **inputs, use_cache=False, logits_to_keep=1)

        return step

    def decode(self, name: str) -> Callable[[], None]:
        """One token after 64."""
        model, inputs, cache = self.models[name].eval(), self.inputs(name, 1), DynamicCache(config=self.config)
        with torch.no_grad():
            model(input_ids=self.input_ids[:1, :64], past_key_values=cache, use_cache=True, **inputs)

        @torch.no_grad()
        def step():
            for _ in range(DECODED):
                model(input_ids=self.input_ids[:1, :1], past_key_values=cache, use_cache=True, **inputs)
            cache.crop(-DECODED)

        return step


def interleaved(steps: dict[str, Callable[[], None]], rounds: int, device: torch.device) -> dict[str, list[float]]:
    """Milliseconds of each step, one entry a round; the order turns, so that none always follows the same other."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    names = list(steps)
    for number in tqdm(range(rounds + 1), desc="rounds", leave=False):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            if name in SLOW and number > SLOW_ROUNDS:
                continue
            if device.type == "cuda":
                torch.cuda.synchronize()
            start = time.perf_counter()
            steps[name]()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if number:  # the first round warms up
                times[name].append((time.perf_counter() - start) * 1000)
    return times


def memory(step: Callable[[], None], model: torch.nn.Module, device: torch.device) -> float:
    """MiB of a training step: peak on a GPU, what is kept for the backward pass on a CPU."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        step()
        return torch.cuda.max_memory_allocated() / 2**20
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters() if not parameter.is_meta}
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        step()
    return sum(kept.values()) / 2**20


def measure(size: str, args: argparse.Namespace, device: torch.device, dtype: torch.dtype) -> dict:
    layers = SIZES[size][2] if args.layers == 0 else args.layers
    contenders = Contenders(size, layers, device, dtype)
    steps = Steps(contenders, args.batch, args.length)
    everyone = [name for name in contenders.models if name != "folded"]
    with_cache = ["base", "mola", "folded", "lora_r8", "lora_r64", "loop"]
    times, kept = {}, {}
    for use, names, rounds in (
        ("train", everyone, args.rounds), ("prefill", everyone, args.rounds), ("decode", with_cache, 4 * args.rounds)
    ):  # fmt: skip
        prepared = {name: getattr(steps, use)(name) for name in names}
        times[use] = interleaved(prepared, rounds, device)
        if use == "train":
            kept = {name: round(memory(step, contenders.models[name], device), 1) for name, step in prepared.items()}

    def ratio(use: str, name: str, to: str) -> float:
        return round(statistics.median(a / b for a, b in zip(times[use][name], times[use][to])), 3)

    base, mola, loop = (times["train"][name] for name in ("base", "mola", "loop"))
    result = {
        "train_vs_lora_r8": ratio("train", "mola", "lora_r8"),
        "train_vs_lora_r64": ratio("train", "mola", "lora_r64"),
        "decode_folded_vs_base": ratio("decode", "folded", "base"),
        "decode_vs_base": ratio("decode", "mola", "base"),
        "prefill_vs_lora_r8": ratio("prefill", "mola", "lora_r8"),
        "speedup_vs_loop": round(
            (statistics.median(loop) - statistics.median(base)) / (statistics.median(mola) - statistics.median(base)),
            2,
        ),
        "train_loop_vs_mola": ratio("train", "loop", "mola"),
        "ms": {use: {n: round(statistics.median(t), 3) for n, t in rows.items()} for use, rows in times.items()},
        "train_memory_mib": kept,
    }
    if "xlora" in contenders.models:
        result["train_xlora_vs_mola"] = ratio("train", "xlora", "mola")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--layers", type=int, default=2, help="0: all")
    parser.add_argument("--batch", type=int, default=2, help="charts of a training step")
    parser.add_argument("--length", type=int, default=512, help="tokens of a training step's rows, and of the prefill")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), help="default: bfloat16 on a GPU, else float32")
    parser.add_argument("--json", action="store_true", help="the result as one line of JSON")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = getattr(torch, args.dtype or ("bfloat16" if device.type == "cuda" else "float32"))
    settings = {"device": str(device), "dtype": str(dtype).removeprefix("torch."), "threads": torch.get_num_threads()}
    result = settings | {name: getattr(args, name) for name in ("layers", "batch", "length", "rounds")}
    for size in args.sizes:
        result[size] = measure(size, args, device, dtype)
    if args.json:
        print(json.dumps(result))
        return
    for size in args.sizes:
        rows = result[size]
        print(f"\nQwen2.5-Coder-{size}")
        for name, value in rows.items():
            print(f"  {name:24} {value}")


if __name__ == "__main__":
    main()

"""Charts per second of training, against transformers' VisionEncoderDecoderModel of the same size.

    python benchmarks/training_throughput.py [--steps 20] [--json]

The tiny model of configs/tiny_model.json (with its eight experts) and a ViT encoder with a GPT-2 decoder of as many
parameters, with the same vocabulary, both random, train on the same charts of 512 x 512 in the same batches, on the
same machine, in turns: forward and backward pass, clipping, AdamW, bf16 autocast, all weights. Synthetic charts are
rendered first if `--data` does not exist. The models are compared on batches that lie in memory. `data_wait_share` is
the share of its time that train.py's own loop waits for its one loader process.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


def ours() -> torch.nn.Module:
    from chart2code.arguments import ModelArguments
    from train import load_model

    args = ModelArguments(
        model_config=str(ROOT / "configs/tiny_model.json"), processor="-", method="mola", freeze="none",
        expert_dropout=0.0, expert_capacity=0,
    )  # fmt: skip
    return load_model(args)


def baseline(parameters: int, vocab_size: int) -> torch.nn.Module:
    """ViT + GPT-2, of the depths of the tiny model, as wide as makes their parameters as many (within 3 %)."""
    from transformers import GPT2Config, VisionEncoderDecoderConfig, VisionEncoderDecoderModel, ViTConfig

    best = None
    for width in range(128, 512, 16):
        encoder = ViTConfig(
            image_size=512, patch_size=16, hidden_size=width, num_hidden_layers=4, num_attention_heads=4,
            intermediate_size=4 * width,
        )  # fmt: skip
        decoder = GPT2Config(
            vocab_size=vocab_size, n_positions=1024, n_embd=width, n_layer=4, n_head=4, add_cross_attention=True,
            is_decoder=True, bos_token_id=0, eos_token_id=1, pad_token_id=2,
        )  # fmt: skip
        config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
        with torch.device("meta"):
            count = sum(p.numel() for p in VisionEncoderDecoderModel(config).parameters())
        if best is None or abs(count - parameters) < abs(best[0] - parameters):
            best = (count, config)
    config = best[1]
    config.decoder_start_token_id, config.pad_token_id = 0, 2
    return VisionEncoderDecoderModel(config)


class Loop:
    def __init__(self, model: torch.nn.Module, device: str):
        from chart2code.optimizer import parameter_groups

        self.model, self.device = model.to(device).train(), device
        groups = [{k: v for k, v in group.items() if k != "muon"} for group in parameter_groups(model, 0.01)]
        self.optimizer = torch.optim.AdamW(groups, lr=1e-4, fused=True)

    def seconds(self, batch: dict[str, torch.Tensor]) -> float:
        """Time of a step."""
        start = time.perf_counter()
        with torch.autocast(self.device, torch.bfloat16):
            loss = self.model(**{name: value.to(self.device) for name, value in batch.items()}).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start


def wait_share(data: Path, batch_size: int, steps: int) -> float:
    """`data_wait_share` of a run of train.py, without its first steps."""
    import train

    with tempfile.TemporaryDirectory() as folder:
        train.main([
            "--model_config", str(ROOT / "configs/tiny_model.json"), "--method", "standard", "--bf16", "true",
            "--processor", str(ROOT / "configs/tiny_processor"), "--data", str(data), "--output_dir", folder,
            "--max_steps", str(steps), "--per_device_train_batch_size", str(batch_size), "--logging_steps", "4",
            "--save_steps", str(steps), "--report_to", "none", "--disable_tqdm", "true",
        ])  # fmt: skip
        state = json.loads(Path(folder, f"checkpoint-{steps}", "trainer_state.json").read_text())
    return statistics.mean(line["data_wait_share"] for line in state["log_history"][1:] if "data_wait_share" in line)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / "data/synthetic")
    parser.add_argument("--steps", type=int, default=20, help="measured steps of each model (default: 20)")
    parser.add_argument("--batch_size", type=int, default=8)
    parser.add_argument("--json", action="store_true", help="print the results as one JSON object in the last line")
    arguments = parser.parse_args()

    from chart2code.collator import ChartCollator, EpochSampler, load_split
    from chart2code.synthetic import write_dataset
    from processing_c2c_mola import C2CMolaProcessor
    from train import keep_freed_memory

    keep_freed_memory()
    if not arguments.data.exists():
        write_dataset(arguments.data, {"train": 500, "validation": 50, "test": 0})
    device = "cuda" if torch.cuda.is_available() else "cpu"
    processor = C2CMolaProcessor.from_pretrained(ROOT / "configs/tiny_processor", trust_remote_code=True)
    torch.manual_seed(0)
    model = ours()
    parameters = sum(p.numel() for p in model.parameters())
    other = baseline(parameters, model.config.text_config.vocab_size)
    other_parameters = sum(p.numel() for p in other.parameters())

    charts = load_split(str(arguments.data), "train", processor)
    order = list(EpochSampler(len(charts), arguments.batch_size, 0, lambda: 0, list(charts["length"])))
    collator = ChartCollator(processor, model.config.chart_types)
    loops, seconds = {"ours": Loop(model, device), "baseline": Loop(other, device)}, {"ours": [], "baseline": []}
    for step in tqdm(range(arguments.steps + 2), desc="steps of both", file=sys.stderr):
        rows = order[step * arguments.batch_size : (step + 1) * arguments.batch_size]
        batch = collator([charts[i] for i in rows])
        plain = {name: batch[name] for name in ("pixel_values", "labels")}
        plain["decoder_attention_mask"] = batch["attention_mask"]
        batches = {"ours": batch, "baseline": plain}
        for name in ("ours", "baseline") if step % 2 else ("baseline", "ours"):
            taken = loops[name].seconds(batches[name])
            if step >= 2:  # the first ones are slower
                seconds[name].append(taken)
    rates = {name: arguments.batch_size * len(taken) / sum(taken) for name, taken in seconds.items()}
    del loops, model, other
    share = wait_share(arguments.data, arguments.batch_size, max(8, arguments.steps))
    result = {
        "charts_per_s": rates["ours"],
        "baseline_charts_per_s": rates["baseline"],
        "ratio": rates["ours"] / rates["baseline"],
        "data_wait_share": share,
        "parameters": parameters,
        "baseline_parameters": other_parameters,
        "batch_size": arguments.batch_size,
        "steps": arguments.steps,
        "device": device,
        "threads": torch.get_num_threads(),
    }
    print(f"C2C-MoLA, tiny config          {rates['ours']:6.2f} charts/s   {parameters / 1e6:.2f} M parameters")
    print(
        f"VisionEncoderDecoderModel      {rates['baseline']:6.2f} charts/s   {other_parameters / 1e6:.2f} M parameters"
    )
    print(f"ratio {result['ratio']:.2f}; train.py waits for data {100 * share:.1f} % of the time")
    if arguments.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()

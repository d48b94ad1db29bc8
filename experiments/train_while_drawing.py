"""Trains the base of the default model on one GPU, on charts that the machine's cores draw meanwhile.

    python experiments/train_while_drawing.py draw /tmp/charts --num_workers 15 &
    python experiments/train_while_drawing.py train /tmp/charts --start runs/tiny_base \
        --model_config configs/small_model.json --output_dir runs/small_base --minutes 12

A GPU sees more charts in a second than fifteen cores draw. So nothing waits: each batch takes
the charts that were seen least so far, new ones first, and the pool of them stays in the GPU's memory, as runs of
equal pixels (some 50 kB a chart). The learning rate is constant for `--constant` of the time and falls to 0 in the
rest. Losses and optimizer are those of train.py, which adds the experts afterwards (configs/tiny_mola.yaml).

The model is that of `--model_config`, with what fits of the weights in `--start` (see `grow`): layers that are new
start as if they were not there. `train` writes log.jsonl, the model every `--save_minutes`, and in the end.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import queue
import sys
import threading
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from chart2code.dataset import LABELS, on_canvas
from chart2code.synthetic import CHART_TYPES, FIRST_SEED, Draw, make_program
from eval_metric.labels import WIDTHS
from eval_metric.similarity import CANVAS, to_canvas

CHUNK = 100  # charts in a file
VALIDATION = 1000  # charts
MAX_TOKENS = 256
# Of the charts to train on. The families are as frequent as in Tab. II elsewhere; the rarer ones are the harder ones.
SHARES = {"bar": 0.23, "line": 0.24, "scatter": 0.19, "pie": 0.17, "complex": 0.17}
MAX_ROWS = {"marks": 64, "corners": 2, "characters": 256}  # of each kind of labels; charts with more are left out
RUN = 255  # longest run of pixels
ROUND = 40  # batches that are chosen at a time, and grouped by length of their programs
SHIFT = 8  # pixels by which a batch is shifted at most, one batch in two
# Of the losses besides L_syntax: name in the log (that of train.py), name in the model's output, weight.
TERMS = (("complexity", "complexity_loss", 0.1), ("marks", "mark_loss", 0.4), ("characters", "character_loss", 0.4))


# ---- drawing ----


def encode(canvas: np.ndarray) -> np.ndarray:
    """Pixels (512, 512, 3) uint8 -> runs of equal pixels (n,) int32: red, green, blue, length - 1, a byte each."""
    pixels = np.zeros((canvas.shape[0] * canvas.shape[1], 4), np.uint8)
    for channel in range(3):
        pixels[:, 3 - channel] = canvas[..., channel].reshape(-1)
    pixels = pixels.view("<u4")[:, 0].astype(np.uint32, copy=False)
    starts = np.flatnonzero(np.concatenate([[True], pixels[1:] != pixels[:-1]]))
    lengths = np.diff(starts, append=len(pixels))
    parts = -(-lengths // RUN)  # of a run that is too long
    last = lengths - (parts - 1) * RUN
    ends = np.cumsum(parts) - 1
    runs = np.full(parts.sum(), RUN, np.uint32)
    runs[ends] = last
    return (np.repeat(pixels[starts], parts) | (runs - 1)).view(np.int32)


def decode(runs: torch.Tensor, charts: int) -> torch.Tensor:
    """Runs of `charts` charts, one after the other -> pixels `(charts, 3, 512, 512)` uint8."""
    pixels = torch.repeat_interleave(runs >> 8, (runs & 255).long() + 1, output_size=charts * CANVAS**2)
    pixels = pixels.view(charts, 1, CANVAS, CANVAS)
    return torch.cat([pixels >> 16 & 255, pixels >> 8 & 255, pixels & 255], dim=1).to(torch.uint8)


def make_chunk(seeds: list[int], split: str, capture, tokenizer, wide: float = 0.0) -> dict[str, np.ndarray]:
    """Charts as they are written: runs, `counts` of runs, `ids` of the program with prompt and end, labels."""
    from eval_metric.worker import execute, packed

    end = tokenizer.token_to_id("<|endofcode|>")
    prompt = tokenizer.token_to_id("<|startofcode|>")
    rows = []
    for seed in seeds:
        family = Draw(f"family/{seed}", split).weighted(SHARES) if split == "train" else None
        program = make_program(seed, split, wide, family)
        report, pixels = execute(program.code, capture)
        ids = [prompt, *tokenizer.encode(program.code, add_special_tokens=False).ids, end]
        if report["status"] != "ok" or len(ids) > MAX_TOKENS:
            continue
        height, width = pixels.shape[:2]
        labels = {name: on_canvas(report["labels"][name], width, height) for name in LABELS}
        labels["corners"] = labels["corners"] or [[None] * WIDTHS["corners"]] * 2
        if any(len(labels[name]) > count for name, count in MAX_ROWS.items()):
            continue
        row = {"runs": encode(to_canvas(packed(pixels))), "length": len(ids), "ids": np.zeros(MAX_TOKENS, np.int16)}
        row["ids"][: len(ids)] = ids
        for name, count in MAX_ROWS.items():
            row[name] = np.full((count, WIDTHS[name]), np.nan, np.float32)
            if labels[name]:
                row[name][: len(labels[name])] = np.array(labels[name], np.float32)  # None becomes NaN
        row["chart_type"] = CHART_TYPES.index(program.chart_type)
        row["num_elements"] = report["facts"]["num_elements"]
        rows.append(row)
    chunk = {name: np.stack([row[name] for row in rows]) for name in rows[0] if name != "runs"}
    chunk["counts"] = np.array([len(row["runs"]) for row in rows])
    return chunk | {"runs": np.concatenate([row["runs"] for row in rows])}


def draw_charts(folder: Path, worker: int, workers: int, first: int, tokenizer_file: str, wide: float) -> None:
    """Writes chunks of charts until the parent ends: those of validation first, `worker`'s share of them."""
    import gc

    from tokenizers import Tokenizer

    from chart2code.quick_drawing import hasten
    from eval_metric import worker as programs

    os.nice(5)  # the process that feeds the GPU goes first
    programs.preload()
    hasten()
    capture, tokenizer = programs.Capture(with_labels=True, with_evidence=False), Tokenizer.from_file(tokenizer_file)
    gc.freeze()
    gc.disable()  # figures are collected one by one, see `Capture.reset`

    def write(name: str, split: str, charts: range) -> None:
        temporary = folder / f"{name}-{worker:02d}.tmp"
        with open(temporary, "wb") as file:
            seeds = [FIRST_SEED[split] + index for index in charts]
            np.savez(file, **make_chunk(seeds, split, capture, tokenizer, wide))
        temporary.replace(temporary.with_suffix(".npz"))
        gc.collect()

    parent = os.getppid()
    write("validation", "validation", range(worker, VALIDATION, workers))
    for number in itertools.count():
        if os.getppid() != parent:  # which was killed
            return
        begin = first + number * CHUNK * workers
        write(f"train-{number:05d}", "train", range(begin + worker, begin + CHUNK * workers, workers))


def draw(options: argparse.Namespace) -> None:
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["OMP_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("spawn")
    tokenizer_file = str(Path(options.processor, "tokenizer.json"))
    arguments = (options.first, tokenizer_file, options.wide)
    workers = [
        context.Process(target=draw_charts, args=(folder, index, options.num_workers, *arguments))
        for index in range(options.num_workers)
    ]
    for worker in workers:
        worker.start()
    try:
        for worker in workers:
            worker.join()
    finally:
        for worker in workers:
            worker.kill()


# ---- charts in the GPU's memory ----


class Pool:
    """Charts on a device. `add` takes chunks, `batch` gives charts as the model takes them."""

    def __init__(self, max_charts: int, device: torch.device, runs_per_chart: int = 14_000):
        self.device, self.charts, self.used = device, 0, 0
        self.runs = torch.zeros(max_charts * runs_per_chart, dtype=torch.int32, device=device)
        shapes = {name: (count, WIDTHS[name]) for name, count in MAX_ROWS.items()}
        self.columns = {name: torch.zeros(max_charts, *shape, device=device) for name, shape in shapes.items()}
        self.columns["ids"] = torch.zeros(max_charts, MAX_TOKENS, dtype=torch.int16, device=device)
        self.columns["chart_type"] = torch.zeros(max_charts, dtype=torch.int64, device=device)
        self.columns["num_elements"] = torch.zeros(max_charts, device=device)
        self.starts, self.counts = np.zeros(max_charts, np.int64), np.zeros(max_charts, np.int64)
        self.lengths, self.seen = np.zeros(max_charts, np.int64), np.zeros(max_charts, np.int64)

    def add(self, chunk: dict[str, torch.Tensor]) -> bool:
        """Whether there was room for it."""
        count, size = len(chunk["counts"]), len(chunk["runs"])
        rows = slice(self.charts, self.charts + count)
        if rows.stop > len(self.starts) or self.used + size > len(self.runs):
            return False
        self.runs[self.used : self.used + size].copy_(chunk["runs"], non_blocking=True)
        for name, column in self.columns.items():
            column[rows].copy_(chunk[name], non_blocking=True)
        self.counts[rows], self.lengths[rows] = chunk["counts"].numpy(), chunk["length"].numpy()
        self.starts[rows] = self.used + np.cumsum(self.counts[rows]) - self.counts[rows]
        self.charts, self.used = rows.stop, self.used + size
        return True

    def order(self, batch_size: int, generator: np.random.Generator) -> list[np.ndarray]:
        """Rows of the next `ROUND` batches, those that were seen least, with programs of similar length together."""
        least = np.argsort(self.seen[: self.charts] + generator.random(self.charts))[: ROUND * batch_size]
        least = least[np.argsort(self.lengths[least], kind="stable")]
        batches = [least[i : i + batch_size] for i in range(0, len(least) - batch_size + 1, batch_size)]
        generator.shuffle(batches)
        return batches

    def batch(self, rows: np.ndarray, shift: tuple[int, int] = (0, 0)) -> dict[str, torch.Tensor]:
        """What `ChartCollator` makes of these charts, up to padding; with the pictures shifted down and right. Does
        not wait for the device."""
        numbers = torch.from_numpy(np.stack([rows, self.counts[rows], self.starts[rows], self.lengths[rows]]))
        if self.device.type == "cuda":
            numbers = numbers.pin_memory()
        index, counts, starts, lengths = numbers.to(self.device, non_blocking=True)
        total = int(self.counts[rows].sum())
        offsets = torch.repeat_interleave(starts - counts.cumsum(0) + counts, counts, output_size=total)
        pixels = decode(self.runs[offsets + torch.arange(total, device=self.device)], len(rows))
        if any(shift):
            pixels = pixels.roll(shift, dims=(2, 3))
        length = -(-int(self.lengths[rows].max()) // 16) * 16  # few sizes, for the allocator
        ids = self.columns["ids"][index, :length].long()
        labels = ids.masked_fill(torch.arange(length, device=self.device) >= lengths[:, None], -100)
        labels[:, 0] = -100  # the prompt
        batch = {name: self.columns[name][index] for name in ("chart_type", "num_elements", *LABELS)}
        down, right = (value / CANVAS for value in shift)
        for name in LABELS:
            batch[name][..., 0] += right
            batch[name][..., 1] += down
        return batch | {"pixel_values": pixels.float() / 127.5 - 1, "input_ids": ids, "labels": labels}


def read_chunks(folder: Path, name: str, pinned: bool, wanted: queue.Queue) -> None:
    """Puts the chunks in the folder into the queue, and those that come; a thread of its own."""
    done: set[str] = set()
    while True:
        files = sorted(path for path in folder.glob(f"{name}-*.npz") if path.name not in done)
        for path in files:
            with np.load(path) as arrays:
                chunk = {key: torch.from_numpy(arrays[key]) for key in arrays}
            wanted.put({key: value.pin_memory() if pinned else value for key, value in chunk.items()})
            done.add(path.name)
        if not files:
            time.sleep(0.5)


# ---- training ----


def grow(model: nn.Module, start: dict[str, torch.Tensor]) -> list[str]:
    """
    Copies weights of a smaller model into a larger one: where the shapes are equal, as they are; a projection of
    squares of cells, which is now one of single cells, as the sum over the square; positions of a coarser grid, in
    between. The last projection of a layer that is new starts from 0, so that it passes on what it gets.

    Returns the names of the parameters that start anew.
    """
    state, fresh = model.state_dict(), []
    last = ("out_proj.", "mlp.fc2.", "o_proj.", "down_proj.", "layer.1.normalization.weight")
    with torch.no_grad():
        for name, parameter in state.items():
            old = start.get(name)
            if old is None:
                fresh.append(name)
                if any(part in name for part in last):
                    parameter.zero_()
            elif old.shape == parameter.shape:
                parameter.copy_(old)
            elif name.endswith("patch_embedding.weight"):
                parameter.copy_(old.sum(dim=(2, 3), keepdim=True))
            elif name.endswith("conv_projection.weight"):
                parameter.copy_(old.unflatten(1, (parameter.shape[1], -1)).sum(dim=2))
            elif name.endswith("position_embedding.weight"):
                sides = [int(len(table) ** 0.5) for table in (old, parameter)]
                grid = old.T.unflatten(1, (sides[0], sides[0]))[None]
                grid = nn.functional.interpolate(grid, size=(sides[1], sides[1]), mode="bilinear")
                parameter.copy_(grid[0].flatten(1).T)
            else:
                fresh.append(name)
                if name.endswith("readings.weight"):
                    parameter.zero_()
    return fresh


def load(options: argparse.Namespace) -> nn.Module:
    from safetensors.torch import load_file

    from configuration_c2c_mola import C2CMolaConfig
    from modeling_c2c_mola import C2CMolaForConditionalGeneration

    torch.manual_seed(options.seed)
    config = C2CMolaConfig(**json.loads(Path(options.model_config).read_text()))
    model = C2CMolaForConditionalGeneration(config)
    model.generation_config.max_new_tokens = 512
    if options.start:
        fresh = grow(model, load_file(str(Path(options.start, "model.safetensors"))))
        print("new:", *fresh, flush=True)
    return model


def schedule(share: float, constant: float) -> float:
    """Factor of the learning rates after a share of the time: 1, then straight down to 0."""
    return min(1.0, max(0.0, (1 - share) / (1 - constant)))


def clip(parameters: list[nn.Parameter], limit: float) -> torch.Tensor:
    """The norm of the gradient, which is cut to `limit`; a gradient that is not finite becomes 0. Without a wait for
    the device."""
    norm = nn.utils.clip_grad_norm_(parameters, limit)  # makes all of it 0 or NaN if one number is not finite
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    line = torch.cat([gradient.flatten() for gradient in gradients]).nan_to_num(0, 0, 0)  # at once, not one by one
    parts = line.split([gradient.numel() for gradient in gradients])
    torch._foreach_copy_(gradients, [part.view(gradient.shape) for part, gradient in zip(parts, gradients)])
    return norm


@torch.no_grad()
def evaluate(model: nn.Module, pool: Pool, batch_size: int) -> dict[str, float]:
    """L_syntax and share of right tokens on validation charts."""
    model.eval()
    sums = torch.zeros(3, dtype=torch.float64, device=pool.device)
    for first in range(0, pool.charts, batch_size):
        batch = pool.batch(np.arange(first, min(first + batch_size, pool.charts)))
        inputs = {name: batch[name] for name in ("pixel_values", "input_ids")}
        # Without what is compiled: that would be done again for this mode, and for the size of the last batch.
        with torch.compiler.set_stance("force_eager"), torch.autocast(pool.device.type, torch.bfloat16):
            logits = model(**inputs, use_cache=False).logits[:, :-1]
        wanted = batch["labels"][:, 1:]
        loss = nn.functional.cross_entropy(logits.float().flatten(0, 1), wanted.flatten(), reduction="sum")
        sums += torch.stack([loss, (logits.argmax(-1) == wanted).sum(), (wanted >= 0).sum()])
    model.train()
    loss, right, tokens = sums.tolist()
    return {"eval_loss": loss / tokens, "eval_accuracy": right / tokens}


def log(line: dict[str, float], folder: Path) -> None:
    text = json.dumps({name: round(value, 4) for name, value in line.items()})
    print(text, flush=True)
    with open(folder / "log.jsonl", "a") as file:
        file.write(text + "\n")


def save(model: nn.Module, options: argparse.Namespace, folder: Path) -> None:
    """A whole model repository, from which another run can start."""
    from processing_c2c_mola import C2CMolaProcessor

    model.save_pretrained(folder)
    C2CMolaProcessor.from_pretrained(options.processor).save_pretrained(folder)
    (folder / "run.json").write_text(json.dumps(vars(options), indent=1))


def train(options: argparse.Namespace) -> None:
    from chart2code.optimizer import MuonAdamW, parameter_groups

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    model = load(options).to(device, memory_format=torch.channels_last).train()
    if options.compile:
        # These alone: with decoder, reader and loss compiled as well, a step took half of the time, but the training
        # diverged (torch 2.11), where it did not with the same code as it is.
        for layer in [model.model.conv_tower, *model.model.vision_tower.encoder.layers]:
            layer.compile(dynamic=False)
    groups = parameter_groups(model, options.weight_decay, muon=True)
    optimizer = MuonAdamW(groups, lr=options.learning_rate, muon_lr=options.muon_learning_rate, betas=(0.9, 0.99))
    peaks = [group["lr"] for group in optimizer.param_groups]
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]

    pool, validation = Pool(options.max_charts, device), Pool(VALIDATION, device, 20_000)
    chunks: dict[str, queue.Queue] = {}
    for name in ("train", "validation"):
        chunks[name] = queue.Queue(maxsize=20)
        arguments = (Path(options.folder), name, device.type == "cuda", chunks[name])
        threading.Thread(target=read_chunks, args=arguments, daemon=True).start()

    output = Path(options.output_dir)
    output.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(options.seed)
    begin = last = time.perf_counter()
    step = shown = 0
    next_save, next_evaluation = options.save_minutes, options.evaluate_minutes
    sums, batches = torch.zeros(2 + len(TERMS), device=device), []
    while (share := (time.perf_counter() - begin) / 60 / options.minutes) < 1:
        for name, target in (("train", pool), ("validation", validation)):
            while not chunks[name].empty():
                target.add(chunks[name].get())
        if not batches:
            if pool.charts < options.batch_size:
                time.sleep(0.5)
                continue
            batches = pool.order(options.batch_size, generator)
        rows = batches.pop()
        shift = tuple(generator.integers(-SHIFT, SHIFT + 1, 2).tolist()) if generator.random() < 0.5 else (0, 0)
        factor = schedule(share, options.constant) * min(1, (step + 1) / options.warmup_steps)
        for group, peak in zip(optimizer.param_groups, peaks):
            group["lr"] = peak * factor
        with torch.autocast(device.type, torch.bfloat16):
            outputs = model(**pool.batch(rows, shift), use_cache=False)
        terms = [outputs.loss, *(outputs[output] for _, output, _ in TERMS)]
        loss = terms[0] + sum(weight * term for (_, _, weight), term in zip(TERMS, terms[1:]))
        loss.backward()
        norm = clip(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        sums += torch.stack([*(term.detach().float() for term in terms), norm.float()])
        pool.seen[rows] += 1
        step, shown = step + 1, shown + len(rows)

        minutes = (time.perf_counter() - begin) / 60
        if step % options.logging_steps == 0:
            names = ("loss_syntax", *(f"loss_{name}" for name, _, _ in TERMS), "grad_norm")
            line = {"minutes": minutes, "step": step, "charts": pool.charts, "shown": shown, "factor": factor}
            line |= dict(zip(names, (sums / options.logging_steps).tolist()))
            line["charts_per_s"] = options.logging_steps * options.batch_size / (time.perf_counter() - last)
            if minutes >= next_evaluation and validation.charts:
                line |= evaluate(model, validation, options.batch_size)
                next_evaluation += options.evaluate_minutes
            log(line, output)
            last = time.perf_counter()
            sums.zero_()
        if minutes >= next_save:
            save(model, options, output)
            next_save += options.save_minutes
    if not (step and validation.charts):
        sys.exit(f"train_while_drawing.py: too few charts came into {options.folder}; is `draw` running?")
    line = evaluate(model, validation, options.batch_size) | {"step": step, "charts": pool.charts, "shown": shown}
    if device.type == "cuda":
        line["peak_gb"] = torch.cuda.max_memory_allocated() / 2**30
    log(line, output)
    save(model, options, output)
    os._exit(0)  # the threads wait for more charts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    drawing = commands.add_parser("draw", help="draw charts into a folder until stopped")
    training = commands.add_parser("train", help="train on the charts in a folder, and on those that come")
    for command in (drawing, training):
        command.add_argument("folder", help="where the charts are")
        command.add_argument("--processor", default="configs/tiny_processor")
    drawing.add_argument("--num_workers", type=int, default=max(1, (os.cpu_count() or 1) - 1))
    drawing.add_argument("--first", type=int, default=0, help="seed of the first chart")
    drawing.add_argument("--wide", type=float, default=0.0, help="share of the charts that are widened")
    training.add_argument("--start", help="model folder whose weights are taken over")
    training.add_argument("--model_config", default="configs/small_model.json")
    training.add_argument("--output_dir", default="runs/small_base")
    training.add_argument("--minutes", type=float, default=12.0)
    training.add_argument("--batch_size", type=int, default=128)
    training.add_argument("--learning_rate", type=float, default=1e-3)
    training.add_argument("--muon_learning_rate", type=float, default=2.5e-3)
    training.add_argument("--weight_decay", type=float, default=0.01)
    training.add_argument("--warmup_steps", type=int, default=100)
    training.add_argument("--constant", type=float, default=0.3, help="share of the time at the full learning rate")
    training.add_argument("--max_charts", type=int, default=300_000)
    training.add_argument("--logging_steps", type=int, default=50)
    training.add_argument("--evaluate_minutes", type=float, default=1.0)
    training.add_argument("--save_minutes", type=float, default=3.0)
    training.add_argument("--compile", action="store_true", help="compile the streams of vision")
    training.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    needed = [Path(options.processor, "tokenizer.json")]
    if options.command == "train":
        needed += [Path(options.folder), Path(options.model_config)]
        needed += [Path(options.start, "model.safetensors")] if options.start else []
    for path in needed:
        if not path.exists():
            parser.error(f"there is no {path}")
    try:
        (draw if options.command == "draw" else train)(options)
    except KeyboardInterrupt:
        sys.exit("train_while_drawing.py: stopped; what was saved or drawn so far stays")


if __name__ == "__main__":
    main()

"""Chart2Code-160k, or any other pairs of chart image and plotting code, as training data.

    python -m chart2code.chart2code160k xxxllz/Chart2Code-160k --output data/chart2code160k
    python -m chart2code.chart2code160k path/to/folder --output data/mine      # what forms: see sources.py

Each pair goes through these steps; the first that it fails is the reason why it is dropped. `dropped.jsonl` in the
output names every dropped record, `report.json` counts them.

1. The code: fences and prose come off, then the statements that save, show or close figures, which change nothing in
   the picture. 2. The picture is decoded. 3. The code is executed, confined (eval_metric/executor.py). Chart type,
   variant (eval_metric/kinds.py) and number of elements are those of the artists that it draws. 4. What it draws must
   be the picture: the share of ink that both have in common (eval_metric/similarity.py, after cutting the margins off,
   which `bbox_inches="tight"` moves) is at least `MIN_IOU`; code with unseeded random data fails here. From
   `SAME_IOU` on, the marks, corners and characters of the drawing are labels of the picture; below, these are unknown.
5. Splits 70/15/15, stratified by chart type and variant; the complex variants of `HELD_OUT` all go to the test split
   (Sec. IV-A). 6. A chart of the validation or test split that nearly equals one of an earlier split is dropped:
   programs that differ in names, comments, order and layout only (`code_fingerprint`), or pictures with at most
   `NEAR` of 512 bits of their fingerprint different (`picture_fingerprint`).

Everything is written in pieces. A stopped run continues with the same command and ends with the same files; no more
than a few thousand pairs are ever in memory. The result has the form of dataset.py, so that train.py and
chart2code.evaluate take the folder as their `--data`; `seed` is the number of the record in the source.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import re
import shutil
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from chart2code.dataset import COLUMNS, LABELS, SPLIT_SHARES, SPLITS, ink_box, on_canvas, png, write_shard
from chart2code.generation import ChartError, one_line, open_chart
from chart2code.sources import Pair, Source, open_source
from eval_metric.code_similarity import MAX_SOURCE, code_fingerprint, extract_code
from eval_metric.executor import ExecutionResult, Executor
from eval_metric.similarity import SIMILARITY_VERSION, chart_iou

# Of the paper's 32 complex variants only stacked area and dual axes are named; these are ours.
HELD_OUT = (
    "stacked_area", "dual_axis", "inset", "rose", "vector", "events", "surface_3d", "bar_3d", "line_3d", "vector_3d",
    "bar_scatter", "bar_area", "scatter_area", "line_box", "scatter_box", "line_violin", "scatter_violin",
    "box_violin", "line_heatmap", "scatter_heatmap", "line_contour", "scatter_contour", "heatmap_contour",
    "contour_vector", "bar_line_scatter", "bar_line_area", "line_scatter_area", "subplots_pie", "subplots_scatter",
    "subplots_heatmap", "subplots_radar", "subplots_surface_3d",
)  # fmt: skip
MIN_IOU = 0.25  # these three: experiments/duplicate_thresholds.py
SAME_IOU = 0.6
NEAR = 24
PART = 500  # records that are written together before the splits are made
SHARD_SIZE = 1000
MAX_TEXT = 1_000_000  # characters of an answer with its code; plotting programs end at MAX_SOURCE
VERSION = 1  # of what is done to a pair
REASONS = {
    "wrong_json": "the record cannot be read",
    "missing_image": "no image file of that name",
    "damaged_image": "the image cannot be decoded",
    "empty_code": "no code, or nothing but saving and showing",
    "nul_bytes": "NUL bytes in the code",
    "code_too_long": f"more than {MAX_SOURCE // 1024} KiB of code",
    "syntax_error": "the code is not Python",
    "timeout": "the code runs too long",
    "crash": "the code ends its process (memory, signals)",
    "no_figure": "the code draws nothing",
    "other_picture": "the code draws another picture (unseeded random data, mostly)",
    "near_duplicate": "nearly the same as a chart of an earlier split",
}


class Dropped(Exception):
    """(reason, detail): why a pair is no training data."""


# ---- code ----


def clean_code(text: str | None) -> str:
    """
    The program in an answer: without fences, prose, and statements that save, show or close figures.

    Raises [`Dropped`].
    """
    if text is None or not text.strip():
        raise Dropped("empty_code", "")
    if "\0" in text:
        raise Dropped("nul_bytes", f"{text.count(chr(0))} of them")
    if len(text) > MAX_TEXT:
        raise Dropped("code_too_long", f"{len(text)} characters")
    code = extract_code(text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")).strip() + "\n"
    if len(code.encode("utf-8", "replace")) > MAX_SOURCE:
        raise Dropped("code_too_long", f"{len(code)} characters")
    try:
        module = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Dropped("syntax_error", one_line(error)) from None
    code = _without_output(code, module)
    if all(isinstance(node, ast.Import | ast.ImportFrom | ast.Pass) for node in ast.parse(code).body):
        raise Dropped("empty_code", "")
    return code


def _without_output(code: str, module: ast.Module) -> str:
    """The code without statements `….savefig(…)`, `….show(…)` and `plt.close(…)`; other lines stay as they are."""
    lines = code.encode().split(b"\n")
    found = []
    for parent in ast.walk(module):
        for body in (getattr(parent, name, None) for name in ("body", "orelse", "finalbody")):
            if isinstance(body, list):
                needed = parent is not module and all(map(_is_output, body))  # a block cannot be empty
                found += [(node, needed) for node in body if _is_output(node)]
    for node, needed in sorted(found, key=lambda item: (item[0].lineno, item[0].col_offset), reverse=True):
        first, last = node.lineno - 1, node.end_lineno - 1
        before, behind = lines[first][: node.col_offset], lines[last][node.end_col_offset :]
        alone = not before.strip() and behind.strip()[:1] in (b"", b"#")
        # Empty lines stay for now, so that the places of the other statements remain right.
        lines[first] = b"" if alone and not needed else before + b"pass" + (b"" if alone else behind)
        lines[first + 1 : last + 1] = [b""] * (last - first)
    text = b"\n".join(line.rstrip() for line in lines).decode()
    return re.sub(r"\n{4,}", "\n\n\n", text).strip("\n") + "\n"


def _is_output(node: ast.stmt) -> bool:
    call = node.value if isinstance(node, ast.Expr) else None
    function = call.func if isinstance(call, ast.Call) else None
    if not isinstance(function, ast.Attribute):
        return False
    module = isinstance(function.value, ast.Name) and function.value.id in ("plt", "pyplot")
    return function.attr in ("savefig", "show") or (function.attr == "close" and module)


# ---- picture ----


def picture_fingerprint(image: Image.Image) -> bytes:
    """
    512 bits of a picture whose margins are cut off: on a grid of 17 x 17 cells, where it grows lighter to the right
    and downwards ("difference hash"). Size, margins, compression and small shifts change few of them.
    """
    cut = image.crop(ink_box(np.asarray(image)))
    grey = np.asarray(cut.convert("L").resize((17, 17), Image.Resampling.BOX), dtype=np.int16)
    right, down = grey[:16, 1:] - grey[:16, :-1], grey[1:, :16] - grey[:-1, :16]
    return np.packbits(np.stack([right, down]) > 2).tobytes()


def _compare(image: Image.Image, result: ExecutionResult) -> tuple[float, dict[str, Any]]:
    """IoU of picture and drawing without their margins, and the drawing's labels, where the picture has them."""
    drawn = result.image
    box, other = ink_box(np.asarray(image)), ink_box(drawn)
    iou = chart_iou(image.crop(box), Image.fromarray(drawn[other[1] : other[3], other[0] : other[2]]))
    labels: dict[str, Any] = dict.fromkeys(LABELS)
    if iou >= SAME_IOU:
        across, down = (box[2] - box[0]) / (other[2] - other[0]), (box[3] - box[1]) / (other[3] - other[1])
        for name in labels:
            rows = result.labels[name] if result.labels else None
            if rows is not None:
                rows = [[box[0] + (x - other[0]) * across, box[1] + (y - other[1]) * down, *r] for x, y, *r in rows]
            labels[name] = on_canvas(rows, *image.size)
    return iou, labels


# ---- one pair ----


def prepare(pair: Pair, executor: Executor, min_iou: float = MIN_IOU) -> dict[str, Any]:
    """
    The row of a pair: `COLUMNS` but `seed`, and the fingerprints `code_hash` and `picture_hash`.

    Raises [`Dropped`].
    """
    if pair.problem is not None:
        raise Dropped(*pair.problem)
    code = clean_code(pair.code)
    if pair.image is None:
        raise Dropped("missing_image", "")
    try:
        image = open_chart(pair.image)
    except ChartError as error:
        raise Dropped("damaged_image", str(error)) from None
    result = executor.run(code)
    if not result.ok:
        if result.status == "error":  # counted by the kind of exception, and for a missing package by its name
            package = re.match(r"(ModuleNotFoundError): No module named '(.*?)'", result.error)
            raise Dropped(" ".join(package.groups()) if package else result.error.partition(":")[0], result.error)
        raise Dropped("syntax_error" if result.status == "invalid" else result.status, result.error)
    iou, labels = _compare(image, result)
    if iou < min_iou:
        raise Dropped("other_picture", f"IoU {iou:.2f}")
    chart_type, variant = result.labels["kind"] if result.labels else ("complex", "other")
    return {
        "image": png(image),
        "code": code,
        "chart_type": chart_type,
        "variant": variant,
        "num_elements": result.facts["num_elements"] if result.facts else -1,
        **labels,
        "code_hash": code_fingerprint(code),
        "picture_hash": picture_fingerprint(image),
    }


def _prepare_record(number: int, pair: Pair, executor: Executor, min_iou: float) -> dict[str, Any]:
    """The row of a record with `seed` and `name`, or the line for dropped.jsonl."""
    name = pair.name.encode("utf-8", "replace").decode()  # file names can be anything
    try:
        return prepare(pair, executor, min_iou) | {"seed": number, "name": name}
    except Dropped as drop:
        reason, detail = drop.args
        return {"record": number, "name": name, "reason": reason, "detail": detail[:200]}


def _in_order(pool: ThreadPoolExecutor, function: Callable, items: Iterable, ahead: int) -> Iterator[dict[str, Any]]:
    """The function's results, in the order of the items; at most `ahead` are under way."""
    waiting: deque = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, *item))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


# ---- parts: all pairs of the source, prepared ----


def _write_part(path: Path, rows: list[dict[str, Any]], dropped: list[dict[str, Any]]) -> None:
    """`path` with the rows comes last: a part with it is complete."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    floats = pa.list_(pa.list_(pa.float32()))
    schema = pa.schema({
        "image": pa.binary(), "code": pa.string(), "chart_type": pa.string(), "variant": pa.string(),
        "num_elements": pa.int32(), **dict.fromkeys(LABELS, floats), "seed": pa.int64(), "name": pa.string(),
        "code_hash": pa.string(), "picture_hash": pa.binary(),
    })  # fmt: skip
    path.with_suffix(".jsonl").write_text("".join(json.dumps(line) + "\n" for line in dropped))
    temporary = path.with_suffix(".tmp")
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), temporary)
    os.replace(temporary, path)


def _prepare_all(source: Source, parts: Path, num_workers: int, timeout: float, min_iou: float) -> None:
    """Writes the parts that are missing."""
    from tqdm import tqdm

    if (parts / "complete").exists():
        return
    done = dropped_so_far = 0
    while (parts / f"part-{done:05d}.parquet").exists():
        done += 1
    with (
        Executor(num_workers=num_workers, timeout=timeout, labels=True) as executor,
        ThreadPoolExecutor(num_workers) as pool,
        tqdm(total=source.total(), initial=done * PART, unit="chart", desc="executing", disable=None) as progress,
    ):
        pairs = islice(enumerate(source), done * PART, None)
        function = partial(_prepare_record, executor=executor, min_iou=min_iou)
        results = _in_order(pool, function, pairs, ahead=4 * num_workers)
        while True:
            rows, dropped = [], []
            for result in islice(results, PART):
                (dropped if "reason" in result else rows).append(result)
                progress.update()
            if not rows and not dropped:
                break
            dropped_so_far += len(dropped)
            progress.set_postfix(dropped=dropped_so_far, refresh=False)
            _write_part(parts / f"part-{done:05d}.parquet", rows, dropped)
            done += 1
    (parts / "complete").touch()


# ---- splits ----


def split_charts(charts: list[dict[str, Any]], held_out: Iterable[str] = HELD_OUT) -> list[str]:
    """
    The split of each chart (`chart_type`, `variant`, `code_hash`, `seed`): within each type and variant 70/15/15 up to
    one chart, in an order that depends on the code alone; complex variants that are held out are tested only.
    """
    held_out = set(held_out)
    splits = ["test"] * len(charts)
    free = [
        i for i, chart in enumerate(charts) if chart["chart_type"] != "complex" or chart["variant"] not in held_out
    ]

    def order(i: int) -> tuple:
        chart = charts[i]
        return (
            chart["chart_type"],
            chart["variant"],
            hashlib.sha256(chart["code_hash"].encode()).digest(),
            chart["seed"],
        )

    counts = Counter()
    for number, i in enumerate(sorted(free, key=order), 1):
        splits[i] = max(SPLITS, key=lambda split: SPLIT_SHARES[split] * number - counts[split])
        counts[splits[i]] += 1
    return splits


def near_duplicates(charts: list[dict[str, Any]], splits: list[str], near: int = NEAR) -> dict[int, int]:
    """{chart: chart of an earlier split (train, validation, test) that it nearly equals}, both by their places."""
    found: dict[int, int] = {}
    rank = [SPLITS.index(split) for split in splits]
    first: dict[str, int] = {}
    for i in sorted(range(len(charts)), key=lambda i: rank[i]):
        other = first.setdefault(charts[i]["code_hash"], i)
        if rank[other] < rank[i]:
            found[i] = other
    bits = np.frombuffer(b"".join(chart["picture_hash"] for chart in charts), np.uint8).reshape(len(charts), -1)
    ranks = np.array(rank)
    for split in (1, 2):
        later = [i for i in np.flatnonzero(ranks == split) if i not in found]
        earlier = np.array([i for i in np.flatnonzero(ranks < split) if i not in found])
        for start in range(0, len(later), 2000):
            rows = later[start : start + 2000]
            first_bits = np.unpackbits(bits[rows], axis=1).astype(np.float32)
            for begin in range(0, len(earlier), 20000):
                columns = earlier[begin : begin + 20000]
                second_bits = np.unpackbits(bits[columns], axis=1).astype(np.float32)
                # Differing bits: those of the one and of the other, less twice the common ones.
                distance = first_bits.sum(1)[:, None] + second_bits.sum(1) - 2 * first_bits @ second_bits.T
                for row, column in enumerate(distance.argmin(axis=1)):
                    if distance[row, column] <= near:
                        found.setdefault(int(rows[row]), int(columns[column]))
    return found


def _charts(parts: Path) -> list[dict[str, Any]]:
    """What the splits are made of, of all prepared pairs."""
    import pyarrow.parquet as pq

    columns = ["chart_type", "variant", "code_hash", "picture_hash", "seed", "name"]
    return [
        row for path in sorted(parts.glob("*.parquet")) for row in pq.read_table(path, columns=columns).to_pylist()
    ]


def _write_splits(parts: Path, folder: Path, split_of: dict[int, str], shard_size: int) -> None:
    """Copies the rows of the parts into the shards of their splits."""
    import pyarrow.parquet as pq
    from tqdm import tqdm

    waiting: dict[str, list[dict[str, Any]]] = {split: [] for split in SPLITS}
    shards = Counter()

    def flush(split: str, size: int) -> None:
        while waiting[split] and len(waiting[split]) >= size:
            rows, waiting[split] = waiting[split][:shard_size], waiting[split][shard_size:]
            write_shard(folder / split / f"shard-{shards[split]:05d}.parquet", rows)
            shards[split] += 1

    for path in tqdm(sorted(parts.glob("*.parquet")), desc="writing the splits", unit="part", disable=None):
        for batch in pq.ParquetFile(path).iter_batches(100, columns=list(COLUMNS)):
            for row in batch.to_pylist():
                if row["seed"] in split_of:
                    waiting[split_of[row["seed"]]].append(row)
            for split in SPLITS:
                flush(split, shard_size)
    for split in SPLITS:
        flush(split, 1)


# ---- the whole ----


def write_dataset(
    source: str,
    folder: str | Path,
    num_workers: int = 2,
    timeout: float = 30.0,
    min_iou: float = MIN_IOU,
    held_out: Iterable[str] = HELD_OUT,
    image_column: str | None = None,
    code_column: str | None = None,
    shard_size: int = SHARD_SIZE,
) -> dict[str, Any]:
    """
    Makes the data set of the pairs in `source` (see sources.py) in `folder`, or continues with it.

    Returns:
        The report, which is also in folder/report.json.

    Raises [`ChartError`] if there are no pairs, none of them is left, or the folder is of another source or settings.
    """
    folder, held_out = Path(folder), sorted(set(held_out))
    work, info = folder / "work", folder / "dataset_info.json"
    pairs = open_source(source, folder, image_column, code_column)
    with Executor(labels=True) as executor:  # also: whether programs can be executed here at all
        versions = executor.versions
    settings = {
        "version": VERSION, "records": hashlib.sha256("\n".join(pairs.identity).encode()).hexdigest()[:16],
        "image_column": image_column, "code_column": code_column, "timeout": timeout, "min_iou": min_iou,
        "held_out": held_out, "shard_size": shard_size, "similarity": SIMILARITY_VERSION, "versions": versions,
    }  # fmt: skip
    if info.exists():
        old = json.loads(info.read_text())
        changed = [name for name, value in settings.items() if old.get("settings", {}).get(name) != value]
        if changed:
            raise ChartError(
                f"{folder} was written with another {changed[0]}: delete the folder or choose another --output"
            )
        if old["complete"]:
            return json.loads((folder / "report.json").read_text())
    elif folder.exists() and [path for path in folder.iterdir() if path != work]:
        raise ChartError(f"{folder} is not empty, and not from here: choose another --output")
    (work / "parts").mkdir(parents=True, exist_ok=True)
    _write_json(info, {"complete": False, "source": source, "settings": settings})

    _prepare_all(pairs, work / "parts", num_workers, timeout, min_iou)
    charts = _charts(work / "parts")
    splits = split_charts(charts, held_out)
    duplicates = near_duplicates(charts, splits) if charts else {}
    report = _report(source, work / "parts", charts, splits, duplicates, folder)
    if not any(report["splits"].values()):
        raise ChartError(
            f"no usable pair among {report['records']} records of {source}; why is in {folder}/dropped.jsonl"
        )
    for split in SPLITS:
        shutil.rmtree(folder / split, ignore_errors=True)  # of an interrupted run
    split_of = {charts[i]["seed"]: splits[i] for i in range(len(charts)) if i not in duplicates}
    _write_splits(work / "parts", folder, split_of, shard_size)
    _write_json(info, {"complete": True, "source": source, "settings": settings})
    shutil.rmtree(work)
    return report


def _write_json(path: Path, value: dict[str, Any]) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(value, indent=2) + "\n")
    os.replace(temporary, path)


def _report(
    source: str, parts: Path, charts: list, splits: list[str], duplicates: dict[int, int], folder: Path
) -> dict[str, Any]:
    """Writes dropped.jsonl and report.json."""
    lines = [json.loads(line) for path in sorted(parts.glob("*.jsonl")) for line in path.read_text().splitlines()]
    for i, other in duplicates.items():
        detail = f"{splits[i]}; {splits[other]} has {charts[other]['name']}"
        lines.append(
            {"record": charts[i]["seed"], "name": charts[i]["name"], "reason": "near_duplicate", "detail": detail}
        )
    lines.sort(key=lambda line: line["record"])
    (folder / "dropped.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    dropped: dict[str, dict[str, Any]] = {}
    for reason, count in Counter(line["reason"] for line in lines).most_common():
        examples = [line for line in lines if line["reason"] == reason][:3]
        dropped[reason] = {"count": count, "examples": [f"{e['name']}: {e['detail']}".rstrip(": ") for e in examples]}
    kept = [(splits[i], chart) for i, chart in enumerate(charts) if i not in duplicates]
    kinds: dict[str, dict[str, int]] = {}
    for split, chart in kept:
        row = kinds.setdefault(f"{chart['chart_type']}/{chart['variant']}", dict.fromkeys(SPLITS, 0))
        row[split] += 1
    report = {
        "source": source,
        "records": len(charts) + len(lines) - len(duplicates),
        "kept": len(kept),
        "splits": {split: sum(s == split for s, _ in kept) for split in SPLITS},
        "dropped": dropped,
        "kinds": dict(sorted(kinds.items())),
    }
    _write_json(folder / "report.json", report)
    return report


def print_report(report: dict[str, Any]) -> None:
    print(f"{report['source']}: {report['kept']} of {report['records']} records")
    print(f"\n{'chart type/variant':30}" + "".join(f"{split:>12}" for split in SPLITS))
    for kind, counts in report["kinds"].items():
        print(f"{kind:30}" + "".join(f"{counts[split]:>12}" for split in SPLITS))
    print(f"{'all':30}" + "".join(f"{report['splits'][split]:>12}" for split in SPLITS))
    if report["dropped"]:
        print("\ndropped")
        for reason, entry in report["dropped"].items():
            meaning = REASONS.get(reason, "the code raises it")
            print(f"{entry['count']:>8}  {reason}: {meaning}\n{'':10}e.g. {entry['examples'][0][:160]}")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m chart2code.chart2code160k",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", help="Hub data set, or file or folder of image + code pairs")
    parser.add_argument(
        "--output", default="data/chart2code160k", help="folder of the data set (default: %(default)s)"
    )
    parser.add_argument("--num_workers", type=int, default=os.cpu_count() or 1, help="programs executed together")
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds per program (default: %(default)s)")
    parser.add_argument("--min_iou", type=float, default=MIN_IOU, help="of picture and drawing (default: %(default)s)")
    parser.add_argument("--held_out", nargs="*", default=HELD_OUT, help="complex variants for the test split only")
    parser.add_argument("--image_column", help="column of the image (default: by its name)")
    parser.add_argument("--code_column", help="column of the code or conversation (default: by its name)")
    parser.add_argument("--shard_size", type=int, default=SHARD_SIZE, help="charts per file (default: %(default)s)")
    options = parser.parse_args(arguments)
    if options.num_workers < 1 or options.shard_size < 1 or options.timeout <= 0 or not 0 <= options.min_iou <= 1:
        parser.error("--num_workers and --shard_size are at least 1, --timeout is positive, --min_iou from 0 to 1")
    values = vars(options)
    try:
        report = write_dataset(values.pop("source"), values.pop("output"), **values)
    except (ChartError, OSError, RuntimeError) as error:
        print(f"chart2code160k: {one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("chart2code160k: stopped; the same command continues", file=sys.stderr)
        return 130
    print_report(report)
    return 0


if __name__ == "__main__":
    sys.exit(main())

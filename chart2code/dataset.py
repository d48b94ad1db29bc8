"""Chart data sets on disk, in one form whoever wrote them: folder/{train,validation,test}/shard-*.parquet.

Columns: `image` (512 x 512 RGB, letterboxed on white), `code`, `chart_type`, `variant`, `num_elements` (-1: unknown),
`marks`, `corners` and `characters` (see eval_metric/labels.py; places as shares of the picture; null where they are
not known) and `seed`, a number that names the chart within the data set.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from chart2code.generation import ChartError, one_line
from eval_metric.labels import WIDTHS

if TYPE_CHECKING:
    import datasets

SPLITS = ("train", "validation", "test")
SPLIT_SHARES = {"train": 0.70, "validation": 0.15, "test": 0.15}
LABELS = tuple(WIDTHS)
COLUMNS = ("image", "code", "chart_type", "variant", "num_elements", *LABELS, "seed")

Rows = list[list[float | None]]


def features() -> datasets.Features:
    import datasets

    text = datasets.Value("string")
    rows = datasets.List(datasets.List(datasets.Value("float32")))
    return datasets.Features(
        image=datasets.Image(), code=text, chart_type=text, variant=text, num_elements=datasets.Value("int32"),
        **dict.fromkeys(LABELS, rows), seed=datasets.Value("int64"),
    )  # fmt: skip


def png(image: Any) -> bytes:
    """PNG bytes of what the model sees of a picture (PIL image or array): its letterboxed canvas (512, 512, 3)."""
    from PIL import Image

    from eval_metric.similarity import to_canvas

    buffer = io.BytesIO()
    Image.fromarray(to_canvas(image)).save(buffer, "PNG", compress_level=2)
    return buffer.getvalue()


def ink_box(pixels: np.ndarray) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of what differs from the corner's colour; the whole picture if nothing does."""
    ink = (np.abs(pixels.astype(np.int16) - pixels[0, 0]) > 24).any(axis=-1)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(rows):
        return 0, 0, pixels.shape[1], pixels.shape[0]
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def on_canvas(rows: Rows | None, width: float, height: float) -> Rows | None:
    """Labels with their places, pixels of a picture of the given size, as shares of its letterboxed canvas."""
    if rows is None:
        return None
    side = max(width, height)
    left, top = (side - width) / 2, (side - height) / 2
    return [[(row[0] + left) / side, (row[1] + top) / side, *row[2:]] for row in rows]


def write_shard(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Writes a Parquet file of rows with `COLUMNS` (`image` as PNG bytes), whole or not at all."""
    import datasets

    columns = {name: [row[name] for row in rows] for name in COLUMNS}
    columns["image"] = [{"bytes": image, "path": None} for image in columns["image"]]
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    datasets.Dataset.from_dict(columns, features=features()).to_parquet(temporary)
    os.replace(temporary, path)


def read_split(folder: str | Path, split: str) -> datasets.Dataset:
    """
    The charts of a split, mapped from disk. A folder that is still being written gives the shards that are finished.

    Raises [`ChartError`] if there is no such data.
    """
    import datasets

    if split not in SPLITS:
        raise ChartError(f"unknown split {split!r}: one of {', '.join(SPLITS)}")
    if not Path(folder).is_dir():
        raise ChartError(
            f"no data folder {folder}; write one with: python -m chart2code.synthetic --output {folder} "
            f"(or, of your own charts, python -m chart2code.chart2code160k SOURCE --output {folder})"
        )
    files = sorted(map(str, Path(folder, split).glob("shard-*.parquet")))
    if not files:
        raise ChartError(f"no {split} charts in {folder}")
    try:
        data = datasets.load_dataset("parquet", data_files={split: files}, split=split)
    except Exception as error:  # damaged files: datasets raises what its parts raise
        raise ChartError(f"cannot read the {split} split of {folder}: {one_line(error)}") from error
    missing = [name for name in COLUMNS if name not in (*data.column_names, *LABELS)]
    if missing:
        raise ChartError(f"the {split} split of {folder} has no column {missing[0]}")
    for name in (name for name in LABELS if name in data.column_names):
        rows = next((rows for rows in data.select_columns(name)[:20][name] if rows), None)
        if rows and len(rows[0]) != WIDTHS[name]:
            raise ChartError(
                f"{folder} was written when {name} were rows of {len(rows[0])} numbers, now they are {WIDTHS[name]}: "
                "delete the folder and write it again"
            )
    return data


def select_charts(
    data: datasets.Dataset,
    families: Iterable[str] | None = None,
    variants: Iterable[str] | None = None,
    max_samples: int | None = None,
) -> datasets.Dataset:
    """
    The first `max_samples` charts of the given chart types and variants (None: all).

    Raises [`ChartError`] if one of them does not occur, or nothing is left.
    """
    for column, wanted in (("chart_type", families), ("variant", variants)):
        if wanted:
            values = list(data[column])
            missing = sorted(set(wanted) - set(values))
            if missing:
                raise ChartError(f"no {column} {', '.join(missing)}; there is {', '.join(sorted(set(values)))}")
            data = data.select([i for i, value in enumerate(values) if value in wanted])
    if max_samples is not None:
        data = data.select(range(min(max_samples, len(data))))
    if len(data) == 0:
        raise ChartError("no charts are left of those that were asked for")
    return data

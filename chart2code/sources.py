"""Pairs of chart image and plotting code from wherever they lie, one after the other, none of them kept in memory.

`open_source` knows four forms, and looks for them in this order:

1. a data set of `datasets` (`save_to_disk`, or Parquet, Arrow or CSV files) with an image and a code column;
2. records in JSON or JSON lines, as Chart2Code-160k has them:
   {"id": ..., "image": "images/1.png", "conversations": [{"from": "human", ...}, {"from": "gpt", "value": code}]},
   or with `image` and `code`; the images beside the file. `*_sot.json`, the same charts in steps, is left out;
3. `.tar.gz` archives of that, which are unpacked first;
4. images and `.py` files of the same name, in the same folder or not.

What is wrong with a pair is said in its `problem`; reading goes on behind it.
"""

from __future__ import annotations

import json
import os
import re
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from chart2code.generation import IMAGE_SUFFIXES, ChartError, one_line

IMAGE_COLUMNS = ("image", "images", "img", "picture", "chart", "figure")
CODE_COLUMNS = ("code", "python", "program", "script", "conversations", "messages", "text", "completion", "output")
ARCHIVES = (".tar.gz", ".tgz", ".tar")
TABLES = (".parquet", ".arrow", ".csv")
METADATA = ("dataset_info.json", "dataset_dict.json", "state.json", "dataset_infos.json")
MAX_FILE = 256 * 2**20  # bytes of an image in an archive
CHUNK = 2**20  # characters
_OPENING = re.compile(r"\s*\[?")
_BETWEEN = re.compile(r"[\s,]*")
_RECORD = re.compile(r'\{\s*"(?:id|image|images|conversations|messages|code|name)"\s*:')


@dataclass
class Pair:
    """One record. `problem`: (reason, detail) if it cannot be read, and then neither image nor code counts."""

    name: str
    image: Path | bytes | None = None
    code: str | None = None
    problem: tuple[str, str] | None = None


@dataclass
class Source:
    """Pairs of which `identity` tells whether they are still the same."""

    identity: list[str]
    total: Callable[[], int]
    read: Callable[[], Iterator[Pair]]

    def __iter__(self) -> Iterator[Pair]:
        return self.read()


def open_source(source: str, output: Path, image_column: str | None = None, code_column: str | None = None) -> Source:
    """
    The pairs of a folder, file or Hub data set `source`. Archives are unpacked below `output`, which is no source.

    Raises [`ChartError`] if there is nothing of that kind, or no such columns.
    """
    path, output = Path(source).expanduser(), output.resolve()
    path = (path if path.exists() else _download(source)).absolute()
    unpacked = output / "work" / "source"
    files = [path] if path.is_file() else [f for f in _files(path) if not f.is_relative_to(output)]
    folder = path.parent if path.is_file() else path
    names = {file.name for file in files}
    archives = [file for file in files if file.name.endswith(ARCHIVES)]
    for archive in archives:
        unpack(archive, unpacked)
    if archives:
        files += _files(unpacked)
    roots = [folder, *([unpacked] if archives else [])]
    columns = image_column, code_column

    tables = [file for file in files if file.suffix in TABLES]
    if "state.json" in names or "dataset_dict.json" in names or tables:
        return _dataset_source(path, tables, "dataset_dict.json" in names or "state.json" in names, folder, columns)
    records = [file for file in files if file.suffix in (".json", ".jsonl") and file.name not in METADATA]
    records = [file for file in records if not file.stem.endswith("_sot")] or records
    if records:
        read = lambda: (pair for file in records for pair in _json_pairs(file, [file.parent, *roots], columns))  # noqa: E731
        count = lambda: sum(1 for file in records for _ in json_values(file))  # noqa: E731
        return Source(_identity(records + archives), count, read)
    programs = [file for file in files if file.suffix == ".py"]
    if programs:
        images = [file for file in files if file.suffix.lower() in IMAGE_SUFFIXES]
        count, read = lambda: len(programs), lambda: _file_pairs(programs, images, roots)
        return Source(_identity(programs + images), count, read)
    raise ChartError(
        f"{source} has neither JSON records nor .tar.gz archives, Parquet or Arrow files, or .py files with images"
    )


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


def _identity(files: list[Path]) -> list[str]:
    return [f"{file.name} {file.stat().st_size}" for file in files]


def _download(source: str) -> Path:
    """The folder of a Hub data set; what was downloaded before is not downloaded again."""
    if source.count("/") != 1 or source.startswith((".", "/", "~")):
        raise ChartError(f"no such file or folder: {source}")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(source, repo_type="dataset"))
    except Exception as error:  # no network, no such repository, gated: several libraries, several exceptions
        raise ChartError(
            f"{source} is no folder here, and cannot be fetched from the Hub: {one_line(error)}"
        ) from None


# ---- archives ----


def unpack(archive: Path, folder: Path) -> None:
    """
    Unpacks images, JSON and Python files of a tar archive below `folder`, once. Links, devices, and names that lead
    out of the folder are left out.

    Raises [`ChartError`] if the archive is damaged.
    """
    done = folder / f".{archive.name}.{archive.stat().st_size}.done"
    if done.exists():
        return
    from tqdm import tqdm

    folder.mkdir(parents=True, exist_ok=True)
    count, wanted = 0, (*IMAGE_SUFFIXES, *TABLES, ".json", ".jsonl", ".py")
    try:
        with (
            tarfile.open(archive, "r|*") as members,  # a stream: one pass, no list of its members
            tqdm(desc=f"unpacking {archive.name}", unit="file", disable=None) as progress,
        ):
            for member in members:
                name = PurePosixPath(member.name)
                inside = not name.is_absolute() and ".." not in name.parts and "\\" not in member.name
                right = member.isfile() and member.size <= MAX_FILE or name.suffix in (".json", ".jsonl", *TABLES)
                if not (inside and right and member.isfile() and name.suffix.lower() in wanted):
                    continue
                target = folder.joinpath(*name.parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                if not (target.is_file() and target.stat().st_size == member.size):
                    temporary = target.with_name(target.name + ".part")
                    with temporary.open("wb") as file:
                        for block in _blocks(members.extractfile(member)):
                            file.write(block)
                    os.replace(temporary, target)
                count += 1
                progress.update()
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the disk, not the archive
            raise ChartError(f"cannot unpack {archive}: {error.strerror}") from None
        raise ChartError(f"{archive} is damaged after {count} files ({one_line(error)}): fetch it again") from None
    except Exception as error:  # zlib.error, lzma.LZMAError
        raise ChartError(f"{archive} is damaged after {count} files ({one_line(error)}): fetch it again") from None
    done.touch()


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(CHUNK):
        yield block


# ---- JSON ----


def json_values(path: Path) -> Iterator[tuple[Any, str | None]]:
    """
    (value, None) for each value of a JSON array or of JSON lines, read piece by piece. What is no JSON gives
    (None, what is wrong), and reading goes on at the next record.
    """
    decoder = json.JSONDecoder(strict=False)  # control characters in strings are the record's own matter
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        buffer, place, ended = file.read(CHUNK), 0, False
        place = _OPENING.match(buffer).end()

        def more() -> bool:
            """Reads on, ever larger pieces for ever larger records; forgets what is behind."""
            nonlocal buffer, place, ended
            piece = file.read(max(CHUNK, len(buffer) - place))
            buffer, place, ended = buffer[place:] + piece, 0, not piece
            return not ended

        while True:
            place = _BETWEEN.match(buffer, place).end()
            if place == len(buffer):
                if more():
                    continue
                return
            if buffer[place] == "]":
                return
            try:
                value, place = decoder.raw_decode(buffer, place)
                yield value, None
                continue
            except (ValueError, RecursionError) as error:  # ValueError: a number of thousands of digits, too
                where = getattr(error, "pos", place)
                message = getattr(
                    error, "msg", "nested too deeply" if isinstance(error, RecursionError) else str(error)
                )
            if not ended and (where > len(buffer) - 64 or message.startswith("Unterminated string")):
                more()  # perhaps only cut off
                continue
            yield None, f"no valid JSON: {message}"
            place += 1  # not `where`: behind a missing quote, that is within the next record
            while (following := _RECORD.search(buffer, place)) is None:
                place = max(place, len(buffer) - 64)
                if not more():
                    return
            place = following.start()


def _json_pairs(path: Path, roots: list[Path], columns: tuple[str | None, str | None]) -> Iterator[Pair]:
    for index, (record, wrong) in enumerate(json_values(path)):
        name = f"{path.name}[{index}]"
        if wrong is None and not isinstance(record, dict):
            wrong = f"the record is a {type(record).__name__}, no object"
        if wrong is not None:
            yield Pair(name, problem=("wrong_json", wrong))
            continue
        if isinstance(record.get("id"), str | int):
            name += f" id {str(record['id'])[:100]}"
        try:
            code = _text(_value(record, columns[1], CODE_COLUMNS))
            image = _value(record, columns[0], IMAGE_COLUMNS)
        except ValueError as error:
            yield Pair(name, problem=("wrong_json", str(error)))
            continue
        image = image[0] if isinstance(image, list) and image else image
        yield Pair(name, _find(image, roots) if isinstance(image, str) else None, code)


def _value(record: dict, column: str | None, names: tuple[str, ...]) -> Any:
    for name in (column,) if column else names:
        if name in record:
            return record[name]
    raise ValueError(f"the record has no {column or ' or '.join(names[:2])}")


def _text(value: Any) -> str | None:
    """The code in a column: itself, or the answer of a conversation."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(turn, dict) for turn in value):
        for turn in value:
            if turn.get("from", turn.get("role")) in ("gpt", "assistant"):
                answer = turn.get("value", turn.get("content"))
                if answer is None or isinstance(answer, str):
                    return answer
        raise ValueError("the conversation has no answer")
    raise ValueError(f"the code is a {type(value).__name__}, no text")


def _find(name: str, roots: list[Path]) -> Path | None:
    """The image of that name below one of the folders; nothing outside of them."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        return None
    for root in roots:
        for candidate in (root / path, root / "images" / path):
            try:
                if candidate.is_file():
                    return candidate
            except OSError:  # a name that the file system does not take
                return None
    return None


# ---- files beside each other ----


def _file_pairs(programs: list[Path], images: list[Path], roots: list[Path]) -> Iterator[Pair]:
    by_place = {image.with_suffix(""): image for image in images}
    by_stem: dict[str, Path | None] = {}
    for image in images:
        by_stem[image.stem] = None if image.stem in by_stem else image  # two of that name: which one, nobody knows
    for program in programs:
        root = next(root for root in reversed(roots) if program.is_relative_to(root))
        name = str(program.relative_to(root))
        if program.stat().st_size > MAX_FILE:
            yield Pair(name, problem=("code_too_long", f"{program.stat().st_size} bytes"))
            continue
        code = program.read_text(encoding="utf-8", errors="replace")
        yield Pair(name, by_place.get(program.with_suffix(""), by_stem.get(program.stem)), code)


# ---- datasets ----


def _dataset_source(
    path: Path, tables: list[Path], saved: bool, folder: Path, columns: tuple[str | None, str | None]
) -> Source:
    import datasets

    try:
        if saved:
            data = datasets.load_from_disk(str(path))
        else:
            suffix = tables[0].suffix
            files = sorted(str(file) for file in tables if file.suffix == suffix)
            data = datasets.load_dataset(suffix[1:], data_files=files)
    except Exception as error:
        raise ChartError(f"{path} cannot be read as a data set: {one_line(error)}") from None
    splits = list(data.values()) if isinstance(data, dict) else [data]
    names = []
    for option, wanted, known in (("image", columns[0], IMAGE_COLUMNS), ("code", columns[1], CODE_COLUMNS)):
        found = [n for n in ((wanted,) if wanted else known) if all(n in split.column_names for split in splits)]
        if not found:
            raise ChartError(
                f"{path} has no {option} column{f' {wanted}' if wanted else ''}: say which one with "
                f"--{option}_column; there is {', '.join(splits[0].column_names)}"
            )
        names.append(found[0])
    image_name, code_name = names

    def read() -> Iterator[Pair]:
        number = 0
        for split in splits:
            split = split.select_columns(list(dict.fromkeys(names)))
            if isinstance(split.features[image_name], datasets.Image):
                split = split.cast_column(image_name, datasets.Image(decode=False))
            for row in split:
                yield _row_pair(f"row {number}", row[image_name], row[code_name], folder)
                number += 1

    rows = sum(len(split) for split in splits)
    return Source([*_identity(tables or sorted(path.rglob("*.arrow"))), f"{rows} rows"], lambda: rows, read)


def _row_pair(name: str, image: Any, code: Any, folder: Path) -> Pair:
    image = image[0] if isinstance(image, list) and image else image
    if isinstance(image, dict):  # of datasets.Image
        path = image.get("path")
        image = image.get("bytes") or (Path(path) if path and Path(path).is_file() else path)
    if isinstance(image, str):
        image = _find(image, [folder])
    try:
        return Pair(name, image if isinstance(image, bytes | Path) else None, _text(code))
    except ValueError as error:
        return Pair(name, problem=("wrong_json", str(error)))

"""Pairs of image and code as training data: a folder in the format of Chart2Code-160k, with everything that can be
wrong in it, through the whole of `python -m chart2code.chart2code160k`."""

import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections import Counter
from pathlib import Path

import matplotlib
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from chart2code import chart2code160k
from chart2code.chart2code160k import (
    HELD_OUT,
    Dropped,
    clean_code,
    near_duplicates,
    picture_fingerprint,
    split_charts,
    write_dataset,
)
from chart2code.dataset import COLUMNS, SPLITS, read_split
from chart2code.generation import ChartError
from chart2code.sources import json_values, open_source
from chart2code.synthetic import generate_program

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

ROOT = Path(__file__).parents[1]
SAVES = ({"dpi": 100}, {"dpi": 200}, {"bbox_inches": "tight"}, {"dpi": 60, "bbox_inches": "tight"})


def save(code: str, path: Path, **options) -> None:
    """The picture of a program, as its author saved it."""
    exec(code, {})
    plt.gcf().savefig(path, **options)
    plt.close("all")


def record(index, code: str | None, image: str) -> dict:
    answer = f"Here it is:\n```python\n{code}plt.savefig('{index}.png')\nplt.show()\n```\n" if code else None
    return {"id": index, "image": f"images/{image}", "conversations": [
        {"from": "human", "value": "<image>\nRedraw this chart."}, {"from": "gpt", "value": answer},
    ]}  # fmt: skip


BROKEN = {  # name of the image -> reason
    "missing.png": "missing_image",
    "../../outside.png": "missing_image",
    "truncated.jpg": "damaged_image",
    "empty.png": "damaged_image",
    "no_code.png": "empty_code",
    "only_shows.png": "empty_code",
    "nul.png": "nul_bytes",
    "long.png": "code_too_long",
    "longer.png": "code_too_long",
    "half.png": "syntax_error",
    "name_error.png": "NameError",
    "no_module.png": "ModuleNotFoundError nosuchpackage",
    "no_message.png": "ValueError",
    "no_such_module_name.png": "ModuleNotFoundError",
    "endless.png": "timeout",
    "nothing.png": "no_figure",
    "other.png": "other_picture",
    "no_answer.png": "wrong_json",
    "no_code_key.png": "wrong_json",
}
GOOD = 26


@pytest.fixture(scope="module")
def chart_folder(tmp_path_factory):
    """Folder with `archives` (json.tar.gz, images.tar.gz, as on the Hub) and `unpacked`; the programs by index."""
    folder = tmp_path_factory.mktemp("chart2code160k")
    images = folder / "unpacked" / "images"
    images.mkdir(parents=True)
    bars = "import matplotlib.pyplot as plt\nplt.bar(['a', 'b', 'c'], [3, 5, 2])\n"
    records, programs = [], {}
    for index in range(GOOD):
        programs[index] = generate_program(index, "train").code
        save(programs[index], images / f"{index}.png", **SAVES[index % 4])
        records.append(record(index, programs[index], f"{index}.png"))
    records[0]["id"] = "\ud800"  # half a character, which no file can hold
    for image, reason in BROKEN.items():
        code = {
            "no_code.png": None, "only_shows.png": "import matplotlib.pyplot as plt\n", "nul.png": bars + "# \0\n",
            "long.png": bars + f"x = {list(range(20000))}\n", "longer.png": bars + "#" * 10_000_000 + "\n",
            "half.png": bars + "plt.title('half\n", "name_error.png": bars + "plt.bar(x)\n",
            "no_module.png": "import nosuchpackage\n" + bars, "endless.png": bars + "while True: pass\n",
            "no_message.png": "raise ValueError\n", "no_such_module_name.png": "raise ModuleNotFoundError('none')\n",
            "nothing.png": "print(1)\n",
            "other.png": "import matplotlib.pyplot as plt\nplt.pie([1, 9], colors=['r', 'k'])\n",
        }.get(image, bars)  # fmt: skip
        records.append(record(image.split(".")[0], code, image))
        if image == "no_answer.png":
            records[-1]["conversations"].pop()
        elif image == "no_code_key.png":
            del records[-1]["conversations"]
        if reason not in ("missing_image",):
            save(bars, images / image)
    save(bars, folder / "outside.png")
    (images / "empty.png").write_bytes(b"")
    truncated = images / "truncated.jpg"
    truncated.write_bytes(truncated.read_bytes()[:3000])
    random.Random(0).shuffle(records)
    texts = [json.dumps(value) for value in [*records, "no record", 5]]
    texts.insert(7, json.dumps(records[0])[:-30])  # no JSON, in the middle of the file
    texts.insert(9, f'{{"id": {"9" * 5000}}}')  # a number that Python does not read
    (folder / "unpacked" / "chart2code.json").write_text("[" + ",\n".join(texts) + "]")
    (folder / "unpacked" / "chart2code_sot.json").write_text("[]")

    archives = folder / "archives"
    archives.mkdir()
    with tarfile.open(archives / "json.tar.gz", "w:gz") as archive:
        archive.add(folder / "unpacked" / "chart2code.json", "chart2code.json")
    with tarfile.open(archives / "images.tar.gz", "w:gz") as archive:
        archive.add(images, "images")
        for name, link in (
            ("../escaped.png", None),
            ("/tmp/escaped_c2c.png", None),
            ("images/link.png", "/etc/passwd"),
        ):
            member = tarfile.TarInfo(name)
            if link:
                member.type, member.linkname = tarfile.SYMTYPE, link
            archive.addfile(member, io.BytesIO())
    return folder, programs


@pytest.fixture(scope="module")
def built(chart_folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("built") / "data"
    report = write_dataset(str(chart_folder[0] / "archives"), output, num_workers=2, timeout=8, shard_size=10)
    return output, report


def rows_of(folder: Path, split: str) -> list[dict]:
    return [row for path in sorted((folder / split).glob("*")) for row in pq.read_table(path).to_pylist()]


def test_every_broken_record_is_counted_and_named(built):
    output, report = built
    expected = Counter(BROKEN.values()) + Counter(wrong_json=4)  # a string, a number, and the two above
    dropped = [json.loads(line) for line in (output / "dropped.jsonl").read_text().splitlines()]
    found = Counter(line["reason"] for line in dropped)
    assert {reason: n for reason, n in found.items() if reason != "near_duplicate"} == expected
    assert {reason: entry["count"] for reason, entry in report["dropped"].items()} == found
    reasons = {line["name"].split(" id ")[-1]: line["reason"] for line in dropped}
    for image, reason in BROKEN.items():
        if reason != "wrong_json":
            assert reasons[image.split(".")[0]] == reason
    assert report["records"] == GOOD + expected.total() == report["kept"] + len(dropped)
    assert report == json.loads((output / "report.json").read_text())
    assert not Path("/tmp/escaped_c2c.png").exists() and not list(output.parent.glob("escaped*"))


def test_rows_are_the_charts_of_the_source(built, chart_folder):
    """Code without saving, the original picture on the canvas, and what the executed artists tell."""
    output, report = built
    folder, programs = chart_folder
    kept = {split: read_split(output, split) for split in SPLITS}
    assert {split: len(data) for split, data in kept.items()} == report["splits"]
    by_code = {clean_code(code): index for index, code in programs.items()}
    seen = []
    for data in kept.values():
        assert tuple(data.column_names) == COLUMNS
        for row in data:
            index = by_code[row["code"]]
            seen.append(index)
            program = generate_program(index, "train")
            assert (row["chart_type"], row["variant"]) == (program.chart_type, program.variant)
            assert "savefig" not in row["code"] and "show" not in row["code"] and row["num_elements"] > 5
            original = Image.open(folder / "unpacked" / "images" / f"{index}.png").convert("RGB")
            scale = 512 / max(original.size)
            assert row["image"].size == (512, 512)
            assert np.asarray(row["image"].crop((0, 0, 512, 3)))[0].min() == 255 or original.height >= original.width
            if row["chart_type"] == "pie" and row["marks"]:  # in the middle of wedges, which have colours
                pixels = np.asarray(row["image"]).astype(int)
                places = [pixels[round(m[1] * 512), round(m[0] * 512)] for m in row["marks"]]
                assert all(np.ptp(place) > 10 or place.max() < 245 for place in places), (index, scale)
    assert len(seen) == len(set(seen))
    assert all(row["marks"] is not None for data in kept.values() for row in data)  # all drawings are the pictures


def test_splits(built):
    output, report = built
    codes = {split: set(read_split(output, split)["code"]) for split in SPLITS}
    assert sum(map(len, codes.values())) == len(set().union(*codes.values()))
    for split in ("train", "validation"):
        assert not set(read_split(output, split)["variant"]) & set(HELD_OUT)
    assert set(read_split(output, "test")["variant"]) & set(HELD_OUT)


@pytest.mark.slow
def test_interrupted_and_continued_equals_uninterrupted(built, chart_folder, tmp_path, monkeypatch):
    """Killed while it executes, stopped while it writes the splits; from the unpacked folder, not the archives."""
    output, report = built
    again = tmp_path / "data"
    program = "import sys; from chart2code import chart2code160k as c; c.PART = 8; sys.exit(c.main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, str(chart_folder[0] / "unpacked"), "--output", str(again)]
    command += ["--num_workers", "1", "--timeout", "8", "--shard_size", "10"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.time() + 120
    while len(list(again.glob("work/parts/*.parquet"))) < 2 and process.poll() is None and time.time() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    parts = {path: path.stat().st_mtime_ns for path in again.glob("work/parts/*.parquet")}
    assert 2 <= len(parts) < 6 and not (again / "work" / "parts" / "complete").exists()
    with pytest.raises(ChartError, match="no train charts"):
        read_split(again, "train")

    monkeypatch.setattr(chart2code160k, "PART", 8)
    values = {"num_workers": 2, "timeout": 8, "shard_size": 10}
    written = []

    def full_disk(path, rows):
        if written:
            raise OSError(28, "No space left on device")
        written.append(path)
        shard(path, rows)

    shard = chart2code160k.write_shard
    with monkeypatch.context() as context:
        context.setattr(chart2code160k, "write_shard", full_disk)
        with pytest.raises(OSError, match="No space left"):
            write_dataset(str(chart_folder[0] / "unpacked"), again, **values)
    assert all(path.stat().st_mtime_ns == written_at for path, written_at in parts.items())  # nothing is done twice
    resumed = write_dataset(str(chart_folder[0] / "unpacked"), again, **values)
    assert {k: v for k, v in resumed.items() if k != "source"} == {k: v for k, v in report.items() if k != "source"}
    for split in SPLITS:
        assert rows_of(again, split) == rows_of(output, split)
    assert (again / "dropped.jsonl").read_text() == (output / "dropped.jsonl").read_text()
    assert not (again / "work").exists()
    assert write_dataset(str(chart_folder[0] / "unpacked"), again, **values) == resumed  # nothing left to do
    with pytest.raises(ChartError, match="another timeout.*--output"):
        write_dataset(str(chart_folder[0] / "unpacked"), again, **{**values, "timeout": 9})


@pytest.mark.parametrize("form", ["files", "parquet", "save_to_disk", "jsonl", "hub"])
def test_other_forms_of_the_same_pairs(form, chart_folder, tmp_path, monkeypatch):
    import datasets

    folder, programs = chart_folder
    few = {index: programs[index] for index in range(3)}
    pictures = {index: folder / "unpacked" / "images" / f"{index}.png" for index in few}
    source = tmp_path / "source"
    source.mkdir()
    table = {"picture_of_it": list(map(str, pictures.values())), "python": list(few.values())}
    if form == "files":
        for index, code in few.items():
            (source / f"{index}.py").write_text(code)
            (source / "png").mkdir(exist_ok=True)
            shutil.copy(pictures[index], source / ("png" if index else ".") / f"{index}.png")
        (source / "alone.py").write_text("1")
    elif form == "jsonl":
        lines = [json.dumps({"code": few[i], "image": pictures[i].name}) for i in few]
        for picture in pictures.values():
            shutil.copy(picture, source)
        (source / "train.jsonl").write_text("\n".join([*lines, '{"code": "']) + "\n")
    else:
        data = datasets.Dataset.from_dict(table).cast_column("picture_of_it", datasets.Image())
        if form == "save_to_disk":
            datasets.DatasetDict(train=data.select([0, 1]), test=data.select([2])).save_to_disk(source)
        elif form == "parquet":
            data.to_parquet(source / "train.parquet")
        else:  # what huggingface_hub keeps of a data set that was downloaded before
            cache = tmp_path / "cache" / "datasets--someone--charts"
            snapshot = cache / "snapshots" / "0123abcd"
            snapshot.mkdir(parents=True)
            (cache / "refs").mkdir()
            (cache / "refs" / "main").write_text("0123abcd")
            data.to_parquet(snapshot / "train.parquet")
            monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
            monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
            source = "someone/charts"
    column = None if form in ("files", "jsonl") else "picture_of_it"
    pairs = list(open_source(str(source), tmp_path / "output", image_column=column))
    good = [pair for pair in pairs if pair.problem is None and pair.image is not None]
    assert [pair.code for pair in good] == list(few.values())
    for pair, picture in zip(good, pictures.values()):
        content = pair.image if isinstance(pair.image, bytes) else pair.image.read_bytes()
        assert content == picture.read_bytes()
    assert len(pairs) - len(good) == (form in ("files", "jsonl"))


def test_json_is_read_piece_by_piece(tmp_path, monkeypatch):
    """Any size of the pieces gives the values of `json.loads`; what is broken costs no other record."""
    monkeypatch.setattr("chart2code.sources.CHUNK", 7)
    records = [{"id": i, "code": "x" * i * 3 + '"\\\n{"id": é', "conversations": [{"from": "gpt"}]} for i in range(9)]
    path = tmp_path / "records.json"
    for text in (
        json.dumps(records),
        json.dumps(records, indent=2, ensure_ascii=False),
        "\n".join(map(json.dumps, records)),
    ):
        path.write_text(text, encoding="utf-8")
        assert list(json_values(path)) == [(value, None) for value in records]
    texts = list(map(json.dumps, records))
    texts[2] = texts[2].replace('"}', "}")  # no closing quote
    texts[5] = texts[5][:20]
    path.write_text("[" + ", ".join(texts)[:-9])
    values = list(json_values(path))
    assert [value["id"] for value, wrong in values if wrong is None] == [0, 1, 3, 4, 6, 7]
    assert sum(wrong is not None for _, wrong in values) == 3


@pytest.mark.parametrize("text, expected", [
    ("```python\nimport x\nx.f()\nplt.savefig('a.png')\nplt.show()\n```", "import x\nx.f()\n"),
    ("f()\nif True:\n    plt.show()\n", "f()\nif True:\n    pass\n"),
    ("f(); fig.savefig(\n  'é'); g()  # kept\n", "f(); pass; g()  # kept\n"),
    ("s = 'é'; plt.show()\nplt.close('all')  # gone\n# kept\r\ng()", "s = 'é'; pass\n\n# kept\ng()\n"),
    ("def f():\n    a()\n    plt.show()\n    return 1\nf()\n", "def f():\n    a()\n\n    return 1\nf()\n"),
    ("show(1)\nfile.close()\n", "show(1)\nfile.close()\n"),
])  # fmt: skip
def test_clean_code(text, expected):
    assert clean_code(text) == expected


@pytest.mark.parametrize("text, reason", [(None, "empty_code"), ("```\n```", "empty_code"), ("a\0", "nul_bytes"),
                                          ("f(", "syntax_error"), ("(" * 5000, "syntax_error")])  # fmt: skip
def test_no_code(text, reason):
    with pytest.raises(Dropped) as dropped:
        clean_code(text)
    assert dropped.value.args[0] == reason


def test_splits_are_stratified_and_held_out_variants_only_tested():
    rng = random.Random(0)
    kinds = [("bar", "basic")] * 200 + [("line", "single")] * 101 + [("complex", "heatmap")] * 40
    kinds += [("complex", name) for name in HELD_OUT]
    charts = [
        {"chart_type": t, "variant": v, "code_hash": f"{rng.random()}", "seed": i} for i, (t, v) in enumerate(kinds)
    ]
    splits = split_charts(charts)
    for kind, count in Counter(kinds).items():
        found = Counter(s for s, k in zip(splits, kinds) if k == kind)
        if kind[1] in HELD_OUT:
            assert found == {"test": count}
        else:
            assert all(abs(found[s] - share * count) <= 1.5 for s, share in zip(SPLITS, (0.7, 0.15, 0.15)))
    order = list(range(len(charts)))
    rng.shuffle(order)
    assert split_charts([charts[i] for i in order]) == [splits[i] for i in order]
    assert len(HELD_OUT) == len(set(HELD_OUT)) == 32


KINDS = """
import matplotlib.pyplot as plt
from benchmarks.held_out_variants import SCRIPTS, Chance
from eval_metric import elements, kinds

elements.record_calls()
for _, draw in SCRIPTS:
    plt.close("all")
    elements.forget_calls()
    draw(Chance(1))
    plt.gcf().canvas.draw()
    print(*kinds.trace_kind(elements.drawn_calls(plt.gcf())), draw.__name__)
"""


def test_the_scripts_of_held_out_variants_draw_them():
    """benchmarks/held_out_variants.py: one script for each, named as what it draws."""
    run = subprocess.run([sys.executable, "-c", KINDS], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == [f"complex {name} {name}" for name in HELD_OUT]


def test_near_duplicates_are_found_across_splits_alone():
    """Against every pair by hand."""
    rng = np.random.default_rng(0)
    splits = [str(s) for s in rng.choice(SPLITS, 300)]
    bits = rng.integers(0, 2, (300, 512), dtype=np.uint8)
    for i in range(100, 200):  # copies of another chart with some bits flipped
        bits[i] = bits[i - 100]
        bits[i, rng.choice(512, rng.integers(0, 25), replace=False)] ^= 1
    charts = [{"code_hash": str(i % 280), "picture_hash": np.packbits(b).tobytes()} for i, b in enumerate(bits)]
    rank = {"train": 0, "validation": 1, "test": 2}
    found = near_duplicates(charts, splits, near=12)
    for i, j in found.items():
        assert rank[splits[j]] < rank[splits[i]]
        assert i % 280 == j % 280 or (bits[i] != bits[j]).sum() <= 12
    kept = [i for i in range(300) if i not in found]
    for i in kept:
        for j in kept:
            if splits[i] != splits[j]:
                assert i % 280 != j % 280 and (bits[i] != bits[j]).sum() > 12


def test_fingerprints_of_pictures(tmp_path):
    """Another resolution, other margins and JPEG keep a picture's fingerprint nearly; another chart has another."""
    prints = []
    for seed in (1, 2):
        code = generate_program(seed, "validation", "bar").code
        for name, options in (("a.png", {}), ("b.png", {"dpi": 200}), ("c.jpg", {"bbox_inches": "tight", "dpi": 150})):
            save(code, tmp_path / name, **options)
            image = Image.open(tmp_path / name).convert("RGB")
            prints.append(np.unpackbits(np.frombuffer(picture_fingerprint(image), np.uint8)))
    distances = np.array([[(a != b).sum() for a in prints] for b in prints])
    assert distances[:3, :3].max() <= chart2code160k.NEAR and distances[3:, 3:].max() <= chart2code160k.NEAR
    assert distances[:3, 3:].min() > 2 * chart2code160k.NEAR


@pytest.mark.parametrize("arguments, word", [
    (["nowhere"], "nowhere"), (["./no/where"], "no such file"), (["{empty}"], "JSON"), (["{tar}"], "damaged"),
    (["{table}"], "--image_column"), (["{table}", "--image_column", "x", "--code_column", "z"], "there is x"),
    (["{bad}"], "no usable pair"),
])  # fmt: skip
def test_mistakes_are_one_line(arguments, word, tmp_path, capsys):
    empty, table, bad = tmp_path / "empty", tmp_path / "table", tmp_path / "bad"
    for folder in (empty, table, bad):
        folder.mkdir()
    (table / "a.csv").write_text("x,y\n1,2\n")
    (bad / "a.json").write_text("{}")
    tar = tmp_path / "images.tar.gz"
    with tarfile.open(tar, "w:gz") as archive:
        archive.add(ROOT / "examples", "examples")
    tar.write_bytes(tar.read_bytes()[:20000])
    arguments = [a.format(empty=empty, table=table, bad=bad, tar=tar) for a in arguments]
    assert chart2code160k.main([*arguments, "--output", str(tmp_path / "output")]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("chart2code160k: ") and word in error

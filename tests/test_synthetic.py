"""Synthetic charts: deterministic, disjoint splits, programs that say only what the picture shows, resumable data."""

import ast
import collections
import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from chart2code import synthetic
from chart2code.dataset import COLUMNS, SPLITS, png, read_split, select_charts, write_shard
from chart2code.generation import ChartError
from chart2code.synthetic import CHART_TYPES, FIRST_SEED, RATIOS, VARIANTS, generate_program

ROOT = Path(__file__).parent.parent
COUNTS = {"train": 2500, "validation": 700, "test": 700}
METHODS = set(
    "subplots bar barh bar_label axhline axvline plot scatter pie stackplot errorbar fill_between twinx set_title "
    "set_xlabel set_ylabel set_xticks set_xlim set_ylim tick_params invert_yaxis set_major_formatter legend grid "
    "set_axisbelow set_visible set_facecolor tight_layout".split()
)


@pytest.fixture(scope="module")
def programs():
    return {
        split: [generate_program(FIRST_SEED[split] + i, split) for i in range(count)]
        for split, count in COUNTS.items()
    }


def one_of_each_variant(each=1, first=0):
    found = collections.Counter()
    for family in CHART_TYPES:
        seed = first
        while sum(found[family, v] for v in VARIANTS[family]) < each * len(VARIANTS[family]):
            program = generate_program(seed, "train", family)
            seed += 1
            if found[family, program.variant] < each:
                found[family, program.variant] += 1
                yield program


def titles(code):
    return [
        node.args[0].value
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "set_title"
    ]


def numeric_columns(code):
    """{variable: values} of all columns of numbers, as `a, b = zip(*[(1, 2), (3, 4)])` assigns them."""
    found = {}
    for node in ast.parse(code).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            if not (isinstance(node.value, ast.Call) and getattr(node.value.func, "id", "") == "zip"):
                continue
            rows = ast.literal_eval(node.value.args[0].value)
            for index, target in enumerate(node.targets[0].elts):
                values = [row[index] for row in rows]
                if not isinstance(values[0], str):
                    found[target.id] = values
    return found


def data_rows(program):
    """The columns of a program that hold data: all but the regular axis of lines, areas and dual axes."""
    axis = {"years"} if program.chart_type == "scatter" or program.variant == "scatter_line" else {"years", "x"}
    return [tuple(row) for name, row in numeric_columns(program.code).items() if name not in axis]


def test_deterministic_and_independent_of_hash_seed():
    command = (
        "from chart2code.synthetic import generate_program as g\nprint([g(s, 'validation').code for s in range(60)])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", command], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert ast.literal_eval(outputs.pop().decode()) == [generate_program(s, "validation").code for s in range(60)]


def test_programs_are_the_same_on_every_machine():
    code = "".join(generate_program(seed, split).code for split in SPLITS for seed in range(100))
    # Changes with each change of the generator, on purpose: a data set that was written before is another one then.
    assert hashlib.sha256(code.encode()).hexdigest()[:16] == "8a201c02c1c258ea"


def test_seeds_splits_and_families_matter():
    assert generate_program(1, "train") != generate_program(2, "train")
    assert generate_program(1, "train") != generate_program(1, "test")
    for family in CHART_TYPES:
        assert generate_program(5, "train", family).chart_type == family
    with pytest.raises(ValueError, match="unknown split 'tests'"):
        generate_program(0, "tests")
    with pytest.raises(ValueError, match="unknown chart type 'radar'"):
        generate_program(0, "train", "radar")


def test_splits_share_no_program_title_or_row(programs):
    seen = {}
    for split, group in programs.items():
        seen[split] = {
            "title": {t for p in group for t in titles(p.code)},
            "row": {row for p in group for row in data_rows(p)},
            "code": {p.code for p in group},
        }
        assert len(seen[split]["title"]) > 200
        assert len(seen[split]["code"]) == len(group)
        assert all(data_rows(p) for p in group)
    for kind in ("title", "row", "code"):
        for a, b in (("train", "validation"), ("train", "test"), ("validation", "test")):
            assert not seen[a][kind] & seen[b][kind], kind
    first = [FIRST_SEED[split] for split in SPLITS]
    assert all(b - a >= 10**8 for a, b in zip(first, first[1:]))  # room for more charts than anybody will render


def test_proportions_of_table_ii(programs):
    shares = {f: r / sum(RATIOS.values()) for f, r in zip(CHART_TYPES, (31.3, 26.8, 17.9, 13.4, 8.9))}
    for group in (*programs.values(), programs["train"][1000:1300]):
        counts = collections.Counter(p.chart_type for p in group)
        for family, share in shares.items():
            assert counts[family] / len(group) == pytest.approx(share, abs=0.01)
    variants = collections.Counter((p.chart_type, p.variant) for p in programs["train"])
    assert set(variants) == {(f, v) for f in VARIANTS for v in VARIANTS[f]}


def test_lengths(programs):
    lengths = [len(p.code) for p in programs["train"]]
    assert 350 < np.mean(lengths) < 450
    assert max(lengths) < 850


def test_programs_are_canonical(programs):
    for program in (p for group in programs.values() for p in group):
        lines = program.code.splitlines()
        assert lines[0] == "import matplotlib.pyplot as plt" and lines[1] == ""
        assert lines[2].startswith("fig, ax = plt.subplots(")
        tree = ast.parse(program.code)
        # One spelling, Python's own, but for double quotes and the fixed number of decimals.
        spelled = re.sub(r"(\.\d+?)0+\b", r"\1", program.code)
        assert ast.unparse(tree).replace("'", '"').split() == spelled.split()
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", None))
                assert name in METHODS | {"range", "zip"}, program.code
                assert not {k.arg for k in node.keywords} & {"zorder", "dpi", "gid"}
        # A label is shown by a legend or not written; a legend has labels.
        labelled = "label=" in program.code or "labels=[" in program.code or program.chart_type == "pie"
        assert ("label=" in program.code) <= ("ax.legend(" in program.code)
        assert ("ax.legend(" in program.code) <= labelled
        # Each variable is used.
        names = [n for n in ast.walk(tree) if isinstance(n, ast.Name)]
        stored, read = ({n.id for n in names if isinstance(n.ctx, kind)} for kind in (ast.Store, ast.Load))
        assert stored - {"fig"} <= read, program.code


def test_clockwise_pies_without_a_legend_are_written_counterclockwise():
    pairs = []
    for seed in range(400):
        code = generate_program(seed, "train", "pie").code
        names, sizes, rows = re.search(r"(\w+), (\w+) = zip\(\*(\[.*\])\)\n", code).groups()
        backwards = ast.literal_eval(rows)[::-1]
        if "counterclock=False" in code and "ax.legend" not in code:  # the row turned round belongs to another split
            assert synthetic.split_of(str([size for _, size in backwards])) != "train"
        cycle = "colors=[" + ", ".join(f'"{c}"' for c in synthetic.DEFAULT_CYCLE[: len(backwards)][::-1]) + "]"
        if cycle in code and "explode" not in code:  # matplotlib's own colours, the last wedge first
            clockwise = code.replace(rows, str(backwards)).replace(cycle, "counterclock=False")
            pairs.append((clockwise, code))
    assert len(pairs) > 5
    from eval_metric.executor import Executor

    with Executor(num_workers=2) as executor:
        for pair in pairs[:6]:
            before, after = (result.image.astype(int) for result in executor.run_many(pair))
            assert (np.abs(before - after).max(axis=-1) > 40).mean() < 0.01, pair[1]  # the seams between wedges


def test_values_have_readable_precision(programs):
    for program in programs["train"]:
        for row in data_rows(program):
            if program.chart_type == "pie":
                assert sum(row) == 100 and min(row) >= 5
                continue
            shown = max(map(abs, row))
            step = next(s for s in (0.01, 0.1, 1, 10, 100, 1000) if shown < 100 * s)
            assert all(abs(v / step - round(v / step)) < 1e-6 for v in row) or min(row) < 0 or shown < 20 * step


def test_scatter_points_are_few_sorted_and_apart(programs):
    for program in (p for p in programs["train"] if p.chart_type == "scatter"):
        lists = numeric_columns(program.code)
        xs, ys = ([v for k, v in lists.items() if k[0] == axis] for axis in "xy")
        assert [len(x) for x in xs] == [len(y) for y in ys]
        assert all(a < b for x in xs for a, b in zip(x, x[1:]))
        points = np.array([p for x, y in zip(xs, ys) for p in zip(x, y)], dtype=float)
        assert 6 <= len(points) <= 20
        gaps = np.abs(points[:, None] - points[None]) / np.ptp(points, axis=0)
        np.fill_diagonal(gaps[..., 0], 1)
        assert (gaps > 0.03).any(-1).all(), program.code


def draw(code):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.close("all")
    try:
        with matplotlib.rc_context(matplotlib.rcParamsDefault | {"backend": "Agg"}):
            exec(compile(code, "program", "exec"), {})
            canvas = plt.gcf().canvas
            canvas.draw()
            return np.asarray(canvas.buffer_rgba())[..., :3].copy()
    finally:
        plt.close("all")


def without(code):
    """(what is left out, the program without it) for each optional statement and keyword argument of a program."""
    tree = ast.parse(code)
    for index, node in enumerate(tree.body):
        if isinstance(node, ast.Expr):
            rest = ast.Module(tree.body[:index] + tree.body[index + 1 :], [])
            yield ast.unparse(node), ast.unparse(rest)
    count = sum(len(n.keywords) for n in ast.walk(tree) if isinstance(n, ast.Call))
    for index in range(count):
        tree, position = ast.parse(code), 0
        for node in (n for n in ast.walk(tree) if isinstance(n, ast.Call)):
            if position <= index < position + len(node.keywords):
                keyword = node.keywords.pop(index - position)
                yield ast.unparse(keyword), ast.unparse(tree)
                break
            position += len(node.keywords)


@pytest.mark.slow
def test_everything_in_a_program_shows():
    invisible = []
    for program in one_of_each_variant(each=1, first=300):
        picture = draw(program.code)
        for part, rest in without(program.code):
            if part.startswith("ax.set_xticks(") or (part == "loc='upper left'" and "bbox_to_anchor" in rest):
                continue  # always there with a numeric axis, or with an anchor: no question to the picture
            try:
                other = draw(rest)
            except Exception:
                continue  # not optional: the rest does not run
            if picture.shape == other.shape and np.array_equal(picture, other):
                invisible.append((part, program.code))
    assert not invisible, invisible[0]


def test_every_variant_renders_in_the_executor():
    from eval_metric.executor import Executor

    programs = list(one_of_each_variant())
    with Executor(num_workers=2) as executor:
        for program, result in zip(programs, executor.run_many(p.code for p in programs)):
            assert result.ok, (result.error, program.code)
            assert result.facts["num_elements"] > 5
            assert (result.image < 250).any(-1).mean() > 0.005


def rows_of(folder, split):
    """What is in the files, read by pyarrow alone."""
    import pyarrow.parquet as pq

    return [row for path in sorted(Path(folder, split).glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def command(folder, train, **options):
    words = [f"--{k}={v}" for k, v in {"validation": 2, "test": 3, "shard_size": 5, **options}.items()]
    return [sys.executable, "-m", "chart2code.synthetic", f"--output={folder}", f"--train={train}", *words]


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A data set whose writer was killed after its second shard of training charts, and continued."""
    folder = tmp_path_factory.mktemp("synthetic") / "data"
    process = subprocess.Popen(
        command(folder, 25), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.time() + 120
    while len(list(folder.glob("train/*.parquet"))) < 2 and process.poll() is None and time.time() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    finished = {p: p.stat().st_mtime_ns for p in folder.glob("*/*.parquet")}
    assert {p.parent.name for p in finished} == set(SPLITS) and len(finished) < 7, "killed too late"
    assert synthetic.write_dataset(folder, {"train": 25, "validation": 2, "test": 3}, 1, 5) == 0
    assert all(p.stat().st_mtime_ns == t for p, t in finished.items())
    return folder


def test_killed_and_continued_data_set_is_whole(killed, tmp_path):
    synthetic.write_dataset(tmp_path, {"train": 5, "validation": 2, "test": 3}, 2, 5)
    assert rows_of(killed, "train")[:5] == rows_of(tmp_path, "train")
    assert rows_of(killed, "test") == rows_of(tmp_path, "test")
    for split, count in (("train", 25), ("validation", 2), ("test", 3)):
        rows = rows_of(killed, split)
        assert [r["seed"] for r in rows] == list(range(FIRST_SEED[split], FIRST_SEED[split] + count))
        assert all(r["code"] == generate_program(r["seed"], split).code for r in rows)


def test_load_gives_what_was_drawn(killed):
    from PIL import Image

    from eval_metric.similarity import to_canvas

    data = read_split(killed, "train")
    assert tuple(data.column_names) == COLUMNS and len(data) == 25
    assert data.features["num_elements"].dtype == "int32" and data.features["seed"].dtype == "int64"
    image = data[3]["image"]
    assert image.mode == "RGB" and image.size == (512, 512)
    assert np.array_equal(np.asarray(image), to_canvas(draw(data[3]["code"])))
    raw = rows_of(killed, "train")[3]["image"]["bytes"]
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(raw))), np.asarray(image))

    bars = select_charts(data, families=["bar", "pie"])
    assert set(bars["chart_type"]) == {"bar", "pie"}
    variant = bars[0]["variant"]
    assert set(select_charts(data, variants=[variant])["variant"]) == {variant}


def test_load_says_what_is_wrong(killed, tmp_path):
    with pytest.raises(ChartError, match="no train charts"):
        read_split(tmp_path, "train")
    with pytest.raises(ChartError, match="python -m chart2code.synthetic --output"):
        read_split(tmp_path / "nowhere", "train")
    with pytest.raises(ChartError, match="unknown split 'dev'"):
        read_split(killed, "dev")
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "shard-00000.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(ChartError, match="cannot read the train split"):
        read_split(tmp_path, "train")
    data = read_split(killed, "train")
    with pytest.raises(ChartError, match="no chart_type bars; there is .*bar"):
        select_charts(data, families=["bars"])
    with pytest.raises(ChartError, match="no charts are left"):
        select_charts(data, max_samples=0)


def test_other_settings_are_refused_and_whole_shards_grow(killed, capsys):
    before = sorted(killed.glob("*/*.parquet"))
    arguments = command(killed, 25)[3:]
    for change, word in ((["--shard_size=4"], "shard_size"), (["--train=24"], "--train"), (["--test=9"], "--test")):
        assert synthetic.main([*arguments, *change]) == 1
        message = capsys.readouterr().err
        assert message.startswith("error: ") and word in message and message.count("\n") == 1
    path = killed / "dataset_info.json"
    settings = json.loads(path.read_text())
    path.write_text(json.dumps({**settings, "generator": "0"}))
    assert synthetic.main(arguments) == 1
    assert "generator" in capsys.readouterr().err
    path.write_text(json.dumps(settings))
    assert sorted(killed.glob("*/*.parquet")) == before
    assert synthetic.main([*arguments, "--train=27"]) == 0
    assert [r["seed"] for r in rows_of(killed, "train")] == list(range(27))


def test_programs_that_fail_are_counted_and_left_out(tmp_path, monkeypatch, capsys):
    generate = synthetic.generate_program

    def with_a_bug(seed, split, family=None):
        program = generate(seed, split, family)
        return synthetic.ChartProgram("1 / 0", "bar", "basic") if seed == 1 else program

    monkeypatch.setattr(synthetic, "generate_program", with_a_bug)
    monkeypatch.setattr(synthetic, "_fingerprint", lambda wide: "test")
    assert synthetic.main(command(tmp_path, 3, validation=0, test=0)[3:]) == 1
    assert "1 programs failed" in capsys.readouterr().out
    assert [r["seed"] for r in rows_of(tmp_path, "train")] == [0, 2]


def test_labels_of_another_width_are_refused(tmp_path):
    row = {name: "" for name in COLUMNS} | {
        "image": png(np.full((8, 8, 3), 255, np.uint8)),
        "num_elements": 1,
        "seed": 0,
    }
    row |= {"marks": [[0.5, 0.5, None, 0.1]], "corners": [], "characters": []}
    write_shard(tmp_path / "train" / "shard-00000.parquet", [row])
    with pytest.raises(ChartError, match="written when marks were rows of 4 numbers, now they are 7: delete"):
        read_split(tmp_path, "train")

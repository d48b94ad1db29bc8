"""Wide charts: deterministic, of their split, drawn without a warning, and nothing said that does not show."""

import ast
import collections
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_synthetic import data_rows, draw, numeric_columns, titles

from chart2code import synthetic
from chart2code.dataset import SPLITS
from chart2code.synthetic import CHART_TYPES, FIRST_SEED, Draw, generate_program, make_program, split_of
from chart2code.wide import _Wide, widen

ROOT = Path(__file__).parent.parent
SEEDS = range(60)


@pytest.fixture(scope="module")
def pairs():
    """Plain programs of all families, and what is made of them."""
    plain = [generate_program(seed, "train", CHART_TYPES[seed % 5]) for seed in SEEDS]
    return [(program, widen(program, seed, "train")) for seed, program in zip(SEEDS, plain)]


def test_deterministic_and_independent_of_hash_seed():
    command = (
        "from chart2code.synthetic import make_program as m\nprint([m(s, 'validation', 1.0).code for s in range(60)])"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    output = subprocess.run([sys.executable, "-c", command], cwd=ROOT, env=environment, capture_output=True).stdout
    assert ast.literal_eval(output.decode()) == [make_program(s, "validation", 1.0).code for s in range(60)]


def test_share_of_wide_charts():
    seeds = range(120)
    plain = [generate_program(seed, "test") for seed in seeds]
    assert [make_program(seed, "test") for seed in seeds] == plain
    wide = {share: {s for s in seeds if make_program(s, "test", share) != plain[s]} for share in (0.3, 0.6)}
    assert wide[0.3] < wide[0.6] and 50 < len(wide[0.6]) < 85


def test_programs_are_as_those_of_the_plain_charts(pairs):
    """One order of statements, one spelling; and each aspect comes alone and with others."""
    seen = collections.Counter()
    for plain, wide in pairs:
        assert (wide.chart_type, wide.variant) == (plain.chart_type, plain.variant)
        lines = wide.code.splitlines()
        assert lines[:2] == ["import matplotlib.pyplot as plt", ""] and lines[-1] == "fig.tight_layout()"
        starts = [line.split("(")[0] for line in lines]
        order = ["plt.style.use", "fig, ax = plt.subplots", "ax.set_title", "ax.legend", "ax.grid", "ax.set_facecolor"]
        places = [starts.index(start) for start in order if start in starts]
        assert places == sorted(places)
        seen.update(start for start in set(starts))
        seen["other figure"] += "figsize" in wide.code
    assert len({wide.code for _, wide in pairs}) == len(pairs)
    for start in ("plt.style.use", 'plt.rcParams["font.family"] = "serif"', "ax.axhline", "ax.annotate", "ax.text"):
        assert 0 < seen[start] < 40, start


def test_titles_and_rows_belong_to_the_split():
    for split in SPLITS:
        changed = 0
        for seed in range(FIRST_SEED[split], FIRST_SEED[split] + 40):
            plain = generate_program(seed, split)
            wide = widen(plain, seed, split)
            assert all(split_of(title) == split for title in titles(wide.code))
            changed += titles(wide.code) != titles(plain.code)
            if data_rows(plain) != data_rows(wide):
                changed += 1
                for row in rows_as_written(wide):
                    assert split_of(row) == split
        assert changed > 12


def rows_as_written(program):
    """The columns of data of a program, in the form that is hashed."""
    for statement in ast.parse(program.code).body:
        if isinstance(statement, ast.Assign) and "zip(" in ast.unparse(statement):
            rows = [row.elts for row in statement.value.args[0].value.elts]
            names = [target.id for target in statement.targets[0].elts]
            axis = set() if "scatter" in program.variant or program.chart_type == "scatter" else {"years", "x"}
            for name, column in zip(names, zip(*rows)):
                if name not in axis and not isinstance(getattr(column[0], "value", None), str):
                    texts = [ast.get_source_segment(program.code, node) for node in column]
                    yield f"[{', '.join(texts)}]"


def test_ranges_of_values_keep_ratios():
    kept = 0
    for seed in range(150):
        plain = generate_program(seed, "train")
        chart = _Wide(plain, Draw(f"test/{seed}", "train"))
        chart.rescale()
        new = numeric_columns(chart.code())
        groups = collections.defaultdict(list)
        for name, old in numeric_columns(plain.code).items():
            points = plain.chart_type == "scatter" or plain.variant == "scatter_line"
            alone = plain.variant == "dual_axis" or name in ("x", "years")
            groups[name if alone and not points else name[0]].append((old, new[name]))
        for group in groups.values():
            old, now = (np.concatenate([pair[i] for pair in group]) for i in range(2))
            slope, start = np.polyfit(old, now, 1)
            assert np.abs(slope * old + start - now).max() < 0.1 * slope * np.abs(old).max()
            kept += not np.allclose(old, now)
    assert kept > 100


def test_all_are_drawn_and_hold_what_the_plain_ones_hold(executor, pairs):
    wide = list(executor.run_many(program.code for _, program in pairs))
    assert all(result.ok for result in wide)
    plain = executor.run_many(program.code for program, _ in pairs[::4])
    for before, after, (_, program) in zip(plain, wide[::4], pairs[::4]):
        lines, notes = (
            sum(program.code.count(f"{word}(") for word in words)
            for words in (("axhline", "axvline"), ("text", "annotate"))
        )
        assert before.facts["num_legend_entries"] == after.facts["num_legend_entries"]
        assert 0 <= after.facts["num_marks"] - before.facts["num_marks"] <= lines, program.code
        assert after.facts["num_texts"] - before.facts["num_texts"] == notes + program.code.count("title=")


@pytest.mark.filterwarnings("error")
def test_no_glyph_or_font_is_missing_and_no_layout_fails(pairs):
    for _, program in pairs[1::3]:
        draw(program.code)


def test_styles_fonts_and_places_of_legends_show():
    """Of wide programs from many seeds: each of their settings, and the place of each legend, changes the picture."""
    kinds = ("style.use", "font.family", "font.size", 'legend(loc="')
    found = collections.Counter()
    for seed in range(400):
        code = make_program(seed, "train", 1.0).code
        lines = code.splitlines()
        for index, line in enumerate(lines):
            kind = next((kind for kind in kinds if kind in line), None)
            rest = [*lines[:index], *lines[index + 1 :]]
            if kind == kinds[-1]:
                if "bbox_to_anchor" in line or "lim(" in code:
                    continue
                rest.insert(index, re.sub(r'loc="[a-z ]+"(, )?', "", line))
            if kind and found[kind] < 3:
                found[kind] += 1
                picture, other = draw(code), draw("\n".join(rest))
                assert picture.shape != other.shape or not np.array_equal(picture, other), (line, code)
        if min(found[kind] for kind in kinds) == 3:
            return
    raise AssertionError(found)


def test_plain_data_set_is_as_before_and_shares_are_not_mixed(tmp_path):
    counts = {"train": 0, "validation": 0, "test": 0}
    assert "wide" not in synthetic._settings(counts, 5, 0.0)
    assert synthetic._fingerprint() != synthetic._fingerprint(0.5)
    plain = hashlib.sha256(
        "".join(generate_program(s, "train", f).code for f in CHART_TYPES for s in range(40)).encode()
    )
    assert synthetic._fingerprint() == plain.hexdigest()[:16]
    synthetic._prepare(tmp_path, counts, 5, 0.5)
    assert json.loads((tmp_path / "dataset_info.json").read_text())["wide"] == 0.5
    with pytest.raises(ValueError, match="was written with wide 0.5, now it is 0:"):
        synthetic._prepare(tmp_path, counts, 5, 0.0)
    with pytest.raises(SystemExit):
        synthetic.main([f"--output={tmp_path}", "--wide=2"])

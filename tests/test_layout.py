"""The repository as a whole: imports go one way, the metadata of the README is valid, examples are reproducible."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
FLAT = {"configuration_c2c_mola", "routing_c2c_mola", "modeling_c2c_mola", "processing_c2c_mola"}
OURS = FLAT | {"eval_metric", "chart2code", "predict", "train"}
# What each part may import of ours; what isn't named here (scripts, benchmarks, tests) may import anything.
ALLOWED = {
    "configuration_c2c_mola": set(),
    "routing_c2c_mola": {"configuration_c2c_mola"},
    "modeling_c2c_mola": {"configuration_c2c_mola", "routing_c2c_mola"},
    "processing_c2c_mola": {"configuration_c2c_mola"},  # to register itself
    "eval_metric": {"eval_metric"},
    "chart2code": FLAT | {"eval_metric", "chart2code"},
}
# The loader of remote code demands every top-level import of a Hub file from its user.
HUB_PACKAGES = {"torch", "transformers", "numpy", "PIL", "tokenizers", "huggingface_hub", "safetensors"}


def imports(path: Path, package: str | None) -> set[str]:
    """Top-level names of everything that the file imports, at any depth; relative imports as `package`'s."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level:
            names.add(package or node.module.split(".")[0])  # in a flat file `from .x` is the flat file x
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("part", ALLOWED)
def test_imports_go_one_way(part):
    flat = part in FLAT
    files = [ROOT / f"{part}.py"] if flat else sorted((ROOT / part).rglob("*.py"))
    assert files and all(file.is_file() for file in files)
    for file in files:
        # eval_metric's files are also loaded flat, with each other as neighbours
        siblings = {neighbour.stem for neighbour in file.parent.glob("*.py")} if part == "eval_metric" else set()
        found = imports(file, None if flat else part)
        wrong = (found & OURS) - ALLOWED[part] - siblings
        assert not wrong, f"{file.name} imports {wrong}"
        if flat:
            foreign = found - OURS - set(sys.stdlib_module_names)
            assert foreign <= HUB_PACKAGES, f"{file.name} is loaded from the Hub and needs {foreign - HUB_PACKAGES}"


def test_every_requirement_is_exact():
    lines = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and line[0] != "#"]
    assert lines and all(line.count("==") == 1 for line in lines)


def test_third_party_imports_are_required():
    """A package that only happens to be installed with another one is missing in requirements.txt."""
    provided = {"pillow": "PIL", "pyyaml": "yaml", "huggingface-hub": "huggingface_hub", "pytest-timeout": "pytest"}
    required = set()
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        name = line.split("==")[0]
        required.add(provided.get(name, name))
    own = {file.stem for file in ROOT.rglob("*.py") if ".venv" not in file.parts} | OURS
    known = required | own | set(sys.stdlib_module_names) | {"mpl_toolkits", "tests", "benchmarks", "experiments"}
    for folder in (
        ".",
        "chart2code",
        "chart2code/readout",
        "eval_metric",
        "benchmarks",
        "experiments",
        "tests",
        "examples",
    ):
        for file in (ROOT / folder).glob("*.py"):
            if file.name == "app.py":  # the metric's demo page has requirements of its own
                continue
            missing = imports(file, None if folder == "." else folder) - known
            assert not missing, f"{file.relative_to(ROOT)} imports {missing}: not in requirements.txt"


def test_readme_metadata():
    readme = ROOT / "README.md"
    if not readme.exists():
        pytest.skip("no README.md")
    text = readme.read_text(encoding="utf-8")
    assert text.startswith("---\n"), "a model card starts with its metadata"
    metadata = yaml.safe_load(text.split("---\n")[1])
    assert metadata["license"] == "apache-2.0"
    assert metadata["library_name"] == "transformers"
    assert metadata["pipeline_tag"] == "image-text-to-text"


def test_citation_is_valid_yaml():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert "2511.23321" in citation["preferred-citation"]["url"]


def test_examples_have_a_script_each():
    scripts = {file.stem for file in (ROOT / "examples").glob("*.py")}
    pictures = {file.stem for file in (ROOT / "examples").glob("*.png") if not file.stem.endswith(".rendered")}
    assert scripts == pictures
    assert len(pictures) >= 10
    for picture in pictures:
        assert min(Image.open(ROOT / "examples" / f"{picture}.png").size) >= 256


@pytest.mark.parametrize(
    "name",
    ["quarterly_sales"]
    + [
        pytest.param(file.stem, marks=pytest.mark.slow)
        for file in sorted((ROOT / "examples").glob("*.py"))
        if file.stem != "quarterly_sales"
    ],
)
def test_example_is_what_its_script_draws(name, tmp_path):
    """The script saves beside itself, so a copy draws a new picture."""
    script = shutil.copy(ROOT / "examples" / f"{name}.py", tmp_path)
    subprocess.run([sys.executable, script], check=True, env={**os.environ, "MPLBACKEND": "Agg"})
    drawn, stored = (np.asarray(Image.open(folder / f"{name}.png")) for folder in (tmp_path, ROOT / "examples"))
    assert drawn.shape == stored.shape
    # Line positions may be rounded otherwise on another processor; another chart differs in far more pixels.
    assert (drawn != stored).any(-1).mean() < 1e-3

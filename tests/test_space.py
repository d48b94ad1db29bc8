"""The metric as a Space: what its page shows, what is pushed, and that `evaluate` loads what was pushed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from eval_metric.app import EXAMPLE, EXTRA, MISSING, OTHER, difference_picture, judge
from eval_metric.executor import Executor
from eval_metric.push_to_space import main, push

ROOT = Path(__file__).parents[1]
BAR = "import matplotlib.pyplot as plt\nplt.bar(['a', 'b'], [1, 2], color='tab:red')\n"


@pytest.fixture(scope="module")
def executor():
    with Executor(timeout=60) as executor:
        yield executor


# ------------------------------------------------------------------------------------------------------ page


def test_difference_picture():
    drawn, expected = np.full((2, 512, 512, 3), 255, dtype=np.uint8)
    drawn[:100, :100] = expected[:100, :100] = (10, 20, 30)  # the same
    expected[200:300, :100] = (0, 128, 0)
    drawn[:100, 200:300] = (0, 128, 0)
    drawn[200:300, 200:300], expected[200:300, 200:300] = (255, 0, 0), (0, 0, 255)
    drawn[400:, 400:] = 250  # too pale to be seen
    picture = np.asarray(difference_picture(drawn, Image.fromarray(expected)))
    assert picture.shape == (512, 512, 3)
    assert (picture[200:300, :100] == MISSING).all()
    assert (picture[:100, 200:300] == EXTRA).all()
    assert (picture[200:300, 200:300] == OTHER).all()
    assert (picture[400:, 400:] == 255).all() and (picture[350:400] == 255).all()
    same = picture[:100, :100]
    assert (same == same[0, 0]).all() and 180 < same[0, 0, 0] < 240 and len(set(same[0, 0].tolist())) == 1


def test_page_for_a_right_and_a_wrong_program(executor):
    chart = Image.fromarray(executor.run(BAR).image)
    rendering, difference, scores = judge(executor, chart, f"Here it is:\n```python\n{BAR}```", "")
    assert np.array_equal(rendering, chart) and scores["iou"] == 1 and scores["text_f1"] is None
    grey = np.asarray(difference)
    assert (grey[..., :1] == grey).all()
    rendering, difference, scores = judge(executor, None, BAR.replace("tab:red", "tab:blue"), BAR)
    assert rendering is not None and scores["iou"] < 1 and scores["text_f1"] == 1 > scores["color_f1"]
    assert (np.asarray(difference) == OTHER).all(axis=2).sum() > 1000
    assert judge(executor, chart, EXAMPLE, "")[2]["executed"]


@pytest.mark.parametrize(
    ("code", "reference_code", "key", "message"),
    [
        ("1 / 0", BAR, "error", "ZeroDivisionError: division by zero"),
        (BAR, "1 / 0", "error", "the reference: the reference program fails (ZeroDivisionError: division by zero)"),
        (BAR, "", "error", "give the picture of a chart, or the program that draws it"),
        ("", BAR, "status", "no_figure"),
    ],
)
def test_page_for_what_fails(executor, code, reference_code, key, message):
    rendering, difference, scores = judge(executor, None, code, reference_code)
    assert rendering is None and difference is None and scores[key] == message


def test_page_tells_why_nothing_is_executed():
    class Refusing:
        def run(self, code):
            raise RuntimeError("programs are not executed here")

    assert judge(Refusing(), None, BAR, BAR)[2] == {"error": "programs are not executed here"}


@pytest.mark.slow
def test_app_starts_as_a_script_up_to_gradio(tmp_path):
    """As a Space does it: `python app.py` in the folder of the files, which then is no package of that name."""
    folder = tmp_path / "app"
    assert main(["--repo_id", "someone/chart2code", "--folder", str(folder)]) == 0
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    code = "import runpy, sys\nsys.modules['gradio'] = None\nrunpy.run_path('app.py', run_name='__main__')\n"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("ModuleNotFoundError: import of gradio halted")


# ------------------------------------------------------------------------------------------------------ push


class RecordedApi:
    """Records what a `huggingface_hub.HfApi` is asked to do, and the files that it would upload."""

    def __init__(self):
        self.calls, self.files = [], {}

    def create_repo(self, **arguments):
        self.calls.append(("create_repo", arguments))
        return f"https://huggingface.co/spaces/{arguments['repo_id']}"

    def upload_folder(self, *, folder_path, **arguments):
        self.calls.append(("upload_folder", arguments))
        self.files = {path.name: path.read_text() for path in Path(folder_path).iterdir()}


def test_push_creates_a_space_and_uploads_the_files():
    api = RecordedApi()
    url = push("someone/chart2code", private=True, api=api)
    assert url == "https://huggingface.co/spaces/someone/chart2code"
    (create, created), (upload, uploaded) = api.calls
    assert create == "create_repo" and upload == "upload_folder"
    assert created.pop("repo_id") == "someone/chart2code"
    assert created == {"repo_type": "space", "space_sdk": "gradio", "private": True, "exist_ok": True}
    assert uploaded["repo_id"] == "someone/chart2code" and uploaded["repo_type"] == "space"
    needed = {path.name for path in (ROOT / "eval_metric").iterdir() if path.suffix in (".py", ".md", ".txt")}
    assert api.files.keys() == needed - {"push_to_space.py"} | {"chart2code.py"}
    assert api.files["README.md"].startswith("---\n")


def test_the_calls_exist_in_huggingface_hub():
    """The recorded client takes any argument; the real one must know these."""
    import inspect

    from huggingface_hub import HfApi

    api = RecordedApi()
    push("someone/chart2code", api=api)
    for name, arguments in api.calls:
        inspect.signature(getattr(HfApi, name)).bind(
            None, **arguments, **({"folder_path": "."} if "upload" in name else {})
        )


def test_evaluate_loads_what_is_pushed(tmp_path):
    folder = tmp_path / "my-metric"
    assert main(["--repo_id", "someone/my-metric", "--folder", str(folder)]) == 0
    code = (
        "import evaluate\n"
        f"metric = evaluate.load({str(folder)!r})\n"
        f"report = metric.compute(predictions=[{BAR!r}], references=[{BAR!r}], num_workers=1, timeout=60)\n"
        "assert report['success_rate'] == report['type_f1'] == 1, report\n"
    )
    environment = {**os.environ, "HF_HOME": str(tmp_path / "home")}
    environment.pop("PYTHONPATH", None)
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)


@pytest.mark.parametrize("name", ["someone", "someone/a b", "someone/a.b", "a/b/c", "someone/executor"])
def test_a_name_that_cannot_be_is_told_in_one_line(name, tmp_path, capsys):
    assert main(["--repo_id", name, "--folder", str(tmp_path / "space")]) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("push_to_space: ") and len(error.splitlines()) == 1 and name.split("/")[-1] in error


def test_a_folder_in_use_is_left_alone(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    assert main(["--repo_id", "someone/metric", "--folder", str(tmp_path)]) == 2
    assert "is not empty" in capsys.readouterr().err and os.listdir(tmp_path) == ["notes.txt"]


# ------------------------------------------------------------------------------------------------------ metadata


def test_readme_metadata():
    text = (ROOT / "eval_metric" / "README.md").read_text()
    metadata = yaml.safe_load(re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)[1])
    assert metadata["sdk"] == "gradio" and re.fullmatch(r"\d+\.\d+\.\d+", metadata["sdk_version"])
    assert (ROOT / "eval_metric" / metadata["app_file"]).is_file()
    assert {"evaluate", "metric"} <= set(metadata["tags"])


def test_requirements_are_the_versions_of_the_repository():
    def pins(path):
        return dict(line.split("==") for line in path.read_text().split() if "==" in line)

    own, all_pins = pins(ROOT / "eval_metric" / "requirements.txt"), pins(ROOT / "requirements.txt")
    assert own.items() <= all_pins.items()
    assert {"evaluate", "datasets", "numpy", "scipy", "pillow", "matplotlib", "tqdm"} <= own.keys()


def test_every_file_is_imported_by_the_main_script():
    """The loader of `evaluate` copies only what the main script imports, one a line."""
    text = (ROOT / "eval_metric" / "eval_metric.py").read_text()
    imported = set(re.findall(r"^from \.(\w+) import \w+", text, re.MULTILINE))
    pages = {"__init__", "app", "push_to_space", "eval_metric"}
    used = {
        name
        for path in (ROOT / "eval_metric").glob("*.py")
        if path.stem not in pages
        for name in re.findall(r"^\s*from \.(?:(\w+) )?import (\w+)", path.read_text(), re.MULTILINE)
        for name in [name[0] or name[1]]
    }
    assert used <= imported

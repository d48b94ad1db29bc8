"""predict.py from end to end, with a tiny model that has learned one program by heart."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import predict
from chart2code.generation import ChartError, generate_code, load_model, open_chart

ROOT = Path(__file__).resolve().parents[1]
KEYS = {"file", "code", "executed", "iou", "iou_before", "renderings", "seconds", "error"}


@pytest.fixture(scope="module", autouse=True)
def one_model(model_folder):
    """The model is loaded once for all calls of `main` in this process."""
    loaded = load_model(model_folder)
    patch = pytest.MonkeyPatch()
    patch.setattr(predict, "load_model", lambda path: loaded if path == str(model_folder) else load_model(path))
    yield
    patch.undo()


@pytest.fixture
def run(model_folder, capsys):
    """`predict.py ARGUMENTS --model …`: (exit status, standard output, standard error)."""

    def run(*arguments):
        status = predict.main([*map(str, arguments), "--model", str(model_folder), "--timeout", "60"])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return status, captured.out, captured.err

    return run


def draw(path: Path, color: str = "white", size: tuple[int, int] = (120, 90)) -> Path:
    Image.new("RGB", size, color).save(path)
    return path


@pytest.fixture
def bad_files(tmp_path) -> dict[str, Path]:
    """Name of the mistake -> a file that has it."""
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    whole = io.BytesIO()
    Image.fromarray(noise).save(whole, "PNG")
    files = {
        "text": b"this is no picture",
        "truncated": whole.getvalue()[: len(whole.getvalue()) // 2],
        "empty": b"",
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\nshowpage\n",
    }
    paths = {}
    for name, content in files.items():
        paths[name] = tmp_path / f"{name}.png"
        paths[name].write_bytes(content)
    paths["missing"] = tmp_path / "missing.png"
    paths["tiny"] = draw(tmp_path / "tiny.png", size=(200, 3))
    return paths


# Opening


def test_bad_files_have_one_line_each(bad_files):
    reasons = {}
    for name, path in bad_files.items():
        with pytest.raises(ChartError) as caught:
            open_chart(path)
        reasons[name] = str(caught.value)
        assert "\n" not in reasons[name]
    assert "no such file" in reasons["missing"]
    assert "empty" in reasons["empty"]
    assert "truncated" in reasons["truncated"]
    assert "not a PNG" in reasons["text"] and "not a PNG" in reasons["eps"]
    assert "200 x 3" in reasons["tiny"]


def test_huge_picture_is_refused_before_it_is_decoded(tmp_path):
    path = tmp_path / "huge.png"
    Image.new("1", (20_000, 20_000)).save(path)  # a small file
    with pytest.raises(ChartError, match="too large"):
        open_chart(path)


def test_transparency_is_over_white_and_exif_is_respected(tmp_path):
    picture = Image.new("RGBA", (40, 20), (0, 0, 0, 0))
    picture.paste((255, 0, 0, 255), (0, 0, 20, 20))
    picture.save(tmp_path / "alpha.png")
    opened = open_chart(tmp_path / "alpha.png")
    assert opened.mode == "RGB"
    assert opened.getpixel((5, 5)) == (255, 0, 0) and opened.getpixel((35, 5)) == (255, 255, 255)

    palette = picture.convert("RGB").quantize(4)
    palette.info["transparency"] = palette.getpixel((35, 5))
    palette.save(tmp_path / "palette.gif", transparency=palette.getpixel((35, 5)))
    assert open_chart(tmp_path / "palette.gif").getpixel((35, 5)) == (255, 255, 255)

    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees
    Image.new("RGB", (40, 20)).save(tmp_path / "turned.jpg", exif=exif)
    assert open_chart(tmp_path / "turned.jpg").size == (20, 40)


def test_sixteen_bit_grey_keeps_its_shades(tmp_path):
    Image.fromarray(np.tile(np.linspace(0, 65535, 64, dtype=np.uint16), (64, 1))).save(tmp_path / "grey.png")
    shades = np.asarray(open_chart(tmp_path / "grey.png"))[0, :, 0]
    assert np.abs(shades - np.linspace(0, 255, 64)).max() <= 1


# Loading and generating


def test_generation_is_independent_of_the_batch(model_folder):
    model, processor = load_model(model_folder)
    charts = [Image.new("RGB", (64, 64 + 10 * i), color) for i, color in enumerate(["white", "red", "navy"])]
    together = generate_code(model, processor, charts, max_new_tokens=80)
    assert together == generate_code(model, processor, charts, max_new_tokens=80, batch_size=1)
    assert generate_code(model, processor, [], max_new_tokens=80) == []


@pytest.mark.parametrize("content", [None, "{}", '{"model_type": "gpt2"}', "no json"])
def test_wrong_model_folder(content, tmp_path, run):
    folder = tmp_path / "model"
    folder.mkdir()
    if content is not None:
        (folder / "config.json").write_text(content)
    status = predict.main([str(draw(tmp_path / "a.png")), "--model", str(folder)])
    assert status == 2
    with pytest.raises(ChartError) as caught:
        load_model(folder)
    assert str(folder) in str(caught.value) and "\n" not in str(caught.value)


def test_incomplete_weights_are_refused(model_folder, tmp_path):
    """transformers would start the missing ones at random, and the answers would be noise without a word."""
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(model_folder, tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    lost = next(name for name in weights if "q_proj" in name)
    del weights[lost]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ChartError, match=f"lack 1 parameters of the model, e.g. {lost}"):
        load_model(folder)


def test_model_folder_runs_no_code_of_its_own(model_folder, tmp_path):
    folder = shutil.copytree(model_folder, tmp_path / "model")
    for file in folder.glob("*.py"):
        file.write_text("raise SystemExit('the code of the folder was run')")
    load_model(folder)


# The command


def test_one_chart_gives_exactly_its_code(run, tmp_path, program):
    status, out, err = run(draw(tmp_path / "chart.png"))
    assert (status, out) == (0, program)
    assert err == ""


def test_wrong_files_do_not_stop_the_others(run, tmp_path, bad_files, program):
    good = [draw(tmp_path / "first.png"), draw(tmp_path / "last.jpg")]
    status, out, err = run(good[0], *bad_files.values(), good[1], "--batch_size", 3)
    assert status == 1
    assert [line for line in out.splitlines() if line.startswith("# ")] == [f"# {path}" for path in good]
    assert out.count(program.strip()) == 2
    for path in bad_files.values():
        assert sum(line.startswith(f"{path}: ") for line in err.splitlines()) == 1


def test_json_lines(run, tmp_path, bad_files, program):
    good = draw(tmp_path / "good.png")
    status, out, err = run(good, bad_files["text"], "--json", "--verify")
    assert status == 1
    answers = [json.loads(line) for line in out.splitlines()]
    assert [set(answer) for answer in answers] == [KEYS] * 2
    assert answers[0]["file"] == str(good) and answers[0]["code"] == program
    assert answers[0]["executed"] is True and 0 <= answers[0]["iou"] <= 1 and answers[0]["seconds"] > 0
    assert answers[0]["error"] is None
    assert answers[1]["code"] is None and answers[1]["executed"] is None and "not a PNG" in answers[1]["error"]


def test_verify_compares_with_the_input(run, tmp_path, program):
    """A picture that the program draws itself fits; a blank one doesn't. The written picture is the program's."""
    from eval_metric.executor import Executor

    with Executor(timeout=60) as executor:
        drawn = executor.run(program).image
    Image.fromarray(drawn).save(tmp_path / "same.png")
    draw(tmp_path / "blank.png", size=(640, 480))
    status, out, err = run(tmp_path / "same.png", tmp_path / "blank.png", "--verify", "--json")
    assert status == 0
    same, blank = (json.loads(line)["iou"] for line in out.splitlines())
    assert same == 1.0 and blank < 0.5
    assert "IoU 1.000" in err
    assert (np.asarray(Image.open(tmp_path / "same.rendered.png")) == drawn).all()


def test_rendered_pictures_are_no_inputs_and_overwrite_nothing(run, tmp_path):
    folder = tmp_path / "charts"
    folder.mkdir()
    draw(folder / "a.png")
    draw(folder / "b.jpg")
    (folder / "notes.txt").write_text("not a chart")
    foreign = draw(folder / "b.rendered.png", "blue")
    before = foreign.read_bytes()
    for _ in range(2):  # the second time over its own former output
        status, out, err = run(folder, "--verify", "--json")
        assert [Path(json.loads(line)["file"]).name for line in out.splitlines()] == ["a.png", "b.jpg"]
        assert status == 1 and "b.rendered.png exists" in err
        assert foreign.read_bytes() == before
        assert (folder / "a.rendered.png").is_file()
        assert "2/2" in err  # progress


def test_charts_of_the_same_stem_get_files_of_their_own(run, tmp_path):
    draw(tmp_path / "a.png")
    draw(tmp_path / "a.jpg")
    status, out, err = run(tmp_path / "a.png", tmp_path / "a.jpg", "--output", tmp_path / "code")
    assert status == 0 and out == ""
    assert sorted(path.name for path in (tmp_path / "code").iterdir()) == ["a.jpg.py", "a.png.py"]
    pictures = predict.name_files([Path("x/a.png"), Path("x/a.jpg"), Path("y/a.png")], ".rendered.png")
    assert list(map(str, pictures.values())) == ["x/a.png.rendered.png", "x/a.jpg.rendered.png", "y/a.rendered.png"]


def test_output_file_and_folder(run, tmp_path, program):
    chart = draw(tmp_path / "chart.png")
    target = tmp_path / "code.py"
    assert run(chart, "--output", target)[:2] == (0, "")
    assert target.read_text() == "# chart.png\n" + program
    assert run(chart, "--output", target)[0] == 0  # the named file may be written again

    folder = tmp_path / "charts"
    folder.mkdir()
    draw(folder / "one.png")
    draw(folder / "two.png")
    own = folder / "two.py"
    own.write_text("print('my own script')\n")
    status, out, err = run(folder, "--output", folder)
    assert status == 1 and "two.py exists" in err
    assert own.read_text() == "print('my own script')\n"
    assert (folder / "one.py").read_text() == "# one.png\n" + program
    own.unlink()
    assert run(folder, "--output", folder)[0] == 0


@pytest.mark.parametrize(
    "arguments, reason",
    [
        (["a.png", "--output", "b.png"], "not a picture"),
        (["a.png", "--output", "nowhere/b.py"], "no folder"),
        (["a.png", "b.png", "--output", "file.py"], "this is a file"),
    ],
)
def test_wrong_output(arguments, reason, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "a.png")
    draw(tmp_path / "b.png")
    before = (tmp_path / "b.png").read_bytes()
    (tmp_path / "file.py").write_text("")
    status, out, err = run(*arguments)
    assert status == 2 and reason in err and len(err.splitlines()) == 1
    assert (tmp_path / "b.png").read_bytes() == before


def test_folder_without_charts(run, tmp_path):
    status, out, err = run(tmp_path)
    assert status == 1 and "no charts in this folder" in err


def test_no_valid_program_is_told(run, tmp_path):
    """Cut off in the middle of the program, where it doesn't parse: nothing is executed."""
    chart = draw(tmp_path / "chart.png")
    status, out, err = run(chart, "--max_new_tokens", 25, "--json", "--verify")
    answer = json.loads(out)
    assert status == 1 and answer["code"]
    assert "no valid program" in answer["error"] and f"{chart}: {answer['error']}" in err
    assert answer["executed"] is False and answer["iou"] == 0.0
    assert predict.syntax_error("plt.bar([1, 2") and predict.syntax_error("  \n") and predict.syntax_error("a\0b")
    assert predict.syntax_error("x = '\\d'") is None


def test_program_that_fails_is_told(run, tmp_path, monkeypatch):
    monkeypatch.setattr(predict, "generate_candidates", lambda *_: [["undefined_name(1)\n"]])
    status, out, err = run(draw(tmp_path / "chart.png"), "--verify", "--json")
    answer = json.loads(out)
    assert status == 1
    assert answer["executed"] is False and answer["iou"] == 0.0 and "NameError" in answer["error"]
    assert not (tmp_path / "chart.rendered.png").exists()


def test_help_needs_no_torch():
    code = "import sys, predict\ntry: predict.main(['--help'])\nexcept SystemExit: print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert out.rstrip().endswith("False")


def test_as_a_command_from_another_folder(model_folder, tmp_path, program):
    """A process of its own: quiet, the exit status is passed on, relative paths are the caller's."""
    draw(tmp_path / "a.png")
    command = [sys.executable, str(ROOT / "predict.py"), "a.png", "missing.png", "--model", str(model_folder)]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 1
    assert done.stdout == f"# a.png\n{program}\n"
    assert done.stderr == "missing.png: no such file\n"


def test_interrupt_is_quiet(model_folder, tmp_path):
    for i in range(300):
        draw(tmp_path / f"{i:03}.png")
    command = [
        sys.executable,
        str(ROOT / "predict.py"),
        str(tmp_path),
        "--model",
        str(model_folder),
        "--batch_size",
        "1",
    ]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored in background jobs
    )
    process.stdout.readline()  # the first answer is there
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err

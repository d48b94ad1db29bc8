"""Pushes the metric to the Hub as a Space, from where `evaluate.load("user/name")` finds it.

    python -m eval_metric.push_to_space --repo_id user/name [--private] [--folder DIRECTORY]

With --folder it writes the files of the Space into that directory and pushes nothing. You need to be logged in
(`hf auth login`). The Space executes the programs that its visitors enter: give it no secrets.
"""

import argparse
import re
import shutil
import sys
import tempfile
from pathlib import Path


SOURCE = Path(__file__).resolve().parent


def write_space(folder: Path, name: str) -> None:
    """Writes the files of the Space into an empty folder.

    The loader of `evaluate` wants a script of the Space's name, and copies what is named in its relative imports: so
    there is one that imports the metric and, like eval_metric.py, all files that it needs.
    """
    for path in sorted(SOURCE.iterdir()):
        if path.suffix in (".py", ".md", ".txt") and path.name != Path(__file__).name:
            shutil.copy(path, folder / path.name)
    script = folder / f"{name}.py"
    if script.exists():
        if name != "eval_metric":
            raise ValueError(f"the Space cannot have the name {name!r}: the metric has a file {script.name}")
        return
    imports = re.findall(r"^from \.\w+ import \w+$", (SOURCE / "eval_metric.py").read_text("utf-8"), re.MULTILINE)
    lines = ['"""The chart2code metric under the name of this Space; see eval_metric.py."""', ""]
    lines += imports  # without a comment behind them: the loader would take it for an address
    lines += ["from .eval_metric import Chart2CodeMetric", ""]
    script.write_text("\n".join(lines), encoding="utf-8")


def push(repo_id: str, private: bool = False, api=None) -> str:
    """Creates the Space if there is none, and uploads its files. Returns its address.

    Args:
        repo_id: "user/name", name of letters, digits, "_" and "-".
        api: a `huggingface_hub.HfApi`.
    """
    if api is None:
        from huggingface_hub import HfApi

        api = HfApi()
    with tempfile.TemporaryDirectory() as folder:
        write_space(Path(folder), _name(repo_id))
        url = api.create_repo(repo_id=repo_id, repo_type="space", space_sdk="gradio", private=private, exist_ok=True)
        api.upload_folder(
            repo_id=repo_id,
            repo_type="space",
            folder_path=folder,
            commit_message="Update the metric",
            delete_patterns="*.py",  # those that the metric no longer has
        )
    return str(url)


def _name(repo_id: str) -> str:
    match = re.fullmatch(r"[\w.-]+/([A-Za-z0-9_-]+)", repo_id)
    if match is None:
        raise ValueError(f"--repo_id is user/name with letters, digits, _ and - in the name, not {repo_id!r}")
    return match[1]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m eval_metric.push_to_space",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--repo_id", required=True, help="user/name of the Space")
    parser.add_argument("--private", action="store_true", help="only you can see a Space that is created")
    parser.add_argument("--folder", type=Path, help="write the files here instead of pushing them")
    arguments = parser.parse_args(argv)
    try:
        if arguments.folder is None:
            print(push(arguments.repo_id, arguments.private))
        else:
            name = _name(arguments.repo_id)
            if arguments.folder.exists() and any(arguments.folder.iterdir()):
                raise ValueError(f"--folder {arguments.folder} is not empty")
            arguments.folder.mkdir(parents=True, exist_ok=True)
            write_space(arguments.folder, name)
    except (ValueError, OSError) as error:  # those of huggingface_hub are OSErrors
        print(f"push_to_space: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Programs that nobody here wrote: does the executor draw what `python script.py` draws?

    tar xzf matplotlib-3.11.2.tar.gz     # of pypi.org/project/matplotlib/#files: 580 programs in its galleries/
    python benchmarks/foreign_programs.py matplotlib-3.11.2/galleries [--limit 100] [--json]

Executes each *.py file below FOLDER in a process of its own, without any confinement (so only programs that you
trust), with Agg, the same seeds of `random` and `numpy.random`, and saves its current figure at the end; and by the
executor. Counts
    same             every pixel is equal
    differing        some are not
    failing          the executor gives no picture
    not repeatable   differing, and two plain runs differ as well: unseeded generators, the time of day
    no reference     the plain run gives no picture: it fails, takes too long, or leaves no figure open
and lists the programs that are not the same, with reasons.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from eval_metric.executor import Executor  # noqa: E402

PLAIN = """
import random, sys
import numpy
random.seed(0)
numpy.random.seed(0)
sys.argv, picture = ["chart.py"], sys.argv[1]
with open("chart.py", encoding="utf-8") as file:
    program = compile(file.read(), "chart.py", "exec")
space = {"__name__": "__main__", "__file__": "chart.py"}
try:
    exec(program, space)
except SystemExit as stop:
    if stop.code not in (None, 0):
        raise
import matplotlib.pyplot
if not matplotlib.pyplot.get_fignums():
    raise SystemExit("no figure is left open")
# What savefig changes in the figure: not wanted, the picture is that of the window.
matplotlib.rcParams.update({"savefig.bbox": None, "savefig.facecolor": "auto", "savefig.edgecolor": "auto"})
matplotlib.pyplot.gcf().savefig(picture, format="png", dpi="figure", transparent=False)
"""


def run_plain(code: str, timeout: float) -> tuple[np.ndarray | None, str]:
    """(picture (H, W, 3) uint8 or None, why there is none)."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "chart.py").write_text(code, encoding="utf-8")
        environment = {"PATH": os.environ["PATH"], "MPLBACKEND": "Agg", "TZ": "UTC", "LANG": "C.UTF-8"}
        environment |= {"HOME": str(Path.home()), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, "-c", PLAIN, "picture of the benchmark.png"]
        try:
            subprocess.run(
                command,
                cwd=folder,
                env=environment,
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            return None, "timeout"
        except subprocess.CalledProcessError as error:
            return None, (error.stderr.strip().splitlines() or [f"exit code {error.returncode}"])[-1][:150]
        with Image.open(Path(folder, command[-1])) as image:
            paper = Image.new("RGBA", image.size, "white")
            return np.asarray(Image.alpha_composite(paper, image.convert("RGBA")).convert("RGB")), ""


def compare(codes: list[str], num_workers: int, timeout: float) -> Iterator[tuple[str, str]]:
    """(verdict, reason) of each program."""
    with (
        ThreadPoolExecutor(num_workers) as threads,
        Executor(num_workers, timeout=timeout, memory_mb=2048) as executor,
        ExitStack() as stack,
    ):
        # Closed first when the loop is left early: what has not begun is cancelled.
        plain = stack.enter_context(closing(threads.map(lambda code: run_plain(code, timeout), codes)))
        for code, (picture, reason), result in zip(codes, plain, executor.run_many(codes)):
            if picture is None:
                yield "no reference", reason
            elif not result.ok:
                yield "failing", f"{result.status}: {result.error[:150]}"
            elif np.array_equal(picture, result.image):
                yield "same", ""
            else:
                again = run_plain(code, timeout)[0]
                if again is None or not np.array_equal(picture, again):
                    yield "not repeatable", ""
                elif picture.shape != result.image.shape:
                    yield "differing", f"size {picture.shape[:2]}, by the executor {result.image.shape[:2]}"
                else:
                    difference = np.abs(picture.astype(int) - result.image).max(axis=-1)
                    yield "differing", f"{np.count_nonzero(difference)} pixels, by {difference.max()} at most"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=int, help="so many, chosen at random")
    parser.add_argument("--num_workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds per program")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON in the last line")
    options = parser.parse_args()
    paths = sorted(options.folder.rglob("*.py"))
    if not paths:
        parser.error(f"there is no program below {options.folder}")
    if options.limit is not None:
        paths = random.Random(0).sample(paths, min(options.limit, len(paths)))
    codes = [path.read_text(encoding="utf-8") for path in paths]
    counts: Counter = Counter()
    bar = tqdm(zip(paths, compare(codes, options.num_workers, options.timeout)), total=len(paths), unit="program")
    try:
        for path, (verdict, reason) in bar:
            counts[verdict] += 1
            if verdict != "same":
                tqdm.write(f"{verdict:15} {path.relative_to(options.folder)}  {reason}", file=sys.stdout)
    except KeyboardInterrupt:
        print("stopped")
    report = {"n": counts.total(), **{name: counts[name] for name in ("same", "differing", "failing")}}
    report |= {"not_repeatable": counts["not repeatable"], "no_reference": counts["no reference"]}
    print(", ".join(f"{name}: {value}" for name, value in report.items()))
    if options.json:
        print(json.dumps(report))


if __name__ == "__main__":
    main()

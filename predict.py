#!/usr/bin/env python3
"""
Chart images in, matplotlib code out:

    python predict.py chart.png                         the code, on standard output
    python predict.py chart.png --verify                executes it, writes chart.rendered.png, tells the IoU
    python predict.py chart.png --refine                adjusts it by executing it until it redraws the chart
    python predict.py charts/ --output code/ --verify   a folder of charts, one .py file for each
    python predict.py charts/ --json > answers.jsonl    one JSON object a chart: file, code, executed, iou,
                                                        iou_before, renderings, seconds, error

`iou` is that of the program that is put out, `iou_before` that of the model's first answer, `renderings` the number of
programs that were executed. `seconds` is the time of one chart, generation (of its batch, divided) and verification,
without loading the model. Ctrl-C while a chart is verified: the best program so far is put out, and the command ends.
A chart that can't be read, or whose program isn't valid or fails, gets a line on standard error; the others are still
done, and the exit status is 1. A wrong use of the command exits with 2.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import json
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, PngImagePlugin

# None of these imports torch: --help and wrong command lines answer at once.
from chart2code.generation import (
    IMAGE_SUFFIXES,
    SAMPLES,
    ChartError,
    generate_candidates,
    load_model,
    one_line,
    open_chart,
)
from eval_metric.similarity import SUCCESS_IOU

if TYPE_CHECKING:
    from eval_metric.executor import Executor

HERE = Path(__file__).resolve().parent
MARK = "C2C-MoLA predict.py"  # in the PNG's metadata: this picture is ours and may be overwritten
INTERRUPTED = 130  # exit status, as shells have it
EXECUTING = 2  # programs at once, while candidates are compared and refined


@dataclass
class Answer:
    """What is known about one chart; with --json, one line of output."""

    file: str
    code: str | None = None
    executed: bool | None = None  # None: not tried
    iou: float | None = None
    iou_before: float | None = None
    renderings: int | None = None
    seconds: float | None = None
    error: str | None = None


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("charts", nargs="+", type=Path, metavar="CHART", help="image files, or folders of image files")
    parser.add_argument(
        "--model", default=str(HERE), help="model folder or Hub repository (default: the model of this repository)"
    )
    parser.add_argument(
        "--output", metavar="FILE_OR_FOLDER", help="write the code there; a folder if there are many charts"
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="execute the code, compare its picture with the chart, write it to <chart>.rendered.png",
    )
    parser.add_argument(
        "--candidates", type=int, default=1, help="programs per chart, of which the one that fits best is kept"
    )
    parser.add_argument(
        "--refine", action="store_true", help="adjust the program by executing it, as long as it fits the chart better"
    )
    parser.add_argument(
        "--time_budget", "--time-budget", type=float, default=5.0, metavar="SECONDS",
        help="for candidates and refinement of one chart (default: 5)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one JSON object per chart on standard output")
    parser.add_argument("--batch_size", type=int, default=8, help="charts generated together (default: 8)")
    parser.add_argument("--max_new_tokens", type=int, default=512, help="longest program (default: 512 tokens)")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds that a program may run (default: 10)")
    arguments = parser.parse_args(argv)
    for name in ("batch_size", "max_new_tokens", "timeout", "candidates", "time_budget"):
        if getattr(arguments, name) <= 0:
            parser.error(f"--{name} must be positive, got {getattr(arguments, name)}")
    return arguments


def find_charts(inputs: list[Path]) -> tuple[list[Path], list[Answer]]:
    """The chart files of `inputs` (folders one level deep, without our own `*.rendered.png`), and the wrong inputs."""
    charts, wrong = [], []
    for path in inputs:
        if not path.is_dir():
            charts.append(path)
            continue
        try:
            found = [
                file for file in sorted(path.iterdir()) if file.suffix.lower() in IMAGE_SUFFIXES and file.is_file()
            ]
        except OSError as error:
            wrong.append(Answer(str(path), error=f"the folder can't be read: {error.strerror}"))
            continue
        found = [file for file in found if not file.stem.endswith(".rendered")]
        if not found:
            wrong.append(Answer(str(path), error=f"no charts in this folder ({', '.join(IMAGE_SUFFIXES)})"))
        charts += found
    return list(dict.fromkeys(charts)), wrong


def name_files(charts: list[Path], suffix: str, folder: Path | None = None) -> dict[Path, Path]:
    """
    One file name a chart: `<stem><suffix>`, in `folder` or beside the chart. Where two charts would share it (a.png,
    a.jpg), `<name><suffix>`; raises [`ChartError`] if they still do.
    """
    names = {}
    stems = [(folder or chart.parent) / (chart.stem + suffix) for chart in charts]
    for chart, stem in zip(charts, stems):
        names[chart] = stem if stems.count(stem) == 1 else (folder or chart.parent) / (chart.name + suffix)
    taken: dict[Path, Path] = {}
    for chart, name in names.items():
        if name in taken:
            raise ChartError(f"{taken[name]} and {chart} would both be written to {name}")
        taken[name] = chart
    return names


def syntax_error(code: str) -> str | None:
    """Why `code` is no program, in one line; None if it is one."""
    if not code.strip():
        return "the model gave no code"
    try:
        with warnings.catch_warnings(action="ignore"):  # of odd escapes in strings
            ast.parse(code)
    except SyntaxError as error:
        return f"no valid program was generated: {error.msg} (line {error.lineno} of {len(code.splitlines())})"
    except (ValueError, RecursionError, MemoryError) as error:  # null bytes, absurd nesting
        return f"no valid program was generated: {error or type(error).__name__}"
    return None


def write_code(code: str, chart: Path, target: Path, named: bool) -> None:
    """
    Writes the program, headed by the chart's name. A file of the given name is replaced if the user has named it, or
    if it has that header: then it is a former answer to this chart.
    """
    header = f"# {chart.name}\n"
    if target.exists() and not named:
        with open(target, encoding="utf-8", errors="replace") as file:
            if file.readline() != header:
                raise FileExistsError(
                    f"{target} exists and was not written from {chart.name}: choose another --output"
                )
    target.write_text(header + code.rstrip("\n") + "\n", encoding="utf-8")


def write_picture(image: np.ndarray, chart: Path, target: Path) -> None:
    """Writes the rendered picture (H, W, 3), unless another file than a former picture of this chart is there."""
    if target.exists():
        try:
            with Image.open(target, formats=("PNG",)) as former:
                ours = former.info.get("Software") == MARK and former.info.get("Source") == chart.name
        except (OSError, SyntaxError, ValueError):
            ours = False
        if not ours:
            raise FileExistsError(
                f"{target} exists and was not written from {chart.name}: the picture was not written"
            )
    info = PngImagePlugin.PngInfo()
    info.add_text("Software", MARK)
    info.add_itxt("Source", chart.name)  # iTXt: file names need not be Latin-1
    Image.fromarray(image).save(target, pnginfo=info)


class Predictor:
    """Takes charts through generation, checking, verification and output, batch by batch."""

    def __init__(self, arguments: argparse.Namespace):
        from tqdm import tqdm

        self.arguments = arguments
        self.charts, self.wrong = find_charts(arguments.charts)
        self.failures = 0
        self.named_file = False  # --output names the one file to write
        folder_given = any(path.is_dir() for path in arguments.charts)
        self.code_files = self.plan_output(arguments.output, folder_given) if arguments.output else None
        self.pictures = name_files(self.charts, ".rendered.png") if arguments.verify else None
        self.executes = arguments.verify or arguments.refine or arguments.candidates > 1
        self.executor: Future | None = None
        self.finishing = self.interrupted = False
        # A bar where there is something to wait for; a single batch has nothing to show.
        show = folder_given or len(self.charts) > arguments.batch_size
        self.bar = tqdm(total=len(self.charts), unit="chart", file=sys.stderr, disable=not show)

    def plan_output(self, output: str, folder_given: bool) -> dict[Path, Path]:
        path = Path(output)
        self.named_file = not (
            folder_given or len(self.charts) != 1 or path.is_dir() or output.endswith(("/", os.sep))
        )
        if self.named_file:
            if path.suffix.lower() in IMAGE_SUFFIXES:
                raise ChartError(
                    f"--output {output}: code is written there, not a picture; give a .py file or a folder"
                )
            if not path.parent.is_dir():
                raise ChartError(f"--output {output}: there is no folder {path.parent}")
            return {self.charts[0]: path}
        if path.exists() and not path.is_dir():
            raise ChartError(f"--output {output}: several charts need a folder, and this is a file")
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ChartError(f"--output {output}: {error.strerror}") from None
        return name_files(self.charts, ".py", path)

    def run(self) -> int:
        """All charts; returns the exit status."""
        try:
            with self.bar:
                for answer in self.wrong:
                    self.show(answer)
                for start in range(0, len(self.charts), self.arguments.batch_size):
                    for answer in self.run_batch(self.charts[start : start + self.arguments.batch_size]):
                        self.show(answer)
                        self.bar.update()
                        self.finishing = False
                        if self.interrupted:
                            return INTERRUPTED
        finally:
            if self.executor is not None and self.executor.exception() is None:
                self.executor.result().close()
        return 1 if self.failures else 0

    def interrupt(self, *_) -> None:
        """
        Ctrl-C: a chart that is being verified or written is finished with what there is; else, and at the second time,
        the end. No exception: raised within a callback or a destructor it would not end anything.
        """
        if self.finishing and not self.interrupted:
            self.interrupted = True
        else:
            if not self.bar.disable:
                os.write(2, b"\n")
            os._exit(INTERRUPTED)  # worker processes end when they see that this one is gone

    def run_batch(self, charts: list[Path]) -> Iterator[Answer]:
        answers, images = {}, {}
        for chart in charts:
            answers[chart] = Answer(str(chart))
            try:
                images[chart] = open_chart(chart)
            except ChartError as error:
                answers[chart].error = str(error)
        codes, seconds = [], None
        if images:
            if self.executes and self.executor is None:  # while the model is loaded and answers
                self.executor = ThreadPoolExecutor(1).submit(self.start_executor)
            model, processor = self.model
            began = time.perf_counter()
            codes = generate_candidates(
                model,
                processor,
                list(images.values()),
                self.arguments.candidates,
                self.arguments.max_new_tokens,
                self.arguments.batch_size,
            )
            seconds = round((time.perf_counter() - began) / len(images), 3)
        generated = dict(zip(images, codes))
        for chart, answer in answers.items():
            if chart in generated:
                answer.code, answer.seconds = generated[chart][0], seconds
                self.finishing = True
                try:
                    self.finish(chart, images[chart], answer, generated[chart])
                except OSError as error:  # a file that can't be written
                    answer.error = answer.error or str(error)
            yield answer

    @cached_property
    def model(self) -> tuple:
        return load_model(self.arguments.model)  # once there is a chart that can be read

    def start_executor(self) -> Executor:
        from eval_metric.executor import Executor

        workers = EXECUTING if self.arguments.refine or self.arguments.candidates > 1 else 1
        executor = Executor(workers, self.arguments.timeout, labels=self.arguments.refine)
        executor.start()
        return executor

    def finish(self, chart: Path, image: Image.Image, answer: Answer, candidates: list[str]) -> None:
        """Executes, compares and writes the code of one chart."""
        picture = self.check(chart, image, answer, candidates) if self.executes else None
        answer.error = syntax_error(answer.code) or answer.error
        if self.code_files is not None:
            write_code(answer.code, chart, self.code_files[chart], self.named_file)
            self.say(f"{chart}: code in {self.code_files[chart]}")
        if picture is None:
            return
        fit = f"{chart}: IoU {answer.iou:.3f}"
        if answer.renderings > 1:
            fit += f", before {answer.iou_before:.3f} ({answer.renderings} renderings, {answer.seconds:.1f} s)"
        fit += "" if answer.iou >= SUCCESS_IOU else f" (a good copy has {SUCCESS_IOU})"
        if self.pictures is None:
            self.say(fit)
            return
        try:
            write_picture(picture, chart, self.pictures[chart])
        except OSError:
            self.say(fit)
            raise
        self.say(f"{fit}, picture in {self.pictures[chart]}")

    def check(self, chart: Path, image: Image.Image, answer: Answer, candidates: list[str]) -> np.ndarray | None:
        """Fills in what verification finds; gives the picture of the program, None if it has none."""
        from chart2code.verification import verify

        answer.executed, answer.iou = False, 0.0  # as the metric counts a program that fails
        arguments = self.arguments
        try:
            found = verify(
                self.executor.result(),
                candidates,
                image,
                arguments.refine,
                arguments.time_budget,
                should_stop=lambda: self.interrupted,
                more=(lambda: self.sample(image)) if arguments.refine else None,
            )
        except (OSError, RuntimeError) as error:  # this system can't confine a program: the code is given all the same
            answer.executed = answer.iou = None
            answer.error = f"not executed: {one_line(error)}"
            return None
        answer.code, answer.renderings = found.code, found.renderings
        answer.seconds = round(answer.seconds + found.seconds, 3)
        answer.executed = found.result.ok
        answer.iou, answer.iou_before = round(found.iou, 4), round(found.iou_before, 4)
        if not found.result.ok:
            answer.error = f"the program fails: {found.result.error or found.result.status}"
            return None
        return found.result.image

    def sample(self, image: Image.Image) -> list[str]:
        """Other programs for a chart whose first one can't be executed."""
        arguments = self.arguments
        model, processor = self.model
        return generate_candidates(
            model, processor, [image], 1 + SAMPLES, arguments.max_new_tokens, arguments.batch_size
        )[0][1:]

    def show(self, answer: Answer) -> None:
        """Puts out one finished answer."""
        text = None
        if self.arguments.json:
            text = json.dumps(asdict(answer), ensure_ascii=False)
        elif answer.code is not None and self.code_files is None:
            text = answer.code.rstrip("\n")
            if len(self.charts) > 1:
                text = f"# {answer.file}\n{text}\n"
        if text is not None:
            self.bar.write(text, file=sys.stdout)
            sys.stdout.flush()
        if answer.error is not None:
            self.failures += 1
            self.say(f"{answer.file}: {answer.error}")

    def say(self, line: str) -> None:
        self.bar.write(line, file=sys.stderr)


@contextlib.contextmanager
def interrupts(handler: Callable) -> Iterator[None]:
    """Ctrl-C calls `handler`, unless the caller has other plans with it."""
    former = signal.getsignal(signal.SIGINT)
    if former != signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


def main(argv: list[str] | None = None) -> int:
    arguments = parse_arguments(argv)
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        predictor = Predictor(arguments)
        with interrupts(predictor.interrupt):
            return predictor.run()
    except ChartError as error:
        print(f"predict.py: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # `predict.py ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)

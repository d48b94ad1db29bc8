"""Verified decoding: of several programs the one that redraws the chart best, adjusted until it does.

The judge is the chart's own picture: `eval_metric.similarity.chart_iou` of what a program draws with it. `verify`
executes the candidates and keeps the best; with `refine` it changes that program, and keeps what makes it fit better:

1. what can be measured in the picture is written into the program at once, data and colours (adjustment.py), and again
   after each rendering, while it helps;
2. ways to write the frame (grid, legend, markers, layout, ...) are tried, each alone, and those that help together;
3. numbers are rounded as far as the score allows.

The answer is the program with the highest IoU that was seen, so never worse than the first candidate, and there at any
time: when the budget is spent, or at an interrupt.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from chart2code import adjustment
from chart2code.adjustment import Drawing
from eval_metric.executor import ExecutionResult, Executor
from eval_metric.similarity import chart_iou, to_canvas

GOOD_IOU = 0.85  # a copy (Eq. 20)
ROUGH = 16  # pixels: the side of the squares that the rough comparison takes means of
ROUGH_WEIGHT = 0.2
READINGS = 3  # after each change of structure
GAIN = 1e-3  # of the goal: less is no reason to change a program


@dataclass(frozen=True)
class Verified:
    """The best program for a chart and how it was found.

    Attributes:
        code: the program; the first candidate where none can be executed.
        result: what became of it.
        iou: of its picture with the chart; 0 if it draws none.
        iou_before: of the first candidate.
        renderings: programs that were executed.
        seconds: wall-clock time of all this.
        interrupted: by Ctrl-C; this is the best until then.
    """

    code: str
    result: ExecutionResult
    iou: float
    iou_before: float
    renderings: int
    seconds: float
    interrupted: bool = False


def verify(
    executor: Executor,
    candidates: Sequence[str],
    chart: Image.Image | np.ndarray,
    refine: bool = False,
    time_budget: float = 5.0,
    max_renderings: int | None = None,
) -> Verified:
    """
    The best of some programs for a chart, refined if wanted.

    Args:
        executor: for refinement one with `labels=True`; several workers are used if it has them.
        candidates: programs, the model's first answer first.
        chart: the picture, of any size.
        time_budget: seconds for all of it; the rendering that is under way then is awaited.
        max_renderings: executions for all of it, where results must not hang on the speed of the machine.

    Raises:
        ValueError: no candidates.
        RuntimeError, OSError: programs cannot be executed here.
    """
    if not candidates:
        raise ValueError("there is no program to verify")
    search = _Search(executor, to_canvas(chart), time.monotonic() + time_budget, max_renderings or sys.maxsize)
    began, interrupted = time.monotonic(), False
    try:
        search.start(candidates)
        if refine and search.best is not None:
            search.refine()
    except _BudgetSpent:
        pass
    except KeyboardInterrupt:
        if search.first is None:
            raise
        interrupted = True
    best = search.best
    return Verified(
        code=candidates[0] if best is None else best.code,
        result=search.first if best is None else best.result,
        iou=0.0 if best is None else search.best_iou,
        iou_before=search.first_iou,
        renderings=search.renderings,
        seconds=time.monotonic() - began,
        interrupted=interrupted,
    )


class _BudgetSpent(Exception):
    pass


class _Search:
    """`best` is the answer, by IoU; `current` is where the search stands, by a goal that also has a slope far off."""

    def __init__(self, executor: Executor, target: np.ndarray, deadline: float, most: int):
        self.executor, self.target, self.deadline, self.most = executor, target, deadline, most
        self.rough_target = _rough(target)
        self.seen: set[str] = set()
        self.renderings = 0
        self.first: ExecutionResult | None = None
        self.first_iou = self.best_iou = 0.0
        self.best: Drawing | None = None
        self.current: Drawing | None = None
        self.goal = -1.0

    # Trying programs

    def start(self, candidates: Sequence[str]) -> None:
        for _code, drawing, goal in self.render(candidates, anyway=1):
            if drawing is not None and goal > self.goal:
                self.current, self.goal = drawing, goal

    def render(self, codes: Iterable[str], anyway: int = 0) -> list[tuple[str, Drawing | None, float]]:
        """
        Executes programs that are new and gives each with its drawing (None if it fails) and its goal. Raises
        `_BudgetSpent` at the end of the time, but not before the first `anyway` are done.
        """
        codes = [code for code in dict.fromkeys(codes) if code not in self.seen]
        rendered, left = [], max(anyway, self.most - self.renderings)

        def in_time() -> Iterable[str]:
            for k, code in enumerate(codes):
                if k >= anyway and (k >= left or time.monotonic() >= self.deadline):
                    return
                yield code

        for code, result in zip(codes, self.executor.run_many(in_time())):
            self.seen.add(code)
            self.renderings += 1
            drawing, goal, iou = None, -1.0, 0.0
            if result.ok:
                drawing = Drawing(code, result)
                iou = chart_iou(drawing.pixels, self.target)
                goal = iou + ROUGH_WEIGHT * _likeness(_rough(drawing.pixels), self.rough_target)
                if self.best is None or iou > self.best_iou:
                    self.best, self.best_iou = drawing, iou
            if self.first is None:
                self.first, self.first_iou = result, iou
            rendered.append((code, drawing, goal))
        if len(rendered) < len(codes):
            raise _BudgetSpent
        return rendered

    def improve(self, codes: Iterable[str | None]) -> bool:
        """Goes to the best of some programs, if it is better than where the search stands."""
        tried = [t for t in self.render(code for code in codes if code is not None) if t[1] is not None]
        best = max(tried, key=lambda t: t[2], default=None)
        if best is None or best[2] < self.goal + GAIN:
            return False
        self.current, self.goal = best[1], best[2]
        return True

    # Refinement

    def refine(self) -> None:
        for _code, drawing, goal in self.render(filter(None, [adjustment.distinct(self.current)])):
            if drawing is not None:  # taken in any case: upon each other, bars can't be told apart
                self.current, self.goal = drawing, goal
        self.read()
        self.align()
        for _ in range(3):
            if not self.restructure():
                break
            self.align()
            self.read()
        self.round_numbers()

    def align(self) -> None:
        self.improve([_safely(lambda: adjustment.aligned(self.current, self.target))])

    def read(self) -> None:
        """Writes what is seen in the chart into the program, again and again while the picture gets better."""
        for _ in range(READINGS):
            better = self.improve([self.reading()])
            if not better and self.best_iou < GOOD_IOU:
                better = self.improve([self.reading(colors=False), self.reading(scale=False)])
            if not better:
                break
        if self.best_iou < GOOD_IOU and self.improve([self.reading(order=order) for order in range(1, 6)]):
            self.improve([self.reading()])

    def reading(self, **way: bool) -> str | None:
        return _safely(lambda: adjustment.read(self.current, self.target, **way))

    def restructure(self) -> bool:
        """Tries other ways to write single things, and then those that helped, together."""
        base, before = self.current, self.goal
        groups = _safely(lambda: adjustment.alternatives(base, self.target)) or []
        helpful: list[tuple[float, list]] = []
        flat = {base.program.changed(changes): (g, changes) for g, group in enumerate(groups) for changes in group}
        best_of_group: dict[int, tuple[float, list]] = {}
        for code, drawing, goal in self.render(flat):
            group, changes = flat[code]
            if drawing is not None and goal > before + GAIN and goal > best_of_group.get(group, (0.0, []))[0]:
                best_of_group[group] = goal, changes
                if goal > self.goal:
                    self.current, self.goal = drawing, goal
        helpful = sorted(best_of_group.values(), key=lambda entry: -entry[0])
        for count in (len(helpful), (len(helpful) + 1) // 2):
            if count > 1:
                together = [change for _, changes in helpful[:count] for change in changes]
                if self.improve([_safely(lambda changes=together: base.program.changed(changes))]):
                    break
        return self.goal > before + GAIN

    def round_numbers(self) -> None:
        """Fewer digits where the score allows it: the last word, so it goes to `best` and may cost a little."""
        while self.best is not None:
            code = _safely(lambda: adjustment.rounded(self.best))
            if code is None:
                return
            allowed = self.best_iou - 0.002
            tried = self.render([code])
            if not tried or tried[0][1] is None:
                return
            iou = chart_iou(tried[0][1].pixels, self.target)
            if iou < allowed or iou < self.first_iou:
                return
            self.best, self.best_iou = tried[0][1], iou


def _safely(make: Callable):
    """What `make` gives, or None: a picture may be anything, and an odd one must not cost the answer that is there."""
    try:
        return make()
    except (ValueError, IndexError, ZeroDivisionError, OverflowError, SyntaxError, np.linalg.LinAlgError):
        return None


def _rough(pixels: np.ndarray) -> np.ndarray:
    """The ink of a canvas, as means of squares: (32, 32, 3) float32."""
    side = pixels.shape[0] // ROUGH
    return 255 - pixels.reshape(side, ROUGH, side, ROUGH, 3).mean(axis=(1, 3), dtype=np.float32)


def _likeness(one: np.ndarray, other: np.ndarray) -> float:
    """1 for equal pictures, 0 for those whose ink is nowhere the same."""
    total = float(one.sum() + other.sum())
    return 1.0 - float(np.abs(one - other).sum()) / total if total else 1.0

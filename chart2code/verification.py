"""Verified decoding: of several programs the one that redraws the chart best, adjusted until it does.

The judge is the chart's own picture: `eval_metric.similarity.chart_iou` of what a program draws with it. `verify`
executes the candidates and keeps the best; with `refine` it changes that program, and keeps what makes it fit better:

1. a chart of several panels is cut into them, and each is searched for like a chart (panels.py);
2. shape and colours of the page, the size of the figure and the place of its axes are taken from the picture;
3. what can be measured there is written into the program at once, data, scale and colours (adjustment); where that
   does not lead to a copy, programs of the kinds that the picture could be of are tried: pies (pie_programs.py), heat
   maps (heatmaps.py), lollipops and dumbbells (lollipops.py), bars in white and greys (outlined_bars.py), horizontal
   bars (horizontal_bars.py), bubbles and coloured points (bubbles.py), boxes and violins (distributions.py), events
   (events.py), roses and radars (polar.py), and all mixtures of areas, bars, lines, also several of one colour
   (tracks.py), and points (layers.py) with the numbers that are measured for them, and the others with placeholders
   (sketches.py);
4. its words are read off the picture (captions.py), its legend (legends.py), what stands at bars (bar_labels.py) and
   in the axes (notes.py); error bars, bands and lines across the axes (across.py) are added (additions.py), series
   if colours are left over or missing;
5. other ways to write single things (grid, markers, layout, ...) are tried, one thing after another
   (alternatives.py), where picture and drawing differ in that (clues.py), and data and scale are measured again;
   in the end, limits that matplotlib has anyway go, and numbers are rounded, as far as the score allows.

The answer is the program with the highest IoU that was seen, so never worse than the first candidate (the last step
may cost `LAST_COST`, but not below it), and there at any time: when the budget is spent, or when it is told to stop.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
from PIL import Image

from chart2code import adjustment, alternatives, bar_labels, captions, legends, notes, panels, readout
from chart2code.additions import completed
from chart2code.adjustment.frames import logarithmic
from chart2code.detail import canvas_of
from chart2code.drawing import Drawing
from chart2code.grouping import grouped
from chart2code.layout import DPIS, SAME_SIZE
from chart2code.sketches import Sheet, blank, sketches
from eval_metric.executor import ExecutionResult, Executor
from eval_metric.similarity import SUCCESS_IOU, chart_iou

logger = logging.getLogger(__name__)
ENOUGH = 0.995  # from here on nobody sees a difference
ROUGH = 16  # pixels: the side of the squares that the rough comparison takes means of
ROUGH_WEIGHT = 0.2
READINGS = 3  # after each change of structure
ROUNDS = 3  # of changes of structure
CHANGES = 3  # of series
LONGER = 2  # times the length of the model's answer: what is longer than this must be better by
LONG_GAIN = 0.1  # of IoU, or a good copy
MUCH_LONGER = 1.3  # times the length of the answer as it is: the same for what is longer than this as well
REWORDINGS = 2  # other words may move a legend
SEARCH_SHARE = 0.9  # of the budget; the rest is for words and rounding
PANEL_RESERVE = 0.3  # seconds for the program of all panels
EMPTY = "import matplotlib.pyplot as plt\n\nfig, ax = plt.subplots()\n"  # of a panel for which there was no time
LAST_COST = 0.005  # of IoU: what words weigh, and digits that nobody sees
FAR = 8.0  # pixels between axes, where nothing is read right
ALIKE = 0.75  # IoU from which a program is of the right kind: what is missing are words
POOR = 0.6  # IoU where neither reading the data nor measured copies helped: it is rather of another kind
FOREIGN = 0.35  # IoU of an answer of which nothing is right
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
    """

    code: str
    result: ExecutionResult
    iou: float
    iou_before: float
    renderings: int
    seconds: float


def verify(
    executor: Executor,
    candidates: Sequence[str],
    chart: Image.Image | np.ndarray,
    refine: bool = False,
    time_budget: float = 5.0,
    max_renderings: int | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    more: Callable[[], Sequence[str]] | None = None,
) -> Verified:
    """
    The best of some programs for a chart, refined if wanted.

    Args:
        executor: for refinement one with `labels=True`; several workers are used if it has them.
        candidates: programs, the model's first answer first; that one is executed whatever the budget.
        chart: the picture, of any size.
        time_budget: seconds for all of it.
        max_renderings: executions for all of it, where results must not hang on the speed of the machine.
        should_stop: asked before each rendering; the best program so far is the answer then.
        more: gives further candidates, where none of these can be executed, and the chart can't be sketched.

    Raises:
        ValueError: no candidates.
        RuntimeError, OSError: programs cannot be executed here.
    """
    if not candidates:
        raise ValueError("there is no program to verify")
    began = time.monotonic()
    size = chart.shape[1::-1] if isinstance(chart, np.ndarray) else chart.size
    target = canvas_of(chart)  # its own: what is measured in it is remembered, so nobody may write to it
    search = _Search(executor, target, size, should_stop)
    share, most = SEARCH_SHARE if refine else 1.0, max_renderings or math.inf
    search.deadline, search.most = began + time_budget * share, most * share
    with contextlib.suppress(_BudgetSpent):
        search.start(candidates)
        composed = refine and search.best_iou < SUCCESS_IOU and search.compose(chart)
        if refine and search.best is None:
            search.start_from_copies(candidates[0], 1)
        if search.best is None and more is not None:
            search.start(more())
        if refine and search.best is None:
            search.start([blank(target, size, candidates[0])])
        if refine and search.best is not None and not composed:
            search.refine()
    search.deadline, search.most = began + time_budget, most
    with contextlib.suppress(_BudgetSpent):
        if refine and search.best is not None and not search.finished:
            search.finish()
    best = search.best
    return Verified(
        code=candidates[0] if best is None else legends.without_labels(best.code) if refine else best.code,
        result=search.first if best is None else best.result,
        iou=0.0 if best is None else search.best_iou,
        iou_before=search.first_iou,
        renderings=search.renderings,
        seconds=time.monotonic() - began,
    )


class _BudgetSpent(Exception):
    pass


class _Search:
    """`best` is the answer, by IoU; `current` is where the search stands, by a goal that also has a slope far off."""

    def __init__(
        self,
        executor: Executor,
        target: np.ndarray,
        size: tuple[int, int],
        should_stop: Callable[[], bool],
    ):
        self.executor, self.should_stop = executor, should_stop
        self.target, self.size = target, size
        self.deadline = self.most = math.inf
        self.rough_target = _rough(target)
        self.seen: set[str] = set()
        self.readings: set[tuple] = set()  # programs from which data were read, and in what way
        self.longest = sys.maxsize  # characters of a program: no heaps of literals in vain
        self.renderings = 0
        self.rendering_seconds = 0.0
        self.first: ExecutionResult | None = None
        self.first_iou = self.best_iou = 0.0
        self.best: Drawing | None = None
        self.current: Drawing | None = None
        self.goal = -1.0
        self.measured = False  # whether colours and numbers of the program were there at once: no others need be tried
        self.copied: list[Sheet] = []  # those of which measured copies were looked for
        self.finished = False  # each panel of a chart on its own

    # Trying programs

    def start(self, candidates: Sequence[str]) -> None:
        for _code, drawing, goal in self.render(candidates, anyway=1):
            if drawing is not None and goal > self.goal:
                self.current, self.goal = drawing, goal

    def start_from_copies(self, answer: str, most: int) -> None:
        """Begins with measured copies, or, if there are none, with as many sketches as `most`."""
        copies = self.copies(answer)
        self.start(copies or self.sketches(answer)[:most])
        self.measured = bool(copies)

    def render(self, codes: Iterable[str], anyway: int = 0) -> Iterator[tuple[str, Drawing | None, float]]:
        """
        Executes programs that are new, and gives each with its drawing (None if it fails) and its goal. Raises
        `_BudgetSpent` if the time won't do for all of them, but not before the first `anyway`.
        """
        codes = [code for code in dict.fromkeys(codes) if code not in self.seen]
        taken = done = 0

        def in_time() -> Iterator[str]:
            nonlocal taken
            for code in codes:
                waiting = (taken - done) / self.executor.num_workers + 1
                end = time.monotonic() + waiting * self.rendering_seconds / max(1, self.renderings)
                spent = end > self.deadline or self.renderings + taken - done >= self.most or self.should_stop()
                if spent and taken >= anyway:
                    return
                taken += 1
                yield code

        for result in self.executor.run_many(in_time(), ahead=2, family=self):
            code = codes[done]
            done += 1
            self.seen.add(code)
            self.renderings += 1
            self.rendering_seconds += result.seconds
            drawing, goal, iou = None, -1.0, 0.0
            if result.ok:
                drawing = Drawing(code, result)
                iou = chart_iou(drawing.pixels, self.target)
                goal = iou + ROUGH_WEIGHT * _likeness(_rough(drawing.pixels), self.rough_target)
                least = 0 if self.best is None else MUCH_LONGER * len(self.best.code)
                short = iou >= SUCCESS_IOU or len(code) <= max(self.longest, least)
                if self.best is None or iou > self.best_iou + (0 if short else LONG_GAIN):
                    self.best, self.best_iou = drawing, iou
            if self.first is None:
                self.first, self.first_iou = result, iou
                self.longest = LONGER * len(code) + 200
            yield code, drawing, goal
        if done < len(codes):
            raise _BudgetSpent

    def improve(self, codes: Iterable[str | None]) -> bool:
        """Goes to the best of some variants, if it is better than where the search stands."""
        before = self.goal
        for _code, drawing, goal in self.render(filter(None, codes)):
            if drawing is not None and goal > max(self.goal, before + GAIN):
                self.current, self.goal = drawing, goal
        return self.goal > before

    def go_to(self, codes: Iterable[str | None]) -> None:
        """Goes to the best of some variants, also if it is worse than where the search stands."""
        drawn = [entry for entry in self.render(filter(None, codes)) if entry[1] is not None]
        if drawn:
            _code, self.current, self.goal = max(drawn, key=lambda entry: entry[2])

    def change_paper(self) -> None:
        """Goes to the style sheet, or to the colours, of the target's page: by these, the rest is too wrong yet."""
        codes = self._safely(lambda: alternatives.papers(self.current, self.target)) or []
        drawn = [entry for entry in self.render(codes) if entry[1] is not None and entry[1].box]

        def amiss(drawing: Drawing) -> int:
            box, pictures = drawing.box, (self.target, drawing.pixels)
            colors = zip(*(alternatives.paper_colors(pixels, box) for pixels in pictures))
            differences = [np.abs(np.subtract(*pair)).max() for pair in colors]
            frames = {readout.has_pale_frame(pixels, box) for pixels in pictures}
            return (len(frames) > 1) + (max(differences) > alternatives.SAME_PAPER)

        if drawn:
            drawn.append((self.current.code, self.current, self.goal))
            _code, self.current, self.goal = min(drawn, key=lambda entry: (amiss(entry[1]), -entry[2]))

    # Refinement

    def begin(self) -> None:
        """Without an answer, for a panel: all but details, which come when all panels stand."""
        self.start_from_copies("", 2)
        if self.best is not None:
            self.refine(panel=True)

    def refine(self, panel: bool = False) -> None:
        """`panel`: the search began without an answer, with programs that have the target's page already; details are
        left to the caller."""
        if not panel:
            self.settle()
        if self.best_iou < POOR and not readout.is_pie(self.target):
            self.change_kind(self.sketches(self.current.code))
        self.read()
        self.align()
        self.go_to([self._safely(lambda: captions.turned(self.current, self.target, self.size))])
        self.improve([self._safely(lambda: captions.reworded(self.current, self.target, self.size))])
        self.improve([self._safely(lambda: captions.sized(self.current, self.target, self.size))])
        self.name_series()
        if self.rescale():  # also of a good copy: it may have other numbers
            self.read()
        self.complete()
        if self.best_iou > POOR or self.measured:
            self.improve([self._safely(lambda: notes.added(self.current, self.target, self.size))])
        if self.best_iou < SUCCESS_IOU and self.change_series():
            self.name_series()
        if panel:
            return
        self.change_details()
        if self.best_iou < SUCCESS_IOU:  # the details were the likelier reason
            self.change_kind(self.sketches(self.current.code))
            self.change_details()

    def settle(self) -> None:
        """Goes to the best of the answer and the measured copies: to these first, if nothing of the answer is right,
        and to these alone, if one is of the right kind, or a pie, of which all is measured."""
        answer, foreign = (self.current, self.goal), self.best_iou < FOREIGN
        if foreign:
            self.change_kind(self.copies(self.current.code), measured=True)
        if not foreign or self.best_iou < ALIKE and not readout.is_pie(self.target):
            copy, (self.current, self.goal) = (self.current, self.goal), answer
            self.adapt()
            answer = self.current, self.goal
            if copy[1] > self.goal:
                self.current, self.goal = copy
        if self.best_iou < SUCCESS_IOU:  # on the page that the answer was adapted to
            self.change_kind(self.copies(answer[0].code), measured=True)

    def adapt(self) -> None:
        """Goes to what the answer is on the target's page, with what is measured there."""
        # Where bars lie upon each other or the page is another, nothing can be read: so whatever the goal says.
        self.go_to([self._safely(lambda: alternatives.distinct(self.current))])
        self.go_to(self._safely(lambda: alternatives.shaped(self.current, self.target, self.size)) or [])
        self.change_paper()
        self.resize()
        places = self._safely(lambda: alternatives.aligned(self.current, self.target, FAR)) or []
        self.go_to(places if len(places) == 1 else [])  # of several layouts none is sure
        self.improve([self.reading()])

    def compose(self, chart: Image.Image | np.ndarray) -> bool:
        """Goes to the program of a chart of several panels, each found by a search of its own; False if it is none, or
        that draws it worse than the model's answer."""
        found = self._safely(lambda: panels.find_panels(self.target))
        if found is None:
            return False
        parts = panels.cut_out(np.asarray(chart.convert("RGB")) if isinstance(chart, Image.Image) else chart, found)
        dpi = panels.resolution(self.target, found, self.size) if found.pies else 100
        searches = []
        for part in parts:
            size = tuple(round(side * 100 / dpi) for side in part.shape[1::-1])
            searches.append(_Search(self.executor, canvas_of(part), size, self.should_stop))
        steps = [_Search.begin, _Search.change_details, _Search.finish]  # what makes panels alike comes first
        for k, (step, search) in enumerate(itertools.product(steps, searches)):
            left = self.deadline - time.monotonic() - PANEL_RESERVE
            if left <= 0 or (search.best is None and step is not _Search.begin):
                break
            search.deadline = time.monotonic() + left / (len(parts) - k % len(parts))
            search.most = self.most - self.renderings
            renderings = search.renderings
            with contextlib.suppress(_BudgetSpent):
                step(search)
            self.renderings += search.renderings - renderings
        begun = [(part, search.best) for part, search in zip(parts, searches) if search.best is not None]
        if not begun:
            return False
        codes = [search.best.code if search.best else EMPTY for search in searches]
        resolutions = [part.shape[1] / best.program.figure_size[0] for part, best in begun]
        before, measured = self.best_iou, float(np.median(resolutions))
        usual = min(DPIS, key=lambda dpi: abs(dpi - measured))
        dpi = usual if abs(usual / measured - 1) < SAME_SIZE else measured
        # Also if the time is over: what was found of the panels is nothing without it.
        self.start([panels.merged(codes, dpi, found, self.target, self.size)])
        if self.best_iou == before:
            return False
        self.finished = not found.pies  # whose words have places of their own
        if found.pies:
            self.restructure()
        return True

    def complete(self) -> None:
        """Adds what the chart has beside its series."""
        if self.improve(self._safely(lambda: completed(self.current, self.target)) or []):
            self.improve([self.reading()])

    def change_details(self) -> None:
        for _ in range(ROUNDS):
            if self.best_iou >= ENOUGH or not self.restructure():
                break
            self.align()
            self.read()

    def align(self, least: float = 1.5) -> None:
        """Puts the axes where those of the target are, if they are more than `least` pixels from there."""
        self.improve(self._safely(lambda: alternatives.aligned(self.current, self.target, least)) or [])

    def resize(self) -> None:
        """Goes to a figure with labels as large as in the target: by that all that is drawn has its size."""
        self.go_to([self._safely(lambda: alternatives.resized(self.current, self.target, self.size))])

    def rescale(self) -> bool:
        """Goes to the limits of the target's axes, with the values that are read there, if both is better."""
        if not self._safely(lambda: alternatives.rescaled(self.current, self.target)):
            return False
        before = self.current, self.goal
        self.go_to([self.reading()])
        self.go_to(self._safely(lambda: alternatives.rescaled(self.current, self.target)) or [])
        if self.goal <= before[1]:
            self.current, self.goal = before
        return self.current is not before[0]

    def read(self) -> None:
        """Writes what is seen in the chart into the program, again and again while the picture gets better."""
        for _ in range(READINGS):
            better = self.improve([self.reading()])
            if not better and self.best_iou < SUCCESS_IOU:
                better = self.improve([self.reading(colors=False), self.reading(scale=False)])
            if not better:
                break
        if self.best_iou < SUCCESS_IOU and not self.measured:
            if self.improve([self.reading(order=order) for order in range(1, 6)]):
                self.improve([self.reading()])
        self.go_to([self._safely(lambda: logarithmic(self.current, self.target))])

    def reading(self, **way: int) -> str | None:
        key = self.current.code, *way.items()
        if key in self.readings:  # what it says has been tried
            return None
        self.readings.add(key)
        return self._safely(lambda: adjustment.read(self.current, self.target, **way))

    def name_series(self) -> None:
        """Writes the legend, and what stands at bars."""
        self.improve(self._safely(lambda: legends.written(self.current, self.target, self.size)) or [])
        self.improve([self._safely(lambda: bar_labels.labelled(self.current, self.target, self.size))])

    def change_series(self) -> bool:
        """More or fewer series, each variant judged after its data have been read."""
        first = self.current
        for _ in range(CHANGES):
            before = self.current, self.goal
            variants = self._safely(lambda: alternatives.series_changed(self.current, self.target)) or []
            for code in variants:
                self.go_to([code])
                self.read()
                if self.goal > before[1] + GAIN:
                    break
                self.current, self.goal = before
            if self.current is before[0]:
                break
        return self.current is not first

    def copies(self, answer: str) -> list[str]:
        """Programs whose numbers are measured at once, in the style and size of the answer's figure; none the second
        time: other words make no others."""
        sheet = self._safely(lambda: Sheet.of(self.target, self.size, answer))
        if sheet is None or any(sheet.on_page_of(other) for other in self.copied):
            return []
        self.copied.append(sheet)
        return self._safely(sheet.measured) or []

    def sketches(self, answer: str) -> list[str]:
        return self._safely(lambda: sketches(self.target, self.size, answer)) or []

    def change_kind(self, others: list[str], measured: bool = False) -> None:
        """Goes to the best of programs of other kinds, each judged after its data have been read; if that is
        another than it stands at, axes and data are measured again. `measured`: as of the search."""
        answer = chosen = self.current, self.goal
        for code in others:
            self.go_to([code])
            self.align(FAR)  # beside a colour bar they are elsewhere
            self.improve([self.reading()])
            self.rescale()
            if self.goal > chosen[1] + GAIN:
                chosen = self.current, self.goal
            if self.best_iou >= ALIKE:
                break
        self.current, self.goal = chosen
        if chosen is not answer:
            self.measured = measured
        if chosen is not answer and self.best_iou > FOREIGN:
            self.align()
            self.improve([self.reading()])
            self.complete()
            self.change_paper()
            self.resize()
            self.read()

    def restructure(self) -> bool:
        """Tries other ways to write single things, each as a change of the program that it stands at, since workers
        draw them at the same time then; and goes on to those that help together."""
        base, before, goals = self.current, self.goal, {}
        groups = self._safely(lambda: alternatives.alternatives(base, self.target)) or []
        options = [{base.program.changed(changes): changes for changes in group} for group in groups]
        with contextlib.closing(self.render(itertools.chain(*options))) as drawn:
            for code, drawing, goal in drawn:
                goals[code] = goal
                if drawing is not None and goal > max(self.goal, before + GAIN):
                    self.current, self.goal = drawing, goal
                if self.best_iou >= ENOUGH:
                    return True
        best = [max(((goals.get(code, -1.0), group[code]) for code in group), key=itemgetter(0)) for group in options]
        chosen = []
        for goal, changes in sorted(best, key=itemgetter(0), reverse=True):
            # It stands at the first of them.
            if goal > before + GAIN and (not chosen or self.improve([base.program.changed([*chosen, *changes])])):
                chosen = [*chosen, *changes]
        return bool(chosen)

    def finish(self) -> None:
        """The words of the picture, groups of bars in one table, no limits that matplotlib has anyway, and fewer
        digits where the score allows it: in `best`, which may cost a little."""
        lowest = max(self.first_iou, self.best_iou - LAST_COST)
        self.change_best(lambda: [captions.reworded(self.best, self.target, self.size)], REWORDINGS, lowest)
        self.change_best(lambda: grouped(self.best.program), 1, lowest)
        self.change_best(lambda: alternatives.without_limits(self.best), 1, lowest)
        self.change_best(lambda: [alternatives.rounded(self.best)], sys.maxsize, lowest)

    def change_best(self, change: Callable[[], list[str | None]], times: int, lowest: float) -> None:
        """Puts the first of what a change of the answer gives in its place, of which the IoU is not below `lowest`."""
        for _ in range(times):
            codes = list(filter(None, self._safely(change) or []))
            drawn = {code: drawing for code, drawing, _ in self.render(codes) if drawing is not None}
            fitting = ((drawing, chart_iou(drawing.pixels, self.target)) for drawing in drawn.values())
            found = next(((drawing, iou) for drawing, iou in fitting if iou >= lowest), None)
            if found is None:
                return
            self.best, self.best_iou = found

    def _safely(self, make: Callable):
        """What `make` gives, or None: a picture may be anything, and an odd one must not cost the answer that is
        there. Raises `_BudgetSpent` if the time is over before."""
        if time.monotonic() > self.deadline:
            raise _BudgetSpent
        try:
            return make()
        except (ValueError, IndexError, ZeroDivisionError, OverflowError, SyntaxError, np.linalg.LinAlgError):
            logger.debug("a step of the search failed on this picture", exc_info=True)
            return None


def _rough(pixels: np.ndarray) -> np.ndarray:
    """The ink of a canvas, as means of squares: (32, 32, 3) float32."""
    side = pixels.shape[0] // ROUGH
    rows = pixels.reshape(side, ROUGH, -1).sum(axis=1, dtype=np.uint16)  # along contiguous memory
    return 255 - rows.reshape(side, side, ROUGH, 3).sum(axis=2, dtype=np.float32) / ROUGH**2


def _likeness(one: np.ndarray, other: np.ndarray) -> float:
    """1 for equal pictures, 0 for those whose ink is nowhere the same."""
    total = float(one.sum() + other.sum())
    return 1.0 - float(np.abs(one - other).sum()) / total if total else 1.0

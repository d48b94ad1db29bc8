"""What a chart and a drawing of it have in common, so that other ways to write it need not be tried.

The same is measured in both pictures; where it comes out alike, alternatives that would change it are left out. What
can't be measured is not alike.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from scipy import ndimage

from chart2code import readout
from chart2code.adjustment.scene import Scene
from chart2code.drawing import Drawing, Series
from chart2code.spines import hidden_spines
from chart2code.tick_labels import major_ticks

PAPER = 3  # of 255: what differs more from the paper is no paper,
INK = 60  # and what differs more than this is ink
GREY = 40  # of 255: chroma of frames and text
BESIDE = 4  # pixels from a grid line where there is none
NO_LINE, LEAST_FINE = (0.0, 0.1), 0.3  # where there are no small ticks; of lines at these, if there are some
LEAST = 20  # pixels of a grid line that nothing hides
GRID_SHARE, GRID_STRENGTH = 0.2, 1.5  # by how much grids of the same style differ: dashes; how pale they are
OUTLINES = 60, 0.1  # dark pixels; share of them
LETTERS = 5, 16  # pixels, the height of words
WORDS = 25  # pixels of words, in a part of the axes
PARTS = 3  # of the axes, in each direction
GAPS = 0.08  # share of a line
MARKER = 0.12  # share of a marker's ink
WIDTH = 0.03  # share of a bar's width


class Clues:
    """What is alike in `drawing` and `target`."""

    def __init__(self, drawing: Drawing, target: np.ndarray):
        self.drawing, self.target = drawing, target
        box = readout.find_box(target, drawing.box) if drawing.box else None
        self.pictures = [] if box is None else [(target, box), (drawing.pixels, drawing.box)]

    @cached_property
    def layout(self) -> bool:
        """The place of the axes."""
        boxes = [box for _, box in self.pictures]
        return bool(boxes) and float(np.abs(np.subtract(*boxes)).max()) < 1.5

    @cached_property
    def grid(self) -> bool:
        if not self._grids or any(None in grid for grid in self._grids):
            return False
        return all(
            abs(share - own_share) < GRID_SHARE
            and (max(share, own_share) < GRID_SHARE or 1 / GRID_STRENGTH < strength / own_strength < GRID_STRENGTH)
            for (share, strength), (own_share, own_strength) in zip(*self._grids)
        )

    @cached_property
    def grid_shares(self) -> list[float] | None:
        """What is drawn of the target's grid lines at the ticks of the left and the lower side; None: hidden."""
        if not self._grids or None in self._grids[0]:
            return None
        return [share for share, _ in self._grids[0][:2]]

    @cached_property
    def fine_grid(self) -> bool:
        """Whether the target has grid lines at the small ticks between those with labels."""
        return bool(self._grids) and any(share > LEAST_FINE for share, _ in self._grids[0][2:])

    @cached_property
    def _grids(self) -> list[list[tuple[float, float] | None]]:
        """Of the target and the drawing: the grid lines at large ticks, and those at small ones."""
        return [
            [*_grid(pixels, box), *(line or NO_LINE for line in _grid(pixels, box, small=True))]
            for pixels, box in self.pictures
        ]

    @cached_property
    def title(self) -> bool:
        """Whether the title begins where the axes begin."""
        starts = []
        for pixels, box in self.pictures:
            ink = readout.difference(pixels[: max(1, int(box[1]) - BESIDE)], readout.page_of(pixels)) > INK
            letterbox = (pixels[: len(ink)] == 255).all(axis=(1, 2))
            columns = np.flatnonzero(ink[~letterbox].any(axis=0))
            starts.append(len(columns) > 0 and abs(columns[0] - box[0]) < BESIDE)
        return bool(starts) and starts[0] == starts[1]

    @cached_property
    def frame(self) -> bool:
        """Which sides of the axes have a spine, and whether those above and at the right are dark."""
        if not self.pictures or len({_frame(*picture) for picture in self.pictures}) > 1:
            return False
        hidden = hidden_spines(*self.pictures[0])
        return not hidden or hidden == hidden_spines(*self.pictures[1])

    @cached_property
    def outlines(self) -> bool:
        """How much there is that is dark, inside of the axes."""
        counts = []
        for pixels, box in self.pictures:
            inside = readout.inside_of(pixels, box, BESIDE)
            counts.append(int(((inside.max(axis=2) < 90) & (np.ptp(inside, axis=2) < GREY)).sum()))
        return bool(counts) and abs(counts[0] - counts[1]) < max(OUTLINES[0], OUTLINES[1] * max(counts))

    @cached_property
    def words(self) -> bool:
        """Where there are words in the axes and at the right of them."""
        return self._words is not None and float(np.abs(self._words).max()) < WORDS

    @cached_property
    def new_words(self) -> list[tuple[str, str]] | None:
        """Where the target has more words than the drawing, most of them first: ("upper", "left"), ... or, beside the
        axes, ("", "outside"); None if this can't be measured."""
        if self._words is None:
            return None
        places = [np.unravel_index(k, self._words.shape) for k in (-self._words).argsort(axis=None)]
        columns = ("left", "center", "right", "outside")
        return [
            ("" if x == PARTS else ("upper", "center", "lower")[y], columns[x])
            for y, x in places
            if self._words[y, x] >= WORDS
        ]

    @cached_property
    def _words(self) -> np.ndarray | None:
        """How many more pixels of words the target has, (PARTS, PARTS + 1)."""
        if not self.pictures:
            return None
        (pixels, box), (drawn, own_box) = self.pictures
        return _words(pixels, box) - _words(drawn, own_box)

    @cached_property
    def _scene(self) -> Scene | None:
        return Scene.of(self.drawing, self.target) if self.pictures else None

    @property
    def _covers(self) -> list[tuple[Series, np.ndarray, np.ndarray]]:
        """Each series with where its colour is in the target and in the drawing."""
        scene = self._scene
        return [] if scene is None else list(zip(self.drawing.series, scene.covers, scene.own))

    @cached_property
    def ends(self) -> bool:
        """Where lines and areas begin and end along x."""
        ends = [[], []]
        for s, *covers in self._covers:
            if s.kind in ("plot", "stackplot"):
                for (_, box), cover, places in zip(self.pictures, covers, ends):
                    columns = np.flatnonzero((cover > 0.4).any(axis=0))
                    places += [columns[0] - box[0], columns[-1] - box[2]] if len(columns) else [np.inf] * 2
        return bool(ends[0]) and bool(np.isfinite(ends).all()) and float(np.abs(np.subtract(*ends)).max()) <= 2

    def strokes(self, calls: Sequence[ast.Call]) -> tuple[bool, bool]:
        """Whether lines are alike in their markers, and in their dashes, or can't be told apart by their colours."""
        if self._scene is not None and self._scene.shared:
            return True, True
        pairs = []
        for s, cover, own in self._covers:
            if s.call.node in calls:
                if s.marks is None or len(s.marks) < 2 or (np.diff(s.marks[:, 0]) <= 0).any():
                    return False, False
                (_, box), (_, own_box) = self.pictures
                ratio = [(box[k + 2] - box[k]) / (own_box[k + 2] - own_box[k]) for k in (0, 1)]
                places = np.array(box[:2]) + (s.marks - own_box[:2]) * ratio
                pairs.append([readout.find_stroke(c, m[:, 0], m[:, 1]) for c, m in ((cover, places), (own, s.marks))])
        if not pairs or any(None in pair for pair in pairs):
            return False, False
        markers = all(
            seen.markers == drawn.markers
            and (
                not seen.markers
                or seen.marker == drawn.marker is not None
                or np.abs(seen.patch - drawn.patch).sum() < MARKER * seen.patch.sum()
            )
            for seen, drawn in pairs
        )
        return markers, all(abs(seen.gaps - drawn.gaps) < GAPS for seen, drawn in pairs)

    @cached_property
    def bar_width(self) -> float | None:
        """How many times as wide as in the drawing the target's bars are, in shares of the place of each."""
        ratios = []
        for s, *covers in self._covers:
            if s.kind in ("bar", "barh"):
                side = "left" if s.kind == "barh" else "bottom"
                ticks = [readout.find_ticks(*picture, side) for picture in self.pictures]
                found = [readout.find_bars(c.T if side == "left" else c, t) for c, t in zip(covers, ticks)]
                if len(found[0]) != len(found[1]) or len(found[0]) < 2:
                    return None
                shares = [
                    np.median([bar.width for bar in bars]) / np.median(np.diff([bar.center for bar in bars]))
                    for bars in found
                ]
                ratios.append(shares[0] / shares[1])
        return float(np.median(ratios)) if ratios else None


def _grid(pixels: np.ndarray, box: readout.Box, small: bool = False) -> list[tuple[float, float] | None]:
    """Of the lines at the large, or the `small`, ticks of the left and of the lower side: the share of them that is
    drawn, and how dark they are (of 255); None if they are hidden."""
    away = readout.difference(pixels, readout.paper_of(pixels, box)).astype(np.float32)
    grid: list[tuple[float, float] | None] = []
    turned = box[1], box[0], box[3], box[2]
    for side, picture, (start, low, end, high) in (("left", away, box), ("bottom", away.T, turned)):
        shares, strengths = [], []
        ticks = major_ticks(pixels, box, side)
        for tick in np.setdiff1d(readout.find_ticks(pixels, box, side), ticks) if small else ticks:
            row = int(round(tick))
            if not low + 2 * BESIDE < row < high - 2 * BESIDE:
                continue
            strip = picture[row - BESIDE : row + BESIDE + 1, int(start) + BESIDE : int(end) - BESIDE + 1]
            free = (strip[0] <= PAPER) & (strip[-1] <= PAPER)
            if free.sum() >= LEAST:
                line = strip[BESIDE - 1 : BESIDE + 2, free].sum(axis=0)
                drawn = line[line > 3 * PAPER]
                shares.append((line > np.median(drawn) / 2).mean() if len(drawn) else 0.0)  # dashes are blurred
                strengths.append(line.mean() / max(shares[-1], 0.1))
        grid.append((float(np.median(shares)), float(np.median(strengths)) + 0.1) if shares else None)
    return grid


def _frame(pixels: np.ndarray, box: readout.Box) -> tuple[bool, bool]:
    ink = readout.difference(pixels, readout.paper_of(pixels, box)) > INK
    left, top, right, bottom = (int(round(v)) for v in box)
    above = ink[max(0, top - 1) : top + 2, left:right].any(axis=0)
    beside = ink[top:bottom, right - 1 : right + 2].any(axis=1)
    return bool(above.mean() > 0.8), bool(beside.mean() > 0.8)


def _words(pixels: np.ndarray, box: readout.Box) -> np.ndarray:
    """Pixels of words in each part of the axes, and at the right of them."""
    ink = readout.difference(pixels, readout.paper_of(pixels, box)) > 2 * INK
    ink &= np.ptp(pixels, axis=2) < GREY
    regions, _ = ndimage.label(ink, np.ones((3, 3)))
    counts = np.zeros((PARTS, PARTS + 1))
    left, top, right, bottom = box
    for k, (rows, columns) in enumerate(ndimage.find_objects(regions), 1):
        x, y = ((s.start + s.stop) / 2 for s in (columns, rows))
        if not LETTERS[0] <= rows.stop - rows.start <= LETTERS[1] or columns.stop - columns.start > 2 * LETTERS[1]:
            continue
        if left + BESIDE < x and top < y < bottom:
            column = PARTS if x > right else int(PARTS * (x - left) / (right - left))
            counts[int(PARTS * (y - top) / (bottom - top)), column] += (regions[rows, columns] == k).sum()
    return counts

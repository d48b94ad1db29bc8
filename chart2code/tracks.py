"""Taking apart what several lines of one colour have inked: curves from left to right, each followed column by column.

A curve goes on where it is expected by its slope: so two that cross are told apart, and the dashes of one belong
together. Two that run upon each other share their ink until they part.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from chart2code import morphology, readout
from chart2code.covers import without_ticks

SPAN = 0.6  # of the columns of the widest curve, the span of another
OWN, INKED = 0.4, 0.3  # of the columns of a curve, those that no other shares; and of its span, where it has ink
WIDE = 0.4  # of the columns of the axes, at least
EXPLAINED = 0.4  # of the ink, by curves; of points that is less
SMOOTH = 0.85  # of its columns, where a curve is where it was expected
STRONG = 0.7  # of a pixel: what is no soft edge of another colour
REST = 0.15  # of the columns that have ink beside the one path that is seen first, where there are more of them
BEHIND = 9  # columns by which the slope is told
YOUNG = 6  # columns of ink, before which a slope is not known
GAPS = 12, readout.LONGEST_GAP  # columns that young and other curves may be hidden in
TOLERANCE, PER_COLUMN = 1.5, 0.8  # pixels from where a curve is expected, and more for each column up to
MOST_MISSING = 7  # columns; and times the slope
STEEPEST = 4  # rows per column, at most
MARKER, WIDEST = 2.2, 16  # times the thickness of a line; columns
LINK = 6.0  # pixels, between the ends of two parts of a curve
LONG = 24  # columns of its own, of a curve that may go on behind another one
MOST = 40  # curves at a time: more are no lines
LETTER = 18, 40  # pixels, at most: height of letters, and width of those that touch each other
ROUGH = 0.4  # pixels that a line of text is away from a smooth curve, at least
UPRIGHT, BESIDE = 9, 2.2  # pixels, the height of a stroke through a line; and times the height of what is beside it


@dataclass
class _Curve:
    """Columns and heights of a curve; whether others are there too, and whether it is where it was expected; the rows
    of its last run of ink; how many columns it has for itself; its thickness, and for how many columns it is thicker.
    """

    columns: list[int] = field(default_factory=list)
    heights: list[float] = field(default_factory=list)
    shared: list[bool] = field(default_factory=list)
    expected: list[bool] = field(default_factory=list)
    last: tuple[int, int] = (0, 0)
    own: int = 0
    thick: float = 0.0
    thicker: int = 0

    def ahead(self, column: int, back: bool = False) -> tuple[float, float]:
        """Where it is expected in a column, by the direction of its last ones (first ones: `back`), and its slope."""
        part = slice(None, BEHIND) if back else slice(-BEHIND, None)
        x, y = self.columns[part], self.heights[part]
        if len(x) < YOUNG:
            return y[0 if back else -1], 0.0
        third = len(x) // 3
        slope = (sum(y[-third:]) - sum(y[:third])) / (sum(x[-third:]) - sum(x[:third]))
        ends = slice(None, 2) if back else slice(-2, None)
        return sum(y[ends]) / 2 + slope * (column - sum(x[ends]) / 2), slope

    def extend(self, ink: np.ndarray) -> None:
        """Goes on at both ends, as far as there is ink straight ahead: of markers that lie upon others."""
        for back, step, end in ((False, 1, -1), (True, -1, 0)):
            for column in range(self.columns[end] + step, self.columns[end] + (WIDEST + 1) * step, step):
                place, _ = self.ahead(column, back)
                if not 0 <= column < ink.shape[1] or not 0 <= place < len(ink) - 1 or not ink[round(place), column]:
                    break
                at = 0 if back else len(self.columns)
                self.columns.insert(at, column)
                self.heights.insert(at, place)
                self.shared.insert(at, True)

    def is_within_marker(self, thickness: int) -> bool:
        """Whether a run of ink is that of a marker; for as many columns as these are wide."""
        thicker = thickness > MARKER * self.thick
        self.thicker = self.thicker + 1 if thicker else 0
        if not thicker or self.thicker > WIDEST:
            weight = 1 if self.thicker else 0.5 if thickness < self.thick else 0.05
            self.thick += weight * (thickness - self.thick)
            return False
        return True

    def add(self, column: int, run: tuple[int, int, float], height: float, shared: bool, expected: bool) -> None:
        self.columns.append(column)
        self.heights.append(height)
        self.shared.append(shared)
        self.expected.append(expected)
        self.last, self.own = run[:2], self.own + (not shared)

    def joined(self, other: _Curve) -> _Curve:
        """Up to where another one begins, and with that."""
        end, names = bisect_left(self.columns, other.columns[0]), ("columns", "heights", "shared", "expected")
        lists = (getattr(self, name)[:end] + getattr(other, name) for name in names)
        return _Curve(*lists, other.last, self.own + other.own)


def find_tracks(cover: np.ndarray, box: readout.Box) -> list[np.ndarray]:
    """
    The coverage (H, W) by each of the curves that one colour draws from one side to the other, as far as it is that
    curve's, from above to below; `cover` alone if it is no more than one.
    """
    cover = without_ticks(cover, box)
    ink = cover > 0.4
    seen = ink.any(axis=0)
    if seen.sum() < YOUNG:
        return [cover]
    path, (rows, columns) = readout.find_path(cover), np.nonzero(ink)
    known, thickness = np.flatnonzero(~np.isnan(path)), max(2.0, float(np.median(ink.sum(axis=0)[seen])))
    off = np.abs(np.interp(columns, known, path[known]) - rows) > 2 * thickness
    off &= cover[rows, columns] > STRONG
    if len(np.unique(columns[off])) < REST * seen.sum() or _has_whiskers(ink):
        return [cover]
    curves = _chosen(_linked(_follow(cover)), WIDE * (box[2] - box[0]))
    if len(curves) < 2:
        return [cover]
    for curve in curves:
        curve.extend(ink)
    masks = [_mask(curve, ink) for curve in curves]
    if np.any(masks, axis=0).sum() < EXPLAINED * ink.sum():
        return [cover]
    order = np.argsort([np.median(curve.heights) for curve in curves])
    soft = [morphology.dilation(masks[k], (3, 3)) & (cover > 0) for k in order]
    return [np.where(mask, cover, 0) for mask in soft]


def _follow(cover: np.ndarray) -> list[_Curve]:
    """All curves of a colour, also the short ones; none if there are too many at a time."""
    columns, starts, ends, middles, _ = readout.runs_of_ink(cover)
    done, active = [], []
    for column in np.unique(columns):
        part = slice(*np.searchsorted(columns, (column, column + 1)))
        runs = list(zip(starts[part].tolist(), ends[part].tolist(), middles[part].tolist()))
        gone = [c for c in active if column - c.columns[-1] > GAPS[len(c.columns) > 3 * YOUNG]]
        done += gone
        active = [c for c in active if not any(c is other for other in gone)]
        if len(active) > MOST:
            return []
        active += _go_on(active, int(column), runs)
    return done + active


def _go_on(active: list[_Curve], column: int, runs: list[tuple[int, int, float]]) -> list[_Curve]:
    """Continues curves with the runs of ink in a column; the new ones that begin there."""
    # Of each curve: where it is expected; and the runs that may be it, with their price, how far away they are, and
    # whether they may be its even if they are another one's.
    ahead, near = [], []
    for curve in active:
        gap, (top, bottom), (place, slope) = column - curve.columns[-1], curve.last, curve.ahead(column)
        young = len(curve.columns) < YOUNG
        allowed = (TOLERANCE + PER_COLUMN * min(gap, MOST_MISSING)) * max(1, min(abs(slope), STEEPEST))
        found = {}
        for j, (start, stop, _) in enumerate(runs):
            joined = gap == 1 and top <= stop and bottom >= start
            if young:  # its direction is not known
                away, allowed = max(0, start - bottom, top - stop), STEEPEST * gap
            else:
                away = max(0.0, start - place, place - stop + 1)
            if joined or away <= allowed:
                found[j] = away * (0.5 if joined else 1), away, away < 1 and not young
        ahead.append(place)
        near.append(found)
    chosen = {i: min(found, key=lambda j: found[j][0]) for i, found in enumerate(near) if found}
    if len(set(chosen.values())) < len(chosen):
        cost = np.full((len(active), len(runs)), 1e6)
        for i, found in enumerate(near):
            for j, (price, *_) in found.items():
                cost[i, j] = price
        best = {int(i): int(j) for i, j in zip(*linear_sum_assignment(cost)) if cost[i, j] < 1e6}
        # What another one hides goes on behind it.
        behind = {i: j for i, j in chosen.items() if i not in best and near[i][j][2]}
        chosen = best | behind
    taken, ended = set(chosen.values()), set()
    counts = [0] * len(runs)
    for j in chosen.values():
        counts[j] += 1
    for j in (j for j, count in enumerate(counts) if count > 1):  # arms of markers end where they meet the line
        sharing = sorted((i for i in chosen if chosen[i] == j), key=lambda i: active[i].own)
        short = [i for i in sharing[:-1] if active[i].own < LONG]
        counts[j] -= len(short)
        ended.update(short)
    for i, j in chosen.items():
        start, stop, middle = runs[j]
        shared = counts[j] > 1
        if stop - start > 2 and (active[i].is_within_marker(stop - start) or shared):
            middle = min(max(ahead[i], start + 0.5), stop - 1.5)
        active[i].add(column, runs[j], middle, shared, near[i][j][1] <= TOLERANCE * 2)
    active[:] = [curve for i, curve in enumerate(active) if i not in ended]
    return [_begun(column, run) for j, run in enumerate(runs) if j not in taken]


def _linked(curves: list[_Curve]) -> list[_Curve]:
    """Curves with those that go on behind a gap, or a corner, joined."""
    curves = sorted((curve for curve in curves if len(curve.columns) >= YOUNG), key=lambda curve: curve.columns[0])
    pairs = []
    for i, curve in enumerate(curves):
        for j, after in enumerate(curves):
            gap = after.columns[0] - curve.columns[-1]
            later = after.columns[0] > curve.columns[0] and after.columns[-1] > curve.columns[-1] + YOUNG
            if i == j or not later or abs(gap) > GAPS[1]:
                continue
            middle = (curve.columns[-1] + after.columns[0]) // 2
            (one, slope), (other, next_slope) = curve.ahead(middle), after.ahead(middle, back=True)
            if gap <= 0:  # one has gone astray where they meet
                one, other = curve.heights[bisect_left(curve.columns, after.columns[0])], after.heights[0]
            steep = max(1, min(max(abs(slope), abs(next_slope)), STEEPEST)) if gap <= GAPS[0] else 1
            if abs(one - other) < (LINK + max(0, gap) * PER_COLUMN / 2) * steep:
                pairs.append((abs(one - other) + abs(gap), i, j))
    following, led = {}, set()
    for _, i, j in sorted(pairs):
        if i not in following and j not in led:
            following[i] = j
            led.add(j)
    found = []
    for i in range(len(curves)):
        if i in led:
            continue
        whole, k = curves[i], following.get(i)
        while k is not None:
            whole, k = whole.joined(curves[k]), following.get(k)
        found.append(whole)
    return found


def _begun(column: int, run: tuple[int, int, float]) -> _Curve:
    curve = _Curve()
    curve.add(column, run, run[2], shared=False, expected=True)
    curve.thick = run[1] - run[0]
    return curve


def _chosen(curves: list[_Curve], least: float) -> list[_Curve]:
    """The curves that go through all columns, or nearly, and are lines of their own."""
    spans = [curve.columns[-1] - curve.columns[0] + 1 for curve in curves]
    widest = max(least / SPAN, *spans, 0)
    chosen = []
    for curve, span in zip(curves, spans):
        if (
            span >= SPAN * widest
            and len(curve.columns) >= INKED * span
            and len(curve.columns) - sum(curve.shared) >= OWN * len(curve.columns)
            and np.mean(curve.expected) >= SMOOTH
            and not _is_written(np.array(curve.heights))
        ):
            chosen.append(curve)
    return chosen


def _is_written(heights: np.ndarray) -> bool:
    """Whether a curve is a line of text."""
    rough = np.abs(heights - ndimage.median_filter(heights, BEHIND)).mean()
    return bool(rough > ROUGH and np.ptp(heights) < LETTER[0])


def _mask(curve: _Curve, ink: np.ndarray) -> np.ndarray:
    """(H, W) bool: the ink of a curve; where it shares that, as much as it is thick elsewhere."""
    mask = np.zeros_like(ink)
    amounts = [
        _stretch(ink[:, column], round(height))
        for column, height, shared in zip(curve.columns, curve.heights, curve.shared)
    ]
    usual = float(np.median([b - a for (a, b), shared in zip(amounts, curve.shared) if not shared] or [2]))
    for column, height, shared, (a, b) in zip(curve.columns, curve.heights, curve.shared, amounts):
        if shared and b - a > usual + 1:
            a, b = max(a, round(height - usual / 2)), min(b, round(height + usual / 2) + 1)
        mask[a:b, column] = True
    return mask & ink


def _stretch(column: np.ndarray, row: int) -> tuple[int, int]:
    """First row, and row after the last, of the ink of a column around a row."""
    if not column[row]:
        return row, row
    above, below = np.flatnonzero(~column[:row]), np.flatnonzero(~column[row:])
    return int(above[-1]) + 1 if len(above) else 0, row + int(below[0]) if len(below) else len(column)


def _has_whiskers(ink: np.ndarray) -> bool:
    """Whether upright strokes, much higher than what is beside them, go through a line: error bars."""
    regions, _ = ndimage.label(ink, np.ones((3, 3)))
    parts = ndimage.find_objects(regions)
    large = [
        k
        for k, (rows, columns) in enumerate(parts, 1)
        if rows.stop - rows.start > LETTER[0] or columns.stop - columns.start > LETTER[1]
    ]
    heights = np.isin(regions, large).sum(axis=0)
    beside = np.maximum(np.roll(heights, 3), np.roll(heights, -3))
    _, count = ndimage.label((heights >= UPRIGHT) & (heights > BESIDE * beside) & (beside > 0))
    return count > 2

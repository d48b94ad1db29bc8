"""Bars of one colour, and the error bars at their ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from chart2code import morphology
from chart2code.readout.colors import FULL, chroma, palest

LEAST_CAP = 2.5  # pixels: less is the error bar itself
EDGE = 8  # pixels, twice the width of the edge of a bar
WHISKER = 130  # of 255: error bars are darker
MOST = 0.6  # of the bars of a chart that has error bars


@dataclass(frozen=True)
class Bar:
    """A vertical bar: middle and width along x, and the ends of its colour along y (start above end)."""

    center: float
    width: float
    start: float
    end: float


def find_bars(cover: np.ndarray, ticks: Sequence[float] = ()) -> list[Bar]:
    """
    Bars of one colour, from left to right, by the columns in which there is that colour. What a line at one of the
    `ticks` takes apart, as of a grid, is one bar.
    """
    mask = cover > FULL
    opened = morphology.opening(mask, (3, 1))  # without grid lines of this colour, which join the bars
    mask = opened if opened.any() else mask
    columns = np.flatnonzero(mask.any(axis=0))
    if not len(columns):
        return []
    bars = []
    runs = np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1)
    for run in _steps(mask, runs[0]) if len(runs) == 1 else runs:
        if len(run) < 3:
            continue
        inner = run[len(run) // 5 : len(run) - len(run) // 5] if len(run) >= 5 else run
        part = mask[:, inner]
        start = float(np.median(part.argmax(axis=0)))
        end = float(np.median(len(part) - part[::-1].argmax(axis=0)))
        bars.append(Bar(float(run[0] + run[-1]) / 2, len(run), start, end))
    for k in range(len(bars) - 1, 0, -1):
        one, other = bars[k - 1], bars[k]
        left, right = one.center + one.width / 2, other.center - other.width / 2
        alike = abs(one.start - other.start) < 3 and abs(one.end - other.end) < 3
        if alike and right - left < 4 and any(abs((left + right) / 2 - tick) < 2 for tick in ticks):
            ends = one.center - one.width / 2, other.center + other.width / 2
            bars[k - 1 : k + 1] = [Bar(sum(ends) / 2, ends[1] - ends[0], one.start, one.end)]
    if not bars:
        return []
    usual = np.median([bar.width for bar in bars])
    return [bar for bar in bars if 0.6 * usual <= bar.width]


def _steps(mask: np.ndarray, run: np.ndarray) -> list[np.ndarray]:
    """The columns of bars that touch one another, as in a histogram, by the steps of their upper edge."""
    edges = np.flatnonzero(np.abs(np.diff(mask[:, run].argmax(axis=0))) > 1) + 1
    widths = np.diff([0, *edges, len(run)])
    if len(widths) < 4 or widths.min() < 3:
        return [run]
    count = next((n for n in range(len(widths), 81) if np.abs(widths / len(run) * n % 1 - 0.5).min() > 0.25), 0)
    return np.array_split(run, count) if count else [run]


@dataclass(frozen=True)
class Whiskers:
    """Error bars: half their lengths, and half the width of their caps (0: none), in pixels, and their colour."""

    lengths: np.ndarray
    cap: float
    color: np.ndarray


def find_whiskers(pixels: np.ndarray, bars: Sequence[Bar]) -> Whiskers | None:
    """The dark vertical lines through the ends of vertical bars; None if most have none."""
    dark = (palest(pixels) < WHISKER) & (chroma(pixels) < 48)
    lengths, caps, inks = [], [], []
    for bar in bars:
        middle, top = round(bar.center), round(bar.start)
        part = dark[:, max(0, middle - 1) : middle + 2].any(axis=1)
        rows = np.flatnonzero(run_at(morphology.closing(part, (3,)), top))
        thin = len(rows) > 0 and dark[rows].sum(axis=1).min() < 0.5 * bar.width
        above, below = (top - rows[0], rows[-1] - top) if thin else (0, 0)
        if abs(above - below) < EDGE:  # the bar has an edge at its top
            above = (above + below) / 2
        lengths.append(max(above, 0.0) if below > 1 else 0.0)
        if lengths[-1] > 2:
            caps.append(cap_at(dark, rows[0], middle))
            inks.append(pixels[rows[0] + 2 : top, middle])
    if len(caps) < MOST * len(bars) or not caps:
        return None
    ink = np.concatenate(inks)
    return Whiskers(np.array(lengths), usual_cap(caps), ink[ink.sum(axis=1).argmin()].astype(float))


def cap_at(mask: np.ndarray, row: int, column: int) -> float:
    """Half the width of what is at the end of an error bar, in pixels."""
    return run_at(mask[max(0, row - 1) : row + 2].any(axis=0), column).sum() / 2


def usual_cap(caps: Sequence[float]) -> float:
    """Half the width of the caps of error bars, in pixels; 0 if there are none."""
    cap = float(np.median(caps)) if caps else 0.0
    return cap if cap > LEAST_CAP else 0.0


def run_at(mask: np.ndarray, place: int) -> np.ndarray:
    """Of a mask the stretch of True at a place, or none."""
    regions, _ = ndimage.label(mask)
    region = regions[int(np.clip(place, 0, len(mask) - 1))]
    return (regions == region) & (region > 0)

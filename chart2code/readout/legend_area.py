"""The legend in a chart's axes: lines of text with something of each series beside them, and what shows through it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from chart2code import morphology
from chart2code.picture_cache import remembered
from chart2code.readout.axes import DARK
from chart2code.readout.colors import FULL, Box, chroma, difference, paper_of

TEXT, HANDLE = 19, 2.8  # pixels, the height of a line of text, at most; of that, from a legend's handle to its text
SOLID_DOT = 0.68  # of its rectangle: more than of letters
UPON = 0.6  # of what is above and below letters, in a mark: they stand upon it
THROUGH_LEGEND = 0.2  # of a colour: matplotlib draws legends with an opacity of 0.8
SHADE = 7  # of 255: of one colour through a legend


@remembered
def _text_lines(pixels: np.ndarray, box: Box) -> tuple[tuple[int, int, int, int], ...]:
    """Left, top, right and bottom of what may be lines of dark text in the axes."""
    left, top, right, bottom = (int(round(v)) for v in box)
    area = np.s_[max(0, top + 4) : bottom - 3, max(0, left + 4) : right - 3]
    text = np.zeros(pixels.shape[:2], bool)
    text[area] = (difference(pixels[area], paper_of(pixels, box)) > 255 - DARK) & (chroma(pixels[area]) < 40)
    joined = morphology.closing(text, (1, 6))  # words, but not with a dark handle
    lines = []
    for rows, columns in ndimage.find_objects(ndimage.label(joined, structure=np.ones((3, 3)))[0]):
        height, width = rows.stop - rows.start, columns.stop - columns.start
        dot = width < 1.5 * height and text[rows, columns].mean() > SOLID_DOT
        if 5 <= height <= TEXT and width >= 4 and not dot:
            lines.append((columns.start, rows.start, columns.stop, rows.stop))
    return tuple(lines)


def without_legend(covers: list[np.ndarray], pixels: np.ndarray, box: Box) -> list[np.ndarray]:
    """
    The coverages of several series without a legend that lies inside of the axes: lines of text in a column or a row,
    with something of each series at the left of them.
    """
    if len(covers) < 2:
        return covers
    found = _text_lines(pixels, box)
    if len(found) < len(covers):
        return covers
    areas, lines = morphology.opening(np.max(covers, axis=0) > FULL, (3, 7)), []
    for start, top, end, bottom in found:
        around = areas[[max(0, top - 3), min(len(areas) - 1, bottom + 2)], start:end]
        if around.mean() < UPON:
            lines.append((start, (top + bottom) / 2, end))
    tallest = max(bottom - top for _, top, _, bottom in found)
    reach = max(38, round(HANDLE * tallest))  # of handles, at the left of the texts
    for x, y, _ in lines:
        column = [line for line in lines if abs(line[0] - x) <= 2 and abs(line[1] - y) <= 24 * len(covers)]
        row = [line for line in lines if abs(line[1] - y) <= 2.5]
        for texts, inside in ((column, column), (row, row)):
            if not len(covers) <= len(texts) <= len(covers) + 2:
                continue
            rows = slice(int(min(t[1] for t in texts)) - 9, int(max(t[1] for t in texts)) + 10)
            columns = slice(max(0, int(min(t[0] for t in texts)) - reach), int(max(t[2] for t in texts)) + 4)
            handles = [
                (slice(int(t[1]) - 6, int(t[1]) + 7), slice(max(0, int(t[0]) - reach), int(t[0]))) for t in inside
            ]
            if all(any((cover[handle] > 0.5).sum() >= 4 for handle in handles) for cover in covers):
                result = [cover.copy() for cover in covers]
                for cover in result:
                    cover[rows, columns] = 0
                return result
    return covers


@remembered
def below_legend(pixels: np.ndarray, color: np.ndarray, paper: Sequence[float]) -> np.ndarray:
    """Where a filled area shows through a legend."""
    seen = through_legend(color, paper)
    if np.abs(seen - paper).max() < SHADE:  # too pale to be told from the paper
        return np.zeros(pixels.shape[:2], bool)
    return morphology.opening(difference(pixels, seen) < SHADE, (3, 3))


def through_legend(color: np.ndarray, paper: Sequence[float]) -> np.ndarray:
    """The colour that another has below a legend."""
    paper = np.asarray(paper, np.float32)
    return paper + THROUGH_LEGEND * (color - paper)

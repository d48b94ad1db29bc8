"""Texts within the axes of a chart, at the right of them, and above and below title and names of axes, as further
titles and sources of data: what a program does not draw is added by `ax.text`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from chart2code import morphology, readout
from chart2code.captions import ALONE, BEFORE, Page, has_handles, usual_color
from chart2code.drawing import Drawing, color_literal
from chart2code.legends import find_legend
from chart2code.program import string_literal
from eval_metric.similarity import CANVAS

INK, DRAWN = 60, 40  # of 255: differences from the paper that text has, and that are drawn already
NEAR = 2  # pixels: what is drawn so near is the same
WORD_SPACE, WIDE_SPACE = 7.0, 14.0  # points: gaps that are bridged in a line; and above and below the axes
LINE, LEAST_WIDE = (4.0, 18.0), 7.0  # points: the height of a line, and its width
FILLED = (0.12, 0.75)  # of a line's rectangle, inked
FRAME = 0.5  # of a column, inked
NEW = 0.8  # of a line's ink
APART = 5.0  # points from other ink that is not drawn: else a line is a part of one
ERROR = 0.25  # of a line's ink, unexplained
MOST, MOST_AROUND, LONG = 24, 4, 3  # lines: else they are no notes; above and below the axes; and times their height
ROWS = (0.9, 1.8)  # ems, from line to line of one text
SAME_LEFT = 2.5  # pixels
SAME_COLOR = 14  # of 255: what thin letters say of their colour
DESCENDING = re.compile(r"[gjpqy,()\[\]]")
RISE = 0.105  # ems, by which the ink of a line without these is above the middle of its place
POINTS = 10.0
WORD, LETTERS = re.compile(r"\w{2}|\d"), re.compile(r"[^\W\d]{2}")


@dataclass(frozen=True)
class Note:
    """A text, its ink's sides in pixels of the canvas, and its style."""

    box: tuple[float, float, float, float]
    text: str
    points: float
    bold: bool
    italic: bool
    color: np.ndarray

    @property
    def style(self) -> list[str]:
        style = [f"fontsize={self.points:g}"] if self.points != POINTS else []
        style += ['fontweight="bold"'] if self.bold else []
        style += ['style="italic"'] if self.italic else []
        color = color_literal(self.color, SAME_COLOR)
        return style + ([f"color={color}"] if color != '"black"' else [])


def added(drawing: Drawing, target: np.ndarray, size: tuple[int, int] = (CANVAS, CANVAS)) -> str | None:
    """The program with the texts of the target that it lacks; None if there are none. `size`: as of
    `captions.reworded`."""
    program = drawing.program
    axes = next((call.axes for call in program.calls), None)
    if any(call.method == "pie" for call in program.calls):
        return None
    if axes in (None, "plt") or drawing.box is None or len({tuple(np.round(box)) for box in drawing.boxes}) != 1:
        return None
    box = readout.find_box(target, drawing.box) or drawing.box
    page = Page.for_drawing(drawing, target, size)
    unit = page.scale * 100 / 72
    lines = _lines(drawing, target, box, unit, beyond=not program.statement_calls("twinx"))
    lines += _lines_around(drawing, target, page, box, unit)
    if not 0 < len(lines) <= MOST:
        return None
    colors = [color for color, _ in readout.find_colors(target, box)] + [s.color for s in drawing.series]
    legend = find_legend(target, box, colors, page)
    if legend is not None:  # whose texts are no notes, whether it is drawn or not
        left, top, right, bottom = legend.box
        lines = [line for line in lines if not (left < line[0] < right and top < line[1] < bottom)]
    notes = [note for line in lines if (note := _read(page, drawing, line)) is not None]
    if any(s.kind in ("bar", "barh") for s in drawing.series):  # what bars are worth is none either
        notes = [note for note in notes if LETTERS.search(note.text)]
    if not notes:
        return None
    texts = [_statement(axes, note, box, unit) for note in _joined(notes, unit)]
    return program.changed([program.add_statement("\n".join(texts), BEFORE)])


def _lines(
    drawing: Drawing, target: np.ndarray, box: readout.Box, unit: float, beyond: bool
) -> list[tuple[int, int, int, int]]:
    """Left, top, right and bottom of what could be lines of text that are not drawn; `beyond`: also at the right of
    the axes."""
    left, top, right, bottom = (round(side) for side in box)
    ink, drawn = np.zeros((CANVAS, CANVAS), bool), np.zeros((CANVAS, CANVAS), bool)
    areas = [(np.s_[top + 3 : bottom - 2, left + 3 : right - 2], readout.paper_of)]
    areas += [(np.s_[top:bottom, right - 2 :], lambda pixels, _box: readout.page_of(pixels))] if beyond else []
    for area, paper in areas:
        ink[area] = readout.difference(target[area], paper(target, box)) > INK
        own = readout.difference(drawing.pixels[area], paper(drawing.pixels, drawing.box))
        drawn[area] = own > DRAWN
    side = ink[top:bottom, right - 2 : right + 3]
    side[:, side.mean(axis=0) > FRAME] = False  # where there is none, texts may begin at the end of the axes
    return _lines_in(ink, ink & ~morphology.dilation(drawn, (2 * NEAR + 1, 2 * NEAR + 1)), unit)


def _lines_around(
    drawing: Drawing, target: np.ndarray, page: Page, box: readout.Box, unit: float
) -> list[tuple[int, int, int, int]]:
    """The same of what stands above and below the axes, in rows where nothing is drawn: beyond title and labels."""
    (left, top, right, bottom), (_, own_top, _, own_bottom) = ([round(side) for side in b] for b in (box, drawing.box))
    ink = readout.difference(target, readout.page_of(target)) > INK
    ink[readout.letterbox(target)] = False
    drawn = readout.difference(drawing.pixels, readout.page_of(drawing.pixels)) > DRAWN
    drawn[readout.letterbox(drawing.pixels)] = False
    found = []
    for rows, own in ((slice(0, top - 2), drawn[: own_top - 2]), (slice(bottom + 3, CANVAS), drawn[own_bottom + 3 :])):
        free = np.zeros_like(ink)
        free[rows] = ink[rows]
        inked = np.flatnonzero(own.any(axis=1))
        if len(inked) and rows.start:
            free[: rows.start + inked[-1] + NEAR + 1] = False
        elif len(inked):
            free[max(0, rows.stop - len(own) + inked[0] - NEAR) :] = False
        found += _lines_in(free, free, unit, WIDE_SPACE)
    # Labels that are turned are as high as wide, and many.
    found = [line for line in found if line[2] - line[0] > LONG * (line[3] - line[1])]
    if len(found) > MOST_AROUND:
        return []
    return [line for line in found if not has_handles(page, (round(page.zoom * line[1]), round(page.zoom * line[3])))]


def _lines_in(
    ink: np.ndarray, new: np.ndarray, unit: float, space: float = WORD_SPACE
) -> list[tuple[int, int, int, int]]:
    """Left, top, right and bottom of what could be lines of text in `ink` (H, W), of which only `new` is not drawn;
    `space`: points, between two words."""
    joined = morphology.closing(new, (1, max(2, round(space * unit))))
    found = []
    for part in ndimage.find_objects(ndimage.label(joined, np.ones((3, 3)))[0]):
        rows, columns = part
        height, width = rows.stop - rows.start, columns.stop - columns.start
        if not (LINE[0] * unit <= height <= LINE[1] * unit and width >= LEAST_WIDE * unit):
            continue
        inked = ink[part].sum()
        room = round(APART * unit)
        beside = (
            new[rows, columns.start - room : columns.start].any()
            or new[rows, columns.stop : columns.stop + room].any()
        )
        if not beside and new[part].sum() >= NEW * inked and FILLED[0] <= inked / (height * width) <= FILLED[1]:
            found.append((columns.start, rows.start, columns.stop - 1, rows.stop - 1))
    return found


def _read(page: Page, drawing: Drawing, line: tuple[int, int, int, int]) -> Note | None:
    left, top, right, bottom = line
    half = (right - left) / 2 + 2
    found = page.read_between(top - 0.5, bottom + 1.5, (left + right) / 2, half, bold=True, space=ALONE, italic=True)
    if found is None or found.error > ERROR or not WORD.search(found.text):
        return None
    color = usual_color(found, [s.color for s in drawing.series])
    return Note(line, found.text, found.points, found.bold, found.italic, color)


def _joined(notes: Sequence[Note], unit: float) -> list[Note]:
    """The notes with lines below one another as one text."""
    joined: list[Note] = []
    for note in sorted(notes, key=lambda note: note.box[1]):
        for k, above in enumerate(joined):
            pitch = (note.box[3] - above.box[3]) / (note.points * unit)
            if (
                abs(note.box[0] - above.box[0]) < SAME_LEFT
                and ROWS[0] < pitch < ROWS[1]
                and (above.style == note.style)
            ):
                sides = above.box[0], above.box[1], max(above.box[2], note.box[2]), note.box[3]
                joined[k] = replace(note, box=sides, text=f"{above.text}\n{note.text}")
                break
        else:
            joined.append(note)
    return joined


def _statement(axes: str, note: Note, box: readout.Box, unit: float) -> str:
    """The call that writes a text where it is, in shares of the axes."""
    left, top, right, bottom = note.box
    rise = 0 if DESCENDING.search(note.text.splitlines()[-1]) else RISE * note.points * unit
    wide, high = box[2] - box[0], box[3] - box[1]
    ends = (left - box[0]) / wide, (right - box[0]) / wide
    at_right = 1 - ends[1] < ends[0] and ends[1] <= 1
    x, y = ends[at_right], 1 - ((top + bottom) / 2 + rise - box[1]) / high
    options = [f"transform={axes}.transAxes", *note.style]
    options += ['ha="right"'] if at_right else []
    return f'{axes}.text({x:.3g}, {y:.3g}, {", ".join([string_literal(note.text), *options])}, va="center")'

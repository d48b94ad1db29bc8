"""Charts of several panels: where these are, and how the programs of all become one.

Each panel is a picture of its own, cut out where nothing is drawn between it and the next one; what draws it is found
as for any chart.
"""

from __future__ import annotations

import ast
import itertools
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from chart2code import morphology, readout
from chart2code.captions import ALONE, Page
from chart2code.detail import detail_of
from chart2code.layout import DPIS, SPACE, USUAL, shares_of, subplots_adjust
from chart2code.pies import AXES
from chart2code.program import Program, string_literal
from chart2code.tick_labels import runs_of
from chart2code.words import Line
from eval_metric.similarity import CANVAS

DARK, BLACK, GREY = 150, 110, 48  # of 255: frames are as dark, and have no more colour
TICK = 6  # pixels of the canvas that a tick may prolong a frame by
LEAST_SIDE = 50  # pixels of the canvas, of a panel
FILLED = 0.5  # of a frame: what is darker inside is a bar
FRAMED = 0.9  # of the sides of a panel, dark
SAME_PLACE = 4  # pixels of the canvas: panels of one row or column
MOST_PANELS = 9
ROUND_FILL, ROUND_ASPECT = 0.06, 0.1  # away from those of a circle
PIE_AREA = 0.01  # of the canvas
LAYOUT = {**USUAL, "wspace": SPACE, "hspace": SPACE}
SAME_LAYOUT = 0.008
TITLE = 12  # points
INK, LEAST_LINE = 24, 5  # of 255; pixels of the canvas, the height of a line of text
RIM, MARGIN = 8, 0.25  # pixels around a panel; and of its picture, beside its axes, at most
LABELS = 6, 24  # pixels from the axes: labels at the ticks are there
WORDS = 12  # pixels of the canvas, at most, between two words of a title
MIDDLE, NEAR_MIDDLE = 0.03, 15  # of the canvas, and pixels: a title of all panels stands there


@dataclass
class Panels:
    """Boxes of the axes of panels, by rows: (rows, columns) of them; the rows in which a title of all stands, if there
    is one; all in pixels of the canvas. Whether they are pies, and which axes they share; the names that axes of
    several have in common, by axis, as the first and the last row below the panels, or column beside them."""

    boxes: list[list[readout.Box]]
    title: tuple[float, float] | None
    pies: bool
    shared: set[str] = field(default_factory=set)  # "x", "y"
    names: dict[str, tuple[float, float]] = field(default_factory=dict)


def find_panels(pixels: np.ndarray) -> Panels | None:
    """The panels of a chart that has several, in a grid without gaps; None if it has not."""
    fine = detail_of(pixels)
    boxes = _frames(pixels) if fine is None else [tuple(fine.reduced(box)) for box in _frames(fine.pixels, fine.zoom)]
    pies = [] if len(boxes) > 1 else _circles(pixels)
    boxes = boxes if len(boxes) > 1 else pies
    if not 2 <= len(boxes) <= MOST_PANELS:
        return None
    rows: list[list[readout.Box]] = []
    for box in sorted(boxes, key=lambda box: box[1]):
        if rows and abs(rows[-1][0][1] - box[1]) < SAME_PLACE and abs(rows[-1][0][3] - box[3]) < SAME_PLACE:
            rows[-1].append(box)
        else:
            rows.append([box])
    rows = [sorted(row) for row in rows]
    in_columns = all(
        len(row) == len(rows[0]) and max(abs(a[k] - b[k]) for a, b in zip(row, rows[0]) for k in (0, 2)) < SAME_PLACE
        for row in rows
    )
    if not in_columns:
        return None
    found = Panels(rows, _title_rows(pixels, min(box[1] for box in rows[0])), bool(pies))
    ink = _ink(pixels) & (pixels.min(axis=2) < 255)
    ends = {"x": [(box[0], box[2]) for box in rows[0]], "y": [(row[0][1], row[0][3]) for row in rows]}
    sides = {"x": ink[round(rows[-1][0][3]) + 1 :][::-1], "y": ink[:, : round(rows[0][0][0])].T}
    for axis, side in sides.items() if not pies else ():
        if (name := _common_name(side, ends[axis])) is not None:
            found.names[axis] = name if axis == "y" else (CANVAS - name[1], CANVAS - name[0])
    return found


def _common_name(ink: np.ndarray, ends: list[tuple[float, float]]) -> tuple[int, int] | None:
    """The first and the last row of the outermost line of text in what is beside panels, if it goes from beside one
    panel to beside the next one; `ends`: of these, along the line."""
    lines = runs_of(ink.any(axis=1), 1)
    if not lines:
        return None
    texts = runs_of(ink[slice(*lines[0])].any(axis=0), WORDS)
    across = [a < one[1] and other[0] < b for a, b in texts for one, other in itertools.pairwise(ends)]
    return lines[0] if any(across) and len(texts) == 1 else None


def _title_rows(pixels: np.ndarray, below: float) -> tuple[float, float] | None:
    """The first and the last row of the uppermost line of text, if it stands in the middle of the page."""
    ink = _ink(pixels)[: round(below)]
    ink &= pixels[: round(below)].min(axis=2) < 255  # the letterbox of a dark page is no ink
    lines = [run for run in runs_of(ink.any(axis=1), 1) if run[1] - run[0] >= LEAST_LINE]
    if not lines:
        return None
    columns = np.flatnonzero(ink[slice(*lines[0])].any(axis=0))
    if np.diff(columns).max(initial=0) > WORDS:
        return None  # titles of several panels
    middle = (CANVAS - 1) / 2
    centered = abs((columns[0] + columns[-1]) / 2 - middle) < MIDDLE * CANVAS
    return lines[0] if centered and np.abs(columns - middle).min() < NEAR_MIDDLE else None


def _ink(picture: np.ndarray) -> np.ndarray:
    """(H, W) bool: what is not the page."""
    return readout.difference(picture, readout.page_of(picture)) > INK


def _frames(pixels: np.ndarray, zoom: float = 1.0) -> list[readout.Box]:
    """Rectangles with dark sides, none of which lies in another; where there are none, those whose left and lower side
    alone are dark."""
    values = pixels.astype(np.int16)
    palest = values.max(axis=2)
    dark = (palest < DARK) & ((np.ptp(values, axis=2) < GREY) | (palest < BLACK))  # bars may stand on a frame
    least, near, tick = int(LEAST_SIDE * zoom), max(1, round(zoom)), round(TICK * zoom)
    found = _closed(dark, least, near, tick)
    if not found and dark.mean() < FILLED:  # of a dark page all is dark
        found = _open(dark, least, tick)
    return [box for box in found if not any(_within(box, other) for other in found if other is not box)]


def _open(dark: np.ndarray, least: int, tick: int) -> list[readout.Box]:
    """Boxes of axes without spines at the right and above, as a dark column and a dark row from its foot say."""
    above = np.zeros(dark.shape[1], int)  # dark pixels in a row that end here
    found: list[readout.Box] = []
    for row, line in enumerate(dark):
        above = np.where(line, above + 1, 0)
        for start, end in runs_of(line, 0) if line.sum() >= least else []:
            column = start + int(above[start : start + tick + 1].argmax())  # a tick may prolong the row
            if min(above[column], end - column) >= least:
                box = float(column), float(row - above[column] + 1), float(end - 1), float(row)
                # The rows of a spine that is some pixels thick give the same axes.
                found = [other for other in found if np.abs(np.subtract(box, other)).max() > tick] + [box]
    return found


def _closed(dark: np.ndarray, least: int, near: int, tick: int) -> list[readout.Box]:
    """Rectangles of dark rows and columns."""
    stretches: dict[tuple[int, int], list[int]] = {}  # of dark rows that start and end at the same columns
    for row in np.flatnonzero(dark.sum(axis=1) >= least):
        for start, end in runs_of(dark[row], 0):
            if end - start < least:
                continue
            alike = (key for key in stretches if abs(key[0] - start) <= tick and abs(key[1] - end) <= near)
            key = next(alike, (start, end))
            rows = stretches.pop(key, [])
            stretches[max(key[0], start), key[1]] = [*rows, int(row)]  # a tick may prolong it
    found = []
    upright = morphology.dilation(dark, (1, 3))
    for (start, end), rows in stretches.items():
        top = rows[0]
        left = start + int(dark[top : rows[-1], start : start + tick + 1].sum(axis=0).argmax())  # ticks at both ends
        for upper, lower in itertools.pairwise([*rows, len(dark)]):
            sides = [upright[upper:lower, column].mean() for column in (left, end - 1)]
            if min(sides) <= FRAMED:  # nothing joins these
                inside = dark[top + 2 : upper - 1, left + 2 : end - 2]
                if upper - top >= least and inside.mean() < FILLED:
                    found.append((float(left), float(top), float(end - 1), float(upper)))
                top = lower
    return found


def _within(box: readout.Box, other: readout.Box) -> bool:
    return box[0] >= other[0] - 1 and box[1] >= other[1] - 1 and box[2] <= other[2] + 1 and box[3] <= other[3] + 1


def _circles(pixels: np.ndarray) -> list[readout.Box]:
    """The axes of pies, by what is coloured and round."""
    colored = np.ptp(pixels.astype(np.int16), axis=2) > GREY
    colored = morphology.opening(morphology.closing(colored, (5, 5)), (5, 5))
    regions, _ = ndimage.label(ndimage.binary_fill_holes(colored))
    found = []
    for k, (rows, columns) in enumerate(ndimage.find_objects(regions)):
        height, width = rows.stop - rows.start, columns.stop - columns.start
        area = (regions[rows, columns] == k + 1).sum()
        if area < PIE_AREA * CANVAS**2 or abs(height / width - 1) > ROUND_ASPECT:
            continue
        if abs(area / (height * width) - np.pi / 4) < ROUND_FILL:
            y, x = (rows.start + rows.stop - 1) / 2, (columns.start + columns.stop - 1) / 2
            reach = AXES * (height + width) / 4
            found.append((x - reach, y - reach, x + reach, y + reach))
    return found


def cut_out(picture: np.ndarray, panels: Panels) -> list[np.ndarray]:
    """
    The pictures of all panels, row by row, cut out of the chart's own (H, W, 3) picture. Those that share an axis with
    others get the labels at its ticks, and `panels` says so.
    """
    height, width = picture.shape[:2]
    scale = max(height, width) / CANVAS
    shift = (max(height, width) - width) / 2, (max(height, width) - height) / 2
    boxes = [
        [tuple((v + 0.5) * scale - shift[k % 2] for k, v in enumerate(box)) for box in row] for row in panels.boxes
    ]
    ink = _ink(picture)
    head = 0 if panels.title is None else round((panels.title[1] + 1) * scale - shift[1])
    foot = round((panels.names["x"][0] - 1) * scale - shift[1]) if "x" in panels.names else height
    start = round((panels.names["y"][1] + 1) * scale - shift[0]) if "y" in panels.names else 0
    parts = []
    for i, row in enumerate(boxes):
        top, bottom = row[0][1], row[0][3]
        first = int(_gap(ink, boxes[i - 1][0][3], top) if i else head)
        last = int(_gap(ink, bottom, boxes[i + 1][0][1]) if i + 1 < len(boxes) else foot)
        band = ink[first:last].T
        for j, box in enumerate(row):
            left = int(_gap(band, row[j - 1][2], box[0]) if j else start)
            right = int(_gap(band, box[2], row[j + 1][0]) if j + 1 < len(row) else width)
            part = picture[first:last, left:right]
            inside = (box[0] - left, top - first, box[2] - left, bottom - first)
            if not panels.pies:
                # The labels of an axis stand at the first panel of a row, and at the last one of a column.
                if j and not _labelled(part, box[0] - left, top - first, bottom - first):
                    wide = part.shape[1]
                    part = _with_labels(part, box[0] - left, picture, row[0][0], top, bottom, first)
                    inside = tuple(v + (part.shape[1] - wide) * (k % 2 == 0) for k, v in enumerate(inside))
                    panels.shared |= {"y"}
                own = height - boxes[-1][j][3], box[0], box[2]
                below = last - bottom
                if i + 1 < len(boxes) and not _labelled(_turned(part), below, box[0] - left, box[2] - left):
                    added = part.shape[1] - (right - left)  # at the left
                    part = _turned(_with_labels(_turned(part), below, _turned(picture), *own, left, added), back=True)
                    panels.shared |= {"x"}
            parts.append(np.ascontiguousarray(_trimmed(part, inside)))
    return parts


def _trimmed(picture: np.ndarray, box: readout.Box) -> np.ndarray:
    """The picture without so much of its empty margins that the axes are far from where those of a figure are."""
    ink = _ink(picture)
    for axis in (0, 1):
        places = np.flatnonzero(ink.any(axis=1 - axis))
        if not len(places):
            return picture
        length = ink.shape[axis]
        before, after = box[1 - axis], length - box[3 - axis]
        cuts = [
            int(np.clip((margin - MARGIN * length) / (1 - MARGIN), 0, max(0, empty - RIM)))
            for margin, empty in ((before, places[0]), (after, length - places[-1]))
        ]
        kept = slice(cuts[0], length - cuts[1])
        picture, ink = (part[kept] if axis == 0 else part[:, kept] for part in (picture, ink))
    return picture


def _turned(picture: np.ndarray, back: bool = False) -> np.ndarray:
    """The picture so that what is below is at the left, and what is at the left above; or `back`."""
    return picture.swapaxes(0, 1)[::-1] if back else picture[::-1].swapaxes(0, 1)


def _labelled(picture: np.ndarray, side: float, start: float, end: float) -> bool:
    """Whether labels stand at the ticks of the left side of axes, in column `side`, from row `start` to `end`."""
    dark = _ink(picture)
    ticks = runs_of(dark[int(start) : int(end) + 2, max(0, int(side) - 3)], 0)
    labels = dark[:, max(0, int(side) - LABELS[1]) : max(0, int(side) - LABELS[0])]
    beside = [labels[max(0, int(start) + a - 4) : int(start) + b + 4].any() for a, b in ticks]
    return not ticks or np.mean(beside) > 0.8


def _with_labels(
    part: np.ndarray,
    side: float,
    picture: np.ndarray,
    own: float,
    start: float,
    end: float,
    first: float,
    added: int = 0,
) -> np.ndarray:
    """
    A panel with the labels at the left side, in column `own` of the whole picture, from row `start` to `end`, put in
    at the left side of its axes, in its column `side`; its rows, after `added` ones, are those of the picture from
    `first` on.
    """
    own, side = int(own) - LABELS[0], int(side) - LABELS[0]
    rows = slice(max(0, int(start) - 8), int(end) + 8)
    ink = _ink(picture)[rows, max(0, own - 120) : own].any(axis=0)
    runs = runs_of(ink, 6)  # of labels, and of the name of the axis
    width = len(ink) - runs[-1][0] + 3 if runs else 0
    labels = np.empty((len(part), width, 3), np.uint8)
    labels[:] = readout.page_of(picture)
    strip = picture[max(0, int(first)) : int(first) + len(part) - added, own - width : own]
    labels[added : added + len(strip)] = strip
    return np.concatenate([part[:, : max(0, side)], labels, part[:, max(0, side) :]], axis=1)


def _gap(ink: np.ndarray, start: float, end: float) -> float:
    """Between two panels, the middle of the first gap of those rows that is as wide as most, without ink."""
    empty = ~ink[int(start) + 2 : int(end) - 1].any(axis=1)
    runs = runs_of(empty, 0)
    if not runs:
        return (start + end) / 2
    widest = max(b - a for a, b in runs)
    a, b = next(run for run in runs if run[1] - run[0] >= 0.8 * widest)
    return int(start) + 2 + (a + b) / 2


def merged(codes: list[str], dpi: float, panels: Panels, target: np.ndarray, size: tuple[int, int]) -> str:
    """
    One program that draws what programs of single axes, one for each panel, draw.

    Args:
        codes: as `cut_out` gives the panels.
        dpi: of the chart's picture.
        target: the chart on the canvas; size: width and height of its picture.
    """
    rows, columns = len(panels.boxes), len(panels.boxes[0])
    names = [f"ax{k + 1}" for k in range(len(codes))]
    bodies, taken = [], {"fig", "plt", *names}
    for code, axes in zip(codes, names):
        body, known = _body(code, axes, taken)
        bodies.append(body)
        taken |= known
    grid = [f"({', '.join(names[i * columns : (i + 1) * columns])}{',' if columns == 1 else ''})" for i in range(rows)]
    left_side = ", ".join(names) if 1 in (rows, columns) else ", ".join(grid)
    figsize = ", ".join(f"{side / dpi:.3g}" for side in size)
    shared = "".join(f", share{axis}=True" for axis in sorted(panels.shared))
    lines = [f"fig, ({left_side}) = plt.subplots({rows}, {columns}, figsize=({figsize}){shared})"]
    scale = dpi * CANVAS / max(size) / 100
    title = read_title(target, panels, scale)
    lines += [f"fig.suptitle({string_literal(title.text)})"] if title else []
    lines += [f"fig.sup{axis}label({text})" for axis, text in read_names(target, panels, scale)]
    layout = _layout(panels, size)
    changed = {name: value for name, value in layout.items() if abs(value - LAYOUT[name]) > SAME_LAYOUT}
    ends = []
    if changed and not panels.pies:
        ends = [subplots_adjust(changed)]
    imports = [line for code in codes for line in code.splitlines() if line.startswith(("import ", "from "))]
    parts = ["\n".join(dict.fromkeys(imports)), "\n".join(lines), *bodies, *ends]
    return "\n\n".join(parts) + "\n"


def _body(code: str, axes: str, taken: set[str]) -> tuple[str, set[str]]:
    """The statements of a program, but for those of the figure; with names that are not taken yet, which are given."""
    program = Program(code)
    assigned = {
        name.id
        for statement in program.tree.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        for name in ast.walk(target)
        if isinstance(name, ast.Name)
    }
    renamed = {"ax": axes}
    for name in sorted(assigned - {"fig", "ax"}):
        options = (name, *(f"{name}_{k}" for k in range(2, 100)))
        renamed[name] = next(option for option in options if option not in taken and option not in renamed.values())
    changes = [
        (program.span(node), renamed[node.id])
        for statement in program.tree.body
        for node in _names(statement)
        if renamed.get(node.id, node.id) != node.id
    ]
    figure = [statement for statement in program.tree.body if _is_of_figure(statement)]
    changes = [((start, end + 1), "") for start, end in map(program.span, figure)] + changes
    return program.changed(changes).strip(), set(renamed.values())


def _names(node: ast.AST):
    """The names in a statement, but not those in formatted strings, which are variables of loops."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name):
            yield child
        elif not isinstance(child, ast.JoinedStr):
            yield from _names(child)


def _is_of_figure(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return True
    value = getattr(statement, "value", None)
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute):
        return False
    return value.func.attr in ("subplots", "tight_layout", "subplots_adjust", "use", "axis")


def _layout(panels: Panels, size: tuple[int, int]) -> dict[str, float]:
    """Where the axes of panels are, as `subplots_adjust` says it; images may be smaller than their axes."""
    width, height = (CANVAS * side / max(size) for side in size)
    boxes = np.array(panels.boxes)  # (rows, columns, 4)
    wide, high = ((boxes[..., k + 2] - boxes[..., k]).max() for k in (0, 1))
    x, y = (boxes[0, :, 0] + boxes[0, :, 2]) / 2, (boxes[:, 0, 1] + boxes[:, 0, 3]) / 2
    layout = shares_of((x[0] - wide / 2, y[0] - high / 2, x[-1] + wide / 2, y[-1] + high / 2), (width, height))
    if len(x) > 1:
        layout["wspace"] = (x[1] - x[0]) / wide - 1
    if len(y) > 1:
        layout["hspace"] = (y[1] - y[0]) / high - 1
    return layout


def read_title(target: np.ndarray, panels: Panels, scale: float) -> Line | None:
    """
    What stands above all panels; None if there is nothing, or it can't be read. `scale`: pixels of the canvas per
    pixel of the figure at 100 dpi.
    """
    if panels.title is None:
        return None
    top, bottom = panels.title
    return Page.of(target, scale).read(((CANVAS - 1) / 2, (top + bottom - 1) / 2), 0.5, bottom - top, space=ALONE)


def read_names(target: np.ndarray, panels: Panels, scale: float) -> list[tuple[str, str]]:
    """The arguments for the names that axes have in common, with their axes; `scale` as of `read_title`."""
    boxes, found = np.array(panels.boxes), []
    for axis, (first, last) in panels.names.items():
        k, across, angle = (0, (first + last - 1) / 2, 0) if axis == "x" else (1, (first + last - 1) / 2, 90)
        middle = (boxes[..., k].min() + boxes[..., k + 2].max()) / 2
        place = (middle, across) if axis == "x" else (across, middle)
        read = Page.of(target, scale).read(place, 0.5, last - first, angle, space=ALONE)
        if read is not None:
            found.append(
                (axis, string_literal(read.text) + (f", fontsize={read.points}" if read.points != TITLE else ""))
            )
    return found


def resolution(target: np.ndarray, panels: Panels, size: tuple[int, int]) -> float:
    """The dpi of a chart of pies, which have no labels of a known size, by its title."""
    title = read_title(target, panels, CANVAS / max(size))
    return 100.0 if title is None else min(DPIS, key=lambda dpi: abs(dpi / 100 - title.points / TITLE))

"""What a drawn figure says and where: dense labels for training a vision encoder on charts.

A mark is a bar's end, a point of a line, of a scatter, or of the upper edge of a stacked area, or the middle of a
wedge. Its value is what a reader takes from the picture with the help of the axis. Other areas and error bars have
none here.
"""

import functools
import math
from collections.abc import Iterator
from itertools import cycle
from typing import Any


MAX_NAME = 64  # characters
WIDTHS = {"marks": 7, "corners": 4, "characters": 3}  # numbers in a row

Rows = list[list[float | None]]


def trace_labels(figure) -> dict[str, Rows]:
    """The labels of a figure that has been drawn.

    Returns:
        marks: [left, top, x, y, red, green, blue] of each mark in drawing order; the values along the two axes are
            shares (-1 to 1) of the power of ten above the largest one of the same axes, so that 0.45 are the leading
            digits of 450 where 980 is the largest; None where a mark has no value of that axis (a bar's category, a
            point's place along a line; a wedge has x only). The colour (0 to 1) is that of its filling, of its outline
            where it is not filled, as seen on the axes' background.
        corners: [left, top, x, y] of the upper left and the lower right corner of the axes, with the values, on the
            marks' scale, that the axes have there; None along an axis that is not linear or without values of marks.
            Empty where several axes lie side by side; of axes on top of each other, those that were added first count.
        characters: [left, top, code] of the middle of each visible character but spaces, with its Unicode code point.
        Places are in pixels from the figure's upper left corner.
    """
    height = figure.bbox.height
    shown = [axes for axes in figure.axes if axes.get_visible()]
    read = [_marks_and_corners(axes, height) for axes in shown]
    in_one_place = len({axes.bbox.bounds for axes in shown}) == 1
    marks = [mark for found, _ in read for mark in found]
    return {
        "marks": marks,
        "corners": read[0][1] if in_one_place else [],
        "characters": list(_characters(figure, height)),
    }


def are_labels(value: object) -> bool:
    """Whether a value that a program may have forged has the form of what `trace_labels` returns (None for rows that
    were too many to be sent), and `kind`, the names of chart type and variant."""
    if not isinstance(value, dict) or set(value) != {*WIDTHS, "kind"}:
        return False
    kind = value["kind"]
    if not isinstance(kind, list) or len(kind) != 2 or not all(isinstance(name, str) and name for name in kind):
        return False
    if max(map(len, kind)) > MAX_NAME:
        return False
    for name, width in WIDTHS.items():
        rows = value[name]
        if rows is None:
            continue
        if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) == width for row in rows):
            return False
        if not all(item is None or type(item) is float and math.isfinite(item) for row in rows for item in row):
            return False
    return True


def _marks_and_corners(axes, height: float) -> tuple[Rows, Rows]:
    found = [
        (place, [None if v is None or not math.isfinite(v) else float(v) for v in values], color)
        for place, *values, color in _data_points(axes)
    ]
    scales = []  # of x and y; None where no mark has a value
    for column in zip(*(values for _, values, _ in found)):
        amounts = [abs(value) for value in column if value is not None]
        largest = max(amounts, default=0)
        power = 10.0 ** (math.floor(math.log10(largest)) + 1) if largest > 0 else 1.0
        scales.append(power if amounts else None)
    marks = []
    for place, values, color in found:
        left, up = axes.transData.transform(place)
        if math.isfinite(left) and math.isfinite(up):
            shares = (None if value is None else value / scale for value, scale in zip(values, scales))
            marks.append([float(left), float(height - up), *shares, *_seen(color, axes)])
    return marks, _corners(axes, height, scales)


def _corners(axes, height: float, scales: list[float | None]) -> Rows:
    from matplotlib.patches import Wedge

    if not scales or axes.name != "rectilinear" or any(isinstance(patch, Wedge) for patch in axes.patches):
        return []
    ends = []
    for axis, scale in zip((axes.xaxis, axes.yaxis), scales):
        linear = scale is not None and axis.get_scale() == "linear"
        ends.append([float(value) / scale for value in axis.get_view_interval()] if linear else [None, None])
    (left, right), (bottom, top) = ends
    box = axes.bbox
    corners = [[box.x0, height - box.y1, left, top], [box.x1, height - box.y0, right, bottom]]
    return [[value if value is None else float(value) for value in corner] for corner in corners]


def _seen(color, axes) -> list[float]:
    """Red, green and blue of a colour (RGBA) on the background of the axes."""
    from matplotlib.colors import to_rgba

    seen = [1.0, 1.0, 1.0]
    for *channels, alpha in (axes.figure.get_facecolor(), axes.get_facecolor(), to_rgba(color)):
        seen = [float(alpha * channel + (1 - alpha) * under) for channel, under in zip(channels, seen)]
    return seen


def _data_points(axes) -> Iterator[tuple[tuple[float, float], float | None, float | None, Any]]:
    """(place in data coordinates, value along x, value along y, colour) of each mark."""
    from matplotlib.collections import PathCollection
    from matplotlib.colors import to_rgba
    from matplotlib.container import BarContainer
    from matplotlib.patches import Wedge

    for container in axes.containers:
        if isinstance(container, BarContainer):
            for bar in container.patches:
                left, bottom, width, tall = bar.get_x(), bar.get_y(), bar.get_width(), bar.get_height()
                if container.orientation == "horizontal":
                    yield (left + width, bottom + tall / 2), width, None, _fill(bar)
                else:
                    yield (left + width / 2, bottom + tall), None, tall, _fill(bar)
    for line in axes.lines:
        drawn = line.get_linestyle() != "None" or line.get_marker() not in ("None", "_", "|")  # not caps of error bars
        if drawn and line.get_visible() and line.get_transform() == axes.transData:
            color = to_rgba(line.get_color(), line.get_alpha())
            yield from (((x, y), None, y, color) for x, y in line.get_xydata().tolist())
    for collection in axes.collections:
        if isinstance(collection, PathCollection) and collection.get_visible():
            offsets = collection.get_offsets().tolist()
            filled, outlines = collection.get_facecolor().tolist(), collection.get_edgecolor().tolist()
            colors = cycle(filled or outlines or [(0, 0, 0, 0)])  # matplotlib repeats them as well
            yield from (((x, y), x, y, color) for (x, y), color in zip(offsets, colors))
    yield from _stacked_points(axes)
    for wedge in axes.patches:
        if isinstance(wedge, Wedge):
            angle = math.radians((wedge.theta1 + wedge.theta2) / 2)
            radius = wedge.r - (wedge.width or wedge.r) / 2
            place = wedge.center[0] + radius * math.cos(angle), wedge.center[1] + radius * math.sin(angle)
            yield place, abs(wedge.theta2 - wedge.theta1) / 360, None, _fill(wedge)


def _stacked_points(axes) -> Iterator[tuple[tuple[float, float], None, float, Any]]:
    """Those of areas which stand on one another."""
    from matplotlib.collections import FillBetweenPolyCollection

    edges = []  # upper and lower edge (n, 2), and colour
    for area in axes.collections:
        if isinstance(area, FillBetweenPolyCollection) and area.t_direction == "x" and len(area.get_paths()) == 1:
            # From the corner above, along the lower edge, and back along the upper one.
            points = area.get_paths()[0].vertices.tolist()
            count = (len(points) - 3) // 2
            edges.append((points[-2 : -2 - count : -1], points[1 : 1 + count], area.get_facecolor()[0].tolist()))
    for index, (upper, lower, color) in enumerate(edges):
        stands = index > 0 and lower == edges[index - 1][0]
        carries = index + 1 < len(edges) and edges[index + 1][1] == upper
        if stands or carries:
            yield from (((x, top), None, top - bottom, color) for (x, top), (_, bottom) in zip(upper, lower))


def _fill(patch):
    """RGBA of a patch's filling, of its outline where it has none."""
    filling = patch.get_facecolor()
    return filling if filling[3] else patch.get_edgecolor()


def _characters(figure, height: float) -> Iterator[list[float]]:
    from matplotlib.text import Text

    unused = _unused_tick_labels(figure)
    for text in figure.findobj(Text):
        content = text.get_text()
        plain = (
            content.strip() and "\n" not in content and content.count("$") < 2
        )  # neither several lines nor mathtext
        if not plain or not text.get_visible() or id(text) in unused:
            continue
        box, angle = text.get_window_extent(), math.radians(text.get_rotation())
        across, up = abs(math.cos(angle)), abs(math.sin(angle))
        # The box of a turned text is as wide as its length along x and its height across.
        tall = text.get_fontsize() / 72 * figure.dpi
        length = max(box.width * across + box.height * up - 2 * tall * across * up, 1.0)
        advances = _advances(content, text.get_fontproperties())
        end, total = 0.0, sum(advances) or 1.0
        for character, advance in zip(content, advances):
            end += advance
            if not character.isspace():
                step = length * ((end - advance / 2) / total - 0.5)
                left = (box.x0 + box.x1) / 2 + step * math.cos(angle)
                top = height - (box.y0 + box.y1) / 2 - step * math.sin(angle)
                yield [float(left), float(top), float(ord(character))]


def _advances(content: str, properties) -> list[float]:
    """Widths of the characters, relative to one another."""
    from matplotlib.font_manager import findfont

    path = findfont(properties)
    return [_advance(path, character) for character in content]


@functools.lru_cache(10_000)
def _advance(path: str, character: str) -> float:
    from matplotlib.font_manager import get_font

    font = get_font(path)
    font.set_size(100, 72)  # whatever it was last drawn in
    return font.load_char(ord(character)).linearHoriAdvance


def _unused_tick_labels(figure) -> set[int]:
    """Identities of tick labels that matplotlib keeps but doesn't draw: those outside of the view."""
    unused = set()
    for axes in figure.axes:
        for axis in axes._axis_map.values():
            low, high = sorted(axis.get_view_interval())
            slack = 1e-6 * (high - low)
            for tick in (*axis.majorTicks, *axis.minorTicks):
                if not (axes.get_visible() and axes.axison and low - slack <= tick.get_loc() <= high + slack):
                    unused |= {id(tick.label1), id(tick.label2)}
    return unused

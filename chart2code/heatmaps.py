"""Programs of heat maps: the cells of an image, what they are worth by the colour map and the colour bar, and what is
drawn upon them.

An image has no marks that a drawing could be compared with: its cells are found where colours change in all rows, or
all columns, at even distances, and each colour is looked up in matplotlib's maps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from statistics import mode
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import LinearSegmentedColormap

from chart2code import readout
from chart2code.adjustment.marks import marker_size
from chart2code.captions import ALONE, Page
from chart2code.detail import finest_of
from chart2code.drawing import color_literal
from chart2code.layout import BAR_FRACTION, BAR_PAD
from chart2code.program import brief, string_literal, table_of
from chart2code.scales import Scale, value_literals
from chart2code.spines import is_framed
from chart2code.tick_labels import read_number, read_scale, runs_of
from chart2code.words import DPI

if TYPE_CHECKING:
    from chart2code.sketches import Sheet

MAPS = (
    "viridis", "plasma", "inferno", "magma", "cividis", "Blues", "Greens", "Reds", "Oranges", "Purples", "Greys",
    "YlGnBu", "YlOrRd", "YlOrBr", "YlGn", "OrRd", "PuBu", "PuRd", "BuPu", "BuGn", "GnBu", "RdPu", "coolwarm", "RdBu",
    "RdYlBu", "RdYlGn", "Spectral", "PiYG", "PRGn", "BrBG", "bwr", "seismic", "hot", "cool", "jet", "turbo", "gray",
    "bone", "copper",
)  # fmt: skip
SEABORN = {  # its own maps, as colours at even distances
    "rocket": "#03051a #251433 #4c1d4b #751f58 #a11a5b #cb1b4f #e83f3f #f3714d #f69c73 #f7c6a6 #faebdd".split(),
    "mako": "#0b0405 #251729 #382a54 #413f80 #395d9c #357ba3 #3497a9 #3eb4ad #60ceac #a9e1bd #def5e5".split(),
    "flare": "#edb081 #eb9872 #e77e63 #e2655c #d64f5f #c14168 #aa3a6e #923371 #7a2e70 #62296a #4b2362".split(),
    "crest": "#a5cd90 #89bf91 #6db290 #57a490 #44948f #33858d #24768b #1c6689 #215584 #28437b #2c3172".split(),
    "vlag": "#2369bd #5b84bd #87a0c4 #afbcd1 #d9dce5 #faf5f4 #ecd3d2 #dbaba8 #cc8582 #bb5e5d #a9373b".split(),
}
MOST_ERROR = 12  # of 255, between the colours of cells and those of a map
EXACT, SAME_MAP = 2.0, 1.0  # of 255: no other opacity is tried; of 255: of maps that fit as well, the first
OFF_MAP = 45  # of 255: what is further from a map's colours is drawn upon the image
LEAST_INK, BORDER = 40, 1.5  # pixels; and to both sides of a border, where colours of cells mix
NEAR_CENTER = 3.0  # pixels
BAR_REACH = 130  # pixels beside the axes in which a colour bar is looked for
LEAST_BAR, LEAST_WIDTH, BAR_STEP = 60, 3, 40  # pixels, sides of a colour bar; of 255, from one pixel to the next
ASPECT = 20  # of a colour bar, its length to its width
BESIDE_SQUARE = "fraction=0.046", "pad=0.04"  # by which people make a bar as long as an image of squares
PAD_ERROR, SHRINK_ERROR = 0.003, 0.01  # of the width of axes, and of their height
BAR_PLACE, BAR_WIDTH, BAR_LENGTH = 1.5, 2.0, 0.03  # pixels that these may be off; of the height of the axes
TICK_LENGTH = 7.5  # pixels of the figure
LABEL_GAP = 3  # pixels of the figure, between the numbers of a colour bar and its label, more than between digits
OPACITIES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.75, 0.4, 0.3)  # the usual ones first
FEW_COLORS = 24  # say which opacity it is
NORM_ERROR = 0.01  # of the range of the values
PALE, LEAST_WHITE = 210, 0.3  # of 255; and of white, in the middle of a line
MOST_GAP = 6  # pixels
LINE_WIDTHS = (0.2, 0.3, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)  # points, as usual
MOSTLY = 0.7  # of the cells
MOST_WRITTEN, LEAST_ROOM = 150, 12  # cells; pixels, their height
TEXT_CONTRAST, TEXT_HEIGHT, TEXT_POINTS = 25, 14.0, 10  # of 255; pixels; points
ALIKE = 4  # numbers of one size, one after another: all are
BLACK = 20  # of 255: darker words are black
FEW = 0.1  # of the cells that have ink in the same row: less is between lines of text
LEAST_READ = 0.5  # of the numbers: the colours say the rest
MISREAD = 0.06  # of the range of the values: numbers that are further from what their colours say
FRAMES = (1.5, 2.5, 0.5)  # pixels from the last column of a colour bar to its frame
BAR_FRAME = (-0.5, -0.5, 0.5, -0.5)  # pixels, from the outer pixels of a colour bar to its frame
SQUARE = 0.03
SNAPPED = 45  # of 255: so near to white or black, it is the soft edge of that
WHOLE = 0.15  # of a cell, from its index


def heat_map(sheet: Sheet) -> list[str]:
    """A program of the image that fills the axes of a chart, with lines and points upon it; none if there is none."""
    grid = readout.find_cells(sheet.target, sheet.box)
    name, shares = (None, None) if grid is None else look_up(grid.colors)
    if name is None:
        return []
    bar = _color_bar(sheet.target, sheet.box, name)
    reverse, low, high = (False, 0.0, 1.0) if bar is None else (bar.reverse, bar.low, bar.high)
    shares = 1 - shares if reverse else shares
    axes = [Scale.or_names(sheet.target, sheet.box, side) for side in ("bottom", "left")]
    upward = axes[1] is not None and axes[1].slope < 0
    gap = _gap(sheet.target, sheet.box, grid)
    if gap and all(_at_centers(sheet, *side) for side in zip(("bottom", "left"), shares.shape[::-1])):
        axes, upward = [None, None], False  # what stands at each cell is its name, also if that is a number
    options = [cmap(name, reverse)]
    extent = _extent(sheet.box, axes, grid, 0.0 if gap else -0.5)
    if gap and extent:  # cells with edges at places of their own: without the edges
        gap, extent = 0.0, _extent(sheet.box, axes, grid, -0.5)
    if gap:
        options.append(f'edgecolors="white", linewidths={_line_width(gap, sheet):g}')
    elif extent or abs(grid.width / grid.height - 1) > SQUARE:
        options += [f"extent={extent}"] * bool(extent) + ['aspect="auto"']
    if upward and not gap:
        options.append('origin="lower"')
    written = None if upward else _written(sheet, grid, shares, gap, bar)
    if written is None:
        rows = [value_literals(low + row * (high - low), 2.5 * (high - low)) for row in shares]
        norm, upon = (low, high) if shares.min() > 0.01 or shares.max() < 0.99 else None, None
    else:
        rows, norm, upon = written
    if norm is not None:
        error = NORM_ERROR * (norm[1] - norm[0])
        options += [f"{limit}={brief(value, error)}" for limit, value in zip(("vmin", "vmax"), norm)]
    rows = rows[::-1] if upward else rows
    statements = ["\n".join(["data = [", *(f"    [{', '.join(row)}]," for row in rows), "]"])]
    statements.append(f"image = ax.{'pcolormesh' if gap else 'imshow'}(data, {', '.join(options)})")
    statements += ["ax.invert_yaxis()"] if gap and not upward else []
    square = not gap and not any("aspect" in option for option in options)
    statements += bar.statements(sheet, "image", square) if bar else []
    for axis, side, count in zip("xy", ("bottom", "left"), shares.shape[::-1]):
        statements += [] if extent else _names(sheet, axis, side, count, gap)
    statements += upon if upon is not None else [] if gap else _upon(sheet, name, axes, grid)
    return [sheet.program(*statements, without=("grid", "set_axisbelow", "facecolor", "set_visible", "fig."))]


@cache
def _colors_of(name: str) -> np.ndarray:
    """(256, 3) float32, 0 to 255."""
    known = LinearSegmentedColormap.from_list(name, SEABORN[name]) if name in SEABORN else colormaps[name]
    return (known(np.arange(256))[:, :3] * 255).astype(np.float32)


def cmap(name: str, reverse: bool = False) -> str:
    """The keyword for a map."""
    own = string_literal(f"{name}_r" if reverse else name)
    if name not in SEABORN:
        return f"cmap={own}"
    colors = ", ".join(map(string_literal, SEABORN[name][:: -1 if reverse else 1]))
    return f"cmap=LinearSegmentedColormap.from_list({own}, [{colors}])"


def _apart(colors: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """How far each of (N, 3) colours is from a map's nearest one, and which that is."""
    apart = np.abs(colors[:, None].astype(np.float32) - _colors_of(name)).max(axis=2)
    return apart.min(axis=1), apart.argmin(axis=1)


def look_up(colors: np.ndarray) -> tuple[str | None, np.ndarray]:
    """The map whose colours these are, and where on it each is, 0 to 1; None if there is none."""
    flat = colors.reshape(-1, 3)
    errors = _misfits(flat[:: max(1, len(flat) // 100)])
    name = next(name for name in errors if errors[name] < min(errors.values()) + SAME_MAP)
    if errors[name] > MOST_ERROR:
        return None, colors[..., 0]
    return name, _apart(flat, name)[1].reshape(colors.shape[:2]) / 255


def places_on(colors: np.ndarray, name: str) -> np.ndarray:
    """Where on a map, 0 to 1, each of (N, 3) colours is."""
    return _apart(colors, name)[1] / 255


def _misfits(colors: np.ndarray) -> dict[str, float]:
    """How far (N, 3) colours are from those of each map, on average."""
    return {name: float(np.mean(np.minimum(_apart(colors, name)[0], 60))) for name in (*MAPS, *SEABORN)}


def _gap(pixels: np.ndarray, box: readout.Box, grid: readout.Grid) -> float:
    """The width, in pixels, of white lines between the cells of an image; 0 if there are none."""
    fine = finest_of(pixels)
    box, widths = fine.enlarged(box), []
    for turned in (False, True):
        page, cells = (part.swapaxes(0, 1) if turned else part for part in (fine.pixels, grid.colors))
        left, top, right, bottom = (box[k] for k in ((1, 0, 3, 2) if turned else (0, 1, 2, 3)))
        height, width = (bottom - top) / len(cells), (right - left) / cells.shape[1]
        reach = min(MOST_GAP * fine.zoom, height / 3)
        for k in range(1, len(cells)):
            rows = slice(round(top + k * height - reach), round(top + k * height + reach) + 1)
            found = []
            for j in np.flatnonzero(cells[k - 1 : k + 1].min(axis=2).max(axis=0) < PALE):  # white lines tell there
                columns = slice(round(left + (j + 0.25) * width), round(left + (j + 0.75) * width) + 1)
                profile = np.median(page[rows, columns].astype(float), axis=1)
                whites = [
                    (profile - color) @ (255 - color) / ((255 - color) @ (255 - color))
                    for color in cells[k - 1 : k + 1, j]
                ]
                middle = int(np.minimum(*whites).argmax())  # before it is the one cell, behind it the other one
                white = np.concatenate(
                    [whites[0][:middle], np.minimum(*whites)[middle : middle + 1], whites[1][middle + 1 :]]
                )
                found.append(white.clip(0, 1).sum() if white[middle] > LEAST_WHITE else 0.0)
            if found:
                widths.append(np.median(found))
    return float(np.mean(widths)) / fine.zoom if min(widths, default=0) > 0 else 0.0


def _line_width(gap: float, sheet: Sheet) -> float:
    """The points of lines between cells, which are `gap` pixels wide. matplotlib draws them without soft edges."""

    def drawn(points: float, dpi: float) -> int:
        width = points * dpi / 72
        odd = round(width) % 2  # in the middle of a pixel, or of two
        return odd + 2 * math.ceil((width - odd) / 2)

    wide = gap / sheet.scale  # in a figure of DPI
    dpi = DPI * sheet.sharpness
    errors = {
        points: (
            round(abs(drawn(points, dpi) - wide * sheet.sharpness)),
            abs(drawn(points, DPI) - wide),
            abs(points - wide * 72 / DPI),
        )
        for points in LINE_WIDTHS
    }
    return min(errors, key=errors.get)


def _written(
    sheet: Sheet, grid: readout.Grid, shares: np.ndarray, gap: float, bar: ColorBar | None
) -> tuple[list[list[str]], tuple[float, float] | None, list[str]] | None:
    """
    Where a number stands in each cell, alone or with other words above or below: the literals of all numbers, the
    values of the map's ends where these are not the least and the largest number, and the statements that write them;
    None if no numbers go with the colours.
    """
    rows, columns = shares.shape
    if rows * columns > MOST_WRITTEN or grid.height < LEAST_ROOM:
        return None
    places = _lines_in_cells(sheet, grid)
    ink = _ink_in_cells(sheet, grid, places[0] if places else 0.0)
    if (np.abs(ink) > TEXT_CONTRAST).mean() < MOSTLY:
        return None
    lines = [_texts_in_cells(sheet, grid, place, len(places)) for place in places]
    fits = {k: fit for k, (texts, _) in enumerate(lines) if (fit := _fitted(texts, shares))}
    if not fits:
        return None
    units = {k: _unit(bar, fit) for k, fit in fits.items()}
    # Of two lines that which the colour bar has, or that fits the colours better.
    found = min(fits, key=lambda k: (units[k] is None, fits[k].error(shares)))
    texts, points = lines[found]
    values, start, slope = fits[found]
    numbers = [text for text in texts.values() if read_number(text) is not None]
    suffix = "%" if all(text.endswith("%") for text in numbers) else ""
    literal = shape = _format([text.removesuffix(suffix) for text in numbers])
    unit = units[found]
    if suffix and unit == 100 and shape.endswith("f"):
        values, start, slope, unit = values / 100, start / 100, slope / 100, 1
        literal, shape, suffix = f".{int(shape[1]) + 2}f", f"{shape[:-1]}%", ""
    literals = [[f"{float(value) + 0.0:{literal}}" for value in row] for row in values]
    ends, error = (start, start + slope), MISREAD * slope
    if unit is not None:  # the bar says it exactly
        ends, error = (unit * bar.low, unit * bar.high), NORM_ERROR * slope
    usual = abs(ends[0] - values.min()) + abs(ends[1] - values.max()) < 2 * error
    keywords = ['ha="center"', 'va="center"']
    if points != TEXT_POINTS:
        keywords.append(f"fontsize={points}")
    color = _text_color(values, ink > 0, sum(ends) / 2, _dark_ink(sheet, grid, ink < 0))
    keywords += [f"color={color}"] * bool(color)
    parts, statements = [f"{{value:{shape}}}{suffix}"], []
    if len(lines) > 1:
        others = lines[1 - found][0]
        table = [", ".join(string_literal(others.get((i, j), "")) for j in range(columns)) for i in range(rows)]
        statements.append("\n".join(["notes = [", *(f"    [{row}]," for row in table), "]"]))
        parts.insert(1 - found, "{notes[i][j]}")
    shown = "value" if parts == ["{value:.0f}"] else 'f"' + "\\n".join(parts) + '"'
    x, y = ("j + 0.5", "i + 0.5") if gap else ("j", "i")
    loop = ["for i, row in enumerate(data):", "    for j, value in enumerate(row):"]
    if color and " if " in color:
        loop.append(f"        color = {color}")
        keywords[-1] = "color=color"
    loop.append(f"        ax.text({x}, {y}, {shown}, {', '.join(keywords)})")
    return literals, None if usual else ends, [*statements, "\n".join(loop)]


def _unit(bar: ColorBar | None, fit: Fit) -> float | None:
    """In which unit the numbers of cells are those of the colour bar, 1 or 100 (per cent); None if in neither."""
    for unit in (1, 100) if bar is not None else ():
        if abs(bar.low * unit - fit.start) + abs(bar.high * unit - fit.start - fit.slope) < 2 * MISREAD * fit.slope:
            return unit
    return None


def _middle(sheet: Sheet, grid: readout.Grid, i: int, j: int) -> tuple[float, float]:
    return sheet.box[0] + (j + 0.5) * grid.width, sheet.box[1] + (i + 0.5) * grid.height


def _lines_in_cells(sheet: Sheet, grid: readout.Grid) -> list[float]:
    """Where lines of text stand in the cells, in pixels below the middle: none, one, or two."""
    reach = int(grid.height / 2) - 3
    inked = np.zeros(2 * reach + 1)
    for i, j in np.ndindex(grid.colors.shape[:2]):
        x, y = _middle(sheet, grid, i, j)
        part = sheet.target[
            round(y) - reach : round(y) + reach + 1, round(x - 0.4 * grid.width) : round(x + 0.4 * grid.width)
        ]
        away = np.abs(part.astype(int) - grid.colors[i, j]).max(axis=2) > TEXT_CONTRAST
        inked[: len(away)] += away.any(axis=1)
    lines = [(first + last - 1) / 2 - reach for first, last in runs_of(inked > FEW * inked.max(), 0)]
    return lines if len(lines) == 2 else [0.0] * bool(lines)


def _ink_in_cells(sheet: Sheet, grid: readout.Grid, place: float) -> np.ndarray:
    """How much the darkest, or lightest, of each cell in a line of text differs from it, of 255: (rows, columns)."""
    ink = np.zeros(grid.colors.shape[:2])
    for i, j in np.ndindex(ink.shape):
        x, y = _middle(sheet, grid, i, j)
        rows = slice(int(y + place - 3), int(y + place + 4))
        line = sheet.target[rows, int(x - grid.width / 4) : int(x + grid.width / 4)].mean(axis=2)
        difference = line - grid.colors[i, j].mean()
        ink[i, j] = difference.ravel()[np.abs(difference).argmax()]
    return ink


def _texts_in_cells(
    sheet: Sheet, grid: readout.Grid, place: float, count: int
) -> tuple[dict[tuple[int, int], str], float]:
    """The texts of a line that stands so far below the middle of cells with `count` lines, and their size."""
    page, texts, sizes = Page.of(sheet.target, sheet.scale, sheet.sharpness), {}, []
    for i, j in np.ndindex(grid.colors.shape[:2]):
        x, y = _middle(sheet, grid, i, j)
        reach = grid.width / 2 - 3
        points = sizes[-1] if len(sizes) >= ALIKE and len({*sizes[-ALIKE:]}) == 1 else None
        height = min(TEXT_HEIGHT, grid.height / 2 - 3, *([1.5 * abs(place)] if count > 1 else []))
        read = page.read((x, y + place), 0.5, height, reach=(reach, reach), points=points)
        if read is not None:
            texts[i, j] = read.text
            sizes.append(read.points)
    return texts, mode(sizes) if sizes else TEXT_POINTS


class Fit(NamedTuple):
    """Numbers in cells, and the straight line, start + slope * share, that they are on over the shares of the map."""

    values: np.ndarray
    start: float
    slope: float

    def error(self, shares: np.ndarray) -> float:
        return float(np.abs(self.start + self.slope * shares - self.values).mean() / self.slope)


def _fitted(texts: dict[tuple[int, int], str], shares: np.ndarray) -> Fit | None:
    """The numbers that texts in cells are, those of their line where a text is none; None if most are on no line."""
    values = np.full(shares.shape, np.nan)
    for place, text in texts.items():
        value = read_number(text)
        values[place] = np.nan if value is None else value
    kept = np.isfinite(values)
    if kept.mean() < LEAST_READ:
        return None
    for _ in range(3):
        if np.ptp(values[kept]) == 0:
            return None
        slope, start = np.polyfit(shares[kept], values[kept], 1)
        kept = np.abs(start + slope * shares - values) < MISREAD * abs(slope)  # nan is not
        if slope <= 0 or kept.mean() < LEAST_READ:
            return None
    return Fit(np.where(kept, values, start + slope * shares), float(start), float(slope))


def _format(texts: Sequence[str]) -> str:
    """The format of numbers: of so many significant digits where the decimals differ, else of so many decimals."""
    decimals = mode(len(text.partition(".")[2]) for text in texts)
    fitting = {
        shape: np.mean([f"{read_number(text):{shape}}" == text.replace("\u2212", "-") for text in texts])
        for shape in (f".{decimals}f", ".2g", ".3g")
    }
    return max(fitting, key=fitting.get)


def _dark_ink(sheet: Sheet, grid: readout.Grid, dark: np.ndarray) -> float:
    """The grey, 0 to 255, of the dark words in the middle of some cells; `dark`: of which."""
    fine = finest_of(sheet.target)
    left, top = fine.enlarged(sheet.box[:2])
    height, width = grid.height * fine.zoom, grid.width * fine.zoom
    darkest = [
        fine.pixels[
            round(top + (i + 0.25) * height) : round(top + (i + 0.75) * height),
            round(left + (j + 0.25) * width) : round(left + (j + 0.75) * width),
        ]
        .max(axis=2, initial=0)
        .min(initial=255)
        for i, j in np.argwhere(dark)
    ]
    return float(min(darkest, default=0))


def _text_color(values: np.ndarray, light: np.ndarray, middle: float, dark: float) -> str | None:
    """The colour of numbers, some of which are `light`: those above, or below, a limit, or away from
    the `middle` of the map, or near it; `dark`: the grey of the others, 0 to 255."""
    black = '"black"' if dark < BLACK else color_literal(np.full(3, dark))
    if light.mean() < 0.02:
        return None if dark < BLACK else black
    if light.mean() > 0.98:
        return '"white"'
    middle = round(middle, 2) + 0.0
    away = f"abs(value {'-' if middle > 0 else '+'} {abs(middle):g})" if middle else "abs(value)"
    rules = []
    for name, column in (("value", values), (away, np.abs(values - middle))):
        steps = np.unique(column)
        for limit in (steps[1:] + steps[:-1]) / 2:
            wrong = ((column > limit) != light).mean()
            gap = np.abs(column - limit).min()
            rules += [(wrong, name, ">", limit, gap), (1 - wrong, name, "<", limit, gap)]
    _, name, sign, limit, gap = min(rules, key=itemgetter(0))
    return f'"white" if {name} {sign} {brief(float(limit), 0.9 * gap)} else {black}'


@dataclass
class ColorBar:
    """A colour bar at the right of axes: its map, as opaque as it is drawn, whether that runs downward, the values at
    its lower and upper end, and its sides, in pixels."""

    name: str
    opacity: float
    reverse: bool
    low: float
    high: float
    sides: readout.Box

    def statements(self, sheet: Sheet, image: str, square: bool = False) -> list[str]:
        """What draws it for the object of a name, with its label and its frame, as far as there are such; `square`:
        whether the axes have the shape of their image, as then they hardly say how large their place is."""
        label = self._label(sheet)
        options = [
            image,
            *([f"label={string_literal(label)}"] if label else []),
            *self._place(sheet, square),
        ]
        call = f"fig.colorbar({', '.join(options)})"
        if is_framed(sheet.target, tuple(side + add for side, add in zip(self.sides, BAR_FRAME))):
            return [call]
        return [f"bar = {call}", "bar.outline.set_visible(False)"]

    def _place(self, sheet: Sheet, square: bool) -> list[str]:
        """The keywords for where it is beside the axes and for its shape, as far as these are not the usual ones."""
        _, top, right, bottom = sheet.box
        length = self.sides[3] - self.sides[1]
        first, last = self._edges(sheet.target)
        gap, usual = (first - right) / (right - sheet.box[0]), BAR_PAD / (1 - BAR_FRACTION - BAR_PAD)
        if square:  # which may stand further from its bar, but no nearer
            return list(BESIDE_SQUARE) if gap < usual - BAR_PLACE / (right - sheet.box[0]) else []
        options = []
        if abs(gap - usual) * (right - sheet.box[0]) > BAR_PLACE:
            options.append(f"pad={brief(gap * (1 - BAR_FRACTION) / (1 + gap), PAD_ERROR)}")
        if abs(length / (bottom - top) - 1) > BAR_LENGTH:
            options.append(f"shrink={brief(length / (bottom - top), SHRINK_ERROR)}")
        if abs(last - first - length / ASPECT) > BAR_WIDTH:
            options.append(f"aspect={length / (last - first):.0f}")
        return options

    def _edges(self, pixels: np.ndarray) -> tuple[float, float]:
        """Its left and its right edge, in parts of a pixel."""
        fine = finest_of(pixels)
        left, top, right, bottom = fine.enlarged(np.add(self.sides, (-0.5, 1, 0.5, -1)))
        lines = readout.difference(fine.pixels[round(top) : round(bottom)], readout.page_of(pixels))
        return tuple(map(float, fine.reduced(readout.edges_of(lines, left, right))))

    def _label(self, sheet: Sheet) -> str | None:
        _, top, right, bottom = (round(side) for side in self.sides)
        start = right + 1 + round(TICK_LENGTH * sheet.scale)
        beside = sheet.target[top:bottom, start:]
        ink = readout.difference(beside, readout.page_of(sheet.target)) > TEXT_CONTRAST
        ink &= ~(beside == 255).all(axis=2)  # the letterbox of a dark page
        texts = runs_of(ink.any(axis=0), LABEL_GAP * sheet.scale)  # the numbers, and the label
        if len(texts) < 2 or texts[1][1] - texts[1][0] < 4:
            return None
        place = start + (texts[1][0] + texts[1][1] - 1) / 2, (top + bottom) / 2
        read = Page.of(sheet.target, sheet.scale, sheet.sharpness).read(
            place, 0.5, TEXT_HEIGHT * sheet.scale, 90, space=ALONE
        )
        return read.text if read else "Value"


def find_color_bar(pixels: np.ndarray, box: readout.Box) -> ColorBar | None:
    """The colour bar at the right of a box, of whatever map."""
    start, middle = round(box[2]) + 4, round((box[1] + box[3]) / 2)
    page, paper = readout.page_of(pixels), readout.paper_of(pixels, box)
    columns = []
    for column in pixels[:, start : start + BAR_REACH].swapaxes(0, 1).astype(np.int16):
        smooth = np.abs(np.diff(column, axis=0, append=column[-1:])).max(axis=1) < BAR_STEP
        smooth &= np.abs(column - page).max(axis=1) > 0
        run = next((column[a:b] for a, b in runs_of(smooth, 0) if a <= middle < b and b - a > LEAST_BAR), None)
        if run is not None and len(np.unique(run, axis=0)) > LEAST_BAR / 3:
            columns.append(run[2:-2])
    if len(columns) < LEAST_WIDTH:
        return None
    name, opacity = map_of(columns[len(columns) // 2], paper)
    return name and _color_bar(pixels, box, name, opacity)


def map_of(colors: np.ndarray, paper: Sequence[float]) -> tuple[str | None, float]:
    """The map that (N, 3) colours on paper are of, None if there is none, and its opacity."""
    sample = colors[:: max(1, len(colors) // FEW_COLORS)]
    errors: dict[float, float] = {}
    for opacity in OPACITIES:
        errors[opacity] = min(_misfits(opaque(sample, opacity, paper)).values())
        if errors[opacity] < EXACT:
            break
    opacity = min(errors, key=errors.get)
    return look_up(opaque(colors, opacity, paper)[:, None])[0], opacity


def opaque(colors: np.ndarray, opacity: float, paper: Sequence[float]) -> np.ndarray:
    """What transparent colours on paper, 0 to 255, are without the paper."""
    return (colors - (1 - opacity) * np.asarray(paper, np.float32)) / opacity


def _color_bar(pixels: np.ndarray, box: readout.Box, name: str, opacity: float = 1.0) -> ColorBar | None:
    """The colour bar at the right of a box that has the colours of a map."""
    start, middle = round(box[2]) + 4, round((box[1] + box[3]) / 2)
    part = pixels[:, start : start + BAR_REACH]
    unique, index = np.unique(part.reshape(-1, 3), axis=0, return_inverse=True)
    unique = opaque(unique, opacity, readout.paper_of(pixels, box)) if opacity < 1 else unique
    far, place = (found[index.ravel()].reshape(part.shape[:2]) for found in _apart(unique, name))
    far[(part == readout.page_of(pixels)).all(axis=2)] = 255  # nearly the palest colour of many maps
    columns = []
    for column in range(part.shape[1]):
        run = next((r for r in runs_of(far[:, column] < MOST_ERROR, 1) if r[0] <= middle < r[1]), None)
        if run is not None and run[1] - run[0] > LEAST_BAR and np.ptp(place[run[0] : run[1], column]) > 180:
            columns.append((column, *run))
    if len(columns) < LEAST_WIDTH:
        return None
    left, right = start + columns[0][0], start + columns[-1][0]
    top, bottom = (float(np.median([entry[k] for entry in columns])) for k in (1, 2))
    boxes = [(left - 0.5, top - 0.5, right + frame, bottom - 0.5) for frame in FRAMES]
    scale = next((scale for bar in boxes if (scale := read_scale(pixels, bar, "right"))), None)
    if scale is None:
        return None
    column = columns[len(columns) // 2]
    reverse = bool(place[column[2] - 4, column[0]] > place[column[1] + 4, column[0]])
    low, high = (scale[0] + scale[1] * (end - 0.5) for end in (bottom, top))
    return ColorBar(name, opacity, reverse, low, high, (left, top, right, bottom))


def _at_centers(sheet: Sheet, side: str, count: int) -> bool:
    """Whether at a side there is a tick in the middle of each of so many cells, and no other."""
    ticks = readout.find_ticks(sheet.target, sheet.box, side)
    first, last = (sheet.box[k] for k in ((0, 2) if side == "bottom" else (1, 3)))
    centers = first + (np.arange(count) + 0.5) * (last - first) / count
    return len(ticks) == count and np.abs(ticks - centers).max() <= NEAR_CENTER


def _counted(sheet: Sheet, side: str) -> bool:
    """Whether the numbers at the ticks of a side are 0, 1, 2, ..."""
    scale, ticks = read_scale(sheet.target, sheet.box, side), readout.find_ticks(sheet.target, sheet.box, side)
    return scale is not None and np.abs(scale[0] + scale[1] * ticks - np.arange(len(ticks))).max() < WHOLE


def _names(sheet: Sheet, axis: str, side: str, count: int, gap: float) -> list[str]:
    """Statements that put names at the cells, where they stand, also numbers; `gap`: between cells, which then begin
    at 0."""
    if not _at_centers(sheet, side, count) or not gap and _counted(sheet, side):
        return []
    name = "columns" if axis == "x" else "rows"
    names = ", ".join(string_literal(f"{name[:-1].capitalize()} {k + 1}") for k in range(count))
    places = f"[k + 0.5 for k in range({count})]" if gap else f"range({count})"
    return [f"{name} = [{names}]", f"ax.set_{axis}ticks({places}, {name})"]


def _extent(box: readout.Box, axes: list[Scale | None], grid: readout.Grid, first: float) -> str | None:
    """The limits of the axes; None if these are by index, from `first` on."""
    rows, columns = grid.colors.shape[:2]
    if any(axis is None or axis.names or axis.logarithmic for axis in axes):
        return None
    left, right = (float(axes[0](place)) for place in (box[0], box[2]))
    bottom, top = sorted(float(axes[1](place)) for place in (box[1], box[3]))
    indices = zip((left, right, bottom, top), (first, columns + first, first, rows + first))
    if all(abs(value - index) < WHOLE + 0.01 * max(rows, columns) for value, index in indices):
        return None
    errors = (0.004 * (right - left),) * 2 + (0.004 * (top - bottom),) * 2
    return f"({', '.join(brief(value, error) for value, error in zip((left, right, bottom, top), errors))})"


def _off_borders(shape: tuple[int, ...], grid: readout.Grid) -> np.ndarray:
    """(H, W) bool: what is not at the borders of cells, where colours mix, in the picture inside the axes."""
    masks = []
    for length, size in zip(shape, (grid.height, grid.width)):
        place = (np.arange(length) + 2.5) % size  # the two pixels at the frame are not in it
        masks.append(np.minimum(place, size - place) > min(BORDER, size / 4))
    return masks[0][:, None] & masks[1]


def _upon(sheet: Sheet, name: str, axes: list[Scale | None], grid: readout.Grid) -> list[str]:
    """Statements that draw lines and points in colours that the image does not have."""
    if any(axis is None or axis.logarithmic for axis in axes):
        return []
    box = tuple(int(round(v)) for v in sheet.box)
    area = np.s_[box[1] + 2 : box[3] - 1, box[0] + 2 : box[2] - 1]
    inside = sheet.target[area]
    unique, index = np.unique(inside.reshape(-1, 3), axis=0, return_inverse=True)
    counts = np.bincount(index.ravel()[_off_borders(inside.shape, grid).ravel()], minlength=len(unique))
    off = _apart(unique, name)[0] > OFF_MAP
    statements = []
    for _ in range(4):
        candidates = np.where(off, counts, 0)
        best = int(candidates.argmax())
        if candidates[best] < LEAST_INK:
            break
        color = unique[best].astype(float)
        color = next((plain for plain in (0.0, 255.0) if np.abs(color - plain).max() < SNAPPED), color) + np.zeros(3)
        off &= np.abs(unique - color).max(axis=1) > 90
        cover = np.zeros(sheet.target.shape[:2], np.float32)
        cover[area] = (
            (1 - np.abs(unique - color).max(axis=1) / 120).clip(0, 1)[index.ravel()].reshape(inside.shape[:2])
        )
        if sheet.spotted(cover) or sheet.dotted(cover):
            points = readout.find_points(cover)
            places, size = points.places.T, marker_size(points.area, sheet.scale)
            style, method = f"s={max(1, round(size / 5) * 5)}, ", "scatter"
        else:
            path = readout.find_path(cover)
            centers = box[0] + (np.arange(grid.colors.shape[1]) + 0.5) * grid.width
            knots = centers if readout.misfit([path], centers) < 1 else readout.find_knots([path], [], axes[0].slope)
            if knots is None:
                continue
            places, style, method = (knots, readout.fit_path(path, knots)), "", "plot"
        x, y = (
            value_literals(axis(pixels), abs(axis.slope) * length)
            for axis, pixels, length in zip(axes, places, (box[2] - box[0], box[3] - box[1]))
        )
        names = ("x", "y") if not statements else (f"x{len(statements)}", f"y{len(statements)}")
        statements.append(table_of(dict(zip(names, (x, y)))))
        statements.append(f"ax.{method}({', '.join(names)}, {style}color={color_literal(color)})")
    return statements

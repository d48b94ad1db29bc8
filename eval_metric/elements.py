"""What a program draws, element by element: `trace` reads it off the drawn figure, `text_f1`, `type_f1`, `layout_f1`,
`color_f1` compare two charts. Version 1.1.

The four scores follow ChartMimic (Yang et al., ICLR 2025; its `chart2code/utils/evaluator`, with the settings of its
`code4evaluation`): F1 of two multisets, the mean of the four being its "low-level" score.

Text.    The drawn strings, a string per line, without spaces around it, compared exactly. Tick labels are left out.
Type.    The plotting calls (`bar`, `plot`, `pie`, ...), each as often as the program makes it; a call that another
         one makes (`barh` calls `bar`) does not count. Lines on polar axes are a type of their own.
Layout.  For each axes the shape of its grid and the rows and columns that it spans, compared exactly.
Color.   The distinct colours of each type, as hex, or the name of the colour map. Between colours of the same type
         the similarity is 1 - CIEDE2000 / 100 (at least 0), of colour maps 1 if they have the same name; colours are
         paired one to one for the largest sum S; precision is S / predicted, recall S / expected.

Where the original goes wrong, this differs:
  - The best pairing is found by the Hungarian algorithm. The original tries all permutations and, so that this ends,
    thins out colours if there are more than ten, in an order that changes from run to run.
  - A program that fails scores 0; a chart without any of the elements is 1 against another such and 0 else. The
    original keeps the type score of the chart before, and scores a program that catches its own failure as drawn.
  - A call counts if its marks are in the figure that is scored. The original counts calls on figures that are thrown
    away, marks that are removed, and stops counting after a call that raises.
  - Calls that the original does not know, so that such a chart has no type, are traced: `pcolormesh`, `hexbin`,
    `stairs`, `eventplot`, `streamplot`, `barbs`, `tricontour`, `tricontourf`, `bxp` (as `boxplot`), `plot_wireframe`,
    `plot_trisurf`, 3D `quiver`. 3D `scatter` and `bar` are not taken for flat ones.
  - Axes outside a grid (`fig.add_axes`) count, and are paired by the IoU of their rectangles. In the original, a
    figure of such axes scores 0 against itself.
  - All tick labels are left out. The original removes the major ticks of x and y, so that the labels of minor ticks
    (of logarithmic axes) and of z axes count as texts. It also counts texts off the canvas.
  - Colours are those of the picture. The original reads them off when the call returns, so boxes and bars that get
    their colours afterwards have the default ones. Of a shaded surface the colour is that of the nearest face; the
    original takes the farthest, which is often hidden.
  - `quiver` with a colour map has its name; the original lists the colour of each arrow.
  - Unfilled marks have the colour of their outline.
  - networkx, squarify and matplotlib_venn are seen as the calls that they make.

The facts come from the program's own process, so they are claims, with the places where their ink should be. `confirm`
looks there in the picture, and what has no ink does not count: text off the canvas or white on white, marks that
are transparent, of size zero or hidden. It says that there is ink of such a colour, not that it spells these words.

Facts are JSON, at most `MAX_FACTS` bytes: the counts of `count_elements`, and
    texts   [[role, string, [left, top, right, bottom], vertical (0 or 1), color, alpha], ...]
    axes    [[[rows, columns, first row, last row, first column, last column] or null, [left, top, ...]], ...]
    calls   [[type, [evidence, ...]], ...]
    colors  [[type, color or name of a colour map, [evidence, ...]], ...]
with evidence [[[color, alpha], ...], radius, [x, y, x, y, ...]]: near each point there is one of the colours, and
another colour; without colours, something that is not white. Coordinates are pixels, y downwards.
"""

import functools
import json
import math
import re
import weakref
from collections import Counter

import numpy as np


ELEMENTS_VERSION = "1.1"
MAX_FACTS = 240 * 1024  # bytes of JSON; the limits below keep within it
MAX_TEXTS = 256
MAX_TEXT = 100  # characters
MAX_TEXT_BYTES = 64 * 1024  # of JSON, of all texts together
MAX_AXES = 64
MAX_CALLS = 100
MAX_COLORS = 100
MAX_NAME = 64  # characters
MAX_EVIDENCE = 3  # places per claim
MAX_TINTS = 4  # colours that each may have
MAX_POINTS = 12
MAX_RADIUS = 12  # pixels
CONTRAST = 8  # of 255: what differs by less cannot be seen
ROLES = ("title", "label", "legend", "annotation")
COUNTS = ("num_elements", "num_marks", "num_tick_labels", "num_legend_entries", "num_texts")

_HEX = re.compile(r"#[0-9a-f]{6}")
# {method: (type, type that its colours are compared within)}; None: no colours.
_FLAT = {
    name: (name, name)
    for name in (
        "bar boxplot pie hist fill plot scatter axhline axvline axhspan axvspan hlines vlines quiver violinplot "
        "imshow pcolor pcolormesh contour contourf tricontour tricontourf tripcolor broken_barh hexbin stairs "
        "eventplot streamplot barbs"
    ).split()
}
_FLAT |= {"barh": ("barh", "bar"), "violin": ("violin", "violinplot"), "bxp": ("boxplot", "boxplot")}
_FLAT |= {name: (name, "fill_between") for name in ("fill_between", "fill_betweenx")}
_FLAT |= {"errorbar": ("errorbar", None)}  # its parts: the line, and the bars as hlines and vlines
_SOLID = {name: name for name in "plot_surface bar3d add_collection3d plot_wireframe plot_trisurf".split()}
_SOLID |= {name: f"{name}_3d" for name in ("scatter", "plot", "bar", "quiver")}
_MAPPED = {"imshow", "pcolor", "pcolormesh", "contour", "contourf", "tricontour", "tricontourf", "tripcolor", "hexbin"}

_calls = []  # (type, type for colours, name of the colour map given, weak references to the artists)
_depth = 0


# ------------------------------------------------------------------------------------------------------ recording


def record_calls() -> None:
    """From now on, `trace` knows which plotting calls made the artists: wraps the methods of matplotlib's axes."""
    from matplotlib.axes import Axes
    from mpl_toolkits.mplot3d import Axes3D

    for owner, names in ((Axes, _FLAT), (Axes3D, {name: (kind, kind) for name, kind in _SOLID.items()})):
        for name, types in names.items():
            setattr(owner, name, _recorded(getattr(owner, name), *types))


def forget_calls() -> None:
    """Those of a former program in the same process."""
    _calls.clear()


def _recorded(method, kind: str, color_kind: str | None):
    from matplotlib.projections.polar import PolarAxes

    @functools.wraps(method)
    def wrapper(axes, *args, **kwargs):
        global _depth
        _depth += 1
        try:
            result = method(axes, *args, **kwargs)
        finally:
            _depth -= 1
        if _depth == 0:
            polar = "_polar" if kind in ("plot", "scatter") and isinstance(axes, PolarAxes) else ""
            cmap = kwargs.get("cmap")
            references = [weakref.ref(artist) for artist in _artists(result)]
            # The original tells polar from Cartesian scatter by its colours alone.
            name = kind + polar if kind == "plot" else kind
            _calls.append((name, color_kind and color_kind + polar, getattr(cmap, "name", cmap), references))
        return result

    return wrapper


def _artists(result) -> list:
    """The artists, without texts, in what a plotting method returns."""
    from matplotlib.artist import Artist
    from matplotlib.text import Text

    if isinstance(result, Artist):
        return [] if isinstance(result, Text) else [result]
    if isinstance(result, dict):
        result = list(result.values())
    elif not isinstance(result, list | tuple):
        result = [getattr(result, name) for name in ("wedges", "lines", "arrows") if hasattr(result, name)]
    return [artist for part in result for artist in _artists(part)]


# ------------------------------------------------------------------------------------------------------ tracing


def trace(figure) -> dict:
    """The facts of a figure that was just drawn by Agg, as in the module header."""
    height = int(figure.bbox.height)
    facts = dict(count_elements(figure))
    facts["texts"] = _trace_texts(figure, height)
    facts["axes"] = []
    for axes in figure.axes[:MAX_AXES]:
        box = _box(axes.bbox, height)
        if axes.get_visible() and box:
            spec = axes.get_subplotspec()
            cell = None
            if spec is not None:
                rows, columns = spec.rowspan, spec.colspan
                cell = [
                    *spec.get_gridspec().get_geometry(),
                    rows.start,
                    rows.stop - 1,
                    columns.start,
                    columns.stop - 1,
                ]
            facts["axes"].append([cell and [int(value) for value in cell], box])
    facts["calls"], facts["colors"] = _trace_marks(figure, height)
    return facts


def _box(bounds, height: int) -> list[int] | None:
    """[left, top, right, bottom] in pixels, y downwards; None if it is empty or not finite."""
    values = bounds.x0, height - bounds.y1, bounds.x1, height - bounds.y0
    if not all(math.isfinite(value) and abs(value) < 2**20 for value in values):
        return None
    left, top, right, bottom = math.floor(values[0]), math.floor(values[1]), math.ceil(values[2]), math.ceil(values[3])
    return [left, top, right, bottom] if left < right and top < bottom else None


def _trace_texts(figure, height: int) -> list:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.colors import to_hex
    from matplotlib.colors import to_rgba
    from matplotlib.legend import Legend
    from matplotlib.table import Cell
    from matplotlib.text import Text

    texts, size = [], 0
    stack = [(figure, "annotation")]
    while stack and len(texts) < MAX_TEXTS and size < MAX_TEXT_BYTES:
        artist, role = stack.pop()
        if not artist.get_visible():
            continue
        if isinstance(artist, Axis):
            stack.append((artist.label, "label"))
        elif isinstance(artist, Cell):
            stack.append((artist.get_text(), role))
        elif not isinstance(artist, Text):
            role = "legend" if isinstance(artist, Legend) else role
            titles = (artist.title, artist._left_title, artist._right_title) if isinstance(artist, Axes) else ()
            titles = (getattr(artist, "_suptitle", None),) if artist is figure else titles
            stack += [(child, "title" if child in titles else role) for child in reversed(artist.get_children())]
        elif artist.get_text().strip():
            box = _box(artist.get_window_extent(), height)
            alpha = artist.get_alpha()
            alpha = to_rgba(artist.get_color())[3] if alpha is None else alpha
            if not box or alpha <= 0.02:
                continue
            vertical = int(45 < artist.get_rotation() % 180 < 135)
            lines = [line.strip()[:MAX_TEXT] for line in artist.get_text().split("\n") if line.strip()][:MAX_TEXTS]
            color = to_hex(artist.get_color())
            texts += [[role, line, box, vertical, color, round(float(alpha), 2)] for line in lines]
            size += len(json.dumps(lines))
    return texts[:MAX_TEXTS]


def _trace_marks(figure, height: int) -> tuple[list, list]:
    """The calls and the colours, with their evidence."""
    from matplotlib.image import NonUniformImage
    from matplotlib.patches import Circle
    from matplotlib.patches import Ellipse

    calls = drawn_calls(figure)
    known = {id(artist) for *_, artists in calls for artist in artists}
    for axes in figure.axes:  # marks that are made without a call
        for artist in (*axes.patches, *axes.images):
            if id(artist) not in known and type(artist) in (Circle, Ellipse, NonUniformImage):
                kind = "image" if isinstance(artist, NonUniformImage) else "ellipse"
                if _is_drawn(artist, figure):
                    calls.append((kind, kind, None, [artist]))

    places = functools.cache(lambda artist, rows=None: _places(artist, height, rows))
    types, colors = [], {}
    for kind, color_kind, cmap, artists in calls[:MAX_CALLS]:
        shown = [(_colors(artist), places(artist)) for artist in _largest(artists)]
        types.append([kind, [[tints, *place] for tints, place in shown if tints is not None and place]])
        for group, color, alpha, artist, rows in _color_claims(color_kind, cmap, artists):
            colors.setdefault((group, color), {})[artist] = alpha, rows
    claims = []
    for (kind, color), drawn in list(colors.items())[:MAX_COLORS]:
        evidence = []
        for artist in _largest(list(drawn)):
            alpha, rows = drawn[artist]
            if places(artist, rows):
                evidence.append([[[color, alpha]] if _HEX.fullmatch(color) else [], *places(artist, rows)])
        claims.append([kind, color, evidence])
    return types, claims


def drawn_calls(figure) -> list[tuple]:
    """[(type, type for colours, name of the colour map given, artists), ...]: the calls whose marks are in the figure,
    in their order."""
    calls = []
    for kind, color_kind, cmap, references in _calls:
        artists = [artist for reference in references if (artist := reference()) is not None]
        artists = [artist for artist in artists if _is_drawn(artist, figure)]
        if artists:
            calls.append((kind, color_kind, cmap, artists))
    return calls


def _is_drawn(artist, figure) -> bool:
    axes = artist.axes
    if axes is None or axes.get_figure(root=True) is not figure or hasattr(axes, "_colorbar"):
        return False
    return artist.get_visible() and axes.get_visible()


def _largest(artists: list) -> list:
    """A few artists that stand for all: the largest bars and wedges, else evenly chosen ones."""
    from matplotlib.patches import Rectangle
    from matplotlib.patches import Wedge

    if len(artists) <= MAX_EVIDENCE:
        return artists
    if all(isinstance(artist, Rectangle) for artist in artists):
        return sorted(artists, key=lambda bar: -abs(bar.get_width() * bar.get_height()))[:MAX_EVIDENCE]
    if all(isinstance(artist, Wedge) for artist in artists):
        return sorted(artists, key=lambda wedge: -abs(wedge.theta2 - wedge.theta1))[:MAX_EVIDENCE]
    return [artists[index] for index in np.linspace(0, len(artists) - 1, MAX_EVIDENCE).round().astype(int)]


def _hex(color, alpha: float | None = None) -> list | None:
    """[hex, alpha], or None for what is transparent."""
    from matplotlib.colors import to_hex
    from matplotlib.colors import to_rgba

    rgba = to_rgba(color)
    alpha = rgba[3] if alpha is None else alpha
    return [to_hex(rgba), round(float(alpha), 2)] if alpha > 0.02 else None


def _colors(artist) -> list | None:
    """The colours that an artist may be seen by, [hex, alpha]; [] if they are many, None if it is transparent."""
    from matplotlib.collections import Collection
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    if isinstance(artist, Line2D):
        colors = [_hex(artist.get_color(), artist.get_alpha())]
        if artist.get_marker() not in ("", " ", "None", "none", None):
            faces = artist.get_markerfacecolor(), artist.get_markeredgecolor()
            colors += [_hex(color, artist.get_alpha()) for color in faces if not _is_none(color)]
    elif isinstance(artist, Patch):
        colors = [_hex(artist.get_facecolor()) if artist.get_fill() else None]
        colors.append(_hex(artist.get_edgecolor()) if artist.get_linewidth() else None)
    elif isinstance(artist, Collection) and artist.get_array() is None:
        rows = {tuple(color) for color in (*artist.get_facecolor(), *artist.get_edgecolor())}
        if len(rows) > MAX_TINTS:
            return []
        colors = [_hex(color) for color in rows]
    else:
        alpha = artist.get_alpha()
        return [] if alpha is None or np.max(alpha) > 0.02 else None
    return [color for color in colors if color][:MAX_TINTS] or None


def _is_none(color) -> bool:
    return isinstance(color, str) and color.lower() == "none"


def _color_claims(kind: str | None, cmap: str | None, artists: list) -> list[tuple]:
    """The colours of a call, as ChartMimic reads them off: [(type, hex or name of a colour map, alpha, artist, rows),
    ...], with the elements of the artist (a collection) that have this colour, None for all."""
    from matplotlib.collections import Collection
    from matplotlib.collections import LineCollection
    from matplotlib.collections import PolyCollection
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    if kind is None:  # errorbar: the line (caps are lines with markers only) and the bars
        line = next((artist for artist in artists if isinstance(artist, Line2D)), None)
        claims = [] if line is None else _color_claims("plot", None, [line])
        for artist in artists:
            if isinstance(artist, LineCollection):
                segments = artist.get_segments()
                upright = bool(segments) and abs(np.ptp(segments[0][:, 0])) <= abs(np.ptp(segments[0][:, 1]))
                claims += _color_claims("vlines" if upright else "hlines", None, [artist])
        return claims
    claims = []
    for artist in artists:
        if kind in _MAPPED or kind == "image" or (cmap and kind not in ("plot", "bar")):
            values = artist.get_array() if hasattr(artist, "get_array") else None
            if values is not None and _colors(artist) is not None and (np.ndim(values) < 3 or kind not in ("imshow",)):
                claims.append((kind, str(cmap or artist.get_cmap().name)[:MAX_NAME], 1.0, artist, None))
            continue
        if kind in ("boxplot", "violinplot") and not isinstance(artist, Patch | PolyCollection):
            continue
        if isinstance(artist, Collection):
            # Of scatter points, surfaces and areas the original takes the first colour, else all. The faces of a
            # surface lie in the order of their depth: the last is the nearest, which no other face hides.
            surface = kind.startswith(("plot_", "bar3d"))
            single = surface or kind.startswith(("scatter", "fill", "violinplot"))
            tints = artist.get_facecolor() if len(artist.get_facecolor()) else artist.get_edgecolor()
            elements = {}
            for row, color in enumerate(map(tuple, tints)):
                elements.setdefault(color, []).append(row)
            colors = [(_hex(color), tuple(rows) if len(elements) > 1 else None) for color, rows in elements.items()]
            if surface and len(tints):
                colors = [(_hex(tints[-1]), tuple(elements[tuple(tints[-1])]))]
            colors = colors[:1] if single else colors[:MAX_COLORS]
        elif isinstance(artist, Line2D):
            colors = [(_hex(artist.get_color(), artist.get_alpha()), None)]
        elif isinstance(artist, Patch):
            face = _hex(artist.get_facecolor()) if artist.get_fill() else None
            colors = [(face or _hex(artist.get_edgecolor()), None)]
        else:
            colors = []
        claims += [(kind, *color, artist, rows) for color, rows in colors if color]
    return claims


# ------------------------------------------------------------------------------------------------------ counting


def count_elements(figure) -> dict[str, int]:
    """The element count N_elem of Eq. 3, read from the artists of a drawn figure.

    `num_elements` is the sum of
      - `num_marks`: visible patches of the axes (bars, wedges, ...); of each line its points where it has markers,
        else 1; of each scatter its points; of each other collection its paths (a filled area is 1); 1 per image
        or mesh;
      - `num_tick_labels`: major and minor tick labels with text, inside the view;
      - `num_legend_entries`: entries of all legends;
      - `num_texts`: titles, axis labels, annotations, texts of the figure, legend titles, if not blank.
    """
    from matplotlib.collections import QuadMesh
    from matplotlib.legend import Legend

    marks = ticks = entries = 0
    texts = list(figure.texts)  # with the titles of the whole figure
    legends = list(figure.legends)
    for axes in figure.axes:
        if not axes.get_visible():
            continue
        marks += sum(patch.get_visible() for patch in axes.patches)
        marks += sum(image.get_visible() for image in axes.images)
        for line in axes.lines:
            if line.get_visible():
                marked = line.get_marker() not in ("", " ", "None", "none", None)
                marks += len(line.get_xdata(orig=False)) if marked else 1
        for collection in axes.collections:
            if collection.get_visible():
                mesh = isinstance(collection, QuadMesh)
                marks += 1 if mesh else max(len(collection.get_paths()), len(collection.get_offsets()))
        legends += [child for child in axes.get_children() if isinstance(child, Legend)]
        texts += [*axes.texts, axes.title, axes._left_title, axes._right_title]
        if not axes.axison:
            continue
        for axis in axes._axis_map.values():
            if not axis.get_visible():
                continue
            texts.append(axis.label)
            low, high = sorted(axis.get_view_interval())
            slack = 1e-6 * (high - low)
            for tick in (*axis.majorTicks, *axis.minorTicks):
                inside = low - slack <= tick.get_loc() <= high + slack
                ticks += inside and any(_is_text(label) for label in (tick.label1, tick.label2))
    for legend in legends:
        if legend.get_visible():
            entries += len(legend.get_texts())
            texts.append(legend.get_title())
    words = sum(_is_text(text) for text in texts)
    return {
        "num_elements": int(marks + ticks + entries + words),
        "num_marks": int(marks),
        "num_tick_labels": int(ticks),
        "num_legend_entries": int(entries),
        "num_texts": int(words),
    }


def _is_text(text) -> bool:
    return bool(text.get_visible() and text.get_text().strip() not in ("", "None"))


# ------------------------------------------------------------------------------------------------------ evidence


def _places(artist, height: int, rows: tuple[int, ...] | None = None) -> list:
    """[radius, [x, y, ...]], where in the picture the ink of an artist is to be seen; empty: nowhere. Of a collection
    only the elements `rows`, if given."""
    try:
        points, radius = _outline(artist, rows)
    except Exception:  # an exotic artist: nothing can be said of it
        return []
    clip = artist.get_clip_box() if artist.get_clip_on() else None
    points = np.asarray(points, dtype=float).reshape(-1, 2)
    points = points[(np.abs(points) < 2**15).all(axis=1)]  # finite, too
    if clip is not None and len(points):
        # Points on the frame of the axes only if there are no others: the ink there may be the frame's.
        depth = np.minimum(points - clip.min, clip.max - points).min(axis=1)
        points = points[depth > 3] if (depth > 3).any() else points[depth >= -1]
    if not len(points):
        return []
    points = points[_evenly(len(points), MAX_POINTS)]
    points = np.stack([points[:, 0], height - points[:, 1]], axis=1).astype(int)
    return [int(min(max(radius, 1), MAX_RADIUS)), points.ravel().tolist()]


def _evenly(count: int, wanted: int) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, min(count, wanted)).round().astype(int))


def _outline(artist, rows: tuple[int, ...] | None) -> tuple[np.ndarray, float]:
    """Points, (N, 2) in pixels, where the artist borders on something else, and a radius to look around them."""
    from matplotlib.collections import Collection
    from matplotlib.collections import QuadMesh
    from matplotlib.image import _ImageBase
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    scale = artist.get_figure(root=True).dpi / 72
    if isinstance(artist, Line2D):
        points = artist.get_transform().transform(artist.get_xydata())
        if artist.get_linestyle() not in ("None", "none", " ", "") and artist.get_linewidth() > 0 and len(points) > 1:
            if not artist.get_drawstyle().startswith("steps"):
                points = _with_midpoints(points)
            return points, artist.get_linewidth() * scale / 2 + 2
        marker = artist._marker
        if artist.get_marker() in ("", " ", "None", "none", None) or artist.get_markersize() <= 0:
            return np.empty((0, 2)), 0
        corner = marker.get_transform().transform(marker.get_path().vertices[:1]) * artist.get_markersize() * scale
        return points + corner, 3
    if isinstance(artist, _ImageBase):
        box = artist.get_window_extent()
        return _grid(box.x0, box.y0, box.x1, box.y1), MAX_RADIUS
    if isinstance(artist, QuadMesh):
        corners = artist.get_transform().transform(np.asarray(artist.get_coordinates()).reshape(-1, 2))
        return _grid(*np.nanmin(corners, axis=0), *np.nanmax(corners, axis=0)), MAX_RADIUS
    if isinstance(artist, Patch):
        path = artist.get_transform().transform_path(artist.get_path())
        polygons = path.to_polygons(closed_only=False)
        if not polygons or np.ptp(polygons[0], axis=0).min() < 0.1:
            return np.empty((0, 2)), 0
        return _with_midpoints(polygons[0]), artist.get_linewidth() * scale / 2 + 3
    if not isinstance(artist, Collection):
        return np.empty((0, 2)), 0
    paths = artist.get_paths()
    if not paths:
        return np.empty((0, 2)), 0
    radius = float(np.max(artist.get_linewidth(), initial=0)) * scale / 2 + 3
    offsets = np.ma.filled(np.ma.asarray(artist.get_offsets(), dtype=float), np.nan)
    if len(offsets) > 1 or offsets.any():
        rows = np.arange(len(offsets)) if rows is None else np.array(rows)
        chosen = rows[_evenly(len(rows), MAX_POINTS)]
        points = artist.get_offset_transform().transform(offsets[chosen])
        sizes = artist.get_transforms()
        for row, index in enumerate(chosen):
            corner = np.append(_inner_corner(paths[index % len(paths)]), 1)
            matrix = sizes[index % len(sizes)] if len(sizes) else artist.get_transform().get_matrix()
            if not matrix[:2, :2].any():  # size zero
                points[row] = np.nan
            else:
                points[row] += (matrix @ corner)[:2]
        return points, radius
    transform = artist.get_transform()
    paths = paths if rows is None else [paths[row % len(paths)] for row in rows]
    filled = [path for path in paths if len(path.vertices)]
    chosen = [filled[index] for index in _evenly(len(filled), MAX_POINTS)] if filled else []
    outlines = [transform.transform(_with_midpoints(path.vertices)) for path in chosen]
    share = max(2, MAX_POINTS // max(1, len(outlines)))
    points = [outline[_evenly(len(outline), share + 2)[1 : share + 1]] for outline in outlines]
    return (np.concatenate(points) if points else np.empty((0, 2))), radius


def _inner_corner(path) -> np.ndarray:
    """The vertex of a marker that is nearest to its centre: the points of a star are all edge, no face."""
    from matplotlib.path import Path

    vertices = path.vertices if path.codes is None else path.vertices[path.codes != Path.CLOSEPOLY]
    return vertices[np.square(vertices).sum(axis=1).argmin()]


def _with_midpoints(points: np.ndarray) -> np.ndarray:
    """The points of a line, and some between each two of them, at least 48 in all; if it is long only points between,
    as markers of another line may hide the others."""
    points = np.asarray(points, dtype=float)
    if len(points) < 2:
        return points
    if len(points) > 24:
        return (points[:-1] + points[1:]) / 2
    steps = 48 // len(points)
    parts = np.linspace(points[:-1], points[1:], steps, endpoint=False, axis=1).reshape(-1, 2)
    return np.concatenate([parts, points[-1:]])


def _grid(left: float, bottom: float, right: float, top: float) -> np.ndarray:
    x, y = np.meshgrid(
        left + (right - left) * np.array([0.1, 0.4, 0.6, 0.9]), bottom + (top - bottom) * np.array([0.1, 0.5, 0.9])
    )
    return np.stack([x.ravel(), y.ravel()], axis=1)


def confirm(facts: dict | None, pixels: np.ndarray) -> dict | None:
    """The elements of the facts that are to be seen in the picture.

    Args:
        facts: valid facts (see `is_valid`), or None.
        pixels: (H, W, 3) uint8, the picture that they came with.

    Returns:
        {"texts": [str, ...], "types": [str, ...], "layout": [[rows, columns, ...] or (left, top, right, bottom), ...],
        "colors": [(type, color), ...]}, small; None for None.
    """
    if facts is None:
        return None
    height, width = pixels.shape[:2]
    seen = {}
    for text in facts["texts"]:
        key = (*text[2], text[4])
        if key not in seen:
            seen[key] = _text_is_seen(*text[2:], pixels)
    layout = []
    for cell, box in facts["axes"]:
        if _box_is_seen(box, pixels):
            left, top, right, bottom = box
            layout.append(tuple(cell) if cell else (left / width, top / height, right / width, bottom / height))
    return {
        "texts": [text[1] for text in facts["texts"] if seen[(*text[2], text[4])]],
        "types": [kind for kind, places in facts["calls"] if any(_is_seen(*place, pixels) for place in places)],
        "layout": layout,
        "colors": [
            (kind, color)
            for kind, color, places in facts["colors"]
            if any(_is_seen(*place, pixels) for place in places)
        ],
    }


def _rgb(color: str) -> np.ndarray:
    return np.array([int(color[start : start + 2], 16) for start in (1, 3, 5)], dtype=float)


def _crop(box: list[int], pixels: np.ndarray) -> np.ndarray:
    left, top, right, bottom = box
    return pixels[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]


def _box_is_seen(box: list[int], pixels: np.ndarray) -> bool:
    left, top, right, bottom = box
    crop = _crop([left - 2, top - 2, right + 2, bottom + 2], pixels)
    if not crop.size:
        return False
    ground = crop[0, 0].astype(int)
    return any(  # a few pixels first: mostly they are enough
        bool(((part < ground - CONTRAST) | (part > ground + CONTRAST)).any()) for part in (crop[::8, ::8], crop)
    )


def _text_is_seen(box: list[int], vertical: int, color: str, alpha: float, pixels: np.ndarray) -> bool:
    """Whether a third of the text, along its direction, has ink between its colour and that of its ground."""
    crop = _crop(box, pixels)
    left, top, right, bottom = box
    if not crop.size or (right - left if vertical else bottom - top) < 5:  # off the canvas, or too small to be read
        return False
    red, green, blue = np.moveaxis(crop[::2, ::2].astype(np.int32), -1, 0)
    codes, counts = np.unique(((red << 16) | (green << 8) | blue).ravel(), return_counts=True)
    length = bottom - top if vertical else right - left
    crop = crop.astype(np.float32)
    for index in np.argsort(counts)[-2:]:
        code = int(codes[index])
        ground = np.array([code >> 16, code >> 8 & 255, code & 255], dtype=np.float32)
        step = _rgb(color).astype(np.float32) - ground
        if np.abs(step).max() * alpha <= CONTRAST:
            continue
        coverage = (crop - ground) @ step / (step @ step)
        residue = np.abs(crop - ground - coverage[..., None] * step).max(axis=-1)
        ink = (coverage >= 0.35 * alpha) & (coverage <= 1.1) & (residue <= 40)
        # Letters fill less than half of their box; what fills more is the ground.
        if np.count_nonzero(ink.any(axis=1 if vertical else 0)) >= length / 3 and ink.mean() < 0.6:
            return True
    return False


def _is_seen(colors: list, radius: int, points: list[int], pixels: np.ndarray) -> bool:
    """Whether a third of the places have ink of one of the colours beside something else (evidence, see above)."""
    height, width = pixels.shape[:2]
    x, y = np.array(points).reshape(-1, 2).T
    inside = (x >= -radius) & (x < width + radius) & (y >= -radius) & (y < height + radius)
    if not inside.any():
        return False
    around = np.arange(-radius, radius + 1)
    rows = np.clip(y[inside][:, None] + around, 0, height - 1)
    columns = np.clip(x[inside][:, None] + around, 0, width - 1)
    windows = pixels[rows[:, :, None], columns[:, None, :]].reshape(len(rows), -1, 3)
    contrast = (windows.max(axis=1).astype(int) - windows.min(axis=1)).max(axis=-1) > CONTRAST
    if not colors:
        seen = contrast | (windows.min(axis=(1, 2)) < 255 - CONTRAST)
    else:
        seen = np.zeros(len(windows), dtype=bool)
        for color, alpha in colors:  # mixed with what lies below and, at the edge and in thin lines, beside
            share = (0.35 if radius <= 2 else 0.6) * alpha
            low, high = _rgb(color) * share - CONTRAST, _rgb(color) * share + 255 * (1 - share) + CONTRAST
            low, high = np.clip(low, 0, 255).astype(np.uint8), np.clip(high, 0, 255).astype(np.uint8)
            seen |= ((windows >= low) & (windows <= high)).all(axis=2).any(axis=1)
        seen &= contrast
    return np.count_nonzero(seen) * 3 >= len(x)


def is_valid(facts: object) -> bool:
    """Whether facts that came from a program's process are what `trace` may give: types, lengths, ranges."""
    if not isinstance(facts, dict) or facts.keys() != {*COUNTS, "texts", "axes", "calls", "colors"}:
        return False
    return (
        all(_is_int(facts[name], 0, 2**31 - 1) for name in COUNTS)
        and _is_list(facts["texts"], MAX_TEXTS, _is_text_fact)
        and _is_list(facts["axes"], MAX_AXES, _is_axes_fact)
        and _is_list(facts["calls"], MAX_CALLS, lambda call: _is_row(call, 2) and _is_claim(call[:1], call[1]))
        and _is_list(facts["colors"], MAX_COLORS, lambda row: _is_row(row, 3) and _is_claim(row[:2], row[2]))
    )


def _is_int(value: object, low: int = -(2**20), high: int = 2**20) -> bool:
    return type(value) is int and low <= value <= high


def _is_row(value: object, length: int) -> bool:
    return isinstance(value, list) and len(value) == length


def _is_list(value: object, limit: int, check) -> bool:
    return isinstance(value, list) and len(value) <= limit and all(check(item) for item in value)


def _is_box(value: object) -> bool:
    return _is_row(value, 4) and all(map(_is_int, value)) and value[0] < value[2] and value[1] < value[3]


def _is_tint(color: object, alpha: object) -> bool:
    right = isinstance(color, str) and _HEX.fullmatch(color) is not None
    return right and isinstance(alpha, int | float) and not isinstance(alpha, bool) and 0 <= alpha <= 1


def _is_text_fact(row: object) -> bool:
    if not _is_row(row, 6):
        return False
    role, text, box, vertical, color, alpha = row
    known = role in ROLES if isinstance(role, str) else False
    short = isinstance(text, str) and 0 < len(text) <= MAX_TEXT
    return known and short and _is_box(box) and _is_int(vertical, 0, 1) and _is_tint(color, alpha)


def _is_axes_fact(row: object) -> bool:
    cell_is_right = _is_row(row, 2) and (row[0] is None or (_is_row(row[0], 6) and all(map(_is_int, row[0]))))
    return cell_is_right and _is_box(row[1])


def _is_claim(names: list, places: object) -> bool:
    if not all(isinstance(name, str) and 0 < len(name) <= MAX_NAME for name in names):
        return False
    return _is_list(places, MAX_EVIDENCE, _is_evidence)


def _is_evidence(place: object) -> bool:
    if not _is_row(place, 3):
        return False
    colors, radius, points = place
    return (
        _is_list(colors, MAX_TINTS, lambda tint: _is_row(tint, 2) and _is_tint(*tint))
        and _is_int(radius, 1, MAX_RADIUS)
        and _is_list(points, 2 * MAX_POINTS, _is_int)
        and len(points) >= 2
        and len(points) % 2 == 0
    )


# ------------------------------------------------------------------------------------------------------ scores


def text_f1(prediction: dict, reference: dict) -> float:
    """F1 of the texts of two charts, as `confirm` gives them. In [0, 1]."""
    return _multiset_f1(prediction["texts"], reference["texts"])


def type_f1(prediction: dict, reference: dict) -> float:
    """F1 of the plotting calls of two charts, as `confirm` gives them. In [0, 1]."""
    return _multiset_f1(prediction["types"], reference["types"])


def layout_f1(prediction: dict, reference: dict) -> float:
    """F1 of the places of the axes of two charts, as `confirm` gives them. In [0, 1]."""
    cells, free = ([], []), ([], [])
    for side, chart in enumerate((prediction, reference)):
        for place in chart["layout"]:
            (cells if len(place) == 6 else free)[side].append(place)
    common = (Counter(cells[0]) & Counter(cells[1])).total()
    common += _best_pairing([[_rectangle_iou(one, other) for other in free[1]] for one in free[0]])
    return _f1(common, len(prediction["layout"]), len(reference["layout"]))


def color_f1(prediction: dict, reference: dict) -> float:
    """F1 of the colours of two charts, as `confirm` gives them. In [0, 1]."""
    one, other = prediction["colors"], reference["colors"]
    common = 0.0
    for kind in {kind for kind, _ in one} & {kind for kind, _ in other}:
        first = [color for group, color in one if group == kind]
        second = [color for group, color in other if group == kind]
        common += len(set(first) & set(second)) if set(first) == set(second) else _best_pairing(_alike(first, second))
    return _f1(common, len(one), len(other))


def _multiset_f1(one: list, other: list) -> float:
    return _f1((Counter(one) & Counter(other)).total(), len(one), len(other))


def _f1(common: float, predicted: int, expected: int) -> float:
    """2 P R / (P + R) with P = common / predicted, R = common / expected; 1 if there is nothing on both sides."""
    return 2 * float(common) / (predicted + expected) if predicted + expected else 1.0


def _best_pairing(similarity) -> float:
    """The largest sum of similarities of a one-to-one pairing of rows and columns."""
    from scipy.optimize import linear_sum_assignment

    similarity = np.asarray(similarity, dtype=float)
    if similarity.ndim != 2 or not similarity.size:
        return 0.0
    return float(similarity[linear_sum_assignment(similarity, maximize=True)].sum())


def _rectangle_iou(one: tuple, other: tuple) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    common = max(0.0, width) * max(0.0, height)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return common / (areas - common)


def _alike(first: list[str], second: list[str]) -> np.ndarray:
    """(N, M) similarities of colours (hex) and colour maps (names)."""
    similarity = np.array([[float(one == other) for other in second] for one in first])
    rows = [index for index, color in enumerate(first) if _HEX.fullmatch(color)]
    columns = [index for index, color in enumerate(second) if _HEX.fullmatch(color)]
    if rows and columns:
        labs = [
            np.array([_lab(colors[index]) for index in indices])
            for colors, indices in ((first, rows), (second, columns))
        ]
        distances = ciede2000(labs[0][:, None], labs[1][None])
        similarity[np.ix_(rows, columns)] = np.maximum(0, 1 - distances / 100)
    return similarity


def _lab(color: str) -> np.ndarray:
    """CIELAB (D65) of a colour in sRGB."""
    rgb = _rgb(color) / 255
    rgb = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    x, y, z = (
        value ** (1 / 3) if value > 216 / 24389 else (24389 / 27 * value + 16) / 116
        for value in xyz @ rgb / np.array([0.95047, 1.0, 1.08883])
    )
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def ciede2000(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The colour difference CIEDE2000 of colours in CIELAB, (..., 3), broadcast; kL = kC = kH = 1.

    In the form of Sharma, Wu, Dalal: "The CIEDE2000 Color-Difference Formula", Color Research & Application 30, 2005.
    """
    (l1, a1, b1), (l2, a2, b2) = (
        np.moveaxis(np.asarray(first, float), -1, 0),
        np.moveaxis(np.asarray(second, float), -1, 0),
    )
    mean = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    stretch = 1 + 0.5 * (1 - np.sqrt(mean**7 / (mean**7 + 25.0**7)))
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    grey = c1 * c2 == 0
    turn = np.where(grey, 0, (h2 - h1 + 180) % 360 - 180)
    turn = np.where(~grey & (h2 - h1 == 180), 180, turn)
    hue = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    middle = np.where(np.abs(h1 - h2) <= 180, (h1 + h2) / 2, ((h1 + h2 + 360) / 2) % 360)
    middle = np.where(grey, h1 + h2, middle)
    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    weight = (
        1
        - 0.17 * np.cos(np.radians(middle - 30))
        + 0.24 * np.cos(np.radians(2 * middle))
        + 0.32 * np.cos(np.radians(3 * middle + 6))
        - 0.20 * np.cos(np.radians(4 * middle - 63))
    )
    scale_l = 1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2)
    scale_c, scale_h = 1 + 0.045 * chroma, 1 + 0.015 * chroma * weight
    swing = 30 * np.exp(-(((middle - 275) / 25) ** 2))
    rotation = -2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7)) * np.sin(np.radians(2 * swing))
    l_term, c_term, h_term = (l2 - l1) / scale_l, (c2 - c1) / scale_c, hue / scale_h
    return np.sqrt(np.maximum(0, l_term**2 + c_term**2 + h_term**2 + rotation * c_term * h_term))

"""Matplotlib, sooner done: what it works out again and again is kept. Pictures and labels stay the same.

For processes that draw one chart after another and nothing else, see experiments/train_while_drawing.py. It changes
matplotlib's own methods, so programs whose pictures are to be judged do without.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

MAX_LAYOUTS = 20_000  # of texts, that are kept at most; some 1 kB each
FONT_SETTINGS = (  # what layouts depend on besides the properties of their texts
    "font.serif", "font.sans-serif", "font.cursive", "font.fantasy", "font.monospace", "font.enable_last_resort",
    "text.hinting", "text.hinting_factor", "text.kerning_factor",
)  # fmt: skip


def hasten() -> None:
    """For the rest of the process, once, after `worker.preload`."""
    import matplotlib

    type(matplotlib.rcParams).__getitem__ = dict.__getitem__  # the backend, which it would look for, is known
    _keep_layouts()
    _copy_ticks()
    _keep_ticks()


def _font_settings() -> tuple:
    from matplotlib import rcParams

    return tuple(tuple(value) if isinstance(value := rcParams[name], list) else value for name in FONT_SETTINGS)


def _keep_layouts() -> None:
    """Tick labels are the same in many charts, and each text is laid out several times."""
    from matplotlib.backends.backend_agg import RendererAgg, RenderMode, get_hinting_flag
    from matplotlib.text import Text

    lay_out, layouts = Text._get_layout, {}
    draw_text, glyphs = RendererAgg.draw_text, {}

    def get_layout(text: Text, renderer: Any) -> tuple:
        if text._wrap or text._usetex or "$" in text._text or type(renderer) is not RendererAgg:
            return lay_out(text, renderer)
        key = (
            text._text, hash(text._fontproperties), text.get_figure(root=True).dpi, renderer.dpi, text.get_rotation(),
            text._rotation_mode, text._horizontalalignment, text._verticalalignment, text._multialignment,
            text._linespacing, _font_settings(),
        )  # fmt: skip
        layout = layouts.get(key)
        if layout is None:
            if len(layouts) == MAX_LAYOUTS:
                layouts.clear()
            layout = layouts[key] = lay_out(text, renderer)
        return layout

    def draw_glyphs(renderer, gc, x, y, text, properties, angle, ismath=False, mtext=None) -> None:
        """As the original, with the rotation worked out once for all glyphs."""
        special = mtext is not None and (mtext.get_fontfeatures() or mtext.get_language())
        if ismath or special or not gc.get_antialiased():
            return draw_text(renderer, gc, x, y, text, properties, angle, ismath, mtext)
        key = text, hash(properties), renderer.dpi, _font_settings()
        items = glyphs.get(key)
        if items is None:
            if len(glyphs) == MAX_LAYOUTS:
                glyphs.clear()
            items = renderer._prepare_font(properties)._layout(text, flags=get_hinting_flag())
            items = glyphs[key] = [(item.ft_object, item.glyph_index, item.x, item.y) for item in items]
        size, flags, height = properties.get_size_in_points(), get_hinting_flag(), int(renderer.height)
        cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        matrix = (0x10000 * np.array([[cos, -sin], [sin, cos]])).round().astype(int)
        up, previous = renderer.height - y, None
        for font, index, dx, dy in items:
            if font is not previous:
                font.set_size(size, renderer.dpi)
                previous = font
            place = round(0x40 * (x + dx * cos - dy * sin)), round(0x40 * (up + dx * sin + dy * cos))
            font._set_transform(matrix, place)
            glyph = font._render_glyph(index, flags, RenderMode.NORMAL)
            buffer = glyph.buffer
            renderer._renderer.draw_text_image(buffer, glyph.left, height - glyph.top + buffer.shape[0], 0, gc)

    Text._get_layout, RendererAgg.draw_text = get_layout, draw_glyphs


def _copy_ticks() -> None:
    """A new tick of an axis is a copy of its first one, whose properties it would get anyway."""
    from matplotlib.axis import Axis
    from matplotlib.cbook import CallbackRegistry
    from matplotlib.markers import MarkerStyle

    set_marker, get_tick, copy_properties = MarkerStyle._set_marker, Axis._get_tick, Axis._copy_tick_props
    parts = ("tick1line", "tick2line", "gridline", "label1", "label2")

    def copy_marker(marker: MarkerStyle, other: Any) -> None:
        """Nothing changes what a marker consists of, so that copies may share it."""
        if isinstance(other, MarkerStyle) and other._user_transform is None:
            marker.__dict__ = dict(other.__dict__)
        else:
            set_marker(marker, other)

    def copied(artist: Any) -> Any:
        twin = object.__new__(type(artist))
        twin.__dict__.update(artist.__dict__, _callbacks=CallbackRegistry(signals=["pchanged"]))
        return twin

    def next_tick(axis: Axis, major: bool) -> Any:
        ticks = axis.majorTicks if major else axis.minorTicks
        if not ticks or axis.axes.name != "rectilinear":
            return get_tick(axis, major)
        tick = copied(ticks[0])
        for name in parts:
            setattr(tick, name, copied(getattr(tick, name)))
        for label in (tick.label1, tick.label2):
            label._text, label._fontproperties = "", label._fontproperties.copy()
        tick.update_position(0)
        tick._loc, tick._first = ticks[0]._loc, ticks[0]
        return tick

    def copy_unless_equal(axis: Axis, source: Any, tick: Any) -> None:
        if source is not tick and getattr(tick, "_first", None) is not source:
            copy_properties(axis, source, tick)

    MarkerStyle._set_marker, Axis._get_tick, Axis._copy_tick_props = copy_marker, next_tick, copy_unless_equal


def _keep_ticks() -> None:
    """While a figure is drawn or laid out, ticks and labels stay where they are as long as their axes do."""
    from matplotlib.axis import Axis, XAxis, YAxis
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.layout_engine import TightLayoutEngine

    update_ticks, get_boxes, get_extent = Axis._update_ticks, Axis._get_ticklabel_bboxes, Axis.get_tightbbox
    kept: dict[Axis, dict] | None = None

    def keep(method: Any) -> Any:
        @functools.wraps(method)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            nonlocal kept
            kept = {}
            try:
                return method(*args, **kwargs)
            finally:
                kept = None

        return wrapper

    def known(axis: Axis) -> dict:
        """What has been found of the axis in its present place."""
        place = *axis.get_view_interval().tolist(), *axis.axes.bbox.bounds
        if axis not in kept or kept[axis]["place"] != place:
            kept[axis] = {"place": place}
        return kept[axis]

    def find_ticks(axis: Axis) -> list:
        if kept is None:
            return update_ticks(axis)
        found = known(axis)
        if "ticks" not in found:
            found["ticks"] = update_ticks(axis)
        return found["ticks"]

    def find_boxes(axis: Axis, ticks: list, renderer: Any) -> tuple:
        found = kept.get(axis) if kept else None
        if found is None or found.get("ticks") is not ticks:
            return get_boxes(axis, ticks, renderer)
        if "boxes" not in found:
            found["boxes"] = get_boxes(axis, ticks, renderer)
        return found["boxes"]

    def find_extent(axis: Axis, renderer: Any = None, *, for_layout_only: bool = False) -> Any:
        if kept is None:
            return get_extent(axis, renderer, for_layout_only=for_layout_only)
        found, name = known(axis), ("extent", for_layout_only)
        if name not in found:
            found[name] = get_extent(axis, renderer, for_layout_only=for_layout_only)
        return found[name]

    def once(place_label: Any) -> Any:
        def wrapper(axis: Axis, renderer: Any) -> None:
            found = {} if kept is None else known(axis)
            if "label" not in found:
                place_label(axis, renderer)
                found["label"] = True

        return wrapper

    Axis._update_ticks, Axis._get_ticklabel_bboxes, Axis.get_tightbbox = find_ticks, find_boxes, find_extent
    for kind in (XAxis, YAxis):
        kind._update_label_position = once(kind._update_label_position)
    FigureCanvasAgg.draw, TightLayoutEngine.execute = keep(FigureCanvasAgg.draw), keep(TightLayoutEngine.execute)

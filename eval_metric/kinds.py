"""What kind of chart a drawn figure is: one of the paper's five families (Tab. II), and a variant within it.

A figure with one axes whose plotting calls are all bars, all lines, all points or all wedges is of that family.
Everything else is `complex`: several panels (`subplots_...`, `inset`), two scales (`dual_axis`), marks of other
kinds (`heatmap`, `box`, `radar`, `surface_3d`, ...), and mixtures, named by their parts (`bar_line`). Reference lines
and spans (`axhline`, `vlines`, ...) change nothing beside other marks.
"""

GROUPS = {
    "bar": ("bar", "barh", "hist", "broken_barh"),
    "line": ("plot", "stairs"),
    "scatter": ("scatter",),
    "pie": ("pie",),
    "area": ("fill", "fill_between"),
    "heatmap": ("imshow", "image", "pcolor", "pcolormesh", "tripcolor", "hexbin"),
    "contour": ("contour", "contourf", "tricontour", "tricontourf"),
    "box": ("boxplot",),
    "violin": ("violinplot", "violin"),
    "error_bars": ("errorbar",),
    "vector": ("quiver", "barbs", "streamplot"),
    "events": ("eventplot",),
    "surface_3d": ("plot_surface", "plot_wireframe", "plot_trisurf", "add_collection3d"),
    "bar_3d": ("bar_3d", "bar3d"),
    "line_3d": ("plot_3d",),
    "scatter_3d": ("scatter_3d",),
    "vector_3d": ("quiver_3d",),
    "reference": ("axhline", "axvline", "axhspan", "axvspan", "hlines", "vlines"),
}
ORDER = (*GROUPS, "radar", "rose")  # of the parts in a name
_GROUP_OF = {call: group for group, calls in GROUPS.items() for call in calls}
_MIXTURES = {("line", "scatter"): "scatter_line", ("line", "area"): "area"}


def trace_kind(calls: list[tuple]) -> tuple[str, str]:
    """(chart type, variant) of a figure with these plotting calls, see `elements.drawn_calls`."""
    groups: dict = {}  # axes -> groups of marks on it
    for call, *_, artists in calls:
        groups.setdefault(artists[0].axes, set()).add(_group(call, artists))
    for names in groups.values():
        if len(names) > 1:
            names.discard("reference")
    panels: dict[tuple, list] = {}  # axes on the same place are one panel: twins
    for axes in groups:
        panels.setdefault(tuple(round(value) for value in axes.bbox.bounds), []).append(axes)
    if not panels:
        return "complex", "other"
    if len(panels) > 1:
        if any(_is_inside(a, b) for a in panels for b in panels if a != b):
            return "complex", "inset"
        names = set().union(*groups.values())
        return "complex", f"subplots_{names.pop()}" if len(names) == 1 else "subplots_mixed"
    (twins,) = panels.values()
    if len(twins) > 1:
        return "complex", "dual_axis"
    return _kind(twins[0], groups[twins[0]], histogram=any(call == "hist" for call, *_ in calls))


def _group(call: str, artists: list) -> str:
    group = _GROUP_OF.get(call, "other")
    if artists[0].axes.name == "polar" or call.endswith("_polar"):
        return "rose" if group == "bar" else "radar"
    if call == "plot" and all(line.get_linestyle() in ("None", "", " ") for line in artists):
        return "scatter"  # markers without a line
    return group


def _is_inside(first: tuple, second: tuple) -> bool:
    """Whether a box (left, bottom, width, height) lies within another."""
    (left, bottom, width, height), (x, y, w, h) = first, second
    return left >= x and bottom >= y and left + width <= x + w and bottom + height <= y + h


def _kind(axes, groups: set[str], histogram: bool) -> tuple[str, str]:
    from matplotlib.container import BarContainer

    bars = [container for container in axes.containers if isinstance(container, BarContainer)]
    if "error_bars" in groups or any(container.errorbar is not None for container in bars):
        return "complex", "error_bars"
    names = tuple(name for name in ORDER if name in groups)
    if names == ("bar",):
        return "bar", "histogram" if histogram else _bar_variant(bars)
    if names in (("line",), ("reference",)):
        return "line", "multi" if len(axes.lines) > 1 else "single"
    if names == ("scatter",):
        return "scatter", "multi" if len(axes.collections) + len(axes.lines) > 1 else "single"
    if names == ("pie",):
        return "pie", _pie_variant(axes)
    fills = len(axes.collections)
    if groups <= {"area", "line"} and fills > 1 and _is_stacked(axes):
        return "complex", "stacked_area"
    return "complex", _MIXTURES.get(names) or ("_".join(names) if 0 < len(names) <= 3 else "mixed")


def _bar_variant(bars: list) -> str:
    horizontal = bool(bars) and bars[0].orientation == "horizontal"
    if len(bars) > 1 and any(len(container.patches) > 1 for container in bars):
        bases = [bar.get_x() if horizontal else bar.get_y() for container in bars[1:] for bar in container.patches]
        return "stacked" if any(bases) else "grouped"
    return "horizontal" if horizontal else "basic"


def _pie_variant(axes) -> str:
    from matplotlib.patches import Circle
    from matplotlib.patches import Wedge

    wedges = [patch for patch in axes.patches if isinstance(patch, Wedge)]
    if len({(round(x, 6), round(y, 6)) for x, y in (wedge.center for wedge in wedges)}) > 1:
        return "exploded"
    ring = any(wedge.width is not None for wedge in wedges)
    hole = any(isinstance(patch, Circle) for patch in (*axes.patches, *axes.artists))
    return "donut" if ring or hole else "pie"


def _is_stacked(axes) -> bool:
    """Whether a filled area starts where another one ends: half of its outline's points lie on the other's."""
    outlines = [
        {(round(float(x), 9), round(float(y), 9)) for x, y in path.vertices}
        for collection in axes.collections
        for path in collection.get_paths()
    ]
    return any(2 * len(a & b) >= min(len(a), len(b)) for a, b in zip(outlines, outlines[1:]))

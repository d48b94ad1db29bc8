"""Lines and edges of areas: their paths, the places of their points, how they are drawn, and stacks of areas."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from chart2code import morphology
from chart2code.picture_cache import remembered_by_value
from chart2code.readout.bars import cap_at, run_at, usual_cap
from chart2code.readout.colors import FULL
from chart2code.readout.legend_area import TEXT
from chart2code.readout.points import Points, dots_and_lines, find_points, patch_of, shape_of

LEAST_GAPS, DOT, SOFT_DOT = 0.06, 2.3, 1.6  # of a line; times its thickness, the longest dot; pixels of a thin one
MARKER_RADIUS = 7  # pixels, of one on a line
GRID_LINE, PALEST_LINE = 0.7, 0.7  # share of a column that is inked by the grid, and less than which it covers there
EDGE_REACH = 14  # pixels: the greatest radius of markers with their edge
HIDDEN_STROKE = 30  # pixels between parts of a stroke, where a thick line is upon it
LEAST_INNER = 0.3  # of the columns of a line, those beside which it goes on: of dots there are less
LONGEST_GAP = 40  # columns that a line may be hidden in
JUMP, GAP = 0.5, 0.3  # price, in columns of a path, of a row that it jumps and of a column in which it isn't seen
NOISY, BAND, SMOOTH = 4, 6, 9  # times their thickness, lines that are noisy, and that ink a band; columns of a path
FINE = 2.0  # pixels between corners, which are closer than the points of a line can be told
TURNS = 0.4  # of the points of a noisy line, where it goes up after it went down, or the other way round
STEEP = 1.5  # rows per column, from which columns say nothing about dashes
LEAST_WHISKER, BESIDE_WHISKER = 7, (4, 8)  # pixels; and how far from it only the line is, or a part of its marker
ACROSS = 0.9  # of a colour's ink that is in one row, if it is that of a line across the axes
STYLES = {"-": 0.92, "--": 0.5, ":": 0.25}  # the least share of its length that a line covers
STROKES = 1.2, 1.5  # times the thickness of lines: rows at the rim of a marker, and within it, have more
FAR = 3.0  # pixels from a polyline
CLOSE = 0.3  # pixels that a path may be away from a polyline with few corners
DIP = 0.6  # how much better the right number of corners fits than one more or less
ROUGHLY, ROUND_ERROR = 1.6, 0.02  # times the best misfit; of a round distance
INSETS = (0.5, 2.5, 4.5)  # pixels that ink goes on beyond the first and last corner: caps, markers
ON_LINE = 4.0  # pixels that markers may be off their line, and that are between two at least
LEAST_GAP = 0.3  # of the smallest distance between markers
EVEN, MOSTLY_EVEN = 2.0, 0.6  # pixels that even distances differ by; of these, those between neighbours
MARKED = 1.0  # pixels that a path may be away from a polyline with corners at its markers
MOST_KNOTS = 240
UPRIGHT, LEAST_JUMP = 4, 2.0  # columns, at most, from one step to the next; rows, at least, mostly
LEVEL, SHORTEST_STEP = 0.3, 3  # rows, columns: of a line in steps
HIDDEN_END, LAST = 1.5, 8  # pixels that an edge ends before a corner; and columns that say where it would go on
MOST_FITTED = 40  # corners that are fitted together


def _hats(columns: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """(len(columns), len(knots)): weights of linear interpolation between the knots."""
    return np.stack([np.interp(columns, knots, unit) for unit in np.eye(len(knots))], axis=1)


def _fit_knots(columns: np.ndarray, values: np.ndarray, weights: np.ndarray, knots: np.ndarray) -> np.ndarray | None:
    """Heights of a polyline with corners at `knots` that goes through most of the observations."""
    if len(columns) < len(knots):
        return None
    hats = _hats(columns, knots)
    smooth = np.diff(np.eye(len(knots)), 2, axis=0) * 1e-2 if len(knots) > 2 else np.zeros((0, len(knots)))
    current = weights
    solution = None
    for scale in (1e9, 60, 30, 15, 8, 4, 2, 1.5, 1.5):
        if solution is not None:
            current = weights / (1 + ((values - hats @ solution) / scale) ** 2)
        left = np.concatenate([hats * current[:, None] ** 0.5, smooth, np.eye(len(knots)) * 1e-4])
        right = np.concatenate(
            [values * current**0.5, np.zeros(len(smooth)), np.full(len(knots), np.median(values) * 1e-4)]
        )
        solution = np.linalg.lstsq(left, right, rcond=None)[0]
    return solution


def runs_of_ink(cover: np.ndarray, first: int = 0, end: int | None = None) -> tuple[np.ndarray, ...]:
    """
    The runs of ink in the columns from `first` to before `end`: their columns, first rows, rows after the last,
    middles and weights. A line crossed by others, or a legend's handle, makes several of a column.
    """
    mask = cover > 0.3
    mask[:, : max(0, first)] = False
    if end is not None:
        mask[:, max(0, end) :] = False
    rows = np.flatnonzero(mask.any(axis=1))
    top, bottom = (rows[0], rows[-1] + 1) if len(rows) else (0, 1)
    mask, cover = mask[top:bottom].T, cover[top:bottom].T
    full = mask.mean(axis=1) > GRID_LINE
    grid = np.flatnonzero(full & ~np.roll(full, 4) & ~np.roll(full, -4))  # in a shade of the line
    cover = cover.copy() if len(grid) else cover
    for column in grid:
        level = np.median(cover[column])
        if level < PALEST_LINE:
            cover[column] = (cover[column] - level).clip(0) / (1 - level)
            mask[column] = cover[column] > 0.3
    columns, rows = np.nonzero(mask)
    begin = np.flatnonzero((np.diff(columns, prepend=-1) != 0) | (np.diff(rows, prepend=-2) != 1))
    last = np.append(begin, len(rows))[1:] - 1
    values, rows = cover[columns, rows].astype(np.float64), rows + top
    weights = np.add.reduceat(values, begin)
    middles = np.add.reduceat(values * rows, begin) / weights
    return columns[begin], rows[begin], rows[last] + 1, middles, weights


@remembered_by_value()
def find_path(cover: np.ndarray) -> np.ndarray:
    """
    The height of a line of one colour in each column, nan where it has none: of the runs of ink those that lead on to
    one another, in the longest way (so a handle in a legend is left out).
    """
    columns, starts, ends, middles, weights = runs_of_ink(cover)
    path = np.full(cover.shape[1], np.nan)
    if not len(columns):
        return path
    firsts = np.searchsorted(columns, columns - LONGEST_GAP)
    lasts = np.searchsorted(columns, columns)
    gains = np.minimum(weights, 1) ** 2  # less for a grid, which may look like the soft edge of a dark colour
    score, before = gains.copy(), np.full(len(columns), -1)
    for k, (a, b) in enumerate(zip(firsts, lasts)):
        if a == b:
            continue
        apart = np.maximum(0, np.maximum(starts[a:b] - ends[k], starts[k] - ends[a:b]))
        missing = columns[k] - columns[a:b] - 1
        ways = score[a:b] - np.maximum(0, apart - missing) * JUMP - missing * GAP
        best = int(ways.argmax())
        if ways[best] > 0:
            score[k], before[k] = gains[k] + ways[best], a + best
    chosen = [int(score.argmax())]
    while before[chosen[-1]] >= 0:
        chosen.append(before[chosen[-1]])
    strong = np.flatnonzero(gains[chosen] > 0.5 * np.median(gains[chosen]))
    chosen = chosen[strong[0] : strong[-1] + 1]
    path[columns[chosen]] = middles[chosen]
    return path


def find_steps(cover: np.ndarray) -> tuple[np.ndarray, np.ndarray, str] | None:
    """
    Columns (n,) and heights (n,) of the points of a line in steps, and where in matplotlib's words: "post" if a height
    holds until the next point, "pre" if it holds since the last; None if it isn't such a line.
    """
    path = find_path(cover)
    columns = np.flatnonzero(~np.isnan(path))
    if len(columns) < MOST_KNOTS / 4:
        return None
    heights = path[columns]
    flat = np.split(np.arange(len(columns)), np.flatnonzero(np.abs(np.diff(heights)) > LEVEL) + 1)
    flat = [part for part in flat if len(part) >= SHORTEST_STEP]
    if len(flat) < 3 or max(np.ptp(heights[part]) for part in flat) > 1:
        return None
    upright = np.mean([b[0] - a[-1] <= UPRIGHT for a, b in itertools.pairwise(flat)]) > 0.9
    if sum(map(len, flat)) < (0.7 if upright else 0.9) * len(columns):
        return None
    levels = np.array([np.median(heights[part]) for part in flat])
    if np.median(np.abs(np.diff(levels))) < LEAST_JUMP:  # a line that hardly rises, in pixels
        return None
    jumps = [(columns[a[-1]] + columns[b[0]]) / 2 for a, b in itertools.pairwise(flat)]
    left, right = float(columns[0]), float(columns[-1])
    ends = []  # of the line, if they are upright
    for column, level in ((columns[0], levels[0]), (columns[-1], levels[-1])):
        rows = np.flatnonzero(cover[:, max(0, column - 1) : column + 2].max(axis=1) > 0.5)
        far = rows[np.abs(rows - level).argmax()] if len(rows) else level
        ends.append(far if abs(far - level) > 4 else None)
    if ends[0] is not None and ends[1] is None:
        return np.array([left, *jumps, right]), np.array([ends[0], *levels]), "pre"
    return np.array([left, *jumps, right]), np.array([*levels, levels[-1] if ends[1] is None else ends[1]]), "post"


def upper_edge(cover: np.ndarray) -> np.ndarray:
    """The height of the upper edge of an area in each column, nan where it has none."""
    mask = cover > FULL
    return np.where(mask.any(axis=0), mask.argmax(axis=0), np.nan)


def misfit(paths: Sequence[np.ndarray], knots: np.ndarray) -> float:
    """Mean distance, in pixels and at most `FAR`, of paths from the polylines through their own points at `knots`."""
    distances = []
    for path in paths:
        columns, heights = _seen(path)
        if len(columns) < 2:
            return FAR
        corners = np.interp(knots, columns, heights)
        slopes = np.diff(corners) / np.maximum(np.diff(knots), 1e-6)
        slope = slopes[np.clip(np.searchsorted(knots, columns) - 1, 0, len(slopes) - 1)]
        distance = np.abs(heights - np.interp(columns, knots, corners)) / np.hypot(1, slope)
        distance[(columns < knots[0] - max(INSETS) - 2) | (columns > knots[-1] + max(INSETS) + 2)] = FAR
        distances.append(np.minimum(distance, FAR).mean())
    return float(np.mean(distances))


def find_knots(
    paths: Sequence[np.ndarray], covers: Sequence[np.ndarray] = (), unit: float | None = None
) -> np.ndarray | None:
    """
    Columns at which lines (their paths) that share their places have their points: where error bars or markers stand;
    or at even distances if there is a number of points that fits much better than one more or one less; or at round
    distances, if a pixel is a `unit`; or as few as will do for curves that are smooth, or too fine.
    """
    columns = np.flatnonzero(np.any([~np.isnan(path) for path in paths], axis=0))
    if len(columns) < 10:
        return None
    for path, cover in zip(paths, covers):
        places = _without_gaps(whisker_places(cover))
        if len(places) > 2 and misfit([path], places) < 2 * CLOSE:
            return places
    for path, cover in zip(paths, covers):
        places = marker_places(path, cover)
        if len(places) > 2 and misfit(paths, places) < MARKED:
            return places
    counts = range(2, max(4, min(MOST_KNOTS, len(columns) // 2)))
    ways = []  # (misfit, knots) for each number of points
    for count in counts:
        insets = INSETS if count < MOST_FITTED else INSETS[:1]
        tried = [np.linspace(columns[0] + inset, columns[-1] - inset, count) for inset in insets]
        ways.append(min(((misfit(paths, knots), knots) for knots in tried), key=lambda way: way[0]))
    far = np.array([distance for distance, _ in ways])
    enough = max(CLOSE, 1.2 * far.min())  # edges of areas are known to the pixel only
    if far[0] <= enough:
        return ways[0][1]
    for k in range(1, len(ways) - 1):
        if far[k] < 3 * CLOSE and far[k] < DIP * min(far[k - 1], far[k + 1]):
            ends = itertools.product(np.arange(0.5, max(INSETS) + 1, 0.5), repeat=2)
            tried = (np.linspace(columns[0] + a, columns[-1] - b, counts[k]) for a, b in ends)
            return min(tried, key=lambda knots: misfit(paths, knots))
    if len(covers) == 1 and noise_of(paths[0], covers[0]) > NOISY:
        return np.linspace(columns[0], columns[-1], min(MOST_KNOTS, len(columns)))
    if unit is not None:
        for distance, knots in ways:
            if distance <= max(CLOSE, ROUGHLY * far.min()) and _is_round(abs(unit) * (knots[1] - knots[0])):
                return knots
    return ways[int(np.argmax(far <= enough))][1]


def noise_of(path: np.ndarray, cover: np.ndarray) -> float:
    """How far a line with this path goes up and down within a column, in its thickness: how much longer its runs of
    ink mostly are than it is steep."""
    columns, starts, ends, middles, _ = runs_of_ink(cover)
    known, heights = _seen(path)
    if len(known) < MOST_FITTED:
        return 0.0
    own = np.abs(path[columns] - middles) < 1
    smooth = ndimage.uniform_filter1d(np.interp(np.arange(len(path)), known, heights), SMOOTH)
    beyond = (ends - starts)[own] - np.abs(np.gradient(smooth))[columns[own]]
    return float(np.median(beyond)) / _finest(cover) if len(beyond) else 0.0


def marker_places(path: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """Columns of the markers of a line, with those that others hide at its ends or between even ones; none if there
    are hardly any, or if they are not on the line."""
    places = markers_on_line(path, cover)
    return _without_gaps(with_ends(places, path)) if len(places) else places


def markers_on_line(path: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """Columns of the markers of a line that are seen; none if there are hardly any, or if they are not on the line."""
    points = _thick_points(cover)
    if points is None or len(points.places) < 3:
        return np.empty(0)
    x, y = points.places.T
    columns, heights = _seen(path)
    on_line = np.abs(np.interp(x, columns, heights) - y).max() < ON_LINE and np.diff(x).min() > ON_LINE
    return x if on_line else np.empty(0)


@remembered_by_value()
def _thick_points(cover: np.ndarray) -> Points | None:
    return find_points(dots_and_lines(cover)[0])


def with_ends(places: np.ndarray, path: np.ndarray) -> np.ndarray:
    """Columns of markers with those at the ends of the line, if others hide these; what is nearer to the next one than
    markers are to each other is a word beside the line."""
    columns, _ = _seen(path)
    first, last = columns[0] + INSETS[-1], columns[-1] - INSETS[-1]
    gaps = [gap for gap in np.diff(places) if gap > ON_LINE]
    least = max(ON_LINE, LEAST_GAP * min(gaps, default=0))
    before, after = [first] * bool(places[0] - first > least), [last] * bool(last - places[-1] > least)
    return np.array([*before, *places, *after])


def _without_gaps(places: np.ndarray) -> np.ndarray:
    """Places at even distances, more exactly, with those that are missing; any others as they are."""
    if len(places) < 3:
        return places
    gaps = np.diff(places)
    usual = float(np.median(gaps))
    counts = np.maximum(np.rint(gaps / usual), 1).astype(int)
    if np.mean(counts == 1) < MOSTLY_EVEN or np.abs(gaps - counts * gaps.sum() / counts.sum()).max() > EVEN:
        return places
    numbers = np.concatenate([[0], counts.cumsum()])
    return np.polyval(np.polyfit(numbers, places, 1), np.arange(numbers[-1] + 1))


def _is_round(step: float) -> bool:
    """Whether a distance is a multiple of 1, 2 or 5 and a power of ten, as far as one can measure."""
    mantissa = step / 10 ** np.floor(np.log10(step))
    return min(abs(mantissa / nice - 1) for nice in (1, 2, 5, 10)) < ROUND_ERROR


def whisker_places(cover: np.ndarray) -> np.ndarray:
    """Columns of the vertical strokes through a line, which are longer than it is steep: of its error bars, if it has
    some."""
    heights = (cover > 0.4).sum(axis=0)
    columns, rows = _seen(find_path(cover))
    if not len(columns):
        return np.empty(0)
    inked, width = np.where(heights > 0, heights, len(cover)), BESIDE_WHISKER[1] - BESIDE_WHISKER[0] + 1
    least = ndimage.minimum_filter1d(inked, width, mode="constant", cval=len(cover))  # also between markers
    sides = np.array([np.roll(least, way * sum(BESIDE_WHISKER) // 2) for way in (-1, 1)])
    beside = np.where(sides < len(cover), sides, 0).max(axis=0)
    rise = 2 * np.abs(np.gradient(np.interp(np.arange(len(heights)), columns, rows)))
    regions, count = ndimage.label((heights - rise >= LEAST_WHISKER) & (heights > 2.5 * beside) & (beside > 0))
    return np.array([float(np.mean(np.flatnonzero(regions == k + 1))) for k in range(count)])


def _seen(path: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The columns in which a path is seen, and its heights there."""
    columns = np.flatnonzero(~np.isnan(path))
    return columns, path[columns]


def trace_line(cover: np.ndarray, knots: Sequence[float]) -> np.ndarray | None:
    """
    Heights at `knots` (ascending columns) of a line of one colour, whatever its dashes and markers; None if there
    is hardly anything of this colour.
    """
    knots = np.asarray(knots, float)
    columns, starts, ends, middle, weight = runs_of_ink(cover, int(knots[0]) - 1, int(knots[-1]) + 2)
    if len(columns) < 8:
        return None
    if len(knots) > MOST_FITTED:
        path = find_path(cover)
        seen = ~np.isnan(path)
        return _with_tips(cover, path, knots) if seen.sum() > 8 else None
    return _fit_knots(columns.astype(float), middle, np.minimum(weight, 3.0), knots)


def _with_tips(cover: np.ndarray, path: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Heights at `knots` of a line along a path: of a dense one that goes up and down from point to point, the tips of
    its strokes, where the middles of these are far from."""
    columns, starts, ends, _, _ = runs_of_ink(cover)
    seen, heights = _seen(path)
    at = np.interp(columns, seen, heights)
    near = np.maximum(starts - at, at - ends) < HIDDEN_STROKE  # others may be upon a part of it
    tops, feet = np.full(len(path), np.inf), np.full(len(path), -np.inf)
    np.minimum.at(tops, columns[near], starts[near] - 0.5)
    np.maximum.at(feet, columns[near], ends[near] - 0.5)
    inked = np.flatnonzero(np.isfinite(tops))
    if np.diff(knots).mean() < FINE and noise_of(path, cover) > BAND:  # from its upper edge to its lower one and back
        found = np.interp(knots, seen, heights)
        for k, (knot, step) in enumerate(zip(knots, np.gradient(knots))):
            near = inked[np.abs(inked - knot) < step]
            if len(near):
                found[k] = feet[near].max() - 0.5 if k % 2 else tops[near].min() + 0.5
        return found
    half = np.percentile(feet[inked] - tops[inked], 10) / 2  # of the thickness
    found, middles = np.interp(knots, seen, heights), (knots[1:] + knots[:-1]) / 2
    highest = np.full(len(knots), half)
    for edge, way in ((tops, 1), (feet, -1)):  # rows rise downwards
        tips, between = (way * np.interp(places, inked, edge[inked]) for places in (knots, middles))
        above = np.minimum(np.append(np.inf, between), np.append(between, np.inf)) - tips
        found = np.where(above > highest, way * (tips + half), found)
        highest = np.maximum(highest, above)
    return found


def fit_path(path: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Heights at `knots` (ascending columns) of the polyline that is next to a path (W,), nan where it isn't seen."""
    columns, heights = _seen(path)
    fitted = None
    if len(knots) <= MOST_FITTED:
        fitted = _fit_knots(columns.astype(float), heights, np.ones(len(columns)), np.asarray(knots, float))
    if fitted is None:
        return np.interp(knots, columns, heights)
    for beyond, near in (
        (knots < columns[0] - HIDDEN_END, slice(LAST)),
        (knots > columns[-1] + HIDDEN_END, slice(-LAST, None)),
    ):
        if beyond.any():  # the pointed end of an area
            fitted[beyond] = np.polyval(np.polyfit(columns[near], heights[near], 1), np.asarray(knots)[beyond])
    return fitted


@dataclass(frozen=True)
class Stroke:
    """How a line is drawn: its thickness in pixels; the share of it that is gaps, NaN where it is steep, and in
    matplotlib's words its style; whether it has markers, how these look (a square of coverages), and how matplotlib
    names them, if that is seen."""

    thickness: float
    gaps: float
    style: str
    markers: bool
    patch: np.ndarray
    marker: str | None


def find_stroke(
    cover: np.ndarray, knots: np.ndarray, heights: np.ndarray, hidden: np.ndarray | None = None
) -> Stroke | None:
    """The stroke of a line through these points; None where too little of it can be seen. `hidden`: where other marks
    may be upon it, (H, W) bool; these are no gaps."""
    columns = np.arange(int(np.ceil(knots[0])), int(knots[-1]) + 1)
    distance = np.abs(columns[:, None] - knots[None, :]).min(axis=1)
    dense = np.median(np.diff(knots)) < 16  # there is nothing between markers
    slope = np.abs(np.diff(heights) / np.maximum(np.diff(knots), 0.5))  # steps go up in one column
    slope = slope[np.clip(np.searchsorted(knots, columns) - 1, 0, len(knots) - 2)]
    middle = np.interp(columns, knots, heights)
    rows = np.arange(len(cover))[:, None]
    near = np.abs(rows - middle) <= 7 + 3 * slope
    amount = (cover[:, columns] * near).sum(axis=0)
    between = (distance > 7) | dense
    inked = between & (amount > 0.5)
    if inked.sum() < 10:
        return None
    inner = ndimage.binary_erosion(inked)  # without the soft ends of dashes
    inked = inner if inner.sum() > LEAST_INNER * inked.sum() else inked
    drawn = amount[inked] / np.hypot(1, slope[inked])
    at_knots = [amount[np.abs(columns - knot) <= 1].max(initial=0) for knot in knots]
    steps = np.diff(heights)
    noisy = dense and np.mean(steps[1:] * steps[:-1] < 0) > TURNS  # so that its path misses some of it
    uneven = noisy or dense and noise_of(find_path(cover), cover) > BAND
    thickness = _finest(cover) if uneven else float(np.median(drawn))
    flat = [a / np.hypot(1, max(slope[np.abs(columns - k).argmin()], 0)) for a, k in zip(at_knots, knots)]
    markers = not dense and float(np.median(flat)) > thickness + 1.6
    patch = np.median([patch_of(cover, (y, x), MARKER_RADIUS) for x, y in zip(knots, heights)], axis=0)
    bare = _without_whisker(patch, thickness) if markers else None
    dot = dots_and_lines(patch if bare is None else bare, 3)[0]
    if bare is not None and dot.any():
        patch, dot = bare, patch_of(dot, ndimage.center_of_mass(dot), MARKER_RADIUS)
    marker = shape_of(dot) if markers else None
    gentle = (between | (not markers)) & (slope < STEEP)
    if hidden is not None:
        gentle &= (amount >= 0.3) | ~hidden[middle.round().astype(int).clip(0, len(cover) - 1), columns]
    gaps = float((amount[gentle] < 0.3).mean()) if gentle.sum() >= 10 else np.nan
    dashed = gaps > (2 if noisy else 1) * LEAST_GAPS
    style = dashes_of(amount, gentle, np.hypot(1, slope), thickness) if dashed else "-"
    return Stroke(thickness, gaps, style, markers, patch, marker)


def _finest(cover: np.ndarray) -> float:
    """The thickness of a line that goes up and down: of its thinnest strokes, upright or not."""
    upright, lying = (runs_of_ink(part)[4] for part in (cover.T, cover))
    return float(min(np.percentile(upright, 25), np.percentile(lying, 25)))


def paper_edge(cover: np.ndarray, knots: np.ndarray, heights: np.ndarray) -> tuple[float, float] | None:
    """The inner and the outer radius, in pixels, of edges that the markers of a line through these points have in the
    colour of the paper; None if they have none."""
    away, profiles = np.arange(0, EDGE_REACH, 0.5), []
    for start, end in itertools.pairwise(np.array([heights, knots]).T):
        length = np.hypot(*(end - start))
        for point, along in ((start, end - start), (end, start - end)):
            if length > 2 * EDGE_REACH:
                places = point[:, None] + away * along[:, None] / length
                profiles.append(ndimage.map_coordinates(cover, places, order=1))
    if len(profiles) < 4:
        return None
    profile = np.median(profiles, axis=0)
    blank = np.flatnonzero(profile < profile[len(away) // 2 :].max() / 2)
    whole = len(blank) > 1 and np.ptp(blank) < len(blank) and 0 < blank[0] and blank[-1] + 1 < len(away)
    if not whole:
        return None
    return float(away[blank[0]]) - 0.25, float(away[blank[-1]]) + 0.25


def _without_whisker(patch: np.ndarray, thickness: float) -> np.ndarray | None:
    """The square around a marker without the error bar, of this thickness, that goes on above or below it; None if
    there is none."""
    amount = patch.sum(axis=1)
    thick = run_at(amount > STROKES[1] * thickness, MARKER_RADIUS)
    rim = ndimage.binary_dilation(thick) & (amount > STROKES[0] * thickness)
    has_whisker = thick.any() and (patch[~rim] > FULL).any()
    return np.where(rim[:, None], patch, 0) if has_whisker else None


def dashes_of(amount: np.ndarray, gentle: np.ndarray, stretch: np.ndarray, thickness: float) -> str:
    """The style of a line with gaps, by how long its dashes are; `stretch`: how much longer a line is than its columns
    are wide."""
    edges = np.diff((amount >= 0.3).astype(np.int8))
    starts, ends = np.flatnonzero(edges == 1) + 1, np.flatnonzero(edges == -1) + 1
    ends = ends[ends > starts[0]] if len(starts) else ends
    runs = [(a, b) for a, b in zip(starts, ends) if gentle[a:b].all()]
    lengths = np.array([stretch[a:b].sum() for a, b in runs]) / max(SOFT_DOT, thickness)
    if not len(lengths):
        return "--"
    short = lengths < DOT
    if short.mean() > 0.8:
        return ":"
    return "-." if 0.25 < short.mean() < 0.75 and np.median(lengths[~short]) > 2 * DOT else "--"


def find_errors(cover: np.ndarray, knots: Sequence[float], heights: np.ndarray) -> np.ndarray:
    """Half the lengths, in pixels, of the vertical bars of one colour through the points of a line: of each the longer
    half, as others may hide a part."""
    return halves_of_errors(cover, knots, heights).max(axis=1)


def halves_of_errors(cover: np.ndarray, knots: Sequence[float], heights: np.ndarray) -> np.ndarray:
    """How far, in pixels, the vertical bars of one colour reach above and below the points of a line, (N, 2)."""
    columns = [cover[:, max(0, round(knot) - 1) : round(knot) + 2].max(axis=1, initial=0) > 0.4 for knot in knots]
    joined = morphology.closing(np.reshape(columns, (len(columns), len(cover))), (1, 5))  # over the rim of a marker
    halves = np.zeros((len(columns), 2))
    for half, column, height in zip(halves, joined, heights):
        rows = np.flatnonzero(run_at(column, round(height)))
        half[:] = np.abs(rows[[0, -1]] - height) if len(rows) else 0.0
    return halves


def caps_of_errors(cover: np.ndarray, knots: Sequence[float], heights: np.ndarray, lengths: np.ndarray) -> float:
    """Half the width of the caps of error bars, in pixels; 0 if there are none. Arguments as of, and from
    `find_errors`."""
    ink, ends = cover > 0.4, zip([*knots, *knots], [*(heights - lengths), *(heights + lengths)])
    caps = [cap_at(ink, round(row), round(column)) for column, row in ends]
    return usual_cap([cap for cap in caps if cap > 0])


def trace_stack(covers: Sequence[np.ndarray], knots: Sequence[float]) -> np.ndarray | None:
    """
    Heights (N, len(knots)), in pixels, of N areas that lie upon each other, the lowest first, by their upper edges: a
    legend may hide what is below these. None if there is hardly anything of their colours.
    """
    knots = np.asarray(knots, float)
    columns = np.arange(int(np.ceil(knots[0])) + 1, int(knots[-1]))
    masks = [cover[:, columns] > FULL for cover in covers]
    inked = np.any(masks, axis=0)
    filled = inked.any(axis=0)
    if filled.sum() < 8:
        return None
    base = top = np.full(len(columns), np.median(len(inked) - inked[::-1].argmax(axis=0)[filled]))
    edges = [np.zeros(len(knots))]
    for mask in masks:
        seen = mask.any(axis=0)
        top = np.where(seen, mask.argmax(axis=0), top)
        edge = _fit_knots(columns.astype(float), base - top, np.where(seen, 1.0, 0.05), knots)
        if edge is None:
            return None
        edges.append(edge)
    return np.maximum(np.diff(edges, axis=0), 0)


def find_across(cover: np.ndarray, start: float, end: float, words: bool = False) -> tuple[float, str] | None:
    """The row of a colour that is a straight line from `start` to `end`, and its style; None if it isn't. `words`:
    whether there may be some in that colour."""
    amounts = cover.sum(axis=1)
    row = int(amounts.argmax())
    near = slice(max(0, row - 3), row + 4)
    ink = cover[near].max(axis=0) > 0.4
    columns = np.flatnonzero(ink)
    if not len(columns) or columns[0] > start + 8 or columns[-1] < end - 8:
        return None
    length = end - start - 2
    beside = np.delete(cover, np.r_[near], axis=0)[:, int(start) + 1 : int(end)]
    beside = _without_letters(beside > 0.4) if words else beside > 0.4
    if beside.sum() > (1 - ACROSS) * ink.sum() + 60:  # more than its handle in the legend
        return None
    share = ink.sum() / length
    style = next((name for name, least in STYLES.items() if share >= least), None)
    if style is None:
        return None
    return float(np.average(np.arange(near.start, near.stop), weights=cover[near].sum(axis=1))), style


def _without_letters(mask: np.ndarray) -> np.ndarray:
    """A mask without its parts that are as small as letters and words."""
    regions, _ = ndimage.label(mask, np.ones((3, 3)))
    places = ndimage.find_objects(regions)
    large = [k for k, place in enumerate(places, 1) if max(side.stop - side.start for side in place) > TEXT]
    return np.isin(regions, large)

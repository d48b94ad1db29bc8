"""Programs of charts around a circle: roses (bars) and radars (lines and areas between spokes).

Axes of this kind are found by their circle. Unrolled, angle by angle, what is in it is a chart like others: bars have
flat tops, spokes and rings are lines across. All is measured at once, as by layer_programs.py.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from chart2code import morphology, readout
from chart2code.captions import ALONE, CONTRAST, DPI, Page
from chart2code.circles import fit_circle
from chart2code.drawing import color_literal
from chart2code.layout import SPACE, USUAL, shares_of, subplots_adjust
from chart2code.program import brief, string_literal
from chart2code.scales import value_literals
from chart2code.tick_labels import read_number, runs_of
from chart2code.words import Line
from eval_metric.similarity import CANVAS

if TYPE_CHECKING:
    from chart2code.sketches import Sheet

ANGLES = 1440  # that a circle is unrolled into
DARK, GREY = 170, 48  # of 255: a circle is as dark, and has no more colour
MOST_POINTS, DRAWS = 4000, 300
ON_CIRCLE, AROUND = 1.2, 0.85  # pixels; of the angles, at which there must be something of a circle
LEAST_RADIUS, MOST_CIRCLES = 40, 4  # pixels
RIM = 4  # pixels inside of a circle that are not looked at
FEWEST, MOST_SPOKES = 3, 24
BESIDE, FAINT = 41, 7  # angles, in which a spoke is not the usual; of 255, its least contrast with that
LINE = 0.4  # of a spoke or a ring, with such a contrast
LEAST_STEP = 9  # pixels between rings
SAME = 0.85  # of the spokes and rings, and of the tops of bars
MOST_BARS, FLAT, FILLED = 36, 2, 0.8  # pixels that the top of a bar may be away from an arc; of what is below
TOUCHING, BAR_WIDTH, LIGHTER = 0.9, 0.8, 60  # of the place of a bar; radians, matplotlib's; of 255
USUAL_SPOKES = 8
LEAST_WALL = 0.3  # of the angles, at which there is a line
MOST_MISFIT = 2.5  # pixels from a line to a polygon with its corners on the spokes
NUMBERS_AT = np.pi / 8  # where matplotlib writes the numbers of rings, from the first spoke on
LABEL = 13.7  # points from the circle to the middle of a label
SAME_PLACE = 1.5  # pixels
HEADROOM = 1.05  # of the largest value: where the axes end by themselves
PALE = 130  # of 255: rings, spokes and what is coloured are no darker, and numbers stand upon them
TITLE, TICK_POINTS = 12, 10  # points
USUAL_PAD, DESCENT = 9, 0.2  # points from a circle to its title, at most; of the size of a font, below the base line
DPIS = (100, 150, 72, 200, 120, 300)  # the usual ones first
CERTAIN = 0.15  # of the ink of labels, not explained


@dataclass
class Disc:
    """The circle of polar axes: its middle, and its radius, in pixels."""

    x: float
    y: float
    radius: float

    @property
    def box(self) -> readout.Box:
        return self.x - self.radius, self.y - self.radius, self.x + self.radius, self.y + self.radius

    def place(self, angle: float, distance: float) -> tuple[float, float]:
        return self.x + distance * np.cos(angle), self.y - distance * np.sin(angle)

    def unrolled(self, picture: np.ndarray) -> np.ndarray:
        """(H, W) or (H, W, 3) -> (ANGLES, radius) or (ANGLES, radius, 3): from the middle outward, at each angle."""
        angles = np.arange(ANGLES)[:, None] * 2 * np.pi / ANGLES
        x, y = self.place(angles, np.arange(int(self.radius)))
        layers = picture.astype(np.float32).reshape(*picture.shape[:2], -1)
        found = [ndimage.map_coordinates(layers[..., k], [y, x], order=1) for k in range(layers.shape[2])]
        return np.stack(found, axis=-1).reshape(*x.shape, *picture.shape[2:])


def find_discs(pixels: np.ndarray) -> list[Disc]:
    """The circles of dark lines in a picture, from left to right."""
    values = pixels.astype(np.int16)
    dark = (values.max(axis=2) < DARK) & (np.ptp(values, axis=2) < GREY)
    dark &= ~morphology.opening(dark, (4, 4))  # lines, not areas
    points = np.argwhere(dark)[:, ::-1].astype(np.float64)
    draw, found = np.random.default_rng(0), []
    while len(points) > 100 and len(found) < MOST_CIRCLES:
        some = points[draw.integers(0, len(points), MOST_POINTS)] if len(points) > MOST_POINTS else points
        disc = _circle_through(some, draw)
        if disc is None:
            break
        away = np.abs(np.hypot(points[:, 0] - disc.x, points[:, 1] - disc.y) - disc.radius)
        found.append(Disc(*fit_circle(points[away < ON_CIRCLE])))
        points = points[away >= 2 * ON_CIRCLE]
    radius = max((disc.radius for disc in found), default=0)
    return sorted((disc for disc in found if disc.radius > 0.8 * radius), key=lambda disc: disc.x)


def _circle_through(points: np.ndarray, draw: np.random.Generator) -> Disc | None:
    """The circle that is there all around, of those through three points."""
    a, b, c = (points[draw.integers(0, len(points), DRAWS)] for _ in range(3))
    ab, ac = 2 * (b - a), 2 * (c - a)
    right_b, right_c = ((p**2).sum(axis=1) - (a**2).sum(axis=1) for p in (b, c))
    size = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    kept = np.abs(size) > 200
    ab, ac, right_b, right_c, size, a = (values[kept] for values in (ab, ac, right_b, right_c, size, a))
    x = (right_b * ac[:, 1] - right_c * ab[:, 1]) / size
    y = (ab[:, 0] * right_c - ac[:, 0] * right_b) / size
    radius = np.hypot(a[:, 0] - x, a[:, 1] - y)
    possible = (radius > LEAST_RADIUS) & (radius < CANVAS / 2)
    best, most = None, 0.0
    for k in np.flatnonzero(possible):
        apart = points - (x[k], y[k])
        on = apart[np.abs(np.hypot(*apart.T) - radius[k]) < ON_CIRCLE]
        if len(on) > max(most, 2 * radius[k]):
            best, most = k, len(on)
    if best is None:
        return None
    apart = points - (x[best], y[best])
    on = apart[np.abs(np.hypot(*apart.T) - radius[best]) < ON_CIRCLE]
    around = np.unique((np.arctan2(*on.T) * 36 / np.pi).astype(int))
    return Disc(x[best], y[best], radius[best]) if len(around) > AROUND * 72 else None


@dataclass
class Grid:
    """Of polar axes: how many spokes there are, the angle of the first one, the distance of the rings in pixels."""

    spokes: int
    first: float
    step: float | None


def find_grid(unrolled: np.ndarray) -> Grid:
    """Of axes (angles, distances, 3)."""
    grey = unrolled.mean(axis=2)
    outer = grey[:, int(0.4 * grey.shape[1]) : -RIM : 2]
    across = np.abs(outer - ndimage.median_filter(outer, (BESIDE, 1), mode="wrap"))
    along = np.abs(grey - ndimage.median_filter(grey, (1, 7)))[::4]
    spokes, rings = np.mean(across > FAINT, axis=1), np.mean(along[:, : 1 - RIM] > FAINT, axis=0)

    def there(count: int, first: float) -> bool:
        angles = (first / (2 * np.pi) + np.arange(count) / count) * ANGLES
        near = np.array([spokes.take(range(round(a) - 2, round(a) + 3), mode="wrap").max() for a in angles])
        return (near > LINE).mean() >= SAME

    options = itertools.product(range(MOST_SPOKES, FEWEST - 1, -1), (0.0, np.pi / 2))
    found = next((option for option in options if there(*option)), (0, 0.0))
    for step in np.arange(LEAST_STEP, max(LEAST_STEP, len(rings) - 3), 0.25):
        orders = np.arange(1, (len(rings) - 2) // step + 1)
        near = np.round(orders * step).astype(int)[:, None] + np.arange(-2, 3)
        near = np.minimum(near, len(rings) - 1)
        if (rings[near[:, 1:4]].max(axis=1) > LINE).mean() >= SAME:
            places = (rings[near] * near).sum(axis=1) / rings[near].sum(axis=1)
            return Grid(*found, float(places @ orders / (orders @ orders)))
    return Grid(*found, None)


def polar_chart(sheet: Sheet) -> list[str]:
    """A program of the roses and radars of a chart; none if it has no circle, or something else in it."""
    discs = find_discs(sheet.target)
    if not discs or max(abs(disc.y - discs[0].y) for disc in discs) > 3:
        return []
    pictures = [disc.unrolled(sheet.target) for disc in discs]
    grids = [find_grid(picture) for picture in pictures]
    sheet, page = _of_resolution(sheet, discs, grids[0])
    bodies = []
    for k, (disc, picture, grid) in enumerate(zip(discs, pictures, grids), 1):
        body = Polar(sheet, disc, picture, grid, page, str(k) if len(discs) > 1 else "").statements()
        if not body:
            return []
        bodies.append(body)
    return [_program(sheet, discs, bodies, page)]


def _of_resolution(sheet: Sheet, discs: list[Disc], grid: Grid) -> tuple[Sheet, Page]:
    """The sheet of the resolution at which the labels of some spokes can be read best, and its page without what is on
    and in the circles."""
    outside = _outside(sheet, discs)
    best, least = (sheet, outside), math.inf
    for other in (sheet.at(dpi) for dpi in DPIS if grid.spokes and sheet.size != (CANVAS, CANVAS)):
        page = Page(outside.turned(0), outside.zoom, other.scale, other.sharpness)
        lines = [read_label(page, discs[0], grid, k) for k in range(1, min(4, grid.spokes))]
        error = np.mean([1.0 if line is None or line.points != TICK_POINTS else line.error for line in lines])
        if error < least:
            best, least = (other, page), error
        if least < CERTAIN:
            break
    return best


def read_label(page: Page, disc: Disc, grid: Grid, k: int) -> Line | None:
    """What stands at a spoke."""
    angle, away = grid.first + 2 * np.pi * k / grid.spokes, LABEL / 72 * DPI * page.scale
    return page.read(disc.place(angle, disc.radius + away), 0.5, 0.8 * TICK_POINTS / 72 * DPI * page.scale)


def read_rings(sheet: Sheet, disc: Disc, step: float, angle: float = NUMBERS_AT) -> float | None:
    """Values per pixel, by the numbers at rings, which stand at an angle; None if these can't be read."""
    page, ratios = Page.of(sheet.target, sheet.scale, sheet.sharpness, palest=PALE), []
    height = TICK_POINTS / 72 * DPI * sheet.scale
    count = int(disc.radius / step)
    for k in range(1, count + 1):
        x, y = disc.place(angle, k * step)
        read = page.read((x, y - 0.5 * height), 0.0, 0.8 * height, reach=(3, 3 * height))
        number = None if read is None else read_number(read.text)
        if number:
            ratios.append(number / (k * step))
    usual = np.median(ratios) if ratios else 0.0
    agreeing = np.abs(np.array(ratios) - usual) < 0.03 * usual
    return float(usual) if agreeing.sum() > max(1, len(ratios) / 2) else None


def _outside(sheet: Sheet, discs: list[Disc]) -> Page:
    """The page without what is on and in the circles."""
    page = Page.of(sheet.target, sheet.scale, sheet.sharpness)
    grey = page.turned(0).copy()
    y, x = np.mgrid[: len(grey), : len(grey)] / page.zoom
    for disc in discs:
        grey[np.hypot(x - disc.x, y - disc.y) < disc.radius + RIM / 2] = np.median(grey[:, :3])
    return Page(grey, page.zoom, page.scale, page.sharpness)


class Polar:
    """What is measured in one circle, and the statements that draw it; `picture`: unrolled; `page`: without what is in
    circles; `name`: of the circle, in those of several."""

    def __init__(self, sheet: Sheet, disc: Disc, picture: np.ndarray, grid: Grid, page: Page, name: str):
        self.disc, self.picture, self.grid, self.page, self.name = disc, picture, grid, page, name
        self.sheet, step = replace(sheet, box=disc.box), grid.step
        self.turn, self.scale = self._turn(step)
        series = self.sheet.series
        covers = readout.coverages(sheet.target, [color for color, _ in series], self.sheet.paper, disc.box)
        self.series = [(color, solid, disc.unrolled(cover)) for (color, solid), cover in zip(series, covers)]

    def _turn(self, step: float | None) -> tuple[tuple[float, int], float]:
        """Where the angle 0 is and whether angles run with (1) or against the others (-1), as the place of the numbers
        at rings says, and values per pixel."""
        upright = self.grid.first > 0 or self.grid.spokes % 4 == 0
        plain = [(0.0, 1)] if self.grid.first == 0 else []
        turns = [*plain, *([(np.pi / 2, -1), (np.pi / 2, 1)] if upright else [])]
        for first, way in turns if step else []:
            if scale := read_rings(self.sheet, self.disc, step, first + way * NUMBERS_AT):
                return (first, way), scale
        return turns[0], 1 / (step or self.disc.radius)

    def _by_angle(self, values: Sequence) -> list:
        """What is at the spokes, given from the first one on as the angles of a circle run, in the axes' own order."""
        away = round((self.turn[0] - self.grid.first) / (2 * np.pi) * len(values))
        return [values[(away + self.turn[1] * k) % len(values)] for k in range(len(values))]

    def literals(self, distances: Sequence[float]) -> list[str]:
        return value_literals(np.asarray(distances) * self.scale, self.disc.radius * self.scale)

    def statements(self) -> list[str]:
        return self._rose() or self._radar()

    def _rose(self) -> list[str]:
        """Bars of one width all around; none if the tops of what there is are not flat, or nothing is below."""
        solid = [(color, cover > 0.5) for color, is_solid, cover in self.series if is_solid]
        if not solid:
            return []
        covered = np.any([cover for _, cover in solid], axis=0)
        heights = np.where(covered.any(axis=1), covered.shape[1] - covered[:, ::-1].argmax(axis=1), 0.0)
        for count in range(FEWEST, MOST_BARS + 1):
            for first in (0.0, 0.5):
                centers = (np.arange(count) + first) * ANGLES / count
                tops = heights[self._around(centers, 0.5)]
                usual = np.median(tops[:, 10:-10], axis=1)
                flat = (np.abs(tops - usual[:, None]) < FLAT) | (tops < FLAT)
                if flat.mean() > SAME and np.ptp(usual) > 2 * FLAT and covered.sum() > FILLED * heights.sum():
                    return self._bars(centers, usual, solid)
        return []

    def _around(self, centers: np.ndarray, reach: float) -> np.ndarray:
        """Indices of the angles around each center, (N, 41), as far as `reach` of the distance of two of them."""
        return np.round(centers[:, None] + np.linspace(-reach, reach, 41) * ANGLES / len(centers)).astype(int) % ANGLES

    def _bars(self, centers: np.ndarray, tops: np.ndarray, solid: list[tuple[np.ndarray, np.ndarray]]) -> list[str]:
        count, n, step = len(centers), self.name, 2 * np.pi / len(centers)
        own = [
            int(np.argmax([cover[round(center) % ANGLES, : int(top)].sum() for _, cover in solid]))
            for center, top in zip(centers, tops)
        ]
        colors = [color_literal(solid[k][0]) for k in own]
        keywords = [f"color={colors[0]}" if len(set(colors)) == 1 else f"color=[{', '.join(colors)}]"]
        tallest = int(np.argmax(tops))
        ring = slice(int(0.6 * tops[tallest]), int(0.9 * tops[tallest]))
        around = self._around(centers, 0.5)[tallest]
        share = float(solid[own[tallest]][1][around, ring].mean())
        if share > TOUCHING:
            keywords.append(f"width=2 * np.pi / {count}")
            edge = np.median(self.picture[around[[0, 1, -2, -1]], ring].reshape(-1, 3), axis=0)
            keywords += ['edgecolor="white"'] if edge.min() > solid[own[tallest]][0].min() + LIGHTER else []
        elif abs(share * step - BAR_WIDTH) > 0.03:
            keywords.append(f"width={share * step:.2f}")
        first = "" if round(centers[0]) == 0 else f" + np.pi / {count}"
        return [
            f"angles{n} = np.linspace(0, 2 * np.pi, {count}, endpoint=False){first}",
            f"values{n} = [{', '.join(self.literals(tops))}]",
            f"ax{n}.bar(angles{n}, values{n}, {', '.join(keywords)})",
            *self._limit(max(tops)),
        ]

    def _limit(self, farthest: float) -> list[str]:
        """Where the axes end, if not by themselves."""
        if abs(self.disc.radius / farthest - HEADROOM) < 0.02:
            return []
        end = self.disc.radius * self.scale
        return [f"ax{self.name}.set_ylim(0, {brief(end, 0.004 * end)})"]

    def _radar(self) -> list[str]:
        """Polygons with their corners on the spokes, filled or not; none if there are no such lines."""
        count, n = self.grid.spokes, self.name
        lines = [
            (color, distances)
            for color, is_solid, cover in self.series
            if not is_solid and count and (distances := self._corners(cover)) is not None
        ]
        if not lines:
            return []
        names = [f"values{n}" if len(lines) == 1 else f"values{n}{'_' if n else ''}{k + 1}" for k in range(len(lines))]
        statements = [f"angles{n} = np.linspace(0, 2 * np.pi, {count}, endpoint=False)"]
        statements += [f"ax{n}.set_theta_offset(np.pi / 2)"] if self.turn[0] else []
        statements += [f"ax{n}.set_theta_direction(-1)"] if self.turn[1] < 0 else []
        for k, ((color, distances), name) in enumerate(zip(lines, names)):
            ink = color_literal(color)
            washes = [readout.wash_of(other, color, self.sheet.paper) for other, solid, _ in self.series if solid]
            wash = min(filter(None, washes), default=None)
            label = f", label={string_literal(self.sheet.words.label(k))}" if len(lines) > 1 else ""
            statements.append(f"{name} = [{', '.join(self._by_angle(self.literals(distances)))}]")
            closed = f"[*angles{n}, angles{n}[0]], [*{name}, {name}[0]]"
            statements.append(f"ax{n}.plot({closed}, color={ink}{label})")
            if wash:
                statements.append(f"ax{n}.fill(angles{n}, {name}, color={ink}, alpha={round(20 * wash) / 20:g})")
        labels = ", ".join(string_literal(name) for name in self._by_angle(self._labels()))
        if labels:
            statements.append(f"ax{n}.set_xticks(angles{n}, [{labels}])")
        return [*statements, *self._limit(max(distances.max() for _, distances in lines))]

    def _corners(self, cover: np.ndarray) -> np.ndarray | None:
        """
        The distances of a polygon's corners on the spokes: between two of them, 1 / distance of a straight line is
        linear in theirs. None if what is there is no such polygon.
        """
        smooth = ndimage.uniform_filter1d(cover, 3, axis=1)
        peak = smooth.argmax(axis=1)
        near = np.clip(peak[:, None] + np.arange(-2, 3), 0, cover.shape[1] - 1)
        weights = np.take_along_axis(cover, near, axis=1)
        path = (weights * near).sum(axis=1) / np.maximum(weights.sum(axis=1), 1e-9)
        there = (smooth.max(axis=1) > 0.5) & (path > 4)
        angles = np.arange(ANGLES) / ANGLES * self.grid.spokes - self.grid.first * self.grid.spokes / (2 * np.pi)
        step, before = 2 * np.pi / self.grid.spokes, np.floor(angles).astype(int)
        share = (angles - before) * step
        system = np.zeros((ANGLES, self.grid.spokes))
        system[np.arange(ANGLES), before % self.grid.spokes] = np.sin(step - share) / np.sin(step)
        system[np.arange(ANGLES), (before + 1) % self.grid.spokes] += np.sin(share) / np.sin(step)
        for _ in range(3):
            if there.sum() < LEAST_WALL * ANGLES:
                return None
            scale = path[there, None] ** 2  # an error of 1 / distance is one of distance by its square
            inverse = np.linalg.lstsq(system[there] * scale, (scale[:, 0] / path[there]), rcond=None)[0]
            misfit = np.abs(1 / np.maximum(system @ inverse, 1e-4) - path)
            kept = there & (misfit < max(MOST_MISFIT, 2 * np.median(misfit[there])))
            usual = float(np.median(misfit[there]))
            there = kept
        return 1 / inverse if usual < MOST_MISFIT and inverse.min() > 0 else None

    def _labels(self) -> list[str]:
        """What stands at the spokes; nothing if it is matplotlib's angles."""
        lines = [read_label(self.page, self.disc, self.grid, k) for k in range(self.grid.spokes)]
        words = [line is not None and read_number(line.text.strip("°")) is None for line in lines]
        if len(lines) == USUAL_SPOKES and np.mean(words) < 0.5:
            return []
        return [f"Item {k}" if line is None else line.text for k, line in enumerate(lines, 1)]


def _program(sheet: Sheet, discs: list[Disc], bodies: list[list[str]], page: Page) -> str:
    many = len(discs) > 1
    axes = f"({', '.join(f'ax{k + 1}' for k in range(len(discs)))})" if many else "ax"
    grid = ["1", str(len(discs))] if many else []
    lines = ["import matplotlib.pyplot as plt", "import numpy as np", ""]
    lines += sheet.opening(axes, *grid, 'subplot_kw={"projection": "polar"}')
    for body in bodies:
        lines += [""] * many + body
    lines += [""] * many
    ink = np.abs(page.turned(0) - np.median(page.turned(0)[:, 0])) > CONTRAST
    above = runs_of(ink[: int(page.zoom * (discs[0].y - discs[0].radius))].any(axis=1), 1)
    middle = (discs[0].x + discs[-1].x) / 2 if many else discs[0].x
    if above and above[0][1] - above[0][0] > 4:
        read = page.read(
            (middle, np.mean(above[0]) / page.zoom - 0.5), 0.5, TITLE / 72 * DPI * page.scale, space=ALONE
        )
        if read is not None:
            drop = DESCENT * read.points * any(letter in read.text for letter in "gjpqy,()")
            rise = discs[0].y - discs[0].radius - above[0][1] / page.zoom  # pixels, from the circle to its lower end
            pad = round(rise / page.scale / DPI * 72 + drop)
            away = f", pad={pad}" if pad > USUAL_PAD and not many else ""
            lines.append(f"{'fig.suptitle' if many else 'ax.set_title'}({string_literal(read.text)}{away})")
    lines += [
        f"ax{k + 1 if many else ''}.legend()" for k, body in enumerate(bodies) if any("label=" in s for s in body)
    ]
    return "\n".join(lines + _layout(sheet, discs)) + "\n"


def _layout(sheet: Sheet, discs: list[Disc]) -> list[str]:
    """Where the axes are, if not where matplotlib has them."""
    (width, height), radius = sheet.sides, discs[0].radius
    left, right, bottom, top = USUAL.values()
    wide = (right - left) * width / (len(discs) + SPACE * (len(discs) - 1))
    usual = [
        Disc(
            (CANVAS - width) / 2 - 0.5 + left * width + wide * (k * (1 + SPACE) + 0.5),
            (CANVAS - height) / 2 - 0.5 + height * (1 - (bottom + top) / 2),
            min(wide, (top - bottom) * height) / 2,
        )
        for k in range(len(discs))
    ]
    apart = [(disc.x - own.x, disc.y - own.y, disc.radius - own.radius) for disc, own in zip(discs, usual)]
    if np.abs(apart).max() < SAME_PLACE:
        return []
    box = discs[0].x - radius, discs[0].y - radius, discs[-1].x + radius, discs[0].y + radius
    shares = shares_of(box, sheet.sides)
    if len(discs) > 1:
        shares["wspace"] = (discs[1].x - discs[0].x) / (2 * radius) - 1
    return [subplots_adjust(shares)]

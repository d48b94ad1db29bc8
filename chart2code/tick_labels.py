"""Reading the numbers at the ticks of an axis, and so the scale of its values.

A small character recogniser: glyphs are compared with those of matplotlib's own fonts. It need not be right about each
glyph, since the numbers along a linear axis are in proportion to their places: `read_scale` takes the line that most
labels agree on, or none.
"""

from __future__ import annotations

import itertools
import re
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from chart2code.readout import Box

FONTS = ("DejaVuSans.ttf", "DejaVuSerif.ttf")
THOUSANDS = re.compile(r"-?[1-9]\d{0,2}([.,]\d{3})+")
CHARACTERS = "0123456789$%"
GLYPH = (8, 12)  # the size that glyphs are compared in
INK = 0.3  # of the contrast between text and page
LIKENESS = 0.6  # correlation of a glyph with that of a character
SIZES = (9, 10, 11, 12, 14)  # pixels per em: small glyphs are blurred in ways of their own
NEXT = 4  # pixels, at most, from one glyph to the next
MOST_WIDE, TALLEST = 80, 18  # pixels of the canvas that a label takes


@cache
def _templates() -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Glyphs (N, 96) of mean 0 and norm 1, their widths as shares of their heights, and their characters."""
    import matplotlib

    glyphs, shapes, characters = [], [], []
    for name in FONTS:
        font = ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts/ttf", name)), 60)
        for character, size in itertools.product(CHARACTERS, SIZES):
            image = Image.new("L", (90, 90))
            ImageDraw.Draw(image).text((20, 5), character, fill=255, font=font)
            side = round(90 * size / 60)
            ink = np.asarray(image.resize((side, side), Image.Resampling.BICUBIC), np.float32) / 255
            rows, columns = (np.flatnonzero((ink > INK).any(axis=axis)) for axis in (1, 0))
            glyph = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            glyphs.append(_normal(glyph))
            shapes.append(glyph.shape[1] / glyph.shape[0])
            characters.append(character)
    return np.stack(glyphs), np.array(shapes), characters


def _normal(ink: np.ndarray) -> np.ndarray:
    values = np.asarray(Image.fromarray(ink).resize(GLYPH, Image.Resampling.BILINEAR), np.float32).ravel()
    values = values - values.mean()
    return values / max(float(np.linalg.norm(values)), 1e-6)


def read_scale(pixels: np.ndarray, box: Box, ticks: np.ndarray, side: str) -> tuple[float, float] | None:
    """
    (start, slope) of value = start + slope * pixel along a side ("bottom", "left" or "right") of the axes, by the
    labels at its ticks; None if there aren't three labels that agree.
    """
    read = [(place, read_number(pixels, box, place, ticks, side)) for place in ticks]
    read = [(place, value) for place, value in read if value is not None]
    best: list[tuple[float, float]] = []
    for (a, first), (b, second) in itertools.combinations(read, 2):
        slope = (second - first) / (b - a)
        if slope:
            tolerance = 1.2 * abs(slope)  # a pixel
            agreeing = [(p, v) for p, v in read if abs(first + slope * (p - a) - v) <= tolerance]
            best = max(best, agreeing, key=len)
    if len(best) < max(3, 0.6 * len(read)):
        return None
    slope, start = np.polyfit(*zip(*best), 1)
    return float(start), float(slope)


def read_number(pixels: np.ndarray, box: Box, place: float, ticks: np.ndarray, side: str) -> float | None:
    """The number at one tick, or None if there is none that can be read."""
    gap = np.diff(ticks).min() if len(ticks) > 1 else 2.0 * MOST_WIDE
    left, _, right, bottom = (int(round(v)) for v in box)
    if side == "bottom":
        half = int(min(gap / 2, MOST_WIDE / 2))
        area = np.s_[bottom + 5 : bottom + 5 + TALLEST, max(0, int(place) - half) : int(place) + half + 1]
    else:
        half = int(min(gap / 2, TALLEST / 2))
        columns = slice(max(0, left - MOST_WIDE), left - 4) if side == "left" else slice(right + 5, right + MOST_WIDE)
        area = np.s_[max(0, int(round(place)) - half) : int(round(place)) + half + 1, columns]
    grey = pixels[area].mean(axis=2, dtype=np.float32)
    if grey.size < 50:
        return None
    ink = np.abs(grey - np.median(grey))
    if ink.max() < 60:
        return None
    ink = ink / ink.max()
    runs = runs_of((ink > INK).any(axis=0), 0)
    tick = 0 if side == "right" else ink.shape[1]
    runs = [r for r in runs if tick not in r or np.ptp(np.flatnonzero((ink[:, r[0] : r[1]] > INK).any(axis=1))) > 2]
    if not runs:
        return None
    if side == "left":  # what stands next to the axis; further out is the name of the axis
        runs = runs[::-1]
    chosen = []
    for run in runs:
        if chosen and side != "bottom" and max(run[0] - chosen[-1][1], chosen[-1][0] - run[1]) > NEXT:
            break
        chosen.append(run)
    rows = np.flatnonzero((ink[:, min(a for a, _ in chosen) : max(b for _, b in chosen)] > INK).any(axis=1))
    lines = [line for line in runs_of(np.isin(np.arange(len(ink)), rows), 1) if np.ptp(line) >= 5]
    if not lines:
        return None
    line = max(lines, key=np.ptp) if side != "bottom" else lines[0]
    return _number("".join(_character(ink[line[0] : line[1], a:b]) for a, b in sorted(chosen)))


def _number(text: str) -> float | None:
    text = text.strip("$%")
    if THOUSANDS.fullmatch(text):  # a comma, however it was read: nobody writes 2.000 at a tick
        text = text.replace(".", "")
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


def runs_of(mask: np.ndarray, bridged: float) -> list[tuple[int, int]]:
    """(start, end) of the stretches of True; gaps up to `bridged` belong to them."""
    places = np.flatnonzero(mask)
    if not len(places):
        return []
    return [(int(r[0]), int(r[-1]) + 1) for r in np.split(places, np.flatnonzero(np.diff(places) > bridged + 1) + 1)]


def _character(ink: np.ndarray) -> str:
    """The character (several, where glyphs touch) in these columns of a line of text; "?" if it is none of ours."""
    rows = np.flatnonzero((ink > INK).any(axis=1))
    if not len(rows):
        return ""
    top, bottom, line = rows[0], rows[-1] + 1, len(ink)
    height, width = bottom - top, ink.shape[1]
    if height <= 0.45 * line:
        if top >= 0.5 * line:
            return "." if height <= 0.3 * line else ","
        return "-" if width > height else "?"
    if width > 1.15 * height:  # two that touch: at the palest column
        middle = slice(width // 3, width - width // 3)
        cut = width // 3 + int(ink[:, middle].sum(axis=0).argmin())
        return _character(ink[:, :cut]) + _character(ink[:, cut:]) if 2 <= cut < width - 2 else "?"
    glyphs, shapes, characters = _templates()
    likeness = glyphs @ _normal(ink[top:bottom]) - 0.3 * np.abs(np.log(shapes * height / width))
    best = int(likeness.argmax())
    return characters[best] if likeness[best] > LIKENESS else "?"

"""Reading the numbers at the ticks of an axis, and so the scale of its values.

The numbers along a linear axis are in proportion to their places, and along a logarithmic one their logarithms are, so
not each of them need be read: `read_scale` and `read_powers` take the line that most labels agree on, or none.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from chart2code.detail import detail_of
from chart2code.picture_cache import remembered
from chart2code.program import string_literal
from chart2code.readout import Box, find_ticks, weighed_ticks
from chart2code.words import DPI, REGULAR, SERIF, STIX, Line, read_line
from eval_metric.similarity import CANVAS

FONTS = (REGULAR, SERIF, STIX)
MATH_FONTS = ("cmr10.ttf", STIX)  # those of Computer Modern and Times, as powers of ten may have
THOUSANDS = re.compile(r"-?[1-9]\d{0,2}(,\d{3})+")
COMMA_SEEN_AS_POINT = re.compile(r"-?[1-9]\d{0,2}\.\d{3}")
POINTED_THOUSANDS = re.compile(r"-?[1-9]\d{0,2}\.\d00")  # no axis needs three decimals to end in zeros
NUMBER = re.compile(r"([$€£]?)(\d(?:[\d.,]| (?=\d))*)( ?(?:%|[A-Za-z°×]{0,3})(?: ?[$€£])?)")  # with its unit
UNIT = re.compile(r"(?<=\d) ?(x|×|°C?|h|s|ms|km|kg|pp)$")  # behind numbers that it doesn't change
UNITS = {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9}  # behind numbers
LOOKALIKES = str.maketrans("oO ", "00.")  # a point is as wide as a space, and has hardly more ink
INK = 0.3  # of the contrast between text and page
DIGIT, MATH_DIGIT = 0.73, 0.68  # ems, the height of a digit, also in MATH_FONTS
POINTS = 10  # the size that glyphs are hinted for; they are scaled to the size that is seen
FITTING = (1.0, 0.94, 1.06, 0.8)  # of that size; the last beside a dollar sign, which is higher than digits
CLEAR, MOST_ERROR = 0.2, 0.5  # of the ink of a label, unexplained: no other size is tried; it is no number
HOPELESS = 0.8  # the same, in the first font and size: what is that far from text is turned, or none
RARE = 0.23  # the same, in a font that is rare
ALIKE = 0.25  # the same, for labels in the font of others
NARROW = 5  # times as wide as high: labels that are no words
UNEVEN = 0.1  # of the largest distance between numbers
IN_VAIN = 3  # labels that are no numbers, before the first one: they are words, or turned
TICK = 3  # pixels, the thickest
NEXT, GAP = 4, 0.45  # pixels of any picture, at most, from one glyph to the next; and times the height of large digits
MOST_WIDE, TALLEST = 80, 24  # pixels of the canvas that a label takes
LOWEST = 36  # pixels of the canvas from the axes to the foot of a label below them, at most
MAJOR = 0.65  # of the ink of the largest tick: those of decades, not what stands between them
AGREEING = 0.6  # of the labels that were read
ROUND = 0.02  # of a multiple of a power of ten
LEAST_AROUND = 5  # ticks around the one label of a logarithmic axis
BETWEEN = 0.8  # of the ticks of a logarithmic axis: at multiples of powers of ten
RAISED, SMALLER = 0.3, 0.7  # of a digit's height: an exponent's foot above the line; and of its size
MINUS = 0.3  # of a digit's height, that of a sign
DIGITS = str.maketrans("oOIlS/", "001157")  # what digits that small look like
EXPONENT = re.compile(r"\d{1,2}")


class Label(NamedTuple):
    """A number at a tick, as it is written there."""

    place: float
    value: float
    text: str


class Style(NamedTuple):
    """How labels are written: their font, and the scale of its glyphs, in pixels per pixel of a figure whose labels
    have POINTS points; and the share of the ink of the first label that this leaves unexplained."""

    font: str
    scale: float
    error: float


@remembered
def _labels(pixels: np.ndarray, box: Box, side: str) -> tuple[tuple[Label, ...], Style | None]:
    """The numbers at ticks, and how they are written; None if nothing can be read."""
    ticks, major = find_ticks(pixels, box, side), major_ticks(pixels, box, side)
    if len(major) >= 2 * (len(ticks) - len(major)):  # of what stands between them there would be more
        major = ticks
    fine, enough = detail_of(pixels), min(3, len(major))
    if fine is None or _is_first_clear(pixels, box, major, side):
        read, style = _read_labels(pixels, box, major, side)
    else:
        read, style = (), None
    if len(read) < enough and fine is not None:
        finer, fine_style = _read_labels(fine.pixels, tuple(fine.enlarged(box)), fine.enlarged(major), side)
        if len(finer) < enough and not read:
            read, style = _read_labels(pixels, box, major, side)
        if len(finer) > len(read):
            read = tuple(label._replace(place=float(fine.reduced(label.place))) for label in finer)
            style = fine_style._replace(scale=fine_style.scale / fine.zoom)
    return read, style


def _is_first_clear(pixels: np.ndarray, box: Box, ticks: np.ndarray, side: str) -> bool:
    """Whether nearly all ink of the first label is explained: else the canvas is too coarse, and slow to read."""
    labels = (_cut(pixels, box, place, ticks, side) for place in ticks)
    first = next((label for label in labels if label is not None), None)
    return first is not None and _read(*first, None)[1] <= CLEAR


def major_ticks(pixels: np.ndarray, box: Box, side: str) -> np.ndarray:
    """The ticks that have nearly as much ink as the largest one."""
    ticks, weights = weighed_ticks(pixels, box, side)
    return ticks[weights >= MAJOR * weights.max(initial=0)]


def _read_labels(pixels: np.ndarray, box: Box, ticks: np.ndarray, side: str) -> tuple[tuple[Label, ...], Style | None]:
    read, style, in_vain = [], None, 0
    for place in ticks:
        label = _cut(pixels, box, place, ticks, side)
        if label is None:
            continue
        text, error, found = _read(*label, style)
        value = None
        if error <= MOST_ERROR:
            style, value = style or found, read_number(text)
        if value is not None:
            read.append(Label(float(place), value, text))
        elif in_vain + 1 == IN_VAIN and not read:
            break
        else:
            in_vain += 1
    if not read and in_vain and (style is None or style.error > CLEAR):  # many words are higher than digits
        lowest = min(filter(None, (_cut(pixels, box, place, ticks, side) for place in ticks)), key=itemgetter(2))
        _, error, found = _read(*lowest, None)
        style = found if error < (style.error if style else MOST_ERROR) else style
    texts = [_plain(label.text) for label in read]
    commas = any(map(THOUSANDS.fullmatch, texts))  # some of which look like points
    pointed = [(COMMA_SEEN_AS_POINT if commas else POINTED_THOUSANDS).fullmatch(text) for text in texts]
    if commas or any(texts) and all(point for point, text in zip(pointed, texts) if text != "0"):
        read = [label._replace(value=label.value * (1000 if point else 1)) for label, point in zip(read, pointed)]
    return tuple(read), style


def number_format(pixels: np.ndarray, box: Box, side: str) -> str | None:
    """What `set_major_formatter` takes, as a literal, for the numbers at the ticks of a side, if most have the same
    signs of a unit around them, or commas between thousands; None if they are plain."""
    read, _ = _labels(pixels, box, side)
    parts = [NUMBER.fullmatch(_with_hyphen(label.text)) for label in read if label.value >= 0]
    parts = [part.groups() for part in parts if part]
    if len(parts) < max(2, AGREEING * len(read)):
        return None
    (before, after), count = Counter((before, after) for before, _, after in parts).most_common(1)[0]
    commas = any(THOUSANDS.fullmatch(number) for _, number, _ in parts)
    if count < AGREEING * len(parts) or not (before or after or commas):
        return None
    decimals, alike = Counter(len(number.partition(".")[2]) for _, number, _ in parts).most_common(1)[0]
    number = ",.0f" if commas else f".{decimals}f" if alike >= AGREEING * len(parts) else "g"
    unit = UNITS.get(after.strip()[:1], 1)
    text, divided = before + "{{x{}:{}}}" + after, "" if unit == 1 else f" / {unit:.0f}"
    text = string_literal(text.format(divided, number))
    return f"lambda x, _: f{text}" if divided else text


def uneven_numbers(pixels: np.ndarray, box: Box, side: str) -> list[float]:
    """The numbers at the ticks of a side with a linear scale, if all can be read and their distances differ; else
    none."""
    read, scale = _labels(pixels, box, side)[0], read_scale(pixels, box, side)
    if scale is None or len(read) < len(major_ticks(pixels, box, side)):
        return []
    values, steps = [label.value for label in read], np.diff([label.value for label in read])
    at_places = all(abs(scale[0] + scale[1] * label.place - label.value) < 2 * abs(scale[1]) for label in read)
    return values if at_places and len(steps) > 1 and np.ptp(steps) > UNEVEN * steps.max() > 0 else []


def label_scale(pixels: np.ndarray, box: Box) -> float | None:
    """The scale, as in `Style`, of the glyphs at the lower and the left side; None if they differ, and none or both
    are known well."""
    sides = ("bottom", "left")
    read = [(_powers_of_ten if read_decades(pixels, box, side) else _labels)(pixels, box, side) for side in sides]
    styles = [style for numbers, style in read if style and len(numbers) != 1]
    for known in (styles, [style for style in styles if style.error <= ALIKE]):
        scales = [style.scale for style in known]
        if scales and max(scales) < 1.1 * min(scales):
            return float(np.mean(scales))
    return None


def read_scale(pixels: np.ndarray, box: Box, side: str) -> tuple[float, float] | None:
    """
    (start, slope) of value = start + slope * pixel along a side ("bottom", "left" or "right") of the axes, by the
    labels at its ticks; None if there aren't three labels that agree.
    """
    if read_decades(pixels, box, side):
        return None
    read, _ = _labels(pixels, box, side)
    best = _agreeing([(label.place, label.value) for label in read])
    if len(best) < max(3, AGREEING * len(read)):
        return None
    slope, start = np.polyfit(*zip(*best), 1)
    return float(start), float(slope)


def _agreeing(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points, as (place, value), of the straight line that most of them are on."""
    best: list[tuple[float, float]] = []
    for (a, first), (b, second) in itertools.combinations(points, 2):
        slope = (second - first) / (b - a)
        if slope:
            tolerance = 1.2 * abs(slope)  # a pixel
            agreeing = [(p, v) for p, v in points if abs(first + slope * (p - a) - v) <= tolerance]
            best = max(best, agreeing, key=len)
    return best


def read_powers(
    pixels: np.ndarray, box: Box, side: str
) -> tuple[tuple[float, float], tuple[tuple[float, str], ...]] | None:
    """
    Of a side of the axes with plain numbers whose logarithms are in proportion to their places, as 0.1, 1, 10 or 1k,
    2k, 4k: (start, slope) as of `read_decades`, and those labels, as (value, text); None if there aren't three that
    agree, or two with ticks between them as logarithmic axes have.
    """
    read, _ = _labels(pixels, box, side)
    points = [(label.place, float(np.log10(label.value))) for label in read if label.value > 0]
    best = _agreeing(points)
    if len(best) < max(2, AGREEING * len(read)):
        return None
    slope, start = (float(number) for number in np.polyfit(*zip(*best), 1))
    if len(best) == 2 and not _at_multiples(start + slope * find_ticks(pixels, box, side)):
        return None
    places = {place for place, _ in best}
    labels = [label for label in read if label.place in places]
    return (start, slope), tuple((label.value, label.text.translate(LOOKALIKES)) for label in labels)


def _at_multiples(logarithms: np.ndarray) -> bool:
    """Whether most values are multiples of powers of ten, and many."""
    mantissas = 10 ** (logarithms % 1)
    return len(mantissas) > 4 and np.mean(np.abs(mantissas / np.rint(mantissas) - 1) < ROUND) > BETWEEN


@remembered
def read_decades(pixels: np.ndarray, box: Box, side: str) -> tuple[float, float] | None:
    """
    (start, slope) of log10(value) = start + slope * pixel along a side of the axes whose labels are powers of ten
    (10, and a raised exponent); None if there aren't two that agree, and most of those that can be read, or one with
    ticks around it as logarithmic axes have.
    """
    read, _ = _powers_of_ten(pixels, box, side)
    if len(read) == 1:
        return _around(*read[0], find_ticks(pixels, box, side), upwards=side != "bottom")
    best = _agreeing(read)
    if len(best) < max(2, AGREEING * len(read)):
        return None
    slope, start = np.polyfit(*zip(*best), 1)
    return float(start), float(slope)


@remembered
def _powers_of_ten(pixels: np.ndarray, box: Box, side: str) -> tuple[tuple[tuple[float, int], ...], Style | None]:
    """The exponents of the powers of ten at ticks, as (place, exponent), and how they are written; none if more labels
    can't be read."""
    ticks, fine = major_ticks(pixels, box, side), detail_of(pixels)
    read, style = _exponents(pixels, box, ticks, side)
    if len(read) < 2 and fine is not None:
        finer, fine_style = _exponents(fine.pixels, tuple(fine.enlarged(box)), fine.enlarged(ticks), side)
        if len(finer) > len(read):
            read = tuple((float(fine.reduced(place)), exponent) for place, exponent in finer)
            style = fine_style._replace(scale=fine_style.scale / fine.zoom)
    return read, style


def _around(place: float, exponent: int, ticks: np.ndarray, upwards: bool) -> tuple[float, float] | None:
    """(start, slope) as of `read_decades`, by one label and the ticks that stand at the multiples of powers of ten
    around it; None if they don't. `upwards`: values rise with falling rows."""
    above = ticks[ticks < place - 1][::-1] if upwards else ticks[ticks > place + 1]
    below = ticks[ticks > place + 1] if upwards else ticks[ticks < place - 1][::-1]
    if len(above) + len(below) < LEAST_AROUND or len(above) > 8 or len(below) > 8:
        return None
    values = np.array([1, *range(2, len(above) + 2), *(k / 10 for k in range(9, 9 - len(below), -1))], float)
    places, logarithms = np.array([place, *above, *below]), exponent + np.log10(values)
    slope, start = np.polyfit(places, logarithms, 1)
    if np.abs(start + slope * places - logarithms).max() > 1.5 * abs(slope):
        return None
    return float(start), float(slope)


def _exponents(
    pixels: np.ndarray, box: Box, ticks: np.ndarray, side: str
) -> tuple[tuple[tuple[float, int], ...], Style | None]:
    read, style, in_vain = [], None, 0
    for place in ticks:
        label = _cut(pixels, box, place, ticks, side)
        power = _power_of_ten(*label[:2]) if label else None
        if power is not None:
            exponent, own = power
            style = own if style is None else min(style, own, key=lambda style: style.error)
            read.append((float(place), exponent))
        elif label is not None:
            in_vain += 1
            if in_vain == IN_VAIN and not read:
                break
    return (tuple(read), style) if len(read) >= in_vain else ((), None)


@lru_cache(1024)
def _power_of_ten(ink: bytes, rows: int) -> tuple[int, Style] | None:
    """Of a picture of 10 with an exponent, that and how it is written; None if it is something else."""
    line = np.frombuffer(ink, np.float32).reshape(rows, -1)
    glyphs = runs_of((line > INK).any(axis=0), 0)
    if len(glyphs) < 3:
        return None
    feet, heads = [], []
    for start, end in glyphs:
        filled = np.flatnonzero((line[:, start:end] > INK).any(axis=1))
        feet.append(filled[-1] + 1), heads.append(filled[0])
    height = feet[0] - heads[0]
    if abs(feet[1] - feet[0]) > 1 or abs(heads[1] - heads[0]) > 1:
        return None
    if any(feet[0] - foot < RAISED * height for foot in feet[2:]):
        return None
    ten, exponent, sign = line[:, : glyphs[1][1] + 1], glyphs[2:], 1
    best = MOST_ERROR, None
    for fonts in (FONTS, *((font,) for font in MATH_FONTS)):
        text, error, style = _read(ink_of(ten), rows, height, None, fonts)
        if text.translate(DIGITS) == "10":
            best = min(best, (error, style), key=itemgetter(0))
        if best[0] <= ALIKE:
            break
    found = best[1]
    if found is None:
        return None
    if feet[2] - heads[2] <= MINUS * height < exponent[0][1] - exponent[0][0] + 1:
        sign, exponent = -1, exponent[1:]
    if not exponent:
        return None
    raised = line[:, max(0, exponent[0][0] - 1) :]
    read = read_line(raised, found[:1], (POINTS,), round(found.scale * SMALLER, 2))
    text = read.text.translate(DIGITS)
    return (sign * int(text), found) if EXPONENT.fullmatch(text) else None


def _with_hyphen(text: str) -> str:
    return text.replace("–", "-").replace("−", "-")


def _cut(pixels: np.ndarray, box: Box, place: float, ticks: np.ndarray, side: str) -> tuple[bytes, int, int] | None:
    """The ink of the label at one tick (float32), how many rows it has, and how high its digits are; None if there is
    none."""
    zoom = len(pixels) / CANVAS
    wide, tall = zoom * MOST_WIDE, zoom * TALLEST
    gap = np.diff(ticks).min() if len(ticks) > 1 else 2 * wide
    left, _, right, bottom = (int(round(v)) for v in box)
    if side == "bottom":
        half = int(min(gap, wide) / 2)
        lowest = bottom + 5 + round(zoom * LOWEST)
        area = np.s_[bottom + 2 : lowest, max(0, int(place) - half) : int(place) + half + 1]
    else:
        half = int(min(gap, tall) / 2)
        columns = (
            slice(max(0, left - round(wide)), left - 2) if side == "left" else slice(right + 3, right + round(wide))
        )
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
    runs = [run for run in runs if tick not in run or not _is_ticks(ink[:, slice(*run)])]
    if not runs:
        return None
    if side == "left":  # what stands next to the axis; further out is the name of the axis
        runs = runs[::-1]
    chosen, height = [], np.count_nonzero((ink[:, slice(*runs[0])] > INK).any(axis=1))
    apart = max(NEXT, GAP * height)
    for run in runs:
        if chosen and side != "bottom" and max(run[0] - chosen[-1][1], chosen[-1][0] - run[1]) > apart:
            break
        chosen.append(run)
    rows = np.flatnonzero((ink[:, min(a for a, _ in chosen) : max(b for _, b in chosen)] > INK).any(axis=1))
    lines = [line for line in runs_of(np.isin(np.arange(len(ink)), rows), 1) if np.ptp(line) >= 5]
    if not lines:
        return None
    if side == "bottom" and len(lines) > 1 and _is_ticks(ink[slice(*lines[0])].T):
        lines = lines[1:]  # of a large picture ticks are as high as letters
    line = max(lines, key=np.ptp) if side != "bottom" else lines[0]
    if side != "bottom" and np.ptp(line) == len(ink):  # a colour bar, and no label
        return None
    if side == "bottom":  # further down is the name of the axis
        chosen = runs_of((ink[slice(*line)] > INK).any(axis=0), 0 if len(ticks) > 1 else zoom * NEXT)
        chosen = [min(chosen, key=lambda run: abs(sum(run) - ink.shape[1]))] if len(ticks) == 1 else chosen
    ink = ink[max(0, line[0] - 2) : line[1] + 2, max(0, min(chosen)[0] - 2) : max(chosen)[1] + 2]
    return ink_of(ink), len(ink), line[1] - line[0]


def _is_ticks(ink: np.ndarray) -> bool:
    """Whether what touches the axis is nothing but thin lines across it."""
    return all(end - start <= TICK for start, end in runs_of((ink > INK).any(axis=1), 0))


def ink_of(line: np.ndarray) -> bytes:
    return np.ascontiguousarray(line).tobytes()


@lru_cache(4096)
def _read(
    ink: bytes, rows: int, height: int, style: Style | None, fonts: Sequence[str] = FONTS
) -> tuple[str, float, Style | None]:
    """
    What a picture of one line of text says, its error, and the font and scale that it is written in.

    Args:
        ink: as float32, `rows` high, its digits some `height` pixels high.
        style: font and scale of the other labels of the axis; if they fit, no others are tried.
        fonts: that are tried.
    """
    line = np.frombuffer(ink, np.float32).reshape(rows, -1)
    best, found = Line("", 1.0), None
    if style is not None:
        best, found = read_line(line, style[:1], (POINTS,), style.scale), style
        if best.error <= ALIKE:
            return best.text, best.error, found
    powers = fonts is not FONTS
    digit = MATH_DIGIT if powers else DIGIT
    narrow = line.shape[1] < NARROW * height  # else words, of which the font needn't be known
    for font in fonts if powers or narrow else fonts[:-1]:
        for fitting in FITTING:
            scale = round(height * fitting / digit / (POINTS / 72 * DPI), 2)
            reading = read_line(line, (font,), (POINTS,), scale)
            if reading.error < min(best.error, RARE if font == STIX and not powers else 1):
                best, found = reading, Style(font, scale, reading.error)
            if best.error <= CLEAR or best.error > HOPELESS:
                return best.text, best.error, found
        if best.error <= (ALIKE if style is None and narrow else MOST_ERROR):
            break
    return best.text, best.error, found


def _plain(text: str) -> str:
    """A number without units, its signs as Python has them."""
    return UNIT.sub("", _with_hyphen(text.strip("$€£% "))).translate(LOOKALIKES)


def read_number(text: str) -> float | None:
    """The number that a text is, with or without units that stand beside numbers; None if it is none."""
    text = _plain(text)
    unit = UNITS.get(text[-1:], 1)
    text = text[:-1] if text[-1:] in UNITS else text
    if THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    try:
        return unit * float(text.replace(",", "."))
    except ValueError:
        return None


def runs_of(mask: np.ndarray, bridged: float) -> list[tuple[int, int]]:
    """(start, end) of the stretches of True; gaps up to `bridged` belong to them."""
    places = np.flatnonzero(mask)
    if not len(places):
        return []
    return [(int(r[0]), int(r[-1]) + 1) for r in np.split(places, np.flatnonzero(np.diff(places) > bridged + 1) + 1)]

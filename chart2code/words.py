"""Reading a line of text: of all strings, the one whose picture differs least from it.

"Document image decoding" (Kopec and Chou, 1994) with the one font that nearly all charts have, matplotlib's own: the
line is cut into glyphs by dynamic programming, each of which explains some of the line's ink.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import as_strided
from PIL import Image
from scipy import ndimage

from chart2code.picture_cache import remembered_by_value

LIGATURES = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl"}  # which matplotlib draws since 3.11
LETTERS = "äöüßéèêáàâíóôúçñãøåæ"  # no capitals: their marks are above the line, and cost nothing where there is no ink
GREEK = "ΔΩλπ"  # that names and units have and that look like no digit
CHARACTERS = "".join(map(chr, range(33, 127))).replace("`", "") + "°²³µ€£–−×" + LETTERS + GREEK + "".join(LIGATURES)
FREQUENT = "etaoinsrhldcumfpgwybvkETAOINSRHLDCUMFP"  # as a line of text looks from afar
REGULAR, BOLD = "DejaVuSans.ttf", "DejaVuSans-Bold.ttf"
SERIF, SERIF_BOLD = "DejaVuSerif.ttf", "DejaVuSerif-Bold.ttf"
ITALIC = "DejaVuSans-Oblique.ttf"
STIX, STIX_BOLD = "STIXGeneral.ttf", "STIXGeneralBol.ttf"  # like Times
FAMILIES = {"sans-serif": (REGULAR, BOLD), "serif": (SERIF, SERIF_BOLD), "STIXGeneral": (STIX, STIX_BOLD)}
DPI = 100  # matplotlib's own, at which glyphs are hinted
KEPT = 500  # lines that were read
PHASES = 4  # places of a glyph to the pixel, along the line
RISES = (0.0, 0.2, 0.4, 0.6, 0.8)  # places of the base line, pixels
PEN = 8  # pixels
ROUNDING = 2  # PHASES-ths of a pixel
KERNED = {  # ems that others may stand nearer behind a glyph, at most
    **dict.fromkeys("TY", 0.18), "L": 0.14, **dict.fromkeys("FVW", 0.09), **dict.fromkeys("AKPX", 0.07),
    **dict.fromkeys("BDGORk", 0.05),
}  # fmt: skip
KERNING_COST = 5.0  # what an em of that costs
BEARING = 0.15  # ems, by which the pen may stand before the ink
ASCENT, DESCENT = 0.85, 0.25  # of the glyphs above and below the base line, in ems
TALL = 24  # pixels: a line that is higher is read no better, but eight times as slowly as in half of its resolution
TRIED = 8  # sizes and places of a line of each font
IN_VAIN = 3  # places, one after another, that are no better: no other is tried, if the size is known
HOPELESS = 0.55  # of a line's ink unexplained: the same
CLEAR = 0.17  # of a line's ink unexplained: no other is tried, but
NEAR = 0.08  # sizes no further off. And of lines that are less sure,
SURE, BETWEEN = 0.13, (0.97, 1.03)  # so many times the size that fits best
GLYPH_COST = 0.05, 0.9  # of a glyph's ink, and of any glyph, so that no letter is two others. In ems that have more
USUAL = 14  # pixels, it costs more


@dataclass(frozen=True)
class Glyphs:
    """The glyphs of a font at a size: all `CHARACTERS` and the space, the narrowest first.

    images: ink (PHASES, G, height, width), the pen a pixel from the left edge. advances: (G,), and an em, in
    PHASES-ths of a pixel.
    """

    characters: str
    images: np.ndarray
    advances: np.ndarray
    em: float

    @cached_property
    def costs(self) -> np.ndarray:
        """(PHASES, G, 1): what the ink under each image must be worth to be of that glyph."""
        energy = (self.images**2).sum(axis=(2, 3))[..., None]
        return (1 + GLYPH_COST[0]) * energy + GLYPH_COST[1] * max(1.0, self.em / PHASES / USUAL) ** 2 * (energy > 0)

    @cached_property
    def starts(self) -> np.ndarray:
        """Where glyphs of another advance begin."""
        return np.flatnonzero(np.diff(self.advances, prepend=-1))

    @cached_property
    def kerning(self) -> dict[int, np.ndarray]:
        """Of each glyph that others may stand nearer to: what it costs to move the pen by 1, 2, ... less."""
        costs = {}
        for character, most in KERNED.items():
            k = self.characters.index(character)
            steps = min(math.ceil(most * self.em), self.advances[k] - 1) - ROUNDING
            if steps > 0:
                costs[k] = np.arange(1, steps + 1, dtype=np.float32) * KERNING_COST / self.em
        return costs


@dataclass(frozen=True)
class Line:
    """A line of text as it was read, and the share of its ink (sum of squares) that the text does not explain; the
    font, its size in points, and where it was found, across it, in pixels of a page; its color (red, green, blue), of
    255, if that was measured."""

    text: str
    error: float
    font: str = ""
    points: float = 0.0
    middle: float = 0.0
    color: tuple[float, ...] | None = None

    @property
    def bold(self) -> bool:
        return self.font in (BOLD, SERIF_BOLD, STIX_BOLD)

    @property
    def italic(self) -> bool:
        return self.font == ITALIC

    @property
    def family(self) -> str:
        """As matplotlib calls it."""
        return next((name for name, fonts in FAMILIES.items() if self.font in fonts), "sans-serif")


@cache
def _face(font: str, points: float, characters: str = CHARACTERS) -> tuple[np.ndarray, np.ndarray]:
    """Ink of the characters as figures have it (G, height, width), the pen in column PEN and the base line above row
    `_base(points)`, and how far each and, last, the space moves the pen, in pixels of the figure."""
    import matplotlib
    from matplotlib.ft2font import FT2Font, LoadFlags

    folder = Path(matplotlib.get_data_path(), "fonts/ttf")
    own, fallback = (FT2Font(str(folder / name)) for name in (font, REGULAR))
    own.set_size(points, DPI), fallback.set_size(points, DPI)
    em, base = points / 72 * DPI, _base(points)
    pictures = np.zeros((len(characters), base + math.ceil(em), PEN + math.ceil(2 * em) + 8), np.uint8)
    advances = []
    for k, character in enumerate(characters + " "):
        face = own if own.get_char_index(ord(character)) else fallback
        glyph = face.load_char(ord(character), flags=LoadFlags.DEFAULT)
        advances.append(glyph.linearHoriAdvance / 65536)
        if k < len(characters):
            top = base - math.ceil(glyph.bbox[3] / 64)
            face.draw_glyph_to_bitmap(pictures[k], PEN, top, glyph, antialiased=True)
    own.clear(), fallback.clear()  # they keep what they have loaded
    return pictures.astype(np.float32) / 255, np.array(advances)


def ink_of(text: str, font: str, points: float) -> float:
    """The area that a text covers, in pixels of the figure."""
    pictures, known = _face(font, points)[0], [k for c in text if (k := CHARACTERS.find(c)) >= 0]
    return float(pictures[known].sum())


def _base(points: float) -> int:
    return math.ceil(1.2 * points / 72 * DPI) + 1


def _seen(pictures: np.ndarray, points: float, scale: float, rise: float, columns: np.ndarray) -> np.ndarray:
    """Pictures (..., H, W) of `_face`, scaled: (..., h, w), the base line `rise` below row ASCENT; `columns`: the
    `_resampling` (w, W) along the line."""
    em = points / 72 * DPI * scale
    height = math.ceil((ASCENT + DESCENT) * em) + 1
    top = _base(points) + 1 - (math.ceil(ASCENT * em) + rise) / scale  # lower by a pixel of the figure: | is deep
    return (_resampling(pictures.shape[-2], top, height, scale) @ pictures) @ columns.T


def _resampling(length: int, start: float, count: int, scale: float) -> np.ndarray:
    """(count, length): what Pillow's bicubic resampling of `count / scale` pixels from `start` on is, as a matrix."""
    identity = Image.fromarray(np.eye(length, dtype=np.float32))
    box = (0, start, length, start + count / scale)
    return np.asarray(identity.resize((length, count), Image.Resampling.BICUBIC, box=box))


@lru_cache(256)
def glyphs_of(font: str, points: float, scale: float, rise: float) -> Glyphs:
    """`scale`: pixels per pixel of the figure; `rise`: of the base line below the images' row ASCENT."""
    pictures, advances = _face(font, points)
    em = points / 72 * DPI * scale
    width = math.ceil(1.1 * em) + 3
    starts = [PEN - (1 + phase / PHASES) / scale for phase in range(PHASES)]
    columns = np.concatenate([_resampling(pictures.shape[2], start, width, scale) for start in starts])
    advances = np.round(advances * scale * PHASES).astype(int)
    order = np.argsort(advances, kind="stable")
    seen = _seen(pictures, points, scale, rise, columns)
    images = np.zeros((PHASES, len(order), seen.shape[1], width), np.float32)
    is_space = order == len(CHARACTERS)  # it has no ink
    images[:, ~is_space] = seen[order[~is_space]].reshape(-1, seen.shape[1], PHASES, width).transpose(2, 0, 1, 3)
    characters = "".join(np.array([*CHARACTERS, " "])[order])
    return Glyphs(characters, images, advances[order], em * PHASES)


@lru_cache(1024)
def _profile(font: str, points: float, scale: float, rise: float) -> np.ndarray:
    """The ink of the rows of usual text, of norm 1."""
    rows = _face(font, points, FREQUENT)[0].sum(axis=(0, 2))
    rows = _seen(rows[:, None], points, scale, rise, np.ones((1, 1), np.float32))[:, 0]
    return rows / np.linalg.norm(rows)


@remembered_by_value(KEPT)  # words are read again for each program that is to have them
def read_line(ink: np.ndarray, fonts: Sequence[str], sizes: Sequence[float], scale: float, tried: int = TRIED) -> Line:
    """
    What is written in a line of text alone.

    Args:
        ink: (H, W), 0 to 1.
        sizes: in points; `scale` as in `glyphs_of`.
        tried: sizes and places of the line in each font, those first that have ink in the same rows.
    """
    while len(ink) > TALL:
        ink, scale = _halved(ink), scale / 2
    best = _likeliest(ink, fonts, sizes, scale, tried)
    if not best.text or len(sizes) == 1:
        return best

    def compared(others: Iterable[float]) -> Line:
        lines = [best, *(_likeliest(ink, [best.font], [size], scale, 1) for size in others)]
        return min(lines, key=lambda line: line.error)

    if best.error < CLEAR:
        best = compared(size for size in sizes if 0 < abs(size / best.points - 1) < NEAR)
    if best.error > SURE:
        best = replace(compared(best.points * times for times in BETWEEN), points=best.points)
    return best


def _halved(ink: np.ndarray) -> np.ndarray:
    """The ink of a line in half of the resolution."""
    even = np.pad(ink, [(0, length % 2) for length in ink.shape])
    half = Image.fromarray(even).resize((even.shape[1] // 2, len(even) // 2), Image.Resampling.BICUBIC)
    return np.asarray(half).clip(0, 1)


def _likeliest(ink: np.ndarray, fonts: Iterable[str], sizes: Sequence[float], scale: float, tried: int) -> Line:
    """As `read_line`, in exactly these sizes; the first line that is clear."""
    rows, total = ink.sum(axis=1), max(float((ink**2).sum()), 1e-6)
    best, most = Line("", 1.0), 0.0
    ways = list(itertools.product(sizes, RISES))
    for font in fonts:
        profiles = [_profile(font, points, scale, rise) for points, rise in ways]
        longest = len(ink) - 1 + max(map(len, profiles), default=0)
        likeness = np.zeros((len(ways), longest))  # the images' top in row place - longest + len(ink)
        for values, profile in zip(likeness, profiles):
            values[longest + 1 - len(ink) - len(profile) :] = np.correlate(rows, profile, mode="full")
        in_vain = 0
        for place in np.argsort(-likeness, axis=None, kind="stable")[:tried]:
            way, row = divmod(int(place), longest)
            top = row - longest + len(ink)
            points, rise = ways[way]
            text, explained = decode(ink, glyphs_of(font, points, scale, rise), top, most)
            in_vain += 1
            if explained > most:
                best, most, in_vain = Line(text, 1 - explained / total, font, points), explained, 0
            if best.error < CLEAR:
                return best
            if len(sizes) == 1 and (in_vain == IN_VAIN or best.error > HOPELESS):
                break
    return best


def decode(ink: np.ndarray, glyphs: Glyphs, top: int, known: float = 0.0) -> tuple[str, float]:
    """The string that explains most of `ink` (H, W), if the glyphs' images start in row `top`, and how much: what the
    sum of squares is less for it. If that is no more than what is `known` to be possible, the string is empty."""
    gains = _gains(ink, glyphs, top)
    # Of all glyphs that move the pen from one place to another only the best comes into question: (steps, places), the
    # longest step first, and nothing before the first place.
    length, advances, kerning = gains.shape[1], glyphs.advances, glyphs.kerning
    least = min(advances[0], *(advances[k] - len(costs) for k, costs in kerning.items())) - ROUNDING
    most, least = int(advances[-1]) + ROUNDING, max(1, int(least))
    best = np.full((most + 1 - least, most + length), -np.inf, np.float32)
    best[most - advances[glyphs.starts], most:] = np.maximum.reduceat(gains, glyphs.starts)
    best = ndimage.maximum_filter1d(best, 2 * ROUNDING + 1, axis=0, mode="nearest")
    for k, costs in kerning.items():
        nearer = best[most - advances[k] + ROUNDING + 1 :][: len(costs), most:]
        np.maximum(nearer, gains[k] - costs[:, None], out=nearer)

    row, item = best.strides
    ways = as_strided(best, (len(best), length + 1), (row + item, item))  # the same, by the places that they lead to
    ends = np.zeros(most + length + 1, np.float32)  # what is explained at most, with the pen at a place
    before = as_strided(ends, ways.shape, (item, item))  # of where the ways come from
    for place in range(0, length + 1, least):  # the ends of so many places hang on none of each other
        block = slice(place, place + least)
        totals = (before[:, block] + ways[:, block]).max(axis=0)
        np.maximum(totals, 0, out=ends[most:][block])
    place = int(ends[most:].argmax())
    explained, text = float(ends[most + place]), ""
    while explained > known and ends[most + place] > 0:
        step = most - int((before[:, place] + ways[:, place]).argmax())
        place -= step
        own = np.where(abs(advances - step) <= ROUNDING, gains[:, place], -np.inf)
        for k, costs in kerning.items():
            nearer = advances[k] - ROUNDING - step
            if 0 < nearer <= len(costs):
                own[k] = gains[k, place] - costs[nearer - 1]
        glyph = glyphs.characters[own.argmax()]
        text = LIGATURES.get(glyph, glyph) + text
    return _told_apart(" ".join(text.split())), explained


def _gains(ink: np.ndarray, glyphs: Glyphs, top: int) -> np.ndarray:
    """(G, n * PHASES): what each glyph explains of the ink with the pen at each place, less its cost."""
    count, height, width = glyphs.images.shape[1:]
    lead, length = 1 + math.ceil(BEARING * glyphs.em / PHASES), ink.shape[1]
    line = np.zeros((height, lead + length + width), np.float32)
    first, last = max(top, 0), max(top, 0, min(top + height, ink.shape[0]))
    line[first - top : last - top, lead : lead + length] = ink[first:last]
    row, pixel = line.strides
    windows = as_strided(line, (height, width, lead + length + 1), (row, pixel, pixel)).reshape(height * width, -1)
    explained = 2 * (glyphs.images.reshape(PHASES * count, -1) @ windows).reshape(PHASES, count, -1)
    return (explained - glyphs.costs).transpose(1, 2, 0).reshape(count, -1)


def _told_apart(text: str) -> str:
    """The letters I and l, m and rn, and points and spaces, which are drawn alike, by their neighbours."""
    text = re.sub(r"\b0 (?=\d)", "0.", text)
    text = re.sub(r"[^\W\d_]*[Il][^\W\d_]*", lambda word: _told_apart_in(word[0]), text)
    text = re.sub(r"(?<=[a-z,] )I(?=[aeou])", "l", text)
    text = re.sub(r"^l (?=[a-z])", "I ", text)
    return re.sub(r"(?<![aeou])rn|rn(?=[bp])|(?<=iu)rn\b", "m", text)


def _told_apart_in(word: str) -> str:
    """A word with I in the places of l, or the other way round, as it is most likely written."""
    rest = word[1:]
    if re.search("[a-zß-ÿ]", re.sub("l", "", word)) or re.fullmatch("[A-HJ-Z][Il]{2}", word):  # not in capitals
        rest = rest.replace("I", "l")
        return ("I" if word[0] == "l" and rest[:1] and rest[0] not in "aeiouy" else word[0]) + rest
    return word.replace("l", "I") if re.search("[A-HJ-Z]", word) else word

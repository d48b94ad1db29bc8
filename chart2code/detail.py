"""A picture in its own resolution, if that is more than the canvas has: for lines and words that are too thin there.

Measures on the canvas were made for figures of some 640 pixels; a figure of 1,000 has frames, ticks and labels there
of half a pixel and of five. And glyphs are told apart best in the pixels that they were drawn in.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from chart2code.picture_cache import remembered
from eval_metric.similarity import CANVAS, to_canvas

MOST = 2  # times the side of the canvas
_sources: dict[int, Image.Image | np.ndarray] = {}


@dataclass(frozen=True)
class Detail:
    """pixels: (zoom * CANVAS, zoom * CANVAS, 3) uint8, letterboxed as the canvas is."""

    pixels: np.ndarray
    zoom: float

    def enlarged(self, places: Sequence[float] | np.ndarray) -> np.ndarray:
        """Pixels of the canvas to those of this picture (the middle of the first pixel is 0)."""
        return self.zoom * np.asarray(places, float) + (self.zoom - 1) / 2

    def reduced(self, places: Sequence[float] | np.ndarray) -> np.ndarray:
        """Pixels of this picture to those of the canvas."""
        return (np.asarray(places, float) - (self.zoom - 1) / 2) / self.zoom


def canvas_of(image: Image.Image | np.ndarray) -> np.ndarray:
    """The picture on the common canvas, an array of its own, of which `detail_of` knows where it comes from."""
    pixels = np.array(to_canvas(image))
    if _longest_side(image) != CANVAS:
        _sources[id(pixels)] = image
        weakref.finalize(pixels, _sources.pop, id(pixels), None)
    return pixels


@remembered
def detail_of(pixels: np.ndarray) -> Detail | None:
    """The picture that a canvas was made of; None if that says no more."""
    image = _sources.get(id(pixels))
    if image is None or _longest_side(image) < CANVAS:
        return None
    side = min(_longest_side(image), MOST * CANVAS)
    # What lies around the picture is of whole pixels, here and on the canvas.
    own, wanted = _middle(image, side), np.multiply(_middle(image, CANVAS), side / CANVAS)
    return Detail(np.roll(to_canvas(image, side), np.rint(wanted - own).astype(int), axis=(0, 1)), side / CANVAS)


def finest_of(pixels: np.ndarray) -> Detail:
    """The same, or the canvas itself where that says no more."""
    return detail_of(pixels) or Detail(pixels, 1.0)


def _middle(image: Image.Image | np.ndarray, side: int) -> list[float]:
    """Row and column of the middle of a picture on a canvas with that side."""
    lengths = image.shape[:2] if isinstance(image, np.ndarray) else image.size[::-1]
    sides = [round(side * length / max(lengths)) for length in lengths]
    return [round((side - own) / 2) + own / 2 for own in sides]


def _longest_side(image: Image.Image | np.ndarray) -> int:
    return max(image.shape[:2] if isinstance(image, np.ndarray) else image.size)

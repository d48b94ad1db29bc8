"""A picture at twice the resolution of the canvas, if it has that: for lines and digits that are too thin on the canvas.

Measures on the canvas were made for figures of some 640 pixels; a figure of 1,000 has frames, ticks and labels there of
half a pixel and of five.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageOps

from chart2code.picture_cache import remembered
from eval_metric.similarity import CANVAS, to_canvas

ZOOM = 2
LEAST = 1.25  # times the side of the canvas: pictures that are not larger have no more detail
_sources: dict[int, Image.Image] = {}


def canvas_of(image: Image.Image | np.ndarray) -> np.ndarray:
    """The picture on the common canvas, an array of its own, of which `detailed` knows where it comes from."""
    pixels = np.array(to_canvas(image))
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    if max(image.size) > LEAST * CANVAS:
        _sources[id(pixels)] = image
        weakref.finalize(pixels, _sources.pop, id(pixels), None)
    return pixels


@remembered
def detailed(pixels: np.ndarray) -> np.ndarray | None:
    """The picture of a canvas, `ZOOM` times as large, (H, W, 3) uint8; None if that says no more."""
    image = _sources.get(id(pixels))
    if image is None:
        return None
    side = ZOOM * CANVAS
    return np.array(ImageOps.pad(image.convert("RGB"), (side, side), Image.Resampling.BICUBIC, color="white"))


def enlarged(places: Sequence[float] | np.ndarray) -> np.ndarray:
    """Pixels of the canvas to those of the detailed picture (the middle of the first pixel is 0)."""
    return ZOOM * np.asarray(places, float) + (ZOOM - 1) / 2


def reduced(places: Sequence[float] | np.ndarray) -> np.ndarray:
    """Pixels of the detailed picture to those of the canvas."""
    return (np.asarray(places, float) - (ZOOM - 1) / 2) / ZOOM

"""How alike two chart pictures are: `chart_iou`, version 1.1.

The paper scores a generated program by the "IoU" of its picture with the original, success from 0.85 on, but never
says of what. This is the definition used here.

Canvas.     Both pictures are letterboxed to 512 x 512 (aspect ratio kept, bicubic, white), so figures of any size and
            dpi compare; another aspect ratio counts as a difference.
Background. White, and in addition the most frequent colour of the picture where that is evidently paper: it covers
            at least half of the canvas, or it is pale (no channel below 200) and covers a fifth. This second colour
            counts only if both pictures have it; else the paper of the one is ink, since it differs from the other.
Ink.        Pixels that differ from all background colours by more than 24 (of 255) in some channel. An ink pixel is
            an edge if the colour 2 pixels above, below, left or right of it differs by more than 48 in some channel,
            else it is interior. Lines, small markers and text are all edge.
Match.      An ink pixel of A is matched if the window of B around it, 2 pixels to each side, has ink of the same kind
            (edge or interior), and if its colour lies between the window's: green, (red - green) / 2 and
            (green - blue) / 2 are each within the window's smallest and largest value, give or take 24, 12 and 12.
            Likewise for B in A.
Weight.     A pixel weighs 0.1 if it is grey, 1 if its chroma (largest minus smallest channel) is 64 or more, and in
            between linearly; 3 % of that if it is interior.
IoU.        I / (|A| + |B| - I), with |A|, |B| the weights of all ink and I the mean of the weights of what is matched
            in A and in B: symmetric, 1 for equal pictures. Both blank: 1. One blank: 0.

Why so. Plain ink IoU gives 0.6 for a line that is shifted by one pixel, and 1.00 for bars or wedges in other colours
or proportions; the tolerance mends the first and the colours mend the second. The weight of colour is there because
frame, grid, ticks and text are grey or black in most charts and have more ink than a thin line has: unweighted, a
chart with a wrong line passes 0.85 on the strength of its frame. The edges are there because a bar of the wrong height
shares most of its area with the right one, and because a line that is drawn over bars has hardly any area.

Colours are compared with a range because the rim of a mark is a blend of the mark and what is behind it, and another
resolution blends differently: blends lie between the colours that they are made of. Ranges of red, green and blue
would hold nearly every colour where a mark has a black outline on white paper; grey has no share in the differences.

What it does not do. Wrong words cost little, since text is grey; this is a measure of the drawing. A chart whose
marks are themselves grey or black is judged without the help of colour: there, text and frame weigh as much as marks.
`chart_iou_strict` is plain ink IoU, to be reported beside it.
"""

import numpy as np
from PIL import Image
from PIL import ImageOps


SIMILARITY_VERSION = "1.1"
CANVAS = 512
TOLERANCE = 2  # pixels
INK_CONTRAST = 24  # of 255
EDGE_CONTRAST = 48  # of 255, per channel
COLOR_MARGINS = (24, 12, 12)  # of 255: green, half of red - green, half of green - blue
FULL_CHROMA = 64
GREY_WEIGHT = 0.1
INTERIOR_WEIGHT = 0.03
SUCCESS_IOU = 0.85  # tau of Eq. 20: from here on a program redraws its chart


def to_canvas(image: Image.Image | np.ndarray, side: int = CANVAS) -> np.ndarray:
    """The picture on the common canvas: (512, 512, 3) uint8, letterboxed in white, transparency over white.

    Args:
        image: a PIL image of any mode, or a uint8 array (H, W), (H, W, 3) or (H, W, 4).
        side: of the canvas; all scores are those of the common one.
    """
    if isinstance(image, np.ndarray):
        if image.shape == (side, side, 3) and image.dtype == np.uint8:
            return image
        if image.dtype != np.uint8 or image.ndim not in (2, 3):
            raise ValueError(f"an image array is (H, W, 3) uint8, not {image.shape} {image.dtype}")
        image = Image.fromarray(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    if image.mode != "RGB":  # else it would be copied
        image = image.convert("RGB")
    if image.size != (side, side):
        image = ImageOps.pad(image, (side, side), method=Image.Resampling.BICUBIC, color="white")
    return np.asarray(image)


def chart_iou(image: Image.Image | np.ndarray, reference: Image.Image | np.ndarray) -> float:
    """Colour-aware, tolerant IoU of two chart pictures, in [0, 1]. Defined in the module header. Symmetric."""
    first, second = (np.ascontiguousarray(to_canvas(picture).transpose(2, 0, 1)) for picture in (image, reference))
    papers = [_paper(first), _paper(second)]
    if None in papers or max(abs(a - b) for a, b in zip(*papers)) > INK_CONTRAST:
        papers = [None, None]
    ink_first, ink_second = _ink(first, papers[0]), _ink(second, papers[1])
    if not ink_first.any() or not ink_second.any():
        return float(ink_first.any() == ink_second.any())

    rows = np.flatnonzero((ink_first | ink_second).any(axis=1))
    rows = slice(max(0, rows[0] - TOLERANCE), rows[-1] + 1 + TOLERANCE)  # letterbox and margins cost time
    first, second, ink_first, ink_second = first[:, rows], second[:, rows], ink_first[rows], ink_second[rows]
    edge_first, edge_second = _edges(first), _edges(second)
    matched_first = _match(first, ink_first, edge_first, second, ink_second, edge_second)
    matched_second = _match(second, ink_second, edge_second, first, ink_first, edge_first)
    weights_first, weights_second = _weights(first, ink_first, edge_first), _weights(second, ink_second, edge_second)
    total = weights_first.sum() + weights_second.sum()
    common = (weights_first[matched_first[ink_first]].sum() + weights_second[matched_second[ink_second]].sum()) / 2
    return float(common / (total - common))


def chart_iou_strict(image: Image.Image | np.ndarray, reference: Image.Image | np.ndarray) -> float:
    """Plain IoU of the ink (all that is not white) on the same canvas, without tolerance, colours or weights."""
    first, second = (_ink(to_canvas(picture).transpose(2, 0, 1), None) for picture in (image, reference))
    union = np.count_nonzero(first | second)
    return float(np.count_nonzero(first & second) / union) if union else 1.0


def _paper(planes: np.ndarray) -> tuple[int, ...] | None:
    """The colour of the paper if it is not white (see the header), from a sixteenth of the pixels of (3, H, W)."""
    red, green, blue = sample = planes[:, ::4, ::4].reshape(3, -1).astype(np.int32)
    codes = (red << 16) | (green << 8) | blue
    values, counts = np.unique(codes[codes != 0xFFFFFF], return_counts=True)
    if not len(values):
        return None
    code, share = int(values[counts.argmax()]), counts.max() / sample.shape[1]
    color = code >> 16, code >> 8 & 255, code & 255
    return color if share >= (0.2 if min(color) >= 200 else 0.5) else None


def _ink(planes: np.ndarray, paper: tuple[int, ...] | None) -> np.ndarray:
    """(H, W) bool: what differs from white, and from the paper if there is one."""
    ink = np.minimum(np.minimum(planes[0], planes[1]), planes[2]) < 255 - INK_CONTRAST
    if paper is not None:
        differs = np.zeros_like(ink)
        for plane, level in zip(planes, paper):
            differs |= plane > min(255, level + INK_CONTRAST)
            differs |= plane < max(0, level - INK_CONTRAST)
        ink &= differs
    return ink


def _edges(planes: np.ndarray) -> np.ndarray:
    """(H, W) bool: pixels whose colour differs from one that is TOLERANCE away in x or in y, of (3, H, W)."""
    step = TOLERANCE
    edges = np.zeros(planes.shape[1:], dtype=bool)
    for before, after in ((np.s_[:-step, :], np.s_[step:, :]), (np.s_[:, :-step], np.s_[:, step:])):
        one, other = planes[:, *before], planes[:, *after]
        difference = np.maximum(one, other)
        difference -= np.minimum(one, other)
        differs = np.maximum(np.maximum(difference[0], difference[1]), difference[2]) > EDGE_CONTRAST
        edges[before] |= differs
        edges[after] |= differs
    return edges


def _weights(planes: np.ndarray, ink: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The weights, up to 1, of the ink pixels, in the order of `planes[:, ink]`: (N,) float64."""
    red, green, blue = (plane[ink] for plane in planes)
    chroma = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    levels = GREY_WEIGHT + (1 - GREY_WEIGHT) * np.minimum(np.arange(256) / FULL_CHROMA, 1)
    weights = levels[chroma]
    weights[~edges[ink]] *= INTERIOR_WEIGHT
    return weights


def _match(first, ink_first, edge_first, second, ink_second, edge_second) -> np.ndarray:
    """Which ink pixels of the first picture have a partner in the second: (H, W) bool."""
    near_edge = _window(ink_second & edge_second, np.maximum)
    near_interior = _window(ink_second & ~edge_second, np.maximum)
    matched = ink_first & np.where(edge_first, near_edge, near_interior)
    for one, other, margin in zip(_opponents(first), _opponents(second), map(np.uint8, COLOR_MARGINS)):
        lowest, highest = _window(other, np.minimum), _window(other, np.maximum)
        matched &= one >= np.maximum(lowest, margin) - margin  # uint8 must not fall below 0 or rise above 255
        matched &= one <= np.minimum(highest, 255 - margin) + margin
    return matched


def _opponents(planes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Green, (red - green) / 2 + 128, (green - blue) / 2 + 128 of (3, H, W) uint8: (H, W) uint8 each."""
    red, green, blue = planes >> 1
    return planes[1], red - green + np.uint8(128), green - blue + np.uint8(128)


def _window(plane: np.ndarray, extreme: np.ufunc) -> np.ndarray:
    """The minimum or maximum over the 5 x 5 window around each pixel of (H, W)."""
    assert TOLERANCE == 2  # so that pairs, then pairs of pairs, then one more make a window
    plane = np.pad(plane, TOLERANCE, mode="edge")
    for _ in range(2):  # down, then across
        pairs = extreme(plane[:-1], plane[1:])
        plane = extreme(extreme(pairs[:-3], pairs[2:-1]), plane[4:]).T
    return plane

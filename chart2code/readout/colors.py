"""The colours of a chart's picture: page, paper and marks, and how much of each pixel one covers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from chart2code import morphology
from chart2code.picture_cache import remembered

Box = tuple[float, float, float, float]
AREA, SAME_AREA = 400, 12  # pixels of one colour, no edges; of 255, between two areas of one colour
DOTTED = 0.05  # of the pixels of a colour, with the same on all sides
SOFT, HALO = 0.7, 0.45  # of the pixels of a soft edge, near what it is the edge of; of its contrast
ALIKE = 6  # of 255: how much better a mixture with another colour explains a pixel
MIX_ERROR = 40  # of 255: how far a pixel may be from the mixtures of a colour and the paper
NEAR, FILLED = 5, 3  # pixels: the square in which soft edges are of a line; and that is no edge
BODY = 0.9  # of the pixels of a colour that are no edges, in bars and areas
LEAST_MARKERS, MARKER = 3, 12  # markers of a colour; pixels of what they fill, at most
BETWEEN_BARS = 0.12  # of the uppermost rows, of the colour of the page: more than lines of a grid have
FULL = 0.75  # coverage from which a pixel belongs to a filled area


def palest(values: np.ndarray) -> np.ndarray:
    """The largest of the channels of (..., 3)."""
    return np.maximum(np.maximum(values[..., 0], values[..., 1]), values[..., 2])


def darkest(values: np.ndarray) -> np.ndarray:
    return np.minimum(np.minimum(values[..., 0], values[..., 1]), values[..., 2])


def chroma(pixels: np.ndarray) -> np.ndarray:
    return palest(pixels) - darkest(pixels)


def difference(pixels: np.ndarray, color: Sequence[float] | np.ndarray) -> np.ndarray:
    """The largest difference from a colour, or from another picture, in a channel."""
    color = np.round(color).astype(np.int16)
    apart = [np.abs(pixels[..., k].astype(np.int16) - color[..., k]) for k in range(3)]
    return np.maximum(np.maximum(apart[0], apart[1]), apart[2])


def letterbox(pixels: np.ndarray) -> np.ndarray:
    """(H, W) bool: what lies outside of the picture on the canvas."""
    ink = darkest(pixels) < 255
    return ~(ink.any(axis=1)[:, None] & ink.any(axis=0))


def coverage(pixels: np.ndarray, color: Sequence[float], paper: Sequence[float] = (255, 255, 255)) -> np.ndarray:
    """(H, W) float32: how much of each pixel a colour covers, on paper; 0 where it is another colour."""
    cover, paper = np.zeros(pixels.shape[:2], np.float32), np.asarray(paper, np.float32)
    direction = np.asarray(color, np.float32) - paper
    length = float(direction @ direction)
    if length < 1:
        return cover
    rows, columns = np.nonzero(difference(pixels, paper))  # elsewhere nothing is covered
    away = pixels[rows, columns] - paper
    share = away @ direction / length
    error = palest(np.abs(away - np.clip(share, 0, 1)[..., None] * direction))
    allowed = min(MIX_ERROR, 0.22 * np.abs(direction).max())  # pale colours are not far from grey
    cover[rows, columns] = np.where(error < allowed * np.clip(share + 0.3, 0, 1), np.clip(share, 0, 1), 0)
    return cover


def coverages(pixels: np.ndarray, colors: Sequence[np.ndarray], paper: Sequence[float], box: Box) -> list[np.ndarray]:
    """The coverage by each of several colours inside of a box; a pixel of one colour isn't half of another."""
    covers = [coverage_inside(pixels, color, paper, box).copy() for color in colors]
    edges = _edges_of_darker(covers, pixels, colors, paper)
    for k, color in enumerate(colors):
        exact = _has(pixels, color) & ~edges[k]
        for other, cover in zip(colors, covers):
            if np.abs(other - color).max() > 24:
                cover[exact] = 0
        covers[k][exact & (covers[k] > 0)] = 1
        covers[k][edges[k]] = 0
    if len(colors) > 1:
        _set_apart(covers, pixels, np.array(colors, np.float32), np.array(paper, np.float32))
    return covers


def _edges_of_darker(
    covers: list[np.ndarray], pixels: np.ndarray, colors: Sequence[np.ndarray], paper: Sequence[float]
) -> list[np.ndarray]:
    """(H, W) bool for each of some colours: where it is the soft edge of another one, which mixed with the paper gives
    it. Takes the coverage by that one from where it isn't near."""
    edges = [np.zeros(pixels.shape[:2], bool) for _ in colors]
    for (k, pale), (j, dark) in itertools.permutations(enumerate(colors), 2):
        share = wash_of(pale, dark, paper)
        if share is None:
            continue
        own = _has(pixels, pale)
        filled = morphology.opening(own, (FILLED, FILLED))
        if filled.sum() > BODY * own.sum():  # no line
            continue
        near = morphology.dilation(covers[j] > (1 + share) / 2, (NEAR, NEAR))
        edges[k] |= near & ~filled & (covers[k] > 0)
        covers[j][~near & (covers[j] < (1 + share) / 2) & (covers[k] > 0)] = 0
    return edges


def _set_apart(covers: list[np.ndarray], pixels: np.ndarray, colors: np.ndarray, paper: np.ndarray) -> None:
    """Takes the soft edges of each colour (N, 3) from the coverages by others that look alike when they are pale."""
    found = np.array(covers) > 0
    rows, columns = np.nonzero(found.sum(axis=0) > 1)
    away, directions = pixels[rows, columns] - paper, colors - paper
    shares = away @ directions.T / np.maximum(1, (directions**2).sum(axis=1))
    errors = palest(np.abs(away[:, None] - shares.clip(0, 1)[..., None] * directions))
    errors[~found[:, rows, columns].T] = np.inf
    for cover, worse in zip(covers, (errors > errors.min(axis=1, keepdims=True) + ALIKE).T):
        cover[rows[worse], columns[worse]] = 0


@remembered
def _has(pixels: np.ndarray, color: np.ndarray) -> np.ndarray:
    return difference(pixels, color) < 12


@remembered
def paper_of(pixels: np.ndarray, box: Box) -> tuple[int, ...]:
    """The colour of the axes' background: one of the most frequent, pale, or dark up to the frame; else that of the
    page, where marks let it through, or white."""
    inside = inside_of(pixels, box, 3).reshape(-1, 3).astype(np.int32)
    top = inside_of(pixels, box, 5)[:3].reshape(-1, 3).astype(np.int16)  # where bars don't reach
    if not len(inside) or not len(top):
        return 255, 255, 255
    codes, counts = np.unique((inside[:, 0] << 16) | (inside[:, 1] << 8) | inside[:, 2], return_counts=True)
    above = np.median(top, axis=0)
    for k in counts.argsort()[::-1][:4]:
        code, share = int(codes[k]), counts[k] / len(inside)
        color = code >> 16, code >> 8 & 255, code & 255
        shares = [(np.abs(top - other).max(axis=1) < 3).mean() for other in (color, page_of(pixels))]
        up_to_frame = np.abs(above - color).max() < 3 and (color == page_of(pixels) or shares[1] < BETWEEN_BARS)
        above_marks = shares[0] > 0.05 and shares[0] >= shares[1]  # else an area
        if share > 0.1 and (up_to_frame or above_marks and share > 0.2 and min(color) >= 200):
            return color
    page = page_of(pixels)
    return page if (difference(inside, page) < 3).mean() > 0.1 else (255, 255, 255)


@remembered
def page_of(pixels: np.ndarray) -> tuple[int, ...]:
    """The colour of the page around the axes: the most frequent one at the left and the right side of the picture."""
    ink = darkest(pixels) < 255
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))  # without the letterbox
    if not len(rows):
        return 255, 255, 255
    sides = pixels[rows[0] : rows[-1] + 1, [columns[0], columns[0] + 1, columns[-1] - 1, columns[-1]]].reshape(-1, 3)
    colors, counts = np.unique(sides, axis=0, return_counts=True)
    color = tuple(int(v) for v in colors[counts.argmax()])
    return color if counts.max() > 0.75 * len(sides) else (255, 255, 255)


@remembered
def find_colors(
    pixels: np.ndarray, box: Box, greys: bool = False, minimum: int = 25
) -> tuple[tuple[np.ndarray, int], ...]:
    """
    The colours of the marks inside of a box and how many pixels each has, the most frequent first; without paper, and
    without greys (of grid, frame and text) unless they are asked for.
    """
    paper = np.array(paper_of(pixels, box), np.float32)
    inside = inside_of(pixels, box, 3).astype(np.int16)
    flat = np.zeros(inside.shape[:2], bool)  # no soft edge: as above and below, left and right
    if min(flat.shape) > 2:
        across = palest(np.abs(inside[:, 2:] - inside[:, :-2]))[1:-1]
        along = palest(np.abs(inside[2:] - inside[:-2]))[:, 1:-1]
        flat[1:-1, 1:-1] = np.maximum(across, along) <= 6
    shape, inside, flat = flat.shape, inside.reshape(-1, 3), flat.ravel()
    red, green, blue = (inside[:, k].astype(np.int32) >> 3 for k in range(3))
    codes = red << 10 | green << 5 | blue
    values, index, counts = np.unique(codes, return_inverse=True, return_counts=True)
    found: list[list] = []
    left_out: list[np.ndarray] = []
    order, ends = index.ravel().argsort(kind="stable"), counts.cumsum()
    for k in counts.argsort()[::-1][:150]:
        if counts[k] < 4:
            break
        members = order[ends[k] - counts[k] : ends[k]]
        color = np.median(inside[members], axis=0).astype(np.float32)
        if np.abs(color - paper).max() < 24 or color.min() > 235:
            continue
        if not greys and np.ptp(color) < 26 and flat[members].sum() < 150:
            left_out.append(color)
            continue
        reach = 30 if flat[members].sum() < AREA else SAME_AREA
        for entry in found:
            if np.abs(entry[0] - color).max() < reach:
                entry[1] += counts[k]
                entry[2] += flat[members].sum()
                break
        else:
            found.append([color, counts[k], flat[members].sum()])
    kept = []
    for color, count, area in found:
        if count < minimum:
            continue
        # A mixture of another colour with the paper is the soft edge of that one, unless it has an area of its own.
        strong = [
            other for other, n, flats in found if n >= minimum and (flats > 8 or n > count) and other is not color
        ]
        if area >= 0.3 * count:
            kept.append((color, int(count)))
            continue
        picture = inside.reshape(*shape, 3)
        edges = [other for other in strong if _mixed(color, other, paper)]
        pale = any(np.abs(color - paper).max() < HALO * np.abs(other - paper).max() for other in edges)
        if pale and not has_markers(picture, color):
            continue
        if area < DOTTED * count:  # of dots, there may be less of the colour itself
            others = [other for other, n, _ in found if n >= minimum and other is not color]
            edges = [other for other in others if _mixed(color, other, paper)]
        if not pale and any(
            beside(color, other, picture, SOFT, 9) or not _apart(color, other, picture) for other in edges
        ):
            continue
        pairs = itertools.product(strong, strong + left_out)
        pairs = (pair for pair in pairs if (wash_of(pair[0], color, paper) or 1) > HALO)  # else its own band
        if any(_mixed(color, one, other) and beside(color, one, picture) for one, other in pairs):
            continue
        # Of a thin line, and more so of dashes, the edge may be more than the middle; but it is next to it.
        cores = [other for other, n, _ in found if minimum <= n <= count < 4 * n and _mixed(color, other, paper)]
        if any(beside(color, core, picture) for core in cores):
            continue
        kept.append((color, int(count)))
    return tuple(sorted(kept, key=lambda entry: -entry[1]))


def has_markers(pixels: np.ndarray, color: np.ndarray) -> bool:
    """Whether a colour fills several small parts of a picture, as neither words nor soft edges do."""
    filled = morphology.erosion(difference(pixels, color) < 12, (FILLED, FILLED))
    parts = ndimage.find_objects(ndimage.label(filled)[0])
    return len(parts) >= LEAST_MARKERS and max(side.stop - side.start for part in parts for side in part) <= MARKER


def beside(color: np.ndarray, core: np.ndarray, pixels: np.ndarray, share: float = 0.9, reach: int = 3) -> bool:
    """Whether a `share` of the pixels of a colour have one of another in the square around them."""
    own, other = (difference(pixels, c) < 30 for c in (color, core))
    return bool((own & ndimage.maximum_filter(other, reach)).sum() > share * own.sum())


def _apart(color: np.ndarray, other: np.ndarray, pixels: np.ndarray) -> bool:
    """Whether two colours are in the same columns, but not near each other: they are two lines."""
    own, core = (difference(pixels, c) < 30 for c in (color, other))
    alone = (own & ~ndimage.maximum_filter(core, 9)).any(axis=0)
    both = ndimage.maximum_filter(core.any(axis=0), 15)  # also between dashes
    return bool((alone & both).sum() > 0.5 * own.any(axis=0).sum())


@remembered
def area_of(pixels: np.ndarray, color: np.ndarray, box: Box) -> np.ndarray:
    """(H, W) bool: where a colour fills areas inside of a box, more than lines and markers do."""
    area = np.zeros(pixels.shape[:2], bool)
    left, top, right, bottom = (int(round(v)) for v in box)
    inside = np.s_[top + 3 : bottom - 2, left + 3 : right - 2]
    area[inside] = morphology.opening(_has(pixels, color)[inside], (9, 9))
    return area


def wash_of(color: np.ndarray, ink: np.ndarray, paper: Sequence[float]) -> float | None:
    """The opacity with which an ink has a colour on paper; None if it is not this ink, transparent."""
    paper = np.asarray(paper, np.float32)
    if np.abs(ink - color).max() <= 8 or not _mixed(color, ink, paper):
        return None
    return float((color - paper) @ (ink - paper) / max(1.0, (ink - paper) @ (ink - paper)))


def _mixed(color: np.ndarray, one: np.ndarray, other: np.ndarray) -> bool:
    direction = one - other
    share = float((color - other) @ direction / max(1.0, direction @ direction))
    return 0.05 < share < 0.93 and np.abs(color - other - share * direction).max() < 22


def inside_of(pixels: np.ndarray, box: Box, margin: int) -> np.ndarray:
    """The part of a picture that lies in a box and is `margin` pixels away from its sides."""
    left, top, right, bottom = (int(round(v)) for v in box)
    return pixels[
        max(0, top + margin) : max(0, bottom - margin + 1), max(0, left + margin) : max(0, right - margin + 1)
    ]


@remembered
def coverage_inside(
    pixels: np.ndarray, color: Sequence[float], paper: Sequence[float], box: Box, margin: int = 1
) -> np.ndarray:
    """The coverage inside of a box, 0 outside."""
    left, top, right, bottom = (int(round(v)) for v in box)
    part = np.s_[max(0, top + margin) : bottom - margin + 1, max(0, left + margin) : right - margin + 1]
    cover = np.zeros(pixels.shape[:2], np.float32)
    cover[part] = coverage(pixels[part], color, paper)
    if np.ptp(color) > 30:  # a soft grey edge of the frame isn't a pale colour
        for inside, colors in ((cover[part], pixels[part]), (cover[part].T, pixels[part].swapaxes(0, 1))):
            for row in (0, 1, -2, -1) if len(inside) > 4 else ():
                inked = inside[row] > 0
                if inked.mean() > 0.6 and np.median(chroma(colors[row][inked])) < 24:
                    inside[row] = 0
    return cover

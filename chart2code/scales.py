"""The scale of an axis: what its pixels are worth, and how programs write that."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from chart2code import readout
from chart2code.program import brief, decimals_for, literal, string_literal
from chart2code.spines import has_labels, is_bare
from chart2code.tick_labels import major_ticks, number_format, read_decades, read_powers, read_scale

FINEST = 0.002  # of the length of an axis: finer values can't be seen
SEEN = 0.3  # pixels: what is nearer has the same value on a logarithmic axis
LIMIT = 0.002  # of the length of an axis: its limits are as exact


@dataclass(frozen=True)
class Scale:
    """
    value = start + slope * pixel, or the power of ten of that.

    names: where names stand at the ticks, how many; the values there are 0, 1, ...
    labels: of a logarithmic axis, as (value, text); none where these are powers of ten, as matplotlib writes them.
    bare: a logarithmic axis has no small ticks between those.
    tickless: there are neither ticks nor labels.
    format: of the numbers at a linear axis, as `set_major_formatter` takes it, with units.
    """

    start: float
    slope: float
    logarithmic: bool = False
    names: int = 0
    labels: tuple[tuple[float, str], ...] = ()
    bare: bool = False
    tickless: bool = False
    format: str | None = None

    @classmethod
    def of(cls, target: np.ndarray, box: readout.Box, side: str) -> Scale | None:
        """That of a side ("bottom", "left" or "right") of the axes; None if its numbers can't be read."""
        if decades := read_decades(target, box, side):
            return cls(*decades, logarithmic=True)
        if linear := read_scale(target, box, side):
            return cls(*linear, format=number_format(target, box, side))
        if powers := read_powers(target, box, side):
            scale, labels = powers
            ticks, large = readout.find_ticks(target, box, side), major_ticks(target, box, side)
            return cls(*scale, logarithmic=True, labels=labels, bare=len(ticks) < 2 * len(large) - 1)
        return None

    @classmethod
    def or_names(cls, target: np.ndarray, box: readout.Box, side: str) -> Scale | None:
        """As `of`; of the lower side, where there are no numbers, as `of_names`."""
        scale = cls.of(target, box, side)
        return cls.of_names(target, box) if scale is None and side == "bottom" else scale

    @classmethod
    def of_shares(cls, target: np.ndarray, box: readout.Box, side: str) -> Scale | None:
        """That of a side ("bottom" or "left") without labels, whose values are shares of its length; None if it has
        some, or these are at the right."""
        if any(has_labels(target, box, s) for s in ([side] if side == "bottom" else [side, "right"])):
            return None
        first, last = (box[0], box[2]) if side == "bottom" else (box[3], box[1])
        slope = 1 / (last - first)
        return cls(-slope * first, slope, tickless=is_bare(target, box, side))

    @classmethod
    def of_names(cls, target: np.ndarray, box: readout.Box) -> Scale | None:
        """That by which the ticks of the lower side stand at 0, 1, ...; None if there are none."""
        ticks = readout.find_ticks(target, box, "bottom")
        if len(ticks) < 2:
            return None
        slope, start = np.polyfit(ticks, np.arange(len(ticks)), 1)
        return cls(float(start), float(slope), names=len(ticks))

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        values = self.start + self.slope * np.asarray(pixels, float)
        return 10**values if self.logarithmic else values

    def ground(self, limit: float) -> float:
        """The pixel on which bars stand: at zero, or, on a logarithmic axis, at its lower `limit`."""
        return limit if self.logarithmic else -self.start / self.slope

    def span(self, length: float) -> float:
        """The difference of values, or of their logarithms, over a length in pixels."""
        return abs(self.slope) * length

    def literal(self, pixel: float, error: float) -> str:
        """What a pixel is worth, in as few digits as do for an error in pixels."""
        value, allowed = float(self(pixel)), self.span(error)
        return significant(value, allowed * math.log(10)) if self.logarithmic else brief(value, allowed)

    def literals(self, pixels: np.ndarray, length: float) -> list[str]:
        """What pixels along an axis of a length are worth."""
        if self.logarithmic:
            return [self.literal(pixel, SEEN) for pixel in pixels]
        return value_literals(self(pixels), self.span(length))

    def limits(self, axes: str, name: str, first: float, last: float) -> str:
        """The statement that sets the limits of an axis ("x" or "y") to what its ends, in pixels, are worth."""
        ends = (self.literal(end, LIMIT * abs(last - first)) for end in (first, last))
        return f"{axes}.set_{name}lim({', '.join(ends)})"

    def kind(self, axes: str, name: str) -> list[str]:
        """The statements that make an axis logarithmic, and write its labels, or take its ticks away; none for a
        linear one with ticks and plain numbers."""
        if not self.logarithmic:
            formats = [f"{axes}.{name}axis.set_major_formatter({self.format})"] if self.format else []
            return [f"{axes}.set_{name}ticks([])"] if self.tickless else formats
        statements = [f'{axes}.set_{name}scale("log")']
        if self.labels:
            values, texts = zip(*self.labels)
            values, texts = ", ".join(f"{value:.12g}" for value in values), ", ".join(map(string_literal, texts))
            statements.append(f"{axes}.set_{name}ticks([{values}], [{texts}])")
        return statements + ([f"{axes}.set_{name}ticks([], minor=True)"] if self.bare else [])


def significant(value: float, error: float) -> str:
    """The literal with the fewest digits that is not further from a value than an `error`, as a share of it."""
    texts = (f"{value:.{digits}e}" for digits in range(12))
    return f"{float(next(text for text in texts if abs(float(text) / value - 1) <= error)):.12g}"


def value_literals(values: np.ndarray, span: float) -> list[str]:
    """Values along an axis on which they differ by `span` at most."""
    decimals = decimals_for(max(span * FINEST, 1e-12))
    return [literal(float(v), decimals) for v in values]

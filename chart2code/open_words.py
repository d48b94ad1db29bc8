"""Words that are from no list: what charts from elsewhere have in the places of those of vocabulary.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chart2code.vocabulary import ADJECTIVES, DOMAINS

if TYPE_CHECKING:
    from chart2code.synthetic import Draw

ONSETS = "b c d f g h j k l m n p r s t v w z br ch cl cr dr fl fr gl gr pl pr qu sc sh sl sp st str th tr tw".split()
VOWELS = "a e i o u a e i o y ai ea ee ia io oa oo ou".split()
CODAS = ("", "", "", "", *"n r s t l m nd nt rt st ck ng x".split())
CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
JOINTS = ("of", "in", "by", "and", "per", "vs", "for", "with", "to", "on", "the", "&", "-", "from")
UNITS = (
    "kg", "%", "€", "$", "m", "cm", "km", "°C", "s", "ms", "h", "days", "m/s", "mg/L", "USD", "EUR", "k", "millions",
    "per capita", "kWh", "GB", "dB", "Hz", "Pa", "index", "log", "a.u.", "tons", "m²", "thousands", "ppm", "V",
)  # fmt: skip
KNOWN = (
    *ADJECTIVES,
    *(word for domain in DOMAINS.values() for part in ("topics", "measures") for word in domain[part]),
)


def word(draw: Draw, length: int) -> str:
    """A pronounceable word of about this many small letters."""
    text = ""
    while len(text) < length:
        text += draw.choice(ONSETS) * (bool(text) or draw.chance(0.75)) + draw.choice(VOWELS) + draw.choice(CODAS)
    return text[: max(length, 2)]


def phrase(draw: Draw, length: int) -> str:
    """Words that are known or new, of about this length together: in title case, as a sentence, or small."""
    words: list[str] = []
    while not words or len(" ".join(words)) < length - 2:
        if words and words[-1] not in JOINTS and draw.chance(0.25):
            words.append(draw.choice(JOINTS))
        known = draw.chance(0.3)
        words.append(draw.choice(KNOWN).lower() if known else word(draw, draw.integer(3, min(9, max(4, length)))))
    text, case = " ".join(words), draw.weighted({"title": 0.5, "sentence": 0.35, "small": 0.15})
    if case == "title":
        return " ".join(w if w in JOINTS else w[0].upper() + w[1:] for w in words)
    return text[0].upper() + text[1:] if case == "sentence" else text


def label(draw: Draw, length: int) -> str:
    """The label of an axis: a phrase, at times with a unit."""
    text = phrase(draw, length)
    return f"{text} {draw.choice(('({})', '({})', '[{}]')).format(draw.choice(UNITS))}" if draw.chance(0.4) else text


def title(draw: Draw, length: int) -> str:
    """A title, at times with numbers, that belongs to the split."""
    from chart2code.synthetic import split_of

    while True:
        text, year = phrase(draw, length), draw.integer(1950, 2030)
        ends = {"": 0.7, f" {year}": 0.08, f" ({year})": 0.08, f", {year}-{year + draw.integer(2, 20)}": 0.08}
        text += draw.weighted(ends | {f" {draw.integer(1, 99)}": 0.03, f" (n={draw.integer(10, 2000)})": 0.03})
        if split_of(text) == draw.split:
            return text


def names(draw: Draw, lengths: list[int]) -> list[str]:
    """Different names of one kind, each of about the length that is given for it."""
    kinds = {"word": 0.45, "two words": 0.14, "small": 0.07, "abbreviation": 0.12, "code": 0.12, "numbered": 0.1}
    kind, found = draw.weighted(kinds), []
    first = word(draw, min(7, max(3, max(lengths) - 2))).capitalize()
    start = draw.integer(1, 12)
    dotted, lettered = draw.chance(0.3), draw.chance(0.4)
    for length in lengths:
        while True:
            near = max(2, round(length * draw.uniform(0.7, 1.4)))
            if kind == "abbreviation":
                name = "".join(draw.choice(CAPITALS) for _ in range(draw.integer(2, 4)))
            elif kind == "code":
                dots = f"v{draw.integer(1, 4)}.{draw.integer(0, 9)}"
                name = dots if dotted else f"{draw.choice(CAPITALS)}{draw.integer(1, 99)}"
            elif kind == "numbered":
                name = f"{first} {CAPITALS[len(found)] if lettered else start + len(found)}"
            elif kind == "two words" and near > 6:
                cut = draw.integer(2, near - 4)
                name = f"{word(draw, cut)} {word(draw, near - cut - 1)}".title()
            else:
                name = word(draw, near) if kind == "small" else word(draw, near).capitalize()
            if name not in found:
                break
        found.append(name)
    return found

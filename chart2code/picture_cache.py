"""What was measured in a picture need not be measured again: refinement asks the same of a chart for each program."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import wraps
from typing import Any

import numpy as np

KEPT = 32  # results of each function


def remembered(function: Callable) -> Callable:
    """
    Keeps the last results of a function of a picture, by the identity of the picture and the value of the other
    arguments. Neither the picture nor arrays in the result can be written to from then on.
    """
    # The picture is held, so that no other one gets its identity.
    return _remembered(function, lambda pixels: (id(pixels), _locked(pixels)))


def remembered_by_value(kept: int = KEPT) -> Callable[[Callable], Callable]:
    """As `remembered`, but also of another picture that is the same; only the result can't be written to."""
    return lambda function: _remembered(function, lambda pixels: (_key(pixels), None), kept)


def _remembered(
    function: Callable, identified: Callable[[np.ndarray], tuple[Hashable, Any]], kept: int = KEPT
) -> Callable:
    """`identified`: gives what a picture is known by, and what is held of it; `kept`: so many results."""
    known: dict[Hashable, tuple[Any, Any]] = {}

    @wraps(function)
    def asked(pixels: np.ndarray, *arguments: Any, **keywords: Any) -> Any:
        name, held = identified(pixels)
        key = name, _key(arguments), _key(sorted(keywords.items()))
        entry = known.pop(key, None)
        if entry is None:
            entry = held, _locked(function(pixels, *arguments, **keywords))
        known[key] = entry
        if len(known) > kept:
            known.pop(next(iter(known)), None)
        return entry[1]

    return asked


def _key(value: Any) -> Hashable:
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, value.tobytes()
    return tuple(map(_key, value)) if isinstance(value, list | tuple) else value


def _locked(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    elif isinstance(value, tuple):
        for part in value:
            _locked(part)
    return value

"""Lists of numbers taken out of JSON and written as whole numbers and powers of ten, which deflate into two thirds of their digits.

Every number comes back as it was. templates/static/unpacking.js reads what this writes.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from jaxtyping import Float, Int

LEAST = 8  # numbers that are taken out together
DIGITS = 9  # of a whole number, at most
MOST = 22  # of the powers of ten, which are as exact as no machine's own powers and logarithms need be
TENS = np.array([float(f"1e{power}") for power in range(-MOST, MOST + 1)])
NONE = 127  # the power of ten of what is no number


def take_numbers(data: Any) -> tuple[Any, int, bytes]:
    """The data with `{"#": [start, *shape]}` in the place of each list of numbers, or of lists of them that are equally long, how many were taken out, and these.

    A number is its whole part over (or, where that is negative, times) ten to a power from -22 to 22, below 10^9. First the power of each, a byte, then the whole parts in byte planes as in
    reportgen/packing/tokens.py. Lists of numbers with too many digits for that stay.
    """
    taken: list[tuple[np.ndarray, np.ndarray]] = []
    left, count = _take(data, taken, 0)
    wholes, powers = (np.concatenate(part) for part in zip(*taken, strict=True)) if taken else (np.zeros(0, np.int64), np.zeros(0, np.int64))
    return left, count, powers.astype(np.int8).tobytes() + planes_of(wholes)


def planes_of(values: Int[np.ndarray, " number"]) -> bytes:
    """Whole numbers, 0, -1, 1, -2, ... as 0, 1, 2, 3, ..., byte plane by byte plane, lowest first."""
    zigzag = np.where(values < 0, -2 * values - 1, 2 * values)
    planes = max(1, (int(zigzag.max(initial=0)).bit_length() + 7) // 8)
    return b"".join(((zigzag >> 8 * plane) & 255).astype(np.uint8).tobytes() for plane in range(planes))


def _take(part: Any, taken: list[tuple[np.ndarray, np.ndarray]], start: int) -> tuple[Any, int]:
    """What is left of the part, and where in the row of numbers the next list starts."""
    if isinstance(part, dict):
        left = {}
        for name, inner in part.items():
            left[name], start = _take(inner, taken, start)
        return left, start
    if not isinstance(part, list):
        return part, start
    shape = _shape_of(part)
    if shape and prod(shape) >= LEAST and (found := _as_wholes(np.array(part, float).ravel())):
        taken.append(found)
        return {"#": [start, *shape]}, start + prod(shape)
    left = []
    for inner in part:
        one, start = _take(inner, taken, start)
        left.append(one)
    return left, start


def _shape_of(part: list[Any]) -> tuple[int, ...]:
    """Nothing where not all are numbers or equally long lists of them."""
    kinds = set(map(type, part))
    if kinds <= {int, float, type(None)}:
        return (len(part),)
    inner = {_shape_of(one) for one in part} if kinds == {list} else {()}
    return (len(part), *inner.pop()) if len(inner) == 1 and () not in inner else ()


def _as_wholes(values: Float[np.ndarray, " number"]) -> tuple[Int[np.ndarray, " number"], Int[np.ndarray, " number"]] | None:
    """Whole numbers of as many digits as the longest has, and their powers of ten; those of whole numbers are 0."""
    missing = np.isnan(values)
    known = np.where(missing, 0.0, values)
    if (known == np.rint(known)).all() and (np.abs(known) < 1e9).all():
        return known.astype(np.int64), np.where(missing, NONE, 0)
    size = np.searchsorted(TENS, np.abs(known), side="right") - MOST - 1  # the power of ten below
    for digits in range(max(map(_digits_of, known[:LEAST].tolist())), DIGITS + 1):
        powers = np.where(known == 0, 0, digits - 1 - size)
        if np.abs(powers).max() > MOST:
            return None
        tens = TENS[MOST + np.abs(powers)]
        with np.errstate(over="ignore"):  # such numbers are too large to be taken
            wholes = np.rint(np.where(powers < 0, known / tens, known * tens))
        if (np.abs(wholes) < 1e9).all() and (np.where(powers < 0, wholes * tens, wholes / tens) == known).all():
            return wholes.astype(np.int64), np.where(missing, NONE, powers)
    return None


def _digits_of(value: float) -> int:
    """How many digits the number has from its first to its last that is not 0; fewer cannot give it back."""
    return max(1, len(repr(value).partition("e")[0].replace(".", "").strip("-0")))

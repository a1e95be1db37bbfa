"""Values as 8-bit logarithmic codes, and bytes as text.

A code of 0 is zero or below the scale, 255 was never computed; code c from 1 to 254 stands for low * exp((c - 1) * step). templates/static/unpacking.js reads what this
writes.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

NEVER, STEPS = 255, 253
LEVEL = 7  # of deflating: 9 takes twice as long and saves a thousandth
WHOLE_STEP, LAYER_STEP = 0.04, 0.08  # a single layer's figures are read by eye, the whole model's are quoted

# Characters that stand for themselves in JSON and in HTML: neither quotes nor backslash, ampersand or angle brackets.
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%()*+,-./:;=?@[]^_`{"
BASE = len(DIGITS)
LETTERS = DIGITS.encode("ascii").ljust(256)


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The values a code can stand for: from `low` to `high`, logarithmic."""

    low: float
    high: float


def find_scale(values: np.ndarray) -> Scale:
    """From the power of ten under nine tenths of the whole model's positive values, which these are, to 1: the values are shares."""
    positive = values[values > 0]
    tenth = float(np.quantile(positive, 0.1)) if positive.size else 0.01
    return Scale(low=10.0 ** float(np.clip(np.floor(np.log10(tenth)), -6, -2)), high=1.0)


def tight_scale(values: np.ndarray) -> Scale:
    """From the smallest to the largest positive value, for a matrix that is divided by, so never below the scale."""
    positive = values[values > 0]
    low = float(positive.min()) if positive.size else 0.5
    return Scale(low=low, high=max(float(positive.max()) if positive.size else 1.0, 2 * low))


def step_of(scale: Scale, step: float) -> float:
    """The step that fits the scale evenly, `step` or just above, or the finest that a byte can hold."""
    span = float(np.log(scale.high / scale.low))
    steps = min(STEPS, max(1, int(span / step))) if step else STEPS
    return float(f"{span / steps:.12g}")  # the last digits of a logarithm differ between machines, pages must not


def deflated(data: bytes) -> str:
    """Deflated, as text."""
    return as_text(zlib.compress(data, LEVEL))


def as_text(data: bytes) -> str:
    """How many zero bytes were put at the end, 0 to 3, then five characters for every four bytes, the most significant first."""
    more = -len(data) % 4
    words = np.frombuffer(data + bytes(more), ">u4").astype(np.uint32)
    digits = np.empty((len(words), 5), np.uint8)
    for place in range(4, -1, -1):  # whole numbers are divided by one number in a fifth of the time that it takes by several
        higher = words // BASE
        digits[:, place] = words - higher * BASE
        words = higher
    return str(more) + digits.tobytes().translate(LETTERS).decode("ascii")


def encode(values: np.ndarray, scale: Scale, step: float) -> np.ndarray:
    """The code of every value, as int16."""
    steps = values.astype(np.float64)
    np.fmax(steps, scale.low, out=steps)
    steps /= scale.low
    np.log(steps, out=steps)
    steps /= step
    np.rint(steps, out=steps)
    np.minimum(steps, np.rint(np.log(scale.high / scale.low) / step), out=steps)
    codes = (steps + 1).astype(np.int16)
    codes *= values >= scale.low  # code 0 if not
    codes[np.isnan(values)] = NEVER
    return codes

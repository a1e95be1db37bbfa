"""Sentence matrices small enough for a page: 8-bit logarithmic codes, predicted from neighbours, deflated.

A code of 0 is zero or below the scale, 255 was never computed; code c from 1 to 254 stands for low * exp((c - 1) * step).
Each cell is stored as the difference, modulo 256, to a prediction from cells the reader already has; the
prediction that packs best is chosen for each view. templates/static/unpacking.js reads what this writes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

BELOW, NEVER, STEPS = 0, 255, 253
WHOLE_STEP, LAYER_STEP = 0.04, 0.08  # a single layer's figures are read by eye, the whole model's are quoted

# Characters that stand for themselves in JSON and in HTML: neither quotes nor backslash, ampersand or angle brackets.
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%()*+,-./:;=?@[]^_`{"
BASE = len(DIGITS)


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The values a code can stand for: from `low` to `high`, logarithmic."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class PackedViews:
    """Several square matrices of one scale. `step` is between neighbouring codes, in natural logarithms."""

    low: float
    step: float
    views: int
    sentences: int
    triangle: bool
    predictions: str
    data: str

    @property
    def rounding(self) -> float:
        """How far apart neighbouring codes are, as a share of the value."""
        return float(np.expm1(self.step))


@dataclass(frozen=True, kw_only=True)
class PackedMeasure:
    """One measure of the workspace: the whole model finely, the layers more coarsely, on the same scale."""

    scale: Scale
    whole: PackedViews
    layers: PackedViews


def pack_measure(values: np.ndarray, triangle: bool) -> PackedMeasure:
    """Views x query_sentence x key_sentence, view 0 the whole model. `triangle`: nothing above the diagonal counts."""
    scale = find_scale(values)
    whole = pack_views(values[:1], scale, WHOLE_STEP, triangle)
    return PackedMeasure(scale=scale, whole=whole, layers=pack_views(values[1:], scale, LAYER_STEP, triangle))


def find_scale(values: np.ndarray) -> Scale:
    """From the power of ten under nine tenths of the whole model's positive values, to 1: the values are shares."""
    positive = values[:1][values[:1] > 0]
    tenth = float(np.quantile(positive, 0.1)) if positive.size else 0.01
    return Scale(low=10.0 ** float(np.clip(np.floor(np.log10(tenth)), -6, -2)), high=1.0)


def tight_scale(values: np.ndarray) -> Scale:
    """From the smallest to the largest positive value, for a matrix that is divided by, so never below the scale."""
    positive = values[values > 0]
    low = float(positive.min()) if positive.size else 0.5
    return Scale(low=low, high=max(float(positive.max()) if positive.size else 1.0, 2 * low))


def pack_expected(values: np.ndarray, triangle: bool) -> PackedViews:
    """One matrix or one per layer, as finely as a byte allows."""
    return pack_views(values.reshape(-1, *values.shape[-2:]), tight_scale(values), 0.0, triangle)


def pack_views(values: np.ndarray, scale: Scale, step: float, triangle: bool) -> PackedViews:
    """Packs `values` (views x sentences x sentences) in steps of `step`, or the finest that a byte can hold."""
    step = step_of(scale, step)
    sentences = values.shape[-1]
    kept = np.tril_indices(sentences) if triangle else np.indices((sentences, sentences)).reshape(2, -1)
    stored, predictions = bytearray(), ""
    before = np.zeros((sentences, sentences), np.int16)
    for view in values:
        codes = encode(view, scale, step)
        codes = np.tril(codes) if triangle else codes
        name, residual = _predict_best(codes, before, tuple(kept))
        predictions, before = predictions + name, codes
        stored += residual
    data = deflated(bytes(stored))
    return PackedViews(low=scale.low, step=step, views=len(values), sentences=sentences, triangle=triangle, predictions=predictions, data=data)


def step_of(scale: Scale, step: float) -> float:
    """The step that fits the scale evenly, `step` or just above, or the finest that a byte can hold."""
    span = float(np.log(scale.high / scale.low))
    steps = min(STEPS, max(1, int(span / step))) if step else STEPS
    return float(f"{span / steps:.12g}")  # the last digits of a logarithm differ between machines, pages must not


def deflated(data: bytes) -> str:
    """Deflated, as text."""
    return as_text(zlib.compress(data, 9))


def as_text(data: bytes) -> str:
    """How many zero bytes were put at the end, 0 to 3, then five characters for every four bytes, the most significant first."""
    more = -len(data) % 4
    words = np.frombuffer(data + bytes(more), ">u4").astype(np.int64)
    digits = words[:, None] // BASE ** np.arange(4, -1, -1) % BASE
    return str(more) + np.frombuffer(DIGITS.encode("ascii"), np.uint8)[digits].tobytes().decode("ascii")


def encode(values: np.ndarray, scale: Scale, step: float) -> np.ndarray:
    """The code of every value, as int16."""
    codes = np.full(values.shape, BELOW, np.int16)
    shown = values >= scale.low
    steps = np.rint(np.log(values[shown].astype(np.float64) / scale.low) / step)
    codes[shown] = 1 + np.clip(steps, 0, np.rint(np.log(scale.high / scale.low) / step))
    codes[np.isnan(values)] = NEVER
    return codes


def _predict_best(codes: np.ndarray, before: np.ndarray, kept: tuple[np.ndarray, ...]) -> tuple[str, bytes]:
    """The name of the prediction that leaves the smallest residual once deflated, and that residual."""
    residuals = {name: ((codes - guess) % 256).astype(np.uint8)[kept].tobytes() for name, guess in _predictions(codes, before)}
    best = min(residuals, key=lambda name: len(zlib.compress(residuals[name], 6)))
    return best, residuals[best]


def _predictions(codes: np.ndarray, before: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Guesses from the row above and from the view before; what lies outside the matrix counts as 0."""
    above, above_before = _shift_down(codes), _shift_down(before)
    yield "a", above
    yield "b", before
    yield "m", (above + before) // 2
    yield "g", before + above - above_before


def _shift_down(codes: np.ndarray) -> np.ndarray:
    shifted = np.zeros_like(codes)
    shifted[1:] = codes[:-1]
    return shifted

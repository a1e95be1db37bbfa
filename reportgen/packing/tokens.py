"""The links of tokens small enough for a page: whole numbers as bytes of one place after another, weights and vectors as rounded codes, all deflated.

Whole numbers are zigzag coded (0, -1, 1, -2, ... as 0, 1, 2, 3, ...) and stored byte plane by byte plane, lowest first. Links lie rank after rank, each token's
in the order of their keys. templates/static/unpacking.js reads what this writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from reportgen.analyses.sinks import WHITE_SPACE
from reportgen.analyses.token_level.behind import Behind
from reportgen.analyses.token_level.places import TokenPlaces
from reportgen.packing.codes import STEPS, WHOLE_STEP, Scale, deflated, encode
from reportgen.packing.numbers import planes_of

ABSENT = -128  # the code of a dimension that a head does not have
GREATEST = 127  # the code of a vector's greatest number


@dataclass(frozen=True, kw_only=True)
class PackedIntegers:
    """Whole numbers in one row: `count` of them in `planes` byte planes."""

    count: int
    planes: int
    data: str


@dataclass(frozen=True, kw_only=True)
class PackedBytes:
    """Deflated bytes."""

    data: str


@dataclass(frozen=True, kw_only=True)
class PackedBehind:
    """Layer, head, query token and key token of each link, one column after the other; query and key as codes; its score, its weight, and the greatest number of either vector.

    `rounding` is how far apart neighbouring codes are, as a share of the vector's greatest number.
    """

    links: int
    dimensions: int
    rounding: float
    places: PackedIntegers
    codes: PackedBytes
    numbers: PackedBytes


@dataclass(frozen=True, kw_only=True)
class PackedTokens:
    """Everything about tokens that the page's script reads. A weight of code c stands for low * exp((c - 1) * step), code 0 for none."""

    stack: str
    tokens: int
    ranks: int
    measured: int
    low: float
    step: float
    sentences: PackedIntegers
    gaps: PackedIntegers
    lengths: PackedIntegers
    others: Mapping[str, tuple[int, ...]]
    sinks: tuple[tuple[int, str, int | None], ...]
    offsets: PackedIntegers
    weights: PackedBytes
    heads: PackedIntegers | None
    layers: int
    behind: PackedBehind | None

    @property
    def rounding(self) -> float:
        """How far apart neighbouring weights are, as a share of the weight."""
        return float(np.expm1(self.step))


def pack_tokens(result: Any) -> PackedTokens:
    """What the analysis `token_links` found, for the page."""
    keys, weights = _by_key(result.keys, result.weights)
    scale, step = _scale_of(weights)
    places, tokens = result.places, len(result.texts)
    gaps, lengths = _gaps(places)
    return PackedTokens(
        stack=result.stack,
        tokens=tokens,
        ranks=keys.shape[1],
        measured=result.measured,
        low=scale.low,
        step=step,
        sentences=pack_integers(np.diff(places.sentences, prepend=0)),
        gaps=pack_integers(gaps),
        lengths=pack_integers(lengths),
        others=_others(result),
        sinks=tuple((sink.token, sink.kind, sink.layer) for sink in result.sinks),
        offsets=pack_integers((np.arange(tokens)[:, None] - keys).T),
        weights=pack_bytes(encode(weights, scale, step).T.astype(np.uint8)),
        heads=None if result.heads is None else pack_integers(_back(result.heads, places.sentences)),
        layers=0 if result.heads is None else len(result.heads),
        behind=None if result.behind is None else pack_behind(result.behind),
    )


def pack_integers(values: Int[np.ndarray, "*shape"]) -> PackedIntegers:
    """Numbers of any shape, the last axis fastest."""
    row = values.astype(np.int64).ravel()
    stored = planes_of(row)
    return PackedIntegers(count=len(row), planes=len(stored) // len(row) if len(row) else 1, data=deflated(stored))


def pack_bytes(values: Shaped[np.ndarray, "*shape"]) -> PackedBytes:
    """The bytes of an array, the last axis fastest, the lowest byte of a number first."""
    return PackedBytes(data=deflated(values.astype(values.dtype.newbyteorder("<")).tobytes()))


def _by_key(
    keys: Int[np.ndarray, "token rank"], weights: Float[np.ndarray, "token rank"]
) -> tuple[Int[np.ndarray, "token rank"], Float[np.ndarray, "token rank"]]:
    """Each token's links in the order of their keys, absent ones first: neighbours then differ little, and pack into half."""
    order = np.argsort(keys, axis=1, kind="stable")
    return np.take_along_axis(keys, order, 1), np.take_along_axis(weights, order, 1)


def _scale_of(weights: Float[np.ndarray, "token rank"]) -> tuple[Scale, float]:
    """From the power of ten under the smallest weight to 1, and the step that a byte can hold, rounded so that it is the same on any machine."""
    least = float(weights[weights > 0].min(initial=1.0))
    low = 10.0 ** float(np.floor(np.log10(least)))
    steps = max(1, min(STEPS, int(-np.log(low) / WHOLE_STEP)))
    return Scale(low=low, high=1.0), float(f"{max(-np.log(low), WHOLE_STEP) / steps:.12g}")


def _gaps(places: TokenPlaces) -> tuple[Int[np.ndarray, " token"], Int[np.ndarray, " token"]]:
    """From the end of the token before, in the same sentence, to each token's start; and each token's length."""
    before = np.concatenate([[0], places.ends[:-1]])
    same = np.concatenate([[False], places.sentences[1:] == places.sentences[:-1]])
    return places.starts - np.where(same, before, 0), places.ends - places.starts


def _others(result: Any) -> dict[str, tuple[int, ...]]:
    """What is shown of tokens that no sentence's text shows (white space, added tokens, text outside every sentence), and which are shown so; of those that the page can name."""
    places = result.places
    white = "".join(WHITE_SPACE.values())
    blank = np.array([not text.strip(white) for text in result.texts], bool)
    hidden, named = (places.sentences < 0) | (places.starts == places.ends) | blank, places.sentences >= 0
    named[result.keys[result.keys >= 0]] = True
    found: dict[str, list[int]] = {}
    for token in np.flatnonzero(hidden & named).tolist():
        found.setdefault(result.texts[token], []).append(token)
    return {text: tuple(tokens) for text, tokens in found.items()}


def _back(heads: Int[np.ndarray, "layer head sentence"], sentences: Int[np.ndarray, " token"]) -> Int[np.ndarray, "layer head sentence"]:
    """From the last token of each sentence back to the token looked at; 0 for none."""
    last = np.zeros(heads.shape[2], np.int64)
    np.maximum.at(last, sentences[sentences >= 0], np.flatnonzero(sentences >= 0))
    return np.where(heads < 0, 0, last - heads)


def pack_behind(behind: Behind) -> PackedBehind:
    """Vectors in steps of their greatest number over 127; scores and weights in full, as float32."""
    links, _, dimensions = behind.vectors.shape
    greatest = np.nanmax(np.abs(behind.vectors), axis=2, initial=np.finfo(np.float32).tiny)
    codes = np.rint(behind.vectors / greatest[..., None] * GREATEST)
    numbers = np.stack([behind.scores, behind.weights, *greatest.T]).astype(np.float32)
    return PackedBehind(
        links=links,
        dimensions=dimensions,
        rounding=1 / GREATEST,
        places=pack_integers(behind.places.T),
        codes=pack_bytes(np.where(np.isnan(codes), ABSENT, codes).astype(np.int8)),
        numbers=pack_bytes(numbers),
    )

"""What the attribution target depends on, measured in one window, in the document's sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from reportgen.capture.merging.pairs import SeenPairs
from reportgen.contract import PAIR_KEY, spec_of
from reportgen.windows import Window


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenPlaces:
    """The document's tokens that a window's tokens stand for, and how many the document has."""

    places: Int[np.ndarray, " token"]
    tokens: int


def target_of_window(
    arrays: Mapping[str, np.ndarray], window: Window, sentences: int, seen: SeenPairs | None = None, of_tokens: TokenPlaces | None = None
) -> dict[str, np.ndarray]:
    """Arrays under the names of the contract, as the document's: NaN along sentences and tokens that the target's window does not read.

    Where several of the window's tokens stand for one of the document's, it has their sum. Matrices between sentences are whole ones, or by pair where the pairs that are stored are given as `seen`.
    Raises `ValueError` for an array whose axes say nothing of where its sentences are.
    """
    matrices = {name: values for name, values in arrays.items() if seen is not None and _between_sentences(name)}
    by_token = {name: values for name, values in arrays.items() if of_tokens is not None and _by_token(name)}
    placed = {name: _placed(name, values, window, sentences) for name, values in arrays.items() if name not in matrices | by_token}
    placed |= {name: _placed_tokens(values, of_tokens) for name, values in by_token.items() if of_tokens is not None}
    return placed | {PAIR_KEY + name: _by_pair(values, window, seen) for name, values in matrices.items() if seen is not None}


def _between_sentences(name: str) -> bool:
    spec = spec_of(name)
    return spec is not None and spec.axes[-2:] == ("query_sentence", "key_sentence")


def _by_token(name: str) -> bool:
    spec = spec_of(name)
    return spec is not None and spec.axes == ("token",)


def _placed_tokens(values: Float[np.ndarray, " token"], of_tokens: TokenPlaces) -> Float[np.ndarray, " document_token"]:
    merged, read = np.zeros(of_tokens.tokens, np.float64), np.zeros(of_tokens.tokens, bool)
    np.add.at(merged, of_tokens.places, values)
    read[of_tokens.places] = True
    return np.where(read, merged, np.nan).astype(values.dtype)


def _by_pair(values: np.ndarray, window: Window, seen: SeenPairs) -> np.ndarray:
    inside = slice(window.first, window.last)
    merged = np.full((*values.shape[:-2], seen.count), np.nan, values.dtype)
    merged[..., seen.numbers(inside, inside)] = values
    return merged


def _placed(name: str, values: np.ndarray, window: Window, sentences: int) -> np.ndarray:
    spec = spec_of(name)
    if spec is None or values.dtype.kind != "f":
        raise ValueError(f"there is no rule that places {name} in the document")
    axes = ["sentence" in axis for axis in spec.axes]
    merged = np.full([sentences if of_sentences else size for of_sentences, size in zip(axes, values.shape, strict=True)], np.nan, values.dtype)
    merged[tuple(slice(window.first, window.last) if of_sentences else slice(None) for of_sentences in axes)] = values
    return merged

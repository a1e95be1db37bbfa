"""The greatest single weight behind each shown link between sentences: its head, its tokens, their query and key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from reportgen.errors import MeasurementsError
from reportgen.measurements import MeasuredWindow, Measurements


@dataclass(frozen=True, kw_only=True, eq=False)
class Behind:
    """For each link (query sentence, key sentence) its greatest weight over all layers, heads and tokens, the first token and added ones left out as keys.

    `places` are layer, head, query token and key token; `vectors` that token's query and that one's key in that head, `scores` the sums of their products.
    `weights` are NaN where they are not known: where the key sentence holds a token that was left out, the stored maximum may be that one's.
    """

    links: Int[np.ndarray, "link 2"]
    places: Int[np.ndarray, "link 4"]
    vectors: Float[np.ndarray, "link 2 dimension"]
    scores: Float[np.ndarray, " link"]
    weights: Float[np.ndarray, " link"]

    def find(self, query: int, key: int) -> int | None:
        """Which entry is that link's; None where it is not among them."""
        found = np.flatnonzero((self.links == (query, key)).all(1))
        return int(found[0]) if len(found) else None


def behind_links(measurements: Measurements) -> Behind | None:
    """What is known of the document, or of its windows, where a link is that of the first window that read both sentences; None where nothing was stored."""
    stack, windows = measurements.stack, measurements.windows
    every = np.arange(len(measurements["token_sentences"]))
    parts = [(measurements.arrays, every, 0)] if not windows else [(window.arrays, document_tokens(measurements, window), window.first) for window in windows]
    stored = [part for part in parts if f"{stack}.query_key" in part[0]]
    for arrays, *_ in stored:
        _check(arrays[f"{stack}.query_key_pairs"], arrays["token_sentences"], measurements.metadata)
    return _joined([_of_part(arrays, stack, places, first) for arrays, places, first in stored]) if stored else None


def document_tokens(measurements: Measurements, window: MeasuredWindow) -> Int[np.ndarray, " token"]:
    """The document's token that ends with the same character as each of a window's, in order where several do; -1 for tokens of no sentence."""
    known, own = np.flatnonzero(measurements["token_sentences"] >= 0), np.flatnonzero(window.arrays["token_sentences"] >= 0)
    ends = window.arrays["token_spans"][own, 1]
    among_equals = np.arange(len(own)) - np.searchsorted(ends, ends)
    places = np.full(len(window.arrays["token_sentences"]), -1)
    places[own] = known[np.searchsorted(measurements["token_spans"][known, 1], ends) + among_equals]
    return places


def _of_part(arrays: Mapping[str, np.ndarray], stack: str, places: Int[np.ndarray, " token"], first: int) -> Behind:
    """What one text that was read holds; its sentences are counted from the document's sentence `first`."""
    pairs, vectors, members = arrays[f"{stack}.query_key_pairs"], arrays[f"{stack}.query_key"], arrays["token_sentences"]
    links = members[pairs[:, 2:]]
    weights = np.full(len(pairs), np.nan)
    if f"{stack}.isa_by_layer" in arrays:
        weights = arrays[f"{stack}.isa_by_layer"][pairs[:, 0], links[:, 0], links[:, 1]].astype(float)
    spans = arrays["token_spans"]
    left_out = members[(np.arange(len(members)) == 0) | (spans[:, 0] == spans[:, 1])]
    return Behind(
        links=links + first,
        places=np.concatenate([pairs[:, :2], places[pairs[:, 2:]]], axis=1),
        vectors=vectors[:, :2],
        scores=np.nansum(vectors[:, 2], axis=1, dtype=np.float64),
        weights=np.where(np.isin(links[:, 1], left_out), np.nan, weights),
    )


def _check(pairs: Int[np.ndarray, "link 4"], members: Int[np.ndarray, " token"], metadata: Mapping[str, Any]) -> None:
    sizes = (metadata["layers"], metadata["heads"], len(members), len(members))
    if ((pairs < 0) | (pairs >= sizes)).any() or (members[pairs[:, 2:]] < 0).any():
        raise MeasurementsError(
            f"The token pairs behind links in this measurements file are not of its {sizes[0]} layers of {sizes[1]} heads, or not of sentences."
        )


def _joined(parts: list[Behind]) -> Behind:
    """The links of several texts, each once."""
    links = np.concatenate([part.links for part in parts])
    _, chosen = np.unique(links, axis=0, return_index=True)

    def of_all(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])[chosen]

    return Behind(links=links[chosen], places=of_all("places"), vectors=of_all("vectors"), scores=of_all("scores"), weights=of_all("weights"))


def heads_behind(found: Behind) -> Iterator[tuple[str, int]]:
    """Each head that stands behind some link, and behind how many; the most first, equals in order."""
    heads, counts = np.unique(found.places[:, :2], axis=0, return_counts=True)
    for place in np.argsort(-counts, kind="stable").tolist():
        yield f"{heads[place, 0]}.{heads[place, 1]}", int(counts[place])

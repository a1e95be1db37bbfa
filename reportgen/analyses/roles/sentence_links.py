"""What distance and each sentence's own terms leave of every head's attention between sentences, layer by layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float, Int

from reportgen.analyses.sentence_pairs.distance_model import comparable, decay, residuals, token_middles
from reportgen.measurements import Measurements

FARTHEST = 64
FEWEST_SENTENCES = 20
SENTENCES_AT_MOST = 1000
SMALLEST_SHARE = 1e-7  # half precision holds none smaller


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerLinks:
    """A layer's pairs of two sentences up to 64 apart, the first as key left out: each head's share, the same expected, and ln(share / expected).

    Expected: a term of the query, a term of the key and decay with distance, fitted to each head by least squares on logarithms; see `distance_model`.
    `alike` is what the same fit leaves of the sentences' lexical similarity, `places` the pairs' places among all such pairs of the document.
    """

    sentences: int
    queries: Int[np.ndarray, " pair"]
    keys: Int[np.ndarray, " pair"]
    places: Int[np.ndarray, " pair"]
    share: Float[np.ndarray, "head pair"]
    residual: Float[np.ndarray, "head pair"]
    alike: Float[np.ndarray, " pair"]


def why_not(measurements: Measurements) -> str | None:
    """Why attention between sentences says nothing of heads, if so."""
    sentences = len(measurements["sentence_spans"])
    if "*.sentence_attention" not in measurements:
        return "attention between sentences is not stored by head"
    if sentences < FEWEST_SENTENCES:
        return f"the document has {sentences} sentence{'s' * (sentences != 1)}, and fewer than {FEWEST_SENTENCES} say too little"
    return f"the document has more than {SENTENCES_AT_MOST:,} sentences" if sentences > SENTENCES_AT_MOST else None


def near_pairs(sentences: int) -> tuple[Int[np.ndarray, " pair"], Int[np.ndarray, " pair"]]:
    """Query and key of all pairs of two sentences up to 64 apart, in reading order."""
    apart = np.abs(np.subtract.outer(np.arange(sentences), np.arange(sentences)))
    return np.nonzero((apart > 0) & (apart <= FARTHEST))


def layer_links(
    measurements: Measurements, attention: Float[np.ndarray, "layer head sentence sentence"], similarity: Float[np.ndarray, "sentence sentence"]
) -> Iterator[LayerLinks]:
    """Each layer's links. Memory: one layer's pairs x heads, a few times."""
    middles = token_middles(measurements)
    queries, keys = near_pairs(len(middles))
    for layer in attention:
        share = layer[:, queries, keys].astype(np.float32)
        known = np.flatnonzero((comparable(layer)[:, queries, keys]).any(0))
        pairs = queries[known], keys[known]
        share = np.maximum(share[:, known], SMALLEST_SHARE)
        columns = np.column_stack([np.log(share).T, similarity[pairs]]).astype(np.float64)
        left = residuals(columns, decay(*pairs, middles), pairs, np.ones(len(known)), len(middles)) if len(known) else columns
        yield LayerLinks(
            sentences=len(middles),
            queries=pairs[0],
            keys=pairs[1],
            places=known,
            share=share,
            residual=left[:, :-1].T.astype(np.float32),
            alike=left[:, -1].astype(np.float32),
        )


def by_query(links: LayerLinks, values: Float[np.ndarray, "*head pair"]) -> Float[np.ndarray, "*head sentence"]:
    """Sums over the pairs of each query sentence, which come one after the other."""
    found = np.zeros((*values.shape[:-1], links.sentences), np.float32)
    own, starts = np.unique(links.queries, return_index=True)
    if len(own):
        found[..., own] = np.add.reduceat(values, starts, axis=-1)
    return found


class LinkSums(Protocol):
    """What adds up the links of one layer after another."""

    def add(self, links: LayerLinks) -> None:
        """Take a layer's links."""


def add_all(links: Iterable[LayerLinks], *sums: LinkSums) -> None:
    """Hand every layer's links to each of the sums."""
    for layer in links:
        for one in sums:
            one.add(layer)

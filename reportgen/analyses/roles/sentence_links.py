"""What distance and each sentence's own terms leave of every head's attention between sentences, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from reportgen.analyses.sentence_pairs.distance_model import decay, residuals, token_middles
from reportgen.measurements import Measurements

FARTHEST = 64
FEWEST_SENTENCES = 20
SENTENCES_AT_MOST = 1000
Pairs = tuple[Int[np.ndarray, " pair"], Int[np.ndarray, " pair"]]
SMALLEST_SHARE = 1e-7  # half precision holds none smaller


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerLinks:
    """A layer's pairs of two sentences up to 64 apart, the first left out as key: each head's share, the same expected, and ln(share / expected).

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


def near_pairs(expected: Float[np.ndarray, "*layer sentence sentence"]) -> Pairs:
    """Query and key of all pairs of two sentences up to 64 apart that some layer sees, in reading order; the first, which holds the sink, is no key."""
    sentences = expected.shape[-1]
    apart = np.abs(np.subtract.outer(np.arange(sentences), np.arange(sentences)))
    apart[:, 0] = 0
    return np.nonzero((apart > 0) & (apart <= FARTHEST) & (expected.reshape(-1, sentences, sentences) > 0).any(0))


def layer_links(
    measurements: Measurements,
    attention: Float[np.ndarray, "layer head sentence sentence"],
    near: Pairs,
    similarity: Float[np.ndarray, "sentence sentence"],
) -> Iterator[LayerLinks]:
    """Each layer's links of the near pairs. Memory: one layer's pairs x heads, a few times."""
    middles, (queries, keys) = token_middles(measurements), near
    for layer in attention:
        share = layer[:, queries, keys].astype(np.float32)
        known = np.flatnonzero((share > 0).any(0))  # NaN is not
        pairs = queries[known], keys[known]
        share = np.maximum(np.nan_to_num(share[:, known], copy=False), SMALLEST_SHARE)
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


def at_places(rows: Float[np.ndarray, "row every"], places: Int[np.ndarray, " pair"]) -> Float[np.ndarray, "row pair"]:
    """The columns at these places: the array itself where these are all, as in most layers."""
    return rows if len(places) == rows.shape[1] else rows[:, places]


def by_query(links: LayerLinks, values: Float[np.ndarray, "*head pair"]) -> Float[np.ndarray, "*head sentence"]:
    """Sums over the pairs of each query sentence, which come one after the other."""
    found = np.zeros((*values.shape[:-1], links.sentences), np.float32)
    own, starts = np.unique(links.queries, return_index=True)
    if len(own):
        found[..., own] = np.add.reduceat(values, starts, axis=-1)
    return found

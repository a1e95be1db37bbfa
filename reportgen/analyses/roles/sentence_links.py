"""What distance and each sentence's own terms leave of every head's attention between sentences, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from reportgen.analyses.half_precision import single
from reportgen.analyses.sentence_pairs.distance_model import FEWEST_PAIRS, decay
from reportgen.analyses.sentence_pairs.two_way_fit import TwoWayFit
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

    layer: int
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
    attention: Float[np.ndarray, "layer head sentence sentence"],
    near: Pairs,
    middles: Float[np.ndarray, " sentence"],
    similarity: Float[np.ndarray, "sentence sentence"],
) -> Iterator[LayerLinks]:
    """Each layer's links of the near pairs; layers that see fewer than 30 of them are left out. Memory: one layer's pairs x heads, a few times."""
    fits: dict[bytes, TwoWayFit] = {}
    for index, layer in enumerate(attention):
        share = single(layer.reshape(len(layer), -1).take(near[0] * len(middles) + near[1], axis=1))
        known = (share > 0).any(0)  # NaN is not
        if known.sum() >= FEWEST_PAIRS:
            fit = fits.setdefault(np.packbits(known).tobytes(), _fit((near[0][known], near[1][known]), middles))
            yield _links(index, share, np.flatnonzero(known), fit, similarity)


def _fit(pairs: Pairs, middles: Float[np.ndarray, " sentence"]) -> TwoWayFit:
    return TwoWayFit(queries=pairs[0], keys=pairs[1], features=decay(*pairs, middles), weights=np.ones(len(pairs[0])), sentences=len(middles))


def _links(
    layer: int, share: Float[np.ndarray, "head every"], places: Int[np.ndarray, " pair"], fit: TwoWayFit, similarity: Float[np.ndarray, "sentence sentence"]
) -> LayerLinks:
    share = np.maximum(np.nan_to_num(at_places(share, places)), SMALLEST_SHARE)
    left = fit.residuals(np.column_stack([np.log(share).T, similarity[fit.queries, fit.keys]]).astype(np.float32))
    return LayerLinks(
        layer=layer,
        sentences=fit.sentences,
        queries=fit.queries,
        keys=fit.keys,
        places=places,
        share=share,
        residual=np.ascontiguousarray(left[:, :-1].T),
        alike=np.ascontiguousarray(left[:, -1]),
    )


def at_places(rows: Float[np.ndarray, "row every"], places: Int[np.ndarray, " pair"]) -> Float[np.ndarray, "row pair"]:
    """The columns at these places: the array itself where these are all, as in most layers."""
    return rows if len(places) == rows.shape[1] else rows[:, places]


def by_query(links: LayerLinks, values: Float[np.ndarray, "*head pair"]) -> Float[np.ndarray, "*head sentence"]:
    """Sums over the pairs of each query sentence, which come one after the other."""
    found = np.zeros((*values.shape[:-1], links.sentences), np.float32)
    starts = np.flatnonzero(np.diff(links.queries, prepend=-1))
    if len(starts):
        found[..., links.queries[starts]] = np.add.reduceat(values, starts, axis=-1)
    return found

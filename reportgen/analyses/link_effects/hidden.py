"""The links of a document that were hidden, with the attention they get."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from reportgen.analyses.agreement.target import first_read_with_target
from reportgen.analyses.sentence_matrix import attention_views, expected_attention
from reportgen.links import lift_of
from reportgen.measurements import Measurements
from reportgen.sentence_pairs import SentencePairs

NOTHING = 1e-6  # nats; what is less is rounding


@dataclass(frozen=True, kw_only=True, eq=False)
class Hidden:
    """Links (query sentence looks at key sentence). `share` and `lift` are of the mean over layers and heads, `effect` and `drop` in nats.

    `band` is the power of two that the distance in sentences reaches: links of one band count as of one length; between two texts all do. `standing` is the share
    of all pairs of that band, those to the first sentence aside, whose lift is smaller, `share_standing` whose share is. `first` says that the key is the first sentence of the same text; `drawn` that the link was
    drawn by chance, where others were chosen for their strength.
    """

    queries: Int[np.ndarray, " link"]
    keys: Int[np.ndarray, " link"]
    share: Float[np.ndarray, " link"]
    lift: Float[np.ndarray, " link"]
    effect: Float[np.ndarray, " link"]
    drop: Float[np.ndarray, " link"]
    band: Int[np.ndarray, " link"]
    standing: Float[np.ndarray, " link"]
    share_standing: Float[np.ndarray, " link"]
    first: Bool[np.ndarray, " link"]
    drawn: Bool[np.ndarray, " link"]

    def where(self, kept: Bool[np.ndarray, " link"]) -> Hidden:
        """Some of them."""
        return replace(self, **{name: values[kept] for name, values in vars(self).items()})


def hidden_links(measurements: Measurements) -> Hidden:
    """Every link that was hidden, those drawn by chance last. Effects that are no more than rounding are 0."""
    rows, drop = measurements["attribution.link_effect"], measurements["attribution.link_drop"]
    chosen = len(rows)
    if "attribution.link_sample" in measurements:
        rows = np.concatenate([rows, measurements["attribution.link_sample"]])
        drop = np.concatenate([drop, measurements["attribution.link_sample_drop"]])
    queries, keys = rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64)
    pairs, share, lift, lengths = _attention(measurements)
    places = _places(pairs, queries, keys)
    known = places >= 0
    of_links = np.where(known, share[places], np.nan), np.where(known, lift[places], np.nan)
    bands, band = _band(pairs.queries, pairs.keys, lengths), _band(queries, keys, lengths)
    content = ~np.isnan(lift) & ~(pairs.to_first & lengths)
    return Hidden(
        queries=queries,
        keys=keys,
        share=of_links[0],
        lift=of_links[1],
        effect=np.where(rows[:, 2] > NOTHING, rows[:, 2], 0.0).astype(np.float64),
        drop=drop.astype(np.float64),
        band=band,
        standing=_standing(lift[content], bands[content], of_links[1], band),
        share_standing=_standing(share[content], bands[content], of_links[0], band),
        first=(keys == first_read_with_target(measurements)) & lengths,
        drawn=np.arange(len(rows)) >= chosen,
    )


def crosses(measurements: Measurements) -> bool:
    """Whether links lead from one text to another."""
    return "cross.sentence_attention" in measurements


def _attention(measurements: Measurements) -> tuple[SentencePairs, Float[np.ndarray, " pair"], Float[np.ndarray, " pair"], bool]:
    """All pairs of which one can look at the other, their share and lift, and whether they are of one text."""
    if crosses(measurements):
        matrix = measurements["cross.sentence_attention"].mean((0, 1), dtype=np.float64)
        even = measurements["cross.sentence_expected"]
        even, share = (even if even.ndim == 2 else even.mean(0)).ravel(), matrix.ravel()
        queries, keys = np.indices(matrix.shape, np.int64).reshape(2, -1)
        return SentencePairs(sentences=matrix.shape[1], queries=queries, keys=keys), share, lift_of(share, even), False
    share = attention_views(measurements)[0].astype(np.float64)
    pairs, lift = measurements.by_pair.pairs, lift_of(share, expected_attention(measurements))
    return pairs, share, np.where(pairs.queries == pairs.keys, np.nan, lift), True


def _places(pairs: SentencePairs, queries: Int[np.ndarray, " link"], keys: Int[np.ndarray, " link"]) -> Int[np.ndarray, " link"]:
    """Where these links are among the pairs, which come in reading order; -1 for those that are not stored."""
    width = int(max(pairs.keys.max(), keys.max(initial=0))) + 1
    there, wanted = pairs.queries.astype(np.int64) * width + pairs.keys, queries * width + keys
    places = np.minimum(np.searchsorted(there, wanted), len(there) - 1)
    return np.where(there[places] == wanted, places, -1)


def _band(queries: Int[np.ndarray, " pair"], keys: Int[np.ndarray, " pair"], lengths: bool) -> Int[np.ndarray, " pair"]:
    gaps = np.abs(queries.astype(np.int64) - keys) if lengths else np.ones(len(queries), np.int64)
    return np.log2(np.maximum(gaps, 1)).astype(np.int64)


def _standing(
    attention: Float[np.ndarray, " pair"], bands: Int[np.ndarray, " pair"], of_links: Float[np.ndarray, " link"], band: Int[np.ndarray, " link"]
) -> Float[np.ndarray, " link"]:
    """For each link the share of the pairs of its band that get less attention; NaN where there are none, or its own is not known."""
    standing = np.full(len(band), np.nan)
    for name in np.unique(band).tolist():
        others, here = np.sort(attention[bands == name]), (band == name) & ~np.isnan(of_links)
        if len(others):
            standing[here] = np.searchsorted(others, of_links[here]) / len(others)
    return standing

"""Links between sentences: their lift, the strongest of a view, and which of a document's the page shows. Views have one number for each pair of sentences."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from reportgen.sentence_pairs import SentencePairs

LINKS_AT_MOST = 50


def lift_of(attention: Float[np.ndarray, "*view pair"], expected: Float[np.ndarray, " pair"]) -> Float[np.ndarray, "*view pair"]:
    """Share of attention over the share that even attention would give; NaN where a sentence cannot see the other."""
    return np.divide(attention, expected, out=np.full(attention.shape, np.nan), where=np.broadcast_to(expected > 0, attention.shape), dtype=np.float64)


def content_pairs(values: Float[np.ndarray, "*view pair"], pairs: SentencePairs) -> Float[np.ndarray, "*view pair"]:
    """The same with NaN for a sentence on itself and for the first sentence read as key: what is left is not the sink."""
    return np.where(pairs.to_first | (pairs.queries == pairs.keys), np.nan, values)


def strongest(values: Float[np.ndarray, " pair"], count: int) -> Int[np.ndarray, " rank"]:
    """The places of the greatest values, greatest first, equals in reading order; -1 where there are fewer."""
    falling = -np.nan_to_num(values, nan=-np.inf)
    enough = np.flatnonzero(falling <= np.partition(falling, count - 1)[count - 1]) if 0 < count < len(falling) else np.arange(len(falling))
    order = enough[np.argsort(falling[enough], kind="stable")][:count]
    order = order[~np.isnan(values[order])]
    return np.concatenate([order, np.full(count - len(order), -1)])


def rank_links(lift: Float[np.ndarray, "view pair"], pairs: SentencePairs) -> tuple[Int[np.ndarray, "view rank"], Int[np.ndarray, "view rank"]]:
    """The places of each view's greatest lifts, 50 at most: of all pairs, then without the first sentence as key and a sentence on itself."""
    count = min(LINKS_AT_MOST, pairs.sentences * (pairs.sentences + 1) // 2)
    return np.stack([strongest(view, count) for view in lift]), np.stack([strongest(content_pairs(view, pairs), count) for view in lift])


def shown_links(
    attention: Float[np.ndarray, "layer head query_sentence key_sentence"], expected: Float[np.ndarray, "*layer query_sentence key_sentence"], *, crosses: bool
) -> Int[np.ndarray, "link 2"]:
    """Every (query, key) pair that some view shows among its strongest links, in reading order, each once. Views are the mean of all heads, and of each layer's.

    Where one text looks at another (`crosses`) no pair is a sentence on itself, nor is the first key sentence left out: each view's 50 strongest of all.
    """
    by_layer = attention.mean(1, dtype=np.float32).reshape(len(attention), -1)
    even = (expected if expected.ndim == 2 else expected.mean(0)).ravel()
    lift = lift_of(np.concatenate([by_layer.mean(0, keepdims=True), by_layer]), even)
    queries, keys = np.indices(attention.shape[2:]).reshape(2, -1)
    if crosses:
        places = [strongest(view, min(LINKS_AT_MOST, view.size)) for view in lift]
    else:
        places = [*rank_links(lift, SentencePairs(sentences=attention.shape[-1], queries=queries, keys=keys))]
    chosen = np.unique(np.concatenate([found.ravel() for found in places]))
    chosen = chosen[chosen >= 0]
    return np.stack([queries[chosen], keys[chosen]], axis=1)

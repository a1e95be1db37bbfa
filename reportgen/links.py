"""Links between sentences: their lift, the strongest of a matrix, and which of a document's the page shows."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

LINKS_AT_MOST = 50


def lift_of(
    attention: Float[np.ndarray, "*view query_sentence key_sentence"], expected: Float[np.ndarray, "query_sentence key_sentence"]
) -> Float[np.ndarray, "*view query_sentence key_sentence"]:
    """Share of attention over the share that even attention would give; NaN where a sentence cannot see the other."""
    return np.divide(attention, expected, out=np.full(attention.shape, np.nan), where=np.broadcast_to(expected > 0, attention.shape), dtype=np.float64)


def attention_by_view(attention: Float[np.ndarray, "layer *head query_sentence key_sentence"]) -> Float[np.ndarray, "view query_sentence key_sentence"]:
    """Mean share of attention over all heads, then over the heads of each layer; heads that are averaged already have no axis."""
    by_layer = attention.mean(1, dtype=np.float32) if attention.ndim > 3 else attention
    return np.concatenate([by_layer.mean(0, keepdims=True), by_layer])


def even_attention(expected: Float[np.ndarray, "*layer query_sentence key_sentence"]) -> Float[np.ndarray, "query_sentence key_sentence"]:
    """The share that even attention would give, averaged over layers where they see different windows."""
    return expected if expected.ndim == 2 else expected.mean(0)


def content_pairs(values: Float[np.ndarray, "*view sentence sentence"]) -> Float[np.ndarray, "*view sentence sentence"]:
    """The same with NaN for a sentence on itself and for the first sentence as key: what is left is not the sink."""
    kept = values.copy()
    kept[..., 0] = np.nan
    diagonal = np.arange(values.shape[-1])
    kept[..., diagonal, diagonal] = np.nan
    return kept


def strongest(values: Float[np.ndarray, "query_sentence key_sentence"], count: int) -> Int[np.ndarray, "rank 2"]:
    """The (query, key) pairs of the greatest values, greatest first, equals in reading order; -1 where there are fewer."""
    falling = -np.nan_to_num(values, nan=-np.inf).ravel()
    enough = np.flatnonzero(falling <= np.partition(falling, count - 1)[count - 1]) if 0 < count < len(falling) else np.arange(len(falling))
    order = enough[np.argsort(falling[enough], kind="stable")][:count]
    pairs = np.stack(np.unravel_index(order, values.shape), axis=1)
    found = np.full((count, 2), -1)
    valid = ~np.isnan(values.ravel()[order])
    found[: valid.sum()] = pairs[valid]
    return found


def rank_links(lift: Float[np.ndarray, "view sentence sentence"]) -> tuple[Int[np.ndarray, "view rank 2"], Int[np.ndarray, "view rank 2"]]:
    """Each view's pairs of the greatest lift, 50 at most: of all pairs, then without the first sentence as key and a sentence on itself."""
    sentences = lift.shape[-1]
    count = min(LINKS_AT_MOST, sentences * (sentences + 1) // 2)
    return np.stack([strongest(view, count) for view in lift]), np.stack([strongest(view, count) for view in content_pairs(lift)])


def shown_links(lift: Float[np.ndarray, "view query_sentence key_sentence"], *, crosses: bool) -> Int[np.ndarray, "link 2"]:
    """Every (query, key) pair that some view shows among its strongest links, in reading order, each once.

    Where one text looks at another (`crosses`) no pair is a sentence on itself, nor is the first key sentence left out: each view's 50 strongest of all.
    """
    views = [strongest(view, min(LINKS_AT_MOST, view.size)) for view in lift] if crosses else [*rank_links(lift)]
    pairs = np.concatenate([view.reshape(-1, 2) for view in views])
    return np.unique(pairs[pairs[:, 0] >= 0], axis=0)

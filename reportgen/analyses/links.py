"""Links between sentences: their lift, and the strongest of a matrix."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int


def lift_of(
    attention: Float[np.ndarray, "*view sentence sentence"], expected: Float[np.ndarray, "sentence sentence"]
) -> Float[np.ndarray, "*view sentence sentence"]:
    """Share of attention over the share that even attention would give; NaN where a sentence cannot see the other."""
    return np.divide(attention, expected, out=np.full(attention.shape, np.nan), where=np.broadcast_to(expected > 0, attention.shape), dtype=np.float64)


def content_pairs(values: Float[np.ndarray, "*view sentence sentence"]) -> Float[np.ndarray, "*view sentence sentence"]:
    """The same with NaN for a sentence on itself and for the first sentence as key: what is left is not the sink."""
    kept = values.copy()
    kept[..., 0] = np.nan
    diagonal = np.arange(values.shape[-1])
    kept[..., diagonal, diagonal] = np.nan
    return kept


def strongest(values: Float[np.ndarray, "sentence sentence"], count: int) -> Int[np.ndarray, "rank 2"]:
    """The (query, key) pairs of the greatest values, greatest first, equals in reading order; -1 where there are fewer."""
    order = np.argsort(-np.nan_to_num(values, nan=-np.inf).ravel(), kind="stable")[:count]
    pairs = np.stack(np.unravel_index(order, values.shape), axis=1)
    found = np.full((count, 2), -1)
    valid = ~np.isnan(values.ravel()[order])
    found[: valid.sum()] = pairs[valid]
    return found

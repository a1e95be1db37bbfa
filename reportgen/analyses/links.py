"""Links between sentences: their lift, and the strongest of a view. Views have one number for each pair of sentences."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from reportgen.sentence_pairs import SentencePairs


def lift_of(attention: Float[np.ndarray, "*view pair"], expected: Float[np.ndarray, " pair"]) -> Float[np.ndarray, "*view pair"]:
    """Share of attention over the share that even attention would give; NaN where a sentence cannot see the other."""
    return np.divide(attention, expected, out=np.full(attention.shape, np.nan), where=np.broadcast_to(expected > 0, attention.shape), dtype=np.float64)


def content_pairs(values: Float[np.ndarray, "*view pair"], pairs: SentencePairs) -> Float[np.ndarray, "*view pair"]:
    """The same with NaN for a sentence on itself and for the first sentence as key: what is left is not the sink."""
    return np.where((pairs.keys == 0) | (pairs.queries == pairs.keys), np.nan, values)


def strongest(values: Float[np.ndarray, " pair"], count: int) -> Int[np.ndarray, " rank"]:
    """The places of the greatest values, greatest first, equals in reading order; -1 where there are fewer."""
    order = np.argsort(-np.nan_to_num(values, nan=-np.inf), kind="stable")[:count]
    order = order[~np.isnan(values[order])]
    return np.concatenate([order, np.full(count - len(order), -1)])

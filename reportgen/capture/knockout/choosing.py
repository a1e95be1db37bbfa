"""Which links are worth the cost of being verified: the strongest of those that a report shows."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int


def strongest_links(
    attention: Float[np.ndarray, "query_sentence key_sentence"],
    expected: Float[np.ndarray, "query_sentence key_sentence"],
    allowed: Int[np.ndarray, "link 2"],
    count: int,
) -> Int[np.ndarray, "chosen 2"]:
    """At most `count` of the allowed links of which the query sentence sees the key sentence: half of them by lift, then those with the greatest share.

    `attention` is the mean over layers and heads, `expected` what even attention would give; lift is their ratio. Links to the first sentence come last,
    in the order of their share: where it is the sink they are the strongest of all. Equals in reading order.
    """
    visible = np.zeros(attention.shape, bool)
    visible[allowed[:, 0], allowed[:, 1]] = expected[allowed[:, 0], allowed[:, 1]] > 0
    content = visible.copy()
    content[:, 0] = False
    with np.errstate(divide="ignore", invalid="ignore"):
        lift = np.divide(attention, expected, dtype=np.float64)
    ranked = [*_ranked(lift, content)[: -(-count // 2)], *_ranked(attention, content), *_ranked(attention, visible)]
    return np.array(list(dict.fromkeys(ranked))[:count], np.int64).reshape(-1, 2)


def _ranked(values: Float[np.ndarray, "query_sentence key_sentence"], kept: Bool[np.ndarray, "query_sentence key_sentence"]) -> list[tuple[int, int]]:
    """The kept pairs, those of the greatest values first."""
    order = np.argsort(-np.where(kept, values, -np.inf).ravel(), kind="stable")[: int(kept.sum())]
    return list(zip(*(places.tolist() for places in np.unravel_index(order, values.shape)), strict=True))

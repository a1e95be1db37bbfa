"""Which links are worth the cost of being verified: all, or the strongest of those that a report shows and as many others by chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

SEED = 0
TO_FIRST = 12  # one link of so many leads to the first sentence


@dataclass(frozen=True, kw_only=True, eq=False)
class Chosen:
    """The links to measure, and others of the same lengths that were drawn without these; `every` says that the former are all there are."""

    links: Int[np.ndarray, "link 2"]
    sample: Int[np.ndarray, "drawn 2"]
    every: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """Mean share of attention over layers and heads, and what even attention would give; `lengths` says whether i - j means anything, which it does in one text."""

    attention: Float[np.ndarray, "query_sentence key_sentence"]
    expected: Float[np.ndarray, "query_sentence key_sentence"]
    lengths: bool

    def visible(self, links: Int[np.ndarray, "link 2"]) -> Int[np.ndarray, "seen 2"]:
        """Those of which the query sentence sees the key sentence."""
        return links[self.expected[links[:, 0], links[:, 1]] > 0]

    def length(self, links: Int[np.ndarray, "link 2"]) -> Int[np.ndarray, " link"]:
        """How far apart the two sentences stand; 0 between two texts."""
        return np.abs(links[:, 0] - links[:, 1]) * self.lengths


def choose_links(pairs: Pairs, possible: Int[np.ndarray, "link 2"], costs: Int[np.ndarray, " link"], budget: int, at_most: int, drawn: float) -> Chosen:
    """All of the possible links where their costs are within the budget, else the strongest `at_most` of them and as many drawn by chance.

    The sample may take `drawn` of the budget, the strongest links the rest.
    """
    if costs.sum() <= budget:
        return Chosen(links=possible, sample=possible[:0], every=True)
    cost = np.zeros(pairs.attention.shape, np.int64)
    cost[possible[:, 0], possible[:, 1]] = costs
    links = strongest_links(pairs.attention, pairs.expected, possible, at_most)
    for_links = budget - round(drawn * budget)
    affordable = len(_affordable(links, cost, for_links))
    links = _affordable(strongest_links(pairs.attention, pairs.expected, possible, affordable), cost, for_links)
    sample = sampled_links(pairs, links, possible)
    return Chosen(links=links, sample=_affordable(sample, cost, round(drawn * budget)), every=False)


def _affordable(links: Int[np.ndarray, "link 2"], cost: Int[np.ndarray, "query_sentence key_sentence"], budget: int) -> Int[np.ndarray, "first 2"]:
    return links[np.cumsum(cost[links[:, 0], links[:, 1]]) <= budget]


def sampled_links(pairs: Pairs, links: Int[np.ndarray, "link 2"], possible: Int[np.ndarray, "pair 2"]) -> Int[np.ndarray, "drawn 2"]:
    """For each link, in random order, one of the possible links of its length that is not among `links`, drawn without replacement while there are any.

    None leads to the first sentence, which holds the sink, except between two texts.
    """
    random = np.random.default_rng(SEED)
    others = {tuple(link) for link in possible.tolist()} - {tuple(link) for link in links.tolist()}
    left = np.array(sorted(link for link in others if link[1] or not pairs.lengths), np.int64).reshape(-1, 2)
    left = left[random.permutation(len(left))]
    stacks: dict[int, list[list[int]]] = {}
    for length, link in zip(pairs.length(left).tolist(), left.tolist(), strict=True):
        stacks.setdefault(length, []).append(link)
    wanted = pairs.length(links)[random.permutation(len(links))].tolist()
    return np.array([stacks[length].pop() for length in wanted if stacks.get(length)], np.int64).reshape(-1, 2)


def strongest_links(
    attention: Float[np.ndarray, "query_sentence key_sentence"],
    expected: Float[np.ndarray, "query_sentence key_sentence"],
    allowed: Int[np.ndarray, "link 2"],
    count: int,
) -> Int[np.ndarray, "chosen 2"]:
    """At most `count` of the allowed links of which the query sentence sees the key sentence.

    Half of them by lift, a quarter by lift over the median lift of the same distance, then those with the greatest share. `attention` is the mean over layers
    and heads, `expected` what even attention would give; lift is their ratio. Links to the first sentence, which are the strongest of all where it is the
    sink, come last, in the order of their share: one of `TO_FIRST`, or more where there are no others. Equals in reading order.
    """
    visible = np.zeros(attention.shape, bool)
    visible[allowed[:, 0], allowed[:, 1]] = expected[allowed[:, 0], allowed[:, 1]] > 0
    content = visible.copy()
    content[:, 0] = False
    with np.errstate(divide="ignore", invalid="ignore"):
        lift = np.divide(attention, expected, dtype=np.float64)
    by_lift, by_length = _ranked(lift, content), _ranked(_over_median(lift, content), content)
    ranked = [*by_lift[: -(-count // 2)], *by_length[: count // 4], *_ranked(attention, content)]
    to_first = _ranked(attention, visible & ~content)
    chosen = list(dict.fromkeys(ranked))[: count - min(count // TO_FIRST, len(to_first))]
    return np.array((chosen + to_first)[:count], np.int64).reshape(-1, 2)


def _over_median(
    lift: Float[np.ndarray, "query_sentence key_sentence"], kept: Bool[np.ndarray, "query_sentence key_sentence"]
) -> Float[np.ndarray, "query_sentence key_sentence"]:
    """Lift over the median lift of the kept pairs of the same distance, then over what is left of the key sentence's median."""
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.where(kept, np.log(lift), np.nan)
    length = np.abs(np.subtract.outer(np.arange(len(left)), np.arange(left.shape[1])))
    key = np.broadcast_to(np.arange(left.shape[1]), left.shape)
    for group in (length, key):
        left = left - _medians(left, group)[group]
    return left


def _medians(values: Float[np.ndarray, "query_sentence key_sentence"], group: Int[np.ndarray, "query_sentence key_sentence"]) -> Float[np.ndarray, " group"]:
    """The median of each group's finite values; 0 for none."""
    finite = np.isfinite(values)
    order = np.lexsort((values[finite], group[finite]))
    members, sorted_values = group[finite][order], values[finite][order]
    starts, ends = (np.searchsorted(members, np.arange(group.max() + 1), side=side) for side in ("left", "right"))
    middle = np.minimum((starts + ends) // 2, max(len(sorted_values) - 1, 0))
    return np.where(ends > starts, sorted_values[middle] if len(sorted_values) else 0.0, 0.0)


def _ranked(values: Float[np.ndarray, "query_sentence key_sentence"], kept: Bool[np.ndarray, "query_sentence key_sentence"]) -> list[tuple[int, int]]:
    """The kept pairs, those of the greatest values first."""
    order = np.argsort(-np.where(kept, values, -np.inf).ravel(), kind="stable")[: int(kept.sum())]
    return list(zip(*(places.tolist() for places in np.unravel_index(order, values.shape)), strict=True))

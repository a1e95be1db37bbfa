"""How far the attention of every two heads, over all layers, is apart: Jensen-Shannon divergence at a sample of query tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from reportgen.capture.lanes import lanes_on
from reportgen.capture.layout import Stack
from reportgen.capture.query_shares import cells_of, shares_of
from reportgen.capture.scores import LayerScores
from reportgen.capture.shared_entropies import add_entropies_of_means

QUERIES = 32
QUERIES_AT_ONCE = 8
NAMES = ("head_divergence", "head_divergence_without_sink")


def sampled_queries(stack: Stack) -> Int[np.ndarray, " sampled"]:
    """32 query tokens, spread evenly over those that count and lie in sentences; all where there are fewer."""
    there = np.flatnonzero(stack.queries.sentence_queries)
    count = min(len(there), QUERIES)
    return there[((np.arange(count) + 0.5) * len(there) / max(count, 1)).astype(np.int64)]


def head_divergence(stack: Stack, layers: Sequence[LayerScores], progress: Callable[[float], None]) -> dict[str, np.ndarray]:
    """`head_divergence`, the same without the sink, and `head_divergence_queries`, the query tokens that they are means over.

    JS(p, p') = H((p + p') / 2) - (H(p) + H(p')) / 2 in nats, between 0 and ln 2, of the weights of heads h and h' of any layers at the same query token, the weights on
    each sentence but the query's own added up: tokens of its own sentence, sinks and tokens of no sentence stand alone. That is at most the divergence over tokens, and
    costs a twentieth of it at 4,000 tokens. What a sink as an extra logit takes is one more key. Without the sink: of what is left, renormalised, over
    the queries at which both heads have something left. The mean over a sample of queries, an estimate of that over all; nothing is smoothed, which JS does
    not need. *Source:* Clark et al. 2019, section 6, there over all tokens and keys one by one. A second look at the scores. Memory for each lane: 8 queries x
    keys x heads of a layer, 8 queries x cells x heads of all layers, and heads x heads four times.
    """
    queries = sampled_queries(stack)
    blocks = [queries[start : start + QUERIES_AT_ONCE] for start in range(0, len(queries), QUERIES_AT_ONCE)]
    sums, done = [_Sums.of(stack.layers * stack.heads) for _ in NAMES], 0
    sinks_beside = any(layer.rule.extra is not None for layer in layers)

    def look(_: int, block: Int[np.ndarray, " query"]) -> list[_Sums]:
        shares = shares_of(layers, [cells_of(stack.keys, query, _seen(layers, query)) for query in block.tolist()], rest=sinks_beside)
        everywhere = np.ones((len(shares.weights), len(block)), bool)
        return [_sums(shares.weights, everywhere), _sums(*shares.without_sinks())]

    def take(found: list[_Sums]) -> None:
        nonlocal done
        for total, of_block in zip(sums, found, strict=True):
            total.add(of_block)
        done += len(found[0].there[0])
        progress(done / len(queries))

    lanes_on(torch.device("cpu")).work(blocks, look, take)
    return {name: total.mean() for name, total in zip(NAMES, sums, strict=True)} | {"head_divergence_queries": queries.astype(np.int32)}


@dataclass(kw_only=True, eq=False)
class _Sums:
    """Of every two heads the entropies of their means (lower triangle), summed over queries, and at which queries each has anything; shares that are not there are 0."""

    entropies: Float[np.ndarray, "any_head any_head"]
    there: Bool[np.ndarray, "any_head query"]

    @classmethod
    def of(cls, heads: int) -> _Sums:
        return cls(entropies=np.zeros((heads, heads)), there=np.zeros((heads, 0), bool))

    def add(self, other: _Sums) -> None:
        self.entropies += other.entropies
        self.there = np.concatenate([self.there, other.there], axis=1)

    def mean(self) -> Float[np.ndarray, "any_head any_head"]:
        """Over the queries at which both have anything, NaN where there are none; 0 of a head to itself.

        Where one alone has, H(s / 2) - H(s) / 2 = ln 2 / 2 is in the sums, and is taken out.
        """
        there = self.there.astype(np.float32)
        both, own = there @ there.T, np.diagonal(self.entropies)
        alone = there.sum(1)[:, None] + there.sum(1) - 2 * both
        total = self.entropies - (own[:, None] + own) / 2 - alone * (np.log(2) / 2)
        mean = np.divide(total, both, out=np.full(both.shape, np.nan), where=both > 0).clip(0, np.log(2))
        lower = np.tril(mean, -1)
        return np.where(np.eye(len(mean), dtype=bool), mean, lower + lower.T).astype(np.float32)


def _sums(weights: Float[np.ndarray, "any_head cell"], there: Bool[np.ndarray, "any_head query"]) -> _Sums:
    entropies = np.zeros((len(weights), len(weights)))
    add_entropies_of_means(weights, entropies)
    return _Sums(entropies=entropies, there=there)


def _seen(layers: Sequence[LayerScores], query: int) -> slice:
    """The keys that the query sees in any layer."""
    return slice(min(int(layer.visibility.first[query]) for layer in layers), max(int(layer.visibility.last[query]) for layer in layers))

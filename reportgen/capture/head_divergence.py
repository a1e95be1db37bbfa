"""How far the attention of every two heads, over all layers, is apart: Jensen-Shannon divergence at a sample of query tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from reportgen.capture.fused import NOTHING_LEFT
from reportgen.capture.lanes import lanes_on
from reportgen.capture.layout import Stack
from reportgen.capture.query_key import log_weights
from reportgen.capture.scores import LayerScores
from reportgen.capture.shared_entropies import add_entropies_of_means

QUERIES_AT_MOST, QUERIES_AT_LEAST = 64, 8
CELLS = 2_000_000_000  # pairs of heads x keys that are looked at: about a nanosecond each
NAMES = ("head_divergence", "head_divergence_without_sink")


def sampled_queries(stack: Stack, keys_seen: Int[np.ndarray, " query"]) -> Int[np.ndarray, " sampled"]:
    """Query tokens spread evenly over those that count and lie in sentences: 64, or as many as cost little beside the pass, but 8 where there are as many.

    A longer text or a model of more heads has fewer. `keys_seen` says how many keys each query sees in the layer that sees most.
    """
    there = np.flatnonzero(stack.queries.sentence_queries)
    heads = stack.layers * stack.heads
    cost = heads * (heads + 1) / 2 * keys_seen[there].mean() * len(NAMES)
    count = min(len(there), QUERIES_AT_MOST, max(int(CELLS / cost), QUERIES_AT_LEAST))
    return there[((np.arange(count) + 0.5) * len(there) / count).astype(np.int64)]


def head_divergence(stack: Stack, layers: Sequence[LayerScores], progress: Callable[[float], None] | None = None) -> dict[str, np.ndarray]:
    """`head_divergence`, the same without the sink, and `head_divergence_queries`, the query tokens that they are means over.

    JS(p, p') = H((p + p') / 2) - (H(p) + H(p')) / 2 in nats, between 0 and ln 2, of the weights of heads h and h' of any layers at the same query token; what a sink as
    an extra logit takes is one more key. Without the sink: of what is left, renormalised, over the queries at which both heads have something left. The
    mean over a sample of queries, an estimate of that over all; nothing is smoothed, which JS does not need. *Source:* Clark et al. 2019, section 6, there the sum over all
    tokens. A second look at the scores. Memory: heads of all layers x keys, twice for each lane, and heads x heads.
    """
    queries = sampled_queries(stack, np.max([layer.visibility.keys_seen for layer in layers], axis=0))
    sums = [_Sums.of(stack.layers * stack.heads) for _ in NAMES]
    sinks_beside, done = any(layer.rule.extra is not None for layer in layers), 0

    def look(_: int, query: int) -> list[_Sums]:
        keys = _seen(layers, query)
        weights, sinks = _weights(layers, query, keys), stack.keys.sinks
        left = _without(weights, sinks[(sinks >= keys.start) & (sinks < keys.stop)] - keys.start)
        return [_sums(_with_the_rest(weights) if sinks_beside else weights), _sums(left)]

    def take(found: list[_Sums]) -> None:
        nonlocal done
        for total, of_query in zip(sums, found, strict=True):
            total.add(of_query)
        done += 1
        if progress is not None:
            progress(done / len(queries))

    lanes_on(torch.device("cpu")).work(queries.tolist(), look, take)
    return {name: total.mean() for name, total in zip(NAMES, sums, strict=True)} | {"head_divergence_queries": queries.astype(np.int32)}


@dataclass(frozen=True, kw_only=True, eq=False)
class _Sums:
    """Of every two heads the sum of their divergences, and over how many queries it is."""

    divergence: Float[np.ndarray, "any_head any_head"]
    queries: Float[np.ndarray, "any_head any_head"]

    @classmethod
    def of(cls, heads: int) -> _Sums:
        return cls(divergence=np.zeros((heads, heads)), queries=np.zeros((heads, heads)))

    def add(self, other: _Sums) -> None:
        np.add(self.divergence, other.divergence, out=self.divergence)
        np.add(self.queries, other.queries, out=self.queries)

    def mean(self) -> Float[np.ndarray, "any_head any_head"]:
        """NaN where there are no queries; 0 of a head to itself."""
        mean = np.divide(self.divergence, self.queries, out=np.full(self.queries.shape, np.nan), where=self.queries > 0)
        return mean.astype(np.float32)


def _sums(weights: Float[np.ndarray, "any_head key"]) -> _Sums:
    """What one query gives; a head whose weights are all 0 has nothing to compare."""
    heads, there = len(weights), weights.any(1)
    entropies = np.zeros((heads, heads))
    add_entropies_of_means(weights, entropies)
    own = np.diagonal(entropies)
    lower = np.clip(entropies - (own[:, None] + own) / 2, 0, np.log(2))
    lower = np.tril(np.where(there[:, None] & there, lower, 0.0), -1)
    return _Sums(divergence=lower + lower.T, queries=(there[:, None] & there).astype(float))


def _weights(layers: Sequence[LayerScores], query: int, keys: slice) -> Float[np.ndarray, "any_head key"]:
    """The weights of one query on some keys in every head of every layer."""
    rows, counted, chosen = slice(query, query + 1), torch.ones(1, dtype=torch.bool), torch.arange(keys.start, keys.stop)
    return np.concatenate([log_weights(layer, rows, chosen, counted)[:, 0].exp().numpy() for layer in layers])


def _seen(layers: Sequence[LayerScores], query: int) -> slice:
    """The keys that the query sees in any layer."""
    return slice(min(int(layer.visibility.first[query]) for layer in layers), max(int(layer.visibility.last[query]) for layer in layers))


def _with_the_rest(weights: Float[np.ndarray, "any_head key"]) -> Float[np.ndarray, "any_head key_or_none"]:
    """The same with one more column, for what falls on no key."""
    rest = 1 - weights.sum(1, keepdims=True, dtype=np.float64)
    return np.concatenate([weights, rest.clip(0).astype(np.float32)], axis=1)


def _without(weights: Float[np.ndarray, "any_head key"], sinks: Int[np.ndarray, " sink"]) -> Float[np.ndarray, "any_head key"]:
    """The weights on the other keys, renormalised; all 0 where nothing is left."""
    kept = weights.copy()
    kept[:, sinks] = 0
    left = kept.sum(1, keepdims=True)
    enough: Bool[np.ndarray, "any_head 1"] = left > NOTHING_LEFT
    return np.where(enough, kept / np.where(enough, left, 1), np.float32(0))

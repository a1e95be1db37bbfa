"""How far the attention of every two heads, over all layers, is apart: Jensen-Shannon divergence at a sample of query tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from reportgen.capture.fused import NOTHING_LEFT
from reportgen.capture.lanes import lanes_on
from reportgen.capture.layout import Stack, TextLayout
from reportgen.capture.scores import LayerScores
from reportgen.capture.shared_entropies import add_entropies_of_means

QUERIES = 32
NAMES = ("head_divergence", "head_divergence_without_sink")


def sampled_queries(stack: Stack) -> Int[np.ndarray, " sampled"]:
    """32 query tokens, spread evenly over those that count and lie in sentences; all where there are fewer."""
    there = np.flatnonzero(stack.queries.sentence_queries)
    count = min(len(there), QUERIES)
    return there[((np.arange(count) + 0.5) * len(there) / max(count, 1)).astype(np.int64)]


def head_divergence(stack: Stack, layers: Sequence[LayerScores], progress: Callable[[float], None] | None = None) -> dict[str, np.ndarray]:
    """`head_divergence`, the same without the sink, and `head_divergence_queries`, the query tokens that they are means over.

    JS(p, p') = H((p + p') / 2) - (H(p) + H(p')) / 2 in nats, between 0 and ln 2, of the weights of heads h and h' of any layers at the same query token, the weights on
    each sentence but the query's own added up: tokens of its own sentence, sinks and tokens of no sentence stand alone. That is at most the divergence over tokens, and
    costs a twentieth of it at 4,000 tokens. What a sink as an extra logit takes is one more key. Without the sink: of what is left, renormalised, over
    the queries at which both heads have something left. The mean over a sample of queries, an estimate of that over all; nothing is smoothed, which JS does
    not need. *Source:* Clark et al. 2019, section 6, there over all tokens and keys one by one. A second look at the scores. Memory: heads of all layers x keys for
    each lane, and heads x heads.
    """
    queries = sampled_queries(stack)
    sums = [_Sums.of(stack.layers * stack.heads) for _ in NAMES]
    sinks_beside, done = any(layer.rule.extra is not None for layer in layers), 0

    def look(_: int, query: int) -> list[_Sums]:
        keys = _seen(layers, query)
        order, starts = _cells(stack.keys, int(stack.queries.sentence_of_token[query]), keys)
        weights = np.add.reduceat(_weights(layers, query, keys)[:, order], starts, axis=1)
        left = _without(weights, np.flatnonzero(np.isin(order[starts] + keys.start, stack.keys.sinks)))
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


def _cells(keys: TextLayout, own: int, seen: slice) -> tuple[Int[np.ndarray, " key"], Int[np.ndarray, " cell"]]:
    """The keys seen in order of the cells that weights are added up in, counted from the first, and where the cells begin in that order.

    A cell is another sentence, or a token of the own one or of none, or a sink.
    """
    sentence, place = keys.sentence_of_token[seen], np.arange(seen.start, seen.stop)
    alone = (sentence == own) | (sentence < 0) | np.isin(place, keys.sinks)
    cell = np.where(alone, -1 - place, sentence)
    order = np.argsort(cell, kind="stable")
    return order, np.flatnonzero(np.diff(cell[order], prepend=-1 - len(keys.sentence_of_token)))


def _weights(layers: Sequence[LayerScores], query: int, keys: slice) -> Float[np.ndarray, "any_head key"]:
    """The weights of one query on some keys in every head of every layer."""
    rows, heads = slice(query, query + 1), len(layers[0].log_normalisers)
    found = torch.empty(len(layers), heads, 1, keys.stop - keys.start)
    for layer, cells in zip(layers, found, strict=True):
        layer.between(rows, keys, out=cells)
        cells -= layer.log_normalisers[:, rows, None]
        first, last = int(layer.visibility.first[query]), int(layer.visibility.last[query])
        cells[..., : first - keys.start], cells[..., last - keys.start :] = -torch.inf, -torch.inf
    return found.exp_().flatten(0, 2).numpy()


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

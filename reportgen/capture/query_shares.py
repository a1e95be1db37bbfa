"""What a query's attention is shared out among: each token of its own sentence or of none, each sink, and every other sentence as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from reportgen.capture.fused import NOTHING_LEFT
from reportgen.capture.layout import TextLayout
from reportgen.capture.scores import LayerScores
from reportgen.capture.vectors import IN_ORDER, SUMS, compiled, exp


@dataclass(frozen=True, kw_only=True, eq=False)
class QueryCells:
    """The cells of one query: `stretches` are consecutive keys of one cell (first, last + 1, cell), `cells` how many cells there are, `sinks` which of them are sinks."""

    query: int
    stretches: Int[np.ndarray, "stretch 3"]
    cells: int
    sinks: Int[np.ndarray, " sink"]


def cells_of(keys: TextLayout, query: int, seen: slice) -> QueryCells:
    """The cells that hold the keys in `seen`: another sentence is one, and so is each token of the query's own or of none, and each sink."""
    members, tokens = keys.sentence_of_token, np.arange(seen.start, seen.stop)
    alone = (members[tokens] == members[query]) | (members[tokens] < 0) | np.isin(tokens, keys.sinks)
    label = np.where(alone, keys.sentences + tokens, members[tokens])
    starts = np.flatnonzero(np.diff(label, prepend=-1))
    labels, cell = np.unique(label[starts], return_inverse=True)
    first = tokens[starts]
    stretches = np.stack([first, np.append(first[1:], seen.stop), cell], axis=1).astype(np.int64)
    sinks = np.flatnonzero(np.isin(labels - keys.sentences, keys.sinks))
    return QueryCells(query=query, stretches=stretches, cells=len(labels), sinks=sinks)


@dataclass(frozen=True, kw_only=True, eq=False)
class Shares:
    """The shares of some queries beside each other, in every head of every layer; each query's begin at its place in `starts`, and `sinks` says which are of sinks."""

    weights: Float[np.ndarray, "any_head cell"]
    starts: Int[np.ndarray, " query"]
    sinks: Bool[np.ndarray, " cell"]

    @property
    def sums(self) -> Float[np.ndarray, "any_head query"]:
        """What falls on the cells of each query."""
        return np.add.reduceat(self.weights, self.starts, axis=1)

    def without_sinks(self) -> tuple[Float[np.ndarray, "any_head cell"], Bool[np.ndarray, "any_head query"]]:
        """What is left without the sinks, renormalised, and where anything is; all 0 where nothing is."""
        kept = np.where(self.sinks, np.float32(0), self.weights)
        left = np.add.reduceat(kept, self.starts, axis=1)
        there = left > NOTHING_LEFT
        factor = np.divide(np.float32(1), left, out=np.zeros_like(left), where=there)
        kept *= np.repeat(factor, np.diff(self.starts, append=len(self.sinks)), axis=1)
        return kept, there


def shares_of(layers: Sequence[LayerScores], cells: Sequence[QueryCells], *, rest: bool) -> Shares:
    """The shares of these queries. With `rest` each query has one more cell, what falls on no key (a sink as an extra logit), which is a sink too.

    Memory: the heads of a layer x queries x keys, and the heads of all layers x cells.
    """
    starts = np.cumsum([0, *(found.cells + rest for found in cells)])
    sinks, heads = np.zeros(starts[-1], bool), sum(len(layer.log_normalisers) for layer in layers)
    for start, found in zip(starts, cells, strict=False):
        sinks[start + found.sinks] = True
    weights = np.zeros((heads, starts[-1]), np.float32)
    done = 0
    for layer in layers:
        of_layer = weights[done : done + len(layer.log_normalisers)]
        _add_layer(layer, cells, starts, of_layer)
        done += len(of_layer)
    shares = Shares(weights=weights, starts=starts[:-1], sinks=sinks)
    if rest:
        last = starts[1:] - 1
        sinks[last] = True
        weights[:, last] = (1 - shares.sums).clip(0)
    return shares


def _add_layer(layer: LayerScores, cells: Sequence[QueryCells], starts: Int[np.ndarray, " border"], weights: Float[np.ndarray, "head cell"]) -> None:
    queries = np.array([found.query for found in cells])
    first, last = layer.visibility.first[queries], layer.visibility.last[queries]
    keys = slice(int(first.min()), int(last.max()))
    scores = _scores(layer, queries, keys).numpy()
    normalisers = layer.log_normalisers.numpy()
    for place, found in enumerate(cells):
        bounds = np.clip(found.stretches[:, :2], first[place], last[place]) - keys.start
        _add_shares(scores[:, place], normalisers[:, found.query], bounds, found.stretches[:, 2] + starts[place], weights)


def _scores(layer: LayerScores, queries: Int[np.ndarray, " query"], keys: slice) -> Float[torch.Tensor, "head query key"]:
    """Scores of queries that need not follow each other, of all in one product."""
    rows = layer.queries[:, :, torch.from_numpy(queries)]
    products = torch.empty(len(rows), rows.shape[1] * len(queries), keys.stop - keys.start)
    layer.products(rows.flatten(1, 2), keys, products)
    scores = products.unflatten(1, rows.shape[1:3]).flatten(0, 1)
    for place, query in enumerate(queries.tolist()):
        layer.rule.finish(scores[:, place : place + 1], slice(query, query + 1), keys)
    return scores


@compiled(SUMS)
def _sum_exp(scores, normaliser):
    total = np.float32(0.0)
    for key in range(len(scores)):
        total += exp(scores[key] - normaliser)
    return total


@compiled(IN_ORDER)
def _add_shares(scores, normalisers, bounds, cells, weights):
    """Add the weights of each stretch of keys to its cell, in every head."""
    for head in range(len(scores)):
        row, normaliser = scores[head], normalisers[head]
        for stretch in range(len(cells)):
            if bounds[stretch, 0] < bounds[stretch, 1]:
                weights[head, cells[stretch]] += _sum_exp(row[bounds[stretch, 0] : bounds[stretch, 1]], normaliser)

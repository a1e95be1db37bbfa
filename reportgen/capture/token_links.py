"""The strongest links of each token over all layers and heads at once: a second look at the weights, where it can matter."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from reportgen.capture.block import Block
from reportgen.capture.layout import Stack
from reportgen.capture.scores import LayerScores
from reportgen.capture.visibility import Visibility
from reportgen.measurements import TOKEN_LINK

LINKS = 8
ROWS = 96
SEGMENT = 32  # keys that share one bound
SLACK = 1.0001  # for rounding in the bounds


class SegmentBounds:
    """A reducer: for each query and each segment of keys, an upper bound of the mean weight over layers and heads of any key in it.

    The bound is the sum over layers of the greatest head mean in the segment. Memory: queries x keys / 32.
    """

    def __init__(self, stack: Stack) -> None:
        self.layers = stack.layers
        self.total = torch.zeros(stack.queries.tokens, -(-stack.keys.tokens // SEGMENT))  # query segment

    def add(self, block: Block) -> None:
        first, (rows, keys) = block.keys.start // SEGMENT, block.plan.shape
        lead = block.keys.start - first * SEGMENT
        count = -(-(lead + keys) // SEGMENT)
        aligned = torch.zeros(rows, count * SEGMENT)
        aligned[:, lead : lead + keys] = block.head_mean
        self.total[block.rows, first : first + count] += aligned.view(rows, count, SEGMENT).amax(2)

    def arrays(self) -> dict[str, np.ndarray]:
        return {}

    def may_reach(self, rows: slice, needed: Float[torch.Tensor, " row"]) -> Bool[torch.Tensor, " segment"]:
        """The segments that may hold, for some row, a key whose mean weight is at least what is needed there."""
        return (self.total[rows] * (SLACK / self.layers) >= needed[:, None]).any(0)


class MeanWeights:
    """A reducer: the mean weight over layers and heads of every pair, for models that are read one layer at a time. Memory: queries x keys, once."""

    def __init__(self, stack: Stack) -> None:
        self.layers, self.total = stack.layers, torch.zeros(stack.queries.tokens, stack.keys.tokens)

    def add(self, block: Block) -> None:
        self.total[block.rows, block.keys] += block.head_mean

    def arrays(self) -> dict[str, np.ndarray]:
        """`token_links` of the whole means."""
        links = no_links(len(self.total))
        _keep(links, slice(None), *(self.total / self.layers).topk(min(LINKS, self.total.shape[1])))
        return {"token_links": links}


def no_links(tokens: int) -> np.ndarray:
    """Links of no query: key -1, weight 0."""
    links = np.zeros((tokens, LINKS), TOKEN_LINK)
    links["key"] = -1
    return links


def _keep(links: np.ndarray, rows: slice, weights: Float[torch.Tensor, "row rank"], keys: Int[torch.Tensor, "row rank"]) -> None:
    links["key"][rows, : keys.shape[1]] = torch.where(weights > 0, keys, -1).numpy()
    links["weight"][rows, : keys.shape[1]] = weights.numpy()


def token_links(stack: Stack, layers: Sequence[LayerScores], bounds: SegmentBounds, progress: Callable[[float], None] | None = None) -> np.ndarray:
    """`token_links`: for each query token the 8 keys with the largest mean over layers and heads of p, strongest first.

    A query that sees fewer keys has key -1 and weight 0 in what remains. The mean is over all layers, so no single layer's pass can give it:
    weights are computed a second time from the kept queries and keys, for a few rows of all layers, and dropped. Exact: near keys and the first ones
    give each query a threshold, and then all keys are computed whose segment's bound reaches it for some query.
    """
    tokens = stack.queries.tokens
    links = no_links(tokens)
    for start in range(0, tokens, ROWS):
        rows = slice(start, min(start + ROWS, tokens))
        near = torch.zeros(bounds.total.shape[1], dtype=torch.bool)
        near[0] = True
        near[max(start - ROWS, 0) // SEGMENT : -(-rows.stop // SEGMENT)] = True
        keys = _keys_of(near, stack.keys.tokens)
        mean = _mean_weights(layers, rows, keys)
        least = mean.topk(LINKS)[0][:, -1] if len(keys) >= LINKS else torch.zeros(len(mean))
        more = _keys_of(bounds.may_reach(rows, least) & ~near, stack.keys.tokens)
        mean, keys = torch.cat([mean, _mean_weights(layers, rows, more)], 1), torch.cat([keys, more])
        weights, order = mean.topk(min(LINKS, len(keys)))
        _keep(links, rows, weights, keys[order])
        if progress is not None:
            progress(rows.stop / tokens)
    return links


def _keys_of(segments: Bool[torch.Tensor, " segment"], tokens: int) -> Int[torch.Tensor, " key"]:
    """The keys in the chosen segments."""
    keys = (segments.nonzero() * SEGMENT + torch.arange(SEGMENT)).flatten()
    return keys[keys < tokens]


def _mean_weights(layers: Sequence[LayerScores], rows: slice, keys: Int[torch.Tensor, " key"]) -> Float[torch.Tensor, "row key"]:
    """Mean over layers and heads of the weights of some rows on some keys, from scores and each row's known normaliser."""
    device = layers[0].keys.device
    hidden = {mask: _hidden(mask, rows, keys).to(device) for mask in {layer.visibility for layer in layers}}
    total = torch.zeros(rows.stop - rows.start, len(keys), device=device)
    scores, chosen = torch.empty(len(layers[0].log_normalisers), *total.shape, device=device), keys.to(device)
    for layer in layers:
        layer.between(rows, chosen, out=scores)
        weights = scores.sub_(layer.log_normalisers[:, rows, None]).exp_().mean(0)
        total += weights.masked_fill_(hidden[layer.visibility], 0.0)
    return total.cpu() / len(layers)


def _hidden(visibility: Visibility, rows: slice, keys: Int[torch.Tensor, " key"]) -> Bool[torch.Tensor, "row key"]:
    first, last = torch.from_numpy(visibility.first[rows])[:, None], torch.from_numpy(visibility.last[rows])[:, None]
    return (keys < first) | (keys >= last)

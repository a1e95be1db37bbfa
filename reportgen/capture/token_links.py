"""The strongest links of each token over all layers and heads at once: a second look at the weights, where it can matter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from reportgen.capture.block import Block
from reportgen.capture.layout import TextLayout
from reportgen.capture.streaming import LayerRecord, Progress
from reportgen.capture.visibility import Visibility
from reportgen.measurements import TOKEN_LINK

LINKS = 8
ROWS = 96
SEGMENT = 32  # keys that share one bound
SLACK = 1.0001  # for rounding in the bounds


class SegmentBounds:
    """A reducer: for each query and each segment of keys, an upper bound of the mean weight over layers and heads of any key in it.

    The bound is the sum over layers of the greatest head mean in the segment. Memory: tokens x tokens / 32.
    """

    def __init__(self, layout: TextLayout, layers: int) -> None:
        self.layers = layers
        self.total = torch.zeros(layout.tokens, -(-layout.tokens // SEGMENT))  # query segment

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


def token_links(layout: TextLayout, layers: Sequence[LayerRecord], bounds: SegmentBounds, progress: Progress | None = None) -> np.ndarray:
    """`token_links`: for each query token the 8 keys with the largest mean over layers and heads of p, strongest first.

    A query that sees fewer keys has key -1 and weight 0 in what remains. The mean is over all layers, so no single layer's pass can give it:
    weights are computed a second time from the kept queries and keys, for a few rows of all layers, and dropped. Exact: near keys and the first ones
    give each query a threshold, and then all keys are computed whose segment's bound reaches it for some query.
    """
    links = np.zeros((layout.tokens, LINKS), TOKEN_LINK)
    links["key"] = -1
    for start in range(0, layout.tokens, ROWS):
        rows = slice(start, min(start + ROWS, layout.tokens))
        near = torch.zeros(bounds.total.shape[1], dtype=torch.bool)
        near[[0, *range(max(start - ROWS, 0) // SEGMENT, -(-rows.stop // SEGMENT))]] = True
        keys = _keys_of(near, layout.tokens)
        mean = _mean_weights(layers, rows, keys)
        least = mean.topk(LINKS)[0][:, -1] if len(keys) >= LINKS else torch.zeros(len(mean))
        more = _keys_of(bounds.may_reach(rows, least) & ~near, layout.tokens)
        mean, keys = torch.cat([mean, _mean_weights(layers, rows, more)], 1), torch.cat([keys, more])
        weights, order = mean.topk(min(LINKS, len(keys)))
        links["key"][rows, : order.shape[1]] = torch.where(weights > 0, keys[order], -1).numpy()
        links["weight"][rows, : order.shape[1]] = weights.numpy()
        if progress is not None:
            progress(len(layers), rows.stop / layout.tokens)
    return links


def _keys_of(segments: Bool[torch.Tensor, " segment"], tokens: int) -> Int[torch.Tensor, " key"]:
    """The keys in the chosen segments."""
    keys = (segments.nonzero() * SEGMENT + torch.arange(SEGMENT)).flatten()
    return keys[keys < tokens]


def _mean_weights(layers: Sequence[LayerRecord], rows: slice, keys: Int[torch.Tensor, " key"]) -> Float[torch.Tensor, "row key"]:
    """Mean over layers and heads of the weights of some rows on some keys, from scores and each row's known normaliser."""
    hidden = {mask: _hidden(mask, rows, keys) for mask in {layer.visibility for layer in layers}}
    total, scores = torch.zeros(rows.stop - rows.start, len(keys)), None
    for layer in layers:
        groups, shared = layer.queries.shape[:2]
        queries = layer.queries[:, :, rows].flatten(1, 2)
        if scores is None or len(scores) != groups * shared:
            scores = torch.empty(groups * shared, *total.shape)
        torch.bmm(queries, layer.keys[:, keys].transpose(1, 2), out=scores.view(groups, queries.shape[1], -1))
        weights = scores.sub_(layer.log_normalisers[:, rows, None]).exp_().mean(0)
        total += weights.masked_fill_(hidden[layer.visibility], 0.0)
    return total / len(layers)


def _hidden(visibility: Visibility, rows: slice, keys: Int[torch.Tensor, " key"]) -> Bool[torch.Tensor, "row key"]:
    first, last = torch.from_numpy(visibility.first[rows])[:, None], torch.from_numpy(visibility.last[rows])[:, None]
    return (keys < first) | (keys >= last)

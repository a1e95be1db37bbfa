"""Attention to the token a fixed number of tokens away."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from reportgen.capture.block import Block
from reportgen.capture.layout import Stack
from reportgen.capture.reducers.by_sentence import SentenceSums
from reportgen.capture.reducers.examples import GreatestWeight

FARTHEST = 8
OFFSETS = np.concatenate([np.arange(1, FARTHEST + 1), -np.arange(1, FARTHEST + 1)])  # q - k; the latter half where the future is seen
PREVIOUS, NEXT = 0, FARTHEST  # places of 1 and -1
LEFT = "_without_sink"


class FixedOffsets:
    """`fixed_offset` and `previous_token` with and without the sink, `next_token` where the future is seen; these two by sentence and with an example.

    Means of p[q, q - offset] over the queries q for which that token exists; without the sink of p over what the sinks leave, 0 where the token is one.
    Indices called kind are 0 for all keys and 1 for those that are no sinks.
    """

    def __init__(self, stack: Stack) -> None:
        self.layout = stack.queries
        shape = (2, stack.layers, stack.heads, len(OFFSETS))
        self.total, self.rows = np.zeros(shape), np.zeros(shape)  # kind layer head offset
        self.previous, self.next = [SentenceSums(stack) for _ in range(2)], SentenceSums(stack)
        self.example_before, self.example_after = GreatestWeight(stack), GreatestWeight(stack)
        self.causal = True

    def add(self, block: Block) -> None:
        self.causal &= block.visibility.causal
        queries = np.arange(block.rows.start, block.rows.stop)
        keys = queries[:, None] - OFFSETS  # row offset
        counts = (keys >= 0) & (keys < self.layout.tokens) & (block.counted[:, None] > 0)
        weights = self._weights(block, keys - block.keys.start, counts)
        kept = np.where(np.isin(keys, self.layout.sinks), 0.0, weights)
        of_any = np.ones(block.any_left.shape, np.float32)
        for kind, (found, factor) in enumerate(((weights, of_any), (kept, block.share_of_left))):
            self.total[kind, block.layer] += np.matmul(factor[:, None], found)[:, 0]
            self.rows[kind, block.layer] += (factor > 0) @ counts.astype(np.float64)
            self.previous[kind].add(block, found[:, :, PREVIOUS] * factor, (factor > 0) & counts[:, PREVIOUS])
        self.example_before.add(block, weights[:, :, PREVIOUS], queries, queries - 1)
        if not block.visibility.causal:
            self.next.add(block, weights[:, :, NEXT], counts[:, NEXT])
            self.example_after.add(block, weights[:, :, NEXT], queries, queries + 1)

    def _weights(self, block: Block, keys: np.ndarray, counts: np.ndarray) -> Float[np.ndarray, "head row offset"]:
        """What each query that counts gives the token at each offset; 0 for others. Keys are counted from the block's first."""
        found = np.zeros((len(block.sums.left), *keys.shape), np.float32)
        rows, places = np.nonzero(counts & (keys >= 0) & (keys < block.plan.shape[1]) & (~block.visibility.causal | (OFFSETS > 0)))
        found.reshape(len(found), -1)[:, rows * len(OFFSETS) + places] = block.at(rows, keys[rows, places])
        return found

    def weights(self) -> dict[str, np.ndarray]:
        """How many rows the means are over, and the weights of the examples."""
        rows = {f"fixed_offset{suffix}": self.rows[kind, :, :, self._measured] for kind, suffix in enumerate(("", LEFT))}
        rows |= {f"previous_token{suffix}": sums.counted for suffix, sums in zip(("", LEFT), self.previous, strict=True)}
        return rows | {"next_token": self.next.counted, "previous_token_example": self.example_before.weight, "next_token_example": self.example_after.weight}

    @property
    def _measured(self) -> slice:
        return slice(FARTHEST if self.causal else len(OFFSETS))

    def arrays(self) -> dict[str, np.ndarray]:
        with np.errstate(invalid="ignore"):
            means = (self.total / self.rows).astype(np.float32)[..., self._measured]
        found = {"fixed_offset": means[0], f"fixed_offset{LEFT}": means[1], "fixed_offsets": OFFSETS[self._measured].astype(np.int32)}
        found |= self.previous[0].arrays("previous_token") | self.previous[1].arrays(f"previous_token{LEFT}")
        found["previous_token_example"] = self.example_before.pairs
        return found if self.causal else found | self.next.arrays("next_token") | {"next_token_example": self.example_after.pairs}

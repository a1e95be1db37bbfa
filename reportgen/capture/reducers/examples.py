"""The pair of tokens that shows best what a score counts."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from reportgen.capture.block import Block
from reportgen.capture.layout import Stack


class GreatestWeight:
    """The query and the key of the greatest weight of each head among the pairs that are given; -1, -1 where none has any weight. The first of equals is kept."""

    def __init__(self, stack: Stack) -> None:
        self.pairs = np.full((stack.layers, stack.heads, 2), -1, np.int32)
        self.weight = np.zeros((stack.layers, stack.heads), np.float32)

    def add(self, block: Block, weights: Float[np.ndarray, "head pair"], queries: Int[np.ndarray, " pair"], keys: Int[np.ndarray, " pair"]) -> None:
        """Take in some pairs of a block, queries and keys as the text's tokens."""
        if len(queries):
            best = weights.argmax(1)
            self.note(block, np.take_along_axis(weights, best[:, None], 1)[:, 0], queries[best], keys[best])

    def note(self, block: Block, greatest: Float[np.ndarray, " head"], queries: Int[np.ndarray, " head"], keys: Int[np.ndarray, " head"]) -> None:
        """Take in each head's greatest weight among some pairs, and its pair."""
        better = greatest > self.weight[block.layer]
        self.weight[block.layer, better] = greatest[better]
        self.pairs[block.layer, better] = np.stack([queries, keys], 1)[better]

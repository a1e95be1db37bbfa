"""How widely each head spreads its attention, with and without the sink."""

from __future__ import annotations

import numpy as np

from reportgen.capture.block import Block
from reportgen.capture.layout import Stack
from reportgen.capture.reducers.by_sentence import SentenceSums


class Spread:
    """`entropy`, `relative_entropy`, and both `_without_sink`; the relative ones by sentence as well.

    Mean over queries of - sum_k p ln p, in nats (source: Clark et al. 2019, section 3.3), and of that over ln of the number of visible keys, between 0 and 1
    (source: none; defined here). Without the sink: of p over what the sinks leave.
    """

    def __init__(self, stack: Stack) -> None:
        self.sinks = stack.keys.sinks
        self.sums = {name: SentenceSums.of(stack) for name in ("entropy", "relative_entropy", "entropy_without_sink", "relative_entropy_without_sink")}

    def add(self, block: Block) -> None:
        seen = block.visibility.keys_seen[block.rows]
        seen_left = seen - block.visibility.seen_among(self.sinks)[block.rows]
        entropy, left = block.sums.entropy, block.sums.entropy_left * block.any_left
        several, several_left = seen > 1, block.any_left & (seen_left > 1)
        self.sums["entropy"].add(block, entropy)
        self.sums["relative_entropy"].add(block, entropy / _log(seen) * several, several)
        self.sums["entropy_without_sink"].add(block, left, block.any_left)
        self.sums["relative_entropy_without_sink"].add(block, left / _log(seen_left) * several_left, several_left)

    def weights(self) -> dict[str, np.ndarray]:
        """How many rows each mean is over."""
        return {name: sums.counted for name, sums in self.sums.items()}

    def arrays(self) -> dict[str, np.ndarray]:
        relative = {name: values for name, sums in self.sums.items() if "relative" in name for name, values in sums.arrays(name).items()}
        return {name: sums.mean() for name, sums in self.sums.items()} | relative


class Confidence:
    """`confidence`: the mean over queries of the greatest weight. Source: Voita et al. 2019."""

    def __init__(self, stack: Stack) -> None:
        self.total, self.rows = np.zeros((stack.layers, stack.heads)), float(stack.queries.sentence_queries.sum())

    def add(self, block: Block) -> None:
        self.total[block.layer] += (block.sums.greatest * block.counted).sum(1, dtype=np.float64)

    def arrays(self) -> dict[str, np.ndarray]:
        return {"confidence": (self.total / self.rows).astype(np.float32)}


def _log(count: np.ndarray) -> np.ndarray:
    """ln of a number of keys; 1 where there are fewer than two, so that it can be divided by."""
    return np.where(count > 1, np.log(np.maximum(count, 2)), 1.0)

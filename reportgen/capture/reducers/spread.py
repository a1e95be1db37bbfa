"""How widely each head spreads its attention, with and without the sink."""

from __future__ import annotations

import numpy as np

from reportgen.capture.block import Block
from reportgen.capture.layout import Stack


class Spread:
    """`entropy`, `relative_entropy`, and both `_without_sink`.

    Mean over queries of - sum_k p ln p, in nats (source: Clark et al. 2019, section 3.3), and of that over ln of the number of visible keys, between 0 and 1
    (source: none; defined here). Without the sink: of p over what the sinks leave.
    """

    def __init__(self, stack: Stack) -> None:
        self.sinks, shape = stack.keys.sinks, (stack.layers, stack.heads)
        self.entropy, self.relative, self.entropy_left, self.relative_left = (np.zeros(shape) for _ in range(4))
        self.rows_counted, self.rows_relative, self.rows_left, self.rows_relative_left = (np.zeros(shape) for _ in range(4))

    def add(self, block: Block) -> None:
        seen = block.visibility.keys_seen[block.rows]
        seen_left = seen - block.visibility.seen_among(self.sinks)[block.rows]
        entropy, left = block.sums.entropy, block.sums.entropy_left
        remaining = block.counted * block.any_left
        self._sum(block.layer, self.entropy, self.rows_counted, entropy, block.counted)
        self._sum(block.layer, self.relative, self.rows_relative, entropy / _log(seen), block.counted * (seen > 1))
        self._sum(block.layer, self.entropy_left, self.rows_left, left, remaining)
        self._sum(block.layer, self.relative_left, self.rows_relative_left, left / _log(seen_left), remaining * (seen_left > 1))

    def _sum(self, layer: int, total: np.ndarray, rows: np.ndarray, values: np.ndarray, counted: np.ndarray) -> None:
        total[layer] += (values * counted).sum(1, dtype=np.float64)
        rows[layer] += np.broadcast_to(counted, values.shape).sum(1, dtype=np.float64)

    def weights(self) -> dict[str, np.ndarray]:
        """How many rows each mean is over."""
        return {
            "relative_entropy": self.rows_relative,
            "entropy_without_sink": self.rows_left,
            "relative_entropy_without_sink": self.rows_relative_left,
        }

    def arrays(self) -> dict[str, np.ndarray]:
        return {
            "entropy": _mean(self.entropy, self.rows_counted),
            "relative_entropy": _mean(self.relative, self.rows_relative),
            "entropy_without_sink": _mean(self.entropy_left, self.rows_left),
            "relative_entropy_without_sink": _mean(self.relative_left, self.rows_relative_left),
        }


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


def _mean(total: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Mean over the rows that counted; NaN where none did."""
    with np.errstate(invalid="ignore"):
        return (total / rows).astype(np.float32)

"""How a target's tokens are aligned to the source's: cross-attention alone."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import kendalltau

from reportgen.capture.block import Block
from reportgen.capture.fused import NOTHING_LEFT
from reportgen.capture.layout import Stack

COVERED = 0.1  # a source token is covered when some query gives it more


class Alignment:
    """`alignment_entropy`, `source_coverage`, `monotonicity`, `alignment_tau`, `absentmindedness_in`, `coverage_deviation`; each for heads and `_mean_heads`.

    Over the queries that lie in sentences, and all source tokens. With p the weights: mean over queries of - sum_k p ln p; share of source tokens whose greatest
    p is over 0.1; share of steps with argmax_k p[q+1] >= argmax_k p[q]; Kendall's tau-b of q and argmax_k; mean over source tokens of the entropy of the
    column p[:, k] / sum_q p; mean over source tokens of ln(1 + (1 - sum_q p)^2). Source of the first and the last two: Rikters and Fishel 2017 (absent-mindedness
    penalty out and in, coverage deviation penalty); the others: none, textbook forms; tau: none, defined here. Weights under 1e-37, which float32 may not
    hold, count as 0, and a source token that gets nothing else has entropy 0. Memory: heads x source tokens.
    """

    def __init__(self, stack: Stack) -> None:
        self.stack, self.queries = stack, np.flatnonzero(stack.queries.sentence_of_token >= 0)
        self.layers: list[dict[str, Float[np.ndarray, " row_of_heads"]]] = []

    @staticmethod
    def rows_taken(stack: Stack) -> Int[np.ndarray, " row"]:
        """Those in sentences that count."""
        return np.flatnonzero(stack.queries.sentence_queries)

    def add(self, block: Block) -> None:
        if block.rows.start == 0:
            self._open_layer()
        counted = block.counted > 0
        weights = np.concatenate([block.whole_rows[self], block.head_mean.cpu().numpy()[None, counted]]).astype(np.float64)
        weights[weights < NOTHING_LEFT] = 0.0  # which of them a machine keeps is its own affair; a column of nothing else would be spread by it
        logarithms = np.log(np.where(weights > 0, weights, 1.0))
        self.entropy.append(-(weights * logarithms).sum(2))
        self.chosen.append(weights.argmax(2) + block.keys.start)
        self.mass[:, block.keys] += weights.sum(1)
        self.weighted[:, block.keys] += (weights * logarithms).sum(1)
        self.greatest[:, block.keys] = np.maximum(self.greatest[:, block.keys], weights.max(1, initial=0.0))
        if block.rows.stop == self.stack.queries.tokens:
            self.layers.append(self._scores())

    def _open_layer(self) -> None:
        shape = (self.stack.heads + 1, self.stack.keys.tokens)  # the last row is the mean over heads
        self.mass, self.weighted, self.greatest = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.entropy: list[np.ndarray] = []
        self.chosen: list[np.ndarray] = []

    def _scores(self) -> dict[str, np.ndarray]:
        chosen = np.concatenate(self.chosen, axis=1)
        next_to = np.diff(self.queries) == 1
        with np.errstate(invalid="ignore", divide="ignore"):
            columns = np.where(self.mass > 0, np.log(self.mass) - self.weighted / self.mass, 0.0)
        return {
            "alignment_entropy": np.concatenate(self.entropy, axis=1).mean(1),
            "source_coverage": (self.greatest > COVERED).mean(1),
            "monotonicity": (np.diff(chosen, axis=1)[:, next_to] >= 0).mean(1) if next_to.any() else np.full(len(chosen), np.nan),
            "alignment_tau": np.array([kendalltau(self.queries, row).statistic for row in chosen]),
            "absentmindedness_in": columns.mean(1),
            "coverage_deviation": np.log1p((1.0 - self.mass) ** 2).mean(1),
        }

    def arrays(self) -> dict[str, np.ndarray]:
        stacked = {name: np.stack([layer[name] for layer in self.layers]).astype(np.float32) for name in self.layers[0]}
        heads = {name: values[:, :-1] for name, values in stacked.items()}
        return heads | {f"{name}_mean_heads": values[:, -1] for name, values in stacked.items()}

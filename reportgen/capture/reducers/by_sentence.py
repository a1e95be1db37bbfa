"""Means over queries, of the whole text and of the queries of each sentence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped

from reportgen.capture.block import Block
from reportgen.capture.layout import Stack


@dataclass(frozen=True, kw_only=True, eq=False)
class SentenceSums:
    """A quantity of queries, added up by layer, head and sentence of the query, and how many queries that is. Memory: two numbers for each."""

    total: Float[np.ndarray, "layer head sentence"]
    rows: Float[np.ndarray, "layer head sentence"]

    @classmethod
    def of(cls, stack: Stack) -> SentenceSums:
        """Sums of nothing yet."""
        shape = (stack.layers, stack.heads, stack.queries.sentences)
        return cls(total=np.zeros(shape, np.float32), rows=np.zeros(shape, np.float32))

    def add(self, block: Block, values: Float[np.ndarray, "head row"], counts: Shaped[np.ndarray, "*head row"] | None = None) -> None:
        """Take in a block's rows: where `counts` (head row, or row; by default all) is 0, the value has to be 0, and the query is left out."""
        groups = block.plan.groups
        self.add_sums(block, groups.by_sentence(values), groups.rows_of_sentence if counts is None else groups.by_sentence(counts))

    def add_sums(self, block: Block, values: Float[np.ndarray, "head sentence"], rows: Shaped[np.ndarray, "*head sentence"]) -> None:
        """Take in what is added up by sentence already."""
        sentences, layer = block.plan.groups.span, block.layer
        self.total[layer][:, sentences] += values
        self.rows[layer][:, sentences] += rows

    @property
    def counted(self) -> Float[np.ndarray, "layer head"]:
        """How many queries there are."""
        return self.rows.sum(2, dtype=np.float64)

    def mean(self) -> Float[np.ndarray, "layer head"]:
        """The mean over all queries; NaN where there are none."""
        with np.errstate(invalid="ignore"):
            return (self.total.sum(2, dtype=np.float64) / self.counted).astype(np.float32)

    def by_sentence(self) -> Float[np.ndarray, "layer head sentence"]:
        """The mean over the queries of each sentence; NaN where there are none."""
        return halved(self.total, self.rows)

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        """Both means, named."""
        return {name: self.mean(), f"{name}_by_sentence": self.by_sentence()}


def halved(total: np.ndarray, share_of: np.ndarray) -> np.ndarray:
    """Quotients in half precision; NaN where nothing is divided by nothing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(share_of > 0, total / share_of, np.nan).astype(np.float16)

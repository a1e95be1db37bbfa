"""Attention to earlier copies of the same token, on the document itself."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from reportgen.capture.block import Block
from reportgen.capture.layout import Stack


class Repeats:
    """`duplicate_token` (mass on earlier tokens with the query's id) and `induction` (mass on the tokens right after those, up to the query itself)."""

    def __init__(self, stack: Stack) -> None:
        self.queries, self.copies = earlier_copies(stack.queries.ids)
        inside = stack.queries.sentence_queries[self.queries]
        self.queries, self.copies = self.queries[inside], self.copies[inside]
        self.rows = len(np.unique(self.queries))
        self.duplicate, self.induction = np.zeros((stack.layers, stack.heads)), np.zeros((stack.layers, stack.heads))

    def add(self, block: Block) -> None:
        first, last = np.searchsorted(self.queries, [block.rows.start, block.rows.stop])
        rows, copies = self.queries[first:last] - block.rows.start, self.copies[first:last] - block.keys.start
        self.duplicate[block.layer] += _gathered(block, rows, copies)
        self.induction[block.layer] += _gathered(block, rows, copies + 1)

    def arrays(self) -> dict[str, np.ndarray]:
        with np.errstate(invalid="ignore"):
            return {
                "duplicate_token": (self.duplicate / self.rows if self.rows else self.duplicate * np.nan).astype(np.float32),
                "induction": (self.induction / self.rows if self.rows else self.induction * np.nan).astype(np.float32),
            }


def earlier_copies(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All pairs (query, earlier token with the same id), in order of the query."""
    seen: dict[int, list[int]] = defaultdict(list)
    queries: list[int] = []
    copies: list[int] = []
    for position, token in enumerate(ids.tolist()):
        queries.extend([position] * len(seen[token]))
        copies.extend(seen[token])
        seen[token].append(position)
    return np.array(queries, np.int64), np.array(copies, np.int64)


def _gathered(block: Block, rows: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Sum over the pairs of the weights of each head; pairs outside the block's keys have weight 0."""
    inside = (keys >= 0) & (keys < block.plan.shape[1])
    return block.at(rows[inside], keys[inside]).sum(1, dtype=np.float64)

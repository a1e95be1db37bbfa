"""Attention to earlier copies of the same token, on the document itself."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from jaxtyping import Float, Int

from reportgen.capture.block import Block
from reportgen.capture.block_loops import add_pairs
from reportgen.capture.layout import Stack
from reportgen.capture.reducers.by_sentence import SentenceSums
from reportgen.capture.reducers.examples import GreatestWeight


class Repeats:
    """`duplicate_token` (mass on earlier tokens with the query's id) and `induction` (mass on the tokens right after those, up to the query itself).

    Both also without the sink: of p over what the sinks leave; all by sentence; an example of both.
    """

    def __init__(self, stack: Stack) -> None:
        queries, copies = earlier_copies(stack.queries.ids)
        inside = stack.queries.sentence_queries[queries]
        self.queries, self.copies = queries[inside], copies[inside]
        self.scores = {name: Copying(stack, self.copies + shift) for name, shift in (("duplicate_token", 0), ("induction", 1))}

    def add(self, block: Block) -> None:
        pairs = slice(*np.searchsorted(self.queries, [block.rows.start, block.rows.stop]).tolist())
        for score in self.scores.values() if pairs.stop > pairs.start else ():
            score.add(block, self.queries[pairs], pairs)

    def weights(self) -> dict[str, np.ndarray]:
        """How many rows the means are over, and the weights of the examples."""
        rows = {f"{name}{suffix}": sums.counted for name, score in self.scores.items() for suffix, sums in score.sums.items()}
        return rows | {f"{name}_example": score.example.weight for name, score in self.scores.items()}

    def arrays(self) -> dict[str, np.ndarray]:
        examples = {f"{name}_example": score.example.pairs for name, score in self.scores.items()}
        sums = {f"{name}{suffix}": sums for name, score in self.scores.items() for suffix, sums in score.sums.items()}
        return examples | {name: values for score, added_up in sums.items() for name, values in added_up.arrays(score).items()}


class Copying:
    """The mass of each query on its keys, of which it can have many: `keys` of all pairs, in order of the query."""

    def __init__(self, stack: Stack, keys: Int[np.ndarray, " pair"]) -> None:
        self.keys, self.no_sink = keys, ~np.isin(keys, stack.keys.sinks)
        self.sums = {"": SentenceSums(stack), "_without_sink": SentenceSums(stack)}
        self.example = GreatestWeight(stack)

    def add(self, block: Block, queries: Int[np.ndarray, " pair"], pairs: slice) -> None:
        """Take in the pairs of a block's queries, at least one."""
        keys, no_sink = self.keys[pairs], self.no_sink[pairs]
        rows = queries - block.rows.start
        weights = _weights(block, rows, keys - block.keys.start)
        mass, left = np.zeros((2, *block.any_left.shape))  # head row
        best, greatest = np.zeros(len(mass), np.int64), np.zeros(len(mass), np.float32)
        add_pairs(weights, rows, no_sink, mass, left, best, greatest)
        self.example.note(block, greatest, queries[best], keys[best])
        looking = np.bincount(rows, minlength=mass.shape[1]) > 0
        self.sums[""].add(block, mass, looking)
        self.sums["_without_sink"].add(block, left * block.share_of_left, block.any_left & looking)


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


def _weights(block: Block, rows: np.ndarray, keys: np.ndarray) -> Float[np.ndarray, "head pair"]:
    """The weights of the pairs; those outside the block's keys have weight 0."""
    inside = (keys >= 0) & (keys < block.plan.shape[1])
    if inside.all():
        return block.at(rows, keys)
    found = np.zeros((len(block.sums.left), len(rows)), np.float32)
    found[:, inside] = block.at(rows[inside], keys[inside])
    return found

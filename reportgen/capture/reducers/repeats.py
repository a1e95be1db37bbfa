"""Attention to earlier copies of the same token, on the document itself."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from jaxtyping import Float, Int

from reportgen.capture.block import Block, BlockPlan, Pairs
from reportgen.capture.block_loops import add_pairs
from reportgen.capture.layout import Stack
from reportgen.capture.reducers.by_sentence import SentenceSums
from reportgen.capture.reducers.examples import GreatestWeight
from reportgen.capture.visibility import Visibility
from reportgen.contract.rows import LEFT


class Repeats:
    """`duplicate_token` (mass on earlier tokens with the query's id) and `induction` (mass on the tokens right after those, up to the query itself).

    Both also without the sink: of p over what the sinks leave; all by sentence; an example of both.
    """

    def __init__(self, stack: Stack) -> None:
        queries, copies = earlier_copies(stack.queries.ids)
        inside = stack.queries.sentence_queries[queries]
        self.queries = queries[inside]
        self.keys = np.stack([copies[inside], copies[inside] + 1], 1)  # pair score
        self.no_sink = np.isin(self.keys, stack.keys.sinks, invert=True).astype(np.float32)
        self.scores = {name: Copying(stack) for name in ("duplicate_token", "induction")}

    @staticmethod
    def pairs_of_rows(stack: Stack) -> Int[np.ndarray, " row"]:
        """The earlier copies of the token, and the tokens after these."""
        return 2 * copies_before(stack.queries.ids)

    def pairs_taken(self, plan: BlockPlan, visibility: Visibility) -> Pairs:
        """All rows in sentences on the earlier copies of their token, and on the tokens after these."""
        inside = self._inside(plan)
        rows, keys = (self.queries[inside] - plan.rows.start).astype(np.int32), (self.keys[inside] - plan.keys.start).astype(np.int32)
        return Pairs(rows=np.repeat(rows, 2), keys=keys.ravel())

    def _inside(self, plan: BlockPlan) -> slice:
        return slice(*np.searchsorted(self.queries, [plan.rows.start, plan.rows.stop]).tolist())

    def add(self, block: Block) -> None:
        inside = self._inside(block.plan)
        if inside.stop > inside.start:
            self._add_pairs(block, self.queries[inside], self.keys[inside], self.no_sink[inside])

    def _add_pairs(
        self, block: Block, queries: Int[np.ndarray, " pair"], keys: Int[np.ndarray, "pair score"], no_sink: Float[np.ndarray, "pair score"]
    ) -> None:
        groups, rows, weights = block.plan.groups, queries - block.rows.start, block.pairs[self]
        of_row = np.bincount(rows, minlength=block.any_left.shape[1])
        sums = np.zeros((2, 2, len(weights), len(groups.sentences)))  # score (all, without sinks) head sentence
        best, greatest = np.zeros((2, len(weights)), np.int64), np.zeros((2, len(weights)), np.float32)
        starts = np.concatenate([[0], np.cumsum(of_row)])
        add_pairs(weights.reshape(len(weights), -1, 2), starts, groups.place_of_row, no_sink, block.share_of_left, sums, best, greatest)
        every = groups.by_sentence(of_row > 0)
        left = every if block.any_left.all() else groups.by_sentence(block.any_left & (of_row > 0))
        for place, score in enumerate(self.scores.values()):
            score.sums[""].add_sums(block, sums[place, 0], every)
            score.sums[LEFT].add_sums(block, sums[place, 1], left)
            score.example.note(block, greatest[place], queries[best[place]], keys[best[place], place])

    def weights(self) -> dict[str, np.ndarray]:
        """How many rows the means are over, and the weights of the examples."""
        rows = {f"{name}{suffix}": sums.counted for name, score in self.scores.items() for suffix, sums in score.sums.items()}
        return rows | {f"{name}_example": score.example.weight for name, score in self.scores.items()}

    def arrays(self) -> dict[str, np.ndarray]:
        examples = {f"{name}_example": score.example.pairs for name, score in self.scores.items()}
        sums = {f"{name}{suffix}": sums for name, score in self.scores.items() for suffix, sums in score.sums.items()}
        return examples | {name: values for score, added_up in sums.items() for name, values in added_up.arrays(score).items()}


class Copying:
    """The mass of queries on the keys that one score is over, and the example of it."""

    def __init__(self, stack: Stack) -> None:
        self.sums = {"": SentenceSums.of(stack), LEFT: SentenceSums.of(stack)}
        self.example = GreatestWeight(stack)


def copies_before(ids: np.ndarray) -> Int[np.ndarray, " token"]:
    """How many earlier tokens have each token's id."""
    order = np.argsort(ids, kind="stable")
    counts = np.unique(ids, return_counts=True)[1]
    found = np.empty(len(ids), np.int64)
    found[order] = np.arange(len(ids)) - np.repeat(np.cumsum(counts) - counts, counts)
    return found


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

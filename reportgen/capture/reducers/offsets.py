"""Attention to the token a fixed number of tokens away."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from reportgen.capture.block import Block, BlockPlan, Pairs
from reportgen.capture.block_loops import add_offsets
from reportgen.capture.layout import Stack, TextLayout
from reportgen.capture.reducers.by_sentence import SentenceSums, halved
from reportgen.capture.reducers.examples import GreatestWeight
from reportgen.capture.visibility import Visibility
from reportgen.contract.rows import LEFT

FARTHEST = 8
OFFSETS = np.concatenate([np.arange(1, FARTHEST + 1), -np.arange(1, FARTHEST + 1)])  # q - k; the latter half where the future is seen
PREVIOUS, NEXT = 0, FARTHEST  # places of 1 and -1


class FixedOffsets:
    """`fixed_offset` and `previous_token` with and without the sink, `next_token` where the future is seen; all by sentence, the last two with an example.

    Means of p[q, q - offset] over the queries q for which that token exists; without the sink of p over what the sinks leave, 0 where the token is one.
    Indices called kind are 0 for all keys and 1 for those that are no sinks.
    """

    def __init__(self, stack: Stack) -> None:
        self.layout = stack.queries
        shape = (2, stack.layers, stack.heads, len(OFFSETS), stack.queries.sentences)
        self.total, self.rows = np.zeros(shape, np.float32), np.zeros(shape, np.float32)  # kind layer head offset sentence
        self.example_before, self.example_after = GreatestWeight(stack), GreatestWeight(stack)
        self.causal, self.of_plan = True, dict[BlockPlan, OffsetPairs]()

    @staticmethod
    def pairs_of_rows(stack: Stack) -> Int[np.ndarray, " row"]:
        """One at each offset."""
        return np.full(stack.queries.tokens, len(OFFSETS))

    def pairs_taken(self, plan: BlockPlan, visibility: Visibility) -> Pairs:
        """All rows that count on the tokens at each offset."""
        found = self.of_plan[plan] = OffsetPairs(plan, visibility, self.layout)
        return Pairs(rows=found.rows, keys=found.keys)

    def add(self, block: Block) -> None:
        self.causal &= block.visibility.causal
        pairs, weights, sentences = self.of_plan[block.plan], block.pairs[self], block.plan.groups.span
        self.total[:, block.layer][..., sentences] += pairs.by_sentence(weights, block.share_of_left)
        self.rows[0, block.layer][..., sentences] += pairs.rows_by_sentence
        self.rows[1, block.layer][..., sentences] += pairs.rows_with(block.any_left)
        for example, (chosen, queries, keys) in zip((self.example_before, self.example_after), pairs.next_to_each_other, strict=True):
            example.add(block, weights[:, chosen], queries, keys)

    def weights(self) -> dict[str, np.ndarray]:
        """How many rows the means are over, and the weights of the examples."""
        rows = {f"fixed_offset{suffix}": self.rows[kind, :, :, self._measured].sum(-1, dtype=np.float64) for kind, suffix in enumerate(("", LEFT))}
        rows |= {f"previous_token{suffix}": self._at(kind, PREVIOUS).counted for kind, suffix in enumerate(("", LEFT))}
        examples = {"previous_token_example": self.example_before.weight, "next_token_example": self.example_after.weight}
        return rows | {"next_token": self._at(0, NEXT).counted} | examples

    def _at(self, kind: int, offset: int) -> SentenceSums:
        return SentenceSums(total=self.total[kind, :, :, offset], rows=self.rows[kind, :, :, offset])

    @property
    def _measured(self) -> slice:
        return slice(FARTHEST if self.causal else len(OFFSETS))

    def arrays(self) -> dict[str, np.ndarray]:
        total, rows = (values[:, :, :, self._measured] for values in (self.total, self.rows))
        with np.errstate(invalid="ignore"):
            means = (total.sum(-1, dtype=np.float64) / rows.sum(-1, dtype=np.float64)).astype(np.float32)
        found = {"fixed_offset": means[0], f"fixed_offset{LEFT}": means[1], "fixed_offsets": OFFSETS[self._measured].astype(np.int32)}
        found |= {f"fixed_offset{suffix}_by_sentence": halved(total[kind], rows[kind]) for kind, suffix in enumerate(("", LEFT))}
        found |= self._at(0, PREVIOUS).arrays("previous_token") | self._at(1, PREVIOUS).arrays(f"previous_token{LEFT}")
        found["previous_token_example"] = self.example_before.pairs
        return found if self.causal else found | self._at(0, NEXT).arrays("next_token") | {"next_token_example": self.example_after.pairs}


class OffsetPairs:
    """The pairs of a block's rows that count and the tokens at each offset: `rows`, `keys` (both from the block's first), place of the `offset`.

    `kept` is 0 where the key is a sink, else 1; `counts` (row offset) says for which queries the token exists, whether they see it or not.
    `rows_by_sentence` (offset sentence) is how many rows of each sentence count. `next_to_each_other` are the pairs of a query and the
    token before it, and of a query and the token after it: which of all pairs, their queries and keys as the text's tokens.
    """

    def __init__(self, plan: BlockPlan, visibility: Visibility, layout: TextLayout) -> None:
        keys = np.arange(plan.rows.start, plan.rows.stop)[:, None] - OFFSETS  # row offset
        self.counts: Bool[np.ndarray, "row offset"] = (keys >= 0) & (keys < layout.tokens) & layout.sentence_queries[plan.rows, None]
        seen = (keys >= plan.keys.start) & (keys < plan.keys.stop) & (not visibility.causal or OFFSETS > 0)
        self.rows, self.offset = np.nonzero(self.counts & seen)
        key = keys[self.rows, self.offset]
        self.keys, self.kept = key - plan.keys.start, np.isin(key, layout.sinks, invert=True).astype(np.float32)
        self.groups = plan.groups
        self.rows_by_sentence = self.groups.by_sentence(self.counts.T)
        self.place_of_pair = self.offset * len(self.groups.sentences) + self.groups.place_of_row[self.rows]
        self.next_to_each_other = [self._at_offset(offset, plan.rows.start, key) for offset in (PREVIOUS, NEXT)]

    def _at_offset(self, offset: int, start: int, key: Int[np.ndarray, " pair"]) -> tuple[Int[np.ndarray, " chosen"], ...]:
        chosen = np.flatnonzero(self.offset == offset)
        return chosen, self.rows[chosen] + start, key[chosen]

    def by_sentence(self, weights: Float[np.ndarray, "head pair"], share: Float[np.ndarray, "head row"]) -> Float[np.ndarray, "kind head offset sentence"]:
        """Sums of the pairs at each place of the offsets, by the row's sentence; of those that are no sinks times their row's share as the second kind."""
        sums = np.zeros((2, len(weights), len(OFFSETS) * len(self.groups.sentences)), np.float32)
        add_offsets(weights, self.rows, self.place_of_pair, self.kept, share, sums)
        return sums.reshape(2, len(weights), len(OFFSETS), -1)

    def rows_with(self, any_left: Bool[np.ndarray, "head row"]) -> Float[np.ndarray, "*head offset sentence"]:
        """For how many rows with anything left the token exists."""
        return self.rows_by_sentence if any_left.all() else np.stack([self.groups.by_sentence(self.counts.T & rows) for rows in any_left])

"""Attention to the token a fixed number of tokens away."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from reportgen.capture.block import Block, BlockPlan
from reportgen.capture.block_loops import add_rows
from reportgen.capture.layout import Stack, TextLayout
from reportgen.capture.reducers.by_sentence import SentenceSums, halved
from reportgen.capture.reducers.examples import GreatestWeight

FARTHEST = 8
OFFSETS = np.concatenate([np.arange(1, FARTHEST + 1), -np.arange(1, FARTHEST + 1)])  # q - k; the latter half where the future is seen
PREVIOUS, NEXT = 0, FARTHEST  # places of 1 and -1
LEFT = "_without_sink"


class FixedOffsets:
    """`fixed_offset` and `previous_token` with and without the sink, `next_token` where the future is seen; all by sentence, the last two with an example.

    Means of p[q, q - offset] over the queries q for which that token exists; without the sink of p over what the sinks leave, 0 where the token is one.
    Indices called kind are 0 for all keys and 1 for those that are no sinks.
    """

    def __init__(self, stack: Stack) -> None:
        self.layout = stack.queries
        shape = (2, stack.layers, stack.heads, len(OFFSETS), stack.queries.sentences)
        self.total, self.rows = np.zeros(shape, np.float32), np.zeros(shape, np.float32)  # kind layer head offset sentence
        self.previous, self.next = [SentenceSums(stack) for _ in range(2)], SentenceSums(stack)
        self.example_before, self.example_after = GreatestWeight(stack), GreatestWeight(stack)
        self.causal, self.pairs = True, dict[BlockPlan, OffsetPairs]()

    def add(self, block: Block) -> None:
        self.causal &= block.visibility.causal
        if block.plan not in self.pairs:
            self.pairs[block.plan] = OffsetPairs(block, self.layout)
        pairs, queries = self.pairs[block.plan], np.arange(block.rows.start, block.rows.stop)
        weights = block.at(pairs.rows, pairs.keys)
        left = weights * block.share_of_left[:, pairs.rows]
        for kind, (values, places) in enumerate(((weights, pairs.offset), (left, pairs.kept))):
            self.total[kind, block.layer][..., pairs.sentences] += pairs.by_sentence(values, places)
        self.rows[0, block.layer][..., pairs.sentences] += pairs.rows_by_sentence
        self.rows[1, block.layer][..., pairs.sentences] += pairs.rows_with(block.any_left)
        before = pairs.at_offset(weights, pairs.offset, PREVIOUS)
        self.previous[0].add(block, before, pairs.counts[:, PREVIOUS])
        self.previous[1].add(block, pairs.at_offset(left, pairs.kept, PREVIOUS), block.any_left & pairs.counts[:, PREVIOUS])
        self.example_before.add(block, before, queries, queries - 1)
        if not block.visibility.causal:
            after = pairs.at_offset(weights, pairs.offset, NEXT)
            self.next.add(block, after, pairs.counts[:, NEXT])
            self.example_after.add(block, after, queries, queries + 1)

    def weights(self) -> dict[str, np.ndarray]:
        """How many rows the means are over, and the weights of the examples."""
        rows = {f"fixed_offset{suffix}": self.rows[kind, :, :, self._measured].sum(-1, dtype=np.float64) for kind, suffix in enumerate(("", LEFT))}
        rows |= {f"previous_token{suffix}": sums.counted for suffix, sums in zip(("", LEFT), self.previous, strict=True)}
        return rows | {"next_token": self.next.counted, "previous_token_example": self.example_before.weight, "next_token_example": self.example_after.weight}

    @property
    def _measured(self) -> slice:
        return slice(FARTHEST if self.causal else len(OFFSETS))

    def arrays(self) -> dict[str, np.ndarray]:
        total, rows = (values[:, :, :, self._measured] for values in (self.total, self.rows))
        with np.errstate(invalid="ignore"):
            means = (total.sum(-1, dtype=np.float64) / rows.sum(-1, dtype=np.float64)).astype(np.float32)
        found = {"fixed_offset": means[0], f"fixed_offset{LEFT}": means[1], "fixed_offsets": OFFSETS[self._measured].astype(np.int32)}
        found |= {f"fixed_offset{suffix}_by_sentence": halved(total[kind], rows[kind]) for kind, suffix in enumerate(("", LEFT))}
        found |= self.previous[0].arrays("previous_token") | self.previous[1].arrays(f"previous_token{LEFT}")
        found["previous_token_example"] = self.example_before.pairs
        return found if self.causal else found | self.next.arrays("next_token") | {"next_token_example": self.example_after.pairs}


class OffsetPairs:
    """The pairs of a block's rows that count and the tokens at each offset: `rows`, `keys` (both from the block's first), place of the `offset`.

    `kept` is that place too, -1 where the key is a sink; `counts` (row offset) says for which queries the token exists, whether they see it or not.
    `sentences` are those of the rows, `rows_by_sentence` (offset sentence) how many of each count.
    """

    def __init__(self, block: Block, layout: TextLayout) -> None:
        keys = np.arange(block.rows.start, block.rows.stop)[:, None] - OFFSETS  # row offset
        self.counts: Bool[np.ndarray, "row offset"] = (keys >= 0) & (keys < layout.tokens) & (block.counted[:, None] > 0)
        seen = (keys >= block.keys.start) & (keys < block.keys.stop) & (~block.visibility.causal | (OFFSETS > 0))
        self.rows, self.offset = np.nonzero(self.counts & seen)
        key = keys[self.rows, self.offset]
        self.keys, self.kept = key - block.keys.start, np.where(np.isin(key, layout.sinks), -1, self.offset)
        self.groups = block.plan.groups
        self.sentences = self.groups.sentences
        self.rows_by_sentence = self.groups.by_sentence(self.counts.T)
        self.of_pair = self.groups.place_of_row[self.rows]

    def at_offset(self, weights: Float[np.ndarray, "head pair"], places: Int[np.ndarray, " pair"], offset: int) -> Float[np.ndarray, "head row"]:
        """The weights at one place of the offsets; 0 for rows without."""
        found, chosen = np.zeros((len(weights), len(self.counts)), np.float32), np.flatnonzero(places == offset)
        found[:, self.rows[chosen]] = weights[:, chosen]
        return found

    def by_sentence(self, weights: Float[np.ndarray, "head pair"], places: Int[np.ndarray, " pair"]) -> Float[np.ndarray, "head offset sentence"]:
        """Sums of the pairs at each place of the offsets, by the row's sentence; those of place -1 are left out."""
        sums = np.zeros((len(weights), len(OFFSETS) * len(self.sentences)), np.float32)
        add_rows(weights, np.where((places < 0) | (self.of_pair < 0), -1, places * len(self.sentences) + self.of_pair), sums)
        return sums.reshape(len(weights), len(OFFSETS), -1)

    def rows_with(self, any_left: Bool[np.ndarray, "head row"]) -> Float[np.ndarray, "*head offset sentence"]:
        """For how many rows with anything left the token exists."""
        return self.rows_by_sentence if any_left.all() else np.stack([self.groups.by_sentence(self.counts.T & rows) for rows in any_left])

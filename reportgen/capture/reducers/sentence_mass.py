"""Attention mass between sentences, and what each token receives."""

from __future__ import annotations

import numpy as np

from reportgen.capture.block import Block
from reportgen.capture.block_loops import add_masses, add_received, raise_maxima
from reportgen.capture.layout import Stack

FLOAT32_CELLS = 1 << 22  # per-head matrices above 16 MB are kept as float16


class SentenceMass:
    """`sentence_attention`, `outside_attention`, `token_influence(_total)`: what comes from the sums of p over the rows of a sentence."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.looking, self.keys = stack, stack.queries, stack.keys
        layers, heads, shape = stack.layers, stack.heads, (self.looking.sentences, self.keys.sentences)
        kind = np.float32 if layers * heads * shape[0] * shape[1] <= FLOAT32_CELLS else np.float16
        self.attention = np.zeros((layers, heads, *shape), kind)
        self.outside = np.zeros((layers, heads, shape[0]), np.float32)
        self.influence = np.zeros((layers, self.keys.tokens), np.float32)
        self.seen_by = np.ones((layers, self.keys.tokens))

    def add(self, block: Block) -> None:
        if block.rows.start == 0:
            self._open_layer()
        sums, groups = block.sums.group_sums, block.plan.groups
        add_received(sums, groups.counts, self.received[block.keys])
        add_masses(sums, groups.sentence, block.plan.key_starts, block.plan.key_slots, self.mass)
        if block.rows.stop == self.looking.tokens:
            self._close_layer(block)

    def _open_layer(self) -> None:
        self.mass = np.zeros((self.stack.heads, self.looking.sentences, self.keys.sentences + 1), np.float32)  # head sentence slot
        self.received = np.zeros(self.keys.tokens, np.float32)  # from all queries, summed over heads

    def _close_layer(self, block: Block) -> None:
        layer = block.layer
        share = self.mass / self.looking.tokens_in_sentence.astype(np.float32)[:, None]
        self.attention[layer] = share[:, :, :-1]
        self.outside[layer] = share[:, :, -1] if block.complete else np.maximum(1.0 - share[:, :, :-1].sum(2), 0.0)
        self.influence[layer] = self.received / self.stack.heads
        self.seen_by[layer] = block.visibility.queries_seeing(self.looking.queries_counted)

    def weights(self) -> dict[str, np.ndarray]:
        """How many queries see each token."""
        return {"token_influence": self.seen_by}

    def arrays(self) -> dict[str, np.ndarray]:
        return {
            "sentence_attention": self.attention,
            "outside_attention": self.outside,
            "token_influence": (self.influence / np.maximum(self.seen_by, 1)).astype(np.float32),
            "token_influence_total": self.influence,
        }


class InterSentenceMaximum:
    """`isa` and `isa_by_layer`: the greatest weight between the tokens of two sentences. Source: Seo et al. 2025, section 2."""

    def __init__(self, stack: Stack) -> None:
        self.maximum = np.zeros((stack.layers, stack.queries.sentences, stack.keys.sentences + 1), np.float32)  # layer sentence slot

    def add(self, block: Block) -> None:
        plan = block.plan
        raise_maxima(block.sums.group_maxima, plan.groups.sentence, plan.key_starts, plan.key_slots, self.maximum[block.layer])

    def arrays(self) -> dict[str, np.ndarray]:
        by_layer = self.maximum[:, :, :-1].copy()
        return {"isa_by_layer": by_layer, "isa": by_layer.max(0)}

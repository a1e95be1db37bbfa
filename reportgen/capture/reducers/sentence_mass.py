"""Attention mass between sentences, and the head scores and token scores that follow from it."""

from __future__ import annotations

import numpy as np
import torch

from reportgen.capture.block import Block
from reportgen.capture.layout import TextLayout

FLOAT32_CELLS = 1 << 22  # per-head matrices above 16 MB are kept as float16


class SentenceMass:
    """`sentence_attention`, `outside_attention`, `within_sentence`, `delimiter`, `first_token`, `token_influence(_total)`.

    Everything linear in p comes from its sums over the rows of a sentence.
    """

    def __init__(self, layout: TextLayout, layers: int, heads: int) -> None:
        self.layout, self.heads = layout, heads
        sentences = layout.sentences
        kind = np.float32 if layers * heads * sentences**2 <= FLOAT32_CELLS else np.float16
        self.attention = np.zeros((layers, heads, sentences, sentences), kind)
        self.outside = np.zeros((layers, heads, sentences), np.float32)
        self.on_delimiters = np.zeros((layers, heads))
        self.on_first = np.zeros((layers, heads))
        self.influence = np.zeros((layers, layout.tokens), np.float32)
        self.seen_by = np.ones((layers, layout.tokens))
        self.within = np.zeros((layers, heads))

    def add(self, block: Block) -> None:
        if block.rows.start == 0:
            self._open_layer(block)
        sums = torch.from_numpy(block.sums.run_sums)  # head run key
        in_sentence = [index for index, run in enumerate(block.plan.runs) if run.sentence >= 0]
        whose = torch.tensor([[float(run.sentence >= 0), 1.0] for run in block.plan.runs])  # run (in a sentence, any)
        over_rows = torch.matmul(whose.T, sums)  # head (in a sentence, any) key
        self.of_keys[:, block.keys] += over_rows[:, 0]
        self.received[block.keys] += over_rows[:, 1].sum(0)
        by_run = torch.from_numpy(np.add.reduceat(block.sums.run_sums, block.plan.key_starts, axis=2))  # head run key_run
        for index in in_sentence:
            self.mass[:, block.plan.runs[index].sentence].index_add_(1, block.plan.key_slots, by_run[:, index])
        if block.keys.start == 0:
            later = block.counted * (np.arange(block.rows.start, block.rows.stop) > 0)
            self.on_first[block.layer] += (block.weights[:, :, 0].numpy() * later).sum(1, dtype=np.float64)
        if block.rows.stop == self.layout.tokens:
            self._close_layer(block)

    def _open_layer(self, block: Block) -> None:
        self.mass = torch.zeros(self.heads, self.layout.sentences, self.layout.sentences + 1)  # head sentence slot
        self.of_keys = torch.zeros(self.heads, self.layout.tokens)  # from queries in sentences
        self.received = torch.zeros(self.layout.tokens)  # from all queries, summed over heads

    def _close_layer(self, block: Block) -> None:
        layer, tokens = block.layer, torch.from_numpy(self.layout.tokens_in_sentence)
        share = self.mass / tokens[None, :, None]
        self.attention[layer] = share[:, :, :-1].numpy()
        self.outside[layer] = share[:, :, -1].numpy()
        self.within[layer] = torch.diagonal(self.mass, dim1=1, dim2=2).double().sum(1).numpy()
        self.on_delimiters[layer] = self.of_keys[:, torch.from_numpy(self.layout.delimiter)].double().sum(1).numpy()
        self.influence[layer] = self.received.numpy() / self.heads
        self.seen_by[layer] = np.maximum(block.visibility.queries_seeing, 1)

    def arrays(self) -> dict[str, np.ndarray]:
        counted = self.layout.sentence_of_token >= 0
        return {
            "sentence_attention": self.attention,
            "outside_attention": self.outside,
            "within_sentence": (self.within / counted.sum()).astype(np.float32),
            "delimiter": (self.on_delimiters / counted.sum()).astype(np.float32),
            "first_token": (self.on_first / counted[1:].sum()).astype(np.float32),
            "token_influence": (self.influence / self.seen_by).astype(np.float32),
            "token_influence_total": self.influence,
        }


class InterSentenceMaximum:
    """`isa` and `isa_by_layer`: the greatest weight between the tokens of two sentences. Source: Seo et al. 2025, section 2."""

    def __init__(self, layout: TextLayout, layers: int) -> None:
        self.layout = layout
        self.maximum = torch.zeros(layers, layout.sentences, layout.sentences + 1)  # layer sentence slot

    def add(self, block: Block) -> None:
        by_run = torch.from_numpy(np.maximum.reduceat(block.sums.run_maxima, block.plan.key_starts, axis=1))
        for run, greatest in zip(block.plan.runs, by_run, strict=True):
            if run.sentence >= 0:
                self.maximum[block.layer, run.sentence].scatter_reduce_(0, block.plan.key_slots, greatest, "amax")

    def arrays(self) -> dict[str, np.ndarray]:
        by_layer = self.maximum[:, :, :-1].numpy().copy()
        return {"isa_by_layer": by_layer, "isa": by_layer.max(0)}

"""Attention mass between sentences, and the head scores and token scores that follow from it."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float

from reportgen.capture.block import Block
from reportgen.capture.layout import Stack

FLOAT32_CELLS = 1 << 22  # per-head matrices above 16 MB are kept as float16


class SentenceMass:
    """`sentence_attention`, `outside_attention`, `within_sentence`, `delimiter`, `rare_token`, `first_token`, `token_influence(_total)`.

    Everything linear in p comes from its sums over the rows of a sentence. `within_sentence` and `first_token` exist where a text looks at itself.
    """

    def __init__(self, stack: Stack) -> None:
        self.stack, self.looking, self.keys = stack, stack.queries, stack.keys
        layers, heads, shape = stack.layers, stack.heads, (self.looking.sentences, self.keys.sentences)
        kind = np.float32 if layers * heads * shape[0] * shape[1] <= FLOAT32_CELLS else np.float16
        self.attention = np.zeros((layers, heads, *shape), kind)
        self.outside = np.zeros((layers, heads, shape[0]), np.float32)
        self.rare = self.keys.rare_tokens
        self.on_delimiters, self.on_rare, self.on_first, self.within = (np.zeros((layers, heads)) for _ in range(4))
        self.rare_by_chance = np.zeros(layers)
        self.influence = np.zeros((layers, self.keys.tokens), np.float32)
        self.seen_by = np.ones((layers, self.keys.tokens))

    def add(self, block: Block) -> None:
        if block.rows.start == 0:
            self._open_layer()
        sums = torch.from_numpy(block.sums.run_sums)  # head run key
        in_sentence = [index for index, run in enumerate(block.plan.runs) if run.sentence >= 0]
        whose = torch.tensor([[counts and run.sentence >= 0, counts] for run, counts in zip(block.plan.runs, block.runs_counted.tolist(), strict=True)])
        over_rows = torch.matmul(whose.float().T, sums)  # head (in a sentence, any) key
        self.of_keys[:, block.keys] += over_rows[:, 0]
        self.received[block.keys] += over_rows[:, 1].sum(0)
        by_run = torch.from_numpy(np.add.reduceat(block.sums.run_sums, block.plan.key_starts, axis=2))  # head run key_run
        for index in in_sentence:
            self.mass[:, block.plan.runs[index].sentence].index_add_(1, block.plan.key_slots, by_run[:, index])
        if block.keys.start == 0:
            later = block.counted * (np.arange(block.rows.start, block.rows.stop) > 0)
            rows = np.arange(len(later))
            self.on_first[block.layer] += (block.at(rows, np.zeros_like(rows)) * later).sum(1, dtype=np.float64)
        if block.rows.stop == self.looking.tokens:
            self._close_layer(block)

    def _open_layer(self) -> None:
        heads = self.stack.heads
        self.mass = torch.zeros(heads, self.looking.sentences, self.keys.sentences + 1)  # head sentence slot
        self.of_keys = torch.zeros(heads, self.keys.tokens)  # from queries in sentences
        self.received = torch.zeros(self.keys.tokens)  # from all queries, summed over heads

    def _close_layer(self, block: Block) -> None:
        layer, visibility = block.layer, block.visibility
        share = self.mass / torch.from_numpy(self.looking.tokens_in_sentence)[None, :, None]
        self.attention[layer] = share[:, :, :-1].numpy()
        self.outside[layer] = (share[:, :, -1] if block.complete else (1.0 - share[:, :, :-1].sum(2)).clamp(min=0.0)).numpy()
        if not self.stack.crosses:
            own = torch.diagonal(self.mass, dim1=1, dim2=2)[:, np.unique(self.looking.sentence_of_token[self._counted])]
            self.within[layer] = own.double().sum(1).numpy()
        self.on_delimiters[layer] = self._on(self.keys.delimiter)
        self.on_rare[layer] = self._on(self.rare)
        self.rare_by_chance[layer] = (visibility.seen_by_group(np.where(self.rare, 0, -1), 1)[:, 0] / visibility.keys_seen)[self._counted].sum()
        self.influence[layer] = self.received.numpy() / self.stack.heads
        self.seen_by[layer] = visibility.queries_seeing(self.looking.queries_counted)

    def _on(self, chosen: Bool[np.ndarray, " key"]) -> Float[np.ndarray, " head"]:
        """The mass of all queries in sentences on the chosen keys."""
        return self.of_keys[:, torch.from_numpy(chosen)].double().sum(1).numpy()

    @property
    def _counted(self) -> Bool[np.ndarray, " query"]:
        return self.looking.sentence_queries

    def weights(self) -> dict[str, np.ndarray]:
        """What each number is a mean over, where that is not the counted queries in sentences."""
        return {"rare_token": self.rare_by_chance[:, None], "token_influence": self.seen_by}

    def arrays(self) -> dict[str, np.ndarray]:
        counted = self._counted
        with np.errstate(invalid="ignore", divide="ignore"):
            found = {
                "delimiter": self.on_delimiters / counted.sum(),
                "rare_token": self.on_rare / self.rare_by_chance[:, None],
                "token_influence": self.influence / np.maximum(self.seen_by, 1),
            }
            if not self.stack.crosses:
                found |= {"within_sentence": self.within / counted.sum(), "first_token": self.on_first / counted[1:].sum()}
        found = {name: values.astype(np.float32) for name, values in found.items()}
        return found | {"sentence_attention": self.attention, "outside_attention": self.outside, "token_influence_total": self.influence}


class InterSentenceMaximum:
    """`isa` and `isa_by_layer`: the greatest weight between the tokens of two sentences. Source: Seo et al. 2025, section 2."""

    def __init__(self, stack: Stack) -> None:
        self.maximum = torch.zeros(stack.layers, stack.queries.sentences, stack.keys.sentences + 1)  # layer sentence slot

    def add(self, block: Block) -> None:
        by_run = torch.from_numpy(np.maximum.reduceat(block.sums.run_maxima, block.plan.key_starts, axis=1))
        for run, greatest in zip(block.plan.runs, by_run, strict=True):
            if run.sentence >= 0:
                self.maximum[block.layer, run.sentence].scatter_reduce_(0, block.plan.key_slots, greatest, "amax")

    def arrays(self) -> dict[str, np.ndarray]:
        by_layer = self.maximum[:, :, :-1].numpy().copy()
        return {"isa_by_layer": by_layer, "isa": by_layer.max(0)}

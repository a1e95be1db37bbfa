"""Attention rollout without a token matrix. Source: Abnar and Zuidema 2020, section 3."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float

from reportgen.capture.block import Block
from reportgen.capture.fused import NOTHING_LEFT
from reportgen.capture.layout import Stack

PANEL = 512  # keys of one product: early keys were reached by few sentences


class Rollout:
    """`rollout` and `rollout_without_sink`, by layer and after the last; and the target's rows of the plain one.

    Carries X = R M (tokens x sentences; M says which token is in which sentence) through the layers, X <- 0.5 mean_h(p) X + 0.5 X, both kinds side
    by side so that one product serves both. Memory: six tokens x sentences arrays.
    """

    def __init__(self, stack: Stack) -> None:
        self.layout = layout = stack.queries
        start = torch.nn.functional.one_hot(layout.slot_of_token, layout.sentences + 1)[:, :-1].float()
        self.now = torch.stack([start, start], 2)  # token sentence (all keys, without sink)
        self.kept = torch.from_numpy(np.isin(np.arange(layout.tokens), layout.sinks, invert=True).astype(np.float32))
        self.reached = np.maximum(np.maximum.accumulate(layout.sentence_of_token) + 1, 0)  # sentences up to each token
        shape = (stack.layers, layout.sentences, layout.sentences)
        self.by_layer, self.by_layer_left = np.zeros(shape, np.float32), np.zeros(shape, np.float32)

    def add(self, block: Block) -> None:
        if block.rows.start == 0:
            self.after, self.seen = 0.5 * self.now, self.now.clone()
            self.seen[:, :, 1] *= self.kept[:, None]  # sinks are not looked at
        mean, rows, reach = block.head_mean, block.rows, self._reach(block, block.rows.stop)
        step = torch.zeros(len(mean), 2 * reach)
        for start in range(block.keys.start, block.keys.stop, PANEL):
            keys = slice(start, min(start + PANEL, block.keys.stop))
            reached = min(self._reach(block, keys.stop), reach)
            step[:, : 2 * reached].addmm_(mean[:, keys.start - block.keys.start : keys.stop - block.keys.start], self.seen.flatten(1)[keys, : 2 * reached])
        step = step.unflatten(1, (reach, 2))  # row sentence kind
        left = mean @ self.kept[block.keys]
        own = self.now[rows, :reach, 1]
        step[:, :, 1] = torch.where((left > NOTHING_LEFT)[:, None], step[:, :, 1] / left[:, None], own)
        self.after[rows, :reach] += 0.5 * step
        if rows.stop == self.layout.tokens:
            self._close_layer(block.layer)

    def _reach(self, block: Block, stop: int) -> int:
        """How many sentences can have reached the tokens before `stop`: under a causal mask only those up to their own."""
        if not block.visibility.causal:
            return self.layout.sentences
        return int(self.reached[stop - 1])

    def _close_layer(self, layer: int) -> None:
        self.now = self.after
        self.by_layer[layer], self.by_layer_left[layer] = self._pooled(self.now[:, :, 0]), self._pooled(self.now[:, :, 1])

    def _pooled(self, rollout: Float[torch.Tensor, "token sentence"]) -> Float[np.ndarray, "query_sentence key_sentence"]:
        """Mean over the tokens of each query sentence."""
        sums = torch.zeros(self.layout.sentences + 1, self.layout.sentences).index_add_(0, self.layout.slot_of_token, rollout)
        return sums[:-1].numpy() / self.layout.tokens_in_sentence[:, None]

    def arrays(self) -> dict[str, np.ndarray]:
        return {
            "rollout_by_layer": self.by_layer,
            "rollout": self.by_layer[-1].copy(),
            "rollout_without_sink_by_layer": self.by_layer_left,
            "rollout_without_sink": self.by_layer_left[-1].copy(),
        }

    def of_target(self) -> Float[np.ndarray, " sentence"]:
        """Mean over the target's rows of the rollout on each sentence."""
        return self.now[torch.from_numpy(self.layout.target_rows), :, 0].double().mean(0).numpy().astype(np.float32)

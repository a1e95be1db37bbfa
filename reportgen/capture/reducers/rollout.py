"""Attention rollout without a token matrix. Source: Abnar and Zuidema 2020, section 3."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float

from reportgen.capture.block import Block
from reportgen.capture.block_loops import blend
from reportgen.capture.fused import NOTHING_LEFT
from reportgen.capture.layout import Stack

PANEL = 256  # keys of one product: early keys were reached by few sentences


class Rollout:
    """`rollout` and `rollout_without_sink`, by layer and after the last; and the target's rows of the plain one.

    Carries X = R M (tokens x sentences; M says which token is in which sentence) through the layers, X <- 0.5 mean_h(p) X + 0.5 X, both kinds side
    by side so that one product serves both. Memory: six tokens x sentences arrays.
    """

    def __init__(self, stack: Stack) -> None:
        self.layout = layout = stack.queries
        start = torch.nn.functional.one_hot(layout.slot_of_token, layout.sentences + 1)[:, :-1].float()
        self.now = torch.stack([start, start], 2)  # token sentence (all keys, without sink)
        self.sinks = torch.from_numpy(layout.sinks)
        self.reached = np.maximum(np.maximum.accumulate(layout.sentence_of_token) + 1, 0)  # sentences up to each token
        shape = (stack.layers, layout.sentences, layout.sentences)
        self.by_layer, self.by_layer_left = np.zeros(shape, np.float32), np.zeros(shape, np.float32)

    def add(self, block: Block) -> None:
        if block.rows.start == 0:
            self.after, self.seen = torch.zeros_like(self.now), self.now.clone()
            self.seen[self.sinks, :, 1] = 0.0  # sinks are not looked at
        mean, rows, reach = block.head_mean, block.rows, self._reach(block, block.rows.stop)
        step = torch.zeros(len(mean), reach, 2)  # row sentence kind
        for start in range(block.keys.start, block.keys.stop, PANEL):
            keys = slice(start, min(start + PANEL, block.keys.stop))
            reached = min(self._reach(block, keys.stop), reach)
            step.flatten(1)[:, : 2 * reached].addmm_(
                mean[:, keys.start - block.keys.start : keys.stop - block.keys.start], self.seen.flatten(1)[keys, : 2 * reached]
            )
        left = block.sums.left.mean(0)
        blend(step.numpy(), left, NOTHING_LEFT, self.now[rows].numpy(), self.after[rows].numpy())
        if rows.stop == self.layout.tokens:
            self._close_layer(block.layer)

    def _reach(self, block: Block, stop: int) -> int:
        """How many sentences can have reached the tokens before `stop`: under a causal mask only those up to their own."""
        if not block.visibility.causal:
            return self.layout.sentences
        return int(self.reached[stop - 1])

    def _close_layer(self, layer: int) -> None:
        self.now = self.after
        self.by_layer[layer], self.by_layer_left[layer] = np.moveaxis(self._pooled(self.now.numpy()), 2, 0)

    def _pooled(self, rollout: Float[np.ndarray, "token sentence kind"]) -> Float[np.ndarray, "query_sentence key_sentence kind"]:
        """Mean over the tokens of each query sentence."""
        sums = np.zeros((self.layout.sentences, *rollout.shape[1:]), np.float32)
        for run in self.layout.runs:
            if run.sentence >= 0:
                sums[run.sentence] += rollout[run.start : run.stop].sum(0)
        return sums / self.layout.tokens_in_sentence[:, None, None]

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

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
        mean, rows, reach = block.head_mean, block.rows, self._reach(block, block.rows.stop)
        if rows.start == 0:
            self.now = self.now.to(mean.device)
            self.after, self.seen = torch.zeros_like(self.now), self.now.clone()
            self.seen[self.sinks, :, 1] = 0.0  # sinks are not looked at
        step = torch.zeros(len(mean), reach, 2, device=mean.device)  # row sentence kind
        panel = PANEL if mean.device.type == "cpu" else mean.shape[1]
        for start in range(block.keys.start, block.keys.stop, panel):
            keys = slice(start, min(start + panel, block.keys.stop))
            reached = min(self._reach(block, keys.stop), reach)
            step.flatten(1)[:, : 2 * reached].addmm_(
                mean[:, keys.start - block.keys.start : keys.stop - block.keys.start], self.seen.flatten(1)[keys, : 2 * reached]
            )
        left = block.sums.left.mean(0)
        if mean.device.type == "cpu":
            blend(step.numpy(), left, NOTHING_LEFT, self.now[rows].numpy(), self.after[rows].numpy())
        else:
            self._blend_there(step, torch.from_numpy(left).to(mean.device), rows)
        if rows.stop == self.layout.tokens:
            self._close_layer(block.layer)

    def _blend_there(self, step: Float[torch.Tensor, "row sentence kind"], left: Float[torch.Tensor, " row"], rows: slice) -> None:
        """What `blend` does, by array operations."""
        any_left = left > float(NOTHING_LEFT)
        share = torch.where(any_left, 0.5 / left, 0.0)
        kept, shares = (torch.stack([torch.full_like(share, 0.5), of_left], 1)[:, None] for of_left in (torch.where(any_left, 0.5, 1.0), share))
        self.after[rows] = kept * self.now[rows]
        self.after[rows, : step.shape[1]] += shares * step

    def _reach(self, block: Block, stop: int) -> int:
        """How many sentences can have reached the tokens before `stop`: under a causal mask only those up to their own."""
        if not block.visibility.causal:
            return self.layout.sentences
        return int(self.reached[stop - 1])

    def _close_layer(self, layer: int) -> None:
        self.now = self.after
        self.by_layer[layer], self.by_layer_left[layer] = np.moveaxis(self._pooled(self.now.cpu().numpy()), 2, 0)

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
        return self.now[:, :, 0].cpu()[torch.from_numpy(self.layout.target_rows)].double().mean(0).numpy().astype(np.float32)

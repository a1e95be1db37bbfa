"""From a block's scores to its weights and sums."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float

from reportgen.capture.block import Block, BlockPlan, decay_edges
from reportgen.capture.fused import NO_SCORE, Sums, sum_runs
from reportgen.capture.layout import Stack
from reportgen.capture.visibility import Visibility

BY_ROW = ("log_normaliser", "greatest", "entropy", "inside", "sentences_away", "left", "entropy_left", "tokens_away")


class Summing:
    """Sums the blocks of one stack in one pass, on one core. Memory is used again from block to block: fresh pages for each would cost more than the sums."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.edges = decay_edges(max(stack.queries.tokens, stack.keys.tokens))
        self.buffers: dict[str, np.ndarray] = {}

    def scores(self, plan: BlockPlan) -> Float[torch.Tensor, "head row key"]:
        """Where the scores of the next block go; what it holds is undefined."""
        return torch.from_numpy(self._buffer("scores", self.stack.heads, *plan.shape))

    def block(
        self,
        layer: int,
        plan: BlockPlan,
        visibility: Visibility,
        scores: Float[torch.Tensor, "head row key"],
        extra: Float[np.ndarray, " head"] | None = None,
    ) -> Block:
        """The block of these scores, which become its weights in place. `extra` is a score of no key for each head: weights then sum to less than 1."""
        cells, sums = scores.numpy(), self._sums(len(scores), plan)
        of_no_key = np.full(len(scores), NO_SCORE) if extra is None else extra
        starts, stops = np.array([run.start for run in plan.runs]), np.array([run.stop for run in plan.runs])
        between = self._buffer("between", plan.shape[1])
        sum_runs(cells, starts, stops, plan.groups.of_run, of_no_key, plan.of_rows, plan.of_keys, self.edges, between, sums)
        return Block(layer=layer, plan=plan, stack=self.stack, visibility=visibility, weights=scores, sums=sums, complete=extra is None)

    def _sums(self, heads: int, plan: BlockPlan) -> Sums:
        (rows, keys), groups, sinks, bins = plan.shape, len(plan.groups.sentence), len(plan.of_keys.sinks), len(self.edges) - 1
        by_row = {name: np.empty((heads, rows), np.float32) for name in BY_ROW}
        return Sums(
            **by_row,
            sink_weights=np.empty((heads, rows, sinks), np.float32),
            head_mean=self._buffer("head_mean", rows, keys),
            group_sums=self._buffer("group_sums", heads, groups, keys),
            group_maxima=self._buffer("group_maxima", groups, keys),
            products=np.zeros((groups, heads, heads)),
            by_distance=np.zeros((heads, rows, bins), np.float32),
            products_left=np.zeros((groups, heads, heads)),
        )

    def _buffer(self, name: str, *shape: int) -> np.ndarray:
        size = math.prod(shape)
        if name not in self.buffers or len(self.buffers[name]) < size:
            self.buffers[name] = torch.empty(size).numpy()  # on a cache line, as numpy's own memory is not: products take twice as long there
        return self.buffers[name][:size].reshape(shape)

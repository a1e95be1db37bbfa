"""From a block's scores to its weights and sums."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float

from reportgen.capture.block import Block, BlockPlan, decay_edges
from reportgen.capture.block_loops import gather, gather_rows
from reportgen.capture.fused import NO_SCORE, Sums, sum_runs
from reportgen.capture.layout import Stack
from reportgen.capture.taking import Taking
from reportgen.capture.visibility import Visibility

BY_ROW = ("log_normaliser", "greatest", "entropy", "inside", "sentences_away", "left", "entropy_left", "tokens_away")
OfRows = Callable[[slice, slice, torch.Tensor], None]  # is given the text's rows and keys, and an array of them (head row key)


class Summing:
    """Sums the blocks of one stack in one pass, on one core. Memory is used again from block to block: fresh pages for each would cost more than the sums."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.edges = decay_edges(max(stack.queries.tokens, stack.keys.tokens))
        self.buffers: dict[str, np.ndarray] = {}

    def block(
        self, layer: int, taking: Taking, visibility: Visibility, write: OfRows, attend: OfRows, extra: Float[np.ndarray, " head"] | None = None
    ) -> Block:
        """The block of some rows, a piece at a time: `write` puts the scores of rows and keys into an array, `attend` is given their weights in the same.

        `extra` is a score of no key for each head: weights then sum to less than 1.
        """
        plan, heads, opened = taking.plan, self.stack.heads, 0
        block = self._empty_block(layer, taking, visibility, complete=extra is None)
        of_no_key = np.full(heads, NO_SCORE) if extra is None else extra
        between = self._buffer("between", plan.shape[1])
        for index, piece in enumerate(taking.pieces):
            cells = self._buffer("cells", heads, piece.rows.stop - piece.rows.start, piece.keys)
            weights = torch.from_numpy(cells)
            rows = slice(plan.rows.start + piece.rows.start, plan.rows.start + piece.rows.stop)
            keys = slice(plan.keys.start, plan.keys.start + piece.keys)
            write(rows, keys, weights)
            opened = sum_runs(
                cells, piece.rows.start, opened, piece.starts, piece.stops, piece.groups, of_no_key, plan.of_rows, plan.of_keys, self.edges, between, block.sums
            )
            attend(rows, keys, weights)
            self._take(block, taking, index, weights)
        return block

    def _empty_block(self, layer: int, taking: Taking, visibility: Visibility, complete: bool) -> Block:
        plan, heads = taking.plan, self.stack.heads
        sums = self._sums(heads, plan)
        return Block(
            layer=layer,
            plan=plan,
            stack=self.stack,
            visibility=visibility,
            sums=sums,
            head_mean=torch.from_numpy(sums.head_mean),
            pairs={reducer: self._buffer(f"pairs {index}", heads, len(pairs.rows)) for index, (reducer, pairs) in enumerate(taking.pairs.items())},
            of_target=torch.zeros(heads, plan.shape[1], dtype=torch.float64) if len(taking.rows_of_target) else None,
            whole_rows={
                reducer: self._buffer(f"rows {index}", heads, len(rows), plan.shape[1]) for index, (reducer, rows) in enumerate(taking.whole_rows.items())
            },
            complete=complete,
        )

    def _take(self, block: Block, taking: Taking, index: int, weights: Float[torch.Tensor, "head row key"]) -> None:
        """What is kept of the weights of a piece."""
        piece, cells = taking.pieces[index], weights.numpy()
        for reducer, of_pieces in taking.rows_of_pieces.items():
            gather_rows(cells, of_pieces[index].places, of_pieces[index].first, block.whole_rows[reducer])
        for reducer, of_pieces in taking.pairs_of_pieces.items():
            gather(cells.reshape(len(cells), -1), of_pieces[index].places, of_pieces[index].first, block.pairs[reducer])
        if len(piece.of_target):
            block.of_target[:, : piece.keys] += weights[:, torch.from_numpy(piece.of_target)].sum(1)

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

"""The backward pass through one call of attention, a few query rows at a time."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float

from reportgen.capture.backward.calls import AttentionCall, Given, Inputs, scores_of, stacked
from reportgen.capture.backward.row_blocks import RowBlock
from reportgen.capture.backward.row_passes import row_passes_on


class Slopes:
    """The target's derivatives by what one call of attention reads, and the sums of p dp.

    With dO the derivative by the output and D = the sum over dimensions of dO O, which is the sum over keys of p dp:
    dp = dO v, ds = p (dp - D), dq = scaling ds k, dk = scaling ds q, dv = p dO; those of keys and values are summed over the heads that share them.
    """

    def __init__(
        self,
        call: AttentionCall,
        inputs: Inputs,
        output_slopes: Float[torch.Tensor, "head query value_dim"],
        output: Float[torch.Tensor, "head query value_dim"],
        log_normalisers: Float[torch.Tensor, "head query"],
    ) -> None:
        self.call, self.inputs, self.log_normalisers = call, inputs, log_normalisers
        self.rows = row_passes_on(inputs.queries.device, call.workspace)
        self.by_output = output_slopes.unflatten(0, inputs.queries.shape[:2])
        self.means = (output_slopes * output).sum(2)
        self.sums = call.stack.open(call.layer)
        self.absolute = np.zeros(inputs.heads)
        self.by_queries, self.by_keys, self.by_values = (torch.zeros_like(tensor) for tensor in (inputs.queries, inputs.keys, inputs.values))
        self.by_bias = np.zeros(tuple(inputs.bias.shape))

    def add(self, block: RowBlock) -> None:
        """Add what a block's rows give."""
        keys, queries, by_output = self.inputs.keys[:, block.keys], stacked(self.inputs.queries, block), stacked(self.by_output, block)
        scores = scores_of(self.call, self.inputs, block)
        room = self.call.workspace.cells("slopes", *scores.shape, device=scores.device)
        slopes = torch.bmm(by_output, self.inputs.values[:, block.keys].transpose(1, 2), out=room)
        self._differentiate(block, scores, slopes)
        self.by_values[:, block.keys].baddbmm_(scores.transpose(1, 2), by_output)
        self.by_keys[:, block.keys].baddbmm_(slopes.transpose(1, 2), queries)
        self.by_queries[:, :, block.rows] = torch.bmm(slopes, keys).unflatten(1, (-1, block.shape[0]))

    def _differentiate(
        self, block: RowBlock, scores: Float[torch.Tensor, "key_head group_row key"], slopes: Float[torch.Tensor, "key_head group_row key"]
    ) -> None:
        """Scores become weights, slopes those of the target by the scores; what they say of the weights is added up."""
        weights, changes = (cells.view(self.inputs.heads, *block.shape) for cells in (scores, slopes))
        of_rows = (tensor[:, block.rows] for tensor in (self.log_normalisers, self.means))
        positive, absolute = self.rows.differentiate(weights, changes, block, self.inputs, *of_rows, self.call.cap)
        self.absolute += absolute.sum(1, dtype=np.float64)
        self.sums.add(block, positive)
        if self.inputs.bias.shape[1] > 0:
            self.rows.add_diagonals(changes, block, self.by_bias)

    def close(self) -> None:
        """Hand the sums to the stack; the positive parts were counted twice and summed over heads."""
        self.sums.signed, self.sums.absolute = self.means.cpu().double().sum(1).numpy(), self.absolute
        self.call.stack.close(self.call.layer, self.sums, share=0.5 / self.inputs.heads)

    def of(self, given: Given) -> tuple[torch.Tensor | None, ...]:
        """The derivatives by query, key, value, bias table and sinks, in the types of these."""
        by_query = (self.by_queries.flatten(0, 1) * self.call.scaling)[None]
        found = (by_query.to(given.query), self.by_keys[None].to(given.key), self.by_values[None].to(given.value))
        by_bias = None if given.bias is None else torch.from_numpy(self.by_bias).to(given.bias)
        return (*found, by_bias, None if given.sinks is None else self._by_sinks().to(given.sinks))

    def _by_sinks(self) -> Float[torch.Tensor, " head"]:
        """A sink's weight is worth nothing itself and takes from all others."""
        weights = (self.inputs.sinks[:, None] - self.log_normalisers).cpu().double().exp()
        return -(weights * self.means.cpu()).sum(1)

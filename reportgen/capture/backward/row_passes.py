"""From scores to weights and from the slopes of weights to those of scores, a block at a time: compiled on the CPU, array operations elsewhere."""

from __future__ import annotations

from functools import partial
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float

from reportgen.capture.backward.calls import Inputs
from reportgen.capture.backward.compiled import add_diagonals, differentiate_rows, weigh_rows
from reportgen.capture.backward.row_blocks import RowBlock
from reportgen.capture.backward.workspace import Workspace
from reportgen.capture.fused import NO_SCORE
from reportgen.capture.visibility import unseen

Cells = Float[torch.Tensor, "head row key"]
ByRow = Float[torch.Tensor, "head row"]


@runtime_checkable
class RowPasses(Protocol):
    """What is done to the rows of a block."""

    def weigh(self, scores: Cells, block: RowBlock, inputs: Inputs) -> ByRow:
        """Scores become weights, those of keys that are not seen 0; gives each row's logarithm of the denominator."""

    def differentiate(
        self, scores: Cells, slopes: Cells, block: RowBlock, inputs: Inputs, log_normalisers: ByRow, means: ByRow, cap: float | None
    ) -> tuple[Float[torch.Tensor, "row key"], Float[np.ndarray, "head row"]]:
        """Scores become weights p, slopes dp those by the scores: p (dp - mean), times the cap's slope.

        Gives the sum over heads of twice max(0, p dp), and the sum over keys of abs(p dp).
        """

    def add_diagonals(self, slopes: Cells, block: RowBlock, by_bias: Float[np.ndarray, "head offset"]) -> None:
        """Add the slopes, summed by the offset of key and query."""


class CompiledRows:
    """On the CPU, on all threads."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def weigh(self, scores: Cells, block: RowBlock, inputs: Inputs) -> ByRow:
        of_rows = np.empty(scores.shape[:2], np.float32)
        self.workspace.over_rows(block.shape[0], partial(weigh_rows, scores.numpy(), block.seen, inputs.bias.numpy(), inputs.sinks.numpy(), of_rows))
        return torch.from_numpy(of_rows)

    def differentiate(
        self, scores: Cells, slopes: Cells, block: RowBlock, inputs: Inputs, log_normalisers: ByRow, means: ByRow, cap: float | None
    ) -> tuple[Float[torch.Tensor, "row key"], Float[np.ndarray, "head row"]]:
        positive, absolute = self.workspace.cells("positive", *block.shape), np.empty(scores.shape[:2], np.float32)
        of_rows = (tensor.contiguous().numpy() for tensor in (log_normalisers, means))
        inverse_cap = np.float32(0.0 if cap is None else 1.0 / cap)
        cells = (scores.numpy(), slopes.numpy(), block.seen, inputs.bias.numpy())
        self.workspace.over_rows(block.shape[0], partial(differentiate_rows, *cells, *of_rows, inverse_cap, positive.numpy(), absolute))
        return positive, absolute

    def add_diagonals(self, slopes: Cells, block: RowBlock, by_bias: Float[np.ndarray, "head offset"]) -> None:
        self.workspace.over_heads(len(slopes), partial(add_diagonals, slopes.numpy(), block.seen, by_bias))


class DeviceRows:
    """Where the model is, in float32, without atomic additions. Memory: three times the block's scores."""

    def weigh(self, scores: Cells, block: RowBlock, inputs: Inputs) -> ByRow:
        self._add_bias(scores, block, inputs)
        scores.masked_fill_(self._hidden(scores, block), float(NO_SCORE))
        greatest = torch.maximum(scores.amax(2), inputs.sinks[:, None])
        scores.sub_(greatest[:, :, None]).exp_()
        total = scores.sum(2) + (inputs.sinks[:, None] - greatest).exp()
        scores.div_(total[:, :, None])
        return greatest + total.log()

    def differentiate(
        self, scores: Cells, slopes: Cells, block: RowBlock, inputs: Inputs, log_normalisers: ByRow, means: ByRow, cap: float | None
    ) -> tuple[Float[torch.Tensor, "row key"], Float[np.ndarray, "head row"]]:
        self._add_bias(scores, block, inputs)
        hidden = self._hidden(scores, block)
        of_cap = None if cap is None else 1.0 - (scores / cap).square_()
        scores.sub_(log_normalisers[:, :, None]).masked_fill_(hidden, float(NO_SCORE)).exp_()
        slopes.mul_(scores)
        size = slopes.abs()
        absolute, positive = size.sum(2), size.add_(slopes).sum(0)
        slopes.sub_(scores * means[:, :, None])
        slopes = slopes if of_cap is None else slopes.mul_(of_cap)
        slopes.masked_fill_(hidden, 0.0)
        return positive, absolute.cpu().numpy()

    def add_diagonals(self, slopes: Cells, block: RowBlock, by_bias: Float[np.ndarray, "head offset"]) -> None:
        """Rows turned round and each moved one step further than the one before, so that equal offsets stand below each other."""
        heads, rows, keys = slopes.shape
        padded = torch.nn.functional.pad(slopes.flip(1), (0, rows)).flatten(1)[:, : rows * (rows + keys - 1)]
        start = block.seen.shift - rows + 1
        by_bias[:, start : start + rows + keys - 1] += padded.view(heads, rows, -1).sum(1).cpu().numpy()

    def _add_bias(self, scores: Cells, block: RowBlock, inputs: Inputs) -> None:
        if inputs.bias.shape[1] > 0:
            rows, keys = (torch.arange(count, device=scores.device) for count in block.shape)
            scores += inputs.bias[:, block.seen.shift + keys[None] - rows[:, None]]

    def _hidden(self, scores: Cells, block: RowBlock) -> torch.Tensor:
        first, last = (torch.from_numpy(borders).to(scores.device) for borders in (block.seen.first, block.seen.last))
        return unseen(first, last, torch.arange(block.shape[1], device=scores.device))


def row_passes_on(device: torch.device, workspace: Workspace) -> RowPasses:
    """Compiled on the CPU, array operations elsewhere."""
    return CompiledRows(workspace) if device.type == "cpu" else DeviceRows()

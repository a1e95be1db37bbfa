"""One call of a model's attention: what it reads, and how scores are made of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float

from reportgen.capture.backward.row_blocks import RowBlock
from reportgen.capture.backward.stack_sums import StackSums
from reportgen.capture.backward.workspace import Workspace
from reportgen.capture.fused import NO_SCORE


class Attended(NamedTuple):
    """What a call of attention gave, the logarithm of each row's denominator, and its last query, by which it is known again."""

    output: Float[torch.Tensor, "head query value_dim"]
    log_normalisers: Float[torch.Tensor, "head query"]
    last_query: Float[torch.Tensor, "head dim"]


@dataclass(frozen=True, kw_only=True, eq=False)
class AttentionCall:
    """How scores are made, how they are cut into blocks, where the sums go.

    `layer` is None when a layer is recomputed: its sums are the first call's, and what that gave, where it was `kept`, is not computed again.
    """

    layer: int | None
    stack: StackSums
    blocks: Sequence[RowBlock]
    scaling: float
    cap: float | None
    workspace: Workspace
    after_block: Callable[[RowBlock], None]
    kept: list[Attended]


@dataclass(frozen=True, kw_only=True, eq=False)
class Given:
    """The tensors of a call as the model gives them."""

    query: Float[torch.Tensor, "1 head query dim"]
    key: Float[torch.Tensor, "1 key_head key dim"]
    value: Float[torch.Tensor, "1 key_head key value_dim"]
    bias: Float[torch.Tensor, "head offset"] | None
    sinks: Float[torch.Tensor, " head"] | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Inputs:
    """The same in float32: queries scaled, heads grouped by the key head they share, a table of no offset for no bias, very low sinks for none."""

    queries: Float[torch.Tensor, "key_head group query dim"]
    keys: Float[torch.Tensor, "key_head key dim"]
    values: Float[torch.Tensor, "key_head key value_dim"]
    bias: Float[torch.Tensor, "head offset"]
    sinks: Float[torch.Tensor, " head"]

    @property
    def heads(self) -> int:
        """Number of query heads."""
        return self.queries.shape[0] * self.queries.shape[1]


def inputs_of(given: Given, scaling: float) -> Inputs:
    """The inputs of a call."""
    heads, groups, device = given.query.shape[1], given.key.shape[1], given.query.device
    return Inputs(
        queries=(given.query[0].float() * scaling).contiguous().unflatten(0, (groups, -1)),
        keys=given.key[0].float().contiguous(),
        values=given.value[0].float().contiguous(),
        bias=torch.zeros(heads, 0, device=device) if given.bias is None else given.bias.detach().float().contiguous().to(device),
        sinks=torch.full((heads,), float(NO_SCORE), device=device) if given.sinks is None else given.sinks.detach().float().contiguous().to(device),
    )


def stacked(tensor: Float[torch.Tensor, "key_head group query dim"], block: RowBlock) -> Float[torch.Tensor, "key_head group_row dim"]:
    """The block's rows, the heads of a group one after another."""
    return tensor[:, :, block.rows].flatten(1, 2)


def scores_of(call: AttentionCall, inputs: Inputs, block: RowBlock) -> Float[torch.Tensor, "key_head group_row key"]:
    """Scores without the bias, in memory that the next block uses again; those of keys that are not seen mean nothing."""
    queries = stacked(inputs.queries, block)
    scores = call.workspace.cells("scores", *queries.shape[:2], block.shape[1], device=queries.device)
    torch.bmm(queries, inputs.keys[:, block.keys].transpose(1, 2), out=scores)
    return scores if call.cap is None else scores.div_(call.cap).tanh_().mul_(call.cap)

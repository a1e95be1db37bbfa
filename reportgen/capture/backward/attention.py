"""Attention whose backward pass recomputes the weights a few query rows at a time and adds up what the target's gradient says of them."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from reportgen.capture.backward.calls import AttentionCall, Given, Inputs, inputs_of, scores_of
from reportgen.capture.backward.compiled import weigh_rows
from reportgen.capture.backward.slopes import Slopes


class StreamedAttention(torch.autograd.Function):
    """Attention output, batch x query x head x dim, of query, key, value (batch x head x token x dim), bias table (head x offset) and sinks (head), or None.

    With s = scaling q k, capped to cap tanh(s / cap) where there is a cap, plus bias[k - q + queries - 1]: p = exp(s) / (sum of exp(s) over the keys that
    q sees + exp(sink)). `anchor` is a tensor of no elements whose gradient is asked for, so that the backward pass visits every call.
    Kept for the backward pass: the inputs, the output and each row's logarithm of the denominator. Memory besides: a few blocks.
    """

    @staticmethod
    def forward(ctx: Any, anchor: Any, query: Any, key: Any, value: Any, bias: Any, sinks: Any, call: AttentionCall) -> torch.Tensor:
        """The output; the weights of one block at a time."""
        given = Given(query=query, key=key, value=value, bias=bias, sinks=sinks)
        output, log_normalisers = _attend(call, inputs_of(given, call.scaling))
        ctx.call = call
        ctx.save_for_backward(query, key, value, bias, sinks, output, log_normalisers)
        return output.transpose(0, 1)[None].to(query.dtype, copy=True)

    @staticmethod
    def backward(ctx: Any, slope: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradients of the inputs; the call's sums are added to its stack."""
        query, key, value, bias, sinks, output, log_normalisers = ctx.saved_tensors
        call, given = ctx.call, Given(query=query, key=key, value=value, bias=bias, sinks=sinks)
        slopes = Slopes(call, inputs_of(given, call.scaling), slope[0].transpose(0, 1).float().contiguous(), output, log_normalisers)
        for block in call.blocks:
            slopes.add(block)
            call.after_block(block)
        slopes.close()
        return torch.zeros(0), *slopes.of(given), None


def _attend(call: AttentionCall, inputs: Inputs) -> tuple[Float[torch.Tensor, "head query value_dim"], Float[torch.Tensor, "head query"]]:
    """The output and each row's log normaliser."""
    queries = inputs.queries.shape[2]
    output, log_normalisers = torch.empty(inputs.heads, queries, inputs.values.shape[2]), torch.empty(inputs.heads, queries)
    for block in call.blocks:
        scores = scores_of(call, inputs, block)
        cells, of_rows = scores.view(inputs.heads, *block.shape).numpy(), np.empty((inputs.heads, block.shape[0]), np.float32)
        call.workspace.over_rows(block.shape[0], partial(weigh_rows, cells, block.seen, inputs.bias, inputs.sinks, of_rows))
        log_normalisers[:, block.rows] = torch.from_numpy(of_rows)
        output[:, block.rows] = torch.bmm(scores, inputs.values[:, block.keys]).view(inputs.heads, block.shape[0], -1)
    return output, log_normalisers

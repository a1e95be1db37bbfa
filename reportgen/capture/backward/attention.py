"""Attention whose backward pass recomputes the weights a few query rows at a time and adds up what the target's gradient says of them."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float

from reportgen.capture.backward.calls import Attended, AttentionCall, Given, Inputs, inputs_of, scores_of
from reportgen.capture.backward.row_passes import row_passes_on
from reportgen.capture.backward.slopes import Slopes
from reportgen.capture.backward.stack_sums import refuse_gradient_that_is_not_finite

SAME = 1e-3  # of the numbers of a query: they are computed again in the same way


class StreamedAttention(torch.autograd.Function):
    """Attention output, batch x query x head x dim, of query, key, value (batch x head x token x dim), bias table (head x offset) and sinks (head), or None.

    With s = scaling q k, capped to cap tanh(s / cap) where there is a cap, plus bias[k - q + queries - 1]: p = exp(s) / (sum of exp(s) over the keys that
    q sees + exp(sink)). `anchor` is a tensor of no elements whose gradient is asked for, so that the backward pass visits every call.
    Kept for the backward pass: the inputs, the output and each row's logarithm of the denominator; the last two by the call as well, for layers that are recomputed. Memory besides: a few blocks.
    """

    @staticmethod
    def forward(ctx: Any, anchor: Any, query: Any, key: Any, value: Any, bias: Any, sinks: Any, call: AttentionCall) -> torch.Tensor:
        """The output; the weights of one block at a time."""
        given = Given(query=query, key=key, value=value, bias=bias, sinks=sinks)
        output, log_normalisers, _ = _attended(call, given)
        ctx.call = call
        ctx.save_for_backward(query, key, value, bias, sinks, output, log_normalisers)
        return output.transpose(0, 1)[None].to(query.dtype, copy=True, memory_format=torch.contiguous_format)

    @staticmethod
    def backward(ctx: Any, slope: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradients of the inputs; the call's sums are added to its stack."""
        query, key, value, bias, sinks, output, log_normalisers = ctx.saved_tensors
        call, given = ctx.call, Given(query=query, key=key, value=value, bias=bias, sinks=sinks)
        refuse_gradient_that_is_not_finite(call.stack.name, call.layer, "that reaches the attention", slope)
        slopes = Slopes(call, inputs_of(given, call.scaling), slope[0].transpose(0, 1).float().contiguous(), output, log_normalisers)
        for block in call.blocks:
            slopes.add(block)
            call.after_block(block)
        slopes.close()
        found = slopes.of(given)
        refuse_gradient_that_is_not_finite(call.stack.name, call.layer, "that comes out of the attention", *found[:3])
        return torch.zeros(0), *found, None


def _attended(call: AttentionCall, given: Given) -> Attended:
    """What the call gives; where its layer is recomputed, what it gave the first time."""
    last_query = given.query[0, :, -1].detach().float().clone()  # no view, which would keep all queries
    if call.layer is None and call.kept and torch.allclose(call.kept[-1].last_query, last_query, rtol=SAME, atol=SAME):
        return call.kept.pop()
    found = Attended(*_attend(call, inputs_of(given, call.scaling)), last_query)
    if call.layer is not None:
        call.kept.append(found)
    return found


def _attend(call: AttentionCall, inputs: Inputs) -> tuple[Float[torch.Tensor, "head query value_dim"], Float[torch.Tensor, "head query"]]:
    """The output and each row's log normaliser."""
    queries, device = inputs.queries.shape[2], inputs.queries.device
    rows = row_passes_on(device, call.workspace)
    output = torch.empty(inputs.heads, queries, inputs.values.shape[2], device=device)
    log_normalisers = torch.empty(inputs.heads, queries, device=device)
    for block in call.blocks:
        scores = scores_of(call, inputs, block)
        log_normalisers[:, block.rows] = rows.weigh(scores.view(inputs.heads, *block.shape), block, inputs)
        output[:, block.rows] = torch.bmm(scores, inputs.values[:, block.keys]).view(inputs.heads, block.shape[0], -1)
    return output, log_normalisers

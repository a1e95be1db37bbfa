"""The backward pass through models that are read one layer at a time: p dp of each layer, put to token pairs, added up and dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from reportgen.capture.backward import BackwardPass
from reportgen.capture.backward.row_blocks import plan_row_blocks
from reportgen.capture.backward.stack_sums import refuse_gradient_that_is_not_finite
from reportgen.capture.per_layer.calls import calls_of_attention
from reportgen.capture.per_layer.families import Seam
from reportgen.capture.per_layer.softmax import EachSoftmax
from reportgen.capture.per_layer.whole_layer import Call, Placing, Stack
from reportgen.capture.visibility import Visibility
from reportgen.errors import ModelError


@contextmanager
def weighed_layers(model: Any, backward_pass: BackwardPass) -> Iterator[None]:
    """Inside the block, a forward and a backward pass of the model add what the target's gradient says of each layer's weights to `backward_pass`.

    The weights are those of the model's explicit softmax, their derivatives autograd's own. Where layers are recomputed in the backward pass, memory is
    beyond that of one layer's activations a few arrays of one layer's heads x queries x keys. Raises `ModelError` as `whole_layers` does.
    """
    calls: list[_WeighedCall] = []
    with calls_of_attention(model, partial(_weigh, backward_pass, calls)):
        yield
    for call in calls:
        if call.products:
            raise ModelError(f"The gradient reaches only some of the weights of a layer of the {call.stack}; measure with --attribution none.")


def _weigh(backward_pass: BackwardPass, calls: list[_WeighedCall], seam: Seam, stack: Stack, call: Call) -> tuple[Any, ...]:
    with seam.placing(call) as placing:
        weighed = _WeighedCall(backward_pass, stack, placing)
        calls.append(weighed)
        with EachSoftmax(weighed.watch):
            output = call.run()
    if weighed.watched != placing.parts:
        what = f"{type(call.module).__name__} calls softmax {weighed.watched} times instead of {placing.parts}"
        raise ModelError(f"{what}; this version of the library is not known.")
    return output


class _Watched(torch.autograd.Function):
    """The weights that it is given, whose product with the target's derivative by them is handed on in the backward pass.

    `anchor` is a tensor of no elements whose gradient is asked for, so that the backward pass visits every call.
    """

    @staticmethod
    def forward(ctx: Any, anchor: Any, weights: torch.Tensor, take: Callable[[torch.Tensor], None]) -> torch.Tensor:
        ctx.take = take
        ctx.save_for_backward(weights)
        return weights.view_as(weights)

    @staticmethod
    def backward(ctx: Any, slope: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (weights,) = ctx.saved_tensors
        exact = torch.promote_types(weights.dtype, torch.float32)
        ctx.take(weights.to(exact) * slope.to(exact))
        return torch.zeros(0), slope, None


class _WeighedCall:
    """One call of attention: p dp of its softmaxes, as the backward pass reaches them.

    A layer that is recomputed is watched as well, but autograd calls back the first call.
    """

    def __init__(self, backward_pass: BackwardPass, stack: Stack, placing: Placing) -> None:
        self.backward_pass, self.stack, self.placing = backward_pass, stack, placing
        self.watched = 0
        self.products: dict[int, torch.Tensor] = {}

    def watch(self, weights: torch.Tensor) -> torch.Tensor:
        """What the module goes on with instead of a softmax's result."""
        if self.watched == 0:
            self.sums, self.layer = self.backward_pass.enter(self.stack, weights.shape[self.placing.head_axis])
        self.watched += 1
        return _Watched.apply(self.backward_pass.anchor, weights, partial(self._take, self.watched - 1))

    def _take(self, part: int, product: torch.Tensor) -> None:
        self.products[part] = product
        if len(self.products) == self.placing.parts:
            self._close(self.placing.place([self.products.pop(part) for part in range(self.placing.parts)]).float().cpu())

    def _close(self, products: Float[torch.Tensor, "head query key"]) -> None:
        """Add up what all parts together say; a key that is read more than once has the sum of its weights and one derivative."""
        queries, keys = self.sums.queries, self.sums.keys
        if products.shape[1:] != (queries.tokens, keys.tokens):
            found, expected = tuple(products.shape[1:]), (queries.tokens, keys.tokens)
            raise ModelError(f"The model's {self.stack} looks from {found[0]} tokens at {found[1]}, but the text has {expected[0]} and {expected[1]}.")
        refuse_gradient_that_is_not_finite(self.stack, self.layer, "by the attention weights", products)
        sums = self.sums.open(self.layer)
        sums.signed = products.sum(2).double().sum(1).numpy()
        sums.absolute = torch.stack([head.abs().sum(1).double().sum() for head in products]).numpy()
        positive = products.clamp_(min=0).sum(0)
        for block in plan_row_blocks(queries, keys, _everything(queries.tokens, keys.tokens), 1, self.backward_pass.rows_at_most):
            sums.add(block, positive[block.rows, block.keys])
            self.backward_pass.count(block)
        self.sums.close(self.layer, sums, share=1 / len(products))


def _everything(queries: int, keys: int) -> Visibility:
    return Visibility(first=np.zeros(queries, int), last=np.full(queries, keys), keys=keys)

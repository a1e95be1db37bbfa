"""The seam for the backward pass: an attention function of its own, and the pass through a model that uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from transformers import AttentionInterface, AttentionMaskInterface

from reportgen.capture.backward.passes import BackwardPass
from reportgen.capture.backward.stack_sums import StackNumbers
from reportgen.capture.position_bias import biases_by_offset
from reportgen.capture.recomputing import recomputed_layers
from reportgen.capture.scores import ScoreRule, score_rule
from reportgen.capture.streaming import attention_implementation, mask_of
from reportgen.errors import ModelError
from reportgen.memory import pages_given_back

NAME = "reportgen_backward"
Through = Callable[[Any, BackwardPass], AbstractContextManager[None]]


@dataclass(frozen=True, kw_only=True)
class BackwardNumbers:
    """The target's value, its gradient with respect to the input embeddings, and the numbers of each stack of attention layers.

    `besides` are layers in which the model looked the same tokens up as well.
    """

    value: float
    gradient: Float[torch.Tensor, "token dim"]
    stacks: dict[str, StackNumbers]
    besides: tuple[str, ...] = ()


def measure_backward(
    model: Any,
    embeddings: Float[torch.Tensor, "1 token dim"],
    target: Callable[[torch.Tensor], torch.Tensor],
    backward_pass: BackwardPass,
    through: Through | None = None,
) -> BackwardNumbers:
    """What a scalar target depends on, by one forward and one backward pass.

    `target` runs the model once on the embeddings that it is given and returns a scalar. `through` brings the model's attention to `backward_pass`: by
    default by the library's attention interface. Raises `ModelError` when the model's attention cannot
    be read exactly or the gradient is not finite.
    Memory: that of a forward pass, the output of attention in every layer, one layer's activations and a few blocks of query rows; never tokens x tokens.
    """
    embeddings = embeddings.detach().requires_grad_(True)
    reading = (through or _through)(model, backward_pass)
    with pages_given_back(), backward_pass.workspace, reading, recomputed_layers(model), torch.enable_grad(), _in_this_thread():
        value = target(embeddings)
        if value.numel() != 1 or not backward_pass.stacks:
            raise ModelError(
                f"The target has {value.numel()} values from {len(backward_pass.stacks)} stacks of attention layers; one value of a model is needed."
            )
        if not bool(torch.isfinite(value)):
            raise ModelError("The target's value is not finite: the model's head gives numbers that are not finite on this text; nothing was measured.")
        backward_pass.recomputing = True
        gradient, _ = torch.autograd.grad(value, [embeddings, backward_pass.anchor], allow_unused=True)
    if gradient is None:
        raise ModelError("The target does not depend on the input embeddings; nothing was measured.")
    if not bool(torch.isfinite(gradient).all()):
        raise ModelError("The gradient of the target is not finite; nothing was measured.")
    return BackwardNumbers(value=float(value.detach()), gradient=gradient[0], stacks=backward_pass.numbers())


def _in_this_thread() -> AbstractContextManager[None]:
    """Autograd has a thread for each GPU; layers that it recomputes there would not know which pass is running."""
    return torch.autograd.set_multithreading_enabled(False)


_current: ContextVar[BackwardPass] = ContextVar("reportgen_backward_pass")


@contextmanager
def _through(model: Any, backward_pass: BackwardPass) -> Iterator[None]:
    """Inside the block the model's attention runs through `backward_pass`."""
    token = _current.set(backward_pass)
    try:
        with attention_implementation(model, NAME), biases_by_offset(model):
            yield
    finally:
        _current.reset(token)


def _attention(module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attention_mask: Any, **keywords: Any) -> tuple[torch.Tensor, None]:
    rule = score_rule(query, attention_mask, keywords)
    _refuse_what_is_not_read(query, rule)
    bias = None if rule.bias is None else torch.from_numpy(rule.bias.table)
    sinks = None if rule.extra is None else torch.from_numpy(rule.extra)
    current = _current.get()
    return current.attend(module, current.stack_of(module, attention_mask), attention_mask, (query, key, value, bias, sinks), rule.scaling, rule.cap), None


def _refuse_what_is_not_read(query: torch.Tensor, rule: ScoreRule) -> None:
    if query.shape[0] != 1:
        raise ModelError(f"The streamed backward pass reads one text, not a batch of {query.shape[0]}.")
    if rule.bias is not None and rule.cap is not None:
        raise ModelError("The model both caps its attention scores and adds a position bias to them, which reportgen does not implement.")


AttentionInterface.register(NAME, _attention)
AttentionMaskInterface.register(NAME, mask_of)

"""A pass through a model whose attention modules are called by somebody else: one call at a time, with its arguments by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from reportgen.capture.per_layer.families import Seam, seams_of
from reportgen.capture.per_layer.whole_layer import Call, Stack
from reportgen.capture.streaming import attention_implementation
from reportgen.errors import ModelError

TakeCall = Callable[[Seam, Stack, Call], tuple[Any, ...]]


@contextmanager
def calls_of_attention(model: Any, take: TakeCall) -> Iterator[None]:
    """Inside the block each call of the model's attention is made by `take`, which gives back the module's own output.

    The model then goes on with that output; where it was asked to return attention weights too, each layer's are an empty array. Afterwards, also after
    an error, the model is as before. Raises `ModelError` for other models and for more than one text.
    """
    implementation = model.config._attn_implementation
    with attention_types_kept(model), ExitStack() as patches:
        for seam in seams_of(model):
            for module in seam.modules(model):
                patches.enter_context(_forward(module, _taken(module, seam, seam.stack_in(model.config), implementation, take)))
        with attention_implementation(model, "eager"):
            yield


@contextmanager
def attention_types_kept(model: Any) -> Iterator[None]:
    """After the block BigBird's layers are block-sparse again, where they were.

    On a short text its class turns the whole model to full attention, and leaves it so for every longer text that follows.
    """
    typed = [(module, module.attention_type) for module in model.modules() if hasattr(module, "attention_type")]
    inner = [(module, module._modules["self"]) for module, _ in typed if "self" in module._modules]
    try:
        yield
    finally:
        for module, attention_type in typed:
            module.attention_type = attention_type
        for module, attention in inner:
            module._modules["self"] = attention


def _taken(module: Any, seam: Seam, stack: Stack, implementation: str, take: TakeCall) -> Callable[..., Any]:
    """What the module does instead of its own forward."""
    forward = module.forward
    if seam.inner is None:
        return _call(module, seam, stack, implementation, take)

    def with_inner(*arguments: Any, **keywords: Any) -> Any:
        inner = getattr(module, seam.inner)
        with _forward(inner, _call(inner, seam, stack, implementation, take)):
            return forward(*arguments, **keywords)

    return with_inner


def _call(module: Any, seam: Seam, stack: Stack, implementation: str, take: TakeCall) -> Callable[..., tuple[Any, ...]]:
    forward = module.forward
    signature = inspect.signature(forward)

    def called(*arguments: Any, **keywords: Any) -> tuple[Any, ...]:
        given = signature.bind(*arguments, **keywords)
        given.apply_defaults()
        _refuse_a_batch(given.arguments["hidden_states"])
        if "output_attentions" in given.arguments:
            given.arguments["output_attentions"] = True
        call = Call(module=module, arguments=given.arguments, run=lambda: forward(*given.args, **given.kwargs), implementation=implementation)
        seam.prepare(call)
        return _without_weights(take(seam, stack, call))

    return called


def _refuse_a_batch(hidden: torch.Tensor) -> None:
    if len(hidden) != 1:
        raise ModelError(f"Attention is read of one text at a time, not of a batch of {len(hidden)}.")


def _without_weights(output: tuple[Any, ...]) -> tuple[Any, ...]:
    """The module's output with empty arrays in place of the weights: the model's class goes on to collect and cut them."""
    hidden, *rest = output
    return (hidden, *(part.new_empty((0, 0, 0, 0)) if isinstance(part, torch.Tensor) else part for part in rest))


@contextmanager
def _forward(module: Any, forward: Callable[..., Any]) -> Iterator[None]:
    """Inside the block the module's forward is another one; what was set on the module itself before is set again afterwards."""
    before = module.__dict__.get("forward")
    module.forward = forward
    try:
        yield
    finally:
        if before is None:
            del module.forward
        else:
            module.forward = before

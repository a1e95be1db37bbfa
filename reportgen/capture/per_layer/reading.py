"""A forward pass during which every layer's attention is handed on whole, one layer after the other, and dropped."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from reportgen.capture.per_layer.families import PER_LAYER, Seam
from reportgen.capture.per_layer.whole_layer import Call, Seen, Stack, WholeLayer
from reportgen.capture.streaming import attention_implementation
from reportgen.errors import ModelError

Take = Callable[[WholeLayer], None]


@contextmanager
def whole_layers(model: Any, take: Take) -> Iterator[None]:
    """Inside the block, one forward pass of the model calls `take` with each layer's attention, in the order the model computes them.

    The model gives what it always gives, in evaluation mode and without gradients; where it was asked to return attention weights too, each layer's
    are an empty array. Padding that the model's class adds to fill its blocks is cut away, as is any other at the end. Afterwards, also after an
    error, the model is as before. Memory: beyond the pass itself, one layer's weights, heads x queries x keys.
    Raises `ModelError` for other models, for more than one text or pass, and for a text with padding.
    """
    seams = PER_LAYER.get(model.config.model_type)
    if seams is None:
        raise ModelError(f"{type(model).__name__} ({model.config.model_type}) is not read one layer at a time.")
    reading = _Reading(model=model, take=take, implementation=model.config._attn_implementation)
    with attention_types_kept(model), ExitStack() as patches:
        for seam in seams:
            for module in reading.modules_of(seam):
                patches.enter_context(_forward(module, reading.forward_of(module, seam)))
        if not reading.expected:
            raise ModelError(f"{type(model).__name__} has none of the attention that its model type {model.config.model_type} is known for.")
        with attention_implementation(model, "eager"), torch.no_grad():
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


@dataclass(kw_only=True, eq=False)
class _Reading:
    """One pass: how many layers of each stack there are and were read."""

    model: Any
    take: Take
    implementation: str
    expected: Counter[Stack] = field(default_factory=Counter)
    read: Counter[Stack] = field(default_factory=Counter)

    def modules_of(self, seam: Seam) -> list[Any]:
        modules = seam.modules(self.model)
        if modules:
            self.expected[seam.stack_in(self.model.config)] += len(modules)
        return modules

    def forward_of(self, module: Any, seam: Seam) -> Callable[..., Any]:
        """What the module does instead of its own forward: the same, and one layer is handed on."""
        forward, stack = module.forward, seam.stack_in(self.model.config)
        if seam.inner is None:
            return self._reading_forward(module, seam, stack)

        def with_inner(*arguments: Any, **keywords: Any) -> Any:
            inner = getattr(module, seam.inner)
            with _forward(inner, self._reading_forward(inner, seam, stack)):
                return forward(*arguments, **keywords)

        return with_inner

    def _reading_forward(self, module: Any, seam: Seam, stack: Stack) -> Callable[..., tuple[Any, ...]]:
        forward = module.forward
        signature = inspect.signature(forward)

        def read(*arguments: Any, **keywords: Any) -> tuple[Any, ...]:
            given = signature.bind(*arguments, **keywords)
            given.apply_defaults()
            _refuse_a_batch(given.arguments["hidden_states"])
            if "output_attentions" in given.arguments:
                given.arguments["output_attentions"] = True
            call = Call(module=module, arguments=given.arguments, run=lambda: forward(*given.args, **given.kwargs), implementation=self.implementation)
            output, seen = seam.layout(call)
            self._hand_on(stack, seen)
            return _without_weights(output)

        return read

    def _hand_on(self, stack: Stack, seen: Seen) -> None:
        layer = self.read[stack]
        self._refuse_what_cannot_be_meant(stack, layer, seen)
        self.read[stack] += 1
        self.take(WholeLayer(stack=stack, layer=layer, weights=seen.weights, visible=seen.visible, global_tokens=seen.global_tokens))

    def _refuse_what_cannot_be_meant(self, stack: Stack, layer: int, seen: Seen) -> None:
        if layer >= self.expected[stack]:
            raise ModelError(f"A second pass through the model's {stack} began while its attention was read; only one can be.")
        if stack != "cross" and seen.visible.shape[0] != seen.visible.shape[1]:
            raise ModelError("Attention is read of a whole text, without a cache of tokens before it.")
        if not bool(seen.visible.any(0).all() and seen.visible.any(1).all()):
            raise ModelError("The model's mask hides some tokens from all others; attention is read of one text without padding.")
        if not bool(torch.isfinite(seen.weights.sum())):
            raise ModelError(f"Layer {layer} of the model's {stack} gives weights that are not finite on this text; nothing was measured.")


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

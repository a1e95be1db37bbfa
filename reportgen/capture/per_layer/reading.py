"""A forward pass during which every layer's attention is handed on whole, one layer after the other, and dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from reportgen.capture.per_layer.calls import calls_of_attention
from reportgen.capture.per_layer.families import Seam, seams_of
from reportgen.capture.per_layer.whole_layer import Call, Seen, Stack, WholeLayer
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
    reading = _Reading(model=model, take=take)
    with calls_of_attention(model, reading.read_call), torch.no_grad():
        yield


@dataclass(kw_only=True, eq=False)
class _Reading:
    """One pass: how many layers of each stack there are and were read."""

    model: Any
    take: Take
    expected: Counter[Stack] = field(default_factory=Counter)
    read: Counter[Stack] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        for seam in seams_of(self.model):
            self.expected[seam.stack_in(self.model.config)] += len(seam.modules(self.model))

    def read_call(self, seam: Seam, stack: Stack, call: Call) -> tuple[Any, ...]:
        """Make a call of attention; one layer is handed on."""
        output, seen = seam.layout(call)
        layer = self.read[stack]
        self._refuse_what_cannot_be_meant(stack, layer, seen)
        self.read[stack] += 1
        self.take(WholeLayer(stack=stack, layer=layer, weights=seen.weights, visible=seen.visible, global_tokens=seen.global_tokens))
        return output

    def _refuse_what_cannot_be_meant(self, stack: Stack, layer: int, seen: Seen) -> None:
        if layer >= self.expected[stack]:
            raise ModelError(f"A second pass through the model's {stack} began while its attention was read; only one can be.")
        if stack != "cross" and seen.visible.shape[0] != seen.visible.shape[1]:
            raise ModelError("Attention is read of a whole text, without a cache of tokens before it.")
        if not bool(seen.visible.any(0).all() and seen.visible.any(1).all()):
            raise ModelError("The model's mask hides some tokens from all others; attention is read of one text without padding.")
        if not bool(torch.isfinite(seen.weights.sum())):
            raise ModelError(f"Layer {layer} of the model's {stack} gives weights that are not finite on this text; nothing was measured.")

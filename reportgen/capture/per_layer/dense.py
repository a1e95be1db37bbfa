"""Layouts whose modules return all weights, queries by keys: BLOOM, Falcon, DeBERTa, LED's decoder, BigBird on short texts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Bool, Float

from reportgen.capture.per_layer.whole_layer import Call, Placing, Seen
from reportgen.errors import ModelError


def read_dense(call: Call) -> tuple[tuple[Any, ...], Seen]:
    """The weights that the module returns beside its output, and the pairs that its mask allows."""
    output = call.run()
    weights = output[1]
    if not isinstance(weights, torch.Tensor) or weights.ndim != 4:
        raise ModelError(f"{type(call.module).__name__} does not return its attention weights, so they cannot be read.")
    return output, Seen(weights=weights[0].float(), visible=_allowed(call.arguments["attention_mask"], weights[0]))


@contextmanager
def place_dense(call: Call) -> Iterator[Placing]:
    """One softmax of all pairs."""
    yield Placing(place=lambda parts: parts[0].flatten(0, -3))


def refuse_mixed_heads(call: Call) -> None:
    """DeBERTa: dense, unless heads are mixed after softmax, which leaves no weights of a single head."""
    if getattr(call.module, "head_weights_proj", None) is not None:
        raise ModelError("The model mixes its heads after softmax (talking heads); what it returns are not attention weights.")
    call.arguments["attention_mask"] = call.arguments["attention_mask"].bool()  # as the module does itself: 1 where one may look


def bias_as_fused(call: Call) -> None:
    """Falcon: dense, with the position bias that the model's own implementation uses.

    The mask that reaches the layer holds the bias already, and the layer's explicit softmax adds it once more, which the fused one does not.
    """
    if call.implementation == "sdpa" and call.arguments["alibi"] is not None:
        call.arguments["alibi"] = torch.zeros_like(call.arguments["alibi"])


def _allowed(mask: torch.Tensor | None, weights: Float[torch.Tensor, "head query key"]) -> Bool[torch.Tensor, "query key"]:
    """The pairs that a mask, true where one may look or added to the scores, leaves open in some head."""
    queries, keys = weights.shape[1:]
    if mask is None:
        return weights.new_ones((queries, keys), dtype=torch.bool)
    is_open = mask if mask.dtype == torch.bool else mask > torch.finfo(mask.dtype).min / 2
    return is_open.expand(1, -1, queries, keys)[0].any(0)

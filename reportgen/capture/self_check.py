"""Proof, before anything is measured, that what is read really is the model's attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Int

from reportgen.capture.block import Block
from reportgen.capture.feeding import Feed, Shapes
from reportgen.capture.layout import Stack
from reportgen.capture.per_layer import WholeLayer, attention_types_kept, reads_per_layer, whole_layers
from reportgen.capture.streaming import StackPass, StreamingPass, attention_implementation, streaming
from reportgen.errors import ModelError
from reportgen.models.softmax_attention import attention_layers

TOKENS = 48
ROWS_AT_MOST = 20  # several blocks even on a short text
TOLERANCES = {torch.float32: 1e-4, torch.float64: 1e-4}
COARSE = 3e-2  # of half-precision models, whose own eager attention rounds the weights
ATTENTIONS = {"encoder": "encoder_attentions", "decoder": "decoder_attentions", "cross": "cross_attentions"}
OUTPUTS = ("logits", "start_logits", "end_logits", "last_hidden_state")


def check_model(model: Any, given: Feed) -> Shapes:
    """How many layers with attention and how many heads each stack of the model has.

    Raises `ModelError`, with the figures, when the streamed weights or outputs on the first tokens differ from those of the model's own eager attention.
    """
    short = given.head(TOKENS)
    if reads_per_layer(model.config):
        return _check_layer_by_layer(model, short)
    with attention_implementation(model, "eager"), torch.no_grad():
        eager = model(**short.keywords(model), output_attentions=True)
    own = eager_weights(model, eager)
    shapes = {name: (len(layers), layers[0].shape[0]) for name, layers in own.items()}
    collected = {name: WholeWeights(stack) for name, stack in short.stacks(shapes).items()}
    passes = {name: StackPass(stack=weights.stack, reducers=[weights], rows_at_most=ROWS_AT_MOST) for name, weights in collected.items()}
    with streaming(model, StreamingPass(stacks=passes)):
        streamed = model(**short.keywords(model))
    differing = max(float((collected[name].weights - torch.stack(list(layers)).float().cpu()).abs().max()) for name, layers in own.items())
    _compare(model, differing, outputs_differ(streamed, eager), short)
    return shapes


def _check_layer_by_layer(model: Any, short: Feed) -> Shapes:
    """The same where the weights are the model's own, read one layer at a time: each row sums to 1, and reading changes no output."""
    heads: dict[str, list[int]] = {}
    rows: list[float] = []

    def take(layer: WholeLayer) -> None:
        heads.setdefault(layer.stack, []).append(len(layer.weights))
        rows.append(float((layer.weights.float().sum(2) - 1).abs().max()))

    with whole_layers(model, take):
        read = model(**short.keywords(model))
    with attention_types_kept(model), torch.no_grad():
        plain = model(**short.keywords(model))
    _compare(model, max(rows), outputs_differ(read, plain), short)
    return {stack: (len(found), found[0]) for stack, found in heads.items()}


def _compare(model: Any, weights: float, outputs: float, short: Feed) -> None:
    allowed = TOLERANCES.get(model.dtype, COARSE)
    if not (weights <= allowed and outputs <= allowed):
        raise ModelError(
            f"{type(model).__name__} failed its self-check: on {short.source.tokens} tokens attention weights differ by {weights:.2g} and outputs by {outputs:.2g} "
            f"(relative) from the model's own eager attention; {allowed:.0e} is allowed. Its attention is not of a form that reportgen reads exactly."
        )


def eager_weights(model: Any, output: Any) -> Mapping[str, Sequence[torch.Tensor]]:
    """By stack, the attention weights that the model itself returned: one head x query x key array for each layer that has attention."""
    found = {name: getattr(output, key, None) for name, key in ATTENTIONS.items()}
    if not any(found.values()):
        layers = _with_attention(model, getattr(output, "attentions", None) or ())
        found = {_stack_of(layers): layers}
    elif attention_layers(model) is not None:
        raise ModelError(f"{type(model).__name__} has several stacks, and attention in some layers of one only; which layers are measured cannot be told.")
    kept = {name: [layer[0] for layer in layers if layer is not None] for name, layers in found.items() if layers}
    if not all(kept.values()) or not kept or any(len({layer.shape for layer in layers}) > 1 for layers in kept.values()):
        raise ModelError(
            f"{type(model).__name__} does not return its attention, layer by layer with as many heads each, so what is measured cannot be checked."
        )
    return kept


def _with_attention(model: Any, returned: Sequence[torch.Tensor | None]) -> list[torch.Tensor]:
    """What a model of one stack returned of the layers that have attention; MiniMax returns the states of its linear layers among them."""
    some = attention_layers(model)
    if some is not None and len(returned) == some.of:
        returned = [returned[layer] for layer in some.layers]
    found = [layer for layer in returned if layer is not None]
    if found and some is not None and len(found) != len(some.layers):
        raise ModelError(f"{type(model).__name__} returns attention of {len(found)} layers, but {len(some.layers)} of its {some.of} layers have it.")
    return found


def _stack_of(layers: Sequence[torch.Tensor]) -> str:
    """A decoder looks back only."""
    return "encoder" if any(bool((layer[0].triu(1) > 0).any()) for layer in layers) else "decoder"


def outputs_differ(one: Any, other: Any) -> float:
    """The greatest difference between two outputs of a model, relative to the greatest value where that is over 1."""
    pairs = [(getattr(one, name), getattr(other, name)) for name in OUTPUTS if getattr(one, name, None) is not None]
    return max(float((a - b).abs().max() / b.abs().max().clamp(min=1.0)) for a, b in pairs)


class WholeWeights:
    """A reducer that keeps everything, layer x head x query x key: for texts of a few tokens only."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.weights = torch.zeros(stack.layers, stack.heads, stack.queries.tokens, stack.keys.tokens)

    @staticmethod
    def rows_taken(stack: Stack) -> Int[np.ndarray, " row"]:
        """All of them."""
        return np.arange(stack.queries.tokens)

    def add(self, block: Block) -> None:
        self.weights[block.layer, :, block.rows, block.keys] = torch.from_numpy(block.whole_rows[self])

    def arrays(self) -> dict[str, np.ndarray]:
        return {}

"""Proof, before anything is measured, that what is read really is the model's attention."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from jaxtyping import Int

from reportgen.capture.block import Block
from reportgen.capture.feeding import Feed, Shapes
from reportgen.capture.layout import Stack
from reportgen.capture.per_layer import WholeLayer, attention_types_kept, reads_per_layer, whole_layers
from reportgen.capture.streaming import StackPass, StreamingPass, attention_implementation, streaming
from reportgen.errors import ModelError, ReportgenError
from reportgen.models import LanguageModel
from reportgen.models.softmax_attention import attention_layers

TOKENS = 48
ROWS_AT_MOST = 20  # several blocks even on a short text
TOLERANCES = {torch.float32: 1e-4, torch.float64: 1e-4}
COARSE = 3e-2  # of half-precision models, whose own eager attention rounds the weights
ATTENTIONS = {"encoder": "encoder_attentions", "decoder": "decoder_attentions", "cross": "cross_attentions"}
DIMENSIONS = 4  # of one layer's attention: batch, head, query, key
OUTPUTS = ("logits", "start_logits", "end_logits", "last_hidden_state")


def checked_shapes(language_model: LanguageModel, given: Feed) -> Shapes:
    """What `check_model` says of the model. Raises `ModelError`, beside its own, for a causal language model whose attention looks ahead."""
    shapes = check_model(language_model.model, given)
    if language_model.kind == "causal" and "decoder" not in shapes:
        name, family = language_model.name, language_model.family
        raise ModelError(f"{name} ({family}) has a next-token head, but its attention looks ahead, at the tokens that it predicts; nothing was measured.")
    return shapes


def check_model(model: Any, given: Feed) -> Shapes:
    """How many layers with attention and how many heads each stack of the model has.

    Raises `ModelError`, with the figures, when the streamed weights or outputs on the first tokens differ from those of the model's own eager attention.
    """
    short = given.head(TOKENS)
    return _check_layer_by_layer(model, short) if reads_per_layer(model.config) else _check_streamed(model, short)


def _check_streamed(model: Any, short: Feed) -> Shapes:
    itself = _failing_as(f"{type(model).__name__} itself fails on the text's first {short.source.tokens} tokens, with its own attention")
    with itself, attention_implementation(model, "eager"), torch.no_grad():
        eager = model(**short.keywords(model), output_attentions=True)
    own = eager_weights(model, eager)
    if not any(getattr(eager, name, None) is not None for name in OUTPUTS):
        raise ModelError(f"{type(model).__name__} gives none of {', '.join(OUTPUTS)}, so what is measured cannot be checked.")
    shapes = {name: (len(layers), layers[0].shape[0]) for name, layers in own.items()}
    collected = {name: WholeWeights(stack) for name, stack in short.stacks(shapes).items()}
    passes = {name: StackPass(stack=weights.stack, reducers=[weights], rows_at_most=ROWS_AT_MOST) for name, weights in collected.items()}
    with _failing_as(f"{type(model).__name__}'s attention is not of a form that reportgen reads: a pass that reads it fails"):
        with streaming(model, StreamingPass(stacks=passes)):
            streamed = model(**short.keywords(model))
        weights = max(float((collected[name].weights - torch.stack(list(layers)).float().cpu()).abs().max()) for name, layers in own.items())
        outputs = outputs_differ(streamed, eager)
    _compare(model, weights, outputs, short)
    return shapes


@contextmanager
def _failing_as(what: str) -> Iterator[None]:
    """Errors of the model's own code inside the block become a `ModelError` that begins with `what`; those of reportgen, and too little memory, stay what they are."""
    try:
        yield
    except (ReportgenError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        told = " ".join(str(error).split("\n", 1)[0].split()).rstrip(".")
        raise ModelError(f"{what}: {type(error).__name__}{f' ({told})' if told else ''}.") from error


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
    returned = {name: [layer for layer in layers if layer is not None] for name, layers in found.items() if layers}
    if not returned or not all(all(map(_is_of_pairs, layers)) and len({layer.shape for layer in layers}) == 1 for layers in returned.values()):
        raise ModelError(
            f"{type(model).__name__} does not return its attention, layer by layer with as many heads each, so what is measured cannot be checked."
        )
    return {name: [layer[0] for layer in layers] for name, layers in returned.items()}


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
    return "encoder" if any(bool((layer[0].triu(1) > 0).any()) for layer in layers if _is_of_pairs(layer)) else "decoder"


def _is_of_pairs(layer: Any) -> bool:
    """Whether it has a weight of each pair of tokens, by head; models with attention in blocks return other things."""
    return isinstance(layer, torch.Tensor) and layer.dim() == DIMENSIONS


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

"""Gradients of a target with respect to the source's embeddings and to the attention weights."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from reportgen.capture.backward import BackwardNumbers, BackwardPass, StackNumbers, measure_backward
from reportgen.capture.block import CELLS_AT_MOST
from reportgen.capture.feeding import Feed, Shapes, stack_namer
from reportgen.capture.layout import TextLayout
from reportgen.capture.per_layer import reads_per_layer, weighed_layers
from reportgen.capture.targets import Target

Report = Callable[[str, float], None]
STAGE = "backward pass"
MANY = 0.01  # derivatives that vanish are worth a notice above this share


@dataclass(frozen=True, kw_only=True)
class Gradients:
    """The target's value; by sentence of the source the gradient's absolute sum and input times gradient; what the attention weights of each stack do.

    `vanished` is the share of the derivatives by the embeddings that are exactly 0, of tokens up to the last that has any other, in a model of
    float16; 0 in others.
    """

    value: float
    gradient: Float[np.ndarray, " sentence"]
    input_x_gradient: Float[np.ndarray, " sentence"]
    stacks: dict[str, StackNumbers]
    vanished: float = 0.0

    @property
    def notices(self) -> tuple[str, ...]:
        """What half precision lost."""
        if self.vanished <= MANY:
            return ()
        return (
            f"The backward pass ran in float16, which holds no number under 6e-8: {self.vanished:.0%} of the target's derivatives by the embeddings came out as 0. "
            "What is measured by gradients is too small by what was lost (--dtype bfloat16 or float32 loses nothing of the kind).",
        )

    def importance(self, shapes: Shapes) -> dict[str, Float[np.ndarray, "layer head"]]:
        """What each head is for the target, by stack, in the order of `shapes`."""
        return {stack: self.stacks[stack].importance for stack in shapes}

    def arrays(self) -> dict[str, np.ndarray]:
        """Named as the contract names them. What falls on the source's sentences is summed over the stacks whose keys they are."""
        found = {"attribution.gradient": self.gradient, "attribution.input_x_gradient": self.input_x_gradient}
        for stack, numbers in self.stacks.items():
            found |= {f"{stack}.{name}": getattr(numbers, name) for name in ("importance", "importance_abs", "attention_x_gradient")}
            if numbers.relevance is not None:
                found["attribution.relevance"] = numbers.relevance
        looked_at = [numbers.attention_x_gradient for stack, numbers in self.stacks.items() if stack != "decoder" or "cross" not in self.stacks]
        if looked_at:
            found["attribution.attention_x_gradient"] = sum(pairs.sum((0, 1), dtype=np.float64) for pairs in looked_at).astype(np.float32)
        return found


def measure_gradients(model: Any, given: Feed, target: Target, report: Report, cells_at_most: int = CELLS_AT_MOST) -> Gradients:
    """All that one forward and one backward pass give.

    Layers are recomputed in the backward pass, so memory is that of a forward pass, one layer's activations and a few blocks. Models that are read one
    layer at a time go through their own explicit softmax: there one layer's weights and their derivatives are held. Raises `ModelError` when the gradient is not finite.
    """
    report(STAGE, 0.0)
    embeddings = embedded(model, given.source)
    found = differentiate(model, given, target, embeddings, lambda share: report(STAGE, share), cells_at_most)
    report(STAGE, 1.0)
    gradient = found.gradient.cpu().double()
    return Gradients(
        value=found.value,
        gradient=by_sentence(gradient.abs().sum(1).numpy(), given.source),
        input_x_gradient=by_sentence(times_gradient(embeddings, gradient), given.source),
        stacks=found.stacks,
        vanished=_vanished(gradient) if found.gradient.dtype == torch.float16 else 0.0,
    )


def _vanished(gradient: Float[torch.Tensor, "token dim"]) -> float:
    """The share of zeros, up to the last token that has any other derivative: what comes after it, a causal target does not read."""
    reached = torch.nonzero(gradient.any(1))
    return float((gradient[: int(reached[-1]) + 1] == 0).double().mean()) if len(reached) else 1.0


def embedded(model: Any, source: TextLayout) -> Float[torch.Tensor, "1 token dim"]:
    """The source's embeddings, as the model's layer for them gives them."""
    ids = torch.from_numpy(source.ids.astype(np.int64))[None].to(model.device)
    with torch.no_grad():
        return model.get_input_embeddings()(ids)


def differentiate(
    model: Any,
    given: Feed,
    target: Target,
    embeddings: Float[torch.Tensor, "1 token dim"],
    progress: Callable[[float], None] = lambda share: None,
    cells_at_most: int = CELLS_AT_MOST,
) -> BackwardNumbers:
    """The target's value where the source has these embeddings, its gradient with respect to them, and what the attention weights of each stack do.

    Raises `ModelError` when the gradient is not finite.
    """
    keywords = given.keywords(model) | last_logits(model, given, target)
    del keywords["input_ids"]

    def value_of(inputs: torch.Tensor) -> torch.Tensor:
        return target.read(model(inputs_embeds=inputs, **keywords))

    texts = {"encoder": given.source, "decoder": given.target or given.source}
    backward_pass = BackwardPass(layouts=texts, stack_of=stack_namer(model), progress=progress, cells_at_most=cells_at_most)
    return measure_backward(model, embeddings, value_of, backward_pass, through=weighed_layers if reads_per_layer(model.config) else None)


def last_logits(model: Any, given: Feed, target: Target) -> dict[str, int]:
    """Where the model can leave out logits that the target does not read, how many of the last it keeps."""
    if "logits_to_keep" not in inspect.signature(model.forward).parameters:
        return {}
    return {"logits_to_keep": (given.target or given.source).tokens - int(target.rows[0])}


def times_gradient(inputs: Float[torch.Tensor, "1 token dim"], gradient: Float[torch.Tensor, "token dim"]) -> Float[np.ndarray, " token"]:
    """The product of each token's input and gradient, summed over dimensions."""
    return (gradient.cpu().double() * inputs.detach()[0].cpu().double()).sum(1).numpy()


def by_sentence(values: Float[np.ndarray, " token"], source: TextLayout) -> Float[np.ndarray, " sentence"]:
    """The sum over the tokens of each sentence."""
    members = source.sentence_of_token
    return np.bincount(members[members >= 0], weights=values[members >= 0], minlength=source.sentences).astype(np.float32)

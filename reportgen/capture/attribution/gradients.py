"""Gradients of a target with respect to the source's embeddings and to the attention weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from reportgen.capture.backward import BackwardNumbers, BackwardPass, StackNumbers, measure_backward
from reportgen.capture.block import CELLS_AT_MOST
from reportgen.capture.embedding import embedded, embeddings_placed
from reportgen.capture.feeding import Feed, Shapes, leaves_out_logits, stack_namer
from reportgen.capture.layout import TextLayout
from reportgen.capture.per_layer import reads_per_layer, weighed_layers
from reportgen.capture.targets import Target

Report = Callable[[str, float], None]
STAGE = "backward pass"
BY_TOKEN = ("gradient", "gradient_norm", "input_x_gradient")
MANY = 0.01  # derivatives that vanish are worth a notice above this share


@dataclass(frozen=True, kw_only=True)
class Gradients:
    """The target's value; by token of the source the gradient's absolute sum, its l2 norm, and input times gradient; what the attention weights of each stack do.

    `vanished` is the share of the derivatives by the embeddings that are exactly 0, of tokens up to the last that has any other, in a model of
    float16; 0 in others. `besides` are layers in which the model looked the same tokens up as well.
    """

    value: float
    source: TextLayout
    token_gradient: Float[np.ndarray, " token"]
    token_gradient_norm: Float[np.ndarray, " token"]
    token_input_x_gradient: Float[np.ndarray, " token"]
    stacks: dict[str, StackNumbers]
    vanished: float = 0.0
    besides: tuple[str, ...] = ()

    @property
    def gradient(self) -> Float[np.ndarray, " sentence"]:
        """The gradient's absolute sum, over the tokens of each sentence."""
        return self.source.summed_by_sentence(self.token_gradient)

    @property
    def gradient_norm(self) -> Float[np.ndarray, " sentence"]:
        """The gradient's l2 norm, over the tokens of each sentence."""
        return self.source.summed_by_sentence(self.token_gradient_norm)

    @property
    def input_x_gradient(self) -> Float[np.ndarray, " sentence"]:
        """Input times gradient, over the tokens of each sentence."""
        return self.source.summed_by_sentence(self.token_input_x_gradient)

    @property
    def notices(self) -> tuple[str, ...]:
        """What half precision lost, and what gradients by embeddings do not reach."""
        return (*self._lost, *self._not_reached)

    @property
    def _not_reached(self) -> tuple[str, ...]:
        if not self.besides:
            return ()
        names = ", ".join(self.besides)
        return (
            f"The model looks its tokens up in a second table too ({names}); what comes that way is not in gradients by embeddings, which hold it as it is.",
        )

    @property
    def _lost(self) -> tuple[str, ...]:
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
        """Named as the contract names them. What falls on the source is summed over the stacks whose keys it is."""
        found: dict[str, np.ndarray] = {f"attribution.{name}": getattr(self, name) for name in BY_TOKEN}
        found |= {f"attribution.token_{name}": getattr(self, f"token_{name}").astype(np.float32) for name in BY_TOKEN}
        for stack, numbers in self.stacks.items():
            found |= {f"{stack}.{name}": getattr(numbers, name) for name in ("importance", "importance_abs", "attention_x_gradient")}
            if numbers.relevance is not None:
                found |= {"attribution.relevance": numbers.relevance, "attribution.token_relevance": numbers.token_relevance}
        looked_at = [numbers for stack, numbers in self.stacks.items() if stack != "decoder" or "cross" not in self.stacks]
        if looked_at:
            by_sentence = sum(numbers.attention_x_gradient.sum((0, 1), dtype=np.float64) for numbers in looked_at)
            by_token = sum(numbers.token_attention_x_gradient.astype(np.float64) for numbers in looked_at)
            found |= {"attribution.attention_x_gradient": by_sentence.astype(np.float32), "attribution.token_attention_x_gradient": by_token.astype(np.float32)}
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
        source=given.source,
        token_gradient=gradient.abs().sum(1).numpy(),
        token_gradient_norm=gradient.norm(dim=1).numpy(),
        token_input_x_gradient=times_gradient(embeddings, gradient),
        stacks=found.stacks,
        besides=found.besides,
        vanished=_vanished(gradient) if found.gradient.dtype == torch.float16 else 0.0,
    )


def _vanished(gradient: Float[torch.Tensor, "token dim"]) -> float:
    """The share of zeros, up to the last token that has any other derivative: what comes after it, a causal target does not read."""
    reached = torch.nonzero(gradient.any(1))
    return float((gradient[: int(reached[-1]) + 1] == 0).double().mean()) if len(reached) else 1.0


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
    keywords, besides = given.keywords(model) | last_logits(model, given, target), []

    def value_of(inputs: torch.Tensor) -> torch.Tensor:
        nonlocal besides
        with embeddings_placed(model, given.source, inputs) as besides:
            return target.read(model(**keywords))

    texts = {"encoder": given.source, "decoder": given.target or given.source}
    backward_pass = BackwardPass(layouts=texts, stack_of=stack_namer(model), progress=progress, cells_at_most=cells_at_most)
    found = measure_backward(model, embeddings, value_of, backward_pass, through=weighed_layers if reads_per_layer(model.config) else None)
    return replace(found, besides=tuple(dict.fromkeys(besides)))


def last_logits(model: Any, given: Feed, target: Target) -> dict[str, int]:
    """Where the model can leave out logits that the target does not read, how many of the last it keeps."""
    if not leaves_out_logits(model):
        return {}
    return {"logits_to_keep": (given.target or given.source).tokens - int(target.rows[0])}


def times_gradient(inputs: Float[torch.Tensor, "1 token dim"], gradient: Float[torch.Tensor, "token dim"]) -> Float[np.ndarray, " token"]:
    """The product of each token's input and gradient, summed over dimensions."""
    return (gradient.cpu().double() * inputs.detach()[0].cpu().double()).sum(1).numpy()

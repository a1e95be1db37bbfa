"""What the model's output really depends on: gradients of the target with respect to the input embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from reportgen.capture.forward import Report
from reportgen.capture.recomputing import recomputed_layers
from reportgen.capture.streaming import attention_implementation
from reportgen.errors import ModelError
from reportgen.tokens import TokenisedText


@dataclass(frozen=True, kw_only=True)
class Target:
    """A span of tokens whose negative log-likelihood, summed, is explained; `rows` are the positions that predict them."""

    sentence: int
    tokens: Int[np.ndarray, " target"]

    @property
    def rows(self) -> Int[np.ndarray, " target"]:
        """The positions whose logits the target reads."""
        return self.tokens - 1

    @property
    def description(self) -> str:
        """The target in words; sentences are counted from 1, as on the page."""
        return f"negative log-likelihood of sentence {self.sentence + 1} ({len(self.tokens)} tokens), given all before it"


@dataclass(frozen=True, kw_only=True)
class Gradients:
    """The target's value in nats, and by sentence the gradient's absolute sum and input times gradient."""

    loss: float
    gradient: Float[np.ndarray, " sentence"]
    input_x_gradient: Float[np.ndarray, " sentence"]


def last_sentence(tokenised: TokenisedText) -> Target:
    """The default target: the last sentence given all before it."""
    sentence = len(tokenised.sentences) - 1
    return Target(sentence=sentence, tokens=np.flatnonzero(tokenised.sentence_of_token == sentence))


def measure_gradients(model: Any, tokenised: TokenisedText, target: Target, report: Report) -> Gradients:
    """`attribution.gradient` and `attribution.input_x_gradient` by one forward and one backward pass.

    Layers are recomputed in the backward pass, so memory is that of a forward pass and one layer's activations.
    """
    report("forward pass for the gradient", 0.0)
    ids = torch.from_numpy(tokenised.ids.astype(np.int64))[None].to(model.device)
    embeddings = model.get_input_embeddings()(ids).detach().requires_grad_(True)
    with attention_implementation(model, "sdpa" if model._supports_sdpa else "eager"), recomputed_layers(model), torch.enable_grad():
        loss = _negative_log_likelihood(model, embeddings, ids[0], target)
        report("backward pass for the gradient", 0.4)
        (gradient,) = torch.autograd.grad(loss, embeddings)
    if not bool(torch.isfinite(gradient).all()):
        raise ModelError("The gradient of the last sentence's likelihood is not finite; measure with --no-attribution.")
    report("backward pass for the gradient", 1.0)
    gradient, inputs = gradient[0].double().cpu(), embeddings.detach()[0].double().cpu()
    members = tokenised.sentence_of_token
    return Gradients(
        loss=float(loss.detach()),
        gradient=_by_sentence(gradient.abs().sum(1).numpy(), members),
        input_x_gradient=_by_sentence((gradient * inputs).sum(1).numpy(), members),
    )


def _negative_log_likelihood(model: Any, embeddings: torch.Tensor, ids: torch.Tensor, target: Target) -> torch.Tensor:
    rows, tokens = torch.from_numpy(target.rows), torch.from_numpy(target.tokens)
    kept = embeddings.shape[1] - int(rows[0])
    logits = model(inputs_embeds=embeddings, use_cache=False, logits_to_keep=kept).logits[0]
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return torch.nn.functional.cross_entropy(logits[rows - rows[0]], ids[tokens], reduction="sum")


def _by_sentence(values: Float[np.ndarray, " token"], members: Int[np.ndarray, " token"]) -> Float[np.ndarray, " sentence"]:
    inside = members >= 0
    return np.bincount(members[inside], weights=values[inside]).astype(np.float32)

"""Integrated gradients of a target along the straight path from a baseline, with as many steps as their sum needs to account for the change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float

from reportgen.capture.attribution.gradients import Report, differentiate, times_gradient
from reportgen.capture.attribution.steps import steps_of
from reportgen.capture.embedding import embedded, embedding_layers
from reportgen.capture.feeding import Feed
from reportgen.capture.layout import TextLayout
from reportgen.capture.targets import Target
from reportgen.models import LanguageModel

STEPS = (8, 16, 32, 64, 128)
USUAL = 3  # of these are made
ALLOWED = 0.05
ROLES = ("pad_token", "eos_token", "bos_token")
NAMES = {"mask_token": "mask", "pad_token": "padding", "eos_token": "end-of-text", "bos_token": "start-of-text"}


@dataclass(frozen=True, kw_only=True)
class IntegratedGradients:
    """By token and by sentence of the source; the baseline's name, the steps that were needed, and the completeness error, None where the target does not change at all."""

    by_token: Float[np.ndarray, " token"]
    values: Float[np.ndarray, " sentence"]
    baseline: str
    steps: int
    completeness_error: float | None

    @property
    def metadata(self) -> dict[str, Any]:
        """What the measurements file says of them."""
        error = self.completeness_error
        return {"baseline": self.baseline, "steps": self.steps, "completeness_error": None if error is None else round(error, 6)}

    @property
    def notices(self) -> list[str]:
        """What to say of a sum that does not account for the target's change."""
        if self.completeness_error is None:
            return ["Integrated gradients: the target has the same value at the baseline, so how complete they are cannot be told."]
        if self.completeness_error <= ALLOWED:
            return []
        return [f"Integrated gradients: with {self.steps} steps the completeness error is {self.completeness_error:.1%}, where {ALLOWED:.0%} was sought."]


def measure_integrated_gradients(language_model: LanguageModel, given: Feed, target: Target, value: float, report: Report) -> IntegratedGradients:
    """Sum over the tokens of each sentence and over dimensions of (x - x') times the mean gradient on the way from x' to x.

    x' is the baseline's embedding for every token of the source, those of the target's own sentence among them, which a causal model reads as inputs
    too; what the target is scored on and what a decoder reads beside its source stay as they are. Special tokens keep their embeddings. The mean is by
    Gauss-Legendre quadrature, with steps doubled until the completeness error, abs(sum over all tokens - (F(x) - F(x'))) / abs(F(x) - F(x')), is at
    most 5 %, or 128 are made. `value` is F(x). *Source:* Sundararajan et al. 2017. Cost: a forward and a backward pass for each step.
    """
    model = language_model.model
    name, start = _baseline(language_model)
    end = embedded(model, given.source)
    way = (end - start) * torch.from_numpy(moved_tokens(given.source))[None, :, None].to(end)
    change = value - differentiate(model, given, target, end - way).value
    for steps in STEPS:
        products = _products(model, given, target, (end, way), steps, report)
        error = abs(float(products.sum()) - change) / abs(change) if change else None
        if error is None or error <= ALLOWED:
            break
    values = given.source.summed_by_sentence(products)
    return IntegratedGradients(by_token=products.astype(np.float32), values=values, baseline=name, steps=steps, completeness_error=error)


def passes_planned() -> int:
    """About how many passes there and back `measure_integrated_gradients` makes, that of the baseline among them; how many it needs is not known before."""
    return 1 + sum(STEPS[:USUAL])


def moved_tokens(source: TextLayout) -> Bool[np.ndarray, " token"]:
    """All tokens but the special ones, which are the sinks that lie in no sentence."""
    moved = np.ones(source.tokens, bool)
    moved[source.sinks] = source.sentence_of_token[source.sinks] >= 0
    return moved


def _products(
    model: Any, given: Feed, target: Target, path: tuple[Float[torch.Tensor, "1 token dim"], Float[torch.Tensor, "1 token dim"]], steps: int, report: Report
) -> Float[np.ndarray, " token"]:
    """Of each token the product of its way and the mean gradient on it, by quadrature with this many steps."""
    end, way = path
    places, weights = np.polynomial.legendre.leggauss(steps)
    total = np.zeros(given.source.tokens)
    for step in steps_of(f"integrated gradients, {steps} steps", [1] * steps, report):
        left = (1 - float(places[step])) / 2
        total += weights[step] / 2 * times_gradient(way, differentiate(model, given, target, end - left * way).gradient)
    return total


def _baseline(language_model: LanguageModel) -> tuple[str, torch.Tensor]:
    """What the baseline is called and its embedding: of the mask token of a masked model, else of the first of the roles that the tokenizer has."""
    model, tokenizer = language_model.model, language_model.tokenizer
    embeddings = embedding_layers(model)[0]
    for role in ("mask_token", *ROLES) if language_model.kind == "masked" else ROLES:
        token = getattr(tokenizer, f"{role}_id", None)
        if token is not None and token < embeddings.weight.shape[0]:
            with torch.no_grad():
                return f"embedding of the {NAMES[role]} token {getattr(tokenizer, role, token)}", embeddings(torch.tensor([[token]], device=model.device))
    return "zero vector", torch.zeros(1, 1, 1, device=model.device, dtype=model.dtype)

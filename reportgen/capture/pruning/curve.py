"""The pruning curve: the target with more and more heads masked, in order of importance and in random order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from reportgen.capture.attribution.gradients import Report, last_logits
from reportgen.capture.attribution.steps import steps_of
from reportgen.capture.feeding import Feed, stack_namer
from reportgen.capture.per_layer import reads_per_layer
from reportgen.capture.pruning.masking import masked_heads
from reportgen.capture.pruning.stretch import end_of_text
from reportgen.capture.targets import Target
from reportgen.errors import ModelError
from reportgen.models import Kind, LanguageModel

SHARES = (0.0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
SEEDS = (0, 1)
TOKENS = 512
NOT_MASKED = "Not measured, because the model's attention is outside the library's interface, where no head can be masked exactly: pruning of heads."


@dataclass(frozen=True, kw_only=True, eq=False)
class Pruned:
    """The curve's arrays, how it was measured, and what to say of it; no arrays where it could not be."""

    arrays: Mapping[str, np.ndarray]
    settings: Mapping[str, Any] | None
    notices: tuple[str, ...] = ()

    def add_to(self, metadata: dict[str, Any]) -> None:
        """Say it in the metadata."""
        if self.settings is not None:
            metadata["pruning"] = dict(self.settings)
        metadata["notices"] += self.notices


def measure_pruning(
    language_model: LanguageModel, given: Feed, target: Target, importance: Mapping[str, Float[np.ndarray, "layer head"]], report: Report, tokens: int = TOKENS
) -> Pruned:
    """The target with 0, 5, 10, 20, 40 ... 100 % of all heads masked for real, those of least importance first, and in two random orders.

    Heads are ordered by importance over its l2 norm in the layer, equals as they are numbered. A causal model reads the sentences at the text's end alone
    that fit into `tokens` tokens; other models read all. *Source:* Michel et al. 2019, section 4.2; the length and the random orders are defined here.
    Cost: a forward pass for each step of each order, 20 with two that all share. Raises `ModelError` where the target is not finite.
    """
    if reads_per_layer(language_model.model.config):
        return Pruned(arrays={}, settings=None, notices=(NOT_MASKED,))
    read = end_of_text(given, target, tokens) if language_model.kind == "causal" else given
    order = masking_order(importance)
    counts = np.unique((np.array(SHARES) * len(order)).round().astype(np.int32))
    orders = [order, *(np.random.default_rng(seed).permutation(order) for seed in SEEDS)]
    passes = _MaskedPasses(model=language_model.model, given=given, read=read, target=target, heads={name: scores.shape for name, scores in importance.items()})
    losses = _losses(passes, orders, counts, report).astype(np.float32)
    arrays = {"pruning.order": order, "pruning.heads": counts, "pruning.loss": losses[0], "pruning.random_loss": losses[1:]}
    of, kept = given.source.tokens, read.source.tokens
    settings = {"tokens": kept, "of": of, "seeds": list(SEEDS), "passes": 2 + len(orders) * (len(counts) - 2), "unit": target.compared_unit}
    said = f"Pruning of heads: the target is read with the last {kept:,} of the {of:,} tokens alone; importance is that with all of them."
    return Pruned(arrays=arrays, settings=settings, notices=(said,) if kept < of else ())


def tokens_planned(kind: Kind, given: Feed, target: Target) -> int:
    """How many tokens `measure_pruning` runs where there are as many steps as shares."""
    read = end_of_text(given, target, TOKENS) if kind == "causal" else given
    return (2 + (1 + len(SEEDS)) * (len(SHARES) - 2)) * read.tokens


def masking_order(importance: Mapping[str, Float[np.ndarray, "layer head"]]) -> Int[np.ndarray, "rank 3"]:
    """Stack, layer and head of all heads, from the least important to the most."""
    places, scores = [], []
    for stack, values in enumerate(importance.values()):
        lengths = np.sqrt((values.astype(np.float64) ** 2).sum(1, keepdims=True))
        scores.append(np.divide(values, lengths, out=np.zeros(values.shape), where=lengths > 0).ravel())
        places.append(np.array([(stack, *place) for place in np.ndindex(values.shape)]))
    return np.concatenate(places)[np.argsort(np.concatenate(scores), kind="stable")].astype(np.int32)


@dataclass(frozen=True, kw_only=True, eq=False)
class _MaskedPasses:
    """Passes of what is `read`, the end of what is `given`; `heads` says how many layers and heads each stack has."""

    model: Any
    given: Feed
    read: Feed
    target: Target
    heads: Mapping[str, tuple[int, ...]]

    def value_without(self, heads: Int[np.ndarray, "masked 3"]) -> float:
        """The target's value with these heads masked. Its rows are counted from the end of the output, as the target reads it."""
        keywords = self.read.keywords(self.model) | last_logits(self.model, self.given, self.target)
        with masked_heads(self.model, self._masked(heads), stack_namer(self.model)):
            value = self.target.value_without(self.model(**keywords), np.zeros(self.read.source.tokens, bool))
        if not np.isfinite(value):
            raise ModelError(f"The target is not finite with {len(heads)} heads masked; measure with --attribution fast.")
        return value

    def _masked(self, heads: Int[np.ndarray, "masked 3"]) -> dict[str, Bool[np.ndarray, "layer head"]]:
        masked = {name: np.zeros(shape, bool) for name, shape in self.heads.items()}
        for stack, name in enumerate(masked):
            _, layers, places = heads[heads[:, 0] == stack].T
            masked[name][layers, places] = True
        return masked


def _losses(
    passes: _MaskedPasses, orders: Sequence[Int[np.ndarray, "rank 3"]], counts: Int[np.ndarray, " step"], report: Report
) -> Float[np.ndarray, "order step"]:
    """The target at each step of each order; with nothing or everything masked the orders are one."""
    losses = np.empty((len(orders), len(counts)))
    wanted = [(place, step) for step in range(len(counts)) for place in range(1 if step in (0, len(counts) - 1) else len(orders))]
    for index in steps_of(f"pruning of {len(orders[0])} heads", [1] * len(wanted), report):
        place, step = wanted[index]
        losses[slice(None) if step in (0, len(counts) - 1) else place, step] = passes.value_without(orders[place][: counts[step]])
    return losses

"""What attribution costs, told before it starts: plain forward passes over the document, and about how long they will take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from reportgen.capture.attribution.faithfulness import passes_planned
from reportgen.capture.attribution.pairs import ALL_ROWS, KINDS, SOME_ROWS
from reportgen.capture.attribution.steps import Report, about
from reportgen.capture.attribution.surrogate import FITTED, HELD_OUT
from reportgen.capture.feeding import Feed
from reportgen.capture.pruning.curve import SEEDS, SHARES, TOKENS
from reportgen.models import Kind

BACKWARD = 3  # a forward and a backward pass, layers recomputed
LINKS = 6
STEPS = 40  # of integrated gradients: 8 and 32, or fewer where the first are enough
MEASURING = 1.4  # the measuring forward pass over the plain one


@dataclass(frozen=True, kw_only=True)
class AttributionCost:
    """Plain passes by what they are for; `full` says whether many were asked for."""

    passes: Mapping[str, float]
    full: bool

    @property
    def total(self) -> float:
        return sum(self.passes.values())

    def said(self, forward_seconds: float) -> str:
        """How many passes and about how long, given how long the measuring forward pass took. No comma is in it, so that it is a stage of its own."""
        seconds = self.total * forward_seconds / MEASURING
        return f"{'full' if self.full else 'fast'} attribution takes {about(seconds)} (as {self.total:.0f} plain passes)"

    def say(self, forward_seconds: float, report: Report) -> None:
        """Say it where progress is told."""
        report(self.said(forward_seconds), 1.0)


def attribution_cost(kind: Kind, given: Feed, *, full: bool) -> AttributionCost:
    """Plain passes over this text: one backward pass, the links, the curves, and of the full attribution what is measured sentence by sentence."""
    causal, tokens = kind == "causal", given.source.tokens
    passes = {"backward": float(BACKWARD), "links": float(LINKS) if kind in KINDS else 0.0}
    passes["curves"] = passes_planned(tokens, full=full, causal=causal)
    if full:
        passes["integrated gradients"] = float(BACKWARD * STEPS)
        passes["ablation"] = _after_each_sentence(given) if causal else float(given.source.sentences)
        passes["surrogate"] = float(FITTED + HELD_OUT)
        passes["pairs"] = _pairs(given, causal=causal) if kind in KINDS else 0.0
        passes["pruning"] = (2 + (1 + len(SEEDS)) * (len(SHARES) - 2)) * (min(TOKENS, tokens) / tokens if causal else 1.0)
    return AttributionCost(passes=passes, full=full)


def _after_each_sentence(given: Feed) -> float:
    """Passes over what follows each sentence."""
    members = given.source.sentence_of_token
    last = np.array([np.flatnonzero(members == sentence)[-1] for sentence in range(given.source.sentences)])
    return float((given.source.tokens - 1 - last).sum() / given.source.tokens)


def _pairs(given: Feed, *, causal: bool) -> float:
    """A backward pass for each row; a causal model reads up to the row, half of the text on the mean."""
    sentences = (given.source if given.target is None else given.target).sentences
    return BACKWARD * (sentences if sentences <= ALL_ROWS else SOME_ROWS) * (0.5 if causal else 1.0)

"""What attribution costs, told before it starts: plain forward passes over the document, and about how long they will take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reportgen.capture.attribution import ablation, faithfulness, integrated, pairs, surrogate
from reportgen.capture.attribution.hiding import why_nothing_is_hidden
from reportgen.capture.attribution.steps import Report, about
from reportgen.capture.feeding import Feed
from reportgen.capture.knockout import document_links
from reportgen.capture.per_layer import reads_per_layer
from reportgen.capture.pruning import curve
from reportgen.capture.targets import Target
from reportgen.models import LanguageModel

BACKWARD = 3  # a forward and a backward pass, layers recomputed
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


def attribution_cost(
    language_model: LanguageModel, given: Feed, target: Target, *, full: bool, attention_alone: bool = True, first_sentence: int = 0
) -> AttributionCost:
    """Plain passes over this text: each part says how many tokens it is going to run, and a backward pass counts as three.

    Known before are the tokens, not how alike the methods' orders will be nor how many steps integrated gradients need. Parts that the model cannot have
    count nothing.
    """
    model, aimed = language_model.model, target.cut(given)
    own = [sentence - first_sentence for sentence in target.sentences]
    run = {"backward": BACKWARD * aimed.tokens + (aimed.tokens if target.reads_otherwise(given) else 0)}
    if not why_nothing_is_hidden(model, attention_alone=attention_alone):
        run |= _by_hiding(language_model, given, target, own, full=full)
    if full:
        run["integrated gradients"] = BACKWARD * integrated.passes_planned() * aimed.tokens
        run["pairs"] = BACKWARD * pairs.tokens_planned(language_model.kind, given)
        run["pruning"] = 0 if reads_per_layer(model.config) else curve.tokens_planned(language_model.kind, aimed, target)
    return AttributionCost(passes={name: tokens / given.tokens for name, tokens in run.items()}, full=full)


def _by_hiding(language_model: LanguageModel, given: Feed, target: Target, own: Sequence[int], *, full: bool) -> dict[str, int]:
    """Tokens run with sentences hidden or taken out."""
    kind, aimed = language_model.kind, target.cut(given)
    way, sentences = faithfulness.planned(kind, aimed, target), aimed.source.sentences
    run = {"links": document_links.tokens_planned(kind, given, "full" if full else "fast")}
    run["curves"] = faithfulness.tokens_planned(way, sentences, own, full=full)
    if full:
        run["ablation"] = ablation.tokens_planned(kind, aimed, target, own)
        run["surrogate"] = surrogate.tokens_planned(way, sentences, own)
    return run

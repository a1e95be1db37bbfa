"""What links between sentences do to the model's output: attention knockout."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from reportgen.capture.feeding import Feed
from reportgen.capture.knockout.distributions import Effect
from reportgen.capture.knockout.kept_keys import TOKENS_AT_ONCE, KeptKeys, keep_keys
from reportgen.capture.knockout.sentences import linked_texts
from reportgen.capture.knockout.whole_passes import effects_by_whole_passes
from reportgen.models import LanguageModel

Report = Callable[[str, float], None]
STAGE = "effect of links"


@dataclass(frozen=True, kw_only=True, eq=False)
class LinkEffects:
    """The links that were measured, (i, j) in the order in which they were asked for, and the effect of each in nats.

    `effect` is the mean over the tokens of i of KL(intact || knocked out) of the model's output there; `drop` the mean over them of how much less the log
    probability of the actual token is (NaN where none is known). `whole_passes` says that each link took a pass of its own.
    """

    links: Int[np.ndarray, "link 2"]
    effect: Float[np.ndarray, " link"]
    drop: Float[np.ndarray, " link"]
    whole_passes: bool


def measure_link_effects(
    language_model: LanguageModel,
    given: Feed,
    links: Int[np.ndarray, "link 2"],
    report: Report,
    *,
    passes_at_most: int | None = None,
    tokens_at_once: int = TOKENS_AT_ONCE,
) -> LinkEffects:
    """Hide the keys of sentence j from the queries of sentence i in every layer, for each link (i, j), and compare the model's output at i's tokens.

    Causal models: the output is the next token's distribution; the text runs once, then the tokens of each i again, one batch for many j, on the keys and
    values that were kept. Masked models: the distribution at the token itself, nothing masked. Encoder-decoders: i is a sentence of the target, j of the
    source, hidden in cross-attention. These, and causal models that cannot be run again from kept keys, take a whole pass for each link, and
    `passes_at_most` says how many of the first links to measure then (default: all).
    Only the direct look is cut: what other sentences carry over from j still reaches i. Source: attention knockout, after Geva et al. 2023; between sentences defined here.
    Memory: for causal models tokens x key heads x dim x 2 x layers numbers in the model's precision (189 MB for 4,096 tokens of the default model); never
    tokens x tokens. Raises `DocumentError` for a pair that is no link, `ModelError` for outputs that are not finite.
    """
    texts = linked_texts(language_model.kind, given)
    texts.refuse_no_links(links)
    report(STAGE, 0.0)
    kept = keep_keys(language_model.model, given, texts, links[:, 0].tolist()) if texts.stack == "decoder" and len(links) else None
    if kept is not None:
        order = np.argsort(links[:, 0], kind="stable")
        return _collected(links, order, _by_sentence(kept, links[order], tokens_at_once), report, whole_passes=False)
    links = links[:passes_at_most]
    effects = effects_by_whole_passes(language_model.model, given, texts, links) if len(links) else iter(())
    return _collected(links, np.arange(len(links)), effects, report, whole_passes=True)


def _by_sentence(kept: KeptKeys, links: Int[np.ndarray, "link 2"], tokens_at_once: int) -> Iterator[Effect]:
    """The links come sorted by the sentence that looks."""
    for sentence in np.unique(links[:, 0]).tolist():
        yield from kept.effects(sentence, links[links[:, 0] == sentence, 1], tokens_at_once)


def _collected(
    links: Int[np.ndarray, "link 2"], order: Int[np.ndarray, " link"], effects: Iterator[Effect], report: Report, *, whole_passes: bool
) -> LinkEffects:
    """The effects, which come in this order, in the order of the links."""
    effect, drop = np.empty(len(links)), np.empty(len(links))
    for count, (place, found) in enumerate(zip(order.tolist(), effects, strict=True), 1):
        effect[place], drop[place] = found.divergence, found.drop
        report(STAGE, count / len(links))
    return LinkEffects(links=links, effect=effect, drop=drop, whole_passes=whole_passes)

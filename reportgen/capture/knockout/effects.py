"""What links between sentences do to the model's output: attention knockout."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from reportgen.capture.attribution.steps import steps_of
from reportgen.capture.feeding import Feed
from reportgen.capture.knockout.distributions import Effect
from reportgen.capture.knockout.interface import asking
from reportgen.capture.knockout.kept_keys import KeptKeys, keep_keys, parts_of
from reportgen.capture.knockout.sentences import LinkedTexts, linked_texts
from reportgen.capture.knockout.whole_passes import effects_by_whole_passes
from reportgen.capture.lanes import lanes_on
from reportgen.models import LanguageModel

Report = Callable[[str, float], None]
STAGE = "effect of links"
TOKENS_AT_ONCE = 2048  # of all versions of sentences that are run together
LOGITS_AT_ONCE, LOGITS_ON_A_DEVICE = 1 << 25, 1 << 26  # in all lanes: 128 and 256 MB in float32


@dataclass(frozen=True, kw_only=True, eq=False)
class LinkEffects:
    """The links that were measured, (i, j) in the order in which they were asked for, and the effect of each in nats.

    `effect` is the mean over the tokens of i of KL(intact || knocked out) of the model's output there; `drop` the mean over them of how much less the log
    probability of the actual token is (NaN where none is known). `whole_passes` says that each link took a pass of its own; `tokens_run` counts the tokens
    of all passes.
    """

    links: Int[np.ndarray, "link 2"]
    effect: Float[np.ndarray, " link"]
    drop: Float[np.ndarray, " link"]
    whole_passes: bool
    tokens_run: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Knockout:
    """A text whose links can be hidden one by one, and the keys and values that it left; None where each link takes a pass over the whole text."""

    language_model: LanguageModel
    given: Feed
    texts: LinkedTexts
    kept: KeptKeys | None

    @classmethod
    def of(cls, language_model: LanguageModel, given: Feed, links: Int[np.ndarray, "link 2"]) -> Knockout:
        """For some of these links. A causal model reads the text once."""
        texts = linked_texts(language_model.kind, given)
        kept = keep_keys(language_model.model, given, texts, links[:, 0].tolist()) if texts.stack == "decoder" and len(links) else None
        return cls(language_model=language_model, given=given, texts=texts, kept=kept)

    def costs(self, links: Int[np.ndarray, "link 2"]) -> Int[np.ndarray, " link"]:
        """Tokens that are run to hide each link."""
        return self.texts.costs(links, kept=self.kept is not None)

    def effects(self, links: Int[np.ndarray, "link 2"], report: Report, tokens_at_once: int = TOKENS_AT_ONCE) -> LinkEffects:
        """Those of these links. Progress says about how long all of them take."""
        found = np.empty((len(links), 2))
        order = np.argsort(links[:, 0], kind="stable") if self.kept is not None else np.arange(len(links))
        steps, places = steps_of(f"{STAGE} ({len(links)})", self.costs(links[order]).tolist(), report), iter(order.tolist())
        next(steps, None)

        def take(effects: Iterable[Effect]) -> None:
            for effect in effects:
                found[next(places)] = effect.divergence, effect.drop
                next(steps, None)

        if len(links):
            self._take_each(links[order], tokens_at_once, take)
        effect, drop = found.T
        return LinkEffects(links=links, effect=effect, drop=drop, whole_passes=self.kept is None, tokens_run=self._tokens_run(links))

    def _take_each(self, links: Int[np.ndarray, "link 2"], tokens_at_once: int, take: Callable[[Iterable[Effect]], None]) -> None:
        """The effects in order; on kept keys the links come sorted by the sentence that looks, and are worked off side by side, those of neighbouring sentences together."""
        model, kept = self.language_model.model, self.kept
        if kept is None:
            return take(effects_by_whole_passes(model, self.given, self.texts, links))
        lanes = lanes_on(model.device)
        logits = (LOGITS_AT_ONCE if model.device.type == "cpu" else LOGITS_ON_A_DEVICE) // lanes.count
        at_once = min(tokens_at_once, logits // model.get_output_embeddings().weight.shape[0])

        def of_neighbours(_: int, some: Int[np.ndarray, "link 2"]) -> list[Effect]:
            return list(kept.effects(some, at_once))

        with asking(model):
            lanes.work(self._neighbours(links, at_once), of_neighbours, take)

    def _neighbours(self, links: Int[np.ndarray, "link 2"], at_once: int) -> list[Int[np.ndarray, "some 2"]]:
        """Links, sorted by the sentence that looks, of as many sentences as are run together with so many tokens; a sentence's own are not parted."""
        sentences, counts = np.unique(links[:, 0], return_counts=True)
        stops = np.cumsum(counts)
        parts = parts_of((self.texts.spans[sentences] * (counts + 1)).tolist(), at_once)
        return [links[stops[part.start] - counts[part.start] : stops[part.stop - 1]] for part in parts]

    def _tokens_run(self, links: Int[np.ndarray, "link 2"]) -> int:
        """Of all links, of the text with nothing hidden, and of each sentence that looks with nothing hidden."""
        return int(self.costs(links).sum()) + self.texts.tokens_with_nothing_hidden(links, kept=self.kept is not None) if len(links) else 0


def measure_link_effects(
    language_model: LanguageModel, given: Feed, links: Int[np.ndarray, "link 2"], report: Report, *, tokens_at_once: int = TOKENS_AT_ONCE
) -> LinkEffects:
    """Hide the keys of sentence j from the queries of sentence i in every layer, for each link (i, j), and compare the model's output at i's tokens.

    Causal models: the output is the next token's distribution; the text runs once, then the tokens of each i again, one batch for many j, on the keys and
    values that were kept. Masked models: the distribution at the token itself, nothing masked. Encoder-decoders: i is a sentence of the target, j of the
    source, hidden in cross-attention. These, and causal models that cannot be run again from kept keys, take a whole pass for each link.
    Only the direct look is cut: what other sentences carry over from j still reaches i. Source: attention knockout, after Geva et al. 2023; between sentences defined here.
    Memory: for causal models tokens x key heads x dim x 2 x layers numbers in the model's precision (189 MB for 4,096 tokens of the default model); never
    tokens x tokens. Raises `DocumentError` for a pair that is no link, `ModelError` for outputs that are not finite.
    """
    linked_texts(language_model.kind, given).refuse_no_links(links)
    return Knockout.of(language_model, given, links).effects(links, report, tokens_at_once)

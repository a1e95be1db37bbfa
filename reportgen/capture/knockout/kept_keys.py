"""Knockout in a causal model by running sentences again on the keys and values that the whole text left."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int

from reportgen.capture.feeding import Feed, has_cache, stack_namer
from reportgen.capture.knockout.attending import Versions
from reportgen.capture.knockout.distributions import Effect, Intact
from reportgen.capture.knockout.interface import Again, KeptLayer, WholeText, asking
from reportgen.capture.knockout.sentences import LinkedTexts
from reportgen.capture.knockout.whole_passes import asked_logits, logits_of_rows

NOTHING = -2  # no sentence; -1 stands for tokens of none
SAME, SAME_IN_HALF = 1e-4, 3e-2  # of the greatest logit, or of 1; the second for models of half precision


class Version(NamedTuple):
    """A sentence to be run again, and the earlier sentence that is hidden from it, or `NOTHING`."""

    sentence: int
    hidden: int


@dataclass(frozen=True, kw_only=True, eq=False)
class KeptKeys:
    """One text as a causal model read it: the keys and values of every layer. The model is run inside `asking` alone.

    Memory: tokens x key heads x dim x 2 x layers, in the model's precision.
    """

    model: Any
    given: Feed
    texts: LinkedTexts
    layers: Sequence[KeptLayer]

    def effects(self, links: Int[np.ndarray, "link 2"], at_once: int) -> Iterator[Effect]:
        """What hiding the second sentence of each link from the first, which comes later, does. The links come sorted by the first.

        Each sentence is run once with nothing hidden before its links. Memory: the logits of `at_once` tokens, or of one version of a sentence where these are more, and
        those of a sentence with nothing hidden.
        """
        intact = None
        for versions in self._passes(links, at_once):
            for version, logits in zip(versions, self._logits(versions), strict=True):
                if version.hidden == NOTHING:
                    actual = self.texts.actual(self.texts.rows(version.sentence)).to(logits.device)
                    intact = Intact(logits=logits.clone(), actual=actual)  # no view, which would keep all of its pass
                else:
                    yield intact.effect(logits)

    def intact(self, sentences: Sequence[int]) -> Float[torch.Tensor, "row vocabulary"]:
        """The logits at the sentences' tokens when they are run again, together, with nothing hidden."""
        return torch.cat(self._logits([Version(sentence, NOTHING) for sentence in sentences]))

    def _passes(self, links: Int[np.ndarray, "link 2"], at_once: int) -> Iterator[list[Version]]:
        """The versions that are run together."""
        versions = list(_versions(links))
        costs = self.texts.spans[[version.sentence for version in versions]]
        return (versions[part] for part in parts_of(costs.tolist(), at_once))

    def _logits(self, versions: Sequence[Version]) -> Sequence[Float[torch.Tensor, "row vocabulary"]]:
        """Those at the tokens of each version's sentence, after one pass over all versions as if they were one text."""
        device, rows = self.model.device, self._rows(versions)
        numbers = {"input_ids": self.given.source.ids, "position_ids": np.arange(self.given.source.tokens), **self.given.extra}
        keywords = {name: torch.from_numpy(values[rows.place.numpy()].astype(np.int64)).to(device)[None] for name, values in numbers.items()}
        no_cache = {"use_cache": False} if has_cache(self.model) else {}
        tokens = [len(self.texts.rows(version.sentence)) for version in versions]
        return asked_logits(self.model, keywords | no_cache, Again(layers=self.layers, rows=rows), rows.hiding.nonzero()[:, 0]).split(tokens)

    def _rows(self, versions: Sequence[Version]) -> Versions:
        """The rows of these versions: of each all from its sentence's first token to the last."""
        members = self.texts.looking.sentence_of_token
        sentence, hidden = np.array(versions).T
        borders = self.texts.borders[sentence]
        place = np.concatenate([np.arange(first, stop) for first, stop in borders.tolist()])
        version = np.repeat(np.arange(len(versions)), self.texts.spans[sentence])
        return Versions(
            place=torch.from_numpy(place),
            version=torch.from_numpy(version),
            own_from=torch.from_numpy(borders[version, 0]),
            hiding=torch.from_numpy(members[place] == sentence[version]),
            hidden=torch.from_numpy((members == hidden[:, None]) & (hidden[:, None] != NOTHING)),
        )


def parts_of(costs: Sequence[int], at_most: int) -> Iterator[slice]:
    """Consecutive ones that cost so much together at most; one by itself where it costs more."""
    start, total = 0, 0
    for place, cost in enumerate(costs):
        if place > start and total + cost > at_most:
            yield slice(start, place)
            start, total = place, 0
        total += cost
    yield slice(start, len(costs))


def _versions(links: Int[np.ndarray, "link 2"]) -> Iterator[Version]:
    """Before the links of each sentence the sentence with nothing hidden."""
    before = None
    for sentence, hidden in links.tolist():
        if sentence != before:
            yield Version(sentence, NOTHING)
        yield Version(sentence, hidden)
        before = sentence


def keep_keys(model: Any, given: Feed, texts: LinkedTexts, sentences: Sequence[int]) -> KeptKeys | None:
    """The kept keys of a text, after one pass over it; None where running a sentence again does not give what the whole text gives.

    That is seen by the first and the last of `sentences`, run again with nothing hidden. It is so for models that carry something else than keys and
    values from token to token, or whose positions cannot be given.
    """
    if "position_ids" not in inspect.signature(model.forward).parameters:
        return None
    checked = sorted({min(sentences), max(sentences)})
    whole = WholeText(stack_of=stack_namer(model), keeping=True)
    logits = logits_of_rows(model, given.keywords(model), whole, np.concatenate([texts.rows(sentence) for sentence in checked]))
    kept = KeptKeys(model=model, given=given, texts=texts, layers=whole.layers)
    with asking(model):
        again = kept.intact(checked)
    allowed = SAME_IN_HALF if model.dtype.itemsize < torch.float32.itemsize else SAME
    differing = float((again - logits).abs().max() / logits.abs().max().clamp(min=1.0))
    return kept if differing <= allowed else None

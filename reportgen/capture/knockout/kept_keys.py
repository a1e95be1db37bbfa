"""Knockout in a causal model by running one sentence again on the keys and values that the whole text left."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from reportgen.capture.feeding import Feed, has_cache, stack_namer
from reportgen.capture.knockout.distributions import Effect, Intact
from reportgen.capture.knockout.interface import Again, KeptLayer, WholeText, answering, asking
from reportgen.capture.knockout.sentences import LinkedTexts
from reportgen.capture.knockout.whole_passes import logits_of_rows

TOKENS_AT_ONCE = 1024  # of all versions of a sentence
LOGITS_AT_ONCE = 1 << 25  # 128 MB in float32
SAME, SAME_IN_HALF = 1e-4, 3e-2  # of the greatest logit, or of 1; the second for models of half precision


@dataclass(frozen=True, kw_only=True, eq=False)
class KeptKeys:
    """One text as a causal model read it: the keys and values of every layer. The model is run inside `asking` alone.

    Memory: tokens x key heads x dim x 2 x layers, in the model's precision.
    """

    model: Any
    given: Feed
    texts: LinkedTexts
    layers: Sequence[KeptLayer]

    def effects(
        self, sentence: int, keys: Int[np.ndarray, " link"], tokens_at_once: int = TOKENS_AT_ONCE, logits_at_once: int = LOGITS_AT_ONCE
    ) -> Iterator[Effect]:
        """What hiding each of these earlier sentences from this one does, several in one batch; in the first version of all nothing is hidden.

        Memory: `logits_at_once` logits, or one version of the sentence where these are more, and those of the first.
        """
        tokens, members = self.texts.rows(sentence), self.texts.looking.sentence_of_token
        span = slice(int(tokens[0]), int(tokens[-1]) + 1)
        rows, inside = torch.from_numpy(tokens - span.start), torch.from_numpy(members[span] == sentence)
        hidden = np.concatenate([np.zeros((1, span.stop), bool), members[: span.stop] == keys[:, None]])
        intact = None
        for some in np.array_split(hidden, -(-len(hidden) // self._versions(span, tokens_at_once, logits_at_once))):
            logits = self._logits(span, torch.from_numpy(some), inside)[:, rows]
            if intact is None:
                intact, logits = Intact(logits=logits[0], actual=self.texts.actual(tokens).to(logits.device)), logits[1:]
            yield from map(intact.effect, logits)

    def intact(self, sentence: int) -> Float[torch.Tensor, "row vocabulary"]:
        """The logits at the sentence's tokens when it is run again with nothing hidden."""
        tokens = self.texts.rows(sentence)
        span = slice(int(tokens[0]), int(tokens[-1]) + 1)
        nothing = torch.zeros((1, span.stop), dtype=torch.bool)
        return self._logits(span, nothing, torch.zeros(span.stop - span.start, dtype=torch.bool))[0, tokens - span.start]

    def _versions(self, span: slice, tokens_at_once: int, logits_at_once: int) -> int:
        """How many versions of a sentence are run in one batch."""
        tokens, vocabulary = span.stop - span.start, self.model.get_output_embeddings().weight.shape[0]
        return max(min(tokens_at_once // tokens, logits_at_once // (tokens * vocabulary)), 1)

    def _logits(
        self, span: slice, hidden: Bool[torch.Tensor, "version key"], hiding: Bool[torch.Tensor, " row"]
    ) -> Float[torch.Tensor, "version row vocabulary"]:
        device = self.model.device
        numbers = {"input_ids": self.given.source.ids, "position_ids": np.arange(self.given.source.tokens), **self.given.extra}
        keywords = {name: torch.from_numpy(values[span].astype(np.int64)).to(device).expand(len(hidden), -1) for name, values in numbers.items()}
        again = Again(layers=self.layers, span=span, hiding=hiding.to(device), hidden=hidden.to(device))
        with answering(again):
            return self.model(**keywords, **({"use_cache": False} if has_cache(self.model) else {})).logits


def keep_keys(model: Any, given: Feed, texts: LinkedTexts, sentences: Sequence[int]) -> KeptKeys | None:
    """The kept keys of a text, after one pass over it; None where running a sentence again does not give what the whole text gives.

    That is seen by the first and the last of `sentences`, run again with nothing hidden. It is so for models that carry something else than keys and
    values from token to token, or whose positions cannot be given.
    """
    if "position_ids" not in inspect.signature(model.forward).parameters:
        return None
    checked = [texts.rows(sentence) for sentence in (min(sentences), max(sentences))]
    whole = WholeText(stack_of=stack_namer(model), keeping=True)
    logits = logits_of_rows(model, given.keywords(model), whole, np.concatenate(checked))
    kept = KeptKeys(model=model, given=given, texts=texts, layers=whole.layers)
    with asking(model):
        again = torch.cat([kept.intact(sentence) for sentence in (min(sentences), max(sentences))])
    allowed = SAME_IN_HALF if model.dtype.itemsize < torch.float32.itemsize else SAME
    differing = float((again - logits).abs().max() / logits.abs().max().clamp(min=1.0))
    return kept if differing <= allowed else None

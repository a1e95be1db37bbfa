"""The parts of a target with several sentences taken out: by whole passes, or by running only what is left."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from reportgen.capture.attribution.gradients import last_logits
from reportgen.capture.attribution.hiding import Hidden, hiding
from reportgen.capture.attribution.passes_without import output_without, refuse_another_value
from reportgen.capture.feeding import Feed, has_cache, stack_namer
from reportgen.capture.self_check import COARSE, TOKENS, TOLERANCES
from reportgen.capture.targets import Target
from reportgen.models import Kind, LanguageModel

CHECKED = 3 * TOKENS // 4  # of the tokens of a check those before this one are hidden by halves


@runtime_checkable
class TakingOut(Protocol):
    """Gives the parts of the target without some sentences, and says how many tokens are run for it."""

    def parts_without(self, taken_out: Bool[np.ndarray, " sentence"]) -> Float[np.ndarray, " part"]: ...

    def tokens_run(self, taken_out: Bool[np.ndarray, " sentence"]) -> int: ...


def hidden_tokens(sentence_of_token: Int[np.ndarray, " token"], taken_out: Bool[np.ndarray, " sentence"]) -> Bool[np.ndarray, " token"]:
    """The tokens of the sentences that are taken out."""
    return (sentence_of_token >= 0) & np.append(taken_out, False)[sentence_of_token]


@dataclass(frozen=True, kw_only=True, eq=False)
class WholeTexts:
    """All tokens are run. In an encoder-decoder the source's tokens are hidden in the encoder and in the cross-attention."""

    model: Any
    given: Feed
    target: Target

    def parts_without(self, taken_out: Bool[np.ndarray, " sentence"]) -> Float[np.ndarray, " part"]:
        """The target's parts where the tokens of these sentences are hidden as keys from every query but those of the same sentence, in every layer."""
        keywords = self.given.keywords(self.model) | last_logits(self.model, self.given, self.target)
        tokens = hidden_tokens(self.given.source.sentence_of_token, taken_out)
        with hiding(self.model, self._hidden(taken_out), stack_namer(self.model)):
            return self.target.parts_without(output_without(self.model, self.target, keywords, tokens), tokens)

    def tokens_run(self, taken_out: Bool[np.ndarray, " sentence"]) -> int:
        return self.given.tokens

    def _hidden(self, taken_out: Bool[np.ndarray, " sentence"]) -> dict[str, Hidden]:
        members = self.given.source.sentence_of_token
        tokens = hidden_tokens(members, taken_out)
        from_others = Hidden(keys=tokens, queries=~tokens, sentences=(members, members))
        if self.given.target is None:
            return {"encoder": from_others, "decoder": from_others}
        return {"encoder": from_others, "cross": Hidden(keys=tokens, queries=np.ones(self.given.target.tokens, bool))}


@dataclass(frozen=True, kw_only=True, eq=False)
class WhatIsLeft:
    """For causal models: tokens that are hidden from all others change none of them, so only the others are run, at their own positions.

    Sentences that the target's rows lie in are run too, hidden from the others, as whole passes have them.
    """

    model: Any
    given: Feed
    target: Target

    def parts_without(self, taken_out: Bool[np.ndarray, " sentence"]) -> Float[np.ndarray, " part"]:
        """The same as whole passes give."""
        keywords = last_logits(self.model, self.given, self.target)
        output = outputs_of_what_is_left(self.model, self.given, self._run(taken_out), taken_out, keywords)
        return self.target.parts_without(output, hidden_tokens(self.given.source.sentence_of_token, taken_out))

    def tokens_run(self, taken_out: Bool[np.ndarray, " sentence"]) -> int:
        return int(self._run(taken_out).sum())

    def _run(self, taken_out: Bool[np.ndarray, " sentence"]) -> Bool[np.ndarray, " token"]:
        return self._needed | ~hidden_tokens(self.given.source.sentence_of_token, taken_out)

    @cached_property
    def _needed(self) -> Bool[np.ndarray, " token"]:
        """The tokens from the target's first row on, and the whole sentences that they are of."""
        members = self.given.source.sentence_of_token
        first = int(self.target.rows[0])
        return (np.arange(len(members)) >= first) | ((members >= 0) & np.isin(members, members[first:]))


def outputs_of_what_is_left(
    model: Any, given: Feed, run: Bool[np.ndarray, " token"], taken_out: Bool[np.ndarray, " sentence"], keywords: dict[str, Any]
) -> Any:
    """A causal model's output at the tokens that are run; those of them that are taken out are hidden from all but their own sentence."""
    places = np.flatnonzero(run)
    members = given.source.sentence_of_token[places]
    tokens = hidden_tokens(members, taken_out)
    inputs = {"input_ids": given.source.ids, "position_ids": np.arange(given.source.tokens), **given.extra}
    inputs = {name: torch.from_numpy(values[places].astype(np.int64))[None].to(model.device) for name, values in inputs.items()}
    # A mask that hides nothing, or transformers takes positions with gaps for several texts in one row.
    inputs |= {"attention_mask": torch.ones_like(inputs["input_ids"])} | ({"use_cache": False} if has_cache(model) else {})
    hidden = Hidden(keys=tokens, queries=~tokens, sentences=(members, members))
    with hiding(model, {"decoder": hidden}, lambda module, visibility: "decoder", places):
        return model(**inputs, **keywords)


def cheapest(language_model: LanguageModel, given: Feed, target: Target) -> TakingOut:
    """Runs of what is left where the model is causal and gives the same by them on its first tokens; else whole passes."""
    if language_model.kind == "causal" and leaves_out_exactly(language_model.model, given):
        return WhatIsLeft(model=language_model.model, given=given, target=target)
    return WholeTexts(model=language_model.model, given=given, target=target)


def planned(kind: Kind, given: Feed, target: Target) -> TakingOut:
    """What `cheapest` gives for a model of this kind where nothing stands against it; it says how many tokens are run and runs none."""
    way = WhatIsLeft if kind == "causal" else WholeTexts
    return way(model=None, given=given, target=target)


def cheapest_as_measured(language_model: LanguageModel, given: Feed, target: Target, value: float) -> TakingOut:
    """The cheapest way, which gives `value` with nothing taken out. Raises `ModelError`, with the figures, where it gives something else."""
    passes = cheapest(language_model, given, target)
    intact = float(passes.parts_without(np.zeros(given.source.sentences, bool)).sum())
    refuse_another_value(intact, value, language_model.model.dtype)
    return passes


def leaves_out_exactly(model: Any, given: Feed) -> bool:
    """Whether running only what is left of the first tokens gives the logits of a pass in which the rest is hidden.

    It does not where positions cannot be given, or where the place in the row counts as well.
    """
    if "position_ids" not in inspect.signature(model.forward).parameters:
        return False
    short = given.head(TOKENS)
    halves = (np.arange(short.source.tokens) * 4 // CHECKED % 2 == 1) & (np.arange(short.source.tokens) < CHECKED)
    short = short.with_texts(short.source.changed(sentence_of_token=halves.astype(np.int32)), None)
    taken_out = np.array([False, True])
    left = outputs_of_what_is_left(model, short, ~halves, taken_out, {}).logits[0]
    with hiding(model, {"decoder": Hidden(keys=halves, queries=~halves)}, lambda module, visibility: "decoder"):
        whole = model(**short.keywords(model)).logits[0, ~halves]
    return bool((left - whole).abs().max() <= TOLERANCES.get(model.dtype, COARSE) * whole.abs().max().clamp(min=1.0))

"""Targets that are the likelihood of some tokens: of causal models, masked models and encoder-decoders that write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Int

from reportgen.capture.layout import TextLayout
from reportgen.capture.targets.target import Target, single
from reportgen.errors import DocumentError, ModelError
from reportgen.models import LanguageModel

PREDICTING = ("causal", "masked", "seq2seq")


@dataclass(frozen=True, kw_only=True, eq=False)
class Predicted:
    """Consecutive tokens that are to be predicted and what they are called. `first_sentence` is the number of the text's first sentence in the document."""

    tokens: Int[np.ndarray, " row"]
    name: str
    first_sentence: int = 0

    def sentences_of(self, layout: TextLayout) -> Int[np.ndarray, " _"]:
        """The sentences that they lie in, numbered in the document."""
        members = layout.sentence_of_token[self.tokens]
        return np.unique(members[members >= 0]) + self.first_sentence


def likelihood(language_model: LanguageModel, layout: TextLayout, predicted: Predicted) -> Target:
    """The negative log-likelihood of the tokens: given all before them (causal models and decoders, which read no further), or masked, given all others.

    `layout` is of the text that they are tokens of. Raises `ModelError` for a masked model without a mask token, `DocumentError` for the text's first token
    where each is predicted from those before it.
    """
    refuse_what_is_not_predicted(language_model, predicted)
    if language_model.kind == "masked":
        return _masked(layout, predicted)
    tokens, of_source = predicted.tokens, language_model.kind == "causal"
    end = int(tokens[-1]) + 1
    further = bool((layout.sentence_of_token[end:] >= 0).any())
    own, read = predicted.sentences_of(layout).tolist(), layout.head(end) if further else layout
    given_what = "given all before it" if of_source else "of what the decoder reads, given all before it and the source"
    return Target(
        description=f"negative log-likelihood of {predicted.name} ({len(tokens)} tokens), {given_what}",
        unit="nats",
        rows=tokens - 1,
        read=_loss(read, tokens - 1, tokens),
        parts=_loss(read, tokens - 1, tokens, "none"),
        sentence=own[0] if of_source else None,
        last_sentence=own[-1] if of_source else None,
        reads=end if further else None,
        notices=(_not_read(predicted, layout, end, of_source),) if further else (),
    )


def _not_read(predicted: Predicted, layout: TextLayout, end: int, of_source: bool) -> str:
    """What has no value because it stands after all that the target reads."""
    read = f"its passes read the first {end:,} of {layout.tokens:,} tokens{'' if of_source else ' of what the decoder reads'}"
    return f"The target is {predicted.name}: {read}, and sentences that begin after them have no numbers that depend on it."


def refuse_what_is_not_predicted(language_model: LanguageModel, predicted: Predicted) -> None:
    """Raise `ModelError` for a masked model without a mask token, `DocumentError` for tokens that begin a text of which each is predicted from those before."""
    if language_model.kind == "masked":
        if language_model.tokenizer.mask_token_id is None:
            raise ModelError(f"The tokenizer of {language_model.name} has no mask token, so no sentence can be hidden; measure with --attribution none.")
        return
    if len(predicted.tokens) and predicted.tokens[0] > 0:
        return
    where = "its text" if not predicted.first_sentence else "its window"
    raise DocumentError(
        f"The target, {predicted.name}, begins with the first token of {where}, and {language_model.name} predicts each token from those before it: choose what comes later."
    )


def _masked(layout: TextLayout, predicted: Predicted) -> Target:
    tokens, own = predicted.tokens, predicted.sentences_of(layout).tolist()
    return Target(
        description=f"negative log-likelihood of {predicted.name} ({len(tokens)} tokens, masked), given all others",
        unit="nats",
        rows=tokens,
        read=_loss(layout, tokens, tokens),
        parts=_loss(layout, tokens, tokens, "none"),
        sentence=own[0],
        last_sentence=own[-1],
        masked=tokens,
    )


def _loss(layout: TextLayout, rows: Int[np.ndarray, " row"], tokens: Int[np.ndarray, " row"], reduction: str = "sum") -> Callable[[Any], torch.Tensor]:
    """- ln p of the tokens, summed unless told otherwise; the output may hold the logits of the last positions alone."""
    wanted = torch.from_numpy(layout.ids[tokens].astype(np.int64))

    def read(output: Any) -> torch.Tensor:
        logits = output.logits[0]
        chosen = logits[torch.from_numpy(rows - (layout.tokens - len(logits))).to(logits.device)]
        return torch.nn.functional.cross_entropy(single(chosen), wanted.to(chosen.device), reduction=reduction)

    return read

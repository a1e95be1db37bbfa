"""The scalar of a model's output that attribution explains: which one it is by default for each kind of model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from reportgen.capture.feeding import Feed
from reportgen.capture.layout import TextLayout
from reportgen.capture.per_layer import attention_types_kept
from reportgen.capture.streaming import attention_implementation
from reportgen.errors import ModelError
from reportgen.models import LanguageModel


@dataclass(frozen=True, kw_only=True, eq=False)
class Target:
    """A scalar: `read` computes it from the model's output. `rows` are the positions of that output that it reads, `unit` is nats, logit or product.

    `sentence` is the sentence of the source that it predicts, None where it predicts none. `masked` are tokens of the source that are hidden behind the
    model's mask token for it. `parts` computes what the scalar is the sum of, a number for each predicted token, where it is a likelihood.
    Raises nothing by itself.
    """

    description: str
    unit: str
    rows: Int[np.ndarray, " row"]
    read: Callable[[Any], torch.Tensor]
    sentence: int | None = None
    masked: Int[np.ndarray, " token"] | None = None
    parts: Callable[[Any], torch.Tensor] | None = None

    def read_parts(self, output: Any) -> Float[torch.Tensor, " part"]:
        """What the scalar is the sum of: the scalar itself where it has no parts."""
        return self.read(output)[None] if self.parts is None else self.parts(output)

    def feed(self, given: Feed, mask_token: int | None) -> Feed:
        """What the model is fed for the target: the target's rows marked, and its masked tokens hidden."""
        ids = given.source.ids.copy()
        if self.masked is not None:
            ids[self.masked] = mask_token
        if given.target is None:
            return given.with_texts(given.source.changed(ids=ids, target_rows=self.rows), None)
        return given.with_texts(given.source, given.target.changed(target_rows=self.rows))


def default_target(language_model: LanguageModel, given: Feed, first_sentence: int = 0) -> Target:
    """Causal models and encoder-decoders that write: the last sentence given all before it. Masked models: the last sentence, masked, given all others.

    Classifiers: the logit of the predicted class. Question answering: the logits of the predicted start and end. Bare encoders: the product of the
    document's mean state with its own direction as measured, which is the length of that mean. Sentences of the source are numbered from `first_sentence`,
    which is where a window of a document begins. Raises `ModelError` for a masked model without a mask token.
    """
    match language_model.kind:
        case "causal":
            return _last_sentence(given.source, "given all before it", first_sentence)
        case "seq2seq":
            return _last_sentence(given.target, "of what the decoder reads, given all before it and the source", None)
        case "masked":
            return _masked_sentence(language_model, given.source, first_sentence, given.source.sentences - 1)
        case "classifier":
            return _predicted_class(language_model.model, given)
        case "question answering":
            return _predicted_answer(language_model.model, given)
        case _:
            return _similarity(given.source)


def sentence_target(language_model: LanguageModel, given: Feed, sentence: int) -> tuple[Target, Feed]:
    """The likelihood of any sentence, for models whose default target is that of the last, and what the model is fed for it.

    Causal models and decoders are fed the text up to the sentence's end. The sentence is one of the decoder's text where there is one.
    """
    read = given.source if given.target is None else given.target
    end = int(np.flatnonzero(read.sentence_of_token == sentence)[-1]) + 1
    match language_model.kind:
        case "causal":
            aimed = given.head(end)
            target = default_target(language_model, aimed)
        case "seq2seq":
            aimed = given.with_texts(given.source, given.target.head(end))
            target = default_target(language_model, aimed)
        case _:
            aimed, target = given, _masked_sentence(language_model, given.source, 0, sentence)
    return target, target.feed(aimed, language_model.tokenizer.mask_token_id)


def _last_sentence(layout: TextLayout, given_what: str, first: int | None) -> Target:
    """`first` is the number of the source's first sentence, None for a text that is not the source."""
    sentence = layout.sentences - 1
    tokens = np.flatnonzero(layout.sentence_of_token == sentence)
    tokens = tokens[tokens > 0]
    return Target(
        description=f"negative log-likelihood of sentence {(first or 0) + sentence + 1} ({len(tokens)} tokens), {given_what}",
        unit="nats",
        rows=tokens - 1,
        read=_likelihood(layout, tokens - 1, tokens),
        parts=_likelihood(layout, tokens - 1, tokens, "none"),
        sentence=None if first is None else first + sentence,
    )


def _masked_sentence(language_model: LanguageModel, layout: TextLayout, first: int, sentence: int) -> Target:
    if language_model.tokenizer.mask_token_id is None:
        raise ModelError(f"The tokenizer of {language_model.name} has no mask token, so no sentence can be hidden; measure with --attribution none.")
    tokens = np.flatnonzero(layout.sentence_of_token == sentence)
    return Target(
        description=f"negative log-likelihood of sentence {first + sentence + 1} ({len(tokens)} tokens, masked), given all others",
        unit="nats",
        rows=tokens,
        read=_likelihood(layout, tokens, tokens),
        parts=_likelihood(layout, tokens, tokens, "none"),
        sentence=first + sentence,
        masked=tokens,
    )


def _likelihood(layout: TextLayout, rows: Int[np.ndarray, " row"], tokens: Int[np.ndarray, " row"], reduction: str = "sum") -> Callable[[Any], torch.Tensor]:
    """- ln p of the tokens, summed unless told otherwise; the output may hold the logits of the last positions alone."""
    wanted = torch.from_numpy(layout.ids[tokens].astype(np.int64))

    def read(output: Any) -> torch.Tensor:
        logits = output.logits[0]
        chosen = logits[torch.from_numpy(rows - (layout.tokens - len(logits))).to(logits.device)]
        return torch.nn.functional.cross_entropy(_single(chosen), wanted.to(chosen.device), reduction=reduction)

    return read


def _single(values: torch.Tensor) -> torch.Tensor:
    """At least float32, so that a target of a model in half precision is not rounded."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _predicted_class(model: Any, given: Feed) -> Target:
    predicted = int(_output_of(model, given).logits[0].argmax())
    label = (getattr(model.config, "id2label", None) or {}).get(predicted, str(predicted))
    return Target(
        description=f"logit of the predicted class, {label}",
        unit="logit",
        rows=_pooled_rows(model, given),
        read=lambda output: _single(output.logits[0, predicted]),
    )


def _pooled_rows(model: Any, given: Feed) -> Int[np.ndarray, " row"]:
    """The positions that a classifier reads: the last one of a decoder, all where it takes the mean, else the first."""
    if given.target is not None:
        return np.array([given.target.tokens - 1])
    if getattr(model.config, "classifier_pooling", None) == "mean":
        return np.arange(given.source.tokens)
    return np.array([0])


def _predicted_answer(model: Any, given: Feed) -> Target:
    output = _output_of(model, given)
    start, end = int(output.start_logits[0].argmax()), int(output.end_logits[0].argmax())
    return Target(
        description=f"logits of the predicted answer's start (token {start + 1}) and end (token {end + 1}), summed",
        unit="logit",
        rows=np.unique([start, end]),
        read=lambda output: _single(output.start_logits[0, start]) + _single(output.end_logits[0, end]),
    )


def _output_of(model: Any, given: Feed) -> Any:
    """The model's plain output, which changes nothing about the model."""
    with attention_types_kept(model), attention_implementation(model, model.config._attn_implementation), torch.no_grad():
        return model(**given.keywords(model))


def _similarity(layout: TextLayout) -> Target:
    def read(output: Any) -> torch.Tensor:
        mean = _single(output.last_hidden_state[0]).mean(0)
        return mean @ torch.nn.functional.normalize(mean.detach(), dim=0)

    return Target(
        description="product of the document's mean state with its own direction",
        unit="product",
        rows=np.arange(layout.tokens),
        read=read,
    )

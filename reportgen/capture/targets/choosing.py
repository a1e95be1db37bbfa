"""Which target is explained: what was asked for, or what a model of its kind is for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from reportgen.capture.feeding import Feed
from reportgen.capture.layout import TextLayout
from reportgen.capture.targets.answer import predicted_answer
from reportgen.capture.targets.classes import class_logit, class_number
from reportgen.capture.targets.likelihood import PREDICTING, Predicted, likelihood, refuse_what_is_not_predicted
from reportgen.capture.targets.similarity import similarity
from reportgen.capture.targets.target import Target
from reportgen.errors import DocumentError, ModelError
from reportgen.models import LanguageModel
from reportgen.tokens import TokenisedText
from reportgen.wanted_target import WantedCharacters, WantedClass, WantedSentence, WantedTarget

EXPLAINED = {
    "classifier": "a classifier's class (class:LABEL)",
    "question answering": "the answer to a question (--question)",
    "encoder": "the document's embedding",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class TargetText:
    """The text that a target can be of, as the model reads it: of a decoder beside its source, the decoder's. `first_sentence` is where a window begins."""

    tokenised: TokenisedText
    text: str
    first_sentence: int = 0

    def refuse_what_is_not_there(self, language_model: LanguageModel, wanted: WantedTarget | None) -> None:
        """Raise `DocumentError` or `ModelError` for a sentence or characters that the text does not have or that the model does not predict."""
        if isinstance(wanted, (WantedSentence, WantedCharacters)):
            refuse_what_is_not_predicted(language_model, self.predicted(wanted))

    def tokens_of(self, wanted: WantedSentence | WantedCharacters) -> Int[np.ndarray, " token"]:
        """The tokens of a sentence, or all that overlap with the characters. Raises `DocumentError` where there are none, or they are of no sentence."""
        if isinstance(wanted, WantedSentence):
            return self._tokens_of_sentence(wanted.number)
        return self._tokens_of_characters(wanted.start, wanted.end)

    def _tokens_of_sentence(self, number: int) -> Int[np.ndarray, " token"]:
        place, read = number - 1 - self.first_sentence, len(self.tokenised.sentences)
        if not 0 <= place < read:
            raise DocumentError(f"There is no sentence {number} to explain: the text that the model reads has {read}, numbered from 1.")
        return np.flatnonzero(self.tokenised.sentence_of_token == place)

    def _tokens_of_characters(self, start: int, end: int) -> Int[np.ndarray, " token"]:
        if end > len(self.text):
            raise DocumentError(f"There are no characters {start} to {end} to explain: the text has {len(self.text)}.")
        spans = self.tokenised.spans
        tokens = np.flatnonzero(~self.tokenised.special & (spans[:, 0] < spans[:, 1]) & (spans[:, 0] < end) & (spans[:, 1] > start))
        if not (self.tokenised.sentence_of_token[tokens] >= 0).any():
            raise DocumentError(
                f"Characters {start} to {end} ({self.text[start:end]!r:.40}) are of no token in a sentence that the model reads; choose others."
            )
        return tokens

    def predicted(self, wanted: WantedSentence | WantedCharacters) -> Predicted:
        """The same with a name."""
        tokens = self.tokens_of(wanted)
        named = f"sentence {wanted.number}" if isinstance(wanted, WantedSentence) else f"characters {wanted.start} to {wanted.end}"
        return Predicted(tokens=tokens, name=named, first_sentence=self.first_sentence)


def refuse_wrong_target(language_model: LanguageModel, wanted: WantedTarget | None) -> None:
    """Raise `ModelError` for a target that a model of this kind has not, or a class that it does not know; no pass is made."""
    kind, name = language_model.kind, language_model.name
    if isinstance(wanted, WantedClass):
        if kind != "classifier":
            raise ModelError(f"{name} ({kind}) tells no classes apart: class:{wanted.label} is for classifiers.")
        class_number(language_model, wanted)
    elif wanted is not None and kind not in PREDICTING:
        raise ModelError(f"{name} ({kind}) predicts no text; what can be explained of it is {EXPLAINED[kind]}.")


def chosen_target(language_model: LanguageModel, given: Feed, text: TargetText, wanted: WantedTarget | None) -> Target:
    """The target that is asked for, or the default one. Raises `DocumentError` or `ModelError` for one that there is not; nothing is run before that."""
    refuse_wrong_target(language_model, wanted)
    if isinstance(wanted, WantedClass):
        return class_logit(language_model, given, wanted)
    if wanted is not None:
        return likelihood(language_model, given.source if given.target is None else given.target, text.predicted(wanted))
    if language_model.kind == "question answering":
        return predicted_answer(language_model.model, given, text.tokenised, text.text)
    return default_target(language_model, given, text.first_sentence)


def default_target(language_model: LanguageModel, given: Feed, first_sentence: int = 0) -> Target:
    """Causal models and encoder-decoders that write: the last sentence given all before it. Masked models: the last sentence, masked, given all others.

    Classifiers: the logit of the predicted class. Question answering: the logits of the predicted start and end. Bare encoders: the product of the
    document's mean state with its own direction as measured. Sentences of the source are numbered from `first_sentence`, which is where a window of a
    document begins. Raises `ModelError` for a masked model without a mask token.
    """
    match language_model.kind:
        case "causal" | "seq2seq" | "masked":
            layout = given.source if given.target is None else given.target
            return likelihood(language_model, layout, _sentence(language_model, layout, layout.sentences - 1, first_sentence))
        case "classifier":
            return class_logit(language_model, given, None)
        case "question answering":
            return predicted_answer(language_model.model, given, None, "")
        case _:
            return similarity(language_model.model, given)


def _sentence(language_model: LanguageModel, layout: TextLayout, sentence: int, first_sentence: int = 0) -> Predicted:
    """A sentence's tokens, but for the text's first, which nothing predicts where each is predicted from those before it."""
    tokens = np.flatnonzero(layout.sentence_of_token == sentence)
    tokens = tokens if language_model.kind == "masked" else tokens[tokens > 0]
    return Predicted(tokens=tokens, name=f"sentence {first_sentence + sentence + 1}", first_sentence=first_sentence)


def sentence_target(language_model: LanguageModel, given: Feed, sentence: int) -> tuple[Target, Feed]:
    """The likelihood of any sentence, and what the model is fed for it: of causal models and decoders the text up to the sentence's end.

    The sentence is one of the decoder's text where there is one.
    """
    layout = given.source if given.target is None else given.target
    target = likelihood(language_model, layout, _sentence(language_model, layout, sentence))
    return target, target.feed(given, language_model.tokenizer.mask_token_id)

"""What an encoder-decoder's decoder reads: a given text, shifted as for training, or the model's own."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Int

from reportgen.documents import Document
from reportgen.errors import DocumentError, ModelError
from reportgen.models import LanguageModel
from reportgen.sentences.levels import SENTENCE, split_beside
from reportgen.tokens.alignment import Fed, Room, fit, notices_of_cut
from reportgen.tokens.encoding import Encoding, encode_target
from reportgen.tokens.joining import raw_document
from reportgen.tokens.tokenised_text import GENERATED, PAIR, tokenised_text
from reportgen.tokens.writing import decode_pieces


def feed_target(language_model: LanguageModel, text: Document, level: str = SENTENCE) -> Fed:
    """The text as the decoder is fed it: its tokens as labels, shifted right by the model's own rule, start token first; the last label is not fed.

    A text longer than the decoder is cut after a whole sentence, with a notice.
    """
    model, room, sentences = language_model.model, Room(limit=language_model.target_positions), split_beside(text, level)
    fitted = fit(text, sentences, room.left, lambda cut: encode_target(language_model.tokenizer, cut.text))
    if fitted is None:
        raise DocumentError(f"The decoder reads {room.limit} tokens at most, and no whole sentence of {text.source} fits into them.")
    labels = fitted.encoding
    encoding = _after_start(decoder_inputs(model, labels.ids), labels.spans[:-1], labels.special[:-1])
    notices = tuple(f"{text.source}: {notice}" for notice in notices_of_cut(fitted, len(sentences), room))
    tokenised = tokenised_text(text, fitted.sentences, [PAIR] * len(fitted.sentences), encoding, notices=notices, least=1)
    return Fed(document=text, encoding=encoding, tokenised=tokenised)


def feed_written(language_model: LanguageModel, ids: Int[np.ndarray, " token"], main: Document, notices: tuple[str, ...], level: str = SENTENCE) -> Fed:
    """The model's own text as its decoder was fed it, start token first."""
    written = decode_pieces(language_model.tokenizer, ids[1:].tolist(), ())
    text = raw_document(written.text, title="Generated text", source=f"text by {language_model.name}", language=main.language)
    sentences = split_beside(text, level)
    if not sentences:
        raise DocumentError(f"{language_model.name} writes no text for {main.source}; give a text for its decoder with --pair.")
    encoding = _after_start(ids, written.spans, written.special)
    tokenised = tokenised_text(text, sentences, [GENERATED] * len(sentences), encoding, notices=notices, least=1)
    return Fed(document=text, encoding=encoding, tokenised=tokenised)


def feed_shifted(language_model: LanguageModel, fed: Fed) -> Fed:
    """The source again, shifted by one token: what the decoder of a classifier or of a question answering model reads."""
    source = fed.encoding
    encoding = _after_start(decoder_inputs(language_model.model, source.ids), source.spans[:-1], source.special[:-1])
    tokenised = tokenised_text(fed.document, fed.tokenised.sentences, fed.tokenised.part_of_sentence.tolist(), encoding, notices=(), least=1)
    return Fed(document=fed.document, encoding=encoding, tokenised=tokenised)


def decoder_inputs(model: Any, labels: Int[np.ndarray, " token"]) -> Int[np.ndarray, " token"]:
    """The decoder's inputs for these labels, made by the model's own code. Raises `ModelError` when that is no shift by one token."""
    import torch

    try:
        fed = _own_shift(model)(torch.from_numpy(labels.astype(np.int64))[None])[0].numpy().astype(np.int32)
    except AttributeError as error:
        if error.obj is not model.config:
            raise
        raise ModelError(f"{type(model).__name__} cannot shift a text for its decoder: its configuration has no {error.name}.") from error
    except (ValueError, TypeError) as error:
        raise ModelError(f"{type(model).__name__} cannot shift a text for its decoder: {str(error).strip().splitlines()[0]}") from error
    if not np.array_equal(fed[1:], labels[:-1]):
        raise ModelError(f"{type(model).__name__} does not shift its decoder's text by one token; reportgen does not know what it is fed.")
    return fed


def _own_shift(model: Any) -> Callable[..., Any]:
    """The model's method for it, or the function that its forward pass uses."""
    for name in ("prepare_decoder_input_ids_from_labels", "_shift_right"):
        if hasattr(model, name):
            return getattr(model, name)
    modules = [sys.modules[base.__module__] for base in type(model).__mro__]
    shift = next((module.shift_tokens_right for module in modules if hasattr(module, "shift_tokens_right")), None)
    if shift is None:
        raise ModelError(f"{type(model).__name__} does not say how a text is shifted for its decoder.")
    given = (model.config.pad_token_id, getattr(model.config, "decoder_start_token_id", None))
    return lambda labels: shift(labels, *given[: len(inspect.signature(shift).parameters) - 1])  # mBART's starts with the last label instead


def _after_start(ids: Int[np.ndarray, " token"], spans: Int[np.ndarray, "label 2"], special: Any) -> Encoding:
    """The ids, the first of which is the start token, with the others' spans."""
    return Encoding(ids=ids, spans=np.vstack([np.zeros((1, 2), np.int32), spans]), special=np.concatenate([[True], special]), extra={})

"""What a model of any kind is fed: a document, perhaps a second text, perhaps what the model writes itself."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Int

from reportgen.documents import Document
from reportgen.documents.document import BETWEEN_BLOCKS
from reportgen.errors import DocumentError, ModelError
from reportgen.models import LanguageModel
from reportgen.sentences import Sentence
from reportgen.sentences.levels import SENTENCE, split_units
from reportgen.tokens.alignment import Fed, Room, feed_alone, feed_pair
from reportgen.tokens.chat import Chat
from reportgen.tokens.continuation import continued
from reportgen.tokens.encoding import Encoding, encode
from reportgen.tokens.targets import feed_shifted, feed_target, feed_written
from reportgen.tokens.tokenised_text import TokenisedText
from reportgen.tokens.writing import generate_greedily

WRITERS = ("causal", "seq2seq")
READ_TWICE = ("classifier", "question answering")  # where they have a decoder
DEFAULT_TOKENS = 128  # that an encoder-decoder writes where nothing is given for its decoder


@dataclass(frozen=True, kw_only=True)
class ModelInput:
    """What a model is fed. `document` is the text that the source's spans index, `target_document` that of the decoder's inputs (encoder-decoders only).

    `extra` are inputs of the source beside its ids, by the names of the model's arguments. `settings` says of a second text and of generation what
    changes numbers: for metadata.
    """

    document: Document
    source: TokenisedText
    extra: Mapping[str, Int[np.ndarray, " token"]]
    target_document: Document | None
    target: TokenisedText | None
    settings: Mapping[str, Any]

    @property
    def notices(self) -> tuple[str, ...]:
        """What to say of source and target."""
        return self.source.notices + (self.target.notices if self.target is not None else ())


def build_input(
    document: Document,
    language_model: LanguageModel,
    *,
    sentences: Sequence[Sentence] | None = None,
    pair: Document | None = None,
    generate: int | None = None,
    chat: bool = False,
    level: str = SENTENCE,
) -> ModelInput:
    """The input for a document, with a second text (`pair`) and up to `generate` tokens that the model writes, where they are asked for.

    The second text is, for an encoder, the tokenizer's second text; for question answering the question, which the tokenizer puts first; for a causal
    model it follows after a blank line; for an encoder-decoder that writes it is what the decoder reads. A causal model's own text continues the input,
    an encoder-decoder's is what its decoder reads; without either it writes 128 tokens. The decoder of a classifier reads the source again, shifted.
    With `chat` the document is what the user says in a chat, and the model answers where it is to write. `level` is that of the sentences, and then of other texts'.
    Raises `DocumentError` or `ModelError` when the model cannot be fed that way.
    """
    sentences = split_units(document, level) if sentences is None else sentences
    _refuse_what_no_model_can_do(language_model, pair, generate)
    around = chat_of(language_model, pair, opened=generate is not None) if chat else None
    if language_model.kind == "seq2seq":
        return _for_encoder_decoder(document, sentences, language_model, pair, generate, level)
    room = Room(limit=language_model.positions, reserved=generate or 0)
    if room.left is not None and room.left < 1:
        raise DocumentError(
            f"The model reads {room.limit} tokens at most, which leaves nothing to read beside the {generate} that it is to write: ask for fewer (--generate)."
        )
    fed, settings = _source(document, sentences, language_model, pair, room, around, level)
    if generate is not None:
        fed, written = continued(fed, language_model, generate, level=level, answers=chat)
        settings = {**settings, "generate": written}
    again = language_model.kind in READ_TWICE and language_model.model.config.is_encoder_decoder
    return _input(language_model, fed, feed_shifted(language_model, fed) if again else None, settings)


def _refuse_what_no_model_can_do(language_model: LanguageModel, pair: Document | None, generate: int | None) -> None:
    kind, name = language_model.kind, language_model.name
    if generate is not None and kind not in WRITERS:
        raise ModelError(f"{name} ({kind}) cannot write text; only causal models and encoder-decoders can.")
    if generate is not None and generate < 1:
        raise ModelError(f"{generate} tokens cannot be generated; ask for one at least.")
    if generate is not None and pair is not None and kind == "seq2seq":
        raise ModelError(f"The decoder of {name} reads either the second text or what the model writes; ask for one of them.")


def chat_of(language_model: LanguageModel, pair: Document | None, *, opened: bool) -> Chat:
    """The chat around a document. Raises `ModelError` where the model has no template for it, `DocumentError` for a second text."""
    if pair is not None:
        raise DocumentError("A chat has one turn of the user, the document: leave out --chat, or the second text.")
    return Chat.of(language_model, opened=opened)


def _source(
    document: Document,
    sentences: Sequence[Sentence],
    language_model: LanguageModel,
    pair: Document | None,
    room: Room,
    chat: Chat | None = None,
    level: str = SENTENCE,
) -> tuple[Fed, dict[str, Any]]:
    """The document, alone, within a chat, or with the second text in the same input."""
    tokenizer, kind = language_model.tokenizer, language_model.kind
    if pair is None:
        fed = feed_alone(document, sentences, partial(encode, tokenizer) if chat is None else chat.encode, room)
        refuse_unknown_tokens(language_model, language_model.model, fed.encoding.ids)
        return fed, {} if chat is None else {"chat": chat.settings}

    def encode_two(first: str, second: str) -> Encoding:
        return encode(tokenizer, first + BETWEEN_BLOCKS + second) if kind == "causal" else encode(tokenizer, first, second)

    fed = feed_pair(document, sentences, pair, encode_two, room, pair_first=kind == "question answering", level=level)
    refuse_unknown_tokens(language_model, language_model.model, fed.encoding.ids)
    return fed, {"pair": _said_of(pair, "question" if kind == "question answering" else "second text")}


def refuse_unknown_tokens(language_model: LanguageModel, stack: Any, ids: Int[np.ndarray, " token"]) -> None:
    """Raise `ModelError` when some token is none of those that the stack has embeddings for, or when it has no one table of them."""
    table = getattr(stack.get_input_embeddings(), "weight", None)
    if table is None:
        raise ModelError(f"{language_model.name} has no single table of token embeddings; reportgen measures models that read one row of tokens.")
    known, largest = table.shape[0], int(ids.max())
    if largest >= known:
        raise ModelError(f"The tokenizer gives token {largest}, but {language_model.name} knows {known} tokens only: they do not belong together.")


def _for_encoder_decoder(
    document: Document, sentences: Sequence[Sentence], language_model: LanguageModel, pair: Document | None, generate: int | None, level: str
) -> ModelInput:
    fed, _ = _source(document, sentences, language_model, None, Room(limit=language_model.positions))
    if pair is not None:
        target, settings = feed_target(language_model, pair, level), {"pair": _said_of(pair, "decoder's text")}
        refuse_unknown_tokens(language_model, language_model.model.get_decoder(), target.encoding.ids)
    else:
        target, settings = _written_target(fed, language_model, generate, level)
    return _input(language_model, fed, target, settings)


def _input(language_model: LanguageModel, fed: Fed, target: Fed | None, settings: Mapping[str, Any]) -> ModelInput:
    return ModelInput(
        document=fed.document,
        source=fed.tokenised,
        extra=accepted_extra(language_model, fed.encoding),
        target_document=None if target is None else target.document,
        target=None if target is None else target.tokenised,
        settings=settings,
    )


def _written_target(fed: Fed, language_model: LanguageModel, generate: int | None, level: str) -> tuple[Fed, dict[str, Any]]:
    """The decoder's inputs by greedy generation, by default of 128 tokens or as many as the decoder reads."""
    limit, asked = language_model.target_positions, generate or DEFAULT_TOKENS
    if limit is not None and asked >= limit and generate is not None:
        raise ModelError(f"{asked} tokens and a start token are more than the decoder of {language_model.name} reads: {limit} at most.")
    tokens = asked if limit is None else min(asked, limit - 1)
    ids, settings = generate_greedily(language_model.model, fed.encoding.ids, tokens)
    notices = ()
    if generate is None:
        notices = (f"No text was given for the decoder, so it reads what {language_model.name} writes itself: greedily, {tokens} tokens at most.",)
    return feed_written(language_model, ids, fed.document, notices, level), {"generate": settings}


def accepted_extra(language_model: LanguageModel, encoding: Encoding) -> dict[str, Int[np.ndarray, " token"]]:
    """The tokenizer's further inputs that the model takes: token types where it knows several; none for models of running text.

    Where the tokenizer gives no token types, those that the model's class makes itself.
    """
    if language_model.kind in WRITERS:  # some take token types for something else: GPT-2 adds word embeddings for them
        return {}
    arguments = inspect.signature(language_model.model.forward).parameters
    extra = {**types_by_class(language_model.model, encoding.ids), **{name: values for name, values in encoding.extra.items() if name in arguments}}
    types = getattr(language_model.model.config, "type_vocab_size", 0) or 0
    if types <= 1:
        extra.pop("token_type_ids", None)
    elif "token_type_ids" in extra and int(extra["token_type_ids"].max()) >= types:
        raise ModelError(f"The tokenizer gives token type {extra['token_type_ids'].max()}, but {language_model.name} knows {types} types only.")
    return extra


def types_by_class(model: Any, ids: Int[np.ndarray, " token"]) -> dict[str, Int[np.ndarray, " token"]]:
    """The token types that BigBird's class for questions makes of the ids: 0 up to the first separator and with it, then 1. Nothing for other classes.

    Handed in, they also hold where its layers are run without its head and where the class is given embeddings, of which it makes none.
    """
    from transformers import BigBirdForQuestionAnswering

    if not isinstance(model, BigBirdForQuestionAnswering):
        return {}
    return {"token_type_ids": (np.arange(len(ids)) > (ids == model.config.sep_token_id).argmax()).astype(np.int32)}


def _said_of(pair: Document, role: str) -> dict[str, str]:
    return {"role": role, "title": pair.title, "source": pair.source, "sha256": pair.sha256, "language": pair.language}

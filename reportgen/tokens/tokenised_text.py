"""Sentences to tokens: which sentence each token that the model reads lies in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Int

from reportgen.characters import is_punctuation
from reportgen.documents import Document
from reportgen.errors import DocumentError
from reportgen.sentences import Sentence
from reportgen.tokens.encoding import Encoding

MINIMUM_SENTENCES = 2
DOCUMENT, PAIR, GENERATED = 0, 1, 2  # the parts of what is fed: the document, the second text beside it, the model's own text


@dataclass(frozen=True, kw_only=True)
class TokenisedText:
    """The tokens of the whole sentences that fit the model, and the sentences themselves.

    `spans` are characters of the text that was fed; `sentence_of_token` is -1 for a token of no sentence; `special` marks what the tokenizer or the model
    added; `delimiter` marks special tokens (not the words of a chat template) and tokens that are only punctuation; `part_of_sentence` is `DOCUMENT`, `PAIR` or `GENERATED`.
    """

    ids: Int[np.ndarray, " token"]
    spans: Int[np.ndarray, "token 2"]
    sentence_of_token: Int[np.ndarray, " token"]
    special: Bool[np.ndarray, " token"]
    delimiter: Bool[np.ndarray, " token"]
    sentences: tuple[Sentence, ...]
    part_of_sentence: Int[np.ndarray, " sentence"]
    notices: tuple[str, ...]


def tokenised_text(
    document: Document, sentences: Sequence[Sentence], parts: Sequence[int], encoding: Encoding, *, notices: tuple[str, ...], least: int = MINIMUM_SENTENCES
) -> TokenisedText:
    """The sentences of the tokens; those without a token of their own are left out with a notice.

    A token across a border goes to the sentence that has more of its characters that are not white space. Raises `DocumentError` when fewer than `least`
    sentences have a token.
    """
    text, sentences, parts, notices = document.text, list(sentences), list(parts), (*notices, *encoding.notices)
    owners = owners_of_tokens(text, sentences, encoding.spans, encoding.special)
    read = set(owners.tolist())
    unread = [sentence for index, sentence in enumerate(sentences) if index not in read]
    if unread:
        sentences, parts = [one for index, one in enumerate(sentences) if index in read], [one for index, one in enumerate(parts) if index in read]
        owners, notices = owners_of_tokens(text, sentences, encoding.spans, encoding.special), (*notices, unread_notice(text, unread))
    refuse_too_few(document, sentences, least)
    return TokenisedText(
        ids=encoding.ids,
        spans=encoding.spans,
        sentence_of_token=owners,
        special=encoding.special,
        delimiter=encoding.separating | np.array([is_punctuation(text[start:end]) for start, end in encoding.spans], bool),
        sentences=tuple(sentences),
        part_of_sentence=np.array(parts, np.int32),
        notices=notices,
    )


def refuse_too_few(document: Document, sentences: Sequence[Sentence], least: int = MINIMUM_SENTENCES) -> None:
    """Raise `DocumentError` when fewer sentences than `least` have a token of their own."""
    if len(sentences) < least < MINIMUM_SENTENCES:
        raise DocumentError(f"No sentence of {document.source} has a token of its own.")
    if len(sentences) < least:
        raise DocumentError(
            f"Only {len(sentences)} sentence of {document.source} has a token of its own; attention between sentences needs at least two: give a longer text."
        )


def unread_notice(text: str, unread: Sequence[Sentence]) -> str:
    """Says that sentences of which the model saw no token are left out."""
    first = text[unread[0].start : unread[0].end]
    return f"{len(unread)} sentence{'s' if len(unread) > 1 else ''} left out, because the model's tokenizer gives no token for it alone (the first: {first!r:.60})."


@runtime_checkable
class Span(Protocol):
    """A part of the text."""

    @property
    def start(self) -> int: ...

    @property
    def end(self) -> int: ...


def owners_of_tokens(text: str, parts: Sequence[Span], spans: Int[np.ndarray, "token 2"], special: Bool[np.ndarray, " token"]) -> Int[np.ndarray, " token"]:
    """The sentence, word or other part of the text, none of which overlap, that each token lies in; -1 for none and for special tokens."""
    of_character = _part_of_character(text, parts)
    empty = special | (spans[:, 0] >= spans[:, 1])
    first, last = (np.where(empty, -1, of_character[np.where(empty, 0, characters)]) for characters in (spans[:, 0], spans[:, 1] - 1))
    owners = np.where(first == last, first, -1).astype(np.int32)  # from one end to the other in one part
    for token in np.flatnonzero(~empty & (owners < 0)).tolist():
        start, end = spans[token].tolist()
        owners[token] = _owner(text[start:end], of_character[start:end])
    return owners


def _part_of_character(text: str, parts: Sequence[Span]) -> Int[np.ndarray, " character"]:
    """The part each character lies in; -1 for text of none."""
    owner = np.full(len(text), -1, np.int32)
    for index, part in enumerate(parts):
        owner[part.start : part.end] = index
    return owner


def _owner(token: str, owners: Int[np.ndarray, " character"]) -> int:
    """The part with most of a token's characters, white space aside unless it is all there is; the first of equals; -1 for none."""
    solid = np.array([not character.isspace() for character in token], bool)
    inside = owners[solid] if solid.any() else owners
    inside = inside[inside >= 0]
    return int(np.bincount(inside).argmax()) if len(inside) else -1

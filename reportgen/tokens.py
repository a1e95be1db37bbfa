"""Sentences to tokens: which sentence each token that the model reads lies in."""

from __future__ import annotations

import functools
import string
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from reportgen.documents import Document
from reportgen.errors import DocumentError, ModelError
from reportgen.sentences import Sentence

MINIMUM_SENTENCES = 2


@dataclass(frozen=True, kw_only=True)
class TokenisedText:
    """The tokens of the whole sentences that fit the model, and the sentences themselves.

    `spans` are characters of the document's text; `sentences[t]` is -1 for a token of no sentence; `special` marks what the tokenizer
    added; `delimiter` marks special tokens and tokens that are only punctuation.
    """

    ids: Int[np.ndarray, " token"]
    spans: Int[np.ndarray, "token 2"]
    sentence_of_token: Int[np.ndarray, " token"]
    special: Bool[np.ndarray, " token"]
    delimiter: Bool[np.ndarray, " token"]
    sentences: tuple[Sentence, ...]
    notices: tuple[str, ...]


def align_tokens(document: Document, sentences: Sequence[Sentence], tokenizer: Any, limit: int | None) -> TokenisedText:
    """The document's tokens and the sentence each lies in; at most `limit` tokens, cut after a whole sentence.

    A token across a border goes to the sentence that has more of its characters that are not white space. Raises `DocumentError` when fewer
    than two sentences remain, `ModelError` when the tokenizer cannot say which characters a token stands for.
    """
    if len(sentences) < MINIMUM_SENTENCES:
        raise DocumentError(f"{document.source} has {len(sentences)} sentence; attention between sentences needs at least two.")
    encoded = encode(tokenizer, document.text)
    total = len(encoded["input_ids"])
    kept = list(sentences)
    while limit is not None and len(encoded["input_ids"]) > limit:
        kept = _sentences_within(encoded, kept, limit)
        if len(kept) < MINIMUM_SENTENCES:
            raise DocumentError(f"The model reads {limit} tokens at most, and fewer than two sentences of {document.source} fit into them.")
        encoded = encode(tokenizer, document.text[: kept[-1].end])
    found = align(document, kept, encoded, notices=_notices(total, len(encoded["input_ids"]), len(sentences), len(kept), limit))
    refuse_too_few(document, found.sentences)
    return found


def refuse_too_few(document: Document, sentences: Sequence[Sentence]) -> None:
    """Raise `DocumentError` when fewer than two sentences have a token of their own."""
    if len(sentences) < MINIMUM_SENTENCES:
        raise DocumentError(f"Only {len(sentences)} sentence of {document.source} has a token of its own; attention between sentences needs at least two.")


def encode(tokenizer: Any, text: str) -> dict[str, list[Any]]:
    """What the tokenizer makes of a text: `input_ids`, `offset_mapping`, `special_tokens_mask`. Raises `ModelError` when it knows no offsets."""
    encoded: dict[str, list[Any]] = {}
    if getattr(tokenizer, "is_fast", False):  # the others ignore the question for offsets, or refuse it
        encoded = dict(tokenizer(text, return_offsets_mapping=True, return_special_tokens_mask=True, verbose=False))
    if "offset_mapping" not in encoded:
        raise ModelError("The model's tokenizer does not tell which characters a token stands for; a fast tokenizer is needed.")
    return encoded


def _sentences_within(encoded: dict[str, list[Any]], sentences: list[Sentence], limit: int) -> list[Sentence]:
    """The sentences that end within the first `limit` tokens, one fewer at least than there were."""
    special = sum(encoded["special_tokens_mask"])
    ends = [end for (_, end), added in zip(encoded["offset_mapping"], encoded["special_tokens_mask"], strict=True) if not added]
    reach = ends[max(limit - special, 1) - 1]
    return [sentence for sentence in sentences[:-1] if sentence.end <= reach]


def _notices(total: int, seen: int, sentences: int, kept: int, limit: int | None) -> tuple[str, ...]:
    if seen == total:
        return ()
    return (
        f"The document is longer than the model: of {total} tokens the first {seen} were measured, in whole sentences "
        f"({kept} of {sentences}; the model reads {limit} tokens at most). The rest was not seen.",
    )


def align(document: Document, sentences: Sequence[Sentence], encoded: dict[str, list[Any]], *, start: int = 0, notices: tuple[str, ...] = ()) -> TokenisedText:
    """The tokens of an encoded piece of the document, which begins at character `start`, and the sentence each lies in.

    `sentences` lie in the piece; one that no token lies in is left out, with a notice. Spans are the document's; those of special tokens, which stand
    for no text, stay as the tokenizer gives them.
    """
    text, special = document.text, np.array(encoded["special_tokens_mask"], bool)
    spans = np.array(encoded["offset_mapping"], np.int32).reshape(-1, 2)
    spans[~special] += start
    owners = _owners(text, sentences, spans, special)
    read = set(owners.tolist())
    unread = [sentence for index, sentence in enumerate(sentences) if index not in read]
    if unread:
        sentences = [sentence for sentence in sentences if sentence not in unread]
        owners, notices = _owners(text, sentences, spans, special), (*notices, unread_notice(text, unread))
    return TokenisedText(
        ids=np.array(encoded["input_ids"], np.int32),
        spans=spans,
        sentence_of_token=owners,
        special=special,
        delimiter=special | np.array([_is_punctuation(text[start:end]) for start, end in spans], bool),
        sentences=tuple(sentences),
        notices=notices,
    )


def unread_notice(text: str, unread: Sequence[Sentence]) -> str:
    """Says that sentences of which the model saw no token are left out."""
    first = text[unread[0].start : unread[0].end]
    return f"{len(unread)} sentence{'s' if len(unread) > 1 else ''} left out, because the model's tokenizer gives no token for it alone (the first: {first!r:.60})."


def _owners(text: str, sentences: Sequence[Sentence], spans: Int[np.ndarray, "token 2"], special: Bool[np.ndarray, " token"]) -> Int[np.ndarray, " token"]:
    """The sentence each token lies in; -1 for none and for special tokens."""
    of_character = _sentence_of_character(text, sentences)
    empty = special | (spans[:, 0] >= spans[:, 1])
    first, last = (np.where(empty, -1, of_character[np.where(empty, 0, characters)]) for characters in (spans[:, 0], spans[:, 1] - 1))
    owners = np.where(first == last, first, -1).astype(np.int32)  # from one end to the other in one sentence
    for token in np.flatnonzero(~empty & (owners < 0)).tolist():
        start, end = spans[token].tolist()
        owners[token] = _owner(text[start:end], of_character[start:end])
    return owners


def _sentence_of_character(text: str, sentences: Sequence[Sentence]) -> Int[np.ndarray, " character"]:
    """The sentence each character lies in; -1 for text of no sentence."""
    owner = np.full(len(text), -1, np.int32)
    for index, sentence in enumerate(sentences):
        owner[sentence.start : sentence.end] = index
    return owner


def _owner(token: str, owners: Int[np.ndarray, " character"]) -> int:
    """The sentence with most of a token's characters, white space aside unless it is all there is; the first of equals; -1 for none."""
    solid = np.array([not character.isspace() for character in token], bool)
    inside = owners[solid] if solid.any() else owners
    inside = inside[inside >= 0]
    return int(np.bincount(inside).argmax()) if len(inside) else -1


@functools.lru_cache(maxsize=1 << 16)
def _is_punctuation(token: str) -> bool:
    """Whether all it holds besides white space are punctuation marks: Unicode's, and those ASCII characters that C and Python count too."""
    stripped = token.strip()
    return bool(stripped) and all(mark in string.punctuation or unicodedata.category(mark).startswith("P") for mark in stripped)

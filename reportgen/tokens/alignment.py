"""As many whole sentences of a document as fit the model, alone or beside a second text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from reportgen.characters import capitalised
from reportgen.documents import Document
from reportgen.documents.document import BETWEEN_BLOCKS
from reportgen.errors import DocumentError
from reportgen.sentences import Sentence
from reportgen.sentences.levels import SENTENCE, split_beside
from reportgen.tokens.encoding import Encoding, encode
from reportgen.tokens.joining import cut_document, joined, shifted
from reportgen.tokens.tokenised_text import DOCUMENT, MINIMUM_SENTENCES, PAIR, TokenisedText, tokenised_text


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """The part of a document that fits: cut after a whole sentence, its sentences, and the tokens of all that is fed. `total` counts those of the whole."""

    document: Document
    sentences: tuple[Sentence, ...]
    encoding: Encoding
    total: int


@dataclass(frozen=True, kw_only=True)
class Room:
    """How many tokens the model reads at most (None: any number), and how many of them are kept for what it will write."""

    limit: int | None
    reserved: int = 0

    @property
    def left(self) -> int | None:
        """What is left for the texts."""
        return None if self.limit is None else self.limit - self.reserved

    @property
    def description(self) -> str:
        """The limit in words."""
        return f"the model reads {self.limit} tokens at most" + (f", of which {self.reserved} are kept for its own text" if self.reserved else "")


@dataclass(frozen=True, kw_only=True)
class Fed:
    """A text that is fed, and its tokens in place."""

    document: Document
    encoding: Encoding
    tokenised: TokenisedText


def align_tokens(document: Document, sentences: Sequence[Sentence], tokenizer: Any, limit: int | None) -> TokenisedText:
    """The document's tokens and the sentence each lies in; at most `limit` tokens, cut after a whole sentence.

    Raises `DocumentError` when fewer than two sentences remain, `ModelError` when the tokenizer cannot say which characters a token stands for.
    """
    return feed_alone(document, sentences, partial(encode, tokenizer), Room(limit=limit)).tokenised


def feed_alone(document: Document, sentences: Sequence[Sentence], encode_text: Callable[[str], Encoding], room: Room) -> Fed:
    """One document, cut after a whole sentence where it does not fit."""
    if len(sentences) < MINIMUM_SENTENCES:
        raise DocumentError(f"{document.source} has {len(sentences)} sentence; attention between sentences needs at least two: give a longer text.")
    fitted = fit(document, sentences, room.left, lambda cut: encode_text(cut.text), least=MINIMUM_SENTENCES)
    if fitted is None:
        raise DocumentError(f"{capitalised(room.description)}, and fewer than two sentences of {document.source} fit into them.")
    notices = notices_of_cut(fitted, len(sentences), room)
    tokenised = tokenised_text(document, fitted.sentences, [DOCUMENT] * len(fitted.sentences), fitted.encoding, notices=notices)
    return Fed(document=fitted.document if room.reserved else document, encoding=fitted.encoding, tokenised=tokenised)


def feed_pair(
    document: Document,
    sentences: Sequence[Sentence],
    pair: Document,
    encode_two: Callable[[str, str], Encoding],
    room: Room,
    *,
    pair_first: bool,
    level: str = SENTENCE,
) -> Fed:
    """A document and a second text in one input: the second text whole, the document cut after a whole sentence where both do not fit.

    `level` is that of the document's sentences, and then of the second text's.
    """

    def ordered(cut: Document) -> tuple[Document, Document]:
        return (pair, cut) if pair_first else (cut, pair)

    def encode_with_pair(cut: Document) -> Encoding:
        first, second = ordered(cut)
        return encode_two(first.text, second.text)

    fitted = fit(document, sentences, room.left, encode_with_pair, before=len(pair.text + BETWEEN_BLOCKS) if pair_first else 0)
    if fitted is None:
        raise DocumentError(f"{capitalised(room.description)}, and beside {pair.source} no whole sentence of {document.source} fits into them.")
    first, second = ordered(fitted.document)
    both = joined(first, second, main=document, source=f"{document.source} with {pair.source}")
    sentences_of_pair = split_beside(pair, level)
    own, others = (fitted.sentences, [DOCUMENT] * len(fitted.sentences)), (sentences_of_pair, [PAIR] * len(sentences_of_pair))
    (leading, leading_parts), (trailing, trailing_parts) = (others, own) if pair_first else (own, others)
    placed = (*leading, *shifted(trailing, after=first))
    notices = notices_of_pair(fitted, len(sentences), room, pair)
    tokenised = tokenised_text(both, placed, leading_parts + trailing_parts, fitted.encoding, notices=notices)
    return Fed(document=both, encoding=fitted.encoding, tokenised=tokenised)


def fit(
    document: Document,
    sentences: Sequence[Sentence],
    limit: int | None,
    encode_cut: Callable[[Document], Encoding],
    *,
    before: int = 0,
    least: int = 1,
) -> Fitted | None:
    """As many whole sentences from the start as fit into `limit` tokens, with what else `encode_cut` encodes; None when fewer than `least` do.

    `before` is the number of characters that stand before the document in what is encoded.
    """
    cut, kept, encoding = document, list(sentences), encode_cut(document)
    total = len(encoding.ids)
    while limit is not None and len(encoding.ids) > limit:
        kept = _sentences_within(encoding, kept, limit, before, before + len(cut.text))
        if len(kept) < least:
            return None
        cut = cut_document(document, kept[-1].end)
        encoding = encode_cut(cut)
    return Fitted(document=cut, sentences=tuple(kept), encoding=encoding, total=total) if len(kept) >= least else None


def _sentences_within(encoding: Encoding, sentences: list[Sentence], limit: int, start: int, stop: int) -> list[Sentence]:
    """The sentences that would end within `limit` tokens if the document's last tokens were dropped, one fewer at least than there were."""
    own = ~encoding.special & (encoding.spans[:, 0] >= start) & (encoding.spans[:, 0] < stop)
    ends = encoding.spans[own, 1] - start
    left = len(ends) - (len(encoding.ids) - limit)
    reach = ends[max(left, 1) - 1] if len(ends) else 0
    return [sentence for sentence in sentences[:-1] if sentence.end <= reach]


def notices_of_cut(fitted: Fitted, sentences: int, room: Room) -> tuple[str, ...]:
    """What to say of a document that was cut."""
    if len(fitted.encoding.ids) == fitted.total:
        return ()
    return (
        f"The document is longer than the model: of {fitted.total} tokens the first {len(fitted.encoding.ids)} were measured, in whole sentences "
        f"({len(fitted.sentences)} of {sentences}; {room.description}). The rest was not seen.",
    )


def notices_of_pair(fitted: Fitted, sentences: int, room: Room, pair: Document) -> tuple[str, ...]:
    """What to say of a document that was cut for the sake of the text beside it."""
    seen = len(fitted.encoding.ids)
    if seen == fitted.total:
        return ()
    return (
        f"Document and second text are longer than the model: of {fitted.total} tokens {seen} were measured. {pair.source} was kept whole and the document "
        f"cut after a whole sentence ({len(fitted.sentences)} of {sentences}; {room.description}). The rest was not seen.",
    )

"""The tokens of a document, in as many windows as the model needs to read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Int

from reportgen.documents import Document
from reportgen.errors import DocumentError
from reportgen.sentences import Sentence
from reportgen.tokens import DOCUMENT, MINIMUM_SENTENCES, Encoding, TokenisedText, encode, refuse_too_few, tokenised_text, unread_notice
from reportgen.windows.joining import WindowedText, join
from reportgen.windows.planning import Window, place_windows, plan_windows


def tokenise_windows(
    document: Document,
    sentences: Sequence[Sentence],
    tokenizer: Any,
    limit: int | None,
    *,
    size: int | None = None,
    stride: int | None = None,
    encode_text: Callable[[str], Encoding] | None = None,
) -> WindowedText:
    """The document's tokens in as many windows as it takes: of at most `size` tokens (default: `limit`, the model's), `stride` apart (default: half of it).

    Each window's text is tokenised by itself, as the model will read it; `encode_text` takes the tokenizer's place, such as a chat around the text. Raises `DocumentError` when there are fewer than two sentences, when a
    sentence is longer than a window, or when the window is larger than the model or no larger than the stride; `ModelError` when the tokenizer
    cannot say which characters a token stands for.
    """
    if len(sentences) < MINIMUM_SENTENCES:
        raise DocumentError(f"{document.source} has {len(sentences)} sentence; attention between sentences needs at least two: give a longer text.")
    size, stride = _checked(limit, size, stride)
    encode_text = encode_text or partial(encode, tokenizer)
    whole = _read(document, sentences, encode_text, 0, len(document.text))
    refuse_too_few(document, whole.sentences)
    if size is None or len(whole.ids) <= size:
        return _in_one(document, whole)
    found = _fitting(document, whole, encode_text, size, stride)
    return join(found.sentences, found.windows, found.texts, (*_of_tokens(whole, sentences), *_given_up(document, sentences, found), _notice(found, size)))


def _checked(limit: int | None, size: int | None, stride: int | None) -> tuple[int | None, int]:
    if size is not None and limit is not None and size > limit:
        raise DocumentError(f"A window of {size} tokens is larger than the model, which reads {limit} at most.")
    size = limit if size is None else size
    stride = (size or MINIMUM_SENTENCES) // 2 if stride is None else stride
    if size is not None and not 0 < stride < size:
        raise DocumentError(f"Windows of {size} tokens that start {stride} tokens apart do not overlap; the stride lies between 1 and {size - 1}.")
    return size, stride


def _in_one(document: Document, whole: TokenisedText) -> WindowedText:
    window = Window(first=0, last=len(whole.sentences), own=0, start=0, end=len(document.text))
    every = np.arange(len(whole.ids))
    return WindowedText(whole=whole, windows=(window,), parts=(whole,), places=(every,), counted=(every >= 0,))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Parts:
    """Windows and their texts, before there is a token axis for the whole document."""

    sentences: tuple[Sentence, ...]
    windows: tuple[Window, ...]
    texts: tuple[TokenisedText, ...]


def _fitting(document: Document, whole: TokenisedText, encode_text: Callable[[str], Encoding], size: int, stride: int) -> _Parts:
    """Windows that fit as they are tokenised by themselves.

    Cut out of the document, a text can have a few tokens more than its share of them: then the sentence it starts with is counted as that much longer,
    and all are planned again. A sentence that has no token of its own in some window is left out of all.
    """
    sentences, special = whole.sentences, int(whole.special.sum())
    longer = dict.fromkeys(sentences, 0)
    while True:
        counts = _counts(sentences, whole) + np.array([longer[sentence] for sentence in sentences])
        windows = place_windows(sentences, plan_windows(counts, special=special, size=size, stride=stride))
        texts = [_read(document, sentences[window.first : window.last], encode_text, window.start, window.end) for window in windows]
        kept = [{*text.sentences} for text in texts]
        unread = {lost for window, read in zip(windows, kept, strict=True) for lost in sentences[window.first : window.last] if lost not in read}
        excess = {
            sentences[window.first]: len(text.ids) - special - int(counts[window.first : window.last].sum())
            for window, text in zip(windows, texts, strict=True)
            if len(text.ids) > size
        }
        if not unread and not excess:
            return _Parts(sentences=sentences, windows=windows, texts=tuple(texts))
        longer |= {sentence: longer[sentence] + more for sentence, more in excess.items()}
        sentences = tuple(sentence for sentence in sentences if sentence not in unread)
        refuse_too_few(document, sentences)


def _counts(sentences: Sequence[Sentence], whole: TokenisedText) -> Int[np.ndarray, " sentence"]:
    """How many of the document's tokens end in each sentence or between it and the next."""
    starts = np.array([sentence.start for sentence in sentences[1:]])
    return np.bincount(np.searchsorted(starts, whole.spans[~whole.special, 1] - 1, side="right"), minlength=len(sentences))


def _read(document: Document, sentences: Sequence[Sentence], encode_text: Callable[[str], Encoding], start: int, end: int) -> TokenisedText:
    """The tokens of a piece of the document, by itself; spans are the document's, but for special tokens, which stand for no text."""
    encoding = encode_text(document.text[start:end])
    encoding = replace(encoding, spans=encoding.spans + np.where(encoding.special, 0, start).astype(np.int32)[:, None])
    return tokenised_text(document, sentences, [DOCUMENT] * len(sentences), encoding, notices=(), least=0)


def _of_tokens(whole: TokenisedText, sentences: Sequence[Sentence]) -> tuple[str, ...]:
    """What is to be said of the document's tokens, but for sentences that have none, which windows may make more."""
    return whole.notices[:-1] if len(whole.sentences) < len(sentences) else whole.notices


def _given_up(document: Document, sentences: Sequence[Sentence], found: _Parts) -> tuple[str, ...]:
    kept = set(found.sentences)
    unread = [sentence for sentence in sentences if sentence not in kept]
    return (unread_notice(document.text, unread),) if unread else ()


def _notice(found: _Parts, size: int) -> str:
    least = min(int(np.argmax(text.sentence_of_token == window.own - window.first)) for window, text in zip(found.windows[1:], found.texts[1:], strict=True))
    return (
        f"The document is longer than a window of {size} tokens: it was read in {len(found.windows)} overlapping windows of whole sentences. Every sentence beyond "
        f"the first window was read with at least {least} token{'s' * (least != 1)} before it, never with all; nothing was measured between sentences that no window holds together."
    )

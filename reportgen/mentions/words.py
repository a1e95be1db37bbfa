"""The words of a document's sentences, and whether the capital of one says anything."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from reportgen.mentions.vocabulary import FUNCTION_WORDS, TITLES
from reportgen.sentences import Sentence
from reportgen.units import BY_LINE

# Letters, also joined by hyphens and apostrophes, without the ending of a possessive or of a verb drawn together with the word.
WORD = re.compile(r"[^\W\d_]+(?:[-‐‑][^\W\d_]+|['’](?!(?:s|d|ll|re|ve|m)\b)[^\W\d_]+)*")
GOES_ON = re.compile(r"(?:['’][a-z]{1,2})?,?[ \t\u00a0]+|-")  # between two words of one clause
JOINED = re.compile(r"[ \t\u00a0]+|-")  # between two words of one name
AFTER_ABBREVIATION = re.compile(r"\.[ \t\u00a0]+|\.")


@dataclass(frozen=True, kw_only=True)
class Word:
    """A word as a span of the text. `between` is what stands between it and the word before it in its sentence; None for the first.

    `telling` says that a capital would mean a name: the word goes on with a clause, and its sentence is not written like a title.
    """

    start: int
    end: int
    text: str
    sentence: int
    between: str | None
    telling: bool

    @cached_property
    def folded(self) -> str:
        """Without capitals."""
        return self.text.casefold()

    @property
    def capitalised(self) -> bool:
        """Whether it begins with a capital; single letters do not count."""
        return len(self.text) > 1 and self.text[0].isupper()

    @property
    def content(self) -> bool:
        """Whether it is of an open class: it can name something."""
        return self.folded not in FUNCTION_WORDS

    @property
    def abbreviates(self) -> bool:
        """Whether a period after it ends no sentence: an initial or a title."""
        return (len(self.text) == 1 and self.text.isupper()) or self.folded in TITLES


def find_words(text: str, sentences: Sequence[Sentence], kinds: Sequence[str]) -> tuple[Word, ...]:
    """The words of the sentences, in order; code and tables have none. `kinds` are those of the document's blocks."""
    return tuple(
        word
        for index, sentence in enumerate(sentences)
        if kinds[sentence.block] not in BY_LINE
        for word in _words_of(text, sentence, index, heading=kinds[sentence.block] == "heading")
    )


def _words_of(text: str, sentence: Sentence, index: int, *, heading: bool) -> Iterator[Word]:
    found = list(WORD.finditer(text, sentence.start, sentence.end))
    plain = not heading and not _like_a_title([match[0] for match in found])
    before: Word | None = None
    for match in found:
        between = None if before is None else text[before.end : match.start()]
        word = Word(
            start=match.start(),
            end=match.end(),
            text=match[0],
            sentence=index,
            between=between,
            telling=plain and between is not None and _goes_on(before, between),
        )
        yield word
        before = word


def _goes_on(before: Word | None, between: str) -> bool:
    return bool(GOES_ON.fullmatch(between)) or (before is not None and before.abbreviates and bool(AFTER_ABBREVIATION.fullmatch(between)))


def _like_a_title(words: Sequence[str]) -> bool:
    """Whether no word of an open class begins small: not even a verb does."""
    return not any(word[0].islower() and word.casefold() not in FUNCTION_WORDS for word in words)

"""A stand-in for a spaCy pipeline with heads set by hand, so that nothing needs to be installed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(kw_only=True)
class HandToken:
    """What reportgen reads of a spaCy token."""

    i: int
    idx: int
    text: str
    dep_: str
    head: Any = None
    is_space: bool = False


class HandDoc(list):
    """A parsed sentence."""

    def has_annotation(self, name: str) -> bool:
        return name == "DEP" and any(token.dep_ for token in self)


@dataclass(kw_only=True)
class HandPipeline:
    """Words are what blanks and periods separate; the rule gives each word's head and relation."""

    rule: Any
    meta: dict[str, str] = field(default_factory=lambda: {"version": "1.0"})

    def pipe(self, texts: Iterable[str]) -> Iterator[HandDoc]:
        for text in texts:
            yield self._parsed(text)

    def _parsed(self, text: str) -> HandDoc:
        words = text.replace(".", " .").split()
        found, place = HandDoc(), 0
        for index, word in enumerate(words):
            place = text.index(word, place)
            found.append(HandToken(i=index, idx=place, text=word, dep_=""))
            place += len(word)
        for token in found:
            head, token.dep_ = self.rule(words, token.i)
            token.head = found[head]
        return found


def to_the_verb(words: Sequence[str], index: int) -> tuple[int, str]:
    """A made-up grammar: the fourth word (or last) is the root, what is before it a subject, after it an object; the word after an article has it."""
    root = min(3, len(words) - 1)
    if index == root:
        return root, "ROOT"
    if words[index].lower() in ("the", "a", "his", "her"):
        return min(index + 1, len(words) - 1), "det"
    if not words[index].isalpha():
        return root, "punct"
    return root, "nsubj" if index < root else "dobj"

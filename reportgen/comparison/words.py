"""How alike two sentences are, word by word, and what was changed between them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_array

WORD = re.compile(r"\s+|\w+|[^\w\s]+")


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A stretch of text: `same` in both, only in A (`gone`), or only in B (`new`)."""

    kind: str
    text: str


def words_of(text: str) -> list[str]:
    """Words and marks, white space left out."""
    return [word for word in WORD.findall(text) if not word.isspace()]


def likeness(one: Sequence[str], other: Sequence[str]) -> float:
    """2 x words in common, in order, over the words of both: 1 for the same words, 0 for none in common.

    Formula: 2 LCS(a, b) / (|a| + |b|). *Source:* the longest common subsequence (Wagner and Fischer 1974) as a Dice coefficient.
    """
    return 2 * _common(one, other) / (len(one) + len(other)) if one or other else 1.0


def greatest_likenesses(a: Sequence[Sequence[str]], b: Sequence[Sequence[str]]) -> Float[np.ndarray, "a b"]:
    """What the likeness of any two can be at most: that of their words in any order. Memory: sentences x sentences."""
    known: dict[tuple[str, int], int] = {}
    sides = [_occurrences(side, known) for side in (a, b)]
    one, other = (csr_array((np.ones(len(columns)), columns, starts), shape=(len(starts) - 1, len(known))) for columns, starts in sides)
    totals = np.add.outer([len(words) for words in a], [len(words) for words in b])
    return np.where(totals > 0, 2 * (one @ other.T).toarray() / np.maximum(totals, 1), 1.0)


def _occurrences(sentences: Sequence[Sequence[str]], known: dict[tuple[str, int], int]) -> tuple[list[int], list[int]]:
    """For each sentence the numbers of its words, the second occurrence of a word being another than its first; and where each sentence's begin."""
    columns, starts = [], [0]
    for words in sentences:
        seen: Counter[str] = Counter()
        for word in words:
            seen[word] += 1
            columns.append(known.setdefault((word, seen[word]), len(known)))
        starts.append(len(columns))
    return columns, starts


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of the longest common subsequence."""
    row = [0] * (len(other) + 1)
    for word in one:
        before = 0
        for place, another in enumerate(other, 1):
            before, row[place] = row[place], before + 1 if word == another else max(row[place], row[place - 1])
    return row[-1]


def changed_words(before: str, after: str) -> tuple[Piece, ...]:
    """Both texts as one, with what is only in the first and what is only in the second marked; without the marked words of the other, each is whole."""
    one, other = WORD.findall(before), WORD.findall(after)
    pieces: list[Piece] = []
    for kind, first, last, start, end in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(Piece(kind="same", text="".join(one[first:last])))
            continue
        gone, new = "".join(one[first:last]), "".join(other[start:end])
        pieces += [Piece(kind=name, text=text) for name, text in (("gone", gone), ("new", new)) if text]
    return tuple(pieces)

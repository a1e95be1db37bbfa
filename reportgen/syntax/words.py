"""Parsed words as tokens of a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from reportgen.syntax.parsing import NOT_READ, ParsedWord
from reportgen.tokens import TokenisedText, owners_of_tokens

ENOUGH = 10  # words of a relation: an accuracy over fewer says nothing
NONE = -1


@dataclass(frozen=True, kw_only=True, eq=False)
class SyntaxWords:
    """The words of a text that have tokens of their own, in order.

    `tokens` are the tokens of words and `word_of_token` their words; `sentence` numbers the document's; `head` is a word of the same sentence, `relation` one of `relations`, -1 for none.
    """

    tokens: Int[np.ndarray, " word_token"]
    word_of_token: Int[np.ndarray, " word_token"]
    sentence: Int[np.ndarray, " word"]
    head: Int[np.ndarray, " word"]
    relation: Int[np.ndarray, " word"]
    relations: tuple[str, ...]


def relations_of(texts: Iterable[Sequence[ParsedWord]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The relations that 10 words of one of the texts are in, and those left out because fewer are; both in order of the alphabet."""
    most: Counter[str] = Counter()
    for words in texts:
        most |= Counter(word.relation for word in words if word.head != NONE and word.relation not in NOT_READ)
    return tuple(sorted(name for name in most if most[name] >= ENOUGH)), tuple(sorted(name for name in most if most[name] < ENOUGH))


def place_words(words: Sequence[ParsedWord], relations: Sequence[str], text: str, tokenised: TokenisedText) -> SyntaxWords:
    """The words in a text that the model reads at once.

    A token is the word's that has most of its characters; a word without a token of its own is left out, as is the one with the first token, which draws
    attention whatever it is.
    """
    owners = owners_of_tokens(text, words, tokenised.spans, tokenised.special | (tokenised.sentence_of_token < 0))
    owners = np.where(owners == owners[0], NONE, owners)
    tokens = np.flatnonzero(owners >= 0)
    kept, word_of_token = np.unique(owners[tokens], return_inverse=True)
    number = np.full(len(words) + 1, NONE)
    number[kept] = np.arange(len(kept))
    return SyntaxWords(
        tokens=tokens,
        word_of_token=word_of_token,
        sentence=np.array([words[word].sentence for word in kept], np.int64),
        head=number[[words[word].head for word in kept]].astype(np.int64),
        relation=np.array([relations.index(relation) if (relation := words[word].relation) in relations else NONE for word in kept], np.int64),
        relations=tuple(relations),
    )

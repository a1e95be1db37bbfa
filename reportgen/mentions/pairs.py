"""Mentions as tokens: which tokens of a later mention look at which of earlier ones, and what the others are like."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from reportgen.mentions.resolving import Mention
from reportgen.mentions.words import Word
from reportgen.tokens import TokenisedText, owners_of_tokens

EARLIER = 32  # mentions that a later one is paired with, the nearest: a protagonist has thousands
OTHER, FUNCTION, CONTENT_START, CONTENT_REST = -1, 0, 1, 2


@dataclass(frozen=True, kw_only=True, eq=False)
class MentionPairs:
    """The token pairs of coreference: each token of a later mention, as query, with each token of the mentions of its entity before it, as key.

    Pairs are in order of the query. `begins` is the first token of the query's own mention; `pronoun_to_name` whether a pronoun looks at a name.
    `kind_of_token` says of each token of the text whether it is of a function word, the first or a later one of another word, or of none (-1).
    """

    queries: Int[np.ndarray, " pair"]
    keys: Int[np.ndarray, " pair"]
    begins: Int[np.ndarray, " pair"]
    pronoun_to_name: Bool[np.ndarray, " pair"]
    kind_of_token: Int[np.ndarray, " token"]

    def among(self, chosen: Bool[np.ndarray, " pair"]) -> MentionPairs:
        """Some of the pairs."""
        kept = (values[chosen] for values in (self.queries, self.keys, self.begins, self.pronoun_to_name))
        return MentionPairs(**dict(zip(("queries", "keys", "begins", "pronoun_to_name"), kept, strict=True)), kind_of_token=self.kind_of_token)


def pair_mentions(mentions: Sequence[Mention], words: Sequence[Word], text: str, tokenised: TokenisedText) -> MentionPairs:
    """The pairs within the text that the model reads at once; a mention is paired with the 32 nearest before it.

    A token belongs to the mention or word that has most of its characters. Memory: pairs of tokens, no more than a few dozen for each token of a mention.
    """
    rows = [row for later, earlier in _with_earlier(mentions, _tokens_of(mentions, text, tokenised)) for row in _rows(later, earlier)]
    columns = np.array(rows, np.int64).reshape(-1, 4).T
    order = np.argsort(columns[0], kind="stable")
    return MentionPairs(
        queries=columns[0, order],
        keys=columns[1, order],
        begins=columns[2, order],
        pronoun_to_name=columns[3, order] > 0,
        kind_of_token=_kinds(words, text, tokenised),
    )


@dataclass(frozen=True, kw_only=True)
class _Placed:
    """A mention and its tokens."""

    mention: Mention
    tokens: tuple[int, ...]


def _tokens_of(mentions: Sequence[Mention], text: str, tokenised: TokenisedText) -> list[_Placed]:
    """The mentions that have a token in this text."""
    owners = owners_of_tokens(text, mentions, tokenised.spans, tokenised.special | (tokenised.sentence_of_token < 0))
    tokens: dict[int, list[int]] = defaultdict(list)
    for token in np.flatnonzero(owners >= 0).tolist():
        tokens[int(owners[token])].append(token)
    return [_Placed(mention=mentions[index], tokens=tuple(tokens[index])) for index in sorted(tokens)]


def _with_earlier(mentions: Sequence[Mention], placed: Sequence[_Placed]) -> Iterator[tuple[_Placed, list[_Placed]]]:
    """Each mention that has earlier ones of its entity, with the nearest of them."""
    before: dict[int, list[_Placed]] = defaultdict(list)
    for one in placed:
        if earlier := before[one.mention.entity][-EARLIER:]:
            yield one, earlier
        before[one.mention.entity].append(one)


def _rows(later: _Placed, earlier: Sequence[_Placed]) -> Iterator[tuple[int, int, int, bool]]:
    for query, one in itertools.product(later.tokens, earlier):
        yield from ((query, key, later.tokens[0], later.mention.pronoun and not one.mention.pronoun) for key in one.tokens)


def _kinds(words: Sequence[Word], text: str, tokenised: TokenisedText) -> Int[np.ndarray, " token"]:
    """What each token is of; those of no sentence are of nothing."""
    owners = owners_of_tokens(text, words, tokenised.spans, tokenised.special | (tokenised.sentence_of_token < 0))
    content = np.array([word.content for word in words] + [False])[owners]
    first = np.diff(owners, prepend=-1) != 0
    return np.where(owners < 0, OTHER, np.where(~content, FUNCTION, np.where(first, CONTENT_START, CONTENT_REST)))

"""The text as the reducers see it: which tokens form which sentence, which keys are sinks or separators."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from reportgen.mentions import MentionPairs
from reportgen.syntax import SyntaxWords
from reportgen.tokens import TokenisedText

RAREST = 0.1  # of the types of a text


@dataclass(frozen=True, kw_only=True)
class Run:
    """Consecutive tokens of one sentence (or of none: -1)."""

    start: int
    stop: int
    sentence: int


@dataclass(frozen=True, kw_only=True, eq=False)
class TextLayout:
    """Tokens and sentences of one input, in the forms that adding up needs.

    `sinks` are the keys that the `_without_sink` numbers leave out: the first token and the tokenizer's special tokens. `rare` marks the tokens of rare types
    (by default those of this text). `counted` marks the queries that statistics of heads and tokens are over (by default all): where a document is read
    in windows, each of its queries counts in one window. `mentions` and `syntax` are there where they are measured.
    """

    ids: Int[np.ndarray, " token"]
    sentence_of_token: Int[np.ndarray, " token"]
    sinks: Int[np.ndarray, " sink"]
    delimiter: Bool[np.ndarray, " token"]
    target_rows: Int[np.ndarray, " row"]
    rare: Bool[np.ndarray, " token"] | None = None
    counted: Bool[np.ndarray, " token"] | None = None
    mentions: MentionPairs | None = None
    syntax: SyntaxWords | None = None

    @property
    def tokens(self) -> int:
        """Number of tokens."""
        return len(self.ids)

    @cached_property
    def sentences(self) -> int:
        """Number of sentences."""
        return int(self.sentence_of_token.max()) + 1

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """The text cut wherever the sentence changes, or whether a query counts."""
        cuts = np.flatnonzero(np.diff(self.sentence_of_token) | np.diff(self.queries_counted)) + 1
        bounds = [0, *cuts.tolist(), self.tokens]
        return tuple(Run(start=a, stop=b, sentence=int(self.sentence_of_token[a])) for a, b in itertools.pairwise(bounds))

    @cached_property
    def queries_counted(self) -> Bool[np.ndarray, " token"]:
        """Which queries count."""
        return np.ones(self.tokens, bool) if self.counted is None else self.counted

    @cached_property
    def sentence_queries(self) -> Bool[np.ndarray, " token"]:
        """Which queries count and lie in a sentence."""
        return self.queries_counted & (self.sentence_of_token >= 0)

    @cached_property
    def rare_tokens(self) -> Bool[np.ndarray, " token"]:
        """The tokens of rare types."""
        return rare_tokens(self.ids, self.sentence_of_token >= 0) if self.rare is None else self.rare

    @cached_property
    def in_sentence(self) -> Float[torch.Tensor, " token"]:
        """1 for a token of some sentence, else 0."""
        return torch.from_numpy((self.sentence_of_token >= 0).astype(np.float32))

    @cached_property
    def slot_of_token(self) -> Int[torch.Tensor, " token"]:
        """The sentence each token lies in, with one last slot for tokens of none."""
        return torch.from_numpy(np.where(self.sentence_of_token < 0, self.sentences, self.sentence_of_token).astype(np.int64))

    @cached_property
    def tokens_in_sentence(self) -> Int[np.ndarray, " sentence"]:
        """How many tokens each sentence has."""
        return np.bincount(self.sentence_of_token[self.sentence_of_token >= 0], minlength=self.sentences)

    def summed_by_sentence(self, values: Float[np.ndarray, " token"]) -> Float[np.ndarray, " sentence"]:
        """The sum over the tokens of each sentence."""
        inside = self.sentence_of_token >= 0
        return np.bincount(self.sentence_of_token[inside], weights=values[inside], minlength=self.sentences).astype(np.float32)

    def changed(self, **fields: Any) -> TextLayout:
        """The same with some fields replaced."""
        return replace(self, **fields)

    def head(self, tokens: int) -> TextLayout:
        """The layout of the first tokens alone."""
        return TextLayout(
            ids=self.ids[:tokens],
            sentence_of_token=self.sentence_of_token[:tokens],
            sinks=self.sinks[self.sinks < tokens],
            delimiter=self.delimiter[:tokens],
            target_rows=self.target_rows[:0],
            rare=None if self.rare is None else self.rare[:tokens],
            counted=None if self.counted is None else self.counted[:tokens],
        )

    def runs_within(self, start: int, stop: int) -> tuple[Run, ...]:
        """The runs, cut to the tokens from `start` to `stop` and counted from `start`."""
        return cut_runs(self.runs, start, stop)


@dataclass(frozen=True, kw_only=True, eq=False)
class Stack:
    """One stack of attention layers: how many layers of how many heads, the text whose tokens look, and the one whose tokens are looked at."""

    name: str
    layers: int
    heads: int
    queries: TextLayout
    keys: TextLayout

    @property
    def crosses(self) -> bool:
        """Whether one text looks at another."""
        return self.queries is not self.keys


def cut_runs(runs: Sequence[Run], start: int, stop: int) -> tuple[Run, ...]:
    """Runs in order, cut to what lies from `start` to `stop` and counted from `start`."""
    inside = [run for run in runs if run.start < stop and run.stop > start]
    return tuple(Run(start=max(run.start, start) - start, stop=min(run.stop, stop) - start, sentence=run.sentence) for run in inside)


def rare_tokens(ids: Int[np.ndarray, " token"], inside: Bool[np.ndarray, " token"]) -> Bool[np.ndarray, " token"]:
    """The tokens whose type is in the rarest tenth of the text's types by count, ties included; tokens of no sentence are none of them.

    Types that occur equally often are not told apart: in most texts more than a tenth occur once, and all of these are then rare.
    """
    types, counts = np.unique(ids[inside], return_counts=True)
    if not len(types):
        return inside
    return inside & np.isin(ids, types[counts <= np.quantile(counts, RAREST, method="inverted_cdf")])


def layout_of(tokenised: TokenisedText, target_rows: Int[np.ndarray, " row"]) -> TextLayout:
    """The layout of a tokenised document. `target_rows` are the positions whose predictions the attribution target reads."""
    return TextLayout(
        ids=tokenised.ids,
        sentence_of_token=tokenised.sentence_of_token,
        sinks=np.union1d([0], np.flatnonzero(tokenised.special)).astype(np.int64),
        delimiter=tokenised.delimiter,
        target_rows=target_rows.astype(np.int64),
    )

"""Which sentences may be hidden from which, and where they are: what the three kinds of language model have in common."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Int

from reportgen.capture.feeding import Feed
from reportgen.capture.knockout.distributions import NO_TOKEN
from reportgen.capture.layout import TextLayout
from reportgen.errors import DocumentError
from reportgen.models import Kind

STACKS = {"causal": "decoder", "masked": "encoder", "seq2seq": "cross"}  # where links are cut; other kinds have no distribution over tokens


@dataclass(frozen=True, kw_only=True, eq=False)
class LinkedTexts:
    """The stack whose links are cut, the text whose sentences look, and the one whose sentences are looked at."""

    stack: str
    looking: TextLayout
    looked_at: TextLayout

    def rows(self, sentence: int) -> Int[np.ndarray, " row"]:
        """The tokens of a sentence that looks."""
        return np.flatnonzero(self.looking.sentence_of_token == sentence)

    @cached_property
    def borders(self) -> Int[np.ndarray, "sentence 2"]:
        """The first token of each sentence that looks, and the one after its last; tokens of others may lie between them. 0 and 0 for a sentence without tokens."""
        rows = [self.rows(sentence) for sentence in range(self.looking.sentences)]
        return np.array([(row[0], row[-1] + 1) if len(row) else (0, 0) for row in rows], np.int64).reshape(-1, 2)

    @property
    def spans(self) -> Int[np.ndarray, " sentence"]:
        """How many tokens a sentence that looks spans, from its first to its last."""
        return self.borders[:, 1] - self.borders[:, 0]

    def costs(self, links: Int[np.ndarray, "link 2"], *, kept: bool) -> Int[np.ndarray, " link"]:
        """Tokens that are run to hide each link: those of the sentence that looks where keys are kept, else all."""
        return self.spans[links[:, 0]] if kept else np.full(len(links), self.looking.tokens)

    def tokens_with_nothing_hidden(self, links: Int[np.ndarray, "link 2"], *, kept: bool) -> int:
        """Tokens that are run beside: the text, and where keys are kept each sentence that looks once more."""
        return self.looking.tokens + (int(self.spans[np.unique(links[:, 0])].sum()) if kept else 0)

    def actual(self, rows: Int[np.ndarray, " row"]) -> Int[torch.Tensor, " row"]:
        """The tokens that the outputs at these rows are about: the next one, the own one for a masked model; -1 after the last."""
        ids = self.looking.ids.astype(np.int64)
        about = ids if self.stack == "encoder" else np.append(ids[1:], NO_TOKEN)
        return torch.from_numpy(about[rows])

    def refuse_no_links(self, links: Int[np.ndarray, "link 2"]) -> None:
        """Raise `DocumentError` for a pair that is no link."""
        for looking, looked_at in links.tolist():
            self._refuse_no_link(looking, looked_at)

    def _refuse_no_link(self, looking: int, looked_at: int) -> None:
        counts = self.looking.sentences, self.looked_at.sentences
        if not (0 <= looking < counts[0] and 0 <= looked_at < counts[1]):
            raise DocumentError(f"There is no link from sentence {looking} to {looked_at}: there are {counts[0]} that look and {counts[1]} that are looked at.")
        if self.stack != "cross" and looking == looked_at:
            raise DocumentError(f"Sentence {looking} cannot be hidden from itself; give two sentences.")
        if self.stack == "decoder" and looked_at > looking:
            raise DocumentError(f"Sentence {looking} does not see sentence {looked_at}, which comes later; give the earlier sentence second.")


def linked_texts(kind: Kind, given: Feed) -> LinkedTexts:
    """The texts of a kind of model that gives a distribution over tokens. Raises `KeyError` for another kind."""
    return LinkedTexts(stack=STACKS[kind], looking=given.target if kind == "seq2seq" else given.source, looked_at=given.source)


def all_links(texts: LinkedTexts) -> Int[np.ndarray, "link 2"]:
    """Every pair (i, j) of sentences of which i looks at j: j before i in a decoder, any other in an encoder, any of the source in cross-attention."""
    looking, looked_at = np.indices((texts.looking.sentences, texts.looked_at.sentences)).reshape(2, -1)
    kept = {"decoder": looked_at < looking, "encoder": looked_at != looking, "cross": np.ones(len(looking), bool)}[texts.stack]
    return np.stack([looking[kept], looked_at[kept]], axis=1)

"""What each method says of the tokens of the sentences that matter most."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int

from reportgen.analyses.agreement.methods import LABELS
from reportgen.analyses.agreement.reading import Compared
from reportgen.measurements import Measurements
from reportgen.wording import rounded

SENTENCES_AT_MOST, TOKENS_AT_MOST = 10, 320
FIRST_SHADED = ("ablation", "gradient", "integrated_gradients", "attention")  # the first that has values by token
SHADES = 5
DIGITS = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class SentenceTokens:
    """A sentence; what of its text each token is, with the white space before it, which is nothing where the token before is of the same character; values."""

    sentence: int
    pieces: tuple[str, ...]
    values: Float[np.ndarray, "method token"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ByToken:
    """The methods that have values by token, and those of the sentences that the reference puts first, in its order.

    `passed_over` are sentences that would have been among them but are longer than what is left of `TOKENS_AT_MOST` tokens.
    """

    methods: tuple[str, ...]
    sentences: tuple[SentenceTokens, ...]
    passed_over: tuple[int, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The methods' names on the page."""
        return tuple(LABELS[name] for name in self.methods)

    @property
    def shaded(self) -> int:
        """The place of the method that tokens are shaded by before another is chosen."""
        return next((self.methods.index(name) for name in FIRST_SHADED if name in self.methods), 0)

    @property
    def values_on_page(self) -> list[list[list[float | None]]]:
        """By sentence, method and token, to three digits; None for none."""
        return [rounded(sentence.values, DIGITS) for sentence in self.sentences]

    @property
    def shades(self) -> list[list[str]]:
        """For each token of each sentence o1 to o5, u1 to u5 where its value is under 0: steps of the square root of its size over the greatest; none without a value."""
        values = [np.nan_to_num(np.array(sentence[self.shaded], float)) for sentence in self.values_on_page]
        greatest = max(float(np.abs(of_sentence).max()) for of_sentence in values)
        return [[_shade(value, greatest) for value in of_sentence.tolist()] for of_sentence in values]


def _shade(value: float, greatest: float) -> str:
    step = int(np.ceil(SHADES * np.sqrt(abs(value) / greatest))) if greatest else 0
    return f"{'u' if value < 0 else 'o'}{step}" if step else ""


def by_token(measurements: Measurements, read: Compared) -> ByToken | None:
    """The tokens of the sentences compared; None where no method has values by token, or no sentence fits."""
    methods = tuple(name for name in read.values if f"attribution.token_{name}" in measurements)
    if not methods or not len(read.sentences):
        return None
    order = read.sentences[np.argsort(-read.sizes(read.reference), kind="stable")]
    chosen, passed_over = _that_fit(order, measurements["token_sentences"])
    values = np.stack([measurements[f"attribution.token_{name}"] for name in methods])
    sentences = tuple(_tokens_of(measurements, sentence, values) for sentence in chosen)
    return ByToken(methods=methods, sentences=sentences, passed_over=passed_over) if sentences else None


def _that_fit(order: Int[np.ndarray, " compared"], members: Int[np.ndarray, " token"]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The first of an order that have no more tokens together than are shown, and those that were passed over on the way."""
    chosen, passed_over, left = [], [], TOKENS_AT_MOST
    lengths = np.bincount(members[members >= 0])
    for sentence in order.tolist():
        if len(chosen) == SENTENCES_AT_MOST:
            break
        if lengths[sentence] > left:
            passed_over.append(sentence)
            continue
        chosen.append(sentence)
        left -= int(lengths[sentence])
    return tuple(chosen), tuple(passed_over[:SENTENCES_AT_MOST])


def _tokens_of(measurements: Measurements, sentence: int, values: Float[np.ndarray, "method token"]) -> SentenceTokens:
    tokens = np.flatnonzero(measurements["token_sentences"] == sentence)
    ends = np.maximum.accumulate([measurements["sentence_spans"][sentence, 0], *measurements["token_spans"][tokens, 1]])
    pieces = tuple(measurements.text[start:end] for start, end in pairwise(ends.tolist()))
    return SentenceTokens(sentence=sentence, pieces=pieces, values=values[:, tokens])

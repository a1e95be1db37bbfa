"""Propagated relevance: what the target's rows owe to each token, carried from the last call of attention to the first."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from reportgen.capture.layout import TextLayout
from reportgen.errors import ModelError


class Relevance:
    """R <- R + A R over the tokens of all texts as one set, R = I at first, A the mean over heads of max(0, p dp): the mean over the target's rows.

    One number for each token, as the mean of rows is carried as the rows are: v <- v + v A, from the last call to the first. In an encoder-decoder A of
    cross-attention leads from the decoder's tokens to the encoder's, and v starts at the decoder's target rows. Source: Chefer et al. 2021, with both texts
    as one set: without the normalisation of rows that they put between encoder and decoder, which needs matrices of tokens x tokens.
    """

    def __init__(self, texts: Mapping[str, TextLayout]) -> None:
        self.texts = texts
        self.start = {name: np.bincount(text.target_rows, minlength=text.tokens) / max(len(text.target_rows), 1) for name, text in texts.items()}
        self.gained = {name: np.zeros(text.tokens) for name, text in texts.items()}  # what is there besides the start: kept apart, as it may be very small
        self.calls: list[str] = []  # in the order of the forward pass
        self.reached: int | None = None

    def next_call(self, name: str) -> int:
        """The number of the call of attention that is made now."""
        self.calls.append(name)
        return len(self.calls) - 1

    def reach(self, call: int) -> None:
        """Raises `ModelError` when the gradient does not reach the calls from the last to the first."""
        if self.reached is not None and call >= self.reached:
            raise ModelError(f"The gradient reaches {self.calls[call]} after {self.calls[self.reached]}; relevance cannot be carried through.")
        self.reached = call

    def of(self, text: str) -> Float[np.ndarray, " token"]:
        """That of a text's tokens, as far as it is carried."""
        return self.start[text] + self.gained[text]

    def add(self, text: str, received: Float[np.ndarray, " token"]) -> None:
        """Add what the keys of a call receive."""
        self.gained[text] += received

    def by_sentence(self, text: str) -> Float[np.ndarray, " sentence"]:
        """What a text's sentences gained."""
        return self.texts[text].summed_by_sentence(self.gained[text])

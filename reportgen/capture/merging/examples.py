"""Pairs of tokens that show a number best, out of those of windows."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int


class Examples:
    """The pair of tokens with the greatest weight of all windows, in the document's tokens; -1 where no window has one."""

    def __init__(self) -> None:
        self.best, self.weight = np.zeros((), np.int32), np.zeros(())

    def add(self, pairs: Int[np.ndarray, "*shape query_key"], weight: Float[np.ndarray, "*shape"], places: Int[np.ndarray, " token"]) -> None:
        """Take in one window's pairs; `places` are the document's tokens that the window's stand for."""
        if not self.best.ndim:
            self.best, self.weight = np.full_like(pairs, -1), np.zeros(weight.shape, weight.dtype)
        better = weight > self.weight
        self.best[better], self.weight[better] = places[pairs[better]], weight[better]

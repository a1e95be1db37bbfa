"""Numbers of heads and of tokens out of those of windows: means over all queries, each counted once."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

LENGTHS = 2  # axes of the weights of a similarity when they are the heads' squared lengths


class WeightedMean:
    """A mean over the rows of all windows from each window's mean and how many rows it is over; NaN where there are no rows.

    Exact when the weights are the numbers of rows, in any shape that broadcasts. A window whose mean is NaN has no rows there. Axes may differ along the last one where a window
    has fewer bins.
    """

    def __init__(self) -> None:
        self.total, self.weight = np.zeros(()), np.zeros(())

    def add(self, values: np.ndarray, weight: np.ndarray) -> None:
        """Take in one window's means."""
        rows = np.where(np.isnan(values), 0.0, np.broadcast_to(weight, values.shape))
        self.total = _summed(self.total, np.where(rows > 0, values, 0.0) * rows)
        self.weight = _summed(self.weight, rows)

    def mean(self) -> np.ndarray:
        """The mean over all rows so far."""
        with np.errstate(invalid="ignore"):
            return (self.total / self.weight).astype(np.float32)


def _summed(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The sum of two arrays; the shorter one has zeros at the end of its last axis."""
    if not one.ndim or one.shape == other.shape:
        return one + other
    longer, shorter = (one, other) if one.shape[-1] > other.shape[-1] else (other, one)
    found = longer.copy()
    found[..., : shorter.shape[-1]] += shorter
    return found


class WeightedCosine:
    """Cosines between heads over the rows of all windows, from each window's cosines and the heads' squared lengths there. Exact."""

    def __init__(self) -> None:
        self.products, self.lengths = np.zeros(()), np.zeros(())

    def add(self, cosines: Float[np.ndarray, "layer head head"], squared: Float[np.ndarray, "layer head"]) -> None:
        """Take in one window's cosines; `squared` sums the squares of each head's weights."""
        lengths = np.sqrt(squared, dtype=np.float64)
        self.products = self.products + np.nan_to_num(cosines.astype(np.float64)) * lengths[:, :, None] * lengths[:, None, :]
        self.lengths = self.lengths + squared

    def mean(self) -> Float[np.ndarray, "layer head head"]:
        """The cosine over all rows so far; NaN for a head without weights."""
        lengths = np.sqrt(self.lengths)
        with np.errstate(invalid="ignore"):
            return (self.products / (lengths[:, :, None] * lengths[:, None, :])).astype(np.float32)

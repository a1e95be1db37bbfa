"""What two measures of a sentence may agree for without one telling of the other: its distance, its length, its being the sink."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import comb

import numpy as np
from jaxtyping import Bool, Float
from numpy.polynomial import legendre

from reportgen.analyses.agreement.ranks import correlations

POWER_AT_MOST = 6
CONTROLS_AT_MOST = 0.4  # for each sentence
UNEXPLAINED = 0.01  # of the sum of squares
FREEDOM = 5  # degrees of freedom that must be left


def controls(graded: Sequence[Float[np.ndarray, " sentence"]], sink: Bool[np.ndarray, " sentence"]) -> Float[np.ndarray, "control sentence"]:
    """An orthonormal basis of what is accounted for: a constant, being the sink, and a smooth surface over the graded quantities.

    The surface is their polynomial of the highest total power, 6 at most, that takes no more than 0.4 terms for each sentence. A plane is not enough: of a
    measure that falls with distance and grows with length the mean rank bends with both, and with the two together.
    """
    columns = [np.ones(len(sink)), sink.astype(float)]
    scaled = [2 * (values - values.min()) / max(np.ptp(values), 1e-12) - 1 for values in graded]
    powers = _powers(len(graded), highest_power(len(sink), len(graded)))
    columns += [np.prod([_legendre(values, power) for values, power in zip(scaled, each, strict=True)], axis=0) for each in powers]
    return basis(np.array(columns))


def highest_power(sentences: int, graded: int) -> int:
    """The highest total power whose terms, the constant and the sink are no more than 0.4 for each sentence; at least 1."""
    return max((power for power in range(2, POWER_AT_MOST + 1) if 1 + comb(power + graded, graded) <= CONTROLS_AT_MOST * sentences), default=1)


def _powers(graded: int, highest: int) -> list[tuple[int, ...]]:
    return sorted((each for each in product(range(highest + 1), repeat=graded) if 0 < sum(each) <= highest), key=lambda each: (sum(each), each))


def _legendre(values: Float[np.ndarray, " sentence"], power: int) -> Float[np.ndarray, " sentence"]:
    return legendre.legval(values, np.eye(power + 1)[power])


def basis(columns: Float[np.ndarray, "column sentence"]) -> Float[np.ndarray, "control sentence"]:
    """Orthonormal rows that span the same as the columns given as rows; the first is constant where the first column is."""
    found: list[np.ndarray] = []
    for column in columns:
        left = column.astype(float)
        for _ in range(2):  # once more for what rounding leaves
            left = left - sum((row * (row @ left) for row in found), np.zeros(len(left)))
        length = np.linalg.norm(left)
        if length > 1e-6 * max(np.linalg.norm(column), 1e-300):
            found.append(left / length)
    return np.array(found).reshape(len(found), columns.shape[-1])


def enough_left(accounted: Float[np.ndarray, "control sentence"]) -> bool:
    """Whether enough degrees of freedom are left to correlate residuals."""
    return accounted.shape[1] - len(accounted) >= FREEDOM


def residuals(ranks: Float[np.ndarray, "method sentence"], accounted: Float[np.ndarray, "control sentence"]) -> Float[np.ndarray, "method sentence"]:
    """What least squares on the controls leave of ranks; exactly nothing where they explain 99 % of them: what is left then is what the surface cannot follow."""
    left = ranks - (ranks @ accounted.T) @ accounted
    unexplained = (left**2).sum(-1, keepdims=True) > UNEXPLAINED * (ranks**2).sum(-1, keepdims=True)
    return np.where(unexplained, left, 0.0)


def partial_correlations(ranks: Float[np.ndarray, "method sentence"], accounted: Float[np.ndarray, "control sentence"]) -> Float[np.ndarray, "method method"]:
    """Correlation of every two rows' residuals: the partial rank correlation; NaN where nothing is left of one, or too few degrees of freedom.

    *Source:* Fisher 1924 for the partial correlation; of ranks: Conover and Iman 1981.
    """
    if not enough_left(accounted):
        return np.full((len(ranks), len(ranks)), np.nan)
    left = residuals(ranks, accounted)
    return correlations(left @ left.T)

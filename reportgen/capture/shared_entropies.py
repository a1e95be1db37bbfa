"""Entropies of the mixtures of every two heads' weights, compiled so that they run on whole vectors."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from reportgen.capture.vectors import IN_ORDER, SUMS, compiled

KEYS_AT_ONCE = 512  # all heads' weights on these lie in the cache
HALF_ROOT = np.int32(0x3F3504F3)  # the bits of the square root of a half
LEAST = np.float32(1e-30)  # stands for 0, of which there is no logarithm; what it adds is lost in rounding
LN2 = np.log(2)


def add_entropies_of_means(weights: Float[np.ndarray, "head key"], entropies: Float[np.ndarray, "head head"]) -> None:
    """Add to `entropies` (float64; lower triangle with the diagonal) the entropy, in nats, of the mean of every two of the rows `weights`.

    Memory: as much again as the weights.
    """
    _add_entropies_of_sums(np.maximum(weights * np.float32(0.5), LEAST), entropies)


@compiled(IN_ORDER)
def log2(value):
    """The binary logarithm of a normal positive number, to 2e-7 or two units in the last place.

    Of 2^power (1 + rest), 1 + rest between the roots of a half and of 2: power + rest times a polynomial in rest, fitted here so that the greatest error of that product is least (5e-8).
    """
    bits = np.float32(value).view(np.int32)
    power = np.int32(np.int32(bits - HALF_ROOT) >> np.int32(23))
    rest = np.int32(bits - np.int32(power << np.int32(23))).view(np.float32) - np.float32(1.0)
    series = np.float32(-1.4574542534e-1)
    series = series * rest + np.float32(2.3689223545e-1)
    series = series * rest - np.float32(2.5006947781e-1)
    series = series * rest + np.float32(2.8670723485e-1)
    series = series * rest - np.float32(3.6008716051e-1)
    series = series * rest + np.float32(4.8093945225e-1)
    series = series * rest - np.float32(7.2135715026e-1)
    series = series * rest + np.float32(1.4426947724)
    return series * rest + np.float32(power)


@compiled(SUMS)
def _entropy_of_sum(one, other):
    """- sum of m log2 m, m the sum of two rows."""
    total = np.float32(0.0)
    for key in range(len(one)):
        both = one[key] + other[key]
        total -= both * log2(both)
    return total


@compiled(IN_ORDER)
def _add_entropies_of_sums(halves, entropies):
    heads, keys = halves.shape
    for start in range(0, keys, KEYS_AT_ONCE):
        stop = min(start + KEYS_AT_ONCE, keys)
        for head in range(heads):
            for other in range(head + 1):
                entropies[head, other] += LN2 * _entropy_of_sum(halves[head, start:stop], halves[other, start:stop])

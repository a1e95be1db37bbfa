"""Entropies of the mixtures of every two heads' weights, compiled so that they run on whole vectors."""

from __future__ import annotations

import numpy as np

from reportgen.capture.vectors import IN_ORDER, LN2_HIGH, LN2_LOW, SUMS, compiled

KEYS_AT_ONCE = 512  # all heads' weights on these lie in the cache
HALF_ROOT = np.int32(0x3F3504F3)  # the bits of the square root of a half
NO_WEIGHT = np.float32(1e-30)  # stands for 0 in the logarithm, which 0 is then multiplied with


@compiled(IN_ORDER)
def log(value):
    """ln of a normal positive number, to two units in the last place. Source: the method of Moshier's Cephes, logf."""
    bits = np.float32(value).view(np.int32)
    power = np.int32(np.int32(bits - HALF_ROOT) >> np.int32(23))
    rest = np.int32(bits - np.int32(power << np.int32(23))).view(np.float32) - np.float32(1.0)
    series = np.float32(7.0376836292e-2)
    series = series * rest - np.float32(1.1514610310e-1)
    series = series * rest + np.float32(1.1676998740e-1)
    series = series * rest - np.float32(1.2420140846e-1)
    series = series * rest + np.float32(1.4249322787e-1)
    series = series * rest - np.float32(1.6668057665e-1)
    series = series * rest + np.float32(2.0000714765e-1)
    series = series * rest - np.float32(2.4999993993e-1)
    series = series * rest + np.float32(3.3333331174e-1)
    squared, whole = rest * rest, np.float32(power)
    return rest + (series * rest * squared + whole * LN2_LOW - np.float32(0.5) * squared) + whole * LN2_HIGH


@compiled(SUMS)
def _entropy_of_mean(one, other):
    """- sum of m ln m, m the mean of two rows."""
    total = np.float32(0.0)
    for key in range(len(one)):
        mean = np.float32(0.5) * (one[key] + other[key])
        total -= mean * log(mean if mean > NO_WEIGHT else NO_WEIGHT)
    return total


@compiled(IN_ORDER)
def add_entropies_of_means(weights, entropies):
    """Add to `entropies` (head head, float64; lower triangle with the diagonal) the entropy of the mean of every two of the rows `weights` (head key)."""
    heads, keys = weights.shape
    for start in range(0, keys, KEYS_AT_ONCE):
        stop = min(start + KEYS_AT_ONCE, keys)
        for head in range(heads):
            for other in range(head + 1):
                entropies[head, other] += _entropy_of_mean(weights[head, start:stop], weights[other, start:stop])

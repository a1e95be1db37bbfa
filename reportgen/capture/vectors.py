"""Loops over rows of numbers, compiled so that they run on whole vectors."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.core.codegen import get_host_cpu_features

WHOLE = 32  # numbers that loops take at once
LOWEST = np.float32(-87.0)  # float32 has no normal numbers below exp of this
LOG2_E = np.float32(1.4426950408889634)
ROUNDING = np.float32(1.5 * 2**23)
LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
SUMS = {"nnan", "ninf", "nsz", "arcp", "contract", "reassoc", "afn"}  # sums may be reordered, so that they run on whole vectors
IN_ORDER = {"nnan", "ninf", "nsz", "contract"}


def take_widest_vectors() -> None:
    """From now on numba compiles for the widest vectors that the processor has, in this process; unless the environment asks for other features.

    Of processors with AVX-512 LLVM takes half of each vector otherwise, and the forward pass takes a fourteenth longer.
    """
    features = get_host_cpu_features()
    if numba.config.CPU_FEATURES is None and "+avx512f" in features.split(","):
        numba.config.CPU_FEATURES = f"{features},-prefer-256-bit"


take_widest_vectors()


def compiled(fastmath: set[str]) -> Callable[[Callable[..., Any]], Any]:
    """Compiled when first called and kept on disk; where nothing can be kept it is compiled anew by each process.

    What is kept of a function is made anew when its own file changes, and holds what it calls: after a change here delete the `*.nbi` of the other modules.
    It may cut slices of the arrays it is given, but make none: slices are not counted as references, which would take as long as the sums of some hundred keys.
    """
    options = {"nogil": True, "error_model": "numpy", "fastmath": fastmath, "_nrt": False}

    def decorate(function: Callable[..., Any]) -> Any:
        function = inspect.unwrap(function)  # tests wrap each function in a check of its shapes, which cannot be compiled
        try:
            return numba.njit(function, cache=True, **options)
        except RuntimeError:
            return numba.njit(function, **options)

    return decorate


@compiled(IN_ORDER)
def exp(value):
    """exp of a number that is at most 0, to two units in the last place; 0 below `LOWEST`. Source: the method of Moshier's Cephes, expf.

    A number as large as `ROUNDING` has no places behind the point: its last bits are the whole power of two, which is added to the exponent of the series.
    """
    bounded = value if value > LOWEST else LOWEST
    shifted = np.float32(bounded * LOG2_E + ROUNDING)
    power = shifted - ROUNDING
    rest = (bounded - power * LN2_HIGH) - power * LN2_LOW
    series = np.float32(1.9875691500e-4)
    series = series * rest + np.float32(1.3981999507e-3)
    series = series * rest + np.float32(8.3334519073e-3)
    series = series * rest + np.float32(4.1665795894e-2)
    series = series * rest + np.float32(1.6666665459e-1)
    series = series * rest + np.float32(5.0000001201e-1)
    series = np.float32(series * (rest * rest) + rest + np.float32(1.0))
    found = np.int32(series.view(np.int32) + np.int32(shifted.view(np.int32) << np.int32(23))).view(np.float32)
    return found if value > LOWEST else np.float32(0.0)


@compiled(SUMS)
def greatest_of(row):
    """The greatest score. Compared as whole numbers of the same order (the bits of a float, those of negative ones turned round): these run on whole vectors."""
    bits, found = row.view(np.int32), np.int32(-2147483648)
    for key in range(len(bits)):
        ordered = bits[key] ^ ((bits[key] >> np.int32(31)) & np.int32(0x7FFFFFFF))
        found = ordered if ordered > found else found
    return np.int32(found ^ ((found >> np.int32(31)) & np.int32(0x7FFFFFFF))).view(np.float32)


@compiled(SUMS)
def greatest_weight(row):
    """The greatest of weights, whose bits are ordered as they are."""
    bits, found = row.view(np.int32), np.int32(0)
    for key in range(len(bits)):
        found = max(found, bits[key])
    return np.int32(found).view(np.float32)


@compiled(SUMS)
def exponentiate(row, greatest):
    """Scores x become e = exp(x - greatest); gives the sum of e and of e (x - greatest)."""
    total, weighted = np.float32(0.0), np.float32(0.0)
    for key in range(len(row)):
        below = row[key] - greatest
        value = exp(below)
        row[key] = value
        total += value
        weighted += value * below
    return total, weighted


@compiled(SUMS)
def product(one, other):
    total = np.float32(0.0)
    for key in range(len(one)):
        total += one[key] * other[key]
    return total


@compiled(SUMS)
def nine_products(a, b, c, x, y, z):
    """The products of each of three rows with each of three: every weight that is read serves three of them."""
    ax = ay = az = bx = by = bz = cx = cy = cz = np.float32(0.0)
    for key in range(len(a)):
        one, two, three, other, next_one, last_one = a[key], b[key], c[key], x[key], y[key], z[key]
        ax += one * other
        ay += one * next_one
        az += one * last_one
        bx += two * other
        by += two * next_one
        bz += two * last_one
        cx += three * other
        cy += three * next_one
        cz += three * last_one
    return ax, ay, az, bx, by, bz, cx, cy, cz


@compiled(SUMS)
def product_of_small(one, other):
    """The same for weights so small that their products would be lost in float32."""
    total = np.float64(0.0)
    for key in range(len(one)):
        total += np.float64(one[key]) * np.float64(other[key])
    return total


@compiled(SUMS)
def copy(values, place):
    for index in range(len(values)):
        place[index] = values[index]


@compiled(SUMS)
def fill(values, value):
    for index in range(len(values)):
        values[index] = value


@compiled(IN_ORDER)
def rounded(first, last, keys):
    """The smallest range from `first` to `last` that loops work off without remainder, of so many keys."""
    return first // WHOLE * WHOLE, min((last + WHOLE - 1) // WHOLE * WHOLE, keys)

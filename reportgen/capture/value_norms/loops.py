"""Compiled loops over what heads make of each key: products of any two heads' vectors, and lengths of their sums."""

from __future__ import annotations

import numpy as np

from reportgen.capture.vectors import IN_ORDER, SUMS, compiled, copy, fill, nine_products


@compiled(IN_ORDER)
def products_of_heads(added, ends, vectors, first, found):
    """The products, added up in float64, of each key's vectors, into `found` (head head key) from key `first` on. Three heads at a time; beyond the last they are the last.

    In `added` (key, dimensions of all heads) they stand side by side up to each of `ends`, none shorter than the one before; beyond their length they are 0.
    `vectors` (head, dimensions of the longest; float64) is 0 at first and is overwritten.
    """
    heads, end = len(ends), len(ends) - 1
    for key in range(len(added)):
        for head in range(heads):
            start = ends[head - 1] if head else 0
            copy(added[key, start : ends[head]], vectors[head])
        for other in range(0, heads, 3):
            last = min(other + 2, end)
            reach = ends[last] - (ends[last - 1] if last else 0)
            for head in range(other, heads, 3):
                products = nine_products(
                    vectors[head, :reach],
                    vectors[min(head + 1, end), :reach],
                    vectors[min(head + 2, end), :reach],
                    vectors[other, :reach],
                    vectors[min(other + 1, end), :reach],
                    vectors[last, :reach],
                )
                for place in range(9):
                    one, another = min(head + place // 3, end), min(other + place % 3, end)
                    found[one, another, first + key] = found[another, one, first + key] = products[place]


@compiled(IN_ORDER)
def add_norms(weights, products, start, stop, squares, total):
    """Keys from `start` to `stop`: of each row (head row key) the l2 norm of the sum over heads of weight times vector, whose `products` are given (head head key), is added to `total` (key).

    `squares` (key from `start` on; float64) is overwritten.
    """
    heads, rows, _ = weights.shape
    for row in range(rows):
        fill(squares, 0.0)
        for head in range(heads):
            for other in range(head + 1):
                times = 1.0 if other == head else 2.0
                _add_squares(weights[head, row, start:stop], weights[other, row, start:stop], products[head, other, start:stop], times, squares)
        _add_roots(squares, total[start:stop])


@compiled(SUMS)
def _add_squares(one, other, products, times, squares):
    for key in range(len(squares)):
        squares[key] += np.float64(one[key]) * np.float64(other[key]) * products[key] * times


@compiled(SUMS)
def _add_roots(squares, total):
    for key in range(len(squares)):
        total[key] += np.sqrt(max(squares[key], 0.0))

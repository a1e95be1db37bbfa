"""Compiled loops over what heads make of each key: products of any two heads' vectors, and lengths of their sums."""

from __future__ import annotations

import numpy as np

from reportgen.capture.vectors import IN_ORDER, SUMS, compiled, fill, nine_products


@compiled(IN_ORDER)
def products_of_heads(added, first, found):
    """The products in float64 of each key's vectors (head key dim), into `found` (head head key) from key `first` on. Three heads at a time; beyond the last they are the last."""
    heads, keys, dim = added.shape
    end, vectors = heads - 1, np.empty((heads, dim))
    for key in range(keys):
        vectors[:] = added[:, key]
        for head in range(0, heads, 3):
            for other in range(0, head + 1, 3):
                products = nine_products(
                    vectors[head],
                    vectors[min(head + 1, end)],
                    vectors[min(head + 2, end)],
                    vectors[other],
                    vectors[min(other + 1, end)],
                    vectors[min(other + 2, end)],
                )
                for place in range(9):
                    one, another = min(head + place // 3, end), min(other + place % 3, end)
                    found[one, another, first + key] = found[another, one, first + key] = products[place]


@compiled(IN_ORDER)
def add_norms(weights, products, start, stop, total):
    """Keys from `start` to `stop`: of each row (head row key) the l2 norm of the sum over heads of weight times vector, whose `products` are given (head head key), is added to `total` (key)."""
    heads, rows, _ = weights.shape
    squares = np.empty(stop - start)
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

"""What the cells around a cell lead to expect of it: a sum of what a reader has before it, each times a weight found by least squares.

Whole numbers, so that sums of them are the same in any order and on any machine.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Integer

BEFORE = ((1, 0), (0, 1), (1, 1), (1, -1), (2, 0), (0, 2))  # rows up and cells to the left
UNIT = 4096  # weights are whole numbers of this part of 1
FIRM = 1e-3  # what holds weights of things that go along with each other


def moved(matrix: Integer[np.ndarray, "row row"], down: int, right: int) -> Integer[np.ndarray, "row row"]:
    """What stands so many rows up and cells to the left of each cell; 0 for what lies outside."""
    rows, left, least = matrix.shape[-1], max(right, 0), max(-right, 0)
    found = np.zeros_like(matrix)
    found[down:, left : rows - least] = matrix[: rows - down, least : rows - left]
    return found


def cells_before(known: Sequence[np.ndarray], within: Bool[np.ndarray, "row row"]) -> Float[np.ndarray, "known cell"]:
    """1, and what each of these matrices has at the cells that count."""
    found = np.ones((1 + len(known), int(within.sum())))
    for place, values in enumerate(known, 1):
        found[place] = values[within]
    return found


def weights_of(known: Float[np.ndarray, "known cell"], cells: Float[np.ndarray, " cell"]) -> Float[np.ndarray, " known"]:
    """By least squares, in parts of 4,096."""
    products = known @ known.T + FIRM * known.shape[1] * np.eye(len(known))
    found = np.linalg.solve(products, known @ cells)
    return np.clip(np.rint(UNIT * found), -(1 << 15), (1 << 15) - 1)

"""What the cells around a cell lead to expect of it: a sum of what a reader has before it, each times a weight found by least squares.

Whole numbers, so that sums of them are the same in any order and on any machine.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Shaped

BEFORE = ((1, 0), (0, 1), (1, 1), (1, -1), (2, 0), (0, 2))  # rows up and cells to the left
UNIT = 4096  # weights are whole numbers of this part of 1
FIRM = 1e-3  # what holds weights of things that go along with each other
WHOLE = 1 << 24  # float32 has all whole numbers up to this
TOGETHER = 256  # cells whose products of two bytes add up to less


class Cells:
    """The cells that count of square matrices, row after row, and what stands before each of them."""

    def __init__(self, within: Bool[np.ndarray, "row row"]) -> None:
        down, right = np.nonzero(within)
        rows, width = len(within), len(within) + 2  # two rows above all and two columns between rows are 0
        self.count, self._size = len(down), width * width
        self._inside, self._places = down * rows + right, (down + 2) * width + right
        self._before = self._places - [[up * width + left] for up, left in BEFORE]

    def of(self, matrix: Shaped[np.ndarray, "row row"]) -> Shaped[np.ndarray, " cell"]:
        """Those of this matrix."""
        return matrix.take(self._inside)

    def before(self, cells: Shaped[np.ndarray, " cell"], found: Shaped[np.ndarray, "step cell"]) -> None:
        """What stands so many rows up and cells to the left of each cell, for the first few of `BEFORE`, into `found`; 0 for what lies outside."""
        sheet = np.zeros(self._size, cells.dtype)
        sheet[self._places] = cells
        sheet.take(self._before[: len(found)], out=found, mode="clip")


def weights_of(known: Float[np.ndarray, "known cell"]) -> Float[np.ndarray, " other"]:
    """Of all that is known of cells but its last row, the cells themselves, by least squares; in parts of 4,096. What is known may be float32 if each number has one byte."""
    whole = known.shape[1] // TOGETHER * TOGETHER
    parts, rest = known[:, :whole].reshape(len(known), -1, TOGETHER).swapaxes(0, 1), known[:, whole:]
    products = (parts[:, :-1] @ parts.swapaxes(1, 2)).sum(0, dtype=np.float64) + rest[:-1] @ rest.T
    found = np.linalg.solve(products[:, :-1] + FIRM * known.shape[1] * np.eye(len(products)), products[:, -1])
    return np.clip(np.rint(UNIT * found), -(1 << 15), (1 << 15) - 1)


def expected(weights: Float[np.ndarray, " known"], known: Float[np.ndarray, "known cell"]) -> Float[np.ndarray, " cell"]:
    """The weighted sums, exact: in float32 only where these have room for such sums of bytes."""
    return weights.astype(np.float32 if 255 * np.abs(weights).sum() < WHOLE else np.float64) @ known

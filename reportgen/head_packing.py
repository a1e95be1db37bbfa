"""The matrices of single heads small enough for a page: each code by its frequency beside what the codes around it lead to expect.

What is expected of a cell is a sum of what the reader has already: cells before it in the same matrix, the layer's mean there, and the head before, each times a
weight found by least squares for each head. templates/static/decoding.js reads what this writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from reportgen.coding import code
from reportgen.packing import LAYER_STEP, as_text, deflated, encode, find_scale, step_of

CODES = 16
AROUND = ((1, 0), (0, 1), (1, 1), (1, -1), (2, 0), (0, 2))  # rows up and cells to the left of the cells before
UNIT = 4096  # weights are whole numbers of this part of 1
EXPECTED = 60  # what is expected, in thirds of a code from -2 on
FIRM = 1e-3  # what holds weights of things that go along with each other


@dataclass(frozen=True, kw_only=True)
class PackedHeads:
    """Codes of all heads, layer after layer, head after head, row after row; `bytes` are those of each layer. Weights, by head, and frequencies are 16-bit numbers, lower bytes first.

    Codes of a layer's mean are those of the page, the sum of those that share a cell here.
    """

    bytes: tuple[int, ...]
    weights: str
    frequencies: str
    data: str


def pack_heads(codes: Sequence[Sequence[str]], triangle: bool, attention: Float[np.ndarray, "view finer finer"], times: float = 1) -> PackedHeads:
    """Hexadecimal digits by layer and head, down one column after the other; `attention` are the page's matrices of means, the whole model's first, of `times` as many rows."""
    rows = _rows(len(codes[0][0]), triangle)
    within = np.tri(rows, dtype=bool) if triangle else np.ones((rows, rows), bool)
    weights, symbols, contexts = [], [], []
    for matrices, finer in zip(_matrices(codes, within), _layer_codes(attention, triangle), strict=True):
        around = _around(matrices, _joined(finer, times, rows))[..., within]
        cells = np.ascontiguousarray(matrices[:, within])
        weights.append(_weights(around, cells))
        symbols.append(cells.astype(np.uint8))
        contexts.append(_contexts((weights[-1][:, None] @ around)[:, 0], around[:, 1]))
    coded = code(np.concatenate(symbols).astype(np.uint8), np.concatenate(contexts), (EXPECTED * CODES, CODES))
    layers = [b"".join(coded.rows[start : start + len(codes[0])]) for start in range(0, len(coded.rows), len(codes[0]))]
    return PackedHeads(
        bytes=tuple(len(one) for one in layers),
        weights=deflated(np.stack(weights).astype("<i2").tobytes()),
        frequencies=deflated(coded.frequencies.astype("<u2").tobytes()),
        data=as_text(b"".join(layers)),
    )


def _rows(cells: int, triangle: bool) -> int:
    return round((np.sqrt(8 * cells + 1) - 1) / 2) if triangle else round(np.sqrt(cells))


def _matrices(codes: Sequence[Sequence[str]], within: np.ndarray) -> Iterator[Float[np.ndarray, "head row row"]]:
    for layer in codes:
        found = np.zeros((len(layer), *within.shape))
        cells = np.frombuffer("".join(layer).encode("ascii"), np.uint8).reshape(len(layer), -1)
        found.transpose(0, 2, 1)[:, within.T] = np.where(cells >= ord("a"), cells - ord("a") + 10, cells - ord("0"))
        yield found


def _layer_codes(attention: Float[np.ndarray, "view finer finer"], triangle: bool) -> Iterator[Float[np.ndarray, "finer finer"]]:
    """As they are on the page."""
    scale = find_scale(attention)
    for view in attention[1:]:
        found = encode(view, scale, step_of(scale, LAYER_STEP)).astype(float)
        yield np.tril(found) if triangle else found


def _joined(codes: Float[np.ndarray, "finer finer"], times: float, rows: int) -> Float[np.ndarray, "row row"]:
    """Sums over the cells whose rows and columns begin in one row and column of `times` as many."""
    if times == 1:
        return codes
    belongs = (np.arange(len(codes)) / times).astype(int) == np.arange(rows)[:, None]
    return belongs @ codes @ belongs.T


def _around(matrices: Float[np.ndarray, "head row row"], mean: Float[np.ndarray, "row row"]) -> Float[np.ndarray, "head known row row"]:
    """1, the cells before, the layer's mean and the head before; 0 for what lies outside. Whole numbers, so that sums of them are the same in any order."""
    heads, rows, _ = matrices.shape
    found = np.zeros((heads, len(AROUND) + 3, rows, rows))
    found[:, 0], found[:, -2], found[1:, -1] = 1, mean, matrices[:-1]
    for place, (down, right) in enumerate(AROUND, 1):
        left, least = max(right, 0), max(-right, 0)
        found[:, place, down:, left : rows - least] = matrices[:, : rows - down, least : rows - left]
    return found


def _weights(around: Float[np.ndarray, "head known cell"], cells: Float[np.ndarray, "head cell"]) -> Float[np.ndarray, "head known"]:
    """By least squares, in parts of 4,096."""
    products = around @ around.transpose(0, 2, 1) + FIRM * around.shape[2] * np.eye(around.shape[1])
    found = np.linalg.solve(products, around @ cells[..., None])[..., 0]
    return np.clip(np.rint(UNIT * found), -(1 << 15), (1 << 15) - 1)


def _contexts(expected: Float[np.ndarray, "head cell"], above: Float[np.ndarray, "head cell"]) -> Int[np.ndarray, "head cell"]:
    """What is expected together with the cell above."""
    thirds = np.clip(np.floor(expected * (3 / UNIT)) + 6, 0, EXPECTED - 1)
    return (thirds * CODES + above).astype(np.int64)

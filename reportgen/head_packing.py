"""The matrices of single heads small enough for a page: each code by its frequency beside what the codes around it lead to expect.

Expected is a sum over cells before it in the same matrix, the layer's mean there, and the head before, with weights for each head.
templates/static/head_decoding.js reads what this writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Integer, UInt8

from reportgen.coding import Symbols, code
from reportgen.expecting import BEFORE, UNIT, cells_before, moved, weights_of
from reportgen.packing import LAYER_STEP, as_text, deflated, encode, find_scale, step_of

CODES = 16
EXPECTED = 60  # what is expected, in thirds of a code from -2 on


@dataclass(frozen=True, kw_only=True)
class PackedHeads:
    """Codes of all heads, layer after layer, head after head, row after row; `bytes` are those of each layer. Weights, by head, and frequencies are 16-bit numbers, lower bytes first.

    Codes of a layer's mean are those of the page, the sum of those that share a cell here.
    """

    bytes: tuple[int, ...]
    weights: str
    frequencies: str
    data: str


def pack_heads(codes: Sequence[Sequence[str]], triangle: bool, attention: Sequence[Float[np.ndarray, "_ _"]], times: float = 1.0) -> PackedHeads:
    """Hexadecimal digits by layer and head, down one column after the other; `attention` are the page's matrices of means, the whole model's first, those of layers of `times` as many rows."""
    rows = _rows(len(codes[0][0]), triangle)
    within = np.tri(rows, dtype=bool) if triangle else np.ones((rows, rows), bool)
    weights, symbols, contexts = [], [], []
    for matrices, finer in zip(_matrices(codes, within), _layer_codes(attention, triangle), strict=True):
        mean = _joined(finer, times, rows)
        for head, matrix in enumerate(matrices):
            known = _known(matrix, mean, matrices[head - 1] if head else np.zeros_like(matrix), within)
            cells = matrix[within]
            weights.append(weights_of(known, cells.astype(float)))
            symbols.append(cells)
            contexts.append(_contexts(weights[-1] @ known, known[1]))
    coded = code(Symbols(symbols=np.stack(symbols), contexts=np.stack(contexts), shape=(EXPECTED * CODES, CODES)))
    layers = [b"".join(coded.rows[start : start + len(codes[0])]) for start in range(0, len(coded.rows), len(codes[0]))]
    return PackedHeads(
        bytes=tuple(len(one) for one in layers),
        weights=deflated(np.stack(weights).astype("<i2").tobytes()),
        frequencies=deflated(coded.frequencies.astype("<u2").tobytes()),
        data=as_text(b"".join(layers)),
    )


def _rows(cells: int, triangle: bool) -> int:
    return round((np.sqrt(8 * cells + 1) - 1) / 2) if triangle else round(np.sqrt(cells))


def _matrices(codes: Sequence[Sequence[str]], within: np.ndarray) -> Iterator[UInt8[np.ndarray, "head row row"]]:
    for layer in codes:
        found = np.zeros((len(layer), *within.shape), np.uint8)
        cells = np.frombuffer("".join(layer).encode("ascii"), np.uint8).reshape(len(layer), -1)
        found.transpose(0, 2, 1)[:, within.T] = np.where(cells >= ord("a"), cells - ord("a") + 10, cells - ord("0"))
        yield found


def _layer_codes(attention: Sequence[Float[np.ndarray, "_ _"]], triangle: bool) -> Iterator[Float[np.ndarray, "other other"]]:
    """As they are on the page."""
    scale = find_scale(attention[0])
    for view in attention[1:]:
        found = encode(view, scale, step_of(scale, LAYER_STEP)).astype(float)
        yield np.tril(found) if triangle else found


def _joined(codes: Float[np.ndarray, "other other"], times: float, rows: int) -> Float[np.ndarray, "row row"]:
    """Sums over the cells whose rows and columns begin in one row and column of `times` as many; where there are fewer, the cell in which one begins."""
    if times <= 1:
        at = (np.arange(rows) * times).astype(int)
        return codes[at[:, None], at]
    belongs = (np.arange(len(codes)) / times).astype(int) == np.arange(rows)[:, None]
    return belongs @ codes @ belongs.T


def _known(
    matrix: Integer[np.ndarray, "row row"], mean: Float[np.ndarray, "row row"], before: Integer[np.ndarray, "row row"], within: np.ndarray
) -> Float[np.ndarray, "known cell"]:
    """1, the cells before, the layer's mean and the head before."""
    known = [*(moved(matrix, *step) for step in BEFORE), mean, before]
    return cells_before(known, within)


def _contexts(wanted: Float[np.ndarray, " cell"], above: Float[np.ndarray, " cell"]) -> Int[np.ndarray, " cell"]:
    """What is expected together with the cell above."""
    thirds = np.clip(np.floor(wanted * (3 / UNIT)) + 6, 0, EXPECTED - 1)
    return (thirds * CODES + above).astype(np.int32)

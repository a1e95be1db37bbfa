"""The matrices of single heads small enough for a page: each code by its frequency beside what the codes around it lead to expect.

Expected is a sum over cells before it in the same matrix, the layer's mean there, and the head before, with weights for each head.
templates/static/head_decoding.js reads what this writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Real, UInt8

from reportgen.packing.codes import LAYER_STEP, as_text, deflated, encode, find_scale, step_of
from reportgen.packing.coding import Symbols, code
from reportgen.packing.expecting import BEFORE, UNIT, Cells, expected, weights_of

CODES = 16
EXPECTED = 60  # what is expected, in thirds of a code from -2 on
VALUES = np.array([max("0123456789abcdef".find(chr(digit)), 0) for digit in range(128)], np.uint8)  # of hexadecimal digits


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
    rows, heads = _rows(len(codes[0][0]), triangle), len(codes[0])
    within = np.tri(rows, dtype=bool) if triangle else np.ones((rows, rows), bool)
    cells, weights = Cells(within), []
    symbols = np.concatenate([*_matrices(codes, within)])
    contexts = np.empty(symbols.shape, np.uint16)
    known = np.ones((len(BEFORE) + 4, cells.count), np.float32 if times <= 1 else np.float64)  # sums of the page's codes can be more than a byte
    around, (mean, before, own) = known[1:-3], known[-3:]
    for layer, of_layer in enumerate(_means(attention, triangle, times, within)):
        mean[:], own[:] = of_layer, 0
        for head in range(layer * heads, (layer + 1) * heads):
            before[:], own[:] = own, symbols[head]
            cells.before(own, around)
            weights.append(weights_of(known))
            contexts[head] = _contexts(expected(weights[-1], known[:-1]), around[0])
    coded = code(Symbols(symbols=symbols, contexts=contexts, shape=(EXPECTED * CODES, CODES)))
    layers = [b"".join(coded.rows[start : start + heads]) for start in range(0, len(coded.rows), heads)]
    return PackedHeads(
        bytes=tuple(len(one) for one in layers),
        weights=deflated(np.stack(weights).astype("<i2").tobytes()),
        frequencies=deflated(coded.frequencies.astype("<u2").tobytes()),
        data=as_text(b"".join(layers)),
    )


def _rows(cells: int, triangle: bool) -> int:
    return round((np.sqrt(8 * cells + 1) - 1) / 2) if triangle else round(np.sqrt(cells))


def _matrices(codes: Sequence[Sequence[str]], within: Bool[np.ndarray, "row row"]) -> Iterator[UInt8[np.ndarray, "head cell"]]:
    """Row after row."""
    places = np.zeros(within.shape, np.intp)
    places.T[within.T] = np.arange(within.sum())
    order = places[within]
    for layer in codes:
        digits = np.frombuffer("".join(layer).encode("ascii"), np.uint8).reshape(len(layer), -1)
        yield VALUES.take(digits).take(order, axis=1)


def _means(
    attention: Sequence[Float[np.ndarray, "_ _"]], triangle: bool, times: float, within: Bool[np.ndarray, "row row"]
) -> Iterator[Real[np.ndarray, " cell"]]:
    """Codes of layers as on the page: sums over the cells whose rows and columns begin in one row and column of `times` as many; where there are fewer, the cell in which one begins."""
    scale = find_scale(attention[0])
    step, finer = step_of(scale, LAYER_STEP), len(attention[1])
    if times <= 1:
        begins = (np.arange(len(within)) * times).astype(int)
        places = (begins[:, None] * finer + begins)[within]
        yield from (encode(view.take(places), scale, step) for view in attention[1:])
        return
    belongs = (np.arange(finer) / times).astype(int) == np.arange(len(within))[:, None]
    counting = np.tri(finer) if triangle else 1
    for view in attention[1:]:
        yield (belongs @ (encode(view, scale, step) * counting) @ belongs.T)[within]


def _contexts(wanted: Float[np.ndarray, " cell"], above: Float[np.ndarray, " cell"]) -> Float[np.ndarray, " cell"]:
    """What is expected together with the cell above."""
    return np.floor(np.clip(wanted * (3 / UNIT) + 6, 0, EXPECTED - 1)) * CODES + above

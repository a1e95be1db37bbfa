"""A second reading of the coded matrices, cell by cell with plain numbers, as the page's script reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from pages.elements import inflated, read_digits

from reportgen.packing.heads import PackedHeads
from reportgen.packing.views import PackedViews

BEFORE = ((1, 0), (0, 1), (1, 1), (1, -1), (2, 0), (0, 2))


def read_views(packed: PackedViews) -> np.ndarray:
    """Codes of every view; 0 for the future."""
    frequencies, weights = numbers(packed.frequencies, "<u2").reshape(-1, 256), numbers(packed.weights, "<i2").reshape(-1, 12).tolist()
    codes = np.zeros((len(packed.bytes), packed.sentences, packed.sentences), int)
    for view, words in enumerate(words_of(packed.data, packed.bytes)):
        off = np.zeros(codes.shape[1:], int)
        before, twice = (codes[view - back] if view > back else np.zeros_like(off) for back in (1, 2))
        cells = list(cells_of(packed.sentences, packed.triangle))
        symbol = reader(words, frequencies, len(cells))
        for query, key in cells:
            known = [1, *(at(codes[view], query, key, *step) for step in BEFORE), before[query, key]]
            known += [*(at(before, query, key, *step) for step in BEFORE[:3]), twice[query, key]]
            wanted = sum(weight * int(value) for weight, value in zip(weights[view], known, strict=True))
            error = sum(at(off, query, key, *step) for step in BEFORE[:4])
            sure = sum(error >= least for least in (1, 2, 3, 5, 8, 12, 18, 26))
            low = sum(wanted >= least for least in (1229, 4096, 16384))
            whole, side = divmod(wanted // 2048 + 1, 2)
            codes[view, query, key] = (symbol(2 * (4 * sure + low) + side) + whole) % 256
            off[query, key] = abs(codes[view, query, key] - whole)
    return codes


def read_heads(packed: PackedHeads, heads: int, rows: int, triangle: bool, means: np.ndarray) -> np.ndarray:
    """Codes of every head of every layer, `means` being those of the layers in the same rows; 0 for the future."""
    frequencies, weights = numbers(packed.frequencies, "<u2").reshape(-1, 16), numbers(packed.weights, "<i2").reshape(len(means), heads, 9).tolist()
    codes, cells = np.zeros((len(means), heads, rows, rows), int), list(cells_of(rows, triangle))
    for layer, words in enumerate(words_of(packed.data, packed.bytes)):
        for head in range(heads):
            symbol, before = reader(words, frequencies, len(cells)), codes[layer, head - 1] if head else np.zeros((rows, rows), int)
            for query, key in cells:
                around = [at(codes[layer, head], query, key, *step) for step in BEFORE]
                known = [1, *around, means[layer][query, key], before[query, key]]
                wanted = sum(weight * int(value) for weight, value in zip(weights[layer][head], known, strict=True))
                codes[layer, head, query, key] = symbol(16 * min(max(3 * wanted // 4096 + 6, 0), 59) + around[0])
        assert next(words, None) is None
    return codes


def reader(words: Iterator[int], frequencies: np.ndarray, cells: int) -> Callable[[int], int]:
    """What gives the next symbol in a context."""
    piece = -(-cells // -(-cells // 8192))
    state, place = 0, 0

    def symbol(context: int) -> int:
        nonlocal state, place
        if place % piece == 0:
            state = next(words) * 65536 + next(words)
        place += 1
        ends = np.cumsum(frequencies[context])
        found = int(np.searchsorted(ends, state % 4096, side="right"))
        frequency = int(frequencies[context][found])
        state = frequency * (state // 4096) + state % 4096 - int(ends[found]) + frequency
        if state < 32768:
            state = state * 65536 + next(words)
        return found

    return symbol


def words_of(data: str, lengths: tuple[int, ...]) -> Iterator[Iterator[int]]:
    words = np.frombuffer(read_digits(data), "<u2").tolist()
    for end, length in zip(np.cumsum(lengths) // 2, lengths, strict=True):
        yield iter(words[end - length // 2 : end])


def numbers(data: str, kind: str) -> np.ndarray:
    return np.frombuffer(inflated(data), kind).astype(int)


def cells_of(rows: int, triangle: bool) -> Iterator[tuple[int, int]]:
    return ((query, key) for query in range(rows) for key in range(query + 1 if triangle else rows))


def at(codes: Any, query: int, key: int, down: int, right: int) -> int:
    query, key = query - down, key - right
    return int(codes[query, key]) if query >= 0 and 0 <= key < len(codes) else 0

"""Symbols in nearly as few bits as their frequencies allow, each by its frequency in a context that the reader knows before it.

Asymmetric numeral systems with whole numbers alone, so that any machine writes and reads the same. templates/static/decoding.js reads what this writes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, UInt8

FREQUENCIES = 1 << 12  # to which those of a context add up
LEAST = 1 << 15  # a state is at least this and below 2^31; words have 16 bits
LONGEST = 1 << 13  # symbols of a row that share a state


@dataclass(frozen=True, kw_only=True)
class Coded:
    """Each row's words one after the other, beginning with the two of its first state, and the frequencies of each symbol in each context."""

    rows: tuple[bytes, ...]
    frequencies: Int[np.ndarray, "context symbol"]


def code(symbols: UInt8[np.ndarray, "row place"], contexts: Int[np.ndarray, "row place"], shape: tuple[int, int]) -> Coded:
    """Rows of symbols, each to be read by itself; `shape` is how many contexts and symbols there are.

    *Source:* Duda 2013, "Asymmetric numeral systems", section 3 (its range variant). Rows longer than 8,192 symbols are coded in equal pieces, the last of which may be
    shorter. Memory: some 25 bytes for each symbol.
    """
    places = (contexts * shape[1] + symbols).astype(np.int32)
    frequencies = _frequencies(np.bincount(places.ravel(), minlength=shape[0] * shape[1]).reshape(shape))
    starts = np.cumsum(frequencies, axis=1) - frequencies
    pieces = -(-places.shape[1] // LONGEST)
    missing = ((0, 0), (0, -places.shape[1] % pieces))  # a symbol that always occurs takes no bits
    known = np.pad(frequencies.astype(np.int32).ravel()[places], missing, constant_values=FREQUENCIES), np.pad(starts.astype(np.int32).ravel()[places], missing)
    words = _code_pieces(*(one.reshape(len(places) * pieces, -1) for one in known))
    return Coded(rows=tuple(b"".join(words[row : row + pieces]) for row in range(0, len(words), pieces)), frequencies=frequencies)


def _frequencies(counts: Int[np.ndarray, "context symbol"]) -> Int[np.ndarray, "context symbol"]:
    """Whole numbers that add up to 4,096 in each context that occurs, at least 1 for what occurs in it."""
    totals = counts.sum(1, keepdims=True)
    found = np.where(counts > 0, np.maximum(counts * FREQUENCIES // np.maximum(totals, 1), 1), 0)
    rest = np.where(totals[:, 0] > 0, FREQUENCIES - found.sum(1), 0)
    found[np.arange(len(found)), found.argmax(1)] += rest
    return found


def _code_pieces(frequencies: Int[np.ndarray, "piece place"], starts: Int[np.ndarray, "piece place"]) -> list[bytes]:
    """The words of each piece, all pieces at once, from the last symbol to the first."""
    pieces, length = frequencies.shape
    frequencies, starts = np.ascontiguousarray(frequencies.T), np.ascontiguousarray(starts.T)
    states, every = np.full(pieces, LEAST), np.arange(pieces)
    words, written = np.zeros((pieces, length + 2), np.uint16), np.zeros(pieces, np.int64)
    for place in range(length - 1, -1, -1):
        frequency = frequencies[place]
        full = states >> 19 >= frequency
        words[every, written] = states & 0xFFFF  # overwritten by the next where this one is not full
        written += full
        states >>= full * 16
        states += states // frequency * (FREQUENCIES - frequency) + starts[place]  # its share of 4,096 for each of its parts
    words[every, written], words[every, written + 1] = states & 0xFFFF, states >> 16
    return [words[piece, : written[piece] + 2][::-1].astype("<u2").tobytes() for piece in range(pieces)]

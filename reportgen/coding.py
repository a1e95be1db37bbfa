"""Symbols in nearly as few bits as their frequencies allow, each by its frequency in a context that the reader knows before it.

Asymmetric numeral systems with whole numbers alone, so that any machine writes and reads the same. templates/static/decoding.js reads what this writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, Integer, UInt8, UInt16

FREQUENCIES = 1 << 12  # to which those of a context add up
LEAST = 1 << 15  # a state is at least this and below 2^31; words have 16 bits
LONGEST = 1 << 13  # symbols of a row that share a state
TOGETHER = 1 << 23  # symbols that are coded in one go, unless one matrix of symbols has more


@dataclass(frozen=True, kw_only=True)
class Symbols:
    """Rows of symbols, the context of each, and how many contexts and symbols there are."""

    symbols: UInt8[np.ndarray, "row place"]
    contexts: Integer[np.ndarray, "row place"]
    shape: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Coded:
    """Each row's words one after the other, beginning with the two of its first state, and the frequencies of each symbol in each context."""

    rows: tuple[bytes, ...]
    frequencies: Int[np.ndarray, "context symbol"]


def code(symbols: Symbols) -> Coded:
    """Rows of symbols, each to be read by itself.

    *Source:* Duda 2013, "Asymmetric numeral systems", section 3 (its range variant). Rows longer than 8,192 symbols are coded in equal pieces, the last of which may be
    shorter. Memory: some 25 bytes for each symbol.
    """
    return code_all([symbols])[0]


def code_all(wanted: Iterable[Symbols]) -> list[Coded]:
    """The same of each of several, which takes hardly longer than of one. Memory: some 25 bytes for each symbol of 8 million."""
    found: list[Coded] = []
    for few in _batches(wanted):
        jobs = [_Job.of(symbols) for symbols in few]
        words = iter(_code_pieces(_joined([job.frequency for job in jobs], FREQUENCIES), _joined([job.start for job in jobs], 0)))
        found += [job.take(words) for job in jobs]
    return found


def _batches(wanted: Iterable[Symbols]) -> Iterator[list[Symbols]]:
    """Neighbours, as many as are coded in one go."""
    few: list[Symbols] = []
    for symbols in wanted:
        if few and sum(one.symbols.size for one in [*few, symbols]) > TOGETHER:
            yield few
            few = []
        few.append(symbols)
    if few:
        yield few


@dataclass(frozen=True, kw_only=True)
class _Job:
    """Of each symbol of each piece, how often it occurs in its context and where its part of that begins."""

    rows: int
    pieces: int
    frequencies: Int[np.ndarray, "context symbol"]
    frequency: UInt16[np.ndarray, "piece place"]
    start: UInt16[np.ndarray, "piece place"]

    @classmethod
    def of(cls, wanted: Symbols) -> _Job:
        places = wanted.contexts.astype(np.int32) * wanted.shape[1] + wanted.symbols
        frequencies = _frequencies(np.bincount(places.ravel(), minlength=wanted.shape[0] * wanted.shape[1]).reshape(wanted.shape))
        starts = np.cumsum(frequencies, axis=1) - frequencies
        pieces = -(-places.shape[1] // LONGEST)
        missing = ((0, 0), (0, -places.shape[1] % pieces))  # a symbol that always occurs takes no bits
        known = (
            np.pad(frequencies.astype(np.uint16).ravel()[places], missing, constant_values=FREQUENCIES),
            np.pad(starts.astype(np.uint16).ravel()[places], missing),
        )
        frequency, start = (one.reshape(len(places) * pieces, -1) for one in known)
        return cls(rows=len(places), pieces=pieces, frequencies=frequencies, frequency=frequency, start=start)

    def take(self, words: Iterator[bytes]) -> Coded:
        """Its rows of the words of all pieces."""
        return Coded(rows=tuple(b"".join(next(words) for _ in range(self.pieces)) for _ in range(self.rows)), frequencies=self.frequencies)


def _joined(parts: Sequence[UInt16[np.ndarray, "_ _"]], filling: int) -> UInt16[np.ndarray, "longest piece"]:
    """The pieces of all, place by place, shorter ones filled up at their ends."""
    found = np.full((max(part.shape[1] for part in parts), sum(len(part) for part in parts)), filling, np.uint16)
    at = 0
    for part in parts:
        found[: part.shape[1], at : at + len(part)] = part.T
        at += len(part)
    return found


def _frequencies(counts: Int[np.ndarray, "context symbol"]) -> Int[np.ndarray, "context symbol"]:
    """Whole numbers that add up to 4,096 in each context that occurs, at least 1 for what occurs in it."""
    totals = counts.sum(1, keepdims=True)
    found = np.where(counts > 0, np.maximum(counts * FREQUENCIES // np.maximum(totals, 1), 1), 0)
    rest = np.where(totals[:, 0] > 0, FREQUENCIES - found.sum(1), 0)
    found[np.arange(len(found)), found.argmax(1)] += rest
    return found


def _code_pieces(frequencies: UInt16[np.ndarray, "place piece"], starts: UInt16[np.ndarray, "place piece"]) -> list[bytes]:
    """The words of each piece, all pieces at once, from the last symbol to the first."""
    rest = FREQUENCIES - frequencies
    states, moved = np.full(frequencies.shape[1], LEAST, np.uint32), np.empty(frequencies.shape[1], np.uint32)
    low, full = np.empty(frequencies.shape, np.uint16), np.empty(frequencies.shape, bool)  # what is written before each symbol, if it is
    for place in range(len(frequencies) - 1, -1, -1):
        low[place] = states
        np.right_shift(states, 19, out=moved)
        np.greater_equal(moved, frequencies[place], out=full[place])
        np.left_shift(full[place].view(np.uint8), 4, out=moved)
        states >>= moved
        np.floor_divide(states, frequencies[place], out=moved)
        moved *= rest[place]  # its share of 4,096 for each of its parts
        moved += starts[place]
        states += moved
    return _words(states, low, full)


def _words(states: np.ndarray, low: UInt16[np.ndarray, "place piece"], full: Bool[np.ndarray, "place piece"]) -> list[bytes]:
    """The last state of each piece, its higher half first, and what was written before, the last first."""
    halves = np.stack([states >> 16, states & 0xFFFF], axis=1).astype("<u2")
    low, full = np.ascontiguousarray(low.T), np.ascontiguousarray(full.T)
    return [half.tobytes() + words[written].astype("<u2").tobytes() for half, words, written in zip(halves, low, full, strict=True)]

"""Symbols in nearly as few bits as their frequencies allow, each by its frequency in a context that the reader knows before it.

Asymmetric numeral systems with whole numbers alone, so that any machine writes and reads the same. templates/static/decoding.js reads what this writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from jaxtyping import Bool, Int, Int32, Integer, UInt8, UInt16, UInt32

FREQUENCIES = 1 << 12  # to which those of a context add up
LEAST = 1 << 15  # a state is at least this and below 2^31; words have 16 bits
LONGEST = 1 << 13  # symbols of a row that share a state
TOGETHER = 1 << 23  # symbols that are coded in one go, unless one matrix of symbols has more
SHARE_BITS = 13  # of a share, which says how often a symbol occurs in its context and, above these bits, where its part of 4,096 begins
STRETCH = 64  # symbols of each piece whose shares are looked up in one go


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
    shorter. Memory: some 20 bytes for each symbol.
    """
    return code_all([symbols])[0]


def code_all(wanted: Iterable[Symbols]) -> list[Coded]:
    """The same of each of several, which takes hardly longer than of one. Memory: some 20 bytes for each symbol of 8 million."""
    found: list[Coded] = []
    for few in _batches(wanted):
        jobs, shares = [], [np.array([FREQUENCIES], np.uint32)]  # place 0: what always occurs takes no bits
        for symbols in few:
            jobs.append(_Job.of(symbols, sum(map(len, shares))))
            shares.append(jobs[-1].shares)
        words = iter(_code_pieces(_joined([job.places for job in jobs]), np.concatenate(shares)))
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
    """The share of each symbol in each context, and where that of each symbol of each piece stands among the shares of all jobs."""

    rows: int
    pieces: int
    frequencies: Int[np.ndarray, "context symbol"]
    shares: UInt32[np.ndarray, " context*symbol"]
    places: Int32[np.ndarray, "piece place"]

    @classmethod
    def of(cls, wanted: Symbols, begin: int) -> _Job:
        places = wanted.contexts.astype(np.int32)
        places *= wanted.shape[1]
        places += wanted.symbols
        frequencies = _frequencies(np.bincount(places.ravel(), minlength=wanted.shape[0] * wanted.shape[1]).reshape(wanted.shape))
        starts = np.cumsum(frequencies, axis=1) - frequencies
        places += begin
        pieces = -(-places.shape[1] // LONGEST)
        if missing := -places.shape[1] % pieces:
            places = np.pad(places, ((0, 0), (0, missing)))
        return cls(
            rows=len(places),
            pieces=pieces,
            frequencies=frequencies,
            shares=(starts << SHARE_BITS | frequencies).astype(np.uint32).ravel(),
            places=places.reshape(len(places) * pieces, -1),
        )

    def take(self, words: Iterator[bytes]) -> Coded:
        """Its rows of the words of all pieces."""
        return Coded(rows=tuple(b"".join(islice(words, self.pieces)) for _ in range(self.rows)), frequencies=self.frequencies)


def _joined(parts: Sequence[Int32[np.ndarray, "_ _"]]) -> Int32[np.ndarray, "piece longest"]:
    """The pieces of all, shorter ones filled up at their ends."""
    if len(parts) == 1:
        return parts[0]
    found = np.zeros((sum(len(part) for part in parts), max(part.shape[1] for part in parts)), np.int32)
    at = 0
    for part in parts:
        found[at : at + len(part), : part.shape[1]] = part
        at += len(part)
    return found


def _frequencies(counts: Int[np.ndarray, "context symbol"]) -> Int[np.ndarray, "context symbol"]:
    """Whole numbers that add up to 4,096 in each context that occurs, at least 1 for what occurs in it."""
    totals = counts.sum(1, keepdims=True)
    found = np.where(counts > 0, np.maximum(counts * FREQUENCIES // np.maximum(totals, 1), 1), 0)
    rest = np.where(totals[:, 0] > 0, FREQUENCIES - found.sum(1), 0)
    found[np.arange(len(found)), found.argmax(1)] += rest
    return found


def _code_pieces(places: Int32[np.ndarray, "piece place"], shares: UInt32[np.ndarray, " share"]) -> list[bytes]:
    """The words of each piece, all pieces at once, from the last symbol to the first."""
    low, full = np.empty(places.shape, np.uint16), np.empty(places.shape, bool)  # what is written before each symbol, if it is
    last = np.full(len(places), LEAST, np.uint32)
    for end in range(places.shape[1], 0, -STRETCH):
        stretch = slice(max(end - STRETCH, 0), end)
        known = shares.take(places[:, stretch].T)
        frequencies = known & ((1 << SHARE_BITS) - 1)
        most = (frequencies << 19) - 1  # that a state may be if nothing is written before the symbol
        states = _states(last, frequencies, known >> SHARE_BITS, most)
        low[:, stretch] = states[1:].T
        full[:, stretch] = (states[1:] > most).T
        last = states[0]
    return _words(last, low, full)


def _states(
    last: UInt32[np.ndarray, " piece"],
    frequencies: UInt32[np.ndarray, "place piece"],
    starts: UInt32[np.ndarray, "place piece"],
    most: UInt32[np.ndarray, "place piece"],
) -> UInt32[np.ndarray, "place+1 piece"]:
    """Those before each symbol is read, `last` the one after all of them. Whole arrays of one type alone, since these are many short steps."""
    found = np.empty((len(frequencies) + 1, len(last)), np.uint32)
    found[-1] = state = last
    rest = FREQUENCIES - frequencies
    kept, parts, sign, bits = np.empty_like(last), np.empty_like(last), np.full_like(last, 31), np.full_like(last, 4)
    for frequency, start, above, own, after in zip(frequencies[::-1], starts[::-1], most[::-1], rest[::-1], found[-2::-1], strict=True):
        np.subtract(above, state, out=kept)
        np.right_shift(kept, sign, out=kept)  # 1 if a word is written, since the difference is below 0
        np.left_shift(kept, bits, out=kept)
        np.right_shift(state, kept, out=kept)
        np.floor_divide(kept, frequency, out=parts)
        np.multiply(parts, own, out=parts)  # its share of 4,096 for each of its parts
        np.add(parts, start, out=parts)
        np.add(parts, kept, out=after)
        state = after
    return found


def _words(states: UInt32[np.ndarray, " piece"], low: UInt16[np.ndarray, "piece place"], full: Bool[np.ndarray, "piece place"]) -> list[bytes]:
    """The last state of each piece, its higher half first, and what was written before, the last first."""
    halves = np.stack([states >> 16, states & 0xFFFF], axis=1).astype("<u2")
    words = low.ravel().compress(full.ravel()).astype("<u2", copy=False)
    ends = np.cumsum(np.count_nonzero(full, axis=1))
    return [half.tobytes() + written.tobytes() for half, written in zip(halves, np.split(words, ends[:-1]), strict=True)]

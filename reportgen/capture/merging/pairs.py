"""Matrices between the sentences of a document out of its windows', of the pairs that some window holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Int

from reportgen.capture.merging.storage import BY_LAYER, PER_HEAD, Room, left_out, plan_storage
from reportgen.sentence_pairs import SentencePairs
from reportgen.windows import Window

COVERAGE = "coverage"


class SeenPairs:
    """The pairs of sentences that some window holds, numbered in reading order.

    Windows come in order, so a sentence is read with those from the start of the first window that holds it to the end of the last one, and every
    row of a matrix is one run of columns.
    """

    def __init__(self, windows: Sequence[Window], sentences: int) -> None:
        self.sentences = sentences
        self.first, self.last = np.zeros(sentences, np.int64), np.zeros(sentences, np.int64)
        for window in windows:
            self.first[window.own : window.last] = window.first
            self.last[window.first : window.last] = window.last
        self.ends = np.cumsum(self.last - self.first)

    @property
    def count(self) -> int:
        """How many pairs there are."""
        return int(self.ends[-1])

    def numbers(self, queries: slice, keys: slice) -> Int[np.ndarray, "query key"]:
        """The numbers of a rectangle of pairs, all of which some window holds."""
        starts = self.ends[queries] - self.last[queries]
        return starts[:, None] + np.arange(keys.start, keys.stop)

    def listed(self) -> SentencePairs:
        """The sentences of each pair."""
        lengths = self.last - self.first
        queries = np.repeat(np.arange(self.sentences, dtype=np.int32), lengths)
        keys = np.arange(self.count) - np.repeat(self.ends - self.last, lengths)
        return SentencePairs(sentences=self.sentences, queries=queries, keys=keys.astype(np.int32))


class PairMatrices:
    """Every array between sentences that is kept, by pair: each pair from the first window that reads both.

    Windows come in order, so that one is the window that gives the query sentence the most text before it. What earlier windows have read together are
    the pairs of sentences before the last window's end: the square at the window's upper left. The rest of its square is new.
    Memory: one number for each pair that some window holds, in each array kept, which fit into `budget` bytes together; what does not is never
    allocated. `stack` says what is stored where (`decoder.isa`).
    """

    def __init__(self, windows: Sequence[Window], sentences: int, budget: int, stack: str) -> None:
        self.seen, self.budget, self.stack = SeenPairs(windows, sentences), budget, stack
        self.rooms: dict[str, Room] = {}
        self.kept: dict[str, np.ndarray] = {}
        self.gone: dict[str, Room] = {}

    def add(self, window: Window, arrays: Mapping[str, np.ndarray]) -> None:
        """Take in a window's matrices; every window has the same ones."""
        if not self.rooms:
            self._plan(arrays)
        elif set(arrays) | {COVERAGE} != set(self.rooms):
            raise ValueError(f"windows differ in their arrays: {sorted(set(arrays) ^ set(self.rooms))}")
        for name, values in arrays.items():
            if name != COVERAGE:
                self._place(name, window, values)
        if PER_HEAD in arrays and BY_LAYER in self.kept:
            self._place(BY_LAYER, window, arrays[PER_HEAD].mean(1, dtype=np.float32))
        if COVERAGE in self.kept:
            inside = slice(window.first, window.last)
            self.kept[COVERAGE][self.seen.numbers(inside, inside)] += 1

    def _plan(self, arrays: Mapping[str, np.ndarray]) -> None:
        pairs = self.seen.count
        self.rooms = {name: Room(shape=(*values.shape[:-2], pairs), dtype=values.dtype) for name, values in arrays.items()}
        self.rooms[COVERAGE] = Room(shape=(pairs,), dtype=np.dtype(np.int32))
        kept = plan_storage(self.rooms, self.budget)
        self.gone = {name: room for name, room in self.rooms.items() if name not in kept}
        self.gone |= {BY_LAYER: Room(shape=(self.rooms[PER_HEAD].shape[0], pairs), dtype=np.dtype(np.float32))} if _both_gone(self.rooms, kept) else {}
        self.kept = {name: np.full(room.shape, 0 if name == COVERAGE else np.nan, room.dtype) for name, room in kept.items()}

    def _place(self, name: str, window: Window, values: np.ndarray) -> None:
        if name in self.kept and values.ndim > self.kept[name].ndim + 1:
            self._deepen(name, values.shape[:-2])
        if name not in self.kept:
            return
        old = window.own - window.first  # sentences that earlier windows have read
        merged = self.kept[name]
        if values.ndim < merged.ndim + 1:
            values = np.broadcast_to(values, (*merged.shape[:-1], *values.shape[-2:]))
        own, inside = slice(window.own, window.last), slice(window.first, window.last)
        merged[..., self.seen.numbers(own, inside)] = values[..., old:, :]
        merged[..., self.seen.numbers(slice(window.first, window.own), own)] = values[..., :old, old:]

    def _deepen(self, name: str, layers: tuple[int, ...]) -> None:
        """One matrix for each layer from here on, where the layers of this window differ and those of the earlier ones did not."""
        room = Room(shape=(*layers, self.seen.count), dtype=self.kept[name].dtype)
        flat = self.kept.pop(name)
        if sum(values.nbytes for values in self.kept.values()) + room.size > self.budget:
            self.gone[name] = room
        else:
            self.kept[name] = np.broadcast_to(flat, room.shape).copy()

    @property
    def notices(self) -> tuple[str, ...]:
        """One sentence for each array that is not stored."""
        return tuple(left_out(f"{self.stack}.{name}", room, self.budget) for name, room in self.gone.items())


def _both_gone(rooms: Mapping[str, Room], kept: Mapping[str, Room]) -> bool:
    return PER_HEAD in rooms and PER_HEAD not in kept and BY_LAYER not in kept

"""Matrices between the sentences of a document out of its windows'."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from reportgen.capture.merging.storage import BY_LAYER, PER_HEAD, Room, left_out, plan_storage
from reportgen.windows import Window

COVERAGE = "coverage"


class PairMatrices:
    """Every `... x S x S` array that is kept: each pair of sentences from the first window that reads both, NaN for pairs that none reads together.

    Windows come in order, so that one is the window that gives the query sentence the most text before it. What earlier windows have read together are
    the pairs of sentences before the last window's end: the square at the window's upper left. The rest of its square is new.
    Memory: the arrays kept, which fit into `budget` bytes together; what does not is never allocated. `name` says what is stored where (`decoder.isa`).
    """

    def __init__(self, sentences: int, budget: int, stack: str) -> None:
        self.sentences, self.budget, self.stack = sentences, budget, stack
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
            self.kept[COVERAGE][window.first : window.last, window.first : window.last] += 1

    def _plan(self, arrays: Mapping[str, np.ndarray]) -> None:
        square = (self.sentences, self.sentences)
        self.rooms = {name: Room(shape=(*values.shape[:-2], *square), dtype=values.dtype) for name, values in arrays.items()}
        self.rooms[COVERAGE] = Room(shape=square, dtype=np.dtype(np.int32))
        kept = plan_storage(self.rooms, self.budget)
        self.gone = {name: room for name, room in self.rooms.items() if name not in kept}
        self.gone |= {BY_LAYER: Room(shape=(self.rooms[PER_HEAD].shape[0], *square), dtype=np.dtype(np.float32))} if _both_gone(self.rooms, kept) else {}
        self.kept = {name: np.full(room.shape, 0 if name == COVERAGE else np.nan, room.dtype) for name, room in kept.items()}

    def _place(self, name: str, window: Window, values: np.ndarray) -> None:
        if name in self.kept and values.ndim > self.kept[name].ndim:
            self._deepen(name, values.shape[:-2])
        if name not in self.kept:
            return
        old = window.own - window.first  # sentences that earlier windows have read
        merged, inside = self.kept[name], slice(window.first, window.last)
        if values.ndim < merged.ndim:
            values = np.broadcast_to(values, (*merged.shape[:-2], *values.shape[-2:]))
        merged[..., window.own : window.last, inside] = values[..., old:, :]
        merged[..., window.first : window.own, window.own : window.last] = values[..., :old, old:]

    def _deepen(self, name: str, layers: tuple[int, ...]) -> None:
        """One matrix for each layer from here on, where the layers of this window differ and those of the earlier ones did not."""
        room = Room(shape=(*layers, self.sentences, self.sentences), dtype=self.kept[name].dtype)
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

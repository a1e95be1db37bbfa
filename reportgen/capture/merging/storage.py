"""Which arrays between sentences of a long document are stored, and how: those that fit into memory, as whole matrices or by pair."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

BUDGET = 3 << 30  # bytes, beside the model's own memory within 8 GB
WHOLE = 1 << 29  # bytes that all matrices of a document may take as whole ones; where they would take more, they are stored by pair
PER_HEAD, BY_LAYER = "sentence_attention", "sentence_attention_by_layer"
FIRST_TO_GO = (
    *(PER_HEAD, BY_LAYER, "isa_by_layer", "rollout_by_layer", "rollout_without_sink_by_layer"),
    *("isa", "rollout", "rollout_without_sink", "sentence_expected", "coverage"),
)


@dataclass(frozen=True, kw_only=True)
class Room:
    """What one array takes: its shape, the last axis being that of pairs, and its number type."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def size(self) -> int:
        """Bytes."""
        return math.prod(self.shape) * self.dtype.itemsize


def plan_storage(wanted: Mapping[str, Room], budget: int) -> dict[str, Room]:
    """The arrays that together fit into `budget` bytes: those of most dimensions go first, among them in the order of `FIRST_TO_GO`.

    Attention by head is kept as float16 where only that fits. Where it goes, its mean over the heads of each layer is wanted in its place.
    """
    kept = dict(wanted)
    for name in sorted(_with_stand_in(wanted), key=lambda name: _turn(name, _with_stand_in(wanted)[name])):
        if sum(room.size for room in kept.values()) <= budget:
            break
        if name == PER_HEAD:
            halved = kept | {name: replace(kept[name], dtype=np.dtype(np.float16))}
            kept = halved if sum(room.size for room in halved.values()) <= budget else {**_without(kept, name), BY_LAYER: _mean_over_heads(kept[name])}
        else:
            kept = _without(kept, name)
    return kept


def _with_stand_in(wanted: Mapping[str, Room]) -> dict[str, Room]:
    return {**wanted, BY_LAYER: _mean_over_heads(wanted[PER_HEAD])} if PER_HEAD in wanted else dict(wanted)


def _mean_over_heads(room: Room) -> Room:
    layers, _, pairs = room.shape
    return Room(shape=(layers, pairs), dtype=np.dtype(np.float32))


def _without(rooms: Mapping[str, Room], name: str) -> dict[str, Room]:
    return {other: room for other, room in rooms.items() if other != name}


def _turn(name: str, room: Room) -> tuple[int, int]:
    """When an array goes: arrays of most dimensions first; unlisted ones before the listed."""
    return -len(room.shape), FIRST_TO_GO.index(name) if name in FIRST_TO_GO else -1


def left_out(name: str, room: Room, budget: int) -> str:
    """The notice of an array that is not stored."""
    axes = " x ".join(f"{size:,}" for size in room.shape)
    reason = f"all of its kind do not fit into {budget / 1e9:,.1f} GB of memory"
    return f"Not stored for the whole document, because {reason}: {name} ({axes} pairs of sentences); each window's own is stored."


def by_pair(stack: str, pairs: int, sentences: int, whole: int) -> str:
    """The notice of matrices that are stored by pair."""
    return (
        f"The matrices of {stack} between sentences are stored by pair, for the {pairs:,} of {sentences**2:,} pairs that a window holds, because as whole "
        f"ones they would take more than {whole / 1e9:,.1f} GB."
    )

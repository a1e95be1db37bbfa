"""Whether measurements are reproduced, in words and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reportgen.measurements import Measurements
from reportgen.reproduction.differences import IDENTICAL, INPUT, NOT_COMPARED, OTHER_CHOICES, WITHIN, Difference, differences, new_arrays
from reportgen.reproduction.tolerance import OF_GREATEST, STATED
from reportgen.wording import significant

COMPARED = ("model", "revision", "family", "dtype", "device", "attention_way")
SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """Array by array how far measurements are from those made again; `circumstances` are what differed: name, then, now. `further` are arrays that only the
    newer ones have."""

    differences: tuple[Difference, ...]
    circumstances: tuple[tuple[str, str, str], ...]
    further: tuple[str, ...]
    dtype: str

    @property
    def reproduced(self) -> bool:
        """Whether every array was measured again, and none is beyond its tolerance."""
        return not any(one.fails for one in self.differences)

    @property
    def failed(self) -> tuple[Difference, ...]:
        """What is not reproduced, and by how much."""
        return tuple(one for one in self.differences if one.fails)

    @property
    def furthest(self) -> tuple[Difference, ...]:
        """What fails; or else the five of all arrays that come nearest to their tolerance."""
        near = sorted((one for one in self.differences if one.outcome == WITHIN), key=lambda one: -one.absolute / one.tolerance)
        return self.failed or tuple(near[:SHOWN])

    @property
    def sentence(self) -> str:
        """What was found, in words."""
        count = len(self.differences)
        if not self.reproduced:
            unread = [one.name for one in self.failed if one.name in INPUT]
            why = f" What the model read differs ({', '.join(unread)}), so that nothing else can be the same." if unread else ""
            return f"Not reproduced: {len(self.failed)} of {count} arrays differ by more than their tolerance ({self.tolerance}).{why}"
        same = sum(one.outcome == IDENTICAL for one in self.differences)
        if same == count:
            return f"Reproduced: all {count} arrays are the same, number for number."
        return (
            f"Reproduced: of {count} arrays {same} are the same, number for number, and {self._within} are within tolerance ({self.tolerance}){self._chosen}."
        )

    @property
    def tolerance(self) -> str:
        """The rule, in words."""
        share = OF_GREATEST.get(self.dtype, OF_GREATEST[STATED])
        return f"{significant(share, 1)} of the array’s greatest number for a {self.dtype} model, and what storing rounds"

    @property
    def _within(self) -> int:
        return sum(one.outcome == WITHIN for one in self.differences)

    @property
    def _chosen(self) -> str:
        chosen = [one for one in self.differences if one.outcome == OTHER_CHOICES]
        left = [one.name for one in self.differences if one.outcome == NOT_COMPARED]
        if not chosen:
            return ""
        named = ", ".join(f"{one.name} ({one.apart} of {one.size})" for one in chosen)
        hung = f"; of these depend, and were not compared: {', '.join(left)}" if left else ""
        return f"; choices between nearly equal numbers fell otherwise in {named}{hung}"


def compare(kept: Measurements, again: Measurements) -> Reproduction:
    """Hold measurements against those of the same document by the same model that were made again."""
    return Reproduction(
        differences=differences(kept, again),
        circumstances=tuple(_circumstances(kept.metadata, again.metadata)),
        further=new_arrays(kept, again),
        dtype=kept.metadata["dtype"],
    )


def _circumstances(kept: Any, again: Any) -> list[tuple[str, str, str]]:
    """Versions of libraries, the model and where it ran, where they differ."""
    libraries = sorted(set(kept["libraries"]) | set(again["libraries"]))
    rows = [(name, kept[name], again[name]) for name in COMPARED]
    rows += [(name, kept["libraries"].get(name, "none"), again["libraries"].get(name, "none")) for name in libraries]
    return [(name, str(one), str(other)) for name, one, other in rows if one != other]

"""Whether measurements are reproduced, in words and numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from reportgen.measurements import Measurements
from reportgen.reproduction.differences import IDENTICAL, INPUT, NOT_COMPARED, OTHER_CHOICES, WITHIN, Difference, differences, new_arrays
from reportgen.reproduction.tolerance import OF_GREATEST, STATED
from reportgen.wording import significant

COMPARED = ("model", "revision", "family", "dtype", "device", "attention_way")
SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """Array by array how far measurements are from those made again; `circumstances` are what differed: name, then, now. `further` are arrays that only the
    newer ones have, `reasons` sentences that say why the model may have read something else."""

    differences: tuple[Difference, ...]
    circumstances: tuple[tuple[str, str, str], ...]
    further: tuple[str, ...]
    reasons: tuple[str, ...]
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
        """What fails, of which what the model read comes alone; or else the five of all arrays that come nearest to their tolerance."""
        near = sorted((one for one in self.differences if one.outcome == WITHIN), key=lambda one: -one.absolute / one.tolerance)
        return self._unread or self.failed or tuple(near[:SHOWN])

    @property
    def sentence(self) -> str:
        """What was found, in words."""
        count = len(self.differences)
        if not self.reproduced:
            unread = [one.name for one in self._unread]
            why = " ".join(["", f"What the model read differs ({', '.join(unread)}), so that nothing else can be the same.", *self.reasons]) if unread else ""
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
    def _unread(self) -> tuple[Difference, ...]:
        return tuple(one for one in self.failed if one.name in INPUT)

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
        reasons=tuple(_reasons(kept, again)),
        dtype=kept.metadata["dtype"],
    )


def _reasons(kept: Measurements, again: Measurements) -> Iterator[str]:
    """What is known of a model's input that was made again and may be another."""
    asked, now = kept.metadata["options"], again.metadata["options"]
    if asked.get("chat") != now.get("chat"):
        yield "The chat template writes other text around the document now, as templates do that hold the day’s date."
    pair = asked.get("pair")
    if pair is not None and "language" not in pair:
        yield f"The file does not say in which language {pair['source']} was cut into sentences; the document’s ({kept.metadata['language']}) was taken."
    if "generate" in asked and (at := _written_otherwise(kept, again, asked["generate"]["tokens"])) is not None:
        yield f"The model wrote something else now, from token {at} of its own on: of two nearly equally likely tokens either may come first."


def _written_otherwise(kept: Measurements, again: Measurements, tokens: int) -> int | None:
    """The first token, counted from 1, that the model wrote otherwise after the same input; None where the input differs or nothing does."""
    name = "target_token_ids" if "target_token_ids" in kept else "token_ids"
    one, other = kept[name], again[name]
    shorter, before = min(len(one), len(other)), len(one) - tokens
    unlike = np.flatnonzero(one[:shorter] != other[:shorter])
    at = int(unlike[0]) if len(unlike) else shorter
    return None if at < before or len(one) == len(other) == at else at - before + 1


def _circumstances(kept: Any, again: Any) -> list[tuple[str, str, str]]:
    """Versions of libraries, the model and where it ran, where they differ."""
    libraries = sorted(set(kept["libraries"]) | set(again["libraries"]))
    parsers = kept.get("syntax", {}), again.get("syntax", {})
    rows = [(name, kept[name], again[name]) for name in COMPARED]
    rows += [(f"parser’s {name}", *(one.get(name, "none") for one in parsers)) for name in ("pipeline", "version", "spacy")]
    rows += [(name, kept["libraries"].get(name, "none"), again["libraries"].get(name, "none")) for name in libraries]
    return [(name, str(one), str(other)) for name, one, other in rows if one != other]

"""The division of documents among runs that know nothing of each other."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from reportgen.errors import BatchError

WRITTEN = re.compile(r"(\d{1,9})/(\d{1,9})")


@dataclass(frozen=True, kw_only=True)
class Shard:
    """Part `index`, counted from 1, of `of`."""

    index: int
    of: int

    def holds(self, source: str, key: str | None) -> bool:
        """Whether a document is of this part: by its key, so that more documents or other names move none; by its name where it has no key."""
        return int(key or hashlib.sha256(source.encode()).hexdigest(), 16) % self.of == self.index - 1


def parse_shard(text: str) -> Shard:
    """The part that 3/8 names. Raises `BatchError` for anything else."""
    match = WRITTEN.fullmatch(text.strip())
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise BatchError(f"{text!r} is no part of a whole: write the third of eight as 3/8, the first as 1/8.")
    return Shard(index=int(match[1]), of=int(match[2]))

"""What there is to do: documents under their keys, those of the same content together."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reportgen.asked import MOST, Asked
from reportgen.batch.finding import printable
from reportgen.batch.keeping import NOTHING, Found
from reportgen.batch.manifest import FAILED, Entry
from reportgen.batch.sharding import Shard
from reportgen.batch.store import address, text_digest
from reportgen.batch.work import Work
from reportgen.documents.limits import ReadingLimits, refuse_size
from reportgen.errors import DocumentError


@dataclass(frozen=True, kw_only=True)
class Task:
    """Documents of the same content, the first of which gives the files their name; the digest of that content, and what is there of them already."""

    key: str
    sources: tuple[str, ...]
    digest: str
    found: Found = NOTHING


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The tasks in the order of their first documents, and an entry for each document that has none, as it cannot be read."""

    tasks: tuple[Task, ...]
    failed: Mapping[str, Entry]

    def with_found(self, find: Callable[[str], Found]) -> Plan:
        """The same, with what is there of each task."""
        return replace(self, tasks=tuple(replace(task, found=find(task.key)) for task in self.tasks))


def plan_of(documents: Sequence[str], asked: Asked, said: Mapping[str, Any], shard: Shard | None) -> Plan:
    """The plan of one shard, or of all documents. Every document is read once, for its key."""
    sources: dict[tuple[str, str], list[str]] = {}
    failed: dict[str, Entry] = {}
    for source in documents:
        try:
            digest = text_digest(source, asked.reading.get("format"))
        except DocumentError as error:
            if shard is None or shard.holds(printable(source), None):
                failed[source] = Entry(source=printable(source), key=None, status=FAILED, error=" ".join(str(error).split()))
            continue
        key = address(digest, said)
        if shard is None or shard.holds(printable(source), key):
            sources.setdefault((key, digest), []).append(source)
    tasks = tuple(Task(key=key, digest=digest, sources=tuple(several)) for (key, digest), several in sources.items())
    return Plan(tasks=tasks, failed=failed)


def work_of(task: Task, asked: Asked) -> Work:
    """The document's bytes for a worker. Raises `DocumentError` where it is too large, cannot be read any more, or is not what its key was made of."""
    source, shown = Path(task.sources[0]), printable(task.sources[0])
    largest = asked.reading.get(f"{MOST}size")
    try:
        refuse_size(shown, source.stat().st_size, ReadingLimits() if largest is None else ReadingLimits(size=largest))
        data = source.read_bytes()
        measured = None if task.found.measured is None else task.found.measured.read_bytes()
    except OSError as error:
        raise DocumentError(f"{shown} cannot be read any more ({error.strerror or error}): run again with --resume.") from error
    if not task.digest.endswith(hashlib.sha256(data).hexdigest()):
        raise DocumentError(f"{shown} changed while the run went on: run again with --resume.")
    return Work(key=task.key, name=source.name, data=data, measured=measured)

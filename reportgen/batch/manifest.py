"""What a batch gave: one entry for each document, in one file, or in a piece for each shard."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from reportgen.batch.sharding import Shard
from reportgen.errors import BatchError
from reportgen.files import replacing

SCHEMA = 1
DONE, FAILED, WAITING = "done", "failed", "waiting"
BEST_FIRST = (DONE, FAILED, WAITING)


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """A file in the output folder: its name there, its checksum and its size in bytes."""

    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A document by the path that led to it, and what became of it: done, failed (then `error` says why in one sentence) or waiting.

    `key` is None where the document could not be read at all. Documents of the same content share key and files.
    """

    source: str
    key: str | None
    status: str = WAITING
    title: str = ""
    model: str = ""
    tokens: int = 0
    sentences: int = 0
    files: tuple[StoredFile, ...] = ()
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """All entries in the order of their sources, what was asked of each document, and the shard that they are of, None for all."""

    asked: Mapping[str, Any]
    entries: tuple[Entry, ...]
    shard: Shard | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def of(self, status: str) -> tuple[Entry, ...]:
        """The entries that are done, failed or waiting."""
        return tuple(entry for entry in self.entries if entry.status == status)


def piece_path(folder: Path, shard: Shard | None) -> Path:
    """Where the manifest of a shard, or of a run that has none, lies."""
    return folder / ("manifest.json" if shard is None else f"manifest-{shard.index}-of-{shard.of}.json")


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the piece, whole or not at all; the same documents with the same outcome give the same bytes. Raises `OutputError`."""
    data = {
        "schema": SCHEMA,
        "shard": None if manifest.shard is None else [manifest.shard.index, manifest.shard.of],
        "asked": dict(manifest.asked),
        "settings": dict(manifest.settings),
        "documents": [asdict(entry) for entry in manifest.entries],
    }
    with replacing(piece_path(folder, manifest.shard)) as file:
        file.write(f"{json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True)}\n".encode())


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a folder, its pieces put together: of several entries for a source and key one that is done, else one that failed; None where there is none.

    What was asked and the settings are those of the first piece. Raises `BatchError` for a piece that cannot be read.
    """
    pieces = [_read(path) for path in sorted(folder.glob("manifest*.json"))]
    if not pieces:
        return None
    best: dict[tuple[str, str | None], Entry] = {}
    for entry in sorted((entry for piece in pieces for entry in piece.entries), key=lambda entry: BEST_FIRST.index(entry.status)):
        best.setdefault((entry.source, entry.key), entry)
    return Manifest(asked=pieces[0].asked, settings=pieces[0].settings, entries=tuple(best[name] for name in sorted(best, key=str)))


def _read(path: Path) -> Manifest:
    try:
        data = json.loads(path.read_bytes())
        if data["schema"] != SCHEMA:
            raise ValueError(f"its schema is {data['schema']}, and this version knows {SCHEMA}")
        shard = None if data["shard"] is None else Shard(index=data["shard"][0], of=data["shard"][1])
        return Manifest(asked=data["asked"], settings=data["settings"], shard=shard, entries=tuple(_entries(data["documents"])))
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise BatchError(f"Cannot read the manifest {path} ({' '.join(str(error).split())}): remove it, and go on with --resume.") from error


def _entries(documents: list[dict[str, Any]]) -> Iterator[Entry]:
    for one in documents:
        entry = Entry(**{**one, "files": tuple(StoredFile(**file) for file in one["files"])})
        if entry.status not in BEST_FIRST:
            raise ValueError(f"the status {entry.status!r} is not known")
        yield entry

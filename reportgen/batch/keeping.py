"""The files of documents in the output folder: written, found again, and trusted only where their bytes are what was written."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from reportgen.batch.manifest import DONE, Entry, Manifest, StoredFile, read_manifest
from reportgen.batch.store import PIECE, whole
from reportgen.batch.work import Facts, Made, facts_of
from reportgen.errors import BatchError, OutputError
from reportgen.files import replacing

MEASUREMENTS, PAGE = ".npz", ".html"
STALE = 3600  # seconds after which what a killed run left half-written is nobody's any more


def write_made(folder: Path, stem: str, key: str, made: Made) -> Entry:
    """The entry, without its source, of files that were just written, the measurements first. Raises `OutputError`."""
    files = [_write(folder / f"{stem}{MEASUREMENTS}", made.npz)]
    if made.page is not None:
        files.append(_write(folder / f"{stem}{PAGE}", made.page))
    return _entry(key, made.facts, *files)


def remove_half_written(folder: Path) -> None:
    """Remove what runs that were killed left while they wrote, an hour and more ago: another run may be writing now."""
    for path in folder.glob(".reportgen-*.part"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > STALE:
                path.unlink()


@dataclass(frozen=True, kw_only=True)
class Found:
    """What is there of a document: its entry where nothing is left to do, else its whole measurements file, whose page is missing."""

    entry: Entry | None = None
    measured: Path | None = None

    @property
    def stem(self) -> str | None:
        """What the measurements file that lacks a page is called."""
        return None if self.measured is None else self.measured.stem


NOTHING = Found()


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What earlier runs left in a folder, whoever they were and whatever the documents were called then."""

    folder: Path

    @cached_property
    def _manifest(self) -> Manifest | None:
        return read_manifest(self.folder)

    @cached_property
    def _recorded(self) -> Mapping[str, Entry]:
        manifest = self._manifest
        return {} if manifest is None else {entry.key: entry for entry in manifest.of(DONE) if entry.key is not None}

    @cached_property
    def _named(self) -> Mapping[str, list[str]]:
        """Names of measurements files by the piece of a key in them."""
        named: dict[str, list[str]] = {}
        for name in sorted(os.listdir(self.folder)):
            if name.endswith(MEASUREMENTS):
                named.setdefault(name.removesuffix(MEASUREMENTS)[-PIECE:], []).append(name)
        return named

    def refuse_other_threads(self, threads: int) -> None:
        """Raise `BatchError` where the folder's measurements were made by workers of another number of threads, on which their last figures depend."""
        before = threads if self._manifest is None else self._manifest.settings.get("threads", threads)
        if before != threads:
            raise BatchError(f"{self.folder} was begun with --threads {before}: go on with that, or name another folder.")

    def find(self, key: str, pages: bool) -> Found:
        """What is there under a key. Files that a manifest lists have to have its checksums; measurements that none lists, those of their archive; a page that none lists is not trusted."""
        entry = self._recorded.get(key)
        if entry is not None:
            files = tuple(file for file in entry.files if _as_listed(self.folder, file))
            return self._judge(replace(entry, files=files), pages)
        for name in self._named.get(key[:PIECE], ()):
            measurements = whole(self.folder / name)
            if measurements is not None:
                data = (self.folder / name).read_bytes()
                return self._judge(_entry(key, facts_of(measurements), _listed(name, data)), pages)
        return NOTHING

    def _judge(self, entry: Entry, pages: bool) -> Found:
        endings = {os.path.splitext(file.name)[1]: file.name for file in entry.files}
        if MEASUREMENTS not in endings:
            return NOTHING
        return Found(measured=self.folder / endings[MEASUREMENTS]) if pages and PAGE not in endings else Found(entry=entry)


def _entry(key: str, facts: Facts, *files: StoredFile) -> Entry:
    return Entry(source="", key=key, status=DONE, files=files, title=facts.title, model=facts.model, tokens=facts.tokens, sentences=facts.sentences)


def _write(path: Path, data: bytes) -> StoredFile:
    with replacing(path) as file:
        file.write(data)
    return _listed(path.name, data)


def _listed(name: str, data: bytes) -> StoredFile:
    return StoredFile(name=name, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))


def _as_listed(folder: Path, listed: StoredFile) -> bool:
    path = folder / os.path.basename(listed.name)
    try:
        with path.open("rb") as file:
            return path.stat().st_size == listed.bytes and hashlib.file_digest(file, "sha256").hexdigest() == listed.sha256
    except FileNotFoundError:
        return False
    except OSError as error:
        raise OutputError(f"Cannot read {path}: {error.strerror or error}.") from error

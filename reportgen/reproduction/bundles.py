"""The files of a bundle, a folder or a zip archive, opened without trusting it: nothing is unpacked to a place that the bundle names."""

from __future__ import annotations

import io
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from reportgen.archive import MOST_PACKED, SMALL
from reportgen.errors import BundleError
from reportgen.memory import written_size

MOST_FILES = 10_000
MOST_UNPACKED = 4_000_000_000  # bytes of all files
AT_ONCE = 1 << 20  # bytes
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, NotImplementedError)
MANIFEST, MEASUREMENTS = "manifest-sha256.txt", "measurements.npz"


@dataclass(frozen=True, kw_only=True, eq=False)
class Bundle:
    """The files of a bundle by their names, `/` between folders, counted from the folder that holds the manifest; `place` is what the user called it."""

    place: Path
    files: Mapping[str, Path | zipfile.ZipInfo]
    archive: zipfile.ZipFile | None

    @contextmanager
    def reading(self, name: str) -> Iterator[BinaryIO]:
        """A file of the bundle. It raises `BundleError` where it is damaged; what else goes wrong while it is open is nothing that is said of it."""
        found = self.files[name]
        with self._damage_of(name):
            file = self.archive.open(found) if self.archive is not None else found.open("rb")
        with file:
            yield io.BufferedReader(_Reading(file, partial(self._damage_of, name)), AT_ONCE)

    @contextmanager
    def _damage_of(self, name: str) -> Iterator[None]:
        try:
            yield
        except DAMAGE as error:
            raise BundleError(f"{name} of {self.place} cannot be read ({' '.join(str(error).split())}): get the bundle again.") from error


class _Reading(io.RawIOBase):
    """A file, whose damage is told as soon as it is read."""

    def __init__(self, file: io.BufferedIOBase, telling: Callable[[], AbstractContextManager[None]]) -> None:
        self.file, self.telling = file, telling

    def readable(self) -> bool:
        """Whether it can be read, which it can."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:
        """How many bytes were read into a buffer. Raises `BundleError`."""
        with self.telling():
            return self.file.readinto(buffer)


@contextmanager
def opened(place: Path) -> Iterator[Bundle]:
    """The bundle in this folder or zip archive. Raises `BundleError` for what is neither, has no manifest, leads out of itself, or is a zip bomb."""
    if os.path.isdir(place):
        yield _from_top(place, _of_folder(place), None)
        return
    if not os.path.isfile(place):
        raise BundleError(f"There is no bundle {place}.")
    try:
        archive = zipfile.ZipFile(place)
    except DAMAGE as error:
        raise BundleError(f"{place} is no bundle ({' '.join(str(error).split())}): name a folder or a .zip that reportgen bundle wrote.") from error
    with archive:
        yield _from_top(place, _of_archive(place, archive), archive)


def _of_folder(place: Path) -> dict[str, Path]:
    """Every file below the folder. A link is refused, since it could be of a file that is not the bundle's."""
    found: dict[str, Path] = {}
    for path in sorted(place.rglob("*")):
        name = path.relative_to(place).as_posix()
        kind = path.lstat().st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
            raise BundleError(f"{name} of {place} is a link or no plain file, which no bundle has: remove it, or get the bundle again.")
        if stat.S_ISREG(kind):
            found[name] = path
    return found


def _of_archive(place: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    entries = archive.infolist()
    _refuse_bombs(place, entries)
    found: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if not is_inside(entry.filename.rstrip("/")) or entry.filename in found or kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise BundleError(f"{place} holds {entry.filename!r}, which is a link, is there twice, or leads out of the bundle: it was not read.")
        if entry.flag_bits & 1 or entry.compress_type not in PACKED:
            raise BundleError(f"{entry.filename!r} of {place} is encrypted or packed in a way that no bundle is: it was not read.")
        if not entry.is_dir():
            found[entry.filename] = entry
    return found


def is_inside(name: str) -> bool:
    """Whether a name is that of a file below the bundle's folder on every system: no way up, no root, no drive, no character that is not printed."""
    parts = name.split("/")
    return name.isprintable() and not set(name) & set('\\:*?"<>|') and all(part.strip() and part not in (".", "..") for part in parts)


def _refuse_bombs(place: Path, entries: list[zipfile.ZipInfo]) -> None:
    """By what the archive's table of contents says; no more than that is unpacked of any entry."""
    total = sum(entry.file_size for entry in entries)
    if len(entries) > MOST_FILES or total > MOST_UNPACKED:
        raise BundleError(
            f"{place} holds {len(entries):,} files of {written_size(total)} in all, more than any bundle ({MOST_FILES:,}, {written_size(MOST_UNPACKED)}): it was not read."
        )
    tight = next((entry for entry in entries if entry.file_size > max(SMALL, MOST_PACKED * entry.compress_size)), None)
    if tight is not None:
        times = tight.file_size // max(tight.compress_size, 1)
        raise BundleError(f"{tight.filename!r} of {place} unpacks to {times:,} times its size, as only a zip bomb does: it was not read.")


def _from_top(place: Path, files: Mapping[str, Path | zipfile.ZipInfo], archive: zipfile.ZipFile | None) -> Bundle:
    """With names counted from the manifest's folder: the top, or the one folder that the whole bundle is in."""
    if MANIFEST not in files:
        tops = {name.partition("/")[0] for name in files}
        top = f"{next(iter(tops))}/" if len(tops) == 1 else ""
        if f"{top}{MANIFEST}" not in files:
            raise BundleError(f"{place} has no {MANIFEST}, and so is no bundle that could be checked: name a folder or a .zip that reportgen bundle wrote.")
        files = {name.removeprefix(top): found for name, found in files.items()}
    return Bundle(place=place, files=files, archive=archive)

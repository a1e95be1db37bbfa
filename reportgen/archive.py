"""Numpy arrays in a `.npz` archive, written one at a time, and read whole or when asked for."""

from __future__ import annotations

import json
import lzma
import math
import os
import shutil
import tempfile
import tokenize
import weakref
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

import numpy as np

from reportgen.errors import MeasurementsError, OutputError
from reportgen.files import replacing

WINDOW = "window"  # what the names of a window's arrays begin with
PAIRS = "pairs/"  # and those of matrices of which only the pairs are stored that some window holds
# What reading a damaged archive has been seen to raise, flipping one bit of it after the other; RuntimeError: "is encrypted".
DAMAGE = (
    *(OSError, ValueError, EOFError, RuntimeError, KeyError, TypeError, SyntaxError, MemoryError),
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, tokenize.TokenError),
)
END_RECORD = 22  # bytes of a zip archive's last record when it has no comment
MOST_PACKED = 250  # times; deflate's end is a thousandth, which of all arrays together only made ones come near
SMALL = 20_000_000  # bytes; what unpacks to less may be packed in any way
COUNTED_UP_TO = 0xFFFF  # arrays, in that record
_PARSING = Lock()  # numpy reads headers as Python source, and in Python 3.11 threads that do so at once disturb each other


class ArchiveWriter:
    """Writes arrays to a file as they come and keeps none of them. The same arrays in the same order give the same bytes."""

    def __init__(self, file: BinaryIO, level: int | None = None) -> None:
        self.archive = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, allowZip64=True, compresslevel=level)
        self.names: set[str] = set()

    def add(self, name: str, array: np.ndarray) -> None:
        """Write one array. Raises `ValueError` when there is one of that name or it holds Python objects."""
        if name in self.names:
            raise ValueError(f"{name} is written twice")
        self.names.add(name)
        with self.archive.open(f"{name}.npy", "w", force_zip64=True) as member:
            np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)

    def finish(self, metadata: Mapping[str, Any], text: str, target_text: str = "") -> None:
        """Write what the arrays are of, and close the archive."""
        self.add("metadata", np.array(json.dumps(metadata, ensure_ascii=False)))
        self.add("text", np.array(text))
        if target_text:
            self.add("target_text", np.array(target_text))
        self.close()

    def close(self) -> None:
        """Write the archive's list of contents."""
        self.archive.close()

    def give_up(self) -> None:
        """Close an archive that nobody will read."""
        with suppress(OSError, ValueError):
            self.archive.close()


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[ArchiveWriter]:
    """A writer of a measurements file, which takes the place of `path` when the block ends well after `finish`, and leaves no trace otherwise.

    The names are those of the contract; nothing is checked against it until the file is loaded. Memory: that of the array being written. Raises `OutputError`.
    """
    with replacing(path) as file:
        writer = ArchiveWriter(file)
        try:
            yield writer
            if writer.archive.fp is not None:
                raise ValueError("a measurements file was not finished")
        finally:
            writer.give_up()


class StoredArrays(Mapping[str, np.ndarray]):
    """The arrays of an archive by name, read-only: those of windows and by pair are read each time they are asked for, the others are held.

    `more` are arrays held in memory besides. Raises `MeasurementsError` when the file is damaged or something else.
    """

    def __init__(self, path: Path, more: Mapping[str, np.ndarray] | None = None, owner: TemporaryFolder | None = None) -> None:
        self.path, self.owner = path, owner  # the owner of a temporary file removes it when the last reader is gone
        self.held: dict[str, np.ndarray] = {}
        self.on_disk: dict[str, tuple[tuple[int, ...], np.dtype]] = {}
        with _damage_told(path):
            self.archive = zipfile.ZipFile(path)  # stays open for what is read later, so that a file written in its place does not change them
            if min(len(self.archive.namelist()), COUNTED_UP_TO) != _promised(path):
                raise zipfile.BadZipFile("some of its arrays cannot be found")
            _refuse_bomb(self.archive, path.stat().st_size)
            for member in self.archive.namelist():
                name = member.removesuffix(".npy")
                if name.startswith((WINDOW, PAIRS)):
                    self.on_disk[name] = _header(self.archive, member)
                else:
                    self.held[name] = _array(self.archive, member)
        if not self.on_disk:
            self.archive.close()
        self.held |= more or {}

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.on_disk:
            return self.held[name]
        with _damage_told(self.path):
            array = _finite(name, _array(self.archive, f"{name}.npy"))
        array.setflags(write=False)
        return array

    def layers(self, name: str) -> Iterator[np.ndarray]:
        """The parts of an array along its first axis, one after the other. Memory: one of them where the array is on disk."""
        if name not in self.on_disk:
            yield from self.held[name]
            return
        with _damage_told(self.path), self.archive.open(f"{name}.npy") as file:
            shape, fortran, dtype = _read_header(file)
            if fortran:
                yield from self[name]
                return
            for _ in range(shape[0]):
                yield _finite(name, np.frombuffer(file.read(math.prod(shape[1:]) * dtype.itemsize), dtype).reshape(shape[1:]))

    def __contains__(self, name: object) -> bool:
        return name in self.on_disk or name in self.held

    def __iter__(self) -> Iterator[str]:
        yield from self.on_disk
        yield from self.held

    def __len__(self) -> int:
        return len(self.on_disk) + len(self.held)


def described(arrays: Mapping[str, np.ndarray]) -> Iterator[tuple[str, tuple[int, ...], np.dtype]]:
    """Name, shape and number type of every array, without reading those that stayed on disk."""
    if isinstance(arrays, StoredArrays):
        yield from ((name, *header) for name, header in arrays.on_disk.items())
        arrays = arrays.held
    yield from ((name, array.shape, array.dtype) for name, array in arrays.items())


def holds_infinity(array: np.ndarray) -> bool:
    """Whether a number of the array, or of a field of it, is infinite: no measurement is. Memory: a byte for each number along all axes but the first."""
    parts = [array[field] for field in array.dtype.names] if array.dtype.names else [array]
    return any(bool(np.isinf(row).any()) for part in parts if part.dtype.kind == "f" for row in (part if part.ndim > 2 else [part]))


def _finite(name: str, array: np.ndarray) -> np.ndarray:
    if holds_infinity(array):
        raise ValueError(f"{name} holds an infinity")
    return array


class TemporaryFolder:
    """A folder that is removed when nothing refers to this any more, at the latest when the program ends."""

    def __init__(self, beside: str | os.PathLike[str] | None = None) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="reportgen-", dir=beside))
        self.remove = weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


class Spool:
    """A temporary archive that takes arrays in as they come, so that they need not be held; its file goes with its last reader.

    The folder is made in `folder`, by default where the system keeps such. Raises `OutputError` when the disk is full or the place not writable.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        with _full_disk_told(Path(folder or tempfile.gettempdir())):
            self.folder = TemporaryFolder(folder)
            self.path = self.folder.path / "windows.npz"
            self.file = self.path.open("xb")
        self.writer = ArchiveWriter(self.file, level=1)

    def add(self, name: str, array: np.ndarray) -> None:
        """Write one array, whose name begins with `window`."""
        with _full_disk_told(self.path):
            self.writer.add(name, array)

    def finish(self, more: Mapping[str, np.ndarray]) -> StoredArrays:
        """All arrays, those of the spool still on disk, with others that are held in memory."""
        with _full_disk_told(self.path), self.file:
            self.writer.close()
        return StoredArrays(self.path, more, owner=self.folder)

    def discard(self) -> None:
        """Remove the file without reading it."""
        self.writer.give_up()
        self.file.close()
        self.folder.remove()


@contextmanager
def _full_disk_told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error.strerror or error}.") from error


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise MeasurementsError(f"There is no file {path}.") from error
    except (PermissionError, IsADirectoryError) as error:
        raise MeasurementsError(f"Cannot read {path}: {error.strerror}.") from error
    except DAMAGE as error:
        reason = " ".join(str(error).split())
        raise MeasurementsError(f"{path} is damaged or is not a measurements file ({reason}); measure the document again.") from error


def _promised(path: Path) -> int:
    """How many arrays the archive's last record speaks of: a damaged list of contents can end early without any other sign."""
    with path.open("rb") as file:
        file.seek(-END_RECORD, os.SEEK_END)
        return int.from_bytes(file.read()[10:12], "little")


def _refuse_bomb(archive: zipfile.ZipFile, packed: int) -> None:
    """By what the archive's list of contents says; no more than that is unpacked of any array."""
    unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > max(SMALL, MOST_PACKED * packed):
        raise zipfile.BadZipFile(f"it unpacks to {unpacked // packed:,} times its size, as only a zip bomb does")


def _array(archive: zipfile.ZipFile, member: str) -> np.ndarray:
    with _PARSING, archive.open(member) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _header(archive: zipfile.ZipFile, member: str) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and number type of an array whose numbers are all there."""
    with archive.open(member) as file:
        shape, _, dtype = _read_header(file)
        if dtype.hasobject or file.tell() + math.prod(shape) * dtype.itemsize != archive.getinfo(member).file_size:
            raise ValueError(f"{member} does not hold what its header says")
    return shape, dtype


def _read_header(file: zipfile.ZipExtFile) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether the first axis runs fastest, and number type of the array that a file begins with."""
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("an array has a header of another kind")
    with _PARSING:
        return np.lib.format.read_array_header_1_0(file)

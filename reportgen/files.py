"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from reportgen.errors import OutputError


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A binary file that takes the place of `path` once the block has ended well, and leaves no trace otherwise.

    A symbolic link is followed. Raises `OutputError` when the folder is missing or not writable, the disk is full, or `path` is no file.
    """
    _refuse_what_is_no_file(Path(path))
    try:
        with _temporary_beside(Path(os.path.realpath(path))) as file:
            yield file
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error.strerror or error}.") from error


@contextmanager
def _temporary_beside(target: Path) -> Iterator[BinaryIO]:
    part = target.with_name(f".reportgen-{secrets.token_hex(8)}.part")
    try:
        with open(part, "xb") as file:
            yield file
        os.replace(part, target)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise `OutputError` now rather than after minutes of work when `path` cannot be written."""
    target = Path(path)
    _refuse_what_is_no_file(target)
    folder = Path(os.path.realpath(target)).parent if target.is_symlink() else target.parent  # a link is followed when it is written to
    if not os.path.isdir(folder):
        raise OutputError(f"Cannot write {target}: the folder {folder} does not exist.")
    if not os.access(folder, os.W_OK) or (target.exists() and not os.access(target, os.W_OK)):
        raise OutputError(f"Cannot write {target}: no permission.")


def _refuse_what_is_no_file(target: Path) -> None:
    """A folder cannot be replaced; a device could be, by the superuser, and must not."""
    kind = kind_at(target)
    if kind is not None and not stat.S_ISREG(kind):
        raise OutputError(f"Cannot write {target}: it is a {'folder' if stat.S_ISDIR(kind) else 'device or a pipe'}; name a file.")


def kind_at(target: Path) -> int | None:
    """What is at a place, as its mode, links followed; None where nothing is. Raises `OutputError` where nothing can be, as by a name that is too long."""
    try:
        return target.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise OutputError(f"Cannot write {target}: {error.strerror or error}.") from error


def check_outputs(source: str | Path, *paths: Path | None, beside: Iterable[Path | None] = ()) -> None:
    """Refuse now what could not be written later, and what would be written over the source, over what is read `beside` it, or over another output."""
    taken = [os.path.realpath(read) for read in (source, *beside) if read is not None]
    for path in filter(None, paths):
        check_writable(path)
        if os.path.realpath(path) in taken:
            raise OutputError(f"{path} is named twice: give each output a file of its own.")
        taken.append(os.path.realpath(path))

"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
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
    if not target.parent.is_dir():
        raise OutputError(f"Cannot write {target}: the folder {target.parent} does not exist.")
    if not os.access(target.parent, os.W_OK) or (target.exists() and not os.access(target, os.W_OK)):
        raise OutputError(f"Cannot write {target}: no permission.")


def _refuse_what_is_no_file(target: Path) -> None:
    """A folder cannot be replaced; a device could be, by the superuser, and must not."""
    if target.exists() and not target.is_file():
        raise OutputError(f"Cannot write {target}: it is a {'folder' if target.is_dir() else 'device or a pipe'}; name a file.")


def check_outputs(source: str | Path, *paths: Path | None) -> None:
    """Refuse now what could not be written later, and what would be written over the source or over another output."""
    taken = [os.path.realpath(source)]
    for path in filter(None, paths):
        check_writable(path)
        if os.path.realpath(path) in taken:
            raise OutputError(f"{path} is named twice: give each output a file of its own.")
        taken.append(os.path.realpath(path))

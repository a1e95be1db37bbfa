"""Folders told apart by what is in them."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path

from reportgen.errors import ModelError

Listing = tuple[tuple[str, int, int], ...]


def folder_digest(folder: Path) -> str:
    """sha256 over names and contents of the files below a folder, hidden ones left out; read once for as long as sizes and times stay. Raises `ModelError`."""
    try:
        files = sorted(path for path in folder.rglob("*") if path.is_file() and not _hidden(path.relative_to(folder)))
        return _digest(str(folder), tuple((str(path.relative_to(folder)), path.stat().st_size, path.stat().st_mtime_ns) for path in files))
    except OSError as error:
        raise ModelError(f"Cannot read the folder {folder}: {error.strerror or error}.") from error


@lru_cache(maxsize=16)
def _digest(folder: str, listing: Listing) -> str:
    whole = hashlib.sha256()
    for name, _, _ in listing:
        with open(os.path.join(folder, name), "rb") as file:
            whole.update(f"{name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)

"""The documents that a run is given: files, folders and patterns."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from reportgen.documents.formats import BY_ENDING, refuse_address
from reportgen.errors import BatchError, DocumentError


def find_documents(named: Sequence[str], output: Path) -> tuple[str, ...]:
    """Every document once, under the path that leads to it, in the order of what is named and, in folders, of names.

    A folder stands for the files below it, and a pattern (`*`, `?`, `[...]`, `**` for any folders) for what matches it: those that have an ending that can be read and are not hidden.
    What lies in the output folder is left out. Raises `DocumentError` for a name or a pattern of nothing, and `BatchError` when no document is left.
    """
    found: dict[str, str] = {}
    for one in named:
        for path in _documents_of(one):
            found.setdefault(os.path.realpath(path), path)
    taken = tuple(path for real, path in found.items() if not _below(real, os.path.realpath(output)))
    if found and not taken:
        raise BatchError(
            f"All documents under {', '.join(map(printable, named))} lie in the output folder {output}, which is left out so that no page is measured: name another with --output."
        )
    if not found:
        raise BatchError(f"No document that can be read is under {', '.join(map(printable, named))}: files end in {', '.join(BY_ENDING)}.")
    return taken


def printable(path: str) -> str:
    """A path as it can be printed and stored, bytes that are no text as question marks."""
    return path.encode("utf-8", "replace").decode()


def _documents_of(one: str) -> Iterator[str]:
    refuse_address(one)
    if one == "-":
        raise DocumentError("Standard input is one text and cannot be measured again: name files, folders or patterns.")
    if os.path.isdir(one):
        yield from _below_folder(one)
    elif os.path.exists(one):
        yield one
    else:
        yield from _matching(one)


def _matching(pattern: str) -> Iterator[str]:
    matches = sorted(glob.glob(pattern, recursive=True)) if glob.has_magic(pattern) else []
    if not matches:
        raise DocumentError(f"{printable(pattern)} is no file or folder and matches none: check the name and the folder.")
    for match in matches:
        if os.path.isdir(match):
            yield from _below_folder(match)
        elif _can_be_read(match):
            yield match


def _below_folder(folder: str) -> Iterator[str]:
    """Links to folders are not followed, so that none leads round and round."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (os.path.join(place, name) for name in sorted(files) if _can_be_read(name))


def _can_be_read(name: str) -> bool:
    path = Path(name)
    return not path.name.startswith(".") and path.suffix.lower() in BY_ENDING


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)

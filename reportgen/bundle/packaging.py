"""A bundle on disk: a folder or a zip archive, whole or not at all, the same bytes for the same files."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import shutil
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path

from reportgen.errors import OutputError
from reportgen.files import check_writable, kind_at, replacing
from reportgen.memory import written_size

MANIFEST = "manifest-sha256.txt"
DATE = (1980, 1, 1, 0, 0, 0)
UNIX, PLAIN_FILE = 3, 0o100644 << 16
PACKED = (".npz", ".pdf")  # whose parts are deflated already
LARGEST_SHOWN = 3


def manifest(files: Mapping[str, bytes]) -> bytes:
    """A line for each file, sorted: `<sha256>  <relative path>`, as sha256sum reads it."""
    return "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items())).encode("utf-8")


def zipped(files: Mapping[str, bytes]) -> bytes:
    """All files in an archive, sorted, of one date and no owner."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name, DATE)
            entry.create_system, entry.external_attr = UNIX, PLAIN_FILE
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(PACKED) else zipfile.ZIP_DEFLATED
            archive.writestr(entry, data, compresslevel=9)
    return written.getvalue()


def refuse_too_large(size: int, files: Mapping[str, bytes], most: int) -> None:
    """Raise `OutputError` naming the largest files and what can be left out."""
    if size <= most:
        return
    largest = sorted(files, key=lambda name: (-len(files[name]), name))[:LARGEST_SHOWN]
    named = ", ".join(f"{name} ({len(files[name]) / 1e6:.1f} MB)" for name in largest)
    raise OutputError(
        f"The bundle would have {size / 1e6:.1f} MB, more than {written_size(most)}; the largest files are {named}: leave something out with --without measurements, figures, tables "
        "or page, or set another limit with --max-size."
    )


def check_place(place: Path) -> None:
    """Refuse now what could not be written later: a folder that holds something else than a bundle is left as it is."""
    if place.suffix.lower() == ".zip":
        return check_writable(place)
    parent, kind = place.absolute().parent, kind_at(place)
    if not parent.is_dir():
        raise OutputError(f"Cannot write {place}: the folder {parent} does not exist.")
    if not os.access(parent, os.W_OK):
        raise OutputError(f"Cannot write {place}: no permission.")
    if place.is_symlink() or (kind is not None and not stat.S_ISDIR(kind)):
        raise OutputError(f"Cannot write {place}: it is no folder; name a new folder or a .zip file.")
    if place.is_dir() and any(place.iterdir()) and not _is_bundle(place):
        raise OutputError(f"Cannot write {place}: the folder holds files that are no bundle's; name a new folder.")


def _is_bundle(folder: Path) -> bool:
    """Whether every file in it is one that its manifest lists."""
    try:
        listed = {line.partition("  ")[2] for line in (folder / MANIFEST).read_text(encoding="utf-8").splitlines()}
    except (OSError, UnicodeDecodeError):
        return False
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()}
    return there <= listed | {MANIFEST}


def write_files(files: Mapping[str, bytes], place: Path) -> None:
    """The folder, in the place of a bundle that was there; no trace where it fails."""
    part = place.absolute().with_name(f".reportgen-{secrets.token_hex(8)}.part")
    before = part.with_suffix(".before")
    try:
        for name, data in files.items():
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            (part / name).write_bytes(data)
        if place.exists():
            os.replace(place, before)
        os.replace(part, place)
    except OSError as error:
        raise OutputError(f"Cannot write {place}: {error.strerror or error}.") from error
    finally:
        if before.exists() and not place.exists():
            os.replace(before, place)
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(before, ignore_errors=True)


def write_archive(data: bytes, place: Path) -> None:
    """The archive."""
    with replacing(place) as file:
        file.write(data)

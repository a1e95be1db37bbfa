"""The list of what a site wrote: only these files are ever replaced or removed, and what is made from unchanged things is not made again."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from reportgen.errors import SiteError
from reportgen.files import replacing
from reportgen.render import template_folder

NAME = "site-manifest.json"
FORMAT = 1
LIBRARIES = ("altair", "jinja2", "markdown-it-py", "numpy", "scikit-learn", "scipy", "vl-convert-python")  # whose versions can change a page
SAFE = re.compile(r"(?:[a-z0-9][a-z0-9-]*/)?[a-z0-9][a-z0-9-]*\.[a-z]+")


@dataclass(frozen=True, kw_only=True)
class Written:
    """The checksum of a file as it was written, and of what it was made from."""

    sha256: str
    made_from: str


@dataclass(kw_only=True)
class Manifest:
    """What a site wrote into `folder`, by path within it."""

    folder: Path
    files: dict[str, Written] = field(default_factory=dict)

    def holds(self, path: str, made_from: str) -> bool:
        """Whether the file is there, made from just that, and as it was written."""
        known = self.files.get(path)
        return known is not None and known.made_from == made_from and self.is_as_written(path)

    def is_as_written(self, path: str) -> bool:
        """Whether the file is there and nobody changed it since."""
        place = self.folder / path
        return self._lies_inside(place) and place.is_file() and digest(place.read_bytes()) == self.files[path].sha256

    def made_of(self, made_from: str) -> Iterator[str]:
        """The files that were made from just that, in the order of their names."""
        return (path for path, known in sorted(self.files.items()) if known.made_from == made_from)

    def announce(self, wanted: Mapping[str, Written]) -> None:
        """Write down what is about to be written. Raises `SiteError` when a place holds something that the site did not write."""
        for path, coming in wanted.items():
            self._check(path, coming)
        self.files |= wanted
        self.save()

    def _check(self, path: str, coming: Written) -> None:
        place = self.folder / path
        if not self._lies_inside(place):
            raise SiteError(f"{place} leads out of {self.folder}, where the site is written: name another folder as output.")
        if path not in self.files and place.exists() and (not place.is_file() or digest(place.read_bytes()) != coming.sha256):
            raise SiteError(f"{place} is there and was not written by the site: move it, or name another folder as output.")

    def _lies_inside(self, place: Path) -> bool:
        """Whether nothing on the way is a link that leads elsewhere."""
        return place.resolve().is_relative_to(self.folder.resolve())

    def write(self, path: str, data: bytes) -> None:
        """Write an announced file, whole or not at all."""
        place = self.folder / path
        make_folder(place.parent)
        with replacing(place) as file:
            file.write(data)

    def forget(self, paths: list[str]) -> tuple[str, ...]:
        """Remove files that are no part of the site any more; those that somebody changed are left, and are what comes back."""
        left = []
        for path in paths:
            place = self.folder / path
            if self.is_as_written(path):
                place.unlink()
                _remove_empty(place.parent, self.folder)
            elif self._lies_inside(place) and place.exists():
                left.append(path)
            del self.files[path]
        self.save()
        return tuple(left)

    def save(self) -> None:
        """Write the list itself."""
        files = {path: {"sha256": known.sha256, "made_from": known.made_from} for path, known in sorted(self.files.items())}
        make_folder(self.folder)
        with replacing(self.folder / NAME) as file:
            file.write((json.dumps({"format": FORMAT, "files": files}, indent=1) + "\n").encode("utf-8"))


def read_manifest(folder: Path) -> Manifest:
    """The list in a folder, an empty one where there is none. Raises `SiteError` when it is damaged, or names a place outside the folder."""
    place = folder / NAME
    if not place.exists():
        return Manifest(folder=folder)
    try:
        data = json.loads(place.read_text(encoding="utf-8"))
        return Manifest(folder=folder, files=dict(_entries(data)))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise SiteError(f"{place} is no list of what a site wrote: name another folder as output, or remove that folder yourself.") from error


def _entries(data: Any) -> Iterator[tuple[str, Written]]:
    if data["format"] != FORMAT:
        raise ValueError("another format")
    for path, known in data["files"].items():
        if not SAFE.fullmatch(path) or path == NAME:
            raise ValueError("no path that a site writes")
        yield path, Written(sha256=str(known["sha256"]), made_from=str(known["made_from"]))


def make_folder(folder: Path) -> None:
    """The folder and those above it. Raises `SiteError` when it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SiteError(f"Cannot make the folder {folder}: {error.strerror or error}.") from error


def _remove_empty(folder: Path, top: Path) -> None:
    if folder != top and not any(folder.iterdir()):
        folder.rmdir()


def digest(data: bytes) -> str:
    """The SHA-256 of some bytes, in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def digest_of(*parts: str) -> str:
    """One checksum of several texts, each with its length, so that no two lists have the same."""
    return digest("".join(f"{len(part)}:{part}" for part in parts).encode("utf-8", "surrogatepass"))


@cache
def program_digest() -> str:
    """What the program is: its own files and templates, and the versions of the libraries that pages are made with."""
    package = Path(__file__).resolve().parent.parent
    roots = {"reportgen": (package, "*.py"), "templates": (template_folder(), "*")}
    files = ((f"{name}/{file.relative_to(root).as_posix()}", file) for name, (root, kind) in roots.items() for file in root.rglob(kind) if file.is_file())
    found = [digest_of(name, digest(file.read_bytes())) for name, file in sorted(files) if "__pycache__" not in file.parts]
    return digest_of(*found, *(f"{library} {_version(library)}" for library in LIBRARIES))


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"

"""The list of what a site wrote: only these files are ever replaced or removed, and what is made from unchanged things is not made again."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from reportgen.errors import SiteError
from reportgen.files import replacing
from reportgen.render import template_files, template_folder

NAME = "site-manifest.json"
FORMAT = 1
OF_SITES = "site"  # the templates of sites, of which reports know nothing
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
    """What reports are made by: the program's own files, the templates of reports, and the versions of the libraries that pages are made with."""
    package, templates = Path(__file__).resolve().parent.parent, template_folder()
    sources = (file for file in package.rglob("*.py") if templates not in file.parents)
    printed = (file for file in template_files(templates) if OF_SITES not in file.relative_to(templates).parts)
    return digest_of(_files_digest(sources), _files_digest(printed), *(f"{name} {_version(name)}" for name in LIBRARIES))


@cache
def site_digest() -> str:
    """What the other pages are made by: the same, and the templates of sites."""
    return digest_of(program_digest(), _files_digest(template_files(template_folder() / OF_SITES)))


def _files_digest(files: Iterable[Path]) -> str:
    """One checksum of the names and contents of files of the program."""
    found = sorted((file.parent.name, file.name, digest(file.read_bytes())) for file in files)
    return digest_of(*("/".join(one) for one in found))


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"

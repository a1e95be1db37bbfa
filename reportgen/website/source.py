"""A site's source, site.toml, as values; everything in it that is not known or not of its kind is refused by name."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from reportgen.errors import SiteError
from reportgen.wording import day_of

OUTPUT, MEASURED = "_build", "_measured"
TEXTS = ("title", "description", "author", "base_url", "output", "measured", "about")
OF_A_REPORT = ("measurements", "document", "model", "options", "tags", "date", "genre", "licence", "source")
OF_A_DOCUMENT = ("model", "options")


@dataclass(frozen=True, kw_only=True)
class ReportSource:
    """One `[[report]]`: a measurements file, or a document with the model and options to measure it with; and what the site says beside it.

    `options` has the command line's names without their dashes. `date` is a day, YYYY-MM-DD; `source` and `licence` say where the document is from and what is allowed.
    """

    measurements: Path | None = None
    document: Path | None = None
    model: str = "default"
    options: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    date: str | None = None
    genre: str | None = None
    licence: str | None = None
    source: str | None = None


@dataclass(frozen=True, kw_only=True)
class SiteSource:
    """A whole site.toml: names of files are complete. Without `base_url`, which ends in a slash, the site does not know where it will lie."""

    title: str
    description: str
    author: str | None
    base_url: str | None
    output: Path
    measured: Path
    about: str
    reports: tuple[ReportSource, ...]


def read_source(path: Path, base_url: str | None = None) -> SiteSource:
    """What a site.toml says, with another address where one is given. Raises `SiteError` when it cannot be read, says something unknown, or says something in another form than it must have."""
    folder, data = path.parent, _parsed(path)
    _check_names(data, (*TEXTS, "report"), str(path))
    texts = {name: _text(data, name, str(path)) for name in TEXTS}
    if not texts["title"]:
        raise SiteError(f'{path} has no title: give it one, title = "...".')
    reports = data.get("report", [])
    if not isinstance(reports, list):
        raise SiteError(f"{path}: reports are a list of tables; write [[report]] with two brackets.")
    return SiteSource(
        title=texts["title"],
        description=texts["description"] or "",
        author=texts["author"],
        base_url=_address(base_url or texts["base_url"], path),
        output=folder / (texts["output"] or OUTPUT),
        measured=folder / (texts["measured"] or MEASURED),
        about=_read_about(folder, texts["about"], path),
        reports=tuple(read_report(one, folder, f"{path}, report {place}") for place, one in enumerate(reports, 1)),
    )


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return parse_toml(path.read_bytes(), path)
    except OSError as error:
        raise SiteError(f"Cannot read {path}: {error.strerror or error}; name a site.toml.") from error


def parse_toml(data: bytes, path: Path) -> dict[str, Any]:
    """The tables of a TOML file. Raises `SiteError` when it is none."""
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SiteError(f"{path} is not TOML: {error}.") from error


def read_report(table: Any, folder: Path, where: str) -> ReportSource:
    """What a `[[report]]` says, as seen from a folder. Raises `SiteError`, which begins with where it stands, for what `read_source` refuses."""
    if not isinstance(table, dict):
        raise SiteError(f"{where} is not a table: write [[report]] and its lines below.")
    _check_names(table, OF_A_REPORT, where)
    measurements, document = _text(table, "measurements", where), _text(table, "document", where)
    if (measurements is None) == (document is None):
        raise SiteError(f"{where} needs either measurements or document, and has {'both' if document else 'neither'}.")
    if measurements is not None and (given := [name for name in OF_A_DOCUMENT if name in table]):
        raise SiteError(f"{where} has measurements, which say themselves how they were made: leave {' and '.join(given)} out.")
    return ReportSource(
        measurements=None if measurements is None else folder / measurements,
        document=None if document is None else folder / document,
        model=_text(table, "model", where) or "default",
        options=_options(table, where),
        tags=_tags(table, where),
        date=_day(table, where),
        **{name: _text(table, name, where) for name in ("genre", "licence", "source")},
    )


def _check_names(table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    unknown = [name for name in table if name not in known]
    if unknown:
        raise SiteError(f"{where} says {unknown[0]!r}, which is not known; there are {', '.join(known)}.")


def _text(table: Mapping[str, Any], name: str, where: str) -> str | None:
    value = table.get(name)
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise SiteError(f"{where}: {name} is a text, not {value!r}.")
    return value


def _options(table: Mapping[str, Any], where: str) -> dict[str, Any]:
    options = table.get("options", {})
    if not isinstance(options, dict) or not all(isinstance(value, (str, int, bool)) for value in options.values()):
        raise SiteError(f'{where}: options is a table of names and values, such as {{ attribution = "none" }}, not {options!r}.')
    return options


def _tags(table: Mapping[str, Any], where: str) -> tuple[str, ...]:
    tags = table.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) and tag.strip() for tag in tags):
        raise SiteError(f'{where}: tags is a list of texts, such as ["speech", "1941"], not {tags!r}.')
    return tuple(dict.fromkeys(tag.strip() for tag in tags))


def _day(table: Mapping[str, Any], where: str) -> str | None:
    value = table.get("date")
    try:
        return None if value is None else day_of(str(value))
    except ValueError as error:
        raise SiteError(f"{where}: date is a day such as 2026-05-17, not {value}.") from error


def _address(address: str | None, path: Path) -> str | None:
    if address is None:
        return None
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise SiteError(f"{path}: base_url is no address: {address}.") from error
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise SiteError(f"{path}: base_url is where the site will lie, such as https://example.org/reports/, not {address}.")
    return address.rstrip("/") + "/"


def _read_about(folder: Path, name: str | None, path: Path) -> str:
    if name is None:
        return ""
    try:
        return (folder / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SiteError(f"{path}: about names {name}, which cannot be read: {getattr(error, 'strerror', None) or error}.") from error

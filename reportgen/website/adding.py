"""Another report in a site.toml: a table is put at its end, and everything that stands there stays as it is, comments included."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reportgen.characters import clean
from reportgen.errors import SiteError
from reportgen.files import replacing
from reportgen.website.source import parse_toml, read_report

MEASUREMENTS = ".npz"


@dataclass(frozen=True, kw_only=True)
class Said:
    """What is written down beside a report, and the model to measure documents with."""

    model: str | None = None
    tags: Sequence[str] = ()
    date: str | None = None
    genre: str | None = None
    licence: str | None = None
    source: str | None = None


def add_reports(path: Path, files: Sequence[Path], said: Said) -> None:
    """Put a `[[report]]` for each file at the end of a site.toml. Raises `SiteError` when one is there already or could not be read again, and then writes nothing."""
    before = _read(path)
    known = parse_toml(before, path)
    tables = [_table(path, file, said) for file in files]
    listed = [(one.get("measurements", one.get("document")), one.get("model")) for one in known.get("report", []) if isinstance(one, dict)]
    for table in tables:
        named = (table.get("measurements", table.get("document")), table.get("model"))
        if named in listed:
            raise SiteError(f"{named[0]} is in {path} already.")
        listed.append(named)
    after = (_ended(before) + "".join(_written(table) for table in tables)).encode("utf-8")
    if not _says(after, path, known | {"report": [*known.get("report", []), *tables]}):
        raise SiteError(f"{path} cannot be added to at its end: write its reports as [[report]] tables.")
    with replacing(path) as file:
        file.write(after)


def _says(data: bytes, path: Path, expected: dict[str, object]) -> bool:
    """Whether the file would say what it said and the new tables, and nothing else."""
    try:
        return parse_toml(data, path) == expected
    except SiteError:
        return False


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SiteError(f"Cannot read {path}: {error.strerror or error}; name the site.toml to add to.") from error


def _table(path: Path, file: Path, said: Said) -> dict[str, object]:
    """What stands in the table, in its order."""
    if not os.path.isfile(file):
        raise SiteError(f"{file} is not there: name a document or a measurements file.")
    kind = "measurements" if file.suffix.lower() == MEASUREMENTS else "document"
    if kind == "measurements" and said.model is not None:
        raise SiteError(f"{file} says itself which model it was measured with: leave --model out.")
    given = {"model": said.model, "tags": list(said.tags), "date": said.date, "genre": said.genre, "licence": said.licence, "source": said.source}
    table = clean({kind: _from_folder(file, path.parent)} | {name: value for name, value in given.items() if value})
    read_report(table, path.parent, str(file))
    return table


def _from_folder(file: Path, folder: Path) -> str:
    """The file's name as seen from the folder of site.toml, or whole where they lie on different drives."""
    try:
        return Path(os.path.relpath(file.resolve(), folder.resolve())).as_posix()
    except ValueError:
        return file.resolve().as_posix()


def _ended(before: bytes) -> str:
    text = before.decode("utf-8")
    return text if text.endswith("\n") or not text else text + "\n"


def _written(table: dict[str, object]) -> str:
    return "\n[[report]]\n" + "".join(f"{name} = {_value(value)}\n" for name, value in table.items())


def _value(value: object) -> str:
    """Strings and lists of them as TOML: JSON's escapes are TOML's too, but for one character."""
    if isinstance(value, list):
        return f"[{', '.join(_value(one) for one in value)}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

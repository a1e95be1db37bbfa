"""Measurements under a name made of what they are of, so that nothing is measured twice."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reportgen.archive import DAMAGE
from reportgen.asked import Asked, load_as_asked, measure_as_asked, read_as_asked
from reportgen.batch.model_identity import device_kind, identity_of
from reportgen.errors import DocumentError, MeasurementsError, OutputError
from reportgen.folders import folder_digest

if TYPE_CHECKING:
    from reportgen.measurements import Measurements
    from reportgen.models import LanguageModel

PIECE = 16  # hexadecimal figures of a key in a file's name: two of 100,000 documents share one by chance in three of 10 billion cases
SLUG = 40


def key_of(doc: str, asked: Asked) -> str:
    """The address of a document's measurements: sha256, in hexadecimal figures, of all that makes them what they are.

    That is the bytes of the document, of the second text and of the file of sentences, with the formats they are read as; the language, what is left out; every
    measuring option; the model's identity, number type and kind of device; the format of measurements files and reportgen's version. Names of files do not
    count, nor do limits, which refuse a document and change none. Raises `DocumentError` for a file that cannot be read or is of no known format, and
    `ModelError` for a model that cannot be found. Memory: no file is held.
    """
    return address(text_digest(doc, asked.reading.get("format")), said(asked))


def address(text: str, asked: Mapping[str, Any]) -> str:
    """The key of a document whose digest is known, of what `said` gives."""
    written = json.dumps({"document": text, **asked}, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(written.encode()).hexdigest()


def said(asked: Asked) -> dict[str, Any]:
    """All that is asked and makes numbers or pages what they are, as plain JSON data: defaults written out, files as digests, no path."""
    from reportgen.measurements import FORMAT

    reading = asked.reading
    return {
        "reportgen": version("reportgen"),
        "format": FORMAT,
        "model": identity_of(asked),
        "device": device_kind(asked.placing),
        "dtype": asked.placing.get("dtype") or "float32",
        "language": reading.get("language"),
        "drop": reading.get("drop"),
        "sentences": _digest_of_file(reading.get("sentences"), lambda path: "json" if path.suffix.lower() == ".json" else "lines"),
        "pair": None if reading.get("pair") is None else text_digest(str(reading["pair"]), None),
        **_measuring(asked),
    }


def text_digest(doc: str, format: str | None) -> str:
    """A digest of a document's bytes and of the format that they are read as, by its name or as named."""
    from reportgen.documents.formats import format_named, format_of

    if doc == "-":
        raise DocumentError("Standard input has no content that can be looked up before it is read: save it in a file and name that.")
    path = Path(doc)
    return _digest_of_file(path, lambda _: (format_named(format) if format else format_of(path, path.name)).name)


def measured_once(doc: str, asked: Asked, folder: Path, progress: Callable[[str, float], None] | None = None) -> Path:
    """The measurements file of a document in `folder`, measured unless a whole one is there under its key; the folder is made where it is missing.

    Title and source in it are those of the document's name when it was measured. The model is kept loaded for the next document. Raises as `key_of` and
    `measure` do, and `OutputError`.
    """
    key = key_of(doc, asked)
    found = next((path for path in sorted(folder.glob(f"*-{key[:PIECE]}.npz")) if whole(path) is not None), None)
    if found is not None:
        return found
    path = folder / f"{file_stem(doc, key)}.npz"
    make_folder(folder)
    texts = read_as_asked(doc, asked)
    measure_as_asked(texts, kept_model(asked), asked, progress).save(path)
    return path


def file_stem(doc: str, key: str) -> str:
    """What a document's files are called but for their endings: letters and figures of its name, and a piece of its key."""
    words = re.sub(r"[\W_]+", "-", unicodedata.normalize("NFC", Path(doc).stem).lower()).strip("-")
    return f"{words[:SLUG].strip('-') or 'document'}-{key[:PIECE]}"


def whole(path: Path) -> Measurements | None:
    """The measurements in a file all of whose bytes are what was written, by the archive's own checksums; None for a damaged file or another."""
    from reportgen.measurements import Measurements

    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:
                return None
        return Measurements.load(path)
    except (MeasurementsError, *DAMAGE):
        return None


def make_folder(folder: Path) -> None:
    """The folder, with those above it. Raises `OutputError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"Cannot make the folder {folder}: {error.strerror or error}.") from error


def kept_model(asked: Asked) -> LanguageModel:
    """The model, loaded unless it is the one that was asked for last."""
    return _load(asked.model, identity_of(asked), tuple(sorted(asked.placing.items(), key=str)))


@lru_cache(maxsize=1)
def _load(model: str, identity: str, placing: tuple[tuple[str, Any], ...]) -> LanguageModel:
    return load_as_asked(Asked(model=model, placing=dict(placing)))


def _measuring(asked: Asked) -> dict[str, Any]:
    from reportgen.capture import MeasureOptions

    options = {field.name: asked.measuring.get(field.name, field.default) for field in fields(MeasureOptions) if field.name not in ("pair", "sentences")}
    return options | {"syntax": _pipeline(options["syntax"])}


def _pipeline(name: str | None) -> str | None:
    """A spaCy pipeline with its version, or the digest of its folder, and spaCy's version."""
    if name is None:
        return None
    from reportgen.syntax.parsing import DEFAULT, PACKAGED

    name = PACKAGED if name == DEFAULT else name
    is_folder = Path(name).is_dir()
    return f"{Path(name).name if is_folder else name} {folder_digest(Path(name)) if is_folder else _version(name)}, spacy {_version('spacy')}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _digest_of_file(path: Path | None, read_as: Callable[[Path], str]) -> str | None:
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            return f"{read_as(Path(path))} {hashlib.file_digest(file, 'sha256').hexdigest()}"
    except OSError as error:
        shown = str(path).encode(errors="replace").decode()
        raise DocumentError(f"{shown} cannot be read ({error.strerror or error}): check the name and its permissions.") from error

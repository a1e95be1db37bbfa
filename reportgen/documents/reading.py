"""The one door for documents: it finds the bytes, names the source and picks the reader for the format."""

import os
import re
import sys
from collections.abc import Callable, Iterable
from io import BufferedIOBase
from pathlib import Path

from reportgen.characters import capitalised
from reportgen.documents.apart import read_apart
from reportgen.documents.decoding import clean, decode, require_visible
from reportgen.documents.document import Document, Piece, Reading, build_document
from reportgen.documents.formats import MARKDOWN, TEXT, Format, format_named, format_of, refuse_address
from reportgen.documents.limits import ReadingLimits, refuse_length, refuse_size
from reportgen.documents.magic import refuse_other_kind
from reportgen.documents.markdown import markdown_pieces
from reportgen.documents.plain import plain_pieces
from reportgen.errors import DocumentError

READERS: dict[Format, Callable[[str], Iterable[Piece]]] = {TEXT: plain_pieces, MARKDOWN: markdown_pieces}
STANDARD_INPUT = "standard input"


def read_document(path: str | os.PathLike, *, stdin: BufferedIOBase | None = None, format: str | None = None, limits: ReadingLimits | None = None) -> Document:
    """The document in this file; "-" reads standard input (`stdin` stands in for it), as plain text if `format` does not say otherwise.

    `format` is a name as --format takes it (txt, md, html, ...); by default the file's ending says it. Formats other than txt and md are parsed in a process of
    their own, within `limits`.
    Raises DocumentError where there is no such file, it cannot be read, its format or encoding is not supported, it is damaged or encrypted, it is beyond
    a limit, or it holds no text. Addresses are refused; nothing is fetched.
    """
    limits, named = limits or ReadingLimits(), None if format is None else format_named(format)
    if os.fspath(path) == "-":
        data = _from_standard_input(stdin, limits.size + 1)
        refuse_size(STANDARD_INPUT, len(data), limits)
        return _document(data, named or TEXT, title=STANDARD_INPUT.capitalize(), source=STANDARD_INPUT, limits=limits, named=named is not None)
    path = Path(_file_name(path))
    data, source = _bytes_of(path, named, limits), _printable(path.name)
    form = named or format_of(path, source)
    return _document(data, form, title=tidy_stem(path.stem), source=source, limits=limits, named=named is not None)


def document_from_text(text: str, *, title: str = "Untitled", source: str = "a string") -> Document:
    """The document in this string, read as plain text; `title` counts where the text starts with no heading.

    Raises DocumentError where the string holds nothing to read.
    """
    text, source = clean(text), _printable(source)
    require_visible(text, name=source)
    return _build(Reading(pieces=tuple(plain_pieces(text))), title=_printable(title), source=source)


def tidy_stem(stem: str) -> str:
    """A title from a file's name: "sotu-1941" gives "Sotu 1941"."""
    words = re.sub(r"[\s_.-]+", " ", _printable(stem)).strip()
    return capitalised(words) or "Untitled"


def _document(data: bytes, form: Format, *, title: str, source: str, limits: ReadingLimits, named: bool) -> Document:
    refuse_other_kind(data, form, source, named=named)
    reading = read_apart(data, form, source=source, limits=limits) if form.reader else _read_here(data, form, source, limits)
    return _build(reading, title=title, source=source)


def _read_here(data: bytes, form: Format, source: str, limits: ReadingLimits) -> Reading:
    """Plain text and Markdown, which no library has to be kept away from this process for."""
    text = decode(data, name=source)
    refuse_length(source, len(text), limits)
    try:
        return Reading(pieces=tuple(READERS[form](text)))
    except DocumentError as error:
        raise DocumentError(f"{source}: {error}") from error


def _build(reading: Reading, *, title: str, source: str) -> Document:
    if not reading.pieces:
        raise DocumentError(f"{source} holds no text beside its markup: give a document with at least one sentence.")
    require_visible("".join(piece.text for piece in reading.pieces), name=source)
    title = _printable(reading.title or "") or title
    return build_document(reading.pieces, title=title, source=source, language=reading.language or "en", notices=reading.notices)


def _file_name(path: str | os.PathLike) -> str:
    """The path as a string. Raises DocumentError for an address."""
    name = os.fsdecode(path)
    refuse_address(_printable(name))
    return name


def _bytes_of(path: Path, named: Format | None, limits: ReadingLimits) -> bytes:
    shown = _printable(str(path))
    if os.path.isdir(path):
        raise DocumentError(f"{shown} is a folder: name one file in it.")
    if not os.path.exists(path):  # which is False, and no error, for what no file can be called
        raise DocumentError(f"{shown} does not exist: check the name and the folder.")
    if named is None:
        format_of(path, _printable(path.name))  # a file of an unsupported kind is refused before it is read, however large it is
    try:
        return _read_at_most(path, limits)
    except OSError as error:
        raise DocumentError(f"{shown} cannot be read ({error.strerror}): check its permissions.") from error


def _from_standard_input(stdin: BufferedIOBase | None, most: int) -> bytes:
    if stdin is None and sys.stdin is None:
        raise DocumentError("Standard input is closed: send the text there, or name a file.")
    try:
        return (stdin or sys.stdin.buffer).read(most)
    except OSError as error:
        raise DocumentError(f"Standard input cannot be read ({error.strerror or error}): send the text there, or name a file.") from error


def _read_at_most(path: Path, limits: ReadingLimits) -> bytes:
    """The file's bytes; what has no size before it is read, such as a pipe, is read up to the limit."""
    name = _printable(path.name)
    refuse_size(name, path.stat().st_size, limits)
    with path.open("rb") as file:
        data = file.read(limits.size + 1)
    refuse_size(name, len(data), limits)
    return data


def _printable(name: str) -> str:
    """The name without line breaks, control characters and the surrogates of undecodable file names."""
    return re.sub(r"\s+", " ", clean(name)).strip()

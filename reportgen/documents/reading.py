"""The one door for documents: it finds the bytes, names the source and picks the reader for the format."""

import os
import re
import sys
from collections.abc import Callable, Iterable
from io import BufferedIOBase
from pathlib import Path

from reportgen.documents.decoding import clean, decode, require_visible
from reportgen.documents.document import Document, Piece, build_document
from reportgen.documents.markdown import markdown_pieces
from reportgen.documents.plain import plain_pieces
from reportgen.errors import DocumentError

Reader = Callable[[str], Iterable[Piece]]

READERS: dict[str, Reader] = {".txt": plain_pieces, ".md": markdown_pieces, ".markdown": markdown_pieces}
STANDARD_INPUT = "standard input"


def read_document(path: str | os.PathLike, *, stdin: BufferedIOBase | None = None) -> Document:
    """The document in this file; "-" reads plain text from standard input (`stdin` stands in for it).

    Raises DocumentError where there is no such file, it cannot be read, its format or encoding is not supported,
    or it holds no text.
    """
    if os.fspath(path) == "-":
        data = (stdin or sys.stdin.buffer).read()
        return _document(data, plain_pieces, title=STANDARD_INPUT.capitalize(), source=STANDARD_INPUT)
    path = Path(os.fsdecode(path))
    data = _bytes_of(path)
    return _document(data, _reader_for(path), title=tidy_stem(path.stem), source=_printable(path.name))


def document_from_text(text: str, *, title: str = "Untitled", source: str = "a string") -> Document:
    """The document in this string, read as plain text; `title` counts where the text starts with no heading.

    Raises DocumentError where the string holds nothing to read.
    """
    text, source = clean(text), _printable(source)
    require_visible(text, name=source)
    return _build(text, plain_pieces, title=_printable(title), source=source)


def tidy_stem(stem: str) -> str:
    """A title from a file's name: "sotu-1941" gives "Sotu 1941"."""
    words = re.sub(r"[\s_.-]+", " ", _printable(stem)).strip()
    return words[:1].upper() + words[1:] or "Untitled"


def _document(data: bytes, reader: Reader, *, title: str, source: str) -> Document:
    return _build(decode(data, name=source), reader, title=title, source=source)


def _build(text: str, reader: Reader, *, title: str, source: str) -> Document:
    pieces = tuple(reader(text))
    if not pieces:
        raise DocumentError(f"{source} holds no text beside its markup: give a document with at least one sentence.")
    return build_document(pieces, title=title, source=source)


def _bytes_of(path: Path) -> bytes:
    shown = _printable(str(path))
    if path.is_dir():
        raise DocumentError(f"{shown} is a folder: name one file in it.")
    if not path.exists():
        raise DocumentError(f"{shown} does not exist: check the name and the folder.")
    _reader_for(path)  # a file of an unsupported kind is refused before it is read, however large it is
    try:
        return path.read_bytes()
    except OSError as error:
        raise DocumentError(f"{shown} cannot be read ({error.strerror}): check its permissions.") from error


def _reader_for(path: Path) -> Reader:
    try:
        return READERS[path.suffix.lower()]
    except KeyError:
        found = f"its name ends in {_printable(path.suffix)}" if path.suffix else "its name has no ending"
        raise DocumentError(
            f"{_printable(path.name)} is of no supported kind ({found}): use one of {', '.join(READERS)}, or - for plain text from standard input."
        ) from None


def _printable(name: str) -> str:
    """The name without line breaks, control characters and the surrogates of undecodable file names."""
    return re.sub(r"\s+", " ", clean(name)).strip()

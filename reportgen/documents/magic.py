"""What bytes are, told by how they begin, so that a file of another kind than it should be gets a sentence that names it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reportgen.documents.formats import ADVICE, Format
from reportgen.errors import DocumentError

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
END_OF_ZIP = b"PK\x05\x06"
ZIP = (b"PK\x03\x04", END_OF_ZIP, b"PK\x07\x08")
ZIPPED = (
    (b"mimetypeapplication/epub+zip", ".epub"),
    (b"mimetypeapplication/vnd.oasis.opendocument.text", ".odt"),
    (b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", ".ods"),
    (b"mimetypeapplication/vnd.oasis.opendocument.presentation", ".odp"),
    (b"xl/workbook.xml", ".xlsx"),
    (b"ppt/presentation.xml", ".pptx"),
)
BEGINNINGS = (
    (b"{\\rtf", ".rtf"),
    (b"\x89PNG\r\n\x1a\n", ".png"),
    (b"\xff\xd8\xff", ".jpg"),
    (b"GIF87a", ".gif"),
    (b"GIF89a", ".gif"),
    (b"II*\x00", ".tiff"),
    (b"MM\x00*", ".tiff"),
    (b"\x1f\x8b", ".gz"),
    (b"BZh91AY&SY", ".bz2"),
    (b"\xfd7zXZ\x00", ".xz"),
    (b"7z\xbc\xaf\x27\x1c", ".7z"),
    (b"(\xb5/\xfd", ".zst"),
    (b"Rar!\x1a\x07", ".rar"),
)
WHITE = b" \t\r\n\f\0\xef\xbb\xbf"
PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--.*?-->\s*)*(?:<!doctype\s+html|<html[\s>])", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What bytes are: the name of the format that reads them (empty where none does), what it is called, and what to do with it."""

    format: str
    called: str
    advice: str = ""


def kind_of(data: bytes) -> Kind | None:
    """What these bytes are, where their beginning tells it; None for text and what is unknown."""
    if data[:1024].lstrip(WHITE).startswith(b"%PDF-"):
        return Kind(format="pdf", called="a PDF")
    if data.startswith(ZIP):
        return _zipped(data)
    if data.startswith(OLE):
        return _of_ole(data)
    ending = next((ending for beginning, ending in BEGINNINGS if data.startswith(beginning)), None)
    if ending is not None:
        return _refused(ending)
    return Kind(format="html", called="a web page") if PAGE.match(data[:4096]) else None


def refuse_other_kind(data: bytes, form: Format, name: str, *, named: bool) -> None:
    """Raise `DocumentError` when the bytes are obviously of another kind than the format; a web page may be read as text by who asks for it (`named`)."""
    found = kind_of(data)
    if found is None or found.format == form.name or (found.format == "html" and named and not form.reader):
        return
    advice = found.advice or f"name it NAME.{found.format}, or add --format {found.format}"
    as_text = ", or --format txt to read it as it stands" if found.format == "html" else ""
    raise DocumentError(f"{name} was to be read as {form.called}, but it is {found.called}: {advice}{as_text}.")


def _zipped(data: bytes) -> Kind:
    if b"word/document" in data:
        return Kind(format="docx", called="a Word file")
    ending = next((ending for mark, ending in ZIPPED if mark in data), ".zip")
    if ending == ".zip" and END_OF_ZIP not in data:  # of a file that is cut short, the list of what is in it is gone
        return Kind(format="", called="the beginning of a Word file or of an archive, whose end is missing", advice="get the file again")
    return _refused(ending)


def _of_ole(data: bytes) -> Kind:
    if ENCRYPTED in data:
        return Kind(format="", called="an encrypted file of an office program", advice="open it with its password and save it without one")
    return _refused(".doc")


def _refused(ending: str) -> Kind:
    called, advice = ADVICE[ending]
    return Kind(format="", called=f"{called} ({ending})", advice=advice.format("OLD"))

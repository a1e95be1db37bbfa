"""The package that a Word file is: looked at as a zip archive before anything in it is unpacked, and opened."""

from __future__ import annotations

import zlib
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import docx
from docx.document import Document as WordDocument

from reportgen.documents.limits import ReadingLimits
from reportgen.errors import DocumentError
from reportgen.memory import written_size

MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
MOST_PARTS = 10_000
MOST_PACKED = 250  # times; prose packs to a tenth, deflate's end is a thousandth
SMALL = 20_000_000  # bytes; what unpacks to less may be packed in any way, as a table of many empty cells is
TYPES = "[Content_Types].xml"


def open_package(data: bytes, limits: ReadingLimits) -> WordDocument:
    """The Word document in these bytes.

    Raises `DocumentError` for what is no zip archive or no Word file, is encrypted, unpacks to too much, or declares XML entities, which no Word file needs.
    """
    try:
        with ZipFile(BytesIO(data)) as archive:
            _refuse_bombs(archive.infolist(), limits)
            _refuse_other_packages(archive)
    except (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, UnicodeDecodeError, OSError) as error:
        raise DocumentError(f"It cannot be unpacked ({' '.join(str(error).split())}): it is damaged or is no Word file; save it anew as .docx.") from error
    document = docx.Document(BytesIO(data))
    if document.element.getroottree().docinfo.internalDTD is not None:
        raise DocumentError("It declares XML entities or a document type, which no Word file has: open it in a word processor and save it anew.")
    return document


def _refuse_bombs(entries: list[ZipInfo], limits: ReadingLimits) -> None:
    """Refuse by what the archive's table of contents says; no more than that is unpacked of any entry."""
    if len(entries) > MOST_PARTS:
        raise DocumentError(f"It has {len(entries):,} parts, more than any Word file ({MOST_PARTS:,} at most): it is not what it seems.")
    if any(entry.flag_bits & 1 for entry in entries):
        raise DocumentError("It is encrypted: open it with its password and save it without one.")
    if any(entry.compress_type not in {ZIP_STORED, ZIP_DEFLATED} for entry in entries):
        raise DocumentError("It is packed in a way that no word processor uses: open it in one and save it anew.")
    total = sum(entry.file_size for entry in entries)
    if total > limits.unpacked:
        raise DocumentError(
            f"It unpacks to {written_size(total)} ({written_size(limits.unpacked)} at most): raise the limit with --max-size, of which this is four times."
        )
    tight = next((entry for entry in entries if entry.file_size > max(SMALL, MOST_PACKED * entry.compress_size)), None)
    if tight is not None:
        raise DocumentError(
            f"A part of it unpacks to {tight.file_size // max(tight.compress_size, 1):,} times its size, as only a zip bomb does; it was not unpacked."
        )


def _refuse_other_packages(archive: ZipFile) -> None:
    if TYPES not in archive.namelist():
        raise DocumentError("It is a zip archive and no Word file: unpack it, or open it in its program and save it as .docx.")
    types = archive.read(TYPES)
    if MAIN.encode("ascii") not in types:
        what = "with macros or a template" if b"wordprocessingml" in types or b"ms-word" in types else "of another office program"
        raise DocumentError(f"It is a file {what} under the name of a Word file: open it in its program and save it as .docx.")

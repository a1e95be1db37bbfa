"""A PDF opened, or refused with one sentence."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reportgen.documents.decoding import clean
from reportgen.errors import DocumentError

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

NO_TITLE = re.compile(r"(?:untitled|anonymous|no title|title|document)[\s\d-]*|.*\.(?:dvi|tex|docx?|odt|rtf|pdf|indd|qxd|ps|html?)|Microsoft Word - .*", re.I)
MOST_WIDE = 1_000_000  # points; no page of a document is larger, and coordinates beyond this lose their digits


@contextmanager
def opened(data: bytes, *, pages_at_most: int) -> Iterator[PdfDocument]:
    """The document in these bytes, closed at the end.

    One that is encrypted with an empty user password opens. Raises DocumentError where pypdfium2 is absent, where the
    file is damaged, needs a password, or has no page or more than `pages_at_most`.
    """
    pdfium = _library()
    if b"%PDF" not in data[:1024]:
        raise DocumentError("This is no PDF: its first 1,024 bytes hold no %PDF mark; check that the download was whole.")
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        raise DocumentError(_why(error)) from error
    try:
        _check_pages(len(document), pages_at_most)
        yield document
    finally:
        document.close()


def title_in_metadata(document: PdfDocument) -> str:
    """What the file gives as its title, on one line; empty where it gives none, or only the name of a file or program."""
    title = re.sub(r"\s+", " ", clean(document.get_metadata_value("Title"))).strip()
    return "" if NO_TITLE.fullmatch(title) else title


def size_of(document: PdfDocument, page: int) -> tuple[float, float] | None:
    """Width and height of the page in points; None where it has none that a page can have."""
    from pypdfium2 import raw

    size = raw.FS_SIZEF()
    ok = raw.FPDF_GetPageSizeByIndexF(document.raw, page, ctypes.byref(size))
    known = ok and 0 < size.width < MOST_WIDE and 0 < size.height < MOST_WIDE
    return (size.width, size.height) if known else None


def _library():
    try:
        import pypdfium2
    except ImportError as error:
        raise DocumentError("PDF files are read with pypdfium2, which is not installed: run pip install 'reportgen[pdf]'.") from error
    return pypdfium2


def _why(error: Exception) -> str:
    from pypdfium2 import raw

    match getattr(error, "err_code", None):
        case raw.FPDF_ERR_PASSWORD:
            return "This PDF is encrypted and needs a password: save a copy without one, for example by printing it to a file."
        case raw.FPDF_ERR_SECURITY:
            return "This PDF is encrypted in a way that cannot be read: save a copy without encryption."
        case raw.FPDF_ERR_SUCCESS:
            return "This PDF has no pages, so it holds nothing to read."
    return "This PDF is damaged and cannot be opened: fetch it again, or save it anew from a program that still shows it."


def _check_pages(pages: int, most: int) -> None:
    if pages > most:
        raise DocumentError(f"This PDF has {pages:,} pages, more than the {most:,} that are read: raise the limit with --max-pages {pages}, or cut the file.")

"""The formats that can be read, told by a file's ending or named by the user, and those that are refused with what to do instead."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from reportgen.errors import DocumentError


@dataclass(frozen=True, kw_only=True)
class Format:
    """A kind of document: the name that --format takes, its files' endings, and what it is called in a sentence.

    `reader` is the function, as module:name, that makes a `Reading` of the bytes in a process of its own; empty for plain text and Markdown, which are
    read where they are. Its libraries come with the extra of the format's name. A reader of a format with pages is told how many of them at most, another all
    limits.
    """

    name: str
    endings: tuple[str, ...]
    called: str
    reader: str = ""
    has_pages: bool = False


TEXT = Format(name="txt", endings=(".txt", ".text"), called="plain text")
MARKDOWN = Format(name="md", endings=(".md", ".markdown"), called="Markdown")
FORMATS = (
    TEXT,
    MARKDOWN,
    Format(name="html", endings=(".html", ".htm", ".xhtml"), called="a web page", reader="reportgen.documents.html:html_reading"),
    Format(name="pdf", endings=(".pdf",), called="a PDF file", reader="reportgen.documents.pdf:pdf_reading", has_pages=True),
    Format(name="docx", endings=(".docx",), called="a Word file", reader="reportgen.documents.docx:docx_reading"),
)
BY_ENDING = {ending: form for form in FORMATS for ending in form.endings}
NAMES = tuple(form.name for form in FORMATS)

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
PANDOC = "make Markdown of it, for example with `pandoc {} -o NEW.md`, and give that"
OFFICE = "open it in a word processor and save it as .docx"
RECOGNISE = "have the text recognised first, for example with `tesseract {} NEW`, and give NEW.txt"
REFUSED = {
    (".tex", ".ltx"): ("LaTeX source, whose commands only LaTeX can carry out", f"give the PDF that it makes, or {PANDOC}"),
    (".bib", ".ris"): ("a list of references, which has no sentences", "give the text that cites them"),
    (".epub", ".mobi", ".azw3"): ("an e-book", PANDOC),
    (".doc", ".dot", ".docm", ".dotx", ".dotm", ".rtf", ".odt", ".ott", ".wpd", ".pages"): ("a word processor's file of another kind than .docx", OFFICE),
    (".png", ".jpg", ".jpeg", ".gif", ".tif", ".tiff", ".bmp", ".webp", ".svg", ".heic"): ("an image", RECOGNISE),
    (".ppt", ".pptx", ".odp", ".key"): ("a set of slides", "save their text or notes as .txt or .docx"),
    (".xls", ".xlsx", ".ods", ".csv", ".tsv"): ("a spreadsheet, which has no sentences", "give the text that is about it"),
    (".ipynb",): ("a notebook", "make Markdown of it with `jupyter nbconvert --to markdown {}`, and give that"),
    (".zip", ".gz", ".bz2", ".xz", ".7z", ".tar", ".tgz", ".zst", ".rar"): ("an archive", "unpack it and name one file in it"),
    (".rst", ".org", ".adoc", ".mediawiki"): ("a markup that is not read", PANDOC),
    (".mhtml", ".mht", ".webarchive"): ("a web archive", "save the page as .html"),
}
ADVICE = {ending: said for endings, said in REFUSED.items() for ending in endings}


def format_named(name: str) -> Format:
    """The format that --format names. Raises `DocumentError` where there is none of this name."""
    found = next((form for form in FORMATS if form.name == name.lower().lstrip(".")), None)
    if found is None:
        raise DocumentError(f"{name!r} is no format of documents that can be read; there are {', '.join(NAMES)}.")
    return found


def format_of(path: Path, shown: str) -> Format:
    """The format that the file's name tells. Raises `DocumentError` for a name that tells none that can be read; `shown` is the name to print."""
    ending = path.suffix.lower()
    if ending in BY_ENDING:
        return BY_ENDING[ending]
    if ending in ADVICE:
        what, then = ADVICE[ending]
        raise DocumentError(f"{shown} is {what}: {then.format(shown)}.")
    found = f"its name ends in {shown[shown.rfind('.') :]}" if path.suffix else "its name has no ending"
    raise DocumentError(
        f"{shown} is of no supported kind ({found}): use one of {', '.join(BY_ENDING)}, or - for standard input, or say with --format what it is ({', '.join(NAMES)})."
    )


def refuse_address(name: str) -> None:
    """Raise `DocumentError` for an address: nothing is ever fetched."""
    if ADDRESS.match(name):
        raise DocumentError(f"{name} is an address, and reportgen fetches nothing: save the page or file on this machine and give its name.")

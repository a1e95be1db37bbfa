"""A Word file as a reading: its text when all tracked changes are accepted, as blocks, and a notice of what was left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from docx.document import Document as WordDocument
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml.parser import parse_xml
from lxml.etree import _Element

from reportgen.documents.document import Piece, Reading
from reportgen.documents.docx.names import W
from reportgen.documents.docx.numbering import Numbering
from reportgen.documents.docx.package import open_package
from reportgen.documents.docx.styles import Styles
from reportgen.documents.docx.texts import Found
from reportgen.documents.docx.walking import Walk, default_language, levelled, note_texts, notes_of
from reportgen.documents.limits import ReadingLimits

UNTITLED = "Word Document"  # what python-docx calls a file without properties
LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:-.*)?")
OF_NOTES = {"footnote": RELATIONSHIP_TYPE.FOOTNOTES, "endnote": RELATIONSHIP_TYPE.ENDNOTES}


def docx_reading(data: bytes, limits: ReadingLimits) -> Reading:
    """The text of a Word file, inserted text kept and deleted text left out.

    Foot- and endnotes stand at the end, as list items; text boxes after the paragraphs they hang on. Headers, footers, tables of contents, comments, hidden
    text, pictures and embedded files are left out, with a notice. Raises `DocumentError` as `open_package` does.
    """
    document = open_package(data, limits)
    styles, found = Styles.of(document.styles.element), Found()
    walk = Walk(styles=styles, numbering=Numbering.of(_part(document, RELATIONSHIP_TYPE.NUMBERING), styles), found=found)
    body = tuple(walk.pieces(document.element.body))
    notes = tuple(note_texts(walk, _notes(document), tuple(found.notes)))
    title = document.core_properties.title.strip()
    return Reading(
        pieces=(*levelled(body), *notes),
        title=None if title == UNTITLED else title or None,
        language=_language(document, found),
        notices=tuple(_notices(document, found, notes)),
    )


def _notes(document: WordDocument) -> dict[tuple[str, str], _Element]:
    found = {}
    for kind, relation in OF_NOTES.items():
        part = _part(document, relation)
        found |= {} if part is None else notes_of(kind, part)
    return found


def _part(document: WordDocument, relation: str) -> _Element | None:
    """The XML of the part that the document refers to in this way; None where there is none."""
    parts = _parts(document, relation)
    return parts[0] if parts else None


def _parts(document: WordDocument, relation: str) -> list[_Element]:
    parts = [one.target_part for one in document.part.rels.values() if one.reltype == relation and not one.is_external]
    return [part.element if hasattr(part, "element") else parse_xml(part.blob) for part in parts]


def _language(document: WordDocument, found: Found) -> str | None:
    """The language that most letters are marked with."""
    default = default_language(document.styles.element)
    letters: Counter[str] = Counter()
    for name, count in found.languages.items():
        letters[name or default] += count
    match = LANGUAGE.fullmatch(max(letters, key=letters.get, default=""))
    return None if match is None else match[1].lower()


def _notices(document: WordDocument, found: Found, notes: tuple[Piece, ...]) -> Iterator[str]:
    left_out = [said for said in _left_out(document, found) if said]
    if left_out:
        yield f"Left out of the Word file: {', '.join(left_out)}."
    if notes:
        yield f"Footnotes and endnotes ({len(notes):,}) stand at the end, as list items, and their marks are left out of the text."
    if boxes := found.counts["boxes"]:
        yield f"Text boxes ({boxes:,}) stand after the paragraphs they hang on."


def _left_out(document: WordDocument, found: Found) -> Iterator[str]:
    counts, around = found.counts, _parts(document, RELATIONSHIP_TYPE.HEADER) + _parts(document, RELATIONSHIP_TYPE.FOOTER)
    words = sum(len(" ".join(text.text or "" for text in part.iter(W + "t")).split()) for part in around)
    comments = sum(len(part.findall(W + "comment")) for part in _parts(document, RELATIONSHIP_TYPE.COMMENTS))
    yield f"headers and footers ({words:,} words)" if words else ""
    yield f"tables of contents ({counts['words of contents']:,} words)" if counts["words of contents"] else ""
    yield _counted(comments, "comment")
    yield _counted(counts["deleted"], "tracked deletion")
    yield _counted(counts["hidden"], "hidden run", "hidden runs of text")
    yield _counted(counts["blip"] + counts["imagedata"] + counts["chart"], "picture")
    yield _counted(counts["OLEObject"] + counts["altChunk"], "embedded file")


def _counted(count: int, one: str, several: str = "") -> str:
    return "" if not count else f"{count:,} {one if count == 1 else several or one + 's'}"

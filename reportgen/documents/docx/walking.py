"""The body of a Word file as blocks: paragraphs by their styles and numbering, tables, content controls and text boxes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from lxml.etree import _Element

from reportgen.documents.document import Piece
from reportgen.documents.docx.names import ALTERNATIVES, FALLBACK, W, value
from reportgen.documents.docx.numbering import DASH, Numbering
from reportgen.documents.docx.styles import Styles
from reportgen.documents.docx.texts import Found, paragraph_text
from reportgen.documents.markdown import code_text, prose_text
from reportgen.documents.tables import LONGEST_CELL, table_row

WRAPPING = frozenset(W + name for name in ("sdt", "sdtContent", "customXml", "smartTag", "ins", "moveTo")) | {ALTERNATIVES}


@dataclass(frozen=True, kw_only=True)
class Walk:
    """What it takes to read a part of a file, and what was met on the way."""

    styles: Styles
    numbering: Numbering
    found: Found

    def pieces(self, container: _Element) -> Iterator[Piece]:
        """The blocks under an element, in order, none of them empty; lines of code that follow one another are one block."""
        for is_code, group in groupby(self._blocks(container), key=lambda piece: piece.kind == "code"):
            if is_code:
                yield Piece(kind="code", text=code_text("\n".join(piece.text for piece in group)))
            else:
                yield from group

    def _blocks(self, container: _Element) -> Iterator[Piece]:
        for element in unwrapped(container):
            if element.tag == W + "p":
                yield from self._paragraph(element)
            elif element.tag == W + "tbl":
                yield from self._table(element)
            elif element.tag == W + "altChunk":
                self.found.counts["altChunk"] += 1

    def _paragraph(self, paragraph: _Element) -> Iterator[Piece]:
        (kind, level), marker = self.styles.kind(paragraph), self._marker(paragraph)
        read = paragraph_text(paragraph, self.styles, self.found)
        text = code_text(read.text) if kind == "code" else prose_text(read.text.replace("\u00ad", ""))
        if kind == "contents":
            self.found.counts["words of contents"] += len(text.split())
        elif text.strip():
            yield _piece(kind, level, text, marker)
        for box in read.boxes:
            self.found.counts["boxes"] += 1
            yield from self._blocks(box)

    def _marker(self, paragraph: _Element) -> str | None:
        """What the paragraph's list writes before it; None outside lists."""
        place = self.styles.numbering(paragraph)
        return None if place is None else self.numbering.marker(*place)

    def _table(self, table: _Element) -> Iterator[Piece]:
        """A table with a line per row; what stands in one column or arranges columns of text is read cell by cell."""
        rows = [[cell for cell in unwrapped(row) if cell.tag == W + "tc"] for row in unwrapped(table) if row.tag == W + "tr" and not _is_deleted(row)]
        if len(rows) < 2 or max(map(len, rows)) < 2:
            for cell in (cell for row in rows for cell in row):
                yield from self._blocks(cell)
            return
        read = [[list(self._blocks(cell)) for cell in row] for row in rows]
        texts = [[" ".join(piece.text.replace("\n", " ") for piece in cell) for cell in row] for row in read]
        if max(len(text) for row in texts for text in row) > LONGEST_CELL:
            yield from (piece for row in read for cell in row for piece in cell)
        elif lines := [table_row(row) for row in texts if any(row)]:
            yield Piece(kind="table", text="\n".join(lines))


def unwrapped(container: _Element) -> Iterator[_Element]:
    """The children of an element, and in the place of a content control or the like what it holds."""
    for child in container:
        if child.tag in WRAPPING:
            yield from unwrapped(_first_alternative(child) if child.tag == ALTERNATIVES else child)
        elif isinstance(child.tag, str):
            yield child


def _first_alternative(alternatives: _Element) -> _Element:
    return next((child for child in alternatives if child.tag != FALLBACK), alternatives)


def _piece(kind: str, level: int, text: str, marker: str | None) -> Piece:
    if kind == "heading":
        number = "" if marker in {None, DASH} else marker
        return Piece(kind=kind, text=number + text.replace("\n", " "), level=level)
    if kind == "code" or marker is None:
        return Piece(kind=kind, text=text)
    return Piece(kind="list item" if kind == "paragraph" else kind, text=marker + text)


def _is_deleted(row: _Element) -> bool:
    return row.find(f"{W}trPr/{W}del") is not None


def levelled(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The blocks with headings counted from 1: a title is of the highest level, and where there is one all other headings are one lower."""
    pieces = tuple(pieces)
    lower = any(piece.kind == "heading" and piece.level == 0 for piece in pieces)
    for piece in pieces:
        yield Piece(kind=piece.kind, text=piece.text, level=piece.level + lower if piece.kind == "heading" else 0)


def note_texts(walk: Walk, notes: dict[tuple[str, str], _Element], asked: Iterable[tuple[str, str]]) -> Iterator[Piece]:
    """The notes that the text refers to, each once, in that order, as numbered list items."""
    for number, key in enumerate(dict.fromkeys(asked), start=1):
        text = " ".join(piece.text.replace("\n", " ") for piece in walk.pieces(notes[key])) if key in notes else ""
        if text:
            yield Piece(kind="list item", text=f"{number}. {text}")


def notes_of(kind: str, part: _Element) -> dict[tuple[str, str], _Element]:
    """The notes of a part, by kind and id."""
    return {(kind, note.get(W + "id", "")): note for note in part.iterchildren(W + kind)}


def default_language(styles: _Element) -> str:
    """The language that the file's defaults name; empty where they name none."""
    return value(styles, "docDefaults/rPrDefault/rPr/lang") or ""

"""A PDF read as a document: its blocks in the order in which they are read, and what was left out.

Footnotes come after the paragraph in which their page ends, as paragraphs of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from reportgen.documents.decoding import clean
from reportgen.documents.document import Piece, Reading
from reportgen.documents.pdf.bylines import with_bylines
from reportgen.documents.pdf.columns import regions
from reportgen.documents.pdf.figures import without_lettering
from reportgen.documents.pdf.flow import flowing, pages_of
from reportgen.documents.pdf.footnotes import part_footnotes
from reportgen.documents.pdf.glyphs import PageGlyphs, page_glyphs
from reportgen.documents.pdf.gutters import find_gutter
from reportgen.documents.pdf.headings import with_headings
from reportgen.documents.pdf.hyphens import SOFT, Vocabulary, join_lines
from reportgen.documents.pdf.lines import Line, lines_of
from reportgen.documents.pdf.margins import line_numbers, running_words
from reportgen.documents.pdf.opening import opened, title_in_metadata
from reportgen.documents.pdf.paragraphs import Draft, drafts_of
from reportgen.documents.pdf.tables import LEADERS, code_text, row_text
from reportgen.documents.pdf.usual import Usual, usual_of
from reportgen.documents.pdf.words import Word, words_of
from reportgen.errors import DocumentError

MOST_UNKNOWN = 0.3  # of the characters without a meaning, or with that of an ornament: what such fonts show cannot be read
FEWEST_WITH_GUTTER = 0.25  # of the pages: a gutter as common as this is the document's


@dataclass(frozen=True, kw_only=True)
class _Margins:
    """The words of each page without what stands around the text, and how much of it there was."""

    pages: tuple[tuple[Word, ...], ...]
    running_pages: int
    numbers: int


def pdf_reading(data: bytes, pages_at_most: int) -> Reading:
    """The blocks of the PDF in these bytes, its title, and notices of what was left out.

    Raises DocumentError where pypdfium2 is absent, where the file is damaged, needs a password, has no page or too many,
    and where it holds no text (a scan). Memory: some hundred bytes per character.
    """
    with opened(data, pages_at_most=pages_at_most) as document:
        pages = [page_glyphs(document, number) for number in range(len(document))]
        named = title_in_metadata(document)
    _require_text(pages)
    margins = _without_margins([words_of(page.glyphs) for page in pages])
    lines = _lines(margins.pages)
    drafts, lettering = _drafts(lines, usual_of([line for page in lines for column in page for line in column]), pages)
    pieces = tuple(_pieces(drafts, Vocabulary(line.text for page in lines for column in page for line in column)))
    return Reading(pieces=pieces, title=_title(pieces, drafts, named), notices=tuple(_notices(pages, margins, lettering, pieces)))


def _require_text(pages: Sequence[PageGlyphs]) -> None:
    known, unknown = sum(len(page.glyphs) for page in pages), sum(page.unknown for page in pages)
    odd = sum("\u2600" <= glyph.text <= "\u27bf" for page in pages for glyph in page.glyphs)
    if unknown + odd > MOST_UNKNOWN * (known + unknown):
        raise DocumentError("The fonts of this PDF do not say which letters they show, so its text cannot be read: run it through OCR first.")
    if not known:
        raise DocumentError("This PDF has no text layer, only pictures of its pages: run OCR first (for example with ocrmypdf), then read its output.")


def _without_margins(pages: Sequence[Sequence[Word]]) -> _Margins:
    numbers = line_numbers(pages)
    unnumbered = [[word for word in words if word not in dropped] for words, dropped in zip(pages, numbers, strict=True)]
    running = running_words(unnumbered)
    kept = [tuple(word for word in words if word not in dropped) for words, dropped in zip(unnumbered, running, strict=True)]
    if not any(kept):
        return _Margins(pages=tuple(map(tuple, pages)), running_pages=0, numbers=0)
    return _Margins(pages=tuple(kept), running_pages=sum(map(bool, running)), numbers=sum(map(len, numbers)))


def _lines(pages: Sequence[Sequence[Word]]) -> list[list[list[Line]]]:
    """For each page and each of its regions the lines."""
    found = [gutter for words in pages if (gutter := find_gutter(words)) is not None]
    filled = sum(map(bool, pages))
    gutter = median(found) if found and len(found) >= FEWEST_WITH_GUTTER * filled else None
    cut = [regions(words, gutter) for words in pages]
    return [[lines_of(region, page=number, column=column) for column, region in enumerate(page)] for number, page in enumerate(cut)]


def _drafts(pages: Sequence[Sequence[Sequence[Line]]], usual: Usual, glyphs: Sequence[PageGlyphs]) -> tuple[list[Draft], int]:
    drafts: list[Draft] = []
    lettering = 0
    for page, sheet in zip(pages, glyphs, strict=True):
        notes: list[Draft] = []
        own: list[Draft] = []
        for column in page:
            text, found = part_footnotes(column, usual, height=sheet.height)
            own += drafts_of(text, usual)
            notes += found
        own, dropped = without_lettering(own, usual)
        lettering += dropped
        drafts += own + notes
    return flowing(list(pages_of(with_headings(with_bylines(drafts, usual), usual)))), lettering


def _pieces(drafts: Iterable[Draft], vocabulary: Vocabulary) -> Iterable[Piece]:
    for draft in drafts:
        text = clean(_text(draft, vocabulary)).replace(SOFT, "")
        if text.strip():
            yield Piece(kind="paragraph" if draft.kind == "footnote" else draft.kind, text=text.strip("\n"), level=draft.level)


def _text(draft: Draft, vocabulary: Vocabulary) -> str:
    match draft.kind:
        case "table":
            return "\n".join(map(row_text, draft.lines))
        case "code":
            return code_text(draft.lines)
        case _ if draft.broken and draft.kind == "paragraph":
            return "\n".join(line.text for line in draft.lines)
    return LEADERS.sub(" … ", join_lines([line.text for line in draft.lines], vocabulary)).strip()


def _title(pieces: Sequence[Piece], drafts: Sequence[Draft], named: str) -> str | None:
    """The title on the first page; the one that the file gives where that has the same letters, or where there is no other."""
    shown = next((piece.text for piece in pieces if piece.kind == "heading" and piece.level == 1), None)
    has_title = (
        shown is not None and drafts and any(draft.kind == "heading" and draft.level == 1 and draft.first.page == drafts[0].first.page for draft in drafts)
    )
    if not has_title:
        return named or None
    return named if named and _letters(named) == _letters(shown) else shown


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()


def _notices(pages: Sequence[PageGlyphs], margins: _Margins, lettering: int, pieces: Sequence[Piece]) -> Iterable[str]:
    counts = {
        "running heads, running feet and page numbers on {n} pages": margins.running_pages,
        "{n} line numbers in the margin": margins.numbers,
        "{n} lines of lettering in figures": lettering,
        "{n} characters that run in another direction than the page's text": sum(page.turned for page in pages),
        "{n} characters beyond the edge of their page": sum(page.outside for page in pages),
        "{n} characters whose font does not say what they are": sum(page.unknown for page in pages),
    }
    for what, count in counts.items():
        if count:
            yield f"Left out of the PDF: {what.format(n=f'{count:,}')}."
    empty = sum(1 for page in pages if not page.glyphs)
    if empty:
        yield f"{empty:,} of the PDF's {len(pages):,} pages hold no text; pictures of text are not read."
    if _runs_left(piece.text for piece in pieces):
        yield "Parts of the PDF are in a script that runs from right to left; the order of their words may be wrong."


def _runs_left(texts: Iterable[str]) -> bool:
    letters = [character for text in texts for character in text if character.isalpha()]
    return sum("\u0590" <= character <= "\u08ff" for character in letters) > 0.05 * len(letters)

"""A web page as a reading: its main text as blocks, its title and language, and a notice of what was left out."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lxml.html import HtmlElement

from reportgen.documents.document import Reading
from reportgen.documents.html.encoding import decode_page
from reportgen.documents.html.main_text import main_blocks
from reportgen.documents.html.parsing import drop_note_marks, drop_unseen, parse_page
from reportgen.documents.html.walking import PageBlock, page_blocks
from reportgen.documents.limits import ReadingLimits

NO_MAIN_TEXT = "No main text was found on the page, so all of its visible text was read, menus and footers included."
LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:[-_].*)?")


def html_reading(data: bytes, limits: ReadingLimits) -> Reading:
    """The main text of a web page; all that it shows where no main text is found, with a notice.

    Scripts, styles, comments, form fields and hidden elements leave nothing. Raises `DocumentError` for a page with no text, or nested too deep.
    """
    decoded = decode_page(data)
    tree = parse_page(decoded.text)
    title, language = _title(tree), _language(tree)
    drop_unseen(tree)
    marks = drop_note_marks(tree)
    blocks = list(page_blocks(tree))
    kept = main_blocks(tree, blocks) if blocks else []
    notices = (*decoded.notices, *_left_out(blocks, kept), *_said_of_marks(marks))
    return Reading(pieces=tuple(block.piece for block in kept or blocks), title=title, language=language, notices=notices)


def _left_out(blocks: Sequence[PageBlock], kept: Sequence[PageBlock]) -> tuple[str, ...]:
    if not kept:
        return (NO_MAIN_TEXT,)
    words, of = _words(kept), _words(blocks)
    if words == of:
        return ()
    return (f"Left out as no part of the page's main text: {of - words:,} of {of:,} words (menus, sidebars, footers and the like).",)


def _words(blocks: Sequence[PageBlock]) -> int:
    return sum(len(block.piece.text.split()) for block in blocks)


def _said_of_marks(marks: int) -> tuple[str, ...]:
    return (f"Left out of the running text: {marks:,} raised mark{'s' if marks > 1 else ''} of notes.",) if marks else ()


def _title(tree: HtmlElement) -> str | None:
    """What the page calls itself where it is linked to, or in its head."""
    for meta in tree.iter("meta"):
        if meta.get("property") == "og:title" and meta.get("content", "").strip():
            return meta.get("content")
    return next((text for title in tree.iter("title") if (text := "".join(title.itertext()).strip())), None)


def _language(tree: HtmlElement) -> str | None:
    """The language that the page or its body declares, without the country."""
    declared = [
        tree.get("lang"),
        tree.get("{http://www.w3.org/XML/1998/namespace}lang"),
        tree.get("xml:lang"),
        *(body.get("lang") for body in tree.iter("body")),
    ]
    found = next((match for text in filter(None, declared) if (match := LANGUAGE.fullmatch(text.strip()))), None)
    return None if found is None else found[1].lower()

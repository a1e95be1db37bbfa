"""A document without its list of references: for those who want to know what a model makes of the text, and not of names and years."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from reportgen.documents.document import Block, Document, Piece, build_document
from reportgen.errors import DocumentError

NUMBER = r"(?:(?:\d{1,3}(?:\.\d{1,3})*|[A-Z]|[IVXLC]{1,7})[.:)]?\s+)?"
NAME = re.compile(
    NUMBER
    + r"(?:references(?: and notes| cited)?|reference list|list of references|bibliography|selected bibliography|literature(?: cited)?|works cited|cited works"
    r"|works consulted|sources(?: cited)?|literatur(?:verzeichnis)?|quellen(?:verzeichnis)?|bibliographie|références(?: bibliographiques)?|bibliografía|referencias)[.:]?",
    re.IGNORECASE,
)
BESIDE_THE_TEXT = frozenset({"caption", "table"})


def drop_references(document: Document) -> Document:
    """The document without its reference lists, and with a notice of how much that was; or of that none was found.

    A reference list is a heading that says so ("References", "Bibliography", "Works cited") with what follows it up to the next heading of the
    same level or a higher one; where levels are unknown, up to the next heading. Captions and tables that a page's make-up put among the entries
    stay. Raises DocumentError where nothing else is in the document.
    """
    lists = _lists(document)
    dropped = {index for start, end in lists for index in range(start, end) if document.blocks[index].kind not in BESIDE_THE_TEXT}
    if not dropped:
        return _noting(document, "--drop references: no heading such as References or Bibliography was found, so nothing was left out.")
    kept = [block for index, block in enumerate(document.blocks) if index not in dropped]
    if not kept:
        raise DocumentError(f"{document.source} holds a list of references and nothing else: measure it without --drop references.")
    characters = sum(document.blocks[index].end - document.blocks[index].start for index in dropped)
    where = " and ".join(repr(_text(document, document.blocks[start])) for start, _ in lists)
    said = f"--drop references: {len(dropped):,} blocks with {characters:,} characters were left out (from the heading {where} on)."
    return _noting(_of_blocks(document, kept), said)


def _lists(document: Document) -> list[tuple[int, int]]:
    """The reference lists as (index of the heading, index after the last block)."""
    found, index, blocks = [], 0, document.blocks
    while index < len(blocks):
        if blocks[index].kind == "heading" and NAME.fullmatch(_text(document, blocks[index])):
            end = _end(blocks, index)
            found.append((index, end))
            index = end
        else:
            index += 1
    return found


def _end(blocks: Sequence[Block], start: int) -> int:
    """The index of the heading that ends the section which starts here."""
    level = blocks[start].level
    for index in range(start + 1, len(blocks)):
        other = blocks[index]
        if other.kind == "heading" and (not level or not other.level or other.level <= level):
            return index
    return len(blocks)


def _of_blocks(document: Document, kept: Sequence[Block]) -> Document:
    """The document with these of its blocks only; its title stays."""
    pieces = (Piece(kind=block.kind, text=document.text[block.start : block.end], level=block.level) for block in kept)
    built = build_document(pieces, title=document.title, source=document.source, language=document.language, notices=document.notices)
    return replace(built, title=document.title)


def _noting(document: Document, notice: str) -> Document:
    return replace(document, notices=(*document.notices, notice))


def _text(document: Document, block: Block) -> str:
    return " ".join(document.text[block.start : block.end].split())

"""The two types that every reader of documents ends in, and the one way to build them."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

LONGEST_TITLE = 119
BETWEEN_BLOCKS = "\n\n"


@dataclass(frozen=True, kw_only=True)
class Block:
    """One heading, paragraph, list item, quotation, caption, piece of code or table, as a span of the document's text.

    A table has a line for each row, with " | " between the cells. `level` is a heading's, 1 the highest; 0 where unknown.
    """

    start: int
    end: int
    kind: str
    level: int = 0


@dataclass(frozen=True, kw_only=True)
class Document:
    """A text that a model can read and a page can show, with its blocks in order.

    The blocks cover all of the text but the blank lines between them. `source` is a file's name, never its path;
    `sha256` is that of the text in UTF-8. `notices` say what of the file was left out or could not be told, a sentence each.
    """

    title: str
    text: str
    source: str
    blocks: tuple[Block, ...]
    sha256: str
    language: str = "en"
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Piece:
    """The text of one block before it has a place in a document."""

    kind: str
    text: str
    level: int = 0


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a reader makes of a file: its blocks in order, what the file says of itself, and what was left out."""

    pieces: tuple[Piece, ...]
    title: str | None = None
    language: str | None = None
    notices: tuple[str, ...] = ()


def build_document(pieces: Iterable[Piece], *, title: str, source: str, language: str = "en", notices: tuple[str, ...] = ()) -> Document:
    """A document of these pieces; its title is the heading it starts with, or else the title given."""
    pieces = tuple(pieces)
    text = BETWEEN_BLOCKS.join(piece.text for piece in pieces)
    return Document(
        title=shorten(pieces[0].text if pieces[0].kind == "heading" else title),
        text=text,
        source=source,
        blocks=_place(pieces),
        sha256=hashlib.sha256(text.encode("utf-8")).hexdigest(),
        language=language,
        notices=notices,
    )


def shorten(title: str) -> str:
    """The title on one line, cut at a word with an ellipsis where it is too long for a page's head."""
    title = re.sub(r"\s+", " ", title).strip()
    if len(title) <= LONGEST_TITLE:
        return title
    cut = title[: LONGEST_TITLE - 1]
    return (cut[: cut.rfind(" ")] if " " in cut else cut).rstrip() + "…"


def _place(pieces: tuple[Piece, ...]) -> tuple[Block, ...]:
    blocks = []
    start = 0
    for piece in pieces:
        end = start + len(piece.text)
        blocks.append(Block(start=start, end=end, kind=piece.kind, level=piece.level))
        start = end + len(BETWEEN_BLOCKS)
    return tuple(blocks)

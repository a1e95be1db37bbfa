"""Plain text as pieces: blank lines part paragraphs, and the form of the lines tells what they are.

Headings are lines with an underline, CHAPTER IX and its like, lines in capitals, and short lines on their own
before longer text. List items keep their markers. Lines that stand in columns are kept line by line, as code. Rules and
ornaments between paragraphs leave nothing. What happens to the other line breaks is in `wrapping`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, dropwhile, groupby

from reportgen.documents.document import Piece
from reportgen.documents.headings import (
    LONGEST,
    is_certain_heading,
    is_in_capitals,
    is_likely_heading,
    is_numbered,
)
from reportgen.documents.lists import cut_items, is_enumerated, is_lone_marker, starts_item
from reportgen.documents.wrapping import ORNAMENT, is_table, join, paragraphs, usual_width

UNDERLINE = re.compile(r"([=~^*_-])\1{2,}")
LONGEST_HEADING = 3  # lines


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Lines that belong together, with their kind where their form alone tells it."""

    kind: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return join(self.lines)


def plain_pieces(text: str) -> Iterator[Piece]:
    """The blocks of a plain text, in order, none of them empty."""
    groups = [list(lines) for filled, lines in groupby(text.split("\n"), key=lambda line: bool(line.strip())) if filled]
    width = usual_width([[line.strip() for line in group] for group in groups])
    chunks = list(_join_lone_markers(chain.from_iterable(map(_cut_group, groups))))
    for index, chunk in enumerate(chunks):
        before = chunks[index - 1] if index else None
        after = chunks[index + 1] if index + 1 < len(chunks) else None
        yield from _pieces(chunk, _kind(chunk, before, after), width)


def _cut_group(group: Sequence[str]) -> Iterator[Chunk]:
    """The headings and list items at which a group of lines comes apart."""
    if is_table(group) and not all(starts_item(line.strip()) for line in group):
        yield Chunk(kind="code", lines=tuple(line.rstrip().expandtabs() for line in group))
        return
    lines = list(dropwhile(ORNAMENT.fullmatch, [line.strip().replace("\t", " ") for line in group]))
    start = 0
    while heading := _leading_heading(lines[start : start + LONGEST_HEADING + 1]):
        yield Chunk(kind="heading", lines=tuple(lines[start : start + heading]))
        start += heading
    lines = [line for line in lines[start:] if not ORNAMENT.fullmatch(line)]
    for part in cut_items(lines) if lines else ():
        yield Chunk(kind="list item" if starts_item(part[0]) else "paragraph", lines=tuple(part))


def _leading_heading(lines: Sequence[str]) -> int:
    """How many lines at the start are a heading."""
    if not lines or ORNAMENT.fullmatch(lines[0]):
        return 0
    if len(lines) > 1 and UNDERLINE.fullmatch(lines[1]) and len(lines[0]) <= LONGEST:
        return 2
    if len(lines) > 1 and lines[0].isupper() and lines[1].isupper():
        is_title = len(lines) <= LONGEST_HEADING and all(map(str.isupper, lines)) and is_in_capitals(lines[-1])
        return len(lines) if is_title else 0
    return int(is_certain_heading(lines[0]))


def _join_lone_markers(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """The chunks, an enumerator that stands alone put before what follows it."""
    marker: tuple[str, ...] = ()
    for chunk in chunks:
        if chunk.kind == "list item" and is_lone_marker(chunk.text):
            marker += chunk.lines
        elif marker and chunk.kind == "paragraph":
            yield Chunk(kind="list item", lines=marker + chunk.lines)
            marker = ()
        else:
            yield from (Chunk(kind="paragraph", lines=(line,)) for line in marker)
            yield chunk
            marker = ()
    yield from (Chunk(kind="paragraph", lines=(line,)) for line in marker)


def _kind(chunk: Chunk, before: Chunk | None, after: Chunk | None) -> str:
    if chunk.kind in {"heading", "code"} or len(chunk.lines) > 1:
        return chunk.kind
    in_series = any(other and is_enumerated(other.text) for other in (before, after))
    if chunk.kind == "list item" and (in_series or not is_numbered(chunk.text)):
        return chunk.kind
    return "heading" if after and is_likely_heading(chunk.text, after.text) else chunk.kind


def _pieces(chunk: Chunk, kind: str, width: int | None) -> Iterator[Piece]:
    match kind:
        case "code":
            yield Piece(kind=kind, text="\n".join(chunk.lines).strip("\n"))
        case "heading":
            yield Piece(kind=kind, text=join(line for line in chunk.lines if not UNDERLINE.fullmatch(line)))
        case "list item":
            yield Piece(kind=kind, text=_tidy(chunk.text))
        case _:
            yield from (Piece(kind=kind, text=_tidy(text)) for text in paragraphs(chunk.lines, width))


def _tidy(text: str) -> str:
    """The text with every run of blanks made one; line breaks stay."""
    return re.sub(r"[^\S\n]+", " ", text)

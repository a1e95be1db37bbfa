"""Which blocks of a page are its main text, by trafilatura.

Trafilatura returns a tree of its own in which captions, numbers of lists and some white space are gone. So the strings of each block are marked first,
and a block is of the main text where one of its marks is found again. Source: Barbaresi 2021, Trafilatura.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from copy import deepcopy

from lxml.html import HtmlElement
from trafilatura import bare_extraction

from reportgen.documents.decoding import clean
from reportgen.documents.html.walking import PageBlock, Place

FIRST, DIGITS, BASE = "\u2800", "\u2801", 255  # Braille: visible characters that are no letters, of which pages have none; those that do lose them here
BRAILLE = re.compile("[\u2800-\u28ff]")
MARK = re.compile("\u2800([\u2801-\u28ff])([\u2801-\u28ff])([\u2801-\u28ff])")
ENCLOSED = frozenset(("caption", "code", "table"))


def main_blocks(tree: HtmlElement, blocks: Sequence[PageBlock]) -> list[PageBlock]:
    """The blocks of the main text, in order; none where trafilatura finds no main text. The tree has the marks in it afterwards."""
    _mark(tree, blocks)
    found = bare_extraction(deepcopy(tree), include_comments=False, include_tables=True, with_metadata=False)
    kept = set() if found is None else {_number(match) for match in MARK.finditer("".join(found.body.itertext()))}
    return [blocks[index] for index in sorted(kept | _enclosed(blocks, kept) | _title(blocks, kept))]


def _mark(tree: HtmlElement, blocks: Sequence[PageBlock]) -> None:
    """Put each block's mark before its first string and before its longest."""
    for element in tree.iter():
        element.text, element.tail = (text and BRAILLE.sub("?", clean(text)) for text in (element.text, element.tail))
    for index, block in enumerate(blocks):
        for place in {block.places[0], max(block.places, key=lambda place: place.letters)}:
            _put_before(place, _written(index))


def _put_before(place: Place, mark: str) -> None:
    name = "tail" if place.is_tail else "text"
    text = getattr(place.element, name)
    bare = text.lstrip()
    setattr(place.element, name, text[: len(text) - len(bare)] + mark + bare)


def _written(index: int) -> str:
    return FIRST + "".join(chr(ord(DIGITS) + index // BASE**power % BASE) for power in (2, 1, 0))


def _number(match: re.Match[str]) -> int:
    return sum((ord(digit) - ord(DIGITS)) * BASE**power for digit, power in zip(match.groups(), (2, 1, 0), strict=True))


def _enclosed(blocks: Sequence[PageBlock], kept: Iterable[int]) -> set[int]:
    """Captions, code and tables between blocks that are kept, which trafilatura drops at times."""
    inside = range(min(kept, default=0), max(kept, default=0))
    return {index for index in inside if blocks[index].piece.kind in ENCLOSED and not _is_aside(blocks[index].element)}


def _title(blocks: Sequence[PageBlock], kept: Iterable[int]) -> set[int]:
    """The page's only heading of the first level, where it comes before all that is kept."""
    first = [index for index, block in enumerate(blocks) if block.piece.kind == "heading" and block.piece.level == 1]
    return set(first) if len(first) == 1 and first[0] < min(kept, default=0) else set()


def _is_aside(element: HtmlElement) -> bool:
    around = (element, *element.iterancestors())
    return any(one.tag in {"aside", "nav", "footer"} for one in around)

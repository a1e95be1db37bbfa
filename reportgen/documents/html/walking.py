"""A page's tree as blocks: which element names a block's kind, where one block ends and the next begins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml.html import HtmlElement

from reportgen.documents.document import Piece
from reportgen.documents.html.tables import holds_data, rows_of
from reportgen.documents.markdown import code_text, prose_text
from reportgen.documents.tables import table_row

NAMES_OF_PARTING = (
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header "
    "hgroup hr html legend li main menu nav ol p pre search section summary table tbody td tfoot th thead tr ul xmp listing plaintext"
)
PARTING = frozenset(NAMES_OF_PARTING.split())
KINDS = {
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), "heading"),
    **dict.fromkeys(("li", "dt", "dd"), "list item"),
    **dict.fromkeys(("figcaption", "caption"), "caption"),
    "blockquote": "quotation",
}
CODE = frozenset(("pre", "xmp", "listing", "plaintext"))
SPACES = re.compile(r"[ \t\n\r\f\v\u00ad]+")
BREAK = "\x00"  # stands for <br> until white space has been put in order; no page's text holds it


@dataclass(frozen=True, kw_only=True)
class Place:
    """A string of the tree: the text of an element, or its tail."""

    element: HtmlElement
    is_tail: bool
    letters: int


@dataclass(frozen=True, kw_only=True)
class PageBlock:
    """A block of the page, the element around it, and the strings of the tree that it was made of."""

    piece: Piece
    element: HtmlElement
    places: tuple[Place, ...]


@dataclass(kw_only=True)
class _Walk:
    """What has been gathered for the block under way, and what stands around it."""

    around: list[HtmlElement] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    marker: str = ""
    numbers: dict[HtmlElement, int] = field(default_factory=dict)

    def add(self, text: str | None, element: HtmlElement, *, is_tail: bool) -> None:
        if not text:
            return
        self.texts.append(text)
        letters = sum(not character.isspace() for character in text)
        if letters:
            self.places.append(Place(element=element, is_tail=is_tail, letters=letters))

    def flush(self) -> Iterator[PageBlock]:
        """The blocks of what was gathered: two breaks after one another part them."""
        text, places = "".join(self.texts), tuple(self.places)
        self.texts, self.places = [], []
        in_code = any(element.tag in CODE for element in self.around)
        parts = [code_text(text.replace(BREAK, "\n").replace("\u00ad", ""))] if in_code else _parts(text)
        for part in filter(str.strip, parts):
            kind, level = ("code", 0) if in_code else self._kind()
            marker, self.marker = ("", self.marker) if in_code else (self.marker, "")
            one_line = part.replace("\n", " ") if kind == "heading" else part
            yield PageBlock(piece=Piece(kind=kind, text=marker + one_line, level=level), element=self.around[-1], places=places)

    def _kind(self) -> tuple[str, int]:
        """The kind that the innermost element with one gives, and a heading's level."""
        for element in reversed(self.around):
            if element.get("role") == "heading":
                return "heading", _level(element.get("aria-level", "2"))
            if element.tag in KINDS:
                return KINDS[element.tag], _level(element.tag[1:]) if KINDS[element.tag] == "heading" else 0
        return "paragraph", 0


def page_blocks(tree: HtmlElement) -> Iterator[PageBlock]:
    """The blocks of a page, in order, none of them empty.

    List items keep a marker ("- " or their number) as in Markdown; a further paragraph of an item has none. A table that holds data is one block with a
    line per row; one that only arranges a page is read through. The walk does not recurse, however deep the page.
    """
    walk, steps = _Walk(), [(tree, False)]
    while steps:
        element, is_left = steps.pop()
        if is_left:
            yield from _leave(walk, element)
        elif element.tag == "table" and holds_data(element):
            yield from walk.flush()
            yield from _table(element, walk)
            walk.add(element.tail, element, is_tail=True)
        else:
            yield from _enter(walk, element)
            steps.append((element, True))
            steps.extend((child, False) for child in reversed(element) if isinstance(child.tag, str))


def _enter(walk: _Walk, element: HtmlElement) -> Iterator[PageBlock]:
    if element.tag in PARTING or element.get("role") == "heading":
        yield from walk.flush()
        walk.around.append(element)
        if element.tag in {"li", "dt"}:
            walk.marker = _marker(element, walk.numbers)
    if element.tag == "br":
        walk.texts.append(BREAK)
    walk.add(element.text, element, is_tail=False)


def _leave(walk: _Walk, element: HtmlElement) -> Iterator[PageBlock]:
    if walk.around and walk.around[-1] is element:
        yield from walk.flush()
        walk.around.pop()
        if element.tag in {"li", "dt"}:
            walk.marker = ""
    walk.add(element.tail, element, is_tail=True)


def _table(table: HtmlElement, walk: _Walk) -> Iterator[PageBlock]:
    """A table of data, after its caption."""
    caption = table.find("caption")
    if caption is not None:
        walk.around.append(caption)
        for text, place in _strings(caption):
            walk.add(text, place.element, is_tail=place.is_tail)
        yield from walk.flush()
        walk.around.pop()
    text = code_text("\n".join(filter(None, map(table_row, rows_of(table)))))
    if text.strip():
        places = tuple(place for row in table.iter("tr") for _, place in _strings(row) if place.letters)
        yield PageBlock(piece=Piece(kind="table", text=text), element=table, places=places)


def _strings(element: HtmlElement) -> Iterator[tuple[str, Place]]:
    """The strings inside an element, with their places."""
    for inner in element.iter():
        for text, is_tail in ((inner.text, False), (inner.tail, True)):
            if text and not (is_tail and inner is element):
                yield text, Place(element=inner, is_tail=is_tail, letters=len(text.strip()))


def _parts(text: str) -> list[str]:
    """The paragraphs of a run of text: white space in order, a break a new line, two of them a new paragraph."""
    lines = [SPACES.sub(" ", line).strip() for line in text.replace("\u00ad", "").split(BREAK)]
    return [prose_text(part) for part in re.split(r"\n{2,}", "\n".join(lines))]


def _marker(element: HtmlElement, numbers: dict[HtmlElement, int]) -> str:
    """An item's number, one more than the last of its list, which is kept in `numbers`; or a dash."""
    around = element.getparent()
    if around is None or around.tag != "ol" or "reversed" in around.attrib:
        return "- "
    number = numbers[around] + 1 if around in numbers else _integer(around.get("start"), 1)
    numbers[around] = _integer(element.get("value"), number)
    return f"{numbers[around]}. "


def _integer(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and re.fullmatch(r"-?[0-9]{1,6}", text.strip()) else otherwise


def _level(text: str) -> int:
    return min(max(_integer(text, 2), 1), 9)

"""Which blocks of a page are its main text: those that trafilatura finds, and what stands among them.

Trafilatura returns a tree of its own in which captions, numbers of lists and some white space are gone. So the strings of each block are marked first,
and a block is of the main text where one of its marks is found again. It also drops whole sections at times. So the element around nearly all that it found is
taken as the frame of the main text, and what else stands in the frame is kept where it is no menu and no aside: unless that would be more than what was
found and the page does not itself call it its main part. Source: Barbaresi 2021, Trafilatura; the marks and the frame: none, defined here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence, Set
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property

from lxml.html import HtmlElement
from trafilatura import bare_extraction

from reportgen.documents.html.marks import found_marks, put_marks
from reportgen.documents.html.walking import PageBlock, Place

FRAMED = 0.9  # of the letters that were found
MOST_LINKED = 0.5  # of the letters of a block that is text and no menu
ASIDES = frozenset(("aside", "nav", "footer"))
ROLES = frozenset(("navigation", "complementary", "banner", "contentinfo", "search", "dialog", "alertdialog", "menu", "toolbar"))
NAMES_OF_ASIDES = re.compile(
    r"(?:^|[\s_-])(?:cookies?|consent|banner|newsletter|subscri(?:be|ption)|shar(?:e|ing)|social|related|recommend\w*|sidebar|comments?|disqus|advert\w*|ads?"
    r"|promo\w*|sponsor\w*|breadcrumbs?|footer|copyright|toc|menu|navbar|nav|navigation|pagination|popup|modal|paywall|login)(?:$|[\s_-])"
)


def main_blocks(tree: HtmlElement, blocks: Sequence[PageBlock]) -> list[PageBlock]:
    """The blocks of the main text, in order; none where trafilatura finds no main text. The tree has marks in it afterwards."""
    put_marks(tree, [block.places for block in blocks])
    found = bare_extraction(deepcopy(tree), include_comments=False, include_tables=True, with_metadata=False)
    kept = frozenset() if found is None else found_marks("".join(found.body.itertext()))
    return [blocks[index] for index in sorted(_MainText(blocks=blocks, found=kept).indices)] if kept else []


@dataclass(frozen=True, kw_only=True)
class _MainText:
    """The blocks of a page, and the indices of those that were found to be of the main text."""

    blocks: Sequence[PageBlock]
    found: frozenset[int]

    @property
    def indices(self) -> Set[int]:
        """What was found, what stands among it, and its headings."""
        among = {index for index, block in enumerate(self.blocks) if index not in self.found and self._is_among(block)}
        kept = self.found | (among if self._is_marked_as_main or self._letters(among) <= self._letters(self.found) else set())
        return kept | self._headings(kept) | self._title(kept)

    @cached_property
    def frame(self) -> HtmlElement:
        """The innermost element that holds nearly all that was found."""
        held: Counter[HtmlElement] = Counter()
        for index in self.found:
            for element in (self.blocks[index].element, *self.blocks[index].element.iterancestors()):
                held[element] += self._letters({index})
        enough = FRAMED * self._letters(self.found)
        return max((element for element in held if held[element] >= enough), key=lambda element: sum(1 for _ in element.iterancestors()))

    @property
    def _is_marked_as_main(self) -> bool:
        """Whether the page itself says that the frame is in its main part."""
        return any(element.tag in {"main", "article"} or element.get("role") == "main" for element in (self.frame, *self.frame.iterancestors()))

    def _letters(self, indices: Set[int]) -> int:
        return sum(len(self.blocks[index].piece.text) for index in indices)

    def _is_among(self, block: PageBlock) -> bool:
        """Whether it stands in the frame, and neither in an aside there nor as a menu."""
        for element in (block.element, *block.element.iterancestors()):
            if element is self.frame:
                return not _is_linked(block)
            if _is_aside(element):
                return False
        return False

    def _headings(self, kept: Set[int]) -> Set[int]:
        """The headings right before what is kept."""
        found, follows = set(), False
        for index in range(len(self.blocks) - 1, -1, -1):
            heading = self.blocks[index].piece.kind == "heading"
            if heading and follows and not any(map(_is_aside, (self.blocks[index].element, *self.blocks[index].element.iterancestors()))):
                found.add(index)
            follows = index in kept or (heading and follows)
        return found

    def _title(self, kept: Set[int]) -> Set[int]:
        """The page's only heading of the first level, where it comes before all that is kept."""
        first = {index for index, block in enumerate(self.blocks) if block.piece.kind == "heading" and block.piece.level == 1}
        return first if len(first) == 1 and min(first) < min(kept) else set()


def _is_aside(element: HtmlElement) -> bool:
    """Whether its tag, role or class calls it one; its id only where it has nothing else, since sections are often called by their headings."""
    if element.tag in ASIDES or element.get("role", "").strip().lower() in ROLES:
        return True
    name = element.get("class") or (element.get("id", "") if element.tag == "div" else "")
    return element.tag not in {"html", "body"} and NAMES_OF_ASIDES.search(name.lower()) is not None


def _is_linked(block: PageBlock) -> bool:
    """Whether most of its letters are in links."""
    linked = sum(place.letters for place in block.places if _in_link(place))
    return linked > MOST_LINKED * sum(place.letters for place in block.places)


def _in_link(place: Place) -> bool:
    around = place.element.getparent() if place.is_tail else place.element
    return around is not None and (around.tag == "a" or next(around.iterancestors("a"), None) is not None)

"""Marks in the strings of a tree, by which they are known again in another tree that was made of it.

A mark is four signs of Braille, which are visible characters and no letters. Pages have none; one that does loses its own in the marked tree, which only
serves to be looked for marks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lxml.html import HtmlElement

from reportgen.documents.decoding import clean
from reportgen.documents.html.walking import Place

FIRST, DIGITS, BASE = "\u2800", "\u2801", 255
BRAILLE = re.compile("[\u2800-\u28ff]")
MARK = re.compile("\u2800([\u2801-\u28ff])([\u2801-\u28ff])([\u2801-\u28ff])")


def put_marks(tree: HtmlElement, places: Sequence[tuple[Place, ...]]) -> None:
    """Put a mark with its number before the first and the longest of each group of strings."""
    for element in tree.iter():
        element.text, element.tail = (text and BRAILLE.sub("?", clean(text)) for text in (element.text, element.tail))
    for index, group in enumerate(places):
        for place in {group[0], max(group, key=lambda place: place.letters)}:
            _put_before(place, _written(index))


def found_marks(text: str) -> frozenset[int]:
    """The numbers of the marks in a text."""
    return frozenset(_number(match) for match in MARK.finditer(text))


def _put_before(place: Place, mark: str) -> None:
    name = "tail" if place.is_tail else "text"
    text = getattr(place.element, name)
    bare = text.lstrip()
    setattr(place.element, name, text[: len(text) - len(bare)] + mark + bare)


def _written(index: int) -> str:
    return FIRST + "".join(chr(ord(DIGITS) + index // BASE**power % BASE) for power in (2, 1, 0))


def _number(match: re.Match[str]) -> int:
    return sum((ord(digit) - ord(DIGITS)) * BASE**power for digit, power in zip(match.groups(), (2, 1, 0), strict=True))

"""A page taken apart into its elements, by the standard library's own parser."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%()*+,-./:;=?@[]^_`{"
VOID = frozenset(["meta", "link", "input", "br", "img", "hr"])


def inflated(text: str) -> bytes:
    """What `reportgen.packing.deflated` packed, by a second reading of the format."""
    return zlib.decompress(read_digits(text))


def read_digits(text: str) -> bytes:
    """The bytes that a text stands for: five digits of a number to the base of 85 for four bytes."""
    found = b""
    for place in range(1, len(text), 5):
        number = 0
        for letter in text[place : place + 5]:
            number = 85 * number + DIGITS.index(letter)
        found += number.to_bytes(4, "big")
    return found[: len(found) - int(text[0])]


@dataclass(kw_only=True)
class Element:
    """One element: its name, attributes, and the text directly inside it."""

    name: str
    attributes: dict[str, str]
    text: str = ""


@dataclass(kw_only=True)
class Page:
    """All elements of a page in order of their start."""

    elements: list[Element] = field(default_factory=list)

    def named(self, name: str) -> list[Element]:
        return [element for element in self.elements if element.name == name]

    def by_id(self, identifier: str) -> Element:
        (found,) = [element for element in self.elements if element.attributes.get("id") == identifier]
        return found

    def values(self, attribute: str) -> list[str]:
        return [element.attributes[attribute] for element in self.elements if attribute in element.attributes]

    def structure(self) -> list[tuple[str, tuple[str, ...]]]:
        """Names of elements and of their attributes, without what stands in them."""
        return [(element.name, tuple(element.attributes)) for element in self.elements]

    def text(self) -> str:
        return "\n".join(element.text for element in self.elements if element.name not in ("script", "style"))

    def data(self, identifier: str) -> Any:
        element = self.by_id(identifier)
        return json.loads(inflated(element.text) if "data-packed" in element.attributes else element.text)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page, self.open = Page(), []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(name=tag, attributes={name: value or "" for name, value in attrs})
        self.page.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop().name != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.open:
            self.open[-1].text += data


def read_page(html: str) -> Page:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.page

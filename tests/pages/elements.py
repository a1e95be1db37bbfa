"""A page taken apart into its elements, by the standard library's own parser."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from html.parser import HTMLParser
from math import prod
from typing import Any

import numpy as np

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%()*+,-./:;=?@[]^_`{"
VOID = frozenset(["meta", "link", "input", "br", "img", "hr"])


def inflated(text: str) -> bytes:
    """What `reportgen.packing.codes.deflated` packed, by a second reading of the format."""
    return zlib.decompress(read_digits(text))


def read_numbers(data: bytes, count: int) -> list[Any]:
    """What `reportgen.packing.numbers` took out of JSON: a byte for the power of ten of each, then whole numbers in byte planes."""
    powers = [byte - 256 if byte > 127 else byte for byte in data[:count]]
    codes = [sum(byte << 8 * plane for plane, byte in enumerate(data[count + place :: count])) for place in range(count)]
    wholes = [-(code + 1) // 2 if code % 2 else code // 2 for code in codes]
    return [None if power == 127 else float(f"{whole}e{-power}") for whole, power in zip(wholes, powers, strict=True)]


def with_numbers(part: Any, numbers: list[Any]) -> Any:
    if isinstance(part, dict) and "#" in part:
        start, *shape = part["#"]
        return np.array(numbers[start : start + prod(shape)], object).reshape(shape).tolist()
    if isinstance(part, dict):
        return {name: with_numbers(inner, numbers) for name, inner in part.items()}
    return [with_numbers(inner, numbers) for inner in part] if isinstance(part, list) else part


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
        if "data-packed" not in element.attributes:
            return json.loads(element.text)
        text, *packed = element.text.split(" ")
        return with_numbers(json.loads(inflated(text)), read_numbers(inflated(packed[0]), int(element.attributes["data-packed"])) if packed else [])


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

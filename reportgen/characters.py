"""Text made fit to print: the one place where characters that break pages, charts and files are taken out; and the capital that a sentence begins with."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from typing import TypeVar

Value = TypeVar("Value")

LINE_ENDS = re.compile("\r\n|[\v\f\r\x1c-\x1e\x85]")
NONCHARACTERS = "".join(chr(plane * 0x10000 + low) for plane in range(17) for low in (0xFFFE, 0xFFFF))
WITHOUT_TEXT = frozenset([float, int, bool, type(None)])  # most of what a report is made of
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # what tables begin a formula with
UNPRINTABLE = re.compile(f"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef{NONCHARACTERS}]")


def clean_text(text: str) -> str:
    """`text` without control characters, noncharacters and lone surrogates; odd line ends become a space.

    The chart library aborts its process on these, and a lone surrogate cannot be written as UTF-8 at all.
    """
    return text if text.isprintable() else UNPRINTABLE.sub("", LINE_ENDS.sub(" ", text))


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """A span of the text without the white space at its ends."""
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), start + len(part.rstrip())


@lru_cache(maxsize=1 << 16)
def is_punctuation(text: str) -> bool:
    """Whether all it holds besides white space are punctuation marks: Unicode's, and those ASCII characters that C and Python count too."""
    stripped = text.strip()
    return bool(stripped) and all(mark in string.punctuation or unicodedata.category(mark).startswith("P") for mark in stripped)


def no_formula(text: str) -> str:
    """`text` for a cell of a table, behind an apostrophe where a program of tables would take it for a formula."""
    return "'" + text if text.startswith(FORMULA) else text


def clean(value: Value) -> Value:
    """A copy of `value` in which every string, however deep in dataclasses, mappings and tuples, is clean."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, (tuple, list)):
        return type(value)([item if type(item) in WITHOUT_TEXT else clean(item) for item in value])
    if isinstance(value, Mapping):
        return {clean(key): item if type(item) in WITHOUT_TEXT else clean(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: clean(getattr(value, field.name)) for field in fields(value) if field.init})
    return value


def capitalised(text: str) -> str:
    """`text` with a capital first letter, and the rest as it is."""
    return text[:1].upper() + text[1:]

"""The target of attribution that a caller asks for, in writing: a sentence, a span of characters, or a class."""

from __future__ import annotations

import re
from dataclasses import dataclass

FORMS = "sentence:12, chars:120-180 or class:LABEL"


@dataclass(frozen=True, kw_only=True)
class WantedSentence:
    """The sentence of that number, counted from 1 as on the page."""

    number: int


@dataclass(frozen=True, kw_only=True)
class WantedCharacters:
    """Characters from `start` up to, not including, `end`, counted from 0."""

    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class WantedClass:
    """The class of that label or index."""

    label: str


WantedTarget = WantedSentence | WantedCharacters | WantedClass


def parse_target(text: str) -> WantedTarget:
    """What `sentence:12`, `chars:120-180` or `class:LABEL` asks for. Raises `ValueError` for anything else."""
    form, _, rest = text.partition(":")
    match form:
        case "sentence" if rest.isascii() and rest.isdigit():
            return _sentence(int(rest))
        case "chars" if found := re.fullmatch(r"([0-9]+)-([0-9]+)", rest):
            return _characters(int(found[1]), int(found[2]))
        case "class" if rest.strip():
            return WantedClass(label=rest.strip())
    raise ValueError(f"{text!r} names no target; write {FORMS}")


def _sentence(number: int) -> WantedSentence:
    if number < 1:
        raise ValueError("there is no sentence 0: sentences are numbered from 1, as on the page")
    return WantedSentence(number=number)


def _characters(start: int, end: int) -> WantedCharacters:
    if end <= start:
        raise ValueError(f"chars:{start}-{end} holds no character: the end is not included, so it must be greater than the start")
    return WantedCharacters(start=start, end=end)

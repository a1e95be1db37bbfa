"""The numbers that Word writes before list items and headings, which its files do not hold."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field

from lxml.etree import _Element

from reportgen.documents.docx.names import W, integer, value
from reportgen.documents.docx.styles import Styles

ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))
DASH = "- "
LARGEST = 100_000


@dataclass(kw_only=True)
class Numbering:
    """The counters of a file's lists, which go on from paragraph to paragraph."""

    definitions: dict[str, _Element]
    lists: dict[str, _Element]
    styles: Styles
    counters: dict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    begun: set[tuple[str, int]] = field(default_factory=set)

    @classmethod
    def of(cls, numbering: _Element | None, styles: Styles) -> Numbering:
        """The lists under a numbering element; none where a file has none."""
        children = [] if numbering is None else list(numbering)
        return cls(
            definitions={child.get(W + "abstractNumId", ""): child for child in children if child.tag == W + "abstractNum"},
            lists={child.get(W + "numId", ""): child for child in children if child.tag == W + "num"},
            styles=styles,
        )

    def marker(self, number: str, level: int) -> str:
        """What stands before the next paragraph of this list at this level: its number as the list writes it, "- " for any bullet; empty for neither."""
        name = self._definition_of(number)
        levels = self._levels(name, number)
        if level not in levels:
            return DASH
        counters = self.counters[name]
        self._count(counters, number, level, levels)
        form = value(levels[level], "numFmt") or "decimal"
        if form == "bullet":
            return DASH
        text = re.sub(r"%([1-9])", lambda match: self._number(int(match[1]) - 1, counters, levels), value(levels[level], "lvlText") or "")
        return f"{text.strip()} " if text.strip() else ""

    def _count(self, counters: dict[int, int], number: str, level: int, levels: dict[int, _Element]) -> None:
        start, override = _start(levels.get(level)), self._override(number, level)
        if override is not None and (number, level) not in self.begun:
            start = override
            counters.pop(level, None)
        self.begun.add((number, level))
        counters[level] = min(counters[level] + 1 if level in counters else start, LARGEST)
        for deeper in [one for one in counters if one > level]:
            del counters[deeper]

    def _number(self, level: int, counters: dict[int, int], levels: dict[int, _Element]) -> str:
        count = counters.setdefault(level, _start(levels.get(level)))
        return written(count, value(levels.get(level), "numFmt") or "decimal")

    def _definition_of(self, number: str) -> str:
        """The definition that a list follows, also by way of a list style."""
        name = value(self.lists.get(number), "abstractNumId") or ""
        style = self.styles.by_id.get(value(self.definitions.get(name), "numStyleLink") or "")
        linked = value(style, "pPr/numPr/numId")
        return name if linked is None else value(self.lists.get(linked), "abstractNumId") or name

    def _levels(self, name: str, number: str) -> dict[int, _Element]:
        definition, overrides = self.definitions.get(name), self.lists.get(number)
        levels = [] if definition is None else definition.findall(W + "lvl")
        levels += [] if overrides is None else overrides.findall(f"{W}lvlOverride/{W}lvl")
        return {integer(level.get(W + "ilvl"), 0): level for level in levels}

    def _override(self, number: str, level: int) -> int | None:
        found = self.lists.get(number)
        overrides = [] if found is None else found.findall(W + "lvlOverride")
        return next((integer(value(one, "startOverride")) for one in overrides if integer(one.get(W + "ilvl")) == level), None)


def written(count: int, form: str) -> str:
    """A number as a list writes it: 3, 03, c, C, iii, III; empty for `none`, and figures for forms of other scripts."""
    match form:
        case "none":
            return ""
        case "lowerLetter" | "upperLetter" if count > 0:
            text = chr(ord("a") + (count - 1) % 26) * min((count - 1) // 26 + 1, 9)
        case "lowerRoman" | "upperRoman" if 0 < count < 5000:
            text = _roman(count)
        case "decimalZero":
            text = f"{count:02}"
        case _:
            text = str(count)
    return text.upper() if form.startswith("upper") else text


def _roman(count: int) -> str:
    found = ""
    for size, letters in ROMAN:
        found, count = found + letters * (count // size), count % size
    return found


def _start(level: _Element | None) -> int:
    return integer(value(level, "start"), 1)

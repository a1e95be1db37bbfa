"""What the styles of a Word file make of its paragraphs: headings with levels, quotations, captions, code, list items."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from lxml.etree import _Element

from reportgen.documents.docx.names import W, integer, is_on, value

BODY_LEVEL = 9  # of an outline: 0 to 8 are headings
NAMED = (
    (re.compile(r"title"), "heading"),
    (re.compile(r"caption|table caption|figure caption|image caption|table|figure|illustration"), "caption"),
    (re.compile(r"(?:intense )?quote|quotations?|block text|block quote|block quotation"), "quotation"),
    (re.compile(r"html preformatted|preformatted text|source code|code|code block|verbatim|macro text|macro"), "code"),
    (re.compile(r"toc \d|toc heading|table of figures|table of authorities|index \d|index heading|contents \d|contents heading"), "contents"),
)
HEADING = re.compile(r"heading (\d)")


@dataclass(frozen=True, kw_only=True)
class Styles:
    """The styles of a file, by their ids."""

    by_id: dict[str, _Element]
    default: str | None

    @classmethod
    def of(cls, styles: _Element) -> Styles:
        """The paragraph, character and list styles under a styles element."""
        found = {style.get(W + "styleId", ""): style for style in styles.iterchildren(W + "style")}
        defaults = [name for name, style in found.items() if style.get(W + "type") == "paragraph" and style.get(W + "default") in {"1", "true", "on"}]
        return cls(by_id=found, default=defaults[0] if defaults else None)

    def chain(self, paragraph: _Element) -> Iterator[_Element]:
        """The paragraph's properties, its style's, and those of the styles that this one is based on, from the nearest on."""
        properties = paragraph.find(W + "pPr")
        if properties is not None:
            yield properties
        yield from self._based_on(value(properties, "pStyle") or self.default)

    def _based_on(self, name: str | None) -> Iterator[_Element]:
        seen = set()
        while name in self.by_id and name not in seen:
            seen.add(name)
            yield self.by_id[name]
            name = value(self.by_id[name], "basedOn")

    def names(self, paragraph: _Element) -> list[str]:
        """The names of the paragraph's style and of those that it is based on."""
        found = self._based_on(value(paragraph.find(W + "pPr"), "pStyle") or self.default)
        return [(value(style, "name") or "").strip().lower() for style in found]

    def kind(self, paragraph: _Element) -> tuple[str, int]:
        """The paragraph's kind as its style and outline tell it, and a heading's level; a title is the heading of level 0 here."""
        outline = self._outline(paragraph)
        if outline is not None and outline < BODY_LEVEL:
            return "heading", outline + 1
        for name in self.names(paragraph):
            if heading := HEADING.fullmatch(name):
                return ("heading", int(heading[1])) if outline is None else ("paragraph", 0)
            kind = next((kind for form, kind in NAMED if form.fullmatch(name)), None)
            if kind is not None:
                return kind, 0
        return "paragraph", 0

    def _outline(self, paragraph: _Element) -> int | None:
        for properties in self.chain(paragraph):
            path = "outlineLvl" if properties.tag == W + "pPr" else "pPr/outlineLvl"
            if (level := integer(value(properties, path))) is not None:
                return level
        return None

    def numbering(self, paragraph: _Element) -> tuple[str, int] | None:
        """The id of the paragraph's list and its level there, from 0; None where it is in none."""
        number, level = None, None
        for properties in self.chain(paragraph):
            within = "" if properties.tag == W + "pPr" else "pPr/"
            number = value(properties, f"{within}numPr/numId") if number is None else number
            level = integer(value(properties, f"{within}numPr/ilvl")) if level is None else level
        return None if number in {None, "0"} else (number, min(max(level or 0, 0), 8))

    @cached_property
    def hidden(self) -> frozenset[str]:
        """The ids of character styles whose text is not shown."""
        return frozenset(name for name in self.by_id if any(is_on(style.find(W + "rPr"), "vanish") for style in self._based_on(name)))

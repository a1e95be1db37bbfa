"""A page that speaks of paragraphs or sections where it would speak of sentences."""

from __future__ import annotations

import re

from reportgen.units import LEVELS, in_units

TAG = re.compile(r"(</?[A-Za-z][^<>]*>)")
# The document's own words, formulas, and what no reader sees.
KEPT = re.compile(r"<(?P<name>script|style|code|bdi|title|dd(?= dir=)|(?:h1|a)(?= [^>]*lang=))\b")
SAID = re.compile(r'(?<= )(?P<name>aria-label|alt|data-unit|placeholder)="(?P<words>[^"]*)"')


def name_units(html: str, level: str) -> str:
    """The page in the words of its level. What the document says, formulas and code stay; the page's script names what it adds by itself."""
    return html if level == LEVELS[0] else "".join(_parts(html, level))


def _parts(html: str, level: str) -> list[str]:
    found, kept = [], ""
    for part in TAG.split(html):
        if kept:
            kept = "" if part.startswith(f"</{kept}") else kept
        elif part.startswith("<"):
            part = SAID.sub(lambda said: f'{said["name"]}="{in_units(said["words"], level)}"', part)
            kept = opened["name"] if (opened := KEPT.match(part)) else ""
        else:
            part = in_units(part, level)
        found.append(part)
    return found

"""What a document's units are called: its sentences, or its paragraphs or sections in their place."""

from __future__ import annotations

import re

LEVELS = ("sentence", "paragraph", "section")
BY_LINE = frozenset({"code", "table"})  # kinds of blocks that have a unit for each line, and no prose
# Quoted text stays, and so do names: of a published measure, and of what is written on the command line.
WORDS = re.compile(r"“[^”]*”|[Ii]nter-sentence|--sentences|\b(?P<first>[Ss])entence(?P<rest>s?)\b(?!:\d)")


def in_units(text: str, level: str) -> str:
    """What is said of sentences, said of the units of that level; what stands between quotation marks is left alone."""
    if level == LEVELS[0]:
        return text

    def other(found: re.Match[str]) -> str:
        if not found["first"]:
            return found[0]
        return (level.capitalize() if found["first"] == "S" else level) + found["rest"]

    return WORDS.sub(other, text)


def what_units_are(level: str) -> str:
    """What makes one unit of a level other than sentences."""
    return "each block of the document, headings and list items among them" if level == LEVELS[1] else "each heading with what follows it up to the next"


def level_notices(level: str) -> tuple[str, ...]:
    """What is to be said of units that are not sentences."""
    if level == LEVELS[0]:
        return ()
    return (
        f"This document was measured by {level}: {what_units_are(level)}, stands where a single “sentence” does by default, in every number and on the whole page.",
    )

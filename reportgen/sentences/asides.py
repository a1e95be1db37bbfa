"""Asides: brackets inside a sentence that goes on or ends after them (as here. And here), so that no mark in them ends it."""

import re

Span = tuple[int, int]

LONGEST = 300  # characters; a bracket that closes later than this belongs to something else
SEEN = 9  # characters on either side of a bracket
INSIDE_A_SENTENCE = re.compile(r"[^\s.!?…。！？]\s*\Z")


def find_asides(text: str) -> list[Span]:
    """The spans of the outermost asides, in order."""
    opened: list[int] = []
    asides: list[Span] = []
    for bracket in re.finditer(r"[()\[\]]", text):
        if bracket[0] in "([":
            opened.append(bracket.start())
        elif opened and _is_aside(text, start := opened.pop(), bracket.end()):
            while asides and asides[-1][0] > start:
                asides.pop()
            asides.append((start, bracket.end()))
    return asides


def _is_aside(text: str, start: int, end: int) -> bool:
    following = text[end : end + SEEN].lstrip()[:1]
    goes_on = following.islower() or following in tuple(",;:.!?")
    return goes_on and end - start <= LONGEST and bool(INSIDE_A_SENTENCE.search(text[max(0, start - SEEN) : start]))

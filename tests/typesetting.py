"""Words broken into lines and drawn: the little of typesetting that the sample paper needs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reportlab.pdfbase.pdfmetrics import stringWidth

SHORTEST_DIVIDED, SHORTEST_PART = 7, 3
ENDINGS = ("tion", "tions", "sion", "sions", "ment", "ments", "ness", "less", "ful", "ture", "tures", "tive", "ence", "ences", "ance", "ity", "able")
STARTS = ("inter", "under", "over", "trans", "con", "com", "dis")
TWINS = re.compile(r"(?<=[aeiou])([bcdgmnprt])(?=\1[aeiou])")
LETTERS = re.compile(r"([^A-Za-z]*)([A-Za-z]+)(.*)")


@dataclass(frozen=True, kw_only=True)
class Type:
    """A font in a size, the distance between its lines, and how lines are set."""

    font: str
    size: float
    leading: float
    indent: float = 0.0  # of the first line; negative: of all others
    justified: bool = True
    centred: bool = False


@dataclass(frozen=True, kw_only=True)
class SetLine:
    """A line ready to be drawn: its words with their x, and the numbers of the notes that are marked in it."""

    words: tuple[tuple[float, str], ...]
    style: Type
    notes: tuple[int, ...] = ()


def set_lines(text: str, style: Type, width: float) -> list[SetLine]:
    """The text in lines of this width; a word that does not fit is divided where English allows it plainly."""
    words, lines = text.split(), []
    while words:
        indent = style.indent if not lines else 0.0
        left = max(indent, 0.0) if style.indent >= 0 else (0.0 if not lines else -style.indent)
        taken, words = _fill(words, style, width - left)
        lines.append(_placed(taken, style, left, width, is_last=not words))
    return lines


def notes_in(word: str) -> list[int]:
    """The numbers of the notes that the word carries, each as a character of its own."""
    return [ord(character) - NOTE for character in word if ord(character) > NOTE]


NOTE = 0xE000  # a note's mark is this character and its number, which no text has


def _width(word: str, style: Type) -> float:
    plain = "".join(character for character in word if ord(character) < NOTE)
    return stringWidth(plain, style.font, style.size) + 0.35 * style.size * len(notes_in(word))


def _fill(words: Sequence[str], style: Type, width: float) -> tuple[list[str], list[str]]:
    space = stringWidth(" ", style.font, style.size)
    taken: list[str] = []
    used = 0.0
    for index, word in enumerate(words):
        needed = _width(word, style) + (space if taken else 0.0)
        if used + needed > width:
            head, tail = _divided(word, width - used - space, style) if style.justified else ("", word)
            rest = [tail, *words[index + 1 :]]
            return ([*taken, head], rest) if head else (taken or [word], rest if taken else list(words[index + 1 :]))
        taken.append(word)
        used += needed
    return taken, []


def _divided(word: str, room: float, style: Type) -> tuple[str, str]:
    """The longest first part of the word that fits with its hyphen, and the rest; nothing and the word where none does."""
    for place in sorted(_places(word), reverse=True):
        head = word[:place] if word[place - 1] == "-" else word[:place] + "-"
        if _width(head, style) <= room:
            return head, word[place:]
    return "", word


def _places(word: str) -> Iterator[int]:
    """Where the word may be divided: at its own hyphens, before some endings, after some beginnings, between doubled letters."""
    yield from (match.end() for match in re.finditer(r"(?<=[A-Za-z]{2})-(?=[A-Za-z]{2})", word))
    match = LETTERS.fullmatch(word)
    if not match or len(match[2]) < SHORTEST_DIVIDED or "-" in word or match[2] != match[2].lower():
        return
    start, letters = len(match[1]), match[2]
    found = [len(letters) - len(ending) for ending in ENDINGS if letters.endswith(ending)]
    found += [len(beginning) for beginning in STARTS if letters.startswith(beginning) and letters[len(beginning)] not in "aeiouyhlr"]
    found += [twins.end() for twins in TWINS.finditer(letters)]
    yield from (start + place for place in found if SHORTEST_PART <= place <= len(letters) - SHORTEST_PART)


def _placed(words: Sequence[str], style: Type, left: float, width: float, *, is_last: bool) -> SetLine:
    space = stringWidth(" ", style.font, style.size)
    natural = sum(_width(word, style) for word in words) + space * (len(words) - 1)
    if style.justified and not is_last and len(words) > 1:
        space += (width - left - natural) / (len(words) - 1)
    x = left + (width - left - natural) / 2 if style.centred else left
    placed = []
    for word in words:
        placed.append((x, word))
        x += _width(word, style) + space
    return SetLine(words=tuple(placed), style=style, notes=tuple(note for word in words for note in notes_in(word)))

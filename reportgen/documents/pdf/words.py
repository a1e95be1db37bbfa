"""Characters put together to words: ligatures expanded, accents set on their letters, soft hyphens taken out."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from reportgen.documents.pdf.glyphs import Glyph, Style

LIGATURES = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
ACCENTS = dict(zip("`´ˆ˜¯˘˙¨˚˝ˇ¸˛^", "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327\u0328\u0302", strict=True))
DOTLESS = {"ı": "i", "ȷ": "j"}
SMALL_GAP, WIDE_GAP, BACK = -0.06, 0.22, 0.4  # of the type's size: a space where the file has one, a space where it has none, another place
SAME_PLACE = 0.05  # of the size: two letters of one ligature have one place
OFF_LINE = 0.12  # of the size: raised or lowered
ASCENT, DESCENT = 0.72, 0.22  # of the size above and below the baseline


class Word(NamedTuple):
    """Characters without white space between them, on one baseline and in one size."""

    text: str
    left: float
    right: float
    base: float
    style: Style
    spaced: bool

    @property
    def top(self) -> float:
        return self.base - ASCENT * self.style.size

    @property
    def bottom(self) -> float:
        return self.base + DESCENT * self.style.size


def words_of(glyphs: Sequence[Glyph]) -> list[Word]:
    """The words of a page, in the order of the file."""
    words, start = [], 0
    for index in range(1, len(glyphs) + 1):
        if index == len(glyphs) or _parts(glyphs[index - 1], glyphs[index]):
            words.append(_word(glyphs[start:index]))
            start = index
    return [word for word in words if word.text]


def is_parted(before: Word, after: Word) -> bool:
    """Whether a space stands between two words next to each other on a line."""
    size = min(before.style.size, after.style.size)
    return after.left - before.right > (SMALL_GAP if after.spaced else WIDE_GAP) * size


def _parts(before: Glyph, after: Glyph) -> bool:
    size = before.style.size
    gap = after.left - before.right
    if abs(after.base - before.base) > OFF_LINE * size or abs(after.style.size - size) > 0.1 * size:
        return not _is_accent_pair(before, after)
    if gap < -BACK * size and after.left < before.left - SAME_PLACE * size:
        return not _is_accent_pair(before, after)
    return gap > (SMALL_GAP if after.spaced else WIDE_GAP) * size


def _word(glyphs: Sequence[Glyph]) -> Word:
    first = glyphs[0]
    text = _with_accents(glyphs)
    right = max(glyphs[-1].right, glyphs[len(glyphs) // 2].right)
    return Word(text, first.left, right, first.base, _usual_style(glyphs), first.spaced)


def _usual_style(glyphs: Sequence[Glyph]) -> Style:
    first, middle = glyphs[0].style, glyphs[len(glyphs) // 2].style
    return first if glyphs[0].text.isalnum() else middle


def _is_accent_pair(one: Glyph, other: Glyph) -> bool:
    """Whether one of two characters is an accent that stands over the other."""
    if one.text in ACCENTS:
        one, other = other, one
    if other.text not in ACCENTS or not one.text.isalpha():
        return False
    middle = (other.left + other.right) / 2
    return one.left <= middle <= one.right and abs(one.base - other.base) < 0.6 * one.style.size


def _with_accents(glyphs: Sequence[Glyph]) -> str:
    text = "".join([glyph.text for glyph in glyphs])
    if text.isascii() and "`" not in text and "^" not in text:
        return text
    if ACCENTS.keys().isdisjoint(text):
        return "".join(map(_plain, text))
    parts: list[str] = []
    waiting: Glyph | None = None
    for index, glyph in enumerate(glyphs):
        if waiting is not None:
            parts.append(_set_on(glyph.text, waiting.text))
            waiting = None
        elif glyph.text in ACCENTS and index + 1 < len(glyphs) and _is_accent_pair(glyph, glyphs[index + 1]):
            waiting = glyph
        elif glyph.text in ACCENTS and parts and _is_accent_pair(glyphs[index - 1], glyph):
            parts[-1] = _set_on(parts[-1], glyph.text)
        else:
            parts.append(_plain(glyph.text))
    return "".join(parts)


def _set_on(letter: str, accent: str) -> str:
    return unicodedata.normalize("NFC", DOTLESS.get(letter, letter) + ACCENTS[accent])


def _plain(character: str) -> str:
    return LIGATURES.get(character, character)


def type_size(words: Iterable[Word]) -> float:
    """The size that most characters of these words have; 0 where there are none."""
    counts: dict[float, int] = {}
    for word in words:
        size = round(word.style.size, 1)
        counts[size] = counts.get(size, 0) + len(word.text)
    return max(sorted(counts), key=counts.get) if counts else 0.0

"""The words of a region put together to lines, with raised and lowered words and large initials on the lines they belong to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from reportgen.documents.pdf.baselines import INITIAL, SMALLER, is_sign, rows_of, with_initials, with_raised, with_stacked
from reportgen.documents.pdf.columns import Region
from reportgen.documents.pdf.words import Word, is_parted, type_size

CELL_GAP = 0.95  # of the size: a wider gap parts the cells of a table
LEAST_SPACE, STRETCHED, FEWEST_SPACES = 0.12, 1.7, 4  # of the size; times the line's usual space; spaces to tell that by
MOST_BOLD, MOST_MONO = 0.8, 0.9
SUPERSCRIPTS = str.maketrans("0123456789+−-()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁽⁾")
RAISED_TEXT = re.compile(r"\d[\d,]*")


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a column: its words from left to right, and where the column has its edges."""

    words: tuple[Word, ...]
    page: int
    column: int
    edges: tuple[float, float]

    @cached_property
    def left(self) -> float:
        return min(word.left for word in self.words)

    @cached_property
    def right(self) -> float:
        return max(word.right for word in self.words)

    @cached_property
    def size(self) -> float:
        return type_size(self.words)

    @cached_property
    def base(self) -> float:
        """The y of the baseline that most of its characters stand on."""
        return next(word.base for word in sorted(self.words, key=lambda word: -len(word.text)) if abs(word.style.size - self.size) < 0.11)

    @cached_property
    def text(self) -> str:
        return join_words(self.words)

    @cached_property
    def cells(self) -> tuple[tuple[Word, ...], ...]:
        """Its words, parted where a gap is too wide for a space; in a line whose spaces are all stretched to fill it, none is."""
        gaps = [(b.left - a.right) / min(a.style.size, b.style.size) for a, b in pairwise(self.words)]
        spaces = sorted(gap for gap in gaps if gap > LEAST_SPACE)
        widest = max(CELL_GAP, STRETCHED * spaces[len(spaces) // 4]) if len(spaces) >= FEWEST_SPACES else CELL_GAP
        borders = [i + 1 for i, gap in enumerate(gaps) if gap > widest]
        return tuple(self.words[start:end] for start, end in pairwise([0, *borders, len(self.words)]))

    @cached_property
    def bold(self) -> bool:
        return self._share("bold") >= MOST_BOLD

    @cached_property
    def italic(self) -> bool:
        return self._share("italic") >= MOST_BOLD

    @cached_property
    def mono(self) -> bool:
        return self._share("mono") >= MOST_MONO

    @cached_property
    def math(self) -> float:
        """The share of its characters that are set in a font for mathematics, or are signs of it."""
        return max(self._share("math"), sum(map(is_sign, self.text)) / max(1, len(self.text)))

    def _share(self, cut: str) -> float:
        letters = sum(len(word.text) for word in self.words)
        return sum(len(word.text) for word in self.words if getattr(word.style, cut)) / max(1, letters)


def lines_of(region: Region, *, page: int, column: int) -> list[Line]:
    """The lines of a region from the top to the bottom."""
    rows = with_raised(rows_of(region.words))
    rows = with_stacked(with_initials(rows, type_size(region.words)))
    edges = region.left, _right_edge(rows, region.right)
    lines = [Line(words=tuple(row), page=page, column=column, edges=edges) for row in rows]
    return sorted(lines, key=lambda line: line.base)


def _right_edge(rows: Sequence[Sequence[Word]], outermost: float) -> float:
    """The right edge of the column: where two lines or more end, which leaves out a single one that is too long."""
    rights = sorted((max(word.right for word in row) for row in rows), reverse=True)
    size = type_size([word for row in rows for word in row])
    for right, following in pairwise(rights[:FEWEST_SPACES]):
        if right - following < 0.5 * size:
            return right if rights[0] - right > 0 else outermost
    return outermost


def join_words(words: Sequence[Word]) -> str:
    """The words as text, with a space where there is one; raised figures become superscripts."""
    parts = []
    for index, word in enumerate(words):
        before = words[index - 1] if index else None
        if before is not None and is_parted(before, word) and not _is_initial_of(before, word):
            parts.append(" ")
        parts.append(_raised(before, word, words[index + 1] if index + 1 < len(words) else None))
    return "".join(parts)


def _is_initial_of(before: Word, word: Word) -> bool:
    """Whether a large letter is the first of this word; A and I are words of their own, unless what follows is in capitals."""
    large = len(before.text) == 1 and before.style.size > INITIAL * word.style.size
    return large and word.left - before.right < word.style.size and (before.text not in "AI" or word.text.isupper())


def _raised(before: Word | None, word: Word, after: Word | None) -> str:
    """The text of the word, in superscript figures where it stands raised beside larger type."""
    if not RAISED_TEXT.fullmatch(word.text):
        return word.text
    neighbours = [other for other in (before, after) if other is not None and other.style.size * SMALLER > word.style.size]
    if any(other.base - word.base > 0.2 * other.style.size for other in neighbours):
        return word.text.translate(SUPERSCRIPTS)
    return word.text

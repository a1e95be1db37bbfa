"""What stands around the text of every page and is no part of it: running heads and feet, page numbers, the line numbers of review copies."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from reportgen.documents.pdf.words import Word, is_parted, type_size

OUTERMOST = 5  # rows at the head and at the foot of a page that may be none of its text
SAME_PLACE = 3.0  # points
ROMAN = re.compile(r"[ivxlc]{1,7}|[IVXLC]{1,7}")
ROMAN_VALUES = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}
FEWEST_COUNTED = 0.3  # of the pages: fewer heads with a number that fits may be headings
LONE_NUMBER = re.compile(r"(?:page\s*)?[-–—\[(.]*\s*(?:\d{1,4}|[ivxlc]{1,6})\s*[-–—\])./]*(?:\s*(?:of|/)\s*\d{1,4})?", re.I)
FEWEST_NUMBERS, FEWEST_FIFTHS = 12, 4  # line numbers on a page, where each line has one and where each fifth has


@dataclass(frozen=True, kw_only=True)
class _Row:
    """The words on one baseline of a page, across all of its columns."""

    page: int
    words: tuple[Word, ...]
    side: str  # "head" or "foot"
    gap: float  # to the text beside it, in sizes

    @property
    def base(self) -> float:
        return self.words[0].base

    @property
    def text(self) -> str:
        ordered = sorted(self.words, key=lambda word: word.left)
        return "".join((" " if i and is_parted(ordered[i - 1], word) else "") + word.text for i, word in enumerate(ordered))


def running_words(pages: Sequence[Sequence[Word]]) -> list[set[Word]]:
    """For each page, the words of its running head, its running foot and its page number.

    A row at the head or the foot belongs to them where another page has the same text at the same height, digits aside,
    or where it holds a number that counts the pages; on a document of one or two pages, where it is a number alone.
    """
    rows = [row for number, words in enumerate(pages) for row in _outer_rows(words, number)]
    dropped: list[set[Word]] = [set() for _ in pages]
    for row in _running(rows, len(pages)):
        dropped[row.page].update(row.words)
    return dropped


def line_numbers(pages: Sequence[Sequence[Word]]) -> list[set[Word]]:
    """For each page, the words that number its lines in a margin.

    Where a good part of the pages has them, a page with too few lines to tell by itself has them at the same places.
    """
    found = [_numbering(words) for words in pages]
    filled = sum(1 for words in pages if len(words) > 40)
    if sum(map(bool, found)) < max(1, FEWEST_COUNTED * filled):
        return [set() for _ in pages]
    places = {(edge, round(getattr(word, edge))) for words in found for word in words for edge in ("left", "right")}
    return [numbers or _at_places(words, places) for numbers, words in zip(found, pages, strict=True)]


def _at_places(words: Sequence[Word], places: set[tuple[str, int]]) -> set[Word]:
    """The numbers in the margin at these places, if they go up from the top to the bottom."""
    others = [word for word in words if not _is_number(word)]
    left, right = _text_edges(others) if others else (0.0, 0.0)
    numbers = [word for word in words if _is_number(word) and (word.right <= left + 1 or word.left >= right - 1)]
    placed = [word for word in numbers if any((edge, round(getattr(word, edge))) in places for edge in ("left", "right"))]
    values = [int(word.text) for word in sorted(placed, key=lambda word: word.base)]
    return set(placed) if all(a < b for a, b in pairwise(values)) else set()


def _is_number(word: Word) -> bool:
    return word.text.isascii() and word.text.isdigit() and len(word.text) <= 5


def _outer_rows(words: Sequence[Word], page: int) -> Iterable[_Row]:
    rows = _rows(words)
    size = type_size(words) or 1.0
    gaps = [(low[0].base - high[0].base) / size for high, low in pairwise(rows)]
    for index, row in enumerate(rows[:OUTERMOST]):
        yield _Row(page=page, words=tuple(row), side="head", gap=max(gaps[index : index + 1], default=99.0))
    for index in range(max(0, len(rows) - OUTERMOST), len(rows)):
        yield _Row(page=page, words=tuple(rows[index]), side="foot", gap=gaps[index - 1] if index else 99.0)


def _rows(words: Sequence[Word]) -> list[list[Word]]:
    rows: list[list[Word]] = []
    for word in sorted(words, key=lambda word: word.base):
        if rows and word.base - rows[-1][0].base < 0.35 * word.style.size:
            rows[-1].append(word)
        else:
            rows.append([word])
    return rows


def _running(rows: Sequence[_Row], pages: int) -> list[_Row]:
    repeated = _repeated(rows)
    counting = _counting(rows, pages)
    alone = [row for row in rows if pages <= 2 and row.gap > 1.5 and LONE_NUMBER.fullmatch(row.text) and any(map(str.isdigit, row.text))]
    return _outside_in(rows, {id(row) for row in [*repeated, *counting, *alone]})


def _outside_in(rows: Sequence[_Row], chosen: set[int]) -> list[_Row]:
    """Those chosen that have nothing but others chosen between them and the page's edge."""
    kept = []
    for page in sorted({row.page for row in rows}):
        for side in ("head", "foot"):
            own = sorted((row for row in rows if row.page == page and row.side == side), key=lambda row: row.base, reverse=side == "foot")
            for row in own:
                if id(row) not in chosen:
                    break
                kept.append(row)
    return kept


def _repeated(rows: Sequence[_Row]) -> list[_Row]:
    """The rows that another page has at the same height with the same text, digits aside."""
    by_text: dict[tuple[str, str], list[_Row]] = defaultdict(list)
    for row in rows:
        by_text[row.side, re.sub(r"\d+", "#", row.text)].append(row)
    return [row for group in by_text.values() for row in group if _letters(row) and len(_elsewhere(row, group)) >= 1]


def _letters(row: _Row) -> int:
    return sum(map(str.isalpha, row.text))


def _elsewhere(row: _Row, group: Iterable[_Row]) -> set[int]:
    """The other pages that have a row of the group at this row's height."""
    return {other.page for other in group if other.page != row.page and other.side == row.side and abs(other.base - row.base) < SAME_PLACE}


def _counting(rows: Sequence[_Row], pages: int) -> list[_Row]:
    """The rows with a number first or last that is the page's own, counted from one and the same start."""
    by_start: dict[tuple[int, bool], list[_Row]] = defaultdict(list)
    for row in rows:
        for number, is_roman in _end_numbers(row):
            by_start[number - row.page, is_roman].append(row)
    found = []
    for group in by_start.values():
        needed = max(2, min(pages, max(3, FEWEST_COUNTED * pages)))
        in_place = [row for row in group if len(_elsewhere(row, group)) >= needed - 1]
        lone = [row for row in group if LONE_NUMBER.fullmatch(row.text)]
        found += in_place + (lone if len({row.page for row in [*in_place, *lone]}) >= 2 else [])
    return found


def _end_numbers(row: _Row) -> set[tuple[int, bool]]:
    """The numbers that the row starts or ends with: value, and whether in Roman figures."""
    tokens = re.sub(r"[^\w]+", " ", row.text).split()
    found = set()
    for token in {*tokens[:1], *tokens[-1:], *(tokens[1:2] if tokens[:1] in (["Page"], ["page"]) else ())}:
        if token.isascii() and token.isdigit() and len(token) <= 5:
            found.add((int(token), False))
        elif ROMAN.fullmatch(token):
            found.add((_roman(token), True))
    return found


def _roman(figures: str) -> int:
    values = [ROMAN_VALUES[figure] for figure in figures.lower()]
    return sum(-value if value < later else value for value, later in zip(values, [*values[1:], 0], strict=True))


def _numbering(words: Sequence[Word]) -> set[Word]:
    """The words of the page that are its line numbers."""
    numbers = [word for word in words if _is_number(word)]
    if len(numbers) < FEWEST_FIFTHS:
        return set()
    others = [word for word in words if not _is_number(word)]
    if not others:
        return set()
    edges = _text_edges(others)
    return {word for column in _aligned(numbers) if _counts_lines(column, others, edges) for word in column}


def _text_edges(words: Sequence[Word]) -> tuple[float, float]:
    lefts, rights = sorted(word.left for word in words), sorted(word.right for word in words)
    cut = len(words) // 50
    return lefts[cut], rights[-1 - cut]


def _aligned(numbers: Sequence[Word]) -> list[list[Word]]:
    """The numbers in columns: those with one right edge, or one left edge, from the top."""
    columns = []
    for edge in ("right", "left"):
        places: Counter[int] = Counter(round(getattr(word, edge)) for word in numbers)
        for place, _ in places.most_common(3):
            columns.append(sorted((word for word in numbers if abs(getattr(word, edge) - place) < 1.6), key=lambda word: word.base))
    return columns


def _counts_lines(column: Sequence[Word], others: Sequence[Word], edges: tuple[float, float]) -> bool:
    """Whether these numbers go up by one or by five all the way down, in a margin, past most of the page's text."""
    values = [int(word.text) for word in column]
    steps = [b - a for a, b in pairwise(values)]
    if not steps or (step := int(median(steps))) not in (1, 2, 5, 10):
        return False
    regular = sum(one == step for one in steps) >= 0.9 * len(steps)
    enough = len(column) >= (FEWEST_NUMBERS if step == 1 else FEWEST_FIFTHS)
    height = max(word.base for word in others) - min(word.base for word in others)
    tall = column[-1].base - column[0].base > 0.6 * height
    in_margin = median(word.right for word in column) <= edges[0] + 1 or median(word.left for word in column) >= edges[1] - 1
    return regular and enough and tall and in_margin

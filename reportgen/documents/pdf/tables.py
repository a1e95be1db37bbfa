"""Tables: lines that are parted into cells whose edges stand under each other. And code: lines in type of one width."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reportgen.documents.lists import starts_item
from reportgen.documents.pdf.captions import CAPTION
from reportgen.documents.pdf.lines import Line, join_words
from reportgen.documents.tables import table_row

ALIGNED = 0.6  # of the size
MOST = 0.5  # of the cells of a row have to stand under those of another
FEWEST_ROWS, SURE_ROWS = 2, 3  # fewer than the second number have to stand under each other cell by cell
MOST_BETWEEN = 2  # lines of one cell inside a table: a heading over some rows, the rest of a long cell
DISPLAY_GAP = 1.45  # sizes: a line of code farther below the text stands for itself
ROW_GAP = 3.2  # sizes: rows farther apart are not one table
EQUATION_NUMBER = re.compile(r"\(\w{0,3}\.?\d+(?:\.\d+)*[a-z]?\)|\[\d+\]")
MARKER = re.compile(r"(?:[-–—*•‣◦▪·∙◆■○●►✓]|\(?[\dA-Za-z]{1,3}[.)]|[A-Z](?:\.\d+)*|[IVX]{1,5}|\[\w{1,12}\]|\d+(?:\.\d+)*\.?|[¹²³⁴⁵⁶⁷⁸⁹⁰]+)")
BULLET = re.compile(r"[•‣◦▪■●]")
LEADERS = re.compile(r"\s*(?:(?:\s?\.){5,}|…{2,}|(?:\s?·){5,})\s*(?=\S{1,8}$)")


def kinds_of(lines: Sequence[Line]) -> list[str]:
    """For each line of a region "table", "code" or "text"."""
    kinds = ["code" if line.mono and not BULLET.match(line.text) else "text" for line in lines]
    rows = [kind == "text" and is_row(line) for kind, line in zip(kinds, lines, strict=True)]
    for start, end in _runs(lines, rows):
        kinds[start:end] = ["table"] * (end - start)
    return _without_lone_code(lines, kinds)


def is_row(line: Line) -> bool:
    """Whether the line may be a row of a table: two cells or more, and none of them a marker or the number of an equation."""
    cells = line.cells
    if len(cells) < 2 or has_leaders(line.text):
        return False
    if EQUATION_NUMBER.fullmatch(join_words(cells[-1])) and (line.math > 0.1 or len(cells) == 2):
        return False
    if MARKER.fullmatch(join_words(cells[0])) and len(cells) == 2:
        return False
    return not (starts_item(line.text) and len(cells) == 2)


def has_leaders(text: str) -> bool:
    """Whether the text ends in a row of dots and what they lead to, as in a table of contents."""
    closed = text.replace(" ", "")
    return any(dots in closed for dots in ("." * 5, "……", "·" * 5)) and LEADERS.search(text) is not None


def row_text(line: Line) -> str:
    """The cells of a row with " | " between them."""
    return table_row(map(join_words, line.cells))


def code_text(lines: Sequence[Line]) -> str:
    """Lines of code with the white space they start with, counted in characters of their type, and an empty line where one was left free."""
    width = _character_width(lines)
    left = min(line.left for line in lines)
    return "\n".join(" " * round((line.left - left) / width) + _spaced(line, width) for line in lines)


def _spaced(line: Line, width: float) -> str:
    """The line's words with as many spaces between them as their type leaves room for."""
    parts = [line.words[0].text]
    for before, word in zip(line.words, line.words[1:], strict=False):
        parts.append(" " * max(0, round((word.left - before.right) / width)) + word.text)
    return "".join(parts)


def _character_width(lines: Sequence[Line]) -> float:
    widths = sorted((word.right - word.left) / len(word.text) for line in lines for word in line.words)
    return max(0.1, widths[len(widths) // 2])


def _without_lone_code(lines: Sequence[Line], kinds: list[str]) -> list[str]:
    """The kinds, a single line of code between lines of text taken as text: a name that happens to fill a line."""
    return ["text" if kind == "code" and _is_lone(lines, kinds, i) else kind for i, kind in enumerate(kinds)]


def _is_lone(lines: Sequence[Line], kinds: Sequence[str], index: int) -> bool:
    """Whether the line stands between lines of text, and the one above it has no room for its first word."""
    if index == 0 or "code" in (kinds[index - 1], *kinds[index + 1 : index + 2]):
        return False
    above, line = lines[index - 1], lines[index]
    if line.base - above.base > DISPLAY_GAP * line.size:
        return False
    room = above.edges[1] - above.right
    return room < line.words[0].right - line.words[0].left + line.size and line.left - above.left < line.size


def _runs(lines: Sequence[Line], rows: Sequence[bool]) -> list[tuple[int, int]]:
    """The stretches of lines that are tables, as (start, end)."""
    found, start = [], 0
    while start < len(lines):
        if not rows[start]:
            start += 1
            continue
        end = _end_of(lines, rows, start)
        if sum(rows[start:end]) >= FEWEST_ROWS and _is_aligned(lines, rows, start, end):
            found.append((start, end))
            start = end
        else:
            start += 1
    return found


def _end_of(lines: Sequence[Line], rows: Sequence[bool], start: int) -> int:
    """The end of the rows that follow on this one, those of one cell included where rows follow on them."""
    end = start + 1
    index = end
    while index < len(lines) and index - end <= MOST_BETWEEN:
        line, before = lines[index], lines[index - 1]
        if line.base - before.base > ROW_GAP * before.size or _fills(line) or CAPTION.match(line.text):
            break
        if rows[index]:
            end = index + 1
        index += 1
    return end


def _fills(line: Line) -> bool:
    """Whether this is a line of prose from one edge of the column to the other."""
    return len(line.cells) == 1 and line.right - line.left > 0.8 * (line.edges[1] - line.edges[0])


def _is_aligned(lines: Sequence[Line], rows: Sequence[bool], start: int, end: int) -> bool:
    table = [line for line, row in zip(lines[start:end], rows[start:end], strict=True) if row]
    if len(table) < SURE_ROWS:
        return len({len(line.cells) for line in table}) == 1 and _share_aligned(table[0], table[-1]) == 1 and all(len(line.words) <= 12 for line in table)
    shares = [max(_share_aligned(line, other) for other in table if other is not line) for line in table]
    return sum(share >= MOST for share in shares) >= 0.6 * len(shares)


def _share_aligned(line: Line, other: Line) -> float:
    """The share of this row's cells that start, end or have their middle where one of the other's does."""
    near = ALIGNED * line.size
    places = [_places(cell) for cell in other.cells]
    hits = [any(abs(a - b) < near for place in places for a, b in zip(_places(cell), place, strict=True)) for cell in line.cells]
    return sum(hits) / len(hits)


def _places(cell) -> tuple[float, float, float]:
    left, right = cell[0].left, cell[-1].right
    return left, right, (left + right) / 2

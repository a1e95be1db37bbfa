"""Footnotes: the lines in smaller type at the foot of a column, from the first one that starts with a note's mark."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reportgen.documents.pdf.captions import CAPTION
from reportgen.documents.pdf.lines import Line
from reportgen.documents.pdf.paragraphs import Draft
from reportgen.documents.pdf.tables import is_row
from reportgen.documents.pdf.usual import Usual

SMALLER = 0.93  # of the usual size
LOWER = 0.35  # of the page's height from the top: notes do not start above
NOTE_GAP = 1.25  # of the usual distance: what parts two notes
FIRST_PAGE_GAP = 1.25  # of the usual distance: what parts a note without a mark from the text on a first page
MARK = re.compile(r"[*∗†‡§¶⋆♯#]{1,3}(?=\s?\S)|[⁰¹²³⁴⁵⁶⁷⁸⁹]+(?=\s?\S)|\d{1,2}\.?(?=\s?[A-ZÀ-Ý“\"(])")


def part_footnotes(lines: Sequence[Line], usual: Usual, *, height: float) -> tuple[list[Line], list[Draft]]:
    """The lines of a region without its footnotes, and the footnotes."""
    start = _start(lines, usual, height)
    notes, found = lines[start:], []
    for line in notes:
        if not found or MARK.match(line.text) or line.base - found[-1][-1].base > NOTE_GAP * usual.leading(line.size):
            found.append([])
        found[-1].append(line)
    return list(lines[:start]), [Draft(kind="footnote", lines=tuple(note)) for note in found]


def _start(lines: Sequence[Line], usual: Usual, height: float) -> int:
    """The index of the first line of the footnotes; the number of lines where there are none."""
    tail = len(lines)
    while tail > 0 and _may_be_note(lines[tail - 1], usual, height):
        tail -= 1
    marked = next((i for i in range(tail, len(lines)) if MARK.match(lines[i].text) and not is_row(lines[i])), None)
    if marked is not None:
        return marked
    if tail == len(lines) or tail == 0 or lines[tail].page > 0:
        return len(lines)
    above, first = lines[tail - 1], lines[tail]
    gap = first.base - above.base > FIRST_PAGE_GAP * usual.leading(usual.size)
    is_plain = not CAPTION.match(first.text) and not any(map(is_row, lines[tail:]))
    return tail if gap and is_plain and above.size > SMALLER * usual.size else len(lines)


def _may_be_note(line: Line, usual: Usual, height: float) -> bool:
    return line.size <= SMALLER * usual.size and line.base > LOWER * height and not CAPTION.match(line.text) and not line.mono

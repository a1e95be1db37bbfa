"""Line breaks in plain text: which ones only filled a page, and which ones mean something.

A group of lines is taken as hard-wrapped prose where its lines are filled: had the first word of the next line
fitted, it would have been on this one. Verse is told by its capitals: nearly every line starts with one. Lines so long
that no one wrapped them are a paragraph each. Whatever is none of these keeps its line breaks, which do no harm.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median

NARROWEST_PROSE = 30  # characters; shorter lines than these are broken on purpose
NARROW_VERSE = 60
LONGEST_WRAPPED = 150
FULL = 0.85  # of the width: people and programs that wrap are not exact
MOST = 0.75  # of the lines

CELL_BORDER = re.compile(r"\t+| *\| *|(?<![.?!:;\"”’)]) {2,}|(?<=[.?!:;\"”’)]) {3,}")
BROKEN_WORD = re.compile(r"(?<=[^\W\d_]-)\n(?=[^\W\d_])")
ORNAMENT = re.compile(r"[\s*=_~#+|•·◦⁂❦❧—–:-]+")


def paragraphs(lines: Sequence[str], usual_width: int | None = None) -> list[str]:
    """The paragraphs in these lines: hard-wrapped lines joined, lines that mean something kept apart."""
    lines = [line.strip() for line in lines]
    if is_hard_wrapped(lines, usual_width):
        return [join(lines)]
    if max(map(len, lines)) > LONGEST_WRAPPED:
        return lines
    return ["\n".join(lines)]


def join(lines: Iterable[str]) -> str:
    """One line; where a word was broken after its hyphen it is closed up, and the hyphen stays."""
    return BROKEN_WORD.sub("", "\n".join(lines)).replace("\n", " ")


def is_hard_wrapped(lines: Sequence[str], usual_width: int | None = None) -> bool:
    """Whether these lines are prose that was cut to a page's width."""
    if len(lines) < 2 or _is_verse(lines):
        return False
    widest = max(map(len, lines))
    if not NARROWEST_PROSE <= widest <= LONGEST_WRAPPED:
        return False
    if len(lines) == 2 and (usual_width is None or lines[1][:1].islower()):
        return len(lines[0]) >= NARROWEST_PROSE and lines[1][:1].islower()
    return _share_filled(lines, max(widest, usual_width or 0)) >= MOST


def usual_width(groups: Iterable[Sequence[str]]) -> int | None:
    """The width that the document's longer groups are wrapped at; None where nothing is."""
    wrapped = (group for group in groups if len(group) > 2 and is_hard_wrapped(group))
    widths = [max(map(len, group)) for group in wrapped]
    return int(median(widths)) if widths else None


def is_table(lines: Sequence[str]) -> bool:
    """Whether the lines stand in columns: all the same number of cells, two or more."""
    rows = [line.strip() for line in lines if not ORNAMENT.fullmatch(line)]
    counts = {len(CELL_BORDER.split(row.strip("|"))) for row in rows}
    return len(rows) > 1 and len(counts) == 1 and counts.pop() > 1


def _share_filled(lines: Sequence[str], width: int) -> float:
    reaches = (len(line) + 1 + len(next_line.split()[0]) for line, next_line in pairwise(lines))
    filled = [reach >= FULL * width for reach in reaches]
    return sum(filled) / len(filled)


def _is_verse(lines: Sequence[str]) -> bool:
    firsts = [re.search(r"[^\W_]", line) for line in lines]
    capitals = sum(first is not None and first[0].isupper() for first in firsts)
    few = len(lines) < 4
    return capitals == len(lines) and max(map(len, lines)) < NARROW_VERSE if few else capitals >= 0.9 * len(lines)

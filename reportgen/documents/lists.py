"""List items in plain text: lines that start with a bullet, a number or a letter."""

import re
from collections.abc import Sequence
from itertools import pairwise

BULLET = re.compile(r"[-*•‣◦▪·–]\s+(?=\S)")
ENUMERATOR = re.compile(r"(?:\((?:\d{1,3}|[A-Za-z]|[ivx]{2,5})\)|(?:\d{1,3}|[a-z]|[ivx]{2,5})[.)]|[A-Z]\))(?:\s+(?=\S)|$)")


def is_bullet(line: str) -> bool:
    """Whether the line starts with a bullet and has something after it."""
    return BULLET.match(line) is not None


def is_enumerated(line: str) -> bool:
    """Whether the line starts with a number or a letter as lists have them: "1.", "(a)", "iv)"."""
    return ENUMERATOR.match(line) is not None


def is_lone_marker(line: str) -> bool:
    """Whether the line is an enumerator and nothing else."""
    match = ENUMERATOR.match(line)
    return match is not None and match.end() == len(line)


def starts_item(line: str) -> bool:
    """Whether a list item may start here."""
    return is_bullet(line) or is_enumerated(line)


def cut_items(lines: Sequence[str]) -> list[list[str]]:
    """The lines cut before each list item; the first part is no item where a list comes after other lines.

    One such line inside a paragraph is taken as chance ("in chapter / 12. The next"), two as a list.
    """
    starts = [index for index, line in enumerate(lines) if starts_item(line)]
    if not starts or (starts[0] > 0 and len(starts) < 2):
        return [list(lines)]
    borders = sorted({0, *starts, len(lines)})
    return [list(lines[start:end]) for start, end in pairwise(borders)]

"""Where in lines that are set alike a new paragraph or list item starts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from reportgen.documents.pdf.lines import Line
from reportgen.documents.pdf.tables import has_leaders

INDENT, WIDEST_INDENT = 0.7, 6.0  # sizes
SLACK = 1.0  # size: what a line may leave free though the next word had fitted
SAME_SIZE, SAME_LEFT = 0.05, 0.15
BULLET = re.compile(r"[-–—*•‣◦▪·∙◆■○●►✓⋄]\s+(?=\S)|[•‣◦▪●■◆►](?=\S)")
ENUMERATOR = re.compile(r"(?:\((?:\d{1,3}|[A-Za-z]|[ivx]{2,5})\)|(?:\d{1,3}|[a-z]|[ivx]{2,5})[.)]|[A-Z]\))\s+(?=\S)")
LABEL = re.compile(r"\[[\w+.:’'-]{1,14}\]\s+(?=\S)")
SECTION = re.compile(r"(?:\d{1,2}(?:\.\d{1,2})*|[A-Z](?:\.\d{1,2})*)\.?\s+[^\W\d_]")
SENTENCE_END = re.compile(r"[.!?:;]['\"”’)\]»]*[⁰¹²³⁴⁵⁶⁷⁸⁹*†‡]*$")


def ends_early(line: Line, following: Line) -> bool:
    """Whether the first word of the following line had fitted on this line."""
    first = following.cells[0][0]
    return line.edges[1] - line.right > first.right - first.left + SLACK * line.size


def ends_sentence(text: str) -> bool:
    """Whether the text ends with a mark that may end a sentence, closing marks and note marks aside."""
    return SENTENCE_END.search(text) is not None


def starts_item(text: str) -> bool:
    """Whether the text starts with a bullet, a number or a label in brackets."""
    return any(pattern.match(text) for pattern in (BULLET, ENUMERATOR, LABEL))


def block_starts(stack: Sequence[Line]) -> set[int]:
    """The indices of the lines, after the first, that start a paragraph or a list item."""
    items = {index for index in range(len(stack)) if _starts_item_here(stack, index)}
    ends = {_end_of_item(stack, index, items) for index in items}
    starts = items | ends | _leader_starts(stack) | _section_starts(stack)
    for start, end in pairwise(sorted({0, *starts, len(stack)})):
        if start not in items:
            part = stack[start:end]
            starts |= {start + index for index in _indent_starts(part, stack) | _early_starts(part)}
    return starts - {0, len(stack)}


def _end_of_item(stack: Sequence[Line], start: int, items: set[int]) -> int:
    """The index after the last line of the item: where another item starts, lines stand elsewhere, or the text fills its lines no more."""
    hang = stack[start + 1].left if start + 1 < len(stack) else stack[start].left
    for index in range(start + 1, len(stack)):
        line, above = stack[index], stack[index - 1]
        over = ends_sentence(above.text) and ends_early(above, line)
        if index in items or over or (index > start + 1 and abs(line.left - hang) > SAME_LEFT * line.size):
            return index
    return len(stack)


def _section_starts(stack: Sequence[Line]) -> set[int]:
    """Headings one right below the other: the second with a number of its own, or one in the middle and one at the edge."""
    return {
        i
        for i in range(1, len(stack))
        if stack[i].bold and ends_early(*stack[i - 1 : i + 1]) and (SECTION.match(stack[i].text) or _differ(*stack[i - 1 : i + 1]))
    }


def _differ(above: Line, line: Line) -> bool:
    """Whether one of the lines stands in the middle of the column and the other at its left edge."""
    lefts = sorted(one.left - one.edges[0] for one in (above, line))
    return lefts[0] < 0.5 * line.size and lefts[1] > 3 * line.size and abs(above.left + above.right - line.left - line.right) > 4 * line.size


def _leader_starts(stack: Sequence[Line]) -> set[int]:
    """After each line of a table of contents, with its dots, another starts."""
    return {index + 1 for index, line in enumerate(stack[:-1]) if has_leaders(line.text)}


def _starts_item_here(stack: Sequence[Line], index: int) -> bool:
    """Whether a list item starts here: always with a bullet; with a number where the lines below or the items above show a list."""
    line, above = stack[index], stack[index - 1]
    if index == 0:
        return starts_item(line.text)
    if BULLET.match(line.text):
        return not line.text.startswith(("-", "–", "—")) or abs(line.left - stack[0].left) < 0.3 * line.size or line.left != above.left
    pattern = next((pattern for pattern in (ENUMERATOR, LABEL) if pattern.match(line.text)), None)
    if pattern is None:
        return False
    hangs = index + 1 < len(stack) and stack[index + 1].left - line.left > INDENT * line.size
    in_list = any(pattern.match(other.text) and abs(_text_left(other) - _text_left(line)) < 1.2 * line.size for other in stack[:index])
    set_in = line.left - above.left > INDENT * line.size and ends_sentence(above.text)
    out = above.left - line.left > INDENT * line.size
    return hangs or (in_list and (out or ends_early(above, line) or ends_sentence(above.text))) or set_in or (in_list and line.left < above.left)


def _text_left(line: Line) -> float:
    """Where the text after a marker starts: markers of several figures stand to the left of it."""
    return line.words[1].left if len(line.words) > 1 else line.left


def _indent_starts(stack: Sequence[Line], whole: Sequence[Line]) -> set[int]:
    """Paragraphs whose first line is set in, or whose other lines are: whichever has line ends before them that fit better."""
    left = min(line.left for line in (whole if len(stack) < len(whole) else stack))
    inset = [INDENT * line.size < line.left - left < WIDEST_INDENT * line.size for line in stack]
    if not any(inset[1:]) or all(inset):
        return set()
    first_in = {i for i in range(1, len(stack)) if inset[i] and not inset[i - 1]} | _after_single(stack, inset)
    first_out = {i for i in range(1, len(stack)) if not inset[i] and (inset[i - 1] or inset[i + 1 : i + 2] == [True])}
    if inset[0] and not inset[1]:
        return first_in
    if not inset[0] and inset[1:2] == [True] and _fit(stack, first_out) >= _fit(stack, first_in):
        return first_out
    return first_in if _fit(stack, first_in) >= min(0.5, _fit(stack, first_out)) else first_out


def _after_single(stack: Sequence[Line], inset: Sequence[bool]) -> set[int]:
    """Lines set in right after another one set in: each a paragraph where the one above is a line long."""
    return {i for i in range(1, len(stack)) if inset[i] and inset[i - 1] and ends_early(stack[i - 1], stack[i]) and ends_sentence(stack[i - 1].text)}


def _fit(stack: Sequence[Line], starts: set[int]) -> float:
    """The share of the starts before which a line ends early or a sentence ends."""
    if not starts:
        return 0.0
    good = [ends_sentence(stack[i - 1].text) + ends_early(stack[i - 1], stack[i]) for i in starts]
    return sum(good) / (2 * len(good))


def _early_starts(stack: Sequence[Line]) -> set[int]:
    """Lines after one that ends a sentence and leaves more room than their first word needs, in text that otherwise fills its lines."""
    early = {i for i in range(1, len(stack)) if ends_early(stack[i - 1], stack[i])}
    if len(early) > 0.5 * max(1, len(stack) - 1) and len(stack) > 3:
        return set()
    return {i for i in early if ends_sentence(stack[i - 1].text) and not stack[i].text[:1].islower()}

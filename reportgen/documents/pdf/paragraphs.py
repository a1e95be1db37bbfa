"""Lines of a column put together to paragraphs, list items, captions, tables and code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from reportgen.documents.pdf.captions import CAPTION, is_caption
from reportgen.documents.pdf.lines import Line
from reportgen.documents.pdf.starts import INDENT, SAME_SIZE, WIDEST_INDENT, block_starts, ends_early, starts_item
from reportgen.documents.pdf.tables import has_leaders, kinds_of
from reportgen.documents.pdf.usual import Usual

APART = 1.3  # of the usual distance between lines


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A block before it is known what stands before and after it: its lines, and whether its first line is set in."""

    kind: str
    lines: tuple[Line, ...]
    indented: bool = False
    level: int = 0
    broken: bool = False  # whether its line breaks mean something
    apart: bool = False  # whether more space than usual stands above it

    @property
    def first(self) -> Line:
        return self.lines[0]

    @property
    def last(self) -> Line:
        return self.lines[-1]

    @property
    def size(self) -> float:
        return self.lines[0].size


def drafts_of(lines: Sequence[Line], usual: Usual) -> list[Draft]:
    """The blocks of a region from its lines."""
    kinds = kinds_of(lines)
    drafts = []
    for start, end in _stacks(lines, kinds, usual):
        stack = _to_own_edge(lines[start:end])
        apart = start == 0 or stack[0].base - lines[start - 1].base > APART * usual.leading(stack[0].size)
        drafts += _cut(stack, kinds[start], usual, apart)
    return drafts


def _to_own_edge(stack: Sequence[Line]) -> tuple[Line, ...]:
    """The lines with the right edge that they run to, where they are set in from both sides of their column."""
    left, right = min(line.left for line in stack), max(line.right for line in stack)
    (outer_left, outer_right), size = stack[0].edges, stack[0].size
    own = right if sum(right - line.right < 0.5 * size for line in stack) >= 2 else max(right, outer_right - (left - outer_left))
    if len(stack) < 2 or left - outer_left < size or own > outer_right - 0.5 * size:
        return tuple(stack)
    return tuple(replace(line, edges=(line.edges[0], own)) for line in stack)


def same_size(one: Line, other: Line) -> bool:
    """Whether two lines are set in one size, lines that mix sizes included."""
    if abs(one.size - other.size) <= SAME_SIZE * max(one.size, other.size):
        return True
    return _share_of(one.size, other) > 0.25 or _share_of(other.size, one) > 0.25


def _share_of(size: float, line: Line) -> float:
    letters = sum(len(word.text) for word in line.words)
    return sum(len(word.text) for word in line.words if abs(word.style.size - size) <= SAME_SIZE * size) / max(1, letters)


def _stacks(lines: Sequence[Line], kinds: Sequence[str], usual: Usual) -> Iterator[tuple[int, int]]:
    """The stretches of lines that are set alike without a gap between them."""
    start = 0
    for index in range(1, len(lines) + 1):
        if index == len(lines) or _starts_stack(lines, kinds, index, usual):
            if start < index:
                yield start, index
            start = index


def _starts_stack(lines: Sequence[Line], kinds: Sequence[str], index: int, usual: Usual) -> bool:
    above, line = lines[index - 1], lines[index]
    if kinds[index] != kinds[index - 1]:
        return True
    gap = line.base - above.base
    if kinds[index] == "table":
        return gap > 3.2 * line.size
    if kinds[index] == "code":
        return gap > 2.6 * usual.leading(line.size)
    if not same_size(above, line) or (above.bold != line.bold and (ends_early(above, line) or gap > 1.1 * usual.leading(line.size))):
        return True
    if gap > APART * usual.leading(line.size) and gap > 1.15 * line.size:
        return True
    return (
        is_caption(line, usual)
        and not (CAPTION.match(above.text) and ends_early(line, line))
        and (above.right < line.edges[1] - 2 * line.size or gap > 1.1 * usual.leading(line.size))
    )


def _cut(stack: tuple[Line, ...], kind: str, usual: Usual, apart: bool) -> list[Draft]:
    if kind != "text":
        return [Draft(kind=kind, lines=stack, apart=apart)]
    if is_caption(stack[0], usual):
        return [Draft(kind="caption", lines=stack, apart=apart)]
    starts = sorted({0, *block_starts(stack)})
    parts = [stack[start:end] for start, end in pairwise([*starts, len(stack)])]
    return [_draft(part, _left_of(stack), apart if index == 0 else False) for index, part in enumerate(parts)]


def _draft(lines: tuple[Line, ...], left: float, apart: bool) -> Draft:
    text = lines[0].text
    is_item = starts_item(text) or has_leaders(text)
    return Draft(
        kind="list item" if is_item else "paragraph",
        lines=lines,
        indented=lines[0].left - left > INDENT * lines[0].size,
        broken=_is_broken(lines),
        apart=apart,
    )


def _is_broken(lines: Sequence[Line]) -> bool:
    """Whether the lines, all of them shorter than they had to be, were broken on purpose."""
    narrow = all(line.right - line.left < 0.8 * (line.edges[1] - line.edges[0]) and not line.text.endswith(("-", "‐")) for line in lines)
    return len(lines) > 1 and narrow and (_is_centred(lines) or all(ends_early(a, b) for a, b in pairwise(lines)))


def _is_centred(lines: Sequence[Line]) -> bool:
    """Whether the lines have one middle and edges of their own."""
    middles, lefts, size = [line.left + line.right for line in lines], [line.left for line in lines], lines[0].size
    return max(middles) - min(middles) < size and all(abs(a - b) > size for a, b in pairwise(lefts))


def _left_of(stack: Sequence[Line]) -> float:
    """The left edge of most of the lines, or of the column where there is one line."""
    lefts = sorted(line.left for line in stack)
    return lefts[0] if len(stack) > 2 else min(lefts[0], stack[0].edges[0] if lefts[0] - stack[0].edges[0] < WIDEST_INDENT * stack[0].size else lefts[0])

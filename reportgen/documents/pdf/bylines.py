"""Who wrote a paper: the names and places below its title, which often stand side by side and are read one author after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reportgen.documents.pdf.headings import bylines, title_of
from reportgen.documents.pdf.lines import Line
from reportgen.documents.pdf.paragraphs import Draft
from reportgen.documents.pdf.usual import Usual
from reportgen.documents.pdf.words import Word

GROUP_GAP = 1.7  # of the usual distance between lines: what parts two rows of authors


def with_bylines(drafts: Sequence[Draft], usual: Usual) -> list[Draft]:
    """The drafts, those between the title and the abstract with their authors one after the other where they stand side by side."""
    title = title_of(drafts, usual)
    own = bylines(drafts, title, usual)
    lines = [line for draft in own if draft.kind != "caption" for line in draft.lines]
    if not any(len(line.cells) > 1 for line in lines):
        return list(drafts)
    kept = {id(draft) for draft in own if draft.kind != "caption"}
    start = next(index for index, draft in enumerate(drafts) if draft is title) + 1
    authors = [author for group in _groups(lines, usual) for author in _authors(group)]
    return [*drafts[:start], *authors, *(draft for draft in drafts[start:] if id(draft) not in kept)]


def _groups(lines: Sequence[Line], usual: Usual) -> list[list[Line]]:
    groups: list[list[Line]] = []
    for line in lines:
        if groups and 0 <= line.base - groups[-1][-1].base < GROUP_GAP * usual.leading(line.size):
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups


def _authors(lines: Sequence[Line]) -> list[Draft]:
    """One draft for each column of these lines, from left to right."""
    columns: list[list[tuple[Line, tuple[Word, ...]]]] = []
    for line in lines:
        for cell in line.cells:
            column = next((one for one in columns if _overlap(one, cell)), None)
            columns.append([(line, cell)]) if column is None else column.append((line, cell))
    columns.sort(key=lambda column: min(cell[0].left for _, cell in column))
    return [_author(column) for column in columns]


def _author(column: Sequence[tuple[Line, tuple[Word, ...]]]) -> Draft:
    lines = tuple(replace(line, words=cell) for line, cell in column)
    return Draft(kind="paragraph", lines=lines, broken=len(lines) > 1, apart=True)


def _overlap(column: Sequence[tuple[Line, tuple[Word, ...]]], cell: tuple[Word, ...]) -> bool:
    left, right = min(words[0].left for _, words in column), max(words[-1].right for _, words in column)
    return cell[0].left < right and cell[-1].right > left

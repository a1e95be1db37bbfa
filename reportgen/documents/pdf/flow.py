"""The text of a document put in one flow: paragraphs go on over columns, pages, figures and formulas; notes wait for the end of theirs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from reportgen.documents.pdf.hyphens import CUT
from reportgen.documents.pdf.lines import join_words
from reportgen.documents.pdf.paragraphs import SAME_SIZE, Draft
from reportgen.documents.pdf.starts import ends_early, ends_sentence, starts_item
from reportgen.documents.pdf.tables import EQUATION_NUMBER

ASIDE = frozenset({"caption", "table", "code", "footnote"})
MATH_SHARE, MATH_INSET = 0.18, 1.2  # of the characters; sizes from the column's left edge
MOST_MATH_LINES = 8
WORD = re.compile(r"[^\W\d_]{4,}")


def flowing(pages: Sequence[Sequence[Draft]]) -> list[Draft]:
    """The drafts of all pages in one order: what stands beside the text comes after the paragraph that it interrupts, notes after the page's last."""
    found: list[Draft] = []
    waiting: list[Draft] = []
    for page in pages:
        for draft in (one for one in page if one.kind != "footnote"):
            if draft.kind in ASIDE and found and _is_open(found, waiting, draft):
                waiting.append(draft)
            elif found and _continues(found[-1], draft, bool(waiting)):
                found[-1] = replace(found[-1], lines=found[-1].lines + draft.lines)
            else:
                found += [*waiting, draft]
                waiting = []
        waiting += [one for one in page if one.kind == "footnote"]
    return found + waiting


def _is_open(found: Sequence[Draft], waiting: Sequence[Draft], draft: Draft) -> bool:
    """Whether the text before may go on after this; code inside a paragraph's column ends it."""
    if waiting:
        return True
    last = found[-1]
    if last.kind not in {"paragraph", "list item"}:
        return False
    return draft.kind != "code" or last.last.column != draft.first.column or last.last.page != draft.first.page


def _continues(before: Draft, after: Draft, over_aside: bool) -> bool:
    """Whether the paragraph before goes on with this one."""
    if before.kind not in {"paragraph", "list item"} or after.kind != "paragraph" or before.broken or after.broken:
        return False
    text, elsewhere = before.last.text, _place(before.last) != _place(after.first) or over_aside
    near_math = is_formula(before.lines[-1:]) or is_formula(after.lines)
    if not (elsewhere or near_math) or not (near_math or _alike(before, after)):
        return False
    return _goes_on(before, after, text, near_math)


def _goes_on(before: Draft, after: Draft, text: str, near_math: bool) -> bool:
    starts_low = after.first.text[:1].islower()
    if CUT.search(text) or (starts_low and not starts_item(after.first.text)):
        return True
    if is_formula(after.lines):
        return not text.endswith((".", "!", "?"))
    if starts_item(after.first.text) or (after.indented and before.kind != "list item"):
        return False
    if near_math:
        return not ends_sentence(text) or text.endswith(":")
    return not ends_sentence(text) or not ends_early(before.last, after.first)


def is_formula(lines: Sequence) -> bool:
    """Whether the lines are a formula set on lines of its own."""
    if not lines or len(lines) > MOST_MATH_LINES:
        return False
    inset = all(line.left - line.edges[0] > MATH_INSET * line.size for line in lines)
    numbered = EQUATION_NUMBER.fullmatch(join_words(lines[-1].cells[-1])) is not None and len(lines[-1].cells) > 1
    letters = sum(len(line.text) for line in lines)
    share = sum(line.math * len(line.text) for line in lines) / max(1, letters)
    words = sum(len(WORD.findall(line.text)) for line in lines)
    return inset and (share >= MATH_SHARE or numbered) and words <= 4 * len(lines)


def _place(line) -> tuple[int, int]:
    return line.page, line.column


def _alike(before: Draft, after: Draft) -> bool:
    one, other = before.last, after.first
    return abs(one.size - other.size) <= SAME_SIZE * max(one.size, other.size) and one.bold == other.bold


def pages_of(drafts: Sequence[Draft]) -> Iterator[list[Draft]]:
    """The drafts page by page."""
    page: list[Draft] = []
    for draft in drafts:
        if page and page[0].first.page != draft.first.page:
            yield page
            page = []
        page.append(draft)
    if page:
        yield page

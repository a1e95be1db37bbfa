"""The lettering of figures: ticks, legends and labels that stand above a figure's caption and are no text to read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from reportgen.documents.pdf.headings import NAMED, NUMBER
from reportgen.documents.pdf.paragraphs import Draft
from reportgen.documents.pdf.starts import BULLET, ends_sentence
from reportgen.documents.pdf.usual import Usual

FIGURE = re.compile(r"(?:\w+ )?(?:fig\.?|figure|scheme|chart|plate|map|exhibit)\s", re.I)
ORNAMENT = re.compile(r"[\s*=_~#|•·●○■□▲△▼▽◆◇★☆⁂❦❧×+—–-]+")
SUBCAPTION = re.compile(r"\(?[a-h]\)\s")
MOST_WORDS, WIDEST = 6, 0.8  # words to a line on average; of the column's width
SMALL = 0.8  # of the usual size: type in which twice as many words are no sentence
AT_EDGE = 0.5  # sizes from the column's left edge


def without_lettering(page: Sequence[Draft], usual: Usual) -> tuple[list[Draft], int]:
    """The drafts of a page without the lettering of its figures, and how many lines that was."""
    dropped: set[int] = set()
    page = [replace(draft, kind="caption") if _is_subcaption(page, index) else draft for index, draft in enumerate(page)]
    for index, draft in enumerate(page):
        if draft.kind == "caption" and FIGURE.match(draft.first.text) and _is_in_text(page[:index], usual):
            dropped |= _lettering_above(page, index, usual)
    dropped |= {index for index, draft in enumerate(page) if all(ORNAMENT.fullmatch(line.text) for line in draft.lines)}
    return [draft for index, draft in enumerate(page) if index not in dropped], sum(len(page[index].lines) for index in dropped)


def _lettering_above(page: Sequence[Draft], caption: int, usual: Usual) -> set[int]:
    found: set[int] = set()
    for index in range(caption - 1, -1, -1):
        draft = page[index]
        if draft.last.base > page[caption].first.base:
            break
        if draft.kind == "caption" and SUBCAPTION.match(draft.first.text):
            continue
        if not is_lettering(draft, usual):
            break
        if draft.kind == "table" and index > 0 and page[index - 1].kind == "caption":
            break
        found.add(index)
    return found


def _is_in_text(above: Sequence[Draft], usual: Usual) -> bool:
    """Whether a paper's text has started above: what stands between its title and its abstract is no lettering."""
    return not above or above[0].first.page > 0 or any(_is_prose(draft, usual) or NAMED.fullmatch(draft.first.text) for draft in above)


def _is_subcaption(page: Sequence[Draft], index: int) -> bool:
    """Whether the draft is "(a) The one (b) The other" right above a figure's caption."""
    draft, below = page[index], page[index + 1 : index + 2]
    return (
        SUBCAPTION.match(draft.first.text) is not None
        and len(draft.lines) == 1
        and any(one.kind == "caption" and FIGURE.match(one.first.text) for one in below)
    )


def is_lettering(draft: Draft, usual: Usual) -> bool:
    """Whether the draft looks like a figure's lettering: short pieces that are no sentence, no heading and no item, off the text's edge or in another size."""
    text = " ".join(line.text for line in draft.lines)
    if draft.kind not in {"paragraph", "list item", "table"} or BULLET.match(text) or _is_prose(draft, usual):
        return False
    words = sum(len(line.text.split()) for line in draft.lines) / (2 if draft.size < SMALL * usual.size else 1)
    if draft.kind != "table" and ((words > MOST_WORDS * len(draft.lines) and not _is_of_figures(text)) or (ends_sentence(text) and words > 3)):
        return False
    if NAMED.fullmatch(text) or (draft.first.bold and draft.size >= usual.size and (NUMBER.match(text) or draft.kind == "paragraph")):
        return False
    off_edge = draft.first.left - draft.first.edges[0] > AT_EDGE * draft.size
    return abs(draft.size - usual.size) > 0.03 * usual.size or (off_edge and draft.kind != "table")


def _is_of_figures(text: str) -> bool:
    """Whether the text is mostly numbers, as an axis is."""
    return sum(map(str.isalpha, text)) < 0.3 * len(text.replace(" ", ""))


def _is_prose(draft: Draft, usual: Usual) -> bool:
    """Whether a line of the draft, in type that is not tiny, runs through most of its column."""
    long = (len(line.cells) == 1 and line.right - line.left > WIDEST * (line.edges[1] - line.edges[0]) and len(line.words) > MOST_WORDS for line in draft.lines)
    return draft.kind != "table" and draft.size > SMALL * usual.size and any(long)

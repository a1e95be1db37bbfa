"""Headings: told by size, weight, capitals, number and the words that name parts of a paper; with their levels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from reportgen.documents.pdf.paragraphs import Draft
from reportgen.documents.pdf.starts import ends_sentence
from reportgen.documents.pdf.tables import has_leaders
from reportgen.documents.pdf.usual import Usual

LARGER = 1.09  # than the usual size
TITLE_LARGER = 1.15
NEARLY_LARGEST = 0.7  # a title of several words that is nearly as large as a number or a journal's name goes before it
TITLE_LEADING = 1.7  # sizes between two lines of a title
LONGEST, LONGEST_TITLE, MOST_LINES = 150, 300, 4
NUMBER = re.compile(
    r"(?:(?:Chapter|CHAPTER|Section|Part|PART|Appendix|APPENDIX)\s+)?(?P<number>\d{1,3}(?:\.\d{1,3}){0,4}|[A-Z](?:\.\d{1,3}){0,4}|[IVX]{1,5})"
    r"(?P<mark>[.:)]?)(?:\s+|$)(?=[\W\d]*[^\W\d_]|$)"
)
ROMAN, SUBSECTION = re.compile(r"[IVX]+"), re.compile(r"\d{1,2}(?:\.\d{1,2}){1,4}\.?\s")
NAMED = re.compile(
    r"(?:abstract|summary|introduction|background|related work|methods?|materials and methods|results|discussion|results and discussion|conclusions?"
    r"|acknowledge?ments?|references|bibliography|literature|literature cited|works cited|references and notes|appendix|appendices|contents|table of contents"
    r"|limitations|data availability|funding|supplementary (?:material|information)|list of (?:figures|tables)|preface|foreword|index|glossary|notes)[.:]?",
    re.I,
)
KEYWORD = re.compile(r"(?:keywords?|key words|index terms|jel|msc|pacs|ccs concepts)\b[^\w]*\w", re.I)
UNFINISHED = (",", ";", "-", "–")


def with_headings(drafts: Sequence[Draft], usual: Usual) -> list[Draft]:
    """The drafts, those that are headings told as such and given their levels; the title, where there is one, has level 1."""
    title = title_of(drafts, usual)
    drafts, title = _with_whole_title(drafts, title, usual)
    by_line = bylines(drafts, title, usual)
    marked = [replace(draft, kind="heading") if draft is title or (draft not in by_line and is_heading(draft, usual)) else draft for draft in drafts]
    position = next((index for index, draft in enumerate(drafts) if draft is title), None)
    return _with_levels(marked, position)


def _with_whole_title(drafts: Sequence[Draft], title: Draft | None, usual: Usual) -> tuple[Sequence[Draft], Draft | None]:
    """The drafts with a title of several lines put together, and the title."""
    start = next((index for index, draft in enumerate(drafts) if draft is title), None)
    if title is None or start is None:
        return drafts, title
    end = start + 1
    while end < len(drafts) and _goes_on_below(drafts[end - 1], drafts[end]):
        end += 1
    whole = replace(title, lines=tuple(line for draft in drafts[start:end] for line in draft.lines)) if end > start + 1 else title
    return [*drafts[:start], whole, *drafts[end:]], whole


def _goes_on_below(above: Draft, draft: Draft) -> bool:
    """Whether a title goes on with this draft: in the same type, close below."""
    one, other = above.last, draft.first
    alike = abs(one.size - other.size) < 0.03 * one.size and one.bold == other.bold and one.page == other.page
    return alike and draft.kind == "paragraph" and 0 < other.base - one.base < TITLE_LEADING * one.size


def title_of(drafts: Sequence[Draft], usual: Usual) -> Draft | None:
    """The text in the largest type of the first page that has any; or its first text, if bold and in the middle; or None."""
    first = min((draft.first.page for draft in drafts), default=0)
    own = [draft for draft in drafts if draft.first.page == first and draft.kind in {"paragraph", "list item"}]
    candidates = [draft for draft in own if _may_be_title(draft, usual)]
    largest = max((draft.size for draft in candidates), default=0.0)
    several = [draft for draft in candidates if len(draft.first.words) > 1 and draft.size > NEARLY_LARGEST * largest]
    larger = max(several or candidates, key=lambda draft: round(draft.size, 1), default=None)
    return larger if larger is not None else next((draft for draft in own[:1] if _is_marked(draft) and _is_central(draft) and is_heading(draft, usual)), None)


def is_heading(draft: Draft, usual: Usual) -> bool:
    """Whether the draft stands as a heading does: short, on lines of its own, and set otherwise than the text."""
    text = " ".join(line.text for line in draft.lines)
    if draft.kind not in {"paragraph", "list item"} or not _may_head(draft, text):
        return False
    numbered = _number_of(draft) is not None
    if draft.kind == "list item" and (not numbered or has_leaders(text)):
        return False
    if draft.size >= LARGER * usual.size:
        return numbered or not ends_sentence(text) or text.endswith("?")
    if NAMED.fullmatch(NUMBER.sub("", text, count=1).strip() if numbered else text):
        return len(draft.lines) == 1 and (draft.apart or _is_marked(draft) or text.isupper())
    if draft.size < 0.88 * usual.size:
        return False
    if _is_marked(draft):
        return (numbered or not ends_sentence(text) or text.endswith("?")) and len(draft.lines) <= 3
    is_shown = _is_in_capitals(text) or all(line.italic for line in draft.lines) or SUBSECTION.match(text) is not None
    return numbered and draft.apart and is_shown and len(draft.lines) <= 2 and not ends_sentence(text)


def _may_head(draft: Draft, text: str) -> bool:
    letters = sum(map(str.isalpha, text))
    first = next((character for character in text if character.isalpha()), "")
    short = len(draft.lines) <= MOST_LINES and len(text) <= LONGEST
    return (
        short
        and letters >= 2
        and letters >= 0.5 * len(text.replace(" ", ""))
        and not first.islower()
        and not text.endswith(UNFINISHED)
        and not KEYWORD.match(text)
    )


def _is_marked(draft: Draft) -> bool:
    return all(line.bold for line in draft.lines)


def _is_central(draft: Draft) -> bool:
    line = draft.first
    return line.left - line.edges[0] > 2 * line.size and abs(line.left + line.right - sum(line.edges)) < 3 * line.size


def _is_in_capitals(text: str) -> bool:
    name = NUMBER.sub("", text, count=1)
    return name.isupper() and sum(map(str.isalpha, name)) >= 4


def _may_be_title(draft: Draft, usual: Usual) -> bool:
    text = " ".join(line.text for line in draft.lines)
    return draft.size >= TITLE_LARGER * usual.size and len(text) <= LONGEST_TITLE and sum(map(str.isalpha, text)) >= 4 and not NAMED.fullmatch(text)


def bylines(drafts: Sequence[Draft], title: Draft | None, usual: Usual) -> list[Draft]:
    """The drafts between the title and the abstract or the first section: names, places and dates, however large."""
    if title is None:
        return []
    start = next(index for index, draft in enumerate(drafts) if draft is title) + 1
    found = []
    for draft in drafts[start:]:
        text = draft.first.text
        is_section = NAMED.fullmatch(text) or (_number_of(draft) and is_heading(draft, usual))
        is_prose = (
            draft.kind == "paragraph" and not draft.broken and (len(draft.lines) > MOST_LINES or (len(draft.lines) > 1 and ends_sentence(draft.last.text)))
        )
        if is_section or is_prose or draft.first.page != title.first.page:
            return found
        found.append(draft)
    return found


def _with_levels(drafts: Sequence[Draft], title: int | None) -> list[Draft]:
    """The drafts with the levels of their headings: by number where they have one, or else as others set alike, or by size."""
    headings = [(index, draft) for index, draft in enumerate(drafts) if draft.kind == "heading" and index != title]
    depths = _numbered_depths(headings)
    by_look = _depth_by_look(headings, depths)
    above = 1 if title is not None else 0
    levels = {index: above + depths.get(index, by_look[_look(draft)]) for index, draft in headings}
    if title is not None:
        levels[title] = 1
    return [replace(draft, level=levels[index]) if index in levels else draft for index, draft in enumerate(drafts)]


def _numbered_depths(headings: Sequence[tuple[int, Draft]]) -> dict[int, int]:
    numbers = {index: number for index, draft in headings if (number := _number_of(draft))}
    has_roman = sum(1 for number in numbers.values() if ROMAN.fullmatch(number)) >= 2
    return {index: _depth(number, has_roman) for index, number in numbers.items()}


def _number_of(draft: Draft) -> str | None:
    """The number that the draft starts with: letters alone are one only with a mark or a wide space behind them, or a word such as Appendix before."""
    match = NUMBER.match(draft.first.text)
    if match is None:
        return None
    number, words = match["number"], draft.first.words
    parted = len(words) > 1 and words[1].left - words[0].right > 0.5 * draft.size
    return number if number[0].isdigit() or match["mark"] or "." in number or parted or match.start("number") > 0 else None


def _depth(number: str, has_roman: bool) -> int:
    if has_roman and not ROMAN.fullmatch(number):
        return (2 if number[0].isalpha() else 3) + number.count(".")
    return 1 + number.count(".")


def _look(draft: Draft) -> tuple[float, bool, bool, bool]:
    line = draft.first
    return round(line.size * 2) / 2, line.bold, line.italic, line.text.isupper()


def _depth_by_look(headings: Sequence[tuple[int, Draft]], depths: dict[int, int]) -> dict[tuple, int]:
    """For each way in which headings are set: the depth of the numbered ones, or that of the next larger, or the rank of its size."""
    votes: dict[tuple, Counter[int]] = {}
    for index, draft in headings:
        votes.setdefault(_look(draft), Counter()).update([depths[index]] if index in depths else [])
    found: dict[tuple, int] = {}
    rank = 0
    for look in sorted(votes, key=_prominence, reverse=True):
        rank = votes[look].most_common(1)[0][0] if votes[look] else _rank_after(rank, look, found)
        found[look] = rank
    return found | _named_depths(headings, found)


def _rank_after(rank: int, look: tuple, found: dict[tuple, int]) -> int:
    return max(1, rank + 1 if found else 1)


def _named_depths(headings: Iterable[tuple[int, Draft]], found: dict[tuple, int]) -> dict[tuple, int]:
    """Depth 1 for a way of setting that names parts of a paper: "References" is no subsection."""
    return {
        _look(draft): 1
        for _, draft in headings
        if re.fullmatch(r"(?:references|bibliography|abstract|introduction)[.:]?", draft.first.text, re.I) and found[_look(draft)] > 1
    }


def _prominence(look: tuple[float, bool, bool, bool]) -> tuple:
    size, bold, italic, capitals = look
    return size, bold, capitals, not italic

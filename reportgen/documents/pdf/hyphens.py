"""Lines joined to a text: words that were cut at a line's end are put together, compounds keep their hyphen."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

WORD = re.compile(r"[^\W\d_]+(?:[-‐][^\W\d_]+)*")
CUT = re.compile(r"([^\W\d_]+)[-‐]$")
HEAD = re.compile(r"[^\W\d_]+")
SOFT = "\xad"
OPEN_END = re.compile(r"(?:\S[–—/]|(?:https?://|www\.|doi\.org|doi:)\S*[/._=&?#-])$")
COMPOUND_STARTS = frozenset({"all", "ex", "half", "quasi", "self", "well"})
SHORTEST_PART = 4  # letters: two words as long as this that the document has on their own are parts of a compound
WIDE_SCRIPTS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uff60]")


class Vocabulary:
    """The words of a document as they stand inside its lines, by which a cut one is told."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.counts: Counter[str] = Counter()
        cut = False
        for line in lines:
            words = WORD.findall(line)
            start, cut_now = int(cut), CUT.search(line) is not None or line.endswith(SOFT)
            self.counts.update(word.casefold() for word in words[start : len(words) - cut_now])
            cut = cut_now

    def joins(self, before: str, after: str) -> bool:
        """Whether the two parts are one word: as it occurs elsewhere with or without its hyphen, or else by what the parts are."""
        joined, parted = self.counts[(before + after).casefold()], self.counts[f"{before}-{after}".casefold()]
        if joined != parted:
            return joined > parted
        if after[:1].isupper() or before.casefold() in COMPOUND_STARTS:
            return False
        are_words = all(len(part) >= SHORTEST_PART and self.counts[part.casefold()] for part in (before, after))
        return not are_words


def join_lines(lines: Sequence[str], vocabulary: Vocabulary) -> str:
    """The lines as one text."""
    text = lines[0] if lines else ""
    for line in lines[1:]:
        text = join_pair(text, line, vocabulary)
    return text.replace(SOFT, "")


def join_pair(text: str, line: str, vocabulary: Vocabulary) -> str:
    """The text with the line after it."""
    if text.endswith(SOFT):
        return text[:-1] + line
    cut, head = CUT.search(text), HEAD.match(line)
    if cut and head:
        if "-" in text[: cut.start()][-1:]:
            return text + line
        return (text[:-1] if vocabulary.joins(cut[1], head[0]) else text) + line
    if (text[-1:] in "-‐" and text[-2:-1].isalnum() and line[:1].isalnum()) or OPEN_END.search(text):
        return text + line
    if WIDE_SCRIPTS.match(text[-1:]) and WIDE_SCRIPTS.match(line[:1]):
        return text + line
    return f"{text} {line}"

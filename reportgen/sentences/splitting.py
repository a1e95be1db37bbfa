"""The sentences of a document, each an exact span of its text inside one block."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from reportgen.documents import Block, Document
from reportgen.sentences.asides import Span
from reportgen.sentences.boundaries import find_candidates
from reportgen.sentences.punkt_model import PunktModel, load_punkt
from reportgen.sentences.rules import ends_sentence
from reportgen.units import BY_LINE

# What stands before a sentence and is none: "1.", "(a)", "IV.", "Fig. 3.", "Theorem 2.1."
LABEL = re.compile(
    r"[(\[\"“]?(?:\d{1,3}(?:\.\d{1,3})*|[A-Za-z]|[ivxlcIVXLC]{1,6})[.)\]]{1,2}"
    r"|(?i:figs?|figures?|tables?|tab|eqs?|equation|thm|theorem|lemma|definition|def|corollary|cor|proposition|prop"
    r"|example|ex|remark|scheme|box|step|sect?|section|chapter|part|art|article|§)\.?\s[\dIVXLC.]{1,8}[a-z]?\.?"
)
LONGEST_LABEL = 40


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """One sentence: a span of the document's text without blanks at its ends, and the index of its block."""

    start: int
    end: int
    block: int


def split_sentences(document: Document) -> tuple[Sentence, ...]:
    """The document's sentences in order: they do not overlap, and only white space lies outside them.

    A heading is one sentence, a line of code or row of a table is one, and no sentence reaches beyond its block.
    Raises DocumentError for a language without rules.
    """
    punkt = load_punkt(document.language)
    return tuple(
        Sentence(start=block.start + start, end=block.start + end, block=index)
        for index, block in enumerate(document.blocks)
        for start, end in _spans(document.text[block.start : block.end], block, punkt)
    )


def _spans(text: str, block: Block, punkt: PunktModel) -> Iterator[Span]:
    match block.kind:
        case kind if kind in BY_LINE:
            borders = [line.end() for line in re.finditer(r".*\n", text)]
        case "heading":
            borders = []
        case _:
            borders = _borders(text, punkt)
    for start, end in zip([0, *borders], [*borders, len(text)], strict=True):
        if span := _trim(text, start, end):
            yield span


def _borders(text: str, punkt: PunktModel) -> list[int]:
    """The ends of the sentences in this text but the last; labels and bare punctuation go to a neighbour."""
    borders: list[int] = []
    start = seen = 0
    worded = False
    for candidate in find_candidates(text, punkt):
        worded = worded or _has_words(text[seen : candidate.end])
        seen = candidate.end
        if worded and not _is_label(text, start, seen) and ends_sentence(candidate):
            borders.append(seen)
            start, worded = seen, False
    if borders and not _has_words(text[start:]):
        borders.pop()
    return borders


def _is_label(text: str, start: int, end: int) -> bool:
    return end - start < LONGEST_LABEL and LABEL.fullmatch(text[start:end].strip()) is not None


def _has_words(text: str) -> bool:
    return any(map(str.isalnum, text))


def _trim(text: str, start: int, end: int) -> Span | None:
    part = text[start:end]
    start += len(part) - len(part.lstrip())
    return (start, start + len(part.strip())) if part.strip() else None

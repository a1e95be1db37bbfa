"""Paragraphs or sections in the place of sentences: the units of a document at another level."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from reportgen.documents import Document
from reportgen.errors import DocumentError
from reportgen.sentences.splitting import Sentence, split_sentences
from reportgen.units import LEVELS

SENTENCE, PARAGRAPH, SECTION = LEVELS


def split_units(document: Document, level: str) -> tuple[Sentence, ...]:
    """The document's sentences, paragraphs (each heading, list item and other block is one as well) or sections, in order."""
    return join_units(document, split_sentences(document), level)


def split_beside(document: Document, level: str) -> tuple[Sentence, ...]:
    """The same of a text that stands beside a document or goes on from it: without a heading it is one section."""
    sentences = split_sentences(document)
    if level == SECTION and not any(block.kind == "heading" for block in document.blocks):
        return tuple(Sentence(start=sentences[0].start, end=sentences[-1].end, block=sentences[0].block) for _ in sentences[:1])
    return join_units(document, sentences, level)


def join_units(document: Document, sentences: Sequence[Sentence], level: str) -> tuple[Sentence, ...]:
    """The units of a level, each from its first sentence to its last; its block is that of the first.

    A section is a heading with all that follows it up to the next heading; headings that follow each other begin one section together, and what stands
    before the first heading is one too. Raises `DocumentError` for sections where there is no heading and more than one sentence.
    """
    if level == SENTENCE or len(sentences) < 2:
        return tuple(sentences)
    part_of_block = range(len(document.blocks)) if level == PARAGRAPH else _sections(document)
    groups = (list(group) for _, group in groupby(sentences, key=lambda sentence: part_of_block[sentence.block]))
    return tuple(Sentence(start=group[0].start, end=group[-1].end, block=group[0].block) for group in groups)


def _sections(document: Document) -> list[int]:
    """The section that each block is in."""
    headings = [block.kind == "heading" for block in document.blocks]
    if not any(headings):
        raise DocumentError(f"{document.source} has no headings, and so no sections: leave out --level section, or take paragraphs.")
    found, section = [], 0
    for block, heading in enumerate(headings):
        section += bool(block) and heading and not headings[block - 1]
        found.append(section)
    return found

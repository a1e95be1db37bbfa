"""Texts cut and put together, so that all that a model is fed has one text that spans can index."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace

from reportgen.characters import trimmed
from reportgen.documents import Block, Document
from reportgen.documents.document import BETWEEN_BLOCKS
from reportgen.sentences import Sentence

BLANK_LINES = re.compile(r"\s*\n\s*\n\s*")


def cut_document(document: Document, end: int) -> Document:
    """The document up to that character."""
    blocks = tuple(replace(block, end=min(block.end, end)) for block in document.blocks if block.start < end)
    return _with_text(document, document.text[:end], blocks)


def joined(first: Document, second: Document, *, between: str = BETWEEN_BLOCKS, main: Document, source: str) -> Document:
    """Two documents as one, the blocks of the second after those of the first; title and language are the main one's."""
    shift = len(first.text) + len(between)
    blocks = tuple(replace(block, start=block.start + shift, end=block.end + shift) for block in second.blocks)
    return _with_text(replace(main, source=source), first.text + between + second.text, first.blocks + blocks)


def shifted(sentences: Sequence[Sentence], *, after: Document, between: str = BETWEEN_BLOCKS) -> tuple[Sentence, ...]:
    """Sentences of a document that now stands behind another."""
    by, blocks = len(after.text) + len(between), len(after.blocks)
    return tuple(replace(sentence, start=sentence.start + by, end=sentence.end + by, block=sentence.block + blocks) for sentence in sentences)


def raw_document(text: str, *, title: str, source: str, language: str) -> Document:
    """A text as it is, nothing tidied; blank lines part its blocks, and white space at its ends belongs to none."""
    edges = [0, *(edge for gap in BLANK_LINES.finditer(text) for edge in gap.span()), len(text)]
    spans = [trimmed(text, start, end) for start, end in zip(edges[::2], edges[1::2], strict=True)]
    blocks = tuple(Block(start=start, end=end, kind="paragraph") for start, end in spans if start < end)
    return _with_text(Document(title=title, text="", source=source, blocks=(), sha256="", language=language), text, blocks)


def _with_text(document: Document, text: str, blocks: tuple[Block, ...]) -> Document:
    return replace(document, text=text, blocks=blocks, sha256=hashlib.sha256(text.encode("utf-8")).hexdigest())

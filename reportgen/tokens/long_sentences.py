"""Sentences that are too long to be one, a table or a list of addresses without marks, in pieces."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Int

from reportgen.characters import trimmed
from reportgen.documents import Document
from reportgen.sentences import Sentence
from reportgen.tokens.encoding import encode

LONGEST = 1024  # tokens; the longest sentence of the samples, in Moby-Dick, has about 600, and what is longer has not been seen to be one sentence
SHORTEST = 32  # tokens that a model has to read at least for its limit to be one for pieces; a smaller one is refused by what plans windows
TOGETHER = 4  # pieces that are meant to be read at once: what is measured is attention between them
SHARE = 3 / 4  # of the limit that a piece is meant to fill, since pieces end near where they are meant to
LEEWAY = 1 / 7  # of a piece, to either side of where it is meant to end
PLACES = (re.compile(r"(?<=\n)"), re.compile(r"(?<=[;；])"), re.compile(r"(?<=[，、])|(?<=[,:])(?=\s)"), re.compile(r"(?<=\s)"))
JOINERS = "\u200d\ufe0f"
ADDED = 16  # tokens at most that a tokenizer adds
NAMED = 5  # sentences that the notice lists


def split_long(
    document: Document, sentences: Sequence[Sentence], tokenizer: Any, limit: int | None, *, reserved: int = 0
) -> tuple[tuple[Sentence, ...], tuple[str, ...]]:
    """The sentences, those of more than 1,024 tokens, or more than the model reads beside `reserved` ones, in pieces of about equal length, and a notice about them.

    Pieces are so short that the model reads about four at once. They end at a line break, else after a semicolon, a comma or a colon, else between words, else
    between tokens; the best of these within a seventh of a piece. Nothing is lost: the pieces cover the sentence but for white space. A limit under 32 tokens is
    not heeded.
    """
    found: list[Sentence] = []
    told: list[str] = []
    for sentence in sentences:
        pieces = _pieces(document.text, sentence, tokenizer, limit, reserved)
        if len(pieces) > 1:
            told.append(f"{len(found) + 1} to {len(found) + len(pieces)}")
        found += pieces
    return tuple(found), _notice(told)


def _pieces(text: str, sentence: Sentence, tokenizer: Any, limit: int | None, reserved: int) -> list[Sentence]:
    whole = text[sentence.start : sentence.end]
    if len(whole.encode("utf-8")) + ADDED <= (LONGEST if limit is None else min(LONGEST, limit - reserved)):
        return [sentence]  # no more tokens than bytes and what a tokenizer adds
    encoding = encode(tokenizer, whole)
    room = _room(limit, reserved, int(encoding.special.sum()))
    most = min(room, LONGEST)
    starts = encoding.spans[~encoding.special, 0]
    if len(starts) <= most:
        return [sentence]
    edges = [0, *_cuts(whole, starts, math.ceil(len(starts) / min(most * SHARE, room / TOGETHER))), len(whole)]
    spans = (trimmed(whole, start, end) for start, end in pairwise(edges))
    return [replace(sentence, start=sentence.start + start, end=sentence.start + end) for start, end in spans if start < end]


def _room(limit: int | None, reserved: int, special: int) -> int | float:
    """How many tokens of a sentence the model reads; no end of them where it has no limit, or one too small for pieces."""
    room = math.inf if limit is None else limit - reserved - special
    return room if room >= SHORTEST else math.inf


def _cuts(text: str, starts: Int[np.ndarray, " token"], pieces: int) -> Iterator[int]:
    """Where the pieces but the last end, each within the leeway around its share of the tokens."""
    share = len(starts) / pieces
    for piece in range(1, pieces):
        meant, leeway = round(piece * share), max(1, int(share * LEEWAY))
        first, last = int(starts[meant - leeway]), int(starts[min(meant + leeway, len(starts) - 1)])
        yield _best(text, first, int(starts[meant]), last)


def _best(text: str, first: int, meant: int, last: int) -> int:
    """The best place from `first` to `last`, the nearest to where it is meant to be among equals."""
    part = text[first : last + 1]
    for place in PLACES:
        found = [first + match.start() for match in place.finditer(part) if match.start() > 0]
        if found:
            return min(found, key=lambda there: abs(there - meant))
    return next((there for there in range(meant, last + 1) if not _continues(text, there)), meant)


def _continues(text: str, place: int) -> bool:
    """Whether a character belongs to the one before it."""
    return unicodedata.category(text[place])[0] == "M" or text[place] in JOINERS or text[place - 1] == "\u200d"


def _notice(told: Sequence[str]) -> tuple[str, ...]:
    if not told:
        return ()
    named = "; ".join(told[:NAMED]) + (f"; and {len(told) - NAMED} more" if len(told) > NAMED else "")
    several = f"{len(told)} sentences are" if len(told) > 1 else "One sentence is"
    return (
        f"{several} too long to be read as one (more than {LONGEST:,} tokens, or than the model reads at once), split into pieces of about equal length at line breaks, "
        f"semicolons, commas or spaces; in the numbering of sentences the pieces are {named}.",
    )

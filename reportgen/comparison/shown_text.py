"""The document as the page shows it: both versions in one reading, with what each sentence's attention did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from reportgen.comparison.aligning import EDITED, MERGED, MOVED_ELSEWHERE, SPLIT, Match
from reportgen.comparison.words import Piece, changed_words
from reportgen.measurements import Measurements

STEPS = (0.02, 0.05, 0.1, 0.2, 0.4)  # of attention that lands elsewhere, from which on a sentence has the next shade


@dataclass(frozen=True, kw_only=True)
class ShownMatch:
    """A match in the text: the kind of its block, its numbers in A and B counted from 1 ("4", "4 to 5", empty for none), its words, its unit, and its shade from 0 to 5.

    `elsewhere` is the share of its attention that lands elsewhere, the first sentence left out; NaN without a counterpart, and where no more changes than storing rounds.
    """

    kind: str
    block: str
    number_a: str
    number_b: str
    likeness: float
    pieces: tuple[Piece, ...]
    unit: int | None
    elsewhere: float
    shade: int


def show_text(matches: Sequence[Match], a: Measurements, b: Measurements, elsewhere: Float[np.ndarray, " unit"] | None) -> tuple[tuple[ShownMatch, ...], ...]:
    """The matches in reading order, by paragraph, with what lands elsewhere of each unit's attention (None where that cannot be compared)."""
    paragraphs: list[list[ShownMatch]] = []
    before, unit = (-1, -1), 0
    for match in matches:
        block = _blocks(match, a, b)
        if not paragraphs or not _together(before, block):
            paragraphs.append([])
        paired = bool(match.a and match.b)
        paragraphs[-1].append(_shown(match, (a, b), unit if paired else None, elsewhere))
        before, unit = (_next(before, block), unit + paired)
    return tuple(tuple(paragraph) for paragraph in paragraphs)


def _blocks(match: Match, a: Measurements, b: Measurements) -> tuple[int, int]:
    """The block of the match in A and in B; -1 for none."""
    return tuple(int(of["sentence_blocks"][side[0]]) if side else -1 for side, of in ((match.a, a), (match.b, b)))


def _together(before: tuple[int, int], block: tuple[int, int]) -> bool:
    """What stands in B is in the paragraph of B; what is gone, in that of A."""
    return before[1] == block[1] if block[1] >= 0 else before[0] == block[0]


def _next(before: tuple[int, int], block: tuple[int, int]) -> tuple[int, int]:
    """Where the reading stands: what is only in one file leaves the place in the other."""
    return tuple(new if new >= 0 else old for old, new in zip(before, block, strict=True))


def _shown(match: Match, files: tuple[Measurements, Measurements], unit: int | None, values: Float[np.ndarray, " unit"] | None) -> ShownMatch:
    a, b = files
    texts = [text_of(of, side) for of, side in ((a, match.a), (b, match.b))]
    elsewhere = float(values[unit]) if values is not None and unit is not None else np.nan
    return ShownMatch(
        kind=match.kind,
        block=block_kind(*((b, match.b) if match.b else (a, match.a))),
        number_a=numbered(match.a),
        number_b=numbered(match.b),
        likeness=match.likeness,
        pieces=tuple(_pieces(match, *texts)),
        unit=unit,
        elsewhere=elsewhere,
        shade=0 if np.isnan(elsewhere) else int(np.searchsorted(STEPS, elsewhere, side="right")),
    )


def _pieces(match: Match, before: str, after: str) -> Iterator[Piece]:
    if not match.a or not match.b:
        yield Piece(kind="gone" if match.a else "new", text=before or after)
    elif match.kind in (EDITED, MOVED_ELSEWHERE, SPLIT, MERGED) and before != after:
        yield from changed_words(before, after)
    else:
        yield Piece(kind="same", text=after)


def text_of(measurements: Measurements, sentences: Sequence[int]) -> str:
    """The text from the first of consecutive sentences to the last; empty for none."""
    if not sentences:
        return ""
    spans = measurements["sentence_spans"]
    return measurements.text[spans[sentences[0], 0] : spans[sentences[-1], 1]]


def block_kind(measurements: Measurements, sentences: Sequence[int]) -> str:
    """What the block of the first of some sentences is: heading, paragraph, list item and others."""
    return measurements.metadata["block_kinds"][measurements["sentence_blocks"][sentences[0]]]


def numbered(sentences: Sequence[int]) -> str:
    """Sentences counted from 1: "4", "4 to 6", empty for none."""
    if len(sentences) < 2:
        return "".join(str(sentence + 1) for sentence in sentences)
    return f"{sentences[0] + 1} to {sentences[-1] + 1}"

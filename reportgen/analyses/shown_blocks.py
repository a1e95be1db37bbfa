"""How the blocks of a document look on the page: how deep headings lie, how far lines of code stand in, and what a unit of several blocks is made of."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reportgen.blocks import depths
from reportgen.measurements import Measurements
from reportgen.units import BY_LINE, LEVELS


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A block, or what is left of it, within a unit: its kind, its depth (of a heading), its text, and what stands between it and the next."""

    kind: str
    depth: int
    text: str
    gap: str


@dataclass(frozen=True, kw_only=True)
class ShownBlocks:
    """Of each sentence, or unit in its place: the depth of the heading that it is in, 0 for none; the blanks before it on its line of code or of a table, with one
    line break for each empty line before that; and the blocks that it is made of, none where it lies in one block."""

    depths: tuple[int, ...]
    indents: tuple[str, ...]
    pieces: tuple[tuple[Piece, ...], ...]


def shown_blocks(measurements: Measurements) -> ShownBlocks | None:
    """What the metadata tells of the blocks; None where files of earlier versions do not."""
    metadata, text = measurements.metadata, measurements.text
    if "block_spans" not in metadata:
        return None
    deep, kinds = depths(metadata["block_kinds"], metadata["block_levels"]), metadata["block_kinds"]
    spans, blocks = measurements["sentence_spans"].tolist(), measurements["sentence_blocks"].tolist()
    sections = metadata.get("level") == LEVELS[-1]
    return ShownBlocks(
        depths=tuple(deep[block] for block in blocks),
        indents=tuple(
            _indent(text, start, metadata["block_spans"][block][0]) if kinds[block] in BY_LINE else "" for (start, _), block in zip(spans, blocks, strict=True)
        ),
        pieces=tuple(_pieces(measurements, start, end, deep) if sections else () for start, end in spans),
    )


def _indent(text: str, start: int, first: int) -> str:
    """The blank end of what stands between the start of the block and that of the sentence, line breaks but for the last line's left out."""
    before = re.search(r"\s*\Z", text[first:start])[0]
    return "\n" * max(before.count("\n") - 1, 0) + before.rpartition("\n")[2]


def _pieces(measurements: Measurements, start: int, end: int, deep: tuple[int, ...]) -> tuple[Piece, ...]:
    """The blocks that overlap with a span, cut to it; their texts and gaps are the whole of it. None where it is one block."""
    rows = zip(measurements.metadata["block_spans"], measurements.metadata["block_kinds"], deep, strict=True)
    inside = [(max(first, start), min(last, end), kind, depth) for (first, last), kind, depth in rows if first < end and last > start]
    ends = [*(first for first, *_ in inside[1:]), end]
    found = tuple(
        Piece(kind=kind, depth=depth, text=measurements.text[first:last], gap=measurements.text[last:after])
        for (first, last, kind, depth), after in zip(inside, ends, strict=True)
    )
    return found if len(found) > 1 else ()

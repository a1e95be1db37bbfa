"""The blocks of a measured document (headings, paragraphs, list items, code and others) as its metadata has them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from reportgen.errors import MeasurementsError
from reportgen.units import LEVELS


def check_blocks(metadata: Mapping[str, Any], length: int) -> None:
    """Raise `MeasurementsError` where blocks have places in the text and these do not follow each other, or the units are of no level that there is."""
    level, spans, levels = metadata.get("level", LEVELS[0]), metadata.get("block_spans"), metadata.get("block_levels")
    if level not in LEVELS:
        raise MeasurementsError(f"This measurements file is of {json.dumps(level)}, not of sentences, paragraphs or sections.")
    if (spans, levels) != (None, None) and not _proper(spans, levels, len(metadata["block_kinds"]), length):
        raise MeasurementsError(f"The blocks of this measurements file have no proper places in its text of {length} characters.")


def _proper(spans: Any, levels: Any, count: int, length: int) -> bool:
    if not isinstance(spans, list) or not isinstance(levels, list) or not len(spans) == len(levels) == count:
        return False
    edges = [edge for span in spans if isinstance(span, list) and len(span) == 2 for edge in span]
    whole = all(type(number) is int for number in (*edges, *levels))
    return whole and len(edges) == 2 * count and all(0 <= edge <= length for edge in edges) and edges == sorted(edges)


def section_starts(blocks: Sequence[int], kinds: Sequence[str]) -> list[int]:
    """The sentences that begin a section: those of a heading after something else. `blocks` and `kinds` are those of each sentence."""
    starts = [index for index in range(1, len(blocks)) if blocks[index] != blocks[index - 1]]
    return [index for index in starts if kinds[index] == "heading" and kinds[index - 1] != "heading"]


def depths(kinds: Sequence[str], levels: Sequence[int]) -> tuple[int, ...]:
    """How deep each heading lies among the headings above it, 1 for the outermost; 0 for other blocks. A heading of unknown level (0) is one of the outermost."""
    found, above = [], []
    for kind, level in zip(kinds, levels, strict=True):
        if kind != "heading":
            found.append(0)
            continue
        while above and above[-1] >= max(level, 1):
            above.pop()
        above.append(max(level, 1))
        found.append(len(above))
    return tuple(found)

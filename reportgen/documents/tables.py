"""How every reader writes a table: a line for each row, its cells parted by a bar."""

from __future__ import annotations

from collections.abc import Iterable

CELLS = " | "
LONGEST_CELL = 1_000  # characters; a longer one is a column of text


def table_row(cells: Iterable[str]) -> str:
    """A row of a table as its line; cells that are empty at the end leave nothing."""
    texts = list(cells)
    while texts and not texts[-1].strip():
        texts.pop()
    return CELLS.join(texts).rstrip()

"""How the attention of queries on keys is cut into blocks of query rows, and how these fall into sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from reportgen.capture.backward.compiled import Seen
from reportgen.capture.block import CELLS_AT_MOST, end_of_block
from reportgen.capture.layout import Run, TextLayout
from reportgen.capture.vectors import WHOLE
from reportgen.capture.visibility import Visibility


@dataclass(frozen=True, kw_only=True, eq=False)
class RowBlock:
    """Some query rows, the keys they see, and the runs of one sentence in both; the same for every layer with the same mask.

    `of_run` is 1 where a row belongs to a run. Slots are sentences, with one last slot for none.
    """

    rows: slice
    keys: slice
    seen: Seen
    of_run: Float[torch.Tensor, "run row"]
    row_slots: Int[np.ndarray, " run"]
    key_starts: Int[np.ndarray, " key_run"]
    key_slots: Int[np.ndarray, " key_run"]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and keys."""
        return self.rows.stop - self.rows.start, self.keys.stop - self.keys.start


def plan_row_blocks(
    queries: TextLayout, keys: TextLayout, visibility: Visibility, heads: int, rows_at_most: int, cells_at_most: int = CELLS_AT_MOST
) -> Iterator[RowBlock]:
    """Blocks of `rows_at_most` rows, or fewer where they see very many keys; keys that no row of a block sees are left out."""
    start = 0
    while start < queries.tokens:
        rows = slice(start, end_of_block(visibility, start, heads, rows_at_most, cells_at_most))
        yield _row_block(queries, keys, visibility, rows)
        start = rows.stop


def _row_block(queries: TextLayout, keys: TextLayout, visibility: Visibility, rows: slice) -> RowBlock:
    """The block of some query rows: the keys they see, and a few more so that their number is round."""
    first, last = visibility.span(rows.start, rows.stop)
    seen = slice(first, min(first - (first - last) // WHOLE * WHOLE, keys.tokens))
    row_runs, key_runs = queries.runs_within(rows.start, rows.stop), keys.runs_within(seen.start, seen.stop)
    return RowBlock(
        rows=rows,
        keys=seen,
        seen=Seen(first=visibility.first[rows] - first, last=visibility.last[rows] - first, shift=first - rows.start + queries.tokens - 1),
        of_run=_indicator(row_runs, rows.stop - rows.start),
        row_slots=_slots(row_runs, queries.sentences),
        key_starts=np.array([run.start for run in key_runs]),
        key_slots=_slots(key_runs, keys.sentences),
    )


def _indicator(runs: tuple[Run, ...], rows: int) -> Float[torch.Tensor, "run row"]:
    found = torch.zeros(len(runs), rows)
    for index, run in enumerate(runs):
        found[index, run.start : run.stop] = 1.0
    return found


def _slots(runs: tuple[Run, ...], sentences: int) -> Int[np.ndarray, " run"]:
    return np.array([run.sentence if run.sentence >= 0 else sentences for run in runs])

"""How a block is worked off: a few rows at a time, whose weights fit into the cache, and what reducers take of these before the next rows overwrite them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from reportgen.capture.block import BlockPlan, Pairs, round_keys
from reportgen.capture.layout import Stack, cut_runs
from reportgen.capture.reducers.reducer import OfPairs, OfWholeRows, Reducer
from reportgen.capture.visibility import Visibility

ROWS_OF_A_PIECE, FEWEST_ROWS = 64, 16
CELLS_OF_A_PIECE = 2_400_000  # of all heads: 10 MB in float32


class Piece(NamedTuple):
    """Some rows of a block, and as many keys from the block's first on as they see. Rows are counted from the block's first, those of the target from the piece's."""

    rows: slice
    keys: int
    starts: Int[np.ndarray, " run"]  # runs of rows of one sentence
    stops: Int[np.ndarray, " run"]
    groups: Int[np.ndarray, " run"]
    of_target: Int[np.ndarray, " row"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Taking:
    """The pieces of a plan's blocks, and what reducers take: single weights, or all of some rows, which are counted from the block's first."""

    plan: BlockPlan
    pieces: tuple[Piece, ...]
    pairs: dict[OfPairs, Pairs]
    whole_rows: dict[OfWholeRows, Int[np.ndarray, " _"]]
    rows_of_target: Int[np.ndarray, " row"]

    @classmethod
    def of(cls, plan: BlockPlan, visibility: Visibility, stack: Stack, reducers: Sequence[Reducer]) -> Taking:
        """What these reducers take of the plan's blocks."""
        inside = _within(stack.queries.target_rows, plan.rows)
        return cls(
            plan=plan,
            pieces=tuple(_piece(plan, rows, inside) for rows in _rows_of_pieces(plan, stack.heads)),
            pairs={reducer: reducer.pairs_taken(plan, visibility) for reducer in reducers if isinstance(reducer, OfPairs)},
            whole_rows={reducer: _within(reducer.rows_taken(stack), plan.rows) for reducer in reducers if isinstance(reducer, OfWholeRows)},
            rows_of_target=inside,
        )

    @cached_property
    def pairs_of_pieces(self) -> dict[OfPairs, tuple[Part, ...]]:
        """Of each reducer's pairs those of each piece; places among its cells, row by row, -1 where the piece does not have the key."""
        return {reducer: tuple(_part_of_pairs(pairs, piece) for piece in self.pieces) for reducer, pairs in self.pairs.items()}

    @cached_property
    def rows_of_pieces(self) -> dict[OfWholeRows, tuple[Part, ...]]:
        """Of each reducer's rows those of each piece; places among its rows."""
        return {reducer: tuple(_part_of_rows(rows, piece) for piece in self.pieces) for reducer, rows in self.whole_rows.items()}


class Part(NamedTuple):
    """Of what a reducer takes, in order, the part that lies in a piece: the first, and the places in the piece."""

    first: int
    places: Int[np.ndarray, " place"]


def rows_of_a_piece(heads: int, keys: int) -> int:
    """How many rows are worked off at a time."""
    return min(ROWS_OF_A_PIECE, max(CELLS_OF_A_PIECE // (heads * keys), FEWEST_ROWS))


def _rows_of_pieces(plan: BlockPlan, heads: int) -> list[slice]:
    """The block's rows in pieces that differ by a row at most."""
    rows, keys = plan.shape
    pieces = -(-rows // rows_of_a_piece(heads, keys))
    return [slice(rows * piece // pieces, rows * (piece + 1) // pieces) for piece in range(pieces)]


def _piece(plan: BlockPlan, rows: slice, target: Int[np.ndarray, " row"]) -> Piece:
    runs = cut_runs(plan.runs, rows.start, rows.stop)
    starts = rows.start + np.array([run.start for run in runs])
    return Piece(
        rows=rows,
        keys=min(round_keys(int(plan.of_rows.last[rows].max())), plan.shape[1]),
        starts=starts,
        stops=rows.start + np.array([run.stop for run in runs]),
        groups=plan.groups.of_row[starts],
        of_target=_within(target, rows),
    )


def _within(places: Int[np.ndarray, " place"], span: slice) -> Int[np.ndarray, " inside"]:
    """Those that lie in the span, counted from its start."""
    return places[(places >= span.start) & (places < span.stop)] - span.start


def _part_of_rows(rows: Int[np.ndarray, " row"], piece: Piece) -> Part:
    return Part(first=int(np.searchsorted(rows, piece.rows.start)), places=_within(rows, piece.rows))


def _part_of_pairs(pairs: Pairs, piece: Piece) -> Part:
    first, stop = np.searchsorted(pairs.rows, [piece.rows.start, piece.rows.stop]).tolist()
    rows, keys = pairs.rows[first:stop] - piece.rows.start, pairs.keys[first:stop]
    return Part(first=first, places=np.where((keys >= 0) & (keys < piece.keys), rows * piece.keys + keys, -1).astype(np.int32))

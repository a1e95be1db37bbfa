"""A block: the attention of a few consecutive query rows of one layer, all heads, before it is reduced and dropped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from reportgen.capture.fused import NOTHING_LEFT, Keys, Rows, Sums
from reportgen.capture.layout import Run, Stack
from reportgen.capture.row_groups import RowGroups
from reportgen.capture.vectors import WHOLE
from reportgen.capture.visibility import Visibility

ROWS_AT_MOST = 256
ROWS_ON_A_DEVICE = 1024  # which works on a whole block at once
ROWS_AT_LEAST = 16
LAST_ROWS = 64  # or more, of the last blocks of a layer
CELLS_AT_MOST = 12_000_000  # of one block, all heads: 48 MB in float32


@dataclass(frozen=True, kw_only=True, eq=False)
class BlockPlan:
    """Which query rows and which keys one block spans, and how they fall into sentences; the same for every layer with the same mask.

    `runs` are consecutive rows of one sentence, counted from the first row; `key_starts` is counted from the first key; `key_slots` is the sentence of
    each run of keys (the last slot for none); `groups` are the rows by sentence.
    """

    rows: slice
    keys: slice
    runs: tuple[Run, ...]
    key_starts: Int[np.ndarray, " key_run"]
    key_slots: Int[np.ndarray, " key_run"]
    of_rows: Rows
    of_keys: Keys
    groups: RowGroups

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and keys."""
        return self.rows.stop - self.rows.start, self.keys.stop - self.keys.start


def plan_rows(stack: Stack, visibility: Visibility, rows: slice) -> BlockPlan:
    """The block of some query rows: the keys they see, and a few more so that their number is round."""
    looking, looked_at = stack.queries, stack.keys
    first, last = visibility.span(rows.start, rows.stop)
    keys = slice(first, min(first + round_keys(last - first), looked_at.tokens))
    key_runs = looked_at.runs_within(keys.start, keys.stop)
    sinks = looked_at.sinks[(looked_at.sinks >= keys.start) & (looked_at.sinks < keys.stop)] - keys.start
    runs = looking.runs_within(rows.start, rows.stop)
    return BlockPlan(
        rows=rows,
        keys=keys,
        runs=runs,
        key_starts=np.array([run.start for run in key_runs]),
        key_slots=np.array([run.sentence if run.sentence >= 0 else looked_at.sentences for run in key_runs]),
        of_rows=Rows(
            first=visibility.first[rows] - keys.start,
            last=visibility.last[rows] - keys.start,
            position=np.arange(rows.start, rows.stop) - keys.start,
            sentence=looking.sentence_of_token[rows].astype(np.float32),
        ),
        of_keys=Keys(sentence=looked_at.sentence_of_token[keys].astype(np.float32), inside=looked_at.in_sentence.numpy()[keys], sinks=sinks),
        groups=RowGroups.of(looking, rows, runs),
    )


def end_of_block(visibility: Visibility, start: int, heads: int, rows_at_most: int, cells_at_most: int) -> int:
    """The row after the last that fits into a block from `start` on: fewer than `rows_at_most` where they see very many keys."""
    rows = len(visibility.first)
    first, last = visibility.span(start, min(start + rows_at_most, rows))
    fitting = max(cells_at_most // (heads * (last - first)), ROWS_AT_LEAST)
    return min(start + fitting, start + rows_at_most, rows)


def plan_blocks(
    stack: Stack, visibility: Visibility, rows_at_most: int = ROWS_AT_MOST, cells_at_most: int = CELLS_AT_MOST, *, smaller_last: bool = True
) -> Iterator[BlockPlan]:
    """Blocks that end where a sentence ends; a sentence is cut only when it does not fit into one block. With `smaller_last` the last are smaller, so that cores end at about the same time."""
    start, tokens, ends = 0, stack.queries.tokens, [run.stop for run in stack.queries.runs]
    while start < tokens:
        rows = min(rows_at_most, max((tokens - start) // 2, LAST_ROWS)) if smaller_last else rows_at_most
        reach = end_of_block(visibility, start, stack.heads, rows, cells_at_most)
        stop = max((end for end in ends if start < end <= reach), default=reach)
        yield plan_rows(stack, visibility, slice(start, stop))
        start = stop


def decay_edges(tokens: int) -> Int[np.ndarray, " edge"]:
    """0, 1, 2, 4, 8, ... up to above `tokens`."""
    edges = [0, 1]
    while edges[-1] <= tokens:
        edges.append(2 * edges[-1])
    return np.array(edges, np.int32)


def round_keys(count: int) -> int:
    """So many keys, or a few more, that loops work off without remainder."""
    return -(-count // WHOLE) * WHOLE


class Pairs(NamedTuple):
    """Rows and keys of single weights, counted from the block's first, in order of the rows."""

    rows: Int[np.ndarray, " pair"]
    keys: Int[np.ndarray, " pair"]


@dataclass(kw_only=True, eq=False)
class Block:
    """What is kept of the weights of some query rows on the keys they may see: their sums, and what reducers take of them.

    `head_mean` is their mean over heads, which stays where the model is; all else is on the CPU.
    `pairs` holds the weights that each reducer of pairs asked for, 0 where the row does not see the key or the block does not have it; `of_target` the sum over
    the rows that the target reads, None where the block has none; `whole_rows` all weights of the rows that each reducer of rows asked for, invisible keys with weight 0.
    `complete` says that the weights of a row sum to 1; where a sink is a score of no key, they do not. Mutable for speed: all this is used again for the next block, so reducers must not keep views of it.
    """

    layer: int
    plan: BlockPlan
    stack: Stack
    visibility: Visibility
    sums: Sums
    head_mean: Float[torch.Tensor, "row key"]
    pairs: Mapping[object, Float[np.ndarray, "head pair"]]
    of_target: Float[torch.Tensor, "head key"] | None
    whole_rows: Mapping[object, Float[np.ndarray, "head _ key"]]
    complete: bool

    def __post_init__(self) -> None:
        self.rows, self.keys = self.plan.rows, self.plan.keys

    @cached_property
    def counted(self) -> Float[np.ndarray, " row"]:
        """1 for a row that counts and whose token lies in a sentence, else 0."""
        return self.stack.queries.sentence_queries[self.rows].astype(np.float32)

    @cached_property
    def any_left(self) -> Bool[np.ndarray, "head row"]:
        """Whether anything is left of a row without the sinks."""
        return self.sums.left > NOTHING_LEFT

    @cached_property
    def share_of_left(self) -> Float[np.ndarray, "head row"]:
        """1 over what the sinks leave of each row, for renormalised weights; 0 where nothing is left."""
        return np.divide(1.0, self.sums.left, out=np.zeros(self.sums.left.shape, np.float32), where=self.any_left)

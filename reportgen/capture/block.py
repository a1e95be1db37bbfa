"""A block: the attention of a few consecutive query rows of one layer, all heads, before it is reduced and dropped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Int

from reportgen.capture.layout import Run, TextLayout
from reportgen.capture.visibility import Visibility

ROWS_AT_MOST = 192
ROWS_AT_LEAST = 16
CELLS_AT_MOST = 3_000_000  # of one block, all heads: 12 MB in float32; two such buffers stay in the cache
ROUNDED_TO = 16  # matrix products run on whole vectors
NOTHING_LEFT = 1e-37  # float32 has no normal numbers below


@dataclass(frozen=True, kw_only=True, eq=False)
class BlockPlan:
    """Which query rows and which keys one block spans, and how they fall into sentences; the same for every layer with the same mask.

    `runs` are counted from the first row; `run_rows` is 1 where a row belongs to a run; `key_starts` and `sinks` from the first key; `key_slots` is the sentence of each run of keys
    (the last slot for none).
    """

    rows: slice
    keys: slice
    runs: tuple[Run, ...]
    run_rows: Float[torch.Tensor, "run row"]
    key_starts: Int[np.ndarray, " key_run"]
    key_slots: Int[torch.Tensor, " key_run"]
    sinks: Int[torch.Tensor, " sink"]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and keys."""
        return self.rows.stop - self.rows.start, self.keys.stop - self.keys.start

    @property
    def cells(self) -> int:
        """Rows times keys."""
        return self.shape[0] * self.shape[1]


def plan_rows(layout: TextLayout, visibility: Visibility, rows: slice) -> BlockPlan:
    """The block of some query rows: the keys they see, and a few more so that their number is round."""
    first, last = visibility.span(rows.start, rows.stop)
    keys = slice(first, min(first + _rounded(last - first), layout.tokens))
    runs, key_runs = layout.runs_within(rows.start, rows.stop), layout.runs_within(keys.start, keys.stop)
    return BlockPlan(
        rows=rows,
        keys=keys,
        runs=runs,
        run_rows=torch.block_diag(*[torch.ones(1, run.stop - run.start) for run in runs]),
        key_starts=np.array([run.start for run in key_runs]),
        key_slots=torch.tensor([run.sentence if run.sentence >= 0 else layout.sentences for run in key_runs]),
        sinks=torch.from_numpy(layout.sinks[(layout.sinks >= keys.start) & (layout.sinks < keys.stop)] - keys.start),
    )


def plan_blocks(layout: TextLayout, visibility: Visibility, heads: int, rows_at_most: int = ROWS_AT_MOST) -> Iterator[BlockPlan]:
    """Blocks that end where a sentence ends; a sentence is cut only when it does not fit into one block."""
    start, ends = 0, [run.stop for run in layout.runs]
    while start < layout.tokens:
        first, last = visibility.span(start, min(start + rows_at_most, layout.tokens))
        fitting = max(CELLS_AT_MOST // (heads * (last - first)), ROWS_AT_LEAST)
        reach = min(start + min(fitting, rows_at_most), layout.tokens)
        stop = max((end for end in ends if start < end <= reach), default=reach)
        yield plan_rows(layout, visibility, slice(start, stop))
        start = stop


@dataclass(kw_only=True, eq=False)
class PaddedTable:
    """Weights of one block in a buffer with zeros on the left of each row.

    A view that moves one column to the right from row to row then lines diagonals up without a copy, and rows start on whole vectors.
    """

    cells: Float[torch.Tensor, " cells"]
    heads: int
    rows: int
    keys: int

    @staticmethod
    def size(heads: int, rows: int, keys: int) -> int:
        """Cells that a buffer for such a table needs."""
        return heads * rows * (_rounded(rows) + _rounded(keys)) + rows

    def __post_init__(self) -> None:
        self.left = _rounded(self.rows)
        self.width = self.left + _rounded(self.keys)
        self.flat = self.cells[: self.heads * self.rows * self.width].view(self.heads, self.rows * self.width)
        self.table = self.flat.view(self.heads, self.rows, self.width)
        self.inner = self.table[:, :, self.left : self.left + self.keys]  # head row key

    def clear_padding(self) -> None:
        """Zero what surrounds the weights."""
        self.table[:, :, : self.left] = 0.0
        self.table[:, :, self.left + self.keys :] = 0.0
        self.cells[self.flat.numel() :] = 0.0

    def skewed(self) -> Float[torch.Tensor, "head row diagonal"]:
        """Row i moved i columns to the left: column c holds the pairs with key - row = c + 1 - rows."""
        shape = (self.heads, self.rows, self.keys + self.rows - 1)
        return torch.as_strided(self.cells, shape, (self.rows * self.width, self.width + 1, 1), self.left - self.rows + 1)

    def grouped(self, groups: int) -> Float[torch.Tensor, "group stacked key"]:
        """The heads that share keys stacked upon each other."""
        stacked = self.heads // groups * self.rows
        return torch.as_strided(self.cells, (groups, stacked, self.keys), (stacked * self.width, self.width, 1), self.left)

    def times_keys(self, values: Float[torch.Tensor, " key"]) -> Float[torch.Tensor, "head row"]:
        """The weights times a vector over keys, as one product."""
        padded = torch.zeros(self.width)
        padded[self.left : self.left + self.keys] = values
        return torch.mv(self.table.view(-1, self.width), padded).view(self.heads, self.rows)

    def gather(self, rows: torch.Tensor, keys: torch.Tensor) -> Float[torch.Tensor, "head pair"]:
        """The weights of some (row, key) pairs."""
        return self.flat.index_select(1, rows * self.width + keys + self.left)


def _rounded(count: int) -> int:
    return -(-count // ROUNDED_TO) * ROUNDED_TO


@dataclass(kw_only=True, eq=False)
class Block:
    """Weights of some query rows on the keys they may see; invisible keys have weight 0.

    Until `drop_sinks` the weights are the model's own: exp(scores - log_normaliser). After it the sink keys are zero and each row is divided by
    what was `left`; `sink_weights` keeps what was taken out. Mutable for speed: the buffers are used again for the next block, so reducers
    must not keep views of them.
    """

    layer: int
    plan: BlockPlan
    layout: TextLayout
    visibility: Visibility
    padded: PaddedTable
    scores: Float[torch.Tensor, "head row key"]

    def __post_init__(self) -> None:
        self.weights = self.padded.inner  # head row key
        self.rows, self.keys = self.plan.rows, self.plan.keys

    @cached_property
    def greatest(self) -> Float[torch.Tensor, "head row"]:
        """The greatest weight of each row."""
        return self.weights.amax(2)

    @cached_property
    def log_normaliser(self) -> Float[torch.Tensor, "head row"]:
        """The logarithm of the softmax's denominator."""
        return self.scores.amax(2) - torch.log(self.greatest)

    @cached_property
    def head_mean(self) -> Float[torch.Tensor, "row key"]:
        """Weights averaged over heads, sinks included."""
        return self.weights.mean(0)

    @cached_property
    def counted(self) -> Float[torch.Tensor, " row"]:
        """1 for a row whose token lies in a sentence, else 0."""
        return self.layout.in_sentence[self.rows]

    def drop_sinks(self) -> None:
        """Take the sink keys out and renormalise each row; rows with nothing left become zero."""
        self.log_normaliser, self.head_mean  # noqa: B018  read before the weights change
        self.sink_weights = self.weights[:, :, self.plan.sinks]  # head row sink
        self.weights.index_fill_(2, self.plan.sinks, 0.0)
        self.left = self.weights.sum(2)  # head row
        self.any_left = self.left > NOTHING_LEFT
        self.weights.mul_(torch.where(self.any_left, 1.0 / self.left, 0.0)[:, :, None])

    def by_distance(self, row_weights: Float[torch.Tensor, "head weighting row"]) -> Float[torch.Tensor, "head weighting distance"]:
        """Weighted sums over rows along diagonals: entry d is signed distance q - k = d + rows.start - keys.stop + 1."""
        return torch.bmm(row_weights, self.padded.skewed()).flip(2)

    def times_keys(self, values: Float[torch.Tensor, " key"]) -> Float[torch.Tensor, "head row"]:
        """The weights times a vector over the block's keys."""
        return self.padded.times_keys(values)

    def gather(self, rows: torch.Tensor, keys: torch.Tensor) -> Float[torch.Tensor, "head pair"]:
        """The weights of some pairs, rows and keys counted from the block's first."""
        return self.padded.gather(rows, keys)

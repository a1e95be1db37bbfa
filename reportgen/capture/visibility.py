"""Which keys each query may look at, read off the model's own mask without ever building it whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from reportgen.errors import ModelError

ROWS_AT_ONCE = 256


@dataclass(frozen=True, kw_only=True, eq=False)
class Visibility:
    """Query q sees the keys `first[q] <= k < last[q]` of `keys`: causal, windowed, bidirectional and cross-attention masks are all of this form.

    `cells` says which of them a sparse model really computes, where that is not all of them. `gaps` says that a mask is not of this form; a model may make
    such a one that no layer attends by.
    """

    first: Int[np.ndarray, " query"]
    last: Int[np.ndarray, " query"]
    keys: int
    cells: Bool[np.ndarray, "query key"] | None = None
    gaps: bool = False

    def refuse_gaps(self) -> None:
        """Raise `ModelError` for a mask that is not of this form, where a layer attends by it."""
        if self.gaps:
            raise ModelError("The model's attention mask leaves gaps between the keys that a token sees; such masks cannot be measured.")

    @cached_property
    def keys_seen(self) -> Int[np.ndarray, " query"]:
        """How many keys each query sees."""
        return self.last - self.first if self.cells is None else self.cells.sum(1)

    def whole(self) -> Bool[np.ndarray, "query key"]:
        """Every cell: for models whose layers are held whole."""
        key = np.arange(self.keys)
        return (key >= self.first[:, None]) & (key < self.last[:, None]) if self.cells is None else self.cells

    def queries_seeing(self, counted: Bool[np.ndarray, " query"]) -> Int[np.ndarray, " key"]:
        """How many of the counted queries see each key."""
        if self.cells is not None:
            return self.cells[counted].sum(0)
        opened, closed = (np.bincount(borders[counted], minlength=self.keys + 1) for borders in (self.first, self.last))
        return np.cumsum(opened - closed)[: self.keys]

    @cached_property
    def causal(self) -> bool:
        """No query sees a key after itself."""
        return bool((self.last <= np.arange(len(self.last)) + 1).all())

    def seen_among(self, keys: Int[np.ndarray, " chosen"]) -> Int[np.ndarray, " query"]:
        """How many of the chosen (sorted) keys each query sees."""
        if self.cells is not None:
            return self.cells[:, keys].sum(1)
        return np.searchsorted(keys, self.last) - np.searchsorted(keys, self.first)

    def seen_by_group(self, group: Int[np.ndarray, " key"], groups: int) -> Int[np.ndarray, "query group"]:
        """How many keys of each group every query sees; keys of group -1 are of none. Memory: keys x groups."""
        indicator = group[:, None] == np.arange(groups)
        if self.cells is not None:
            return np.rint(self.cells.astype(np.float32) @ indicator.astype(np.float32)).astype(np.int64)
        before = np.zeros((self.keys + 1, groups), np.int64)
        np.cumsum(indicator, axis=0, out=before[1:])
        return before[self.last] - before[self.first]

    def queries_that_see(self, key: int) -> Int[np.ndarray, " seeing"]:
        """The queries that see a key."""
        return np.flatnonzero(self.cells[:, key] if self.cells is not None else (self.first <= key) & (key < self.last))

    def hidden(self, rows: slice, keys: Int[np.ndarray, " key"]) -> Bool[np.ndarray, "row key"]:
        """The pairs of some rows and some keys that are not seen, where what a query sees has no gaps."""
        return (keys < self.first[rows, None]) | (keys >= self.last[rows, None])

    def unseen(self, rows: slice, span: slice, device: torch.device) -> Bool[torch.Tensor, "row key"]:
        """The same of consecutive keys, on a device."""
        first, last = (torch.from_numpy(borders[rows]).to(device) for borders in (self.first, self.last))
        return unseen(first, last, torch.arange(span.start, span.stop, device=device))

    def span(self, start: int, stop: int) -> tuple[int, int]:
        """The smallest range of keys that holds all that the queries from `start` to `stop` see."""
        return int(self.first[start:stop].min()), int(self.last[start:stop].max())

    def pairs_by_distance(self, queries: Float[np.ndarray, " query"]) -> Float[np.ndarray, " distance"]:
        """How many visible pairs lie at each distance |q - k|, each query counted with its weight in `queries`; for queries and keys of one text."""
        tokens, position = self.keys, np.arange(self.keys)
        if self.cells is not None:
            rows, keys = np.nonzero(self.cells)
            return np.bincount(np.abs(rows - keys), weights=queries[rows], minlength=tokens)
        change = np.zeros(2 * tokens + 1)
        np.add.at(change, position - self.last + 1 + tokens, queries)
        np.add.at(change, position - self.first + 1 + tokens, -queries)
        signed = np.cumsum(change)[: 2 * tokens]
        distances = signed[tokens:].copy()
        distances[1:] += signed[1:tokens][::-1]
        return distances


def unseen(first: Int[torch.Tensor, " row"], last: Int[torch.Tensor, " row"], keys: Int[torch.Tensor, " key"]) -> Bool[torch.Tensor, "row key"]:
    """True where a row that sees the keys from `first` to before `last` does not see one of `keys`; where all three are."""
    return (keys < first[:, None]) | (keys >= last[:, None])


def visibility_of_cells(cells: Bool[np.ndarray, "query key"]) -> Visibility:
    """The intervals of a mask that is held whole, and its cells where some between them are not seen. Raises `ModelError` when a query sees nothing."""
    if not cells.any(1).all():
        raise ModelError("The model's attention mask leaves some token with nothing to look at; such masks cannot be measured.")
    keys = cells.shape[1]
    first, last = cells.argmax(1), keys - cells[:, ::-1].argmax(1)
    return Visibility(first=first, last=last, keys=keys, cells=None if (cells.sum(1) == last - first).all() else cells)


def visibility_of(mask_function: Callable[..., torch.Tensor], queries: int, keys: int, device: torch.device | str = "cpu") -> Visibility:
    """The intervals of a transformers mask function (batch, head, query, key) -> bool.

    Works through a few rows at a time. It has `gaps` when the keys that some query sees are not consecutive, or there are none.
    """
    first, last = np.empty(queries, np.int64), np.empty(queries, np.int64)
    gaps, zero, key = False, torch.zeros((), dtype=torch.long, device=device), torch.arange(keys, device=device)[None]
    for start in range(0, queries, ROWS_AT_ONCE):
        stop = min(start + ROWS_AT_ONCE, queries)
        row = torch.arange(start, stop, device=device)[:, None]
        seen = torch.broadcast_to(mask_function(zero, zero, row, key), (stop - start, keys)).cpu().numpy()
        first[start:stop] = seen.argmax(1)
        last[start:stop] = keys - seen[:, ::-1].argmax(1)
        gaps = gaps or bool((seen.sum(1) != last[start:stop] - first[start:stop]).any())
    return Visibility(first=first, last=last, keys=keys, gaps=gaps)

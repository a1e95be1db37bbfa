"""Attention of a text's rows, and of several versions of some of its rows that share the keys before them, with some keys hidden from some rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int

from reportgen.capture.scores import ScoreRule, softmax
from reportgen.capture.visibility import unseen

CELLS_AT_MOST = 1 << 21  # scores at once, of the heads that share a key head: 8 MB in float32
CELLS_ON_A_DEVICE = 1 << 25  # of all heads: 128 MB
ROWS_AT_MOST, ROWS_ON_A_DEVICE = 128, 1024  # at once: few enough that most keys after the rows are left out


@dataclass(frozen=True, kw_only=True, eq=False)
class Keys:
    """Keys and values of one layer: those of the text that all versions share, then the versions' own, one version after the other. One of the two may be empty."""

    shared: Float[torch.Tensor, "key_head shared dim"]
    shared_values: Float[torch.Tensor, "key_head shared value_dim"]
    own: Float[torch.Tensor, "key_head own dim"]
    own_values: Float[torch.Tensor, "key_head own value_dim"]

    def of_heads(self, heads: slice) -> Keys:
        """Those of some key heads, in at least single precision."""
        kept = {name: values[heads].to(working_type(values)) for name, values in vars(self).items()}
        return Keys(**kept)


@dataclass(frozen=True, kw_only=True, eq=False)
class Versions:
    """Rows of one or several versions of a text's parts, one version after the other: the place of each in the text, and its version.

    A row shares the text's keys before `own_from`, and has its version's own from there on. Where `hiding`, it does not see the keys with `hidden[version, key]`.
    """

    place: Int[torch.Tensor, " row"]
    version: Int[torch.Tensor, " row"]
    own_from: Int[torch.Tensor, " row"]
    hiding: Bool[torch.Tensor, " row"]
    hidden: Bool[torch.Tensor, "version key"]

    def of_versions(self, rows: slice) -> slice:
        """All rows of the versions that some rows are of."""
        first = torch.searchsorted(self.version, self.version[rows.start])
        after = torch.searchsorted(self.version, self.version[rows.stop - 1], right=True)
        return slice(int(first), int(after))


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """What rows look at: the keys at the places `first <= k < last` of the text, less what is hidden in their version. All on the CPU."""

    rows: Versions
    first: Int[torch.Tensor, " row"]
    last: Int[torch.Tensor, " row"]
    known: dict[tuple[int, int], Unseen] = field(default_factory=dict)  # by the borders of some rows, the same for every layer that sees the same

    def unseen(self, rows: slice, device: torch.device) -> Unseen:
        """What some rows do not look at; their own keys are those of all rows of their versions."""
        if (rows.start, rows.stop) not in self.known:
            self.known[rows.start, rows.stop] = self._unseen(rows, device)
        return self.known[rows.start, rows.stop]

    def _unseen(self, rows: slice, device: torch.device) -> Unseen:
        first, last, own_from = self.first[rows], self.last[rows], self.rows.own_from[rows]
        before = torch.minimum(last, own_from)
        shared = slice(min(int(first.min()), int(before.max())), int(before.max()))
        own = self.rows.of_versions(rows) if bool((last > own_from).any()) else slice(0, 0)
        places = torch.cat([torch.arange(shared.start, shared.stop), self.rows.place[own]])
        cells = self._cells(rows, shared.stop - shared.start, own, places, device)
        columns = cells.any(0).nonzero()[:, 0]
        return Unseen(shared=shared, own=own, columns=columns, cells=cells[:, columns], rows=self.rows.place[rows].to(device), keys=places.to(device))

    def _cells(self, rows: slice, shared: int, own: slice, places: Int[torch.Tensor, " key"], device: torch.device) -> Bool[torch.Tensor, "row key"]:
        """True where a row does not see a key: the first are `shared`, the others lie in `own`."""
        of_rows = [of_row[rows].to(device) for of_row in (self.first, self.last, self.rows.own_from, self.rows.version, self.rows.hiding)]
        (first, last, own_from, version, hiding), key = of_rows, places.to(device)
        cells = unseen(first, last, key) | (hiding[:, None] & self.rows.hidden.to(device)[version[:, None], key])
        cells[:, :shared] |= key[:shared] >= own_from[:, None]
        cells[:, shared:] |= self.rows.version[own].to(device) != version[:, None]
        return cells


@dataclass(frozen=True, kw_only=True, eq=False)
class Unseen:
    """What some rows do not look at. `shared` and `own` are the keys that any of them may see; of these `columns` are those that some row does not look at, `cells` says which.

    `rows` and `keys` are their places in the text.
    """

    shared: slice
    own: slice
    columns: Int[torch.Tensor, " column"]
    cells: Bool[torch.Tensor, "row column"]
    rows: Int[torch.Tensor, " row"]
    keys: Int[torch.Tensor, " key"]

    def hide(self, scores: Float[torch.Tensor, "head row key"]) -> None:
        """Minus infinity where a key is not looked at."""
        scores.index_copy_(2, self.columns, scores.index_select(2, self.columns).masked_fill_(self.cells, -torch.inf))


def attend(query: Float[torch.Tensor, "head row dim"], keys: Keys, seen: Seen, rule: ScoreRule) -> Float[torch.Tensor, "row head value_dim"]:
    """The output of a layer's attention for every row.

    Computed in at least single precision, returned in the precision of the query. Memory: a few arrays of as many scores as are computed at once.
    """
    groups, device = len(keys.shared), query.device
    queries = (query.to(working_type(query)) * rule.scaling).unflatten(0, (groups, -1))  # key_head group row dim
    output = queries.new_empty(*queries.shape[:3], keys.shared_values.shape[-1])
    at_once, group = 1 if device.type == "cpu" else groups, queries.shape[1]
    parts = [slice(start, start + at_once) for start in range(0, groups, at_once)]
    by_part = [(part, keys.of_heads(part), rule.of_heads(slice(part.start * group, part.stop * group))) for part in parts]
    for rows in _row_blocks(queries[:at_once], keys):
        of_rows = seen.unseen(rows, device)
        for part, of_heads, rule_of_heads in by_part:
            output[part, :, rows] = _attend(queries[part, :, rows], of_heads, of_rows, rule_of_heads)
    return output.flatten(0, 1).transpose(0, 1).to(query.dtype).contiguous()


def working_type(tensor: torch.Tensor) -> torch.dtype:
    """Single precision, or the tensor's own where that is finer."""
    return torch.promote_types(tensor.dtype, torch.float32)


def _row_blocks(queries: Float[torch.Tensor, "key_head group row dim"], keys: Keys) -> Iterator[slice]:
    heads, rows = queries.shape[0] * queries.shape[1], queries.shape[2]
    cells, most = (CELLS_AT_MOST, ROWS_AT_MOST) if queries.device.type == "cpu" else (CELLS_ON_A_DEVICE, ROWS_ON_A_DEVICE)
    at_once = max(min(cells // (heads * (keys.shared.shape[1] + keys.own.shape[1])), most), 1)
    return (slice(start, min(start + at_once, rows)) for start in range(0, rows, at_once))


def _attend(
    queries: Float[torch.Tensor, "key_head group row dim"], keys: Keys, of_rows: Unseen, rule: ScoreRule
) -> Float[torch.Tensor, "key_head group row value_dim"]:
    """The means of the values by the softmax of the scores; a sink takes its part of it and gives nothing. `rule` is that of these heads."""
    flat, width = queries.flatten(1, 2), of_rows.shared.stop - of_rows.shared.start
    products = queries.new_empty(*flat.shape[:2], len(of_rows.keys))
    torch.bmm(flat, keys.shared[:, of_rows.shared].transpose(1, 2), out=products[..., :width])
    torch.bmm(flat, keys.own[:, of_rows.own].transpose(1, 2), out=products[..., width:])
    scores = products.view(-1, queries.shape[2], products.shape[2])
    rule.finish(scores, of_rows.rows, of_rows.keys)
    of_rows.hide(scores)
    weights = softmax(scores, rule.extra).reshape(products.shape)
    values = torch.bmm(weights[..., :width], keys.shared_values[:, of_rows.shared])
    return values.baddbmm_(weights[..., width:], keys.own_values[:, of_rows.own]).unflatten(1, queries.shape[1:3])

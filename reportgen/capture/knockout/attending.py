"""Attention of several versions of the same query rows, which share the keys before them, with some keys hidden from some rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int

from reportgen.capture.scores import ScoreRule, softmax
from reportgen.capture.visibility import unseen

CELLS_AT_MOST, CELLS_ON_A_DEVICE = 1 << 21, 1 << 24  # scores at once, all versions of the heads that share a key head: 8 and 64 MB in float32
ROWS_AT_MOST, ROWS_ON_A_DEVICE = 128, 1024  # at once: few enough that most keys after the rows are left out


@dataclass(frozen=True, kw_only=True, eq=False)
class Keys:
    """Keys and values of one layer: those that all versions share come first, then as many of each version's own. One of the two parts may be empty."""

    shared: Float[torch.Tensor, "key_head shared dim"]
    shared_values: Float[torch.Tensor, "key_head shared value_dim"]
    own: Float[torch.Tensor, "version key_head own dim"]
    own_values: Float[torch.Tensor, "version key_head own value_dim"]

    @property
    def count(self) -> int:
        """Number of keys that a version has."""
        return self.shared.shape[1] + self.own.shape[2]

    def of_head(self, key_head: int) -> HeadKeys:
        """Those of one key head, in at least single precision."""
        found = (self.shared[key_head], self.shared_values[key_head], self.own[:, key_head], self.own_values[:, key_head])
        return HeadKeys(*(tensor.to(working_type(tensor)) for tensor in found))


@dataclass(frozen=True, eq=False)
class HeadKeys:
    """The same of one key head."""

    shared: Float[torch.Tensor, "shared dim"]
    shared_values: Float[torch.Tensor, "shared value_dim"]
    own: Float[torch.Tensor, "version own dim"]
    own_values: Float[torch.Tensor, "version own value_dim"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """Row r, at position `start + r` of its text, sees the keys `first[r] <= key < last[r]`; where `hiding[r]`, version v does not see those with `hidden[v, key]`."""

    start: int
    first: Int[torch.Tensor, " row"]
    last: Int[torch.Tensor, " row"]
    hiding: Bool[torch.Tensor, " row"]
    hidden: Bool[torch.Tensor, "version key"]
    known: dict[tuple[int, int], Unseen] = field(default_factory=dict)  # by the borders of some rows, the same for every layer that sees the same

    def unseen(self, rows: slice, keys: Int[torch.Tensor, " key"]) -> Bool[torch.Tensor, "version row key"]:
        """Which cells of these rows and keys are not looked at."""
        return unseen(self.first[rows], self.last[rows], keys) | (self.hiding[rows, None] & self.hidden[:, None, keys])


def attend(query: Float[torch.Tensor, "version head row dim"], keys: Keys, seen: Seen, rule: ScoreRule) -> Float[torch.Tensor, "version row head value_dim"]:
    """The output of a layer's attention for every version.

    Products with the shared keys are one product for all versions. Computed in at least single precision, returned in the precision of the query.
    Memory: a few arrays of as many scores as are computed at once.
    """
    groups = keys.shared.shape[0]
    queries = (query.to(working_type(query)) * rule.scaling).unflatten(1, (groups, -1))  # version key_head group row dim
    output = queries.new_empty(*queries.shape[:4], keys.shared_values.shape[-1])
    of_heads, group = [keys.of_head(key_head) for key_head in range(groups)], queries.shape[2]
    for rows in _row_blocks(queries, keys.count):
        if (rows.start, rows.stop) not in seen.known:
            seen.known[rows.start, rows.stop] = _unseen(keys, seen, rows)
        of_rows = seen.known[rows.start, rows.stop]
        for key_head, of_head in enumerate(of_heads):
            heads = list(range(key_head * group, (key_head + 1) * group))
            scores = _scores(queries[:, key_head, :, rows], of_head, of_rows, rule, heads)
            output[:, key_head, :, rows] = _weighted(scores, of_head, of_rows.shared, rule, heads)
    return output.flatten(1, 2).transpose(1, 2).to(query.dtype)


def working_type(tensor: torch.Tensor) -> torch.dtype:
    """Single precision, or the tensor's own where that is finer."""
    return torch.promote_types(tensor.dtype, torch.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class Unseen:
    """What some rows do not look at. `shared` are the shared keys that any of them sees; of these and their own ones `columns` are those that some row does not look at, `cells` says which.

    `rows` and `keys` are where they stand in the text.
    """

    shared: slice
    columns: Int[torch.Tensor, " column"]
    cells: Bool[torch.Tensor, "version row column"]
    rows: Int[torch.Tensor, " row"]
    keys: Int[torch.Tensor, " key"]

    def hide(self, scores: Float[torch.Tensor, "version group row key"]) -> None:
        """Minus infinity where a key is not looked at."""
        scores.index_copy_(3, self.columns, scores.index_select(3, self.columns).masked_fill_(self.cells[:, None], -torch.inf))


def _row_blocks(queries: Float[torch.Tensor, "version key_head group row dim"], keys: int) -> Iterator[slice]:
    versions, _, group, rows, _ = queries.shape
    cells, most = (CELLS_AT_MOST, ROWS_AT_MOST) if queries.device.type == "cpu" else (CELLS_ON_A_DEVICE, ROWS_ON_A_DEVICE)
    at_once = max(min(cells // (versions * group * keys), most), 1)
    return (slice(start, min(start + at_once, rows)) for start in range(0, rows, at_once))


def _unseen(keys: Keys, seen: Seen, rows: slice) -> Unseen:
    count, device = keys.shared.shape[1], keys.shared.device
    low, high = min(int(seen.first[rows].min()), count), min(int(seen.last[rows].max()), count)
    position = torch.cat([torch.arange(low, high), torch.arange(count, keys.count)]).to(device)
    of_row = torch.arange(seen.start + rows.start, seen.start + rows.stop, device=device)
    cells = seen.unseen(rows, position)
    columns = cells.flatten(0, 1).any(0).nonzero()[:, 0]
    return Unseen(shared=slice(low, high), columns=columns, cells=cells[:, :, columns], rows=of_row, keys=position)


def _scores(
    queries: Float[torch.Tensor, "version group row dim"], keys: HeadKeys, of_rows: Unseen, rule: ScoreRule, heads: list[int]
) -> Float[torch.Tensor, "version group row key"]:
    """Scores on the keys that any row sees; minus infinity where a key is not looked at."""
    width = of_rows.shared.stop - of_rows.shared.start
    scores = queries.new_empty(*queries.shape[:3], len(of_rows.keys))
    torch.mm(queries.flatten(0, 2), keys.shared[of_rows.shared].T, out=scores.view(-1, scores.shape[-1])[:, :width])
    if keys.own.shape[1]:
        scores[..., width:] = (queries.flatten(1, 2) @ keys.own.transpose(1, 2)).unflatten(1, queries.shape[1:3])
    rule.cap_in_place(scores)
    if rule.bias is not None:
        scores += torch.from_numpy(rule.bias.table[heads]).to(scores)[:, of_rows.keys - of_rows.rows[:, None] + rule.bias.queries - 1]
    of_rows.hide(scores)
    return scores


def _weighted(
    scores: Float[torch.Tensor, "version group row key"], keys: HeadKeys, shared: slice, rule: ScoreRule, heads: list[int]
) -> Float[torch.Tensor, "version group row value_dim"]:
    """The means of the values by the softmax of the scores; a sink takes its part of it and gives nothing."""
    weights = softmax(scores, None if rule.extra is None else rule.extra[heads])
    width = shared.stop - shared.start
    values = (weights.view(-1, weights.shape[-1])[:, :width] @ keys.shared_values[shared]).view(*scores.shape[:3], -1)
    if keys.own.shape[1]:
        values += (weights[..., width:].flatten(1, 2) @ keys.own_values).view(*scores.shape[:3], -1)
    return values

"""The sums of a block by array operations on the device where the model is, blocks batched over heads; the compiled pass is for the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from reportgen.capture.block import Block, Pairs, decay_edges
from reportgen.capture.fused import NO_SCORE, NOTHING_LEFT, Sums
from reportgen.capture.layout import Stack
from reportgen.capture.summing import OfRows
from reportgen.capture.taking import Taking
from reportgen.capture.visibility import Visibility, unseen

IN_DOUBLE = ("products", "products_left")  # added up over blocks
ELSEWHERE = np.zeros((0, 0), np.float32)


class DeviceSumming:
    """What `Summing` is on the CPU. All in float32, which every device has; no atomic additions, so that the same input gives the same numbers.

    Memory on the device: about four times the block's scores, and rows x keys x (bins of distance + 3).
    """

    def __init__(self, stack: Stack, device: torch.device) -> None:
        self.stack, self.device = stack, device
        longest = max(stack.queries.tokens, stack.keys.tokens)
        self.edges = decay_edges(longest)
        self.bin_of_gap = torch.from_numpy(np.searchsorted(self.edges, np.arange(longest + 1), side="right") - 1).to(device)
        self.there: dict[Taking, TakingThere] = {}

    def block(
        self, layer: int, taking: Taking, visibility: Visibility, write: OfRows, attend: OfRows, extra: Float[np.ndarray, " head"] | None = None
    ) -> Block:
        """The block of some rows, all at once: `write` puts the scores of rows and keys into an array, `attend` is given their weights.

        `extra` is a score of no key for each head: weights then sum to less than 1.
        """
        plan, of_no_key = taking.plan, None if extra is None else torch.from_numpy(extra).to(self.device)[:, None]
        there = self._on_the_device(taking)
        scores = torch.empty(self.stack.heads, *plan.shape, device=self.device)
        write(plan.rows, plan.keys, scores)
        weights, logs, log_normaliser = _weigh(scores.masked_fill_(there.hidden(), float(NO_SCORE)), of_no_key)
        attend(plan.rows, plan.keys, weights)
        sums = {"log_normaliser": log_normaliser, **self._over_all_keys(there, weights, logs), **_by_key(there, weights)}
        sums |= _without_sinks(there, sums.pop("moments"), logs)
        flat = weights.flatten(1)
        return Block(
            layer=layer,
            plan=plan,
            stack=self.stack,
            visibility=visibility,
            sums=_on_the_cpu(sums),
            head_mean=weights.mean(0),
            pairs={reducer: (flat.index_select(1, places) * inside).cpu().numpy() for reducer, (places, inside) in there.pairs.items()},
            of_target=weights[:, there.rows_of_target].sum(1).cpu().double() if len(taking.rows_of_target) else None,
            whole_rows={reducer: weights[:, rows].cpu().numpy() for reducer, rows in there.whole_rows.items()},
            complete=extra is None,
        )

    def _on_the_device(self, taking: Taking) -> TakingThere:
        if taking not in self.there:
            self.there[taking] = TakingThere(taking, self.device)
        return self.there[taking]

    def _over_all_keys(self, there: TakingThere, weights: torch.Tensor, logs: torch.Tensor) -> dict[str, torch.Tensor]:
        """What holds every key, by head and row; among it `moments`, some of whose columns leave the sinks out."""
        moments = torch.bmm(weights.transpose(0, 1), self._table(there)).transpose(0, 1)  # head row column
        return {
            "greatest": weights.amax(2),
            "entropy": -_product(weights, logs),
            "inside": moments[:, :, -2],
            "sentences_away": moments[:, :, -1],
            "sink_weights": weights[:, :, there.sinks],
            "moments": moments,
        }

    def _table(self, there: TakingThere) -> Float[torch.Tensor, "row key column"]:
        """What a weight counts for: 1 in its bin of distance, its distance, both 0 on sinks; 1 in sentences, and the sentences between."""
        bins, (rows, keys) = len(self.edges) - 1, there.plan.shape
        gap = (there.position[:, None] - torch.arange(keys, device=self.device)).abs()
        table = torch.zeros(rows, keys, bins + 3, device=self.device)
        table.scatter_(2, self.bin_of_gap[gap][:, :, None], 1.0)
        table[:, :, bins] = gap
        table[:, there.sinks] = 0.0
        table[:, :, -2] = there.inside
        table[:, :, -1] = there.inside * (there.sentence_of_row[:, None] - there.sentence_of_key).abs()
        return table


class TakingThere:
    """A plan and what is taken of its blocks on the device, the same for every layer: the borders of what its rows see, its sinks and sentences, and the places of what reducers take."""

    def __init__(self, taking: Taking, device: torch.device) -> None:
        self.plan, self.device = taking.plan, device
        rows, keys, groups = self.plan.of_rows, self.plan.of_keys, self.plan.groups
        self.first, self.last, self.position = (self._sent(values) for values in (rows.first, rows.last, rows.position))
        self.sentence_of_row, self.sentence_of_key = self._sent(rows.sentence), self._sent(keys.sentence)
        self.inside, self.sinks, self.group_of_row = self._sent(keys.inside), self._sent(keys.sinks), self._sent(groups.of_row)
        self.of_group = self._sent((groups.of_row == np.arange(len(groups.sentence))[:, None]).astype(np.float32))  # group row
        self.pairs = {reducer: self._places(pairs) for reducer, pairs in taking.pairs.items()}
        self.whole_rows = {reducer: self._sent(rows) for reducer, rows in taking.whole_rows.items()}
        self.rows_of_target = self._sent(taking.rows_of_target)

    def _sent(self, values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)

    def _places(self, pairs: Pairs) -> tuple[Int[torch.Tensor, " pair"], Bool[torch.Tensor, " pair"]]:
        """Where single weights lie among those of a head, and which of them the block has."""
        inside = (pairs.keys >= 0) & (pairs.keys < self.plan.shape[1])
        return self._sent(np.where(inside, pairs.rows * self.plan.shape[1] + pairs.keys, 0)), self._sent(inside)

    def hidden(self) -> Bool[torch.Tensor, "row key"]:
        """True where the row does not see the key."""
        return unseen(self.first, self.last, torch.arange(self.plan.shape[1], device=self.device))


def _by_key(there: TakingThere, weights: torch.Tensor) -> dict[str, torch.Tensor]:
    groups, (rows, keys) = len(there.of_group), there.plan.shape
    of_cell = there.group_of_row[:, None].expand(rows, keys)
    return {
        "group_sums": torch.matmul(there.of_group, weights),
        "group_maxima": torch.zeros(groups, keys, device=weights.device).scatter_reduce_(0, of_cell, weights.amax(0), "amax"),
        "products": _products(there, weights),
    }


def _without_sinks(there: TakingThere, moments: torch.Tensor, logs: torch.Tensor) -> dict[str, torch.Tensor]:
    """What leaves the sink keys out. `logs` are used up."""
    by_distance = moments[:, :, :-3]
    left = by_distance.sum(2)
    any_left = left > float(NOTHING_LEFT)
    logs.sub_(torch.where(any_left, left, torch.ones_like(left)).log()[:, :, None])
    rest = logs.exp().mul_(any_left[:, :, None])  # renormalised: products of very small weights would have no float32
    rest[:, :, there.sinks] = 0.0
    return {
        "left": left,
        "entropy_left": -_product(rest, logs),
        "tokens_away": moments[:, :, -3],
        "by_distance": by_distance,
        "products_left": _products(there, rest),
    }


def _weigh(scores: torch.Tensor, extra: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Weights, their logarithms in the place of the scores, and the logarithm of the softmax's denominator."""
    greatest = scores.amax(2)
    greatest = greatest if extra is None else torch.maximum(greatest, extra)
    logs = scores.sub_(greatest[:, :, None])
    weights = logs.exp()
    total = weights.sum(2) if extra is None else weights.sum(2) + (extra - greatest).exp()
    weights.div_(total[:, :, None])
    logs.sub_(total.log()[:, :, None])
    return weights, logs, greatest + total.log()


def _product(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Sum over keys of the products, without an array of them."""
    return torch.matmul(one[:, :, None, :], other[:, :, :, None])[:, :, 0, 0]


def _products(there: TakingThere, weights: torch.Tensor) -> torch.Tensor:
    """Group head head, lower triangle: sum over the group's rows and all keys."""
    by_row = weights.transpose(0, 1)
    of_rows = torch.bmm(by_row, by_row.mT)  # row head head
    return torch.matmul(there.of_group, of_rows.flatten(1)).unflatten(1, of_rows.shape[1:]).tril()


def _on_the_cpu(sums: dict[str, Any]) -> Sums:
    found = {name: np.ascontiguousarray(values.cpu().numpy()) for name, values in sums.items()}
    return Sums(head_mean=ELSEWHERE, **{name: values.astype(np.float64) if name in IN_DOUBLE else values for name, values in found.items()})

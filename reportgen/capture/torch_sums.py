"""The sums of a block by array operations on the device where the model is, blocks batched over heads; the compiled pass is for the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from reportgen.capture.block import Block, BlockPlan, Pairs, decay_edges
from reportgen.capture.fused import NO_SCORE, NOTHING_LEFT, Sums
from reportgen.capture.layout import Stack
from reportgen.capture.summing import OfRows
from reportgen.capture.taking import Taking
from reportgen.capture.visibility import Visibility

IN_DOUBLE = ("products", "products_left")  # added up over blocks


class DeviceSumming:
    """What `Summing` is on the CPU. All in float32, which every device has; no atomic additions, so that the same input gives the same numbers.

    Memory on the device: about four times the block's scores, and rows x keys x (bins of distance + 3).
    """

    def __init__(self, stack: Stack, device: torch.device) -> None:
        self.stack, self.device = stack, device
        longest = max(stack.queries.tokens, stack.keys.tokens)
        self.edges = decay_edges(longest)
        self.bin_of_gap = torch.from_numpy(np.searchsorted(self.edges, np.arange(longest + 1), side="right") - 1).to(device)

    def block(
        self, layer: int, taking: Taking, visibility: Visibility, write: OfRows, attend: OfRows, extra: Float[np.ndarray, " head"] | None = None
    ) -> Block:
        """The block of some rows, all at once: `write` puts the scores of rows and keys into an array, `attend` is given their weights.

        `extra` is a score of no key for each head: weights then sum to less than 1.
        """
        plan, of_no_key = taking.plan, None if extra is None else torch.from_numpy(extra).to(self.device)[:, None]
        scores = torch.empty(self.stack.heads, *plan.shape, device=self.device)
        write(plan.rows, plan.keys, scores)
        weights, logs, log_normaliser = _weigh(scores.masked_fill_(self._hidden(plan), float(NO_SCORE)), of_no_key)
        attend(plan.rows, plan.keys, weights)
        sums = {"log_normaliser": log_normaliser, **self._over_all_keys(plan, weights, logs), **self._by_key(plan, weights)}
        sums |= self._without_sinks(plan, sums.pop("moments"), logs)
        return Block(
            layer=layer,
            plan=plan,
            stack=self.stack,
            visibility=visibility,
            sums=_on_the_cpu(sums),
            pairs={reducer: self._at(plan, pairs, weights) for reducer, pairs in taking.pairs.items()},
            of_target=weights[:, self._sent(taking.rows_of_target)].sum(1).cpu().double() if len(taking.rows_of_target) else None,
            whole_rows={reducer: weights[:, self._sent(rows)].cpu().numpy() for reducer, rows in taking.whole_rows.items()},
            complete=extra is None,
        )

    def _at(self, plan: BlockPlan, pairs: Pairs, weights: Float[torch.Tensor, "head row key"]) -> Float[np.ndarray, "head pair"]:
        """Single weights, 0 for keys that the block does not have."""
        inside = (pairs.keys >= 0) & (pairs.keys < plan.shape[1])
        places = self._sent(np.where(inside, pairs.rows * plan.shape[1] + pairs.keys, 0))
        return (weights.flatten(1).index_select(1, places) * self._sent(inside)).cpu().numpy()

    def _sent(self, values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)

    def _hidden(self, plan: BlockPlan) -> torch.Tensor:
        """Row key: true where the row does not see the key."""
        key = torch.arange(plan.shape[1], device=self.device)
        return (key < self._sent(plan.of_rows.first)[:, None]) | (key >= self._sent(plan.of_rows.last)[:, None])

    def _over_all_keys(self, plan: BlockPlan, weights: torch.Tensor, logs: torch.Tensor) -> dict[str, torch.Tensor]:
        """What holds every key, by head and row; among it `moments`, some of whose columns leave the sinks out."""
        moments = torch.bmm(weights.transpose(0, 1), self._table(plan)).transpose(0, 1)  # head row column
        return {
            "greatest": weights.amax(2),
            "entropy": -_product(weights, logs),
            "inside": moments[:, :, -2],
            "sentences_away": moments[:, :, -1],
            "sink_weights": weights[:, :, self._sent(plan.of_keys.sinks)],
            "moments": moments,
        }

    def _table(self, plan: BlockPlan) -> Float[torch.Tensor, "row key column"]:
        """What a weight counts for: 1 in its bin of distance, its distance, both 0 on sinks; 1 in sentences, and the sentences between."""
        bins, (rows, keys) = len(self.edges) - 1, plan.shape
        gap = (self._sent(plan.of_rows.position)[:, None] - torch.arange(keys, device=self.device)).abs()
        table = torch.zeros(rows, keys, bins + 3, device=self.device)
        table.scatter_(2, self.bin_of_gap[gap][:, :, None], 1.0)
        table[:, :, bins] = gap
        table[:, self._sent(plan.of_keys.sinks)] = 0.0
        inside = self._sent(plan.of_keys.inside)
        table[:, :, -2] = inside
        table[:, :, -1] = inside * (self._sent(plan.of_rows.sentence)[:, None] - self._sent(plan.of_keys.sentence)).abs()
        return table

    def _by_key(self, plan: BlockPlan, weights: torch.Tensor) -> dict[str, torch.Tensor]:
        groups = _rows_of_groups(plan)
        of_group = torch.zeros(len(groups), plan.shape[0])
        for index, rows in enumerate(groups):
            of_group[index, rows] = 1.0
        return {
            "head_mean": weights.mean(0),
            "group_sums": torch.matmul(of_group.to(self.device), weights),
            "group_maxima": torch.stack([weights[:, rows.to(self.device)].amax((0, 1)) for rows in groups]),
            "products": _products(plan, weights),
        }

    def _without_sinks(self, plan: BlockPlan, moments: torch.Tensor, logs: torch.Tensor) -> dict[str, torch.Tensor]:
        """What leaves the sink keys out. `logs` are used up."""
        by_distance = moments[:, :, :-3]
        left = by_distance.sum(2)
        any_left = left > float(NOTHING_LEFT)
        logs.sub_(torch.where(any_left, left, torch.ones_like(left)).log()[:, :, None])
        rest = logs.exp().mul_(any_left[:, :, None])  # renormalised: products of very small weights would have no float32
        rest[:, :, self._sent(plan.of_keys.sinks)] = 0.0
        return {
            "left": left,
            "entropy_left": -_product(rest, logs),
            "tokens_away": moments[:, :, -3],
            "by_distance": by_distance,
            "products_left": _products(plan, rest),
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


def _products(plan: BlockPlan, weights: torch.Tensor) -> torch.Tensor:
    """Group head head, lower triangle: sum over the group's rows and all keys."""
    flat = (weights[:, rows.to(weights.device)].flatten(1) for rows in _rows_of_groups(plan))
    return torch.stack([(rows @ rows.T).tril() for rows in flat])


def _rows_of_groups(plan: BlockPlan) -> list[Int[torch.Tensor, " row"]]:
    return [torch.from_numpy(np.flatnonzero(plan.groups.of_row == group)) for group in range(len(plan.groups.sentence))]


def _on_the_cpu(sums: dict[str, Any]) -> Sums:
    found = {name: np.ascontiguousarray(values.cpu().numpy()) for name, values in sums.items()}
    return Sums(**{name: values.astype(np.float64) if name in IN_DOUBLE else values for name, values in found.items()})

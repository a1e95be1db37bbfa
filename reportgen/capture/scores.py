"""The scores of one layer: what its softmax is taken of, a few query rows at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from reportgen.capture.position_bias import PositionBias
from reportgen.capture.visibility import Visibility
from reportgen.errors import ModelError


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoreRule:
    """What a layer makes of the products of its queries and keys before softmax.

    score = cap tanh(scaling q.k / cap) where there is a soft cap, else scaling q.k; plus the position bias of k - q where there is one. `extra` is a
    score of no key for each head (a sink as an extra logit): the weights then sum to less than 1.
    """

    scaling: float
    cap: float | None = None
    bias: PositionBias | None = None
    extra: Float[np.ndarray, " head"] | None = None


@dataclass(kw_only=True, eq=False)
class LayerScores:
    """Scaled queries, keys and log normalisers of one layer, kept for a second look at its weights; heads are grouped by the key head they share."""

    queries: Float[torch.Tensor, "key_head group query dim"]
    keys: Float[torch.Tensor, "key_head key dim"]
    log_normalisers: Float[torch.Tensor, "head query"]
    visibility: Visibility
    rule: ScoreRule

    def between(self, rows: slice, keys: slice | Int[torch.Tensor, " key"], out: Float[torch.Tensor, "head row key"]) -> None:
        """Scores of some rows on some keys, written into `out`; those of invisible keys mean nothing."""
        queries = self.queries[:, :, rows].flatten(1, 2)
        torch.bmm(queries, self.keys[:, keys].transpose(1, 2), out=out.view(len(queries), queries.shape[1], out.shape[2]))
        if self.rule.cap is not None:
            out.div_(self.rule.cap).tanh_().mul_(self.rule.cap)
        if self.rule.bias is not None:
            self.rule.bias.add_to(out.numpy(), rows, keys)


def layer_scores(query: torch.Tensor, key: torch.Tensor, visibility: Visibility, rule: ScoreRule) -> LayerScores:
    """The scores of a layer from what its attention function is given: batch x head x token x dim, of one text. Raises `ModelError` for more than one."""
    if query.shape[0] != 1:
        raise ModelError(f"The streaming attention reads one text at a time, not a batch of {query.shape[0]}.")
    keys = key[0].float().cpu()
    queries = (query[0].float().cpu() * rule.scaling).unflatten(0, (keys.shape[0], -1))
    return LayerScores(queries=queries, keys=keys, log_normalisers=torch.empty(query.shape[1:3]), visibility=visibility, rule=rule)

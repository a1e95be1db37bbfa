"""The scores of one layer: what its softmax is taken of, a few query rows at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from reportgen.capture.position_bias import NoBias, PositionBias
from reportgen.capture.visibility import Visibility
from reportgen.errors import ModelError

# Keywords that reach an attention function and change none of its numbers: the mask already says what a window hides.
HARMLESS = {
    *("position_ids", "cache_position", "use_cache", "output_attentions", "output_hidden_states", "return_dict", "sliding_window", "is_causal"),
    *("deterministic", "output_router_logits", "labels"),
}
IMPLEMENTED = {"scaling", "dropout", "softcap", "s_aux", "position_bias"}


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

    def of_heads(self, heads: slice) -> ScoreRule:
        """The rule of some of the layer's heads."""
        bias = None if self.bias is None else replace(self.bias, table=self.bias.table[heads])
        return replace(self, bias=bias, extra=None if self.extra is None else self.extra[heads])

    def cap_in_place(self, scores: torch.Tensor) -> None:
        """Cap scaled products, where there is a cap."""
        if self.cap is not None:
            scores.div_(self.cap).tanh_().mul_(self.cap)

    def finish(self, scores: Float[torch.Tensor, "head row key"], rows: slice | Int[torch.Tensor, " row"], keys: slice | Int[torch.Tensor, " key"]) -> None:
        """Scaled products of these rows and keys become scores, in place."""
        self.cap_in_place(scores)
        if self.bias is not None:
            self.bias.add_to(scores, rows, keys)

    def weights(self, scores: Float[torch.Tensor, "head row key"], unseen: Bool[torch.Tensor, "row key"]) -> Float[torch.Tensor, "head row key"]:
        """Softmax of scores over the keys that are seen, which overwrites the others' scores; a sink as an extra logit takes its share."""
        return softmax(scores.masked_fill_(unseen, -torch.inf), self.extra)


def softmax(scores: Float[torch.Tensor, "*batch head row key"], extra: Float[np.ndarray, " head"] | None) -> Float[torch.Tensor, "*batch head row key"]:
    """Softmax over the keys; `extra` is a score of no key for each head, which takes its share."""
    if extra is None:
        return scores.softmax(-1)
    sinks = torch.from_numpy(extra).to(scores)[:, None, None].expand(*scores.shape[:-1], 1)
    return torch.cat([scores, sinks], -1).softmax(-1)[..., :-1]


def score_rule(query: torch.Tensor, mask: Any, keywords: Mapping[str, Any]) -> ScoreRule:
    """The rule of a layer from what its attention function is given by name.

    Raises `ModelError` for what is not implemented: another keyword that could change a number, dropout, a mask or a position bias of tokens x tokens,
    a mask with gaps.
    """
    bias, sinks = keywords.get("position_bias"), keywords.get("s_aux")
    refused = sorted(name for name, given in keywords.items() if given is not None and name not in HARMLESS | IMPLEMENTED)
    refused += ["dropout"] if keywords.get("dropout") else []
    refused += ["a position bias of tokens x tokens"] if not isinstance(bias, (PositionBias, NoBias, type(None))) else []
    if refused:
        raise ModelError(f"The model's attention uses {', '.join(refused)}, which reportgen does not implement; its numbers would be wrong.")
    if not isinstance(mask, Visibility):
        raise ModelError("The model builds its own attention mask instead of asking for one; its numbers would be wrong.")
    mask.refuse_gaps()
    scaling = keywords.get("scaling")
    return ScoreRule(
        scaling=query.shape[-1] ** -0.5 if scaling is None else float(scaling),
        cap=keywords.get("softcap"),
        bias=bias if isinstance(bias, PositionBias) else None,
        extra=None if sinks is None else _sink_scores(sinks, query.shape[1]),
    )


def _sink_scores(logits: torch.Tensor, heads: int) -> Float[np.ndarray, " head"]:
    if logits.numel() != heads:
        raise ModelError(f"The model's attention has {logits.numel()} sink logits for {heads} heads; reportgen reads one for each head.")
    return logits.detach().flatten().float().cpu().numpy()


@dataclass(kw_only=True, eq=False)
class LayerScores:
    """Queries, keys and log normalisers of one layer, kept for a second look at its weights; heads are grouped by the key head they share."""

    queries: Float[torch.Tensor, "key_head group query dim"]
    keys: Float[torch.Tensor, "key_head key dim"]
    log_normalisers: Float[torch.Tensor, "head query"]
    visibility: Visibility
    rule: ScoreRule

    def on_the_cpu(self) -> LayerScores:
        """The same on the CPU, where it may be already."""
        return replace(self, queries=self.queries.cpu(), keys=self.keys.cpu(), log_normalisers=self.log_normalisers.cpu())

    def for_many_rows(self) -> LayerScores:
        """The same with the keys of one dimension side by side in memory: products of a few rows at a time take a quarter longer otherwise."""
        return replace(self, keys=self.keys.mT.contiguous().mT)

    def between(self, rows: slice, keys: slice | Int[torch.Tensor, " key"], out: Float[torch.Tensor, "head row key"]) -> None:
        """Scores of some rows on some keys, written into `out`; those of invisible keys mean nothing."""
        queries = self.queries[:, :, rows].flatten(1, 2)
        self.products(queries, keys, out.view(len(queries), queries.shape[1], out.shape[2]))
        self.rule.finish(out, rows, keys)

    def products(
        self, queries: Float[torch.Tensor, "key_head row dim"], keys: slice | Int[torch.Tensor, " key"], out: Float[torch.Tensor, "key_head row key"]
    ) -> None:
        """Scaled products of some of the layer's queries with some keys, written into `out`."""
        torch.baddbmm(out, queries, self.keys[:, keys].transpose(1, 2), beta=0, alpha=self.rule.scaling, out=out)

    def pair(self, head: int, query: int, key: int) -> tuple[Float[torch.Tensor, " dim"], Float[torch.Tensor, " dim"]]:
        """The scaled query and the key whose product is the score of one pair before soft cap and bias; the heads of a group share the key."""
        key_head, of_group = divmod(head, self.queries.shape[1])
        return self.queries[key_head, of_group, query] * self.rule.scaling, self.keys[key_head, key]


def layer_scores(query: torch.Tensor, key: torch.Tensor, visibility: Visibility, rule: ScoreRule) -> LayerScores:
    """The scores of a layer from what its attention function is given: batch x head x token x dim, of one text. Raises `ModelError` for more than one."""
    if query.shape[0] != 1:
        raise ModelError(f"The streaming attention reads one text at a time, not a batch of {query.shape[0]}.")
    keys = key[0].float()
    queries = query[0].float().unflatten(0, (keys.shape[0], -1))
    return LayerScores(queries=queries, keys=keys, log_normalisers=torch.empty(query.shape[1:3], device=query.device), visibility=visibility, rule=rule)

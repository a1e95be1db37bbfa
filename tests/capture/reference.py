"""The contract's formulas, written plainly over the whole attention array of the model's own eager attention: the independent path."""

from __future__ import annotations

import itertools
import warnings
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Reference:
    """p is float64, layer x head x query x key; `visible` is query x key; `members` the sentence of each token (-1: none)."""

    p: np.ndarray
    visible: np.ndarray
    members: np.ndarray
    sinks: np.ndarray
    delimiter: np.ndarray
    ids: np.ndarray

    @property
    def tokens(self) -> int:
        return len(self.members)

    @property
    def sentences(self) -> int:
        return self.members.max() + 1

    @property
    def inside(self) -> np.ndarray:
        return np.flatnonzero(self.members >= 0)

    @property
    def indicator(self) -> np.ndarray:
        return (self.members[:, None] == np.arange(self.sentences)).astype(float)

    @property
    def gap(self) -> np.ndarray:
        return np.abs(np.arange(self.tokens)[:, None] - np.arange(self.tokens)[None])

    def without_sink(self) -> np.ndarray:
        kept = self.p.copy()
        kept[..., self.sinks] = 0
        left = kept.sum(-1, keepdims=True)
        return np.divide(kept, left, out=np.full_like(kept, np.nan), where=left > 1e-37)

    def sentence_attention(self) -> np.ndarray:
        pooled = np.einsum("qi,lhqk,kj->lhij", self.indicator, self.p, self.indicator, optimize=True)
        return pooled / self.indicator.sum(0)[:, None]

    def outside_attention(self) -> np.ndarray:
        return 1 - self.sentence_attention().sum(-1)

    def isa_by_layer(self) -> np.ndarray:
        found = np.zeros((len(self.p), self.sentences, self.sentences))
        for i in range(self.sentences):
            for j in range(self.sentences):
                found[:, i, j] = self.p[:, :, self.members == i][..., self.members == j].max((1, 2, 3))
        return found

    def rollout_by_layer(self, drop_sinks: bool = False) -> np.ndarray:
        joint, found = np.eye(self.tokens), []
        for layer in self.p:
            mean = layer.mean(0)
            if drop_sinks:
                mean[:, self.sinks] = 0
                left = mean.sum(1)
                mean[left > 0] /= left[left > 0, None]
                mean[left == 0] = np.eye(self.tokens)[left == 0]
            joint = (0.5 * mean + 0.5 * np.eye(self.tokens)) @ joint
            found.append(joint)
        return np.array(found)

    def pooled(self, joint: np.ndarray) -> np.ndarray:
        return np.einsum("qi,lqk,kj->lij", self.indicator, joint, self.indicator, optimize=True) / self.indicator.sum(0)[:, None]

    def sentence_expected(self) -> np.ndarray:
        uniform = self.visible / self.visible.sum(1, keepdims=True)
        return self.indicator.T @ uniform @ self.indicator / self.indicator.sum(0)[:, None]

    def over_queries(self, values: np.ndarray, queries: np.ndarray | None = None) -> np.ndarray:
        """Mean over the queries in sentences (or those given), leaving out rows that have no value."""
        chosen = self.inside if queries is None else np.intersect1d(self.inside, queries)
        return np.nanmean(values[:, :, chosen], axis=-1)

    def entropies(self, weights: np.ndarray) -> np.ndarray:
        logs = np.log(np.where(weights > 0, weights, 1.0))
        return -(weights * logs).sum(-1)

    def head_scores(self) -> dict[str, np.ndarray]:
        left = self.without_sink()
        seen = self.visible.sum(1)
        kept = self.visible.copy()
        kept[:, self.sinks] = False
        near = self.gap <= 3
        later = np.arange(1, self.tokens)
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.where(seen > 1, self.entropies(self.p) / np.log(seen), np.nan)
            relative_left = np.where(kept.sum(1) > 1, self.entropies(left) / np.log(kept.sum(1)), np.nan)
        diagonal = lambda weights: np.pad(np.diagonal(weights, -1, 2, 3), ((0, 0), (0, 0), (1, 0)), constant_values=np.nan)  # noqa: E731
        return {
            "entropy": self.over_queries(self.entropies(self.p)),
            "entropy_without_sink": self.over_queries(self.entropies(left)),
            "relative_entropy": self.over_queries(relative),
            "relative_entropy_without_sink": self.over_queries(relative_left),
            "distance": self.over_queries((self.p * self.gap).sum(-1)),
            "distance_without_sink": self.over_queries((left * self.gap).sum(-1)),
            "locality": self.over_queries((self.p * near).sum(-1)),
            "locality_without_sink": self.over_queries((left * near).sum(-1)),
            "previous_token": self.over_queries(diagonal(self.p), later),
            "previous_token_without_sink": self.over_queries(diagonal(left), later),
            "sentence_distance": self.over_queries(self._sentence_distance()),
            "within_sentence": self.over_queries((self.p * self._same_sentence()).sum(-1)),
            "first_token": self.over_queries(self.p[..., 0], later),
            "delimiter": self.over_queries(self.p[..., self.delimiter].sum(-1)),
            "confidence": self.over_queries(self.p.max(-1)),
            "duplicate_token": self.over_queries(*self._copies(shift=0)),
            "induction": self.over_queries(*self._copies(shift=1)),
        }

    def _same_sentence(self) -> np.ndarray:
        return (self.members[:, None] == self.members[None]) & (self.members >= 0)

    def _sentence_distance(self) -> np.ndarray:
        inside = self.p * (self.members >= 0)
        far = np.abs(self.members[:, None] - self.members[None])
        return (inside * far).sum(-1) / inside.sum(-1)

    def _copies(self, shift: int) -> tuple[np.ndarray, np.ndarray]:
        same = np.tril(self.ids[:, None] == self.ids[None], -1)
        target = np.zeros_like(same)
        target[:, shift:] = same[:, : self.tokens - shift]
        return (self.p * target).sum(-1), np.flatnonzero(same.any(1))

    def decay(self, drop_sinks: bool = False) -> np.ndarray:
        weights = self.without_sink() if drop_sinks else self.p
        visible = self.visible.copy()
        if drop_sinks:
            visible[:, self.sinks] = False
        edges = [0, 1]
        while edges[-1] <= self.tokens:
            edges.append(2 * edges[-1])
        found = []
        for low, high in itertools.pairwise(edges):
            chosen = visible & (self.gap >= low) & (self.gap < high) & (self.members >= 0)[:, None]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # bins without any pair have no mean
                found.append(np.nanmean(np.where(chosen, weights, np.nan), axis=(2, 3)))
        return np.stack(found, -1)

    def head_similarity(self, drop_sinks: bool = False) -> np.ndarray:
        weights = np.nan_to_num(self.without_sink()) if drop_sinks else self.p
        flat = weights.reshape(*weights.shape[:2], -1)
        unit = flat / np.linalg.norm(flat, axis=-1, keepdims=True)
        return unit @ unit.transpose(0, 2, 1)

    def token_influence(self) -> np.ndarray:
        return self.p.mean(1).sum(1) / self.visible.sum(0)

    def arrays(self) -> dict[str, np.ndarray]:
        rollout, rollout_left = self.pooled(self.rollout_by_layer()), self.pooled(self.rollout_by_layer(drop_sinks=True))
        return {
            "sentence_attention": self.sentence_attention(),
            "outside_attention": self.outside_attention(),
            "isa_by_layer": self.isa_by_layer(),
            "isa": self.isa_by_layer().max(0),
            "rollout_by_layer": rollout,
            "rollout": rollout[-1],
            "rollout_without_sink_by_layer": rollout_left,
            "rollout_without_sink": rollout_left[-1],
            "sentence_expected": self.sentence_expected(),
            "coverage": np.ones((self.sentences, self.sentences)),
            "decay": self.decay(),
            "decay_without_sink": self.decay(drop_sinks=True),
            "head_similarity": self.head_similarity(),
            "head_similarity_without_sink": self.head_similarity(drop_sinks=True),
            "token_influence": self.token_influence(),
            "token_influence_total": self.p.mean(1).sum(1),
            **self.head_scores(),
        }

"""The contract's formulas, written plainly over the whole attention array of the model's own eager attention: the independent path."""

from __future__ import annotations

import itertools
import warnings
from dataclasses import dataclass

import numpy as np
import reference_scores
from scipy.stats import kendalltau

from reportgen.capture.layout import Stack, TextLayout


@dataclass(frozen=True, kw_only=True)
class Reference:
    """p is float64, layer x head x query x key; a cell is visible in a layer when some head has any weight there."""

    p: np.ndarray
    looking: TextLayout
    looked_at: TextLayout

    @classmethod
    def of(cls, p: np.ndarray, stack: Stack) -> Reference:
        return cls(p=p, looking=stack.queries, looked_at=stack.keys)

    @property
    def crosses(self) -> bool:
        return self.looking is not self.looked_at

    @property
    def visible(self) -> np.ndarray:
        return (self.p > 0).any(1)

    @property
    def members(self) -> np.ndarray:
        return self.looking.sentence_of_token

    @property
    def key_members(self) -> np.ndarray:
        return self.looked_at.sentence_of_token

    @property
    def tokens(self) -> int:
        return len(self.members)

    @property
    def shape(self) -> tuple[int, int]:
        return self.members.max() + 1, self.key_members.max() + 1

    @property
    def inside(self) -> np.ndarray:
        return np.flatnonzero(self.members >= 0)

    @property
    def indicator(self) -> np.ndarray:
        return (self.members[:, None] == np.arange(self.shape[0])).astype(float)

    @property
    def key_indicator(self) -> np.ndarray:
        return (self.key_members[:, None] == np.arange(self.shape[1])).astype(float)

    @property
    def gap(self) -> np.ndarray:
        return np.abs(np.arange(self.tokens)[:, None] - np.arange(self.tokens)[None])

    def without_sink(self) -> np.ndarray:
        kept = self.p.copy()
        kept[..., self.looked_at.sinks] = 0
        left = kept.sum(-1, keepdims=True)
        return np.divide(kept, left, out=np.full_like(kept, np.nan), where=left > 1e-37)

    def sentence_attention(self) -> np.ndarray:
        pooled = np.einsum("qi,lhqk,kj->lhij", self.indicator, self.p, self.key_indicator, optimize=True)
        return pooled / self.indicator.sum(0)[:, None]

    def outside_attention(self) -> np.ndarray:
        return 1 - self.sentence_attention().sum(-1)

    def isa_by_layer(self) -> np.ndarray:
        found = np.zeros((len(self.p), *self.shape))
        for i, j in np.ndindex(self.shape):
            found[:, i, j] = self.p[:, :, self.members == i][..., self.key_members == j].max((1, 2, 3))
        return found

    def rollout_by_layer(self, drop_sinks: bool = False) -> np.ndarray:
        joint, found = np.eye(self.tokens), []
        for layer in self.p:
            mean = layer.mean(0)
            if drop_sinks:
                mean[:, self.looked_at.sinks] = 0
                left = mean.sum(1)
                mean[left > 0] /= left[left > 0, None]
                mean[left == 0] = np.eye(self.tokens)[left == 0]
            joint = (0.5 * mean + 0.5 * np.eye(self.tokens)) @ joint
            found.append(joint)
        return np.array(found)

    def pooled(self, joint: np.ndarray) -> np.ndarray:
        return np.einsum("qi,lqk,kj->lij", self.indicator, joint, self.indicator, optimize=True) / self.indicator.sum(0)[:, None]

    def sentence_expected(self) -> np.ndarray:
        uniform = self.visible / self.visible.sum(2, keepdims=True)
        by_layer = self.indicator.T @ uniform @ self.key_indicator / self.indicator.sum(0)[:, None]
        return by_layer[0] if (self.visible == self.visible[0]).all() else by_layer

    def over_queries(self, values: np.ndarray) -> np.ndarray:
        """Mean over the queries in sentences, leaving out rows that have no value."""
        return np.nanmean(values[:, :, self.inside], axis=-1)

    def entropies(self, weights: np.ndarray) -> np.ndarray:
        logs = np.log(np.where(weights > 0, weights, 1.0))
        return -(weights * logs).sum(-1)

    def rows_wherever(self) -> dict[str, np.ndarray]:
        """Scores of each query, NaN where it does not count."""
        left = self.without_sink()
        seen = self.visible.sum(2)[:, None]
        kept = self.visible.copy()
        kept[..., self.looked_at.sinks] = False
        seen_left = kept.sum(2)[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.where(seen > 1, self.entropies(self.p) / np.log(seen), np.nan)
            relative_left = np.where(seen_left > 1, self.entropies(left) / np.log(seen_left), np.nan)
        return {
            "entropy": self.entropies(self.p),
            "entropy_without_sink": self.entropies(left),
            "relative_entropy": relative,
            "relative_entropy_without_sink": relative_left,
            "delimiter": self.p[..., self.looked_at.delimiter].sum(-1),
            "confidence": self.p.max(-1),
        }

    def rare(self) -> np.ndarray:
        """Types sorted by count; all that occur as seldom as the one a tenth of the way down are rare."""
        ids = self.looked_at.ids[self.key_members >= 0].tolist()
        counts = {kind: ids.count(kind) for kind in set(ids)}
        threshold = sorted(counts.values())[-(-len(counts) // 10) - 1]
        return np.array([member >= 0 and counts[kind] <= threshold for member, kind in zip(self.key_members, self.looked_at.ids.tolist(), strict=True)])

    def rows_within_a_text(self) -> dict[str, np.ndarray]:
        left, near, later = self.without_sink(), self.gap <= 3, np.arange(self.tokens) >= 1
        following = np.pad(np.diagonal(self.p, 1, 2, 3), ((0, 0), (0, 0), (0, 1)), constant_values=np.nan)
        found = {
            "distance": (self.p * self.gap).sum(-1),
            "distance_without_sink": (left * self.gap).sum(-1),
            "locality": (self.p * near).sum(-1),
            "locality_without_sink": (left * near).sum(-1),
            "previous_token": _before(self.p),
            "previous_token_without_sink": _before(left),
            "sentence_distance": self._sentence_distance(),
            "within_sentence": (self.p * self._same_sentence()).sum(-1),
            "first_token": np.where(later, self.p[..., 0], np.nan),
            "duplicate_token": self._copies(self.p, shift=0),
            "duplicate_token_without_sink": self._copies(left, shift=0),
            "induction": self._copies(self.p, shift=1),
            "induction_without_sink": self._copies(left, shift=1),
        }
        return found if not np.triu(self.p, 1).any() else found | {"next_token": following}

    def _same_sentence(self) -> np.ndarray:
        return (self.members[:, None] == self.members[None]) & (self.members >= 0)

    def _sentence_distance(self) -> np.ndarray:
        inside = self.p * (self.members >= 0)
        far = np.abs(self.members[:, None] - self.members[None])
        with np.errstate(invalid="ignore"):
            return (inside * far).sum(-1) / inside.sum(-1)

    def _copies(self, weights: np.ndarray, shift: int) -> np.ndarray:
        same = np.tril(self.looking.ids[:, None] == self.looking.ids[None], -1)
        target = np.zeros_like(same)
        target[:, shift:] = same[:, : self.tokens - shift]
        return np.where(same.any(1), (weights * target).sum(-1), np.nan)

    def decay(self, drop_sinks: bool = False) -> np.ndarray:
        weights = self.without_sink() if drop_sinks else self.p
        visible = self.visible[:, None].copy()
        if drop_sinks:
            visible[..., self.looked_at.sinks] = False
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

    def alignment(self, p: np.ndarray) -> dict[str, np.ndarray]:
        """Of layer x head x query x key; the formulas one head at a time."""
        scores: dict[str, np.ndarray] = {name: np.zeros(p.shape[:2]) for name in ALIGNMENT}
        for layer, head in np.ndindex(p.shape[:2]):
            weights = p[layer, head][self.inside]
            columns = weights.sum(0)
            chosen = weights.argmax(1)
            steps = [chosen[i + 1] >= chosen[i] for i in range(len(chosen) - 1) if self.inside[i + 1] == self.inside[i] + 1]
            values = (
                np.mean([-sum(w * np.log(w) for w in row if w > 0) for row in weights]),
                np.mean([max(weights[:, k]) > 0.1 for k in range(p.shape[3])]),
                np.mean(steps),
                kendalltau(self.inside, chosen).statistic,
                np.mean([-sum(w / columns[k] * np.log(w / columns[k]) for w in weights[:, k] if w > 0) for k in range(p.shape[3])]),
                np.mean([np.log(1 + (1 - column) ** 2) for column in columns]),
            )
            for name, value in zip(ALIGNMENT, values, strict=True):
                scores[name][layer, head] = value
        return scores

    def scores(self, rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Means over all queries, and by sentence."""
        return {name: self.over_queries(values) for name, values in rows.items()} | reference_scores.by_sentence_of_rows(self, rows)

    def arrays(self) -> dict[str, np.ndarray]:
        seen_by = self.visible.sum(1)
        wherever = {
            "sentence_attention": self.sentence_attention(),
            "outside_attention": self.outside_attention(),
            "isa_by_layer": self.isa_by_layer(),
            "isa": self.isa_by_layer().max(0),
            "sentence_expected": self.sentence_expected(),
            "coverage": np.ones(self.shape),
            "head_similarity": self.head_similarity(),
            "token_influence": self.p.mean(1).sum(1) / np.maximum(seen_by, 1),
            "token_influence_total": self.p.mean(1).sum(1),
            "strongest_key": reference_scores.strongest_key(self),
            **self.scores(self.rows_wherever()),
            **reference_scores.shares_of_what_is_left(self),
            **reference_scores.rare_tokens(self, self.rare()),
        }
        return wherever | (self._arrays_across() if self.crosses else self._arrays_within_a_text())

    def _arrays_across(self) -> dict[str, np.ndarray]:
        mean = self.alignment(self.p.mean(1, keepdims=True))
        return self.alignment(self.p) | {f"{name}_mean_heads": values[:, 0] for name, values in mean.items()}

    def _arrays_within_a_text(self) -> dict[str, np.ndarray]:
        rollout, rollout_left = self.pooled(self.rollout_by_layer()), self.pooled(self.rollout_by_layer(drop_sinks=True))
        return {
            "rollout_by_layer": rollout,
            "rollout": rollout[-1],
            "rollout_without_sink_by_layer": rollout_left,
            "rollout_without_sink": rollout_left[-1],
            "decay": self.decay(),
            "decay_without_sink": self.decay(drop_sinks=True),
            "head_similarity_without_sink": self.head_similarity(drop_sinks=True),
            **self.scores(self.rows_within_a_text()),
            **reference_scores.fixed_offsets(self),
            **{name: pairs for name, pairs in reference_scores.examples(self).items() if "next" not in name or np.triu(self.p, 1).any()},
        }


ALIGNMENT = ("alignment_entropy", "source_coverage", "monotonicity", "alignment_tau", "absentmindedness_in", "coverage_deviation")


def _before(weights: np.ndarray) -> np.ndarray:
    return np.pad(np.diagonal(weights, -1, 2, 3), ((0, 0), (0, 0), (1, 0)), constant_values=np.nan)

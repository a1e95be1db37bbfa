"""What attention would give if every visible key had the same weight: the chance level of scores by distance, token and sentence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from reportgen.measurements import Measurements


@dataclass(frozen=True, kw_only=True, eq=False)
class EvenAttention:
    """The keys each token sees, all before it or all there are, as one range from 0; and the sentence each token lies in."""

    causal: bool
    seen: Int[np.ndarray, " token"]
    members: Int[np.ndarray, " token"]

    @property
    def queries(self) -> Int[np.ndarray, " query"]:
        """The tokens that means are over: those in sentences."""
        return np.flatnonzero(self.members >= 0)

    def scores(self) -> dict[str, float]:
        """`distance`, `entropy`, `locality`, `first_token` and `within_sentence` of even attention, means over queries."""
        query, seen = self.queries, self.seen[self.queries]
        after = seen - 1 - query
        later = query >= 1
        return {
            "distance": float(((query * (query + 1) + after * (after + 1)) / 2 / seen).mean()),
            "entropy": float(np.log(seen).mean()),
            "locality": float(((np.minimum(query, 3) + 1 + np.minimum(after, 3)) / seen).mean()),
            "first_token": float((1 / seen[later]).mean()) if later.any() else np.nan,
            "within_sentence": float(np.diagonal(expected_between(self.members, self.causal))[self.members[query]].mean()),
        }

    def by_distance(self, edges: Int[np.ndarray, " edge"]) -> Float[np.ndarray, " bin"]:
        """Mean weight of a visible pair at distances from each edge up to the next; NaN where there is none."""
        query, seen = self.queries[:, None], self.seen[self.queries, None]
        first, last = edges[:-1], edges[1:] - 1
        before = np.clip(np.minimum(query, last) - first + 1, 0, None)
        after = np.clip(np.minimum(seen - 1 - query, last) - np.maximum(first, 1) + 1, 0, None)
        pairs = before + after
        total = pairs.sum(0)
        return np.divide((pairs / seen).sum(0), total, out=np.full(len(first), np.nan), where=total > 0)

    def by_token(self) -> Float[np.ndarray, " token"]:
        """The share of all tokens' attention that each token collects."""
        tokens = len(self.seen)
        weights = 1 / self.seen
        return (np.cumsum(weights[::-1])[::-1] if self.causal else np.full(tokens, weights.sum())) / tokens


def even_attention(measurements: Measurements) -> EvenAttention | None:
    """None where windows or local layers make what a token sees another thing: told by `sentence_expected`."""
    if measurements.windows or "*.sentence_expected" not in measurements:
        return None
    expected, members = measurements["*.sentence_expected"], measurements["token_sentences"]
    tokens = np.arange(1, len(members) + 1)
    for causal in (True, False):
        if expected.ndim == 2 and np.allclose(expected, expected_between(members, causal), atol=1e-4):
            return EvenAttention(causal=causal, seen=tokens if causal else np.full(len(members), len(members)), members=members)
    return None


def expected_between(members: Int[np.ndarray, " token"], causal: bool) -> Float[np.ndarray, "sentence sentence"]:
    """`sentence_expected` of a mask without a window, for sentences whose tokens follow each other."""
    query = np.flatnonzero(members >= 0)
    owner, counts = members[query], np.bincount(members[query])
    if not causal:
        return np.repeat(counts[None] / len(members), len(counts), axis=0)
    weights = 1 / (query + 1)
    place = np.arange(1, len(query) + 1) - np.concatenate([[0], np.cumsum(counts)])[owner]
    others = np.tril(np.outer(np.bincount(owner, weights) / counts, counts), -1)
    return others + np.diag(np.bincount(owner, weights * place) / counts)

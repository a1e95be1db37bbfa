"""Rollouts of even attention: what the mask alone gives, whatever the text."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from reportgen.analyses.analysis import Method
from reportgen.analyses.even_attention import EvenAttention

METHOD = Method(
    name="Rollout of even attention (receptive field)",
    formula="the same with p = 1 / (number of visible keys), over tokens; where layers see different windows, over sentences from sentence_expected; not for a document in windows",
    source="none; defined here, after Abnar and Zuidema 2020, section 3, who normalise by the receptive field",
)


def receptive_field(even: EvenAttention, query: int, layers: int, sinks: Int[np.ndarray, " sink"]) -> Float[np.ndarray, "layer sentence"]:
    """Rollout of even attention from a sentence, after each layer: what the mask alone gives. Keys in `sinks` are left out; a token with no other key looks at itself.

    Formula: as `rollout`, with p = 1 / (visible keys). Source: none; defined here, after the receptive field of Abnar and Zuidema 2020, section 3. Memory: tokens.
    """
    tokens, inside = len(even.members), even.members >= 0
    spare = np.zeros(tokens)
    spare[sinks] = 1
    seen = even.seen - np.cumsum(spare)[even.seen - 1]
    row = (even.members == query) / (even.members == query).sum()
    found = np.zeros((layers, even.members.max() + 1))
    for layer in range(layers):
        given = np.divide(row, seen, out=np.zeros(tokens), where=seen > 0)
        received = np.cumsum(given[::-1])[::-1] if even.causal else np.full(tokens, given.sum())
        row = 0.5 * row + 0.5 * (received * (1 - spare) + np.where(seen > 0, 0, row))
        found[layer] = np.bincount(even.members[inside], row[inside])
    return found


def row_of_rollout(steps: Float[np.ndarray, "layer sentence sentence"], query: int) -> Float[np.ndarray, "layer sentence"]:
    """Row `query` of A_l ... A_1 for each l."""
    rows = []
    for depth in range(1, len(steps) + 1):
        row = steps[depth - 1, query]
        for layer in range(depth - 2, -1, -1):
            row = row @ steps[layer]
        rows.append(row)
    return np.stack(rows)

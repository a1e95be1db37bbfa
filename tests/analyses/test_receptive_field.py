"""Rollouts of even attention against the rollout of a whole matrix."""

from __future__ import annotations

import numpy as np
import pytest

from reportgen.analyses.even_attention import EvenAttention
from reportgen.analyses.flows.receptive_field import receptive_field, row_of_rollout

MEMBERS = np.array([-1, 0, 0, 0, -1, 1, 1, 2, 2, 2, 2])
INSIDE = (MEMBERS[:, None] == np.arange(3)).astype(float)


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("sinks", [[], [0], [0, 1], [0, 4, 10]])
def test_the_row_of_a_sentence_is_that_of_the_whole_rollout(causal: bool, sinks: list[int]) -> None:
    visible = np.tri(11) if causal else np.ones((11, 11))
    even = EvenAttention(causal=causal, seen=visible.sum(1).astype(int), members=MEMBERS)
    kept = visible.copy()
    kept[:, sinks] = 0
    left = kept.sum(1, keepdims=True)
    weights = np.where(left > 0, kept / np.maximum(left, 1), np.eye(11))
    step, joint = 0.5 * weights + 0.5 * np.eye(11), np.eye(11)
    found = receptive_field(even, 2, 5, np.array(sinks, int))
    for layer in range(5):
        joint = step @ joint
        np.testing.assert_allclose(found[layer], (INSIDE.T @ joint @ INSIDE / INSIDE.sum(0)[:, None])[2])


def test_a_row_of_the_rollout_is_the_row_of_the_product() -> None:
    steps = np.random.default_rng(0).random((3, 5, 5))
    found = row_of_rollout(steps, 3)
    for layer, joint in enumerate([steps[0], steps[1] @ steps[0], steps[2] @ steps[1] @ steps[0]]):
        np.testing.assert_allclose(found[layer], joint[3])

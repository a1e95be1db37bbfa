"""Scaling to the plane: known configurations come back, the stress falls, equal points fall together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.spatial import procrustes
from scipy.spatial.distance import cdist, pdist, squareform

from reportgen.analyses.heads import scaling
from reportgen.analyses.heads.scaling import classical, scale


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(3, 40))
def test_points_of_a_plane_come_back_but_for_turning(seed: int, count: int) -> None:
    points = np.random.default_rng(seed).normal(size=(count, 2))
    found = scale(cdist(points, points))
    np.testing.assert_allclose(cdist(found.points, found.points), cdist(points, points), atol=1e-6)
    assert found.stress < 1e-6
    assert procrustes(points, found.points)[2] < 1e-10


def test_the_stress_of_a_tetrahedron_is_that_of_a_general_optimiser() -> None:
    distances = np.ones((4, 4)) - np.eye(4)

    def stress(flat: np.ndarray) -> float:
        return float(((pdist(flat.reshape(4, 2)) - 1) ** 2).sum() / 6)

    best = min(minimize(stress, np.random.default_rng(seed).normal(size=8)).fun for seed in range(10))
    assert scale(distances).stress == pytest.approx(np.sqrt(best), abs=2e-3)


def test_no_step_makes_the_stress_greater(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.random.default_rng(0).normal(size=(23, 5))
    distances, stresses = cdist(points, points), []
    for steps in range(1, 12):
        monkeypatch.setattr(scaling, "STEPS_AT_MOST", steps)
        stresses.append(scale(distances).stress)
    start = pdist(classical(distances)) - squareform(distances)
    assert stresses[0] <= np.sqrt((start**2).sum() / (squareform(distances) ** 2).sum()) + 1e-12
    assert (np.diff(stresses) <= 1e-12).all()
    assert stresses[-1] < stresses[0]


def test_two_points_at_no_distance_fall_together() -> None:
    points = np.random.default_rng(1).normal(size=(7, 4))
    points[5] = points[2]
    found = scale(cdist(points, points)).points
    np.testing.assert_allclose(found[5], found[2], atol=1e-7)
    assert pdist(np.delete(found, 5, 0)).min() > 1e-3


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("count", [1, 2, 5])
def test_points_without_distance_are_one_point(count: int) -> None:
    found = scale(np.zeros((count, count)))
    assert (found.points.shape, found.stress) == ((count, 2), 0.0)
    assert not found.points.any()


def test_two_points_lie_at_their_distance() -> None:
    found = scale(np.array([[0, 0.3], [0.3, 0]]))
    np.testing.assert_allclose(np.abs(found.points), [[0.15, 0], [0.15, 0]], atol=1e-9)

"""All heads by divergence: tree and clusters by hand, the permutation test, and nothing found where there is nothing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster import hierarchy
from scipy.spatial.distance import cdist
from scipy.stats import permutation_test

from reportgen.analyses.heads.head_map import branches, by_layer, close_heads, head_map

# Two layers of two heads: 0.0 and 1.1 are close, 0.1 is nearer to them than 1.0 is.
BY_HAND = np.array([[0, 0.2, 0.5, 0.04], [0.2, 0, 0.5, 0.24], [0.5, 0.5, 0, 0.6], [0.04, 0.24, 0.6, 0]], np.float32)


def test_the_tree_joins_the_closest_first_at_mean_divergences() -> None:
    found = head_map(BY_HAND, 2, "all keys")
    np.testing.assert_allclose(found.tree[:, 2], [0.04, 0.22, (0.5 + 0.5 + 0.6) / 3], rtol=1e-6)
    assert found.clusters.tolist() == [1, 0, 0, 1]
    assert found.nearest.tolist() == [3, 0, 0, 0]
    np.testing.assert_allclose(found.nearest_divergence, [0.04, 0.2, 0.5, 0.04], rtol=1e-6)
    assert close_heads(found).tolist() == [True, False, False, True]
    joined = np.array([0.22, 1.6 / 3, 0.04, 1.6 / 3, 0.22, 1.6 / 3])
    assert found.cophenetic == pytest.approx(np.corrcoef(BY_HAND[np.triu_indices(4, 1)], joined)[0, 1], rel=1e-5)


def test_the_same_layer_is_compared_with_all_others_by_hand() -> None:
    found = head_map(BY_HAND, 2, "all keys")
    assert found.same_layer == pytest.approx((0.2 + 0.6) / 2)
    assert found.other_layers == pytest.approx((0.5 + 0.04 + 0.5 + 0.24) / 4)
    assert found.p_value == 1.0  # of the three ways to pair the heads, means 0.4, 0.37 and 0.27, it is the one with least alike


def test_the_permutation_test_agrees_with_scipys() -> None:
    points = np.random.default_rng(3).normal(size=(20, 3)) + 0.3 * np.repeat(np.arange(5), 4)[:, None]
    distances, layer = cdist(points, points), np.repeat(np.arange(5), 4)

    def alike(order: np.ndarray) -> float:
        dealt = layer[order.astype(int)]
        return float(distances[(dealt[:, None] == dealt) & ~np.eye(20, dtype=bool)].mean())

    expected = permutation_test((np.arange(20),), alike, permutation_type="pairings", n_resamples=4999, alternative="less", rng=np.random.default_rng(0))
    assert 0.005 < expected.pvalue < 0.5
    assert by_layer(distances, layer)[2] == pytest.approx(expected.pvalue, abs=0.03)


def test_heads_without_order_by_layer_are_seldom_found_alike_within_layers() -> None:
    found = []
    for seed in range(60):
        points = np.random.default_rng(seed).normal(size=(21, 3))
        found.append(by_layer(cdist(points, points), np.repeat(np.arange(3), 7))[2])
    assert np.mean(np.array(found) < 0.05) < 0.15
    assert 0.35 < np.mean(found) < 0.65


def test_heads_that_differ_have_no_cluster_and_equal_ones_are_one() -> None:
    apart = np.full((6, 6), 0.3, np.float32) * ~np.eye(6, dtype=bool)
    assert not head_map(apart, 3, "all keys").clusters.any()
    same = head_map(np.zeros((6, 6), np.float32), 3, "all keys")
    assert same.clusters.tolist() == [1] * 6
    assert (same.cophenetic, same.stress) == (None, 0.0)
    assert same.p_value == 1.0


def test_heads_of_which_nothing_was_compared_are_left_out() -> None:
    divergence = BY_HAND.copy()
    divergence[1], divergence[:, 1] = np.nan, np.nan
    found = head_map(divergence, 2, "all keys")
    assert found.compared.tolist() == [0, 2, 3]
    assert np.isnan(found.points[1]).all()
    assert (found.nearest.tolist(), found.clusters.tolist()) == ([3, -1, 0, 0], [1, 0, 0, 1])


@pytest.mark.filterwarnings("error")
def test_one_head_has_a_place_and_nothing_else() -> None:
    found = head_map(np.zeros((1, 1), np.float32), 1, "all keys")
    assert found.points.tolist() == [[0, 0]]
    assert (len(found.tree), found.cophenetic, found.p_value, found.nearest.tolist()) == (0, None, None, [-1])


def test_branches_are_those_of_scipys_dendrogram() -> None:
    points = np.random.default_rng(5).normal(size=(17, 3))
    tree = hierarchy.linkage(points, "average")
    drawn = hierarchy.dendrogram(tree, no_plot=True)
    expected = sorted(
        sorted(zip(np.round((np.array(x) - 5) / 10, 2).tolist(), np.round(y, 4).tolist(), strict=True))
        for x, y in zip(drawn["icoord"], drawn["dcoord"], strict=True)
    )
    found = sorted(sorted(corners) for corners in branches(tree))
    np.testing.assert_allclose(found, expected, atol=0.011)

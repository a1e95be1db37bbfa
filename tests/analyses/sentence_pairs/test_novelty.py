"""Novelty and triangles: sums against loops, planted parts found, noise cut seldom."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reportgen.analyses.sentence_pairs.novelty import (
    SHUFFLES,
    Triangle,
    _suppressed,
    bands,
    find_borders,
    find_triangles,
    overlap,
    shuffles,
    symmetric,
    triangle_sums,
)


def noise(sentences: int, seed: int = 0) -> np.ndarray:
    """Symmetric standard normal numbers, none on the diagonal and for the first sentence as key."""
    z = np.full((sentences, sentences), np.nan)
    later, earlier = np.tril_indices(sentences, -1)
    z[later, earlier] = np.random.default_rng(seed).normal(size=len(later))
    return symmetric(z)


def planted(sizes: list[int], seed: int = 0, by: float = 1.8) -> np.ndarray:
    part = np.repeat(np.arange(len(sizes)), sizes)
    return noise(len(part), seed) + by * np.equal.outer(part, part)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), sentences=st.integers(3, 13), width=st.integers(1, 7))
def test_triangles_are_summed_as_loops_sum_them(seed: int, sentences: int, width: int) -> None:
    joint = noise(sentences, seed)
    joint[2, 1] = joint[1, 2] = np.nan
    band, exists = bands(joint, np.empty((0, sentences), int), width)
    sums, counts = triangle_sums(band)[0], triangle_sums(exists.astype(float))
    for first in range(sentences):
        for length in range(width + 1):
            pairs = [joint[i, j] for i in range(first, first + length + 1) for j in range(first, i) if i < sentences and not np.isnan(joint[i, j])]
            if first + length < sentences:
                assert sums[first, length] == pytest.approx(sum(pairs), abs=1e-4)
                assert counts[first, length] == len(pairs)
            else:
                assert np.isnan(sums[first, length])


def test_the_contrast_is_what_a_checkerboard_gives() -> None:
    joint = noise(37, 3)
    found = find_borders(joint, shuffles(37))
    half = 8
    for gap in range(half - 1, 37 - half):
        window = slice(gap + 1 - half, gap + 1 + half)
        board = np.kron([[1, 0], [0, 1]], np.ones((half, half))).astype(bool)
        pairs, lower = joint[window, window], np.tri(2 * half, k=-1, dtype=bool)
        assert found.contrast[gap] == pytest.approx(pairs[board & lower].mean() - pairs[~board & lower].mean(), abs=1e-5)


def test_strength_is_in_standard_deviations_of_shuffled_orders() -> None:
    joint, orders = planted([19, 18], 3), shuffles(37)
    found = find_borders(joint, orders)
    alone = np.array([find_borders(joint[np.ix_(order, order)], orders[:2]).contrast for order in orders])
    inside = slice(3, 33)
    np.testing.assert_allclose(found.strength[inside], ((found.contrast - alone.mean(0)) / alone.std(0))[inside], atol=1e-3)
    greatest = ((alone - alone.mean(0)) / alone.std(0))[:, inside].max(1)
    assert found.level == pytest.approx(np.quantile(greatest, 0.95), abs=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_planted_parts_are_found_where_they_were_planted(seed: int) -> None:
    assert find_borders(planted([13, 11, 17], seed), shuffles(41)).gaps == (12, 23)


def test_noise_is_cut_seldom_and_so_are_parts_in_shuffled_order() -> None:
    orders = shuffles(41)
    cut = sum(bool(find_borders(noise(41, seed), orders).gaps) for seed in range(60))
    assert cut <= 8
    random = np.random.default_rng(9)
    mixed = 0
    for seed in range(40):
        order = random.permutation(41)
        mixed += bool(find_borders(planted([13, 11, 17], seed)[np.ix_(order, order)], orders).gaps)
    assert mixed <= 7


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("joint", [np.zeros((23, 23)), np.full((23, 23), np.nan), np.zeros((1, 1)), noise(5), 1e-6 * planted([11, 12])])
def test_nothing_to_see_gives_no_border_and_no_triangle(joint: np.ndarray) -> None:
    orders = shuffles(len(joint))
    assert find_borders(joint, orders).gaps == ()
    if len(joint) != 5:
        assert find_triangles(joint, orders) == ()


def test_pairs_that_no_window_saw_are_left_out() -> None:
    joint = planted([13, 11, 17], 2)
    joint[np.abs(np.subtract.outer(np.arange(41), np.arange(41))) > 12] = np.nan
    found = find_borders(joint, shuffles(41))
    assert found.gaps == (12, 23)
    assert np.isfinite(found.strength[3:37]).all()


def test_both_directions_are_averaged_and_each_distance_is_centred() -> None:
    z = np.array([[np.nan, np.nan, np.nan], [9.0, np.nan, 1.0], [0.5, 2.0, np.nan]])
    joint = symmetric(z)
    assert joint[1, 2] == joint[2, 1] == pytest.approx(1.5 - 2.25)
    assert joint[0, 1] == joint[1, 0] == pytest.approx(3 - 2.25)
    assert joint[2, 0] == joint[0, 2] == 0
    assert np.isnan(np.diagonal(joint)).all()


def test_a_function_of_distance_alone_leaves_nothing() -> None:
    apart = np.abs(np.subtract.outer(np.arange(17.0), np.arange(17.0)))
    np.testing.assert_allclose(symmetric(np.where(np.tri(17, k=-1) > 0, 1 / (1 + apart), np.nan))[np.tri(17, k=-1) > 0], 0, atol=1e-12)


def test_shuffled_orders_are_orders_and_the_same_each_time() -> None:
    orders = shuffles(11)
    assert orders.shape == (SHUFFLES, 11)
    assert (np.sort(orders, axis=1) == np.arange(11)).all()
    assert (shuffles(11) == orders).all()


def test_triangles_are_the_planted_parts() -> None:
    found = find_triangles(planted([13, 11, 17], 1), shuffles(41))
    assert [(triangle.first, triangle.last) for triangle in found] in ([(0, 13), (13, 24), (24, 41)], [(0, 13), (24, 41)])
    best = planted([13, 11, 17], 1)[:13, :13]
    assert found[0].score == pytest.approx(best[np.tri(13, k=-1) > 0].sum() / np.sqrt(78), rel=1e-4)


def test_noise_holds_few_triangles() -> None:
    assert sum(bool(find_triangles(noise(41, seed), shuffles(41))) for seed in range(40)) <= 7


def test_of_overlapping_triangles_the_stronger_stays() -> None:
    first, second, third = (Triangle(first=a, last=b, score=s) for a, b, s in [(0, 10, 9.0), (6, 13, 8.0), (7, 15, 7.0)])
    assert overlap(first, second) == pytest.approx(4 / 13)
    assert overlap(first, third) == pytest.approx(3 / 15)
    assert overlap(first, Triangle(first=10, last=12, score=1.0)) == 0
    assert _suppressed([first, second, third]) == [first, third]

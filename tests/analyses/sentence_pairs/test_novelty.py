"""Novelty and triangles: sums against loops, planted parts found, noise cut seldom."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reportgen.analyses.sentence_pairs.novelty import (
    DRAWS,
    Triangle,
    _contrasts,
    _suppressed,
    band_of,
    checkerboard,
    find_borders,
    find_triangles,
    orders_by_chance,
    overlap,
    symmetric,
    triangle_scores,
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
@given(seed=st.integers(0, 1000), sentences=st.integers(6, 17))
def test_triangles_are_summed_as_loops_sum_them(seed: int, sentences: int) -> None:
    joint = noise(sentences, seed)
    joint[2, 1] = joint[1, 2] = np.nan
    lengths = []
    for length, scores in triangle_scores(joint, np.arange(sentences)[None]):
        lengths.append(length)
        assert scores.shape == (1, sentences - length + 1)
        for first, score in enumerate(scores[0]):
            pairs = [joint[i, j] for i in range(first, first + length) for j in range(first, i)]
            assert score == pytest.approx(np.nansum(pairs) / np.sqrt(len(pairs)), abs=1e-5)
    assert lengths == list(range(3, sentences // 2 + 1))


def test_the_contrast_is_what_a_checkerboard_gives() -> None:
    joint = noise(43, 3)
    found = find_borders(joint)
    half = 10
    for gap in range(half - 1, 43 - half):
        window = slice(gap + 1 - half, gap + 1 + half)
        board = np.kron([[1, 0], [0, 1]], np.ones((half, half))).astype(bool)
        pairs, lower = np.nan_to_num(joint[window, window]), np.tri(2 * half, k=-1, dtype=bool)
        assert found.contrast[gap] == pytest.approx(pairs[board & lower].mean() - pairs[~board & lower].mean(), abs=1e-5)
    assert np.isnan(found.contrast[: half - 1]).all()
    assert np.isnan(found.contrast[43 - half :]).all()


def test_a_moved_row_takes_its_numbers_at_their_distances_to_another_place() -> None:
    joint, width = noise(23, 5), 3
    (order,) = orders_by_chance(23, 1, 2 * width - 1)[1:]
    band = band_of(joint, 2 * width - 1)
    found = _contrasts(joint[None], width, order[None])[0, :, 0]
    for gap in range(width - 1, 23 - width):
        moved = [band[order[gap + 1 - width + place]] @ checkerboard(width)[place] for place in range(2 * width)]
        assert found[gap - width + 1] == pytest.approx(sum(moved), abs=1e-5)


def test_strength_is_the_lesser_of_standard_deviations_of_chance_by_later_and_by_earlier_sentences() -> None:
    joint, half = planted([22, 21], 3), 10
    found, orders = find_borders(joint), orders_by_chance(43, DRAWS, 2 * half - 1)
    strengths, levels = [], []
    for flip in (False, True):
        contrasts = _contrasts(joint[None, ::-1, ::-1], half, orders)[:, ::-1, 0] if flip else _contrasts(joint[None], half, orders)[..., 0]
        contrasts = contrasts.astype(np.float64)
        np.testing.assert_allclose(contrasts[0], found.contrast[half - 1 : 43 - half], atol=1e-6)
        z = (contrasts - contrasts[1:].mean(0)) / contrasts[1:].std(0)
        strengths.append(z[0])
        levels.append(np.quantile(z[1:].max(1), 0.95))
    np.testing.assert_allclose(found.strength[half - 1 : 43 - half], np.minimum(*strengths))
    assert found.level == pytest.approx(max(levels))


@pytest.mark.parametrize("seed", range(5))
def test_planted_parts_are_found_where_they_were_planted(seed: int) -> None:
    assert find_borders(planted([13, 11, 17], seed, by=2.5)).gaps == (12, 23)


def rows_in_common(sentences: int, seed: int) -> np.ndarray:
    """Numbers that are correlated within the row of a later sentence: 0.8 between neighbours."""
    random = np.random.default_rng(seed)
    z = random.normal(size=(sentences, sentences))
    for key in range(1, sentences):
        z[:, key] = 0.8 * z[:, key - 1] + 0.6 * z[:, key]
    return symmetric(np.where(np.tri(sentences, k=-1) > 0, z, np.nan))


@pytest.mark.parametrize(("made", "at_most"), [(noise, 5), (rows_in_common, 10)])  # at 5 %, more than 10 of 100 in one trial of a hundred
def test_noise_is_cut_in_about_one_document_of_twenty(made: Callable[[int, int], np.ndarray], at_most: int) -> None:
    assert sum(bool(find_borders(made(47, seed)).gaps) for seed in range(100)) <= at_most


def test_parts_in_shuffled_order_are_cut_seldom() -> None:
    random, mixed = np.random.default_rng(9), 0
    for seed in range(60):
        order = random.permutation(41)
        mixed += bool(find_borders(planted([13, 11, 17], seed)[np.ix_(order, order)]).gaps)
    assert mixed <= 3


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("joint", [np.zeros((23, 23)), np.full((23, 23), np.nan), np.zeros((1, 1)), noise(2), 1e-3 * planted([11, 12])])
def test_nothing_to_see_gives_no_border_and_no_triangle(joint: np.ndarray) -> None:
    assert find_borders(joint).gaps == ()
    assert find_triangles(joint) == ()


def test_pairs_that_no_window_saw_are_left_out() -> None:
    joint = planted([13, 11, 17], 2)
    joint[np.abs(np.subtract.outer(np.arange(41), np.arange(41))) > 12] = np.nan
    found = find_borders(joint)
    assert found.gaps == (12, 23)
    assert np.isfinite(found.strength[9:31]).all()


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


def test_orders_by_chance_draw_whole_rows_alone_for_every_place_the_same_each_time() -> None:
    orders = orders_by_chance(11, 199, 4)
    assert orders.shape == (200, 11)
    assert orders[0].tolist() == list(range(11))
    assert np.unique(orders[1:]).tolist() == list(range(4, 11))
    assert (orders_by_chance(11, 199, 4) == orders).all()


def test_triangles_are_the_planted_parts() -> None:
    joint = planted([13, 11, 17], 1)
    found = find_triangles(joint)
    assert [(triangle.first, triangle.last) for triangle in found] == [(24, 41)]  # the strict chance level misses the smaller two
    assert found[0].score == pytest.approx(joint[24:, 24:][np.tri(17, k=-1) > 0].sum() / np.sqrt(136), rel=1e-4)


@pytest.mark.parametrize("made", [noise, rows_in_common])
def test_noise_holds_triangles_in_one_document_of_twenty_at_most(made: Callable[[int, int], np.ndarray]) -> None:
    assert sum(bool(find_triangles(made(41, seed))) for seed in range(100)) <= 5


def test_of_overlapping_triangles_the_stronger_stays() -> None:
    first, second, third = (Triangle(first=a, last=b, score=s) for a, b, s in [(0, 10, 9.0), (6, 13, 8.0), (7, 15, 7.0)])
    assert overlap(first, second) == pytest.approx(4 / 13)
    assert overlap(first, third) == pytest.approx(3 / 15)
    assert overlap(first, Triangle(first=10, last=12, score=1.0)) == 0
    assert _suppressed([first, second, third]) == [first, third]

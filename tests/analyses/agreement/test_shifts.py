"""Moves along the document: equal to moving by hand, and at their nominal rate on noise that falls with distance and is alike among neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from reportgen.analyses.agreement.controls import controls
from reportgen.analyses.agreement.ranks import centred_ranks
from reportgen.analyses.agreement.shifts import kendall_p, moved_correlations, partial_p, shifted_products, spearman_p

DOCUMENTS = 120


def moves(values: np.ndarray) -> list[np.ndarray]:
    """All moves of one row, the one that moves nothing first."""
    return [np.roll(row, -step) for row in (values, values[::-1]) for step in range(len(values))]


def by_hand(statistic, one: np.ndarray, other: np.ndarray) -> float:
    found = np.array([statistic(one, moved).statistic for moved in moves(other)])
    return float((np.abs(found) >= abs(found[0]) - 1e-9).mean())


def test_products_are_those_of_moving_by_hand() -> None:
    one, other = np.random.default_rng(0).normal(size=(2, 7))
    found = shifted_products(one[None], other[None])[0, 0]
    np.testing.assert_allclose(found.ravel(), [one @ moved for moved in moves(other)], atol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_p_is_the_share_of_moves_by_hand_with_scipys_correlations(seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 7, (2, 17 + seed)).astype(float)
    values[1] += values[0] * (seed > 1)
    assert spearman_p(centred_ranks(values))[0, 1] == pytest.approx(by_hand(stats.spearmanr, *values))
    assert kendall_p(values)[0, 1] == pytest.approx(by_hand(stats.kendalltau, *values))


def test_moved_residuals_are_fitted_again_by_hand() -> None:
    random = np.random.default_rng(3)
    accounted = controls([np.log(np.arange(23, 0, -1)), random.normal(size=23)], np.arange(23) == 0)
    left = random.normal(size=(2, 23))
    left -= left @ accounted.T @ accounted
    expected = []
    for moved in moves(left[1]):
        free = moved - accounted.T @ (accounted @ moved)
        expected.append(left[0] @ free / np.linalg.norm(left[0]) / np.linalg.norm(free))
    np.testing.assert_allclose(moved_correlations(left[:1], left[1:], accounted).ravel(), expected, atol=1e-9)


def noise(random: np.random.Generator, sentences: int) -> np.ndarray:
    """Alike among neighbours."""
    found = random.normal(size=sentences)
    for place in range(1, sentences):
        found[place] = 0.6 * found[place - 1] + 0.8 * found[place]
    return found


def test_two_independent_rows_whose_neighbours_are_alike_agree_in_one_document_of_twenty() -> None:
    """Textbook p-values, which take sentences as independent, find agreement several times as often."""
    found = textbook = 0
    for seed in range(2 * DOCUMENTS):
        random = np.random.default_rng(seed)
        values = np.array([noise(random, 61), noise(random, 61)])
        found += spearman_p(centred_ranks(values))[0, 1] <= 0.05
        textbook += stats.spearmanr(*values).pvalue <= 0.05
    assert found <= 0.09 * 2 * DOCUMENTS
    assert textbook > 1.5 * found


@pytest.mark.parametrize("scatter", [0.3, 1.0])
def test_beyond_distance_length_and_the_sink_noise_agrees_in_about_one_document_of_twenty(scatter: float) -> None:
    """Both fall with distance, grow with length and have the sink; without controls nearly all would agree."""
    found = plain = 0
    for seed in range(DOCUMENTS):
        random = np.random.default_rng(seed)
        distance, length = np.log(np.arange(60, 0, -1)), np.log(random.integers(4, 40, 60))
        values = np.array([length - distance + scatter * noise(random, 60) for _ in range(2)])
        values[:, 0] += 4
        ranks = centred_ranks(values)
        found += partial_p(ranks, controls([distance, length], np.arange(60) == 0))[0, 1] <= 0.05
        plain += spearman_p(ranks)[0, 1] <= 0.05
    assert found <= 0.12 * DOCUMENTS
    assert plain > 0.6 * DOCUMENTS


def test_what_two_rows_share_beyond_the_controls_is_found() -> None:
    found = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        distance, length, shared = np.log(np.arange(60, 0, -1)), np.log(random.integers(4, 40, 60)), random.normal(size=60)
        values = np.array([length - distance + 0.7 * shared + 0.5 * random.normal(size=60) for _ in range(2)])
        found += partial_p(centred_ranks(values), controls([distance, length], np.arange(60) == 0))[0, 1] <= 0.05
    assert found >= 18

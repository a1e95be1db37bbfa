"""Correlations pooled: the random-effects mean by hand, variances of z, bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from reportgen.corpus.genres import compare_genres
from reportgen.corpus.pooling import pool, z_variance

Z, VARIANCE = np.array([0.2, 0.5, 1.0]), np.array([0.04, 0.01, 0.02])


def test_the_random_effects_mean_by_hand() -> None:
    # Weights 25, 100, 50: mean 0.6, Q = 25 x 0.16 + 100 x 0.01 + 50 x 0.16 = 13, scale 175 - 13125 / 175 = 100, variance between (13 - 2) / 100 = 0.11.
    found = pool(np.tanh(Z), VARIANCE)
    assert (found.documents, found.q) == (3, pytest.approx(13))
    assert found.tau == pytest.approx(math.sqrt(0.11))
    assert found.i_squared == pytest.approx(11 / 13)
    assert found.q_p == pytest.approx(math.exp(-13 / 2))  # chi-squared with two degrees of freedom
    # Weights 1 / 0.15, 1 / 0.12, 1 / 0.13.
    total = 1 / 0.15 + 1 / 0.12 + 1 / 0.13
    mean = (0.2 / 0.15 + 0.5 / 0.12 + 1.0 / 0.13) / total
    assert mean == pytest.approx(0.581356, abs=1e-6)
    factor = ((0.2 - mean) ** 2 / 0.15 + (0.5 - mean) ** 2 / 0.12 + (1.0 - mean) ** 2 / 0.13) / 2
    assert factor == pytest.approx(1.18644, abs=1e-5)
    deviation = math.sqrt(factor / total)
    assert found.mean.value == pytest.approx(math.tanh(mean))
    assert found.mean.low == pytest.approx(math.tanh(mean - 4.302653 * deviation), abs=1e-6)
    assert found.mean.high == pytest.approx(math.tanh(mean + 4.302653 * deviation), abs=1e-6)
    assert found.another.high == pytest.approx(math.tanh(mean + 12.7062 * math.sqrt(0.11 + deviation**2)), abs=1e-6)


def test_documents_that_do_not_differ_have_no_variance_between_them_and_no_narrower_interval() -> None:
    found = pool(np.tanh(np.array([0.5, 0.51, 0.49, 0.5])), np.full(4, 0.04))
    assert (found.tau, found.i_squared) == (0, 0)
    assert np.arctanh(found.mean.high) == pytest.approx(0.5 + stats.t.ppf(0.975, 3) * 0.1)


@pytest.mark.filterwarnings("error")
def test_fewer_than_three_documents_are_not_pooled_and_those_without_a_number_do_not_count() -> None:
    found = pool(np.array([0.2, np.nan, 0.4, 0.3]), np.array([0.04, 0.04, np.nan, 0.04]))
    assert found.documents == 2
    assert np.isnan([found.mean.value, found.mean.low, found.another.high, found.tau, found.i_squared, found.q_p]).all()


def test_the_variance_is_that_of_the_interval_unless_few_sentences_allow_no_such() -> None:
    rho, low, high = np.array([0.5, 0.5, 0.5, 0.5]), np.array([-0.2, 0.49, 0.49, np.nan]), np.array([0.8, 0.51, 0.51, np.nan])
    found = z_variance(rho, low, high, np.array([103, 28, 3, 28]))
    assert found[0] == pytest.approx(((math.atanh(0.8) + math.atanh(0.2)) / 3.919928) ** 2)
    assert found[1] == found[3] == pytest.approx(1.125 / 25)
    assert np.isnan(found[2])


@pytest.mark.filterwarnings("error")
def test_an_interval_that_ends_at_one_has_a_finite_variance() -> None:
    assert np.isfinite(z_variance(np.array([1.0]), np.array([0.2]), np.array([1.0]), np.array([20])))
    assert np.isfinite(pool(np.array([1.0, 0.2, -1.0]), np.full(3, 0.1)).mean.value)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(-0.99, 0.99), st.floats(0.001, 1)), min_size=3, max_size=9))
def test_the_mean_lies_within_the_documents_and_its_interval_within_that_of_another(rows: list[tuple[float, float]]) -> None:
    rho, variance = np.array(rows).T
    found = pool(rho, variance)
    assert rho.min() - 1e-9 <= found.mean.value <= rho.max() + 1e-9
    assert 0 <= found.i_squared <= 1
    assert -1 <= found.another.low <= found.mean.low + 1e-9
    assert found.mean.low <= found.mean.value <= found.mean.high <= found.another.high + 1e-9


def test_genres_that_lie_apart_are_told_from_genres_that_do_not() -> None:
    genres, variance = ["speech"] * 5 + ["manual"] * 4, np.full(9, 0.02)
    apart = compare_genres(genres, np.array([0.1, 0.12, 0.08, 0.11, 0.09, 0.7, 0.72, 0.69, 0.71]), variance)
    mixed = compare_genres(genres, np.array([0.1, 0.7, 0.1, 0.7, 0.4, 0.1, 0.7, 0.42, 0.4]), variance)
    assert apart is not None
    assert mixed is not None
    assert (apart.genres, apart.documents) == (("manual", "speech"), 9)
    assert apart.p_value < 0.03  # 2 of the 126 ways to share out the genres lie as far apart, or 1
    assert mixed.p_value > 0.3


def test_genres_are_not_compared_where_only_one_has_three_documents() -> None:
    genres = ["speech", "speech", "speech", "manual", "manual", "manual"]
    assert compare_genres(genres, np.array([0.1, 0.2, 0.3, 0.5, 0.6, np.nan]), np.full(6, 0.1)) is None

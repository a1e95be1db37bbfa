"""What distance predicts: terms and slopes that were put in, scipy's scale, and what scaling a sentence must not change."""

from __future__ import annotations

import numpy as np
import pytest
from distance_driven import distance_driven
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from reportgen.analyses.sentence_pairs.distance_model import FEWEST_PAIRS, Expectation, comparable, decay, distance_bins, expect, expect_views, standardised
from reportgen.sentence_pairs import SentencePairs

SENTENCES = 23
MIDDLES = np.cumsum(np.random.default_rng(5).integers(3, 30, SENTENCES)).astype(float)


def expected_of(shares: np.ndarray, middles: np.ndarray = MIDDLES, exposure: np.ndarray | None = None) -> Expectation:
    return expect(SentencePairs.every(len(shares)), shares.ravel(), middles, None if exposure is None else exposure.ravel())


def exact(decay_by_distance: np.ndarray) -> np.ndarray:
    """Shares that are a product of terms, of queries, of keys and of distance, without noise."""
    random = np.random.default_rng(3)
    apart = np.abs(np.subtract.outer(np.arange(SENTENCES), np.arange(SENTENCES)))
    shares = random.uniform(0.1, 2, (SENTENCES, 1)) * random.uniform(0.1, 2, SENTENCES) * decay_by_distance[apart] * np.tri(SENTENCES)
    return shares / shares.sum() * SENTENCES


def test_shares_that_are_a_product_of_the_models_terms_are_expected_exactly() -> None:
    powers = np.arange(6)
    logs = np.interp(np.log2(np.maximum(np.arange(SENTENCES), 1)), powers, [0, -1.5, -1.2, -3, -2.5, -4])
    shares = exact(np.exp(logs))
    found = expected_of(shares, MIDDLES)
    np.testing.assert_allclose(found.expected, found.share, rtol=1e-6)
    np.testing.assert_allclose(found.z, 0, atol=1e-3)


def test_the_lengths_slope_and_the_slope_of_token_distance_are_found() -> None:
    shares, lengths = np.zeros((SENTENCES, SENTENCES)), np.random.default_rng(2).integers(2, 40, SENTENCES)
    later, earlier = np.tril_indices(SENTENCES, -1)
    shares[later, earlier] = lengths[earlier] ** 0.8 / (MIDDLES[later] - MIDDLES[earlier]) ** 1.3
    exposure = np.where(shares > 0, lengths / MIDDLES[:, None], 0)
    found = expected_of(shares, MIDDLES, exposure)
    np.testing.assert_allclose(found.expected, found.share, rtol=1e-6)


def test_z_is_scipys_median_and_median_absolute_deviation_at_about_the_same_distance() -> None:
    residual = np.random.default_rng(4).standard_t(3, 200)
    bins = np.repeat([0, 1, 4], [50, 70, 80])
    found = standardised(residual, bins)
    for bin in (0, 1, 4):
        among = residual[bins == bin]
        np.testing.assert_allclose(found[bins == bin], (among - np.median(among)) / stats.median_abs_deviation(among, scale="normal"), rtol=1e-12)


def test_scatter_within_rounding_is_not_blown_up() -> None:
    assert np.abs(standardised(1e-6 * np.random.default_rng(0).normal(size=50), np.zeros(50, int))).max() < 0.01


@settings(max_examples=50, deadline=None)
@given(distance=st.lists(st.integers(1, 500), min_size=1, max_size=300))
def test_a_bin_has_thirty_pairs_or_all_of_them_and_keeps_the_order_of_distances(distance: list[int]) -> None:
    gaps = np.array(distance)
    bins = distance_bins(gaps)
    assert min(np.unique(bins, return_counts=True)[1]) >= min(FEWEST_PAIRS, len(gaps))
    assert (np.diff(bins[np.argsort(gaps, kind="stable")]) >= 0).all()


def test_the_decay_is_linear_between_powers_of_two_on_each_side_apart() -> None:
    queries, keys = np.array([3, 5, 7, 1, 0]), np.array([2, 2, 3, 2, 2])
    features = decay(queries, keys, np.arange(8.0))
    between = np.log2(3) - 1
    np.testing.assert_allclose(
        features[:, :6], [[1, 0, 0, 0, 0, 0], [0, 1 - between, between, 0, 0, 0], [0, 0, 1, 0, 0, 0], [0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 1, 0]]
    )
    np.testing.assert_allclose(features[:, 6], np.log([1, 3, 4, 1, 2]))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_giving_a_query_less_or_a_key_more_changes_no_z(seed: int) -> None:
    random = np.random.default_rng(seed)
    shares = distance_driven(SENTENCES, seed=seed)[0]
    scaled = shares * random.uniform(0.1, 1, (SENTENCES, 1)) * random.uniform(0.5, 2, SENTENCES)
    np.testing.assert_allclose(expected_of(scaled, MIDDLES).z, expected_of(shares, MIDDLES).z, atol=1e-5)


def test_the_first_sentence_the_sentence_itself_and_pairs_never_seen_are_not_compared() -> None:
    shares = distance_driven(SENTENCES)[0]
    shares[17, 3] = np.nan
    shares[16, 5] = 0
    every = SentencePairs.every(SENTENCES)
    kept = comparable(shares.ravel(), every)
    pairs = set(zip(every.queries[kept].tolist(), every.keys[kept].tolist(), strict=True))
    assert pairs == {(query, key) for query in range(SENTENCES) for key in range(1, query)} - {(17, 3), (16, 5)}
    found = expected_of(shares, MIDDLES)
    assert set(zip(found.queries.tolist(), found.keys.tolist(), strict=True)) == pairs
    assert np.isfinite(found.z).all()


def test_few_pairs_have_no_expectation() -> None:
    found = expected_of(distance_driven(9)[0], MIDDLES[:9])
    assert len(found.z) == 28
    assert np.isnan(found.z).all()
    assert np.isnan(found.expected).all()


def test_many_views_at_once_are_each_view_alone() -> None:
    shares = distance_driven(SENTENCES, views=3)
    shares[1, 20, 2] = 0
    shares[2, 19, 7] = np.nan
    every, flat = SentencePairs.every(SENTENCES), shares.reshape(3, -1)
    together = expect_views(every, flat, MIDDLES)
    assert np.isnan(together[2, 19, 7])
    for view in range(3):
        np.testing.assert_allclose(together[view], expect_views(every, flat[view : view + 1], MIDDLES)[0], atol=1e-9)


def test_sentences_after_are_compared_in_a_model_that_sees_them() -> None:
    found = expected_of(distance_driven(SENTENCES, causal=False)[0], MIDDLES)
    assert (found.keys > found.queries).sum() == 253
    assert (found.keys < found.queries).sum() == 231
    assert np.isfinite(found.z).all()


def test_z_is_the_studentised_residual_in_units_of_its_bins_scale() -> None:
    shares = distance_driven(SENTENCES, noise=0.01)[0]
    found = expected_of(shares)
    logs, bins = np.log(found.lift), distance_bins(np.abs(found.queries - found.keys))
    ratio = found.z * 0
    for bin in np.unique(bins):
        among = bins == bin
        slope = np.polyfit(found.z[among], logs[among], 1)[0]
        ratio[among] = logs[among] / (slope * np.where(found.z[among] == 0, 1, found.z[among]))
    late = (found.queries > 15) & (found.keys < 8) & (np.abs(found.z) > 1)
    assert ratio[late] == pytest.approx(1, abs=0.25)  # pairs of sentences with many others keep most of their own scatter

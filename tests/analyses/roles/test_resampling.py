"""Resampled sentences: the plain loop, intervals that hold the truth, what is too little to resample."""

from __future__ import annotations

import numpy as np
import pytest

from reportgen.analyses.roles.evidence import weigh
from reportgen.analyses.roles.resampling import RESAMPLES, draws, interval, resampled_means, resampled_ratios, share_above


def test_every_resample_draws_as_many_sentences_as_there_are() -> None:
    assert draws(13).shape == (RESAMPLES, 13)
    assert (draws(13).sum(1) == 13).all()
    np.testing.assert_array_equal(draws(13), draws(13))


def test_means_are_those_of_a_loop_over_resamples_and_heads() -> None:
    random = np.random.default_rng(0)
    values, counts = random.random((2, 3, 11)).astype(np.float16), random.integers(1, 30, 11).astype(np.float32)
    values[:, :, 4] = np.nan
    found = resampled_means(values, counts)
    known = np.delete(np.arange(11), 4)
    for resample in range(0, RESAMPLES, 17):
        drawn = np.repeat(known, draws(11)[resample, known].astype(int))
        expected = np.average(values[..., drawn].astype(float), axis=-1, weights=counts[drawn])
        np.testing.assert_allclose(found[resample], expected, rtol=1e-3)


def test_ratios_are_those_of_sums() -> None:
    random = np.random.default_rng(1)
    over, under = random.random((5, 13)), random.random((5, 13))
    found = resampled_ratios(over, under)
    drawn = np.repeat(np.arange(13), draws(13)[7].astype(int))
    np.testing.assert_allclose(found[7], over[:, drawn].sum(1) / under[:, drawn].sum(1), rtol=1e-5)


def test_fewer_than_five_sentences_with_a_value_say_nothing() -> None:
    values = np.full((1, 2, 11), np.nan, np.float16)
    values[0, 0, :4] = 0.5
    values[0, 1, :5] = 0.5
    found = resampled_means(values, np.ones(11, np.float32))
    assert np.isnan(found[:, 0, 0]).all()
    assert not np.isnan(found[:, 0, 1]).all()
    assert np.isnan(share_above(found, 0.4)[0, 0])


def test_the_interval_holds_the_true_mean_about_as_often_as_it_says() -> None:
    """500 heads whose sentences are drawn about a mean of 0.3."""
    values = np.random.default_rng(2).normal(0.3, 0.1, (20, 25, 60)).astype(np.float16)
    evidence = weigh(values.mean(-1, dtype=float), resampled_means(values, np.ones(60, np.float32)), 0.3)
    assert ((evidence.low < 0.3) & (evidence.high > 0.3)).mean() == pytest.approx(0.95, abs=0.04)


def test_what_is_not_resampled_is_carried_by_its_score_alone() -> None:
    evidence = weigh(np.array([[0.2, 0.6]]), None, 0.5)
    assert evidence.carried.tolist() == [[False, True]]
    assert np.isnan(evidence.confidence).all()
    assert not evidence.uncertain.any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_interval_has_the_percentiles_of_numpy(dtype: type) -> None:
    resamples = np.random.default_rng(0).normal(size=(RESAMPLES, 5, 7)).astype(dtype)
    resamples[:, 2, 3] = np.nan
    resamples[9, 4, 4] = np.nan
    found = np.array(interval(resamples))
    expected = np.quantile(resamples, [0.025, 0.975], axis=0)
    expected[:, 4, 4] = np.quantile(np.delete(resamples[:, 4, 4], 9), [0.025, 0.975])
    np.testing.assert_array_equal(found, expected)


def test_a_resample_without_a_score_makes_no_head_sure() -> None:
    """Two heads pass; of 200 resamples the first has scores in 199, above the threshold in 63 of them, the second in none."""
    resamples = np.full((RESAMPLES, 1, 2), np.nan, np.float32)
    resamples[1:, 0, 0] = 0.1
    resamples[1:64, 0, 0] = 0.9
    evidence = weigh(np.array([[0.6, 0.6]]), resamples, 0.5)
    assert evidence.confidence[0, 0] == pytest.approx(63 / 199)
    assert np.isnan(evidence.confidence[0, 1])
    assert not evidence.carried.any()
    assert evidence.uncertain.all()

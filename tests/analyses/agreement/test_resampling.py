"""Intervals from resampled blocks: equal to scipy on the very same resamples."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from reportgen.analyses.agreement import resampling
from reportgen.analyses.agreement.controls import basis, controls
from reportgen.analyses.agreement.resampling import SEED, block_counts, intervals, kendall_intervals, percentiles, resampled_ranks

NOTHING = np.zeros((0, 17))


def drawn(n: int, resamples: int) -> list[list[int]]:
    """The sentences of each resample, block after block."""
    length = max(round(n ** (1 / 3)), 1)
    starts = np.random.default_rng(SEED).integers(0, n - length + 1, (resamples, math.ceil(n / length)))
    return [[start + offset for start in blocks for offset in range(length)][:n] for blocks in starts.tolist()]


def test_counts_are_those_of_blocks_of_neighbours() -> None:
    for counts, chosen in zip(block_counts(29, 7), drawn(29, 7), strict=True):
        np.testing.assert_array_equal(counts, np.bincount(chosen, minlength=29))


def test_ranks_in_a_resample_are_scipys_of_the_drawn_values() -> None:
    values = np.random.default_rng(0).integers(0, 5, 13).astype(float)
    for counts, chosen in zip(block_counts(13, 9), drawn(13, 9), strict=True):
        found = resampled_ranks(values, counts[None])[0][chosen]
        np.testing.assert_allclose(found, stats.rankdata(values[chosen]) - 7)


@pytest.mark.parametrize("n", [11, 29])
def test_ends_are_percentiles_of_scipys_rho_and_tau_on_the_same_resamples(monkeypatch: pytest.MonkeyPatch, n: int) -> None:
    monkeypatch.setattr(resampling, "RESAMPLES", 150)
    monkeypatch.setattr(resampling, "block_counts", lambda sentences, resamples=150: block_counts(sentences, resamples))
    monkeypatch.setattr(resampling, "CELLS", 1000)  # several parts
    random = np.random.default_rng(n)
    x = random.integers(0, 7, n).astype(float)
    values = np.array([x, x + random.normal(0, 3, n)])
    rho, tau = intervals(values, np.zeros((0, n)))[0], kendall_intervals(values)
    chosen = [row for row in drawn(n, 150) if np.ptp(x[row]) > 0]
    for found, statistic in ((rho, stats.spearmanr), (tau, stats.kendalltau)):
        expected = np.quantile([statistic(values[0][row], values[1][row]).statistic for row in chosen], [0.025, 0.975])
        np.testing.assert_allclose([found.low[0, 1], found.high[0, 1]], expected, atol=1e-6)


def test_the_partial_correlation_of_a_resample_is_that_of_its_ranks_and_controls() -> None:
    random = np.random.default_rng(1)
    values, accounted = random.normal(size=(2, 23)), basis(np.array([np.ones(23), np.arange(23.0)]))
    counts = block_counts(23, 5)
    _, found = resampling._in_resamples(values, accounted, counts)
    for row, chosen in zip(found, drawn(23, 5), strict=True):
        ranks = stats.rankdata(values[:, chosen], axis=1)
        left = [rank - accounted[:, chosen].T @ np.linalg.lstsq(accounted[:, chosen].T, rank, rcond=None)[0] for rank in ranks]
        assert row[0, 1] == pytest.approx(np.corrcoef(left)[0, 1], abs=1e-5)


def test_the_interval_of_noise_holds_0_and_that_of_a_strong_link_does_not() -> None:
    random = np.random.default_rng(0)
    x = random.random(101)
    values = np.array([x, random.random(101), x + 0.05 * random.random(101)])
    rho, partial = intervals(values, controls([np.arange(101.0), random.normal(size=101)], np.arange(101) == 0))
    for found in (rho, partial):
        assert found.low[0, 1] < 0 < found.high[0, 1]
        assert found.low[0, 2] > 0.9


@pytest.mark.filterwarnings("error")
def test_draws_without_a_number_are_left_out_and_of_none_there_is_no_interval() -> None:
    draws = np.array([[[1.0, np.nan], [np.nan, 3.0]], [[2.0, np.nan], [5.0, 3.0]]])
    found = percentiles(draws)
    np.testing.assert_allclose(found.low, [[1.025, np.nan], [5.0, 3.0]])
    np.testing.assert_allclose(found.high, [[1.975, np.nan], [5.0, 3.0]])

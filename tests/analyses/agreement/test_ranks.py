"""Rank correlations of all rows at once: scipy's of every two, and shared heads by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import stats

from reportgen.analyses.agreement import ranks
from reportgen.analyses.agreement.ranks import centred_ranks, chance_of_sharing, correlations, from_greatest, kendall, top_shared

TIED = npst.arrays(np.float64, st.tuples(st.just(3), st.integers(5, 19)), elements=st.integers(0, 6).map(float))


@given(values=TIED)
@settings(max_examples=30, deadline=None)
def test_every_two_rows_correlate_as_in_scipy_with_ties(values: np.ndarray) -> None:
    centred = centred_ranks(values)
    rho, tau = correlations(centred @ centred.T), kendall(values)
    for one, other in np.ndindex(3, 3):
        if np.ptp(values[one]) == 0 or np.ptp(values[other]) == 0:
            assert np.isnan([rho[one, other], tau[one, other]]).all()
        else:
            assert rho[one, other] == pytest.approx(stats.spearmanr(values[one], values[other]).statistic, abs=1e-12)
            assert tau[one, other] == pytest.approx(stats.kendalltau(values[one], values[other]).statistic, abs=1e-6)


def test_tau_of_long_documents_is_that_of_short_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).integers(0, 5, (3, 13)).astype(float)
    short = kendall(values)
    monkeypatch.setattr(ranks, "SIGNS_UP_TO", 12)
    np.testing.assert_allclose(kendall(values), short, atol=1e-6)


def test_rank_one_is_the_greatest_and_equals_stand_as_in_the_document() -> None:
    np.testing.assert_array_equal(from_greatest(np.array([[2.0, 7.0, 2.0, 9.0, 0.0]])), [[3, 2, 4, 1, 5]])


def test_shared_heads_by_hand() -> None:
    """The first three of one row are 1, 2 and 3, of the other 1, 4 and 3."""
    values = np.array([[9.0, 8.0, 7.0, 1.0, 0.0, 2.0], [9.0, 1.0, 7.0, 8.0, 0.0, 2.0]])
    np.testing.assert_array_equal(top_shared(values, 3), [[3, 2], [2, 3]])
    # of the 20 choices of 3 out of 6, 9 share two with a given one and 1 shares all three
    np.testing.assert_allclose(chance_of_sharing(np.array([[3, 2], [2, 3]]), 6, 3), [[1 / 20, 10 / 20], [10 / 20, 1 / 20]])

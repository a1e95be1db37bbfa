"""Heads that cross borders: one that was made to, none that was not."""

from __future__ import annotations

import numpy as np
import pytest
from distance_driven import distance_driven

from reportgen.analyses.sentence_pairs.agreement import division
from reportgen.analyses.sentence_pairs.crossing import cross, discovery_rates

SENTENCES = 101
BORDERS = division([12, 23, 33, 46, 57, 70, 78, 90], SENTENCES - 1)
MIDDLES = np.arange(3.0, 3 * SENTENCES + 3, 3)
PART = np.concatenate([[0], BORDERS.cumsum()])
ACROSS = np.not_equal.outer(PART, PART)


def heads(seed: int = 0) -> np.ndarray:
    return distance_driven(SENTENCES, views=14, seed=seed).reshape(2, 7, SENTENCES, SENTENCES)


def test_a_head_made_to_cross_is_found_alone() -> None:
    attention = heads()
    attention[1, 4] *= np.where(ACROSS, 2, 1)
    found = cross(attention, MIDDLES, BORDERS)
    assert np.argwhere(found.q_value <= 0.05).tolist() == [[1, 4]]
    assert found.lift[1, 4] == np.nanmax(found.lift) > 1.1
    assert found.z[1, 4] > 3


def test_a_head_that_stays_within_parts_has_a_lift_below_one() -> None:
    attention = heads()
    attention[0, 2] *= np.where(ACROSS, 0.4, 1)
    found = cross(attention, MIDDLES, BORDERS)
    assert found.lift[0, 2] == found.lift.min() < 0.9
    assert found.z[0, 2] < -3


def test_heads_that_know_no_border_are_not_found() -> None:
    for seed in range(5):
        found = cross(heads(seed), MIDDLES, BORDERS)
        assert (found.q_value > 0.01).all()
        np.testing.assert_allclose(found.lift, 1, atol=0.15)


def test_shares_too_small_for_half_precision_and_pairs_never_seen_are_borne() -> None:
    attention = heads()
    attention[0, 1, 30, 25] = 0
    attention[:, :, 75:, :20] = np.nan
    found = cross(attention.astype(np.float16), MIDDLES, BORDERS)
    assert np.isfinite(found.z).all()


@pytest.mark.filterwarnings("error")
def test_a_layer_without_pairs_has_no_number() -> None:
    attention = heads()
    attention[1] = 0
    found = cross(attention, MIDDLES, BORDERS)
    assert np.isnan(found.lift[1]).all()
    assert np.isnan(found.q_value[1]).all()
    assert np.isfinite(found.q_value[0]).all()


def test_discovery_rates_are_the_textbook_ones() -> None:
    p = np.array([0.01, np.nan, 0.04, 0.03, 0.5])
    np.testing.assert_allclose(discovery_rates(p), [0.04, np.nan, 0.04 * 4 / 3, 0.04 * 4 / 3, 0.5])

"""Heads that cross borders: one that was made to, none that was not."""

from __future__ import annotations

import numpy as np
import pytest
from distance_driven import distance_driven

from reportgen.analyses.sentence_pairs.agreement import division
from reportgen.analyses.sentence_pairs.crossing import cross, discovery_rates, moved_divisions
from reportgen.analyses.sentence_pairs.distance_model import decay

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
    (found,) = cross(attention, MIDDLES, [BORDERS])
    assert np.argwhere(found.q_value <= 0.05).tolist() == [[1, 4]]
    assert found.lift[1, 4] == np.nanmax(found.lift) > 1.1
    assert found.z[1, 4] > 3


def test_a_head_that_stays_within_parts_has_a_lift_below_one() -> None:
    attention = heads()
    attention[0, 2] *= np.where(ACROSS, 0.4, 1)
    (found,) = cross(attention, MIDDLES, [BORDERS])
    assert found.lift[0, 2] == found.lift.min() < 0.9
    assert found.z[0, 2] < -3


def test_random_borders_in_attention_that_knows_none_give_findings_in_about_one_document_of_twenty() -> None:
    found = 0
    for seed in range(60):
        borders = division(np.random.default_rng(seed).choice(SENTENCES - 1, 8, replace=False).tolist(), SENTENCES - 1)
        (crossing,) = cross(heads(seed), MIDDLES, [borders])
        found += bool((crossing.q_value <= 0.05).any())
        assert np.abs(crossing.lift.mean() - 1) < 0.02
    assert found <= 6  # of 60 at 5 %: more than six in one trial of fifty


def test_division_by_chance_keeps_the_spaces_between_borders_round_the_end() -> None:
    moved = moved_divisions(BORDERS, 199)
    spaces = sorted(np.diff([*np.flatnonzero(BORDERS), 12 + SENTENCES - 1]).tolist())
    for division_ in moved:
        places = np.flatnonzero(division_)
        assert sorted(np.diff([*places, places[0] + SENTENCES - 1]).tolist()) == spaces
    assert moved.mean(0) == pytest.approx(8 / (SENTENCES - 1), abs=0.09)
    assert (moved_divisions(BORDERS, 199) == moved).all()


def test_the_lift_is_observed_over_expected_of_a_fit_with_a_column_for_every_term() -> None:
    size, borders = 23, division([6, 13], 22)
    attention = distance_driven(size, views=1, seed=3)[None]
    queries, keys = np.array([(q, k) for q in range(size) for k in range(1, q)]).T
    design = np.column_stack([np.eye(size)[queries], np.eye(size)[keys], decay(queries, keys, MIDDLES[:size])])
    share = attention[0, 0, queries, keys]
    expected = np.exp(design @ np.linalg.lstsq(design, np.log(share), rcond=1e-9)[0])
    for gap in range(1, size):
        expected[queries - keys == gap] *= share[queries - keys == gap].sum() / max(expected[queries - keys == gap].sum(), 1e-30)
    part = np.concatenate([[0], borders.cumsum()])
    across = (part[queries] != part[keys]) & (queries - keys <= 8)  # the longest part has nine sentences
    (found,) = cross(attention, MIDDLES[:size], [borders])
    assert found.lift[0, 0] == pytest.approx(share[across].sum() / expected[across].sum(), rel=2e-5)


def test_shares_too_small_for_half_precision_and_pairs_never_seen_are_borne() -> None:
    attention = heads()
    attention[0, 1, 30, 25] = 0
    attention[:, :, 75:, :20] = np.nan
    (found,) = cross(attention.astype(np.float16), MIDDLES, [BORDERS])
    assert np.isfinite(found.z).all()


@pytest.mark.filterwarnings("error")
def test_a_layer_without_pairs_has_no_number() -> None:
    attention = heads()
    attention[1] = 0
    (found,) = cross(attention, MIDDLES, [BORDERS])
    assert np.isnan(found.lift[1]).all()
    assert np.isnan(found.q_value[1]).all()
    assert np.isfinite(found.q_value[0]).all()


def test_discovery_rates_are_the_textbook_ones() -> None:
    p = np.array([0.01, np.nan, 0.04, 0.03, 0.5])
    np.testing.assert_allclose(discovery_rates(p), [0.04, np.nan, 0.04 * 4 / 3, 0.04 * 4 / 3, 0.5])

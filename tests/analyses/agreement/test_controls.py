"""What distance, length and the sink account for: textbook partial correlations, and a surface that leaves no distance in noise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from reportgen.analyses.agreement.controls import basis, controls, enough_left, highest_power, partial_correlations, residuals
from reportgen.analyses.agreement.ranks import centred_ranks

CONSTANT = np.ones(29)


def made(n: int = 29, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two measures that both follow a third, and the third."""
    random = np.random.default_rng(seed)
    third = random.integers(0, 9, n).astype(float)
    return np.stack([third + random.normal(0, 2, n), 2 * third + random.normal(0, 4, n)]), third


def test_with_one_straight_control_it_is_the_textbook_formula_of_three_correlations() -> None:
    values, third = made()
    xy, xz, yz = (stats.spearmanr(one, other).statistic for one, other in ((*values,), (values[0], third), (values[1], third)))
    accounted = basis(np.array([CONSTANT, stats.rankdata(third)]))
    expected = (xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2))
    assert partial_correlations(centred_ranks(values), accounted)[0, 1] == pytest.approx(expected)


def test_with_several_controls_it_is_what_the_inverse_of_all_correlations_says() -> None:
    """As pingouin computes partial correlations of ranks."""
    values, third = made()
    fourth = np.random.default_rng(5).normal(size=29)
    ranks = stats.rankdata(np.array([*values, third, fourth]), axis=1)
    precision = np.linalg.inv(np.corrcoef(ranks))
    expected = -precision[0, 1] / np.sqrt(precision[0, 0] * precision[1, 1])
    assert partial_correlations(centred_ranks(values), basis(np.array([CONSTANT, *ranks[2:]])))[0, 1] == pytest.approx(expected)


def test_the_sink_as_a_control_leaves_what_is_there_without_that_sentence() -> None:
    values, _ = made()
    ranks, sink = centred_ranks(values), np.arange(29) == 3
    expected = np.corrcoef(ranks[:, ~sink])[0, 1]
    assert partial_correlations(ranks, basis(np.array([CONSTANT, sink])))[0, 1] == pytest.approx(expected)


@pytest.mark.parametrize(("sentences", "power", "count"), [(11, 1, 4), (21, 2, 7), (60, 5, 22), (300, 6, 29)])
def test_the_surface_has_as_many_terms_as_the_document_bears(sentences: int, power: int, count: int) -> None:
    random = np.random.default_rng(0)
    accounted = controls([np.log(np.arange(sentences, 0, -1)), random.normal(size=sentences)], np.arange(sentences) == 0)
    assert (highest_power(sentences, 2), len(accounted)) == (power, count)
    np.testing.assert_allclose(accounted @ accounted.T, np.eye(count), atol=1e-10)


def test_controls_that_say_the_same_or_nothing_count_once_or_not() -> None:
    even, place = np.zeros(29), np.arange(29.0)
    assert len(controls([even, even], np.zeros(29, bool))) == 1
    assert len(basis(np.array([CONSTANT, place, 3 * place + 7]))) == 2


def test_what_the_controls_explain_wholly_has_no_partial_correlation() -> None:
    distance, random = np.log(np.arange(40, 0, -1)), np.random.default_rng(0)
    accounted = controls([distance, random.normal(size=40)], np.arange(40) == 0)
    ranks = centred_ranks(np.array([-distance, random.normal(size=40)]))
    assert (residuals(ranks, accounted)[0] == 0).all()
    assert np.isnan(partial_correlations(ranks, accounted)[0]).all()


def test_too_few_sentences_for_the_controls_have_none_either() -> None:
    accounted = controls([np.arange(8.0), np.arange(8.0) ** 2 % 5], np.arange(8) == 0)
    assert not enough_left(accounted)
    assert np.isnan(partial_correlations(centred_ranks(np.random.default_rng(0).random((2, 8))), accounted)).all()

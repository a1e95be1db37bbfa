"""Heads against a reference: scipy's rho, a planted head found, none found in noise, and the chance of the best of many."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from reportgen.analyses.agreement.controls import controls, partial_correlations
from reportgen.analyses.agreement.heads import by_head
from reportgen.analyses.agreement.ranks import centred_ranks

HEADS, SENTENCES = 31, 61


def document(seed: int, planted: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Heads and a reference that fall with distance and grow with length; the first head shares more with the reference than that."""
    random = np.random.default_rng(seed)
    distance, length = np.log(np.arange(SENTENCES, 0, -1)), np.log(random.integers(4, 40, SENTENCES))
    reference, heads = random.normal(size=SENTENCES), random.normal(size=(HEADS, SENTENCES))
    heads[0] += planted * reference
    return length - distance + heads, length - distance + reference, controls([distance, length], np.arange(SENTENCES) == 0)


def test_numbers_are_those_of_each_head_alone() -> None:
    heads, reference, accounted = document(0)
    found = by_head(heads, reference, accounted)
    np.testing.assert_allclose(found.rho, [stats.spearmanr(head, reference).statistic for head in heads])
    expected = [partial_correlations(centred_ranks(np.array([head, reference])), accounted)[0, 1] for head in heads]
    np.testing.assert_allclose(found.partial, expected)


def test_a_head_that_looks_at_what_mattered_is_found_and_hardly_any_other() -> None:
    found = [by_head(*document(seed, planted=3.0)).q_value <= 0.05 for seed in range(10)]
    assert sum(row[0] for row in found) >= 9
    assert sum(row[1:].sum() for row in found) <= 5


def test_of_documents_of_noise_about_one_in_twenty_gives_a_finding() -> None:
    found = [by_head(*document(seed)) for seed in range(60)]
    assert sum((row.q_value <= 0.05).any() for row in found) <= 8
    assert 0.01 <= np.mean([np.nanmax(row.partial) > row.chance_best for row in found]) <= 0.15
    assert np.mean([(row.partial > row.chance).mean() for row in found]) == pytest.approx(0.05, abs=0.02)


@pytest.mark.filterwarnings("error")
def test_a_head_that_says_the_same_of_all_sentences_is_left_out_and_so_is_what_cannot_be_compared() -> None:
    heads, reference, accounted = document(0)
    heads[3] = 0.25
    found = by_head(heads, reference, accounted)
    assert np.isnan([found.rho[3], found.partial[3], found.q_value[3]]).all()
    assert np.isfinite(np.delete(found.q_value, 3)).all()
    for heads, reference in ((np.zeros((3, 0)), np.zeros(0)), (np.ones((3, 7)), np.ones(7))):
        nothing = by_head(heads, reference, controls([np.arange(len(reference)) * 1.0], np.arange(len(reference)) == 0) if len(reference) else np.zeros((0, 0)))
        assert np.isnan([*nothing.rho, *nothing.partial, *nothing.q_value, nothing.chance, nothing.chance_best]).all()

"""The fitted tail against the distribution that numbers were drawn from."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from reportgen.analyses.sentence_pairs.tail import upper_tail

MANY = np.full(1, 1e9)


@pytest.mark.parametrize("freedom", [2, 4, 10])
def test_degrees_of_freedom_and_scale_are_found(freedom: int) -> None:
    drawn = 0.7 * stats.t.rvs(freedom, size=40_000, random_state=3)
    tail = upper_tail(drawn)
    assert freedom * 0.7 <= tail.freedom <= freedom
    assert tail.scale == pytest.approx(0.7, rel=0.04)
    assert tail.above(np.array([0.7 * stats.t.isf(1e-4, freedom)]), MANY)[0] == pytest.approx(1e-4, rel=0.8)


def test_normal_numbers_have_many_degrees_of_freedom() -> None:
    assert upper_tail(np.random.default_rng(0).normal(size=40_000)).freedom >= 100


def test_a_few_links_that_are_real_do_not_make_the_tail_heavier() -> None:
    drawn = np.random.default_rng(1).normal(size=5_000)
    planted = drawn.copy()
    planted[:8] = np.linspace(6, 30, 8)
    assert upper_tail(planted).freedom >= 0.5 * upper_tail(drawn).freedom


def test_what_lies_below_is_not_looked_at() -> None:
    drawn = np.random.default_rng(2).normal(size=5_000)
    assert upper_tail(np.where(drawn < 0, 9 * drawn, drawn)) == upper_tail(drawn)


def test_a_scale_that_is_estimated_makes_the_tail_heavier_as_reciprocals_add_up() -> None:
    tail = upper_tail(stats.t.rvs(5, size=5_000, random_state=0))
    found = tail.above(np.array([4.0]), np.array([11.0]))
    assert found[0] == pytest.approx(stats.t.sf(4 / tail.scale, 1 / (1 / tail.freedom + 1 / 11)))


def test_without_numbers_there_is_no_tail() -> None:
    assert np.isnan(upper_tail(np.array([np.nan, np.nan])).freedom)

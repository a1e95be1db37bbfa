"""Pk and WindowDiff against NLTK's, chance against counting."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nltk.metrics import segmentation

from reportgen.analyses.sentence_pairs.agreement import DRAWS, compare, division, even_division, pk, random_divisions, window_of, windowdiff

DIVISIONS = st.integers(2, 40).flatmap(lambda gaps: st.tuples(*[st.lists(st.booleans(), min_size=gaps, max_size=gaps)] * 2, st.integers(1, gaps)))


def written(borders: np.ndarray) -> str:
    return "".join("1" if border else "0" for border in borders)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(both=DIVISIONS)
def test_errors_are_nltks(both: tuple[list[bool], list[bool], int]) -> None:
    found, reference, window = np.array(both[0]), np.array(both[1]), both[2]
    assert pk(found, reference, window) == pytest.approx(segmentation.pk(written(reference), written(found), window))
    assert windowdiff(found, reference, window) == pytest.approx(segmentation.windowdiff(written(reference), written(found), window))


def test_errors_by_hand() -> None:
    found, reference = division([1, 4], 7), division([2, 4, 5], 7)
    assert pk(found, reference, 2) == pytest.approx(3 / 6)  # gaps 0-1, 2-3 and 5-6
    assert windowdiff(found, reference, 2) == pytest.approx(4 / 6)  # and 4-5: one border against two


def test_the_window_is_half_the_mean_part() -> None:
    assert window_of(division([3, 7], 11)) == 2
    assert window_of(division([], 11)) == 6
    assert window_of(division(range(11), 11)) == 1


def test_equal_divisions_have_no_error_and_share_every_border() -> None:
    same = division([4, 10, 18], 29)
    found = compare(same, same, "headings")
    assert (found.pk, found.windowdiff, found.shared, found.reference_borders) == (0, 0, 3, 3)
    assert found.pk_p <= 0.01
    assert found.shared_p == pytest.approx(1 / (29 * 28 * 27 / 6))


def test_shared_borders_by_chance_are_what_counting_every_division_gives() -> None:
    gaps, there = 7, {1, 4, 5}
    overlaps = [len(there & set(chosen)) for chosen in combinations(range(gaps), 2)]
    found = compare(division([1, 3], gaps), division(there, gaps), "ends of paragraphs")
    assert found.shared_chance == pytest.approx(np.mean(overlaps))
    assert found.shared_p == pytest.approx(np.mean([overlap >= 1 for overlap in overlaps]))


def test_random_divisions_have_as_many_borders_anywhere() -> None:
    drawn = random_divisions(3, 17)
    assert drawn.shape == (DRAWS, 17)
    assert (drawn.sum(1) == 3).all()
    assert drawn.mean(0) == pytest.approx(3 / 17, abs=0.05)


def test_random_borders_agree_as_chance_does() -> None:
    random, reference = np.random.default_rng(1), division([5, 11, 17, 23, 30], 41)
    p = [compare(division(random.choice(41, 4, replace=False).tolist(), 41), reference, "headings").pk_p for _ in range(100)]
    assert np.mean(np.array(p) <= 0.05) <= 0.1  # at 5 %, more than ten of 100 in one trial of a hundred


def test_even_borders_part_a_text_into_parts_of_equal_length_but_for_rounding() -> None:
    assert np.flatnonzero(even_division(3, 39)).tolist() == [9, 19, 29]  # 40 sentences in tens
    assert not even_division(0, 7).any()
    for borders in range(8):
        parts = np.diff([-1, *np.flatnonzero(even_division(borders, 22)), 22])
        assert len(parts) == borders + 1
        assert parts.max() - parts.min() <= 1
    reference = division([10, 19, 29], 39)
    assert compare(division([2, 3, 4], 39), reference, "headings").pk_even == pytest.approx(pk(even_division(3, 39), reference, window_of(reference)))

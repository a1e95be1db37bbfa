"""Lift, and the strongest links of a matrix, against slow loops over single cells."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from matrices import content_pairs, lift_of, strongest

# Few different values, so that many are equal.
CELLS = st.sampled_from([0.0, 0.25, 0.5, 1.0, 3.0, math.nan])
MATRICES = st.integers(1, 7).flatmap(lambda size: npst.arrays(np.float64, (size, size), elements=CELLS))


def strongest_by_loops(values: np.ndarray, count: int) -> list[list[int]]:
    """Take the greatest cell that is left, the first in reading order among equals, until there is none."""
    left = {(i, j): values[i, j] for i in range(len(values)) for j in range(len(values)) if not math.isnan(values[i, j])}
    found = []
    while left and len(found) < count:
        best = None
        for pair, value in left.items():
            if best is None or value > left[best]:
                best = pair
        found.append(list(best))
        del left[best]
    return found + [[-1, -1]] * (count - len(found))


@settings(max_examples=150, deadline=None)
@given(values=MATRICES, count=st.integers(0, 60))
def test_the_strongest_pairs_are_those_a_plain_search_finds(values: np.ndarray, count: int) -> None:
    assert strongest(values, count).tolist() == strongest_by_loops(values, count)


def test_the_strongest_pairs_of_a_matrix_by_hand() -> None:
    values = np.array([[np.nan, 5.0, 1.0], [2.0, np.nan, 7.0], [5.0, 0.0, np.nan]])
    assert strongest(values, 4).tolist() == [[1, 2], [0, 1], [2, 0], [1, 0]]
    assert strongest(values, 8).tolist() == [[1, 2], [0, 1], [2, 0], [1, 0], [0, 2], [2, 1], [-1, -1], [-1, -1]]


def test_nothing_is_strong_where_nothing_is_known() -> None:
    assert strongest(np.full((3, 3), np.nan), 2).tolist() == [[-1, -1], [-1, -1]]
    assert strongest(np.zeros((2, 2)), 0).shape == (0, 2)


@settings(max_examples=100, deadline=None)
@given(
    attention=npst.arrays(np.float32, (3, 5, 5), elements=st.floats(0, 1, width=32)),
    expected=npst.arrays(np.float32, (5, 5), elements=st.sampled_from([0.0, 0.125, 0.5, 1.0])),
)
def test_lift_is_the_quotient_cell_by_cell_and_missing_where_nothing_is_expected(attention: np.ndarray, expected: np.ndarray) -> None:
    lift = lift_of(attention, expected)
    for view in range(3):
        for query in range(5):
            for key in range(5):
                if expected[query, key] == 0:
                    assert math.isnan(lift[view, query, key])
                else:
                    assert lift[view, query, key] == float(attention[view, query, key]) / float(expected[query, key])


def test_even_attention_has_a_lift_of_one() -> None:
    even = np.tri(5) / np.arange(1, 6)[:, None]
    lift = lift_of(even[None], even)
    assert (lift[0][np.tri(5, dtype=bool)] == 1).all()
    assert np.isnan(lift[0][~np.tri(5, dtype=bool)]).all()


def test_unknown_attention_has_no_lift() -> None:
    lift = lift_of(np.array([[np.nan, 0.5]] * 2), np.full((2, 2), 0.5))
    assert np.isnan(lift[:, 0]).all()
    assert (lift[:, 1] == 1).all()


def test_content_pairs_leave_out_the_first_column_and_the_diagonal_and_change_nothing_else() -> None:
    values = np.arange(1.0, 26).reshape(5, 5)
    kept = content_pairs(values)
    for query in range(5):
        for key in range(5):
            if key in (0, query):
                assert math.isnan(kept[query, key])
            else:
                assert kept[query, key] == values[query, key]
    assert (values == np.arange(1.0, 26).reshape(5, 5)).all()


def test_content_pairs_of_every_view_alike() -> None:
    views = np.random.default_rng(0).random((3, 5, 5))
    for view, kept in zip(views, content_pairs(views), strict=True):
        np.testing.assert_array_equal(kept, content_pairs(view))


def test_one_sentence_has_no_content_pairs() -> None:
    assert strongest(content_pairs(np.ones((1, 1))), 1).tolist() == [[-1, -1]]

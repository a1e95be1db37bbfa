"""Lists of numbers out of JSON come back as they were."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pages.elements import read_numbers, with_numbers

from reportgen.packing.numbers import take_numbers

NUMBERS = st.one_of(
    st.none(), st.integers(-(10**9), 10**9), st.floats(allow_nan=False, allow_infinity=False), st.floats(-1, 1).map(lambda number: float(f"{number:.4g}"))
)
DATA = st.recursive(
    NUMBERS | st.booleans() | st.text(), lambda inner: st.lists(inner) | st.lists(NUMBERS, min_size=8) | st.dictionaries(st.sampled_from("abc"), inner)
)


def put_back(data: Any) -> Any:
    left, count, numbers = take_numbers(data)
    return with_numbers(left, read_numbers(numbers, count))


@given(DATA)
def test_any_data_come_back(data: Any) -> None:
    assert put_back(data) == data


def test_lists_of_equally_long_lists_are_taken_out_as_one() -> None:
    data = {"pairs": [[3, 5], [7, None], [0.25, -11], [13, 17]], "ragged": [[1], [2, 3]], "names": ["a"] * 9}
    left, count, _ = take_numbers(data)
    assert left == {"pairs": {"#": [0, 4, 2]}, "ragged": [[1], [2, 3]], "names": ["a"] * 9}
    assert count == 8
    assert put_back(data) == data


@pytest.mark.parametrize("odd", [1 / 3, 1e-30, 1e33, 123_456_789_012, True])
def test_a_list_with_a_number_of_too_many_digits_stays(odd: float) -> None:
    assert take_numbers([odd, *range(8)])[:2] == ([odd, *range(8)], 0)

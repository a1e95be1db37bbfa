"""Numbers and names as a reader sees them."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportgen.wording import ABSENT, counted, direction, of_pairs, paragraphs, percent, resampled, rounded, significant, two_decimals


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.100"),
        (12, "12.0"),
        (999.7, "1,000"),
        (1234.5, "1,230"),
        (0, "0"),
        (-0.5, "−0.500"),
        (1.234e-5, "1.23e−5"),
        (float("nan"), ABSENT),
        (None, ABSENT),
    ],
)
def test_three_significant_digits_with_their_zeros(value: float, text: str) -> None:
    assert significant(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.14, "14\u202f%"), (0.0053, "0.53\u202f%"), (1.0, "100\u202f%"), (0.997, "100\u202f%"), (0.09, "9.0\u202f%")])
def test_shares_are_percentages(value: float, text: str) -> None:
    assert percent(value) == text


@given(st.floats(1e-3, 1e6))
def test_what_is_printed_is_within_half_a_digit(value: float) -> None:
    printed = float(significant(value).replace(",", ""))
    assert abs(printed - value) <= 0.005 * value


def test_rounded_numbers_are_json_and_missing_ones_null() -> None:
    values = np.array([[1.23456789, np.nan], [np.inf, 0.0]])
    assert json.loads(json.dumps(rounded(values))) == [[1.2346, None], [None, 0.0]]
    assert rounded(np.array([-1, 7])) == [-1, 7]
    assert rounded(None) is None


def test_paragraphs_keep_neighbours_of_one_block_together() -> None:
    assert paragraphs(("a", "b", "c", "d"), (0, 0, 1, 0)) == [[(0, "a"), (1, "b")], [(2, "c")], [(3, "d")]]


def test_resampled_scores_are_given_to_three_digits_or_not_at_all() -> None:
    evidence = SimpleNamespace(low=np.array([[0.12345]]), high=np.array([[np.nan]]), confidence=np.array([[0.985]]))
    assert resampled(evidence) == {"low": [[0.123]], "high": [[None]], "confidence": [[0.985]]}
    assert resampled(None) is None
    assert resampled(SimpleNamespace(confidence=np.array([[np.nan]]))) is None


@pytest.mark.parametrize(("value", "text"), [(0.784, "0.78"), (-0.75, "\N{MINUS SIGN}0.75"), (-0.004, "0.00"), (12, "12.00")])
def test_two_decimals_have_a_real_minus_and_no_sign_at_zero(value: float, text: str) -> None:
    assert two_decimals(value) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("A log", "ltr"), ("دفتر", "rtl"), ("42% من", "rtl"), ("“שלום” he wrote", "rtl"), ("灯塔", "ltr"), ("1941: 7", "ltr"), ("", "ltr"), ("🧿 ا", "rtl")],
)
def test_the_first_letter_with_a_direction_decides(text: str, expected: str) -> None:
    assert direction(text) == expected


@pytest.mark.parametrize(("number", "said"), [(0, "0 links"), (1, "1 link"), (2, "2 links"), (1230, "1,230 links")])
def test_one_is_not_said_in_the_plural(number: int, said: str) -> None:
    assert counted(number, "link") == said


def test_another_plural_can_be_given() -> None:
    assert counted(2, "link that does", "links that do") == "2 links that do"


@pytest.mark.parametrize(
    ("number", "said"), [(0, "There is no pair of sentences"), (1, "There is 1 pair of sentences"), (21, "There are 21 pairs of sentences")]
)
def test_pairs_begin_a_sentence(number: int, said: str) -> None:
    assert of_pairs(number) == said

"""How alike sentences are by their words, and what was changed between them."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from reportgen.comparison.words import changed_words, greatest_likenesses, likeness, words_of

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=6)


def test_likeness_counts_words_in_common_in_their_order() -> None:
    assert likeness("abcd", "acbd") == 2 * 3 / 8
    assert likeness("ab", "xaybz") == 2 * 2 / 7
    assert likeness("ab", "xy") == 0
    assert likeness("", "") == 1
    assert words_of("He said: “no”.") == ["He", "said", ":", "“", "no", "”."]


@settings(deadline=None, max_examples=50)
@given(WORDS, WORDS)
def test_likeness_is_never_above_that_of_the_words_in_any_order(one: list[str], other: list[str]) -> None:
    assert likeness(one, other) <= greatest_likenesses([one], [other])[0, 0] + 1e-12
    assert likeness(one, other) == likeness(other, one)


def test_likeness_in_any_order_counts_repeated_words_as_often_as_they_stand() -> None:
    found = greatest_likenesses(["aab", "c"], ["ab", "aaa", ""])
    np.testing.assert_allclose(found, [[4 / 5, 4 / 6, 0], [0, 0, 0]])


@settings(deadline=None, max_examples=50)
@given(st.text("ab. ", max_size=12), st.text("ab. ", max_size=12))
def test_without_what_is_new_or_without_what_is_gone_a_difference_is_either_text(before: str, after: str) -> None:
    pieces = changed_words(before, after)
    assert "".join(piece.text for piece in pieces if piece.kind != "new") == before
    assert "".join(piece.text for piece in pieces if piece.kind != "gone") == after
    assert all(piece.kind == "same" for piece in pieces) or before != after

"""Known coefficients come back from the times that they make."""

from __future__ import annotations

import pytest
from fitting import grow_with_sentences, grow_with_tokens, sentences_in_words, tokens_in_words

TOKENS = [503, 1009, 2039, 4093, 8191]
SENTENCES = [157, 79, 41, 19, 11]


def test_coefficients_with_tokens_come_back() -> None:
    growth = grow_with_tokens(TOKENS, [0.7 + 2.3e-3 * tokens + 1.1e-6 * tokens**2 for tokens in TOKENS])
    assert [growth.constant, growth.linear, growth.quadratic] == pytest.approx([0.7, 2.3e-3, 1.1e-6], rel=1e-6)
    assert growth.misfit < 1e-9
    assert growth.crossing == pytest.approx(2.3e-3 / 1.1e-6)


def test_what_does_not_grow_with_the_square_has_no_such_part() -> None:
    growth = grow_with_tokens(TOKENS, [1.9e-3 * tokens for tokens in TOKENS])
    assert [growth.constant, growth.quadratic] == pytest.approx([0, 0], abs=1e-9)
    assert growth.linear == pytest.approx(1.9e-3)


def test_no_coefficient_with_tokens_is_negative() -> None:
    growth = grow_with_tokens(TOKENS, [tokens**0.5 for tokens in TOKENS])
    assert min(growth.constant, growth.linear, growth.quadratic) == 0
    assert growth.misfit > 0.1


@pytest.mark.parametrize("slope", [0.031, -0.017])
def test_coefficients_with_sentences_come_back_with_their_sign(slope: float) -> None:
    growth = grow_with_sentences(SENTENCES, [29 + slope * sentences for sentences in SENTENCES])
    assert [growth.constant, growth.linear] == pytest.approx([29, slope])
    assert growth.misfit < 1e-9


def test_each_time_counts_by_its_relative_error() -> None:
    growth = grow_with_sentences([10, 20], [1, 100])
    assert [growth.constant, growth.linear] == pytest.approx([-98, 9.9])
    uneven = grow_with_sentences([10, 20, 20], [1, 90, 110])
    assert uneven.constant + 20 * uneven.linear == pytest.approx((1 / 90 + 1 / 110) / (1 / 90**2 + 1 / 110**2))


def test_too_few_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="three lengths; there are 2"):
        grow_with_tokens([512, 1024, 1024], [1, 2, 2])
    with pytest.raises(ValueError, match="two numbers of sentences; there are 1"):
        grow_with_sentences([7, 7], [1, 2])


def test_words_give_the_coefficients_and_what_they_say() -> None:
    growth = grow_with_tokens(TOKENS, [0.5 + 2e-3 * tokens + 1e-6 * tokens**2 for tokens in TOKENS])
    assert tokens_in_words("Ours", growth) == (
        "Ours: t = 0.5 s + 2 ms T + 1 µs T² for T tokens, within 0% of each time; the part with T² is the greater one from 2,000 tokens on."
    )
    growth = grow_with_sentences(SENTENCES, [29 - 0.01 * sentences for sentences in SENTENCES])
    assert sentences_in_words("Ours", 4069, SENTENCES, growth) == (
        "Ours at 4,069 tokens: t = 29 s + (-10 ms) S for S sentences, within 0% of each time; by it 157 sentences take 5% less than 11."
    )

"""Windows of whole sentences: they fit, cover, overlap, and give each sentence the most text before it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reportgen.errors import DocumentError
from reportgen.sentences import Sentence
from reportgen.windows import plan_windows
from reportgen.windows.planning import place_windows


def planned(tokens: list[int], size: int, stride: int, special: int = 0) -> list[tuple[int, int]]:
    return plan_windows(np.array(tokens), special=special, size=size, stride=stride)


def test_a_plan_worked_out_by_hand() -> None:
    # 0..3 has 3 + 5 + 2 = 10; the next starts within 5 tokens: at sentence 1 (3 tokens on), and 1..4 has 5 + 2 + 3 = 10;
    # from 2 (5 tokens on) 2 + 3 + 4 fit, from there to the end; sentence 1 would be too much.
    assert planned([3, 5, 2, 3, 4], size=10, stride=5) == [(0, 3), (1, 4), (2, 5)]


def test_special_tokens_take_room_in_every_window() -> None:
    assert planned([3, 5, 2, 3, 4], size=12, stride=5, special=2) == [(0, 3), (1, 4), (2, 5)]
    assert planned([3, 5, 2, 3, 4], size=12, stride=5) == [(0, 3), (1, 4), (2, 5)]
    assert planned([3, 5, 2, 3, 4], size=17, stride=8) == [(0, 5)]


def test_the_last_window_starts_as_early_as_it_can() -> None:
    assert planned([4, 4, 4, 4, 1], size=16, stride=12) == [(0, 4), (1, 5)]


def test_a_long_sentence_moves_the_window_on_further_than_the_stride() -> None:
    assert planned([1, 1, 1, 7, 1], size=8, stride=2) == [(0, 3), (2, 4), (3, 5)]


def test_neighbours_that_do_not_fit_together_are_read_apart() -> None:
    assert planned([8, 8, 1], size=9, stride=4) == [(0, 1), (1, 3)]


def test_a_sentence_longer_than_a_window_is_refused_with_the_figures() -> None:
    with pytest.raises(DocumentError, match=r"Sentence 2 has 11 tokens, and a window holds 10 beside the 2 that the tokenizer adds"):
        planned([3, 11, 2], size=12, stride=6, special=2)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_windows_fit_cover_overlap_and_go_on(data: st.DataObject) -> None:
    tokens = data.draw(st.lists(st.integers(0, 9), min_size=1, max_size=40))
    special = data.draw(st.integers(0, 3))
    size = data.draw(st.integers(max(max(tokens), 1) + special + 1, 60))
    stride = data.draw(st.integers(1, size - 1))
    plan = planned(tokens, size, stride, special)
    assert plan[0][0] == 0
    assert plan[-1][1] == len(tokens)
    for first, last in plan:
        assert first < last
        assert sum(tokens[first:last]) + special <= size
    for (first, last), (later, further) in itertools.pairwise(plan):
        assert first < later <= last < further
        if tokens[last - 1] + tokens[last] + special <= size:
            assert later < last  # they share a sentence
        moved = sum(tokens[first:later])
        assert moved <= stride or later <= last - 1 or sum(tokens[later - 1 : last + 1]) + special > size


@settings(max_examples=200, deadline=None)
@given(tokens=st.lists(st.integers(1, 9), min_size=1, max_size=40), size=st.integers(10, 40), data=st.data())
def test_a_sentences_own_window_gives_it_the_most_text_before_it(tokens: list[int], size: int, data: st.DataObject) -> None:
    sentences, place = [], 0
    for index, count in enumerate(tokens):
        sentences.append(Sentence(start=place, end=place + count, block=index))
        place += count + 1
    windows = place_windows(sentences, planned(tokens, size, data.draw(st.integers(1, size - 1))))
    owners = [window for window in windows for _ in range(window.own, window.last)]
    assert len(owners) == len(sentences)
    for sentence, owner in enumerate(owners):
        assert owner.first == min(window.first for window in windows if window.first <= sentence < window.last)
    for window in windows:
        assert (window.start, window.end) == (sentences[window.first].start, sentences[window.last - 1].end)


def test_a_document_of_a_size_of_a_book_is_planned_in_no_time() -> None:
    tokens = np.random.default_rng(0).integers(5, 40, 12_000)
    plan = plan_windows(tokens, special=0, size=8192, stride=4096)
    assert len(plan) == pytest.approx(2 * tokens.sum() / 8192, rel=0.05)

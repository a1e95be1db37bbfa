"""Sums by sentence where a sentence between two others has no query that counts."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from tiny import made_up_layout, measured, tiny_gpt2, weights_of

from reportgen.capture.feeding import Feed
from reportgen.capture.row_groups import RowGroups

LEFT_OUT, SENTENCES, TOKENS = 3, 7, 60
HALF = {"rtol": 1e-3, "atol": 6e-8}  # of half precision, whose numbers near 0 are that far apart


@pytest.mark.parametrize("sentences", [[4, 5, 6], [4, 6, 7], []], ids=["one after the other", "one missing", "none"])
def test_values_go_to_the_sentences_of_the_groups(sentences: list[int]) -> None:
    numbers = np.arange(len(sentences) + 1)
    groups = RowGroups(sentence=np.array([-1, *sentences]), counts=np.ones(len(numbers), bool), of_run=numbers, of_row=numbers)
    total = np.zeros((2, 9))
    total[:, groups.span] += np.arange(1.0, len(sentences) + 1)
    expected = np.zeros((2, 9))
    for value, sentence in enumerate(sentences, 1):
        expected[:, sentence] = value
    np.testing.assert_array_equal(total, expected)


def test_scores_by_sentence_leave_out_a_sentence_in_the_middle_as_eager_attention_does() -> None:
    layout = made_up_layout(TOKENS, SENTENCES)
    layout = layout.changed(counted=layout.sentence_of_token != LEFT_OUT)
    model = tiny_gpt2()
    found, weights = measured(model, Feed(source=layout)).arrays, weights_of(model, layout.ids)  # layer head query key
    first, before = weights[..., 0], np.diagonal(weights, offset=-1, axis1=2, axis2=3)  # of queries from 0 and from 1 on
    for sentence in range(SENTENCES):
        rows = np.flatnonzero((layout.sentence_of_token == sentence) & (np.arange(TOKENS) > 0))
        if sentence == LEFT_OUT:
            assert np.isnan(found["decoder.first_token_by_sentence"][..., sentence]).all()
            assert np.isnan(found["decoder.previous_token_by_sentence"][..., sentence]).all()
            continue
        np.testing.assert_allclose(found["decoder.first_token_by_sentence"][..., sentence], first[..., rows].mean(-1), **HALF)
        np.testing.assert_allclose(found["decoder.previous_token_by_sentence"][..., sentence], before[..., rows - 1].mean(-1), **HALF)

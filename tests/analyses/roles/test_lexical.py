"""Similarity of sentences in their words: a case by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reportgen.analyses.roles.lexical import similarity

SENTENCES = ["The harbour was calm.", "A calm harbour, a calm sea.", "Nothing else.", "It is so."]


def test_cosines_are_those_of_tf_idf_by_hand() -> None:
    """Words in two sentences: harbour and calm, idf alike: (1, 1) and (1, 2)."""
    found = similarity(SENTENCES)
    assert found[0, 1] == pytest.approx(3 / math.sqrt(2 * 5), abs=1e-6)
    assert found[1, 0] == found[0, 1]
    assert found[0, 0] == pytest.approx(1)
    assert found[2, 3] == found[2, 2] == 0


def test_words_that_most_sentences_have_do_not_count() -> None:
    texts = [f"Every word {'tiger' if index < 3 else 'lion' * (index % 7)} here" for index in range(40)]
    found = similarity(texts)
    assert found[0, 1] == pytest.approx(1)
    assert found[0, 30] == 0


def test_sentences_without_words_are_like_nothing() -> None:
    assert not similarity(["1 2 3", "--", ""]).any()
    assert similarity([]).shape == (0, 0)
    assert np.isfinite(similarity(["one", "one"])).all()

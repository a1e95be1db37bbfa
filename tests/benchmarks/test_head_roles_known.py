"""Precision and recall, and documents whose sentences change places."""

from __future__ import annotations

import math

import numpy as np
from head_roles_known import agreement, carriers, held_against, shuffled_document
from made_up import made_up

from reportgen import document_from_text, split_sentences


def test_precision_and_recall_are_shares_of_found_and_known() -> None:
    assert agreement(["1.0", "2.3", "4.4", "0.1"], ["2.3", "4.4", "5.5"]) == (0.5, 2 / 3)
    assert math.isnan(agreement([], ["2.3"])[0])


def test_carriers_are_the_heads_with_the_role() -> None:
    assert carriers({"0.0": ("local",), "0.1": (), "1.0": ("broad", "local")}, "local") == ["0.0", "1.0"]


def test_shuffled_sentences_keep_their_words_and_the_breaks_between_paragraphs() -> None:
    document = document_from_text("One is here. Two is there.\n\nThree is everywhere. Four is nowhere.")
    found = shuffled_document(document, np.array([3, 1, 0, 2]))
    assert found.text == "Four is nowhere. Two is there.\n\nOne is here. Three is everywhere."
    assert len(split_sentences(found)) == 4


def test_attention_stays_where_it_was_when_it_is_held_against_other_words() -> None:
    measurements, order = made_up(), np.array([2, 0, 1, 4, 3])
    found = held_against(measurements, order)
    assert found.sentences == tuple(measurements.sentences[place] for place in order)
    np.testing.assert_array_equal(found["*.sentence_attention"], measurements["*.sentence_attention"])

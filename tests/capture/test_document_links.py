"""Which links of a document are verified, and what is said of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from families import HEADS
from knockout_reference import FAMILIES, KINDS, built, fed, language_model
from matrices import content_pairs, lift_of, strongest
from per_layer_models import tiny_bloom
from tiny import measured, tiny_llama

from reportgen.capture.knockout import MeasuredLinks, document_links, measure_link_effects, measure_links
from reportgen.capture.knockout.choosing import strongest_links

EARLIER = np.argwhere(np.tri(4, k=-1))
SHARES = np.array([[1, 0, 0, 0], [0.4, 0.6, 0, 0], [0.3, 0.2, 0.5, 0], [0.1, 0.25, 0.3, 0.3]])
EXPECTED = np.array([[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.4, 0.3, 0.3, 0], [0.4, 0.1, 0.4, 0.1]])


def links_of(model: Any, kind: str, first_sentence: int = 0) -> MeasuredLinks:
    given = fed(kind)
    return measure_links(language_model(model, kind), given, measured(model, given).arrays, lambda stage, share: None, first_sentence=first_sentence)


def test_links_are_chosen_by_lift_then_by_share_and_those_to_the_first_sentence_last() -> None:
    found = [strongest_links(SHARES, EXPECTED, EARLIER, count).tolist() for count in (1, 2, 3, 4, 60)]
    by_lift, by_share = [3, 1], [3, 2]  # lifts: 2.5, 0.75, 0.67; shares: 0.25, 0.3, 0.2
    assert found[0] == [by_lift]
    assert found[1] == [by_lift, by_share]
    assert found[2] == [by_lift, by_share, [2, 1]]
    assert found[3] == [by_lift, by_share, [2, 1], [1, 0]]
    assert found[4] == [by_lift, by_share, [2, 1], [1, 0], [2, 0], [3, 0]]


def test_pairs_of_which_one_cannot_see_the_other_are_no_links() -> None:
    expected = EXPECTED.copy()
    expected[3, :2] = 0
    assert strongest_links(SHARES, expected, EARLIER, 60).tolist() == [[3, 2], [2, 1], [1, 0], [2, 0]]
    assert strongest_links(SHARES, np.zeros((4, 4)), EARLIER, 60).shape == (0, 2)


def test_the_links_that_a_page_shows_first_are_among_them() -> None:
    random = np.random.default_rng(0)
    shares = np.tril(random.random((23, 23)))
    shares /= shares.sum(1, keepdims=True)
    expected = np.tril(np.ones((23, 23))) / np.arange(1, 24)[:, None]
    found = strongest_links(shares, expected, np.argwhere(np.tri(23, k=-1)), 60)
    shown = strongest(content_pairs(lift_of(shares, expected)), 12)
    assert found[:12].tolist() == shown.tolist()
    assert len(found) == len(np.unique(found, axis=0)) == 60


def test_the_arrays_hold_links_effects_and_drops() -> None:
    found = links_of(tiny_llama(), "causal")
    stored = found.arrays["attribution.link_effect"]
    effects = measure_link_effects(language_model(tiny_llama(), "causal"), fed("causal"), stored[:, :2].astype(np.int64), lambda stage, share: None)
    np.testing.assert_allclose(stored[:, 2], effects.effect, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.arrays["attribution.link_drop"], effects.drop, rtol=1e-4, atol=1e-5)
    assert {values.dtype.name for values in found.arrays.values()} == {"float32"}
    assert found.metadata == {"links": 10, "possible": 10, "way": "kept keys and values"}
    assert found.notices == ()


def test_links_of_a_window_are_numbered_as_the_documents() -> None:
    whole, window = links_of(tiny_llama(), "causal"), links_of(tiny_llama(), "causal", first_sentence=17)
    np.testing.assert_array_equal(window.arrays["attribution.link_effect"], whole.arrays["attribution.link_effect"] + np.float32([17, 17, 0]))


def test_no_more_links_are_measured_than_are_worth_their_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_links, "LINKS_AT_MOST", 7)
    found = links_of(tiny_llama(), "causal")
    assert len(found.arrays["attribution.link_effect"]) == found.metadata["links"] == 7
    assert found.metadata["possible"] == 10


@pytest.mark.parametrize(("name", "possible"), [("BERT", 20), ("BART", 15)])
def test_where_each_link_takes_a_whole_pass_fewer_are_measured_and_a_notice_says_so(name: str, possible: int) -> None:
    found = links_of(built(FAMILIES[name]), KINDS[FAMILIES[name].kind])
    assert found.arrays["attribution.link_effect"].shape == (12, 3)
    assert found.metadata["way"] == "whole passes"
    assert f"strongest 12 of {possible} links, because each takes a pass over the whole text" in found.notices[0]


@pytest.mark.parametrize("kind", ["classifier", "question answering", "encoder"])
def test_models_without_a_distribution_over_tokens_have_no_effects(kind: str) -> None:
    names = {"classifier": "sequence classification", "question answering": "extractive question answering", "encoder": "bare encoder"}
    (family,) = [family for family in HEADS if family.name == names[kind]]
    found = links_of(family.build(), kind)
    assert found.arrays == found.metadata == {}
    assert "no distribution over tokens" in found.notices[0]


def test_models_that_are_read_one_layer_at_a_time_have_no_effects() -> None:
    found = links_of(tiny_bloom(), "causal")
    assert found.arrays == {}
    assert "outside the library's interface" in found.notices[0]

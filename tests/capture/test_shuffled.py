"""The control run against the model's own eager attention on tokens that were put in the same order by hand."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "tokens"))
from fed import bart, bert, document, gpt2
from tiny import FLOAT32, made_up_layout, tiny_gpt2, weights_of

from reportgen.capture import MeasureOptions, measure
from reportgen.capture.feeding import Feed
from reportgen.capture.self_check import check_model
from reportgen.capture.shuffled import measure_shuffled, shuffled_order, shuffled_tokens

TEXT = "The ship left the harbour at dawn. Nobody on the quay waved.\n\nBy noon the ship was a point on the horizon. The harbour slept again. So be it."


def quiet(stage: str, share: float) -> None:
    pass


def test_the_masses_are_those_of_eager_attention_over_the_shuffled_tokens() -> None:
    model, layout = tiny_gpt2(), made_up_layout(47, 11)
    given = Feed(source=layout)
    found = measure_shuffled(model, given, check_model(model, given), quiet)
    tokens = shuffled_tokens(layout.sentence_of_token, found.order)
    p = weights_of(model, layout.ids[tokens]).mean((0, 1))
    members = layout.sentence_of_token[tokens][:, None] == np.arange(11)
    even = np.tri(47) / np.arange(1, 48)[:, None]
    place = np.argsort(found.order)
    hidden = place[:, None] < place
    for name, weights in (("attention", p), ("expected", even)):
        by_hand = members.T @ weights @ members / members.sum(0)[:, None]
        by_hand[hidden] = np.nan
        np.testing.assert_allclose(found.arrays[f"decoder.shuffled_{name}"], by_hand, atol=FLOAT32)


def test_tokens_by_hand() -> None:
    members = np.array([-1, 0, 0, -1, 1, 1, -1, 1, 2, -1])  # one token of none inside sentence 1, which goes with it
    assert shuffled_tokens(members, np.array([0, 2, 1])).tolist() == [0, 1, 2, 3, 8, 4, 5, 6, 7, 9]


@settings(max_examples=50, deadline=None)
@given(sentences=st.integers(1, 40))
def test_an_order_has_every_sentence_the_first_in_its_place_and_is_another_than_the_texts(sentences: int) -> None:
    order = shuffled_order(sentences)
    assert sorted(order.tolist()) == list(range(sentences))
    assert order[0] == 0
    assert (order != np.arange(sentences)).any() == (sentences > 2)
    assert (shuffled_order(sentences) == order).all()


def test_the_text_in_its_own_order_gives_its_own_attention(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reportgen.capture.shuffled.shuffled_order", np.arange)
    language_model = gpt2()
    found = measure(document(TEXT), language_model, options=MeasureOptions(probes=False, attribution="none", control=True))
    seen = ~np.isnan(found["*.shuffled_attention"])
    assert (seen == np.tri(5, dtype=bool)).all()
    np.testing.assert_allclose(found["*.shuffled_attention"][seen], found["*.sentence_attention"].mean((0, 1))[seen], atol=1e-6)
    np.testing.assert_allclose(found["*.shuffled_expected"][seen], found["*.sentence_expected"][seen], atol=1e-7)


def test_the_control_is_made_only_when_asked_for_and_says_how() -> None:
    asked = measure(document(TEXT), gpt2(), options=MeasureOptions(probes=False, attribution="none", control=True))
    assert asked.metadata["control"] == {"seed": 0, "order": shuffled_order(5).tolist()}
    assert any(notice.startswith("Control run: the document's 5 sentences were read once more in shuffled order (seed 0)") for notice in asked.notices)
    other = measure(document(TEXT), gpt2(), options=MeasureOptions(probes=False, attribution="none"))
    assert "control" not in other.metadata
    assert "*.shuffled_attention" not in other


def test_models_that_see_both_ways_and_encoders_of_encoder_decoders_are_read_too() -> None:
    for language_model in (bert(), bart()):
        found = measure(document(TEXT), language_model, options=MeasureOptions(probes=False, attribution="none", control=True))
        shuffled = found["encoder.shuffled_attention"]
        assert np.isfinite(shuffled).all()
        assert (shuffled.sum(1) <= 1 + 1e-6).all()
        assert not [key for key in found.arrays if key.startswith(("decoder.shuffled", "cross.shuffled"))]


@pytest.mark.parametrize(
    ("options", "text", "reason"),
    [
        ({"pair": document("Nobody waved.")}, TEXT, "a second text, or text that the model wrote"),
        ({"generate": 3}, TEXT, "a second text, or text that the model wrote"),
        ({"window": 20}, TEXT, "the document is read in windows"),
        ({}, "The ship left. Nobody waved.", "fewer than 3 sentences"),
    ],
)
def test_where_sentences_cannot_be_shuffled_a_notice_says_why(options: dict, text: str, reason: str) -> None:
    found = measure(document(text), gpt2(), options=MeasureOptions(probes=False, attribution="none", control=True, **options))
    assert "*.shuffled_attention" not in found
    assert any(reason in notice and "control run" in notice for notice in found.notices)

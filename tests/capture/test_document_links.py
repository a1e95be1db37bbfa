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
from reportgen.capture.knockout.choosing import Pairs, choose_links, sampled_links, strongest_links

EARLIER = np.argwhere(np.tri(4, k=-1))
SHARES = np.array([[1, 0, 0, 0], [0.4, 0.6, 0, 0], [0.3, 0.2, 0.5, 0], [0.1, 0.25, 0.3, 0.3]])
EXPECTED = np.array([[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.4, 0.3, 0.3, 0], [0.4, 0.1, 0.4, 0.1]])


def links_of(model: Any, kind: str, **options: Any) -> MeasuredLinks:
    given = fed(kind)
    return measure_links(language_model(model, kind), given, measured(model, given).arrays, lambda stage, share: None, **options)


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
    assert (found[:, 1] == 0).sum() == 5


def test_links_drawn_by_chance_are_as_far_apart_as_the_strongest_and_none_of_them() -> None:
    random = np.random.default_rng(1)
    pairs = Pairs(attention=random.random((43, 43)), expected=np.tri(43), lengths=True)
    possible = np.argwhere(np.tri(43, k=-1))
    links = strongest_links(pairs.attention, pairs.expected, possible, 71)
    drawn = sampled_links(pairs, links, possible)
    assert len(np.unique(np.concatenate([links, drawn]), axis=0)) == len(links) + len(drawn)
    assert (drawn[:, 1] > 0).all()
    wanted, found = (np.bincount(pairs.length(some), minlength=43) for some in (links, drawn))
    there = np.bincount(pairs.length(possible[possible[:, 1] > 0]), minlength=43) - np.bincount(pairs.length(links[links[:, 1] > 0]), minlength=43)
    np.testing.assert_array_equal(found, np.minimum(wanted, there))
    np.testing.assert_array_equal(drawn, sampled_links(pairs, links, possible))
    across = sampled_links(Pairs(attention=pairs.attention, expected=pairs.expected, lengths=False), links, possible)
    assert len(across) == len(links)
    assert (across[:, 1] == 0).any()


@pytest.mark.parametrize(("budget", "every"), [(903 * 7, True), (903 * 7 - 1, False), (700, False)])
def test_what_is_measured_stays_within_the_budget(budget: int, every: bool) -> None:
    pairs = Pairs(attention=np.random.default_rng(2).random((43, 43)), expected=np.tri(43), lengths=True)
    possible = np.argwhere(np.tri(43, k=-1))
    chosen = choose_links(pairs, possible, np.full(len(possible), 7), budget, 37, 0.5)
    assert chosen.every == every
    assert 7 * len(chosen.links) <= (budget if every else budget / 2)
    assert len(chosen.links) == (903 if every else 37)
    assert len(chosen.sample) == (0 if every else 37)
    sparse = choose_links(pairs, possible, np.full(len(possible), 7), 140, 37, 0.5)
    assert len(sparse.links) == len(sparse.sample) == 10


def test_the_arrays_hold_links_effects_and_drops() -> None:
    found = links_of(tiny_llama(), "causal")
    stored = found.arrays["attribution.link_effect"]
    effects = measure_link_effects(language_model(tiny_llama(), "causal"), fed("causal"), stored[:, :2].astype(np.int64), lambda stage, share: None)
    np.testing.assert_allclose(stored[:, 2], effects.effect, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.arrays["attribution.link_drop"], effects.drop, rtol=1e-4, atol=1e-5)
    assert {values.dtype.name for values in found.arrays.values()} == {"float32"}
    lengths = np.array([np.ptp(np.flatnonzero(fed("causal").source.sentence_of_token == sentence)) + 1 for sentence in range(5)])
    run = int(67 + lengths[1:].sum() + (np.arange(5) * lengths).sum())
    assert found.metadata == {
        **{"links": 10, "possible": 10, "chosen": "all", "sample": 0, "seed": 0},
        **{"way": "kept keys and values", "tokens_run": run, "passes": round(run / 67, 2)},
    }
    assert found.notices == ()


def test_links_of_a_window_are_numbered_as_the_documents() -> None:
    whole, window = links_of(tiny_llama(), "causal"), links_of(tiny_llama(), "causal", first_sentence=17)
    np.testing.assert_array_equal(window.arrays["attribution.link_effect"], whole.arrays["attribution.link_effect"] + np.float32([17, 17, 0]))


def test_no_more_links_are_measured_than_are_worth_their_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_links, "LINKS_AT_MOST", 3)
    monkeypatch.setattr(document_links, "PASSES", {"fast": 1.7, "full": 1.7})
    found = links_of(tiny_llama(), "causal")
    assert len(found.arrays["attribution.link_effect"]) == found.metadata["links"] == 3
    assert len(found.arrays["attribution.link_sample"]) == len(found.arrays["attribution.link_sample_drop"]) == found.metadata["sample"] > 0
    assert found.metadata["possible"] == 10
    assert f"strongest 3 of 10 links and {found.metadata['sample']} drawn by chance, because all of them take too long; --attribution full" in found.notices[0]
    monkeypatch.setattr(document_links, "PASSES", {"fast": 0.8, "full": 0.8})
    cheaper = links_of(tiny_llama(), "causal").metadata
    assert cheaper["tokens_run"] - 67 - 67 <= 0.8 * 67
    assert cheaper["links"] < 3
    assert links_of(tiny_llama(), "causal", effort="full").metadata["chosen"] == "all"


@pytest.mark.parametrize(("name", "possible"), [("BERT", 20), ("BART", 15)])
def test_where_each_link_takes_a_whole_pass_fewer_are_measured_and_a_notice_says_so(name: str, possible: int) -> None:
    found = links_of(built(FAMILIES[name]), KINDS[FAMILIES[name].kind])
    assert found.arrays["attribution.link_effect"].shape == (8, 3)
    assert found.arrays["attribution.link_sample"].shape[0] == 4 if name == "BART" else 3
    assert found.metadata["way"] == "whole passes"
    assert f"strongest 8 of {possible} links" in found.notices[0]
    assert "because each takes a pass over the whole text" in found.notices[0]


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

"""Thematic, bridging and receiving heads: planted ones are found, chance makes none, numbers are those of plain formulas."""

from __future__ import annotations

import numpy as np
import pytest
from analyses.roles.attention import HEADS, LAYERS, SENTENCES, by_distance, measured, renewed, texts_of, themes_of
from scipy import stats

from reportgen.analyses.roles.bridges import borders_of
from reportgen.analyses.roles.lexical import similarity
from reportgen.analyses.roles.receivers import fisher_kurtosis, receiver_evidence
from reportgen.analyses.roles.sentence_evidence import NAMES, sentence_roles
from reportgen.analyses.roles.sentence_links import near_pairs
from reportgen.analyses.sentence_pairs.distance_model import decay, token_middles
from reportgen.measurements import Measurements

THEMES = themes_of()
TEXTS = texts_of(THEMES)
PARTS = np.arange(SENTENCES) // 8
RECEIVER, RECEIVED = (0, 3), 20


def carried(measurements: Measurements) -> dict[str, list[str]]:
    """By role, the heads that carry it."""
    outcomes = sentence_roles(measurements, measurements["*.sentence_attention"]).outcomes
    return {name: [f"{layer}.{head}" for layer, head in np.argwhere(outcomes[name].carried)] if not isinstance(outcomes[name], str) else [] for name in NAMES}


def with_themes(seed: int = 0, strength: float = 1.0) -> np.ndarray:
    """Head 1.2 gives sentences of the same theme more."""
    return renewed(by_distance(seed), (1, 2), np.exp(strength * np.equal.outer(THEMES, THEMES)))


def test_a_head_that_follows_themes_is_found_and_no_other() -> None:
    assert carried(measured(with_themes(), TEXTS))["thematic"] == ["1.2"]


def test_the_same_attention_over_other_words_is_not_thematic() -> None:
    shuffled = [TEXTS[place] for place in np.random.default_rng(5).permutation(SENTENCES)]
    assert carried(measured(with_themes(), shuffled))["thematic"] == []


def test_a_head_that_avoids_its_theme_is_not_thematic() -> None:
    assert carried(measured(with_themes(strength=-1.0), TEXTS))["thematic"] == []


def test_distance_and_chance_make_hardly_any_role() -> None:
    found = [carried(measured(by_distance(seed), TEXTS, PARTS, ["paragraph"] * 8)) for seed in range(8)]
    assert sum(len(heads) for one in found for heads in one.values()) <= 2  # of 80 heads with three roles each; the longest sentences draw them all


def test_the_correlation_is_the_partial_one_of_a_plain_least_squares_fit() -> None:
    measurements = measured(with_themes(), TEXTS)
    evidence = sentence_roles(measurements, measurements["*.sentence_attention"]).outcomes["thematic"].all_keys
    queries, keys = near_pairs(measurements["*.sentence_expected"])
    terms = [queries[:, None] == np.arange(SENTENCES), keys[:, None] == np.arange(SENTENCES), decay(queries, keys, token_middles(measurements))]
    design = np.concatenate(terms, axis=1).astype(float)
    columns = np.stack([np.log(measurements["*.sentence_attention"][1, 2, queries, keys]), similarity(measurements.sentences)[queries, keys]], 1)
    left = columns - design @ np.linalg.lstsq(design, columns, rcond=1e-9)[0]
    assert evidence.values[1, 2] == pytest.approx(np.corrcoef(left.T)[0, 1], abs=2e-3)


def test_a_head_that_crosses_the_borders_of_paragraphs_is_found_and_no_other() -> None:
    shares = renewed(by_distance(noise=0.2), (0, 1), np.where(np.not_equal.outer(PARTS, PARTS), 2.0, 1.0))
    assert carried(measured(shares, TEXTS, PARTS, ["paragraph"] * 8))["bridge"] == ["0.1"]


def test_a_head_that_stays_within_paragraphs_is_no_bridge() -> None:
    shares = renewed(by_distance(noise=0.2), (0, 1), np.where(np.not_equal.outer(PARTS, PARTS), 0.5, 1.0))
    assert carried(measured(shares, TEXTS, PARTS, ["paragraph"] * 8))["bridge"] == []


def test_sections_go_before_paragraphs_and_short_paragraphs_are_no_parts() -> None:
    blocks, kinds = np.repeat([0, 1, 2, 3, 4], [1, 19, 1, 20, 20]), ["heading", "paragraph", "heading", "paragraph", "paragraph"]
    borders, kind = borders_of(measured(by_distance(), TEXTS, blocks, kinds))
    assert (np.flatnonzero(borders).tolist(), kind) == ([19], "headings")
    borders, kind = borders_of(measured(by_distance(), TEXTS, PARTS, ["paragraph"] * 8))
    assert (np.flatnonzero(borders).tolist(), kind) == ([7, 15, 23, 31, 39, 47, 55], "ends of paragraphs")
    _, kind = borders_of(measured(by_distance(), TEXTS, np.arange(SENTENCES) // 2, ["paragraph"] * 31))
    assert kind == "found in the attention of all heads"


def test_without_borders_no_head_bridges_them_and_the_reason_is_said() -> None:
    outcome = sentence_roles(measured(by_distance()), by_distance()).outcomes["bridge"]
    assert isinstance(outcome, str)
    assert "no borders" in outcome


def with_receiver(rows: int = SENTENCES) -> np.ndarray:
    """Later sentences, or the first of them, give one sentence 30 times as much in one head."""
    factor = np.ones((SENTENCES, SENTENCES))
    factor[RECEIVED + 4 : RECEIVED + 4 + rows, RECEIVED] = 30
    return renewed(by_distance(), RECEIVER, factor)


def test_a_head_whose_later_sentences_return_to_one_is_a_receiver_head() -> None:
    measurements = measured(with_receiver(), TEXTS)
    assert carried(measurements)["receiver"] == ["0.3"]
    assert receiver_evidence(measurements, measurements["*.sentence_attention"]).sentence[RECEIVER] == RECEIVED


def test_one_sentence_that_looks_at_another_makes_no_receiver() -> None:
    factor = np.ones((SENTENCES, SENTENCES))
    factor[RECEIVED + 6, RECEIVED] = 3000
    assert carried(measured(renewed(by_distance(), RECEIVER, factor), TEXTS))["receiver"] == []


def test_kurtosis_of_vertical_scores_is_scipys_on_means_written_out() -> None:
    measurements = measured(with_receiver(), TEXTS)
    found = receiver_evidence(measurements, measurements["*.sentence_attention"])
    shares, even = (measurements[f"*.{name}"].astype(float) for name in ("sentence_attention", "sentence_expected"))
    scores = [np.mean([shares[1, 4, query, key] / even[query, key] for query in range(key + 4, SENTENCES)]) for key in range(1, SENTENCES - 13)]
    assert found.evidence.values[1, 4] == pytest.approx(stats.kurtosis(scores), rel=1e-3)


def test_kurtosis_leaves_out_what_is_missing() -> None:
    values = np.random.default_rng(0).normal(size=(3, 23)).astype(np.float32)
    values[1, 4:7] = np.nan
    np.testing.assert_allclose(fisher_kurtosis(values), stats.kurtosis(values, axis=1, nan_policy="omit"), rtol=1e-4)
    assert np.isnan(fisher_kurtosis(np.ones((1, 5), np.float32)))[0]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", ["even", "distance"])
def test_attention_without_any_noise_has_no_roles(kind: str) -> None:
    apart = np.abs(np.subtract.outer(np.arange(SENTENCES), np.arange(SENTENCES)))
    shares = (np.ones((SENTENCES, SENTENCES)) if kind == "even" else 1.0 / (1 + apart)) * np.tri(SENTENCES)
    shares = np.broadcast_to(shares / shares.sum(1, keepdims=True), (LAYERS, HEADS, SENTENCES, SENTENCES)).astype(np.float32)
    assert not any(carried(measured(shares, TEXTS, PARTS, ["paragraph"] * 8)).values())


@pytest.mark.filterwarnings("error")
def test_pairs_that_no_window_holds_are_left_out() -> None:
    shares = with_themes()
    far = np.abs(np.subtract.outer(np.arange(SENTENCES), np.arange(SENTENCES))) > 30
    shares[:, :, far] = np.nan
    assert "1.2" in carried(measured(shares, TEXTS))["thematic"]


@pytest.mark.filterwarnings("error")
def test_a_layer_that_sees_hardly_anything_has_no_roles() -> None:
    """Its window is one sentence."""
    shares = by_distance()
    shares[1] = np.eye(SENTENCES)
    outcomes = sentence_roles(measured(shares, TEXTS), shares.astype(np.float32)).outcomes
    assert not outcomes["thematic"].carried[1].any()
    assert np.isnan(outcomes["thematic"].all_keys.values[1]).all()


@pytest.mark.parametrize("sentences", [2, 19])
def test_short_documents_say_too_little(sentences: int) -> None:
    outcomes = sentence_roles(measured(by_distance(sentences=sentences)), by_distance(sentences=sentences)).outcomes
    assert all(f"{sentences} sentences" in outcomes[name] for name in NAMES)


def test_attention_by_layer_alone_says_nothing_of_heads() -> None:
    arrays = {key: values for key, values in measured(by_distance()).arrays.items() if key != "decoder.sentence_attention"}
    arrays["decoder.sentence_attention_by_layer"] = by_distance().mean(1).astype(np.float32)
    whole = measured(by_distance())
    outcomes = sentence_roles(Measurements(arrays=arrays, metadata=whole.metadata, text=whole.text), None).outcomes
    assert all("not stored by head" in outcomes[name] for name in NAMES)

"""Rollout of chosen sentences, its chance level, the bands of the picture, and attention flow beside it."""

from __future__ import annotations

import networkx
import numpy as np
import pytest
from charts import assert_drawable, assert_valid, rows_of
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import LAYERS, SENTENCES, TOKENS, Sizes, made_up, pair_arrays, rollouts

from reportgen.analyses import flow
from reportgen.measurements import Measurements

UNIFORM = np.broadcast_to(np.tri(TOKENS) / np.arange(1, TOKENS + 1)[:, None], (LAYERS, 7, TOKENS, TOKENS))


def of_attention(p: np.ndarray) -> Measurements:
    members = made_up()["token_sentences"]
    return made_up(replaced={f"decoder.{name}": values for name, values in pair_arrays(p, members).items()})


def longer(**rest: object) -> Measurements:
    return made_up(sizes=Sizes(layers=3, heads=2, sentences=29, tokens=61), **rest)


def test_the_target_the_last_sentence_and_the_strongest_link_are_chosen_once_each() -> None:
    chosen = flow.analyse(made_up()).chosen
    assert chosen[0].sentence == SENTENCES - 1
    assert chosen[0].why.startswith("the target of attribution, the last sentence")
    assert len({found.sentence for found in chosen}) == len(chosen) <= 3
    target = {"sentence": 2, "tokens": 4, "description": "x"}
    chosen = flow.analyse(made_up(metadata={"target": target})).chosen
    assert [found.sentence for found in chosen][:2] == [2, SENTENCES - 1]


def test_sources_are_ranked_by_rollout_without_the_sink_and_carry_the_measured_shares() -> None:
    measurements = made_up()
    chosen = flow.analyse(measurements).chosen[0]
    row = measurements["*.rollout_without_sink"][chosen.sentence]
    assert chosen.sources.tolist() == np.argsort(-row, kind="stable").tolist()
    np.testing.assert_allclose(chosen.rollout_without_sink, row[chosen.sources])
    np.testing.assert_allclose(chosen.rollout, measurements["*.rollout"][chosen.sentence, chosen.sources])
    np.testing.assert_allclose(chosen.attention, measurements["*.sentence_attention"].mean((0, 1))[chosen.sentence, chosen.sources], rtol=1e-5)


def test_even_attention_is_its_own_chance_level() -> None:
    result = flow.analyse(of_attention(UNIFORM))
    assert result.null_is_exact
    for chosen in result.chosen:
        np.testing.assert_allclose(chosen.rollout, chosen.null, atol=1e-6)
        np.testing.assert_allclose(chosen.rollout_without_sink, chosen.null_without_sink, atol=1e-6)
        named = {path.name: path for path in chosen.paths}
        np.testing.assert_allclose(named["rollout"].first, named["even attention"].first, atol=1e-6)
        np.testing.assert_allclose(named["without the sink"].own, named["even, without the sink"].own, atol=1e-6)


def test_the_chance_level_does_not_follow_the_text() -> None:
    one, other = (flow.analyse(made_up(seed=seed)).chosen[0] for seed in (0, 1))
    assert dict(zip(one.sources.tolist(), one.null, strict=True)) == dict(zip(other.sources.tolist(), other.null, strict=True))
    assert not np.allclose(one.null, one.rollout, atol=0.02)


def test_where_layers_see_different_windows_sentences_are_rolled_out() -> None:
    expected = np.repeat(made_up()["*.sentence_expected"][None].astype(float), LAYERS, axis=0)
    expected[1, 4] = [0, 0, 0, 0.4, 0.6]
    result = flow.analyse(made_up(replaced={"decoder.sentence_expected": expected}))
    assert not result.null_is_exact
    joint = np.eye(SENTENCES)
    for layer in expected:
        joint = (0.5 * layer + 0.5 * np.eye(SENTENCES)) @ joint
    np.testing.assert_allclose(result.chosen[0].null, joint[4, result.chosen[0].sources], rtol=1e-5)
    assert result.chosen[0].null_without_sink is None


def test_the_bands_begin_with_the_sentence_itself_and_fill_every_layer() -> None:
    measurements = made_up()
    chosen = flow.analyse(measurements).chosen[0]
    assert chosen.bands.shape == (LAYERS + 1, len(chosen.band_sources) + 2)
    assert chosen.bands[0].tolist() == [1, *[0] * (SENTENCES - 1), 0]
    np.testing.assert_allclose(chosen.bands.sum(1), 1, atol=1e-6)
    by_layer = measurements["*.rollout_without_sink_by_layer"][:, chosen.sentence]
    np.testing.assert_allclose(chosen.bands[1:, 1:-1], by_layer[:, list(chosen.band_sources)], atol=1e-6)
    assert chosen.sentence not in chosen.band_sources


def test_flow_is_that_of_networkx_over_mean_attention_and_half_the_residual() -> None:
    measurements = made_up()
    chosen = flow.analyse(measurements).chosen[0]
    graph, mean = networkx.DiGraph(), measurements["*.sentence_attention"].mean(1)
    for (layer, above, below), weight in np.ndenumerate(mean):
        graph.add_edge((layer + 1, above), (layer, below), capacity=0.5 * float(weight) + 0.5 * (above == below))
    flows = [networkx.maximum_flow_value(graph, (LAYERS, chosen.sentence), (0, source)) for source in chosen.sources.tolist()]
    np.testing.assert_allclose(chosen.flow, flows, atol=3e-5)
    others = np.array([value for value, source in zip(flows, chosen.sources.tolist(), strict=True) if source != chosen.sentence])
    assert chosen.flow_variation == pytest.approx(others.std() / others.mean(), abs=1e-3)
    assert (chosen.joined, chosen.flow_is_bound) == (0, False)


def test_of_many_sentences_sixteen_are_kept_the_first_and_the_sentence_itself_among_them() -> None:
    result = flow.analyse(longer())
    for chosen in result.chosen:
        assert len(chosen.sources) == 16
        assert {0, chosen.sentence} <= set(chosen.sources.tolist())
        assert (chosen.joined, chosen.flow_is_bound, len(chosen.band_sources)) == (13, True, 8)
        assert (np.diff(chosen.rollout_without_sink) <= 0).all()


def test_pairs_that_no_window_saw_are_left_out() -> None:
    measurements = made_up()
    far = np.subtract.outer(np.arange(SENTENCES), np.arange(SENTENCES)) > 2
    names = ("sentence_attention", "sentence_expected", "rollout", "rollout_by_layer", "rollout_without_sink", "rollout_without_sink_by_layer")
    unseen = {f"decoder.{name}": np.where(far, np.nan, measurements[f"*.{name}"]).astype("float32") for name in names}
    result = flow.analyse(made_up(replaced=unseen))
    for chosen in result.chosen:
        assert chosen.sources.min() >= chosen.sentence - 2
        assert np.isfinite(np.concatenate([chosen.flow, chosen.rollout])).all()
        assert (chosen.null, chosen.null_without_sink) == (None, None)
    assert result.null_is_exact is None
    assert "nan" not in flow.find(result)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_shares_and_flows_lie_between_zero_and_one(seed: int) -> None:
    for chosen in flow.analyse(made_up(seed=seed)).chosen:
        for values in (chosen.rollout, chosen.rollout_without_sink, chosen.null, chosen.null_without_sink, chosen.flow, chosen.bands):
            assert (values >= 0).all()
            assert (values <= 1 + 1e-6).all()


def test_the_finding_says_when_flows_are_nearly_the_same() -> None:
    finding = flow.find(flow.analyse(made_up()))
    assert f"of sentence {SENTENCES} comes from the first sentence read with it" in finding
    assert "if every visible key had the same weight" in finding
    for variation, words in ((0.03, "nearly the same from every source and says little"), (0.4, "tells sources apart")):
        chosen = flow.analyse(made_up()).chosen[0]
        assert words in flow._of_flows(type(chosen)(**{**vars(chosen), "flow_variation": variation}))


def test_the_pictures_draw_the_bands_and_the_paths() -> None:
    result = flow.analyse(made_up())
    charts = flow.draw(result)
    assert list(charts) == [*(f"sources-of-{chosen.sentence + 1}" for chosen in result.chosen), "depth"]
    for spec in charts.values():
        assert_drawable(spec)
    bands = rows_of(charts[f"sources-of-{SENTENCES}"])[0]
    last = [row for row in bands if row["layer"] == LAYERS]
    assert [row["from"] for row in last] == pytest.approx((np.cumsum(result.chosen[0].bands[-1]) - result.chosen[0].bands[-1]).tolist(), abs=2e-5)
    assert charts == flow.draw(flow.analyse(made_up()))


def test_rollouts_are_over_tokens_in_what_was_made_up() -> None:
    assert rollouts(UNIFORM)[-1].sum(1) == pytest.approx(np.ones(TOKENS))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("sizes", [Sizes(sentences=2, tokens=5), Sizes(layers=1, heads=1, sentences=1, tokens=2)])
def test_very_short_documents_have_a_finding(sizes: Sizes) -> None:
    result = flow.analyse(made_up(sizes=sizes))
    assert "nan" not in flow.find(result)
    for spec in flow.draw(result).values():
        assert_valid(spec)

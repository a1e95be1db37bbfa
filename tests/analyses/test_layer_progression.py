"""From the first layer to the last: means and quartiles over heads, even attention, and the chart of them."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from charts import assert_drawable, assert_valid, rows_of
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import HEADS, LAYERS, Sizes, made_up

from reportgen.analyses import layer_progression
from reportgen.analyses.layer_progression import QUANTITIES, LayerQuantity
from reportgen.measurements import Measurements

WITH_SINK_LEFT_OUT = ("distance", "entropy", "locality", "within_sentence")


def quantity(measurements: Measurements, key: str) -> LayerQuantity:
    return next(found for found in layer_progression.analyse(measurements).quantities if found.key == key)


def by_hand() -> Measurements:
    """Three layers of five heads whose means and quartiles are whole numbers or halves."""
    distances = np.array([[1, 5, 2, 4, 3], [10, 50, 20, 40, 80], [9, 9, 9, 9, 9]], np.float32)
    bare = np.array([[2, 2, 2, 2, 2], [1, 3, 1, 3, 2], [8, 6, 7, 6, 8]], np.float32)
    shares = np.array([[0.2, 0.3, 0.2, 0.3, 0.5], [0.1, 0.1, 0.1, 0.1, 0.1], [0.6, 0.6, 0.6, 0.6, 1.0]], np.float32)
    sizes = Sizes(layers=3, heads=5, sentences=5, tokens=23)
    return made_up(sizes=sizes, replaced={"decoder.distance": distances, "decoder.distance_without_sink": bare, "decoder.first_token": shares})


def test_means_and_quartiles_are_taken_over_the_heads_of_a_layer() -> None:
    found = quantity(by_hand(), "distance")
    assert found.mean.tolist() == [3, 40, 9]
    assert found.low.tolist() == [2, 20, 9]
    assert found.high.tolist() == [4, 50, 9]
    assert found.mean_without_sink.tolist() == [2, 2, 7]
    assert found.unit == "tokens"


def test_the_finding_compares_the_first_third_of_the_layers_with_the_last() -> None:
    finding = layer_progression.find(layer_progression.analyse(by_hand()))
    assert "mean distance 3 to 9 tokens (without the sink 2 to 7)" in finding
    assert "attention on the first token 30% to 68%" in finding


def test_thirds_are_whole_layers() -> None:
    layers = np.arange(1.0, 8)[:, None] * np.ones((1, HEADS))
    finding = layer_progression.find(layer_progression.analyse(made_up(sizes=Sizes(layers=7), replaced={"decoder.distance": layers})))
    assert "mean distance 1.5 to 6.5 tokens" in finding


def test_a_single_layer_is_both_first_and_last() -> None:
    result = layer_progression.analyse(made_up(sizes=Sizes(layers=1), replaced={"decoder.distance": np.full((1, HEADS), 3.0)}))
    assert "mean distance 3 to 3 tokens" in layer_progression.find(result)


def test_all_scores_are_shown_and_only_the_first_token_has_no_form_without_it() -> None:
    quantities = layer_progression.analyse(made_up()).quantities
    assert tuple(found.key for found in quantities) == tuple(QUANTITIES)
    assert tuple(found.key for found in quantities if found.mean_without_sink is not None) == WITH_SINK_LEFT_OUT


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_quartiles_are_in_order_and_means_lie_within_the_heads(seed: int) -> None:
    measurements = made_up(seed=seed)
    for found in layer_progression.analyse(measurements).quantities:
        heads = measurements[f"*.{found.key}"]
        assert (found.low <= found.high).all()
        assert (found.low >= heads.min(1)).all()
        assert (found.high <= heads.max(1)).all()
        for layer in range(LAYERS):
            quartiles = statistics.quantiles(heads[layer].tolist(), n=4, method="inclusive")
            assert found.mean[layer] == pytest.approx(statistics.fmean(heads[layer].tolist()), rel=1e-5)
            assert (found.low[layer], found.high[layer]) == (pytest.approx(quartiles[0], rel=1e-5), pytest.approx(quartiles[2], rel=1e-5))


@settings(max_examples=20, deadline=None)
@given(sentences=st.integers(1, 7), tokens=st.sampled_from([11, 23, 29]))
def test_even_attention_is_what_a_walk_over_all_visible_pairs_gives(sentences: int, tokens: int) -> None:
    measurements = made_up(sizes=Sizes(layers=2, heads=3, sentences=sentences, tokens=tokens))
    rows: dict[str, list[float]] = {key: [] for key in QUANTITIES}
    for query, sentence in enumerate(measurements["token_sentences"].tolist()):
        if sentence >= 0:
            weight = 1 / (query + 1)
            rows["distance"].append(sum(weight * (query - key) for key in range(query + 1)))
            rows["entropy"].append(-sum(weight * math.log(weight) for _ in range(query + 1)))
            rows["locality"].append(sum(weight for key in range(query + 1) if query - key <= 3))
            rows["first_token"] += [weight] if query else []
            rows["within_sentence"].append(sum(weight for key in range(query + 1) if measurements["token_sentences"][key] == sentence))
    for found in layer_progression.analyse(measurements).quantities:
        assert found.uniform == pytest.approx(statistics.fmean(rows[found.key]))


def expected_of(visible: np.ndarray, members: np.ndarray) -> np.ndarray:
    inside = (members[:, None] == np.arange(members.max() + 1)).astype(float)
    return inside.T @ (visible / visible.sum(1, keepdims=True)) @ inside / inside.sum(0)[:, None]


@pytest.mark.parametrize("window", [4, 12, 21])
def test_even_attention_is_not_claimed_for_a_model_with_windows(window: int) -> None:
    measurements = made_up()
    visible = np.tri(23) - np.tri(23, k=-window)
    expected = expected_of(visible, measurements["token_sentences"])
    assert window < 21 or expected[-1, 0] > 0
    result = layer_progression.analyse(made_up(replaced={"decoder.sentence_expected": expected}))
    assert all(found.uniform is None for found in result.quantities)


def test_even_attention_is_not_claimed_where_layers_differ() -> None:
    by_layer = np.repeat(made_up()["*.sentence_expected"][None], LAYERS, axis=0)
    result = layer_progression.analyse(made_up(replaced={"decoder.sentence_expected": by_layer}))
    assert all(found.uniform is None for found in result.quantities)


def test_even_attention_that_sees_the_future_is_what_a_walk_over_all_pairs_gives() -> None:
    members = made_up()["token_sentences"]
    inside, gap = np.flatnonzero(members >= 0), np.abs(np.subtract.outer(np.arange(23), np.arange(23)))
    result = layer_progression.analyse(made_up(replaced={"decoder.sentence_expected": expected_of(np.ones((23, 23)), members)}))
    even = {found.key: found.uniform for found in result.quantities}
    same = np.equal.outer(members, members)
    walked = {"distance": gap, "locality": gap <= 3, "within_sentence": same, "first_token": gap * 0 + np.eye(23)[0]}
    assert even["entropy"] == pytest.approx(math.log(23))
    for key, values in walked.items():
        assert even[key] == pytest.approx(values[inside].mean())


@pytest.mark.filterwarnings("error")
def test_heads_without_a_value_are_left_out_of_the_mean() -> None:
    bare = np.full((LAYERS, HEADS), 2.0, np.float32)
    bare[0, :3] = np.nan
    bare[2] = np.nan
    found = quantity(made_up(replaced={"decoder.entropy_without_sink": bare}), "entropy")
    assert found.mean_without_sink[:2].tolist() == [2, 2]
    assert math.isnan(found.mean_without_sink[2])


@pytest.mark.filterwarnings("error")
def test_a_layer_without_a_value_is_a_gap_in_the_line_and_said_in_words() -> None:
    nothing = np.full((LAYERS, HEADS), np.nan, np.float32)
    result = layer_progression.analyse(made_up(replaced={"decoder.entropy_without_sink": nothing, "decoder.entropy": nothing}))
    finding = layer_progression.find(result)
    assert "entropy no value to no value nats (without the sink no value to no value)" in finding
    assert "nan" not in finding
    spec = layer_progression.draw(result)["layers"]
    assert_valid(spec)
    assert {"layer": 1, "mean": None} in [row for rows in rows_of(spec) for row in rows]


def test_the_chart_draws_the_numbers_of_the_result() -> None:
    result = layer_progression.analyse(by_hand())
    charts = layer_progression.draw(result)
    assert list(charts) == ["layers"]
    assert_drawable(charts["layers"])
    panels = [panel["layer"] for row in charts["layers"]["vconcat"] for panel in row["hconcat"]]
    assert [len(layers) for layers in panels] == [4, 4, 4, 3, 4]
    assert [layers[1]["encoding"]["y"]["title"] for layers in panels] == [f"{found.label} ({found.unit})" for found in result.quantities]
    band, line, bare, even = (rows_of(layer)[0] for layer in panels[0])
    assert (
        band
        == line
        == [{"layer": 0, "mean": 3, "low": 2, "high": 4}, {"layer": 1, "mean": 40, "low": 20, "high": 50}, {"layer": 2, "mean": 9, "low": 9, "high": 9}]
    )
    assert bare == [{"layer": 0, "mean": 2}, {"layer": 1, "mean": 2}, {"layer": 2, "mean": 7}]
    assert even == [{"mean": round(result.quantities[0].uniform, 5)}]


def test_the_chart_is_the_same_each_time() -> None:
    assert layer_progression.draw(layer_progression.analyse(made_up())) == layer_progression.draw(layer_progression.analyse(made_up()))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("sizes", [Sizes(sentences=2, tokens=5), Sizes(layers=1, heads=1, sentences=1, tokens=2)])
def test_very_few_sentences_are_enough(sizes: Sizes) -> None:
    result = layer_progression.analyse(made_up(sizes=sizes))
    assert_valid(layer_progression.draw(result)["layers"])
    assert "nan" not in layer_progression.find(result)

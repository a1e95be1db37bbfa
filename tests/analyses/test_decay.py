"""Attention against distance: exact power laws, scipy's fit, heads that go against it, and none where attention is even or random."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from charts import assert_drawable, assert_valid, rows_of
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import Sizes, attention, made_up
from scipy import stats

from reportgen.analyses import decay, layer_progression
from reportgen.analyses.decay import bin_places, power_law
from reportgen.measurements import Measurements

EDGES = np.array([0, 1, 2, 4, 8, 16, 32])
TOKENS = 23
PLACES = bin_places(EDGES, TOKENS)


def with_curves(curves: np.ndarray, plain: np.ndarray | None = None) -> Measurements:
    """Layer x head x bin, 23 tokens."""
    sizes = Sizes(layers=curves.shape[0], heads=curves.shape[1])
    plain = curves if plain is None else plain
    return made_up(sizes=sizes, replaced={"decoder.decay": plain, "decoder.decay_without_sink": curves, "decoder.decay_edges": EDGES})


def falling(*exponents: float) -> np.ndarray:
    return np.stack([np.concatenate([[0.5], 0.1 * PLACES[1:] ** exponent]) for exponent in exponents])


def decay_of(p: np.ndarray, members: np.ndarray) -> np.ndarray:
    """The contract's formula, over a whole array."""
    gap = np.subtract.outer(np.arange(len(members)), np.arange(len(members)))
    edges = np.concatenate([[0], 2 ** np.arange(int(np.log2(len(members))) + 2)])
    inside = (members >= 0)[:, None] & (gap >= 0)
    bins = [inside & (gap >= first) & (gap < last) for first, last in itertools.pairwise(edges)]
    return np.stack([p[..., chosen].mean(-1) if chosen.any() else np.full(p.shape[:2], np.nan) for chosen in bins], axis=-1)


def test_bins_lie_at_their_logarithmic_middle_and_end_with_the_document() -> None:
    np.testing.assert_allclose(PLACES, [0, 1, math.sqrt(6), math.sqrt(28), math.sqrt(120), math.sqrt(16 * 22)])


def test_exact_power_laws_are_found_exactly() -> None:
    law = power_law(PLACES, falling(-1.5, -0.25, 0.5))
    np.testing.assert_allclose(law.exponent, [-1.5, -0.25, 0.5])
    np.testing.assert_allclose(law.low, law.high, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_fit_and_its_interval_are_those_of_scipy(seed: int) -> None:
    weights = np.random.default_rng(seed).random((2, 3, len(PLACES))) + 1e-3
    law = power_law(PLACES, weights)
    for place in np.ndindex(2, 3):
        fit = stats.linregress(np.log(PLACES[1:]), np.log(weights[place][1:]))
        margin = stats.t.ppf(0.975, len(PLACES) - 3) * fit.stderr
        assert (law.exponent[place], law.low[place], law.high[place]) == tuple(pytest.approx(fit.slope + side * margin) for side in (0, -1, 1))


@pytest.mark.filterwarnings("error")
def test_bins_without_weight_are_left_out_and_too_few_have_no_law() -> None:
    weights = np.concatenate([falling(-1.0), falling(-1.0)])
    weights[0, 3], weights[1, 2:4] = 0, np.nan
    law = power_law(PLACES, weights)
    assert law.exponent[0] == pytest.approx(-1.0)
    assert math.isnan(law.exponent[1])


def test_layers_are_means_over_heads() -> None:
    result = decay.analyse(with_curves(np.stack([falling(-1, -1, -1), falling(-2, -2, -2)]), np.stack([falling(-0.5, -0.5, -0.5)] * 2)))
    np.testing.assert_allclose(result.law_without_sink.exponent, [-1, -2], rtol=1e-5)
    np.testing.assert_allclose(result.law.exponent, [-0.5, -0.5], rtol=1e-5)
    finding = decay.find(result)
    assert "in 2 of 2 layers" in finding
    assert "exponents from \N{MINUS SIGN}2.00 (layer 1) to \N{MINUS SIGN}1.00 (layer 0); even attention would give" in finding
    assert "None of 6 heads defies it" in finding


def test_a_greatest_ratio_above_one_is_not_denied_where_no_head_defies_decay() -> None:
    result = decay.analyse(with_curves(np.stack([falling(-1, 0.05, -1)])))
    assert result.defying_heads == 0
    assert 1 < result.far_heads[0].ratio < 2
    assert (
        "None of 3 heads defies it: none gives far pairs 2 times what near ones get, or has an exponent that is surely above 0.1. The greatest ratio is that of head "
        "0.1, which gives a pair 4 tokens apart or more 1.10 times what it gives a nearer one."
    ) in decay.find(result)


def test_small_exponents_are_not_rounded_to_nothing() -> None:
    result = decay.analyse(with_curves(np.stack([falling(-0.0031), falling(-0.0012)])))
    assert "exponents from \N{MINUS SIGN}0.00310 (layer 0) to \N{MINUS SIGN}0.00120 (layer 1)" in decay.find(result)


def test_heads_that_give_far_pairs_more_are_listed_with_their_numbers() -> None:
    curves = np.stack([falling(-1, 0.5, -1), falling(-1, -1, -1)])
    curves[1, 2] = [0.5, 0.01, 0.01, 0.03, 0.05, 0.01]  # rises in the middle: (.03 + .05 + .01) / 3 over .01
    result = decay.analyse(with_curves(curves))
    assert (result.defying_heads, result.far_from) == (2, 4)
    assert [(head.head, head.defies) for head in result.far_heads] == [("1.2", True), ("0.1", True), ("0.0", False), ("0.2", False), ("1.0", False)]
    assert result.far_heads[0].ratio == pytest.approx(3.0)
    assert (result.far_heads[0].near, result.far_heads[0].far) == (pytest.approx(0.01), pytest.approx(0.03))
    assert result.far_heads[1].exponent == pytest.approx(0.5)
    assert "2 of 6 heads defy it: head 1.2 gives a pair 4 tokens apart or more 3.00 times" in decay.find(result)


def test_even_attention_is_given_beside_the_layers() -> None:
    result = decay.analyse(made_up())
    members = made_up()["token_sentences"]
    even = np.tri(TOKENS) / np.arange(1, TOKENS + 1)[:, None]
    np.testing.assert_allclose(result.even, decay_of(even[None, None], members)[0, 0], rtol=1e-6)


def test_random_and_even_attention_have_no_heads_that_defy_decay() -> None:
    sizes = Sizes(layers=5, heads=7, sentences=11, tokens=151)
    members = made_up(sizes=Sizes(layers=1, heads=1, sentences=11, tokens=151))["token_sentences"]
    noise = np.exp(np.random.default_rng(3).normal(0, 0.3, (5, 7, 151, 151))) * np.tri(151)
    for weights in (noise, np.broadcast_to(np.tri(151), noise.shape)):
        curves = decay_of(weights / weights.sum(-1, keepdims=True), members)
        result = decay.analyse(made_up(sizes=sizes, replaced={"decoder.decay": curves, "decoder.decay_without_sink": curves}))
        assert result.defying_heads == 0
        np.testing.assert_allclose(result.law.exponent, result.even_exponent, atol=0.05)
    assert attention(Sizes(layers=1, heads=1)).shape[-1] == TOKENS


def test_the_chart_draws_the_layers_and_even_attention() -> None:
    result = decay.analyse(with_curves(np.stack([falling(-1, -1, -1), falling(-2, -2, -2)])))
    spec = decay.draw(result)["layers"]
    assert_drawable(spec)
    rows = rows_of(spec)[0]
    of_one = [row for row in rows if row["layer"] == 1]
    assert [row["distance"] for row in of_one] == [float(f"{place:.4g}") for place in PLACES[1:]]
    for kind, curve in (("without the sink", result.without_sink[1]), ("all keys", result.all_keys[1]), ("even attention", result.even)):
        assert [row[kind] for row in of_one] == [float(f"{weight:.4g}") for weight in curve[1:]]


def test_lines_look_as_in_the_charts_of_layers() -> None:
    measurements = made_up()
    ours = decay.draw(decay.analyse(measurements))["layers"]["spec"]["encoding"]
    colours = dict(zip(ours["color"]["scale"]["domain"], ours["color"]["scale"]["range"], strict=True))
    dashes = dict(zip(ours["strokeDash"]["scale"]["domain"], ours["strokeDash"]["scale"]["range"], strict=True))
    lines = [mark for mark in marks_of(layer_progression.draw(layer_progression.analyse(measurements))["layers"]) if mark["type"] == "line"]
    assert {(line["color"], tuple(line.get("strokeDash", (1, 0)))) for line in lines} == {
        (colours[kind], tuple(dashes[kind])) for kind in ("all keys", "without the sink")
    }
    assert dashes["all keys"] == [1, 0]


def marks_of(spec: Any) -> list[dict[str, Any]]:
    inner = spec.values() if isinstance(spec, dict) else spec if isinstance(spec, list) else ()
    own = [spec["mark"]] if isinstance(spec, dict) and "mark" in spec else []
    return own + [mark for part in inner for mark in marks_of(part)]


def test_where_there_is_no_weight_the_chart_has_none() -> None:
    curves = np.stack([falling(-1), falling(-2)])
    curves[1, :, 3], curves[1, :, 5:] = 0, np.nan
    result = replace(decay.analyse(with_curves(curves)), even=None)
    rows = rows_of(decay.draw(result)["layers"])[0]
    places = [float(f"{place:.4g}") for place in PLACES]
    assert [row["distance"] for row in rows if row["layer"] == 1] == [places[bin] for bin in (1, 2, 4)]
    assert {row["even attention"] for row in rows} == {None}


def test_at_most_thirty_layers_are_drawn_the_first_and_last_among_them() -> None:
    result = decay.analyse(with_curves(np.repeat(falling(-1)[None], 41, 0)))
    assert (len(result.drawn), result.drawn[0], result.drawn[-1]) == (30, 0, 40)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("sizes", [Sizes(sentences=2, tokens=5), Sizes(layers=1, heads=1, sentences=1, tokens=2)])
def test_very_short_documents_have_a_finding(sizes: Sizes) -> None:
    result = decay.analyse(made_up(sizes=sizes))
    assert "nan" not in decay.find(result)
    assert_valid(decay.draw(result)["layers"])


@pytest.mark.filterwarnings("error")
def test_distances_that_no_layer_sees_are_gaps() -> None:
    curves = np.stack([falling(-1, -1, -1)] * 2)
    curves[..., 5] = np.nan
    result = decay.analyse(with_curves(curves))
    np.testing.assert_allclose(result.law_without_sink.exponent, [-1, -1], rtol=1e-5)
    assert np.isnan(result.all_keys[:, 5]).all()

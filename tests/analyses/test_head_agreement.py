"""Which heads look at what mattered: planted heads found and named, none in noise."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest
from charts import assert_drawable, rows_of
from made_up import Sizes, made_up
from pages.reports import small_report, with_result
from scipy import stats

from reportgen.analyses import head_agreement
from reportgen.analyses.head_agreement import Result, find
from reportgen.measurements import Measurements
from reportgen.render import render_report

LAYERS, HEADS, SENTENCES = 3, 5, 47
SIZES = Sizes(layers=LAYERS, heads=HEADS, sentences=SENTENCES, tokens=143)


@functools.cache
def long_document() -> Measurements:
    return made_up(sizes=SIZES)


def document(seed: int, planted: float = 0.0) -> Result:
    """Heads, attention and ablation fall with distance; head 1.2 shares more with the ablation."""
    random = np.random.default_rng(seed)
    mattered = random.normal(size=SENTENCES)
    heads = random.normal(size=(LAYERS, HEADS, SENTENCES))
    heads[1, 2] += planted * mattered
    falling = -np.log(np.arange(SENTENCES, 0.0, -1))
    ablation = np.exp(falling + mattered) * random.choice([-1, 1], SENTENCES)
    weights = np.exp(falling + heads)
    replaced = {"attribution.attention_by_head": (weights / weights.max()).astype(np.float32), "attribution.ablation": ablation.astype(np.float32)}
    whole = long_document()
    return head_agreement.analyse(Measurements(arrays={**whole.arrays, **replaced}, metadata=whole.metadata, text=whole.text))


def test_a_planted_head_is_found_and_named_with_its_layer_and_head() -> None:
    result = document(0, planted=4.0)
    assert result.best[0] == (1, 2)
    assert result.q_value[1, 2] <= 0.05
    assert "most of all 1.2 (0." in find(result)
    assert f"the attention of {result.discoveries} of 15 heads agrees with the ablation beyond" in find(result)
    assert (result.reference, result.stood_in, result.sentences) == ("ablation", False, SENTENCES - 1)


def test_of_documents_of_noise_hardly_any_gives_a_finding() -> None:
    found = [document(seed) for seed in range(20)]
    assert sum(bool(result.best) for result in found) <= 4
    assert any("no head's attention of 15 agrees" in find(result) for result in found)
    assert all(np.median(result.rho) > 0.2 for result in found)


def test_correlations_are_scipys_of_the_sentences_before_the_target() -> None:
    measurements = long_document()
    result = head_agreement.analyse(measurements)
    gradient, heads = measurements["attribution.gradient"][:-1], measurements["attribution.attention_by_head"][..., :-1]
    assert (result.reference, result.stood_in) == ("gradient", True)
    expected = [[stats.spearmanr(head, gradient).statistic for head in layer] for layer in heads]
    np.testing.assert_allclose(result.rho, expected, atol=1e-6)
    by_layer = [stats.spearmanr(layer.mean(0), gradient).statistic for layer in heads.astype(float)]
    np.testing.assert_allclose(result.layers.rho, by_layer, atol=1e-6)


def test_charts_have_a_cell_for_each_head_and_a_dot_for_each_discovery() -> None:
    result = document(0, planted=4.0)
    charts = head_agreement.draw(result)
    for spec in charts.values():
        assert_drawable(spec)
    plain, partial, dots = rows_of(charts["heads"])
    assert (len(plain), len(partial), len(dots)) == (15, 15, result.discoveries)
    assert {"layer": 1, "head": 2} in dots


def test_chance_is_dots_below_a_dashed_best_head_and_is_not_said_where_it_is_not_known() -> None:
    known, unknown = document(0), replace(document(0), chance=np.nan, chance_best=np.nan)
    marks = [layer["mark"] for layer in head_agreement.draw(known)["layers"]["layer"]]
    assert [mark["strokeDash"] for mark in marks if mark["type"] == "rule"] == [[2, 3]]
    assert_drawable(head_agreement.draw(unknown)["layers"])
    shown, hidden = (render_report(with_result(small_report(), "head_agreement", **vars(result)), lambda specs: {}) for result in (known, unknown))
    assert "By chance one head in twenty exceeds" in shown
    assert "By chance one head in twenty exceeds" not in hidden
    assert "What heads reach by chance cannot be told" in hidden
    assert "Below the dashes" not in shown + hidden


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("sizes", [Sizes(sentences=1, tokens=11), Sizes(sentences=2, tokens=11), Sizes(layers=1, heads=1), Sizes(sentences=7, tokens=29)])
def test_short_documents_and_single_heads_are_told_of_without_more_than_they_bear(sizes: Sizes) -> None:
    result = head_agreement.analyse(made_up(sizes=sizes))
    assert np.isnan(result.partial).all()
    assert "cannot be ranked" in find(result) or "too few sentences to account for distance" in find(result)
    assert "nan" not in find(result)
    for spec in head_agreement.draw(result).values():
        assert_drawable(spec)

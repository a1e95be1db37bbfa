"""Layers over documents: means and quantiles by hand, order of layers, length, stacks and models apart."""

from __future__ import annotations

import numpy as np
import pytest
from charts import assert_drawable, rows_of
from corpus.summaries import NAN, curve, groups, summary
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from reportgen.corpus import DocumentSummary, layer_curves
from reportgen.corpus.layer_curves import Curve, Result


def over(*summaries: DocumentSummary) -> Result:
    return layer_curves.analyse(groups(*summaries))


def only(result: Result) -> Curve:
    ((found,),) = [stack.curves for stack in result.stacks]
    return found


def measured(*rows: list[float], key: str = "entropy") -> Result:
    return over(*(summary(f"document {place}", tokens=100 + place, curves=curve(row, key), layers=len(row)) for place, row in enumerate(rows)))


def test_means_and_quantiles_are_over_the_documents_that_have_a_value_in_a_layer() -> None:
    found = only(measured([1, 5, NAN], [2, 9, NAN], [9, NAN, NAN]))
    assert found.mean[:2].tolist() == [4, 7]
    assert found.quantiles[:, 0].tolist() == [1, 1.5, 2, 5.5, 9]
    assert found.quantiles[:, 1].tolist() == [5, 6, 7, 8, 9]
    assert np.isnan(found.mean[2])
    assert np.isnan(found.quantiles[:, 2]).all()


def test_the_order_of_layers_is_compared_for_every_two_documents() -> None:
    rows = [[1, 2, 3, 5], [1, 2, 5, 3], [9, 4, 2, 1]]
    pairs = [stats.spearmanr(rows[one], rows[other]).statistic for one, other in ((0, 1), (0, 2), (1, 2))]
    assert pairs == pytest.approx([0.8, -1, -0.8])
    assert only(measured(*rows)).agreement.value == pytest.approx(-1 / 3)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), documents=st.integers(2, 7))
def test_agreement_is_the_mean_over_pairs_and_lies_within_its_interval(seed: int, documents: int) -> None:
    rows = np.random.default_rng(seed).integers(0, 5, (documents, 5)).astype(float)
    rows[:, 0] += 7
    found = only(measured(*rows.tolist())).agreement
    pairs = [stats.spearmanr(rows[one], rows[other]).statistic for one in range(documents) for other in range(one)]
    assert found.value == pytest.approx(np.mean(pairs))
    assert np.isnan(found.low) == (documents < 5)
    assert np.isnan(found.low) or -1 - 1e-9 <= found.low <= found.high <= 1 + 1e-9


def test_what_goes_with_length_is_said() -> None:
    growing = measured([1, 5, 2], [2, 6, 3], [3, 7, 4], [4, 8, 5], [5, 9, 6])
    assert only(growing).with_length == pytest.approx(1)
    assert "rise or fall with a document’s length (rank correlation of 0.8 or more): entropy." in layer_curves.find(growing)
    assert "length" not in layer_curves.lead(growing)
    assert np.isnan(only(measured([1, 5, 2], [2, 6, 3])).with_length)


def test_the_finding_compares_the_first_third_with_the_last_and_says_how_documents_lie() -> None:
    rows = [[0.1, 0.2, 0.8], [0.2, 0.2, 0.7], [0.6, 0.2, 0.9]]
    finding = layer_curves.find(measured(*rows, key="sink_heads"))
    assert finding.startswith("Over 3 documents read by small, from the first third of its layers to the last, with quartiles of documents: ")
    assert "heads that rest on the first token 30\u202f% (15\u202f% to 40\u202f%) to 80\u202f% (75\u202f% to 85\u202f%)." in finding


def test_stacks_and_models_stand_side_by_side_by_depth_and_are_not_pooled() -> None:
    both = curve([1, 2, 3]) + curve([4, 5, 6], stack="encoder") + curve([7, 8, 9], stack="cross")
    result = over(summary("a", curves=both), summary("a", model="large", layers=5, curves=curve([1, 2, 3, 4, 5])))
    assert [(stack.name, stack.layers, stack.documents) for stack in result.stacks] == [
        ("large", 5, 1),
        ("small, encoder", 3, 1),
        ("small, decoder", 3, 1),
        ("small, cross", 3, 1),
    ]
    assert result.several
    spec = layer_curves.draw(result)["curves"]
    assert_drawable(spec)
    (rows,) = rows_of(spec)[:1]
    assert [(row["x"], row["mean"]) for row in rows if row["model"] == "large"] == [(0, 1), (0.25, 2), (0.5, 3), (0.75, 4), (1, 5)]
    assert [row["x"] for row in rows if row["model"] == "small, cross"] == [0, 0.5, 1]


def test_models_of_one_height_are_shown_by_layer() -> None:
    result = measured([1, 2, 4], [2, 4, 8])
    assert not result.several
    rows = rows_of(layer_curves.draw(result)["curves"])[0]
    assert rows[2] == {"x": 2, "model": "small", "mean": 6, "low": 5, "high": 7}


@pytest.mark.filterwarnings("error")
def test_one_document_none_and_layers_without_a_value_are_said_in_words() -> None:
    assert layer_curves.find(over(summary("a"))) == "No document has scores of heads by layer."
    alone = over(summary("a", curves=curve([1, 2, 3])))
    assert layer_curves.lead(alone) == "How far documents differ cannot be said of what read one: small."
    nothing = measured([NAN, NAN, NAN], [NAN, NAN, NAN])
    assert "entropy no value to no value nats" in layer_curves.find(nothing)
    assert "nan" not in layer_curves.find(nothing)
    assert_drawable(layer_curves.draw(measured([NAN, 1, 2], [NAN, 2, 3]))["curves"])


def test_more_than_six_models_are_told_apart_by_dashes() -> None:
    result = over(*(summary("a", model=f"model {place}", curves=curve([1, 2, place])) for place in range(7)))
    spec = layer_curves.draw(result)["curves"]
    assert_drawable(spec)
    assert spec["vconcat"][0]["hconcat"][0]["layer"][1]["encoding"]["strokeDash"]["scale"]["range"] == [[1, 0]] * 6 + [[6, 3]]

"""Redundancy of heads: numbers by layer by hand, importance, the pruning curve, and documents of which parts were not measured."""

from __future__ import annotations

import json

import numpy as np
import pytest
from charts import assert_drawable, assert_valid, rows_of
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import HEADS, LAYERS, Sizes, made_up
from scipy import stats

from reportgen.analyses import head_redundancy
from reportgen.analyses.heads.layer_diversity import between_heads
from reportgen.analyses.heads.pruning_curve import pruning_curve
from reportgen.report_data import plain

PARTS = ("decoder.head_divergence", "decoder.importance", "pruning.")


def test_diversity_is_one_minus_the_mean_of_pairs_by_hand() -> None:
    similarity = np.array([[[1, 0.5, 0.1], [0.5, 1, 0.3], [0.1, 0.3, 1]]])
    assert between_heads(similarity)[0] == pytest.approx(0.3)
    sizes = Sizes(layers=1, heads=3)
    entropy = np.array([[1.0, 2.0, 6.0]])
    (row,) = head_redundancy.analyse(made_up(sizes=sizes, replaced={"decoder.head_similarity": similarity, "decoder.entropy": entropy})).layers
    assert (row.diversity, row.entropy) == (pytest.approx(0.7), pytest.approx(3))
    assert row.entropy_spread == pytest.approx(np.std([1, 2, 6]))


def test_heads_without_a_value_are_left_out_of_the_mean() -> None:
    pairs = np.array([[[0, 0.2, np.nan], [0.2, 0, np.nan], [np.nan, np.nan, np.nan]]])
    assert between_heads(pairs)[0] == pytest.approx(0.2)
    assert np.isnan(between_heads(np.ones((2, 1, 1)))).all()


def test_divergence_of_a_layer_is_that_of_its_own_pairs() -> None:
    measurements = made_up()
    whole = measurements["*.head_divergence"]
    for row in head_redundancy.analyse(measurements).layers:
        own = whole[row.layer * HEADS : (row.layer + 1) * HEADS, row.layer * HEADS : (row.layer + 1) * HEADS]
        assert row.divergence == pytest.approx(own[np.triu_indices(HEADS, 1)].mean(), rel=1e-5)


def test_the_tenth_of_the_heads_with_most_importance_and_its_part() -> None:
    importance = np.ones((LAYERS, HEADS))
    importance[2, 4], importance[0, 6], importance[1, 3] = 40, 31, 11
    found = head_redundancy.analyse(made_up(replaced={"decoder.importance": importance}))
    assert found.most_important == ("2.4", "0.6", "1.3")
    assert found.their_share == pytest.approx(82 / 100)
    rho = stats.spearmanr(importance.ravel(), made_up()["decoder.importance_abs"].ravel())[0]
    assert found.importance_agreement == pytest.approx(rho, abs=1e-6)
    assert "The 3 most important heads (2.4 first) have 82.0" in head_redundancy.find(found)


def test_the_maps_of_importance_hold_what_was_measured_below_their_scale_as_well() -> None:
    importance = np.ones((LAYERS, HEADS))
    importance[2, 4], importance[0, 6] = 3e-7, 0
    spec = head_redundancy.draw(head_redundancy.analyse(made_up(replaced={"decoder.importance": importance})))["importance"]
    assert_drawable(spec)
    found = {(row["layer"], row["head"]): row["importance"] for row in rows_of(spec)[0]}
    assert (found[2, 4], found[0, 6]) == (3e-7, 0)


def test_the_pruning_curve_tells_how_many_heads_can_go() -> None:
    replaced = {
        "pruning.heads": np.array([0, 2, 5, 10, 21]),
        "pruning.loss": np.array([10.0, 10.9, 9.1, 11.2, 30.0]),
        "pruning.random_loss": np.array([[10.0, 10.5, 20.0, 25.0, 30.0], [10.0, 10.7, 22.0, 10.5, 30.0], [10.0, 10.0, 21.0, 28.0, 30.0]]),
    }
    curve = pruning_curve(made_up(replaced=replaced))
    assert (curve.free, curve.random_free) == (5, 2)
    assert (curve.better, curve.between) == (1, 3)  # 0.9 against 10, 12 and 11; not 0.9 against 0, not 1.2 against 0.5
    np.testing.assert_allclose(curve.share, [0, 2 / 21, 5 / 21, 10 / 21, 1])
    assert (curve.random_mean[2], curve.random_low[3], curve.random_high[3]) == (21, 10.5, 28)
    finding = head_redundancy.find(head_redundancy.analyse(made_up(replaced=replaced)))
    assert "Of 21 heads 5 can be masked in order of importance before the target changes by over a tenth, 2 in random order" in finding
    assert "with 5 masked it goes from 10.0 nats to 9.10, at random to 21.0 (mean of 3)." in finding
    assert "At 1 of the 3 steps between none and all the order of importance changes the target less than each of the random orders" in finding
    assert "by chance it would at 0.750." in finding


def test_all_heads_can_go_where_the_target_never_changes() -> None:
    same = np.full(5, 7.0)
    replaced = {"pruning.heads": np.array([0, 2, 5, 10, 21]), "pruning.loss": same, "pruning.random_loss": np.tile(same, (3, 1))}
    curve = pruning_curve(made_up(replaced=replaced))
    assert (curve.free, curve.random_free) == (21, 21)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_numbers_lie_within_their_bounds(seed: int) -> None:
    found = head_redundancy.analyse(made_up(seed=seed))
    for row in found.layers:
        assert 0 <= row.diversity <= 1
        assert 0 <= row.divergence <= np.log(2)
    for heads in found.maps:
        assert 0 <= heads.stress < 1
        assert 0 < heads.p_value <= 1
        assert (heads.nearest != np.arange(LAYERS * HEADS)).all()
    assert 0.1 <= found.their_share <= 1


def test_heads_that_are_all_apart_have_no_doubles() -> None:
    apart = np.random.default_rng(0).uniform(0.06, 0.5, (21, 21))
    apart = (apart + apart.T) * (1 - np.eye(21)) / 2
    found = head_redundancy.analyse(made_up(replaced={"decoder.head_divergence_without_sink": apart}))
    assert not found.maps[-1].clusters.any()
    assert "0 of 21 heads have another within 0.05 nats" in head_redundancy.find(found)


def test_a_layer_whose_heads_are_one_is_told() -> None:
    divergence = np.full((21, 21), 0.4)
    divergence[7:14, 7:14], divergence[:7, :7] = 0.02, 0.1
    np.fill_diagonal(divergence, 0)
    replaced = {"decoder.head_divergence_without_sink": divergence}
    found = head_redundancy.analyse(made_up(replaced=replaced))
    assert found.maps[-1].clusters.tolist() == [0] * 7 + [1] * 7 + [0] * 7
    finding = head_redundancy.find(found)
    assert "7 of 21 heads have another within 0.05 nats" in finding
    assert "the closest are 1.0 and 1.1 (0.0200)" in finding
    assert "Heads of the same layer are more alike than those of different layers (0.173 against 0.400 nats, permutation p = 0.00100)" in finding


@pytest.mark.parametrize("absent", [*((part,) for part in PARTS), PARTS, ("attribution.", *PARTS), ("decoder.head_similarity_without_sink",)], ids=str)
def test_what_was_not_measured_is_left_out(absent: tuple[str, ...]) -> None:
    found = head_redundancy.analyse(made_up(leave_out=absent))
    charts = head_redundancy.draw(found)
    for spec in charts.values():
        assert_valid(spec)
    assert ("map" in charts) == ("tree" in charts) == (PARTS[0] not in absent)
    assert ("importance" in charts) == (PARTS[1] not in absent)
    assert ("pruning" in charts) == (PARTS[2] not in absent)
    finding = head_redundancy.find(found)
    assert ("full attribution does that" in finding) == (PARTS[2] in absent)
    assert "nan" not in finding


def test_heads_that_were_compared_at_no_query_have_no_map() -> None:
    nothing = np.full((LAYERS * HEADS, LAYERS * HEADS), np.nan, np.float32)
    found = head_redundancy.analyse(made_up(replaced={"decoder.head_divergence_without_sink": nothing}))
    assert [one.keys for one in found.maps] == ["all keys"]
    found = head_redundancy.analyse(made_up(replaced={"decoder.head_divergence": nothing, "decoder.head_divergence_without_sink": nothing}))
    assert found.maps == ()
    assert "nan" not in head_redundancy.find(found)
    for spec in head_redundancy.draw(found).values():
        assert_valid(spec)


def test_the_charts_have_every_layer_head_and_step() -> None:
    result = head_redundancy.analyse(made_up())
    charts = head_redundancy.draw(result)
    for spec in charts.values():
        assert_drawable(spec)
    assert [len(rows) for rows in rows_of(charts["by-layer"])] == [2 * LAYERS] * 3
    assert [len(rows) for rows in rows_of(charts["map"])] == [LAYERS * HEADS] * 2
    merges, _, leaves = rows_of(charts["tree"])
    assert (len(merges), len(leaves)) == (5 * (LAYERS * HEADS - 1), LAYERS * HEADS)
    assert [(corner["head"], corner["divergence"]) for corner in merges[4::5]] == [(None, None)] * (LAYERS * HEADS - 1)  # where the line breaks
    assert sorted(leaf["layer"] for leaf in leaves) == sorted(list(range(LAYERS)) * HEADS)
    assert [len(rows) for rows in rows_of(charts["importance"])] == [LAYERS * HEADS] * 2
    assert len(rows_of(charts["pruning"])[1]) == 2 * len(result.pruning.heads)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("sizes", [Sizes(sentences=2, tokens=5), Sizes(layers=1, heads=1, sentences=1, tokens=2), Sizes(layers=1), Sizes(heads=1)], ids=str)
def test_very_short_documents_and_small_models_have_a_finding(sizes: Sizes) -> None:
    result = head_redundancy.analyse(made_up(sizes=sizes))
    assert "nan" not in head_redundancy.find(result)
    for spec in head_redundancy.draw(result).values():
        assert_valid(spec)
    json.dumps(plain(result), allow_nan=False)

"""Comprehensiveness, sufficiency and areas by hand; intervals; no best method among random orders; one that is best is named."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from charts import assert_drawable, assert_valid, rows_of
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import made_up
from pages.reports import small_report, with_result
from scipy import stats

from reportgen.analyses import faithfulness
from reportgen.analyses.curves.measures import Curves, scores_of
from reportgen.analyses.curves.resampling import RESAMPLES, Resampling
from reportgen.analyses.curves.standing_out import Best
from reportgen.measurements import Measurements
from reportgen.render import render_report
from reportgen.report_data import plain

NAMES = ("attention", "gradient", "ablation", "rollout", "relevance", "integrated_gradients")


BASE = made_up()


def measured(counts: Sequence[int], deletion: Any, insertion: Any, random: tuple[Any, Any], unit: str = "nats") -> Measurements:
    """Curves of method x step x part, and of draw x step x part."""
    methods, sentences = np.asarray(deletion).shape[0], counts[-1]
    arrays = {name: BASE[name] for name in ("sentence_spans", "sentence_blocks", "token_ids", "token_spans", "token_sentences", "decoder.sentence_attention")}
    arrays |= {
        "faithfulness.counts": np.array(counts, np.int32),
        "faithfulness.deletion": np.asarray(deletion, np.float32),
        "faithfulness.insertion": np.asarray(insertion, np.float32),
        "faithfulness.random_deletion": np.asarray(random[0], np.float32),
        "faithfulness.random_insertion": np.asarray(random[1], np.float32),
        "faithfulness.orders": np.stack([np.arange(sentences, dtype=np.int32)] * methods),
    }
    named = {"methods": list(NAMES[:methods]), "sentences": sentences}
    return Measurements(arrays=arrays, metadata=BASE.metadata | {"faithfulness": named, "target": BASE.metadata["target"] | {"unit": unit}}, text=BASE.text)


def by_hand(unit: str = "nats", sign: float = 1.0) -> Measurements:
    """Ten sentences, so 1, 5 and 10 % are one of them, 20 % two, 50 % five. Two tokens; the first loses more and more, the second half as much."""
    lost, kept = np.array([0, 4, 5, 8, 10.0]), np.array([10, 7, 6, 1, 0.0])
    other_lost, other_kept = np.array([0, 1, 2, 5, 10.0]), np.array([10, 9, 8, 5, 0.0])
    tokens = np.array([1.0, 0.5])
    base = np.array([3.0, 2.0])
    curve = [base + sign * values[:, None] * tokens for values in (lost, other_lost, kept, other_kept)]
    draws = np.array([np.stack([curve[1], curve[1]]), np.stack([curve[3], curve[3]])])
    return measured([0, 1, 2, 5, 10], np.stack([curve[1], curve[0]]), np.stack([curve[3], curve[2]]), (draws[0], draws[1]), unit)


@pytest.mark.parametrize(("unit", "sign"), [("nats", 1.0), ("logit", -1.0)])
def test_the_papers_numbers_and_the_areas_by_hand(unit: str, sign: float) -> None:
    found = faithfulness.analyse(by_hand(unit, sign))
    gradient, attention = found.methods
    assert (gradient.method, attention.method) == ("gradient", "attention")
    assert found.bins == {"comprehensiveness": (1, 2, 5), "sufficiency": (1, 2, 5)}
    assert found.percents["sufficiency"] == (1, 5, 10, 20, 50)
    assert gradient.numbers["comprehensiveness"].value == pytest.approx((4 + 5 + 8) / 3 * 0.75)
    assert gradient.numbers["sufficiency"].value == pytest.approx((7 + 6 + 1) / 3 * 0.75)
    assert attention.numbers["comprehensiveness"].value == pytest.approx((1 + 2 + 5) / 3 * 0.75)
    # Trapezoids over 0, 0.1, 0.2, 0.5, 1 of shares of 10.
    area = 0.1 * (0 + 0.4) / 2 + 0.1 * (0.4 + 0.5) / 2 + 0.3 * (0.5 + 0.8) / 2 + 0.5 * (0.8 + 1) / 2
    assert gradient.numbers["deletion_area"].value == pytest.approx(area)
    regained = 0.1 * (0 + 0.3) / 2 + 0.1 * (0.3 + 0.4) / 2 + 0.3 * (0.4 + 0.9) / 2 + 0.5 * (0.9 + 1) / 2
    assert gradient.numbers["insertion_area"].value == pytest.approx(regained)
    assert gradient.over_random["sufficiency"].value == pytest.approx((22 - 14) / 3 * 0.75)
    assert attention.over_random["sufficiency"].value == pytest.approx(0)
    assert found.cost_of_all.value == pytest.approx(7.5)
    assert found.unit == ("nats per token" if unit == "nats" else "logit")
    said = faithfulness.find(found)
    costs = "adds to the target's loss 4.25 nats per token" if unit == "nats" else "takes from the target 4.25 logit"
    assert f"Taking out the first 1, 2 or 5 (mean of these) of 10 sentences in the order of gradient {costs}, in that of attention 2.00" in said
    assert "cannot be said: the target has 2 parts, and resampling needs 8." in said


def test_what_was_not_measured_is_left_out_of_the_means() -> None:
    measurements = by_hand()
    replaced = {name: measurements[f"faithfulness.{name}"].copy() for name in ("deletion", "insertion", "random_deletion", "random_insertion")}
    for name in ("deletion", "random_deletion"):
        replaced[name][:, 1] = np.nan
    for name in ("insertion", "random_insertion"):
        replaced[name][:, [2, 3]] = np.nan
    names = ("deletion", "insertion", "random_deletion", "random_insertion")
    deletion, insertion, random_deletion, random_insertion = (replaced[name] for name in names)
    found = faithfulness.analyse(measured([0, 1, 2, 5, 10], deletion, insertion, (random_deletion, random_insertion)))
    assert found.bins == {"comprehensiveness": (2, 5), "sufficiency": (1,)}
    assert found.percents == {"comprehensiveness": (20, 50), "sufficiency": (1, 5, 10)}
    assert found.methods[0].numbers["comprehensiveness"].value == pytest.approx((5 + 8) / 2 * 0.75)
    assert found.methods[0].numbers["sufficiency"].value == pytest.approx(7 * 0.75)
    assert np.isfinite(found.methods[0].numbers["deletion_area"].value)
    assert np.isnan(found.methods[0].numbers["insertion_area"].value)
    assert_valid(faithfulness.draw(found)["curves"])


def test_with_insertion_alone_sufficiency_is_what_is_said() -> None:
    measurements = by_hand()
    gone = {name: measurements[f"faithfulness.{name}"].copy() for name in ("deletion", "random_deletion")}
    for values in gone.values():
        values[:, 1:-1] = np.nan
    kept = {name: measurements[f"faithfulness.{name}"] for name in ("insertion", "random_insertion")}
    found = faithfulness.analyse(measured([0, 1, 2, 5, 10], gone["deletion"], kept["insertion"], (gone["random_deletion"], kept["random_insertion"])))
    assert found.best["comprehensiveness"] is None
    assert faithfulness.find(found).startswith("Leaving in alone the first 1, 2 or 5 (mean of these) of 10 sentences in the order of gradient adds to")


def test_there_are_no_areas_where_hiding_all_is_no_loss() -> None:
    found = faithfulness.analyse(by_hand("logit", 1.0))
    assert all(np.isnan(row.numbers[name].value) for row in found.methods for name in ("deletion_area", "insertion_area"))
    json.dumps(plain(found), allow_nan=False)


def test_resamples_are_of_blocks_that_go_round_and_their_deviation_is_that_of_a_mean() -> None:
    resampling = Resampling.of(27)
    assert resampling.blocks == 9
    assert resampling.weights.shape == (RESAMPLES, 27)
    np.testing.assert_allclose(resampling.weights.sum(1), 1)
    np.testing.assert_allclose(resampling.weights.mean(0), 1 / 27, rtol=0.1)
    # Two tokens that follow each other, the last and the first among them, are drawn together more often than not.
    both = ((resampling.weights > 0) & (np.roll(resampling.weights, 1, axis=1) > 0)).mean(0)
    apart = ((resampling.weights > 0) & (np.roll(resampling.weights, 9, axis=1) > 0)).mean(0)
    assert (both > apart + 0.05).all()
    values = np.random.default_rng(0).normal(size=27)
    assert resampling.means(values).std() == pytest.approx(values.std() / np.sqrt(27), rel=0.35)
    assert Resampling.of(7).weights is None


def test_an_interval_is_students_with_a_degree_of_freedom_for_each_block_but_one() -> None:
    resampling, values = Resampling.of(27), np.random.default_rng(1).normal(size=27)
    means = resampling.means(values)
    found = resampling.interval(float(values.mean()), means)
    assert found.high - found.value == pytest.approx(stats.t.ppf(0.975, 8) * means.std())
    draws = np.array([0.1, -0.2, 0.3])
    over = resampling.over_draws(1.0, means, draws)
    assert over.value == pytest.approx(1 - draws.mean())
    assert over.value - over.low == pytest.approx(stats.t.ppf(0.975, 2) * np.sqrt(means.var() + draws.var(ddof=1) * 4 / 3))
    alone = Resampling.of(1).over_draws(1.0, np.array([np.nan]), draws)
    assert alone.value - alone.low == pytest.approx(stats.t.ppf(0.975, 2) * draws.std(ddof=1) * np.sqrt(4 / 3))
    assert np.isnan(resampling.over_draws(1.0, means, draws[:1]).low)


def random_orders(seed: int, lead: float = 0.0, parts: int = 41, methods: int = 6, draws: int = 9) -> Measurements:
    """Every order by chance: sentences have effects, tokens feel them differently. `lead` makes the third method's curves better by so much."""
    random = np.random.default_rng(seed)
    counts, sentences = np.array([0, 1, 2, 3, 6, 15, 30]), 30
    effects = random.gamma(0.3, 1.0, sentences)[:, None] * random.gamma(1.0, 1.0, (sentences, parts))
    orders = [random.permutation(sentences) for _ in range(methods + draws)]
    deletion = np.array([[effects[order[:count]].sum(0) for count in counts] for order in orders])
    insertion = np.array([[effects[order[count:]].sum(0) for count in counts] for order in orders])
    between = ((counts > 0) & (counts < sentences))[:, None]
    deletion[2] += lead * between
    insertion[2] -= lead * between
    return measured(counts.tolist(), 3 + deletion[:methods], 3 + insertion[:methods], (3 + deletion[methods:], 3 + insertion[methods:]))


def test_among_random_orders_none_is_best() -> None:
    found = [faithfulness.analyse(random_orders(seed)) for seed in range(40)]
    named = sum(any(best.named for best in result.best.values()) for result in found)
    assert named <= 2  # at most one in twenty
    above = np.mean([row.over_random["comprehensiveness"].above_zero for result in found for row in result.methods])
    assert above <= 0.05
    assert "No method stands out from all others and from chance: by comprehensiveness" in faithfulness.find(found[0])


def test_an_order_that_is_much_better_is_named() -> None:
    result = faithfulness.analyse(random_orders(3, lead=12.0))
    assert {name: best.named for name, best in result.best.items()} == {"comprehensiveness": "ablation", "sufficiency": "ablation"}
    assert result.methods[0].label == "ablation"
    said = faithfulness.find(result)
    assert "By comprehensiveness ablation is better than every other method and than chance." in said
    assert "better than random ones: ablation." in said


def test_two_methods_of_one_order_are_not_told_apart() -> None:
    measurements = random_orders(5, lead=12.0)
    deletion, insertion = (measurements[f"faithfulness.{name}"].copy() for name in ("deletion", "insertion"))
    deletion[4], insertion[4] = deletion[2], insertion[2]
    random = (measurements["faithfulness.random_deletion"], measurements["faithfulness.random_insertion"])
    result = faithfulness.analyse(measured(measurements["faithfulness.counts"].tolist(), deletion, insertion, random))
    best = result.best["comprehensiveness"]
    assert (best.leader, best.named, best.better_than, best.others, best.over_random) == ("ablation", None, 4, 5, True)


def test_one_method_alone_is_never_the_best() -> None:
    measurements = random_orders(3, lead=12.0)
    deletion, insertion = (measurements[f"faithfulness.{name}"][2:3] for name in ("deletion", "insertion"))
    random = (measurements["faithfulness.random_deletion"], measurements["faithfulness.random_insertion"])
    result = faithfulness.analyse(measured(measurements["faithfulness.counts"].tolist(), deletion, insertion, random))
    best = result.best["comprehensiveness"]
    assert (best.named, best.others, best.over_random) == (None, 0, True)
    assert "stands out" not in faithfulness.find(result)


@pytest.mark.parametrize(
    ("better_than", "over_random", "said"),
    [
        (
            0,
            False,
            "No method stands out from the other and from chance: by comprehensiveness attention leads, but is not surely better than the other or than chance.",
        ),
        (0, True, "No method stands out from the other and from chance: by comprehensiveness attention leads, but is not surely better than the other."),
        (
            1,
            False,
            "No method stands out from the other and from chance: by comprehensiveness attention leads, better than the other, but not surely than chance.",
        ),
    ],
)
def test_of_two_methods_the_comparison_is_said_in_words(better_than: int, over_random: bool, said: str) -> None:
    result = faithfulness.analyse(by_hand())
    best = Best(leader="attention", named=None, better_than=better_than, others=1, over_random=over_random, sayable=True)
    assert faithfulness.find(replace(result, best={"comprehensiveness": best, "sufficiency": None})).endswith(said)


def test_what_was_not_measured_has_no_line_no_column_and_no_table() -> None:
    measurements = by_hand()
    gone = {name: measurements[f"faithfulness.{name}"].copy() for name in ("deletion", "random_deletion", "insertion", "random_insertion")}
    for name, values in gone.items():
        values[:, 1 : -1 if "deletion" in name else 3] = np.nan
    result = faithfulness.analyse(measured([0, 1, 2, 5, 10], gone["deletion"], gone["insertion"], (gone["random_deletion"], gone["random_insertion"])))
    assert result.known == ("sufficiency",)
    spec = faithfulness.draw(result)["curves"]
    assert_drawable(spec)
    assert {row["curve"] for row in rows_of(spec)[0]} == {"left in alone"}
    assert '"domain": ["left in alone"]' in json.dumps(spec)
    assert "taken out first" not in json.dumps(spec)
    html = render_report(with_result(small_report(), "faithfulness", **{one.name: getattr(result, one.name) for one in fields(result)}), lambda specs: {})
    assert "Sufficiency, less is better" in html
    assert "Dashes: the target with so many per cent of the sentences alone left in, those that the method puts first;" in html
    for absent in (
        "Line: the target",
        "Comprehensiveness, more is better",
        "Deletion area, more is better",
        "Areas as shares of what hiding all sentences costs",
    ):
        assert absent not in html


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), parts=st.integers(1, 30))
def test_areas_of_curves_that_only_rise_are_shares_and_deletion_and_insertion_of_opposite_orders_mirror_each_other(seed: int, parts: int) -> None:
    random = np.random.default_rng(seed)
    counts = np.array([0, 1, 3, 7])
    rising = np.concatenate([np.zeros((1, parts)), random.random((3, parts)).cumsum(0) + 0.01])
    deletion, insertion = rising[None], rising[::-1][None]
    measurements = measured(counts.tolist(), deletion, insertion, (np.repeat(deletion, 2, 0), np.repeat(insertion, 2, 0)))
    curves = Curves.of(measurements)
    scores = scores_of(curves, Resampling.of(parts))
    for name in ("deletion_area", "insertion_area"):
        if np.isfinite(scores[name].values).all():
            assert ((scores[name].values >= 0) & (scores[name].values <= 1)).all()
    np.testing.assert_allclose(curves.deletion[:, -1], curves.insertion[:, 0], rtol=1e-5)


def test_charts_and_text_of_documents_of_every_size() -> None:
    found = faithfulness.analyse(made_up())
    chart = faithfulness.draw(found)["curves"]
    assert_drawable(chart)
    (rows,) = rows_of(chart)
    first = next(row for row in rows if row["method"] == found.methods[0].label and row["curve"] == "taken out first" and row["share"] == 50)
    assert first["value"] == pytest.approx(found.deletion[0, 2], rel=1e-4)
    assert (first["low"], first["high"]) == (
        pytest.approx(found.random_deletion[:, 2].min(), rel=1e-4),
        pytest.approx(found.random_deletion[:, 2].max(), rel=1e-4),
    )
    assert_valid(faithfulness.draw(faithfulness.analyse(random_orders(0)))["curves"])


def test_a_document_of_two_sentences_that_can_be_taken_out() -> None:
    values = np.array([[[3.0], [5.0], [6.0]]])
    found = faithfulness.analyse(measured([0, 1, 2], values, values[:, ::-1], (values.repeat(3, 0), values[:, ::-1].repeat(3, 0)), "logit"))
    assert found.bins == {"comprehensiveness": (1,), "sufficiency": (1,)}
    assert faithfulness.find(found).startswith("Taking out the first 1 of 2 sentences in the order of attention takes from the target \N{MINUS SIGN}2.00 logit")
    assert_valid(faithfulness.draw(found)["curves"])


def test_where_one_sentence_alone_can_be_taken_out_there_is_no_curve_between_nothing_and_it() -> None:
    values = np.array([[[3.0], [5.0]]])
    found = faithfulness.analyse(measured([0, 1], values, values[:, ::-1], (values.repeat(3, 0), values[:, ::-1].repeat(3, 0))))
    assert (found.drawn, faithfulness.draw(found)) == ((), {})
    html = render_report(with_result(small_report(), "faithfulness", **{one.name: getattr(found, one.name) for one in fields(found)}), lambda specs: {})
    assert "Points are what was measured" not in html

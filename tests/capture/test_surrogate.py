"""The surrogate against masks and targets by hand, and against the library's own pipeline on passes of eager attention with the sentences hidden."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import Lasso
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

sys.path.insert(0, str(Path(__file__).parent))
from families import HEADS
from test_ablation import aimed_at, silent
from test_attribution import language_model, texts
from test_faithfulness import by_eager_attention
from tiny import made_up_layout, tiny_llama

from reportgen.capture.attribution import surrogate
from reportgen.capture.attribution.faithfulness.taking_out import WhatIsLeft, cheapest_as_measured, hidden_tokens
from reportgen.capture.attribution.passes_without import KeptPasses
from reportgen.capture.attribution.surrogate import Surrogate, lasso_weights, log_odds, measure_surrogate, random_masks, rank_correlation
from reportgen.capture.feeding import Feed
from reportgen.capture.targets import Target
from reportgen.errors import ModelError


def test_masks_all_differ_and_keep_half_of_the_sentences() -> None:
    masks = random_masks(23, 96, some_kept=True)
    assert masks.shape == (96, 23)
    assert len({mask.tobytes() for mask in masks}) == 96
    assert abs(masks.mean() - 0.5) < 0.05
    np.testing.assert_array_equal(masks, random_masks(23, 96, some_kept=True))


def test_of_few_sentences_every_mask_is_there_once_but_for_that_which_keeps_none() -> None:
    assert sorted(map(tuple, random_masks(3, 96, some_kept=False).tolist())) == sorted(np.ndindex(2, 2, 2))
    assert sorted(map(tuple, random_masks(3, 96, some_kept=True).tolist())) == sorted(np.ndindex(2, 2, 2))[1:]


def test_log_odds_are_stable_for_texts_that_are_certain_or_hopeless() -> None:
    found = log_odds(np.array([1e-12, np.log(2), np.log(5), 800.0]))
    np.testing.assert_allclose(found, [27.631021115928547, 0.0, np.log(0.2 / 0.8), -800.0], rtol=1e-9, atol=1e-12)
    assert log_odds(np.zeros(1)) == np.inf


def test_weights_are_soft_thresholds_where_masks_are_orthogonal() -> None:
    """Over all masks of 3 sentences standardised masks are +-1 and orthogonal: coefficients are half the differences of means, less alpha; weights are twice these."""
    masks = np.array(list(np.ndindex(2, 2, 2)), bool)
    scores = 7 + masks @ np.array([3.0, -0.5, 0.015])
    np.testing.assert_allclose(lasso_weights(masks, scores), [3 - 0.02, -0.5 + 0.02, 0], atol=1e-3)


def test_ranks_are_correlated_as_scipy_does_and_random_orders_mostly_less() -> None:
    random = np.random.default_rng(3)
    predicted, measured = random.normal(size=31).round(1), random.normal(size=31)
    rho, chance = rank_correlation(predicted, measured)
    assert rho == pytest.approx(stats.spearmanr(predicted, measured).statistic)
    assert chance == pytest.approx(1.645 / np.sqrt(30), abs=0.03)
    assert rank_correlation(predicted[:3], measured[:3]) == (None, None)
    assert rank_correlation(np.zeros(31), measured) == (None, None)


@dataclass
class Linear:
    """Passes whose target is exactly linear in the sentences that are kept."""

    members: np.ndarray
    weights: np.ndarray

    def parts_without(self, taken_out: np.ndarray) -> np.ndarray:
        return np.array([2.0, 3.0 + self.weights[~taken_out].sum()])

    def tokens_run(self, taken_out: np.ndarray) -> int:
        return len(self.members)


def of_a_linear_target(monkeypatch: pytest.MonkeyPatch, weights: np.ndarray, own: int | None) -> Surrogate:
    source = made_up_layout(131, len(weights))
    passes = Linear(source.sentence_of_token, weights)
    monkeypatch.setattr(surrogate, "cheapest_as_measured", lambda *arguments: passes)
    target = Target(description="made up", unit="logit", rows=np.array([130]), read=lambda output: output)
    return measure_surrogate(language_model(None, "classifier"), Feed(source=source), target, 5.0 + float(weights.sum()), () if own is None else (own,), silent)


def test_a_target_that_is_linear_in_the_sentences_is_found_and_predicted_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = np.array([4.0, -2.0, 0.0, 1.0, 8.0, 0.5, -16.0, 32.0, 64.0, 0.0, 0.0])
    found = of_a_linear_target(monkeypatch, weights, own=9)
    np.testing.assert_allclose(np.delete(found.values, 9), np.delete(weights, 9), atol=0.1)
    assert np.flatnonzero(np.isnan(found.values)).tolist() == [9]
    assert found.values.dtype == np.float32
    assert found.lds == pytest.approx(1.0)
    assert found.metadata == {"passes": 96, "held_out": 32, "lds": 1.0, "alpha": 0.01, "chance": round(found.chance, 6), "seed": 0}
    assert 0.2 < found.chance < 0.4
    assert found.notices == []


def test_a_target_that_no_sentence_moves_has_weights_of_zero_and_a_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    found = of_a_linear_target(monkeypatch, np.zeros(7), own=None)
    np.testing.assert_array_equal(found.values, np.zeros(7))
    assert (found.lds, found.chance) == (None, None)
    assert "32 of 96 passes that were held out cannot be told" in found.notices[0]


def without(model: Any, given: Feed, target: Target, *sentences: int) -> float:
    return float(by_eager_attention(model, given, target, np.isin(np.arange(given.source.sentences), sentences)).sum())


def test_on_a_causal_model_it_is_the_librarys_pipeline_on_eager_passes_with_the_sentences_hidden() -> None:
    model, given = tiny_llama().double(), texts("causal")
    target, aimed = aimed_at(model, "causal", given)
    found = measure_surrogate(language_model(model, "causal"), aimed, target, without(model, aimed, target), [4], silent)
    masks = random_masks(4, 96, some_kept=False)
    losses = np.array([without(model, aimed, target, *np.flatnonzero(~kept)) for kept in masks])
    scores = (-losses - np.log1p(-np.exp(-losses))) / len(target.rows)
    pipeline = make_pipeline(StandardScaler(), Lasso(alpha=0.01)).fit(masks[:11].astype(float), scores[:11])
    weights = (pipeline.predict(np.eye(4)) - pipeline.predict(np.zeros((1, 4)))) * len(target.rows)
    assert np.abs(weights).max() > 1
    np.testing.assert_allclose(found.values[:4], weights, rtol=1e-3, atol=1e-3 * np.abs(weights).max())
    assert (found.passes, found.held_out) == (16, 5)
    assert found.lds == pytest.approx(stats.spearmanr(pipeline.predict(masks[11:].astype(float)), scores[11:]).statistic)


def test_a_sentence_that_makes_the_target_more_likely_weighs_more_than_zero() -> None:
    """The greatest weight is positive where the loss rises when that sentence alone is hidden, negative where it falls."""
    model, given = tiny_llama().double(), texts("causal")
    target, aimed = aimed_at(model, "causal", given)
    intact = without(model, aimed, target)
    found = measure_surrogate(language_model(model, "causal"), aimed, target, intact, [4], silent).values[:4]
    harm = np.array([without(model, aimed, target, sentence) for sentence in range(4)]) - intact
    strongest = int(np.abs(found).argmax())
    assert np.sign(found[strongest]) == np.sign(harm[strongest])


def test_only_what_is_left_is_run_which_gives_what_all_that_follows_the_first_sentence_left_out_gives() -> None:
    """The target's first row is in no sentence; where it is in one that is left out, that sentence sees no others that are left out either."""
    model, given = tiny_llama().double(), Feed(source=made_up_layout(101, 11))
    members, masks = given.source.sentence_of_token, random_masks(10, 96, some_kept=False)
    target, aimed = aimed_at(model, "causal", given.with_texts(given.source.changed(sentence_of_token=with_a_row_of_no_sentence(members)), None))
    left, following = cheapest_as_measured(language_model(model, "causal"), aimed, target, without(model, aimed, target)), KeptPasses.of(model, aimed, target)
    assert isinstance(left, WhatIsLeft)
    taken_out = np.append(~masks, np.zeros((96, 1), bool), 1)
    tokens = [hidden_tokens(aimed.source.sentence_of_token, sentences) for sentences in taken_out]
    assert [left.tokens_run(sentences) for sentences in taken_out] == [101 - hidden.sum() for hidden in tokens]
    assert sum(map(left.tokens_run, taken_out)) < 0.65 * sum(map(following.tokens_run, tokens))
    for sentences, hidden in list(zip(taken_out, tokens, strict=True))[::7]:
        assert left.parts_without(sentences).sum() == pytest.approx(following.value_without(hidden), rel=1e-6)


def with_a_row_of_no_sentence(members: np.ndarray) -> np.ndarray:
    changed = members.copy()
    changed[np.flatnonzero(members == members.max())[0] - 1] = -1
    return changed


def test_another_target_with_nothing_left_out_is_refused_with_the_figures() -> None:
    model, given = tiny_llama(), texts("causal")
    target, aimed = aimed_at(model, "causal", given)
    with pytest.raises(ModelError, match=r"With nothing hidden the target is \d+\.?\d* where 17 was measured"):
        measure_surrogate(language_model(model, "causal"), aimed, target, 17.0, [4], silent)


def test_an_encoder_decoder_always_has_something_to_look_at() -> None:
    model, given = HEADS[4].build().double(), texts("seq2seq")
    members = np.maximum(given.source.sentence_of_token, 0)  # every token lies in a sentence
    given = given.with_texts(given.source.changed(sentence_of_token=members), given.target)
    target, aimed = aimed_at(model, "seq2seq", given)
    found = measure_surrogate(language_model(model, "seq2seq"), aimed, target, without(model, aimed, target), (), silent)
    assert np.isfinite(found.values).all()
    assert (found.passes, found.held_out) == (31, 10)


def test_a_target_that_is_certain_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model, given = tiny_llama(), texts("causal")
    target, aimed = aimed_at(model, "causal", given)
    monkeypatch.setattr(surrogate, "cheapest_as_measured", lambda *arguments: Linear(given.source.sentence_of_token, np.full(5, -1.0)))
    with pytest.raises(ModelError, match="not finite, or certain"):
        measure_surrogate(language_model(model, "causal"), aimed, target, 0.0, [4], silent)

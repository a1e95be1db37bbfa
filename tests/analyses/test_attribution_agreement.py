"""Attention against attribution: rank correlation and its interval, held against scipy on the very same resamples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from charts import assert_drawable, assert_valid
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from made_up import Sizes, made_up
from scipy import stats

from reportgen.analyses import attribution_agreement
from reportgen.analyses.attribution_agreement import CONFIDENCE, FEWEST, RESAMPLES, SEED, Agreement, agreement
from reportgen.measurements import Measurements

SIZES = Sizes(layers=2, heads=3, sentences=11, tokens=43)
KEYS = ("attention", "rollout", "gradient", "input_x_gradient")
# What is said of the ten sentences before the target; the target's own numbers come last and must not count.
ATTENTION = [0.50, 0.02, 0.03, 0.01, 0.04, 0.05, 0.06, 0.08, 0.07, 0.09, 0.05]
ROLLOUT = [0.90, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.02]
GRADIENT = [9.0, 1.0, 3.0, 2.0, 4.0, 6.0, 5.0, 7.0, 8.0, 10.0, 100.0]
INPUT_X_GRADIENT = [-9.0, 1.0, -2.0, 3.0, -4.0, 5.0, -6.0, 7.0, -8.0, 10.0, -100.0]


def measured(**values: Any) -> Measurements:
    chosen = dict(zip(KEYS, (ATTENTION, ROLLOUT, GRADIENT, INPUT_X_GRADIENT), strict=True)) | values
    return made_up(sizes=SIZES, replaced={f"attribution.{name}": np.array(numbers, np.float32) for name, numbers in chosen.items()})


def row(result: attribution_agreement.Result, method: str, reference: str = "gradient", first_sentence: bool = True) -> Agreement:
    (found,) = [found for found in result.agreements if (found.method, found.reference, found.first_sentence) == (method, reference, first_sentence)]
    return found


def ranked(x: Any, y: Any) -> Agreement:
    return agreement("x", "y", np.asarray(x, float), np.asarray(y, float), first_sentence=True)


def test_rho_of_five_pairs_by_hand() -> None:
    found = ranked([1, 2, 3, 4, 5], [20, 10, 40, 30, 50])
    assert found.rho == pytest.approx(1 - 6 * (1 + 1 + 1 + 1) / (5 * 24))
    assert found.n == 5


@given(values=npst.arrays(np.float64, st.integers(FEWEST, 40), elements=st.integers(0, 10_000).map(float), unique=True))
@settings(max_examples=25, deadline=None)
def test_equal_rankings_agree_fully_and_reversed_ones_not_at_all(values: np.ndarray) -> None:
    same, reverse = ranked(values, np.log1p(values)), ranked(values, -values)
    assert (same.rho, same.low, same.high) == (pytest.approx(1), pytest.approx(1), pytest.approx(1))
    assert (reverse.rho, reverse.low, reverse.high) == (pytest.approx(-1), pytest.approx(-1), pytest.approx(-1))


@given(x=npst.arrays(np.float64, 13, elements=st.integers(0, 5).map(float)), y=npst.arrays(np.float64, 13, elements=st.integers(0, 5).map(float)))
@settings(max_examples=40, deadline=None)
def test_rho_is_that_of_scipy_and_its_interval_lies_within_the_bounds(x: np.ndarray, y: np.ndarray) -> None:
    found = ranked(x, y)
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert math.isnan(found.rho)
        return
    expected = stats.spearmanr(x, y)
    assert (found.rho, found.p_value) == (pytest.approx(expected.statistic), pytest.approx(expected.pvalue))
    assert -1 - 1e-9 <= found.low <= found.high <= 1 + 1e-9
    other_way = ranked(y, x)
    assert (other_way.rho, other_way.low, other_way.high) == (pytest.approx(found.rho), pytest.approx(found.low), pytest.approx(found.high))


@pytest.mark.parametrize(("n", "length"), [(5, 2), (11, 2), (29, 3), (47, 4)])
def test_the_interval_is_that_of_scipy_on_the_same_blocks_of_neighbours(monkeypatch: pytest.MonkeyPatch, n: int, length: int) -> None:
    monkeypatch.setattr(attribution_agreement, "RESAMPLES", 300)
    random = np.random.default_rng(n)
    x = random.integers(0, 7, n).astype(float)
    y = x + random.normal(0, 3, n)
    starts = np.random.default_rng(SEED).integers(0, n - length + 1, (300, math.ceil(n / length)))
    rhos = []
    for blocks in starts.tolist():
        chosen = [start + offset for start in blocks for offset in range(length)][:n]
        if len(set(x[chosen])) > 1:
            rhos.append(stats.spearmanr(x[chosen], y[chosen]).statistic)
    found = ranked(x, y)
    assert (found.low, found.high) == (pytest.approx(np.quantile(rhos, 0.025)), pytest.approx(np.quantile(rhos, 0.975)))


def test_the_interval_of_noise_is_wide_and_that_of_a_strong_link_narrow() -> None:
    random = np.random.default_rng(0)
    x = random.random(101)
    noise, strong = ranked(x, random.random(101)), ranked(x, x + 0.05 * random.random(101))
    assert noise.low < 0 < noise.high
    assert strong.low > 0.9
    assert (CONFIDENCE, RESAMPLES) == (0.95, 2000)


def test_the_same_values_give_the_same_interval() -> None:
    x, y = np.random.default_rng(1).random((2, 17))
    assert ranked(x, y) == ranked(x, y)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([1, 1, 1, 1, 1, 1], [1, 2, 3, 4, 5, 6]),
        ([1, 2, 3, 4, 5, 6], [0, 0, 0, 0, 0, 0]),
        ([1, 2, 3, 4], [4, 3, 2, 1]),
        ([], []),
        ([1, 2, math.nan, 4, 5, 6], [1, 2, 3, 4, 5, 6]),
        ([1, 2, 3, 4, 5, 6], [math.nan] * 6),
    ],
    ids=["constant", "constant reference", "too few", "none", "a missing value", "only missing values"],
)
def test_where_no_rank_correlation_exists_none_is_given(x: list[float], y: list[float]) -> None:
    found = ranked(x, y)
    assert all(math.isnan(value) for value in (found.rho, found.low, found.high, found.p_value))
    assert found.n == len(x)


def test_only_the_sentences_before_the_target_are_compared() -> None:
    result = attribution_agreement.analyse(measured())
    assert result.target_sentence == 10
    assert result.sentences == tuple(range(10))
    np.testing.assert_allclose(result.attention, ATTENTION[:10], rtol=1e-6)
    np.testing.assert_allclose(result.gradient, GRADIENT[:10])
    np.testing.assert_allclose(result.input_x_gradient, INPUT_X_GRADIENT[:10])
    assert len(result.agreements) == 16


def test_each_row_is_scipys_correlation_of_what_its_name_says() -> None:
    measurements = measured()
    result = attribution_agreement.analyse(measurements)
    lengths = [int((measurements["token_sentences"] == sentence).sum()) for sentence in range(10)]
    methods = {"attention": ATTENTION[:10], "rollout": ROLLOUT[:10], "nearness alone": list(range(10)), "length alone": lengths}
    references = {"gradient": GRADIENT[:10], "|input x gradient|": [abs(value) for value in INPUT_X_GRADIENT[:10]]}
    for method, x in methods.items():
        for reference, y in references.items():
            for start in (0, 1):
                found = row(result, method, reference, first_sentence=start == 0)
                assert found.n == 10 - start
                if len(set(x[start:])) == 1:
                    assert math.isnan(found.rho)
                else:
                    assert found.rho == pytest.approx(stats.spearmanr(x[start:], y[start:]).statistic)


def test_the_finding_gives_the_correlations_and_their_intervals() -> None:
    result = attribution_agreement.analyse(measured())
    attention, nearness = row(result, "attention"), row(result, "nearness alone")
    finding = attribution_agreement.find(result).replace("\N{MINUS SIGN}", "-")
    assert f"Spearman correlation of {stats.spearmanr(ATTENTION[:10], GRADIENT[:10]).statistic:.2f} " in finding
    assert f"(95% interval {attention.low:.2f} to {attention.high:.2f})" in finding
    assert f"nearness alone would give {nearness.rho:.2f}" in finding
    assert "10 sentences before it" in finding
    assert "sentence 11" in finding


@pytest.mark.filterwarnings("error")
def test_what_has_no_correlation_is_said_in_words() -> None:
    finding = attribution_agreement.find(attribution_agreement.analyse(measured(rollout=[0.5] * 11)))
    assert "rollout with no defined value" in finding
    assert "nan" not in finding
    for missing in (measured(attention=[math.nan] * 11), measured(gradient=[0.0] * 11)):
        finding = attribution_agreement.find(attribution_agreement.analyse(missing))
        assert "cannot be ranked" in finding
        assert "Too few" not in finding


def test_equal_lengths_have_no_correlation_and_the_finding_says_so() -> None:
    measurements = made_up(sizes=Sizes(layers=2, heads=3, sentences=7, tokens=29))
    assert len(set(np.bincount(measurements["token_sentences"][measurements["token_sentences"] >= 0]))) == 1
    assert "length alone no defined value" in attribution_agreement.find(attribution_agreement.analyse(measurements))


def test_the_chart_has_a_point_for_each_sentence_that_a_logarithm_can_show() -> None:
    attention = [0.0, math.nan, *ATTENTION[2:]]
    spec = attribution_agreement.draw(attribution_agreement.analyse(measured(attention=attention)))["scatter"]
    assert_drawable(spec)
    by_attention, by_rollout = (panel["data"]["values"] for panel in spec["hconcat"])
    assert [point["sentence"] for point in by_attention] == [3, 4, 5, 6, 7, 8, 9, 10]
    assert [point["sentence"] for point in by_rollout] == list(range(1, 11))
    assert by_rollout[0] == {"sentence": 1, "x": 0.9, "y": 9.0, "kind": "first sentence"}
    assert by_attention[0] == {"sentence": 3, "x": 0.03, "y": 3.0, "kind": "other sentences"}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("sentences", [1, 2, 3, 5])
def test_few_sentences_are_said_to_be_too_few(sentences: int) -> None:
    result = attribution_agreement.analyse(made_up(sizes=Sizes(sentences=sentences, tokens=11)))
    assert len(result.sentences) == sentences - 1
    assert all(math.isnan(found.rho) for found in result.agreements)
    assert attribution_agreement.find(result) == f"Too few sentences stand before the target (sentence {sentences}) to compare attention with attribution."
    assert_valid(attribution_agreement.draw(result)["scatter"])


def test_without_rollout_attention_is_compared_alone() -> None:
    result = attribution_agreement.analyse(made_up(sizes=SIZES, leave_out=["attribution.rollout"]))
    assert result.rollout is None
    assert {found.method for found in result.agreements} == {"attention", "nearness alone", "length alone"}
    assert "rollout" not in attribution_agreement.find(result)
    spec = attribution_agreement.draw(result)["scatter"]
    assert_drawable(spec)
    assert len(spec["hconcat"]) == 1

"""Whether attention tells what mattered: which sentences and methods are compared, what is said of them, and nothing said of noise."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import pytest
from charts import assert_drawable, assert_valid, rows_of
from made_up import Sizes, made_up
from scipy import stats

from reportgen.analyses import attribution_agreement
from reportgen.analyses.agreement.comparison import FEWEST, Agreement, compare, head_size
from reportgen.analyses.agreement.methods import ADVICE, METHODS
from reportgen.analyses.agreement.reading import compared
from reportgen.analyses.attribution_agreement import Result, find
from reportgen.measurements import Measurements
from reportgen.wording import two_decimals

SIZES = Sizes(layers=2, heads=3, sentences=11, tokens=43)
KEYS = ("attention", "rollout", "gradient", "input_x_gradient")
# What is said of the ten sentences before the target; the target's own numbers come last and must not count.
ATTENTION = [0.50, 0.02, 0.03, 0.01, 0.04, 0.05, 0.06, 0.08, 0.07, 0.09, 0.05]
ROLLOUT = [0.90, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.02]
GRADIENT = [9.0, 1.0, 3.0, 2.0, 4.0, 6.0, 5.0, 7.0, 8.0, 10.0, 100.0]
INPUT_X_GRADIENT = [-9.0, 1.0, -2.0, 3.0, -4.0, 5.0, -6.0, 7.0, -8.0, 10.0, -100.0]
ABLATION = [0.1, -0.2, 0.05, 0.6, 0.5, 0.4, -0.9, 0.8, 0.7, 1.0, math.nan]
INTEGRATED = [1.0, 2.0, -3.0, 4.0, 5.0, 7.0, 6.0, -8.0, 9.0, 10.0, 50.0]


def measured(metadata: dict[str, Any] | None = None, leave_out: tuple[str, ...] = (), **values: Any) -> Measurements:
    chosen = dict(zip(KEYS, (ATTENTION, ROLLOUT, GRADIENT, INPUT_X_GRADIENT), strict=True)) | values
    replaced = {f"attribution.{name}": np.array(numbers, np.float32) for name, numbers in chosen.items()}
    return made_up(sizes=SIZES, replaced=replaced, metadata=metadata, leave_out=leave_out)


def analysed(*args: Any, **values: Any) -> Result:
    return attribution_agreement.analyse(measured(*args, **values))


def row(result: Result, method: str, reference: str) -> Agreement:
    (found,) = [found for found in result.agreements if {found.method, found.reference} == {method, reference}]
    return found


def target(sentence: int | None) -> dict[str, Any]:
    return {"target": {"sentence": sentence, "description": "logit of the class of weather"}}


def test_only_the_sentences_before_the_target_are_compared() -> None:
    result = analysed()
    assert (result.target_sentence, result.sink) == (10, 0)
    assert result.sentences == tuple(range(10))
    np.testing.assert_allclose(result.values["attention"], ATTENTION[:10], rtol=1e-6)
    np.testing.assert_allclose(result.values["input_x_gradient"], INPUT_X_GRADIENT[:10])
    weights, slopes = ("attention", "rollout", "flow", "value_norm"), ("gradient", "gradient_norm", "input_x_gradient")
    assert result.methods == (*weights, *slopes, "nearness", "length", "random")
    assert len(result.agreements) == 10 * 9 / 2


def test_every_agreement_is_scipys_of_what_its_names_say() -> None:
    result = analysed(ablation=ABLATION, integrated_gradients=INTEGRATED)
    lengths = [int((measured()["token_sentences"] == sentence).sum()) for sentence in range(10)]
    said = {"attention": ATTENTION, "gradient": GRADIENT, "input × gradient": np.abs(INPUT_X_GRADIENT), "ablation": np.abs(ABLATION)}
    said |= {"integrated gradients": np.abs(INTEGRATED), "nearness": np.arange(11), "length": [*lengths, 0]}
    for one in said:
        for other in said:
            if one < other:
                found = row(result, one, other)
                assert found.n == 10
                assert found.rho == pytest.approx(stats.spearmanr(said[one][:10], said[other][:10]).statistic, nan_ok=True)
                assert found.tau == pytest.approx(stats.kendalltau(said[one][:10], said[other][:10]).statistic, nan_ok=True)


def test_ablation_is_what_others_are_held_against_and_else_the_gradient() -> None:
    assert (analysed().reference, analysed(ablation=ABLATION).reference) == ("gradient", "ablation")
    result = analysed(ablation=ABLATION)
    assert {found.reference for found in result.agreements[: len(result.methods) - 1]} == {"ablation"}


def test_a_method_without_a_value_for_a_sentence_compared_is_left_out_and_named() -> None:
    result = analysed(ablation=[math.nan, *ABLATION[1:]], surrogate=[0.0] * 10 + [math.nan])
    assert result.reference == "gradient"
    assert result.notes == ("Ablation is left out: it has no value for 1 of the sentences compared.",)
    assert "surrogate" in result.methods
    assert math.isnan(row(result, "surrogate", "gradient").rho)


def test_a_target_in_the_middle_is_held_against_what_comes_before_it() -> None:
    after = [math.nan] * 4
    values = {"attention": ATTENTION[:7] + after, "gradient": GRADIENT[:7] + after, "input_x_gradient": INPUT_X_GRADIENT[:7] + after}
    result = analysed(metadata=target(6), **values)
    assert result.sentences == tuple(range(6))
    np.testing.assert_array_equal(result.values["nearness"], [-6, -5, -4, -3, -2, -1])


def test_a_target_seen_from_both_sides_is_held_against_all_others() -> None:
    arrays = {key.replace("decoder.", "encoder."): values for key, values in measured(metadata=target(4)).arrays.items()}
    result = attribution_agreement.analyse(Measurements(arrays=arrays, metadata=measured(metadata=target(4)).metadata, text=measured().text))
    assert result.sentences == (0, 1, 2, 3, 5, 6, 7, 8, 9, 10)
    np.testing.assert_array_equal(result.values["nearness"], [-4, -3, -2, -1, -1, -2, -3, -4, -5, -6])


def test_a_class_is_held_against_all_sentences_without_nearness_or_flow() -> None:
    result = analysed(metadata=target(None))
    assert result.sentences == tuple(range(11))
    assert not {"nearness", "flow"} & set(result.methods)
    finding = find(result)
    assert "than place, length and the sink" in finding
    assert "nearness" not in finding
    assert_drawable(attribution_agreement.draw(result)["ranks"])


def test_sentences_without_numbers_are_not_compared() -> None:
    result = analysed(attention=[math.nan, math.nan, *ATTENTION[2:]])
    assert result.sentences == tuple(range(2, 10))
    assert result.sink is None
    assert analysed(attention=[math.nan] * 11).sentences == ()


def test_flow_is_the_maximum_flow_and_left_out_where_it_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    import networkx as nx

    measurements = measured()
    found = compared(measurements).values["flow"]
    attention = measurements["decoder.sentence_attention"].astype(float).mean(1)
    graph = nx.DiGraph()
    for layer, query, key in np.ndindex(attention.shape):
        graph.add_edge((layer + 1, query), (layer, key), capacity=0.5 * attention[layer, query, key] + 0.5 * (query == key))
    np.testing.assert_allclose(found, [nx.maximum_flow_value(graph, (2, 10), (0, key)) for key in range(10)], atol=1e-4)
    monkeypatch.setattr("reportgen.analyses.agreement.reading.FLOW_AT_MOST", 1)
    result = analysed()
    assert "flow" not in result.methods
    assert result.notes[-1].startswith("Flow is left out: from 10 sentences through 2 layers")


def test_ranks_are_of_sizes_and_the_sentences_shown_are_those_first_by_the_reference_or_attention() -> None:
    result = analysed(ablation=ABLATION)
    by_name = dict(zip(result.methods, result.ranks.tolist(), strict=True))
    assert by_name["ablation"] == [9, 8, 10, 5, 6, 7, 2, 3, 4, 1]
    assert by_name["attention"] == [1, 9, 8, 10, 7, 6, 5, 3, 4, 2]
    assert result.shown == (9, 6, 7, 8, 3, 0)


def test_the_finding_gives_the_correlations_and_their_intervals() -> None:
    result = analysed(ablation=ABLATION)
    attention, nearness = result.agreement("attention"), result.agreement("nearness")
    finding = find(result)
    rho = stats.spearmanr(ATTENTION[:10], np.abs(ABLATION[:10])).statistic
    assert f"Spearman correlation of {two_decimals(rho)} (95% interval {two_decimals(attention.low)} to {two_decimals(attention.high)})" in finding
    assert "with the effect of leaving each sentence out" in finding
    assert f"nearness alone would have {two_decimals(nearness.rho)}" in finding
    assert f"Of the first 3 of each, {attention.shared} are shared (0.90 by chance)" in finding
    assert "stands in for what mattered" in find(analysed())


@functools.cache
def long_document() -> Measurements:
    return made_up(sizes=Sizes(layers=1, heads=1, sentences=61, tokens=183))


def document(seed: int, told: float) -> Result:
    """Attention and ablation that fall with distance and grow with length, and share `told` beyond that; the first sentence is a sink."""
    whole, random = long_document(), np.random.default_rng(seed)
    lengths = np.bincount(whole["token_sentences"][whole["token_sentences"] >= 0])
    shared, base = random.normal(size=61), np.log(lengths) - np.log(np.arange(61, 0, -1) + 0.0)
    values = {name: np.exp(base + told * shared + 0.7 * random.normal(size=61)) for name in ("attention", "ablation", "gradient")}
    values["attention"][0] *= 50
    replaced = {f"attribution.{name}": numbers.astype(np.float32) for name, numbers in values.items()}
    return attribution_agreement.analyse(Measurements(arrays={**whole.arrays, **replaced}, metadata=whole.metadata, text=whole.text))


def test_attention_that_tells_what_mattered_is_said_to_and_attention_that_falls_with_distance_alone_is_not() -> None:
    assert sum("attention tells more of what mattered than distance" in find(document(seed, told=0.8)) for seed in range(4)) == 4
    noise = [document(seed, told=0.0) for seed in range(12)]
    assert sum(find(result).startswith("That attention tells more of what mattered") for result in noise) >= 10
    assert np.mean([result.agreement("attention").rho for result in noise]) > 0.4


@pytest.mark.filterwarnings("error")
def test_what_has_no_correlation_is_said_in_words() -> None:
    assert "cannot be ranked: one of them has the same value for all" in find(analysed(gradient=[0.0] * 11))
    result = attribution_agreement.analyse(made_up(sizes=Sizes(layers=2, heads=3, sentences=7, tokens=29)))
    assert "length alone no defined value" in find(result)
    assert "too little is left to compare when these are accounted for" in find(result)
    assert "nan" not in find(result)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("sentences", [1, 2, 3, 5])
def test_few_sentences_are_said_to_be_too_few(sentences: int) -> None:
    result = attribution_agreement.analyse(made_up(sizes=Sizes(sentences=sentences, tokens=11)))
    assert len(result.sentences) == sentences - 1
    assert all(math.isnan(found.rho) for found in result.agreements)
    assert find(result).startswith(f"Too few sentences can be compared for the target (sentence {sentences})")
    assert attribution_agreement.draw(result) == {}


def test_charts_draw_each_sentence_that_a_logarithm_can_show_and_every_two_methods() -> None:
    result = analysed(attention=[0.0, *ATTENTION[1:]])
    charts = attribution_agreement.draw(result)
    for spec in charts.values():
        assert_drawable(spec)
    (points,) = rows_of(charts["scatter"])
    assert [point["sentence"] for point in points] == list(range(2, 11))
    assert points[0] == {"sentence": 2, "x": 0.02, "y": 1.0, "kind": "other sentences"}
    (lines,) = rows_of(charts["ranks"])
    assert len(lines) == 5 * len(result.methods)
    (cell,) = [cell for cell in rows_of(charts["agreement"])[0] if (cell["row"], cell["column"]) == ("gradient", "attention")]
    assert cell["value"] == pytest.approx(row(result, "attention", "gradient").rho, abs=5e-4)


def test_without_rollout_attention_is_compared_alone() -> None:
    result = analysed(leave_out=("attribution.rollout",))
    assert "rollout" not in result.methods
    assert "ollout" not in find(result)
    assert_valid(attribution_agreement.draw(result)["agreement"])


def test_the_numbers_of_two_methods_do_not_depend_on_which_comes_first() -> None:
    values, accounted = np.random.default_rng(0).normal(size=(2, 29)), np.full((1, 29), 29**-0.5)
    one, other = (compare(names, values, accounted) for names in (("a", "b"), ("b", "a")))
    for name, numbers in one.numbers.items():
        assert numbers[0, 1] == pytest.approx(other.numbers[name][0, 1])
        assert -1 <= numbers[0, 1] <= 1
    assert (one.of("a", "b").low <= one.of("a", "b").rho <= one.of("a", "b").high, one.of("a", "b").shared_chance) == (True, 9 / 29)


def test_a_tenth_of_the_sentences_is_a_head_and_at_least_three() -> None:
    assert [head_size(count) for count in (2, FEWEST, 40, 153)] == [2, 3, 4, 15]


def test_every_group_of_methods_is_advised_on() -> None:
    assert {method.kind for method in METHODS} <= {advice.kind for advice in ADVICE}
    assert all(text.endswith(".") for advice in ADVICE for text in (advice.good_for, advice.fails))

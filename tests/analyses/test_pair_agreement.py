"""Matrices of sentence pairs: which are compared over which pairs, effects measured for some or all, and what is said."""

from __future__ import annotations

import numpy as np
import pytest
from charts import assert_drawable
from distance_driven import by_layer_only, distance_driven, measured
from made_up import Sizes, made_up
from made_up_pair import made_up_pair
from scipy import stats

from reportgen.analyses import pair_agreement
from reportgen.analyses.agreement.mantel import PairAgreement
from reportgen.analyses.pair_agreement import Result, find
from reportgen.measurements import Measurements

SENTENCES = 29
SIZES = Sizes(layers=2, heads=3, sentences=SENTENCES, tokens=101)


def with_arrays(measurements: Measurements, **arrays: np.ndarray) -> Measurements:
    """Arrays of the target by their names without `attribution.`."""
    replaced = {f"attribution.{name}": values for name, values in arrays.items()}
    return Measurements(arrays={**measurements.arrays, **replaced}, metadata=measurements.metadata, text=measurements.text)


def row(result: Result, one: str, other: str) -> PairAgreement:
    (found,) = [found for found in result.agreements if {found.first, found.second} == {one, other}]
    return found


def later(sentences: int = SENTENCES) -> np.ndarray:
    """Every pair with an earlier key, the first sentence among them."""
    return np.argwhere(np.tri(sentences, k=-1))


def test_matrices_that_know_every_pair_are_compared_over_pairs_without_the_sink() -> None:
    measurements = made_up(sizes=SIZES)
    result = pair_agreement.analyse(measurements)
    queries, keys = np.nonzero(np.tri(SENTENCES, k=-1) * (np.arange(SENTENCES) > 0))
    assert result.pairs == len(keys) == 28 * 27 / 2
    assert result.matrices == ("attention", "ISA", "rollout", "rollout without sink", "knockout effect")
    attention = measurements["*.sentence_attention"].astype(float).mean((0, 1))
    expected = stats.spearmanr(attention[queries, keys], measurements["*.rollout"][queries, keys]).statistic
    assert row(result, "attention", "rollout").rho == pytest.approx(expected, abs=1e-6)
    assert result.within[1, 0] == row(result, "attention", "ISA").within


def test_effects_of_some_links_are_compared_where_they_are_known_with_the_sample_and_without_the_sink() -> None:
    measurements, links = made_up(sizes=SIZES), later()
    effect = np.random.default_rng(0).gamma(1.0, size=len(links))
    triples = np.concatenate([links, effect[:, None]], axis=1).astype(np.float32)
    given = with_arrays(
        measurements, link_effect=triples[::5], link_drop=effect[::5].astype(np.float32), link_sample=triples[2::5], link_sample_drop=triples[2::5, 2]
    )
    result = pair_agreement.analyse(given)
    chosen = np.concatenate([triples[::5], triples[2::5]])
    chosen = chosen[chosen[:, 1] > 0]
    found = row(result, "attention", "knockout effect")
    attention = measurements["*.sentence_attention"].astype(float).mean((0, 1))
    assert found.pairs == len(chosen)
    assert found.rho == pytest.approx(stats.spearmanr(attention[chosen[:, 0].astype(int), chosen[:, 1].astype(int)], chosen[:, 2]).statistic, abs=1e-6)
    assert result.notes == (f"Knockout effect is known of {len(chosen)} of 378 pairs.",)
    assert "no sample of all" in pair_agreement.analyse(made_up(sizes=SIZES, leave_out=["attribution.link_sample"])).notes[-1]


def test_effects_of_all_links_are_a_matrix_like_the_others() -> None:
    measurements, links = made_up(sizes=SIZES), later()[::-1]
    effect = measurements["*.sentence_attention"].astype(float).mean((0, 1))[links[:, 0], links[:, 1]]
    triples = np.concatenate([links, effect[:, None] * 3], axis=1).astype(np.float32)
    result = pair_agreement.analyse(with_arrays(measurements, link_effect=triples, link_drop=effect.astype(np.float32)))
    found = row(result, "attention", "knockout effect")
    assert (found.pairs, found.within, found.partial) == (378, pytest.approx(1), pytest.approx(1))
    assert result.notes == ()
    assert find(result).startswith("At equal distances attention and knockout effect agree: over 378 pairs their rank correlation is 1.00")


def test_rows_of_input_times_gradient_are_placed_by_their_sentences() -> None:
    measurements, rows = made_up(sizes=SIZES, leave_out=["attribution.link"]), np.array([7, 15, 28], np.int32)
    values = np.full((3, SENTENCES), np.nan, np.float32)
    for place, query in enumerate(rows):
        values[place, :query] = -measurements["*.sentence_attention"].astype(float).mean((0, 1))[query, :query]
    result = pair_agreement.analyse(with_arrays(measurements, pairs=values, pair_rows=rows))
    found = row(result, "attention", "input × gradient")
    assert (found.pairs, found.rho) == (6 + 14 + 27, pytest.approx(1, abs=1e-6))
    assert result.verified == "input × gradient"


def test_attention_that_falls_with_distance_alone_is_not_said_to_agree_with_effects_that_do() -> None:
    links, said = later(), 0
    for seed in range(20):
        measurements = measured(distance_driven(SENTENCES, seed=seed)[None])
        effect = np.exp(np.random.default_rng(seed).normal(size=len(links))) / (links[:, 0] - links[:, 1])
        triples = np.concatenate([links, effect[:, None]], axis=1).astype(np.float32)
        result = pair_agreement.analyse(with_arrays(measurements, link_effect=triples, link_drop=effect.astype(np.float32)))
        said += "that attention and knockout effect agree cannot be said" in find(result)
        assert row(result, "attention", "knockout effect").rho > 0.25
    assert said >= 17


def test_without_effects_the_two_that_agree_most_are_named() -> None:
    result = pair_agreement.analyse(made_up(sizes=SIZES, leave_out=["attribution."]))
    assert result.verified is None
    assert find(result).startswith("What links do was not measured; of 378 pairs, rollout and rollout without sink agree most") or "agree most" in find(result)


def test_the_mean_over_heads_serves_where_attention_by_head_is_not_stored() -> None:
    whole = made_up(sizes=SIZES)
    one, other = (pair_agreement.analyse(measurements) for measurements in (whole, by_layer_only(whole)))
    np.testing.assert_allclose(one.within, other.within, atol=1e-5)


def test_an_encoder_is_compared_both_ways() -> None:
    shares = distance_driven(13, causal=False)[None]
    arrays = {key.replace("decoder.", "encoder."): values for key, values in measured(shares, leave_out=["attribution.link"]).arrays.items()}
    made = measured(shares)
    isa = np.maximum(shares[0, 0] ** 2, 1e-6).astype(np.float32)
    result = pair_agreement.analyse(Measurements(arrays=arrays | {"encoder.isa": isa, "encoder.rollout": isa}, metadata=made.metadata, text=made.text))
    assert result.pairs == 12 * 12
    assert row(result, "ISA", "rollout").within == pytest.approx(1)


def test_of_an_encoder_decoder_the_sources_matrices_are_compared_and_links_from_its_output_are_not() -> None:
    result = pair_agreement.analyse(made_up_pair())
    assert "knockout effect" not in result.matrices
    assert "are no pairs of the source's sentences" in result.notes[-1]
    assert find(result) == "There are 6 pairs of sentences to compare, too few (30 are needed)."


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("sentences", [1, 2, 5])
def test_short_documents_are_said_to_be_too_short(sentences: int) -> None:
    result = pair_agreement.analyse(made_up(sizes=Sizes(sentences=sentences, tokens=11)))
    assert "too few (30 are needed)" in find(result)
    assert pair_agreement.draw(result) == {}


def test_pairs_that_no_window_saw_are_not_compared() -> None:
    whole = made_up(sizes=SIZES)
    apart = np.abs(np.subtract.outer(np.arange(SENTENCES), np.arange(SENTENCES))) > 12
    names = [key for key in whole.arrays if key.startswith("decoder.") and whole.arrays[key].shape[-2:] == (SENTENCES, SENTENCES)]
    near = {key: np.where(apart, np.nan, whole.arrays[key]).astype("float32") for key in names if whole.arrays[key].dtype.kind == "f"}
    result = pair_agreement.analyse(Measurements(arrays={**whole.arrays, **near}, metadata=whole.metadata, text=whole.text))
    assert result.pairs == sum(min(query - 1, 12) for query in range(1, SENTENCES))
    assert np.isfinite(row(result, "attention", "ISA").within_p)


def test_a_matrix_without_a_value_for_some_pairs_is_left_out_and_named() -> None:
    whole = made_up(sizes=SIZES)
    isa = whole["*.isa"].copy()
    isa[7, 3] = np.nan
    result = pair_agreement.analyse(Measurements(arrays={**whole.arrays, "decoder.isa": isa}, metadata=whole.metadata, text=whole.text))
    assert "ISA" not in result.matrices
    assert result.notes[0] == "ISA is left out: some pairs have no value."


def test_what_is_known_of_pairs_without_attention_is_compared_where_there_is_some() -> None:
    """Attention that ends seven sentences back, and effects of every link."""
    near = np.tril(np.ones((SENTENCES, SENTENCES)), -1) * np.triu(np.ones((SENTENCES, SENTENCES)), -7)
    measurements, links = made_up(sizes=SIZES), later()
    attention = measurements["*.sentence_attention"] * (near + np.eye(SENTENCES)).astype(np.float16)
    cut = Measurements(
        arrays={**measurements.arrays, "decoder.sentence_attention": attention.astype(np.float16)}, metadata=measurements.metadata, text=measurements.text
    )
    effect = np.random.default_rng(0).gamma(1.0, size=len(links)).astype(np.float32)
    result = pair_agreement.analyse(with_arrays(cut, link_effect=np.concatenate([links, effect[:, None]], 1).astype(np.float32), link_drop=effect))
    queries, keys = np.nonzero(near * (np.arange(SENTENCES) > 0))
    inside = np.isin(links @ [SENTENCES, 1], queries * SENTENCES + keys)
    expected = stats.spearmanr(measurements["*.rollout"][queries, keys], effect[inside]).statistic
    found = row(result, "rollout", "knockout effect")
    assert found.pairs == result.pairs == len(keys)
    assert found.rho == pytest.approx(expected, abs=1e-6)
    assert (
        f"Knockout effect is also known of {len(links) - (SENTENCES - 1) - len(keys):,} between which there is no attention; they are left out." in result.notes
    )


def test_the_chart_is_drawn() -> None:
    assert_drawable(pair_agreement.draw(pair_agreement.analyse(made_up(sizes=SIZES)))["agreement"])

"""Links beyond distance: none where distance and length decide, a planted one found, z, p and q as scipy has them."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from charts import assert_drawable, rows_of
from distance_driven import NOISES, by_layer_only, distance_driven, measured
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import Sizes, made_up
from scipy import stats

from reportgen.analyses import links_beyond_distance
from reportgen.analyses.links_beyond_distance import LINKS_AT_MOST, Control, Result
from reportgen.analyses.sentence_pairs.control import correlation, shuffled_lifts
from reportgen.analyses.sentence_pairs.crossing import discovery_rates
from reportgen.analyses.sentence_pairs.distance_model import expect, token_middles
from reportgen.measurements import Measurements
from reportgen.sentence_pairs import SentencePairs

SENTENCES, DOCUMENTS = 43, 20


def layers(seed: int = 0, **options) -> np.ndarray:
    return distance_driven(SENTENCES, views=1, seed=seed, **options)[None]


def result_of(shares: np.ndarray) -> Result:
    return links_beyond_distance.analyse(measured(shares))


@pytest.mark.parametrize("shape", NOISES)
def test_of_documents_of_noise_one_in_twenty_gives_a_finding_whatever_its_shape(shape: str) -> None:
    """At 5 %, more than 4 of 20 come in one trial of four hundred; over all shapes see below."""
    assert findings_in_noise(shape) <= 4


def test_of_all_documents_of_noise_no_more_than_one_in_twenty_gives_a_finding() -> None:
    assert sum(map(findings_in_noise, NOISES)) <= 0.05 * DOCUMENTS * len(NOISES)


@functools.cache
def findings_in_noise(shape: str) -> int:
    every, middles = SentencePairs.every(SENTENCES), np.arange(3.0, 3 * SENTENCES + 3, 3)
    p_values = [expect(every, layers(seed, shape=shape)[0, 0].ravel(), middles).p_value for seed in range(DOCUMENTS)]
    return sum(bool((discovery_rates(p) <= 0.05).any()) for p in p_values)


def test_a_link_of_three_times_its_share_is_found_where_scatter_is_as_in_a_model() -> None:
    """Logarithms scatter by 0.2, as they do about the middle of a document of the default model."""
    sentences, found = 97, 0
    for seed in range(20):
        shares, place = distance_driven(sentences, seed=seed, noise=0.2), np.random.default_rng(seed)
        query = int(place.integers(40, sentences))
        key = int(place.integers(1, query - 1))
        shares[0, query, key] *= 3
        model = expect(SentencePairs.every(sentences), shares[0].ravel(), np.arange(3.0, 3 * sentences + 3, 3))
        found += discovery_rates(model.p_value)[(model.queries == query) & (model.keys == key)][0] <= 0.05
    assert found >= 14


def test_a_planted_link_is_found_with_its_lift_and_not_the_other_way_round() -> None:
    shares = layers(causal=False)
    shares[0, 0, 37, 11] *= 8
    result = result_of(shares)
    best = result.links[0]
    assert (best.query, best.key) == (37, 11)
    assert best.q_value < 2e-4
    assert 4 < best.lift < 16
    assert best.share == pytest.approx(shares[0, 0, 37, 11], rel=1e-5)
    assert best.lift == pytest.approx(best.share / best.expected)
    assert (11, 37) not in {(link.query, link.key) for link in result.links if link.q_value <= 0.05}
    assert "leads from sentence 38 to sentence 12" in links_beyond_distance.find(result)


def test_a_sentence_that_all_look_at_is_pull_and_not_many_links() -> None:
    shares = layers()
    shares[..., 9] *= 30
    shares /= 2
    result = result_of(shares)
    assert result.discoveries <= 1
    assert max(link.lift for link in result.links if link.key == 9) < 3 if any(link.key == 9 for link in result.links) else True


@pytest.mark.parametrize("expected", [1 / 128, 0.0])
def test_an_encoder_of_sentences_of_one_length_and_a_file_that_expects_nothing_have_links(expected: float) -> None:
    shares = distance_driven(128, causal=False)[None].astype(np.float32)
    even = np.full((128, 128), expected, np.float32)
    model = links_beyond_distance.analyse(
        made_up(sizes=Sizes(layers=1, heads=1, sentences=128, tokens=386), replaced={"decoder.sentence_attention": shares, "decoder.sentence_expected": even})
    )
    assert len(model.links) > 0
    assert all(np.isfinite(link.z) for link in model.links)


def test_z_p_and_q_are_scipys() -> None:
    shares = layers(2)
    shares[0, 0, 30, 4] *= 9
    measurements = measured(shares)
    model = expect(SentencePairs.every(SENTENCES), measurements["*.sentence_attention"][0, 0].ravel(), token_middles(measurements))
    apart = np.abs(model.queries - model.keys)
    bins = np.minimum(np.floor(np.log2(apart)), 5 if (apart >= 32).sum() >= 30 else 4)
    of_scale = 0.37 * np.array([(bins == bin).sum() for bin in bins])
    p = stats.t.sf(model.z / model.tail.scale, 1 / (1 / model.tail.freedom + 1 / of_scale))
    q = stats.false_discovery_control(p)
    result = links_beyond_distance.analyse(measurements)
    assert result.pairs == len(p) == (SENTENCES - 1) * (SENTENCES - 2) // 2
    assert result.discoveries == (q <= 0.05).sum() >= 1
    for rank, at in enumerate(np.argsort(-model.z)[:LINKS_AT_MOST]):
        link = result.links[rank]
        assert (link.query, link.key) == (model.queries[at], model.keys[at])
        assert (link.z, link.p_value, link.q_value) == pytest.approx((model.z[at], p[at], q[at]))


def test_neighbours_do_not_fill_the_list_as_they_fill_the_greatest_shares() -> None:
    result = result_of(layers(1))
    assert result.raw_neighbours >= 10
    assert result.neighbours <= 5
    chosen = {(link.query, link.key) for link in result.links}
    assert result.in_both == len(chosen & {tuple(pair) for pair in result.raw_pairs.tolist()})


def test_the_greatest_shares_leave_out_the_first_sentence_and_itself() -> None:
    shares = layers(1)
    result = result_of(shares)
    order = sorted(((shares[0, 0, i, j], i, j) for i in range(SENTENCES) for j in range(1, i)), reverse=True)
    assert result.raw_pairs.tolist() == [[i, j] for _, i, j in order[:LINKS_AT_MOST]]


def test_pairs_that_no_window_saw_are_left_out() -> None:
    shares = layers(3)
    apart = np.subtract.outer(np.arange(SENTENCES), np.arange(SENTENCES))
    shares[..., apart > 20] = math.nan
    result = result_of(shares)
    assert result.pairs == ((apart > 0) & (apart <= 20))[:, 1:].sum()
    assert result.distance.tolist() == list(range(1, 21))
    assert all(link.query - link.key <= 20 for link in result.links)
    assert all(math.isfinite(link.z) for link in result.links)


def test_numbers_by_distance_are_medians_and_percentiles() -> None:
    shares = layers(4)
    result = result_of(shares)
    for row, gap in enumerate(result.distance.tolist()):
        values = [shares[0, 0, j + gap, j] for j in range(1, SENTENCES - gap)]
        np.testing.assert_allclose(result.distances[row, :3], [np.median(values), *np.quantile(values, [0.05, 0.95])], rtol=1e-5)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_links_are_distinct_and_fall_in_z(seed: int) -> None:
    result = result_of(layers(seed))
    z = [link.z for link in result.links]
    assert z == sorted(z, reverse=True)
    assert len({(link.query, link.key) for link in result.links}) == result.count == LINKS_AT_MOST
    assert all(0 < link.share <= 1 and 0 < link.q_value <= 1 and link.p_value <= link.q_value * (1 + 1e-9) for link in result.links)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("sizes", [Sizes(), Sizes(sentences=2, tokens=5), Sizes(layers=1, heads=1, sentences=1, tokens=2)])
def test_short_documents_have_too_few_pairs(sizes: Sizes) -> None:
    result = links_beyond_distance.analyse(made_up(sizes=sizes))
    assert result.links == ()
    assert "too few" in links_beyond_distance.find(result)
    assert links_beyond_distance.draw(result) == {}


@pytest.mark.filterwarnings("error")
def test_no_number_at_all_gives_no_link() -> None:
    assert result_of(np.full((1, 1, SENTENCES, SENTENCES), np.nan)).links == ()


def test_the_mean_over_heads_by_layer_is_enough() -> None:
    shares = distance_driven(SENTENCES, views=3)[:, None]
    whole = measured(shares)
    found, same = links_beyond_distance.analyse(by_layer_only(whole)), links_beyond_distance.analyse(whole)
    assert [(link.query, link.key) for link in found.links] == [(link.query, link.key) for link in same.links]


def test_the_chart_draws_every_distance_and_every_link() -> None:
    shares = layers()
    shares[0, 0, 37, 11] *= 8
    result = result_of(shares)
    spec = links_beyond_distance.draw(result)["distance"]
    assert_drawable(spec)
    assert len(rows_of(spec)[0]) == SENTENCES - 2
    points = rows_of(spec)[-1]
    assert len(points) == LINKS_AT_MOST
    assert points[0] == {"distance": 26, "share": float(f"{result.links[0].share:.4g}"), "kind": "discovery"}
    assert f"{LINKS_AT_MOST} links of the table are points" in spec["description"]


def controlled(shares: np.ndarray, shuffled: np.ndarray, order: np.ndarray) -> Measurements:
    """`shuffled` is query x key by place in the shuffled order."""
    place = np.argsort(order)
    moved = np.where(shuffled > 0, shuffled, np.nan)[np.ix_(place, place)]
    whole = measured(shares, metadata={"control": {"seed": 0, "order": order.tolist()}})
    return Measurements(arrays=dict(whole.arrays) | {"decoder.shuffled_attention": moved.astype("float32")}, metadata=whole.metadata, text=whole.text)


def test_a_link_of_content_remains_in_shuffled_order_and_one_of_position_vanishes() -> None:
    random, shares = np.random.default_rng(5), layers(noise=0.1)
    order = np.concatenate([[0], 1 + random.permutation(SENTENCES - 1)])
    place, shuffled = np.argsort(order), distance_driven(SENTENCES, seed=77, noise=0.1)[0]
    shares[0, 0, 37, 11] *= 8
    shares[0, 0, 31, 7] *= 8
    later, earlier = max(place[37], place[11]), min(place[37], place[11])
    shuffled[later, earlier] *= 8
    result = links_beyond_distance.analyse(controlled(shares, shuffled, order))
    fates = {(link.query, link.key): link.in_shuffled_order for link in result.links}
    assert (fates[37, 11], fates[31, 7]) == ("remains", "vanishes")
    content = next(link for link in result.links if (link.query, link.key) == (37, 11))
    assert 4 < content.shuffled_lift < 16
    assert result.control == Control(correlation=result.control.correlation, judged=2, remain=1)
    assert "of 2 links 1 remains and follows content, 1 vanishes and follows position (0.1 would remain by chance)" in links_beyond_distance.find(result)


def test_lifts_that_follow_the_sentences_are_correlated_in_both_orders_and_those_by_chance_are_not() -> None:
    random, content = np.random.default_rng(6), np.exp(0.5 * np.random.default_rng(8).normal(size=(SENTENCES, SENTENCES)))
    content = np.sqrt(content * content.T)
    order = np.concatenate([[0], 1 + random.permutation(SENTENCES - 1)])
    plain, moved = distance_driven(SENTENCES, seed=1)[None], distance_driven(SENTENCES, seed=2)[0]
    alike = links_beyond_distance.analyse(controlled(plain * content, moved * content[np.ix_(order, order)], order)).control
    unlike = links_beyond_distance.analyse(controlled(plain, moved, order)).control
    assert alike.correlation.rho > 0.3
    assert alike.correlation.p_value == 1 / 200
    assert abs(unlike.correlation.rho) < 0.1
    assert unlike.correlation.p_value > 0.01
    assert alike.correlation.pairs == (SENTENCES - 1) * (SENTENCES - 2) // 2


def test_rho_is_scipys_of_the_lifts_by_hand() -> None:
    order = np.concatenate([[0], 1 + np.random.default_rng(7).permutation(SENTENCES - 1)])
    measurements = controlled(layers(), distance_driven(SENTENCES, seed=9)[0], order)
    shuffled, place = shuffled_lifts(measurements), np.argsort(order)
    every = SentencePairs.every(SENTENCES)
    model = expect(every, measurements["*.sentence_attention"][0, 0].ravel(), token_middles(measurements))
    counts = np.bincount(measurements["token_sentences"][measurements["token_sentences"] >= 0])[order]
    middles = np.array([counts[:at].sum() + (counts[at] - 1) / 2 for at in range(SENTENCES)])
    again = expect(every, distance_driven(SENTENCES, seed=9)[0].ravel(), middles)
    lifts = {(query, key): lift for query, key, lift in zip(again.queries.tolist(), again.keys.tolist(), again.lift.tolist(), strict=True)}
    other = [lifts[max(place[q], place[k]), min(place[q], place[k])] for q, k in zip(model.queries, model.keys, strict=True)]
    np.testing.assert_allclose(shuffled.lift[model.queries, model.keys], other, rtol=1e-4)
    assert correlation(model, shuffled).rho == pytest.approx(stats.spearmanr(model.lift, other).statistic, abs=1e-4)


def test_without_a_control_run_nothing_is_said_of_it() -> None:
    result = result_of(layers())
    assert result.control is None
    assert "shuffled" not in links_beyond_distance.find(result)
    assert {link.in_shuffled_order for link in result.links} == {""}

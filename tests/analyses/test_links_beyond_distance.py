"""Links beyond distance: none where distance and length decide, a planted one found, z, p and q as scipy has them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from charts import assert_drawable, rows_of
from distance_driven import by_layer_only, distance_driven, measured
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import Sizes, made_up
from scipy import stats

from reportgen.analyses import links_beyond_distance
from reportgen.analyses.links_beyond_distance import LINKS_AT_MOST, Result
from reportgen.analyses.sentence_pairs.distance_model import expect, token_middles

SENTENCES = 43


def layers(seed: int = 0, **options) -> np.ndarray:
    return distance_driven(SENTENCES, views=1, seed=seed, **options)[None]


def result_of(shares: np.ndarray) -> Result:
    return links_beyond_distance.analyse(measured(shares))


def test_distance_and_length_alone_give_almost_no_discoveries() -> None:
    found = [result_of(layers(seed)) for seed in range(12)]
    assert sum(result.discoveries > 0 for result in found) <= 3
    assert sum(result.discoveries for result in found) <= 4


def test_a_planted_link_is_found_with_its_lift_and_not_the_other_way_round() -> None:
    shares = layers(causal=False)
    shares[0, 0, 37, 11] *= 8
    result = result_of(shares)
    best = result.links[0]
    assert (best.query, best.key) == (37, 11)
    assert best.q_value < 1e-4
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
    assert result.length_discoveries > 10
    assert result.length_key_share > 0.9


def test_z_p_and_q_are_scipys() -> None:
    shares = layers(2)
    shares[0, 0, 30, 4] *= 9
    measurements = measured(shares)
    model = expect(measurements["*.sentence_attention"][0, 0], token_middles(measurements))
    apart = np.abs(model.queries - model.keys)
    bins = np.minimum(np.floor(np.log2(apart)), 5 if (apart >= 32).sum() >= 30 else 4)
    p = stats.t.sf(model.z, 0.37 * np.array([(bins == bin).sum() for bin in bins]))
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

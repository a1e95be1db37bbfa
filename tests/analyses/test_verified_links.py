"""Attention of links beside what hiding them does: a case by hand, chance, and nothing found where there is nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from charts import assert_drawable, rows_of
from made_up import Sizes, attention, made_up, pair_arrays
from made_up_pair import made_up_pair
from scipy import stats

from reportgen.analyses import verified_links
from reportgen.analyses.link_effects.chance import correlate, count_against_chance, joined, percentiles
from reportgen.analyses.link_effects.hidden import Hidden, hidden_links
from reportgen.links import lift_of
from reportgen.measurements import Measurements

ALL = {"link_effect": {"chosen": "all", "links": 406, "possible": 406, "tokens_run": 4321, "passes": 43.2, "way": "kept keys and values"}}
SIZES = Sizes(layers=2, heads=3, sentences=29, tokens=101)
LINKS = np.argwhere(np.tri(29, k=-1))


def with_effects(effects: np.ndarray, links: np.ndarray = LINKS, **options: Any) -> Measurements:
    """A document all of whose links, or these, were hidden, with these effects."""
    rows = np.concatenate([links, effects[:, None]], axis=1).astype(np.float32)
    arrays = {"attribution.link_effect": rows, "attribution.link_drop": -rows[:, 2]}
    kept = {"sizes": SIZES, "leave_out": ["attribution.link_sample"], "metadata": ALL} | options
    return made_up(**kept, replaced=arrays)


def lifts(measurements: Measurements) -> np.ndarray:
    shares = measurements["decoder.sentence_attention"].mean(1).mean(0)
    return lift_of(shares.ravel(), measurements["decoder.sentence_expected"].ravel()).reshape(shares.shape)


def hidden(effect: list[float], **fields: Any) -> Hidden:
    """Links of one length from sentences of their own."""
    count = len(effect)
    usual = {name: np.zeros(count) for name in ("share", "lift", "drop", "standing", "share_standing")} | {
        name: np.zeros(count, bool) for name in ("first", "drawn")
    }
    numbers = {"queries": np.arange(count) + 1, "keys": np.ones(count, int), "band": np.zeros(count, int)}
    return Hidden(**{**usual, **numbers, "effect": np.array(effect, float), **fields})


def test_a_percentile_is_the_share_of_the_other_links_of_its_length_that_do_less() -> None:
    effect = np.concatenate([np.arange(1, 24), [0.5, 11.5, 99, 7]]).astype(float)
    band = np.array([*[1] * 26, 2])
    pool = np.arange(27) < 23
    found, compared = percentiles(hidden(effect.tolist(), band=band), pool)
    np.testing.assert_allclose(found[:23], np.arange(23) / 22)
    np.testing.assert_allclose(found[23:26], [0, 11 / 23, 1])
    assert np.isnan(found[26])
    assert compared.tolist() == [22] * 23 + [23] * 3 + [0]


def test_lengths_with_few_links_are_joined_with_the_longer_ones() -> None:
    band = np.repeat([0, 1, 2, 3, 4], [25, 5, 20, 30, 7])
    assert joined(band, np.ones(87, bool)).tolist() == np.repeat([0, 1, 1, 2, 2], [25, 5, 20, 30, 7]).tolist()
    assert joined(band, band == 9).tolist() == [0] * 87


def test_share_lift_effect_and_drop_are_those_of_the_link() -> None:
    effects = np.random.default_rng(3).gamma(1, 0.1, len(LINKS))
    measurements = with_effects(effects)
    found = hidden_links(measurements)
    lift = lifts(measurements)
    np.testing.assert_allclose(found.lift, lift[LINKS[:, 0], LINKS[:, 1]], rtol=1e-5)
    np.testing.assert_allclose(found.effect, effects, rtol=1e-6)
    assert found.first.sum() == 28
    at = int(np.flatnonzero((LINKS == [13, 7]).all(1))[0])
    others = [lift[i, j] for i, j in LINKS.tolist() if j > 0 and 4 <= i - j < 8]
    assert found.standing[at] == np.mean(np.array(others) < lift[13, 7])
    shares = measurements["decoder.sentence_attention"].mean(1).mean(0)
    assert found.share_standing[at] == np.mean([shares[i, j] < shares[13, 7] for i, j in LINKS.tolist() if j > 0 and 4 <= i - j < 8])
    link = next(link for link in verified_links.analyse(measurements).strongest)
    at = int(np.flatnonzero(([link.query, link.key] == LINKS).all(1))[0])
    assert link.lift == pytest.approx(np.nanmax(np.where(LINKS[:, 1] > 0, found.lift, np.nan)))
    assert (link.effect, link.drop) == pytest.approx((effects[at], -effects[at]), rel=1e-5)
    assert link.query_text == measurements.sentences[link.query]


def test_links_drawn_by_chance_are_what_others_are_compared_with() -> None:
    random = np.random.default_rng(4)
    content = LINKS[LINKS[:, 1] > 0]
    order = random.permutation(len(content))
    chosen, drawn = content[order[:40]], content[order[40:140]]
    effects, by_chance = random.gamma(1, 0.1, 40), random.gamma(1, 0.1, 100)
    sample = np.concatenate([drawn, by_chance[:, None]], axis=1)
    arrays = {"attribution.link_effect": np.concatenate([chosen, effects[:, None]], 1), "attribution.link_drop": effects}
    arrays |= {"attribution.link_sample": sample, "attribution.link_sample_drop": by_chance}
    found = verified_links.analyse(made_up(sizes=SIZES, replaced=arrays, metadata={"link_effect": {"chosen": "strongest"}}))
    assert (found.every, found.cost.links, found.cost.sample) == (False, 40, 100)
    groups = joined(found.hidden.band, found.hidden.drawn)
    for link in found.strongest:
        at = int(np.flatnonzero((found.hidden.queries == link.query) & (found.hidden.keys == link.key))[0])
        others = found.hidden.effect[found.hidden.drawn & (groups == groups[at])]
        assert link.compared == len(others) >= 20
        assert link.percentile == pytest.approx((others < link.effect).mean())


def test_the_rank_correlation_is_spearmans_where_all_links_are_of_one_length() -> None:
    random = np.random.default_rng(5)
    lift = random.random(53)
    effect = lift + random.normal(0, 0.3, 53).clip(-0.2)
    links = hidden(effect.tolist(), lift=lift, share=lift**2)
    found = correlate(links)
    expected = stats.spearmanr(lift, effect).statistic
    assert (found.rho, found.lift, found.share) == pytest.approx((expected, expected, expected))
    assert found.low < found.rho < found.high
    assert found.tells == 1
    assert correlate(replace(links, effect=-effect)).tells == -1


def test_attention_that_only_follows_distance_as_effects_do_is_not_called_telling() -> None:
    random = np.random.default_rng(6)
    band = np.repeat([0, 1, 2, 3], 40)
    near = 3.0**-band
    links = hidden((near * random.random(160)).tolist(), lift=near * random.random(160), share=random.random(160), band=band)
    found = correlate(links)
    assert found.lift > 0.5
    assert abs(found.rho) < 0.2
    assert found.tells == 0


def test_shuffled_effects_are_seldom_called_a_finding() -> None:
    effects, called = np.random.default_rng(7).gamma(0.5, 0.1, len(LINKS)), np.zeros(3)
    links = hidden_links(with_effects(effects))
    judged = links.where(~links.first)
    for seed in range(40):
        shuffled = replace(judged, effect=np.random.default_rng(seed).permutation(judged.effect))
        idle, vital = count_against_chance(shuffled, np.ones(len(shuffled.effect), bool))
        called += [correlate(shuffled).tells != 0, not idle.by_chance, not vital.by_chance]
    assert (called <= 6).all()


def test_strong_links_that_do_nothing_and_weak_ones_that_do_much_are_found() -> None:
    lift = lifts(with_effects(np.ones(len(LINKS))))[*LINKS.T]
    found = verified_links.analyse(with_effects(1 / (1 + lift)))
    assert found.correlation.rho == pytest.approx(-1)
    assert found.idle_count.found == 36 > 1.9 * found.idle_count.expected
    assert found.vital_count.found > found.vital_count.expected
    assert not found.idle_count.by_chance
    assert not found.vital_count.by_chance
    assert [link.lift for link in found.idle] == sorted((link.lift for link in found.idle), reverse=True)
    assert all(link.percentile <= 0.5 for link in found.idle)
    assert all(link.percentile > 0.95 for link in found.vital)
    assert "do less when hidden" in verified_links.find(found)
    agreeing = verified_links.analyse(with_effects(lift))
    assert agreeing.idle_count.found == agreeing.vital_count.found == 0
    assert "do more when hidden" in verified_links.find(agreeing)


def test_a_correlation_without_an_interval_is_said_without_one() -> None:
    found = verified_links.analyse(with_effects(np.random.default_rng(8).random(len(LINKS))))
    assert "(95% interval " in verified_links.find(found)
    bare = verified_links.find(replace(found, correlation=replace(found.correlation, low=np.nan, high=np.nan)))
    assert f" (p {found.correlation.p_value:.2g}) over" in bare
    assert "nan" not in bare


def test_effects_of_rounding_are_nothing() -> None:
    found = verified_links.analyse(with_effects(np.random.default_rng(8).random(len(LINKS)) * 9e-7))
    assert found.idle_of_all
    assert found.vital == ()
    assert len(found.idle) == 10
    assert "attention between sentences is idle here" in verified_links.find(found)


@pytest.mark.parametrize("share_of_nothing", [0.0, 0.5, 1.0])
def test_points_say_which_link_they_are_and_have_the_effect_that_was_measured(share_of_nothing: float) -> None:
    effects = np.random.default_rng(8).random(len(LINKS)) + 0.1
    effects[: int(share_of_nothing * len(LINKS))] = 0
    measurements = with_effects(effects)
    spec = verified_links.draw(verified_links.analyse(measurements))["effect"]
    assert_drawable(spec)
    measured = {(query + 1, key + 1): effect for (query, key), effect in zip(LINKS.tolist(), effects.tolist(), strict=True)}
    (rows,) = rows_of(spec)
    assert len(rows) == 400
    for row in rows:
        assert row["effect"] == pytest.approx(measured[row["query_sentence"], row["key_sentence"]], rel=1e-3)


def test_what_it_cost_is_said() -> None:
    cost = verified_links.analyse(with_effects(np.ones(len(LINKS)))).cost
    assert (cost.links, cost.sample, cost.possible, cost.tokens_run, cost.passes) == (406, 0, 406, 4321, 43.2)


@pytest.mark.parametrize("sizes", [{"sentences": 2, "tokens": 7}, {}, {"layers": 1, "heads": 1, "sentences": 7, "tokens": 31}])
def test_short_documents_say_that_there_are_too_few_links(sizes: dict[str, int]) -> None:
    found = verified_links.analyse(made_up(sizes=Sizes(**sizes)))
    assert "too few" in verified_links.find(found)
    assert found.idle == found.vital == ()
    verified_links.draw(found)


@pytest.mark.parametrize(
    ("links", "said"),
    [
        (0, "No link was hidden that does not lead to the first sentence, so that"),
        (1, "1 link that does not lead to the first sentence was hidden, too few"),
        (3, "3 links that do not lead to the first sentence were hidden, too few"),
    ],
)
def test_few_links_are_counted_in_words_of_their_number(links: int, said: str) -> None:
    found = verified_links.analyse(made_up(sizes=Sizes(sentences=2, tokens=7)))
    assert verified_links.find(replace(found, correlation=replace(found.correlation, links=links))).startswith(said)


def test_links_of_an_encoder_decoder_lead_from_its_output_to_its_source() -> None:
    links = np.argwhere(np.ones((3, 5)))
    rows = np.concatenate([links, np.linspace(0.1, 1.5, 15)[:, None]], axis=1).astype(np.float32)
    target = {"sentence": None, "tokens": 17, "description": "negative log-likelihood of the output (17 tokens)"}
    bare = made_up_pair()
    arrays = bare.arrays | {"attribution.link_effect": rows, "attribution.link_drop": rows[:, 2]}
    measurements = replace(bare, arrays=arrays, metadata={**bare.metadata, "target": target, "link_effect": {"chosen": "all"}})
    found = verified_links.analyse(measurements)
    assert found.crosses
    assert found.first == 0
    shares = measurements["cross.sentence_attention"].mean((0, 1))
    np.testing.assert_allclose(found.hidden.share, shares.ravel(), rtol=1e-5)
    assert found.strongest[0].query_text in measurements.target_sentences
    assert "Output sentence" in verified_links.find(found)


def test_evenly_spread_attention_gives_no_finding() -> None:
    p = attention(SIZES, 0)
    even = np.broadcast_to(np.tri(101) / np.arange(1, 102)[:, None], p.shape)
    members = made_up(sizes=SIZES)["token_sentences"]
    shares = {f"decoder.{name}": values for name, values in pair_arrays(even, members).items() if name in ("sentence_attention", "outside_attention")}
    effects = np.concatenate([LINKS, np.random.default_rng(9).random((len(LINKS), 1))], axis=1)
    arrays = shares | {"attribution.link_effect": effects, "attribution.link_drop": effects[:, 2]}
    found = verified_links.analyse(made_up(sizes=SIZES, leave_out=["attribution.link_sample"], metadata=ALL, replaced=arrays))
    assert found.correlation.tells == 0

"""The strongest links: ranks by lift, ties in reading order, the sink and the sentence itself set aside."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import HEADS, LAYERS, SENTENCES, Sizes, made_up
from test_windowed_measurements import in_windows

from reportgen.analyses import top_links
from reportgen.links import LINKS_AT_MOST
from reportgen.measurements import Measurements

SHARES = np.array([[1, 0, 0, 0], [0.4, 0.6, 0, 0], [0.3, 0.2, 0.5, 0], [0.1, 0.3, 0.2, 0.3]])
EXPECTED = np.array([[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.4, 0.3, 0.3, 0], [0.4, 0.1, 0.4, 0.1]])
NONE = [-1, -1]


def by_hand(shares: np.ndarray = SHARES) -> Measurements:
    """A layer of the shares alone, then one in which every sentence looks evenly."""
    heads = np.repeat(np.stack([shares, EXPECTED])[:, None], 3, axis=1)
    sizes = Sizes(layers=2, heads=3, sentences=4, tokens=11)
    return made_up(sizes=sizes, replaced={"decoder.sentence_attention": heads, "decoder.sentence_expected": EXPECTED})


def test_pairs_are_ranked_by_lift_with_equals_in_reading_order() -> None:
    result = top_links.analyse(by_hand())
    assert result.count == 10
    assert result.every_pairs[1].tolist() == [[3, 1], [3, 3], [2, 2], [1, 1], [0, 0], [1, 0], [2, 0], [2, 1], [3, 2], [3, 0]]
    np.testing.assert_allclose(result.every_lift[1], [3, 3, 5 / 3, 1.2, 1, 0.8, 0.75, 2 / 3, 0.5, 0.25], rtol=1e-6)
    np.testing.assert_allclose(result.every_share[1], [0.3, 0.3, 0.5, 0.6, 1, 0.4, 0.3, 0.2, 0.2, 0.1], rtol=1e-6)


def test_content_links_leave_out_the_first_sentence_and_the_sentence_itself() -> None:
    result = top_links.analyse(by_hand())
    assert result.content_pairs[1].tolist() == [[3, 1], [2, 1], [3, 2]] + [NONE] * 7
    np.testing.assert_allclose(result.content_lift[1][:3], [3, 2 / 3, 0.5], rtol=1e-6)
    np.testing.assert_allclose(result.content_share[1][:3], [0.3, 0.2, 0.2], rtol=1e-6)
    assert np.isnan(result.content_lift[1][3:]).all()
    assert np.isnan(result.content_share[1][3:]).all()


def test_the_first_view_is_the_mean_of_the_layers() -> None:
    result = top_links.analyse(by_hand())
    assert result.content_pairs[0].tolist()[:3] == [[3, 1], [2, 1], [3, 2]]
    np.testing.assert_allclose(result.content_lift[0][:3], [2, 5 / 6, 0.75], rtol=1e-6)


def test_the_finding_names_the_strongest_link_and_counts_neighbours() -> None:
    finding = top_links.find(top_links.analyse(by_hand()))
    assert "from sentence 4 to sentence 2: 20\N{NARROW NO-BREAK SPACE}% of its attention, 2.00 times even attention" in finding
    assert "2 of the 3 strongest links join neighbouring sentences" in finding


@pytest.mark.parametrize(("lift", "said"), [(1.6871, "1.69 times"), (0.84642, "0.846 times")])
def test_the_finding_gives_the_lift_that_the_table_gives(lift: float, said: str) -> None:
    result = top_links.analyse(by_hand())
    assert f"{said} even attention" in top_links.find(replace(result, content_lift=np.full_like(result.content_lift, lift)))


def ranks_by_loops(attention: np.ndarray, expected: np.ndarray, content: bool) -> list[tuple[int, int, float]]:
    """All pairs of one view with their lift, greatest first, by a sort that keeps the reading order of equals."""
    found = []
    for query in range(len(expected)):
        for key in range(len(expected)):
            if expected[query, key] > 0 and not (content and key in (0, query)):
                found.append((query, key, float(attention[query, key]) / float(expected[query, key])))
    return sorted(found, key=lambda link: -link[2])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), sentences=st.integers(1, 13))
def test_every_view_has_the_links_that_plain_loops_find(seed: int, sentences: int) -> None:
    measurements = made_up(seed=seed, sizes=Sizes(layers=2, heads=3, sentences=sentences, tokens=29))
    result = top_links.analyse(measurements)
    by_layer = measurements["*.sentence_attention"].mean(1)
    for view, attention in enumerate([by_layer.mean(0), *by_layer]):
        for kind in ("every", "content"):
            links = ranks_by_loops(attention, measurements["*.sentence_expected"], content=kind == "content")[: result.count]
            pairs, lifts = getattr(result, f"{kind}_pairs")[view], getattr(result, f"{kind}_lift")[view]
            assert pairs[: len(links)].tolist() == [[query, key] for query, key, _ in links]
            assert (pairs[len(links) :] == -1).all()
            np.testing.assert_allclose(lifts[: len(links)], [lift for *_, lift in links], rtol=1e-6)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_lifts_fall_and_shares_are_shares(seed: int) -> None:
    result = top_links.analyse(made_up(seed=seed, sizes=Sizes(layers=2, heads=3, sentences=11, tokens=43)))
    for lifts, shares in ((result.every_lift, result.every_share), (result.content_lift, result.content_share)):
        assert (np.diff(lifts[0][~np.isnan(lifts[0])]) <= 0).all()
        assert ((shares >= 0) & (shares <= 1) | np.isnan(shares)).all()


def test_no_more_links_are_kept_than_a_reader_can_ask_for() -> None:
    result = top_links.analyse(made_up(sizes=Sizes(layers=2, heads=3, sentences=13, tokens=29)))
    assert result.count == LINKS_AT_MOST
    assert result.every_pairs.shape == (3, LINKS_AT_MOST, 2)


def test_two_sentences_have_no_link_besides_those_to_the_first() -> None:
    result = top_links.analyse(made_up(sizes=Sizes(sentences=2, tokens=5)))
    assert sorted(result.every_pairs[0].tolist()) == [[0, 0], [1, 0], [1, 1]]
    assert (result.content_pairs == -1).all()
    assert top_links.find(result) == "There is no link between two sentences besides those to the first sentence."


def test_one_sentence_has_no_link() -> None:
    result = top_links.analyse(made_up(sizes=Sizes(sentences=1, tokens=2)))
    assert result.every_pairs.tolist() == [[[0, 0]]] * (LAYERS + 1)
    assert "no link" in top_links.find(result)


def test_in_windows_the_first_sentence_of_each_is_left_out() -> None:
    """Sentences 4 and 5 were read with sentence 3 and what follows it."""
    result = top_links.analyse(in_windows())
    content = [pair for pair in result.content_pairs[0].tolist() if pair != NONE]
    assert sorted(content) == [[2, 1], [4, 3]]
    assert {(3, 2), (4, 2)} <= {tuple(pair) for pair in result.every_pairs[0].tolist()}


def test_where_no_two_sentences_were_read_together_no_link_is_denied() -> None:
    alone = np.where(np.eye(4) > 0, SHARES, np.nan)
    result = top_links.analyse(by_hand(alone))
    assert top_links.find(result) == "No two sentences were read together, so that no link between sentences was measured."


def test_pairs_without_a_number_are_not_ranked() -> None:
    shares = SHARES.copy()
    shares[3, 1] = math.nan
    result = top_links.analyse(by_hand(shares))
    assert result.content_pairs[1].tolist() == [[2, 1], [3, 2]] + [NONE] * 8
    assert "sentence 3 to sentence 2" in top_links.find(result)


@pytest.mark.filterwarnings("error")
def test_no_number_at_all_gives_no_link() -> None:
    nothing = np.full((LAYERS, HEADS, SENTENCES, SENTENCES), np.nan, np.float32)
    result = top_links.analyse(made_up(replaced={"decoder.sentence_attention": nothing}))
    assert (result.every_pairs == -1).all()
    assert "no link" in top_links.find(result)


def test_nothing_is_drawn_as_a_chart() -> None:
    assert top_links.draw(top_links.analyse(made_up())) == {}


def test_the_effect_stands_beside_the_links_that_were_hidden() -> None:
    effects = np.array([[3, 2, 0.25], [2, 1, 0.5], [1, 0, 4]], np.float32)
    measurements = by_hand()
    sizes = Sizes(layers=2, heads=3, sentences=4, tokens=11)
    kept = {name: measurements[name] for name in ("decoder.sentence_attention", "decoder.sentence_expected")}
    result = top_links.analyse(
        made_up(
            sizes=sizes, leave_out=["attribution.link_sample"], replaced=kept | {"attribution.link_effect": effects, "attribution.link_drop": effects[:, 2]}
        )
    )
    assert result.content_pairs[0].tolist()[:4] == [[3, 1], [2, 1], [3, 2], NONE]
    assert result.content_effect == (None, 0.5, 0.25) + (None,) * 7
    np.testing.assert_array_equal(result.effects, effects)


def test_without_hidden_links_there_is_no_effect() -> None:
    result = top_links.analyse(made_up(leave_out=["attribution."]))
    assert result.effects.shape == (0, 3)
    assert set(result.content_effect) == {None}

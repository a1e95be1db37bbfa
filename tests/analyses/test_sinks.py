"""Tokens that collect attention: shares by hand, lifts, where a sink starts, and none where attention is even or random."""

from __future__ import annotations

import numpy as np
import pytest
from charts import assert_drawable, assert_valid, rows_of
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import HEADS, LAYERS, SENTENCES, TOKENS, Sizes, made_up

from reportgen.analyses import sinks
from reportgen.analyses.sinks import token_texts
from reportgen.measurements import Measurements


def collecting(*layers: dict[int, float]) -> Measurements:
    """Named tokens collect their share of a layer, the others share the rest evenly."""
    rows = []
    for shares in layers:
        row = np.full(TOKENS, (1 - sum(shares.values())) / (TOKENS - len(shares)))
        row[list(shares)] = list(shares.values())
        rows.append(22 * row)
    return made_up(sizes=Sizes(layers=len(layers)), replaced={"decoder.token_influence_total": np.array(rows)})


BY_HAND = ({0: 0.1, 13: 0.02}, {0: 0.9, 13: 0.06}, {0: 0.2, 13: 0.7})


def test_tokens_are_ranked_by_their_share_of_all_attention() -> None:
    first, second, *_ = sinks.analyse(collecting(*BY_HAND)).tokens
    assert (first.token, second.token) == (0, 13)
    assert (first.share, second.share) == (pytest.approx(0.4), pytest.approx(0.26))
    np.testing.assert_allclose(second.share_by_layer, [0.02, 0.06, 0.7], rtol=1e-6)
    assert (first.most, second.most) == (1, 2)
    assert (first.sentence, second.sentence) == (0, 3)


def test_the_lift_is_over_what_even_attention_gives_that_token() -> None:
    first, second, *_ = sinks.analyse(collecting(*BY_HAND)).tokens
    even = np.mean([1 / (query + 1) if query >= 13 else 0 for query in range(TOKENS)])
    assert second.even == pytest.approx(even)
    assert second.lift == pytest.approx(0.26 / even)
    assert first.even == pytest.approx(np.mean(1 / np.arange(1, TOKENS + 1)))


def test_a_sink_starts_where_both_thresholds_are_passed() -> None:
    first, second, *rest = sinks.analyse(collecting(*BY_HAND)).tokens
    assert first.starts == 1  # 0.9 is 5 times even attention's 0.162, 0.1 and 0.2 are not
    assert second.starts == 2  # 0.06 is no 5 times 0.0241
    assert {token.starts for token in rest} == {None}


def test_types_add_up_their_places_and_leave_the_first_token_out() -> None:
    ids = np.arange(TOKENS) * 3
    ids[[0, 7, 9]] = 50
    measurements = collecting({0: 0.5, 7: 0.2, 9: 0.1})
    found = sinks.analyse(made_up(sizes=Sizes(layers=1), replaced={"token_ids": ids, "decoder.token_influence_total": measurements["*.token_influence_total"]}))
    assert (found.types[0].count, found.types[0].text) == (2, token_texts(measurements)[7])
    assert found.types[0].share == pytest.approx(0.3)
    assert found.types[0].token is None
    assert f"All 2 \N{LEFT DOUBLE QUOTATION MARK}{found.types[0].text}\N{RIGHT DOUBLE QUOTATION MARK} together collect 30.0" in sinks.find(found)


def test_tokens_of_no_sentence_are_counted_together() -> None:
    found = sinks.analyse(collecting({0: 0.1, 8: 0.4}))
    assert made_up()["token_sentences"][8] == -1
    assert (found.summary.count, found.summary.share) == (1, pytest.approx(0.4))
    assert found.summary_tokens == ("\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}" * 2,)


def test_a_document_whose_tokens_all_lie_in_sentences_has_no_summary_tokens() -> None:
    found = sinks.analyse(made_up(sizes=Sizes(sentences=2, tokens=5)))
    assert found.summary is None
    assert found.summary_tokens == ()


def test_added_tokens_are_named_by_their_number() -> None:
    spans, members = made_up()["token_spans"].copy(), made_up()["token_sentences"].copy()
    spans[0], members[0] = 0, -1
    texts = token_texts(made_up(replaced={"token_spans": spans, "token_sentences": members}))
    assert texts[:3] == ("added token 0", "birch", "cedar.")


def test_sink_heads_are_those_above_the_threshold() -> None:
    shares = np.full((LAYERS, HEADS), 0.3, np.float32)
    shares[0, :2], shares[2, 4], shares[1] = 0.31, 0.9, 0.1
    found = sinks.analyse(made_up(replaced={"decoder.first_token": np.minimum(shares, np.where(shares == np.float32(0.3), 0.299, 1))}))
    assert found.sink_heads_by_layer.tolist() == [2, 0, 1]
    assert found.sink_head_share == pytest.approx(3 / 21)
    assert "3 of 21 heads (14.3" in sinks.find(found)
    assert "whether or not resampled sentences bear it out." in sinks.find(found)


def test_the_finding_names_the_sink_and_where_it_starts() -> None:
    finding = sinks.find(sinks.analyse(collecting(*BY_HAND)))
    assert finding.startswith("The first token (\N{LEFT DOUBLE QUOTATION MARK}Amber\N{RIGHT DOUBLE QUOTATION MARK}) collects 40.0")
    assert "it is a sink in 1 of 3 layers, first in layer 1 and most in layer 1 (90.0" in finding
    assert "1 of the other tokens listed is a sink too." in finding


def test_a_token_that_collects_most_and_is_no_sink_is_named_before_one_that_is() -> None:
    result = sinks.analyse(collecting({0: 0.5, 13: 0.02}, {0: 0.5, 13: 0.3}))
    assert [token.starts for token in result.tokens[:2]] == [None, 1]
    finding = sinks.find(result)
    most = f"The first token (“Amber”) collects most, 50.0\N{NARROW NO-BREAK SPACE}% of all attention, mean over layers and heads, {result.tokens[0].lift:.3g} times even attention, but"
    assert finding.startswith(f"{most} in no layer 5 times what even attention would give, as a sink does here. Token 13 (“")
    assert "is a sink in 1 of 2 layers, first in layer 1 and most in layer 1 (30.0" in finding


def test_where_no_token_is_a_sink_the_one_that_collects_most_is_named() -> None:
    finding = sinks.find(sinks.analyse(collecting({0: 0.5})))
    assert finding.startswith("None of the 10 tokens that collect most is a sink: none collects 5\N{NARROW NO-BREAK SPACE}% of a layer's attention and 5 times")
    assert "The first token (“Amber”) collects most, 50.0" in finding


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_shares_of_a_layer_are_at_most_one(seed: int) -> None:
    found = sinks.analyse(made_up(seed=seed))
    total = sum(token.share_by_layer for token in found.tokens)
    assert (total <= 1 + 1e-9).all()
    assert all(0 <= token.share <= 1 for token in (*found.tokens, *found.types))


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_even_and_random_attention_have_no_sink(noise: float) -> None:
    tokens = 151
    weights = np.exp(np.random.default_rng(0).normal(0, 1, (3, 7, tokens, tokens)) * noise) * np.tri(tokens)
    p = weights / weights.sum(-1, keepdims=True)
    replaced = {"decoder.token_influence_total": p.mean(1).sum(1), "decoder.first_token": p[:, :, 1:, 0].mean(-1)}
    found = sinks.analyse(made_up(sizes=Sizes(sentences=11, tokens=tokens), replaced=replaced))
    assert {token.starts for token in (*found.tokens, *found.types)} == {None}
    assert found.sink_heads_by_layer.sum() == 0
    assert sinks.find(found).startswith("None of the 10 tokens that collect most is a sink")
    if not noise:
        assert all(token.lift == pytest.approx(1, rel=1e-5) for token in found.tokens)


def test_without_even_attention_the_share_alone_decides() -> None:
    by_layer = np.repeat(made_up()["*.sentence_expected"][None], 3, axis=0)
    total = collecting(*BY_HAND)["*.token_influence_total"]
    first, second, *_ = sinks.analyse(made_up(replaced={"decoder.token_influence_total": total, "decoder.sentence_expected": by_layer})).tokens
    assert (first.lift, first.even, first.starts, second.starts) == (None, None, 0, 1)


def test_the_maps_have_a_cell_for_each_token_and_each_head() -> None:
    result = sinks.analyse(made_up())
    spec = sinks.draw(result)["maps"]
    assert_drawable(spec)
    tokens, heads = rows_of(spec)
    assert (len(tokens), len(heads)) == (LAYERS * len(result.tokens), LAYERS * HEADS)
    assert {row["token"] for row in tokens} == {f"{rank + 1} {found.text}" for rank, found in enumerate(result.tokens)}


def test_the_maps_hold_what_was_measured_below_their_scale_as_well() -> None:
    shares = np.full((LAYERS, HEADS), 0.2, np.float32)
    shares[1, 3], shares[2, 0] = 0.000592, np.nan
    _, heads = rows_of(sinks.draw(sinks.analyse(made_up(replaced={"decoder.first_token": shares})))["maps"])
    found = {(row["layer"], row["head"]): row["share"] for row in heads}
    assert (found[1, 3], found[2, 0]) == (0.000592, None)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("sizes", [Sizes(sentences=2, tokens=5), Sizes(layers=1, heads=1, sentences=1, tokens=2)])
def test_very_short_documents_have_a_finding(sizes: Sizes) -> None:
    result = sinks.analyse(made_up(sizes=sizes))
    assert "nan" not in sinks.find(result)
    assert_valid(sinks.draw(result)["maps"])
    assert SENTENCES == 5

"""Cross-attention: sources by hand, scores against scipy, even and random attention that say nothing, encoder-decoders only."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from charts import assert_drawable, assert_valid, rows_of
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import made_up
from made_up_pair import CROSS_HEADS, CROSS_LAYERS, made_up_pair, output_members, random_cross
from scipy import stats

sys.path.insert(0, str(Path(__file__).parent.parent / "tokens"))
from fed import LONG, SECOND, bart, document, t5

from reportgen.analyses import cross_attention
from reportgen.analyses.cross.alignment_charts import draw_alignment, group_starts, pooled
from reportgen.analyses.cross.alignment_scores import even_scores, find_ordered
from reportgen.analyses.cross.output_tokens import OutputToken
from reportgen.analyses.sinks import token_texts
from reportgen.capture import MeasureOptions, measure
from reportgen.measurements import TOKEN_LINK
from reportgen.models import LanguageModel
from reportgen.render import render_report
from reportgen.report import build_report

SOURCE = made_up()["token_sentences"]
KEYS, QUERIES = len(SOURCE), 16


def looking(*chosen: dict[int, float]) -> np.ndarray:
    """All heads alike: the tokens of each output sentence give these source sentences these shares, and the rest evenly to the token of no sentence."""
    rows = []
    for shares in ({}, *chosen):
        row = np.array([shares.get(int(sentence), 0.0) / max((sentence == SOURCE).sum(), 1) for sentence in SOURCE])
        row[SOURCE < 0] = 1 - row.sum()
        rows.append(row)
    return np.tile(np.array(rows)[output_members() + 1], (CROSS_LAYERS, CROSS_HEADS, 1, 1))


BY_HAND = looking({3: 0.7, 0: 0.2}, {1: 0.3, 4: 0.4}, {2: 0.8})


def test_an_output_sentence_is_made_from_what_gets_most_beyond_even_attention() -> None:
    first, second, third = cross_attention.analyse(made_up_pair(BY_HAND)).made_from
    assert [(source.sentence, pytest.approx(source.share)) for source in first.sources] == [(3, 0.7), (0, 0.2)]
    assert [source.sentence for source in second.sources] == [4, 1]
    assert [source.sentence for source in third.sources] == [2]
    assert first.sources[0].lift == pytest.approx(0.7 / (7 / 23))
    assert second.sources[0].lift == pytest.approx(0.4 / (3 / 23))
    assert second.outside == pytest.approx(0.3)
    assert [output.clear for output in (first, second, third)] == [True, True, True]
    assert first.text.startswith("Birch and delta")
    assert first.sources[0].text.startswith("Night ocean")


def test_a_long_source_sentence_does_not_win_by_its_length() -> None:
    output = cross_attention.analyse(made_up_pair(looking({3: 0.32, 0: 0.3}, {3: 1.0}, {3: 1.0}))).made_from[0]
    assert [source.sentence for source in output.sources] == [0, 3]  # 0.3 beyond 3/23, 0.32 beyond 7/23


def test_rows_are_output_sentences_and_columns_source_sentences() -> None:
    found = cross_attention.analyse(made_up_pair(BY_HAND))
    assert found.attention.shape == found.lift.shape == (3, 5)
    assert found.attention[0, 3] == pytest.approx(0.7)
    assert found.attention[2, 1] == pytest.approx(0)
    np.testing.assert_allclose(found.expected, np.tile(np.array([3, 5, 4, 7, 3]) / 23, (3, 1)), rtol=1e-6)


def test_the_finding_names_the_strongest_source() -> None:
    finding = cross_attention.find(cross_attention.analyse(made_up_pair(BY_HAND)))
    assert finding.startswith("3 of 3 output sentences give some source sentence at least 2 times what even attention would: output sentence 3 takes most from")
    assert "from source sentence 3 (80.0\N{NARROW NO-BREAK SPACE}% of its attention, 4.60 times even attention)" in finding


def test_even_attention_is_said_to_be_even() -> None:
    found = cross_attention.analyse(made_up_pair(random_cross(sharpness=0.0)))
    assert (found.clear, found.ordered_heads) == (0, ())
    np.testing.assert_allclose(found.lift, 1, rtol=1e-5)
    finding = cross_attention.find(found)
    assert finding.startswith("Cross-attention is close to even: a head’s attention has 100\N{NARROW NO-BREAK SPACE}% of the greatest entropy on average")
    assert finding.endswith("No head’s order can be told: the output is too short, or each looks at one token only.")


@pytest.mark.parametrize("seed", range(5))
def test_random_attention_gives_no_sources_and_no_heads_in_order(seed: int) -> None:
    found = cross_attention.analyse(made_up_pair(random_cross(seed, sharpness=1.0)))
    assert (found.clear, found.ordered_heads, found.order_tau) == (0, (), None)
    assert "does not say which sentences the output was made from" in cross_attention.find(found)


@pytest.mark.parametrize("model", [bart, t5])
def test_a_randomly_initialised_model_has_no_sources_and_no_heads_in_order(model: Callable[[], LanguageModel]) -> None:
    measurements = measure(document(LONG), model(), MeasureOptions(pair=document(SECOND, "second.txt"), attribution="none"))
    found = cross_attention.analyse(measurements)
    assert found.ordered_heads == ()
    assert found.clear <= max(len(found.made_from) // 4, 1)  # a short source sentence may have twice its even share by chance
    assert found.clear or "so it does not say which sentences the output was made from" in cross_attention.find(found)
    assert found.source_tokens == len(measurements["token_ids"])


def test_scores_are_those_of_scipy_and_of_the_published_formula() -> None:
    p = random_cross(3, sharpness=2.0)
    scores = {score.key: score for score in cross_attention.analyse(made_up_pair(p)).scores}
    inside = p[1, 7, output_members() >= 0]
    out, into = stats.entropy(inside, axis=1).mean(), stats.entropy(inside, axis=0).mean()
    deviation = np.mean([np.log(1 + (1 - inside[:, token].sum()) ** 2) for token in range(KEYS)])
    assert scores["alignment_entropy"].values[1, 7] == pytest.approx(out, rel=1e-5)
    assert scores["absentmindedness_in"].values[1, 7] == pytest.approx(into, rel=1e-5)
    assert scores["relative_alignment_entropy"].values[1, 7] == pytest.approx(out / np.log(KEYS), rel=1e-5)
    assert scores["alignment_confidence"].values[1, 7] == pytest.approx(np.exp(-0.05 * (deviation + into + out) ** 2), rel=1e-5)
    assert scores["alignment_tau"].values[1, 7] == pytest.approx(stats.kendalltau(np.arange(QUERIES), inside.argmax(1)).statistic, rel=1e-5)
    mean = p[1, :, output_members() >= 0].mean(1)
    assert scores["alignment_entropy"].mean_heads[1] == pytest.approx(stats.entropy(mean, axis=1).mean(), rel=1e-5)
    assert scores["alignment_confidence"].values.shape == (CROSS_LAYERS, CROSS_HEADS)


def test_what_even_attention_gives_is_what_even_weights_give() -> None:
    measured = {score.key: score for score in cross_attention.analyse(made_up_pair(random_cross(sharpness=0.0))).scores}
    for key, score in measured.items():
        if key not in ("alignment_tau", "monotonicity"):  # equal weights have no greatest
            np.testing.assert_allclose(score.values, score.even, rtol=1e-5, atol=1e-6, err_msg=key)


def test_a_random_order_has_the_tau_and_the_steps_forward_that_are_said() -> None:
    chosen = np.random.default_rng(0).integers(0, KEYS, (4000, QUERIES))
    assert (np.diff(chosen, axis=1) >= 0).mean() == pytest.approx(even_scores(QUERIES, KEYS)["monotonicity"], abs=0.01)
    assert np.mean([stats.kendalltau(np.arange(QUERIES), row).statistic for row in chosen[:500]]) == pytest.approx(0, abs=0.02)


def test_heads_in_order_are_those_that_chance_would_not_give() -> None:
    tau = np.array([[0.99, 0.49, 0.5], [-0.9, np.nan, 0.51]])
    assert find_ordered(tau, 1000) == ("0.0", "0.2", "1.2")
    assert find_ordered(tau, 9) == ("0.0",)
    assert find_ordered(tau, 1) == ()


def test_the_chance_of_a_tau_is_that_of_scipy() -> None:
    """Of 13 tokens without ties in an order whose p is near the threshold: the normal approximation is scipy's asymptotic one."""
    order = [0, 3, 1, 4, 2, 7, 5, 6, 10, 8, 9, 12, 11]
    found = stats.kendalltau(range(13), order, alternative="greater", method="asymptotic")
    for heads in (1, int(0.05 / found.pvalue), int(0.05 / found.pvalue) + 2):
        tau = np.full((1, heads), found.statistic)
        assert bool(find_ordered(tau, 13)) == (found.pvalue * heads < 0.05)


def test_the_order_of_sentences_is_kendalls_tau_of_those_that_are_clear() -> None:
    chosen, clear = [2, 0, 3, 4, 1], [True, True, False, True, True]
    made_from = tuple(
        cross_attention.MadeFrom(
            sentence=output, text="", clear=is_clear, outside=0.0, sources=(cross_attention.Source(sentence=source, text="", share=1.0, lift=3.0),)
        )
        for output, (source, is_clear) in enumerate(zip(chosen, clear, strict=True))
    )
    found = stats.kendalltau([0, 1, 3, 4], [2, 0, 4, 1])
    assert cross_attention._order(made_from) == (pytest.approx(found.statistic), pytest.approx(found.pvalue))
    assert cross_attention._order(made_from[:4]) == (None, None)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), sharpness=st.floats(0, 5))
def test_shares_sum_to_one_and_scores_keep_their_bounds(seed: int, sharpness: float) -> None:
    found = cross_attention.analyse(made_up_pair(random_cross(seed, sharpness=sharpness)))
    np.testing.assert_allclose(found.attention.sum(1) + [output.outside for output in found.made_from], 1, rtol=1e-5)
    for score in found.scores:
        if score.unit.startswith("share") or score.key == "alignment_confidence":
            assert ((score.values > -1e-6) & (score.values < 1 + 1e-6)).all()
    for output in found.made_from:
        assert all(source.lift > 1 for source in output.sources)


def test_the_maps_have_a_cell_for_each_pair_and_each_head() -> None:
    charts = cross_attention.draw(result := cross_attention.analyse(made_up_pair(BY_HAND)))
    shares, lifts = rows_of(charts["alignment"])
    assert len(shares) == len(lifts) == result.attention.size
    assert {"output": "1", "source": "4", "value": 0.7} in shares
    assert [len(rows) for rows in rows_of(charts["heads"])] == [CROSS_LAYERS * CROSS_HEADS] * 4
    for spec in charts.values():
        assert_drawable(spec)
        assert spec["description"]


def test_many_sentences_are_drawn_as_means_of_groups() -> None:
    values = np.random.default_rng(0).random((61, 1000))
    small = pooled(values)
    starts = group_starts(1000, 40)
    assert small.shape == (21, 40)
    assert small[20, 3] == pytest.approx(values[60:, starts[3] : starts[4]].mean())
    assert small[4, 39] == pytest.approx(values[12:15, starts[39] :].mean())
    assert_valid(draw_alignment(values, values, "made up"))


def test_only_encoder_decoders_have_the_section_and_others_say_nothing_of_it() -> None:
    report = build_report(made_up())
    assert "cross_attention" not in [section.name for section in report.sections]
    assert not [notice for notice in report.notices if "output" in notice]
    assert "cross_attention" in [section.name for section in build_report(made_up_pair()).sections]


def test_the_matrix_of_an_encoder_decoder_is_still_its_encoders() -> None:
    (matrix,) = [section.result for section in build_report(made_up_pair()).sections if section.name == "sentence_matrix"]
    assert (matrix.stack, matrix.attention[0].shape) == ("encoder", (5, 5))


def test_expectations_by_layer_are_averaged() -> None:
    whole = made_up_pair()["cross.sentence_expected"]
    by_layer = np.stack([whole * np.float32(0.5), whole * np.float32(1.5)])
    found = cross_attention.analyse(made_up_pair(replaced={"cross.sentence_expected": by_layer}))
    np.testing.assert_allclose(found.expected, whole, rtol=1e-6)


def links_of(rows: list[list[tuple[int, float]]]) -> np.ndarray:
    """Token links as they are stored, eight to a token."""
    found = np.zeros((len(rows), 8), TOKEN_LINK)
    found["key"] = -1
    for query, links in enumerate(rows):
        for rank, link in enumerate(links):
            found[query, rank] = link
    return found


def test_output_tokens_name_what_they_look_at_in_either_text() -> None:
    cross = links_of([[(0, 0.5)], [(5, 0.5), (3, 0.25), (22, 0.125), (1, 0.0625)], *[[(2, 0.75)]] * 15])
    own = links_of([[(0, 1.0)], [(0, 0.5), (1, 0.25)], *[[(1, 0.5), (0, 0.125)]] * 15])
    measured = made_up_pair(replaced={"cross.token_links": cross, "decoder.token_links": own})
    result = cross_attention.analyse(measured)
    start, first = result.tokens[:2]
    assert len(result.tokens) == result.printed_tokens == 17
    assert (start.token, start.sentence) == ("added token 0", None)
    assert (first.token, first.sentence) == ("Birch and delta were seen.", 0)
    texts, members = token_texts(measured), measured["token_sentences"].tolist()
    assert [(looked.token, looked.sentence, looked.weight) for looked in first.source] == [
        (texts[key], members[key] if members[key] >= 0 else None, weight) for key, weight in ((5, 0.5), (3, 0.25), (22, 0.125))
    ]
    assert [(looked.token, looked.sentence) for looked in first.before] == [("added token 0", None), ("Birch and delta were seen.", 0)]
    page = render_report(build_report(measured), lambda specs: {})
    assert "What each token of the output looks at" in page
    assert "All 17 tokens that the decoder read" in page


def test_without_links_of_tokens_there_is_no_view_of_them_and_more_than_fit_are_counted() -> None:
    bare = cross_attention.analyse(made_up_pair())
    assert bare.tokens == ()
    assert cross_attention.notices(bare) == ()
    tokens = (OutputToken(token="a", sentence=0, source=(), before=()),) * 241
    (notice,) = cross_attention.notices(replace(bare, tokens=tokens, printed_tokens=240))
    assert notice.startswith("Of 241 output tokens the page lists the first 240")

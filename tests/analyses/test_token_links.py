"""Links of tokens against the whole attention array, places of tokens against the text, and what stands behind links of sentences."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import SENTENCES, TOKENS, Sizes, attention, made_up
from made_up_tokens import every_link, greatest_weight, query_key_arrays, with_neurons
from test_windowed_measurements import TOKENS_OF_WINDOW, in_windows

from reportgen.analyses import token_links
from reportgen.analyses.token_level.places import InContext, Sink, find_sinks, token_places
from reportgen.characters import clean_text
from reportgen.errors import MeasurementsError
from reportgen.measurements import TOKEN_LINK, Measurements
from reportgen.wording import significant

SIZES = Sizes()
P = attention(SIZES)
MEMBERS = made_up()["token_sentences"]


def with_text(text: str, spans: list[tuple[int, int]], sentences: list[tuple[int, int]], members: list[int]) -> Measurements:
    """Made-up measurements whose text and tokens are these."""
    whole = made_up(sizes=Sizes(sentences=len(sentences), tokens=len(spans)))
    replaced = {"sentence_spans": sentences, "token_spans": spans, "token_sentences": members, "sentence_blocks": [0] * len(sentences)}
    arrays = dict(whole.arrays) | {name: np.array(values, np.int32) for name, values in replaced.items()}
    return Measurements(arrays=arrays, metadata=whole.metadata, text=text)


def in_browser(text: str, start: int, end: int) -> str:
    """What a browser's string of the text gives between two of its UTF-16 units."""
    return text.encode("utf-16-le")[2 * start : 2 * end].decode("utf-16-le")


def test_the_links_are_the_strongest_of_the_mean_over_layers_and_heads() -> None:
    result, mean = token_links.analyse(made_up()), P.mean((0, 1))
    for query in range(TOKENS):
        seen = min(query + 1, 8)
        assert sorted(result.keys[query, :seen].tolist()) == sorted(np.argsort(-mean[query])[:seen].tolist())
        np.testing.assert_allclose(result.weights[query, :seen], np.sort(mean[query])[::-1][:seen], rtol=1e-5)
        assert (result.keys[query, seen:] == -1).all()


def test_the_share_kept_and_that_of_the_first_token_are_means_over_tokens_in_sentences() -> None:
    result, mean = token_links.analyse(made_up()), P.mean((0, 1))
    looking = [token for token in range(1, TOKENS) if MEMBERS[token] >= 0]
    assert result.kept == pytest.approx(np.mean([np.sort(mean[token])[-8:].sum() for token in looking]), rel=1e-5)
    kept = [mean[token, 0] if mean[token, 0] >= np.sort(mean[token])[-8:].min() else 0 for token in looking]
    assert result.first == pytest.approx(np.mean(kept), rel=1e-5)


def test_the_opening_links_are_those_from_the_looking_sentence_to_the_one_looked_at() -> None:
    result, mean = token_links.analyse(made_up()), P.mean((0, 1))
    query, key = result.opening
    kept = [(mean[q, k], q, k) for q in np.flatnonzero(query == MEMBERS) for k in np.argsort(-mean[q])[:8] if MEMBERS[k] == key and mean[q, k] > 0]
    expected = sorted(kept, key=lambda link: -link[0])[:8]
    assert [link.weight for link in result.opening_links] == pytest.approx([weight for weight, *_ in expected], rel=1e-5)
    texts = [clean_text(made_up().text[slice(*made_up()["token_spans"][q])]).strip() for _, q, _ in expected]
    assert [link.query.token for link in result.opening_links] == texts


def test_behind_each_link_stands_the_greatest_weight_of_any_head() -> None:
    result = token_links.analyse(with_neurons())
    for link, place, weight in zip(result.behind.links.tolist(), result.behind.places.tolist(), result.behind.weights.tolist(), strict=True):
        assert tuple(place) == greatest_weight(P, MEMBERS, *link)
        if link[1] == 0:
            assert np.isnan(weight)
        else:
            assert weight == pytest.approx(P[tuple(place)], rel=1e-5)
            assert weight == pytest.approx(P[:, :, link[0] == MEMBERS][..., link[1] == MEMBERS].max(), rel=1e-5)


def test_a_score_is_the_sum_of_the_products_and_dimensions_a_head_lacks_do_not_count() -> None:
    arrays = query_key_arrays(SIZES, every_link(SENTENCES))
    arrays["decoder.query_key"][2, :, -3:] = np.nan
    result = token_links.analyse(made_up(replaced=arrays))
    query, key = result.behind.vectors.astype(float).transpose(1, 0, 2)
    np.testing.assert_allclose(result.behind.scores, np.nansum(query * key, axis=1), rtol=1e-5, atol=1e-6)
    assert np.isfinite(result.behind.scores).all()


def test_the_list_has_the_strongest_links_by_lift_that_are_known() -> None:
    result = token_links.analyse(with_neurons())
    lift = made_up()["*.sentence_attention"].mean((0, 1)) / np.maximum(made_up()["*.sentence_expected"], 1e-9)
    content = [(query, key) for query, key in every_link(SENTENCES) if 0 < key < query]
    ranked = sorted(content, key=lambda link: -lift[link])
    assert [(link.query, link.key) for link in result.listed] == ranked
    layer, head, query, key = greatest_weight(P, MEMBERS, *ranked[0])
    assert result.listed[0].head == f"{layer}.{head}"
    assert result.listed[0].weight == pytest.approx(P[layer, head, query, key], rel=1e-5)
    assert result.listed[0].query_token.token == result.texts[query]
    assert result.listed[0].key_token.token == result.texts[key]


def test_heads_look_at_tokens_of_other_sentences_or_are_left_out() -> None:
    strongest = np.full((3, 7, 5), -1, np.int32)
    strongest[1, 2, 3] = 4  # of sentence 1, from sentence 3
    strongest[0, 5, 1] = 5  # of sentence 1, from itself
    strongest[2, 6, 4] = 8  # the break, of no sentence
    heads = token_links.analyse(made_up(replaced={"decoder.strongest_key": strongest})).heads
    assert np.argwhere(heads >= 0).tolist() == [[1, 2, 3]]
    assert heads[1, 2, 3] == 4


def test_what_was_not_measured_is_absent() -> None:
    result = token_links.analyse(made_up(leave_out=["decoder.strongest_key", "decoder.token_influence"]))
    assert result.heads is None
    assert result.behind is None
    assert result.listed == ()
    assert [sink.kind for sink in result.sinks] == ["first"]
    assert "Behind" not in token_links.find(result)


def test_a_link_of_windows_is_that_of_the_first_window_that_read_both_in_the_documents_tokens() -> None:
    replaced = {}
    for index, pairs in enumerate(([(2, 3, 10, 5), (0, 1, 12, 9)], [(1, 4, 2, 0), (2, 6, 8, 1)])):  # tokens of the window
        vectors = np.full((2, 3, 7), index + 1, np.float32)
        replaced |= {f"window{index}/decoder.query_key": vectors, f"window{index}/decoder.query_key_pairs": np.array(pairs, np.int32)}
    result = token_links.analyse(in_windows(replaced))
    starts = [tokens.start for tokens in TOKENS_OF_WINDOW]
    assert result.behind.links.tolist() == [[2, 1], [2, 2], [3, 2]]
    assert result.behind.places.tolist() == [[2, 3, 10, 5], [0, 1, 12, 9], [2, 6, 8 + starts[1], 1 + starts[1]]]
    assert result.behind.scores.tolist() == [7, 7, 14]
    isa = made_up()["*.isa_by_layer"]
    assert result.behind.weights[:2] == pytest.approx([isa[2, 2, 1], isa[0, 2, 2]])
    assert np.isnan(result.behind.weights[2])  # the second window's first token is of sentence 2


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.text(st.characters(), min_size=1, max_size=4) | st.sampled_from(["\r\n", "\r", "\n", "🧿", "\ud83d", "\x00a", "e\u0301"]), min_size=2),
        min_size=1,
        max_size=4,
    )
)
def test_a_token_is_found_in_the_clean_text_of_its_sentence(pieces: list[list[str]]) -> None:
    spans, members, sentences, text = [], [], [], ""
    for sentence, parts in enumerate(pieces):
        begin = len(text)
        for part in parts:
            spans.append((len(text), len(text) + len(part)))
            members.append(sentence)
            text += part
        sentences.append((begin, len(text)))
        text += " "
    places = token_places(with_text(text, spans, sentences, members))
    for token, (start, end) in enumerate(spans):
        first, last = sentences[members[token]]
        before, upto = (clean_text(text[first:edge]) for edge in (start, end))
        shown = in_browser(clean_text(text[first:last]), places.starts[token], places.ends[token])
        if text[max(start - 1, 0) : start + 1] != "\r\n":
            assert shown == upto.removeprefix(before)
        else:
            assert places.starts[token] == len(before.encode("utf-16-le")) // 2


def test_tokens_that_share_a_character_stand_for_the_whole_of_it_and_spaces_outside_the_sentence_are_cut() -> None:
    places = token_places(with_text("🧿🧿 a b", [(0, 1), (0, 2), (1, 2), (2, 4), (4, 6)], [(0, 4), (5, 6)], [0, 0, 0, 0, 1]))
    assert list(zip(places.starts.tolist(), places.ends.tolist(), strict=True)) == [(0, 2), (0, 4), (2, 4), (4, 6), (0, 1)]


def test_sinks_are_named_by_their_kind() -> None:
    spans = [(0, 0), (0, 3), (4, 7), (8, 11), (11, 11)]
    measurements = with_text("one two six", spans, [(0, 7), (8, 11)], [-1, 0, 0, 1, -1])
    collected = np.full((3, 5), 0.5, np.float32)
    collected[0, 0], collected[1:, 2] = 60, 60
    arrays = dict(measurements.arrays) | {"decoder.token_influence_total": collected}
    found = find_sinks(Measurements(arrays=arrays, metadata=measurements.metadata, text=measurements.text))
    assert found == (Sink(token=0, kind="added", layer=0), Sink(token=2, kind="collects", layer=1), Sink(token=4, kind="added", layer=None))


def test_a_token_stands_in_its_context() -> None:
    measurements = made_up()
    link = token_links.analyse(measurements).opening_links[0]
    for place in (link.query, link.key):
        assert place.before.removeprefix("…") + place.token + place.after.removesuffix("…") in measurements.text
    assert token_links.in_context(measurements, 8, "↵↵") == InContext(before="", token="↵↵", after="")


def test_the_finding_names_the_link_the_head_and_the_two_tokens() -> None:
    result = token_links.analyse(with_neurons())
    first = result.listed[0]
    said = token_links.find(result)
    assert (
        f"from sentence {first.query + 1} to sentence {first.key + 1}, stands a single weight of {significant(first.weight)}, which head {first.head} gives"
        in said
    )
    assert f"“{first.key_token.token}” at “{first.query_token.token}”" in said
    count = max(np.unique(result.behind.places[:, :2], axis=0, return_counts=True)[1])
    assert result.leading[1:] == (count, len(every_link(SENTENCES)))
    assert re.search(rf"no head stands behind more of the 15 links shown than \d\.\d \({count}\)", said)


def test_a_small_weight_is_not_rounded_to_nothing() -> None:
    result = token_links.analyse(with_neurons())
    small = replace(result, listed=(replace(result.listed[0], weight=0.00412),), first=0.00034)
    assert "a single weight of 0.00412, which" in token_links.find(small)
    assert "the first token alone 0.034\N{NARROW NO-BREAK SPACE}%." in token_links.find(small)


def test_a_weight_that_is_not_known_is_not_given_as_a_number() -> None:
    result = token_links.analyse(with_neurons())
    unknown = replace(result, listed=(replace(result.listed[0], weight=None),))
    assert "stands the greatest single weight, which head" in token_links.find(unknown)
    assert "nan" not in token_links.find(unknown)


def test_one_token_has_no_links_to_speak_of() -> None:
    result = replace(token_links.analyse(made_up()), kept=np.nan, first=np.nan)
    assert token_links.find(result) == "There is only one token, and so no link between tokens."


def test_of_many_tokens_fewer_links_are_kept_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert token_links.notices(token_links.analyse(made_up())) == ()
    monkeypatch.setattr(token_links, "KEPT_AT_MOST", 3 * TOKENS + 1)
    result = token_links.analyse(made_up())
    assert result.keys.shape == result.weights.shape == (TOKENS, 3)
    assert token_links.notices(result) == ("This page has the 3 strongest links of each token, because there are 23; the measurements file has 8.",)


def links_to(token: int) -> np.ndarray:
    links = np.zeros((TOKENS, 8), TOKEN_LINK)
    links["key"][3, 0] = token
    return links


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("token_links", links_to(TOKENS), "are not among its 23"),
        ("token_links", links_to(-2), "are not among its 23"),
        ("strongest_key", np.full((3, 7, 5), TOKENS, np.int32), "are not among its 23"),
        ("query_key_pairs", np.array([[3, 0, 4, 1]] * 15, np.int32), "not of its 3 layers of 7 heads"),
        ("query_key_pairs", np.array([[0, 0, 8, 1]] * 15, np.int32), "or not of sentences"),
    ],
)
def test_links_that_lead_nowhere_are_refused(name: str, values: np.ndarray, message: str) -> None:
    arrays = query_key_arrays(SIZES, every_link(SENTENCES)) | {f"decoder.{name}": values}
    with pytest.raises(MeasurementsError, match=message):
        token_links.analyse(made_up(replaced=arrays))


def test_nothing_is_drawn_as_a_chart() -> None:
    assert token_links.draw(token_links.analyse(made_up())) == {}

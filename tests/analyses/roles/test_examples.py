"""Examples: the tokens that were measured are marked, the sentences are the right ones."""

from __future__ import annotations

import numpy as np
import pytest
from analyses.roles.attention import by_distance, measured, renewed, texts_of, themes_of
from made_up import Sizes, made_up

from reportgen.analyses import head_roles
from reportgen.analyses.roles.examples import Example

SIZES = Sizes(layers=2, heads=3, sentences=7, tokens=59)


def marked(example: Example) -> tuple[list[str], list[str]]:
    return tuple([piece.text for piece in pieces if piece.marked] for pieces in (example.query_text, example.key_text))


def whole(example: Example) -> tuple[str, str]:
    return tuple("".join(piece.text for piece in pieces) for pieces in (example.query_text, example.key_text))


def test_tokens_that_were_measured_are_marked_in_their_sentences() -> None:
    probe = np.zeros((2, 3), np.float32)
    probe[1, 2] = 0.9
    pairs = np.full((2, 3, 2), -1, np.int32)
    pairs[1, 2] = (50, 20)
    measurements = made_up(sizes=SIZES, replaced={"decoder.probe_duplicate_token": probe, "decoder.duplicate_token_example": pairs})
    (example,) = [example for example in head_roles.analyse(measurements).examples if (example.role, example.head) == ("duplicate-token", "1.2")]
    members, spans = measurements["token_sentences"], measurements["token_spans"]
    assert (example.query, example.key) == (members[50], members[20])
    assert marked(example) == tuple([measurements.text[slice(*spans[token])]] for token in (50, 20))
    assert whole(example) == (measurements.sentences[example.query], measurements.sentences[example.key])
    assert example.share == pytest.approx(float(measurements["*.sentence_attention"][1, 2, example.query, example.key]))


def test_in_one_sentence_both_tokens_are_marked() -> None:
    probe, pairs = np.full((2, 3), 0.9, np.float32), np.full((2, 3, 2), -1, np.int32)
    pairs[:] = (12, 11)
    measurements = made_up(sizes=SIZES, replaced={"decoder.probe_previous_token": probe, "decoder.previous_token_example": pairs})
    example = next(example for example in head_roles.analyse(measurements).examples if example.role == "previous-token")
    assert example.query == example.key
    assert example.query_text == example.key_text
    assert len(marked(example)[0]) == 2


def test_a_head_that_never_had_occasion_has_no_example() -> None:
    nothing = np.full((2, 3, 2), -1, np.int32)
    replaced = {"decoder.probe_induction": np.full((2, 3), 0.9, np.float32), "decoder.induction_example": nothing}
    assert "induction" not in {example.role for example in head_roles.analyse(made_up(sizes=SIZES, replaced=replaced)).examples}


def test_a_local_head_shows_the_key_that_it_looks_at_most() -> None:
    high = np.full((2, 3), 0.95, np.float32)
    replaced = {f"decoder.locality{suffix}": high for suffix in ("", "_without_sink")}
    replaced["decoder.strongest_key"] = np.full((2, 3, 7), 30, np.int32)
    measurements = made_up(sizes=SIZES, replaced=replaced, leave_out=["decoder.locality_by", "decoder.locality_without_sink_by"])
    example = next(example for example in head_roles.analyse(measurements).examples if example.role == "local")
    assert example.key == measurements["token_sentences"][30]
    assert marked(example)[1] == [measurements.text[slice(*measurements["token_spans"][30])]]


def test_a_sink_head_shows_the_later_sentence_that_rests_most_on_the_first_token() -> None:
    shares = np.full((2, 3, 7), 0.9, np.float16)
    shares[..., 4], shares[..., 0] = 0.96, 1.0
    replaced = {"decoder.first_token": np.full((2, 3), 0.9, np.float32), "decoder.first_token_by_sentence": shares}
    measurements = made_up(sizes=SIZES, replaced=replaced)
    example = next(example for example in head_roles.analyse(measurements).examples if example.role == "sink")
    assert (example.query, example.key) == (4, 0)
    assert marked(example) == ([], [measurements.text[slice(*measurements["token_spans"][0])]])


def test_a_sink_head_has_no_example_where_the_first_token_is_in_no_sentence() -> None:
    first = made_up(sizes=SIZES)["token_sentences"].copy()
    first[0] = -1
    replaced = {"decoder.first_token": np.full((2, 3), 0.9, np.float32), "token_sentences": first}
    assert "sink" not in {example.role for example in head_roles.analyse(made_up(sizes=SIZES, replaced=replaced)).examples}


def test_a_broad_head_shows_its_broadest_sentence_and_the_key_it_looks_at_most_nevertheless() -> None:
    replaced = {f"decoder.relative_entropy{suffix}": np.full((2, 3), 0.99, np.float32) for suffix in ("", "_without_sink")}
    by_sentence = np.full((2, 3, 7), 0.97, np.float16)
    by_sentence[..., 5] = 0.995
    replaced |= {f"decoder.relative_entropy{suffix}_by_sentence": by_sentence for suffix in ("", "_without_sink")}
    replaced["decoder.strongest_key"] = np.full((2, 3, 7), 20, np.int32)
    measurements = made_up(sizes=SIZES, replaced=replaced)
    example = next(example for example in head_roles.analyse(measurements).examples if example.role == "broad")
    assert (example.query, example.key) == (5, measurements["token_sentences"][20])


def test_a_thematic_head_shows_two_sentences_with_their_shared_words_marked() -> None:
    themes = themes_of()
    shares = renewed(by_distance(), (1, 2), np.exp(np.equal.outer(themes, themes)))
    measurements = measured(shares, texts_of(themes))
    example = next(example for example in head_roles.analyse(measurements).examples if example.role == "thematic")
    assert example.head == "1.2"
    assert themes[example.query] == themes[example.key]
    assert example.query - example.key >= 4
    query, key = ({word.lower() for word in words} for words in marked(example))
    assert query == key
    assert query

"""A pair of sentences and a head as a reader names them, and what the file says of them."""

from __future__ import annotations

import numpy as np
import pytest
from made_up import HEADS, LAYERS, made_up
from test_windowed_measurements import in_windows

from reportgen.errors import SelectionError
from reportgen.sentence_pair import find_pair, parse_head, parse_pair, stacks_of


def test_sentences_are_named_from_one_and_heads_from_nought() -> None:
    assert parse_pair("12,3") == (11, 2)
    assert parse_pair(" 1 , 1 ") == (0, 0)
    assert parse_head("18.6") == (18, 6)
    assert parse_head("0.0") == (0, 0)
    assert parse_head("mean") == "mean"


@pytest.mark.parametrize("words", ["", "12", "12,3,4", "0,3", "3,0", "-1,2", "12;3", "a,b", "1.5,2", "12,3\n4", "1,9999999999"])
def test_what_names_no_pair_is_refused(words: str) -> None:
    with pytest.raises(SelectionError, match="is no pair of sentences: give two numbers such as 12,3"):
        parse_pair(words)


@pytest.mark.parametrize("words", ["", "18", "18.", ".6", "18.6.1", "-1.2", "18,6", "all", "18.mean"])
def test_what_names_no_head_is_refused(words: str) -> None:
    with pytest.raises(SelectionError, match="is no head: give layer.head such as 18.6"):
        parse_head(words)


def test_a_pair_has_its_tokens_words_and_mass() -> None:
    measurements = made_up()
    pair = find_pair(measurements, (3, 1), (2, 4))
    assert (pair.stack, pair.window, pair.target, pair.kind) == ("decoder", None, None, "float32")
    assert pair.queries.tokens_of(3).tolist() == [13, 14, 15, 16, 17, 18, 19]
    assert pair.keys.words(pair.keys.tokens_of(1)) == ("Delta", "ember", "fjord", "grove", "heath.")
    assert pair.mass == pytest.approx(float(measurements["*.sentence_attention"][2, 4, 3, 1]))
    assert pair.wanted_layers == (2,)
    assert find_pair(measurements, (3, 1), "mean").wanted_layers == (0, 1, 2)
    assert find_pair(measurements, (3, 1), "mean").mass == pytest.approx(float(measurements["*.sentence_attention"][:, :, 3, 1].mean()), rel=1e-6)
    assert stacks_of(measurements) == {"decoder": (LAYERS, HEADS)}


def test_a_pair_of_windows_is_that_of_the_first_window_that_holds_both() -> None:
    measurements = in_windows()
    for (query, key), window, tokens in (((2, 0), 0, [9, 10, 11, 12]), ((2, 2), 0, [9, 10, 11, 12]), ((3, 2), 1, [4, 5, 6, 7, 8, 9, 10])):
        pair = find_pair(measurements, (query, key), (0, 0))
        assert pair.window == window
        assert pair.queries.tokens_of(query).tolist() == tokens
    with pytest.raises(SelectionError, match="Sentences 5 and 1 were never read together: none of the 2 windows holds both"):
        find_pair(measurements, (4, 0), (0, 0))


def test_a_mask_that_hides_a_sentence_in_some_layers_is_named_by_layer() -> None:
    expected = np.stack([made_up()["*.sentence_expected"]] * LAYERS)
    expected[1, 4, 0] = 0
    measurements = made_up(replaced={"decoder.sentence_expected": expected})
    with pytest.raises(SelectionError, match="the mask of layer 1 of the decoder hides all of it"):
        find_pair(measurements, (4, 0), (1, 0))
    assert find_pair(measurements, (4, 0), (2, 0)).mass > 0
    with pytest.raises(SelectionError, match="Sentence 1 cannot look at sentence 5: the decoder's mask hides all of it"):
        find_pair(measurements, (0, 4), "mean")

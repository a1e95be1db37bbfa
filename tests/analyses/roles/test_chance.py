"""Chance levels against even attention written out, token by token."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_up import Sizes, made_up

from reportgen.analyses.roles.chance import chance_levels, earlier_copies, offset_chance
from reportgen.measurements import Measurements


def hits(measurements: Measurements) -> dict[str, np.ndarray]:
    """By score, which keys count of each query: query x key."""
    ids, members = measurements["token_ids"], measurements["token_sentences"]
    apart = np.subtract.outer(np.arange(len(ids)), np.arange(len(ids)))
    same = np.tril(np.equal.outer(ids, ids), -1)
    texts = [measurements.text[start:end].strip() for start, end in measurements["token_spans"]]
    punctuation = np.array([bool(text) and not any(letter.isalnum() for letter in text) for text in texts])
    punctuation = measurements["token_delimiters"] == 1 if "token_delimiters" in measurements else punctuation
    return {
        "first_token": np.arange(len(ids))[None] == 0 * apart,
        "previous_token": apart == 1,
        "locality": np.abs(apart) <= 3,
        "within_sentence": np.equal.outer(members, members),
        "delimiter": np.broadcast_to(punctuation, apart.shape),
        "duplicate_token": same,
        "induction": np.pad(same, ((0, 0), (1, 0)))[:, :-1],
    }


def even(measurements: Measurements, name: str, without_first: bool) -> float:
    members, chosen = measurements["token_sentences"], hits(measurements)[name]
    seen = np.tri(len(members))
    if without_first:
        seen[:, 0] = 0
    counted = (members >= 0) & (seen.sum(1) > 0)
    if name in ("duplicate_token", "induction"):
        counted &= hits(measurements)["duplicate_token"].any(1)
    if name in ("previous_token", "first_token"):
        counted[0] = False
    return float(((chosen * seen).sum(1) / np.maximum(seen.sum(1), 1))[counted].mean())


@pytest.mark.parametrize("name", ["previous_token", "locality", "within_sentence", "delimiter", "duplicate_token", "induction"])
@pytest.mark.parametrize("without_first", [False, True], ids=["all keys", "without the first"])
def test_levels_are_those_of_even_attention_written_out(name: str, without_first: bool) -> None:
    measurements = made_up(sizes=Sizes(sentences=5, tokens=41))
    assert chance_levels(measurements)[name][without_first] == pytest.approx(even(measurements, name, without_first), rel=1e-6)


@pytest.mark.parametrize("without_first", [False, True], ids=["all keys", "without the first"])
def test_delimiters_are_those_that_were_counted_where_the_file_says_which(without_first: bool) -> None:
    measurements = made_up(sizes=Sizes(sentences=5, tokens=41))
    marked = (np.arange(41) % 7 == 3).astype(np.int32)
    measurements = replace(measurements, arrays={**measurements.arrays, "token_delimiters": marked})
    assert chance_levels(measurements)["delimiter"][without_first] == pytest.approx(even(measurements, "delimiter", without_first), rel=1e-6)


def test_white_space_is_no_delimiter_where_the_file_does_not_say() -> None:
    plain = made_up()
    spans = plain["token_spans"].copy()
    spans[2] = [spans[1, 1], spans[1, 1] + 1]  # the space after the second token
    assert plain.text[slice(*spans[2])] == " "
    assert chance_levels(replace(plain, arrays={**plain.arrays, "token_spans": spans}))["delimiter"] == chance_levels(plain)["delimiter"]


def test_the_first_token_gets_what_even_attention_gives_it() -> None:
    measurements = made_up()
    assert chance_levels(measurements)["first_token"][0] == pytest.approx(even(measurements, "first_token", False))


def test_an_offset_gets_one_over_the_keys_seen() -> None:
    members = made_up()["token_sentences"]
    expected = np.mean([1 / (query + 1) for query in range(3, len(members)) if members[query] >= 0])
    assert offset_chance(made_up(), 3) == pytest.approx(expected)


def test_earlier_copies_are_counted_one_by_one() -> None:
    copies, of_first = earlier_copies(np.array([5, 2, 5, 7, 2, 5]))
    assert copies.tolist() == [0, 0, 1, 0, 1, 2]
    assert of_first.tolist() == [False, False, True, False, False, True]


def test_windows_have_no_level() -> None:
    uneven = np.array(made_up()["*.sentence_expected"])
    uneven[3, 1] *= 2
    assert chance_levels(made_up(replaced={"decoder.sentence_expected": uneven})) == {}

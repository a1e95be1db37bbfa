"""Which sentences of two versions belong together, and which stretches of one text are whole in both files."""

from __future__ import annotations

import numpy as np
from comparison.versions import EDITED, FIRST, SHUFFLED
from hypothesis import given, settings
from hypothesis import strategies as st

from reportgen.comparison.aligning import Match, align_spans, align_versions

TEXTS = st.lists(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=5).map(" ".join), max_size=6)


def kinds(found: tuple[Match, ...]) -> list[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    return [(match.kind, match.a, match.b) for match in found]


def test_an_edited_sentence_is_found_between_those_that_are_the_same() -> None:
    found = align_versions(FIRST, EDITED)
    assert kinds(found) == [(kind, (place,), (place,)) for place, kind in enumerate(["same", "same", "edited", "same", "same"])]
    assert found[2].likeness == 2 * 4 / 10


def test_sentences_are_moved_inserted_and_deleted() -> None:
    assert kinds(align_versions(FIRST, SHUFFLED)) == [
        ("same", (0,), (0,)),
        ("moved", (3,), (1,)),
        ("same", (1,), (2,)),
        ("inserted", (), (3,)),
        ("edited", (2,), (4,)),
        ("deleted", (4,), ()),
    ]


def test_a_sentence_becomes_two_and_two_become_one() -> None:
    whole = ("It rained.", "The shed needs two people every evening, and we never have enough of them.", "So it goes.")
    parts = ("It rained.", "The shed needs two people every evening.", "And we never have enough of them.", "So it goes.")
    assert kinds(align_versions(whole, parts))[1] == ("split", (1,), (1, 2))
    assert kinds(align_versions(parts, whole))[1] == ("joined", (1, 2), (1,))


def test_other_sentences_are_not_edits() -> None:
    assert kinds(align_versions(["One two three four."], ["Five six seven four."])) == [("deleted", (0,), ()), ("inserted", (), (0,))]
    assert kinds(align_versions(["One two three four."], ["Five six three four."])) == [("edited", (0,), (0,))]


@settings(deadline=None, max_examples=80)
@given(TEXTS, TEXTS)
def test_every_sentence_is_in_one_match_and_exchanged_texts_give_exchanged_matches(a: list[str], b: list[str]) -> None:
    found = align_versions(a, b)
    assert sorted(place for match in found for place in match.a) == list(range(len(a)))
    assert sorted(place for match in found for place in match.b) == list(range(len(b)))
    places = [match.b[0] for match in found if match.b]
    assert places == sorted(places)
    if a != b:
        turned = align_versions(b, a)
        assert sorted(kinds(tuple(match.turned for match in turned))) == sorted(kinds(found))
    else:
        assert {match.kind for match in found} <= {"same"}


def test_units_of_one_text_are_the_smallest_that_are_whole_in_both() -> None:
    a = np.array([[0, 5], [6, 9], [10, 20], [21, 30], [31, 35]])
    b = np.array([[0, 9], [10, 14], [15, 25], [26, 30]])
    assert kinds(align_spans(a, b)) == [("joined", (0, 1), (0,)), ("cut elsewhere", (2, 3), (1, 2, 3)), ("deleted", (4,), ())]
    assert kinds(align_spans(a, a)) == [("same", (place,), (place,)) for place in range(5)]

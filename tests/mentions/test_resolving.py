"""Mentions in English texts: which names are of one entity, and which of them a pronoun is given."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportgen.documents import document_from_text
from reportgen.documents.document import Piece, build_document
from reportgen.mentions import Mention, find_mentions
from reportgen.sentences import split_sentences


def entities(text: str) -> list[list[str]]:
    """The texts of the mentions of each entity, in order of its first."""
    document = document_from_text(text)
    found: dict[int, list[str]] = {}
    for mention in mentions(text):
        found.setdefault(mention.entity, []).append(document.text[mention.start : mention.end])
    return list(found.values())


def mentions(text: str) -> tuple[Mention, ...]:
    document = document_from_text(text)
    return find_mentions(document.text, split_sentences(document), [block.kind for block in document.blocks]).found


ASIDE = " We met Ann. We met Bob. We met Clara Dent. We met Jonas Lund. We met Dent."  # each name stands alone inside of a sentence once


def test_a_story_is_taken_apart_as_a_reader_would() -> None:
    text = (
        "Mr. Henry Marsh opened the letter at breakfast. Marsh read it twice, and then he handed it to Mrs. Marsh, who had been watching him. She put on her "
        'glasses. "It is from Clara Dent," she said. Clara had been their neighbour in Bristol before she moved to Norway. In Norway, Clara had married a '
        "captain called Jonas Lund. Lund had lost his ship in March, and the Lunds were coming home. They would need a house."
    )
    assert entities(text) == [
        ["Henry Marsh", "Marsh", "he", "him"],
        ["Marsh", "She", "her"],
        ["Clara Dent", "she", "Clara", "she", "Clara"],
        ["Bristol"],
        ["Norway", "Norway"],
        ["Jonas Lund", "Lund", "his"],
        ["Lunds", "They"],
    ]


def test_a_capital_at_the_start_of_a_sentence_is_no_name_by_itself() -> None:
    assert entities("Weather was bad. Weather stayed bad. It had been bad before.") == []
    assert entities("Trains were late. We saw the Trains of Ann. Ann saw trains. Trains, trains.")[0] == ["Ann", "Ann"]


def test_i_and_days_and_months_are_no_names() -> None:
    assert entities("Then I came. And I saw, on Monday, that I had won in May. On Monday, in May, I went.") == []


def test_an_adjective_is_no_name() -> None:
    assert entities("We like American cars. They like American films. Every American car is fine.") == []


def test_headings_and_titles_of_chapters_tell_nothing_and_code_and_tables_have_no_mentions() -> None:
    pieces = [
        Piece(kind="heading", text="The Long Way Home"),
        Piece(kind="paragraph", text="It was a long way home. The Home was far."),
        Piece(kind="code", text="class Ann: of Ann"),
        Piece(kind="table", text="Ann of Ann | by Ann"),
    ]
    document = build_document(pieces, title="x", source="x.md")
    assert find_mentions(document.text, split_sentences(document), [block.kind for block in document.blocks]).found == ()


def test_titles_keep_a_husband_and_a_wife_apart_and_are_no_part_of_the_name() -> None:
    found = entities("We saw Mr. Marsh, and then Mrs. Marsh, and then Mr. Marsh.")
    assert found == [["Marsh", "Marsh"], ["Marsh"]]


def test_a_shorter_name_is_of_the_last_entity_that_ends_with_it() -> None:
    assert entities("We met Clara Dent. We met Jonas Dent. We met Dent." + ASIDE)[1][:2] == ["Jonas Dent", "Dent"]


@pytest.mark.parametrize(
    ("text", "antecedent"),
    [
        ("We met Ann in Bob. She left." + ASIDE, "Ann"),
        ("We met Ann. We slept. We ate. She left." + ASIDE, None),
        ("The walls of the Ann. She left." + ASIDE, None),
        ("We met Jonas Lund. Of Ann, Mr. Lund was afraid. He left." + ASIDE, "Lund"),
        ("We met Ann. They left." + ASIDE, None),
        ("We met the Romans. They left. We met Romans." + ASIDE, "Romans"),
        ("We met Ann as itself." + ASIDE, "Ann"),
        ("We met Ann. It left." + ASIDE, None),
    ],
)
def test_a_pronoun_is_given_the_nearest_name_that_fits(text: str, antecedent: str | None) -> None:
    document, found = document_from_text(text), mentions(text)
    pronoun = next((mention for mention in found if mention.pronoun), None)
    before = [mention for mention in found if pronoun and mention.entity == pronoun.entity and mention.start < pronoun.start and not mention.pronoun]
    assert (document.text[before[-1].start : before[-1].end] if before else None) == antecedent


def test_a_person_that_was_she_is_not_he() -> None:
    found = entities("We met Ann. She left. He stayed." + ASIDE)
    assert found[0][:2] == ["Ann", "She"]
    assert not any("He" in one for one in found)


@given(st.text(alphabet="AbcHe she.,'\n-I ", max_size=80))
def test_any_text_has_mentions_in_order_that_do_not_overlap_and_entities_that_begin_with_a_name(text: str) -> None:
    sentence_text = "x" + text
    document = document_from_text(sentence_text)
    found = find_mentions(document.text, split_sentences(document), [block.kind for block in document.blocks]).found
    assert all(one.end <= other.start for one, other in itertools.pairwise(found))
    first: dict[int, Mention] = {}
    for mention in found:
        first.setdefault(mention.entity, mention)
    assert not any(mention.pronoun for mention in first.values())

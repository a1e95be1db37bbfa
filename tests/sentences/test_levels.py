"""Paragraphs and sections out of sentences: whole, in order, and cut where headings stand."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportgen.documents.document import Document, Piece, build_document
from reportgen.errors import DocumentError
from reportgen.sentences import split_sentences
from reportgen.sentences.levels import join_units, split_beside, split_units

KINDS = st.sampled_from(["heading", "paragraph", "list item", "code"])


def of_kinds(kinds: list[str]) -> Document:
    words = {"heading": "The gulls", "paragraph": "The ship left. Nobody waved.", "list item": "- a quay. Or two.", "code": "one\ntwo"}
    return build_document([Piece(kind=kind, text=words[kind]) for kind in kinds], title="Made up", source="made-up.md")


def texts(document: Document, level: str) -> list[str]:
    return [document.text[unit.start : unit.end] for unit in split_units(document, level)]


def test_a_paragraph_is_a_block() -> None:
    assert texts(of_kinds(["heading", "paragraph", "code"]), "paragraph") == ["The gulls", "The ship left. Nobody waved.", "one\ntwo"]


def test_a_section_is_a_heading_with_what_follows_and_headings_in_a_row_begin_one() -> None:
    document = of_kinds(["paragraph", "heading", "heading", "list item", "heading", "code"])
    assert texts(document, "section") == ["The ship left. Nobody waved.", "The gulls\n\nThe gulls\n\n- a quay. Or two.", "The gulls\n\none\ntwo"]
    assert [unit.block for unit in split_units(document, "section")] == [0, 1, 4]


def test_without_headings_there_are_no_sections_but_a_text_beside_is_one() -> None:
    document = of_kinds(["paragraph", "paragraph"])
    with pytest.raises(DocumentError, match="has no headings, and so no sections"):
        split_units(document, "section")
    (unit,) = split_beside(document, "section")
    assert (unit.start, unit.end) == (0, len(document.text))


@given(kinds=st.lists(KINDS, min_size=1, max_size=12), level=st.sampled_from(["sentence", "paragraph", "section"]))
def test_units_hold_all_sentences_in_order_and_break_none(kinds: list[str], level: str) -> None:
    document = of_kinds([*kinds, "heading"])
    sentences, units = split_sentences(document), split_units(document, level)
    assert all(unit.end <= other.start for unit, other in itertools.pairwise(units))
    assert all(sum(unit.start <= sentence.start and sentence.end <= unit.end for unit in units) == 1 for sentence in sentences)
    assert join_units(document, sentences, level) == units
    if level == "sentence":
        assert units == sentences

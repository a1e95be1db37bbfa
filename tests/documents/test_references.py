import hashlib

import pytest

from reportgen.documents import document_from_text, drop_references
from reportgen.documents.document import Document, Piece, build_document
from reportgen.errors import DocumentError


def made(*pieces):
    """A document of pieces given as (kind, text) or, for headings, (level, text)."""
    made_of = [Piece(kind="heading", text=text, level=kind) if isinstance(kind, int) else Piece(kind=kind, text=text) for kind, text in pieces]
    return build_document(made_of, title="A", source="a.pdf")


def left(document: Document) -> list[str]:
    return [document.text[block.start : block.end] for block in document.blocks]


def test_the_list_and_its_heading_are_left_out_up_to_the_next_section():
    document = made((1, "T"), ("paragraph", "a"), (2, "References"), ("list item", "[1] b"), ("list item", "[2] c"), (2, "A Proofs"), ("paragraph", "d"))
    assert left(drop_references(document)) == ["T", "a", "A Proofs", "d"]


def test_parts_of_the_list_go_with_it_and_floats_among_its_entries_stay():
    document = made((1, "T"), (2, "Bibliography"), (3, "Books"), ("paragraph", "b"), ("caption", "Table 1: c"), ("table", "d | e"), ("paragraph", "f"))
    assert left(drop_references(document)) == ["T", "Table 1: c", "d | e"]


@pytest.mark.parametrize(
    "heading",
    [
        "References",
        "REFERENCES",
        "7 References",
        "7. Literature",
        "VII. REFERENCES",
        "Works Cited",
        "Bibliography:",
        "Literaturverzeichnis",
        "Literature cited",
    ],
)
def test_a_list_is_known_by_its_heading(heading):
    assert left(drop_references(made((1, "T"), ("paragraph", "a"), (1, heading), ("paragraph", "b")))) == ["T", "a"]


@pytest.mark.parametrize("heading", ["References to earlier work", "Related literature", "Sources of error", "Notes"])
def test_a_section_that_only_sounds_like_a_list_stays(heading):
    document = made((1, "T"), (2, heading), ("paragraph", "b"))
    assert left(drop_references(document)) == ["T", heading, "b"]


def test_a_paragraph_that_says_references_is_no_heading():
    document = made((1, "T"), ("paragraph", "References"), ("paragraph", "b"))
    assert drop_references(document).text == document.text


def test_where_levels_are_unknown_the_next_heading_ends_the_list():
    text = "Introduction\n\nThis is a text of a sentence or two.\n\nReferences\n\nAbnar, S. (2020). A title of a paper.\n\nAppendix A\n\nMore of the text is here, and it goes on."
    assert left(drop_references(document_from_text(text))) == [
        "Introduction",
        "This is a text of a sentence or two.",
        "Appendix A",
        "More of the text is here, and it goes on.",
    ]


def test_all_lists_of_a_document_are_left_out_and_a_notice_says_how_much():
    document = made((1, "T"), (2, "References"), ("paragraph", "bcd"), (2, "More"), ("paragraph", "e"), (2, "Literature"), ("paragraph", "fg"))
    dropped = drop_references(document)
    assert left(dropped) == ["T", "More", "e"]
    assert dropped.notices == ("--drop references: 4 blocks with 25 characters were left out (from the heading 'References' and 'Literature' on).",)


def test_spans_text_and_hash_belong_together_again():
    dropped = drop_references(made((1, "T"), ("paragraph", "a"), (2, "References"), ("paragraph", "b"), (2, "C"), ("paragraph", "d")))
    assert dropped.text == "T\n\na\n\nC\n\nd"
    assert dropped.sha256 == hashlib.sha256(dropped.text.encode()).hexdigest()
    assert [block.level for block in dropped.blocks] == [1, 0, 2, 0]


def test_nothing_found_leaves_the_text_and_a_notice():
    document = made((1, "T"), ("paragraph", "a"))
    dropped = drop_references(document)
    assert dropped.text == document.text
    assert dropped.notices == ("--drop references: no heading such as References or Bibliography was found, so nothing was left out.",)


def test_a_document_of_nothing_but_references_is_refused():
    with pytest.raises(DocumentError, match="nothing else: measure it without --drop references"):
        drop_references(made((1, "References"), ("paragraph", "b")))

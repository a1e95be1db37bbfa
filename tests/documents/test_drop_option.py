"""The option --drop references, from the command line's values to the document."""

import pytest

from reportgen.asked import Asked, read_as_asked

TEXT = "Introduction\n\nThis is a text of a sentence or two.\n\nReferences\n\nAbnar, S. (2020). A title of a paper.\n"


@pytest.fixture
def file(tmp_path):
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    return str(tmp_path / "a.txt")


def test_references_are_left_out_of_the_document_and_not_of_the_second_text(file):
    texts = read_as_asked(file, Asked(reading={"drop": "references", "pair": file}))
    assert texts.document.text == "Introduction\n\nThis is a text of a sentence or two."
    assert "Abnar" in texts.second.text
    assert [notice[:18] for notice in texts.document.notices] == ["--drop references:"]


def test_without_the_option_they_stay(file):
    document = read_as_asked(file, Asked()).document
    assert "Abnar" in document.text
    assert document.notices == ()

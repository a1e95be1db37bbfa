"""The option --drop references, from the command line's values to the document."""

from pathlib import Path

import pytest

from reportgen.reading_options import OPTIONS, read_as_asked

ASKED = dict.fromkeys(OPTIONS)
TEXT = "Introduction\n\nThis is a text of a sentence or two.\n\nReferences\n\nAbnar, S. (2020). A title of a paper.\n"


@pytest.fixture
def file(tmp_path):
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    return str(tmp_path / "a.txt")


def test_references_are_left_out_of_the_document_and_not_of_the_second_text(file):
    document, second, _ = read_as_asked(file, Path(file), ASKED | {"drop": "references"})
    assert document.text == "Introduction\n\nThis is a text of a sentence or two."
    assert "Abnar" in second.text
    assert [notice[:18] for notice in document.notices] == ["--drop references:"]


def test_without_the_option_they_stay(file):
    document, _, _ = read_as_asked(file, None, ASKED)
    assert "Abnar" in document.text
    assert document.notices == ()

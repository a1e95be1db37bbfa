import hashlib
import io
import os
import sys
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reportgen.documents import document_from_text, read_document
from reportgen.errors import DocumentError


@pytest.fixture
def write(tmp_path):
    """A function that writes a file of this name and content and gives its path."""

    def write_file(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return path

    return write_file


def refusal(path, **options):
    """The message that the file is refused with: one line, of whole sentences."""
    with pytest.raises(DocumentError) as refused:
        read_document(path, **options)
    message = str(refused.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


def test_a_text_file_becomes_a_document(write):
    document = read_document(write("sotu-1941.txt", "To the Congress:\n\nI address you.\n"))
    assert document.text == "To the Congress:\n\nI address you."
    assert document.title == "Sotu 1941"
    assert document.language == "en"
    assert document.sha256 == hashlib.sha256(document.text.encode("utf-8")).hexdigest()


def test_the_source_is_the_name_of_the_file_and_never_its_path(write, tmp_path):
    document = read_document(write("letter.txt", "One."))
    assert document.source == "letter.txt"
    assert str(tmp_path) not in repr(document)


def test_a_path_may_be_a_string_or_a_path(write):
    path = write("letter.txt", "One.")
    assert read_document(str(path)) == read_document(path)


@pytest.mark.parametrize("name", ["a.md", "a.markdown", "a.MD"])
def test_markdown_is_known_by_its_ending(write, name):
    assert read_document(write(name, "*One*.")).text == "One."


def test_a_text_file_is_not_read_as_markdown(write):
    assert read_document(write("a.txt", "*One* and `two`.")).text == "*One* and `two`."


def test_a_dash_reads_plain_text_from_the_stream_that_is_given():
    document = read_document("-", stdin=io.BytesIO(b"*One* thing."))
    assert (document.text, document.source, document.title) == ("*One* thing.", "standard input", "Standard input")


def test_a_dash_reads_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("Été.".encode())))
    assert read_document("-").text == "Été."


def test_a_byte_order_mark_is_dropped(write):
    assert read_document(write("a.txt", b"\xef\xbb\xbfOne.")).text == "One."


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_all_kinds_of_newlines_part_lines(write, newline):
    document = read_document(write("a.txt", f"One.{newline}{newline}Two."))
    assert document.text == "One.\n\nTwo."


def test_the_first_heading_is_the_title(write):
    assert read_document(write("a.md", "# The *Whale*\n\nCall me.")).title == "The Whale"
    assert read_document(write("b.md", "Call me.\n\n# The *Whale*")).title == "B"


def test_a_long_title_is_cut_at_a_word(write):
    title = read_document(write("a.md", "# " + "Seventeen " * 17)).title
    assert len(title) < 120
    assert title.endswith("Seventeen…")


@pytest.mark.parametrize(
    ("name", "title"),
    [("sotu-1941.txt", "Sotu 1941"), ("a_b.c--d.txt", "A b c d"), ("McGee.txt", "McGee"), ("___.txt", "Untitled")],
)
def test_a_name_becomes_a_title(write, name, title):
    assert read_document(write(name, "once upon a time.")).title == title


def test_a_missing_file_is_refused_with_its_name(tmp_path):
    assert "nothing.txt does not exist" in refusal(tmp_path / "nothing.txt")


def test_a_folder_is_refused(tmp_path):
    assert "is a folder" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["a.unknown", "a.tar.x", "a"])
def test_an_unsupported_kind_is_refused_and_the_supported_ones_are_named(write, name):
    message = refusal(write(name, "One."))
    assert all(ending in message for ending in (".txt", ".md", ".markdown", "standard input"))


def test_a_file_that_may_not_be_read_is_refused(write, monkeypatch):
    def refuse(path, mode):
        raise PermissionError(13, "Permission denied", str(path))

    path = write("a.txt", "One.")
    monkeypatch.setattr(Path, "open", refuse)
    assert "cannot be read (Permission denied)" in refusal(path)


@pytest.mark.parametrize("content", ["", " ", "\n\t\r\n \f", "\u00a0\u2003\u200b", "\ufeff", b"\xef\xbb\xbf"])
def test_a_file_without_a_visible_character_is_refused(write, content):
    assert "holds no text" in refusal(write("a.txt", content))


@pytest.mark.parametrize("content", ["![](a.png)", "---\n\n***", "<!-- nothing -->", "[a]: http://b.c"])
def test_markdown_that_is_only_markup_is_refused(write, content):
    assert "no text beside its markup" in refusal(write("a.md", content))


def test_a_file_of_ornaments_is_refused(write):
    assert "no text beside" in refusal(write("a.txt", "* * *\n\n-----\n"))


def test_another_encoding_is_refused_with_the_place_and_the_cure(write):
    message = refusal(write("a.txt", "Naïve, déjà vu.".encode("latin-1")))
    assert "byte 0xEF at offset 2" in message
    assert "iconv" in message


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_a_file_with_the_mark_of_another_encoding_is_refused_by_that_name(write, encoding):
    message = refusal(write("a.txt", "One.".encode(encoding)))
    assert f"is {encoding.upper()}" in message
    assert "iconv" in message


def test_a_cut_character_at_the_end_is_refused(write):
    assert "offset 4" in refusal(write("a.txt", "One €".encode()[:-1]))


@pytest.mark.parametrize("content", [b"One\x00two", b"\x01\x02\x03\x04One", b"\x89PN\r\n\x1a\n\x00\x00"])
def test_a_binary_file_is_refused(write, content):
    assert "is a binary file" in refusal(write("a.txt", content))


def test_standard_input_is_named_in_its_refusal():
    assert refusal("-", stdin=io.BytesIO(b"\xff")).startswith("standard input")


def test_a_name_that_no_text_can_hold_is_shown_without_harm(tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9\n.txt"
    try:
        Path(os.fsdecode(path)).write_text("One.", encoding="utf-8")
    except (OSError, ValueError):
        pytest.skip("this file system takes no such name")
    document = read_document(os.fsdecode(path))
    document.source.encode("utf-8")
    assert "\n" not in document.source + document.title


def test_a_string_becomes_a_document():
    document = document_from_text("One thing.", title="A thing", source="notebook")
    assert (document.text, document.title, document.source) == ("One thing.", "A thing", "notebook")


def test_an_empty_string_is_refused():
    with pytest.raises(DocumentError, match="a string holds no text"):
        document_from_text(" \n")


def test_a_document_cannot_be_changed():
    with pytest.raises(AttributeError):
        document_from_text("One.").text = "Two."


CONTROL = [chr(code) for code in [*range(32), *range(0x7F, 0xA0), 0xFFFE, 0xFFFF, 0xFDD0, 0x1FFFE, 0x10FFFF]]


@pytest.mark.parametrize("character", [c for c in CONTROL if c != "\n"] + ["\ud800", "\udfff", "\u2028", "\u2029"])
@pytest.mark.parametrize("form", ["One or{}two of them.", "# One or{}two", "```\nOne or{}two\n```", "One &#{}; two."])
def test_no_control_character_reaches_the_text(tmp_path, character, form):
    path = tmp_path / "a.md"
    text = form.format(ord(character)) if "&#" in form else form.format(character)
    if character == "\0" or "\ud800" <= character <= "\udfff":
        document = document_from_text(text)
    else:
        path.write_text(text, encoding="utf-8", newline="")
        document = read_document(path)
    assert character not in document.text
    assert not set(CONTROL) & set(document.text + document.title) - {"\n"}


TELLING_LINES = st.lists(
    st.sampled_from(
        [
            "",
            "1. One",
            "- two",
            "CHAPTER I",
            "===",
            "---",
            "a b",
            "x  y",
            "A line of words that goes on for quite some way",
            "(a)",
            "IX",
            "> q",
            "```",
            "<b>",
            "|a|b|",
            "|-|-|",
            "    code",
            "\t\ttab",
            "* * *",
            "# h",
            "word-",
            "&amp;",
        ]
    ),
    min_size=1,
    max_size=12,
).map("\n".join)


@given(st.one_of(st.text(), TELLING_LINES), st.sampled_from([".txt", ".md"]))
@settings(max_examples=400, deadline=None)
def test_blocks_cover_the_text_in_order_and_have_no_blanks_around_them(tmp_path_factory, text, ending):
    path = tmp_path_factory.getbasetemp() / f"any{ending}"
    path.write_bytes(text.encode("utf-8", "replace"))
    try:
        document = read_document(path)
    except DocumentError:
        assume(False)
    blocks = [document.text[block.start : block.end] for block in document.blocks]
    assert "\n\n".join(blocks) == document.text
    assert all(block.strip() and block.strip("\n") == block for block in blocks)
    assert {block.kind for block in document.blocks} <= {"heading", "paragraph", "list item", "quotation", "code", "table"}
    assert all(0 <= block.level <= 6 and (block.level == 0 or block.kind == "heading") for block in document.blocks)


@given(TELLING_LINES)
@settings(max_examples=200, deadline=None)
def test_no_letter_or_digit_of_a_plain_text_is_lost(text):
    try:
        document = document_from_text(text)
    except DocumentError:
        assume(False)
    assert [c for c in document.text if c.isalnum()] == [c for c in text if c.isalnum()]


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_give_a_document_or_a_refusal(data):
    try:
        assert read_document("-", stdin=io.BytesIO(data)).text
    except DocumentError as error:
        assert "\n" not in str(error)

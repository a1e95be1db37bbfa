"""Which format a document is in, and what is refused by name with what to do instead."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from word_files import p, word_file, zipped

from reportgen.documents import Document, ReadingLimits, read_document
from reportgen.documents.formats import ADVICE, BY_ENDING, FORMATS, NAMES
from reportgen.errors import DocumentError

PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"
PAGE = b"<!DOCTYPE html>\n<html><p>One is here.</p></html>"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512)


def refusal(path: str | Path, data: bytes | None = None, **options: object) -> str:
    """The one line that a file, or standard input with these bytes, is refused with."""
    with pytest.raises(DocumentError) as refused:
        read_document(path, **({} if data is None else {"stdin": io.BytesIO(data)}), **options)
    message = str(refused.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


def from_input(data: bytes, **options: object) -> Document:
    return read_document("-", stdin=io.BytesIO(data), **options)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.tex", "`pandoc a.tex -o NEW.md`"), ("a.bib", "no sentences"), ("a.epub", "e-book"), ("a.doc", "save it as .docx"), ("a.RTF", "save it as .docx"),
        ("a.odt", "save it as .docx"), ("a.docm", "save it as .docx"), ("a.png", "tesseract a.png"), ("a.jpeg", "image"), ("a.pptx", "slides"),
        ("a.xlsx", "spreadsheet"), ("a.csv", "spreadsheet"), ("a.ipynb", "jupyter nbconvert --to markdown a.ipynb"), ("a.tar.gz", "unpack it"), ("a.zip", "unpack it"),
        ("a.rst", "pandoc"), ("a.mhtml", "save the page as .html"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_by_name_with_what_to_do(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / name).write_text("One is here.", encoding="utf-8")
    message = refusal(tmp_path / name)
    assert message.startswith(f"{name} is ")
    assert said in message


def test_no_ending_is_both_read_and_refused_and_formats_have_names_of_their_own() -> None:
    assert not set(BY_ENDING) & set(ADVICE)
    assert len({form.name for form in FORMATS}) == len(FORMATS)


@pytest.mark.parametrize("address", ["https://example.org/a.html", "http://localhost/a.txt", "ftp://example.org/a.pdf", "file:///etc/passwd", "s3://b/a.md"])
def test_an_address_is_refused_and_nothing_is_fetched(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.socket", lambda *args, **options: pytest.fail("a socket was opened"))
    assert "is an address, and reportgen fetches nothing" in refusal(address)


def test_the_format_can_be_named_for_standard_input_and_for_files_with_odd_names(tmp_path: Path) -> None:
    assert from_input(b"# *One* is here.", format="md").text == "One is here."
    assert from_input(b"# *One* is here.").text == "# *One* is here."
    assert from_input(word_file(p("One is here.")), format="docx").text == "One is here."
    (tmp_path / "notes.log").write_text("* One\n* two", encoding="utf-8")
    assert [block.kind for block in read_document(tmp_path / "notes.log", format="md").blocks] == ["list item"] * 2
    assert read_document(tmp_path / "notes.log", format=".TXT").text == "* One\n\n* two"


def test_a_format_that_there_is_not_is_refused_and_the_others_are_named() -> None:
    assert refusal("-", b"One.", format="odt") == f"'odt' is no format of documents that can be read; there are {', '.join(NAMES)}."


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (PDF, "it is a PDF: name it NAME.pdf, or add --format pdf"),
        (b"\xef\xbb\xbf \n" + PDF, "it is a PDF"),
        (PAGE, "it is a web page: name it NAME.html, or add --format html, or --format txt to read it as it stands"),
        (b"<?xml version='1.0'?><!-- a --><HTML lang=en>", "it is a web page"),
        (word_file(p("a")), "it is a Word file: name it NAME.docx, or add --format docx"),
        (zipped({"mimetype": "application/epub+zip"}), "an archive (.zip): unpack it"),
        (zipped({"[Content_Types].xml": "types"})[:40], "whose end is missing: get the file again"),
        (b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/epub+zip", "an e-book (.epub)"),
        (b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/vnd.oasis.opendocument.text", "(.odt): open it in a word processor"),
        (zipped({"xl/workbook.xml": "a"}), "a spreadsheet, which has no sentences (.xlsx)"),
        (zipped({"a.txt": "a"}), "an archive (.zip)"),
        (OLE, "of another kind than .docx (.doc): open it in a word processor and save it as .docx"),
        (OLE + "EncryptedPackage".encode("utf-16-le"), "an encrypted file of an office program: open it with its password"),
        (b"{\\rtf1\\ansi One.}", "(.rtf)"),
        (b"\x89PNG\r\n\x1a\n", "an image (.png)"),
        (b"\xff\xd8\xff\xe0", "an image (.jpg)"),
        (b"\x1f\x8b\x08", "an archive (.gz)"),
    ],
)
def test_bytes_of_another_kind_are_named(tmp_path: Path, data: bytes, said: str) -> None:
    assert said in refusal("-", data)
    (tmp_path / "a.txt").write_bytes(data)
    assert refusal(tmp_path / "a.txt").startswith("a.txt was to be read as plain text, but it is ")


def test_a_web_page_can_be_read_as_the_text_that_it_is_by_who_asks_for_it() -> None:
    assert from_input(PAGE, format="txt").text.startswith("<!DOCTYPE html>")


def test_text_about_pdf_files_and_pages_is_text() -> None:
    assert from_input(b"It starts with %PDF-1.4, and a page with <html>.").text == "It starts with %PDF-1.4, and a page with <html>."


@pytest.mark.parametrize(
    ("name", "data", "said"), [("a.docx", OLE + "EncryptedPackage".encode("utf-16-le"), "encrypted"), ("a.docx", PAGE, "a web page"), ("a.html", PDF, "a PDF")]
)
def test_a_file_of_another_kind_than_its_ending_says_is_named(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    assert f"but it is {said if said[0] == 'a' else 'an ' + said}" in refusal(tmp_path / name)


def test_a_file_larger_than_the_limit_is_refused_and_the_flag_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"One is here. " * 10)
    limits = ReadingLimits(size=129)
    assert refusal(tmp_path / "a.txt", limits=limits) == "a.txt is too large (more than 129 bytes): give a part of it, or raise the limit with --max-size."
    assert "standard input is too large" in refusal("-", b"One is here. " * 10, limits=limits)
    assert read_document(tmp_path / "a.txt", limits=ReadingLimits(size=130)).text


def test_a_text_longer_than_the_limit_is_refused_and_the_flag_is_named() -> None:
    assert "holds too long a text (12 characters, 11 at most): give a part of it, or raise the limit with --max-characters." in refusal(
        "-", b"One is here.", limits=ReadingLimits(characters=11)
    )
    body = word_file(p("One is here."))
    assert "standard input holds too long a text" in refusal("-", body, format="docx", limits=ReadingLimits(characters=11))


def test_what_has_no_size_before_it_is_read_is_read_up_to_the_limit() -> None:
    if not Path("/dev/zero").exists():
        pytest.skip("there is no /dev/zero here")
    assert "zero is too large" in refusal("/dev/zero", format="txt", limits=ReadingLimits(size=1_000))


@pytest.mark.parametrize("name", ["a" * 5_000 + ".txt", "a\0b.txt"])
def test_what_no_file_can_be_called_does_not_exist(name: str) -> None:
    assert "does not exist" in refusal(name)

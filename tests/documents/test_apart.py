"""Reading in a process of its own: what it gives, what it is kept from, and the limits that it meets."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from word_files import p, word_file

from reportgen.documents import ReadingLimits, read_document
from reportgen.documents.apart import read_apart
from reportgen.documents.formats import Format
from reportgen.errors import DocumentError

PAGE = b"<html lang=de><title>T</title><p>Der erste Fluss kommt im Fr\xc3\xbchling von den Bergen herab, und mit ihm kommt der Schnee des ganzen Winters.</p></html>"
READERS = """
import os, resource, time
from reportgen.documents.document import Piece, Reading
from reportgen.errors import DocumentError

def reading(*texts):
    return Reading(pieces=tuple(Piece(kind="paragraph", text=text) for text in texts))

def parrot(data, limits):
    return reading(data.decode())

def pages(data, pages_at_most):
    return reading(f"{pages_at_most} pages")

def sleeps(data, limits):
    time.sleep(60)

def works(data, limits):
    resource.setrlimit(resource.RLIMIT_CPU, (1, 1_000))
    while True:
        pass

def grows(data, limits):
    return [bytes(10**8) for _ in range(1_000)]

def dies(data, limits):
    os.abort()

def stumbles(data, limits):
    raise KeyError("a\\nb")

def refuses(data, limits):
    raise DocumentError("It is not fit to be read.")

def imports(data, limits):
    import nothing_of_this_name

def odd(data, limits):
    return reading("a\\ud800b\\x00c", "\\x01")

def shout(data, limits):
    print("noise")
    return reading("x" * 1_000)
"""
NEEDS = "import nothing_of_this_name\n"


@pytest.fixture(autouse=True)
def readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules with readers that misbehave, where the other process finds them."""
    (tmp_path / "made_up_readers.py").write_text(READERS, encoding="utf-8")
    (tmp_path / "reader_in_need.py").write_text(NEEDS, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)


def given(reader: str, *, has_pages: bool = False, data: bytes = b"One.", **limits: Any) -> tuple[str, ...]:
    """The texts that a made-up reader gives."""
    module = "" if ":" in reader else "made_up_readers:"
    form = Format(name="odd", endings=(".odd",), called="an odd file", reader=module + reader, has_pages=has_pages)
    reading = read_apart(data, form, source="a.odd", limits=ReadingLimits(**{"seconds": 30, **limits}))
    return tuple(piece.text for piece in reading.pieces)


def refusal(reader: str, **options: Any) -> str:
    with pytest.raises(DocumentError) as refused:
        given(reader, **options)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_web_page_and_a_word_file_are_read_by_way_of_another_process(tmp_path: Path) -> None:
    before = set(sys.modules)
    (tmp_path / "a.html").write_bytes(PAGE)
    (tmp_path / "b.docx").write_bytes(word_file(p("Rivers", "Title") + p("The first comes down.")))
    found, word = read_document(tmp_path / "a.html"), read_document(tmp_path / "b.docx")
    assert (found.language, found.title, found.source) == ("de", "T", "a.html")
    assert found.text.startswith("Der erste Fluss kommt im Frühling")
    assert [(block.kind, block.level) for block in word.blocks] == [("heading", 1), ("paragraph", 0)]
    assert (word.title, word.text) == ("Rivers", "Rivers\n\nThe first comes down.")
    assert not {"docx", "trafilatura"} & (set(sys.modules) - before)


def test_bytes_go_over_as_they_are_and_pages_are_told() -> None:
    assert given("parrot", data="{} \n é".encode()) == ("{} \n é",)
    assert given("pages", has_pages=True, pages=7) == ("7 pages",)


def test_a_reader_that_takes_too_long_is_ended_and_the_flag_is_named() -> None:
    assert refusal("sleeps", seconds=2) == "Reading a.odd took longer than 2 seconds: give a part of it, or raise the limit with --max-seconds."
    assert "longer than 30 seconds" in refusal("works")
    assert "longer than 1 second:" in refusal("sleeps", seconds=1)


@pytest.mark.skipif(sys.platform != "linux", reason="address space is limited on Linux")
def test_a_reader_that_takes_too_much_memory_is_refused_and_the_flag_is_named() -> None:
    assert refusal("grows", memory=500_000_000) == "Reading a.odd takes more memory than 500 MB: give a part of it, or raise the limit with --max-memory."
    assert "--max-memory" in refusal("parrot", memory=1_000_000, data=bytes(10_000_000))


def test_a_reader_that_dies_stumbles_or_refuses_ends_in_a_sentence() -> None:
    assert "ended by signal 6" in refusal("dies")
    assert refusal("stumbles") == "a.odd cannot be read as an odd file (KeyError: 'a\\nb'): it is damaged or is something else; save it anew."
    assert refusal("refuses") == "a.odd: It is not fit to be read."


def test_a_library_that_is_not_installed_is_named_with_its_extra() -> None:
    said = "a.odd is an odd file, and what reads it is not installed (No module named 'nothing_of_this_name'): pip install 'reportgen[odd]'."
    assert refusal("reader_in_need:any") == said
    assert refusal("imports") == said


def test_what_comes_back_is_cleaned_and_held_to_the_limit_of_characters() -> None:
    assert given("odd") == ("a b c",)
    assert "holds too long a text (1,000 characters, 999 at most)" in refusal("shout", characters=999)


def test_what_a_reader_prints_does_not_get_into_the_answer() -> None:
    assert given("shout") == ("x" * 1_000,)


def test_a_module_beside_the_document_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "mail"
    folder.mkdir()
    for name in ("json", "docx", "trafilatura", "lxml"):
        (folder / f"{name}.py").write_text("raise SystemExit('loaded')", encoding="utf-8")
    (folder / "a.docx").write_bytes(word_file(p("One is here.")))
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", ["", str(folder), *sys.path])
    assert read_document("a.docx").text == "One is here."


def test_a_process_that_does_not_start_is_a_bug_and_shows_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reportgen.documents.apart.CHILD", "reportgen.documents.nobody")
    with pytest.raises(RuntimeError, match="No module named"):
        given("parrot")

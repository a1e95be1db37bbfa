"""PDF files that cannot be read, each with its sentence; and damaged ones, which must end in a reading or a sentence."""

import builtins
import subprocess
import sys
import textwrap

import pytest
from made_pdf import TEXT, Sheets

from reportgen.documents.pdf import pdf_reading
from reportgen.errors import DocumentError


def refusal(data, pages=100):
    with pytest.raises(DocumentError) as refused:
        pdf_reading(data, pages)
    return str(refused.value)


def test_a_scan_without_text_is_refused():
    sheets = Sheets()
    sheets.canvas.rect(72, 72, 200, 200, fill=1)
    assert "has no text layer" in refusal(sheets.page().data())
    assert "OCR" in refusal(sheets.data())


def test_a_file_that_needs_a_password_is_refused():
    assert "needs a password" in refusal(Sheets(password="secret").prose(TEXT).data())


def test_a_file_encrypted_with_an_empty_password_is_read():
    assert [piece.text for piece in pdf_reading(Sheets(password="").prose(TEXT).data(), 100).pieces] == [TEXT]


def test_too_many_pages_are_refused_with_the_flag_to_raise_the_limit():
    data = Sheets().prose(TEXT).page().prose(TEXT).page().prose(TEXT).data()
    assert refusal(data, pages=2) == "This PDF has 3 pages, more than the 2 that are read: raise the limit with --max-pages 3, or cut the file."
    assert pdf_reading(data, 3).pieces


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"%PDF-1.7\n%%EOF", b"%PDF-1.4\n" + b"\0" * 5000])
def test_a_file_of_nothing_is_damaged(data):
    assert refusal(data).startswith(("This PDF is damaged", "This is no PDF"))


def test_what_is_no_pdf_is_told_as_such():
    assert refusal(b"<html><body>" + b" " * 5000).startswith("This is no PDF")


def test_without_its_library_the_extra_is_named(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name == "pypdfium2":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    assert "pip install 'reportgen[pdf]'" in refusal(b"%PDF-1.7")


def damaged():
    """Some eighty files that something is wrong with, by what it is."""
    from damaged_pdf import damaged_files

    return damaged_files(Sheets().prose(TEXT).page().prose(TEXT).data())


READ_ALL = """
    import sys, pickle, time
    from reportgen.documents.pdf import pdf_reading
    from reportgen.errors import DocumentError
    for name, data in pickle.load(sys.stdin.buffer):
        print(name, flush=True, end=" ")
        try:
            print("read", sum(len(piece.text) for piece in pdf_reading(data, 200).pieces))
        except DocumentError as error:
            print("refused", error)
    print("all done")
"""


@pytest.mark.timeout(180)
def test_damaged_files_end_in_a_reading_or_a_sentence():
    import pickle

    files = damaged()
    assert len(files) >= 80
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(READ_ALL)], input=pickle.dumps(files), capture_output=True, timeout=150, check=False)
    lines = done.stdout.decode().splitlines()
    assert lines[-1:] == ["all done"], (lines[-1:], done.stderr.decode()[-2000:])
    assert [line.split()[0] for line in lines[:-1]] == [name for name, _ in files]

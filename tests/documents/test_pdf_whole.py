"""Whole documents: nothing is lost or said twice, and the sample paper is read as it was written."""

import re
import subprocess
import sys
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_pdf import Sheets

from reportgen.documents.pdf import pdf_reading

ROOT = Path(__file__).parents[2]
SAMPLE, SOURCE = ROOT / "samples" / "reading-in-order.pdf", ROOT / "tests" / "sample_sources" / "reading-in-order.txt"
NOTE = re.compile(r"\^\[(.*?)\](?=\s|$)")
WORDS = st.text("abcdefgABCDEFG0123456789.,;()", min_size=1, max_size=9)


@st.composite
def pieces(draw):
    """Words at places that no page-maker would choose: where, in which size and font."""
    size = draw(st.sampled_from([6, 8, 9.5, 10, 10, 10, 12, 17, 30]))
    font = draw(st.sampled_from(["Times-Roman", "Times-Bold", "Times-Italic", "Courier", "Helvetica"]))
    return " ".join(draw(st.lists(WORDS, min_size=1, max_size=12))), draw(st.integers(20, 560)), draw(st.integers(20, 770)), size, font


def visible(text):
    return Counter(unicodedata.normalize("NFKC", text).replace(" ", "").replace("\n", "").replace("|", ""))


@given(st.lists(st.lists(pieces(), min_size=1, max_size=14), min_size=1, max_size=3))
@settings(max_examples=25, deadline=None)
def test_every_character_is_in_the_text_once_unless_a_notice_says_otherwise(pages):
    sheets = Sheets()
    for page in pages:
        for text, x, y, size, font in page:
            sheets.write(text, x, y, size=size, font=font)
        sheets.page()
    reading = pdf_reading(sheets.data(), 10)
    found, drawn = visible("".join(piece.text for piece in reading.pieces)), visible(shown(sheets.data()))
    assert not found - drawn
    assert not drawn - found or any(notice.startswith("Left out") for notice in reading.notices)


def shown(data):
    """The characters that the library finds, in the order of the file."""
    import pypdfium2

    document = pypdfium2.PdfDocument(data)
    try:
        return "".join(page.get_textpage().get_text_range().replace("\r", "").replace("\ufffe", "-") for page in document)
    finally:
        document.close()


def curled(text):
    return re.sub(r'"', "”", re.sub(r'(?<![^\s(])"', "“", text)).replace("'", "’")


def written():
    """The blocks of the sample's source as kinds and texts, without its notes; and the notes."""
    source, notes, found = SOURCE.read_text(encoding="utf-8"), [], []

    def superscript(match):
        notes.append(curled(match[1]))
        return "⁰¹²³⁴⁵⁶⁷⁸⁹"[len(notes)]

    for line in filter(str.strip, source.splitlines()):
        line = curled(NOTE.sub(superscript, line))
        kind, text = next(((kind, line.removeprefix(mark)) for mark, kind in MARKS.items() if line.startswith(mark)), ("paragraph", line))
        if re.match(r"\d\. ", line):
            kind = "list item"
        found.append((kind, f"• {text}" if line.startswith("* ") else text))
    return found, [f"{'⁰¹²³⁴⁵⁶⁷⁸⁹'[number]}{note}" for number, note in enumerate(notes, 1)]


MARKS = {"# ": "heading", "@ ": "byline", "== ": "heading", "= ": "heading", "* ": "list item", "- ": "paragraph", "! ": "mark", "| ": "table"}


@pytest.fixture(scope="module")
def sample():
    return pdf_reading(SAMPLE.read_bytes(), 10)


def test_the_sample_paper_is_read_as_it_was_written(sample):
    source, _ = written()
    wanted = [(kind, text) for kind, text in source if kind in {"heading", "list item", "paragraph"} and not text.startswith(("Table 1:", "Figure 1:"))]
    found = [(piece.kind, piece.text) for piece in sample.pieces if not piece.text.startswith(("¹", "²", "³")) and piece.kind not in {"table", "caption"}]
    assert [one for one in found if "Hartwig" not in one[1] and "hartwig" not in one[1]] == wanted


def test_the_samples_notes_captions_and_table_are_blocks_of_their_own(sample):
    source, notes = written()
    assert [piece.text for piece in sample.pieces if piece.text.startswith(("¹", "²", "³"))] == notes
    assert [piece.text for piece in sample.pieces if piece.kind == "caption"] == [text for _, text in source if text.startswith(("Table 1:", "Figure 1:"))]
    (table,) = (piece.text for piece in sample.pieces if piece.kind == "table")
    assert table.splitlines() == [text.removesuffix(" |") for kind, text in source if kind == "table"]


def test_the_samples_levels_title_and_notices(sample):
    assert sample.title == "Reading in Order: What the Layout of a Page Does to Measurements of Attention"
    levels = {piece.text: piece.level for piece in sample.pieces if piece.kind == "heading"}
    assert (levels[sample.title], levels["Abstract"], levels["3 Method"], levels["3.2 Four ways to read a page"], levels["References"]) == (1, 2, 2, 3, 2)
    assert sample.notices == (
        "Left out of the PDF: running heads, running feet and page numbers on 4 pages.",
        "Left out of the PDF: 8 lines of lettering in figures.",
    )


def test_the_sample_can_be_made_again_with_the_same_text(tmp_path):
    again = tmp_path / "again.pdf"
    subprocess.run([sys.executable, str(ROOT / "tests" / "make_pdf_sample.py"), str(again)], check=True)
    assert shown(again.read_bytes()) == shown(SAMPLE.read_bytes())

"""Writes samples/lending-shed.docx from the text in tests/sample_sources: the same bytes each time.

`python tests/make_word_sample.py`. The file is a Word file as people have them: a title, headings, lists with numbers that start anew, a quotation, a caption and
a table, footnotes, a running head, page numbers, a comment, and a tracked change.
"""

from __future__ import annotations

import datetime
import re
import zipfile
from io import BytesIO
from itertools import groupby
from pathlib import Path

import docx
from docx.document import Document
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.text.paragraph import Paragraph
from word_files import WML, part

ROOT = Path(__file__).parent.parent
SOURCE, TARGET = ROOT / "tests" / "sample_sources" / "lending-shed.md", ROOT / "samples" / "lending-shed.docx"
STYLES = {"# ": "Title", "## ": "Heading 1", "### ": "Heading 2", "> ": "Quote", "^ ": "Caption", "- ": "List Bullet", "1. ": "List Number"}
NOTE = re.compile(r"\[\^(\d)\]")
WHEN = datetime.datetime(2026, 11, 26, 12, 0)


def main() -> None:
    """Write the sample."""
    text, *notes = re.split(r"^\[\^\d\]: ", SOURCE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    document = docx.Document()
    for is_row, lines in groupby(filter(None, text.splitlines()), key=lambda line: line.startswith("|")):
        if is_row:
            add_table(document, [[cell.strip() for cell in line.strip("|").split("|")] for line in lines])
        else:
            add_paragraphs(document, list(lines))
    add_notes(document, [note.strip() for note in notes])
    add_surroundings(document)
    write(document)


def add_paragraphs(document: Document, lines: list[str]) -> None:
    """Paragraphs in the styles that their marks name; a list that begins with 1 starts anew."""
    for line in lines:
        mark = next((mark for mark in STYLES if re.sub(r"^\d", "1", line).startswith(mark)), "")
        paragraph = document.add_paragraph(style=STYLES.get(mark))
        for index, piece in enumerate(NOTE.split(line[len(mark) :])):
            if index % 2:
                refer(paragraph, piece)
            else:
                paragraph.add_run(piece)
        if line.startswith("1. "):
            number = restart(document)
        if mark == "1. ":
            paragraph._p.get_or_add_pPr().get_or_add_numPr().get_or_add_numId().val = number
            paragraph._p.pPr.numPr.get_or_add_ilvl().val = 0


def restart(document: Document) -> int:
    """A list of its own for the style of numbered lists, which counts from 1."""
    numbering = document.part.numbering_part.element
    own = document.styles["List Number"].element.pPr.numPr.numId.val
    number = numbering.add_num(numbering.num_having_numId(own).abstractNumId.val)
    number.add_lvlOverride(ilvl=0).add_startOverride(1)
    return number.numId


def refer(paragraph: Paragraph, note: str) -> None:
    """A raised mark for a footnote."""
    run = paragraph.add_run()
    run.font.superscript = True
    mark = OxmlElement("w:footnoteReference")
    mark.set(qn("w:id"), note)
    run._r.append(mark)


def add_table(document: Document, rows: list[list[str]]) -> None:
    table = document.add_table(len(rows), len(rows[0]), style="Table Grid")
    for row, cells in zip(table.rows, rows, strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text


def add_notes(document: Document, notes: list[str]) -> None:
    """A part with the footnotes, numbered from 1."""
    texts = "".join(
        f'<w:footnote w:id="{number}"><w:p><w:r><w:footnoteRef/></w:r><w:r><w:t xml:space="preserve"> {note}</w:t></w:r></w:p></w:footnote>'
        for number, note in enumerate(notes, start=1)
    )
    found = Part(PackURI("/word/footnotes.xml"), f"{WML}.footnotes+xml", part("footnotes", texts).encode("utf-8"), document.part.package)
    document.part.relate_to(found, RELATIONSHIP_TYPE.FOOTNOTES)


def add_surroundings(document: Document) -> None:
    """What a reader of the text does not want in it: running head, page numbers, a comment, a deleted sentence."""
    document.sections[0].header.paragraphs[0].text = "The Lending Shed, 2021 to 2024"
    document.sections[0].footer.paragraphs[0].text = "Page 1"
    paragraph = next(one for one in document.paragraphs if one.text.startswith("Time is dearer"))
    document.add_comment(paragraph.runs[0], "Should we name the four? They would not mind.", author="K. O.")
    deleted, run, text = OxmlElement("w:del"), OxmlElement("w:r"), OxmlElement("w:delText")
    text.text = " This figure is to be checked."
    run.append(text)
    deleted.append(run)
    paragraph._p.append(deleted)
    properties = document.core_properties
    properties.title, properties.author, properties.language = "Three Years of a Tool Library", "The authors of reportgen", "en-GB"
    properties.comments, properties.created, properties.modified = "", WHEN, WHEN


def write(document: Document) -> None:
    """Save it with the same dates in the archive each time."""
    for comment in document.comments:
        comment._comment_elm.set(qn("w:date"), WHEN.isoformat())
    saved = BytesIO()
    document.save(saved)
    with zipfile.ZipFile(saved) as whole, zipfile.ZipFile(TARGET, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in whole.namelist():
            entry = zipfile.ZipInfo(name, date_time=WHEN.timetuple()[:6])
            archive.writestr(entry, whole.read(name), zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    main()

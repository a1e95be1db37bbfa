import re
from pathlib import Path

import pytest

from reportgen.documents import read_document
from reportgen.sentences import split_sentences

SAMPLES = Path(__file__).parents[2] / "samples"
ROW = re.compile(r"^\| `(?P<name>[^`]+)` \|[^|]+\| (?P<words>\d+) \| (?P<sentences>\d+) \| (?P<tokens>\d+) \|$", re.MULTILINE)
ROWS = [row.groupdict() for row in ROW.finditer((SAMPLES / "README.md").read_text(encoding="utf-8"))]


def test_every_sample_has_a_row_and_a_section_in_the_readme():
    names = {path.name for path in SAMPLES.iterdir()} - {"README.md"}
    sections = re.findall(r"^## `(.+)`$", (SAMPLES / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert names == {row["name"] for row in ROWS} == set(sections)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_the_readme_has_the_right_numbers(row):
    document = read_document(SAMPLES / row["name"])
    assert len(document.text.split()) == int(row["words"])
    assert len(split_sentences(document)) == int(row["sentences"])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_a_sample_starts_with_a_heading_and_has_paragraphs(row):
    kinds = [block.kind for block in read_document(SAMPLES / row["name"]).blocks]
    assert kinds[0] == "heading"
    assert "paragraph" in kinds


@pytest.mark.parametrize(
    ("name", "further"),
    [("sqlite-file-format.md", {"code"}), ("lending-shed.docx", {"caption", "table"}), ("tide-tables.html", {"caption", "table", "code"})],
)
def test_the_samples_with_markup_have_blocks_of_many_kinds_and_headings_of_two_levels_or_more(name, further):
    document = read_document(SAMPLES / name)
    assert {block.kind for block in document.blocks} == {"heading", "paragraph", "list item", "quotation"} | further
    assert {1, 2} <= {block.level for block in document.blocks}


def test_the_word_sample_is_read_without_what_stands_around_its_text():
    document = read_document(SAMPLES / "lending-shed.docx")
    assert not [said for said in ("Should we name the four", "Lending Shed, 2021", "Page 1", "to be checked") if said in document.text]
    assert [document.text[block.start : block.end][:2] for block in document.blocks if block.kind == "list item"] == [
        "1.",
        "2.",
        "3.",
        "4.",
        *["- "] * 3,
        *["1.", "2.", "3."] * 2,
    ]
    assert document.notices[0] == "Left out of the Word file: headers and footers (8 words), 1 comment, 1 tracked deletion."


def test_the_web_sample_is_read_without_what_stands_around_its_text():
    document = read_document(SAMPLES / "tide-tables.html")
    assert not [said for said in ("cookies", "Skip to", "Newsletter", "fog signals", "All rights", "template", "Search") if said in document.text]
    assert document.title == "How a tide table is made"
    assert "’" in document.text
    assert document.notices[0].startswith("Left out as no part of the page's main text: 117 of 2,057 words")


def test_no_sample_sentence_is_a_fragment_of_an_abbreviation():
    for row in ROWS:
        document = read_document(SAMPLES / row["name"])
        texts = [document.text[sentence.start : sentence.end] for sentence in split_sentences(document)]
        assert not [text for text in texts if re.search(r"\b(?:Mr|Mrs|Dr|St|e\.g|i\.e)\.$", text)]

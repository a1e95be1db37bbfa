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


def test_the_technical_sample_has_blocks_of_every_kind():
    kinds = {block.kind for block in read_document(SAMPLES / "sqlite-file-format.md").blocks}
    assert kinds == {"heading", "paragraph", "list item", "quotation", "code"}


def test_no_sample_sentence_is_a_fragment_of_an_abbreviation():
    for row in ROWS:
        document = read_document(SAMPLES / row["name"])
        texts = [document.text[sentence.start : sentence.end] for sentence in split_sentences(document)]
        assert not [text for text in texts if re.search(r"\b(?:Mr|Mrs|Dr|St|e\.g|i\.e)\.$", text)]

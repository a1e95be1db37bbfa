"""Boundaries marked by hand in prose of six kinds, all of it written for these tests."""

from pathlib import Path

import pytest

from reportgen.documents import Block, Document
from reportgen.sentences import split_sentences

PROSE = Path(__file__).parent / "prose"


def read_marked_lines():
    """Each line of the files as a case; a bar stands where one sentence ends and the next begins."""
    for file in sorted(PROSE.glob("*.txt")):
        for line in file.read_text(encoding="utf-8").splitlines():
            yield pytest.param(line.split("|"), id=f"{file.stem}: {line}")


MARKED = list(read_marked_lines())


def sentences(text):
    paragraph = Block(start=0, end=len(text), kind="paragraph")
    document = Document(title="A title", text=text, source="a.txt", blocks=(paragraph,), sha256="")
    return [document.text[sentence.start : sentence.end] for sentence in split_sentences(document)]


def is_spaced(parts):
    """East Asian sentences follow each other without a space."""
    return parts[0][-1] not in "。？！"


@pytest.mark.parametrize("parts", MARKED)
def test_marked_prose_is_split_where_the_marks_are(parts):
    assert sentences((" " if is_spaced(parts) else "").join(parts)) == parts


@pytest.mark.parametrize("parts", [case for case in MARKED if is_spaced(case.values[0])])
def test_line_breaks_for_spaces_change_no_boundary(parts):
    text = " ".join(parts)
    broken = [part.split() for part in sentences("\n".join(text.split()))]
    assert broken == [part.split() for part in parts]


def test_there_are_enough_marked_boundaries():
    assert sum(len(case.values[0]) for case in MARKED) >= 280

"""Every source that anything in the report names has a record, and every record a source."""

from __future__ import annotations

import re

import pytest

from reportgen.analyses import ANALYSES
from reportgen.bundle.references import CITED, SENTENCES, bibliography, keys_of, records
from reportgen.contract import CONTRACT

SOURCES = sorted({method.source for analysis in ANALYSES for method in analysis.methods} | {spec.source for spec in CONTRACT.values()})
NEEDED = {
    "article": {"author", "title", "journal", "year"},
    "inproceedings": {"author", "title", "booktitle", "year"},
    "incollection": {"author", "title", "booktitle", "publisher", "year"},
    "book": {"author", "title", "publisher", "year"},
    "misc": {"author", "title", "year", "note"},
}


def test_every_source_has_a_record_and_every_record_is_somebodys_source() -> None:
    named = {key for source in SOURCES for key in keys_of(source)}
    assert named | {SENTENCES} == set(records())


def test_every_year_that_a_source_names_is_found() -> None:
    for source in SOURCES:
        assert len(re.findall(r"\b(?:19|20)\d\d\b", source)) == len(CITED.findall(source)), source


def test_records_have_the_fields_of_their_kind_and_the_year_of_their_key() -> None:
    for key, record in records().items():
        kind = re.match(r"@(\w+)\{", record)[1]
        fields = dict(re.findall(r"^  (\w+) = \{(.*)\},?$", record, re.MULTILINE))
        assert NEEDED[kind] <= set(fields), key
        assert fields["year"] in key
        assert record.count("{") == record.count("}")
        assert record.isascii()


def test_two_papers_of_one_author_and_year_are_told_apart() -> None:
    assert keys_of("Vig 2019, neuron view") == ["vig2019"]
    assert keys_of("Vig and Belinkov 2019") == ["vig2019analyzing"]
    assert keys_of("none; defined here") == []


def test_a_source_without_a_record_is_no_silence() -> None:
    with pytest.raises(KeyError):
        bibliography(["nobody1900"])

"""What is said of sentences, said of paragraphs or sections: on a page, but not in the document's own words, formulas or names."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_folders import byte_level, tiny_gpt2

from reportgen.blocks import check_blocks, depths
from reportgen.capture import MeasureOptions, measure
from reportgen.documents.document import Piece, build_document
from reportgen.errors import MeasurementsError
from reportgen.measurements import Measurements
from reportgen.render import render_report
from reportgen.report import build_report
from reportgen.unit_names import name_units
from reportgen.units import in_units

DOCUMENT = build_document(
    [
        Piece(kind="heading", text="A sentence of a heading"),
        Piece(kind="paragraph", text="The ship left the harbour. Every sentence is short."),
        Piece(kind="heading", text="The quay"),
        Piece(kind="list item", text="- gulls"),
        Piece(kind="code", text="def f(x):\n    if x:\n\n        return 1"),
    ],
    title="Made up",
    source="made-up.md",
)


def measured(level: str) -> Measurements:
    return measure(DOCUMENT, tiny_gpt2(), byte_level(), options=MeasureOptions(attribution="none", probes=False, level=level))


def test_words_are_changed_and_quotations_names_and_commands_are_not() -> None:
    said = "Sentence 3 looks at sentences 4 to 6 (“a sentence”), ISA is inter-sentence attention; --sentences FILE, sentence:12"
    assert in_units(said, "section") == said.replace("Sentence 3", "Section 3").replace("sentences 4", "sections 4")
    assert in_units(said, "sentence") == said


def test_the_documents_words_formulas_and_scripts_of_a_page_are_left_alone() -> None:
    html = '<p aria-label="a sentence">sentence <bdi>sentence</bdi> <code>sentence</code></p><script>if (a < sentence) {}</script><h1 lang="en">sentence</h1>sentence'
    assert name_units(html, "paragraph") == html.replace('"a sentence"', '"a paragraph"').replace(
        '<p aria-label="a paragraph">sentence', '<p aria-label="a paragraph">paragraph'
    ).replace("</h1>sentence", "</h1>paragraph")


@pytest.mark.parametrize(("level", "units"), [("sentence", 8), ("paragraph", 5), ("section", 2)])
def test_every_number_is_of_the_units_and_the_file_says_so(level: str, units: int) -> None:
    found = measured(level)
    assert len(found.sentences) == units
    assert found.metadata["level"] == level
    assert any(f"measured by {level}" in notice for notice in found.notices) == (level != "sentence")
    mass = found["*.sentence_attention"].sum(-1) + found["*.outside_attention"]
    np.testing.assert_allclose(mass, 1, atol=1e-5)
    assert [DOCUMENT.text[start:end] for start, end in found.metadata["block_spans"]] == [DOCUMENT.text[block.start : block.end] for block in DOCUMENT.blocks]


def test_a_sections_attention_is_the_mean_over_its_tokens_of_that_of_its_sentences() -> None:
    fine, coarse = measured("sentence"), measured("section")
    section = np.array([0, 0, 0, 1, 1, 1, 1, 1])
    counts = np.bincount(fine["token_sentences"][fine["token_sentences"] >= 0])
    whole = fine["*.sentence_attention"].astype(np.float64)
    member = np.eye(2)[section]
    pooled = np.einsum("lhqk,qi,kj,q->lhij", whole, member, member, counts) / (counts @ member)[:, None]
    between = coarse["*.sentence_attention"] - pooled
    assert (
        np.abs(between) <= coarse["*.outside_attention"][..., None] + fine["*.outside_attention"].max() + 1e-5
    ).all()  # blanks between sentences are a section's own


@pytest.mark.parametrize("level", ["paragraph", "section"])
def test_the_page_speaks_of_its_units(level: str) -> None:
    page = render_report(build_report(measured(level)), lambda specs: {})
    assert f"Which {level}s does each {level} look at?" in page
    assert f"data-level={level}" in page
    assert "sentence by sentence" not in page
    assert "Every sentence is short." in page


@pytest.mark.parametrize(
    ("kinds", "levels", "expected"),
    [
        ("hphh", [1, 0, 3, 2], (1, 0, 2, 2)),
        ("hhhh", [2, 3, 5, 1], (1, 2, 3, 1)),
        ("hphp", [0, 0, 0, 0], (1, 0, 1, 0)),
        ("pp", [0, 0], (0, 0)),
    ],
)
def test_headings_lie_as_deep_as_there_are_headings_above_them(kinds: str, levels: list[int], expected: tuple[int, ...]) -> None:
    assert depths(["heading" if kind == "h" else "paragraph" for kind in kinds], levels) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"level": "chapter"},
        {"block_spans": [[0, 3]], "block_levels": [0, 0]},
        {"block_spans": [[0, 9], [5, 12]], "block_levels": [0, 0]},
        {"block_spans": [[0, 3], [5, 99]], "block_levels": [0, 0]},
        {"block_spans": [[0, 3], [5, "9"]], "block_levels": [0, 0]},
        {"block_spans": [[0, 3], [5]], "block_levels": [0, 0]},
        {"block_spans": "none", "block_levels": [0, 0]},
        {"block_spans": [[0, 3], [5, 9]], "block_levels": [0, "1"]},
    ],
)
def test_blocks_of_a_strangers_file_are_checked(wrong: dict) -> None:
    with pytest.raises(MeasurementsError, match=r"blocks of this measurements file|not of sentences"):
        check_blocks({"block_kinds": ["heading", "paragraph"], **wrong}, 20)


def test_files_that_do_not_tell_of_blocks_places_are_read() -> None:
    check_blocks({"block_kinds": ["heading", "paragraph"]}, 20)
    found = measured("sentence")
    old = {name: value for name, value in found.metadata.items() if name not in ("level", "block_spans", "block_levels")}
    page = render_report(build_report(Measurements(arrays=found.arrays, metadata=old, text=found.text)), lambda specs: {})
    assert '<h4 class="block heading"' in page

"""The document's blocks on the page: each as what it is, the sentences in them as they were, and a list of the headings."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pages.accessibility import violations
from pages.elements import read_page
from pages.opened import Opened
from pages.reports import section_of, small_report, with_result

from reportgen.analyses.shown_blocks import Piece, ShownBlocks
from reportgen.render import render_report
from reportgen.report import Report

ROWS = (
    ("The log", "heading", 1),
    ("Of the north", "heading", 2),
    ("- gulls", "list item", 0),
    ("- a quay", "list item", 0),
    ("return 1", "code", 0),
)
TABLE = (("a | bb", "table", 0), ("one | two words", "table", 0), ("Said.", "quotation", 0), ("Fig. 1.", "caption", 0), ("The end.", "paragraph", 0))
SMALL = small_report(layers=2, heads=3)


def of_rows(rows: tuple[tuple[str, str, int], ...], blocks: tuple[int, ...], pieces: tuple = ((),) * 5, level: str = "sentence") -> Report:
    texts, kinds, depths = zip(*rows, strict=True)
    shown = ShownBlocks(depths=depths, indents=tuple("\n    " if kind == "code" else "" for kind in kinds), pieces=pieces)
    report = with_result(SMALL, "sentence_matrix", sentences=texts, blocks=blocks, block_kinds=kinds, shown=shown)
    return replace(report, level=level, sections=tuple(section for section in report.sections if section.name != "token_links"))


def page_of(*asked: object, **named: object) -> str:
    return render_report(of_rows(*asked, **named), lambda specs: {})


def names(html: str) -> list[tuple[str, str]]:
    found = [(element.name, element.attributes["class"]) for element in read_page(html).elements if element.attributes.get("class", "").startswith("block ")]
    return [(name, kind.removeprefix("block ")) for name, kind in found]


def test_headings_lists_and_code_are_elements_of_their_own() -> None:
    html = page_of(ROWS, (0, 1, 2, 3, 4))
    assert names(html) == [("h4", "heading"), ("h5", "heading"), ("li", "list-item"), ("li", "list-item"), ("pre", "code")]
    assert html.count("<ul class=items role=list>") == 1
    assert "<span class=indent>    </span><bdi class=words>return 1</bdi>" in html
    assert 'class="sentence after-gap"' in html


def test_what_the_model_wrote_is_said_once_above_its_blocks() -> None:
    report = of_rows(tuple((f"Line {line}.", "paragraph", 0) for line in range(5)), (0, 1, 2, 3, 4))
    parts = ("The question", "", *["What the model wrote"] * 3)
    html = render_report(with_result(report, "sentence_matrix", parts=parts), lambda specs: {})
    assert re.findall(r"<p class=part>([^<]*)</p>", html) == ["The question", "What the model wrote"]


def test_items_of_one_part_are_one_list_and_those_of_the_next_another() -> None:
    report = of_rows((ROWS[0], *((f"- {line}", "list item", 0) for line in range(4))), (0, 1, 2, 3, 4))
    for parts, items in ((("",) * 5, [4]), (("", "", "", "The second text", "The second text"), [2, 2]), (("The question", *[""] * 4), [4])):
        html = render_report(with_result(report, "sentence_matrix", parts=parts), lambda specs: {})
        lists = re.findall(r"<ul class=items role=list>(.*?)</ul>", html, re.DOTALL)
        assert [found.count("<li") for found in lists] == items


def test_tables_quotations_and_captions_are_too() -> None:
    html = page_of(TABLE, (0, 0, 1, 2, 3))
    assert names(html) == [("div", "table"), ("blockquote", "quotation"), ("p", "caption"), ("p", "paragraph")]
    assert html.count("class=cell>") == 4


def test_headings_are_listed_with_links_to_their_sentences() -> None:
    html = page_of(ROWS, (0, 1, 2, 3, 4))
    listed = re.search(r'<nav aria-label="Headings of the document">.*?</nav>', html, re.DOTALL)[0]
    assert re.findall(r"class=depth-(\d)><a href=#sentence-(\d)><bdi>([^<]*)</bdi>", listed) == [("1", "1", "The log"), ("2", "2", "Of the north")]
    assert "outline" not in re.sub(r"<style>.*?</style>|<script>.*?</script>", "", page_of(TABLE, (0, 0, 1, 2, 3)), flags=re.DOTALL)


def test_deep_headings_keep_their_depth() -> None:
    html = page_of((*((f"H{depth}", "heading", depth) for depth in (1, 2, 3, 4)), ROWS[2]), (0, 1, 2, 3, 4))
    assert '<h6 class="block heading" dir=ltr aria-level=7>' in html


def test_sections_begin_with_ticks_on_the_edges_of_the_matrix() -> None:
    result = section_of(of_rows((*TABLE[:2], ROWS[0], ROWS[1], ROWS[2]), (0, 0, 1, 2, 3)), "sentence_matrix").result
    assert result.borders == (2,)


SECTION = ((Piece(kind="heading", depth=1, text="The log", gap="\n\n"), Piece(kind="paragraph", depth=0, text="A sentence.", gap="")), (), (), (), ())


@pytest.fixture
def opened(open_file: Callable[..., Opened], tmp_path: Path) -> Callable[[Report], Opened]:
    def open_report(report: Report) -> Opened:
        (tmp_path / "blocks.html").write_text(render_report(report, lambda specs: {}), encoding="utf-8")
        return open_file(tmp_path / "blocks.html")

    return open_report


@pytest.mark.parametrize(("rows", "blocks"), [(ROWS, (0, 1, 2, 3, 4)), (TABLE, (0, 0, 1, 2, 3))], ids=["headings, list, code", "table, quotation"])
def test_blocks_are_chosen_by_pointer_and_key_and_pass_axe(opened: Callable[[Report], Opened], rows: tuple, blocks: tuple[int, ...]) -> None:
    page = opened(of_rows(rows, blocks))
    page.tab.locator(".sentence").nth(1).locator(".words, .cell").last.click()
    assert page.chosen() == [1]
    page.tab.keyboard.press("j")
    assert page.chosen() == [2]
    assert page.texts(".words") == [text for text, _, _ in rows]
    assert page.tab.locator(".ticks i").count() == 0 or rows is TABLE
    page.tab.set_viewport_size({"width": 390, "height": 844})
    page.tab.keyboard.press("j")
    assert page.tab.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.quiet()
    page.tab.evaluate("scrollTo({top: 0, behavior: 'instant'})")  # the bar covers a part of what lies below it, and axe takes the rest for the target
    assert violations(page.tab) == []


def test_lines_of_code_stand_under_each_other_and_columns_of_a_table_align(opened: Callable[[Report], Opened]) -> None:
    page = opened(of_rows(TABLE, (0, 0, 1, 2, 3)))
    lefts = page.tab.eval_on_selector_all(".cell", "cells => cells.map((cell) => Math.round(cell.getBoundingClientRect().left))")
    assert lefts[:2] == lefts[2:]
    page = opened(of_rows((*TABLE[2:], ("if x:", "code", 0), ("return 1", "code", 0)), (0, 1, 2, 3, 3)))
    tops = page.tab.eval_on_selector_all(".block.code .words", "lines => lines.map((line) => line.getBoundingClientRect().top)")
    assert tops[1] > tops[0]


def test_a_section_is_one_unit_with_its_blocks_inside_and_the_page_says_section(opened: Callable[[Report], Opened]) -> None:
    text = "".join(piece.text + piece.gap for piece in SECTION[0])
    page = opened(of_rows(((text, "heading", 1), *ROWS[1:]), (0, 1, 2, 3, 4), SECTION, "section"))
    assert page.tab.locator(".section .piece[role=heading][aria-level='4']").inner_text() == "The log"
    page.tab.locator(".section .piece.paragraph").click()
    assert page.chosen() == [0]
    assert page.tab.locator(".words").first.evaluate("words => words.textContent") == text
    assert page.tab.locator("#chosen-heading").inner_text().startswith("Links of section 1")
    said = page.tab.evaluate("""() => { const page = document.querySelector("main").cloneNode(true);
        page.querySelectorAll("bdi, code, script, style, dd, .token").forEach((part) => part.remove()); return page.textContent; }""")
    assert re.findall(r"(?<!inter-)\b[Ss]entences?\b.{20}", re.sub(r"“[^”]*”", "", said)) == []
    assert page.texts(".piece.paragraph") == ["A sentence."]

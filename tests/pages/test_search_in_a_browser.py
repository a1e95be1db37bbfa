"""Search in the document by keyboard and by mouse: what is marked, what is counted, what is chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pages.conftest import READY
from pages.opened import Opened, listen
from pages.reports import long_report, section_of, small_report, with_result

from reportgen.render import render_report

SENTENCES = section_of(long_report(sentences=53, layers=3, heads=7), "sentence_matrix").result.sentences
WITH_KEEPER = [place for place, text in enumerate(SENTENCES) if "keeper" in text.lower()]
KEEPERS = sum(text.lower().count("keeper") for text in SENTENCES)
MARKED = "[...(CSS.highlights.get('found') ?? [])].map((range) => range.toString())"
CURRENT = "[...(CSS.highlights.get('found-current') ?? [])].map((range) => Number(range.startContainer.parentElement.closest('.sentence').dataset.sentence))"
SCRIPTS = (
    "Élan vital, façade and NAÏVE coöperation; Straße.",
    "قال المُعَلِّمُ للطالب.",
    "我们在北京学习。 東京ﾀﾜｰ。",
    "Οδυσσέας και ΟΔΥΣΣΕΑΣ.",
    "A 🧿 and a “quoted   word” don’t hurt.",
)


def marked(page: Opened) -> list[str]:
    return page.tab.evaluate(MARKED)


def count(page: Opened) -> str:
    return page.read("#search-count")


def open_search(page: Opened, text: str) -> None:
    page.tab.keyboard.press("/")
    page.tab.keyboard.type(text)


def test_a_slash_leads_to_a_labelled_field_beside_the_text(page: Opened) -> None:
    page.tab.keyboard.press("/")
    assert page.tab.evaluate("document.activeElement.id") == "search"
    assert page.tab.input_value("#search") == ""
    assert page.tab.evaluate("document.activeElement.labels[0].textContent") == "Search the text"
    assert page.tab.locator(".document #search").count() == 1


def test_every_match_is_marked_whatever_its_case_and_the_count_is_announced(page: Opened) -> None:
    open_search(page, "KEEPER")
    assert len(marked(page)) == KEEPERS
    assert {text.lower() for text in marked(page)} == {"keeper"}
    assert count(page) == f"{KEEPERS} matches in {len(WITH_KEEPER)} sentences"
    assert page.tab.get_attribute("#search-count", "aria-live") == "polite"
    assert page.tab.locator("#text mark:not(.token)").count() == 0
    page.tab.keyboard.type("zzz")
    assert marked(page) == []
    assert count(page) == "no match"


def test_enter_goes_to_the_next_match_shift_enter_to_the_one_before_and_both_choose_its_sentence(page: Opened) -> None:
    open_search(page, "keeper")
    page.tab.keyboard.press("Enter")
    assert page.chosen() == page.tab.evaluate(CURRENT) == [WITH_KEEPER[0]]
    assert page.crosshair() == [WITH_KEEPER[0]] * 2
    assert count(page).startswith(f"1 of {KEEPERS} matches")
    page.tab.keyboard.press("Enter")
    second = page.chosen()
    assert page.tab.evaluate("document.activeElement.id") == "search"
    page.tab.keyboard.press("Shift+Enter")
    page.tab.keyboard.press("Shift+Enter")
    assert page.chosen() == [WITH_KEEPER[-1]]
    assert count(page).startswith(f"{KEEPERS} of {KEEPERS} matches")
    assert second[0] in WITH_KEEPER


def test_matches_stay_marked_while_tokens_are_lit_up_in_the_text_and_put_out_again(page: Opened) -> None:
    open_search(page, "keeper")
    every = marked(page)
    for _ in range(2):
        page.tab.keyboard.press("Enter")
        page.tab.locator("#token-row button", has_text="eeper").first.click()
        assert page.tab.locator("mark.token").count() > 0
        assert marked(page) == every
        page.tab.locator("#search").press("Enter")
        assert marked(page) == every
        assert page.tab.evaluate(CURRENT) == page.chosen()


def test_the_match_is_brought_into_view(page: Opened) -> None:
    open_search(page, "keeper")
    page.tab.keyboard.press("Shift+Enter")
    page.tab.wait_for_function("place => { const box = document.getElementById(`sentence-${place + 1}`).getBoundingClientRect(); return box.top > 0 && box.top < innerHeight; }", arg=WITH_KEEPER[-1])  # fmt: skip
    assert page.tab.locator("#search").evaluate("element => element.getBoundingClientRect().top >= 0")


def test_buttons_do_what_the_keys_do(page: Opened) -> None:
    assert page.tab.is_disabled("#search-next")
    page.tab.fill("#search", "keeper")
    page.tab.click("#search-next")
    assert page.chosen() == [WITH_KEEPER[0]]
    page.tab.click("#search-back")
    assert page.chosen() == [WITH_KEEPER[-1]]
    page.tab.fill("#search", "")
    assert count(page) == ""
    assert page.tab.is_disabled("#search-back")


def test_escape_leaves_the_search_and_keeps_the_sentence_that_was_found(page: Opened) -> None:
    open_search(page, "keeper")
    page.tab.keyboard.press("Enter")
    page.tab.keyboard.press("Escape")
    assert marked(page) == []
    assert page.tab.input_value("#search") == count(page) == ""
    assert page.chosen() == [WITH_KEEPER[0]]
    assert page.tab.evaluate("document.activeElement.id") == f"sentence-{WITH_KEEPER[0] + 1}"


def test_letters_typed_in_the_field_are_no_keys_of_the_page(page: Opened) -> None:
    before = page.chosen()
    open_search(page, "jk?/")
    assert page.tab.input_value("#search") == "jk?/"
    assert page.chosen() == before
    assert page.tab.locator("dialog[open]").count() == 0


@pytest.fixture(scope="module")
def scripts(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """A page whose sentences are in several scripts."""
    path = tmp_path_factory.mktemp("scripts") / "scripts.html"
    path.write_text(render_report(with_result(small_report(), "sentence_matrix", sentences=SCRIPTS), lambda specs: {}), encoding="utf-8")
    context = browser.new_context()
    page = listen(context.new_page())
    page.tab.goto(path.as_uri())
    page.tab.wait_for_selector(READY, state="attached")
    yield page
    context.close()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("elan", ["Élan"]),
        ("FACADE", ["façade"]),
        ("cooperation", ["coöperation"]),
        ("naïve", ["NAÏVE"]),
        ("strasse", ["Straße"]),
        ("المعلم", ["المُعَلِّمُ"]),
        ("北京", ["北京"]),
        ("タワー", ["ﾀﾜｰ"]),
        ("οδυσσεασ", ["Οδυσσέας", "ΟΔΥΣΣΕΑΣ"]),
        ("🧿", ["🧿"]),
        ('"quoted word"', ["“quoted   word”"]),
        ("don't", ["don’t"]),
        ("^", []),
        ("  ", []),
    ],
)
def test_accents_case_and_form_make_no_difference_in_any_script(scripts: Opened, query: str, found: list[str]) -> None:
    scripts.tab.fill("#search", query)
    assert scripts.tab.evaluate(MARKED) == found
    assert scripts.quiet()


def test_a_browser_that_cannot_paint_highlights_gets_mark_elements_and_the_same_text(browser: Any, pages: dict[str, Path]) -> None:
    context = browser.new_context()
    context.add_init_script("delete CSS.highlights")
    page = listen(context.new_page())
    page.tab.goto(pages["long"].as_uri())
    page.tab.wait_for_selector(READY, state="attached")
    open_search(page, "keeper")
    assert page.tab.evaluate("CSS.highlights === undefined")
    assert [text.lower() for text in page.texts("#text .words mark:not(.token)")] == ["keeper"] * KEEPERS
    page.tab.keyboard.press("Enter")
    assert page.chosen() == [WITH_KEEPER[0]]
    assert page.tab.locator("#text .words mark.current").count() == 1
    page.tab.keyboard.press("Escape")
    assert page.tab.locator(".words *").count() == 0
    assert page.texts(".words") == list(SENTENCES)
    assert page.quiet()
    context.close()


def test_a_search_for_markup_finds_it_as_text(open_file: Callable[..., Opened], tmp_path: Path) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    report = with_result(small_report(), "sentence_matrix", sentences=(hostile,) * 5)
    (tmp_path / "hostile.html").write_text(render_report(replace(report, title="Markup"), lambda specs: {}), encoding="utf-8")
    page = open_file(tmp_path / "hostile.html")
    open_search(page, hostile)
    page.tab.keyboard.press("Enter")
    assert marked(page) == [hostile] * 5
    assert page.tab.locator("img").count() == 0
    assert page.quiet()

"""The built site, opened from its files the way a reader does: search, filters, order, a report and back, keys, a phone, paper, and axe-core."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pages.accessibility import OPEN_ALL, violations
from pages.opened import Opened, listen

from reportgen.website import Built

TITLES = ["Trees and water", "Trees and water", "A log of the north light"]
PAGES = ("index.html", "documents/trees-and-water.html", "models/made-up-1.html", "findings.html", "about.html", "404.html")
ACTIVE = "document.activeElement.id"


@pytest.fixture(scope="module")
def tab(browser: Any) -> Any:
    return browser.new_context(viewport={"width": 1300, "height": 900}).new_page()


@pytest.fixture
def index(tab: Any, built: tuple[Path, Built]) -> Iterator[Opened]:
    """The index, just opened; afterwards it has said nothing to the console and asked for nothing but pages of the site."""
    tab.goto("about:blank")
    tab.set_viewport_size({"width": 1300, "height": 900})
    tab.emulate_media(color_scheme="light", media="screen")
    page = listen(tab)
    tab.goto((built[0] / "index.html").as_uri())
    yield page
    page.stop()
    assert page.said == []
    assert all(address.startswith((built[0].as_uri(), "data:")) for address in page.asked)


def shown(page: Opened) -> list[str]:
    return page.tab.locator("#reports > li:visible h3").all_inner_texts()


def count(page: Opened) -> str:
    return page.tab.inner_text("#count")


def test_search_looks_at_every_word_whatever_its_case_and_says_how_many_it_found(index: Opened) -> None:
    assert (shown(index), count(index)) == (TITLES, "3 reports")
    index.tab.fill("#q", "  NÓRTH light ")
    assert (shown(index), count(index)) == (TITLES[2:], "1 of 3 reports")
    index.tab.fill("#q", "water made-up-2")
    assert shown(index) == TITLES[1:2]
    index.tab.fill("#q", "north water")
    assert (shown(index), count(index)) == ([], "0 of 3 reports")
    index.tab.click("#clear")
    assert (shown(index), index.tab.input_value("#q"), index.tab.evaluate(ACTIVE)) == (TITLES, "", "q")


def test_filters_narrow_the_list_together_and_stand_in_the_address(index: Opened) -> None:
    index.tab.select_option("#model", label="made-up-1")
    index.tab.select_option("#genre", "essay")
    assert shown(index) == TITLES[:1]
    index.tab.select_option("#tag", label="water")
    assert "#model=made-up-1&genre=essay&tag=water" in index.tab.url
    index.tab.reload()
    assert (shown(index), index.tab.input_value("#tag")) == (TITLES[:1], "water")
    index.tab.evaluate("location.hash = '#genre=log&tag=nothing&__proto__=x'")
    index.tab.wait_for_function("() => document.getElementById('count').textContent === '1 of 3 reports'")
    assert (shown(index), index.tab.input_value("#tag")) == (TITLES[2:], "")


def test_the_list_is_put_in_order_by_title_day_and_number(index: Opened) -> None:
    slugs = "found => found.map((link) => link.getAttribute('href').slice(8, -5))"
    first = ["trees-and-water-made-up-1", "trees-and-water-made-up-2", "a-log-of-the-north-light-made-up-1"]

    def order(by: str) -> list[str]:
        index.tab.select_option("#sort", by)
        return index.tab.eval_on_selector_all("#reports h3 a", slugs)

    assert order("title") == [first[2], first[0], first[1]]
    assert order("date") == [first[1], first[0], first[2]]
    data = index.tab.evaluate("JSON.parse(document.getElementById('index-data').textContent).reports")
    by_sinks = [first[place] for place in sorted(range(3), key=lambda place: -data[place]["numbers"]["sinks"])]
    assert order("sinks") == by_sinks
    assert order("agreement") == first  # none has the number
    assert order("") == first


def test_a_report_opens_and_back_leads_to_the_list_as_it_was(index: Opened) -> None:
    index.tab.fill("#q", "north")
    index.tab.click("#reports > li:visible h3 a")
    index.tab.wait_for_selector("#matrix .top-link", state="attached")
    assert index.texts("h1") == TITLES[2:]
    index.tab.go_back()
    index.tab.wait_for_selector("#count")
    assert (shown(index), index.tab.input_value("#q")) == (TITLES[2:], "north")


def test_everything_is_reached_by_keys_alone(index: Opened) -> None:
    index.tab.keyboard.press("Tab")
    assert index.tab.evaluate("document.activeElement.textContent") == "Skip to the content"
    index.tab.keyboard.press("Enter")
    assert index.tab.evaluate(ACTIVE) == "content"
    index.tab.keyboard.press("/")
    assert index.tab.evaluate(ACTIVE) == "q"
    index.tab.keyboard.type("north/")
    assert index.tab.input_value("#q") == "north/"
    index.tab.keyboard.press("Escape")
    assert (index.tab.input_value("#q"), shown(index)) == ("", TITLES)
    index.tab.keyboard.type("north")
    for _ in range(10):
        index.tab.keyboard.press("Tab")
        if index.tab.evaluate("document.activeElement.closest('h3')") is not None:
            break
    index.tab.keyboard.press("Enter")
    index.tab.wait_for_selector("#matrix", state="attached")
    assert index.texts("h1") == TITLES[2:]


def test_reports_side_by_side_sort_and_lead_to_their_evidence(index: Opened) -> None:
    index.tab.click("text=2 readings of this document >> nth=0")
    assert index.texts("h1") == TITLES[:1]
    assert [len(row) for row in (index.texts(".reading"), index.texts(".panel-row"), index.texts(".panel"))] == [2, 5, 10]
    index.tab.click(".lined-up th >> text=Model")
    index.tab.click(".lined-up th >> text=Model")
    assert index.texts(".lined-up tbody td:nth-child(2)") == ["made-up-2", "made-up-1"]
    index.tab.click(".reading >> nth=1 >> text=Evidence >> nth=0")
    assert index.tab.url.endswith("reports/trees-and-water-made-up-2.html#top_links")


def test_without_scripts_the_index_is_a_plain_list(browser: Any, built: tuple[Path, Built]) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = listen(context.new_page())
    page.tab.goto((built[0] / "index.html").as_uri())
    assert shown(page) == TITLES
    assert page.tab.locator("#choose:visible").count() == 0
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wider_than_a_phone_and_paper_has_no_controls(index: Opened, built: tuple[Path, Built], name: str) -> None:
    index.tab.set_viewport_size({"width": 390, "height": 844})
    index.tab.goto((built[0] / name).as_uri())
    assert index.tab.evaluate("document.documentElement.scrollWidth") == 390
    index.tab.emulate_media(media="print")
    assert index.tab.locator("select:visible, input:visible, .site-bar nav:visible").count() == 0


@pytest.mark.parametrize(
    ("name", "scheme", "width"),
    [(name, "light", 1300) for name in PAGES if not name.startswith("models/")] + [("index.html", "dark", 390), (PAGES[1], "dark", 1300)],
)
def test_axe_finds_nothing(index: Opened, built: tuple[Path, Built], name: str, scheme: str, width: int) -> None:
    index.tab.set_viewport_size({"width": width, "height": 900})
    index.tab.emulate_media(color_scheme=scheme)
    index.tab.goto((built[0] / name).as_uri())
    index.tab.evaluate(OPEN_ALL)
    assert violations(index.tab) == []

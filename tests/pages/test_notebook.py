"""A report in a notebook: a frame that holds the page, and lets nothing out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pages.elements import read_page
from pages.hostile import CASES, saying
from pages.opened import Opened, listen
from pages.reports import long_report, small_report

from reportgen.notebook import Page, frame
from reportgen.render import render_report


@pytest.fixture(scope="module")
def notebook(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """A document that shows a report between its own elements, as a notebook does."""
    path = tmp_path_factory.mktemp("notebook") / "notebook.html"
    shown = frame(render_report(long_report(sentences=53, layers=3, heads=7)))
    path.write_text(f"<!doctype html><meta charset=utf-8><title>notebook</title><h1>Mine</h1>{shown}<p>after</p>", encoding="utf-8")
    context = browser.new_context(viewport={"width": 1300, "height": 900})
    page = listen(context.new_page())
    page.tab.goto(path.as_uri())
    page.tab.frame_locator("iframe").locator("#matrix .top-link").first.wait_for(state="attached")
    yield page
    context.close()


def test_the_frame_parses_to_one_element_that_holds_the_page_as_it_is() -> None:
    html = render_report(small_report(), lambda specs: {})
    (held,) = read_page(frame(html)).elements
    assert held.name == "iframe"
    assert held.attributes["srcdoc"] == html
    assert held.attributes["title"]
    assert int(held.attributes["height"]) >= 400
    assert held.attributes["sandbox"].split() == ["allow-scripts", "allow-downloads"]


@pytest.mark.parametrize("text", [case for case in CASES if len(case) < 100])
def test_a_hostile_title_stays_inside(text: str) -> None:
    (held,) = read_page(frame(render_report(saying(text), lambda specs: {}))).elements
    assert set(held.attributes) == {"title", "width", "height", "frameborder", "sandbox", "srcdoc"}


def test_a_report_and_a_rendered_page_show_themselves_alike() -> None:
    report = small_report()
    page = render_report(report)
    assert isinstance(page, str)
    assert type(page) is Page
    assert report._repr_html_() == page._repr_html_() == frame(page)


def test_in_the_frame_the_page_works_without_a_message(notebook: Opened) -> None:
    inside = notebook.tab.frame_locator("iframe")
    inside.locator("#sentence-31 .words").click()
    assert inside.locator(".sentence[aria-current]").get_attribute("data-sentence") == "30"
    inside.locator("#text").press("/")
    inside.locator("#search").fill("keeper")
    inside.locator("#search").press("Enter")
    assert inside.locator("#search-count").inner_text().startswith("1 of ")
    assert notebook.said == []
    assert len(notebook.asked) == 1


def test_in_the_frame_links_lead_to_their_parts_and_not_out_of_it(notebook: Opened) -> None:
    inside = notebook.tab.frame_locator("iframe")
    inside.locator(".findings a").first.click()
    assert inside.locator("h1").inner_text() == "A log of the north light"
    assert inside.locator("html").evaluate("() => scrollY") > 500
    inside.locator("#top-links a").first.click()
    number = int(inside.locator("#top-links a").first.inner_text())
    assert inside.locator(".sentence[aria-current]").get_attribute("data-sentence") == str(number - 1)
    assert len(notebook.asked) == 1
    assert notebook.tab.locator("h1").inner_text() == "Mine"


def test_in_the_frame_files_can_be_saved(notebook: Opened) -> None:
    inside = notebook.tab.frame_locator("iframe")
    inside.locator("[data-chart='sinks-maps'] .export summary").click()
    for kind in ("SVG", "PNG", "CSV"):
        with notebook.tab.expect_download() as download:
            inside.locator(f"[data-chart='sinks-maps'] .export button[aria-label^='{kind}:']").click()
        assert Path(download.value.path()).stat().st_size > 500


def test_the_frame_cannot_reach_the_notebook(notebook: Opened) -> None:
    (inside,) = notebook.tab.main_frame.child_frames
    refused = "() => { try { return parent.document.title; } catch (error) { return error.name; } }"
    assert inside.evaluate(refused) == "SecurityError"

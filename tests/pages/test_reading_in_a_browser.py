"""The page in a real browser: how it opens, on what screens, with and without its script."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pages.hostile import CASES, saying
from pages.opened import Opened, listen
from pages.reports import MEASURES, long_report, section_of, small_report, with_result

from reportgen.characters import clean_text
from reportgen.render import render_report

TEXTS = ("body", ".subtitle", ".finding", ".caveat", ".number", ".text-links a", "#readout .said", ".measure-notes", "summary", ".source .words", ".key")
WIDEST = "document.documentElement.scrollWidth"
CONTRAST = """([selector]) => {
  const light = (text) => {
    const [r, g, b] = text.match(/[\\d.]+/g).map(Number).map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ink = light(getComputedStyle(document.querySelector(selector)).color);
  const paper = light(getComputedStyle(document.documentElement).backgroundColor);
  return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
}"""


def test_the_page_opens_without_a_message_or_a_request(page: Opened) -> None:
    assert page.quiet()


def test_the_page_opens_at_its_top_on_the_link_it_was_given(page: Opened) -> None:
    query, key = section_of(long_report(sentences=53, layers=3, heads=7), "sentence_matrix").result.opening
    assert page.chosen() == [query]
    assert page.crosshair() == [query, query]
    assert f"sentence {query + 1} gives sentence {key + 1} " in page.readout()
    assert page.tab.evaluate("scrollY") == 0


def test_no_part_that_needs_scripts_is_left_hidden_or_left_apologising(page: Opened) -> None:
    assert page.tab.locator(".for-scripts[hidden]").count() == 0
    assert page.tab.locator(".needs-scripts").count() == 0


def test_nothing_runs_over_the_side_of_the_window(page: Opened) -> None:
    page.tab.evaluate("document.querySelectorAll('details').forEach((element) => { element.open = true; })")
    for width in (320, 390, 800, 1100, 1440):
        page.tab.set_viewport_size({"width": width, "height": 844})
        assert page.tab.evaluate(WIDEST) <= width


def test_a_word_without_end_does_not_widen_a_phone(open_file: Callable[..., Opened], tmp_path: Path) -> None:
    (tmp_path / "wide.html").write_text(render_report(saying("W" * 900)), encoding="utf-8")
    assert open_file(tmp_path / "wide.html", width=390).tab.evaluate(WIDEST) <= 390


def test_on_a_phone_the_matrix_stands_below_the_text_and_on_a_wide_screen_beside_it(page: Opened) -> None:
    places = "['#text', '#matrix'].map((name) => { const box = document.querySelector(name).getBoundingClientRect(); return [box.left, box.top, box.right, box.bottom]; })"
    text, matrix = page.tab.evaluate(places)
    assert matrix[0] > text[2]
    assert matrix[1] < text[1] + 400
    page.tab.set_viewport_size({"width": 390, "height": 844})
    text, matrix = page.tab.evaluate(places)
    assert matrix[1] > text[3]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(open_file: Callable[..., Opened], pages: dict[str, Path], scheme: str) -> None:
    page = open_file(pages["long"], color_scheme=scheme)
    contrasts = {selector: page.tab.evaluate(CONTRAST, [selector]) for selector in TEXTS}
    assert {selector: contrast for selector, contrast in contrasts.items() if contrast < 4.5} == {}


def test_dark_is_another_page_for_the_eye(open_file: Callable[..., Opened], pages: dict[str, Path]) -> None:
    light, dark = (open_file(pages["long"], color_scheme=scheme) for scheme in ("light", "dark"))
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    assert light.tab.evaluate(ground) == "rgb(253, 252, 250)"
    assert dark.tab.evaluate(ground) == "rgb(21, 23, 26)"
    assert light.painted() != dark.painted()
    axis = "getComputedStyle(document.querySelector('.picture text')).fill"
    assert light.tab.evaluate(axis) != dark.tab.evaluate(axis)


def test_a_change_of_scheme_repaints_the_matrix(page: Opened) -> None:
    before = page.painted()
    page.tab.emulate_media(color_scheme="dark")
    page.tab.wait_for_function("before => document.querySelector('#matrix canvas').toDataURL() !== before", arg=before)


def test_without_scripts_everything_but_the_matrix_reads(open_file: Callable[..., Opened], pages: dict[str, Path]) -> None:
    page = open_file(pages["long"], scripts=False)
    report = long_report(sentences=53, layers=3, heads=7)
    shown = page.read("body")
    assert "have not run" in shown or "has not run here" in shown
    for section in report.sections:
        assert section.finding in shown
        assert section.caveat in shown
    assert page.tab.locator(".words:visible").count() == 53
    assert page.tab.locator("#top-links tbody tr:visible").count() == 12
    assert page.tab.locator(".picture:visible").count() == sum(len(section.charts) for section in report.sections)
    assert page.tab.locator("select:visible, input:visible, canvas:visible, #readout:visible").count() == 0


def test_without_scripts_a_link_to_a_sentence_marks_it(open_file: Callable[..., Opened], pages: dict[str, Path]) -> None:
    page = open_file(pages["long"], scripts=False, fragment="#sentence-7")
    assert page.tab.locator(".sentence:target").get_attribute("id") == "sentence-7"


def test_a_browser_that_inflates_nothing_by_itself_shows_the_same(open_file: Callable[..., Opened], browser, pages: dict[str, Path]) -> None:
    context = browser.new_context()
    context.add_init_script("delete window.DecompressionStream")
    old = listen(context.new_page())
    old.tab.goto(pages["small"].as_uri())
    old.tab.wait_for_selector("#readout .said")
    page = open_file(pages["small"], wait_for="#readout .said")
    assert (old.readout(), old.texts("#head-table td"), old.said) == (page.readout(), page.texts("#head-table td"), [])
    assert old.tab.locator("#matrix:visible").count() == 1
    context.close()


def test_paper_shows_disclosures_open_and_no_controls(page: Opened) -> None:
    page.tab.emulate_media(media="print")
    page.tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.tab.locator("details:not([open])").count() == 0
    assert page.tab.locator("select:visible, input:visible, .contents:visible").count() == 0
    assert page.tab.locator("#head-table:visible").count() == 1
    page.tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.tab.locator("details[open]").count() == 0


def test_hostile_text_runs_nothing_in_a_real_browser(open_file: Callable[..., Opened], tmp_path: Path) -> None:
    text = " ".join(CASES[:6])
    report = with_result(saying(text), "sentence_matrix", sentences=tuple(CASES[:5]))
    (tmp_path / "hostile.html").write_text(render_report(report), encoding="utf-8")
    page = open_file(tmp_path / "hostile.html")
    for sentence in range(5):
        page.tab.locator(".sentence").nth(sentence).click()
    assert page.quiet()
    assert page.tab.locator("iframe, base, img, .words *, h1 *").count() == 0
    assert page.texts("h1") == [clean_text(text)]
    assert page.texts(".words") == CASES[:5]
    assert page.tab.title() == clean_text(text) + ": where attention goes"


def test_a_document_of_one_sentence_opens(open_file: Callable[..., Opened], browser, tmp_path: Path) -> None:
    (tmp_path / "one.html").write_text(render_report(small_report(sentences=1, tokens=5), lambda specs: {}), encoding="utf-8")
    page = open_file(tmp_path / "one.html", wait_for=".sentence[aria-current]")
    assert page.quiet()
    assert page.chosen() == [0]


def test_an_encoder_has_no_cell_that_was_never_computed(open_file: Callable[..., Opened], tmp_path: Path) -> None:
    report = small_report()
    result = section_of(report, "sentence_matrix").result
    both = {name: tuple(view + view.T for view in getattr(result, name)) for name in MEASURES}
    report = with_result(report, "sentence_matrix", causal=False, expected=result.expected + result.expected.T, **both)
    (tmp_path / "encoder.html").write_text(render_report(replace(report, title="Both ways"), lambda specs: {}), encoding="utf-8")
    page = open_file(tmp_path / "encoder.html")
    assert page.tab.locator(".never").count() == 0
    page.tab.locator("#matrix").click(position={"x": page.tab.evaluate("document.querySelector('#matrix').clientWidth") * 0.9, "y": 20})
    assert "sentence 1 gives sentence 5 " in page.readout()


def test_pairs_that_no_window_holds_together_are_hatched(open_file: Callable[..., Opened], tmp_path: Path) -> None:
    report = small_report()
    result = section_of(report, "sentence_matrix").result
    apart = np.abs(np.subtract.outer(np.arange(len(result.sentences)), np.arange(len(result.sentences)))) > 2
    seen = {name: tuple(np.where(apart, np.nan, view) for view in getattr(result, name)) for name in MEASURES}
    report = with_result(report, "sentence_matrix", windowed=True, first_read=(0, 0, 0, 1, 2), expected=np.where(apart, np.nan, result.expected), **seen)
    (tmp_path / "windows.html").write_text(render_report(report, lambda specs: {}), encoding="utf-8")
    page = open_file(tmp_path / "windows.html")
    assert page.quiet()
    page.tab.locator("#measure").select_option("isa")
    links = page.tab.locator("#top-links tbody tr").evaluate_all(
        "(rows) => rows.map((row) => [...row.cells].slice(0, 2).map((cell) => Number(cell.innerText)))"
    )
    assert sorted(links) == [[3, 2], [4, 3], [5, 4]]  # neither to the first that was read with a sentence nor to itself
    assert page.tab.locator("#top-links caption").inner_text().endswith("first sentence of each window and the sentence itself left out")
    assert page.tab.locator("#streams").count() == 0
    assert "no window holds with it" in page.tab.locator(".never").inner_text()
    note, legend = (page.tab.locator(one).bounding_box() for one in (".never", "#matrix-legend"))
    assert note["y"] + note["height"] <= legend["y"]
    colours = """([query, key, size]) => { const canvas = document.querySelector("#matrix canvas"), cell = canvas.width / size, context = canvas.getContext("2d");
        const pixels = context.getImageData(key * cell + 2, query * cell + 2, cell - 4, cell - 4).data, found = new Set();
        for (let i = 0; i < pixels.length; i += 4) found.add(pixels.slice(i, i + 4).join());
        return found.size; }"""
    size = len(result.sentences)
    assert page.tab.evaluate(colours, [4, 1, size]) > 1  # lines and what is between them
    assert page.tab.evaluate(colours, [4, 3, size]) == 1  # one colour for the value

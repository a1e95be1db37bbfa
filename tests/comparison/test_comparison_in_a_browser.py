"""The page of a comparison in a browser: cells are read by pointer, finger and key, axe finds nothing, and it works without its script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from comparison.versions import MANY, version
from pages.accessibility import contrasts, violations
from pages.opened import Opened, listen

from reportgen.comparison import build_comparison, matrices, render_comparison

CHANGED = (*MANY[:3], "Nobody sang to it.", MANY[5], MANY[4], *MANY[6:10], f"{MANY[11]} {MANY[10]}")
VIEWS = {("light", "screen", 1440): (), ("dark", "screen", 390): (), ("dark", "print", 680): ("target-size",)}  # nobody presses paper
OPEN_ALL = "document.querySelectorAll('details').forEach((element) => { element.open = true; })"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("comparison") / "comparison.html"
    path.write_text(render_comparison(build_comparison(version(MANY), version(CHANGED))), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def tab(browser) -> Iterator:
    context = browser.new_context(has_touch=True)
    yield context.new_page()
    context.close()


@pytest.fixture
def page(tab, file: Path) -> Iterator[Opened]:
    tab.goto("about:blank")
    tab.set_viewport_size({"width": 1440, "height": 900})
    tab.emulate_media(color_scheme="light", media="screen")
    page = listen(tab)
    tab.goto(file.as_uri())
    yield page
    assert page.quiet()
    page.stop()


def test_a_cell_is_read_by_pointer_key_and_finger(page: Opened) -> None:
    cells = page.tab.locator("[data-cells=change]")
    side = cells.bounding_box()["width"]
    cells.hover(position={"x": side * 0.01, "y": side * 0.99})
    said = page.tab.inner_text("#readout")
    assert "A\n" in said
    assert "times what even attention gives" in said
    assert page.tab.locator(".cursor:visible").count() == 3
    assert page.tab.locator(".match.chosen").count() == page.tab.locator(".match.looked-at").count() == 1
    page.tab.locator("[data-cells=a]").focus()
    page.tab.keyboard.press("ArrowRight")
    assert page.tab.inner_text("#readout") != said
    page.tab.keyboard.press("ArrowLeft")
    assert page.tab.inner_text("#readout") == said
    page.tab.locator("[data-cells=b]").tap(position={"x": side * 0.99, "y": side * 0.01})
    assert "cannot be compared" in page.tab.inner_text("#readout")


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_axe_finds_nothing_and_nothing_is_wider_than_the_page(page: Opened, view: tuple[str, str, int]) -> None:
    scheme, media, width = view
    page.tab.set_viewport_size({"width": width, "height": 900})
    page.tab.emulate_media(color_scheme=scheme, media=media)
    page.tab.evaluate(OPEN_ALL)
    assert page.tab.evaluate("document.documentElement.scrollWidth") <= width
    found = contrasts(page.tab)
    assert {name: least for name, least in found.items() if least[0] < 4.5} == {}
    assert violations(page.tab, *VIEWS[view]) == []


def test_without_its_script_everything_but_the_reading_of_cells_is_there(browser, file: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(file.as_uri())
    assert tab.locator("#readout").is_hidden()
    assert tab.locator(".cells img").evaluate_all("images => images.length === 4 && images.every((image) => image.naturalWidth > 0)")
    assert tab.locator("ins").count() > 0
    context.close()


def test_the_last_row_says_for_how_many_sentences_it_stands(tab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrices, "ROWS_AT_MOST", 3)
    comparison = build_comparison(version(MANY), version(CHANGED))
    packed, size = matrices.pack_cells(comparison.between), len(comparison.between.cells.common)
    last = size - (packed.cells - 1) * packed.group
    assert 0 < last < packed.group
    (tmp_path / "grouped.html").write_text(render_comparison(comparison, lambda specs: {}), encoding="utf-8")
    tab.goto((tmp_path / "grouped.html").as_uri())
    cells = tab.locator("[data-cells=a]")
    side = cells.bounding_box()["width"]
    cells.hover(position={"x": side * 0.01, "y": side * 0.99})
    looks, looked_at = tab.locator("#readout dd").all_inner_texts()[:2]
    assert re.findall(r"and (\d+) more\b", looks) == ([str(last - 1)] if last > 1 else [])
    assert re.findall(r"and (\d+) more\b", looked_at) == [str(packed.group - 1)]

"""Pages opened in the browser the way a reader opens them: from a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pages.opened import Opened, listen
from pages.reports import long_report, small_report

from reportgen.render import render_report

WIDE = {"width": 1440, "height": 900}
READY = "#matrix .top-link"


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small page and one of 53 sentences, 3 layers and 7 heads, as files."""
    folder = tmp_path_factory.mktemp("pages")
    reports = {"small": small_report(), "long": long_report(sentences=53, layers=3, heads=7)}
    for name, report in reports.items():
        (folder / f"{name}.html").write_text(render_report(report), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in reports}


@pytest.fixture
def open_file(browser: Any) -> Iterator[Callable[..., Opened]]:
    """Opens a file in a window of its own, by default wide and light, and waits until its script has shown what it opens on."""
    contexts = []

    def open_it(path: Path, *, fragment: str = "", width: int = 1440, scripts: bool = True, wait_for: str = READY, **options: Any) -> Opened:
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, java_script_enabled=scripts, **options))
        page = listen(contexts[-1].new_page())
        page.tab.goto(path.as_uri() + fragment)
        if scripts:
            page.tab.wait_for_selector(wait_for, state="attached")
        return page

    yield open_it
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def tab(browser: Any) -> Any:
    """One window that many tests use one after the other: a new one for each would take most of their time."""
    return browser.new_context(viewport=WIDE).new_page()


@pytest.fixture
def page(tab: Any, pages: dict[str, Path]) -> Iterator[Opened]:
    """The longer page, just opened."""
    tab.goto("about:blank")
    tab.set_viewport_size(WIDE)
    tab.emulate_media(color_scheme="light", media="screen")
    tab.mouse.move(0, 0)
    page = listen(tab)
    tab.goto(pages["long"].as_uri())
    tab.wait_for_selector(READY, state="attached")
    yield page
    page.stop()

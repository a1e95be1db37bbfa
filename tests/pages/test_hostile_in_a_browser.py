"""In a real browser: whatever stands where a document, its title, its file or its model stands, nothing runs, nothing is asked for, no element changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pages.hostile import ACTS, CASES, disguised
from pages.opened import listen
from pages.reports import small_report

from reportgen.characters import clean_text
from reportgen.drawing.pictures import draw_pictures
from reportgen.render import render_report

REPORT = small_report(layers=2, heads=3)
TEXTS = CASES + ACTS
PAGES = 3  # each says all texts, each in another place
# Which part of the contents is current depends on how far the page has scrolled.
TREE = """() => [...document.querySelectorAll("*")].map((element) => [element.localName, ...(element.closest(".contents") ? [] : element.getAttributeNames().sort())].join(" "))"""
TOUCH = """() => {
  document.querySelectorAll("details").forEach((element) => { element.open = true; });
  document.querySelectorAll(".words, [data-pair], [data-head], th[data-sorts=number] button").forEach((element) => element.click());
  document.querySelectorAll("*").forEach((element) => { element.focus(); element.dispatchEvent(new MouseEvent("mouseover", { bubbles: true })); });
  document.getElementById("sentence-2").querySelector(".words").click();
}"""


def draw_nothing(specs: Mapping[str, object]) -> dict[str, str]:
    return {}


def settled(tab: Any) -> list[str]:
    """The elements once they have stayed as they are: what was touched is unpacked, and tables are filled, while nobody waits."""
    before: list[str] = []
    for _ in range(100):
        now = tab.evaluate(TREE)
        if now == before and not any("data-under-way" in element for element in now):
            return now
        before = now
        tab.wait_for_timeout(300)
    raise AssertionError("the page never came to rest")


@pytest.fixture(scope="module")
def tree_of(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[str]]:
    """Opens a page that says these texts, touches everything, and gives its elements; fails where anything ran or was asked for."""
    path: Path = tmp_path_factory.mktemp("hostile") / "page.html"
    tab = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    dialogs: list[str] = []
    tab.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))

    def tree(texts: list[str], draw: Callable[..., Any] = draw_nothing) -> list[str]:
        path.write_text(render_report(disguised(REPORT, texts), draw), encoding="utf-8")
        page = listen(tab)
        tab.goto(path.as_uri())
        tab.wait_for_selector("#matrix .top-link", state="attached")
        tab.evaluate(TOUCH)
        for name in ("model-view", "streams"):  # drawn where they come into sight
            tab.evaluate("(name) => document.getElementById(name).scrollIntoView()", name)
            settled(tab)
        found = settled(tab)
        page.stop()
        assert (page.said, page.asked, dialogs) == ([], [path.as_uri()], [])
        return found

    return tree


@pytest.fixture(scope="module")
def harmless(tree_of: Callable[..., list[str]]) -> list[str]:
    return tree_of([f"harmless {number}" for number in range(len(TEXTS))])


def test_hostile_texts_are_said_in_many_places() -> None:
    said: list[str] = []
    disguised(REPORT, _Counted(said))
    assert len(said) > len(TEXTS) / 2


class _Counted(list):
    """Texts that note which of them were asked for."""

    def __init__(self, said: list[str]) -> None:
        super().__init__(["harmless"] * 1000)
        self.said = said

    def __getitem__(self, place: Any) -> str:
        self.said.append(str(place))
        return super().__getitem__(place)


@pytest.mark.parametrize("turn", range(PAGES))
def test_no_text_that_would_act_does(tree_of: Callable[..., list[str]], harmless: list[str], turn: int) -> None:
    start = turn * len(TEXTS) // PAGES
    assert tree_of(TEXTS[start:] + TEXTS[:start]) == harmless


def test_no_text_acts_from_a_picture(tree_of: Callable[..., list[str]]) -> None:
    plain = {name for name in tree_of([f"harmless {number}" for number in range(len(TEXTS))], draw_pictures) if not name.startswith(("text", "path", "g "))}
    assert {name for name in tree_of(TEXTS, draw_pictures) if not name.startswith(("text", "path", "g "))} == plain


# Of which something is left when they are clean: a caveat of nothing is not printed, rightly, and the page has another shape.
PILES = st.text(st.sampled_from("<>/\"'`=&;!-{}%$#()\\\x00\u202e\u2028\ufffe\ud800scriptonlax: "), min_size=1, max_size=25).filter(
    lambda text: clean_text(text).strip()
)


@given(st.lists(PILES, min_size=7, max_size=7, unique_by=clean_text))
@settings(
    max_examples=4, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
def test_no_pile_of_markup_acts(tree_of: Callable[..., list[str]], harmless: list[str], texts: list[str]) -> None:
    assert tree_of(texts) == harmless

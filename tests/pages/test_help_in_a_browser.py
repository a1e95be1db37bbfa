"""The bar that stays on top, the help that ? opens, and when keys are keys of the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pages.opened import Opened

OPEN = "dialog[open]"
ACTIVE = "document.activeElement"


def current(page: Opened) -> list[str]:
    return page.tab.eval_on_selector_all(".contents [aria-current]", "found => found.map((link) => link.hash)")


def go_to(page: Opened, name: str) -> None:
    page.tab.evaluate("name => document.getElementById(name).scrollIntoView({ behavior: 'instant' })", name)
    page.tab.wait_for_function("name => document.querySelector('.contents [aria-current]').hash === `#${name}`", arg=name)


def test_a_question_mark_opens_the_help_and_escape_gives_the_focus_back(page: Opened) -> None:
    page.tab.focus("#sentence-20")
    chosen = page.chosen()
    page.tab.keyboard.press("?")
    assert page.tab.get_attribute(OPEN, "id") == "help"
    assert page.tab.evaluate(f"document.querySelector('{OPEN}').contains({ACTIVE})")
    page.tab.keyboard.press("Escape")
    assert page.tab.locator(OPEN).count() == 0
    assert page.tab.evaluate(f"{ACTIVE}.id") == "sentence-20"
    assert page.chosen() == chosen


@pytest.mark.parametrize("name", ["help", "exports"])
def test_a_button_opens_each_dialog_and_a_press_beside_it_or_its_own_button_closes_it(page: Opened, name: str) -> None:
    opener = f"[data-opens='{name}']"
    page.tab.click(opener)
    assert page.tab.get_attribute(OPEN, "id") == name
    assert page.tab.evaluate(f"document.getElementById(document.querySelector('{OPEN}').getAttribute('aria-labelledby')).textContent") != ""
    page.tab.click(f"#{name} h2")
    assert page.tab.locator(OPEN).count() == 1
    page.tab.mouse.click(3, 450)
    assert page.tab.locator(OPEN).count() == 0
    page.tab.focus(opener)
    page.tab.keyboard.press("Enter")
    page.tab.click(f"#{name} .close")
    assert page.tab.locator(OPEN).count() == 0
    assert page.tab.evaluate(f"{ACTIVE}.dataset.opens") == name


def test_the_focus_stays_in_the_dialog(page: Opened) -> None:
    page.tab.keyboard.press("?")
    for _ in range(6):
        page.tab.keyboard.press("Tab")
        assert page.tab.evaluate(f"{ACTIVE} === document.body || document.querySelector('{OPEN}').contains({ACTIVE})")


def test_the_help_lists_every_key_that_the_page_has(page: Opened) -> None:
    page.tab.keyboard.press("?")
    listed = set(page.texts("#help .keys kbd"))
    assert {"j", "k", "/", "?", "Esc", "Enter", "Shift", "Tab", "↑", "↓", "←", "→"} <= listed


def test_in_a_dialog_keys_do_nothing_to_the_page(page: Opened) -> None:
    before = page.chosen()
    page.tab.keyboard.press("?")
    for key in ("j", "k", "/"):
        page.tab.keyboard.press(key)
    assert page.chosen() == before
    assert page.tab.evaluate(f"{ACTIVE}.id") != "search"


@pytest.mark.parametrize("modifier", ["Control", "Alt", "Meta"])
@pytest.mark.parametrize("key", ["j", "/", "?"])
def test_with_a_modifier_a_key_is_not_the_pages(page: Opened, modifier: str, key: str) -> None:
    before = page.chosen()
    event = f"new KeyboardEvent('keydown', {{ key: '{key}', bubbles: true, cancelable: true, {modifier.lower().replace('control', 'ctrl')}Key: true }})"
    assert page.tab.evaluate(f"document.body.dispatchEvent({event})")
    assert page.chosen() == before
    assert page.tab.locator(OPEN).count() == 0
    assert page.tab.evaluate(f"{ACTIVE}.id") != "search"


@pytest.mark.parametrize("field", ["#search", "#count", "#measure"])
def test_in_a_field_a_key_is_not_the_pages(page: Opened, field: str) -> None:
    before = page.chosen()
    page.tab.focus(field)
    page.tab.keyboard.press("?")
    page.tab.keyboard.press("j")
    assert page.chosen() == before
    assert page.tab.locator(OPEN).count() == 0


def test_the_bar_stays_and_marks_the_part_in_view(page: Opened) -> None:
    assert current(page) == ["#findings"]
    for name in ("sentence_matrix", "head_redundancy", "flow", "method"):
        go_to(page, name)
        assert len(current(page)) == 1
        assert page.tab.evaluate("document.querySelector('.topbar').getBoundingClientRect().top") == 0
    go_to(page, "flow")
    assert page.texts(".contents .in-view > a") == ["Carriage"]
    assert page.texts(".contents .in-view ul a") == ["Decay", "Sinks", "Flow", "Chunks"]
    assert page.tab.locator(".contents ul ul a:visible").count() == 4


def test_the_title_stands_in_the_bar_once_the_pages_own_is_out_of_sight(page: Opened) -> None:
    assert not page.tab.is_visible(".topbar .read")
    go_to(page, "flow")
    page.tab.wait_for_selector(".topbar .read", state="visible")
    assert page.texts(".topbar .read a") == page.texts("h1")
    page.tab.click(".topbar .read a")
    page.tab.wait_for_function("() => scrollY === 0")


def test_links_of_the_bar_lead_to_their_parts_by_mouse_and_by_keyboard(page: Opened) -> None:
    page.tab.click(".contents a[href='#layer_progression']")
    assert page.tab.evaluate("Math.abs(document.getElementById('layer_progression').getBoundingClientRect().top) < 2")
    page.tab.focus(".contents a[href='#method']")
    page.tab.keyboard.press("Enter")
    page.tab.wait_for_function("() => document.querySelector('.contents [aria-current]').hash === '#method'")


def test_on_a_phone_the_current_part_is_in_sight_in_the_bar_and_the_bar_is_thin(page: Opened) -> None:
    page.tab.set_viewport_size({"width": 390, "height": 844})
    go_to(page, "pair_agreement")
    page.tab.wait_for_function("""() => {
      const [link, bar] = [".contents .in-view > a", ".contents"].map((name) => document.querySelector(name).getBoundingClientRect());
      return link.left >= bar.left - 1 && link.right <= bar.right + 1;
    }""")
    assert page.tab.evaluate("document.querySelector('.topbar').getBoundingClientRect().height") < 70  # two lines
    assert page.tab.locator("[data-opens]:visible").count() == 2


def test_each_part_is_named_once_above_its_first_section(page: Opened) -> None:
    assert page.texts(".part-name") == ["Document", "Heads", "Layers", "Carriage", "Belief"]
    assert page.tab.eval_on_selector_all(".part-name", "found => found.map((name) => name.parentElement.dataset.part)") == page.texts(".part-name")


def test_paper_and_a_page_without_scripts_have_neither_buttons_nor_dialogs(open_file: Callable[..., Opened], pages: dict[str, Path]) -> None:
    page = open_file(pages["small"], scripts=False)
    assert page.tab.locator(".topbar button:visible, dialog:visible, #search:visible").count() == 0
    assert page.tab.locator(".contents a:visible").count() >= 7
    page = open_file(pages["small"])
    page.tab.emulate_media(media="print")
    assert page.tab.locator(".topbar:visible, dialog:visible, .export:visible, #search:visible").count() == 0

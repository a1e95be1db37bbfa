"""The page on paper: what it draws or fills only when it is seen or opened is there when it is printed."""

from __future__ import annotations

from pages.opened import Opened
from pages.token_reports import DIMENSIONS

PRINT = "dispatchEvent(new Event('beforeprint'))"


def printed(page: Opened, wanted: str) -> object:
    """What is asked for, the moment that the browser takes the page for paper."""
    return page.tab.evaluate(f"(() => {{ {PRINT}; return {wanted}; }})()")


def test_paper_has_the_matrix_of_every_head_also_where_nobody_scrolled_to_them(page: Opened) -> None:
    drawn = (
        "[...document.querySelectorAll('#model-view canvas')].filter((canvas) => canvas.getContext('2d').getImageData(0, 0, 53, 53).data.some(Boolean)).length"
    )
    assert page.tab.evaluate(drawn) == 0
    assert printed(page, drawn) == 21


def test_the_matrices_of_heads_stay_together_on_one_page_and_within_it(page: Opened) -> None:
    page.tab.set_viewport_size({"width": 673, "height": 900})
    page.tab.emulate_media(media="print")
    page.tab.evaluate("document.getElementById('model-view').style.setProperty('--layers', 40)")
    assert page.tab.evaluate("getComputedStyle(document.getElementById('model-view')).breakInside") == "avoid"
    box = page.tab.evaluate("(({ right, height }) => [right, height])(document.querySelector('#model-view .layer-row').getBoundingClientRect())")
    assert box[0] <= 673
    assert 40 * box[1] < 20.5 / 2.54 * 96


def test_paper_has_the_rows_of_tables_that_are_filled_when_they_are_opened(page: Opened) -> None:
    values, neurons = (f"document.querySelectorAll('{table} tbody tr').length" for table in ("#token-values", ".neurons"))
    pieces = page.tab.locator(".attributed i").count()
    assert page.tab.evaluate(f"[{values}, {neurons}]") == [0, 0]
    assert printed(page, f"[{values}, {neurons}]") == [pieces, DIMENSIONS]
    page.tab.wait_for_timeout(50)  # the browser's own event comes now, and fills nothing twice
    assert page.tab.evaluate(f"[{values}, {neurons}]") == [pieces, DIMENSIONS]


def test_paper_titles_what_has_no_caption_and_does_not_say_how_to_point(page: Opened) -> None:
    page.tab.emulate_media(media="print")
    page.tab.evaluate(PRINT)
    titles = page.tab.eval_on_selector_all("main summary", "found => found.filter((title) => title.checkVisibility()).map((title) => title.innerText.trim())")
    assert [title for title in titles if "greatest shares, for comparison" in title]
    assert not [title for title in titles if "in a table" in title or title.startswith(("Numbers", "Export"))]
    said = page.tab.inner_text("main")
    assert not [hint for hint in ("Point at a", "Choosing one opens", "arrow keys") if hint.lower() in said.lower()]


def test_paper_has_the_tokens_of_the_chosen_sentence_whole(page: Opened) -> None:
    page.tab.locator("#token-row button").nth(2).click()
    page.tab.set_viewport_size({"width": 673, "height": 900})
    page.tab.emulate_media(media="print")
    page.tab.evaluate(PRINT)
    parts = ("#token-row", "#token-said", ".token-links", ".neuron-rows", ".neurons td")
    assert page.tab.evaluate(f"{list(parts)}.map((part) => document.querySelector(`#tokens ${{part}}`).checkVisibility())") == [True] * len(parts)
    cut = "[...document.querySelectorAll('#tokens :is(td, .line, .scroll)')].filter((part) => part.scrollWidth > part.clientWidth + 1 && getComputedStyle(part).overflow !== 'visible')"
    assert page.tab.evaluate(f"{cut}.length") == 0
    assert not page.tab.locator("#tokens input").is_visible()
    assert "Choose a token" not in page.tab.inner_text("#tokens")
    assert page.tab.evaluate("Math.max(...[...document.querySelectorAll('#tokens *')].map((part) => part.getBoundingClientRect().right))") <= 673


def test_paper_has_no_tokens_where_no_sentence_is_chosen(page: Opened) -> None:
    page.tab.locator("#token-row button").first.focus()
    page.tab.keyboard.press("Escape")  # to the sentence
    page.tab.keyboard.press("Escape")
    assert page.chosen() == []
    page.tab.emulate_media(media="print")
    assert not page.tab.locator("#tokens").is_visible()

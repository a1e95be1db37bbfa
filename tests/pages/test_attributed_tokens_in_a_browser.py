"""Tokens of the sentences that attribution puts first, by mouse, keyboard and without scripts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pages.opened import Opened
from pages.reports import section_of, small_report

from reportgen.wording import significant

TOKENS = section_of(small_report(), "attribution_agreement").result.tokens
LINES = ".attributed .pieces"


def shades(page: Opened) -> list[list[str]]:
    return page.tab.eval_on_selector_all(LINES, "lines => lines.map((line) => [...line.children].map((token) => token.className))")


def test_tokens_are_shaded_by_the_method_that_is_chosen(open_file: Callable[..., Opened], pages: dict[str, Path]) -> None:
    page = open_file(pages["small"])
    assert shades(page) == TOKENS.shades
    assert page.tab.eval_on_selector("#token-method", "select => select.selectedOptions[0].text") == TOKENS.labels[TOKENS.shaded]
    other = TOKENS.methods.index("input_x_gradient")
    page.tab.select_option("#token-method", index=other)
    flat = [shade for line in shades(page) for shade in line]
    values = [value for sentence in TOKENS.values_on_page for value in sentence[other]]
    assert [shade[:1] for shade in flat] == ["" if not value else "u" if value < 0 else "o" for value in values]
    assert "5" in {shade[1:] for shade in flat}
    page.tab.select_option("#token-method", index=TOKENS.shaded)
    assert shades(page) == TOKENS.shades


def test_no_rule_runs_through_shaded_tokens_and_paper_has_them(page: Opened) -> None:
    assert set(page.tab.eval_on_selector_all(".attributed span", "found => found.map((line) => getComputedStyle(line).borderTopStyle)")) == {"none"}
    page.tab.emulate_media(media="print")
    assert page.tab.eval_on_selector_all(".attributed span", "found => found.every((line) => getComputedStyle(line).display !== 'none')")


def test_the_table_has_every_token_and_sorts(open_file: Callable[..., Opened], pages: dict[str, Path]) -> None:
    page = open_file(pages["small"])
    page.tab.locator("#token-values summary").press("Enter")
    page.tab.wait_for_selector("#token-values tbody tr")
    rows = page.tab.eval_on_selector_all("#token-values tbody tr", "rows => rows.map((row) => [...row.cells].map((cell) => cell.textContent))")
    pieces = [piece.strip() for sentence in TOKENS.sentences for piece in sentence.pieces]
    assert [row[0] for row in rows] == pieces
    assert rows[0][2:] == [significant(of_method[0]) for of_method in TOKENS.values_on_page[0]]
    page.tab.click("#token-values thead th:nth-child(3) button")
    first = page.read("#token-values tbody tr:first-child td:nth-child(3)")
    greatest = max(value for sentence in TOKENS.values_on_page for value in sentence[0])
    assert first == significant(greatest)


def test_without_scripts_the_tokens_are_shaded_and_the_method_is_named(open_file: Callable[..., Opened], pages: dict[str, Path]) -> None:
    page = open_file(pages["small"], scripts=False)
    assert page.tab.eval_on_selector_all(f"{LINES} i", "tokens => tokens.length") == sum(len(sentence.pieces) for sentence in TOKENS.sentences)
    assert not page.tab.is_visible("#token-method")
    assert f"by {TOKENS.labels[TOKENS.shaded]}" in page.read("#attribution_agreement noscript")

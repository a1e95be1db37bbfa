"""The grid of heads and the tables, by mouse and by keyboard."""

from __future__ import annotations

import pytest
from pages.opened import Opened
from pages.reports import long_report, section_of

from reportgen.wording import significant

HEADS = section_of(long_report(sentences=53, layers=3, heads=7), "head_roles").result


def colours(page: Opened) -> list[str]:
    return page.tab.eval_on_selector_all("#head-grid [data-head]", "cells => cells.map((cell) => cell.style.backgroundColor)")


def chosen_head(page: Opened) -> list[str]:
    return page.texts("#chosen-head-heading")


def test_the_grid_has_a_coloured_cell_for_each_head_with_its_roles_in_letters(page: Opened) -> None:
    assert len(colours(page)) == 21
    assert len(set(colours(page))) > 10
    letters = dict(zip(page.texts(".roles tbody th"), page.texts(".roles tbody .letter"), strict=True))
    assert len(set(letters.values())) == len(HEADS.role_names)
    expected = ["".join(letters[role] for role in roles) for roles in HEADS.roles.values()]
    assert page.texts("#head-grid [data-head]") == expected


def test_another_metric_colours_the_grid_anew_and_changes_its_legend(page: Opened) -> None:
    before, legend = colours(page), page.tab.inner_text("#head-legend")
    page.tab.select_option("#metric", "3")
    assert colours(page) != before
    assert page.tab.inner_text("#head-legend") != legend
    assert "Mean distance, tokens" in page.tab.inner_text("#head-legend")
    assert "linear scale" in page.tab.inner_text("#head-legend")


def test_the_switch_shows_scores_and_roles_without_the_sink(page: Opened) -> None:
    page.tab.select_option("#metric", "1")
    before = colours(page)
    page.tab.check("#without-sink")
    assert colours(page) != before
    letter = page.texts(".roles tbody tr:nth-child(2) .letter")[0]
    assert not any(letter in roles for roles in page.texts("#head-grid [data-head]"))
    assert "without the sink" in page.tab.inner_text("#head-legend")
    page.tab.locator("summary", has_text="heads in a table").click()
    first = page.texts("#head-table tbody tr:first-child td")
    assert first[2] == significant(HEADS.metrics[1].values_without_sink[0, 0])


def test_a_click_on_a_head_shows_both_variants_of_its_scores(page: Opened) -> None:
    page.tab.locator('[data-layer="1"][data-head="4"]').click()
    assert chosen_head(page) == ["Head 1.4"]
    second = page.texts("#chosen-head tbody tr:nth-child(2) td")
    metric = HEADS.metrics[1]
    assert second == [significant(metric.values[1, 4]), significant(metric.values_without_sink[1, 4]), significant(metric.threshold)]
    roles = ", ".join(HEADS.roles["1.4"]) or "none"
    assert f"Roles with all keys: {roles}." in page.tab.inner_text(".roles-of-head")


def test_arrows_walk_the_grid_and_enter_chooses(page: Opened) -> None:
    page.tab.locator('[data-layer="1"][data-head="4"]').click()
    for key in ("ArrowDown", "ArrowRight", "ArrowUp", "ArrowUp"):
        page.tab.keyboard.press(key)
    page.tab.keyboard.press("Enter")
    assert chosen_head(page) == ["Head 0.5"]
    assert page.tab.locator("#head-grid [tabindex='0']").count() == 1
    assert page.tab.locator("#head-grid [aria-selected='true']").get_attribute("aria-label").startswith("Head 0.5 ")


def test_the_table_of_heads_sorts_both_ways_and_says_which(page: Opened) -> None:
    page.tab.locator("summary", has_text="heads in a table").click()
    button = page.tab.locator("#head-table thead th:nth-child(4) button")
    button.click()
    shown = [float(text.replace("−", "-")) for text in page.texts("#head-table tbody td:nth-child(4)")]
    assert shown == sorted(shown, reverse=True)
    assert len(set(shown)) > 10
    assert page.tab.locator("#head-table th[aria-sort]").get_attribute("aria-sort") == "descending"
    button.press("Enter")
    assert [float(text.replace("−", "-")) for text in page.texts("#head-table tbody td:nth-child(4)")] == sorted(shown)
    assert page.tab.locator("#head-table th[aria-sort]").get_attribute("aria-sort") == "ascending"


@pytest.mark.parametrize(("column", "first", "last"), [(1, "2.6", "0.0"), (2, "", None)])
def test_heads_sort_by_number_and_roles_by_name(page: Opened, column: int, first: str, last: str | None) -> None:
    page.tab.locator("summary", has_text="heads in a table").click()
    page.tab.locator(f"#head-table thead th:nth-child({column}) button").click()
    shown = page.texts(f"#head-table tbody tr > :nth-child({column})")
    assert shown[0] == first
    assert last is None or shown[-1] == last


def test_minus_signs_sort_as_numbers(page: Opened) -> None:
    selector = ".attribution-agreement .tall table"
    page.tab.locator("summary", has_text="sentences compared").click()
    page.tab.locator(f"{selector} thead th:nth-child(5) button").click()
    shown = [float(text.replace("−", "-")) for text in page.texts(f"{selector} tbody td:nth-child(5)")]
    assert shown == sorted(shown, reverse=True)
    assert min(shown) < 0 < max(shown)

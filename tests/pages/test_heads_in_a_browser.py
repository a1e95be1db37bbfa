"""The grid of heads and the tables, by mouse and by keyboard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from made_up import NOT_IN_OLDER_FILES, Sizes, made_up
from pages.opened import Opened
from pages.reports import long_report, section_of

from reportgen.render import render_report
from reportgen.report import build_report
from reportgen.wording import significant

HEADS = section_of(long_report(sentences=53, layers=3, heads=7), "head_roles").result


def text_of_roles(head: str) -> str:
    """What the table says of a head."""
    unsure = f"unsure: {', '.join(HEADS.uncertain[head])}" if HEADS.uncertain[head] else ""
    return "; ".join(filter(None, [", ".join(HEADS.roles[head]), unsure]))


def colours(page: Opened) -> list[str]:
    return page.tab.eval_on_selector_all("#head-grid [data-head]", "cells => cells.map((cell) => cell.style.backgroundColor)")


def chosen_head(page: Opened) -> list[str]:
    return page.texts("#chosen-head-heading")


def test_the_grid_has_a_coloured_cell_for_each_head_with_the_marks_of_its_roles(page: Opened) -> None:
    assert len(colours(page)) == 21
    assert len(set(colours(page))) > 10
    marks = dict(zip(page.texts(".roles tbody th"), page.texts(".roles tbody .letter"), strict=True))
    assert len(set(marks.values())) == len(HEADS.role_names)
    expected = ["".join(marks[role] for role in roles) for roles in HEADS.roles.values()]
    assert page.texts("#head-grid [data-head]") == expected


def test_another_metric_colours_the_grid_anew_and_changes_its_legend(page: Opened) -> None:
    before, legend = colours(page), page.read("#head-legend")
    page.tab.select_option("#metric", label="Mean distance")
    assert colours(page) != before
    assert page.read("#head-legend") != legend
    assert "Mean distance, tokens" in page.read("#head-legend")
    assert "linear scale" in page.read("#head-legend")


def test_the_switch_shows_scores_and_roles_without_the_sink(page: Opened) -> None:
    page.tab.select_option("#metric", "1")
    before = colours(page)
    page.tab.check("#without-sink")
    assert colours(page) != before
    marks = dict(zip(page.texts(".roles tbody th"), page.texts(".roles tbody .letter"), strict=True))
    assert page.texts("#head-grid [data-head]") == ["".join(marks[role] for role in roles) for roles in HEADS.roles_without_sink.values()]
    assert "without the sink" in page.read("#head-legend")
    page.tab.locator("summary", has_text="heads in a table").click()
    first = page.texts("#head-table tbody tr:first-child td")
    assert first[2] == significant(HEADS.metrics[1].values_without_sink[0, 0])


def test_a_click_on_a_head_shows_both_variants_of_its_scores(page: Opened) -> None:
    page.tab.locator('#head-grid [data-layer="1"][data-head="4"]').click()
    assert chosen_head(page) == ["Head 1.4"]
    second = page.texts("#chosen-head tbody tr:nth-child(2) td")
    metric = HEADS.metrics[1]
    assert second[:3] == [significant(metric.values[1, 4]), significant(metric.values_without_sink[1, 4]), significant(metric.threshold)]
    evidence = metric.evidence
    rounded = [float(f"{values[1, 4]:.3g}") for values in (evidence.low, evidence.high, evidence.confidence)]
    assert second[3:] == [f"{significant(rounded[0])} to {significant(rounded[1])}", significant(rounded[2])]
    about = {role: f" ({heads['1.4']})" for role, heads in HEADS.details.items() if "1.4" in heads}
    roles = ", ".join(role + about.get(role, "") for role in HEADS.roles["1.4"]) or "none"
    assert f"Roles with all keys: {roles}." in page.read(".roles-of-head")


def test_the_interval_is_that_of_the_variant_that_the_switch_shows(page: Opened) -> None:
    page.tab.locator('#head-grid [data-layer="1"][data-head="4"]').click()
    (row,) = [row for row, metric in enumerate(HEADS.metrics) if metric.key == "coreference_lift"]
    metric = HEADS.metrics[row]
    for evidence in (metric.evidence, metric.evidence_without_sink):
        assert evidence is not None
        rounded = [float(f"{values[1, 4]:.3g}") for values in (evidence.low, evidence.high, evidence.confidence)]
        assert said_of_resamples(page, row) == [f"{significant(rounded[0])} to {significant(rounded[1])}", significant(rounded[2])]
        page.tab.check("#without-sink")


def test_a_file_without_values_by_sentence_of_a_variant_has_no_interval_for_it(open_file: Callable[..., Opened], tmp_path: Path) -> None:
    report = build_report(made_up(sizes=Sizes(layers=2, heads=3, sentences=29, tokens=401), leave_out=NOT_IN_OLDER_FILES))
    (tmp_path / "older.html").write_text(render_report(report, lambda specs: {}), encoding="utf-8")
    page = open_file(tmp_path / "older.html")
    page.tab.locator('#head-grid [data-layer="1"][data-head="2"]').click()
    (row,) = [row for row, metric in enumerate(section_of(report, "head_roles").result.metrics) if metric.key == "coreference_lift"]
    assert "–" not in said_of_resamples(page, row)
    page.tab.check("#without-sink")
    assert said_of_resamples(page, row) == ["–"] * 2
    assert "All heads that pass for coreference without the sink are unsure: this file lacks its values by sentence" in page.read(".head-notes")


def said_of_resamples(page: Opened, row: int) -> list[str]:
    return page.texts(f"#chosen-head tbody tr:nth-child({row + 1}) td")[3:]


def test_arrows_walk_the_grid_and_enter_chooses(page: Opened) -> None:
    page.tab.locator('#head-grid [data-layer="1"][data-head="4"]').click()
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


def test_cells_of_the_table_of_heads_stand_under_their_headings_and_are_read_aloud_as_cells(page: Opened) -> None:
    page.tab.locator("summary", has_text="heads in a table").click()
    edges = page.tab.eval_on_selector_all(
        "#head-table tr", "rows => rows.map((row) => [...row.cells].map((cell) => cell.getBoundingClientRect()).map(({ left, right }) => [left, right]))"
    )
    assert len(edges) == 22
    assert all(row == edges[0] for row in edges)
    page.tab.locator("#head-table").scroll_into_view_if_needed()
    page.tab.evaluate("() => new Promise((done) => setTimeout(done, 200))")  # rows that are near are laid out
    browser = page.tab.context.new_cdp_session(page.tab)
    browser.send("Accessibility.enable")
    table = browser.send("Runtime.evaluate", {"expression": "document.getElementById('head-table')"})["result"]["objectId"]
    found = Counter(node["role"]["value"] for node in browser.send("Accessibility.queryAXTree", {"objectId": table})["nodes"])
    assert [found[role] for role in ("table", "row", "columnheader")] == [1, 22, len(edges[0])]
    assert found["cell"] == found["rowheader"] * (len(edges[0]) - 1) > 0


@pytest.mark.parametrize(("column", "first", "last"), [(1, "2.6", "0.0"), (2, min(text_of_roles(head) for head in HEADS.roles), None)])
def test_heads_sort_by_number_and_roles_by_name(page: Opened, column: int, first: str, last: str | None) -> None:
    page.tab.locator("summary", has_text="heads in a table").click()
    page.tab.locator(f"#head-table thead th:nth-child({column}) button").click()
    shown = page.texts(f"#head-table tbody tr > :nth-child({column})")
    assert shown[0] == first
    assert last is None or shown[-1] == last


def test_the_table_of_heads_is_filtered_by_role_and_by_text(page: Opened) -> None:
    page.tab.locator("summary", has_text="heads in a table").click()
    role = next(role.name for role in HEADS.known if 0 < role.heads < 21)
    page.tab.select_option("#role-filter", role)
    expected = [head for head, roles in HEADS.roles.items() if role in roles]
    assert shown_heads(page) == expected
    assert page.read("#heads-shown") == f"{len(expected)} of 21 heads"
    page.tab.select_option("#role-filter", "none")
    assert shown_heads(page) == [head for head, roles in HEADS.roles.items() if not roles]
    page.tab.select_option("#role-filter", "")
    page.tab.locator("#head-filter").press_sequentially("1.")
    assert shown_heads(page) == [f"1.{head}" for head in range(7)]
    page.tab.fill("#head-filter", "nothing of the kind")
    assert page.read("#heads-shown") == "0 of 21 heads"


def test_the_filter_follows_the_switch(page: Opened) -> None:
    page.tab.locator("summary", has_text="heads in a table").click()
    page.tab.select_option("#role-filter", "local")
    page.tab.check("#without-sink")
    assert shown_heads(page) == [head for head, roles in HEADS.roles_without_sink.items() if "local" in roles]


def test_examples_mark_tokens_and_lead_to_their_sentences(page: Opened) -> None:
    assert len(page.texts(".examples tbody tr")) == len(HEADS.examples)
    assert page.texts(".examples tbody th") == [example.role for example in HEADS.examples]
    assert page.texts(".examples mark")
    page.tab.locator(".examples tbody td a").first.click()
    assert page.chosen() == [HEADS.examples[0].query]


def shown_heads(page: Opened) -> list[str]:
    return [text for text, row in zip(page.texts("#head-table tbody th"), page.tab.locator("#head-table tbody tr").all(), strict=True) if row.is_visible()]


def test_minus_signs_sort_as_numbers(page: Opened) -> None:
    selector = ".attribution-agreement [aria-label='Weights of every sentence'] table"
    page.tab.locator("summary", has_text="sentences compared").click()
    (column,) = [place for place, text in enumerate(page.texts(f"{selector} thead th"), 1) if text.startswith("input × gradient")]
    page.tab.locator(f"{selector} thead th:nth-child({column}) button").click()
    page.settle()
    shown = [float(text.replace("−", "-")) for text in page.texts(f"{selector} tbody td:nth-child({column})")]
    assert shown == sorted(shown, reverse=True)
    assert min(shown) < 0 < max(shown)

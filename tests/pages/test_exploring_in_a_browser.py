"""The workspace by mouse and by keyboard: one selection, shown everywhere, and controls that change what they say."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matrices import content_pairs, lift_of
from pages.opened import Opened
from pages.reports import long_report, section_of

from reportgen.wording import percent

REPORT = long_report(sentences=53, layers=3, heads=7)
MATRIX = section_of(REPORT, "sentence_matrix").result
LINKS = section_of(REPORT, "top_links").result
CONTENT = content_pairs(np.stack(MATRIX.attention))


def strongest(values: np.ndarray, count: int = 6) -> list[int]:
    return [int(place) for place in np.argsort(-np.nan_to_num(values, nan=-1), kind="stable")[:count] if values[place] > 0]


def cell(page: Opened, query: int, key: int) -> dict[str, float]:
    side = page.tab.evaluate("document.querySelector('#matrix').clientWidth")
    return {"x": (key + 0.5) * side / 53, "y": (query + 0.5) * side / 53}


def rounded_share(text: str) -> float:
    return float(re.search(r"([\d.]+)\u202f%", text)[1]) / 100


def test_a_click_on_a_sentence_chooses_it_everywhere(page: Opened) -> None:
    page.tab.locator("#sentence-31 .words").click()
    assert page.chosen() == [30]
    assert page.crosshair() == [30, 30]
    assert page.texts("#chosen-heading") == ["Links of sentence 31, whole model, strongest share first"]
    assert "sentence 31 keeps" in page.readout()
    sources, destinations = strongest(CONTENT[0, 30, :30]), strongest(CONTENT[0, 31:, 30])
    assert set(page.numbers(".sentence.source", "sentence")) == set(sources)
    assert set(page.numbers(".sentence.destination", "sentence")) == {31 + place for place in destinations}
    assert [int(text) - 1 for text in page.texts(".chosen-links .source td:first-child")] == sources
    assert page.tab.locator(".arcs path").count() == len(sources) + len(destinations)


def test_sources_and_destinations_differ_by_more_than_colour(page: Opened) -> None:
    page.tab.locator("#sentence-31 .words").click()
    line = "element => getComputedStyle(element.querySelector('.words')).textDecorationStyle"
    assert page.tab.locator(".sentence.source:not(.destination)").first.evaluate(line) == "solid"
    assert page.tab.locator(".sentence.destination:not(.source)").first.evaluate(line) == "dashed"


def test_the_stronger_source_is_tinted_more(page: Opened) -> None:
    page.tab.locator("#sentence-31 .words").click()
    strengths = [
        float(page.tab.locator(f"#sentence-{place + 1}").evaluate("element => element.style.getPropertyValue('--strength')"))
        for place in strongest(CONTENT[0, 30, :30])
    ]
    assert strengths[0] == 1
    assert strengths == sorted(strengths, reverse=True)
    assert strengths[-1] < 1


def test_figures_in_the_list_are_within_the_stated_rounding(page: Opened) -> None:
    page.tab.locator("#sentence-31 .words").click()
    shown = [rounded_share(text) for text in page.texts(".chosen-links .source .bars:not(.lift)")]
    true = [MATRIX.attention[0][30, key] for key in strongest(CONTENT[0, 30, :30])]
    assert shown == pytest.approx(true, rel=0.08)


@pytest.mark.parametrize(("keys", "chosen"), [("j", 31), ("k", 29), ("jjk", 31)])
def test_j_and_k_go_from_sentence_to_sentence(page: Opened, keys: str, chosen: int) -> None:
    page.tab.locator("#sentence-31 .words").click()
    for key in keys:
        page.tab.keyboard.press(key)
    assert page.chosen() == [chosen] == page.crosshair()[:1]


def test_the_text_is_one_stop_of_the_tabulator_and_arrows_move_in_it(page: Opened) -> None:
    assert page.tab.locator(".sentence[tabindex='0']").count() == 1
    page.tab.locator("#sentence-20").focus()
    page.tab.keyboard.press("Enter")
    assert page.chosen() == [19]
    page.tab.keyboard.press("ArrowDown")
    page.tab.keyboard.press("ArrowDown")
    page.tab.keyboard.press("ArrowUp")
    assert page.chosen() == [20]
    assert page.tab.evaluate("document.activeElement.id") == "sentence-21"
    assert page.tab.locator(".sentence[tabindex='0']").get_attribute("id") == "sentence-21"


def test_escape_lets_the_sentence_go(page: Opened) -> None:
    page.tab.locator("#sentence-31 .words").click()
    page.tab.keyboard.press("Escape")
    assert page.chosen() == page.crosshair() == []
    assert page.tab.locator(".sentence.source, .sentence.destination, .arcs path, .overlay .pair").count() == 0
    assert page.texts("#chosen-heading") == ["No sentence is chosen"]


def test_the_ends_of_the_document_hold(page: Opened) -> None:
    page.tab.locator("#sentence-53 .words").click()
    page.tab.keyboard.press("j")
    assert page.chosen() == [52]
    page.tab.locator("#sentence-1 .words").click()
    page.tab.keyboard.press("k")
    assert page.chosen() == [0]


def test_pointing_at_a_cell_reads_both_sentences_and_leaving_restores_the_choice(page: Opened) -> None:
    before = page.readout()
    page.tab.locator("#matrix").hover(position=cell(page, 40, 17))
    share = rounded_share(page.readout())
    assert f"sentence 41 gives sentence 18 {percent(share)}" in page.readout()
    assert share == pytest.approx(MATRIX.attention[0][40, 17], rel=0.08)
    assert MATRIX.sentences[40] in page.readout()
    assert MATRIX.sentences[17] in page.readout()
    page.tab.mouse.move(5, 5)
    assert page.readout() == before


def test_pointing_above_the_diagonal_says_that_nothing_was_computed(page: Opened) -> None:
    page.tab.locator("#matrix").hover(position=cell(page, 9, 12))
    assert "Never computed" in page.readout()


def test_a_click_on_a_cell_chooses_its_row_and_the_pair(page: Opened) -> None:
    page.tab.locator("#matrix").click(position=cell(page, 40, 17))
    assert page.chosen() == [40]
    assert page.numbers(".overlay .pair", "query") + page.numbers(".overlay .pair", "key") == [40, 17]
    assert page.numbers(".sentence.paired", "sentence") == [17]


def test_arrows_move_through_the_matrix_and_enter_chooses(page: Opened) -> None:
    page.tab.locator("#matrix").click(position=cell(page, 40, 17))
    page.tab.mouse.move(5, 5)
    for key in ("ArrowUp", "ArrowLeft", "ArrowLeft"):
        page.tab.keyboard.press(key)
    assert "sentence 40 gives sentence 16 " in page.readout()
    assert page.chosen() == [40]
    page.tab.keyboard.press("Enter")
    assert page.chosen() == [39]


def test_each_measure_repaints_the_matrix_and_names_its_unit_and_caveat(page: Opened) -> None:
    painted, notes = set(), set()
    for measure in ("share", "lift", "isa", "rollout", "rollout_without_sink"):
        page.tab.select_option("#measure", measure)
        painted.add(page.painted())
        notes.add(" ".join(page.tab.locator(".measure-notes .note:visible").all_inner_texts()))
        assert "logarithmic scale" in page.read("#matrix-legend")
    assert len(painted) == len(notes) == 5
    page.tab.select_option("#measure", "isa")
    assert "Saturates." in page.read(".measure-notes")
    page.tab.select_option("#measure", "rollout")
    assert "Collapses." in page.read(".measure-notes")


def test_the_measure_ranks_the_links_of_the_chosen_sentence(page: Opened) -> None:
    page.tab.locator("#sentence-45 .words").click()
    lift = content_pairs(lift_of(MATRIX.attention[0], MATRIX.expected))
    for measure, values in (("lift", lift), ("isa", CONTENT[0] * 0 + MATRIX.isa[0]), ("rollout", CONTENT[0] * 0 + MATRIX.rollout[0])):
        page.tab.select_option("#measure", measure)
        shown = [int(text) - 1 for text in page.texts(".chosen-links .source td:first-child")]
        best = values[44][shown]
        assert (best[:-1] >= best[1:] * 0.92).all()
        assert best.min() >= 0.92 * np.sort(values[44, 1:44])[-len(shown)]


EFFECTS = {(int(query), int(key)): nats for query, key, nats in MATRIX.effects.tolist()}
UNMEASURED = next((query, key) for query in range(40, 53) for key in range(1, query) if (query, key) not in EFFECTS)


def test_the_effect_of_hiding_is_a_measure_and_what_was_not_measured_says_so(page: Opened) -> None:
    page.tab.select_option("#measure", "effect")
    assert "effect when hidden, nats; hidden in every layer" in page.read("#matrix-legend")
    assert f"{len(EFFECTS)} links were hidden; dotted cells were not measured" in page.read(".measure-notes")
    (query, key), nats = max(EFFECTS.items(), key=lambda item: item[1])
    page.tab.locator("#matrix").hover(position=cell(page, query, key))
    said = re.search(r"Hiding it changes the prediction by ([\d.]+) nats", page.readout())
    assert float(said[1]) == pytest.approx(nats, rel=0.005)
    page.tab.locator("#matrix").hover(position=cell(page, *UNMEASURED))
    assert "What hiding it does was not measured." in page.readout()
    painted = """(place) => {
      const canvas = document.querySelector('#matrix canvas'), side = canvas.width / 53, copy = document.createElement('canvas');
      Object.assign(copy, { width: canvas.width, height: canvas.height });
      const context = copy.getContext('2d', { willReadFrequently: true });
      context.drawImage(canvas, 0, 0);
      const { data } = context.getImageData(Math.round(place[1] * side) + 1, Math.round(place[0] * side) + 1, Math.floor(side) - 2, Math.floor(side) - 2);
      return data.filter((value, at) => at % 4 === 3).reduce((sum, alpha) => sum + alpha / 255, 0) / (data.length / 4);
    }"""
    assert page.tab.evaluate(painted, [query, key]) == pytest.approx(1)
    assert 0 < page.tab.evaluate(painted, list(UNMEASURED)) < 0.3


def test_the_effect_is_chosen_by_keyboard_and_ranks_the_links_that_were_hidden(page: Opened) -> None:
    page.tab.locator("#measure").focus()
    page.tab.keyboard.press("End")
    assert page.tab.input_value("#measure") == "effect"
    looking = max({query for query, _ in EFFECTS}, key=lambda query: sum(found == query for found, _ in EFFECTS))
    page.tab.locator(f"#sentence-{looking + 1} .words").click()
    hidden = {key: nats for (query, key), nats in EFFECTS.items() if query == looking}
    ranked = sorted(hidden, key=lambda key: -hidden[key])[:6]
    assert [int(text) - 1 for text in page.texts(".chosen-links .source td:first-child")] == ranked
    assert [float(text) for text in page.texts(".chosen-links .source .nats")] == pytest.approx([hidden[key] for key in ranked], rel=0.005)
    assert set(page.numbers(".sentence.source", "sentence")) == set(ranked)
    assert " nats" in page.tab.locator(f"#sentence-{ranked[0] + 1}").get_attribute("data-mark")
    share = page.texts(".chosen-links .source .bars:not(.lift)")
    assert rounded_share(share[0]) == pytest.approx(MATRIX.attention[0][looking, ranked[0]], rel=0.08)


def test_a_layer_is_chosen_by_the_slider_or_by_its_number(page: Opened) -> None:
    whole = page.painted()
    page.tab.locator("#layer").focus()
    page.tab.keyboard.press("ArrowRight")
    assert page.read("#layer-name") == "layer 0"
    assert page.tab.input_value("#layer-number") == "0"
    first = page.painted()
    page.tab.fill("#layer-number", "2")
    page.tab.keyboard.press("Enter")
    assert page.tab.input_value("#layer") == "3"
    assert len({whole, first, page.painted()}) == 3
    assert page.outlined() == [tuple(pair) for pair in LINKS.content_pairs[3, :12].tolist()]
    assert "layer 2" in page.read("#top-links caption")
    page.tab.fill("#layer-number", "")
    page.tab.keyboard.press("Enter")
    assert page.painted() == whole


def test_the_reader_chooses_how_many_top_links_are_shown(page: Opened) -> None:
    pairs = [tuple(pair) for pair in LINKS.content_pairs[0].tolist()]
    assert page.outlined() == pairs[:12]
    page.tab.fill("#count", "29")
    assert page.outlined() == pairs[:29]
    assert page.tab.locator("#top-links tbody tr").count() == 29
    assert page.tab.locator(".text-links a").count() == 58
    assert page.texts(f"#sentence-{pairs[0][0] + 1} .text-links a").count(f"→{pairs[0][1] + 1}") == 1
    page.tab.fill("#count", "0")
    assert page.outlined() == []
    assert page.texts("#top-links tbody") == ["No links are asked for."]


def test_the_table_of_top_links_holds_the_measured_values(page: Opened) -> None:
    rows = [text.replace(",", "") for text in page.texts("#top-links tbody tr td:nth-child(3)")]
    assert [float(text) for text in rows] == pytest.approx((100 * LINKS.content_share[0, :12]).tolist(), rel=0.005)


def test_the_table_of_top_links_says_what_hiding_them_does_in_every_view(page: Opened) -> None:
    effects = {(int(query), int(key)): effect for query, key, effect in LINKS.effects.tolist()}
    for view in (0, 3):
        page.tab.fill("#layer-number", "" if view == 0 else str(view - 1))
        page.tab.keyboard.press("Enter")
        shown = page.texts("#top-links tbody tr td:nth-child(5)")
        pairs = [tuple(pair) for pair in LINKS.content_pairs[view, :12].tolist()]
        assert [text == "not measured" for text in shown] == [pair not in effects for pair in pairs]
        measured = [(float(text), effects[pair]) for text, pair in zip(shown, pairs, strict=True) if pair in effects]
        assert all(text == pytest.approx(effect, rel=0.005) for text, effect in measured)


def test_the_switch_lets_the_sink_and_the_sentence_itself_in(page: Opened) -> None:
    assert strongest(MATRIX.attention[0][30, :31])[0] == 0
    page.tab.locator("#sentence-31 .words").click()
    before = page.painted()
    assert not {1, 31} & {int(text) for text in page.texts(".chosen-links .source td:first-child")}
    page.tab.uncheck("#content")
    assert [int(text) - 1 for text in page.texts(".chosen-links .source td:first-child")] == strongest(MATRIX.attention[0][30, :31])
    assert page.painted() != before
    assert page.outlined() == [tuple(pair) for pair in LINKS.every_pairs[0, :12].tolist()]
    assert page.numbers("#sentence-1.source", "sentence") == [0]


def test_a_row_of_the_top_links_chooses_its_pair_and_a_number_goes_to_its_sentence(page: Opened) -> None:
    query, key = LINKS.content_pairs[0, 4].tolist()
    page.tab.locator("#top-links tbody tr").nth(4).locator("td").nth(4).click()
    assert page.chosen() == [query]
    assert page.numbers(".sentence.paired", "sentence") == [key]
    assert page.tab.locator("#top-links .chosen-row").count() == 1
    page.tab.locator("#top-links tbody tr").nth(4).locator("a").nth(1).click()
    assert page.chosen() == [key]
    page.tab.wait_for_function("key => document.getElementById(`sentence-${key + 1}`).getBoundingClientRect().top < innerHeight", arg=key)


def test_a_row_of_the_chosen_links_shows_that_pair(page: Opened) -> None:
    page.tab.locator("#sentence-31 .words").click()
    row = page.tab.locator(".chosen-links tr[data-pair]").nth(2)
    query, key = (int(number) for number in row.get_attribute("data-pair").split())
    row.locator(".line").click()
    assert page.chosen() == [30]
    assert f"sentence {query + 1} gives sentence {key + 1} " in page.readout()


def test_the_address_keeps_what_was_chosen_and_brings_it_back(page: Opened, open_file: Callable[..., Opened], pages: dict[str, Path]) -> None:
    page.tab.locator("#matrix").click(position=cell(page, 40, 17))
    page.tab.select_option("#measure", "lift")
    page.tab.fill("#count", "7")
    page.tab.fill("#layer-number", "1")
    page.tab.keyboard.press("Enter")
    page.tab.uncheck("#content")
    again = open_file(pages["long"], fragment="#" + page.tab.url.partition("#")[2])
    assert again.chosen() == [40]
    assert again.readout() == page.readout()
    assert again.outlined() == page.outlined()
    assert (again.tab.input_value("#measure"), again.tab.input_value("#layer"), again.tab.input_value("#count")) == ("lift", "2", "7")
    assert not again.tab.is_checked("#content")


@pytest.mark.parametrize("fragment", ["#sentence=99&layer=7&links=-3&measure=constructor&pair=1-2-3", "#sentence=%00&pair=x", "#sentence=1e9&links=1e9"])
def test_a_senseless_address_does_no_harm(open_file: Callable[..., Opened], pages: dict[str, Path], fragment: str) -> None:
    page = open_file(pages["long"], fragment=fragment)
    assert page.quiet()
    assert (page.tab.input_value("#measure"), page.tab.input_value("#layer"), page.chosen()) == ("share", "0", [])


def test_links_within_the_page_still_lead_there(page: Opened) -> None:
    page.tab.locator('.findings a[href="#head_roles"]').click()
    assert page.tab.evaluate("Math.abs(document.getElementById('head_roles').getBoundingClientRect().top) < 2")


def test_marking_words_in_the_text_does_not_choose_a_sentence(page: Opened) -> None:
    before = page.chosen()
    page.tab.locator("#sentence-8 .words").scroll_into_view_if_needed()
    box = page.tab.locator("#sentence-8 .words").bounding_box()
    page.tab.mouse.move(box["x"] + 5, box["y"] + 10)
    page.tab.mouse.down()
    page.tab.mouse.move(box["x"] + 90, box["y"] + 12, steps=4)
    page.tab.mouse.up()
    assert page.tab.evaluate("getSelection().toString().length") > 3
    assert page.chosen() == before


def test_a_choice_is_answered_within_a_twentieth_of_a_second(page: Opened) -> None:
    took = page.tab.evaluate("""() => {
      const times = [5, 15, 25, 35, 45].map((number) => {
        const start = performance.now();
        document.querySelector(`#sentence-${number} .words`).click();
        return performance.now() - start;
      });
      return times.sort((a, b) => a - b)[2];
    }""")
    assert took < 50


def test_the_text_the_readout_and_the_lists_say_the_measured_share_of_a_link(page: Opened) -> None:
    for place in range(8):
        query, key = (int(end) for end in LINKS.content_pairs[0, place])
        page.tab.locator("#top-links tbody tr").nth(place).locator("td").nth(2).click()
        share = percent(float(LINKS.content_share[0, place]))
        assert f"{share} of its attention: " in page.readout()
        assert f"looked at {share}" in page.tab.get_attribute(f"#sentence-{key + 1}", "data-mark")
        assert set(page.texts(f".chosen-links [data-pair='{query} {key}'] td:nth-child(2)")) <= {share}


def test_a_click_chooses_the_cell_that_hovering_names_between_whole_pixels_too(page: Opened) -> None:
    page.tab.locator("#matrix").scroll_into_view_if_needed()
    left, top, width = page.tab.evaluate("(({ left, top, width }) => [left, top, width])(document.getElementById('matrix').getBoundingClientRect())")
    edge = next(column for column in range(5, 30) if 0.2 < (left + column * width / 53) % 1 < 0.7)
    page.tab.mouse.move(left + edge * width / 53 + 0.2, top + 40.5 * width / 53)
    named = [page.numbers(".overlay .cursor", axis) for axis in ("query", "key")]
    assert named == [[40], [edge]]
    page.tab.mouse.down()
    page.tab.mouse.up()
    assert [page.numbers(".overlay .pair", axis) for axis in ("query", "key")] == named

"""Tokens by mouse and by keyboard: what the focused one looks at, what stands behind a pair of sentences, and what is said of what is not known."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from made_up import made_up
from pages.hostile import CASES, saying
from pages.opened import Opened
from pages.reports import long_report, section_of, small_report, with_result

from reportgen.characters import clean_text
from reportgen.measurements import Measurements
from reportgen.render import render_report, template_folder
from reportgen.report import build_report

REPORT = long_report(sentences=53, layers=3, heads=7)
RESULT = section_of(REPORT, "token_links").result
SENTENCES = section_of(REPORT, "sentence_matrix").result.sentences
MEMBERS = RESULT.places.sentences
READY = "#token-row button"
NARROW = 390
ROUNDED = 0.08  # two digits are up to 5 % apart from the number, the packed weight up to 2.1 %


def tokens_of(sentence: int) -> list[int]:
    return np.flatnonzero(sentence == MEMBERS).tolist()


def links_of(query: int) -> list[tuple[int, float]]:
    """Key and weight, strongest first."""
    return [(int(key), float(weight)) for key, weight in zip(RESULT.keys[query], RESULT.weights[query], strict=True) if key >= 0]


def shares(texts: list[str]) -> list[float]:
    return [float(re.search(r"([\d.]+)\u202f%", text)[1]) / 100 for text in texts]


def focused(page: Opened) -> list[int]:
    return page.numbers("#token-row [aria-pressed='true']", "token")


def choose(page: Opened, token: int) -> None:
    """By mouse: the token's sentence, then the token in the row."""
    page.tab.locator(f"#sentence-{MEMBERS[token] + 1} .words").click()
    page.tab.locator(f"#token-row [data-token='{token}']").click()


def a_token_with_far_links() -> int:
    """One whose strongest link leads to another sentence, and that others look at."""
    into = Counter(RESULT.keys.ravel().tolist())
    fit = [token for token in tokens_of(30) if 0 <= MEMBERS[RESULT.keys[token, 0]] < 30 and into[token] > 2]
    return fit[0]


TOKEN = a_token_with_far_links()


def test_no_two_scripts_have_a_name_in_common() -> None:
    found = [
        re.findall(r"^(?:async )?(?:function|const|let) (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        for path in template_folder().glob("static/*.js")
    ]
    names = Counter(name for names in found for name in names)
    assert [name for name, count in names.items() if count > 1] == []


def test_a_chosen_sentence_shows_its_tokens_as_text(page: Opened) -> None:
    page.tab.locator("#sentence-31 .words").click()
    assert page.texts("#tokens-heading") == [f"The {len(tokens_of(30))} tokens of sentence 31"]
    assert page.texts("#token-row button") == [RESULT.texts[token] for token in tokens_of(30)]
    assert page.numbers("#token-row button", "token") == tokens_of(30)
    assert page.tab.locator("#bench #tokens").count() == 1


def test_a_click_on_a_token_lists_its_strongest_links_with_weight_and_sentence(page: Opened) -> None:
    choose(page, TOKEN)
    assert focused(page) == [TOKEN]
    true = links_of(TOKEN)
    rows = ".token-links .source tr:not(.group)"
    assert shares(page.texts(f"{rows} .bars")) == pytest.approx([weight for _, weight in true], rel=ROUNDED)
    named = [str(MEMBERS[key] + 1) if MEMBERS[key] >= 0 else "none" for key, _ in true]
    assert page.texts(f"{rows} td:nth-child(3)") == named
    first = page.texts(f"{rows} td:first-child bdi")
    assert first == [RESULT.texts[key] for key, _ in true]


def test_a_tokens_links_light_up_in_the_text_and_the_sentences_links_stand_back(page: Opened) -> None:
    choose(page, TOKEN)
    lit = {key for key, _ in links_of(TOKEN) if MEMBERS[key] >= 0 and key != TOKEN}
    assert set(page.numbers("mark.looked-at", "token")) == lit
    assert page.numbers("mark.focused", "token") == [TOKEN]
    assert page.texts("mark.focused") == [RESULT.texts[TOKEN]]
    for token in lit:
        mark = page.tab.locator(f"mark.looked-at[data-token='{token}']")
        assert mark.text_content() == RESULT.texts[token]
        assert mark.locator("xpath=ancestor::*[@data-sentence]").get_attribute("data-sentence") == str(MEMBERS[token])
        assert shares([mark.get_attribute("data-weight")])[0] == pytest.approx(dict(links_of(TOKEN))[token], rel=ROUNDED)
    assert page.tab.evaluate("getComputedStyle(document.querySelector('.arcs')).visibility") == "hidden"
    lines = page.tab.eval_on_selector_all(".sentence.source .words", "found => found.map((one) => getComputedStyle(one).textDecorationLine)")
    assert set(lines) <= {"none"}


def test_what_looks_at_a_token_is_listed_too_and_differs_by_more_than_colour(page: Opened) -> None:
    choose(page, TOKEN)
    into = sorted(((float(RESULT.weights[query, rank]), query) for query, rank in np.argwhere(RESULT.keys == TOKEN).tolist()), reverse=True)[:8]
    rows = page.texts(".token-links .destination tr:not(.group) .bars")
    assert shares(rows) == pytest.approx([weight for weight, _ in into], rel=ROUNDED)
    style = "element => getComputedStyle(element).textDecorationStyle"
    assert page.tab.locator(".sentence:not([aria-current]) mark.looked-at:not(.looks-here)").first.evaluate(style) == "solid"
    assert page.tab.locator("mark.looks-here").first.evaluate(style) == "dashed"


def test_what_is_said_of_a_token_is_true_and_announced(page: Opened) -> None:
    choose(page, TOKEN)
    said, links = page.read("#token-said"), links_of(TOKEN)
    assert page.tab.get_attribute("#token-said", "aria-live") == "polite"
    assert said.startswith(f"“{RESULT.texts[TOKEN]}”, token {tokens_of(30).index(TOKEN) + 1} of {len(tokens_of(30))} (number {TOKEN} of the document, from 0).")
    numbers = shares(re.findall(r"[\d.]+\u202f%", said))
    assert numbers == pytest.approx([links[0][1], links[1][1], sum(weight for _, weight in links)], rel=ROUNDED)
    assert f"to “{RESULT.texts[links[0][0]]}” in sentence {MEMBERS[links[0][0]] + 1}" in said
    assert "8 strongest links" in said


def test_the_first_token_is_named_a_sink(page: Opened) -> None:
    choose(page, 0)
    assert "the first token, a sink" in page.read("#token-said")
    assert "the first token, a sink" in page.tab.get_attribute("#token-row [data-token='0']", "aria-label")
    assert "a sink from layer 2 on" in page.tab.get_attribute("#token-row [data-token='3']", "aria-label")


def test_a_second_click_on_a_token_lets_it_go(page: Opened) -> None:
    choose(page, TOKEN)
    page.tab.locator(f"#token-row [data-token='{TOKEN}']").click()
    assert focused(page) == []
    assert page.tab.locator("#text mark.token").count() == 0
    assert page.texts(".sentence .words") == list(SENTENCES)


def test_a_second_click_on_the_sentence_goes_down_to_the_token_under_the_pointer(page: Opened) -> None:
    page.tab.locator("#sentence-31 .words").click()
    token = tokens_of(30)[2]
    place = page.tab.evaluate(
        """([start, end]) => {
          const node = document.querySelector("#sentence-31 .words").firstChild, range = document.createRange();
          range.setStart(node, start); range.setEnd(node, end);
          const { left, top, width, height } = range.getBoundingClientRect();
          return [left + width / 2, top + height / 2];
        }""",
        [int(RESULT.places.ends[token]) - 2, int(RESULT.places.ends[token])],
    )
    page.tab.mouse.click(*place)
    assert focused(page) == [token]
    assert page.chosen() == [30]


def test_a_token_in_the_list_leads_on_to_its_own_links(page: Opened) -> None:
    choose(page, TOKEN)
    key = next(key for key, _ in links_of(TOKEN) if 0 <= MEMBERS[key] < 30)
    page.tab.locator(f".token-links .source button[data-token='{key}']").click()
    assert page.chosen() == [int(MEMBERS[key])]
    assert focused(page) == [key]
    assert page.tab.evaluate("document.activeElement.dataset.token") == str(key)


def test_enter_goes_down_to_the_tokens_arrows_move_enter_opens_and_escape_leads_back(page: Opened) -> None:
    page.tab.locator("#sentence-31").focus()
    own = tokens_of(30)
    for key, active in (
        ("Enter", None),
        ("Enter", own[0]),
        ("ArrowRight", own[1]),
        ("ArrowDown", own[2]),
        ("ArrowLeft", own[1]),
        ("End", own[-1]),
        ("Home", own[0]),
    ):
        page.tab.keyboard.press(key)
        if active is not None:
            assert page.tab.evaluate("document.activeElement.dataset.token") == str(active)
    assert focused(page) == []
    page.tab.keyboard.press("ArrowRight")
    page.tab.keyboard.press("Enter")
    assert focused(page) == [own[1]]
    assert page.tab.evaluate("document.activeElement.dataset.token") == str(own[1])
    page.tab.keyboard.press("Escape")
    assert focused(page) == []
    assert page.chosen() == [30]
    page.tab.keyboard.press("Escape")
    assert page.tab.evaluate("document.activeElement.id") == "sentence-31"
    page.tab.keyboard.press("Escape")
    assert page.chosen() == []
    assert page.tab.locator("#token-row button").count() == 0


def test_the_row_of_tokens_is_one_stop_of_the_tabulator(page: Opened) -> None:
    page.tab.locator("#sentence-31 .words").click()
    assert page.tab.locator("#token-row button[tabindex='0']").count() == 1
    page.tab.locator(f"#token-row [data-token='{tokens_of(30)[3]}']").click()
    assert page.numbers("#token-row button[tabindex='0']", "token") == [tokens_of(30)[3]]


def test_the_token_is_kept_in_the_address_and_read_from_it(page: Opened, pages: dict[str, Path]) -> None:
    choose(page, TOKEN)
    assert f"token={TOKEN}" in page.tab.url
    address = page.tab.url
    page.tab.keyboard.press("j")
    assert "token=" not in page.tab.url
    page.tab.goto("about:blank")
    page.tab.goto(address)
    page.tab.wait_for_selector("mark.focused")
    assert (page.chosen(), focused(page)) == ([30], [TOKEN])
    page.tab.evaluate(f"location.hash = '#sentence=5&token={tokens_of(2)[1]}'")
    page.tab.wait_for_function("() => document.querySelector('#text [aria-current]').id === 'sentence-3'")
    assert focused(page) == [tokens_of(2)[1]]
    for wrong in ("9999999", "-1", "x", ""):
        page.tab.evaluate(f"location.hash = '#sentence=5&token={wrong}'")
        page.tab.wait_for_function("() => document.querySelector('#text [aria-current]').id === 'sentence-5'")
        assert focused(page) == []
        page.tab.evaluate("location.hash = '#sentence=6'")
        page.tab.wait_for_function("() => document.querySelector('#text [aria-current]').id === 'sentence-6'")


def behind(place: int) -> tuple[list[int], list[int]]:
    return RESULT.behind.links[place].tolist(), RESULT.behind.places[place].tolist()


def choose_pair(page: Opened, pair: list[int]) -> None:
    page.tab.evaluate(f"location.hash = '#sentence={pair[0] + 1}&pair={pair[0] + 1}-{pair[1] + 1}'")
    page.tab.wait_for_function(f"() => document.querySelector('#pair-tokens h4')?.textContent === 'From sentence {pair[0] + 1} to sentence {pair[1] + 1}'")


def test_behind_a_pair_stands_a_head_with_its_tokens_its_score_and_its_weight(page: Opened) -> None:
    pair, (layer, head, query, key) = behind(4)
    choose_pair(page, pair)
    said = page.texts(".neurons .said")[0]
    assert f"stands head {layer}.{head}:" in said
    assert f"to “{RESULT.texts[key]}” at “{RESULT.texts[query]}”: {RESULT.behind.weights[4]:.2g}" in said
    words = page.texts(".neurons > p:nth-of-type(2)")[0].replace("−", "-")
    score = float(re.search(r"the score (-?[\d.]+)", words)[1])
    assert score == pytest.approx(RESULT.behind.vectors[4].astype(float).prod(0).sum(), rel=0.01)
    assert {query, key} <= set(page.numbers("mark.of-link", "token"))


def test_each_dimension_can_be_read_by_slider_by_pointer_and_in_the_table(page: Opened) -> None:
    pair, _ = behind(4)
    query, key = RESULT.behind.vectors[4].astype(float)
    choose_pair(page, pair)
    page.tab.locator("#dimension").focus()
    page.tab.keyboard.press("Home")
    page.tab.keyboard.press("ArrowRight")
    assert numbers_of(page.read(".dimension-control output")) == pytest.approx([1, query[1], key[1], query[1] * key[1]], abs=0.1)
    assert page.tab.get_attribute("#dimension", "aria-valuetext") == page.read(".dimension-control output")
    bars = page.tab.locator(".neuron-rows svg").nth(2)
    bars.scroll_into_view_if_needed()
    bars.hover(position={"x": bars.bounding_box()["width"] * 9.5 / 13, "y": 9})
    assert page.read(".dimension-control output").startswith("9: query")
    page.tab.locator(".neurons summary").click()
    page.tab.locator(".neurons tbody tr").first.wait_for()  # a browser tells that a part is open a moment later
    rows = [
        numbers_of(text)
        for text in page.tab.eval_on_selector_all(".neurons tbody tr", "rows => rows.map((row) => [...row.cells].map((cell) => cell.textContent).join(' '))")
    ]
    step = np.abs([query, key]).max(1) / 127
    assert len(rows) == 13
    for dimension, row in enumerate(rows):
        assert row[:1] == [dimension]
        assert row[1:3] == pytest.approx([query[dimension], key[dimension]], abs=step.max())
    page.tab.locator(".neurons th:nth-child(4) button").click()
    products = [row[3] for row in (numbers_of(text) for text in page.texts(".neurons tbody tr:first-child, .neurons tbody tr:last-child")) if len(row) > 3]
    assert products == sorted(products, reverse=True)


def numbers_of(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", text.replace("−", "-"))]


def test_signs_show_by_direction_as_well_as_by_colour(page: Opened) -> None:
    pair, _ = behind(4)
    choose_pair(page, pair)
    query = RESULT.behind.vectors[4, 0]
    bars = page.tab.eval_on_selector_all(
        ".neuron-rows svg:first-of-type rect[fill]", "found => found.map((bar) => [Number(bar.getAttribute('y')), bar.getAttribute('fill')])"
    )
    assert [y < 1 for y, _ in bars[: len(query)]] == (query > 0).tolist()
    assert (
        len(
            {colour for (y, colour), value in zip(bars, query, strict=False) if value > 0}
            & {colour for (y, colour), value in zip(bars, query, strict=False) if value < 0}
        )
        == 0
    )


def test_links_from_the_looking_to_the_other_sentence_are_listed_and_their_absence_is_said(page: Opened) -> None:
    kept = {(MEMBERS[query], MEMBERS[key]) for query in range(len(MEMBERS)) for key in RESULT.keys[query] if key >= 0}
    known, unknown = (
        (next(pair for pair in candidates if (pair in kept) == wanted))
        for candidates, wanted in ((((40, k) for k in range(40)), True), (((52, k) for k in range(52)), False))
    )
    choose_pair(page, list(known))
    links = sorted(((weight, query, key) for query in tokens_of(known[0]) for key, weight in links_of(query) if MEMBERS[key] == known[1]), reverse=True)[:8]
    assert shares(page.texts(".between tr:not(.group) .bars")) == pytest.approx([weight for weight, *_ in links], rel=ROUNDED)
    names = {(RESULT.texts[query], RESULT.texts[key]) for query in tokens_of(known[0]) for key, _ in links_of(query) if MEMBERS[key] == known[1]}
    shown = [page.texts(f".between tr:not(.group) td:nth-child({column}) bdi") for column in (1, 3)]
    assert set(zip(*shown, strict=True)) <= names
    choose_pair(page, list(unknown))
    assert page.tab.locator(".between").count() == 0
    assert "each such link is weaker than these" in page.read("#pair-tokens")
    assert "this pair is none of them" in page.read("#pair-tokens") or page.tab.locator(".neurons").count() == 1


def test_heads_that_look_most_at_a_token_of_the_other_sentence_are_named(page: Opened) -> None:
    layer, head, query = np.argwhere(RESULT.heads >= 0)[0].tolist()
    key = int(MEMBERS[RESULT.heads[layer, head, query]])
    choose_pair(page, [query, key])
    own = [(int(where[0]), int(where[1])) for where in np.argwhere(RESULT.heads[:, :, query] >= 0) if MEMBERS[RESULT.heads[where[0], where[1], query]] == key]
    assert f"Of 21 heads, {len(own)} look" in page.read("#pair-tokens")
    named = " ".join(page.texts("#pair-tokens ul.behind li"))
    assert set(re.findall(r"\d\.\d", named)) == {f"{one}.{other}" for one, other in own}


def test_links_known_of_a_sentence_lead_to_their_pair(page: Opened) -> None:
    pair, (layer, head, query, key) = behind(4)
    page.tab.locator(f"#sentence-{pair[0] + 1} .words").click()
    button = page.tab.locator(f"#pair-tokens [data-behind='{pair[0]} {pair[1]}']")
    assert f"head {layer}.{head} at “{RESULT.texts[query]}” looks at “{RESULT.texts[key]}”" in button.locator("xpath=..").inner_text()
    button.press("Enter")
    assert f"pair={pair[0] + 1}-{pair[1] + 1}" in page.tab.url
    assert page.tab.locator(".neurons").count() == 1


def test_the_table_of_tokens_behind_links_chooses_their_pair(page: Opened) -> None:
    first = RESULT.listed[0]
    page.tab.locator(".token-pairs tbody tr").first.locator("a").first.click()
    assert page.chosen() == [first.query]
    assert f"pair={first.query + 1}-{first.key + 1}" in page.tab.url


def test_on_a_narrow_page_the_tokens_stand_under_the_paragraph_and_nothing_scrolls_sideways(page: Opened) -> None:
    page.tab.set_viewport_size({"width": NARROW, "height": 844})
    choose(page, TOKEN)
    before = page.tab.evaluate("document.querySelector('#tokens').previousElementSibling.contains(document.querySelector('#sentence-31'))")
    assert before
    assert page.tab.evaluate("document.documentElement.scrollWidth") == NARROW
    page.tab.set_viewport_size({"width": 1440, "height": 900})
    page.tab.wait_for_selector("#bench #tokens")


def test_nothing_is_said_to_the_console_and_nothing_is_asked_for(page: Opened) -> None:
    choose(page, TOKEN)
    choose_pair(page, behind(4)[0])
    page.tab.locator(".neurons summary").click()
    assert page.quiet()


def shared_character() -> Measurements:
    """The second and the third token are parts of one character outside the basic plane."""
    whole = made_up()
    spans = whole["token_spans"].copy()
    spans[1], spans[2] = (5, 7), (6, 18)
    return Measurements(arrays=dict(whole.arrays) | {"token_spans": spans}, metadata=whole.metadata, text=whole.text.replace(" birch", " 🧿irch"))


def test_tokens_that_are_part_of_a_character_show_the_whole_of_it(open_file: Callable[..., Opened], tmp_path: Path) -> None:
    (tmp_path / "x.html").write_text(render_report(build_report(shared_character()), lambda specs: {}), encoding="utf-8")
    page = open_file(tmp_path / "x.html", fragment="#sentence=1&token=1", wait_for=READY)
    assert page.texts("#token-row button") == ["Amber", "🧿", "🧿irch cedar."]
    assert page.tab.get_attribute("#token-row [data-token='1']", "aria-label") == "🧿, a part of this character"
    assert page.texts("mark.focused") == ["🧿"]


def test_tokens_of_no_sentence_are_named_by_what_they_are(open_file: Callable[..., Opened], tmp_path: Path) -> None:
    (tmp_path / "x.html").write_text(render_report(small_report(), lambda specs: {}), encoding="utf-8")
    result = section_of(small_report(), "token_links").result
    query = next(token for token in range(9, 23) if 8 in result.keys[token])
    page = open_file(tmp_path / "x.html", fragment=f"#token={query}", wait_for=READY)
    assert "↵↵" in " ".join(page.texts(".token-links .source td:first-child"))
    assert "in no sentence" in " ".join(page.texts(".token-links .source td:first-child"))


def test_hostile_tokens_stay_text(open_file: Callable[..., Opened], tmp_path: Path) -> None:
    for number, text in enumerate(CASES[:3]):
        result = section_of(small_report(), "token_links").result
        shown = len(clean_text(text).encode("utf-16-le")) // 2
        starts, ends = np.zeros_like(result.places.starts), np.full_like(result.places.ends, shown)
        places = type(result.places)(sentences=result.places.sentences, starts=starts, ends=ends)
        report = with_result(saying(text), "token_links", places=places, texts=(text,) * len(result.texts))
        (tmp_path / f"{number}.html").write_text(render_report(report, lambda specs: {}), encoding="utf-8")
        page = open_file(tmp_path / f"{number}.html", fragment="#sentence=3&token=10", wait_for=READY)
        assert page.texts("#token-row button")[0] == clean_text(text).strip()
        assert page.tab.locator("#tokens img, #tokens script, #tokens svg[onload], #text img").count() == 0
        assert page.quiet()


def test_without_scripts_the_tables_of_tokens_are_there(open_file: Callable[..., Opened], pages: dict[str, Path]) -> None:
    page = open_file(pages["small"], scripts=False)
    result = section_of(small_report(), "token_links").result
    assert page.tab.locator("#token_links .token-pairs tbody tr").count() == len(result.listed) + len(result.opening_links)
    assert page.texts("#token_links .token-pairs tbody tr:first-child .text mark")[0] == result.listed[0].query_token.token
    assert page.tab.locator("#tokens").is_hidden()

"""The model view, the heads that other tables open, and the chosen sentence followed back, by mouse and by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from made_up import Sizes, made_up
from pages.opened import Opened
from pages.reports import long_report, section_of, small_report, with_result

from reportgen.analyses import head_matrices, sentence_matrix
from reportgen.render import render_report
from reportgen.report import build_report

REPORT = long_report(sentences=53, layers=3, heads=7)
MATRIX = section_of(REPORT, "sentence_matrix").result
HEADS = section_of(REPORT, "head_matrices").result
LABELS = "#streams text:not(.tick)"
CELL = '#model-view [data-layer="{}"][data-head="{}"]'


def opened(page: Opened) -> tuple[str, str]:
    return page.tab.input_value("#layer-number"), page.tab.input_value("#head")


def show(page: Opened, selector: str) -> None:
    page.tab.locator(selector).scroll_into_view_if_needed()


def test_every_head_has_a_small_matrix_that_is_drawn_when_it_is_in_view(page: Opened) -> None:
    assert page.tab.locator("#model-view [data-head]").count() == 21
    show(page, "#model-view")
    drawn = (
        "[...document.querySelectorAll('#model-view canvas')].filter((canvas) => canvas.getContext('2d').getImageData(0, 0, 53, 53).data.some(Boolean)).length"
    )
    page.tab.wait_for_function(f"() => {drawn} === 21")
    images = page.tab.eval_on_selector_all("#model-view canvas", "found => found.map((canvas) => canvas.toDataURL())")
    assert len(set(images)) == 21
    page.tab.select_option("#measure", "lift")
    show(page, "#model-view")
    page.tab.wait_for_function("before => document.querySelectorAll('#model-view canvas')[20].toDataURL() !== before", arg=images[20])


def test_a_click_opens_a_head_everywhere(page: Opened) -> None:
    before = page.painted()
    page.tab.locator(CELL.format(1, 4)).click()
    assert opened(page) == ("1", "4")
    assert page.painted() != before
    assert page.texts("#chosen-head-heading") == ["Head 1.4"]
    assert page.read(".head-opened") == "The matrix, the text and the lists show head 1.4."
    assert page.tab.locator("#model-view [aria-selected='true'], #head-grid [aria-selected='true']").count() == 2
    page.tab.select_option("#head", "mean")
    assert page.tab.locator("#model-view [aria-selected='true']").count() == 0
    assert page.read(".head-opened") == ""


def test_arrows_walk_the_model_view_and_enter_opens(page: Opened) -> None:
    page.tab.locator(CELL.format(0, 0)).focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowDown", "ArrowUp", "Enter"):
        page.tab.keyboard.press(key)
    assert opened(page) == ("1", "1")
    assert page.tab.locator("#model-view [tabindex='0']").count() == 1
    said = page.read("#model-view-said")
    assert said.startswith("Head 1.1: ")
    query, key = HEADS.link[1, 1]
    assert f"strongest link: sentence {query + 1} to {key + 1}" in said


def test_pointing_at_a_head_reads_where_its_attention_goes(page: Opened) -> None:
    page.tab.locator(CELL.format(2, 3)).hover()
    shares = page.read("#model-view-said")
    for share, to in ((HEADS.first, "the first sentence"), (HEADS.own, "the sentence itself"), (HEADS.others, "others")):
        assert f"\u202f% to {to}" in shares
        assert float(shares.split(f"\u202f% to {to}")[0].rsplit(" ", 1)[1]) == pytest.approx(100 * share[2, 3], rel=0.06)


def test_the_grid_the_tables_and_the_examples_open_heads_too(page: Opened) -> None:
    page.tab.locator('#head-grid [data-layer="2"][data-head="5"]').click()
    assert opened(page) == ("2", "5")
    page.tab.locator("summary", has_text="heads in a table").click()
    page.tab.locator("#head-filter").fill("0.3")
    page.tab.locator("#head-table tbody tr:visible .open-head").first.press("Enter")
    assert opened(page) == ("0", "3")
    layer, head = HEADS.listed[1]
    page.settle()
    page.tab.locator(".head-name .open-head").nth(1).click()
    assert opened(page) == (str(layer), str(head))
    example = page.tab.locator(".examples .open-head").first
    page.settle()
    example.click()
    assert opened(page) == tuple(example.inner_text().split("."))


def test_opening_a_head_leaves_a_measure_that_heads_do_not_have(page: Opened) -> None:
    page.tab.select_option("#measure", "isa")
    page.tab.locator(CELL.format(1, 2)).click()
    assert page.tab.input_value("#measure") == "share"
    page.tab.select_option("#measure", "lift")
    page.tab.locator(CELL.format(1, 3)).click()
    assert page.tab.input_value("#measure") == "lift"


def followed_back(sentence: int, without_first: bool) -> np.ndarray:
    """Shares by layers passed, from the input, by matrices."""
    shares = np.eye(53)[sentence]
    found = [shares]
    for layer in MATRIX.attention[:0:-1]:
        seen = np.array(layer, float)
        if without_first:
            seen[:, 0] = 0
        total = seen.sum(1, keepdims=True)
        step = np.where(total > 0, 0.5 * seen / np.where(total > 0, total, 1) + 0.5 * np.eye(53), np.eye(53))
        shares = shares @ step
        found.insert(0, shares)
    return np.stack(found)


def table(page: Opened) -> tuple[list[str], np.ndarray]:
    names = page.texts("#streams thead th")[1:]
    rows = [[float(text.replace("−", "-")) / 100 for text in page.texts(f"#streams tbody tr:nth-child({row}) td")] for row in range(1, 5)]
    return names, np.array(rows)


@pytest.mark.parametrize("without_first", [True, False])
def test_any_chosen_sentence_is_followed_back_layer_by_layer(page: Opened, without_first: bool) -> None:
    show(page, "#streams")
    if not without_first:
        page.tab.locator("#streams-first").press("Space")
    page.tab.evaluate("document.querySelector('#sentence-41 .words').click()")
    page.tab.wait_for_function("() => document.getElementById('streams-heading').textContent.startsWith('Sentence 41,')")
    names, shown = table(page)
    true = followed_back(40, without_first)
    lanes = [int(name.removeprefix("sentence ")) - 1 for name in names[:-1]]
    assert 40 in lanes
    np.testing.assert_allclose(shown[:, :-1], true[:, lanes], rtol=0.1, atol=0.003)
    np.testing.assert_allclose(shown.sum(1), 1, atol=0.01)
    kept = np.sort(true.max(0)[[lane for lane in lanes if lane != 40]])
    assert kept[0] >= 0.9 * np.sort(np.delete(true.max(0), 40))[-4]
    assert page.tab.locator("#streams .ribbon").count() > 6
    assert "Followed back through 3 layers" in page.tab.locator("#streams svg").get_attribute("aria-label")


def test_what_is_said_of_the_flow_names_the_greatest_sources_of_all_and_labels_keep_apart(page: Opened) -> None:
    show(page, "#streams")
    for sentence in (20, 31, 41, 52):
        page.tab.evaluate(f"document.querySelector('#sentence-{sentence} .words').click()")
        page.tab.evaluate("dispatchEvent(new Event('beforeprint'))")  # which draws it wherever the page is
        assert page.texts("#streams-heading")[0].startswith(f"Sentence {sentence},")
        true = followed_back(sentence - 1, without_first=True)[0]
        greatest = [int(other) + 1 for other in np.argsort(-true) if other != sentence - 1][:3]
        said = page.texts("#streams-said")[0]
        named = [int(number) for number in re.findall(r"comes from sentence (\d+)", said)]
        assert true[np.array(named) - 1] == pytest.approx(true[np.array(greatest) - 1], rel=0.06)
        assert sum(float(share) for share in re.findall(r"([\d.]+)\u202f%", said)) == pytest.approx(100, abs=1.5)
        boxes = page.tab.eval_on_selector_all(
            LABELS, "found => found.map((text) => text.getBBox()).map(({ x, y, width, height }) => [x, y, x + width, y + height])"
        )
        assert not [(one, two) for one, two in combinations(boxes, 2) if one[0] < two[2] and two[0] < one[2] and one[1] + 2 < two[3] and two[1] + 2 < one[3]]
        assert all(re.search(r" after \d layers?$", text) for text in page.texts(f"{LABELS}[text-anchor=middle]"))


def test_the_picture_of_the_flow_is_read_by_pointer_and_by_arrow_keys(page: Opened) -> None:
    show(page, "#streams")
    page.tab.wait_for_selector("#streams .ribbon", state="attached")
    page.tab.locator("#streams svg").focus()
    page.tab.keyboard.press("ArrowLeft")
    assert page.read("#streams-said").startswith("After 2 of 3 layers: ")
    page.tab.keyboard.press("ArrowRight")
    assert page.read("#streams-said").startswith("After 3 of 3 layers: 100")
    box = page.tab.locator("#streams svg").bounding_box()
    page.tab.mouse.move(box["x"] + box["width"] * 0.19, box["y"] + 60)
    assert page.read("#streams-said").startswith("After 0 of 3 layers: ")


def test_without_a_chosen_sentence_nothing_is_followed(page: Opened) -> None:
    show(page, "#streams")
    page.tab.wait_for_selector("#streams .ribbon", state="attached")
    page.tab.keyboard.press("Escape")
    assert page.read("#streams-heading") == "No sentence is chosen"
    assert page.tab.locator("#streams svg:visible").count() == 0


def test_tables_mark_the_chosen_sentence_wherever_they_name_it(page: Opened) -> None:
    query = int(HEADS.link[HEADS.listed[0]][0])
    page.tab.locator(f"#sentence-{query + 1} .words").click()
    assert page.tab.locator("#head_matrices .mention").count() >= 1
    assert set(page.texts(".mention")) <= {str(query + 1)}
    page.tab.keyboard.press("Escape")
    assert page.tab.locator(".mention").count() == 0


def test_heads_of_a_long_document_are_opened_in_groups_of_sentences(open_file: Callable[..., Opened], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"sentences": 11, "tokens": 43}
    monkeypatch.setattr(head_matrices, "CELLS_AT_MOST", 21 * 21)
    pooled = head_matrices.analyse(made_up(sizes=Sizes(**sizes)))
    report = with_result(small_report(**sizes), "head_matrices", **vars(pooled))
    (tmp_path / "pooled.html").write_text(render_report(report, lambda specs: {}), encoding="utf-8")
    page = open_file(tmp_path / "pooled.html", fragment="#sentence=8&layer=1&head=3&sink=kept")
    assert pooled.group == 2
    assert page.quiet()
    assert page.texts("#chosen-heading")[0].startswith("Links of a sentence of 7 to 8, head 1.3,")
    assert "Rows and columns stand for 2 consecutive sentences." in page.read("#head_matrices")
    assert set(page.texts(".chosen-links .source td:first-child")) <= {"1–2", "3–4", "5–6", "7–8"}
    assert page.read("#grouped").startswith("Each row and each column stands for 2 consecutive sentences")
    page.tab.select_option("#head", "mean")
    assert page.texts("#chosen-heading")[0].startswith("Links of sentence 8, layer 1,")
    assert not page.tab.is_visible("#grouped")
    assert page.quiet()


@pytest.fixture
def in_groups(open_file: Callable[..., Opened], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Opened, sentence_matrix.Result]:
    """Thirteen sentences; those of layers in groups of three."""
    monkeypatch.setattr(sentence_matrix, "LAYER_CELLS_AT_MOST", 45)
    report = build_report(made_up(sizes=Sizes(sentences=13, tokens=47)))
    (tmp_path / "layers.html").write_text(render_report(report, lambda specs: {}), encoding="utf-8")
    return open_file(tmp_path / "layers.html", fragment="#sentence=8&layer=1&sink=kept"), section_of(report, "sentence_matrix").result


def test_layers_of_a_long_document_are_shown_in_groups_and_the_whole_model_by_sentence(in_groups: tuple[Opened, sentence_matrix.Result]) -> None:
    page, result = in_groups
    assert (result.group, result.layer_group) == (1, 3)
    assert page.texts("#chosen-heading")[0].startswith("Links of a sentence of 7 to 9, layer 1")
    assert page.read("#grouped").startswith("Each row and each column stands for 3 consecutive sentences; a cell is the mean")
    shares = result.attention[2][2].tolist()
    shown = dict(zip(page.texts(".chosen-links .source td:first-child"), page.texts(".chosen-links .source td:nth-child(2)"), strict=True))
    assert set(shown) == {"1–3", "4–6", "7–9"}
    for names, share in zip(("1–3", "4–6", "7–9"), shares, strict=False):
        assert float(shown[names].removesuffix("%").strip()) == pytest.approx(100 * share, abs=4.2 * share + 0.5)  # steps of 8%, two digits
    page.tab.fill("#layer-number", "")
    page.tab.dispatch_event("#layer-number", "change")
    assert page.texts("#chosen-heading")[0].startswith("Links of sentence 8")
    assert not page.tab.is_visible("#grouped")
    assert page.quiet()


def test_single_heads_are_read_beside_layers_of_fewer_rows(in_groups: tuple[Opened, sentence_matrix.Result]) -> None:
    page, _ = in_groups
    page.tab.select_option("#head", "3")
    assert page.texts("#chosen-heading")[0].startswith("Links of sentence 8, head 1.3")
    assert page.quiet()

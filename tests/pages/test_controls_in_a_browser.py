"""Controls that act on every view at once: heads, threshold, how many links, chance, by mouse and by keyboard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matrices import content_pairs, lift_of
from pages.opened import Opened
from pages.reports import long_report, section_of

REPORT = long_report(sentences=53, layers=3, heads=7)
MATRIX = section_of(REPORT, "sentence_matrix").result
HEADS = section_of(REPORT, "head_matrices").result
CHOSEN = 44


def values_of(layer: int, head: int) -> np.ndarray:
    """A head's rounded shares, by a second reading of the codes."""
    found = np.full((53, 53), np.nan)
    codes = np.array([int(code, 16) for code in HEADS.codes[layer][head]])
    columns, rows = np.triu_indices(53)
    found[rows, columns] = np.where(codes == 0, 0, HEADS.low * np.exp((codes - 1) * HEADS.step))
    return found


def sources(page: Opened) -> list[int]:
    return [int(text) - 1 for text in page.texts(".chosen-links .source td:first-child")]


def choose(page: Opened, sentence: int = CHOSEN) -> None:
    page.tab.locator(f"#sentence-{sentence + 1} .words").click()


def pick_layer(page: Opened, layer: int) -> None:
    page.tab.fill("#layer-number", str(layer))
    page.tab.keyboard.press("Enter")


def ranked(values: np.ndarray, shown: list[int]) -> bool:
    """These places have the greatest values, greatest first; equals in any order."""
    best = values[shown]
    return bool((np.diff(best) <= 0).all() and (np.sort(values[values > 0])[::-1][: len(shown)] == best).all())


def everything(page: Opened) -> tuple[object, ...]:
    """What each view shows: matrix, text, arcs, lists, readout."""
    return (
        page.painted(),
        tuple(page.texts(".sentence.source[data-mark]")),
        tuple(page.tab.eval_on_selector_all(".sentence[data-mark]", "found => found.map((element) => element.id + element.dataset.mark)")),
        tuple(page.tab.eval_on_selector_all(".arcs path", "found => found.map((path) => path.getAttribute('d'))")),
        page.read("#chosen-links"),
        page.read("#top-links"),
        page.readout(),
    )


def test_a_single_head_is_shown_in_every_view_and_only_with_its_layer(page: Opened) -> None:
    choose(page)
    assert page.tab.locator("#head option[value='4']").is_disabled()
    pick_layer(page, 1)
    before = everything(page)
    page.tab.select_option("#head", "4")
    after = everything(page)
    assert all(one != other for one, other in zip(before, after, strict=True))
    assert page.texts("#chosen-heading") == ["Links of sentence 45, head 1.4, strongest share first"]
    assert "head 1.4" in page.read("#top-links caption")
    assert "head 1.4; logarithmic scale" in page.read("#matrix-legend")
    assert "In head 1.4, sentence 45 keeps" in page.readout()
    row = values_of(1, 4)[CHOSEN].copy()
    row[[0, CHOSEN]] = np.nan
    assert ranked(np.nan_to_num(row), sources(page))
    assert set(page.numbers(".sentence.source", "sentence")) == set(sources(page))
    assert "sixteen steps" in page.read(".measure-notes")


def test_the_top_links_of_a_head_are_its_greatest_lifts(page: Opened) -> None:
    pick_layer(page, 2)
    page.tab.select_option("#head", "0")
    lift = np.nan_to_num(content_pairs(lift_of(values_of(2, 0), MATRIX.expected)))
    shown = [lift[pair] for pair in page.outlined()]
    assert len(shown) == 12
    assert shown == pytest.approx(np.sort(lift.ravel())[::-1][:12], rel=0.02)


def test_heads_are_chosen_by_keyboard_and_leaving_the_layer_leaves_the_head(page: Opened) -> None:
    pick_layer(page, 0)
    page.tab.locator("#head").focus()
    page.tab.keyboard.press("End")
    assert page.tab.input_value("#head") == "6"
    pick_layer(page, 2)
    assert "head 2.6" in page.read("#top-links caption")
    page.tab.fill("#layer-number", "")
    page.tab.keyboard.press("Enter")
    assert page.tab.input_value("#head") == "mean"
    assert "whole model" in page.read("#top-links caption")


def test_the_maximum_over_heads_is_the_greatest_of_each_cell(page: Opened) -> None:
    choose(page)
    page.tab.select_option("#head", "max")
    every = np.stack([values_of(layer, head) for layer in range(3) for head in range(7)])[:, CHOSEN].max(0)
    every[[0, CHOSEN]] = 0
    assert ranked(np.nan_to_num(every), sources(page))
    assert "whole model, maximum over heads" in page.texts("#chosen-heading")[0]
    page.tab.locator(".chosen-links tr[data-pair]").first.locator(".line").click()
    assert "In the head that gives it most, sentence 45 gives" in page.readout()


def test_measures_that_single_heads_do_not_have_show_the_mean_and_say_so(page: Opened) -> None:
    pick_layer(page, 1)
    page.tab.select_option("#head", "3")
    page.tab.select_option("#measure", "rollout")
    assert page.tab.locator("#head").is_disabled()
    assert page.read("#head-note") == "only of share and lift"
    assert "layer 1," in page.texts("#chosen-heading")[0]
    page.tab.select_option("#measure", "lift")
    assert "head 1.3" in page.texts("#chosen-heading")[0]


def test_how_many_links_of_a_sentence_acts_on_text_arcs_and_list(page: Opened) -> None:
    choose(page)
    page.tab.fill("#each", "3")
    assert len(sources(page)) == len(page.numbers(".sentence.source", "sentence")) == 3
    assert page.tab.locator(".arcs path.source").count() == 3
    page.tab.locator("#each").press("ArrowUp")
    assert len(sources(page)) == 4
    page.tab.fill("#each", "0")
    assert page.tab.locator(".sentence.source, .sentence.destination, .arcs path").count() == 0
    assert "no links are asked for" in page.read("#chosen-links")


def test_the_threshold_empties_cells_text_and_lists_of_what_is_under_it(page: Opened) -> None:
    choose(page)
    page.tab.fill("#each", "50")
    whole, before = len(sources(page)), page.painted()
    page.tab.locator("#threshold").focus()
    for _ in range(24):
        page.tab.keyboard.press("ArrowRight")
    said = page.read("#threshold-value")
    least = float(said.removeprefix("at least ").split("\u202f")[0]) / 100
    row = content_pairs(MATRIX.attention[0])[CHOSEN]
    assert len(sources(page)) < whole
    assert set(np.flatnonzero(row > least * 1.05)) <= set(sources(page)) <= set(np.flatnonzero(row > least * 0.95))
    assert page.numbers(".sentence.source", "sentence") == sorted(sources(page))
    shares = [float(text.replace(",", "")) / 100 for text in page.texts("#top-links tbody td:nth-child(3)")]
    assert min(shares) >= least * 0.99
    assert page.painted() != before
    assert "blank: less than" in page.read("#matrix-legend")
    page.tab.keyboard.press("End")
    assert "nothing reaches" in page.read("#chosen-links")
    assert page.texts("#top-links tbody") == ["No pair of sentences is left."]


ALPHA = """([query, key]) => {
  const canvas = document.querySelector('#matrix canvas'), side = canvas.width / 53, copy = document.createElement('canvas');
  Object.assign(copy, { width: canvas.width, height: canvas.height });
  const context = copy.getContext('2d', { willReadFrequently: true });
  context.drawImage(canvas, 0, 0);
  const { data } = context.getImageData(Math.round(key * side) + 1, Math.round(query * side) + 1, Math.floor(side) - 2, Math.floor(side) - 2);
  return data.filter((value, at) => at % 4 === 3).reduce((sum, alpha) => sum + alpha / 255, 0) / (data.length / 4);
}"""


def test_a_cell_under_the_threshold_is_blank_one_never_computed_hatched_and_others_whole(page: Opened) -> None:
    page.tab.locator("#threshold").fill("20")
    shares = content_pairs(MATRIX.attention[0])
    weakest, strongest = (np.unravel_index(which(shares), shares.shape) for which in (np.nanargmin, np.nanargmax))
    low = np.unravel_index(np.nanargmin(np.where(np.tri(53, k=-1, dtype=bool), shares, np.nan)), shares.shape)
    assert page.tab.evaluate(ALPHA, [int(place) for place in low]) == 0
    assert page.tab.evaluate(ALPHA, [int(place) for place in strongest]) == pytest.approx(1)
    beside = [page.tab.evaluate(ALPHA, [10, key]) for key in range(20, 26)]
    assert 0 < sum(beside) / len(beside) < 0.5
    assert weakest is not None


def test_chance_is_one_click_away_beside_every_weight(page: Opened) -> None:
    choose(page)
    page.tab.locator(".chosen-links tr[data-pair]").first.locator(".line").click()
    before = everything(page)
    page.tab.check("#chance")
    after = everything(page)
    assert all(one != other for one, other in zip(before[:2] + before[2:5], after[:2] + after[2:5], strict=True) if one)
    headings = page.texts(".chosen-links .source th")
    assert headings[-4:-1] == ["even", "as far apart", "ratio"]
    assert "Even attention would give" in page.readout()
    assert "Sentences as far apart have a share of" in page.readout()
    assert "times the mean of sentences as far apart" in page.read("#matrix-legend")
    first = sources(page)[0]
    even, mean, ratio = page.tab.locator(".chosen-links .source tr[data-pair]").first.locator(".chance").all_inner_texts()
    assert float(even.split("\u202f")[0]) / 100 == pytest.approx(MATRIX.expected[CHOSEN, first], rel=0.03)
    true = mean_at_distance(MATRIX.attention[0], CHOSEN - first)
    assert float(mean.split("\u202f")[0]) / 100 == pytest.approx(true, rel=0.05)
    assert float(ratio.rstrip("×")) == pytest.approx(MATRIX.attention[0][CHOSEN, first] / true, rel=0.1)
    assert "of chance" in page.tab.locator(".sentence.source").first.get_attribute("data-mark")
    page.tab.locator("#chance").press("Space")
    assert page.painted() == before[0]


def mean_at_distance(shares: np.ndarray, distance: int) -> float:
    """Mean over pairs in the same band of distances that do not look at the first sentence."""
    band = np.vectorize(lambda gap: gap if gap < 4 else 4 + np.floor(np.log(gap / 4) / np.log(1.25) + 1e-12))
    gaps = np.subtract.outer(np.arange(53), np.arange(53))
    same = (gaps >= 0) & (band(np.maximum(gaps, 0)) == band(np.array([distance]))[0])
    same[:, 0] = False
    return float(shares[same].mean())


def test_flow_is_a_measure_of_the_sentences_it_was_computed_for(page: Opened) -> None:
    flow = section_of(REPORT, "flow").result.chosen[0]
    page.tab.select_option("#measure", "flow")
    choose(page, flow.sentence)
    known = {int(source): value for source, value in zip(flow.sources, flow.flow, strict=True) if source not in (0, flow.sentence)}
    assert set(sources(page)) <= set(known)
    assert "attention flow" in page.read("#measure option:checked")
    assert "maximum flow, at most 1; through all layers" in page.read("#matrix-legend")
    choose(page, 51)
    assert "none was computed" in page.read("#chosen-links .source")


def test_the_address_keeps_head_threshold_links_and_chance(page: Opened, open_file: Callable[..., Opened], pages: dict[str, Path]) -> None:
    choose(page)
    pick_layer(page, 1)
    page.tab.select_option("#head", "5")
    page.tab.fill("#each", "4")
    page.tab.check("#chance")
    page.tab.locator("#threshold").fill("18")
    again = open_file(pages["long"], fragment="#" + page.tab.url.partition("#")[2])
    assert everything(again)[2] == everything(page)[2]
    assert [again.tab.input_value(f"#{name}") for name in ("layer-number", "head", "each", "threshold")] == ["1", "5", "4", "18"]
    assert again.tab.is_checked("#chance")


@pytest.mark.parametrize(
    "fragment", ["#links=9&head=3", "#layer=1&head=7", "#layer=1&head=maximum&threshold=41&each=-1&chance=1", "#head=__proto__&threshold=1e3"]
)
def test_a_senseless_head_or_threshold_does_no_harm(open_file: Callable[..., Opened], pages: dict[str, Path], fragment: str) -> None:
    page = open_file(pages["long"], fragment=fragment)
    assert page.quiet()
    assert [page.tab.input_value(f"#{name}") for name in ("head", "each", "threshold")] == ["mean", "6", "0"]
    assert not page.tab.is_checked("#chance")

"""What axe-core cannot see: reflow, focus, reduced motion, forced colours, figures in words and numbers, paper, pages without their styles."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pages.accessibility import OPEN_ALL
from pages.opened import Opened
from pages.reports import long_report, small_report, with_result

from reportgen.render import render_report

SECTIONS_WITH_CHARTS = [section.name for section in long_report(sentences=53, layers=3, heads=7).sections if section.charts]
FOCUSED = """() => {
  const element = document.activeElement, style = getComputedStyle(element), box = element.getBoundingClientRect();
  return [element.tagName + "#" + (element.id || element.getAttribute("aria-label") || element.textContent.trim().slice(0, 30)),
    parseFloat(style.outlineWidth) * (style.outlineStyle !== "none"), box.width * box.height];
}"""


def stripped(path: Path) -> str:
    """The page as a server shows it that lets no page style or run itself."""
    return re.sub(r"<(script|style)\b.*?</\1>|<meta http-equiv[^>]*>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_at_320_pixels_nothing_but_wide_figures_scrolls_sideways(page: Opened) -> None:
    """WCAG 2.2, 1.4.10: what is 1280 pixels wide, enlarged four times."""
    page.tab.set_viewport_size({"width": 320, "height": 256})
    page.tab.evaluate(OPEN_ALL)
    assert page.tab.evaluate("document.documentElement.scrollWidth") == 320
    over = "[...document.querySelectorAll('main *')].filter((element) => element.getBoundingClientRect().right > 321 && !element.closest('.scroll')).map((element) => element.outerHTML.slice(0, 90))"
    assert page.tab.evaluate(over) == []


def test_text_spaced_out_is_not_cut_off(page: Opened) -> None:
    """WCAG 2.2, 1.4.12. The spacing is put on the elements, as the page's policy takes no other style."""
    page.tab.evaluate("document.querySelectorAll('p, li, h2, h3, dt, dd, summary, a, label').forEach((element) => Object.assign(element.style, "
                      "{ lineHeight: '1.5', letterSpacing: '0.12em', wordSpacing: '0.16em' }))")  # fmt: skip
    cut = """[...document.querySelectorAll('main p, main li, main h2, main h3, main dt, main dd, main label')].filter((element) =>
      element.checkVisibility() && getComputedStyle(element).overflow === "hidden" && !element.matches(".quote") && element.scrollHeight > element.clientHeight + 1)
      .map((element) => element.outerHTML.slice(0, 90))"""
    assert page.tab.evaluate(cut) == []


def test_the_tabulator_goes_down_the_page_and_each_stop_can_be_seen(page: Opened) -> None:
    stops: list[list] = []
    while len(stops) < 150 and (not stops or stops[-1][0] != "INPUT#content"):
        page.tab.keyboard.press("Tab")
        stops.append(page.tab.evaluate(FOCUSED))
    names = [name for name, *_ in stops]
    assert names[0] == "A#Skip to the findings"
    assert [name for name, outline, area in stops if outline < 2 or area < 1] == []
    places = [names.index(name) for name in (next(name for name in names if name.startswith("A#Evidence")), "SELECT#measure", "INPUT#layer", "INPUT#content")]
    assert places == sorted(places)


def test_the_skip_link_leads_past_the_contents(page: Opened) -> None:
    page.tab.keyboard.press("Tab")
    page.tab.keyboard.press("Enter")
    page.tab.keyboard.press("Tab")
    assert page.tab.evaluate("document.activeElement.closest('#findings') !== null")


def test_a_focused_sentence_is_not_hidden_by_the_contents(page: Opened) -> None:
    """WCAG 2.2, 2.4.11."""
    for key in "jjjjjjjkkkkkkkkk":
        page.tab.keyboard.press(key)
        page.tab.wait_for_function(
            "() => document.activeElement.getBoundingClientRect().bottom > document.querySelector('.contents').getBoundingClientRect().bottom"
        )


def test_reduced_motion_scrolls_at_once(page: Opened) -> None:
    page.tab.emulate_media(reduced_motion="reduce")
    assert page.tab.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    moving = "document.getAnimations().length + [...document.querySelectorAll('*')].filter((element) => parseFloat(getComputedStyle(element).transitionDuration) > 0).length"
    assert page.tab.evaluate(moving) == 0
    page.tab.locator(".chosen-links a").first.click()
    before = page.tab.evaluate("scrollY")
    page.tab.wait_for_timeout(200)
    assert page.tab.evaluate("scrollY") == before
    page.tab.emulate_media(reduced_motion="no-preference")


def test_in_forced_colours_the_chosen_the_scales_and_the_cells_are_still_told_apart(page: Opened) -> None:
    page.tab.emulate_media(forced_colors="active")
    colour = "(selector) => getComputedStyle(document.querySelector(selector)).backgroundColor"
    ground = page.tab.evaluate(colour, "html")
    for shown in (".sentence[aria-current] .words", ".bar i"):
        assert page.tab.evaluate(colour, shown) not in (ground, "rgba(0, 0, 0, 0)")
    assert page.tab.evaluate("getComputedStyle(document.querySelector('.ramp')).backgroundImage").startswith("linear-gradient")
    shades = page.tab.evaluate("new Set([...document.querySelectorAll('#head-grid [data-head]')].map((cell) => getComputedStyle(cell).backgroundColor)).size")
    assert shades > 5
    text = page.tab.evaluate("[...document.querySelectorAll('.picture text')].map((words) => getComputedStyle(words).fill)")
    assert page.tab.evaluate("getComputedStyle(document.body).color") in text
    page.tab.emulate_media(forced_colors="none")


def test_every_chart_has_words_with_numbers_and_a_table_in_its_section(page: Opened) -> None:
    assert len(SECTIONS_WITH_CHARTS) > 5
    for section in SECTIONS_WITH_CHARTS:
        names = page.tab.eval_on_selector_all(f"#{section} .picture", "found => found.map((picture) => picture.getAttribute('aria-label'))")
        assert len(names) == len(set(names)) > 0
        assert all(re.search(r"\d", name) for name in names)
        assert page.tab.locator(f"#{section} table tbody tr").count() > 0


def test_every_column_sorts_also_where_a_row_spans_it(page: Opened) -> None:
    page.tab.evaluate(OPEN_ALL)
    page.tab.evaluate("document.querySelectorAll('th button').forEach((button) => button.click())")
    assert page.quiet()
    assert page.tab.locator("th[aria-sort]").count() > 10


def test_links_are_numbered_or_said_not_only_coloured(page: Opened) -> None:
    linked = "found => found.map((element) => element.dataset.mark ?? '')"
    marks = page.tab.eval_on_selector_all(".sentence.source, .sentence.destination", linked)
    assert marks
    assert all(re.search(r"(looked at|looks here) .*\d", mark) for mark in marks)


def test_arabic_runs_from_the_right_and_chinese_from_the_left_in_one_document(open_file: Callable[..., Opened], tmp_path: Path) -> None:
    texts = ("نظر المنارة إلى البحر.", "لم يأتِ أحد (HMS Victory).", "灯塔看守人写下了这本日志。", "She wrote “שלום” 🧿👩‍👩‍👧.", "彼は言った。")
    report = with_result(small_report(layers=2, heads=3), "sentence_matrix", sentences=texts, blocks=(0, 0, 1, 2, 2))
    (tmp_path / "scripts.html").write_text(render_report(replace(report, title="دفتر المنارة", language="ar"), lambda specs: {}), encoding="utf-8")
    page = open_file(tmp_path / "scripts.html")
    assert page.texts(".words") == list(texts)
    sides = """[...document.querySelectorAll('.block')].map((block) => {
      const [outside, inside] = [block.getBoundingClientRect(), block.querySelector('.number').getBoundingClientRect()];
      return inside.left - outside.left < outside.right - inside.right ? "left" : "right"; })"""
    assert page.tab.evaluate(sides) == ["right", "left", "left"]
    assert page.tab.evaluate("getComputedStyle(document.querySelector('h1')).direction") == "rtl"
    languages = "['html', 'h1', '#text'].map((name) => document.querySelector(name).lang)"
    assert page.tab.evaluate(languages) == ["en", "ar", "ar"]  # what the page says for itself is English
    assert page.tab.evaluate("document.documentElement.scrollWidth") == 1440


def test_paper_is_white_and_whole_also_where_the_screen_is_dark(open_file: Callable[..., Opened], pages: dict[str, Path]) -> None:
    page = open_file(pages["long"], color_scheme="dark", width=673)
    page.tab.evaluate(OPEN_ALL)
    page.tab.emulate_media(media="print", color_scheme="dark")
    assert page.tab.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    assert page.tab.evaluate("getComputedStyle(document.querySelector('.picture text')).fill") in ("rgb(27, 27, 26)", "rgb(95, 94, 90)")
    controls = "[...document.querySelectorAll('select, input, details:has(caption) > summary, button, nav, .skip')].filter((element) => element.checkVisibility() && element.getClientRects().length && !element.closest('.tokens'))"  # whose tokens are text on paper
    assert page.tab.evaluate(f"{controls}.map((element) => element.outerHTML.slice(0, 60))") == []
    wide = "[...document.querySelectorAll('main table, main .picture')].filter((element) => element.getBoundingClientRect().right > 674 && getComputedStyle(element.parentElement).page !== 'wide')"
    assert page.tab.evaluate(f"{wide}.map((element) => element.closest('section').id)") == []


def test_the_page_prints(open_file: Callable[..., Opened], pages: dict[str, Path]) -> None:
    page = open_file(pages["small"])
    paper = page.tab.pdf(format="A4", prefer_css_page_size=True)
    assert paper.startswith(b"%PDF")
    assert 5 < len(re.findall(rb"/Type\s*/Page\b", paper)) < 60


def test_without_styles_and_scripts_it_reads_as_a_plain_document(open_file: Callable[..., Opened], pages: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "plain.html").write_text(stripped(pages["long"]), encoding="utf-8")
    page = open_file(tmp_path / "plain.html", scripts=False, color_scheme="dark")
    assert page.tab.locator("select:visible, input:visible, button:visible, canvas:visible, [role=application]:visible").count() == 0
    assert page.tab.evaluate("getComputedStyle(document.documentElement).colorScheme") == "normal"  # pictures are drawn in dark ink
    assert page.tab.locator("tr:visible").count() < 400
    assert page.tab.locator(".picture:visible").count() == sum(len(section.charts) for section in long_report(sentences=53, layers=3, heads=7).sections)
    assert page.tab.evaluate("document.querySelector('.needs-scripts img').naturalWidth") == 53
    assert page.tab.locator("#sentence-7").inner_text().startswith("7 ")
    empty = "[...document.querySelectorAll('svg')].filter((drawing) => drawing.checkVisibility() && !drawing.children.length && drawing.getBoundingClientRect().height > 1)"
    assert page.tab.evaluate(f"{empty}.length") == 0

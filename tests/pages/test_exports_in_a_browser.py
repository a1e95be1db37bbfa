"""What can be saved from the page: every file is downloaded in a real browser and read back."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from charts import assert_drawable, rows_of
from pages.opened import Opened
from pages.reports import long_report, section_of, small_report, with_section

from reportgen.drawing.pictures import SERIES
from reportgen.render import render_report

REPORT = long_report(sentences=53, layers=3, heads=7)
MATRIX = section_of(REPORT, "sentence_matrix").result
CHARTS = {f"{section.name}-{chart}": spec for section in REPORT.sections for chart, spec in section.charts.items()}
SVG = "{http://www.w3.org/2000/svg}"


def saved(page: Opened, selector: str) -> tuple[str, bytes]:
    """The name and the bytes of the file that a button makes."""
    with page.tab.expect_download() as download:
        page.tab.evaluate("selector => document.querySelector(selector).click()", selector)
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def chart_file(page: Opened, chart: str, kind: str) -> tuple[str, bytes]:
    return saved(page, f"[data-chart='{chart}'] .export button[aria-label^='{kind}:']")


def rows_of_csv(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8"), newline="")))


def test_every_chart_can_be_saved_in_four_kinds_below_it_and_from_the_window(page: Opened) -> None:
    kinds = ["SVG", "PNG", "CSV", "Vega-Lite"]
    assert page.tab.locator("[data-chart] .export").count() == len(CHARTS)
    for menu in ("[data-chart] .export", ".exports-charts li"):
        assert page.texts(f"{menu} button") == kinds * len(CHARTS)


def test_a_disclosure_and_a_button_are_reached_by_keyboard(page: Opened) -> None:
    page.tab.focus("[data-chart='sinks-maps'] .export summary")
    page.tab.keyboard.press("Enter")
    page.tab.keyboard.press("Tab")
    page.tab.keyboard.press("Tab")
    page.tab.keyboard.press("Tab")
    with page.tab.expect_download() as download:
        page.tab.keyboard.press("Enter")
    assert download.value.suggested_filename == "a-log-of-the-north-light-sinks-maps.csv"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_svg_stands_alone_in_the_colours_of_the_day(page: Opened, scheme: str, tmp_path: Path, open_file: Callable[..., Opened]) -> None:
    page.tab.emulate_media(color_scheme=scheme)
    name, data = chart_file(page, "layer_progression-layers", "SVG")
    assert name == "a-log-of-the-north-light-layer-progression-layers.svg"
    root = ElementTree.fromstring(data)
    assert root.tag == f"{SVG}svg"
    assert "Liberation Sans" in root.get("font-family")
    assert root.find(f"{SVG}desc").text
    attributes = {attribute for element in root.iter() for attribute in element.attrib}
    assert not {attribute for attribute in attributes if attribute in ("class", "style", "href") or attribute.startswith("on")}
    assert not [element.tag for element in root.iter() if element.tag in (f"{SVG}script", f"{SVG}style", f"{SVG}image")]
    assert SERIES[0] in data.decode()
    assert "var(" not in data.decode()
    (tmp_path / "alone.svg").write_bytes(data)
    page.tab.goto((tmp_path / "alone.svg").as_uri())
    drawn = page.tab.evaluate("(() => { const box = document.documentElement.getBBox(); const frame = document.documentElement.viewBox.baseVal; return [box.x >= frame.x - 1, box.x + box.width <= frame.x + frame.width + 5, box.width > 100]; })()")  # fmt: skip
    assert drawn == [True, True, True]


def test_a_png_is_the_picture_at_twice_its_size(page: Opened) -> None:
    name, data = chart_file(page, "sinks-maps", "PNG")
    assert name.endswith("-sinks-maps.png")
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    frame = [float(part) for part in page.tab.get_attribute("[data-chart='sinks-maps'] .picture", "viewBox").split()]
    assert width >= 2 * frame[2]
    assert height >= 2 * frame[3]
    assert len(data) > 5_000


@pytest.mark.parametrize("chart", list(CHARTS)[::4])
def test_a_csv_holds_every_row_of_the_chart(page: Opened, chart: str) -> None:
    header, *rows = rows_of_csv(chart_file(page, chart, "CSV")[1])
    sources = rows_of(CHARTS[chart])
    assert len(rows) == sum(len(source) for source in sources)
    if len(sources) > 1:
        assert header[0] == "table"
    assert len(set(header)) == len(header)
    every = [row for source in sources for row in source]
    for found, row in zip(rows[:5] + rows[-5:], every[:5] + every[-5:], strict=True):
        texts = dict(zip(header, found, strict=True))
        for name, value in row.items():
            assert texts[name] == value if isinstance(value, str) else value is None or float(texts[name]) == pytest.approx(value)


@pytest.mark.parametrize("chart", list(CHARTS)[::5])
def test_the_specification_is_valid_vega_lite_that_draws_by_itself(page: Opened, chart: str) -> None:
    name, data = chart_file(page, chart, "Vega-Lite")
    spec = json.loads(data)
    assert name.endswith(".vl.json")
    assert rows_of(spec) == json.loads(json.dumps(rows_of(CHARTS[chart])))
    assert spec["config"]["background"] == "#ffffff"
    assert spec["config"]["font"] == "Liberation Sans"
    assert_drawable(spec)


def test_the_matrix_is_saved_as_it_is_shown(page: Opened) -> None:
    name, data = saved(page, ".exports-matrix button[aria-label^='CSV']")
    assert name == "a-log-of-the-north-light-share-whole-model.csv"
    header, *rows = rows_of_csv(data)
    assert header[1:4] == ["sentence 1", "sentence 2", "sentence 3"]
    assert (len(header), len(rows)) == (54, 53)
    assert rows[3][5:] == [""] * 49
    true = MATRIX.attention[0]
    shown = [(float(rows[query][key + 1]), true[query, key]) for query in range(53) for key in range(query + 1) if rows[query][key + 1] != "0"]
    assert len(shown) > 1_000
    assert np.allclose([one for one, _ in shown], [other for _, other in shown], rtol=0.03)
    page.tab.select_option("#measure", "lift")
    page.tab.fill("#layer-number", "2")
    page.tab.keyboard.press("Enter")
    name, data = saved(page, ".bench .export button[aria-label^='CSV']")
    assert name == "a-log-of-the-north-light-lift-layer-2.csv"
    assert rows_of_csv(data)[30] != [str(30), *rows[29][1:]]
    assert page.texts(".exports-shown") == ["lift layer 2"]


def test_the_picture_of_the_matrix_is_by_day_whatever_the_page_is(page: Opened) -> None:
    pictures = {}
    for scheme in ("light", "dark"):
        page.tab.emulate_media(color_scheme=scheme)
        for measure, name in (("lift", "lift"), ("effect", "effect-when-hidden")):
            page.tab.select_option("#measure", measure)
            saved_as, pictures[scheme, measure] = saved(page, ".exports-matrix button[aria-label^='PNG']")
            assert saved_as == f"a-log-of-the-north-light-{name}-whole-model.png"
    assert pictures["light", "lift"] == pictures["dark", "lift"]
    assert pictures["light", "effect"] == pictures["dark", "effect"] != pictures["light", "lift"]
    assert int.from_bytes(pictures["light", "lift"][16:20], "big") > 1_000


def test_the_numbers_of_the_page_are_what_it_says(page: Opened) -> None:
    name, data = saved(page, ".exports-numbers button")
    numbers = json.loads(data)
    assert name == "a-log-of-the-north-light-numbers.json"
    assert numbers["title"] == REPORT.title
    assert "--json" in numbers["about"]
    assert numbers["notices"] == list(REPORT.notices)
    assert numbers["provenance"] == dict(REPORT.provenance.rows)
    assert numbers["sentences"] == list(MATRIX.sentences)
    assert list(numbers["analyses"]) == [section.name for section in REPORT.sections]
    for section in REPORT.sections:
        told = numbers["analyses"][section.name]
        assert (told["question"], told["finding"], told["caveat"]) == (section.question, section.finding, section.caveat)
        assert {name: json.loads(json.dumps(rows_of(CHARTS[name]))) for name in told["charts"]} == told["charts"]
    share = numbers["matrices"]["share"]
    assert (len(share), len(share[0])) == (53, 53)
    assert share[40][17] == pytest.approx(float(MATRIX.attention[0][40, 17]), rel=0.03)
    assert share[17][40] is None
    assert {"lift", "isa", "rollout", "effect"} <= set(numbers["matrices"])
    assert [len(metric["values"]) for metric in numbers["heads"]["metrics"]] == [3] * len(numbers["heads"]["metrics"])


def test_tables_are_in_the_numbers_with_their_headings(page: Opened) -> None:
    numbers = json.loads(saved(page, ".exports-numbers button")[1])
    tables = [table for told in numbers["analyses"].values() for table in told["tables"]]
    assert len(tables) == page.tab.locator("main > section[data-part] table:not(#head-grid, .chosen-links, #chosen-head table, #streams table)").count()
    assert all(table["columns"] and all(isinstance(cell, str) for row in table["rows"] for cell in row) for table in tables)


def test_tables_are_whole_in_the_numbers_though_a_filter_narrows_them_or_nobody_opened_them(page: Opened) -> None:
    page.tab.locator("summary", has_text="heads in a table").click()
    page.tab.locator("#head-filter").fill("2.")
    page.tab.wait_for_function("() => document.getElementById('heads-shown').textContent.startsWith('7 of')")
    analyses = json.loads(saved(page, ".exports-numbers button")[1])["analyses"]
    of_heads = next(table for table in analyses["head_roles"]["tables"] if (table["caption"] or "").startswith("Scores of every head"))
    assert [row[0] for row in of_heads["rows"]] == [f"{layer}.{head}" for layer in range(3) for head in range(7)]
    assert {len(row) for row in of_heads["rows"]} == {len(of_heads["columns"])}
    of_tokens = next(
        table for table in analyses["attribution_agreement"]["tables"] if (table["caption"] or "").startswith("What each method says of each token")
    )
    assert {len(row) for row in of_tokens["rows"]} == {len(of_tokens["columns"])}
    page.tab.locator("#token-values summary").press("Enter")
    page.tab.wait_for_selector("#token-values tbody tr")
    assert of_tokens["rows"] == page.tab.eval_on_selector_all(
        "#token-values tbody tr", "rows => rows.map((row) => [...row.cells].map((cell) => cell.textContent))"
    )


HOSTILE = '=HYPERLINK("http://evil.example";"x")'


def hostile_page(folder: Path) -> Path:
    chart = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "data": {"values": [{"x": 1, "word": HOSTILE}, {"x": -2, "word": "</script><script>alert(1)</script>"}, {"x": None, "word": 'a "b",\nc'}]},
        "mark": "text",
        "encoding": {"x": {"field": "x", "type": "quantitative"}, "text": {"field": "word"}},
    }
    report = with_section(small_report(), "layer_progression", charts={"layers": chart})
    (folder / "hostile.html").write_text(render_report(report), encoding="utf-8")
    return folder / "hostile.html"


def test_text_of_a_document_is_no_formula_in_a_spreadsheet_and_no_markup_in_a_file(open_file: Callable[..., Opened], tmp_path: Path) -> None:
    page = open_file(hostile_page(tmp_path))
    rows = rows_of_csv(chart_file(page, "layer_progression-layers", "CSV")[1])
    assert rows == [["x", "word"], ["1", f"'{HOSTILE}"], ["-2", "</script><script>alert(1)</script>"], ["", 'a "b",\nc']]
    root = ElementTree.fromstring(chart_file(page, "layer_progression-layers", "SVG")[1])
    assert not list(root.iter(f"{SVG}script"))
    assert page.said == []


def test_a_chart_that_could_not_be_drawn_still_gives_its_numbers(open_file: Callable[..., Opened], tmp_path: Path) -> None:
    (tmp_path / "bare.html").write_text(render_report(small_report(), lambda specs: {}), encoding="utf-8")
    page = open_file(tmp_path / "bare.html")
    assert set(page.texts("[data-chart] .export button")) == {"CSV", "Vega-Lite"}
    assert rows_of_csv(chart_file(page, "sinks-maps", "CSV")[1])


def test_saving_asks_nothing_of_any_network_and_leaves_no_message(page: Opened) -> None:
    for kind in ("SVG", "PNG", "CSV", "Vega-Lite"):
        chart_file(page, "decay-layers", kind)
    assert page.said == []
    assert [address for address in page.asked if not address.startswith(("file:", "data:image/svg+xml", "blob:"))] == []

"""The page as text: whole, safe, the same each time."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from made_up import Sizes, made_up
from made_up_tokens import with_neurons
from pages.elements import Page, inflated, read_page
from pages.reports import long_report, section_of, small_report, with_result, with_section

from reportgen.render import render_report, template_folder
from reportgen.report import Report, build_report

BUDGET = 4_000_000  # with the matrices of 270 heads, made up of noise that packs badly
ROOT = Path(__file__).parent.parent.parent
LABELLED = ("select", "input")


def charts_of(report: Report) -> int:
    return sum(len(section.charts) for section in report.sections)


def headings_of(page: Page) -> list[str]:
    """Of the page itself, not of what opens over it."""
    return [element.text for element in page.named("h2") if element.attributes.get("id") not in ("help-heading", "exports-heading")]


def draw_nothing(specs: Mapping[str, object]) -> dict[str, str]:
    return {}


@pytest.fixture(scope="module")
def html() -> str:
    return render_report(small_report())


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return read_page(html)


def test_the_same_report_gives_the_same_bytes(html: str) -> None:
    assert render_report(small_report()) == html


def test_folder_hash_seed_time_zone_and_language_of_the_machine_change_nothing(html: str, tmp_path: Path) -> None:
    """From a file of measurements, by the command line, in another folder under another name."""
    other = tmp_path / "ein anderer Ordner é"
    other.mkdir()
    with_neurons(Sizes()).save(other / "other name.npz")
    environment = {"PYTHONHASHSEED": "4711", "TZ": "Asia/Kathmandu", "LC_ALL": "tr_TR.UTF-8", "HOME": str(other), "PYTHONPATH": str(ROOT), "PATH": ""}
    command = [sys.executable, "-m", "reportgen", "render", "other name.npz", "-o", "page.html"]
    subprocess.run(command, cwd=other, env=environment, capture_output=True, check=True)
    assert (other / "page.html").read_text(encoding="utf-8") == html


def test_the_policy_names_exactly_the_style_and_script_of_the_page(page: Page) -> None:
    (policy,) = [element.attributes["content"] for element in page.named("meta") if element.attributes.get("http-equiv") == "Content-Security-Policy"]
    rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split(";")}
    (style,) = page.named("style")
    (loader,) = [element for element in page.named("script") if "type" not in element.attributes]
    script = inflated(page.by_id("packed-script").text).decode()
    assert rules["default-src"] == ["'none'"]
    assert rules["style-src"] == [f"'sha256-{digest(style.text)}'"]
    assert rules["script-src"] == [f"'sha256-{digest(text)}'" for text in (loader.text, script)]
    assert rules["img-src"] == ["data:"]
    assert rules["base-uri"] == rules["form-action"] == ["'none'"]
    assert len(rules) == 6


def digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_no_element_has_a_style_or_a_handler_of_its_own(page: Page) -> None:
    names = {name for element in page.elements for name in element.attributes}
    assert not {name for name in names if name == "style" or name.startswith("on")}


def test_nothing_refers_outside_the_page(html: str, page: Page) -> None:
    for attribute in ("href", "src", "xlink:href", "action", "poster", "srcset", "data"):
        assert all(value.startswith(("#", "data:")) for value in page.values(attribute))
    (style,) = page.named("style")
    assert "url(" not in style.text
    assert "@import" not in style.text
    references = [reference for name in ("fill", "stroke", "clip-path") for value in page.values(name) for reference in re.findall(r"url\((.)", value)]
    assert set(references) <= {"#"}


def test_ids_are_unique_and_every_link_in_the_page_resolves(page: Page) -> None:
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    links = [value[1:] for value in page.values("href") if value.startswith("#")]
    assert len(links) > 20
    assert set(links) <= set(ids)
    for attribute in ("for", "aria-labelledby", "aria-describedby"):
        assert {name for value in page.values(attribute) for name in value.split()} <= set(ids)


def test_every_control_has_a_label(page: Page) -> None:
    named = set(page.values("for"))
    controls = [element for element in page.elements if element.name in LABELLED]
    assert len(controls) == 16
    in_a_label = {"content", "chance", "streams-first", "without-sink"}
    assert [control for control in controls if not (control.attributes["id"] in named | in_a_label or "aria-label" in control.attributes)] == []


def test_the_page_has_one_title_its_landmarks_and_a_heading_for_each_section(page: Page) -> None:
    (heading,) = page.named("h1")
    assert heading.text == "Trees and water"
    assert len(page.named("main")) == len(page.named("header")) == len(page.named("nav")) == 1
    assert headings_of(page)[1:-1] == [section.question for section in small_report().sections]


def test_five_findings_stand_first_the_others_behind_and_each_leads_to_its_section(page: Page) -> None:
    report = small_report()
    evidence = [element.attributes["href"] for element in page.named("a") if element.text == "Evidence"]
    assert evidence == [f"#{section.name}" for section in (*report.leading, *report.following)]
    assert sorted(evidence) == sorted(f"#{section.name}" for section in report.sections)
    for section in report.following:
        assert page.text().count(section.finding) == 2
    for section in report.leading:
        assert section.finding in page.text()
        assert section.lead in page.text()
    texts = [element.text for element in page.elements]
    assert texts.index(report.leading[4].lead) < texts.index(f"{len(report.following)} more findings") < texts.index(report.following[0].finding)


def test_the_contents_lead_to_every_section_by_the_part_it_belongs_to(page: Page) -> None:
    report = small_report()
    links = [element.attributes["href"] for element in page.named("a") if element.text.strip() and element.attributes.get("href", "").startswith("#")]
    start = links.index("#findings", links.index("#top"))
    expected = [f"#{name}" for part in report.parts for name in (part.sections[0].name, *(section.name for section in part.sections))]
    assert links[start : start + len(expected) + 2] == ["#findings", *expected, "#method"]


def test_the_order_of_layers_is_said_before_the_first_of_them(html: str) -> None:
    assert re.findall(r"@layer [^;{]*[;{]", html)[0].endswith(";")


def test_the_script_of_the_page_is_its_own_files_and_nothing_else(html: str) -> None:
    """No bundle and no library: charts are pictures made beforehand, so that there is no third party's script to pin, to check or to license."""
    page = read_page(html)
    (loader,) = [element for element in page.named("script") if "type" not in element.attributes]
    folder = template_folder()
    files = sorted((folder / "static").glob("*.js"))
    assert loader.text == in_one_scope([folder / "static" / "inflating.js", folder / "loading.js"], "load")
    script = inflated(page.by_id("packed-script").text).decode()
    assert script == in_one_scope(files, "start")
    assert len(script) < 200_000
    assert not re.search(r"copyright|licen[cs]e|webpack|sourceMappingURL|module\.exports", script, re.IGNORECASE)
    assert all(max(map(len, file.read_text(encoding="utf-8").splitlines())) < 250 for file in files)  # written by hand


def in_one_scope(files: list[Path], begin: str) -> str:
    lines = [line.strip() for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    kept = [line for line in lines if line and not line.startswith("//")]
    assert all(line.count("`") % 2 == 0 for line in kept if "DIGITS =" not in line)  # no text over several lines, which would lose its indentation
    return "\n".join(["(function () {", '"use strict";', *kept, f"{begin}();", "})();", ""])


def test_no_two_scripts_give_one_name_to_two_things() -> None:
    scripts = [file.read_text(encoding="utf-8") for file in (template_folder() / "static").glob("*.js")]
    names = [name for script in scripts for name in re.findall(r"^(?:async )?(?:function|const|let) (\w+)", script, re.MULTILINE)]
    assert len(names) > 100
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_the_page_says_that_attention_is_not_explanation(page: Page) -> None:
    for part in ("Attention is not explanation.", "Jain and Wallace 2019", "Wiegreffe and Pinter 2019"):
        assert part in page.text()


def test_the_document_is_there_word_for_word_with_its_blocks(page: Page) -> None:
    result = section_of(small_report(), "sentence_matrix").result
    words = [element.text for element in page.elements if element.attributes.get("class") == "words"]
    assert words == list(result.sentences)
    blocks = [element for element in page.elements if element.attributes.get("class", "").startswith("block ")]
    assert len(blocks) == len(set(result.blocks))
    assert blocks[0].name == "h4"


def test_notices_provenance_methods_and_caveats_are_printed(page: Page) -> None:
    report = replace(small_report(), notices=("Only half was read.",))
    text = read_page(render_report(report, draw_nothing)).text()
    assert "Only half was read." in text
    for label, value in report.provenance.rows:
        assert label in text
        assert value in text
    for section in report.sections:
        assert section.caveat in text
        assert all(method.formula in text for method in section.methods)


def test_the_rounding_is_stated_where_it_applies(page: Page) -> None:
    packed = page.data("workspace-data")["measures"]["share"]
    step = packed["sets"][0]["steps"][0]
    assert step < 0.05
    notes = [element.text for element in page.elements if element.attributes.get("data-measure") == "share"]
    assert f"steps of {step * 102:.0f}" in notes[0] or "steps of 4" in notes[0]


def test_all_heads_are_in_the_table(page: Page) -> None:
    result = section_of(small_report(), "head_roles").result
    rows = [element.text for element in page.named("th") if element.text in result.roles]
    assert rows[: len(result.roles)] == list(result.roles)  # the table of redundancy lists the heads once more


def test_charts_stand_in_the_page_as_pictures_with_a_text(page: Page) -> None:
    pictures = [element for element in page.named("svg") if element.attributes.get("class") == "picture"]
    assert len(pictures) == charts_of(small_report())
    assert all(picture.attributes["role"] == "img" and picture.attributes["aria-label"] for picture in pictures)


def test_without_its_pictures_the_page_says_so_and_is_otherwise_the_same(page: Page) -> None:
    bare = read_page(render_report(small_report(), draw_nothing))
    assert not [element for element in bare.named("svg") if element.attributes.get("class") == "picture"]
    assert bare.text().count("This chart could not be drawn") == charts_of(small_report())
    assert bare.by_id("workspace-data").text == page.by_id("workspace-data").text


def test_a_picture_that_is_not_xml_is_missing_and_nothing_else() -> None:
    bare = read_page(render_report(small_report(), lambda specs: dict.fromkeys(specs, "<svg><g></svg>")))
    assert bare.text().count("This chart could not be drawn") == charts_of(small_report())


@pytest.mark.parametrize("leave_out", [("attribution.",), ("decoder.probe_",), ("attribution.", "decoder.probe_", "decoder.first_token")])
def test_a_page_stands_without_the_sections_that_were_not_measured(leave_out: tuple[str, ...]) -> None:
    report = build_report(made_up(leave_out=leave_out))
    page = read_page(render_report(report, draw_nothing))
    assert headings_of(page)[1:-1] == [section.question for section in report.sections]
    assert {value[1:] for value in page.values("href") if value.startswith("#")} <= set(page.values("id"))


def test_a_document_of_one_sentence_has_a_page() -> None:
    page = read_page(render_report(small_report(sentences=1, tokens=5), draw_nothing))
    assert page.data("workspace-data")["sentences"] == 1
    assert "No pair of sentences is left." in page.text()


def test_two_sentences_whose_queries_and_keys_were_stored_are_not_said_to_lack_them() -> None:
    report = small_report(sentences=2, tokens=7)
    result = next(section.result for section in report.sections if section.name == "token_links")
    assert result.behind is not None
    assert not result.listed
    html = render_report(report, lambda specs: {})
    assert "Queries and keys behind links were not stored" not in html
    assert "Of the links whose queries and keys were stored none is among the strongest listed" in html


def test_a_report_without_sections_has_a_page() -> None:
    page = read_page(render_report(replace(small_report(), sections=()), draw_nothing))
    assert len(page.named("h1")) == 1


def test_the_page_of_a_long_document_is_within_its_budget() -> None:
    report = long_report(sentences=200, layers=30)
    html = render_report(report)
    assert len(html.encode()) < BUDGET
    assert len(read_page(html).by_id("charts-data").text) < 80_000


def test_no_script_writes_html_evaluates_text_or_talks_to_the_console() -> None:
    for file in sorted((template_folder() / "static").glob("*.js")):
        script = file.read_text(encoding="utf-8")
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|console\.|fetch\(|XMLHttpRequest|</script|<!--", script
        )
        assert len(script.splitlines()) < 250


def test_no_template_switches_escaping_off() -> None:
    files = sorted(template_folder().rglob("*.jinja"))
    assert len(files) >= 8
    for file in files:
        assert not re.search(r"\|\s*safe\b|autoescape", file.read_text(encoding="utf-8"))


def test_a_hostile_chart_cannot_break_the_page() -> None:
    chart = {"data": {"values": [{"x": "</svg><script>alert(1)</script>\x0c\ufffe\ud800"}]}, "mark": "text", "encoding": {"text": {"field": "x"}}}
    report = with_section(small_report(), "layer_progression", charts={"layers": chart})
    page = read_page(render_report(report))
    assert len([element for element in page.named("svg") if element.attributes.get("class") == "picture"]) == charts_of(report)
    assert len(page.named("script")) == len(read_page(render_report(small_report())).named("script"))
    assert "</svg><script>alert(1)</script>" in page.text()


def test_a_result_with_odd_numbers_still_prints() -> None:
    result = section_of(small_report(), "head_roles").result
    metrics = tuple(replace(metric, values=metric.values * float("nan")) for metric in result.metrics)
    page = read_page(render_report(with_result(small_report(), "head_roles", metrics=metrics), draw_nothing))
    assert {cell for metric in page.data("heads-data")["metrics"] for row in metric["values"] for cell in row} == {None}

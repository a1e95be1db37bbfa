"""The report as data, before any of it is a page."""

from __future__ import annotations

import dataclasses
import getpass
import json
import os
import re
import socket
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from made_up import SENTENCES, TOKENS, Sizes, made_up
from made_up_pair import made_up_pair

from reportgen.analyses import ANALYSES, LEADS, PARTS, part_of
from reportgen.contract import CONTRACT, spec_of
from reportgen.measurements import Measurements
from reportgen.report import Report, analyse_all, build_report
from reportgen.report_data import plain

WIDEST = 150
SHORT = 20
OPTIONAL = {"attribution": ["attribution."], "probes": ["decoder.probe_"]}
OF_A_DECODER = [analysis for analysis in ANALYSES if analysis.applies_with is None]


def rounded(value: Any) -> Any:
    """Numbers to four digits, so that another machine's last bits do not show."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items() if key != "$schema"}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def lines_of(value: Any, indent: str = "") -> Iterator[str]:
    """JSON, on one line wherever it fits; long rows of short items are wrapped."""
    whole = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, (dict, list)) or len(indent + whole) <= WIDEST:
        yield indent + whole
        return
    if isinstance(value, list) and all(len(json.dumps(inner)) < SHORT for inner in value):
        yield from textwrap.wrap(", ".join(json.dumps(inner, ensure_ascii=False) for inner in value), WIDEST, initial_indent=indent, subsequent_indent=indent)
        return
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        first, *rest = lines_of(inner, indent + "  ")
        name = f"{key}: " if isinstance(value, dict) else "- "
        if rest:
            yield f"{indent}{name.rstrip()}"
            yield first
            yield from rest
        else:
            yield f"{indent}{name}{first.strip()}"


def text_of(report: Report) -> str:
    return "\n".join(lines_of(rounded(plain(report)))) + "\n"


@pytest.fixture
def no_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what does not depend on charts, which are slow to draw."""
    monkeypatch.setattr("reportgen.report.ANALYSES", tuple(dataclasses.replace(analysis, draw=lambda result: {}) for analysis in ANALYSES))


def made_up_for(analysis: Any) -> Measurements:
    """Measurements that the analysis is for."""
    return made_up() if analysis.applies_with is None else made_up_pair()


def names(report: Report) -> list[str]:
    return [section.name for section in report.sections]


def test_the_whole_report_is_as_it_was(snapshot: Callable[[str, str], None]) -> None:
    sizes = Sizes(layers=3, heads=5, sentences=7, tokens=29)
    snapshot("report.txt", text_of(build_report(made_up(sizes=sizes, metadata={"notices": ["Of 61 tokens the first 29 were measured."]}))))


@pytest.mark.usefixtures("no_charts")
def test_sections_stand_in_the_registrys_order() -> None:
    assert names(build_report(made_up())) == [analysis.name for analysis in OF_A_DECODER]


def test_charts_are_begun_as_soon_as_they_are_there_and_sections_stand_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    late, early = next(analysis for analysis in ANALYSES if analysis.name == "decay"), next(analysis for analysis in ANALYSES if analysis.name == "sinks")
    begun_early = threading.Event()

    def wait(measurements: Measurements) -> Any:
        assert begun_early.wait(60)
        return late.analyse(measurements)

    def begin(charts: Mapping[str, Any]) -> None:
        begun.extend(charts)
        if "sinks-maps" in charts:
            begun_early.set()

    begun: list[str] = []
    monkeypatch.setattr("reportgen.report.ANALYSES", (dataclasses.replace(late, analyse=wait), early))
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    report = build_report(made_up(), begin)
    assert begun == ["sinks-maps", "decay-layers"]
    assert [section.name for section in report.sections] == ["decay", "sinks"]


def test_of_analyses_that_fail_the_first_in_order_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    second_failed = threading.Event()

    def first(_: Measurements) -> Any:
        assert second_failed.wait(60)
        raise ValueError("the first")

    def second(_: Measurements) -> Any:
        second_failed.set()
        raise ValueError("the second")

    monkeypatch.setattr("reportgen.report.ANALYSES", tuple(dataclasses.replace(ANALYSES[0], analyse=analyse) for analyse in (first, second)))
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    with pytest.raises(ValueError, match="the first"):
        build_report(made_up())


def test_a_section_is_what_its_analysis_says() -> None:
    measurements = made_up()
    for analysis, section in zip(OF_A_DECODER, build_report(measurements).sections, strict=True):
        assert (section.question, section.caveat, section.methods) == (analysis.question, analysis.caveat, analysis.methods)
        assert section.finding == analysis.find(section.result)
        assert plain(section.charts) == plain(analysis.draw(section.result))
        assert plain(section.result) == plain(analysis.analyse(measurements))


@pytest.mark.parametrize("analysis", ANALYSES, ids=lambda analysis: analysis.name)
def test_a_question_is_one_and_its_words_are_sentences(analysis: Any) -> None:
    assert analysis.question.endswith("?")
    assert analysis.caveat.endswith(".")
    assert analysis.find(analysis.analyse(made_up_for(analysis))).endswith(".")
    for method in analysis.methods:
        assert method.name
        assert method.formula
        assert method.source


@pytest.mark.parametrize("analysis", ANALYSES, ids=lambda analysis: analysis.name)
def test_what_an_analysis_needs_is_in_the_contract(analysis: Any) -> None:
    assert all(spec_of(name) or f"*.{name}" in CONTRACT for need in analysis.needs for name in need.split("|"))


@pytest.mark.usefixtures("no_charts")
@pytest.mark.parametrize("analysis", OF_A_DECODER, ids=lambda analysis: analysis.name)
def test_an_analysis_runs_on_what_it_needs_and_the_text_alone(analysis: Any) -> None:
    needed = {name if "." in name else f"decoder.{name}" for need in analysis.needs for name in need.split("|")}
    needed |= {"decoder.sentence_attention", "decoder.sentence_expected"} | {key for key in CONTRACT if "." not in key}
    spare = [key for key in made_up().arrays if key not in needed]
    kept = made_up(leave_out=[key for key in spare if not any(other.startswith(key) for other in needed)])
    assert analysis.name in names(build_report(kept))


@pytest.mark.usefixtures("no_charts")
def test_without_attribution_its_sections_are_left_out_with_a_notice_each() -> None:
    report = build_report(made_up(leave_out=["attribution."]))
    of_attribution = ("attribution_agreement", "faithfulness", "verified_links", "head_agreement")
    assert names(report) == [analysis.name for analysis in OF_A_DECODER if analysis.name not in of_attribution]
    notice, of_curves, of_links, of_heads = report.notices
    assert "Does attention here tell what mattered" in notice
    assert "Does the prediction need the sentences that each method puts first" in of_curves
    assert "Which heads look at what mattered" in of_heads
    assert "attribution.gradient" in notice
    assert "Do the links that get attention matter" in of_links
    assert ("Target of attribution", "none") in report.provenance.rows


@pytest.mark.usefixtures("no_charts")
def test_one_missing_number_is_enough_to_leave_a_section_out() -> None:
    report = build_report(made_up(leave_out=["attribution.attention"]))
    assert "attribution_agreement" not in names(report)
    assert "attribution.attention" in report.notices[0]
    assert "attribution.gradient" not in report.notices[0]


@pytest.mark.usefixtures("no_charts")
def test_without_probes_every_section_is_there() -> None:
    report = build_report(made_up(leave_out=OPTIONAL["probes"]))
    assert names(report) == [analysis.name for analysis in OF_A_DECODER]
    assert report.notices == ()


@pytest.mark.usefixtures("no_charts")
def test_notices_of_the_measurement_come_first() -> None:
    report = build_report(made_up(leave_out=["attribution."], metadata={"notices": ["First.", "Second."]}))
    assert report.notices[:2] == ("First.", "Second.")
    assert len(report.notices) == 6


@pytest.mark.usefixtures("no_charts")
def test_the_head_of_the_report_counts_what_was_read() -> None:
    report = build_report(made_up())
    assert report.title == "Trees and water"
    assert report.language == "en"
    assert report.subtitle == f"made-up-1 reads {TOKENS} tokens in {SENTENCES} sentences: 3 layers of 7 heads"
    assert build_report(made_up(sizes=Sizes(sentences=1, tokens=3))).subtitle == "made-up-1 reads 3 tokens in 1 sentence: 3 layers of 7 heads"


@pytest.mark.usefixtures("no_charts")
def test_provenance_says_what_was_measured_on_what() -> None:
    measurements = made_up(metadata={"libraries": {"numpy": "2.0", "torch": "2.1"}})
    rows = dict(build_report(measurements).provenance.rows)
    assert measurements.metadata["sha256"] in rows["Document"]
    assert "trees-and-water.txt" in rows["Document"]
    assert f"characters 0 to {len(measurements.text)} of {len(measurements.text)}; 23 tokens, 5 sentences" in rows["Read"]
    assert rows["Weights"] == measurements.metadata["revision"]
    assert json.loads(rows["Options"]) == measurements.metadata["options"]
    assert rows["Libraries"] == "numpy 2.0, torch 2.1"
    assert "sentence 5 (3 tokens)" in rows["Target of attribution"]


@pytest.mark.usefixtures("no_charts")
def test_text_that_was_not_read_shows_in_the_provenance() -> None:
    whole = made_up()
    longer = dataclasses.replace(whole, text=whole.text + " And nobody read this.")
    assert f"characters 0 to {len(whole.text)} of {len(whole.text) + 22}" in dict(build_report(longer).provenance.rows)["Read"]


@pytest.mark.usefixtures("no_charts")
def test_half_precision_storage_is_said() -> None:
    shares = made_up()["*.sentence_attention"].astype("float16")
    rows = dict(build_report(made_up(replaced={"decoder.sentence_attention": shares})).provenance.rows)
    assert "sentence attention as float16" in rows["Storage"]


@pytest.mark.usefixtures("no_charts")
def test_provenance_holds_no_path_no_clock_and_no_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_up().save(tmp_path / "x.npz")
    monkeypatch.chdir(tmp_path)
    shown = json.dumps(plain(build_report(made_up().load("x.npz")).provenance))
    places = [str(tmp_path), str(Path.home()), sys.prefix, os.sep + "tmp", socket.gethostname(), time.strftime("%Y-%m-%d")]
    assert not [place for place in places if len(place) > 2 and place in shown]
    assert not re.search(r"\b\d{1,2}:\d{2}\b", shown)
    assert getpass.getuser() not in shown.replace("made-up", "")


def test_the_same_measurements_give_the_same_report() -> None:
    assert text_of(build_report(made_up())) == text_of(build_report(made_up()))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("sizes", [Sizes(sentences=2, tokens=5), Sizes(sentences=1, tokens=2), Sizes(layers=1, heads=1, sentences=2, tokens=2)])
def test_very_short_documents_have_a_report(sizes: Sizes) -> None:
    report = build_report(made_up(sizes=sizes))
    assert names(report) == [analysis.name for analysis in OF_A_DECODER if analysis.name != "faithfulness"]  # nothing can be taken out
    assert "nan" not in " ".join(section.finding for section in report.sections).lower().split()


def test_sections_stand_in_parts_in_the_registrys_order() -> None:
    assert [analysis for analyses in PARTS.values() for analysis in analyses] == list(ANALYSES)
    assert [part_of(analysis) for analysis in ANALYSES] == [part for part, analyses in PARTS.items() for _ in analyses]
    assert {name for row in LEADS for name in row} <= {analysis.name for analysis in ANALYSES}


@pytest.mark.usefixtures("no_charts")
def test_the_page_leads_with_five_findings_verified_links_first() -> None:
    report = build_report(made_up())
    assert [section.name for section in report.leading] == ["verified_links", "attribution_agreement", "head_roles", "layer_claims", "decay"]
    assert sorted(names(report)) == sorted(section.name for section in (*report.leading, *report.following))
    assert [section.name for section in report.following] == [name for name in names(report) if name not in [section.name for section in report.leading]]
    assert all(any(letter.isdigit() for letter in section.lead) for section in report.leading)


@pytest.mark.usefixtures("no_charts")
def test_what_was_not_measured_gives_its_place_to_the_next_in_the_row_and_then_to_the_order_of_the_page() -> None:
    report = build_report(made_up(leave_out=["attribution.", "faithfulness."]))
    assert [section.name for section in report.leading] == ["top_links", "head_roles", "layer_claims", "decay", "sentence_matrix"]
    assert dataclasses.replace(report, sections=()).leading == dataclasses.replace(report, sections=()).following == ()


@pytest.mark.usefixtures("no_charts")
def test_the_lead_of_verified_links_is_the_strongest_one_that_does_not_lead_to_the_first_sentence() -> None:
    (section,) = [section for section in build_report(made_up()).sections if section.name == "verified_links"]
    link = section.result.strongest[0]
    assert section.lead.startswith(f"Sentence {link.query + 1} looks at sentence {link.key + 1} with ")
    assert link.key > 0
    assert section.lead in section.finding


def test_no_more_analyses_go_on_at_a_time_than_is_asked() -> None:
    places: set[int] = set()
    watched = [dataclasses.replace(analysis, analyse=lambda measurements: places.add(threading.get_ident()) or time.sleep(0.01)) for analysis in ANALYSES[:4]]
    assert len(list(analyse_all(watched, made_up(), threads=1))) == 4
    assert len(places) == 1

"""Findings over documents as data and as sections of a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from charts import assert_valid
from corpus.summaries import NAN, agreeing, curve, explained, holding, summary
from made_up import made_up
from pages.elements import Page, read_page

from reportgen.corpus import DocumentSummary, build_findings, summarise
from reportgen.corpus.rendering import render_findings

PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path d="M0 0"/></svg>'


def several() -> list[DocumentSummary]:
    roles = [holding(sink="0.1 1.1", local="0.2"), holding(sink="0.1", local="0.2 1.3")]
    documents = [
        explained(f"document {place}", 0.1 * place, ("speech", "manual")[place % 2], roles=roles[place % 2], curves=curve([1, NAN, place + 1]))
        for place in range(6)
    ]
    return [
        *documents,
        summary("odd", model="large", layers=5, missing={"head_roles": "first_token"}),
        explained("no number", NAN, agreements=(agreeing(NAN),)),
    ]


def page(summaries: list[DocumentSummary], drawn: Mapping[str, str] | None = None) -> Page:
    html = render_findings(build_findings(summaries), lambda specs: dict.fromkeys(specs, PICTURE) if drawn is None else drawn)
    return read_page(f"<!doctype html><html><body><main>{html}</main></body></html>")


def test_every_question_is_answered_with_charts_that_only_draw() -> None:
    findings = build_findings(several())
    assert [section.name for section in findings.sections] == ["head_stability", "layer_curves", "agreement"]
    assert findings.documents == 8
    assert all(section.finding and section.lead and section.caveat and section.methods for section in findings.sections)
    for spec in findings.charts.values():
        assert_valid(spec)


def test_what_is_left_out_is_said() -> None:
    again = replace(several()[0], source="z.txt")
    notices = build_findings([*several(), again]).notices
    assert "document 0 was measured with small 2 times: the first counts, since one text is not several documents." in notices
    assert "1 measurement is left out of roles of heads: first_token was not measured." in notices
    unknown = [replace(one, revision="given by the caller") for one in several()[:2]]
    assert build_findings(unknown).notices == ("The measurements by small do not say which weights it had; they are taken to be the same.",)


def test_the_order_of_documents_changes_nothing() -> None:
    forwards, backwards = (render_findings(build_findings(some), lambda specs: {}) for some in (several(), several()[::-1]))
    assert forwards == backwards


def test_the_page_has_each_section_with_its_pictures_and_links_that_lead_somewhere() -> None:
    found = page(several())
    ids = [element.attributes["id"] for element in found.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    links = [element.attributes["href"] for element in found.named("a")]
    assert links == ["#head_stability", "#layer_curves", "#agreement"]
    assert {link[1:] for link in links} <= set(ids)
    assert len(found.named("svg")) == len(build_findings(several()).charts)
    assert len([element for element in page(several(), {}).elements if element.attributes.get("class") == "missing"]) == len(found.named("svg"))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("count", [0, 1, 2])
def test_very_few_documents_are_enough_for_a_page(count: int) -> None:
    found = build_findings(several()[:count])
    assert len(found.sections) == (3 if count else 0)
    html = render_findings(found, lambda specs: {})
    assert "nan" not in html.replace("manual", "")


def test_made_up_measurements_of_two_models_become_a_page() -> None:
    other = {"model": "another", "sha256": "0"}
    found = build_findings([summarise(made_up(seed=1)), summarise(made_up(seed=2, metadata=other))])
    assert [group.name for group in found.models] == ["another", made_up().metadata["model"]]
    assert "<table" in render_findings(found, lambda specs: {})


def test_hostile_titles_and_genres_stay_text() -> None:
    def saying(text: str) -> list[DocumentSummary]:
        changed: dict[str, Any] = {"title": text, "genre": text, "target": text, "model": text}
        return [replace(one, **changed) for one in several()[:6]]

    hostile, harmless = page(saying("</script><script>alert(1)</script>{{ 7 * 7 }}\x00\ud800")), page(saying("harmless"))
    assert hostile.structure() == harmless.structure()

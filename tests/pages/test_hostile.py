"""Whatever a document says stays text."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pages.elements import Page, read_page
from pages.hostile import CASES, saying

from reportgen.characters import clean_text
from reportgen.render import render_report


def page_saying(text: str) -> Page:
    return read_page(render_report(saying(text), lambda specs: {}))


HARMLESS = page_saying("harmless").structure()


@pytest.mark.parametrize("text", CASES)
def test_hostile_text_changes_no_element_and_is_shown(text: str) -> None:
    page = page_saying(text)
    assert page.structure() == HARMLESS
    (title,) = page.named("h1")
    assert title.text == clean_text(text)
    assert [element.text for element in page.elements if element.attributes.get("class") == "words"] == [clean_text(text)] * 5


@given(st.text(st.characters(), min_size=1, max_size=40))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_text_changes_the_elements_of_the_page(text: str) -> None:
    page = page_saying(text)
    assert page.structure() == HARMLESS
    (title,) = page.named("h1")
    assert title.text == clean_text(text)


@given(st.lists(st.sampled_from("</>&\"'=-!scriptonload {}%#\x00\x0c\ud83d"), min_size=1, max_size=30).map("".join))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_pile_of_markup_characters_changes_the_elements_of_the_page(text: str) -> None:
    assert page_saying(text).structure() == HARMLESS

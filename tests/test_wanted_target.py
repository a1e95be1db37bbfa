"""Targets in writing: what each form asks for, and what is refused."""

from __future__ import annotations

import pytest

from reportgen.wanted_target import WantedCharacters, WantedClass, WantedSentence, WantedTarget, parse_target


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("sentence:12", WantedSentence(number=12)),
        ("chars:120-180", WantedCharacters(start=120, end=180)),
        ("chars:0-1", WantedCharacters(start=0, end=1)),
        ("class:rather good", WantedClass(label="rather good")),
        ("class:a:b", WantedClass(label="a:b")),
        ("class:2", WantedClass(label="2")),
    ],
)
def test_each_form_is_read(text: str, wanted: WantedTarget) -> None:
    assert parse_target(text) == wanted


@pytest.mark.parametrize(
    "text", ["", "12", "sentence", "sentence:", "sentence:-1", "sentence:1.5", "sentence:²", "chars:5", "chars:-5-9", "class:", "class: ", "word:3"]
)
def test_anything_else_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(ValueError, match="names no target; write sentence:12, chars:120-180 or class:LABEL"):
        parse_target(text)


def test_what_can_be_nothing_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match="no sentence 0: sentences are numbered from 1"):
        parse_target("sentence:0")
    with pytest.raises(ValueError, match="chars:9-9 holds no character"):
        parse_target("chars:9-9")

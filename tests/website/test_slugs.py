"""Names of files and addresses are safe whatever a title says."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportgen.website.manifest import SAFE
from reportgen.website.slugs import by_name, distinct, slug


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Whiteness of The Whale", "the-whiteness-of-the-whale"),
        ("  Crème brûlée!  ", "creme-brulee"),
        ("../../etc/passwd", "etc-passwd"),
        ("con", "report-con"),
        ("LPT1", "report-lpt1"),
        ("index", "report-index"),
        ("<script>alert(1)</script>", "script-alert-1-script"),
    ],
)
def test_a_slug_is_what_is_left_of_a_title(text: str, expected: str) -> None:
    assert slug(text, "report") == expected


def test_titles_in_other_scripts_and_of_signs_alone_are_told_apart() -> None:
    found = {slug(text, "report") for text in ("日本語", "中国語", "Отчёт", "!!!", "???", "")}
    assert len(found) == 6
    assert all(re.fullmatch(r"report-[0-9a-f]{8}", one) for one in found)
    assert slug("文書 A", "report") != slug("文法 A", "report")


@given(st.lists(st.text(st.characters(), max_size=90), max_size=7))
def test_slugs_are_safe_short_and_distinct(texts: list[str]) -> None:
    found = distinct([(slug(text, "tag"), str(place)) for place, text in enumerate(texts)])
    assert len(set(found)) == len(texts)
    assert all(SAFE.fullmatch(f"tags/{one}.html") and len(one) < 100 for one in found)


def test_the_first_keeps_its_slug_when_another_of_the_same_comes_after() -> None:
    assert distinct([("a", "one"), ("a", "two")])[:1] == distinct([("a", "one")]) == ("a",)
    assert set(by_name(["Speech", "speech", "Speech"], "tag")) == {"Speech", "speech"}

"""One choke point for characters that break charts, pages and files."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reportgen.characters import capitalised, clean, clean_text


@dataclass(frozen=True, kw_only=True)
class Leaf:
    words: str
    numbers: np.ndarray


def test_line_ends_of_all_kinds_become_spaces_and_controls_go() -> None:
    assert clean_text("one\x0ctwo\r\nthree\x85four\x00\x07five") == "one two three fourfive"


def test_tabs_newlines_and_every_script_of_text_are_kept() -> None:
    kept = "a\tb\nc é العربية 中文 🧿 \u202eabc\u202c"
    assert clean_text(kept) == kept


@given(st.text(st.characters()))
def test_clean_text_can_be_written_and_has_nothing_that_breaks(text: str) -> None:
    cleaned = clean_text(text)
    cleaned.encode("utf-8")
    assert not any(ord(letter) < 32 and letter not in "\t\n" for letter in cleaned)
    assert not any(ord(letter) & 0xFFFE == 0xFFFE or 0x7F <= ord(letter) <= 0x9F for letter in cleaned)
    assert clean_text(cleaned) == cleaned


def test_strings_are_found_however_deep_and_numbers_are_left_alone() -> None:
    numbers = np.arange(3)
    value = {"a\x00": (Leaf(words="b\x00", numbers=numbers), ["c\x00", 1.5, None])}
    cleaned = clean(value)
    leaf, rest = cleaned["a"]
    assert (leaf.words, rest) == ("b", ["c", 1.5, None])
    assert leaf.numbers is numbers


def test_a_capital_is_of_the_first_letter_alone() -> None:
    assert [capitalised(text) for text in ("", "lift over GPT-2", "éclat", "5 of 7")] == ["", "Lift over GPT-2", "Éclat", "5 of 7"]

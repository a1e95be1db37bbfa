"""Characters that no font of the tests has: ligatures, accents set beside their letters, and the words made of them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reportgen.documents.pdf.glyphs import Glyph, Style
from reportgen.documents.pdf.hyphens import Vocabulary, join_lines
from reportgen.documents.pdf.words import words_of

PLAIN = Style(10.0)


def glyphs(text, *, width=5.0):
    """The characters one after the other; a space leaves a gap."""
    placed, x, spaced = [], 0.0, False
    for character in text:
        if character != " ":
            placed.append(Glyph(character, x, x + width, 100.0, PLAIN, spaced))
        spaced = character == " "
        x += width
    return placed


def texts(characters):
    return [word.text for word in words_of(characters)]


def test_ligatures_are_expanded():
    assert texts(glyphs("oﬃce ﬁne ﬂat aﬀair waﬄe")) == ["office", "fine", "flat", "affair", "waffle"]


@pytest.mark.parametrize(("accent", "letter", "both"), [("´", "e", "é"), ("¨", "o", "ö"), ("ˇ", "s", "š"), ("˜", "n", "ñ"), ("´", "ı", "í"), ("¸", "c", "ç")])
@pytest.mark.parametrize("first", ["accent", "letter"])
def test_an_accent_over_a_letter_is_set_on_it(accent, letter, both, first):
    pair = [Glyph(accent, 10.5, 14.5, 100.0, PLAIN, False), Glyph(letter, 10.0, 15.0, 100.0, PLAIN, False)]
    before, after = Glyph("p", 5.0, 10.0, 100.0, PLAIN, False), Glyph("t", 15.0, 20.0, 100.0, PLAIN, False)
    assert texts([before, *(pair if first == "accent" else reversed(pair)), after]) == [f"p{both}t"]


def test_an_accent_beside_a_letter_stays_one():
    assert texts(glyphs("5´ e")) == ["5´", "e"]


def test_a_gap_parts_words_though_the_file_has_no_space():
    characters = glyphs("ab cd")
    assert texts([one._replace(spaced=False) for one in characters]) == ["ab", "cd"]


def test_two_letters_at_one_place_stay_in_their_order():
    both = [Glyph(letter, 0.0, 5.0, 100.0, PLAIN, False) for letter in "fi"]
    assert texts([*both, *(one._replace(left=one.left + 5, right=one.right + 5) for one in glyphs("le"))]) == ["file"]


def joined(*lines):
    return join_lines(lines, Vocabulary(lines))


def test_a_soft_hyphen_at_a_lines_end_is_taken_out_with_its_break_and_elsewhere_alone():
    assert joined("the docu\xad", "ment of the com\xadmon law") == "the document of the common law"


def test_the_form_that_the_document_has_more_often_decides():
    assert joined("a prewar, a prewar and a pre-", "war boat, pre-war") == "a prewar, a prewar and a prewar boat, pre-war"
    assert joined("a pre-war, a pre-war and a pre-", "war boat, prewar") == "a pre-war, a pre-war and a pre-war boat, prewar"


def test_a_compound_with_several_hyphens_keeps_them():
    assert joined("sentence-to-", "sentence links") == "sentence-to-sentence links"


def test_a_dash_at_a_lines_end_has_no_space_after_it():
    assert joined("the boats—", "all of them—") == "the boats—all of them—"
    assert joined("from 1990–", "1995") == "from 1990–1995"
    assert joined("the boats –", "all of them") == "the boats – all of them"


def test_scripts_without_spaces_are_joined_without_one():
    assert joined("船は港を", "出た。") == "船は港を出た。"


@given(st.lists(st.text("abé-1.—\xad", min_size=1, max_size=8), min_size=1, max_size=5))
@settings(max_examples=100, deadline=None)
def test_joining_loses_nothing_but_hyphens_and_adds_nothing_but_spaces(lines):
    def kept(text):
        return text.replace("-", "").replace("\xad", "").replace(" ", "")

    assert kept(joined(*lines)) == kept("".join(lines))

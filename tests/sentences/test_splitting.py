import hashlib
import subprocess
import sys
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from reportgen.documents import Block, Document, document_from_text, read_document
from reportgen.errors import DocumentError
from reportgen.sentences import Sentence, split_sentences
from reportgen.sentences.language import LANGUAGES


def document(*blocks, text="", kind="paragraph"):
    """A document of these block texts, all of one kind unless a block is a pair of kind and text."""
    spans, start = [], 0
    pairs = [block if isinstance(block, tuple) else (kind, block) for block in blocks]
    for block_kind, block in pairs:
        spans.append(Block(start=start, end=start + len(block), kind=block_kind))
        start += len(block) + 2
    text = "\n\n".join(block for _, block in pairs)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Document(title="A title", text=text, source="a.txt", blocks=tuple(spans), sha256=digest)


def texts(document):
    return [document.text[sentence.start : sentence.end] for sentence in split_sentences(document)]


# Characters that the rules look at, so that random text meets the rules at all.
TELLING = st.text(alphabet=" \n.?!…。！？\"'“”()[]1aAiIé漢🎉\u0301\u00a0\u200d*_-—,:;").filter(lambda text: text.strip())
WORDS = st.lists(
    st.sampled_from(["Dr.", "e.g.", "etc.", "U.S.", "The", "he", "I.", "A.", "1.", "(a)", "Fig.", "3", "end.", '"Why?"', "…"]),
    min_size=1,
).map(" ".join)
# Scripts without spaces, from right to left, with marks that combine, joiners, directions, and marks that stand alone.
SCRIPTS = """漢字。 「行く！」 と 한국어 ภาษาไทย यह घर है। क्\u200dष مرحبا؟ שלום. \u202eabc.\u202c \u2067x!\u2069 e\u0301. \u0301 \u200d \ufe0f 👨\u200d👩\u200d👧 🏳️\u200d🌈 👍🏽 🇫🇷 1️⃣
    • \u200b \u00ad .\u0301 ! ... … ; \u037e :) —" \ud7ff \U0010fffd ß ǅ \u20dd"""
PARTS = st.lists(st.sampled_from(["\u3000", "\u2009", *SCRIPTS.split()]), min_size=1, max_size=12)
JOINED = st.builds(lambda parts, between: between.join(parts), PARTS, st.sampled_from(["", " ", "\n", " "]))
ANY_TEXT = st.one_of(st.text(), TELLING, WORDS, JOINED)
LANGUAGE = st.sampled_from(sorted(LANGUAGES))


def read_or_skip(text):
    try:
        return document_from_text(text)
    except DocumentError:
        assume(False)


@given(ANY_TEXT)
@settings(max_examples=400, deadline=None)
def test_sentences_cover_all_but_white_space_in_order_and_without_overlap(text):
    document = read_or_skip(text)
    end = 0
    for sentence in split_sentences(document):
        assert not document.text[end : sentence.start].strip()
        assert sentence.end > sentence.start >= end
        end = sentence.end
    assert not document.text[end:].strip()


@given(JOINED, LANGUAGE)
@settings(max_examples=100, deadline=None)
def test_sentences_of_any_language_cover_all_but_white_space(text, language):
    document = replace(read_or_skip(text), language=language)
    assert "".join("".join(sentence.split()) for sentence in texts(document)) == "".join(document.text.split())


@example("漢字。\u0301ß")
@given(JOINED)
@settings(max_examples=200, deadline=None)
def test_no_sentence_begins_inside_a_character(text):
    document = read_or_skip("A" + text)
    starts = [sentence.start for sentence in split_sentences(document) if not document.text[: sentence.start][-1:].isspace()]
    assert not [start for start in starts if unicodedata.category(document.text[start]) in {"Mn", "Me"} or document.text[start] == "\u200d"]


@given(ANY_TEXT)
@settings(max_examples=200, deadline=None)
def test_no_sentence_has_white_space_at_its_ends(text):
    assert all(sentence == sentence.strip() for sentence in texts(read_or_skip(text)))


@given(ANY_TEXT)
@settings(max_examples=200, deadline=None)
def test_every_sentence_lies_in_its_block(text):
    document = read_or_skip(text)
    for sentence in split_sentences(document):
        block = document.blocks[sentence.block]
        assert block.start <= sentence.start < sentence.end <= block.end


@given(ANY_TEXT)
@settings(max_examples=100, deadline=None)
def test_every_block_has_a_sentence(text):
    document = read_or_skip(text)
    assert {sentence.block for sentence in split_sentences(document)} == set(range(len(document.blocks)))


@given(st.lists(WORDS, min_size=1, max_size=5))
@settings(max_examples=100, deadline=None)
def test_a_block_is_split_the_same_way_whatever_stands_around_it(blocks):
    assert texts(document(*blocks)) == [sentence for block in blocks for sentence in texts(document(block))]


@given(WORDS)
@settings(max_examples=100, deadline=None)
def test_the_same_document_gives_the_same_sentences(text):
    assert split_sentences(document(text)) == split_sentences(document(text))


def test_a_sentence_knows_its_span_and_its_block():
    assert split_sentences(document("One.", "Two. Three.")) == (
        Sentence(start=0, end=4, block=0),
        Sentence(start=6, end=10, block=1),
        Sentence(start=11, end=17, block=1),
    )


def test_a_heading_is_one_sentence():
    assert texts(document(("heading", "What is it? And why?"), "It is this.")) == [
        "What is it? And why?",
        "It is this.",
    ]


def test_a_block_ends_a_sentence_without_a_period():
    assert texts(document("it goes on", "and on")) == ["it goes on", "and on"]


def test_each_line_of_code_is_a_sentence_and_blank_ones_are_none():
    assert texts(document(("code", "x = 1.  # One. Two.\n\n    y = 2"))) == ["x = 1.  # One. Two.", "y = 2"]


@pytest.mark.parametrize("label", ["1.", "12.", "(a)", "a.", "IV.", "(iii).", "B.", "Fig. 3.", "Theorem 2.1.", "[7]."])
def test_a_label_is_no_sentence_of_its_own(label):
    assert texts(document(f"{label} The lid is open. It stays so.")) == [f"{label} The lid is open.", "It stays so."]


def test_a_block_that_is_only_a_label_is_still_a_sentence():
    assert texts(document("IX.", "The tale begins.")) == ["IX.", "The tale begins."]


def test_bare_punctuation_joins_the_sentence_beside_it():
    assert texts(document("... The door opened. — ! ?")) == ["... The door opened. — ! ?"]


def test_verse_is_split_by_its_sentences_and_not_by_its_lines():
    assert texts(document("The sun is low,\nThe night is near.\nWe go.")) == [
        "The sun is low,\nThe night is near.",
        "We go.",
    ]


def test_each_row_of_a_table_is_a_sentence():
    assert texts(document(("table", "No. | Name\n1. | Dr. Hill. Gone.\n2. | -"))) == ["No. | Name", "1. | Dr. Hill. Gone.", "2. | -"]


def test_a_file_goes_all_the_way(tmp_path):
    path = tmp_path / "note.md"
    path.write_text("# A *note*\n\nSmith et al. (2019) agree. So do I.\n\n- one\n- two\n", encoding="utf-8")
    assert texts(read_document(path)) == ["A note", "Smith et al. (2019) agree.", "So do I.", "- one", "- two"]


@pytest.mark.parametrize(
    "text",
    [
        "." * 200000 + "x",
        ". " * 100000 + "x",
        "(" * 50000 + "a." + ")" * 50000,
        "e.g. " * 4000,
        "。" * 50000,
        "漢字。" * 5000,
        "a" * 200000 + ".",
        '"' * 100000,
        "! a" * 5000,
        '."' * 100000,
        ". (" * 20000 + "a",
        "a. (b. " * 3000 + ")" * 1000,
        "]" * 100000 + "." * 100000 + "A",
        "😎" * 100000 + " A",
        ":) " * 66000 + "A",
        '—"' * 100000 + " A",
        "A.B." * 50000,
        "J. K. " * 2000,
        "1. " * 4000,
        "‍️" * 100000 + ".",
        "« ! » " * 4000,
    ],
    ids=lambda text: f"{text[:5]}… x {len(text)}",
)
@pytest.mark.timeout(120)
def test_up_to_two_hundred_thousand_hostile_characters_come_to_an_end(text):
    found = split_sentences(document(text))
    assert "".join("".join(text[sentence.start : sentence.end].split()) for sentence in found) == "".join(text.split())


def test_every_paragraph_of_a_long_document_is_split_alike():
    page = document(*["Mr. Smith (b. 1950) of the U.S. Army wrote vol. 3, pp. 5-7. It is long. Is it good? No."] * 400)
    assert len(split_sentences(page)) == 1600


def test_a_paragraph_of_two_hundred_thousand_characters_with_a_mark_at_every_third_comes_to_an_end():
    code = """
from reportgen.documents import Block, Document
from reportgen.sentences import split_sentences
for text in ("J. K. " * 33000, "a. (b. " * 28000 + ")" * 4000, '." (A! ' * 28000):
    paragraph = Block(start=0, end=len(text), kind="paragraph")
    found = split_sentences(Document(title="", text=text, source="", blocks=(paragraph,), sha256=""))
    assert "".join("".join(text[one.start : one.end].split()) for one in found) == "".join(text.split())
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

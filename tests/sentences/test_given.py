"""The user's own sentences."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reportgen.documents import document_from_text
from reportgen.errors import DocumentError
from reportgen.sentences import crossing_notice, read_sentences, split_sentences

TEXT = "The lid is\nopen. It  stays so!\n\nWho shut it? Nobody."
DOCUMENT = document_from_text(TEXT)


def read(folder, content, name="own.txt", document=DOCUMENT):
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return read_sentences(path, document)


def texts(sentences, document=DOCUMENT):
    return [document.text[sentence.start : sentence.end] for sentence in sentences]


def refusal(folder, content, name="own.txt"):
    with pytest.raises(DocumentError) as caught:
        read(folder, content, name)
    return str(caught.value)


def test_lines_are_found_in_order_whatever_the_white_space(tmp_path):
    found = read(tmp_path, "\nThe  lid\tis open.\nIt stays\n\n   so!\nWho shut it? Nobody.\r\n")
    assert texts(found) == ["The lid is\nopen.", "It stays", "so!", "Who shut it? Nobody."]
    assert [sentence.block for sentence in found] == [0, 0, 0, 1]


def test_spans_are_taken_as_they_are_but_for_white_space_at_their_ends(tmp_path):
    second = DOCUMENT.text.index("Who")
    found = read(tmp_path, [[0, 17], [17, second - 1], [second, len(DOCUMENT.text)]], "own.json")
    assert texts(found) == ["The lid is\nopen.", "It stays so!", "Who shut it? Nobody."]


def test_the_sentences_that_were_found_can_be_given_back(tmp_path):
    found = split_sentences(DOCUMENT)
    assert read(tmp_path, [[one.start, one.end] for one in found], "own.json") == found
    assert read(tmp_path, "\n".join(text.replace("\n", " ") for text in texts(found))) == found


def test_a_sentence_may_cross_blocks_and_a_notice_says_so(tmp_path):
    found = read(tmp_path, "The lid is open.\nIt stays so! Who shut it?\nNobody.")
    assert [sentence.block for sentence in found] == [0, 0, 1]
    (said,) = crossing_notice(found, DOCUMENT)
    assert said.startswith("As given, sentence 2 of 3 reach beyond the block where they start")
    assert crossing_notice(split_sentences(DOCUMENT), DOCUMENT) == ()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("The lid is shut.", "Line 1 of own.txt has 'shut.' where the document goes on with 'open. It stays so! Who shut it? Nobody.' (character 11)"),
        ("The lid is open.\n\nit stays", "Line 3 of own.txt has 'it stays' where the document goes on with 'It stays so! Who shut it? Nobody.' (character 17)"),
        ("The lid is open.\nWho shut it?", "Line 2 of own.txt has 'Who shut it?' where the document goes on with 'It stays so!"),
        (TEXT + " More.", "Line 5 of own.txt has 'More.' where the document ends"),
        ("The lid is open.\nIt stays so!", "The sentences in own.txt end with line 2, but the document goes on at character 31 with 'Who shut it? Nobody.'"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_line_and_what_was_expected_there(tmp_path, content, said):
    assert said in refusal(tmp_path, content.replace(" More.", "\nMore.") if "More" in content else content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[[0, 17], [17", "own.json is not JSON"),
        ("[" * 100000, "own.json is not JSON"),
        ({"spans": []}, "own.json holds no list"),
        ([[0, 16], "all"], "Span 2 of own.json is all: give two whole numbers"),
        ([[0, True]], "Span 1 of own.json is [0, True]: give two whole numbers"),
        ([[0, 1.5]], "give two whole numbers"),
        ([[0, 17], [15, 30]], "Span 2 of own.json is [15, 30]: spans have to be in order, without overlap, and end by 51; the one before ends at 16."),
        ([[0, 400]], "and end by 51"),
        ([[-3, 4]], "have to be in order"),
        ([[5, 5]], "have to be in order"),
        ([[0, 16], [16, 17]], "Span 2 of own.json, [16, 17], holds white space alone."),
        ([[4, 51]], "'The' before span 1 of own.json (character 0) is in no sentence"),
        ([[0, 16], [31, 51]], "'It stays so!' before span 2 of own.json (character 17) is in no sentence"),
        ([[0, 29]], "'Who shut it? Nobody.' after the last span of own.json (character 31) is in no sentence"),
        ([], "'The lid is open. It stays so! Who shut' after the last span"),
    ],
)
def test_spans_that_do_not_fit_are_refused_with_their_number_and_place(tmp_path, content, said):
    assert said in refusal(tmp_path, content, "own.json")


def test_a_file_that_is_not_there_or_empty_is_refused(tmp_path):
    with pytest.raises(DocumentError, match="Cannot read the sentences in none.txt: No such file"):
        read_sentences(tmp_path / "none.txt", DOCUMENT)
    assert "own.txt holds no sentences: write one on each line" in refusal(tmp_path, "\n \n")


@given(st.text(alphabet="ab .!\n\u0301漢🎉\u200d\u00a0\u2003", min_size=1).filter(lambda text: text.strip(" .!\n\u0301\u200d\u00a0\u2003")), st.data())
@settings(max_examples=100, deadline=None)
def test_any_cutting_of_a_text_into_lines_is_found_again(tmp_path_factory, text, data):
    document = document_from_text(text)
    solid = "".join(document.text.split())
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(solid) - 1)))) - {len(solid)})
    lines = [solid[start:end] for start, end in zip([0, *cuts], [*cuts, len(solid)], strict=True)]
    found = read(tmp_path_factory.mktemp("given"), "\n".join(lines), document=document)
    assert ["".join(one.split()) for one in texts(found, document)] == lines
    assert all(one.strip() == one for one in texts(found, document))

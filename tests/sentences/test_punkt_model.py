import copy
import subprocess
import sys

import punkt
import pytest

from reportgen.sentences.punkt_model import load_punkt

TEXT = "Dr. Hill of the U.S. Army left at 5 p.m. on Monday. He was tired! Was he? Mr. J. K. Stone was not. The end."


def test_nltk_with_the_packaged_parameters_splits_as_the_package_does():
    tokenizer = load_punkt("en").tokenizer
    assert tokenizer.tokenize(TEXT) == punkt.sent_tokenize(TEXT)


def test_a_model_is_loaded_once():
    assert load_punkt("en") is load_punkt("en")


def test_splitting_does_not_change_the_parameters():
    parameters = load_punkt("en").tokenizer._params
    before = copy.deepcopy(vars(parameters))
    load_punkt("en").breaks(TEXT + " Zyzzyva. Qwrtz u. a. Xylograph.")
    assert vars(parameters) == before


@pytest.mark.parametrize(("word", "known"), [("Dr", True), ("U.S", True), ("table", False)])
def test_abbreviations_are_known_without_their_period(word, known):
    assert load_punkt("en").is_abbreviation(word) is known


def test_words_that_speak_for_a_new_sentence_are_known():
    assert load_punkt("en").opens_sentences("However")
    assert not load_punkt("en").opens_sentences("Congress")


def test_nltk_is_imported_only_when_a_text_is_split():
    code = "import sys, reportgen.sentences; sys.exit('nltk' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

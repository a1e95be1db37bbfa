"""Single rules on single candidates; what they do together is in test_prose."""

import pytest

from reportgen.sentences import rules
from reportgen.sentences.boundaries import find_candidates
from reportgen.sentences.punkt_model import load_punkt


def candidate(text):
    """The only candidate in this text."""
    (found,) = find_candidates(text, load_punkt("en"))
    return found


def test_a_candidate_knows_the_words_and_marks_around_it():
    found = candidate('They said "Go!" (He stayed')
    assert (found.behind, found.before, found.mark, found.closers) == ('They said "', "Go", "!", '"')
    assert (found.openers, found.after, found.ahead, found.end) == ("(", "He", "He stayed", 15)


def test_the_end_of_the_text_is_no_candidate():
    assert not list(find_candidates("All is said.", load_punkt("en")))


def test_a_mark_inside_a_word_is_no_candidate():
    assert not list(find_candidates("See example.org/a?b=c!d and 3.14 or a.b", load_punkt("en")))


def test_a_spaced_ellipsis_is_one_mark():
    assert candidate("He is . . . gone").mark == ". . ."


@pytest.mark.parametrize(
    ("rule", "text", "verdict"),
    [
        (rules.sentence_goes_on_after_an_aside, "the plan (it was old. It failed) was dropped", False),
        (rules.sentence_goes_on_after_an_aside, "(It was old. It failed) He left", None),
        (rules.punctuation_follows, "at Yahoo! , they", False),
        (rules.punctuation_follows, "at home. They", None),
        (rules.east_asian_mark, "好。是", True),
        (rules.east_asian_mark, "「行く！」と言う", False),
        (rules.speaker_follows, '"Why?" Ahab asked', False),
        (rules.speaker_follows, '"Why?" Ahab left', None),
        (rules.speaker_follows, '"Why?" She asked', None),
        (rules.lower_case_follows, '"Why?" he asked', False),
        (rules.lower_case_follows, "the old mill. it stood", None),
        (rules.lower_case_follows, "the Zool. museum", False),
        (rules.lower_case_follows, "It is here. iPhone users", None),
        (rules.ellipsis, "He left... Then", True),
        (rules.ellipsis, "He left... I think", False),
        (rules.ellipsis, "He left.... I think", True),
        (rules.strong_mark, "Why? Because", True),
        (rules.word_that_wants_another, "Dr. Hill", False),
        (rules.word_that_wants_another, "cf. The", False),
        (rules.word_that_wants_another, "Henry V. The", None),
        (rules.reference, "Fig. 3", False),
        (rules.reference, "vol. II", False),
        (rules.reference, "said no. Then", True),
        (rules.reference, "said no. I left", True),
        (rules.pronoun_i, "than I. Henry", True),
        (rules.pronoun_i, "by I. Newton", None),
        (rules.initial, "J. Smith", False),
        (rules.initial, "vitamin C. Patients", True),
        (rules.initial, "groups A and B. Group", True),
        (rules.initial, "X. He and", False),
        (rules.date, "Jan. 5", False),
        (rules.abbreviation, "the U.S. Army", False),
        (rules.abbreviation, "the U.S. The", True),
        (rules.abbreviation, "pears, etc. Next", True),
        (rules.abbreviation, "the end. Next", None),
        (rules.quotation_breaks_off, '"Because—" "Why', True),
        (rules.quotation_breaks_off, '"Because—" he', False),
        (rules.question_in_a_list, "does it hold? (2) if so", False),
        (rules.question_in_a_list, "Does it hold? (2) It", None),
        (rules.name_with_a_mark, "Yahoo! Finance", False),
        (rules.name_with_a_mark, "Yahoo! It", None),
        (rules.picture, "perfect 😎 See you", True),
        (rules.picture, "a treat :) It is", True),
        (rules.picture, "Perfect 😎 see you", False),
        (rules.picture, "so different 😳 can't believe", True),
        (rules.picture, "so different 😳 but fine", False),
        (rules.picture, "to 🇫🇷 France", False),
        (rules.picture, "thanks 🙏 Zyzzyva!", False),
        (rules.picture, "perfect? 😎 See you", None),
        (rules.section_sign, "Code Ann. § 12", False),
        (rules.journal, "the Biochem. 12(3), 4", False),
        (rules.journal, "in Paris. 12(3) is", None),
        (rules.short_citation, "Id. Hollis", True),
        (rules.time_of_day, "at 6 p.m. Crews", True),
        (rules.time_of_day, "at 5 p.m. Monday", False),
        (rules.time_of_day, "at 5 p.m. New York time", False),
        (rules.state_after_its_city, "in Dover, Del. Nobody", True),
        (rules.state_after_its_city, "the Del. River", None),
        (rules.unit, "at 1,550 m. It", True),
        (rules.reference, "Fig. S1", False),
        (rules.abbreviation, "the Super. Ct", False),
        (rules.abbreviation, "Super. Thanks", None),
        (rules.abbreviation, "the U.S. Postal Service", False),
        (rules.abbreviation, "the U.S. Sales fell", True),
        (rules.punctuation_follows, "Bus. & Com", False),
        (rules.lower_case_follows, "no way! he did", None),
        (rules.lower_case_follows, "No way! he did", False),
        (rules.lower_case_follows, "He calls it. setup.py runs", None),
        (rules.closed_quotation_or_bracket, "_the end._ Next", True),
    ],
)
def test_a_rule_has_its_say(rule, text, verdict):
    assert rule(candidate(text)) is verdict


def test_punkt_decides_what_no_rule_does():
    assert rules.ends_sentence(candidate("the old mill. Nobody came"))
    assert all(rule(candidate("the old mill. Nobody came")) is None for rule in rules.RULES)

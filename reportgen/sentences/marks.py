"""The rules about marks, which hold in every language: what stands around a mark, whatever the words are.

Each takes a candidate and says True (a sentence ends here), False (it goes on) or None (ask the next). *Source:* none, defined here.
"""

import re

from reportgen.sentences.boundaries import EAST_ASIAN, Candidate

Verdict = bool | None
ENUMERATOR = re.compile(r"(?:\d{1,2}|[a-z]|[ivx]{2,4})\)\s+(?:[a-z]|and\b)")
SECTION_SIGNS = "§¶"


def sentence_goes_on_after_an_aside(candidate: Candidate) -> Verdict:
    """Marks within brackets inside a sentence do not end it: "the plan (it was old. It had failed) was dropped"."""
    return False if candidate.in_aside else None


def punctuation_follows(candidate: Candidate) -> Verdict:
    """A comma, a semicolon, a closing bracket or an ampersand never begins a sentence."""
    return False if candidate.spaced and candidate.openers[:1] in tuple(",;:)]}&") else None


def east_asian_mark(candidate: Candidate) -> Verdict:
    """It ends a sentence with no space after it, but not where a quotation goes on: 「行く！」と言った。"""
    if not any(mark in EAST_ASIAN for mark in candidate.mark):
        return None
    return not (candidate.closers and candidate.after.startswith(("と", "って")))


def quotation_breaks_off(candidate: Candidate) -> Verdict:
    """A quotation that ends with a dash is over where another begins right after it: "Because—" "Because of what?"."""
    if not candidate.is_dash:
        return None
    return candidate.closes_quotation and candidate.opens_quotation and candidate.starts_upper


def question_in_a_list(candidate: Candidate) -> Verdict:
    """Questions that a sentence numbers are its parts: "we ask (1) does it hold? (2) if so, why?"."""
    return False if ENUMERATOR.match(candidate.ahead) and not (candidate.is_period or candidate.is_picture or candidate.closes_quotation) else None


def ellipsis(candidate: Candidate) -> Verdict:
    """Three dots end a sentence before a capital, but not before "I"; four do before either."""
    if not candidate.is_ellipsis:
        return None
    is_pronoun = candidate.next_word.split("'")[0] == "I" and candidate.mark.count(".") < 4
    return candidate.starts_upper and (not is_pronoun or candidate.closes_quotation)


def strong_mark(candidate: Candidate) -> Verdict:
    """Other marks than the period leave no doubt."""
    return None if candidate.is_period else True


def section_sign(candidate: Candidate) -> Verdict:
    """After a word with a capital, a section's sign goes on: "Penal Code Ann. § 12"."""
    return False if candidate.openers[:1] in tuple(SECTION_SIGNS) and candidate.before[:1].isupper() else None


def closed_quotation_or_bracket(candidate: Candidate) -> Verdict:
    """What is left is closed with its sentence; Punkt does not look past every mark that closes."""
    return True if candidate.closers else None

"""The rules for where a sentence ends, in the order they are asked; where none has an answer, Punkt decides.

Each takes a candidate and says True (it ends here), False (it goes on) or None (ask the next).
*Source:* Punkt is Kiss and Strunk 2006; the rules around it: none, defined here.
"""

import re
from collections.abc import Callable

from reportgen.sentences.boundaries import EAST_ASIAN, Candidate
from reportgen.sentences.words import (
    ALSO_SURNAMES,
    ALSO_WORDS,
    BEFORE_PRONOUN,
    CLOSING,
    LABELLED,
    MONTHS_AND_DAYS,
    NEVER_LAST,
    OPEN_ENDED,
    PLAIN_IN_LOWER_CASE,
    REFERENCES,
    SENTENCE_STARTS,
    TITLES,
    VERBS_OF_SAYING,
)

Verdict = bool | None
ROMAN = re.compile(r"[IVXLCDM]+\b")
ACRONYM = re.compile(r"(?:[^\W\d_]{1,2}\.)+[^\W\d_]{1,2}")
SPEAKER = re.compile(r"(?:(?:[A-Z][\w'’.-]*|the|of)\s+){1,4}(?P<verb>[a-z]+)\b")
AUTHORS = re.compile(r"\w+,?\s(?:and|&|et\sal)\b")
SERIES = re.compile(r"\b[A-Z],?\s(?:and|or)\s\Z")
BEFORE_NAMES = frozenset(["and", "by", "from", "of", "or", "see", "to", "with"])
OPENING = "([\"'“‘"
SHORTEST_PLAIN_WORD = 4


def ends_sentence(candidate: Candidate) -> bool:
    """Whether a sentence ends at this candidate."""
    verdicts = (rule(candidate) for rule in RULES)
    return next((verdict for verdict in verdicts if verdict is not None), candidate.punkt_ends)


def sentence_goes_on_after_an_aside(candidate: Candidate) -> Verdict:
    """Marks within brackets inside a sentence do not end it: "the plan (it was old. It had failed) was dropped"."""
    return False if candidate.in_aside else None


def punctuation_follows(candidate: Candidate) -> Verdict:
    """A comma, a semicolon or a closing bracket never begins a sentence."""
    return False if candidate.spaced and candidate.openers[:1] in tuple(",;:)]}") else None


def east_asian_mark(candidate: Candidate) -> Verdict:
    """It ends a sentence with no space after it, but not where a quotation goes on: 「行く！」と言った。"""
    if not any(mark in EAST_ASIAN for mark in candidate.mark):
        return None
    return not (candidate.closers and candidate.after.startswith(("と", "って")))


def speaker_follows(candidate: Candidate) -> Verdict:
    """A quotation that ends with ? or ! goes on with the one who says it: "Why?" Ahab asked."""
    if not candidate.closes_quotation or candidate.is_period or candidate.openers:
        return None
    if candidate.next_word in SENTENCE_STARTS and candidate.next_word != "I":
        return None
    speaker = SPEAKER.match(candidate.ahead)
    return False if speaker and speaker["verb"] in VERBS_OF_SAYING else None


def lower_case_follows(candidate: Candidate) -> Verdict:
    """A word in lower case goes on with the sentence, unless the writer plainly uses no capitals."""
    if not candidate.starts_lower:
        return None
    word = candidate.before
    if not candidate.is_period or candidate.closers or len(word) < SHORTEST_PLAIN_WORD or _is_abbreviation(candidate):
        return False
    return None if word.isalpha() and word.islower() and candidate.punkt.is_ordinary(word) else False


def ellipsis(candidate: Candidate) -> Verdict:
    """Three dots end a sentence before a capital, but not before "I"; four do before either."""
    if not candidate.is_ellipsis:
        return None
    is_pronoun = candidate.next_word.split("'")[0] == "I" and candidate.mark.count(".") < 4
    return candidate.starts_upper and (not is_pronoun or candidate.closes_quotation)


def strong_mark(candidate: Candidate) -> Verdict:
    """Other marks than the period leave no doubt."""
    return None if candidate.is_period else True


def word_that_wants_another(candidate: Candidate) -> Verdict:
    """Titles, and "e.g.", "cf.", "vs." and their like, never come last."""
    word = candidate.before.lower()
    is_title = candidate.before.istitle() and word in TITLES and candidate.starts_upper
    return False if is_title or (word in NEVER_LAST and candidate.before != "V") else None


def reference(candidate: Candidate) -> Verdict:
    """ "Fig. 3", "vol. II", "App. B", "Sec. (4)" hold together; "He said no. Then" does not."""
    word = candidate.before.lower()
    if word not in REFERENCES:
        return None
    if candidate.starts_digit or candidate.openers[:1] in tuple("([#§"):
        return False
    is_plain = word in ALSO_WORDS and candidate.before.islower()
    if is_plain and (candidate.next_word in {"A", "I"} or not _is_number_or_letter(candidate.next_word)):
        return True if candidate.starts_upper else None
    return False if _is_number_or_letter(candidate.next_word) else None


def pronoun_i(candidate: Candidate) -> Verdict:
    """ "So do I. Then": the pronoun, where the word before it cannot stand before a name."""
    return True if candidate.before == "I" and candidate.earlier in BEFORE_PRONOUN else None


def initial(candidate: Candidate) -> Verdict:
    """ "J. K. Smith" holds together; "vitamin C. The" and "World War I. Germany" do not."""
    if len(candidate.before) != 1 or not candidate.before.isupper() or not candidate.starts_upper:
        return None
    if _is_label(candidate) or candidate.closes_quotation:
        return True
    if _clear_start(candidate) and candidate.earlier[-1:] != ".":
        return candidate.next_word not in ALSO_SURNAMES or _is_plain_text_before(candidate)
    return None if candidate.opens_quotation or _is_plain_text_before(candidate) else False


def date(candidate: Candidate) -> Verdict:
    """ "Jan. 5" holds together."""
    return False if candidate.before in MONTHS_AND_DAYS and candidate.starts_digit else None


def abbreviation(candidate: Candidate) -> Verdict:
    """Other abbreviations end a sentence only where a clear start follows: "in the U.S. The", not "U.S. Army"."""
    if not _is_abbreviation(candidate):
        return None
    if not candidate.starts_upper or ")" in candidate.closers or candidate.openers[:1] in tuple("&/"):
        return False
    return (
        candidate.closes_quotation
        or candidate.opens_quotation
        or candidate.before.lower() in CLOSING
        or _clear_start(candidate)
        or candidate.punkt.opens_sentences(candidate.next_word)
    )


def closed_quotation_or_bracket(candidate: Candidate) -> Verdict:
    """What is left is closed with its sentence; Punkt does not look past every mark that closes."""
    return True if candidate.closers else None


RULES: tuple[Callable[[Candidate], Verdict], ...] = (
    sentence_goes_on_after_an_aside,
    punctuation_follows,
    east_asian_mark,
    speaker_follows,
    lower_case_follows,
    ellipsis,
    strong_mark,
    word_that_wants_another,
    reference,
    pronoun_i,
    initial,
    date,
    abbreviation,
    closed_quotation_or_bracket,
)


def _is_abbreviation(candidate: Candidate) -> bool:
    word = candidate.before
    if word in MONTHS_AND_DAYS or ACRONYM.fullmatch(word):
        return True
    if word.islower() and word in PLAIN_IN_LOWER_CASE:
        return False
    known = word.lower() in OPEN_ENDED | NEVER_LAST | TITLES or word.lower() in REFERENCES - ALSO_WORDS
    return known or (len(word) > 1 and candidate.punkt.is_abbreviation(word))


def _is_label(candidate: Candidate) -> bool:
    """Whether a single capital names a thing, alone or in a series: "plan B.", "groups A and B."."""
    earlier = candidate.earlier.lower().lstrip(OPENING).rstrip(".")
    return earlier in LABELLED or SERIES.search(candidate.behind) is not None


def _clear_start(candidate: Candidate) -> bool:
    """Whether the next word opens a sentence and is not the surname of several authors."""
    return candidate.next_word in SENTENCE_STARTS and not AUTHORS.match(candidate.ahead)


def _is_plain_text_before(candidate: Candidate) -> bool:
    """Whether the word before an initial speaks against a name: "vitamin C." against "by C."."""
    return candidate.earlier.isalpha() and candidate.earlier.islower() and candidate.earlier not in BEFORE_NAMES


def _is_number_or_letter(word: str) -> bool:
    return ROMAN.fullmatch(word) is not None or (len(word) == 1 and word.isupper())

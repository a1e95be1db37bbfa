"""The rules for where a sentence ends, in the order they are asked; where none has an answer, Punkt decides.

Each takes a candidate and says True (it ends here), False (it goes on) or None (ask the next). Those here know English words; other languages have the rules about
marks and those in `elsewhere`. *Source:* Punkt is Kiss and Strunk 2006; the rules around it: none, defined here.
"""

import re
from collections.abc import Callable

from reportgen.sentences import elsewhere
from reportgen.sentences.boundaries import MARKS, QUOTES, Candidate
from reportgen.sentences.language import ENGLISH
from reportgen.sentences.marks import (
    Verdict,
    closed_quotation_or_bracket,
    east_asian_mark,
    ellipsis,
    punctuation_follows,
    question_in_a_list,
    quotation_breaks_off,
    section_sign,
    sentence_goes_on_after_an_aside,
    strong_mark,
)
from reportgen.sentences.words import (
    ALSO_SURNAMES,
    ALSO_WORDS,
    BEFORE_PRONOUN,
    CLOSING,
    GESTURES,
    GOING_ON,
    LABELLED,
    MARKED_NAMES,
    MONTHS_AND_DAYS,
    NEVER_LAST,
    NEVER_LAST_WORDS,
    OPEN_ENDED,
    PLAIN_IN_LOWER_CASE,
    REFERENCES,
    SENTENCE_STARTS,
    STATES,
    TIME_ZONES,
    TITLES,
    UNITS,
    VERBS_OF_SAYING,
)

ROMAN = re.compile(r"[IVXLCDM]+\b")
NUMBERED = re.compile(r"[A-Z]{1,3}\d")
ACRONYM = re.compile(r"(?:[^\W\d_]{1,2}\.)+[^\W\d_]{1,2}")
SPEAKER = re.compile(r"(?:(?:[A-Z][\w'’.-]*|the|of)\s+){1,4}(?P<verb>[a-z]+)\b(?P<compound>,?\sand\s(?!said)(?:the|his|her|a|their)\b)?")
AUTHORS = re.compile(r"\w+,?\s(?:and|&|et\sal)\b")
SERIES = re.compile(r"\b[A-Z],?\s(?:and|or)\s\Z")
VOLUME = re.compile(r"\d{1,4}(?:\s?\(\d|,\s\d|:\d)")
TIME_OF_A_PLACE = re.compile(r"(?:[A-Z][\w.]*\s){1,2}[Tt]ime\b")
NAME_OF_SEVERAL_WORDS = re.compile(r"\w+\.?\s[A-Z&]")
BEFORE_NAMES = frozenset(["and", "by", "from", "of", "or", "see", "to", "with"])
OPENING = "([\"'“‘"
SHORTEST_PLAIN_WORD = 4


def ends_sentence(candidate: Candidate) -> bool:
    """Whether a sentence ends at this candidate."""
    rules = RULES if candidate.punkt.language == ENGLISH else RULES_ELSEWHERE
    verdicts = (rule(candidate) for rule in rules)
    return next((verdict for verdict in verdicts if verdict is not None), candidate.punkt_ends)


def speaker_follows(candidate: Candidate) -> Verdict:
    """A quotation that ends with ? or ! goes on with the one who says it: "Why?" Ahab asked."""
    if not candidate.closes_quotation or candidate.is_period or candidate.openers:
        return None
    if candidate.next_word in SENTENCE_STARTS and candidate.next_word != "I":
        return None
    speaker = SPEAKER.match(candidate.ahead)
    if speaker is None or speaker["verb"] not in VERBS_OF_SAYING:
        return None
    return None if speaker["compound"] and speaker["verb"] in GESTURES else False


def name_with_a_mark(candidate: Candidate) -> Verdict:
    """ "Yahoo! Finance" holds together; "Yahoo! It" does not."""
    return False if candidate.mark == "!" and candidate.before in MARKED_NAMES and not candidate.closers and not _clear_start(candidate) else None


def lower_case_follows(candidate: Candidate) -> Verdict:
    """A word in lower case goes on with the sentence, unless the writer plainly uses no capitals."""
    if not candidate.starts_lower:
        return None
    word = candidate.before
    if candidate.uncapitalised and not candidate.closes_quotation and not candidate.is_ellipsis:
        return None if not candidate.is_period or (len(word) > 1 and not _is_abbreviation(candidate)) else False
    if not candidate.is_period or candidate.closers or len(word) < SHORTEST_PLAIN_WORD or _is_abbreviation(candidate):
        return False
    is_plain = word.isalpha() and word.islower() and candidate.punkt.language == ENGLISH and candidate.punkt.is_ordinary(word)
    return None if is_plain else False


def picture(candidate: Candidate) -> Verdict:
    """An emoji stands for a mark before a word in capitals: "perfect 😎 See you"; not where what it shows follows: "to 🇫🇷 France", or is addressed: "thanks 🙏 Maria!".

    In other languages it ends none: what can come last there is not known here.
    """
    if not candidate.is_picture:
        return None
    if candidate.punkt.language != ENGLISH:
        return False
    before = candidate.before or candidate.earlier
    if not before[-1:].isalnum() or before.lower() in NEVER_LAST_WORDS:
        return False
    if candidate.starts_lower and candidate.uncapitalised:
        return candidate.next_word not in GOING_ON
    if not candidate.starts_upper:
        return False
    is_followed = candidate.ahead[len(candidate.next_word) :][:1] == " "
    return is_followed or candidate.next_word in SENTENCE_STARTS or candidate.punkt.is_ordinary(candidate.next_word)


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
    return False if _is_number_or_letter(candidate.next_word) or NUMBERED.match(candidate.after) else None


def journal(candidate: Candidate) -> Verdict:
    """ "J. Mem. Lang. 12(3)" holds together: after an abbreviated title comes the volume."""
    is_title = candidate.before.istitle() and (candidate.earlier.endswith(".") or _is_abbreviation(candidate))
    return False if is_title and not candidate.openers and VOLUME.match(candidate.ahead) else None


def short_citation(candidate: Candidate) -> Verdict:
    """ "Id." and "Ibid." with a capital are sentences of their own."""
    return True if candidate.before in {"Id", "Ibid"} and candidate.starts_upper else None


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


def time_of_day(candidate: Candidate) -> Verdict:
    """ "at 6 p.m. Crews worked" are two; "5 p.m. Monday", "9 a.m. GMT" and "5 p.m. New York time" hold together."""
    if candidate.before.lower() not in {"a.m", "p.m", "am", "pm"} or not candidate.earlier[-1:].isdigit() or not candidate.starts_upper:
        return None
    goes_on = candidate.next_word in MONTHS_AND_DAYS | TIME_ZONES or TIME_OF_A_PLACE.match(candidate.ahead)
    return not goes_on


def state_after_its_city(candidate: Candidate) -> Verdict:
    """ "in Dover, Del. Nobody" are two: a sentence that goes on after a city and its state has a comma there."""
    is_state = candidate.before in STATES and candidate.earlier[:1].isupper() and candidate.earlier.endswith(",")
    return True if is_state and candidate.starts_upper else None


def unit(candidate: Candidate) -> Verdict:
    """ "1,550 m. It" are two: what is measured in a unit comes before it, or in lower case."""
    return True if candidate.before in UNITS and candidate.earlier[-1:].isdigit() and candidate.starts_upper and not candidate.closers else None


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
        or (candidate.punkt.opens_sentences(candidate.next_word) and not NAME_OF_SEVERAL_WORDS.match(candidate.ahead))
    )


RULES: tuple[Callable[[Candidate], Verdict], ...] = (
    sentence_goes_on_after_an_aside,
    punctuation_follows,
    east_asian_mark,
    quotation_breaks_off,
    question_in_a_list,
    speaker_follows,
    name_with_a_mark,
    lower_case_follows,
    picture,
    ellipsis,
    strong_mark,
    section_sign,
    word_that_wants_another,
    reference,
    journal,
    short_citation,
    pronoun_i,
    initial,
    date,
    time_of_day,
    state_after_its_city,
    unit,
    abbreviation,
    closed_quotation_or_bracket,
)

RULES_ELSEWHERE: tuple[Callable[[Candidate], Verdict], ...] = (
    sentence_goes_on_after_an_aside,
    punctuation_follows,
    east_asian_mark,
    quotation_breaks_off,
    question_in_a_list,
    lower_case_follows,
    picture,
    ellipsis,
    strong_mark,
    section_sign,
    elsewhere.spaced_abbreviation,
    elsewhere.title,
    elsewhere.reference,
    elsewhere.initial,
    elsewhere.number,
    closed_quotation_or_bracket,
)


def _is_abbreviation(candidate: Candidate) -> bool:
    word = candidate.before
    if candidate.punkt.language != ENGLISH:
        return ACRONYM.fullmatch(word) is not None or (len(word) > 1 and candidate.punkt.is_abbreviation(word))
    if word in MONTHS_AND_DAYS or ACRONYM.fullmatch(word):
        return True
    if word.lower() in PLAIN_IN_LOWER_CASE and (word.islower() or _is_alone(candidate)):
        return False
    known = word.lower() in OPEN_ENDED | NEVER_LAST | TITLES or word.lower() in REFERENCES - ALSO_WORDS
    return known or (len(word) > 1 and candidate.punkt.is_abbreviation(word))


def _is_alone(candidate: Candidate) -> bool:
    """Whether the word would be a sentence of its own ("Super. Thanks"), with no other abbreviation after it ("Super. Ct.")."""
    before = candidate.behind.rstrip()[-1:]
    return (not before or before in MARKS + QUOTES) and not candidate.after.endswith(".")


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

"""Rules for other languages than English, beside those about marks: titles, references, initials, numbers. Punkt's own parameters decide the rest.

Each takes a candidate and says True (a sentence ends here), False (it goes on) or None (ask the next). *Source:* none, defined here.
"""

import re

from reportgen.sentences.boundaries import Candidate
from reportgen.sentences.marks import Verdict
from reportgen.sentences.words import words

# Written without their last period and in lower case; with a capital after them they come before a name.
TITLES = {
    "cs": "bc doc dr gen ing judr mgr mudr nám phdr prof sv ul",
    "da": "dr fr gen hr prof skt",
    "de": "dipl dr fa fr frhr frl geb gebr gen hr hrn ing prof st",
    "el": "αγ δρ κ κα καθ κος",
    "es": "arq d dr dra gral ing lic prof profa sr sra sres srta sta sto ud uds",
    "et": "dr hr pr prof",
    "fi": "dr hra prof rva tri",
    "fr": "dr gén m me mgr mlle mlles mm mme mmes pr st ste",
    "it": "arch avv dott geom ing mons on prof s sen sig",
    "ml": "ഡോ ശ്രീ",
    "nl": "dhr dr drs ds ing ir mevr mr prof st",
    "no": "dr fr gen hr prof",
    "pl": "al bł dr gen hab inż ks mgr os pl płk prof św ul",
    "pt": "av d dr dra eng gen prof profa r sr sra srta",
    "ru": "акад гр им проф св тов ул",
    "sl": "dr g ga gdč gen mag prof sv ul",
    "sv": "dr fr gen hr prof st",
    "tr": "av doç dr gen prof sn",
}
KNOWN_TITLES = {language: words(titles) for language, titles in TITLES.items()}

# Before a number they point at something, in whatever language.
REFERENCES = words(
    """abb abs abt anm art arts bd cap capp cf col cols ed eq fig figg figs fol gl hoofdst kap kl lám n nr núm obr odd odst p pag pagg par párr pp pág págs q r ryc
    rys s sek sid st str tab tabl taf tav vgl vol vols z ziff αρ εικ κεφ σελ гл кн п пп рис стр т табл"""
)

# Where a number with a period is an ordinal: "am 3. Oktober".
ORDINALS = frozenset(["cs", "da", "de", "et", "fi", "no", "pl", "sl", "tr"])
SHORT = re.compile(r"[^\W\d_]{1,2}")


def title(candidate: Candidate) -> Verdict:
    """ "Mme Leroy", "dott. Rossi", "ul. Długa" hold together."""
    known = KNOWN_TITLES[candidate.punkt.language]
    return False if candidate.before.lower() in known and candidate.starts_upper and not candidate.closers else None


def reference(candidate: Candidate) -> Verdict:
    """ "S. 5", "pág. 12", "рис. 3" hold together."""
    return False if candidate.before.lower() in REFERENCES and candidate.starts_digit and not candidate.closers else None


def spaced_abbreviation(candidate: Candidate) -> Verdict:
    """ "z. B.", "EE. UU.", "J. P. Martin": short words with periods follow each other."""
    next_is_short = candidate.after.endswith(".") and SHORT.fullmatch(candidate.after[:-1]) is not None
    return False if next_is_short and SHORT.fullmatch(candidate.before) and not candidate.openers and not candidate.closers else None


def initial(candidate: Candidate) -> Verdict:
    """ "P. Martin" holds together, unless the capital is on a word that Punkt knows to open sentences."""
    is_initial = len(candidate.before) == 1 and candidate.before.isupper() and candidate.starts_upper and not candidate.closers
    return False if is_initial and not candidate.punkt.opens_sentences(candidate.next_word) else None


def number(candidate: Candidate) -> Verdict:
    """A sentence may end with a number, but where numbers with a period are ordinals Punkt has to decide."""
    ends = candidate.before.isdigit() and candidate.starts_upper and candidate.punkt.language not in ORDINALS
    return True if ends else None

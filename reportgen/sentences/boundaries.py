"""Candidates: every place where a sentence might end, with what the rules need to know about it."""

import re
import unicodedata
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from reportgen.sentences.asides import Span, find_asides
from reportgen.sentences.punkt_model import PunktModel

EAST_ASIAN = "。！？｡"
MARKS = ".!?…‽।॥؟۔" + EAST_ASIAN
CLOSERS = "\"'”’“‘»›«‹)]}」』）】》〉*_"
QUOTES = "\"'”’“‘»›«‹」』"  # of all languages: „Nein!“ and »Nein!« end with what opens elsewhere
DASHES = "—–-"
OPENING_QUOTES = "\"'“‘«‹„「『"
# Emoji without check marks and arrows, which begin items, and without the signs of music, chess and cards.
PICTURES = (
    "\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff\u2600-\u2604\u2614\u2615\u2618\u261d\u2620\u2622\u2623\u262e\u262f\u2638-\u263a\u2648-\u2653"
    "\u2665\u267b\u2693-\u26fd\u2702\u2708-\u270d\u2728\u274c\u2753-\u2755\u2757\u2763\u2764\u2b50"
)
EMOJI = PICTURES + "\u2640\u2642\ufe0f\u200d\U000e0020-\U000e007f"
EMOTICON = r"[:;=]-?[()DPp](?=\s|\Z)"
SEEN_BEHIND = 40  # characters; no abbreviation is longer
SEEN_AHEAD = 120  # characters; room for a speaker's title, name and verb


def _stop(marks: str) -> re.Pattern[str]:
    """What ends a sentence: marks, with what closes together with them.

    Possessive throughout, with no second start inside a run of marks: a long run of dots costs one pass, not its square.
    """
    return re.compile(
        rf"(?P<mark>(?<!\.[ \u00a0\n])\.(?:[ \u00a0\n]\.){{2,}}+|(?<![{marks}])[{marks}]++"
        rf"|(?<![{EMOJI}])[{PICTURES}][{EMOJI}]*+|(?<=[ \u00a0\n]){EMOTICON}|(?:[—–]|--)(?=[{QUOTES}]))"
        rf"(?P<closers>[{re.escape(CLOSERS)}]*+(?:[ \u00a0\u202f][»›](?=[\s.,;:!?]|\Z))?+(?:\[[\d,–\-\s]{{1,20}}\])*+(?:[ \u00a0\n]?(?:[{EMOJI}]++(?=\s|\Z)|(?<=\s){EMOTICON}))*+)"
    )


STOPS = {"el": _stop(MARKS + ";\u037e")}  # the Greek question mark, and the semicolon that is written for it
STOP = _stop(MARKS)
AHEAD = re.compile(r"\s*+(?P<openers>[^\w\s]{0,20}+_{0,3})(?P<word>\S{0,40})")
PLAIN_WORD = re.compile(r"(?![^\W\d_]{2,}\.\w)[^\W\d_]+(?:['’-][^\W\d_]+)*(?![\w(])")
LAST_WORD = re.compile(r"[\w.&'’§]+\Z")


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One place where a sentence might end: the marks there (emoji among them) and the words around them.

    `before` is the word that the mark ends and `behind` the text up to it; `after` is the next word without the
    `openers` (quotation marks, brackets, dashes) before it, and `ahead` the text from there on. `uncapitalised` says that the whole text begins
    in lower case, as where a writer uses no capitals. `near` is all that Punkt looks at, the words on both sides, and `mark_ends` where the marks in
    it end.
    """

    end: int
    mark: str
    closers: str
    before: str
    behind: str
    openers: str
    after: str
    ahead: str
    spaced: bool
    in_aside: bool
    uncapitalised: bool
    near: str
    mark_ends: range
    punkt: PunktModel

    @cached_property
    def punkt_ends(self) -> bool:
        """Whether Punkt takes one of the marks as the end of a sentence."""
        breaks = self.punkt.breaks(self.near)
        return any(position in breaks for position in self.mark_ends)

    @cached_property
    def earlier(self) -> str:
        """The word before the one that the mark ends."""
        return (self.behind.split() or [""])[-1]

    @cached_property
    def next_word(self) -> str:
        """The next word without the punctuation that follows it."""
        word = re.match(r"[\w'’-]*", self.after)[0]
        return word.replace("’", "'")

    @property
    def starts_upper(self) -> bool:
        return self.after[:1].isupper()

    @property
    def starts_lower(self) -> bool:
        """Whether the next word is a plain word in lower case; a name like iPhone, sqlite3_open() or setup.py is not."""
        return is_plain_lower(self.after)

    @property
    def starts_digit(self) -> bool:
        return self.after[:1].isdigit()

    @property
    def is_period(self) -> bool:
        return self.mark == "."

    @property
    def is_picture(self) -> bool:
        """Whether it is an emoji or an emoticon in place of a mark."""
        return self.mark[0] not in MARKS + DASHES + ";\u037e"

    @property
    def is_dash(self) -> bool:
        """Whether a quotation breaks off with a dash."""
        return self.mark[0] in DASHES

    @property
    def is_ellipsis(self) -> bool:
        return "…" in self.mark or self.mark.count(".") > 1

    @property
    def closes_quotation(self) -> bool:
        return any(closer in QUOTES for closer in self.closers)

    @property
    def opens_quotation(self) -> bool:
        return any(opener in OPENING_QUOTES for opener in self.openers)


def find_candidates(text: str, punkt: PunktModel) -> Iterator[Candidate]:
    """Every place inside this text where a sentence might end, in order; the end of the text is not one."""
    first = re.search(r"\w\S*", text)
    view = _View(text=text, asides=find_asides(text), uncapitalised=first is not None and is_plain_lower(first[0][:SEEN_BEHIND]), punkt=punkt)
    for stop in STOPS.get(punkt.language, STOP).finditer(text):
        following = text[stop.end() : stop.end() + 1]
        if following and (following.isspace() or (any(mark in EAST_ASIAN for mark in stop["mark"]) and not _joins(following))):
            yield view.candidate(stop)


def _joins(character: str) -> bool:
    """Whether it belongs to the character before it: an accent, a joiner."""
    return unicodedata.category(character) in {"Mn", "Me"} or character == "\u200d"


def is_plain_lower(word: str) -> bool:
    """Whether this begins with a plain word in lower case."""
    plain = PLAIN_WORD.match(word)
    return plain is not None and plain[0].islower()


@dataclass(frozen=True, kw_only=True)
class _View:
    """A text and what is known of it as a whole."""

    text: str
    asides: list[Span]
    uncapitalised: bool
    punkt: PunktModel

    def candidate(self, stop: re.Match) -> Candidate:
        behind = self.text[max(0, stop.start() - SEEN_BEHIND) : stop.start()]
        before = word[0] if (word := LAST_WORD.search(behind)) else ""
        ahead = AHEAD.match(self.text, stop.end())
        near = stop.start() - len(re.search(r"\S*\Z", behind)[0])
        return Candidate(
            end=stop.end(),
            mark=stop["mark"],
            closers=stop["closers"],
            before=before.lstrip(".'’"),
            behind=behind[: len(behind) - len(before)],
            openers=ahead["openers"],
            after=ahead["word"],
            ahead=self.text[ahead.start("word") : ahead.start("word") + SEEN_AHEAD],
            spaced=ahead.start("openers") > stop.end(),
            in_aside=self._in_aside(stop.start()),
            uncapitalised=self.uncapitalised,
            near=self.text[near : ahead.end() + 1],
            mark_ends=range(stop.start() + 1 - near, stop.end() + 1 - near),
            punkt=self.punkt,
        )

    def _in_aside(self, position: int) -> bool:
        index = bisect(self.asides, (position, position)) - 1
        return index >= 0 and position < self.asides[index][1]

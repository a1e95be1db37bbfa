"""Names: runs of words whose capitals nothing but being a name explains."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reportgen.mentions.vocabulary import BEFORE_PLACES, CALENDAR, TITLES
from reportgen.mentions.words import AFTER_ABBREVIATION, JOINED, Word


@dataclass(frozen=True, kw_only=True)
class Name:
    """A name where it stands: its span, and its words without capitals, titles and initials.

    `title_of` is whom its title says it can be, where it says so; `place_like` that it follows an article or a preposition of place; `plural` that it
    follows an article and ends like a plural.
    """

    start: int
    end: int
    sentence: int
    parts: tuple[str, ...]
    title_of: str | None
    place_like: bool
    plural: bool


def proper_words(words: Sequence[Word]) -> frozenset[str]:
    """The words, as they are written, that occur with a telling capital more often than without one.

    Days and months are none: they name times.
    """
    telling = Counter(word.text for word in words if word.capitalised and word.telling and word.content and word.folded not in CALENDAR)
    small = Counter(word.text for word in words if not word.text[0].isupper())
    return frozenset(word for word, count in telling.items() if count > small[word.casefold()])


def standing_alone(words: Sequence[Word]) -> frozenset[str]:
    """The words, as they are written, that no word of an open class follows at least once: the others are adjectives ("American") as likely as names."""
    return frozenset(word.text for word, after in itertools.zip_longest(words, words[1:]) if not _qualifies(word, after))


def _qualifies(word: Word, after: Word | None) -> bool:
    return after is not None and after.between is not None and bool(JOINED.fullmatch(after.between)) and after.content


def find_names(words: Sequence[Word]) -> Iterator[Name]:
    """The longest runs of proper words, with titles before them and initials among them, in order; the last word stands alone somewhere in the text."""
    proper, alone, run = proper_words(words), standing_alone(words), []
    before: Word | None = None
    for word, following in itertools.zip_longest(words, words[1:]):
        run.append(word)
        if _belongs(word, proper) and following is not None and _belongs(following, proper) and _joined(word, following):
            continue
        if word.text in alone:
            yield from _name(run, before, proper)
        before, run = word, []


def _belongs(word: Word, proper: frozenset[str]) -> bool:
    return word.text in proper or (word.text[0].isupper() and word.abbreviates)


def _joined(word: Word, following: Word) -> bool:
    if following.between is None:
        return False
    return bool(JOINED.fullmatch(following.between)) or (word.abbreviates and bool(AFTER_ABBREVIATION.fullmatch(following.between)))


def _name(run: Sequence[Word], before: Word | None, proper: frozenset[str]) -> Iterator[Name]:
    """The run as a name, if it is one; titles at its start are not part of its span, and none but titles and initials is no name."""
    titles = list(itertools.takewhile(lambda word: word.folded in TITLES, run))
    rest = run[len(titles) :]
    parts = tuple(word.folded for word in rest if word.text in proper)
    if not parts:
        return
    genders = [TITLES[word.folded] for word in titles if TITLES[word.folded] is not None]
    ahead = before.folded if before is not None and before.sentence == run[0].sentence and not titles else ""
    yield Name(
        start=rest[0].start,
        end=rest[-1].end,
        sentence=run[0].sentence,
        parts=parts,
        title_of=genders[0] if genders else None,
        place_like=ahead in BEFORE_PLACES,
        plural=ahead == "the" and parts[-1].endswith("s") and not parts[-1].endswith(("ss", "us", "is")),
    )

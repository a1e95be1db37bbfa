"""Mentions by a heuristic: which names are of one entity, and which name a pronoun stands for. No parser, no model; it errs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from reportgen.mentions.names import Name, find_names
from reportgen.mentions.vocabulary import FEMALE, MALE, PLURAL, PRONOUNS, THING
from reportgen.mentions.words import Word, find_words
from reportgen.sentences import Sentence

REACH = {MALE: 2, FEMALE: 2, PLURAL: 1, THING: 0}  # how many sentences back a pronoun's antecedent may lie


@dataclass(frozen=True, kw_only=True)
class Mention:
    """A name or a pronoun, as a span of the text, and the number of the entity that it is taken to be of."""

    start: int
    end: int
    sentence: int
    entity: int
    pronoun: bool


@dataclass(frozen=True, kw_only=True)
class Mentions:
    """The mentions of a text, in order, and how many of its pronouns found no antecedent."""

    found: tuple[Mention, ...]
    without_antecedent: int


@dataclass(kw_only=True)
class _Entity:
    """What is known so far: the forms of its name, whom it can be (`MALE`, `FEMALE`; None: not known), whether it is several."""

    names: set[tuple[str, ...]] = field(default_factory=set)
    gender: str | None = None
    place_like: bool = False
    plural: bool = False


def find_mentions(text: str, sentences: Sequence[Sentence], kinds: Sequence[str]) -> Mentions:
    """The mentions of entities in an English text, by a heuristic.

    Names are runs of words that occur with a capital inside of sentences more often than without (`find_names`). A name is of the entity that was last
    called by the same words, or else of the last one whose name ends with its words or the other way round, of a known person also one that begins so; titles must agree
    (Mr, Mrs). A pronoun is of the nearest mention before it that fits: `he` and `she`, up to two sentences back, take a name that is not known as the
    other's and has no article or preposition of place before it, and it is known from then on; `they`, up to one sentence back, a plural name; `its` and
    `itself`, in the same sentence, any other name but a known person's. `It`, first and second persons, and noun phrases without a name are left out:
    too few of them mean a name. Source: none; defined here.
    `kinds` are those of the document's blocks. What it finds is a guess.
    """
    words = find_words(text, sentences, kinds)
    resolver = _Resolver()
    names = {name.start: name for name in find_names(words)}
    for word in words:
        if word.start in names:
            resolver.take_name(names[word.start])
        elif word.folded in PRONOUNS:
            resolver.take_pronoun(word)
    return Mentions(found=tuple(resolver.mentions), without_antecedent=resolver.without_antecedent)


class _Resolver:
    """Takes the names and pronouns of a text in order."""

    def __init__(self) -> None:
        self.entities: list[_Entity] = []
        self.mentions: list[Mention] = []
        self.latest: dict[int, int] = {}  # of each entity how many mentions there were before its last name
        self.ends: dict[str, set[int]] = {}  # the entities with a name that begins or ends with a word
        self.kinds: list[str | None] = []  # of each mention: what a pronoun can stand for
        self.without_antecedent = 0

    def take_name(self, name: Name) -> None:
        number = self._called(name)
        entity = self.entities[number]
        entity.names.add(name.parts)
        entity.gender = entity.gender or name.title_of
        entity.plural |= name.plural
        entity.place_like = name.place_like and entity.gender is None
        self.latest[number] = len(self.mentions)
        for word in (name.parts[0], name.parts[-1]):
            self.ends.setdefault(word, set()).add(number)
        self._note(name.start, name.end, name.sentence, number, None)

    def _called(self, name: Name) -> int:
        """The entity of a name, a new one if need be."""
        known = self.ends.get(name.parts[0], set()) | self.ends.get(name.parts[-1], set())  # names of one entity begin or end alike
        fitting = [number for number in sorted(known, key=self.latest.__getitem__, reverse=True) if _agree(self.entities[number].gender, name.title_of)]
        same = (number for number in fitting if name.parts in self.entities[number].names)
        part = (
            number for number in fitting if any(_is_part(name.parts, other, self.entities[number].gender is not None) for other in self.entities[number].names)
        )
        found = next(same, None)
        found = next(part, None) if found is None else found
        if found is None:
            self.entities.append(_Entity())
            return len(self.entities) - 1
        return found

    def take_pronoun(self, word: Word) -> None:
        kind = PRONOUNS[word.folded]
        for index in range(len(self.mentions) - 1, -1, -1):
            before = self.mentions[index]
            if word.sentence - before.sentence > REACH[kind]:
                break
            if self._fits(kind, index):
                if kind in (MALE, FEMALE):
                    self.entities[before.entity].gender = kind
                self._note(word.start, word.end, word.sentence, before.entity, kind)
                return
        self.without_antecedent += 1

    def _fits(self, kind: str, index: int) -> bool:
        """Whether a pronoun can go on from that mention."""
        entity, of_mention = self.entities[self.mentions[index].entity], self.kinds[index]
        if of_mention is not None:
            return of_mention == kind
        if kind == PLURAL:
            return entity.plural
        if kind == THING:
            return entity.gender is None and not entity.plural
        return entity.gender == kind or (entity.gender is None and not entity.plural and not entity.place_like)

    def _note(self, start: int, end: int, sentence: int, entity: int, kind: str | None) -> None:
        self.mentions.append(Mention(start=start, end=end, sentence=sentence, entity=entity, pronoun=kind is not None))
        self.kinds.append(kind)


def _agree(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other


def _is_part(name: tuple[str, ...], other: tuple[str, ...], person: bool) -> bool:
    """Whether the shorter of two different names is the end of the other; of persons also its beginning."""
    shorter, longer = sorted((name, other), key=len)
    if len(shorter) == len(longer):
        return False
    return longer[-len(shorter) :] == shorter or (person and longer[: len(shorter)] == shorter)

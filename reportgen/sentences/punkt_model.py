"""NLTK's Punkt with the parameters that the `punkt` package carries: nothing is downloaded.

NLTK reads its own files only through `nltk.download`, so its parameter object is filled from the package's here.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import punkt
from punkt import OrthoContext

from reportgen.sentences.language import LANGUAGES, require_language

if TYPE_CHECKING:
    from nltk.tokenize.punkt import PunktSentenceTokenizer


REMEMBERED = 4096  # answers


class Counts(dict):
    """A dictionary that answers 0 for what it lacks, and does not grow by being asked as NLTK's own does."""

    def __missing__(self, key: str) -> int:
        return 0


@dataclass(frozen=True, kw_only=True, eq=False)
class PunktModel:
    """Punkt's verdicts on a text, and what it learned about single words."""

    language: str
    tokenizer: "PunktSentenceTokenizer"
    learned: punkt.PunktParameters

    @lru_cache(maxsize=REMEMBERED)  # noqa: B019, since a model lasts as long as the program
    def breaks(self, text: str) -> frozenset[int]:
        """The positions right after the marks that Punkt takes as ends of sentences.

        It looks at the words beside a mark alone, and takes more than its share of time for a long text: ask it of a few words.
        """
        return frozenset(end for _, end in self.tokenizer.span_tokenize(text, realign_boundaries=False))

    def is_abbreviation(self, word: str) -> bool:
        """Whether Punkt learned this word, given without its period, as an abbreviation."""
        return word.lower() in self.learned.abbrev_types

    def is_ordinary(self, word: str) -> bool:
        """Whether the word was seen in lower case in Punkt's training text."""
        return bool(self.learned.ortho(word.lower()) & OrthoContext.LC)

    def opens_sentences(self, word: str) -> bool:
        """Whether a capital on this word speaks for a new sentence.

        It does where the word was seen in lower case and never with a capital inside a sentence. Source: Kiss and
        Strunk 2006, section 4.1.1.
        """
        seen = self.learned.ortho(word.lower())
        only_at_starts = bool(seen & OrthoContext.LC) and not seen & OrthoContext.MID_UC
        return only_at_starts or word.lower() in self.learned.sent_starters


def load_punkt(language: str) -> PunktModel:
    """Punkt for this language, loaded once.

    Raises DocumentError for a language without sentence rules here.
    """
    return _loaded(require_language(language))


@cache
def _loaded(language: str) -> PunktModel:
    # Late: importing NLTK takes a second, and reading --help has no need of it.
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer

    learned = punkt.load_model(LANGUAGES[language])
    parameters = PunktParameters()
    parameters.abbrev_types = learned.abbrev_types
    parameters.collocations = learned.collocations
    parameters.sent_starters = learned.sent_starters
    parameters.ortho_context = Counts(learned.ortho_context)
    return PunktModel(language=language, tokenizer=PunktSentenceTokenizer(parameters), learned=learned)

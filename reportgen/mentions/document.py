"""The mentions of a whole document, whatever parts of it the model reads at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reportgen.documents import Document
from reportgen.mentions.pairs import MentionPairs, pair_mentions
from reportgen.mentions.resolving import Mentions, find_mentions
from reportgen.mentions.words import Word, find_words
from reportgen.sentences import Sentence
from reportgen.tokens import TokenisedText

ENGLISH = "en"
ENOUGH = 10  # later mentions: a mean over fewer says nothing


@dataclass(frozen=True, kw_only=True)
class DocumentMentions:
    """The mentions and words of a document; `absence` says why they are not measured, where that is so."""

    text: str
    words: tuple[Word, ...]
    mentions: Mentions
    absence: str | None

    def pairs(self, tokenised: TokenisedText) -> MentionPairs | None:
        """The pairs within a text that the model reads at once; None where mentions are not measured."""
        return None if self.absence else pair_mentions(self.mentions.found, self.words, self.text, tokenised)

    @property
    def later(self) -> int:
        """How many mentions have an earlier one of their entity."""
        return len(self.mentions.found) - len({mention.entity for mention in self.mentions.found})

    @property
    def counts(self) -> dict[str, int]:
        """For metadata."""
        pronouns = sum(mention.pronoun for mention in self.mentions.found)
        return {
            "names": len(self.mentions.found) - pronouns,
            "pronouns": pronouns,
            "entities": len({mention.entity for mention in self.mentions.found}),
            "later": self.later,
            "without_antecedent": self.mentions.without_antecedent,
        }


def mentions_of(document: Document, sentences: Sequence[Sentence]) -> DocumentMentions:
    """The document's mentions. They are not measured in another language than English, nor where fewer than 10 have an earlier one of their entity."""
    kinds = [block.kind for block in document.blocks]
    if document.language != ENGLISH:
        nothing = Mentions(found=(), without_antecedent=0)
        return DocumentMentions(
            text=document.text, words=(), mentions=nothing, absence=f"names and pronouns are found in English alone, not in {document.language!r}"
        )
    found = DocumentMentions(
        text=document.text, words=find_words(document.text, sentences, kinds), mentions=find_mentions(document.text, sentences, kinds), absence=None
    )
    if found.later >= ENOUGH:
        return found
    few = f"{found.later} mention{'' if found.later == 1 else 's'} of something named before"
    return DocumentMentions(text=found.text, words=(), mentions=found.mentions, absence=f"the text has {few} by the heuristic, and it takes {ENOUGH}")

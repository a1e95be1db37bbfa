"""The user's own sentences: a file with one on each line, or a JSON list of spans, held against the document exactly."""

import json
import os
from bisect import bisect
from collections.abc import Iterator, Sequence
from pathlib import Path

from reportgen.documents import Document
from reportgen.documents.decoding import decode
from reportgen.errors import DocumentError
from reportgen.sentences.asides import Span
from reportgen.sentences.splitting import Sentence

SHOWN = 40  # characters of the text where it differs


def read_sentences(path: str | os.PathLike, document: Document) -> tuple[Sentence, ...]:
    """The sentences in this file, as spans of the document: a `.json` file holds a list of [start, end], any other one sentence on each line.

    Lines are found in the document one after the other, white space aside; blank ones are skipped. The sentences have to cover the document but for white space. Each
    belongs to the block it starts in. Raises `DocumentError` that names the first line or span at fault.
    """
    name = Path(path).name
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise DocumentError(f"Cannot read the sentences in {name}: {error.strerror or error}.") from error
    if not data.strip():
        raise DocumentError(f"{name} holds no sentences: write one on each line, or leave out --sentences.")
    text = decode(data, name=name)
    spans = _json_spans(text, name, document) if Path(path).suffix.lower() == ".json" else _line_spans(text, name, document)
    return _in_blocks(list(spans), document)


def crossing_notice(sentences: Sequence[Sentence], document: Document) -> tuple[str, ...]:
    """Says which sentences reach beyond the block they start in; nothing where none does."""
    crossing = [index + 1 for index, sentence in enumerate(sentences) if sentence.end > document.blocks[sentence.block].end]
    if not crossing:
        return ()
    named = f"sentence {crossing[0]}" if len(crossing) == 1 else f"{len(crossing)} sentences (the first: {crossing[0]})"
    return (f"As given, {named} of {len(sentences)} reach beyond the block where they start; each counts as part of that block alone.",)


def _line_spans(text: str, name: str, document: Document) -> Iterator[Span]:
    """Where the lines stand in the document, which has to go on with each of them."""
    places = [place for place, character in enumerate(document.text) if not character.isspace()]
    solid = "".join(document.text.split())
    reached, last = 0, 0
    for number, line in enumerate(text.split("\n"), 1):
        wanted = "".join(line.split())
        if not wanted:
            continue
        if not solid.startswith(wanted, reached):
            raise DocumentError(_unlike(line, wanted, number, name, document.text, [*places[reached : reached + len(wanted)], len(document.text)]))
        yield places[reached], places[reached + len(wanted) - 1] + 1
        reached, last = reached + len(wanted), number
    if reached < len(solid):
        left = _shown(document.text, places[reached])
        raise DocumentError(
            f"The sentences in {name} end with line {last}, but the document goes on at character {places[reached]} with {left!r}: add what is missing."
        )


def _unlike(line: str, wanted: str, number: int, name: str, text: str, places: Sequence[int]) -> str:
    """What to say of a line that the document does not go on with; `places` are those of the document's characters that it would take, and its end."""
    same = next((count for count, place in enumerate(places[:-1]) if text[place] != wanted[count]), len(places) - 1)
    solid = [place for place, character in enumerate(line) if not character.isspace()]
    there = _shown(text, places[same]) if places[same] < len(text) else None
    expected = "the document ends" if there is None else f"the document goes on with {there!r}"
    return f"Line {number} of {name} has {_shown(line, solid[same])!r} where {expected} (character {places[same]}): sentences have to follow the document's text as it is read."


def _json_spans(text: str, name: str, document: Document) -> Iterator[Span]:
    """The spans in a JSON list, white space at their ends left off."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"{name} is not JSON ({error}): give a list of [start, end] in characters of the document.") from error
    if not isinstance(found, list):
        raise DocumentError(f"{name} holds no list: give a list of [start, end] in characters of the document.")
    reached = 0
    for number, span in enumerate(found, 1):
        start, end = _checked(span, number, name, reached, document.text)
        _require_blank(document.text, reached, start, f"before span {number} of {name}")
        yield start, end
        reached = end
    _require_blank(document.text, reached, len(document.text), f"after the last span of {name}")


def _checked(span: object, number: int, name: str, reached: int, text: str) -> Span:
    is_pair = isinstance(span, list) and len(span) == 2 and all(type(edge) is int for edge in span)
    if not is_pair:
        raise DocumentError(f"Span {number} of {name} is {span!s:.40}: give two whole numbers, [start, end].")
    start, end = span
    if not reached <= start < end <= len(text):
        raise DocumentError(
            f"Span {number} of {name} is [{start}, {end}]: spans have to be in order, without overlap, and end by {len(text)}; the one before ends at {reached}."
        )
    part = text[start:end]
    if not part.strip():
        raise DocumentError(f"Span {number} of {name}, [{start}, {end}], holds white space alone.")
    return start + len(part) - len(part.lstrip()), start + len(part.rstrip())


def _require_blank(text: str, start: int, end: int, where: str) -> None:
    between = text[start:end]
    if between.strip():
        place = start + len(between) - len(between.lstrip())
        raise DocumentError(f"{_shown(text[:end], place)!r} {where} (character {place}) is in no sentence: sentences have to cover all but white space.")


def _shown(text: str, place: int) -> str:
    """The text from there on, on one line and not all of it."""
    return " ".join(text[place : place + SHOWN].split())


def _in_blocks(spans: Sequence[Span], document: Document) -> tuple[Sentence, ...]:
    starts = [block.start for block in document.blocks]
    return tuple(Sentence(start=start, end=end, block=bisect(starts, start) - 1) for start, end in spans)

"""A document measured once more from its measurements alone: the text and what was asked for, as the file has them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reportgen.capture import MeasureOptions, measure
from reportgen.documents import Block, Document
from reportgen.documents.document import BETWEEN_BLOCKS
from reportgen.errors import MeasurementsError
from reportgen.folders import folder_digest
from reportgen.measurements import OWN, WRITTEN, Measurements
from reportgen.models import LanguageModel, refuse_another_model
from reportgen.sentences import Sentence
from reportgen.tokens.joining import cut_document

DECODERS = "decoder's text"


@dataclass(frozen=True, kw_only=True)
class AsMeasured:
    """The document that was measured, and what was asked for."""

    document: Document
    options: MeasureOptions


def measure_again(
    measurements: Measurements, model: LanguageModel, progress: Callable[[str, float], None] | None = None, *, syntax: str | None = None
) -> Measurements:
    """The measurements of the same document by the same model with the same options. Raises `ModelError` for another model, and as `as_measured` does."""
    refuse_another_model(model, measurements.metadata)
    found = as_measured(measurements, syntax)
    return measure(found.document, model, options=found.options, progress=progress)


def as_measured(measurements: Measurements, syntax: str | None = None) -> AsMeasured:
    """What was measured, with the sentences that were measured.

    Not in a file is the place of a spaCy pipeline that was a folder, which `syntax` names. Raises `MeasurementsError` where it does not, where the text is
    not the one whose checksum the file has, or blocks have no places, as in files of older versions.
    """
    metadata = measurements.metadata
    if "block_spans" not in metadata or "block_levels" not in metadata:
        raise MeasurementsError(
            "This measurements file does not say where the blocks of its text are, so it cannot be measured again; measure the document itself."
        )
    whole = _document(metadata, "", measurements.text, {name: metadata[name] for name in ("title", "source")})
    if whole.sha256 != metadata["sha256"]:
        raise MeasurementsError(f"The text of this measurements file is not the one that was measured: its sha256 is {whole.sha256}, not {metadata['sha256']}.")
    asked = metadata["options"]
    own, pair = _parted(measurements, whole, asked.get("pair"))
    if asked.get("pair", {}).get("role") == DECODERS:
        pair = _checked(_document(metadata, "target_", measurements.target_text, _named(asked["pair"])), asked["pair"])
    pipeline = _pipeline(metadata.get("syntax"), syntax)
    options = MeasureOptions(pair=pair, sentences=_sentences(measurements, own), syntax=pipeline, **_options(metadata))
    return AsMeasured(document=own.document, options=options)


def _options(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Those that are no texts. `stride` is words where none was asked for."""
    asked, stride = metadata["options"], metadata["options"].get("stride")
    return {
        "attribution": asked["attribution"],
        "probes": asked["probes"] is not None,
        "generate": asked["generate"]["tokens_at_most"] if "generate" in asked else None,
        "window": asked.get("window"),
        "stride": stride if isinstance(stride, int) else None,
        "memory": asked.get("memory"),
        "control": "control" in metadata,
        "target": metadata.get("target", {}).get("asked"),
        "chat": "chat" in asked,
        "level": metadata.get("level", "sentence"),
    }


def _pipeline(said: Mapping[str, Any] | None, place: str | None) -> str | None:
    """The spaCy pipeline that parsed the text: the one named in the file, or the same folder of this machine."""
    if said is None:
        if place is not None:
            raise MeasurementsError(f"The text of this measurements file was not parsed: leave out --syntax {place}.")
        return None
    if "sha256" not in said:
        return place or said["pipeline"]
    if place is None:
        raise MeasurementsError(
            f"The text was parsed by a spaCy pipeline in a folder, {said['pipeline']}, whose place is not in this file: name it with --syntax."
        )
    if not Path(place).is_dir() or folder_digest(Path(place)) != said["sha256"]:
        raise MeasurementsError(f"{place} is not the folder of the spaCy pipeline {said['pipeline']} that parsed the text: its files have another sha256.")
    return place


@dataclass(frozen=True, kw_only=True)
class _Own:
    """The document itself, and the character and block of the whole text that it begins with."""

    document: Document
    start: int
    block: int


def _parted(measurements: Measurements, whole: Document, pair: Mapping[str, str] | None) -> tuple[_Own, Document | None]:
    """The document as far as the model read it, without what it wrote after it, and apart from the second text that it was fed with."""
    parts = measurements.sentence_parts
    written = [int(block) for block, part in zip(measurements["sentence_blocks"], parts, strict=True) if part == WRITTEN]
    goes_on = "generate" in measurements.metadata["options"] and not measurements.target_text  # though it may have written white space alone
    before = _piece(whole, 0, written[0] if written else len(whole.blocks)) if goes_on else whole
    if pair is None or pair["role"] == DECODERS:
        return _Own(document=before if goes_on else cut_document(whole, _read(measurements)), start=0, block=0), None
    for border in range(1, len(before.blocks)):
        first, second = _piece(before, 0, border), _piece(before, border, len(before.blocks))
        own, other = (first, second) if parts[0] == OWN else (second, first)
        if other.sha256 == pair["sha256"] and before.text == first.text + BETWEEN_BLOCKS + second.text:
            place = (0, 0) if own is first else (before.blocks[border].start, border)
            return _Own(document=own, start=place[0], block=place[1]), replace(other, **_named(pair))
    raise MeasurementsError(
        f"The text of {pair['source']}, which was read beside the document, is not in this measurements file as it was given; measure both again."
    )


def _read(measurements: Measurements) -> int:
    """The end of what the model read of a text that the file has whole, in characters."""
    return max(int(measurements["token_spans"].max()), int(measurements["sentence_spans"].max()))


def _piece(document: Document, first: int, last: int) -> Document:
    """Blocks of a document, the last not included, as one of their own."""
    start, end = document.blocks[first].start, document.blocks[last - 1].end
    blocks = tuple(replace(block, start=block.start - start, end=block.end - start) for block in document.blocks[first:last])
    text = document.text[start:end]
    return replace(document, text=text, blocks=blocks, sha256=_digest(text))


def _sentences(measurements: Measurements, own: _Own) -> tuple[Sentence, ...]:
    spans, blocks = measurements["sentence_spans"].tolist(), measurements["sentence_blocks"].tolist()
    return tuple(
        Sentence(start=start - own.start, end=end - own.start, block=block - own.block)
        for (start, end), block, part in zip(spans, blocks, measurements.sentence_parts, strict=True)
        if part == OWN
    )


def _document(metadata: Mapping[str, Any], prefix: str, text: str, named: Mapping[str, str]) -> Document:
    """A text with the blocks that the metadata have of it, in the document's language unless it is named with another."""
    kinds, spans, levels = (metadata[f"{prefix}block_{name}"] for name in ("kinds", "spans", "levels"))
    blocks = tuple(Block(start=start, end=end, kind=kind, level=level) for kind, (start, end), level in zip(kinds, spans, levels, strict=True))
    return Document(text=text, blocks=blocks, sha256=_digest(text), **{"language": metadata["language"], **named})


def _checked(document: Document, pair: Mapping[str, str]) -> Document:
    if document.sha256 != pair["sha256"]:
        raise MeasurementsError(f"The text of {pair['source']} in this measurements file is not the one that was measured: its sha256 is {document.sha256}.")
    return document


def _named(pair: Mapping[str, str]) -> dict[str, str]:
    """What the file says of a second text; nothing of its language in files of older versions, and the document's is taken."""
    return {name: pair[name] for name in ("title", "source", "language") if name in pair}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()

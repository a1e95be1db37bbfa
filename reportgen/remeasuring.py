"""A document measured once more from its measurements alone: the text and what was asked for, as the file has them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from reportgen.capture import MeasureOptions, measure
from reportgen.documents import Block, Document
from reportgen.documents.document import BETWEEN_BLOCKS
from reportgen.errors import MeasurementsError
from reportgen.measurements import Measurements
from reportgen.models import LanguageModel, refuse_another_model
from reportgen.sentences import Sentence

OWN, GENERATED = "document", "generated"  # of `sentence_parts`
DECODERS = "decoder's text"
QUESTION = ("Question", "the question")  # title and source of a question that was given as one


@dataclass(frozen=True, kw_only=True)
class AsMeasured:
    """The document that was measured, and what was asked for."""

    document: Document
    options: MeasureOptions


def measure_again(measurements: Measurements, model: LanguageModel, progress: Callable[[str, float], None] | None = None) -> Measurements:
    """The measurements of the same document by the same model with the same options. Raises `ModelError` for another model, and as `as_measured` does."""
    refuse_another_model(model, measurements.metadata)
    found = as_measured(measurements)
    return measure(found.document, model, options=found.options, progress=progress)


def as_measured(measurements: Measurements) -> AsMeasured:
    """What was measured, with the sentences that were measured.

    Not in a file are the language of a second text, for which the document's is taken, and the place of a spaCy pipeline that was a folder. Raises
    `MeasurementsError` where the text is not the one whose checksum the file has, or blocks have no places, as in files of older versions.
    """
    metadata = measurements.metadata
    if "block_spans" not in metadata or "block_levels" not in metadata:
        raise MeasurementsError(
            "This measurements file does not say where the blocks of its text are, so it cannot be measured again; measure the document itself."
        )
    whole = _document(metadata, "", measurements.text, title=metadata["title"], source=metadata["source"])
    if whole.sha256 != metadata["sha256"]:
        raise MeasurementsError(f"The text of this measurements file is not the one that was measured: its sha256 is {whole.sha256}, not {metadata['sha256']}.")
    asked = metadata["options"]
    own, pair = _parted(measurements, whole, asked.get("pair"))
    if asked.get("pair", {}).get("role") == DECODERS:
        pair = _checked(_document(metadata, "target_", measurements.target_text, **_named(asked["pair"])), asked["pair"])
    given = pair is not None and (pair.title, pair.source) == QUESTION
    options = MeasureOptions(
        pair=None if given else pair,
        question=pair.text if pair is not None and given else None,
        sentences=_sentences(measurements, own),
        **_options(metadata),
    )
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
        "syntax": metadata["syntax"]["pipeline"] if "syntax" in metadata else None,
        "memory": asked.get("memory"),
        "control": "control" in metadata,
        "target": metadata.get("target", {}).get("asked"),
        "chat": "chat" in asked,
        "level": metadata.get("level", "sentence"),
    }


@dataclass(frozen=True, kw_only=True)
class _Own:
    """The document itself, and the character and block of the whole text that it begins with."""

    document: Document
    start: int
    block: int


def _parted(measurements: Measurements, whole: Document, pair: Mapping[str, str] | None) -> tuple[_Own, Document | None]:
    """The document without what the model wrote after it, and apart from the second text that it was fed with."""
    parts = measurements.metadata.get("sentence_parts", [])
    written = [int(block) for block, part in zip(measurements["sentence_blocks"], parts, strict=False) if part == GENERATED]
    before = _piece(whole, 0, written[0]) if written else whole
    if pair is None or pair["role"] == DECODERS:
        return _Own(document=before, start=0, block=0), None
    for border in range(1, len(before.blocks)):
        first, second = _piece(before, 0, border), _piece(before, border, len(before.blocks))
        own, other = (first, second) if parts[0] == OWN else (second, first)
        if other.sha256 == pair["sha256"] and before.text == first.text + BETWEEN_BLOCKS + second.text:
            place = (0, 0) if own is first else (before.blocks[border].start, border)
            return _Own(document=own, start=place[0], block=place[1]), replace(other, **_named(pair))
    raise MeasurementsError(
        f"The text of {pair['source']}, which was read beside the document, is not in this measurements file as it was given; measure both again."
    )


def _piece(document: Document, first: int, last: int) -> Document:
    """Blocks of a document, the last not included, as one of their own."""
    start, end = document.blocks[first].start, document.blocks[last - 1].end
    blocks = tuple(replace(block, start=block.start - start, end=block.end - start) for block in document.blocks[first:last])
    text = document.text[start:end]
    return replace(document, text=text, blocks=blocks, sha256=_digest(text))


def _sentences(measurements: Measurements, own: _Own) -> tuple[Sentence, ...]:
    spans, blocks = measurements["sentence_spans"].tolist(), measurements["sentence_blocks"].tolist()
    parts = measurements.metadata.get("sentence_parts", [OWN] * len(spans))
    return tuple(
        Sentence(start=start - own.start, end=end - own.start, block=block - own.block)
        for (start, end), block, part in zip(spans, blocks, parts, strict=True)
        if part == OWN
    )


def _document(metadata: Mapping[str, Any], prefix: str, text: str, *, title: str, source: str) -> Document:
    """A text with the blocks that the metadata have of it."""
    kinds, spans, levels = (metadata[f"{prefix}block_{name}"] for name in ("kinds", "spans", "levels"))
    blocks = tuple(Block(start=start, end=end, kind=kind, level=level) for kind, (start, end), level in zip(kinds, spans, levels, strict=True))
    return Document(title=title, text=text, source=source, blocks=blocks, sha256=_digest(text), language=metadata["language"])


def _checked(document: Document, pair: Mapping[str, str]) -> Document:
    if document.sha256 != pair["sha256"]:
        raise MeasurementsError(f"The text of {pair['source']} in this measurements file is not the one that was measured: its sha256 is {document.sha256}.")
    return document


def _named(pair: Mapping[str, str]) -> dict[str, str]:
    return {"title": pair["title"], "source": pair["source"]}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()

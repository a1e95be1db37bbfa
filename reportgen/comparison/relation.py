"""What two files are to each other: what is the same in both, and what therefore can be compared and what cannot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from reportgen.comparison.aligning import GONE, NEW, Match, align_spans, align_versions, in_order
from reportgen.comparison.texts import Read, kinds_of_reading, read_of, said_beside, said_of_decoders, same_decoder
from reportgen.errors import ComparisonError
from reportgen.measurements import Measurements
from reportgen.units import LEVELS

MODELS, VERSIONS, REPEATED = "two models on one document", "two versions of a document on one model", "one document on one model, measured twice"
BESIDE = "one document on one model, read with"  # two questions, or one in one file alone; two texts that the decoder reads

NO_IDENTITY = ("given by the caller", "unknown revision")  # a file's revision where its weights have no name


@dataclass(frozen=True, kw_only=True)
class Note:
    """What cannot be compared, or only with care, and why; `about` names the part of the page that it stands in."""

    about: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Relation:
    """How two files stand to each other. Heads are one to one where `same_model`; token scores count the same tokens where `same_tokens`.

    With `same_units` these tokens are in the same sentences, too; with `same_arrays` both files hold the same kinds of numbers. The text is the document with what
    was read beside it; `beside` and `decoders` say what differs of that, and of what decoders read, empty where nothing does. `same_decoder` is of their numbers, too.
    """

    kind: str
    same_document: bool
    same_text: bool
    beside: str
    decoders: str
    same_decoder: bool
    same_model: bool
    same_tokens: bool
    same_units: bool
    same_level: bool
    both_causal: bool
    same_mask: bool
    windowed: bool
    same_arrays: bool

    @property
    def other_units(self) -> bool:
        """Whether one text is cut into other sentences, or one file is of paragraphs or sections."""
        return not self.same_level or (self.same_tokens and not self.same_units)


def relate(a: Measurements, b: Measurements) -> Relation:
    """Raises `ComparisonError` where both texts and model differ: no difference could then be told from the other."""
    one, other = read_of(a), read_of(b)
    same_text = one.given == other.given or (a.metadata["sha256"] == b.metadata["sha256"] and shared_start(a.text, b.text) > 0)
    named = ("model",) if a.metadata["revision"] in NO_IDENTITY else ()
    same_model = all(a.metadata[name] == b.metadata[name] for name in ("revision", "family", "layers", "heads", *named))
    if not same_text and not same_model:
        raise ComparisonError(
            f"The files differ both in {_differing(a, b)} and in the model ({a.metadata['model']}, {b.metadata['model']}), "
            "so that no difference could be told from the other: compare two models on the same texts, or other texts on one model."
        )
    stacks, decoders = (a.stack, b.stack), said_of_decoders(a, b)
    same_tokens = a.text == b.text and all(np.array_equal(a[name], b[name]) for name in ("token_ids", "token_spans"))
    return Relation(
        kind=MODELS if not same_model else _of_two_texts(one, other) if not same_text else f"{BESIDE} two texts of the decoder" if decoders else REPEATED,
        same_document=same_text or one.document == other.document,
        same_text=same_text,
        beside=said_beside(one, other),
        decoders=decoders,
        same_decoder=same_decoder(a, b),
        same_model=same_model,
        same_tokens=same_tokens,
        same_units=same_tokens and np.array_equal(a["token_sentences"], b["token_sentences"]),
        same_level=level_of(a) == level_of(b),
        both_causal=stacks == ("decoder", "decoder"),
        same_mask=stacks[0] == stacks[1],
        windowed=bool(a.windows or b.windows),
        same_arrays=set(a.arrays) == set(b.arrays),
    )


def _of_two_texts(one: Read, other: Read) -> str:
    """The kind of two files of one model whose texts differ."""
    return f"{BESIDE} {kinds_of_reading(one, other)}" if one.document == other.document and one.beside != other.beside else VERSIONS


def _differing(a: Measurements, b: Measurements) -> str:
    """What of the texts differs, by name."""
    one, other = read_of(a), read_of(b)
    if one.document != other.document:
        return f"the document ({a.metadata['title']!r}, {b.metadata['title']!r})"
    said = said_beside(one, other)
    return f"the text read beside the document ({said})" if said else "the order of the document and the text read beside it"


def shared_start(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    return next((place for place, (here, there) in enumerate(zip(one, other, strict=False)) if here != there), min(len(one), len(other)))


def level_of(measurements: Measurements) -> str:
    """What the file's units are called."""
    return measurements.metadata.get("level", LEVELS[0])


def align(relation: Relation, a: Measurements, b: Measurements) -> tuple[Match, ...]:
    """Every sentence of both files in one match: of one text by place, of two versions by words."""
    if not relation.same_text:
        return align_versions(a.sentences, b.sentences)
    shared = shared_start(a.text, b.text)
    within = [spans[spans[:, 1] <= shared] for spans in (a["sentence_spans"], b["sentence_spans"])]
    matches = align_spans(*within)
    rest = [tuple(range(len(spans), len(of["sentence_spans"]))) for spans, of in zip(within, (a, b), strict=True)]
    gone = [Match(kind=GONE, a=(place,), b=(), likeness=0.0) for place in rest[0]]
    return in_order([*matches, *gone, *(Match(kind=NEW, a=(), b=(place,), likeness=0.0) for place in rest[1])])


def same_start(a: Measurements, b: Measurements) -> int:
    """How many sentences from the first on have the same tokens in both files, and nothing but the same tokens before them."""
    one, other = a["token_ids"], b["token_ids"]
    size = min(len(one), len(other))
    alike = (one[:size] == other[:size]) & (a["token_sentences"][:size] == b["token_sentences"][:size])
    tokens = size if alike.all() else int(alike.argmin())
    ends = [np.flatnonzero(of["token_sentences"] >= 0) for of in (a, b)]
    last = [
        int(of["token_sentences"][place[place >= tokens][0]]) if (place >= tokens).any() else len(of["sentence_spans"])
        for of, place in zip((a, b), ends, strict=True)
    ]
    return min(last)


def notes_of(relation: Relation, a: Measurements, b: Measurements) -> Iterator[Note]:
    """What is to be said before any number: what differs between the files beside what is compared."""
    yield from _of_text(relation, a, b)
    yield from _of_runs(relation, a, b)
    if not relation.same_mask:
        yield Note(
            about="matrices",
            text=(
                f"A is read by {_way(a)}, B by {_way(b)}. Cells that one of them never computes are left out; the rest is compared by lift over even attention "
                "among the keys that each can see, since shares of rows of unequal length are not comparable."
            ),
        )
    if relation.windowed:
        yield Note(
            about="matrices",
            text="One of the files was read in windows: pairs of sentences that no window of it holds together have no number and are left out.",
        )
    if "cross" in {stack.split(".")[0] for of in (a, b) for stack in of.arrays if stack.startswith("cross.")}:
        yield Note(
            about="matrices",
            text="Of encoder-decoders the encoder is compared; what the decoder writes and cross-attention are not, and stand in the reports of each.",
        )


def _way(measurements: Measurements) -> str:
    return "a bidirectional encoder" if measurements.stack == "encoder" else "a causal decoder"


def _of_text(relation: Relation, a: Measurements, b: Measurements) -> Iterator[Note]:
    if not relation.same_level:
        yield Note(
            about="text",
            text=(
                f"A is measured by {level_of(a)}, B by {level_of(b)}: what is compared are the smallest stretches of text that are whole in both. Shares of a longer "
                "stretch are the mean over its tokens that look and the sum over those looked at, which is exact."
            ),
        )
    if relation.same_text and a.text != b.text:
        yield Note(about="text", text="The files hold one document and different texts after it; what follows the document has no counterpart and is left out.")
    if relation.beside and not relation.same_document:
        yield Note(about="text", text=f"Not only the documents differ: {relation.beside}. What comes of the one cannot be told from what comes of the other.")
    if relation.same_text and relation.same_model and not relation.decoders and not relation.same_decoder:
        yield Note(about="text", text="The numbers of the decoder and of cross-attention differ, which are not compared.")
    if relation.same_text and not relation.same_tokens:
        counts = " and ".join(f"{len(of['token_ids']):,}" for of in (a, b))
        yield Note(
            about="text",
            text=f"The text is cut into {counts} tokens: numbers that count tokens (distance, attention within 3 tokens, entropy) count other units in A than in B.",
        )


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {inner[:8] if name == 'sha256' else inner}" for name, inner in value.items())
    return "none" if value is None else str(value)


def _of_runs(relation: Relation, a: Measurements, b: Measurements) -> Iterator[Note]:
    """Number types, options and versions of libraries that differ."""
    one, other = a.metadata, b.metadata
    if relation.same_model and one["revision"] in NO_IDENTITY:
        yield Note(about="text", text=f"The files do not say which weights were measured; both say {one['model']}, and are taken for the same model.")
    ways = [f"in {of['dtype']} on {of['device']}" for of in (one, other)]
    if relation.same_model and ways[0] != ways[1]:
        yield Note(about="text", text=f"A was computed {ways[0]}, B {ways[1]}: small differences everywhere may be those of rounding.")
    options = sorted(name for name in one["options"].keys() | other["options"].keys() if one["options"].get(name) != other["options"].get(name))
    if options:
        said = "; ".join(f"{name}: {_said(one['options'].get(name))} in A, {_said(other['options'].get(name))} in B" for name in options)
        yield Note(about="text", text=f"Options differ: {said}.")
    libraries = sorted(name for name in one["libraries"].keys() & other["libraries"].keys() if one["libraries"][name] != other["libraries"][name])
    if libraries:
        said = "; ".join(f"{name} {one['libraries'][name]} and {other['libraries'][name]}" for name in libraries)
        yield Note(about="text", text=f"Libraries differ: {said}.")

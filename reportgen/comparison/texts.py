"""What the models of two files read beside the document, and what their decoders read: whether it is the same, and in what words it is not."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

import numpy as np

from reportgen.measurements import OWN, WRITTEN, Measurements

NAMES = {"question": "question", "pair": "second text"}
OF_DECODER = ("target_", "decoder.", "cross.")
QUOTED = 120  # characters of a text


@dataclass(frozen=True, kw_only=True)
class Read:
    """The document, and the question or second text beside it, without their white space but one space between words; empty for none. `name` is what the second one is.

    `given` is all that the model did not write itself.
    """

    document: str
    beside: str
    name: str
    given: str


def read_of(measurements: Measurements) -> Read:
    """The parts of a file's text."""
    text, spans = measurements.text, measurements["sentence_spans"]
    parts = np.array(measurements.sentence_parts)
    beside = ~np.isin(parts, (OWN, WRITTEN))
    return Read(
        document=_words(text, spans[parts == OWN]),
        beside=_words(text, spans[beside]),
        name=next((NAMES.get(part, "second text") for part in parts[beside].tolist()), ""),
        given=text[: int(spans[parts != WRITTEN, 1].max(initial=0))] if (parts == WRITTEN).any() else text,
    )


def _words(text: str, spans: np.ndarray) -> str:
    return " ".join(text[spans[0, 0] : spans[-1, 1]].split()) if len(spans) else ""


def kinds_of_reading(a: Read, b: Read) -> str:
    """With what the document was read where that differs: two questions, or one in one file alone."""
    name = a.name or b.name
    return f"two {name}s" if a.beside and b.beside else f"and without a {name}"


def said_beside(a: Read, b: Read) -> str:
    """What was read beside the document where it is not the same; empty where it is."""
    if a.beside == b.beside:
        return ""
    name = a.name or b.name
    if a.beside and b.beside:
        return f"the {name} is {quoted(a.beside)} in A and {quoted(b.beside)} in B"
    return f"the {name} {quoted(a.beside or b.beside)} is in {'A' if a.beside else 'B'} alone"


def said_of_decoders(a: Measurements, b: Measurements) -> str:
    """What decoders read where that is not the document, and is not the same; empty where it is."""
    if a.target_text == b.target_text or (a.target_text, b.target_text) == (a.text, b.text):
        return ""
    return f"The decoder reads {_or_nothing(a.target_text)} in A and {_or_nothing(b.target_text)} in B."


def same_decoder(a: Measurements, b: Measurements) -> bool:
    """Whether what a decoder read beside an encoder, and every number about it, is the same bit by bit; also where there is no such decoder."""
    texts = a.target_text, b.target_text
    if not any(texts):
        return True
    names = [{name for name in of.arrays if name.rpartition("/")[2].startswith(OF_DECODER)} for of in (a, b)]
    return texts[0] == texts[1] and names[0] == names[1] and all(_same_bits(a.arrays[name], b.arrays[name]) for name in sorted(names[0]))


def _same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    return (one.dtype, one.shape) == (other.dtype, other.shape) and one.tobytes() == other.tobytes()


def quoted(text: str) -> str:
    """On one line in quotation marks, cut where it is long."""
    return f"“{textwrap.shorten(text, QUOTED, placeholder=' …')}”"


def _or_nothing(text: str) -> str:
    return quoted(text) if text.strip() else "nothing"

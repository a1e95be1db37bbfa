"""Where each token stands in the text of its sentence, as a browser counts characters, and what is shown of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from reportgen.analyses.even_attention import even_attention
from reportgen.analyses.sinks import LEAST_LIFT, LEAST_SHARE
from reportgen.characters import clean_text
from reportgen.measurements import Measurements

AROUND = 24  # characters of its sentence on either side of a token
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenPlaces:
    """The sentence of each token, -1 for none, and where it starts and ends in the sentence's text without its unprintable characters.

    Places count UTF-16 units, as browsers do. Tokens that are parts of one character all stand for the whole of it; what a token has outside its sentence is cut off.
    """

    sentences: Int[np.ndarray, " token"]
    starts: Int[np.ndarray, " token"]
    ends: Int[np.ndarray, " token"]


@dataclass(frozen=True, kw_only=True)
class InContext:
    """A token as it stands in its sentence, with a few words on either side; both are empty for a token of no sentence."""

    before: str
    token: str
    after: str


@dataclass(frozen=True, kw_only=True)
class Sink:
    """A token that draws attention whatever looks: the first one, one that was added to the text, and those that are sinks by what they collect.

    `kind` is "first", "added" or "collects"; `layer` is the first in which it collects as a sink does, None where it does not or that is not known.
    """

    token: int
    kind: str
    layer: int | None


def token_places(measurements: Measurements) -> TokenPlaces:
    """The places of all tokens. Memory: three numbers for each."""
    members, spans = measurements["token_sentences"], measurements["token_spans"]
    places = np.zeros_like(spans)
    for sentence, (start, end) in enumerate(measurements["sentence_spans"].tolist()):
        own = np.flatnonzero(members == sentence)
        places[own] = _units(measurements.text[start:end])[np.clip(spans[own], start, end) - start]
    return TokenPlaces(sentences=members, starts=places[:, 0], ends=places[:, 1])


def _units(text: str) -> Int[np.ndarray, " edge"]:
    """How many UTF-16 units of the clean text come before each character of the text, and before its end."""
    if text.isascii() and clean_text(text) == text:
        return np.arange(len(text) + 1)
    sizes = np.array([len(clean_text(letter).encode("utf-16-le")) // 2 for letter in text], np.int64)
    sizes[[place for place in range(1, len(text)) if text[place - 1 : place + 1] == "\r\n"]] = 0
    return np.concatenate([[0], np.cumsum(sizes)])


def in_context(measurements: Measurements, token: int, text: str) -> InContext:
    """A token between what stands next to it in its sentence; `text` is what is shown of it where that is white space or nothing."""
    sentence = int(measurements["token_sentences"][token])
    if sentence < 0:
        return InContext(before="", token=text, after="")
    first, last = measurements["sentence_spans"][sentence].tolist()
    start, end = np.clip(measurements["token_spans"][token], first, last).tolist()
    own = measurements.text[start:end]
    before = measurements.text[max(first, start - AROUND) : start] + own[: len(own) - len(own.lstrip())]
    return InContext(
        before=(ELLIPSIS if start - AROUND > first else "") + before,
        token=own.strip() or text,
        after=measurements.text[end : min(last, end + AROUND)] + (ELLIPSIS if end + AROUND < last else ""),
    )


def find_sinks(measurements: Measurements) -> tuple[Sink, ...]:
    """The sinks in the order of the text: by their place, or by the rule of `sinks` where it is known what each token collects."""
    spans = measurements["token_spans"]
    added, layers = spans[:, 0] == spans[:, 1], _sink_layers(measurements)
    chosen = np.flatnonzero(added | (layers >= 0) | (np.arange(len(spans)) == 0)).tolist()
    kinds = {token: "added" if added[token] else "first" if token == 0 else "collects" for token in chosen}
    return tuple(Sink(token=token, kind=kinds[token], layer=int(layers[token]) if layers[token] >= 0 else None) for token in chosen)


def _sink_layers(measurements: Measurements) -> Int[np.ndarray, " token"]:
    """The first layer in which each token collects a sink's share of attention, -1 for none."""
    if "*.token_influence_total" not in measurements:
        return np.full(len(measurements["token_spans"]), -1)
    collected = measurements["*.token_influence_total"].astype(float)
    found = _collects(collected / collected.sum(1, keepdims=True), measurements)
    return np.where(found.any(0), found.argmax(0), -1)


def _collects(share: Float[np.ndarray, "layer token"], measurements: Measurements) -> Bool[np.ndarray, "layer token"]:
    even = even_attention(measurements)
    return share >= np.maximum(LEAST_SHARE, LEAST_LIFT * (even.by_token() if even else 0))

"""One pair of sentences in one head, as a measurements file knows it: where it was read, what was fed there, and what was found."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from reportgen.errors import SelectionError
from reportgen.measurements import STACKS, MeasuredWindow, Measurements

Head = tuple[int, int] | Literal["mean"]  # layer and head, or the mean over all of them
NUMBERS = re.compile(r"\s*([0-9]{1,9})\s*,\s*([0-9]{1,9})\s*")
LAYER_AND_HEAD = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})")
NUMBERED = "numbered from 1 as on the page"


@dataclass(frozen=True, kw_only=True, eq=False)
class ReadText:
    """A text as the model read it, the document's or one window's: tokens, the characters they stand for, and the document's sentence each lies in."""

    text: str
    ids: Int[np.ndarray, " token"]
    spans: Int[np.ndarray, "token 2"]
    sentence_of_token: Int[np.ndarray, " token"]
    types: Int[np.ndarray, " token"] | None = None

    def tokens_of(self, sentence: int) -> Int[np.ndarray, " token"]:
        """The positions of a sentence's tokens."""
        return np.flatnonzero(self.sentence_of_token == sentence)

    def words(self, tokens: Int[np.ndarray, " token"]) -> tuple[str, ...]:
        """The characters that each of these tokens stands for."""
        return tuple(self.text[start:end] for start, end in self.spans[tokens].tolist())


@dataclass(frozen=True, kw_only=True, eq=False)
class SentencePair:
    """A query sentence and a key sentence in a stack, sentences counted from 0, in one head or in the mean over all.

    `source` and `target` are what the model was fed where the pair was read (`target` for encoder-decoders only), `window` is that window's number from 0.
    `mass` is the measured `sentence_attention`, stored as `kind`.
    """

    stack: str
    query: int
    key: int
    head: Head
    layers: int
    source: ReadText
    target: ReadText | None
    window: int | None
    mass: float
    kind: str
    query_sentence: str
    key_sentence: str

    @property
    def queries(self) -> ReadText:
        """The text whose tokens look."""
        return self.source if self.target is None or self.stack == "encoder" else self.target

    @property
    def keys(self) -> ReadText:
        """The text whose tokens are looked at."""
        return self.target if self.target is not None and self.stack == "decoder" else self.source

    @property
    def wanted_layers(self) -> tuple[int, ...]:
        """The layers that have to be read, in order."""
        return tuple(range(self.layers)) if self.head == "mean" else (self.head[0],)


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenWeights:
    """The attention weights of every query token of one sentence on every key token of another: `weights[q, k]`, float32, in one head or the mean over all.

    `query_tokens` and `key_tokens` are positions in what the model read (a window of a long document), `query_words` and `key_words` what they
    stand for. `mass` is the mean over queries of the sum over keys; the measurements file has `pair.mass`.
    """

    pair: SentencePair
    query_tokens: Int[np.ndarray, " query"]
    key_tokens: Int[np.ndarray, " key"]
    query_words: tuple[str, ...]
    key_words: tuple[str, ...]
    weights: Float[np.ndarray, "query key"]
    mass: float


def parse_pair(words: str) -> tuple[int, int]:
    """The sentences, counted from 0, of a reader's `12,3`: query and key, counted from 1. Raises `SelectionError`."""
    found = NUMBERS.fullmatch(words)
    if found is None or 0 in (int(found[1]), int(found[2])):
        raise SelectionError(f"{words!r} is no pair of sentences: give two numbers such as 12,3, the sentence that looks and the one looked at, {NUMBERED}.")
    return int(found[1]) - 1, int(found[2]) - 1


def parse_head(words: str) -> Head:
    """The layer and head, counted from 0, of a reader's `18.6`, or `mean`. Raises `SelectionError`."""
    found = LAYER_AND_HEAD.fullmatch(words.strip())
    if found is None and words.strip() != "mean":
        raise SelectionError(f"{words!r} is no head: give layer.head such as 18.6, both counted from 0, or mean for the mean over all layers and heads.")
    return "mean" if found is None else (int(found[1]), int(found[2]))


def find_pair(measurements: Measurements, pair: tuple[int, int], head: Head, stack: str | None = None) -> SentencePair:
    """The pair in the file; sentences, layers and heads are counted from 0. `stack` may be left out where the model has one only.

    A windowed document's pair is that of the first window that read both sentences, as in the view of the whole document. Raises `SelectionError` when
    there is no such stack, sentence or head, when no window read both, and when the mask hides one sentence from the other.
    """
    stack = _chosen_stack(measurements, stack)
    _refuse_sentences_out_of_range(measurements, pair, stack)
    index, window = _window_of(measurements, pair)
    arrays, first = (measurements.arrays, 0) if window is None else (window.arrays, window.first)
    place = (pair[0] - first, pair[1] - first)
    attention = arrays[f"{stack}.sentence_attention"]
    _refuse_heads_out_of_range(head, attention.shape[0], attention.shape[1], stack)
    _refuse_what_is_hidden(arrays[f"{stack}.sentence_expected"], place, pair, head, stack)
    found = attention[:, :, place[0], place[1]] if head == "mean" else attention[(*head, *place)]
    return SentencePair(
        stack=stack,
        query=pair[0],
        key=pair[1],
        head=head,
        layers=attention.shape[0],
        source=_text_of(measurements.text, arrays, "", first),
        target=_text_of(measurements.target_text, arrays, "target_", 0) if "target_token_ids" in arrays else None,
        window=index,
        mass=float(found.mean(dtype=np.float64)),
        kind=attention.dtype.name,
        query_sentence=_sentences(measurements, stack, of_queries=True)[pair[0]],
        key_sentence=_sentences(measurements, stack, of_queries=False)[pair[1]],
    )


def stacks_of(measurements: Measurements) -> dict[str, tuple[int, int]]:
    """Layers and heads of each stack in the file."""
    names = {stack: [f"{prefix}{stack}.sentence_attention" for prefix in ("", "window0/")] for stack in STACKS}
    stored = {stack: next((name for name in found if name in measurements.arrays), None) for stack, found in names.items()}
    return {stack: measurements.arrays[name].shape[:2] for stack, name in stored.items() if name}


def _chosen_stack(measurements: Measurements, stack: str | None) -> str:
    there = list(stacks_of(measurements))
    if stack is None and len(there) > 1:
        raise SelectionError(f"The model has several stacks of attention, {', '.join(there)}: name one with --stack.")
    if stack is not None and stack not in there:
        raise SelectionError(f"There is no stack {stack!r} in this measurements file; it holds {', '.join(there)}.")
    return stack or there[0]


def _sentences(measurements: Measurements, stack: str, *, of_queries: bool) -> tuple[str, ...]:
    """The sentences on one axis of a stack's matrices: in encoder-decoders the decoder's are those of the text it read."""
    of_target = "target_token_ids" in measurements.arrays and (stack == "decoder" or (stack == "cross" and of_queries))
    return measurements.target_sentences if of_target else measurements.sentences


def _refuse_sentences_out_of_range(measurements: Measurements, pair: tuple[int, int], stack: str) -> None:
    for role, sentence, of_queries in (("query", pair[0], True), ("key", pair[1], False)):
        sentences = len(_sentences(measurements, stack, of_queries=of_queries))
        if not 0 <= sentence < sentences:
            raise SelectionError(f"There is no {role} sentence {sentence + 1} in the {stack}: its {sentences} sentences are {NUMBERED}.")


def _window_of(measurements: Measurements, pair: tuple[int, int]) -> tuple[int | None, MeasuredWindow | None]:
    windows = measurements.windows
    if not windows:
        return None, None
    for index, window in enumerate(windows):
        if window.first <= min(pair) and max(pair) < window.last:
            return index, window
    raise SelectionError(f"Sentences {pair[0] + 1} and {pair[1] + 1} were never read together: none of the {len(windows)} windows holds both.")


def _refuse_heads_out_of_range(head: Head, layers: int, heads: int, stack: str) -> None:
    if head != "mean" and not (0 <= head[0] < layers and 0 <= head[1] < heads):
        said = f"There is no head {head[0]}.{head[1]} in the {stack}"
        raise SelectionError(f"{said}: it has layers 0 to {layers - 1} of heads 0 to {heads - 1}, named layer.head.")


def _refuse_what_is_hidden(expected: np.ndarray, place: tuple[int, int], pair: tuple[int, int], head: Head, stack: str) -> None:
    """`expected` is what even attention over the visible keys would give: 0 where none is visible."""
    seen = expected[..., place[0], place[1]]
    if not (seen.max() if head == "mean" or not seen.ndim else seen[head[0]]) > 0:
        where = f"the {stack}'s mask" if head == "mean" or not seen.ndim else f"the mask of layer {head[0]} of the {stack}"
        raise SelectionError(f"Sentence {pair[0] + 1} cannot look at sentence {pair[1] + 1}: {where} hides all of it, so there are no weights.")


def _text_of(text: str, arrays: Mapping[str, np.ndarray], prefix: str, first: int) -> ReadText:
    members = arrays[f"{prefix}token_sentences"]
    return ReadText(
        text=text,
        ids=arrays[f"{prefix}token_ids"],
        spans=arrays[f"{prefix}token_spans"],
        sentence_of_token=np.where(members < 0, -1, members + first),
        types=arrays[f"{prefix}token_types"] if f"{prefix}token_types" in arrays else None,
    )

"""How many queries of each sentence a score of heads is over: what its values by sentence are weighted with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from reportgen.contract.rows import LEFT
from reportgen.measurements import Measurements


def queries_counted(measurements: Measurements, score: str, stack: str | None = None, offset: int = 0) -> Float[np.ndarray, " sentence"]:
    """How many queries of each sentence a score is the mean over, such as `induction` or `locality_without_sink`, in a stack (by default the document's own).

    The score is the mean of its values by sentence with these weights; of `fixed_offset` those at the `offset`. For `rare_token`, a lift, they are the sums over the queries of what is expected of
    them, the mean over layers where these see different keys. Read off the tokens: special tokens are those that stand for no characters, and a query
    counts without the sink where it sees another key than sinks, though all its weight may have gone to them.
    """
    stack = stack or measurements.stack
    rows = np.zeros(_sentences(measurements, stack))
    for text in _texts(measurements, stack):
        chosen = text.counted & _has_value(score.removesuffix(LEFT), score.endswith(LEFT), text, stack, offset)
        np.add.at(rows, text.sentence[chosen], 1.0)
    if not score.startswith("rare_token"):
        return rows
    expected = measurements[f"{stack}.rare_token_expected{LEFT if score.endswith(LEFT) else ''}_by_sentence"].mean(0, dtype=np.float64)
    return np.where(rows > 0, rows * np.nan_to_num(expected), 0.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Text:
    """What was read at once: the document or a window. `sentence` is the document's; `counted` marks the queries in sentences that count here."""

    ids: Int[np.ndarray, " token"]
    sentence: Int[np.ndarray, " token"]
    counted: Bool[np.ndarray, " token"]
    sinks: Bool[np.ndarray, " token"]


def _text(arrays: Mapping[str, np.ndarray], prefix: str = "", first: int = 0, own: int = 0) -> _Text:
    ids, members, spans = (arrays[f"{prefix}{name}"] for name in ("token_ids", "token_sentences", "token_spans"))
    sinks = (members < 0) & (spans[:, 0] >= spans[:, 1])
    sinks[0] = True
    sentence = np.where(members >= 0, members + first, -1)
    return _Text(ids=ids, sentence=sentence, counted=(members >= 0) & (sentence >= own), sinks=sinks)


def _texts(measurements: Measurements, stack: str) -> Iterator[_Text]:
    """The text whose tokens look, or each of its windows."""
    own = 0
    for window in measurements.windows:
        yield _text(window.arrays, first=window.first, own=own)
        own = window.last
    if not measurements.windows:
        yield _text(measurements.arrays, _prefix(measurements, stack))


def _prefix(measurements: Measurements, stack: str) -> str:
    """What the names of the text's arrays begin with: the decoder of an encoder-decoder reads a text of its own."""
    return "target_" if stack != "encoder" and "target_token_ids" in measurements.arrays else ""


def _sentences(measurements: Measurements, stack: str) -> int:
    return len(measurements.arrays[f"{_prefix(measurements, stack)}sentence_spans"])


def _has_value(score: str, without_sink: bool, text: _Text, stack: str, offset: int) -> Bool[np.ndarray, " token"]:
    """The queries that the score is defined for."""
    place = np.arange(len(text.ids))
    seen = _keys_seen(text, stack, without_sink)
    match score:
        case "first_token" | "previous_token":
            chosen = place >= 1
        case "next_token":
            chosen = place < len(place) - 1
        case "fixed_offset":
            chosen = (place >= offset) & (place - offset < len(place))
        case "relative_entropy":
            chosen = seen > 1
        case "duplicate_token" | "induction":
            chosen = place > _first_copies(text.ids)
        case _:
            chosen = place >= 0
    return chosen & (seen > 0)


def _first_copies(ids: Int[np.ndarray, " token"]) -> Int[np.ndarray, " token"]:
    """Where each token's id stands first."""
    _, first, kind = np.unique(ids, return_index=True, return_inverse=True)
    return first[kind]


def _keys_seen(text: _Text, stack: str, without_sink: bool) -> Int[np.ndarray, " token"]:
    """How many keys each query sees, of those that are looked at: a decoder's own and those before it, an encoder's all; a source of any length is enough for two."""
    looked_at = ~text.sinks if without_sink else np.ones(len(text.ids), bool)
    if stack == "cross":
        return np.full(len(text.ids), 2)
    return np.cumsum(looked_at) if stack == "decoder" else np.full(len(text.ids), looked_at.sum())

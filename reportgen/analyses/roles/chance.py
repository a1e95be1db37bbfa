"""What even attention over the keys a query sees would score: the level that a role's score has to be well above."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from reportgen.analyses.even_attention import EvenAttention, even_attention
from reportgen.characters import is_punctuation
from reportgen.measurements import Measurements

TIMES = 2.0  # a score that the mask alone gives half of is no role


def chance_levels(measurements: Measurements) -> dict[str, tuple[float, float]]:
    """By score, even attention over all keys, and over all but the first token; none where windows or local layers make what is seen another thing.

    Lifts have a chance level of 1 by their definition and are not listed.
    """
    even = even_attention(measurements)
    if even is None:
        return {}
    found = {name: (_mean(even, hits, counted, None), _mean(even, hits, counted, first)) for name, (hits, counted, first) in _hits(even, measurements).items()}
    places = np.arange(len(even.members))
    first = _mean(even, np.ones(len(places)), places >= 1, None)
    return found | {"first_token": (first, first)}


def offset_chance(measurements: Measurements, offset: int) -> float:
    """Even attention's weight on the token `offset` before the query; 0 where that is not known."""
    even, places = even_attention(measurements), np.arange(len(measurements["token_ids"]))
    there = (places - offset >= 0) & (places - offset < len(places))
    return _mean(even, np.ones(len(places)), there, None) if even and there.any() else 0.0


Hits = tuple[Float[np.ndarray, " token"], Bool[np.ndarray, " token"], Bool[np.ndarray, " token"]]


def _hits(even: EvenAttention, measurements: Measurements) -> dict[str, Hits]:
    """By score: how many of each query's keys count, which queries do, and for which of them the first token is a key that counts."""
    places, members, seen = np.arange(len(even.members)), even.members, even.seen
    every, first = np.ones(len(places), bool), np.zeros(len(places), bool)
    earlier, copies_first = earlier_copies(measurements["token_ids"])
    delimiter = _is_delimiter(measurements)
    inside = _up_to(members, seen)
    return {
        "previous_token": (every.astype(float), places >= 1, places == 1),
        "next_token": (every.astype(float), places < len(places) - 1, first),
        "locality": (np.minimum(places, 3) + 1.0 + np.minimum(seen - 1 - places, 3), every, places <= 3),
        "within_sentence": (inside, every, members == members[0]),
        "delimiter": (np.cumsum(delimiter)[seen - 1].astype(float), every, np.full(len(places), delimiter[0])),
        "duplicate_token": (earlier, earlier > 0, copies_first),
        "induction": (earlier, earlier > 0, first),
    }


def _mean(even: EvenAttention, hits: Float[np.ndarray, " token"], counted: Bool[np.ndarray, " token"], first: Bool[np.ndarray, " token"] | None) -> float:
    """The mean over the queries that count of hits over keys; with `first`, the first token taken out of both. 0 where no query counts."""
    kept = counted & (even.members >= 0) & ((even.seen > 1) | (first is None))
    taken = np.zeros(len(hits)) if first is None else first.astype(float)
    keys = even.seen - (0 if first is None else 1)
    return float(((hits - taken)[kept] / keys[kept]).mean()) if kept.any() else 0.0


def _up_to(members: Int[np.ndarray, " token"], seen: Int[np.ndarray, " token"]) -> Float[np.ndarray, " token"]:
    """How many of the keys that each token sees are of its sentence."""
    counts = np.zeros(len(members))
    for sentence in range(members.max() + 1):
        own = members == sentence
        counts[own] = np.cumsum(own)[seen[own] - 1]
    return counts


def earlier_copies(ids: Int[np.ndarray, " token"]) -> tuple[Float[np.ndarray, " token"], Bool[np.ndarray, " token"]]:
    """How many earlier tokens have each token's id, and whether the first token is one of them."""
    order = np.argsort(ids, kind="stable")
    starts = np.concatenate([[True], np.diff(ids[order]) != 0])
    rank = np.arange(len(ids)) - np.maximum.accumulate(np.where(starts, np.arange(len(ids)), 0))
    copies = np.zeros(len(ids))
    copies[order] = rank
    return copies, (ids == ids[0]) & (np.arange(len(ids)) > 0)


def _is_delimiter(measurements: Measurements) -> Bool[np.ndarray, " token"]:
    """Special tokens and tokens that are only punctuation; files of older versions do not say which are special, and tokens without any text are taken for them."""
    if "token_delimiters" in measurements:
        return measurements["token_delimiters"].astype(bool)
    return np.array([start == end or is_punctuation(measurements.text[start:end]) for start, end in measurements["token_spans"].tolist()], bool)

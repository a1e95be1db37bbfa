"""Heads that single out a few sentences to which later ones return."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float, Int

from reportgen.analyses.half_precision import single
from reportgen.analyses.roles.evidence import Evidence, weigh
from reportgen.analyses.roles.resampling import SEED, draws
from reportgen.measurements import Measurements

GAP = 4
FEWEST_LATER = 10  # sentences that look back: the mean of fewer is one sentence's whim
LEAST_LIFT = 3.0
COMPARED = 2  # heads of each layer
LEVEL = 0.95
LEAST = 6.0  # the kurtosis of an exponential distribution


@dataclass(frozen=True, kw_only=True, eq=False)
class Receivers:
    """The evidence of every head, the chance level of its kurtosis, and the sentence that receives most."""

    evidence: Evidence
    level: float
    sentence: Int[np.ndarray, "layer head"]


def receiver_evidence(measurements: Measurements, attention: Float[np.ndarray, "layer head sentence sentence"]) -> Receivers:
    """Kurtosis of the vertical scores of every head, held against a chance level.

    Vertical score of sentence b: mean over later sentences a, at least 4 on, of attention from a on b over even attention's. *Source:* Bogdan et al. 2025
    (there without even attention, which gives early sentences more, and with the first sentence, which holds the sink). Heads pass above the 95th
    percentile of heads whose shares were shuffled among pairs of the same distance, and above 6, an exponential distribution's, if their sentence gets 3 times the median or more. Memory: a layer's
    attention, and its vertical scores in 200 resamples of the sentences.
    """
    even = measurements["*.sentence_expected"].astype(np.float32)
    layers = [_layer(layer, even[index] if even.ndim == 3 else even) for index, layer in enumerate(attention)]
    values, top, sentence, shuffled = (np.stack([layer[place] for layer in layers]) for place in range(4))
    resamples = np.stack([layer[4] for layer in layers], 1)
    level = max(LEAST, float(np.nanquantile(shuffled, LEVEL))) if np.isfinite(shuffled).any() else float("inf")
    return Receivers(evidence=weigh(values, resamples, level, top >= LEAST_LIFT), level=level, sentence=sentence)


def _layer(layer: Float[np.ndarray, "head sentence sentence"], even: Float[np.ndarray, "sentence sentence"]) -> tuple[np.ndarray, ...]:
    """Of each head of a layer: kurtosis, greatest score over the median, where that is; kurtosis of some heads shuffled; kurtosis in each resample."""
    known = _looking_back(even) & ~np.isnan(layer[0])
    counted = np.flatnonzero(known.sum(0) >= FEWEST_LATER)
    by_key = single(np.moveaxis(np.where(known, layer, 0), -1, 0)[counted])
    lift = np.moveaxis(by_key, 0, -1) * np.divide(1, even, out=np.zeros_like(even), where=known)[:, counted]
    every = np.concatenate([np.ones((1, len(even)), np.float32), draws(len(even))])
    scores = vertical_scores(lift, known[:, counted], every)
    kurtosis = fisher_kurtosis(scores)
    chosen = np.unique(np.linspace(0, len(layer) - 1, min(COMPARED, len(layer))).astype(int))
    shuffled = fisher_kurtosis(vertical_scores(_shuffled(lift[chosen], known[:, counted], counted), known[:, counted], every[:1]))[:, 0]
    if not len(counted):
        nothing = np.full(len(layer), np.nan)
        return nothing, nothing, np.zeros(len(layer), int), shuffled, kurtosis[:, 1:].T
    median = np.median(scores[:, 0], -1)
    top = np.divide(scores[:, 0].max(-1), median, out=np.full(len(median), np.nan), where=median > 0)
    return kurtosis[:, 0], top.astype(np.float64), counted[scores[:, 0].argmax(-1)], shuffled, kurtosis[:, 1:].T


def _looking_back(even: Float[np.ndarray, "sentence sentence"]) -> Bool[np.ndarray, "sentence sentence"]:
    """Pairs that can be seen whose key is 4 sentences or more before the query and is not the first."""
    back = np.tri(len(even), k=-GAP, dtype=bool) & (even > 0)
    back[:, 0] = False
    return back


def vertical_scores(
    lift: Float[np.ndarray, "head query key"], known: Bool[np.ndarray, "query key"], drawn: Float[np.ndarray, "resample query"]
) -> Float[np.ndarray, "head resample key"]:
    """Means over the query sentences of each key, weighted by how often they were drawn; NaN where none was. Lifts that are not known are 0."""
    counts = drawn @ known.astype(np.float32)
    return drawn @ lift / np.where(counts > 0, counts, np.nan)


def fisher_kurtosis(scores: Float[np.ndarray, "*view key"]) -> Float[np.ndarray, "*view"]:
    """Kurtosis over the keys, 0 for a normal distribution; keys without a score are left out; NaN where the others do not differ."""
    known = ~np.isnan(scores)
    whole, number = known.all(), np.maximum(known.sum(-1, keepdims=True), 1)
    values = scores if whole else np.where(known, scores, 0)
    centred = values - values.sum(-1, keepdims=True) / number
    squares = np.square(centred if whole else np.where(known, centred, 0))
    second, fourth = (sums.astype(np.float64) / number[..., 0] for sums in (squares.sum(-1), np.einsum("...k,...k->...", squares, squares)))
    level = np.square(values.max(-1, initial=0)) * 1e-12
    return np.divide(fourth, second**2, out=np.full(second.shape, np.nan), where=second > level) - 3


def _shuffled(
    lift: Float[np.ndarray, "head query key"], known: Bool[np.ndarray, "query key"], keys: Int[np.ndarray, " key"]
) -> Float[np.ndarray, "head query key"]:
    """The lifts of pairs of the same distance exchanged at random, the same each time."""
    places, others = _exchange(known.shape, np.packbits(known).tobytes(), tuple(keys.tolist()))
    flat, found = lift.reshape(len(lift), -1), np.zeros((len(lift), known.size), np.float32)
    found[:, places] = flat[:, others]
    return found.reshape(lift.shape)


@lru_cache(maxsize=2)
def _exchange(shape: tuple[int, int], known: bytes, keys: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Flat places of the known pairs by distance, and beside each that of one of the same distance at random; most layers know the same pairs."""
    pairs = np.flatnonzero(np.unpackbits(np.frombuffer(known, np.uint8), count=shape[0] * shape[1]))
    distance = pairs // shape[1] - np.array(keys, int)[pairs % shape[1]]
    drawn = np.random.default_rng(SEED).random(len(pairs))
    return pairs[np.argsort(distance, kind="stable")], pairs[np.lexsort((drawn, distance))]

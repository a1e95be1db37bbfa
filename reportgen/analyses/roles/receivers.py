"""Heads that single out a few sentences to which later ones return."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from reportgen.analyses.roles.evidence import Evidence, weigh
from reportgen.analyses.roles.resampling import SEED, draws
from reportgen.measurements import Measurements

GAP = 4
FEWEST_LATER = 10  # sentences that look back: the mean of fewer is one sentence's whim
LEAST_LIFT = 3.0
COMPARED = 60
LEVEL = 0.95


def receiver_evidence(
    measurements: Measurements, attention: Float[np.ndarray, "layer head sentence sentence"]
) -> tuple[Evidence, float, Int[np.ndarray, "layer head"]]:
    """Kurtosis of the vertical scores of every head, the chance level it is held against, and the sentence that receives most.

    Vertical score of sentence b: mean over later sentences a, at least 4 on, of attention from a on b over even attention's. *Source:* Bogdan et al. 2025
    (there without even attention, which gives early sentences more, and with the first sentence, which holds the sink). Heads pass above the 95th
    percentile of heads whose shares were shuffled among pairs of the same distance, if their sentence gets 3 times the median or more.
    """
    back, expected = _looking_back(attention), measurements["*.sentence_expected"].astype(np.float32)
    expected = expected if expected.ndim == 3 else np.broadcast_to(expected, (len(attention), *expected.shape))
    lift = np.stack([_lift(layer, even, back) for layer, even in zip(attention, expected, strict=True)])
    known = np.isfinite(lift) & back
    counted = known.all(1).sum(1) >= FEWEST_LATER  # layer key
    lift = np.where(known, lift, 0)
    weights = known.all(1)
    scores = _vertical(lift, weights, np.ones((1, lift.shape[-2]), np.float32))[:, :, 0]
    level = _chance_level(lift, weights, counted)
    values, top = _kurtosis(scores, counted), _top(scores, counted)
    resamples = np.stack([_kurtosis_layer(layer, seen, use) for layer, seen, use in zip(lift, weights, counted, strict=True)], 1)
    return weigh(values, resamples, level, top >= LEAST_LIFT), level, np.where(counted[:, None], scores, -np.inf).argmax(-1)


def _looking_back(attention: Float[np.ndarray, "layer head sentence sentence"]) -> Bool[np.ndarray, "sentence sentence"]:
    """Pairs whose key is 4 sentences or more before the query and is not the first."""
    size = attention.shape[-1]
    back = np.tri(size, k=-GAP, dtype=bool)
    back[:, 0] = False
    return back


def _lift(
    layer: Float[np.ndarray, "head sentence sentence"], even: Float[np.ndarray, "sentence sentence"], back: Bool[np.ndarray, "sentence sentence"]
) -> Float[np.ndarray, "head sentence sentence"]:
    """Share over even attention's; NaN where the pair does not count."""
    return np.divide(layer, even, out=np.full(layer.shape, np.nan, np.float32), where=back & (even > 0), dtype=np.float32, casting="unsafe")


def _vertical(
    lift: Float[np.ndarray, "layer head query key"], known: Bool[np.ndarray, "layer query key"], drawn: Float[np.ndarray, "resample query"]
) -> Float[np.ndarray, "layer head resample key"]:
    """Means over the query sentences of each key, weighted by how often they were drawn; NaN where none was."""
    sums = np.einsum("rq,lhqk->lhrk", drawn, lift, optimize=True)
    counts = np.einsum("rq,lqk->lrk", drawn, known.astype(np.float32), optimize=True)[:, None]
    return np.divide(sums, counts, out=np.full(sums.shape, np.nan, np.float32), where=counts > 0)


def _kurtosis(scores: Float[np.ndarray, "layer head *resample key"], counted: Bool[np.ndarray, "layer key"]) -> Float[np.ndarray, "layer head *resample"]:
    """Fisher's kurtosis over the keys that count: 0 for a normal distribution; NaN where they do not differ."""
    kept = counted.reshape(len(counted), *[1] * (scores.ndim - 2), -1) & ~np.isnan(scores)
    number = np.maximum(kept.sum(-1), 1)
    values = np.where(kept, scores, 0).astype(np.float64)
    centred = np.where(kept, values - (values.sum(-1) / number)[..., None], 0) ** 2
    second, fourth = centred.sum(-1) / number, (centred**2).sum(-1) / number
    return np.divide(fourth, second**2, out=np.full(second.shape, np.nan), where=second > 1e-20) - 3


def _kurtosis_layer(
    lift: Float[np.ndarray, "head query key"], known: Bool[np.ndarray, "query key"], counted: Bool[np.ndarray, " key"]
) -> Float[np.ndarray, "resample head"]:
    """One layer's kurtosis in every resample of the query sentences."""
    scores = _vertical(lift[None, ..., counted], known[None, :, counted], draws(lift.shape[1]))
    return _kurtosis(scores, np.ones((1, int(counted.sum())), bool))[0].T


def _top(scores: Float[np.ndarray, "layer head key"], counted: Bool[np.ndarray, "layer key"]) -> Float[np.ndarray, "layer head"]:
    """The greatest vertical score over the median one."""
    found = np.full(scores.shape[:2], np.nan)
    for layer, kept in enumerate(counted):
        if kept.any():
            values = scores[layer][:, kept]
            median = np.median(values, -1)
            found[layer] = np.divide(values.max(-1), median, out=np.full(len(median), np.nan), where=median > 0)
    return found


def _chance_level(lift: Float[np.ndarray, "layer head query key"], known: Bool[np.ndarray, "layer query key"], counted: Bool[np.ndarray, "layer key"]) -> float:
    """The 95th percentile of the kurtosis of up to 60 heads, spread over the layers, each distance's lifts shuffled among its pairs."""
    layers, heads = lift.shape[:2]
    chosen = np.unique(np.linspace(0, layers * heads - 1, min(COMPARED, layers * heads)).astype(int))
    layer, head = np.divmod(chosen, heads)
    shuffled, random = lift[layer, head].copy(), np.random.default_rng(SEED)
    for distance in range(GAP, lift.shape[-1]):
        query = np.arange(distance, lift.shape[-1])
        query = query[known[0, query, query - distance]]
        order = random.permutation(len(query))
        shuffled[:, query, query - distance] = shuffled[:, query[order], (query - distance)[order]]
    scores = _vertical(shuffled[:, None], known[layer], np.ones((1, lift.shape[-2]), np.float32))[:, :, 0]
    found = _kurtosis(scores, counted[layer])
    return float(np.nanquantile(found, LEVEL)) if np.isfinite(found).any() else float("inf")

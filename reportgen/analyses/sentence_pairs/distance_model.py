"""What distance alone predicts for a pair of sentences, and how far the measured share is from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import linalg, stats

from reportgen.measurements import Measurements

FEWEST_PAIRS = 30
HUBER = 1.345
EFFICIENCY = 0.37
PASSES = 4
SMALLEST_SCALE = 1e-3  # shares stored in half precision are no more exact than this


@dataclass(frozen=True, kw_only=True, eq=False)
class Expectation:
    """Each pair that has a share: what was measured, what the model expects, and the residual as a z-score. Pairs are in reading order.

    `lift` is share over expected. `z` is log lift, made even for what the fit takes of it where a sentence has few pairs, less its median, over its scale (1.4826 times the median absolute deviation, at least 0.001), both among
    pairs of about the same distance. `p_value` is Student's, one-sided, for more than expected, with 0.37 degrees of freedom for each of these pairs: the
    efficiency of the median absolute deviation as an estimate of scale. NaN where there are fewer than 30 pairs in all.
    """

    queries: Int[np.ndarray, " pair"]
    keys: Int[np.ndarray, " pair"]
    share: Float[np.ndarray, " pair"]
    expected: Float[np.ndarray, " pair"]
    z: Float[np.ndarray, " pair"]
    p_value: Float[np.ndarray, " pair"]

    @property
    def lift(self) -> Float[np.ndarray, " pair"]:
        return self.share / self.expected


def token_middles(measurements: Measurements) -> Float[np.ndarray, " sentence"]:
    """The mean position of each sentence's tokens."""
    members = measurements["token_sentences"]
    inside = np.flatnonzero(members >= 0)
    return np.bincount(members[inside], inside) / np.bincount(members[inside])


def comparable(share: Float[np.ndarray, "*view sentence sentence"]) -> Bool[np.ndarray, "*view sentence sentence"]:
    """Pairs of two sentences that have a share, the first sentence left out as key: it holds the sink."""
    kept = share > 0  # NaN is not
    kept[..., 0] = False
    diagonal = np.arange(share.shape[-1])
    kept[..., diagonal, diagonal] = False
    return kept


def expect(
    share: Float[np.ndarray, "sentence sentence"], middles: Float[np.ndarray, " sentence"], exposure: Float[np.ndarray, "sentence sentence"] | None = None
) -> Expectation:
    """What a robust fit expects of each comparable pair.

    log share = term of the query sentence + term of the key sentence + decay with distance; with `exposure` (the share that even attention would give, which
    grows with the key's length) in place of the key's term a slope times its logarithm. Decay: linear between powers of two of the distance in sentences,
    for keys before and after apart, plus a slope on the logarithm of the distance in tokens between the sentences' middles. Fitted by least squares with
    Huber's weights. *Source:* doubly constrained gravity model (Wilson 1967), as contact maps of chromosomes are corrected for distance
    (Lieberman-Aiden et al. 2009; Ay et al. 2014); Huber 1964. Memory: pairs x about 12 numbers.
    """
    queries, keys = np.nonzero(comparable(share))
    logs = np.log(share[queries, keys].astype(np.float64))
    extra = () if exposure is None else (np.log(exposure[queries, keys].astype(np.float64)),)
    features = np.column_stack([decay(queries, keys, middles), *extra])
    bins, weights = distance_bins(np.abs(queries - keys)), np.ones(len(logs))
    residual = z = np.full(len(logs), np.nan)
    for _ in range(PASSES if len(logs) >= FEWEST_PAIRS else 0):
        residual = residuals(logs[:, None], features, (queries, keys), weights, len(share), key_terms=exposure is None)[:, 0]
        z = standardised(residual / _left_over(queries, keys, len(share)), bins)
        weights = np.minimum(1, HUBER / np.maximum(np.abs(z), HUBER))
    return Expectation(
        queries=queries,
        keys=keys,
        share=share[queries, keys].astype(np.float64),
        expected=np.exp(logs - residual),
        z=z,
        p_value=stats.t.sf(z, EFFICIENCY * np.bincount(bins)[bins]),
    )


def expect_views(share: Float[np.ndarray, "view sentence sentence"], middles: Float[np.ndarray, " sentence"]) -> Float[np.ndarray, "view sentence sentence"]:
    """The z of `expect` for every view by plain least squares, all at once; NaN for pairs that are not comparable."""
    kept = comparable(share)
    found = np.full(share.shape, np.nan)
    alike: dict[bytes, list[int]] = {}
    for view, mask in enumerate(kept):
        alike.setdefault(np.packbits(mask).tobytes(), []).append(view)
    for views in alike.values():
        queries, keys = np.nonzero(kept[views[0]])
        if len(queries) >= FEWEST_PAIRS:
            logs = np.log(share[views][:, queries, keys].astype(np.float64))
            left = residuals(logs.T, decay(queries, keys, middles), (queries, keys), np.ones(len(queries)), share.shape[-1])
            bins = distance_bins(np.abs(queries - keys))
            free = _left_over(queries, keys, share.shape[-1])
            found[np.array(views)[:, None], queries, keys] = [standardised(column / free, bins) for column in left.T]
    return found


def decay(queries: Int[np.ndarray, " pair"], keys: Int[np.ndarray, " pair"], middles: Float[np.ndarray, " sentence"]) -> Float[np.ndarray, "pair feature"]:
    """Hat functions of the logarithm of the distance with a top at 1, 2, 4, 8, ..., for each side on which there are keys; the logarithm of the token distance."""
    distance = np.log2(np.abs(queries - keys))
    tops = np.arange(np.ceil(distance.max(initial=0)) + 1)
    hats = np.maximum(0, 1 - np.abs(distance[:, None] - tops))
    sides = [side for side in (keys < queries, keys > queries) if side.any()]
    return np.column_stack([*(hats * side[:, None] for side in sides), np.log(np.abs(middles[queries] - middles[keys]))])


def residuals(
    values: Float[np.ndarray, "pair view"],
    features: Float[np.ndarray, "pair feature"],
    pairs: tuple[Int[np.ndarray, " pair"], Int[np.ndarray, " pair"]],
    weights: Float[np.ndarray, " pair"],
    sentences: int,
    *,
    key_terms: bool = True,
) -> Float[np.ndarray, "pair view"]:
    """What weighted least squares on a term for each query, a term for each key, and the features leaves of each column of `values`.

    The terms are taken out of values and features first, and the rest is fitted (Frisch and Waugh 1933): the same numbers as with a column for every term.
    """
    left = _without_terms(np.column_stack([features, values]), pairs, weights, sentences, key_terms)
    roots, known = np.sqrt(weights)[:, None], features.shape[1]
    slopes = np.linalg.lstsq(left[:, :known] * roots, left[:, known:] * roots, rcond=1e-9)[0]
    return left[:, known:] - left[:, :known] @ slopes


def _without_terms(
    columns: Float[np.ndarray, "pair column"],
    pairs: tuple[Int[np.ndarray, " pair"], Int[np.ndarray, " pair"]],
    weights: Float[np.ndarray, " pair"],
    sentences: int,
    key_terms: bool,
) -> Float[np.ndarray, "pair column"]:
    """The columns less their weighted least-squares terms by query and by key."""
    queries, keys = pairs
    by_query, by_key = (np.stack([np.bincount(index, weights * column, sentences) for column in columns.T], 1) for index in pairs)
    total = np.bincount(queries, weights, sentences)
    mean = np.divide(1, total, out=np.zeros(sentences), where=total > 0)[:, None]
    if not key_terms:
        return columns - (by_query * mean)[queries]
    crossed = np.zeros((sentences, sentences))
    crossed[queries, keys] = weights
    normal = np.diag(crossed.sum(0)) - (crossed * mean).T @ crossed
    normal += 1e-10 * max(normal.trace() / sentences, 1) * np.eye(sentences)  # terms of queries and keys share a constant: it is set to nothing
    key = linalg.solve(normal, by_key - crossed.T @ (by_query * mean), assume_a="pos")
    query = (by_query - crossed @ key) * mean
    return columns - query[queries] - key[keys]


def distance_bins(distance: Int[np.ndarray, " pair"]) -> Int[np.ndarray, " pair"]:
    """A number for each pair: distances from one power of two up to the next belong together, bins of fewer than 30 pairs with the one before."""
    bins = np.floor(np.log2(distance)).astype(int)
    for bin in range(bins.max(initial=0), 0, -1):
        if 0 < (bins == bin).sum() < FEWEST_PAIRS:
            bins[bins == bin] = bin - 1
    while (bins == 0).sum() < FEWEST_PAIRS and (bins > 0).any():
        bins = np.maximum(bins - 1, 0)
    return bins


def _left_over(queries: Int[np.ndarray, " pair"], keys: Int[np.ndarray, " pair"], sentences: int) -> Float[np.ndarray, " pair"]:
    """The scatter that the terms of a pair's two sentences leave of its own, at least a half: less where a sentence has few pairs."""
    shares = [1 - 1 / np.bincount(index, minlength=sentences)[index] for index in (queries, keys)]
    return np.maximum(np.sqrt(shares[0] * shares[1]), 0.5)


def standardised(residual: Float[np.ndarray, " pair"], bins: Int[np.ndarray, " pair"]) -> Float[np.ndarray, " pair"]:
    """Residuals less the median of their bin, over 1.4826 times its median absolute deviation."""
    z = np.zeros(len(residual))
    for bin in np.unique(bins):
        among = bins == bin
        centred = residual[among] - np.median(residual[among])
        z[among] = centred / max(1.4826022185056018 * np.median(np.abs(centred)), SMALLEST_SCALE)
    return z

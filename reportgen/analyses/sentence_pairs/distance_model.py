"""What distance alone predicts for a pair of sentences, and how far the measured share is from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from reportgen.analyses.remembering import remembered
from reportgen.analyses.sentence_matrix import attention_views
from reportgen.analyses.sentence_pairs.tail import Tail, upper_tail
from reportgen.analyses.sentence_pairs.two_way_fit import TwoWayFit
from reportgen.measurements import Measurements
from reportgen.sentence_pairs import SentencePairs

FEWEST_PAIRS = 30
HUBER = 1.345
EFFICIENCY = 0.37  # of the median absolute deviation as an estimate of the scale of normal numbers
PASSES = 4
LEAST_EXPOSURE = 1e-12  # of a stranger's file, which may expect nothing where it has attention
LEAST_LEFT = 0.05  # of a pair whose terms follow it alone
SMALLEST_SCALE = 1e-3  # shares stored in half precision are no more exact than this


@dataclass(frozen=True, kw_only=True, eq=False)
class Expectation:
    """Each pair that has a share: what was measured, what the model expects, and the residual as a z-score. Pairs are in reading order.

    `lift` is share over expected. `z` is log lift over the root of what the fit leaves of a pair's own scatter, less the median, over the scale (1.4826 times
    the median absolute deviation, at least 0.001), both among pairs of about the same distance. `p_value` is one-sided, for more than expected, from the
    `tail` of all z, with `freedom_of_scale` degrees of freedom for the estimated scale. NaN where there are fewer than 30 pairs in all.
    """

    queries: Int[np.ndarray, " pair"]
    keys: Int[np.ndarray, " pair"]
    share: Float[np.ndarray, " pair"]
    expected: Float[np.ndarray, " pair"]
    z: Float[np.ndarray, " pair"]
    freedom_of_scale: Float[np.ndarray, " pair"]

    @cached_property
    def tail(self) -> Tail:
        """The upper tail of all z."""
        return upper_tail(self.z)

    @cached_property
    def p_value(self) -> Float[np.ndarray, " pair"]:
        """How often chance exceeds z."""
        return self.tail.above(self.z, self.freedom_of_scale)

    @property
    def lift(self) -> Float[np.ndarray, " pair"]:
        """Share over expected."""
        return self.share / self.expected


def token_middles(measurements: Measurements) -> Float[np.ndarray, " sentence"]:
    """The mean position of each sentence's tokens."""
    members = measurements["token_sentences"]
    inside = np.flatnonzero(members >= 0)
    return np.bincount(members[inside], inside) / np.bincount(members[inside])


def comparable(share: Float[np.ndarray, "*view pair"], pairs: SentencePairs) -> Bool[np.ndarray, "*view pair"]:
    """Pairs of two sentences that have a share, the first sentence read left out as key: it holds the sink."""
    return (share > 0) & ~pairs.to_first & (pairs.queries != pairs.keys)  # NaN is not above 0


def expect(
    pairs: SentencePairs, share: Float[np.ndarray, " pair"], middles: Float[np.ndarray, " sentence"], exposure: Float[np.ndarray, " pair"] | None = None
) -> Expectation:
    """What a robust fit expects of each comparable pair.

    log share = term of the query sentence + term of the key sentence + decay with distance; with `exposure` (the share that even attention would give, which
    grows with the key's length) in place of the key's term a slope times its logarithm. Decay: linear in the logarithm of the distance in sentences between powers of two,
    for keys before and after apart, plus a slope on the logarithm of the distance in tokens between the sentences' middles. Fitted by least squares with
    Huber's weights. *Source:* doubly constrained gravity model (Wilson 1967), as contact maps of chromosomes are corrected for distance
    (Lieberman-Aiden et al. 2009; Ay et al. 2014); Huber 1964. Memory: pairs x about 20 numbers, and sentences x sentences.
    """
    kept = comparable(share, pairs)
    queries, keys, share = pairs.queries[kept], pairs.keys[kept], share[kept].astype(np.float64)
    logs, enough = np.log(share), len(share) >= FEWEST_PAIRS
    bins, weights = distance_bins(np.abs(queries - keys)), np.ones(len(logs))
    residual = z = np.full(len(logs), np.nan)
    if enough:
        extra = () if exposure is None else (np.log(np.maximum(exposure[kept], LEAST_EXPOSURE, dtype=np.float64)),)
        features = np.column_stack([decay(queries, keys, middles), *extra])
        for _ in range(PASSES):
            fit = TwoWayFit(queries=queries, keys=keys, features=features, weights=weights, sentences=pairs.sentences, key_terms=exposure is None)
            residual = fit.residuals(logs[:, None])[:, 0]
            z = standardised(residual, bins)
            weights = np.minimum(1, HUBER / np.maximum(np.abs(z), HUBER))
        z = standardised(residual / np.sqrt(np.maximum(1 - fit.leverage, LEAST_LEFT)), bins)
    freedom = EFFICIENCY * np.bincount(bins)[bins]
    return Expectation(queries=queries, keys=keys, share=share, expected=np.exp(logs - residual), z=z, freedom_of_scale=freedom)


@remembered
def expect_whole(measurements: Measurements) -> Expectation:
    """What is expected of the whole model's pairs: of the mean share over layers and heads."""
    return expect(measurements.by_pair.pairs, attention_views(measurements)[0], token_middles(measurements))


def expect_views(
    pairs: SentencePairs, share: Float[np.ndarray, "view pair"], middles: Float[np.ndarray, " sentence"]
) -> Float[np.ndarray, "view sentence sentence"]:
    """The z of every view by plain least squares, all at once, the query first; NaN for pairs that are not comparable. Memory: that of what is given back."""
    kept = comparable(share, pairs)
    found = np.full((len(share), pairs.sentences, pairs.sentences), np.nan)
    alike: dict[bytes, list[int]] = {}
    for view, mask in enumerate(kept):
        alike.setdefault(np.packbits(mask).tobytes(), []).append(view)
    for views in alike.values():
        mask = kept[views[0]]
        queries, keys = pairs.queries[mask], pairs.keys[mask]
        if len(queries) >= FEWEST_PAIRS:
            fit = TwoWayFit(queries=queries, keys=keys, features=decay(queries, keys, middles), weights=np.ones(len(queries)), sentences=pairs.sentences)
            left = fit.residuals(np.log(share[views][:, mask].astype(np.float64)).T)
            free, bins = np.sqrt(np.maximum(1 - fit.leverage, LEAST_LEFT)), distance_bins(np.abs(queries - keys))
            found[np.array(views)[:, None], queries, keys] = standardised(np.ascontiguousarray(left.T) / free, bins)
    return found


def decay(queries: Int[np.ndarray, " pair"], keys: Int[np.ndarray, " pair"], middles: Float[np.ndarray, " sentence"]) -> Float[np.ndarray, "pair feature"]:
    """Hat functions of the logarithm of the distance with a top at 1, 2, 4, 8, ..., for each side on which there are keys; the logarithm of the token distance."""
    distance = np.log2(np.abs(queries - keys))
    tops = np.arange(np.ceil(distance.max(initial=0)) + 1)
    hats = np.maximum(0, 1 - np.abs(distance[:, None] - tops))
    sides = [side for side in (keys < queries, keys > queries) if side.any()]
    return np.column_stack([*(hats * side[:, None] for side in sides), np.log(np.abs(middles[queries] - middles[keys]))])


def distance_bins(distance: Int[np.ndarray, " pair"]) -> Int[np.ndarray, " pair"]:
    """A number for each pair: distances from one power of two up to the next belong together, bins of fewer than 30 pairs with the one before."""
    bins = np.floor(np.log2(distance)).astype(int)
    for bin in range(bins.max(initial=0), 0, -1):
        if 0 < (bins == bin).sum() < FEWEST_PAIRS:
            bins[bins == bin] = bin - 1
    while (bins == 0).sum() < FEWEST_PAIRS and (bins > 0).any():
        bins = np.maximum(bins - 1, 0)
    return bins


def standardised(residual: Float[np.ndarray, "*view pair"], bins: Int[np.ndarray, " pair"]) -> Float[np.ndarray, "*view pair"]:
    """Residuals less the median of their bin, over 1.4826 times its median absolute deviation."""
    z = np.zeros(residual.shape)
    for bin in np.unique(bins):
        among = np.flatnonzero(bins == bin)
        centred = residual.take(among, axis=-1)
        centred -= np.median(centred, axis=-1, keepdims=True)
        spread = np.median(np.abs(centred), axis=-1, keepdims=True, overwrite_input=True)
        z[..., among] = centred / np.maximum(1.4826022185056018 * spread, SMALLEST_SCALE)
    return z

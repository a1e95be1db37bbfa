"""Which heads carry attention across the borders between parts of a text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import stats

from reportgen.analyses.half_precision import single
from reportgen.analyses.sentence_pairs.distance_model import FEWEST_PAIRS, decay
from reportgen.analyses.sentence_pairs.two_way_fit import TwoWayFit

FARTHEST = 64
DIVISIONS = 199
SEED = 0
SMALLEST_SHARE = 1e-7  # half precision holds none smaller


@dataclass(frozen=True, kw_only=True, eq=False)
class Crossing:
    """By head: `lift` is the share of attention on pairs across borders over what is expected of them; `z` sets it against the same parts in other places.

    `q_value` is Benjamini and Hochberg's, over heads, for carrying more than by chance. NaN where a layer has too few pairs or there is no border.
    """

    lift: Float[np.ndarray, "layer head"]
    z: Float[np.ndarray, "layer head"]
    q_value: Float[np.ndarray, "layer head"]


def cross(
    attention: Iterable[Float[np.ndarray, "head sentence sentence"]], middles: Float[np.ndarray, " sentence"], several: Sequence[Bool[np.ndarray, " gap"]]
) -> list[Crossing]:
    """Every head's crossing of each borders, of pairs no farther apart than their longest part and 64 sentences at most.

    One look at `attention`, which is layer by layer or one array of all, serves them all.

    What is expected of a head is what its own fit of query terms, key terms and decay with distance gives (least squares on logarithms of pairs up to 64
    sentences apart; shares under 1e-7 count as 1e-7), times a factor for each distance that makes both sums equal there. Chance: 199 divisions whose parts
    have the same lengths in another order and start elsewhere; p is the share of all heads' chance z that is as great, each head's z in its own standard
    deviations. *Source:* observed over expected at the same distance, as in Lieberman-Aiden et al. 2009; a null distribution pooled over tests as in Tusher
    et al. 2001; defined here for heads. Memory: pairs x divisions, and pairs x heads of a layer.
    """
    queries, keys = _near(len(middles), FARTHEST)
    near = _NearPairs(queries=queries, keys=keys, middles=middles, divisions=[_parts(borders) for borders in several])
    lifts = zip(*(near.lifts(layer) for layer in attention), strict=True)
    return [_weighed(np.stack(of_borders)) for of_borders in lifts]


def _parts(borders: Bool[np.ndarray, " gap"]) -> _Parts:
    drawn = np.concatenate([borders[None], moved_divisions(borders, DIVISIONS)])
    part = np.concatenate([np.zeros((len(drawn), 1), np.int16), drawn.cumsum(1, dtype=np.int16)], axis=1).T
    return _Parts(parts=np.ascontiguousarray(part), farthest=_longest(borders) - 1)


def _weighed(lifts: Float[np.ndarray, "layer head division"]) -> Crossing:
    z = _standardised(lifts)
    return Crossing(lift=lifts[..., 0], z=z[..., 0], q_value=discovery_rates(_pooled_p(z).ravel()).reshape(z.shape[:-1]))


def moved_divisions(borders: Bool[np.ndarray, " gap"], count: int) -> Bool[np.ndarray, "division gap"]:
    """Divisions with the same spaces between borders in random order, from a random place on and round the end; the same each time."""
    places, random, gaps = np.flatnonzero(borders), np.random.default_rng(SEED), len(borders)
    moved = np.zeros((count, gaps), bool)
    if len(places):
        spaces = np.diff(np.append(places, places[0] + gaps))
        ends = random.permuted(np.tile(spaces, (count, 1)), axis=1).cumsum(1) + random.integers(gaps, size=(count, 1))
        np.put_along_axis(moved, ends % gaps, True, axis=1)
    return moved


def _longest(borders: Bool[np.ndarray, " gap"]) -> int:
    """Sentences of the longest part."""
    return int(np.diff(np.concatenate([[-1], np.flatnonzero(borders), [len(borders)]])).max())


def _near(sentences: int, farthest: int) -> tuple[Int[np.ndarray, " pair"], Int[np.ndarray, " pair"]]:
    """Pairs of two sentences up to `farthest` apart, in reading order; the first sentence is no key: it holds the sink."""
    apart = np.abs(np.subtract.outer(np.arange(sentences), np.arange(sentences)))
    return np.nonzero((apart > 0) & (apart <= farthest) & (np.arange(sentences) > 0))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Parts:
    """The part each sentence is in with each division, and how far apart pairs count."""

    parts: Int[np.ndarray, "sentence division"]
    farthest: int

    def crossed(
        self, queries: Int[np.ndarray, " pair"], keys: Int[np.ndarray, " pair"]
    ) -> tuple[Int[np.ndarray, " counted"], Float[np.ndarray, "counted division"]]:
        """The places of the pairs that count, and which of them lie in different parts."""
        counted = np.flatnonzero(np.abs(queries - keys) <= self.farthest)
        return counted, (self.parts[queries[counted]] != self.parts[keys[counted]]).astype(np.float32)


@dataclass(kw_only=True, eq=False)
class _NearPairs:
    """Pairs near each other, and the divisions. What is made ready for a layer is kept for the next that has shares of the same pairs."""

    queries: Int[np.ndarray, " pair"]
    keys: Int[np.ndarray, " pair"]
    middles: Float[np.ndarray, " sentence"]
    divisions: Sequence[_Parts]

    def __post_init__(self) -> None:
        self.known = np.zeros(len(self.queries), bool)

    def lifts(self, attention: Float[np.ndarray, "head sentence sentence"]) -> list[Float[np.ndarray, "head division"]]:
        """The crossing lift of each head of a layer with each division, for each borders."""
        share = single(attention.reshape(len(attention), -1).take(self.queries * len(self.middles) + self.keys, axis=1))
        known = (share > 0).any(0)
        if known.sum() < FEWEST_PAIRS:
            return [np.full((len(attention), one.parts.shape[1]), np.nan) for one in self.divisions]
        if not np.array_equal(known, self.known):
            self._make_ready(known)
        share = np.maximum(share if known.all() else share.take(np.flatnonzero(known), axis=1), SMALLEST_SHARE)
        expected = share / np.exp(self.fit.residuals(np.log(share).T)).T
        both = np.stack([share, _balanced(expected, share, np.abs(self.fit.queries - self.fit.keys))])
        return [_lifts(both, *crossed) for crossed in self.crossed]

    def _make_ready(self, known: Bool[np.ndarray, " pair"]) -> None:
        queries, keys = self.queries[known], self.keys[known]
        features, weights = decay(queries, keys, self.middles), np.ones(len(queries))
        self.known, self.crossed = known, [one.crossed(queries, keys) for one in self.divisions]
        self.fit = TwoWayFit(queries=queries, keys=keys, features=features, weights=weights, sentences=len(self.middles))


def _lifts(
    share_and_expected: Float[np.ndarray, "2 head pair"], counted: Int[np.ndarray, " counted"], crosses: Float[np.ndarray, "counted division"]
) -> Float[np.ndarray, "head division"]:
    """Both sums in one product, which reads the divisions once."""
    observed, due = (share_and_expected.take(counted, axis=2).reshape(-1, len(counted)) @ crosses).reshape(2, -1, crosses.shape[1])
    return np.divide(observed, due, out=np.full(due.shape, np.nan), where=due > 0)


def _balanced(
    expected: Float[np.ndarray, "head pair"], share: Float[np.ndarray, "head pair"], distance: Int[np.ndarray, " pair"]
) -> Float[np.ndarray, "head pair"]:
    """What is expected, times one factor for each head and distance, so that at every distance it sums to what was measured."""
    sums = [np.stack([np.bincount(distance, row) for row in rows]) for rows in (share, expected)]
    factors = np.divide(*sums, out=np.ones_like(sums[0]), where=sums[1] > 0)
    return expected * factors.astype(np.float32)[:, distance]


def _standardised(lifts: Float[np.ndarray, "*head division"]) -> Float[np.ndarray, "*head division"]:
    """Each head's lifts in standard deviations of those with divisions by chance, which are all but the first."""
    spread = lifts[..., 1:].std(-1, keepdims=True)
    return np.divide(lifts - lifts[..., 1:].mean(-1, keepdims=True), spread, out=np.full(lifts.shape, np.nan), where=spread > 0)


def _pooled_p(z: Float[np.ndarray, "layer head division"]) -> Float[np.ndarray, "layer head"]:
    """The share of all heads' chance z that is as great as a head's own."""
    chance = np.sort(z[..., 1:][~np.isnan(z[..., 1:])])
    as_great = len(chance) - np.searchsorted(chance, z[..., 0], side="left")
    return np.where(np.isnan(z[..., 0]), np.nan, (1 + as_great) / (1 + len(chance)))


def discovery_rates(p_values: Float[np.ndarray, " test"]) -> Float[np.ndarray, " test"]:
    """Each test's false-discovery rate if it and all of smaller p are taken; NaN stays. *Source:* Benjamini and Hochberg 1995."""
    found, known = np.full(len(p_values), np.nan), ~np.isnan(p_values)
    if known.any():
        found[known] = stats.false_discovery_control(p_values[known])
    return found

"""Which heads carry attention across the borders between parts of a text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import stats

from reportgen.analyses.sentence_pairs.agreement import random_divisions
from reportgen.analyses.sentence_pairs.distance_model import FEWEST_PAIRS, comparable, decay, residuals

FARTHEST = 64
FARTHEST_FITTED = 192
DIVISIONS = 199
SMALLEST_SHARE = 1e-7  # half precision holds none smaller


@dataclass(frozen=True, kw_only=True, eq=False)
class Crossing:
    """By head: `lift` is the share of attention on pairs across borders over what is expected of them; `z` sets it against borders at random.

    `q_value` is Benjamini and Hochberg's, over heads, for carrying more than by chance. NaN where a layer has too few pairs or there is no border.
    """

    lift: Float[np.ndarray, "layer head"]
    z: Float[np.ndarray, "layer head"]
    q_value: Float[np.ndarray, "layer head"]


def cross(attention: Float[np.ndarray, "layer head sentence sentence"], middles: Float[np.ndarray, " sentence"], borders: Bool[np.ndarray, " gap"]) -> Crossing:
    """Every head's crossing, of pairs no farther apart than the longest part and 64 sentences at most.

    What is expected of a head is what its own fit of query terms, key terms and decay with distance gives (plain least squares on logarithms of pairs up to
    192 sentences apart; shares under 1e-7 count as 1e-7), times a factor for each distance that makes both sums equal there. *Source:* observed over expected at the same distance, as in Lieberman-Aiden et al. 2009; defined here for heads.
    """
    queries, keys = _near(len(middles), FARTHEST_FITTED)
    counted = np.abs(queries - keys) <= min(_longest(borders) - 1, FARTHEST)
    drawn = np.concatenate([borders[None], random_divisions(int(borders.sum()), len(borders))[:DIVISIONS]])
    part = np.concatenate([np.zeros((len(drawn), 1), int), drawn.cumsum(1)], axis=1)
    crosses = ((part[:, queries] != part[:, keys]) & counted).astype(np.float32)
    lifts = np.stack([_lifts(layer, middles, (queries, keys), crosses) for layer in attention])
    spread = lifts[..., 1:].std(-1)
    z = np.divide(lifts[..., 0] - lifts[..., 1:].mean(-1), spread, out=np.full(spread.shape, np.nan), where=spread > 0)
    return Crossing(lift=lifts[..., 0], z=z, q_value=discovery_rates(stats.norm.sf(z).ravel()).reshape(z.shape))


def _longest(borders: Bool[np.ndarray, " gap"]) -> int:
    """Sentences of the longest part."""
    return int(np.diff(np.concatenate([[-1], np.flatnonzero(borders), [len(borders)]])).max())


def _near(sentences: int, farthest: int) -> tuple[Int[np.ndarray, " pair"], Int[np.ndarray, " pair"]]:
    """Pairs of two sentences up to `farthest` apart, in reading order."""
    apart = np.abs(np.subtract.outer(np.arange(sentences), np.arange(sentences)))
    return np.nonzero((apart > 0) & (apart <= farthest))


def _lifts(
    attention: Float[np.ndarray, "head sentence sentence"],
    middles: Float[np.ndarray, " sentence"],
    pairs: tuple[Int[np.ndarray, " pair"], Int[np.ndarray, " pair"]],
    crosses: Float[np.ndarray, "division pair"],
) -> Float[np.ndarray, "head division"]:
    """The crossing lift of each head of a layer with each division."""
    known = comparable(attention).any(0)[pairs]
    queries, keys = (index[known] for index in pairs)
    nothing = np.full((len(attention), len(crosses)), np.nan)
    if len(queries) < FEWEST_PAIRS:
        return nothing
    share = np.maximum(attention[:, queries, keys].astype(np.float64), SMALLEST_SHARE)
    left = residuals(np.log(share).T, decay(queries, keys, middles), (queries, keys), np.ones(len(queries)), len(middles))
    expected = _balanced(share / np.exp(left.T), share, np.abs(queries - keys))
    across = crosses[:, known].T
    observed, due = share.astype(np.float32) @ across, expected.astype(np.float32) @ across
    return np.divide(observed, due, out=nothing, where=due > 0)


def _balanced(
    expected: Float[np.ndarray, "head pair"], share: Float[np.ndarray, "head pair"], distance: Int[np.ndarray, " pair"]
) -> Float[np.ndarray, "head pair"]:
    """What is expected, times one factor for each head and distance, so that at every distance it sums to what was measured."""
    sums = [np.stack([np.bincount(distance, row) for row in rows]) for rows in (share, expected)]
    return expected * np.divide(*sums, out=np.ones_like(sums[0]), where=sums[1] > 0)[:, distance]


def discovery_rates(p_values: Float[np.ndarray, " test"]) -> Float[np.ndarray, " test"]:
    """Each test's false-discovery rate if it and all of smaller p are taken; NaN stays. *Source:* Benjamini and Hochberg 1995."""
    found, known = np.full(len(p_values), np.nan), ~np.isnan(p_values)
    if known.any():
        found[known] = stats.false_discovery_control(p_values[known])
    return found

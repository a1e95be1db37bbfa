"""What is left of links between sentences when the sentences are read in shuffled order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

from reportgen.analyses.sentence_pairs.distance_model import Expectation, expect
from reportgen.measurements import Measurements
from reportgen.sentence_pairs import SentencePairs

PERMUTATIONS = 199
SEED = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Shuffled:
    """Lifts and p-values in shuffled order by two sentences of the document, the query first.

    Where the shuffled order lets only one of two sentences see the other, the number of that direction stands for both; NaN where there is none.
    """

    lift: Float[np.ndarray, "sentence sentence"]
    p_value: Float[np.ndarray, "sentence sentence"]


@dataclass(frozen=True, kw_only=True)
class Correlation:
    """Spearman's rho of the lifts of `pairs` in both orders; `p_value` of the Mantel test, one-sided, whose permutations move whole sentences."""

    pairs: int
    rho: float
    p_value: float


def shuffled_lifts(measurements: Measurements) -> Shuffled | None:
    """The control run's lifts over its own distances and its own terms of sentences; None where it was not made."""
    if "*.shuffled_attention" not in measurements:
        return None
    order = np.array(measurements.metadata["control"]["order"])
    sentences, place, pairs = len(order), np.argsort(order), measurements.by_pair.pairs
    moved = SentencePairs(sentences=sentences, queries=place[pairs.queries], keys=place[pairs.keys])
    model = expect(moved, measurements.by_pair["*.shuffled_attention"], _middles(measurements, order))
    found = {}
    for name in ("lift", "p_value"):
        matrix = np.full((sentences, sentences), np.nan)
        matrix[order[model.queries], order[model.keys]] = getattr(model, name)
        found[name] = np.where(np.isnan(matrix), matrix.T, matrix)
    return Shuffled(**found)


def _middles(measurements: Measurements, order: Int[np.ndarray, " place"]) -> Float[np.ndarray, " place"]:
    """The middle of the sentence in each place, in tokens of sentences."""
    members = measurements["token_sentences"]
    counts = np.bincount(members[members >= 0])[order]
    return counts.cumsum() - (counts + 1) / 2


def correlation(model: Expectation, shuffled: Shuffled) -> Correlation:
    """How alike the lifts are. *Source:* Mantel 1967."""
    other = shuffled.lift[model.queries, model.keys]
    known = ~(np.isnan(other) | np.isnan(model.lift))
    if known.sum() < 3:
        return Correlation(pairs=int(known.sum()), rho=np.nan, p_value=np.nan)
    queries, keys, sentences = model.queries[known], model.keys[known], len(shuffled.lift)
    ranks = stats.rankdata(model.lift[known])
    there = ~np.isnan(shuffled.lift)
    ranked = np.full(shuffled.lift.shape, np.nan)
    ranked[there] = stats.rankdata(shuffled.lift[there])
    random = np.random.default_rng(SEED)
    chance = [_pearson(ranks, ranked[moved[queries], moved[keys]]) for moved in (random.permutation(sentences) for _ in range(PERMUTATIONS))]
    rho = _pearson(ranks, ranked[queries, keys])
    exact = float(stats.spearmanr(model.lift[known], other[known]).statistic)
    return Correlation(pairs=int(known.sum()), rho=exact, p_value=float((1 + (np.array(chance) >= rho).sum()) / (1 + PERMUTATIONS)))


def _pearson(one: Float[np.ndarray, " pair"], other: Float[np.ndarray, " pair"]) -> float:
    """Pearson's r of the pairs that both have a number for; 0 where one is constant."""
    known = ~np.isnan(other)
    one, other = one[known] - one[known].mean(), other[known] - other[known].mean()
    norm = np.sqrt((one @ one) * (other @ other))
    return float(one @ other / norm) if norm > 0 else 0.0

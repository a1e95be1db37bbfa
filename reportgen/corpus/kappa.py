"""How far documents agree about which heads hold a role, beyond what heads in any other order would give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Bool, Float
from scipy import stats

from reportgen.analyses.curves.resampling import Estimate
from reportgen.corpus.resampling import document_counts, interval

PAIRED_AT_MOST = 400  # documents whose pairs are all looked at


@dataclass(frozen=True, kw_only=True, eq=False)
class Disagreement:
    """How often two different documents differ about a head, and how often they would by chance: of all heads, and of the heads of a layer.

    One number for each weighting of the documents. The chance level is 2 p (1 - p), p the share of (document, head) that hold the role, and the mean of it
    over layers, each with its own p.
    """

    observed: Float[np.ndarray, " weighting"]
    by_chance: Float[np.ndarray, " weighting"]
    by_chance_in_layer: Float[np.ndarray, " weighting"]

    def kappa(self) -> Float[np.ndarray, " weighting"]:
        """1 minus observed over chance; NaN where all or no heads hold the role in all documents."""
        return one_minus_ratio(self.observed, self.by_chance)

    def kappa_in_layer(self) -> Float[np.ndarray, " weighting"]:
        """The same against heads that change places within their layer only."""
        return one_minus_ratio(self.observed, self.by_chance_in_layer)


def in_total(parts: Sequence[Disagreement], weightings: int) -> Disagreement:
    """The sums over roles; a role that a weighting has in fewer than two documents adds nothing to it."""
    sums = {}
    for name in ("observed", "by_chance", "by_chance_in_layer"):
        known = [np.where(np.isnan(one.observed), 0.0, getattr(one, name)) for one in parts]
        sums[name] = np.sum(known, axis=0) if known else np.zeros(weightings)
    return Disagreement(**sums)


def one_minus_ratio(over: Float[np.ndarray, " weighting"], under: Float[np.ndarray, " weighting"]) -> Float[np.ndarray, " weighting"]:
    """1 - over / under; NaN where there is nothing to divide by."""
    return 1 - np.divide(over, under, out=np.full(over.shape, np.nan), where=under > 1e-12)


def disagreement(carried: Bool[np.ndarray, "document layer head"], weights: Float[np.ndarray, "weighting document"]) -> Disagreement:
    """Of every weighting of the documents; weights of 1 give Fleiss' numbers of two categories.

    A document that a resample has twice is not held against itself. Cost: weightings x documents x heads. *Source:* Fleiss 1971, Psychological Bulletin 76.
    """
    layers, heads = carried.shape[1:]
    holding = (weights.astype(float) @ carried.reshape(len(carried), -1)).reshape(-1, layers, heads)
    drawn = weights.sum(1, dtype=float)
    pairs = drawn**2 - (weights.astype(float) ** 2).sum(1)
    drawn = np.where(pairs > 0, drawn, np.nan)
    apart = 2 * (holding * (drawn[:, None, None] - holding)).sum((1, 2))
    observed = np.divide(apart, pairs * layers * heads, out=np.full(len(drawn), np.nan), where=pairs > 0)
    share, by_layer = holding.mean((1, 2)) / drawn, holding.mean(2) / drawn[:, None]
    return Disagreement(observed=observed, by_chance=2 * share * (1 - share), by_chance_in_layer=(2 * by_layer * (1 - by_layer)).mean(1))


def jaccard(carried: Bool[np.ndarray, "document head"]) -> tuple[Estimate, float]:
    """The mean over pairs of documents of the heads that both name over those that either does, with its interval; and the same of heads in any other order.

    Pairs in which neither names a head are left out; NaN where none is left. Of more than 400 documents 400 evenly chosen ones are paired. Memory:
    documents x documents.
    """
    chosen = carried[np.linspace(0, len(carried) - 1, min(len(carried), PAIRED_AT_MOST)).round().astype(int)].astype(float)
    sizes = chosen.sum(1)
    both = chosen @ chosen.T
    either = sizes[:, None] + sizes - both
    counted = (either > 0) & ~np.eye(len(chosen), dtype=bool)
    alike = np.divide(both, either, out=np.zeros_like(both), where=counted)
    if not counted.any():
        return Estimate(value=np.nan, low=np.nan, high=np.nan), np.nan
    weights = document_counts(len(chosen)).astype(float)
    sums, totals = (((weights @ matrix) * weights).sum(1) for matrix in (alike, counted.astype(float)))
    resampled = np.divide(sums, totals, out=np.full(len(sums), np.nan), where=totals > 0)
    found, place = np.unique(sizes.astype(int), return_inverse=True)
    by_size = np.array([[_expected_jaccard(carried.shape[1], *sorted((int(one), int(other)))) for other in found] for one in found])
    expected = by_size[place[:, None], place]
    return interval(float(alike[counted].mean()), resampled, len(chosen)), float(expected[counted].mean())


@cache
def _expected_jaccard(heads: int, fewer: int, more: int) -> float:
    """Of two sets of these sizes that are drawn from all heads: exact, since what they share has a hypergeometric distribution."""
    if not more:
        return 0.0
    shared = np.arange(fewer + 1)
    return float((stats.hypergeom.pmf(shared, heads, fewer, more) * shared / (fewer + more - shared)).sum())

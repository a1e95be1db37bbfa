"""Every two measures of a document's sentences compared: rank correlations, their intervals and p-values, shared heads, and what is left beyond controls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from reportgen.analyses.agreement.controls import partial_correlations
from reportgen.analyses.agreement.ranks import centred_ranks, chance_of_sharing, correlations, kendall, top_shared
from reportgen.analyses.agreement.resampling import intervals, kendall_intervals
from reportgen.analyses.agreement.shifts import kendall_p, partial_p, spearman_p

FEWEST = 5  # sentences
TOP_SHARE, TOP_AT_LEAST = 0.1, 3


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far two measures rank n sentences alike. `shared` of the `k` first of each are the same, `shared_chance` would be by chance.

    Intervals are of resampled blocks of sentences, p-values two-sided, of one ranking moved along the document; `partial` accounts for distance, length and
    the sink. NaN where a number does not exist: fewer than 5 sentences, all values of one equal, or controls that explain 99 % of one.
    """

    method: str
    reference: str
    n: int
    rho: float
    low: float
    high: float
    p_value: float
    tau: float
    tau_low: float
    tau_high: float
    tau_p: float
    k: int
    shared: int
    shared_chance: float
    shared_p: float
    partial: float
    partial_low: float
    partial_high: float
    partial_p: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """The same for every two of the `names`, each number a symmetric matrix."""

    names: tuple[str, ...]
    n: int
    k: int
    shared: Int[np.ndarray, "method method"]
    numbers: dict[str, Float[np.ndarray, "method method"]]

    def of(self, method: str, reference: str) -> Agreement:
        """The agreement of two of them."""
        place = self.names.index(method), self.names.index(reference)
        numbers = {name: float(matrix[place]) for name, matrix in self.numbers.items()}
        return Agreement(
            method=method, reference=reference, n=self.n, k=self.k, shared=int(self.shared[place]), shared_chance=self.k**2 / max(self.n, 1), **numbers
        )


def head_size(sentences: int) -> int:
    """How many sentences count as the first of a ranking: a tenth, at least 3."""
    return min(max(round(TOP_SHARE * sentences), TOP_AT_LEAST), sentences)


def compare(names: tuple[str, ...], values: Float[np.ndarray, "method sentence"], accounted: Float[np.ndarray, "control sentence"]) -> Comparison:
    """Compare every two rows. Cost: that of Kendall's tau, methods^2 x sentences^2 x resamples."""
    count = values.shape[1]
    k = head_size(count)
    if count < FEWEST:
        nothing = np.full((len(names), len(names)), np.nan)
        return Comparison(names=names, n=count, k=k, shared=top_shared(values, k), numbers=dict.fromkeys(NUMBERS, nothing))
    ranks = centred_ranks(values)
    rho, partial = intervals(values, accounted)
    tau, shared = kendall_intervals(values), top_shared(values, k)
    left = partial_correlations(ranks, accounted)
    low, high = (np.where(np.isnan(left), np.nan, end) for end in (partial.low, partial.high))
    found = (
        *(correlations(ranks @ ranks.T), rho.low, rho.high, spearman_p(ranks)),
        *(kendall(values), tau.low, tau.high, kendall_p(values), chance_of_sharing(shared, count, k)),
        *(left, low, high, partial_p(ranks, accounted)),
    )
    return Comparison(names=names, n=count, k=k, shared=shared, numbers=dict(zip(NUMBERS, found, strict=True)))


NUMBERS = ("rho", "low", "high", "p_value", "tau", "tau_low", "tau_high", "tau_p", "shared_p", "partial", "partial_low", "partial_high", "partial_p")

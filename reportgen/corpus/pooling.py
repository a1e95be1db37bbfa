"""Correlations of several documents as one: the mean of a random-effects model on Fisher's z, and how far documents differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

from reportgen.analyses.curves.resampling import CONFIDENCE, Estimate

POOLED_FROM = 3  # documents: two have one degree of freedom, and an interval that says nothing
NORMAL = float(stats.norm.ppf((1 + CONFIDENCE) / 2))
AT_MOST = 1 - 1e-9  # of a correlation whose z is taken


@dataclass(frozen=True, kw_only=True)
class Pooled:
    """The mean correlation of `documents` and its interval, and `another`: where that of one more document would lie in 95 of 100 cases.

    `tau` is the standard deviation of the documents' own correlations, in z; `i_squared` the share of all variation that is more than chance; `q_p` the
    p-value of no difference between documents. NaN where there are fewer than 3 documents.
    """

    documents: int
    mean: Estimate
    another: Estimate
    tau: float
    i_squared: float
    q: float
    q_p: float


def z_variance(
    rho: Float[np.ndarray, " document"], low: Float[np.ndarray, " document"], high: Float[np.ndarray, " document"], left: Int[np.ndarray, " document"]
) -> Float[np.ndarray, " document"]:
    """The variance of atanh(rho): the greater of that of the document's own interval and (1 + rho^2 / 2) / (left - 3); NaN where `left` is 3 or less.

    `left` is how many sentences are ranked, less the controls of a partial correlation. The interval knows that neighbours are alike; of few sentences, or at
    its end of 1 or -1, it is no measure. *Source:* Bonett and Wright 2000, Psychometrika 65, for Spearman's rho.
    """
    of_interval = ((np.arctanh(_inside(high)) - np.arctanh(_inside(low))) / 2 / NORMAL) ** 2
    free = np.where(left > 3, left - 3.0, np.nan)
    return np.fmax(of_interval, (1 + rho**2 / 2) / free) + 0 * free


def _inside(rho: Float[np.ndarray, " document"]) -> Float[np.ndarray, " document"]:
    return np.clip(rho, -AT_MOST, AT_MOST)


def pool(rho: Float[np.ndarray, " document"], variance: Float[np.ndarray, " document"]) -> Pooled:
    """The random-effects mean of correlations whose z have these variances; what has no number is left out.

    Variance between documents: DerSimonian and Laird 1986; interval of the mean: Student's t after Hartung and Knapp 2001, no narrower than without their
    factor (Roever et al. 2015); I^2: Higgins and Thompson 2002; interval of another document: Higgins et al. 2009.
    """
    known = np.isfinite(rho) & np.isfinite(variance)
    z, variance = np.arctanh(_inside(rho[known])), variance[known]
    if len(z) < POOLED_FROM:
        nothing = Estimate(value=np.nan, low=np.nan, high=np.nan)
        return Pooled(documents=len(z), mean=nothing, another=nothing, tau=np.nan, i_squared=np.nan, q=np.nan, q_p=np.nan)
    q, tau2 = between_documents(z, variance)
    weights = 1 / (variance + tau2)
    mean, freedom = float((weights * z).sum() / weights.sum()), len(z) - 1
    factor = max(float((weights * (z - mean) ** 2).sum()) / freedom, 1.0)
    deviation = float(np.sqrt(factor / weights.sum()))
    return Pooled(
        documents=len(z),
        mean=_back(mean, deviation, freedom),
        another=_back(mean, float(np.sqrt(tau2 + deviation**2)), freedom - 1),
        tau=float(np.sqrt(tau2)),
        i_squared=max(0.0, (q - freedom) / q) if q > 0 else 0.0,
        q=q,
        q_p=float(stats.chi2.sf(q, freedom)),
    )


def between_documents(z: Float[np.ndarray, " document"], variance: Float[np.ndarray, " document"]) -> tuple[float, float]:
    """Cochran's Q, and the variance between documents. *Source:* DerSimonian and Laird 1986, equation 8."""
    weights = 1 / variance
    mean = (weights * z).sum() / weights.sum()
    q = float((weights * (z - mean) ** 2).sum())
    scale = weights.sum() - (weights**2).sum() / weights.sum()
    return q, max(0.0, (q - len(z) + 1) / float(scale))


def _back(mean: float, deviation: float, freedom: int) -> Estimate:
    """From z to a correlation, with Student's interval."""
    margin = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * deviation
    return Estimate(value=float(np.tanh(mean)), low=float(np.tanh(mean - margin)), high=float(np.tanh(mean + margin)))

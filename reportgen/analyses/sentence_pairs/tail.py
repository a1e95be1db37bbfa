"""How heavy the upper tail of standardised numbers is, and how often chance goes as far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats

FREEDOM = np.array([1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 60, 100, 200, 1000.0])
UPPER_QUARTILES = stats.t.ppf(0.75, FREEDOM)
CENSORED = 0.02


@dataclass(frozen=True, kw_only=True)
class Tail:
    """Student's distribution of `freedom` degrees, times `scale`; NaN where there is nothing to fit."""

    freedom: float
    scale: float

    def above(self, z: Float[np.ndarray, " number"], freedom_of_scale: Float[np.ndarray, " number"]) -> Float[np.ndarray, " number"]:
        """How often chance exceeds z, where z was divided by a scale that is itself estimated with so many degrees of freedom.

        Both uncertainties make tails heavier; their excess kurtosis, about 6 / degrees each, adds up, and so do the reciprocals of the degrees.
        """
        return stats.t.sf(z / self.scale, 1 / (1 / self.freedom + 1 / freedom_of_scale))


def upper_tail(z: Float[np.ndarray, " number"]) -> Tail:
    """The tail of the numbers above 0, whose median is 0 when there is no signal, without their extremes.

    The degrees of freedom are the fewest within one standard error of the greatest likelihood (half a unit of log-likelihood); the scale is that of the
    median of the positive numbers. The greatest 2 % of these, where links that are real lie, are censored: of them it counts only how many there are.
    *Source:* maximum likelihood of Student's distribution as in Lange, Little and Taylor 1989; estimating the null distribution from the bulk of the
    numbers themselves after Efron 2004; defined here in this form.
    """
    positive = z[z > 0]
    if len(positive) < 2:
        return Tail(freedom=np.nan, scale=np.nan)
    limit, scales = np.quantile(positive, 1 - CENSORED), np.median(positive) / UPPER_QUARTILES
    below = positive[positive <= limit]
    likelihood = np.array([_likelihood(below, limit, len(positive) - len(below), *curve) for curve in zip(FREEDOM, scales, strict=True)])
    fewest = int(np.flatnonzero(likelihood.max() - likelihood <= 0.5)[0])
    return Tail(freedom=float(FREEDOM[fewest]), scale=float(scales[fewest]))


def _likelihood(below: Float[np.ndarray, " number"], limit: float, above: int, freedom: float, scale: float) -> float:
    """The logarithm of the likelihood, but for a constant, of numbers below a limit and of how many are above it."""
    density = stats.t.logpdf(below / scale, freedom).sum() - len(below) * np.log(scale)
    return float(density + above * stats.t.logsf(limit / scale, freedom))

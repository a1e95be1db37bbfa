"""Intervals from resampling the tokens of one target, and of differences to random orders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats

from reportgen.analyses.agreement.resampling import block_counts, block_length

RESAMPLES = 2000
FEWEST_PARTS = 8
CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number and its interval; NaN where there is none."""

    value: float
    low: float
    high: float

    @property
    def above_zero(self) -> bool:
        """Whether the whole interval is."""
        return bool(self.low > 0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Resampling:
    """Weights of the parts in each resample, rows that sum to 1; `blocks` of neighbours, the end followed by the start, as `block_counts` draws them."""

    weights: Float[np.ndarray, "resample part"] | None
    blocks: int

    @classmethod
    def of(cls, parts: int) -> Resampling:
        """None are made of fewer than 8 parts."""
        blocks = -(-parts // block_length(parts))
        if parts < FEWEST_PARTS:
            return cls(weights=None, blocks=blocks)
        return cls(weights=block_counts(parts, RESAMPLES, round_the_end=True) / parts, blocks=blocks)

    def means(self, parts: Float[np.ndarray, "*series part"]) -> Float[np.ndarray, "*series resample"]:
        """The mean of each series in each resample; NaN for one where there are none."""
        if self.weights is None:
            return np.full((*parts.shape[:-1], 1), np.nan)
        return parts @ self.weights.T

    def interval(self, value: float, resampled: Float[np.ndarray, " resample"], confidence: float = CONFIDENCE) -> Estimate:
        """The value and its interval: Student's t, with one degree of freedom less than there are blocks, times the deviation of the resamples."""
        if self.weights is None:
            return Estimate(value=float(value), low=np.nan, high=np.nan)
        return around(value, float(resampled.std()), self.blocks - 1, confidence)

    def over_draws(
        self, value: float, resampled: Float[np.ndarray, " resample"], draws: Float[np.ndarray, " draw"], confidence: float = CONFIDENCE
    ) -> Estimate:
        """How far a value is from those of random orders: an interval that another random order would lie in as often as `confidence` says.

        Deviation: that of the resampled differences to the draws' mean, and that of one more draw, s sqrt(1 + 1 / draws), added as variances. Without
        resamples it is that of one more draw alone.
        """
        if len(draws) < 2:
            return Estimate(value=float(value - draws.mean()), low=np.nan, high=np.nan)
        of_draw = float(draws.var(ddof=1)) * (1 + 1 / len(draws))
        of_parts, freedom = (0.0, len(draws) - 1) if self.weights is None else (float(resampled.var()), min(len(draws), self.blocks) - 1)
        return around(value - float(draws.mean()), float(np.sqrt(of_draw + of_parts)), freedom, confidence)


def around(value: float, deviation: float, freedom: int, confidence: float) -> Estimate:
    """Student's interval; none without a degree of freedom."""
    margin = float(stats.t.ppf((1 + confidence) / 2, freedom)) * deviation if freedom > 0 else np.nan
    return Estimate(value=float(value), low=float(value - margin), high=float(value + margin))

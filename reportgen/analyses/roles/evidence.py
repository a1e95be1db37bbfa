"""A role's score for every head, how sure it is, and which heads pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from reportgen.analyses.roles.resampling import interval, share_above, sure


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """Scores, and for each the share of resamples above the threshold and the interval of the middle 95 % of them; NaN where nothing was resampled.

    `passes` marks scores above the threshold that meet the role's other conditions; `q_value` is the false-discovery rate over heads where the role is tested.
    """

    values: Float[np.ndarray, "layer head"]
    low: Float[np.ndarray, "layer head"]
    high: Float[np.ndarray, "layer head"]
    confidence: Float[np.ndarray, "layer head"]
    passes: Bool[np.ndarray, "layer head"]
    q_value: Float[np.ndarray, "layer head"] | None = None

    @property
    def carried(self) -> Bool[np.ndarray, "layer head"]:
        """Heads that pass, and pass in 0.95 of the resamples or more where there are any."""
        return self.passes & sure(self.confidence)

    @property
    def uncertain(self) -> Bool[np.ndarray, "layer head"]:
        """Heads that pass, but in fewer resamples."""
        return self.passes & ~sure(self.confidence)


def weigh(
    values: Float[np.ndarray, "layer head"],
    resamples: Float[np.ndarray, "resample layer head"] | None,
    threshold: float,
    also: Bool[np.ndarray, "layer head"] | bool = True,
    q_value: Float[np.ndarray, "layer head"] | None = None,
) -> Evidence:
    """The evidence of scores, their resamples if any, a threshold and a further condition."""
    nothing = np.full(values.shape, np.nan)
    low, high = (nothing, nothing) if resamples is None else interval(resamples)
    confidence = nothing if resamples is None else share_above(resamples, threshold)
    return Evidence(values=values, low=low, high=high, confidence=confidence, passes=(values > threshold) & also, q_value=q_value)

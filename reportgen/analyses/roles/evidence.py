"""A role's score for every head, how sure it is, and which heads pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from reportgen.analyses.roles.resampling import SURE, interval, share_above


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """Scores, and for each the share of resamples above the threshold and the interval of the middle 95 % of them; NaN where no resample has a score.

    `resampled` is false where there is nothing to draw again, and then a score that passes is enough; `not_stored` where the file lacks what would be drawn, and
    then no score is sure. `passes` marks scores above the threshold that meet the role's other conditions; `q_value` is the false-discovery rate over heads
    where the role is tested.
    """

    values: Float[np.ndarray, "layer head"]
    low: Float[np.ndarray, "layer head"]
    high: Float[np.ndarray, "layer head"]
    confidence: Float[np.ndarray, "layer head"]
    passes: Bool[np.ndarray, "layer head"]
    q_value: Float[np.ndarray, "layer head"] | None = None
    resampled: bool = True
    not_stored: bool = False

    @property
    def carried(self) -> Bool[np.ndarray, "layer head"]:
        """Heads that pass, and pass in 0.95 of the resamples or more where they are resampled."""
        return self.passes & ((self.confidence >= SURE) | (not self.resampled))

    @property
    def uncertain(self) -> Bool[np.ndarray, "layer head"]:
        """Heads that pass, but in fewer resamples, or of too few sentences to resample."""
        return self.passes & ~self.carried


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
    passes = (values > threshold) & also
    return Evidence(values=values, low=low, high=high, confidence=confidence, passes=passes, q_value=q_value, resampled=resamples is not None)

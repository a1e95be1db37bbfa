"""What a curve says of an order, part by part of the target: comprehensiveness, sufficiency, and areas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from reportgen.analyses.curves.resampling import Resampling
from reportgen.contract.faithfulness import BINS, count_of
from reportgen.measurements import Measurements

LOSS = "nats"
FEWEST_STEPS = 2  # between none and all, of an area


@dataclass(frozen=True, kw_only=True, eq=False)
class Curves:
    """How much worse the target is than intact, by order, step and part: methods first, then random orders. NaN where not measured."""

    counts: Int[np.ndarray, " step"]
    deletion: Float[np.ndarray, "order step part"]
    insertion: Float[np.ndarray, "order step part"]
    intact: Float[np.ndarray, " part"]
    sign: int  # +1 where a greater target is worse

    @classmethod
    def of(cls, measurements: Measurements) -> Curves:
        """A target in nats is worse when it is greater, a logit or a product when it is smaller."""
        sign = 1 if measurements.metadata["target"].get("unit", LOSS) == LOSS else -1
        joined = {
            curve: np.concatenate([measurements[f"faithfulness.{curve}"], measurements[f"faithfulness.random_{curve}"]]).astype(np.float64)
            for curve in ("deletion", "insertion")
        }
        intact = joined["deletion"][0, 0]
        worse = {curve: sign * (values - intact) for curve, values in joined.items()}
        return cls(counts=measurements["faithfulness.counts"], intact=intact, sign=sign, **worse)

    @property
    def sentences(self) -> int:
        """How many can be taken out."""
        return int(self.counts[-1])

    @property
    def all_out(self) -> Float[np.ndarray, " part"]:
        """With all of them taken out."""
        return self.deletion[0, -1]

    def percents(self, curve: str) -> tuple[int, ...]:
        """Those of the paper's percentages that were measured."""
        known = self._known(curve)
        return tuple(percent for percent in BINS if known[self.counts == count_of(percent, self.sentences)].any())

    def bins(self, curve: str) -> tuple[int, ...]:
        """How many sentences these are, without repeats."""
        return tuple(sorted({count_of(percent, self.sentences) for percent in self.percents(curve)}))

    def aopc(self, curve: str) -> Float[np.ndarray, "order part"]:
        """Mean over the bins of how much worse the target is. *Source:* DeYoung et al. 2020, section 4.2. NaN where no bin was measured."""
        steps, values = np.isin(self.counts, self.bins(curve)), getattr(self, curve)
        return values[:, steps].mean(1) if steps.any() else np.full((len(values), len(self.intact)), np.nan)

    def under(self, curve: str) -> Float[np.ndarray, "order part"]:
        """The integral of how much worse the target is over the share of sentences, by trapezoids; NaN where fewer than two steps between were measured."""
        values = getattr(self, curve)
        known = self._known(curve)
        if known.sum() < FEWEST_STEPS + 2:
            return np.full((len(values), len(self.intact)), np.nan)
        return np.trapezoid(values[:, known], self.counts[known] / self.sentences, axis=1)

    def _known(self, curve: str) -> Bool[np.ndarray, " step"]:
        return ~np.isnan(getattr(self, curve)).any((0, 2))


@dataclass(frozen=True, kw_only=True, eq=False)
class Score:
    """A number for each order, and for each order in each resample. `better` is +1 where more is better, -1 where less is."""

    values: Float[np.ndarray, " order"]
    resampled: Float[np.ndarray, "order resample"]
    better: int


def scores_of(curves: Curves, resampling: Resampling) -> dict[str, Score]:
    """Comprehensiveness and sufficiency, means over parts; areas as shares of what taking all out costs."""
    found = {
        "comprehensiveness": _mean(curves.aopc("deletion"), resampling, 1),
        "sufficiency": _mean(curves.aopc("insertion"), resampling, -1),
        "deletion_area": _share(curves.under("deletion"), curves.all_out, resampling),
    }
    regained = curves.all_out - curves.under("insertion")
    return found | {"insertion_area": _share(regained, curves.all_out, resampling)}


def _mean(parts: Float[np.ndarray, "order part"], resampling: Resampling, better: int) -> Score:
    return Score(values=parts.mean(1), resampled=resampling.means(parts), better=better)


def _share(parts: Float[np.ndarray, "order part"], whole: Float[np.ndarray, " part"], resampling: Resampling) -> Score:
    """The ratio of two means; NaN where taking all out does not make the target worse for certain."""
    wholes = resampling.means(whole)
    cost = resampling.interval(float(whole.mean()), wholes)
    if not (cost.low > 0 or (np.isnan(cost.low) and cost.value > 0)):
        nothing = np.full(len(parts), np.nan)
        return Score(values=nothing, resampled=np.full((len(parts), len(wholes)), np.nan), better=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Score(values=parts.mean(1) / whole.mean(), resampled=resampling.means(parts) / wholes, better=1)

"""Whether one method's order is better than every other and than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reportgen.analyses.curves.measures import Score
from reportgen.analyses.curves.resampling import CONFIDENCE, Resampling

RISK = 1 - CONFIDENCE


@dataclass(frozen=True, kw_only=True)
class Best:
    """The method that leads by a number, and whether it stands out: `better_than` of the `others` by an interval, and than random orders.

    `named` is the leader where it stands out from all others and from chance, else None. `sayable` is False where the target has too few tokens to resample.
    """

    leader: str
    named: str | None
    better_than: int
    others: int
    over_random: bool
    sayable: bool


def best_of(score: Score, methods: Sequence[str], resampling: Resampling) -> Best | None:
    """The leader against every other, paired by resample, and against random orders; None where there are no numbers.

    Intervals are of confidence 1 - 0.05 / comparisons (Bonferroni): all pairs of methods in the first case, since the leader was chosen among them,
    all methods in the second.
    """
    values = score.better * score.values
    if np.isnan(values).any():
        return None
    count = len(methods)
    leader = int(values[:count].argmax())
    others = [place for place in range(count) if place != leader]
    resampled = score.better * score.resampled
    pairs = max(count * (count - 1) // 2, 1)
    gaps = [resampling.interval(values[leader] - values[other], resampled[leader] - resampled[other], 1 - RISK / pairs) for other in others]
    draws = values[count:]
    chance = resampling.over_draws(values[leader], resampled[leader] - resampled[count:].mean(0), draws, 1 - RISK / count)
    better_than, sayable = sum(gap.above_zero for gap in gaps), resampling.weights is not None
    stands_out = sayable and bool(others) and better_than == len(others) and chance.above_zero
    return Best(
        leader=methods[leader],
        named=methods[leader] if stands_out else None,
        better_than=better_than,
        others=len(others),
        over_random=chance.above_zero,
        sayable=sayable,
    )

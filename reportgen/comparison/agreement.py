"""How far the matrices of two files agree at equal distances."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from reportgen.analyses.agreement.mantel import PairAgreement, WholeMatrices, compare_whole
from reportgen.characters import capitalised
from reportgen.comparison.ground import Cells, Ground
from reportgen.measurements import Measurements

MEASURES = {"isa": "ISA", "rollout": "rollout", "rollout_without_sink": "rollout without the sink"}


@dataclass(frozen=True, kw_only=True)
class Agreeing:
    """A measure of pairs of sentences in both files: the mean of each over the pairs compared, the mean size of the difference, and how far ranks agree."""

    measure: str
    mean_a: float
    mean_b: float
    apart: float
    found: PairAgreement


def agreements(ground: Ground, cells: Cells, a: Measurements, b: Measurements) -> tuple[tuple[Agreeing, ...], tuple[str, ...]]:
    """By lift and by every other measure that both files hold, over units that are in one order in both; and what is left out, with the reason.

    Distance is in units that both have. *Source:* a Mantel test that keeps each pair's distance; see `compare_whole`.
    """
    kept = cells.content & ground.ordered[:, None] & ground.ordered
    found, left_out = [], []
    for label, one, other in _matrices(ground, cells, a, b):
        known = kept & np.isfinite(one) & np.isfinite(other)
        found.append(_agreeing(label, one, other, known, ground))
    for name, label in MEASURES.items():
        missing = [which for which, of in (("A", a), ("B", b)) if f"*.{name}" not in of]
        if missing and len(missing) < 2:
            left_out.append(f"{capitalised(label)} is not in {missing[0]} and cannot be compared.")
    return tuple(found), tuple(left_out)


def _matrices(ground: Ground, cells: Cells, a: Measurements, b: Measurements) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    yield "lift over even attention", cells.a.lift, cells.b.lift
    for name, label in MEASURES.items():
        if all(f"*.{name}" in of for of in (a, b)):
            whole = [of.by_pair.pairs.matrix(of.by_pair[f"*.{name}"]) for of in (a, b)]
            pool = [pooling.greatest if name == "isa" else pooling.shares for pooling in (ground.a, ground.b)]
            yield label, pool[0](whole[0]), pool[1](whole[1])


def _agreeing(label: str, one: Float[np.ndarray, "unit unit"], other: Float[np.ndarray, "unit unit"], known: np.ndarray, ground: Ground) -> Agreeing:
    place = np.cumsum(ground.ordered) - 1
    queries, keys = np.nonzero(known)
    values = np.stack([one[known], other[known]])
    whole = WholeMatrices(names=("A", "B"), values=values, queries=place[queries], keys=place[keys], sentences=max(int(ground.ordered.sum()), 2))
    means = values.mean(1) if values.size else np.full(2, np.nan)
    return Agreeing(
        measure=label,
        mean_a=float(means[0]),
        mean_b=float(means[1]),
        apart=float(np.abs(values[1] - values[0]).mean()) if values.size else np.nan,
        found=compare_whole(whole)[0],
    )

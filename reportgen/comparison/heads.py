"""Which heads of another model look most alike: not the same heads, but the best matches, beside what chance matches reach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from reportgen.analyses.agreement.mantel import FEWEST_PAIRS, ranks_within
from reportgen.comparison.ground import Cells, Ground, Pooling, Side
from reportgen.comparison.rounding import STORED, layers_of
from reportgen.measurements import Measurements

UNITS_AT_MOST = 400
MOVES, SEED = 40, 0
LISTED = 10


@dataclass(frozen=True, kw_only=True)
class BestMatch:
    """A head of A and the head of B that ranks pairs of one distance most alike."""

    a: str
    b: str
    correlation: float


@dataclass(frozen=True, kw_only=True, eq=False)
class HeadMatches:
    """Each head's best match in the other file: correlation of ranks within distances. `chance` is the 95th percentile of best matches with the text moved."""

    best_a: Float[np.ndarray, "layer_a head_a"]
    best_b: Float[np.ndarray, "layer_b head_b"]
    chance_a: float
    chance_b: float
    listed: tuple[BestMatch, ...]


def head_matches(ground: Ground, cells: Cells, a: Measurements, b: Measurements) -> HeadMatches | str:
    """Compare every head with every head; or why not. Memory: heads of both x units x units, float32."""
    if any(STORED not in of for of in (a, b)):
        return "Heads are not matched: attention by head is not stored in both files."
    ordered = np.flatnonzero(ground.ordered)
    kept = cells.content[np.ix_(ordered, ordered)]
    if kept.sum() < FEWEST_PAIRS or len(ordered) > UNITS_AT_MOST:
        return f"Heads are not matched: that takes {FEWEST_PAIRS} pairs of sentences at least and {UNITS_AT_MOST} sentences at most."
    sides = [_ranked(pooling, side, of, ordered, kept) for pooling, side, of in ((ground.a, cells.a, a), (ground.b, cells.b, b))]
    found = _correlations(*sides, kept)
    drawn = [_chance(sides, kept, step) for step in _steps(len(ordered))]
    chance = [float(np.quantile([best for one in drawn for best in _best(one, axis)], 0.95)) if drawn else np.nan for axis in (1, 0)]
    shapes = [(of.metadata["layers"], of.metadata["heads"]) for of in (a, b)]
    return HeadMatches(
        best_a=_best(found, 1).reshape(shapes[0]),
        best_b=_best(found, 0).reshape(shapes[1]),
        chance_a=chance[0],
        chance_b=chance[1],
        listed=_listed(found, shapes),
    )


def _ranked(
    pooling: Pooling, side: Side, measurements: Measurements, ordered: Int[np.ndarray, " unit"], kept: Bool[np.ndarray, "unit unit"]
) -> Float[np.ndarray, "head unit unit"]:
    """Ranks of lift among the pairs of one distance, 0 where a pair does not count."""
    queries, keys = np.nonzero(kept)
    found = []
    for layer in layers_of(measurements, STORED):
        pooled = pooling.shares(layer)[:, ordered[:, None], ordered]
        lifts = pooled[:, kept] / side.expected[np.ix_(ordered, ordered)][kept]
        ranks = np.zeros(pooled.shape, np.float32)
        ranks[:, kept] = ranks_within(lifts, queries - keys)
        found.append(ranks)
    return np.concatenate(found)


def _correlations(one: np.ndarray, other: np.ndarray, kept: np.ndarray) -> Float[np.ndarray, "head_a head_b"]:
    rows = [part[:, kept] for part in (one, other)]
    lengths = [np.maximum(np.linalg.norm(part, axis=1), 1e-6) for part in rows]
    return (rows[0] @ rows[1].T) / lengths[0][:, None] / lengths[1]


def _steps(units: int) -> list[int]:
    steps = np.arange(max(units // 8, 1), units // 2 + 1)
    chosen = steps if len(steps) <= MOVES else np.random.default_rng(SEED).choice(steps, MOVES, replace=False)
    return np.sort(chosen).tolist()


def _chance(sides: list[np.ndarray], kept: np.ndarray, step: int) -> Float[np.ndarray, "head_a head_b"]:
    """One file against the other so many units on, where every pair keeps its distance; scaled by the root of the share of units that overlap."""
    overlap = kept[step:, step:] & kept[:-step, :-step]
    return _correlations(sides[0][:, step:, step:], sides[1][:, :-step, :-step], overlap) * np.sqrt(1 - step / len(kept))


def _best(found: Float[np.ndarray, "head_a head_b"], axis: int) -> Float[np.ndarray, " head"]:
    return found.max(axis)


def _listed(found: Float[np.ndarray, "head_a head_b"], shapes: list[tuple[int, int]]) -> tuple[BestMatch, ...]:
    """The pairs of heads that are each other's best match, the likest first, at most 10."""
    mutual = [(i, int(j)) for i, j in enumerate(found.argmax(1)) if found[:, j].argmax() == i]
    names = [[f"{place // heads}.{place % heads}" for place in range(layers * heads)] for layers, heads in shapes]
    chosen = sorted(mutual, key=lambda pair: -found[pair])[:LISTED]
    return tuple(BestMatch(a=names[0][i], b=names[1][j], correlation=float(found[i, j])) for i, j in chosen)

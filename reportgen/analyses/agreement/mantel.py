"""How far matrices of sentence pairs agree at equal distances, and how often chance would make them: a Mantel test that keeps every pair's distance."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

from reportgen.analyses.agreement.ranks import centred_ranks, correlations
from reportgen.analyses.sentence_pairs.two_way_fit import TwoWayFit

MOVES, SEED = 100, 0
FEWEST_PAIRS = 30
LEAST = 1e-6  # of the greatest that ranks can vary by; less is rounding
BANDS_PER_DOUBLING = 2


@dataclass(frozen=True, kw_only=True)
class PairAgreement:
    """How far two matrices agree over the `pairs` that both know. `rho` is Spearman's; `within` correlates ranks among the pairs of one distance.

    `partial` is the same once each sentence's own terms (as query, as key) are out of both, or of the one that knows all pairs where the other does not. p-values
    are two-sided, of `moves`. NaN where a number does not exist: fewer than 30 pairs, equal values, two matrices that know only some pairs.
    """

    first: str
    second: str
    pairs: int
    moves: int
    rho: float
    within: float
    within_p: float
    partial: float
    partial_p: float


@dataclass(frozen=True, kw_only=True, eq=False)
class WholeMatrices:
    """Matrices that know the same pairs: `values` by pair, the sentences of each pair, and how many sentences there are."""

    names: tuple[str, ...]
    values: Float[np.ndarray, "matrix pair"]
    queries: Int[np.ndarray, " pair"]
    keys: Int[np.ndarray, " pair"]
    sentences: int

    @cached_property
    def within(self) -> Float[np.ndarray, "matrix pair"]:
        """Ranks among the pairs of the same distance."""
        return ranks_within(self.values, self.queries.astype(int) - self.keys)

    @cached_property
    def left(self) -> Float[np.ndarray, "matrix pair"]:
        """Those ranks without the terms of the query and of the key sentence; nothing where the terms take more than half of the numbers."""
        terms = len(np.unique(self.queries)) + len(np.unique(self.keys)) - 1
        if len(self.keys) < max(2 * terms, FEWEST_PAIRS):
            return np.zeros_like(self.within)
        nothing, even = np.zeros((len(self.keys), 1)), np.ones(len(self.keys))
        fit = TwoWayFit(queries=self.queries, keys=self.keys, features=nothing, weights=even, sentences=self.sentences)
        return np.ascontiguousarray(fit.residuals(self.within.T).T)

    @cached_property
    def moves(self) -> Int[np.ndarray, " move"]:
        """By how many sentences matrices are moved: all up to half of the text, or 100 of these drawn."""
        steps = np.arange(1, self.sentences // 2 + 1)
        return steps if len(steps) <= MOVES else np.sort(np.random.default_rng(SEED).choice(steps, MOVES, replace=False))

    def as_matrices(self, values: Float[np.ndarray, "matrix pair"]) -> Float[np.ndarray, "matrix sentence sentence"]:
        """The same as whole matrices, float32, 0 where a pair is not known."""
        whole = np.zeros((len(values), self.sentences, self.sentences), np.float32)
        whole[:, self.queries, self.keys] = values
        return whole


@dataclass(frozen=True, kw_only=True, eq=False)
class SomePairs:
    """A matrix of which some pairs are known."""

    name: str
    values: Float[np.ndarray, " pair"]
    queries: Int[np.ndarray, " pair"]
    keys: Int[np.ndarray, " pair"]

    @cached_property
    def within(self) -> Float[np.ndarray, " pair"]:
        """Ranks among the pairs of about the same distance."""
        return ranks_within(self.values[None], distance_bands(self.queries.astype(int) - self.keys))[0]


def compare_whole(whole: WholeMatrices) -> tuple[PairAgreement, ...]:
    """Every two of them. One is moved along the text against the other, both ways, by up to half of it, and compared where they still overlap.

    A move keeps each pair's distance, which sentences are neighbours, and what a sentence draws from all others; chance's correlations are scaled by the root of
    the share of sentences that overlap. *Source:* Mantel 1967, whose permutations change distances; moves in place of permutations: defined here, after
    the torus translations of Harms et al. 2001. Memory: matrices x sentences x sentences, twice.
    """
    rho = correlations(*(ranks @ ranks.T for ranks in [centred_ranks(whole.values)]))
    enough = whole.values.shape[1] >= FEWEST_PAIRS
    found = [_at_equal_distance(whole, rows, enough) for rows in (whole.within, whole.left)]
    places = [(one, other) for one in range(len(whole.names)) for other in range(one + 1, len(whole.names))]
    return tuple(
        PairAgreement(
            first=whole.names[one],
            second=whole.names[other],
            pairs=whole.values.shape[1],
            moves=2 * len(whole.moves),
            rho=float(rho[one, other]) if enough else np.nan,
            **{
                f"{name}{part}": float(numbers[one, other])
                for name, pair in zip(("within", "partial"), found, strict=True)
                for part, numbers in zip(("", "_p"), pair, strict=True)
            },
        )
        for one, other in places
    )


def _at_equal_distance(
    whole: WholeMatrices, rows: Float[np.ndarray, "matrix pair"], enough: bool
) -> tuple[Float[np.ndarray, "matrix matrix"], Float[np.ndarray, "matrix matrix"]]:
    """Correlations and their p."""
    found = correlations(rows @ rows.T, LEAST * rows.shape[1])
    if not enough:
        return np.full_like(found, np.nan), np.full_like(found, np.nan)
    matrices, count = whole.as_matrices(rows), whole.sentences
    as_great = np.zeros(found.shape, int)
    for step in whole.moves.tolist():
        still, moved = (np.ascontiguousarray(part).reshape(len(rows), -1) for part in (matrices[:, : count - step, : count - step], matrices[:, step:, step:]))
        lengths = [np.maximum(np.sqrt(np.einsum("mp,mp->m", part, part)), 1e-12) for part in (still, moved)]
        chance = np.abs(still @ moved.T) / lengths[0][:, None] / lengths[1] * np.sqrt((count - step) / count)
        as_great += (chance >= np.abs(found) - 1e-6).astype(int) + (np.abs(found) - 1e-6 <= chance.T)
    return found, np.where(np.isnan(found), np.nan, (1 + as_great) / (1 + 2 * len(whole.moves)))


def compare_some(some: SomePairs, whole: WholeMatrices) -> tuple[PairAgreement, ...]:
    """A matrix of which some pairs are known against each that knows all: the latter are moved along the text, as above."""
    place = np.full((whole.sentences, whole.sentences), -1)
    place[whole.queries, whole.keys] = np.arange(len(whole.keys))
    known = place[some.queries, some.keys] >= 0
    some = SomePairs(name=some.name, values=some.values[known], queries=some.queries[known], keys=some.keys[known])
    steps, enough = np.concatenate([[0], whole.moves, -whole.moves]), len(some.values) >= FEWEST_PAIRS
    moved = [_moved(some, rows, steps, place) for rows in (whole.within, whole.left)] if enough else [np.full((len(whole.names), 1), np.nan)] * 2
    there = whole.values[:, place[some.queries, some.keys]]
    return tuple(
        PairAgreement(
            first=some.name,
            second=name,
            pairs=len(some.values),
            moves=len(steps) - 1,
            rho=_rho(some.values, there[matrix]) if enough else np.nan,
            within=float(moved[0][matrix, 0]),
            within_p=_share_as_great(moved[0][matrix]),
            partial=float(moved[1][matrix, 0]),
            partial_p=_share_as_great(moved[1][matrix]),
        )
        for matrix, name in enumerate(whole.names)
    )


def _rho(one: Float[np.ndarray, " pair"], other: Float[np.ndarray, " pair"]) -> float:
    """Spearman's."""
    ranks = centred_ranks(np.stack([one, other]))
    return float(correlations(ranks @ ranks.T)[0, 1])


def _share_as_great(moved: Float[np.ndarray, " move"]) -> float:
    """Of all moves, the first of which moves nothing; NaN where that has no number."""
    return float((np.abs(moved) >= abs(moved[0]) - 1e-9).mean()) if not np.isnan(moved[0]) else np.nan


def _moved(
    some: SomePairs, rows: Float[np.ndarray, "matrix pair"], steps: Int[np.ndarray, " move"], place: Int[np.ndarray, "sentence sentence"]
) -> Float[np.ndarray, "matrix move"]:
    """Correlations with numbers of pairs so many sentences on, scaled by the root of the share of pairs that there are; 0 where hardly any is."""
    count, found = len(place), np.zeros((len(rows), len(steps)))
    for at, step in enumerate(steps.tolist()):
        queries, keys = some.queries + step, some.keys + step
        inside = (np.minimum(queries, keys) >= 0) & (np.maximum(queries, keys) < count)
        where = np.where(inside, place[queries.clip(0, count - 1), keys.clip(0, count - 1)], -1)
        known = where >= 0
        one, least, overlap = some.within[known], LEAST * max(known.sum(), 1), np.sqrt(known.mean())
        for matrix, other in enumerate(rows.take(where[known], axis=1)):
            scale = np.sqrt((one @ one) * (other @ other))
            if scale > least:
                found[matrix, at] = (one @ other) / scale * overlap
            elif not step:
                found[matrix, at] = np.nan
    return found


def compare_two_some(one: SomePairs, other: SomePairs) -> PairAgreement:
    """Spearman's rho of the pairs that both know; no p, since neither can be moved."""
    size = int(max(part.max(initial=0) for part in (one.queries, one.keys, other.queries, other.keys))) + 1
    places = [part.queries.astype(int) * size + part.keys for part in (one, other)]
    _, here, there = np.intersect1d(*places, assume_unique=True, return_indices=True)
    pairs, rho = len(here), np.nan
    if pairs >= FEWEST_PAIRS:
        rho = _rho(one.values[here], other.values[there])
    nothing = dict.fromkeys(("within", "within_p", "partial", "partial_p"), np.nan)
    return PairAgreement(first=one.name, second=other.name, pairs=pairs, moves=0, rho=rho, **nothing)


def distance_bands(distances: Int[np.ndarray, " pair"]) -> Int[np.ndarray, " pair"]:
    """Half octaves of the distance: 1, 2, 3, 4 to 5, 6 to 7, 8 to 11, 12 to 15, ...; below 0 for keys that come later."""
    octave = np.floor(np.log2(np.abs(distances)))
    half = np.abs(distances) >= 1.5 * 2**octave
    return (np.sign(distances) * (BANDS_PER_DOUBLING * octave + half + 1)).astype(int)


def ranks_within(values: Float[np.ndarray, "matrix pair"], groups: Int[np.ndarray, " pair"]) -> Float[np.ndarray, "matrix pair"]:
    """Ranks among the pairs of each group over how many these are, less the mean: above -0.5, below 0.5; 0 for a pair alone."""
    if not values.shape[1]:
        return np.zeros(values.shape)
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    starts = sizes.cumsum() - sizes
    places = stats.rankdata(values, method="dense", axis=-1)
    joint = stats.rankdata(group * (values.shape[1] + 1) + places, axis=-1)
    return (joint - starts[group] - (sizes[group] + 1) / 2) / sizes[group]

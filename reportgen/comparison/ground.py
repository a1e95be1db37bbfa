"""What two files know in common: units that are whole sentences in both, and matrices of them that can be held against each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from reportgen.analyses.sentence_matrix import attention_views, expected_attention
from reportgen.comparison.aligning import GONE, MOVED_ELSEWHERE, NEW, Match
from reportgen.links import lift_of
from reportgen.measurements import Measurements


@dataclass(frozen=True, kw_only=True, eq=False)
class Pooling:
    """Groups of a file's sentences, one for each unit: shares of a group are the mean over its queries and the sum over its keys.

    Exact: `sentence_attention` is itself a mean over tokens that look and a sum over tokens looked at. A unit of one sentence keeps its numbers bit by bit.
    """

    groups: tuple[tuple[int, ...], ...]
    tokens: Int[np.ndarray, " sentence"]

    @property
    def single(self) -> bool:
        """Whether every unit is one sentence."""
        return all(len(group) == 1 for group in self.groups)

    @cached_property
    def firsts(self) -> Int[np.ndarray, " unit"]:
        """The first sentence of each unit."""
        return np.array([group[0] for group in self.groups], int)

    @cached_property
    def _member(self) -> Float[np.ndarray, "unit sentence"]:
        inside = np.zeros((len(self.groups), len(self.tokens)))
        for unit, group in enumerate(self.groups):
            inside[unit, list(group)] = 1
        return inside

    @cached_property
    def _weights(self) -> Float[np.ndarray, "unit sentence"]:
        weighted = self._member * self.tokens
        return weighted / weighted.sum(1, keepdims=True)

    def shares(self, matrices: Float[np.ndarray, "*view sentence sentence"]) -> Float[np.ndarray, "*view unit unit"]:
        """Of matrices of shares; NaN where a pair of sentences inside a cell was never read together."""
        if self.single:
            return matrices[..., self.firsts[:, None], self.firsts].astype(np.float64)
        unknown = np.isnan(matrices)
        found = self._weights @ np.where(unknown, 0, matrices).astype(np.float64) @ self._member.T
        return np.where(self._member @ unknown.astype(np.float64) @ self._member.T > 0, np.nan, found) if unknown.any() else found

    def rows(self, values: Float[np.ndarray, "*view sentence"]) -> Float[np.ndarray, "*view unit"]:
        """Of shares of each sentence's own attention: means over the tokens that look."""
        return values[..., self.firsts].astype(np.float64) if self.single else values.astype(np.float64) @ self._weights.T

    def sums(self, values: Float[np.ndarray, " sentence"]) -> Float[np.ndarray, " unit"]:
        """Of what adds up over sentences."""
        return np.array([values[list(group)].sum(dtype=np.float64) for group in self.groups])

    def greatest(self, matrix: Float[np.ndarray, "sentence sentence"]) -> Float[np.ndarray, "unit unit"]:
        """Of what is a maximum over tokens; NaN where a pair inside a cell was never read together."""
        if self.single:
            return matrix[self.firsts[:, None], self.firsts].astype(np.float64)
        rows = np.array([matrix[list(group)].max(0) for group in self.groups])
        return np.array([rows[:, list(group)].max(1) for group in self.groups]).T.astype(np.float64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """The units that both files have, in the order of B, and how each file's sentences make them.

    `matches` are those of the units; `ordered` marks the ones that stand in the same order in both.
    """

    matches: tuple[Match, ...]
    a: Pooling
    b: Pooling

    @cached_property
    def ordered(self) -> Bool[np.ndarray, " unit"]:
        """Units that are not moved."""
        return np.array([match.kind != MOVED_ELSEWHERE for match in self.matches], bool)


def find_ground(matches: Sequence[Match], a: Measurements, b: Measurements) -> Ground:
    """The units of the matches that have both sides."""
    both = tuple(match for match in matches if match.kind not in (GONE, NEW))
    sides = (tuple(match.a for match in both), tuple(match.b for match in both))
    one, other = (Pooling(groups=groups, tokens=token_counts(of)) for groups, of in zip(sides, (a, b), strict=True))
    return Ground(matches=both, a=one, b=other)


def token_counts(measurements: Measurements) -> Int[np.ndarray, " sentence"]:
    """How many tokens each sentence has."""
    members = measurements["token_sentences"]
    return np.bincount(members[members >= 0], minlength=len(measurements["sentence_spans"]))


@dataclass(frozen=True, kw_only=True, eq=False)
class Side:
    """One file's matrices of units: shares of attention, mean over all heads and layers, what even attention would give, and the ratio. NaN where not read together."""

    share: Float[np.ndarray, "unit unit"]
    expected: Float[np.ndarray, "unit unit"]

    @cached_property
    def lift(self) -> Float[np.ndarray, "unit unit"]:
        """Share over what even attention gives; NaN where a unit cannot see the other."""
        size = len(self.share)
        return lift_of(self.share.ravel(), self.expected.ravel()).reshape(size, size)


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """Both sides, and the cells that can be compared: those that both see and whose sentences were read together in both.

    `first` marks the units that hold the first sentence of either file.
    """

    a: Side
    b: Side
    first: Bool[np.ndarray, " unit"]

    @cached_property
    def common(self) -> Bool[np.ndarray, "unit unit"]:
        """Which cells both know."""
        with np.errstate(invalid="ignore"):
            return (self.a.expected > 0) & (self.b.expected > 0) & ~np.isnan(self.a.share) & ~np.isnan(self.b.share)

    @cached_property
    def doublings(self) -> Float[np.ndarray, "unit unit"]:
        """log2 of B's lift over A's: 1 for twice the lift, -1 for half. NaN where a cell is not common or one lift is 0 and the other is not."""
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.log2(self.b.lift) - np.log2(self.a.lift)
        both_nothing = self.common & (self.a.share == 0) & (self.b.share == 0)
        return np.where(both_nothing, 0.0, np.where(self.common & np.isfinite(found), found, np.nan))

    @cached_property
    def content(self) -> Bool[np.ndarray, "unit unit"]:
        """Common cells of two different units, neither looked at the first, which holds the sink."""
        found = self.common & ~np.eye(len(self.common), dtype=bool)
        found[:, self.first] = False
        return found


def find_cells(ground: Ground, a: Measurements, b: Measurements) -> Cells:
    """The matrices of the units that both files have. Memory: sentences x sentences of each."""
    sides = [_side(pooling, measurements) for pooling, measurements in ((ground.a, a), (ground.b, b))]
    first = np.array([0 in match.a or 0 in match.b for match in ground.matches], bool)
    return Cells(a=sides[0], b=sides[1], first=first)


def _side(pooling: Pooling, measurements: Measurements) -> Side:
    pairs = measurements.by_pair.pairs
    share, expected = (pairs.matrix(values) for values in (attention_views(measurements)[0], expected_attention(measurements)))
    return Side(share=pooling.shares(share), expected=pooling.shares(expected))

"""How much of each sentence's attention lands elsewhere in B than in A: by sentence, by layer and by head."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from reportgen.analyses.agreement.resampling import block_counts
from reportgen.analyses.sentence_matrix import attention_views, expected_attention
from reportgen.comparison.aligning import EDITED, GONE, MOVED_ELSEWHERE, NEW, SAME, Match
from reportgen.comparison.ground import Cells, Ground, Pooling
from reportgen.comparison.rounding import STORED, layers_of
from reportgen.measurements import Measurements

FEWEST = 5  # units of a kind, for an interval


@dataclass(frozen=True, kw_only=True, eq=False)
class Change:
    """By unit: the share of attention that lands elsewhere, over all common keys and without the first sentence; what each file gives itself and the first sentence.

    `to_gone` is A's share on sentences that B has no counterpart of, `to_new` B's on those that A has none of; `even_gone` and `even_new` what even attention would give them.
    `low` and `high` are quartiles over heads, None where heads are not one to one. NaN where a row has no common key.
    """

    elsewhere: Float[np.ndarray, " unit"]
    elsewhere_content: Float[np.ndarray, " unit"]
    low: Float[np.ndarray, " unit"] | None
    high: Float[np.ndarray, " unit"] | None
    own: Float[np.ndarray, "side unit"]
    first: Float[np.ndarray, "side unit"]
    to_gone: Float[np.ndarray, " unit"]
    even_gone: Float[np.ndarray, " unit"]
    to_new: Float[np.ndarray, " unit"]
    even_new: Float[np.ndarray, " unit"]


@dataclass(frozen=True, kw_only=True)
class MeanChange:
    """The mean over units of a kind, and the middle 95 % of such means in resampled blocks of units; NaN where there are fewer than 5."""

    kind: str
    units: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, eq=False)
class HeadChange:
    """The mean over units of the share that lands elsewhere, of each head and of each layer's mean; without the first sentence too."""

    heads: Float[np.ndarray, "layer head"]
    heads_content: Float[np.ndarray, "layer head"]
    layers: Float[np.ndarray, " layer"]
    layers_content: Float[np.ndarray, " layer"]
    low: Float[np.ndarray, " unit"]
    high: Float[np.ndarray, " unit"]


def elsewhere(
    one: Float[np.ndarray, "*view unit unit"], other: Float[np.ndarray, "*view unit unit"], cells: Cells, kept: Bool[np.ndarray, "unit unit"]
) -> Float[np.ndarray, "*view unit"]:
    """The total variation distance of two rows over the keys kept: 0 for the same, 1 where nothing lands on the same key.

    Formula: 0.5 sum_j abs(p_A - p_B), p the shares on common ground. NaN where a row has no such key.
    """
    rows = common_shares(one, other, cells, kept)
    return 0.5 * np.abs(rows[1] - rows[0]).sum(-1)


def common_shares(
    one: Float[np.ndarray, "*view unit unit"], other: Float[np.ndarray, "*view unit unit"], cells: Cells, kept: Bool[np.ndarray, "unit unit"]
) -> tuple[Float[np.ndarray, "*view unit unit"], Float[np.ndarray, "*view unit unit"]]:
    """Both files' shares on common ground: p = share / expected x mean of both files' expected, renormalised over the keys kept.

    Where both see the same keys, p is the share, renormalised; where they do not, each looks with its own lift at the same keys. *Source:* none; defined here.
    """
    base = np.where(kept, (cells.a.expected + cells.b.expected) / 2, 0)
    rows = []
    for values, side in ((one, cells.a), (other, cells.b)):
        times = np.divide(base, side.expected, out=np.zeros(base.shape), where=kept & (side.expected > 0))
        rows.append(_renormalised(np.where(kept, values, 0) * times))
    return rows[0], rows[1]


def _renormalised(rows: Float[np.ndarray, "*view unit unit"]) -> Float[np.ndarray, "*view unit unit"]:
    totals = rows.sum(-1, keepdims=True)
    return np.divide(rows, totals, out=np.full(rows.shape, np.nan), where=totals > 0)


def without_first(cells: Cells) -> Bool[np.ndarray, "unit unit"]:
    """Common cells whose key is not the first sentence."""
    return cells.common & ~cells.first[None, :]


def find_change(ground: Ground, cells: Cells, matches: tuple[Match, ...], a: Measurements, b: Measurements, heads: HeadChange | None) -> Change:
    """Every unit's change."""
    gone, even_gone = _given(ground.a, a, [place for match in matches if match.kind == GONE for place in match.a])
    new, even_new = _given(ground.b, b, [place for match in matches if match.kind == NEW for place in match.b])
    return Change(
        elsewhere=elsewhere(cells.a.share, cells.b.share, cells, cells.common),
        elsewhere_content=elsewhere(cells.a.share, cells.b.share, cells, without_first(cells)),
        low=heads.low if heads else None,
        high=heads.high if heads else None,
        own=np.stack([np.diagonal(side.share) for side in (cells.a, cells.b)]),
        first=np.stack([side.share[:, cells.first].sum(1) for side in (cells.a, cells.b)]),
        to_gone=gone,
        even_gone=even_gone,
        to_new=new,
        even_new=even_new,
    )


def _given(pooling: Pooling, measurements: Measurements, places: list[int]) -> tuple[Float[np.ndarray, " unit"], Float[np.ndarray, " unit"]]:
    """What units give sentences without a counterpart, and what even attention would; pairs never read together count for nothing."""
    pairs = measurements.by_pair.pairs
    matrices = np.stack([pairs.matrix(values) for values in (attention_views(measurements)[0], expected_attention(measurements))])
    given, even = pooling.rows(np.nan_to_num(matrices[..., places]).sum(-1))
    return given, even


def head_changes(ground: Ground, cells: Cells, a: Measurements, b: Measurements) -> HeadChange | None:
    """Of files of one model; None where attention by head is not stored in both. Memory: one layer of each file."""
    if any(STORED not in of for of in (a, b)) or not len(ground.matches):
        return None
    kept = (cells.common, without_first(cells))
    found: list[list[np.ndarray]] = []
    for one, other in zip(*(layers_of(of, STORED) for of in (a, b)), strict=True):
        pooled = ground.a.shares(one.astype(np.float32)), ground.b.shares(other.astype(np.float32))
        means = pooled[0].mean(0), pooled[1].mean(0)
        found.append([elsewhere(*pooled, cells, which) for which in kept] + [elsewhere(*means, cells, which) for which in kept])
    heads, content, layers, layers_content = (np.stack(part) for part in zip(*found, strict=True))
    low, high = (quantile_over(heads.reshape(-1, heads.shape[-1]), share) for share in (0.25, 0.75))
    means = [mean_known(values) for values in (heads, content, layers, layers_content)]
    return HeadChange(heads=means[0], heads_content=means[1], layers=means[2], layers_content=means[3], low=low, high=high)


def mean_known(values: Float[np.ndarray, "*view unit"]) -> Float[np.ndarray, "*view"]:
    """Means over units that have a number; NaN where none has."""
    known = ~np.isnan(values)
    return np.divide(np.where(known, values, 0).sum(-1), known.sum(-1), out=np.full(values.shape[:-1], np.nan), where=known.any(-1))


def quantile_over(values: Float[np.ndarray, "head unit"], share: float) -> Float[np.ndarray, " unit"]:
    """Over the heads that have a number."""
    found = np.full(values.shape[1], np.nan)
    known = ~np.isnan(values).all(0)
    found[known] = np.nanquantile(values[:, known], share, axis=0)
    return found


def mean_changes(ground: Ground, change: Change, start: int | None) -> tuple[MeanChange, ...]:
    """Of all units, and of each kind that has values; `start` sentences have nothing changed before them, None where that makes no difference."""
    kinds = np.array([_kind(match, start) for match in ground.matches])
    asked: Mapping[str, Bool[np.ndarray, " unit"]] = {"all": np.ones(len(kinds), bool)} | {kind: kinds == kind for kind in dict.fromkeys(kinds.tolist())}
    found = tuple(_mean(kind, change.elsewhere_content[chosen]) for kind, chosen in asked.items())
    return found[:1] if len(found) == 2 else tuple(row for row in found if row.units)


def _kind(match: Match, start: int | None) -> str:
    if match.kind == SAME and start is None:
        return "the same"
    if match.kind == SAME:
        return "the same, nothing changed before" if match.b[0] < start else "the same, something changed before"
    return {EDITED: "edited", MOVED_ELSEWHERE: "moved"}.get(match.kind, "split or joined")


def _mean(kind: str, values: Float[np.ndarray, " unit"]) -> MeanChange:
    known = values[~np.isnan(values)]
    mean, ends = float(known.mean()) if len(known) else np.nan, (np.nan, np.nan)
    if len(known) >= FEWEST:
        counts = block_counts(len(known))
        ends = tuple(np.quantile(counts @ known / counts.sum(1), [0.025, 0.975]).tolist())
    return MeanChange(kind=kind, units=len(known), mean=mean, low=ends[0], high=ends[1])


def kinds_of(matches: tuple[Match, ...]) -> Iterator[tuple[str, int]]:
    """How many matches there are of each kind, in the order of first appearance."""
    for kind in dict.fromkeys(match.kind for match in matches):
        yield kind, sum(match.kind == kind for match in matches)

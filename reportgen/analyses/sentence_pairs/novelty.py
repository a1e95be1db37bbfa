"""Where a sequence of sentences falls into parts: novelty along the diagonal, triangles of sentences that hold together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

SHUFFLES = 199
SEED = 0
CLIP = 3.0
FALSE_ALARMS = 0.05
SMALLEST = 0.25
SMALLEST_MEAN = 0.5
OVERLAP = 0.3


@dataclass(frozen=True, kw_only=True, eq=False)
class Novelty:
    """How much more the sentences on one side of each gap hold together than those across it. Gap g lies between sentence g and g + 1, counted from 0.

    `contrast` is mean z within the two sides less mean z across; `strength` is the contrast in standard deviations of the same sentences in shuffled order,
    NaN at the ends; `level` is what the strongest gap of a shuffled order passes once in 20 times; `gaps` are the peaks above it.
    """

    contrast: Float[np.ndarray, " gap"]
    strength: Float[np.ndarray, " gap"]
    level: float
    gaps: tuple[int, ...]


def kernel_width(sentences: int) -> int:
    """Sentences on each side of a gap: 8, in short documents a quarter of them."""
    return min(8, sentences // 4)


def symmetric(z: Float[np.ndarray, "sentence sentence"]) -> Float[np.ndarray, "sentence sentence"]:
    """One number for two sentences: the mean of both directions, or the one there is; clipped to 3 either way, each diagonal less its mean; NaN where there is none."""
    both = np.stack([z, z.T]).clip(-CLIP, CLIP)
    known = ~np.isnan(both)
    joint = np.divide(np.where(known, both, 0).sum(0), known.sum(0), out=np.full(z.shape, np.nan), where=known.any(0))
    distance = np.abs(np.subtract.outer(np.arange(len(z)), np.arange(len(z))))
    there = ~np.isnan(joint)
    count = np.bincount(distance[there], minlength=len(z))
    mean = np.bincount(distance[there], joint[there], len(z)) / np.maximum(count, 1)
    return joint - mean[distance]


def shuffles(sentences: int) -> Int[np.ndarray, "shuffle sentence"]:
    """Shuffled orders, the same each time."""
    return np.random.default_rng(SEED).permuted(np.tile(np.arange(sentences), (SHUFFLES, 1)), axis=1)


def bands(
    joint: Float[np.ndarray, "sentence sentence"], orders: Int[np.ndarray, "shuffle sentence"], width: int
) -> tuple[Float[np.ndarray, "order sentence distance"], Bool[np.ndarray, "sentence distance"]]:
    """The pairs up to `width` apart, in the order of the text and then in each shuffled one, and which of them exist: entry [s, d] is of sentences s and s - d.

    A pair that a shuffle brings near and that has no value takes that of another pair at random.
    """
    sentences = len(joint)
    later = np.arange(sentences)[:, None]
    earlier, joint = later - np.arange(width + 1), joint.astype(np.float32)
    every = np.concatenate([np.arange(sentences)[None], orders])
    values = joint[every[:, later], every[:, np.maximum(earlier, 0)]]
    exists = (earlier >= 0) & (earlier < later) & ~np.isnan(values[0])
    gone = np.isnan(values) & exists
    if gone.any():
        values[gone] = np.random.default_rng(SEED).choice(joint[~np.isnan(joint)], gone.sum())
    return np.where(exists, values, 0), exists


def triangle_sums(band: Float[np.ndarray, "*order sentence distance"]) -> Float[np.ndarray, "*order sentence length"]:
    """Entry [s, n] sums the pairs among the n + 1 sentences from s on; NaN where the text ends before. By cumulative sums."""
    sentences, lengths = band.shape[-2:]
    rows = band.cumsum(-1)
    last = np.arange(sentences)[:, None] + np.arange(lengths)
    sums = rows[..., np.minimum(last, sentences - 1), np.arange(lengths)].cumsum(-1)
    return np.where(last < sentences, sums, np.nan)


def find_borders(joint: Float[np.ndarray, "sentence sentence"], orders: Int[np.ndarray, "shuffle sentence"]) -> Novelty:
    """Peaks of the novelty above what shuffled orders reach, with a contrast over 0.25: a gap stronger than its two neighbours on each side.

    *Source:* Foote 2000 (checkerboard kernel, untapered; here on z-scores in place of similarities), with the joint permutation of rows and columns of
    Mantel 1967 and the greatest value over gaps as its statistic.
    """
    sentences, width = len(joint), kernel_width(len(joint))
    nothing = np.full(max(sentences - 1, 0), np.nan)
    if width < 2 or not (~np.isnan(joint)).any():
        return Novelty(contrast=nothing, strength=nothing, level=np.nan, gaps=())
    band, exists = bands(joint, orders, 2 * width)
    contrast = _contrast(triangle_sums(band), triangle_sums(exists.astype(float)), width)
    spread = contrast[1:].std(0)
    strength = np.divide(contrast - contrast[1:].mean(0), spread, out=np.full(contrast.shape, np.nan), where=spread > 0)
    if np.isnan(strength[1:]).all():
        return Novelty(contrast=contrast[0], strength=nothing, level=np.nan, gaps=())
    level = float(np.quantile(np.nan_to_num(strength[1:], nan=-np.inf).max(1), 1 - FALSE_ALARMS))
    return Novelty(contrast=contrast[0], strength=strength[0], level=level, gaps=_peaks(strength[0], (strength[0] > level) & (contrast[0] > SMALLEST)))


def _contrast(sums: Float[np.ndarray, "order sentence length"], counts: Float[np.ndarray, "sentence length"], width: int) -> Float[np.ndarray, "order gap"]:
    """Mean within both sides less mean across, for gaps that have half the kernel on each side; NaN for others."""
    sentences = sums.shape[1]
    found = np.full((len(sums), sentences - 1), np.nan)
    for gap in range(width // 2 - 1, sentences - width // 2):
        first, middle, last = max(gap + 1 - width, 0), gap + 1, min(gap + 1 + width, sentences)
        spans = (first, middle - first - 1), (middle, last - middle - 1), (first, last - first - 1)
        left, right, whole = (sums[:, start, length] for start, length in spans)
        near_left, near_right, near = (counts[start, length] for start, length in spans)
        across = near - near_left - near_right
        if across > 0 and near_left + near_right > 0:
            found[:, gap] = (left + right) / (near_left + near_right) - (whole - left - right) / across
    return found


def _peaks(strength: Float[np.ndarray, " gap"], above: Bool[np.ndarray, " gap"]) -> tuple[int, ...]:
    """Gaps above the level that no gap within two exceeds, the first of equals."""
    padded = np.pad(np.nan_to_num(strength, nan=-np.inf), 2, constant_values=-np.inf)
    before = np.maximum(padded[:-4], padded[1:-3])
    after = np.maximum(padded[3:-1], padded[4:])
    middle = padded[2:-2]
    return tuple(np.flatnonzero(above & (middle > before) & (middle >= after)).tolist())


@dataclass(frozen=True, kw_only=True)
class Triangle:
    """Sentences `first` up to, not including, `last` that hold together: `score` is the sum of z over their pairs over the root of the number of pairs."""

    first: int
    last: int
    score: float


def find_triangles(joint: Float[np.ndarray, "sentence sentence"], orders: Int[np.ndarray, "shuffle sentence"], longest: int = 32) -> tuple[Triangle, ...]:
    """Runs of 3 to `longest` sentences whose pairs together exceed what the best run of a shuffled order reaches once in 20 times, with a mean z over a half.

    Of two that overlap by more than 0.3 (intersection over union) the stronger stays. *Source:* after Ltri-LLM's span detection: sums of (value - 0) over
    triangles by cumulative sums, non-maximum suppression; divided by the root of the number of pairs, so that length alone does not count.
    """
    longest = min(longest, len(joint))
    if longest < 3 or not (~np.isnan(joint)).any():
        return ()
    band, exists = bands(joint, orders, longest - 1)
    pairs = triangle_sums(exists.astype(float))
    scores = np.divide(triangle_sums(band), np.sqrt(pairs), out=np.full(band.shape, -np.inf), where=pairs >= 3)[:, :, 2:]
    scores = np.nan_to_num(scores, nan=-np.inf)
    level = np.quantile(scores[1:].max((1, 2)), 1 - FALSE_ALARMS)
    means = np.divide(scores[0], np.sqrt(pairs[:, 2:]), out=np.zeros(scores[0].shape), where=pairs[:, 2:] >= 3)
    first, length = np.nonzero((scores[0] > level) & (means > SMALLEST_MEAN))
    order = np.argsort(-scores[0, first, length], kind="stable")
    found = [Triangle(first=int(first[n]), last=int(first[n] + length[n] + 3), score=float(scores[0, first[n], length[n]])) for n in order]
    return tuple(sorted(_suppressed(found), key=lambda triangle: triangle.first))


def _suppressed(ranked: list[Triangle]) -> list[Triangle]:
    """Greedily, strongest first, those that overlap no stronger one by more than 0.3."""
    kept: list[Triangle] = []
    for triangle in ranked:
        if all(overlap(triangle, other) <= OVERLAP for other in kept):
            kept.append(triangle)
    return kept


def overlap(one: Triangle, other: Triangle) -> float:
    """Sentences in both over sentences in either."""
    shared = max(min(one.last, other.last) - max(one.first, other.first), 0)
    return shared / (one.last - one.first + other.last - other.first - shared)

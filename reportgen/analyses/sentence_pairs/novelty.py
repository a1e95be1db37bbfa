"""Where a sequence of sentences falls into parts: novelty along the diagonal, triangles of sentences that hold together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

DRAWS = 199
SEED = 0
CLIP = 3.0
FALSE_ALARMS = 0.05
WIDTH = 10
LONGEST = 32
OVERLAP = 0.3
WITHIN_ROUNDING = 0.1  # z: half their absolute values are over 0.67 unless the scatter is below what half precision holds


@dataclass(frozen=True, kw_only=True, eq=False)
class Novelty:
    """How much more the sentences on one side of each gap hold together than those across it. Gap g lies between sentence g and g + 1, counted from 0.

    `contrast` is mean z within the two sides less mean z across; `strength` is the contrast in standard deviations of what chance gives, both NaN where a side
    has fewer sentences than the kernel; `level` is what the strongest gap passes by chance once in 20 documents; `gaps` are the peaks above it.
    """

    contrast: Float[np.ndarray, " gap"]
    strength: Float[np.ndarray, " gap"]
    level: float
    gaps: tuple[int, ...]


def kernel_width(sentences: int) -> int:
    """Sentences on each side of a gap: 10, in short documents a quarter of them. *Source:* Hearst 1997 (the size of a block)."""
    return min(WIDTH, sentences // 4)


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


def band_of(joint: Float[np.ndarray, "sentence sentence"], width: int) -> Float[np.ndarray, "sentence distance"]:
    """The pairs up to `width` apart: entry [s, d] is of sentences s and s - d; 0, the mean of its distance, where there is no number."""
    later = np.arange(len(joint))[:, None]
    earlier = later - np.arange(width + 1)
    return np.where((earlier >= 0) & (earlier < later), np.nan_to_num(joint[later, np.maximum(earlier, 0)]), 0).astype(np.float32)


def orders_by_chance(sentences: int, draws: int, width: int) -> Int[np.ndarray, "draw sentence"]:
    """The order of the text, then others at random, the same each time.

    In each of the others every place has a row with `width` sentences before it, drawn with replacement: moving each row just once would leave sums over
    most of a short text hardly any room (Efron 1979).
    """
    drawn = np.random.default_rng(SEED).integers(min(width, sentences - 1), sentences, (draws, sentences))
    return np.concatenate([np.arange(sentences)[None], drawn])


def checkerboard(width: int) -> Float[np.ndarray, "row distance"]:
    """The weights of Foote's kernel on a band, a row for each sentence from the first before a gap to the last after it: means of the pairs within less those across."""
    rows, distance = np.arange(2 * width)[:, None], np.arange(2 * width)
    earlier = rows - distance
    exists = (earlier >= 0) & (distance > 0)
    across = exists & (rows >= width) & (earlier < width)
    return ((exists & ~across) / (width * (width - 1)) - across / width**2).astype(np.float32)


def find_borders(joint: Float[np.ndarray, "sentence sentence"], draws: int = DRAWS) -> Novelty:
    """Peaks of the novelty above what chance reaches: a gap stronger than its two neighbours on each side.

    By chance every number keeps its distance, and what is correlated within a sentence's row stays so: every place has the whole row of some later
    sentence, and in a second set of draws the whole column of some earlier one. The strength is the lesser of both, the level the greater. *Source:* Foote 2000 (checkerboard
    kernel, untapered; here on z-scores in place of similarities), with the greatest value over gaps by resampling as its level (Westfall and Young 1993).
    """
    return find_borders_of([joint], draws)[0]


def find_borders_of(joints: Sequence[Float[np.ndarray, "sentence sentence"]], draws: int = DRAWS) -> list[Novelty]:
    """The same of several views of one text, each with the same draws."""
    seen = [not nothing_to_see(joint) for joint in joints]
    width = kernel_width(len(joints[0])) if joints else 0
    chosen = [joint for joint, there in zip(joints, seen, strict=True) if there and width >= 2]
    found = iter(_borders(np.stack(chosen), width, draws) if chosen else ())
    return [next(found) if there and width >= 2 else _no_borders(len(joint)) for joint, there in zip(joints, seen, strict=True)]


def _no_borders(sentences: int) -> Novelty:
    nothing = np.full(max(sentences - 1, 0), np.nan)
    return Novelty(contrast=nothing, strength=nothing.copy(), level=np.nan, gaps=())


def _borders(joints: Float[np.ndarray, "view sentence sentence"], width: int, draws: int) -> Iterator[Novelty]:
    sentences = joints.shape[1]
    orders = orders_by_chance(sentences, draws, 2 * width - 1)
    sides = _contrasts(joints, width, orders), _contrasts(joints[:, ::-1, ::-1], width, orders)[:, ::-1]
    for view in range(len(joints)):
        strengths, levels = zip(*(_strength(side[..., view].astype(np.float64)) for side in sides), strict=True)
        contrast, strength = _no_borders(sentences).contrast, _no_borders(sentences).strength
        inside, level = slice(width - 1, sentences - width), max(levels)
        contrast[inside], strength[inside] = sides[0][0, :, view], np.minimum(*strengths)
        yield Novelty(contrast=contrast, strength=strength, level=level, gaps=_peaks(strength, strength > level))


def nothing_to_see(joint: Float[np.ndarray, "sentence sentence"]) -> bool:
    """Whether there are no numbers, or none beyond rounding."""
    known = np.abs(joint[~np.isnan(joint)])
    return not len(known) or float(np.median(known)) < WITHIN_ROUNDING


def _contrasts(joints: Float[np.ndarray, "view sentence sentence"], width: int, orders: Int[np.ndarray, "draw sentence"]) -> Float[np.ndarray, "draw gap view"]:
    """The contrast at each gap that has the kernel on both sides, with the rows of later sentences in each order: a row's part is found once for each place."""
    kernel = checkerboard(width)
    parts = np.stack([kernel @ band_of(joint, 2 * width - 1).T for joint in joints], -1)  # place in the kernel x sentence x view
    gaps = joints.shape[1] - 2 * width + 1
    return sum(part.take(orders[:, place : place + gaps], axis=0) for place, part in enumerate(parts))


def _strength(contrasts: Float[np.ndarray, "draw gap"]) -> tuple[Float[np.ndarray, " gap"], float]:
    """The text's own contrast, which is the first, in standard deviations of chance; and what the greatest of chance passes once in 20 times."""
    drawn = contrasts[1:]
    strength = (contrasts - drawn.mean(0)) / drawn.std(0)
    return strength[0], float(np.quantile(strength[1:].max(1), 1 - FALSE_ALARMS))


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


def find_triangles(joint: Float[np.ndarray, "sentence sentence"], draws: int = DRAWS) -> tuple[Triangle, ...]:
    """Runs of 3 to 32 sentences, and no more than half of all, whose pairs together exceed what the best run reaches by chance, as in `find_borders`, once in 20 documents.

    Of two that overlap by more than 0.3 (intersection over union) the stronger stays. *Source:* after Ltri-LLM's span detection: sums of (value - 0) over
    triangles by cumulative sums, non-maximum suppression; divided by the root of the number of pairs, so that length alone does not count.
    """
    if len(joint) < 6 or nothing_to_see(joint):
        return ()
    orders = orders_by_chance(len(joint), draws, longest_run(len(joint)) - 1)
    level = max(_greatest_by_chance(side, orders[1:]) for side in (joint, joint[::-1, ::-1]))
    found = [
        Triangle(first=int(first), last=int(first) + length, score=float(scores[0, first]))
        for length, scores in triangle_scores(joint, orders[:1])
        for first in np.flatnonzero(scores[0] > level)
    ]
    return tuple(sorted(_suppressed(sorted(found, key=lambda triangle: -triangle.score)), key=lambda triangle: triangle.first))


def longest_run(sentences: int) -> int:
    """Sentences of the longest triangle that is looked for: 32, half of them in short documents."""
    return min(LONGEST, sentences // 2)


def triangle_scores(
    joint: Float[np.ndarray, "sentence sentence"], orders: Int[np.ndarray, "draw sentence"]
) -> Iterator[tuple[int, Float[np.ndarray, "draw first"]]]:
    """For each length from 3 sentences on, the scores of the runs that begin at each sentence, with the rows of later sentences in each order."""
    sentences = len(joint)
    rows = band_of(joint, longest_run(sentences) - 1).cumsum(1).T  # distance x sentence: the sum of a row up to that distance
    sums = np.zeros((len(orders), sentences), np.float32)
    for distance in range(1, len(rows)):
        sums = sums[:, : sentences - distance] + rows[distance][orders[:, distance:]]
        if distance >= 2:
            yield distance + 1, sums / np.sqrt(distance * (distance + 1) / 2, dtype=np.float32)


def _greatest_by_chance(joint: Float[np.ndarray, "sentence sentence"], orders: Int[np.ndarray, "draw sentence"]) -> float:
    """What the best run of any length passes by chance once in 20 times."""
    greatest = np.max([scores.max(1) for _, scores in triangle_scores(joint, orders)], axis=0)
    return float(np.quantile(greatest, 1 - FALSE_ALARMS))


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

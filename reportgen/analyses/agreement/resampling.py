"""How sure rank correlations are: percentiles over resamples of blocks of neighbouring sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from reportgen.analyses.agreement.controls import enough_left
from reportgen.analyses.agreement.ranks import SIGNS_UP_TO, correlations, least_square, signs

RESAMPLES, SEED = 500, 0
CONFIDENCE = 0.95
CELLS = 1 << 22  # of resample x row x sentence held at once
RIDGE = 1e-8  # for what a resample has none of, such as the sink
LONG, FEWER = 200, 250  # sentences from which on tau is resampled less often, and how often


@dataclass(frozen=True, kw_only=True, eq=False)
class Intervals:
    """The lower and upper end of each correlation's interval; NaN where there is none."""

    low: Float[np.ndarray, "method method"]
    high: Float[np.ndarray, "method method"]


def block_length(count: int) -> int:
    """About n^(1/3)."""
    return max(round(count ** (1 / 3)), 1)


def block_counts(count: int, resamples: int = RESAMPLES, *, round_the_end: bool = False) -> Int[np.ndarray, "resample one"]:
    """How often each of n sentences, or tokens, is drawn when blocks of about n^(1/3) neighbours are drawn until there are n; the same each time.

    With `round_the_end` the last one's neighbour is the first. *Source:* Kuensch 1989, since neighbours are alike; Politis and Romano 1992 for blocks that go round.
    """
    length = block_length(count)
    starts = np.random.default_rng(SEED).integers(0, count if round_the_end else count - length + 1, (resamples, -(-count // length)))
    chosen = ((starts[:, :, None] + np.arange(length)) % count).reshape(resamples, -1)[:, :count]
    places = chosen + count * np.arange(resamples)[:, None]
    return np.bincount(places.ravel(), minlength=resamples * count).reshape(resamples, count)


def resampled_ranks(values: Float[np.ndarray, " sentence"], counts: Int[np.ndarray, "resample sentence"]) -> Float[np.ndarray, "resample sentence"]:
    """The rank, less the mean rank, that each sentence's value has among those of a resample, equals sharing the mean of theirs."""
    _, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    drawn = np.add.reduceat(counts[:, order], starts, axis=1)
    below = drawn.cumsum(1) - drawn
    return ((below + (drawn + 1) / 2) - (values.size + 1) / 2)[:, group]


def intervals(values: Float[np.ndarray, "method sentence"], accounted: Float[np.ndarray, "control sentence"]) -> tuple[Intervals, Intervals]:
    """Of Spearman's rho, and of the partial rank correlation with these controls, of every two rows.

    Values are ranked anew in each resample, and the controls fitted anew; the controls' own ranks are those of the whole document.
    """
    partial = enough_left(accounted)
    parts = [_in_resamples(values, accounted if partial else accounted[:0], counts) for counts in _chunks(values.shape, len(accounted))]
    rho, rest = (np.concatenate(found) for found in zip(*parts, strict=True))
    return percentiles(rho), percentiles(rest if partial else np.full_like(rest, np.nan))


def _chunks(shape: tuple[int, int], controls: int) -> Iterator[Int[np.ndarray, "resample sentence"]]:
    counts = block_counts(shape[1])
    at_once = max(CELLS // ((shape[0] + controls) * shape[1]), 1)
    yield from (counts[start : start + at_once] for start in range(0, len(counts), at_once))


def _in_resamples(
    values: Float[np.ndarray, "method sentence"], accounted: Float[np.ndarray, "control sentence"], counts: Int[np.ndarray, "resample sentence"]
) -> tuple[Float[np.ndarray, "resample method method"], Float[np.ndarray, "resample method method"]]:
    """Both correlations in each resample, from the weighted products of controls and ranks."""
    ranks = np.stack([resampled_ranks(row, counts) for row in values], axis=1)
    weighted = ranks * counts[:, None]
    products = weighted @ ranks.transpose(0, 2, 1)
    rho = correlations(products, least_square(values.shape[1]))
    if not len(accounted):
        return rho, np.full_like(rho, np.nan)
    crossed = weighted @ accounted.T
    within = (accounted * counts[:, None]) @ accounted.T
    slopes = np.linalg.solve(within + RIDGE * np.eye(len(accounted)), crossed.transpose(0, 2, 1))
    left = products - crossed @ slopes
    return rho, correlations(left, 1e-3 * least_square(values.shape[1]) + 1e-6)


def kendall_intervals(values: Float[np.ndarray, "method sentence"]) -> Intervals:
    """Of Kendall's tau-b of every two rows; NaN for more than 1,000 sentences. Of more than 200 sentences from 250 resamples. Memory: methods x sentences x sentences."""
    methods, count = values.shape
    nothing = np.full((methods, methods), np.nan)
    if count > SIGNS_UP_TO:
        return Intervals(low=nothing, high=nothing)
    counts = block_counts(count, RESAMPLES if count <= LONG else FEWER).astype(np.float32)
    found, sums = signs(values), np.empty((len(counts), methods, methods))
    for one in range(methods):
        for other in range(one + 1):
            sums[:, one, other] = sums[:, other, one] = np.einsum("rn,rn->r", counts @ (found[one] * found[other]), counts)
    return percentiles(correlations(sums, 0.5))


def percentiles(draws: Float[np.ndarray, "draw method method"]) -> Intervals:
    """The ends of the middle 95 % of the draws that have a number."""
    ends = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    found = np.full((2, *draws.shape[1:]), np.nan)
    whole = ~np.isnan(draws).any(0)
    found[:, whole] = np.quantile(draws[:, whole], ends, axis=0)
    for place in np.argwhere(~whole & ~np.isnan(draws).all(0)).tolist():
        found[:, *place] = np.nanquantile(draws[:, *place], ends)
    return Intervals(low=found[0], high=found[1])

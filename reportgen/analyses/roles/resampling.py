"""How sure a score is: the same score with the document's sentences drawn again, with replacement."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Float

RESAMPLES = 200
SEED = 0
FEWEST = 5  # sentences with a value: fewer say nothing of others
SURE = 0.95


@lru_cache(maxsize=4)  # of documents one after the other
def draws(sentences: int) -> Float[np.ndarray, "resample sentence"]:
    """How often each resample drew each sentence, the same each time. *Source:* Efron 1979 (bootstrap)."""
    random = np.random.default_rng(SEED)
    drawn = random.multinomial(sentences, np.full(sentences, 1 / sentences), RESAMPLES).astype(np.float32)
    drawn.setflags(write=False)
    return drawn


def resampled_means(
    by_sentence: Float[np.ndarray, "layer head sentence"], counts: Float[np.ndarray, "*layer sentence"]
) -> Float[np.ndarray, "resample layer head"]:
    """The mean over queries of each resample: sum of value times queries over sum of queries; NaN where no sentence has any, or fewer than five have."""
    weights = np.where(np.isnan(by_sentence), 0, counts[..., None, :]).astype(np.float32)
    sums = np.einsum("lhs,rs->rlh", np.nan_to_num(by_sentence).astype(np.float32) * weights, draws(by_sentence.shape[-1]), optimize=True)
    totals = np.einsum("lhs,rs->rlh", weights, draws(by_sentence.shape[-1]), optimize=True)
    enough = (totals > 0) & ((weights > 0).sum(-1) >= FEWEST)
    return np.divide(sums, totals, out=np.full(sums.shape, np.nan, np.float32), where=enough)


def resampled_ratios(over: Float[np.ndarray, "*head sentence"], under: Float[np.ndarray, "*head sentence"]) -> Float[np.ndarray, resample * head]:
    """Sum of `over` divided by sum of `under` in each resample; NaN where that is nothing or fewer than five sentences count."""
    drawn = draws(over.shape[-1])
    sums, totals = (np.moveaxis(values.astype(np.float32) @ drawn.T, -1, 0) for values in (over, under))
    enough = (totals > 0) & ((under != 0).sum(-1) >= FEWEST)
    return np.divide(sums, totals, out=np.full(sums.shape, np.nan, np.float32), where=enough)


def share_above(resamples: Float[np.ndarray, resample * head], threshold: float) -> Float[np.ndarray, "*head"]:
    """The share of the resamples that have a score whose score is above the threshold; NaN where none has."""
    scored = (~np.isnan(resamples)).sum(0)
    return np.divide((resamples > threshold).sum(0), scored, out=np.full(scored.shape, np.nan), where=scored > 0)


def interval(resamples: Float[np.ndarray, resample * head]) -> tuple[Float[np.ndarray, "*head"], Float[np.ndarray, "*head"]]:
    """The 2.5th and the 97.5th percentile of the resamples that have a score; NaN where none has."""
    ordered = np.sort(np.moveaxis(resamples, 0, -1), axis=-1)  # numpy takes three times as long to find them unsorted
    low, high = np.quantile(ordered, [0.025, 0.975], axis=-1)
    for head in np.argwhere(np.isnan(ordered[..., -1]) & ~np.isnan(ordered[..., 0])):  # those without a score come last
        of_head = ordered[tuple(head)]
        low[tuple(head)], high[tuple(head)] = np.quantile(of_head[~np.isnan(of_head)], [0.025, 0.975])
    return low, high

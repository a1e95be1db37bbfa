"""How far the attention of each head, and of each layer, ranks sentences as a reference does, and what a head would reach by chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from reportgen.analyses.agreement.controls import enough_left, residuals
from reportgen.analyses.agreement.ranks import centred_ranks
from reportgen.analyses.agreement.shifts import moved_correlations
from reportgen.analyses.sentence_pairs.crossing import discovery_rates

CHANCE = 0.95


@dataclass(frozen=True, kw_only=True, eq=False)
class ByHead:
    """By head: Spearman's rho with the reference, the partial one, and q for the latter, one-sided, over all heads; NaN where a head says the same of all sentences.

    `chance` is what one head of twenty exceeds by chance, `chance_best` what the best of all heads exceeds in one of twenty moves; NaN where nothing can be
    compared.
    """

    rho: Float[np.ndarray, " head"]
    partial: Float[np.ndarray, " head"]
    q_value: Float[np.ndarray, " head"]
    chance: float
    chance_best: float


def by_head(
    attention: Float[np.ndarray, "head sentence"], reference: Float[np.ndarray, " sentence"], accounted: Float[np.ndarray, "control sentence"]
) -> ByHead:
    """Every head against the reference.

    Chance: the reference's residuals moved along the document, round the end, both ways. p is the share of all heads' chance correlations, each head's in its own
    standard deviations, that are as great, since a document has few moves. *Source:* a null distribution pooled over tests as in Tusher et al. 2001; rates by
    Benjamini and Hochberg 1995. Memory: heads x twice the sentences.
    """
    heads = len(attention)
    nothing = np.full(heads, np.nan)
    if attention.shape[1] < 2:
        return ByHead(rho=nothing, partial=nothing, q_value=nothing, chance=np.nan, chance_best=np.nan)
    ranks, of_reference = centred_ranks(attention), centred_ranks(reference[None])
    lengths = np.sqrt((ranks**2).sum(1) * (of_reference**2).sum())
    rho = np.divide(ranks @ of_reference[0], lengths, out=nothing.copy(), where=lengths > 0)
    if not enough_left(accounted):
        return ByHead(rho=rho, partial=nothing, q_value=nothing, chance=np.nan, chance_best=np.nan)
    moved = moved_correlations(residuals(ranks, accounted), residuals(of_reference, accounted), accounted).reshape(heads, -1)
    chance = np.where(np.isnan(moved[:, 1:]), np.nan, moved[:, 1:])
    known = ~np.isnan(chance).all(1)
    best = np.nanmax(chance[known], axis=0) if known.any() else np.array([np.nan])
    return ByHead(
        rho=rho,
        partial=moved[:, 0],
        q_value=discovery_rates(_pooled_p(moved[:, 0], chance)),
        chance=float(np.nanquantile(chance[known], CHANCE)) if known.any() else np.nan,
        chance_best=float(np.nanquantile(best, CHANCE)) if known.any() else np.nan,
    )


def _pooled_p(found: Float[np.ndarray, " head"], chance: Float[np.ndarray, "head move"]) -> Float[np.ndarray, " head"]:
    """The share of all heads' chance that is as great as each head's own, in standard deviations of each."""
    known = ~np.isnan(found) & ~np.isnan(chance).any(1)
    p_values = np.full(len(found), np.nan)
    if known.any():
        spread = chance[known].std(1)
        pool = np.sort((chance[known] / spread[:, None]).ravel())
        as_great = len(pool) - np.searchsorted(pool, found[known] / spread - 1e-9)
        p_values[known] = (1 + as_great) / (1 + len(pool))
    return p_values

"""Whether documents of different genres differ in a correlation, beyond what shuffled genres give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from reportgen.corpus.pooling import AT_MOST, POOLED_FROM, between_documents

SHUFFLES, SEED = 2000, 0


@dataclass(frozen=True, kw_only=True)
class GenreTest:
    """The p-value of genres that differ no more than shuffled ones, and of which genres and how many documents it is."""

    genres: tuple[str, ...]
    documents: int
    p_value: float


def compare_genres(genres: Sequence[str], rho: Float[np.ndarray, " document"], variance: Float[np.ndarray, " document"]) -> GenreTest | None:
    """A test over the genres that have 3 documents with a number or more; None where there are not two such.

    The sum over genres of weight times squared distance of its mean z from the mean of all, weights 1 / (variance + variance between documents), against the
    same with genres shuffled over documents, 2,000 times; p counts the documents as they are among these. Source: none; defined here, after Fisher 1935
    (permutation), since with few documents the chi-squared test of subgroups finds too much.
    """
    known = np.isfinite(rho) & np.isfinite(variance)
    names, counts = np.unique(np.array(genres)[known], return_counts=True)
    names = names[counts >= POOLED_FROM]
    if len(names) < 2:
        return None
    chosen = known & np.isin(genres, names)
    z, variance = np.arctanh(np.clip(rho[chosen], -AT_MOST, AT_MOST)), variance[chosen]
    weights = 1 / (variance + between_documents(z, variance)[1])
    member = (np.array(genres)[chosen] == names[:, None]).astype(float)  # genre document
    random = np.random.default_rng(SEED)
    shuffled = np.array([_between(z, weights, member[:, random.permutation(len(z))]) for _ in range(SHUFFLES)])
    observed = _between(z, weights, member)
    p_value = (1 + int((shuffled >= observed * (1 - 1e-9)).sum())) / (1 + SHUFFLES)
    return GenreTest(genres=tuple(names.tolist()), documents=len(z), p_value=p_value)


def _between(z: Float[np.ndarray, " document"], weights: Float[np.ndarray, " document"], member: Float[np.ndarray, "genre document"]) -> float:
    total = member @ weights
    means = member @ (weights * z) / total
    return float((total * (means - (weights * z).sum() / weights.sum()) ** 2).sum())

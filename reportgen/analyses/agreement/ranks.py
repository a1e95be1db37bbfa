"""Rank correlations of every two rows, and how many sentences the heads of two rankings share."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

SIGNS_UP_TO = 1_000  # sentences; the signs of all their pairs are held at once
NEGLIGIBLE = 1e-9  # of the greatest sum of squares that ranks can have: what rounding leaves of nothing


def centred_ranks(values: Float[np.ndarray, "method sentence"]) -> Float[np.ndarray, "method sentence"]:
    """Ranks from the least, equals sharing the mean of theirs, less the mean rank."""
    return stats.rankdata(values, axis=-1) - (values.shape[-1] + 1) / 2


def from_greatest(values: Float[np.ndarray, "method sentence"]) -> Int[np.ndarray, "method sentence"]:
    """1 for the greatest value; equals in the order of the document."""
    order = np.argsort(-values, axis=-1, kind="stable")
    places = np.empty(values.shape, int)
    np.put_along_axis(places, order, np.broadcast_to(np.arange(1, values.shape[-1] + 1), values.shape), axis=-1)
    return places


def correlations(products: Float[np.ndarray, "*draw row row"], least: float = 0.0) -> Float[np.ndarray, "*draw row row"]:
    """Products of rows over the roots of the products with themselves; NaN where a row's own is no more than `least`."""
    own = np.diagonal(products, axis1=-2, axis2=-1)
    scale = np.sqrt(np.where(own > least, own, np.nan))
    return products / scale[..., None, :] / scale[..., :, None]


def least_square(sentences: int) -> float:
    """The sum of squares of ranks that counts as none."""
    return NEGLIGIBLE * sentences**3 / 12


def signs(values: Float[np.ndarray, "method sentence"]) -> Float[np.ndarray, "method sentence sentence"]:
    """Whether the second of two sentences has the greater value (1), the smaller (-1) or the same (0). Memory: methods x sentences x sentences."""
    return np.sign(stats.rankdata(values, axis=-1)[:, None, :] - stats.rankdata(values, axis=-1)[:, :, None]).astype(np.float32)


def kendall(values: Float[np.ndarray, "method sentence"]) -> Float[np.ndarray, "method method"]:
    """Kendall's tau-b of every two rows; NaN where all values of one are equal. *Source:* Kendall 1945."""
    if values.shape[-1] > SIGNS_UP_TO:
        return np.array([[stats.kendalltau(one, other).statistic for other in values] for one in values])
    flat = signs(values).reshape(len(values), -1)
    return correlations((flat @ flat.T).astype(float))


def top_shared(values: Float[np.ndarray, "method sentence"], k: int) -> Int[np.ndarray, "method method"]:
    """How many of the k greatest of one row are among the k greatest of another; equals in the order of the document."""
    among = (from_greatest(values) <= k).astype(int)
    return among @ among.T


def chance_of_sharing(shared: Int[np.ndarray, "method method"], sentences: int, k: int) -> Float[np.ndarray, "method method"]:
    """How often two random choices of k sentences share as many or more: the hypergeometric tail."""
    return stats.hypergeom.sf(shared - 1, sentences, k, k)

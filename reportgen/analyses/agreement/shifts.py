"""How often chance would make two rankings of a document's sentences agree as much: one of them moved along the document."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy import fft

from reportgen.analyses.agreement.controls import enough_left, residuals
from reportgen.analyses.agreement.ranks import SIGNS_UP_TO, signs

ROUNDING = 1e-7
DIAGONALS_AT_ONCE = 32


def shifted_products(one: Float[np.ndarray, "row sentence"], other: Float[np.ndarray, "column sentence"]) -> Float[np.ndarray, "row column way shift"]:
    """Inner products of each of `one` with each of `other` moved by every number of sentences round the end, forwards and then backwards; the first of all is not moved."""
    count = one.shape[-1]
    still = fft.rfft(one).conj()
    ways = np.stack([fft.rfft(other), fft.rfft(other[:, ::-1])], axis=1)
    return fft.irfft(still[:, None, None] * ways[None], n=count)


def share_as_great(moved: Float[np.ndarray, "*pair way shift"]) -> Float[np.ndarray, "*pair"]:
    """The share of all moves, the one that moves nothing among them, whose number is as far from 0 as the measured one; NaN where that is."""
    flat = np.abs(moved).reshape(*moved.shape[:-2], -1)
    own = flat[..., :1]
    share = (flat >= own - ROUNDING).mean(-1)
    return np.where(np.isnan(own[..., 0]), np.nan, share)


def spearman_p(ranks: Float[np.ndarray, "method sentence"]) -> Float[np.ndarray, "method method"]:
    """Two-sided p of Spearman's rho of every two rows.

    A move keeps each row's own order, so that neighbours stay alike and a trend stays a trend; it breaks what stands beside what. It does not take the
    distance away that both may fall with: that is what the partial correlation is for.
    """
    scale = np.sqrt((ranks**2).sum(-1))
    scale = np.where(scale > 0, scale, np.nan)
    return share_as_great(shifted_products(ranks, ranks) / (scale[:, None] * scale)[..., None, None])


def partial_p(ranks: Float[np.ndarray, "method sentence"], accounted: Float[np.ndarray, "control sentence"]) -> Float[np.ndarray, "method method"]:
    """Two-sided p of the partial rank correlations: the residuals of one are moved, and what the controls say of them is taken out again.

    The greater of the two p that moving the one and moving the other give. *Source:* Freedman and Lane 1983, there for free permutations.
    """
    if not enough_left(accounted):
        return np.full((len(ranks), len(ranks)), np.nan)
    left = residuals(ranks, accounted)
    found = share_as_great(moved_correlations(left, left, accounted))
    return np.maximum(found, found.T)


def moved_correlations(
    still: Float[np.ndarray, "row sentence"], moving: Float[np.ndarray, "column sentence"], accounted: Float[np.ndarray, "control sentence"]
) -> Float[np.ndarray, "row column way shift"]:
    """Correlations of residuals with other residuals that are moved and then freed of the controls again; NaN where a row is nothing."""
    lengths = np.sqrt((still**2).sum(-1))
    squares = (moving**2).sum(-1)[:, None, None] - (shifted_products(accounted, moving) ** 2).sum(0)
    free = np.sqrt(np.where(squares > ROUNDING * squares.max(initial=1.0), squares, np.nan))
    return shifted_products(still, moving) / np.where(lengths > 0, lengths, np.nan)[:, None, None, None] / free


def kendall_p(values: Float[np.ndarray, "method sentence"]) -> Float[np.ndarray, "method method"]:
    """Two-sided p of Kendall's tau-b of every two rows, by the same moves; NaN for more than 1,000 sentences. Memory: methods x sentences x sentences."""
    methods, count = values.shape
    if count > SIGNS_UP_TO:
        return np.full((methods, methods), np.nan)
    ways = [_by_diagonal(signs(row)) for row in (values, values[:, ::-1])]
    spectrum = np.zeros((methods, methods, 2, count // 2 + 1), complex)
    for start in range(0, count, DIAGONALS_AT_ONCE):
        forwards, backwards = (fft.rfft(way[:, start : start + DIAGONALS_AT_ONCE].astype(float)) for way in ways)
        for way, moving in enumerate((forwards, backwards)):
            spectrum[:, :, way] += np.einsum("adf,bdf->abf", forwards.conj(), moving, optimize=True)
    sums = fft.irfft(spectrum, n=count)
    own = np.diagonal(sums[:, :, 0, 0])
    scale = np.sqrt(np.where(own > 0.5, own, np.nan))
    return share_as_great(sums / (scale[:, None] * scale)[..., None, None])


def _by_diagonal(matrices: Float[np.ndarray, "method sentence sentence"]) -> Float[np.ndarray, "method apart sentence"]:
    """What a sentence has with the one so many sentences further on, round the end."""
    count = matrices.shape[-1]
    place = np.arange(count)
    return matrices[:, place, (place[:, None] + place) % count]

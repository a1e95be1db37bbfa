"""How well two divisions of a text agree, beside divisions at random."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int
from scipy import stats

DRAWS = 999
SEED = 0


@dataclass(frozen=True, kw_only=True)
class DivisionAgreement:
    """Found borders against those of a reference. `*_chance` is the mean of 999 divisions with as many borders at random, `*_p` the share of them that agree as well,
    `*_even` the error of as many borders evenly spaced.

    `pk` and `windowdiff` are errors, 0 where all agree, of windows of `window` sentences. `shared` borders are in both; `shared_p` is exact.
    """

    reference: str
    reference_borders: int
    window: int
    pk: float
    pk_chance: float
    pk_even: float
    pk_p: float
    windowdiff: float
    windowdiff_chance: float
    windowdiff_even: float
    windowdiff_p: float
    shared: int
    shared_chance: float
    shared_p: float


def division(gaps: Collection[int], count: int) -> Bool[np.ndarray, " gap"]:
    """Which of `count` gaps between sentences are borders."""
    return np.isin(np.arange(count), list(gaps))


def pk(found: Bool[np.ndarray, "*draw gap"], reference: Bool[np.ndarray, " gap"], window: int) -> np.ndarray | np.floating:
    """The share of sentence pairs `window` apart that one division parts and the other does not. *Source:* Beeferman et al. 1999."""
    return ((_inside(found, window) > 0) != (_inside(reference, window) > 0)).mean(-1)


def windowdiff(found: Bool[np.ndarray, "*draw gap"], reference: Bool[np.ndarray, " gap"], window: int) -> np.ndarray | np.floating:
    """The share of windows in which the numbers of borders differ. *Source:* Pevzner and Hearst 2002."""
    return (_inside(found, window) != _inside(reference, window)).mean(-1)


def _inside(borders: Bool[np.ndarray, "*draw gap"], window: int) -> Int[np.ndarray, "*draw place"]:
    """Borders in each run of `window` gaps."""
    before = np.concatenate([np.zeros((*borders.shape[:-1], 1), int), borders.cumsum(-1)], axis=-1)
    return before[..., window:] - before[..., :-window]


def window_of(reference: Bool[np.ndarray, " gap"]) -> int:
    """Half the mean length of the reference's parts, at least 1."""
    return max(round((len(reference) + 1) / (reference.sum() + 1) / 2), 1)


def random_divisions(borders: int, gaps: int, draws: int = DRAWS) -> Bool[np.ndarray, "draw gap"]:
    """Divisions with that many borders anywhere, the same each time."""
    ranks = np.random.default_rng(SEED).random((draws, gaps)).argsort(1)
    return ranks < borders


def even_division(borders: int, gaps: int) -> Bool[np.ndarray, " gap"]:
    """That many borders between parts of equal length, but for rounding."""
    ends = np.round(np.arange(1, borders + 1) * (gaps + 1) / (borders + 1)).astype(int) - 1
    return division(ends.tolist(), gaps)


def compare(found: Bool[np.ndarray, " gap"], reference: Bool[np.ndarray, " gap"], name: str, draws: int = DRAWS) -> DivisionAgreement:
    """Both errors and the shared borders, beside chance."""
    window = window_of(reference)
    drawn, even = random_divisions(int(found.sum()), len(found), draws), even_division(int(found.sum()), len(found))
    errors = {}
    for measure in (pk, windowdiff):
        error, chance = float(measure(found, reference, window)), measure(drawn, reference, window)
        errors |= {
            measure.__name__: error,
            f"{measure.__name__}_chance": float(chance.mean()),
            f"{measure.__name__}_even": float(measure(even, reference, window)),
        }
        errors[f"{measure.__name__}_p"] = float((1 + (chance <= error + 1e-12).sum()) / (1 + draws))
    shared, borders, there = int((found & reference).sum()), int(found.sum()), int(reference.sum())
    return DivisionAgreement(
        reference=name,
        reference_borders=there,
        window=window,
        shared=shared,
        shared_chance=borders * there / len(found),
        shared_p=float(stats.hypergeom.sf(shared - 1, len(found), there, borders)),
        **errors,
    )

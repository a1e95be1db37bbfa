"""Heads whose attention between sentences follows the words these share."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy import stats

from reportgen.analyses.roles.definitions import Role
from reportgen.analyses.roles.evidence import Evidence, weigh
from reportgen.analyses.roles.resampling import RESAMPLES, draws
from reportgen.analyses.roles.sentence_links import LayerLinks, Pairs, at_places, by_query
from reportgen.analyses.sentence_pairs.crossing import discovery_rates

SHIFTS = 199
DISCOVERY_RATE = 0.05
LEAST_LIFT = 1.05  # of two sentences whose cosine is 0.1 greater
STEP = 0.1


def shifted(similarity: Float[np.ndarray, "sentence sentence"], near: Pairs) -> Float[np.ndarray, "shift pair"]:
    """The similarity of the near pairs when the words of every sentence are those of the sentence so many places on, round the end: distances stay what they are.

    Up to 199 shifts, evenly spread. *Source:* after Mantel 1967, with rotations in place of permutations, so that what follows each other keeps following.
    """
    sentences, (queries, keys) = len(similarity), near
    shifts = np.unique(np.linspace(1, sentences - 1, min(SHIFTS, sentences - 1)).astype(int))
    twice = np.tile(similarity.astype(np.float32), (2, 2)).ravel()
    places = queries * 2 * sentences + keys
    return np.stack([twice.take(places + shift * (2 * sentences + 1)) for shift in shifts])


class ThematicSums:
    """Adds up what the links of one layer after another say; `evidence` ends it. Layers that are not added have no numbers."""

    def __init__(self, similarity: Float[np.ndarray, "sentence sentence"], near: Pairs, heads: tuple[int, int]) -> None:
        self._shifted = shifted(similarity, near)
        self._r, self._z, self._lift = (np.full(heads, np.nan) for _ in range(3))
        self._resamples = np.full((RESAMPLES, *heads), np.nan, np.float32)

    def add(self, links: LayerLinks) -> None:
        """Partial correlation, its z against shifted words, the lift of a cosine greater by 0.1, resampled correlations."""
        together, own = by_query(links, links.residual * links.alike), by_query(links, links.residual**2)
        words, layer = by_query(links, links.alike**2), links.layer
        by_shift = links.residual @ at_places(self._shifted, links.places).T
        spread = by_shift.std(1)
        self._r[layer] = _correlation(together.sum(1), own.sum(1), words.sum(keepdims=True))
        self._z[layer] = np.divide(together.sum(1) - by_shift.mean(1), spread, out=np.full(len(spread), np.nan, np.float32), where=spread > 0)
        self._lift[layer] = np.exp(STEP * together.sum(1) / words.sum()) if words.any() else 1
        self._resamples[:, layer] = _correlation(draws(len(words)) @ together.T, draws(len(words)) @ own.T, (draws(len(words)) @ words)[:, None])

    def evidence(self, role: Role) -> Evidence:
        """Heads pass above the threshold at a false-discovery rate of 5 %, where a cosine greater by 0.1 goes with 5 % more attention or more."""
        q_value = discovery_rates(stats.norm.sf(self._z).ravel()).reshape(self._z.shape)
        return weigh(self._r, self._resamples, role.threshold, (q_value <= DISCOVERY_RATE) & (self._lift >= LEAST_LIFT), q_value)


def _correlation(together: Float[np.ndarray, "*head"], own: Float[np.ndarray, "*head"], words: Float[np.ndarray, "*#head"]) -> Float[np.ndarray, "*head"]:
    scale = np.sqrt(own * words)
    return np.divide(together, scale, out=np.zeros(np.shape(together), np.float32), where=scale > 0)

"""Heads whose attention between sentences follows the words these share."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy import stats

from reportgen.analyses.roles.definitions import Role
from reportgen.analyses.roles.evidence import Evidence, weigh
from reportgen.analyses.roles.resampling import draws
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
    return np.stack([similarity[(queries + shift) % sentences, (keys + shift) % sentences] for shift in shifts]).astype(np.float32)


class ThematicSums:
    """Adds up what the links of one layer after another say; `evidence` ends it."""

    def __init__(self, similarity: Float[np.ndarray, "sentence sentence"], near: Pairs) -> None:
        self._shifted = shifted(similarity, near)
        self._rows: dict[str, list[np.ndarray]] = {name: [] for name in ("r", "z", "lift", "resamples")}

    def add(self, links: LayerLinks) -> None:
        """Partial correlation, its z against shifted words, the lift of a cosine greater by 0.1, resampled correlations."""
        together, own = by_query(links, links.residual * links.alike), by_query(links, links.residual**2)
        words = by_query(links, links.alike**2)
        shifted_sums = links.residual @ at_places(self._shifted, links.places).T
        spread = shifted_sums.std(1)
        z = np.divide(together.sum(1) - shifted_sums.mean(1), spread, out=np.full(len(spread), np.nan), where=spread > 0)
        slope = together.sum(1) / words.sum() if words.sum() > 0 else np.zeros(len(spread))
        found = {"r": _correlation(together.sum(1), own.sum(1), words.sum(keepdims=True)), "z": z, "lift": np.exp(STEP * slope)}
        for name, values in (found | {"resamples": _resampled(together, own, words)}).items():
            self._rows[name].append(values)

    def evidence(self, role: Role) -> Evidence:
        """Heads pass above the threshold at a false-discovery rate of 5 %, where a cosine greater by 0.1 goes with 5 % more attention or more."""
        r, z, lift = (np.stack(self._rows[name]).astype(np.float64) for name in ("r", "z", "lift"))
        q_value = discovery_rates(stats.norm.sf(z).ravel()).reshape(z.shape)
        resamples = np.stack(self._rows["resamples"], 1)
        return weigh(r, resamples, role.threshold, (q_value <= DISCOVERY_RATE) & (lift >= LEAST_LIFT), q_value)


def _correlation(
    together: Float[np.ndarray, "*head"], own: Float[np.ndarray, "*head"], words: Float[np.ndarray, "*#head"]
) -> Float[np.ndarray, "*head"]:
    scale = np.sqrt(own * words)
    return np.divide(together, scale, out=np.zeros(np.shape(together), np.float32), where=scale > 0)


def _resampled(
    together: Float[np.ndarray, "head sentence"], own: Float[np.ndarray, "head sentence"], words: Float[np.ndarray, " sentence"]
) -> Float[np.ndarray, "resample head"]:
    drawn = draws(len(words))
    return _correlation(drawn @ together.T, drawn @ own.T, (drawn @ words)[:, None])

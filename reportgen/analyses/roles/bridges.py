"""Heads that carry attention across the borders between parts of the document."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from scipy import stats

from reportgen.analyses.roles.definitions import Role
from reportgen.analyses.roles.evidence import Evidence, weigh
from reportgen.analyses.roles.resampling import resampled_ratios
from reportgen.analyses.roles.sentence_links import FARTHEST, LayerLinks, Pairs, at_places, by_query
from reportgen.analyses.sentence_pairs.agreement import division, random_divisions
from reportgen.analyses.sentence_pairs.crossing import discovery_rates
from reportgen.analyses.sentence_pairs.distance_model import expect, token_middles
from reportgen.analyses.sentence_pairs.novelty import find_borders, shuffles, symmetric
from reportgen.measurements import Measurements

DIVISIONS = 199
DISCOVERY_RATE = 0.05
LEAST_PART = 3.0  # sentences, on average: in shorter parts nearly every link crosses a border


def borders_of(measurements: Measurements, attention: Float[np.ndarray, "layer head sentence sentence"]) -> tuple[Bool[np.ndarray, " gap"], str]:
    """Where the document's parts end, and what these are: its sections, else its paragraphs, if their parts have 3 sentences or more on average, else what attention shows."""
    blocks, kinds = measurements["sentence_blocks"], measurements.metadata["block_kinds"]
    ends = np.flatnonzero(np.diff(blocks))
    headings = [gap for gap in ends.tolist() if kinds[blocks[gap + 1]] == "heading" and kinds[blocks[gap]] != "heading"]
    for gaps, name in ((headings, "headings"), (ends.tolist(), "ends of paragraphs")):
        if gaps and len(blocks) / (len(gaps) + 1) >= LEAST_PART:
            return division(gaps, len(blocks) - 1), name
    model = expect(attention.mean((0, 1), dtype=np.float32), token_middles(measurements))
    z = np.full((len(blocks), len(blocks)), np.nan)
    z[model.queries, model.keys] = model.z
    return division(find_borders(symmetric(z), shuffles(len(blocks))).gaps, len(blocks) - 1), "borders found in the attention of all heads"


class BridgeSums:
    """Adds up what crosses the borders, layer after layer; `evidence` ends it."""

    def __init__(self, borders: Bool[np.ndarray, " gap"], near: Pairs) -> None:
        queries, keys = near
        counted = np.abs(queries - keys) <= min(_longest(borders) - 1, FARTHEST)
        drawn = np.concatenate([borders[None], random_divisions(int(borders.sum()), len(borders))[:DIVISIONS]])
        part = np.concatenate([np.zeros((len(drawn), 1), np.int16), drawn.cumsum(1, dtype=np.int16)], axis=1)
        self._crosses = ((part[:, queries] != part[:, keys]) & counted).astype(np.float32)
        self._lift: list[np.ndarray] = []
        self._resamples: list[np.ndarray] = []

    def add(self, links: LayerLinks) -> None:
        """Observed over expected across the borders, and across as many at random; resampled by query sentence."""
        expected = _balanced(links)
        across = at_places(self._crosses, links.places)
        observed, due = links.share @ across.T, expected @ across.T
        self._lift.append(np.divide(observed, due, out=np.full(due.shape, np.nan, np.float32), where=due > 0))
        self._resamples.append(resampled_ratios(by_query(links, links.share * across[0]), by_query(links, expected * across[0])))

    def evidence(self, role: Role) -> Evidence:
        """Heads pass above the threshold at a false-discovery rate of 5 % against borders at random."""
        lift = np.stack(self._lift).astype(np.float64)
        spread = lift[..., 1:].std(-1)
        z = np.divide(lift[..., 0] - lift[..., 1:].mean(-1), spread, out=np.full(spread.shape, np.nan), where=spread > 0)
        q_value = discovery_rates(stats.norm.sf(z).ravel()).reshape(z.shape)
        return weigh(lift[..., 0], np.stack(self._resamples, 1), role.threshold, q_value <= DISCOVERY_RATE, q_value)


def _longest(borders: Bool[np.ndarray, " gap"]) -> int:
    """Sentences of the longest part."""
    return int(np.diff(np.concatenate([[-1], np.flatnonzero(borders), [len(borders)]])).max())


def _balanced(links: LayerLinks) -> Float[np.ndarray, "head pair"]:
    """What the fit expects, times one factor for each head and distance, so that at every distance it sums to what was measured."""
    expected, distance = links.share / np.exp(links.residual), np.abs(links.queries - links.keys)
    order = np.argsort(distance, kind="stable")
    own, starts = np.unique(distance[order], return_index=True)
    if not len(own):
        return expected
    measured, fitted = (np.add.reduceat(values[:, order], starts, axis=1) for values in (links.share, expected))
    return expected * (measured / fitted)[:, np.searchsorted(own, distance)]

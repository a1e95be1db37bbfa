"""Heads that carry attention across the borders between parts of the document."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float

from reportgen.analyses.remembering import remembered
from reportgen.analyses.roles.definitions import Role
from reportgen.analyses.roles.evidence import Evidence, weigh
from reportgen.analyses.roles.resampling import RESAMPLES, resampled_ratios
from reportgen.analyses.roles.sentence_links import FARTHEST, LayerLinks, Pairs, at_places, by_query
from reportgen.analyses.sentence_pairs.agreement import division
from reportgen.analyses.sentence_pairs.borders import whole_model
from reportgen.analyses.sentence_pairs.crossing import Crossing, cross
from reportgen.analyses.sentence_pairs.distance_model import token_middles
from reportgen.blocks import section_starts
from reportgen.measurements import Measurements

DISCOVERY_RATE = 0.05
LEAST_PART = 3.0  # sentences, on average: in shorter parts nearly every link crosses a border


def borders_of(measurements: Measurements) -> tuple[Bool[np.ndarray, " gap"], str]:
    """Where the document's parts end, and what these are.

    Its sections, else its paragraphs, where they have three sentences or more on average, else the parts that the attention of all heads shows.
    """
    blocks = measurements["sentence_blocks"].tolist()
    kinds = [measurements.metadata["block_kinds"][block] for block in blocks]
    ends, headings = np.flatnonzero(np.diff(blocks)).tolist(), [start - 1 for start in section_starts(blocks, kinds)]
    for gaps, name in ((headings, "headings"), (ends, "ends of paragraphs")):
        if gaps and len(blocks) / (len(gaps) + 1) >= LEAST_PART:
            return division(gaps, len(blocks) - 1), name
    return _found(measurements), "found in the attention of all heads"


def _found(measurements: Measurements) -> Bool[np.ndarray, " gap"]:
    return division(whole_model(measurements).novelty.gaps, len(measurements["sentence_spans"]) - 1)


@remembered
def crossings(measurements: Measurements) -> Mapping[bytes, Crossing]:
    """How every head crosses the borders of `borders_of` and those that attention shows, by the bytes of the borders: all in one look at attention by head."""
    asked = {borders.tobytes(): borders for borders in (borders_of(measurements)[0], _found(measurements)) if borders.any()}
    found = cross(measurements["*.sentence_attention"], token_middles(measurements), list(asked.values()))
    return dict(zip(asked, found, strict=True))


class BridgeSums:
    """Adds up what crosses the borders by query sentence, layer after layer; `evidence` ends it. Layers that are not added have no confidence."""

    def __init__(self, borders: Bool[np.ndarray, " gap"], near: Pairs, heads: tuple[int, int]) -> None:
        part = np.concatenate([[0], borders.cumsum()])
        longest = int(np.diff(np.concatenate([[-1], np.flatnonzero(borders), [len(borders)]])).max())
        counted = np.abs(near[0] - near[1]) <= min(longest - 1, FARTHEST)
        self._crosses = ((part[near[0]] != part[near[1]]) & counted)[None].astype(np.float32)
        self._resamples = np.full((RESAMPLES, *heads), np.nan, np.float32)

    def add(self, links: LayerLinks) -> None:
        """Observed over expected across the borders in every resample."""
        across = at_places(self._crosses, links.places)
        self._resamples[:, links.layer] = resampled_ratios(by_query(links, links.share * across), by_query(links, balanced(links) * across))

    def evidence(self, role: Role, crossing: Crossing) -> Evidence:
        """Heads pass above the threshold at a false-discovery rate of 5 % against the same parts in other places."""
        return weigh(crossing.lift.astype(np.float64), self._resamples, role.threshold, crossing.q_value <= DISCOVERY_RATE, crossing.q_value)


def balanced(links: LayerLinks) -> Float[np.ndarray, "head pair"]:
    """What the fit expects, times one factor for each head and distance, so that at every distance it sums to what was measured."""
    expected, distance = links.share / np.exp(links.residual), np.abs(links.queries - links.keys)
    order = np.argsort(distance.astype(np.int16), kind="stable")  # numbers of 16 bits are sorted by their digits
    own, starts = np.unique(distance[order], return_index=True)
    measured, fitted = (np.add.reduceat(values[:, order], starts, axis=1) for values in (links.share, expected))
    return expected * (measured / fitted)[:, np.searchsorted(own, distance)]

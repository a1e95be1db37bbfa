"""Roles that attention between sentences decides, all from one look at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from reportgen.analyses.roles.bridges import BridgeSums, borders_of, crossings
from reportgen.analyses.roles.definitions import ROLES
from reportgen.analyses.roles.lexical import similarity
from reportgen.analyses.roles.receivers import receiver_evidence
from reportgen.analyses.roles.sentence_links import layer_links, near_pairs, why_not
from reportgen.analyses.roles.text_scores import RoleEvidence, alike
from reportgen.analyses.roles.thematic import ThematicSums
from reportgen.analyses.sentence_pairs.distance_model import token_middles
from reportgen.measurements import Measurements

NAMES = ("thematic", "bridge", "receiver")


@dataclass(frozen=True, kw_only=True, eq=False)
class SentenceRoles:
    """By role its evidence, or why there is none; what the borders are; the sentence of each receiver head."""

    outcomes: Mapping[str, RoleEvidence | str]
    borders: str | None = None
    receivers: Mapping[str, int] = field(default_factory=dict)


def sentence_roles(measurements: Measurements, attention: Float[np.ndarray, "layer head sentence sentence"] | None) -> SentenceRoles:
    """Thematic, bridging and receiving heads. Memory: one layer's pairs of sentences x heads, a few times."""
    reason = why_not(measurements)
    if reason or attention is None:
        return SentenceRoles(outcomes=dict.fromkeys(NAMES, reason or "attention between sentences is not stored by head"))
    thematic, bridge, receiver = (next(role for role in ROLES if role.name == name) for name in NAMES)
    alikeness, middles = similarity(measurements.sentences), token_middles(measurements)
    borders, kind = borders_of(measurements)
    near = near_pairs(measurements["*.sentence_expected"])
    themes, bridges = ThematicSums(alikeness, near, attention.shape[:2]), BridgeSums(borders, near, attention.shape[:2])
    for links in layer_links(attention, near, middles, alikeness):
        themes.add(links)
        bridges.add(links)
    received = receiver_evidence(measurements, attention)
    outcomes: dict[str, RoleEvidence | str] = {
        "thematic": alike(thematic, thematic.threshold, themes.evidence(thematic)) if alikeness.any() else "no two sentences share a word",
        "bridge": alike(bridge, bridge.threshold, bridges.evidence(bridge, crossings(measurements)[borders.tobytes()]))
        if borders.any()
        else "no borders between parts of the document were found",
        "receiver": alike(replace(receiver, threshold=received.level), received.level, received.evidence),
    }
    where = {f"{layer}.{head}": int(received.sentence[layer, head]) for layer, head in np.argwhere(received.evidence.carried)}
    return SentenceRoles(outcomes=outcomes, borders=kind if borders.any() else None, receivers=where)

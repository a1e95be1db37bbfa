"""Roles that stored scores decide: of the document by token, and of probes on random tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from reportgen.analyses.roles.chance import TIMES, offset_chance
from reportgen.analyses.roles.definitions import Role
from reportgen.analyses.roles.evidence import Evidence, weigh
from reportgen.analyses.roles.resampling import resampled_means
from reportgen.analyses.roles.score_rows import queries_counted
from reportgen.contract.rows import LEFT
from reportgen.measurements import Measurements


@dataclass(frozen=True, kw_only=True, eq=False)
class RoleEvidence:
    """What a role rests on: with all keys, and with the first token and special tokens left out; the same twice where the score has no such variant.

    `threshold` is the role's, or twice the `chance` level where that is greater. `probed` heads pass on the probe alone.
    """

    role: Role
    threshold: float
    chance: float | None
    all_keys: Evidence
    without_sink: Evidence
    probed: Bool[np.ndarray, "layer head"]
    probed_without_sink: Bool[np.ndarray, "layer head"]

    @property
    def carried(self) -> Bool[np.ndarray, "layer head"]:
        """The heads that carry the role with all keys."""
        return self.all_keys.carried | self.probed

    @property
    def carried_without_sink(self) -> Bool[np.ndarray, "layer head"]:
        """The heads that carry it with the sink left out."""
        return self.without_sink.carried | self.probed_without_sink

    @property
    def uncertain(self) -> Bool[np.ndarray, "layer head"]:
        """The heads whose score passes, but in fewer than 0.95 of the resamples."""
        return self.all_keys.uncertain & ~self.carried

    @property
    def uncertain_without_sink(self) -> Bool[np.ndarray, "layer head"]:
        """The same with the sink left out."""
        return self.without_sink.uncertain & ~self.carried_without_sink


def alike(role: Role, threshold: float, evidence: Evidence) -> RoleEvidence:
    """The evidence of a role whose score leaves the sink out by its definition."""
    none = np.zeros(evidence.values.shape, bool)
    return RoleEvidence(role=role, threshold=threshold, chance=None, all_keys=evidence, without_sink=evidence, probed=none, probed_without_sink=none)


def text_evidence(measurements: Measurements, role: Role, chance: Mapping[str, tuple[float, float]]) -> RoleEvidence | str:
    """What the document's score, and the probe's where there is one, say of a role; or why nothing can be said."""
    score, measured = f"*.{role.score}", f"*.{role.score}" in measurements
    if not measured and (role.probe is None or f"*.{role.probe}" not in measurements):
        return f"{role.score} was not measured"
    if role.score == "rare_token":
        return _left_alone(measurements, role)
    level, level_left = chance.get(role.score, (None, None))
    threshold, threshold_left = (max(role.threshold, TIMES * (value or 0.0)) for value in (level, level_left))
    shape = measurements[score if measured else f"*.{role.probe}"].shape
    plain = _weighed(measurements, role.score, threshold) if measured else weigh(np.full(shape, np.nan), None, threshold)
    left = _weighed(measurements, role.score + LEFT, threshold_left) if f"{score}{LEFT}" in measurements else plain
    return RoleEvidence(
        role=role,
        threshold=threshold,
        chance=level,
        all_keys=plain,
        without_sink=left,
        probed=_probed(measurements, role, "", shape),
        probed_without_sink=_probed(measurements, role, LEFT, shape),
    )


def _left_alone(measurements: Measurements, role: Role) -> RoleEvidence | str:
    """Rare tokens: the first token is often one, so that only the score without it is about the others."""
    if f"*.{role.score}{LEFT}" not in measurements:
        return "its score without the first token was not measured, and the first token may be one of the rare ones"
    return alike(role, role.threshold, _weighed(measurements, role.score + LEFT, role.threshold))


def _weighed(measurements: Measurements, score: str, threshold: float) -> Evidence:
    """A stored score with resamples of its values by sentence where these are stored."""
    values, by_sentence = measurements[f"*.{score}"], f"*.{score}_by_sentence"
    known = by_sentence in measurements
    resamples = resampled_means(measurements[by_sentence], queries_counted(measurements, score).astype(np.float32)) if known else None
    return weigh(values.astype(np.float64), resamples, threshold)


def _probed(measurements: Measurements, role: Role, suffix: str, shape: tuple[int, ...]) -> Bool[np.ndarray, "layer head"]:
    """Heads that pass on the probe: nothing is resampled there."""
    names = [f"*.{role.probe}{suffix}", f"*.{role.probe}"]
    found = next((measurements[name] for name in names if role.probe and name in measurements), None)
    return np.zeros(shape, bool) if found is None or role.probe_threshold is None else found > role.probe_threshold


def offset_evidence(measurements: Measurements, role: Role) -> RoleEvidence | None:
    """What the weight on one offset says; None where that offset is not measured."""
    if "*.fixed_offset" not in measurements or role.offset not in measurements["*.fixed_offsets"]:
        return None
    at = measurements["*.fixed_offsets"].tolist().index(role.offset)
    level = offset_chance(measurements, role.offset)
    threshold = max(role.threshold, TIMES * level)
    plain, left = (_weighed_offset(measurements, f"fixed_offset{suffix}", at, threshold) for suffix in ("", LEFT))
    none = np.zeros(plain.values.shape, bool)
    return RoleEvidence(role=role, threshold=threshold, chance=level, all_keys=plain, without_sink=left, probed=none, probed_without_sink=none)


def _weighed_offset(measurements: Measurements, score: str, at: int, threshold: float) -> Evidence:
    """The weight at one place of the offsets, resampled where it passes somewhere and values by sentence are stored."""
    values, by_sentence = measurements[f"*.{score}"][..., at].astype(np.float64), f"*.{score}_by_sentence"
    if not (values > threshold).any() or by_sentence not in measurements:
        return weigh(values, None, threshold)
    counts = queries_counted(measurements, score, offset=int(measurements["*.fixed_offsets"][at]))
    return weigh(values, resampled_means(measurements[by_sentence][:, :, at], counts.astype(np.float32)), threshold)


def greatest_offset(measurements: Measurements, suffix: str = "") -> Float[np.ndarray, "layer head"] | None:
    """Each head's greatest weight on one offset other than one token before or after; None where none is measured."""
    if f"*.fixed_offset{suffix}" not in measurements:
        return None
    others = np.abs(measurements["*.fixed_offsets"]) > 1
    return measurements[f"*.fixed_offset{suffix}"][..., others].max(-1) if others.any() else None

"""Heads that follow the language: from later mentions to earlier ones, from words to their syntactic heads."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

from reportgen.analyses.roles.definitions import Role
from reportgen.analyses.roles.evidence import Evidence, weigh
from reportgen.analyses.roles.resampling import resampled_ratios
from reportgen.analyses.roles.text_scores import RoleEvidence, alike
from reportgen.contract.rows import LEFT
from reportgen.measurements import Measurements

LEAST_SHARE = 0.05  # of the attention of later mentions: a multiple of next to nothing is nothing
FEWEST_WORDS = 20


def coreference_evidence(measurements: Measurements, role: Role) -> RoleEvidence | str:
    """Attention from later mentions on earlier ones over the same on tokens of the same kind as far away; or why there is none."""
    if "*.coreference" not in measurements:
        return "mentions were not measured, or the document has none that are repeated"
    none = np.zeros(measurements["*.coreference"].shape, bool)
    plain, left = (_coreference(measurements, role, suffix) for suffix in ("", LEFT))
    return RoleEvidence(role=role, threshold=role.threshold, chance=1.0, all_keys=plain, without_sink=left, probed=none, probed_without_sink=none)


def _coreference(measurements: Measurements, role: Role, suffix: str) -> Evidence:
    found, expected = (measurements[f"*.{name}{suffix}"].astype(np.float64) for name in ("coreference", "coreference_expected"))
    lift = np.divide(found, expected, out=np.full(found.shape, np.nan), where=expected > 0)
    evidence = weigh(lift, _resampled_mentions(measurements, suffix), role.threshold, found > LEAST_SHARE)
    only_plain = not evidence.resampled and "*.coreference_by_sentence" in measurements  # a file from before both were stored
    return replace(evidence, resampled=True, not_stored=True) if only_plain else evidence


def _resampled_mentions(measurements: Measurements, suffix: str) -> Float[np.ndarray, "resample layer head"] | None:
    """Ratios of both sums over the queries of each sentence. The sink takes another share of each query, so that without it the sums are others."""
    if f"*.coreference{suffix}_by_sentence" not in measurements:
        return None
    queries = measurements[f"*.coreference{suffix}_queries"]
    queries = queries if suffix else queries[:, None]  # without the sink nothing may be left of a row in some heads
    over, under = (
        np.nan_to_num(measurements[f"*.{name}{suffix}_by_sentence"].astype(np.float32)) * queries for name in ("coreference", "coreference_expected")
    )
    return resampled_ratios(over, under)


@dataclass(frozen=True, kw_only=True, eq=False)
class Syntax:
    """How far each head's best relation is above the best fixed offset, which relation that is, and the probability that it is 10 points above."""

    margin: Float[np.ndarray, "layer head"]
    relation: Int[np.ndarray, "layer head"]
    sure: Float[np.ndarray, "layer head"]


def syntax_evidence(measurements: Measurements, role: Role) -> tuple[RoleEvidence, Syntax] | str:
    """The best relation of every head with 20 words or more; or why there is none."""
    if "*.syntax_accuracy" not in measurements:
        return "no parser was asked for (--syntax)"
    words = measurements["*.syntax_pairs"]
    if words.max(initial=0) < FEWEST_WORDS:
        return f"no dependency relation has {FEWEST_WORDS} words in this document"
    best = _best(measurements["*.syntax_accuracy"].astype(np.float64), measurements["*.syntax_baseline"].astype(np.float64), words, role.threshold)
    evidence = weigh(best.margin, None, role.threshold)
    known = Evidence(values=best.margin, low=evidence.low, high=evidence.high, confidence=best.sure, passes=evidence.passes)
    return alike(role, role.threshold, known), best


def _best(
    accuracy: Float[np.ndarray, "layer head relation"], baseline: Float[np.ndarray, " relation"], words: Int[np.ndarray, " relation"], threshold: float
) -> Syntax:
    """The relation that is surest above the threshold, by the posterior of a share (Jeffreys) whose baseline is taken as known."""
    right = accuracy * words
    sure = stats.beta.sf(np.minimum(baseline + threshold, 1), right + 0.5, words - right + 0.5)
    sure = np.where((words >= FEWEST_WORDS) & ~np.isnan(accuracy), sure, -1)
    relation = sure.argmax(-1)
    at = relation[..., None]
    margin = np.take_along_axis(accuracy - baseline, at, -1)[..., 0]
    return Syntax(margin=margin, relation=relation, sure=np.take_along_axis(sure, at, -1)[..., 0])
